"""What to know before relying on the numbers: identification and convergence."""

from __future__ import annotations

import numpy as np

from choicekit.estimation.identification.report import listed
from choicekit.post.base import Fitted
from choicekit.report.compare import Comparison
from choicekit.report.export import Table
from choicekit.report.page.blocks import Block, Items, Section, Text

__all__ = ["identification_section"]

EXAMINED_CELLS = 5_000_000  # cases x alternatives x coefficients; beyond, separation takes minutes


def identification_section(comparison: Comparison) -> Section:
    """How each search ended, what the data can tell, and the notes of each fit."""
    rows = []
    for name, fit in comparison._fits.items():
        found = fit.identification()  # type: ignore[attr-defined]
        flattest = listed(found.directions[0].direction.names, 4) if found.directions else "none"
        rows.append(
            (
                name,
                "yes" if fit.convergence.converged else "NO",
                f"{fit.convergence.gradient_norm:.1e}",
                str(fit.convergence.iterations),
                _condition(found.condition),
                flattest,
            )
        )
    header = ("", "converged", "distance", "iterations", "condition", "flattest together")
    note = (
        "Distance from the maximum in standard errors. The condition number of the Hessian on the "
        "correlation scale says how many times flatter the log-likelihood is along the flattest "
        "direction than along the steepest: from about 900 on some parameters are known only "
        "together, from 10,000 on hardly at all (Belsley, Kuh & Welsch 1980)."
    )
    blocks: list[Block] = [Table("Convergence and curvature", header, tuple(rows), note, align="l")]
    for name, fit in comparison._fits.items():
        blocks.append(Text(_examined(fit), lead=f"{name}, before the fit."))
        remarks = [("", str(text)) for text in fit.notes]
        if not fit.convergence.converged:
            remarks.insert(0, ("Not converged.", f"{fit.convergence.message}."))
        if remarks:
            blocks.append(Items(tuple(remarks)))
    return Section("Identification and convergence", "identification", tuple(blocks))


def _condition(value: float) -> str:
    """Write a condition number."""
    if np.isnan(value):
        return "n/a"
    return "infinite" if np.isinf(value) else f"{value:,.0f}" if value < 1e5 else f"{value:.1e}"


def _examined(fit: Fitted) -> str:
    """What the checks before the fit say; on very large data they are left out."""
    layout = fit.model.data.layout
    if layout.n_rows * len(fit.model.design.names) > EXAMINED_CELLS:
        return (
            "The checks of identification were left out, since they would take minutes on these "
            "data; model.identification() runs them."
        )
    found = fit.model.identification(fixed={name: float(fit.params[name]) for name in fit.fixed})
    return " ".join([str(found.verdict), *found.problems, *found.warnings])
