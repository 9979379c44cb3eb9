"""``analogsim sweep``: a run at every point of a design, in parallel, safe against everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from analogsim.cli.options import as_json, resumable, simulation, verbosity
from analogsim.cli.paths import RESULT, claim

if TYPE_CHECKING:
    import xarray as xr


@click.command(context_settings={"show_default": True})
@simulation
@click.option(
    "--over",
    multiple=True,
    metavar="KEY=VALUES",
    help="Swept key: an option (alpha, noise, hidden, ...) or a value of a card (device.read_noise), with values "
    "a:b:step (both ends), a,b,c or log:a:b:n. May be repeated.",
)
@click.option("--seeds", type=int, metavar="N", help="Repetitions of every point, from --seed on.")
@click.option("--design", metavar="NAME", default="grid", help="grid, lhs (Latin hypercube) or sobol.")
@click.option("--points", type=int, metavar="N", help="Points of --design lhs or sobol, drawn from the ranges a:b.")
@click.option(
    "--metrics", metavar="NAME[,NAME...]", help="What to record; `--metrics help` lists all.  [default: all of a run]"
)
@click.option("--point-timeout", type=float, metavar="SECONDS", help="Give up a point after so long.")
@resumable
@click.option(
    "-o", "--output", type=RESULT, metavar="FILE", help="Result (.nc).  [default: analogsim-sweep-CIRCUIT.nc]"
)
@as_json
@verbosity
def command(
    over: tuple[str, ...],
    seeds: int | None,
    metrics: str | None,
    output: str | None,
    as_json: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Run CIRCUIT at every point of a design and record what became of each.

    A sweep that was stopped or killed goes on where it was when the same command is given again. A point that diverges,
    fails or takes too long is a row of the result. Every point is seeded by its content.

    \b
    Examples:
      analogsim sweep crossbar --over alpha=0:1:0.1 --over noise=0,0.01,0.05 --seeds 5
      analogsim sweep crossbar --over device.read_noise=log:1e-3:1:7 --metrics initial_gradient_cosine
      analogsim sweep crossbar --design sobol --points 256 --over alpha=0:1 --over beta=log:0.01:1
    """
    import json
    from pathlib import Path

    from analogsim.experiments import results, summary
    from analogsim.experiments.sweeps import sweep

    if metrics == "help":
        _list_metrics()
        return
    circuit = options.pop("circuit")
    target = output or f"analogsim-sweep-{Path(circuit).stem}.nc"
    claim(target)
    bar = Bar(hidden=verbose < 0)
    dataset = sweep(
        circuit, list(over), seeds=seeds, metrics=metrics.split(",") if metrics else None, output=target,
        progress=bar, **options,
    )  # fmt: skip
    bar.end()
    size, counts = dataset["status"].size, dict(bar.counts)
    record = results.read_stamp(dataset)
    interrupted = bool(dataset.attrs["interrupted"])
    if as_json:
        report = {"points": size, "statuses": counts, "dims": dict(dataset.sizes), "file": target, "stamp": record}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    elif verbose >= 0:
        click.echo("\n".join(record["words"]))
        click.echo(f"\n{summary.extremes_table(dataset)}")
        click.echo(f"\n{size} points: {', '.join(f'{count} {word}' for word, count in counts.items())}")
        click.echo(f"wrote {target}; see `analogsim plot {target}`, `analogsim report {target} -o report.html`")
    if interrupted:
        done = sum(counts.values())
        raise click.ClickException(f"interrupted after {done} of {size} points; the same command goes on from there.")
    if not counts.get("done") and not counts.get("diverged"):
        raise click.ClickException(f"no point has a result; the first says: {first_message(dataset)}")


def _list_metrics() -> None:
    """Every metric, by what it is read from."""
    from analogsim.experiments.sweeps.metrics import SOURCES, known

    every = known()
    for source, title in SOURCES.items():
        group = {name: metric for name, metric in every.items() if metric.of == source}
        if group:
            click.echo(f"{title}:")
        for name, metric in group.items():
            unit = "" if metric.units == "1" else f" ({metric.units})"
            click.echo(f"  {name:30} {metric.long_name}{unit}{'' if metric.usual else '; if asked for'}")


class Bar:
    """Progress with rate and time left, on stderr if that is a terminal."""

    def __init__(self, *, hidden: bool) -> None:
        import sys
        import time

        self.hidden = hidden or not sys.stderr.isatty()
        self.clock, self.began, self.told = time.monotonic, time.monotonic(), 0.0
        self.start: int | None = None
        self.counts: Mapping[str, int] = {}

    def __call__(self, done: int, total: int, counts: Mapping[str, int]) -> None:
        self.counts = counts
        now = self.clock()
        if self.start is None:
            self.start, self.began = done, now
        if self.hidden or (now - self.told < 0.2 and done < total):
            return
        self.told = now
        click.echo(f"\r{line(done, total, done - self.start, now - self.began, counts)}\x1b[K", err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if not self.hidden:
            click.echo(err=True)


def line(done: int, total: int, new: int, seconds: float, counts: Mapping[str, int]) -> str:
    """``  120/1000  12 %  3.4 points/s  4 min left  2 diverged``."""
    text = f"{done:{len(str(total))}}/{total} {100 * done // max(total, 1):3} %"
    if new > 0 and seconds > 0:
        rate = new / seconds
        left = (total - done) / rate
        clock = f"{left:.0f} s" if left < 100 else f"{left / 60:.0f} min" if left < 6000 else f"{left / 3600:.1f} h"
        text += f"  {rate:.3g} points/s" if rate >= 1 else f"  {1 / rate:.3g} s a point"
        text += f"  {clock} left" if done < total else ""
    others = [f"{count} {word}" for word, count in counts.items() if word != "done"]
    return "  ".join([text, *others])


def first_message(dataset: xr.Dataset) -> str:
    """The first message of a point, if any has one."""
    return next((text for text in dataset["message"].values.ravel() if text), "nothing")
