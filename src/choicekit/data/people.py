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
    person = np.arange(layout.n_cases) if layout.person is None else layout.person
    of_row = person[layout.case]
    first = np.full(layout.n_people, len(of_row), dtype=np.int64)
    np.minimum.at(first, of_row, np.arange(len(of_row)))
    findings = []
    for name in columns:
        codes = pd.factorize(data.frame[name])[0]
        wrong = np.unique(layout.case[codes != codes[first][of_row]])
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
        first = np.empty(layout.n_people)
        first[layout.person[::-1]] = layout.weights[::-1]
        uneven = np.unique(layout.person[layout.weights != first[layout.person]])
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
    layout = data.layout
    person = layout.case if layout.person is None else layout.person[layout.case]
    out = np.empty((layout.n_people, len(columns)))
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
        out[person, place] = values
        uneven = np.unique(person[values != out[person, place]])
        if len(uneven):
            raise SpecificationError(
                f"Column {column!r}, in the mean of a random coefficient, differs within "
                f"{len(uneven):,} people. Cure: put its interaction into the formula."
            )
    return out
