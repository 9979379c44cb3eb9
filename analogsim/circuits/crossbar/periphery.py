"""Periphery of a crossbar: the amplifiers at the sensed lines, and the subtractors and inverters of pairs.

Forward, each line of each array of a pair has a transimpedance amplifier and a subtractor follows,
W = R_f [G⁺ − (1 + e) G⁻] with an error e for each output. The feedback drives the two arrays with a signal and its
inverse and joins their word lines in one amplifier, V = R_f [G⁺ − (1 + e′) G⁻]ᵀ with an error e′ for each inverter. The
amplifiers are those of `analogsim.chip.amplifiers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.cards import Carded, choice, quantity
from analogsim.chip.amplifiers import Amplifiers
from analogsim.chip.transfer import NO_CONVERTER, STRAIGHT, Converter, Driver
from analogsim.chip.transfer import Periphery as Limits
from analogsim.errors import InputError, out_of_range

Array = NDArray[np.floating]

REACHES = {"fixed": 0.0, "root": -0.5, "share": -1.0}
"""Power of the number of tiles by which the range of each one's output goes."""


@dataclass(frozen=True, kw_only=True)
class Periphery(Carded):
    """Amplifiers, subtractors, inverters and converters at the ends of the lines.

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
    tia_saturation : float
        Largest voltage of a read's output, V; beyond it clips.
    subtractor_mismatch, inverter_mismatch : float
        Relative standard deviations of the gain errors e and e′.
    dac_bits, adc_bits : int
        Resolution of the converters in front of and behind each array, for time-multiplexed operation; 0 has none.
        b bits resolve ±range into steps of range/(2^(b−1) − 1). Their sampling clock is not simulated.
    dac_range, dac_feedback_range, adc_range : float, optional
        Largest signal of each, in activities; the feedback's own is `dac_range` if not given.
    tile_range : {"fixed", "root", "share"}
        What each of k tiles whose outputs are added digitally has of `adc_range` and `tia_saturation`, by a greater
        gain of its amplifiers: all of it, 1/√k or 1/k of it. See `.tiling`.
    dac_inl, adc_inl : float
        Largest integral nonlinearity in steps, as an S-shaped bow that is zero at 0 and at ±range.
    electronic_noise : float
        Factor on the electronic noise of the reads (`analogsim.circuits.crossbar.electronic_noise`): 1 is that of the
        formulas, 0 none. Ideal cells have none.
    amplifier_noise : float
        e_n, input voltage noise of each amplifier, V/√Hz.
    """

    tia_gain: float = quantity("open-loop gain of the amplifiers", above=0, default=np.inf, infinite=True, ideal=np.inf)
    tia_bandwidth: float = quantity(
        "gain-bandwidth product of the amplifiers", "Hz", above=0, default=np.inf, infinite=True
    )
    tia_capacitance: float = quantity("capacitance at the input of each amplifier", "F", low=0, default=0.0)
    tia_offset: float = quantity(
        "standard deviation of the amplifiers' input offset", "V", low=0, default=0.0, ideal=0.0
    )
    subtractor_mismatch: float = quantity(
        "relative standard deviation of each subtractor's gain", low=0, default=0.0, ideal=0.0
    )
    inverter_mismatch: float = quantity(
        "relative standard deviation of each inverter's gain", low=0, default=0.0, ideal=0.0
    )

    tia_saturation: float = quantity(
        "largest voltage at the output of a read", "V", above=0, default=np.inf, infinite=True, ideal=np.inf
    )
    dac_bits: int = quantity(
        "bits of the converters in front of the arrays, 0 for none", low=0, high=32, whole=True, default=0, ideal=0
    )
    adc_bits: int = quantity(
        "bits of the converters behind the arrays, 0 for none", low=0, high=32, whole=True, default=0, ideal=0
    )
    dac_range: float | None = quantity("largest forward signal of a DAC, in activities", above=0, default=None)
    dac_feedback_range: float | None = quantity("largest feedback signal of a DAC", above=0, default=None)
    adc_range: float | None = quantity("largest output of an ADC, in activities", above=0, default=None)
    tile_range: str = choice("range of a tile's output beside that of k tiles", tuple(REACHES), default="fixed")
    dac_inl: float = quantity("integral nonlinearity of a DAC, in steps", low=0, default=0.0, ideal=0.0)
    adc_inl: float = quantity("integral nonlinearity of an ADC, in steps", low=0, default=0.0, ideal=0.0)
    electronic_noise: float = quantity(
        "factor on the noise of amplifiers, their resistors and the cells, 0 for none", low=0, default=0.0, ideal=0.0
    )
    amplifier_noise: float = quantity("input voltage noise of each amplifier", "V/sqrt(Hz)", low=0, default=0.0)

    def check_periphery(self, mapping: str, feedback: str) -> None:
        """Raise `InputError` for what cannot be combined."""
        for name in ("dac", "adc"):
            bits, span, inl = (getattr(self, f"{name}_{what}") for what in ("bits", "range", "inl"))
            if bits == 1 or bits > 24:
                raise out_of_range(f"circuit.{name}_bits", bits, "0 (no converter) or 2 to 24")
            if bits and span is None:
                raise InputError(f"circuit.{name}_bits = {bits} needs circuit.{name}_range, its largest signal.")
            if not bits and (span is not None or inl):
                raise InputError(f"circuit.{name}_range and {name}_inl belong to a converter: set circuit.{name}_bits.")
        converts = self.dac_bits or self.adc_bits
        if converts and feedback != "shared":
            raise InputError(
                f"converters sample and hold one array in turns; with circuit.feedback = {feedback!r} both directions "
                "are read all the time: set it to 'shared', or dac_bits = adc_bits = 0."
            )
        if self.has_dynamics and (converts or np.isfinite(self.tia_saturation)):
            raise InputError(
                "circuit.tia_bandwidth: the amplifiers' dynamics are linear; they are not simulated together with "
                "converters or tia_saturation. Leave tia_bandwidth at inf, or those off."
            )
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

    def ends(self, activity_unit: float) -> list[tuple[Driver, Converter]]:
        """Driver and converter of the forward and of the feedback reads."""
        found = []
        for top in (self.dac_range, self.dac_feedback_range or self.dac_range):
            driver, converter = STRAIGHT, NO_CONVERTER
            if self.dac_bits and top is not None:
                step = top / (2 ** (self.dac_bits - 1) - 1)
                bow = _bow(self.dac_inl * step / top)
                driver = Driver(-top, top, 1.0 - bow, 0.0, bow / top**2)
                converter = converter._replace(dac=step)
            if self.adc_bits and self.adc_range is not None:
                step = self.adc_range / (2 ** (self.adc_bits - 1) - 1)
                bow = _bow(self.adc_inl * step / self.rails(activity_unit).high)
                converter = converter._replace(adc=step, bow=bow)
            found.append((driver, converter))
        return found

    @property
    def clips(self) -> bool:
        """Whether outputs are converted or clipped, so that it matters where they are added."""
        return bool(self.adc_bits or np.isfinite(self.tia_saturation))

    def rails(self, activity_unit: float) -> Limits:
        """Saturation of the amplifiers, and the range of the converters behind them."""
        rail = self.tia_saturation / activity_unit
        if self.adc_bits and self.adc_range is not None:
            rail = min(rail, self.adc_range)
        return Limits(-rail, rail)

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
        for name, bits, top, inl in (
            ("DAC", self.dac_bits, self.dac_range, self.dac_inl),
            ("ADC", self.adc_bits, self.adc_range, self.adc_inl),
        ):
            said += [f"{name} of {bits} bits over ±{top:g}, INL {inl:g} steps"] if bits else []
        said += [f"outputs clip at {self.tia_saturation:g} V"] if np.isfinite(self.tia_saturation) else []
        return said


def _bow(deviation: float) -> float:
    """κ whose curve u (1 + κ (u² − 1)), |u| ≤ 1, is off a straight line by at most `deviation`: 2κ/(3√3)."""
    return deviation * 3.0**1.5 / 2.0


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
    weighted, gain = minus * (1.0 + error[:, None]), noise_gain(cells, rf, mapping, read)
    if read == "forward":
        return Amplifiers(np.stack([plus, -weighted]), gain, delay)
    return Amplifiers((plus - weighted).T[None], gain, delay)


def noise_gain(cells: Array, rf: float, mapping: str, read: str) -> Array:
    """N = 1 + R_f ΣG of the amplifiers that read an array, (bank, n); parameters as of `banks`."""
    if read == "reverse":
        return np.asarray(1.0 + rf * cells.reshape(-1, cells.shape[-1]).sum(axis=0)[None])
    scaled = rf * cells
    if mapping == "reference":
        return np.asarray(1.0 + np.stack(np.broadcast_arrays(scaled[:-1].sum(axis=1), scaled[-1].sum())))
    return np.asarray(1.0 + scaled.sum(axis=2))
