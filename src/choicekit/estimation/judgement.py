"""Whether an optimisation ended at a maximum, and if not, why and what to do: in words.

Axes: J alternatives, P free parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.identification import NullDirection, null_directions
from choicekit.estimation.optimize import Optimum, decrement
from choicekit.parameters import ParameterTable

__all__ = [
    "Convergence",
    "degenerate_errors",
    "has_flat",
    "judge",
    "runaway_variance",
    "zero_variances",
]

Float = NDArray[np.float64]

FLAT = 1e-9  # curvature, as a share of the largest on the correlation scale, that counts as none
DEGENERATE = 1e-3  # relative variance of a combination of errors that counts as none
VANISHED = 1e-4  # of the start's variance: a hundredth of the standard deviation
MOST_SHOWN = 4  # alternatives in a message


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
    reason
        Why it did not converge, in a word: ``"value"`` (not finite), ``"boundary"``,
        ``"separated"``, ``"flat"`` or ``"stopped"``; empty if it did.
    """

    converged: bool
    message: str
    cure: str
    iterations: int
    evaluations: int
    gradient_norm: float
    seconds: float
    optimizer: str
    reason: str = ""


def judge(
    optimum: Optimum,
    hessian: Float,
    table: ParameterTable,
    tolerance: float,
    seconds: float,
    boundary: str,
    separated: list[NullDirection],
    dependent: str = "",
    edge_cure: str = "",
) -> Convergence:
    """Decide whether this is a maximum: a small Newton decrement and a negative definite Hessian.

    ``boundary`` says, if anything, that the errors' parameters are at the edge of their range,
    ``dependent`` which errors depend on which others there, ``edge_cure`` what their law advises.
    """
    message, cure, reason = "converged", "", ""
    distance = decrement(optimum.gradient, -hessian)
    flat = null_directions(-hessian, table.free_names, FLAT) if len(hessian) else []
    if not np.isfinite(optimum.value):
        reason, message = "value", "the log-likelihood is not finite"
        cure = "rescale the covariates or give other starting values with start={...}"
    elif boundary:
        reason = "boundary"
        message = _boundary_message(boundary, dependent, optimum.value)
        cure = edge_cure or (
            "merge alternatives whose errors are alike, use a simpler covariance (covariance="
            "'heteroskedastic' or 'iid'), or more draws (draws='auto') where cases are simulated"
        )
        if not dependent and not edge_cure:
            cure = "fix the scale with another alternative (scale=), or " + cure
        cure += (
            ". The coefficients are those of the edge; standard errors and tests do not apply there"
        )
    elif separated:
        reason = "separated"
        message = "the choices are separated perfectly, or nearly so, by "
        message += "; ".join(direction.brief() for direction in separated[:3])
        message += ": the likelihood rises for ever as it grows"
        cure = (
            "leave the covariate out, check that it is not made from the choice itself, or merge "
            "alternatives"
        )
    elif flat:
        reason = "flat"
        message = "the log-likelihood is flat or not concave at the estimates, along "
        message += "; ".join(direction.brief() for direction in flat[:3])
        cure = "simplify the covariance, or fix a parameter with fixed={...}"
    elif distance > max(tolerance, 1e-3):
        reason, message = "stopped", optimum.message
        if message == "converged":
            message = f"the optimiser stopped {distance:.2g} standard errors from the maximum"
        cure = "allow more iterations (maxiter=), rescale the covariates, or give start={...}"
    return Convergence(
        not reason,
        message,
        cure,
        optimum.iterations,
        optimum.evaluations,
        distance,
        seconds,
        optimum.optimizer,
        reason,
    )


def has_flat(hessian: Float) -> bool:
    """Whether the likelihood is flat or not concave in some direction, by its Hessian (P, P)."""
    return bool(len(hessian) and null_directions(-hessian, [""] * len(hessian), FLAT))


def _boundary_message(boundary: str, dependent: str, value: float) -> str:
    """Where the edge is, whose errors, and the log-likelihood there."""
    whose = f": {dependent}" if dependent else ""
    return f"{boundary}{whose}. The log-likelihood rises to {value:,.3f} at this edge"


