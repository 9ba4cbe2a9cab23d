"""Fit a likelihood: start, optimise, polish, and say how it went.

P counts all parameters, the K of the utility first; *free* ones are those not held fixed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.identification import (
    NullDirection,
    null_directions,
    separated_directions,
)
from choicekit.estimation.optimize import (
    Optimum,
    Progress,
    decrement,
    newton,
    solve_information,
    whitened_bfgs,
)
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = ["Convergence", "Fit", "fit_likelihood", "logit_start", "simulation_spread"]

Float = NDArray[np.float64]

FAR = 0.02  # standard errors; a Hessian made further away than this is not reported
BARRIERS = (1.0, 0.03)  # weights of the barrier in the first rounds, in units of log-likelihood
ROUGH = 0.1  # standard errors, at which these rounds stop
RANDOMISATIONS = 8  # independent scrambles, to measure the simulation error


@dataclass(frozen=True)
class Convergence:
    """How an optimisation ended.

    Attributes
    ----------
    converged
        Whether the estimates are a maximum to the tolerance.
    message
        What happened, in words.
    cure
        What to do if it did not converge.
    iterations, evaluations
        Of the optimiser.
    gradient_norm
        Newton decrement at the estimates: their distance from the maximum in standard errors.
    seconds
        Wall time of the fit.
    optimizer
        Name of the method.
    """

    converged: bool
    message: str
    cure: str
    iterations: int
    evaluations: int
    gradient_norm: float
    seconds: float
    optimizer: str


@dataclass(frozen=True)
class Fit:
    """What an optimisation found.

    Attributes
    ----------
    params
        Estimates, (P,).
    value
        Log-likelihood.
    hessian
        Hessian over the free parameters, (P_free, P_free).
    likelihood
        The likelihood with the draws and orders it was maximised with.
    convergence
        How it ended.
    """

    params: Float
    value: float
    hessian: Float
    likelihood: Likelihood
    convergence: Convergence


def logit_start(likelihood: Likelihood, table: ParameterTable, given: frozenset[str]) -> Float:
    """Start the utility's coefficients at a logit's, rescaled to the errors' standard deviation.

    Parameters that the user gave a start or a value keep it.
    """
    from choicekit.errors.gumbel import BoundGumbel

    k = likelihood.n_coefficients
    gumbel = BoundGumbel(1.0, likelihood.layout.n_alternatives)
    logit = Likelihood(likelihood.x, likelihood.layout, gumbel, likelihood.keys)
    held = np.array([name in given for name in table.names[:k]], dtype=np.bool_)
    factor = likelihood.errors.sd_per_logit
    small = ParameterTable(table.names[:k], table.start[:k] / factor, held)
    optimum = _maximise_logit(logit, small, 1e-4, 50, None)
    start = table.start.copy()
    start[:k] = small.full(optimum.x) * factor
    start[:k][held] = table.start[:k][held]
    return start


def _maximise_logit(
    likelihood: Likelihood,
    table: ParameterTable,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None,
) -> Optimum:
    free = table.free

    def evaluate(values: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        found = likelihood.logit(table.full(values), with_hessian)
        return found.value, found.gradient[free], found.hessian[np.ix_(free, free)]

    return newton(evaluate, table.start[free], tolerance, max_iterations, progress)


def fit_likelihood(
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    seed: int,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> Fit:
    """Maximise the likelihood from the table's starting values.

    Parameters
    ----------
    likelihood
        Unsettled.
    table
        Names, starts, fixed parameters.
    information
        Negative Hessian of the logit at zero coefficients, (K, K).
    seed
        Of the draws.
    tolerance
        Distance from the maximum, in standard errors, at which to stop.
    max_iterations
        Of the optimiser.
    progress
        Called after each iteration with its number, the log-likelihood and the distance.
    """
    begun = time.perf_counter()
    likelihood.errors.require_fittable()
    if likelihood.fused:
        optimum = _maximise_logit(likelihood, table, tolerance, max_iterations, progress)
        assert optimum.hessian is not None
        hessian = optimum.hessian
    else:
        likelihood = likelihood.settle(table.start, seed)
        likelihood, optimum, hessian = _maximise_general(
            likelihood, table, seed, tolerance, max_iterations, progress
        )
    params = table.full(optimum.x)
    signs = _conventional(likelihood, params, table)
    params, hessian = params * signs, hessian * np.outer(signs[table.free], signs[table.free])
    optimum = replace(optimum, x=params[table.free], gradient=optimum.gradient * signs[table.free])
    seconds = time.perf_counter() - begun
    boundary = likelihood.boundary(params)
    boundary = boundary or _ahead(likelihood, optimum, hessian, table)
    coefficients = table.free[table.free < likelihood.n_coefficients]
    separated = separated_directions(
        hessian[: len(coefficients), : len(coefficients)],
        information[np.ix_(coefficients, coefficients)],
        [table.names[k] for k in coefficients],
    )
    convergence = _judge(optimum, hessian, table, tolerance, seconds, boundary, separated)
    return Fit(params, optimum.value, hessian, likelihood, convergence)


def _conventional(likelihood: Likelihood, params: Float, table: ParameterTable) -> Float:
    """Signs (P,) for standard deviations and diagonals to come out positive.

    The likelihood does not see them. A parameter the user fixed keeps its value, and then all do.
    """
    signs = likelihood.signs(params)
    return np.ones_like(signs) if (signs[table.fixed] < 0.0).any() else signs


def _ahead(likelihood: Likelihood, optimum: Optimum, hessian: Float, table: ParameterTable) -> str:
    """Say that a Newton step from where the optimiser stopped leaves the errors' range, or ``""``.

    The log-likelihood is minus infinity there, so that the optimiser stops short of it.
    """
    if not np.isfinite(optimum.value) or decrement(optimum.gradient, -hessian) < 1e-3:
        return ""
    there = table.full(optimum.x + solve_information(-hessian, optimum.gradient))
    if np.isfinite(likelihood.value(there)):
        return ""
    return likelihood.boundary(there)


def _maximise_general(
    likelihood: Likelihood,
    table: ParameterTable,
    seed: int,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None,
) -> tuple[Likelihood, Optimum, Float]:
    """BFGS, the orders of integration renewed at its end, Newton steps to finish.

    The orders are best at the parameters they were made for; the start's may be poor ones for the
    maximum, so they are made anew there, and the polish runs on the likelihood reported.
    """
    free = table.free

    def evaluate(values: Float) -> tuple[float, Float]:
        value, gradient = likelihood.value_and_gradient(table.full(values))
        return value, gradient[free]

    if len(free) == 0:
        value = likelihood.value(table.start)
        nothing = np.empty(0)
        done = Optimum(nothing, value, nothing, None, 0, 1, True, "nothing to estimate", "none")
        return likelihood, done, np.empty((0, 0))
    scores = likelihood.scores(table.start)[:, free]
    weights = likelihood.weights
    information = scores.T @ (scores if weights is None else scores * weights[:, None])
    rough = max(tolerance, 1e-3)
    begin, taken = _away_from_edges(likelihood, table, evaluate, information, max_iterations)
    optimum = whitened_bfgs(evaluate, begin, information, rough, max_iterations, progress)
    optimum = replace(
        optimum,
        iterations=optimum.iterations + taken[0],
        evaluations=optimum.evaluations + taken[1],
    )
    likelihood = likelihood.settle(table.full(optimum.x), seed)
    optimum, hessian = _polish(likelihood, table, optimum, information, tolerance)
    return likelihood, optimum, hessian


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
                return -np.inf, barrier[1][free]
            value, gradient = evaluate(values)
            return value + weight * barrier[0], gradient + weight * barrier[1][free]

        found = whitened_bfgs(guarded, x, information, ROUGH, max_iterations)
        x = found.x
        iterations, evaluations = iterations + found.iterations, evaluations + found.evaluations
    return x, (iterations, evaluations)


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
    free, x = table.free, optimum.x.copy()
    value, gradient = likelihood.value_and_gradient(table.full(x))
    gradient, evaluations = gradient[free], optimum.evaluations + 1
    scales = np.ones(len(table.names))
    diagonal = np.diag(information)
    scales[free] = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    hessian, moved = likelihood.hessian(table.full(x), scales, free), 0.0
    evaluations += 2 * len(free)
    before = np.inf
    for _ in range(max_steps):
        distance = decrement(gradient, -hessian)
        if distance < tolerance or distance > 0.9 * before:
            break  # there, or no longer getting nearer
        step, size = solve_information(-hessian, gradient), 1.0
        while size > 1e-3:
            trial, slope = likelihood.value_and_gradient(table.full(x + size * step))
            evaluations += 1
            if np.isfinite(trial) and trial >= value - 1e-10 * abs(value):
                break
            size *= 0.25
        else:
            break
        x, value, gradient = x + size * step, trial, slope[free]
        moved += size * distance
        if moved > FAR:
            hessian, moved = likelihood.hessian(table.full(x), scales, free), 0.0
            evaluations += 2 * len(free)
        before = distance if moved else np.inf
    done = replace(
        optimum, x=x, value=value, gradient=gradient, hessian=hessian, evaluations=evaluations
    )
    return replace(done, optimizer=f"{optimum.optimizer}, Newton"), hessian


def _judge(
    optimum: Optimum,
    hessian: Float,
    table: ParameterTable,
    tolerance: float,
    seconds: float,
    boundary: str,
    separated: list[NullDirection],
) -> Convergence:
    """Decide whether this is a maximum: a small Newton decrement and a negative definite Hessian.

    ``boundary`` says, if anything, that the errors' parameters are at the edge of their range.
    """
    message, cure, converged = "converged", "", True
    distance = decrement(optimum.gradient, -hessian)
    flat = null_directions(-hessian, table.free_names, 1e-9) if len(hessian) else []
    if not np.isfinite(optimum.value):
        converged, message = False, "the log-likelihood is not finite"
        cure = "rescale the covariates or give other starting values with start={...}"
    elif boundary:
        converged, message = False, boundary
        cure = (
            "use a simpler covariance (covariance='heteroskedastic' or 'iid'), or merge the "
            "alternatives whose errors the data cannot tell apart"
        )
    elif separated:
        converged = False
        message = "the choices are separated perfectly, or nearly so, by "
        message += "; ".join(direction.brief() for direction in separated[:3])
        message += ": the likelihood rises for ever as it grows"
        cure = (
            "leave the covariate out, check that it is not made from the choice itself, or merge "
            "alternatives"
        )
    elif flat:
        converged = False
        message = "the log-likelihood is flat or not concave at the estimates, along "
        message += "; ".join(direction.brief() for direction in flat[:3])
        cure = "simplify the covariance, or fix a parameter with fixed={...}"
    elif distance > max(tolerance, 1e-3):
        converged, message = False, optimum.message
        if message == "converged":
            message = f"the optimiser stopped {distance:.2g} standard errors from the maximum"
        cure = "allow more iterations (maxiter=), rescale the covariates, or give start={...}"
    return Convergence(
        converged,
        message,
        cure,
        optimum.iterations,
        optimum.evaluations,
        distance,
        seconds,
        optimum.optimizer,
    )


def simulation_spread(fit: Fit) -> float:
    """Simulation standard error of the log-likelihood at the estimates.

    Where cases are simulated: the standard deviation over `RANDOMISATIONS` independent scrambles.
    Where all are integrated exactly: the change when the number of nodes a dimension is doubled,
    which bounds the error of the rule used. Where cases are approximated: the distance from the
    value by GHK at the same parameters.
    """
    likelihood = fit.likelihood
    plan = likelihood.plan
    if plan is None:
        return 0.0
    if plan.n_simulated == 0:
        return abs(likelihood.refined().value(fit.params) - fit.value)
    seeds = [(plan.seed + 1_000_003 * (r + 1)) % 2**63 for r in range(RANDOMISATIONS)]
    values = [likelihood.reseeded(seed).value(fit.params) for seed in seeds]
    return float(np.std(values, ddof=1))
