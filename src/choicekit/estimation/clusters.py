"""Clusters of cases, for standard errors that allow for dependence within them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import SpecificationError

__all__ = ["cluster_codes", "unit_codes"]


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
    layout = data.layout
    if groups is None:
        if layout.person is None:
            raise SpecificationError(
                "cov_type='cluster' needs clusters, and the data have no people. Cure: read them "
                "with person=..., or give groups= a column or one label a case."
            )
        return layout.person
    if isinstance(groups, str) and groups not in data.frame.columns:
        raise SpecificationError(
            f"groups={groups!r} is no column of the data. There are: "
            f"{', '.join(map(str, data.frame.columns))}."
        )
    if isinstance(groups, str):
        codes = pd.factorize(data.frame[groups])[0]
        first = codes[layout.case_ptr[:-1]]
        if (codes != first[layout.case]).any() or (codes < 0).any():
            raise SpecificationError(
                f"The column {groups!r} varies within a case or has missing values, so it cannot "
                "define clusters of cases."
            )
        return np.asarray(first, dtype=np.int64)
    labels = np.asarray(groups)
    if labels.shape != (layout.n_cases,):
        raise SpecificationError(
            f"groups must hold one label for each of the {layout.n_cases:,} cases, not an array of "
            f"shape {labels.shape}."
        )
    codes = np.asarray(pd.factorize(labels)[0], dtype=np.int64)
    if (codes < 0).any():
        raise SpecificationError(
            f"groups has missing labels for {int((codes < 0).sum()):,} cases. "
            "Cure: give every case a cluster; a case that belongs to none is one of its own."
        )
    return codes


def unit_codes(codes: NDArray[np.int64], unit: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Clusters of the units of the likelihood, (U,), from those of the cases, (C,).

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
            "With random coefficients a person counts as a whole, but some people have cases in "
            "several clusters. Cure: use clusters of people."
        )
    return out
