"""Which parameters of a covariance show in choices: the rank of what they move.

Axes: J alternatives, Q parameters, D = J - 1 utility differences.

Choices depend on the covariance of the D differences, D (D + 1) / 2 numbers, up to its scale. So
the parameters can be told apart locally exactly if their derivatives of these numbers, together
with the covariance itself (the direction in which only the scale moves), are linearly independent
(Bunch 1991, *Estimability in the multinomial probit model*, section 3).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.covariance.base import Structure

__all__ = ["difference_variances", "generic_point", "local_rank", "structure_problems"]

Float = NDArray[np.float64]

DEPENDENT = 1e-7  # singular values below this share of the largest count as zero
SPREAD = 0.25  # of the generic point around the start


def difference_variances(matrices: Float, pairs: NDArray[np.integer[Any]] | None = None) -> Float:
    """Variances of the error differences of pairs of alternatives; linear in the covariance.

    So what gives the variances of a covariance gives their derivatives from its derivatives.

    Parameters
    ----------
    matrices
        Covariances of the errors, or their derivatives, (..., J, J).
    pairs
        Codes (M, 2) of the alternatives; by default all pairs. The covariances of differences
        follow from the variances of all of them.

    Returns
    -------
    ndarray
        (..., M).
    """
    i, j = np.triu_indices(matrices.shape[-1], 1) if pairs is None else pairs.T
    out: Float = matrices[..., i, i] + matrices[..., j, j] - 2.0 * matrices[..., i, j]
    return out


def generic_point(structure: Structure) -> Float:
    """Parameters (Q,) near the start without any special relation between them."""
    rng = np.random.default_rng(20240229)
    start = structure.search_start
    theta, spread = start, SPREAD
    for _ in range(20):
        theta = start + spread * rng.uniform(-1.0, 1.0, len(start))
        if structure.inside(theta):
            return theta
        spread *= 0.5
    return theta


def local_rank(structure: Structure, theta: Float | None = None) -> int:
    """Rank of the parameters' derivatives together with the scale.

    The structure is identified (locally, at ``theta``) if it is Q + 1.

    Parameters
    ----------
    structure
        The covariance structure.
    theta
        (Q,); by default a generic point, where the rank is as large as anywhere.
    """
    point = generic_point(structure) if theta is None else theta
    return len(structure.names) + 1 - int(_dependent(structure, point).shape[1])


def structure_problems(structure: Structure, alternatives: Sequence[Hashable]) -> list[str]:
    """Say which parameters choices among these alternatives cannot tell apart.

    Parameters
    ----------
    structure
        The covariance structure.
    alternatives
        J labels.

    Returns
    -------
    list of str
        Empty if the structure is identified; else each text names parameters and the cure.
    """
    names, n = structure.names, len(alternatives)
    null = _dependent(structure, generic_point(structure))
    if null.shape[1] == 0:
        return []
    problems = []
    # Parameters on their own first: those that move nothing, or the scale alone.
    share = np.abs(null).max(axis=1)
    jacobian = difference_variances(structure.jacobian(generic_point(structure)))
    idle = [q for q in range(len(names)) if not jacobian[q].any()]
    problems += [
        f"{names[q]!r} changes no covariance of error differences. Cure: leave it out."
        for q in idle
    ]
    extra = null.shape[1] - len(idle)
    if extra:
        rest = [q for q in range(len(names)) if q not in idle and share[q] > 1e-6]
        shown = ", ".join(repr(names[q]) for q in rest)
        with_scale = " and the scale" if share[-1] > 1e-6 else ""
        few = (
            "Cure: covariance='iid'."
            if n == 2
            else f"Cure: fix {extra} of them, or use a simpler covariance."
        )
        problems.append(
            f"{shown}{with_scale} cannot be told apart: choices among {n} alternatives show "
            f"{n * (n - 1) // 2 - 1} covariances of error differences besides the scale. {few}"
        )
    return problems


def _dependent(structure: Structure, theta: Float) -> Float:
    """Combinations of the parameters and, last, the scale that move nothing, (Q + 1, any)."""
    moved, scale = structure.jacobian(theta), structure.omega(theta)
    rows = np.vstack([difference_variances(moved), difference_variances(scale)])
    size = np.linalg.norm(rows, axis=1)
    rows = rows / np.where(size > 0.0, size, 1.0)[:, None]
    left, strength, _ = np.linalg.svd(rows, full_matrices=True)
    rank = int((strength > DEPENDENT * strength.max(initial=0.0)).sum())
    out: Float = left[:, rank:]
    return out
