r"""Opto-electronic circuits: sources, an element that holds the weights, detectors, and an electronic loop.

A signal u modulates a source around its bias, P (1 + d c(u)/S) with S the signal of full depth; the element passes T⁺
and T⁻ of it to the two detectors of each output, which see R P η Σ_j T_ij, η being the throughput of the optics. The
difference of the two paths, less what the bias alone brings, is what the loop gets, so that one unit of the activity is

.. math:: I_1 = R\,P\,η\,d\,χ / (S\,w_\mathrm{max}),

χ being the share of a source's power that a full weight brings. Noise is an outcome of that: a read has

.. math::
    \sigma^2 = \frac{B}{I_1^2}\Big[2q\Big(\sum_j I_{ij} + 2 I_d\Big) + \frac{8kT}{R_f}\Big], \qquad B = \frac{1}{4τ}

from the light at the bias and the detectors, independent between outputs. The intensity of source j wavers by
10^{RIN/20} √B, one draw for all outputs that it lights: u_j becomes u_j + 10^{RIN/20} √B (u_j + S/d) ξ_j. B is the
noise bandwidth of the loop, with τ the sum of the lags 1/(2πf) of its parts unless the card says otherwise: a held draw
has the variance that white noise has in a settled state.

V is written into pixels of its own, or the same element is read from the other side through two beam splitters
(a quarter of the light), V = Wᵀ up to the sources and detectors at the two ends. Larger matrices are tiled: neuron k
uses the (k mod N)-th working channel of its module, and partial sums of several modules are added electronically.
Biases are digital and exact. DOI 10.1038/s41586-025-09430-z for the architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from analogsim.cards import choice, flag, quantity
from analogsim.chip.connections import Connection, ReadPath
from analogsim.chip.noise_levels import CORRELATIONS, ReadClock
from analogsim.chip.state import DeviceState
from analogsim.chip.transfer import STEADY, Driver, Light, Periphery
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Array, Deltas, checked_deltas, child
from analogsim.circuits.neurons import NeuronCircuit
from analogsim.devices.light_source import LightSource
from analogsim.devices.photodetector import Photodetector
from analogsim.devices.weighting import Channels, Realised, Weighting
from analogsim.errors import InputError
from analogsim.network import Network
from analogsim.registry import register

FEEDBACK = ("separate", "both-ways")
CORRECTIONS = ("none", "columns", "columns-and-crosstalk")
SPLITTERS = 0.25
"""Light that two 50:50 beam splitters leave, one at each end of an element that is read both ways."""


@register.circuit("optoelectronic", "weights in light, neurons in electronics")
@dataclass(frozen=True, kw_only=True)
class Optoelectronic(NeuronCircuit):
    """Weights in light, everything else in electronics.

    Parameters
    ----------
    device : Weighting
        What holds the weights: modulator, ring bank, interferometer mesh, phase-change cells.
    source, detector
        The light sources of the senders and the detectors of the receivers.
    neuron_bandwidth : float
        −3 dB frequency of the electronics of a neuron, Hz.
    throughput : float
        η, share of the light that collection and lenses bring to the element and from it to the detectors.
    input_range, signal_range, error_range : float
        S of the input, of the forward and of the feedback signals: what modulates a source fully; greater signals are
        clipped.
    saturation : float
        Greatest current that the amplifiers pass on, in activities.
    feedback : {"separate", "both-ways"}
    correction : {"none", "columns", "columns-and-crosstalk"}
        Calibration: the curve of every column inverted and the gains of sources and detectors levelled; also the
        crosstalk of the detectors undone in the weights.
    use_dead_channels : bool
        Whether channels whose source is dead carry neurons all the same.
    auto_zero : bool
        Whether every output is zeroed with all signals at zero after each writing; else what the bias brings beyond the
        intended weights stays as an offset.
    inverter_error : float
        Relative gain error of the inverting amplifiers in the feedback path, which skew-symmetric networks need.
    asymmetry : float
        Standard deviation of V − Wᵀ in units of rms(W), on top of what the parts do.
    full_scale : float
        Largest weight in units of the layer's rms weight; larger ones are clipped.
    noise : float, optional
        Relative standard deviation of each weight at each read, on top of what the light brings.
    read_mode, read_period, read_correlation
        The read clock; see `analogsim.chip.noise_levels.ReadClock`.
    """

    no_netlist: ClassVar[str] = "an optical circuit has no netlist: SPICE has no light"
    cost_assumptions: ClassVar[str] = (
        "sources, detectors and what holds the weights, always on, no neurons, converters or control; a sample in an\n"
        "update takes its share of the frame that rewrites the weights after each batch."
    )

    device: Weighting
    source: LightSource
    detector: Photodetector
    time_unit: float = quantity("time constant of the loop, in place of the parts' own", "s", above=0, default=None)
    neuron_bandwidth: float = quantity("−3 dB frequency of a neuron's electronics", "Hz", above=0)
    throughput: float = quantity("share of the light that the optics pass", above=0, high=1)
    input_range: float = quantity("input that modulates its source fully", above=0, default=1.0)
    signal_range: float = quantity("activity of a fully modulated forward signal", above=0)
    error_range: float = quantity("activity of a fully modulated feedback signal", above=0)
    saturation: float = quantity(
        "greatest current the amplifiers pass on, in activities", above=0, default=np.inf, infinite=True
    )
    feedback: str = choice("path of the feedback", FEEDBACK, default="separate")
    correction: str = choice("calibration of the columns", CORRECTIONS, default="none")
    use_dead_channels: bool = flag("whether dead channels carry neurons", default=False)
    auto_zero: bool = flag("whether outputs are zeroed at zero signal after writing", default=True)
    inverter_error: float = quantity(
        "relative gain error of the feedback's inverters", low=-1, high=1, default=0.0, ideal=0.0
    )
    asymmetry: float = quantity("standard deviation of V − Wᵀ in units of rms(W)", low=0, default=0.0, ideal=0.0)
    full_scale: float = quantity(
        "largest weight in units of the layer's rms weight", above=0, default=np.inf, infinite=True, ideal=np.inf
    )
    noise: float | None = quantity(
        "relative standard deviation of each weight at each read", low=0, default=None, ideal=None
    )
    read_mode: str = choice("how long a draw of the noise holds", ("per-read", "ou"), default="per-read")
    read_period: float = quantity("period (or correlation time) of the noise, in time constants", above=0, default=4.0)
    read_correlation: str = choice("draw of the two compartments", CORRELATIONS, default="common")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.time_unit is None:
            lags = (self.source.bandwidth, self.detector.bandwidth, self.neuron_bandwidth)
            self._follow("s", time_unit=sum(1.0 / (2.0 * np.pi * f) for f in lags))
        if self.source.calibration and len(self._all_rows(0)[0]) != self.device.channels:
            raise InputError(
                f"the calibrated source has {len(self._all_rows(0)[0])} channels, the device {self.device.channels}; "
                "use parts of one machine, or set device.channels."
            )

    @property
    def noise_bandwidth(self) -> float:
        """B = 1/(4τ), Hz."""
        return 1.0 / (4.0 * self.time_unit)

    @property
    def channels(self) -> Channels:
        """Channels of a module that carry neurons."""
        everything = np.arange(self.device.channels)
        return everything if self.use_dead_channels else everything[(self._all_rows(0) > 0).all(axis=0)]

    def _all_rows(self, seed: int) -> Array:
        everything = np.arange(self.device.channels)
        if self.source.calibration:
            everything = np.arange(len(_column(self.source.calibration)))
        return self.source.rows(everything, len(everything), child(seed, "rows"))

    def _program(self, network: Network, seed: int) -> Chip:
        neurons = self.neurons(network, seed)
        parts = {role: dict(getattr(self, role).record) for role in ("device", "source", "detector")}
        blank = Chip.draft(
            connections=[
                Connection(
                    j,
                    j + 1,
                    ReadPath(w, driver=self._driver("forward", j), light=self._light("forward", j)),
                    ReadPath(w.T, driver=self._driver("feedback", j), light=self._light("feedback", j)) if j else None,
                )
                for j, w in enumerate(network.weights)
            ],
            neurons=neurons,
            nodes=self.node_levels(),
            reads=ReadClock(self.read_mode, self.read_period, self.read_correlation),
            periphery=Periphery(-self.saturation, self.saturation),
            loss=network.loss,
            time_unit=self.time_unit,
            activity_unit=self.activity_unit,
            devices=DeviceState(offset={j: layer.offset for j, layer in enumerate(neurons)}, writes=np.asarray(0)),
            record={"circuit": dict(self.record), **parts, "seed": seed, "words": self.words()},
        )
        return self._write(blank, network.weights, network.biases, child(seed, "programming"))

    def update(self, chip: Chip, deltas: Deltas, rng: np.random.Generator) -> Chip:
        """Rewrite every weight: target plus delta, with what is new at each writing drawn anew. One more frame."""
        if 0 not in chip.devices.target or chip.devices.writes is None:
            raise InputError("update: this chip was not programmed by an opto-electronic circuit.")
        pairs = checked_deltas(chip, deltas)
        weights = [chip.devices.target[j] + dw for j, (dw, _) in enumerate(pairs)]
        return self._write(chip, weights, [b + db for b, (_, db) in zip(chip.biases, pairs, strict=True)], rng)

    def _driver(self, name: str, j: int) -> Driver:
        """Transfer curve of the sources in front of a matrix."""
        return Driver(*map(float, self.source.driver(self._range(name, j))))

    def _light(self, name: str, j: int) -> Light:
        """Intensity noise of the sources in front of a matrix; every module has its own."""
        relative = self.source.relative_noise(self.noise_bandwidth)
        if not relative:
            return STEADY
        return Light(relative, relative * self._range(name, j) / self.source.depth, float(len(self.channels)))

    def _write(self, chip: Chip, targets: Sequence[Array], biases: Sequence[Array], rng: np.random.Generator) -> Chip:
        """The chip with other weights, and all that depends on them."""
        seed, state = int(chip.record["seed"]), chip.devices
        zeroed = [np.array(state.offset[j]) for j in range(chip.layers)]
        returned = [np.zeros(len(target)) for target in targets]
        connections = []
        for j, (target, old) in enumerate(zip(targets, chip.connections, strict=True)):
            limit = self.full_scale * float(np.sqrt(np.mean(target**2))) if np.isfinite(self.full_scale) else np.inf
            wanted = np.clip(target, -limit, limit)
            element, scale = self._element("forward", j, wanted, seed, rng)
            ahead = old.forward.rewritten(**self._direction("forward", j, element, scale, wanted, zeroed[j], seed))
            if j == 0 or old.feedback is None:
                connections.append(old.rewritten(ahead, None))
                continue
            if self.feedback == "separate":
                element, scale = self._element("feedback", j, wanted.T, seed, rng)
            else:
                element = element.transposed
            back = self._direction("feedback", j, element, scale, wanted.T, returned[j - 1], seed)
            connections.append(old.rewritten(ahead, old.feedback.rewritten(**back)))
        neurons = [
            layer.rewritten(biases=bias, offset=offset, feedback_offset=back)
            for layer, bias, offset, back in zip(chip.neurons, biases, zeroed, returned, strict=True)
        ]
        written = np.asarray(1 if state.writes is None else state.writes + 1)
        devices = DeviceState(target=dict(enumerate(targets)), offset=state.offset, writes=written)
        return chip.replace(connections=connections, neurons=neurons, devices=devices)

    def _element(self, name: str, j: int, target: Array, seed: int, rng: np.random.Generator) -> tuple[Realised, float]:
        """Write a matrix into the element; the scale is the weight of a relative weight of one."""
        outputs, modules = self._places(len(target))
        wanted = target
        if self.correction == "columns-and-crosstalk":
            leak = self.detector.leak(outputs, modules).mean(axis=0)
            wanted = np.linalg.solve(np.eye(len(target)) + leak, target)
        scale = float(np.abs(wanted).max()) or 1.0
        fixed = child(seed, "element", name, j)
        return self.device.realise(wanted / scale, outputs, fixed, rng, self.correction != "none"), scale

    def _range(self, name: str, j: int) -> float:
        """S of the signals that matrix j gets."""
        if name == "feedback":
            return self.error_range
        return self.signal_range if j else self.input_range

    def _places(self, count: int) -> tuple[Channels, Channels]:
        """Channel and module of each of `count` neurons."""
        live = self.channels
        index = np.arange(count)
        return live[index % len(live)], index // len(live)

    def _direction(
        self,
        name: str,
        j: int,
        element: Realised,
        scale: float,
        target: Array,
        offset: Array,
        seed: int,
    ) -> dict[str, Array | None]:
        """Weights of one direction of one matrix, and noise from the light that carries them; adds to the offset."""
        n, m = element.plus.shape
        (outputs, modules), (senders, banks) = self._places(n), self._places(m)
        corrected, ends = self.correction != "none", child(seed, "ends", name, j)
        rows = self.source.rows(senders, self.device.channels, ends) * self.source.path_gain()[:, None]
        gains = self.detector.gains(outputs, self.device.channels, ends)
        if corrected:
            rows, gains = (rows > 0).astype(float), np.ones_like(gains)
        leak = self.detector.leak(outputs, modules)
        paths = []
        for c, (passed, sign) in enumerate(((element.plus, 1.0), (element.minus, -1.0))):
            seen = gains[c][:, None] * passed
            dark = gains[c][:, None] * element.floor[c]
            paths.append(sign * (seen + leak[c] @ (seen - dark)) * rows[c])
        weights = scale * (paths[0] + paths[1])
        if name == "feedback":
            weights *= 1.0 + self.inverter_error
            if self.asymmetry:
                drawn = child(seed, "asymmetry", j).standard_normal(weights.shape)
                weights += self.asymmetry * np.sqrt(np.mean(target**2)) * drawn
        full = self._range(name, j)
        light = self.source.power * self.throughput * (SPLITTERS if self.feedback == "both-ways" else 1.0)
        unit = self.detector.responsivity * light * element.signal * self.source.depth / (full * scale)
        current = self.detector.responsivity * light * (element.light * rows.mean(axis=0)).sum(axis=1)
        band = self.noise_bandwidth
        pairs = int(banks[-1]) + 1
        variance = self.detector.shot_variance(current, band) + pairs * (
            2 * self.detector.thermal_variance(band) + self.detector.shot_variance(0.0, band)
        )
        if not self.auto_zero:
            offset += full / self.source.depth * (weights - target).sum(axis=1)  # in place, both compartments
        noise = self.noise * np.abs(weights) if self.noise else None
        return {"weights": weights, "noise": noise, "floor": np.sqrt(variance) / unit}

    def modules(self, chip: Chip) -> int:
        """Elements that hold the weights of a chip, both directions."""
        size = len(self.channels)
        tiles = [-(-w.shape[0] // size) * -(-w.shape[1] // size) for w in chip.forward]
        return sum(tiles) + (sum(tiles[1:]) if self.feedback == "separate" else 0)

    def estimate(self, chip: Chip, *, settling: float = 20.0) -> dict[str, float]:
        """Estimate time and energy; all modules are written at once, and a sample settles for `settling` τ.

        Returns
        -------
        dict
            ``modules``; ``write_time`` and ``written_time`` (s, one update and all so far); ``settle_time`` (s);
            ``power`` (W, sources, detectors and what holds the weights); ``settle_energy`` and ``write_energy`` (J).
        """
        modules, size = self.modules(chip), len(self.channels)
        weights = sum(w.size for w in chip.forward)
        weights += sum(w.size for w in chip.forward[1:]) if self.feedback == "separate" else 0
        write_time = 1.0 / self.device.frame_rate + float(getattr(self.device, "response_time", 0.0))
        power = modules * size * (self.source.power / self.source.efficiency + 2 * self.detector.power)
        power += 2 * weights * self.device.holding_power
        return {
            "modules": float(modules),
            "write_time": write_time,
            "written_time": write_time * float(chip.devices["writes"]),
            "settle_time": settling * self.time_unit,
            "power": power,
            "settle_energy": power * settling * self.time_unit,
            "write_energy": power * write_time + weights * self.device.write_energy,
        }

    def costs(self, chip: Chip, settling: Array, writes: float = 0.0) -> tuple[Array, Array]:
        """Seconds and joules of samples that settle for so many τ, each with its share of a rewriting."""
        found = self.estimate(chip)
        wait = settling * self.time_unit
        return wait + writes * found["write_time"], wait * found["power"] + writes * found["write_energy"]

    def words(self) -> list[str]:
        """Say what is simulated: every part, the path of the feedback, calibration, noise and speed."""
        said = []
        for role, part in (("weights", self.device), ("source", self.source), ("detector", self.detector)):
            about = part.record
            cited = "; ".join(about.get("cite", [])) or "nominal"
            said.append(f"{role} {about.get('name', type(part).__name__)}: {about.get('title', '')} [{cited}]")
            said += part.words()
        path = "an element of its own" if self.feedback == "separate" else "the same element, read from the other side"
        said.append(f"feedback through {path}; modules of {len(self.channels)} channels")
        said.append(f"correction: {self.correction}" + ("; outputs zeroed after writing" if self.auto_zero else ""))
        said += [f"feedback error {self.asymmetry:.1%} of rms(W)"] if self.asymmetry else []
        said += [f"inverters off by {self.inverter_error:.2%}"] if self.inverter_error else []
        said.append(
            f"noise of the light in B = {self.noise_bandwidth:.3g} Hz, {self.read_correlation} to the compartments"
        )
        frame = 1.0 / self.device.frame_rate + float(getattr(self.device, "response_time", 0.0))
        said.append(f"rewriting the weights takes {frame:.3g} s, settling some {20 * self.time_unit:.2g} s")
        return [*said, *self.neuron_words()]


def _column(path: str) -> Array:
    from analogsim.devices.channels import pair

    return pair(path, "row")[0]
