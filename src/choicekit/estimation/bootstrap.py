"""Covariance of the estimates by resampling people, or cases where there are no people.

Axes: C cases, N clusters, P parameters, R replicates.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.maximise import maximise_logit
from choicekit.estimation.optimize import whitened_bfgs
from choicekit.exceptions import SpecificationError
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = ["resampled_estimates", "usable"]

Float = NDArray[np.float64]

TOLERANCE = 1e-3  # standard errors
ITERATIONS = 200  # of one refit


def resampled_estimates(
    likelihood: Likelihood,
    table: ParameterTable,
    hessian: Float,
    groups: NDArray[np.int64] | None,
    replicates: int,
    seed: int,
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
    n_clusters = int(codes.max(initial=-1)) + 1
    found = np.full((replicates, len(table.names)), np.nan)
    for r in range(replicates):
        drawn = np.random.default_rng([seed, r]).integers(n_clusters, size=n_clusters)
        counts = np.bincount(drawn, minlength=n_clusters)[codes]
        sample = replace(likelihood, layout=replace(layout, weights=own * counts))
        found[r] = _refit(sample, table, hessian)
    return found


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
    return params if ok else np.full(len(params), np.nan)


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
