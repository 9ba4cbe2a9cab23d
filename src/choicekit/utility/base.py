"""What every utility shares: the protocol, the description of coefficients, the checks of labels.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..exceptions import SpecificationError, nearest

__all__ = ["Coefficient", "Design"]

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[Any]
CaseIds = Sequence[Hashable] | npt.NDArray[Any] | pd.Index

SHOWN_NAMES = 20


class Coefficient(NamedTuple):
    """What one coefficient multiplies.

    Attributes
    ----------
    name
        The name in tables and tests, for example ``"hinc[air]"``.
    kind
        ``"generic"`` (one value for all alternatives), ``"constant"`` (an
        alternative-specific constant), ``"case"`` (a case-specific variable, one value per
        alternative but the base) or ``"alternative"`` (one value per alternative).
    alternative
        The label of the alternative the coefficient belongs to; None where it serves several.
    variable
        The term it multiplies, for example ``"hinc"``; ``"1"`` for constants.
    """

    name: str
    kind: str
    alternative: Hashable | None
    variable: str


class Design(Protocol):
    """A linear utility that has learned its columns on the estimation data.

    It remembers the categories and the state of transformations, so that ``rows`` on new
    data means the same as on the data it was learned on.
    """

    @property
    def formula(self) -> str:
        """The specification as text."""
        ...

    @property
    def chosen_name(self) -> str | None:
        """The left side of the formula, where it has one."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the K coefficients."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each coefficient, see `Coefficient`."""
        ...

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the alternative-specific constants."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that the specification refers to."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        ...

    @property
    def base(self) -> Hashable:
        """The label of the reference alternative."""
        ...

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Return the regressors, (L, K) float64, contiguous by column, all finite."""
        ...

    def describe(self) -> tuple[Coefficient, ...]:
        """Return one `Coefficient` per name, in the same order."""
        ...


class Described:
    """The names that follow from the coefficients of a design."""

    coefficients: tuple[Coefficient, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the K coefficients."""
        return tuple(coefficient.name for coefficient in self.coefficients)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind of each coefficient: generic, constant, case or alternative."""
        return tuple(coefficient.kind for coefficient in self.coefficients)

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the alternative-specific constants."""
        return tuple(c.name for c in self.coefficients if c.kind == "constant")

    def describe(self) -> tuple[Coefficient, ...]:
        """Return (name, kind, alternative, variable) of each coefficient."""
        return self.coefficients


def suggestion(name: object, choices: Iterable[object], what: str) -> str:
    """Return "did you mean ...? <what>: a, b, c" for an error about an unknown name."""
    choices = list(choices)
    close = nearest(name, choices)
    start = f"did you mean {close!r}? " if close is not None else ""
    return f"{start}{what}: {listing(choices)}"


def listing(items: Sequence[object]) -> str:
    """Return the first items, separated by commas, for a message."""
    more = ", ..." if len(items) > SHOWN_NAMES else ""
    return ", ".join(str(item) for item in items[:SHOWN_NAMES]) + more


def check_base(base: Hashable | None, alternatives: Sequence[Hashable]) -> Hashable:
    """Return the label of the reference alternative: the first one where none is asked for.

    Raises
    ------
    SpecificationError
        If ``base`` is not one of ``alternatives``.
    """
    if base is None:
        return alternatives[0]
    if base not in alternatives:
        hint = suggestion(base, alternatives, "alternatives")
        raise SpecificationError(f"base={base!r} is not an alternative: {hint}")
    return alternatives[list(alternatives).index(base)]


def check_unique(names: Sequence[str]) -> None:
    """Raise SpecificationError if two coefficients would carry the same name."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise SpecificationError(
            f"several coefficients would be called {', '.join(map(repr, twice))}. "
            "Cure: write each term once, or rename the column or the alternative."
        )


def check_shapes(frame: pd.DataFrame, alt: IntArray, case_ptr: IntArray) -> None:
    """Raise ValueError unless the frame and the layout speak of the same rows."""
    if not len(frame) == len(alt) == int(case_ptr[-1]):
        raise ValueError(
            f"the frame has {len(frame)} rows, alt has {len(alt)} and case_ptr ends at "
            f"{int(case_ptr[-1])}: they must agree"
        )


def grouped(coefficients: Sequence[Coefficient]) -> str:
    """Return the names, one line per kind, for a repr."""
    kinds = dict.fromkeys(coefficient.kind for coefficient in coefficients)
    lines = []
    for kind in kinds:
        names = [coefficient.name for coefficient in coefficients if coefficient.kind == kind]
        more = f", ... ({len(names)} in all)" if len(names) > SHOWN_NAMES else ""
        lines.append(f"  {kind:<12}{', '.join(names[:SHOWN_NAMES])}{more}")
    return "\n".join(lines)
