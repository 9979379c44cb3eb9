"""Weights trained elsewhere: which arrays of a file are the layers of a network, and in what order.

Names say what belongs together and shapes what follows what. Each array of a file is used, or named in an error.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import numpy as np

from analogsim.errors import InputError, unknown
from analogsim.files import expand
from analogsim.network import TRANSPOSED, Network
from analogsim.weight_files import natural, read

Arrays = dict[str, np.ndarray]

FUNCTIONS = ("activation", "loss", "output_activation")
# Of the search for chains; what takes more has many, and no network has so many names.
STEPS, NAMES = 10_000, 50

_ROLE = {"w": "weight", "b": "bias", "g": "g", "v": "v"}
# fc1.weight, layers.0.linear.bias, 0.weight_g: the layer, then the role.
_NAMED = re.compile(
    r"(?:(?P<layer>.*)[._/])?(?:(?P<role>w|weights?|b|bias|biases)"
    r"|weight_(?P<pair>[gv])|parametrizations\.weight\.original(?P<part>[01]))",
    re.IGNORECASE | re.DOTALL,
)
# W1, bias_2, net.weights.0: the role, then the number of the layer.
_NUMBERED = re.compile(
    r"(?:(?P<layer>.*)[._/])?(?P<role>w|weights?|b|bias|biases)[._]?(?P<number>[0-9]+)", re.IGNORECASE | re.DOTALL
)
_KINDS = {
    "batch norm: fold it into the layer before": r"running_(mean|var)$|num_batches_tracked$",
    "recurrent layer": r"(weight|bias)_(ih|hh|hr)(_|$)",
    "attention": r"in_proj|(^|[._/])[qkv]_proj|bias_[kv]$|attn|attention",
    "low-rank adapter: merge it into its layer": r"lora_",
    "pruned or spectrally normalised: remove the reparametrisation before saving": r"weight_(orig|mask|u|sigma)$"
    r"|parametrizations\.(?!weight\.original[01]$)",
    "quantised: save floating-point weights": r"_packed_params|qweight|qzeros|zero_point$|weight_scale$",
    "(n_in, n_out), as Keras and Flax have it: transpose them, and save them as W1, b1, W2, ...": r"kernel(_?\d+)?$",
}
_EMBEDDING = r"emb(ed)?(ding)?s?[._/]weights?$|(^|[._/])w[tp]e[._/]weight$"


@dataclass(frozen=True)
class Layer:
    """A dense layer of a file: its weight is (n_out, n_in), or a pair g, v with w = g v/‖v‖."""

    id: str
    """What the names of its arrays share: ``fc1`` of ``fc1.weight`` and ``fc1.bias``, ``1`` of ``W1`` and ``b1``."""
    keys: dict[str, str]
    """Name in the file for each role: weight, bias, g, v."""

    @property
    def numbered(self) -> bool:
        """Whether it is an array with a number, as W1, and not a module with a weight."""
        return _NUMBERED.fullmatch(self.matrix) is not None

    @property
    def name(self) -> str:
        """What `layers` takes: ``fc1`` of ``fc1.weight``, but ``W1`` of ``W1``."""
        found = _NAMED.fullmatch(self.matrix)
        return (found and found["layer"]) or self.matrix

    @property
    def family(self) -> str:
        """Layers of one family differ in numbers alone, and come in their order."""
        return re.sub(r"[0-9]+", "#", self.id)

    @property
    def matrix(self) -> str:
        """Name of the weight in the file."""
        return self.keys.get("weight") or self.keys["v"]


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer with its arrays."""

    layer: Layer
    weight: np.ndarray
    bias: np.ndarray | None

    def __str__(self) -> str:
        return f"{self.layer.name} {self.weight.shape[1]}→{self.weight.shape[0]}"


