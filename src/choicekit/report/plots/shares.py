"""Shares of the alternatives, actual and predicted.

Axes: J alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from choicekit.post.calibration import wilson
from choicekit.report.facts import share_table
from choicekit.report.plots.style import (
    ACTUAL,
    SOFT,
    axes_of,
    finish,
    legend_below,
    mark,
    named_fits,
    offsets,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["shares"]


def shares(fits: Any, ax: Axes | None = None, *, names: Sequence[str] | None = None) -> Axes:
    """Draw the actual shares as bars, and what each model predicts as marks on them.

    The whisker of a bar is a 95% interval of the actual share (Wilson 1927), what chance alone
    would leave open; with weights it takes the effective number of cases (Kish 1965).

    Parameters
    ----------
    fits
        A fit, a sequence of fits, a dict by name, or what ``compare`` returned.
    ax
        Where to draw; an Axes of a new figure by default.
    names
        What to call the models.

    Returns
    -------
    Axes
        One row an alternative, from the top; shares in per cent.
    """
    models = named_fits(fits, names)
    known = getattr(fits, "shares", None) if names is None else None
    table = share_table(models) if known is None else known
    weights = next(iter(models.values())).model.data.layout.weights
    n = float(len(next(iter(models.values())).model.data.case_ids))
    if weights is not None:
        n = float(weights.sum() ** 2 / (weights**2).sum())
    ax = axes_of(ax, (6.4, 1.5 + len(table) * max(0.3, 0.14 * len(models) + 0.12)))
    place = np.arange(len(table), dtype=np.float64)
    actual = table["actual"].to_numpy()
    low, high = np.array([wilson(float(share), n) for share in actual]).T
    ax.barh(place, 100 * actual, height=0.8, color=ACTUAL, label="actual", zorder=2)
    ax.hlines(place, 100 * low, 100 * high, color=SOFT, linewidth=1.1, zorder=3)
    for k, (name, shift) in enumerate(zip(models, offsets(len(models), 0.5), strict=True)):
        style = mark(k)
        ax.plot(
            100 * table[name].to_numpy(),
            place + shift,
            linestyle="none",
            marker=style.marker,
            color=style.colour,
            markeredgecolor="white",
            markeredgewidth=0.6,
            markersize=6.5,
            label=short(name, 40),
            zorder=4,
        )
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(left=0.0)
    ax.set_yticks(place, [short(label) for label in table.index])
    finish(ax, "Shares, actual and predicted", "per cent of the cases")
    legend_below(ax, ["actual", *(short(name, 40) for name in models)])
    return ax
