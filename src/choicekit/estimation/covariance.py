"""Covariance of the estimates: Hessian, outer product of scores, sandwich, clusters.

Axes: C cases, N clusters, H strata, P free parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.clusters import unit_codes
from choicekit.exceptions import SpecificationError, unknown

__all__ = [
    "COV_TYPES",
    "invert_information",
    "parameter_covariance",
    "require_cov_type",
    "require_stratified",
]

Float = NDArray[np.float64]

COV_TYPES = ("nonrobust", "HC0", "HC1", "opg", "cluster", "bootstrap")
STRATIFIED = ("HC0", "HC1", "cluster", "bootstrap")  # that know what strata are


def require_cov_type(cov_type: str) -> None:
    """Raise SpecificationError, with the choices, for an unknown type."""
    if cov_type not in COV_TYPES:
        raise unknown("cov_type", cov_type, COV_TYPES)


def require_stratified(cov_type: str, strata: Any) -> None:
    """Raise SpecificationError where strata are given to a covariance that ignores them."""
    if strata is not None and cov_type not in STRATIFIED:
        raise SpecificationError(
            f"strata= makes no difference to cov_type={cov_type!r}. Cure: cov_type='HC0', or "
            "leave strata= out."
        )


def invert_information(information: Float) -> Float:
    """Inverse of an information matrix (P, P), NaN throughout if it is not positive definite."""
    if len(information) == 0:
        return information
    diagonal = np.diag(information)
    if not np.isfinite(information).all() or (diagonal <= 0.0).any():
        return np.full_like(information, np.nan)
    scale = 1.0 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    if values[0] <= 1e-13 * values[-1]:
        return np.full_like(information, np.nan)
    inverse: Float = (vectors / values) @ vectors.T * np.outer(scale, scale)
    return 0.5 * (inverse + inverse.T)


def parameter_covariance(
    cov_type: str,
    hessian: Float,
    scores: Float | None,
    weights: Float | None,
    groups: NDArray[Any] | None,
    strata: NDArray[np.int64] | None = None,
) -> Float:
    """Covariance matrix (P, P) of the estimates.

    With H the Hessian of the weighted log-likelihood, s_c the unweighted score of case c and w_c
    its weight::

        nonrobust  (-H)^-1
        opg        (sum_c w_c s_c s_c')^-1                    BHHH
        HC0        H^-1 (sum_c w_c^2 s_c s_c') H^-1           White's sandwich
        HC1        HC0 x C / (C - P)
        cluster    H^-1 (sum_n S_n S_n') H^-1 x N / (N - 1),  S_n = sum of w_c s_c in cluster n

    Weights thus count as repetitions of a case in ``nonrobust`` and ``opg`` and as sampling weights
    of one independent case in the sandwiches.

    With strata, of which each was given a number of cases (or clusters) of its own, the sandwiches
    take ``w_c s_c`` less its mean in the stratum, and ``cluster`` a factor ``n / (n - 1)`` of each
    stratum: what the strata's numbers of cases cannot vary by is no error of the estimates.

    Parameters
    ----------
    cov_type
        One of `COV_TYPES`, but for ``bootstrap``.
    hessian
        (P, P).
    scores
        Unweighted scores (C, P); not needed for ``nonrobust``.
    weights
        (C,) or None.
    groups
        Codes of the clusters, (C,); for ``cluster`` only.
    strata
        Codes of the strata, (C,), all cases of a cluster in one; or None.

    References
    ----------
    White (1982); Berndt et al. (1974); Train (2009), section 8.6; Cameron & Miller (2015) for the
    clusters' small-sample factor; Manski & McFadden (1981) for choice-based samples; Binder (1983),
    International Statistical Review 51, 279-292, for strata.
    """
    bread = invert_information(-hessian)
    if cov_type == "nonrobust":
        return bread
    assert scores is not None
    weighted = scores if weights is None else scores * weights[:, None]
    if cov_type == "opg":
        return invert_information(scores.T @ weighted)
    n_cases, n_parameters = scores.shape
    factor = 1.0
    if cov_type == "cluster":
        assert groups is not None
        n_groups = int(groups.max()) + 1
        if strata is not None:
            strata = unit_codes(strata, groups, "strata")
        weighted = np.column_stack(
            [np.bincount(groups, weights=column, minlength=n_groups) for column in weighted.T]
        )
        if strata is None:
            factor = n_groups / (n_groups - 1.0) if n_groups > 1 else np.nan
    elif cov_type == "HC1":
        factor = n_cases / max(1.0, n_cases - n_parameters)
    if strata is not None:
        weighted = _within(weighted, strata, cov_type == "cluster")
    meat = weighted.T @ weighted
    return factor * bread @ meat @ bread


def _within(scores: Float, strata: NDArray[np.int64], corrected: bool) -> Float:
    """Scores (N, P) less the mean of their stratum; corrected: times ``sqrt(n / (n - 1))``.

    Raises
    ------
    SpecificationError
        If a stratum holds one row only.
    """
    n = np.bincount(strata)
    if (n[strata] < 2).any():
        raise SpecificationError(
            f"{int((n == 1).sum())} of the strata hold a single case or cluster, which says "
            "nothing about the variation in it. Cure: join strata."
        )
    means = np.column_stack([np.bincount(strata, weights=column) for column in scores.T])
    centred: Float = scores - means[strata] / n[strata, None]
    return centred * np.sqrt(n / (n - 1.0))[strata, None] if corrected else centred