def load_network(path: str | Path, *, layers: Sequence[str] | str | None = None, **overrides: object) -> Network:
    """Read the weights of a dense network from ``.npz``, ``.safetensors`` or what PyTorch saves.

    Layers are ``W1``, ``b1``, ``W2``, …, as `Network.save` writes them, or named as PyTorch does: ``fc1.weight``,
    ``fc1.bias``, ``head.weight``, whatever stands before. W is (n_out, n_in); without a bias, b = 0. Weights under
    weight normalisation, w = g v/‖v‖ (Salimans 2016), are multiplied out.

    The order of layers is the one in which each takes what the one before gives; names that differ in numbers alone
    come in the order of these. If several orders remain, that of the file decides, except that .safetensors has none.
    Each array of the file is used or named in an error, so nothing is left out unless `layers` says so.

    Parameters
    ----------
    path : path
        ``.pt``, ``.pth`` and ``.ckpt`` (state dicts, and checkpoints that hold one; the state of an optimiser is passed
        over) need torch, ``.safetensors`` needs safetensors. Any other file is read as ``.npz``.
    layers : sequence of str, or str with commas, optional
        Layers to read, the first one first, such as ``("fc1", "head")``; the rest of the file is left out. The end of
        a name is enough, if no other layer has it: ``fc1`` of ``module.fc1.weight``.
    **overrides
        ``activation``, ``loss``, ``output_activation``: what the file does not say or says otherwise.

    Returns
    -------
    Network
        Of float32 or float64 as in the file; 16-bit numbers become float32.

    Raises
    ------
    InputError
        If the file is missing, corrupt, holds arrays that belong to no dense layer, or no chain of layers, or several.
    """
    path = expand(path)
    arrays, ordered = read(path)
    known: dict[str, Any] = {}
    for key in FUNCTIONS:
        if key in arrays and arrays[key].ndim == 0 and arrays[key].dtype.kind == "U":
            known[key] = str(arrays.pop(key))
    found: list[Layer] = []
    try:
        found, rest = _layers(arrays)
        if layers is None:
            _check_known(arrays, found, rest)
            _check_numbers(found)
            _check_copies(arrays, found)
            chain = _order([_dense(arrays, layer) for layer in found], ordered)
        else:
            chain = _chosen(arrays, found, layers)
    except InputError as error:
        text = f"{path}: {error}{TRANSPOSED if _transposed(arrays, found) else ''}"
        raise InputError("".join(c if c.isprintable() else repr(c)[1:-1] for c in text)) from None
    biases = tuple(np.zeros(len(d.weight), d.weight.dtype) if d.bias is None else d.bias for d in chain)
    return Network(tuple(d.weight for d in chain), biases, **{**known, **overrides})


def _layers(arrays: Arrays) -> tuple[list[Layer], list[str]]:
    """Layers in the order of their weights in the file, and names that belong to none; a bias alone is one of these."""
    found: dict[str, dict[str, str]] = {}
    rest = []
    for key in arrays:
        match = _NUMBERED.fullmatch(key) or _NAMED.fullmatch(key)
        if match is None:
            rest.append(key)
            continue
        parts = match.groupdict()
        role = _ROLE[(parts["role"] or parts["pair"] or "gv"[int(parts["part"])])[0].lower()]
        name = ".".join(part for part in (parts["layer"], parts.get("number")) if part)
        # Leading zeros are no difference: W01 is W1.
        keys = found.setdefault(re.sub(r"(?<![0-9])0+(?=[0-9])", "", name), {})
        rivals = {"bias": ("bias",), "weight": ("weight", "g", "v")}.get(role, ("weight", role))
        for other in (keys[rival] for rival in rivals if rival in keys):
            raise InputError(f"{other} and {key} are two names for one {'bias' if role == 'bias' else 'weight'}.")
        keys[role] = key
    layers = [Layer(name, keys) for name, keys in found.items()]
    whole = [layer for layer in layers if "weight" in layer.keys or {"g", "v"} <= layer.keys.keys()]
    rest += [key for layer in layers if layer not in whole for key in layer.keys.values()]
    position = {key: k for k, key in enumerate(arrays)}
    return sorted(whole, key=lambda layer: position[layer.matrix]), rest


def _check_known(arrays: Arrays, found: list[Layer], rest: list[str]) -> None:
    """Refuse a file with arrays of anything but dense layers, and say what they are."""
    foreign: dict[str, str] = {}
    odd = []
    for key in rest:
        named = _NUMBERED.fullmatch(key) or _NAMED.fullmatch(key)
        if kind := _kind(key):
            # The several arrays of batch norm and the like are named once.
            key = re.split(r"[._/](?=running_|num_batches|weight_|bias_|in_proj|parametrizations)", key)[0]
        foreign.setdefault(key, kind or ("belongs to no weight" if named else f"an array of {arrays[key].shape}"))
    for layer in found:
        shape, kind = arrays[layer.matrix].shape, _kind(layer.matrix)
        if len(shape) > 2:
            kind = kind or f"convolution, {shape}"
        elif len(shape) == 1 and not layer.numbered:
            kind = kind or f"no matrix but {shape}, as of a normalisation"
        elif "bias" not in layer.keys and re.search(_EMBEDDING, layer.matrix, re.IGNORECASE):
            kind = "embedding"
        if kind:
            odd.append(layer.name)
            if layer.name not in foreign:
                foreign[layer.matrix if len(shape) == 1 else layer.name] = kind
    dense = [layer.name for layer in found if layer.name not in odd]
    if foreign or not found:
        words = _listed([f"{name} ({kind})" for name, kind in foreign.items()]) or "no arrays"
        raise InputError(
            f"holds {words}; only dense layers are read, and none of a file is left out unasked."
            + (_choose(dense) if dense else " Expected W1, b1, W2, ... or fc1.weight, fc1.bias, ...")
        )


