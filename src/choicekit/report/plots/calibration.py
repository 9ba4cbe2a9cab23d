"""Predicted probabilities against what happened.

Axes: B bins.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.exceptions import unknown
from choicekit.report.cross_validation import CrossValidation
from choicekit.report.plots.style import (
    SOFT,
    axes_of,
    finish,
    legend_below,
    mark,
    named_fits,
    short,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SIZE", "calibration", "draw_calibration"]

SIZE = (5.2, 4.6)


def calibration(
    fits: Any,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    alternative: Hashable | None = None,
    bins: int = 10,
    alpha: float = 0.05,
) -> Axes:
    """Draw the share chosen against the probability predicted, in bins of like probabilities.

    On the diagonal what has a probability of 30% is chosen in 30% of the cases. The whiskers are
    Wilson's intervals: what chance alone leaves open.

    Parameters
    ----------
    fits
        A fit, a sequence of fits, a dict by name, what ``compare`` returned; or what
        ``cross_validate`` returned: then the probabilities are those of people left out.
    ax
        Where to draw; an Axes of a new figure by default.
    names
        What to call the models.
    alternative
        Whose probabilities; all together by default.
    bins
        Number of bins with as many probabilities each.
    alpha
        One minus the level of the whiskers.

    Returns
    -------
    Axes

    Raises
    ------
    SpecificationError
        For an unknown alternative, or no fits.
    """
    pooled = alternative is None
    curves: dict[str, pd.DataFrame] = {}
    if isinstance(fits, CrossValidation):
        table = fits.calibration_curve(bins, pooled=pooled, alpha=alpha)
        curves = {name: table[table["model"] == name] for name in fits.names}
    else:
        for name, fit in named_fits(fits, names).items():
            found: Any = fit
            curves[name] = found.calibration_curve(bins=bins, pooled=pooled, alpha=alpha)
    if not pooled:
        labels = list(dict.fromkeys(next(iter(curves.values()))["alternative"]))
        if alternative not in labels:
            raise unknown("alternative", alternative, labels)
        curves = {n: curve[curve["alternative"] == alternative] for n, curve in curves.items()}
    of = "" if alternative is None else f" of {alternative}"
    where = ", people left out" if isinstance(fits, CrossValidation) else ""
    return draw_calibration(axes_of(ax, SIZE), curves, f"Calibration{of}{where}")


def draw_calibration(ax: Axes, curves: Mapping[str, pd.DataFrame], title: str) -> Axes:
    """Draw tables of bins by model, as ``fit.calibration_curve`` gives them."""
    ax.plot([0, 1], [0, 1], color=SOFT, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    highest = 0.0
    for k, (name, curve) in enumerate(curves.items()):
        _draw(ax, curve, k, short(name, 40))
        highest = max(highest, float(curve[["predicted", "observed", "high"]].to_numpy().max()))
    end = min(1.0, highest * 1.04)
    ax.set_xlim(0.0, end)
    ax.set_ylim(0.0, end)
    ax.set_aspect("equal")
    finish(ax, title, "predicted probability", "share chosen", grid="both")
    legend_below(ax, [short(name, 40) for name in curves])
    return ax


def _draw(ax: Axes, curve: pd.DataFrame, position: int, label: str) -> None:
    """Draw the bins of one model."""
    style = mark(position)
    share = curve["observed"].to_numpy()
    spread = np.array([share - curve["low"].to_numpy(), curve["high"].to_numpy() - share])
    ax.errorbar(
        curve["predicted"].to_numpy(),
        share,
        yerr=np.maximum(spread, 0.0),
        color=style.colour,
        marker=style.marker,
        markerfacecolor=style.face,
        markersize=5.5,
        linestyle=style.line,
        linewidth=1.0,
        elinewidth=0.9,
        capsize=0,
        label=label,
        zorder=3 + position,
    )
