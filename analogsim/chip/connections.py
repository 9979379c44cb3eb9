"""The arrays of a chip: one record for each connection of the network, with a path for each direction of its reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analogsim.chip.amplifiers import Amplifiers
from analogsim.chip.gates import Array, Closed, fixed, shaped
from analogsim.chip.transfer import NO_CONVERTER, STEADY, STRAIGHT, Converter, Driver, Light
from analogsim.errors import InputError, instance, one_of

KINDS = ("dense",)
ARRAYS = ("weights", "noise", "floor", "echo", "tiles")
"""Fields of a path that hold arrays."""


@dataclass(frozen=True, eq=False, repr=False)
class ReadPath(Closed):
    """One direction of the reads of an array, with n outputs and m inputs.

    Parameters
    ----------
    weights : (n, m) array
        As realised, in activity per activity.
    noise : (n, m) array, optional
        Standard deviation of each weight at each read, in units of the weight; ≥ 0.
    floor : (n,) array, optional
        Standard deviation of each output that is there without any signal, in units of the activity; ≥ 0. It is drawn
        on the clock of the read noise.
    echo : (n, n) array, optional
        Full duplex only: crosstalk from the signals that the outputs' own neurons send into the array at the same time.
    tiles : (2, k) array, optional
        Of an array in k tiles whose outputs pass rails and converter each on its own before they are added: the inputs
        of each, in order, and its range and step in units of the chip's, > 0 (`analogsim.chip.columns`).
    driver : Driver
        Transfer curve in front of the matrix.
    converter : Converter
        Converters at both ends.
    light : Light
        Intensity noise of the sources in front of the matrix, where signals are light.
    amplifiers : Amplifiers, optional
        Those that read the array, where their dynamics are followed; at rest they are in the weights already.
    """

    weights: Array
    noise: Array | None = None
    floor: Array | None = None
    echo: Array | None = None
    tiles: Array | None = None
    driver: Driver = STRAIGHT
    converter: Converter = NO_CONVERTER
    light: Light = STEADY
    amplifiers: Amplifiers | None = None

    @property
    def is_noisy(self) -> bool:
        """Whether reads are random."""
        return any(a is not None and a.any() for a in (self.noise, self.floor)) or max(self.light[:2]) > 0

    def words(self) -> list[str]:
        """Say what deviates from an exact matrix."""
        said = []
        if self.noise is not None and self.noise.any():
            said.append(f"read noise σ up to {float(self.noise.max()):.3g}")
        said += [f"output noise σ up to {float(self.floor.max()):.3g}"] if self.floor is not None else []
        said += [f"intensity noise of {self.light.relative:.2%}"] if self.light != STEADY else []
        said += ["echo"] if self.echo is not None else []
        said += [f"driver {self.driver.low:.3g} to {self.driver.high:.3g}"] if self.driver != STRAIGHT else []
        said += ["converters"] if self.converter != NO_CONVERTER else []
        said += [f"{self.tiles.shape[1]} tiles, added after conversion"] if self.tiles is not None else []
        return said + (["amplifiers"] if self.amplifiers is not None else [])

    def frame(self) -> tuple[object, ...]:
        """All but the weights and the noise."""
        return self.echo, self.tiles, self.driver, self.converter, self.light, self.amplifiers

    def closed(self, name: str) -> ReadPath:
        """The same path with arrays that cannot be written to; the same object if they are closed already."""
        found = {}
        for key in ARRAYS:
            value = getattr(self, key)
            if value is not None and (closed := fixed(f"Chip.{name}", value)) is not value:
                found[key] = closed
        return self.rewritten(**found) if found else self

    def rewritten(self, **fields: Array | Amplifiers | None) -> ReadPath:
        """The same path with other arrays or amplifiers, unchecked: part of `Chip.rewritten`, and as quick."""
        new = object.__new__(ReadPath)
        new.__dict__.update(self.__dict__)
        new.__dict__.update(fields)
        return new

    def check(self, name: str, j: int, outputs: int, inputs: int, among: int) -> None:
        """Raise `InputError` for an array of a wrong shape, or one that is not finite.

        Parameters
        ----------
        name : {"forward", "feedback"}
        j, among : int
            Index of the connection, and of the echo among the chip's (by the layer that hears itself).
        outputs, inputs : int
            n and m.
        """
        shaped(f"Chip.{name}[{j}]", self.weights, (outputs, inputs))
        if self.noise is not None:
            shaped(f"Chip.{name}_noise[{j}]", self.noise, (outputs, inputs))
        if self.floor is not None:
            shaped(f"Chip.{name}_floor[{j}]", self.floor, (outputs,))
        if self.echo is not None:
            shaped(f"Chip.{name}_echo[{among}]", self.echo, (outputs, outputs))
        if self.tiles is not None:
            shaped(f"Chip.{name}_tiles[{j}]", self.tiles, (2, self.tiles.shape[-1]))
            counts, reach = self.tiles
            if counts.sum() != inputs or (counts < 1).any() or (counts % 1).any() or not (reach > 0).all():
                raise InputError(
                    f"Chip.{name}_tiles[{j}] = {self.tiles.tolist()}; expected how many of the {inputs} inputs "
                    "each tile has, and ranges > 0."
                )
        if self.amplifiers is not None:
            shaped(f"Chip.tia.{name}[{j}]", self.amplifiers.weights[0], (outputs, inputs))
        self.driver.check(f"Chip.driver of {name}[{j}]")
        self.converter.check(f"Chip.converters of {name}[{j}]")
        self.light.check(f"Chip.light of {name}[{j}]")


@dataclass(frozen=True, eq=False, repr=False)
class Connection:
    """What leads from one layer to another: W, and V back.

    Parameters
    ----------
    sender, receiver : int
        Layers that it joins, counted from the clamped input, 0. A chain has (0, 1), (1, 2), ….
    forward : ReadPath
        Of W, from the sender to the receiver.
    feedback : ReadPath, optional
        Of V, back to the sender; None where the sender is the clamped input.
    kind : {"dense"}
        Form of the matrix.
    """

    sender: int
    receiver: int
    forward: ReadPath
    feedback: ReadPath | None = None
    kind: str = "dense"

    @property
    def paths(self) -> tuple[ReadPath, ...]:
        """The forward path, and the feedback path where there is one."""
        return (self.forward,) if self.feedback is None else (self.forward, self.feedback)

    def rewired(
        self, forward: Array, feedback: Array | None, forward_noise: Array | None, feedback_noise: Array | None
    ) -> Connection:
        """The same connection with other weights and their noise, unchecked: part of `Chip.rewritten`, and as quick."""
        new = object.__new__(Connection)
        found = new.__dict__
        found.update(self.__dict__)
        found["forward"] = self.forward.rewritten(weights=forward, noise=forward_noise)
        if self.feedback is not None:
            found["feedback"] = self.feedback.rewritten(weights=feedback, noise=feedback_noise)
        return new

    def words(self) -> list[str]:
        """Say what deviates from an exact matrix and its transpose."""
        ahead = self.forward.words()
        back = [] if self.feedback is None else self.feedback.words()
        said = [what if what in back else f"forward {what}" for what in ahead]
        said += [f"feedback {what}" for what in back if what not in ahead]
        if self.feedback is not None:
            size = float(np.sqrt(np.mean(self.forward.weights**2)))
            error = float(np.sqrt(np.mean((self.feedback.weights - self.forward.weights.T) ** 2)))
            said += [f"V − Wᵀ of {error / size:.2g} rms(W)"] if error else []
        return said

    def closed(self) -> Connection:
        """The same connection with arrays that cannot be written to."""
        instance("Connection.forward", self.forward, ReadPath, "a ReadPath")
        instance("Connection.feedback", self.feedback, ReadPath | None, "a ReadPath or None")
        ahead = self.forward.closed(f"forward[{self.sender}]")
        back = None if self.feedback is None else self.feedback.closed(f"feedback[{self.sender}]")
        if ahead is self.forward and back is self.feedback:
            return self
        return self.rewritten(ahead, back)

    def rewritten(self, forward: ReadPath, feedback: ReadPath | None) -> Connection:
        """The same connection with other paths, unchecked."""
        new = object.__new__(Connection)
        new.__dict__.update(self.__dict__)
        new.__dict__.update(forward=forward, feedback=feedback)
        return new

    def check(self, j: int, sizes: tuple[int, ...]) -> None:
        """Raise `InputError` unless this can be connection j of a chain of layers with so many neurons."""
        one_of("kind of connection", self.kind, KINDS)
        if (self.sender, self.receiver) != (j, j + 1):
            ends = f"layer {self.sender} to layer {self.receiver}"
            raise InputError(f"Chip.connections[{j}] leads from {ends}; in a chain it leads from {j} to {j + 1}.")
        n, m = sizes[j + 1], sizes[j]
        self.forward.check("forward", j, n, m, j)
        if j == 0 and self.feedback is not None:
            raise InputError("Chip.feedback[0] must be None: nothing feeds back into the clamped input.")
        if j and self.feedback is None:
            raise InputError(f"Chip.feedback[{j}] has shape None; expected {(m, n)}.")
        if self.feedback is not None:
            self.feedback.check("feedback", j, m, n, j - 1)
