"""Read long data: one row per case and alternative.

Axes: C cases, L rows of the user's frame.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.assemble import Reading, arrange, own_frame, picked, settle
from choicekit.data.caselevel import (
    FILL,
    case_person,
    case_weights,
    cases_at,
    read_person,
    read_weights,
    unhashable,
)
from choicekit.data.checks import Notebook, check_choices, check_policy, check_sets
from choicekit.data.choices import Choice, read_choice, unknown_choice_cure
from choicekit.data.columns import flags_of, locate
from choicekit.data.frames import require_frame
from choicekit.data.labels import (
    MISSING,
    UNKNOWN,
    Alternatives,
    label_codes,
    named_list,
)
from choicekit.exceptions import FIRST_FEW, DataError, Finding, nearest

__all__ = ["LongReader", "Parsed", "read_marks"]

PREDICTION_NEEDS_NOT = frozenset({"chosen", "person", "weights"})


@dataclass(frozen=True)
class LongReader:
    """The arguments of ``ChoiceData.from_long``, ready to read another frame alike."""

    case: Hashable
    alt: Hashable
    chosen: Hashable | None  # None: the choice is read elsewhere
    person: Hashable | None = None
    weights: Hashable | None = None
    available: Hashable | None = None
    alternatives: Alternatives | None = None
    missing: str = "raise"

    form = "long"

    def __post_init__(self) -> None:
        check_policy(self.missing)

    def flags(self) -> set[Hashable]:
        """Return the names of the availability columns."""
        return set() if self.available is None else {self.available}

    def knowing(self, alternatives: tuple[Any, ...]) -> Self:
        """Return the same reader with the alternatives it has met."""
        if self.alternatives is not None:
            return self
        return replace(self, alternatives=Alternatives(alternatives, alternatives))

    def read(self, frame: Any, *, require_choice: bool = True) -> Reading:
        """Read and check a frame; raise one DataError with all findings.

        Parameters
        ----------
        frame
            The user's frame of any kind, not changed.
        require_choice
            False for prediction: the columns of the choice, the people and the
            weights may be absent, and the choice is not checked.
        """
        frame = require_frame(frame)
        parsed = self.parse(frame, require_choice)
        notes, choice, alternatives = parsed.notes, parsed.choice, parsed.alternatives
        heading = "The data cannot be used" if require_choice else "The new data cannot be used"
        if alternatives is None or notes.unit == "row":
            raise DataError(notes.errors, heading)
        index, rows = arrange(parsed.case, parsed.alt, len(notes.ids), len(alternatives.labels))
        rows = replace(
            rows,
            marked=None if choice is None else picked(choice.marked, index),
            open=None if parsed.open is None else picked(parsed.open, index),
        )
        check_sets(rows, notes, self.alt, self.chosen, require_choice)
        if require_choice and choice is not None:
            named = None if choice.codes is None else picked(choice.codes, index)
            check_choices(rows, notes, self.chosen, named)
        weights = case_weights(parsed.weights, rows, index, self.weights, notes)
        person = case_person(parsed.person, rows, index, self.person, notes)
        notes.raise_if_any(heading)
        done = settle(rows, notes, weights, person)
        if done.kept is not None:
            index = done.kept if index is None else index[done.kept]
        return Reading(
            frame=own_frame(frame, index),
            layout=done.layout,
            alternatives=alternatives.labels,
            case_ids=done.case_ids,
            person_ids=done.person_ids,
            case=self.case,
            alt=self.alt,
            origin=np.arange(len(frame), dtype=np.int64) if index is None else index,
            n_input_rows=len(frame),
            dropped=tuple(notes.drops),
            dropped_ids=notes.ids[notes.dropped],
        )

    def parse(self, frame: pd.DataFrame, require_choice: bool) -> Parsed:
        """Find the columns and turn each into codes, flags or numbers."""
        optional = frozenset() if require_choice else PREDICTION_NEEDS_NOT
        columns, lost = locate(frame, self._roles(), optional)
        case, notes = _read_case(columns.get("case"), frame, self.missing)
        notes.errors[:0] = lost
        alt, alternatives = _read_alt(columns.get("alt"), self.alternatives, case, notes)
        opened = _read_available(columns.get("available"), case, notes)
        weights = read_weights(columns.get("weights"), case, notes)
        person = read_person(columns.get("person"), case, notes)
        choice = None
        if "chosen" in columns and alternatives is not None:
            choice = read_marks(columns["chosen"], case, alt, alternatives, notes, require_choice)
        return Parsed(case, notes, alt, alternatives, opened, weights, person, choice)

    def _roles(self) -> dict[str, Hashable | None]:
        return {
            "case": self.case,
            "alt": self.alt,
            "chosen": self.chosen,
            "person": self.person,
            "weights": self.weights,
            "available": self.available,
        }


@dataclass(frozen=True, eq=False)
class Parsed:
    """The columns of a long frame as arrays, in the order of the frame's L rows."""

    case: NDArray[np.int64]
    notes: Notebook
    alt: NDArray[np.int32]
    alternatives: Alternatives | None
    open: NDArray[np.bool_] | None
    weights: NDArray[np.float64] | None
    person: tuple[NDArray[np.int64], pd.Index[Any]] | None
    choice: Choice | None


