"""Inference: the ideal chip is the digital network, noise shows layer by layer, and foreign files are read safely."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import analogsim as asim
from analogsim.cli.infer import command
from analogsim.errors import InputError
from analogsim.experiments import infer
from analogsim.experiments.data import load_data
from analogsim.learning.reference import rules, training

SAMPLES = 100


@pytest.fixture(scope="module")
def network():
    data = load_data("digits")
    net = asim.Network.random((64, 16, 12, 10), seed=0)
    return training.train(net, data.train_x, data.train_y, rules.rule("bp"), epochs=5, batch_size=50).network


@pytest.fixture(scope="module")
def weights(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "net.npz"
    network.save(path)
    return path


def test_the_ideal_chip_is_the_digital_network(weights, network):
    found = infer(weights=weights, circuit="ideal", draws=2, samples=SAMPLES)
    data = load_data("digits")
    assert float(found["digital_accuracy"]) == 100 * network.accuracy(data.test_x[:SAMPLES], data.test_labels[:SAMPLES])
    np.testing.assert_array_equal(found["accuracy"], [float(found["digital_accuracy"])] * 2)
    assert float(found["layer_error"].max()) < 1e-4
    assert (found["agreement"] == 100).all()


def test_errors_grow_with_noise_and_differ_from_draw_to_draw(weights):
    options = {"circuit": "crossbar", "device": "ideal", "draws": 3, "samples": SAMPLES}
    small, large = (infer(weights=weights, noise=(noise,), **options)["layer_error"] for noise in ("0.02", "0.2"))
    ratio = (large.mean("draw") / small.mean("draw")).values
    # Read noise is relative and the first layer linear in it: ten times the noise is ten times the error.
    assert ratio[0] == pytest.approx(10, rel=0.15)
    assert len(set(large.sel(layer=1).values.tolist())) == 3
    assert (large.mean("draw").diff("layer") > 0).all()


def test_first_layer_error_is_that_of_independent_reads(weights, network):
    noise = 0.1
    found = infer(weights=weights, circuit="crossbar", device="ideal", noise=(str(noise),), draws=4, samples=SAMPLES)
    x, w = load_data("digits").test_x[:SAMPLES], network.weights[0]
    a = x @ w.T + network.biases[0]
    # Each weight is off by σ|w| at each read: the error of an output is σ (Σ w² x²)^½, common to the compartments.
    predicted = noise * np.sqrt((x**2 @ (w**2).T).sum() / (a**2).sum())
    tau_and_gain_do_not_matter = found["layer_error"].sel(layer=1).mean()
    assert float(tau_and_gain_do_not_matter) == pytest.approx(predicted, rel=0.1)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_files_of_pytorch_hold_the_same_network(weights, network, tmp_path, suffix):
    torch = pytest.importorskip("torch")
    path = tmp_path / f"net{suffix}"
    tensors = {}
    for k, (w, b) in enumerate(zip(network.weights, network.biases, strict=True)):
        tensors |= {f"layers.{2 * k}.weight": torch.tensor(w), f"layers.{2 * k}.bias": torch.tensor(b)}
    if suffix == ".pt":
        torch.save(tensors, path)
    else:
        pytest.importorskip("safetensors.torch").save_file(tensors, path)
    for ours, theirs in zip(network.weights, asim.load_network(path).weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Trap:
    """Runs something when it is unpickled, unless unpickling is refused."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('run')",))


def test_nothing_in_a_file_is_run(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"0.weight": Trap()}, tmp_path / "bad.pt")
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04 and no more")
    for name in ("bad.pt", "cut.pt"):
        with pytest.raises(InputError, match="not a PyTorch state dict"):
            asim.load_network(tmp_path / name)


def test_a_network_that_does_not_fit_is_refused(tmp_path, weights):
    asim.Network.random((5, 4, 3), seed=0).save(tmp_path / "small.npz")
    with pytest.raises(InputError, match="from 5 inputs to 3 outputs; digits needs 64 and 10"):
        infer(weights=tmp_path / "small.npz", circuit="ideal")
    with pytest.raises(InputError, match="draws ≥ 1"):
        infer(weights=weights, circuit="ideal", draws=0)


def test_layers_are_chosen_on_the_command_line(tmp_path):
    """The chip reads the layers that were named; a file with two first layers asks which."""
    rng, path, backwards = np.random.default_rng(0), tmp_path / "net.npz", tmp_path / "backwards.npz"
    first, other, last = (rng.standard_normal(shape) for shape in ((6, 64), (6, 64), (10, 6)))
    np.savez(path, **{"fc1.weight": first, "head.weight": last, "ema.fc1.weight": other})
    np.savez(backwards, W1=rng.standard_normal((64, 10)))
    arguments = ["ideal", "--samples", "20", "--draws", "1", "--json", "--weights"]
    with pytest.raises(InputError, match=r"copies of one layer.* --layers fc1,head\."):
        CliRunner().invoke(command, [*arguments, str(path)], catch_exceptions=False)
    for w, layers in ((first, "fc1,head"), (other, "ema.fc1,head")):
        done = CliRunner().invoke(command, [*arguments, str(path), "--layers", layers], catch_exceptions=False)
        data = load_data("digits")
        net = asim.Network((w, last), (np.zeros(6), np.zeros(10)))
        found = json.loads(done.output)
        assert found["digital_accuracy"] == 100 * net.accuracy(data.test_x[:20], data.test_labels[:20])
        assert any(f"net.npz ({layers})" in line for line in found["stamp"]["words"])
    with pytest.raises(InputError, match=r"from 10 inputs to 64 outputs.* transpose them\?"):
        CliRunner().invoke(command, [*arguments, str(backwards)], catch_exceptions=False)
