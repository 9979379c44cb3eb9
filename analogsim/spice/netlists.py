"""From a programmed circuit to SPICE files with what our own engine expects of them, and ngspice as the judge."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim import __version__
from analogsim.chip.whole import Chip
from analogsim.circuits.base import Circuit
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.engine.packing import prepare
from analogsim.engine.transient import relax
from analogsim.errors import InputError, unknown
from analogsim.files import atomic
from analogsim.functions.activations import ACTIVATIONS, activation
from analogsim.functions.node_noises import NODE_NOISES
from analogsim.learning.local import gradient
from analogsim.spice.deck import Amplifier, Deck, Mixing, Pairs, elements, testbench
from analogsim.wiring import Wiring

Array = NDArray[np.floating]

LEVELS = ("ideal", "tia")
COMPARED = 2000
"""Most points of a waveform at which our engine is asked."""
WARN, REFUSE = 50_000, 200_000
"""Elements above which SPICE takes minutes, and above which a deck is only written if forced."""
TOLERANCE = 3e-5
"""Largest deviation from ngspice at the testbench's step, in activities, or of the largest activity above one."""


@dataclass(frozen=True)
class Netlist:
    """A chip, one sample and one wiring as a circuit.

    Parameters
    ----------
    chip : Chip
        Programmed by `circuit`; its random noise is left out.
    circuit : Circuit
    wiring : Wiring
    x, y : (feature,), (class,) arrays
    beta : float
    level : {"ideal", "tia"}
    name : str
        Of the subcircuit and the files.
    t_end : float
        In units of the chip's ``time_unit``.
    sample : int
        Number of the sample, for the header.
    """

    chip: Chip
    circuit: Circuit
    wiring: Wiring
    x: Array
    y: Array
    beta: float
    level: str = "ideal"
    name: str = "chip"
    t_end: float = 20.0
    sample: int = 0

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise unknown("level", self.level, LEVELS)
        if self.circuit.no_netlist:
            raise InputError(f"{self.circuit.no_netlist}.")
        if getattr(self.circuit, "feedback", "") == "full-duplex":
            raise InputError("an array that is driven at both ends at once (full duplex) has no netlist yet.")
        chip = self.chip
        if chip.is_shaped or chip.is_limited or chip.converters.any():
            raise InputError("netlist: no circuit for converters, curved drivers or clipping; switch them off.")
        for kind in (chip.activation, chip.output_activation):
            if activation(kind).netlist is None:
                drawn = [name for name, item in ACTIVATIONS.items() if item.netlist is not None]
                raise unknown("activation with a circuit", kind, drawn)
        if not self.name.isidentifier():
            raise InputError(f"{self.name!r} cannot name a subcircuit: letters, digits and underscores only.")
        none = (None,) * self.chip.layers
        still: dict[str, Any] = dict.fromkeys(
            ("forward_noise", "feedback_noise", "forward_floor", "feedback_floor"), none
        )
        still |= {kind.field: 0.0 for kind in NODE_NOISES}
        still["tia"] = self.chip.tia if self.level == "tia" else None
        object.__setattr__(self, "chip", self.chip.replace(**still))

    def deck(self) -> Deck:
        """The subcircuit."""
        chip = self.chip
        p = prepare(chip, self.x[None], self.y[None], self.wiring, self.beta).packed
        edges = 2 * p.cum
        constant = [p.drive[i:j].reshape(2, -1) for i, j in pairwise(edges)]
        constant[0] = constant[0] - chip.gain[0] * (chip.forward[0] @ self.x)
        # What is left of a sum that is exactly zero is rounding.
        constant = [np.where(np.abs(c) < 1e-14, 0.0, c) for c in constant]
        mixing = Mixing(
            p.forward_q, p.forward_p, p.feedback_q, p.feedback_p, constant, np.asarray(p.nudge), np.asarray(p.nudge_at)
        )
        arrays, amplifier = (self._pairs(), self._amplifier()) if self.level == "tia" else (None, None)
        return Deck(chip, mixing, self.name, self.beta, arrays, amplifier)

    def _amplifier(self) -> Amplifier:
        made = self.circuit
        assert isinstance(made, Crossbar)
        return Amplifier(made.tia_gain, 2 * np.pi * made.tia_bandwidth, made.tia_capacitance)

    def _pairs(self) -> dict[str, Pairs]:
        """Cells of every read."""
        made, chip = self.circuit, self.chip
        if not isinstance(made, Crossbar):
            raise InputError("level 'tia' draws the cells of a crossbar; this circuit has none. Use level 'ideal'.")
        if not (made.has_dynamics and made.has_amplifiers):
            raise InputError(
                "level 'tia' needs real amplifiers: set circuit.tia_gain and circuit.tia_bandwidth, as in "
                '--set circuit.tia_gain=1e3 --set circuit.tia_bandwidth="60 MHz".'
            )
        for what, bad in (
            ("mapping = 'reference'", made.mapping == "reference"),
            ("slices", made.slices > 1),
            ("asymmetry", made.asymmetry > 0),
            ("the delay of lines", made.is_lagging(chip.sizes)),
        ):
            if bad:
                raise InputError(
                    f"level 'tia' draws single pairs of cells as they are; it cannot show {what}. Use level 'ideal'."
                )
        seed, span, found = int(chip.record["seed"]), made.device.span, {}
        for j in range(chip.layers):
            rf = float(chip.devices.scale[j]) / span
            for read in ("forward", "reverse") if j else ("forward",):
                cells = made.conductances(chip, j, read)
                error = made.gain_errors(cells.shape[1], j, read, seed)
                name = f"f{j}" if read == "forward" else f"b{j - 1}"
                found[name] = Pairs(cells if read == "forward" else cells.transpose(0, 2, 1), rf, error)
        return found

    def relaxed(self, times: Array, rtol: float = 1e-10) -> xr.Dataset:
        """The trajectory that our engine computes; with dynamic amplifiers its relative tolerance is at least 1e-7."""
        options: dict[str, Any] = {"solver": "scipy:DOP853", "rtol": rtol, "atol": rtol * 1e-2}
        if self.chip.tia is not None:
            options = {"rtol": max(rtol, 1e-7), "atol": max(rtol, 1e-7) * 1e-3}
        return relax(self.chip, self.x[None], self.y[None], wiring=self.wiring, beta=self.beta, times=times, **options)

    def expected(self, rtol: float = 1e-10) -> tuple[Array, Array, xr.Dataset]:
        """Times, (time, compartment) in activities, and the dataset of our own engine."""
        times = np.linspace(0.0, self.t_end, 201)
        dataset = self.relaxed(times, rtol)
        return times, states(dataset, self.chip), dataset

    def header(self, deck: Deck, dataset: xr.Dataset) -> list[str]:
        """What the deck is, and what it should give."""
        chip, digest = self.chip, hashlib.sha256()
        for w, b in zip(chip.forward, chip.biases, strict=True):
            digest.update(np.ascontiguousarray(w).tobytes() + np.ascontiguousarray(b).tobytes())
        matrices = {"F": self.wiring.forward, "B": self.wiring.feedback, "N": self.wiring.nudge_at}
        tau = np.concatenate([t.ravel() for t in chip.tau])
        last = states(dataset, chip)[-1]
        outputs = [(n, v) for n, v in zip(deck.compartments, last, strict=True) if n.startswith(f"a{chip.layers - 1}")]
        lines = [
            f"dyadic network {'-'.join(map(str, chip.sizes))}, level {self.level}, analogsim {__version__}",
            f"circuit {self.circuit.record.get('path', type(self.circuit).__name__)}, seed {chip.record.get('seed')}, "
            f"sample {self.sample}; effective weights sha256 {digest.hexdigest()[:16]}",
            f"rule {self.wiring.name}: " + " ".join(f"{k}={m.tolist()}" for k, m in matrices.items()),
            f"nudge n={self.wiring.nudge_gain.tolist()} beta={self.beta!r}",
            f"tau {tau.min():.4g} to {tau.max():.4g} of {chip.time_unit:g} s; 1 activity = {chip.activity_unit:g} V",
            *(f"simulated: {said}" for said in chip.record.get("words", [])),
            "random noise is left out: node noise, read noise",
            f"expected at t = {self.t_end:g} tau ({dataset.status.values[0]!s}), in activities:",
            *(f"  {node} = {value!r}" for node, value in ((n, float(v)) for n, v in outputs)),
            f"expected norm of the update: {self._update_norm(dataset)!r}",
        ]
        return [f"* {line}" for line in lines]

    def _update_norm(self, dataset: xr.Dataset) -> float:
        if not self.beta:
            return 0.0
        found = gradient(self.chip, dataset.isel(time=-1))
        return float(np.sqrt(sum((w**2).sum() + (b**2).sum() for w, b in found)))

    def files(self, *, bench: bool = True, force: bool = False) -> dict[str, str]:
        """Contents of the files by name: subcircuit, testbench and expected values.

        Raises
        ------
        InputError
            If the deck has more than 200,000 elements and is not forced.
        """
        deck = self.deck()
        lines = deck.lines()
        count = elements(lines, f"dyadic_{self.name}")
        if count > REFUSE and not force:
            raise InputError(
                f"{count} elements: SPICE would take hours; above {REFUSE} a deck is written only with --force."
            )
        times, a, dataset = self.expected()
        head = self.header(deck, dataset)
        head.append(f"* {count} elements")
        found = {f"{self.name}.subckt.cir": _text([*head, *deck.parameters(), *lines])}
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["t_s", *(f"{node}_V" for node in deck.compartments)])
        for t, row in zip(times * self.chip.time_unit, a * self.chip.activity_unit, strict=True):
            writer.writerow([repr(float(t)), *(repr(float(v)) for v in row)])
        found[f"{self.name}.expected.csv"] = stream.getvalue()
        if bench:
            body = testbench(deck, self.x, self.y, self.t_end, f"{self.name}.subckt.cir")
            found[f"{self.name}_tb.cir"] = _text([f"* testbench of {self.name}", *head[:3], *body])
        return found

    def elements(self) -> int:
        """Number of elements of the deck."""
        return elements(self.deck().lines(), f"dyadic_{self.name}")

    def write(self, folder: str | Path, *, bench: bool = True, force: bool = False) -> list[Path]:
        """Write the files into a folder."""
        written = []
        for name, content in self.files(bench=bench, force=force).items():
            target = Path(folder) / name
            with atomic(target) as temporary:
                Path(temporary).write_text(content, encoding="utf-8")
            written.append(target)
        return written


