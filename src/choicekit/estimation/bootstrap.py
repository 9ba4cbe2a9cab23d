"""Covariance of the estimates by resampling people, or cases where there are no people.

Axes: C cases, N clusters, P parameters, R replicates.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.identification.directions import separated_directions
from choicekit.estimation.maximise import maximise_logit, score_products
from choicekit.estimation.optimize import whitened_bfgs
from choicekit.exceptions import ConvergenceWarning, SpecificationError
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = ["lost_replicates", "resampled_estimates", "usable"]

Float = NDArray[np.float64]

TOLERANCE = 1e-3  # standard errors
ITERATIONS = 200  # of one refit
GONE = 1e-4  # share of the curvature at the estimates that counts as none; common are 0.1 to 10
MANY_LOST = 0.1  # share of replicates without a maximum that deserves a warning


def resampled_estimates(
    likelihood: Likelihood,
    table: ParameterTable,
    hessian: Float,
    groups: NDArray[np.int64] | None,
    replicates: int,
    seed: int,
    strata: NDArray[np.int64] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Float:
    """Estimates (R, P) on samples drawn with replacement, NaN where a refit found no maximum.

    A cluster drawn k times counts k times in the likelihood. Every refit starts at the estimates,
    with the curvature there, and keeps the draws and nodes of the fit. Replicate r has its own
    stream, keyed by ``seed`` and r: more replicates leave the first ones as they were.

    Parameters
    ----------
    likelihood
        Settled on the draws of the fit.
    table
        Which parameters are free, with the estimates as starts.
    hessian
        At the estimates, over the free parameters.
    groups
        Cluster of each case, (C,); None: each case is its own.
    replicates
        R, at least 2.
    seed
        Of the resampling.
    strata
        Stratum of each case, (C,): as many clusters as there are of each are drawn from it.
    progress
        Called after each replicate with their number so far and R.

    References
    ----------
    Efron (1979), Annals of Statistics 7, 1-26; Cameron & Miller (2015) for clusters.
    """
    if isinstance(replicates, bool) or not isinstance(replicates, int | np.integer):
        raise SpecificationError(f"replicates must be a whole number, not {replicates!r}.")
    if replicates < 2:
        raise SpecificationError(f"replicates must be at least 2, not {replicates}.")
    layout = likelihood.layout
    own = np.ones(layout.n_cases) if layout.weights is None else layout.weights
    codes = np.arange(layout.n_cases) if groups is None else groups
    pools = _pools(codes, strata)
    found = np.full((replicates, len(table.names)), np.nan)
    for r in range(replicates):
        rng = np.random.default_rng([seed, r])
        drawn = [pool[rng.integers(len(pool), size=len(pool))] for pool in pools]
        counts = np.bincount(np.concatenate(drawn), minlength=int(codes.max()) + 1)[codes]
        sample = replace(likelihood, layout=replace(layout, weights=own * counts))
        found[r] = _refit(sample, table, hessian)
        if progress is not None:
            progress(r + 1, replicates)
    return found


def _pools(codes: NDArray[np.int64], strata: NDArray[np.int64] | None) -> list[NDArray[np.int64]]:
    """Clusters of each stratum, drawn from on their own; one pool without strata.

    Raises
    ------
    SpecificationError
        If cases of a cluster are in several strata.
    """
    n_clusters = int(codes.max(initial=-1)) + 1
    if strata is None:
        return [np.arange(n_clusters)]
    stratum = np.zeros(n_clusters, dtype=np.int64)
    stratum[codes] = strata
    if (stratum[codes] != strata).any():
        raise SpecificationError(
            "Some people or clusters have cases in several strata, so they cannot be drawn within "
            "one. Cure: strata of whole people or clusters, or finer groups=."
        )
    return [np.flatnonzero(stratum == s) for s in np.unique(stratum)]


def _refit(likelihood: Likelihood, table: ParameterTable, hessian: Float) -> Float:
    """Estimates (P,) on one sample, NaN without a maximum."""
    if len(table.free) == 0:
        return table.start
    if likelihood.fused:
        found = maximise_logit(likelihood, table, TOLERANCE, ITERATIONS, None)
    else:

        def evaluate(values: Float) -> tuple[float, Float]:
            value, gradient = likelihood.value_and_gradient(table.full(values))
            return value, table.pull(gradient)

        begin = table.start[table.free]
        found = whitened_bfgs(evaluate, begin, -hessian, TOLERANCE, ITERATIONS)
    params = table.full(found.x)
    ok = found.converged and np.isfinite(params).all() and not likelihood.boundary(params)
    ok = ok and _curved(likelihood, table, params, hessian)
    return params if ok else np.full(len(params), np.nan)


def _curved(likelihood: Likelihood, table: ParameterTable, params: Float, hessian: Float) -> bool:
    """Whether a sample's likelihood has curvature left in all coefficients of the utility.

    Where the choices of a sample are separated, a search stops on its way to infinity.
    """
    of_utility = table.free < likelihood.n_coefficients
    seen = np.flatnonzero(of_utility & ~np.isin(table.free, likelihood.bent_columns))
    own = np.ix_(seen, seen)
    curvature = -score_products(likelihood, params, table)[own]
    try:
        return not separated_directions(curvature, -hessian[own], [""] * len(seen), GONE)
    except np.linalg.LinAlgError:  # the estimates themselves are no maximum
        return True


def usable(estimates: Float) -> NDArray[np.bool_]:
    """Which replicates (R,) found a maximum.

    Raises
    ------
    SpecificationError
        If hardly any did.
    """
    kept: NDArray[np.bool_] = np.asarray(np.isfinite(estimates).all(axis=1))
    if kept.sum() < 2:
        raise SpecificationError(
            f"Only {int(kept.sum())} of {len(kept)} resampled data sets have a maximum: the data "
            "are too few for a bootstrap of this model. Cure: simplify it, or use another cov_type."
        )
    return kept


def lost_replicates(kept: NDArray[np.bool_]) -> tuple[str, ...]:
    """Note how many replicates (R,) had no maximum, and warn of many."""
    lost = int((~kept).sum())
    if not lost:
        return ()
    text = f"Bootstrap: {lost} of {len(kept)} resampled data sets had no maximum and were left out."
    if lost > MANY_LOST * len(kept):
        text += (
            " The others are a selection, so these standard errors may be too small. Cure: "
            "simplify the model, or use another cov_type."
        )
        warnings.warn(text, ConvergenceWarning, stacklevel=3)
    return (text,)
