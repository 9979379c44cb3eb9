"""BibTeX of what the cards cite."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from analogsim.errors import unknown


@cache
def entries() -> dict[str, str]:
    """Return the BibTeX entries of ``references.bib`` by DOI, or by arXiv id where there is none (``"arXiv:…"``)."""
    text = (files(__package__) / "references.bib").read_text(encoding="utf-8")
    found = {}
    for entry in re.findall(r"^@.*?^}$", text, flags=re.MULTILINE | re.DOTALL):
        doi, eprint = (re.search(rf"^\s*{key} = {{(.+?)}}", entry, re.MULTILINE) for key in ("doi", "eprint"))
        match = doi or eprint
        if match:
            found[match[1] if doi else f"arXiv:{match[1]}"] = entry
    return found


def bibtex(keys: Iterable[str]) -> str:
    """Return the BibTeX of DOIs and arXiv ids, each once, in the order given.

    Raises
    ------
    InputError
        If a key has no entry.
    """
    known = entries()
    chosen = list(dict.fromkeys(keys))
    for key in chosen:
        if key not in known:
            raise unknown("reference", key, known)
    return "\n\n".join(known[key] for key in chosen)
