"""Whether the coefficients of the utility can be told apart, whatever the error law.

Axes: C cases, J alternatives, L rows, K coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.estimation.identification.directions import null_directions
from choicekit.estimation.identification.report import Check, refuse
from choicekit.numerics.logit import logit_evaluate

__all__ = ["lacks_exclusions", "require_identified", "utility_checks", "utility_information"]

Float = NDArray[np.float64]


def require_identified(
    x: Float,
    layout: Layout,
    names: Sequence[str],
    constants: Sequence[str],
    alternatives: Sequence[Hashable],
) -> Float:
    """Raise unless the utility's coefficients can be told apart.

    Parameters
    ----------
    x
        Regressors (L, K), contiguous by column.
    layout
        Choice sets and choices.
    names, constants
        Names of all coefficients and of the alternative-specific constants among them.
    alternatives
        J labels.

    Returns
    -------
    ndarray
        `utility_information`, (K, K).

    Raises
    ------
    IdentificationError
        Naming the coefficients involved, with the cure.
    """
    information = utility_information(x, layout)
    refuse(utility_checks(information, x, layout, names, constants, alternatives))
    return information


def utility_information(x: Float, layout: Layout) -> Float:
    """Negative Hessian (K, K) of a logit with all coefficients at zero.

    It is the within-case covariance of the regressors summed over cases: a coefficient, or a
    combination of several, is identified exactly if that matrix is not singular along it
    (McFadden 1974, condition for uniqueness).
    """
    evaluation = logit_evaluate(
        np.ascontiguousarray(x.T),
        layout.case_ptr,
        layout.chosen,
        layout.weights,
        np.zeros(x.shape[1]),
    )
    information: Float = -evaluation.hessian
    return information


def utility_checks(
    information: Float,
    x: Float,
    layout: Layout,
    names: Sequence[str],
    constants: Sequence[str],
    alternatives: Sequence[Hashable],
) -> list[Check]:
    """Rank of the within-case differences of the regressors, and constants that run away."""
    checks = []
    for direction in null_directions(information, names):
        if len(direction.names) == 1:
            message = (
                f"{direction.names[0]!r} never varies between the alternatives of a case, so the "
                "choices say nothing about it."
            )
            cure = "leave it out, or let it differ by alternative."
            if direction.names[0].endswith("]"):
                cure = "leave it out; a dict of utilities gives each alternative its own terms."
        else:
            message = (
                f"the combination {direction} never changes a choice probability, so these "
                "coefficients cannot be told apart."
            )
            cure = "leave one of them out."
        checks.append(Check("coefficients", "error", message, direction.names, cure))
    if not checks:
        text = (
            "The utility has no coefficients."
            if len(names) == 0
            else f"Within cases the {len(names)} regressors vary, each in its own way."
        )
        checks.append(Check("coefficients", "ok", text))
    own = _own_constants(x, layout, names, constants)
    runaways = _never_chosen(layout, own, alternatives)
    if own and not runaways:
        text = "Every alternative with a constant is chosen by some who can and not by others."
        runaways.append(Check("constants", "ok", text))
    return checks + runaways


def _own_constants(
    x: Float, layout: Layout, names: Sequence[str], constants: Sequence[str]
) -> dict[int, str]:
    """Name of the constant of each alternative that has one to itself, by its code."""
    own = {}
    for name in constants:
        column = x[:, list(names).index(name)]
        served = np.flatnonzero(np.bincount(layout.alt[column != 0.0]))
        if len(served) == 1:
            own[int(served[0])] = name
    return own


def _never_chosen(
    layout: Layout, own: dict[int, str], alternatives: Sequence[Hashable]
) -> list[Check]:
    """A constant of an alternative that nobody, or everybody who can, chose runs to infinity."""
    offered = np.bincount(layout.alt, minlength=layout.n_alternatives)
    taken = np.bincount(layout.chosen_alt, minlength=layout.n_alternatives)
    found = []
    for j, name in sorted(own.items()):
        label = alternatives[j]
        if taken[j] == 0:
            message = f"{label!r} is never chosen, so its constant {name} runs to minus infinity."
            cure = f"leave {label!r} out of the data, or merge it with another."
            found.append(Check("constants", "error", message, (name,), cure))
        elif taken[j] == offered[j]:
            message = (
                f"{label!r} is chosen whenever it is available, so its constant {name} runs to "
                "infinity."
            )
            cure = "drop the constants (| 0) or merge alternatives."
            found.append(Check("constants", "error", message, (name,), cure))
    # With constants for the others, a base that nobody chooses sends all of them to infinity.
    rest = [j for j in range(len(alternatives)) if j not in own]
    if own and len(rest) == 1 and offered[rest[0]] and taken[rest[0]] == 0:
        label = alternatives[rest[0]]
        message = f"the base {label!r} is never chosen, so all constants run to infinity."
        cure = f"leave {label!r} out of the data, or merge it with another."
        found.append(Check("constants", "error", message, tuple(own.values()), cure))
    return found


def lacks_exclusions(coefficients: Sequence[Any], x: Float, layout: Layout) -> bool:
    """Whether every variable enters all utilities alike, as income does and a price does not.

    A variable that differs between alternatives enters the utility of one and is excluded from
    the others'. Where all variables are constant within cases, with one coefficient for every
    alternative but one, nothing is excluded, and a free covariance of the errors is learned from
    the shape of their distribution alone (Keane 1992, Journal of Business & Economic Statistics
    10, 193-200).

    Parameters
    ----------
    coefficients
        K descriptions with ``kind``, ``alternative`` and ``variable``, as designs give them.
    x
        Regressors (L, K).
    layout
        Choice sets.
    """
    code: dict[object, list[int]] = {}
    for k, coefficient in enumerate(coefficients):
        if coefficient.kind == "generic":
            return False
        if coefficient.kind != "constant":
            code.setdefault(coefficient.variable, []).append(k)
    return all(
        len(columns) >= layout.n_alternatives - 1 and _constant_within(x[:, columns], layout)
        for columns in code.values()
    )


def _constant_within(x: Float, layout: Layout) -> bool:
    """Whether one value a case stands in all columns (L, M), each filled for one alternative."""
    value = x.sum(axis=1)  # at most one of the columns is not zero
    used = np.isin(layout.alt, np.unique(layout.alt[np.flatnonzero(value)]))
    first = np.zeros(layout.n_cases)
    first[layout.case[used]] = value[used]
    return bool(np.array_equal(value[used], first[layout.case[used]]))
