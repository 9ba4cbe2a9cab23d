"""Where to start: from the logit, by way of simpler error laws, or at random.

Axes: J alternatives, K coefficients, Q parameters of the errors, P = K + Q.

Everything here asks an error law for its covariance only, so it serves any law that has one.
Utilities and errors share one scale: coefficients b with errors of covariance s^2 S say the same
as b / s with S. That is how estimates under one normalisation start a fit under another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.estimation.em import class_start
from choicekit.estimation.maximise import climb, maximise_logit
from choicekit.likelihood import LatentClassLikelihood, Likelihood
from choicekit.parameters import ParameterTable

if TYPE_CHECKING:
    from choicekit.errors.ordered import BoundOrdered

__all__ = [
    "Projection",
    "continued_start",
    "inner_start",
    "logit_start",
    "project",
    "random_start",
]

Float = NDArray[np.float64]

ROUGH = 0.05  # gradient in whitened coordinates; a start need not be a maximum
INWARD = 0.2  # share of independent variation added to a singular covariance
SPREAD_SD, SPREAD_COEFFICIENT = 0.5, 0.3  # of the logarithms, for random starts


def logit_start(likelihood: Likelihood, table: ParameterTable, given: frozenset[str]) -> Float:
    """Start the utility's coefficients at a logit's, rescaled to the errors' standard deviation.

    Parameters that the user gave a start or a value keep it. Latent classes start apart from each
    other, for where they are alike the likelihood is flat.
    """
    from choicekit.errors.gumbel import BoundGumbel
    from choicekit.errors.ordered import BoundOrdered

    if isinstance(likelihood, LatentClassLikelihood):
        return class_start(likelihood, table, given, np.random.default_rng(0))
    if not likelihood.linear:
        return table.start  # what the user gave; another scale would change all but the slopes
    k = likelihood.n_coefficients
    if isinstance(likelihood.errors, BoundOrdered):
        return _cuts_start(likelihood, likelihood.errors, table, given)
    logit = likelihood.plain(BoundGumbel(1.0, likelihood.layout.n_alternatives))
    held = np.array([name in given for name in table.names[:k]], dtype=np.bool_)
    factor = likelihood.errors.sd_per_logit
    small = ParameterTable(table.names[:k], table.start[:k] / factor, held)
    optimum = maximise_logit(logit, small, 1e-4, 50, None)
    start = table.start.copy()
    start[:k] = small.full(optimum.x) * factor
    start = likelihood.start_from(start)
    held = np.array([name in given for name in table.names], dtype=np.bool_)
    start[held] = table.start[held]
    return start


def _cuts_start(
    likelihood: Likelihood, errors: BoundOrdered, table: ParameterTable, given: frozenset[str]
) -> Float:
    """Start thresholds where they give the sample's shares at an index of zero."""
    k, layout = likelihood.n_coefficients, likelihood.layout
    if given & set(errors.names):  # the others' order with these is not known
        return table.start
    shares = np.bincount(layout.chosen_alt, layout.weights, minlength=layout.n_alternatives)
    start = table.start.copy()
    start[k : k + len(errors.names)] = errors.cuts(shares.astype(np.float64))
    return start


@dataclass(frozen=True)
class Projection:
    """The parameters of a law that come nearest to a covariance.

    Attributes
    ----------
    theta
        Parameters (Q,).
    scale
        Standard deviation of the given errors over the law's: divide coefficients by it.
    """

    theta: Float
    scale: float


def project(errors: BoundErrors, omega: Float, start: Float | None = None) -> Projection:
    """Find theta whose covariance of error differences is nearest to a given one, up to scale.

    Least squares over all pairwise differences' covariances, each in units of the given standard
    deviations. Exact where the law can have that covariance.

    Parameters
    ----------
    errors
        A law that has a covariance.
    omega
        The covariance wanted, (J, J).
    start
        Parameters (Q,) to search from; the law's start by default.
    """
    from scipy.optimize import least_squares

    wanted = _centred(omega)
    typical = float(np.trace(wanted)) / len(wanted)
    theta = (errors.start if start is None else start).copy()
    ratio = typical * len(wanted) / float(np.trace(_centred(errors.covariance(theta))))
    at = np.append(theta, 0.5 * np.log(ratio))

    def miss(values: Float) -> Float:
        found = np.exp(2.0 * values[-1]) * _centred(errors.covariance(values[:-1]))
        gap = (found - wanted).ravel() / typical
        bounded: Float = np.where(np.isfinite(gap), np.clip(gap, -1e6, 1e6), 1e6)
        return bounded

    found = least_squares(miss, at, xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=200)
    theta = found.x[:-1]
    return Projection(theta * errors.signs(theta), float(np.exp(found.x[-1])))


