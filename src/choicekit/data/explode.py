"""Rankings to choices: check the ranks, and take a ranking apart into its stages.

Axes: C rankings, L rows (ranking x available alternative), C' choices, L' their rows.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.data.checks import Notebook, Rows
from choicekit.data.layout import Layout

__all__ = ["Exploded", "explode", "places_of"]

Index = NDArray[np.int64]


def places_of(rank: NDArray[np.float64], rows: Rows, notes: Notebook, name: Hashable) -> Index:
    """Turn ranks into places 0, 1, ... and note what is no ranking, int64 (L,).

    Alternatives without a rank, and those that share the last rank, are not ranked; their place
    is J.

    Parameters
    ----------
    rank : (L,)
        1 is the best; NaN where there is none.
    rows
        The rows, sorted by case.
    notes
        Takes the findings.
    name
        Of the column.
    """
    given = ~np.isnan(rank)
    notes.error(
        "bad-rank",
        rows.cases_of(given & ~((rank >= 1.0) & np.isfinite(rank))),
        f"The column rank={name!r} holds numbers below 1, or infinite ones",
        "number the alternatives 1 (best), 2, 3, ... and leave those that were not ranked empty",
        name,
    )
    if rows.open is not None:
        notes.error(
            "ranked-unavailable",
            rows.cases_of(given & ~rows.open),
            f"An alternative that was not available has a rank in column {name!r}",
            "correct the availability, or leave the rank empty",
            name,
        )
    order = np.flatnonzero(given)
    order = order[np.lexsort((rank[order], rows.case[order]))]
    case, value = rows.case[order], rank[order]
    same = np.zeros(len(order) + 1, dtype=np.bool_)
    same[1:-1] = (case[1:] == case[:-1]) & (value[1:] == value[:-1])
    tied = same[1:] | same[:-1]
    counts = np.bincount(case, minlength=rows.n_cases)
    heads = np.repeat(np.cumsum(counts) - counts, counts)  # first ranked row of the case
    place = np.arange(len(order)) - heads
    ties = np.concatenate([[0], np.cumsum(tied)])
    notes.error(
        "tied-ranks",
        _of(case[~tied & (ties[:-1] > ties[heads])], notes),
        f"Alternatives share a rank in column {name!r} and others are ranked below them",
        "only the last rank may be shared, by those that were not ranked; else break the ties, "
        "or leave these cases out",
        name,
    )
    notes.error(
        "rank-gap",
        _of(case[~tied & (value != place + 1)], notes),
        f"The ranks in column {name!r} are not 1, 2, 3, ...: one is missing or not whole",
        "add the row of the missing alternative; if it was not available, number the others anew: "
        f"df[{name!r}] = df.groupby(...)[{name!r}].rank()",
        name,
    )
    found = np.full(len(rank), rows.n_alternatives, dtype=np.int64)
    found[order[~tied]] = place[~tied]
    ranked = rows.cases_of(found < rows.n_alternatives)
    none = ~notes.unclear
    none[ranked] = False
    message = f"No alternative is ranked in column {name!r}, or all that are share one rank"
    cure = "give at least the best alternative a rank of its own, 1"
    notes.unusable("no-rank", none, message, cure, name)
    return found


def _of(cases: Index, notes: Notebook) -> Index:
    """The cases, each once, without those already reported."""
    found = np.unique(cases)
    return found[~notes.unclear[found]]


@dataclass(frozen=True, eq=False)
class Exploded:
    """Choices from rankings.

    Attributes
    ----------
    layout
        C' choices, L' rows; people are not set.
    rows : int64 (L',)
        Row of the ranking that each row comes from.
    ranking : int64 (C',)
        Ranking that each choice comes from.
    stage : int64 (C',)
        1 for the first choice, and so on.
    worst : bool (C',)
        Choices of the worst alternative.
    """

    layout: Layout
    rows: Index
    ranking: Index
    stage: Index
    worst: NDArray[np.bool_]


def explode(
    layout: Layout, place: Index, marked: NDArray[np.bool_] | None, depth: int | None
) -> Exploded:
    """Take rankings apart: the best of all, the best of the others, and so on.

    A last alternative has nothing to be chosen from, so n ranked alternatives give n - 1 choices
    (Beggs, Cardell & Hausman 1981). The worst alternative, where one is marked, is chosen at the
    end from those that were not ranked.

    Parameters
    ----------
    layout
        Choice sets of the C rankings.
    place : int64 (L,)
        See `places_of`.
    marked : bool (L,) or None
        Rows of the worst alternatives.
    depth
        Most choices from the top of a ranking; None: all.
    """
    sizes, n = layout.sizes, layout.n_alternatives
    ranked = np.bincount(layout.case[place < n], minlength=layout.n_cases)
    best = np.minimum(ranked, sizes - 1)
    if depth is not None:
        best = np.minimum(best, depth)
    stages = best.copy()
    if marked is not None:
        has = np.bincount(layout.case[marked], minlength=layout.n_cases) > 0
        stages += has & (sizes - best >= 2)
    ranking = np.repeat(np.arange(layout.n_cases), stages)
    stage = np.arange(len(ranking)) - np.repeat(np.cumsum(stages) - stages, stages)
    last = stage == best[ranking]  # beyond the ranked ones: the worst
    rows = layout.rows(ranking)
    owner = np.repeat(np.arange(len(ranking)), sizes[ranking])
    kept = place[rows] >= stage[owner]
    rows, owner = rows[kept], owner[kept]
    chosen = place[rows] == stage[owner]
    if marked is not None:
        chosen = np.where(last[owner], marked[rows], chosen)
    case_ptr = np.zeros(len(ranking) + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=len(ranking)), out=case_ptr[1:])
    exploded = Layout(
        alt=layout.alt[rows],
        case_ptr=case_ptr,
        chosen=np.flatnonzero(chosen),
        n_alternatives=n,
        weights=None if layout.weights is None else layout.weights[ranking],
    )
    return Exploded(exploded, rows, ranking, stage + 1, last)
