"""From a model to its results: start, optimise, and note what a reader should know."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import pandas as pd

from choicekit.data.sampled import sampling_notes
from choicekit.estimation.bounds import Bound, bounded, clipped, read_bounds
from choicekit.estimation.classes import fit_classes, polish_classes
from choicekit.estimation.clusters import case_codes, cluster_codes
from choicekit.estimation.covariance import require_cov_type, require_stratified
from choicekit.estimation.fitting import Convergence, Fit, Search, fit_from_starts, fit_likelihood
from choicekit.estimation.identification.diagnostics import condition_note
from choicekit.estimation.identification.examine import (
    exclusion_checks,
    require_covariance_identified,
)
from choicekit.estimation.noise import Noise, fit_noise
from choicekit.estimation.null_models import constants_only, equal_shares
from choicekit.estimation.options import (
    require_draws,
    require_method,
    require_seed,
    require_starts,
)
from choicekit.estimation.redrawing import drawing_as, has_field, with_draws
from choicekit.estimation.starts import continued_start, logit_start
from choicekit.exceptions import (
    ConvergenceWarning,
    SimulationWarning,
    SpecificationError,
    did_you_mean,
)
from choicekit.likelihood import LatentClassLikelihood
from choicekit.neural.prepare import with_network
from choicekit.parameters import ParameterTable
from choicekit.results import FitResults, Simulation
from choicekit.utility import NeuralDesign

if TYPE_CHECKING:
    from choicekit.errors.base import BoundErrors
    from choicekit.likelihood import Likelihood
    from choicekit.model import ChoiceModel

__all__ = ["MOST_AUTO_DRAWS", "SIMULATION_SHARE", "FitOptions", "fit_model"]

SIMULATION_SHARE = 0.1  # of a sampling standard error: adds half a percent to it
MOST_AUTO_DRAWS = 1 << 14
SIMPLER = ("iid", "heteroskedastic")  # covariances to pass through, the simplest first


@dataclass(frozen=True)
class FitOptions:
    """The arguments of ``ChoiceModel.fit``, which documents them."""

    start: dict[str, float]
    fixed: dict[str, float]
    constraints: Any
    bounds: dict[str, tuple[float | None, float | None]]
    cov_type: str
    groups: Any
    seed: int
    method: str
    tolerance: float
    maxiter: int
    progress: Callable[[int, float, float], None] | None
    draws: int | str | None = None
    starts: int | None = None
    continuation: bool = False
    replicates: int = 200
    strata: Any = None


class SearchOptions(TypedDict, total=False):
    """Further arguments of ``ChoiceModel.fit``, which documents them."""

    draws: int | str | None
    starts: int | None
    continuation: bool
    replicates: int
    strata: Any


def fit_model(model: ChoiceModel, options: FitOptions) -> FitResults:
    """Fit a model; see ``ChoiceModel.fit``."""
    _require_usable(model, options)
    auto = require_draws(options.draws)
    if not auto and options.draws is not None:
        model = with_draws(model, int(options.draws))
    options = replace(options, fixed={**model.offsets, **options.fixed})
    if isinstance(model.design, NeuralDesign):
        model, options = with_network(model, options)
    bounds = read_bounds(options.bounds, model.parameter_names)
    table = model.table(options.start, options.fixed, options.constraints)
    # At the usual start: what is identified does not depend on a start the user chose badly.
    usual = model.table({}, options.fixed, options.constraints)
    require_covariance_identified(model.likelihood(), usual, model.data.alternatives)
    if bounds:
        fit, table = _search_bounded(model, options, bounds)
    else:
        fit = _search(model, options, table)
    noise = fit_noise(fit.likelihood, fit.params, fit.hessian, table)
    if auto:
        model, fit, noise = _raise_draws(model, options, table, fit, noise)
    names = list(table.names)
    layout, model = model.data.layout, drawing_as(model, fit.likelihood)
    results = FitResults(
        model=model,
        params=pd.Series(fit.params, index=names, name="coef"),
        cov=pd.DataFrame(np.nan, index=names, columns=names),
        cov_type=options.cov_type,
        llf=fit.value,
        llnull=equal_shares(layout),
        llconst=constants_only(layout, model.data.worst),
        hessian=fit.hessian,
        fixed=tuple(name for name, held in zip(names, table.fixed, strict=True) if held),
        convergence=_ended(fit, model),
        simulation=_simulation(fit, noise),
        notes=(
            *_notes(model, fit.likelihood, table),
            *getattr(model.design, "notes", ()),
            *fit.likelihood.remarks(fit.params),
            *fit.notes,
            *_noise_notes(fit, noise, auto),
            *_weight_notes(model, options.cov_type),
        ),
        optima=fit.optima,
        ties=table.ties,
        _likelihood=fit.likelihood,
    )
    note = condition_note(results) if fit.convergence.converged else ""
    if note:
        results = replace(results, notes=(*results.notes, note))
    if not fit.convergence.converged:
        text = f"{fit.convergence.message}. Cure: {fit.convergence.cure}"
        warnings.warn(f"The fit did not converge: {text}", ConvergenceWarning, stacklevel=3)
    if options.cov_type == "bootstrap":
        return results.bootstrap(options.replicates, options.seed, options.groups, options.strata)
    return results.with_cov(options.cov_type, options.groups, options.strata)


def _require_usable(model: ChoiceModel, options: FitOptions) -> None:
    """Complain before the fit, not after it."""
    require_cov_type(options.cov_type)
    require_stratified(options.cov_type, options.strata)
    if options.cov_type == "cluster":
        cluster_codes(model.data, options.groups)
    if options.strata is not None:
        case_codes(model.data, options.strata, "strata")
    require_seed(options.seed)
    require_starts(options.starts)
    require_method(options.method)


# -- searching ------------------------------------------------------------------------------------


def _search(model: ChoiceModel, options: FitOptions, table: ParameterTable) -> Fit:
    """Maximise from the start asked for; where that fails, from one by way of simpler laws."""
    likelihood = model.likelihood()
    given = frozenset({*options.start, *options.fixed})
    if isinstance(likelihood, LatentClassLikelihood):
        return fit_classes(
            likelihood,
            table,
            model.information,
            given,
            options.seed,
            options.tolerance,
            options.maxiter,
            options.starts,
            options.progress,
            model.data.alternatives,
        )
    simpler = _simpler(model) if likelihood.linear and not likelihood.fused else []
    usual = table
    if not likelihood.fused:
        usual = replace(table, start=logit_start(likelihood, table, given))
    if options.continuation and simpler:
        first = continued_start(likelihood, usual, simpler, options.seed)
        # what the user gave stays where it is
        held = np.array([name in given for name in table.names], dtype=np.bool_)
        usual = replace(first, start=np.where(held, table.start, first.start))
    if options.starts is not None and options.starts > 1:
        return _fit(model, options, usual, options.starts)
    fit = _fit(model, options, usual)
    again = _another_start(model, options, table, fit, simpler)
    if again is None:
        return fit
    return _second_attempt(fit, _fit(model, options, again))


def _search_bounded(
    model: ChoiceModel, options: FitOptions, bounds: tuple[Bound, ...]
) -> tuple[Fit, ParameterTable]:
    """Maximise within bounds; the table returned holds the parameters at one fixed there."""

    def table_of(active: Mapping[str, float]) -> ParameterTable:
        table = model.table(options.start, options.fixed, options.constraints)
        table = replace(table, start=clipped(table, bounds, options.start))
        held = {**options.fixed, **active}
        return model.table(
            dict(zip(table.names, table.start.tolist(), strict=True)), held, options.constraints
        )

    def search(table: ParameterTable, before: Fit | None) -> Fit:
        if before is not None and before.convergence.converged:
            at = np.where(table.fixed, table.start, before.params)
            return _fit(model, options, replace(table, start=at))
        held = {
            bound.name: float(table.start[p])
            for bound in bounds
            for p in [table.names.index(bound.name)]
            if table.fixed[p] and not free.fixed[p]
        }
        return _search(model, replace(options, fixed={**options.fixed, **held}), table)

    free = model.table({}, options.fixed, options.constraints)
    fit, table, notes = bounded(search, table_of, bounds)
    return replace(fit, notes=(*fit.notes, *notes)), table


def _fit(model: ChoiceModel, options: FitOptions, table: ParameterTable, starts: int = 1) -> Fit:
    how = Search(options.seed, options.tolerance, options.maxiter, options.progress, options.method)
    likelihood, labels = model.likelihood(), model.data.alternatives
    if isinstance(likelihood, LatentClassLikelihood):
        common = (likelihood, table, model.information, options.seed, options.tolerance)
        return polish_classes(*common, options.maxiter, options.progress, labels)
    if starts > 1:
        return fit_from_starts(likelihood, table, model.information, how, starts, labels)
    return fit_likelihood(likelihood, table, model.information, how, labels)


def _another_start(
    model: ChoiceModel,
    options: FitOptions,
    table: ParameterTable,
    fit: Fit,
    simpler: list[BoundErrors],
) -> ParameterTable | None:
    """A better start for a fit that failed, None where none would help."""
    ended = fit.convergence
    if ended.reason not in ("value", "flat", "stopped", "boundary"):
        return None
    if ended.iterations >= options.maxiter or (ended.reason == "boundary" and not options.start):
        return None  # out of iterations, or an edge that a second start has confirmed
    likelihood = model.likelihood()
    fresh = model.table({}, options.fixed, options.constraints)
    if likelihood.fused:
        return fresh if options.start else None
    fresh = replace(fresh, start=logit_start(likelihood, fresh, frozenset(options.fixed)))
    if simpler and not (options.continuation and not options.start):
        return continued_start(likelihood, fresh, simpler, options.seed)
    return fresh if options.start else None


def _second_attempt(first: Fit, second: Fit) -> Fit:
    """The better of two fits: one that converged, else the one with the higher likelihood."""
    one, other = first.convergence, second.convergence
    work = one.evaluations + other.evaluations
    seconds = one.seconds + other.seconds
    better = other.converged or second.value > first.value or not np.isfinite(first.value)
    best = second if better else first
    notes = best.notes
    if better:
        notes = (
            *notes,
            f"The search from the first start failed ({one.message}); these estimates come from "
            "a start by way of simpler error laws.",
        )
    ended = replace(best.convergence, evaluations=work, seconds=seconds)
    return replace(best, notes=notes, convergence=ended)


def _simpler(model: ChoiceModel) -> list[BoundErrors]:
    """Laws of the same family with fewer parameters, bound to the model's alternatives."""
    law: Any = model.errors
    if not (has_field(law, "covariance") and model.bound.names):
        return []
    found: list[BoundErrors] = []
    for name in SIMPLER:
        try:
            changes = {"scale": None} if has_field(law, "scale") and name == "iid" else {}
            bound = replace(law, covariance=name, **changes).bind(
                model.data.alternatives, model.data.alternatives.index(model.base)
            )
        except SpecificationError:  # not identified with so few alternatives
            continue
        if len(bound.names) < len(model.bound.names):
            found.append(bound)
    return found


