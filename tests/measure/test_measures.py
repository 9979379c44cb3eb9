"""Alignment, symmetry defect, saturation and settling time on cases known by hand."""

import numpy as np
import pytest

import analogsim as asim
from analogsim.measure import alignment, saturation, settling_time, symmetry_defect


def test_alignment_separates_angle_from_length_and_layers_from_the_whole():
    reference = [(np.array([[1.0, 0.0]]), np.array([0.0])), (np.array([[10.0]]), np.array([0.0]))]
    gradient = [(np.array([[0.0, 2.0]]), np.array([0.0])), (np.array([[5.0]]), np.array([0.0]))]
    found = alignment(gradient, reference)
    np.testing.assert_allclose(found.cosine, [0.0, 1.0])
    np.testing.assert_allclose(found.norm_ratio, [2.0, 0.5])
    assert found.whole_cosine == pytest.approx(50 / np.sqrt(29 * 101))  # the output layer hides the first


def test_alignment_with_a_zero_reference_is_nan_without_a_warning():
    zero = [(np.zeros((1, 1)), np.zeros(1))]
    found = alignment([(np.ones((1, 1)), np.ones(1))], zero)
    assert np.isnan(found.cosine).all()
    assert np.isnan(found.norm_ratio).all()


def test_symmetry_defect_of_an_exact_and_of_a_scaled_feedback_path():
    chip = asim.Chip.ideal(asim.Network.random((6, 5, 4), seed=0))
    np.testing.assert_array_equal(symmetry_defect(chip), [0.0])
    scaled = chip.replace(feedback=(None, 1.2 * chip.feedback[1]))
    np.testing.assert_allclose(symmetry_defect(scaled), [0.2])


def test_saturation_counts_the_flat_parts():
    a = [np.array([-1.0, 0.5, 1.0, 3.0]), np.array([0.5, 1.5])]
    np.testing.assert_allclose(saturation(a, "hard-sigmoid"), [0.5, 0.0])
    np.testing.assert_allclose(saturation(a, "relu"), [0.25, 0.0])


def test_settling_time_of_an_exponential_is_exact_and_late_excursions_count():
    t = np.linspace(0, 10, 21)
    decay = np.exp(-t)
    late = decay.copy()
    late[10] = 1.0  # leaves the band again at t = 5
    never, blown = np.ones_like(t), np.where(t > 3, np.nan, decay)
    found = settling_time(t, np.stack([decay, late, never, blown, 0 * t]), 1e-2)
    assert found[0] == pytest.approx(np.log(100), abs=1e-12)
    assert 5.0 < found[1] <= 5.5
    assert np.isnan(found[2:4]).all()
    assert found[4] == 0.0


def test_errors_are_split_into_what_stays_and_what_averages_out():
    rng = np.random.default_rng(1)
    reference = [(rng.standard_normal((30, 20)), rng.standard_normal(30)) for _ in range(2)]
    lengths = [np.hypot(np.linalg.norm(w), np.linalg.norm(b)) for w, b in reference]
    offset = 0.3
    draws = [
        [(w * (1 + offset) + 0.1 * rng.standard_normal(w.shape), b * (1 + offset)) for w, b in reference]
        for _ in range(200)
    ]
    found = asim.measure.errors(draws, reference)
    np.testing.assert_allclose(found.bias, offset, rtol=0.02)
    expected = [0.1 * np.sqrt(w.size) / length for (w, _), length in zip(reference, lengths, strict=True)]
    np.testing.assert_allclose(found.noise, expected, rtol=0.02)
    pure = asim.measure.errors(
        [[(w + 0.1 * rng.standard_normal(w.shape), b) for w, b in reference] for _ in range(4)], reference
    )
    assert (pure.bias < 0.5 * pure.noise / 2).all()  # no noise is taken for bias, though it is half of the noise here
