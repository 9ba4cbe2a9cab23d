"""What might be otherwise: attributes, and which alternatives there are.

A change is written as a short text, ``"+10%"``, ``"-20%"``, ``"*1.1"``, ``"+5"``, ``"-5"``,
``"=40"``, or as a function of the column. It holds for all alternatives, or for those named in a
dict: ``{"gc": {"air": "+10%"}}``.

Axes: C cases, L rows (case x available alternative).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.exceptions import DataError, SpecificationError, did_you_mean

__all__ = [
    "Change",
    "changed",
    "described",
    "read_change",
    "read_changes",
    "require_removable",
    "without",
]

Float = NDArray[np.float64]
Column = pd.Series

TEXT = re.compile(r"\s*(=\s*-|[*/+\-=])\s*([0-9.]+(?:[eE][-+]?[0-9]+)?)\s*(%?)\s*")


@dataclass(frozen=True)
class Change:
    """A change of one column, for some of the alternatives.

    Attributes
    ----------
    column
        Its name.
    alternative
        Whose rows; None for all.
    text
        The change in words.
    apply
        From old values to new ones.
    """

    column: Hashable
    alternative: Hashable | None
    text: str
    apply: Callable[[Any], Any]


def read_changes(changes: Mapping[Hashable, Any], alternatives: tuple[Any, ...]) -> list[Change]:
    """Read ``{column: change}`` or ``{column: {alternative: change}}``.

    Raises
    ------
    SpecificationError
        For changes that cannot be read, and unknown alternatives.
    """
    if not isinstance(changes, Mapping):
        raise SpecificationError(
            f"Write changes as {{'cost': '+10%'}} or {{'cost': {{'bus': '-5'}}}}, not {changes!r}."
        )
    found = []
    for column, change in changes.items():
        if not isinstance(change, Mapping):
            found.append(read_change(column, None, change))
            continue
        for alternative, own in change.items():
            require_alternative(alternative, alternatives)
            found.append(read_change(column, alternative, own))
    return found


def require_alternative(label: Hashable, alternatives: Iterable[Hashable]) -> None:
    """Raise SpecificationError, with the nearest, for an alternative that there is not."""
    known = list(alternatives)
    if label not in known:
        listed = ", ".join(map(repr, known))
        raise SpecificationError(
            f"{label!r} is no alternative.{did_you_mean(label, known)} There are: {listed}."
        )


def read_change(column: Hashable, alternative: Hashable | None, change: Any) -> Change:
    """Read one change: a text or a function.

    Raises
    ------
    SpecificationError
        For anything else; a number alone could be a factor, an amount or the new value.
    """
    if callable(change):
        name = getattr(change, "__name__", "function")
        return Change(column, alternative, "a function" if name == "<lambda>" else name, change)
    match = TEXT.fullmatch(change) if isinstance(change, str) else None
    if match is None or (match[3] and match[1] not in "+-"):
        if isinstance(change, int | float | np.number) and not isinstance(change, bool):
            ways = f"'*{change:g}' (a factor), '+{abs(change):g}' (an amount) or '={change:g}'"
            cure = f"Cure: write {ways}."
        else:
            cure = (
                "Cure: write '+10%', '*1.1', '+5', '-5', '=40', or give a function, for a category "
                "lambda old: 'its name'."
            )
        raise SpecificationError(f"The change {change!r} of {column!r} is not clear. {cure}")
    try:
        number = float(match[2]) * (-1.0 if match[1].endswith("-") and match[1] != "-" else 1.0)
    except ValueError:
        raise SpecificationError(f"{match[2]!r} in {change!r} is no number.") from None
    sign = {"+": 1.0, "-": -1.0}.get(match[1], 0.0)
    operations: dict[str, Callable[[Any], Any]] = {
        "*": lambda x: x * number,
        "/": lambda x: x / number,
        "=": lambda x: np.full(len(x), number),
        "+": lambda x: x + number,
        "-": lambda x: x - number,
    }
    operation = operations[match[1][0]]
    if match[3]:
        operation = lambda x: x * (1.0 + sign * number / 100.0)  # noqa: E731
    return Change(column, alternative, change.strip(), operation)


def described(changes: Iterable[Change]) -> tuple[str, ...]:
    """One line a change."""
    return tuple(
        f"{change.column}{'' if change.alternative is None else f' of {change.alternative}'}: "
        f"{change.text}"
        for change in changes
    )


def changed(data: Any, changes: Iterable[Change], used: Iterable[Hashable]) -> Any:
    """The data with the columns changed, the user's frame left as it is.

    Parameters
    ----------
    data
        A `ChoiceData`.
    changes
        What is to be changed.
    used
        Columns that the model uses: changes of others would have no effect.

    Raises
    ------
    SpecificationError
        For columns that the model does not use, or functions that return something else.
    """
    frame, known = data.frame.copy(deep=False), list(used)
    for change in changes:
        if change.column not in known:
            there = change.column in frame.columns
            what = "not used by the model, so it has no effect" if there else "not in the data"
            raise SpecificationError(
                f"The column {change.column!r} is {what}.{did_you_mean(change.column, known)} The "
                f"model uses: {', '.join(map(str, known))}."
            )
        rows = np.arange(data.n_rows)
        if change.alternative is not None:
            rows = np.flatnonzero(data.layout.alt == data.alternatives.index(change.alternative))
        frame[change.column] = _applied(frame[change.column], rows, change)
    other = replace(data, frame=frame)
    try:
        other.require_finite(dict.fromkeys(change.column for change in changes))
    except DataError as error:
        raise SpecificationError(f"After the changes: {error}") from error
    return other


def _applied(values: pd.Series[Any], rows: NDArray[np.intp], change: Change) -> pd.Series[Any]:
    """The column with some rows changed."""
    try:
        new = np.asarray(change.apply(values.iloc[rows]))
        if new.ndim == 0:
            new = np.full(len(rows), new)
        if new.shape != (len(rows),):
            raise SpecificationError(
                f"The function for {change.column!r} returned something of shape {new.shape}, not "
                f"one value for each of {len(rows):,} rows."
            )
        return _placed(values, rows, new)
    except TypeError as error:
        raise SpecificationError(
            f"The change {change.text!r} does not go with the column {change.column!r} of type "
            f"{values.dtype}: {error}."
        ) from error


def _placed(values: pd.Series[Any], rows: NDArray[np.intp], new: Any) -> pd.Series[Any]:
    """New values in some rows, of a type that holds both; categories stay categories."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iufb":
        numbers = values.to_numpy().astype(np.result_type(dtype, new.dtype))
        numbers[rows] = new
        return pd.Series(numbers, index=values.index)
    if not isinstance(dtype, pd.CategoricalDtype) and len(rows) == len(values):
        return pd.Series(new, index=values.index)
    out = values.copy()
    out.iloc[rows] = new
    return out


