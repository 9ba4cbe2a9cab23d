"""Data columns as the utility reads them: numbers, or categories with remembered levels.

Axes: C cases, L rows (case x available alternative).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..exceptions import FIRST_FEW, DataError, Finding
from .base import CaseIds, IntArray, listing, suggestion

__all__ = ["Places", "Reading"]

NUMBER_LIKE = re.compile(r"[-+]?[$€£]?\s*(\d[\d,' ]*\.?\d*|\.\d+)([eE][-+]?\d+)?\s*%?")
MISSING_WORDS = frozenset({"", "-", ".", "?", "na", "n/a", "nan", "none", "null", "missing"})
MOSTLY = 0.9  # one stray word among many numbers is still a column of numbers read as text
FIRST_CASES = 2048
MORE_CASES = 262_144


@dataclass(frozen=True, eq=False)
class Places:
    """Which cases the rows of an evaluated frame belong to, for messages.

    Attributes
    ----------
    case_ptr
        The rows of case c are case_ptr[c]:case_ptr[c + 1], (C + 1,).
    case_ids
        Labels of the cases, (C,); None for their positions.
    rows
        The evaluated rows, as positions among the L rows; None for all of them.
    """

    case_ptr: IntArray
    case_ids: CaseIds | None = None
    rows: IntArray | None = None

    def at(self, code: str, message: str, cure: str, column: str | None, bad: IntArray) -> Finding:
        """Return a finding about the evaluated rows where ``bad`` (a mask) is true."""
        rows = np.flatnonzero(bad)
        if self.rows is not None:
            rows = self.rows[rows]
        cases = np.unique(np.searchsorted(self.case_ptr, rows, side="right") - 1)
        return self.in_cases(code, message, cure, column, cases)

    def in_cases(
        self, code: str, message: str, cure: str, column: str | None, cases: IntArray
    ) -> Finding:
        """Return a finding about the cases at the given positions."""
        few = [int(position) for position in cases[:FIRST_FEW]]
        ids = self.case_ids
        labels = tuple(few) if ids is None else tuple(ids[position] for position in few)
        return Finding(code, "error", message, cure, column, len(cases), labels)


@dataclass(frozen=True)
class Reading:
    """How a data column is handed to formulaic.

    Attributes
    ----------
    name
        Label of the column.
    kind
        ``"number"``; ``"category"`` (with remembered levels); ``"raw"`` (as it is, for
        columns of other types inside expressions).
    levels
        The categories known from the estimation data; the first one is the reference level.
    """

    name: str
    kind: str
    levels: tuple[Any, ...] = ()


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return one column; a DataError if several columns share the name."""
    found = frame[name]
    if isinstance(found, pd.DataFrame):
        finding = Finding(
            "duplicate-column",
            "error",
            f"{found.shape[1]} columns are called {name!r}",
            "rename or drop all but one",
            name,
        )
        raise DataError([finding])
    return found


