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

__all__ = ["Dense", "Shift", "Slopes", "ThroughUtilities"]

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
class Shift:
    """How the regressors of a case change: ``by_d`` times ``d``.

    Attributes
    ----------
    columns
        Which regressors change, k of them.
    d
        Their change, (C, k).
    by_d
        What multiplies it, (C, J).
    """

    columns: Int
    d: Float
    by_d: Float


@dataclass(frozen=True)
class ThroughUtilities:
    """Derivatives that are sums over alternatives m of ``by_x x_m``, and shifts.

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
    shifts
        Added to these.
    """

    layout: Any
    x: Float
    by_x: Float
    by_theta: Float
    shifts: tuple[Shift, ...] = ()

    def total(self, weights: Float) -> Float:
        """Sums over cases with weights (C, J): (J, P)."""
        by_beta = np.empty((weights.shape[1], self.x.shape[1]))
        for j in range(weights.shape[1]):
            of_rows = self.layout.gather(self.by_x[:, j] * weights[:, j, None])
            by_beta[j] = pullback_sum(self.x, of_rows)
        for shift in self.shifts:
            factor = weights * shift.by_d
            by_beta[:, shift.columns] += np.einsum("cj,ck->jk", factor, shift.d)
        by_theta = np.einsum("cj,cjq->jq", weights, self.by_theta)
        return np.hstack([by_beta, by_theta])

    def rows(self, cases: Int, alternatives: Int) -> Float:
        """Those of some cases and alternatives, (n, P)."""
        by_beta = np.empty((len(cases), self.x.shape[1]))
        own = self.by_x[cases, alternatives]
        for k, column in enumerate(self.x.T):
            by_beta[:, k] = (own * self.layout.scatter(column, 0.0)[cases]).sum(axis=1)
        for shift in self.shifts:
            factor = shift.by_d[cases, alternatives]
            by_beta[:, shift.columns] += factor[:, None] * shift.d[cases]
        return np.hstack([by_beta, self.by_theta[cases, alternatives]])
