"""Text that came from a card, a key or a file, as it is shown to people."""

from __future__ import annotations

import re
from html import escape

# Control characters but for tab and new line, marks that reverse the direction of writing, halves of characters.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""Return a text in which what would steer a terminal or cannot be seen is written out, as in ``\u001b[31m``."""
    return _STEERING.sub(lambda match: escaped(match[0]), text)


def escaped(text: str) -> str:
    r"""Return every character as ``\uXXXX``, which JSON reads as that character."""
    units = text.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[k : k + 4]}" for k in range(0, len(units), 4))


def as_html(text: str) -> str:
    """The same lines for a notebook."""
    return f"<pre>{escape(text)}</pre>"