def require_columns(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise one DataError that lists every column of ``names`` the frame lacks."""
    findings = [
        Finding(
            "unknown-column",
            "error",
            f"column {name!r}, which the model uses, is not in the data",
            f"add it ({suggestion(name, frame.columns, 'columns')})",
            name,
        )
        for name in names
        if name not in frame.columns
    ]
    if findings:
        raise DataError(findings)


def is_number(series: pd.Series) -> bool:
    """Whether a column holds real numbers or booleans by its dtype."""
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        return dtype.kind in "biuf"
    return pd.api.types.is_bool_dtype(dtype) or (
        pd.api.types.is_numeric_dtype(dtype)
        and not isinstance(dtype, pd.CategoricalDtype)
        and not pd.api.types.is_complex_dtype(dtype)
    )


def number_column(frame: pd.DataFrame, name: str) -> npt.NDArray[Any]:
    """Return a numeric or boolean column as a numpy array, without a copy where possible.

    Raises
    ------
    DataError
        If the column holds something else.
    """
    series = column(frame, name)
    if not is_number(series):
        raise DataError([not_numbers(series, name)])
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def not_numbers(series: pd.Series, name: str) -> Finding:
    """Return the finding about a column where numbers were expected."""
    found = disguised_numbers(series, name)
    if found is not None:
        return found
    return Finding(
        "not-numeric",
        "error",
        f"column {name!r} must hold numbers, its type is {series.dtype}",
        "make it numeric, or write it as a category, C(...), in a formula",
        name,
    )


def disguised_numbers(series: pd.Series, name: str) -> Finding | None:
    """Return a finding if a column of text or objects holds numbers, else None.

    Left alone, formulaic would make a dummy variable out of each distinct value.
    """
    if isinstance(series.dtype, pd.CategoricalDtype) or is_number(series):
        return None
    present = series.dropna()
    values = pd.unique(present)
    words = [value.strip() for value in values if isinstance(value, str)]
    words = [word for word in words if word.lower() not in MISSING_WORDS]
    if any(isinstance(value, Number) for value in values):
        holds = "numbers as Python objects" + (", and text" if words else "")
    else:
        like = [word for word in words if NUMBER_LIKE.fullmatch(word)]
        if not like or len(like) < MOSTLY * len(words):
            return None
        holds = f"text that looks like numbers, for example {like[0]!r}"
    return Finding(
        "text-numbers",
        "error",
        f"column {name!r} holds {holds}",
        f"convert it with pd.to_numeric (after removing signs such as ',' or '%'), "
        f"or write C({name}) if it is a category",
        name,
    )


def read_column(frame: pd.DataFrame, name: str, uses: frozenset[str]) -> Reading | Finding:
    """Decide how a column is handed to formulaic, from its dtype and its uses.

    Parameters
    ----------
    uses
        Any of ``"plain"`` (the column by its name alone), ``"C"`` (within ``C(...)``) and
        ``"expression"``.
    """
    series = column(frame, name)
    if is_number(series):
        return Reading(name, "number")
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes = np.unique(series.cat.codes.to_numpy())
        # a level without rows would make the reference level empty, or a column of zeros
        return Reading(name, "category", tuple(series.cat.categories[codes[codes >= 0]]))
    is_text = pd.api.types.is_string_dtype(series.dtype) or series.dtype == object
    if "plain" in uses:
        found = disguised_numbers(series, name)
        if found is not None:
            return found
        if not is_text:
            return not_numbers(series, name)
    if "expression" in uses or not is_text:
        return Reading(name, "raw")
    return Reading(name, "category", in_order(pd.unique(series.dropna())))


def in_order(levels: Iterable[Any]) -> tuple[Any, ...]:
    """Sort levels; those of mixed types by their text."""
    found = list(levels)
    try:
        return tuple(sorted(found))
    except TypeError:
        return tuple(sorted(found, key=str))


def hand_over(
    readings: Sequence[Reading], frame: pd.DataFrame, places: Places
) -> tuple[pd.DataFrame, list[Finding]]:
    """Return the columns as formulaic shall see them, and what is wrong with them."""
    ready: dict[str, Any] = {}
    findings = []
    for reading in readings:
        series = column(frame, reading.name)
        missing = series.isna().to_numpy()
        if missing.any():
            message = f"column {reading.name!r} has missing values"
            cure = 'fill them in, or read the data with missing="drop"'
            findings.append(places.at("missing", message, cure, reading.name, missing))
        elif reading.kind == "number":
            if is_number(series):
                ready[reading.name] = wide_numbers(series)
            else:
                findings.append(not_numbers(series, reading.name))
        elif reading.kind == "category":
            found = with_levels(series, reading, places)
            if isinstance(found, Finding):
                findings.append(found)
            else:
                ready[reading.name] = found
        else:
            ready[reading.name] = series.array
    return pd.DataFrame(ready, index=pd.RangeIndex(len(frame)), copy=False), findings


def wide_numbers(series: pd.Series) -> npt.NDArray[Any]:
    """Return numbers in 64 bits, since narrow and unsigned integers overflow silently."""
    dtype = series.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return series.to_numpy(dtype=bool)
    signed = pd.api.types.is_signed_integer_dtype(dtype)
    small = pd.api.types.is_unsigned_integer_dtype(dtype) and str(dtype).lower() != "uint64"
    return series.to_numpy(dtype=np.int64 if signed or small else np.float64)


def with_levels(series: pd.Series, reading: Reading, places: Places) -> pd.Categorical | Finding:
    """Return a column as a category with the remembered levels, or a finding about new ones."""
    values: Any
    if isinstance(series.dtype, pd.CategoricalDtype):
        codes, values = series.cat.codes.to_numpy(), series.cat.categories
    else:
        codes, values = pd.factorize(series)
    known = pd.Index(list(reading.levels), tupleize_cols=False)
    position = known.get_indexer(pd.Index(list(values), tupleize_cols=False))
    recoded = position[codes] if len(values) else codes.astype(np.intp)
    if (recoded < 0).any():
        unseen = [values[code] for code in np.unique(codes[recoded < 0])]
        return unseen_levels(reading.name, unseen, reading.levels, recoded < 0, places)
    return pd.Categorical.from_codes(recoded, categories=known)


def unseen_levels(
    name: str, unseen: Sequence[Any], known: Sequence[Any], bad: IntArray, places: Places
) -> Finding:
    """Return the finding about categories that the estimation data did not have."""
    plural = "" if len(unseen) == 1 else "s"
    message = f"column {name!r} has the level{plural} {listing(unseen)}, unknown to the model"
    cure = f"use the known levels ({listing(known)}), or estimate on data that have the new one"
    return places.at("unseen-level", message, cure, name, bad)


def comparable(series: pd.Series) -> npt.NDArray[Any]:
    """Return an array whose elements are equal where those of the column are."""
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufmM":
        return series.to_numpy()
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy()
    if is_number(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return cast(npt.NDArray[Any], pd.factorize(series)[0])


def varies_within_cases(values: npt.NDArray[Any], case_ptr: IntArray) -> bool:
    """Whether a variable differs between the rows of any case.

    Stops at the first block of cases where it does.

    Parameters
    ----------
    values
        The variable, (L,). NaN equals NaN.
    case_ptr
        Case pointers, (C + 1,).
    """
    cases = len(case_ptr) - 1
    start, size = 0, FIRST_CASES
    while start < cases:
        stop = min(start + size, cases)
        if len(_changes(values, case_ptr[start : stop + 1])):
            return True
        start, size = stop, MORE_CASES
    return False


def varying_cases(values: npt.NDArray[Any], case_ptr: IntArray) -> IntArray:
    """Return the positions of the cases within which a variable differs, in order."""
    rows = _changes(values, case_ptr)
    return np.unique(np.searchsorted(case_ptr, rows, side="right") - 1)


def _changes(values: npt.NDArray[Any], case_ptr: IntArray) -> IntArray:
    """Return the rows that differ from the row before them in the same case."""
    first, last = int(case_ptr[0]), int(case_ptr[-1])
    block = values[first:last]
    changed = block[1:] != block[:-1]
    starts = case_ptr[1:-1]
    changed[starts[(starts > first) & (starts < last)] - (first + 1)] = False
    if changed.any() and block.dtype.kind == "f":
        changed &= ~(np.isnan(block[1:]) & np.isnan(block[:-1]))
    return np.flatnonzero(changed) + (first + 1)
