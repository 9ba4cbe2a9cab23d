"""How well predicted probabilities agree with what happened, in the sample and out of it."""

from __future__ import annotations

from collections.abc import Mapping

from choicekit.post.accuracy import Forecast, brier, forecast, hit_rate, log_score
from choicekit.post.calibration import calibration_curve
from choicekit.report.compare import Comparison
from choicekit.report.cross_validation import cross_validation_tables
from choicekit.report.export import Table
from choicekit.report.format import fixed_point
from choicekit.report.page.blocks import Block, Picture, Section, Text
from choicekit.report.plots.calibration import SIZE, calibration, draw_calibration
from choicekit.report.plots.style import axes_of

__all__ = ["calibration_section"]


def calibration_section(comparison: Comparison) -> Section:
    """Scores and calibration, in the sample and, after a cross-validation, out of it."""
    found = {name: forecast(fit, None) for name, fit in comparison._fits.items()}
    curves = {name: calibration_curve(of, pooled=True) for name, of in found.items()}
    names = ", ".join(comparison.names)
    caption = (
        "Probabilities of all alternatives in ten bins of equal size: mean probability and share "
        "chosen, with 95% intervals of what chance alone leaves open. On the dashed line, what has "
        "a probability of 30% is chosen in 30% of the cases."
    )
    blocks: list[Block] = [
        Picture(
            "calibration",
            lambda: draw_calibration(axes_of(None, SIZE), curves, "Calibration"),
            caption,
            f"Calibration of {names}: share chosen against predicted probability.",
        ),
        _scores(found),
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


def _scores(found: Mapping[str, Forecast]) -> Table:
    """Log score, Brier score and hit rate in the sample."""
    rows = [
        ("Log-likelihood a case", *(fixed_point(log_score(of), 4) for of in found.values())),
        ("Brier score", *(fixed_point(brier(of), 4) for of in found.values())),
        (
            "Likeliest alternative was chosen",
            *(f"{100 * hit_rate(of):.1f}%" for of in found.values()),
        ),
    ]
    note = "In the sample. The Brier score lies between 0 and 2; lower is better."
    return Table("Scores", ("", *found), tuple(rows), note)
