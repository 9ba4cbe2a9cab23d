"""The order in which the GHK recursion takes the utility differences.

Axes: C cases, J alternatives, D utility differences of a case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.linear_algebra import case_covariance, difference_covariance
from choicekit.numerics.special import hazard_

__all__ = ["order_range"]

FAR = -3.0  # a bound this many standard deviations below the mean makes a case one of the tails
SWEEPS = 500
SETTLED = 1e-9


@njit(nogil=True, cache=True, error_model="numpy")
def _binding_first(b: Any, sigma: Any, n_dim: int, order: Any, weight: Any) -> int:
    """Move the differences that bind at the mode to the front of order; returns their number.

    Far in the tails the mass sits at the mode, the point of ``x <= b`` nearest to the origin in
    the metric of sigma: ``x = -sigma w`` with the least ``w' sigma w / 2 + b' w, w >= 0``. Only
    differences with positive w are at their bounds there. One that is not, taken early because
    its bound looks hard by itself, sends all draws to a place of no mass. The w (n_dim,) are found
    coordinate by coordinate (Hildreth 1957). Returns 0, and changes nothing, outside the tails and
    where they cannot be found.
    """
    far = False
    for k in range(n_dim):
        weight[k] = 0.0
        far = far or b[k] < FAR * np.sqrt(sigma[k, k])
    if not far:
        return 0
    largest, moved = 0.0, 1.0
    for _ in range(SWEEPS):
        largest, moved = 0.0, 0.0
        for k in range(n_dim):
            slope = b[k]
            for m in range(n_dim):
                slope += sigma[k, m] * weight[m]
            before = weight[k]
            weight[k] = max(0.0, before - slope / sigma[k, k])
            moved = max(moved, abs(weight[k] - before))
            largest = max(largest, weight[k])
        if moved <= SETTLED * largest:
            break
    if moved > SETTLED * largest:  # sigma is nearly singular: better no claim than a wrong one
        return 0
    n_first = 0
    for k in range(n_dim):
        if weight[k] > 1e-6 * largest:
            order[n_first], order[k] = order[k], order[n_first]
            n_first += 1
    return n_first


@njit(nogil=True, cache=True, error_model="numpy")
def _order_case(b: Any, sigma: Any, n_dim: int, n_first: int, order: Any, mean: Any) -> None:
    """Permute order[:n_dim] in place, and with it b and sigma, which becomes its factor.

    The first ``n_first`` stay in front, in an order of their own. At each step the difference with
    the smallest probability given the earlier ones (held at their truncated means) comes next:
    Genz & Bretz (2009), *Computation of Multivariate Normal and t Probabilities*, section 4.1.3;
    after Gibson, Glasbey & Elston (1994).
    """
    for d in range(n_dim):
        best, best_bound, best_sd = d, np.inf, 1.0
        for k in range(d, n_first if d < n_first else n_dim):
            variance, bound = sigma[k, k], b[k]
            for m in range(d):
                variance -= sigma[k, m] * sigma[k, m]
                bound -= sigma[k, m] * mean[m]
            sd = np.sqrt(max(variance, 1e-13 * max(sigma[k, k], 1e-290)))
            if bound / sd < best_bound:
                best, best_bound, best_sd = k, bound / sd, sd
        if best != d:
            order[d], order[best] = order[best], order[d]
            b[d], b[best] = b[best], b[d]
            for m in range(d):
                sigma[d, m], sigma[best, m] = sigma[best, m], sigma[d, m]
            # Swap row and column of the part not yet factorised (held in the lower triangle).
            sigma[d, d], sigma[best, best] = sigma[best, best], sigma[d, d]
            for m in range(d + 1, best):
                sigma[m, d], sigma[best, m] = sigma[best, m], sigma[m, d]
            for m in range(best + 1, n_dim):
                sigma[m, d], sigma[m, best] = sigma[m, best], sigma[m, d]
        for k in range(d + 1, n_dim):
            value = sigma[k, d]
            for m in range(d):
                value -= sigma[k, m] * sigma[d, m]
            sigma[k, d] = value / best_sd
        # A draw below the bound has this mean; far below, the bound itself is close enough.
        mean[d] = -hazard_(min(max(best_bound, -1e8), 38.0))


@njit(nogil=True, cache=True, error_model="numpy")
def order_range(
    v: Any,
    available: Any,
    chosen: Any,
    omega: Any,
    extra: Any,
    start: int,
    stop: int,
    reorder: bool,
    order: Any,
    n_dims: Any,
) -> None:
    """Fill ``order[c, :n_dims[c]]`` with the codes of the available alternatives but the chosen.

    Parameters
    ----------
    v, available, chosen
        Utilities (C, J), availability (C, J) bool, code of the chosen alternative (C,).
    omega
        Covariance of the errors (J, J).
    extra
        What single cases add to it, (C, J, J), or (0, J, J) for nothing.
    reorder
        False leaves them in the order of the alternatives.
    order, n_dims
        Output, int32: (C, max(1, J - 1)) and (C,).
    """
    width = max(1, v.shape[1] - 1)
    b, mean, sigma = np.empty(width), np.empty(width), np.empty((width, width))
    own = np.empty(omega.shape)
    for c in range(start, stop):
        i, n = chosen[c], 0
        for j in range(v.shape[1]):
            if j != i and available[c, j]:
                order[c, n] = j
                n += 1
        n_dims[c] = n
        if reorder and n > 1:
            covariance = case_covariance(omega, extra, c, own)
            _bounds(v[c], i, order[c], n, b)
            difference_covariance(covariance, i, order[c], n, sigma)
            n_first = _binding_first(b, sigma, n, order[c], mean)
            if n_first:
                _bounds(v[c], i, order[c], n, b)
                difference_covariance(covariance, i, order[c], n, sigma)
            _order_case(b, sigma, n, n_first, order[c], mean)


@njit(nogil=True, cache=True, error_model="numpy")
def _bounds(v: Any, i: int, order: Any, n_dim: int, b: Any) -> None:
    """``b_d = V_i - V_k(d)`` for one case."""
    for d in range(n_dim):
        b[d] = v[i] - v[order[d]]
