"""Print choice data: the summary as text and as HTML, the findings as a table."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from choicekit.data.layout import Layout
from choicekit.exceptions import Finding

__all__ = ["findings_frame", "lines_of", "set_sizes", "shares_of", "to_html", "to_text"]

SEVERITIES = ("error", "warning", "note")
LONGEST_TABLE = 15


def shares_of(layout: Layout, alternatives: tuple[Any, ...]) -> pd.DataFrame:
    """Count, for each alternative, the cases that could and that did choose it.

    Returns
    -------
    DataFrame (J, 3)
        ``available`` and ``chosen`` are counts of cases; ``share`` is the part
        of all cases with a known choice (of their weights, if there are any).
    """
    n = layout.n_alternatives
    chosen = layout.chosen_alt
    known = chosen >= 0
    weights = None if layout.weights is None else layout.weights[known]
    taken = np.bincount(chosen[known], weights, minlength=n).astype(np.float64)
    total = taken.sum()
    return pd.DataFrame(
        {
            "available": np.bincount(layout.alt, minlength=n),
            "chosen": np.bincount(chosen[known], minlength=n),
            "share": taken / total if total > 0 else np.full(n, np.nan),
        },
        index=pd.Index(list(alternatives), name="alternative", tupleize_cols=False),
    )


def set_sizes(layout: Layout) -> str:
    """Describe the sizes of the choice sets in a few words."""
    sizes, counts = np.unique(layout.sizes, return_counts=True)
    if len(sizes) == 1:
        return f"{sizes[0]} alternatives in every case"
    if len(sizes) <= 6:
        parts = [f"{s} ({_cases(int(c))})" for s, c in zip(sizes, counts, strict=True)]
        return ", ".join(parts[:-1]) + f" or {parts[-1]} alternatives"
    return f"{sizes[0]} to {sizes[-1]} alternatives, {layout.sizes.mean():.1f} on average"


def lines_of(
    layout: Layout,
    names: dict[str, Any],
    form: str,
    dropped: tuple[Finding, ...],
    n_dropped: int,
) -> list[tuple[str, str]]:
    """Return the lines of the summary above the table: (title, text)."""
    what = form if form == "rankings" else f"{form} data"
    read_from = f"{what}: case {names['case']!r}, alternative {names['alt']!r}"
    if names["chosen"] is not None:
        read_from += f", {'by' if form == 'rankings' else 'chosen'} {names['chosen']!r}"
    lines = [("read from", read_from)]
    if layout.person is not None:
        n_people = layout.n_people
        text = f"{n_people:,} ({names['person']!r}), {layout.n_cases / n_people:.3g} cases each"
        lines.append(("people", text + (" on average" if layout.n_cases % n_people else "")))
    if layout.weights is not None:
        low, high, total = layout.weights.min(), layout.weights.max(), layout.weights.sum()
        text = f"{names['weights']!r}, from {low:.4g} to {high:.4g}, sum {total:,.6g}"
        lines.append(("weights", text))
    lines.append(("choice sets", set_sizes(layout)))
    unknown = int((layout.chosen < 0).sum())
    if unknown:
        lines.append(("choice unknown", _cases(unknown)))
    if dropped:
        lines.append(("dropped", _cases(n_dropped)))
    lines += [("", str(finding)) for finding in dropped]
    return lines


def _cases(n: int) -> str:
    return f"{n:,} case{'' if n == 1 else 's'}"


def _title(layout: Layout) -> str:
    return (
        f"ChoiceData: {_cases(layout.n_cases)}, "
        f"{layout.n_alternatives} alternatives, {layout.n_rows:,} rows"
    )


def _shown(shares: pd.DataFrame, weighted: bool) -> tuple[pd.DataFrame, str]:
    """Cut the table to its most chosen alternatives and format it as text."""
    more = ""
    if len(shares) > LONGEST_TABLE:
        more = f"... and {len(shares) - LONGEST_TABLE + 1:,} alternatives chosen less often"
        top = np.argsort(-shares["chosen"].to_numpy(), kind="stable")[: LONGEST_TABLE - 1]
        shares = shares.iloc[top]
    table = pd.DataFrame(
        {
            "available": [f"{n:,}" for n in shares["available"]],
            "chosen": [f"{n:,}" for n in shares["chosen"]],
            "weighted share" if weighted else "share": [f"{100 * x:.1f}%" for x in shares["share"]],
        },
        index=[str(label) for label in shares.index],
    )
    return table, more


def to_text(layout: Layout, shares: pd.DataFrame, lines: list[tuple[str, str]]) -> str:
    """Lay the summary out as plain text."""
    table, more = _shown(shares, layout.weights is not None)
    width = max(len(title) for title, _ in lines)
    first = max(width, *(len(label) for label in table.index), len("alternative"))
    widths = [max(len(c), *(len(x) for x in table[c])) for c in table.columns]
    text = [_title(layout)]
    text += [f"  {title:<{first}}  {line}" for title, line in lines]

    def row(label: str, cells: Iterable[str]) -> str:
        cells = [f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True)]
        return f"  {label:<{first}}  " + "  ".join(cells)

    text.append(row("alternative", table.columns))
    text += [
        row(label, cells)
        for label, cells in zip(table.index, table.itertuples(index=False, name=None), strict=True)
    ]
    if more:
        text.append(f"  {more}")
    return "\n".join(text)


def to_html(layout: Layout, shares: pd.DataFrame, lines: list[tuple[str, str]]) -> str:
    """Lay the summary out as HTML for notebooks."""
    table, more = _shown(shares, layout.weights is not None)
    said = "".join(
        f"<tr><th style='text-align:left'>{html.escape(title)}</th>"
        f"<td style='text-align:left'>{html.escape(line)}</td></tr>"
        for title, line in lines
    )
    return (
        f"<div><b>{html.escape(_title(layout))}</b><table>{said}</table>"
        f"{table.to_html(border=0)}{html.escape(more)}</div>"
    )


def findings_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Tabulate findings, the gravest first.

    Returns
    -------
    DataFrame
        Columns code, severity, column, count, unit, cases, message, cure.
    """
    ordered = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    columns = ["code", "severity", "column", "count", "unit", "cases", "message", "cure"]
    records = [{name: getattr(finding, name) for name in columns} for finding in ordered]
    return pd.DataFrame(records, columns=columns)
