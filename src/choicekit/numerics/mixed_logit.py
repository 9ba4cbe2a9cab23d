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

__all__ = [
    "CHUNK",
    "add_probabilities",
    "chosen_probabilities",
    "coefficients",
    "mixed_logit_range",
    "most_rivals",
    "probabilities_and_slopes",
    "weigh",
    "write_rows",
]

CHUNK = 256
_MOST = 690.0


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _utilities(base: float, dx: Any, b: Any, n: int, out: Any) -> None:
    """``out[s] = exp(base + sum_h dx[h] b[h, s])``, capped; three coefficients a sweep.

    The last sweep takes the exponential as well; ``b`` and ``dx`` end in zeros to fill it.
    """
    last = len(b) - 3
    for h in range(0, last, 3):
        one, two, three, x, y, u = b[h], b[h + 1], b[h + 2], dx[h], dx[h + 1], dx[h + 2]
        if h == 0:
            for s in range(n):
                out[s] = x * one[s] + y * two[s] + u * three[s]
        else:
            for s in range(n):
                out[s] += x * one[s] + y * two[s] + u * three[s]
    one, two, three = b[last], b[last + 1], b[last + 2]
    x, y, u = dx[last], dx[last + 1], dx[last + 2]
    if last == 0:
        for s in range(n):
            v = base + (x * one[s] + y * two[s] + u * three[s])
            out[s] = exp_(min(max(v, -_MOST), _MOST))
    else:
        for s in range(n):
            v = base + out[s] + (x * one[s] + y * two[s] + u * three[s])
            out[s] = exp_(min(max(v, -_MOST), _MOST))


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
def _slopes(p: Any, dx: Any, h: int, size: int, n: int, own: Any) -> None:
    """``own[s] -= sum_k p[k, s] dx[k, h]``: the slope by coefficient h; four rivals a sweep."""
    k = 0
    while k + 4 <= size:
        one, two, three, four = p[k], p[k + 1], p[k + 2], p[k + 3]
        x, y, u, v = dx[k, h], dx[k + 1, h], dx[k + 2, h], dx[k + 3, h]
        for s in range(n):
            own[s] -= (x * one[s] + y * two[s]) + (u * three[s] + v * four[s])
        k += 4
    while k < size:
        one, x = p[k], dx[k, h]
        for s in range(n):
            own[s] -= x * one[s]
        k += 1


@njit(nogil=True, cache=True, fastmath={"contract", "nnan", "ninf", "nsz", "reassoc"})
def _dot(x: Any, y: Any, n: int) -> float:
    """Inner product of the first n entries, in any order."""
    total = 0.0
    for s in range(n):
        total += x[s] * y[s]
    return total


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def weigh(logp: Any, top: float, n: int, weight: Any) -> float:
    """``weight = exp(logp - top)``; returns the sum."""
    for s in range(n):
        weight[s] = exp_(max(logp[s] - top, -_MOST))
    total = 0.0
    for s in range(n):
        total += weight[s]
    return total


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _combine(mean: Any, spread: Any, z: Any, n: int, b: Any) -> None:
    """``b[:, s] = mean + spread z[:, s]``, for a spread that is mostly zero."""
    for h in range(len(mean)):
        own, start = b[h], mean[h]
        for s in range(n):
            own[s] = start
        for m in range(h + 1):
            if spread[h, m] != 0.0:
                one, x = z[m], spread[h, m]
                for s in range(n):
                    own[s] += x * one[s]


@njit(nogil=True, cache=True, error_model="numpy")
def coefficients(values: Any, linear: Any, z: Any, own: int, done: int, n: int, b: Any) -> None:
    """Coefficients of a person at n nodes: from the values given, or linear in the nodes z."""
    if values.shape[0]:
        b[: values.shape[1], :n] = values[own, :, done : done + n]
    else:
        mean, spread = linear
        _combine(mean[own if len(mean) > 1 else 0], spread, z, n, b)


