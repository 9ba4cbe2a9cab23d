"""Common factors: independent errors plus loadings on a few normals that alternatives share.

Axes: J alternatives, Q parameters, F factors.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.covariance.base import Structure, difference_code
from choicekit.exceptions import SpecificationError

__all__ = ["Factor", "FactorStructure"]

Float = NDArray[np.float64]

FIRST_LOADING = 0.5  # of the optimiser's start; independent errors have standard deviation 0.7


@dataclass(frozen=True)
class Factor:
    """Errors that share ``n_factors`` independent standard normals: ``omega = I / 2 + B B'``.

    Parameters
    ----------
    n_factors
        Number F of factors, from 1 to J - 2. With J - 2 the model is the unstructured one in
        other parameters; with more it is not identified.

    Raises
    ------
    SpecificationError
        If the number is not a positive whole one; on binding, if it exceeds J - 2.

    Notes
    -----
    Adding the same amounts to all rows of the loadings B (J, F) changes no difference of
    utilities, so the base's row is zero. Rotating the factors changes nothing either, so the
    first of the other rows, the scale alternative's, loads on the first factor alone, the next on
    the first two, and so on. The independent part I / 2 sets the scale. With these, another base
    or scale alternative is the same model in other parameters.
    """

    n_factors: int = 1

    def __post_init__(self) -> None:
        whole = isinstance(self.n_factors, int | np.integer)
        if not whole or isinstance(self.n_factors, bool) or self.n_factors < 1:
            raise SpecificationError(
                f"The number of factors must be a whole number from 1, not {self.n_factors!r}. "
                "Cure: covariance='factor(1)' or Factor(1)."
            )

    @property
    def name(self) -> str:
        """``factor(F)``."""
        return f"factor({self.n_factors})"

    def bind(
        self, alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None
    ) -> FactorStructure:
        """Build it for J labels, the code of the base and the label of the scale alternative."""
        n = len(alternatives)
        if self.n_factors > n - 2:
            most = (
                f"Cure: at most factor({n - 2}) (which is as general as covariance='unstructured')."
                if n > 2
                else "Cure: covariance='iid'."
            )
            raise SpecificationError(
                f"{self.name} is not identified with {n} alternatives: their error differences "
                f"show {n * (n - 1) // 2 - 1} covariances besides the scale, and it has "
                f"{_n_loadings(n, self.n_factors)} loadings. {most}"
            )
        code = difference_code(alternatives, base, scale)
        return FactorStructure(tuple(alternatives), base, code, int(self.n_factors))


def _n_loadings(n_alternatives: int, n_factors: int) -> int:
    return sum(min(row + 1, n_factors) for row in range(n_alternatives - 1))


@dataclass(frozen=True)
class FactorStructure(Structure):
    """The loadings of given alternatives; see `Factor`."""

    alternatives: tuple[Hashable, ...]
    base: int
    scale: int
    n_factors: int

    @property
    def rows(self) -> list[int]:
        """Codes of the alternatives in the order of the rows of the free loadings."""
        rest = [j for j in range(len(self.alternatives)) if j not in (self.base, self.scale)]
        return [self.scale, *rest]

    @property
    def _places(self) -> list[tuple[int, int]]:
        """Row among `rows` and column of each parameter."""
        size = len(self.alternatives) - 1
        return [(r, c) for r in range(size) for c in range(min(r + 1, self.n_factors))]

    @property
    def names(self) -> tuple[str, ...]:
        """``load[alternative,factor]``, factors from 1, row by row."""
        labels = [self.alternatives[j] for j in self.rows]
        return tuple(f"load[{labels[r]},{c + 1}]" for r, c in self._places)

    @property
    def start(self) -> Float:
        """Zeros (Q,): independent errors."""
        return np.zeros(len(self._places))

    @property
    def search_start(self) -> Float:
        """Small loadings (Q,), different in each column.

        At zero loadings the likelihood has no slope: a loading and its negative are alike.
        """
        size = len(self.alternatives) - 1
        places = np.array(self._places)
        row, column = places[:, 0], places[:, 1]
        waves: Float = np.cos(np.pi * column * (row - column) / size) * 0.9**row
        return FIRST_LOADING * waves

    @property
    def normalisation(self) -> str:
        """What is fixed."""
        base, first = self.alternatives[self.base], self.alternatives[self.scale]
        sentence = (
            "Each error is an independent normal of variance 1/2 plus loadings on "
            f"{self.n_factors} common standard normal(s); the loadings are relative to those of "
            f"{base!r}, the base, which are zero"
        )
        if self.n_factors == 1:
            return sentence + "."
        return sentence + (
            f", and the factors are rotated so that {first!r} loads on the first alone, the next "
            "alternative on the first two, and so on."
        )

    @property
    def has_levels(self) -> bool:
        """The covariance is that of the errors, given that the base does not load."""
        return True

    def loadings(self, theta: Float) -> Float:
        """All loadings, zeros included, (J, F)."""
        out = np.zeros((len(self.alternatives), self.n_factors))
        rows = self.rows
        for value, (r, c) in zip(theta, self._places, strict=True):
            out[rows[r], c] = value
        return out

    def signs(self, theta: Float) -> Float:
        """Make the first loading of each factor positive: its sign does not show, (Q,)."""
        leading = self.loadings(theta)[self.rows[: self.n_factors], range(self.n_factors)]
        return np.array([-1.0 if leading[c] < 0.0 else 1.0 for _, c in self._places])

    def omega(self, theta: Float) -> Float:
        """``I / 2 + B B'``, (J, J)."""
        loadings = self.loadings(theta)
        out: Float = 0.5 * np.eye(len(loadings)) + loadings @ loadings.T
        return out

    def jacobian(self, theta: Float) -> Float:
        """``dB B' + B dB'`` for each free loading, (Q, J, J)."""
        loadings, rows = self.loadings(theta), self.rows
        out = np.zeros((len(theta), len(loadings), len(loadings)))
        for q, (r, c) in enumerate(self._places):
            out[q, rows[r], :] += loadings[:, c]
            out[q, :, rows[r]] += loadings[:, c]
        return out
