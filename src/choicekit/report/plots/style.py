"""What all pictures share: an Axes to draw on, colours and marks, labels that fit.

The colours are those of Okabe & Ito (2008), told apart by colour-blind readers; every model also
has its own marker, line and hatch, so that a black-and-white print says the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from choicekit.report.facts import model_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from choicekit.post.base import Fitted

__all__ = [
    "ACTUAL",
    "INK",
    "SOFT",
    "Mark",
    "axes_of",
    "finish",
    "legend_below",
    "mark",
    "named_fits",
    "offsets",
    "plain",
    "short",
    "zero_line",
]

INK, SOFT, ACTUAL = "#1c2430", "#5b6675", "#d3d8df"
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a0568a", "#56b4e9", "#8a6d00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES: tuple[Any, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1.3)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 1, 1, 1, 1, 1)),
    (0, (8, 3)),
    (0, (2, 2)),
)
LONGEST = 26
LETTER, MARK = 0.075, 9  # inches of a letter of a legend, and letters that its mark takes
TITLE_WIDTH = 58


@dataclass(frozen=True)
class Mark:
    """How one model or alternative is drawn everywhere.

    Attributes
    ----------
    colour, marker, line, face
        As matplotlib takes them; ``face`` is the inside of the marker.
    """

    colour: str
    marker: str
    line: Any
    face: str


def mark(position: int) -> Mark:
    """Return the mark of the model or alternative at a position.

    After seven they come again with hollow markers.
    """
    k = position % len(_COLOURS)
    face = _COLOURS[k] if position < len(_COLOURS) else "white"
    return Mark(_COLOURS[k], _MARKERS[k], _LINES[k], face)


def axes_of(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return ``ax``, or an Axes of a new figure of this size in inches.

    The figure is made without pyplot: nothing keeps it alive and no window opens.
    """
    if ax is not None:
        return ax
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.09)  # type: ignore[union-attr,call-arg]
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def finish(ax: Axes, title: str, xlabel: str = "", ylabel: str = "", grid: str = "x") -> Axes:
    """Set the texts and take away what is not data."""
    title = "\n".join(textwrap.wrap(title, TITLE_WIDTH))
    ax.set_title(plain(title), loc="left", fontsize=10.5, color=INK, pad=9, fontweight="bold")
    ax.set_xlabel(plain(xlabel), fontsize=9, color=INK)
    ax.set_ylabel(plain(ylabel), fontsize=9, color=INK)
    ax.tick_params(labelsize=8.5, colors=INK, length=3, color=SOFT)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(SOFT)
    if grid:
        ax.grid(visible=True, axis=grid, color="#e3e7ec", linewidth=0.7)  # type: ignore[arg-type]
        ax.set_axisbelow(True)
    return ax


def legend_below(ax: Axes, order: Sequence[str], title: str = "") -> None:
    """Put the legend below the axes, where it hides nothing; none for a single entry."""
    if len(order) < 2:
        return
    from matplotlib.transforms import ScaledTranslation

    drawn = dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    labels = [label for label in order if label in drawn]
    handles = [drawn[label] for label in labels]
    figure = ax.figure.canvas.figure  # the outermost, in every version of matplotlib
    room = ax.get_window_extent().width / figure.dpi / LETTER
    columns = len(labels)
    while columns > 1 and _width(labels, columns) > room:  # the axes would shrink to make room
        columns -= 1
    # below the tick labels and the lines of the axis label, whatever the height of the axes
    down = 22 + 13 * (ax.get_xlabel().count("\n") + 1 if ax.get_xlabel() else 0)
    shift = ScaledTranslation(0.0, -down / 72.0, figure.dpi_scale_trans)
    ax.legend(
        handles,
        labels,
        title=title or None,
        title_fontsize=8.5,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        bbox_transform=ax.transAxes + shift,
        ncols=columns,
        fontsize=8.5,
        frameon=False,
        borderaxespad=0.0,
        handlelength=2.6,
        labelcolor=INK,
    )


def _width(labels: Sequence[str], columns: int) -> int:
    """Letters that a legend of so many columns takes, its marks included."""
    rows, more = divmod(len(labels), columns)  # the first columns have a row more
    total, k = 0, 0
    for column in range(columns):
        size = rows + (column < more)
        total += MARK + max(map(len, labels[k : k + size]))
        k += size
    return total


def zero_line(ax: Axes, vertical: bool = True) -> None:
    """Draw the line of no effect."""
    draw = ax.axvline if vertical else ax.axhline
    draw(0.0, color=SOFT, linewidth=0.9, zorder=1)


def offsets(count: int, room: float = 0.6) -> list[float]:
    """Spread ``count`` marks of one row over ``room`` of its height, the first on top."""
    if count == 1:
        return [0.0]
    step = min(room / (count - 1), 0.26)
    return [step * (k - (count - 1) / 2) for k in range(count)]


def plain(text: object) -> str:
    """Keep dollar signs from being read as mathematics."""
    return str(text).replace("$", r"\$")


def short(text: object, width: int = LONGEST) -> str:
    """Break a long label over two lines at most, and end it with dots if that is not enough."""
    lines = textwrap.wrap(str(text), width, break_on_hyphens=False)
    if len(lines) > 2:
        lines = [lines[0], lines[1][: width - 1].rstrip() + "…"]
    return plain("\n".join(lines))


def named_fits(fits: Any, names: Sequence[str] | None = None) -> dict[str, Fitted]:
    """Read a fit, several in a sequence or by name, or a `Comparison`, as fits by name.

    Raises
    ------
    SpecificationError
        There are no fits, something is no fit, or the names are not as many and different.
    """
    held = getattr(fits, "_fits", fits)
    if isinstance(held, Mapping):
        several = list(held.values())
        labels = list(map(str, held)) if names is None else model_labels(several, names)
    else:
        several = list(held) if isinstance(held, Iterable) else [held]
        labels = model_labels(several, names)
    model_labels(several, labels)  # each of them is a fit
    return dict(zip(labels, several, strict=True))
