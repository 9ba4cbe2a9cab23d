"""Independent Gumbel errors of unequal scale: the heteroskedastic extreme value model.

Axes: C cases, J alternatives, Q = J - 1 free scales.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb, SimulationPlan
from choicekit.errors.closed import ClosedForm, StartsFromLogit, alternative_code
from choicekit.exceptions import SpecificationError
from choicekit.numerics.hev import hev_nodes, hev_range
from choicekit.numerics.threads import map_ranges

__all__ = ["BoundHeteroskedasticGumbel", "HeteroskedasticGumbel"]

Float = NDArray[np.float64]

EXTREME = 100.0  # ratio of two scales beyond which the estimates have run off


@dataclass(frozen=True)
class HeteroskedasticGumbel(StartsFromLogit):
    """Independent Gumbel errors, each with a scale of its own.

    Parameters
    ----------
    scale
        Label of the alternative whose scale is 1; by default the base.

    References
    ----------
    Bhat (1995); Allenby & Ginter (1995); Train (2009), section 4.5.
    """

    scale: Hashable | None = None

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return "Heteroskedastic extreme value model"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return "Mixed heteroskedastic extreme value model"

    def own_kernels(self) -> tuple[Any, ...]:
        """Return the law's own compiled function."""
        return (hev_range,)

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundHeteroskedasticGumbel:
        """Fix the alternatives (J labels) and whose scale is 1.

        Raises
        ------
        SpecificationError
            For an unknown scale alternative, or two alternatives: the scale of their difference
            is all that shows.
        """
        if len(alternatives) == 2:
            raise SpecificationError(
                "With two alternatives unequal scales are not identified. Cure: use Gumbel()."
            )
        code = base if self.scale is None else alternative_code(self.scale, alternatives, "scale=")
        return BoundHeteroskedasticGumbel(alternatives, code)


@dataclass(frozen=True)
class BoundHeteroskedasticGumbel(ClosedForm):
    """Gumbel errors of unequal scale of J given alternatives; see `HeteroskedasticGumbel`.

    Attributes
    ----------
    alternatives
        J labels.
    unit
        Code of the alternative whose scale is 1.
    finer
        Multiplies the number of nodes.
    """

    alternatives: tuple[Hashable, ...]
    unit: int
    finer: int = 1

    @property
    def edge_cure(self) -> str:
        """What to do where scales run off."""
        return (
            "hold some scales at 1, fixed={'scale[...]': 1.0}, add covariates, or use Gumbel() or "
            "a nested logit"
        )

    @property
    def _free(self) -> list[int]:
        return [j for j in range(len(self.alternatives)) if j != self.unit]

    @property
    def names(self) -> tuple[str, ...]:
        """``scale[j]`` of every alternative but one."""
        return tuple(f"scale[{self.alternatives[j]}]" for j in self._free)

    @property
    def start(self) -> Float:
        """Ones, the logit, (Q,)."""
        return np.ones(len(self._free))

    @property
    def normalisation(self) -> str:
        """Which scale is fixed."""
        label = self.alternatives[self.unit]
        return (
            f"The errors are independent Gumbels; the scale of {label!r} is 1, and scale[j] is the "
            "ratio of j's standard deviation to its."
        )

    @property
    def plan(self) -> SimulationPlan | None:
        """Quadrature for every case."""
        return SimulationPlan("exact", "trapezoid rule", 0, 0, 1, 0)

    def redrawn(self, seed: int | None) -> Self:
        """With None, twice the nodes."""
        return self if seed is not None else replace(self, finer=2 * self.finer)

    def scales(self, theta: Float) -> Float:
        """Scales of all J errors."""
        out = np.ones(len(self.alternatives))
        out[self._free] = theta
        return out

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """Say that scales have run apart, or ``""``."""
        scales = self.scales(theta)
        if scales.max() < EXTREME / np.sqrt(slack) * scales.min():
            return ""
        # a search that ended beyond the range may hold a negative scale
        worst = int(np.argmax(np.abs(np.log(np.maximum(scales, np.finfo(np.float64).tiny)))))
        return (
            f"the scale of {self.alternatives[worst]!r} runs to "
            f"{'infinity' if scales[worst] > 1 else 'zero'}: the likelihood seems to have no "
            "finite maximum in the scales"
        )

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
    ) -> LogProb:
        """Log-probability of the chosen alternatives; see `choicekit.numerics.hev`."""
        scales = self.scales(theta)
        if (scales <= 0.0).any():  # no model there: an optimiser must turn back
            nothing = np.zeros((len(v), len(theta)))
            return LogProb(np.full(len(v), -np.inf), np.zeros(v.shape), nothing)
        size = len(v) if gradient else 0
        logp, dv = np.empty(len(v)), np.empty((size, v.shape[1]))
        dscale, n_nodes = np.empty((size, v.shape[1])), self.finer * hev_nodes(scales)
        v = np.ascontiguousarray(v)

        def work(start: int, stop: int) -> None:
            out = (logp, dv, dscale)
            hev_range(v, available, chosen, scales, n_nodes, start, stop, gradient, out)

        map_ranges(work, len(v), at_least=64)
        return LogProb(logp, dv, dscale[:, self._free])

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        tol: float | None = None,
    ) -> Float:
        """Choice probabilities (C, J), each integrated on its own; 0 where not available."""
        out = np.zeros(v.shape)
        for j in range(v.shape[1]):
            cases = np.flatnonzero(available[:, j])
            if len(cases):
                chosen = np.full(len(cases), j, dtype=np.int32)
                part = self.log_prob(v[cases], available[cases], chosen, theta, gradient=False)
                out[cases, j] = np.exp(part.logp)
        found: Float = out / out.sum(axis=1, keepdims=True)
        return found

    def error_means(self, theta: Float) -> Float:
        """``gamma (scale - 1)``, (J,): a Gumbel's mean is Euler's gamma times its scale."""
        return np.euler_gamma * (self.scales(theta) - 1.0)

    def covariance(self, theta: Float) -> Float:
        """``pi^2 / 6`` times the squared scales, (J, J)."""
        return np.diag(self.scales(theta) ** 2) * np.pi**2 / 6.0
