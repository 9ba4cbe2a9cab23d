"""How far the draws, rather than the sample, move the estimates.

Axes: C cases, N independent blocks of cases (people where there are any), P free parameters.

The draws of different cases are independent randomisations, keyed by case. So the variance of the
simulated log-likelihood and of its gradient g is the *sum* of the variances of the cases' parts,
and each of these is measured by a few replicates. Four replicates of 500 cases thus give some
1,500 degrees of freedom, where the spread of four totals has three. To first order the estimates
move by ``(-H)^-1 g`` when the draws change, and so their simulation covariance is
``H^-1 Var(g) H^-1`` (the sandwich of Gourieroux & Monfort 1996, Simulation-Based Econometric
Methods, section 3.1, with the draws as the sample).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.estimation.covariance import invert_information
from choicekit.estimation.optimize import solve_information
from choicekit.exceptions import SpecificationError
from choicekit.likelihood import Likelihood

__all__ = [
    "DrawNoise",
    "Noise",
    "SimulationError",
    "draw_noise",
    "draws_for",
    "fit_noise",
    "is_simulated",
    "measure_simulation_error",
    "measured_rate",
    "quadrature_error",
    "refined",
    "replicate_maxima",
    "replicate_seeds",
    "reseeded",
    "simulation_error",
]

Float = NDArray[np.float64]

REPLICATES = 4  # in every fit; each case has its own draws, so few give many degrees of freedom
MOST_DRAWS = 1 << 20  # more than any law takes
RANDOM_RATE = 0.5  # of independent draws; no scheme here is slower


def reseeded(likelihood: Likelihood, seed: int) -> Likelihood:
    """The same likelihood, orders of integration included, with independent draws."""
    errors: Any = likelihood.errors
    return replace(likelihood, errors=replace(errors, settled=errors.settled.reseeded(seed)))


def refined(likelihood: Likelihood) -> Likelihood:
    """The same likelihood with twice the draws, and twice the nodes of exact cases."""
    errors: Any = likelihood.errors
    return replace(likelihood, errors=replace(errors, settled=errors.settled.refined()))


def is_simulated(likelihood: Likelihood) -> bool:
    """Whether draws take part in this (settled) likelihood."""
    plan = likelihood.errors.plan
    return plan is not None and plan.n_simulated > 0


def replicate_seeds(likelihood: Likelihood, replicates: int) -> list[int]:
    """Seeds of independent draws, none of them the likelihood's own."""
    plan = likelihood.errors.plan
    seed = 0 if plan is None else plan.seed
    return [(seed + 1_000_003 * (r + 1)) % 2**63 for r in range(replicates)]


def quadrature_error(likelihood: Likelihood, params: Float) -> float:
    """Change of an exact log-likelihood when the nodes are doubled, which bounds its error."""
    if likelihood.errors.plan is None:
        return 0.0
    return abs(refined(likelihood).value(params) - likelihood.value(params))


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
    likelihood: Likelihood, params: Float, free: NDArray[np.intp], replicates: int
) -> DrawNoise:
    """Measure the noise of the draws at given parameters.

    Parameters
    ----------
    likelihood
        Settled.
    params
        (P_all,).
    free
        Positions of the P free parameters.
    replicates
        Number r of randomisations, at least 2.
    """
    _require_replicates(replicates)
    parts = []
    mean: Any = 0.0
    squares: Any = 0.0
    for count, seed in enumerate(replicate_seeds(likelihood, replicates), start=1):
        part = _parts(reseeded(likelihood, seed), params, free)
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


def _parts(likelihood: Likelihood, params: Float, free: NDArray[np.intp]) -> Float:
    """Weighted log-probability and scores of each independent block, (N, 1 + P)."""
    found = likelihood.logp(params)[:, None]
    if len(free):
        found = np.hstack([found, likelihood.scores(params)[:, free]])
    weights, person = likelihood.layout.weights, likelihood.layout.person
    if weights is not None:
        found = found * weights[:, None]
    if person is None:
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
    free: NDArray[np.intp] | None = None,
) -> Noise:
    """Simulation errors at the estimates, from a few randomisations of the draws.

    Parameters
    ----------
    likelihood, params
        Settled on the draws of the fit; estimates (P_all,).
    hessian, free
        Over the free parameters, (P, P), and their positions; None: only the log-likelihood's
        error is wanted.
    """
    if not is_simulated(likelihood):
        return Noise(quadrature_error(likelihood, params), np.empty(0), 0.0)
    if free is None or hessian is None or not len(free):
        noise = draw_noise(likelihood, params, np.empty(0, dtype=np.intp), REPLICATES)
        return Noise(noise.llf_se, np.full(len(params), np.nan), 0.0)
    noise = draw_noise(likelihood, params, free, REPLICATES)
    sim = np.full(len(params), np.nan)
    sim[free] = _roots(noise.coefficient_cov(hessian))
    sampling = _roots(invert_information(-hessian))
    return Noise(noise.llf_se, sim, float(np.max(sim[free] / sampling)))


