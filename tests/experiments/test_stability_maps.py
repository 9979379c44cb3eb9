"""The stability map of the rules at ordinary initial weights."""

import numpy as np
import pytest

from analogsim import InputError
from analogsim.experiments import plots
from analogsim.experiments.stability_maps import stability_map
from analogsim.settings.record import Settings


def test_dp_is_unstable_below_one_half_and_predicted_so():
    """Prediction and simulation agree at every α, and the edge lies where the feedback into the mean changes sign."""
    settings = Settings(circuit="ideal", rule="dp", hidden=(32, 32), beta=0.5)
    ds = stability_map(settings, ["alpha=0,0.2,0.6,1"], samples=4)
    assert list(ds.verdict.values) == ["diverged", "diverged", "converged", "converged"]
    assert (np.sign(ds.spectral_abscissa.values) == [1, 1, -1, -1]).all()
    assert (ds.converged + ds.diverged == 1).all()
    assert ds.alpha.attrs["long_name"] == "α"
    ax = plots.draw(ds, "stability").axes[0]
    assert "abscissa" in ax.get_ylabel()


def test_the_adjoint_rule_has_no_edge():
    settings = Settings(circuit="ideal", rule="dpt", hidden=(32,), beta=0.5)
    ds = stability_map(settings, ["alpha=0,0.5,1", "beta=0.1,1"], samples=3)
    assert (ds.verdict == "converged").all()
    assert (ds.spectral_abscissa < 0).all()
    np.testing.assert_allclose(ds.spectral_abscissa.sel(alpha=[0, 1]), -1.0, atol=1e-9)
    ax = plots.draw(ds, "stability").axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("α", "β")


@pytest.mark.parametrize("horizon", [-1.0, 0.0, float("nan"), float("inf"), "200", None])
def test_a_horizon_that_means_nothing_is_refused(horizon):
    with pytest.raises(InputError, match="horizon"):
        stability_map(Settings(circuit="ideal", hidden=(2,)), ["alpha=0.5"], samples=1, horizon=horizon)
