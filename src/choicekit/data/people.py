"""Columns that describe decision makers.

Axes: L rows (case x available alternative), N people, D columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["person_columns"]


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