@njit(nogil=True, cache=True, error_model="numpy")
def chosen_probabilities(problem: Any, person: int, b: Any, n: int, scratch: Any) -> None:
    """Log-probability of the person's choices at n nodes; probabilities of the rivals are kept."""
    fixed, x, case_ptr, chosen, cases, first = problem
    probabilities, total, logp, dx = scratch
    for s in range(n):
        logp[s] = 0.0
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


@njit(nogil=True, cache=True, error_model="numpy")
def probabilities_and_slopes(
    problem: Any, person: int, b: Any, n: int, gradient: bool, scratch: Any
) -> None:
    """The same with the slopes by the coefficients, where there is a ``gradient``."""
    probabilities, slope, total, logp, dx = scratch
    chosen_probabilities(problem, person, b, n, (probabilities, total, logp, dx))
    if not gradient:
        return
    slope[:, :n] = 0.0
    _, _, case_ptr, _, cases, first = problem
    place = 0
    for c in cases[first[person] : first[person + 1]]:
        place += case_ptr[c + 1] - case_ptr[c] - 1
    for h in range(len(slope)):
        _slopes(probabilities, dx, h, place, n, slope[h])


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
def add_probabilities(probabilities: Any, weight: Any, n: int, kept: Any) -> None:
    """Add a chunk's weighted probabilities of the rivals to ``kept``."""
    for k in range(len(kept)):
        kept[k] += _dot(probabilities[k], weight, n)


@njit(nogil=True, cache=True, error_model="numpy")
def write_rows(problem: Any, person: int, kept: Any, rows: Any) -> None:
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
def most_rivals(problem: Any, start: int, stop: int) -> int:
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
    linear: Any,
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
        Random coefficients at the nodes over the scale, (stop - start, H, S), or (0, H, S) where
        they are linear in the nodes.
    linear
        ``(mean (1 or stop - start, H), spread (H, H))`` for these, over the scale.
    chain
        Derivative of the values by ``mean + G z``, (stop - start, H, S), or (0, H, S) for 1.
    z
        The nodes, (stop - start, H, S).
    out
        ``(logp (N,), rows (L,), by_mean (N, H), by_spread (N, H, H))``: derivatives by the
        utilities of the rows, the means and the spread G; all but logp only with ``gradient``.
    """
    log_prob, rows, by_mean, by_spread = out
    n_random, n_nodes = z.shape[1], z.shape[2]
    widest = most_rivals(problem, start, stop)
    probabilities, slope = np.empty((widest, CHUNK)), np.empty((n_random, CHUNK))
    total, logp, weight = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    filled = 3 * ((n_random + 2) // 3)
    dx, kept = np.zeros((widest, filled)), np.empty(widest)
    # Copies of the chunk in hand: contiguous, or the loops over them would not vectorise.
    b, zs = np.zeros((filled, CHUNK)), np.empty((n_random, CHUNK))
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
            ends = slice(done, done + n)
            zs[:, :n] = z[own, :, ends]
            coefficients(values, linear, zs, own, done, n, b)
            probabilities_and_slopes(problem, person, b, n, gradient, scratch)
            highest = logp[:n].max()
            if highest > top:  # rescale what earlier chunks added
                factor = np.exp(top - highest)
                mass *= factor
                kept *= factor
                if gradient:
                    by_mean[person] *= factor
                    by_spread[person] *= factor
                top = highest
            mass += weigh(logp, top, n, weight)
            if gradient:
                add_probabilities(probabilities, weight, n, kept)
                if chain.shape[0]:
                    cs[:, :n] = chain[own, :, ends]
                _add(slope, weight, cs, zs, n, by_mean[person], by_spread[person])
            done += n
        log_prob[person] = top + np.log(mass / n_nodes)
        if gradient:
            by_mean[person] /= mass
            by_spread[person] /= mass
            kept /= mass
            write_rows(problem, person, kept, rows)
