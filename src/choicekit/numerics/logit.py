"""The conditional logit's log-likelihood, gradient and exact Hessian over ragged rows.

Axes: C cases, L rows (case x available alternative), K coefficients.

For case c with rows r in c, choice probabilities ``P_r = exp(v_r / mu) / sum_s exp(v_s / mu)``
and the probability-weighted mean ``xbar_c = sum_r P_r x_r`` (McFadden 1974; Train 2009, ch. 3)::

    log L    = sum_c w_c (v_chosen / mu - log sum_r exp(v_r / mu))
    gradient = sum_c w_c (x_chosen - xbar_c) / mu
    Hessian  = - sum_c w_c sum_r P_r (x_r - xbar_c)(x_r - xbar_c)' / mu^2

The Hessian is summed in this centred form: the textbook difference
``E[x x'] - xbar xbar'`` loses all digits when a covariate's mean is large
against its spread within the case (an income in roubles, say).

X comes column-contiguous, so that each covariate of a block of cases is a
contiguous run: the loops over rows vectorise although the number of
alternatives differs from case to case, and no blocked copy of X is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.special import FAST, exp_
from choicekit.numerics.threads import map_ranges

__all__ = ["LogitEvaluation", "logit_evaluate", "row_log_probabilities"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class LogitEvaluation:
    """Log-likelihood, gradient (K,) and Hessian (K, K) (zeros where not asked for)."""

    value: float
    gradient: Float
    hessian: Float


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _utilities(xt: Any, beta: Any, start: int, n: int, v: Any) -> None:
    """v[:n] = utilities of n rows from ``start``; vectorises over rows, two covariates a pass."""
    for r in range(n):
        v[r] = 0.0
    for k in range(xt.shape[0]):
        b = beta[k]
        for r in range(n):
            v[r] += xt[k, start + r] * b


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _softmax_block(v: Any, case_ptr: Any, c0: int, c1: int, logs: Any) -> None:
    """Turn v (rows of cases c0:c1) into probabilities; logs[c - c0] = log-sum-exp of the case."""
    first = case_ptr[c0]
    for c in range(c0, c1):
        lo, hi = case_ptr[c] - first, case_ptr[c + 1] - first
        top = v[lo]
        for r in range(lo + 1, hi):
            top = max(top, v[r])
        for r in range(lo, hi):
            v[r] -= top
        logs[c - c0] = top
    for r in range(case_ptr[c1] - first):
        v[r] = exp_(v[r])
    for c in range(c0, c1):
        lo, hi = case_ptr[c] - first, case_ptr[c + 1] - first
        total = 0.0
        for r in range(lo, hi):
            total += v[r]
        inverse = 1.0 / total
        for r in range(lo, hi):
            v[r] *= inverse
        logs[c - c0] += np.log(total)


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _centre_block(
    xt: Any, v: Any, case_ptr: Any, chosen: Any, weights: Any, c0: int, c1: int, grad: Any, d: Any
) -> None:
    """Add the block's gradient; d[k, r] = sqrt(w P) (x - xbar) for the Hessian when d has rows."""
    first = case_ptr[c0]
    weighted = weights.size > 0
    for k in range(xt.shape[0]):
        total = 0.0
        for c in range(c0, c1):
            lo, hi = case_ptr[c], case_ptr[c + 1]
            mean = 0.0
            for r in range(lo, hi):
                mean += v[r - first] * xt[k, r]
            w = weights[c] if weighted else 1.0
            total += w * (xt[k, chosen[c]] - mean)
            if d.shape[0] > 0:
                for r in range(lo, hi):
                    d[k, r - first] = xt[k, r] - mean
        grad[k] += total
    if d.shape[0] > 0:
        for c in range(c0, c1):
            w = weights[c] if weighted else 1.0
            for r in range(case_ptr[c] - first, case_ptr[c + 1] - first):
                v[r] = np.sqrt(w * v[r])
        for k in range(xt.shape[0]):
            for r in range(d.shape[1]):
                d[k, r] *= v[r]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def logit_range(
    xt: Any,
    case_ptr: Any,
    chosen: Any,
    weights: Any,
    beta: Any,
    start: int,
    stop: int,
    block_rows: int,
    with_hessian: bool,
) -> Any:
    """Log-likelihood, gradient and Hessian of cases start:stop, in blocks that stay in cache."""
    n_coef = xt.shape[0]
    value, grad, hess = 0.0, np.zeros(n_coef), np.zeros((n_coef, n_coef))
    longest = block_rows
    for c in range(start, stop):
        longest = max(longest, case_ptr[c + 1] - case_ptr[c])
    v, logs = np.empty(longest), np.empty(longest)
    buffer = np.empty(n_coef * longest if with_hessian else 0)
    c0 = start
    while c0 < stop:
        c1 = c0 + 1
        while c1 < stop and case_ptr[c1 + 1] - case_ptr[c0] <= block_rows:
            c1 += 1
        first = case_ptr[c0]
        n = case_ptr[c1] - first
        _utilities(xt, beta, first, n, v)
        for c in range(c0, c1):
            w = weights[c] if weights.size > 0 else 1.0
            value += w * v[chosen[c] - first]
        _softmax_block(v, case_ptr, c0, c1, logs)
        for c in range(c0, c1):
            w = weights[c] if weights.size > 0 else 1.0
            value -= w * logs[c - c0]
        d = buffer[: (n_coef if with_hessian else 0) * n].reshape((-1, n))
        _centre_block(xt, v, case_ptr, chosen, weights, c0, c1, grad, d)
        if with_hessian:
            hess -= np.dot(d, d.T)
        c0 = c1
    return value, grad, hess


