"""What can be wrong with the structure of choice data, all of it found in one pass.

Axes: C cases, L rows (here before unavailable rows are left out).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import FIRST_FEW, DataError, Finding, SpecificationError

__all__ = [
    "Notebook",
    "Rows",
    "case_finding",
    "check_choices",
    "check_policy",
    "check_sets",
    "per_case",
]

DROP_CURE = 'leave these cases out with missing="drop"'


@dataclass(eq=False)
class Notebook:
    """Collects findings about cases while one frame is read.

    Attributes
    ----------
    ids : (C,)
        Label of each case, in order of first appearance.
    missing
        ``"raise"`` or ``"drop"``: what happens to cases that cannot be used.
    unit
        What a case of ``ids`` is: ``"case"``, or ``"row"`` as long as the case
        column is unknown.
    """

    ids: pd.Index[Any]
    missing: str = "raise"
    unit: str = "case"
    errors: list[Finding] = field(default_factory=list)
    drops: list[Finding] = field(default_factory=list)
    dropped: NDArray[np.bool_] = field(init=False)  # (C,) left out of the data
    unclear: NDArray[np.bool_] = field(init=False)  # (C,) choice set or choice in doubt

    def __post_init__(self) -> None:
        self.dropped = np.zeros(len(self.ids), dtype=np.bool_)
        self.unclear = np.zeros(len(self.ids), dtype=np.bool_)

    def error(
        self,
        code: str,
        cases: NDArray[Any],
        message: str,
        cure: str,
        column: Hashable | None = None,
        unclear: bool = True,
    ) -> None:
        """Note an error of some cases, given as bool (C,) or positions; none: no error.

        A case that is left out anyway is not reported again. ``unclear`` cases
        are excused from later checks, which would only echo the first finding.
        """
        mask = self._mask(cases) & ~self.dropped
        if mask.any():
            self.errors.append(
                case_finding(code, "error", mask, self.ids, message, cure, column, self.unit)
            )
            self.unclear |= mask & unclear

    def unusable(
        self,
        code: str,
        cases: NDArray[Any],
        message: str,
        cure: str,
        column: Hashable | None = None,
        unclear: bool = True,
    ) -> None:
        """Note cases that carry no usable choice: dropped or an error, as the user asked."""
        if self.missing == "raise":
            self.error(code, cases, message, f"{cure}, or {DROP_CURE}", column, unclear)
            return
        mask = self._mask(cases)
        if mask.any():
            self.drops.append(
                case_finding(code, "warning", mask, self.ids, message, "", column, self.unit)
            )
            self.dropped |= mask
            self.unclear |= mask

    def _mask(self, cases: NDArray[Any]) -> NDArray[np.bool_]:
        """Turn positions of cases into bool (C,); a mask passes through."""
        if cases.dtype == np.bool_:
            return cases
        mask = np.zeros(len(self.ids), dtype=np.bool_)
        mask[cases] = True
        return mask

    def raise_if_any(self, heading: str = "The data cannot be used") -> None:
        """Raise one DataError with everything noted so far; cases dropped do not count."""
        if self.errors:
            raise DataError(self.errors, heading)
        if len(self.ids) and bool(self.dropped.all()):
            nothing_left = Finding(
                "empty",
                "error",
                'No case is left: missing="drop" would leave out every one',
                "look at the findings below",
            )
            raise DataError([nothing_left, *self.drops], heading)


def check_policy(missing: str) -> None:
    """Refuse a policy for missing values that does not exist."""
    if missing not in ("raise", "drop"):
        raise SpecificationError(f'missing must be "raise" or "drop", not {missing!r}')


def case_finding(
    code: str,
    severity: str,
    cases: NDArray[Any],
    ids: pd.Index[Any],
    message: str,
    cure: str,
    column: Hashable | None = None,
    unit: str = "case",
) -> Finding:
    """Make a finding about cases given as bool (C,) or as sorted distinct positions."""
    positions = np.flatnonzero(cases) if cases.dtype == np.bool_ else cases
    few = tuple(ids[positions[:FIRST_FEW]].tolist())
    name = None if column is None else str(column)
    return Finding(code, severity, message, cure, name, len(positions), few, unit)


@dataclass(frozen=True, eq=False)
class Rows:
    """Every row of a readable frame, sorted by case and alternative.

    Attributes
    ----------
    case : int64 (L,)
        Position of the case among the C ids; a case may have no row at all.
    alt : int32 (L,)
        Alternative code 0..J-1.
    n_cases, n_alternatives
        C and J.
    duplicate : bool (L,) or None
        Rows that repeat the case and alternative of the row before.
    marked : bool (L,) or None
        Rows marked as chosen; None: the choice is unknown.
    open : bool (L,) or None
        Rows that were available; None: all of them.
    """

    case: NDArray[np.int64]
    alt: NDArray[np.int32]
    n_cases: int
    n_alternatives: int
    duplicate: NDArray[np.bool_] | None = None
    marked: NDArray[np.bool_] | None = None
    open: NDArray[np.bool_] | None = None

    def count(self, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """Count the rows under the mask (None: all) of each case, int64 (C,)."""
        case = self.case if mask is None else self.case[mask]
        return np.bincount(case, minlength=self.n_cases)

    def cases_of(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the cases with a row under the mask, sorted."""
        return np.unique(self.case[mask])


