"""Expected utility of the best alternative, under any law of the errors.

Its derivative by a utility is the probability of that alternative (Williams 1977; Daly & Zachary
1978), so probabilities are all that is needed. What a change of the utilities is worth is the
integral of ``sum_j P_j dV_j`` along the straight line between them. From where an alternative b
is so good that nothing else is ever chosen comes

    E max_j (V_j + eps_j) = V_b + E eps_b + int_0^inf (1 - P_b(V_b + s)) ds

Laws with a closed form use that.

Axes: M cases (or cases at nodes), J alternatives, Q parameters of the errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb
from choicekit.numerics.quadrature import gauss_legendre

__all__ = ["Errors", "Expected", "expected_gain", "expected_maximum"]

Float = NDArray[np.float64]

# Ends of the pieces of the integral over s, in standard deviations of an error difference.
PIECES = (0.0, 1.5, 4.0, 9.0, 18.0, 36.0)
NOTHING = 1e-13  # where no case has more left, the integral ends
NODES = 12  # of a piece
STRETCH = 3.0  # standard deviations that a piece of a line between utilities may be long
STEP = 1e-5  # for derivatives of closed forms by the law's parameters


class Expected(NamedTuple):
    """An expected maximum, or a gain of it, and with derivatives where they were asked for.

    Attributes
    ----------
    value
        (M,).
    by_theta
        Derivatives by the law's parameters, (M, Q).
    """

    value: Float
    by_theta: Float


@dataclass(frozen=True, eq=False)
class Errors:
    """The law of the errors of some cases.

    Attributes
    ----------
    law
        Bound to the alternatives.
    theta
        Its parameters, (Q,).
    available
        (M, J).
    keys
        Of the draws, uint64 (M,).
    extra
        What cases add to the covariance of normal errors, (M, J, J); None for all else.
    """

    law: Any
    theta: Float
    available: NDArray[np.bool_]
    keys: NDArray[np.uint64]
    extra: Float | None = None

    def closed(self, v: Float, gradient: bool = False) -> Expected | None:
        """The expected maximum where it has a closed form."""
        if self.extra is not None:
            return None
        value = self.law.expected_maximum(v, self.available, self.theta)
        if value is None:
            return None
        slopes = np.zeros((len(v), len(self.theta) if gradient else 0))
        for q in range(slopes.shape[1]):
            step = np.zeros(len(self.theta))
            step[q] = STEP * max(abs(self.theta[q]), 0.1)
            up, down = (
                self.law.expected_maximum(v, self.available, self.theta + sign * step)
                for sign in (1.0, -1.0)
            )
            slopes[:, q] = (up - down) / (2.0 * step[q])
        return Expected(value, slopes)

    def spread(self) -> tuple[Float, Float]:
        """Largest and smallest standard deviation of an error difference, both (M,).

        The smallest at least a tenth of the largest.
        """
        omega = self.law.covariance(self.theta)[None]
        if self.extra is not None:
            omega = omega + self.extra
        variance = np.einsum("mjj->mj", omega)
        differences = variance[:, :, None] + variance[:, None, :] - 2.0 * omega
        size = self.available.shape[1]
        both = self.available[:, :, None] & self.available[:, None, :] & ~np.eye(size, dtype=bool)
        largest = np.sqrt(np.where(both, differences, 0.0).max(axis=(1, 2)))
        smallest = np.sqrt(np.where(both, differences, np.inf).min(axis=(1, 2)))
        return largest, np.clip(smallest, 0.1 * largest, largest)

    def probability(
        self, v: Float, chosen: NDArray[np.int32], gradient: bool = False
    ) -> tuple[Float, Float]:
        """Probability of one alternative in each case, (M,), and its slopes by theta, (M, Q)."""
        return self._some(np.arange(len(v)), v, chosen, gradient)

    def of_alternative(self, v: Float, j: int, gradient: bool = False) -> tuple[Float, Float]:
        """The same for alternative j; 0 where it is not available."""
        out, slopes = np.zeros(len(v)), np.zeros((len(v), len(self.theta) if gradient else 0))
        rows = np.flatnonzero(self.available[:, j])
        if len(rows):
            chosen = np.full(len(rows), j, dtype=np.int32)
            out[rows], slopes[rows] = self._some(rows, v[rows], chosen, gradient)
        return out, slopes

    def probabilities(self, v: Float) -> Float:
        """Of all alternatives, (M, J): the derivatives of the expected maximum by utilities."""
        if self.extra is None:
            found: Float = self.law.probabilities(v, self.available, self.theta, self.keys)
            return found
        with_extra: Float = self.law.probabilities(
            v, self.available, self.theta, self.keys, self.extra
        )
        return with_extra

    def _some(
        self, rows: NDArray[np.intp], v: Float, chosen: NDArray[np.int32], gradient: bool
    ) -> tuple[Float, Float]:
        available, keys, v = self.available[rows], self.keys[rows], np.ascontiguousarray(v)
        more = () if self.extra is None else (self.extra[rows],)
        law = self.law.predicting().settle(v, available, chosen, keys, self.theta, 0, *more)
        part: LogProb = law.log_prob(v, available, chosen, self.theta, gradient, *more)
        p = np.exp(part.logp)
        if not gradient:
            return p, np.zeros((len(v), 0))
        return p, p[:, None] * part.dtheta


def expected_maximum(errors: Errors, v: Float, gradient: bool = False) -> Expected:
    """Expected utility of the best alternative at utilities (M, J)."""
    closed = errors.closed(v, gradient)
    if closed is not None:
        return closed
    cases = np.arange(len(v))
    best = np.where(errors.available, v, -np.inf).argmax(axis=1).astype(np.int32)
    out: Float = v[cases, best] + errors.law.error_means(errors.theta)[best]
    slopes = np.zeros((len(v), len(errors.theta) if gradient else 0))
    for q in range(slopes.shape[1]):  # of the means, which are linear
        unit = np.eye(len(errors.theta))[q]
        means = errors.law.error_means(errors.theta + unit) - errors.law.error_means(errors.theta)
        slopes[:, q] = means[best]
    scale, (t, weight) = errors.spread()[0], gauss_legendre(NODES)
    for low, high in pairwise(PIECES):
        remaining = np.zeros(len(v))
        for at, w in zip(low + (high - low) * t, weight, strict=True):
            moved = v.copy()
            moved[cases, best] += at * scale
            p, by_theta = errors.probability(moved, best, gradient)
            remaining = np.maximum(remaining, 1.0 - p)
            length = (high - low) * w * scale
            out += length * (1.0 - p)
            slopes -= length[:, None] * by_theta
        if (remaining < NOTHING).all():
            break
    return Expected(out, slopes)


def expected_gain(errors: Errors, before: Float, after: Float, gradient: bool = False) -> Expected:
    """By how much the expected maximum rises between two utilities (M, J)."""
    first, second = errors.closed(before, gradient), errors.closed(after, gradient)
    if first is not None and second is not None:
        return Expected(second.value - first.value, second.by_theta - first.by_theta)
    change = np.where(errors.available, after - before, 0.0)
    out, slopes = np.zeros(len(before)), np.zeros((len(before), len(errors.theta) * gradient))
    moving = np.flatnonzero(change.any(axis=0))
    if not len(moving):
        return Expected(out, slopes)
    unit = errors.spread()[1]
    length = float((np.ptp(change, axis=1) / np.where(unit > 0.0, unit, 1.0)).max())
    n_pieces = max(1, int(np.ceil(length / STRETCH)))
    t, weight = gauss_legendre(NODES)
    for piece in range(n_pieces):
        for at, w in zip((piece + t) / n_pieces, weight / n_pieces, strict=True):
            v = before + at * change
            for j in moving:
                p, by_theta = errors.of_alternative(v, int(j), gradient)
                out += w * p * change[:, j]
                slopes += w * by_theta * change[:, [j]]
    return Expected(out, slopes)
