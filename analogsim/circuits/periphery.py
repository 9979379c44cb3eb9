"""Periphery of a crossbar: the amplifiers at the sensed lines, and the subtractors and inverters of pairs.

Forward, each line of each array of a pair has a transimpedance amplifier and a subtractor follows,
W = R_f [G⁺ − (1 + e) G⁻] with an error e for each output. The feedback drives the two arrays with a signal and its
inverse and joins their word lines in one amplifier, V = R_f [G⁺ − (1 + e′) G⁻]ᵀ with an error e′ for each inverter. The
amplifiers are those of `analogsim.circuits.tia`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import Carded, quantity
from analogsim.circuits.tia import Amplifiers
from analogsim.errors import InputError

Array = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class Periphery(Carded):
    """What stands at the ends of the lines.

    Parameters
    ----------
    tia_gain : float
        A₀, open-loop gain of each amplifier; inf is ideal.
    tia_bandwidth : float
        Gain-bandwidth product, Hz; inf has no dynamics.
    tia_capacitance : float
        C_in at each amplifier's input, F; needs a finite bandwidth. R_f is what makes w_max of g_max − g_min.
    tia_offset : float
        Standard deviation of the amplifiers' input offset, V; the output shows it times the noise gain.
    subtractor_mismatch, inverter_mismatch : float
        Relative standard deviations of the gain errors e and e′.
    """

    tia_gain: float = quantity("open-loop gain of the amplifiers", above=0, default=np.inf)
    tia_bandwidth: float = quantity("gain-bandwidth product of the amplifiers", "Hz", above=0, default=np.inf)
    tia_capacitance: float = quantity("capacitance at the input of each amplifier", "F", low=0, default=0.0)
    tia_offset: float = quantity("standard deviation of the amplifiers' input offset", "V", low=0, default=0.0)
    subtractor_mismatch: float = quantity("relative standard deviation of each subtractor's gain", low=0, default=0.0)
    inverter_mismatch: float = quantity("relative standard deviation of each inverter's gain", low=0, default=0.0)

    def check_periphery(self, mapping: str) -> None:
        """Raise `InputError` for what cannot be combined."""
        if self.tia_capacitance and np.isinf(self.tia_bandwidth):
            raise InputError(
                "circuit.tia_capacitance needs a finite circuit.tia_bandwidth: without one the input does not move."
            )
        if mapping == "reference" and self.inverter_mismatch:
            raise InputError("circuit.inverter_mismatch is for pairs of cells; mapping = 'reference' has no inverters.")

    @property
    def has_amplifiers(self) -> bool:
        """Whether the amplifiers change the weights."""
        return bool(np.isfinite(self.tia_gain))

    @property
    def has_dynamics(self) -> bool:
        """Whether the amplifiers have poles of their own."""
        return bool(np.isfinite(self.tia_bandwidth))

    def periphery_words(self) -> list[str]:
        """Say what the periphery does wrong."""
        said = []
        if self.has_amplifiers or self.has_dynamics:
            band = f", GBW {self.tia_bandwidth:.3g} Hz" if self.has_dynamics else ", static"
            cap = f", C_in {self.tia_capacitance:.3g} F" if self.tia_capacitance else ""
            said.append(f"amplifiers with A₀ = {self.tia_gain:.3g}{band}{cap}")
        said += [f"amplifier offset σ {self.tia_offset:.3g} V times noise gain"] if self.tia_offset else []
        said += [f"subtractor mismatch {self.subtractor_mismatch:.2%}"] if self.subtractor_mismatch else []
        said += [f"inverter mismatch {self.inverter_mismatch:.2%}"] if self.inverter_mismatch else []
        return said


def banks(cells: Array, rf: float, mapping: str, read: str, error: Array, delay: float) -> Amplifiers:
    """Amplifiers that read an array.

    Parameters
    ----------
    cells : (2, n, m) or (n + 1, m) array
        Conductance of each cell (…, output, input), as its line sees it, S.
    rf : float
        R_f, ohm.
    mapping : str
    read : {"forward", "reverse"}
    error : (n,) array
        Gain error of each output's subtractor or inverter.
    delay : float
        R_f C_in in units of time.
    """
    if mapping == "reference":
        plus, minus = rf * cells[:-1], rf * np.broadcast_to(cells[-1], cells[:-1].shape)
    else:
        plus, minus = rf * cells[0], rf * cells[1]
    weighted = minus * (1.0 + error[:, None])
    if read == "forward":
        return Amplifiers(np.stack([plus, -weighted]), 1.0 + np.stack([plus.sum(axis=1), minus.sum(axis=1)]), delay)
    load = rf * cells.reshape(-1, cells.shape[-1]).sum(axis=0)
    return Amplifiers((plus - weighted).T[None], 1.0 + load[None], delay)
