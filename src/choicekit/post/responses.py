"""How choice probabilities answer to moves of a column, case by case and on average.

Each quantity comes with its analytic derivatives by the parameters: probabilities and their
Jacobians are taken at both ends of a move with the same draws, so nothing is differenced over
parameters. Axes: C cases (of a piece of the data), J alternatives, P parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.post.base import Fitted
from choicekit.post.moves import Move

__all__ = ["Average", "Quantity", "Response", "quantity", "responses", "weight_of"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Response:
    """Probabilities before and after one move in some cases.

    Attributes
    ----------
    move
        Position of the move among those asked for.
    by
        Code of the alternative whose rows moved; -1 if all did.
    cases
        Positions of the cases among all, (C,).
    available
        (C, J).
    there
        Where something moved, (C,).
    x, step
        Where the column was, and how far the ends are apart, (C,); 1 where nothing moved.
    p, now
        Probabilities where the column is, (C, J), and their derivatives (C, J, P).
    low, low_slopes, high, high_slopes
        The same at the ends of the move.
    """

    move: int
    by: int
    cases: NDArray[np.int64]
    available: Bool
    there: Bool
    x: Float
    step: Float
    p: Float
    now: Float
    low: Float
    low_slopes: Float
    high: Float
    high_slopes: Float


def responses(fit: Fitted, data: Any, moves: Sequence[Move]) -> Iterator[Response]:
    """All moves of all alternatives, in pieces of the data.

    Parameters
    ----------
    fit
        The fit.
    data
        The cases; None for those of the model.
    moves
        Of columns of these data.
    """
    params = fit.params.to_numpy(dtype=np.float64)
    choices = fit.choices(data)
    for cases, piece in choices.pieces():
        whole = len(cases) == choices.shape[0]
        layout = piece.likelihood.layout
        rows = choices.likelihood.layout.rows(cases)
        base = piece.jacobian(params)
        for m, move in enumerate(moves):
            ends = [
                end if whole or end is None else end.take(cases) for end in (move.low, move.high)
            ]
            x, step = move.x[rows], move.step[rows]
            for by in [-1] if move.together else range(choices.shape[1]):
                if by >= 0 and not (layout.alt == by).any():
                    continue
                low, high = (
                    base if end is None else _at(piece, end, by).jacobian(params) for end in ends
                )
                if by < 0:
                    there = np.ones(len(cases), dtype=np.bool_)
                    own_x, own_step = x[layout.case_ptr[:-1]], step[layout.case_ptr[:-1]]
                else:
                    there = layout.available[:, by]
                    own_x, own_step = np.zeros(len(cases)), np.ones(len(cases))
                    own_x[there], own_step[there] = x[layout.alt == by], step[layout.alt == by]
                yield Response(
                    m, by, cases, layout.available, there, own_x, own_step, *base, *low, *high
                )


def _at(piece: Any, end: Any, by: int) -> Any:
    """Probabilities with all rows, or those of one alternative, at an end of the move."""
    return piece.at(end if by < 0 else piece.likelihood.mixed_with(end, by))


@dataclass(frozen=True)
class Quantity:
    """A quantity of cases and alternatives with its derivatives.

    Attributes
    ----------
    value, slopes
        (C, J) and (C, J, P); 0 where not defined.
    defined
        Where it means something, (C, J).
    """

    value: Float
    slopes: Float
    defined: Bool


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
    difference, slopes = r.high - r.low, r.high_slopes - r.low_slopes
    possible = r.available & r.there[:, None]
    if method == "arc":
        mean, by_mean = (r.high + r.low) / 2.0, (r.high_slopes + r.low_slopes) / 2.0
        value, slopes = _ratio(difference, slopes, mean, by_mean)
        relative = change / (1.0 + change / 2.0)
        return Quantity(value / relative, slopes / relative, possible & (mean > 0.0))
    factor = np.where(r.there, 1.0 / r.step, 0.0)
    if method == "log change":
        high, by_high = _log(r.high, r.high_slopes)
        low, by_low = _log(r.low, r.low_slopes)
        value, slopes = (high - low) * factor[:, None], (by_high - by_low) * factor[:, None, None]
        return Quantity(value, slopes, possible & (r.high > 0.0) & (r.low > 0.0))
    if method in ("eyex", "dyex"):
        factor = factor * r.x
    difference, slopes = difference * factor[:, None], slopes * factor[:, None, None]
    if method in ("dydx", "dyex"):
        return Quantity(difference, slopes, np.broadcast_to(r.there[:, None], r.p.shape))
    value, slopes = _ratio(difference, slopes, r.p, r.now)
    return Quantity(value, slopes, possible & (r.p > 0.0))


def _inverse(p: Float) -> Float:
    return np.divide(1.0, p, out=np.zeros_like(p), where=p > 0.0)


def _ratio(above: Float, by_above: Float, below: Float, by_below: Float) -> tuple[Float, Float]:
    """``above / below`` with its derivatives; 0 where below is 0."""
    inverse = _inverse(below)
    value = above * inverse
    return value, (by_above - value[:, :, None] * by_below) * inverse[:, :, None]


def _log(p: Float, slopes: Float) -> tuple[Float, Float]:
    """``log p`` with its derivatives; 0 where p is 0."""
    value = np.log(p, out=np.zeros_like(p), where=p > 0.0)
    return value, slopes * _inverse(p)[:, :, None]


def weight_of(
    r: Response, q: Quantity, weights: Float, average: str, arc: bool = False
) -> tuple[Float, Float | None]:
    """Weights (C, J) of an average and their derivatives (C, J, P), None where they have none.

    By probability every case counts, also those where nothing moved: their probabilities are part
    of the expected share. Else those where the quantity is defined.
    """
    own = weights[r.cases][:, None]
    if average == "probability":
        if arc:
            return own * (r.high + r.low) / 2.0, own[:, :, None] * (
                r.high_slopes + r.low_slopes
            ) / 2.0
        return own * r.p, own[:, :, None] * r.now
    return own * q.defined, None


class Average:
    """Weighted means over cases that come in pieces, with derivatives by the parameters."""

    def __init__(self, n_alternatives: int, n_params: int) -> None:
        self._above, self._below = np.zeros(n_alternatives), np.zeros(n_alternatives)
        self._by_above = np.zeros((n_alternatives, n_params))
        self._by_below = np.zeros((n_alternatives, n_params))

    def add(self, q: Quantity, weight: Float, by_weight: Float | None) -> None:
        """Take a piece along."""
        self._above += (weight * q.value).sum(axis=0)
        self._below += weight.sum(axis=0)
        self._by_above += np.einsum("cj,cjp->jp", weight, q.slopes)
        if by_weight is not None:
            self._by_above += np.einsum("cjp,cj->jp", by_weight, q.value)
            self._by_below += by_weight.sum(axis=0)

    def result(self) -> tuple[Float, Float]:
        """Means (J,), NaN where there is no weight, and their derivatives (J, P)."""
        value, slopes = _ratio(
            self._above[None], self._by_above[None], self._below[None], self._by_below[None]
        )
        return np.where(self._below > 0.0, value[0], np.nan), slopes[0]
