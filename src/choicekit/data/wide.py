"""Read wide data: one row per case, the alternatives side by side in columns.

Axes: n rows of the user's frame = cases, J alternatives, L0 = n * J cells.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.assemble import Reading, picked, settle
from choicekit.data.caselevel import FILL, read_person, read_weights, unhashable
from choicekit.data.checks import Notebook, Rows, check_choices, check_policy, check_sets
from choicekit.data.choices import unknown_choice_cure
from choicekit.data.columns import flags_of, locate
from choicekit.data.frames import require_frame
from choicekit.data.labels import MISSING, UNKNOWN, Alternatives, label_codes, named_list
from choicekit.data.reshape import stack
from choicekit.data.varying import (
    ALT,
    CASE,
    Plan,
    available_names,
    resolve_available,
    resolve_varying,
)
from choicekit.exceptions import FIRST_FEW, Finding

__all__ = ["WideReader"]


@dataclass(frozen=True)
class WideReader:
    """The arguments of ``ChoiceData.from_wide``, ready to read another frame alike."""

    alternatives: Alternatives
    chosen: Hashable
    varying: Any = None
    available: Any = None
    case: Hashable | None = None
    person: Hashable | None = None
    weights: Hashable | None = None
    missing: str = "raise"

    form = "wide"

    def __post_init__(self) -> None:
        check_policy(self.missing)

    def flags(self) -> set[Hashable]:
        """Return the names of the availability columns."""
        return available_names(self.available, self.alternatives)

    def knowing(self, alternatives: tuple[Any, ...]) -> WideReader:
        """Return the reader itself: it was told the alternatives."""
        return self

    def read(self, frame: Any, *, require_choice: bool = True) -> Reading:
        """Read, check and reshape a frame; raise one DataError with all findings.

        Parameters
        ----------
        frame
            The user's frame of any kind, not changed.
        require_choice
            False for prediction: the columns of the choice, the people and the
            weights may be absent, and the choice is not checked.
        """
        frame = require_frame(frame)
        heading = "The data cannot be used" if require_choice else "The new data cannot be used"
        optional = frozenset() if require_choice else frozenset({"chosen", "person", "weights"})
        columns, lost = locate(frame, self._roles(), optional)
        ids, wrong = _case_labels(columns.get("case"), frame)
        notes = Notebook(ids, self.missing)
        notes.errors += lost + wrong
        plan, wrong = resolve_varying(frame, self.varying, self.alternatives, self._taken())
        notes.errors += wrong
        flags, wrong = resolve_available(frame, self.available, self.alternatives)
        notes.errors += wrong
        own = np.arange(len(frame), dtype=np.int64)
        opened = _available_cells(flags, len(self.alternatives.labels), notes)
        weights = read_weights(columns.get("weights"), own, notes)
        person = read_person(columns.get("person"), own, notes)
        rows = _cells(len(frame), len(self.alternatives.labels), opened)
        if "chosen" in columns:
            chosen = _read_choice(columns["chosen"], self.alternatives, notes, require_choice)
            marked = chosen[:, None] == np.arange(rows.n_alternatives, dtype=np.int32)
            rows = replace(rows, marked=marked.reshape(-1))
        check_sets(rows, notes, ALT, self.chosen, require_choice)
        if require_choice and rows.marked is not None:
            check_choices(rows, notes, self.chosen, None)
        notes.raise_if_any(heading)
        done = settle(rows, notes, weights, person)
        case = CASE if self.case is None else self.case
        origin = picked(rows.case, done.kept)
        return Reading(
            frame=stack(frame, plan, done.layout, done.kept, origin, ids, case, self.alternatives),
            layout=done.layout,
            alternatives=self.alternatives.labels,
            case_ids=done.case_ids,
            person_ids=done.person_ids,
            case=case,
            alt=ALT,
            origin=origin,
            n_input_rows=len(frame),
            dropped=tuple(notes.drops),
            dropped_ids=notes.ids[notes.dropped],
        )

    def _roles(self) -> dict[str, Hashable | None]:
        return {
            "chosen": self.chosen,
            "case": self.case,
            "person": self.person,
            "weights": self.weights,
        }

    def _taken(self) -> Plan:
        """Return a plan with nothing reshaped yet, which knows the case column's name."""
        named = {name for name in self._roles().values() if name is not None}
        return Plan(
            case=CASE if self.case is None else self.case, named=frozenset(named | self.flags())
        )


