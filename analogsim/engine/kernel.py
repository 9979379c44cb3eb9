"""The right-hand side of a dyadic network, compiled, on layer-packed arrays.

A state is one flat array: for each layer a block (compartment, sample, neuron), so that every operand of a matrix
product is contiguous. Each direction of each layer costs one product: the two compartments are first mixed into the
signals that are really read (one if the wiring has rank one, else two), stacked, and read together.

The mixing of a wiring entry M (2×2) is factorised as M = P Q: Q belongs to the sending neuron (its divider), P to the
receiving one (its mirror and gain), so that each neuron may deviate.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.columns import (
    ADC,
    BOW,
    CUBE,
    DAC,
    FEEDBACK,
    FORWARD,
    HIGH,
    INPUTS,
    LINEAR,
    LOW,
    REACH,
    SQUARE,
)
from analogsim.engine import primitives
from analogsim.engine.primitives import Bare, call, greatest, span, table, window
from analogsim.engine.records import Packed
from analogsim.functions.machine_code import activate, pull
from analogsim.jit import called, inner

BLOW_UP = 1e6
"""|a| beyond which a sample has diverged, in units of the activity."""


class Problem(Packed):
    """All that the compiled code reads: matrices transposed and concatenated, mixing, drive, nudge, scratch."""

    cum: NDArray[np.int64]  # (L+1,) first neuron of each layer in a (N,) vector
    batch: int
    w: NDArray[np.floating]  # W_{k+1}ᵀ, (n_k, n_{k+1}), one after another from k = 1
    v: NDArray[np.floating]  # V_{k+1}ᵀ, (n_{k+1}, n_k), likewise
    at: NDArray[np.int64]  # (L,) where the matrices between layers k and k+1 begin
    forward_q: NDArray[np.floating]  # (R, 2, N)
    forward_p: NDArray[np.floating]  # (2, R, N)
    feedback_q: NDArray[np.floating]
    feedback_p: NDArray[np.floating]
    leak: NDArray[np.floating]  # (2, N), 1/τ
    drive: NDArray[np.floating]  # (2·B·N,), all that does not depend on the state
    target: NDArray[np.floating]  # (B, n_L)
    beta: NDArray[np.floating]  # (B,)
    nudge: NDArray[np.floating]  # (2, n_L), ±n with deviations
    nudge_at: NDArray[np.floating]  # (2, 2)
    activation: int
    output_activation: int
    loss: int
    shaped: bool
    limited: bool
    driver: NDArray[np.floating]  # (2, L, 5), see `chip.columns`
    rails: NDArray[np.floating]  # (2,)
    converted: bool
    converters: NDArray[np.floating]  # (2, 3), likewise
    tiles: NDArray[np.floating]  # (K, 2), likewise, of the connections that have any
    tile_at: NDArray[np.int64]  # (2, L+1) where those of each connection begin
    echoed: bool
    echo: NDArray[np.floating]  # transposed echoes of each layer, forward then feedback, one after another
    echo_at: NDArray[np.int64]  # (L,)
    signal: NDArray[np.floating]  # scratch, (R·B·n,)
    current: NDArray[np.floating]
    spare: NDArray[np.floating]  # (4, R·B·n), more of it where tiles or rails need it
    right_side: int  # address of the function that gives z(a)


@inner
def block(flat, p, layer):
    """View of one layer of a packed array, (2, B, n)."""
    start = p.cum[layer]
    return window(flat, 2 * p.batch * start, 2, p.batch, p.cum[layer + 1] - start)


@inner
def copy(x, out):
    """out = x, element by element: assigning arrays compiles an error message that costs more than all the rest."""
    for i in range(x.size):
        out[i] = x[i]


@inner
def zero(x):
    """x = 0, element by element."""
    for i in range(x.size):
        x[i] = 0


@inner
def state_size(p):
    """Numbers in a packed state, 2·B·N."""
    return 2 * p.batch * p.cum[p.cum.size - 1]


@inner
def code_of(p, layer):
    """Activation code of a layer."""
    return p.output_activation if layer == p.cum.size - 2 else p.activation


@inner
def activate_layer(p, a, s, layer):
    """s = f(a) for one layer of packed arrays."""
    start, size = 2 * p.batch * p.cum[layer], 2 * p.batch * (p.cum[layer + 1] - p.cum[layer])
    activate(code_of(p, layer), span(a, start, size), span(s, start, size))


@inner
def mix(p, q, s, sender):
    """Mix the sender's compartments: the signals (R·B, n) that are read, in scratch."""
    batch, reads = p.batch, q.shape[0]
    first, n = p.cum[sender], p.cum[sender + 1] - p.cum[sender]
    state = block(s, p, sender)
    signal = table(p.signal, 0, reads * batch, n)
    for r in range(reads):
        plus, minus = span(q[r, 0], first, n), span(q[r, 1], first, n)
        for b in range(batch):
            out, up, down = signal[r * batch + b], state[0, b], state[1, b]
            for i in range(n):
                out[i] = plus[i] * up[i] + minus[i] * down[i]
    return signal