# -- draws ----------------------------------------------------------------------------------------


def _raise_draws(
    model: ChoiceModel, options: FitOptions, table: ParameterTable, fit: Fit, noise: Noise
) -> tuple[ChoiceModel, Fit, Noise]:
    """Quadruple the draws, from the last estimates on, until they hardly matter."""
    plan = fit.likelihood.plan
    if plan is None or not plan.n_simulated:
        return model, fit, noise
    first = draws = plan.draws
    while not _enough(fit, noise) and 4 * draws <= MOST_AUTO_DRAWS:
        draws *= 4
        model, before = with_draws(model, draws), fit
        if before.convergence.converged:
            fit = _fit(model, options, replace(table, start=before.params))
        else:  # too few draws may be why, and its end is no place to start from
            fit = _search(model, replace(options, starts=1), table)
        work = before.convergence.evaluations + fit.convergence.evaluations
        seconds = before.convergence.seconds + fit.convergence.seconds
        ended = replace(fit.convergence, evaluations=work, seconds=seconds)
        fit = replace(fit, convergence=ended, optima=before.optima)
        noise = fit_noise(fit.likelihood, fit.params, fit.hessian, table)
    went = f"went from {first:,} to {draws:,}" if draws > first else f"stayed at {draws:,}"
    text = f"draws='auto' {went} draws; "
    if np.isfinite(noise.ratio):
        text += (
            f"the largest simulation s.e. of a coefficient is {noise.ratio:.2g} of its sampling "
            "standard error"
        )
    else:
        text += f"the simulation s.e. of the log-likelihood is {noise.llf_se:.2g}"
    if not _enough(fit, noise):
        text += (
            f", above the {SIMULATION_SHARE:g} wanted, but {MOST_AUTO_DRAWS:,} draws are the "
            "limit. Cure: give draws= a larger number, or simplify the covariance"
        )
        warnings.warn(f"{text}.", SimulationWarning, stacklevel=4)
    return model, replace(fit, notes=(*fit.notes, f"{text}.")), noise


