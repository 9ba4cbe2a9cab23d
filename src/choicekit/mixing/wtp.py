"""Willingness-to-pay space: what a unit of each covariate is worth, times the price's coefficient.

Axes: K coefficients of the utility, N people, S nodes, H random dimensions, E values at a node
(`choicekit.mixing.products`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.mixing.arguments import require_coefficient
from choicekit.mixing.bound import BoundRandom, ValuesAtNodes
from choicekit.mixing.products import BoundProducts, ProductsAtNodes, parts_of

__all__ = ["BoundWtp", "in_wtp_space"]

Float = NDArray[np.float64]

START_SD = 0.5  # of the price's coefficient; its median hardly depends on it
LEAST = 1e-6  # size of a price coefficient, where a start divides by it


@dataclass(frozen=True, eq=False)
class BoundWtp(BoundProducts):
    """Willingness to pay times minus the coefficient of the price (Train & Weeks 2005).

    ``V = a (p - w' x)`` with a the coefficient of the price p, negative as a rule, and w what a
    unit of each x is worth in units of the price.

    Attributes
    ----------
    price
        Position of the price's coefficient among the E.
    """

    price: int = 0

    @property
    def money(self) -> NDArray[np.bool_]:
        """Which of the E values are willingness to pay: all but the price and the components."""
        found = np.ones(self.n_values, dtype=np.bool_)
        found[self.price] = False
        found[len(self.columns) : self.size] = False
        return found

    @property
    def price_column(self) -> int:
        """Position of the price's coefficient among the K."""
        is_price = np.arange(self.n_values) == self.price
        return int(self.varying[self.select_coefficients(is_price)][0])

    @property
    def price_name(self) -> str:
        """Name of the price's coefficient."""
        return (*self.coefficients, *self.other_names)[self.price]

    @property
    def remarks(self) -> tuple[str, ...]:
        """In which sense the parameters are means and standard deviations."""
        return (
            *super().remarks,
            f"Willingness-to-pay space: all coefficients but {self.price_name} are what a unit of "
            f"the covariate is worth in units of {self.price_name}.",
        )

    @property
    def bent_columns(self) -> NDArray[np.intp]:
        """Positions among the K of parameters that are in other units than coefficients: all."""
        return self.varying

    def start_from(self, beta: Float, phi: Float) -> tuple[Float, Float]:
        """Start where utilities are those of common coefficients (K,); see `BoundRandom`."""
        worth, spread = beta.copy(), phi.copy()
        place = self.price_column
        slope = float(beta[place])
        if self.price < self.size:
            law = self.distributions[self.price]
            slope = law.moments(law.start_mean(slope), START_SD).median
        size = np.copysign(max(abs(slope), LEAST), slope)
        others = self.varying[self.varying != place]
        worth[others] = -beta[others] / size
        for place_of, (r, c) in enumerate(self.places):
            if r == c and self.money[r]:
                law = self.distributions[r]
                spread[place_of] *= law.start_sd(1.0 / abs(size)) / law.start_sd(1.0)
        return super().start_from(worth, spread)

    def vanished(self, beta: Float, phi: Float, variation: Float) -> tuple[str, str]:
        """Say which coefficients of one sign have shrunk to nothing; see `BoundRandom`."""
        mean = np.atleast_2d(self.means(beta, phi, slice(None))).mean(axis=0)
        a = abs(float(self.evaluate(mean, phi, np.zeros((1, self.size, 1))).multiplier[0, 0]))
        weights = variation.copy()
        weights[self.varying[self.select_coefficients(self.money)]] *= a
        return super().vanished(beta, phi, weights)

    def evaluate(self, mean: Float, phi: Float, t: Float) -> ProductsAtNodes:
        """Values of the coefficients at base draws; parameters as for `BoundRandom.evaluate`."""
        inner, factors = self._factors(mean, phi, t)
        a, values = factors[:, self.price], factors.copy()
        values[:, self.money] *= -a[:, None, :]
        return ProductsAtNodes(values, None, t, inner, factors, np.atleast_2d(mean), a)

    def pull_values(self, by_value: Float, at: ValuesAtNodes, people: slice) -> tuple[Float, Float]:
        """From derivatives by the values to those by the means (N, E) and by phi."""
        assert isinstance(at, ProductsAtNodes)
        money, by_factor = self.money, by_value.copy()
        by_factor[:, money] *= -at.multiplier[:, None, :]
        by_factor[:, self.price] -= (by_value[:, money] * at.factors[:, money]).sum(axis=1)
        by_mean, by_spread = self._pull_factors(by_factor, at)
        return by_mean, self.pull_phi(by_spread, by_mean, people)

    def report(self, at: ValuesAtNodes) -> Float:
        """Willingness to pay and the price's coefficient, where they are random, (N, H, S)."""
        assert isinstance(at, ProductsAtNodes)
        return at.inner.values


def in_wtp_space(
    bound: BoundRandom, price: str, names: tuple[str, ...], offsets: Sequence[str] = ()
) -> BoundWtp:
    """Random coefficients of a utility with these names, as willingness to pay; no offsets.

    Raises
    ------
    SpecificationError
        For a price that the utility does not have, or has alone.
    """
    require_coefficient(price, names, "to be that of the price")
    if len(names) - len(offsets) == 1:
        raise SpecificationError(f"{price!r} is the only coefficient: nothing is paid for.")
    random = (*bound.coefficients[: len(bound.columns)], *offsets)
    others = np.array([k for k, name in enumerate(names) if name not in random], dtype=np.intp)
    other_names = tuple(names[k] for k in others)
    place = (*bound.coefficients, *other_names).index(price)
    return BoundWtp(**parts_of(bound), others=others, other_names=other_names, price=place)
