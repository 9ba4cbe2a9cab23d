"""How normal choice probabilities are integrated: exactly for small choice sets, else by GHK.

Or, in place of GHK, approximated by sequential conditioning, which needs no draws.

Axes: C cases, J alternatives, D = (available alternatives) - 1 utility differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import APPROXIMATED, SimulationPlan
from choicekit.numerics.ghk import ghk_range
from choicekit.numerics.ordering import order_range
from choicekit.numerics.points import KINDS, MAX_POINTS, rounded_points, simulation_of
from choicekit.numerics.quadrature import smoothed_gauss, smoothed_gauss_square
from choicekit.numerics.sequential import sequential_range
from choicekit.numerics.threads import map_ranges

__all__ = ["EXACT_LIMIT", "Integrator", "Settled"]

Float = NDArray[np.float64]

EXACT_LIMIT = 4  # alternatives; beyond, the nodes of a product rule outnumber the draws needed

# Nodes a dimension for two and three utility differences. The largest error in log P over 6,000
# random cases each (docs/explanation/design.md): 3 alternatives 1e-7 with 32 nodes, 4
# alternatives 6e-6 with 16 x 16 (rms 2e-7), correlations up to 0.99 included.
NODES_OF_TWO = 32
NODES_OF_THREE = 16
# For the first two differences of the sequential approximation: with more, its error is the same.
NODES_OF_FIRST, NODES_OF_SECOND = 8, 6
_NO_RULE = (np.zeros((1, 0)), np.zeros(0))


@dataclass(frozen=True)
class Integrator:
    """The choice of points.

    Attributes
    ----------
    exact
        Whether choice sets of 3 and 4 are integrated by Gauss rules instead of simulated; 2 need
        no points at all.
    n_points
        Points a simulated case, mirror images included.
    finer
        Multiplies the number of Gauss nodes a dimension, to measure the rule's own error.
    coarse
        Half the nodes a dimension instead: enough to look for a start.
    kind
        Which points: a key of ``numerics.points.KINDS``.
    antithetic
        Whether each point comes with its mirror image 1 - u.
    sequential
        Whether choice sets of 5 and more are approximated by sequential conditioning instead of
        simulated; goes with ``exact``.
    """

    exact: bool = True
    n_points: int = 256
    finer: int = 1
    coarse: bool = False
    kind: str = "sobol"
    antithetic: bool = False
    sequential: bool = False

    def with_points(self, n_points: int) -> Integrator:
        """The same with this many points, or the next number that the kind can have."""
        wanted = rounded_points(self.kind, min(n_points, MAX_POINTS), self.antithetic)
        return replace(self, n_points=wanted)

    @property
    def points_in_words(self) -> str:
        """The kind of points, for example ``"shifted lattice, antithetic"``."""
        return KINDS[self.kind][1] + (", antithetic" if self.antithetic else "")

    @property
    def rules(self) -> tuple[Float, Float, Float, Float]:
        """Nodes and weights of the two Gauss rules (one- and two-dimensional), maybe empty."""
        if not self.exact:
            return (*_NO_RULE, np.zeros((2, 0)), np.zeros(0))
        if self.coarse:
            side = NODES_OF_THREE // 2
            return (*smoothed_gauss(NODES_OF_TWO // 2), *smoothed_gauss_square(side, side))
        second = NODES_OF_THREE * self.finer
        return (
            *smoothed_gauss(NODES_OF_TWO * self.finer),
            *smoothed_gauss_square(second, second),
        )

    @property
    def starting_rules(self) -> tuple[Float, Float, Float, Float]:
        """Nodes and weights for the first one or two differences of the approximation."""
        first, second = NODES_OF_FIRST * self.finer, NODES_OF_SECOND * self.finer
        return (
            *smoothed_gauss(NODES_OF_TWO * self.finer),
            *smoothed_gauss_square(first, second),
        )

    def is_simulated(self, n_dims: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which cases, given their numbers of differences (C,), need draws."""
        return ~self.is_approximate(n_dims) & (n_dims >= (EXACT_LIMIT if self.exact else 2))

    def is_approximate(self, n_dims: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which cases, given their numbers of differences (C,), are approximated."""
        return (n_dims >= EXACT_LIMIT) & self.sequential


@dataclass(frozen=True)
class Settled:
    """Orders of integration and draws, fixed during one optimisation.

    Attributes
    ----------
    integrator
        Which points.
    order
        Codes of the other available alternatives of each case, in the order of integration,
        int32 (C, max(1, J - 1)).
    n_dims
        How many these are, int32 (C,).
    keys
        Keys of the cases' scrambles, uint64 (C,).
    seed
        Seed that all scrambles share.
    """

    integrator: Integrator
    order: NDArray[np.int32]
    n_dims: NDArray[np.int32]
    keys: NDArray[np.uint64]
    seed: int

    @classmethod
    def at(
        cls,
        integrator: Integrator,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        omega: Float,
        keys: NDArray[np.uint64],
        seed: int,
        extra: Float | None = None,
    ) -> Settled:
        """Order the differences of each case by Genz' rule at these utilities and covariances."""
        n_cases, n_alt = v.shape
        order = np.zeros((n_cases, max(1, n_alt - 1)), dtype=np.int32)
        n_dims = np.zeros(n_cases, dtype=np.int32)
        own = np.empty((0, n_alt, n_alt)) if extra is None else extra

        def work(start: int, stop: int) -> None:
            order_range(v, available, chosen, omega, own, start, stop, True, order, n_dims)

        map_ranges(work, n_cases, at_least=2048)
        return cls(integrator, order, n_dims, keys, seed)

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> Settled:
        """The orders of repeated cases (C',), each repetition with draws of its own."""
        keys = self.keys[cases] + nodes * np.uint64(0x9E3779B97F4A7C15)
        return replace(self, order=self.order[cases], n_dims=self.n_dims[cases], keys=keys)

    def reseeded(self, seed: int) -> Settled:
        """The same orders with independent draws."""
        return replace(self, seed=seed)

    def refined(self) -> Settled:
        """The same with twice the Gauss nodes a dimension and twice the draws.

        What was approximated is simulated instead, with ``n_points``: more nodes would show the
        error of the rule, which is nothing against that of the approximation.
        """
        if self.plan.n_approximate:
            return replace(self, integrator=replace(self.integrator, sequential=False))
        finer = replace(self.integrator, finer=2 * self.integrator.finer)
        return replace(self, integrator=finer.with_points(2 * finer.n_points))

    @property
    def plan(self) -> SimulationPlan:
        """The same in words."""
        simulated = int(self.integrator.is_simulated(self.n_dims).sum())
        approximate = int(self.integrator.is_approximate(self.n_dims).sum())
        exact = len(self.n_dims) - simulated - approximate
        if approximate:
            method = "mixed" if exact else "analytic"
            return SimulationPlan(method, APPROXIMATED, 0, self.seed, exact, 0, approximate)
        method = "exact" if not simulated else "ghk" if not exact else "mixed"
        draws = self.integrator.n_points if simulated else 0
        kind = self.integrator.points_in_words if simulated else "Gauss-Legendre"
        return SimulationPlan(method, kind, draws, self.seed, exact, simulated)

    def log_prob(
        self,
        v: Float,
        chosen: NDArray[np.int32],
        omega: Float,
        gradient: bool,
        extra: Float | None = None,
    ) -> tuple[Float, Float, Float]:
        """Log-probabilities (C,), their derivatives by utilities (C, J) and covariance.

        ``extra`` (C, J, J) is what single cases add to the covariance ``omega``.

        The last has shape (C, J (J + 1) / 2): the lower triangle row by row, an off-diagonal
        element standing for both its places.
        """
        n_cases, n_alt = v.shape
        shape = n_cases if gradient else 0
        out = (
            np.empty(n_cases),
            np.empty((shape, n_alt)),
            np.empty((shape, n_alt * (n_alt + 1) // 2)),
        )
        own = np.empty((0, n_alt, n_alt)) if extra is None else extra
        points = self.integrator
        approximate = points.is_approximate(self.n_dims)
        few = np.where(approximate, 0, self.n_dims).astype(np.int32)
        problem = (np.ascontiguousarray(v), chosen, self.order, few, omega, own)
        draws = simulation_of(
            points.kind,
            self.keys,
            self.seed,
            points.n_points,
            points.antithetic,
            max(1, n_alt - 2),
        )
        rules = points.rules

        def work(start: int, stop: int) -> None:
            ghk_range(problem, rules, draws, start, stop, gradient, out)

        if approximate.any():
            many = np.where(approximate, self.n_dims, -1).astype(np.int32)
            rest, start_rules = (*problem[:3], many, omega, own), self.integrator.starting_rules

            def conditioning(start: int, stop: int) -> None:
                sequential_range(rest, start_rules, start, stop, gradient, out)

            if not approximate.all():
                map_ranges(work, n_cases, at_least=64)
            map_ranges(conditioning, n_cases, at_least=512)
            return out
        map_ranges(work, n_cases, at_least=64)
        return out
