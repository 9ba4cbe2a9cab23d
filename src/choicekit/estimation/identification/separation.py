"""Separation of the choices by the covariates, found before the fit by linear programming.

Where some combination b of the coefficients gives the chosen alternative of every case at least
the utility of every other one, ``(x_chosen - x_other)' b >= 0``, and somewhere more, the
likelihood rises for ever along b and has no maximum: *complete* separation if somewhere is
everywhere, *quasi-complete* otherwise (Albert & Anderson 1984, Biometrika 71, 1-10; Konis 2007,
thesis, Oxford, for the linear program).

Axes: C cases, L rows, K coefficients, R rows not chosen (= L - C), A rows of them in the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.estimation.identification.directions import NullDirection
from choicekit.estimation.identification.report import Check

__all__ = ["Separation", "find_separation", "separation_check"]

Float = NDArray[np.float64]
Index = NDArray[np.int64]

TOLERANCE = 1e-6  # of a difference in utility; covariates are scaled to differences of at most 1
STRICT = 1e-4  # a difference that counts as one
FIRST_ROWS, MORE_ROWS = 500, 500
MAX_ROUNDS = 60
MAX_DIRECTIONS = 4


@dataclass(frozen=True)
class Separation:
    """How the covariates separate the choices.

    Attributes
    ----------
    directions
        Combinations of coefficients that run to infinity, the sparsest found, one after the
        other; empty if there is no separation.
    share
        Share of the comparisons between the chosen and another alternative that they decide:
        1 for complete separation.
    decided
        Whether the search came to an end.
    """

    directions: tuple[NullDirection, ...]
    share: float
    decided: bool


@dataclass(frozen=True)
class _Comparisons:
    """Differences ``x_chosen - x_other``, scaled, made where they are needed.

    Attributes
    ----------
    x
        Regressors (L, K).
    chosen, other
        Rows of x that are compared, (R,).
    scale
        Largest absolute difference of each regressor, (K,).
    """

    x: Float
    chosen: Index
    other: Index
    scale: Float

    def rows(self, which: Index) -> Float:
        """Some of the differences, (A, K)."""
        some: Float = self.x[self.chosen[which]] - self.x[self.other[which]]
        return some / self.scale

    def slack(self, b: Float) -> Float:
        """``(x_chosen - x_other)' b`` of all rows, (R,)."""
        v = self.x @ (b / self.scale)
        slack: Float = v[self.chosen] - v[self.other]
        return slack

    def total(self, which: Index) -> Float:
        """Sum of the differences over some rows, (K,), its largest element 1."""
        n = len(self.x)
        signs = np.bincount(self.chosen[which], minlength=n) - np.bincount(
            self.other[which], minlength=n
        )
        total = (self.x.T @ signs.astype(np.float64)) / self.scale
        return total / max(float(np.abs(total).max(initial=0.0)), 1e-300)


