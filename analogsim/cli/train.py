"""``analogsim train``: train a digital network with any rule, to judge hardware against."""

from typing import Any

import click

from analogsim.cli.options import options_of
from analogsim.cli.paths import NETWORK, claim, keep
from analogsim.registry import register
from analogsim.settings.declaring import declared
from analogsim.settings.digital_training import DIGITAL, DigitalSettings

HANDED_ON = ("epochs", "batch_size", "feedback", "validation", "patience")
RULE_OPTIONS = ("alpha", "beta", "lam", "sweeps", "order", "output_treatment", "phase", "step")


@click.command(context_settings={"show_default": True})
@click.argument("rule")
@click.option("--alpha", type=float, help="α of dp, dpt and their kin, 0 to 1.  [default: the rule's own]")
@click.option("--beta", type=float, help="Nudge or spacing.  [default: the rule's own]")
@click.option("--lam", type=float, help="λ of dyadic, 0 to 1.  [default: the rule's own]")
@click.option("--sweeps", type=int, help="Sweeps for each batch.  [default: the rule's own]")
@click.option("--order", metavar="NAME", help="up-down, forward, odd-even, synchronous or random.")
@click.option("--output-treatment", metavar="NAME", help="re-evaluated or linearised: how the loss enters.")
@click.option("--phase", metavar="NAME", help="Of ep: centred, positive or negative.")
@click.option("--step", type=float, help="Of adversarial: length of the step up the input gradient.")
@options_of("inputs", "network", "training", of=DigitalSettings, hidden={"metavar": "N[,N...]"})
@click.option(
    "--seed",
    "seeds",
    type=int,
    multiple=True,
    default=(DIGITAL.seed,),
    help="Of all that is random. May be repeated.",
)
@click.option(
    "--checkpoint",
    type=NETWORK,
    metavar="FILE",
    help="Written after each epoch (.npz); a run goes on from it bit for bit.",
)
@click.option("-o", "--output", type=NETWORK, metavar="FILE", help="Trained network (.npz).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of words.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
def command(
    rule: str, seeds: tuple[int, ...], checkpoint: str | None, output: str | None, as_json: bool, quiet: bool,
    **options: Any,
) -> None:  # fmt: skip
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

    from analogsim.errors import InputError
    from analogsim.experiments.data import load_data
    from analogsim.learning import optimisers, scores
    from analogsim.learning.reference import rules, training
    from analogsim.network import Network

    names = {"output_treatment": "output"}
    chosen = {names.get(key, key): options.pop(key) for key in RULE_OPTIONS}
    function = rules.rule(rule, **{key: value for key, value in chosen.items() if value is not None})
    if len(seeds) > 1 and (output or checkpoint):
        raise InputError("--output and --checkpoint hold one run; give one --seed with them.")
    for name, about in declared(DigitalSettings).items():  # what is wrong is called as it was typed
        for value in seeds if name == "seed" else (options[name],):
            about.check(value, called=about.flag)
    asked = DigitalSettings(**options)
    claim(*filter(None, (output, checkpoint)))
    data = load_data(asked.data, task=asked.task, scale=asked.scale, normalise=asked.normalise)
    scores.check(data.task, asked.loss)
    if not (quiet or as_json):
        for words in data.words:
            click.echo(f"{data.name}: {words}")
    batches = -(-round(len(data.train_x) * (1 - asked.validation)) // asked.batch_size)
    reports, trouble = [], None
    for seed in seeds:
        net = Network.random(
            (data.train_x.shape[1], *asked.hidden, data.train_y.shape[1]),
            asked.activation, asked.loss, seed=seed, init=asked.init,
        ).astype(asked.dtype)  # fmt: skip
        schedule = optimisers.Schedule(
            asked.learning_rate,
            asked.warm_up * batches,
            asked.epochs * batches if asked.cosine else None,
        )

        def say(epoch: int, found: dict[str, float], seed: int = seed) -> None:
            if not (quiet or as_json):
                if data.task == "regression":
                    figures = f"test mse {found['test_mse']:.5g}, R² {found['test_r2']:.4f}"
                else:
                    figures = f"accuracy {found['accuracy']:.2%}, test {found['test_accuracy']:.2%}"
                click.echo(f"seed {seed}  epoch {epoch:3d}  loss {found['loss']:.5f}  {figures}")

        result = training.train(
            net, data.train_x.astype(asked.dtype), data.train_y.astype(asked.dtype), function, seed=seed, progress=say,
            optimiser=optimisers.make(asked.optimiser, schedule, asked.momentum, asked.weight_decay),
            test=(data.test_x.astype(asked.dtype), data.test_y.astype(asked.dtype)), task=data.task,
            checkpoint=checkpoint, **{key: getattr(asked, key) for key in HANDED_ON},
        )  # fmt: skip
        reports.append({"seed": seed, "epochs": result.epoch, "status": result.status, "traces": result.traces})
        if output:
            trouble = keep(result.network.save, Path(output))
    if as_json:
        click.echo(json.dumps({"rule": rule, "data": asked.data, "words": data.words, "runs": reports}, indent=2))
    if trouble:
        raise trouble
    if any(report["status"] == "diverged" for report in reports):
        raise click.ClickException("a run diverged; see its traces. Try a smaller --beta, dp-damped, or dpt.")


assert command.help
command.help = command.help.replace("RULES", ", ".join(register.rule.built_in))