@dataclass(frozen=True)
class Verdict:
    """What ngspice found."""

    deviation: float
    """Largest |a_ngspice − a| over all compartments and accepted times, in activities."""
    largest: float
    points: int
    complaints: list[str]

    @property
    def agrees(self) -> bool:
        """Whether the deviation is within tolerance and the log holds no failure."""
        return self.deviation <= TOLERANCE * max(1.0, self.largest) and not self.complaints


def verify(netlist: Netlist, bench: str | Path) -> Verdict:
    """Run ngspice on a testbench and compare it with our engine at the times that it accepted.

    Its exit code is not trusted: a failed operating point exits with 0.

    Raises
    ------
    InputError
        If ngspice is not on PATH or wrote no waveforms.
    """
    program = shutil.which("ngspice")
    if program is None:
        raise InputError("--verify needs ngspice on PATH, and there is none.")
    bench = Path(bench).resolve()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "out.raw"
        done = subprocess.run(
            [program, "-b", "-r", str(raw), str(bench)], cwd=bench.parent, capture_output=True, text=True, check=False
        )
        log = (done.stdout + done.stderr).splitlines()
        if not raw.is_file():
            raise InputError(f"ngspice wrote no waveforms: {next((s for s in log if 'rror' in s), 'no message')}.")
        names, values = read_raw(raw)
    complaints = [line.strip() for line in log if "failed" in line.lower() or "Transient op" in line]
    times = values[:, 0] / netlist.chip.time_unit
    keep = np.flatnonzero(np.concatenate([[True], np.diff(times) > 0]) & (times <= netlist.t_end))
    keep = keep[:: -(-len(keep) // COMPARED)]
    columns = [names.index(f"v({node})") for node in netlist.deck().compartments]
    measured = values[keep][:, columns] / netlist.chip.activity_unit
    own = states(netlist.relaxed(times[keep], 1e-9), netlist.chip)
    return Verdict(float(np.abs(measured - own).max()), float(np.abs(own).max()), len(keep), complaints)


def read_raw(path: str | Path) -> tuple[list[str], Array]:
    """Names and (point, variable) values of a binary raw file of a transient analysis."""
    head, _, body = Path(path).read_bytes().partition(b"Binary:\n")
    lines = head.decode("utf-8", "replace").splitlines()
    sizes = {
        key: int(line.split(":")[1])
        for line in lines
        for key in ("Variables", "Points")
        if line.startswith(f"No. {key}")
    }
    first = lines.index("Variables:") + 1
    names = [line.split()[1].lower() for line in lines[first : first + sizes["Variables"]]]
    count = sizes["Variables"] * (len(body) // (8 * sizes["Variables"]))
    return names, np.frombuffer(body, dtype="<f8", count=count).reshape(-1, sizes["Variables"])


def states(dataset: xr.Dataset, chip: Chip) -> Array:
    """States of the one sample, (time, compartment) in the order layer, (p, m), neuron."""
    parts = [dataset[f"a_{k}"].values[0] for k in range(1, chip.layers + 1)]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
