"""What the cards call ideal is ideal, and scales go from harmless to harmful."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.errors import InputError
from analogsim.experiments.setup import overrides
from analogsim.experiments.specification.catalogue import applies, choose, nonidealities, with_values
from analogsim.settings.record import Settings

BAD = Settings(
    circuit="crossbar",
    noise=("0.05", "node:0.02"),
    asymmetry=0.2,
    overrides={
        "circuit.gain_mismatch": 0.01, "circuit.r_word": 2.0, "circuit.tia_gain": 100.0, "circuit.full_scale": 2.0,
        "circuit.dac_bits": 6, "circuit.dac_range": 2.0, "circuit.dac_feedback_range": 1.0,
        "circuit.age": 100.0, "device.levels": 16, "device.p_stuck_hrs": 0.05,
    },
)  # fmt: skip


@pytest.mark.parametrize("device", ["pcm-ibm", "pcm-hermes", "rram-wan", "rram-cmo"])
def test_a_circuit_without_its_nonidealities_holds_the_network_exactly(device):
    base = Settings(**{**vars(BAD), "device": device})
    net = asim.Network.random((12, 9, 5), seed=3)
    bad = asim.circuit(base.circuit, device=device, **overrides(base)).program(net, seed=1)
    assert np.abs(bad.forward[0] - net.weights[0]).max() > 1e-2
    mended = with_values(base, {one.key: one.ideal for one in nonidealities(base)})
    assert all(one.is_off for one in nonidealities(mended) if one.key != "device.read_noise")
    chip = asim.circuit(mended.circuit, device=device, **overrides(mended)).program(net, seed=1)
    for w, got in zip(net.weights, chip.forward, strict=True):
        np.testing.assert_allclose(got, w, rtol=0, atol=1e-12)
    np.testing.assert_allclose(chip.feedback[1], net.weights[1].T, rtol=0, atol=1e-12)
    assert not chip.has_noise
    assert all((tau == 1).all() and (gain == 1).all() for tau, gain in zip(chip.tau, chip.gain, strict=True))


@pytest.mark.parametrize("circuit", ["crossbar", "combined", "slm-generic", "ideal"])
def test_scales_begin_at_the_ideal_and_grow_worse_to_a_value_that_the_card_takes(circuit):
    base = Settings(circuit=circuit)
    for one in nonidealities(base):
        if not one.values:
            continue
        assert one.values[0] == one.ideal
        steps = np.abs(np.diff(np.log(np.abs(np.array(one.values[1:], float)))))
        assert (steps > 0).all()
        assert len({np.sign(d) for d in np.diff(np.array(one.values[1:], float))}) == 1
        assert 0 < one.place < len(one.values)
        said = applies(base, {one.key: one.values[1]})
        assert not said or " needs " in said, one.key


def test_an_option_that_sets_the_same_gives_way():
    mended = with_values(BAD, {"circuit.noise": 0.0, "circuit.node_noise": 0.001, "circuit.asymmetry": 0.5})
    made = overrides(mended)
    assert (made["circuit.noise"], made["circuit.node_noise"], made["circuit.asymmetry"]) == (0.0, 0.001, 0.5)


def test_an_unknown_name_is_met_with_the_nearest():
    with pytest.raises(InputError, match="gain_mismatch"):
        choose(BAD, ["gain_mismach"])
