"""Do tastes vary? The slope of a mixed logit's likelihood along variances, where they are zero.

With a standard deviation of zero the likelihood is flat; along the *variance* it is not. For
normal coefficients ``dlog L_n / dvariance = (S_n^2 - V_n) / 2``, with S_n the person's score by the
coefficient and V_n its variance, both summed over her cases: tastes vary if choices of one person
deviate together. No draws are needed, and the information is exact too.

Axes: U units (people, or cases), L rows, C cases, K coefficients, H random ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from choicekit.numerics.logit import row_log_probabilities

__all__ = ["adds_variances", "variance_scores"]

Array = npt.NDArray[np.float64]


def adds_variances(fit: Any, model: Any) -> bool:
    """Whether ``model`` adds independent normal coefficients, a scale or both to a logit."""
    mixing = model.bound_mixing
    gumbel = all(type(m.errors).__name__ == "Gumbel" for m in (fit.model, model))
    if fit.model.mixing is not None or not gumbel:
        return False
    if getattr(mixing, "scale_names", None) == ("tau",):
        mixing = mixing.inner
    return bool(getattr(mixing, "all_normal", False)) and not mixing.groups


def _what_varies(likelihood: Any, params: Array) -> Array:
    """What each variance is one of the coefficient of, (L, H), in the order of the parameters.

    A scale ``sigma_n`` of mean 1 is a random coefficient of the utility itself, as far as the
    slope along its variance goes.
    """
    mixing, x = likelihood.mixing, likelihood.x
    rows: Array = mixing.rows(x, likelihood.layout.alt)[:, : mixing.size]
    if not hasattr(mixing, "scale_names"):
        return rows
    scaled = mixing.varying[mixing.scaled_coefficients]
    return np.column_stack([rows, x[:, scaled] @ params[scaled]])


def variance_scores(likelihood: Any, params: Array) -> tuple[Array, Array]:
    """Scores (U, K + H) by coefficients and variances at zero, and their information.

    The information (K + H, K + H) is the exact covariance of the scores, from the moments of the
    regressors over the alternatives. It generalises the artificial regressors of McFadden & Train
    (2000, Journal of Applied Econometrics 15, 447-470) to people with several cases.
    """
    x, layout, scale = likelihood.x, likelihood.layout, likelihood.errors.scale
    k = x.shape[1]
    logs = row_log_probabilities(x @ params[:k], layout.case_ptr, scale)
    p = np.exp(logs)
    own = _what_varies(likelihood, params)
    starts = layout.case_ptr[:-1]

    def by_case(rows: Array) -> Array:
        return np.asarray(np.add.reduceat(rows, starts, axis=0))

    def centred(rows: Array) -> Array:
        return np.asarray((rows - by_case(rows * p[:, None])[layout.case]) / scale)

    unit = np.arange(layout.n_cases) if likelihood.unit is None else likelihood.unit
    n = int(unit.max(initial=-1)) + 1

    def by_unit(cases: Array) -> Array:
        return np.column_stack([np.bincount(unit, column, n) for column in cases.T])

    dx, dc = centred(x), centred(own)
    size = dc.shape[1]
    variances = by_case(p[:, None] * dc**2)
    sums = by_unit(dc[layout.chosen])
    scores = np.hstack([by_unit(dx[layout.chosen]), 0.5 * (sums**2 - by_unit(variances))])
    weights = np.ones(n) if likelihood.weights is None else likelihood.weights
    of_row = weights[unit][layout.case] * p
    information = np.empty((k + size, k + size))
    information[:k, :k] = (dx * of_row[:, None]).T @ dx
    information[:k, k:] = 0.5 * (dx * of_row[:, None]).T @ dc**2
    information[k:, :k] = information[:k, k:].T
    of_case = weights[unit]
    for a in range(size):
        for b in range(a + 1):
            cross = by_case(p * dc[:, a] * dc[:, b])
            # fourth cumulant of the cases, and the square of the person's covariance
            fourth = by_case(p * dc[:, a] ** 2 * dc[:, b] ** 2)
            cumulant = fourth - variances[:, a] * variances[:, b] - 2.0 * cross**2
            together = np.bincount(unit, cross, n) ** 2
            value = 0.25 * (of_case @ cumulant + 2.0 * weights @ together)
            information[k + a, k + b] = information[k + b, k + a] = value
    return scores, information
