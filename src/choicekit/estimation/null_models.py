"""Log-likelihoods to measure a model against: equal shares and constants only.

Axes: C cases, J alternatives, L rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.estimation.optimize import newton
from choicekit.numerics.logit import logit_evaluate

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
    """By Newton's method; alternatives that nobody chose have probability zero and drop out."""
    live = counts > 0
    others = np.flatnonzero(live)[1:]
    if len(others) * layout.n_rows > LARGEST_DESIGN:
        return None
    rows = live[layout.alt]
    kept = np.cumsum(rows) - 1
    sizes = np.bincount(layout.case[rows], minlength=layout.n_cases)
    case_ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    chosen = kept[layout.chosen].astype(np.int64)
    dummies = (layout.alt[rows][None, :] == others[:, None]).astype(np.float64)
    if signs is not None:
        dummies *= signs[layout.case[rows]]

    def evaluate(beta: Float, with_hessian: bool) -> tuple[float, Float, Float]:
        found = logit_evaluate(dummies, case_ptr, chosen, layout.weights, beta)
        return found.value, found.gradient, found.hessian

    return newton(evaluate, np.zeros(len(others)), 1e-6, 100).value
