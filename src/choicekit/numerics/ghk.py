"""Multinomial probit probabilities and their gradient: the GHK recursion on any set of points.

Axes: C cases, J alternatives, D = (available alternatives) - 1 utility differences, R points.

For chosen alternative i, the differences ``U_k - U_i`` of the other available alternatives,
taken in a fixed order, are normal with mean ``V_k - V_i`` and covariance ``Sigma = T T'``. With
``b_d = V_i - V_k(d)`` (Train 2009, section 5.6.3; Geweke 1989, Hajivassiliou 1990, Keane 1994)::

    a_d = (b_d - sum_{k<d} T_dk e_k) / T_dd        bound of the d-th standard normal
    e_d = Phi^-1(u_d Phi(a_d))                     a draw below it
    P   = mean over points of  prod_d Phi(a_d)

The points u are keyed by case (points.py has the kinds), or the nodes of a product Gauss rule: then
the sum is a deterministic integral and nothing is simulated. Only D - 1 coordinates are used, so
two available alternatives need no integration at all.

Everything is kept in logs where it could underflow: Phi(a) = ratio exp(exponent). The gradient
is the adjoint of the same recursion, ``de/da = u phi(a)/phi(e) = u exp((e^2 - a^2) / 2)``.
Innermost loops run over at most ``CHUNK`` points held in cache, one purpose a loop, because
LLVM vectorises those and gives up on long fused ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.draws import CHUNK
from choicekit.numerics.linear_algebra import (
    adjoint_cholesky,
    case_covariance,
    cholesky,
    difference_covariance,
)
from choicekit.numerics.points import next_points, start_case
from choicekit.numerics.special import (
    FAST,
    exp_,
    normal_parts_,
    normal_quantile_,
    signed_log_tail_,
)

__all__ = ["dot", "ghk_range", "point_weights", "total_of", "write_gradient"]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _forward(b: Any, t: Any, n_dim: int, n: int, s: Any) -> float:
    """Run the recursion for n points in scratch s; s.product, s.exponent hold the probabilities.

    Returns the largest exponent.
    """
    # One layout of the scratch for both directions; slices, so that numba knows them contiguous.
    u, e, a, ratio, density = s[0], s[1], s[2], s[3], s[4]
    product, exponent, power, upper = s[5, 0], s[5, 1], s[5, 2], s[5, 3]
    for r in range(n):
        product[r] = 1.0
        exponent[r] = 0.0
    for d in range(n_dim):
        inverse = 1.0 / t[d, d]
        ad = a[d]
        for r in range(n):
            ad[r] = b[d] * inverse
        for k in range(d):
            c, ek = t[d, k] * inverse, e[k]
            for r in range(n):
                ad[r] -= c * ek[r]
        pd, hd = ratio[d], density[d]
        for r in range(n):
            pd[r], power[r], upper[r], hd[r] = normal_parts_(ad[r])
        for r in range(n):
            product[r] *= pd[r]
            exponent[r] += power[r]
        if d + 1 < n_dim:
            ed, ud = e[d], u[d]
            for r in range(n):
                ed[r] = signed_log_tail_(ud[r], pd[r], power[r], upper[r])
            for r in range(n):
                ed[r] = normal_quantile_(ed[r])
    top: float = exponent[0]
    for r in range(1, n):
        top = max(top, exponent[r])
    return top


@njit(nogil=True, cache=True, fastmath={"contract", "nnan", "ninf", "nsz", "reassoc"})
def dot(x: Any, y: Any, n: int) -> float:
    """Inner product of the first n entries; may be summed in any order (hence vectorised)."""
    total = 0.0
    for r in range(n):
        total += x[r] * y[r]
    return total


@njit(nogil=True, cache=True, fastmath={"contract", "nnan", "ninf", "nsz", "reassoc"})
def total_of(x: Any, n: int) -> float:
    """Sum of the first n entries, in any order."""
    total = 0.0
    for r in range(n):
        total += x[r]
    return total


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _backward(weight: Any, t: Any, n_dim: int, n: int, s: Any, g_b: Any, g_t: Any) -> None:
    """Add the weighted adjoints of the bounds to g_b (D,) and of the factor to g_t (D, D)."""
    u, e, a, ratio, density, bar, ebar = s[0], s[1], s[2], s[3], s[4], s[5, 4], s[6]
    for d in range(n_dim - 1):
        for r in range(n):
            ebar[d, r] = 0.0
    for d in range(n_dim - 1, -1, -1):
        inverse = 1.0 / t[d, d]
        ad, pd, hd = a[d], ratio[d], density[d]
        for r in range(n):
            bar[r] = weight[r] * hd[r] / pd[r]  # the hazard phi / Phi
        if d + 1 < n_dim:
            ed, ud, eb = e[d], u[d], ebar[d]
            for r in range(n):
                bar[r] += eb[r] * ud[r] * exp_(0.5 * (ed[r] - ad[r]) * (ed[r] + ad[r]))
        g_b[d] += inverse * total_of(bar, n)
        g_t[d, d] -= inverse * dot(bar, ad, n)
        for k in range(d):
            ek, eb = e[k], ebar[k]
            g_t[d, k] -= inverse * dot(bar, ek, n)
            c = t[d, k] * inverse
            for r in range(n):
                eb[r] -= c * bar[r]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def point_weights(weight: Any, product: Any, exponent: Any, rule: Any, top: float, n: int) -> float:
    """weight[r] = rule[r] x probability of point r, relative to exp(top); returns the sum."""
    for r in range(n):
        weight[r] = exp_(exponent[r] - top)
    for r in range(n):
        weight[r] *= product[r] * rule[r]
    return total_of(weight, n)


@njit(nogil=True, cache=True, error_model="numpy")
def _how_many(rules: Any, n_dim: int, n_points: int) -> Any:
    """Whether n_dim differences are simulated, and how many points they get."""
    if n_dim == 1:
        return False, 1  # a univariate normal: nothing to integrate
    if n_dim == 2 and rules[1].size > 0:
        return False, rules[1].size
    if n_dim == 3 and rules[3].size > 0:
        return False, rules[3].size
    return True, n_points


@njit(nogil=True, cache=True, error_model="numpy")
def _gauss_chunk(rules: Any, n_dim: int, done: int, n: int, equal: Any, u: Any) -> Any:
    """Copy n nodes of the Gauss rule for n_dim differences to u; returns their weights.

    Loops, because numba compiles an assignment to a slice for seconds.
    """
    points1, weights1, points2, weights2 = rules
    if n_dim == 2:
        for r in range(n):
            u[0, r] = points1[0, done + r]
        return weights1[done : done + n]
    if n_dim == 3:
        for r in range(n):
            u[0, r] = points2[0, done + r]
            u[1, r] = points2[1, done + r]
        return weights2[done : done + n]
    return equal[:n]


@njit(nogil=True, cache=True, error_model="numpy")
def _scale(g_b: Any, g_t: Any, n_dim: int, factor: float) -> None:
    """Multiply both adjoints, as far as they are in use."""
    for d in range(n_dim):
        g_b[d] *= factor
        for k in range(d + 1):
            g_t[d, k] *= factor


@njit(nogil=True, cache=True, error_model="numpy")
def ghk_range(
    problem: Any, rules: Any, simulation: Any, start: int, stop: int, with_gradient: bool, out: Any
) -> None:
    """Log-probabilities of the chosen alternatives of cases start:stop, and their gradients.

    Parameters
    ----------
    problem
        ``(v (C, J), chosen (C,), order (C, J-1), n_dim (C,), omega (J, J), extra (C or 0, J, J))``:
        utilities; code of the chosen alternative; codes of the other available ones in the order
        of integration; how many these are; covariance of the J errors; what single cases add to
        it.
    rules
        ``(points1 (1, R1), weights1 (R1,), points2 (2, R2), weights2 (R2,))``: Gauss rules for two
        and three differences; R1 = 0 or R2 = 0 stands for "simulate these as well".
    simulation
        ``(kind, table, directions, keys (C,) uint64, seed uint64, n_points, antithetic)``: code
        of the kind of points and what all cases share (`points.simulation_of`); keys of the
        cases and the seed; points a case, mirror images included.
    out
        ``(logp (C,), dv (C, J), domega (C, J (J + 1) / 2))``: the last two only written
        ``with_gradient``; domega is the derivative with respect to the lower triangle of the
        case's covariance, row by row, an off-diagonal element counting for both its places.
    """
    v, chosen, order, n_dims, omega, extra = problem
    logp, dv, domega = out
    width = max(1, v.shape[1] - 1)
    s = np.empty((7, max(5, width), CHUNK))
    weight, equal = np.empty(CHUNK), np.full(CHUNK, 1.0)
    words = np.empty(CHUNK, dtype=np.uint32)
    scrambled, shift = np.empty((width, 32), dtype=np.uint32), np.empty(width, dtype=np.uint32)
    b, t = np.empty(width), np.empty((width, width))
    g_b, g_t = np.empty(width), np.empty((width, width))
    own = np.empty(omega.shape)
    for c in range(start, stop):
        n_dim, i = n_dims[c], chosen[c]
        if n_dim == 0:
            logp[c] = 0.0
            if with_gradient:
                dv[c].fill(0.0)
                domega[c].fill(0.0)
            continue
        for d in range(n_dim):
            b[d] = v[c, i] - v[c, order[c, d]]
        difference_covariance(case_covariance(omega, extra, c, own), i, order[c], n_dim, t)
        cholesky(t, n_dim)
        for d in range(n_dim):
            g_b[d] = 0.0
            for k in range(n_dim):
                g_t[d, k] = 0.0

        simulated, n_points = _how_many(rules, n_dim, simulation[5])
        if simulated:
            start_case(simulation, c, n_dim - 1, scrambled, shift)

        top, total, done, chunk = -np.inf, 0.0, 0, 0
        while done < n_points:
            if simulated:
                n = next_points(simulation, c, n_dim - 1, chunk, scrambled, shift, words, s[0])
                rule = equal
            else:
                n = min(CHUNK, n_points - done)
                rule = _gauss_chunk(rules, n_dim, done, n, equal, s[0])
            highest = _forward(b, t, n_dim, n, s)
            if highest > top:  # rescale what earlier chunks added
                factor = np.exp(top - highest)
                total *= factor
                _scale(g_b, g_t, n_dim, factor)
                top = highest
            total += point_weights(weight, s[5, 0], s[5, 1], rule, top, n)
            if with_gradient:
                _backward(weight, t, n_dim, n, s, g_b, g_t)
            done += n
            chunk += 1
        norm = np.float64(n_points) if simulated else 1.0
        logp[c] = top + np.log(total / norm)
        if with_gradient:
            _scale(g_b, g_t, n_dim, 1.0 / total)
            adjoint_cholesky(t, n_dim, g_t)
            write_gradient(i, order[c], n_dim, g_b, g_t, dv[c], domega[c])


@njit(nogil=True, cache=True, error_model="numpy")
def write_gradient(
    i: int, order: Any, n_dim: int, g_b: Any, g_sigma: Any, dv: Any, domega: Any
) -> None:
    """From bounds and difference covariance back to utilities and error covariance.

    ``b_d = V_i - V_k`` and ``Sigma_dk = omega_dk - omega_di - omega_ik + omega_ii``; g_sigma (D, D)
    symmetric.
    """
    dv.fill(0.0)
    domega.fill(0.0)
    own = i * (i + 1) // 2 + i
    for d in range(n_dim):
        k = order[d]
        dv[k] = -g_b[d]
        dv[i] += g_b[d]
        row = 0.0
        for m in range(n_dim):
            other = order[m]
            row += g_sigma[d, m]
            high, low = max(k, other), min(k, other)
            domega[high * (high + 1) // 2 + low] += g_sigma[d, m]
        high, low = max(k, i), min(k, i)
        domega[high * (high + 1) // 2 + low] -= 2.0 * row
        domega[own] += row
