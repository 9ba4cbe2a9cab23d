"""Independent Gumbel errors: the conditional logit, the softmax, the Boltzmann distribution."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb, SimulationPlan
from choicekit.errors.closed import StartsFromLogit
from choicekit.exceptions import SpecificationError

__all__ = ["BoundGumbel", "Gumbel"]

Float = NDArray[np.float64]
NO_THETA = np.empty(0)


@dataclass(frozen=True)
class Gumbel(StartsFromLogit):
    """Independent Gumbel errors of one scale: ``P = softmax(V / scale)`` (McFadden 1974).

    Parameters
    ----------
    scale
        The scale mu of the errors, their standard deviation being ``mu pi / sqrt(6)``; physics'
        temperature. It is not identified beside the coefficients, so it is fixed, at 1 unless
        said otherwise. ``scale=0`` (the largest utility is taken for certain; ties share) and
        ``scale=inf`` (all available alternatives alike) are limits for probabilities, not for
        fitting.

    Raises
    ------
    SpecificationError
        If the scale is negative or not a number.

    Examples
    --------
    >>> import numpy as np
    >>> law = Gumbel(scale=2.0).bind(("car", "bus"), base=0)
    >>> law.probabilities(np.array([[1e4, 1e4 - 2.0]]), np.ones((1, 2), bool), np.empty(0)).round(4)
    array([[0.7311, 0.2689]])
    """

    scale: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.scale, int | float | np.number) or not self.scale >= 0.0:
            raise SpecificationError(
                f"The scale of the Gumbel errors must be a number >= 0, not {self.scale!r}. "
                "Cure: leave it at 1 unless you mean to fix the temperature."
            )

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return "Conditional logit"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return "Mixed logit"

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundGumbel:
        """Fix the alternatives (J labels); the base plays no part."""
        return BoundGumbel(float(self.scale), len(alternatives))


@dataclass(frozen=True)
class BoundGumbel:
    """Gumbel errors of J alternatives; see `Gumbel`."""

    scale: float
    n_alternatives: int

    index = False

    @property
    def names(self) -> tuple[str, ...]:
        """No parameters: the scale is fixed."""
        return ()

    @property
    def start(self) -> Float:
        """No parameters, shape (0,)."""
        return NO_THETA

    @property
    def search_start(self) -> Float:
        """No parameters, shape (0,)."""
        return NO_THETA

    @property
    def sd_per_logit(self) -> float:
        """The scale itself."""
        return self.scale

    @property
    def normalisation(self) -> str:
        """Say so only where the user fixed a scale."""
        if self.scale == 1.0:
            return ""
        return f"The scale (temperature) of the Gumbel errors is fixed at {self.scale:g}."

    @property
    def plan(self) -> SimulationPlan | None:
        """None: the probabilities have a closed form."""
        return None

    def settle(self, *args: Any, **kwargs: Any) -> BoundGumbel:
        """Nothing to fix."""
        return self

    def redrawn(self, seed: int | None) -> BoundGumbel:
        """Nothing is drawn."""
        return self

    def predicting(self, seed: int = 0) -> BoundGumbel:
        """Nothing is drawn."""
        return self

    def approximated(self) -> BoundGumbel | None:
        """Nothing is cheaper than a closed form."""
        return None

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> BoundGumbel:
        """Nothing was settled, so nothing is repeated."""
        return self

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float = NO_THETA,
        gradient: bool = True,
    ) -> LogProb:
        """``V_i / mu - log sum_j exp(V_j / mu)`` over the available alternatives j.

        Train (2009), equation 3.6. ``dv`` is ``(1[j = i] - P_j) / mu``.
        """
        self.require_fittable()
        logs = log_softmax(v, available, self.scale)
        cases = np.arange(len(v))
        logp = logs[cases, chosen]
        dv = -np.where(available, np.exp(logs), 0.0)
        dv[cases, chosen] += 1.0
        return LogProb(logp, dv / self.scale, np.empty((len(v), 0)))

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float = NO_THETA,
        keys: Any = None,
        *,
        tol: float | None = None,
    ) -> Float:
        """Softmax over the available alternatives, (C, J), with its limits at scale 0 and inf.

        ``tol`` is ignored: the formula is exact.
        """
        if self.scale == 0.0:
            masked = np.where(available, v, -np.inf)
            best = available & (masked == masked.max(axis=1, keepdims=True))
            return np.asarray(best / best.sum(axis=1, keepdims=True))
        if np.isinf(self.scale):
            return np.asarray(available / available.sum(axis=1, keepdims=True))
        return np.where(available, np.exp(log_softmax(v, available, self.scale)), 0.0)

    def expected_maximum(
        self, v: Float, available: NDArray[np.bool_], theta: Float = NO_THETA
    ) -> Float:
        """``mu log sum_j exp(V_j / mu)``, (C,); Small & Rosen (1981), Train (2009), section 3.5."""
        self.require_fittable()
        masked = np.where(available, v, -np.inf)
        top = masked.max(axis=1)
        total = np.exp((masked - top[:, None]) / self.scale).sum(axis=1)
        found: Float = top + self.scale * np.log(total)
        return found

    def error_means(self, theta: Float) -> Float:
        """Zeros, (J,)."""
        return np.zeros(self.n_alternatives)

    def require_fittable(self) -> None:
        """Raise SpecificationError at the limits 0 and infinity of the scale."""
        if not 0.0 < self.scale < np.inf:
            raise SpecificationError(
                f"A logit of scale {self.scale:g} has no likelihood to speak of. "
                "Cure: fit with a positive, finite scale; use the limits for probabilities only."
            )

    def signs(self, theta: Float = NO_THETA) -> Float:
        """No parameters, shape (0,)."""
        return NO_THETA

    def remarks(self, theta: Float = NO_THETA) -> tuple[str, ...]:
        """Nothing to remark on."""
        return ()

    def barrier(self, theta: Float) -> None:
        """No parameters, no limits."""

    def boundary(self, theta: Float = NO_THETA, slack: float = 1.0) -> str:
        """Nothing to be at the edge of."""
        return ""

    def covariance(self, theta: Float = NO_THETA) -> Float:
        """``mu^2 pi^2 / 6`` on the diagonal, shape (J, J)."""
        return np.eye(self.n_alternatives) * (self.scale * np.pi) ** 2 / 6.0


def log_softmax(v: Float, available: NDArray[np.bool_], scale: float) -> Float:
    """Log-probabilities (C, J), -inf where not available; no overflow at any |v|."""
    masked = np.where(available, v, -np.inf)
    # Differences first: v / scale may overflow where the differences are harmless.
    shifted = (masked - masked.max(axis=1, keepdims=True)) / scale
    result: Float = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result
