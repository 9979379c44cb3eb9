"""State of the devices of a chip: one table of all that circuits and updates keep about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from analogsim.chip.gates import Array

Each = Mapping[int, Array]
"""An array for each of some connections, by its index."""


def _each(meaning: str, unit: str) -> dict[str, object]:
    return {"meaning": meaning, "unit": unit, "each": True}


def _whole(meaning: str, unit: str) -> dict[str, object]:
    return {"meaning": meaning, "unit": unit, "each": False}


@dataclass(frozen=True, eq=False, repr=False)
class DeviceState(Mapping[str, Array]):
    """What the devices hold: by connection, or one number for the chip.

    As a mapping it has all that is there under flat names, ``"target.0"``, ``"age"``: those of its file.
    """

    target: Each = field(default_factory=dict, metadata=_each("weights that the array is to hold", "activity/activity"))
    scale: Each = field(
        default_factory=dict, metadata=_each("weight of a full range of conductance", "activity/activity")
    )
    conductance: Each = field(
        default_factory=dict, metadata=_each("conductance of each cell as it was programmed", "S")
    )
    feedback: Each = field(
        default_factory=dict, metadata=_each("the same of the second array, where the feedback has its own", "S")
    )
    write_noise: Each = field(
        default_factory=dict,
        metadata=_each("what the last write of each cell adds to the conductance that is seen of it", "S"),
    )
    feedback_write_noise: Each = field(default_factory=dict, metadata=_each("the same of the second array", "S"))
    slow_noise: Each = field(
        default_factory=dict,
        metadata=_each("processes whose sum is the slow 1/f noise of each cell, over that of a factor e in f", "1"),
    )
    feedback_slow_noise: Each = field(default_factory=dict, metadata=_each("the same of the second array", "1"))
    digital: Each = field(
        default_factory=dict, metadata=_each("weights that write-verify keeps in a digital memory", "activity/activity")
    )
    accumulator: Each = field(
        default_factory=dict,
        metadata=_each("change of the weights that mixed precision has not written yet", "activity/activity"),
    )
    fast: Each = field(default_factory=dict, metadata=_each("conductances of the fast array of Tiki-Taka", "S"))
    fast_write_noise: Each = field(
        default_factory=dict, metadata=_each("what the last write of its cells adds to what is seen of them", "S")
    )
    filter: Each = field(
        default_factory=dict, metadata=_each("steps that the low-pass of Tiki-Taka 2 has not passed on yet", "steps")
    )
    full_pulses: Each = field(
        default_factory=dict, metadata=_each("full pulses that each cell got so far, up and down", "pulses")
    )
    half_pulses: Each = field(
        default_factory=dict, metadata=_each("pulses that it got while others were written", "pulses")
    )
    travel: Each = field(default_factory=dict, metadata=_each("Σ|ΔG| of each cell over the updates", "S"))
    feedback_full_pulses: Each = field(default_factory=dict, metadata=_each("the same of the second array", "pulses"))
    feedback_half_pulses: Each = field(default_factory=dict, metadata=_each("the same of the second array", "pulses"))
    feedback_travel: Each = field(default_factory=dict, metadata=_each("the same of the second array", "S"))
    fast_full_pulses: Each = field(default_factory=dict, metadata=_each("the same of the fast array", "pulses"))
    fast_half_pulses: Each = field(default_factory=dict, metadata=_each("the same of the fast array", "pulses"))
    fast_travel: Each = field(default_factory=dict, metadata=_each("the same of the fast array", "S"))
    offset: Each = field(
        default_factory=dict, metadata=_each("offsets of the neurons before the outputs were zeroed", "activity")
    )
    age: Array | None = field(default=None, metadata=_whole("time since the cells were programmed", "s"))
    turn: Array | None = field(
        default=None, metadata=_whole("updates so far, which choose the columns that Tiki-Taka copies", "updates")
    )
    writes: Array | None = field(default=None, metadata=_whole("how often all weights were written", "writes"))
    write_time: Array | None = field(default=None, metadata=_whole("time that all write pulses so far took", "s"))
    write_energy: Array | None = field(
        default=None, metadata=_whole("heat of all write pulses so far in the cells", "J")
    )
    other: Mapping[str, Array] = field(default_factory=dict)
    """What a circuit of somebody else's keeps, by names of its own."""

    @classmethod
    def of(cls, arrays: Mapping[str, ArrayLike]) -> DeviceState:
        """The state with the flat names of a file; what no field is for goes to ``other``."""
        each: dict[str, dict[int, Array]] = {}
        plain: dict[str, Array] = {}
        other: dict[str, Array] = {}
        for key, value in arrays.items():
            name, _, index = key.partition(".")
            if name in EACH and index.isdecimal():
                each.setdefault(name, {})[int(index)] = np.asarray(value)
            elif key in WHOLE:
                plain[key] = np.asarray(value)
            else:
                other[key] = np.asarray(value)
        return cls(**each, **plain, other=other)  # type: ignore[arg-type]

    def joined(self, newer: DeviceState) -> DeviceState:
        """Both states; where they have the same, that of the newer one."""
        each: dict[str, Each] = {name: {**getattr(self, name), **getattr(newer, name)} for name in EACH}
        whole = {name: value for name in WHOLE if (value := getattr(newer, name)) is not None}
        return replace(self, **each, **whole, other={**self.other, **newer.other})  # type: ignore[arg-type]

    def __getitem__(self, key: str) -> Array:
        name, _, index = key.partition(".")
        if name in EACH and index.isdecimal():
            found: Array = getattr(self, name)[int(index)]
            return found
        whole: Array | None = getattr(self, key) if key in WHOLE else self.other.get(key)
        if whole is None:
            raise KeyError(key)
        return whole

    def __iter__(self) -> Iterator[str]:
        for name in EACH:
            yield from (f"{name}.{j}" for j in getattr(self, name))
        yield from (name for name in WHOLE if getattr(self, name) is not None)
        yield from self.other

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"DeviceState of {', '.join(self.words()) or 'nothing'}"

    def words(self) -> list[str]:
        """Name what is kept."""
        held = [name for name in EACH if getattr(self, name)]
        return [*held, *(name for name in WHOLE if getattr(self, name) is not None), *self.other]

    def __post_init__(self) -> None:
        found = self.__dict__
        found.update({name: MappingProxyType(dict(found[name])) for name in (*EACH, "other")})

    def __getstate__(self) -> dict[str, object]:
        """What pickle and `copy.deepcopy` keep: views that only read their dictionaries cannot be copied."""
        return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in self.__dict__.items()}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Take it over and close it again."""
        self.__dict__.update({k: MappingProxyType(v) if isinstance(v, dict) else v for k, v in state.items()})


EACH = tuple(item.name for item in fields(DeviceState) if item.metadata.get("each"))
WHOLE = tuple(item.name for item in fields(DeviceState) if item.metadata.get("each") is False)
"""Names of what there is for each connection, and once for the chip."""
NOTHING = DeviceState()
"""Of devices that keep no state."""
