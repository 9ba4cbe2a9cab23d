"""The marginal utility of income: minus that of the price, the same for all alternatives.

Axes: C cases, K coefficients, S nodes of the tastes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.mixing.bound import BoundRandom
from choicekit.post.marginal import Marginal
from choicekit.post.wtp_mixed import keeps_from_zero
from choicekit.post.wtp_terms import Side, side_of

__all__ = ["Income", "income_slopes"]

Float = NDArray[np.float64]

SIMILAR = 1e-7  # relative: marginal utilities of the price that count as the same


@dataclass(frozen=True)
class Income:
    """Minus the marginal utility of the price in each case.

    ``slopes`` (C, K) make it from the coefficients; ``marginal`` and ``first``, a row of each
    case, where utilities are not linear.
    """

    slopes: Float | None
    marginal: Marginal | None
    first: NDArray[np.intp]

    def of_cases(self, beta: Float) -> tuple[Float, Float]:
        """The marginal utility of income, (C,), and its derivatives by the coefficients, (C, K)."""
        if self.slopes is not None:
            return -(self.slopes @ beta), -self.slopes
        assert self.marginal is not None
        return -self.marginal.value(beta)[self.first], -self.marginal.jacobian(beta)[self.first]

    def at_nodes(self, block: NodeUtilities) -> Float:
        """The same at the nodes of some cases, (C', S)."""
        assert self.slopes is not None
        return -block.combined(self.slopes[block.cases])


def income_slopes(fit: Any, data: Any, price: str) -> Income:
    """Find the marginal utility of income, which must be the same for all alternatives of a case.

    Raises
    ------
    SpecificationError
        If it differs between alternatives (then the change of utility cannot be turned into money
        without knowing where it arises), or comes near zero for some people.
    """
    side: Side = side_of(fit.model, price, data)
    rows = np.flatnonzero(side.works)
    case = data.layout.case[rows]
    first = np.full(data.n_cases, -1, dtype=np.intp)
    first[case[::-1]] = rows[::-1]
    if (first < 0).any():
        lost = data.case_ids[int(np.flatnonzero(first < 0)[0])]
        raise SpecificationError(
            f"In {int((first < 0).sum()):,} cases {price!r} is in no utility, the first of them "
            f"{lost!r}. Cure: leave them out of df=."
        )
    slopes = side.marginal.slopes
    at = side.marginal.value(fit._values[: len(fit.model.design.names)])[:, None]
    compared = at if slopes is None else slopes
    if not np.allclose(compared[rows], compared[first[case]], rtol=SIMILAR, atol=0.0):
        raise SpecificationError(
            f"The marginal utility of {price!r} differs between the alternatives of a case, so "
            "there is no one marginal utility of income. Cure: a price that enters all utilities "
            "linearly with one coefficient."
        )
    mixing = fit.model.bound_mixing
    if slopes is None and mixing is not None:
        raise SpecificationError(
            f"The marginal utility of {price!r} depends on parameters that differ between people "
            "in a Nonlinear utility: what a change is worth is not offered there. Cure: logsum(), "
            "in units of utility, or a formula."
        )
    if slopes is None:
        return Income(None, side.marginal, first)
    n_phi = 0 if mixing is None else len(mixing.names)
    if isinstance(mixing, BoundRandom) and not keeps_from_zero(
        mixing, slopes[first], fit._values, n_phi
    ):
        raise SpecificationError(
            f"The coefficient of {price!r} can be zero for some people, so the mean surplus does "
            "not exist. Cure: a fixed or a lognormal price."
        )
    return Income(slopes[first], None, first)