def _kind(key: str) -> str:
    return next((kind for kind, pattern in _KINDS.items() if re.search(pattern, key, re.IGNORECASE)), "")


def _check_numbers(found: list[Layer]) -> None:
    """W1 and W3 without W2 are not the whole network."""
    groups: dict[str, dict[str, Layer]] = {}
    for layer in found:
        if layer.numbered:
            prefix, _, number = layer.id.rpartition(".")
            groups.setdefault(prefix, {})[number] = layer
    for group in groups.values():
        first = 0 if "0" in group else 1
        missing = [n for n in range(first, first + len(group)) if str(n) not in group]
        if missing:
            names = [layer.name for layer in group.values()]
            raise InputError(f"{_listed(names)} without number {missing[0]}: a layer is missing.{_choose(names)}")


def _check_copies(arrays: Arrays, found: list[Layer]) -> None:
    """Refuse one model and its moving average, or its optimiser's state, as one network.

    Layers of one shape whose names share their first or last word, numbers apart, may be copies of one another.
    """
    words = [re.split(r"[._/]", layer.id) for layer in found]
    same = takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False))
    shared = min(len(list(same)), *(len(w) - 1 for w in words))
    seen: dict[object, Layer] = {}
    for layer, parts in zip(found, words, strict=True):
        for mark in ((0, parts[shared]), (-1, parts[-1])):
            other = seen.setdefault((arrays[layer.matrix].shape, mark), layer)
            if other.family != layer.family:
                kept = [each for each, word in zip(found, words, strict=True) if word[shared] != parts[shared]]
                raise InputError(
                    f"{other.name} and {layer.name} are of one shape and may be copies of one layer."
                    f"{_choose([each.name for each in (kept if other in kept else found)])}"
                )


def _dense(arrays: Arrays, layer: Layer) -> Dense:
    """Arrays of a layer, checked."""
    if "weight" in layer.keys:
        weight = _matrix(layer.matrix, arrays[layer.matrix], 2)
    else:
        v = _matrix(layer.keys["v"], arrays[layer.keys["v"]], 2)
        g = _matrix(layer.keys["g"], np.atleast_2d(arrays[layer.keys["g"]]), 2)
        if any(n not in (1, m) for n, m in zip(g.shape, v.shape, strict=True)):
            raise InputError(
                f"{layer.keys['g']} has shape {g.shape}; {layer.keys['v']} of {v.shape} needs ({len(v)}, 1)."
            )
        # One length for each row; or for each column, or for the whole, as g says.
        norm = np.sqrt((v.astype(float) ** 2).sum(tuple(k for k in (0, 1) if g.shape[k] == 1), keepdims=True))
        if not norm.all():
            raise InputError(f"{layer.keys['v']} has a row of zeros, which has no direction.")
        weight = (g * v / norm).astype(v.dtype)
    if "bias" not in layer.keys:
        return Dense(layer, weight, None)
    bias = _matrix(layer.keys["bias"], arrays[layer.keys["bias"]], 1)
    if len(bias) != len(weight):
        raise InputError(
            f"{layer.keys['bias']} has shape {bias.shape}; {layer.matrix} of {weight.shape} needs ({len(weight)},)."
        )
    return Dense(layer, weight, bias)


def _matrix(key: str, array: np.ndarray, ndim: int) -> np.ndarray:
    """The array in the machine's own float32 or float64."""
    if array.dtype.kind == "c":
        raise InputError(f"{key} is complex; expected real numbers.")
    if array.dtype.kind in "iub":
        raise InputError(
            f"{key} holds {array.dtype}; expected floating-point weights: scale them, or use .astype(float)."
        )
    if array.dtype.kind != "f":
        raise InputError(f"{key} is not numeric.")
    if array.ndim != ndim or array.size == 0:
        raise InputError(
            f"{key} has shape {array.shape}; expected {ndim} dimension{'s' * (ndim > 1)} and no empty one."
        )
    with np.errstate(over="ignore"):  # of what is longer than 64 bits
        array = np.array(array, np.float32 if array.itemsize < 8 else np.float64, order="C")
    if not np.isfinite(array).all():
        raise InputError(f"{key} holds NaN or Inf.")
    return array


