"""Choice probabilities along an attribute, with confidence bands.

Axes: C cases, J alternatives, P parameters, G values of the attribute.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean, unknown
from choicekit.post.base import Fitted
from choicekit.post.delta import require_alpha, standard_errors
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

    from choicekit.data.choicedata import ChoiceData

__all__ = ["MOST_CASES", "Curves", "probability_curve", "probability_curves", "some_cases"]

Float = NDArray[np.float64]

MOST_CASES = 400
FEW = 6  # values that are drawn as points, not as a curve


@dataclass(frozen=True)
class Curves:
    """Mean choice probabilities at values of one attribute.

    Attributes
    ----------
    values
        Of the attribute, (G,).
    probabilities, low, high
        Mean over the cases of each alternative's probability, and the ends of its confidence
        interval, (G, J).
    observed
        Values of the attribute in the data.
    """

    values: Float
    probabilities: Float
    low: Float
    high: Float
    observed: Float


def probability_curve(
    fits: Any,
    column: str,
    ax: Axes | None = None,
    *,
    alternative: Hashable | None = None,
    of: Sequence[Hashable] | None = None,
    values: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    alpha: float = 0.05,
    most_cases: int = MOST_CASES,
) -> Axes:
    """Draw how probabilities change with an attribute, everything else as it was observed.

    Every case gets each value of the attribute in turn, and the probabilities are averaged over
    the cases (sample enumeration, Train 2009, section 2.6). Bands are delta-method intervals on
    the scale of log-odds, so they stay between 0 and 1.

    Parameters
    ----------
    fits
        A fit: a line for every alternative. Several (sequence, dict by name, or what ``compare``
        returned): a line for every model.
    column
        Column of the data.
    ax
        Where to draw; an Axes of a new figure by default.
    alternative
        Whose column changes; by default that of all alternatives, for covariates of the case.
    of
        Alternatives whose probabilities are drawn: all by default; with several models the one
        that changes.
    values
        Of the attribute; by default 25 from the smallest to the largest observed, or all of them
        if there are at most six.
    names
        What to call the models.
    alpha
        One minus the level of the bands.
    most_cases
        At most so many cases, evenly spaced, are averaged over.

    Returns
    -------
    Axes
        Ticks along the bottom are observed values of the attribute.

    Raises
    ------
    SpecificationError
        The column is not there, not numeric or used by no model; an alternative is unknown; or
        it is not clear whose probabilities to draw.
    """
    models = named_fits(fits, names)
    labels = list(next(iter(models.values())).model.data.alternatives)
    for label in [] if alternative is None else [alternative]:
        if label not in labels:
            raise unknown("alternative", label, labels)
    shown = _shown(labels, alternative, of, len(models))
    ax = axes_of(ax, (6.4, 4.0 + 0.09 * max(0, len(models) * len(shown) - 6)))
    lines: list[str] = []
    for name, fit in models.items():
        found = probability_curves(fit, column, alternative, values, alpha, most_cases)
        for label in shown:
            text = str(label) if len(models) == 1 else name
            if len(models) > 1 and len(shown) > 1:
                text = f"{name}: {label}"
            _draw(ax, found, labels.index(label), len(lines), short(text, 40))
            lines.append(short(text, 40))
    observed = np.unique(found.observed)
    ax.plot(
        observed,
        np.full(len(observed), 0.012),
        linestyle="none",
        marker="|",
        color=SOFT,
        markersize=5,
        alpha=0.5,
        transform=ax.get_xaxis_transform(),
        zorder=1,
    )
    ax.set_ylim(bottom=0.0)
    whose = "" if alternative is None else f" of {alternative}"
    title = f"Probabilities along {column}{whose}"
    if len(shown) == 1:
        along = f"its {column}" if shown == [alternative] else f"{column}{whose}"
        title = f"Probability of {shown[0]} along {along}"
    return _finished(ax, title, f"{column}{whose}", lines)


def _finished(ax: Axes, title: str, xlabel: str, lines: Sequence[str]) -> Axes:
    finish(ax, title, xlabel, "mean choice probability", grid="both")
    legend_below(ax, lines)
    return ax


def _shown(
    labels: Sequence[Hashable],
    alternative: Hashable | None,
    of: Sequence[Hashable] | None,
    n_models: int,
) -> list[Hashable]:
    """Choose the alternatives whose probabilities are drawn."""
    if of is not None:
        wanted: list[Hashable] = [of] if isinstance(of, str) else list(of)
        for label in wanted:
            if label not in labels:
                raise unknown("of", label, labels)
        return wanted
    if n_models == 1:
        return list(labels)
    if alternative is None:
        raise SpecificationError(
            f"{n_models} models times {len(labels)} alternatives are too many lines. Cure: name "
            "the alternative to draw, of=..."
        )
    return [alternative]


def _draw(ax: Axes, found: Curves, j: int, position: int, label: str) -> None:
    """Draw one line with its band, or points with whiskers where there are few values."""
    style = mark(position)
    p, low, high = found.probabilities[:, j], found.low[:, j], found.high[:, j]
    if len(found.values) <= FEW:
        spread = np.array([p - low, high - p])
        ax.errorbar(
            found.values,
            p,
            yerr=np.nan_to_num(spread),
            color=style.colour,
            marker=style.marker,
            markerfacecolor=style.face,
            linestyle=style.line,
            linewidth=1.2,
            capsize=2.5,
            label=label,
        )
        return
    ax.fill_between(found.values, low, high, color=style.colour, alpha=0.16, linewidth=0)
    every = max(1, len(found.values) // 5)
    ax.plot(
        found.values,
        p,
        color=style.colour,
        linestyle=style.line,
        linewidth=1.8,
        marker=style.marker,
        markevery=(position % every, every),
        markersize=4.5,
        markerfacecolor=style.face,
        label=label,
    )


def probability_curves(
    fit: Fitted,
    column: str,
    alternative: Hashable | None = None,
    values: Sequence[float] | None = None,
    alpha: float = 0.05,
    most_cases: int = MOST_CASES,
) -> Curves:
    """Compute what `probability_curve` draws."""
    from scipy.special import expit, logit, ndtri

    require_alpha(alpha)
    data = some_cases(fit.model.data, most_cases)
    rows = np.ones(data.n_rows, dtype=np.bool_)
    if alternative is not None:
        rows = data.layout.alt == list(data.alternatives).index(alternative)
    observed = _column(fit, data, column)[rows]
    grid = _grid(observed) if values is None else np.asarray(values, dtype=np.float64)
    params, cov = fit.params.to_numpy(dtype=np.float64), fit.cov.to_numpy(dtype=np.float64)
    choices = fit.choices(data)
    weights = data.layout.weights
    means, errors = [], []
    for value in grid:
        changed = data.frame[column].to_numpy(dtype=np.float64, copy=True)
        changed[rows] = value
        moved = replace(data, frame=data.frame.assign(**{column: changed}))
        p, slopes = choices.at(fit.model.likelihood(moved)).jacobian(params)
        means.append(np.average(p, axis=0, weights=weights))
        errors.append(standard_errors(np.average(slopes, axis=0, weights=weights), cov))
    p, error = np.array(means), np.array(errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        half = float(ndtri(1.0 - alpha / 2.0)) * error / (p * (1.0 - p))
        low, high = expit(logit(p) - half), expit(logit(p) + half)
    return Curves(grid, p, low, high, observed)


def some_cases(data: ChoiceData, most: int) -> ChoiceData:
    """At most so many cases, evenly spaced, the same every time."""
    if data.n_cases <= most:
        return data
    return data.select(np.unique(np.linspace(0, data.n_cases - 1, most).round().astype(np.int64)))


def _column(fit: Fitted, data: ChoiceData, column: str) -> Float:
    """Values (L,) of a numeric column that the model uses."""
    if column not in data.frame.columns:
        hint = did_you_mean(column, data.frame.columns)
        raise SpecificationError(f"The data have no column {column!r}.{hint}")
    membership = fit.model.membership
    used = {*fit.model.design.columns, *(() if membership is None else membership.columns)}
    mixing = fit.model.mixing
    used |= {name for _, name in getattr(mixing, "shifts", ())}
    if column not in used:
        known = ", ".join(sorted(map(str, used)))
        raise SpecificationError(
            f"The model does not use the column {column!r}, so nothing changes along it. It uses "
            f"{known}."
        )
    if not pd.api.types.is_numeric_dtype(data.frame[column]):
        raise SpecificationError(f"The column {column!r} is not numeric.")
    return data.frame[column].to_numpy(dtype=np.float64)


def _grid(observed: Float) -> Float:
    """Few values themselves, else 25 between the smallest and the largest, (G,)."""
    distinct = np.unique(observed)
    return distinct if len(distinct) <= FEW else np.linspace(distinct[0], distinct[-1], 25)
