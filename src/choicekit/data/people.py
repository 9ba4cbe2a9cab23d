"""People as a whole: one row of data, one weight, one value of a column for each.

Axes: C cases, L rows (case x available alternative), N people, D columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.checks import case_finding
from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import DataError, SpecificationError, did_you_mean

__all__ = ["people_rows", "person_columns", "require_whole_people"]


def people_rows(data: ChoiceData, columns: Iterable[Any]) -> tuple[pd.DataFrame, pd.Index[Any]]:
    """First row of each person and the people's ids; without people, of each case.

    Raises
    ------
    DataError
        If one of the columns is not the same in all rows of a person, naming the cases.
    """
    layout = data.layout
    person = _person_of_rows(data)
    first = _first_rows(person, layout.n_people)
    findings = []
    for name in columns:
        wrong = np.unique(layout.case[_unlike_first(data.frame[name], person, first)])
        if len(wrong):
            whose = "case" if layout.person is None else "person"
            message = f"The column {name!r} is not the same in all rows of a {whose}"
            cure = "the membership of classes needs a column with one value for each person"
            findings.append(
                case_finding(
                    "varies-within-person", "error", wrong, data.case_ids, message, cure, name
                )
            )
    if findings:
        raise DataError(findings, "The membership of the classes cannot be explained so")
    ids = data.case_ids if data.person_ids is None else data.person_ids
    return data.frame.iloc[first], ids


def require_whole_people(data: ChoiceData) -> None:
    """Raise SpecificationError unless the cases of a person have the same weight."""
    layout = data.layout
    if layout.weights is not None and layout.person is not None:
        first = _first_rows(layout.person, layout.n_people)
        unlike = _unlike_first(pd.Series(layout.weights), layout.person, first)
        uneven = np.unique(layout.person[unlike])
        if len(uneven):
            assert data.person_ids is not None
            shown = ", ".join(str(data.person_ids[n]) for n in uneven[:5])
            raise SpecificationError(
                f"{len(uneven):,} people have cases of unequal weight ({shown}"
                f"{', ...' if len(uneven) > 5 else ''}), but where tastes differ a person "
                "counts as a whole. Cure: give all cases of a person the same weight."
            )


def person_columns(data: ChoiceData, columns: Sequence[str]) -> NDArray[np.float64]:
    """Values of columns that are the same in all rows of a person, (N, D).

    Parameters
    ----------
    data
        Without person ids every case is a person.
    columns
        Numeric or boolean columns of ``data.frame``.

    Raises
    ------
    SpecificationError
        For a column that is absent, not numeric, missing somewhere, or not constant in a person.
    """
    person = _person_of_rows(data)
    first = _first_rows(person, data.layout.n_people)
    out = np.empty((len(first), len(columns)))
    for place, column in enumerate(columns):
        if column not in data.frame:
            hint = did_you_mean(column, [str(name) for name in data.frame.columns])
            raise SpecificationError(f"The data have no column {column!r} for a mean.{hint}")
        series = data.frame[column]
        if not (pd.api.types.is_numeric_dtype(series) or pd.api.types.is_bool_dtype(series)):
            raise SpecificationError(
                f"Column {column!r}, in the mean of a random coefficient, is not numeric. Cure: "
                "make it 0/1 columns first."
            )
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        if not np.isfinite(values).all():
            raise SpecificationError(
                f"Column {column!r}, in the mean of a random coefficient, has missing or infinite "
                "values. Cure: leave those people out."
            )
        out[:, place] = values[first]
        uneven = np.unique(person[_unlike_first(series, person, first)])
        if len(uneven):
            raise SpecificationError(
                f"Column {column!r}, in the mean of a random coefficient, differs within "
                f"{len(uneven):,} people. Cure: put its interaction into the formula."
            )
    return out


def _person_of_rows(data: ChoiceData) -> NDArray[np.int64]:
    """Person of each row, (L,); without people, its case."""
    layout = data.layout
    found: NDArray[np.int64] = layout.case if layout.person is None else layout.person[layout.case]
    return found


def _first_rows(person: NDArray[np.int64], n_people: int) -> NDArray[np.int64]:
    """Position of the first row of each person, (N,)."""
    first = np.full(n_people, len(person), dtype=np.int64)
    np.minimum.at(first, person, np.arange(len(person)))
    return first


def _unlike_first(
    values: pd.Series[Any], person: NDArray[np.int64], first: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Rows whose value is not that of the person's first row; missing values are alike."""
    codes = pd.factorize(values)[0]
    unlike: NDArray[np.bool_] = codes != codes[first][person]
    return unlike
