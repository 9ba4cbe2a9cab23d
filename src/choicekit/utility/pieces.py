"""The parts of a non-linear utility: an expression or a function, each for some rows.

Axes: L rows (case x available alternative), n rows of one part, K parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from ..exceptions import DataError
from . import linear
from .base import FloatArray, IntArray
from .columns import Places, column, is_number, number_column
from .expressions import Expression, evaluate
from .functions import Function

__all__ = ["BoundNonlinear", "Columns", "ExpressionPiece", "FunctionPiece", "Piece", "bind_pieces"]


class Piece(Protocol):
    """The utility of one alternative, or of all."""

    @property
    def label(self) -> Hashable | None:
        """The alternative; None for all."""

    @property
    def code(self) -> int | None:
        """Its code."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the data that it reads."""

    @property
    def title(self) -> str:
        """Whose utility it is, for messages."""

    def read(self, frame: pd.DataFrame, rows: IntArray) -> Mapping[str, Any]:
        """Its columns at the positions ``rows``."""

    def value(self, columns: Mapping[str, Any], beta: FloatArray, n: int) -> Any:
        """Utilities, (n,) or one number."""

    def slopes(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int
    ) -> Sequence[tuple[int, Any]]:
        """Derivatives, (n,) or numbers, by the parameters at some positions; else zero."""


@dataclass(frozen=True)
class ExpressionPiece:
    """A utility written as text: its tree and its derivatives by parameter position."""

    label: Hashable
    code: int
    columns: tuple[str, ...]
    names: tuple[str, ...]
    tree: Expression
    by_parameter: tuple[tuple[int, Expression], ...]

    @property
    def title(self) -> str:
        """Whose utility it is."""
        return repr(self.label)

    def read(self, frame: pd.DataFrame, rows: IntArray) -> Mapping[str, Any]:
        """Numbers by column."""
        return {name: number_column(frame, name)[rows].astype(np.float64) for name in self.columns}

    def value(self, columns: Mapping[str, Any], beta: FloatArray, n: int) -> Any:
        """Utilities, (n,) or one number."""
        return evaluate(self.tree, {**columns, **self._parameters(beta)})

    def slopes(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int
    ) -> Sequence[tuple[int, Any]]:
        """Derivatives by the parameters in the tree."""
        everything: dict[str, Any] = {**columns, **self._parameters(beta)}
        known: dict[int, Any] = {}
        return [(k, evaluate(slope, everything, known)) for k, slope in self.by_parameter]

    def _parameters(self, beta: FloatArray) -> dict[str, float]:
        return dict(zip(self.names, beta.tolist(), strict=True))


@dataclass(frozen=True)
class FunctionPiece:
    """A utility as a function of the user's, of one alternative or, without a label, of all."""

    label: Hashable | None
    code: int | None
    columns: tuple[str, ...]
    function: Function

    @property
    def title(self) -> str:
        """Whose utility it is."""
        return self.function.whose

    def read(self, frame: pd.DataFrame, rows: IntArray) -> Mapping[str, Any]:
        """Arrays by column, which the function cannot change."""
        columns = Columns(frame)
        found = {name: columns[name][rows] for name in self.columns}
        for values in found.values():
            values.flags.writeable = False
        return found

    def value(self, columns: Mapping[str, Any], beta: FloatArray, n: int) -> Any:
        """Utilities, (n,)."""
        return self.function.value(columns, beta, n)

    def slopes(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int
    ) -> Sequence[tuple[int, Any]]:
        """Derivatives by the parameters that the function reads."""
        return self.function.slopes(columns, beta, n)


