"""How far the draws, rather than the sample, move the estimates.

Axes: C cases, N independent blocks of cases (people where there are any), P free parameters.

The draws of different cases are independent randomisations, keyed by case. So the variance of the
simulated log-likelihood and of its gradient g is the *sum* of the variances of the cases' parts,
and each of these is measured by a few replicates. Three replicates of 500 cases thus give some
1,000 degrees of freedom, where the spread of three totals has two. To first order the estimates
move by ``(-H)^-1 g`` when the draws change, H being the Hessian, and so their covariance over
randomisations is ``H^-1 Var(g) H^-1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.covariance import invert_information
from choicekit.exceptions import SpecificationError
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = [
    "MOST_DRAWS",
    "DrawNoise",
    "Noise",
    "all_standard_errors",
    "draw_noise",
    "draws_for",
    "fit_noise",
    "is_simulated",
    "measured_rate",
    "quadrature_error",
    "rate_between",
    "replicate_seeds",
    "standard_errors",
]

Float = NDArray[np.float64]

REPLICATES = 3  # in every fit; each case has its own draws, so few give many degrees of freedom
MOST_DRAWS = 1 << 20  # more than any law takes
RANDOM_RATE = 0.5  # of independent draws; no scheme here is slower


def is_simulated(likelihood: Likelihood) -> bool:
    """Whether draws take part in this (settled) likelihood."""
    plan = likelihood.plan
    return plan is not None and plan.n_simulated > 0


def replicate_seeds(likelihood: Likelihood, replicates: int) -> list[int]:
    """Seeds of independent draws, none of them the likelihood's own."""
    plan = likelihood.plan
    seed = 0 if plan is None else plan.seed
    return [(seed + 1_000_003 * (r + 1)) % 2**63 for r in range(replicates)]


def quadrature_error(likelihood: Likelihood, params: Float) -> float:
    """Change of the log-likelihood with twice the nodes, or with GHK for an approximated one."""
    if likelihood.plan is None:
        return 0.0
    return abs(likelihood.refined().value(params) - likelihood.value(params))


@dataclass(frozen=True)
class DrawNoise:
    """Spread of the log-likelihood and its gradient over randomisations of the draws.

    Attributes
    ----------
    llf_se
        Standard error of the log-likelihood from the draws.
    gradient_cov
        Covariance of its gradient, (P, P).
    llf, gradients
        The replicates' own values (r,) and gradients (r, P).
    """

    llf_se: float
    gradient_cov: Float
    llf: Float
    gradients: Float

    def coefficient_cov(self, hessian: Float) -> Float:
        """Covariance (P, P) of the estimates from the draws; NaN where ``hessian`` is singular."""
        bread = invert_information(-hessian)
        product: Float = bread @ self.gradient_cov @ bread
        return product


def draw_noise(
    likelihood: Likelihood, params: Float, table: ParameterTable | None, replicates: int
) -> DrawNoise:
    """Measure the noise of the draws at given parameters.

    Parameters
    ----------
    likelihood
        Settled.
    params
        (P_all,).
    table
        Which P parameters are free; None: only the log-likelihood's noise is wanted.
    replicates
        Number r of randomisations, at least 2.
    """
    _require_replicates(replicates)
    parts = []
    mean: Any = 0.0
    squares: Any = 0.0
    for count, seed in enumerate(replicate_seeds(likelihood, replicates), start=1):
        part = _parts(likelihood.reseeded(seed), params, table)
        parts.append(part.sum(axis=0))
        change = part - mean
        mean = mean + change / count
        # Sums over blocks of outer products, updated by Welford's rule.
        squares = squares + change.T @ (part - mean)
    cov = squares / (replicates - 1)
    totals = np.array(parts)
    return DrawNoise(
        float(np.sqrt(max(cov[0, 0], 0.0))), 0.5 * (cov + cov.T)[1:, 1:], totals[:, 0],
        totals[:, 1:],
    )  # fmt: skip


def _parts(likelihood: Likelihood, params: Float, table: ParameterTable | None) -> Float:
    """Weighted log-probability and scores of each independent block, (N, 1 + P)."""
    if table is not None:
        logp, scores = likelihood.logp_and_scores(params)
        found = np.column_stack([logp, table.pull(scores)])
    else:
        found = likelihood.logp(params)[:, None]
    weights, person = likelihood.weights, likelihood.layout.person
    if weights is not None:
        found = found * weights[:, None]
    if person is None or likelihood.unit is not None:  # the units are the people already
        return found
    return np.column_stack([np.bincount(person, weights=column) for column in found.T])


