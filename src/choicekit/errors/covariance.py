"""Covariance structures of normal errors: from parameters to the covariance of J errors.

Axes: J alternatives, Q parameters.

Only differences of utilities show in choices, and their scale does not (Train 2009, section 5.2;
Bunch 1991). Every structure fixes what cannot be learned: errors are measured against the base
alternative where that is needed, and the scale is set so that independent errors of equal
variance have differences of variance 1. With two alternatives that is everybody's binary probit.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError

__all__ = ["STRUCTURES", "Structure", "make_structure"]

Float = NDArray[np.float64]


class Structure(Protocol):
    """A parametrised covariance of J normal errors."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters."""

    @property
    def start(self) -> Float:
        """Parameters (Q,) of independent errors of equal variance."""

    @property
    def normalisation(self) -> str:
        """What is fixed, in a sentence."""

    def signs(self, theta: Float) -> Float:
        """Signs (Q,) under which the covariance stays and the parameters look conventional."""

    def omega(self, theta: Float) -> Float:
        """Covariance of the errors, (J, J)."""

    def jacobian(self, theta: Float) -> Float:
        """Derivative of ``omega``, (Q, J, J)."""


@dataclass(frozen=True)
class Independent:
    """Independent errors of equal variance: ``omega = I / 2``."""

    alternatives: tuple[Hashable, ...]
    base: int
    scale: int

    @property
    def names(self) -> tuple[str, ...]:
        """No parameters."""
        return ()

    @property
    def start(self) -> Float:
        """No parameters, (0,)."""
        return np.empty(0)

    @property
    def normalisation(self) -> str:
        """What is fixed."""
        return (
            "The errors are independent normals of variance 1/2, so that the difference of any "
            "two has variance 1."
        )

    def signs(self, theta: Float) -> Float:
        """No parameters, (0,)."""
        return np.empty(0)

    def omega(self, theta: Float) -> Float:
        """Half the identity, (J, J)."""
        return 0.5 * np.eye(len(self.alternatives))

    def jacobian(self, theta: Float) -> Float:
        """Empty, (0, J, J)."""
        n = len(self.alternatives)
        return np.zeros((0, n, n))


@dataclass(frozen=True)
class Heteroskedastic:
    """Independent errors, each with its own standard deviation ``sd[j] / sqrt(2)``.

    The scale alternative's is fixed at ``1 / sqrt(2)``; parameters are the others' ratios to it.
    """

    alternatives: tuple[Hashable, ...]
    base: int
    scale: int

    @property
    def _free(self) -> list[int]:
        return [j for j in range(len(self.alternatives)) if j != self.scale]

    @property
    def names(self) -> tuple[str, ...]:
        """``sd[j]`` of every alternative but the scale alternative."""
        return tuple(f"sd[{self.alternatives[j]}]" for j in self._free)

    @property
    def start(self) -> Float:
        """Ones (J - 1,)."""
        return np.ones(len(self._free))

    @property
    def normalisation(self) -> str:
        """What is fixed."""
        label = self.alternatives[self.scale]
        return (
            f"The errors are independent; that of {label!r}, the scale alternative, has variance "
            f"1/2, and sd[j] is the standard deviation of j's error relative to it."
        )

    def signs(self, theta: Float) -> Float:
        """Make every standard deviation positive, (J - 1,)."""
        return np.where(theta < 0.0, -1.0, 1.0)

    def omega(self, theta: Float) -> Float:
        """``diag(sd^2) / 2``, (J, J)."""
        sd = np.ones(len(self.alternatives))
        sd[self._free] = theta
        return np.diag(0.5 * sd**2)

    def jacobian(self, theta: Float) -> Float:
        """Derivative with respect to each ratio, (J - 1, J, J)."""
        n = len(self.alternatives)
        out = np.zeros((n - 1, n, n))
        for q, j in enumerate(self._free):
            out[q, j, j] = theta[q]
        return out


