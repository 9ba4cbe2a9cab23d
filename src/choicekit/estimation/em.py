"""The EM algorithm for latent classes, to start from: it climbs from far away, and cheaply.

With the posterior probabilities of the classes as weights, each class is a logit of its own, and
the membership a multinomial logit of fractional answers (Dempster, Laird & Rubin 1977; Train
2009, chapter 14). The errors are taken as Gumbel here, whatever the model's: its own errors
take over from where this ends.

Axes: N units (people), S classes, K coefficients of a class, B of all classes, G covariates of
the membership, P parameters.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.gumbel import BoundGumbel
from choicekit.estimation.identification.utility import utility_information
from choicekit.estimation.maximise import climb, maximise_logit
from choicekit.estimation.optimize import newton
from choicekit.likelihood import LatentClassLikelihood
from choicekit.numerics.logit import logit_evaluate
from choicekit.parameters import ParameterTable

__all__ = ["Climb", "class_start", "expectation_maximisation"]

Float = NDArray[np.float64]

# Random starts: coefficients times log-normals, plus this much of a utility's natural unit.
SPREAD, SHIFT = 0.5, 0.5
ENOUGH = 0.01  # gain of the log-likelihood in an iteration at which another method does better
NEWTON_STEPS = 1  # in an M-step: what is left comes in the next
ROUGH = 1e-4  # standard errors
LEAST = 1e-12  # information


class Climb(NamedTuple):
    """Where the EM algorithm ended."""

    params: Float  # (P,)
    value: float  # log-likelihood with Gumbel errors
    iterations: int


def class_start(
    likelihood: LatentClassLikelihood,
    table: ParameterTable,
    given: frozenset[str],
    rng: np.random.Generator,
) -> Float:
    """Random parameters around the logit without classes, (P,).

    Coefficients are multiplied by log-normals and moved by a share of what makes utilities differ
    by about one; classes start equally large. Parameters named in ``given`` and fixed ones keep
    the table's values.
    """
    classes, factor = likelihood.classes, likelihood.errors.sd_per_logit
    logit = likelihood.plain(BoundGumbel(1.0, likelihood.layout.n_alternatives))
    k = logit.n_coefficients
    names = tuple(f"{p}" for p in range(k))
    none = np.zeros(k, dtype=np.bool_)
    if likelihood.linear:
        found = maximise_logit(logit, ParameterTable(names, np.zeros(k), none), ROUGH, 50, None).x
        information = -np.diag(logit.logit(np.zeros(k), with_hessian=True).hessian)
    else:  # not in units of the errors
        own = ParameterTable(names, table.start[classes.index[0]], none)
        found, factor = own.full(climb(logit, own, 0.1, 50)[0].x), 1.0
        information = np.diag(utility_information(logit.regressors(found), likelihood.layout))
        information = np.maximum(information, LEAST)
    total = float(likelihood.layout.n_cases)
    if likelihood.layout.weights is not None:
        total = float(likelihood.layout.weights.sum())
    unit = 1.0 / np.sqrt(information / total)
    out = table.start.copy()
    out[classes.index[0]] = found * factor
    for own in classes.index if classes.n_classes > 1 else ():
        special = ~classes.shared[own]
        moved = found * np.exp(SPREAD * rng.normal(size=k)) + SHIFT * unit * rng.normal(size=k)
        out[own[special]] = moved[special] * factor
    held = table.fixed | np.array([name in given for name in table.names], dtype=np.bool_)
    return np.where(held, table.start, out)


def expectation_maximisation(
    likelihood: LatentClassLikelihood,
    table: ParameterTable,
    max_iterations: int,
    enough: float = ENOUGH,
) -> Climb:
    """Climb from the table's start until an iteration gains less than ``enough``.

    Parameters
    ----------
    likelihood
        Latent classes with any errors, unsettled; the parameters of the errors stay.
    table
        Names, start, fixed parameters.
    max_iterations
        At most so many.
    """
    factor, b = likelihood.errors.sd_per_logit, likelihood.n_coefficients
    errors = BoundGumbel(1.0, likelihood.layout.n_alternatives)
    logit = replace(likelihood, errors=errors)
    theta = slice(b, b + len(likelihood.errors.start))
    kept = np.delete(np.arange(len(table.start)), theta)
    at = table.start[kept].copy()
    at[:b] /= factor
    free, iterations = ~table.fixed[kept], 0
    value, posterior = logit.expectation(at)
    for iteration in range(1, max_iterations + 1):
        before, iterations = value, iteration
        at = _membership_step(logit, at, posterior, free)
        at = _utility_step(logit, at, posterior, free)
        value, posterior = logit.expectation(at)
        if not value - before > enough:
            break
    params = table.start.copy()
    at[:b] *= factor
    params[kept] = at
    return Climb(np.where(table.fixed, table.start, params), value, iterations)


def _utility_step(
    likelihood: LatentClassLikelihood, params: Float, posterior: Float, free: NDArray[np.bool_]
) -> Float:
    """Newton steps for the coefficients of weighted logits, one a class."""
    layout, classes, b = likelihood.layout, likelihood.classes, likelihood.n_coefficients
    own_free = np.flatnonzero(free[:b])
    if not len(own_free):
        return params
    xt = np.ascontiguousarray(likelihood.x.T)  # a view: x is contiguous by column
    of_case = posterior if likelihood.unit is None else posterior[likelihood.unit]
    if layout.weights is not None:
        of_case = of_case * layout.weights[:, None]
    weights = np.ascontiguousarray(of_case.T)

    def evaluate(values: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        beta, total = params[:b].copy(), 0.0
        beta[own_free] = values
        gradient, hessian = np.zeros(b), np.zeros((b, b))
        for own, weight in zip(classes.index, weights, strict=True):
            found = logit_evaluate(
                xt, layout.case_ptr, layout.chosen, weight, beta[own], 1.0, with_hessian
            )
            total += found.value
            gradient[own] += found.gradient
            hessian[np.ix_(own, own)] += found.hessian
        return total, gradient[own_free], hessian[np.ix_(own_free, own_free)]

    out = params.copy()
    out[own_free] = newton(evaluate, params[own_free], ROUGH, NEWTON_STEPS).x
    return out


def _membership_step(
    likelihood: LatentClassLikelihood, params: Float, posterior: Float, free: NDArray[np.bool_]
) -> Float:
    """Newton steps for the membership, a multinomial logit of the posterior probabilities."""
    classes, b = likelihood.classes, likelihood.n_coefficients
    own_free = np.flatnonzero(free[b:])
    if not len(own_free):
        return params
    n_units, n_others = likelihood.n_units, classes.n_classes - 1
    weights = np.ones(n_units) if likelihood.weights is None else likelihood.weights
    covariates = classes.membership(n_units)

    def evaluate(values: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        phi = params[b:].copy()
        phi[own_free] = values
        logs = classes.log_prior(phi, n_units)
        p = np.exp(logs)
        gradient = weights @ classes.pull_prior(posterior - p)
        blocks = [
            [
                -(covariates.T * (weights * p[:, s] * ((s == r) - p[:, r]))) @ covariates
                for r in range(1, n_others + 1)
            ]
            for s in range(1, n_others + 1)
        ]
        hessian = np.block(blocks)
        total = float(weights @ (posterior * logs).sum(axis=1))
        return total, gradient[own_free], hessian[np.ix_(own_free, own_free)]

    out = params.copy()
    out[b + own_free] = newton(evaluate, params[b + own_free], ROUGH, NEWTON_STEPS).x
    return out
