"""Whether a fit predicts: tests of its assumptions, calibration, cross-validation.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from choicekit.results.decisions import Decisions

__all__ = ["Validation"]


class Validation(Decisions):
    """Tests of the independence from irrelevant alternatives, calibration, held-out scores."""
