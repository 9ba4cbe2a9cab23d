"""Fit a likelihood: start, optimise, start again where that ended badly, and say how it went.

P counts all parameters, the K of the utility first; *free* ones are those not held fixed.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.estimation.identification import NullDirection
from choicekit.estimation.identification.directions import SEPARATED, separated_directions
from choicekit.estimation.identification.utility import utility_information
from choicekit.estimation.judgement import (
    Convergence,
    degenerate_errors,
    has_flat,
    judge,
    runaway_variance,
    zero_variances,
)
from choicekit.estimation.maximise import maximise_general, maximise_logit
from choicekit.estimation.noise import fit_noise, is_simulated
from choicekit.estimation.optimize import Optimum, Progress, decrement, solve_information
from choicekit.estimation.starts import inner_start, random_start
from choicekit.likelihood import LatentClassLikelihood, Likelihood, MixedLikelihood
from choicekit.parameters import ParameterTable

__all__ = ["Convergence", "Fit", "Search", "best_of", "fit_from_starts", "fit_likelihood"]

Float = NDArray[np.float64]

SAME = 0.1  # standard errors, or units of the log-likelihood; nearer ends than this are one
ARRIVED = 1e-3  # standard errors
EN_ROUTE = 100.0  # times nearer to an edge than this, a search that ended badly was on its way
SEPARATED_INDEX = 1e-4  # as SEPARATED: the search, at about 1e-3 standard errors, ends earlier
LITTLE = 1e-3  # of the log-likelihood


@dataclass(frozen=True)
class Search:
    """How to look for the maximum.

    Attributes
    ----------
    seed
        Of the draws.
    tolerance
        Distance from the maximum, in standard errors, at which to stop.
    max_iterations
        Of the optimiser.
    progress
        Called after each iteration with its number, the log-likelihood and the distance.
    method
        One of `choicekit.estimation.maximise.METHODS`.
    """

    seed: int = 1
    tolerance: float = 1e-6
    max_iterations: int = 500
    progress: Progress | None = None
    method: str = "auto"


@dataclass(frozen=True)
class Fit:
    """What an optimisation found.

    Attributes
    ----------
    params
        Estimates, (P,).
    value
        Log-likelihood.
    hessian
        Hessian over the free parameters, (P_free, P_free).
    likelihood
        The likelihood with the draws and orders it was maximised with.
    convergence
        How it ended.
    notes
        What a reader should know about the search.
    optima
        Where several starts ended, see `fit_from_starts`; None after a single start.
    """

    params: Float
    value: float
    hessian: Float
    likelihood: Likelihood
    convergence: Convergence
    notes: tuple[str, ...] = ()
    optima: pd.DataFrame | None = None


def fit_likelihood(
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    search: Search,
    labels: Sequence[Hashable] = (),
) -> Fit:
    """Maximise the likelihood from the table's starting values.

    An end at the edge of the covariance's range is tried once more from a start inside: BFGS may
    have been carried there, or the noise of the draws, rather than the data, made the edge look
    best. The better end is reported.

    Parameters
    ----------
    likelihood
        Unsettled.
    table
        Names, starts, fixed parameters.
    information
        Negative Hessian of the logit at zero coefficients, (K, K).
    search
        How to look for the maximum.
    labels
        Of the J alternatives, for messages.
    """
    begun = time.perf_counter()
    likelihood.errors.require_fittable()

    def attempt(at: ParameterTable) -> Fit:
        return _attempt(likelihood, at, information, search, labels)

    fit = attempt(table)
    if likelihood.boundary(fit.params, EN_ROUTE) and not fit.convergence.converged:
        inside = attempt(inner_start(likelihood, table, fit.params))
        fit = _better(fit, inside)
    seconds = time.perf_counter() - begun
    return replace(fit, convergence=replace(fit.convergence, seconds=seconds))


def _attempt(
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    search: Search,
    labels: Sequence[Hashable],
) -> Fit:
    """One climb from one start, and the judgement of where it ended."""
    begun = time.perf_counter()
    if likelihood.fused:
        optimum = maximise_logit(
            likelihood,
            table,
            search.tolerance,
            search.max_iterations,
            search.progress,
            search.method,
        )
        assert optimum.hessian is not None
        hessian = optimum.hessian
    else:
        likelihood, optimum, hessian = _climb(
            likelihood.settle(table.start, search.seed), table, search
        )
    params = table.full(optimum.x)
    signs = _conventional(likelihood, params, table)
    if isinstance(likelihood, MixedLikelihood) and (signs < 0.0).any():
        likelihood = likelihood.mirrored(params)
    params, hessian = params * signs, hessian * np.outer(signs[table.free], signs[table.free])
    optimum = replace(optimum, x=params[table.free], gradient=optimum.gradient * signs[table.free])
    seconds = time.perf_counter() - begun
    theta = likelihood.split(params)[1]
    inside = decrement(optimum.gradient, -hessian) < ARRIVED and not has_flat(hessian)
    boundary = likelihood.boundary(params, 1.0 if inside else EN_ROUTE)
    boundary = boundary or _ahead(likelihood, optimum, hessian, table)
    dependent = ""
    notes: tuple[str, ...] = ()
    if labels and len(theta):
        omega = likelihood.errors.covariance(theta)
        initial = likelihood.errors.covariance(likelihood.errors.start)
        if boundary and hasattr(likelihood.errors, "edge_cure"):
            dependent = ""  # independent errors: none is a combination of others
        elif boundary:
            dependent = degenerate_errors(omega, labels)
        else:
            boundary = runaway_variance(omega, initial, labels)
            zero = zero_variances(omega, initial, labels)
            notes = (zero,) if zero else ()
    separated = _separated(likelihood, table, params, hessian, information)
    cure = str(getattr(likelihood.errors, "edge_cure", ""))
    convergence = judge(
        optimum, hessian, table, search.tolerance, seconds, boundary, separated, dependent, cure
    )
    gone, cure = likelihood.vanished(params)
    if gone:
        convergence = replace(convergence, converged=False, reason="flat", message=gone, cure=cure)
    return Fit(params, optimum.value, hessian, likelihood, convergence, notes)


def _separated(
    likelihood: Likelihood, table: ParameterTable, params: Float, hessian: Float, information: Float
) -> list[NullDirection]:
    """Directions of the utility in which the likelihood has next to no curvature left.

    Of parameters in other units than coefficients the information does not tell.
    """
    classes = isinstance(likelihood, LatentClassLikelihood)  # theirs is that near the start
    if not likelihood.linear and not classes and np.isfinite(params).all():
        x = likelihood.regressors(params[: likelihood.n_coefficients])
        information = utility_information(x, likelihood.layout)
    bent = likelihood.bent_columns
    known = np.zeros((len(params), len(params)))
    known[: len(information), : len(information)] = information
    known[bent], known[:, bent] = 0.0, 0.0
    seen = np.flatnonzero((table.free < likelihood.n_coefficients) & ~np.isin(table.free, bent))
    names = [table.names[k] for k in table.free[seen]]
    if likelihood.errors.index:
        own = _curvature(likelihood, hessian, table, len(seen))
        return separated_directions(
            own, table.pull_square(known)[np.ix_(seen, seen)], names, SEPARATED_INDEX
        )
    return separated_directions(
        hessian[np.ix_(seen, seen)], table.pull_square(known)[np.ix_(seen, seen)], names, SEPARATED
    )


def _curvature(likelihood: Likelihood, hessian: Float, table: ParameterTable, n: int) -> Float:
    """Hessian of the n free coefficients, (n, n).

    That of an index is concentrated over the thresholds, which move along with it: only then does
    it die away where the index separates the categories.
    """
    own = hessian[:n, :n]
    if not likelihood.errors.index or not n:
        return own
    k = likelihood.n_coefficients
    cuts = n + int((~table.fixed[k : k + len(likelihood.errors.names)]).sum())
    cross, inner = hessian[:n, n:cuts], hessian[n:cuts, n:cuts]
    concentrated: Float = own - cross @ np.linalg.pinv(inner, rcond=1e-12, hermitian=True) @ cross.T
    return concentrated


def _climb(
    likelihood: Likelihood,
    table: ParameterTable,
    search: Search,
) -> tuple[Likelihood, Optimum, Float]:
    """Maximise, and once more from the mirror image where a drawn standard deviation is negative.

    Nodes of people are not symmetric about zero, so with them the likelihood does see the sign. A
    search that ends at a negative one again, close to zero as a rule, is reported with the nodes'
    mirror image.
    """
    how = search.seed, search.tolerance, search.max_iterations, search.progress, search.method
    found = maximise_general(likelihood, table, *how)
    params = table.full(found[1].x)
    mirrored = params * _conventional(found[0], params, table)
    if not isinstance(likelihood, MixedLikelihood) or not (mirrored != params).any():
        return found
    upright = replace(table, start=mirrored)
    again = maximise_general(found[0], upright, *how)
    work = found[1].evaluations + again[1].evaluations
    return again[0], replace(again[1], evaluations=work), again[2]


def _ahead(likelihood: Likelihood, optimum: Optimum, hessian: Float, table: ParameterTable) -> str:
    """Say that a Newton step from where the optimiser stopped leaves the errors' range, or ``""``.

    The log-likelihood is minus infinity there, so that the optimiser stops short of it.
    """
    if not np.isfinite(optimum.value) or decrement(optimum.gradient, -hessian) < ARRIVED:
        return ""
    there = table.full(optimum.x + solve_information(-hessian, optimum.gradient))
    if np.isfinite(likelihood.value(there)):
        return ""
    return likelihood.boundary(there)


def _better(edge: Fit, inside: Fit) -> Fit:
    """The better of an end at the edge of the covariance's range and one from a start inside.

    A maximum inside gives way to an edge only where the accuracy of the log-likelihood resolves
    that the edge is higher: near a singular covariance it is least accurate.
    """
    again = inside.convergence.reason == "boundary"
    best = inside if inside.value > edge.value or not np.isfinite(edge.value) else edge
    aside = "; a second search, started inside, ended at an edge too" if again else ""
    work = edge.convergence.evaluations + inside.convergence.evaluations
    if not again and inside.convergence.converged:
        gap, se = inside.value - edge.value, fit_noise(edge.likelihood, edge.params).llf_se
        unresolved = ""
        if abs(gap) < 2.0 * se:
            what = "simulation s.e." if is_simulated(edge.likelihood) else "quadrature error"
            unresolved = f" (a difference that is not resolved: {what} {se:.2g})"
        if best is inside or unresolved:
            note = (
                "The first search ended at a singular covariance of the errors with a "
                f"log-likelihood {abs(gap):.2g} {'lower' if best is inside else 'higher'}"
                f"{unresolved}; these estimates are a maximum inside, found from a second start."
            )
            ended = replace(inside.convergence, evaluations=work)
            return replace(inside, convergence=ended, notes=(note, *inside.notes))
        aside = f"; the best maximum inside reaches {inside.value:,.3f}"
    ended = replace(best.convergence, evaluations=work)
    return replace(best, convergence=replace(ended, message=ended.message + aside))


def _conventional(likelihood: Likelihood, params: Float, table: ParameterTable) -> Float:
    """Signs (P,) for standard deviations and diagonals to come out positive.

    The likelihood does not see them, but for the nodes of people. Where that would change a fixed
    value or break a constraint, all stay as they are.
    """
    signs = likelihood.signs(params)
    return signs if table.allows_signs(signs) else np.ones_like(signs)


def fit_from_starts(
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    search: Search,
    starts: int,
    labels: Sequence[Hashable] = (),
) -> Fit:
    """Maximise from several starts: the table's and random ones, keyed by the seed.

    Returns the best maximum. Its ``optima`` has a row for each different end, the best first:
    ``llf``, ``converged``, ``distance`` (from the best, in its standard errors), ``count`` (how
    many starts ended there), ``start`` (the first of them) and ``message``.

    Parameters
    ----------
    likelihood, table, information, search, labels
        As for `fit_likelihood`.
    starts
        Number of starts, the table's included.
    """
    begun = time.perf_counter()
    fits = []
    for number in range(starts):
        at = table
        if number:
            rng = np.random.default_rng([search.seed, number])
            at = random_start(likelihood, table, information, rng)
        fits.append(fit_likelihood(likelihood, at, information, search, labels))
    best = best_of(fits, table.free)
    seconds = time.perf_counter() - begun
    return replace(best, convergence=replace(best.convergence, seconds=seconds))


def best_of(fits: list[Fit], free: NDArray[np.intp]) -> Fit:
    """The best of the fits from several starts, with their ``optima`` and a note about them.

    Parameters
    ----------
    fits
        In the order of their starts.
    free
        Positions of the free parameters.
    """
    order = sorted(
        range(len(fits)),
        key=lambda s: (
            not fits[s].convergence.converged,
            -np.nan_to_num(fits[s].value, nan=-1e300),
        ),
    )
    best = fits[order[0]]
    optima = _optima([fits[s] for s in order], order, free)
    notes = (*best.notes, _optima_note(optima, len(fits)))
    return replace(best, notes=notes, optima=optima)


def _optima(fits: list[Fit], order: list[int], free: NDArray[np.intp]) -> pd.DataFrame:
    """One row a different end of the search; ``fits`` come best first."""
    groups: list[list[int]] = []
    for place, fit in enumerate(fits):
        for group in groups:
            if _same(fits[group[0]], fit, free):
                group.append(place)
                break
        else:
            groups.append([place])
    rows = []
    for group in groups:
        fit = fits[group[0]]
        rows.append(
            {
                "llf": fit.value,
                "converged": fit.convergence.converged,
                "distance": _distance(fits[0], fit, free),
                "count": len(group),
                "start": min(order[place] for place in group) + 1,
                "message": fit.convergence.message,
            }
        )
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="optimum"))


def _same(one: Fit, other: Fit, free: NDArray[np.intp]) -> bool:
    """Whether two ends are one; those that are no maxima have no standard errors to measure in."""
    if one.convergence.converged and other.convergence.converged:
        return _distance(one, other, free) < SAME
    alike = one.convergence.reason == other.convergence.reason
    return alike and abs(one.value - other.value) < SAME


def _distance(one: Fit, other: Fit, free: NDArray[np.intp]) -> float:
    """How far two ends are from each other in the first one's standard errors."""
    gap = (other.params - one.params)[free]
    relative = float(np.max(np.abs(gap) / (1e-8 + np.abs(one.params[free])), initial=0.0))
    if relative < 1e-4:
        return 0.0
    return float(np.sqrt(abs(gap @ one.hessian @ gap)))


def _optima_note(optima: pd.DataFrame, starts: int) -> str:
    """How many starts agree."""
    first = optima.iloc[0]
    text = f"{starts} starts: {first['count']} ended at these estimates"
    rest = optima.iloc[1:]
    maxima = rest[rest["converged"]]
    if len(maxima):
        ends = "maximum" if len(maxima) == 1 else "maxima"
        below = first["llf"] - maxima["llf"].iloc[0]
        text += (
            f"; {int(maxima['count'].sum())} at {len(maxima)} lower {ends} "
            f"(the next {below:.2g} below)"
        )
    failed = int(rest.loc[~rest["converged"], "count"].sum())
    if failed:
        text += f"; {failed} did not converge"
        highest = float(rest.loc[~rest["converged"], "llf"].max())
        if first["converged"] and highest > first["llf"] + LITTLE:
            text += (
                f", at log-likelihoods of up to {highest:,.3f}, which is higher: the likelihood "
                "may have no maximum, see the messages of the optima"
            )
    return text + "."