def _enough(fit: Fit, noise: Noise) -> bool:
    """Whether the draws hardly move the estimates; without standard errors, the likelihood."""
    if fit.convergence.converged and np.isfinite(noise.ratio):
        return noise.ratio <= SIMULATION_SHARE
    return noise.llf_se <= SIMULATION_SHARE


def require_options(given: Mapping[str, object]) -> None:
    """Raise TypeError for arguments that ``ChoiceModel.fit`` does not have."""
    for name in given:
        if name not in SearchOptions.__annotations__:
            choices = [field.name for field in fields(FitOptions)]
            raise TypeError(
                f"fit() got an unexpected keyword argument {name!r}.{did_you_mean(name, choices)}"
            )


# -- notes ----------------------------------------------------------------------------------------


def _ended(fit: Fit, model: ChoiceModel) -> Convergence:
    """How the search ended; its time holds that of a network's training."""
    training = model.design.seconds if isinstance(model.design, NeuralDesign) else 0.0
    return replace(fit.convergence, seconds=fit.convergence.seconds + training)


def _simulation(fit: Fit, noise: Noise) -> Simulation | None:
    plan = fit.likelihood.plan
    if plan is None:
        return None
    return Simulation(
        plan.method,
        plan.kind,
        plan.draws,
        plan.seed,
        noise.llf_se,
        plan.n_exact,
        plan.n_simulated,
        plan.n_approximate,
        tuple(noise.coef_se.tolist()),
    )


