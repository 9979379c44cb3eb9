"""Seeded malformed input for every surface of the program: command lines, cards, tables, files, Python.

A case is a function of its number alone: ``Surfaces(folder).case(17)`` is the same input on every machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.functions import functions

TEXTS = [
    "", " ", "nan", "inf", "-inf", "-1", "0", "1e308", "-1e308", "1e-308", "1e400", "99999999999999999999", "0x10",
    "1,2", "3.7", "None", "true", "a", "[]", "{}", "[1, 2]", "1:2", "0:1:0", "log:0:1:3", "../x", "/dev/zero", "/", "~",
    "é µ Ω", "\x1b[31m", "a=b=c", "=", "ideal", "crossbar", "1" * 400, "[" * 300, "$x^2$", "--", "-q", "%s", "x" * 500,
]  # fmt: skip
VALUES: list[Any] = [
    None, True, False, "", "5", "nan", "relu", b"5", [], (), {}, {"a": 1}, [1, 2], [[1], [1, 2]], [None], set(),
    object(), float("nan"), float("inf"), float("-inf"), -1, 0, 1, 2, 0.5, -0.5, 1e308, -1e308, 5e-324, 10**20,
    -(10**20), 10**400, 1j, np.nan, np.float32(0.5), np.int64(2), np.zeros(0), np.zeros((2, 2)),
    np.full((1, 3), np.nan), np.array("x"), np.array([1j]), np.array(2.0),
    np.ma.masked_array([1.0, 2.0], [True, False]), np.array([None]), print,
    int,
]  # fmt: skip
ENTRIES = [
    "nan", "inf", "-inf", "-1", "0", "1e308", "1e-308", "1" + "0" * 399, "99999999999999999999", '"x"', '""', "true",
    "[]", "[1, 2]", "[[1], [2, 3]]", "{}", "{ a = 1 }", "2000-01-01", '"20 uS"', '"1.2.3 uS"', '"1 \u03bcS"', "3.5",
    "-0.0",]  # fmt: skip
UNITS = ["", "1", "S", "uS", "\u03bcS", "kg", "\u2126", "ohm", "é", "uuS", "m"]


@dataclass(frozen=True)
class Case:
    """One input: what a user would type, and how to do it."""

    surface: str
    words: str
    call: Callable[[], Any] | None = None
    line: tuple[str, ...] = ()


class Surfaces:
    """Small valid inputs in a folder, and the ways of spoiling them."""

    def __init__(self, folder: Path) -> None:
        from analogsim import Network

        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        self.labels = np.arange(30) % 3
        self.x = np.clip(np.eye(3)[self.labels] + 0.1 * rng.random((30, 3)), 0, 1)
        np.savez(folder / "data.npz", x=self.x, y=self.labels)
        self.network = Network.random((3, 2, 3), seed=1)
        self.network.save(folder / "net.npz")
        self.csv = "conductance [uS], programming [uS], read [nS]\n0, 0.2, 10\n10, 0.3, 40\n20, 0.5, 90\n"
        (folder / "table.csv").write_text(self.csv, encoding="utf-8")
        source = '", source = "nominal" }'
        self.table = "\n".join(
            ['model = "table"', 'title = "T"', 'valid = "v"', f'file = {{ value = "case.csv{source}']
            + [f'{k} = {{ value = {v}, unit = "uS{source}' for k, v in (("g_min", 0), ("g_max", 20))]
        )
        (folder / "result.nc").write_bytes(b"no result")
        self.functions = functions(folder, self.network, self.x[:4], np.eye(3)[self.labels[:4]])
        self.makers = {name[5:]: getattr(self, name) for name in dir(self) if name.startswith("make_")}

    def case(self, number: int) -> Case:
        """Case of this number; the surfaces take turns."""
        names = sorted(self.makers)
        rng = random.Random(f"analogsim {number}")
        turn, which = divmod(number, len(names))
        dear = names[which] == "result" and turn % 4  # a figure or a page is drawn for most of them
        return self.makers["python" if dear else names[which]](rng)

    # -- command lines ------------------------------------------------------------------------------------------------

    def make_line(self, rng: random.Random) -> Case:
        """A command whose options hold odd values."""
        import click

        from analogsim.cli import COMMANDS, main

        data, net = str(self.folder / "data.npz"), str(self.folder / "net.npz")
        tiny = ["--data", data, "--hidden", "2", "--epochs", "1", "--batch-size", "30"]
        hardware = ["ideal", "--data", data, "--hidden", "2"]
        bases: dict[str, list[str]] = {
            "run": ["ideal", *tiny], "sweep": ["ideal", *tiny, "--workers", "1"], "train": ["bp", *tiny],
            "stability": [*hardware, "--over", "alpha=0.5", "--samples", "1"],
            "budget": ["ideal", *tiny, "--seeds", "1", "--workers", "1", "--for", "nothing"],
            "tolerance": ["ideal", *tiny, "--seeds", "1", "--workers", "1", "--for", "nothing"],
            "reproduce": ["nothing"], "infer": ["ideal", "--weights", net, "--data", data, "--draws", "1"],
            "plot": ["result.nc"], "report": ["result.nc"], "netlist": [*hardware], "show": ["ideal"], "cite": ["dpt"],
        }  # fmt: skip
        name = rng.choice([*bases, "run", "train", "infer", "stability"])
        if rng.random() < 0.02:
            return Case("line", "no such command", line=(rng.choice(TEXTS), *rng.sample(TEXTS, 2)))
        assert name in COMMANDS
        command = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
        line = [name, *bases[name]]
        for _ in range(rng.choice([1, 1, 1, 2])):
            if rng.random() < 0.15:
                line[1] = rng.choice(TEXTS)
                continue
            option = rng.choice([p for p in command.params if isinstance(p, click.Option)])
            if option.name in ("help", "workers", "fresh", "scheduler", "verbose", "judge", "size", "force", "verify"):
                continue
            line.append(option.opts[-1])
            if not option.is_flag and not option.count:
                line.append(self._value(option.name or "", rng))
        return Case("line", " ".join(line), line=tuple(line))

    def _value(self, name: str, rng: random.Random) -> str:
        odd = rng.choice(TEXTS)
        if name in ("over", "overrides"):
            keys = [
                "alpha",
                "beta",
                "noise",
                "hidden",
                "epochs",
                "device.g_max",
                "circuit.age",
                "asymmetry",
                "seed",
                "x",
            ]
            return f"{rng.choice(keys)}={odd}"
        if name == "noise" and rng.random() < 0.5:
            return f"{rng.choice(['node', 'ou', '1/f', 'rtn', 'pink'])}:{odd}"
        if name in ("output", "checkpoint") and odd in ("/dev/zero", "/", "~", "../x"):
            return "nowhere/x.nc"
        return odd

    # -- cards --------------------------------------------------------------------------------------------------------

    def make_override(self, rng: random.Random) -> Case:
        """An odd value in a field of a built-in card, in a circuit that is then programmed and read."""
        import tomllib

        from analogsim import cards

        role, names = rng.choice([("circuit", cards.names("circuit")), ("device", cards.names("device"))])
        name = rng.choice([n for n in names if not n.startswith(("laser", "microled", "pd-"))])
        card = cards.read(role, name)
        key = rng.choice([*_fields(role, card.model), "nothing"])
        value = tomllib.loads(f"v = {rng.choice(ENTRIES)}")["v"]
        circuit = name if role == "circuit" else _circuit_for(card.model)
        device = name if role == "device" else None
        words = f"circuit({circuit!r}, device={device!r}, **{{'{role}.{key}': {_short(value)}}})"
        return Case("override", words, lambda: self._program(circuit, device, {f"{role}.{key}": value}))

    def make_card(self, rng: random.Random) -> Case:
        """A card file with a line spoilt, lost, twice, or with bytes that are no text."""
        from analogsim import cards

        kind, name = rng.choice([(k, n) for k in ("circuit", "device") for n in cards.names(k)])
        lines = (cards.folder(kind) / f"{name}.toml").read_text(encoding="utf-8").splitlines()
        for _ in range(rng.choice([1, 1, 2])):
            _spoil(lines, rng)
        raw = "\n".join(lines).encode()
        where = rng.randrange(len(raw) + 1)
        raw = {0: raw[:where], 1: raw[:where] + b"\xff\x00" + raw[where:], 2: b"\xef\xbb\xbf" + raw}.get(
            rng.randrange(12), raw
        )
        path = self.folder / "case.toml"

        def call() -> Any:
            from analogsim.devices import device
            from analogsim.devices.base import verify

            path.write_bytes(raw)
            if kind == "circuit":
                return self._program(str(path), None, {})
            device(path)
            return verify(path)

        return Case("card", raw.decode(errors="replace"), call)

    def make_table(self, rng: random.Random) -> Case:
        """A CSV of measurements or of a calibration with a cell, a line or bytes spoilt."""
        from analogsim import cards

        calibration = rng.random() < 0.3
        text = (cards.folder("device") / "aoc-16.csv").read_text() if calibration else self.csv
        lines = text.splitlines()
        for _ in range(rng.choice([1, 1, 2])):
            row = rng.randrange(len(lines))
            cells = lines[row].split(",")
            cells[rng.randrange(len(cells))] = rng.choice([*TEXTS, "\x00", '"', ";", "\t", "#", "conductance [uS]"])
            lines[row] = rng.choice([",", ";", "\t"]).join(cells) if rng.random() < 0.2 else ",".join(cells)
        if rng.random() < 0.1:
            lines = lines[: rng.randrange(3)]
        raw = "\n".join(lines).encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]))
        path, card = self.folder / "case.csv", self.folder / "case.toml"

        def call() -> Any:
            from analogsim.devices import device
            from analogsim.devices.channels import calibration as read

            path.write_bytes(raw)
            if calibration:
                return read.__wrapped__(path)
            card.write_text(self.table, encoding="utf-8")
            return self._program("crossbar", device(card), {})

        return Case("table", raw.decode(errors="replace"), call)

    def _program(self, circuit: str, device: Any, overrides: dict[str, Any]) -> None:
        from analogsim import Wiring, settle
        from analogsim import circuit as make

        made = make(circuit, device=device, **overrides)
        chip = made.program(self.network, seed=0)
        made.words()
        settle(chip, self.x[:2], np.eye(3)[:2], wiring=Wiring.dyadic(0.5), beta=0.1, max_sweeps=20, horizon=5.0)

    # -- files --------------------------------------------------------------------------------------------------------

    def make_data(self, rng: random.Random) -> Case:
        """An ``.npz`` of data with an array spoilt, renamed or lost."""
        arrays: dict[str, Any] = {"x": self.x, "y": self.labels}
        return self._npz("data", arrays, rng)

    def make_weights(self, rng: random.Random) -> Case:
        """A file of weights with an array spoilt, renamed or lost."""
        arrays = dict(np.load(self.folder / "net.npz"))
        return self._npz("weights", arrays, rng)

    def _npz(self, surface: str, arrays: dict[str, Any], rng: random.Random) -> Case:
        key = rng.choice(sorted(arrays))
        done = rng.randrange(6)
        if done < 3:
            arrays[key] = _spoilt(arrays[key], rng)
        elif done == 3:
            arrays[rng.choice(["z", "W9", "b1", "x_train", "0.weight"])] = arrays.pop(key)
        elif done == 4:
            del arrays[key]
        cut = rng.random() if done == 5 else None
        path = self.folder / f"case-{surface}.npz"
        shown = {name: f"{np.asarray(a).dtype}{np.shape(a)}" for name, a in arrays.items()}

        def call() -> Any:
            from analogsim import load_network
            from analogsim.experiments.data import load_data

            with open(path, "wb") as stream:
                np.savez(stream, **{name: np.asarray(a) for name, a in arrays.items()})
            if cut is not None:
                raw = path.read_bytes()
                path.write_bytes(raw[: int(cut * len(raw))])
            return load_data(str(path)) if surface == "data" else load_network(path)

        return Case(surface, json.dumps(shown) + f" cut {cut}", call)

    def make_result(self, rng: random.Random) -> Case:
        """A result file with its stamp or its bytes spoilt, given to what reads results."""
        path, whole = self.folder / "case.nc", self.folder / "whole.nc"
        stamp = rng.choice([None, "", "{", "[]", "null", "3", '{"settings": 3}', '{"cards": []}', "{" * 2000, "\x1b"])
        key = rng.choice(["seed", "settings", "cards", "wiring", "words", "version"])
        value = rng.choice([None, 3, "x", [], {}, [[]], {"circuit": 3}, float("nan")])
        done, share, byte = rng.randrange(4), rng.random(), rng.randrange(256)

        def call() -> None:
            import h5py

            if not whole.exists():
                from analogsim.experiments import results
                from analogsim.experiments.running import run

                tiny = {"data": str(self.folder / "data.npz"), "hidden": (2,), "epochs": 1, "batch_size": 30}
                results.save(run(circuit="ideal", health="off", **tiny), whole)
            raw = bytearray(whole.read_bytes())
            if done == 0:
                raw = raw[: int(share * len(raw))]
            elif done == 1:
                raw[int(share * len(raw))] = byte
            path.write_bytes(raw)
            if done > 1:
                with h5py.File(path, "a") as file:
                    text = json.loads(file.attrs["analogsim_run"])
                    file.attrs["analogsim_run"] = json.dumps({**text, key: value}) if done == 2 else stamp or ""
                    if done == 3 and stamp is None:
                        del file.attrs["analogsim_run"]

        line = (rng.choice(["show", "cite", "plot", "report"]), str(path), *(["--json"] if rng.random() < 0.3 else []))
        return Case("result", f"{' '.join(line)} {done} {key}={value!r} {stamp!r} {share}", call, line)

    # -- Python -------------------------------------------------------------------------------------------------------

    def make_python(self, rng: random.Random) -> Case:
        """A public function with one or two arguments that are something else."""
        functions = self.functions
        name = rng.choice(sorted(functions))
        function, arguments, keywords = functions[name]
        arguments, keywords = list(arguments), dict(keywords)
        said = []
        for _ in range(rng.choice([1, 1, 2])):
            value = rng.choice(VALUES)
            at = rng.randrange(len(arguments) + len(keywords))
            if at < len(arguments):
                arguments[at] = value
                said.append(f"[{at}] = {_short(value)}")
            else:
                key = sorted(keywords)[at - len(arguments)]
                keywords[key] = value
                said.append(f"{key} = {_short(value)}")
        return Case("python", f"{name}: {', '.join(said)}", lambda: function(*arguments, **keywords))


def _fields(role: str, model: str) -> list[str]:
    from analogsim.cards.quantities import declared
    from analogsim.registry import register

    return [item.name for item in declared(register.kinds()[role][model])]


def _circuit_for(model: str) -> str:
    from analogsim.devices.base import model as device_model
    from analogsim.devices.weighting import Weighting

    return "optoelectronic" if issubclass(device_model(model), Weighting) else "crossbar"


def _spoil(lines: list[str], rng: random.Random) -> None:
    row = rng.randrange(len(lines))
    key, equals, rest = lines[row].partition(" = ")
    done = rng.randrange(8)
    if done == 0:
        del lines[row]
    elif done == 1:
        lines.insert(row, lines[row])
    elif done == 2 and equals:
        lines[row] = f"{rng.choice(['nothing', 'model', 'device', 'parts', 'cite', 'record', 'a.b'])} = {rest}"
    elif done == 3 and equals:
        lines[row] = f"{key} = {rng.choice(ENTRIES)}"
    elif done == 4:
        lines.insert(row, rng.choice(["[parts]", "[[check]]", "[x]", "x = " + "[" * 2000 + "]" * 2000, "check = 3"]))
    elif equals and "value = " in rest:
        unit = (
            f', unit = "{rng.choice(UNITS)}"' if rng.random() < 0.4 else rest[rest.find(", unit") : rest.find(", sou")]
        )
        lines[row] = f'{key} = {{ value = {rng.choice(ENTRIES)}{unit}, source = "s" }}'
    elif equals:
        lines[row] = f"{key} = {rng.choice(ENTRIES)}"
    if not lines:
        lines.append("")


def _spoilt(array: Any, rng: random.Random) -> Any:
    array = np.atleast_1d(array)
    number = array.dtype.kind in "fiu"
    choices: list[Callable[[], Any]] = [
        lambda: array[:0], lambda: array.astype(str), lambda: np.array("x"), lambda: array.reshape(-1),
        lambda: array[..., None, None], lambda: array[: len(array) // 2] if array.ndim else array,
        lambda: rng.choice([v for v in VALUES if isinstance(v, np.ndarray | float | int) and _savable(v)]),
    ]  # fmt: skip
    if number:
        choices += [
            lambda: array + 1j, lambda: array * np.nan, lambda: array.astype(float) * 1e300, lambda: -1 - array,
            lambda: array.astype(np.uint64) + np.uint64(2**63), lambda: array.astype(bool), lambda: array + 0.5,
            lambda: array.astype(np.float16), lambda: np.asfortranarray(array), lambda: array.astype(">f8"),
        ]  # fmt: skip
    with np.errstate(all="ignore"):
        return rng.choice(choices)()


def _savable(value: Any) -> bool:
    return np.asarray(value).dtype != object


def _short(value: Any) -> str:
    try:
        return repr(value)[:60].replace("\n", " ")
    except ValueError:
        return f"10**{400}"
