"""Restrictions at the edge of the parameters' range, where a likelihood ratio is not chi-squared.

A standard deviation of zero is such an edge. With one parameter at the edge among q restrictions
the ratio is chi-squared with q - 1 or q degrees of freedom, each with probability one half (Self &
Liang 1987, Journal of the American Statistical Association 82, 605-610); so too where a
random coefficient is added to correlated ones, with its covariances (Stram & Lee 1994, Biometrics
50, 1171-1177). With several independent coefficients the weights follow from the information
matrix, see `chi_bar`. Else chi-squared with q degrees of freedom bounds the p-value from above.

A dissimilarity of 1 is the edge only of what utility maximisation allows: the estimates here may
exceed it, so 1 is inside their range and the plain chi-squared holds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from choicekit.post.base import Fitted, fixed_names, mixing_kinds, mixing_names
from choicekit.post.chi_bar import MOST_EDGES, chi_bar_weights, ratio_tail, variance_weights

__all__ = ["HALF", "Boundary", "boundary"]


SCALE = "the scale"
PLAIN, HALF = (1.0,), (0.5, 0.5)


class Boundary(NamedTuple):
    """What the edge means for a likelihood-ratio test.

    Attributes
    ----------
    weights
        Of the chi-squares that the distribution is a mixture of, see `ratio_tail`.
    note
        In words; may be empty.
    """

    weights: tuple[float, ...]
    note: str


def boundary(restricted: Fitted, full: Fitted, df: int, statistic: float) -> Boundary:
    """Say which restrictions are at the edge of their range, and what follows.

    Parameters
    ----------
    restricted, full
        Nested fits.
    df
        Number of restrictions.
    statistic
        Likelihood ratio.
    """
    new = sorted(_random(full) - _random(restricted))
    if new == [SCALE] and "gamma" in {*mixing_names(full)} - fixed_names(full):
        return Boundary(
            PLAIN,
            "Where tau is 0 gamma does not show, so that the distribution of the statistic is not "
            "known (Davies 1977): the p-value is rough.",
        )
    if len(new) == 1:
        return Boundary(
            HALF,
            f"The restricted model puts the variance of {new[0]} at zero, the edge of its range: "
            f"the p-value is that of the mixture 1/2 chi2({df - 1}) + 1/2 chi2({df}) (Self & Liang "
            "1987).",
        )
    weights = _weights(restricted, full, new, df)
    if weights is not None:
        shown = ", ".join(f"{weight:.2f}" for weight in weights)
        return Boundary(
            weights,
            f"The restricted model puts {len(new)} variances at zero, the edge of their range: the "
            f"p-value is that of a mixture of chi-squares with 0 to {df} degrees of freedom, "
            f"weights {shown} (Self & Liang 1987).",
        )
    if new:
        return Boundary(
            PLAIN,
            f"The restricted model puts {len(new)} variances at zero, the edge of their range, "
            f"where the statistic is smaller than chi2({df}): the p-value shown is an upper bound.",
        )
    return Boundary(PLAIN, _dissimilarities(restricted, full, df, statistic))


def _weights(restricted: Fitted, full: Fitted, new: list[str], df: int) -> tuple[float, ...] | None:
    """Weights where variances of independent coefficients are all that is added; else None."""
    names = [str(name) for name in restricted.params.index]
    alone = getattr(restricted.model, "mixing", None) is None and len(new) == df
    if not (alone and 2 <= len(new) <= MOST_EDGES and set(new) <= set(names)):
        return None
    own, table = _likelihood(restricted), _table(restricted)
    sizes = np.sqrt(np.diag(_covariance(restricted)))
    columns = [names.index(name) for name in new]
    if not (sizes[columns] > 0.0).all():
        return None  # held fixed: no slope to difference
    params = restricted.params.to_numpy(dtype=np.float64)
    unit = _likelihood(full).unit
    return tuple(variance_weights(own, params, columns, table.free, sizes, unit).tolist())


def _likelihood(fit: Any) -> Any:
    return fit._own


def _table(fit: Any) -> Any:
    return fit.table


def _covariance(fit: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Inverse of the negative Hessian, whatever covariance was asked for, (P, P)."""
    found = fit if fit.cov_type == "nonrobust" else fit.with_cov("nonrobust")
    out: np.ndarray[Any, np.dtype[np.float64]] = found.cov.to_numpy()
    return out


def _random(fit: Fitted) -> set[str]:
    """What has a variance in the mixing: ``sd[x]``, the diagonal ``chol[x,x]``, the scale."""
    free = set(mixing_names(fit)) - fixed_names(fit)
    found = {SCALE} if mixing_kinds(fit).get("tau") == "scale" and "tau" in free else set()
    for name in free:
        kind, _, inside = name.rstrip("]").partition("[")
        if kind == "sd":
            found.add(inside)
        half = (len(inside) - 1) // 2  # names may hold commas themselves
        if kind == "chol" and inside[:half] == inside[half + 1 :]:
            found.add(inside[:half])
    return found


def _dissimilarities(restricted: Fitted, full: Fitted, df: int, statistic: float) -> str:
    """What to say where dissimilarities of the full model are 1 in the restricted one."""
    own, other = _free_errors(full), _free_errors(restricted)
    if other or any(name.startswith("alpha[") for name in own):
        hidden = not other and bool(own)
        return (
            "Where all lambdas are 1 the allocations alpha do not show, so that the distribution "
            "of the statistic is not known (Davies 1977): the p-value is rough."
            if hidden
            else ""
        )
    lambdas = [name for name in own if name.startswith("lambda")]
    if not lambdas:
        return ""
    text = (
        "The lambdas were free to exceed 1, so 1 is inside their range and the chi-squared holds."
    )
    if statistic < 0.0 or not len(lambdas) == df <= MOST_EDGES:
        return text
    if float(full.params[lambdas].max()) <= 1.0:
        weights = HALF
        if len(lambdas) > 1:
            places = [list(full.params.index).index(name) for name in lambdas]
            weights = tuple(chi_bar_weights(_covariance(full)[np.ix_(places, places)]).tolist())
        which = "lambda <= 1" if len(lambdas) == 1 else "lambdas <= 1"
        return (
            f"{text} Against {which} only, as utility maximisation wants it, 1 is the edge: "
            f"p = {ratio_tail(statistic, df, weights):.3g} (Self & Liang 1987)."
        )
    if len(lambdas) > 1:
        return text
    return f"{text} The estimate is above 1: nothing speaks for a lambda below 1."


def _free_errors(fit: Fitted) -> list[str]:
    """Names of the free parameters of the errors."""
    return [str(name) for name in fit.model.bound.names if name not in fixed_names(fit)]
