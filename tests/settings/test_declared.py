"""Every setting is declared once: its check, its option, its axis, its words and its lines in the tables follow."""

import ast
import json
import math
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import analogsim as asim
from analogsim.cli import COMMANDS, main
from analogsim.cli.options import SIMULATION, options_of
from analogsim.errors import InputError
from analogsim.experiments.settable import of_settings, table
from analogsim.experiments.setup import prepare, read
from analogsim.experiments.sweeps.axes import axis
from analogsim.experiments.sweeps.plan import Plan
from analogsim.settings import markdown
from analogsim.settings.declaring import declared, setting
from analogsim.settings.keyed import full, put
from analogsim.settings.kinds import Choice, MeanAndSpread, Name, Noises, Number, Sizes, Whole
from analogsim.settings.record import Settings

FIELDS = declared(Settings)
EACH = pytest.mark.parametrize("name", FIELDS)

CHANGED = {
    "circuit": "combined", "rule": "dp", "alpha": 0.3, "lam": 0.3, "beta": 0.25, "nudge": "chop",
    "noise": ("ou:0.125",), "asymmetry": 0.125, "device": "rram-wan", "overrides": {"circuit.age": 7.0},
    "trim": 0.25, "task": "classification",
    "data": "fashion-mnist", "scale": 2.0, "normalise": (0.25, 0.5), "hidden": (9, 8), "activation": "tanh",
    "loss": "cross-entropy", "epochs": 3, "batch_size": 7, "optimiser": "sgd", "learning_rate": 0.25,
    "update": "stochastic", "write_every": 3, "drift": 7.0, "states": "relax", "relax_time": 7.0, "continuous": 9,
    "gate": 5, "flow": "neurons", "clock": 7.0, "health": "off", "tolerance": 0.125, "dtype": "float32", "seed": 7,
}  # fmt: skip
"""Another value than the default of each setting."""
NEEDS = {
    "lam": {"rule": "dyadic"}, "relax_time": {"states": "relax"}, "gate": {"continuous": 9},
    "flow": {"continuous": 9}, "clock": {"continuous": 9, "flow": "neurons"},
}  # fmt: skip
"""What must be set for it to have a meaning."""


def changed(name):
    return Settings(**{"circuit": "ideal", **NEEDS.get(name, {}), name: CHANGED[name]})


def outside(kind):
    """Values that a kind of setting refuses."""
    if isinstance(kind, Number):
        below = kind.above if kind.above > -math.inf else math.nextafter(kind.low, -math.inf)
        return [below, math.nextafter(kind.high, math.inf), math.nan, "1", True, [1]]
    if isinstance(kind, Whole):
        return [kind.low - 1, kind.low + 0.5, math.inf, "1", None]
    return {
        Choice: ["none of them", 3],
        Name: [3, ["a"]],
        Sizes: ["a", (0,), (8.5,), None],
        MeanAndSpread: [(0.1,), (0.1, 0.0), (math.nan, 1.0), "a/b", 3],
        Noises: [{"node": 0.1}, ["pink:0.1"], ["-1"], ["0.1", "0.2"], "pink:0.1", -0.1, [math.nan], [[0.1]], True],
    }.get(type(kind), [3, "a"])


@EACH
def test_what_is_outside_its_range_is_refused_by_name(name):
    about = FIELDS[name]
    refused = [value for value in outside(about.kind) if not (value is None and about.default is None)]
    assert refused
    for value in refused:
        with pytest.raises(InputError) as caught:
            Settings(**{**NEEDS.get(name, {}), name: value})
        said = str(caught.value)
        assert name in said, (value, said)
        assert "\n" not in said
    assert about.kind.range()


@EACH
def test_it_is_an_option_of_every_command_that_trains(name):
    for command in ("run", "sweep", "budget", "tolerance"):
        known = {param.name: param for param in main.get_command(None, command).params}
        assert name in known, command
        told = getattr(known[name], "help", None) or ""
        assert FIELDS[name].option == "argument" or FIELDS[name].meaning.partition("{")[0][:40] in told


