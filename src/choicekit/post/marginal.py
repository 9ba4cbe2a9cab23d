"""Marginal utilities: what one unit more of a column of the data adds to the utilities.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients of a utility.

Utilities ``V = x(a)' beta`` that are linear in their coefficients have ``dV/da = (dx/da)' beta``
whatever the transformations and interactions in x, so the derivatives of the regressors are
needed only, once. Those of expressions are expressions again; functions are differenced.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import DataError, SpecificationError
from choicekit.utility import NonlinearDesign
from choicekit.utility.expressions import differentiate, evaluate
from choicekit.utility.pieces import ExpressionPiece

__all__ = ["Marginal", "is_attribute", "marginal_utility", "regressor_slopes"]

Float = NDArray[np.float64]

STEP = 2.0**-10  # of the value: five points make an error of the order of its fourth power
DIGITS = 9  # that differencing leaves
NOISE = 1e-11  # of the largest slope


@dataclass(frozen=True)
class Marginal:
    """A marginal utility in some rows, as a function of the coefficients (K,) of a utility.

    Attributes
    ----------
    value
        (L,).
    jacobian
        Its derivatives by the coefficients, (L, K).
    slopes
        D of ``D beta`` where it is linear in the coefficients, (L, K); else None.
    """

    value: Callable[[Float], Float]
    jacobian: Callable[[Float], Float]
    slopes: Float | None = None

    @classmethod
    def linear(cls, slopes: Float) -> Marginal:
        """The marginal utility ``D beta``."""
        return cls(lambda beta: slopes @ beta, lambda beta: slopes, slopes)

    def times(self, number: float) -> Marginal:
        """That of another unit."""
        if self.slopes is not None:
            return Marginal.linear(number * self.slopes)
        return Marginal(lambda b: number * self.value(b), lambda b: number * self.jacobian(b))

    def of(self, rows: NDArray[np.intp]) -> Marginal:
        """The same in some of the rows."""
        if self.slopes is not None:
            return Marginal.linear(self.slopes[rows])
        return Marginal(lambda b: self.value(b)[rows], lambda b: self.jacobian(b)[rows])


def is_attribute(model: Any, name: object) -> bool:
    """Whether the name is that of a column of numbers which the utility uses."""
    frame = model.data.frame
    if name not in model.design.columns or name not in frame.columns:
        return False
    dtype = frame[name].dtype
    return bool(pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype))


def marginal_utility(model: Any, column: str, data: Any) -> Marginal:
    """Derivative of the rows' utilities by a column.

    Parameters
    ----------
    model
        The model; its design remembers categories and transformations.
    column
        A column of numbers; see `is_attribute`.
    data
        The `ChoiceData` at whose values it is taken.

    Raises
    ------
    SpecificationError
        If the column serves as categories.
    """
    if not isinstance(model.design, NonlinearDesign):
        return Marginal.linear(regressor_slopes(model, column, data))
    if model.design.functions:
        return _differenced(model.design, column, data)
    bound = model.design.bind(data.frame, data.layout.alt, data.layout.case_ptr)
    names = bound.names
    trees = [
        differentiate(piece.tree, column)
        for piece in bound.pieces
        if isinstance(piece, ExpressionPiece)
    ]
    slopes = [[differentiate(tree, name) for name in names] for tree in trees]

    def known(beta: Float, place: int) -> dict[str, Any]:
        return {**bound.values[place], **dict(zip(names, map(float, beta), strict=True))}

    def value(beta: Float) -> Float:
        out = np.zeros(bound.n_rows)
        for place, (rows, tree) in enumerate(zip(bound.rows, trees, strict=True)):
            out[rows] = evaluate(tree, known(beta, place))
        return out

    def jacobian(beta: Float) -> Float:
        out = np.zeros((bound.n_rows, len(names)))
        for place, (rows, own) in enumerate(zip(bound.rows, slopes, strict=True)):
            for k, tree in enumerate(own):
                out[rows, k] = evaluate(tree, known(beta, place))
        return out

    return Marginal(value, jacobian)


def _differenced(design: NonlinearDesign, column: str, data: Any) -> Marginal:
    """Marginal utility of functions by a column: differences of fourth order."""
    frame, layout = data.frame, data.layout
    at, step = _steps(frame, column)
    low, lower, upper, high = (
        design.bind(frame.assign(**{column: at + times * step}), layout.alt, layout.case_ptr)
        for times in (-2.0, -1.0, 1.0, 2.0)
    )

    def value(beta: Float) -> Float:
        inner = upper.value(beta) - lower.value(beta)
        slope: Float = (8.0 * inner - (high.value(beta) - low.value(beta))) / (12.0 * step)
        return slope

    def jacobian(beta: Float) -> Float:
        inner = upper.jacobian(beta) - lower.jacobian(beta)
        outer = high.jacobian(beta) - low.jacobian(beta)
        slope: Float = (8.0 * inner - outer) / (12.0 * step[:, None])
        return slope

    return Marginal(value, jacobian)


def _steps(frame: pd.DataFrame, column: str) -> tuple[Float, Float]:
    """Values of a column (L,) and how far to move each."""
    at = frame[column].to_numpy(dtype=np.float64)
    size = np.abs(at)
    least = size[size > 0.0].min(initial=np.inf)
    return at, STEP * np.where(size > 0.0, size, least if np.isfinite(least) else 1.0)


def regressor_slopes(model: Any, column: str, data: Any) -> Float:
    """Derivatives of the regressors by a column, (L, K), by differences of fourth order.

    Exact to about nine digits, to which they are rounded, so that the same slopes are equal.

    Raises
    ------
    SpecificationError
        If the column serves as categories, or its neighbourhood is outside a transformation.
    """
    layout, frame = data.layout, data.frame
    at, step = _steps(frame, column)

    def moved(times: float) -> Float:
        other = frame.assign(**{column: at + times * step})
        found: Float = model.design.rows(other, layout.alt, layout.case_ptr, data.case_ids)
        return found

    try:
        near, far = moved(1.0) - moved(-1.0), moved(2.0) - moved(-2.0)
    except DataError as error:
        raise SpecificationError(
            f"The utility cannot be differentiated by {column!r}: {error.findings[0].message} "
            "Cure: name the coefficients instead of the column."
        ) from error
    slopes = (8.0 * near - far) / (12.0 * step[:, None])
    size = np.abs(slopes)
    nothing = size <= NOISE * size.max(axis=0, initial=0.0)
    unit = 10.0 ** np.floor(np.log10(np.where(nothing, 1.0, size)))
    rounded: Float = np.where(nothing, 0.0, np.round(slopes / unit, DIGITS) * unit)
    return rounded