@dataclass(frozen=True)
class Noise:
    """Simulation errors of a fit.

    Attributes
    ----------
    llf_se
        Of the log-likelihood; the quadrature's error where nothing is simulated.
    coef_se
        Of all parameters (P_all,), NaN for fixed ones; empty where nothing is simulated.
    ratio
        The largest of them over its sampling standard error (inverse Hessian); 0 where nothing
        is simulated, NaN where the Hessian is singular.
    """

    llf_se: float
    coef_se: Float
    ratio: float


def fit_noise(
    likelihood: Likelihood,
    params: Float,
    hessian: Float | None = None,
    table: ParameterTable | None = None,
) -> Noise:
    """Simulation errors at the estimates, from a few randomisations of the draws.

    Parameters
    ----------
    likelihood, params
        Settled on the draws of the fit; estimates (P_all,).
    hessian, table
        Over the free parameters, (P, P), and which these are; None: only the log-likelihood's
        error is wanted.
    """
    if not is_simulated(likelihood):
        return Noise(quadrature_error(likelihood, params), np.empty(0), 0.0)
    if table is None or hessian is None or not len(table.free):
        noise = draw_noise(likelihood, params, None, REPLICATES)
        return Noise(noise.llf_se, np.full(len(params), np.nan), 0.0)
    noise = draw_noise(likelihood, params, table, REPLICATES)
    sim = all_standard_errors(noise.coefficient_cov(hessian), table)
    sampling = all_standard_errors(invert_information(-hessian), table)
    moving = table.moving
    return Noise(noise.llf_se, sim, float(np.max(sim[moving] / sampling[moving])))


def all_standard_errors(cov: Float, table: ParameterTable) -> Float:
    """Standard errors (P_all,), NaN for fixed parameters, from the free ones' covariance (P, P)."""
    out = np.full(len(table.names), np.nan)
    out[table.moving] = standard_errors(table.push_square(cov))[table.moving]
    return out


def standard_errors(cov: Float) -> Float:
    """Standard errors (P,) from a covariance; rounding may leave a zero variance negative."""
    return np.sqrt(np.maximum(np.diag(cov), 0.0))


def draws_for(draws: int, factor: float, rate: float) -> int:
    """Draws, a power of two, that divide an error by ``factor`` at a rate; at most `MOST_DRAWS`."""
    if not factor > 1.0:
        return draws
    wanted = np.log2(draws) + np.log2(factor) / rate
    return int(min(MOST_DRAWS, 2 ** int(np.ceil(min(wanted, 60.0) - 1e-9))))


def rate_between(noise: DrawNoise, fine: DrawNoise, hessian: Float, factor: float) -> float:
    """Median over log-likelihood and coefficients of the rates between two numbers of draws."""
    pairs = [(noise.llf_se, fine.llf_se)]
    one, other = (standard_errors(n.coefficient_cov(hessian)) for n in (noise, fine))
    pairs += zip(one, other, strict=True)
    ratios = np.array([a / b for a, b in pairs if a > 0.0 and b > 0.0])  # NaN drops out
    if factor <= 1.0 or len(ratios) == 0:
        return RANDOM_RATE
    return float(max(0.25, np.median(np.log(ratios)) / np.log(factor)))


def measured_rate(fit: Any) -> float:
    """Rate a at which the log-likelihood's simulation error falls with the draws R, like R^-a.

    Measured between the fit's number of draws and four times that; 1/2, that of independent draws,
    for pseudo-random points and where it cannot be measured.
    """
    kind = str(getattr(fit.simulation, "kind", ""))
    likelihood: Any = getattr(fit, "_own", None)
    if likelihood is None or "random" in kind or not is_simulated(likelihood):
        return RANDOM_RATE
    params = fit.params.to_numpy(dtype=np.float64)
    finer: Any = likelihood.refined().refined()
    noise, fine = (draw_noise(one, params, None, REPLICATES) for one in (likelihood, finer))
    factor = finer.plan.draws / likelihood.plan.draws
    return rate_between(noise, fine, np.empty((0, 0)), factor)


def _require_replicates(replicates: object) -> None:
    whole = isinstance(replicates, int | np.integer) and not isinstance(replicates, bool)
    if not (whole and int(replicates) >= 2):  # type: ignore[call-overload]
        raise SpecificationError(
            f"replicates must be a whole number of at least 2, not {replicates!r}: a spread needs "
            "two points."
        )
