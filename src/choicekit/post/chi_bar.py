"""Chi-bar-squared: likelihood ratios whose restrictions lie on several edges at once.

Axes: s parameters at the edge of their range, U units, K coefficients.

The estimate of parameters that cannot be negative is, for large samples, the projection of a
normal vector onto the positive orthant; the ratio is chi-squared with as many degrees of freedom
as components stay positive, and the weights of the mixture are the probabilities of these numbers
(Kudo 1963, Biometrika 50, 403-418; Self & Liang 1987).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOST_EDGES",
    "chi_bar_weights",
    "ratio_tail",
    "variance_scores",
    "variance_weights",
]

Float = NDArray[np.float64]

MOST_EDGES = 5  # orthants of more dimensions are not integrated
STEP = 1e-3  # standard errors


def chi_bar_weights(covariance: NDArray[Any]) -> Float:
    """Probabilities (s + 1,) that 0, 1, ..., s components of the projection are positive.

    A set A of components stays positive where those of A, given that the others B are at zero, are
    positive, and the others push outwards: the product of the probabilities of two orthants.

    Parameters
    ----------
    covariance
        Of the normal vector, (s, s): that of the estimates if there were no edge.
    """
    s = len(covariance)
    precision = np.linalg.inv(covariance)
    weights = np.zeros(s + 1)
    for k in range(s + 1):
        for inside in combinations(range(s), k):
            outside = [j for j in range(s) if j not in inside]
            kept = np.linalg.inv(precision[np.ix_(inside, inside)])
            pushed = np.linalg.inv(covariance[np.ix_(outside, outside)])
            weights[k] += _orthant(kept) * _orthant(pushed)
    total: Float = weights / weights.sum()
    return total


def _orthant(covariance: NDArray[Any]) -> float:
    """Probability that all components of a normal vector of mean zero are positive."""
    s = len(covariance)
    if s == 0:
        return 1.0
    sd = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(sd, sd)
    angles = np.arcsin(np.clip(correlation[np.triu_indices(s, 1)], -1.0, 1.0))
    if s <= 3:  # Sheppard (1899) and David (1953)
        return float(0.5**s + angles.sum() / (2.0 * np.pi * max(1, 2 * (s - 2))))
    from scipy.stats import multivariate_normal

    found = multivariate_normal(cov=correlation, seed=1).cdf(np.zeros(s))
    return float(found)


def ratio_tail(statistic: float, df: int, weights: Any = (1.0,)) -> float:
    """Probability of a larger statistic under a mixture of chi-squares.

    Parameters
    ----------
    statistic
        Likelihood ratio.
    df
        Number of restrictions.
    weights
        Of df - s, ..., df degrees of freedom, (s + 1,); ``(1,)`` is the plain chi-squared.
    """
    from scipy.stats import chi2

    x, s = max(statistic, 0.0), len(weights) - 1
    tails = [
        float(chi2.sf(x, df - s + k)) if df - s + k > 0 else float(x <= 0.0) for k in range(s + 1)
    ]
    return float(np.dot(weights, tails))


def variance_weights(
    likelihood: Any,
    params: Float,
    columns: list[int],
    free: NDArray[np.intp],
    sizes: Float,
    unit: NDArray[np.int64] | None,
) -> Float:
    """Weights (s + 1,) of the ratio against a model in which s coefficients have a variance.

    Parameters
    ----------
    likelihood, params, columns, sizes, unit
        As for `variance_scores`.
    free
        Positions of the free parameters.
    """
    weights = likelihood.weights
    edge = variance_scores(likelihood, params, columns, sizes, unit)
    own = _summed(likelihood.scores(params)[:, free], unit)
    scores = np.hstack([own, edge])
    if weights is not None:
        of_unit = weights if unit is None else weights[np.unique(unit, return_index=True)[1]]
        scores = scores * np.sqrt(of_unit)[:, None]
    size = np.sqrt((scores**2).sum(axis=0))
    scaled = scores / np.where(size > 0.0, size, 1.0)
    covariance = np.linalg.pinv(scaled.T @ scaled, hermitian=True)
    return chi_bar_weights(covariance[len(free) :, len(free) :])


def variance_scores(
    likelihood: Any,
    params: Float,
    columns: list[int],
    sizes: Float,
    unit: NDArray[np.int64] | None = None,
) -> Float:
    """Derivatives (U, s) of the units' log-likelihoods by variances of coefficients, at zero.

    With a coefficient ``b + sigma z`` the likelihood of a unit is ``E L(b + sigma z)``, whose
    logarithm has the derivative ``(l' l' + l'') / 2`` by ``sigma^2`` at zero, whatever the
    distribution of z with mean 0 and variance 1 (Chesher 1984, Econometrica 52, 865-872).

    Parameters
    ----------
    likelihood
        Of the model without the variances, where every case is a unit.
    params
        Its estimates, (P,).
    columns
        Positions of the s coefficients.
    sizes
        Standard errors of all parameters, (P,), for the steps.
    unit
        Codes (C,) of the people who keep a coefficient in all their cases; None: cases.
    """
    scores = _summed(likelihood.scores(params), unit)
    out = np.empty((len(scores), len(columns)))
    for place, k in enumerate(columns):
        step = np.zeros(len(params))
        step[k] = STEP * sizes[k]
        up, down = (
            _summed(likelihood.scores(params + sign * step)[:, [k]], unit)[:, 0]
            for sign in (1.0, -1.0)
        )
        out[:, place] = 0.5 * (scores[:, k] ** 2 + (up - down) / (2.0 * step[k]))
    return out


def _summed(by_case: Float, unit: NDArray[np.int64] | None) -> Float:
    """Sums over the cases of each unit, (U, any)."""
    if unit is None:
        return by_case
    out = np.zeros((int(unit.max()) + 1, by_case.shape[1]))
    np.add.at(out, unit, by_case)
    return out
