"""The arrays every model works on: who could choose what, and who chose what.

Axes: C cases, J alternatives, L rows (case x available alternative), N people.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError

__all__ = ["Layout", "case_positions"]


@dataclass(frozen=True, eq=False)
class Layout:
    """Ragged choice sets as flat rows, sorted by case and then by alternative.

    Nothing is padded: a case with two alternatives has two rows, whatever J is.
    The arrays are shared with the numba kernels, so they stay writeable (a
    read-only array is another type to numba and would compile every kernel
    twice); nobody may write to them.

    Attributes
    ----------
    alt : int32 (L,)
        Alternative code 0..J-1 of each row.
    case_ptr : int64 (C+1,)
        Case c owns the rows ``case_ptr[c]:case_ptr[c+1]``.
    chosen : int64 (C,)
        Row index (into L) of the chosen row, -1 where the choice is unknown.
    n_alternatives
        J.
    weights : float64 (C,) or None
        Case weights.
    person : int64 (C,) or None
        Code 0..N-1 of the decision maker of each case.
    """

    alt: NDArray[np.int32]
    case_ptr: NDArray[np.int64]
    chosen: NDArray[np.int64]
    n_alternatives: int
    weights: NDArray[np.float64] | None = None
    person: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.case_ptr[0] != 0 or self.case_ptr[-1] != len(self.alt):
            raise ValueError("case_ptr must run from 0 to the number of rows")
        for name in ("chosen", "weights", "person"):
            array = getattr(self, name)
            if array is not None and array.shape != (self.n_cases,):
                raise ValueError(f"{name} must have one entry per case, ({self.n_cases},)")

    @property
    def n_cases(self) -> int:
        """C, the number of choice situations."""
        return len(self.case_ptr) - 1

    @property
    def n_rows(self) -> int:
        """L, the number of pairs of a case and an available alternative."""
        return len(self.alt)

    @property
    def n_people(self) -> int:
        """N, the number of decision makers; C when no person ids were given."""
        if self.person is None:
            return self.n_cases
        return int(self.person.max(initial=-1)) + 1

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of available alternatives of each case, int64 (C,)."""
        return np.diff(self.case_ptr)

    @cached_property
    def case(self) -> NDArray[np.int64]:
        """Case of each row, int64 (L,)."""
        return np.repeat(np.arange(self.n_cases, dtype=np.int64), self.sizes)

    @property
    def complete(self) -> bool:
        """Whether every alternative is available in every case (L = C * J)."""
        return self.n_rows == self.n_cases * self.n_alternatives

    @cached_property
    def _cell(self) -> NDArray[np.int64]:
        """Position of each row in a raveled (C, J) matrix, int64 (L,)."""
        return self.case * self.n_alternatives + self.alt

    @property
    def chosen_alt(self) -> NDArray[np.int32]:
        """Code of the chosen alternative of each case, int32 (C,); -1 where unknown."""
        codes = np.full(self.n_cases, -1, dtype=np.int32)
        known = self.chosen >= 0
        codes[known] = self.alt[self.chosen[known]]
        return codes

    @property
    def available(self) -> NDArray[np.bool_]:
        """Which alternatives each case could choose, bool (C, J)."""
        return self.scatter(np.ones(self.n_rows, dtype=np.bool_), False)

    def scatter(self, v: NDArray[Any], fill: float) -> NDArray[Any]:
        """Spread one value per row over a (C, J) matrix.

        Parameters
        ----------
        v : (L,)
            One value for each row.
        fill
            Value of the cells without a row (alternatives not available).

        Returns
        -------
        (C, J) array of the dtype of ``v``.
        """
        shape = (self.n_cases, self.n_alternatives)
        if self.complete:
            return np.array(v).reshape(shape)
        matrix = np.full(shape, fill, dtype=v.dtype)
        matrix.ravel()[self._cell] = v
        return matrix

    def gather(self, m: NDArray[Any]) -> NDArray[Any]:
        """Pick the cells of a (C, J) matrix that have a row: the inverse of ``scatter``.

        Parameters
        ----------
        m : (C, J)
            One value for each case and alternative.

        Returns
        -------
        (L,) array of the dtype of ``m``.
        """
        if self.complete:
            return np.array(m).reshape(-1)
        return np.ascontiguousarray(m).reshape(-1)[self._cell]

    def rows(self, cases: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Row indices of the given cases, case after case, int64 (rows of these cases,)."""
        first = self.case_ptr[:-1][cases]
        sizes = self.sizes[cases]
        shift = first - (np.cumsum(sizes) - sizes)
        return np.repeat(shift, sizes) + np.arange(int(sizes.sum()), dtype=np.int64)

    def take(self, cases: NDArray[np.integer[Any]]) -> Layout:
        """Return the layout of the given cases, in the order given.

        Parameters
        ----------
        cases : integer (C',)
            Positions of cases; one may occur more than once, as in a bootstrap
            (copies of a case then share their person).

        Returns
        -------
        Layout
            People are renumbered 0..N'-1 in their old order; J stays, even when
            an alternative is no longer available to anybody.
        """
        cases = np.asarray(cases, dtype=np.int64)
        case_ptr = np.zeros(len(cases) + 1, dtype=np.int64)
        np.cumsum(self.sizes[cases], out=case_ptr[1:])
        old = self.chosen[cases]
        chosen = np.where(old >= 0, case_ptr[:-1] + old - self.case_ptr[:-1][cases], -1)
        person = None
        if self.person is not None:
            person = np.unique(self.person[cases], return_inverse=True)[1].reshape(-1)
            person = person.astype(np.int64, copy=False)
        return Layout(
            alt=self.alt[self.rows(cases)],
            case_ptr=case_ptr,
            chosen=chosen,
            n_alternatives=self.n_alternatives,
            weights=None if self.weights is None else self.weights[cases],
            person=person,
        )

    def without(self, alternative: int) -> Layout:
        """Return the same cases where nobody can choose an alternative, by its code.

        The choices are unknown then; each case must have another alternative.
        """
        kept = self.alt != alternative
        case_ptr = np.zeros(self.n_cases + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.case[kept], minlength=self.n_cases), out=case_ptr[1:])
        chosen = np.full(self.n_cases, -1, dtype=np.int64)
        return replace(self, alt=self.alt[kept], case_ptr=case_ptr, chosen=chosen)


def case_positions(cases: NDArray[Any], n_cases: int) -> NDArray[np.int64]:
    """Turn a mask or positions of cases into distinct positions, int64."""
    if cases.dtype == np.bool_:
        if cases.shape != (n_cases,):
            raise SpecificationError(
                f"a mask of cases needs {n_cases:,} entries, one per case; got {cases.shape}"
            )
        return np.flatnonzero(cases)
    positions = cases.astype(np.int64)
    if cases.dtype.kind not in "iu" and len(cases):
        raise SpecificationError(f"select cases by a mask or by positions, not by {cases.dtype}")
    if len(positions) and not (positions.min() >= 0 and positions.max() < n_cases):
        raise SpecificationError(f"positions of cases run from 0 to {n_cases - 1:,}")
    if len(np.unique(positions)) < len(positions):
        raise SpecificationError("each case can be selected only once: ids must stay unique")
    return positions
