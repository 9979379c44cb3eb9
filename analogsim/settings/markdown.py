"""The documentation's table of all settings, made from their declarations.

``python -m analogsim.settings.markdown > docs/settings.md`` writes it anew.
"""

from __future__ import annotations

from analogsim.settings.declaring import Setting, declared
from analogsim.settings.digital_training import DigitalSettings
from analogsim.settings.kinds import Choice
from analogsim.settings.record import Settings

HEAD = """# Settings

All that a run, a sweep, a budget or a tolerance can be told, made from the declarations in
`analogsim/settings/record.py` by `python -m analogsim.settings.markdown > docs/settings.md`; do not edit. Each is a
keyword in Python (`asim.Settings(learning_rate=0.01)`), an option (`--learning-rate 0.01`) and, but for `seed` and
`overrides`, an axis of a sweep (`--over learning_rate=log:1e-3:1e-1:5`). `analogsim show crossbar --all` prints them
with every key of a circuit and its parts.
"""


def page() -> str:
    """The page, as Markdown."""
    lines = [HEAD]
    for about in declared(Settings).values():
        if about.option != "argument":
            lines += _entry(about)
    lines += ["", "## Digital training", "", "`analogsim train` has these, where they are not the same:", ""]
    for name, about in declared(DigitalSettings).items():
        if name not in declared(Settings) or about.default != declared(Settings)[name].default:
            lines += _entry(about)
    return "\n".join(lines).rstrip() + "\n"


def _entry(about: Setting) -> list[str]:
    unit = "" if about.unit == "1" else f" {about.unit}"
    default = "false" if about.default is False else f"{about.usual}{unit}"
    if not isinstance(about.kind, Choice) or not any(about.kind.choices.values()):
        return [f"- `{about.flag}` — {about.words()} Default: {default}."]
    lines = [f"- `{about.flag}` — {about.meaning}. Default: {default}."]
    return lines + [f"  - `{name}`: {words}" for name, words in about.kind.choices.items()]


if __name__ == "__main__":
    print(page(), end="")
