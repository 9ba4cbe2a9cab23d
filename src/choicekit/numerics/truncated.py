"""Probability, mean and covariance of a truncated pair of normals, and their adjoint.

Axes: R nodes of a Gauss rule on (0, 1).

Of two independent standard normals z1 and z2 is known that ``z1 <= a`` and
``z2 <= beta - slope z1``. With u the nodes and weights rule_r of the rule (Train 2009, section
5.6.3, for two differences)::

    z_r = Phi^-1(u_r Phi(a))        a_r = beta - slope z_r        w_r ~ rule_r Phi(a_r)
    P   = Phi(a) sum_r rule_r Phi(a_r)

and moments are means under the weights w_r, for z2 given z1 = z_r has, with the hazard
``h = phi(a_r) / Phi(a_r)``, the mean ``-h`` and the variance ``1 - h (a_r + h)``. So the second
variable needs no nodes of its own. All terms of all sums are positive or centred: in the
far tails nothing cancels, as closed forms made of bivariate distribution functions would.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.special import (
    FAST,
    exp_,
    hazard_,
    normal_parts_,
    normal_quantile_,
    signed_log_tail_,
)

__all__ = ["NODE_ROWS", "adjoint_pair", "log_normal_part", "truncated_pair"]

NODE_ROWS = 8  # rows of scratch a pair needs, each of R nodes
# Sums over nodes may be taken in any order, and so on vectors.
_SUMS = {"contract", "nnan", "ninf", "nsz", "reassoc"}
_TAIL = -6.0  # below, the continued fraction; above, it loses less than 1e-10 to cancellation
_DEPTH = 14  # of the continued fraction: at 6 and beyond exact to the last digit


@njit(nogil=True, cache=True, error_model="numpy")
def _tail_parts(a: float) -> Any:
    """Variance of a standard normal below a, and its derivative by a, for a <= _TAIL.

    ``1 - h (a + h)`` is about ``1 / a^2`` there, all cancellation. With x = -a and Laplace's
    continued fraction (Abramowitz & Stegun 1964, 26.2.14), ``K_n = x + n / K_(n+1)``, the hazard
    is K_1, and both are products of positive terms.
    """
    x = -a
    k = x
    for n in range(_DEPTH, 4, -1):
        k = x + n / k
    s = 1.0 / k
    r = 1.0 / (x + 4.0 * s)
    q = 1.0 / (x + 3.0 * r)
    g = 1.0 / (x + 2.0 * q)
    square = g * g * q
    return square * (x + 4.0 * q - 3.0 * r), 2.0 * (x + g) * square * q * r * (x + 9.0 * r - 8.0 * s)


@njit(nogil=True, cache=True, error_model="numpy")
def log_normal_part(a: float) -> Any:
    """``log Phi(a)`` and the hazard ``phi(a) / Phi(a)``."""
    ratio, exponent, upper, density = normal_parts_(a)
    logp = np.log1p(-upper) if a > 0.0 else np.log(ratio) + exponent
    return logp, density / ratio


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _hazards(s: Any, n: int) -> None:
    """Rows 2 to 4 of s from row 1, the bounds: minus the hazard, the variance, its derivative."""
    a, mean, variance, third = s[1], s[2], s[3], s[4]
    for r in range(n):
        h = -mean[r]
        gap = a[r] + h
        variance[r] = 1.0 - h * gap
        third[r] = h * (gap * (gap + h) - 1.0)
    for r in range(n):
        if a[r] < _TAIL:
            variance[r], third[r] = _tail_parts(a[r])


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _sum(x: Any, n: int) -> float:
    total = 0.0
    for r in range(n):
        total += x[r]
    return total


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _moments(s: Any, n: int, out: Any) -> None:
    """Means and covariances of z1 and z2, from the values at the nodes and their weights."""
    z, mean, variance, weight = s[0], s[2], s[3], s[5]
    first = second = 0.0
    for r in range(n):
        first += weight[r] * z[r]
        second += weight[r] * mean[r]
    own = both = other = 0.0
    for r in range(n):
        x, y = z[r] - first, mean[r] - second
        own += weight[r] * x * x
        both += weight[r] * x * y
        other += weight[r] * (variance[r] + y * y)
    out[0], out[1], out[2], out[3], out[4] = first, second, own, both, other


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def truncated_pair(
    a: float, beta: float, slope: float, nodes: Any, rule: Any, moments: bool, s: Any, out: Any
) -> float:
    """Return ``log P(z1 <= a, z2 <= beta - slope z1)``; optionally the moments below the bounds.

    Parameters
    ----------
    a, beta, slope
        The bounds.
    nodes, rule
        Nodes (R,) on (0, 1) and their weights.
    moments
        Whether to fill ``out``.
    s
        Scratch (NODE_ROWS, R), which :func:`adjoint_pair` reads.
    out
        ``(mean of z1, of z2, variance of z1, covariance, variance of z2)``.
    """
    n = nodes.size
    z, bound, mean, weight, power = s[0], s[1], s[2], s[5], s[6]
    ratio, exponent, upper, _ = normal_parts_(a)
    for r in range(n):
        z[r] = signed_log_tail_(nodes[r], ratio, exponent, upper)
    for r in range(n):
        z[r] = normal_quantile_(z[r])
        bound[r] = beta - slope * z[r]
    for r in range(n):
        part, power[r], _, density = normal_parts_(bound[r])
        mean[r] = -density / part
        weight[r] = part
    top = power[0]
    for r in range(1, n):
        top = max(top, power[r])
    for r in range(n):
        weight[r] *= rule[r] * exp_(power[r] - top)
    total = _sum(weight, n)
    logp: float = log_normal_part(a)[0] + top + np.log(total)
    for r in range(n):
        weight[r] /= total
    if moments:
        _hazards(s, n)
        _moments(s, n, out)
    return logp


@njit(nogil=True, cache=True, fastmath=_SUMS, error_model="numpy")
def _collect(slope: float, moments: Any, g: Any, s: Any, n: int) -> Any:
    """Sums over the nodes for adjoint_pair; bar holds the adjoints of the bounds a_r."""
    z, mean, weight, slide, bar = s[0], s[2], s[5], s[6], s[7]
    first, second = moments[0], moments[1]
    g_a = g_beta = g_slope = 0.0
    for r in range(n):
        x, y = z[r] - first, mean[r] - second
        by_z = weight[r] * (g[0] + 2.0 * g[2] * x + g[3] * y) - slope * bar[r]
        g_a += by_z * slide[r]
        g_beta += bar[r]
        g_slope -= bar[r] * z[r]
    return g_a, g_beta, g_slope


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def adjoint_pair(a: float, slope: float, nodes: Any, moments: Any, g: Any, s: Any) -> Any:
    """Derivatives of ``log P + g . moments`` by a, beta and slope; s is that of truncated_pair.

    A change of a_r moves the weight w_r (log-derivative: the hazard), the mean and the variance
    of z2 there; that of z_r besides the deviations of z1. ``dz_r / da = h(a) / h(z_r)``, because
    ``Phi(z_r) / Phi(a)`` is fixed.
    """
    n = nodes.size
    z, mean, variance, third, weight, slide, bar = s[0], s[2], s[3], s[4], s[5], s[6], s[7]
    first, second = moments[0], moments[1]
    level = 0.0  # what the score of a node is measured against, as weights sum to one
    for m in range(5):
        level += g[m] * moments[m]
    hazard = log_normal_part(a)[1]
    for r in range(n):
        slide[r] = hazard / hazard_(z[r])
    for r in range(n):
        x, y = z[r] - first, mean[r] - second
        score = g[0] * z[r] + g[1] * mean[r] + g[2] * x * x + g[3] * x * y
        score += g[4] * (variance[r] + y * y) - level
        by_mean = g[1] + g[3] * x + 2.0 * g[4] * y
        bar[r] = weight[r] * (
            by_mean * (1.0 - variance[r]) + g[4] * third[r] - mean[r] * (1.0 + score)
        )
    g_a, g_beta, g_slope = _collect(slope, moments, g, s, n)
    return hazard + g_a, g_beta, g_slope
