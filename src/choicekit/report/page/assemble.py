"""From a comparison to the sections of its report."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from choicekit.exceptions import SpecificationError
from choicekit.report.compare import Comparison
from choicekit.report.page.basis import appendix_section, data_section, models_section
from choicekit.report.page.behaviour import elasticity_section, share_section, wtp_section
from choicekit.report.page.blocks import Page
from choicekit.report.page.estimates import coefficient_section, fit_section, simulation_section
from choicekit.report.page.opening import summary_section
from choicekit.report.page.reliance import identification_section
from choicekit.report.page.substitution import (
    find_substitution,
    substitution_finding,
    substitution_section,
)
from choicekit.report.page.validation import calibration_section
from choicekit.report.page.write import require_suffix, write_page
from choicekit.report.scales import sounds_like_money

__all__ = ["ReportOptions", "report_page", "write_report"]


# Every pair of alternatives is predicted for each case, at every draw: so much takes seconds.
CELLS, DRAWN_CELLS = 40_000, 6_000_000
LEAST, MOST = 100, 2000


@dataclass(frozen=True)
class ReportOptions:
    """The arguments of ``Comparison.report``, which documents them."""

    title: str | None = None
    date: str = ""
    price: str | None = None
    wtp: Sequence[str] | None = None
    elasticities: Sequence[Hashable] | None = None
    most_cases: int | None = None


def report_page(comparison: Comparison, options: ReportOptions) -> Page:
    """Put the sections together; the summary comes first and is written last."""
    if not comparison._fits:
        raise SpecificationError(
            "This comparison does not hold its fits, so there is no full report of it. Cure: "
            "compare(...) again, or save() for the tables alone."
        )
    several, most_cases = len(comparison.names) > 1, options.most_cases
    if most_cases is None:
        most_cases = affordable_cases(comparison)
    substitution = find_substitution(comparison, most_cases)
    sections = [
        data_section(comparison),
        models_section(comparison),
        coefficient_section(comparison),
        fit_section(comparison),
        simulation_section(comparison),
        substitution_section(substitution),
        share_section(comparison),
        calibration_section(comparison),
        elasticity_section(comparison, options.elasticities, most_cases),
        wtp_section(comparison, options.price or default_price(comparison), options.wtp),
        identification_section(comparison),
        appendix_section(comparison),
    ]
    summary = summary_section(comparison, substitution_finding(substitution))
    default = (
        f"Choice models compared: {', '.join(comparison.names)}" if several else comparison.title
    )
    return Page(
        title=options.title or default,
        subtitle=comparison.sample,
        date=options.date,
        warnings=comparison.warnings,
        sections=(summary, *(section for section in sections if section is not None)),
    )


def affordable_cases(comparison: Comparison) -> int:
    """Cases that the sections which predict every pair of alternatives can take in seconds."""
    cells = CELLS
    for fit in comparison._fits.values():
        if fit.simulation is not None and fit.simulation.n_simulated:
            cells = min(cells, DRAWN_CELLS // fit.simulation.draws)
    return int(min(MOST, max(LEAST, cells // len(comparison.shares) ** 2)))


def default_price(comparison: Comparison) -> str | None:
    """The coefficient that ratios are taken to, if it sounds like money."""
    denominator = comparison.ratio_to
    return denominator if denominator is not None and sounds_like_money(denominator) else None


def write_report(
    comparison: Comparison, path: str | os.PathLike[str], options: ReportOptions
) -> Path:
    """Write the full report; see ``Comparison.report``."""
    target = Path(path)
    require_suffix(target)  # before the work
    return write_page(report_page(comparison, options), target)
