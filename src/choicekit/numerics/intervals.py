"""Probabilities of intervals under the logistic and the normal law, accurate in both tails.

Axes: C intervals.

A difference of two distribution functions loses all its digits in the upper tail and where the
interval is narrow. Neither happens here: the logistic difference is a product of positive
factors, the normal one is taken in the lower tail on the scale of Mills' ratio, and a narrow
interval is integrated by a series about its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Interval", "logistic_interval", "normal_interval"]

Float = NDArray[np.float64]

NARROW = 0.02  # width times distance from the middle; the series' error is below 1e-16 there
SQRT_HALF, LOG_SQRT_2PI = np.sqrt(0.5), 0.5 * np.log(2.0 * np.pi)


@dataclass(frozen=True)
class Interval:
    """Log-probabilities of the intervals (lower, upper) and their derivatives.

    Attributes
    ----------
    logp
        ``log(F(upper) - F(lower))``, (C,).
    by_lower, by_upper
        Derivatives with respect to the ends, (C,); 0 at an infinite end.
    by_shift
        Derivative with respect to a shift of both ends, (C,): the sum of the two, which may be
        far smaller than either.
    """

    logp: Float
    by_lower: Float
    by_upper: Float
    by_shift: Float


def logistic_interval(lower: Float, upper: Float) -> Interval:
    """Intervals of the standard logistic law.

    ``F(b) - F(a) = F(b) F(-a) (1 - exp(a - b))``, every factor without cancellation.

    Parameters
    ----------
    lower, upper
        Ends (C,), ``lower < upper``; -inf and inf are allowed.
    """
    from scipy.special import expit, log_expit

    gap = upper - lower
    with np.errstate(over="ignore"):
        apart = 1.0 / np.expm1(gap)
    below, above = expit(lower), expit(-upper)
    logp = log_expit(upper) + log_expit(-lower) + np.log(-np.expm1(-gap))
    by_lower = np.where(np.isfinite(lower), -below - apart, 0.0)
    by_upper = np.where(np.isfinite(upper), above + apart, 0.0)
    return Interval(logp, by_lower, by_upper, above - below)


def normal_interval(lower: Float, upper: Float) -> Interval:
    """Intervals of the standard normal law; parameters as for `logistic_interval`.

    An interval in the upper tail is mirrored. In the lower tail ``Phi(b) - Phi(a) = phi(b) (R(-b)
    - R(-a) exp(-(a^2 - b^2) / 2))`` with Mills' ratio R; about zero the error function has full
    accuracy; a narrow interval of width h about m has ``h phi(m) (1 + h^2 He_2(m) / 24 + ...)``.
    """
    mirrored = lower > 0.0
    a, b = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    log_p, at_a, at_b = np.empty(len(a)), np.empty(len(a)), np.empty(len(a))
    width = b - a
    with np.errstate(invalid="ignore"):
        narrow = width * (1.0 + np.abs(a)) < NARROW
    tail = ~narrow & (b <= 0.0)
    middle = ~narrow & ~tail
    for kind, function in ((narrow, _narrow), (tail, _tail), (middle, _middle)):
        if kind.any():
            log_p[kind], at_a[kind], at_b[kind] = function(a[kind], b[kind])
    shift = at_b - at_a
    if narrow.any():  # there the two densities nearly cancel
        shift[narrow] = _narrow_shift(a[narrow], b[narrow])
    return Interval(
        log_p,
        np.where(mirrored, -at_b, -at_a),
        np.where(mirrored, at_a, at_b),
        np.where(mirrored, -shift, shift),
    )


def _tail(a: Float, b: Float) -> tuple[Float, Float, Float]:
    """Log-probability and the densities at both ends over the probability, ``a < b <= 0``."""
    with np.errstate(over="ignore"):
        fall = np.exp(0.5 * (b - a) * (b + a))
        share = _mills(-b) - _mills(-a) * fall
        return -0.5 * b * b - LOG_SQRT_2PI + np.log(share), fall / share, 1.0 / share


def _middle(a: Float, b: Float) -> tuple[Float, Float, Float]:
    """The same for ``a <= 0 < b``."""
    from scipy.special import erf

    p = 0.5 * (erf(SQRT_HALF * b) - erf(SQRT_HALF * a))
    with np.errstate(over="ignore"):
        return np.log(p), _density(a) / p, _density(b) / p


def _narrow(a: Float, b: Float) -> tuple[Float, Float, Float]:
    """The same for a narrow interval."""
    width, m = b - a, 0.5 * (a + b)
    log_share = np.log(width) + np.log1p(_series(width, m))
    # phi(a) = phi(m) exp(h m / 2 - h^2 / 8)
    tilt, dip = 0.5 * width * m, width * width / 8.0
    logp = -0.5 * m * m - LOG_SQRT_2PI + log_share
    return logp, np.exp(tilt - dip - log_share), np.exp(-tilt - dip - log_share)


def _series(width: Float, m: Float) -> Float:
    """What the mean density of a narrow interval exceeds that in its middle by, relatively."""
    square, m2 = width * width, m * m
    result: Float = square * (m2 - 1.0) / 24.0
    result = result + square * square * ((m2 - 6.0) * m2 + 3.0) / 1920.0
    return result


def _narrow_shift(a: Float, b: Float) -> Float:
    """``(phi(b) - phi(a)) / p`` as ``-2 phi(m) exp(-h^2 / 8) sinh(h m / 2) / p``."""
    width, m = b - a, 0.5 * (a + b)
    scale = np.exp(-width * width / 8.0) / (1.0 + _series(width, m))
    result: Float = -2.0 * np.sinh(0.5 * width * m) * scale / width
    return result


def _mills(x: Float) -> Float:
    """Mills' ratio ``(1 - Phi(x)) / phi(x)`` for ``x >= 0``."""
    from scipy.special import erfcx

    result: Float = np.sqrt(0.5 * np.pi) * erfcx(SQRT_HALF * x)
    return result


def _density(x: Float) -> Float:
    result: Float = np.exp(-0.5 * x * x - LOG_SQRT_2PI)
    return result
