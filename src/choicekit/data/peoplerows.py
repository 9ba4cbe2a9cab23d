"""People as a whole: one row of data, one weight for each.

Axes: C cases, L rows, N people.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from choicekit.data.checks import case_finding
from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import DataError, SpecificationError

__all__ = ["people_rows", "require_whole_people"]


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
