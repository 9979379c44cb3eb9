"""The notebook of a run: what is measured after every epoch, put together as one labelled dataset."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim import measure
from analogsim.chip.whole import Chip
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.circuits.optical.circuit import Optoelectronic
from analogsim.engine.transient import relax
from analogsim.errors import InputError
from analogsim.experiments import health
from analogsim.experiments.setup import Setup
from analogsim.functions.losses import loss
from analogsim.learning.on_chip import Digital, OnChip
from analogsim.learning.reference import implicit
from analogsim.settings.noises import NODE_NOISES

log = logging.getLogger("analogsim")

GRADIENT_SAMPLES = 200
"""Training samples on which the gradient is compared with its reference."""
PROBES, SHOWN = 16, 4
"""Test samples relaxed in continuous time, and how many of them keep the traces of their output."""
T_END, TIMES = 40.0, 401
TOLERANCE = 1e-3
"""A probe has settled when max |τ da/dt| / min(1, |β|) stays below this."""


class Notebook:
    """Measures three trainers epoch by epoch; `dataset` puts the pages together."""

    def __init__(self, setup: Setup, chip: OnChip, references: dict[str, Digital]) -> None:
        self.setup, self.chip = setup, chip
        self.trainers: dict[str, OnChip | Digital] = {"chip": chip, **references}
        self.pages: list[dict[str, Any]] = []
        self.probes: dict[int, dict[str, Any]] = {}
        self.noted = chip.chip

    def note(self) -> None:
        """Measure everything once, at the end of an epoch or before the first."""
        with self.chip.aside():
            self._note()

    def _note(self) -> None:
        data, wiring = self.setup.data, self.setup.wiring
        page: dict[str, Any] = {}
        outputs = [trainer.output(data.test_x) for trainer in self.trainers.values()]
        page |= {name: [found[name] for found in map(data.scores, outputs)] for name in data.figures}
        judged = loss(self.setup.network.loss)
        page["test_loss"] = [float(judged.value(out, data.test_y).mean()) for out in outputs]
        page["lipschitz"] = [measure.lipschitz(trainer.network) for trainer in self.trainers.values()]
        x, y = data.train_x[:GRADIENT_SAMPLES], data.train_y[:GRADIENT_SAMPLES]
        gradient, settled = self.chip.gradient(x, y)
        try:
            found = measure.alignment(gradient, implicit(self.chip.network, x, y, wiring))
            page["gradient_cosine"], page["gradient_norm_ratio"], page["gradient_cosine_whole"] = found
        except InputError:
            # The noiseless network has no equilibrium, and so no exact gradient, at these weights.
            nothing = np.full(self.chip.chip.layers, np.nan)
            page["gradient_cosine"], page["gradient_norm_ratio"], page["gradient_cosine_whole"] = (
                nothing,
                nothing,
                np.nan,
            )
        page["symmetry_defect"] = measure.symmetry_defect(self.chip.chip)
        page["saturation"] = 100 * measure.saturation(settled.a[:-1], self.chip.chip.activation)
        page["activation_max"] = max(float(np.abs(a).max()) for a in settled.a)
        if not self.chip.verdicts:
            self.chip.verdicts.append(settled.status)
        page |= health.examine(self.setup, self.chip, self.setup.settings.health)
        page["settled"] = self.chip.settled_share()
        self.pages.append(page)
        self.noted = self.chip.chip
        for name, figure in data.figures.items():
            told = ", ".join(f"{who} {figure.say(x)}" for who, x in zip(self.trainers, page[name], strict=True))
            log.info("epoch %d: %s %s", len(self.pages) - 1, figure.long_name, told)

    def probe(self) -> None:
        """Relax some test samples on the chip last noted, in continuous time from a = 0, as an oscilloscope would."""
        data, settings, chip = self.setup.data, self.setup.settings, self.noted
        x, y = data.test_x[:PROBES], data.test_y[:PROBES]
        common: dict[str, Any] = {"wiring": self.setup.wiring, "beta": settings.beta, "seed": settings.seed}
        common |= {"t_end": T_END, "times": np.linspace(0, T_END, TIMES)}
        # With the noise held there is a point to settle to; with the noise running there is not.
        mode = "quasi-static" if chip.read_mode == "quasi-static" else "per-read"
        held = chip.replace(**{kind.field: 0.0 for kind in NODE_NOISES}, read_mode=mode, read_period=10 * T_END)
        still = relax(held, x, y, tol=TOLERANCE, **common)
        live = relax(chip, x[:SHOWN], y[:SHOWN], **common) if chip.has_noise else still.isel(sample=slice(SHOWN))
        residual = still["residual"].values
        tol = TOLERANCE * min(1.0, settings.beta)
        self.probes[len(self.pages) - 1] = {
            "residual": residual,
            "status": still["status"].values.astype(str),
            "settling_time": np.where(
                still["status"].values == "converged",
                measure.settling_time(still["time"].values, residual, tol),
                np.nan,
            ),
            "output": live[f"a_{chip.layers}"].values,
        }
        self.probes[len(self.pages) - 1] |= self._costs(held, still, x, common)

    def _costs(self, chip: Chip, nudged: xr.Dataset, x: NDArray[np.float64], common: dict[str, Any]) -> dict[str, Any]:
        """Time and energy of an inference and of an update, estimated from the arrays; NaN where there are none."""
        made, settings = self.setup.circuit, self.setup.settings
        tol = TOLERANCE * min(1.0, settings.beta)
        if not isinstance(made, Crossbar | Optoelectronic):
            return dict.fromkeys(health.COSTS, np.full(len(x), np.nan))
        free = relax(chip, x, tol=TOLERANCE, **{**common, "beta": 0.0})
        found = {}
        for name, dataset, limit in (("inference", free, TOLERANCE), ("update", nudged, tol)):
            settling = measure.settling_time(dataset["time"].values, dataset["residual"].values, limit)
            settling = np.where(dataset["status"].values == "converged", settling, np.nan)
            if isinstance(made, Optoelectronic):
                # One frame rewrites the weights for a whole batch, or several.
                share = 1.0 / (settings.batch_size * settings.write_every) if name == "update" else 0.0
                found[f"{name}_time"], found[f"{name}_energy"] = made.costs(chip, settling, share)
                continue
            states = measure.settled_states(chip, dataset)
            power = measure.array_power(made, chip, x, states, self.setup.wiring)
            found[f"{name}_time"] = measure.duration(made, settling)
            found[f"{name}_energy"] = measure.energy(made, power, settling)
        if settings.nudge == "auto-zero":
            for what in ("time", "energy"):
                found[f"update_{what}"] = found[f"update_{what}"] + found[f"inference_{what}"]
        return found

    @property
    def output(self) -> str:
        """Name of the dimension of the output neurons."""
        return "class" if self.setup.data.task == "classification" else "value"

    def _judged(self) -> Page:
        """The figures that the task is judged by."""
        figures = self.setup.data.figures
        return {name: (("epoch", "trainer"), figure.long_name, figure.units) for name, figure in figures.items()}

    def _probe(self) -> Page:
        """`PROBE` with the dimension of the output neurons."""
        dims, words, units = PROBE["output"]
        return {**PROBE, "output": ((*dims, self.output), words, units)}

    def _probed(self) -> dict[str, Any]:
        """What the probe samples are."""
        data = self.setup.data
        if data.task == "classification":
            labels = data.test_labels[:PROBES]
            return {"probe_label": ("sample", labels, {"long_name": "class of the probe sample", "units": "1"})}
        about = {"long_name": "target of the probe sample", "units": "y"}
        return {"probe_target": (("sample", "value"), data.test_y[:PROBES], about)}

    def dataset(self, *, interrupted: bool) -> xr.Dataset:
        """All pages and probes with labels and units."""
        pages, probes = self.pages, list(self.probes.values())
        variables = {
            name: (dims, np.array([page[name] for page in pages]), {"long_name": words, "units": units})
            for name, (dims, words, units) in (self._judged() | PAGES | health.PAGES).items()
        }
        variables |= {
            name: (dims, np.array([probe[name] for probe in probes]), {"long_name": words, "units": units})
            for name, (dims, words, units) in self._probe().items()
        }
        variables |= self._probed()
        layers = self.chip.chip.layers
        coords: dict[str, tuple[str, Any, dict[str, Any]]] = {
            "epoch": ("epoch", np.arange(len(pages)), {"long_name": "epoch", "units": "1"}),
            "snapshot": ("snapshot", list(self.probes), {"long_name": "epoch of the snapshot", "units": "1"}),
            "trainer": ("trainer", list(self.trainers), {"long_name": "trainer"}),
            "layer": ("layer", np.arange(1, layers + 1), {"long_name": "layer", "units": "1"}),
            "hidden": ("hidden", np.arange(1, layers), {"long_name": "hidden layer", "units": "1"}),
            "verdict": ("verdict", list(health.VERDICTS), {"long_name": "verdict"}),
            "slopes": ("slopes", ["one", "true"], {"long_name": "slopes of the activations"}),
            "compartment": ("compartment", ["+", "-"], {"long_name": "compartment of the dyad"}),
            self.output: (
                self.output,
                np.arange(self.setup.data.classes),
                {"long_name": "output neuron", "units": "1"},
            ),
            "time": (
                "time",
                np.linspace(0, T_END, TIMES),
                {"long_name": "time", "units": "τ", "seconds": self.chip.chip.time_unit},
            ),
        }
        if self.setup.data.names:
            coords["class_name"] = ("class", list(self.setup.data.names), {"long_name": "label of the class"})
        assumed = self.setup.circuit.cost_assumptions
        found = xr.Dataset(variables, coords, {"interrupted": int(interrupted), "cost_assumptions": assumed})
        found.attrs |= {f"update_{name}": value for name, value in health.update_cost(self.setup).items()}
        found["residual"].attrs["tolerance"] = TOLERANCE * min(1.0, self.setup.settings.beta)
        return found


Page = dict[str, tuple[tuple[str, ...], str, str]]
PAGES: Page = {
    "test_loss": (("epoch", "trainer"), "mean loss on the test set", "1"),
    "lipschitz": (("epoch", "trainer"), "Lipschitz constant ‖W_L ⋯ W_1‖", "1"),
    "gradient_cosine": (("epoch", "layer"), "cosine to the exact gradient", "1"),
    "gradient_norm_ratio": (("epoch", "layer"), "length over that of the exact gradient", "1"),
    "gradient_cosine_whole": (("epoch",), "cosine to the exact gradient, all layers", "1"),
    "symmetry_defect": (("epoch", "hidden"), "feedback error ‖V − Wᵀ‖/‖W‖", "1"),
    "saturation": (("epoch", "hidden"), "neurons on a flat part of the activation", "%"),
    "activation_max": (("epoch",), "largest |a|", "activity"),
    "settled": (("epoch",), "training samples that settled", "%"),
}
PROBE: Page = {
    "residual": (("snapshot", "sample", "time"), "residual max |τ da/dt|", "activity"),
    "status": (("snapshot", "sample"), "verdict", "1"),
    "settling_time": (("snapshot", "sample"), "settling time", "τ"),
    "output": (("snapshot", "shown", "time", "compartment"), "output a_L", "activity"),
    "inference_time": (("snapshot", "sample"), "time of an inference", "s"),
    "inference_energy": (("snapshot", "sample"), "energy of the arrays in an inference, estimated", "J"),
    "update_time": (("snapshot", "sample"), "time of a sample in an update", "s"),
    "update_energy": (("snapshot", "sample"), "energy of the arrays for a sample in an update, estimated", "J"),
}
