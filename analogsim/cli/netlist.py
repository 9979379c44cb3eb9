"""``analogsim netlist``: the programmed circuit as a SPICE deck."""

from typing import Any

import click

from analogsim.cli.options import as_json, hardware, verbosity
from analogsim.cli.paths import DECK, claim


@click.command(context_settings={"show_default": True})
@hardware
@click.option("--weights", metavar="FILE", help="Network (.npz, .safetensors).  [default: random, as in `run`]")
@click.option("--layers", metavar="NAME[,NAME...]", help="Layers of that file, the first one first.  [default: all]")
@click.option("--sample", type=int, default=0, help="Test sample at the input.")
@click.option(
    "--level", metavar="LEVEL", default="ideal", help="ideal: controlled sources; tia: pairs of resistors and op-amps."
)
@click.option("--t-end", type=float, default=20.0, help="Length of the transient in units of τ.")
@click.option("--no-testbench", is_flag=True, help="Write the subcircuit and the expected values alone.")
@click.option("--verify", is_flag=True, help="Run ngspice and compare; exit 1 above tolerance.")
@click.option("--force", is_flag=True, help="Write decks of more than 200,000 elements too.")
@click.option("-o", "--output", type=DECK, metavar="FILE.cir", help="Name of the deck.  [default: CIRCUIT.cir]")
@as_json
@verbosity
def command(
    weights: str | None,
    layers: str | None,
    sample: int,
    level: str,
    t_end: float,
    no_testbench: bool,
    verify: bool,
    force: bool,
    output: str | None,
    as_json: bool,
    verbose: int,
    **options: Any,
) -> None:
    """Write CIRCUIT, programmed with a network, as SPICE: NAME.subckt.cir, NAME_tb.cir and NAME.expected.csv.

    Every block (compartment, activation, mixer, mirror, tia, arrays) is a subcircuit to be replaced by a cell of your
    own. Values are those after programming; random noise is left out.

    \b
    Examples:
      analogsim netlist crossbar --hidden 16 --verify
      analogsim netlist crossbar --weights model.npz --level tia \\
        --set circuit.tia_gain=1e3 --set circuit.tia_bandwidth="60 MHz" -o deck.cir
    """
    import json
    from dataclasses import replace
    from pathlib import Path

    from analogsim.errors import InputError, number, out_of_range
    from analogsim.experiments import setup
    from analogsim.experiments.inferring import check_fits
    from analogsim.settings.record import Settings
    from analogsim.spice import netlists
    from analogsim.weights import load_network

    target = Path(output or f"{Path(options['circuit']).stem}.cir")
    name = target.stem.replace("-", "_").replace(".", "_")
    claim(*(target.with_name(f"{name}{ending}") for ending in (".subckt.cir", ".expected.csv", "_tb.cir")))
    if verify and no_testbench:
        raise InputError("--verify runs the testbench: leave out --no-testbench.")
    number("--t-end", t_end, above=0, high=1e7)
    if layers and not weights:
        raise InputError("--layers names layers of a file: give it with --weights.")
    made = setup.prepare(Settings(**options))
    if weights is not None:
        network = load_network(weights, layers=layers)
        check_fits(weights, network, made.data)
        chip = made.circuit.program(network, seed=made.settings.seed)
        made = replace(made, network=network, chip=chip)
    if not 0 <= sample < len(made.data.test_x):
        raise out_of_range("--sample", sample, f"0 to {len(made.data.test_x) - 1}")
    deck = netlists.Netlist(
        chip=made.chip,
        circuit=made.circuit,
        wiring=made.wiring,
        x=made.data.test_x[sample],
        y=made.data.test_y[sample],
        beta=made.settings.beta,
        level=level,
        name=name,
        t_end=t_end,
        sample=sample,
    )
    written = deck.write(target.parent, bench=not no_testbench, force=force)
    elements = deck.elements()
    talk = verbose >= 0 and not as_json
    files = [str(path) for path in written]
    report: dict[str, object] = {"files": files, "elements": elements}
    if talk:
        click.echo(f"wrote {', '.join(files)} ({elements} elements)")
    if elements > netlists.WARN:
        click.echo(f"Warning: above {netlists.WARN} elements a transient takes SPICE minutes.", err=True)
    found = netlists.verify(deck, written[-1]) if verify else None
    if found is not None:
        report["ngspice"] = {"deviation": found.deviation, "points": found.points, "agrees": found.agrees}
        if talk:
            click.echo(
                f"ngspice: largest deviation {found.deviation:.2g} activities over {found.points} points "
                f"(tolerance {netlists.TOLERANCE:g}, largest activity {found.largest:.3g})"
            )
        for line in found.complaints:
            click.echo(f"ngspice says: {line}", err=True)
    if as_json:
        click.echo(json.dumps(report, indent=2, default=float))
    if found is not None and not found.agrees:
        raise click.ClickException("ngspice does not agree.")
