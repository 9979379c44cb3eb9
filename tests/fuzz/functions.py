"""The public functions with arguments that are right, for the fuzzer to spoil."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Table = dict[str, tuple[Callable[..., Any], list[Any], dict[str, Any]]]


def functions(folder: Path, net: Any, x: Any, y: Any) -> Table:
    """Every public function with arguments that are right, positions first."""
    import analogsim as asim
    from analogsim import measure
    from analogsim.circuits import wires
    from analogsim.learning import ADAM, SGD, Schedule, continuous, reference
    from analogsim.learning.reference import train
    from analogsim.settings import Settings

    made = asim.circuit("crossbar", device="ideal")
    chip = made.program(net, seed=0)
    noisy = chip.replace(node_noise=0.01)
    wiring = asim.Wiring.adjoint_dual_propagation(0.3)
    nudged = {"wiring": wiring, "beta": 0.1}
    state = asim.settle(chip, x, y, **nudged)
    solving = dict(t_end=0.5, times=[0.1, 0.5], rtol=1e-3, atol=1e-5, seed=0, dt=0.1, tol=1e-2, initial=None,
                   dtype=np.float64, progress=None, solver="auto", **nudged)  # fmt: skip
    settling = dict(tol=1e-3, method="auto", eta=0.1, max_sweeps=10, horizon=5.0, initial=None, seed=0,
                    stability=False, confirm=False, dtype=np.float64, **nudged)  # fmt: skip
    stream = asim.Stream(np.stack([x, x]), np.stack([y, y]), 0.5)
    kept = asim.relax(chip, x, y, t_end=0.5, **nudged)
    g, v = np.full((3, 2), 1e-5), np.full((1, 3), 0.1)
    gradient = reference.backprop(net, x, y)
    plain = {"beta": 0.5, "tol": 0.0, "feedback": None}
    whole = dict(vars(Settings(circuit="ideal", hidden=(2,))).items())
    fields = {k: getattr(chip, k) for k in chip.__dataclass_fields__}
    found: Table = {
        "relax": (asim.relax, [chip, x, y], solving),
        "relax noisy": (asim.relax, [noisy, x, y], {**solving, "solver": "exponential-sra"}),
        "relax clock": (asim.relax, [chip, x, y], {**nudged, "t_end": 0.5, "clock": asim.Clock(4.0), "seed": 0}),
        "relax delay": (asim.relax, [chip, x, y], {**nudged, "t_end": 0.5, "delay": 0.2, "dt": 0.1}),
        "settle": (asim.settle, [chip, x, y], settling),
        "gradient": (asim.gradient, [chip, state], {}),
        "continuous": (continuous, [chip, stream], {**nudged, "tau_w": 10.0, "dt": 0.05, "gate": 0.0}),
        "Stream": (asim.Stream, [x, y, 0.5], {}),
        "Clock": (asim.Clock, [], {"rate": 4.0, "of": "neuron", "jump": False}),
        "Network": (asim.Network, [net.weights, net.biases], {"activation": "relu", "loss": "mse",
                    "output_activation": "identity"}),
        "Network.random": (asim.Network.random, [(3, 2, 3)], {"activation": "relu", "loss": "mse", "seed": 0,
                           "init": "kaiming", "gain": 1.0, "output_activation": "identity"}),
        "load_network": (asim.load_network, [folder / "net.npz"], {"activation": "relu", "loss": "mse"}),
        "Wiring": (asim.Wiring, [wiring.forward, wiring.feedback, wiring.nudge_at, wiring.nudge_gain, "w"], {}),
        "Wiring.dyadic": (asim.Wiring.dyadic, [0.5], {}),
        "Wiring.dual_propagation": (asim.Wiring.dual_propagation, [0.5], {}),
        "Wiring.adjoint": (asim.Wiring.adjoint_dual_propagation, [0.5], {}),
        "Wiring.from_json": (asim.Wiring.from_json, [wiring.to_json()], {}),
        "circuit": (asim.circuit, ["crossbar"], {"device": "ideal", "noise": 0.01, "age": 0, "feedback": "shared"}),
        "program": (made.program, [net], {"seed": 0}),
        "program many": (made.program, [net], {"seeds": [0, 1]}),
        "Chip.replace": (chip.replace, [], fields),
        "Settings": (Settings, [], whole),
        "lipschitz": (measure.lipschitz, [net], {}),
        "lipschitz_hidden": (measure.lipschitz_hidden, [net, 0.3], {}),
        "lipschitz_output": (measure.lipschitz_output, [net, 0.3], {}),
        "alignment": (measure.alignment, [gradient, gradient], {}),
        "errors": (measure.errors, [[gradient, gradient], gradient], {}),
        "chip_lipschitz": (measure.chip_lipschitz, [chip, wiring], {}),
        "saturation": (measure.saturation, [net.forward(x), "relu"], {}),
        "symmetry_defect": (measure.symmetry_defect, [chip], {}),
        "settling_time": (measure.settling_time, [[0.0, 1.0, 2.0], [1.0, 0.1, 0.01], 0.05], {}),
        "settled_states": (measure.settled_states, [chip, kept], {}),
        "array_power": (measure.array_power, [made, chip, x, measure.settled_states(chip, kept), wiring], {}),
        "currents": (wires.currents, [g, v, 1.0, 1.0], {"read": "forward", "terminals": None, "tile": None,
                     "curve": None, "tol": 1e-12}),
        "effective_conductance": (wires.effective_conductance, [g, 1.0, 1.0], {"read": "forward", "tile": 2}),
        "terminal_conductance": (wires.terminal_conductance, [g, 1.0, 1.0], {"read": "forward"}),
        "Terminals": (_used(wires.Terminals, g, v, "terminals"), [], {"word_end": "left", "bit_end": "top",
                      "r_driver": 1.0, "r_sense": 1.0}),
        "Sinh": (_used(wires.Sinh, g, v, "curve"), [0.3], {}),
        "Cubic": (_used(wires.Cubic, g, v, "curve"), [0.1, 0.1], {}),
        "AccessTransistor": (_used(wires.AccessTransistor, g, v, "curve"), [1e3, 0.5], {}),
        "sweep": (asim.sweep, ["ideal"], {"over": {"alpha": [0.5]}, "seeds": 1, "points": None,
                  "metrics": ["nothing"], "workers": 1, "point_timeout": 10.0, "design": "grid",
                  "hidden": 2, "epochs": 1}),
        "Schedule": (Schedule, [], {"rate": 1e-3, "warm_up": 1, "updates": 5, "first": 0.0, "last": 0.0}),
        "ADAM": (ADAM, [], {"rate": 1e-3, "betas": (0.9, 0.999), "epsilon": 1e-8, "weight_decay": 0.0}),
        "SGD": (SGD, [], {"rate": 1e-3, "momentum": 0.1, "weight_decay": 0.0}),
        "train": (train, [net, x, y, reference.backprop], {"epochs": 1, "batch_size": 4, "seed": 0,
                  "feedback": "transpose", "validation": 0.0, "patience": None, "test": None,
                  "angles": False, "blocks": False}),
        "backprop": (reference.backprop, [net, x, y], {"feedback": None}),
        "adversarial": (reference.adversarial, [net, x, y], {"step": 0.1, "sign": False}),
        "implicit": (reference.implicit, [net, x, y, asim.Wiring.dyadic(0.5)], {"tol": 1e-8}),
        "rule": (lambda name, **options: reference.rule(name, **options)(net, x, y), ["dp"], {"alpha": 0.5,
                 "sweeps": 1}),
    }  # fmt: skip
    for name, options in (
        ("dual_propagation", {"alpha": 0.5, "sweeps": 2, "order": "up-down", "output": "re-evaluated"}),
        ("adjoint_dual_propagation", {"alpha": 0.5, "sweeps": 2, "order": "up-down", "damping": 0.9}),
        ("damped_dual_propagation", {"alpha": 0.9, "sweeps": 2, "iterations": 2}),
        ("robust_dual_propagation", {"alpha": 0.1, "sweeps": 2}),
        ("relaxed", {"wiring": wiring, "sweeps": 2, "order": "odd-even", "damping": 0.5}),
        ("dyadic", {"lam": 0.4, "sweeps": 5, "damping": None, "order": None}),
        ("equilibrium_propagation", {"phase": "centred", "sweeps": 5, "damping": 0.5}),
        ("contrastive_hebbian", {"convex": False, "sweeps": 5, "damping": 0.5}),
        ("lpom", {"inverted": False, "stabilised": True, "sweeps": 5}),
        ("auxiliary_coordinates", {"steps": 5, "rate": None}),
        ("predictive_coding", {"steps": 5, "rate": None, "clamped": False}),
    ):
        found[name] = (getattr(reference, name), [net, x, y], {**plain, **options})
    for name in ("fenchel", "lecun_lagrangian"):
        found[name] = (getattr(reference, name), [net, x, y], {"beta": 0.5, "feedback": None})
    return found


def _used(make: Callable[..., Any], g: Any, v: Any, key: str) -> Callable[..., Any]:
    """Parts of an array are judged at the latest when currents flow."""

    def call(*arguments: Any, **keywords: Any) -> Any:
        from analogsim.circuits import wires

        return wires.currents(g, v, 1.0, 1.0, **{key: make(*arguments, **keywords)})

    return call
