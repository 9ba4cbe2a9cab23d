"""Read rankings: long data with a column of ranks, and perhaps of the worst alternative.

Axes: C rankings, L rows of the user's frame, C' choices, L' their rows.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.assemble import Reading, Settled, arrange, picked, settle
from choicekit.data.caselevel import case_person, case_weights
from choicekit.data.checks import Notebook, Rows, check_choices, check_sets
from choicekit.data.choices import Choice
from choicekit.data.columns import flags_of, locate, numbers_of
from choicekit.data.explode import Exploded, explode, places_of
from choicekit.data.frames import require_frame
from choicekit.data.labels import Alternatives
from choicekit.data.readers import LongReader, read_marks
from choicekit.exceptions import DataError, Finding, SpecificationError

__all__ = ["STAGE", "WORST", "RankReader"]

STAGE, WORST = "stage", "worst_stage"  # columns added to the frame


@dataclass(frozen=True)
class RankReader(LongReader):
    """The arguments of ``ChoiceData.from_rankings``, ready to read another frame alike.

    ``chosen`` is the column of the ranks.
    """

    worst: Hashable | None = None
    depth: int | None = None

    form = "rankings"

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.depth, int | np.integer) and not isinstance(self.depth, bool)
        if self.depth is not None and not (whole and self.depth >= 1):
            raise SpecificationError(
                f"depth must be a whole number of at least 1, not {self.depth!r}: how many choices "
                "to take from the top of each ranking."
            )

    def flags(self) -> set[Hashable]:
        """Return the names of columns that are no attributes."""
        return {STAGE, WORST, *super().flags(), *({self.worst} - {None})}

    def read(self, frame: Any, *, require_choice: bool = True) -> Reading:
        """Read, check and explode a frame; raise one DataError with all findings.

        Parameters
        ----------
        frame
            The user's frame of any kind, not changed.
        require_choice
            False for prediction: ranks are not read, and each case is one first choice.
        """
        frame = require_frame(frame)
        parsed = self.parse(frame, require_choice)
        notes, alternatives = parsed.notes, parsed.alternatives
        notes.errors += _taken_names(frame, self.worst is not None)
        columns: dict[str, pd.Series[Any]] = {}
        if require_choice:
            roles = {"rank": self.chosen, "worst": self.worst}
            columns, lost = locate(frame, roles, frozenset())
            notes.errors += lost
        heading = "The data cannot be used" if require_choice else "The new data cannot be used"
        if alternatives is None or notes.unit == "row":
            raise DataError(notes.errors, heading)
        marks = None
        if "worst" in columns:
            marks = read_marks(
                columns["worst"], parsed.case, parsed.alt, alternatives, notes, True, "worst"
            )
        index, rows = arrange(parsed.case, parsed.alt, len(notes.ids), len(alternatives.labels))
        rows = replace(rows, open=None if parsed.open is None else picked(parsed.open, index))
        check_sets(rows, notes, self.alt, self.chosen, require_choice)
        place = self._places(columns, rows, index, notes)
        worst = self._worst(marks, rows, index, place, notes)
        weights = case_weights(parsed.weights, rows, index, self.weights, notes)
        person = case_person(parsed.person, rows, index, self.person, notes)
        notes.raise_if_any(heading)
        done = settle(rows, notes, weights, person)
        if place is None:
            found = _unexploded(done)
        else:
            left = None if worst is None else picked(worst, done.kept)
            found = explode(done.layout, picked(place, done.kept), left, self.depth)
        if done.kept is not None:
            index = done.kept if index is None else index[done.kept]
        origin = found.rows if index is None else index[found.rows]
        return self._reading(frame, origin, done, found, alternatives, notes)

    def _roles(self) -> dict[str, Hashable | None]:
        """The columns of the long frame but for the ranks, which are no marks of a choice."""
        person = None if self.person == self.case else self.person
        return {**super()._roles(), "chosen": None, "person": person}

    def _places(
        self,
        columns: dict[str, pd.Series[Any]],
        rows: Rows,
        index: NDArray[np.int64] | None,
        notes: Notebook,
    ) -> NDArray[np.int64] | None:
        """Places in the rankings, int64 (L,); None if they are not known."""
        if "rank" not in columns:
            return None
        rank = numbers_of(columns["rank"], "rank=")
        flags = flags_of(columns["rank"]) if self.worst is not None else []
        if isinstance(flags, tuple):  # marks of the best
            rank = np.where(flags[0], 1.0, np.nan)
        if isinstance(rank, Finding):
            notes.errors.append(rank)
            return None
        return places_of(picked(rank, index), rows, notes, self.chosen)

    def _worst(
        self,
        worst: Choice | None,
        rows: Rows,
        index: NDArray[np.int64] | None,
        place: NDArray[np.int64] | None,
        notes: Notebook,
    ) -> NDArray[np.bool_] | None:
        """Rows of the worst alternatives, bool (L,); None if they are not known."""
        if worst is None:
            return None
        marked = picked(worst.marked, index)
        named = None if worst.codes is None else picked(worst.codes, index)
        if rows.open is not None:
            closed = rows.cases_of(marked & ~rows.open)
            notes.error(
                "chosen-unavailable",
                closed[~notes.unclear[closed]],
                f"The alternative marked in column {self.worst!r} is not available",
                "correct the availability or the mark",
                self.worst,
            )
        check_choices(replace(rows, marked=marked), notes, self.worst, named)
        if place is not None:
            most = rows.count(rows.open)[rows.case] - 1
            most = most if self.depth is None else np.minimum(most, self.depth)
            both = rows.cases_of(marked & (place < most))
            notes.error(
                "best-and-worst",
                both[~notes.unclear[both]],
                f"The alternative that column worst={self.worst!r} marks is also chosen as one of "
                "the best",
                "mark another alternative as the worst, or leave its rank empty",
                self.worst,
            )
        return marked

    def _reading(
        self,
        frame: pd.DataFrame,
        origin: NDArray[np.int64],
        done: Settled,
        found: Exploded,
        alternatives: Alternatives,
        notes: Notebook,
    ) -> Reading:
        """Put the parts together; the decision maker is who ranked."""
        person, people = found.ranking, done.case_ids
        if done.layout.person is not None and done.person_ids is not None:
            person, people = done.layout.person[found.ranking], done.person_ids
        own = frame.take(origin)
        sizes = found.layout.sizes
        own[STAGE] = np.repeat(found.stage, sizes)
        if self.worst is not None:
            own[WORST] = np.repeat(found.worst, sizes)
        labels = done.case_ids[found.ranking].tolist()
        ids = np.empty(len(labels), dtype=object)
        ids[:] = list(zip(labels, found.stage.tolist(), strict=True))
        return Reading(
            frame=own,
            layout=replace(found.layout, person=person),
            alternatives=alternatives.labels,
            case_ids=pd.Index(ids, tupleize_cols=False),
            person_ids=people,
            case=self.case,
            alt=self.alt,
            origin=origin,
            n_input_rows=len(frame),
            dropped=tuple(notes.drops),
            dropped_ids=notes.ids[notes.dropped],
        )


def _taken_names(frame: pd.DataFrame, worst: bool) -> list[Finding]:
    """Say that the frame already has a column of a name that is added."""
    added = (STAGE, WORST) if worst else (STAGE,)
    return [
        Finding(
            "name-taken",
            "error",
            f"The frame has a column {name!r}, the name of a column that the stages of the "
            "rankings get",
            f"rename it: df.rename(columns={{{name!r}: {name + '_'!r}}})",
            name,
        )
        for name in added
        if name in frame.columns
    ]


def _unexploded(done: Settled) -> Exploded:
    """One first choice a case, for prediction."""
    layout, n = done.layout, done.layout.n_cases
    every = np.arange(n)
    plain = replace(layout, person=None)
    ones, no = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    return Exploded(plain, np.arange(layout.n_rows), every, ones, no)