class Columns(Mapping[str, Any]):
    """Columns of a frame as a function sees them: numbers as floats, all else as objects."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def __getitem__(self, name: str) -> Any:
        series = column(self._frame, name)
        if is_number(series):
            return number_column(self._frame, name).astype(np.float64)
        return series.to_numpy(dtype=object)

    def __contains__(self, name: object) -> bool:
        return name in self._frame.columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._frame.columns)

    def __len__(self) -> int:
        return self._frame.shape[1]


@dataclass(frozen=True, eq=False)
class BoundNonlinear:
    """Utilities of given rows as functions of the parameters.

    Attributes
    ----------
    names
        K names.
    pieces
        The expressions and functions.
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
    values: tuple[Mapping[str, Any], ...]
    n_rows: int

    def value(self, beta: FloatArray) -> FloatArray:
        """Utilities of the rows, (L,), at parameters (K,)."""
        out = np.zeros(self.n_rows)
        for piece, rows, values in zip(self.pieces, self.rows, self.values, strict=True):
            out[rows] = piece.value(values, beta, len(rows))
        return out

    def value_at(self, parameters: Sequence[Any], n_nodes: int) -> FloatArray:
        """Utilities of the rows at nodes, (L, S).

        ``parameters`` are K numbers or arrays (L, S); all utilities must be text.
        """
        out = np.zeros((self.n_rows, n_nodes))
        for piece, rows, values in self._written_pieces(parameters):
            out[rows] = evaluate(piece.tree, values)
        return out

    def slopes_at(self, parameters: Sequence[Any], g: FloatArray) -> Iterator[tuple[int, Any]]:
        """Derivatives by each parameter it has, times g (L, S), with its position among the K.

        Those of a parameter in several utilities come as often, each zero in the others' rows.
        """
        for piece, rows, values in self._written_pieces(parameters):
            known: dict[int, Any] = {}
            for k, slope in piece.by_parameter:
                out = np.zeros_like(g)
                out[rows] = evaluate(slope, values, known) * g[rows]
                yield k, out

    def _written_pieces(
        self, parameters: Sequence[Any]
    ) -> Iterator[tuple[ExpressionPiece, IntArray, dict[str, Any]]]:
        """Each expression, its rows, and the values of its names as (n, S), (n, 1) or numbers."""
        for piece, rows, columns in zip(self.pieces, self.rows, self.values, strict=True):
            assert isinstance(piece, ExpressionPiece)
            values: dict[str, Any] = {name: column[:, None] for name, column in columns.items()}
            for name, given in zip(self.names, parameters, strict=True):
                values[name] = given[rows] if np.ndim(given) else given
            yield piece, rows, values

    def jacobian(self, beta: FloatArray) -> FloatArray:
        """Derivatives of the utilities by the parameters, (L, K), contiguous by column."""
        out = np.zeros((len(self.names), self.n_rows)).T
        for piece, rows, values in zip(self.pieces, self.rows, self.values, strict=True):
            for k, slope in piece.slopes(values, beta, len(rows)):
                out[rows, k] = slope
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
        return replace(self, rows=new, values=values, n_rows=len(rows))

    def mixed_with(self, other: BoundNonlinear, some: IntArray) -> BoundNonlinear:
        """The same with the columns of some rows, flagged in ``some`` (L,), taken from another."""
        values = tuple(
            {name: np.where(some[own], new[name], old[name]) for name in old}
            for own, old, new in zip(self.rows, self.values, other.values, strict=True)
        )
        return replace(self, values=values)

    def require_finite(self, beta: FloatArray, places: Places) -> None:
        """Raise a DataError naming the cases whose utilities are not finite at the start."""
        v = self.value(beta)
        for piece, rows in zip(self.pieces, self.rows, strict=True):
            bad = np.zeros(self.n_rows, dtype=bool)
            bad[rows] = ~np.isfinite(v[rows])
            if bad.any():
                message = f"the utility of {piece.title} is not finite at the starting values"
                cure = (
                    "give another start, or look at the columns for zeros and negative numbers "
                    "under log, sqrt, boxcox and /"
                )
                names = ", ".join(piece.columns) or None
                raise DataError([places.at("not-finite", message, cure, names, bad)])


def bind_pieces(
    pieces: tuple[Piece, ...], names: tuple[str, ...], frame: pd.DataFrame, alt: IntArray
) -> BoundNonlinear:
    """Put in the data of L rows, of alternatives with the codes ``alt`` (L,)."""
    every = np.arange(len(alt))
    rows = tuple(
        every if piece.code is None else np.flatnonzero(alt == piece.code) for piece in pieces
    )
    values = tuple(piece.read(frame, own) for piece, own in zip(pieces, rows, strict=True))
    return BoundNonlinear(names, pieces, rows, values, len(alt))
