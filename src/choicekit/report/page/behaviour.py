"""What the models say people would do: shares, elasticities, willingness to pay, curves.

Axes: J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from choicekit.post.base import utility_kinds
from choicekit.post.elasticities import ALL, elasticities
from choicekit.report.compare import Comparison
from choicekit.report.export import Table
from choicekit.report.format import estimate, with_error
from choicekit.report.page.blocks import Block, Picture, Section, Text
from choicekit.report.plots.curve import MOST_CASES, probability_curve, some_cases
from choicekit.report.plots.shares import shares
from choicekit.report.plots.wtp import wtp
from choicekit.report.tables import shares_part

__all__ = ["elasticity_section", "share_section", "wtp_section"]

MOST_DRAWN = 30
MOST_COLUMNS = 4
MOST_CROSS = 5  # alternatives with a table of cross elasticities


def share_section(comparison: Comparison) -> Section:
    """Actual and predicted shares."""
    title, table = "Predicted against actual shares", shares_part(comparison)
    if len(comparison.shares) > MOST_DRAWN:
        return Section(title, "shares", (table,))
    picture = Picture(
        "shares",
        lambda: shares(comparison),
        "Bars: actual shares, with 95% intervals of what chance alone leaves open. Marks: mean "
        "predicted probabilities. A logit with a constant for every alternative reproduces the "
        "shares of its sample exactly, which proves nothing about it.",
        f"Actual shares and those predicted by {', '.join(comparison.names)}; the numbers are in "
        "the table that follows.",
    )
    return Section(title, "shares", (picture, table))


# -- elasticities -----------------------------------------------------------------------------


def elasticity_section(
    comparison: Comparison, columns: Sequence[Hashable] | None, most_cases: int
) -> Section | None:
    """Own and cross elasticities side by side, and a curve; None where no column has any."""
    fits = comparison._fits
    asked = list(columns) if columns is not None else default_columns(comparison)
    if not asked:
        return None
    data = next(iter(fits.values())).model.data
    sample = some_cases(data, most_cases)
    tables = {}
    for name, fit in fits.items():
        own = [column for column in asked if column in _columns_of(fit)]
        if own:
            where = None if sample is data else sample
            tables[name] = elasticities(fit, where, own)
    if not tables:
        return None
    merged = pd.concat(tables, names=["model"]).reset_index(level="model")
    blocks: list[Block] = [
        Text(
            "By how many per cent the expected share of an alternative changes when a column rises "
            "by one per cent (delta-method standard errors in parentheses)."
        ),
        *_curve(comparison, asked, data, most_cases),
        _own_table(merged, comparison.names),
    ]
    cross = _cross_table(merged, comparison.names, asked[0])
    if cross is not None and len(data.alternatives) <= MOST_CROSS:
        blocks.append(cross)
    if sample is not data:
        blocks.append(Text(f"Of {sample.n_cases:,} of the cases, evenly spaced.", "aside"))
    return Section("Elasticities", "elasticities", tuple(blocks))


def default_columns(comparison: Comparison) -> list[Hashable]:
    """Numeric columns with a generic coefficient of their own name, at most four."""
    frame = next(iter(comparison._fits.values())).model.data.frame
    found: list[Hashable] = []
    for fit in comparison._fits.values():
        generic = [name for name, kind in utility_kinds(fit).items() if kind == "generic"]
        for column in _columns_of(fit):
            named = any(str(column) == name for name in generic)
            if named and column in frame.columns and pd.api.types.is_numeric_dtype(frame[column]):
                found.append(column)
    return list(dict.fromkeys(found))[:MOST_COLUMNS]


def _columns_of(fit: Any) -> list[Hashable]:
    """Columns of the data that the utility of a fit uses."""
    return list(fit.model.design.columns)


def _own_table(merged: pd.DataFrame, names: Sequence[str]) -> Table:
    """What the change of an alternative's own column does to its share."""
    own = merged[(merged["of"] == merged["by"]) | _together(merged)]
    rows = _rows(own, names, lambda row: str(row["variable"]), lambda row: str(row["of"]))
    return Table("Own elasticities", ("", *names), rows)


def _together(merged: pd.DataFrame) -> pd.Series[Any]:
    """Rows of columns that move for all alternatives at once; one of these may be called "all"."""
    found: pd.Series[Any] = (merged["by"] == ALL).groupby(merged["variable"]).transform("all")
    return found


def _cross_table(merged: pd.DataFrame, names: Sequence[str], column: Hashable) -> Table | None:
    """What the change of one column of an alternative does to the shares of the others."""
    cross = merged[
        (merged["of"] != merged["by"])
        & ~_together(merged)
        & (merged["variable"].astype(str) == str(column))
    ]
    if cross.empty:
        return None
    rows = _rows(
        cross,
        names,
        lambda row: f"{column} of {row['by']} rises",
        lambda row: f"share of {row['of']}",
    )
    note = (
        "In a conditional logit with generic coefficients the shares of all other alternatives "
        "answer alike within a case; averages over cases differ a little."
    )
    return Table(f"Cross elasticities of {column}", ("", *names), rows, note)


