r"""Mesh of Mach–Zehnder interferometers: W = U Σ Vᵀ, two triangular meshes around a row of attenuators.

An interferometer between neighbouring modes is two couplers around a phase θ, behind a phase φ,

.. math::
    T = B_\beta\, \mathrm{diag}(e^{iθ}, 1)\, B_\alpha\, \mathrm{diag}(e^{iφ}, 1), \qquad
    B_\epsilon = \begin{pmatrix} \cos(π/4 + ε) & i \sin(π/4 + ε) \\ i \sin(π/4 + ε) & \cos(π/4 + ε) \end{pmatrix} .

N(N − 1)/2 of them and a row of N phases make any unitary matrix. Independent errors of standard deviations σ_s
(couplers, rad) and σ_φ (phases, rad) give, to first order, ‖ΔU‖_F²/N = 2(N − 1) σ_s² + N σ_φ²: errors grow as √N.
Passive attenuators need singular values ≤ 1, so that the largest one sets the scale of the whole matrix. The output is
read by homodyne detection, Re(W s), with as much power in each local oscillator as a source has; reciprocity makes the
read in the other direction the exact transpose, errors and all.

Reck et al., PRL 73, 58 (1994), doi:10.1103/PhysRevLett.73.58; Clements et al., Optica 3, 1460 (2016),
doi:10.1364/OPTICA.3.001460; errors: Hamerly et al., Nature Communications 13, 6831 (2022),
doi:10.1038/s41467-022-34308-3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Curves
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.jit import compiled
from analogsim.registry import register


@register.device("mzi-mesh")
@dataclass(frozen=True, kw_only=True)
class MZIMesh(Weighting):
    """A programmable mesh.

    Parameters
    ----------
    phase_error : float
        σ_φ of every phase at each writing, rad.
    coupler_error : float
        σ_s of every coupler as fabricated, rad from π/4.
    """

    phase_error: float = quantity("standard deviation of every phase", "rad", low=0, default=0.0, ideal=0.0)
    coupler_error: float = quantity(
        "standard deviation of every coupler's angle", "rad", low=0, high=0.7, default=0.0, ideal=0.0
    )

    def matrix_error(self, modes: int) -> float:
        """‖ΔU‖_F/√N that the errors are expected to make of a unitary matrix of N modes, to first order."""
        return float(np.sqrt(2.0 * (modes - 1) * self.coupler_error**2 + modes * self.phase_error**2))

    def unitary(self, target: Array, fixed: np.random.Generator, fresh: np.random.Generator) -> Array:
        """Return what the mesh does when it is programmed for a unitary matrix (N, N); errors are not corrected."""
        theta, phi, screen = decompose(np.asarray(target, dtype=complex))
        count, n = len(theta), len(target)
        alpha, beta = self.coupler_error * fixed.standard_normal((2, count))
        errors = self.phase_error * fresh.standard_normal(2 * count + n)
        screen = screen * np.exp(1j * errors[2 * count :])
        return compose(theta + errors[:count], phi + errors[count : 2 * count], screen, alpha, beta)

    def realise(
        self, relative: Array, outputs: Channels, fixed: np.random.Generator, fresh: np.random.Generator, correct: bool
    ) -> Realised:
        """Program both meshes and the attenuators; the phases carry the bits, the singular values are rounded too."""
        left, singular, right = np.linalg.svd(relative)
        scale = float(singular[0]) or 1.0
        inner = np.zeros(relative.shape)
        np.fill_diagonal(inner, self.quantise(singular / scale))
        u, v = (self.unitary(target, fixed, fresh) for target in (left, right))
        weights = scale * (u @ inner @ v).real
        floor = np.zeros((2, len(relative), 1))
        light = np.full(relative.shape, 1.0 / relative.shape[1])
        return Realised(np.maximum(weights, 0.0), np.maximum(-weights, 0.0), floor, light, 2.0 / scale)

    def curves(self) -> Curves:
        """Power in the two outputs of one interferometer over its inner phase."""
        theta = np.linspace(0, 2 * np.pi, 200)
        shown = {"bar": np.sin(theta / 2) ** 2, "cross": np.cos(theta / 2) ** 2}
        return Curves(theta, shown, "inner phase θ (rad)", "share of the power (1)")

    def words(self) -> list[str]:
        """Say what errs."""
        said = [*super().words(), "two meshes of interferometers around attenuators, homodyne detection"]
        said += [f"phase error σ {self.phase_error:g} rad"] if self.phase_error else []
        return said + ([f"coupler error σ {self.coupler_error:g} rad"] if self.coupler_error else [])


@compiled
def decompose(u):
    """Phases θ, φ of the interferometers in the order of the light, and the screen behind them: null U row by row."""
    n = u.shape[0]
    u = u.copy()
    theta, phi = np.zeros(n * (n - 1) // 2), np.zeros(n * (n - 1) // 2)
    k = 0
    for row in range(n - 1, 0, -1):
        for col in range(row):
            a, b = u[row, col], u[row, col + 1]
            theta[k] = 2 * np.arctan2(np.abs(b), np.abs(a))
            phi[k] = np.angle(a) - np.angle(-b) if np.abs(b) > 0 and np.abs(a) > 0 else 0.0
            s, c = np.sin(theta[k] / 2), np.cos(theta[k] / 2)
            common, turn = -1j * np.exp(-0.5j * theta[k]), np.exp(-1j * phi[k])
            for i in range(row + 1):
                x, y = u[i, col], u[i, col + 1]
                u[i, col] = common * (x * turn * s + y * c)
                u[i, col + 1] = common * (x * turn * c - y * s)
            k += 1
    screen = np.empty(n, np.complex128)
    for i in range(n):
        screen[i] = u[i, i] / np.abs(u[i, i])
    return theta, phi, screen


@compiled
def compose(theta, phi, screen, alpha, beta):
    """Matrix of a mesh with coupler angles π/4 + α, π/4 + β."""
    n = screen.size
    u = np.eye(n).astype(np.complex128)
    k = 0
    for row in range(n - 1, 0, -1):
        for col in range(row):
            c1, s1 = np.cos(np.pi / 4 + alpha[k]), 1j * np.sin(np.pi / 4 + alpha[k])
            c2, s2 = np.cos(np.pi / 4 + beta[k]), 1j * np.sin(np.pi / 4 + beta[k])
            inner, outer = np.exp(1j * theta[k]), np.exp(1j * phi[k])
            t00, t01 = (c2 * inner * c1 + s2 * s1) * outer, c2 * inner * s1 + s2 * c1
            t10, t11 = (s2 * inner * c1 + c2 * s1) * outer, s2 * inner * s1 + c2 * c1
            for j in range(n):
                x, y = u[col, j], u[col + 1, j]
                u[col, j], u[col + 1, j] = t00 * x + t01 * y, t10 * x + t11 * y
            k += 1
    for i in range(n):
        for j in range(n):
            u[i, j] *= screen[i]
    return u
