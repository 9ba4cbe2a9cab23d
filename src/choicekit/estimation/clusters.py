"""Clusters of cases, for standard errors that allow for dependence within them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import SpecificationError

__all__ = ["case_codes", "cluster_codes", "unit_codes"]


def cluster_codes(data: ChoiceData, groups: Any) -> NDArray[np.int64]:
    """Codes 0..N-1 of the clusters of the cases, (C,).

    Parameters
    ----------
    data
        The cases.
    groups
        None for the people, the name of a column constant within each case, or C labels.

    Raises
    ------
    SpecificationError
        If there are no people, the column does not exist or varies within a case, labels are
        missing or too many or too few, or all cases are in one cluster.
    """
    codes = _codes(data, groups)
    if codes.max(initial=0) == 0:
        raise SpecificationError(
            "All cases are in one cluster, which leaves no variation between clusters to learn "
            "from. Cure: use finer clusters, or cov_type='HC0'."
        )
    return codes


def _codes(data: ChoiceData, groups: Any) -> NDArray[np.int64]:
    if groups is not None:
        return case_codes(data, groups, "groups")
    if data.layout.person is None:
        raise SpecificationError(
            "cov_type='cluster' needs clusters, and the data have no people. Cure: read them "
            "with person=..., or give groups= a column or one label a case."
        )
    return data.layout.person


def case_codes(data: ChoiceData, labels: Any, what: str) -> NDArray[np.int64]:
    """Codes 0..N-1 of the labels of the cases, (C,).

    Parameters
    ----------
    data
        The cases.
    labels
        The name of a column constant within each case, or C labels. As strata, the column of the
        choices stands for the chosen alternatives.
    what
        The argument they were given by, for messages: ``"groups"`` or ``"strata"``.

    Raises
    ------
    SpecificationError
        If the column does not exist or varies within a case, or labels are missing, too many or
        too few.
    """
    layout = data.layout
    if what == "strata" and isinstance(labels, str | int) and labels == data.chosen:
        return np.asarray(layout.chosen_alt, dtype=np.int64)
    if isinstance(labels, str) and labels not in data.frame.columns:
        raise SpecificationError(
            f"{what}={labels!r} is no column of the data. There are: "
            f"{', '.join(map(str, data.frame.columns))}."
        )
    if isinstance(labels, str):
        codes = pd.factorize(data.frame[labels])[0]
        first = codes[layout.case_ptr[:-1]]
        if (codes != first[layout.case]).any() or (codes < 0).any():
            kind = "clusters" if what == "groups" else what
            raise SpecificationError(
                f"The column {labels!r} varies within a case or has missing values, so it cannot "
                f"define {kind} of cases."
            )
        return np.asarray(first, dtype=np.int64)
    found = np.asarray(labels)
    if found.shape != (layout.n_cases,):
        raise SpecificationError(
            f"{what} must hold one label for each of the {layout.n_cases:,} cases, not an array of "
            f"shape {found.shape}."
        )
    codes = np.asarray(pd.factorize(found)[0], dtype=np.int64)
    if (codes < 0).any():
        raise SpecificationError(
            f"{what} has missing labels for {int((codes < 0).sum()):,} cases. Cure: give every "
            "case a label; a case that belongs to none is one of its own."
        )
    return codes


def unit_codes(
    codes: NDArray[np.int64], unit: NDArray[np.int64] | None, what: str = "clusters"
) -> NDArray[np.int64]:
    """Clusters, or strata, of the units of the likelihood, (U,), from those of the cases, (C,).

    Raises
    ------
    SpecificationError
        If the cases of a unit, a person, lie in several clusters.
    """
    if unit is None:
        return codes
    out = np.zeros(int(unit.max(initial=-1)) + 1, dtype=np.int64)
    out[unit] = codes
    if (out[unit] != codes).any():
        raise SpecificationError(
            "A person, or another cluster, counts as a whole, but some have cases in several "
            f"{what}. Cure: use {what} of people."
        )
    return out
