"""A stable 64-bit number for every label, so that random draws belong to a case.

Draws seeded by the key of a case do not change when rows are reordered, when
other cases come or go, or in another process.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["case_keys"]

_INT64 = np.iinfo(np.int64)


def case_keys(case_ids: pd.Index[Any] | NDArray[Any] | Iterable[Any]) -> NDArray[np.uint64]:
    """Hash each label on its own.

    Labels that compare equal get the same key, whatever column they sit in: 5
    as int8, as int64, as 5.0 (a column of integers with one missing value) or
    as an object beside strings. The text "5" is another label.

    Parameters
    ----------
    case_ids : (C,)
        Numbers, strings, tuples, dates or a mixture.

    Returns
    -------
    uint64 (C,)
        Integers go through the finaliser of SplitMix64 (Steele, Lea and Flood
        2014, "Fast splittable pseudorandom number generators", OOPSLA, figure
        17, a bijection: different integers never collide); strings through
        SipHash of their UTF-8 bytes (pandas), anything else through the
        SipHash of its type and ``repr``.

    Examples
    --------
    >>> import numpy as np
    >>> a = case_keys(np.array([3, 1, 2], dtype=np.int8))
    >>> b = case_keys([3, "x", (1, 2)])
    >>> bool(a[0] == b[0])
    True
    """
    labels = case_ids if isinstance(case_ids, (pd.Index, np.ndarray)) else _objects(case_ids)
    dtype = labels.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        labels = pd.Index(labels)  # numpy would turn nanoseconds into bare integers
    if isinstance(dtype, np.dtype) and dtype.kind in "ib":
        return _mix(np.asarray(labels).astype(np.int64))
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        values = np.asarray(labels, dtype=np.float64)
        # |values| < 2**53: beyond, neighbouring integers share one float.
        if bool(np.all((values == np.floor(values)) & (np.abs(values) < 2.0**53))):
            return _mix(values.astype(np.int64))
    objects = np.asarray(labels, dtype=object)
    if pd.api.types.infer_dtype(objects, skipna=False) == "string":
        return _hash_text(objects)
    return _hash_mixed(objects)


def _mix(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Finaliser of SplitMix64 after its increment, on int64 (C,) -> uint64 (C,)."""
    z = values.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def _hash_text(texts: NDArray[np.object_]) -> NDArray[np.uint64]:
    """SipHash of the UTF-8 bytes of each string, object (C,) -> uint64 (C,)."""
    return pd.util.hash_array(texts, encoding="utf8", categorize=False)


def _hash_mixed(labels: NDArray[np.object_]) -> NDArray[np.uint64]:
    """Hash labels of any type one by one; only cases with odd ids pay for this loop."""
    plain = [_plain(label) for label in labels]
    keys = np.empty(len(plain), dtype=np.uint64)
    whole = np.array([isinstance(label, int) for label in plain], dtype=np.bool_)
    keys[whole] = _mix(np.array([x for x in plain if isinstance(x, int)], dtype=np.int64))
    texts = [
        x if isinstance(x, str) else f"{type(x).__name__}\0{x!r}"
        for x in plain
        if not isinstance(x, int)
    ]
    if texts:
        keys[~whole] = _hash_text(np.array(texts, dtype=object))
    return keys


def _plain(label: Any) -> Any:
    """Bring a label to the one form that all labels equal to it share."""
    if isinstance(label, tuple):
        return tuple(_plain(part) for part in label)
    if isinstance(label, np.datetime64):
        label = pd.Timestamp(label)
    if isinstance(label, np.generic):
        label = label.item()
    if isinstance(label, float) and label.is_integer():
        label = int(label)
    if isinstance(label, int):
        # bool is an int, and True == 1; huge integers are hashed as text.
        return int(label) if _INT64.min <= label <= _INT64.max else f"int\0{int(label)}"
    if isinstance(label, datetime):
        return f"Timestamp\0{pd.Timestamp(label).isoformat()}"
    return label


def _objects(labels: Iterable[Any]) -> NDArray[np.object_]:
    """Object array (C,) of the labels, tuples kept whole."""
    items = list(labels)
    return np.fromiter(items, dtype=object, count=len(items))