@inner
def curve(p, sender, receiver):
    """Driver of the matrix between two layers: its limits and coefficients."""
    return p.driver[FORWARD, receiver] if sender < receiver else p.driver[FEEDBACK, sender]


@inner
def drive(curve, signal):
    """c(u) in place of u, flat."""
    for i in range(signal.size):
        u = min(max(signal[i], curve[LOW]), curve[HIGH])
        signal[i] = u * (curve[LINEAR] + u * (curve[SQUARE] + u * curve[CUBE]))


@inner
def quantise(values, step):
    """Round to multiples of a step, in place."""
    if step > 0:
        for k in range(values.shape[0]):
            for i in range(values.shape[1]):
                values[k, i] = step * np.floor(values[k, i] / step + 0.5)


@inner
def multiply(p, matrices, signal, sender, receiver):
    """Send signals (R·B, n) through the matrix between two layers: the currents (R·B, m), in scratch."""
    rows, n = signal.shape
    m = p.cum[receiver + 1] - p.cum[receiver]
    primitives.multiply(signal, 0, matrices, p.at[min(sender, receiver)], p.current, 0, rows, n, m)
    return table(p.current, 0, rows, m)


@inner
def read(p, matrices, q, s, sender, receiver):
    """Mix, drive, multiply, clip to the rails, convert: the currents (R·B, m) that the receiver gets, in scratch."""
    signal = mix(p, q, s, sender)
    if p.shaped:
        drive(curve(p, sender, receiver), span(p.signal, 0, signal.size))
    way = FORWARD if sender < receiver else FEEDBACK
    if p.converted:
        quantise(signal, p.converters[way, DAC])
    if is_tiled(p, sender, receiver):
        return partial_sums(p, matrices, signal, sender, receiver)
    current = multiply(p, matrices, signal, sender, receiver)
    convert(p, way, current, current.dtype.type(1))
    return current


@inner
def convert(p, way, current, reach):
    """Clip currents to the rails and convert them, in place, both with so many times their range."""
    low, high = reach * p.rails[0], reach * p.rails[1]
    if p.limited:
        for k in range(current.shape[0]):
            for i in range(current.shape[1]):
                current[k, i] = min(max(current[k, i], low), high)
    if p.converted:
        bow = p.converters[way, BOW]
        if bow != 0:
            for k in range(current.shape[0]):
                for i in range(current.shape[1]):
                    current[k, i] *= 1 + bow * ((current[k, i] / high) ** 2 - 1)
        quantise(current, reach * p.converters[way, ADC])


@inner
def is_tiled(p, sender, receiver):
    """Whether the array between two layers is read in tiles, each with a converter of its own."""
    way, j = FORWARD if sender < receiver else FEEDBACK, max(sender, receiver)
    return p.tile_at[way, j + 1] > p.tile_at[way, j]


@inner
def multiply_tile(p, matrices, signal, at, first, size, part):
    """part = what one tile makes of `size` of the signals (R·B, n) from the first one on, flat."""
    rows = signal.shape[0]
    here = p.spare[0]
    for k in range(rows):
        for i in range(size):
            here[k * size + i] = signal[k, first + i]
    m = part.size // rows
    primitives.multiply(here, 0, matrices, at + first * m, part, 0, rows, size, m)


@inner
def partial_sums(p, matrices, signal, sender, receiver):
    """The sum (R·B, m) of what tiles make of signals (R·B, n), each clipped and converted on its own; in scratch."""
    way, j = FORWARD if sender < receiver else FEEDBACK, max(sender, receiver)
    rows, m = signal.shape[0], p.cum[receiver + 1] - p.cum[receiver]
    part, total = span(p.spare[1], 0, rows * m), table(p.current, 0, rows, m)
    zero(span(p.current, 0, rows * m))
    first = 0
    for t in range(p.tile_at[way, j], p.tile_at[way, j + 1]):
        size = int(p.tiles[t, INPUTS])
        multiply_tile(p, matrices, signal, p.at[min(sender, receiver)], first, size, part)
        convert(p, way, table(p.spare[1], 0, rows, m), p.tiles[t, REACH])
        for k in range(rows):
            for i in range(m):
                total[k, i] += part[k * m + i]
        first += size
    return total


