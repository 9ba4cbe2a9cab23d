"""Coefficients that are random over people: mixed logit, probit with random tastes.

Axes: K coefficients of the utility, H of them random, N people, S nodes, M parameters of the
spread.

A random coefficient is ``b_n = b + (G z_n)`` with z standard normal and G lower triangular: its
diagonal holds standard deviations where coefficients are independent, and G is the Cholesky
factor of their covariance where they are correlated (Train 2009, sections 6.2 and 9.2.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean
from choicekit.numerics.draws import MAX_BITS

__all__ = ["BoundRandom", "RandomCoefficients"]

Float = NDArray[np.float64]

DEFAULT_DRAWS = 512
DISTRIBUTIONS = ("normal",)
# The spread to start from: the part of the utility it makes random then has this share of the
# standard deviation of an error. Zero would be a saddle point, where the gradient vanishes.
START_SHARE = 0.3


@dataclass(frozen=True, init=False)
class RandomCoefficients:
    """Which coefficients differ between people, and how they are distributed.

    Parameters
    ----------
    coefficients
        ``{name: distribution}`` for names that are no Python words, such as ``"asc[air]"``.
    correlated
        Whether the coefficients are correlated: the covariance is then estimated through its
        Cholesky factor.
    draws
        Nodes a person where draws are needed, rounded up to a power of two; default 512. A probit
        with one case a person needs none: normal coefficients add to the covariance of its errors.
    **distributions
        ``time="normal"`` and so on.

    Raises
    ------
    SpecificationError
        For an unknown distribution, no coefficient at all, or an impossible number of draws.

    References
    ----------
    Train (2009), chapter 6; McFadden & Train (2000). For the probit: Hausman & Wise (1978).

    Examples
    --------
    >>> from choicekit import RandomCoefficients
    >>> RandomCoefficients(time="normal", cost="normal", correlated=True).names
    ('time', 'cost')
    """

    distributions: tuple[tuple[str, str], ...]
    correlated: bool = False
    draws: int = field(default=DEFAULT_DRAWS)

    def __init__(
        self,
        coefficients: Mapping[str, str] | None = None,
        *,
        correlated: bool = False,
        draws: int = DEFAULT_DRAWS,
        **distributions: str,
    ) -> None:
        given = {**(coefficients or {}), **distributions}
        if not given:
            raise SpecificationError(
                "No coefficient is random. Cure: name some, RandomCoefficients(time='normal')."
            )
        for name, distribution in given.items():
            if distribution not in DISTRIBUTIONS:
                raise SpecificationError(
                    f"The distribution {distribution!r} of {name!r} is unknown; there are "
                    f"{', '.join(map(repr, DISTRIBUTIONS))}."
                )
        if not isinstance(draws, int | np.integer) or not 2 <= draws <= 1 << MAX_BITS:
            raise SpecificationError(
                f"draws must be a whole number from 2 to {1 << MAX_BITS:,}, not {draws!r}."
            )
        object.__setattr__(self, "distributions", tuple(given.items()))
        object.__setattr__(self, "correlated", bool(correlated))
        object.__setattr__(self, "draws", int(draws))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the random coefficients, H."""
        return tuple(name for name, _ in self.distributions)

    def with_draws(self, draws: int) -> RandomCoefficients:
        """The same with another number of nodes a person."""
        given = dict(self.distributions)
        return RandomCoefficients(given, correlated=self.correlated, draws=draws)

    def bind(self, names: tuple[str, ...]) -> BoundRandom:
        """Find the random coefficients among the K of the utility.

        Raises
        ------
        SpecificationError
            For a name the utility does not have, with the nearest.
        """
        for name in self.names:
            if name not in names:
                hint = did_you_mean(name, names)
                raise SpecificationError(
                    f"There is no coefficient {name!r} to make random.{hint} The utility has: "
                    f"{', '.join(names)}."
                )
        columns = np.array([names.index(name) for name in self.names], dtype=np.intp)
        n_bits = max(1, int(np.ceil(np.log2(self.draws))))
        return BoundRandom(self.names, columns, self.correlated, n_bits)


@dataclass(frozen=True, eq=False)
class BoundRandom:
    """Random coefficients of a given utility; see `RandomCoefficients`.

    Attributes
    ----------
    coefficients
        Their names, H.
    columns
        Their positions among the K, (H,).
    correlated
        Whether the spread is a full triangle.
    n_bits
        A person gets ``2**n_bits`` nodes.
    """

    coefficients: tuple[str, ...]
    columns: NDArray[np.intp]
    correlated: bool
    n_bits: int

    @property
    def all_normal(self) -> bool:
        """Whether the coefficients are jointly normal."""
        return True

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each parameter in the spread G."""
        size = len(self.coefficients)
        if self.correlated:
            return tuple((r, c) for r in range(size) for c in range(r + 1))
        return tuple((r, r) for r in range(size))

    @property
    def names(self) -> tuple[str, ...]:
        """``sd[time]`` or, where correlated, ``chol[cost,time]``, M of them."""
        if not self.correlated:
            return tuple(f"sd[{name}]" for name in self.coefficients)
        names = self.coefficients
        return tuple(f"chol[{names[r]},{names[c]}]" for r, c in self.places)

    def start(self, variation: Float, error_sd: float) -> Float:
        """Spread to start from, (M,).

        Parameters
        ----------
        variation
            Root mean square difference of the K regressors within a case, (K,).
        error_sd
            Standard deviation of an error.
        """
        size = np.maximum(variation[self.columns], 1e-300)
        return np.array(
            [START_SHARE * error_sd / size[r] if r == c else 0.0 for r, c in self.places]
        )

    def spread(self, phi: Float) -> Float:
        """The factor G, (H, H), lower triangular."""
        size = len(self.coefficients)
        out = np.zeros((size, size))
        for value, place in zip(phi, self.places, strict=True):
            out[place] = value
        return out

    def pull_spread(self, by_spread: Float) -> Float:
        """From derivatives by G, (U, H, H), to those by the parameters, (U, M)."""
        rows, columns = np.array(self.places, dtype=np.intp).T
        out: Float = by_spread[:, rows, columns]
        return out

    def signs(self, phi: Float) -> Float:
        """Signs (M,) that make the diagonal positive; a column of G may change its sign whole."""
        diagonal = np.diag(self.spread(phi))
        return np.array([-1.0 if diagonal[c] < 0.0 else 1.0 for _, c in self.places])

    def coefficients_at(self, mean: Float, phi: Float, z: Float) -> Float:
        """Values of the random coefficients at standard normal nodes.

        Parameters
        ----------
        mean
            (H,).
        phi
            (M,).
        z
            (N, H, S).

        Returns
        -------
        ndarray
            (N, H, S).
        """
        values: Float = mean[:, None] + self.spread(phi) @ z
        return values

    def pull(self, by_value: Float, z: Float) -> tuple[Float, Float]:
        """From derivatives by the coefficients' values, (N, H, S), to mean (N, H), phi (N, M)."""
        by_spread = by_value @ z.transpose(0, 2, 1)
        return by_value.sum(axis=2), self.pull_spread(by_spread)