def _read_case(
    values: pd.Series[Any] | None, frame: pd.DataFrame, missing: str
) -> tuple[NDArray[np.int64], Notebook]:
    """Give the cases codes; without a case column, each row counts for itself in the findings."""
    everything = np.arange(len(frame), dtype=np.int64)
    if values is None:
        return everything, Notebook(frame.index, missing, unit="row")
    try:
        case, ids = label_codes(values)
    except TypeError:
        notes = Notebook(frame.index, missing, unit="row")
        notes.errors.append(unhashable(values, "case="))
        return everything, notes
    notes = Notebook(ids, missing)
    lost = case < 0
    if lost.any():
        # Which case such a row belongs to is unknown: dropping it might quietly
        # take an alternative out of a choice set, so this is always an error.
        few = tuple(frame.index[lost][:FIRST_FEW].tolist())
        notes.errors.append(
            Finding(
                "missing-id",
                "error",
                f"The case id is missing in column {values.name!r}",
                f"{FILL} or remove these rows: no one can say which case they belong to",
                str(values.name),
                int(lost.sum()),
                few,
                "row",
            )
        )
    return case, notes


def _read_alt(
    values: pd.Series[Any] | None,
    given: Alternatives | None,
    case: NDArray[np.int64],
    notes: Notebook,
) -> tuple[NDArray[np.int32], Alternatives | None]:
    """Give codes to the alternatives of the rows; negative where missing or not listed."""
    nothing = np.full(len(case), MISSING, dtype=np.int32)
    if values is None:
        return nothing, None
    try:
        rows, found = label_codes(values)
    except TypeError:
        notes.errors.append(unhashable(values, "alt="))
        return nothing, None
    alternatives = given if given is not None else Alternatives.seen(found, values.dtype)
    alt, unlisted = alternatives.match(rows, found)
    if alt.min(initial=0) == 0:
        return alt, alternatives
    notes.unusable(
        "missing-values",
        cases_at(alt == MISSING, case),
        f"The alternative is missing in column {values.name!r}",
        FILL,
        values.name,
    )
    if unlisted:
        close = nearest(unlisted[0], alternatives.labels)
        hint = f" (did you mean {close!r}?)" if close is not None else ""
        notes.error(
            "unlisted-alternative",
            cases_at(alt == UNKNOWN, case),
            f"The column {values.name!r} holds {named_list(unlisted)}{hint}, "
            f"but the alternatives are {named_list(alternatives.labels)}",
            "correct the labels, add them to alternatives=, or remove these rows",
            values.name,
        )
    return alt, alternatives


def _read_available(
    values: pd.Series[Any] | None, case: NDArray[np.int64], notes: Notebook
) -> NDArray[np.bool_] | None:
    """Read which rows were available, bool (L,)."""
    if values is None:
        return None
    flags = flags_of(values)
    if isinstance(flags, list):
        notes.errors.append(
            Finding(
                "not-a-flag",
                "error",
                f"The column available={values.name!r} holds {named_list(flags, 5)}, "
                "not only 0 and 1",
                "use True/False or 1/0",
                str(values.name),
            )
        )
        return None
    notes.unusable(
        "missing-values",
        cases_at(flags[1], case),
        f"The availability is missing in column {values.name!r}",
        FILL,
        values.name,
    )
    return flags[0]


def read_marks(
    values: pd.Series[Any],
    case: NDArray[np.int64],
    alt: NDArray[np.int32],
    alternatives: Alternatives,
    notes: Notebook,
    require_choice: bool,
    role: str = "chosen",
) -> Choice | None:
    """Read a column of choices and note what is neither a mark nor an alternative."""
    try:
        choice = read_choice(values, case, alt, alternatives)
    except TypeError:
        if require_choice:
            notes.errors.append(unhashable(values, f"{role}="))
        return None
    if not require_choice:
        return choice
    name = values.name
    notes.unusable(
        "missing-values",
        cases_at(choice.missing, case),
        f"The choice is missing in column {name!r}",
        FILL,
        name,
    )
    if choice.strange_values:
        notes.error(
            "unknown-choice",
            cases_at(choice.strange, case),
            f"The column {role}={name!r} holds {named_list(choice.strange_values, 5)}: "
            "neither a mark (0/1) nor the label of an alternative",
            unknown_choice_cure(choice.strange_values, alternatives, name, wide=False),
            name,
        )
    return choice