def _roots(cov: Float) -> Float:
    """Standard errors (P,) from a covariance; rounding may leave a zero variance negative."""
    return np.sqrt(np.maximum(np.diag(cov), 0.0))


def replicate_maxima(
    likelihood: Likelihood,
    params: Float,
    hessian: Float,
    free: NDArray[np.intp],
    noise: DrawNoise,
    steps: int = 2,
) -> tuple[Float, Float]:
    """Maxima that a full refit with each replicate's draws would find.

    Newton steps with the Hessian at hand: draws change the gradient much and the curvature little.

    Returns
    -------
    estimates, llf
        (r, P_all) and (r,). The log-likelihood is that of the last point evaluated plus the gain
        that its gradient promises.
    """
    seeds = replicate_seeds(likelihood, len(noise.llf))
    estimates, values = np.tile(params, (len(seeds), 1)), noise.llf.copy()
    for r, seed in enumerate(seeds):
        other, gradient = reseeded(likelihood, seed), noise.gradients[r]
        for step in range(steps):
            if step:
                values[r], slope = other.value_and_gradient(estimates[r])
                gradient = slope[free]
            move = solve_information(-hessian, gradient)
            estimates[r, free] += move
        values[r] += 0.5 * float(gradient @ move)
    return estimates, values


@dataclass(frozen=True, eq=False)
class SimulationError:
    """Monte Carlo standard errors of a simulated fit.

    Attributes
    ----------
    llf_se
        Of the log-likelihood.
    table
        One row a parameter: ``coef``, ``std err`` (sampling), ``sim s.e.`` (draws), ``ratio``.
    estimates
        Parameters that each replicate's draws would give, (replicates, P).
    replicates
        Number of independent randomisations.
    draws
        Points a simulated case.
    rate
        Measured rate a of the decline of simulation errors with the number of draws R, like
        ``R^-a``: 1/2 for independent draws.
    bias, bias_se
        How much too low the simulated log-likelihood is on average (negative), against four times
        the draws, and the standard error of that.
    """

    llf_se: float
    table: pd.DataFrame
    estimates: pd.DataFrame
    replicates: int
    draws: int
    rate: float
    bias: float
    bias_se: float

    @property
    def largest(self) -> float:
        """Largest ratio of simulation to sampling standard error."""
        return float(np.nanmax(self.table["ratio"].to_numpy(), initial=0.0))

    def draws_needed(self, share: float) -> int:
        """Draws that would bring the largest ratio below ``share``, at the measured rate.

        A power of two; the present number where that is enough already.
        """
        if not 0.0 < share < np.inf:
            raise SpecificationError(f"share must be a positive number, not {share!r}.")
        return draws_for(self.draws, self.largest / share, self.rate)

    @property
    def text(self) -> str:
        """What it means, in a few sentences."""
        if not self.draws:
            return "Nothing is simulated: the estimates do not depend on any draws."
        where = self.table["ratio"].idxmax() if self.table["ratio"].notna().any() else None
        lines = [
            f"{self.draws:,} draws a case, {self.replicates} independent randomisations.",
            f"Log-likelihood: simulation s.e. {self.llf_se:.2g}{self._bias_text()}.",
        ]
        if where is not None:
            lines.append(
                f"Coefficients: simulation s.e. at most {self.largest:.2g} sampling standard "
                f"errors ({where})."
            )
        lines.append(f"Errors fall like R^-{self.rate:.2f} in the number of draws R (measured).")
        return " ".join(lines)

    def _bias_text(self) -> str:
        if abs(self.bias) <= 2.0 * self.bias_se:
            return f", bias too small to measure (within {2.0 * self.bias_se:.1g})"
        return f", bias {self.bias:.2g} (s.e. {self.bias_se:.1g})"

    def __str__(self) -> str:
        return f"{self.text}\n\n{self.table.to_string(float_format=lambda v: f'{v:.4g}')}"


def draws_for(draws: int, factor: float, rate: float) -> int:
    """Draws, a power of two, that divide an error by ``factor`` at a rate; at most `MOST_DRAWS`."""
    if not factor > 1.0:
        return draws
    wanted = np.log2(draws) + np.log2(factor) / rate
    return int(min(MOST_DRAWS, 2 ** int(np.ceil(min(wanted, 60.0) - 1e-9))))


