"""What a fit is made for: willingness to pay, welfare, forecasts, with standard errors.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from choicekit.results.effects import Effects

__all__ = ["Decisions"]


class Decisions(Effects):
    """Willingness to pay, expected utility, scenarios, simulated choices."""
