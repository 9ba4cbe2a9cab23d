"""Mixed logit: the exact Hessian of the simulated log-likelihood, in one kernel.

Axes: C cases, J alternatives, L rows, N people, S nodes, H random coefficients, A slopes (the
coefficients of the utility), P parameters.

With ``l_s`` the log-probability of a person's choices at node s, ``w_s`` its posterior weight, and
parameter p moving coefficient a(p) by the multiplier u_p,s (1 for a mean, z_m for a spread),

    d2 log P / dp dq = sum_s w_s (l_a l_b + l_ab) u_p u_q - (d log P / dp) (d log P / dq)

(Louis 1982, Journal of the Royal Statistical Society B 44, 226-233). The second derivatives of
``l_s`` by the coefficients are minus the covariances of the covariates within the cases. Twice as
dear as a gradient, where differences take two gradients a parameter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.mixed_logit import (
    CHUNK,
    chosen_probabilities,
    coefficients,
    most_rivals,
    weigh,
)
from choicekit.numerics.special import FAST

__all__ = ["mixed_hessian_range"]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _add_product(x: Any, y: Any, n: int, out: Any) -> None:
    for s in range(n):
        out[s] += x[s] * y[s]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _subtract(p: Any, d: Any, n: int, out: Any) -> None:
    """``out[s] -= sum_k d[k] p[k, s]``; two rows a sweep."""
    size = len(d)
    for k in range(0, size - 1, 2):
        one, two, x, y = p[k], p[k + 1], d[k], d[k + 1]
        for s in range(n):
            out[s] -= x * one[s] + y * two[s]
    if size % 2 == 1:
        one, x = p[size - 1], d[size - 1]
        for s in range(n):
            out[s] -= x * one[s]


@njit(nogil=True, cache=True, error_model="numpy")
def _curvature(problem: Any, x: Any, person: int, p: Any, n: int, scratch: Any) -> None:
    """First and second derivatives of the log-probabilities by the coefficients.

    ``slope`` (A, n) and ``curve`` (A (A + 1) / 2, n) of a person at n nodes, from the
    probabilities ``p`` of the alternatives not chosen.
    """
    _, _, case_ptr, chosen, cases, first = problem
    slope, curve, mean, d, product = scratch
    n_slopes = len(x)
    slope[:, :n] = 0.0
    curve[:, :n] = 0.0
    begin = 0
    for c in cases[first[person] : first[person + 1]]:
        i, size = chosen[c], 0
        for row in range(case_ptr[c], case_ptr[c + 1]):
            if row != i:
                for a in range(n_slopes):
                    d[a, size] = x[a, row] - x[a, i]
                size += 1
        own = p[begin : begin + size]
        begin += size
        pair = 0
        for a in range(n_slopes):
            mean[a, :n] = 0.0
            _subtract(own, d[a, :size], n, mean[a])  # minus the mean: the slope of this case
            for s in range(n):
                slope[a, s] += mean[a, s]
            for b in range(a + 1):
                for k in range(size):
                    product[k] = d[a, k] * d[b, k]
                _subtract(own, product[:size], n, curve[pair])
                _add_product(mean[a], mean[b], n, curve[pair])
                pair += 1


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _weight_all(slope: Any, curve: Any, weight: Any, n: int) -> None:
    """``curve = weight (curve + slope slope')``, then ``slope = weight slope``."""
    pair = 0
    for a in range(len(slope)):
        one = slope[a]
        for b in range(a + 1):
            own, two = curve[pair], slope[b]
            for s in range(n):
                own[s] = weight[s] * (own[s] + one[s] * two[s])
            pair += 1
    for a in range(len(slope)):
        one = slope[a]
        for s in range(n):
            one[s] *= weight[s]


@njit(nogil=True, cache=True, fastmath=FAST | {"reassoc"}, error_model="numpy")
def _sum(x: Any, n: int) -> float:
    total = 0.0
    for s in range(n):
        total += x[s]
    return total


@njit(nogil=True, cache=True, fastmath=FAST | {"reassoc"}, error_model="numpy")
def _dot(x: Any, y: Any, n: int) -> float:
    total = 0.0
    for s in range(n):
        total += x[s] * y[s]
    return total


@njit(nogil=True, cache=True, fastmath=FAST | {"reassoc"}, error_model="numpy")
def _dot3(x: Any, y: Any, z: Any, n: int) -> float:
    total = 0.0
    for s in range(n):
        total += x[s] * y[s] * z[s]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _add(
    slope: Any, curve: Any, z: Any, n: int, of: Any, by: Any, gradient: Any, hessian: Any
) -> None:
    """Add a chunk's sums to the gradient (P,) and the lower triangle of the Hessian (P, P)."""
    for p in range(len(of)):
        a = of[p]
        gradient[p] += _sum(slope[a], n) if by[p] < 0 else _dot(slope[a], z[by[p]], n)
        for q in range(p + 1):
            b = of[q]
            own = curve[a * (a + 1) // 2 + b if a >= b else b * (b + 1) // 2 + a]
            if by[p] < 0 and by[q] < 0:
                hessian[p, q] += _sum(own, n)
            elif by[p] < 0 or by[q] < 0:
                hessian[p, q] += _dot(own, z[max(by[p], by[q])], n)
            else:
                hessian[p, q] += _dot3(own, z[by[p]], z[by[q]], n)


@njit(nogil=True, cache=True, error_model="numpy")
def mixed_hessian_range(
    problem: Any,
    x: Any,
    linear: Any,
    z: Any,
    of: Any,
    by: Any,
    weights: Any,
    start: int,
    stop: int,
    out: Any,
) -> None:
    """Add the weighted Hessians of the log-probabilities of people start:stop.

    Parameters
    ----------
    problem, linear, z
        As for `choicekit.numerics.mixed_logit.mixed_logit_range`.
    x
        Covariates of all coefficients, (A, L).
    of, by
        Which coefficient each parameter moves, and times which z, -1 for none, (P,).
    weights
        Of the people, (N,).
    out
        (P, P), symmetric.
    """
    n_random, n_nodes, n_slopes = z.shape[1], z.shape[2], len(x)
    widest = most_rivals(problem, start, stop)
    filled, none = 3 * ((n_random + 2) // 3), np.empty((0, n_random, 1))
    p, dx = np.empty((widest, CHUNK)), np.zeros((widest, filled))
    total, logp, weight = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    b, zs = np.zeros((filled, CHUNK)), np.empty((n_random, CHUNK))
    slope, mean = np.empty((n_slopes, CHUNK)), np.empty((n_slopes, CHUNK))
    curve = np.empty((n_slopes * (n_slopes + 1) // 2, CHUNK))
    inner = (slope, curve, mean, np.empty((n_slopes, widest)), np.empty(widest))
    gradient, hessian = np.empty(len(of)), np.empty((len(of), len(of)))
    for person in range(start, stop):
        own, top, mass, done = person - start, -np.inf, 0.0, 0
        gradient[:] = 0.0
        hessian[:, :] = 0.0
        while done < n_nodes:
            n = min(CHUNK, n_nodes - done)
            zs[:, :n] = z[own, :, done : done + n]
            coefficients(none, linear, zs, own, done, n, b)
            chosen_probabilities(problem, person, b, n, (p, total, logp, dx))
            highest = logp[:n].max()
            if highest > top:  # rescale what earlier chunks added
                factor = np.exp(top - highest)
                mass *= factor
                gradient *= factor
                hessian *= factor
                top = highest
            mass += weigh(logp, top, n, weight)
            _curvature(problem, x, person, p, n, inner)
            _weight_all(slope, curve, weight, n)
            _add(slope, curve, zs, n, of, by, gradient, hessian)
            done += n
        for i in range(len(of)):
            for j in range(i + 1):
                part = hessian[i, j] / mass - gradient[i] * gradient[j] / mass**2
                out[i, j] += weights[person] * part
                if i != j:
                    out[j, i] += weights[person] * part
