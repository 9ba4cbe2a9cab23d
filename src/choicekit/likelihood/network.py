"""Utilities with a part from a trained network: ``V = X beta + f``, with any errors.

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
from choicekit.utility.neural_design import NetworkPart

__all__ = ["NetworkLikelihood"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NetworkLikelihood(Likelihood):
    """Log-likelihood of a linear utility beside a network, which has no parameters here.

    Attributes
    ----------
    part
        The network and what it sees.
    offset
        What it adds to the utilities of the rows, (L,).
    """

    part: NetworkPart
    offset: Float

    @property
    def linear(self) -> bool:
        """Whether utilities are ``X beta``."""
        return False

    @property
    def through_utilities(self) -> bool:
        """Not alone: a joint network sees one alternative in the utilities of all."""
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
        return NetworkLikelihood(self.x, self.layout, errors, self.keys, self.part, self.offset)

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        offset = self.offset[self.layout.rows(cases)]
        return replace(super().take(cases), offset=offset, part=self.part.take(cases))

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own, had they chosen one alternative."""
        offset = self.offset[self.layout.rows(cases)]
        taken = super().alone(cases, alternative)
        return replace(taken, offset=offset, part=self.part.take(cases))

    def mixed_with(self, other: Self, alternative: int) -> Self:
        """The same with the attributes of one alternative, by its code, taken from another.

        A joint network sees them in the utilities of all alternatives.
        """
        return (
            super()
            .mixed_with(other, alternative)
            ._seeing(self.part.mixed_with(other.part, alternative))
        )

    def without(self, alternative: int) -> Self:
        """The same, not settled, where nobody can choose an alternative, by its code."""
        return super().without(alternative)._seeing(self.part.without(alternative))

    def _seeing(self, part: NetworkPart) -> Self:
        """The same where the network sees something else."""
        offset = part.value(self.layout.case, self.layout.alt)
        return replace(self, part=part, offset=offset)

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