def _order(listed: list[Dense], ordered: bool) -> list[Dense]:
    """The one chain of all layers; `listed` is the order of the file, `ordered` says that it means something."""
    families: dict[str, list[Dense]] = {}
    for dense in listed:
        families.setdefault(dense.layer.family, []).append(dense)
    queues = [sorted(family, key=lambda dense: natural(dense.layer.id)) for family in families.values()]
    numbered = queues == list(families.values())
    chains, complete = _chains(queues)
    if complete and len(chains) == 1:
        # Transposed matrices chain too, backwards; a bias tells.
        told = any(d.bias is not None and d.weight.shape[0] != d.weight.shape[1] for d in chains[0])
        backwards = numbered and all(a.weight.shape[1] == b.weight.shape[0] for a, b in pairwise(listed))
        if chains[0] == listed or told or not backwards:
            return chains[0]
    elif ordered and numbered and all(_fits(a, b) for a, b in pairwise(listed)):
        return listed
    shown = listed if numbered else [dense for queue in queues for dense in queue]
    what = ["do not chain", "chain only backwards", "chain in more than one order"][len(chains)]
    if not complete:
        what = "have more names than orders can be tried of"
    raise InputError(f"the layers {_listed(list(map(str, shown)))} {what}.{_choose([d.layer.name for d in shown])}")


def _chains(queues: list[list[Dense]]) -> tuple[list[list[Dense]], bool]:
    """Up to two orders of all layers in which each fits the one before, each queue in its order; all there are?"""
    found: list[list[Dense]] = []
    # How many of each queue are taken, the last layer taken, and the same before it.
    stack: list[Any] = [((0,) * len(queues), None, None)]
    for _ in range(STEPS * (len(queues) <= NAMES)):
        if not stack or len(found) == 2:
            return found, True
        taken, last, before = state = stack.pop()
        options = [k for k, queue in enumerate(queues) if taken[k] < len(queue)]
        if not options:
            chain = []
            while last is not None:
                chain.append(last)
                _, last, before = before
            found.append(chain[::-1])
        for k in options:
            dense = queues[k][taken[k]]
            if last is None or _fits(last, dense):
                stack.append(((*taken[:k], taken[k] + 1, *taken[k + 1 :]), dense, state))
    return found, False


def _fits(first: Dense, second: Dense) -> bool:
    return bool(second.weight.shape[1] == first.weight.shape[0])


def _chosen(arrays: Arrays, found: list[Layer], layers: Sequence[str] | str) -> list[Dense]:
    """The layers that the user names, in the user's order."""
    wanted = [str(name) for name in layers] if isinstance(layers, list | tuple) else str(layers).split(",")
    chain = []
    for name in map(str.strip, wanted):
        matches = [layer for layer in found if name in (layer.name, layer.matrix)]
        matches = matches or [layer for layer in found if layer.name.endswith(f".{name}")]
        if not matches:
            raise unknown("layer", name, [layer.name for layer in found])
        if len(matches) > 1:
            raise InputError(f"{name!r} is the end of several layers: {_listed([m.matrix for m in matches])}.")
        chain.append(_dense(arrays, matches[0]))
    if not chain:
        raise InputError(f"no layers are named.{_choose([layer.name for layer in found])}")
    for a, b in pairwise(chain):
        if not _fits(a, b):
            raise InputError(f"the layers {a} and {b} do not chain.")
    return chain


def _transposed(arrays: Arrays, found: list[Layer]) -> bool:
    """Whether biases and neighbours fit matrices of (n_in, n_out), and none fits (n_out, n_in) alone."""
    if len({layer.family for layer in found}) == 1:
        found = sorted(found, key=lambda layer: natural(layer.id))
    found = [layer for layer in found if arrays[layer.matrix].ndim == 2]
    shapes = [arrays[layer.matrix].shape for layer in found]
    fits = [(b[1] == a[0], a[1] == b[0]) for a, b in pairwise(shapes)]
    for layer, shape in zip(found, shapes, strict=True):
        if "bias" in layer.keys:
            size = arrays[layer.keys["bias"]].size
            fits.append((size == shape[0], size == shape[1]))
    return (False, True) in fits and (True, False) not in fits


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")


def _choose(names: Sequence[str]) -> str:
    return f" Name the layers in their order, as in --layers {','.join(names[:8])}{',...' if len(names) > 8 else ''}."
