"""Calibration: what has a probability of 30% should be chosen in 30% of the cases.

Axes: C cases, J alternatives, B bins.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.exceptions import SpecificationError, unknown
from choicekit.post.accuracy import Forecast
from choicekit.post.delta import require_alpha

__all__ = ["STRATEGIES", "calibration_curve", "wilson"]

Array = npt.NDArray[np.float64]

STRATEGIES = ("quantile", "uniform")
POOLED = "all"


def calibration_curve(
    found: Forecast,
    bins: int = 10,
    strategy: str = "quantile",
    pooled: bool = False,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Mean probability and share chosen, of cases with like probabilities.

    Parameters
    ----------
    found
        Probabilities and choices.
    bins
        Number of bins of each alternative; those without a case are left out.
    strategy
        ``"quantile"``: as many cases in each bin; ``"uniform"``: bins of equal width.
    pooled
        All alternatives together, each case counting once for each that it could choose.
    alpha
        One minus the level of the intervals.

    Returns
    -------
    DataFrame
        A row a bin: ``alternative``, ``bin``, ``predicted`` (mean probability), ``observed``
        (share chosen), ``low`` and ``high`` (Wilson's interval for the share, from independent
        cases; with weights, as many as have the same variance), ``n`` (cases).
    """
    if isinstance(bins, bool) or not isinstance(bins, int | np.integer) or bins < 1:
        raise SpecificationError(f"bins must be a positive whole number, not {bins!r}.")
    if strategy not in STRATEGIES:
        raise unknown("strategy", strategy, STRATEGIES)
    chosen = found.indicators
    groups: list[tuple[Hashable, npt.NDArray[np.bool_]]]
    if pooled:
        groups = [(POOLED, np.ones(len(found.labels), dtype=np.bool_))]
    else:
        numbers = np.arange(len(found.labels))
        groups = [(label, numbers == j) for j, label in enumerate(found.labels)]
    rows = []
    for label, columns in groups:
        cells = found.available & columns
        p, y = found.probabilities[cells], chosen[cells]
        w = np.broadcast_to(found.weights[:, None], cells.shape)[cells]
        for number, inside in _bins(p, bins, strategy):
            if not w[inside].sum() > 0.0:
                continue
            predicted, observed = (np.average(of[inside], weights=w[inside]) for of in (p, y))
            effective = w[inside].sum() ** 2 / (w[inside] ** 2).sum()
            low, high = wilson(float(observed), float(effective), alpha)
            rows.append((label, number, predicted, observed, low, high, int(inside.sum())))
    names = ["alternative", "bin", "predicted", "observed", "low", "high", "n"]
    return pd.DataFrame(rows, columns=names)


def _bins(p: Array, bins: int, strategy: str) -> list[tuple[int, npt.NDArray[np.bool_]]]:
    """Number of each bin that is not empty, from 1 on, and which cells are inside."""
    edges = np.linspace(0.0, 1.0, bins + 1)
    if strategy == "quantile" and len(p):
        edges = np.unique(np.quantile(p, edges))
    place = np.clip(np.searchsorted(edges, p, side="right") - 1, 0, max(len(edges) - 2, 0))
    return [(int(b) + 1, place == b) for b in np.unique(place)]


def wilson(share: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Interval for a probability from a share of n (Wilson 1927, JASA 22, 209-212)."""
    from scipy.special import ndtri

    z = float(ndtri(1.0 - require_alpha(alpha) / 2.0))
    centre = share + z * z / (2.0 * n)
    half = z * np.sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n))
    scale = 1.0 + z * z / n
    return max(0.0, float((centre - half) / scale)), min(1.0, float((centre + half) / scale))
