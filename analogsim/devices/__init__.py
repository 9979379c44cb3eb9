"""Device families: one module each, the equation in its docstring. Their numbers are cards in ``devices/``."""