def measure_simulation_error(
    likelihood: Likelihood,
    params: Float,
    hessian: Float,
    names: tuple[str, ...],
    free: NDArray[np.intp],
    std_err: Float,
    replicates: int = 8,
) -> SimulationError:
    """Simulation errors of estimates from independent randomisations of the draws.

    Parameters
    ----------
    likelihood
        Settled on the draws of the fit.
    params, names, std_err
        Estimates, their names and sampling standard errors (NaN for fixed ones), (P_all,).
    hessian
        Over the free parameters, (P, P).
    free
        Their positions.
    replicates
        Number of randomisations.
    """
    _require_replicates(replicates)
    plan, zeros = likelihood.errors.plan, np.zeros(len(params))
    if plan is None or not plan.n_simulated:
        error = quadrature_error(likelihood, params)
        table = _table(names, params, std_err, zeros)
        nothing = pd.DataFrame(np.empty((0, len(names))), columns=list(names))
        return SimulationError(error, table, nothing, 0, 0, float("nan"), 0.0, 0.0)
    noise = draw_noise(likelihood, params, free, replicates)
    finer = refined(refined(likelihood))
    fine_replicates = max(2, replicates // 2)
    fine = draw_noise(finer, params, free, fine_replicates)
    assert finer.errors.plan is not None
    rate = _rate(noise, fine, hessian, finer.errors.plan.draws / plan.draws)
    bias = float(noise.llf.mean() - fine.llf.mean())
    bias_se = float(np.hypot(noise.llf_se / replicates**0.5, fine.llf_se / fine_replicates**0.5))
    sim = np.full(len(params), np.nan)
    sim[free] = _roots(noise.coefficient_cov(hessian))
    estimates, _ = replicate_maxima(likelihood, params, hessian, free, noise)
    return SimulationError(
        noise.llf_se,
        _table(names, params, std_err, sim),
        pd.DataFrame(estimates, columns=list(names)).rename_axis("replicate"),
        replicates,
        plan.draws,
        rate,
        bias,
        bias_se,
    )


def simulation_error(fit: Any, replicates: int = 8) -> SimulationError:
    """Monte Carlo standard errors of a fit's log-likelihood and coefficients.

    Each replicate draws anew, independently; what the fit would then have found follows from the
    gradient at the estimates and the Hessian, without fitting again. The number of draws is
    quadrupled as well, to measure how fast the errors fall. Costs some forty gradients.

    Parameters
    ----------
    fit
        `FitResults`.
    replicates
        Number of randomisations, at least 2.

    Returns
    -------
    SimulationError
    """
    names = tuple(map(str, fit.params.index))
    fixed = set(fit.fixed)
    free = np.array([p for p, name in enumerate(names) if name not in fixed], dtype=np.intp)
    return measure_simulation_error(
        fit._own,
        fit.params.to_numpy(dtype=np.float64),
        fit.hessian,
        names,
        free,
        fit.bse.to_numpy(dtype=np.float64),
        replicates,
    )


def _rate(noise: DrawNoise, fine: DrawNoise, hessian: Float, factor: float) -> float:
    """Median over log-likelihood and coefficients of the rates between two numbers of draws."""
    pairs = [(noise.llf_se, fine.llf_se)]
    one, other = (_roots(n.coefficient_cov(hessian)) for n in (noise, fine))
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
    params, nothing = fit.params.to_numpy(dtype=np.float64), np.empty(0, dtype=np.intp)
    finer: Any = refined(refined(likelihood))
    noise, fine = (draw_noise(one, params, nothing, REPLICATES) for one in (likelihood, finer))
    factor = finer.errors.plan.draws / likelihood.errors.plan.draws
    return _rate(noise, fine, np.empty((0, 0)), factor)


def _table(names: tuple[str, ...], params: Float, std_err: Float, sim: Float) -> pd.DataFrame:
    ratio = sim / std_err
    columns = {"coef": params, "std err": std_err, "sim s.e.": sim, "ratio": ratio}
    return pd.DataFrame(columns, index=list(names))


def _require_replicates(replicates: object) -> None:
    whole = isinstance(replicates, int | np.integer) and not isinstance(replicates, bool)
    if not (whole and int(replicates) >= 2):  # type: ignore[call-overload]
        raise SpecificationError(
            f"replicates must be a whole number of at least 2, not {replicates!r}: a spread needs "
            "two points."
        )