def _rows(
    part: pd.DataFrame, names: Sequence[str], heading: Any, label: Any
) -> tuple[tuple[str, ...], ...]:
    """One row a label under the headings, one column a model."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for row in part.to_dict("records"):
        key = heading(row), label(row)
        text = with_error(float(row["estimate"]), float(row["std_error"]))
        if row["std_error"] != row["std_error"]:
            text = estimate(float(row["estimate"]))
        cells.setdefault(key, {})[str(row["model"])] = text
    rows: list[tuple[str, ...]] = []
    for (above, name), by_model in cells.items():
        if (above,) not in rows:
            rows.append((above,))
        rows.append((f"  {name}", *(by_model.get(model, "") for model in names)))
    return tuple(rows)


def _curve(
    comparison: Comparison, asked: Sequence[Hashable], data: Any, most_cases: int
) -> list[Block]:
    """Probability of the alternative chosen most, along the first column that differs."""
    column = asked[0]
    fits = {n: fit for n, fit in comparison._fits.items() if column in _columns_of(fit)}
    if not isinstance(column, str) or data.frame[column].nunique() < 3:
        return []
    chosen = comparison.shares["actual"].idxmax()
    together, most = _is_of_case(data, column), min(MOST_CASES, most_cases)
    whose = column if together else f"{column} of {chosen}"
    which = f"Mean probability of {chosen}" if len(fits) > 1 else "Mean probabilities"
    caption = (
        f"{which} if {whose} were the same for everybody, all else as observed; bands are 95% "
        "confidence intervals, ticks are observed values."
        + (f" Mean over {most:,} of the cases, evenly spaced." if data.n_cases > most else "")
    )

    def draw() -> Any:
        if together:
            of = [chosen] if len(fits) > 1 else None
            return probability_curve(fits, column, of=of, most_cases=most)
        return probability_curve(fits, column, alternative=chosen, most_cases=most)

    return [Picture("curve", draw, caption, f"Choice probabilities along {whose}.")]


def _is_of_case(data: Any, column: str) -> bool:
    """Whether a column is the same in all rows of each case."""
    values, layout = data.frame[column].to_numpy(), data.layout
    return bool((values == values[layout.case_ptr[:-1]][layout.case]).all())


# -- willingness to pay -----------------------------------------------------------------------


def wtp_section(
    comparison: Comparison, price: str | None, attributes: Sequence[str] | None
) -> Section | None:
    """Willingness to pay side by side; None without a price."""
    fits = comparison._fits
    if price is None:
        return None
    with_price = {n: fit for n, fit in fits.items() if price in utility_kinds(fit)}
    if not with_price and attributes is None:
        return None
    wanted = list(attributes or [str(c) for c in default_columns(comparison) if c != price])
    if not wanted:
        return None
    blocks: list[Block] = [
        Text(
            f"What people would give, in units of {price}, for one unit more: the ratio of the two "
            "marginal utilities with its sign reversed. Negative: they would pay to have less."
        )
    ]
    parts: list[pd.DataFrame] = []
    for x in wanted:
        own = {n: f for n, f in (with_price or fits).items() if attributes or x in utility_kinds(f)}
        parts += [_wtp_rows(fit, x, price).assign(model=name) for name, fit in own.items()]
        blocks.append(_wtp_picture(own, x, price, len(blocks)))
    merged = pd.concat(parts)
    rows = _rows(merged, comparison.names, lambda row: row["attribute"], lambda row: row["which"])
    notes = dict.fromkeys(
        f"{row['model']}, {row['attribute']}: {row['note']}."
        for row in merged.to_dict("records")
        if row["note"]
    )
    note = "\n".join(["Delta-method standard errors in parentheses.", *notes])
    blocks.insert(1, Table("Willingness to pay", ("", *comparison.names), rows, note))
    return Section("Willingness to pay", "wtp", tuple(blocks))


def _wtp_rows(fit: Any, x: str, price: str) -> pd.DataFrame:
    """The willingness to pay of one model, with one column that says for whom."""
    table: pd.DataFrame = fit.wtp(x, price).reset_index()
    levels = [c for c in table.columns if c in ("alternative", "class", "statistic")]
    which = table[levels].astype(str).agg(", ".join, axis=1) if levels else "everybody"
    return table.assign(which=which, variable=x)


def _wtp_picture(fits: dict[str, Any], x: str, price: str, number: int) -> Picture:
    caption = (
        "Points and thick lines: estimates and 95% confidence intervals. Boxes, where tastes "
        "differ: the middle half of the people, lines to the 5% and 95% quantiles."
    )
    alt = f"Willingness to pay for {x} by model; the numbers are in the table above."
    return Picture(f"wtp-{number}", lambda: wtp(fits, x, price), caption, alt)
