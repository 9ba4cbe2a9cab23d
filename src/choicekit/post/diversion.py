"""Where the choices of an alternative go when it is removed, or gets a little worse.

The diversion ratio from r to j is the share of r's choices that j gains (Conlon & Mortimer 2021).
Axes: C cases, J alternatives, P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean
from choicekit.post.base import Fitted, weights_of
from choicekit.post.changes import require_removable
from choicekit.post.delta import interval_columns, require_alpha, standard_errors
from choicekit.post.elasticities import cases_of, effects_of
from choicekit.post.moves import find_column, infinitesimal, require_number

__all__ = ["diversion"]

Float = NDArray[np.float64]


def diversion(
    fit: Fitted, data: Any, removed: Any = None, x: Hashable | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Diversion ratios with standard errors; see ``FitResults.diversion``.

    ``data`` is None for the estimation sample.
    """
    if x is None:
        require_removable(fit.model)
    data = cases_of(fit, data, None)
    where = fit.model.data if data is None else data
    labels, cov = list(where.alternatives), fit.cov.to_numpy(dtype=np.float64)
    require_alpha(alpha)
    frames = []
    found = _marginal(fit, data, where, x) if x is not None else None
    for code in _codes(removed, where):
        gained, slopes, lost = _removal(fit, data, code) if found is None else found[code]
        lost_slopes = slopes[code]
        if not lost:
            raise SpecificationError(
                f"{labels[code]!r} has no choices to divert: no case has it beside another "
                "alternative, or the column has no effect."
            )
        ratio = gained / lost
        by_params = (slopes + ratio[:, None] * lost_slopes) / lost
        errors = standard_errors(by_params, cov, ratio)
        columns: dict[str, Any] = {"removed": [labels[code]] * len(labels), "to": labels}
        frame = pd.DataFrame({**columns, **interval_columns(ratio, errors, alpha)})
        together = where.layout.available[where.layout.available[:, code]].any(axis=0)
        together[code] = False
        frames.append(frame[together])
    table: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return table


def _codes(removed: Any, where: Any) -> list[int]:
    """Codes of the alternatives named; all that are ever available by default."""
    labels = list(where.alternatives)
    if removed is None:
        return [int(code) for code in np.unique(where.layout.alt)]
    listed = isinstance(removed, list | tuple) and removed not in labels
    found = []
    for label in removed if listed else [removed]:
        if label not in labels:
            raise SpecificationError(
                f"{label!r} cannot be removed: it is no alternative.{did_you_mean(label, labels)} "
                f"There are: {', '.join(map(repr, labels))}."
            )
        found.append(labels.index(label))
    return found


def _removal(fit: Fitted, data: Any, code: int) -> tuple[Float, Float, float]:
    """What each alternative gains (J,), its derivatives (J, P), and what the removed one loses.

    Sums over the cases that have the alternative and another one. Its own gain is what it loses,
    with the opposite sign.
    """
    params = fit.params.to_numpy(dtype=np.float64)
    choices = fit.choices(data)
    weights = weights_of((fit.model.data if data is None else data).layout)
    gained, slopes = np.zeros(choices.shape[1]), np.zeros((choices.shape[1], len(params)))
    for cases, piece in choices.pieces():
        available = piece.likelihood.layout.available
        own = np.flatnonzero(available[:, code] & (available.sum(axis=1) > 1))
        if len(own) == 0:
            continue
        some = piece.take(own)
        before, by_before = some.jacobian(params)
        after, by_after = some.without(code).jacobian(params)
        gained += weights[cases[own]] @ (after - before)
        slopes += np.einsum("c,cjp->jp", weights[cases[own]], by_after - by_before)
    return gained, slopes, -float(gained[code])


def _marginal(
    fit: Fitted, data: Any, where: Any, x: Hashable
) -> dict[int, tuple[Float, Float, float]]:
    """The same, by a small change of the column x of each alternative."""
    column = find_column(fit, where, x)
    require_number(column, "derivative", "leave x out: the alternative is removed instead.")
    if column.together:
        raise SpecificationError(
            f"The column {x!r} is the same for all alternatives of a case, so none alone gets "
            "worse by it. Cure: a column that differs, such as a cost."
        )
    moves = [infinitesimal(fit, where, column)]
    labels = list(where.alternatives)
    return {
        labels.index(effect.by): (
            effect.values,
            effect.slopes,
            -float(effect.values[labels.index(effect.by)]),
        )
        for effect in effects_of(fit, data, moves, ["dydx"], "mean")
    }
