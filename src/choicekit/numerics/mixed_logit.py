"""Mixed logit: simulated probability of a person's choices and its gradient, in one kernel.

Axes: C cases, J alternatives, L rows, N people, S nodes, H random coefficients.

    P_n = (1 / S) sum_s prod_t softmax(V_t + X_t b_ns)[i_t]         (Train 2009, section 6.7)

Innermost loops run over at most ``CHUNK`` nodes, which stay in cache; utilities are differences
against the chosen alternative, which saves one exponential in J. The nodes' weights are known
only when all cases of a person are done, so a chunk keeps its probabilities and goes over them
a second time. Nothing of size C x S is ever held.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.special import FAST, exp_, log_

__all__ = ["CHUNK", "mixed_logit_range"]

CHUNK = 256
_MOST = 690.0


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _utilities(base: float, dx: Any, b: Any, n: int, out: Any) -> None:
    """``out[s] = exp(base + sum_h dx[h] b[h, s])``, capped; two coefficients a sweep."""
    size = len(dx)
    for s in range(n):
        out[s] = base
    for h in range(0, size - 1, 2):
        one, two, x, y = b[h], b[h + 1], dx[h], dx[h + 1]
        for s in range(n):
            out[s] += x * one[s] + y * two[s]
    if size % 2 == 1:
        one, x = b[size - 1], dx[size - 1]
        for s in range(n):
            out[s] += x * one[s]
    for s in range(n):
        out[s] = exp_(min(max(out[s], -_MOST), _MOST))


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _case(p: Any, n_other: int, n: int, total: Any, logp: Any) -> None:
    """Turn exponentials p (others, n) into probabilities; add the chosen one's log to logp."""
    for s in range(n):
        total[s] = 1.0
    for j in range(n_other):
        pj = p[j]
        for s in range(n):
            total[s] += pj[s]
    for s in range(n):
        logp[s] -= log_(total[s])
    for s in range(n):
        total[s] = 1.0 / total[s]
    for j in range(n_other):
        pj = p[j]
        for s in range(n):
            pj[s] *= total[s]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _slopes(p: Any, dx: Any, n: int, slope: Any) -> None:
    """``slope[h, s] -= p[s] dx[h]``: the derivative of the log-probability by the coefficients."""
    for h in range(len(dx)):
        own, x = slope[h], dx[h]
        for s in range(n):
            own[s] -= p[s] * x


@njit(nogil=True, cache=True, fastmath={"contract", "nnan", "ninf", "nsz", "reassoc"})
def _dot(x: Any, y: Any, n: int) -> float:
    """Inner product of the first n entries, in any order."""
    total = 0.0
    for s in range(n):
        total += x[s] * y[s]
    return total


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _weigh(logp: Any, top: float, n: int, weight: Any) -> float:
    """``weight = exp(logp - top)``; returns the sum."""
    for s in range(n):
        weight[s] = exp_(max(logp[s] - top, -_MOST))
    total = 0.0
    for s in range(n):
        total += weight[s]
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _chunk(problem: Any, person: int, b: Any, n: int, gradient: bool, scratch: Any) -> None:
    """Log-probability of the person's choices at n nodes, with slopes and probabilities kept."""
    fixed, x, case_ptr, chosen, cases, first = problem
    probabilities, slope, total, logp, dx = scratch
    for s in range(n):
        logp[s] = 0.0
    slope[:, :n] = 0.0
    place = 0
    for c in cases[first[person] : first[person + 1]]:
        i, begin = chosen[c], place
        for row in range(case_ptr[c], case_ptr[c + 1]):
            if row != i:
                for h in range(x.shape[0]):
                    dx[place, h] = x[h, row] - x[h, i]
                _utilities(fixed[row] - fixed[i], dx[place], b, n, probabilities[place])
                place += 1
        _case(probabilities[begin:place], place - begin, n, total, logp)
        if gradient:
            for k in range(begin, place):
                _slopes(probabilities[k], dx[k], n, slope)


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _add(slope: Any, weight: Any, chain: Any, z: Any, n: int, by_mean: Any, by_spread: Any) -> None:
    """Add a chunk's weighted slopes to the derivatives by mean (H,) and spread (H, H).

    ``chain`` and ``z`` are (H, n) or, for no chain, (0, n).
    """
    for h in range(len(by_mean)):
        own = slope[h]
        for s in range(n):
            own[s] *= weight[s]
        if chain.shape[0]:
            for s in range(n):
                own[s] *= chain[h, s]
        total = 0.0
        for s in range(n):
            total += own[s]
        by_mean[h] += total
        for m in range(h + 1):
            by_spread[h, m] += _dot(own, z[m], n)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_rows(problem: Any, person: int, kept: Any, rows: Any) -> None:
    """Derivatives by the utilities of a person's rows, from their mean probabilities."""
    _, _, case_ptr, chosen, cases, first = problem
    place = 0
    for c in cases[first[person] : first[person + 1]]:
        i = chosen[c]
        rows[i] = 0.0
        for row in range(case_ptr[c], case_ptr[c + 1]):
            if row != i:
                rows[row] = -kept[place]
                rows[i] += kept[place]
                place += 1


