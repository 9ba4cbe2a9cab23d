"""Normal choice probabilities of all alternatives, at the usual accuracy or at any.

Axes: C cases, J alternatives, R points.

Each alternative's probability is an integral of its own, in its own best order. The error of a
simulated case is estimated from independent randomisations of its points, that of an exact case
from doubling the nodes; for both, by how far the probabilities are from adding up to one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.integrators import Integrator, Settled
from choicekit.exceptions import SimulationWarning, SpecificationError
from choicekit.numerics.points import MAX_POINTS

__all__ = ["Cases", "shares", "shares_within"]

Float = NDArray[np.float64]

REPLICATES = 4  # independent randomisations whose mean is the estimate
SAFETY = 4.0  # the estimated error is this many standard errors of the mean
FINEST = 32  # times the usual nodes a dimension: 1,024 for three alternatives, 512 x 512 for four
NEXT_SEED = 0x9E3779B97F4A7C15
HIGHEST_SEED = (1 << 63) - 1


@dataclass(frozen=True)
class Cases:
    """Cases to be predicted.

    Attributes
    ----------
    v, available
        Utilities and availability, (C, J).
    omega
        Covariance of the errors, (J, J).
    keys
        Keys of the cases' draws, uint64 (C,).
    extra
        What single cases add to the covariance, (C, J, J), or None.
    """

    v: Float
    available: NDArray[np.bool_]
    omega: Float
    keys: NDArray[np.uint64]
    extra: Float | None

    def of(self, rows: NDArray[np.intp]) -> Cases:
        """Only these cases."""
        own = None if self.extra is None else self.extra[rows]
        v = np.ascontiguousarray(self.v[rows])
        return Cases(v, self.available[rows], self.omega, self.keys[rows], own)


def shares(integrator: Integrator, cases: Cases, seed: int) -> Float:
    """Probabilities (C, J) as they come, 0 where not available; a row's sum is nearly 1."""
    out = np.zeros(cases.v.shape)
    for j in range(cases.v.shape[1]):
        rows = np.flatnonzero(cases.available[:, j])
        if len(rows) == 0:
            continue
        part, chosen = cases.of(rows), np.full(len(rows), j, dtype=np.int32)
        settled = Settled.at(
            integrator, part.v, part.available, chosen, part.omega, part.keys, seed, part.extra
        )
        out[rows, j] = np.exp(settled.log_prob(part.v, chosen, part.omega, False, part.extra)[0])
    return out


def shares_within(integrator: Integrator, cases: Cases, seed: int, tol: float) -> Float:
    """Probabilities (C, J) whose estimated errors are at most ``tol``, case by case.

    Cases that miss it get twice the nodes a dimension, or four times the points, until they meet
    it or there are no more to be had: then a SimulationWarning says what was reached.
    """
    if not (isinstance(tol, float | int | np.floating) and 0.0 < tol < np.inf):
        raise SpecificationError(
            f"tol={tol!r} must be a positive number: the largest error of a probability."
        )
    out = np.zeros(cases.v.shape)
    simulated = integrator.is_simulated(cases.available.sum(axis=1, dtype=np.int32) - 1)
    errors = np.zeros(len(cases.v))
    for rows, refine in (
        (np.flatnonzero(~simulated), _refine_exact),
        (np.flatnonzero(simulated), _refine_simulated),
    ):
        if len(rows):
            out[rows], errors[rows] = refine(integrator, cases.of(rows), seed, tol)
    missed = errors > tol
    if missed.any():
        _warn(missed, errors, simulated, tol)
    return out


def _refine_exact(
    integrator: Integrator, cases: Cases, seed: int, tol: float
) -> tuple[Float, Float]:
    """Double the Gauss nodes a dimension of cases that moved by more than tol when last doubled."""
    out, errors = shares(integrator, cases, seed), np.zeros(len(cases.v))
    rows, finer = np.arange(len(cases.v)), 1
    while len(rows) and finer < FINEST:
        finer *= 2
        better = shares(replace(integrator, finer=finer), cases.of(rows), seed)
        moved = np.abs(better - out[rows]).max(axis=1)
        out[rows], errors[rows] = better, np.maximum(moved, np.abs(better.sum(axis=1) - 1.0))
        rows = rows[errors[rows] > tol]
    return out, errors


def _refine_simulated(
    integrator: Integrator, cases: Cases, seed: int, tol: float
) -> tuple[Float, Float]:
    """Quadruple the points of cases whose independent randomisations disagree by too much."""
    out, errors = np.zeros(cases.v.shape), np.zeros(len(cases.v))
    seeds = [(seed + r * NEXT_SEED) & HIGHEST_SEED for r in range(REPLICATES)]
    rows = np.arange(len(cases.v))
    while True:
        part = cases.of(rows)
        found = np.array([shares(integrator, part, one) for one in seeds])
        mean = found.mean(axis=0)
        error = SAFETY * found.std(axis=0, ddof=1).max(axis=1) / np.sqrt(REPLICATES)
        out[rows], errors[rows] = mean, np.maximum(error, np.abs(mean.sum(axis=1) - 1.0))
        rows = rows[errors[rows] > tol]
        if len(rows) == 0 or integrator.n_points >= MAX_POINTS:
            return out, errors
        integrator = integrator.with_points(4 * integrator.n_points)


def _warn(
    missed: NDArray[np.bool_], errors: Float, simulated: NDArray[np.bool_], tol: float
) -> None:
    """Say how many cases missed the tolerance, by how much, and what can be done."""
    worst = int(np.argmax(errors))
    ends = []
    if (missed & simulated).any():
        ends.append(f"{REPLICATES} x {MAX_POINTS:,} draws")
    if (missed & ~simulated).any():
        ends.append(f"{FINEST} times the usual nodes a dimension")
    n = int(missed.sum())
    warnings.warn(
        f"{n:,} {'case misses' if n == 1 else 'cases miss'} tol={tol:g} with {' or '.join(ends)}: "
        f"the largest estimated error of a probability is {errors[worst]:.2g}, in case number "
        f"{worst} (from 0). Cure: a larger tol; look whether the covariance is nearly singular.",
        SimulationWarning,
        stacklevel=5,
    )
