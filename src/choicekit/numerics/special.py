"""Exponential, logarithm and normal distribution as branch-free polynomials.

LLVM does not vectorise a loop that calls the C library's ``exp`` or ``log``. The scalars below
contain no branch, no call and no table: additions, multiplications, at most one division and one
square root. They are inlined into the kernels that call them, and a loop over a contiguous
float64 array then runs on full vectors, four to eight elements at a time.

What the caller must do for that to happen:

* compile with ``fastmath=FAST, error_model="numpy"``;
* loop over contiguous arrays with a loop index, one or two of these functions a loop
  (results go to scratch arrays that stay in the first-level cache).

``FAST`` lets LLVM contract ``a * b + c`` and ignore NaN, infinities and the sign of zero; it does
not let it reassociate, which would destroy the argument reductions here. So NaN in gives
rubbish out: callers check their inputs.

The error bounds stated are the largest seen against mpmath on dense grids and random points
(tests/test_special.py). The coefficients come from benchmarks/fit_special_functions.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

__all__ = [
    "FAST",
    "exp_",
    "hazard_",
    "log_",
    "log_normal_cdf",
    "mills_",
    "normal_parts_",
    "normal_quantile_",
    "normal_ratio_",
    "normal_tail_quantile_",
    "signed_log_tail_",
    "truncated_normal_",
]

FAST = {"contract", "nnan", "ninf", "nsz"}

# 1.5 * 2^52: adding it rounds to an integer that then sits in the low bits of the sum.
_ROUND = 6755399441055744.0 + 1023.0  # with the exponent's bias already added
_INVERSE_LOG_2 = 1.4426950408889634
_LOG_2_HIGH = 0.6931471803691238  # ends in 21 zero bits: times an exponent, exact
_LOG_2_LOW = 1.9082149292705877e-10
_INVERSE_SQRT_2_PI = 0.3989422804014327

_BIAS = np.int64(0x3FF0000000000000)
_MANTISSA = np.int64(0x000FFFFFFFFFFFFF)
_SQRT_HALF = np.int64(0x3FE6A09E667F3BCD)
_TWO_52 = np.int64(0x4330000000000000)


def _bits_definition(typingctx: Any, x: Any) -> Any:
    """Type and code: the 64 bits of a float64 as an int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), codegen


