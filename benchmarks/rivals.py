"""The rivals: the same right-hand side in plain numpy for scipy, and in JAX for diffrax.

Everyone gets the clamped drive W_1 x + b computed beforehand, one product a direction, and contiguous arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.integrate import RK45, solve_ivp


class Equations:
    """A dyadic network of rank-one wiring, hidden ReLU, linear output, squared error, as arrays for any library."""

    def __init__(self, chip: Any, wiring: Any, x: Any, y: Any, beta: float, dtype: Any) -> None:
        self.sizes = chip.sizes[1:]
        self.forward = [np.ascontiguousarray(w.T, dtype) for w in chip.forward[1:]]
        self.feedback = [np.ascontiguousarray(v.T, dtype) for v in chip.feedback[1:]]
        drives = [x @ chip.forward[0].T + chip.biases[0], *chip.biases[1:]]
        shapes = [(len(x), n) for n in self.sizes]
        self.drive = [np.ascontiguousarray(np.broadcast_to(d, s), dtype) for d, s in zip(drives, shapes, strict=True)]
        self.tau = [np.ascontiguousarray(t[:, None], dtype) for t in chip.tau]
        self.target = np.asarray(y, dtype)
        # Rank one: u = F[0]·s for both compartments, v = share × (s⁺ − s⁻).
        self.mean = [float(f) for f in wiring.forward[0]]
        self.share = [float(v) for v in wiring.feedback[:, 0]]
        self.at = wiring.nudge_at.astype(dtype)
        self.pull = [float(n) * beta * sign for n, sign in zip(wiring.nudge_gain, (1, -1), strict=True)]

    def rate(self, xp: Any, a: list[Any]) -> list[Any]:
        """τ⁻¹(z − a) for each layer (2, B, n)."""
        last = len(a) - 1
        s = [xp.maximum(v, 0) for v in a[:-1]] + [a[-1]]
        out = []
        for k, v in enumerate(a):
            z = self.drive[k]
            if k:
                z = z + (self.mean[0] * s[k - 1][0] + self.mean[1] * s[k - 1][1]) @ self.forward[k - 1]
            rows = [z, z]
            if k < last:
                back = (s[k + 1][0] - s[k + 1][1]) @ self.feedback[k]
                rows = [z + c * back for c in self.share]
            else:
                rows = [
                    z - m * (n[0] * s[k][0] + n[1] * s[k][1] - self.target)
                    for m, n in zip(self.pull, self.at, strict=True)
                ]
            out.append((xp.stack(rows) - v) / self.tau[k])
        return out

    def start(self) -> list[Any]:
        """a = 0."""
        return [np.zeros((2, len(self.target), n), self.target.dtype) for n in self.sizes]

    def flat(self, t: float, y: Any) -> Any:
        """The same on one vector, for scipy."""
        layers, first, batch = [], 0, len(self.target)
        for n in self.sizes:
            layers.append(y[first : first + 2 * batch * n].reshape(2, batch, n))
            first += 2 * batch * n
        return np.concatenate([r.ravel() for r in self.rate(np, layers)])

    def pack(self, layers: list[Any]) -> Any:
        """Layers to one vector."""
        return np.concatenate([np.asarray(v).ravel() for v in layers])


def scipy_trajectory(eq: Equations, times: Any, rtol: float, atol: float) -> Any:
    """RK45, (time, state)."""
    return solve_ivp(eq.flat, (0, times[-1]), eq.pack(eq.start()), "RK45", times, rtol=rtol, atol=atol).y.T


def scipy_steady(eq: Equations, tol: float, rtol: float, atol: float, t_max: float = 200.0) -> Any:
    """RK45 until max |da/dt| ≤ tol (the derivative is free)."""
    solver = RK45(eq.flat, 0.0, eq.pack(eq.start()), t_max, rtol=rtol, atol=atol)
    while solver.status == "running" and np.abs(solver.f).max() > tol:
        solver.step()
    return solver.y


class Diffrax:
    """diffrax's Tsit5, jitted once: tolerances are arguments."""

    def __init__(self, eq: Equations, times: Any) -> None:
        import diffrax
        import jax
        import jax.numpy as jnp
        import optimistix

        arrays = ("forward", "feedback", "drive", "tau", "target", "at")
        constants = {name: jax.tree.map(jnp.asarray, getattr(eq, name)) for name in arrays}
        self.start, self.eq, self.block = [jnp.asarray(a) for a in eq.start()], eq, jax.block_until_ready

        def field(t: Any, a: Any, constants: Any) -> Any:
            # The matrices are arguments: as constants XLA would fold and copy them.
            bound = Equations.__new__(Equations)
            bound.__dict__.update({**eq.__dict__, **constants})
            return bound.rate(jnp, a)

        term, solver = diffrax.ODETerm(field), diffrax.Tsit5()
        options: dict[str, Any] = {"dt0": None, "max_steps": 1_000_000, "throw": False}

        def trajectory(a: Any, constants: Any, rtol: Any, atol: Any) -> Any:
            control = diffrax.PIDController(rtol=rtol, atol=atol)
            save = diffrax.SaveAt(ts=jnp.asarray(times))
            found = diffrax.diffeqsolve(
                term, solver, 0.0, times[-1], y0=a, args=constants, saveat=save, stepsize_controller=control, **options
            )
            return found.ys, found.stats["num_steps"]

        def steady(a: Any, constants: Any, tol: Any, rtol: Any, atol: Any) -> Any:
            control = diffrax.PIDController(rtol=rtol, atol=atol)
            event = diffrax.Event(diffrax.steady_state_event(rtol=0.0, atol=tol, norm=optimistix.max_norm))
            found = diffrax.diffeqsolve(
                term, solver, 0.0, 200.0, y0=a, args=constants, event=event, stepsize_controller=control, **options
            )
            return [v[-1] for v in found.ys], found.stats["num_steps"]

        self._trajectory, self._steady, self.constants = jax.jit(trajectory), jax.jit(steady), constants

    def trajectory(self, rtol: float, atol: float) -> Any:
        """(time, state)."""
        ys, _ = self.block(self._trajectory(self.start, self.constants, rtol, atol))
        return np.concatenate([np.asarray(v).reshape(len(v), -1) for v in ys], axis=1)

    def steady(self, tol: float, rtol: float, atol: float) -> Any:
        """Until max |da/dt| ≤ tol."""
        return self.eq.pack(self.block(self._steady(self.start, self.constants, tol, rtol, atol))[0])
