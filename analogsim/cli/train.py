"""``analogsim train``: train a digital network with any rule, to judge hardware against."""

from typing import Any

import click

from analogsim.cli.options import data_units
from analogsim.cli.paths import NETWORK, claim, keep
from analogsim.registry import register

HANDED_ON = ("epochs", "batch_size", "feedback", "validation", "patience", "checkpoint")
RULE_OPTIONS = ("alpha", "beta", "lam", "sweeps", "order", "output_treatment", "phase", "step")


@click.command(context_settings={"show_default": True})
@click.argument("rule")
@click.option("--alpha", type=float, help="α of dp, dpt and their kin, 0 to 1.  [default: the rule's own]")
@click.option("--beta", type=float, help="Nudge or spacing.  [default: the rule's own]")
@click.option("--lam", type=float, help="λ of dyadic, 0 to 1.  [default: 0.5]")
@click.option("--sweeps", type=int, help="Sweeps for each batch.  [default: the rule's own]")
@click.option("--order", metavar="NAME", help="up-down, forward, odd-even, synchronous or random.")
@click.option("--output-treatment", metavar="NAME", help="re-evaluated or linearised: how the loss enters.")
@click.option("--phase", metavar="NAME", help="Of ep: centred, positive or negative.")
@click.option("--step", type=float, help="Of adversarial: length of the step up the input gradient.")
@click.option("--data", metavar="NAME|FILE", default="digits", help="digits, mnist, fashion-mnist or an .npz.")
@data_units
@click.option("--hidden", default="32", metavar="N[,N...]", help="Neurons of each hidden layer.")
@click.option("--activation", metavar="NAME", default="relu", help="Of the hidden layers.")
@click.option("--loss", metavar="NAME", default="mse", help="mse or cross-entropy.")
@click.option("--init", metavar="NAME", default="kaiming", help="kaiming, glorot or lecun.")
@click.option("--epochs", type=int, default=10, help="Passes through the training data.")
@click.option("--batch-size", type=int, default=100, help="Samples for one update.")
@click.option("--optimiser", metavar="NAME", default="adam", help="adam or sgd.")
@click.option("--learning-rate", type=float, default=1e-3, help="Peak of the schedule.")
@click.option("--momentum", type=float, default=0.0, help="Of sgd.")
@click.option("--weight-decay", type=float, default=0.0, help="Decoupled for adam, in the gradient for sgd.")
@click.option("--warm-up", type=int, default=0, help="Epochs of a linear warm-up.")
@click.option("--cosine", is_flag=True, help="Let the rate fall to zero by half a cosine.")
@click.option("--feedback", metavar="PATH", default="transpose", help="transpose, alignment or kolen-pollack.")
@click.option("--validation", type=float, default=0.0, help="Share of the training data kept to choose the epoch.")
@click.option("--patience", type=int, help="Stop after so many epochs without a better validation accuracy (or R²).")
@click.option("--dtype", metavar="NAME", default="float32", help="float32 or float64.")
@click.option("--seed", "seeds", type=int, multiple=True, default=(0,), help="Of all that is random. May be repeated.")
@click.option(
    "--checkpoint",
    type=NETWORK,
    metavar="FILE",
    help="Written after each epoch (.npz); a run goes on from it bit for bit.",
)
@click.option("--output", type=NETWORK, metavar="FILE", help="Trained network (.npz).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of words.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(rule: str, seeds: tuple[int, ...], output: str | None, as_json: bool, quiet: bool, **options: Any) -> None:
    """Train a digital network with RULE and print what an epoch brought.

    RULE is one of RULES, or a rule of your own.

    \b
    Examples:
      analogsim train dpt --alpha 0.3 --sweeps 4
      analogsim train dp-damped --alpha 1 --data mnist --hidden 128,128 --epochs 20 --batch-size 50 --init lecun
      analogsim train ep --beta 0.1 --epochs 3 --seed 0 --seed 1
    """
    import json
    from pathlib import Path

    from analogsim.errors import InputError, out_of_range
    from analogsim.experiments.data import load
    from analogsim.learning import optimisers, scores
    from analogsim.learning.reference import rules, training
    from analogsim.network import Network

    names = {"output_treatment": "output"}
    chosen = {names.get(key, key): options.pop(key) for key in RULE_OPTIONS}
    function = rules.rule(rule, **{key: value for key, value in chosen.items() if value is not None})
    if len(seeds) > 1 and (output or options["checkpoint"]):
        raise InputError("--output and --checkpoint hold one run; give one --seed with them.")
    if options["dtype"] not in ("float32", "float64"):
        raise InputError(f"--dtype {options['dtype']}: float32 or float64.")
    try:
        hidden = [int(part) for part in options["hidden"].split(",")]
    except ValueError:
        raise InputError(f"--hidden {options['hidden']}: whole numbers separated by commas, as in 128,64.") from None

    for name in ("epochs", "batch_size"):
        if options[name] < 1:
            raise out_of_range(f"--{name.replace('_', '-')}", options[name], "a whole number ≥ 1")
    if options["warm_up"] < 0:
        raise out_of_range("--warm-up", options["warm_up"], "≥ 0 epochs")
    for seed in seeds:
        if seed < 0:
            raise out_of_range("--seed", seed, "a whole number ≥ 0")
    claim(*filter(None, (output, options["checkpoint"])))
    if not 0 <= options["validation"] < 1:
        raise out_of_range("--validation", options["validation"], "0 ≤ validation < 1, a share of the training data")
    data = load(options["data"], **{name: options[name] for name in ("task", "scale", "normalise")})
    scores.check(data.task, options["loss"])
    if not (quiet or as_json):
        for words in data.words:
            click.echo(f"{data.name}: {words}")
    dtype = options["dtype"]
    batches = -(-round(len(data.train_x) * (1 - options["validation"])) // options["batch_size"])
    reports, trouble = [], None
    for seed in seeds:
        net = Network.random(
            (data.train_x.shape[1], *hidden, data.train_y.shape[1]),
            options["activation"], options["loss"], seed=seed, init=options["init"],
        ).astype(dtype)  # fmt: skip
        schedule = optimisers.Schedule(
            options["learning_rate"],
            options["warm_up"] * batches,
            options["epochs"] * batches if options["cosine"] else None,
        )

        def say(epoch: int, found: dict[str, float], seed: int = seed) -> None:
            if not (quiet or as_json):
                if data.task == "regression":
                    figures = f"test mse {found['test_mse']:.5g}, R² {found['test_r2']:.4f}"
                else:
                    figures = f"accuracy {found['accuracy']:.2%}, test {found['test_accuracy']:.2%}"
                click.echo(f"seed {seed}  epoch {epoch:3d}  loss {found['loss']:.5f}  {figures}")

        result = training.train(
            net, data.train_x.astype(dtype), data.train_y.astype(dtype), function, seed=seed, progress=say,
            optimiser=optimisers.make(options["optimiser"], schedule, options["momentum"], options["weight_decay"]),
            test=(data.test_x.astype(dtype), data.test_y.astype(dtype)), task=data.task,
            **{key: options[key] for key in HANDED_ON},
        )  # fmt: skip
        reports.append({"seed": seed, "epochs": result.epoch, "status": result.status, "traces": result.traces})
        if output:
            trouble = keep(result.network.save, Path(output))
    if as_json:
        click.echo(json.dumps({"rule": rule, "data": options["data"], "words": data.words, "runs": reports}, indent=2))
    if trouble:
        raise trouble
    if any(report["status"] == "diverged" for report in reports):
        raise click.ClickException("a run diverged; see its traces. Try a smaller --beta, dp-damped, or dpt.")


assert command.help
command.help = command.help.replace("RULES", ", ".join(register.rule.built_in))
