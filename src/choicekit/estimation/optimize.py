"""Maximise a log-likelihood: Newton where the Hessian is exact, whitened BFGS elsewhere.

P counts the free parameters here.

Both stop by the same measure, the Newton decrement ``sqrt(g' (-H)^-1 g)``: how many standard
errors the estimates still are from the maximum of the local quadratic. It does not depend on the
units of the covariates, as a bound on the gradient would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["HALTED", "Optimum", "Progress", "newton", "trust_region", "whitened_bfgs"]

Float = NDArray[np.float64]
Progress = Callable[[int, float, float], None]  # iteration, log-likelihood, distance

MOVED_ENOUGH = 1e-4  # share of the predicted gain that a step must bring (Armijo's rule)
STOPPED = 99  # scipy's status where a callback raised StopIteration
HALTED = "the search was ended at the edge of the parameters' range"
FLAT = 1e-11  # eigenvalues below this share of the largest count as zero


@dataclass(frozen=True)
class Optimum:
    """Where an optimiser stopped.

    Attributes
    ----------
    x, gradient
        Estimates and gradient, (P,).
    value
        Log-likelihood.
    hessian
        Hessian at x, (P, P); None where the optimiser did not need it.
    iterations, evaluations
        How much work it was.
    converged
        Whether the optimiser reached its tolerance.
    message
        How it ended, in words.
    optimizer
        Name of the method.
    """

    x: Float
    value: float
    gradient: Float
    hessian: Float | None
    iterations: int
    evaluations: int
    converged: bool
    message: str
    optimizer: str


def decrement(gradient: Float, information: Float) -> float:
    """``sqrt(g' I^-1 g)`` with flat directions of the information left out."""
    step = solve_information(information, gradient)
    return float(np.sqrt(max(0.0, float(gradient @ step))))


def solve_information(information: Float, gradient: Float) -> Float:
    """Newton step ``I^-1 g``, computed on the correlation scale, flat or negative directions bent.

    Directions of (nearly) zero or negative curvature, as far from a maximum, are given the
    absolute curvature, floored: the step then still goes uphill.
    """
    if len(gradient) == 0:
        return gradient
    diagonal: Float = np.abs(np.diag(information))
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    curvature = np.maximum(np.abs(values), FLAT * max(1.0, float(np.abs(values).max())))
    step: Float = scale * (vectors @ ((vectors.T @ (scale * gradient)) / curvature))
    return step


def newton(
    evaluate: Callable[[Float, bool], tuple[float, Float, Float]],
    start: Float,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> Optimum:
    """Newton's method with step halving; scipy's exact trust region where halving fails.

    Parameters
    ----------
    evaluate
        ``evaluate(x, with_hessian)`` returns value, gradient (P,), Hessian (P, P).
    start
        (P,).
    tolerance
        Stop when the Newton decrement, in standard errors, is below this.
    max_iterations
        Give up after this many.
    progress
        Called after every iteration.
    """
    x, evaluations = start.copy(), 1
    value, gradient, hessian = evaluate(x, True)
    for iteration in range(max_iterations + 1):
        step = solve_information(-hessian, gradient)
        gain = float(gradient @ step)
        distance = float(np.sqrt(max(gain, 0.0)))
        if progress is not None:
            progress(iteration, value, distance)
        if distance < tolerance:
            return Optimum(
                x, value, gradient, hessian, iteration, evaluations, True, "converged", "Newton"
            )
        if iteration == max_iterations:
            break
        size = 1.0
        while True:
            trial = evaluate(x + size * step, True)
            evaluations += 1
            rounding = 1e-12 * abs(value)
            if np.isfinite(trial[0]) and trial[0] >= value + MOVED_ENOUGH * size * gain - rounding:
                break
            size *= 0.5
            if size < 1e-6:
                return trust_region(evaluate, x, tolerance, max_iterations, evaluations)
        x = x + size * step
        value, gradient, hessian = trial
    text = f"the limit of {max_iterations} iterations was reached"
    return Optimum(x, value, gradient, hessian, iteration, evaluations, False, text, "Newton")


def trust_region(
    evaluate: Callable[[Float, bool], tuple[float, Float, Float]],
    start: Float,
    tolerance: float,
    max_iterations: int,
    evaluations: int,
) -> Optimum:
    """Scipy's ``trust-exact``, for the rare point where Newton's direction does not go up."""
    from scipy.optimize import minimize

    result = minimize(
        lambda x: -evaluate(x, False)[0],
        start,
        jac=lambda x: -evaluate(x, False)[1],
        hess=lambda x: -evaluate(x, True)[2],
        method="trust-exact",
        options={"gtol": 1e-10, "maxiter": max_iterations},
    )
    value, gradient, hessian = evaluate(result.x, True)
    converged = decrement(gradient, -hessian) < max(tolerance, 1e-6)
    return Optimum(
        result.x,
        value,
        gradient,
        hessian,
        int(result.nit),
        evaluations + int(result.nfev + result.njev + result.nhev),
        converged,
        "converged" if converged else str(result.message),
        "trust region",
    )


def whitened_bfgs(
    evaluate: Callable[[Float], tuple[float, Float]],
    start: Float,
    information: Float,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
    halt: Callable[[Float, float], bool] | None = None,
) -> Optimum:
    """Scipy's BFGS in coordinates in which the start's information matrix is the identity.

    The outer product of the scores at the start gives the first step the length and direction of
    a BHHH step (Berndt, Hall, Hall & Hausman 1974); BFGS then learns what it misses.

    Parameters
    ----------
    evaluate
        ``evaluate(x)`` returns value and gradient (P,).
    start
        (P,).
    information
        Outer product of the scores at the start, (P, P).
    tolerance
        Stop when the gradient in whitened coordinates is below this.
    max_iterations
        Give up after this many.
    progress
        Called after every iteration.
    halt
        ``halt(x, value)`` ends the search, after an iteration, by being true.
    """
    from scipy.optimize import minimize

    diagonal = np.diag(information).copy()
    scale = 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    # A direction the scores hardly know gets a short step, not a huge one.
    values = np.maximum(values, 1e-4 * max(1.0, float(np.max(values, initial=1.0))))
    back = scale[:, None] * vectors / np.sqrt(values)
    best = {"iteration": 0}

    def negative(z: Float) -> tuple[float, Float]:
        value, gradient = evaluate(start + back @ z)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return np.inf, np.zeros_like(z)
        return -value, -(back.T @ gradient)

    def after(intermediate_result: object) -> None:
        best["iteration"] += 1
        at, value = intermediate_result.x, -float(intermediate_result.fun)  # type: ignore[attr-defined]
        if halt is not None and halt(start + back @ at, value):
            raise StopIteration
        if progress is not None:
            progress(best["iteration"], -float(intermediate_result.fun), np.nan)  # type: ignore[attr-defined]

    result = minimize(
        negative,
        np.zeros(len(start)),
        jac=True,
        method="BFGS",
        callback=after,
        options={"gtol": tolerance, "maxiter": max_iterations},
    )
    x = start + back @ result.x
    value, gradient = evaluate(x)
    message = HALTED if result.status == STOPPED else str(result.message)
    return Optimum(
        x,
        value,
        gradient,
        None,
        int(result.nit),
        int(result.nfev) + 1,
        bool(result.success),
        "converged" if result.success else message,
        "BFGS",
    )
