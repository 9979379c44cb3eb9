"""When a trajectory has settled."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analogsim.arrays import finite, real
from analogsim.errors import InputError, number


def settling_time(times: ArrayLike, residual: ArrayLike, tol: float) -> NDArray[np.float64]:
    """Earliest time from which on the residual stays at or below `tol`; NaN where it does not by the last time.

    Parameters
    ----------
    times : (time,) array
    residual : (..., time) array
        Distance from rest, such as max|τ da/dt|, sampled densely enough; the crossing is interpolated linearly in the
        logarithm, since residuals decay exponentially.
    tol : float
        > 0, in the units of the residual.

    Returns
    -------
    (...) array
        In the units of `times`.
    """
    t, r = finite("times", times), real("residual", residual).astype(float)
    number("tol", tol, above=0)
    if t.ndim != 1 or not t.size or not r.ndim or r.shape[-1] != t.size or (np.diff(t) <= 0).any():
        raise InputError(f"times has shape {t.shape} and residual {r.shape}: the last axis is time, which increases.")
    above = ~(r <= tol)
    last = r.shape[-1] - 1 - np.argmax(above[..., ::-1], axis=-1)
    after = np.minimum(last + 1, r.shape[-1] - 1)
    high, low = (np.take_along_axis(r, i[..., None], -1)[..., 0] for i in (last, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.log(high / tol) / np.log(high / low)
        crossing = t[last] + np.where(np.isfinite(share), share, 1.0) * (t[after] - t[last])
    settled = np.where(above.any(-1), np.where(last == r.shape[-1] - 1, np.nan, crossing), t[0])
    return np.where(np.isnan(r).any(-1), np.nan, settled)
