"""Read the column of the choice in long data: marks in one row, or a label in every row.

Axes: L rows in the order of the user's frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.columns import flags_of
from choicekit.data.labels import UNKNOWN, Alternatives, label_codes, named_list
from choicekit.exceptions import nearest

__all__ = ["Choice", "read_choice", "unknown_choice_cure"]


@dataclass(frozen=True, eq=False)
class Choice:
    """The choice as read.

    Attributes
    ----------
    marked : bool (L,)
        Rows of the chosen alternative.
    missing : bool (L,)
        Rows in which the column is empty.
    strange : bool (L,)
        Rows whose value is neither a mark nor the label of an alternative.
    strange_values
        These values.
    codes : int32 (L,) or None
        When the column holds labels: the alternative each row names.
    """

    marked: NDArray[np.bool_]
    missing: NDArray[np.bool_]
    strange: NDArray[np.bool_]
    strange_values: tuple[Any, ...] = ()
    codes: NDArray[np.int32] | None = None


def read_choice(
    values: pd.Series[Any],
    case: NDArray[np.int64],
    alt: NDArray[np.int32],
    alternatives: Alternatives,
) -> Choice:
    """Read the choice, telling marks (0/1, True/False) from labels.

    A column of zeros and ones is taken as labels only if the alternatives
    themselves are called 0 or 1, the column is constant within every case and
    not constant altogether: marks could not look like that.

    Parameters
    ----------
    values : (L,)
        The column.
    case : int64 (L,)
        Case of each row, -1 if unknown.
    alt : int32 (L,)
        Alternative of each row, negative if unknown.
    """
    flags = flags_of(values)
    if isinstance(flags, tuple):
        marked, missing = flags
        names_01 = any(label in (0, 1) for label in (*alternatives.codes, *alternatives.labels))
        if not (names_01 and _constant_within(marked, case) and marked.any() and not marked.all()):
            return Choice(marked, missing, np.zeros_like(marked))
    codes, unknown = alternatives.match(*label_codes(values))
    strange = codes == UNKNOWN
    return Choice(codes == alt, codes == -1, strange, tuple(unknown), codes)


def _constant_within(marked: NDArray[np.bool_], case: NDArray[np.int64]) -> bool:
    """Whether all rows of each case hold the same mark."""
    known = case >= 0
    ones = np.bincount(case[known & marked], minlength=int(case.max(initial=0)) + 1)
    sizes = np.bincount(case[known], minlength=len(ones))
    return bool(np.all((ones == 0) | (ones == sizes)))


def unknown_choice_cure(
    values: tuple[Any, ...], alternatives: Alternatives, column: object, wide: bool
) -> str:
    """Advise what to do with a column that holds something else than the choice."""
    labels = alternatives.labels
    frame = f"df[{column!r}]"
    yes = next((v for v in values if str(v).lower() in ("yes", "y", "true", "t", "chosen")), None)
    if not wide and yes is not None and len(values) <= 2:
        return f"turn it into marks: {frame} = {frame} == {yes!r}"
    if not wide and {str(v) for v in values} <= {"0", "1"}:
        return f"these are texts, so convert them: {frame} = pd.to_numeric({frame})"
    by_text = {str(code) for code in (*alternatives.codes, *labels)}
    alike = [v for v in values if str(v) in by_text]
    if alike:
        mine = next(x for x in (*alternatives.codes, *labels) if str(x) == str(alike[0]))
        return (
            f"the column holds {alike[0]!r} ({type(alike[0]).__name__}) and the alternative is "
            f"{mine!r} ({type(mine).__name__}): give both the same type"
        )
    close = nearest(values[0], labels) if values else None
    if close is not None and not isinstance(values[0], (int, float)):
        return f"did you mean {close!r}? The alternatives are {named_list(labels)}"
    numbers = all(isinstance(v, (int, float)) for v in values)
    if numbers and not all(isinstance(code, (int, float)) for code in alternatives.codes):
        marks = "" if wide else "mark the chosen row with 1 and the others with 0; "
        return (
            f"{marks}if the column holds codes of the alternatives, "
            "say which, for example alternatives={"
            + ", ".join(f"{label!r}: {k}" for k, label in enumerate(labels[:3], start=1))
            + (", ...}" if len(labels) > 3 else "}")
        )
    either = "" if wide else "1 in the chosen row and 0 in the others, or "
    return f"put {either}one of {named_list(labels)}, or a missing value, into it"