@inner
def receive(p, share, current, z, layer):
    """Add the currents to z (2, B, n), each compartment with its own share (2, R, N)."""
    batch, reads, first, n = p.batch, share.shape[1], p.cum[layer], z.shape[2]
    for c in range(2):
        for r in range(reads):
            part = span(share[c, r], first, n)
            for b in range(batch):
                out, got = z[c, b], current[r * batch + b]
                for i in range(n):
                    out[i] += part[i] * got[i]


@inner
def echo(p, s, z, layer):
    """Add to z (2, B, n) what a layer's own signals bring back through arrays that are driven at both ends at once."""
    n = z.shape[2]
    for way in range(2):
        q, share = (p.feedback_q, p.forward_p) if way == 0 else (p.forward_q, p.feedback_p)
        signal = mix(p, q, s, layer)
        rows = signal.shape[0]
        primitives.multiply(signal, 0, p.echo, p.echo_at[layer] + way * n * n, p.current, 0, rows, n, n)
        receive(p, share, table(p.current, 0, rows, n), z, layer)


@inner
def pull_sample(p, s, z, b):
    """Subtract the nudge ±n β ∇ℓ(N s) of one sample from z (2, B, n_L), given the output states."""
    beta = p.beta[b]
    if beta == 0:
        return
    for c in range(2):
        pull(p.loss, p.nudge_at, s, p.target, p.nudge, beta, b, c, z)


@inner
def pull_all(p, s, z):
    """Subtract the nudge of every sample."""
    for b in range(p.batch):
        pull_sample(p, s, z, b)


@called
def chain(p, a, s, z):
    """z(a) of a chain of layers, the right-hand side that `target` finds by its address."""
    last = p.cum.size - 2
    for layer in range(last + 1):
        activate_layer(p, a, s, layer)
    copy(p.drive, z)
    for layer in range(last + 1):
        zl = block(z, p, layer)
        if layer > 0:
            receive(p, p.forward_p, read(p, p.w, p.forward_q, s, layer - 1, layer), zl, layer)
        if p.echoed:
            echo(p, s, zl, layer)
        if layer < last:
            receive(p, p.feedback_p, read(p, p.v, p.feedback_q, s, layer + 1, layer), zl, layer)
        else:
            pull_all(p, block(s, p, last), zl)


@inner
def target(p, a, s, z):
    """z(a): what each compartment leaks towards. Fills s = f(a) too. da/dt = (z − a)/τ."""
    call(p.right_side, p, a, s, z)


def with_right_side(p):
    """A problem whose integrators call `chain`: compiled once, whatever the integrator."""
    return p._replace(right_side=address(chain, p._numba_type_))


@lru_cache
def address(function, record):
    """Where the machine code of a right-hand side for these records lies; it is loaded for as long as the process."""
    state = Bare(record.places["drive"][1].dtype, 1)
    function.compile((record, state, state, state))
    found = function.overloads[record, state, state, state]
    return found.library.get_pointer_to_function(found.fndesc.llvm_func_name)


@inner
def rate(p, a, s, z):
    """da/dt in place of z."""
    target(p, a, s, z)
    for layer in range(p.cum.size - 1):
        al, zl, first, n = block(a, p, layer), block(z, p, layer), p.cum[layer], p.cum[layer + 1] - p.cum[layer]
        for c in range(2):
            leak = span(p.leak[c], first, n)
            for b in range(p.batch):
                x, y = al[c, b], zl[c, b]
                for i in range(x.size):
                    y[i] = (y[i] - x[i]) * leak[i]


@inner
def distance(x, y):
    """max |x − y|; NaN if there is one, which must not pass for a small residual."""
    worst = x.dtype.type(0)
    for i in range(x.size):
        worst = greatest(worst, abs(x[i] - y[i]))
    return np.float64(worst)


@inner
def residual(p, a, z, out):
    """out[b] = max |z − a| = max |τ da/dt| over the compartments of each sample."""
    zero(out)
    for layer in range(p.cum.size - 1):
        al, zl = block(a, p, layer), block(z, p, layer)
        for c in range(2):
            for b in range(p.batch):
                out[b] = greatest(out[b], distance(al[c, b], zl[c, b]))


@inner
def extent(p, a, out):
    """out[b] = max |a| of each sample; NaN counts as infinite."""
    zero(out)
    for layer in range(p.cum.size - 1):
        al = block(a, p, layer)
        for c in range(2):
            for b in range(p.batch):
                x, worst = al[c, b], a.dtype.type(0)
                for i in range(x.size):
                    worst = greatest(worst, abs(x[i]))
                out[b] = greatest(out[b], np.float64(worst))
    for b in range(p.batch):
        out[b] = out[b] if out[b] == out[b] else np.inf
