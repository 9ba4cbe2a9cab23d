"""From a model to its results: start, optimise, and note what a reader should know."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.estimation.clusters import cluster_codes
from choicekit.estimation.covariance import require_cov_type
from choicekit.estimation.fitting import Fit, fit_likelihood, logit_start, simulation_spread
from choicekit.estimation.identification.diagnostics import condition_note
from choicekit.estimation.identification.examine import (
    exclusion_checks,
    require_covariance_identified,
)
from choicekit.estimation.null_models import constants_only, equal_shares
from choicekit.exceptions import ConvergenceWarning, SpecificationError
from choicekit.results import FitResults, Simulation

if TYPE_CHECKING:
    from choicekit.likelihood import Likelihood
    from choicekit.model import ChoiceModel
    from choicekit.parameters import ParameterTable

__all__ = ["fit_model"]


def fit_model(
    model: ChoiceModel,
    start: Mapping[str, float],
    fixed: Mapping[str, float],
    cov_type: str,
    groups: Any,
    seed: int,
    tolerance: float,
    maxiter: int,
    progress: Any,
) -> FitResults:
    """Fit a model; the arguments are those of ``ChoiceModel.fit``."""
    require_cov_type(cov_type)
    if cov_type == "cluster":
        cluster_codes(model.data, groups)  # complain before the fit, not after it
    _require_seed(seed)
    likelihood = model.likelihood()
    table = model.table(start, fixed)
    require_covariance_identified(likelihood, table, model.data.alternatives)
    if not likelihood.fused:
        table = replace(table, start=logit_start(likelihood, table, frozenset({*start, *fixed})))
    fit = fit_likelihood(likelihood, table, model.information, seed, tolerance, maxiter, progress)
    names = list(table.names)
    layout = model.data.layout
    results = FitResults(
        model=model,
        params=pd.Series(fit.params, index=names, name="coef"),
        cov=pd.DataFrame(np.nan, index=names, columns=names),
        cov_type=cov_type,
        llf=fit.value,
        llnull=equal_shares(layout),
        llconst=constants_only(layout),
        hessian=fit.hessian,
        fixed=tuple(name for name in names if name in fixed),
        convergence=fit.convergence,
        simulation=_simulation(fit),
        notes=(*_notes(model, likelihood, table), *fit.likelihood.remarks(fit.params)),
        _likelihood=fit.likelihood,
    )
    note = condition_note(results) if fit.convergence.converged else ""
    if note:
        results = replace(results, notes=(*results.notes, note))
    if not fit.convergence.converged:
        text = f"{fit.convergence.message}. Cure: {fit.convergence.cure}"
        warnings.warn(f"The fit did not converge: {text}", ConvergenceWarning, stacklevel=3)
    return results.with_cov(cov_type, groups)


def _require_seed(seed: object) -> None:
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not (whole and 0 <= int(seed) < 2**63):  # type: ignore[call-overload]
        raise SpecificationError(f"seed must be a whole number from 0 to 2**63 - 1, not {seed!r}.")


def _simulation(fit: Fit) -> Simulation | None:
    plan = fit.likelihood.plan
    if plan is None:
        return None
    return Simulation(
        plan.method,
        plan.kind,
        plan.draws,
        plan.seed,
        simulation_spread(fit),
        plan.n_exact,
        plan.n_simulated,
        plan.n_approximate,
    )


def _notes(model: ChoiceModel, likelihood: Likelihood, table: ParameterTable) -> tuple[str, ...]:
    """What a reader should know: normalisation, weak identification, cases left out."""
    notes = [model.bound.normalisation] if model.bound.normalisation else []
    checks = exclusion_checks(likelihood, table, model.design.describe())
    notes += [str(check) for check in checks if check.severity == "weak"]
    for finding in model.data.dropped:
        plural = "" if finding.count == 1 else "s"
        notes.append(f"Left out, {finding.count:,} {finding.unit}{plural}: {finding.message}")
    return tuple(notes)
