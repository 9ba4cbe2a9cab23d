"""Where people go when an alternative is withdrawn, and what the logit's assumption costs.

Axes: J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from choicekit.exceptions import ChoicekitError
from choicekit.post.base import Fitted
from choicekit.post.tests import LEVEL
from choicekit.report.compare import Comparison
from choicekit.report.export import Table
from choicekit.report.format import fixed_point, probability
from choicekit.report.page.blocks import Block, Picture, Section, Text
from choicekit.report.plots.style import axes_of
from choicekit.report.plots.substitution import (
    LEAST_SHADED,
    as_matrix,
    diversion_table,
    draw_diversion,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Substitution", "find_substitution", "substitution_finding", "substitution_section"]

MOST_LISTED = 6  # alternatives
MOST_TESTED, TESTED_CELLS = 12, 2_000_000  # alternatives; rows x parameters
MOST_DRAWN = 25
SMALL = 0.05  # of the people concerned: models that differ by less agree


@dataclass(frozen=True)
class Substitution:
    """Diversion ratios of all models.

    Attributes
    ----------
    tables
        By model, as ``fit.diversion()`` gives them.
    shares
        Actual share of each alternative, (J,).
    reference
        The model that others are compared with: a conditional logit, if there is one.
    logit
        Whether ``reference`` is a conditional logit.
    sampled
        Number of cases predicted, 0 for all.
    converged
        Whether each fit did.
    tests
        Of the logit's assumption, by the alternative left out; empty without a logit.
    """

    tables: dict[str, pd.DataFrame]
    shares: pd.Series[float]
    reference: str
    logit: bool
    sampled: int
    converged: dict[str, bool]
    tests: dict[Hashable, Any]

    @property
    def others(self) -> list[str]:
        """The models that are compared with the reference."""
        return [name for name in self.tables if name != self.reference]

    def moved(self, name: str) -> pd.Series[float]:
        """Share of each alternative's people who go elsewhere than the reference says, (J,).

        Half the sum of the absolute differences of the diversion ratios.
        """
        one, other = (
            self.tables[n].set_index(["removed", "to"])["estimate"] for n in (self.reference, name)
        )
        by = (one - other).abs().groupby(level="removed", sort=False).sum() / 2.0
        found: pd.Series[float] = by.astype(np.float64)
        return found

    def moved_on_average(self, name: str) -> float:
        """The same over all alternatives, by their actual shares."""
        moved = self.moved(name)
        return float(np.average(moved, weights=self.shares.reindex(moved.index).to_numpy()))


def find_substitution(comparison: Comparison, most_cases: int) -> Substitution | str:
    """Compute the diversion ratios of every model, or say why there are none."""
    fits = comparison._fits
    first = next(iter(fits.values()))
    if getattr(first.model.errors, "index", False):
        return "Ordered alternatives are answers on one scale: none can be withdrawn."
    if len(comparison.shares) < 3:
        return "With two alternatives everybody goes to the other one."
    try:
        tables = {name: diversion_table(fit, most_cases) for name, fit in fits.items()}
    except ChoicekitError as error:
        return f"The substitution patterns could not be computed: {error}"
    plain = [name for name, fit in fits.items() if _is_plain_logit(fit)]
    n_cases = int(first.nobs)
    return Substitution(
        tables,
        comparison.shares["actual"],
        plain[0] if plain else comparison.names[0],
        bool(plain),
        most_cases if n_cases > most_cases else 0,
        {name: bool(fit.convergence.converged) for name, fit in fits.items()},
        _independence_tests(fits[plain[0]]) if plain else {},
    )


def _is_plain_logit(fit: Fitted) -> bool:
    """Whether the errors are independent Gumbels and tastes do not differ."""
    return type(fit.model.errors).__name__ == "Gumbel" and fit.model.mixing is None


def substitution_section(found: Substitution | str) -> Section:
    """Heat maps, what the models disagree about, and the numbers."""
    title, anchor = "If an alternative is withdrawn: substitution", "substitution"
    if isinstance(found, str):
        return Section(title, anchor, (Text(found),))
    blocks: list[Block] = [Text(_introduction(found))]
    if len(found.shares) <= MOST_DRAWN:
        blocks.append(_picture(found))
    if found.others:
        blocks.append(_cost_table(found))
    if len(found.shares) <= MOST_LISTED:
        blocks.append(_ratio_table(found))
    if found.tests:
        blocks.append(_test_table(found))
    if found.sampled:
        text = f"Predicted for {found.sampled:,} of the cases, evenly spaced."
        blocks.append(Text(text, "aside"))
    return Section(title, anchor, tuple(blocks))


def _introduction(found: Substitution) -> str:
    """Say what diversion ratios are, and what a logit assumes."""
    text = (
        "If one alternative is no longer offered, those who would have chosen it choose another. "
        "The diversion ratios below say which, averaged over the cases."
    )
    if found.logit:
        text += (
            f" The model {found.reference} is a conditional logit: in every case it divides them "
            "among the other alternatives in proportion to the probabilities these have already "
            "(independence from irrelevant alternatives), whether they resemble the one withdrawn "
            "or not."
        )
    return text


def _picture(found: Substitution) -> Picture:
    """Heat maps of the reference and of every other model less the reference, side by side."""
    names = [found.reference, *found.others]
    labels = list(found.shares.index)
    matrices = {name: 100 * as_matrix(table, labels) for name, table in found.tables.items()}
    gaps = {name: matrices[name] - matrices[found.reference] for name in found.others}
    widest = max((float(np.nanmax(gap.abs().to_numpy())) for gap in gaps.values()), default=0.0)

    def draw() -> Axes:
        n = len(found.shares)
        across = 2 if n <= 7 and len(names) > 1 else 1
        down = -(-len(names) // across)
        cell = min(0.62, 5.0 / n)
        size = (across * (1.6 + cell * n), down * (1.5 + 0.8 * cell * n))
        first = axes_of(None, size if across > 1 else (max(size[0], 4.5), size[1]))
        figure = first.figure.canvas.figure
        first.remove()
        grid = figure.subplots(down, across, squeeze=False)
        panels: list[Axes] = list(grid.ravel())
        for ax, name in zip(panels, names, strict=False):
            if name == found.reference:
                draw_diversion(ax, matrices[name], name, signed=False)
                continue
            title = f"{name} less {found.reference}"
            draw_diversion(ax, gaps[name], title, True, max(widest, LEAST_SHADED))
        for ax in panels[len(names) :]:
            ax.set_visible(False)
        return panels[0]

    caption = (
        "Of 100 people who lose the alternative of a row, so many go to the alternative of a "
        "column."
    )
    if found.others:
        caption += (
            " Further panels show by how many percentage points the other models differ: positive "
            "where they send more people there."
        )
    alt = f"Heat maps of diversion ratios of {', '.join(names)}."
    return Picture("substitution", draw, caption, alt)


def _cost_table(found: Substitution) -> Table:
    """Share of the people concerned about whom the models disagree."""
    by = {name: found.moved(name) for name in found.others}
    labels = list(next(iter(by.values())).index)
    rows = [
        (str(label), *(f"{100 * float(by[name][label]):.1f}%" for name in found.others))
        for label in labels
    ]
    mean = [f"{100 * found.moved_on_average(name):.1f}%" for name in found.others]
    rows += [("On average, by actual shares", *mean)]
    title = (
        f"What IIA costs: people sent elsewhere than by {found.reference}"
        if found.logit
        else f"People sent elsewhere than by {found.reference}"
    )
    note = (
        "Of those who lose the alternative, the share that the model sends to another one than "
        f"{found.reference} does: half the sum of the absolute differences of the diversion "
        "ratios."
    )
    return Table(title, ("withdrawn", *found.others), tuple(rows), note)


def _ratio_table(found: Substitution) -> Table:
    """All diversion ratios with standard errors."""
    keyed = {name: _by_pair(table) for name, table in found.tables.items()}
    rows: list[tuple[str, ...]] = []
    for removed, to in next(iter(keyed.values())):
        heading = (f"{removed} is withdrawn",)
        if heading not in rows:
            rows.append(heading)
        rows.append((f"  {to}", *(_per_cent(*table[removed, to]) for table in keyed.values())))
    note = "Per cent of those who chose it; delta-method standard errors in parentheses."
    return Table("Diversion ratios", ("", *found.tables), tuple(rows), note)


def _by_pair(table: pd.DataFrame) -> dict[tuple[Hashable, Hashable], tuple[float, float]]:
    """Estimate and standard error of each pair."""
    columns = (table[name].tolist() for name in ("removed", "to", "estimate", "std_error"))
    return {(r, to): (float(p), float(se)) for r, to, p, se in zip(*columns, strict=True)}


def _per_cent(share: float, error: float) -> str:
    """One ratio with its standard error."""
    shown = f"{100 * share:.1f}"
    return shown if np.isnan(error) else f"{shown} ({100 * error:.1f})"


def _independence_tests(fit: Any) -> dict[Hashable, Any]:
    """Hausman & McFadden's test of a logit without each alternative, None where it has none.

    Nothing at all for large models.
    """
    data = fit.model.data
    if len(data.alternatives) > MOST_TESTED or data.n_rows * len(fit.params) > TESTED_CELLS:
        return {}
    tests: dict[Hashable, Any] = {}
    for label in data.alternatives:
        try:
            tests[label] = fit.hausman_mcfadden(label)
        except ChoicekitError:
            tests[label] = None
    return tests if any(test is not None for test in tests.values()) else {}


def _test_table(found: Substitution) -> Table:
    """The tests of the logit's assumption, one row an alternative."""
    rows = []
    for label, test in found.tests.items():
        if test is None:
            rows.append((str(label), "", "n/a", "n/a"))
            continue
        shown = f"chi2({test.df}) = {fixed_point(test.statistic, 2)}"
        rows.append((str(label), f"{test.nobs_restricted:,}", shown, probability(test.pvalue)))
    note = (
        "If the assumption holds, estimates without an alternative (on the cases that chose "
        "another) differ by chance only: a small p speaks against it (Hausman & McFadden 1984, "
        "with a joint sandwich variance). Where it holds, one test in twenty rejects at the 5% "
        "level."
    )
    header = ("without", "cases", "statistic", "p")
    title = f"Is the independence of {found.reference} rejected?"
    return Table(title, header, tuple(rows), note)


