"""Estimates with their confidence intervals, several models side by side.

Axes: P parameters, K coefficients of the utility.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.exceptions import unknown
from choicekit.post.base import Fitted, class_count
from choicekit.post.delta import require_alpha
from choicekit.report.facts import parameter_groups
from choicekit.report.plots.style import (
    SOFT,
    axes_of,
    finish,
    legend_below,
    mark,
    named_fits,
    offsets,
    short,
    zero_line,
)
from choicekit.report.scales import coefficient_table, scaled_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SCALES", "coefficients", "regressor_spread"]

SCALES = ("estimate", "errors", "spread")
_LABELS = {
    "estimate": "estimate",
    "errors": "estimate / standard deviation of the errors",
    "spread": "effect of one standard deviation,\nin standard deviations of the errors",
}


def coefficients(
    fits: Any,
    ax: Axes | None = None,
    *,
    names: Sequence[str] | None = None,
    scale: str | None = None,
    parameters: Sequence[str] | None = None,
    alpha: float = 0.05,
) -> Axes:
    """Draw estimates as points and confidence intervals as lines.

    Parameters
    ----------
    fits
        A fit, a sequence of fits, a dict by name, or what ``compare`` returned.
    ax
        Where to draw; an Axes of a new figure by default.
    names
        What to call the models.
    scale
        ``"estimate"``: as estimated; ``"errors"``: utility coefficients over the standard
        deviation of the errors, so that a logit and a probit are in the same units;
        ``"spread"``: these times the standard deviation of the regressor within choice sets, so
        that large and small units can be seen together. By default the first for one model, the
        second for several.
    parameters
        Which, in the order wanted; by default all of the utility (``"estimate"``: all).
    alpha
        One minus the level of the intervals, which are normal ones.

    Returns
    -------
    Axes
        One row a parameter, from the top.

    Raises
    ------
    SpecificationError
        For an unknown scale or parameter, an impossible ``alpha``, or no fits.
    """
    from scipy.special import ndtri

    models = named_fits(fits, names)
    scale = scale or ("estimate" if len(models) == 1 else "errors")
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    require_alpha(alpha)
    values, errors = _on_scale(models, scale)
    if parameters is not None:
        for name in parameters:
            if name not in values.index:
                raise unknown("parameters", name, list(values.index))
        values, errors = values.loc[list(parameters)], errors.loc[list(parameters)]
    half = float(ndtri(1.0 - alpha / 2.0)) * errors
    ax = axes_of(ax, (6.4, 1.3 + 0.17 * len(values) * max(1.8, 0.8 * len(models))))
    place = np.arange(len(values), dtype=np.float64)
    for k, (name, shift) in enumerate(zip(models, offsets(len(models)), strict=True)):
        style = mark(k)
        known = np.isfinite(values[name].to_numpy())
        ax.errorbar(
            values[name].to_numpy(dtype=np.float64)[known],
            place[known] + shift,
            xerr=np.nan_to_num(half[name].to_numpy(dtype=np.float64)[known]),
            fmt=style.marker,
            color=style.colour,
            markerfacecolor=style.face,
            markersize=5,
            elinewidth=1.4,
            capsize=0,
            label=short(name, 40),
        )
    zero_line(ax)
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.set_yticks(place, [short(name) for name in values.index])
    finish(ax, f"Coefficients and {100 * (1.0 - alpha):g}% confidence intervals", _LABELS[scale])
    _separate_groups(ax, list(models.values()), list(values.index))
    legend_below(ax, [short(name, 40) for name in models])
    return ax


def _on_scale(fits: Mapping[str, Fitted], scale: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values and standard errors, (parameters x models); NaN where a model lacks one."""
    order = list(parameter_groups(list(fits.values())))
    if scale == "estimate":
        table, value = coefficient_table(fits, order), "estimate"
    else:
        table, value = scaled_table(fits, order), "scaled"
    values = pd.DataFrame({name: table[name, value] for name in fits})
    errors = pd.DataFrame({name: table[name, "std_error"] for name in fits})
    if scale == "spread":
        for name, fit in fits.items():
            spread = regressor_spread(fit).reindex(values.index)
            values[name], errors[name] = values[name] * spread, errors[name] * spread
    return values, errors


def regressor_spread(fit: Fitted) -> pd.Series[Any]:
    """Standard deviation (K,) of each regressor within choice sets, by coefficient.

    The mean over cases of the variance between the alternatives of a case, all equally likely.
    """
    design, data = fit.model.design, fit.model.data
    information = np.diag(np.asarray(fit.model.information, dtype=np.float64))
    spread = np.sqrt(np.maximum(information[: len(design.names)], 0.0) / data.n_cases)
    if not class_count(fit):
        return pd.Series(spread, index=list(design.names))
    classes = fit.model.bound_mixing
    found = {
        classes.coefficients_of_all[int(p)]: float(sd)
        for row in classes.index
        for p, sd in zip(row, spread, strict=True)
    }
    return pd.Series(found)


def _separate_groups(ax: Axes, fits: Sequence[Fitted], shown: Sequence[str]) -> None:
    """Draw a thin line between kinds of coefficients that follow each other."""
    groups = parameter_groups(fits)
    for row, (above, below) in enumerate(pairwise(shown)):
        if groups[above] != groups[below]:
            ax.axhline(row + 0.5, color=SOFT, linewidth=0.6, linestyle=(0, (1, 3)), zorder=0)
