"""What can be wrong with the attributes: holes, infinities, numbers that are text.

Axes: C cases, L rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.checks import case_finding
from choicekit.data.columns import unknown_column
from choicekit.data.layout import Layout
from choicekit.exceptions import DataError, Finding

__all__ = ["HOLE_CURE", "column_findings", "hole_findings", "unusable"]

HOLE_CURE = 'fill the values in, or leave these cases out with missing="drop"'
FEW_CLASSES = 12  # as many whole numbers kept as text may well be the names of classes


def hole_findings(
    frame: pd.DataFrame,
    columns: Iterable[Hashable],
    layout: Layout,
    case_ids: pd.Index[Any],
    severity: str,
    cure: str,
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Find the missing and the infinite values of some columns.

    Returns
    -------
    findings
        One for each column and kind.
    cases : bool (C,)
        Cases with a missing or infinite value in any of the columns.
    """
    findings = []
    holes = np.zeros(layout.n_cases, dtype=np.bool_)
    for name in columns:
        missing, infinite = _nonfinite_rows(frame[name])
        for code, what, mask in (
            ("missing-values", "missing", missing),
            ("infinite-values", "infinite", infinite),
        ):
            if mask is None:
                continue
            cases = np.unique(layout.case[mask])
            holes[cases] = True
            message = f"The column {name!r} has {what} values"
            findings.append(case_finding(code, severity, cases, case_ids, message, cure, name))
    return findings, holes


def _nonfinite_rows(
    values: pd.Series[Any],
) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None]:
    """Return the rows with missing and with infinite values, bool (L,); None: there are none."""
    infinite = None
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "biu":
        return None, None
    if isinstance(values.dtype, np.dtype) and values.dtype.kind == "f":
        array = values.to_numpy()
        if bool(np.isfinite(array).all()):
            return None, None
        missing = np.isnan(array)
        infinite = np.isinf(array)
    else:
        missing = values.isna().to_numpy(dtype=np.bool_)
        if pd.api.types.is_float_dtype(values.dtype):
            infinite = np.isinf(values.to_numpy(dtype=np.float64, na_value=np.nan))
    return (
        missing if missing.any() else None,
        infinite if infinite is not None and infinite.any() else None,
    )


def column_findings(
    frame: pd.DataFrame, columns: Iterable[Hashable], severity: str
) -> list[Finding]:
    """Find columns that are not there or whose type no model can use.

    Numbers, flags, text classes and categories are fine.
    """
    findings = []
    for name in columns:
        if name not in frame.columns:
            findings.append(unknown_column(name, frame))
            continue
        values = frame[name]
        if isinstance(values, pd.DataFrame):
            message = f"Several columns are called {name!r}"
            cure = "give every column a name of its own"
            findings.append(Finding("ambiguous-column", severity, message, cure, str(name)))
            continue
        trouble = _type_trouble(values)
        if trouble:
            message, cure = trouble
            findings.append(Finding("not-numeric", severity, message, cure, str(name)))
    return findings


def _type_trouble(values: pd.Series[Any]) -> tuple[str, str] | None:
    """Say what is wrong with the type of a column and the cure; None if nothing is."""
    dtype, name = values.dtype, values.name
    column = f"df[{name!r}]"
    convert = f"convert it: {column} = pd.to_numeric({column})"
    if pd.api.types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return None
    if pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c":
        return None
    if dtype.kind in "mMc" or isinstance(dtype, (pd.DatetimeTZDtype, pd.PeriodDtype)):
        cure = f"make a number of it, for example hours: {column}.dt.hour"
        if dtype.kind == "m":
            cure = f"make a number of it, for example minutes: {column}.dt.total_seconds() / 60"
        return f"The column {name!r} is not numeric but {dtype}", cure
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if kind in ("string", "empty"):
        return _text_trouble(values)
    if kind in ("integer", "floating", "mixed-integer-float", "decimal"):
        return f"The column {name!r} holds numbers stored as objects", convert
    if kind in ("boolean", "categorical"):
        return None
    message = f"The column {name!r} holds values of different types ({kind})"
    return message, f'{convert[:-1]}, errors="coerce") turns what is no number into a missing value'


def _text_trouble(values: pd.Series[Any]) -> tuple[str, str] | None:
    """Say whether a column of text looks like numbers that were read as text.

    A few whole numbers ("1", "2", "3") may be the names of classes and pass.
    """
    texts = [str(text).strip() for text in values.dropna().unique()]
    plain = [text.replace(",", "").replace(" ", "").strip("$€£%") for text in texts]
    parsed = pd.to_numeric(pd.Series(plain, dtype=object), errors="coerce").notna().to_numpy()
    if not parsed.any() or 2 * parsed.sum() < len(texts):
        return None
    if parsed.all() and len(texts) <= FEW_CLASSES and all(text.isdecimal() for text in texts):
        return None
    name = values.name
    column = f"df[{name!r}]"
    odd = next((text for text, ok in zip(texts, parsed, strict=True) if not ok), None)
    example = next((t for t, p in zip(texts, plain, strict=True) if t != p), texts[0])
    message = f"The column {name!r} holds numbers as text, such as {example!r}"
    if odd is not None:
        message += f", and {odd!r}, which is none"
        cure = (
            f'{column} = pd.to_numeric({column}, errors="coerce") makes what is no number missing'
        )
    elif "," in example:
        cure = (
            f'if the comma separates thousands: {column} = pd.to_numeric({column}.str.replace(",", '
            '"")); if it is the decimal mark, read the file with decimal=","'
        )
    elif example in texts and example not in plain:
        cure = f'{column} = pd.to_numeric({column}.str.replace(r"[^0-9.+-]", "", regex=True))'
    else:
        cure = f"{column} = pd.to_numeric({column})"
    return message, f"{cure}; if these are names of classes: {column}.astype('category')"


def unusable(
    frame: pd.DataFrame,
    columns: Iterable[Hashable],
    layout: Layout,
    case_ids: pd.Index[Any],
    *,
    drop: bool,
) -> tuple[list[Finding], NDArray[np.bool_]]:
    """Find what keeps a model from using its columns.

    Parameters
    ----------
    columns
        The columns of the formula.
    drop
        Whether cases with holes will be left out: then only columns that cannot
        be used at all, or holes in every case, are errors.

    Returns
    -------
    findings
        Errors, or with ``drop`` the warnings about the holes.
    cases : bool (C,)
        Cases with a hole.

    Raises
    ------
    DataError
        With ``drop``, if there are errors.
    """
    names = list(dict.fromkeys(columns))
    wrong = column_findings(frame, names, "error")
    whole = [name for name in names if name in frame and isinstance(frame[name], pd.Series)]
    severity, cure = ("warning", "") if drop else ("error", HOLE_CURE)
    found, holes = hole_findings(frame, whole, layout, case_ids, severity, cure)
    if drop and wrong:
        raise DataError(wrong, "The model cannot use its columns")
    if drop and holes.all():
        message = "No case is left: each has a hole in a column of the model"
        advice = "fill the values in or use other columns"
        raise DataError([Finding("empty", "error", message, advice), *found])
    return [*wrong, *found], holes
