"""A statsmodels ``Summary`` which escapes names in HTML and LaTeX and puts warnings first.

Imported only when a summary is asked for: importing statsmodels takes a second.
"""

from __future__ import annotations

import csv
import io
from itertools import zip_longest

from statsmodels.iolib.summary import Summary
from statsmodels.iolib.table import SimpleTable

from choicekit.report.export import (
    Table,
    csv_table,
    escape_latex,
    html_page,
    latex_table,
    wrapped,
)

__all__ = ["Sheet"]

LEAST_WIDTH = 86
GAP = 4
Facts = tuple[list[tuple[str, str]], list[tuple[str, str]]]


class Sheet(Summary):  # type: ignore[misc]
    """Summary of one fit.

    Parameters
    ----------
    warnings
        Sentences that come before everything else.
    title, subtitle
        The model, its formula.
    facts
        Two lists of (label, text), set side by side.
    table
        The parameters.
    notes
        Remarks below.
    """

    def __init__(
        self,
        warnings: list[str],
        title: str,
        subtitle: str,
        facts: Facts,
        table: Table,
        notes: list[str],
    ) -> None:
        super().__init__()
        self.warnings = warnings
        self.title = title
        self.subtitle = subtitle
        self.facts = [
            (*left, *right)
            for left, right in zip_longest(*facts, fillvalue=("", ""))  # labels, texts
        ]
        self.table = table
        self.add_extra_txt(notes)
        self.notes = notes
        body = [list(row) + [""] * (len(table.header) - len(row)) for row in table.rows]
        self.tables = [
            SimpleTable([list(row) for row in self.facts], title=title),
            SimpleTable(
                [row[1:] for row in body], list(table.header[1:]), [row[0] for row in body]
            ),
        ]

    def as_text(self) -> str:
        """Return the summary as text of at least 86 columns."""
        half = max(
            max(len(a) + len(b) for a, b, _, _ in self.facts),
            max(len(a) + len(b) for _, _, a, b in self.facts),
        )
        rows = [row for row in self.table.rows if len(row) > 1]
        cells = [
            max(9, *(len(row[k]) for row in (self.table.header, *rows)))
            for k in range(1, len(self.table.header))
        ]
        stub = max((len(row[0]) for row in rows), default=0)
        width = max(2 * (half + 2) + GAP, stub + sum(cells) + 2 * len(cells), LEAST_WIDTH)
        half, stub = (width - GAP) // 2, width - sum(cells) - 2 * len(cells)

        def line(row: tuple[str, ...]) -> str:
            texts = "".join(
                "  " + text.rjust(size) for text, size in zip(row[1:], cells, strict=True)
            )
            return (row[0].ljust(stub) + texts).rstrip()

        facts = [
            (f"{a}{b.rjust(half - len(a))}{' ' * GAP}{c}{d.rjust(half - len(c))}").rstrip()
            for a, b, c, d in self.facts
        ]
        head = [self.title.center(width).rstrip()]
        head += [text.center(width).rstrip() for text in wrapped(self.subtitle, width).splitlines()]
        rule, thin = "=" * width, "-" * width
        lines = [wrapped(text, width) for text in self.warnings] + ([""] if self.warnings else [])
        lines += [*head, rule, *facts, thin, line(self.table.header), thin]
        lines += [line(row) if len(row) > 1 else row[0] for row in self.table.rows] + [rule]
        if self.notes:
            lines.append("Notes:")
            lines += [
                wrapped(f"[{number}] {note}", width, "    ")
                for number, note in enumerate(self.notes, start=1)
            ]
        return "\n".join(lines)

    def as_html(self) -> str:
        """Return the summary as an HTML fragment."""
        return html_page(
            "summary.html.j2",
            warnings=self.warnings,
            title=self.title,
            subtitle=self.subtitle,
            facts=self.facts,
            table=self.table,
            notes=self.notes,
        )

    def as_latex(self) -> str:
        """Return the summary as LaTeX, which needs the package booktabs."""
        facts = [" & ".join(escape_latex(x.strip()) for x in row) + r" \\" for row in self.facts]
        caption = Table(f"{self.title}: {self.subtitle}", self.table.header, self.table.rows)
        lines = [rf"\textbf{{{escape_latex(text)}}}" + "\n" for text in self.warnings]
        lines += [
            r"\begin{center}\scriptsize\setlength{\tabcolsep}{4pt}",
            r"\begin{tabular}{lrlr}",
            r"\toprule",
            *facts,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{center}",
            latex_table(caption),
        ]
        return "\n".join(lines + [f"\n{escape_latex(note)}" for note in self.notes])

    def as_csv(self) -> str:
        """Return the facts, the parameters and the notes as comma-separated values."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([text] for text in self.warnings)
        writer.writerows([[self.title], [self.subtitle], *self.facts])
        out.write(csv_table(self.table) + "\n")
        writer.writerows([note] for note in self.notes)
        return out.getvalue()
