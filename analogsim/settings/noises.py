"""The kinds of noise at the nodes of neurons: one line each, which chips, circuits, engine and commands read.

To add one: a line here, its process in `analogsim.engine.noise.nodes`, and its fields in
`analogsim.circuits.neurons.NeuronCircuit` (what a card says) and `analogsim.chip.Chip` (what the engine gets).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeNoise:
    """One kind.

    Attributes
    ----------
    name : str
        As in ``--noise node:0.02``.
    field : str
        Of circuit and chip: its standard deviation, in units of the activity.
    words : str
        What it is, to be formatted with the fields of the circuit.
    parameter : str
        Field of the chip that says how it changes in time; empty for white noise.
    parts : tuple of str
        Fields of the circuit that make up this parameter.
    """

    name: str
    field: str
    words: str
    parameter: str = ""
    parts: tuple[str, ...] = ()


NODE_NOISES = (
    NodeNoise("node", "node_noise", "node noise"),
    NodeNoise("ou", "ou_noise", "OU noise of correlation time {ou_time:g} τ,", "ou_time", ("ou_time",)),
    NodeNoise(
        "1/f",
        "flicker_noise",
        "1/f noise from {flicker_low:g} to {flicker_high:g} per τ,",
        "flicker_band",
        ("flicker_low", "flicker_high"),
    ),
    NodeNoise(
        "rtn",
        "telegraph_noise",
        "telegraph noise dwelling {telegraph_low:g} and {telegraph_high:g} τ,",
        "telegraph_dwell",
        ("telegraph_low", "telegraph_high"),
    ),
)
COLOURED = tuple(kind for kind in NODE_NOISES if kind.parameter)
"""Those with a memory."""
