"""V = X beta and its reverse, for flat rows of unequal choice sets.

Products are einsum's: the threads of a BLAS wait for each other where processors are shared, and
that took longer, in a fit of 20,000 cases on a busy machine, than everything else.

Axes: C cases, L rows (case x available alternative), K coefficients.
Reference: McFadden (1974), "Conditional logit analysis of qualitative choice behavior", in
Zarembka (ed.), Frontiers in Econometrics, pp. 105-142.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["pullback", "pullback_sum", "value"]

FloatArray = npt.NDArray[np.float64]


def value(X: FloatArray, beta: FloatArray) -> FloatArray:
    """Return V = X beta, (L,), the utilities of the rows.

    Parameters
    ----------
    X
        Regressors, (L, K).
    beta
        Coefficients, (K,).
    """
    return np.asarray(np.einsum("lk,k->l", X, beta))


def pullback(X: FloatArray, case_ptr: npt.NDArray[Any], g: FloatArray) -> FloatArray:
    """Return the scores of the cases, (C, K): sum over the rows l of case c of g[l] X[l, k].

    Parameters
    ----------
    X
        Regressors, (L, K); fastest where contiguous by column.
    case_ptr
        The rows of case c are case_ptr[c]:case_ptr[c + 1], (C + 1,); empty cases get zeros.
    g
        Derivative of a quantity of each case with respect to V, (L,).

    Notes
    -----
    One column at a time, so that the largest temporary array is (L,). The result is
    contiguous by column, like X.
    """
    sizes = np.diff(case_ptr)
    scores = np.zeros((X.shape[1], len(sizes))).T
    if not len(g):
        return scores
    if sizes.min() == sizes.max():
        table = g.reshape(len(sizes), -1)
        for k in range(X.shape[1]):
            np.einsum("cj,cj->c", X[:, k].reshape(table.shape), table, out=scores[:, k])
        return scores
    filled = sizes > 0  # reduceat gives an empty slice the row after it instead of zero
    starts = np.asarray(case_ptr[:-1])[filled]
    every = bool(filled.all())
    product = np.empty(len(g))
    for k in range(X.shape[1]):
        np.multiply(X[:, k], g, out=product)
        if every:
            np.add.reduceat(product, starts, out=scores[:, k])
        else:
            scores[filled, k] = np.add.reduceat(product, starts)
    return scores


def pullback_sum(X: FloatArray, g: FloatArray) -> FloatArray:
    """Return X' g, (K,): the scores summed over cases, without the (C, K) array."""
    return np.asarray(np.einsum("lk,l->k", X, g))
