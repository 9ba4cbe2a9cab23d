"""The parts a report is made of, whatever it is written in: sections of texts, tables, pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from choicekit.report.export import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Block", "Items", "Page", "Picture", "Section", "Text"]


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes
    ----------
    text
        What it says.
    kind
        ``"text"``, ``"warning"`` or ``"aside"`` (smaller: how a number was made).
    lead
        Words set in bold before it.
    """

    text: str
    kind: str = "text"
    lead: str = ""


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes
    ----------
    items
        Pairs of bold words and text.
    kind
        ``"list"``, or ``"facts"``: names and what they are, side by side.
    code
        Whether a text without bold words is a formula, which goes on from the one before.
    """

    items: tuple[tuple[str, str], ...]
    kind: str = "list"
    code: bool = False


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes
    ----------
    name
        Letters and hyphens, different for every picture of a page: its file and its ids.
    draw
        Called once for each rendering; returns the Axes of the picture.
    caption
        What it shows, below it.
    alt
        What a reader who cannot see it should know.
    """

    name: str
    draw: Callable[[], Axes]
    caption: str
    alt: str


Block = Text | Items | Picture | Table


@dataclass(frozen=True)
class Section:
    """A heading and what follows it.

    Attributes
    ----------
    title, anchor
        The heading, and its name in links.
    blocks
        What follows, in order.
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    title, subtitle, date
        Its head; no date unless one was given, so that the same results make the same bytes.
    warnings
        What must be read before anything else.
    sections
        The first one is the summary.
    """

    title: str
    subtitle: str
    date: str
    warnings: tuple[str, ...]
    sections: tuple[Section, ...]