@EACH
def test_it_is_an_axis(name):
    if name in ("seed", "overrides"):
        with pytest.raises(InputError, match=r"--seeds|device\.read_noise"):
            axis(name, [CHANGED[name]], Settings())
        return
    base = Settings(**NEEDS.get(name, {}))
    value = 0.125 if name == "noise" else CHANGED[name]
    written = str(value) if name == "noise" else FIELDS[name].kind.written(value)
    for given in ([value], str(written)) if name != "hidden" else ([value], "9x8"):
        made = axis(name, given, base)
        fields = Plan(base, (made,)).fields(0)
        kept = ("0.125",) if name == "noise" else value
        assert getattr(Settings(**fields), name) == kept
    assert made.key == name


@EACH
def test_a_run_says_what_is_not_at_its_default(name):
    if name in ("circuit", "data"):  # the titles of the card and of the data are always there
        return
    circuit = "crossbar" if FIELDS[name].group == "hardware" else "ideal"
    before = Settings(**{"circuit": circuit, **NEEDS.get(name, {})})
    after = replace(before, **{name: CHANGED[name]})
    before, after = prepare(before), prepare(after)
    assert after.words() != before.words()
    if FIELDS[name].said:
        told = "25%" if name == "trim" else FIELDS[name].kind.written(CHANGED[name])
        new = " ".join(set(after.words()) - set(before.words()))
        assert told in new or FIELDS[name].kind.choices[told] in new


@EACH
def test_it_is_in_the_tables(name):
    assert f"`{FIELDS[name].flag}`" in markdown.page() or name == "circuit"
    lines = CliRunner().invoke(main, ["show", "ideal", "--all"]).stdout.splitlines()
    key = "CIRCUIT" if name == "circuit" else FIELDS[name].flag
    (line,) = [line for line in lines if line.split()[:1] == [key]]
    assert FIELDS[name].usual[:20] in line
    assert FIELDS[name].meaning in line


@EACH
def test_it_survives_json(name):
    settings = changed(name)
    assert Settings(**json.loads(json.dumps(settings.to_json()))) == settings
    assert list(settings.to_json()) == list(FIELDS)


@dataclass(frozen=True, repr=False)
class Patient(Settings):
    """What a maintainer adds: one field."""

    patience: int = setting(
        Whole(1),
        "Stop after so many epochs without a better accuracy",
        default=50,
        group="training",
        said="stops after {patience} epochs without a better accuracy",
    )


def test_adding_a_setting_is_one_declaration():
    @click.command()
    @options_of(*SIMULATION, of=Patient)
    def command(**options):
        settings = Patient(**options)
        click.echo("\n".join([*settings.said(), *table(of_settings(declared(Patient)))]))

    done = CliRunner().invoke(command, ["ideal", "--patience", "7"])
    assert done.stdout.startswith("stops after 7 epochs")
    assert "--patience       50" in done.stdout
    assert "Stop after so many epochs" in CliRunner().invoke(command, ["--help"]).stdout
    with pytest.raises(InputError, match="patience = 0 is out of range: a whole number, patience ≥ 1"):
        Patient(patience=0)


def test_help_loads_nothing_heavy():
    code = "import sys, analogsim.cli.run, analogsim.cli.train, analogsim.cli.infer; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {name for name in loaded if name.startswith("analogsim.")}
    assert not {"numpy", "numba", "xarray", "tomllib"} & {*loaded}
    light = ("cli", "settings", "errors", "text", "defaults", "registry", "facts")
    kinds = {"analogsim.functions", "analogsim.functions.node_noises"}
    assert {name.split(".")[1] for name in ours - kinds} <= {*light}


def test_the_page_of_settings_is_current():
    path = Path(__file__).parents[2] / "docs" / "settings.md"
    assert path.read_text(encoding="utf-8") == markdown.page(), (
        "python -m analogsim.settings.markdown > docs/settings.md"
    )


def test_it_shows_only_what_differs_from_the_defaults():
    assert repr(asim.Settings()) == "Settings()"
    assert repr(Settings(alpha=0.3, noise=["0.05"])) == "Settings(alpha=0.3, noise=('0.05',))"
    many = repr(Settings(**{name: CHANGED[name] for name in ("overrides", "hidden", "normalise", "data", "trim")}))
    assert many.count("\n") == 6
    written = ast.parse(many, mode="eval").body.keywords
    assert Settings(**{word.arg: ast.literal_eval(word.value) for word in written}) == Settings(
        **{name: CHANGED[name] for name in ("overrides", "hidden", "normalise", "data", "trim")}
    )


