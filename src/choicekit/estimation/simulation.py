"""Monte Carlo standard errors of a simulated fit, and how many draws would make them small.

Axes: r replicates, P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.estimation.noise import (
    DrawNoise,
    all_standard_errors,
    draw_noise,
    draws_for,
    quadrature_error,
    rate_between,
    replicate_seeds,
)
from choicekit.estimation.optimize import solve_information
from choicekit.exceptions import SpecificationError
from choicekit.likelihood import Likelihood
from choicekit.parameters import ParameterTable

__all__ = [
    "SimulationError",
    "measure_simulation_error",
    "replicate_maxima",
    "simulation_error",
]

Float = NDArray[np.float64]


def replicate_maxima(
    likelihood: Likelihood,
    params: Float,
    hessian: Float,
    table: ParameterTable,
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
        other, gradient = likelihood.reseeded(seed), noise.gradients[r]
        for step in range(steps):
            if step:
                values[r], slope = other.value_and_gradient(estimates[r])
                gradient = table.pull(slope)
            move = solve_information(-hessian, gradient)
            estimates[r] += table.push(move)
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
            f"{self.draws:,} draws, {self.replicates} independent randomisations.",
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


def measure_simulation_error(
    likelihood: Likelihood,
    params: Float,
    hessian: Float,
    table: ParameterTable,
    std_err: Float,
    replicates: int = 8,
) -> SimulationError:
    """Simulation errors of estimates from independent randomisations of the draws.

    Parameters
    ----------
    likelihood
        Settled on the draws of the fit.
    params, std_err
        Estimates and sampling standard errors (NaN for fixed ones), (P_all,).
    hessian
        Over the free parameters, (P, P).
    table
        Names of all parameters, and which are free.
    replicates
        Number of randomisations.
    """
    names, plan, zeros = table.names, likelihood.plan, np.zeros(len(params))
    if plan is None or not plan.n_simulated:
        error = quadrature_error(likelihood, params)
        shown = _table(names, params, std_err, zeros)
        nothing = pd.DataFrame(np.empty((0, len(names))), columns=list(names))
        return SimulationError(error, shown, nothing, 0, 0, float("nan"), 0.0, 0.0)
    noise = draw_noise(likelihood, params, table, replicates)
    finer = likelihood.refined().refined()
    fine_replicates = max(2, replicates // 2)
    fine = draw_noise(finer, params, table, fine_replicates)
    assert finer.plan is not None
    rate = rate_between(noise, fine, hessian, finer.plan.draws / plan.draws)
    bias = float(noise.llf.mean() - fine.llf.mean())
    bias_se = float(np.hypot(noise.llf_se / replicates**0.5, fine.llf_se / fine_replicates**0.5))
    sim = all_standard_errors(noise.coefficient_cov(hessian), table)
    estimates, _ = replicate_maxima(likelihood, params, hessian, table, noise)
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
    return measure_simulation_error(
        fit._own,
        fit.params.to_numpy(dtype=np.float64),
        fit.hessian,
        fit.table,
        fit.bse.to_numpy(dtype=np.float64),
        replicates,
    )


def _table(names: tuple[str, ...], params: Float, std_err: Float, sim: Float) -> pd.DataFrame:
    ratio = sim / std_err
    columns = {"coef": params, "std err": std_err, "sim s.e.": sim, "ratio": ratio}
    return pd.DataFrame(columns, index=list(names))
