"""Multinomial probit probabilities without draws: sequential conditioning in pairs.

Axes: C cases, J alternatives, D = (available alternatives) - 1 utility differences, R nodes.

``P = P(x_1 <= b_1, ..., x_D <= b_D)`` for normal x with covariance Sigma is taken apart into
pairs. Given that the first pair is below its bounds, the others are no longer normal, but are
treated as if they were, with the right mean and covariance; then comes the next pair, and
log P is the sum over pairs. With T the rows of the Cholesky factor that the others have on the
pair's two standard normals z, m and M the mean and covariance of z below its bounds
(numerics/truncated.py)::

    b <- b - T m            Sigma <- Sigma - T (I - M) T'

Mendell & Elston (1974) do so one variable at a time; Kamakura (1989) for the probit; Trinh & Genz
(2015), "Bivariate conditioning approximations for multivariate normal probabilities", in pairs;
Bhat (2018) for the estimation of choice models. One and two differences are thus exact (up to the
rule), and so are independent pairs. The approximation error does not vanish with more nodes.

The gradient is the adjoint of these steps, exact for a given order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.ghk import write_gradient
from choicekit.numerics.linear_algebra import PIVOT_FLOOR, case_covariance, difference_covariance
from choicekit.numerics.truncated import (
    NODE_ROWS,
    adjoint_pair,
    log_normal_part,
    truncated_pair,
)

__all__ = ["sequential_range"]


@njit(nogil=True, cache=True, error_model="numpy")
def _root(value: float, floor: float) -> float:
    """Square root of a pivot; negative where the floor was used instead."""
    return np.sqrt(value) if value > floor else -np.sqrt(floor)


@njit(nogil=True, cache=True, error_model="numpy")
def _condition(b: Any, t: Any, d: int, n_dim: int, moments: Any) -> None:
    """Replace the differences after the pair (d, d + 1) by those conditional on it.

    Columns d and d + 1 of t then hold the others' loadings on the pair's standard normals.
    """
    s1, link, s2 = abs(t[d, d]), t[d + 1, d], abs(t[d + 1, d + 1])
    lost1, lost12, lost2 = 1.0 - moments[2], -moments[3], 1.0 - moments[4]
    for r in range(d + 2, n_dim):
        t[r, d] /= s1
        t[r, d + 1] = (t[r, d + 1] - t[r, d] * link) / s2
        b[r] -= t[r, d] * moments[0] + t[r, d + 1] * moments[1]
    for r in range(d + 2, n_dim):
        one = lost1 * t[r, d] + lost12 * t[r, d + 1]
        two = lost12 * t[r, d] + lost2 * t[r, d + 1]
        for q in range(d + 2, r + 1):
            t[r, q] -= one * t[q, d] + two * t[q, d + 1]


@njit(nogil=True, cache=True, error_model="numpy")
def _forward(b: Any, t: Any, n_dim: int, rules: Any, s: Any, moments: Any, floor: Any) -> float:
    """Log-probability; b becomes the standardised bounds, t the factor of each pair.

    Diagonal elements of the factor are negative where the floor was used.
    """
    nodes, rule = rules[0][0], rules[1]
    for d in range(n_dim):
        floor[d] = PIVOT_FLOOR * max(t[d, d], 1e-290)
    logp = 0.0
    for block in range((n_dim + 1) // 2):
        d = 2 * block
        t[d, d] = _root(t[d, d], floor[d])
        b[d] /= abs(t[d, d])
        if d + 1 == n_dim:
            logp += log_normal_part(b[d])[0]
            break
        t[d + 1, d] /= abs(t[d, d])
        t[d + 1, d + 1] = _root(t[d + 1, d + 1] - t[d + 1, d] ** 2, floor[d + 1])
        b[d + 1] /= abs(t[d + 1, d + 1])
        slope, others = t[d + 1, d] / abs(t[d + 1, d + 1]), d + 2 < n_dim
        logp += truncated_pair(
            b[d], b[d + 1], slope, nodes, rule, others, s[block], moments[block]
        )
        if others:
            _condition(b, t, d, n_dim, moments[block])
    return logp


@njit(nogil=True, cache=True, error_model="numpy")
def _adjoint_condition(
    t: Any, d: int, n_dim: int, moments: Any, g_b: Any, g: Any, g_moments: Any
) -> None:
    """Undo `_condition`: rows after d + 1 of g_b and g are known.

    Fills g_moments, and columns d, d + 1 of g with the adjoints of the loadings.
    """
    lost1, lost12, lost2 = 1.0 - moments[2], -moments[3], 1.0 - moments[4]
    g_moments[:] = 0.0
    for r in range(d + 2, n_dim):
        one = two = 0.0
        for q in range(d + 2, n_dim):
            one += 2.0 * g[r, q] * t[q, d]
            two += 2.0 * g[r, q] * t[q, d + 1]
        g_moments[0] -= g_b[r] * t[r, d]
        g_moments[1] -= g_b[r] * t[r, d + 1]
        g_moments[2] += 0.5 * one * t[r, d]
        g_moments[3] += one * t[r, d + 1]
        g_moments[4] += 0.5 * two * t[r, d + 1]
        g[r, d] = -(lost1 * one + lost12 * two) - g_b[r] * moments[0]
        g[r, d + 1] = -(lost12 * one + lost2 * two) - g_b[r] * moments[1]


@njit(nogil=True, cache=True, error_model="numpy")
def _adjoint_factor(t: Any, b: Any, d: int, n_dim: int, g_pair: Any, g_b: Any, g: Any) -> None:
    """Turn adjoints of bounds, slope and loadings into those of the pair's covariances.

    ``g_pair`` are the derivatives by the first bound, by beta and by slope.
    """
    s1, link, s2 = abs(t[d, d]), t[d + 1, d], abs(t[d + 1, d + 1])
    g_a, g_beta, g_slope = g_pair
    g_b[d], g_b[d + 1] = g_a / s1, g_beta / s2
    g_s1, g_s2 = -g_a * b[d] / s1, -(g_beta * b[d + 1] + g_slope * link / s2) / s2
    g_link = g_slope / s2
    for r in range(d + 2, n_dim):
        own = g[r, d + 1] / s2
        first = g[r, d] - own * link
        g_link -= own * t[r, d]
        g_s2 -= own * t[r, d + 1]
        g_s1 -= first * t[r, d] / s1
        g[r, d + 1] = g[d + 1, r] = 0.5 * own
        g[r, d] = g[d, r] = 0.5 * first / s1
    g[d + 1, d + 1] = 0.0
    if t[d + 1, d + 1] > 0.0:
        g[d + 1, d + 1] = 0.5 * g_s2 / s2
        g_link -= g_s2 * link / s2
    g[d + 1, d] = g[d, d + 1] = 0.5 * g_link / s1
    g_s1 -= g_link * link / s1
    g[d, d] = 0.5 * g_s1 / s1 if t[d, d] > 0.0 else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _backward(
    b: Any, t: Any, n_dim: int, rules: Any, s: Any, moments: Any, g_b: Any, g: Any, g_moments: Any
) -> None:
    """Derivatives by the bounds, g_b (D,), and by the covariance, g (D, D) symmetric."""
    nodes = rules[0][0]
    if n_dim % 2 == 1:
        d = n_dim - 1
        sd, hazard = abs(t[d, d]), log_normal_part(b[d])[1]
        g_b[d] = hazard / sd
        g[d, d] = -0.5 * hazard * b[d] / (sd * sd) if t[d, d] > 0.0 else 0.0
    for block in range(n_dim // 2 - 1, -1, -1):
        d = 2 * block
        _adjoint_condition(t, d, n_dim, moments[block], g_b, g, g_moments)
        slope = t[d + 1, d] / abs(t[d + 1, d + 1])
        g_pair = adjoint_pair(b[d], slope, nodes, moments[block], g_moments, s[block])
        _adjoint_factor(t, b, d, n_dim, g_pair, g_b, g)


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
        ``(points (1, R), weights (R,))``, the Gauss rule for the pairs; those of ghk_range do too.
    start, stop
        The cases.
    with_gradient
        Whether to fill the derivatives too.

    Notes
    -----
    To be filled in: errors and times.
    """
    v, chosen, order, n_dims, omega, extra = problem
    logp, dv, domega = out
    width = max(1, v.shape[1] - 1)
    n_blocks = (width + 1) // 2
    s = np.zeros((n_blocks, NODE_ROWS, rules[1].size))
    moments, g_moments = np.zeros((n_blocks, 5)), np.zeros(5)
    b, t, floor = np.empty(width), np.empty((width, width)), np.empty(width)
    g_b, g = np.empty(width), np.empty((width, width))
    own = np.empty(omega.shape)
    for c in range(start, stop):
        n_dim, i = n_dims[c], chosen[c]
        if n_dim < 0:
            continue
        for d in range(n_dim):
            b[d] = v[c, i] - v[c, order[c, d]]
        difference_covariance(case_covariance(omega, extra, c, own), i, order[c], n_dim, t)
        logp[c] = _forward(b, t, n_dim, rules, s, moments, floor)
        if with_gradient:
            _backward(b, t, n_dim, rules, s, moments, g_b, g, g_moments)
            write_gradient(i, order[c], n_dim, g_b, g, dv[c], domega[c])
