"""What was estimated: coefficients side by side, fit and tests, the error of simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from choicekit.post.base import simulation_error, simulation_errors
from choicekit.report.compare import Comparison
from choicekit.report.export import Table
from choicekit.report.facts import computation
from choicekit.report.page.blocks import Block, Picture, Section, Text
from choicekit.report.plots.coefficients import coefficients
from choicekit.report.tables import (
    estimates_part,
    fit_part,
    ratios_part,
    scaled_part,
    tests_part,
)

__all__ = ["coefficient_section", "fit_section", "simulation_section"]

MOST_DRAWN = 40


def coefficient_section(comparison: Comparison) -> Section:
    """Estimates as they are, on one scale, as ratios, and drawn."""
    several = len(comparison.names) > 1
    drawn = [name for name in comparison.scaled.index if name in comparison.groups]
    blocks: list[Block] = []
    if 0 < len(drawn) <= MOST_DRAWN:
        blocks.append(
            Picture(
                "coefficients",
                lambda: coefficients(comparison, scale="spread"),
                "Every coefficient as the change of utility that one standard deviation of its "
                "regressor within choice sets makes, in standard deviations of the errors; lines "
                "are 95% confidence intervals. On this scale coefficients can be compared with "
                "each other and between models. Left of the line: less attractive.",
                "Coefficients and confidence intervals of "
                f"{', '.join(comparison.names)}; the numbers are in the tables that follow.",
            )
        )
    else:
        blocks.append(Text(f"{len(drawn)} coefficients are too many for one picture.", "aside"))
    blocks.append(estimates_part(comparison))
    if several:
        blocks.append(scaled_part(comparison))
    if len(comparison.ratios):
        blocks.append(ratios_part(comparison))
    return Section("Coefficients side by side", "coefficients", tuple(blocks))


def fit_section(comparison: Comparison) -> Section:
    """Measures of fit and tests; without the time, which differs from run to run."""
    table = fit_part(comparison)
    rows = tuple(row for row in table.rows if row[0] != "Time")
    blocks: list[Block] = [
        replace(table, title="Measures of fit", rows=rows),
        *([tests_part(comparison)] if len(comparison.tests) else []),
        Text(comparison.verdict, lead="Verdict."),
    ]
    return Section("Which fits better, and how surely", "fit", tuple(blocks))


def simulation_section(comparison: Comparison) -> Section:
    """How far the draws move the log-likelihood and the coefficients, against sampling error."""
    rows, remarks = [], []
    for name, fit in comparison._fits.items():
        errors = simulation_errors(fit)
        if errors is None:
            error = simulation_error(fit)
            rows.append((name, computation(fit), f"{error:.2g}" if error else "none", "none", ""))
            continue
        sampling = fit.bse.to_numpy(dtype=np.float64)
        share = np.where(sampling > 0.0, np.asarray(errors) / sampling, np.nan)
        if not np.isfinite(share).any():
            rows.append((name, computation(fit), f"{simulation_error(fit):.2g}", "n/a", ""))
            continue
        worst = int(np.nanargmax(share))
        rows.append(
            (
                name,
                computation(fit),
                f"{simulation_error(fit):.2g}",
                f"{100 * share[worst]:.1f}%",
                str(fit.params.index[worst]),
            )
        )
        adds = 100 * (np.sqrt(1.0 + share[worst] ** 2) - 1.0)
        remarks.append(
            f"In {name} the draws add at most {adds:.2g}% to a standard error."
            + (" That is little." if adds < 2 else " More draws would reduce it.")
        )
    if not remarks:
        text = (
            "No model was simulated, so repeating the analysis with other draws would change "
            "nothing; the errors shown are those of sampling alone."
        )
        return Section("Simulation error", "simulation", (Text(text),))
    header = ("", "probabilities", "log-likelihood", "worst coefficient", "which")
    note = (
        "Standard error of the log-likelihood from the draws alone, and the largest such error of "
        "a coefficient as a share of its sampling standard error."
    )
    blocks = (Table("What the draws add", header, tuple(rows), note), Text(" ".join(remarks)))
    return Section("Simulation error", "simulation", blocks)
