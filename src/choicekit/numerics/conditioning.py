"""Truncating normals one after the other, in many lanes at once, and the adjoint.

Axes: D utility differences, N lanes.

A lane holds a normal vector of which x_d <= b_d is known for one difference after the other
(Mendell & Elston 1974). With ``a = b_d / sd_d``, the hazard ``h = phi(a) / Phi(a)`` and
``delta = h (a + h)``, the truncated variable has the mean ``-h`` and the variance ``1 - delta``;
the others, loaded on it with ``t_q = cov_qd / sd_d``, are taken to be normal again::

    log P += log Phi(a)       b_q += t_q h       cov_qp -= t_q t_p delta

The scratch of a case: ``s`` (8, D, N) is, for each difference, a, h, delta, the derivative of
``1 - delta`` by a, 1 / sd, b, the adjoint of b, and workspace; ``c`` (D, D, N) the covariances,
whose columns become the loadings; ``p`` (LANE_ROWS, N) the values z of the first two differences,
the adjoints of those, product and exponent of the probability, weight, and twice workspace.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.special import FAST, normal_parts_

__all__ = ["LANE_ROWS", "adjoint_lanes", "condition_lanes"]

LANE_ROWS = 9
_TAIL = -12.0  # below, the continued fraction; above, cancellation costs less than 1e-10
_DEPTH = 8  # of the continued fraction: at 12 and beyond exact to the last digit


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
    return square * (x + 4.0 * q - 3.0 * r), 2.0 * (x + g) * square * q * r * (
        x + 9.0 * r - 8.0 * s
    )


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _truncate(d: int, n: int, floor: float, s: Any, own: Any, p: Any) -> None:
    """Standardise difference d, add its log-probability, find hazard and variance."""
    a, h, delta, slope, inverse, b = s[0, d], s[1, d], s[2, d], s[3, d], s[4, d], s[5, d]
    product, exponent, power = p[4], p[5], p[7]
    for r in range(n):
        inverse[r] = 1.0 / np.sqrt(max(own[r], floor))
        a[r] = b[r] * inverse[r]
    for r in range(n):
        part, power[r], _, density = normal_parts_(a[r])
        product[r] *= part
        h[r] = density / part
    for r in range(n):
        exponent[r] += power[r]
        gap = a[r] + h[r]
        delta[r] = h[r] * gap
        slope[r] = h[r] * (gap * (gap + h[r]) - 1.0)
    for r in range(n):
        if a[r] < _TAIL:
            variance, slope[r] = _tail_parts(a[r])
            delta[r] = 1.0 - variance


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def condition_lanes(first: int, n_dim: int, n: int, floor: Any, s: Any, c: Any, p: Any) -> None:
    """Condition on the differences first, ..., n_dim - 1 in turn, in n lanes.

    Multiplies the probabilities ``p[4] exp(p[5])`` of the lanes; b and the covariances are used
    up. A conditional variance below ``floor[d]`` counts as that.
    """
    for d in range(first, n_dim):
        _truncate(d, n, floor[d], s, c[d, d], p)
        h, delta, inverse = s[1, d], s[2, d], s[4, d]
        for q in range(d + 1, n_dim):
            t, b, lost = c[q, d], s[5, q], s[7, q]
            for r in range(n):
                t[r] *= inverse[r]
            for r in range(n):
                b[r] += t[r] * h[r]
                lost[r] = t[r] * delta[r]
            for m in range(d + 1, q + 1):
                other, covariance = c[m, d], c[q, m]
                for r in range(n):
                    covariance[r] -= lost[r] * other[r]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _times_loadings(d: int, n_dim: int, n: int, s: Any, c: Any, g: Any) -> None:
    """``s[7, q] = sum_m H_qm t_m`` over m > d, H the adjoint of the covariances, both places."""
    y = s[7]
    for q in range(d + 1, n_dim):
        yq, tq, x = y[q], c[q, d], g[q, q]
        for r in range(n):
            yq[r] = 2.0 * x[r] * tq[r]
        for m in range(d + 1, q):
            ym, tm, x = y[m], c[m, d], g[q, m]
            for r in range(n):
                yq[r] += x[r] * tm[r]
                ym[r] += x[r] * tq[r]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def adjoint_lanes(
    first: int, n_dim: int, n: int, floor: Any, s: Any, c: Any, g: Any, p: Any
) -> None:
    """Derivatives of the sum over lanes of ``weight x log P``, weight in ``p[6]``.

    Fills ``s[6]`` by the initial b and the lower triangle of ``g`` (D, D, N) by the initial
    covariances, an off-diagonal one counting for both places, from first on.
    """
    weight, bar, by_sd = p[6], p[7], p[8]
    for d in range(n_dim - 1, first - 1, -1):
        a, h, delta, slope, inverse = s[0, d], s[1, d], s[2, d], s[3, d], s[4, d]
        for r in range(n):
            bar[r] = weight[r] * h[r]
            by_sd[r] = 0.0
        _times_loadings(d, n_dim, n, s, c, g)
        for q in range(d + 1, n_dim):
            t, by_b, y, column = c[q, d], s[6, q], s[7, q], g[q, d]
            for r in range(n):
                bar[r] += t[r] * (0.5 * y[r] * slope[r] - by_b[r] * delta[r])
                column[r] = by_b[r] * h[r] - y[r] * delta[r]
            for r in range(n):
                by_sd[r] -= column[r] * t[r]
                column[r] *= inverse[r]
        own, by_own, by_b, least = c[d, d], g[d, d], s[6, d], floor[d]
        for r in range(n):
            by_b[r] = bar[r] * inverse[r]
            change = 0.5 * (by_sd[r] - bar[r] * a[r]) * inverse[r] * inverse[r]
            by_own[r] = change if own[r] > least else 0.0