def _test_sentence(found: Substitution) -> str:
    """How many tests reject the logit's assumption."""
    known = [test for test in found.tests.values() if test is not None]
    if not known:
        return ""
    rejected = sum(test.pvalue < LEVEL for test in known)
    return (
        f" Of {len(known)} Hausman-McFadden tests {rejected or 'none'} "
        f"{'rejects' if rejected <= 1 else 'reject'} this assumption of {found.reference} at the "
        "5% level."
    )


def substitution_finding(found: Substitution | str) -> list[tuple[str, str]]:
    """What the summary says of it; models that did not converge do not count."""
    if isinstance(found, str) or not found.converged[found.reference]:
        return []
    others = [name for name in found.others if found.converged[name]]
    if not others:
        if not found.logit:
            return []
        text = (
            f"The model {found.reference} is a conditional logit: it assumes that people who lose "
            "an alternative divide among the others in proportion to the probabilities these have "
            "already. Compare it "
            "with a probit or a nested logit before relying on that."
        ) + _test_sentence(found)
        return [("What it means for substitution.", text)]
    moved = {name: found.moved_on_average(name) for name in others}
    most = max(moved, key=lambda name: moved[name])
    if moved[most] < SMALL:
        text = (
            "The models agree about where people go when an alternative is withdrawn: they differ "
            f"for {100 * moved[most]:.0f} of 100 people at most, on average over the alternatives."
        )
        return [("What it means for substitution.", text)]
    removed, to = pair = _largest(found, most)
    one, other = (_with_error(*_by_pair(found.tables[n])[pair]) for n in (found.reference, most))
    text = (
        f"The models disagree about where people go. When {removed} is withdrawn, "
        f"{found.reference} sends {one} of its users to {to}, {most} {other}. On average over the "
        f"alternatives {most} sends {100 * moved[most]:.0f} of 100 people elsewhere than "
        f"{found.reference} does"
    )
    cost = ": the price of the logit's independence from irrelevant alternatives, if "
    text += f"{cost}{most} is right." if found.logit else "."
    text += _test_sentence(found)
    return [("What it means for substitution.", text)]


def _with_error(share: float, error: float) -> str:
    """One ratio in per cent, with its standard error in words."""
    known = "" if np.isnan(error) else f" (standard error {100 * error:.0f})"
    return f"{100 * share:.0f}%{known}"


def _largest(found: Substitution, name: str) -> tuple[Hashable, Hashable]:
    """The diversion ratio about which a model and the reference differ most."""
    one, other = (
        found.tables[n].set_index(["removed", "to"])["estimate"] for n in (found.reference, name)
    )
    place = int(np.argmax((one - other).abs().to_numpy()))
    pair: tuple[Hashable, Hashable] = one.index[place]
    return pair
