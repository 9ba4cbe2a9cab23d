"""What deserves a look in data that can be used.

Axes: C cases, L rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from choicekit.data.checks import case_finding
from choicekit.data.covariates import HOLE_CURE, column_findings, hole_findings
from choicekit.data.describe import shares_of
from choicekit.data.labels import named_list
from choicekit.data.layout import Layout
from choicekit.exceptions import Finding

__all__ = ["overview"]


def overview(
    frame: pd.DataFrame,
    columns: Sequence[Hashable],
    layout: Layout,
    alternatives: tuple[Any, ...],
    case_ids: pd.Index[Any],
    weights: Hashable | None,
) -> list[Finding]:
    """Look at the alternatives, the weights and every attribute.

    Parameters
    ----------
    columns
        The attributes: columns of the frame without a role of their own.
    weights
        Name of the weight column.
    """
    single = [name for name in columns if isinstance(frame[name], pd.Series)]
    holes, _ = hole_findings(frame, single, layout, case_ids, "warning", HOLE_CURE)
    return [
        *_alternatives_unused(layout, alternatives),
        *_weights_zero(layout, case_ids, weights),
        *column_findings(frame, columns, "warning"),
        *holes,
        *_constant_findings(frame, single, layout),
    ]


def _alternatives_unused(layout: Layout, alternatives: tuple[Any, ...]) -> list[Finding]:
    """Note alternatives that nobody could choose, or that nobody chose."""
    shares = shares_of(layout, alternatives)
    never_there = shares.index[shares["available"] == 0].tolist()
    known = bool((layout.chosen >= 0).any())
    never = shares.index[(shares["chosen"] == 0) & (shares["available"] > 0)].tolist()
    findings = []
    if never_there:
        message = f"Never available to anybody: {named_list(never_there)}"
        cure = "leave them out of alternatives=, or check how the labels are spelt"
        findings.append(Finding("never-available", "warning", message, cure))
    if never and known:
        message = f"Never chosen: {named_list(never)}"
        cure = "their constants cannot be estimated: leave the rows out or merge alternatives"
        findings.append(Finding("never-chosen", "warning", message, cure))
    return findings


def _weights_zero(layout: Layout, case_ids: pd.Index[Any], name: Hashable | None) -> list[Finding]:
    """Note cases with weight zero."""
    if layout.weights is None:
        return []
    zero = layout.weights == 0
    message = f"The weight in column {name!r} is zero"
    cure = "nothing, if these cases are meant not to count"
    found = case_finding("zero-weight", "warning", zero, case_ids, message, cure, name)
    return [found] if found.count else []


def _constant_findings(
    frame: pd.DataFrame, columns: Iterable[Hashable], layout: Layout
) -> list[Finding]:
    """Note numeric columns that are constant, or the same for all alternatives of each case."""
    same, case_specific = [], []
    first = np.repeat(layout.case_ptr[:-1], layout.sizes)
    for name in columns:
        dtype = frame[name].dtype
        if not (isinstance(dtype, np.dtype) and dtype.kind in "iuf"):
            continue
        array = frame[name].to_numpy()
        if bool(np.all(array == array[0])):
            same.append(name)
        elif bool(np.all(array == array[first])):
            case_specific.append(name)
    findings = []
    if same:
        message = f"The same number in every row: {', '.join(map(repr, same))}"
        cure = "leave them out of the model: they cannot explain a choice"
        findings.append(Finding("constant", "warning", message, cure))
    if case_specific:
        message = "The same for all alternatives of a case: " + ", ".join(map(repr, case_specific))
        cure = 'use them as case-specific variables, in part two of the formula ("y ~ x | z")'
        findings.append(Finding("case-specific", "note", message, cure))
    return findings
