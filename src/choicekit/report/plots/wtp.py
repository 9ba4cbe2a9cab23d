"""Willingness to pay: how it is distributed over people, and how well it is known.

Axes: M rows of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.report.plots.style import (
    Mark,
    axes_of,
    finish,
    mark,
    named_fits,
    short,
    zero_line,
)
from choicekit.utility import NeuralDesign, NonlinearDesign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["wtp"]

QUANTILES = ("q05", "q25", "median", "q75", "q95")


@dataclass(frozen=True)
class _Row:
    """One line of the picture: a model, and an alternative or a class of it."""

    label: str
    model: int
    estimate: float
    low: float
    high: float
    people: tuple[float, ...] = ()


def wtp(
    fits: Any,
    x: str,
    price: str,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    unit: float = 1.0,
    method: str | None = None,
    alpha: float = 0.05,
) -> Axes:
    """Draw the willingness to pay for ``unit`` more of ``x``, one row a model.

    A point and a thick line are the estimate and its confidence interval. Where tastes differ
    between people the estimate is that of the median person, and above it a box holds the middle
    half of the people, with lines to the 5% and 95% quantiles.

    Parameters
    ----------
    fits
        A fit, a sequence of fits, a dict by name, or what ``compare`` returned.
    x, price, unit
        As for ``fit.wtp``.
    ax
        Where to draw; an Axes of a new figure by default.
    names
        What to call the models.
    method
        Of the intervals, as for ``fit.wtp``; by default Krinsky-Robb percentiles, and the delta
        method where tastes differ between people, or utilities are not linear in the parameters
        and would be worked out for every draw. A fit without standard errors has no interval.
    alpha
        One minus the level of the intervals.

    Returns
    -------
    Axes

    Raises
    ------
    SpecificationError
        For unknown names and options, or no fits.
    """
    rows: list[_Row] = []
    models = named_fits(fits, names)
    for k, (name, fit) in enumerate(models.items()):
        found: Any = fit
        how = method or ("krinsky-robb" if _quick_to_draw(fit) else "delta")
        table = found.wtp(x, price, how, alpha=alpha, unit=unit).reset_index()
        rows += _rows(table, name, k)
    ax = axes_of(ax, (6.4, 1.4 + 0.5 * len(rows)))
    for place, row in enumerate(rows):
        _draw(ax, row, float(place))
    zero_line(ax)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_yticks(np.arange(len(rows)), [short(row.label) for row in rows])
    amount = "one unit" if abs(unit) == 1.0 else f"{abs(unit):g} units"
    title = f"Willingness to pay for {amount} {'more' if unit > 0 else 'less'} of {x}"
    return finish(ax, title, f"in units of {price}")


def _quick_to_draw(fit: Any) -> bool:
    """Whether there is a distribution of the estimates, and ratios are simple functions of them."""
    linear = not isinstance(fit.model.design, NonlinearDesign | NeuralDesign)
    known = np.isfinite(fit.cov.to_numpy(dtype=np.float64)).all()
    return bool(linear and known and fit.model.mixing is None)


def _rows(table: pd.DataFrame, name: str, model: int) -> list[_Row]:
    """Rows of one model: one for each alternative or class its table tells apart."""
    apart = [c for c in table.columns if c in ("alternative", "class")]
    groups = [((), table)] if not apart else list(table.groupby(apart, sort=False))
    rows = []
    for key, part in groups:
        parts = [str(k) for k in (key if isinstance(key, tuple) else (key,))]
        label = ", ".join([name, *parts])
        if "statistic" in part.columns:
            by = dict(zip(part["statistic"], part.to_dict("records"), strict=True))
            people: tuple[float, ...] = tuple(float(by[q]["estimate"]) for q in QUANTILES)
            one = by["median"]
        else:
            people, one = (), part.to_dict("records")[0]
        ends = float(one["conf_low"]), float(one["conf_high"])
        rows.append(_Row(label, model, float(one["estimate"]), *ends, people))
    return rows


def _draw(ax: Axes, row: _Row, place: float) -> None:
    """Draw one row: people above, the estimate below."""
    style = mark(row.model)
    if row.people:
        _box(ax, row.people, place - 0.14, style)
    below = place + (0.22 if row.people else 0.0)
    ends = [row.low, row.high]
    if np.isfinite(ends).all():
        ax.plot(ends, [below, below], color=style.colour, linewidth=2.6, solid_capstyle="butt")
    ax.plot(
        [row.estimate],
        [below],
        linestyle="none",
        marker=style.marker,
        color=style.colour,
        markeredgecolor="white",
        markersize=7.5,
        label=row.label,
        zorder=4,
    )


def _box(ax: Axes, people: Sequence[float], place: float, style: Mark) -> None:
    """Draw quantiles of the people: 5, 25, 50, 75 and 95 per cent."""
    lowest, low, median, high, highest = people
    ax.plot([lowest, highest], [place, place], color=style.colour, linewidth=0.9, zorder=2)
    ax.barh(
        [place],
        [high - low],
        left=[low],
        height=0.3,
        facecolor="#eef1f5",
        edgecolor=style.colour,
        linewidth=0.9,
        zorder=3,
    )
    ax.plot(
        [median, median], [place - 0.15, place + 0.15], color=style.colour, linewidth=1.6, zorder=5
    )
