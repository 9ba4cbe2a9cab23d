"""Climb a likelihood: Newton for the logit, else BFGS with Newton steps to finish.

P counts all parameters, the K of the utility first; *free* ones are those not held fixed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.optimize import (
    HALTED,
    Optimum,
    Progress,
    decrement,
    newton,
    solve_information,
    trust_region,
    whitened_bfgs,
)
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = ["METHODS", "climb", "maximise_general", "maximise_logit", "score_products"]

Float = NDArray[np.float64]

METHODS = ("auto", "newton", "bfgs", "bhhh", "trust")
FAR = 0.02  # standard errors; a Hessian made further away than this is not reported
CREEPING = (10, 0.05)  # iterations, and the log-likelihood gained in them
NEAR_EDGE = 100.0  # times what counts as singular
BARRIERS = (1.0, 0.03)  # weights of the barrier in the first rounds, in units of log-likelihood
ROUGH = 0.1  # standard errors, at which these rounds stop
MOST_HESSIANS = 6  # a maximum inside the range takes one to three
NEAR = 1e-3  # standard errors; nearer than this, an old Hessian's last digits do not matter


def maximise_logit(
    likelihood: Likelihood,
    table: ParameterTable,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None,
    method: str = "auto",
) -> Optimum:
    """Newton's method, or another, with the exact Hessian of the fused kernel, from the start."""
    if method not in ("auto", "newton"):
        end = max_iterations, progress
        optimum = _by_name(method, likelihood, table, tolerance, *end)
        exact = likelihood.logit(table.full(optimum.x), True).hessian
        return replace(optimum, hessian=table.pull_square(exact))

    def evaluate(values: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        found = likelihood.logit(table.full(values), with_hessian)
        return found.value, table.pull(found.gradient), table.pull_square(found.hessian)

    return newton(evaluate, table.start[table.free], tolerance, max_iterations, progress)


def maximise_general(
    likelihood: Likelihood,
    table: ParameterTable,
    seed: int,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None,
    method: str = "auto",
) -> tuple[Likelihood, Optimum, Float]:
    """BFGS, the orders of integration renewed at its end, Newton steps to finish.

    The orders are best at the parameters they were made for; the start's may be poor ones for the
    maximum, so they are made anew there, and the polish runs on the likelihood reported.
    """
    free = table.free
    if len(free) == 0:
        value = likelihood.value(table.start)
        nothing = np.empty(0)
        done = Optimum(nothing, value, nothing, None, 0, 1, True, "nothing to estimate", "none")
        return likelihood, done, np.empty((0, 0))
    begun, taken = _approximate_start(likelihood, table, max_iterations, progress)
    left, rough = max_iterations - taken, max(tolerance, 1e-4)
    if method in ("auto", "bfgs"):
        optimum, information = climb(likelihood, begun, rough, left, progress)
    else:
        information = score_products(likelihood, begun.start, table)
        optimum = _by_name(method, likelihood, begun, rough, left, progress)
    optimum = replace(optimum, iterations=optimum.iterations + taken)
    at = table.full(optimum.x)
    likelihood = likelihood.settle(at, seed)
    information = np.maximum(np.diag(information), np.diag(score_products(likelihood, at, table)))
    if optimum.message == HALTED or likelihood.boundary(at):
        return _unpolished(likelihood, table, optimum, information)
    optimum, hessian = _polish(likelihood, table, optimum, information, tolerance)
    return likelihood, optimum, hessian


def _by_name(
    method: str,
    likelihood: Likelihood,
    table: ParameterTable,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None,
) -> Optimum:
    """The optimiser that the user asked for, from the table's start.

    BHHH is Newton's method with the outer product of the scores in place of the information
    (Berndt, Hall, Hall & Hausman 1974); "trust" bounds the length of Newton's steps.
    """
    if method == "bfgs":
        return climb(likelihood, table, tolerance, max_iterations, progress)[0]
    begin = table.start[table.free]
    scales = _scales(table, np.diag(score_products(likelihood, table.start, table)))

    def evaluate(values: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        at = table.full(values)
        value, gradient = likelihood.value_and_gradient(at)
        hessian = np.zeros((len(values), len(values)))
        if not np.isfinite(value) or not with_hessian:
            return value, table.pull(gradient), hessian
        if method == "bhhh":
            return value, table.pull(gradient), -score_products(likelihood, at, table)
        return value, table.pull(gradient), _hessian(likelihood, at, scales, table)

    if method == "trust":
        return trust_region(evaluate, begin, tolerance, max_iterations, 0)
    found = newton(evaluate, begin, tolerance, max_iterations, progress)
    return replace(found, optimizer="BHHH") if method == "bhhh" else found


def climb(
    likelihood: Likelihood,
    table: ParameterTable,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> tuple[Optimum, Float]:
    """BFGS from the table's start; also the outer product of the scores there, (P_free, P_free)."""

    def evaluate(values: Float) -> tuple[float, Float]:
        value, gradient = likelihood.value_and_gradient(table.full(values))
        return value, table.pull(gradient)

    information = score_products(likelihood, table.start, table)
    begin, taken = _away_from_edges(likelihood, table, evaluate, information, max_iterations)
    halt = _Edge(likelihood, table)
    optimum = whitened_bfgs(evaluate, begin, information, tolerance, max_iterations, progress, halt)
    iterations, evaluations = (
        optimum.iterations + taken[0],
        optimum.evaluations + taken[1],
    )
    return replace(optimum, iterations=iterations, evaluations=evaluations), information


def _approximate_start(
    likelihood: Likelihood, table: ParameterTable, max_iterations: int, progress: Progress | None
) -> tuple[ParameterTable, int]:
    """Start where a cheap approximation of the likelihood has its maximum, if there is one.

    Also the number of iterations that took.
    """
    cheap = likelihood.approximated()
    if cheap is None:
        return table, 0
    found, _ = climb(cheap, table, ROUGH, max_iterations, progress)
    at = table.full(found.x)
    better = np.isfinite(at).all() and not likelihood.boundary(at, NEAR_EDGE)
    if better and likelihood.value(at) > likelihood.value(table.start):
        return replace(table, start=at), found.iterations
    return table, found.iterations


class _Edge:
    """Stops a search that creeps along the edge of the covariances, gaining hardly anything."""

    def __init__(self, likelihood: Likelihood, table: ParameterTable) -> None:
        self.likelihood, self.table = likelihood, table
        self.values: list[float] = []

    def __call__(self, x: Float, value: float) -> bool:
        self.values.append(value)
        if len(self.values) <= CREEPING[0] or value - self.values[-1 - CREEPING[0]] > CREEPING[1]:
            return False
        return bool(self.likelihood.boundary(self.table.full(x), NEAR_EDGE))


def _away_from_edges(
    likelihood: Likelihood,
    table: ParameterTable,
    evaluate: Callable[[Float], tuple[float, Float]],
    information: Float,
    max_iterations: int,
) -> tuple[Float, tuple[int, int]]:
    """Where to start BFGS, with the iterations and evaluations it took.

    A line search that ends at the edge of the parameters' range may be caught there though the
    maximum is inside. So the first rounds maximise the log-likelihood plus a barrier, a small
    multiple of what falls to minus infinity at the edge (Fiacco & McCormick 1968).
    """
    free, x, iterations, evaluations = table.free, table.start[table.free], 0, 0
    if likelihood.barrier(table.start) is None or not (free >= likelihood.n_coefficients).any():
        return x, (0, 0)
    for weight in BARRIERS:

        def guarded(values: Float, weight: float = weight) -> tuple[float, Float]:
            barrier = likelihood.barrier(table.full(values))
            assert barrier is not None
            if not np.isfinite(barrier[0]):
                return -np.inf, table.pull(barrier[1])
            value, gradient = evaluate(values)
            return value + weight * barrier[0], gradient + weight * table.pull(barrier[1])

        found = whitened_bfgs(guarded, x, information, ROUGH, max_iterations)
        x = found.x
        iterations, evaluations = iterations + found.iterations, evaluations + found.evaluations
    return x, (iterations, evaluations)


def score_products(likelihood: Likelihood, params: Float, table: ParameterTable) -> Float:
    """Weighted outer product of the scores, (P_free, P_free)."""
    scores, weights = table.pull(likelihood.scores(params)), likelihood.weights
    product: Float = scores.T @ (scores if weights is None else scores * weights[:, None])
    return product


def _unpolished(
    likelihood: Likelihood, table: ParameterTable, optimum: Optimum, information: Float
) -> tuple[Likelihood, Optimum, Float]:
    """Value and Hessian at the edge of the covariance's range, where Newton steps lead nowhere."""
    at = table.full(optimum.x)
    value, gradient = likelihood.value_and_gradient(at)
    hessian = _hessian(likelihood, at, _scales(table, information), table)
    done = replace(optimum, value=value, gradient=table.pull(gradient), hessian=hessian)
    cost = 1 + likelihood.hessian_cost(len(table.moving))
    return (
        likelihood,
        replace(done, evaluations=done.evaluations + cost),
        hessian,
    )


def _scales(table: ParameterTable, information: Float) -> Float:
    """Rough standard errors of all parameters, (P,), for the steps of differences.

    ``information`` (P_free,) is the larger of that at the start and that at the end: a parameter
    may show in neither place, but hardly in both, and too long a step spoils the Hessian.
    """
    scales = np.ones(len(table.names))
    scales[table.free] = 1.0 / np.sqrt(np.where(information > 0.0, information, 1.0))
    if table.ties is not None:
        # Steps as long as their free parameters' standard errors would move them.
        reach = np.abs(table.basis[table.ties.places]) @ scales[table.free]
        scales[table.ties.places] = np.where(reach > 0.0, reach, 1.0)
    return scales


def _hessian(likelihood: Likelihood, params: Float, scales: Float, table: ParameterTable) -> Float:
    """Hessian over the free parameters, (P_free, P_free)."""
    if table.ties is None:
        return likelihood.hessian(params, scales, table.free)
    moving = table.moving
    full = np.zeros((len(params), len(params)))
    full[np.ix_(moving, moving)] = likelihood.hessian(params, scales, moving)
    return table.pull_square(full)


def _polish(
    likelihood: Likelihood,
    table: ParameterTable,
    optimum: Optimum,
    information: Float,
    tolerance: float,
    max_steps: int = 20,
) -> tuple[Optimum, Float]:
    """Newton steps with the differenced Hessian, which is needed for the standard errors anyway.

    A Hessian costs two gradients a parameter, a step one: so an old Hessian serves while it brings
    the estimates nearer, and it is made anew only where they have moved `FAR` standard errors.
    """
    x = optimum.x.copy()
    value, gradient = likelihood.value_and_gradient(table.full(x))
    gradient, evaluations = table.pull(gradient), optimum.evaluations + 1
    scales = _scales(table, information)
    hessian, moved = _hessian(likelihood, table.full(x), scales, table), 0.0
    cost = likelihood.hessian_cost(len(table.moving))
    evaluations += cost
    before, renewals = np.inf, 0
    for _ in range(max_steps):
        distance = decrement(gradient, -hessian)
        if distance < tolerance:
            break
        if distance > 0.9 * before:  # no longer getting nearer
            if distance < NEAR or renewals >= 3:
                break
            hessian, moved, before = _hessian(likelihood, table.full(x), scales, table), 0.0, np.inf
            renewals += 1
            evaluations += cost
            continue
        step, size = solve_information(-hessian, gradient), 1.0
        while size > 1e-3:
            trial, slope = likelihood.value_and_gradient(table.full(x + size * step))
            evaluations += 1
            if np.isfinite(trial) and trial >= value - 1e-10 * abs(value):
                break
            size *= 0.25
        else:
            break
        x, value, gradient = x + size * step, trial, table.pull(slope)
        moved += size * distance
        if moved > (FAR if likelihood.linear else NEAR):
            hessian, moved = _hessian(likelihood, table.full(x), scales, table), 0.0
            evaluations += cost
            renewals += 1
            # Newton steps that crawl along a ridge towards an edge do not arrive.
            at, slack = table.full(x), NEAR_EDGE if renewals > 1 else 1.0
            if renewals == MOST_HESSIANS or likelihood.boundary(at, slack):
                break
        before = distance if moved else np.inf
    done = replace(
        optimum, x=x, value=value, gradient=gradient, hessian=hessian, evaluations=evaluations
    )
    return replace(done, optimizer=f"{optimum.optimizer}, Newton"), hessian
