"""Small dense factorisations for one case at a time, compiled into the probit's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = [
    "PIVOT_FLOOR",
    "adjoint_cholesky",
    "case_covariance",
    "cholesky",
    "difference_covariance",
]

# A conditional variance below this share of the variance counts as this share: the errors are
# then perfectly correlated to working precision, and the probability is a step.
PIVOT_FLOOR = 1e-13


@njit(nogil=True, cache=True, error_model="numpy")
def case_covariance(omega: Any, extra: Any, c: int, out: Any) -> Any:
    """Covariance (J, J) of the errors of case c: omega, plus ``extra[c]`` where there is one.

    ``extra`` is (C, J, J) or (0, J, J); ``out`` (J, J) is scratch. Returns omega or out.
    """
    if extra.shape[0] == 0:
        return omega
    for j in range(omega.shape[0]):
        for k in range(omega.shape[0]):
            out[j, k] = omega[j, k] + extra[c, j, k]
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def difference_covariance(omega: Any, i: int, order: Any, n_dim: int, out: Any) -> None:
    """Covariance of the errors of alternatives ``order[:n_dim]`` less that of alternative i.

    ``out[d, k] = omega_dk - omega_di - omega_ik + omega_ii``; omega (J, J), out (>=D, >=D).
    """
    for d in range(n_dim):
        for k in range(d + 1):
            p, q = order[d], order[k]
            value = omega[p, q] - omega[p, i] - omega[i, q] + omega[i, i]
            out[d, k] = value
            out[k, d] = value


@njit(nogil=True, cache=True, error_model="numpy")
def cholesky(a: Any, n: int) -> None:
    """Overwrite the lower triangle of a (n, n) with its Cholesky factor; pivots are floored."""
    largest = 1e-290
    for j in range(n):
        largest = max(largest, a[j, j])
    for j in range(n):
        pivot = a[j, j]
        for k in range(j):
            pivot -= a[j, k] * a[j, k]
        pivot = np.sqrt(max(pivot, PIVOT_FLOOR * largest))
        a[j, j] = pivot
        for i in range(j + 1, n):
            value = a[i, j]
            for k in range(j):
                value -= a[i, k] * a[j, k]
            a[i, j] = value / pivot


@njit(nogil=True, cache=True, error_model="numpy")
def adjoint_cholesky(t: Any, n: int, g: Any) -> None:
    """Turn g, the gradient with respect to the factor t, into that with respect to ``t t'``.

    On entry the lower triangle of g (n, n) holds dF/dt; on return g is symmetric with
    ``dF = sum_ij g_ij dA_ij``. Formula: ``g = T^-T sym(Phi(T' G)) T^-1`` with Phi the lower
    triangle, its diagonal halved (Murray 2016, "Differentiation of the Cholesky decomposition",
    equation 10).
    """
    # Phi(T' G), symmetrised: entries (i, j), i >= j, of T'G use rows m >= i of the factor.
    for i in range(n):
        for j in range(i + 1):
            value = 0.0
            for m in range(i, n):
                value += t[m, i] * g[m, j]
            # The upper triangle is free scratch: row i of the product goes to column i.
            g[j, i] = value * 0.5
    for i in range(n):
        for j in range(i):
            g[i, j] = g[j, i]
    # Solve T' X = g, then X T = ..., both by back substitution.
    for j in range(n):
        for i in range(n - 1, -1, -1):
            value = g[i, j]
            for m in range(i + 1, n):
                value -= t[m, i] * g[m, j]
            g[i, j] = value / t[i, i]
    for i in range(n):
        for j in range(n - 1, -1, -1):
            value = g[i, j]
            for m in range(j + 1, n):
                value -= g[i, m] * t[m, j]
            g[i, j] = value / t[j, j]
