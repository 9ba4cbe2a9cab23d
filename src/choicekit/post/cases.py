"""Are two models fitted on the same choices? Only then can their likelihoods be compared.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.exceptions import FIRST_FEW, DataError, Finding
from choicekit.post.base import Fitted

__all__ = ["case_positions", "people", "require_same_cases"]

IntArray = npt.NDArray[np.intp]
BoolArray = npt.NDArray[np.bool_]

CURE = (
    "Fit both models on one ChoiceData, from which the cases that lack a variable of either "
    "formula are dropped first."
)


def require_same_cases(first: Fitted, second: Fitted, names: Sequence[str]) -> None:
    """Refuse two fits whose choices differ, and list everything that differs.

    Parameters
    ----------
    first, second
        The fits.
    names
        What to call them in the message.

    Raises
    ------
    DataError
        Case ids, alternatives, choices, choice sets, weights or people differ.
    """
    findings = _differences(first.model.data, second.model.data, names)
    if findings:
        heading = f"{names[0]!r} and {names[1]!r} were fitted on different choices"
        raise DataError(findings, heading)


def case_positions(first: Fitted, second: Fitted) -> IntArray:
    """Return where the second fit keeps each case (C,) of the first; their cases must agree."""
    if first.model.data is second.model.data:
        return np.arange(int(first.nobs))
    return _positions(first.model.data, second.model.data)


def people(first: Fitted, second: Fitted) -> tuple[npt.NDArray[Any], int] | None:
    """Codes (C,) of the decision makers, in the first fit's order, and their number N.

    None where neither fit knows persons, or every person meets one case.
    """
    one = first.model.data.layout.person
    if one is None:
        other = second.model.data.layout.person
        one = None if other is None else np.asarray(other)[case_positions(first, second)]
    if one is None:
        return None
    codes, n_people = np.asarray(one), len(np.unique(one))
    return (codes, n_people) if n_people < len(codes) else None


def _index(data: Any) -> pd.Index[Any]:
    """Case ids as an index; ids that are tuples stay tuples."""
    ids = data.case_ids
    return ids if isinstance(ids, pd.Index) else pd.Index(ids, tupleize_cols=False)


def _positions(one: Any, other: Any) -> IntArray:
    """Position (C,) in ``other`` of each case of ``one``, -1 where it is not there."""
    ids, others = _index(one), _index(other)
    if ids.equals(others):
        return np.arange(len(ids))
    return np.asarray(others.get_indexer(ids), dtype=np.intp)


def _differences(one: Any, other: Any, names: Sequence[str]) -> tuple[Finding, ...]:
    """List what differs between the choices of two data sets."""
    if one is other:
        return ()
    findings = []
    for here, there, name in ((one, other, names[0]), (other, one, names[1])):
        missing = [label for label in here.alternatives if label not in there.alternatives]
        if missing:
            listed = ", ".join(map(repr, missing))
            text = f"only {name!r} has the alternatives {listed}."
            findings.append(Finding("alternatives-differ", "error", text, CURE))
    where = _positions(one, other)
    for here, absent, name in (
        (one, where < 0, names[0]),
        (other, _positions(other, one) < 0, names[1]),
    ):
        findings += _finding("cases-differ", f"cases in {name!r} only.", here, absent)
    if not findings or (where >= 0).any():
        findings += _contents(one, other, where, names)
    return tuple(findings)


def _contents(one: Any, other: Any, where: IntArray, names: Sequence[str]) -> list[Finding]:
    """Compare choices, choice sets, weights and people of the cases in both data sets."""
    shared = np.flatnonzero(where >= 0)
    there = where[shared]
    a, b = one.layout, other.layout
    column = {label: code for code, label in enumerate(one.alternatives)}
    # Alternatives that only the other data set has get columns of their own.
    code = np.array(
        [column.setdefault(label, len(column)) for label in other.alternatives], dtype=np.intp
    )
    sets_a = np.zeros((len(shared), len(column)), dtype=bool)
    sets_b = sets_a.copy()
    sets_a[:, : len(one.alternatives)] = np.asarray(a.available)[shared]
    sets_b[:, code] = np.asarray(b.available)[there]
    chosen = np.asarray(a.chosen_alt)[shared] != code[np.asarray(b.chosen_alt)[there]]
    unequal = {
        "choices-differ": ("the chosen alternative differs.", chosen),
        "choice-sets-differ": ("the available alternatives differ.", (sets_a != sets_b).any(1)),
        "weights-differ": (
            "the weights differ.",
            ~np.isclose(_weights(a, shared), _weights(b, there), rtol=1e-9, atol=0.0),
        ),
    }
    if a.person is not None and b.person is not None:
        pairs = pd.DataFrame({"a": np.asarray(a.person)[shared], "b": np.asarray(b.person)[there]})
        split = (pairs.groupby("a")["b"].transform("nunique") > 1) | (
            pairs.groupby("b")["a"].transform("nunique") > 1
        )
        unequal["people-differ"] = ("cases are grouped into people otherwise.", split.to_numpy())
    findings = []
    for key, (text, flags) in unequal.items():
        everywhere = np.zeros(len(where), dtype=bool)
        everywhere[shared] = flags
        findings += _finding(
            key, f"{text[:-1]} between {names[0]!r} and {names[1]!r}.", one, everywhere
        )
    return findings


def _weights(layout: Any, cases: IntArray) -> npt.NDArray[np.float64]:
    """Weights of some cases, 1 where there are none."""
    if layout.weights is None:
        return np.ones(len(cases))
    return np.asarray(layout.weights, dtype=np.float64)[cases]


def _finding(code: str, text: str, data: Any, flags: BoolArray) -> list[Finding]:
    """One finding for the flagged cases (C,), none where no case is flagged."""
    if not flags.any():
        return []
    first = tuple(_index(data)[np.flatnonzero(flags)[:FIRST_FEW]])
    return [Finding(code, "error", text, CURE, count=int(flags.sum()), cases=first)]
