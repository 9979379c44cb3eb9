"""How bad may each nonideality be before the accuracy falls too far below that of digital back-propagation?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from analogsim.circuits.base import Circuit
from analogsim.errors import InputError, out_of_range, unknown
from analogsim.experiments import results
from analogsim.experiments.setup import prepare
from analogsim.experiments.specification.catalogue import (
    Nonideality,
    Value,
    applies,
    choose,
    nonidealities,
    with_values,
)
from analogsim.experiments.specification.sequential import Judge, search
from analogsim.experiments.specification.trials import Failed, Trial, Trials, folder_of
from analogsim.settings.calls import called_with
from analogsim.settings.record import Settings

STEP = 10
"""Places of the grid, a decade mostly, in which a tolerance is bracketed."""
OTHERS = ("as they are", "ideal")
OUTCOMES = ("tolerance", "not binding", "not attainable", "does not apply", "failed")


@dataclass
class Inquiry:
    """The search for one tolerance."""

    of: Nonideality
    judge: Judge
    steps: Generator[int, bool, tuple[int, int]]
    place: int = 0
    losses: dict[int, list[float]] = field(default_factory=dict)
    border: tuple[int, int] | None = None
    message: str = ""
    failed: bool = False

    def wanted(self) -> list[tuple[Value, int]]:
        """Value and number of the seed of the trials that come next; none if the search has ended."""
        if self.border is not None:
            return []
        done = len(self.losses.setdefault(self.place, []))
        # A first answer costs two seeds, in parallel; every further one is decided with all before it.
        return [(self.of.values[self.place], k) for k in range(done, min(max(done + 1, 2), self.judge.most))]

    def fail(self, messages: Iterable[str]) -> None:
        """End the search if a trial failed, of which the first message that is one says why."""
        if why := next(filter(None, messages), ""):
            self.failed, self.message, self.border = True, why, (-1, 0)

    def learn(self, losses: list[float]) -> None:
        """Take the losses of the trials that were wanted."""
        if self.failed:
            return
        self.losses[self.place] += losses
        verdict = self.judge.verdict(self.losses[self.place])
        if verdict is None:
            return
        try:
            self.place = self.steps.send(verdict)
        except StopIteration as end:
            self.border = end.value

    @property
    def outcome(self) -> str:
        """One of `OUTCOMES`."""
        if self.message:
            return "failed" if self.failed else "does not apply"
        assert self.border is not None
        good, bad = self.border
        return "not attainable" if good < 0 else "not binding" if bad == len(self.of.values) else "tolerance"


def tolerance(
    circuit: str | Path | Circuit | Settings = "crossbar",
    *,
    loss: float = 1.0,
    names: Iterable[str] = (),
    seeds: int = 5,
    confidence: float = 0.9,
    others: str = "as they are",
    output: str | Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    fresh: bool = False,
    progress: Callable[[int, str], object] | None = None,
    network_loss: str | None = None,
    **options: object,
) -> xr.Dataset:
    """Find how bad each nonideality may be while all others stay where they are.

    Parameters
    ----------
    circuit : str, path, Circuit or Settings
        Name of a circuit card, the path of one, or a circuit; or all settings, which the options then change. Their
        seed is the first of the seeds.
    loss : float
        Points of accuracy, mean over the seeds, that may be lost against digital back-propagation on the same data and
        batches; > 0.
    names : iterable of str
        Keys such as ``device.read_noise``; every nonideality of the circuit if empty.
    seeds : int
        Trials at one value at most, ≥ 2; fewer where they leave no doubt.
    confidence : float
        Probability at which a value is judged without further seeds, between ½ and 1.
    others : {"as they are", "ideal"}
        What the rest of the circuit is like.
    output : path, optional
        Result (``.nc``); trials are kept in a folder beside it, from which the same call goes on.
    workers, scheduler, fresh
        As in `analogsim.experiments.sweeps.sweep`.
    progress : callable, optional
        Called with the number of trials done and what is under way.
    network_loss : str, optional
        The loss function that the network is trained with, since `loss` is the question here.
    **options
        Other fields of `Settings`, and values of cards by key, as in ``**{"device.read_noise": 0.1}``.

    Returns
    -------
    xarray.Dataset
        Over ``parameter``: ``outcome``, ``tolerance`` (the worst good value that other seeds confirm), ``beyond`` (the
        first bad one), and of trials at the tolerance with those *other* seeds: ``confirmed_loss``,
        ``confirmed_spread``, ``probability`` that the mean loss is within the limit. The last trials have all
        tolerances at once. A trial that fails ends its search: ``outcome`` "failed", NaN, and ``message`` says why.

    Raises
    ------
    InputError
        If a name, a number or a file is not right.
    Failed
        If a training of the circuit as it is, or of back-propagation, fails: then there is nothing to compare with.

    Notes
    -----
    Values come from the preferred numbers R10 (ISO 3) between harmless and absurd. The search assumes that worse values
    do not do better; see `analogsim.experiments.specification.sequential` for its statistics.
    """
    if network_loss is not None:
        options["loss"] = network_loss
    settings = called_with(circuit, options)
    if not loss > 0:
        raise out_of_range("loss", loss, "loss > 0 points")
    if seeds < 2:
        raise out_of_range("seeds", seeds, "seeds ≥ 2")
    if not 0.5 < confidence < 1:
        raise out_of_range("confidence", confidence, "0.5 < confidence < 1")
    if others not in OTHERS:
        raise unknown("others", others, OTHERS)
    asked = choose(settings, names) if names else [one for one in nonidealities(settings) if one.values]
    if others == "ideal":
        settings = with_values(settings, {one.key: one.ideal for one in nonidealities(settings)})
    for one in asked:
        if not one.values:
            raise InputError(f"{one.key} has no scale from harmless to harmful to search.")
    trials = Trials(settings, folder_of(output), workers, scheduler=scheduler, fresh=fresh)
    state = "the circuit as it is"
    if progress:
        trials.progress = lambda done: progress(done, state)
    try:
        digital = _Reference(settings, trials)
        own, said = digital.losses([(settings, k) for k in range(seeds)])
        if failed := [*filter(None, said)]:
            raise Failed(f"the circuit as it is cannot be judged: {len(failed)} trials failed; {failed[0]}")
        floor = 100.0 / len(prepare(settings).data.test_x)
        judge = Judge(loss, max(float(np.std(own, ddof=1)), floor), seeds - 1, confidence, seeds)
        inquiries = [_inquiry(one, judge, settings) for one in asked]
        if not judge.verdict(own):
            # What the circuit has nothing of can only make it worse.
            for q in inquiries:
                if q.border is None and q.of.value is not None and q.of.value == q.of.values[0]:
                    q.border = (-1, 0)
        while wanted := [(q, value, k) for q in inquiries for value, k in q.wanted()]:
            open_ = [q.of.key for q in inquiries if q.border is None]
            state = f"{len(inquiries) - len(open_)} of {len(inquiries)} found; {', '.join(open_[:2])} …"
            found, said = digital.losses([(with_values(settings, {q.of.key: value}), k) for q, value, k in wanted])
            for q in {id(q): q for q, _, _ in wanted}.values():
                mine = [place for place, (other, _, _) in enumerate(wanted) if other is q]
                q.fail(f"at {wanted[place][1]!r}, {said[place]}" if said[place] else "" for place in mine)
                q.learn([found[place] for place in mine])
        state = "confirming"
        dataset = _report(inquiries, digital, judge, settings, own)
    finally:
        trials.close()
    record = {"seed": settings.seed, "settings": asdict(settings), **_about(settings)}
    dataset = results.stamped(dataset, **record)
    if output is not None:
        results.save(dataset, output)
    return dataset


class _Reference:
    """Points lost against digital back-propagation with the same seed."""

    def __init__(self, settings: Settings, trials: Trials) -> None:
        self.settings, self.trials = settings, trials

    def losses(self, wanted: list[tuple[Settings, int]]) -> tuple[list[float], list[str]]:
        """For each pair of settings and number of the seed the loss, NaN where a trial failed, and then why."""
        chips = [Trial(replace(given, seed=self.settings.seed + k)) for given, k in wanted]
        same = [Trial(replace(self.settings, seed=self.settings.seed + k), "back-propagation") for _, k in wanted]
        found = self.trials([*same, *chips])
        pairs = list(zip(found[: len(same)], found[len(same) :], strict=True))
        said = [
            f"seed {self.settings.seed + k}: {d.message or c.message}" if d.message or c.message else ""
            for (d, c), (_, k) in zip(pairs, wanted, strict=True)
        ]
        return [d.accuracy - c.accuracy for d, c in pairs], said


def _inquiry(one: Nonideality, judge: Judge, settings: Settings) -> Inquiry:
    values, why = list(one.values), ""
    while len(values) > 1 and (said := applies(settings, {one.key: values[-1]})):
        values.pop()
        why = said
    one = replace(one, values=tuple(values))
    steps = search(len(values), one.place, STEP)
    made = Inquiry(one, judge, steps, next(steps))
    if len(values) == 1:
        made.message, made.border = why, (-1, 1)
    return made


def _others_seeds(
    digital: _Reference, judge: Judge, settings: Settings, cases: list[dict[str, Value]]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Losses, (case, seed), of seeds that the search has not seen, and what went wrong."""
    seeds = range(judge.most, 2 * judge.most)
    found, said = digital.losses([(with_values(settings, case), k) for case in cases for k in seeds])
    shape = len(cases), judge.most
    return np.array(found, float).reshape(shape), np.array(said, object).reshape(shape)


