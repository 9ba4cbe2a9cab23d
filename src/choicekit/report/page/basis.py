"""What a report rests on: the data, the models, the programs and seeds behind the numbers."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from choicekit.data.describe import set_sizes
from choicekit.report.compare import Comparison
from choicekit.report.export import Table
from choicekit.report.facts import computation
from choicekit.report.page.blocks import Block, Items, Section, Text
from choicekit.report.tables import errors_in_words

__all__ = ["appendix_section", "data_section", "models_section"]

LONGEST = 25
_PACKAGES = ("choicekit", "numpy", "scipy", "pandas", "numba", "formulaic", "matplotlib")


def data_section(comparison: Comparison) -> Section:
    """Cases, choice sets, alternatives, and what of the data deserves a look."""
    data = next(iter(comparison._fits.values())).model.data
    layout, table = data.layout, data.shares()
    facts = [("Choice situations", f"{data.n_cases:,}")]
    if layout.person is not None:
        mean = data.n_cases / layout.n_people
        facts.append(("Decision makers", f"{layout.n_people:,}, {mean:.3g} cases each on average"))
    facts += [
        ("Choice sets", set_sizes(layout)),
        ("Read from", f"{data.form} data; the choice is column {str(data.chosen)!r}"),
    ]
    if layout.weights is not None:
        low, high = float(layout.weights.min()), float(layout.weights.max())
        facts.append(("Weights", f"column {str(data.weights)!r}, from {low:.4g} to {high:.4g}"))
    if len(data.dropped_ids):
        facts.append(("Left out", f"{len(data.dropped_ids):,} cases that could not be used"))
    more = ""
    if len(table) > LONGEST:
        more = f"The {LONGEST} alternatives chosen most often, of {len(table):,}."
        table = table.sort_values("chosen", ascending=False, kind="stable").head(LONGEST)
    rows = tuple(
        (str(label), f"{row['available']:,}", f"{row['chosen']:,}", f"{100 * row['share']:.1f}%")
        for label, row in zip(table.index, table.to_dict("records"), strict=True)
    )
    share = "share" if layout.weights is None else "weighted share"
    blocks: list[Block] = [
        Items(tuple(facts), "facts"),
        Table("Alternatives", ("", "available", "chosen", share), rows, more),
        *_findings(data),
    ]
    return Section("The data", "data", tuple(blocks))


def _findings(data: Any) -> list[Block]:
    """What ``data.check()`` found, the notes left out."""
    found = data.check()
    shown = found[found["severity"] != "note"]
    if shown.empty:
        return [Text("The checks of the data found nothing that needs attention.")]
    items = []
    for row in shown.to_dict("records"):
        count = f" ({int(row['count']):,} {row['unit']}s)" if row["count"] else ""
        cure = f" To mend: {row['cure']}." if row["cure"] else ""
        items.append((f"{str(row['severity']).capitalize()}.", f"{row['message']}{count}.{cure}"))
    return [Items(tuple(items))]


def models_section(comparison: Comparison) -> Section:
    """What each model assumes, and how it was estimated."""
    facts: list[tuple[str, str]] = []
    for name, row in comparison.models.iterrows():
        fit = comparison._fits[str(name)]
        how = f"probabilities: {row['probabilities']}; {errors_in_words(row['cov_type'])}"
        facts += [(str(name), f"{row['model']}; {how}."), ("", str(row["formula"]))]
        held = comparison.fixed[str(name)]
        if held:
            values = ", ".join(f"{key} = {fit.params[key]:g}" for key in sorted(held))
            facts.append(("", f"held fixed: {values}"))
    return Section("The models", "models", (Items(tuple(facts), "facts", code=True),))


def appendix_section(comparison: Comparison) -> Section:
    """Programs, seeds and settings: what somebody else needs to repeat the numbers."""
    rows = [(name, found) for name in _PACKAGES if (found := _version(name))]
    rows.append(("Python", platform.python_version()))
    settings = []
    for name, fit in comparison._fits.items():
        drawn = fit.simulation is not None and fit.simulation.n_simulated
        seed = str(fit.simulation.seed) if drawn else "none needed"
        settings.append(
            (name, computation(fit), seed, str(fit.convergence.optimizer), fit.cov_type)
        )
    header = ("", "probabilities", "seed", "optimiser", "standard errors")
    return Section(
        "Software, seeds and settings",
        "appendix",
        (
            Table("How the models were computed", header, tuple(settings), align="l"),
            Table("Software", ("", "version"), tuple(rows), align="l"),
        ),
    )


def _version(package: str) -> str:
    """Version of an installed package; empty if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
