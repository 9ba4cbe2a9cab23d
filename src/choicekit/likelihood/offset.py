"""Utilities with a part that is known: ``V = X beta + offset``, with any errors.

Axes: C cases, L rows, K coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.plain import Likelihood

__all__ = ["OffsetLikelihood"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class OffsetLikelihood(Likelihood):
    """Log-likelihood of a linear utility beside one that has no parameters here.

    Attributes
    ----------
    offset
        The known part of the rows' utilities, (L,).
    """

    offset: Float

    @property
    def linear(self) -> bool:
        """Whether utilities are ``X beta``."""
        return False

    @property
    def fused(self) -> bool:
        """Whether the row kernel of the conditional logit serves."""
        return isinstance(self.errors, BoundGumbel)

    def row_utilities(self, beta: Float) -> Float:
        """Utilities of the rows, (L,)."""
        return super().row_utilities(beta) + self.offset

    def plain(self, errors: BoundErrors) -> Likelihood:
        """Other errors on the same data, not settled."""
        return OffsetLikelihood(self.x, self.layout, errors, self.keys, self.offset)

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        return replace(super().take(cases), offset=self.offset[self.layout.rows(cases)])

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own, had they chosen one alternative."""
        offset = self.offset[self.layout.rows(cases)]
        return replace(super().alone(cases, alternative), offset=offset)

    def logp(self, params: Float) -> Float:
        """Log-probability of each case's choice, (C,), unweighted."""
        if self.fused:
            return self.cases(params, gradient=False).logp
        return super().logp(params)

    def logit(self, params: Float, with_hessian: bool) -> Any:
        """Value, gradient and Hessian by the fused kernel: a regressor whose coefficient is 1."""
        from choicekit.numerics.logit import logit_evaluate

        layout, errors = self.layout, self.errors
        assert isinstance(errors, BoundGumbel)
        found = logit_evaluate(
            np.vstack([self.x.T, self.offset]),
            layout.case_ptr,
            layout.chosen,
            layout.weights,
            np.append(params, 1.0),
            errors.scale,
            with_hessian,
        )
        k = len(params)
        return replace(found, gradient=found.gradient[:k], hessian=found.hessian[:k, :k])
