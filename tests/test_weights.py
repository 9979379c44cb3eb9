"""Files of weights load as the function they hold, or are refused with the word for what is wrong; never as another."""

import os
import struct
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import analogsim as asim
from analogsim import weight_files

RNG = np.random.default_rng(0)


def matrix(n_out, n_in):
    return RNG.standard_normal((n_out, n_in))


def save(path, arrays):
    """The arrays in the format that the suffix says."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file({k: np.array(a, order="C") for k, a in arrays.items()}, path)
    else:
        torch = pytest.importorskip("torch")
        torch.save({key: torch.tensor(a) for key, a in arrays.items()}, path)
    return path


def refusal(path, **options):
    """The one line with which a file is refused."""
    with pytest.raises(asim.InputError) as caught:
        asim.load_network(path, **options)
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1500
    return text


def chained(layers, x):
    """Reference: s ← max(W s + b, 0), without the last maximum."""
    for k, (w, b) in enumerate(layers):
        x = x @ w.T + (0 if b is None else b)
        x = np.maximum(x, 0) if k < len(layers) - 1 else x
    return x


FORMATS = pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])

ORDERS = {
    "ours": ["W1", "W2", "W3"],
    "from zero": ["w_0", "w_1", "w_2"],
    "sequential": ["0.weight", "2.weight", "4.weight"],
    "ten": ["9.weight", "10.weight", "11.weight"],
    "stacks": ["features.0.weight", "features.2.weight", "classifier.0.weight"],
    "other stacks": ["fc1.weight", "fc2.weight", "head.0.weight"],
    "one word more": ["linear1.weight", "linear2.weight", "linear3.weight"],
    "words": ["hidden.weight", "middle.weight", "output.weight"],
    "modules": ["layers.0.linear.weight", "layers.1.linear.weight", "layers.2.linear.weight"],
    "data parallel": ["module.fc1.weight", "module.fc2.weight", "module.head.weight"],
    "compiled": ["_orig_mod.fc1.weight", "_orig_mod.fc2.weight", "_orig_mod.head.weight"],
    "both": ["module._orig_mod.fc1.weight", "module._orig_mod.fc2.weight", "module._orig_mod.head.weight"],
    "lists of parameters": ["weights.0", "weights.1", "weights.2"],
}


@FORMATS
@pytest.mark.parametrize("names", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("biased", [True, False])
def test_common_names_load_in_the_order_of_the_model(names, biased, suffix, tmp_path):
    sizes = (7, 5, 4, 3)
    layers = [(matrix(n, m), RNG.standard_normal(n) if biased else None) for m, n in pairwise(sizes)]
    arrays = {}
    for name, (w, b) in zip(names, layers, strict=True):
        bias = name.replace("weight", "bias").replace("biass", "biases").replace("W", "b").replace("w_", "b_")
        arrays |= {name: w} if b is None else {name: w, bias: b}
    net = asim.load_network(save(tmp_path / f"net{suffix}", arrays))
    x = RNG.standard_normal((4, 7))
    np.testing.assert_allclose(net.forward(x)[-1], chained(layers, x), rtol=1e-12)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_the_order_of_the_file_decides_between_chains(suffix, tmp_path):
    """Encoder and decoder, and layers of one size: shapes alone would allow other orders."""
    names = ["input", "recogniser", "mixer", "answer"]
    layers = [(matrix(5, 5), None) for _ in names]
    path = save(tmp_path / f"net{suffix}", {f"{n}.weight": w for n, (w, _) in zip(names, layers, strict=True)})
    x = RNG.standard_normal((4, 5))
    np.testing.assert_allclose(asim.load_network(path).forward(x)[-1], chained(layers, x), rtol=1e-12)
    names = ["encoder.0", "encoder.2", "decoder.0", "decoder.2"]
    layers = [(matrix(n, m), None) for m, n in ((6, 4), (4, 2), (2, 4), (4, 6))]
    arrays = {f"{n}.weight": w for n, (w, _) in zip(names, layers, strict=True)}
    x = RNG.standard_normal((4, 6))
    net = asim.load_network(save(tmp_path / f"auto{suffix}", arrays))
    np.testing.assert_allclose(net.forward(x)[-1], chained(layers, x), rtol=1e-12)
    # Safetensors sorts names, so that decoder → encoder is as likely.
    path = save(tmp_path / "auto.safetensors", arrays)
    assert "chain in more than one order" in refusal(path)
    net = asim.load_network(path, layers=names)
    np.testing.assert_allclose(net.forward(x)[-1], chained(layers, x), rtol=1e-12)


def test_words_that_sort_backwards(tmp_path):
    """Safetensors sorts by name: without a bias, a chain against that order may be one of transposed matrices."""
    names, layers = ["z_in", "y_mid", "x_out"], [(matrix(n, m), None) for m, n in pairwise((7, 5, 4, 3))]
    arrays = {f"{name}.weight": w for name, (w, _) in zip(names, layers, strict=True)}
    x = RNG.standard_normal((4, 7))
    path = save(tmp_path / "net.safetensors", arrays)
    said = refusal(path)
    assert "chain only backwards" in said
    assert "transpose them?" in said
    np.testing.assert_allclose(asim.load_network(path, layers=names).forward(x)[-1], chained(layers, x), rtol=1e-12)
    path = save(tmp_path / "net.safetensors", {**arrays, "x_out.bias": np.ones(3)})
    layers[-1] = (layers[-1][0], np.ones(3))
    np.testing.assert_allclose(asim.load_network(path).forward(x)[-1], chained(layers, x), rtol=1e-12)


def conv(*shape):
    return RNG.standard_normal(shape)


ones = np.ones
A, B, C = matrix(5, 7), matrix(3, 5), matrix(5, 5)
REFUSED = {
    "moving average": ({"model.0.weight": A, "model.2.weight": B, "ema_model.0.weight": A, "ema_model.2.weight": B},
        ["model.0", "copies", "--layers "]),
    "moving average of a square": ({"model.0.weight": C, "model.2.weight": C, "ema.0.weight": C, "ema.2.weight": C},
        ["model.0", "copies", "--layers "]),
    "optimiser": ({"0.weight": A, "optimizer.0.weight": A}, ["optimizer.0", "copies", "--layers 0."]),
    "optimiser of a square": ({"0.weight": C, "optimizer.0.weight": C}, ["optimizer.0", "copies"]),
    "moments": ({"0.weight": A, "0.exp_avg": A}, ["0.exp_avg (an array of (5, 7))", "--layers 0."]),
    "a gap": ({"W1": A, "W3": B}, ["W1, W3", "number 2", "--layers W1,W3"]),
    "no first": ({"W2": A, "W3": B}, ["number 1"]),
    "bias of nothing": ({"W1": A, "b1": ones(5), "b9": ones(3)}, ["b9 (belongs to no weight)"]),
    "half a pair": ({"0.weight_g": np.ones((5, 1)), "2.weight": B}, ["0.weight_g (belongs to no weight)"]),
    "weight and pair": ({"0.weight_g": np.ones((5, 1)), "0.weight": A}, ["0.weight_g", "0.weight", "two names"]),
    "pair of other rows": ({"0.weight_g": np.ones((4, 1)), "0.weight_v": A}, ["0.weight_g", "(5, 1)"]),
    "row of zeros": ({"0.weight_g": np.ones((5, 1)), "0.weight_v": np.zeros((5, 7))}, ["0.weight_v", "row of zeros"]),
    "two names": ({"W1": A, "1.weight": A}, ["W1", "1.weight", "two names"]),
    "two cases": ({"W1": A, "w1": A}, ["W1 and w1", "two names"]),
    "two biases": ({"W1": A, "b1": ones(5), "bias_1": ones(5)}, ["b1 and bias_1", "two names"]),
    "no chain": ({"fc1.weight": A, "fc2.weight": matrix(3, 4)}, ["fc1 7→5, fc2 4→3 do not chain"]),
    "numbers against shapes": ({"fc2.weight": A, "fc1.weight": B}, ["do not chain", "transpose them?"]),
    "convolution": ({"conv1.weight": conv(4, 1, 3, 3), "conv1.bias": ones(4), "fc.weight": A},
        ["conv1 (convolution, (4, 1, 3, 3))", "--layers fc."]),
    "batch norm": ({"fc.weight": A, "bn.weight": ones(5), "bn.bias": ones(5), "bn.running_mean": ones(5),
         "bn.running_var": ones(5), "bn.num_batches_tracked": np.array(3)},
        ["holds bn (batch norm: fold it", "--layers fc."]),
    "layer norm": ({"fc.weight": A, "norm.weight": ones(5), "norm.bias": ones(5)}, ["norm.weight (no matrix but (5,)"]),
    "recurrent": ({"lstm.weight_ih_l0": matrix(20, 7), "lstm.weight_hh_l0": matrix(20, 5),
         "lstm.bias_ih_l0": ones(20), "lstm.bias_hh_l0": ones(20), "fc.weight": B},
        ["holds lstm (recurrent layer);"]),
    "recurrent cell": ({"cell.weight_ih": C, "cell.weight_hh": C, "fc.weight": B}, ["holds cell (recurrent layer);"]),
    "attention": ({"mix.in_proj_weight": matrix(15, 5), "mix.in_proj_bias": ones(15), "mix.out_proj.weight": C},
        ["mix.in_proj (attention)"]),
    "embedding": ({"embedding.weight": matrix(30, 7), "fc.weight": A}, ["embedding (embedding)", "--layers fc."]),
    "adapter": ({"0.weight": A, "0.lora_A.weight": matrix(2, 7), "0.lora_B.weight": matrix(5, 2)},
        ["low-rank adapter"]),
    "pruned": ({"0.weight_orig": A, "0.weight_mask": A}, ["0 (pruned"]),
    "spectral norm": ({"0.parametrizations.weight.original": A, "0.parametrizations.weight.0._u": ones(5)},
        ["spectrally normalised"]),
    "keras": ({"dense/kernel": A.T, "dense/bias": ones(5)}, ["dense/kernel", "transpose them"]),
    "transposed": ({"W1": A.T, "W2": B.T}, ["transpose them?"]),
    "transposed words": ({"hidden.weight": A.T, "output.weight": B.T}, ["transpose them?"]),
    "transposed, one layer": ({"W1": A.T, "b1": ones(5)}, ["b1 has shape (5,)", "transpose them?"]),
    "transposed, and a bias too many": ({"W1": A.T, "W2": B.T, "b9": ones(3)}, ["b9", "transpose them?"]),
    "transposed, and NaN": ({"W1": A.T * np.nan, "b1": ones(5)}, ["NaN", "transpose them?"]),
    "transposed, and batch norm": ({"0.weight": A.T, "0.bias": ones(5), "1.running_mean": ones(5)},
        ["1 (batch norm", "transpose them?"]),
    "a bias of another size": ({"W1": A, "b1": ones(4)}, ["b1 has shape (4,); W1 of (5, 7) needs (5,)"]),
    "NaN": ({"fc1.weight": A, "fc1.bias": np.full(5, np.nan)}, ["fc1.bias holds NaN or Inf"]),
    "integers": ({"W1": np.eye(5, dtype=int)}, ["W1 holds int64"]),
    "empty": ({"W1": np.ones((0, 3))}, ["W1 has shape (0, 3)", "no empty one"]),
    "what is no weight": ({"W1": A, "mean": ones(7)}, ["mean (an array of (7,))"]),
    "escape sequences": ({"W1": A, "\x1b[2J\n": ones(7)}, [r"\x1b[2J\n"]),
    "nothing of ours": ({"arr_0": A}, ["arr_0", "Expected W1, b1"]),
    "nothing": ({}, ["no arrays", "Expected W1, b1"]),
}  # fmt: skip


@FORMATS
@pytest.mark.parametrize(("arrays", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_chain_of_dense_layers_is_named(arrays, words, suffix, tmp_path):
    said = refusal(save(tmp_path / f"net{suffix}", arrays))
    assert all(word in said for word in words), said
    if suffix == ".npz" and len(words) == 1:
        assert ("transpose" in said) == ("transpose" in words[0])


def test_complex_and_words_are_named(tmp_path):
    assert "W1 is complex" in refusal(save(tmp_path / "c.npz", {"W1": A + 1j}))
    assert "W1 has shape ()" in refusal(save(tmp_path / "s.npz", {"W1": np.array(1.0)}))
    assert "note (an array of ())" in refusal(save(tmp_path / "n.npz", {"W1": A, "note": np.array("x")}))
    assert "activation (an array of (2,))" in refusal(save(tmp_path / "a.npz", {"W1": A, "activation": np.ones(2)}))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_layers_are_chosen_by_name(suffix, tmp_path):
    arrays = {
        "module.fc1.weight": A,
        "module.head.weight": B,
        "module.fc1.bias": np.ones(5),
        "bn.running_mean": np.ones(5),
    }
    path = save(tmp_path / f"net{suffix}", arrays)
    x = RNG.standard_normal((4, 7))
    for layers in (("fc1", "head"), "fc1,head", ["module.fc1", "module.head.weight"]):
        got = asim.load_network(path, layers=layers).forward(x)[-1]
        np.testing.assert_allclose(got, chained([(A, np.ones(5)), (B, None)], x), rtol=1e-12)
    assert "did you mean 'module.head'" in refusal(path, layers="module.fc1,module.hed")
    assert "head 5→3 and module.fc1 7→5 do not chain" in refusal(path, layers="head,fc1")
    assert "no layers are named" in refusal(path, layers=())
    twice = save(tmp_path / f"twice{suffix}", {"model.fc1.weight": A, "ema.fc1.weight": 2 * A})
    assert "model.fc1.weight, ema.fc1.weight" in refusal(twice, layers="fc1") or suffix == ".safetensors"
    np.testing.assert_array_equal(asim.load_network(twice, layers="ema.fc1").weights[0], 2 * A)


NAMES = {
    "numbers": lambda k: (f"W{k + 1}", f"b{k + 1}"),
    "sequential": lambda k: (f"net.{2 * k}.weight", f"net.{2 * k}.bias"),
    "modules": lambda k: (f"module.layers.{k}.linear.weight", f"module.layers.{k}.linear.bias"),
    "two stacks": lambda k: tuple(f"{('features', 'head')[k > 1]}.{k - 2 * (k > 1)}.{r}" for r in ("weight", "bias")),
    "words": lambda k: tuple(f"{'hzaqm'[k]}.{role}" for role in ("weight", "bias")),
}


@given(
    sizes=st.lists(st.integers(1, 4), min_size=2, max_size=6),
    scheme=st.sampled_from(sorted(NAMES)),
    suffix=st.sampled_from([".npz", ".safetensors"]),
    biased=st.lists(st.booleans(), min_size=5, max_size=5),
    random=st.randoms(use_true_random=False),
    flaw=st.sampled_from([None, None, "transpose", "copy", "lose", "stray"]),
)
@settings(max_examples=200, deadline=None)
def test_a_permuted_file_is_the_same_function_or_refused(sizes, scheme, suffix, biased, random, flaw, tmp_path_factory):
    """Words without numbers keep the order of their layers in the file, which is all that tells it."""
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    rng = np.random.default_rng(random.randrange(2**32))
    layers, arrays, series = [], {}, scheme not in ("words", "two stacks")
    for k, (m, n) in enumerate(pairwise(sizes)):
        w, b = rng.standard_normal((n, m)), rng.standard_normal(n) if biased[k] else None
        layers.append((w, b))
        names = NAMES[scheme](k)
        arrays |= {names[0]: w} | ({} if b is None else {names[1]: b})
    weights = [key for key, a in arrays.items() if a.ndim == 2]
    lost = random.randrange(len(layers)) if flaw == "lose" else None
    if flaw == "transpose":
        layers = [(w.T.copy(), b) for w, b in layers]
        arrays |= {key: w for key, (w, _) in zip(weights, layers, strict=True)}
    elif flaw == "copy":
        arrays |= {f"ema.{key}": rng.standard_normal(a.shape) for key, a in arrays.items()}
    elif flaw == "lose":
        del arrays[weights[lost]], layers[lost]
    elif flaw == "stray":
        arrays["stray"] = rng.standard_normal(3)
    keys = list(arrays)
    random.shuffle(keys)
    if not series:
        kept = iter([key for key in arrays if arrays[key].ndim == 2])
        keys = [next(kept) if arrays[key].ndim == 2 else key for key in keys]
    path = save(tmp_path_factory.mktemp("w") / f"net{suffix}", {key: arrays[key] for key in keys})
    try:
        net = asim.load_network(path)
    except asim.InputError:
        assert flaw is not None or not series  # names in one series of numbers leave no doubt
        return
    assert flaw not in ("copy", "stray")
    if flaw == "lose":
        # Nothing tells of a last layer that is not there, or of one between layers that fit without it.
        assert not biased[lost]
        assert scheme != "numbers" or lost == len(layers)
    if not series and any(a.shape[0] != b.shape[1] for (a, _), (b, _) in pairwise(layers)):
        # Without numbers, what is left may fit in another order; transposed, the other way round.
        assert flaw == "lose" or (flaw == "transpose" and suffix == ".safetensors" and scheme == "words")
        if flaw == "lose":
            return
        layers = layers[::-1]
    x = rng.standard_normal((3, net.sizes[0]))
    np.testing.assert_allclose(net.forward(x)[-1], chained(layers, x), rtol=1e-10)


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("new", [True, False])
def test_weight_normalisation_is_multiplied_out(dim, new, tmp_path):
    torch = pytest.importorskip("torch")
    wrap = torch.nn.utils.parametrizations.weight_norm if new else torch.nn.utils.weight_norm
    model = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 1)).double()
    for k in (0, 2):
        wrap(model[k], dim=dim)
    state = model.state_dict()
    for value in state.values():
        value.copy_(torch.randn(value.shape))
    torch.save(state, tmp_path / "net.pt")
    x = torch.randn(4, 7, dtype=torch.float64)
    got = asim.load_network(tmp_path / "net.pt").forward(x.numpy())[-1]
    np.testing.assert_allclose(got, model(x).detach().numpy(), rtol=1e-12)


def test_checkpoints_of_pytorch(tmp_path):
    """The model beside its optimiser, its scores and callbacks; a second model asks which."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(7, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    x = torch.randn(4, 7)
    adam = torch.optim.Adam(model.parameters())
    model(x).sum().backward()
    adam.step()
    want = model(x).detach().numpy()
    extra = {
        "epoch": torch.tensor(3),
        "optimizer_states": [adam.state_dict()],
        "optimizer": adam.state_dict(),
        "callbacks": {"best": {"score": torch.tensor(0.9)}},
        "losses": [0.3, 0.2],
    }
    for name in ("state_dict", "model_state_dict", "model"):
        for suffix in (".pt", ".pth", ".ckpt"):
            torch.save({**extra, name: model.state_dict()}, tmp_path / f"net{suffix}")
            got = asim.load_network(tmp_path / f"net{suffix}").forward(x.numpy())[-1]
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    torch.save({"model": model.state_dict(), "ema": model.state_dict()}, tmp_path / "two.pt")
    assert "--layers model.0,model.2" in refusal(tmp_path / "two.pt")
    got = asim.load_network(tmp_path / "two.pt", layers="ema.0,ema.2").forward(x.numpy())[-1]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    torch.save({"state_dict": model.state_dict(), "class_weights": torch.ones(3)}, tmp_path / "more.pt")
    assert "class_weights (no matrix but (3,), as of a normalisation)" in refusal(tmp_path / "more.pt")


