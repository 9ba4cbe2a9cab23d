"""Order and rank conditions for the covariance of the errors.

Choices show differences of utilities only: of the covariance of the errors they show the
variances ``Var(eps_i - eps_j)`` of the pairs of alternatives that are available together (the
covariances of differences follow from these), and they show them up to a common factor, which the
coefficients absorb.

Axes: J alternatives, M pairs of alternatives seen together, Q parameters of the errors.

Sources: Bunch (1991), Transportation Research B 25, 1-12; Train (2009), section 5.2.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.errors.covariance import difference_variances
from choicekit.estimation.identification.directions import NullDirection, null_directions
from choicekit.estimation.identification.report import Check, listed

__all__ = ["Structured", "covariance_checks", "generic_thetas", "times_together"]

Float = NDArray[np.float64]

GENERIC_POINTS = 4
SPREAD = 0.25  # of the random steps away from the start
LOST = 1e-7  # share of a column left by a projection that stands for rounding


class Structured(Protocol):
    """A parametrised covariance of J errors: the part of a structure that is read here."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters."""

    def omega(self, theta: Float) -> Float:
        """Covariance of the errors, (J, J)."""

    def jacobian(self, theta: Float) -> Float:
        """Derivative of ``omega``, (Q, J, J)."""


@dataclass(frozen=True)
class Rank:
    """Rank of the covariance's parameters at one point.

    Attributes
    ----------
    flat
        Directions that change no variance seen, or all by the same factor.
    scale_only
        Whether some of them do change the variances, all by the same factor.
    """

    flat: tuple[NullDirection, ...]
    scale_only: bool


def times_together(layout: Layout) -> NDArray[np.int64]:
    """In how many cases (of positive weight) two alternatives are both available, (J, J)."""
    available = layout.available
    if layout.weights is not None:
        available = available[layout.weights > 0.0]
    there = available.astype(np.float64)
    return np.rint(there.T @ there).astype(np.int64)


def covariance_checks(
    structure: Structured,
    theta: Float,
    free: NDArray[np.bool_],
    together: NDArray[np.int64],
    alternatives: Sequence[Hashable],
    scale_is_free: bool = True,
) -> list[Check]:
    """Check the number of covariance parameters, then whether each can be told from the others.

    Parameters
    ----------
    structure
        The covariance.
    theta
        Values to start from, those of fixed parameters among them, (Q,).
    free
        Which parameters are estimated, bool (Q,).
    together
        How often two alternatives are available together, (J, J).
    alternatives
        J labels.
    scale_is_free
        Whether multiplying all utilities by a number is still possible, which it is unless the
        user holds a coefficient at a value other than zero.
    """
    if not free.any():
        return []
    pairs = np.argwhere(np.triu(together, 1) > 0)
    names = [name for name, is_free in zip(structure.names, free, strict=True) if is_free]
    order = _order(names, pairs, together, alternatives, scale_is_free)
    ranks = []
    for point in generic_thetas(theta, free):
        found = _rank_at(structure, point, free, pairs, names, scale_is_free)
        if found is not None:
            ranks.append(found)
    if not ranks:
        message = "The covariance could not be evaluated around its starting values."
        return [order, Check("covariance rank", "weak", message, tuple(names), "give start={...}.")]
    best = min(ranks, key=lambda rank: len(rank.flat))
    if best.flat:
        return [order, *_rank_errors(best, names, theta[free])]
    if ranks[0].flat:
        weak = NullDirection(*_merged(ranks[0].flat))
        do = "does not" if len(weak.names) == 1 else "do not, each in its own way,"
        message = (
            f"At the starting values {listed(weak.names)} {do} change the covariance of the error "
            "differences; at other values nothing is missing. An optimiser may stay where it "
            "starts."
        )
        cure = f"start elsewhere, for example start={{{weak.names[0]!r}: ...}}."
        return [order, Check("covariance rank", "weak", message, weak.names, cure)]
    text = (
        f"Each of the {len(names)} free covariance parameters changes the covariance of the error "
        "differences in its own way."
    )
    return [order, Check("covariance rank", "ok", text)]