def degenerate_errors(omega: Float, labels: Sequence[Hashable]) -> str:
    """Say which alternatives' errors have become dependent in a (nearly) singular covariance.

    The combination of errors with the least variance, among those that choices can see (weights
    that sum to zero), says that one error is a fixed mixture of others.

    Parameters
    ----------
    omega
        Covariance of the errors, (J, J).
    labels
        J labels.
    """
    n = len(omega)
    differences = omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]
    variances = np.diag(differences)
    if n < 2 or not np.isfinite(omega).all():
        return ""
    scale = 1.0 / np.sqrt(np.where(variances > 0.0, variances, 1.0))
    _, vectors = np.linalg.eigh(differences * np.outer(scale, scale))
    weights = np.empty(n)
    weights[1:] = vectors[:, 0] * scale
    weights[0] = -weights[1:].sum()
    weights = _sparse(weights / np.abs(weights).max(), omega)
    first = int(np.argmax(np.abs(weights)))
    others = [j for j in np.argsort(-np.abs(weights)) if weights[j] != 0.0 and j != first]
    if not others:
        return f"the error of {labels[first]!r} has no variance"
    if len(others) == 1:
        return f"the errors of {labels[first]!r} and {labels[others[0]]!r} become one and the same"
    shares = [f"{-weights[j] / weights[first]:.2g} {labels[j]}" for j in others[:MOST_SHOWN]]
    more = " + ..." if len(others) > MOST_SHOWN else ""
    return (
        f"the error of {labels[first]!r} becomes a fixed combination of others "
        f"({' + '.join(shares).replace('+ -', '- ')}{more}), with no variation of its own"
    )


def runaway_variance(omega: Float, initial: Float, labels: Sequence[Hashable]) -> str:
    """Say that variances of independent errors have grown without limit; empty if they have not.

    That is a fit without a maximum: one error grows, or the one whose variance is fixed vanishes
    beside all others.

    Parameters
    ----------
    omega, initial
        Covariance of the errors at the estimates and at the start, (J, J).
    labels
        J labels.
    """
    if not _independent(omega, initial):
        return ""
    growth = np.diag(omega) / np.diag(initial)
    if not growth.max() * VANISHED > 1.0:
        return ""
    order = np.argsort(growth)
    low, high = int(order[0]), int(order[-1])
    # Which of the two stands apart from the rest?
    if growth[order[1]] / max(growth[low], 1e-300) > growth[high] / growth[order[-2]]:
        return (
            f"the variance of the error of {labels[low]!r} goes to zero beside the others', "
            "which grow without limit"
        )
    return f"the variance of the error of {labels[high]!r} grows without limit beside the others'"


def zero_variances(omega: Float, initial: Float, labels: Sequence[Hashable]) -> str:
    """Note that the variance of an independent error is estimated as zero; empty if none is.

    Where a standard deviation is the parameter, the likelihood is smooth there and symmetric: the
    estimates are a maximum, but the parameter lies at the end of its range.
    """
    if not _independent(omega, initial):
        return ""
    gone = np.flatnonzero(np.diag(omega) < VANISHED * np.diag(initial))
    if len(gone) == 0:
        return ""
    names = " and ".join(repr(labels[int(j)]) for j in gone)
    return (
        f"The variance of the error of {names} is estimated as zero, the end of its range: the "
        "other estimates hold, but its own standard error and tests against this value do not."
    )


def _independent(omega: Float, initial: Float) -> bool:
    """Whether these are the variances of three independent errors or more, to be compared."""
    diagonal = len(omega) > 2 and not np.count_nonzero(omega - np.diag(np.diag(omega)))
    return diagonal and bool((np.diag(initial) > 0.0).all())


def _sparse(weights: Float, omega: Float) -> Float:
    """Leave out alternatives that hardly take part, if the rest is degenerate all the same."""
    kept = np.where(np.abs(weights) > 0.05, weights, 0.0)
    kept[int(np.argmax(np.abs(kept)))] -= kept.sum()  # weights sum to zero
    typical = float(np.diag(omega).mean() * (kept @ kept))
    return kept if kept @ omega @ kept < DEGENERATE * typical else weights
