"""Columns that belong to a whole case: its weight and its decision maker.

Axes: C cases, L rows of the user's frame.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.assemble import picked
from choicekit.data.checks import Notebook, Rows, per_case
from choicekit.data.columns import numbers_of
from choicekit.data.labels import label_codes
from choicekit.exceptions import Finding

__all__ = [
    "FILL",
    "case_person",
    "case_weights",
    "cases_at",
    "read_person",
    "read_weights",
    "unhashable",
]

FILL = "fill the missing values in"


def cases_at(mask: NDArray[np.bool_], case: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cases with a row under the mask, sorted; rows of unknown case are left out."""
    cases = np.unique(case[mask])
    return cases[cases >= 0]


def unhashable(values: pd.Series[Any], role: str) -> Finding:
    """Say that a column of labels holds something that cannot be one."""
    return Finding(
        "unhashable",
        "error",
        f"The column {role}{values.name!r} holds lists or other values that cannot be labels",
        "use numbers, strings or tuples",
        str(values.name),
    )


def read_weights(
    values: pd.Series[Any] | None, case: NDArray[np.int64], notes: Notebook
) -> NDArray[np.float64] | None:
    """Read weights, float64 (L,), and note the missing, infinite and negative ones."""
    if values is None:
        return None
    weights = numbers_of(values, "weights=")
    if isinstance(weights, Finding):
        notes.errors.append(weights)
        return None
    name = values.name
    finite = np.isfinite(weights)
    if not finite.all():
        message = f"The weight in column {name!r} is missing or infinite"
        cases = cases_at(~finite, case)
        notes.unusable("missing-values", cases, message, "correct the weights", name, False)
    negative = weights < 0
    if negative.any():
        notes.error(
            "negative-weight",
            cases_at(negative & finite, case),
            f"The weight in column {name!r} is negative",
            "weights say how many cases like this one there are: zero or more",
            name,
            unclear=False,
        )
    elif not weights[finite].any():
        notes.errors.append(
            Finding(
                "zero-weights",
                "error",
                f"Every weight in column {name!r} is zero",
                "give at least some cases a positive weight",
                str(name),
            )
        )
    return weights


def read_person(
    values: pd.Series[Any] | None, case: NDArray[np.int64], notes: Notebook
) -> tuple[NDArray[np.int64], pd.Index[Any]] | None:
    """Give the people codes, int64 (L,) with -1 where missing, and return their labels."""
    if values is None:
        return None
    try:
        codes, labels = label_codes(values)
    except TypeError:
        notes.errors.append(unhashable(values, "person="))
        return None
    lost = codes < 0
    if lost.any():
        message = f"The person is missing in column {values.name!r}"
        notes.unusable("missing-values", cases_at(lost, case), message, FILL, values.name, False)
    return codes, labels


def case_weights(
    weights: NDArray[np.float64] | None,
    rows: Rows,
    index: NDArray[np.int64] | None,
    name: Hashable | None,
    notes: Notebook,
) -> NDArray[np.float64] | None:
    """Reduce weights of rows to weights of cases, float64 (C,), noting those that vary."""
    if weights is None:
        return None
    sorted_weights = picked(weights, index)
    lost = np.zeros(rows.n_cases, dtype=np.bool_)
    lost[rows.case[~np.isfinite(sorted_weights)]] = True
    first, varying = per_case(sorted_weights, rows, lost)
    notes.error(
        "weights-vary",
        varying,
        f"The weight in column {name!r} differs between the rows of a case",
        "a weight belongs to the case: repeat the same number in all its rows",
        name,
        unclear=False,
    )
    return first


def case_person(
    person: tuple[NDArray[np.int64], pd.Index[Any]] | None,
    rows: Rows,
    index: NDArray[np.int64] | None,
    name: Hashable | None,
    notes: Notebook,
) -> tuple[NDArray[np.int64], pd.Index[Any]] | None:
    """Reduce people of rows to people of cases, int64 (C,), noting those that vary."""
    if person is None:
        return None
    codes = picked(person[0], index)
    lost = np.zeros(rows.n_cases, dtype=np.bool_)
    lost[rows.case[codes < 0]] = True
    first, varying = per_case(codes, rows, lost)
    notes.error(
        "person-varies",
        varying,
        f"Rows of one case belong to different people (column {name!r})",
        "a case is one choice of one person; if the case ids start again for each person, "
        "make an id of both, for example "
        'df["id"] = df["person"].astype(str) + "-" + df["task"].astype(str)',
        name,
        unclear=False,
    )
    return first, person[1]
