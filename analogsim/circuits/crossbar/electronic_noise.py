r"""Electronic noise of a read: of the amplifier at the sensed line, of its feedback resistor and of the cells.

An inverting amplifier with R_f that senses a line of conductance ΣG has the noise gain N = 1 + R_f ΣG. Its output has
the one-sided spectrum

.. math:: S = (e_n N)^2 + 4kT R_f + R_f^2\,4kT \sum G = (e_n N)^2 + 4kT R_f N

of its input voltage noise e_n, the resistor and the cells (H. Nyquist, Phys. Rev. 32, 110 (1928),
doi:10.1103/PhysRev.32.110), less by (1 + N/A₀)² where its gain A₀ is finite; amplifiers whose outputs are subtracted or
summed add up. All of it is white far beyond the neurons. A number that is drawn every P and held has, far below 1/P,
the spectrum of white noise if its variance is S B with B = 1/(2P), and one with a correlation time P if B = 1/(4P). So
the neuron, which filters what it gets by its own τ, is left with S/(4τ) when P ≪ τ (0.92 of that at P = τ).

Taken as independent between outputs, also where one reference line serves them all, whose share is common.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.constants import Boltzmann

Array = NDArray[np.floating]


def output_density(noise_gain: Array, resistance: float, amplifier: float, temperature: float) -> Array:
    """S of the output of each amplifier, V²/Hz.

    Parameters
    ----------
    noise_gain : array
        N.
    resistance : float
        R_f, ohm.
    amplifier : float
        e_n, V/√Hz.
    temperature : float
        K.
    """
    return (amplifier * noise_gain) ** 2 + 4.0 * Boltzmann * temperature * resistance * noise_gain


def bandwidth(period: float, mode: str) -> float:
    """B, Hz, of white noise that is drawn on a read clock with a period in s, or correlated over it ("ou")."""
    return 1.0 / ((4.0 if mode == "ou" else 2.0) * period)
