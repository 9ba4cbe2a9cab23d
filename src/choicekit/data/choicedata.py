"""ChoiceData: who chose what among which alternatives, checked once and then frozen."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data import describe
from choicekit.data.assemble import Reading
from choicekit.data.covariates import unusable
from choicekit.data.keys import case_keys
from choicekit.data.labels import given_alternatives
from choicekit.data.layout import Layout, case_positions
from choicekit.data.overview import overview
from choicekit.data.ranked import Ranked
from choicekit.data.readers import LongReader
from choicekit.data.sampling import rechosen, reweighted
from choicekit.data.wide import WideReader
from choicekit.exceptions import DataError, Finding

__all__ = ["ChoiceData"]


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceData(Ranked):
    """Choices as rows: one row for each case and available alternative.

    Build it with ``ChoiceData.from_long``, ``ChoiceData.from_wide`` or
    ``ChoiceData.from_rankings``. The user's frame is never changed, and later
    changes of it do not reach here.

    Attributes
    ----------
    frame : DataFrame, L rows
        Cases in order of first appearance, within them the alternatives in
        their order. Long data keep the user's columns and index.
    layout
        The same rows as arrays.
    alternatives
        J labels; their position is the code used in ``layout``.
    case_ids : (C,), person_ids : (N,) or None
        Labels of the cases and of the people.
    case, alt, chosen, person, weights
        Names of the columns, None where there is none.
    origin : int64 (L,)
        Position in the user's frame of the row that each row comes from.
    n_input_rows
        Number of rows of the user's frame.
    reader
        The arguments, so that new data are read in the same way.
    missing
        ``"raise"`` or ``"drop"``.
    dropped, dropped_ids
        What was left out and why, and the label of every case left out.
    sampled
        Column of the correction for sampled alternatives, see `sample_alternatives`; else empty.
    """

    frame: pd.DataFrame
    layout: Layout
    alternatives: tuple[Any, ...]
    case_ids: pd.Index[Any]
    person_ids: pd.Index[Any] | None
    case: Hashable
    alt: Hashable
    chosen: Hashable | None
    person: Hashable | None
    weights: Hashable | None
    origin: NDArray[np.int64]
    n_input_rows: int
    reader: LongReader | WideReader
    missing: str
    dropped: tuple[Finding, ...]
    dropped_ids: pd.Index[Any]
    sampled: str = ""

    @classmethod
    def from_long(
        cls,
        df: Any,
        *,
        case: Hashable,
        alt: Hashable,
        chosen: Hashable,
        person: Hashable | None = None,
        weights: Hashable | None = None,
        available: Hashable | None = None,
        alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable] | None = None,
        missing: str = "raise",
    ) -> ChoiceData:
        """Read a frame with one row for each case and alternative.

        Rows may come in any order, ids may be of any type, and choice sets may
        differ: an alternative that was not available simply has no row.

        Parameters
        ----------
        df
            The data: a DataFrame of pandas, polars or whatever else ``narwhals``
            reads (it is turned into pandas once). A column may also be a level
            of the index.
        case
            Column of the choice situation.
        alt
            Column of the alternative.
        chosen
            Column of the choice: 1 (or True) in the row of the chosen
            alternative and 0 elsewhere, or the label of the chosen alternative
            in every row of the case. Which of the two is found out.
        person
            Column of the decision maker, for panel data and clustered errors.
        weights
            Column of the case weights, constant within a case, not negative.
            They are used as they are: neither rescaled nor normalised.
        available
            Column of 1 and 0 (or True and False). Rows with 0 are left out of
            the choice set.
        alternatives
            All alternatives in the order wanted; a dict gives the code that the
            data hold for each label. By default the order of the categories if
            the column is categorical, else the order of first appearance.
        missing
            What to do with cases that cannot be used, because the alternative,
            the choice, the availability, the person or the weight is missing or
            because fewer than two alternatives are available: ``"raise"`` an
            error, or ``"drop"`` the whole case. Dropping does not warn, since it
            was asked for; the printed summary, ``check()`` and ``dropped`` say
            how many cases and why, and ``dropped_ids`` which. Contradictions,
            such as two chosen alternatives, and rows without a case id are
            errors in both settings. Holes in the attributes are the model's
            affair: only the columns of its formula count.

        Raises
        ------
        DataError
            Lists everything that is wrong, with the cases and the cure.

        Examples
        --------
        >>> import pandas as pd
        >>> trips = pd.DataFrame({
        ...     "trip": ["a", "a", "b", "b", "b"],
        ...     "mode": ["car", "bus", "bus", "car", "tram"],
        ...     "taken": [1, 0, 0, 0, 1],
        ... })
        >>> ChoiceData.from_long(trips, case="trip", alt="mode", chosen="taken")
        ChoiceData: 2 cases, 3 alternatives, 5 rows
          read from    long data: case 'trip', alternative 'mode', chosen 'taken'
          choice sets  2 (1 case) or 3 (1 case) alternatives
          alternative  available  chosen  share
          car                  2       1  50.0%
          bus                  2       0   0.0%
          tram                 1       1  50.0%
        """
        given = None if alternatives is None else given_alternatives(alternatives)
        reader = LongReader(case, alt, chosen, person, weights, available, given, missing)
        return cls._from_reading(reader.read(df), reader)

    @classmethod
    def from_wide(
        cls,
        df: Any,
        *,
        alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable],
        chosen: Hashable,
        varying: Mapping[Hashable, Any] | str | None = None,
        available: Mapping[Hashable, Hashable] | str | None = None,
        case: Hashable | None = None,
        person: Hashable | None = None,
        weights: Hashable | None = None,
        missing: str = "raise",
    ) -> ChoiceData:
        """Read a frame with one row for each case.

        Parameters
        ----------
        df
            The data, a frame of any kind as in ``from_long``.
        alternatives
            The labels in the order wanted, or a dict from label to the code
            that the chosen column holds, ``{"car": 1, "bus": 2}``.
        chosen
            Column of the chosen alternative, as label or code.
        varying
            The attributes that differ between alternatives. For each, a dict
            from alternative to column, ``{"cost": {"car": "car_co", "walk": 0}}``,
            where a number stands for an attribute without a column; or a
            pattern, ``{"cost": "{alt}_co"}``. One pattern alone,
            ``"{name}.{alt}"``, takes every column that fits it. The columns used
            are replaced by the attribute; all others stay and can be used as
            case-specific variables.
        available
            ``{"bus": "bus_av"}`` or a pattern ``"av_{alt}"``: columns of 1 and 0.
            An alternative not named is always available.
        case
            Column of the id of the choice situation. By default the labels of
            the index if they are unique, else 0, 1, 2, ...
        person, weights, missing
            As in ``from_long``.

        Returns
        -------
        ChoiceData
            Its frame has the columns ``alternative`` and, if ``case`` was not
            given, ``case``, and is numbered anew; ``origin`` leads back.

        Raises
        ------
        DataError
            Lists everything that is wrong, with the cases and the cure.

        Examples
        --------
        >>> import pandas as pd
        >>> trips = pd.DataFrame({
        ...     "mode": ["car", "bus"], "car_cost": [3.0, 4.0], "bus_cost": [1.5, 1.0],
        ...     "income": [50, 30],
        ... })
        >>> data = ChoiceData.from_wide(
        ...     trips, alternatives=["car", "bus"], chosen="mode", varying={"cost": "{alt}_cost"}
        ... )
        >>> data.frame
           case alternative  cost mode  income
        0     0         car   3.0  car      50
        1     0         bus   1.5  car      50
        2     1         car   4.0  bus      30
        3     1         bus   1.0  bus      30
        """
        given = given_alternatives(alternatives)
        varying, available = deepcopy(varying), deepcopy(available)  # the user may change the dicts
        reader = WideReader(given, chosen, varying, available, case, person, weights, missing)
        return cls._from_reading(reader.read(df), reader)

    @classmethod
    def _from_reading(cls, reading: Reading, reader: Any) -> Self:
        """Put the parts together; prediction data may lack choice, people and weights."""
        known = bool((reading.layout.chosen >= 0).any())
        return cls(
            frame=reading.frame,
            layout=reading.layout,
            alternatives=reading.alternatives,
            case_ids=reading.case_ids,
            person_ids=reading.person_ids,
            case=reading.case,
            alt=reading.alt,
            chosen=reader.chosen if known else None,
            person=None if reading.layout.person is None else reader.person,
            weights=None if reading.layout.weights is None else reader.weights,
            origin=reading.origin,
            n_input_rows=reading.n_input_rows,
            reader=reader.knowing(reading.alternatives),
            missing=reader.missing,
            dropped=reading.dropped,
            dropped_ids=reading.dropped_ids,
        )

    def read_like(self, df: Any, require_choice: bool = False) -> ChoiceData:
        """Read another frame with the same arguments and the same alternatives.

        Parameters
        ----------
        df
            New data of the same form, a frame of any kind.
        require_choice
            False: the columns of the choice, the people and the weights may be
            absent, a choice that is missing or makes no sense counts as
            unknown, and one available alternative is enough.

        Raises
        ------
        DataError
            As ``from_long`` and ``from_wide`` do; also if an alternative is new.
        """
        reading = self.reader.read(df, require_choice=require_choice)
        return ChoiceData._from_reading(reading, self.reader)

    @property
    def form(self) -> str:
        """``"long"``, ``"wide"`` or ``"rankings"``: what the user's frame looked like."""
        return self.reader.form

    @property
    def n_cases(self) -> int:
        """C, the number of choice situations."""
        return self.layout.n_cases

    @property
    def n_rows(self) -> int:
        """L, the number of pairs of a case and an available alternative."""
        return self.layout.n_rows

    @property
    def n_people(self) -> int:
        """N, the number of decision makers; C when no person ids were given."""
        return self.layout.n_people

    def shares(self) -> pd.DataFrame:
        """Count the cases that could and that did choose each alternative.

        Returns
        -------
        DataFrame (J, 3)
            ``available``, ``chosen`` (cases) and ``share`` (weighted, if the
            data have weights).
        """
        return describe.shares_of(self.layout, self.alternatives)

    def case_keys(self) -> NDArray[np.uint64]:
        """Hash each case id on its own, uint64 (C,): the seed of its random draws."""
        return case_keys(self.case_ids)

    def person_keys(self) -> NDArray[np.uint64]:
        """Hash each person id on its own, uint64 (N,); the cases' keys if there are none."""
        return self.case_keys() if self.person_ids is None else case_keys(self.person_ids)

    def check(self) -> pd.DataFrame:
        """List everything about the data that deserves a look.

        Errors would have stopped the reading; this shows cases left out, holes
        and odd types in any column (a model minds only the columns it uses),
        alternatives never available or never chosen, zero weights, constant
        columns.

        Returns
        -------
        DataFrame
            One row for each finding, the gravest first: code, severity, column,
            count, unit, cases (ids of the first few), message, cure. Empty if
            there is nothing to say.
        """
        columns = [c for c in self.frame.columns.unique() if c not in self._roles()]
        found = overview(
            self.frame, columns, self.layout, self.alternatives, self.case_ids, self.weights
        )
        return describe.findings_frame([*self.dropped, *found])

    def _roles(self) -> set[Hashable]:
        """Return the columns that are not attributes."""
        names = {self.case, self.alt, self.reader.chosen, self.person, self.weights}
        return (names | self.reader.flags()) - {None}

    def select(self, cases: NDArray[Any] | pd.Series[Any] | list[Any]) -> ChoiceData:
        """Return some of the cases.

        Parameters
        ----------
        cases
            A mask, bool (C,), or positions 0..C-1 in the order wanted, each once.

        Returns
        -------
        ChoiceData
            With the same alternatives, even if one is no longer available to
            anybody.
        """
        positions = case_positions(np.asarray(cases), self.n_cases)
        rows = self.layout.rows(positions)
        people = self.person_ids
        if people is not None and self.layout.person is not None:
            people = people[np.unique(self.layout.person[positions])]
        return replace(
            self,
            frame=self.frame.take(rows),
            layout=self.layout.take(positions),
            case_ids=self.case_ids[positions],
            person_ids=people,
            origin=self.origin[rows],
        )

    def with_weights(self, weights: pd.Series[Any] | NDArray[np.float64]) -> ChoiceData:
        """Return the same cases with other weights: a Series by case id, or (C,) values.

        A Series names the column that is added to ``frame``, "weights" otherwise.
        """
        return reweighted(self, weights)

    def with_choices(self, choices: pd.Series[Any]) -> ChoiceData:
        """Return the same cases with other choices: a Series of labels by case id."""
        return rechosen(self, choices)

    def require_finite(self, columns: Iterable[Hashable]) -> None:
        """Raise unless a model can use the columns as they are.

        Parameters
        ----------
        columns
            The columns of the formula.

        Raises
        ------
        DataError
            Lists all columns that do not exist, hold numbers as text or
            objects, or have missing or infinite values, with the case ids.
        """
        wrong, _ = unusable(self.frame, columns, self.layout, self.case_ids, drop=False)
        if wrong:
            raise DataError(wrong, "The model cannot use its columns")

    def drop_missing(self, columns: Iterable[Hashable]) -> ChoiceData:
        """Leave out the cases with a missing or infinite value in the columns.

        A whole case goes, because dropping one row would quietly change its
        choice set. ``dropped`` says how many cases and for which column; a case
        with holes in two columns counts for both.

        Parameters
        ----------
        columns
            The columns of the formula.

        Raises
        ------
        DataError
            If a column does not exist or is of a type no model can use, or if
            no case is left.
        """
        found, holes = unusable(self.frame, columns, self.layout, self.case_ids, drop=True)
        if not found:
            return self
        return replace(
            self.select(~holes),
            dropped=(*self.dropped, *found),
            dropped_ids=self.dropped_ids.append(self.case_ids[holes]),
        )

    def __repr__(self) -> str:
        return describe.to_text(self.layout, self.shares(), self._lines())

    def _repr_html_(self) -> str:
        return describe.to_html(self.layout, self.shares(), self._lines())

    def _lines(self) -> list[tuple[str, str]]:
        names = {
            role: getattr(self, role) for role in ("case", "alt", "chosen", "person", "weights")
        }
        return describe.lines_of(self.layout, names, self.form, self.dropped, len(self.dropped_ids))
