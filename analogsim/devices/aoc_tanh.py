r"""Electronic nonlinearity of the Analog Optical Computer.

.. math:: f(z) = \frac{d\,u}{(1 + |u|^c)^{1/c}} + e + g z, \qquad u = a z + b

with z and f in volts. The activations ``aoc-tanh`` (48 variables) and ``aoc-tanh-16`` of a network are this function
with the numbers of the cards; they are compiled, so that changing a card changes its picture only.

Digital twin of the Analog Optical Computer, doi:10.1038/s41586-025-09430-z, https://github.com/microsoft/aoc (MIT).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analogsim.cards import quantity
from analogsim.devices.base import Array
from analogsim.devices.optical import Curves, Optical
from analogsim.functions.activations import soft_clip
from analogsim.registry import register


@register.device("aoc-tanh")
@dataclass(frozen=True, kw_only=True)
class AOCTanh(Optical):
    """The nonlinearity of a neuron.

    Parameters
    ----------
    coefficients : list of six floats
        a (1/V), b, c, d (V), e (V), g.
    """

    coefficients: tuple[float, ...] = quantity("a, b, c, d, e, g", shape=(6,))

    def transfer(self, voltage: ArrayLike) -> Array:
        """f(z), V."""
        return soft_clip(np.asarray(voltage, dtype=float), self.coefficients)

    def curves(self) -> Curves:
        """f over z."""
        z = np.linspace(-1, 1, 400)
        return Curves(z, {"output": self.transfer(z)}, "input (V)", "output (V)")