def test_a_notebook_shows_them_as_a_table_without_markup_of_theirs():
    shown = Settings(data="<b>.npz", beta=0.25)._repr_html_()
    assert shown.count("<tr>") == 2
    assert "<td>0.25</td><td>Strength β of the nudge</td>" in shown
    assert "&lt;b&gt;.npz" in shown


def test_what_has_no_meaning_beside_the_rest_is_refused():
    for bad, message in (
        ({"rule": "ep", "alpha": 0.3}, "alpha = 0.3 has no meaning for rule 'ep'; it is for dpt and dp."),
        ({"relax_time": 7.0}, "relax_time = 7.0 has no meaning for states 'settle'; it is for relax."),
        ({"clock": 7.0}, "clock = 7.0 has no meaning for flow 'ode'"),
        ({"flow": "sweeps"}, "add --continuous K"),
        ({"gate": 1}, "gate < continuous"),
    ):
        with pytest.raises(InputError, match=message.replace(".", r"\.")):
            Settings(**bad)


def test_values_that_need_each_other_can_be_swept_together():
    base = Settings()
    axes = (axis("continuous", "4,8", base), axis("flow", "sweeps,neurons", base))
    assert Plan(base, axes).size == 4
    with pytest.raises(InputError, match="add --continuous"):
        Plan(base, axes[1:])
    with pytest.raises(InputError, match="no meaning for rule 'ep'"):
        Plan(Settings(alpha=0.3), (axis("rule", "dp,ep", Settings(alpha=0.3)),))


def test_kinds_of_noise_are_axes_by_name():
    base = Settings(noise=("0.05",))
    assert axis("noise.node", "0,0.1", base).key == axis("node_noise", "0,0.1", base).key == "circuit.node_noise"
    assert axis("noise.read", "0,0.1", base).key == "noise"
    assert axis("epochs", "1:5:2", base).values == (1, 3, 5)
    with pytest.raises(InputError, match="give a list, or a step"):
        axis("epochs", "1:5", base)


def test_names_that_heavier_rooms_look_up_are_theirs():
    from analogsim.functions.losses import LOSSES
    from analogsim.network import INITS
    from analogsim.settings import choices, digital_training

    assert set(digital_training.INITS) == set(INITS)
    assert choices.LOSSES.split(" or ") == list(LOSSES)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((name, value) for name, value in CHANGED.items() if name not in ("noise", "overrides", *NEEDS)),
        ("noise", 0.1), ("noise.node", 0.1), ("node_noise", 0.1), ("circuit.asymmetry", 0.25), ("device.g_max", 1e-5),
    ],
)  # fmt: skip
def test_what_is_put_in_by_its_key_is_read_by_its_key(key, value):
    base = Settings(noise=("0.05", "node:0.2"), asymmetry=0.5, overrides={"device.g_max": 2e-5})
    after = Settings(**put(vars(base), key, value))
    assert read(after, key) == value
    assert read(base, key) != value
    kept = [
        other
        for other in ("noise", "noise.node", "circuit.asymmetry", "device.g_max", "beta")
        if full(other) != full(key)
    ]
    if key not in ("device", "circuit", "asymmetry"):
        assert [read(after, other) for other in kept] == [read(base, other) for other in kept]
    with pytest.raises(InputError, match=r"did you mean 'device\.g_max'"):
        read(base, "device.g_mx")


def test_the_same_default_is_meant_everywhere():
    assert Settings().wiring().name == asim.Wiring.adjoint_dual_propagation().name == "DP⊤(α=0.5)"
    assert Settings(rule="dyadic").wiring().name == asim.Wiring.dyadic().name


def test_help_of_every_command_names_the_kinds_of_noise_and_no_python():
    assert {"run", "infer"} <= {*COMMANDS}
    for command in ("run", "infer"):
        said = CliRunner().invoke(main, [command, "--help"]).stdout
        for kind in ("node:SIGMA", "ou:SIGMA", "1/f:SIGMA", "rtn:SIGMA", "read noise"):
            assert kind in " ".join(said.split())
        assert "MISSING" not in said
        assert "<" not in said.replace("G < K", "").replace("G <", "")
