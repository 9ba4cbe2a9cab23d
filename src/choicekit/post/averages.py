"""Elasticities and their like from responses, and averages of them over cases.

Axes: C cases (of a piece of the data), J alternatives, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.post.responses import Response
from choicekit.post.slopes import Slopes

__all__ = ["Average", "Known", "Part", "Quantity", "part_of", "quantity"]

Float = NDArray[np.float64]
Terms = list[tuple[Float, Slopes]]  # factors (C, J) of derivatives; the sum is meant


@dataclass(frozen=True)
class Quantity:
    """A quantity of cases and alternatives with its derivatives.

    Attributes
    ----------
    value
        (C, J); 0 where not defined.
    terms
        Derivatives by the parameters, as a weighted sum.
    defined
        Where it means something, (C, J).
    """

    value: Float
    terms: Terms
    defined: NDArray[np.bool_]

    def rows(self, cases: NDArray[np.intp], alternatives: NDArray[np.intp]) -> Float:
        """Derivatives of some cases and alternatives, (n, P)."""
        found: Float = np.sum(
            [
                factor[cases, alternatives][:, None] * slopes.rows(cases, alternatives)
                for factor, slopes in self.terms
            ],
            axis=0,
        )
        return found


def quantity(r: Response, method: str, change: float = 0.0) -> Quantity:
    """Effect of a move on each probability.

    Parameters
    ----------
    r
        The move.
    method
        ``"dydx"`` a derivative (or, where the step is 1, a difference), ``"eyex"`` an elasticity,
        ``"dyex"`` and ``"eydx"`` what is half of each; ``"log change"`` the difference of the
        logarithms; ``"arc"`` the difference over the mean of the ends.
    change
        For arcs: the column's difference over its mean is ``change / (1 + change / 2)``.
    """
    there = np.broadcast_to(r.there[:, None], r.now.value.shape)
    possible = r.available & there & (r.now.value > 0.0)
    if method in ("arc", "log change"):
        return _between(r, method, change, possible)
    x = (r.x if method in ("eyex", "dyex") else np.ones(len(r.x)))[:, None]
    value = r.rate.value * x
    if method in ("dydx", "dyex"):
        return Quantity(value, [(there * x, r.rate.slopes)], there)
    inverse = _inverse(r.now.value) * possible
    value = value * inverse
    terms: Terms = [(x * inverse, r.rate.slopes), (-value * inverse, r.now.slopes)]
    return Quantity(value, terms, possible)


def _between(r: Response, method: str, change: float, possible: NDArray[np.bool_]) -> Quantity:
    """Relative differences between the ends of a move."""
    assert r.low is not None
    assert r.high is not None
    low, high = r.low.value, r.high.value
    possible = possible & (low > 0.0) & (high > 0.0)
    if method == "log change":
        span = np.where(possible, 1.0, 0.0) / r.span[:, None]
        logs = [np.log(p, out=np.zeros_like(p), where=p > 0.0) for p in (low, high)]
        above, below = span * _inverse(high), -span * _inverse(low)
        value = (logs[1] - logs[0]) * span
    else:
        relative = change / (1.0 + change / 2.0)
        inverse = _inverse((high + low) / 2.0) * possible / relative
        value = (high - low) * inverse
        half = value * inverse * relative / 2.0
        above, below = inverse - half, -inverse - half
    return Quantity(value, [(above, r.high.slopes), (below, r.low.slopes)], possible)


def _inverse(p: Float) -> Float:
    return np.divide(1.0, p, out=np.zeros_like(p), where=p > 0.0)


@dataclass(frozen=True)
class Part:
    """What some cases add to a weighted mean: to the sum above and to the weights below, (C, J)."""

    above: Float
    above_terms: Terms
    below: Float
    below_terms: Terms


def part_of(r: Response, method: str, weights: Float, average: str, change: float = 0.0) -> Part:
    """What the cases of a response add to the average of a quantity.

    By probability every case counts below, also those where nothing moved: their probabilities
    are part of the expected share. Else those where the quantity is defined.

    Parameters
    ----------
    r, method, change
        As for `quantity`.
    weights
        Of all cases.
    average
        ``"probability"`` or ``"mean"``.
    """
    own = np.broadcast_to(weights[r.cases][:, None], r.now.value.shape)
    if average != "probability":
        q = quantity(r, method, change)
        above_terms = [(own * factor, slopes) for factor, slopes in q.terms]
        return Part(own * q.value, above_terms, own * q.defined, [])
    if method == "eyex":  # the probability of the weight and that below the derivative cancel
        q = quantity(r, "dyex")
        above_terms = [(own * factor, slopes) for factor, slopes in q.terms]
        return Part(own * q.value, above_terms, own * r.now.value, [(own, r.now.slopes)])
    if method == "arc":
        assert r.low is not None
        assert r.high is not None
        share = own * (1.0 + change / 2.0) / change
        difference = share * (r.high.value - r.low.value)
        mean = own * (r.low.value + r.high.value) / 2.0
        return Part(
            difference,
            [(share, r.high.slopes), (-share, r.low.slopes)],
            mean,
            [(own / 2.0, r.low.slopes), (own / 2.0, r.high.slopes)],
        )
    q, p = quantity(r, method, change), r.now.value
    above_terms = [(own * p * factor, slopes) for factor, slopes in q.terms]
    above_terms.append((own * q.value, r.now.slopes))
    return Part(own * p * q.value, above_terms, own * p, [(own, r.now.slopes)])


class Average:
    """Weighted means over cases that come in pieces, with derivatives by the parameters."""

    def __init__(self, n_alternatives: int, n_params: int) -> None:
        self._above, self._below = np.zeros(n_alternatives), np.zeros(n_alternatives)
        self._by_above = np.zeros((n_alternatives, n_params))
        self._by_below = np.zeros((n_alternatives, n_params))

    def add(self, part: Part, known: Known) -> None:
        """Take a piece along; ``known`` remembers sums below that many averages share."""
        self._above += part.above.sum(axis=0)
        self._below += part.below.sum(axis=0)
        for factor, slopes in part.above_terms:
            self._by_above += slopes.total(factor)
        for factor, slopes in part.below_terms:
            self._by_below += known.total(factor, slopes)

    def result(self) -> tuple[Float, Float]:
        """Means (J,), NaN where there is no weight, and their derivatives (J, P)."""
        some = self._below > 0.0
        below = np.where(some, self._below, 1.0)
        value = self._above / below
        slopes = (self._by_above - value[:, None] * self._by_below) / below[:, None]
        return np.where(some, value, np.nan), slopes


class Known:
    """The last sum, for those who ask for the same again."""

    def __init__(self) -> None:
        self._last: tuple[Float, Slopes, Float] | None = None

    def total(self, weights: Float, slopes: Slopes) -> Float:
        """``slopes.total(weights)``."""
        last = self._last
        if last is not None and last[1] is slopes and np.array_equal(last[0], weights):
            return last[2]
        found = slopes.total(weights)
        self._last = (weights, slopes, found)
        return found
