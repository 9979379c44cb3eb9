"""What each key of a study card holds: a text, a list, a table; told in one line where it holds something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from analogsim.errors import InputError, shown


class Form(NamedTuple):
    """What a key holds, and in words."""

    kinds: tuple[type, ...]
    words: str
    entry: tuple[type, ...] = ()
    """What each entry of it holds; anything if empty."""

    def check(self, name: str, value: object) -> None:
        """Raise `InputError` for a value of another form."""
        entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if not _is_a(value, self.kinds) or not all(_is_a(each, self.entry) for each in entries if self.entry):
            raise InputError(f"{name} = {shown(value)}; expected {self.words}.")


def _is_a(value: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)  # True is an int to Python


TEXT = Form((str,), "a text")
NUMBER = Form((int, float), "a number")
FLAG = Form((bool,), "true or false")
TEXTS = Form((list,), 'a list of texts, as in ["one", "two"]', (str,))
SEEDS = Form((list,), "a list of whole numbers, as in [0, 1]", (int,))
NUMBERS = Form((list,), "a list of numbers, as in [0, 100]", (int, float))
TABLE = Form((dict,), "a table of values by key")
TABLES = Form((dict,), "a table of tables", (dict,))
LISTS = Form((dict,), "a table of lists, as in alpha = [0.0, 0.5]", (list,))
REPEATED = Form((list,), "tables, each under a heading in double brackets", (dict,))
SELECTION = Form((str, dict, list), "a row's name, a table, or a list of these", ())

TOP = {
    **dict.fromkeys(("title", "question", "kind", "paper", "notes", "status", "stale"), TEXT),
    **dict.fromkeys(("cite", "unknown"), TEXTS),
    **dict.fromkeys(("row", "published", "claim", "figure"), REPEATED),
    **{"settings": TABLE, "grid": LISTS, "sizes": TABLES, "on": TABLES, "measures": TABLE},
}
"""Keys of a card."""
LAYER = {"kind": TEXT, "rows": TEXTS, "seeds": SEEDS, "grid": LISTS, "drop": TEXTS, "sizes": TABLES}
"""Keys of a size or of a circuit that are no settings."""
ROW = {"name": TEXT, "source": TEXT, "kind": TEXT, "on": TABLE, "grid": LISTS}
"""Keys of a row that are no settings."""
CLAIM = {
    **dict.fromkeys(("text", "kind", "measure", "source", "needs", "on"), TEXT),
    **dict.fromkeys(("resolution", "at_least", "at_most"), NUMBER),
    **{"of": SELECTION, "to": SELECTION, "each": TEXTS},
}
"""Keys of a claim."""
FIGURE = {
    **dict.fromkeys(("x", "y", "split", "reference", "label", "axis", "title"), TEXT),
    **dict.fromkeys(("log", "log_x", "legend"), FLAG),
    **{"rows": TEXTS, "where": LISTS, "limits": NUMBERS},
}
"""Keys of a figure."""


def check(content: Mapping[str, object], path: str) -> None:
    """Raise `InputError` for the first key of a study card that holds what it cannot.

    Parameters
    ----------
    content : mapping
        The card as TOML reads it; what its keys are named has been checked.
    path : str
        Of the card.
    """
    _forms(content, TOP, path, "")
    for name in ("sizes", "on"):
        for key, layer in _tables(content, name).items():
            _forms(layer, LAYER, path, f"{name}.{key}.")
            for size, own in _tables(layer, "sizes").items():
                _forms(own, LAYER, path, f"{name}.{key}.sizes.{size}.")
    for name, known in (("row", ROW), ("claim", CLAIM), ("figure", FIGURE)):
        repeated = content.get(name, ())
        assert isinstance(repeated, list | tuple)
        for place, entry in enumerate(repeated, 1):
            _forms(entry, known, path, f"{name} {place}: ")


def _tables(holder: Mapping[str, object], name: str) -> Mapping[str, Mapping[str, object]]:
    found = holder.get(name, {})
    assert isinstance(found, dict)
    return found


def _forms(table: Mapping[str, object], known: Mapping[str, Form], path: str, where: str) -> None:
    for key, value in table.items():
        if key in known:
            known[key].check(f"{path}: {where}{key}", value)
