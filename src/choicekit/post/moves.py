"""A column of the data moved, and what becomes of the likelihood's attributes.

The effect of a column is that of the column itself, wherever it enters: through ``np.log(x)``,
interactions, expressions, the membership of classes or the mean of a random coefficient. So the
column moves in the data and the model makes its attributes again.

A column that is the same in all rows of every case (income) can move for all alternatives
together only; one that differs (cost) moves for one alternative at a time.

Axes: C cases, J alternatives, L rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import DataError, SpecificationError, did_you_mean
from choicekit.post.base import Fitted

__all__ = [
    "Column",
    "Move",
    "as_list",
    "columns_of_model",
    "counted",
    "find_column",
    "infinitesimal",
    "kind_of",
    "numeric_columns",
    "proportional",
    "require_number",
    "same_in_cases",
    "switched",
]

Float = NDArray[np.float64]

STEP = 1e-4  # of a standard deviation, or of the value where that is smaller
ROUNDING = 1e-12  # of the largest value: a smaller standard deviation is none
LEAST = 1e-3  # of a standard deviation: smaller values count as this when they move


@dataclass(frozen=True, eq=False)
class Column:
    """A column that the model uses.

    Attributes
    ----------
    name
        As in the data.
    values
        Of the rows, (L,).
    kind
        ``"number"``, ``"binary"`` (numbers 0 and 1), ``"flag"`` (True and False) or ``"category"``.
    together
        Whether the rows of a case move together.
    """

    name: Hashable
    values: pd.Series[Any]
    kind: str
    together: bool

    @property
    def numbers(self) -> Float:
        """The values as numbers, (L,)."""
        return self.values.to_numpy(dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Move:
    """Attributes with a column at two places.

    Attributes
    ----------
    variable
        What tables call it.
    together
        Whether all rows of a case move at once; else those of one alternative at a time.
    x
        Where the column is, (L,); NaN where that is no number.
    step
        How far the two places are apart, (L,).
    low, high
        Likelihoods there; None for ``low`` where the column is.
    small
        Whether only the derivative matters.
    """

    variable: str
    together: bool
    x: Float
    step: Float
    low: Any
    high: Any
    small: bool = False

    def take(self, cases: NDArray[np.int64], rows: NDArray[np.int64]) -> Move:
        """The same in some of the cases, which have these rows."""
        low, high = (None if end is None else end.take(cases) for end in (self.low, self.high))
        return replace(self, x=self.x[rows], step=self.step[rows], low=low, high=high)


def columns_of_model(model: Any) -> list[Hashable]:
    """Columns of the data that a model uses and that can change: not whose row it is."""
    used = list(model.design.columns)
    if model.membership is not None:
        used += model.membership.columns
    used += [column for _, column in getattr(model.mixing, "shifts", ())]
    used += getattr(getattr(model.mixing, "scale", None), "covariates", ())
    return [column for column in dict.fromkeys(used) if column != model.data.alt]


def find_column(fit: Fitted, data: Any, name: Hashable, together: bool | None = None) -> Column:
    """Look at a column of the data that the model uses.

    Parameters
    ----------
    fit, data
        The fit, and the data whose column it is.
    name
        Of the column.
    together
        Whether the rows of a case move together; by default, whether the column is the same in
        all rows of every case.

    Raises
    ------
    SpecificationError
        If there is no such column, or the model does not use it.
    """
    used = columns_of_model(fit.model)
    if name not in used:
        if name in data.frame.columns:
            listed = ", ".join(map(str, used))
            raise SpecificationError(
                f"The model does not use the column {name!r}, so it has no effect. It uses: "
                f"{listed}."
            )
        hint = did_you_mean(name, used)
        raise SpecificationError(
            f"The data have no column {name!r}.{hint} The model uses: {', '.join(map(str, used))}."
        )
    values = data.frame[name]
    constant = same_in_cases(values, data.layout)
    if together is None:
        together = constant
    elif together and not constant:
        raise SpecificationError(
            f"The column {name!r} differs within cases, so its rows cannot move together."
        )
    return Column(name, values, kind_of(values), together)


def same_in_cases(values: pd.Series[Any], layout: Any) -> bool:
    """Whether a column is the same in all rows of every case."""
    plain = pd.api.types.is_numeric_dtype(values) and isinstance(values.dtype, np.dtype)
    codes = values.to_numpy() if plain else pd.factorize(values)[0]
    return bool((codes == codes[layout.case_ptr[:-1]][layout.case]).all())


def kind_of(values: pd.Series[Any]) -> str:
    """What a column holds, see `Column`."""
    if pd.api.types.is_bool_dtype(values):
        return "flag"
    if isinstance(values.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(values):
        return "category"
    return "binary" if values.isin([0, 1]).all() else "number"


def require_number(column: Column, what: str, cure: str) -> None:
    """Raise SpecificationError unless the column can move a little."""
    if column.kind in ("flag", "category"):
        kinds = {"flag": "True and False", "category": "categories"}
        raise SpecificationError(
            f"The column {column.name!r} holds {kinds[column.kind]}, no numbers, so it has no "
            f"{what}. Cure: {cure}"
        )


def infinitesimal(fit: Fitted, data: Any, column: Column) -> Move:
    """A small step up and down."""
    x = column.numbers
    own = fit.model.data.frame[column.name].to_numpy(dtype=np.float64)
    size, spread = np.abs(x), float(own.std())
    if spread > ROUNDING * float(np.abs(own).max()):
        size = np.minimum(np.maximum(size, LEAST * spread), spread)
    step = STEP * np.where(size > 0.0, size, 1.0)
    low, high = (_with(fit, data, column, x + sign * step) for sign in (-1.0, 1.0))
    return Move(str(column.name), column.together, x, 2.0 * step, low, high, small=True)


def proportional(fit: Fitted, data: Any, column: Column, change: float) -> Move:
    """From where it is to ``1 + change`` times as much."""
    x = column.numbers
    high = _with(fit, data, column, x * (1.0 + change))
    return Move(str(column.name), column.together, x, change * x, None, high)


def counted(fit: Fitted, data: Any, column: Column) -> Move:
    """One more and one less."""
    x = column.numbers
    low, high = (_with(fit, data, column, x + move) for move in (-1.0, 1.0))
    return Move(str(column.name), column.together, x, np.full(len(x), 2.0), low, high)


def switched(fit: Fitted, data: Any, column: Column) -> list[Move]:
    """From 0 to 1, from False to True, or from the first category to each other one.

    Raises
    ------
    SpecificationError
        For numbers other than 0 and 1.
    """
    if column.kind == "number":
        raise SpecificationError(
            f"The column {column.name!r} holds numbers other than 0 and 1, so there is no one "
            "discrete change. Cure: kind='derivative'."
        )
    n_rows, name = len(column.values), str(column.name)
    levels = _levels(fit, column)
    x = column.numbers if column.kind != "category" else np.full(n_rows, np.nan)
    low = _with(fit, data, column, _constant(column, levels[0]))
    moves = []
    for level in levels[1:]:
        high = _with(fit, data, column, _constant(column, level))
        label = f"{name}[{level}]" if column.kind == "category" else name
        moves.append(Move(label, column.together, x, np.ones(n_rows), low, high))
    return moves


def _levels(fit: Fitted, column: Column) -> list[Any]:
    """The first is what others are compared with, as in the model's own data."""
    if column.kind == "binary":
        return [0, 1]
    if column.kind == "flag":
        return [False, True]
    values = fit.model.data.frame[column.name]
    if isinstance(values.dtype, pd.CategoricalDtype):
        present = set(values.unique())
        return [level for level in values.cat.categories if level in present]
    return sorted(values.unique())


