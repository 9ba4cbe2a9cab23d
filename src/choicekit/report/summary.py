"""The summary of one fit, as statsmodels' users expect it.

Axes: P parameters.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from choicekit.errors.base import APPROXIMATED
from choicekit.post.base import (
    Fitted,
    class_count,
    error_family,
    fixed_names,
    free_count,
    has_network,
    simulation_error,
    simulation_errors,
)
from choicekit.report.export import Table
from choicekit.report.facts import parameter_groups
from choicekit.report.format import (
    decimals_for,
    duration,
    estimate,
    fixed_point,
    loglik,
    probability,
)

__all__ = ["summary_table"]


def summary_table(fit: Fitted, alpha: float = 0.05) -> Any:
    """Summarise a fit.

    Parameters
    ----------
    fit
        A fit.
    alpha
        One minus the level of the confidence intervals.

    Returns
    -------
    statsmodels.iolib.summary.Summary
        With ``as_text``, ``as_html``, ``as_latex`` and ``as_csv``. A fit that did not
        converge says so before anything else.
    """
    from choicekit.report.sheet import Sheet

    warnings = []
    if not fit.convergence.converged:
        warnings.append(
            "WARNING: this fit did not converge, so the numbers below are not estimates: "
            f"{fit.convergence.message}."
        )
        if fit.convergence.cure:
            warnings.append(f"Cure: {fit.convergence.cure}")
    return Sheet(
        warnings=warnings,
        title=error_family(fit).title,
        subtitle=str(fit.model.formula),
        facts=(_left(fit), _right(fit)),
        table=_parameters(fit, alpha),
        notes=[str(note) for note in fit.notes],
    )


def _left(fit: Fitted) -> list[tuple[str, str]]:
    """List what was fitted and how."""
    data = fit.model.data
    convergence, simulation = fit.convergence, fit.simulation
    sizes = data.layout.sizes
    low, high = int(sizes.min()), int(sizes.max())
    index = bool(getattr(fit.model.errors, "index", False))
    facts = [
        ("Dependent variable", str(getattr(fit.model.design, "chosen_name", None) or data.chosen)),
        ("Cases", f"{int(fit.nobs):,}"),
    ]
    if data.layout.person is not None:
        facts.append(("People", f"{int(data.layout.n_people):,}"))
    if class_count(fit):
        facts.append(("Classes", str(class_count(fit))))
    facts.append(("Alternatives", str(len(data.alternatives))))
    if low < high:
        facts.append(("Available in a case", f"{low} to {high}"))
    facts += [
        *([] if index else [("Base alternative", str(fit.model.base))]),
        ("Parameters", str(free_count(fit))),
        ("Standard errors", fit.cov_type),
        ("Optimizer", str(convergence.optimizer)),
        ("Iterations", str(convergence.iterations)),
        ("Time", duration(float(convergence.seconds))),
        ("Converged", "yes" if convergence.converged else "NO"),
    ]
    if simulation is None:
        return [*facts, ("Probabilities", "closed form")]
    if simulation.kind == APPROXIMATED:
        facts += [("Probabilities", "approximated"), ("  by", APPROXIMATED)]
        if simulation.n_exact:
            facts.append(("Cases exact", f"{int(simulation.n_exact):,}"))
        return [*facts, ("Log-likelihood off GHK's by", f"{simulation.llf_se:.2g}")]
    if simulation.method == "exact" or not simulation.n_simulated:
        facts.append(("Probabilities", "exact (quadrature)"))
        return [*facts, ("Quadrature error", f"{simulation.llf_se:.1g}")]
    mixing = simulation.method == "mixing"
    facts.append(("Probabilities", "simulated (mixing)" if mixing else "simulated (GHK)"))
    if simulation.n_exact:
        facts.append(("Cases simulated", f"{int(simulation.n_simulated):,}"))
    return [
        *facts,
        ("Draws", f"{simulation.draws} {simulation.kind}"),
        ("Seed", str(simulation.seed)),
    ]


def _right(fit: Fitted) -> list[tuple[str, str]]:
    """List how well it fits."""
    noise = simulation_error(fit)
    drawn = noise > 0 and fit.simulation.n_simulated > 0
    simulated = f" (sim. s.e. {noise:.2g})" if drawn else ""
    facts = [("Log-likelihood", loglik(float(fit.llf)) + simulated)]
    if fit.llconst is not None:
        facts.append(("  with constants only", loglik(fit.llconst)))
    facts.append(("  with equal shares", loglik(fit.llnull)))
    adjusted = 1.0 - (fit.llf - free_count(fit)) / fit.llnull
    adjusted = math.nan if has_network(fit) else adjusted
    if fit.llconst:
        facts.append(("rho-squared, constants", fixed_point(1.0 - fit.llf / fit.llconst, 4)))
    return [
        *facts,
        ("rho-squared, equal shares", fixed_point(1.0 - fit.llf / fit.llnull, 4)),
        ("  adjusted", fixed_point(adjusted, 4)),
        (f"LR against {_reference(fit)}", fixed_point(float(fit.llr), 3)),
        ("  p-value", probability(float(fit.llr_pvalue))),
        ("AIC", loglik(float(fit.aic))),
        ("BIC", loglik(float(fit.bic))),
    ]


def _reference(fit: Fitted) -> str:
    """Name the model that ``fit.llr`` compares with."""
    constants = fit.llconst is not None and len(fit.model.design.constants) > 0
    if getattr(fit.model.errors, "index", False):
        return "thresholds only"
    return "constants" if constants else "equal shares"


def _parameters(fit: Fitted, alpha: float) -> Table:
    """Coefficients under the headings of their groups."""
    groups = parameter_groups([fit])
    fixed = fixed_names(fit)
    bounds = np.asarray(fit.conf_int(alpha), dtype=np.float64)
    place = {str(name): p for p, name in enumerate(fit.params.index)}
    columns = (fit.params, fit.bse, fit.tvalues, fit.pvalues)
    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    draws = simulation_errors(fit)
    header = ["", "coef", "std err", "z", "P>|z|", f"[{alpha / 2:g}", f"{1 - alpha / 2:g}]"]
    if draws is not None:
        header.insert(3, "sim s.e.")
    rows: list[tuple[str, ...]] = []
    several = len(set(groups.values())) > 1
    for name, heading in groups.items():
        if several and (heading,) not in rows:
            rows.append((heading,))
        label = ("  " if several else "") + name
        p = place[name]
        if name in fixed:
            rows.append((label, estimate(values[p, 0]), "fixed", *[""] * (len(header) - 3)))
            continue
        texts = _row(*values[p], *bounds[p])
        if draws is not None:
            # two digits of it, whatever the decimals of the estimate
            texts.insert(2, "n/a" if math.isnan(draws[p]) else f"{draws[p]:.2g}")
        rows.append((label, *texts))
    return Table("Parameters", tuple(header), tuple(rows))


def _row(value: float, error: float, z: float, p: float, low: float, high: float) -> list[str]:
    """Texts of one parameter."""
    decimals = decimals_for(value, error)
    shown = [fixed_point(number, decimals) for number in (value, error)]
    ends = [fixed_point(number, decimals) for number in (low, high)]
    return [*shown, fixed_point(z, 3), "n/a" if math.isnan(p) else f"{p:.3f}", *ends]
