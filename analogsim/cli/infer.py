"""``analogsim infer``: the user's own trained network on a simulated chip."""

from typing import Any

import click

from analogsim.cli.options import as_json, options_of, verbosity
from analogsim.cli.paths import RESULT, claim, keep


@click.command(context_settings={"show_default": True})
@options_of("circuit")
@click.option("--weights", required=True, metavar="FILE", help=".npz, .safetensors, or a PyTorch state dict (.pt).")
@click.option(
    "--layers", metavar="NAME[,NAME...]", help="Layers of the file, the first one first.  [default: all it holds]"
)
@options_of("inputs")
@click.option("--draws", type=int, default=5, help="Chips, each programmed and read with noise of its own.")
@click.option("--samples", type=int, help="Of the test set.  [default: all]")
@options_of(
    "activation", "rule", "alpha", "lam", "noise", "asymmetry", "device", "overrides", "seed",
    activation={"absent": "what the file says, else relu"},
    rule={"meaning": "Wiring of the chip; dpt and dp are feed-forward at rest"},
    seed={"meaning": "Of the first chip"},
)  # fmt: skip
@click.option("-o", "--output", type=RESULT, metavar="FILE", help="Result (.nc).  [default: none is written]")
@as_json
@verbosity
def command(
    circuit: str, weights: str, layers: str | None, draws: int, samples: int | None, activation: str | None,
    output: str | None, as_json: bool, verbose: int, **options: Any,
) -> None:  # fmt: skip
    """Read a network that was trained elsewhere on chips of CIRCUIT: accuracy against digital, error of each layer.

    Weights are W1, b1, W2, ... of shape (n_out, n_in) in an .npz, or named as PyTorch does. All of the file is used;
    where it holds more than one chain of dense layers, --layers fc1,head says which.

    \b
    Example:
      analogsim infer crossbar --weights trained.npz --data digits --noise 0.05 --draws 10
    """
    import json
    from pathlib import Path

    from analogsim.experiments import results
    from analogsim.experiments.inferring import infer

    if output:
        claim(output)
    found = infer(
        circuit, weights=weights, layers=layers, draws=draws, samples=samples, activation=activation, **options,
    )  # fmt: skip
    trouble = keep(lambda path: results.save(found, path), Path(output)) if output else None
    errors = found["layer_error"]
    stamp = results.read_stamp(found)
    if as_json:
        report = {name: found[name].values.tolist() for name in found.data_vars}
        click.echo(json.dumps({**report, "stamp": stamp}, indent=2, ensure_ascii=False))
    elif verbose >= 0:
        click.echo("\n".join(stamp["words"]))
        click.echo()
        for name, words, form, unit in (
            ("accuracy", "accuracy", ".2f", " %"),
            ("mse", "mse", ".4g", ""),
            ("r2", "R²", ".4f", ""),
        ):
            if name in found:
                chips, digital = found[name], float(found[f"digital_{name}"])
                spread = float(chips.std(ddof=1)) if draws > 1 else 0.0
                shown = f"chip {float(chips.mean()):{form}} ± {spread:{form}}{unit}"
                click.echo(f"{words:9}  {shown}   digital {digital:{form}}{unit}")
        if "agreement" in found:
            click.echo(f"agreement  {float(found['agreement'].mean()):.2f} % of the samples are classed alike")
        click.echo(f"settled    {float(found['settled'].mean()):.2f} %")
        for layer in errors["layer"].values:
            values = errors.sel(layer=layer)
            click.echo(
                f"layer {layer}    error {float(values.mean()):.4g} ± {float(values.std()):.2g} of its digital size"
            )
        if output and not trouble:
            click.echo(f"wrote {output}")
    if trouble:
        raise trouble
