"""Tail of a weighted sum of chi-squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["weighted_tail"]


def weighted_tail(x: float, weights: npt.NDArray[Any]) -> float:
    """Probability that ``sum(weights * chi2(1))`` exceeds ``x``, by the saddlepoint.

    Parameters
    ----------
    x
        A value, not negative.
    weights
        (M,) positive weights.

    Notes
    -----
    Lugannani and Rice's formula (1980, Advances in Applied Probability 12, 475-490) on the
    cumulant generating function ``K(t) = -sum(log(1 - 2 t w)) / 2``. Its relative error is a
    few per cent at worst, in the far tail too.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    if x <= 0:
        return 1.0
    w = np.asarray(weights, dtype=np.float64) / float(np.max(weights))
    x = x / float(np.max(weights))
    mean = float(w.sum())
    if abs(x - mean) < 1e-4 * mean:  # the formula is 0/0 at the mean: interpolate across it
        sides = [_tail_at(mean * (1 + h), w, brentq, ndtr) for h in (-2e-4, 2e-4)]
        return float(np.mean(sides))
    return _tail_at(x, w, brentq, ndtr)


def _tail_at(x: float, w: npt.NDArray[np.float64], brentq: Any, ndtr: Any) -> float:
    """Lugannani and Rice's formula at ``x``, with the largest weight 1."""
    # K' rises from 0 at t = -infinity to infinity at t = 1/2; both ends bracket x.
    t = brentq(
        lambda s: float((w / (1.0 - 2.0 * s * w)).sum()) - x,
        -len(w) / (2.0 * x) - 1.0,
        0.5 * (1.0 - 1.0 / (1.0 + 2.0 * x * len(w) + 1e6)),
        xtol=1e-14,
    )
    cumulant = -0.5 * float(np.log1p(-2.0 * t * w).sum())
    curvature = 2.0 * float(((w / (1.0 - 2.0 * t * w)) ** 2).sum())
    r = np.sign(t) * np.sqrt(2.0 * (t * x - cumulant))
    u = t * np.sqrt(curvature)
    density = np.exp(-0.5 * r * r) / np.sqrt(2.0 * np.pi)
    return float(np.clip(ndtr(-r) + density * (1.0 / u - 1.0 / r), 0.0, 1.0))