def _case_labels(
    values: pd.Series[Any] | None, frame: pd.DataFrame
) -> tuple[pd.Index[Any], list[Finding]]:
    """Label the cases, (n,): the case column, else a unique index, else 0..n-1."""
    if values is None:
        index = frame.index
        if index.is_unique and not index.hasnans:
            return index, []
        return pd.RangeIndex(len(frame)), []
    ids = pd.Index(values, tupleize_cols=False)
    try:
        codes, labels = label_codes(values)
    except TypeError:
        return pd.RangeIndex(len(frame)), [unhashable(values, "case=")]
    found = []
    lost = codes < 0
    if lost.any():
        rows = tuple(frame.index[lost][:FIRST_FEW].tolist())
        found.append(
            Finding(
                "missing-id",
                "error",
                f"The case id is missing in column {values.name!r}",
                f"{FILL}, or leave case= out to use the index of the frame",
                str(values.name),
                int(lost.sum()),
                rows,
                "row",
            )
        )
    repeated = np.bincount(codes[~lost], minlength=len(labels)) > 1
    if repeated.any():
        found.append(
            Finding(
                "duplicate-case",
                "error",
                f"A case id occurs in several rows of column {values.name!r}",
                "in wide data each row is a case: give an id of the choice situation, or "
                "leave case= out; the id of the decision maker belongs in person=",
                str(values.name),
                int(repeated.sum()),
                tuple(labels[repeated][:FIRST_FEW].tolist()),
            )
        )
    return ids, found


def _cells(n: int, n_alternatives: int, opened: NDArray[np.bool_] | None) -> Rows:
    """Lay out n * J cells, case after case."""
    return Rows(
        case=np.repeat(np.arange(n, dtype=np.int64), n_alternatives),
        alt=np.tile(np.arange(n_alternatives, dtype=np.int32), n),
        n_cases=n,
        n_alternatives=n_alternatives,
        open=opened,
    )


def _available_cells(
    flags: dict[int, pd.Series[Any]], n_alternatives: int, notes: Notebook
) -> NDArray[np.bool_] | None:
    """Read the availability columns into bool (n * J,); None if there are none."""
    if not flags:
        return None
    opened = np.ones((len(notes.ids), n_alternatives), dtype=np.bool_)
    for j, values in flags.items():
        read = flags_of(values)
        if isinstance(read, list):
            notes.errors.append(
                Finding(
                    "not-a-flag",
                    "error",
                    f"The column {values.name!r} of available= holds {named_list(read, 5)}, "
                    "not only 0 and 1",
                    "use True/False or 1/0",
                    str(values.name),
                )
            )
            continue
        opened[:, j] = read[0]
        notes.unusable(
            "missing-values",
            read[1],
            f"The availability is missing in column {values.name!r}",
            FILL,
            values.name,
        )
    return opened.reshape(-1)


def _read_choice(
    values: pd.Series[Any], alternatives: Alternatives, notes: Notebook, require_choice: bool
) -> NDArray[np.int32]:
    """Read the chosen alternative of each row, int32 (n,), negative where unknown."""
    nothing = np.full(len(values), MISSING, dtype=np.int32)
    try:
        codes, unknown = alternatives.match(*label_codes(values))
    except TypeError:
        notes.errors.append(unhashable(values, "chosen="))
        return nothing
    if not require_choice:
        return codes
    name = values.name
    notes.unusable(
        "missing-values", codes == MISSING, f"The choice is missing in column {name!r}", FILL, name
    )
    if unknown:
        notes.error(
            "unknown-choice",
            codes == UNKNOWN,
            f"The column chosen={name!r} holds {named_list(unknown, 5)}, "
            "which names no alternative",
            unknown_choice_cure(tuple(unknown), alternatives, name, wide=True),
            name,
        )
    return codes
