"""Derivatives of numbers of each case and alternative by the parameters, in two forms.

What tables need of them are sums over cases with some weights, and single rows. So derivatives that
go through the utilities are never written out: they are kept as what multiplies the regressors.

Axes: C cases, J alternatives, L rows, K coefficients, Q parameters of the errors, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from choicekit.utility.linear import pullback_sum

__all__ = ["Dense", "Slopes", "ThroughUtilities"]

Float = NDArray[np.float64]
Int = NDArray[np.intp]


class Slopes(Protocol):
    """Derivatives (C, J, P) in some form."""

    def total(self, weights: Float) -> Float:
        """Sums over cases with weights (C, J): (J, P)."""

    def rows(self, cases: Int, alternatives: Int) -> Float:
        """Those of some cases and alternatives, (n, P)."""


@dataclass(frozen=True)
class Dense:
    """Derivatives written out.

    Attributes
    ----------
    array
        (C, J, P).
    """

    array: Float

    def total(self, weights: Float) -> Float:
        """Sums over cases with weights (C, J): (J, P)."""
        return np.asarray(np.einsum("cj,cjp->jp", weights, self.array))

    def rows(self, cases: Int, alternatives: Int) -> Float:
        """Those of some cases and alternatives, (n, P)."""
        return self.array[cases, alternatives]


@dataclass(frozen=True)
class ThroughUtilities:
    """Derivatives that are sums over alternatives m of ``by_x x_m + by_d d_m``.

    Attributes
    ----------
    layout
        Of the cases.
    x
        Derivatives of the utilities by the coefficients, (L, K).
    by_x
        What multiplies them, (C, J, J).
    by_theta
        Derivatives by the parameters of the errors, (C, J, Q).
    d, columns
        Change of some columns of ``x``, (L, k), and which these are.
    by_d
        What multiplies it, (C, J, J).
    """

    layout: Any
    x: Float
    by_x: Float
    by_theta: Float
    d: Float | None = None
    columns: Int | None = None
    by_d: Float | None = None

    def total(self, weights: Float) -> Float:
        """Sums over cases with weights (C, J): (J, P)."""
        by_beta = self._sums(self.x, self.by_x, weights)
        if self.d is not None and self.by_d is not None:
            by_beta[:, self.columns] += self._sums(self.d, self.by_d, weights)
        by_theta = np.einsum("cj,cjq->jq", weights, self.by_theta)
        return np.hstack([by_beta, by_theta])

    def _sums(self, x: Float, by: Float, weights: Float) -> Float:
        return np.stack(
            [
                pullback_sum(x, self.layout.gather(by[:, j] * weights[:, j, None]))
                for j in range(by.shape[1])
            ]
        )

    def rows(self, cases: Int, alternatives: Int) -> Float:
        """Those of some cases and alternatives, (n, P)."""
        by_beta = self._rows(self.x, self.by_x, cases, alternatives)
        if self.d is not None and self.by_d is not None:
            by_beta[:, self.columns] += self._rows(self.d, self.by_d, cases, alternatives)
        return np.hstack([by_beta, self.by_theta[cases, alternatives]])

    def _rows(self, x: Float, by: Float, cases: Int, alternatives: Int) -> Float:
        own = by[cases, alternatives]
        columns = [(own * self.layout.scatter(column, 0.0)[cases]).sum(axis=1) for column in x.T]
        return np.column_stack(columns) if columns else np.empty((len(cases), 0))
