"""Distributions of random coefficients over people, with delta-method standard errors.

Axes: P parameters, H random dimensions, M rows of the table.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.scale import NAME
from choicekit.mixing.scaled import BoundScaled
from choicekit.post.base import class_count
from choicekit.post.delta import interval_columns, standard_errors

__all__ = ["random_table"]

Float = NDArray[np.float64]

STEP = 1e-4  # of a standard error, for derivatives
STATISTICS = ("mean", "median", "sd", "share negative")


def random_table(fit: Any, alpha: float = 0.05) -> pd.DataFrame:
    """Mean, median, standard deviation, share below zero and correlations of the coefficients.

    They follow from the estimates by the formulas of each distribution; their standard errors by
    the delta method, with central differences of these formulas.

    Parameters
    ----------
    fit
        A fit with random coefficients.
    alpha
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        Index ``(coefficient, statistic)``: ``mean``, ``median``, ``sd`` and ``share negative`` of
        the coefficient itself, whatever its distribution; ``sd`` alone for an error component;
        ``correlation with ...`` where coefficients are correlated: of the coefficients if both are
        normal, else ``correlation with ... (normal)``, of the normal variables behind them.
        Columns ``distribution``, ``estimate``, ``std_error`` (NaN for constants), ``conf_low``,
        ``conf_high``. Where means depend on covariates the table is that of people with average
        covariates. With a random scale, first ``mean``, ``median`` and ``sd`` of the scale itself;
        the other rows are those of coefficients at a scale of 1. In willingness-to-pay space they
        are those of willingness to pay.

    Raises
    ------
    SpecificationError
        If no coefficient is random, or for an impossible ``alpha``.
    """
    mixing = getattr(fit.model, "bound_mixing", None)
    if mixing is None or class_count(fit):
        raise SpecificationError(
            "No coefficient is random. Cure: fit with mixing=RandomCoefficients(...); latent "
            "classes are shown by summary() and class_posteriors()."
        )
    n_utility, n_mixing = len(fit.model.design.names), len(mixing.names)
    params = fit.params.to_numpy(dtype=np.float64)
    covariance = fit.cov.to_numpy(dtype=np.float64)
    used = np.unique([*mixing.columns, *range(len(params) - n_mixing, len(params))])

    def values(at: Float) -> Float:
        return _statistics(mixing, at[:n_utility], at[len(params) - n_mixing :])

    estimate = values(params)
    jacobian = np.zeros((len(estimate), len(params)))
    step = STEP * np.sqrt(np.diag(covariance))
    for p in used[step[used] > 0.0]:
        move = np.zeros(len(params))
        move[p] = step[p]
        jacobian[:, p] = (values(params + move) - values(params - move)) / (2.0 * step[p])
    error = standard_errors(jacobian, covariance)
    labels = _labels(mixing)
    return pd.DataFrame(
        {
            "distribution": [_distribution(mixing, name) for name, _ in labels],
            **interval_columns(estimate, error, alpha),
        },
        index=pd.MultiIndex.from_tuples(labels, names=["coefficient", "statistic"]),
    )


def _pairs(mixing: BoundRandom) -> list[tuple[int, int]]:
    """Correlated dimensions, the later first."""
    return [(r, c) for group in mixing.groups for r in group for c in group if c < r]


def _distribution(mixing: BoundRandom, name: str) -> str:
    if isinstance(mixing, BoundScaled) and name == NAME:
        return "lognormal" if mixing.scale.truncated is None else "truncated lognormal"
    return mixing.distributions[mixing.coefficients.index(name)].label


def _labels(mixing: BoundRandom) -> list[tuple[str, str]]:
    names, n_coefficients = mixing.coefficients, len(mixing.columns)
    labels = [(NAME, s) for s in STATISTICS[:3]] if isinstance(mixing, BoundScaled) else []
    labels += [(name, statistic) for name in names[:n_coefficients] for statistic in STATISTICS]
    labels += [(name, "sd") for name in names[n_coefficients:]]
    for r, c in _pairs(mixing):
        plain = mixing.distributions[r].linear and mixing.distributions[c].linear
        labels.append((names[r], f"correlation with {names[c]}{'' if plain else ' (normal)'}"))
    return labels


def _statistics(mixing: BoundRandom, beta: Float, phi: Float) -> Float:
    """All estimates of the table, (M,)."""
    spread = mixing.spread(phi)
    mean = mixing.means(beta, phi, slice(None))
    mean = mean if mean.ndim == 1 else mean.mean(axis=0)
    sd = np.sqrt((spread**2).sum(axis=1))
    found = list(mixing.scale_moments(phi)[:3]) if isinstance(mixing, BoundScaled) else []
    for h, distribution in enumerate(mixing.distributions):
        if h < len(mixing.columns):
            found += distribution.moments(float(mean[h]), float(sd[h]))
        else:
            found.append(float(sd[h]))
    for r, c in _pairs(mixing):
        scale = float(sd[r] * sd[c])
        found.append(float(spread[r] @ spread[c]) / scale if scale > 0.0 else np.nan)
    return np.array(found)
