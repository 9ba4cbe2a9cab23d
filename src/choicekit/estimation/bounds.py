"""Least and largest values of parameters, by an active set of those held at one.

The model is fitted without them; estimates beyond a bound are fixed at it and the model is fitted
again; a bound from which the log-likelihood rises inwards is given up, until none is crossed and
none wrongly held (Karush, Kuhn and Tucker's conditions; Nocedal & Wright 2006, chapter 16).

Axes: P parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.fitting import Fit
from choicekit.exceptions import SpecificationError, nearest_name
from choicekit.parameters import ParameterTable

__all__ = ["Bound", "bounded", "clipped", "read_bounds"]

Float = NDArray[np.float64]

INWARD = 1e-3  # slope, in units of the log-likelihood a standard error, that gives up a bound
CROSSED = 1e-9  # of the bound's size: rounding


@dataclass(frozen=True)
class Bound:
    """The range of one parameter; infinite where there is no bound."""

    name: str
    low: float
    high: float

    def nearest(self, value: float) -> float | None:
        """The bound that a value has crossed; None if it has not."""
        if value < self.low - CROSSED * max(1.0, abs(self.low)):
            return self.low
        if value > self.high + CROSSED * max(1.0, abs(self.high)):
            return self.high
        return None


def read_bounds(bounds: Mapping[str, Any], names: Sequence[str]) -> tuple[Bound, ...]:
    """Check bounds by name.

    Raises
    ------
    SpecificationError
        For unknown names, and what is no pair of numbers or None with the lower one first.
    """
    found = []
    for name, pair in bounds.items():
        if name not in names:
            hint = nearest_name(name, list(names))
            raise SpecificationError(f"There is no parameter {name!r} to bound. {hint}")
        try:
            low, high = pair
            low = -np.inf if low is None else float(low)
            high = np.inf if high is None else float(high)
        except (TypeError, ValueError):
            low = high = np.nan
        if not low < high:
            raise SpecificationError(
                f"The bounds of {name!r} must be a pair (least, largest) of numbers or None, with "
                f"the least first, not {pair!r}. Cure: hold a single value with fixed={{...}}."
            )
        found.append(Bound(name, low, high))
    return tuple(found)


def clipped(table: ParameterTable, bounds: Sequence[Bound], given: Mapping[str, float]) -> Float:
    """Starts (P,) inside the bounds.

    Raises
    ------
    SpecificationError
        If one that the user gave, or a fixed value, is outside.
    """
    start = table.start.copy()
    for bound in bounds:
        p = table.names.index(bound.name)
        outside = bound.nearest(start[p])
        if outside is not None and (bound.name in given or table.fixed[p]):
            raise SpecificationError(
                f"{bound.name!r} starts, or is fixed, at {start[p]:g}, beyond its bound "
                f"{outside:g}. Cure: change one of them."
            )
        start[p] = np.clip(start[p], bound.low, bound.high)
    return start


def bounded(
    search: Callable[[ParameterTable, Fit | None], Fit],
    table_of: Callable[[Mapping[str, float]], ParameterTable],
    bounds: Sequence[Bound],
) -> tuple[Fit, ParameterTable, tuple[str, ...]]:
    """Fit within bounds.

    Parameters
    ----------
    search
        Fits a table, starting where another fit ended if one is given.
    table_of
        The table with parameters, by name, held at given values besides those always fixed.
    bounds
        The ranges.

    Returns
    -------
    fit, table, notes
        The fit, the table with the parameters at their bounds fixed, and sentences about them.
    """
    active: dict[str, float] = {}
    seen: set[frozenset[str]] = set()
    fit: Fit | None = None
    while True:
        table = table_of(active)
        fit = search(table, fit)
        seen.add(frozenset(active))
        crossed = {}
        for bound in bounds:
            p = table.names.index(bound.name)
            at = None if table.fixed[p] else bound.nearest(fit.params[p])
            if at is not None:
                crossed[bound.name] = at
        if crossed:
            if table.ties is not None:  # one may hold the others too
                crossed = dict([next(iter(crossed.items()))])
            active = {**active, **crossed}
            if frozenset(active) in seen:
                break  # a set that comes back: no single bound can be given up
            continue
        slopes = {name: _inward(fit, name, active, bounds, table_of) for name in active}
        wrong = max(slopes, key=lambda name: slopes[name], default=None)
        if wrong is None or slopes[wrong] <= INWARD:
            break
        fewer = {name: value for name, value in active.items() if name != wrong}
        if frozenset(fewer) in seen:
            break
        active = fewer
    notes = tuple(
        f"{name!r} is at its bound {value:g}, where it is held: it has no standard error, those of "
        "the others take it as known, and tests at the bound are not chi-squared."
        for name, value in active.items()
    )
    return fit, table, notes


def _inward(
    fit: Fit,
    name: str,
    active: Mapping[str, float],
    bounds: Sequence[Bound],
    table_of: Callable[[Mapping[str, float]], ParameterTable],
) -> float:
    """Slope of the log-likelihood from a bound inwards, in units of one a standard error."""
    freed = table_of({other: value for other, value in active.items() if other != name})
    row = freed.basis[freed.names.index(name)]
    slope = float(row @ freed.pull(fit.likelihood.value_and_gradient(fit.params)[1]))
    scores = freed.pull(fit.likelihood.scores(fit.params)) @ row
    weights = fit.likelihood.weights
    size = float(scores @ (scores if weights is None else scores * weights))
    bound = next(bound for bound in bounds if bound.name == name)
    inwards = 1.0 if active[name] == bound.low else -1.0
    return inwards * slope / np.sqrt(size) if size > 0.0 else 0.0
