"""Any covariance of the error differences against the base.

Axes: J alternatives, Q parameters.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.covariance.base import Structure, difference_code

__all__ = ["Unstructured", "unstructured"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Unstructured(Structure):
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

    @property
    def has_levels(self) -> bool:
        """Only differences against the base."""
        return False

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


def unstructured(
    alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None
) -> Unstructured:
    """Any covariance of the error differences; see `Unstructured`.

    Parameters
    ----------
    alternatives, base, scale
        J labels, code of the base, label of the scale alternative, which must be another one.
    """
    return Unstructured(alternatives, base, difference_code(alternatives, base, scale))
