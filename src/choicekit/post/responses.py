"""How choice probabilities answer to moves of a column, case by case and on average.

Each quantity comes with its derivatives by the parameters: probabilities and their Jacobians are
taken at both ends of a move with the same draws, so nothing is differenced over parameters. Small
moves of models whose coefficients are the same for everybody take a shorter way, through
derivatives by the utilities. Axes: C cases (of a piece of the data), J alternatives, L rows, K
coefficients, P parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.post.base import Fitted
from choicekit.post.moves import Move
from choicekit.post.slopes import Dense, Shift, Slopes, ThroughUtilities

__all__ = ["Response", "Values", "responses"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

MOST_ALTERNATIVES = 16  # for which J^3 second derivatives a case are fewer than both ends' numbers


@dataclass(frozen=True)
class Values:
    """Numbers of each case and alternative, (C, J), and their derivatives by the parameters."""

    value: Float
    slopes: Slopes


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
    x
        Where the column was, (C,).
    now
        Probabilities where the column is.
    rate
        Difference of the probabilities between the ends over that of the column; 0 where nothing
        moved.
    span
        How far the ends are apart, (C,); infinite where nothing moved.
    low, high
        Probabilities at the ends; None where only the rate was asked for.
    """

    move: int
    by: int
    cases: NDArray[np.int64]
    available: Bool
    there: Bool
    x: Float
    now: Values
    rate: Values
    span: Float
    low: Values | None = None
    high: Values | None = None


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
    size = choices.shape[1]
    small = all(move.small for move in moves) and choices.likelihood.through_utilities
    small = small and size <= MOST_ALTERNATIVES
    for cases, piece in choices.pieces(size**3 // 8 if small else 0):
        whole = len(cases) == choices.shape[0]
        rows = choices.likelihood.layout.rows(cases)
        taken = [move if whole else move.take(cases, rows) for move in moves]
        find = _by_utilities if small else _by_ends
        yield from find(piece, params, taken, cases)


def _alternatives(move: Move, layout: Any) -> list[int]:
    """Codes of the alternatives whose rows move; -1 for all together."""
    return [-1] if move.together else [int(code) for code in np.unique(layout.alt)]


def _of_cases(values: Float, by: int, layout: Any, fill: float) -> Float:
    """What a case's rows share, or what its row of one alternative has, (C,)."""
    if by < 0:
        return np.asarray(values[layout.case_ptr[:-1]])
    out = np.full(layout.n_cases, fill)
    out[layout.available[:, by]] = values[layout.alt == by]
    return out


def _by_ends(
    piece: Any, params: Float, moves: Sequence[Move], cases: NDArray[np.int64]
) -> Iterator[Response]:
    """Probabilities at both ends of each move."""
    layout = piece.likelihood.layout
    available, now = layout.available, _values(piece, params)
    for m, move in enumerate(moves):
        for by in _alternatives(move, layout):
            there = np.ones(len(cases), dtype=np.bool_) if by < 0 else available[:, by]
            low, high = (
                now if end is None else _values(_at(piece, end, by), params)
                for end in (move.low, move.high)
            )
            step = _of_cases(move.step, by, layout, np.inf)
            step = np.where(step == 0.0, np.inf, step)  # a zero does not grow by a share
            difference = (high.value - low.value) / step[:, None]
            slopes = _array(high) - _array(low)
            slopes /= step[:, None, None]
            rate = Values(difference, Dense(slopes))
            x = _of_cases(move.x, by, layout, 0.0)
            yield Response(m, by, cases, available, there, x, now, rate, step, low, high)


def _at(piece: Any, end: Any, by: int) -> Any:
    """Probabilities with all rows, or those of one alternative, at an end of the move."""
    return piece.at(end if by < 0 else piece.likelihood.mixed_with(end, by))


def _values(choices: Any, params: Float) -> Values:
    p, slopes = choices.jacobian(params)
    return Values(p, Dense(slopes))


def _array(values: Values) -> Float:
    assert isinstance(values.slopes, Dense)
    return values.slopes.array


def _by_utilities(
    piece: Any, params: Float, moves: Sequence[Move], cases: NDArray[np.int64]
) -> Iterator[Response]:
    """Rates by the chain rule: ``dP_j / dx = sum_k dP_j / dV_k dV_k / dx``."""
    likelihood, layout = piece.likelihood, piece.likelihood.layout
    beta, available = likelihood.split(params)[0], layout.available
    found, x = piece.curvature(params), likelihood.regressors(likelihood.split(params)[0])
    now = Values(found.p, ThroughUtilities(layout, x, found.by_v, found.by_theta))
    for m, move in enumerate(moves):
        of_rows = (move.high.row_utilities(beta) - move.low.row_utilities(beta)) / move.step
        d = (move.high.regressors(beta) - move.low.regressors(beta)) / move.step[:, None]
        columns = np.flatnonzero((d != 0.0).any(axis=0))
        changes = [layout.scatter(np.ascontiguousarray(d[:, k]), 0.0) for k in columns]
        dv = layout.scatter(of_rows, 0.0)
        for by in _alternatives(move, layout):
            there = np.ones(len(cases), dtype=np.bool_) if by < 0 else available[:, by]
            which = [by] if by >= 0 else list(range(dv.shape[1]))
            shifts = tuple(
                Shift(
                    columns, np.stack([change[:, k] for change in changes], 1), found.by_v[:, :, k]
                )
                for k in which
                if changes
            )
            if by >= 0:  # one utility moves
                own = dv[:, by, None]
                value = found.by_v[:, :, by] * own
                by_x = found.by_vv[:, :, by] * own[:, :, None]
                by_theta = found.by_v_theta[:, :, by] * own[:, :, None]
            else:
                value = np.einsum("cjk,ck->cj", found.by_v, dv)
                by_x = np.einsum("cjkm,ck->cjm", found.by_vv, dv)
                by_theta = np.einsum("cjkq,ck->cjq", found.by_v_theta, dv)
            rate = Values(value, ThroughUtilities(layout, x, by_x, by_theta, shifts))
            of_cases = _of_cases(move.x, by, layout, 0.0)
            span = _of_cases(move.step, by, layout, np.inf)
            yield Response(m, by, cases, available, there, of_cases, now, rate, span)
