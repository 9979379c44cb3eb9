"""The neurons of a chip: one record for each layer that has any, with a row for each compartment, + and −."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from analogsim.chip.gates import Array, Closed, fixed, shaped
from analogsim.errors import out_of_range
from analogsim.functions.activations import activation


def deviation(
    symbol: str, meaning: str, nominal: float, *, compartments: bool = True, trimmed: bool = True
) -> dict[str, object]:
    """Declare what may differ from neuron to neuron, as the metadata of a field.

    Parameters
    ----------
    symbol, meaning : str
        For pictures of a chip in words.
    nominal : float
        Of a perfect neuron.
    compartments : bool
        Whether each compartment has its own, in a (2, n) array, or each neuron one, (n,).
    trimmed : bool
        Whether trimming the neurons brings it nearer to its nominal value.
    """
    shape = {"compartments": compartments, "trimmed": trimmed}
    return {"symbol": symbol, "meaning": meaning, "nominal": nominal, **shape}


def _nominal() -> Array:
    """Stands for the nominal value until the number of neurons is known."""
    return np.empty(0)


@dataclass(frozen=True, eq=False, repr=False)
class Neurons(Closed):
    """The n neurons of a layer; what is left out is nominal.

    Parameters
    ----------
    biases : (n,) array
    activation : str
    tau : (2, n) array
        Time constants in units of the chip's ``time_unit``; > 0.
    gain : (2, n) array
        g, nominally 1: gain of each compartment for all that comes from the arrays.
    offset : (2, n) array
        o, in units of the activity.
    divider : (2, n) array
        δ, error of the ratio that mixes a neuron's compartments into what it sends forward (row = receiver's
        compartment). Where the nominal rows of F are equal there is one divider, and row 0 holds for both.
    mirror : (2, n) array
        Relative error of the mirror that brings the feedback into each compartment.
    nudge : (2, n) array or None
        ν, relative error of the nudge of each compartment; None where no loss reads the layer.
    feedback_offset : (n,) array
        Offset of the array current that comes back to a neuron, before its mirrors, in units of the activity; it enters
        the compartments as the feedback does.
    """

    biases: Array
    activation: str = "relu"
    tau: Array = field(default_factory=_nominal, metadata=deviation("τ", "time constant", 1.0, trimmed=False))
    gain: Array = field(default_factory=_nominal, metadata=deviation("gain", "gain for array currents", 1.0))
    offset: Array = field(default_factory=_nominal, metadata=deviation("offset", "offset", 0.0))
    divider: Array = field(default_factory=_nominal, metadata=deviation("divider", "error of the forward mixing", 0.0))
    mirror: Array = field(default_factory=_nominal, metadata=deviation("mirror", "error of the feedback mirror", 0.0))
    nudge: Array | None = field(default_factory=_nominal, metadata=deviation("nudge", "error of the nudge", 0.0))
    feedback_offset: Array = field(
        default_factory=_nominal,
        metadata=deviation("feedback offset", "offset of the feedback", 0.0, compartments=False, trimmed=False),
    )

    def __post_init__(self) -> None:
        for item in DEVIATIONS:
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray) and not value.size:
                about, n = item.metadata, np.size(self.biases)
                full = np.full((2, n) if about["compartments"] else n, about["nominal"])
                object.__setattr__(self, item.name, full)

    def __len__(self) -> int:
        return len(self.biases)

    def closed(self, j: int) -> Neurons:
        """The same neurons with arrays that cannot be written to; the same object if they are closed already."""
        found = {}
        for name in ARRAYS:
            value = getattr(self, name)
            if value is not None and (closed := fixed(f"Chip.{name}[{j}]", value)) is not value:
                found[name] = closed
        return self.rewritten(**found) if found else self

    def rewritten(self, **arrays: Array | None) -> Neurons:
        """The same neurons with other arrays, unchecked: part of `Chip.rewritten`, and as quick."""
        new = object.__new__(Neurons)
        new.__dict__.update(self.__dict__)
        new.__dict__.update(arrays)
        return new

    def trimmed(self, residual: float) -> Neurons:
        """The neurons after a trim that leaves a share of every deviation that trimming reaches."""
        left = {}
        for item in DEVIATIONS:
            value, nominal = getattr(self, item.name), item.metadata["nominal"]
            if item.metadata["trimmed"] and value is not None:
                left[item.name] = nominal + residual * (value - nominal) if nominal else residual * value
        return self.rewritten(**left)

    def biased(self, biases: Array) -> Neurons:
        """The same neurons with other biases, unchecked."""
        return self.rewritten(biases=biases)

    def frame(self) -> tuple[object, ...]:
        """All but the biases."""
        return self.activation, *(getattr(self, item.name) for item in DEVIATIONS)

    def check(self, j: int, n: int, *, is_read: bool) -> None:
        """Raise `InputError` for an array of a wrong shape or value, in layer j+1 with n neurons."""
        shaped(f"Chip.biases[{j}]", self.biases, (n,))
        for item in DEVIATIONS:
            value = getattr(self, item.name)
            if item.name != "nudge":
                shaped(f"Chip.{item.name}[{j}]", value, (2, n) if item.metadata["compartments"] else (n,))
            elif is_read:
                shaped("Chip.nudge", value, (2, n))
        if not (self.tau > 0).all():
            raise out_of_range(f"Chip.tau[{j}]", float(self.tau.min()), "every time constant > 0")
        activation(self.activation)

    def words(self) -> list[str]:
        """Say what deviates, and by how much at most."""
        said = []
        for item in DEVIATIONS:
            value, about = getattr(self, item.name), item.metadata
            largest = 0.0 if value is None else float(np.abs(value - about["nominal"]).max())
            said += [f"{about['symbol']} off by up to {largest:.3g}"] if largest else []
        return said


DEVIATIONS = tuple(item for item in fields(Neurons) if "nominal" in item.metadata)
"""What may differ from neuron to neuron."""
ARRAYS = ("biases", *(item.name for item in DEVIATIONS))
"""Fields that hold arrays."""
