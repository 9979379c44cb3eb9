"""Writing an array: schemes of line voltages, wire drop, disturbance of the other cells, time and energy."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "biasing": [
            "SCHEMES",
            "array_time",
            "cell_voltages",
            "energy_factor",
            "floating_voltages",
            "line_voltages",
            "pulse_energy",
            "share_of",
            "stability_limit",
        ],
        "disturbance": ["Law", "Rated", "Ratio", "law"],
        "outer_product": ["half_events", "serial_events"],
        "pulse_drop": ["PulseField", "pulse_field", "selected_voltages", "voltage_map"],
        "serial_writing": ["ORDERS", "Lines", "Written", "write_array"],
    },
)
