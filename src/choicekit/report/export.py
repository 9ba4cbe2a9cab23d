"""One small table, and its renderings: text, Markdown, HTML, LaTeX and CSV."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Any

__all__ = [
    "SIGNED",
    "WIDTH",
    "Table",
    "csv_table",
    "escape_latex",
    "html_page",
    "latex_table",
    "markdown_table",
    "markdown_text",
    "text_table",
    "wrapped",
]

WIDTH = 96
"""Columns of a terminal that text renderings fill at most, where they can."""

LATEX_TEXT = 32  # letters that a column of texts holds on one line
LATEX_PARAGRAPH = r">{\raggedright\arraybackslash}p{0.33\linewidth}"

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",
    "]": "{]}",
    **{mark: "\\" + mark for mark in "&%$#_{}"},
}
SIGNED = re.compile(r"(?<![\w.])-(?=\.?\d)")


@dataclass(frozen=True)
class Table:
    """A table of finished texts.

    Attributes
    ----------
    title
        What it shows.
    header
        Names of the columns, the first one that of the row labels.
    rows
        One tuple of texts a row; a tuple of one text is a heading within the table.
    note
        Remarks below it.
    bars
        Whether the texts are percentages, which HTML may draw as bars.
    align
        Alignment of the columns after the first: ``"r"`` or ``"l"``.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    bars: bool = False
    align: str = "r"


def wrapped(text: str, width: int = WIDTH, indent: str = "") -> str:
    """Break each line of ``text`` at ``width``; words too long for a line stay whole."""
    return "\n".join(
        textwrap.fill(
            line,
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.splitlines()
    )


def text_table(table: Table, width: int = WIDTH) -> str:
    """Render for a terminal; columns that do not fit go into further blocks below."""
    widths = _widths(table)
    blocks: list[list[int]] = [[]]
    for column in range(1, len(table.header)):
        used = widths[0] + sum(2 + widths[k] for k in blocks[-1])
        if blocks[-1] and used + 2 + widths[column] > width:
            blocks.append([])
        blocks[-1].append(column)
    parts = ["\n".join(_text_block(table, widths, block)) for block in blocks]
    note = "\n" + wrapped(table.note, width) if table.note else ""
    return "\n\n".join(parts) + note


def _widths(table: Table) -> list[int]:
    """Width of each column."""
    full = [row for row in (table.header, *table.rows) if len(row) > 1]
    return [max(len(row[column]) for row in full) for column in range(len(table.header))]


def _text_block(table: Table, widths: list[int], columns: list[int]) -> list[str]:
    """Lines of a table with the row labels and some of its columns."""
    partial = len(columns) < len(table.header) - 1
    rule = "-" * (widths[0] + sum(2 + widths[column] for column in columns))

    def line(row: tuple[str, ...]) -> str:
        cells = "".join("  " + row[column].rjust(widths[column]) for column in columns)
        return (row[0].ljust(widths[0]) + cells).rstrip()

    body: list[str] = []
    headings: list[str] = []
    for row in table.rows:
        if len(row) == 1:
            # a block which shows some of the columns leaves out headings without rows
            headings = [row[0]] if partial else [*headings, row[0]]
        elif not partial or any(row[column].strip() for column in columns):
            body += [*headings, line(row)]
            headings = []
    body += [] if partial else headings
    if _fits(table, widths):
        return [line((table.title, *table.header[1:])), rule, *body]
    return [table.title, line(table.header), rule, *body]


def _fits(table: Table, widths: list[int]) -> bool:
    """Whether the title can take the place of the empty head of the row labels."""
    return not table.header[0] and len(table.title) <= widths[0]


def markdown_table(table: Table) -> str:
    """Render as a pipe table under a heading."""

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(markdown_text(cell.strip()) for cell in cells) + " |"

    blank = ("",) * (len(table.header) - 1)
    rows = [
        line(row) if len(row) > 1 else "| **" + markdown_text(row[0]) + "** |" + " |" * len(blank)
        for row in table.rows
    ]
    rule = "|:--|" + {"r": "--:|", "l": ":--|"}[table.align] * len(blank)
    note = f"\n\n{markdown_text(table.note)}" if table.note else ""
    return (
        "\n".join([f"### {markdown_text(table.title)}", "", line(table.header), rule, *rows]) + note
    )


def markdown_text(text: str) -> str:
    """Keep characters from being read as Markdown."""
    return re.sub(r"([\\`*_|<>\[\]~])", r"\\\1", text)


def latex_table(table: Table, whole: bool = False) -> str:
    """Render as a booktabs table with a caption.

    As part of a ``whole`` document of ours it stays where it is put (package float) and shrinks
    where the page is too narrow (graphicx).
    """

    def line(cells: tuple[str, ...]) -> str:
        indent = r"\quad " if cells[0].startswith("  ") else ""
        return indent + " & ".join(escape_latex(cell.strip()) for cell in cells) + r" \\"

    n_columns = len(table.header)
    body = [
        line(row)
        if len(row) > 1
        else rf"\addlinespace \multicolumn{{{n_columns}}}{{l}}"
        rf"{{\emph{{{escape_latex(row[0])}}}}} \\"
        for row in table.rows
    ]
    note = [rf"\par\smallskip\footnotesize {escape_latex(table.note)}"] if table.note else []
    narrow, wide = (r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%", "}")
    return "\n".join(
        [
            r"\begin{table}[H]" if whole else r"\begin{table}[htbp]",
            r"\centering\small",
            rf"\caption{{{escape_latex(table.title)}}}",
            *([narrow] if whole else []),
            rf"\begin{{tabular}}{{{_latex_columns(table, whole)}}}",
            r"\toprule",
            line(table.header),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *([wide] if whole else []),
            *note,
            r"\end{table}",
        ]
    )


def _latex_columns(table: Table, whole: bool) -> str:
    """Alignment of the columns; in a whole document long texts are broken over lines."""
    full = [row for row in table.rows if len(row) > 1]
    columns = ["l"]
    for k in range(1, len(table.header)):
        longest = max((len(row[k]) for row in full), default=0)
        broken = whole and table.align == "l" and longest > LATEX_TEXT
        columns.append(LATEX_PARAGRAPH if broken else table.align)
    return "".join(columns)


def escape_latex(text: str) -> str:
    """Escape what LaTeX would read as commands, and set minus signs of numbers as such.

    Brackets are put in braces: at the start of a row, after a line break, LaTeX takes ``[``
    for an optional argument.
    """
    signed = SIGNED.sub("\0", text)
    escaped = "".join(_LATEX.get(character, character) for character in signed)
    return escaped.replace("\0", "$-$")


def csv_table(table: Table) -> str:
    """Render as comma-separated values."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows(table.rows)
    return out.getvalue().rstrip("\n")


def html_page(template: str, **values: Any) -> str:
    """Fill one of the templates of this package; everything is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("choicekit.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
