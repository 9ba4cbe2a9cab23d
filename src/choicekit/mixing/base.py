"""What a distribution of a random coefficient is: a transformation of ``y = b + s z``.

Every distribution has two parameters. The *mean parameter* b bears the name of the coefficient,
the *spread* s is called ``sd[...]`` (or, where coefficients are correlated, is the norm of a row
of the Cholesky factor). In which sense they are a mean and a standard deviation differs, and
`Distribution.sense` says so. Axes: N people, S nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

__all__ = ["LEAST", "Distribution", "Evaluated", "Moments"]

Float = NDArray[np.float64]

LEAST = 1e-300  # a spread below this counts as this


class Evaluated(NamedTuple):
    """Values of a coefficient at nodes and their derivatives.

    Attributes
    ----------
    values
        (N, S).
    slope
        Derivative by the mean parameter, (N, S).
    lever
        What times ``slope`` is the derivative by the spread, (N, S).
    """

    values: Float
    slope: Float
    lever: Float


class Moments(NamedTuple):
    """Mean, median, standard deviation and share below zero of a coefficient over people."""

    mean: float
    median: float
    sd: float
    negative: float


@dataclass(frozen=True)
class Distribution:
    """A distribution of a coefficient; the base of all and the normal itself.

    Attributes
    ----------
    negated
        Whether the coefficient is minus the variable described, so that a positive distribution
        serves a cost.
    """

    negated: bool = False

    @property
    def label(self) -> str:
        """Its name, as users write it."""
        return ("-" if self.negated else "") + self._name

    @property
    def _name(self) -> str:
        return "normal"

    @property
    def linear(self) -> bool:
        """Whether values are ``b + s t`` with nodes t that depend on no parameter."""
        return not self.negated

    @property
    def from_normal(self) -> bool:
        """Whether it is a function of ``b + s z`` alone, and so may be correlated with others."""
        return True

    @property
    def even(self) -> bool:
        """Whether a spread and its negative are the same at the same nodes."""
        return False

    @property
    def one_signed(self) -> bool:
        """Whether it comes to nothing only in the limit, where the data want the other sign."""
        return False

    @property
    def sense(self) -> str:
        """What b and s are, in words; ``""`` where they are mean and standard deviation."""
        return "of minus the coefficient" if self.negated else ""

    def nodes(self, z: Float) -> Float:
        """Base draws t of standard normal nodes, any shape."""
        return z

    def evaluate(self, y: Float, mean: Float, sd: float, t: Float) -> Evaluated:
        """Values and derivatives at base draws.

        Parameters
        ----------
        y
            ``b + (G t)`` of this coefficient, (N, S).
        mean
            b, (1, 1) or (N, 1).
        sd
            Its own s; means something where the coefficient is independent of others.
        t
            Base draws, (N, S).
        """
        values, slope = self._transform(y)
        if self.negated:
            values, slope = -values, -slope
        return Evaluated(values, slope, t)

    def _transform(self, y: Float) -> tuple[Float, Float]:
        """A function of y and its derivative, before the sign."""
        return y, np.ones_like(y)

    def moments(self, mean: float, sd: float) -> Moments:
        """Moments over people, given b and s."""
        found = self._moments(mean, max(abs(sd), LEAST))
        if not self.negated:
            return found
        return Moments(-found.mean, -found.median, found.sd, self._positive(mean, sd))

    def _moments(self, mean: float, sd: float) -> Moments:
        return Moments(mean, mean, sd, float(ndtr(-mean / sd)))

    def _positive(self, mean: float, sd: float) -> float:
        """Share above zero before the sign."""
        return 1.0 - self._moments(mean, max(abs(sd), LEAST)).negative

    def start_mean(self, coefficient: float) -> float:
        """Mean parameter to start from where the same coefficient for all would be this."""
        return self._start_mean(-coefficient if self.negated else coefficient)

    def _start_mean(self, coefficient: float) -> float:
        return coefficient

    def start_sd(self, natural: float) -> float:
        """Spread to start from, where ``natural`` is a moderate standard deviation."""
        return natural
