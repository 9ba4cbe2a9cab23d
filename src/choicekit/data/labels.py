"""Labels to codes and back: cases, people, alternatives."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import DataError, Finding

__all__ = ["Alternatives", "given_alternatives", "label_codes", "named_list"]

PROBE = 1000  # rows that show whether equal labels are neighbours
MISSING = -1
UNKNOWN = -2


def label_codes(values: pd.Series[Any]) -> tuple[NDArray[np.int64], pd.Index[Any]]:
    """Give the labels codes in order of first appearance.

    Labels that sit in blocks (all rows of a case together) are hashed once per
    block, which is what makes a sorted frame cheap.

    Parameters
    ----------
    values : (L,)
        Labels of any hashable type.

    Returns
    -------
    codes : int64 (L,)
        -1 where the label is missing.
    labels : Index (C,)
        Label of each code.

    Raises
    ------
    TypeError
        If a label is not hashable (a list, say).
    """
    array: Any = values.to_numpy() if isinstance(values.dtype, np.dtype) else values.array
    heads = _block_heads(array)
    if heads is None:
        codes, uniques = pd.factorize(array)
    else:
        short, uniques = pd.factorize(array[heads])
        codes = np.repeat(short, np.diff(np.append(heads, len(array))))
    if isinstance(uniques, pd.Categorical):
        uniques = np.asarray(uniques)
    labels = pd.Index(uniques, tupleize_cols=False, copy=False)
    return codes.astype(np.int64, copy=False), labels


def _block_heads(array: Any) -> NDArray[np.int64] | None:
    """First row of each block of equal neighbours; None if blocks are of no use."""
    change = _changes(array[:PROBE])
    if change is None or 2 * np.count_nonzero(change) > len(change):
        return None
    change = _changes(array)
    if change is None:
        return None
    return np.concatenate((np.zeros(1, dtype=np.int64), np.flatnonzero(change) + 1))


def _changes(array: Any) -> NDArray[np.bool_] | None:
    """Whether each label differs from the one before, bool (L-1,); None if they do not compare."""
    if isinstance(array, pd.Categorical):
        array = array.codes
    try:
        change: Any = array[1:] != array[:-1]
        if not isinstance(change, np.ndarray):
            change = change.to_numpy(dtype=bool, na_value=True)
    except (TypeError, ValueError):
        return None  # pd.NA, arrays or other oddities among the objects
    if change.dtype != np.bool_ or change.shape != (max(len(array) - 1, 0),):
        return None
    flags: NDArray[np.bool_] = change
    return flags


@dataclass(frozen=True)
class Alternatives:
    """The alternatives in their order, and the code that stands for each in the data.

    Attributes
    ----------
    labels
        J labels: the names used in coefficients and tables.
    codes
        J codes: what the columns of the data hold (often the labels themselves).
    """

    labels: tuple[Hashable, ...]
    codes: tuple[Hashable, ...]

    @classmethod
    def given(cls, alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable]) -> Alternatives:
        """Take the user's list of labels or dict from label to code."""
        if isinstance(alternatives, Mapping):
            return cls(tuple(alternatives), tuple(alternatives.values()))
        return cls(tuple(alternatives), tuple(alternatives))

    @classmethod
    def seen(cls, found: pd.Index[Any], dtype: object) -> Alternatives:
        """Learn them from a column: category order, else order of first appearance.

        Parameters
        ----------
        found
            Labels in order of first appearance, as ``label_codes`` returns them.
        dtype
            Of the column; categories without rows are left out.
        """
        labels = found.tolist()
        if isinstance(dtype, pd.CategoricalDtype):
            used = set(labels)
            labels = [label for label in dtype.categories.tolist() if label in used]
        if labels and all(isinstance(x, float) and x.is_integer() for x in labels):
            # A csv with one missing cell turns 1, 2, 3 into 1.0, 2.0, 3.0.
            labels = [int(x) for x in labels]
        return cls(tuple(labels), tuple(labels))

    def match(
        self, rows: NDArray[np.int64], found: pd.Index[Any]
    ) -> tuple[NDArray[np.int32], list[Any]]:
        """Find the alternative that each value names, by its code or by its label.

        Parameters
        ----------
        rows, found
            A column of codes or labels as ``label_codes`` returns it.

        Returns
        -------
        codes : int32 (L,)
            0..J-1; -1 where the value is missing, -2 where it names no alternative.
        unknown
            The values that name no alternative.
        """
        places = {label: j for j, label in enumerate(self.labels)}
        places.update({code: j for j, code in enumerate(self.codes)})
        values_found = found.tolist()
        # One entry more than labels: the code -1 of a missing value lands on it.
        table = np.array([places.get(v, UNKNOWN) for v in values_found] + [MISSING], dtype=np.int32)
        unknown = [v for v in values_found if v not in places]
        return table[rows], unknown


def _alternative_findings(alternatives: object) -> list[Finding]:
    """Say what is wrong with the ``alternatives`` argument itself."""
    if isinstance(alternatives, str) or not isinstance(alternatives, Iterable):
        return [
            Finding(
                "alternatives",
                "error",
                f"alternatives={alternatives!r} is not a list of labels",
                'write alternatives=["car", "bus"] or alternatives={"car": 1, "bus": 2}',
            )
        ]
    given = Alternatives.given(alternatives)
    found = []
    for what, labels in (("label", given.labels), ("code", given.codes)):
        twice = [x for i, x in enumerate(labels) if x in labels[:i]]
        if twice and not (what == "code" and given.codes == given.labels):
            found.append(
                Finding(
                    "alternatives",
                    "error",
                    f"alternatives= holds the {what} {named_list(twice)} more than once",
                    f"give every alternative a {what} of its own",
                )
            )
    if len(given.labels) < 2:
        found.append(
            Finding(
                "alternatives",
                "error",
                f"alternatives= names {len(given.labels)} alternative(s); a choice needs two",
                "list every alternative that anybody could choose",
            )
        )
    return found


def given_alternatives(
    alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable],
) -> Alternatives:
    """Take the argument ``alternatives``, or raise."""
    if not isinstance(alternatives, (str, Mapping)) and isinstance(alternatives, Iterable):
        alternatives = list(alternatives)  # a generator can be read only once
    wrong = _alternative_findings(alternatives)
    if wrong:
        raise DataError(wrong)
    return Alternatives.given(alternatives)


def named_list(names: Iterable[object], limit: int = 10) -> str:
    """List names as the user would type them, cut after ``limit``.

    Examples
    --------
    >>> named_list(["air", "bus", 3], limit=2)
    "'air', 'bus', ... (3 in all)"
    """
    # A csv with one missing cell turns 1 into 1.0, which is not what the user wrote.
    shown = [int(x) if isinstance(x, float) and x.is_integer() else x for x in names]
    text = ", ".join(repr(name) for name in shown[:limit])
    return text if len(shown) <= limit else f"{text}, ... ({len(shown)} in all)"
