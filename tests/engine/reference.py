"""An independent statement of the equations: plain numpy, one sample at a time, no shared code with the engine."""

import numpy as np
from scipy.integrate import solve_ivp

FUNCTIONS = {
    "relu": lambda a: np.maximum(a, 0),
    "hard-sigmoid": lambda a: np.clip(a / 2, 0, 1),
    "tanh": np.tanh,
    "leaky-relu": lambda a: np.where(a > 0, a, 0.01 * a),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "identity": lambda a: a,
}


def rate(chip, wiring, x, y, beta):
    """da/dt as a function of (t, a), with a in the order layer, compartment, neuron."""
    F, B, N, n = wiring.forward, wiring.feedback, wiring.nudge_at, wiring.nudge_gain
    sizes, L = chip.sizes[1:], chip.layers
    f = FUNCTIONS[chip.activation]

    def array(direction, j, matrix, mixing, s):
        """What each compartment gets; proportional rows of the mixing are one read, the larger, shared out."""
        low, high, c1, c2, c3 = chip.driver[direction][j]
        larger = max(mixing, key=lambda row: (row**2).sum())
        single = abs(np.linalg.det(mixing)) < 1e-12
        got = []
        for row in mixing:
            base, share = (larger, row @ larger / (larger @ larger)) if single else (row, 1.0)
            u = np.minimum(np.maximum(base[0] * s[0] + base[1] * s[1], low), high)
            current = matrix @ (c1 * u + c2 * u**2 + c3 * u**3)
            got.append(share * np.minimum(np.maximum(current, chip.rails[0]), chip.rails[1]))
        return got

    def rhs(t, flat):
        a, first = [], 0
        for size in sizes:
            a.append(flat[first : first + 2 * size].reshape(2, size))
            first += 2 * size
        s = [f(v) for v in a[:-1]] + [FUNCTIONS[chip.output_activation](a[-1])]
        out = []
        for k in range(L):
            below = (
                array(0, 0, chip.forward[0], np.eye(2), (x, x)) if k == 0 else array(0, k, chip.forward[k], F, s[k - 1])
            )
            above = array(1, k + 1, chip.feedback[k + 1], B, s[k + 1]) if k < L - 1 else None
            rows = []
            for c in (0, 1):
                z = below[c]
                if k < L - 1:
                    z = z + above[c]
                z = chip.gain[k][c] * z + chip.biases[k] + chip.offset[k][c]
                if k == L - 1 and beta:
                    r = N[c, 0] * s[k][0] + N[c, 1] * s[k][1]
                    p = r if chip.loss == "mse" else np.exp(r - r.max()) / np.exp(r - r.max()).sum()
                    z = z - (1, -1)[c] * n[c] * (1 + chip.nudge[c]) * beta * (p - y)
                rows.append((z - a[k][c]) / chip.tau[k][c])
            out.append(np.concatenate(rows))
        return np.concatenate(out)

    return rhs


def solve(chip, wiring, x, y, beta, times, rtol=1e-12, atol=1e-13):
    """DOP853 from a = 0, (time, 2·N)."""
    rhs = rate(chip, wiring, x, y, beta)
    start = np.zeros(2 * sum(chip.sizes[1:]))
    found = solve_ivp(rhs, (0, times[-1]), start, "DOP853", times, rtol=rtol, atol=atol, max_step=0.5)
    assert found.success
    return found.y.T


def packed(ds, chip, sample=0):
    """The states of a result in the same order, (time, 2·N)."""
    parts = [ds[f"a_{k}"].isel(sample=sample).values for k in range(1, chip.layers + 1)]
    return np.concatenate([p.reshape(len(p), -1) for p in parts], axis=1)
