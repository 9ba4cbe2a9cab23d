"""Matplotlib pictures as SVG inside a page and as files beside it: the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["inline_svg", "pdf_bytes", "svg_text"]

_ID = re.compile(r'\bid="([^"]+)"')
_REFERENCE = re.compile(r'(href="#|url\(#)([^")]+)')
_STYLE = re.compile(r"\s*<defs>\s*<style[^>]*>[^<]*</style>\s*</defs>")
_SIZE = re.compile(r'(<svg[^>]*?) width="([\d.]+)pt" height="([\d.]+)pt"')
_JOINS = "stroke-linejoin:round;stroke-linecap:butt"


def svg_text(ax: Axes, name: str) -> str:
    """Write the figure of ``ax`` as an SVG document; letters are outlines and need no fonts."""
    return _saved(ax, "svg", name, {"Date": None, "Creator": None}).decode("utf-8")


def pdf_bytes(ax: Axes) -> bytes:
    """Write the figure of ``ax`` as PDF, without the time and the program."""
    return _saved(ax, "pdf", "", {"CreationDate": None, "Creator": None, "Producer": None})


def inline_svg(ax: Axes, name: str, alt: str) -> str:
    """Write the figure of ``ax`` as an element of an HTML page.

    Its ids begin with ``name``, so that pictures of one page do not share any; its style does
    not reach the page; it takes the width there is, up to its own.

    Parameters
    ----------
    ax
        The picture.
    name
        Letters and hyphens, different for each picture of the page.
    alt
        Its text for readers who do not see it.
    """
    from markupsafe import escape

    text = svg_text(ax, name)
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = _STYLE.sub("", text)
    text = _ID.sub(rf'id="{name}-\1"', text)
    text = _REFERENCE.sub(rf"\g<1>{name}-\2", text)

    def open_tag(found: re.Match[str]) -> str:
        width = float(found[2]) * 4.0 / 3.0
        return (
            f'{found[1]} role="img" aria-label="{escape(alt)}" '
            f'style="{_JOINS};width:100%;max-width:{width:.0f}px;height:auto"'
        )

    return _SIZE.sub(open_tag, text, count=1).strip()


def _saved(ax: Axes, form: str, salt: str, metadata: dict[str, Any]) -> bytes:
    """Save a figure with the settings that make its bytes the same every time."""
    figure = ax.figure.canvas.figure  # the outermost, in every version of matplotlib
    out = io.BytesIO()
    with _settings(salt):
        figure.savefig(out, format=form, metadata=metadata)
    return out.getvalue()


@contextmanager
def _settings(salt: str) -> Iterator[None]:
    """Matplotlib reads these only from its settings; they are put back afterwards."""
    import matplotlib

    ours: Any = {"svg.hashsalt": salt, "svg.fonttype": "path", "pdf.fonttype": 42}
    with matplotlib.rc_context(ours):
        yield
