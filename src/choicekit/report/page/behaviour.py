"""What the models say people would do: shares, substitution, elasticities."""

from __future__ import annotations

from choicekit.report.compare import Comparison
from choicekit.report.page.blocks import Picture, Section
from choicekit.report.plots.shares import shares
from choicekit.report.tables import shares_part

__all__ = ["share_section"]

MOST_DRAWN = 30


def share_section(comparison: Comparison) -> Section:
    """Actual and predicted shares."""
    table = shares_part(comparison)
    if len(comparison.shares) > MOST_DRAWN:
        return Section("Predicted against actual shares", "shares", (table,))
    picture = Picture(
        "shares",
        lambda: shares(comparison),
        "Bars: actual shares, with 95% intervals of what chance alone leaves open. Marks: mean "
        "predicted probabilities. A logit with a constant for every alternative reproduces the "
        "shares of its sample exactly, which proves nothing about it.",
        f"Actual shares and those predicted by {', '.join(comparison.names)}; the numbers are in "
        "the table that follows.",
    )
    return Section("Predicted against actual shares", "shares", (picture, table))
