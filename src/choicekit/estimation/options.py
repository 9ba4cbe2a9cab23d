"""Checks of the options of a fit, before anything is computed."""

from __future__ import annotations

import numpy as np

from choicekit.estimation.maximise import METHODS
from choicekit.exceptions import SpecificationError, unknown

__all__ = ["require_draws", "require_method", "require_seed", "require_starts"]


def require_draws(draws: object) -> bool:
    """Whether the number of draws is to be found; raises for what is no number of draws."""
    if draws == "auto":
        return True
    if draws is None or (isinstance(draws, int | np.integer) and not isinstance(draws, bool)):
        return False
    raise SpecificationError(
        f"draws must be 'auto', a whole number, or None for the error law's own, not {draws!r}."
    )


def require_method(method: object) -> None:
    """Raise SpecificationError, with the choices, for an unknown method."""
    if method not in METHODS:
        raise unknown("method", method, METHODS)


def require_starts(starts: object) -> None:
    """Raise SpecificationError for what is no number of starts."""
    whole = isinstance(starts, int | np.integer) and not isinstance(starts, bool)
    if starts is not None and not (whole and int(starts) >= 1):  # type: ignore[call-overload]
        raise SpecificationError(f"starts must be a whole number of at least 1, not {starts!r}.")


def require_seed(seed: object) -> None:
    """Raise SpecificationError for what is no seed."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not (whole and 0 <= int(seed) < 2**63):  # type: ignore[call-overload]
        raise SpecificationError(f"seed must be a whole number from 0 to 2**63 - 1, not {seed!r}.")
