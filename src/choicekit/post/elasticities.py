"""Elasticities and marginal effects of any choice model, with delta-method standard errors.

With ``E = (dP_j / dx_k) (x_k / P_j)`` in each case, the elasticity of the expected share
``sum_n w_n P_nj`` is the mean of E weighted by ``w_n P_nj`` (Ben-Akiva & Lerman 1985, section 5.3;
Train 2009, section 3.6). Axes: C cases, J alternatives, P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, unknown
from choicekit.post.averages import Average, Known, part_of, quantity
from choicekit.post.base import Fitted, weights_of
from choicekit.post.delta import interval_columns, require_alpha, standard_errors
from choicekit.post.moves import (
    Move,
    as_list,
    find_column,
    infinitesimal,
    proportional,
    require_number,
    switched,
)
from choicekit.post.representative import first_choices, representative
from choicekit.post.responses import responses

__all__ = ["ALL", "Effect", "cases_of", "effects_of", "elasticities", "marginal_effects"]

Float = NDArray[np.float64]

ALL = "all"  # what tables call it when the column moves for all alternatives together
KINDS = ("point", "arc")
AVERAGES = ("probability", "mean", "none")
EFFECTS = ("auto", "derivative", "discrete")


@dataclass(frozen=True)
class Effect:
    """Average effects of one move on all probabilities.

    Attributes
    ----------
    variable, by
        What moved, and for which alternative: its label; None for all together.
    values, slopes
        (J,), NaN where there is none, and their derivatives by the parameters (J, P).
    """

    variable: str
    by: Hashable | None
    values: Float
    slopes: Float


def elasticities(
    fit: Fitted,
    data: Any,
    x: Any = None,
    *,
    kind: str = "point",
    change: float = 0.1,
    average: str = "probability",
    at: str | None = None,
    together: bool | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Elasticities of the choice probabilities; see ``FitResults.elasticities``.

    ``data`` is None for the estimation sample.
    """
    _require_choice("kind", kind, KINDS)
    _require_choice("average", average, AVERAGES)
    if not (np.isfinite(change) and change > -1.0 and change != 0.0):
        raise SpecificationError(
            f"change={change!r} must be a share above -1 other than 0: 0.1 for ten per cent."
        )
    data = cases_of(fit, data, at)
    where = fit.model.data if data is None else data
    moves = []
    for name in as_list(x, fit, where):
        column = find_column(fit, where, name, together)
        cure = f"marginal_effects({name!r}), the change from one value to another."
        require_number(column, "elasticity", cure)
        moves.append(
            proportional(fit, where, column, change)
            if kind == "arc"
            else infinitesimal(fit, where, column)
        )
    method = "arc" if kind == "arc" else "eyex"
    average = "mean" if at is not None else average
    return _table(fit, data, moves, method, average, change, require_alpha(alpha))


def marginal_effects(
    fit: Fitted,
    data: Any,
    x: Any = None,
    *,
    kind: str = "auto",
    average: str = "mean",
    at: str | None = None,
    together: bool | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Marginal effects on the choice probabilities; see ``FitResults.marginal_effects``.

    ``data`` is None for the estimation sample.
    """
    _require_choice("kind", kind, EFFECTS)
    _require_choice("average", average, AVERAGES)
    data = cases_of(fit, data, at)
    where = fit.model.data if data is None else data
    moves = []
    for name in as_list(x, fit, where):
        column = find_column(fit, where, name, together)
        if kind == "discrete" or (kind == "auto" and column.kind in ("flag", "category")):
            moves += switched(fit, where, column)
        else:
            require_number(column, "derivative", "kind='discrete', the change between values.")
            moves.append(infinitesimal(fit, where, column))
    average = "mean" if at is not None else average
    return _table(fit, data, moves, "dydx", average, 0.0, require_alpha(alpha))


def _require_choice(what: str, given: object, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise unknown(what, given, choices)


def cases_of(fit: Fitted, data: Any, at: str | None) -> Any:
    """The cases that effects are about; None for those of the model as they are."""
    whole = fit.model.data if data is None else data
    found = first_choices(whole)
    if at is not None:
        return representative(fit, found, at)
    return None if found is fit.model.data else found


def effects_of(
    fit: Fitted,
    data: Any,
    moves: Sequence[Move],
    methods: Sequence[str],
    average: str,
    change: float = 0.0,
) -> list[Effect]:
    """Average effects of all moves, each by its method, for each alternative whose rows move."""
    where = fit.model.data if data is None else data
    labels, weights = where.alternatives, weights_of(where.layout)
    found: dict[tuple[int, int], Average] = {}
    known = Known()
    for r in responses(fit, data, moves):
        own = found.setdefault((r.move, r.by), Average(len(labels), len(fit.params)))
        own.add(part_of(r, methods[r.move], weights, average, change), known)
    return [
        Effect(moves[m].variable, None if by < 0 else labels[by], *found[m, by].result())
        for m, by in sorted(found)
    ]


def _table(
    fit: Fitted,
    data: Any,
    moves: Sequence[Move],
    method: str,
    average: str,
    change: float,
    alpha: float,
) -> pd.DataFrame:
    """Effects in long form: a row for each variable, alternative that moves, and probability."""
    where = fit.model.data if data is None else data
    labels, cov = list(where.alternatives), fit.cov.to_numpy(dtype=np.float64)
    if average == "none":
        return _by_case(fit, data, moves, method, change, alpha)
    frames = []
    for effect in effects_of(fit, data, moves, [method] * len(moves), average, change):
        errors = standard_errors(effect.slopes, cov, effect.values)
        columns: dict[str, Any] = {"variable": effect.variable, "of": labels}
        columns["by"] = [ALL if effect.by is None else effect.by] * len(
            labels
        )  # labels may be tuples
        frame = pd.DataFrame({**columns, **interval_columns(effect.values, errors, alpha)})
        frames.append(frame[np.isfinite(effect.values)])
    return pd.concat(frames, ignore_index=True)


def _by_case(
    fit: Fitted, data: Any, moves: Sequence[Move], method: str, change: float, alpha: float
) -> pd.DataFrame:
    """Effects in each case, for the alternatives that it had."""
    where = fit.model.data if data is None else data
    labels = pd.Index(where.alternatives, tupleize_cols=False)
    cov = fit.cov.to_numpy(dtype=np.float64)
    frames = []
    for r in responses(fit, data, moves):
        q = quantity(r, method, change)
        case, of = np.nonzero(q.defined & r.available)
        values = q.value[case, of]
        errors = standard_errors(q.rows(case, of), cov, values)
        columns: dict[str, Any] = {
            "case": where.case_ids[r.cases[case]],
            "variable": moves[r.move].variable,
            "of": labels[of],
            "by": [ALL if r.by < 0 else labels[r.by]] * len(case),
        }
        frames.append(pd.DataFrame({**columns, **interval_columns(values, errors, alpha)}))
    return pd.concat(frames, ignore_index=True)
