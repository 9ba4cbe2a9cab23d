"""Coefficients that are products of random variables: a scale, or a price, times each of them.

Axes: K coefficients of the utility, N people, S nodes, H random dimensions as in
`choicekit.mixing.bound`, E values at a node: the H, then the coefficients that are the same for
all people but multiplied; M parameters of the spread, D of shifts of the means.

Both kinds (`choicekit.mixing.scaled`, `choicekit.mixing.wtp`) give the values at nodes and pull
derivatives by them back to the parameters; nothing else of the likelihood knows of products.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.mixing.bound import BoundRandom, ValuesAtNodes

__all__ = ["BoundFactors", "BoundProducts", "ProductsAtNodes", "parts_of"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ProductsAtNodes(ValuesAtNodes):
    """Products at nodes, and what they were made of.

    Attributes
    ----------
    inner
        The random coefficients before they are multiplied, (N, H, S).
    factors
        These and the coefficients that are the same for all, (N, E, S).
    mean
        Means behind the factors, (1, E) or (N, E).
    multiplier
        The scale or the price's coefficient, (N, S).
    """

    inner: ValuesAtNodes
    factors: Float
    mean: Float
    multiplier: Float


@dataclass(frozen=True, eq=False)
class BoundProducts(BoundRandom):
    """Random coefficients that are multiplied with another variable of the person; the base.

    Attributes
    ----------
    others
        Positions among the K of the multiplied coefficients that are not random themselves.
    other_names
        Their names.
    """

    others: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    other_names: tuple[str, ...] = ()

    @property
    def n_values(self) -> int:
        """E."""
        return self.size + len(self.others)

    @property
    def varying(self) -> NDArray[np.intp]:
        """Positions among the K of the coefficients that have a value at each node."""
        return np.concatenate([self.columns, self.others])

    @property
    def all_normal(self) -> bool:
        """Products are not."""
        return False

    @property
    def inner(self) -> BoundRandom:
        """The random coefficients before they are multiplied."""
        own = {part.name: getattr(self, part.name) for part in fields(BoundRandom)}
        return BoundRandom(**own)

    def rows(self, x: Float, alt: NDArray[np.int32]) -> Float:
        """What the values multiply in each row, (L, E)."""
        return np.column_stack([super().rows(x, alt), x[:, self.others]])

    def means(self, beta: Float, phi: Float, people: slice) -> Float:
        """Means of y and the coefficients that are not random, (E,) or (N, E)."""
        own = super().means(beta, phi, people)
        return np.concatenate(
            [own, np.broadcast_to(beta[self.others], (*own.shape[:-1], len(self.others)))], axis=-1
        )

    def select_coefficients(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Of what belongs to the E values, that of coefficients, in the order of ``varying``."""
        return np.concatenate([values[: len(self.columns)], values[self.size :]])

    def of_coefficients(self, by_mean: Float) -> Float:
        """Derivatives by the coefficients in the order of ``varying``, without the components'."""
        return np.hstack([by_mean[:, : len(self.columns)], by_mean[:, self.size :]])

    def _factors(self, mean: Float, phi: Float, t: Float) -> tuple[ValuesAtNodes, Float]:
        """Random coefficients at nodes, and all that is multiplied, (N, E, S)."""
        inner = super().evaluate(mean[..., : self.size], phi, t[:, : self.size])
        rest = mean[..., self.size :, None]
        shape = (len(t), len(self.others), t.shape[2])
        return inner, np.concatenate([inner.values, np.broadcast_to(rest, shape)], axis=1)

    def _pull_factors(self, by_factor: Float, at: ProductsAtNodes) -> tuple[Float, Float]:
        """From derivatives by the factors to those by the means (N, E) and G (N, H, H)."""
        by_mean, by_spread = super().pull(by_factor[:, : self.size], at.inner)
        return np.hstack([by_mean, by_factor[:, self.size :].sum(axis=2)]), by_spread


@dataclass(frozen=True, eq=False)
class BoundFactors(BoundProducts):
    """The factors themselves: all K parameters at nodes, for utilities that are not linear."""

    @classmethod
    def of(cls, bound: BoundRandom, size: int) -> BoundFactors:
        """All ``size`` parameters of a utility, some of them random."""
        others = np.setdiff1d(np.arange(size), bound.columns)
        return cls(**parts_of(bound), others=others)

    def evaluate(self, mean: Float, phi: Float, t: Float) -> ProductsAtNodes:
        """Values at base draws; parameters as for `BoundRandom.evaluate`."""
        inner, factors = self._factors(mean, phi, t)
        one = np.ones((1, 1))
        return ProductsAtNodes(factors, None, t, inner, factors, np.atleast_2d(mean), one)

    def pull_values(self, by_value: Float, at: ValuesAtNodes, people: slice) -> tuple[Float, Float]:
        """From derivatives by the values to those by the means (N, E) and by phi."""
        assert isinstance(at, ProductsAtNodes)
        by_mean, by_spread = self._pull_factors(by_value, at)
        return by_mean, self.pull_phi(by_spread, by_mean, people)

    def report(self, at: ValuesAtNodes) -> Float:
        """The random ones, (N, H, S)."""
        return at.values[:, : self.size]


def parts_of(bound: BoundRandom) -> dict[str, Any]:
    """Arguments that make the same random coefficients again."""
    return {part.name: getattr(bound, part.name) for part in fields(bound)}
