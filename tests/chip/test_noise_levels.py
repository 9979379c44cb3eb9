"""The kinds of node noise stand in one table: fields of chips and circuits, words, and processes follow from it."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.chip import Chip, NodeLevels
from analogsim.functions.node_noises import COLOURED, NODE_NOISES

NET = asim.Network.random((5, 4, 3), "tanh", seed=0)


def test_every_coloured_kind_has_a_process():
    assert all(kind.process for kind in COLOURED)


@pytest.mark.parametrize("kind", COLOURED, ids=lambda kind: kind.name)
def test_a_kind_goes_from_the_circuit_to_the_chip_and_to_its_process(kind):
    values = {part.name: 1.5 * part.default for part in kind.parts}
    made = asim.circuit("crossbar", **{kind.field: 0.3, **values})
    chip = made.program(NET, seed=0)
    assert getattr(chip, kind.field) == 0.3
    assert np.ravel(getattr(chip, kind.parameter)).tolist() == [*values.values()]
    assert kind.words.format(**vars(made)) in " ".join(made.words())
    assert chip.has_coloured_noise
    assert chip.has_noise
    assert len(chip.nodes.processes(4, np.random.default_rng(0))) == 1
    with pytest.raises(asim.InputError, match=kind.parameter):
        chip.replace(**{kind.parameter: (-1.0,) * len(kind.parts) if len(kind.parts) > 1 else -1.0})


@pytest.mark.parametrize("kind", NODE_NOISES, ids=lambda kind: kind.name)
def test_a_kind_is_silent_unless_it_is_said_and_never_negative(kind):
    assert getattr(Chip.ideal(NET), kind.field) == 0
    assert NodeLevels().sigma(kind) == 0
    assert not NodeLevels(**{kind.field: 0.0}).words()
    for value in (-0.1, "loud", float("nan")):
        with pytest.raises(asim.InputError, match=kind.field):
            Chip.ideal(NET, **{kind.field: value})
