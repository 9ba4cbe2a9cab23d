"""Utilities that are not linear in their parameters: any errors, classes, random parameters.

Axes: C cases, J alternatives, L rows, K parameters of the utility, N people, S nodes, E values at a
node: those of all K parameters and of the error components.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.likelihood.latent import LatentClassLikelihood
from choicekit.likelihood.mixed import Block, MixedLikelihood
from choicekit.likelihood.plain import Likelihood
from choicekit.mixing.bound import ValuesAtNodes
from choicekit.utility.pieces import BoundNonlinear

__all__ = ["NonlinearClassLikelihood", "NonlinearLikelihood", "NonlinearMixedLikelihood"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NonlinearLikelihood(Likelihood):
    """Log-likelihood of a non-linear utility; ``x`` holds its derivatives near the start.

    Attributes
    ----------
    utility
        Utilities of the rows as functions of the parameters.
    """

    utility: BoundNonlinear = field(kw_only=True)

    @property
    def linear(self) -> bool:
        """Whether utilities are ``X beta``."""
        return False

    @property
    def through_utilities(self) -> bool:
        """Not where one function serves all alternatives: it may look at all rows of a case."""
        each = all(piece.code is not None for piece in self.utility.pieces)
        return each and super().through_utilities

    def regressors(self, beta: Float) -> Float:
        """Derivatives of the rows' utilities by the coefficients, (L, K)."""
        return self.utility.jacobian(beta)

    def row_utilities(self, beta: Float) -> Float:
        """Utilities of the rows, (L,)."""
        return self.utility.value(beta)

    def pullback(self, beta: Float, rows: Float) -> Float:
        """Derivatives (C, K) of each case by the coefficients, from those by utilities, (L,)."""
        return self.utility.pullback(beta, self.layout.case_ptr, rows)

    def pullback_sum(self, beta: Float, rows: Float) -> Float:
        """Their sum over cases, (K,)."""
        return self.utility.pullback_sum(beta, rows)

    def plain(self, errors: BoundErrors) -> Likelihood:
        """Other errors on the same data, not settled."""
        return NonlinearLikelihood(self.x, self.layout, errors, self.keys, utility=self.utility)

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        return replace(super().take(cases), utility=self.utility.take(self.layout.rows(cases)))

    def mixed_with(self, other: Self, alternative: int) -> Self:
        """The same with the attributes of one alternative, by its code, taken from another."""
        utility = self.utility.mixed_with(other.utility, self.layout.alt == alternative)
        return replace(self, utility=utility)

    def without(self, alternative: int) -> Self:
        """The same, not settled, where nobody can choose an alternative, by its code."""
        utility = self.utility.take(np.flatnonzero(self.layout.alt != alternative))
        return replace(super().without(alternative), utility=utility)

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own, had they chosen one alternative."""
        utility = self.utility.take(self.layout.rows(cases))
        return replace(super().alone(cases, alternative), utility=utility)


@dataclass(frozen=True, eq=False)
class NonlinearClassLikelihood(NonlinearLikelihood, LatentClassLikelihood):
    """Log-likelihood of latent classes with a non-linear utility."""


@dataclass(frozen=True, eq=False)
class NonlinearMixedLikelihood(NonlinearLikelihood, MixedLikelihood):
    """Log-likelihood of a non-linear utility with random parameters; ``mixing`` has all K."""

    def pullback(self, beta: Float, rows: Float) -> Float:
        """Nothing, (C, K): derivatives by the parameters come from the nodes."""
        return np.zeros((self.layout.n_cases, self.n_coefficients))

    def pullback_sum(self, beta: Float, rows: Float) -> Float:
        """Nothing, (K,); see ``pullback``."""
        return np.zeros(self.n_coefficients)

    def _fixed_utilities(self, beta: Float) -> Float:
        """None of the utility is common to all nodes, (C, 0)."""
        return np.empty((self.layout.n_cases, 0))

    def _rows_of(self, block: Block) -> tuple[BoundNonlinear, NDArray[np.int64], Float]:
        """Utilities of the block's rows, their place among its cases, and their components."""
        rows = self.layout.rows(block.cases)
        local = np.repeat(np.arange(len(block.cases)), self.layout.sizes[block.cases])
        return self.utility.take(rows), local, self.mixing.members[:, self.layout.alt[rows]]

    def _parameters(self, at: ValuesAtNodes, person: NDArray[np.int64]) -> list[Any]:
        """The K parameters at the rows of people: numbers, or (L', S) where they are random."""
        found: list[Any] = [0.0] * self.n_coefficients
        for place, k in enumerate(self.mixing.columns):
            found[k] = at.values[person, place]
        for place, k in enumerate(getattr(self.mixing, "others", ())):
            found[k] = float(at.values[0, self.mixing.size + place, 0])
        return found

    def _utilities_at(self, fixed: Float, at: ValuesAtNodes, block: Block) -> Float:
        """Utilities of the block's cases at the nodes, (C', S, J)."""
        utility, local, members = self._rows_of(block)
        person, n_nodes = block.person[local], at.values.shape[2]
        v = utility.value_at(self._parameters(at, person), n_nodes)
        for place, member in enumerate(members, len(self.mixing.columns)):
            v += member[:, None] * at.values[person, place]
        out = np.zeros((len(block.cases), self.layout.n_alternatives, n_nodes))
        out[local, self.layout.alt[self.layout.rows(block.cases)]] = v
        return np.ascontiguousarray(out.transpose(0, 2, 1))

    def _pull_at(self, slope: Float, at: ValuesAtNodes, block: Block) -> Float:
        """From derivatives by these utilities to those by the values at nodes, (N', E, S)."""
        utility, local, members = self._rows_of(block)
        person, mixing = block.person[local], self.mixing
        g = slope[local, :, self.layout.alt[self.layout.rows(block.cases)]]
        first = np.searchsorted(person, np.arange(len(block.first)))
        out = np.zeros((len(block.first), mixing.n_values, slope.shape[1]))
        order = [*mixing.columns, *[-1] * len(members), *getattr(mixing, "others", ())]
        for k, part in utility.slopes_at(self._parameters(at, person), g):
            out[:, order.index(k)] += np.add.reduceat(part, first, axis=0)
        for place, member in enumerate(members, len(mixing.columns)):
            out[:, place] = np.add.reduceat(member[:, None] * g, first, axis=0)
        return out

    def utilities(self, params: Float) -> Float:
        """Utilities (C, J) at the median of each parameter; 0 where not available."""
        beta, _, phi = self.split(params)
        out = np.empty(self._available.shape)
        for block in self._blocks():
            nowhere = np.zeros((len(block.first), self.mixing.n_drawn, 1))
            at = self.mixing.evaluate(self._means(beta, phi, block.people), phi, nowhere)
            out[block.cases] = self._utilities_at(beta, at, block)[:, 0]
        return out
