"""Claims of a card, judged on its table. Every kind is a fixed form with numbers from the card; nothing is evaluated.

========== ============================================================================================================
order      means of ``measure`` fall along ``of``; a gap counts if it exceeds ``resolution`` and the standard error
ratio      mean of ``of`` over mean of ``to`` is ``at_least`` or ``at_most`` a number
difference mean of ``of`` less mean of ``to``, likewise
value      every ``of`` by itself, likewise
fails      every seed of every ``of`` diverges, or ends with less than half the best accuracy of the table
works      none does
========== ============================================================================================================

A selection is the name of a row, or a table such as ``{ row = "DP", beta = 1.0 }``; with ``each = ["data"]`` a claim is
judged for every value of that axis, and holds if it does for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final, Literal, NamedTuple

import numpy as np

from analogsim.errors import InputError
from analogsim.experiments.reproduce.card import SIZES, Claim, Study, Table, selected, selections
from analogsim.experiments.reproduce.table_lines import Line, shown

HOLDS: Final = "holds"
FAILS: Final = "does not hold"
OPEN: Final = "not decidable at this size"
ACCURACY = "test_accuracy"
HALF = 0.5
"""Less than this share of the best accuracy is no learning: where the published code of Two Tales gives up a run."""
BOUNDS: tuple[tuple[Literal["at_least", "at_most"], int, str], ...] = (("at_least", 1, "≥"), ("at_most", -1, "≤"))
Verdict = tuple[str, str]


class Judged(NamedTuple):
    """A claim with its verdict and the numbers behind it."""

    text: str
    verdict: str
    detail: str
    source: str


class Missing(Exception):
    """A line that a claim needs is not there."""


def judge(study: Study, lines: Sequence[Line], size: str, on: str | None) -> list[Judged]:
    """Judge every claim that is about these lines."""
    found = []
    for claim in study.claims:
        where = claim.get("on", "both")
        if where != "both" and (where == "chip") != (on is not None):
            continue
        needs = claim.get("needs", "quick")
        if SIZES.index(size) < SIZES.index(needs):
            verdict, detail = OPEN, f"needs --{needs}"
        else:
            verdict, detail = _combined(claim, lines)
        found.append(Judged(claim["text"], verdict, detail, claim.get("source", study.paper)))
    return found


def _combined(claim: Claim, lines: Sequence[Line]) -> Verdict:
    axes = claim.get("each", [])
    values = [list(dict.fromkeys(shown(line.at[axis]) for line in lines if axis in line.at)) for axis in axes]
    parts, unseen, named = [], [], [selection.get("row") for selection in selections(claim)]
    for combination in product(*values):
        at = dict(zip(axes, combination, strict=True))
        chosen = [line for line in lines if all(shown(line.at.get(k)) == v for k, v in at.items())]
        if axes and not any(line.computed and (line.row in named or None in named) for line in chosen):
            unseen.append(", ".join(f"{k} {v}" for k, v in at.items()))
            continue
        try:
            _learned(claim, chosen)
            verdict, detail = KINDS[claim["kind"]](claim, chosen)
        except Missing as error:
            verdict, detail = OPEN, str(error)
        where = ", ".join(f"{k} {v}" for k, v in at.items())
        parts.append((verdict, f"{where}: {detail}" if where else detail))
    if not parts:
        return OPEN, "nothing of it was computed"
    told = [*(detail for _, detail in parts), *(f"{where}: not computed" for where in unseen)]
    return worst([verdict for verdict, _ in parts]), "; ".join(told) + bounds(claim)


def _pick(selection: Table, lines: Sequence[Line]) -> Line:
    wanted = dict(selection)
    row = wanted.pop("row", None)
    found = [
        line
        for line in lines
        if (row is None or line.row == row) and all(shown(line.at.get(k)) == shown(v) for k, v in wanted.items())
    ]
    name = ", ".join([str(row or ""), *(f"{k} {shown(v)}" for k, v in wanted.items())]).strip(", ")
    if len(found) > 1:
        raise InputError(f'claim about {name!r}: {len(found)} lines fit; name the axes, or judge each = ["…"].')
    if not found or not found[0].computed:
        raise Missing(f"{name} was not computed")
    return found[0]


def _all(claim: Claim, lines: Sequence[Line], key: Literal["of", "to"] = "of") -> list[Line]:
    return [_pick(selection, lines) for selection in selected(claim, key)]


def _learned(claim: Claim, lines: Sequence[Line]) -> None:
    """Raise `Missing` if a network did not learn: then its other measures say nothing."""
    if claim.get("measure", ACCURACY) == ACCURACY:
        return
    for selection in selections(claim):
        line = _pick(selection, lines)
        if failures(line, lines):
            raise Missing(f"{line.words()} did not learn (test accuracy {line.mean(ACCURACY):.4g})")


def _mean(line: Line, measure: str) -> float:
    value = line.mean(measure)
    if not np.isfinite(value):
        raise Missing(f"{line.words()} has no finite {measure} ({', '.join(sorted(set(line.statuses)))})")
    return value


def _bounded(value: float, error: float, claim: Claim) -> Verdict:
    verdicts = []
    for key, sign, _ in BOUNDS:
        if key in claim:
            margin = sign * (value - claim[key])
            verdicts.append(HOLDS if margin >= 0 else FAILS)
            if 0 < abs(margin) < error:
                verdicts[-1] = OPEN
    return worst(verdicts), f"{value:.4g}" + (f" ± {error:.2g}" if error > 1e-12 * abs(value) else "")


def worst(verdicts: Sequence[str]) -> str:
    """One verdict for many: all must hold."""
    return next(verdict for verdict in (FAILS, OPEN, HOLDS) if verdict in verdicts)


def bounds(claim: Claim) -> str:
    """The numbers of a claim in words."""
    words = [f"{sense} {claim[key]:g}" for key, _, sense in BOUNDS if key in claim]
    return f" (claimed {', '.join(words)})" if words else ""


def _order(claim: Claim, lines: Sequence[Line]) -> Verdict:
    chosen, measure, least = _all(claim, lines), claim["measure"], claim.get("resolution", 0.0)
    means = [_mean(line, measure) for line in chosen]
    errors = [line.error(measure) for line in chosen]
    verdicts = []
    for k, gap in enumerate(-np.diff(means)):
        unsure = max(least, float(np.hypot(errors[k], errors[k + 1])))
        verdicts.append(HOLDS if gap > unsure else FAILS if gap < -unsure else OPEN)
    return worst(verdicts), ", ".join(f"{mean:.4g}" for mean in means)


def _ratio(claim: Claim, lines: Sequence[Line]) -> Verdict:
    (above,), (below,), measure = _all(claim, lines), _all(claim, lines, "to"), claim["measure"]
    a, b = _mean(above, measure), _mean(below, measure)
    if b == 0:
        raise Missing(f"{below.words()}: {measure} is zero")
    error = abs(a / b) * float(np.hypot(above.error(measure) / a if a else 0, below.error(measure) / b))
    verdict, words = _bounded(a / b, error, claim)
    return verdict, f"{a:.4g} / {b:.4g} = {words}"


def _difference(claim: Claim, lines: Sequence[Line]) -> Verdict:
    (above,), (below,), measure = _all(claim, lines), _all(claim, lines, "to"), claim["measure"]
    a, b = _mean(above, measure), _mean(below, measure)
    verdict, words = _bounded(a - b, float(np.hypot(above.error(measure), below.error(measure))), claim)
    return verdict, f"{a:.4g} − {b:.4g} = {words}"


def _value(claim: Claim, lines: Sequence[Line]) -> Verdict:
    measure = claim["measure"]
    parts = [_bounded(_mean(line, measure), line.error(measure), claim) for line in _all(claim, lines)]
    return worst([verdict for verdict, _ in parts]), ", ".join(words for _, words in parts)


def failures(line: Line, lines: Sequence[Line]) -> int:
    """How many seeds of a line diverged or did not learn."""
    best = max((float(np.nanmax(other.values[ACCURACY])) for other in lines if ACCURACY in other.values), default=0.0)
    mine = line.values.get(ACCURACY, np.full(len(line.seeds), np.inf))
    return sum(
        status == "diverged" or not value >= HALF * best for status, value in zip(line.statuses, mine, strict=True)
    )


def _fails(claim: Claim, lines: Sequence[Line]) -> Verdict:
    chosen = _all(claim, lines)
    counts = [(failures(line, lines), len(line.seeds)) for line in chosen]
    words = ", ".join(f"{bad} of {of} fail" for bad, of in counts)
    return (HOLDS if all(bad == of for bad, of in counts) else FAILS), words


def _works(claim: Claim, lines: Sequence[Line]) -> Verdict:
    chosen = _all(claim, lines)
    counts = [(failures(line, lines), len(line.seeds)) for line in chosen]
    words = ", ".join(f"{bad} of {of} fail" for bad, of in counts)
    return (FAILS if any(bad for bad, _ in counts) else HOLDS), words


KINDS = {
    "order": _order,
    "ratio": _ratio,
    "difference": _difference,
    "value": _value,
    "fails": _fails,
    "works": _works,
}
