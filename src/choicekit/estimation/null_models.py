"""Log-likelihoods to measure a model against: equal shares and constants only.

Axes: C cases, J alternatives, L rows, S choice sets that differ.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.estimation.optimize import newton

__all__ = ["constants_only", "equal_shares"]

Float = NDArray[np.float64]

LARGEST_DESIGN = 50_000_000  # cells of the constants' dummies that are worth building


def equal_shares(layout: Layout) -> float:
    """Log-likelihood when all available alternatives are equally likely."""
    logs = -np.log(layout.sizes.astype(np.float64))
    return float(logs.sum() if layout.weights is None else layout.weights @ logs)


def constants_only(layout: Layout, worst: NDArray[np.bool_] | None = None) -> float | None:
    """Maximal log-likelihood of a logit with a constant for each alternative and nothing else.

    In closed form where all alternatives are always available (sample shares), else fitted. None
    where the alternatives are too many for that. It serves the probit as well: with equal choice
    sets the constants-only probit gives the same shares and so the same value.

    Parameters
    ----------
    layout
        Choice sets and choices.
    worst
        Cases whose chosen alternative is the worst, (C,); None where there are none.
    """
    if worst is not None:  # one set of constants, with both signs
        offered = np.bincount(layout.alt, minlength=layout.n_alternatives)
        return _fitted(layout, offered.astype(np.float64), np.where(worst, -1.0, 1.0))
    chosen = layout.chosen_alt
    weights = np.ones(layout.n_cases) if layout.weights is None else layout.weights
    counts = np.zeros(layout.n_alternatives) + np.bincount(
        chosen, weights=weights, minlength=layout.n_alternatives
    )
    if layout.complete:
        taken = counts[counts > 0]
        return float(taken @ np.log(taken / taken.sum()))
    return _fitted(layout, counts)


def _fitted(layout: Layout, counts: Float, signs: Float | None = None) -> float | None:
    """By Newton's method; alternatives that nobody chose have probability zero and drop out.

    Cases with the same choice set count together, so that the work hardly grows with their number.
    """
    live = np.flatnonzero(counts > 0)
    if (len(live) - 1) * layout.n_rows > LARGEST_DESIGN:
        return None
    counted = counts[layout.chosen_alt] > 0  # all others have weight zero
    weights = np.ones(layout.n_cases) if layout.weights is None else layout.weights
    signs = None if signs is None else signs[counted]
    sets, which = _choice_sets(layout.available[np.ix_(counted, live)], signs)
    taken = np.zeros(sets.shape)
    column = np.searchsorted(live, layout.chosen_alt[counted])
    np.add.at(taken, (which, column), weights[counted])
    sign = np.ones(len(sets))
    if signs is not None:
        sign[which] = signs

    def evaluate(beta: Float, _: bool) -> tuple[float, Float, Float]:
        return _evaluated(sets, taken, sign, beta)

    return newton(evaluate, np.zeros(len(live) - 1), 1e-6, 100).value


def _choice_sets(
    available: NDArray[np.bool_], signs: Float | None
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """The choice sets that differ, in signs too, (S, J), and which is each case's, (C,)."""
    bits = available if signs is None else np.column_stack([available, signs > 0.0])
    packed = np.packbits(bits, axis=1)
    wide = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    wide[:, : packed.shape[1]] = packed
    words = wide.view(np.uint64)  # whole numbers are sorted faster than rows
    found = np.unique(
        words[:, 0] if words.shape[1] == 1 else words,
        axis=None if words.shape[1] == 1 else 0,
        return_index=True,
        return_inverse=True,
    )
    return available[found[1]], found[2].reshape(-1)


def _evaluated(
    sets: NDArray[np.bool_], taken: Float, sign: Float, beta: Float
) -> tuple[float, Float, Float]:
    """Log-likelihood of constants (J - 1,) with its gradient and Hessian; the first one's is 0.

    ``taken`` are the choices of each alternative in each set, (S, J), ``sign`` that of the
    utilities in it, (S,).
    """
    v = np.where(sets, sign[:, None] * np.concatenate([[0.0], beta]), -np.inf)
    v -= v.max(axis=1, keepdims=True)
    p = np.exp(v)
    total = p.sum(axis=1, keepdims=True)
    p /= total
    value = float((taken * np.where(sets, v - np.log(total), 0.0)).sum())
    n = taken.sum(axis=1, keepdims=True)
    gradient = (sign[:, None] * (taken - n * p)).sum(axis=0)
    hessian = (n * p).T @ p - np.diag((n * p).sum(axis=0))
    return value, gradient[1:], hessian[1:, 1:]
