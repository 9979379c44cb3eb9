"""Arrays in tiles: the even split, what is each tile's own, and how errors of tiles add."""

import numpy as np
import pytest
from scipy.stats import norm

import analogsim as asim
from analogsim import InputError, Network, Wiring, circuit, settle
from analogsim.chip import load_chip
from analogsim.circuits.crossbar.cell_arrays import Arrays
from analogsim.circuits.wires.geometry import even_split
from analogsim.engine import entries
from analogsim.engine.packing import prepare
from analogsim.engine.spectrum import Jacobian

NET = Network.random((50, 24, 10), seed=2)
ADC = {"dac_bits": 5, "dac_range": 2.0, "adc_bits": 5, "adc_range": 1.0, "adc_inl": 0.5}
RULE = Wiring.dual_propagation(0.5)


def program(net=NET, **options):
    return circuit("crossbar", device=options.pop("device", "ideal"), **options).program(net, seed=5)


def sizes(lines, most):
    return [cut.stop - cut.start for cut in even_split(lines, most)]


def test_lines_are_split_evenly_and_in_order():
    assert sizes(22, 5) == [5, 5, 4, 4, 4]
    assert sizes(784, 256) == [196] * 4
    assert sizes(4608, 512) == [512] * 9
    for lines in range(1, 60):
        for most in range(1, 65):
            found, cuts = sizes(lines, most), even_split(lines, most)
            assert sum(found) == lines == cuts[-1].stop
            assert [cut.start for cut in cuts] == [0, *(cut.stop for cut in cuts[:-1])]
            assert max(found) - min(found) <= 1
            assert max(found) <= most
            assert len(found) == -(-lines // most)
            assert found == sorted(found, reverse=True)


@pytest.mark.parametrize("mapping", ["one-sided", "differential", "reference"])
def test_with_an_ideal_periphery_tiles_are_one_array(mapping):
    whole = program(mapping=mapping, **{"device.read_noise": 0.02})
    for options in ({}, {"adc_bits": 24, "adc_range": 1e3}):
        tiled = program(mapping=mapping, tile=8, **{"device.read_noise": 0.02, **options})
        for name in ("forward", "forward_noise", "feedback", "feedback_noise"):
            np.testing.assert_array_equal(getattr(tiled, name)[1], getattr(whole, name)[1])
    assert whole.forward_tiles == (None, None)
    assert tiled.forward_tiles[0][0].tolist() == [8, 7, 7, 7, 7, 7, 7]
    x = np.random.default_rng(0).random((3, 50))
    quiet = [program(mapping=mapping, **options) for options in ({}, {"tile": 8, "adc_bits": 24, "adc_range": 8.0})]
    plain, fine = (settle(c, x, np.eye(10)[:3], wiring=RULE, beta=0.5, tol=1e-6).a_1.values for c in quiet)
    np.testing.assert_allclose(fine, plain, atol=1e-4)


def test_wires_end_at_each_tile_however_the_outputs_are_added():
    options = {"r_word": 2.0, "r_bit": 5.0, "tile": 8}
    digital, current = program(**options), program(**options, partial_sums="current")
    for name in ("forward", "feedback"):
        np.testing.assert_allclose(getattr(digital, name)[1], getattr(current, name)[1], rtol=1e-12)
    # A tile is an array of its own: the first 8 inputs and outputs of the second layer.
    alone = circuit("crossbar", device="ideal", r_word=2.0, r_bit=5.0)
    seen = alone.effective(digital.devices.conductance[1][:, :5, :8], "forward")
    scale = float(digital.devices.scale[1]) / 100e-6
    np.testing.assert_allclose(digital.forward[1][:5, :8], scale * (seen[0] - seen[1]), rtol=1e-10)


def by_hand(chip, u, direction, j, cuts, reach=1.0):
    """Drive, round, multiply, clip, bend, round, tile by tile: from the definitions, without the chip's own methods."""
    path = chip.connections[j].paths[direction]
    (low, high, c1, _, c3), (dac, adc, bow) = path.driver, path.converter
    u = np.clip(u, low, high)
    u = dac * np.floor((c1 * u + c3 * u**3) / dac + 0.5)
    total, rail = 0.0, reach * chip.rails[1]
    for cut in cuts:
        y = np.clip(u[..., cut] @ path.weights[:, cut].T, -rail, rail)
        total = total + reach * adc * np.floor(y * (1 + bow * ((y / rail) ** 2 - 1)) / (reach * adc) + 0.5)
    return total


@pytest.mark.parametrize(("how", "power"), [("fixed", 0.0), ("root", -0.5), ("share", -1.0)])
def test_the_engine_converts_every_tile_on_its_own_in_both_directions(how, power):
    chip = program(tile=8, tile_range=how, **ADC)
    rng = np.random.default_rng(1)
    x, a = rng.random((4, 50)), [rng.normal(size=(2, 4, n)) for n in (24, 10)]
    batch = prepare(chip, x, None, RULE, 0.0)
    state, s, z = batch.join(a), np.empty(batch.size), np.empty(batch.size)
    entries.target(batch.packed, state, s, z)
    hidden, out = batch.split(z)
    up, down = np.maximum(a[0], 0).mean(0), (a[1][0] - a[1][1]) / 2
    first = by_hand(chip, x, 0, 0, even_split(50, 8), 7.0**power)
    back = by_hand(chip, down, 1, 1, even_split(10, 8), 2.0**power)
    np.testing.assert_allclose(hidden, [first + back, first - back], atol=1e-12)
    np.testing.assert_allclose(out, [by_hand(chip, up, 0, 1, even_split(24, 8), 3.0**power)] * 2, atol=1e-12)
    one = program(tile=8, partial_sums="current", **ADC)
    assert np.abs(one.read(one.sent(x, 0, 0), 0, 0) - first).max() > 0.05
    # The settled network is where these reads leave it.
    rest = settle(chip, x, wiring=RULE, beta=0)
    np.testing.assert_allclose(rest.a_1.values, np.stack([first] * 2, axis=1), atol=1e-6)
    last = by_hand(chip, np.maximum(first, 0), 0, 1, even_split(24, 8), 3.0**power)
    np.testing.assert_allclose(rest.a_2.values, np.stack([last] * 2, axis=1), atol=1e-6)


def test_tiles_at_their_rails_pass_no_change_on():
    chip = program(tile=8, tia_saturation=0.03, activity_unit=0.1, dac_bits=20, dac_range=3.0, dac_inl=1e3)
    rng = np.random.default_rng(3)
    batch = prepare(chip, rng.random((1, 50)), np.eye(10)[:1], RULE, 0.4)
    a, s, h = rng.normal(size=batch.size), np.empty(batch.size), 1e-3
    smooth = batch.packed._replace(converters=np.zeros_like(batch.packed.converters))

    def rate(at):
        z = np.empty_like(at)
        entries.rate(smooth, at, s, z)
        return z

    found = Jacobian(batch, a).dense()
    kinks = np.full(found.shape, False)
    expected = np.empty_like(found)
    for k, e in enumerate(np.eye(batch.size)):
        fine, coarse = ((rate(a + d * e) - rate(a - d * e)) / (2 * d) for d in (1e-6, h))
        expected[:, k], kinks[:, k] = fine, np.abs(fine - coarse) > 1e-4
    assert kinks.mean() < 0.01
    np.testing.assert_allclose(found[~kinks], expected[~kinks], atol=1e-6)
    free = Jacobian(prepare(program(), rng.random((1, 50)), np.eye(10)[:1], RULE, 0.4), a).dense()
    assert np.linalg.norm(found - free) > 0.1 * np.linalg.norm(free)


@pytest.mark.parametrize("seed", [0, 1])
def test_quantisation_of_k_tiles_follows_its_closed_form(seed):
    """512 inputs, 6 bits, a step of σ/8 for one array: 0.036 σ √k, 0.036 σ, or clipped partial sums."""
    rng = np.random.default_rng(seed)
    w = rng.standard_normal((120, 512))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    net, x = Network((w,), (np.zeros(120),)), rng.standard_normal((400, 512))
    reach, step = 31 / 8, 1 / 8

    def error(k, how):
        chip = program(net, tile=512 // k, tile_range=how, adc_bits=6, adc_range=reach)
        return np.std(chip.read(x, 0, 0) - x @ w.T)

    golden = {
        "fixed": [0.036, 0.051, 0.072, 0.102, 0.144],
        "root": [0.036] * 5,
        "share": [0.036, 0.04, 0.12, 0.25, 0.40],
    }
    for how, power in (("fixed", 0.0), ("root", -0.5), ("share", -1.0)):
        for k, wanted in zip((1, 2, 4, 8, 16), golden[how], strict=True):
            share = float(k) ** power
            sigma = np.linalg.norm(w.reshape(120, k, -1), axis=2)
            c = share * reach / sigma
            clipped = 2 * sigma**2 * ((1 + c**2) * norm.sf(c) - c * norm.pdf(c))
            rounded = (share * step) ** 2 / 12 * (1 - 2 * norm.sf(c))
            expected = np.sqrt((clipped + rounded).sum(axis=1).mean())
            assert error(k, how) == pytest.approx(expected, rel=0.03)
            assert expected == pytest.approx(wanted, abs=0.012 if how == "share" else 0.001)


def test_offsets_of_k_tiles_add_as_their_root():
    """√k σ without cells; with them each amplifier has the noise gain of its own tile's."""
    empty = Network((np.zeros((4000, 64)),), (np.zeros(4000),))
    for k in (1, 4, 16):
        chip = program(empty, tile=64 // k, tia_offset=1e-3, activity_unit=0.1)
        assert chip.offset[0].std() == pytest.approx(1e-2 * np.sqrt(2 * k), rel=4 / 8000**0.5)
    wide = Network.random((60, 3000), seed=0)
    chip = program(wide, tile=20, tia_offset=1e-3, activity_unit=0.1)
    rf = float(chip.devices.scale[0]) / 100e-6
    gain = 1 + rf * chip.devices.conductance[0].reshape(2, 3000, 3, 20).sum(axis=3)
    assert chip.offset[0].std() == pytest.approx(1e-2 * np.sqrt((gain**2).sum(axis=(0, 2)).mean()), rel=0.06)


def test_gain_errors_belong_to_a_tile_and_average_out_in_equal_partial_sums():
    """σ_g (Σ y_t²)^½: every tile of an output has its own, and equal ones come to y σ_g/√k."""
    net = Network((np.full((4000, 64), -0.01),), (np.zeros(4000),))
    for k in (1, 4, 16):
        chip = program(net, tile=64 // k, subtractor_mismatch=0.01)
        error = (chip.forward[0] / net.weights[0] - 1).reshape(4000, k, -1)
        assert np.ptp(error, axis=2).max() < 1e-12
        assert error.std() == pytest.approx(0.01, rel=5 / (2 * 4000 * k) ** 0.5)
        assert (error.mean(axis=(1, 2))).std() == pytest.approx(0.01 / k**0.5, rel=5 / 8000**0.5)
    shared = program(net, tile=4, subtractor_mismatch=0.01, partial_sums="current")
    assert np.ptp(shared.forward[0] / net.weights[0], axis=1).max() < 1e-12


def test_finite_gain_is_that_of_the_tile():
    """W = R_f G/(1 + (1 + R_f Σ G)/A₀), the sum over the cells of the tile; back, over the tile's outputs."""
    gain, made = 1e3, {"tia_gain": 1e3, "mapping": "differential", "tile": 8}
    chip = program(**made)
    cells, rf = chip.devices.conductance[1], float(chip.devices.scale[1]) / 100e-6
    for cut in even_split(24, 8):
        noise = 1 + rf * cells[..., cut].sum(axis=2)
        ahead = rf * cells[..., cut] / (1 + noise / gain)[..., None]
        np.testing.assert_allclose(chip.forward[1][:, cut], ahead[0] - ahead[1], rtol=1e-12, atol=1e-15)
    for cut in even_split(10, 8):
        load = 1 + rf * cells[:, cut].sum(axis=(0, 1))
        back = rf * (cells[0] - cells[1])[cut].T / (1 + load / gain)[:, None]
        np.testing.assert_allclose(chip.feedback[1][:, cut], back, rtol=1e-12, atol=1e-15)


def test_tiles_survive_a_file_an_update_and_are_said(tmp_path):
    made = circuit("crossbar", device="ideal", tile=8, tile_range="root", **ADC)
    chip = made.program(NET)
    chip.save(tmp_path / "chip.npz")
    deltas = [(0.0 * w, 0.0 * b) for w, b in zip(NET.weights, NET.biases, strict=True)]
    for other in (load_chip(tmp_path / "chip.npz"), made.update(chip, deltas, np.random.default_rng(0))):
        for name in ("forward_tiles", "feedback_tiles"):
            for a, b in zip(getattr(other, name), getattr(chip, name), strict=True):
                np.testing.assert_array_equal(a, b)
    said = "\n".join(chip.record["words"])
    assert "layer 1: 7 × 3 tiles of up to 8 × 8 lines" in said
    assert "layer 2: 3 × 2 tiles of up to 8 × 5 lines" in said
    assert "digitally" in said
    assert "1/√k" in said
    assert "7 tiles" in repr(chip)
    assert "tiles" not in "\n".join(program(tile=64).record["words"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile": 8, "tia_bandwidth": 1e8}, "partial_sums = 'current'"),
        ({"tile": 8, "mapping": "reference", "r_word": 1.0}, "reference columns"),
        ({"tile": 8, "partial_sums": "analog"}, "digital"),
    ],
)
def test_what_tiles_cannot_be_is_said(options, words):
    with pytest.raises(InputError, match=words):
        circuit("crossbar", device="ideal", **options)


def test_tiles_that_do_not_fit_their_array_are_refused():
    chip = program()
    for bad in ([[20, 20], [1, 1]], [[50], [0]], [[25.5, 24.5], [1, 1]], [[50, 0], [1, 1]]):
        with pytest.raises(InputError, match="50 inputs"):
            chip.replace(forward_tiles=[np.array(bad, float), None])


@pytest.mark.parametrize(("slices", "tile", "read"), [(3, 16, "forward"), (4, 10, "reverse"), (1, 16, "forward")])
def test_the_noise_of_tiles_adds_whatever_the_slices(slices, tile, read):
    """Variance of the sum = sum of the variances that each tile shows when it is read as an array of its own."""
    made = asim.circuit("crossbar", device="pcm-ibm", tile=tile, slices=slices, mapping="differential")
    chip = made.program(asim.Network.random((40, 30, 20), seed=0), seed=0)
    j, scale = 1, float(chip.devices.scale[1])
    cells = chip.devices.conductance[j]
    whole = made._floor(made.read(cells, None, scale, read, j, 0).noise_gain, scale)
    cuts = made.cuts(cells.shape[-1] if read == "forward" else cells.shape[-2], read)
    parts = [made._of_tile(cells, cut, read) for cut in cuts]
    gains = [Arrays.read(made, part, None, scale, read, f"{j}.{t}", 0).noise_gain for t, part in enumerate(parts)]
    each = [made._floor(gain, scale) for gain in gains]
    assert len(cuts) > 1
    np.testing.assert_allclose(whole**2, np.sum(np.square(each), axis=0), rtol=1e-12)
