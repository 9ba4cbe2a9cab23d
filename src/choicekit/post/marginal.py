"""Marginal utilities: what one unit more of a column of the data adds to the utilities.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients of a utility.

Utilities ``V = x(a)' beta`` that are linear in their coefficients have ``dV/da = (dx/da)' beta``
whatever the transformations and interactions in x, so the derivatives of the regressors are
needed only, once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import DataError, SpecificationError
from choicekit.utility import NeuralDesign, NonlinearDesign

__all__ = ["Marginal", "is_attribute", "marginal_utility", "regressor_slopes"]

Float = NDArray[np.float64]

STEP = 2.0**-10  # of the value: five points make an error of the order of its fourth power
BITS = 34  # that differencing leaves
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
    if isinstance(model.design, NeuralDesign) and column in model.design.features.columns:
        linear, learned = regressor_slopes(model, column, data), network_slopes(model, column, data)
        return Marginal(lambda beta: linear @ beta + learned, lambda beta: linear)
    if not isinstance(model.design, NonlinearDesign):
        return Marginal.linear(regressor_slopes(model, column, data))
    layout = data.layout
    moved, step = _moved(column, data)
    bound = [
        (times, model.design.bind(frame, layout.alt, layout.case_ptr)) for times, frame in moved
    ]

    def value(beta: Float) -> Float:
        total: Float = sum((times * at.value(beta) for times, at in bound), np.zeros(len(step)))
        return total / step

    def jacobian(beta: Float) -> Float:
        none = np.zeros((len(step), len(beta)))
        total: Float = sum((times * at.jacobian(beta) for times, at in bound), none)
        return total / step[:, None]

    return Marginal(value, jacobian)


def _moved(column: str, data: Any) -> tuple[list[tuple[float, pd.DataFrame]], Float]:
    """Frames with the column moved, their weights in the derivative, and the step (L,)."""
    at = data.frame[column].to_numpy(dtype=np.float64)
    size = np.abs(at)
    least = size[size > 0.0].min(initial=np.inf)
    step = STEP * np.where(size > 0.0, size, least if np.isfinite(least) else 1.0)
    weights = {1.0: 8.0 / 12.0, -1.0: -8.0 / 12.0, 2.0: -1.0 / 12.0, -2.0: 1.0 / 12.0}
    frames = [(w, data.frame.assign(**{column: at + t * step})) for t, w in weights.items()]
    return frames, step


def regressor_slopes(model: Any, column: str, data: Any) -> Float:
    """Derivatives of the regressors by a column, (L, K); see `_slopes`."""
    return _slopes(model.design.rows, column, data)


def network_slopes(model: Any, column: str, data: Any) -> Float:
    """Derivatives of what a network adds to the utilities of the rows by a column, (L,)."""

    def part(*place: Any) -> Float:
        found: Float = model.design.offset(*place)[:, None]
        return found

    return _slopes(part, column, data)[:, 0]


def _slopes(part: Callable[..., Float], column: str, data: Any) -> Float:
    """Derivatives of what a design makes of the rows, (L, any), by differences of fourth order.

    Exact to about ten digits, to which they are rounded, so that the same slopes are equal.

    Raises
    ------
    SpecificationError
        If the column serves as categories, or its neighbourhood is outside a transformation.
    """
    layout = data.layout
    moved, step = _moved(column, data)
    try:
        rows = [
            times * part(frame, layout.alt, layout.case_ptr, data.case_ids)
            for times, frame in moved
        ]
    except DataError as error:
        raise SpecificationError(
            f"The utility cannot be differentiated by {column!r}: {error.findings[0].message} "
            "Cure: name the coefficients instead of the column."
        ) from error
    slopes: Float = sum(rows[1:], rows[0]) / step[:, None]
    moving = np.flatnonzero(slopes.any(axis=0))  # of many regressors few depend on one column
    slopes[:, moving] = _rounded(slopes[:, moving])
    return slopes


def _rounded(slopes: Float) -> Float:
    """Slopes (L, any) to the digits that differencing leaves."""
    size = np.abs(slopes)
    nothing = size <= NOISE * size.max(axis=0, initial=0.0)
    mantissa, exponent = np.frexp(np.where(nothing, 0.0, slopes))
    rounded: Float = np.ldexp(np.round(mantissa * 2.0**BITS) / 2.0**BITS, exponent)
    return rounded
