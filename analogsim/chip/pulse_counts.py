"""What a write does to the cells of a connection: pulses, parts of others' pulses, how far they move, time and heat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.gates import Array
from analogsim.chip.state import DeviceState

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Strain:
    """What one write did to the cells of a connection.

    Parameters
    ----------
    full_pulses : (2, …) array of int
        Up and down.
    half_pulses : array of int
    travel : array
        S.
    seconds, joules : float
        NaN where the cells have no voltage.
    """

    full_pulses: Counts
    half_pulses: Counts
    travel: Array
    seconds: float = np.nan
    joules: float = np.nan


def spent(before: DeviceState, strains: Mapping[int, Strain]) -> DeviceState:
    """The time and energy of all writes so far: those of the state before a write, and what the write took.

    Parameters
    ----------
    before : DeviceState
    strains : mapping
        What the write did, by connection.
    """
    time = sum(strain.seconds for strain in strains.values()) + (before.write_time or 0.0)
    energy = sum(strain.joules for strain in strains.values()) + (before.write_energy or 0.0)
    return DeviceState(write_time=np.asarray(time), write_energy=np.asarray(energy))
