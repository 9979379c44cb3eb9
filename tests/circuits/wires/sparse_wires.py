"""An independent reference: Kirchhoff's current law of every node, assembled with scipy.sparse, from the picture.

Zero resistances join nodes by a union-find, so that their limit is exact too.
"""

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spla


class Circuit:
    """Nodes: w_ij, b_ij, one terminal for each line (the ideal source or ground behind the terminal resistance)."""

    def __init__(self, shape, r_word, r_bit, word_end="left", bit_end="bottom", r_word_end=0.0, r_bit_end=0.0):
        m, n = self.shape = shape
        self.w = np.arange(m * n).reshape(m, n)
        self.b = m * n + self.w
        self.word_terminal = 2 * m * n + np.arange(m)
        self.bit_terminal = 2 * m * n + m + np.arange(n)
        r_word_end, r_bit_end = np.broadcast_to(r_word_end, m), np.broadcast_to(r_bit_end, n)
        first = 0 if word_end == "left" else n - 1
        last = m - 1 if bit_end == "bottom" else 0
        self.resistors = []
        for i in range(m):
            self.resistors.append((self.word_terminal[i], self.w[i, first], r_word + r_word_end[i]))
            self.resistors += [(self.w[i, j], self.w[i, j + 1], r_word) for j in range(n - 1)]
        for j in range(n):
            self.resistors.append((self.bit_terminal[j], self.b[last, j], r_bit + r_bit_end[j]))
            self.resistors += [(self.b[i, j], self.b[i + 1, j], r_bit) for i in range(m - 1)]
        self.size = 2 * m * n + m + n
        parent = np.arange(self.size)

        def root(x):
            while parent[x] != x:
                x = parent[x]
            return x

        for x, y, r in self.resistors:
            if r == 0:
                # Terminals stay the roots of what they are joined to.
                low, high = sorted((root(x), root(y)))
                parent[low] = high
        self.root = np.array([root(x) for x in range(self.size)])

    def conductances(self, cells):
        """Conductance matrix of all nodes after joining, with the cells' conductances (m, n)."""
        pairs = [(x, y, 1 / r) for x, y, r in self.resistors if r > 0]
        pairs += list(zip(self.w.ravel(), self.b.ravel(), np.ravel(cells), strict=True))
        x, y, c = (np.array(a) for a in zip(*pairs, strict=True))
        x, y = self.root[x.astype(int)], self.root[y.astype(int)]
        ends = sp.coo_matrix((np.r_[c, c, -c, -c], (np.r_[x, y, x, y], np.r_[x, y, y, x])), (self.size, self.size))
        return ends.tocsr()

    def node_voltages(self, cells, word_volts, bit_volts, injected=None):
        """Voltages of w and b (m, n) with the terminals held; `injected` (m, n) flows from w into b beside the cell."""
        known = np.r_[self.word_terminal, self.bit_terminal]
        volts = np.zeros(self.size)
        volts[known] = np.r_[word_volts, bit_volts]
        free = np.setdiff1d(np.unique(self.root), known)
        y = self.conductances(cells)
        load = -(y @ volts)
        if injected is not None:
            np.subtract.at(load, self.root[self.w], injected)
            np.add.at(load, self.root[self.b], injected)
        if len(free):
            a = y[free][:, free].tocsc()
            # Relative pivots: nodes hanging on nothing but zero conductances stay at 0 V.
            lu = spla.splu(a)
            x = lu.solve(load[free])
            x += lu.solve(load[free] - a @ x)
            volts[free] = x
        volts = volts[self.root]
        return volts[self.w], volts[self.b]

    def flows(self, cells, word_volts, bit_volts):
        """Cell currents from w to b."""
        w, b = self.node_voltages(cells, word_volts, bit_volts)
        return cells * (w - b)


def currents(g, voltages, r_word, r_bit, read="forward", word_end="left", bit_end="bottom", r_driver=0.0, r_sense=0.0):
    """As ``wires.currents``."""
    forward = read == "forward"
    ends = (r_driver, r_sense) if forward else (r_sense, r_driver)
    circuit = Circuit(g.shape, r_word, r_bit, word_end, bit_end, *ends)
    m, n = g.shape
    out = []
    for v in voltages:
        if forward:
            out.append(circuit.flows(g, v, np.zeros(n)).sum(0))
        else:
            out.append(-circuit.flows(g, np.zeros(m), v).sum(1))
    return np.array(out)
