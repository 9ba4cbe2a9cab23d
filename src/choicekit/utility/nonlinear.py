"""Utilities that are not linear in their parameters, one expression an alternative.

Axes: C cases, J alternatives, L rows (case x available alternative), K parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import DataError, SpecificationError, did_you_mean
from . import linear
from .base import (
    CaseIds,
    Coefficient,
    Described,
    FloatArray,
    IntArray,
    check_base,
    check_shapes,
    suggestion,
)
from .columns import Places, column, require_columns
from .expressions import Expression, differentiate, evaluate, is_number, names_of, parse

__all__ = ["BoundNonlinear", "Nonlinear", "NonlinearDesign", "learn_nonlinear"]

ASIDE = (0.1, 0.01, 0.001, 0.0)  # how far from the start to look for what is identified


@dataclass(frozen=True)
class Nonlinear:
    """Utilities as expressions of columns and parameters.

    Parameters
    ----------
    utilities
        Text by alternative, for example ``{"car": "asc + b_time * boxcox(time, lam)"}``: numbers,
        columns of the data, parameters, ``+ - * / **``, ``exp``, ``log``, ``sqrt`` and
        ``boxcox(x, lam)``. Alternatives left out have utility 0.
    start
        The parameters and their starting values, in the order of the results.

    Raises
    ------
    SpecificationError
        For text that is no such arithmetic, and parameters that no utility uses.

    Examples
    --------
    >>> import choicekit as ck
    >>> ck.Nonlinear({"air": "asc + b * boxcox(gc, lam)"}, {"asc": 0, "b": 0, "lam": 1}).start
    {'asc': 0.0, 'b': 0.0, 'lam': 1.0}
    """

    utilities: Mapping[Hashable, str]
    start: Mapping[str, float]

    def __post_init__(self) -> None:
        if not isinstance(self.utilities, Mapping) or not self.utilities:
            raise SpecificationError(
                'Write utilities as {"car": "b_time * boxcox(time, lam)", ...}, a text by '
                "alternative."
            )
        for label, text in self.utilities.items():
            if not isinstance(text, str):
                raise SpecificationError(f"The utility of {label!r} must be text, not {text!r}.")
        start = {}
        for name, value in dict(self.start).items():
            try:
                start[str(name)] = float(value)
            except (TypeError, ValueError):
                start[str(name)] = float("nan")
            if not np.isfinite(start[str(name)]):
                raise SpecificationError(f"The start {value!r} of {name!r} is not a finite number.")
        object.__setattr__(self, "start", start)
        used = {name for tree in self.trees.values() for name in names_of(tree)}
        idle = [name for name in start if name not in used]
        if idle:
            hint = did_you_mean(idle[0], used - set(start))
            raise SpecificationError(f"No utility uses the parameter {idle[0]!r}.{hint}")

    @cached_property
    def trees(self) -> dict[Hashable, Expression]:
        """The utilities as trees."""
        return {label: parse(text) for label, text in self.utilities.items()}

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "trees"}

    def variables(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """Columns of the data that the utilities use.

        Raises
        ------
        SpecificationError
            For names that are neither columns nor parameters, or both.
        """
        used = dict.fromkeys(name for tree in self.trees.values() for name in names_of(tree))
        for name in used:
            if name in frame.columns and name in self.start:
                raise SpecificationError(
                    f"{name!r} is a column of the data and a parameter. Cure: rename one of them."
                )
            if name not in frame.columns and name not in self.start:
                choices = [*map(str, frame.columns), *self.start]
                hint = suggestion(name, choices, "columns and parameters")
                raise SpecificationError(
                    f"{name!r} is neither a column of the data nor a parameter in start=: {hint}."
                )
        return tuple(name for name in used if name not in self.start)


@dataclass(frozen=True)
class Piece:
    """The utility of one alternative: its tree and its derivatives by parameter position."""

    label: Hashable
    code: int
    tree: Expression
    slopes: tuple[tuple[int, Expression], ...]
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearDesign(Described):
    """Utilities made from expressions; see `learn_nonlinear`.

    Attributes
    ----------
    formula
        The utilities as text, one a line.
    alternatives
        Labels of the J alternatives, in the order of their codes.
    base
        Label of the reference alternative (of the errors: it has no effect on the utilities).
    coefficients
        The K parameters; one that is added to a single utility is a constant.
    start
        Starting values (K,).
    pieces
        What was made for each alternative; those left out have utility 0.
    """

    formula: str
    alternatives: tuple[Hashable, ...]
    base: Hashable
    coefficients: tuple[Coefficient, ...]
    start: FloatArray
    pieces: tuple[Piece, ...]

    linear = False

    @property
    def chosen_name(self) -> None:
        """None: there is no left side."""
        return None

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that any of the expressions refers to."""
        return tuple(dict.fromkeys(name for piece in self.pieces for name in piece.columns))

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        return self.columns

    def bind(self, frame: pd.DataFrame, alt: IntArray, case_ptr: IntArray) -> BoundNonlinear:
        """Put the data in."""
        check_shapes(frame, alt, case_ptr)
        require_columns(frame, self.columns)
        data = {
            name: column(frame, name).to_numpy(dtype=np.float64, na_value=np.nan)
            for name in self.columns
        }
        rows = tuple(np.flatnonzero(alt == piece.code) for piece in self.pieces)
        values = tuple(
            {name: data[name][own] for name in piece.columns}
            for piece, own in zip(self.pieces, rows, strict=True)
        )
        return BoundNonlinear(self.names, self.pieces, rows, values, len(alt))

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Derivatives of the utilities by the parameters, (L, K), somewhere near the start.

        They take the place of regressors where identification is asked for (Rothenberg 1971:
        parameters are locally identified if the information matrix is regular). Not at the start
        itself: where a slope starts at zero, no power of its variable has an effect.

        Raises
        ------
        DataError
            If a utility is not finite at the start; it names the cases.
        """
        bound = self.bind(frame, alt, case_ptr)
        places = Places(case_ptr, case_ids)
        bound.require_finite(self.start, places)
        away = 1.0 + np.modf(np.arange(1, len(self.start) + 1) * 0.6180339887498949)[0]
        for size in ASIDE:
            point = self.start + size * away * np.maximum(1.0, np.abs(self.start))
            found = bound.jacobian(point)
            if np.isfinite(found).all():
                break
        return found

    def __repr__(self) -> str:
        lines = "\n".join(f"  {line}" for line in self.formula.splitlines())
        return f"NonlinearDesign: {len(self.coefficients)} parameters\n{lines}"


@dataclass(frozen=True, eq=False)
class BoundNonlinear:
    """Utilities of given rows as functions of the parameters.

    Attributes
    ----------
    names
        K names.
    pieces
        The expressions, one an alternative.
    rows
        For each piece, the positions of its rows among the L.
    values
        For each piece, its columns by name.
    n_rows
        L.
    """

    names: tuple[str, ...]
    pieces: tuple[Piece, ...]
    rows: tuple[IntArray, ...]
    values: tuple[dict[str, FloatArray], ...]
    n_rows: int

    def value(self, beta: FloatArray) -> FloatArray:
        """Utilities of the rows, (L,), at parameters (K,)."""
        out = np.zeros(self.n_rows)
        parameters = dict(zip(self.names, map(float, beta), strict=True))
        for piece, rows, values in zip(self.pieces, self.rows, self.values, strict=True):
            out[rows] = evaluate(piece.tree, {**values, **parameters})
        return out

    def jacobian(self, beta: FloatArray) -> FloatArray:
        """Derivatives of the utilities by the parameters, (L, K), contiguous by column."""
        out = np.zeros((len(self.names), self.n_rows)).T
        parameters = dict(zip(self.names, map(float, beta), strict=True))
        for piece, rows, values in zip(self.pieces, self.rows, self.values, strict=True):
            everything: dict[str, Any] = {**values, **parameters}
            known: dict[int, Any] = {}
            for k, slope in piece.slopes:
                out[rows, k] = evaluate(slope, everything, known)
        return out

    def pullback(self, beta: FloatArray, case_ptr: IntArray, g: FloatArray) -> FloatArray:
        """Scores of the cases, (C, K), from derivatives by the utilities of the rows, (L,)."""
        return linear.pullback(self.jacobian(beta), case_ptr, g)

    def pullback_sum(self, beta: FloatArray, g: FloatArray) -> FloatArray:
        """The scores summed over cases, (K,)."""
        return linear.pullback_sum(self.jacobian(beta), g)

    def take(self, rows: IntArray) -> BoundNonlinear:
        """The same for some of the rows, in the order given."""
        place = np.full(self.n_rows, -1, dtype=np.int64)
        place[rows] = np.arange(len(rows))
        kept = [place[own] >= 0 for own in self.rows]
        values = tuple(
            {name: values[some] for name, values in old.items()}
            for old, some in zip(self.values, kept, strict=True)
        )
        new = tuple(place[own][some] for own, some in zip(self.rows, kept, strict=True))
        return BoundNonlinear(self.names, self.pieces, new, values, len(rows))

    def require_finite(self, beta: FloatArray, places: Places) -> None:
        """Raise a DataError naming the cases whose utilities are not finite at the start."""
        v = self.value(beta)
        for piece, rows in zip(self.pieces, self.rows, strict=True):
            bad = np.zeros(self.n_rows, dtype=bool)
            bad[rows] = ~np.isfinite(v[rows])
            if bad.any():
                message = f"the utility of {piece.label!r} is not finite at the starting values"
                cure = (
                    "give another start, or look at the columns for zeros and negative numbers "
                    "under log, sqrt, boxcox and /"
                )
                names = ", ".join(piece.columns) or None
                raise DataError([places.at("not-finite", message, cure, names, bad)])


def learn_nonlinear(
    specification: Nonlinear,
    frame: pd.DataFrame,
    alternatives: Sequence[Hashable],
    base: Hashable | None = None,
) -> NonlinearDesign:
    """Make utilities from expressions.

    Parameters
    ----------
    specification
        The expressions.
    frame
        The estimation data, for the names of its columns.
    alternatives, base
        Labels of the J alternatives and of the reference.

    Raises
    ------
    SpecificationError
        Unknown alternatives or names.
    """
    labels = tuple(alternatives)
    reference = check_base(base, labels)
    variables = set(specification.variables(frame))
    names = tuple(specification.start)
    pieces = []
    for label, tree in specification.trees.items():
        if label not in labels:
            hint = suggestion(label, labels, "alternatives")
            raise SpecificationError(f"unknown alternative {label!r}: {hint}")
        own = names_of(tree)
        slopes = tuple(
            (k, differentiate(tree, name)) for k, name in enumerate(names) if name in own
        )
        columns = tuple(name for name in own if name in variables)
        pieces.append(Piece(label, labels.index(label), tree, slopes, columns))
    coefficients = tuple(_describe(k, name, pieces) for k, name in enumerate(names))
    text = "\n".join(f"U[{label}] = {text}" for label, text in specification.utilities.items())
    start = np.array([specification.start[name] for name in names])
    return NonlinearDesign(text, labels, reference, coefficients, start, tuple(pieces))


def _describe(k: int, name: str, pieces: Sequence[Piece]) -> Coefficient:
    """What a parameter does; one that is merely added is a constant."""
    slopes = {piece.label: slope for piece in pieces for p, slope in piece.slopes if p == k}
    only = next(iter(slopes)) if len(slopes) == 1 else None
    if all(is_number(slope) for slope in slopes.values()):
        return Coefficient(name, "constant", only, "1")
    return Coefficient(name, "generic" if only is None else "alternative", only, name)
