"""How well predicted probabilities agree with what happened, in the sample and out of it."""

from __future__ import annotations

from typing import Any

from choicekit.report.compare import Comparison
from choicekit.report.cross_validation import cross_validation_tables
from choicekit.report.export import Table
from choicekit.report.format import fixed_point
from choicekit.report.page.blocks import Block, Picture, Section, Text
from choicekit.report.plots.calibration import calibration

__all__ = ["calibration_section"]


def calibration_section(comparison: Comparison) -> Section:
    """Scores and calibration, in the sample and, after a cross-validation, out of it."""
    names = ", ".join(comparison.names)
    caption = (
        "Probabilities of all alternatives in ten bins of equal size: mean probability and share "
        "chosen, with 95% intervals of what chance alone leaves open. On the dashed line, what has "
        "a probability of 30% is chosen in 30% of the cases."
    )
    blocks: list[Block] = [
        Picture(
            "calibration",
            lambda: calibration(comparison),
            caption,
            f"Calibration of {names}: share chosen against predicted probability.",
        ),
        _scores(comparison),
    ]
    unseen = comparison.cross_validation
    if unseen is None:
        text = (
            "These are the cases the models were estimated on. compare(..., folds=10) judges them "
            "by people left out as well."
        )
        return Section("Calibration", "calibration", (*blocks, Text(text, "aside")))
    blocks += [
        Picture(
            "calibration-unseen",
            lambda: calibration(unseen),
            f"The same for people left out when the models were estimated ({unseen.n_folds} "
            "folds).",
            f"Calibration of {names} for people left out.",
        ),
        *cross_validation_tables(unseen),
    ]
    return Section("Calibration", "calibration", tuple(blocks))


def _scores(comparison: Comparison) -> Table:
    """Log score, Brier score and hit rate in the sample."""
    fits: list[Any] = list(comparison._fits.values())
    rows = [
        ("Log-likelihood a case", *(fixed_point(fit.log_score(), 4) for fit in fits)),
        ("Brier score", *(fixed_point(fit.brier(), 4) for fit in fits)),
        ("Likeliest alternative was chosen", *(f"{100 * fit.hit_rate():.1f}%" for fit in fits)),
    ]
    note = "In the sample. The Brier score lies between 0 and 2; lower is better."
    return Table("Scores", ("", *comparison.names), tuple(rows), note)
