"""Ratios of estimates: values, derivatives, and four kinds of intervals.

Axes: G terms, M ratios, P parameters, R draws of the parameters.

A ratio of two normal variables has neither mean nor variance (Fieller 1954): its density falls
like 1 / r^2. The delta method gives numbers all the same; where the denominator is not far from
zero only Fieller's set tells the truth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError

__all__ = ["differenced", "fieller", "parameter_draws", "percentiles", "spread"]

Float = NDArray[np.float64]


def parameter_draws(params: Float, covariance: Float, n_draws: int, seed: int) -> Float:
    """Draws (R, P) from the normal distribution of the estimates (Krinsky & Robb 1986).

    Raises
    ------
    SpecificationError
        If the estimates have no covariance.
    """
    if not np.isfinite(covariance).all():
        raise SpecificationError(
            "The estimates have no covariance to draw from: the fit has no standard errors. Cure: "
            "look at the notes of summary()."
        )
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    z = np.random.default_rng(seed).standard_normal((n_draws, len(params)))
    found: Float = params + z @ root.T
    return found


def percentiles(draws: Float, alpha: float) -> tuple[Float, Float]:
    """Ends (M,) of the intervals that hold the middle of the draws, (R, M)."""
    low, high = np.quantile(draws, [alpha / 2.0, 1.0 - alpha / 2.0], axis=0)
    return low, high


def spread(draws: Float) -> Float:
    """Standard deviations of the draws, (M,)."""
    found: Float = draws.std(axis=0, ddof=1)
    return found


def fieller(a: float, c: float, variances: Float, alpha: float) -> tuple[float, float, str]:
    """Fieller's confidence set of the ratio ``-a / c`` of two normal estimates.

    It holds all r for which ``a + r c`` is not significantly different from zero.

    Parameters
    ----------
    a, c
        Estimates of numerator and denominator.
    variances
        Their covariance, (2, 2).
    alpha
        One minus the level.

    Returns
    -------
    low, high, note
        Where c is not significant the set is unbounded, and the note says what it is.

    References
    ----------
    Fieller (1954), Journal of the Royal Statistical Society B 16, 175-185.
    """
    from scipy.special import ndtri

    z2 = float(ndtri(1.0 - alpha / 2.0)) ** 2
    square = c * c - z2 * variances[1, 1]
    half = a * c - z2 * variances[0, 1]
    constant = a * a - z2 * variances[0, 0]
    discriminant = half * half - square * constant
    if square > 0.0:
        root = np.sqrt(max(discriminant, 0.0))
        return (-half - root) / square, (-half + root) / square, ""
    if discriminant <= 0.0 or square == 0.0:
        return -np.inf, np.inf, "the set is the whole line"
    ends = sorted(
        [(-half - np.sqrt(discriminant)) / square, (-half + np.sqrt(discriminant)) / square]
    )
    return -np.inf, np.inf, f"the set is all but ({ends[0]:.4g}, {ends[1]:.4g})"


def differenced(values: Callable[[Float], Float], params: Float, steps: Float) -> Float:
    """Central differences (M, P) of a function of the parameters; steps of 0 leave columns 0."""
    columns = np.flatnonzero(steps > 0.0)
    out = np.zeros((len(values(params)), len(params)))
    for p in columns:
        move = np.zeros(len(params))
        move[p] = steps[p]
        out[:, p] = (values(params + move) - values(params - move)) / (2.0 * steps[p])
    return out