def find_separation(x: Float, layout: Layout, names: Sequence[str]) -> Separation:
    """Look for separation, by the program ``max sum_r d_r' b, d_r' b >= 0, -1 <= b <= 1``.

    It starts with some hundred rows and takes in those that its solution violates: what cannot
    separate some of the rows cannot separate all, so that few rows are ever needed. Rows that a
    direction found decides are then left out and the rest is searched again, so that every
    combination that runs off is named and complete separation is told from quasi-complete.

    Parameters
    ----------
    x
        Regressors (L, K).
    layout
        Choice sets and choices; cases of weight zero do not count.
    names
        K names.
    """
    data = _comparisons(x, layout)
    remaining = np.arange(len(data.other))
    active = remaining[:: max(1, len(remaining) // FIRST_ROWS)]
    found: list[NullDirection] = []
    decided = True
    while len(remaining) and x.shape[1] and len(found) < MAX_DIRECTIONS:
        b, active, decided = _search(data, remaining, np.intersect1d(active, remaining))
        if b is None:
            break
        remaining = remaining[data.slack(b)[remaining] <= STRICT]
        found.append(_named(b, data.scale, names))
    share = 1.0 - len(remaining) / max(1, len(data.other))
    return Separation(tuple(found), share, decided)


def _comparisons(x: Float, layout: Layout) -> _Comparisons:
    """Pair every row that was not chosen with the chosen one of its case."""
    chosen = layout.chosen[layout.case]
    other = np.arange(layout.n_rows)
    compared = (chosen != other) & (chosen >= 0)
    if layout.weights is not None:
        compared &= layout.weights[layout.case] > 0.0
    chosen, other = chosen[compared], other[compared]
    largest = [float(np.abs(column[chosen] - column[other]).max(initial=0.0)) for column in x.T]
    scale = np.array([size if size > 0.0 else 1.0 for size in largest])
    return _Comparisons(x, chosen, other, scale)


def _search(
    data: _Comparisons, remaining: Index, active: Index
) -> tuple[Float | None, Index, bool]:
    """Find the sparsest direction that separates, if any; the rows used; and whether it is sure."""
    total = data.total(remaining)
    value: float | None = None
    for _ in range(MAX_ROUNDS):
        b = _solve(data.rows(active), total, value)
        if b is None:
            return None, active, False
        if np.abs(b).max() < 0.5 and value is None:
            return None, active, True  # a direction that separates could be followed to the box
        slack = data.slack(b)[remaining]
        wrong = np.flatnonzero(slack < -TOLERANCE)
        if len(wrong):
            worst = wrong[np.argsort(slack[wrong])[:MORE_ROWS]]
            active = np.union1d(active, remaining[worst])
        elif not (slack > STRICT).any():
            return None, active, True  # rounding along regressors that are nearly dependent
        elif value is None:
            value = float(total @ b)  # there is one: now the one with the fewest coefficients
        else:
            return b, active, True
    return None, active, False


def _solve(differences: Float, total: Float, value: float | None) -> Float | None:
    """Solve the program on some rows (A, K), or the smallest ``sum |b|`` with its value.

    None if the solver gives up.
    """
    from scipy.optimize import linprog

    k = len(total)
    zeros = np.zeros(len(differences))
    if value is None:
        found = linprog(-total, A_ub=-differences, b_ub=zeros, bounds=(-1.0, 1.0), method="highs")
        return found.x if found.success else None
    halves = np.hstack([-differences, differences])  # b as the difference of two positive parts
    equal = np.concatenate([total, -total])[None, :]
    found = linprog(np.ones(2 * k), halves, zeros, equal, [value], bounds=(0, None), method="highs")
    return found.x[:k] - found.x[k:] if found.success else None


def _named(b: Float, scale: Float, names: Sequence[str]) -> NullDirection:
    """Name the coefficients that take part and give their loadings in the units of x."""
    member = np.flatnonzero(np.abs(b) > 1e-5 * np.abs(b).max())
    loads = (b / scale)[member]
    loads = loads / np.abs(loads).max()
    return NullDirection(tuple(names[int(k)] for k in member), tuple(float(load) for load in loads))


def separation_check(found: Separation) -> Check:
    """Put the result of the search into words."""
    if not found.directions:
        if found.decided:
            return Check(
                "separation",
                "ok",
                "No combination of the regressors predicts a choice for certain.",
            )
        message = "The linear program did not come to an end, so separation cannot be excluded."
        return Check("separation", "weak", message)
    names = tuple(dict.fromkeys(name for d in found.directions for name in d.names))
    what = "; ".join(direction.brief() for direction in found.directions)
    extent = "every choice without error (complete separation)"
    if found.share < 1.0:
        extent = (
            f"{100.0 * found.share:.2g}% of the comparisons with the chosen alternative without "
            "error, while the others stay open (quasi-complete separation)"
        )
    message = f"{what} predicts {extent}, so the estimates run to infinity."
    cure = (
        "leave the covariate out, check that it is not made from the choice itself, or merge "
        "alternatives or categories."
    )
    return Check("separation", "error", message, names, cure)