def _centred(omega: Float) -> Float:
    """Covariance of the errors less their mean, (J, J): all that choices can see."""
    rows = omega - omega.mean(axis=0)
    out: Float = rows - rows.mean(axis=1, keepdims=True)
    return out


def _moved(table: ParameterTable, k: int, coefficients: Float, to: Projection) -> ParameterTable:
    """The table started at coefficients in the law's units; fixed parameters keep their values."""
    phi = table.start[k + len(to.theta) :]
    start = np.concatenate([coefficients / to.scale, to.theta, phi / to.scale])
    return replace(table, start=np.where(table.fixed, table.start, start))


def continued_start(
    likelihood: Likelihood,
    table: ParameterTable,
    steps: Sequence[BoundErrors],
    seed: int,
    max_iterations: int = 100,
) -> ParameterTable:
    """Start a law at the maxima, roughly found, of simpler laws, one after the other.

    Parameters
    ----------
    likelihood
        With the law to fit, unsettled.
    table
        Its parameters, the coefficients' starts being those for independent errors.
    steps
        Simpler laws for the same alternatives, the simplest first.
    seed
        Of the draws.
    max_iterations
        Of each climb.
    """
    k = likelihood.n_coefficients
    coefficients, omega = table.start[:k], None
    for errors in steps:
        to = Projection(errors.start, 1.0) if omega is None else project(errors, omega)
        held = np.concatenate([table.fixed[:k], np.zeros(len(to.theta), dtype=np.bool_)])
        small = ParameterTable((*table.names[:k], *errors.names), np.empty(0), held)
        at = np.concatenate([coefficients / to.scale, to.theta])
        at[:k] = np.where(table.fixed[:k], table.start[:k], at[:k])
        small = replace(small, start=at)
        if len(small.free):
            simple = likelihood.plain(errors).settle(at, seed)
            at = small.full(climb(simple, small, ROUGH, max_iterations)[0].x)
        if np.isfinite(at).all():
            coefficients, omega = at[:k], errors.covariance(at[k:])
    if omega is None:
        return table
    return _moved(table, k, coefficients, project(likelihood.errors, omega))


def inner_start(likelihood: Likelihood, table: ParameterTable, params: Float) -> ParameterTable:
    """Start inside the range of the covariance, near estimates at its edge.

    Independent variation is added to each error, `INWARD` of the mean variance.
    """
    k = likelihood.n_coefficients
    omega = likelihood.errors.covariance(likelihood.split(params)[1])
    n = len(omega)
    visible = float(np.trace(_centred(omega))) / (n - 1)
    inside = omega + INWARD * visible * np.eye(n)
    return _moved(table, k, params[:k], project(likelihood.errors, inside))


def random_start(
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    rng: np.random.Generator,
) -> ParameterTable:
    """A start with a random covariance and perturbed coefficients.

    Standard deviations are log-normal, correlations those of a random factor model; coefficients
    are multiplied by log-normals and moved by standard errors of a logit.

    Parameters
    ----------
    likelihood, table
        The law, and the start to perturb.
    information
        Negative Hessian of the logit at zero coefficients, (K, K).
    rng
        The source of randomness.
    """
    k, errors = likelihood.n_coefficients, likelihood.errors
    n = len(errors.covariance(errors.start))
    loads = rng.normal(size=(n, 2)) * rng.uniform(0.0, 1.5)
    common = np.eye(n) + loads @ loads.T
    sd = np.exp(SPREAD_SD * rng.normal(size=n)) / np.sqrt(np.diag(common))
    mean = float(np.diag(_centred(errors.covariance(errors.start))).sum()) / (n - 1)
    to = project(errors, mean * common * np.outer(sd, sd))
    se = errors.sd_per_logit / np.sqrt(np.diag(information))
    stretch = np.exp(SPREAD_COEFFICIENT * rng.normal(size=k))
    coefficients = table.start[:k] * stretch + se * rng.normal(size=k)
    return _moved(table, k, coefficients, to)