@njit(nogil=True, cache=True, error_model="numpy")
def _most_rivals(problem: Any, start: int, stop: int) -> int:
    """The largest number of alternatives not chosen, over all cases of a person."""
    _, _, case_ptr, _, cases, first = problem
    widest = 1
    for person in range(start, stop):
        size = 0
        for c in cases[first[person] : first[person + 1]]:
            size += case_ptr[c + 1] - case_ptr[c] - 1
        widest = max(widest, size)
    return widest


@njit(nogil=True, cache=True, error_model="numpy")
def mixed_logit_range(
    problem: Any,
    values: Any,
    chain: Any,
    z: Any,
    start: int,
    stop: int,
    gradient: bool,
    out: Any,
) -> None:
    """Log-probabilities of the choices of people start:stop, and their gradients.

    Parameters
    ----------
    problem
        ``(fixed (L,), x (H, L), case_ptr (C + 1,), chosen (C,), cases (C,), first (N + 1,))``:
        utilities without the random part, divided by the scale; covariates of the random
        coefficients; rows of each case; its chosen row; cases in the order of people, where each
        person's begin.
    values
        Random coefficients at the nodes, (stop - start, H, S).
    chain
        Derivative of the values by ``mean + G z``, (stop - start, H, S), or (0, H, S) for 1.
    z
        The nodes, (stop - start, H, S).
    out
        ``(logp (N,), rows (L,), by_mean (N, H), by_spread (N, H, H))``: derivatives by the
        utilities of the rows, the means and the spread G; all but logp only with ``gradient``.
    """
    log_prob, rows, by_mean, by_spread = out
    n_random, n_nodes = values.shape[1], values.shape[2]
    widest = _most_rivals(problem, start, stop)
    probabilities, slope = np.empty((widest, CHUNK)), np.empty((n_random, CHUNK))
    total, logp, weight = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    dx, kept = np.empty((widest, n_random)), np.empty(widest)
    # Copies of the chunk in hand: contiguous, or the loops over them would not vectorise.
    b, zs = np.empty((n_random, CHUNK)), np.empty((n_random, CHUNK))
    cs = np.empty((n_random if chain.shape[0] else 0, CHUNK))
    scratch = (probabilities, slope, total, logp, dx)
    for person in range(start, stop):
        own = person - start
        top, mass, done = -np.inf, 0.0, 0
        kept[:] = 0.0
        if gradient:
            by_mean[person, :] = 0.0
            by_spread[person, :, :] = 0.0
        while done < n_nodes:
            n = min(CHUNK, n_nodes - done)
            b[:, :n] = values[own, :, done : done + n]
            _chunk(problem, person, b, n, gradient, scratch)
            highest = logp[:n].max()
            if highest > top:  # rescale what earlier chunks added
                factor = np.exp(top - highest)
                mass *= factor
                kept *= factor
                if gradient:
                    by_mean[person] *= factor
                    by_spread[person] *= factor
                top = highest
            mass += _weigh(logp, top, n, weight)
            if gradient:
                for k in range(widest):
                    kept[k] += _dot(probabilities[k], weight, n)
                ends = slice(done, done + n)
                zs[:, :n] = z[own, :, ends]
                if chain.shape[0]:
                    cs[:, :n] = chain[own, :, ends]
                _add(slope, weight, cs, zs, n, by_mean[person], by_spread[person])
            done += n
        log_prob[person] = top + np.log(mass / n_nodes)
        if gradient:
            by_mean[person] /= mass
            by_spread[person] /= mass
            kept /= mass
            _write_rows(problem, person, kept, rows)
