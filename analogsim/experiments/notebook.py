"""The notebook of a run: every registered measure, read after each epoch or of the probes, as one labelled dataset."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.circuits.base import child
from analogsim.errors import InputError
from analogsim.experiments.health import update_cost
from analogsim.experiments.setup import Setup
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.measure.declaration import Measure, declared
from analogsim.measure.epoch_measures import VERDICTS
from analogsim.measure.moment import Moment
from analogsim.measure.probe import PROBES, SHOWN, T_END, TIMES, Probe
from analogsim.settings.choices import HEALTH

log = logging.getLogger("analogsim")
Values = NDArray[np.generic]
Page = dict[str, Values]

LEVELS = tuple(HEALTH)


class Notebook:
    """Reads the measures of the trainers epoch by epoch; `dataset` puts the pages together.

    Parameters
    ----------
    setup : Setup
    chip : OnChip
    references : dict
        Digital trainers by name.
    measures : mapping, optional
        What to read, by name; every registered measure if not given. Without one that needs a trace, none is computed.
    """

    def __init__(
        self,
        setup: Setup,
        chip: OnChip,
        references: dict[str, Digital],
        measures: Mapping[str, Measure[object]] | None = None,
    ) -> None:
        self.setup, self.chip = setup, chip
        self.trainers: dict[str, OnChip | Digital] = {"chip": chip, **references}
        known = dict(declared()) if measures is None else measures
        self.measures = {
            name: m
            for name, m in known.items()
            if m.task in (None, setup.data.task) and (m.applies is None or m.applies(setup))
        }
        self.pages: list[Page] = []
        self.probes: dict[int, Page] = {}
        self.noted = chip.chip
        taken = {"epoch", "snapshot", "class", "value", "class_name", "probe_label", "probe_target", *self.sizes}
        for name in taken & {name for name, m in self.measures.items() if not m.is_built_in}:
            raise InputError(f"a measure cannot be called {name!r}, which the results of runs have for something else.")

    def note(self) -> None:
        """Read the measures of an epoch once, at its end or before the first."""
        epoch = len(self.pages)
        moment = Moment(self.setup, self.chip.chip, lambda: self.trainers, epoch)
        self.pages.append(self._read(moment, epoch, traces=False))
        self.chip.verdicts = []
        self.noted = self.chip.chip
        for name, measure in self.measures.items():
            if measure.logged and measure.row:
                numbers = zip(self.trainers, self.pages[-1][name], strict=True)
                told = ", ".join(f"{who} {measure.row.form.format(x)}" for who, x in numbers)
                log.info("epoch %d: %s %s", epoch, measure.long_name, told)

    def probe(self) -> None:
        """Read the measures of some test samples relaxed on the chip last noted."""
        epoch = len(self.pages) - 1
        self.probes[epoch] = self._read(Probe(self.setup, self.noted), epoch, traces=True)

    def _read(self, source: Moment | Probe, epoch: int, *, traces: bool) -> Page:
        """What the measures of a source say; looking at a chip does not change what it learns."""
        page: Page = {}
        chosen = {name: m for name, m in self.measures.items() if m.of_traces == traces}
        with self.chip.aside():
            for name in (name for name, m in chosen.items() if m.is_built_in):
                page[name] = self._value(name, source)
        own = self.chip.asides
        for name in (name for name, m in chosen.items() if not m.is_built_in):
            # What somebody else's measure draws changes nothing that the others draw.
            self.chip.asides = child(self.setup.settings.seed, "measure", name, epoch)
            try:
                with self.chip.aside():
                    page[name] = self._value(name, source)
            finally:
                self.chip.asides = own
        return page

    def _value(self, name: str, source: Moment | Probe) -> Values:
        """What one measure says, in its shape."""
        measure, sizes = self.measures[name], self.sizes
        shape = [sizes.get(dim) for dim in measure.dims]
        if LEVELS.index(measure.health) > LEVELS.index(self.setup.settings.health):
            return np.full([size or 0 for size in shape], np.nan)
        if measure.is_built_in:
            return np.asarray(measure.read(source))
        try:
            found = np.asarray(measure.read(source))
        except Exception as error:  # somebody else's code, which may fail in any way
            reason = " ".join(str(error).split())
            raise InputError(f"the measure {name!r} failed: {type(error).__name__}: {reason}.") from error
        if found.dtype.kind not in "biuf":
            raise InputError(f"the measure {name!r} returned an array of {found.dtype}; expected numbers.")
        before = self.probes if measure.of_traces else dict(enumerate(self.pages))
        if before:
            shape = list(before[0][name].shape)
        fits = found.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, found.shape, strict=True))
        if not fits:
            wanted = ", ".join(dim if n is None else f"{dim}: {n}" for dim, n in zip(measure.dims, shape, strict=True))
            raise InputError(f"the measure {name!r} has shape {found.shape}; its dims say ({wanted}).")
        return found

    @property
    def sizes(self) -> dict[str, int]:
        """Length of every dimension that measures of this package have."""
        return {name: len(labels) for name, labels in self._labels().items()} | {
            "output": self.setup.data.classes,
            "sample": len(self.setup.data.test_x[:PROBES]),
            "shown": len(self.setup.data.test_x[:SHOWN]),
            "time": TIMES,
        }

    @property
    def output(self) -> str:
        """Name of the dimension of the output neurons."""
        return "class" if self.setup.data.task == "classification" else "value"

    def _labels(self) -> dict[str, Sequence[str] | NDArray[np.int64]]:
        """What stands along the dimensions that have labels."""
        layers = self.chip.chip.layers
        return {
            "trainer": list(self.trainers),
            "layer": np.arange(1, layers + 1),
            "hidden": np.arange(1, layers),
            "verdict": list(VERDICTS),
            "slopes": ["one", "true"],
            "compartment": ["+", "-"],
        }

    def _probed(self) -> dict[str, xr.Variable]:
        """What the probe samples are."""
        data = self.setup.data
        if data.task == "classification":
            about = {"long_name": "class of the probe sample", "units": "1"}
            return {"probe_label": xr.Variable("sample", data.test_labels[:PROBES], about)}
        about = {"long_name": "target of the probe sample", "units": "y"}
        return {"probe_target": xr.Variable(("sample", "value"), data.test_y[:PROBES], about)}

    def _variables(self, *, traces: bool, pages: Iterable[Page]) -> dict[str, xr.Variable]:
        pages = list(pages)
        found = {}
        for name, measure in self.measures.items():
            if measure.of_traces == traces:
                dims = [self.output if dim == "output" else dim for dim in measure.all_dims]
                about = {"long_name": measure.long_name, "units": measure.units}
                found[name] = xr.Variable(dims, np.array([page[name] for page in pages]), about)
        return found

    def dataset(self, *, interrupted: bool) -> xr.Dataset:
        """All pages and probes with labels and units."""
        variables = self._variables(traces=False, pages=self.pages)
        variables |= self._variables(traces=True, pages=self.probes.values())
        variables |= self._probed()
        labels = self._labels()
        times = {"long_name": "time", "units": "τ", "seconds": self.chip.chip.time_unit}
        coords = {
            "epoch": xr.Variable("epoch", np.arange(len(self.pages)), {"long_name": "epoch", "units": "1"}),
            "snapshot": xr.Variable(
                "snapshot", list(self.probes), {"long_name": "epoch of the snapshot", "units": "1"}
            ),
            **{name: xr.Variable(name, labels[name], about) for name, about in ABOUT.items()},
            self.output: xr.Variable(
                self.output, np.arange(self.setup.data.classes), {"long_name": "output neuron", "units": "1"}
            ),
            "time": xr.Variable("time", np.linspace(0, T_END, TIMES), times),
        }
        if self.setup.data.names:
            coords["class_name"] = xr.Variable(
                "class", list(self.setup.data.names), {"long_name": "label of the class"}
            )
        assumed = self.setup.circuit.cost_assumptions
        found = xr.Dataset(variables, coords, {"interrupted": int(interrupted), "cost_assumptions": assumed})
        found.attrs |= {f"update_{name}": value for name, value in update_cost(self.setup).items()}
        if "residual" in found:
            found["residual"].attrs["tolerance"] = Probe(self.setup, self.noted).tolerance
        return found


ABOUT = {
    "trainer": {"long_name": "trainer"},
    "layer": {"long_name": "layer", "units": "1"},
    "hidden": {"long_name": "hidden layer", "units": "1"},
    "verdict": {"long_name": "verdict"},
    "slopes": {"long_name": "slopes of the activations"},
    "compartment": {"long_name": "compartment of the dyad"},
}
"""Words of the dimensions that have labels."""