def test_files_of_pytorch_that_are_no_state_dict(tmp_path):
    torch = pytest.importorskip("torch")
    loop = {}
    loop["again"] = loop
    bad = {
        "tensor": (torch.ones(3), "holds a Tensor, no state dict"),
        "loop": (loop, "within itself"),
        "huge": ({"0.weight": torch.zeros(1).expand(10**6, 10**6)}, "the limit is 8 GiB"),
        "sparse": ({"0.weight": torch.eye(3).to_sparse()}, "no plain tensor"),
        "float8": ({"0.weight": torch.eye(3).to(torch.float8_e4m3fn)}, "float8_e4m3fn"),
        "twice": ({"a.0.weight": torch.eye(3), "a": {"0.weight": torch.eye(3)}}, "two tensors are named"),
        "complex": ({"0.weight": torch.eye(3) + 1j}, "complex"),
    }
    for name, (content, word) in bad.items():
        torch.save(content, tmp_path / f"{name}.pt")
        assert word in refusal(tmp_path / f"{name}.pt")


def raw_safetensors(kind, shape, data):
    import json

    header = json.dumps({"0.weight": {"dtype": kind, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


def test_half_precision_is_read_to_the_bit(tmp_path):
    pytest.importorskip("safetensors")
    path = tmp_path / "net.safetensors"
    # bfloat16 is the upper half of float32: 1 = 0x3f80, −2.5 = 0xc020, 3.140625 = 0x4049, 2⁻¹²⁶ = 0x0080.
    path.write_bytes(raw_safetensors("BF16", [2, 2], struct.pack("<4H", 0x3F80, 0xC020, 0x4049, 0x0080)))
    w = asim.load_network(path).weights[0]
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w, [[1, -2.5], [3.140625, 2.0**-126]])
    path.write_bytes(raw_safetensors("F16", [1, 3], np.array([0.1, -2.5, 65504], "<f2").tobytes()))
    w = asim.load_network(path).weights[0]
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w, [[np.float16(0.1), -2.5, 65504]])
    path.write_bytes(raw_safetensors("F8_E4M3", [1, 3], b"abc"))
    assert "holds F8_E4M3" in refusal(path)
    np.savez(tmp_path / "net.npz", W1=np.array([[0.1, 2]], np.float16), W2=np.array([[1.5]], ">f8"))
    first, second = asim.load_network(tmp_path / "net.npz").weights
    assert first.dtype == second.dtype == np.dtype("=f8")  # one type for all layers, in this machine's byte order
    np.testing.assert_array_equal(first, [[np.float16(0.1), 2]])


def test_halves_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {"0.weight": torch.tensor([[1.0, -2.5]]).bfloat16(), "0.bias": torch.tensor([0.5]).half()}
    torch.save(tensors, tmp_path / "net.pt")
    pytest.importorskip("safetensors.torch").save_file(tensors, tmp_path / "net.safetensors")
    for name in ("net.pt", "net.safetensors"):
        net = asim.load_network(tmp_path / name)
        np.testing.assert_array_equal(net.weights[0], np.array([[1, -2.5]], np.float32))
        np.testing.assert_array_equal(net.biases[0], np.array([0.5], np.float32))


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".pt"])
def test_what_is_no_file_is_named(suffix, tmp_path):
    path = tmp_path / f"net{suffix}"
    assert "no such file" in refusal(path)
    path.mkdir()
    assert "is a folder" in refusal(path)
    path.rmdir()
    os.mkfifo(path)
    assert "is no regular file" in refusal(path)  # and does not wait for a writer
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is no regular file" in refusal(path)
    assert "cannot be read" in refusal(tmp_path / ("n" * 300 + suffix))


def test_files_too_large_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_files, "LIMIT", 100)
    assert "the limit is" in refusal(save(tmp_path / "net.npz", {"W1": A}))


def test_damaged_safetensors_are_named(tmp_path):
    """Bit flips and truncations: a network, or one line."""
    rng, path = np.random.default_rng(1), tmp_path / "net.safetensors"
    whole = save(path, {"0.weight": A, "0.bias": np.ones(5), "2.weight": B}).read_bytes()
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(0, 300, 2):
            damaged[at] ^= 1 << rng.integers(8)
        path.write_bytes(damaged[: rng.integers(1, len(damaged) + 1)] if rng.random() < 0.3 else damaged)
        try:
            asim.load_network(path)
        except asim.InputError:
            refused += 1
    assert refused > 100