def _noise_notes(fit: Fit, noise: Noise, auto: bool) -> tuple[str, ...]:
    """Warn of draws that move a coefficient by more than `SIMULATION_SHARE`."""
    if auto or not fit.convergence.converged or not noise.ratio > SIMULATION_SHARE:
        return ()
    plan = fit.likelihood.plan
    assert plan is not None
    return (
        f"The {plan.draws:,} draws a case add up to {noise.ratio:.2g} of its sampling standard "
        "error to a coefficient's uncertainty (column sim s.e.). Cure: draws='auto', or a larger "
        "number.",
    )


def _weight_notes(model: ChoiceModel, cov_type: str) -> tuple[str, ...]:
    """Warn of sampling weights in standard errors that take them for repetitions."""
    weights = model.data.layout.weights
    if weights is None or cov_type not in ("nonrobust", "opg"):
        return ()
    if np.array_equal(weights, np.round(weights)):
        return ()
    return (
        "The weights are no whole numbers, but these standard errors take a weight for so many "
        "cases alike. Where the weights undo sampling, use cov_type='HC0' (or 'cluster'), "
        "with strata= the column of the choices where these were sampled.",
    )


def _notes(model: ChoiceModel, likelihood: Likelihood, table: ParameterTable) -> tuple[str, ...]:
    """What a reader should know: normalisation, weak identification, cases left out."""
    notes = [model.bound.normalisation] if model.bound.normalisation else []
    notes += getattr(model.design, "remarks", ())
    notes += sampling_notes(model.data, model.design.columns, model.errors, model.mixing)
    if table.ties is not None:
        notes.append(f"Constraints: {'; '.join(table.ties.labels)}.")
    checks = exclusion_checks(likelihood, table, model.design.describe())
    notes += [str(check) for check in checks if check.severity == "weak"]
    for finding in model.data.dropped:
        plural = "" if finding.count == 1 else "s"
        notes.append(f"Left out, {finding.count:,} {finding.unit}{plural}: {finding.message}")
    return tuple(notes)
