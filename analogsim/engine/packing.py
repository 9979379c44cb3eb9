"""From a chip, a batch and a wiring to the packed arrays that the compiled code reads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from analogsim.arrays import finite
from analogsim.chip.whole import Chip
from analogsim.engine.chip_cache import kept
from analogsim.engine.kernel import Problem, with_right_side
from analogsim.errors import InputError, instance, number, shown
from analogsim.functions.activations import activation
from analogsim.functions.losses import loss
from analogsim.wiring import Wiring

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Stream:
    """Samples presented one after another, each for `dwell` units of time; the state is never reset.

    Parameters
    ----------
    x : (step, feature) or (step, sample, feature) array
        With two dimensions there is one trajectory; with three, one for each sample.
    y : (step, class) or (step, sample, class) array, or None
    dwell : float
        In units of the chip's ``time_unit``; > 0.
    """

    x: ArrayLike
    y: ArrayLike | None
    dwell: float

    def __post_init__(self) -> None:
        x = finite("Stream.x", self.x)
        y = None if self.y is None else finite("Stream.y", self.y)
        x = x[:, None] if x.ndim == 2 else x
        y = y[:, None] if y is not None and y.ndim == 2 else y
        if x.ndim != 3 or not len(x) or (y is not None and (y.ndim != 3 or y.shape[:2] != x.shape[:2])):
            shapes = f"x {x.shape} and y {None if y is None else y.shape}"
            raise InputError(f"Stream: {shapes} do not match; steps come first, then samples.")
        number("Stream.dwell", self.dwell, above=0)
        object.__setattr__(self, "x", x)
        object.__setattr__(self, "y", y)

    def __len__(self) -> int:
        return len(self.x)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Batch:
    """A validated problem: what the caller gave, and its packed form."""

    chip: Chip
    wiring: Wiring
    x: Array
    y: Array | None
    beta: Array
    packed: Problem

    @property
    def size(self) -> int:
        """Number of state variables, 2·B·N."""
        return int(self.packed.drive.size)

    def split(self, flat: Array) -> list[Array]:
        """Views (…, 2, B, n) of packed states (…, 2·B·N), one for each layer."""
        p = self.packed
        edges = 2 * p.batch * p.cum
        return [flat[..., i:j].reshape(*flat.shape[:-1], 2, p.batch, -1) for i, j in pairwise(edges)]

    def join(self, layers: list[Array]) -> Array:
        """Pack layers of shape (2, B, n) into one flat state."""
        return np.concatenate([np.ascontiguousarray(a, dtype=self.packed.drive.dtype).ravel() for a in layers])

    def by_sample(self, flat: Array) -> Array:
        """(B, 2·N): the packed state of each sample, as it is when the sample is alone."""
        return np.concatenate([a.transpose(1, 0, 2).reshape(a.shape[1], -1) for a in self.split(flat)], axis=1)

    def take(self, rows: NDArray[np.integer]) -> Batch:
        """The same problem for some of the samples."""
        p = self.packed
        part = p._replace(
            batch=len(rows),
            drive=np.concatenate([d[:, rows].ravel() for d in self.split(p.drive)]),
            target=writable(p.target[rows], p.target.dtype),
            beta=p.beta[rows],
        )
        y = None if self.y is None else self.y[rows]
        return Batch(self.chip, self.wiring, self.x[rows], y, self.beta[rows], part)

    def unnudged(self) -> Batch:
        """The same problem at β = 0."""
        packed = self.packed._replace(beta=np.zeros_like(self.packed.beta))
        return Batch(self.chip, self.wiring, self.x, self.y, np.zeros_like(self.beta), packed)

    def with_own_matrices(self) -> Batch:
        """The same problem with matrices that may be written to; those of `prepare` are kept for other calls."""
        packed = self.packed._replace(w=self.packed.w.copy(), v=self.packed.v.copy())
        return Batch(self.chip, self.wiring, self.x, self.y, self.beta, packed)

    def with_drive(self, drive: Array) -> Batch:
        """The same problem with another constant drive, (2·B·N,).

        Raises
        ------
        InputError
            If it is of another shape or type than the present one.
        """
        if drive.shape != self.packed.drive.shape:
            raise InputError(f"drive has shape {drive.shape}; expected {self.packed.drive.shape}, as the state has.")
        return Batch(self.chip, self.wiring, self.x, self.y, self.beta, self.packed._replace(drive=drive))


def prepare(
    chip: Chip,
    x: ArrayLike,
    y: ArrayLike | None,
    wiring: Wiring,
    beta: ArrayLike,
    dtype: DTypeLike = np.float64,
) -> Batch:
    """Check the arguments of `relax` and `settle` and pack them.

    What depends on the chip, the wiring and the type alone is packed once and kept as long as the chip lives; see
    `analogsim.engine.chip_cache`.

    Raises
    ------
    InputError
        If a shape does not match, an entry is NaN, Inf, complex or masked, or y is missing though β ≠ 0.

    Warns
    -----
    UserWarning
        If the nudge alone makes the output unstable: an eigenvalue of I + βℓ'' diag(n⁺, −n⁻) N is not positive; once
        for each wiring, if β ≠ 0 and it is not exact (`Wiring.exact`).
    """
    try:
        dtype = np.dtype(dtype)
    except (TypeError, ValueError):
        raise InputError(f"dtype = {shown(dtype)}: float64 or float32.") from None
    if dtype not in (np.dtype(np.float64), np.dtype(np.float32)):
        raise InputError(f"dtype = {dtype}: float64 or float32.")
    instance("chip", chip, Chip, "a Chip or a Population, as circuit(...).program(network) returns them")
    instance("wiring", wiring, Wiring, "a Wiring, as in Wiring.adjoint_dual_propagation(alpha=0.3)")
    x = _matrix("x", x, chip.sizes[0], dtype)
    if y is not None:
        y = _matrix("y", y, chip.sizes[-1], dtype)
        if len(y) != len(x):
            raise InputError(f"x has {len(x)} samples and y has {len(y)}; samples come first.")
    beta = finite("beta", beta, largest=1e6)
    if beta.ndim > 1 or (beta.ndim == 1 and len(beta) != len(x)):
        raise InputError(f"beta has shape {beta.shape}; expected a number or ({len(x)},), one for each sample.")
    beta = np.broadcast_to(beta, (len(x),)).copy()
    if y is None and beta.any():
        raise InputError("y is None, but beta is not 0: the nudge needs a target.")
    if beta.any():
        wiring.warn_unless_exact()
    _warn_unstable_nudge(chip, wiring, beta)
    with np.errstate(over="ignore", invalid="ignore"):
        packed = _pack(chip, x, y, wiring, beta, dtype)
    if not (np.isfinite(packed.drive).all() and _matrices(chip, dtype).finite):
        raise InputError(f"x and the weights of the chip are too large for {dtype}: their products overflow.")
    return Batch(chip, wiring, x, y, beta, packed)


def _matrix(name: str, value: ArrayLike, width: int, dtype: np.dtype) -> Array:
    if isinstance(value, Stream):
        raise InputError(f"{name} is a Stream, which only relax presents; give one batch of samples.")
    array = finite(name, value, largest=float(np.sqrt(np.finfo(dtype).max)))
    if array.ndim != 2 or array.shape[1] != width or not len(array):
        raise InputError(f"{name} has shape {array.shape}; expected (sample, {width}).")
    return array


def _warn_unstable_nudge(chip: Chip, wiring: Wiring, beta: Array) -> None:
    for b in (beta.min(), beta.max()):
        low = wiring.nudge_margin(b, loss(chip.loss).curvature)
        if low <= 0 and chip.output_activation == "identity":
            warnings.warn(
                f"beta = {b:g} with {wiring.name}: the nudge of one output compartment is positive feedback with a "
                f"gain of {1 - low:.3g} ≥ 1; expect divergence. A smaller |beta| is stable.",
                stacklevel=4,
            )
            return


def factorise(matrix: Array, error: Array, gain: Array) -> tuple[Array, Array]:
    """Split a mixing into what the sender forms, Q (R, 2, N), and how the receiver shares it out, P (2, R, N).

    Parameters
    ----------
    matrix : (2, 2) array
        Nominal mixing, rows receiving, columns sending.
    error : (2, N) array
        Divider error of each sender: row r of the mixing becomes ``matrix[r] + error[r]·[1, −1]``.
    gain : (2, N) array
        Gain of each receiver for what it gets by this way.
    """
    scale = np.abs(matrix).max() or 1.0
    if abs(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]) <= 1e-14 * scale**2:
        row = int(np.argmax((matrix**2).sum(axis=1)))
        base = matrix[row]
        share = matrix @ base / (base @ base if base.any() else 1.0)
        q = base[None, :, None] + error[None, :1] * np.array([1.0, -1.0])[None, :, None]
        p = (share[:, None] * gain)[:, None, :]
    else:
        q = matrix[:, :, None] + error[:, None, :] * np.array([1.0, -1.0])[None, :, None]
        p = np.eye(2)[:, :, None] * gain[:, None, :]
    return q, p


def _echoes(chip: Chip, dtype: np.dtype) -> Array:
    """The transposed echoes of each layer, forward then feedback, flat, one after another; empty without any."""
    if not chip.has_echo:
        return np.zeros(0, dtype)
    pairs = zip(chip.forward_echo, chip.feedback_echo, chip.sizes[1:], strict=True)
    found = [np.zeros(n * n) if echo is None else echo.T.ravel() for *pair, n in pairs for echo in pair]
    return np.concatenate(found).astype(dtype)


class _Matrices(NamedTuple):
    """W and V of all connections but the first, as the compiled code reads them."""

    w: Array
    v: Array
    finite: bool


def _matrices(chip: Chip, dtype: np.dtype) -> _Matrices:
    def make() -> _Matrices:
        w = _transposed(chip.forward[1:], dtype)
        v = _transposed([np.asarray(v) for v in chip.feedback[1:]], dtype)
        return _Matrices(w, v, dtype != np.float32 or bool(np.isfinite(w).all()))

    return kept(chip, ("matrices", dtype), make)


def _tiles(chip: Chip, dtype: np.dtype) -> Array:
    """The tiles of all connections, (K, 2), forward and then feedback."""
    found = [t.T for t in (*chip.forward_tiles, *chip.feedback_tiles) if t is not None]
    return writable(np.concatenate([np.empty((0, 2)), *found]), dtype)


def _tile_at(chip: Chip) -> NDArray[np.int64]:
    """Where the tiles of each direction and connection begin, (2, L + 1), the last entry where they end."""
    counts = [[0 if t is None else t.shape[1] for t in way] for way in (chip.forward_tiles, chip.feedback_tiles)]
    ends = np.cumsum(np.ravel(counts), dtype=np.int64).reshape(2, -1)
    return np.column_stack([np.array([0, ends[0, -1]]), ends])


def _pack(chip: Chip, x: Array, y: Array | None, wiring: Wiring, beta: Array, dtype: np.dtype) -> Problem:
    sizes, batch = chip.sizes, len(x)
    shared = kept(chip, ("problem", dtype, wiring.numbers), lambda: _without_batch(chip, wiring, dtype))
    scratch = max(shared.forward_q.shape[0], shared.feedback_q.shape[0]) * batch * max(sizes[1:])
    return shared._replace(
        batch=batch,
        drive=drive(chip, x, wiring, dtype),
        target=writable(np.zeros((batch, sizes[-1])) if y is None else y, dtype),
        beta=writable(beta, dtype),
        signal=np.empty(scratch, dtype),
        current=np.empty(scratch, dtype),
        spare=np.empty((4, scratch if shared.limited or len(shared.tiles) else 0), dtype),
    )


def _without_batch(chip: Chip, wiring: Wiring, dtype: np.dtype) -> Problem:
    """The problem without samples: all that `_pack` does not replace holds for any."""
    sizes = np.array(chip.sizes)
    cum = np.concatenate([[0], np.cumsum(sizes[1:])])
    gain, mirror, divider = (np.concatenate(getattr(chip, name), axis=1) for name in ("gain", "mirror", "divider"))
    forward_q, forward_p = factorise(wiring.forward, divider, gain)
    feedback_q, feedback_p = factorise(wiring.feedback, np.zeros_like(gain), gain * (1 + mirror))
    if chip.has_echo and forward_q.shape[0] != feedback_q.shape[0]:
        raise InputError(f"{wiring.name}: arrays driven at both ends need as many feedback as forward reads.")
    signs, none = np.array([1.0, -1.0]), np.empty(0, dtype)
    matrices = _matrices(chip, dtype)

    def cast(value: ArrayLike) -> Array:
        return writable(value, dtype)

    packed = Problem(
        cum=cum.astype(np.int64),
        batch=0,
        w=matrices.w,
        v=matrices.v,
        at=np.concatenate([[0], np.cumsum(sizes[1:-1] * sizes[2:])]).astype(np.int64),
        forward_q=cast(forward_q),
        forward_p=cast(forward_p),
        feedback_q=cast(feedback_q),
        feedback_p=cast(feedback_p),
        leak=cast(1 / np.concatenate(chip.tau, axis=1)),
        drive=none,
        target=np.empty((0, sizes[-1]), dtype),
        beta=none,
        nudge=cast(signs[:, None] * wiring.nudge_gain[:, None] * (1 + chip.nudge)),
        nudge_at=cast(wiring.nudge_at),
        activation=activation(chip.activation).code,
        output_activation=activation(chip.output_activation).code,
        loss=loss(chip.loss).code,
        shaped=chip.is_shaped,
        limited=chip.is_limited,
        driver=cast(chip.driver),
        rails=cast(chip.rails),
        converted=bool(chip.converters.any()),
        converters=cast(chip.converters),
        tiles=_tiles(chip, dtype),
        tile_at=_tile_at(chip),
        echoed=chip.has_echo,
        echo=_echoes(chip, dtype),
        echo_at=np.concatenate([[0], np.cumsum(2 * sizes[1:-1] ** 2)]).astype(np.int64),
        signal=none,
        current=none,
        spare=none.reshape(4, 0),
        right_side=0,
    )
    return with_right_side(packed)


def writable(value: ArrayLike, dtype: DTypeLike) -> Array:
    """Contiguous and not read-only, which is a type of its own to the compiler: the engine would be compiled twice."""
    return np.require(value, dtype, ["C", "A", "W"])


def _transposed(matrices: Sequence[Array], dtype: np.dtype) -> Array:
    """The transposes, flat, one after another; in strips, or all of a wide column would share lines of the cache."""
    flat, at = np.empty(sum(m.size for m in matrices), dtype), 0
    for matrix in matrices:
        out = flat[at : at + matrix.size].reshape(matrix.shape[::-1])
        for i in range(0, len(matrix), 16):
            out[:, i : i + 16] = matrix[i : i + 16].T
        at += matrix.size
    return flat


def drive(chip: Chip, x: Array, wiring: Wiring, dtype: DTypeLike = np.float64) -> Array:
    """Packed constant drive: the clamped input through its driver and W_1 with each gain, biases, offsets.

    An offset of the returned current is mirrored as the feedback is: by the largest entry of each row of B.
    """
    current = chip.read(chip.sent(x, 0, 0), 0, 0)
    largest = wiring.feedback[[0, 1], np.abs(wiring.feedback).argmax(axis=1)][:, None]
    layers = []
    for j in range(chip.layers):
        returned = chip.gain[j] * (1 + chip.mirror[j]) * largest * chip.feedback_offset[j]
        constant = (chip.biases[j] + chip.offset[j] + returned)[:, None, :]
        layer = constant + chip.gain[j][:, None, :] * current if j == 0 else np.repeat(constant, len(x), axis=1)
        layers.append(np.ascontiguousarray(layer, dtype=dtype).ravel())
    return np.concatenate(layers)
