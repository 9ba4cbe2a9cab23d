"""Confidence intervals from estimates on resampled data.

Axes: R replicates, P parameters, G clusters that were resampled.

Efron & Tibshirani (1993), *An introduction to the bootstrap*, chapters 13 and 14; Efron (1987),
Journal of the American Statistical Association 82, 171-185, for the acceleration.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from choicekit.exceptions import unknown
from choicekit.post.delta import require_alpha

__all__ = ["INTERVALS", "acceleration", "intervals"]

Float = NDArray[np.float64]

INTERVALS = ("percentile", "basic", "bc", "bca")


def intervals(
    estimates: Float, resamples: Float, accelerations: Float, alpha: float, method: str
) -> Float:
    """Ends of intervals of level ``1 - alpha``, (P, 2).

    Parameters
    ----------
    estimates
        On the data themselves, (P,).
    resamples
        On resampled data, (R, P).
    accelerations
        See `acceleration`, (P,).
    alpha
        Of both tails together.
    method
        ``"percentile"``; ``"basic"``, the percentile interval mirrored at the estimate; ``"bc"``,
        percentiles moved by the share of replicates below the estimate; ``"bca"``, those moved by
        the skewness of the estimate as well.

    Returns
    -------
    ndarray
        NaN for ``"bc"`` and ``"bca"`` where all replicates are on one side of the estimate.
    """
    if method not in INTERVALS:
        raise unknown("method", method, INTERVALS)
    alpha = require_alpha(alpha)
    tails = np.array([alpha / 2.0, 1.0 - alpha / 2.0])
    if method in ("percentile", "basic"):
        ends: Float = np.quantile(resamples, tails, axis=0).T
        return ends if method == "percentile" else 2.0 * estimates[:, None] - ends[:, ::-1]
    below = (resamples < estimates).mean(axis=0) + 0.5 * (resamples == estimates).mean(axis=0)
    lean = np.full(len(estimates), np.nan)
    inside = (below > 0.0) & (below < 1.0)
    lean[inside] = ndtri(below[inside])
    bend = accelerations if method == "bca" else np.zeros(len(estimates))
    moved = lean[:, None] + ndtri(tails)
    at = ndtr(lean[:, None] + moved / (1.0 - bend[:, None] * moved))  # (P, 2)
    out = np.full((len(estimates), 2), np.nan)
    for p in np.flatnonzero(inside):
        out[p] = np.quantile(resamples[:, p], at[p])
    return out


def acceleration(influences: Float) -> Float:
    """A sixth of the skewness of the influences (G, P) of clusters on the estimates, (P,).

    Zero where there is no influence: a fixed parameter.
    """
    centred = influences - influences.mean(axis=0)
    square = (centred**2).sum(axis=0)
    size = np.where(square > 0.0, square, 1.0) ** 1.5
    found: Float = (centred**3).sum(axis=0) / (6.0 * size)
    return found
