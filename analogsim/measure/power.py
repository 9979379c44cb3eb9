"""Energy and time of a crossbar, estimated from its exact solve: power in the arrays times the time to settle.

The power is what the drivers supply to cells, wires and terminals with the settled signals on the lines (for each read,
both arrays of a pair). Assumed: it is drawn for the whole settling; amplifiers, neurons, converters, control and
writing are not counted. Where one array serves both directions in turns, half of the time goes to each, so that
settling takes twice as long at half of the summed power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from analogsim.arrays import layerwise
from analogsim.chip.whole import Chip
from analogsim.circuits.crossbar.circuit import Crossbar
from analogsim.engine.packing import prepare
from analogsim.errors import InputError, instance, shown
from analogsim.functions.activations import activation
from analogsim.wiring import Wiring

Array = NDArray[np.floating]


@dataclass(frozen=True)
class Power:
    """Power of the arrays while both directions are read, W, for each sample."""

    forward: Array
    feedback: Array

    @property
    def total(self) -> Array:
        """Sum of both directions."""
        return self.forward + self.feedback


def array_power(circuit: Crossbar, chip: Chip, x: Array, states: list[Array], wiring: Wiring) -> Power:
    """Power in the arrays of a chip with the given states.

    Parameters
    ----------
    circuit : Crossbar
        Which programmed `chip`.
    x : (sample, feature) array
    states : list of (2, sample, n) arrays
        s of each layer, as settled.
    wiring : Wiring
        Says which signals are read.

    Raises
    ------
    InputError
        If the circuit has no arrays.
    """
    if not isinstance(circuit, Crossbar):
        raise InputError("array_power: only a crossbar has arrays to dissipate in.")
    batch = prepare(chip, x, None, wiring, 0.0)
    x, packed, states = batch.x, batch.packed, layerwise("states", states)
    if [np.shape(s) for s in states] != [(2, len(x), n) for n in chip.sizes[1:]]:
        raise InputError(f"states has shapes {[np.shape(s) for s in states]}; expected (2, {len(x)}, n) of each layer.")
    total = {"forward": np.zeros(len(x)), "reverse": np.zeros(len(x))}
    for j in range(chip.layers):
        for read, sender, q in (("forward", j - 1, packed.forward_q), ("reverse", j, packed.feedback_q)):
            if read == "reverse" and j == 0:
                continue
            signals = x[None] if sender < 0 else _signals(q, packed.cum, states[sender], sender)
            if read == "reverse" and circuit.mapping == "reference":
                signals = np.concatenate([signals, -signals.sum(axis=-1, keepdims=True)], axis=-1)
            cells = circuit.conductances(chip, j, read, wires=False)
            for u in signals:
                total[read] += circuit.power(cells, u * chip.activity_unit, read)
    return Power(total["forward"], total["reverse"])


def _signals(q: Array, cum: NDArray[np.integer], s: Array, sender: int) -> Array:
    """What a layer sends on each read, (R, sample, n)."""
    found: Array = np.einsum("rcn,cbn->rbn", q[:, :, cum[sender] : cum[sender + 1]], s)
    return found


def settled_states(chip: Chip, dataset: xr.Dataset) -> list[Array]:
    """s of each layer at the end of a trajectory, (2, sample, n).

    Parameters
    ----------
    chip : Chip
    dataset : xarray.Dataset
        From `relax` on this chip.
    """
    instance("chip", chip, Chip, "a Chip")
    if not hasattr(dataset, "data_vars") or any(f"a_{k + 1}" not in dataset for k in range(chip.layers)):
        raise InputError(f"dataset = {shown(dataset)}; expected what relax returned for this chip.")
    found = []
    for k in range(1, chip.layers + 1):
        f = activation(chip.output_activation if k == chip.layers else chip.activation)
        found.append(f(dataset[f"a_{k}"].isel(time=-1).transpose("compartment", "sample", f"layer{k}").values))
    return found


def duration(circuit: Crossbar, settling: Array) -> Array:
    """Seconds for settling times in units of τ: twice as long where one array serves both directions in turns.

    Parameters
    ----------
    circuit : Crossbar
    settling : array
        In units of τ.
    """
    return settling * circuit.time_unit * (2.0 if circuit.feedback == "shared" else 1.0)


def energy(circuit: Crossbar, power: Power, settling: Array) -> Array:
    """Joule for each sample: power of both directions times the settling time in units of τ; NaN if not settled.

    Parameters
    ----------
    circuit : Crossbar
    power : Power
        From `array_power`, of the same samples.
    settling : array, (sample,)
        In units of τ; NaN where a sample did not settle.
    """
    return power.total * settling * circuit.time_unit
