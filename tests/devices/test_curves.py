"""Nonlinear cells: the current-voltage curves of Milo and UCSB against their published fits."""

import numpy as np
import pytest

from analogsim.devices import device
from analogsim.errors import InputError


def test_milo_curve_is_ohmic_at_small_voltage_and_bounded_in_voltage():
    cell = device("rram-milo")
    g = np.linspace(62.5e-6, 110e-6, 5)
    np.testing.assert_allclose(cell.current(g, 1e-6) / 1e-6, g, rtol=1e-4)
    # Odd and even parts separate: I(V) + I(−V) = 2 k₂ V², and the fit's k₂, k₃ are those of log₁₀ G.
    x = np.log10(g)
    k2 = 1.388e-4 * x**3 + 1.541e-3 * x**2 + 5.711e-3 * x + 7.063e-3
    k3 = 8.871e-5 * x**2 + 6.7919e-4 * x + 1.2968e-3
    np.testing.assert_allclose(cell.current(g, 0.4) + cell.current(g, -0.4), 2 * k2 * 0.16, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(cell.current(g, 0.4) - cell.current(g, -0.4), 2 * (0.4 * g + k3 * 0.064), rtol=1e-9)
    with pytest.raises(InputError, match=r"0\.5 V"):
        cell.current(g, 0.6)


def test_ucsb_temperature_is_in_celsius_and_raises_the_low_field_conductance():
    cold, hot = device("metal-oxide-ucsb"), device("metal-oxide-ucsb", temperature=85)
    assert float(cold.low_field(100e-6)) == pytest.approx(98.03e-6, rel=1e-4)
    assert float(hot.low_field(100e-6) - cold.low_field(100e-6)) == pytest.approx(60 * 1.166e-7)
    with pytest.raises(InputError, match="temperature"):
        device("metal-oxide-ucsb", temperature=300)


def test_ucsb_spread_stays_positive_over_the_card_s_range():
    cell = device("metal-oxide-ucsb")
    g = np.linspace(5e-6, cell.g_max, 100)
    assert (cell.spreads(g)[0] > 0).all()
    # At 100 µS and 25 °C: −1.07 + 25 + 0.55 − 13 µS.
    assert float(cell.spreads(100e-6)[0]) == pytest.approx(11.48e-6, rel=1e-3)
