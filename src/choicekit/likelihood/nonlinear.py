"""Utilities that are not linear in their parameters, with any errors.

Axes: C cases, L rows, K parameters of the utility.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.likelihood.plain import Likelihood
from choicekit.utility.pieces import BoundNonlinear

__all__ = ["NonlinearLikelihood"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NonlinearLikelihood(Likelihood):
    """Log-likelihood of a non-linear utility; ``x`` holds its derivatives near the start.

    Attributes
    ----------
    utility
        Utilities of the rows as functions of the parameters.
    """

    utility: BoundNonlinear

    @property
    def linear(self) -> bool:
        """Whether utilities are ``X beta``."""
        return False

    def regressors(self, beta: Float) -> Float:
        """Derivatives of the rows' utilities by the coefficients, (L, K)."""
        return self.utility.jacobian(beta)

    def row_utilities(self, beta: Float) -> Float:
        """Utilities of the rows, (L,)."""
        return self.utility.value(beta)

    def pullback(self, beta: Float, rows: Float) -> Float:
        """Derivatives (C, K) of each case by the coefficients, from those by utilities, (L,)."""
        return self.utility.pullback(beta, self.layout.case_ptr, rows)

    def pullback_sum(self, beta: Float, rows: Float) -> Float:
        """Their sum over cases, (K,)."""
        return self.utility.pullback_sum(beta, rows)

    def plain(self, errors: BoundErrors) -> Likelihood:
        """Other errors on the same data, not settled."""
        return NonlinearLikelihood(self.x, self.layout, errors, self.keys, self.utility)

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        return replace(super().take(cases), utility=self.utility.take(self.layout.rows(cases)))

    def mixed_with(self, other: Self, alternative: int) -> Self:
        """The same with the attributes of one alternative, by its code, taken from another."""
        utility = self.utility.mixed_with(other.utility, self.layout.alt == alternative)
        return replace(self, utility=utility)

    def without(self, alternative: int) -> Self:
        """The same, not settled, where nobody can choose an alternative, by its code."""
        utility = self.utility.take(np.flatnonzero(self.layout.alt != alternative))
        return replace(super().without(alternative), utility=utility)

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own, had they chosen one alternative."""
        utility = self.utility.take(self.layout.rows(cases))
        return replace(super().alone(cases, alternative), utility=utility)