def require_removable(model: Any) -> None:
    """Refuse to take answers of an ordered model away: they are intervals of one index."""
    if model.bound.index:
        raise SpecificationError(
            "The answers of an ordered model are intervals of one latent answer: nobody could be "
            "without one of them, and where its people would go is not defined. Cure: change a "
            "column instead, scenario({'income': '+10%'})."
        )


def without(data: Any, unavailable: Iterable[Hashable]) -> Any:
    """The data without the rows of some alternatives.

    Choices that are no longer possible become unknown.

    Raises
    ------
    SpecificationError
        For unknown alternatives.
    DataError
        If a case is left without any.
    """
    labels = [unavailable] if isinstance(unavailable, str) else list(unavailable)
    for label in labels:
        require_alternative(label, data.alternatives)
    codes = [data.alternatives.index(label) for label in labels]
    if not codes:
        return data
    layout = data.layout
    kept = ~np.isin(layout.alt, codes)
    sizes = np.bincount(layout.case[kept], minlength=layout.n_cases)
    if not sizes.all():
        from choicekit.exceptions import FIRST_FEW, Finding

        empty = np.flatnonzero(sizes == 0)
        message = "There is no alternative left"
        first = tuple(data.case_ids[empty[:FIRST_FEW]])
        cure = "leave these cases out of the data, or more alternatives in"
        found = Finding("nothing-left", "error", message, cure, count=len(empty), cases=first)
        raise DataError([found], "The alternatives cannot be taken away")
    place = np.cumsum(kept) - 1
    had = layout.chosen >= 0
    chosen = np.full(layout.n_cases, -1, dtype=np.int64)
    chosen[had] = np.where(kept[layout.chosen[had]], place[layout.chosen[had]], -1)
    other = Layout(
        alt=layout.alt[kept],
        case_ptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        chosen=chosen,
        n_alternatives=layout.n_alternatives,
        weights=layout.weights,
        person=layout.person,
    )
    return replace(data, frame=data.frame.loc[kept], layout=other, origin=data.origin[kept])