@dataclass(frozen=True)
class Unstructured:
    """Any covariance of the J - 1 error differences against the base, its first element fixed.

    ``Cov(eps_j - eps_base) = L L'`` with L lower triangular and ``L[0, 0] = 1``; rows are the
    alternatives without the base, the scale alternative first. Parameters are the other elements
    of L. The base's own error is set to 0, which choices cannot tell from any other convention.
    """

    alternatives: tuple[Hashable, ...]
    base: int
    scale: int

    @property
    def rows(self) -> list[int]:
        """Codes of the alternatives in the order of the rows of L."""
        rest = [j for j in range(len(self.alternatives)) if j not in (self.base, self.scale)]
        return [self.scale, *rest]

    @property
    def _places(self) -> list[tuple[int, int]]:
        size = len(self.alternatives) - 1
        return [(r, c) for r in range(1, size) for c in range(r + 1)]

    @property
    def names(self) -> tuple[str, ...]:
        """``chol[row,column]`` of every free element, row by row."""
        labels = [self.alternatives[j] for j in self.rows]
        return tuple(f"chol[{labels[r]},{labels[c]}]" for r, c in self._places)

    @property
    def start(self) -> Float:
        """The factor of ``[[1, 1/2], [1/2, 1]]`` and its like: independent errors."""
        size = len(self.alternatives) - 1
        factor = np.linalg.cholesky(0.5 * (np.eye(size) + np.ones((size, size))))
        return np.array([factor[place] for place in self._places])

    @property
    def normalisation(self) -> str:
        """What is fixed."""
        base, scale = self.alternatives[self.base], self.alternatives[self.scale]
        return (
            f"The covariance is that of the error differences against {base!r}, the base; the "
            f"variance of the difference {scale!r} - {base!r} is fixed at 1. chol[j,k] are the "
            "elements of its lower Cholesky factor."
        )

    def signs(self, theta: Float) -> Float:
        """Make the diagonal of L positive: a column may change its sign as a whole, (Q,)."""
        diagonal = np.diag(self.factor(theta))
        return np.array([-1.0 if diagonal[c] < 0.0 else 1.0 for _, c in self._places])

    def factor(self, theta: Float) -> Float:
        """The Cholesky factor L, (J - 1, J - 1)."""
        size = len(self.alternatives) - 1
        factor = np.zeros((size, size))
        factor[0, 0] = 1.0
        for value, place in zip(theta, self._places, strict=True):
            factor[place] = value
        return factor

    def omega(self, theta: Float) -> Float:
        """``L L'`` in the places of the alternatives, zeros for the base; (J, J)."""
        n = len(self.alternatives)
        factor = self.factor(theta)
        out = np.zeros((n, n))
        out[np.ix_(self.rows, self.rows)] = factor @ factor.T
        return out

    def jacobian(self, theta: Float) -> Float:
        """``dL L' + L dL'`` for each free element, (Q, J, J)."""
        n, rows = len(self.alternatives), np.array(self.rows)
        factor = self.factor(theta)
        out = np.zeros((len(self._places), n, n))
        for q, (r, c) in enumerate(self._places):
            out[q, rows[r], rows] += factor[:, c]
            out[q, rows, rows[r]] += factor[:, c]
        return out


STRUCTURES: dict[str, Callable[[tuple[Hashable, ...], int, int], Structure]] = {
    "iid": Independent,
    "heteroskedastic": Heteroskedastic,
    "unstructured": Unstructured,
}


def make_structure(
    name: str, alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None
) -> Structure:
    """Build the structure called ``name`` for these alternatives.

    Parameters
    ----------
    name
        A key of `STRUCTURES`.
    alternatives
        J labels.
    base
        Code of the base alternative.
    scale
        Label of the alternative whose variance is fixed; by default the first but the base.

    Raises
    ------
    SpecificationError
        For a scale alternative that does not exist or is the base of an unstructured covariance.
    """
    labels = list(alternatives)
    if scale is None:
        scale_code = 1 if base == 0 else 0
    elif scale in labels:
        scale_code = labels.index(scale)
    else:
        raise SpecificationError(
            f"The scale alternative {scale!r} is none of {', '.join(map(repr, labels))}."
        )
    if name == "unstructured" and scale_code == base:
        raise SpecificationError(
            f"The scale alternative {scale!r} is also the base, whose error difference is zero. "
            "Cure: choose another scale= or base=."
        )
    if name == "heteroskedastic" and len(labels) == 2:
        raise SpecificationError(
            "With two alternatives only the variance of the difference shows in choices, so a "
            "heteroskedastic covariance is not identified. Cure: covariance='iid'."
        )
    return STRUCTURES[name](tuple(alternatives), base, scale_code)