def _constant(column: Column, level: Any) -> pd.Series[Any]:
    """The column with one value everywhere, of the type it had."""
    moved = column.values.copy()
    moved.loc[:] = level
    return moved


def _with(fit: Fitted, data: Any, column: Column, values: Any) -> Any:
    """The likelihood of data with other values in a column."""
    frame = data.frame.copy(deep=False)
    frame[column.name] = np.asarray(values) if isinstance(values, np.ndarray) else values.array
    try:
        return fit.model.likelihood(replace(data, frame=frame))
    except DataError as error:
        raise SpecificationError(
            f"The column {column.name!r} cannot move in this model: {error} Cure: for a column "
            "that the formula takes as categories, kind='discrete' on a text column; look for "
            "values at the edge of log or sqrt."
        ) from error


def numeric_columns(fit: Fitted, data: Any) -> list[Hashable]:
    """Columns of the model that hold numbers and are not the same everywhere."""
    found = []
    for name in columns_of_model(fit.model):
        values = data.frame[name]
        if kind_of(values) in ("number", "binary") and (values != values.iloc[0]).any():
            found.append(name)
    return found


def as_list(x: Any, fit: Fitted, data: Any) -> list[Hashable]:
    """Names of columns: one, several, or all numeric ones of the model.

    Raises
    ------
    SpecificationError
        If there are none.
    """
    names: Iterable[Hashable] = [x]
    if x is None:
        names = numeric_columns(fit, data)
    elif isinstance(x, list | pd.Index) or (
        isinstance(x, tuple) and x not in columns_of_model(fit.model)
    ):
        names = x
    found = list(dict.fromkeys(names))
    if not found:
        raise SpecificationError("The model uses no numeric column, so there are no effects.")
    return found
