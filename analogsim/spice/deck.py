"""A programmed chip as a SPICE deck that a designer can build on: every block is a subcircuit of its own.

Voltages are the activities times ``vs``. A compartment is R ∥ C with τ = R C, charged by mirrored array currents;
states are ideal voltage sources. Two levels: ``ideal`` draws each weight as a linear controlled source, ``tia`` each
pair of cells as two resistors 1/G into op-amps of one pole. A line that a rule reads once has one copy of the weights.

Nodes: inputs x{j}, targets y{i}, compartments a{layer}{p|m}{i} with layers from 0, arrays f{layer} and b{layer} (into
that layer), as in the published transients that the tests use.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analogsim.chip.whole import Chip
from analogsim.errors import InputError
from analogsim.functions.activations import activation

Array = NDArray[np.floating]

G0 = 10e-6
"""Leak conductance of a compartment, S."""


@dataclass(frozen=True)
class Mixing:
    """The wiring, with the deviations of every neuron in it, as products of what is sent and what is received.

    F = P Q with as many rows of Q as the array is read: Q makes the signals of each read from a neuron's two
    compartments, P shares the read out to the compartments that receive it. B likewise.

    Parameters
    ----------
    forward_q, feedback_q : (R, 2, N) arrays
        What a neuron sends on each read, from its two compartments.
    forward_p, feedback_p : (2, R, N) arrays
        What each compartment takes of each read.
    constant : list of (2, n) arrays
        Bias and offsets of each layer.
    nudge : (2, n_L) array
        Signed nudge of the output's compartments.
    nudge_at : (2, 2) array
        N.
    """

    forward_q: Array
    forward_p: Array
    feedback_q: Array
    feedback_p: Array
    constant: list[Array]
    nudge: Array
    nudge_at: Array


@dataclass(frozen=True)
class Pairs:
    """Cells of one read for level ``tia``: conductances (2, n, m) of G⁺ and G⁻ from line j to output i, S."""

    cells: Array
    rf: float
    error: Array
    """Gain error of each output's subtractor (forward) or of each line's inverter (feedback)."""


@dataclass(frozen=True)
class Amplifier:
    """The op-amp of level ``tia``: gain, ω_u in rad/s, input capacitance in F."""

    gain: float
    bandwidth: float
    capacitance: float


class Deck:
    """The subcircuit ``dyadic_<name>`` of a chip, line by line.

    Parameters
    ----------
    chip : Chip
    mixing : Mixing
    name : str
    arrays : mapping of str to Pairs, optional
        By "f0", "f1", …, "b0", …; without them level ``ideal``.
    amplifier : Amplifier, optional
    beta : float
    """

    def __init__(
        self,
        chip: Chip,
        mixing: Mixing,
        name: str,
        beta: float,
        arrays: dict[str, Pairs] | None = None,
        amplifier: Amplifier | None = None,
    ) -> None:
        if chip.loss != "mse":
            raise InputError(f"netlist: loss {chip.loss!r} has no circuit here; the nudge of 'mse' is a conductance.")
        self.chip, self.mixing, self.name, self.beta = chip, mixing, name, beta
        self.arrays, self.amplifier = arrays, amplifier
        self.cum = np.concatenate([[0], np.cumsum(chip.sizes[1:])])

    @property
    def pins(self) -> list[str]:
        """Nodes of the whole subcircuit: inputs, targets, compartments."""
        n, m = self.chip.sizes[0], self.chip.sizes[-1]
        return [*(f"x{j}" for j in range(n)), *(f"y{i}" for i in range(m)), *self.compartments]

    @property
    def compartments(self) -> list[str]:
        """Nodes of the compartments in the order layer, (p, m), neuron."""
        return [f"a{k}{c}{i}" for k, n in enumerate(self.chip.sizes[1:]) for c in "pm" for i in range(n)]

    def lines(self) -> list[str]:
        """All of the subcircuit file but its header."""
        chip = self.chip
        blocks, body = self._blocks(), []
        for k in range(chip.layers):
            body += self._compartments(k)
        for name, sender, receiver in self._reads():
            blocks += self._array(name)
            body += self._read(name, sender, receiver)
        body += self._nudge()
        return [*blocks, *_pinned(f".subckt dyadic_{self.name}", self.pins), *body, f".ends dyadic_{self.name}"]

    def parameters(self) -> list[str]:
        """The .param lines, for both files."""
        values = {"g0": G0, "tau0": self.chip.time_unit, "vs": self.chip.activity_unit, "beta": self.beta}
        if self.amplifier is not None:
            values |= {"a0": self.amplifier.gain, "gbw": self.amplifier.bandwidth / (2 * np.pi)}
            values |= {"cin": self.amplifier.capacitance} if self.amplifier.capacitance else {}
        return [".param " + " ".join(f"{key}={_number(value)}" for key, value in values.items())]

    def _reads(self) -> list[tuple[str, int, int]]:
        layers = range(self.chip.layers)
        return [*((f"f{k}", k - 1, k) for k in layers), *((f"b{k}", k + 1, k) for k in layers[:-1])]

    def _blocks(self) -> list[str]:
        chip, lines = self.chip, []
        lines += [
            ".subckt compartment a params: tau=1",
            "R a 0 {1/g0}",
            "C a 0 {tau*tau0*g0} ic=0",
            ".ends compartment",
        ]
        for kind in dict.fromkeys((chip.activation, chip.output_activation)):
            law = activation(kind).netlist
            lines += [f".subckt {_block(kind)} a s", f"B s 0 V={law}", f".ends {_block(kind)}"]
        lines += [
            *(".subckt mixer p m u params: kp=0.5 km=0.5", "E1 u n p 0 {kp}", "E2 n 0 m 0 {km}", ".ends mixer"),
            *(".subckt mirror z a params: k=1", "G 0 a z 0 {k*g0}", ".ends mirror"),
        ]
        if self.amplifier is not None:
            lines += [
                ".subckt opamp inn out",
                *("G 0 p inn 0 -1", "R p 0 {a0}", "C p 0 {1/(6.283185307179586*gbw)} ic=0", "E out 0 p 0 1"),
                ".ends opamp",
                *(".subckt tia inn out params: rf=1", "Xo inn out opamp", "R inn out {rf}"),
                *(["C inn 0 {cin} ic=0"] if self.amplifier.capacitance else []),
                ".ends tia",
            ]
        return lines

    def _compartments(self, k: int) -> list[str]:
        tau, constant = self.chip.tau[k], self.mixing.constant[k]
        kind = self.chip.output_activation if k == self.chip.layers - 1 else self.chip.activation
        lines = [f"* layer {k}: compartments, states, constants"]
        for c, sign in enumerate("pm"):
            for i in range(tau.shape[1]):
                at = f"{k}{sign}{i}"
                lines.append(f"Xa{at} a{at} compartment tau={_number(tau[c, i])}")
                lines.append(f"Xs{at} a{at} s{at} {_block(kind)}")
                if constant[c, i]:
                    lines.append(f"I{at} 0 a{at} DC {{{_number(constant[c, i])}*vs*g0}}")
        return lines

    def _matrix(self, name: str) -> Array:
        k = int(name[1:])
        found = self.chip.forward[k] if name[0] == "f" else self.chip.feedback[k + 1]
        return np.asarray(found)

    def _array(self, name: str) -> list[str]:
        """The subcircuit of one array, from lines u to outputs z."""
        weights = self._matrix(name)
        n, m = weights.shape
        pins = [*(f"u{j}" for j in range(m)), *(f"z{i}" for i in range(n))]
        head = f"* array {name}: {n} rows, {m} columns, wmax {_number(np.abs(weights).max())}"
        if self.arrays is not None:
            pairs = self.arrays[name]
            body = _cells(pairs, feedback=name[0] == "b")
            return [
                f"{head}, Rf {_number(pairs.rf)} ohm",
                *_pinned(f".subckt array_{name}", pins),
                *body,
                f".ends array_{name}",
            ]
        body = []
        for i in range(n):
            body.append(f"R{i} z{i} 0 {{1/g0}}")
            body += [f"G{i}_{j} 0 z{i} u{j} 0 {_number(w * G0)}" for j, w in enumerate(weights[i]) if w]
        return [head, *_pinned(f".subckt array_{name}", pins), *body, f".ends array_{name}"]

    def _read(self, name: str, sender: int, receiver: int) -> list[str]:
        """Signals of a layer, its array once for each read, and the mirrors into the receiving compartments."""
        chip, mixing = self.chip, self.mixing
        q, p = (mixing.forward_q, mixing.forward_p) if name[0] == "f" else (mixing.feedback_q, mixing.feedback_p)
        weights = self._matrix(name)
        if sender < 0:
            p = chip.gain[0][:, None, :]
        else:
            q = q[:, :, self.cum[sender] : self.cum[sender + 1]]
            p = p[:, :, self.cum[receiver] : self.cum[receiver + 1]]
        lines = [f"* read {name}"]
        for r in range(p.shape[1]):
            signals = []
            for j in range(weights.shape[1]):
                if sender < 0:
                    signals.append(f"x{j}")
                    continue
                share = tuple(q[r, :, j])
                if share in ((1.0, 0.0), (0.0, 1.0)):
                    signals.append(f"s{sender}{'pm'[int(share[1])]}{j}")
                    continue
                node = f"u{name}r{r}_{j}"
                signals.append(node)
                plus, minus = (_number(k) for k in share)
                lines.append(f"X{node} s{sender}p{j} s{sender}m{j} {node} mixer kp={plus} km={minus}")
            outputs = [f"z{name}r{r}_{i}" for i in range(weights.shape[0])]
            lines += _pinned(f"Xarray{name}r{r}", [*signals, *outputs, f"array_{name}"])
            for c, sign in enumerate("pm"):
                for i, node in enumerate(outputs):
                    if p[c, r, i]:
                        lines.append(f"Xm{node}{sign} {node} a{receiver}{sign}{i} mirror k={_number(p[c, r, i])}")
        return lines

    def _nudge(self) -> list[str]:
        last, mixing = self.chip.layers - 1, self.mixing
        lines = [f"* nudge of layer {last}"]
        for c, sign in enumerate("pm"):
            for i in range(self.chip.sizes[-1]):
                strength, at = float(mixing.nudge[c, i]), f"{last}{sign}{i}"
                if not strength * self.beta:
                    continue
                lines.append(f"Gy{at} 0 a{at} y{i} 0 {{{_number(strength)}*beta*g0}}")
                for d, of in enumerate("pm"):
                    if share := float(mixing.nudge_at[c, d]):
                        gain = _number(-strength * share)
                        lines.append(f"Gr{at}{of} 0 a{at} s{last}{of}{i} 0 {{{gain}*beta*g0}}")
        return lines


def elements(lines: list[str], name: str) -> int:
    """Number of elements that SPICE sees in a subcircuit once those inside it are expanded."""
    scopes: dict[str, list[str]] = {}
    scope: list[str] = []
    last = ""
    for line in lines:
        if line.startswith(".subckt"):
            scopes[line.split()[1]] = scope = []
        elif line.startswith("+") and last == "X":
            scope[-1] += line[1:]
        elif line[0].isalpha():
            scope.append(line)
        last = line[0] if line[0] != "+" else last
    known: dict[str, int] = {}

    def total(of: str) -> int:
        if of not in known:
            inside = (next(w for w in reversed(line.split()) if w in scopes) for line in scopes[of] if line[0] == "X")
            known[of] = sum(line[0] != "X" for line in scopes[of]) + sum(total(called) for called in inside)
        return known[of]

    return total(name)


def testbench(deck: Deck, x: Array, y: Array, t_end: float, include: str) -> list[str]:
    """Sources, transient analysis, outputs and measurements for one sample.

    Parameters
    ----------
    deck : Deck
    x, y : (feature,), (class,) arrays
        In activities.
    t_end : float
        In units of the chip's ``time_unit``.
    include : str
        File of the subcircuit.
    """
    chip = deck.chip
    vs, tau0 = chip.activity_unit, chip.time_unit
    step = min(float(tau.min()) for tau in chip.tau) / 100
    if chip.tia is not None:
        step = max(min(step, 0.1 / chip.tia.poles[1]), t_end * 1e-6)
    lines = [f".include {include}"]
    for name, values in (("x", x), ("y", y)):
        lines += [f"V{name}{k} {name}{k} 0 DC {_number(v * vs)}" for k, v in enumerate(values)]
    lines += _pinned("Xchip", [*deck.pins, f"dyadic_{deck.name}"])
    tolerance = _number(1e-16 * min(1.0, vs * G0 / 1e-5))
    lines.append(f".options reltol=1e-6 abstol={tolerance} vntol={_number(1e-10 * vs)} chgtol=1e-24 gmin=1e-18")
    lines.append(f".tran {_number(tau0 / 10)} {_number(t_end * tau0)} 0 {_number(step * tau0)} uic")
    lines += _pinned(".save", [f"v({node})" for node in deck.compartments])
    last = chip.layers - 1
    for sign in "pm":
        for i in range(chip.sizes[-1]):
            node = f"a{last}{sign}{i}"
            lines.append(f".meas tran end_{node} FIND v({node}) AT={_number(t_end * tau0 * 0.999999)}")
    return [*lines, ".end"]


def _cells(pairs: Pairs, *, feedback: bool) -> list[str]:
    """Resistors 1/G and amplifiers of an array of pairs."""
    _, n, m = pairs.cells.shape
    rf, lines = _number(pairs.rf), []
    if feedback:
        lines += [f"E{j} n{j} 0 0 u{j} {_number(1 + pairs.error[j])}" for j in range(m)]
    for i in range(n):
        for sign, matrix, node in (("p", pairs.cells[0], "u"), ("m", pairs.cells[1], "n" if feedback else "u")):
            into = f"v{i}" if feedback else f"v{sign}{i}"
            lines += [f"R{sign}{i}_{j} {node}{j} {into} {_number(1 / g)}" for j, g in enumerate(matrix[i]) if g]
        if feedback:
            lines += [f"X{i} v{i} o{i} tia rf={rf}", f"Ez{i} z{i} 0 0 o{i} 1"]
        else:
            lines += [f"X{sign}{i} v{sign}{i} o{sign}{i} tia rf={rf}" for sign in "pm"]
            lines += [f"Ez{i} z{i} d{i} om{i} 0 {_number(1 + pairs.error[i])}", f"Ed{i} d{i} 0 0 op{i} 1"]
    return lines


def _pinned(head: str, names: list[str]) -> list[str]:
    """A line with many nodes, continued with + where it is long."""
    parts = textwrap.wrap(" ".join(names), 110, break_long_words=False, break_on_hyphens=False)
    return [f"{head} {parts[0]}", *(f"+ {part}" for part in parts[1:])]


def _block(kind: str) -> str:
    return kind.replace("-", "_")


def _number(value: float) -> str:
    return repr(float(value))