def _order(
    names: Sequence[str],
    pairs: NDArray[np.intp],
    together: NDArray[np.int64],
    alternatives: Sequence[Hashable],
    scale_is_free: bool,
) -> Check:
    """No more parameters than variances of differences, less one where the scale is free."""
    limit = max(0, len(pairs) - int(scale_is_free))
    most = len(together) * (len(together) - 1) // 2
    unseen = [
        f"{alternatives[i]}-{alternatives[j]}" for i, j in np.argwhere(np.triu(together == 0, 1))
    ]
    seen = f"the {most} pairs of alternatives"
    if unseen:
        seen = f"{len(pairs)} pairs of alternatives ({listed(unseen)} are never available together)"
    less = ", less one that only sets the scale" if scale_is_free else ""
    text = (
        f"{len(names)} free covariance parameter{'' if len(names) == 1 else 's'}, at most {limit} "
        f"can be learned: choices show the variances of the error differences of {seen}{less} "
        "(Bunch 1991)."
    )
    if len(names) <= limit:
        return Check("covariance order", "ok", text)
    excess = len(names) - limit
    cure = (
        f"hold at least {excess} of them fixed with fixed={{...}}, or use a covariance with fewer "
        "parameters (covariance='heteroskedastic' or 'iid')."
        if limit
        else "use covariance='iid'."
    )
    return Check("covariance order", "error", text, tuple(names), cure)


def generic_thetas(theta: Float, free: NDArray[np.bool_]) -> list[Float]:
    """The starting values and points around them, which no symmetry singles out; each (Q,)."""
    rng = np.random.default_rng(1991)
    size = SPREAD * np.maximum(1.0, np.abs(theta)) * free
    return [theta, *(theta + size * rng.normal(size=len(theta)) for _ in range(GENERIC_POINTS))]


def _rank_at(
    structure: Structured,
    theta: Float,
    free: NDArray[np.bool_],
    pairs: NDArray[np.intp],
    names: Sequence[str],
    scale_is_free: bool,
) -> Rank | None:
    """Directions of the free parameters that no pair shows; None if there is no covariance here."""
    try:
        omega, slope = structure.omega(theta), structure.jacobian(theta)[free]
    except (ArithmeticError, ValueError, np.linalg.LinAlgError):
        return None  # outside the range of the parameters
    if not (np.isfinite(omega).all() and np.isfinite(slope).all()):
        return None
    variances = difference_variances(omega, pairs)
    changes = difference_variances(slope, pairs).T  # (M, free)
    own = null_directions(changes.T @ changes, names)
    if not scale_is_free or not len(variances):
        return Rank(tuple(own), False)
    rest = changes - np.outer(variances, variances @ changes) / (variances @ variances)
    rest[:, np.linalg.norm(rest, axis=0) <= LOST * np.linalg.norm(changes, axis=0)] = 0.0
    flat = null_directions(rest.T @ rest, names)
    return Rank(tuple(flat), len(flat) > len(own))


def _rank_errors(rank: Rank, names: Sequence[str], start: Float) -> list[Check]:
    """One error a direction, with a parameter that may be held fixed."""
    value = dict(zip(names, start, strict=True))
    checks = []
    for direction in rank.flat:
        held = direction.names[0]
        cure = (
            f"hold {held} fixed, for example where it starts: fixed={{{held!r}: {value[held]:.3g}}}"
            "; as no choice shows it, that matters to predictions for other choice sets only. Or "
            "use a simpler covariance (covariance='heteroskedastic' or 'iid')."
        )
        if len(direction.names) == 1:
            message = (
                f"{held} changes no variance of an error difference between alternatives that are "
                "available together, so choices say nothing about it."
            )
        else:
            message = (
                f"{listed(direction.names)} cannot be told apart: they can change together and "
                "leave the error differences between alternatives that are available together "
                "as they are"
            )
            message += ", or multiply all of them by one number." if rank.scale_only else "."
        checks.append(Check("covariance rank", "error", message, direction.names, cure))
    return checks


def _merged(directions: Sequence[NullDirection]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Names of several directions, each once."""
    names = tuple(dict.fromkeys(name for direction in directions for name in direction.names))
    return names, (1.0,) * len(names)
