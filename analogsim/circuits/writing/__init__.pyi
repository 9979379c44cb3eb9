# Types of the names that __init__.py loads on first use; written by `python -m tests.stubs`.

from analogsim.circuits.writing.biasing import (
    SCHEMES,
    array_time,
    cell_voltages,
    energy_factor,
    floating_voltages,
    line_voltages,
    pulse_energy,
    share_of,
    stability_limit,
)
from analogsim.circuits.writing.disturbance import Law, Rated, Ratio, law
from analogsim.circuits.writing.outer_product import half_events, serial_events
from analogsim.circuits.writing.pulse_drop import PulseField, pulse_field, selected_voltages, voltage_map
from analogsim.circuits.writing.serial_writing import ORDERS, Lines, Written, write_array

__all__ = [
    "ORDERS",
    "SCHEMES",
    "Law",
    "Lines",
    "PulseField",
    "Rated",
    "Ratio",
    "Written",
    "array_time",
    "cell_voltages",
    "energy_factor",
    "floating_voltages",
    "half_events",
    "law",
    "line_voltages",
    "pulse_energy",
    "pulse_field",
    "selected_voltages",
    "serial_events",
    "share_of",
    "stability_limit",
    "voltage_map",
    "write_array",
]
