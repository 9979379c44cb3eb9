"""The whole array as one conductance matrix between its terminals, by nested dissection.

A block of cells owns the wire segments to the left of and below each of its cells, and is held as the dense conductance
matrix (Schur complement) between its four sides: L, where its word lines come in; R, the word nodes of its last
column; T, the bit nodes of its first row; B, where its bit lines go out. Two neighbours are joined by eliminating only
the wires they share; open ends are eliminated at once. What remains of the last block is the terminals. The work grows
as N³ for an N × N array, as one dense factorisation would, against N⁴ for elimination in the order of the rows.

All the matrices are M-matrices and are eliminated without pivoting: their off-diagonal entries only ever grow, so that
even small transfer conductances come out with small relative errors.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from analogsim.jit import compiled

Array = NDArray[np.float64]
LEAF = 16


@compiled(fastmath={"contract"})
def _eliminate(a, k, n):
    """Eliminate the first k of n nodes of the symmetric a, using and filling its upper triangle only."""
    last = k - k % 4
    for p in range(0, k, 4 if last else 1):
        width = 4 if p < last else k - p
        for r in range(p, p + width):
            inverse = 1.0 / a[r, r]
            for i in range(r + 1, p + width):
                x = a[r, i] * inverse
                for j in range(i, n):
                    a[i, j] -= x * a[r, j]
        if width == 4:
            # Four pivots at a time: one pass over the rest of the matrix instead of four.
            d0, d1, d2, d3 = 1.0 / a[p, p], 1.0 / a[p + 1, p + 1], 1.0 / a[p + 2, p + 2], 1.0 / a[p + 3, p + 3]
            for i in range(p + 4, n):
                x0, x1, x2, x3 = a[p, i] * d0, a[p + 1, i] * d1, a[p + 2, i] * d2, a[p + 3, i] * d3
                for j in range(i, n):
                    a[i, j] -= x0 * a[p, j] + x1 * a[p + 1, j] + x2 * a[p + 2, j] + x3 * a[p + 3, j]
        else:
            for r in range(p, p + width):
                inverse = 1.0 / a[r, r]
                for i in range(p + width, n):
                    x = a[r, i] * inverse
                    for j in range(i, n):
                        a[i, j] -= x * a[r, j]
            break


@compiled(fastmath={"contract", "reassoc"})
def _balance(a, n):
    """Set the diagonal so that every row of the first n sums to zero: nothing in a block is connected to ground.

    Without it a small load on a line of small resistance drowns in the rounding of the diagonal.
    """
    for i in range(n):
        a[i, i] = 0.0
        total = 0.0
        for j in range(n):
            total += a[i, j]
        a[i, i] = -total


@compiled
def _take(work, k, n, out):
    """What remains of n nodes without the first k: both triangles, and a diagonal that balances them."""
    for x in range(n - k):
        row = work[k + x, k:n]
        into = out[x]
        for y in range(x, n - k):
            into[y] = row[y]
        for y in range(x):
            into[y] = out[y, x]
    _balance(out, n - k)


@compiled
def _join(a, b, h, w, horizontal, work, out):
    """Join blocks of h × w cells, ports [L, R, T, B] of lengths (h, h, w, w); b lies to the right of or below a."""
    if horizontal:
        k, n = h, 3 * h + 4 * w
        to_a = (k, 0, k + 2 * h, k + 2 * h + 2 * w)
        to_b = (0, k + h, k + 2 * h + w, k + 2 * h + 3 * w)
    else:
        k, n = w, 3 * w + 4 * h
        to_a = (k, k + 2 * h, k + 4 * h, 0)
        to_b = (k + h, k + 3 * h, 0, k + 4 * h + w)
    for x in range(n):
        work[x, x:n] = 0.0
    # The shared nodes come first, then the ports of the joined block in their order.
    for block, to in ((a, to_a), (b, to_b)):
        x0 = 0
        for s in range(4):
            rows = h if s < 2 else w
            y0 = 0
            for t in range(4):
                columns = h if t < 2 else w
                if to[s] <= to[t]:
                    for x in range(rows):
                        into = work[to[s] + x, to[t] : to[t] + columns]
                        row = block[x0 + x, y0 : y0 + columns]
                        for y in range(columns):
                            into[y] += row[y]
                y0 += columns
            x0 += rows
    _eliminate(work, k, n)
    _take(work, k, n, out)


@compiled
def _stamp(a, x, y, conductance):
    a[x, x] += conductance
    a[y, y] += conductance
    a[min(x, y), max(x, y)] -= conductance


@compiled
def _cells(g, i0, j0, h, w, first_word, word, last_bit, bit, work, links, ends, out):
    """Matrix of the h × w cells from (i0, j0) on; `links` and `ends` (w + 1,) are to work in.

    The inner word nodes are never written down: each is replaced by the mesh of conductances that its star of
    neighbours amounts to. `_eliminate` does the same to the inner bit nodes.
    """
    k = (h - 1) * w
    n = k + 2 * (h + w)
    for x in range(n):
        work[x, x:n] = 0.0
    for i in range(h):
        row = k + 2 * h if i == 0 else (i - 1) * w  # bit nodes: T, then inner ones
        below = k + 2 * h + w if i == h - 1 else i * w
        for j in range(w):
            _stamp(work, row + j, below + j, last_bit[j0 + j] if i0 + i == g.shape[0] - 1 else bit)
        links[0], ends[0] = first_word[i0 + i] if j0 == 0 else word, k + i
        for j in range(w - 1):
            links[j + 1], ends[j + 1] = g[i0 + i, j0 + j], row + j
            total = word
            for x in range(j + 2):
                total += links[x]
            for x in range(j + 2):
                share = links[x] / total
                for y in range(x + 1, j + 2):
                    _stamp(work, ends[x], ends[y], share * links[y])
            share = word / total
            for x in range(j + 2):
                links[x] *= share
        links[w], ends[w] = g[i0 + i, j0 + w - 1], row + w - 1
        for x in range(w + 1):
            _stamp(work, ends[x], k + h + i, links[x])
    _eliminate(work, k, n)
    _take(work, k, n, out)


@compiled
def _leaf(g, first_word, word, last_bit, bit, work, ping, pong):
    """Conductance matrix of one block of 2^a × 2^b cells, left in `ping` or `pong` (0 or 1 returned).

    `word` and `bit` are the conductances of a segment, `first_word` (rows,) and `last_bit` (columns,) those of the
    segments on the left and lower border.
    """
    rows, columns = g.shape
    h, w = min(4, rows), min(4, columns)
    links = np.empty(w + 1)
    ends = np.empty(w + 1, np.int64)
    for i in range(rows // h):
        for j in range(columns // w):
            _cells(g, i * h, j * w, h, w, first_word, word, last_bit, bit, work, links, ends, ping[i, j])
    where = 0
    while h < rows or w < columns:
        horizontal = w < columns and (w <= h or h == rows)
        source, target = (ping, pong) if where == 0 else (pong, ping)
        for i in range(rows // h // (1 if horizontal else 2)):
            for j in range(columns // w // (2 if horizontal else 1)):
                if horizontal:
                    _join(source[i, 2 * j], source[i, 2 * j + 1], h, w, True, work, target[i, j])
                else:
                    _join(source[2 * i, j], source[2 * i + 1, j], h, w, False, work, target[i, j])
        if horizontal:
            w *= 2
        else:
            h *= 2
        where = 1 - where
    return where


@compiled
def _leaves(g, rows, columns, end_word, word, end_bit, bit):
    """Matrices of all blocks of rows × columns cells, without the open ends of the top and the right border."""
    down, across = g.shape[0] // rows, g.shape[1] // columns
    q = 2 * (rows + columns)
    out = np.zeros((down, across, q, q))
    ping = np.empty((rows, columns, q, q))
    pong = np.empty((rows, columns, q, q))
    work = np.empty((2 * q, 2 * q))
    order = np.empty(q, np.int64)
    first_word = np.empty(rows)
    last_bit = np.empty(columns)
    for a in range(down):
        for b in range(across):
            for i in range(rows):
                first_word[i] = end_word[a * rows + i] if b == 0 else word
            for j in range(columns):
                last_bit[j] = end_bit[b * columns + j] if a == down - 1 else bit
            block = g[a * rows : (a + 1) * rows, b * columns : (b + 1) * columns]
            where = _leaf(block, first_word, word, last_bit, bit, work, ping, pong)
            full = (ping if where == 0 else pong)[0, 0]
            # The open ports come first in `work`, the others keep their order.
            opened = (rows if b == across - 1 else 0) + (columns if a == 0 else 0)
            first, kept = 0, opened
            for x in range(q):
                is_open = (rows <= x < 2 * rows and b == across - 1) or (2 * rows <= x < 2 * rows + columns and a == 0)
                if is_open:
                    order[x] = first
                    first += 1
                else:
                    order[x] = kept
                    kept += 1
            for x in range(q):
                for y in range(q):
                    work[order[x], order[y]] = full[x, y]
            _eliminate(work, opened, q)
            _take(work, opened, q, out[a, b])
    return out


@compiled
def _gather(a, b, shared_a, shared_b, ports, inner, coupling, rest):
    """Sort blocks a and b into shared nodes, remaining ports (lower triangle) and what couples them.

    A row of `ports` is a run of remaining ports: 0 for a or 1 for b, its start and length there, its start in `rest`.
    """
    k = inner.shape[0]
    for x in range(k):
        for y in range(k):
            inner[x, y] = a[shared_a + x, shared_a + y] + b[shared_b + x, shared_b + y]
    for s in range(len(ports)):
        which, x0, rows, to = ports[s]
        block, shared = (a, shared_a) if which == 0 else (b, shared_b)
        for x in range(rows):
            # Views from 0 on: the compiler need not think of negative indices, and copies vectors.
            couples, row = coupling[to + x], block[x0 + x, shared : shared + k]
            for y in range(k):
                couples[y] = row[y]
            for t in range(s + 1):
                other, y0, columns, at = ports[t]
                stays, row = rest[to + x, at : at + columns], block[x0 + x, y0 : y0 + columns]
                if other == which:
                    for y in range(columns):
                        stays[y] = row[y]
                else:
                    stays[:] = 0.0


@compiled
def _mirror(a):
    """Copy the lower triangle into the upper one, in tiles that fit the cache, and balance the diagonal."""
    n = a.shape[0]
    for i0 in range(0, n, 32):
        for j0 in range(0, i0 + 1, 32):
            for i in range(i0, min(i0 + 32, n)):
                for j in range(j0, min(j0 + 32, i)):
                    a[j, i] = a[i, j]
    _balance(a, n)


class _Block(NamedTuple):
    """A conductance matrix and how many of its ports lie on each side, in this order."""

    matrix: Array
    left: int
    right: int
    top: int
    bottom: int


def _reduce(a: _Block, b: _Block, horizontal: bool) -> tuple[Array, Array, tuple[int, int, int, int]]:
    """X and F of the joined matrix F − XᵀX, for `b` to the right of or below `a`, and its numbers of ports.

    Of F only the lower triangle is filled.
    """
    starts_a, starts_b = ((0, x.left, x.left + x.right, x.left + x.right + x.top) for x in (a, b))
    if horizontal:
        k, shared = a.right, (starts_a[1], starts_b[0])
        order = ((0, 0), (1, 1), (0, 2), (1, 2), (0, 3), (1, 3))  # block and side of the remaining ports
        counts = (a.left, b.right, a.top + b.top, a.bottom + b.bottom)
    else:
        k, shared = a.bottom, (starts_a[3], starts_b[2])
        order = ((0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 3))
        counts = (a.left + b.left, a.right + b.right, a.top, b.bottom)
    starts = (starts_a, starts_b)
    lengths = ((a.left, a.right, a.top, a.bottom), (b.left, b.right, b.top, b.bottom))
    runs, q = [], 0
    for which, side in order:
        runs.append((which, starts[which][side], lengths[which][side], q))
        q += lengths[which][side]
    # All matrices are symmetric: the C order written here is the Fortran order that LAPACK reads.
    inner, coupling, rest = np.empty((k, k)), np.empty((q, k)), np.empty((q, q))
    _gather(a.matrix, b.matrix, *shared, np.array(runs), inner, coupling, rest)
    # Never indefinite: each of the wires shared by two blocks has a path to a terminal.
    factor, _ = lapack.dpotrf(inner.T, lower=1, clean=0, overwrite_a=1)
    return blas.dtrsm(1.0, factor, coupling.T, lower=1, overwrite_b=1), rest, counts


def _halves(leaves: Array, rows: int, columns: int, top: bool, right: bool) -> tuple[_Block, _Block, bool]:
    """The two blocks of which one of several leaves is joined, and whether they lie side by side."""
    down, across = leaves.shape[:2]
    if down == 1 or (across > 1 and across * columns >= down * rows):
        half = across - across // 2
        one, two = leaves[:, :half], leaves[:, half:]
        return _tree(one, rows, columns, top, False), _tree(two, rows, columns, top, right), True
    half = down - down // 2
    one, two = leaves[:half], leaves[half:]
    return _tree(one, rows, columns, top, right), _tree(two, rows, columns, False, right), False


def _tree(leaves: Array, rows: int, columns: int, top: bool, right: bool) -> _Block:
    """Join leaves of rows × columns cells; `top` and `right` say whether they reach those borders."""
    if leaves.shape[:2] == (1, 1):
        counts = (rows, 0 if right else rows, 0 if top else columns, columns)
        size = sum(counts)
        return _Block(np.ascontiguousarray(leaves[0, 0, :size, :size]), *counts)
    reduced, rest, counts = _reduce(*_halves(leaves, rows, columns, top, right))
    joined = blas.dsyrk(-1.0, reduced, beta=1.0, c=rest.T, trans=1, lower=0, overwrite_c=1).T
    _mirror(joined)
    return _Block(joined, *counts)


def _leaves_of(
    g: Array, r_word: float, end_word: Array, r_bit: float, end_bit: Array
) -> tuple[tuple[Array, int, int, bool, bool], int]:
    """Arguments of `_tree` for the whole array, and the number of rows added at the top."""
    rows, columns = (min(LEAF, 1 << (size - 1).bit_length()) for size in g.shape)
    # Cells without a device at the open ends change nothing.
    up, on = -g.shape[0] % rows, -g.shape[1] % columns
    padded = np.pad(g, ((up, 0), (0, on)))
    word_ends = np.concatenate([np.full(up, 1 / r_word), 1 / end_word])
    bit_ends = np.concatenate([1 / end_bit, np.full(on, 1 / r_bit)])
    leaves = _leaves(padded, rows, columns, word_ends, 1 / r_word, bit_ends, 1 / r_bit)
    return (leaves, rows, columns, True, True), up


def terminal_matrix(g: Array, r_word: float, end_word: Array, r_bit: float, end_bit: Array) -> Array:
    """Conductance matrix between the terminals: word lines (left) first, then bit lines (bottom); (m+n, m+n).

    Positive currents flow into the array. `end_word` (m,) and `end_bit` (n,) are the resistances of the last segments
    with their terminals; all resistances > 0.
    """
    m, n = g.shape
    tree, up = _leaves_of(g, r_word, end_word, r_bit, end_bit)
    block = _tree(*tree)
    keep = np.r_[up : m + up, m + up : m + up + n]
    return block.matrix[np.ix_(keep, keep)]


def transfer_matrix(g: Array, r_word: float, end_word: Array, r_bit: float, end_bit: Array) -> Array:
    """Currents out of the bit lines for 1 V on each word line, (m, n): minus a block of `terminal_matrix`, for less."""
    m, n = g.shape
    tree, up = _leaves_of(g, r_word, end_word, r_bit, end_bit)
    if tree[0].shape[:2] == (1, 1):
        return -_tree(*tree).matrix[up : m + up, m + up : m + up + n]
    reduced, rest, counts = _reduce(*_halves(*tree))
    left = counts[0]
    return (reduced[:, :left].T @ reduced[:, left:] - rest[left:, :left].T)[up:, :n]
