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


@njit(nogil=True, cache=True, error_model="numpy")
def _order_case(b: Any, sigma: Any, n_dim: int, order: Any, mean: Any) -> None:
    """Permute order[:n_dim] in place, and with it b and sigma, which becomes its factor.

    At each step the difference with the smallest probability given the earlier ones (held at
    their truncated means) comes next: Genz & Bretz (2009), *Computation of Multivariate Normal
    and t Probabilities*, section 4.1.3; after Gibson, Glasbey & Elston (1994).
    """
    for d in range(n_dim):
        best, best_bound, best_sd = d, np.inf, 1.0
        for k in range(d, n_dim):
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
            for d in range(n):
                b[d] = v[c, i] - v[c, order[c, d]]
            covariance = case_covariance(omega, extra, c, own)
            difference_covariance(covariance, i, order[c], n, sigma)
            _order_case(b, sigma, n, order[c], mean)