def logit_evaluate(
    xt: Float,
    case_ptr: NDArray[np.int64],
    chosen: NDArray[np.int64],
    weights: Float | None,
    beta: Float,
    scale: float = 1.0,
    with_hessian: bool = True,
) -> LogitEvaluation:
    """Evaluate the conditional logit.

    Parameters
    ----------
    xt
        Covariates (K, L), C-contiguous: one covariate a row.
    case_ptr
        Rows of case c are ``case_ptr[c]:case_ptr[c + 1]``, shape (C + 1,).
    chosen
        Row of each case's chosen alternative, shape (C,).
    weights
        Case weights (C,), or None for ones.
    beta
        Coefficients (K,).
    scale
        The Gumbel scale mu (temperature), positive.
    with_hessian
        Also the exact Hessian; costs about as much again.

    Returns
    -------
    LogitEvaluation

    References
    ----------
    McFadden (1974), "Conditional logit analysis of qualitative choice behavior"; Train (2009),
    *Discrete Choice Methods with Simulation*, sections 3.7-3.8 (equation 3.13 for the gradient).
    """
    no_weights = np.empty(0) if weights is None else weights
    scaled = beta / scale
    # Blocks of rows whose centred covariates fit the second-level cache with room to spare.
    block = int(np.clip(24_576 // max(1, xt.shape[0]), 64, 1024))

    def work(start: int, stop: int) -> tuple[float, Float, Float]:
        result: tuple[float, Float, Float] = logit_range(
            xt, case_ptr, chosen, no_weights, scaled, start, stop, block, with_hessian
        )
        return result

    parts = map_ranges(work, len(chosen), at_least=2048)
    return LogitEvaluation(
        float(sum(part[0] for part in parts)),
        np.sum([part[1] for part in parts], axis=0) / scale,
        np.sum([part[2] for part in parts], axis=0) / scale**2,
    )


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _log_probability_range(
    v: Any, case_ptr: Any, scale: float, start: int, stop: int, out: Any
) -> None:
    for c in range(start, stop):
        lo, hi = case_ptr[c], case_ptr[c + 1]
        top = v[lo]
        for r in range(lo + 1, hi):
            top = max(top, v[r])
        total = 0.0
        for r in range(lo, hi):
            # The difference first: v / scale alone may overflow where the difference does not.
            total += np.exp((v[r] - top) / scale)
        log_total = np.log(total)
        for r in range(lo, hi):
            out[r] = (v[r] - top) / scale - log_total


def row_log_probabilities(v: Float, case_ptr: NDArray[np.int64], scale: float) -> Float:
    """Log choice probability of every row, (L,): the log-softmax of ``v / scale`` within its case.

    ``v`` has shape (L,); ``scale`` is positive (its limits belong to the error family).
    """
    out = np.empty_like(v)

    def work(start: int, stop: int) -> None:
        _log_probability_range(v, case_ptr, scale, start, stop, out)

    map_ranges(work, len(case_ptr) - 1, at_least=4096)
    return out
