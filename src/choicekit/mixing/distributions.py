"""The distributions of random coefficients, one class each, and their names.

A normal variable censored at zero (Train & Sonnier 2005) is not among them: at given nodes its
likelihood has a kink wherever a node of a person crosses zero, so that neither optimiser nor
Hessian can be trusted. Axes: N people, S nodes.

References: Train (2009), section 6.5 and chapter 11; Hensher & Greene (2003) on bounded
distributions; Train & Sonnier (2005) on Johnson's S_B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_ndtr, logit, ndtr, ndtri_exp

from choicekit.exceptions import SpecificationError, unknown
from choicekit.mixing.base import LEAST, Distribution, Evaluated, Moments

__all__ = [
    "DISTRIBUTIONS",
    "Distribution",
    "JohnsonSB",
    "LogNormal",
    "Normal",
    "Triangular",
    "TruncatedNormal",
    "Uniform",
    "distribution_of",
]

Float = NDArray[np.float64]

FARTHEST = -1e4  # mean over spread of a truncated normal: further out it is exponential anyway
QUADRATURE = 64  # nodes for moments without a closed form
START_SHAPE = 0.5  # spread to start from where it is that of a logarithm or a logit


@dataclass(frozen=True)
class Normal(Distribution):
    """``b + s z``."""


@dataclass(frozen=True)
class LogNormal(Distribution):
    """``exp(b + s z)``: positive, or negative with ``negated``."""

    @property
    def _name(self) -> str:
        return "lognormal"

    @property
    def linear(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def one_signed(self) -> bool:
        """See `Distribution`."""
        return True

    @property
    def sense(self) -> str:
        """See `Distribution`."""
        return f"of the logarithm of {'minus ' if self.negated else ''}the coefficient"

    def _transform(self, y: Float) -> tuple[Float, Float]:
        values = np.exp(np.minimum(y, 300.0))
        return values, values

    def _moments(self, mean: float, sd: float) -> Moments:
        with np.errstate(over="ignore"):
            centre = float(np.exp(mean + 0.5 * sd * sd))
            spread = centre * float(np.sqrt(np.expm1(sd * sd)))
        return Moments(centre, float(np.exp(mean)), spread, 0.0)

    def _start_mean(self, coefficient: float) -> float:
        return _log_start(coefficient)

    def start_sd(self, natural: float) -> float:
        """See `Distribution`."""
        return START_SHAPE


@dataclass(frozen=True)
class TruncatedNormal(Distribution):
    """A normal variable given that it is positive, by the inverse of its distribution function."""

    @property
    def even(self) -> bool:
        """See `Distribution`."""
        return True

    @property
    def _name(self) -> str:
        return "truncated normal"

    @property
    def linear(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def from_normal(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def one_signed(self) -> bool:
        """See `Distribution`."""
        return True

    @property
    def sense(self) -> str:
        """See `Distribution`."""
        return f"of the normal variable before {_signed(self)}it is truncated at zero"

    def evaluate(self, y: Float, mean: Float, sd: float, t: Float) -> Evaluated:
        """See `Distribution`.

        With ``c = b / s`` and ``w = -Phi^-1((1 - u) Phi(c))`` the value is ``b + s w``.
        """
        s = max(abs(sd), LEAST)
        with np.errstate(over="ignore"):
            c = np.clip(mean / s, FARTHEST, 1e200)
            tail = log_ndtr(-t)  # log(1 - u)
            w = -ndtri_exp(tail + log_ndtr(c))
            # The derivative of w by c is -(1 - u) phi(c) / phi(w).
            move = np.exp(np.minimum(tail + 0.5 * (w - c) * (w + c), 0.0))
        values = np.where(c > FARTHEST, np.maximum(mean + s * w, 0.0), s * (w + c))
        slope, by_sd = 1.0 - move, w + c * move
        lever = np.divide(by_sd, slope, out=np.zeros_like(by_sd), where=slope > 0.0)
        if sd < 0.0:
            lever = -lever
        if self.negated:
            values, slope = -values, -slope
        return Evaluated(values, slope, lever)

    def _moments(self, mean: float, sd: float) -> Moments:
        c = mean / sd
        mills = float(np.exp(-0.5 * c * c - float(log_ndtr(c)))) / np.sqrt(2.0 * np.pi)
        variance = sd * sd * max(1.0 - mills * (mills + c), 0.0)
        median = mean - sd * float(ndtri_exp(np.log(0.5) + float(log_ndtr(c))))
        return Moments(mean + sd * mills, median, float(np.sqrt(variance)), 0.0)

    def _start_mean(self, coefficient: float) -> float:
        return abs(coefficient)


@dataclass(frozen=True)
class Uniform(Distribution):
    """``b + s t`` with t uniform on (-1, 1)."""

    @property
    def _name(self) -> str:
        return "uniform"

    @property
    def from_normal(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def sense(self) -> str:
        """See `Distribution`."""
        return "the centre and half the width of the interval"

    def nodes(self, z: Float) -> Float:
        """See `Distribution`."""
        t: Float = 2.0 * ndtr(z) - 1.0
        return t

    def _moments(self, mean: float, sd: float) -> Moments:
        share = float(np.clip(0.5 * (1.0 - mean / sd), 0.0, 1.0))
        return Moments(mean, mean, sd / np.sqrt(3.0), share)

    def start_sd(self, natural: float) -> float:
        """See `Distribution`."""
        return natural * float(np.sqrt(3.0))


@dataclass(frozen=True)
class Triangular(Distribution):
    """``b + s t`` with t triangular on (-1, 1), highest at 0."""

    @property
    def _name(self) -> str:
        return "triangular"

    @property
    def from_normal(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def sense(self) -> str:
        """See `Distribution`."""
        return "the centre and half the width of the triangle's base"

    def nodes(self, z: Float) -> Float:
        """See `Distribution`."""
        t: Float = np.copysign(1.0 - np.sqrt(2.0 * ndtr(-np.abs(z))), z)
        return t

    def _moments(self, mean: float, sd: float) -> Moments:
        at = float(np.clip(-mean / sd, -1.0, 1.0))
        share = 0.5 * (1.0 + at) ** 2 if at < 0.0 else 1.0 - 0.5 * (1.0 - at) ** 2
        return Moments(mean, mean, sd / np.sqrt(6.0), share)

    def start_sd(self, natural: float) -> float:
        """See `Distribution`."""
        return natural * float(np.sqrt(6.0))


@dataclass(frozen=True)
class JohnsonSB(Distribution):
    """``lower + (upper - lower) / (1 + exp(-(b + s z)))``: bounded, flat, skewed or with two modes.

    Parameters
    ----------
    lower, upper
        The bounds, given: estimating them together with b and s is rarely possible (Train &
        Sonnier 2005).

    Raises
    ------
    SpecificationError
        For bounds that are not finite and in order.

    Examples
    --------
    >>> from choicekit.mixing import JohnsonSB, RandomCoefficients
    >>> RandomCoefficients(cost=JohnsonSB(lower=-8, upper=0)).names
    ('cost',)
    """

    lower: float = 0.0
    upper: float = 1.0

    def __init__(self, lower: float = 0.0, upper: float = 1.0) -> None:
        if not (np.isfinite(lower) and np.isfinite(upper) and lower < upper):
            raise SpecificationError(
                f"JohnsonSB needs finite bounds, lower < upper, not {lower!r} and {upper!r}."
            )
        object.__setattr__(self, "negated", False)
        object.__setattr__(self, "lower", float(lower))
        object.__setattr__(self, "upper", float(upper))

    @property
    def _name(self) -> str:
        return f"johnson sb ({self.lower:g}, {self.upper:g})"

    @property
    def linear(self) -> bool:
        """See `Distribution`."""
        return False

    @property
    def sense(self) -> str:
        """See `Distribution`."""
        return (
            f"of the normal variable whose logistic transform, put on ({self.lower:g}, "
            f"{self.upper:g}), is the coefficient"
        )

    def _transform(self, y: Float) -> tuple[Float, Float]:
        width, p = self.upper - self.lower, expit(y)
        return self.lower + width * p, width * p * expit(-y)

    def _moments(self, mean: float, sd: float) -> Moments:
        # The trapezoidal rule in z: all derivatives vanish at both ends.
        z = np.linspace(-10.0, 10.0, 40 * QUADRATURE + 1)
        weight = np.exp(-0.5 * z * z)
        weight /= weight.sum()
        values = self._transform(mean + sd * z)[0]
        centre = float(weight @ values)
        spread = float(np.sqrt(weight @ (values - centre) ** 2))
        median = float(self._transform(np.array(mean))[0])
        zero = (0.0 - self.lower) / (self.upper - self.lower)
        share = float(zero >= 1.0)
        if 0.0 < zero < 1.0:
            share = float(ndtr((float(logit(zero)) - mean) / sd))
        return Moments(centre, median, spread, share)

    def _start_mean(self, coefficient: float) -> float:
        place = (coefficient - self.lower) / (self.upper - self.lower)
        return float(logit(np.clip(place, 0.05, 0.95)))

    def start_sd(self, natural: float) -> float:
        """See `Distribution`."""
        return START_SHAPE


def _signed(distribution: Distribution) -> str:
    return "its sign is changed and " if distribution.negated else ""


def _log_start(coefficient: float) -> float:
    """Logarithm of a coefficient; of a third of its size where its sign is the wrong one."""
    return float(np.log(max(abs(coefficient), 1e-6))) - (1.0 if coefficient < 0.0 else 0.0)


DISTRIBUTIONS: dict[str, Callable[[], Distribution]] = {
    "normal": Normal,
    "lognormal": LogNormal,
    "-lognormal": lambda: LogNormal(negated=True),
    "truncated normal": TruncatedNormal,
    "-truncated normal": lambda: TruncatedNormal(negated=True),
    "triangular": Triangular,
    "uniform": Uniform,
    "johnson sb": JohnsonSB,
}


def distribution_of(given: str | Distribution, name: str) -> Distribution:
    """Return the distribution named, or the one given.

    Raises
    ------
    SpecificationError
        For an unknown name, with the nearest; ``name`` is the coefficient's, for the message.
    """
    if isinstance(given, Distribution):
        return given
    key = " ".join(str(given).lower().replace("_", " ").split())
    if key not in DISTRIBUTIONS:
        raise unknown(f"distribution of {name!r}", given, tuple(DISTRIBUTIONS))
    return DISTRIBUTIONS[key]()
