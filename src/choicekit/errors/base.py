"""What every error law provides.

Axes: C cases, J alternatives, Q parameters of the errors.

A law differentiates with respect to the utilities and its own parameters only; the chain rule
to the coefficients is written once, in ``choicekit.likelihood``.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["APPROXIMATED", "BoundErrors", "ErrorLaw", "LogProb", "SimulationPlan"]

APPROXIMATED = "sequential conditioning"  # the kind of a plan that approximates

Float = NDArray[np.float64]


@dataclass(frozen=True)
class LogProb:
    """Log-probabilities of the chosen alternatives and their derivatives.

    Attributes
    ----------
    logp
        Log-probability of each case's chosen alternative, shape (C,).
    dv
        Derivative with respect to the utilities, (C, J); 0 where not available.
    dtheta
        Derivative with respect to the law's parameters, (C, Q).
    dextra
        Derivative with respect to what a case adds to the covariance of the errors, the lower
        triangle row by row, an off-diagonal element counting for both its places,
        (C, J (J + 1) / 2); None for laws without a covariance.
    """

    logp: Float
    dv: Float
    dtheta: Float
    dextra: Float | None = None


@dataclass(frozen=True)
class SimulationPlan:
    """How the probabilities of a data set are integrated, in words and numbers.

    Attributes
    ----------
    method
        ``"exact"``, ``"ghk"``, ``"analytic"`` (approximated without draws) or, where a ragged
        data set has cases of two kinds, ``"mixed"``.
    kind
        The kind of points, for example ``"scrambled Sobol"``.
    draws
        Points a simulated case; 0 where nothing is simulated.
    seed
        Seed of the scrambles.
    n_exact, n_simulated, n_approximate
        Number of cases of each kind.
    """

    method: str
    kind: str
    draws: int
    seed: int
    n_exact: int
    n_simulated: int
    n_approximate: int = 0


class ErrorLaw(Protocol):
    """What the user names: a law without data."""

    @property
    def title(self) -> str:
        """The model's name in a heading, for example ``"Conditional logit"``."""

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random, for example ``"Mixed logit"``."""

    @property
    def index(self) -> bool:
        """Whether one index a case, the same for all alternatives, stands for utilities."""

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundErrors:
        """Fix the alternatives and the code of the reference alternative."""

    def kernels(self) -> tuple[Any, ...]:
        """Return the compiled functions that a fit will call."""


class BoundErrors(Protocol):
    """A law for given alternatives."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters."""

    @property
    def index(self) -> bool:
        """As the law's: its parameters are thresholds, which stand for constants too."""

    @property
    def start(self) -> Float:
        """Values (Q,) of independent errors of equal variance."""

    @property
    def search_start(self) -> Float:
        """Values (Q,) an optimiser starts from: not ``start`` if the likelihood is flat there."""

    @property
    def sd_per_logit(self) -> float:
        """Standard deviation of an error at ``start`` over the standard Gumbel's, pi / sqrt(6)."""

    @property
    def normalisation(self) -> str:
        """Which scale and which covariances were fixed, in a sentence; empty if none."""

    def settle(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        keys: NDArray[np.uint64],
        theta: Float,
        seed: int,
    ) -> BoundErrors:
        """Fix what must not change during one optimisation: draws and orders of integration."""

    def redrawn(self, seed: int | None) -> BoundErrors:
        """What was settled on with other draws: a new seed or, with None, more points."""

    def predicting(self, seed: int = 0) -> BoundErrors:
        """The same, not settled, with the points that probabilities take."""

    def approximated(self) -> BoundErrors | None:
        """What was settled on with a cheap approximation in its place; None if there is none."""

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> BoundErrors:
        """What was settled on, for cases repeated at nodes of a mixing distribution.

        ``cases`` and ``nodes`` (C',) are positions; every pair gets its own draws.
        """

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
    ) -> LogProb:
        """Log-probability of the chosen alternatives, see `LogProb`."""

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        *,
        tol: float | None = None,
    ) -> Float:
        """Choice probabilities (C, J), 0 where not available; each row sums to 1.

        ``tol`` is the largest estimated error wanted; a closed form has none and ignores it.
        """

    def expected_maximum(
        self, v: Float, available: NDArray[np.bool_], theta: Float
    ) -> Float | None:
        """Expected utility of the best alternative, (C,), with errors of these means.

        None where it has no closed form.
        """

    def error_means(self, theta: Float) -> Float:
        """Means of the errors, (J,), up to a constant: zeros, but for unequal scales."""

    def covariance(self, theta: Float) -> Float:
        """Covariance (J, J) of the errors under the normalisation."""

    def require_fittable(self) -> None:
        """Raise SpecificationError if the law is a limit that has no likelihood."""

    def signs(self, theta: Float) -> Float:
        """Signs (Q,) that turn theta into its conventional form without changing the covariance."""

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """What a reader of these parameters should know, in sentences."""

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """Value and slope (Q,) of what falls to minus infinity at the edge of theta's range.

        None if theta has no limits.
        """

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """Say that theta is at the edge of its range, if it is; else an empty text.

        ``slack`` multiplies what counts as near: a search that ended badly near an edge was on
        its way there.
        """

    @property
    def plan(self) -> SimulationPlan | None:
        """How the law integrates, once settled; None for a closed form."""
