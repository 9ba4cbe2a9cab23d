"""What laws with probabilities in closed form, or by fixed quadrature, have in common."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import SimulationPlan
from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["ClosedForm", "StartsFromLogit", "alternative_code"]

Float = NDArray[np.float64]


class StartsFromLogit:
    """A law whose search starts from the logit's estimates."""

    index = False

    def kernels(self) -> tuple[Any, ...]:
        """Return the compiled functions that a fit calls: the logit's and the law's own."""
        from choicekit.numerics.logit import logit_range

        return (logit_range, *self.own_kernels())

    def own_kernels(self) -> tuple[Any, ...]:
        """Return the law's own compiled functions; none by default."""
        return ()


class ClosedForm:
    """A bound law that draws nothing and has no edge that a fit must be kept from."""

    start: Any
    index = False

    @property
    def sd_per_logit(self) -> float:
        """The law starts at the standard Gumbel's spread."""
        return 1.0

    @property
    def search_start(self) -> Float:
        """The start itself: the likelihood has a slope there."""
        found: Float = self.start
        return found

    @property
    def plan(self) -> SimulationPlan | None:
        """None: nothing is simulated."""
        return None

    def settle(self, *args: Any, **kwargs: Any) -> Self:
        """Nothing to fix."""
        return self

    def redrawn(self, seed: int | None) -> Self:
        """Nothing is drawn."""
        return self

    def predicting(self, seed: int = 0) -> Self:
        """Nothing is drawn."""
        return self

    def approximated(self) -> Self | None:
        """Nothing is cheaper than a closed form."""
        return None

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> Self:
        """Nothing was settled, so nothing is repeated."""
        return self

    def expected_maximum(
        self, v: Float, available: NDArray[np.bool_], theta: Float
    ) -> Float | None:
        """None: no closed form."""
        return None

    def error_means(self, theta: Float) -> Float:
        """Zeros, (J,)."""
        return np.zeros(len(self.covariance(theta)))

    def covariance(self, theta: Float) -> Float:
        """Covariance (J, J) of the errors: the law's own."""
        raise NotImplementedError

    def require_fittable(self) -> None:
        """The law can be fitted."""

    def signs(self, theta: Float) -> Float:
        """Every sign means something, (Q,)."""
        return np.ones(len(theta))

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """No limits that need one."""
        return None

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """Nothing to remark on."""
        return ()

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """Nothing to be at the edge of."""
        return ""


def alternative_code(label: Hashable, alternatives: tuple[Hashable, ...], where: str) -> int:
    """Position of an alternative named in a specification.

    Raises
    ------
    SpecificationError
        If there is none of that name; with the nearest.
    """
    if label in alternatives:
        return alternatives.index(label)
    hint = did_you_mean(label, alternatives)
    raise SpecificationError(
        f"{where} names {label!r}, which is no alternative.{hint} There are: "
        f"{', '.join(map(repr, alternatives))}."
    )
