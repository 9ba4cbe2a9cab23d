"""Where the choices of a withdrawn alternative go, as a heat map.

Axes: J alternatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted
from choicekit.post.diversion import diversion
from choicekit.report.plots.curve import some_cases
from choicekit.report.plots.style import INK, SOFT, axes_of, finish, named_fits, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "MOST_SUBSTITUTED",
    "as_matrix",
    "diversion_matrix",
    "diversion_table",
    "draw_diversion",
    "substitution",
]

MOST_SUBSTITUTED = 2000
ANNOTATED = 14  # alternatives; of more, the numbers would not be legible
LEAST_SHADED = 5.0  # per cent or percentage points
DARK = 0.5  # luminance below which letters are white


def substitution(
    fit: Any,
    ax: Axes | None = None,
    *,
    against: Any = None,
    name: str | None = None,
    most_cases: int = MOST_SUBSTITUTED,
) -> Axes:
    """Draw diversion ratios: where those who chose an alternative go when it is withdrawn.

    Parameters
    ----------
    fit
        A fit.
    ax
        Where to draw; an Axes of a new figure by default.
    against
        Another fit on the same cases: then the differences ``fit`` less ``against`` are drawn, in
        percentage points.
    name
        What to call the model, or the difference, in the title.
    most_cases
        At most so many cases, evenly spaced, are predicted.

    Returns
    -------
    Axes
        A row for each alternative withdrawn, a column for each that gains; in per cent.

    Raises
    ------
    SpecificationError
        For what is no fit, or fits with different alternatives.
    """
    called = named_fits([fit] if against is None else [fit, against])
    matrix = 100 * diversion_matrix(next(iter(called.values())), most_cases)
    title = name or next(iter(called))
    if against is not None:
        other = 100 * diversion_matrix(list(called.values())[1], most_cases)
        if list(other.index) != list(matrix.index):
            raise SpecificationError("The fits have different alternatives.")
        matrix = matrix - other
        title = name or " less ".join(called)
    return draw_diversion(axes_of(ax, _size(matrix)), matrix, title, against is not None)


def draw_diversion(
    ax: Axes, matrix: pd.DataFrame, title: str, signed: bool, most: float | None = None
) -> Axes:
    """Draw a square table (J, J) of percentages, or of differences between two.

    ``most`` is the value of the darkest shade; by default the largest, and for differences at
    least `LEAST_SHADED`, so that models that agree look as if they did.
    """
    _draw(ax, matrix, signed, most)
    labels = [short(label, 18) for label in matrix.index]
    place = np.arange(len(labels))
    slanted = len(labels) > 5 or max(map(len, labels)) > 9
    ax.set_xticks(place, labels, rotation=45 if slanted else 0, ha="right" if slanted else "center")
    ax.set_yticks(place, labels)
    unit = "percentage points" if signed else "per cent"
    finish(ax, f"Substitution, {title}", f"go to ({unit})", "when it is withdrawn", grid="")
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def diversion_matrix(fit: Fitted, most_cases: int = MOST_SUBSTITUTED) -> pd.DataFrame:
    """Diversion ratios (J, J), rows withdrawn, columns gaining; NaN on the diagonal.

    NaN also where two alternatives are never available together.
    """
    return as_matrix(diversion_table(fit, most_cases), list(fit.model.data.alternatives))


def diversion_table(fit: Fitted, most_cases: int = MOST_SUBSTITUTED) -> pd.DataFrame:
    """As ``fit.diversion()``, on at most so many cases, evenly spaced."""
    data = fit.model.data
    if data.n_cases <= most_cases:
        return diversion(fit, None)
    return diversion(fit, some_cases(data, most_cases))


def as_matrix(table: pd.DataFrame, labels: list[Any]) -> pd.DataFrame:
    """Put rows (removed, to) into a square."""
    place = {label: j for j, label in enumerate(labels)}
    values = np.full((len(labels), len(labels)), np.nan)
    rows, columns = table["removed"].map(place), table["to"].map(place)
    values[rows.to_numpy(), columns.to_numpy()] = table["estimate"].to_numpy(dtype=np.float64)
    return pd.DataFrame(values, index=labels, columns=labels)


def _size(matrix: pd.DataFrame) -> tuple[float, float]:
    """Width and height of the picture in inches."""
    cell = 0.62 if len(matrix) <= ANNOTATED else 0.3
    return 2.2 + cell * len(matrix), 1.7 + 0.8 * cell * len(matrix)


def _draw(ax: Axes, matrix: pd.DataFrame, signed: bool, most: float | None) -> None:
    """Colour the cells and write the numbers into them."""
    from matplotlib.colors import LinearSegmentedColormap

    values = matrix.to_numpy(dtype=np.float64)
    known = values[np.isfinite(values)]
    if most is None:
        most = max(float(np.abs(known).max(initial=0.0)), LEAST_SHADED)
    shades = ["#b35806", "#fdf3e6", "#ffffff", "#eef0f7", "#35478c"] if signed else []
    shades = shades or ["#ffffff", "#0b4a86"]
    colours = LinearSegmentedColormap.from_list("diversion", shades).with_extremes(bad="#ffffff")
    image = np.ma.masked_invalid(values)
    low = -most if signed else 0.0
    ax.pcolormesh(
        np.arange(len(values) + 1) - 0.5,
        np.arange(len(values) + 1) - 0.5,
        image,
        cmap=colours,
        vmin=low,
        vmax=most,
        edgecolors="#ffffff",
        linewidth=1.2,
    )
    ax.set_xlim(-0.5, len(values) - 0.5)
    ax.set_ylim(len(values) - 0.5, -0.5)
    for j in range(len(values)):
        for k in range(len(values)):
            if j == k:
                ax.plot([k - 0.12, k + 0.12], [j, j], color=SOFT, linewidth=0.8)
            elif len(values) <= ANNOTATED and np.isfinite(values[j, k]):
                red, green, blue, _ = colours((values[j, k] - low) / (most - low))
                dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < DARK
                ax.text(
                    k,
                    j,
                    _number(values[j, k], signed),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="#ffffff" if dark else INK,
                )


def _number(value: float, signed: bool) -> str:
    """Write a percentage or a difference without decimals."""
    whole = round(value)
    return f"{whole:+d}".replace("-", "\u2212") if signed and whole else f"{whole:d}"