def _float_definition(typingctx: Any, x: Any) -> Any:
    """Type and code: the float64 made of the 64 bits of an int64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), codegen


_bits: Any = intrinsic(_bits_definition)
_float: Any = intrinsic(_float_definition)


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def exp_(x: Any) -> Any:
    """Exponential of any float64.

    ``exp(x) = 2^k exp(r)`` with k the integer nearest to x / log 2 and |r| <= log(2) / 2;
    ``exp(r)`` is a polynomial of degree 11. Relative error <= 2.0e-16 on [-708, 709]. Below,
    the result runs through the subnormal numbers to 0; above 709.4 it stays at 1.2e308.
    """
    x = x if x > -709.1 else -709.1
    x = x if x < 709.4 else 709.4
    shifted = x * _INVERSE_LOG_2 + _ROUND
    k = shifted - _ROUND
    r = x - k * _LOG_2_HIGH
    r = r - k * _LOG_2_LOW
    z = r * r
    # Even and odd powers apart, here and below: two short chains of dependent operations keep
    # the processor busier than one long chain.
    even = 2.7620088445409746e-07
    even = even * z + 2.4801521295954376e-05
    even = even * z + 0.0013888888917213717
    even = even * z + 0.04166666666662413
    even = even * z + 0.5
    odd = 2.510038549551032e-08
    odd = odd * z + 2.7557268459997064e-06
    odd = odd * z + 0.00019841269863053618
    odd = odd * z + 0.008333333333330062
    odd = odd * z + 0.16666666666666669
    p = (odd * r + even) * z + r
    scale = _float(_bits(shifted) << 52)  # the low bits of ``shifted`` are k + 1023
    return scale * p + scale


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def log_(x: Any) -> Any:
    """Natural logarithm of a positive normal float64.

    ``x = 2^k m`` with m in [sqrt(1/2), sqrt(2)); with f = m - 1 and s = f / (2 + f),
    ``log m = 2 atanh s = f - s (f - s^2 p(s^2))``. Relative error <= 2.0e-16, near 1 as well.
    Zero and subnormal numbers give about -709, so that products of probabilities that have
    underflowed still compare as tiny.
    """
    bits = _bits(x)
    shifted = bits + (_BIAS - _SQRT_HALF)  # positive: an unsigned shift, which AVX2 has
    exponent = np.int64(np.uint64(shifted) >> np.uint64(52))
    k = _float(exponent | _TWO_52) - (4503599627370496.0 + 1023.0)
    f = _float((shifted & _MANTISSA) + _SQRT_HALF) - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 0.14616721179861816
    p = p * z + 0.15331699633543858
    p = p * z + 0.18182889786191042
    p = p * z + 0.2222221112572281
    p = p * z + 0.28571428626031065
    p = p * z + 0.3999999999989938
    p = p * z + 0.666666666666667
    return k * _LOG_2_HIGH + (f - (s * (f - z * p) - k * _LOG_2_LOW))


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def _mills_polynomial(t: Any) -> Any:
    """``(x + 5) mills(x)``, between 1 and 6.3, at ``t = (x - 5) / (x + 5)``; x >= 0."""
    z = t * t
    even = 1.2912874213654849e-08
    even = even * z - 1.4573727205857554e-07
    even = even * z + 1.0573006226025633e-06
    even = even * z - 6.9179805616112204e-06
    even = even * z + 4.180171633069977e-05
    even = even * z - 0.00014882918529688415
    even = even * z - 0.001999962677058995
    even = even * z + 0.052125502482600936
    even = even * z + 0.4136447157294455
    even = even * z + 1.2415470615739104
    even = even * z + 1.9280810471531578
    odd = -5.9226128658589914e-09
    odd = odd * z + 7.476919614349497e-08
    odd = odd * z - 8.10888036367098e-07
    odd = odd * z + 9.956429010606643e-06
    odd = odd * z - 0.0001247270507920554
    odd = odd * z + 0.0013658565999337816
    odd = odd * z - 0.007503282358809736
    odd = odd * z - 0.17325473413322579
    odd = odd * z - 0.7859110755444265
    odd = odd * z - 1.6678665951889888
    return odd * t + even


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def mills_(x: Any) -> Any:
    """Mills ratio ``(1 - Phi(x)) / phi(x)`` for x >= 0, any size.

    ``p(t) / (x + 5)`` with ``t = (x - 5) / (x + 5)`` and p a polynomial of degree 20.
    Relative error <= 2e-15. Abramowitz & Stegun (1964), 26.2; the approximation is our own.
    """
    inverse = 1.0 / (x + 5.0)
    return _mills_polynomial((x - 5.0) * inverse) * inverse


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def normal_tail_quantile_(logq: Any) -> Any:
    """Return the x >= 0 with ``log(1 - Phi(x)) = logq``, for ``logq <= log(1/2)``.

    ``x = s - N(s) / D(s)`` with ``s = sqrt(-2 logq)``; N and D have degrees 14 and 15 and positive
    coefficients only, so nothing cancels. Error <= 1.2e-15 (1 + x) down to logq = -2048; below,
    the relative error grows slowly: 1.3e-15 at -8e3, 7e-15 at -3e4, 6e-14 at -1.3e5, 2e-13 at
    -5e5, 1.4e-10 at -1e8. The approximation is our own.
    """
    s = np.sqrt(-2.0 * logq)
    n = 12.134864931082573
    n = n * s + 181808.14828287426
    n = n * s + 471934929.91918594
    n = n * s + 364599919452.3446
    n = n * s + 105201173899389.55
    n = n * s + 1.2790071113774416e16
    n = n * s + 7.020055526064616e17
    n = n * s + 1.8107518426655236e19
    n = n * s + 2.259480662462948e20
    n = n * s + 1.426606680049691e21
    n = n * s + 4.945477011296777e21
    n = n * s + 9.56120755204447e21
    n = n * s + 8.308905873027021e21
    n = n * s + 2.4857005132214693e21
    n = n * s + 1.5647288004700055e20
    d = s + 18755.24797647693
    d = d * s + 57073253.44772508
    d = d * s + 50733529559.9934
    d = d * s + 16769262299279.94
    d = d * s + 2343755977680311.5
    d = d * s + 1.4937352509828346e17
    d = d * s + 4.5474044734550804e18
    d = d * s + 6.8386363116075024e19
    d = d * s + 5.2951233614932364e20
    d = d * s + 2.2629334898117014e21
    d = d * s + 5.626348116439457e21
    d = d * s + 7.449987730692306e21
    d = d * s + 4.4401173397323676e21
    d = d * s + 9.341973925695438e20
    d = d * s + 4.050299642084667e19
    return s - n / d


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def normal_parts_(a: Any) -> Any:
    """``(ratio, exponent, upper, density)``: the three of :func:`normal_ratio_` and the density.

    ``phi(a) = density exp(exponent)``, so ``density / ratio`` is the hazard ``phi(a) / Phi(a)``.
    """
    exponent = -0.5 * (a * a)
    power = exp_(exponent)
    ratio = mills_(abs(a)) * _INVERSE_SQRT_2_PI
    tail = ratio * power
    body = 1.0 - tail
    negative = a < 0.0
    return (
        ratio if negative else body,
        exponent if negative else 0.0,
        body if negative else tail,
        _INVERSE_SQRT_2_PI if negative else _INVERSE_SQRT_2_PI * power,
    )


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def normal_ratio_(a: Any) -> Any:
    """``(ratio, exponent, upper)`` with ``Phi(a) = ratio exp(exponent)``, ``upper = 1 - Phi(a)``.

    For a < 0: ``exponent = -a^2 / 2`` and ``ratio = mills(-a) / sqrt(2 pi)``, which does not
    underflow; for a >= 0: exponent 0 and ``ratio = 1 - upper``. ``ratio`` lies in (0, 1], relative
    error <= 2e-15. ``upper`` has relative error <= 2e-15 + 1.1e-16 a^2 (the rounding of the
    exponent) and is 0 beyond a = 38.
    """
    ratio, exponent, upper, _ = normal_parts_(a)
    return ratio, exponent, upper


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def hazard_(a: Any) -> Any:
    """``phi(a) / Phi(a)``, the derivative of ``log Phi(a)``.

    For a < 0 this is ``1 / mills(-a)``; for a >= 0 ``phi(a) / (1 - phi(a) mills(a))``. Relative
    error <= 2e-15 for a <= 0, plus 1.1e-16 a^2 for a > 0.
    """
    x = abs(a)
    polynomial, shifted = _mills_polynomial((x - 5.0) / (x + 5.0)), x + 5.0
    density = exp_(-0.5 * (a * a)) * _INVERSE_SQRT_2_PI
    # phi / (1 - phi p / (x + 5)) with the division by x + 5 cleared
    negative = a < 0.0
    top = shifted if negative else density * shifted
    bottom = polynomial if negative else shifted - density * polynomial
    return top / bottom


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def signed_log_tail_(u: Any, ratio: Any, exponent: Any, upper: Any) -> Any:
    """Log of the smaller tail of ``p = u Phi(a)``: ``log p`` if p <= 1/2, else ``-log(1 - p)``.

    The sign thus tells which tail it is. ``ratio, exponent, upper`` come from
    :func:`normal_ratio_`; u lies in (0, 1). ``1 - p = (1 - u) + u upper`` is a sum of positive
    terms: nothing cancels.
    """
    p = u * ratio
    lower = p <= 0.5  # true for every a < 0, where ratio <= 1/2; else exponent is 0
    q = (1.0 - u) + u * upper
    logq = log_(p if lower else q) + exponent
    return logq if lower else -logq


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def normal_quantile_(z: Any) -> Any:
    """Return the e whose signed log tail (see :func:`signed_log_tail_`) is z; ``abs(z) >= log 2``.

    Accuracy: that of :func:`normal_tail_quantile_`.
    """
    x = normal_tail_quantile_(-abs(z))
    return -x if z < 0.0 else x


@njit(forceinline=True, cache=True, fastmath=FAST, error_model="numpy")
def truncated_normal_(u: Any, ratio: Any, exponent: Any, upper: Any) -> Any:
    """Return the e with ``Phi(e) = u Phi(a)``: a standard normal draw truncated to (-inf, a).

    Arguments as for :func:`signed_log_tail_`. Error <= 1.6e-15 (1 + abs(e)) for a >= -64, then as
    :func:`normal_tail_quantile_`. Two loops, one calling :func:`signed_log_tail_` and one
    :func:`normal_quantile_`, run a quarter faster than one loop calling this.
    """
    p = u * ratio
    lower = p <= 0.5
    q = (1.0 - u) + u * upper
    x = normal_tail_quantile_(log_(p if lower else q) + exponent)
    return -x if lower else x


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def _log_normal_cdf(a: Any, out: Any) -> None:
    for i in range(a.size):
        ratio, exponent, upper = normal_ratio_(a[i])
        # For a > 0 the ratio is 1 - upper, rounded: add back what the rounding lost, or the
        # logarithm has no correct digit where upper is below 1e-16.
        lost = (1.0 - ratio) - upper if a[i] > 0.0 else 0.0
        out[i] = log_(ratio) + (exponent + lost / ratio)


def log_normal_cdf(a: Any) -> Any:
    """``log Phi(a)`` of every element of a, without underflow; same shape as a.

    Relative error <= 3e-15 for a <= 0; for a > 0 that of ``1 - Phi(a)``, see
    :func:`normal_ratio_`. NaN and infinities are not allowed.
    """
    a = np.asarray(a, dtype=np.float64)
    out = np.empty(a.size)
    _log_normal_cdf(np.ascontiguousarray(a).reshape(-1), out)
    return out.reshape(a.shape)
