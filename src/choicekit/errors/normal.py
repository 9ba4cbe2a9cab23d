"""Multivariate normal errors: the multinomial probit."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb, SimulationPlan
from choicekit.errors.closed import StartsFromLogit
from choicekit.errors.covariance import CovarianceSpec, Structure, covariance_spec, make_structure
from choicekit.errors.integrators import EXACT_LIMIT, Integrator, Settled
from choicekit.errors.prediction import Cases, shares, shares_within
from choicekit.exceptions import SpecificationError, unknown
from choicekit.numerics.ghk import ghk_range
from choicekit.numerics.ordering import order_range
from choicekit.numerics.points import KINDS, MAX_POINTS

__all__ = ["BoundNormal", "Normal"]

Float = NDArray[np.float64]

DEFAULT_DRAWS = 256
PREDICTION_DRAWS = 1024  # predictions are made once: four times the default's points cost nothing
METHODS = ("auto", "exact", "ghk", "analytic")
SINGULAR = 1e-5  # smallest eigenvalue of the correlations of error differences


@dataclass(frozen=True)
class Normal(StartsFromLogit):
    """Jointly normal errors; the likelihood is exact or simulated by GHK.

    Parameters
    ----------
    covariance
        ``"iid"`` (independent, equal variances), ``"heteroskedastic"`` (independent, unequal
        variances), ``"exchangeable"`` (one correlation among all but the base, unequal variances),
        ``"factor(k)"`` (k common factors, also `Factor`), ``"unstructured"`` (any covariance of the
        differences against the base), or a `Pattern` of your own.
    scale
        Label of the alternative whose variance is fixed; by default the first but the base.
    method
        ``"auto"``: cases with up to four available alternatives are integrated to about six
        digits without simulation, larger ones by GHK. ``"exact"`` insists on the former;
        ``"ghk"`` simulates all cases with three or more alternatives. ``"analytic"`` is ``"auto"``
        with an approximation in place of GHK, sequential conditioning: without draws, smooth, and
        three to four times as fast as 256 draws up to 8 alternatives, but off by about 0.001 in
        log P, whatever one does (:func:`choicekit.numerics.sequential.sequential_range`).
    draws
        Points a simulated case, 2 to 2**20; default 256. Sobol points come in powers of two, to
        which the number is rounded up; antithetic points in pairs; other kinds in any number.
        With ``"analytic"`` only the log-likelihood at the estimates is simulated, to see how far
        off it is.
    draw_kind
        ``"sobol"`` (scrambled Sobol points), ``"lattice"`` (a rank-1 lattice, shifted and
        folded), ``"halton"`` (scrambled Halton points) or ``"random"`` (pseudo-random). All are
        keyed by case id and seed. Errors fall with the draws R about like 1/R for the first
        three, like R^(-1/2) for the last.
    antithetic
        Whether half of the draws are the mirror images 1 - u of the other half. It helps Halton
        and pseudo-random draws; folded lattices have it already, Sobol points are better without.

    Raises
    ------
    SpecificationError
        For an unknown covariance, method or kind of draws (with the nearest one) or a number of
        draws that makes no sense.

    References
    ----------
    Train (2009), chapter 5; Geweke, Keane & Runkle (1994); Genz & Bretz (2009).
    """

    covariance: str | CovarianceSpec = "unstructured"
    scale: Hashable | None = None
    method: str = "auto"
    draws: int = DEFAULT_DRAWS
    draw_kind: str = "sobol"
    antithetic: bool = False

    def __post_init__(self) -> None:
        covariance_spec(self.covariance)
        _require_choice("method", self.method, METHODS)
        _require_choice("draw_kind", self.draw_kind, tuple(KINDS))
        whole = isinstance(self.draws, int | np.integer) and not isinstance(self.draws, bool)
        if not (whole and 2 <= self.draws <= MAX_POINTS):
            raise SpecificationError(
                f"draws must be a whole number from 2 to {MAX_POINTS:,}, not {self.draws!r}."
            )
        if not isinstance(self.antithetic, bool | np.bool_):
            raise SpecificationError(f"antithetic must be True or False, not {self.antithetic!r}.")

    @property
    def spec(self) -> CovarianceSpec:
        """The structure as an object, whether it was named or given."""
        return covariance_spec(self.covariance)

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return "Multinomial probit"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return "Multinomial probit with random coefficients"

    def own_kernels(self) -> tuple[Any, ...]:
        """Return the compiled functions that integrate."""
        if self.method == "analytic":
            from choicekit.numerics.sequential import sequential_range

            return order_range, ghk_range, sequential_range
        return order_range, ghk_range

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundNormal:
        """Fix the alternatives (J labels) and the code of the base."""
        structure = make_structure(self.covariance, alternatives, base, self.scale)
        integrator = Integrator(
            exact=self.method != "ghk",
            kind=self.draw_kind,
            antithetic=bool(self.antithetic),
            sequential=self.method == "analytic",
        )
        integrator = integrator.with_points(int(self.draws))
        return BoundNormal(structure, integrator, self.method == "exact", None)


def _require_choice(what: str, given: object, choices: tuple[str, ...]) -> None:
    if given not in choices:
        raise unknown(what, given, choices)


def _impossible(v: Float, theta: Float) -> LogProb:
    """Log-probabilities of minus infinity, which an optimiser answers with a shorter step."""
    n_cases, n_alt = v.shape
    nothing = np.zeros((n_cases, n_alt * (n_alt + 1) // 2))
    logp = np.full(n_cases, -np.inf)
    return LogProb(logp, np.zeros(v.shape), np.zeros((n_cases, len(theta))), nothing)


@dataclass(frozen=True)
class BoundNormal:
    """Normal errors of J given alternatives; see `Normal`.

    Attributes
    ----------
    structure
        The parametrised covariance.
    integrator
        Which points.
    only_exact
        Refuse cases that would have to be simulated.
    settled
        Orders and draws, once fixed.
    seed
        Of the draws of predictions where nothing is settled.
    """

    structure: Structure
    integrator: Integrator
    only_exact: bool
    settled: Settled | None
    seed: int = 0

    index = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q covariance parameters."""
        return self.structure.names

    @property
    def start(self) -> Float:
        """Independent errors, (Q,)."""
        return self.structure.start

    @property
    def search_start(self) -> Float:
        """Where an optimiser starts: not at ``start`` where that is a saddle, (Q,)."""
        return self.structure.search_start

    @property
    def sd_per_logit(self) -> float:
        """At the start each error has variance 1/2, the standard Gumbel's has pi^2 / 6."""
        return float(np.sqrt(0.5) / (np.pi / np.sqrt(6.0)))

    @property
    def normalisation(self) -> str:
        """Which scale and which covariances are fixed."""
        return self.structure.normalisation

    @property
    def plan(self) -> SimulationPlan | None:
        """How the cases are integrated, once settled."""
        return None if self.settled is None else self.settled.plan

    def settle(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        keys: NDArray[np.uint64],
        theta: Float,
        seed: int,
        extra: Float | None = None,
    ) -> BoundNormal:
        """Fix the order of integration of each case, at these utilities, and the draws."""
        settled = Settled.at(
            self.integrator, v, available, chosen, self.structure.omega(theta), keys, seed, extra
        )
        if self.only_exact and settled.plan.n_simulated:
            raise SpecificationError(
                f"method='exact' serves up to {EXACT_LIMIT} available alternatives, and "
                f"{settled.plan.n_simulated:,} cases have more. "
                "Cure: method='auto', which simulates only those."
            )
        return replace(self, settled=settled)

    def redrawn(self, seed: int | None) -> BoundNormal:
        """The same orders with independent draws or, with None, with more points."""
        if self.settled is None:
            return self
        settled = self.settled.refined() if seed is None else self.settled.reseeded(seed)
        return replace(self, settled=settled)

    def predicting(self, seed: int = 0) -> BoundNormal:
        """The same, not settled, with the points that probabilities take."""
        points = max(self.integrator.n_points, PREDICTION_DRAWS)
        integrator = self.integrator.with_points(points)
        return replace(self, integrator=integrator, settled=None, seed=seed)

    def approximated(self) -> BoundNormal | None:
        """The same, settled, with half the nodes and with sequential conditioning for GHK."""
        if self.settled is None or not self.integrator.exact or self.integrator.sequential:
            return None
        if self.settled.n_dims.max(initial=0) < 2:  # nothing is integrated
            return None
        integrator = replace(self.settled.integrator, sequential=True, coarse=True)
        return replace(self, settled=replace(self.settled, integrator=integrator))

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> BoundNormal:
        """The orders of repeated cases; each pair of case and node has draws of its own."""
        if self.settled is None:
            return self
        return replace(self, settled=self.settled.at_nodes(cases, nodes))

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
        extra: Float | None = None,
    ) -> LogProb:
        """Log-probability of the chosen alternatives by the GHK recursion.

        ``extra`` (C, J, J) is what single cases add to the covariance: normal coefficients do.

        Orders and draws are those settled on; without them each case gets the best order at these
        utilities and draws keyed by its position. Parameters that give no covariance have a
        log-likelihood of minus infinity.
        """
        if not self.structure.inside(theta):
            return _impossible(v, theta)
        settled = self.settled
        if settled is None:
            keys = np.arange(len(v), dtype=np.uint64)
            settled = Settled.at(
                self.integrator, v, available, chosen, self.structure.omega(theta), keys, 0, extra
            )
        omega = self.structure.omega(theta)
        logp, dv, domega = settled.log_prob(v, chosen, omega, gradient, extra)
        if not gradient:
            return LogProb(logp, dv, np.empty((0, len(theta))))
        rows, columns = np.tril_indices(v.shape[1])
        # Off the diagonal domega counts both places, and the jacobian is symmetric.
        slope = self.structure.jacobian(theta)[:, rows, columns]
        return LogProb(logp, dv, domega @ slope.T, domega)

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        extra: Float | None = None,
        tol: float | None = None,
    ) -> Float:
        """Choice probabilities (C, J), normalised to sum to 1 in each case.

        Each alternative's is integrated on its own, in its own best order; the sums differ from 1
        by the integration error (about 1e-6 exact, 1e-4 simulated, 1e-3 approximated), which
        normalising spreads.

        Parameters
        ----------
        v, available
            Utilities and availability, (C, J).
        theta
            Parameters of the covariance, (Q,).
        keys
            Keys of the cases' draws, uint64 (C,); by default their positions.
        extra
            What single cases add to the covariance, (C, J, J).
        tol
            Largest estimated error of any probability. Cases that miss it get more nodes or draws
            until they meet it. By default every case gets the usual ones once.

        Warns
        -----
        SimulationWarning
            Where ``tol`` was not reached with 2**20 draws, or 32 times the nodes a dimension.
        """
        if keys is None:
            keys = np.arange(len(v), dtype=np.uint64)
        cases = Cases(v, available, self.structure.omega(theta), keys, extra)
        integrator = self.predicting().integrator
        seed = self.seed if self.settled is None else self.settled.seed
        if tol is None:
            found = shares(integrator, cases, seed)
        else:
            found = shares_within(integrator, cases, seed, tol)
        result: Float = found / found.sum(axis=1, keepdims=True)
        return result

    def expected_maximum(
        self, v: Float, available: NDArray[np.bool_], theta: Float
    ) -> Float | None:
        """None: no closed form."""
        return None

    def error_means(self, theta: Float) -> Float:
        """Zeros, (J,)."""
        return np.zeros(len(self.structure.omega(theta)))

    def require_fittable(self) -> None:
        """Every normal law can be fitted."""

    def signs(self, theta: Float) -> Float:
        """Signs (Q,) that make standard deviations and diagonals of factors positive."""
        return self.structure.signs(theta)

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """Nothing to remark on."""
        return ()

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """What falls to minus infinity at the edge of the covariances, see `Structure`."""
        return self.structure.barrier(theta)

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """Say that the covariance of the error differences is (nearly) singular, or ``""``."""
        edge = self.structure.edge(theta)
        if edge:
            return edge
        omega = self.structure.omega(theta)
        differences = omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]
        sd = np.sqrt(np.diag(differences))
        if not (sd > 0.0).all():
            return "an alternative's error has no variance of its own at the estimates"
        least = float(np.linalg.eigvalsh(differences / np.outer(sd, sd))[0])
        if least > slack * SINGULAR:
            return ""
        near = [
            f"{name} = {value:.2g}"
            for name, value in zip(self.names, theta, strict=True)
            if abs(value) < 0.01
        ]
        where = f" ({', '.join(near)})" if near else ""
        nearly = "nearly " if least > SINGULAR else ""
        return f"the covariance of the errors is {nearly}singular at the estimates{where}"

    def covariance(self, theta: Float) -> Float:
        """Covariance (J, J) of the errors under the normalisation."""
        return self.structure.omega(theta)
