"""Identification of a model with one index a case and ordered thresholds.

Axes: C cases, J alternatives, L rows, K coefficients, R comparisons with a threshold.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.estimation.identification.directions import null_directions
from choicekit.estimation.identification.report import Check, refuse
from choicekit.estimation.identification.separation import Separation, find_separation

__all__ = [
    "find_index_separation",
    "index_checks",
    "index_information",
    "require_index_identified",
]

Float = NDArray[np.float64]


def require_index_identified(
    x: Float,
    layout: Layout,
    names: Sequence[str],
    alternatives: Sequence[Hashable],
    sequence: NDArray[np.intp],
) -> Float:
    """Raise unless the coefficients of the index and the thresholds can be told apart.

    Parameters
    ----------
    x
        Regressors (L, K), the same in all rows of a case.
    layout
        Choice sets and choices.
    names
        Names of the coefficients.
    alternatives
        J labels.
    sequence
        Codes of the categories from the lowest to the highest, (J,).

    Returns
    -------
    ndarray
        `index_information`, (K, K).

    Raises
    ------
    IdentificationError
        Naming the coefficients involved, or the category that nobody chose.
    """
    information = index_information(x, layout, sequence)
    refuse(index_checks(information, layout, names, alternatives))
    return information


def index_information(x: Float, layout: Layout, sequence: NDArray[np.intp]) -> Float:
    """Information (K, K) about the coefficients at zero, the thresholds at the shares: a logit's.

    A category between the cumulative shares F and G has the score ``1 - F - G`` by the index
    (McCullagh 1980). The thresholds take the place of a constant, so what is the same in all
    cases says nothing.
    """
    first = x[layout.case_ptr[:-1]]
    weights = np.ones(len(first)) if layout.weights is None else layout.weights
    taken = np.bincount(layout.chosen_alt, weights=weights, minlength=layout.n_alternatives)
    ends = np.concatenate([[0.0], np.cumsum(taken[sequence] / weights.sum())])
    density = float(np.diff(ends) @ (1.0 - ends[:-1] - ends[1:]) ** 2)
    centred = first - weights @ first / weights.sum()
    result: Float = density * centred.T @ (centred * weights[:, None])
    return result


def index_checks(
    information: Float, layout: Layout, names: Sequence[str], alternatives: Sequence[Hashable]
) -> list[Check]:
    """Rank of the regressors over cases, and categories that nobody chose."""
    checks = []
    for direction in null_directions(information, names):
        if len(direction.names) == 1:
            message = f"{direction.names[0]!r} is the same in all cases: the thresholds take it up."
            cure = "leave it out."
        else:
            message = (
                f"the combination {direction} is the same in all cases, so these coefficients "
                "cannot be told apart."
            )
            cure = "leave one of them out."
        checks.append(Check("coefficients", "error", message, direction.names, cure))
    if not checks:
        text = f"Over the cases the {len(names)} regressors vary, each in its own way."
        checks.append(Check("coefficients", "ok", text))
    weights = np.ones(layout.n_cases) if layout.weights is None else layout.weights
    taken = np.bincount(layout.chosen_alt, weights=weights, minlength=layout.n_alternatives)
    never = [label for j, label in enumerate(alternatives) if taken[j] == 0.0]
    for label in never:
        message = f"{label!r} is never chosen, so the thresholds beside it cannot be told apart."
        cure = f"leave {label!r} out of alternatives=, or merge it with its neighbour."
        checks.append(Check("thresholds", "error", message, (), cure))
    if not never:
        checks.append(Check("thresholds", "ok", "Every category is chosen by somebody."))
    return checks


def find_index_separation(
    x: Float, layout: Layout, names: Sequence[str], sequence: NDArray[np.intp]
) -> Separation:
    """Look for combinations of coefficients and thresholds that predict for certain.

    The likelihood rises for ever along a direction (b, c) in which no index falls below the
    lower threshold of its category, ``x'b >= c_(j-1)``, or rises above the upper, ``c_j >= x'b``,
    and some move away from theirs. Each such inequality is a comparison of two rows.

    Parameters
    ----------
    x, layout
        As for `require_index_identified`.
    names
        Names of the coefficients and then of the J - 1 thresholds.
    sequence
        Codes of the categories from the lowest to the highest, (J,).
    """
    n_cuts = len(sequence) - 1
    first, place = x[layout.case_ptr[:-1]], np.argsort(sequence)[layout.chosen_alt]
    cuts, lower, upper = np.eye(n_cuts), place > 0, place < n_cuts
    over = np.hstack([first[lower], -cuts[place[lower] - 1]])
    under = np.hstack([-first[upper], cuts[place[upper]]])
    signed = np.vstack([over, under])
    rows = np.zeros((2 * len(signed), signed.shape[1]), order="F")
    rows[::2] = signed
    weights = None
    if layout.weights is not None:
        weights = np.concatenate([layout.weights[lower], layout.weights[upper]])
    pairs = Layout(
        alt=np.tile(np.arange(2, dtype=np.int32), len(signed)),
        case_ptr=np.arange(0, 2 * len(signed) + 1, 2, dtype=np.int64),
        chosen=np.arange(0, 2 * len(signed), 2, dtype=np.int64),
        n_alternatives=2,
        weights=weights,
    )
    return find_separation(rows, pairs, names)
