"""Mini-batch training with a digital rule: the loop, early stopping, checkpoints that resume bit for bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analogsim.errors import InputError, flag, instance, number, out_of_range, shown, whole
from analogsim.files import atomic, expand, read_npz
from analogsim.learning import scores
from analogsim.learning.optimisers import ADAM, Optimiser, flat
from analogsim.learning.reference import logbook
from analogsim.learning.reference.feedback import FeedbackPath
from analogsim.learning.reference.layers import Array, Gradients, Workspace, batch
from analogsim.network import Network
from analogsim.settings.digital_training import DIGITAL


def batches(n: int, batch_size: int, rng: np.random.Generator, *, blocks: bool = False) -> Iterator[NDArray[np.int64]]:
    """Indices of the mini-batches of one epoch: every sample once, in an order drawn from `rng`; the last may be short.

    With `blocks` the mini-batches are the same contiguous samples in every epoch and only their order is drawn.
    Training on a chip and digital training take the same order from the same seed.

    Parameters
    ----------
    n, batch_size : int
        Samples in all, and of a mini-batch.
    rng : numpy.random.Generator
    blocks : bool
    """
    whole("batch_size", batch_size)
    if blocks:
        for block in rng.permutation(-(-n // batch_size)):
            yield np.arange(block * batch_size, min(n, (block + 1) * batch_size))
        return
    order = rng.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


@dataclass
class Training:
    """What training ends with.

    Attributes
    ----------
    network : Network
        After the last epoch, or of the best validation accuracy (of a regression, R²) where there was a validation
        split.
    traces : dict of lists
        One entry an epoch: loss, accuracy, validation_accuracy, test_accuracy (of a regression mse, r2,
        validation_mse and so on), lipschitz, saturation, and for each
        layer k angle_k (degrees to back-propagation), reference_norm_k (of that), gradient_norm_k, weight_norm_k.
    epoch : int
        Epochs done.
    best_epoch : int or None
        Epoch, from 1, of `network` where a validation split chose it.
    status : {"done", "stopped early", "diverged"}
        "diverged": a parameter was NaN or infinite at the end of the last epoch.
    feedback : list of arrays or None
        The feedback path V after the last epoch, where it is not Wᵀ.
    """

    network: Network
    traces: dict[str, list[float]] = field(default_factory=dict)
    epoch: int = 0
    best_epoch: int | None = None
    status: str = "done"
    feedback: list[Array | None] | None = None


def train(
    net: Network,
    x: Array,
    y: Array,
    rule: Callable[..., Gradients],
    *,
    epochs: int = DIGITAL.epochs,
    batch_size: int = DIGITAL.batch_size,
    optimiser: Optimiser | None = None,
    seed: int = DIGITAL.seed,
    feedback: str = DIGITAL.feedback,
    validation: float = DIGITAL.validation,
    patience: int | None = DIGITAL.patience,
    test: tuple[Array, Array] | None = None,
    task: str | None = None,
    checkpoint: str | Path | None = None,
    angles: bool = True,
    blocks: bool = False,
    forward: Callable[[Network, Array], list[Array]] | None = None,
    schedule: Callable[[int], dict[str, object]] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    **options: object,
) -> Training:
    """Train a network with a digital rule.

    Parameters
    ----------
    net : Network
        Where to start; it is not changed. Its type is that of all arithmetic.
    x, y : (sample, feature) and (sample, output) arrays
    rule : callable
        ``rule(net, x, y, **options) -> gradients``: any of `analogsim.learning.reference`.
    epochs, batch_size : int
    optimiser : Optimiser, optional
        ADAM at 1e-3 unless given; it must be new.
    seed : int
        Draws the order of the samples and, in another stream, whatever the rule draws.
    feedback : {"transpose", "alignment", "kolen-pollack"}
        Feedback path of rules that have one.
    validation : float
        Share of the samples, from the end, kept for validation; the network of the best epoch is returned.
    patience : int, optional
        Stop after so many epochs without a better validation accuracy.
    test : (x, y), optional
        Only traced.
    task : {"classification", "regression"}, optional
        What is traced of the targets: accuracy, or mean squared error and R². A classification if not given where every
        row of y is ≥ 0 and sums to 1.
    checkpoint : path, optional
        ``.npz`` written after every epoch. Where it exists training goes on from it, with the bits of an uninterrupted
        run; a kill loses the epoch under way.
    angles : bool
        Whether to trace the angles to back-propagation, on the first batch of each epoch.
    blocks : bool
        Keep the mini-batches and shuffle only their order: see `batches`.
    forward : callable, optional
        (net, x) -> pre-activations a_1 … a_L of what the network infers, for all that is traced; a feed-forward pass if
        not given. For a recurrent network it is its equilibrium, `analogsim.learning.reference.coupled.rest`.
    schedule : callable, optional
        Options of the rule that change: epoch (from 0) -> dict, such as a ramp of β or λ.
    progress : callable, optional
        Called with the epoch and its traces.
    **options
        Options of the rule.

    Returns
    -------
    Training

    Raises
    ------
    InputError
        If an option is out of range, or the checkpoint belongs to another run.
    """
    instance("net", net, Network, "a Network")
    instance("rule", rule, Callable, "a rule, as reference.rule('dp')")
    instance("optimiser", optimiser, Optimiser | None, "an optimiser, as ADAM(1e-3)")
    epochs, batch_size = whole("epochs", epochs, low=0), whole("batch_size", batch_size)
    seed = whole("seed", seed, low=0)
    for option, choice in (("angles", angles), ("blocks", blocks)):
        flag(option, choice)
    if patience is not None:
        whole("patience", patience)
    if test is not None and (not isinstance(test, tuple | list) or len(test) != 2):
        raise InputError(f"test = {shown(test)}; expected (x, y).")
    test = None if test is None else batch(net, *test)
    if not 0 <= number("validation", validation) < 1:
        raise out_of_range("validation", validation, "0 ≤ validation < 1")
    if patience is not None and not validation:
        raise InputError("patience needs a validation split: validation=0.1, say.")
    net = net.replace(weights=tuple(w.copy() for w in net.weights), biases=tuple(b.copy() for b in net.biases))
    dtype = net.weights[0].dtype
    x, y = batch(net, x, y)
    task = task or scores.task_of(y)
    scores.check(task, net.loss)
    keep = len(x) - round(validation * len(x))
    held = (x[keep:], y[keep:]) if keep < len(x) else None
    x, y = x[:keep], y[:keep]
    if not keep:
        raise out_of_range("validation", validation, "a share that leaves samples to train on")
    optimiser = optimiser or ADAM(DIGITAL.learning_rate)
    path = FeedbackPath(net, feedback, np.random.default_rng([seed, 2]))
    name = getattr(rule, "__name__", type(rule).__name__)
    run = _Run(net, optimiser, path, {"rule": name, "seed": seed, "batch_size": batch_size, "samples": len(x)})
    if blocks:
        run.identity["blocks"] = True
    state = Training(net)
    if checkpoint is not None and expand(checkpoint).exists():
        run.restore(read_npz(checkpoint), state, Path(checkpoint))
    space = Workspace()
    if options.get("order") == "random":
        options = {**options, "rng": run.rule_rng}
    state.feedback = path.matrices
    if path.matrices is not None:
        options = {**options, "feedback": path.matrices}
    while state.epoch < epochs and state.status == "done":
        if run.exhausted(patience, state.epoch):
            state.status = "stopped early"
            break
        current = {**options, **(schedule(state.epoch) if schedule else {})}
        # A run that diverges is a result: its traces show it, and warnings would only repeat it.
        with np.errstate(over="ignore", invalid="ignore"):
            order = batches(len(x), batch_size, run.data_rng, blocks=blocks)
            found = _epoch(net, x, y, rule, order, run, space, angles, current)
            found |= logbook.network(net, x, y, task=task, forward=forward)
            for name, data in (("validation", held), ("test", test)):
                if data is not None:
                    figures = logbook.judged(net, np.asarray(data[0], dtype), data[1], task, forward)
                    found |= {f"{name}_{key}": figure for key, figure in figures.items()}
        if not all(np.isfinite(p).all() for p in flat(run.pairs)):
            state.status = "diverged"
        for key, value in found.items():
            state.traces.setdefault(key, []).append(value)
        state.epoch += 1
        if state.status == "done":
            run.judge(found.get("validation_accuracy", found.get("validation_r2")), state.epoch)
        if checkpoint is not None:
            run.save(Path(checkpoint), state)
        if progress is not None:
            progress(state.epoch, found)
    if run.best is not None:
        state.best_epoch = run.best_epoch
        state.network = net.replace(weights=tuple(run.best[0::2]), biases=tuple(run.best[1::2]))
    return state


def _epoch(
    net: Network,
    x: Array,
    y: Array,
    rule: Callable[..., Gradients],
    order: Iterable[NDArray[np.int64]],
    run: _Run,
    space: Workspace,
    angles: bool,
    options: dict[str, object],
) -> dict[str, float]:
    """Learn every batch once; the traces of the first."""
    found: dict[str, float] = {}
    for count, chosen in enumerate(order):
        gradients = rule(net, x[chosen], y[chosen], workspace=space, **options)
        if count == 0:
            found = logbook.gradients(net, x[chosen], y[chosen], gradients, angles=angles)
        parameters = [*flat(run.pairs), *run.path.parameters()]
        run.optimiser.update(parameters, [*flat(gradients), *run.path.gradients(gradients)])
    return found


class _Run:
    """What a checkpoint holds besides the traces."""

    def __init__(self, net: Network, optimiser: Optimiser, path: FeedbackPath, identity: dict[str, Any]) -> None:
        self.pairs = list(zip(net.weights, net.biases, strict=True))
        self.optimiser, self.path, self.identity = optimiser, path, identity | {"feedback": path.kind}
        seed = identity["seed"]
        self.data_rng, self.rule_rng = np.random.default_rng(seed), np.random.default_rng([seed, 1])
        self.best: list[Array] | None = None
        self.best_accuracy, self.best_epoch = -math.inf, 0

    def exhausted(self, patience: int | None, epoch: int) -> bool:
        return patience is not None and epoch - self.best_epoch >= patience and self.best is not None

    def judge(self, accuracy: float | None, epoch: int) -> None:
        if accuracy is not None and accuracy > self.best_accuracy:
            self.best_accuracy, self.best_epoch = accuracy, epoch
            self.best = [array.copy() for array in flat(self.pairs)]

    def save(self, path: Path, state: Training) -> None:
        """Write everything that the next epoch depends on."""
        arrays: dict[str, Any] = {f"parameter{i}": p for i, p in enumerate(flat(self.pairs))}
        arrays |= {f"feedback{i}": v for i, v in enumerate(self.path.matrices or []) if v is not None}
        arrays |= {f"optimiser_{key}": value for key, value in self.optimiser.state().items()}
        arrays |= {f"best{i}": p for i, p in enumerate(self.best or [])}
        arrays |= {f"trace_{key}": np.array(value) for key, value in state.traces.items()}
        record = {
            "run": self.identity,
            "epoch": state.epoch,
            "status": state.status,
            "best_accuracy": self.best_accuracy,
            "best_epoch": self.best_epoch,
            "data_rng": self.data_rng.bit_generator.state,
            "rule_rng": self.rule_rng.bit_generator.state,
        }
        with atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, record=np.array(json.dumps(record)), **arrays)

    def restore(self, arrays: dict[str, Any], state: Training, path: Path) -> None:
        """Take over what `save` wrote, in place."""
        parameters = flat(self.pairs)
        try:
            record = json.loads(str(arrays["record"]))
            saved = [arrays[f"parameter{i}"] for i in range(len(parameters))]
        except (KeyError, ValueError):
            raise InputError(f"{path}: not a checkpoint of this network.") from None
        same = all(p.shape == q.shape and p.dtype == q.dtype for p, q in zip(parameters, saved, strict=True))
        if not same or record["run"] != self.identity:
            told = f"{record['run']}, this one is {self.identity}" if same else "other sizes or another type"
            raise InputError(f"{path}: a checkpoint of another run ({told}). Remove it, or choose another file.")
        for p, q in zip(parameters, saved, strict=True):
            p[...] = q
        for i, v in enumerate(self.path.matrices or []):
            if v is not None:
                v[...] = arrays[f"feedback{i}"]
        self.optimiser.restore({key[10:]: value for key, value in arrays.items() if key.startswith("optimiser_")})
        self.best = [arrays[f"best{i}"] for i in range(len(parameters))] if "best0" in arrays else None
        self.best_accuracy, self.best_epoch = record["best_accuracy"], record["best_epoch"]
        self.data_rng.bit_generator.state = record["data_rng"]
        self.rule_rng.bit_generator.state = record["rule_rng"]
        state.epoch, state.status = record["epoch"], record["status"]
        state.traces = {key[6:]: list(value) for key, value in arrays.items() if key.startswith("trace_")}
