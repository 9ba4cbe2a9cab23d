"""Multinomial probit probabilities without draws: quadrature, then sequential conditioning.

Axes: C cases, J alternatives, D = (available alternatives) - 1 utility differences, N nodes.

``P = P(x_1 <= b_1, ..., x_D <= b_D)`` for normal x with covariance Sigma, the differences in
Genz' order (numerics/ordering.py: the least probable first). The first two, which bind most, are
integrated by a product Gauss rule as in GHK (numerics/ghk.py). Given their values, the others are
exactly normal; in each node, they are taken one after the other: given that one is below its
bound, those after it are no longer normal, but are treated as if they were, with the right mean
and covariance (numerics/conditioning.py)::

    P = sum_n weight_n  Phi(a_1) Phi(a_2n)  prod_{d>2} Phi(a_dn)

Mendell & Elston (1974) condition one at a time from the start; Kamakura (1989) does so for the
probit; Trinh & Genz (2015), "Bivariate conditioning approximations for multivariate normal
probabilities", in pairs; Bhat (2018) to estimate choice models. Starting from nodes costs no more
than pairs, and is several times as accurate: it is the first truncations that bend the
distribution most, and what comes after them that suffers.

One and two differences are exact (up to the rule). For more, the error of the approximation does
not vanish with more nodes. The gradient is the adjoint of these steps, exact for a given order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.conditioning import LANE_ROWS, adjoint_lanes, condition_lanes
from choicekit.numerics.ghk import dot, point_weights, total_of, write_gradient
from choicekit.numerics.linear_algebra import PIVOT_FLOOR, case_covariance, difference_covariance
from choicekit.numerics.special import (
    FAST,
    hazard_,
    normal_parts_,
    normal_quantile_,
    signed_log_tail_,
)

__all__ = ["sequential_range"]


@njit(nogil=True, cache=True, error_model="numpy")
def _eliminate(t: Any, first: int, n_dim: int, floor: Any) -> None:
    """First columns of the Cholesky factor; the rest of t (lower triangle) becomes conditional.

    Fills floor (D,). A diagonal element is negative where the floor was used.
    """
    # Of the largest variance: a difference without any variance then gets a finite bound.
    largest = 1e-40
    for d in range(n_dim):
        largest = max(largest, t[d, d])
    for d in range(n_dim):
        floor[d] = PIVOT_FLOOR * largest
    for k in range(first):
        pivot = np.sqrt(max(t[k, k], floor[k]))
        t[k, k] = pivot if t[k, k] > floor[k] else -pivot
        for q in range(k + 1, n_dim):
            t[q, k] /= pivot
            for m in range(k + 1, q + 1):
                t[q, m] -= t[q, k] * t[m, k]


@njit(nogil=True, cache=True, error_model="numpy")
def _adjoint_eliminate(t: Any, first: int, n_dim: int, g: Any) -> None:
    """Turn g (D, D) from derivatives by the result of `_eliminate` into those by the covariance.

    On entry in the lower triangle, an off-diagonal element counting for both places; on return
    symmetric, with ``dF = sum_ij g_ij dSigma_ij``.
    """
    for k in range(first - 1, -1, -1):
        pivot = abs(t[k, k])
        for q in range(k + 1, n_dim):
            for m in range(k + 1, q + 1):
                g[q, k] -= g[q, m] * t[m, k]
                g[m, k] -= g[q, m] * t[q, k]
        for q in range(k + 1, n_dim):
            g[q, k] /= pivot
            g[k, k] -= g[q, k] * t[q, k]
        g[k, k] = 0.5 * g[k, k] / pivot if t[k, k] > 0.0 else 0.0
    for d in range(n_dim):
        for k in range(d):
            g[d, k] *= 0.5
            g[k, d] = g[d, k]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _spread(
    b: Any, t: Any, first: int, n_dim: int, points: Any, n: int, s: Any, c: Any, p: Any
) -> None:
    """Integrate the first differences: their values z in each node, and what is left given those.

    Fills the scratch described in numerics/conditioning.py for all later differences.
    """
    product, exponent, power, upper = p[4], p[5], p[7], p[8]
    for r in range(n):
        product[r] = 1.0
        exponent[r] = 0.0
    for d in range(first):
        a, h, ratio, u, z = s[0, d], s[1, d], s[2, d], points[d], p[d]
        inverse = 1.0 / abs(t[d, d])
        for r in range(n):
            a[r] = b[d] * inverse
        for k in range(d):
            factor, earlier = t[d, k] * inverse, p[k]
            for r in range(n):
                a[r] -= factor * earlier[r]
        for r in range(n):
            ratio[r], power[r], upper[r], density = normal_parts_(a[r])
            h[r] = density / ratio[r]
        for r in range(n):
            product[r] *= ratio[r]
            exponent[r] += power[r]
        for r in range(n):
            z[r] = signed_log_tail_(u[r], ratio[r], power[r], upper[r])
        for r in range(n):
            z[r] = normal_quantile_(z[r])
    for d in range(first, n_dim):
        bound = s[5, d]
        for r in range(n):
            bound[r] = b[d]
        for k in range(first):
            factor, earlier = t[d, k], p[k]
            for r in range(n):
                bound[r] -= factor * earlier[r]
        for m in range(first, d + 1):
            covariance, value = c[d, m], t[d, m]
            for r in range(n):
                covariance[r] = value


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _adjoint_spread(
    t: Any, first: int, n_dim: int, n: int, s: Any, lanes: Any, p: Any, g_b: Any, g: Any
) -> None:
    """Collect the nodes' adjoints: g_b (D,) by the bounds, g (D, D) by the result of `_eliminate`.

    ``dz / da = h(a) / h(z)``, because ``Phi(z) / Phi(a)`` is the node u.
    """
    weight, bar = p[6], p[7]
    for k in range(first):
        by_z = p[2 + k]
        for r in range(n):
            by_z[r] = 0.0
    for d in range(first, n_dim):
        by_b = s[6, d]
        g_b[d] = total_of(by_b, n)
        for m in range(first, d + 1):
            g[d, m] = total_of(lanes[d, m], n)
        for k in range(first):
            g[d, k] = -dot(by_b, p[k], n)
            factor, by_z = t[d, k], p[2 + k]
            for r in range(n):
                by_z[r] -= factor * by_b[r]
    for d in range(first - 1, -1, -1):
        a, h, z, by_z = s[0, d], s[1, d], p[d], p[2 + d]
        inverse = 1.0 / abs(t[d, d])
        for r in range(n):
            bar[r] = h[r] * (weight[r] + by_z[r] / hazard_(z[r]))
        g_b[d] = inverse * total_of(bar, n)
        g[d, d] = -inverse * dot(bar, a, n)
        for k in range(d):
            g[d, k] = -inverse * dot(bar, p[k], n)
            factor, by_earlier = t[d, k] * inverse, p[2 + k]
            for r in range(n):
                by_earlier[r] -= factor * bar[r]


@njit(nogil=True, cache=True, error_model="numpy")
def _log_total(p: Any, rule: Any, n: int) -> float:
    """Log of the sum over nodes; ``p[6]`` becomes each node's share of it."""
    weight, exponent = p[6], p[5]
    top = exponent[0]
    for r in range(1, n):
        top = max(top, exponent[r])
    total = point_weights(weight, p[4], exponent, rule, top, n)
    for r in range(n):
        weight[r] /= total
    logp: float = top + np.log(total)
    return logp