def per_case(
    values: NDArray[Any], rows: Rows, excused: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Reduce a column that should be constant within each case to one value a case.

    Parameters
    ----------
    values : (L,)
        One value for each row, in the order of ``rows``.
    excused : bool (C,)
        Cases that are reported elsewhere.

    Returns
    -------
    first : (C,)
        Value of the first row of each case; 0 for a case without rows.
    varying : int64
        Cases in which another row holds another value.
    """
    sizes = rows.count(None)
    occupied = sizes > 0
    heads = (np.cumsum(sizes) - sizes)[occupied]
    first = np.zeros(rows.n_cases, dtype=values.dtype)
    first[occupied] = values[heads]
    differs = values != np.repeat(first, sizes)
    cases = rows.cases_of(differs) if differs.any() else np.zeros(0, dtype=np.int64)
    return first, _without(excused, cases)


def check_sets(
    rows: Rows, notes: Notebook, alt: Hashable, chosen: Hashable, require_choice: bool
) -> None:
    """Check the choice sets: duplicates, chosen but unavailable, too few to choose from.

    Parameters
    ----------
    alt, chosen
        Names of the columns of the alternative and of the choice.
    require_choice
        When False (prediction), the choice does not matter and one available
        alternative is enough.
    """
    if rows.duplicate is not None:
        notes.error(
            "duplicate-alternative",
            rows.cases_of(rows.duplicate),
            "An alternative occurs more than once in a case",
            f"keep one row per case and alternative ({alt}); if the case ids start again "
            "for each person, make an id of both, for example "
            'df["id"] = df["person"].astype(str) + "-" + df["task"].astype(str)',
            alt,
        )
    if require_choice and rows.open is not None and rows.marked is not None:
        # Before the sizes are checked: a contradiction must not pass for a small
        # choice set, which missing="drop" would leave out.
        notes.error(
            "chosen-unavailable",
            _without(notes.unclear, rows.cases_of(rows.marked & ~rows.open)),
            f"The alternative chosen in column {chosen!r} is not available",
            "correct the availability or the choice",
            chosen,
        )
    n_open = rows.count(rows.open)
    if not require_choice:
        few = (n_open == 0) & ~notes.unclear
        cure = "make an alternative available"
        notes.unusable("no-alternative", few, "No alternative is available", cure)
        return
    few = (n_open < 2) & ~notes.unclear
    message = "Fewer than two alternatives are available, so the choice says nothing"
    if few.all() and rows.open is None and len(few):
        notes.error(
            "one-alternative",
            few,
            message,
            "if the frame has one row per choice and a column per alternative, read it with "
            "ChoiceData.from_wide; else check the column given as case=",
        )
        return
    cure = "add the rows of the alternatives that were available but not chosen"
    notes.unusable("one-alternative", few, message, cure)


def check_choices(
    rows: Rows, notes: Notebook, chosen: Hashable, named: NDArray[np.int32] | None
) -> None:
    """Check that each case has exactly one chosen alternative and that it was available.

    Parameters
    ----------
    chosen
        Name of the column of the choice.
    named : int32 (L,) or None
        The alternative that the column names in each row; None if it marks rows.
    """
    if rows.marked is None:
        return
    if named is not None:
        notes.error(
            "choice-varies",
            per_case(named, rows, notes.unclear)[1],
            f"The column chosen={chosen!r} names different alternatives within a case",
            "repeat the label of the chosen alternative in every row of its case",
            chosen,
        )
    n_marked = rows.count(rows.marked)
    none, several = (n_marked == 0) & ~notes.unclear, (n_marked > 1) & ~notes.unclear
    if named is not None:
        notes.error(
            "chosen-unavailable",
            none,
            f"The alternative that column {chosen!r} names has no row in its case",
            "add the row of the chosen alternative, or correct the choice",
            chosen,
        )
        return
    everywhere = bool(none.all()) and len(none) > 0
    notes.error(
        "none-chosen",
        none,
        f"No row is marked as chosen in column {chosen!r}"
        + (": it is 0 everywhere" if everywhere else ""),
        "give the column that holds the choice"
        if everywhere
        else "put a 1 in the row of the chosen alternative, or remove these cases",
        chosen,
    )
    notes.error(
        "several-chosen",
        several,
        f"Several rows are marked as chosen in column {chosen!r}",
        "mark exactly one row per case with 1; if the case ids start again for each "
        "person, make an id of both",
        chosen,
    )


def _without(excused: NDArray[np.bool_], cases: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leave out the cases that are excused, bool (C,)."""
    return cases[~excused[cases]]
