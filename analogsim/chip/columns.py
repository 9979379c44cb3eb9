"""What stands in which place of the small arrays of a chip, for Python and for compiled code."""

FORWARD, FEEDBACK = range(2)
"""Rows of `Chip.driver` and `Chip.converters`: the direction of a read."""

LOW, HIGH, LINEAR, SQUARE, CUBE = range(5)
"""Last axis of `Chip.driver`: the least and greatest signal that it takes, and c₁, c₂, c₃."""

INPUTS, REACH = range(2)
"""Of a tile: its inputs, and its range and step in units of the chip's rails and its converter's step."""

DAC, ADC, BOW = range(3)
"""Columns of `Chip.converters`: steps of what is sent and of what is received, and the bow of the latter."""
