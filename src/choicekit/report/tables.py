"""The comparison's numbers as finished tables, the same for every way of rendering them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from choicekit.report.cross_validation import cross_validation_tables
from choicekit.report.export import WIDTH, Table, escape_latex
from choicekit.report.format import (
    duration,
    fixed_point,
    loglik,
    probability,
    with_error,
)

if TYPE_CHECKING:
    from choicekit.report.compare import Comparison

__all__ = [
    "comparison_tables",
    "errors_in_words",
    "estimates_part",
    "fit_part",
    "model_lines",
    "models_as_latex",
    "models_as_table",
    "ratios_part",
    "scaled_part",
    "shares_part",
    "tests_part",
]

_COV_TYPES = {
    "bootstrap": "bootstrap standard errors",
    "nonrobust": "standard errors from the Hessian",
    "opg": "standard errors from the outer product of the scores",
    "HC0": "sandwich standard errors",
    "HC1": "sandwich standard errors (small-sample)",
    "cluster": "clustered standard errors",
}


def comparison_tables(comparison: Comparison) -> list[Table]:
    """All tables of a comparison, in the order of the report."""
    tables = [fit_part(comparison), estimates_part(comparison), scaled_part(comparison)]
    if len(comparison.ratios):
        tables.append(ratios_part(comparison))
    tables.append(shares_part(comparison))
    if len(comparison.tests):
        tables.append(tests_part(comparison))
    if comparison.cross_validation is not None:
        tables += cross_validation_tables(comparison.cross_validation)
    return tables


def models_as_table(comparison: Comparison) -> Table:
    """Describe the models, one row each."""
    rows = [
        (str(name), row["model"], row["formula"], row["cov_type"], row["probabilities"])
        for name, row in comparison.models.iterrows()
    ]
    header = ("", "Model", "Formula", "Standard errors", "Probabilities")
    return Table("Models", header, tuple(rows), align="l")


def models_as_latex(comparison: Comparison) -> str:
    """Describe the models in a LaTeX list: formulas are too long for a column of a page."""
    lines = [r"\begin{description}"]
    for name, row in comparison.models.iterrows():
        facts = _facts(row)
        formula = rf"\texttt{{{escape_latex(row['formula'])}}}"
        lines.append(rf"\item[{escape_latex(str(name))}] {formula}. {escape_latex(facts)}.")
    return "\n".join([*lines, r"\end{description}"])


def _facts(row: Any) -> str:
    """The model, its probabilities and its standard errors in words."""
    errors = errors_in_words(row["cov_type"])
    return f"{row['model']}; probabilities: {row['probabilities']}; {errors}"


def errors_in_words(cov_type: str) -> str:
    """Say which standard errors these are."""
    return _COV_TYPES.get(cov_type, f"{cov_type} standard errors")


def model_lines(comparison: Comparison) -> str:
    """Describe the models for a terminal: the name, and the formula and facts beside it."""
    width = max(len(name) for name in comparison.names) + 2
    lines = []
    for name, row in comparison.models.iterrows():
        facts = _facts(row)
        beside: list[str] = []
        for text in (row["formula"], facts):
            beside += textwrap.wrap(text, max(WIDTH - width, 40), break_on_hyphens=False)
        lines.append(f"{name!s:<{width}}{beside[0]}")
        lines += [" " * width + text for text in beside[1:]]
    return "\n".join(lines)


def fit_part(comparison: Comparison) -> Table:
    """Measures of fit, one column a model."""
    fit, names = comparison.fit, comparison.names

    def row(label: str, column: str, write: Callable[[Any], str]) -> tuple[str, ...]:
        return (label, *(write(value) for value in fit[column]))

    def marked(column: str) -> tuple[str, ...]:
        lowest = fit[column] <= fit[column].min() + 5e-4
        marks = ["" if lowest.all() else "*" if low else " " for low in lowest]
        return tuple(loglik(value) + mark for value, mark in zip(fit[column], marks, strict=True))

    rows = [row("Log-likelihood", "llf", loglik)]
    if (fit["llf_se"] > 0).any():
        rows.append(
            row("  simulation s.e.", "llf_se", lambda se: f"{se:.2g}" if se > 0 else "none")
        )
    rows += [
        row("  with constants only", "llconst", loglik),
        row("  with equal shares", "llnull", loglik),
        row("rho-squared against constants", "rho2_constants", lambda x: fixed_point(x, 4)),
        row("rho-squared against equal shares", "rho2", lambda x: fixed_point(x, 4)),
        row("  adjusted for parameters", "rho2_adjusted", lambda x: fixed_point(x, 4)),
        row("Parameters", "parameters", str),
        ("AIC", *marked("aic")),
        ("BIC", *marked("bic")),
        row("Time", "seconds", duration),
        row("Iterations", "iterations", str),
        row("Converged", "converged", lambda yes: "yes" if yes else "NO"),
    ]
    note = "* the lowest" if any("*" in cell for line in rows for cell in line) else ""
    return Table("Fit", ("", *names), tuple(rows), note)


def _grouped(
    comparison: Comparison, table: pd.DataFrame, value: str, fixed: bool
) -> tuple[tuple[str, ...], ...]:
    """Rows ``estimate (standard error)`` under the headings of their groups."""
    rows: list[tuple[str, ...]] = []
    headings = [comparison.groups[str(name)] for name in table.index]
    for name, heading in zip(map(str, table.index), headings, strict=True):
        if (heading,) not in rows and len(set(headings)) > 1:
            rows.append((heading,))
        cells = [
            with_error(
                _number(table, name, (model, value)),
                _number(table, name, (model, "std_error")),
                fixed and name in comparison.fixed[model],
            )
            for model in comparison.names
        ]
        rows.append((("  " if len(set(headings)) > 1 else "") + name, *cells))
    return tuple(rows)


def _number(table: pd.DataFrame, row: str, column: tuple[str, str]) -> float:
    """One cell of a numeric table."""
    cell: Any = table.at[row, column]
    return float(cell)


def estimates_part(comparison: Comparison) -> Table:
    """Estimates side by side."""
    rows = _grouped(comparison, comparison.coefficients, "estimate", fixed=True)
    note = "Standard errors in parentheses."
    return Table("Estimates", ("", *comparison.names), rows, note)


def scaled_part(comparison: Comparison) -> Table:
    """Coefficients on the scale of errors with unit variance."""
    rows = _grouped(comparison, comparison.scaled, "scaled", fixed=False)
    note = (
        "Each model's coefficients over the standard deviation of its errors (delta-method "
        "standard errors), so that different error laws are in the same units."
    )
    return Table("Coefficients for errors of unit variance", ("", *comparison.names), rows, note)


def ratios_part(comparison: Comparison) -> Table:
    """Ratios to one coefficient."""
    rows = _grouped(comparison, comparison.ratios, "ratio", fixed=False)
    below = str(comparison.ratio_to)
    note = "Delta-method standard errors in parentheses."
    weak = []
    for model in comparison.names:
        if below in comparison.coefficients.index:
            value = _number(comparison.coefficients, below, (model, "estimate"))
            error = _number(comparison.coefficients, below, (model, "std_error"))
            if abs(value) < 2 * error:
                weak.append(model)
    if weak:
        note += (
            f" In {', '.join(weak)} the coefficient of {below} is within two standard errors of "
            "0, so these ratios are hardly known."
        )
    return Table(f"Ratios to the coefficient of {below}", ("", *comparison.names), rows, note)


def shares_part(comparison: Comparison) -> Table:
    """Actual and predicted shares in per cent."""
    rows = [
        (str(label), *(f"{100 * value:.1f}%" for value in row))
        for label, row in zip(comparison.shares.index, comparison.shares.to_numpy(), strict=True)
    ]
    header = ("", "actual", *comparison.names)
    return Table("Shares, actual and predicted", header, tuple(rows), bars=True)


def tests_part(comparison: Comparison) -> Table:
    """One row a pair."""
    rows = []
    notes = []
    for row in comparison.tests.to_dict("records"):
        if row["test"] == "Vuong":
            label, between = "Vuong", f"{row['first']} / {row['second']}"
            statistic = f"z = {fixed_point(row['statistic'], 3)}"
        elif row["test"] == "none":
            label, between = "No test", f"{row['first']} / {row['second']}"
            statistic = ""
        else:
            label, between = "LR", f"{row['first']} in {row['second']}"
            statistic = f"chi2({row['df']}) = {fixed_point(row['statistic'], 3)}"
        rows.append(
            (
                f"{label}: {between}",
                statistic,
                *(
                    ""
                    if row["test"] == "none" or (label == "LR" and key != "pvalue")
                    else probability(row[key])
                    for key in ("pvalue", "pvalue_aic", "pvalue_bic")
                ),
                "-" if row["preferred"] is None else str(row["preferred"]),
            )
        )
        if row["test"] == "none":
            if row["note"] not in notes:  # the same for all pairs
                notes.append(row["note"])
        elif row["note"]:
            notes.append(f"{label}, {between}: {row['note']}")
    header = ("", "statistic", "p", "p (AIC)", "p (BIC)", "preferred")
    if (comparison.tests["test"] == "Vuong").any():
        notes.insert(
            0,
            "z > 0 speaks for the model named first; p (AIC) and p (BIC) allow for the number of "
            "parameters. A dash: the data cannot tell at the 5% level.",
        )
    return Table("Tests", header, tuple(rows), "\n".join(notes))
