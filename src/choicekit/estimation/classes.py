"""Fit latent classes: EM from random starts, the best polished, the classes put in order.

Axes: S classes, K coefficients of a class, N units (people), P parameters.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.by_class import ErrorsByClass
from choicekit.estimation.em import Climb, class_start, expectation_maximisation
from choicekit.estimation.fitting import Fit, Search, best_of, fit_likelihood
from choicekit.estimation.maximise import climb
from choicekit.estimation.optimize import Progress
from choicekit.likelihood import LatentClassLikelihood
from choicekit.parameters import ParameterTable

__all__ = ["EM_STARTS", "fit_classes", "polish_classes"]

Float = NDArray[np.float64]

EM_STARTS = 8
EM_SHORT, EM_LONG = 10, 40  # iterations of all, and more of the best
EM_KEPT = 3  # runs that go on after the short ones
NEAR = 0.5  # of the log-likelihood; runs of EM that end nearer than this have found the same
ROUGH = 0.1  # standard errors, at which a climb under ties stops
EMPTY = 0.5  # people; a class with fewer has none
ALIKE = 1e-3  # of utility, roughly; classes whose coefficients are nearer than this are one
RUNAWAY = 1e-5  # share of the curvature at zero coefficients below which a class is certain


def fit_classes(
    likelihood: LatentClassLikelihood,
    table: ParameterTable,
    information: Float,
    given: frozenset[str],
    seed: int,
    tolerance: float,
    max_iterations: int,
    starts: int | None = None,
    progress: Progress | None = None,
    labels: Sequence[Hashable] = (),
) -> Fit:
    """Maximise the likelihood of latent classes, which usually has several maxima.

    Parameters
    ----------
    likelihood, table, seed, tolerance, max_iterations, progress, labels
        As for `choicekit.estimation.fitting.fit_likelihood`.
    information
        Negative Hessian of the logit at zero coefficients, (K, K).
    given
        Names of the parameters whose start or value the user chose.
    starts
        None: `EM_STARTS` short runs of EM, the best of which go on, and the best of these is
        polished. A number: so many runs, all
        polished, compared in ``optima``.

    Returns
    -------
    Fit
        The classes in the order of their shares, the largest first, unless the user fixed or
        tied parameters of single classes, which gives them their names.
    """
    begun = time.perf_counter()
    alone = likelihood.classes.n_classes == 1 or all(name in given for name in table.free_names)
    number, by_em = starts or (1 if alone else EM_STARTS), _by_em(likelihood, table)
    climbs = []
    for run in range(number):
        rng = np.random.default_rng([seed, run])
        held = given if run == 0 else frozenset()
        at = replace(table, start=class_start(likelihood, table, held, rng))
        climbs.append(_climbed(likelihood, at, seed, EM_SHORT))
    kept = sorted(climbs, key=_height, reverse=True)[:EM_KEPT] if starts is None else climbs
    kept = [_continued(likelihood, table, seed, climb) for climb in kept]
    polished, note = kept, ""
    if starts is None:
        polished, note = [max(kept, key=_height)], _agreement(kept, number, by_em)
    fits = []
    for best_so_far in polished:
        at = replace(table, start=best_so_far.params)
        fit = polish_classes(
            likelihood, at, information, seed, tolerance, max_iterations, progress, labels
        )
        fits.append(_with_climb(fit, best_so_far, "EM" if by_em else "BFGS"))
    best = fits[0] if len(fits) == 1 else best_of(fits, table.free)
    notes = (*best.notes, note) if note else best.notes
    seconds = time.perf_counter() - begun
    return replace(best, notes=notes, convergence=replace(best.convergence, seconds=seconds))


def polish_classes(
    likelihood: LatentClassLikelihood,
    table: ParameterTable,
    information: Float,
    seed: int,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
    labels: Sequence[Hashable] = (),
) -> Fit:
    """Maximise from the table's start alone, put the classes in order and look at each of them.

    Parameters and result are those of `fit_classes`.
    """
    spread = likelihood.spread_information(information)
    how = Search(seed, tolerance, max_iterations, progress)
    fit = fit_likelihood(likelihood, table, spread, how, labels)
    return _examined(_in_order(fit, table), table, information)


def _height(climb: Climb) -> float:
    return climb.value if np.isfinite(climb.value) else -np.inf


def _by_em(likelihood: LatentClassLikelihood, table: ParameterTable) -> bool:
    return table.ties is None and likelihood.linear


def _climbed(
    likelihood: LatentClassLikelihood, table: ParameterTable, seed: int, iterations: int
) -> Climb:
    """A short climb from the table's start: EM, or BFGS where its steps do not serve.

    The M-step of EM takes classes and membership one by one, which ties between them forbid, and
    each class is a logit of a linear utility there.
    """
    if _by_em(likelihood, table):
        return expectation_maximisation(likelihood, table, iterations)
    found, _ = climb(likelihood.settle(table.start, seed), table, ROUGH, iterations)
    return Climb(table.full(found.x), found.value, found.iterations)


def _continued(
    likelihood: LatentClassLikelihood, table: ParameterTable, seed: int, before: Climb
) -> Climb:
    """The same run, some iterations later."""
    at = replace(table, start=before.params)
    further = _climbed(likelihood, at, seed, EM_LONG)
    return further._replace(iterations=before.iterations + further.iterations)


def _agreement(kept: list[Climb], number: int, by_em: bool) -> str:
    """Say how many runs came near the best one."""
    if number == 1:
        return ""
    best = max(map(_height, kept))
    near = sum(_height(climb) > best - NEAR for climb in kept)
    how = "the EM algorithm" if by_em else "BFGS"
    text = (
        f"{number} random starts of {how}. Of the {len(kept)} highest, which went on, {near} ended "
        f"within {NEAR:g} of the best log-likelihood; the best was polished."
    )
    if near == 1:
        text += " There may be others: fit(starts=20) polishes and compares them all."
    return text


def _with_climb(fit: Fit, before: Climb, how: str) -> Fit:
    """Count the iterations before as well."""
    ended = fit.convergence
    return replace(
        fit,
        convergence=replace(
            ended,
            iterations=ended.iterations + before.iterations,
            evaluations=ended.evaluations + before.iterations,
            optimizer=f"{how}, {ended.optimizer}",
        ),
    )


def _classes_of(fit: Fit) -> LatentClassLikelihood:
    assert isinstance(fit.likelihood, LatentClassLikelihood)
    return fit.likelihood


def _in_order(fit: Fit, table: ParameterTable) -> Fit:
    """Number the classes by their shares, the largest first; the likelihood does not mind."""
    likelihood = _classes_of(fit)
    classes, b = likelihood.classes, likelihood.n_coefficients
    errors, n_theta = likelihood.errors, len(likelihood.errors.start)
    special = np.ones(len(table.names), dtype=np.bool_)
    special[:b] = ~classes.shared
    special[b : b + n_theta] = isinstance(errors, ErrorsByClass)
    if classes.n_classes == 1 or (table.fixed & special).any() or table.ties is not None:
        return fit
    if not np.isfinite(fit.params).all():
        return fit
    order = np.argsort(-likelihood.shares(fit.params), kind="stable")
    same = np.eye(n_theta)
    turn = classes.reordering(
        order, errors.reordering(order) if isinstance(errors, ErrorsByClass) else same
    )
    back = np.linalg.inv(turn[np.ix_(table.free, table.free)])
    return replace(fit, params=turn @ fit.params, hessian=back.T @ fit.hessian @ back)


def _examined(fit: Fit, table: ParameterTable, information: Float) -> Fit:
    """Say so where a class is empty, twice there, or certain of its choices."""
    likelihood, ended = _classes_of(fit), fit.convergence
    if likelihood.classes.n_classes == 1 or ended.reason == "value":
        return fit
    found = _degenerate(likelihood, fit.params, table, information)
    if not found:
        return fit
    size = likelihood.classes.n_classes
    fewer = f"{size - 1} classes" if size > 2 else "a model without classes"
    cure = (
        f"fit {fewer}, or hold some coefficients the same in all classes (same=[...]); "
        "another maximum may be found from more starts, fit(starts=20)"
    )
    message = "; ".join(found)
    ended = replace(ended, converged=False, reason="classes", message=message, cure=cure)
    return replace(fit, convergence=ended)


def _degenerate(
    likelihood: LatentClassLikelihood, params: Float, table: ParameterTable, information: Float
) -> list[str]:
    """What is wrong with the classes, in words."""
    classes, weights = likelihood.classes, likelihood.weights
    posterior = likelihood.posteriors(params)
    sizes = posterior.sum(axis=0) if weights is None else weights @ posterior
    beta = params[classes.index]
    typical = float(len(posterior)) if weights is None else float(weights.sum())
    scale = np.sqrt(np.diag(information) / max(typical, 1.0))
    # Of the coefficients that a class has for itself, those estimated.
    own = (~classes.shared & ~table.fixed[: likelihood.n_coefficients])[classes.index]
    found = []
    for s, size in enumerate(sizes):
        if size < EMPTY:
            found.append(f"class {s + 1} is empty: its share goes to zero")
            continue
        for r in range(s):
            apart = np.abs(beta[s] - beta[r]) * scale
            alike = own[[s, r]].any() and apart.max() < ALIKE
            if sizes[r] >= EMPTY and alike and not isinstance(likelihood.errors, ErrorsByClass):
                found.append(f"classes {r + 1} and {s + 1} have the same coefficients")
        if not likelihood.linear:
            continue
        limit = RUNAWAY * float(size) / typical
        if _certain(likelihood, beta[s], posterior[:, s], information, own[s], limit):
            found.append(
                f"the choices of class {s + 1} are separated perfectly, or nearly so: its "
                "coefficients grow without limit"
            )
    return found


def _certain(
    likelihood: LatentClassLikelihood,
    beta: Float,
    posterior: Float,
    information: Float,
    own: NDArray[np.bool_],
    limit: float,
) -> bool:
    """Whether a class's curvature along its own coefficients is below a share of that at zero."""
    from scipy.linalg import eigh

    from choicekit.numerics.logit import logit_evaluate

    if not own.any():
        return False
    layout = likelihood.layout
    weights = posterior if likelihood.unit is None else posterior[likelihood.unit]
    if layout.weights is not None:
        weights = weights * layout.weights
    found = logit_evaluate(
        np.ascontiguousarray(likelihood.x.T),
        layout.case_ptr,
        layout.chosen,
        np.ascontiguousarray(weights),
        beta / likelihood.errors.sd_per_logit,
    )
    block = np.ix_(own, own)
    curvature, whole = -found.hessian[block], information[block]
    scale = 1.0 / np.sqrt(np.diag(whole))
    grid = np.outer(scale, scale)
    return bool(eigh(curvature * grid, whole * grid, eigvals_only=True)[0] < limit)