def _confirmed(
    inquiries: list[Inquiry], digital: _Reference, judge: Judge, settings: Settings
) -> dict[str, NDArray[np.float64]]:
    """Losses at every tolerance with other seeds; what they refute gives way to the next better value."""
    found: dict[str, NDArray[np.float64]] = {}
    while asked := [q for q in inquiries if q.outcome == "tolerance" and q.of.key not in found]:
        borders = [q.border or (-1, 0) for q in asked]
        cases = [{q.of.key: q.of.values[good]} for q, (good, _) in zip(asked, borders, strict=True)]
        losses, said = _others_seeds(digital, judge, settings, cases)
        for q, (good, _), x, messages in zip(asked, borders, losses, said, strict=True):
            q.fail(messages)
            if q.failed:
                continue
            if judge.probability(x) >= 0.5:
                found[q.of.key] = x
            else:
                q.border = (good - 1, good)
    return found


def _report(
    inquiries: list[Inquiry], digital: _Reference, judge: Judge, settings: Settings, own: list[float]
) -> xr.Dataset:
    """The result, every tolerance confirmed, and all at once tried."""
    losses = _confirmed(inquiries, digital, judge, settings)
    at = {q.of.key: q.of.values[q.border[0]] for q in inquiries if q.outcome == "tolerance" and q.border}
    together, why = list(losses.values())[:1], ""
    if len(at) > 1:
        found, said = _others_seeds(digital, judge, settings, [at])
        together, why = [found[0]], next(filter(None, said[0]), "")
    rows = [q.of.key for q in inquiries]
    size = len(rows)
    confirmed, spread, probability = (np.full(size, np.nan) for _ in range(3))
    for key, x in losses.items():
        row = rows.index(key)
        confirmed[row], spread[row], probability[row] = x.mean(), x.std(ddof=1), judge.probability(x)

    def value(q: Inquiry, place: int) -> float:
        found = q.of.values[place] if 0 <= place < len(q.of.values) else None
        return np.nan if found is None else float(found)

    nowhere = (-1, -1)
    borders = [nowhere if q.failed else q.border or nowhere for q in inquiries]
    variables: dict[str, tuple[ArrayLike, str, str]] = {
        "outcome": (np.array([q.outcome for q in inquiries], object), "what was found", "1"),
        "meaning": (np.array([q.of.long_name for q in inquiries], object), "parameter", "1"),
        "unit": (np.array([q.of.unit for q in inquiries], object), "unit of the parameter", "1"),
        "value": (
            np.array([np.nan if q.of.value is None else float(q.of.value) for q in inquiries]),
            "as it is",
            "unit",
        ),
        "tolerance": (
            np.array([value(q, b[0]) for q, b in zip(inquiries, borders, strict=True)]),
            "worst good",
            "unit",
        ),
        "beyond": (np.array([value(q, b[1]) for q, b in zip(inquiries, borders, strict=True)]), "first bad", "unit"),
        "trials": (np.array([sum(map(len, q.losses.values())) for q in inquiries]), "trials of the search", "1"),
        "confirmed_loss": (confirmed, "mean loss at the tolerance, other seeds", "points"),
        "confirmed_spread": (spread, "its standard deviation over the seeds", "points"),
        "probability": (probability, "probability that the mean loss there is within the limit", "1"),
        "message": (np.array([q.message for q in inquiries], object), "why it does not apply, or failed", "1"),
    }
    dataset = xr.Dataset(
        {
            name: ("parameter", data, {"long_name": text, "units": unit})
            for name, (data, text, unit) in variables.items()
        },
        {"parameter": rows},
    )
    dataset.attrs |= {
        "kind": "tolerance",
        "limit": judge.limit,
        "own_loss": float(np.mean(own)),
        "own_spread": float(np.std(own, ddof=1)),
        "own_good": int(bool(judge.verdict(own))),
        "together_loss": float(np.mean(together)) if together else np.nan,
        "together_message": why,
        "seeds": judge.most,
        "confidence": judge.confidence,
    }
    return dataset


def _about(settings: Settings) -> dict[str, object]:
    setup = prepare(settings)
    return {"cards": dict(setup.chip.record), "words": setup.words()}
