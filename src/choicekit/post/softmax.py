"""The softmax: choice probabilities of a logit, by a name that is known outside econometrics.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pandas as pd

from choicekit.errors.gumbel import BoundGumbel
from choicekit.exceptions import DataError, Finding, SpecificationError

__all__ = ["softmax"]

Table = TypeVar("Table", bound=Any)

FIRST_FEW = 5


def softmax(V: Table, temperature: float = 1.0, available: Any = None) -> Table:
    """Choice probabilities ``exp(V_j / T) / sum_k exp(V_k / T)`` of utilities.

    The Boltzmann distribution of energies ``-V`` at temperature T, and the conditional logit with
    Gumbel errors of scale T (McFadden 1974).

    Parameters
    ----------
    V
        Utilities: an array (..., J), a Series (J,) or a DataFrame (C, J). NaN and minus infinity
        stand for alternatives that are not available, as in ``fit.utilities()``.
    temperature
        T >= 0. At 0 the largest utility is taken for certain, ties share; at infinity all
        available alternatives are alike.
    available
        Mask of the shape of V, or one that broadcasts to it; a DataFrame or Series is matched by
        its labels.

    Returns
    -------
    Of the type and shape of V, 0 where not available; the last axis sums to 1.

    Raises
    ------
    SpecificationError
        If the temperature is negative or no number, or V has no alternatives.
    DataError
        Naming the rows in which nothing is available or a utility is plus infinity.

    Examples
    --------
    >>> softmax([2.0, 1.0, 1.0]).round(3)
    array([0.576, 0.212, 0.212])
    >>> softmax([2.0, 1.0, 1.0], temperature=float("inf")).round(3)
    array([0.333, 0.333, 0.333])
    >>> softmax([2.0, 2.0, 1.0], temperature=0.0)
    array([0.5, 0.5, 0. ])
    >>> softmax([[2.0, 1.0, 1.0]], available=[True, True, False]).round(3)
    array([[0.731, 0.269, 0.   ]])
    """
    number = isinstance(temperature, int | float | np.number) and not isinstance(temperature, bool)
    if not (number and temperature >= 0.0):
        raise SpecificationError(
            f"The temperature must be a number from 0 to infinity, not {temperature!r}."
        )
    v = np.asarray(V, dtype=np.float64)
    if v.ndim == 0 or v.shape[-1] == 0:
        raise SpecificationError("V must hold a utility for each alternative, on its last axis.")
    if isinstance(available, pd.DataFrame) and isinstance(V, pd.DataFrame):
        available = available.reindex(index=V.index, columns=V.columns, fill_value=False)
    elif isinstance(available, pd.Series) and isinstance(V, pd.DataFrame | pd.Series):
        labels = V.columns if isinstance(V, pd.DataFrame) else V.index
        available = available.reindex(labels, fill_value=False)
    there = ~np.isnan(v) & (v > -np.inf)
    if available is not None:
        there &= np.broadcast_to(np.asarray(available, dtype=np.bool_), v.shape)
    flat, mask = v.reshape(-1, v.shape[-1]), there.reshape(-1, v.shape[-1])
    _require_choices(flat, mask, V)
    law = BoundGumbel(float(temperature), v.shape[-1])
    with np.errstate(
        over="ignore"
    ):  # differences over a small temperature: minus infinity is right
        p = law.probabilities(np.where(mask, flat, 0.0), mask).reshape(v.shape)
    if isinstance(V, pd.DataFrame):
        return pd.DataFrame(p, index=V.index, columns=V.columns)  # type: ignore[return-value]
    if isinstance(V, pd.Series):
        return pd.Series(p, index=V.index, name=V.name)  # type: ignore[return-value]
    return p  # type: ignore[return-value]


def _require_choices(v: Any, mask: Any, given: Any) -> None:
    """Raise DataError for rows that are no choice."""
    findings = []
    for code, wrong, message, cure in (
        ("nothing-available", ~mask.any(axis=1), "No alternative is available", "leave them out"),
        (
            "not-finite",
            (mask & np.isposinf(v)).any(axis=1),
            "A utility is infinite",
            "use a large number, or temperature=0",
        ),
    ):
        rows = np.flatnonzero(wrong)
        if len(rows):
            labels = given.index if isinstance(given, pd.DataFrame) else range(len(v))
            few = tuple(labels[row] for row in rows[:FIRST_FEW])
            findings.append(
                Finding(code, "error", message, cure, count=len(rows), cases=few, unit="row")
            )
    if findings:
        raise DataError(findings, "There are no choice probabilities")
