"""Equations of a docstring as plain text: σ_read = √(ln((t + T_r)/(2 T_r))) in place of its LaTeX."""

import re

_LETTERS = "alpha beta gamma delta epsilon eta lambda mu nu xi pi rho sigma tau phi chi omega Delta Sigma Omega"
_GREEK = dict(zip(_LETTERS.split(), "αβγδεηλμνξπρστφχωΔΣΩ", strict=True))
_SIGNS = {
    **_GREEK,
    **{
        "pm": "±",
        "le": "≤",
        "ge": "≥",
        "leftarrow": "←",
        "times": "×",
        "cdot": "·",
        "sum": "Σ",
        "prod": "∏",
        "int": "∫",
        "quad": "   ",
    },
    **{
        "qquad": "    ",
        "left": "",
        "right": "",
        "textstyle": "",
        ",": " ",
        ";": " ",
        " ": " ",
        "!": "",
        "\\": "\n    ",
    },
}
_BLOCK = re.compile(r"^\.\. math::(.*(?:\n(?:[ \t]+.*)?)*)", re.MULTILINE)


def readable(docstring: str) -> str:
    """Return a docstring with its ``math`` blocks and roles as plain text."""

    def block(match: re.Match[str]) -> str:
        lines = [line.strip() for line in plain(match[1].strip()).split("\n")]
        return "\n" * (match.start() > 0) + "\n".join(f"    {line}" for line in lines if line) + "\n\n"

    text = re.sub(r":math:`([^`]*)`", lambda match: plain(match[1]), _BLOCK.sub(block, docstring))
    return re.sub(r"\n{3,}", "\n\n", text)


def plain(latex: str) -> str:
    """Return a formula as plain text."""
    text = re.sub(r"\\begin\{(\w+)\}(.*?)\\end\{\1\}", lambda m: _environment(m[1], m[2]), latex, flags=re.DOTALL)
    text = re.sub(r"\s*&\s*", " ", text)
    text = re.sub(r"\\([A-Za-z]+|.)", lambda match: _SIGNS.get(match[1], match[0]), text, flags=re.DOTALL)
    text = re.sub(r"\\(?:mathrm|text)\s*(\w)(?![\w{])", r"\1", text)
    while (done := _inner(text)) != text:
        text = done
    text = re.sub(r"\\dot\s*(\w)", r"d\1/dt", text).replace("\\", "")
    return re.sub(r"(?<=\S) {2,3}(?=\S)", " ", text)


def _inner(text: str) -> str:
    """Undo the commands whose arguments hold no braces."""
    text = re.sub(r"\\(?:mathrm|text)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\overline\{([^{}]*)\}", lambda m: f"mean{_grouped(m[1], always=True)}", text)
    text = re.sub(r"\\sqrt\{([^{}]*)\}", r"√(\1)", text)
    text = re.sub(r"(\\(?:ln|sinh|log_\{10\}))\s*\\frac\{([^{}]*)\}\{([^{}]*)\}", r"\1(\\frac{\2}{\3})", text)
    text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", lambda m: f"{_grouped(m[1])}/{_grouped(m[2])}", text)
    text = re.sub(r"_\{(\w+)\}", r"_\1", text)
    return re.sub(
        r"([_^])\{([^{}\\]*)\}", lambda m: m[1] + (m[2] if re.fullmatch(r"[^\W\d_]+|\d+", m[2]) else f"({m[2]})"), text
    )


def _grouped(term: str, always: bool = False) -> str:
    term = term.strip()
    bracketed = term.startswith("(") and term.endswith(")")
    return term if bracketed or (re.fullmatch(r"\w+(\^\w)?", term) and not always) else f"({term})"


def _environment(kind: str, body: str) -> str:
    rows = [re.sub(r"\s*&\s*", ", ", row.strip()) for row in body.split(r"\\")]
    if kind.endswith("matrix"):
        return f"[{'; '.join(rows)}]"
    return "{ " + "; ".join(filter(None, rows)) + " }"
