"""Models side by side: one object with the numbers, and its renderings."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted, fixed_names
from choicekit.post.cases import require_same_cases
from choicekit.report.cross_validation import CrossValidation, cross_validate
from choicekit.report.export import (
    escape_latex,
    html_page,
    latex_table,
    markdown_table,
    text_table,
    wrapped,
)
from choicekit.report.facts import (
    fit_table,
    model_labels,
    model_table,
    more_tests,
    pair_tests,
    parameter_groups,
    share_table,
)
from choicekit.report.scales import (
    coefficient_table,
    default_denominator,
    ratio_table,
    scaled_table,
)
from choicekit.report.verdict import verdict

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Several fits on the same cases, compared.

    ``print`` it for the terminal; notebooks show it as HTML; ``to_markdown``, ``to_html``,
    ``to_latex`` and ``save`` write reports.

    Attributes
    ----------
    names
        What the models are called here.
    models
        One row each: ``model``, ``formula``, ``cov_type``, ``probabilities`` (how computed).
    fit
        One row each: ``llf``, ``llf_se`` (simulation standard error, 0 where nothing was
        simulated), ``llnull`` (equal shares), ``llconst`` (constants only), ``rho2``,
        ``rho2_adjusted``, ``rho2_constants``, ``parameters``, ``aic``, ``bic``, ``seconds``,
        ``iterations``, ``converged``.
    coefficients
        All parameters; columns (model, ``estimate`` or ``std_error``).
    scaled
        Utility coefficients over the standard deviation of the errors, so that models with
        different error laws are on one scale; columns (model, ``scaled`` or ``std_error``).
    ratios
        Utility coefficients over that of ``ratio_to``; columns (model, ``ratio`` or
        ``std_error``).
    ratio_to
        The coefficient that ratios are taken to; None where the models share none.
    shares
        One row an alternative: ``actual``, and what each model predicts.
    tests
        One row a pair, see `choicekit.report.facts.pair_tests`.
    more_tests
        Clarke's and Ben-Akiva and Swait's tests of the pairs that are not nested, which are not
        printed, see `choicekit.report.facts.more_tests`.
    verdict
        The outcome in a few sentences.
    groups
        Heading under which each parameter is shown.
    fixed
        For each model, the names of the parameters that were held fixed.
    sample
        Cases, people and alternatives in words.
    warnings
        One sentence for each model that did not converge, with the cure.
    cross_validation
        How the models foretell people left out, if ``folds`` was given; see `cross_validate`.
    """

    names: tuple[str, ...]
    models: pd.DataFrame
    fit: pd.DataFrame
    coefficients: pd.DataFrame
    scaled: pd.DataFrame
    ratios: pd.DataFrame
    ratio_to: str | None
    shares: pd.DataFrame
    tests: pd.DataFrame
    more_tests: pd.DataFrame
    verdict: str
    groups: dict[str, str]
    fixed: dict[str, frozenset[str]]
    sample: str
    warnings: tuple[str, ...]
    cross_validation: CrossValidation | None = None
    _fits: Mapping[str, Fitted] = field(default_factory=dict, repr=False)

    @property
    def title(self) -> str:
        """Heading of the reports."""
        several = len(self.names) > 1
        return f"Comparison of {len(self.names)} models" if several else f"Model {self.names[0]}"

    def __str__(self) -> str:
        """Text for a terminal, at most about 96 columns wide."""
        from choicekit.report.tables import comparison_tables, model_lines

        head = f"{self.title}\n{wrapped(self.sample)}"
        warnings = [wrapped(f"WARNING: {text}", indent="  ") for text in self.warnings]
        tables = [text_table(table) for table in comparison_tables(self)]
        closing = wrapped(f"Verdict: {self.verdict}")
        return "\n\n".join([head, *warnings, model_lines(self), *tables, closing])

    def __repr__(self) -> str:
        """One line."""
        return f"<Comparison of {', '.join(self.names)}>"

    def to_markdown(self) -> str:
        """Return the report as GitHub-flavoured Markdown."""
        from choicekit.report.tables import comparison_tables, models_as_table

        warnings = [f"**WARNING:** {text}" for text in self.warnings]
        tables = [markdown_table(t) for t in (models_as_table(self), *comparison_tables(self))]
        head = [f"## {self.title}", self.sample, *warnings, f"**Verdict.** {self.verdict}"]
        return "\n\n".join([*head, *tables]) + "\n"

    def to_html(self) -> str:
        """Return the report as one self-contained page, which needs no network."""
        return html_page("page.html.j2", **self._html_values())

    def _repr_html_(self) -> str:
        """Fragment for notebooks."""
        return html_page("report.html.j2", **self._html_values())

    def _html_values(self) -> dict[str, Any]:
        """Collect what the templates show."""
        from choicekit.report.tables import comparison_tables

        return {
            "title": self.title,
            "sample": self.sample,
            "warnings": self.warnings,
            "verdict": self.verdict,
            "models": self.models.to_dict("index"),
            "tables": comparison_tables(self),
        }

    def to_latex(self) -> str:
        r"""Return the tables for ``\input`` in LaTeX; they need the package booktabs."""
        from choicekit.report.tables import comparison_tables, models_as_latex

        warnings = [rf"\textbf{{Warning:}} {escape_latex(text)}" for text in self.warnings]
        tables = [models_as_latex(self), *map(latex_table, comparison_tables(self))]
        closing = rf"\paragraph{{Verdict.}} {escape_latex(self.verdict)}"
        head = r"% needs \usepackage{booktabs}"
        return "\n\n".join([head, escape_latex(self.sample), *warnings, *tables, closing]) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to ``path``; its suffix says in which form.

        Raises
        ------
        SpecificationError
            The suffix is none of ``.txt .md .html .tex``.
        """
        renderers = {
            ".txt": lambda: f"{self}\n",
            ".md": self.to_markdown,
            ".html": self.to_html,
            ".htm": self.to_html,
            ".tex": self.to_latex,
        }
        target = Path(path)
        if target.suffix.lower() not in renderers:
            raise SpecificationError(
                f"{target.name!r} does not say which kind of report to write: end its name in "
                f"one of {' '.join(renderers)}."
            )
        target.write_text(renderers[target.suffix.lower()](), encoding="utf-8")
        return target

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        date: str = "",
        price: str | None = None,
        wtp: Sequence[str] | None = None,
        elasticities: Sequence[Hashable] | None = None,
        most_cases: int | None = None,
    ) -> Path:
        """Write the full report, for readers who were not there: text, tables and pictures.

        Parameters
        ----------
        path
            ``.html``: one page with its pictures inside and nothing to load; ``.md`` and ``.tex``
            (a document for pdflatex): pictures in the folder ``<name>_pictures`` beside it.
        title
            Heading of the report.
        date
            Shown below it as given; none by default, so that the same results give the same file.
        price, wtp
            Column or coefficient of the price, and those to pay for; by default the coefficient
            that ratios are taken to if it sounds like money, and all generic ones.
        elasticities
            Columns; by default those with a generic coefficient of their name, at most four.
        most_cases
            Substitution and elasticities of larger data are predicted for so many cases, evenly
            spaced, and the report says so. By default as many as take seconds: 100 to 2,000,
            fewer with many alternatives or draws.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        SpecificationError
            The suffix is none of these.
        """
        from choicekit.report.page import ReportOptions, write_report

        return write_report(
            self, path, ReportOptions(title, date, price, wtp, elasticities, most_cases)
        )


def compare(
    *results: Fitted,
    names: Sequence[str] | None = None,
    ratio_to: str | None = None,
    folds: int | None = None,
    seed: int = 1,
) -> Comparison:
    """Compare fits on the same cases.

    Parameters
    ----------
    *results
        One or more fits.
    names
        What to call them; by default after their error laws.
    ratio_to
        The coefficient that the table of ratios divides by; by default one that sounds like
        money, else the generic coefficient which is known best.
    folds
        Judge the models by people they were not estimated on as well, by `cross_validate` with so
        many folds: that fits each model as many times again.
    seed
        Of the division into folds.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        The fits rest on different cases, choices, choice sets, weights or alternatives;
        the message says which.
    SpecificationError
        No fits, not fits, unsuitable names, or an unknown ``ratio_to``.
    """
    labels = model_labels(results, names)
    for fit, label in zip(results[1:], labels[1:], strict=True):
        require_same_cases(results[0], fit, (labels[0], label))
    fits = dict(zip(labels, results, strict=True))
    groups = parameter_groups(results)
    order = list(groups)
    denominator = default_denominator(results, ratio_to)
    models, fit_facts, tests = model_table(fits), fit_table(fits), pair_tests(fits)
    unseen = None
    if folds is not None:
        unseen = cross_validate(*results, folds=folds, seed=seed, names=labels)
    return Comparison(
        names=tuple(labels),
        models=models,
        fit=fit_facts,
        coefficients=coefficient_table(fits, order),
        scaled=scaled_table(fits, order),
        ratios=ratio_table(fits, order if denominator else [], denominator or ""),
        ratio_to=denominator,
        shares=share_table(fits),
        tests=tests,
        more_tests=more_tests(fits, tests),
        verdict=verdict(fit_facts, tests, models, unseen),
        groups=groups,
        fixed={label: fixed_names(fit) for label, fit in fits.items()},
        sample=_sample(results[0]),
        warnings=tuple(
            f"{label} did not converge ({fit.convergence.message}). "
            f"{fit.convergence.cure[:1].upper()}{fit.convergence.cure[1:]}".strip()
            for label, fit in fits.items()
            if not fit.convergence.converged
        )
        + (() if unseen is None else unseen.warnings),
        cross_validation=unseen,
        _fits=fits,
    )


def _sample(fit: Fitted) -> str:
    """Describe the cases in one sentence."""
    data = fit.model.data
    person = data.layout.person
    text = f"{int(fit.nobs):,} cases"
    if person is not None:
        text += f" of {data.layout.n_people:,} people"
    labels = [str(label) for label in data.alternatives]
    shown = ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")
    return f"{text}, {len(labels)} alternatives: {shown}"