@njit(nogil=True, cache=True, error_model="numpy")
def sequential_range(
    problem: Any, rules: Any, start: int, stop: int, with_gradient: bool, out: Any
) -> None:
    """Approximate log-probabilities of the chosen alternatives of cases start:stop.

    Parameters
    ----------
    problem, out
        As for :func:`choicekit.numerics.ghk.ghk_range`; besides, a case with a negative number of
        differences is left alone.
    rules
        ``(points1 (1, N1), weights1 (N1,), points2 (2, N2), weights2 (N2,))``: the Gauss rules for
        the first difference of two, and for the first two of three or more. Not empty.
    start, stop
        The cases.
    with_gradient
        Whether to fill the derivatives too.

    Notes
    -----
    Errors of log P with 8 x 6 nodes, mean absolute and largest, over 800 to 1,200 choices drawn
    from the model (standard normal utilities; reference: GHK with 2**15 draws):

    ======================================  =============  =============  =============
    errors                                  J = 5          J = 8          J = 12
    ======================================  =============  =============  =============
    independent, variances 0.3 to 1.5       0.0001 0.0007  0.0003 0.002   0.0004 0.003
    random covariance A A' / J + 0.1 I      0.0004 0.018   0.0015 0.012   0.0026 0.010
    two factors, A A' + 0.1 I               0.0004 0.022   0.0013 0.056   0.0028 0.093
    the random ones, one at a time (1974)   0.0072 0.038   0.0069 0.063   0.0072 0.042
    the random ones, pairs (2015)           0.0071 0.036   0.0083 0.050   0.0076 0.025
    the random ones, GHK with 64 draws      0.0008 0.024   0.0018 0.015   0.0032 0.022
    the random ones, GHK with 256 draws     0.0002 0.003   0.0004 0.004   0.0008 0.006
    ======================================  =============  =============  =============

    The errors are smooth in the parameters and of one sign mostly (log P too low), so they do not
    average out over cases as those of draws do. With J equal alternatives they grow to 0.007 at
    J = 20. The time is that of GHK with 64 draws up to J = 8, and with about 160 at J = 20.
    """
    v, chosen, order, n_dims, omega, extra = problem
    logp, dv, domega = out
    width = max(1, v.shape[1] - 1)
    most = max(1, rules[1].size, rules[3].size)
    s, p = np.empty((8, width, most)), np.empty((LANE_ROWS, most))
    c, lanes = np.empty((width, width, most)), np.empty((width, width, most))
    b, t, floor = np.empty(width), np.empty((width, width)), np.empty(width)
    g_b, g = np.empty(width), np.empty((width, width))
    own, no_points, one = np.empty(omega.shape), np.empty((1, 1)), np.ones(1)
    for i_case in range(start, stop):
        n_dim, i = n_dims[i_case], chosen[i_case]
        if n_dim < 0:
            continue
        codes = order[i_case]
        for d in range(n_dim):
            b[d] = v[i_case, i] - v[i_case, codes[d]]
        covariance = case_covariance(omega, extra, i_case, own)
        difference_covariance(covariance, i, codes, n_dim, t)
        first, points, rule = 0, no_points, one
        if n_dim == 2:
            first, points, rule = 1, rules[0], rules[1]
        elif n_dim > 2:
            first, points, rule = 2, rules[2], rules[3]
        n = rule.size
        _eliminate(t, first, n_dim, floor)
        _spread(b, t, first, n_dim, points, n, s, c, p)
        condition_lanes(first, n_dim, n, floor, s, c, p)
        logp[i_case] = _log_total(p, rule, n)
        if with_gradient:
            adjoint_lanes(first, n_dim, n, floor, s, c, lanes, p)
            _adjoint_spread(t, first, n_dim, n, s, lanes, p, g_b, g)
            _adjoint_eliminate(t, first, n_dim, g)
            write_gradient(i, codes, n_dim, g_b, g, dv[i_case], domega[i_case])
