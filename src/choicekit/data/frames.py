"""Frames of other libraries at the door: read into pandas once, answered in kind.

Axes: L rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.columns import frame_findings
from choicekit.exceptions import DataError

__all__ = ["as_pandas", "in_kind", "require_frame"]

WHOLE = 2**53  # the integers of a float64 have gaps beyond


def require_frame(frame: Any) -> pd.DataFrame:
    """The user's table as a pandas DataFrame.

    Raises
    ------
    DataError
        If it is no table, or has no rows.
    """
    found: pd.DataFrame = as_pandas(frame)
    wrong = frame_findings(found)
    if wrong:
        raise DataError(wrong)
    return found


def as_pandas(frame: Any) -> Any:
    """Read a frame of polars, pyarrow, modin, ... into pandas; anything else is returned as it is.

    Whatever ``narwhals`` knows is read, lazy frames are collected. Integers with missing values
    become floats (nullable integers where floats would round them), decimals floats, flags with
    missing values nullable flags; an Enum and a dictionary of Arrow keep the order of their
    categories. The categories of a Categorical of polars have no order of their own (it is the
    process's), so they are read as text.

    Examples
    --------
    >>> import pyarrow
    >>> as_pandas(pyarrow.table({"trip": [1, 1], "cost": [2, None]})).dtypes.astype(str).to_dict()
    {'trip': 'int64', 'cost': 'float64'}
    """
    if isinstance(frame, pd.DataFrame):
        return frame
    import narwhals.stable.v2 as nw

    found = nw.from_native(frame, pass_through=True)
    if isinstance(found, nw.LazyFrame):
        found = found.collect()
    if not isinstance(found, nw.DataFrame):
        return frame
    if found.implementation.is_pandas_like():
        return found.to_pandas()
    polars = found.implementation.is_polars()
    columns = {name: _column(found[name], polars) for name in found.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(found)))


def in_kind(table: pd.Series[Any] | pd.DataFrame, frame: Any) -> Any:
    """Turn predictions, in the order of the user's frame, into its own kind of series or frame.

    For pandas and for no frame at all they stay what they are; the index goes, as other frames
    have none, and the names of columns become text.
    """
    if frame is None or isinstance(frame, pd.DataFrame):
        return table
    import narwhals.stable.v2 as nw

    native = nw.from_native(frame)
    if isinstance(native, nw.LazyFrame):
        native = native.collect()
    backend: Any = native.implementation
    if isinstance(table, pd.DataFrame):
        columns = {str(name): table[name].to_numpy() for name in table.columns}
        return nw.from_dict(columns, backend=backend).to_native()
    return nw.new_series(str(table.name), table.to_numpy(), backend=backend).to_native()


def _column(values: Any, polars: bool) -> Any:
    """One column of narwhals' as what pandas' users would have, (L,)."""
    import narwhals.stable.v2 as nw

    dtype = values.dtype
    if dtype.is_integer():
        return _integers(values)
    if dtype.is_float():
        return values.to_numpy()
    if dtype.is_decimal():
        return values.cast(nw.Float64).to_numpy()
    if dtype == nw.Boolean:
        listed = values.to_numpy()
        return listed if listed.dtype == np.bool_ else pd.array(values.to_list(), dtype="boolean")
    if dtype == nw.Categorical and not polars:
        return pd.Categorical(values.to_list(), values.cat.get_categories().to_list())
    if dtype == nw.Enum:
        return pd.Categorical(values.to_list(), list(dtype.categories), ordered=True)
    if dtype == nw.Datetime and dtype.time_zone is not None:
        moments = pd.Series(values.to_numpy()).dt.tz_localize("UTC")
        return moments.dt.tz_convert(dtype.time_zone)
    if dtype in (nw.Date, nw.Datetime, nw.Duration):
        return values.to_numpy()
    return values.to_list()  # text, and what no model uses


def _integers(values: Any) -> NDArray[Any] | pd.api.extensions.ExtensionArray:
    """Integers, (L,): of their own width, or with missing values floats if these are exact."""
    import narwhals.stable.v2 as nw

    if not values.null_count():
        whole: NDArray[Any] = values.to_numpy()
        return whole
    rest = values.drop_nulls()
    if len(rest) and max(abs(int(rest.min())), abs(int(rest.max()))) > WHOLE:
        nullable: pd.api.extensions.ExtensionArray = pd.array(values.to_list(), dtype="Int64")
        return nullable
    floats: NDArray[Any] = values.cast(nw.Float64).to_numpy()
    return floats
