"""Numbers as text: as many digits as they deserve, the same everywhere."""

from __future__ import annotations

import math

__all__ = [
    "decimals_for",
    "duration",
    "estimate",
    "fixed_point",
    "loglik",
    "probability",
    "with_error",
]

MISSING = "n/a"


def decimals_for(value: float, error: float) -> int:
    """Return how many decimals show ``value``: three digits of its standard error.

    Without a standard error: four significant digits.
    """
    if math.isfinite(error) and error > 0:
        return min(max(2 - math.floor(math.log10(error)), 0), 10)
    if math.isfinite(value) and value != 0:
        return min(max(3 - math.floor(math.log10(abs(value))), 3), 10)
    return 3


def fixed_point(value: float, decimals: int) -> str:
    """Write ``value`` with so many decimals; huge and missing values in their own way."""
    if math.isnan(value):
        return MISSING
    if not math.isfinite(value) or abs(value) >= 1e9:
        return f"{value:.4g}"
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def estimate(value: float, error: float = math.nan) -> str:
    """Write an estimate with the decimals its standard error allows."""
    return fixed_point(value, decimals_for(value, error))


def with_error(value: float, error: float, fixed: bool = False) -> str:
    """Write ``estimate (standard error)``, or ``value (fixed)``."""
    if math.isnan(value):
        return ""
    if fixed:
        return f"{estimate(value)} (fixed)"
    return f"{estimate(value, error)} ({fixed_point(error, decimals_for(value, error))})"


def loglik(value: float | None) -> str:
    """Write a log-likelihood or an information criterion."""
    return MISSING if value is None or math.isnan(value) else f"{value:,.3f}"


def probability(p: float) -> str:
    """Write a p-value."""
    if math.isnan(p):
        return MISSING
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def duration(seconds: float) -> str:
    """Write a time in seconds, minutes or hours."""
    if seconds < 0.095:
        return f"{seconds:.3f} s"
    if seconds < 90:
        return f"{seconds:.2f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
