"""Find the columns the user named, and read them as flags or numbers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.labels import named_list
from choicekit.exceptions import Finding, nearest

__all__ = ["flags_of", "frame_findings", "locate", "numbers_of", "unknown_column"]


def frame_findings(frame: object) -> list[Finding]:
    """Say why this is not a table that can be read at all."""
    if not isinstance(frame, pd.DataFrame):
        kind = f"{type(frame).__module__.split('.')[0]}.{type(frame).__name__}"
        cure = "build one with pd.DataFrame(...)"
        if hasattr(frame, "to_pandas"):
            cure = "convert it with .to_pandas()"
        message = f"The data are a {kind}, no DataFrame of pandas, polars or the like"
        return [Finding("not-a-frame", "error", message, cure)]
    if len(frame) == 0:
        return [
            Finding(
                "empty",
                "error",
                "The frame has no rows",
                "look at the file or the filter that made it",
            )
        ]
    return []


def locate(
    frame: pd.DataFrame, roles: Mapping[str, Hashable | None], optional: frozenset[str]
) -> tuple[dict[str, pd.Series[Any]], list[Finding]]:
    """Find the column, or the index level, of each role.

    Parameters
    ----------
    frame
        The user's frame.
    roles
        ``{"case": "individual", ...}``: argument name -> column name or None.
    optional
        Roles whose column may be absent from the frame (new data for prediction).

    Returns
    -------
    columns
        Role -> its values, for the roles that were named and found.
    findings
        Names that are not there, or stand for several columns.
    """
    columns: dict[str, pd.Series[Any]] = {}
    findings: list[Finding] = []
    for role, name in roles.items():
        if name is None:
            continue
        values = _column(frame, name, f"{role}=")
        if isinstance(values, Finding):
            if not (role in optional and values.code == "unknown-column"):
                findings.append(values)
        else:
            columns[role] = values
    return columns, findings


def _column(frame: pd.DataFrame, name: Hashable, role: str) -> pd.Series[Any] | Finding:
    """Return the column or index level of that name, or say why there is none."""
    if not isinstance(name, Hashable) or isinstance(name, pd.Index):
        return Finding(
            "unknown-column",
            "error",
            f"{role} is a {type(name).__name__}, not the name of a column",
            "put the values into the frame and give the name of their column",
        )
    if name in frame.columns:
        values = frame[name]
        if isinstance(values, pd.DataFrame):
            return Finding(
                "ambiguous-column",
                "error",
                f"{role}{name!r} stands for {values.shape[1]} columns",
                "give every column a name of its own (MultiIndex columns: the whole tuple)",
                column=str(name),
            )
        return values
    if name is not None and name in frame.index.names:
        level: Any = name
        return pd.Series(frame.index.get_level_values(level), copy=False)
    return unknown_column(name, frame, role)


def unknown_column(name: Hashable, frame: pd.DataFrame, role: str = "") -> Finding:
    """Say that there is no such column, and which one was probably meant."""
    known = [*frame.columns, *(level for level in frame.index.names if level is not None)]
    close = nearest(name, known)
    cure = f"did you mean {close!r}?" if close is not None else ""
    cure = cure or f"the columns are {named_list(known, 12)}"
    message = f"There is no column {role}{name!r}"
    return Finding("unknown-column", "error", message, cure, column=str(name))


def numbers_of(values: pd.Series[Any], role: str) -> NDArray[np.float64] | Finding:
    """Read a column as float64 (L,), NaN where missing; or say that it is not numeric."""
    if pd.api.types.is_numeric_dtype(values.dtype) and values.dtype.kind != "c":
        if isinstance(values.dtype, np.dtype):
            return values.to_numpy().astype(np.float64, copy=False)
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    name = values.name
    return Finding(
        "not-numeric",
        "error",
        f"The column {role}{name!r} is not numeric but {values.dtype}",
        f'convert it: df[{name!r}] = pd.to_numeric(df[{name!r}], errors="coerce") '
        "turns what is no number into a missing value",
        column=str(name),
    )


def flags_of(values: pd.Series[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | list[Any]:
    """Read a column of True/False or 1/0.

    Returns
    -------
    (flags, missing) : bool (L,) twice
        or the list of the values that are neither, if there are any.
    """
    if values.dtype == np.bool_:
        return values.to_numpy(), np.zeros(len(values), dtype=np.bool_)
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iuf":
        array = values.to_numpy()
        flags = array == 1
        # A flag or a zero: every other entry must be NaN, or it is no flag at all.
        other = ~(flags | (array == 0))
        if not other.any():
            return flags, other
        missing = np.isnan(array) if array.dtype.kind == "f" else np.zeros_like(other)
        wrong = array[other & ~missing]
        return (flags, missing) if len(wrong) == 0 else np.unique(wrong)[:20].tolist()
    missing = values.isna().to_numpy()
    objects = values.to_numpy(dtype=object)
    try:
        uniques = pd.unique(objects[~missing])
    except TypeError:  # lists or arrays among the cells
        return [type(x).__name__ for x in objects[~missing][:1]]
    wrong_labels = [x for x in uniques if isinstance(x, str) or x not in (0, 1)]
    if wrong_labels:
        return wrong_labels
    flags = np.zeros(len(values), dtype=np.bool_)
    flags[~missing] = objects[~missing].astype(np.bool_)
    return flags, missing
