"""Mixed logit whose coefficients are any function of the nodes: slopes by each value at each node.

Where coefficients are products of random variables their derivatives do not fit the sums that
`choicekit.numerics.mixed_logit` makes on the way; here the slopes come out as they are.

Axes: C cases, L rows, N people, S nodes, E coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.mixed_logit import (
    CHUNK,
    add_probabilities,
    most_rivals,
    probabilities_and_slopes,
    weigh,
    write_rows,
)
from choicekit.numerics.special import FAST

__all__ = ["mixed_slopes_range"]


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def _weighted(slope: Any, weight: Any, n: int, out: Any) -> None:
    """``out[e, s] = slope[e, s] weight[s]``."""
    for e in range(len(out)):
        own, into = slope[e], out[e]
        for s in range(n):
            into[s] = own[s] * weight[s]


@njit(nogil=True, cache=True, error_model="numpy")
def mixed_slopes_range(
    problem: Any, values: Any, start: int, stop: int, gradient: bool, out: Any
) -> None:
    """Log-probabilities of the choices of people start:stop, and the slopes of them.

    Parameters
    ----------
    problem
        As for `choicekit.numerics.mixed_logit.mixed_logit_range`.
    values
        Coefficients at the nodes over the scale of the errors, (stop - start, E, S).
    out
        ``(logp (N,), rows (L,), by_value (stop - start, E, S))``: derivatives by the utilities
        of the rows and by each value; all but logp only with ``gradient``.
    """
    log_prob, rows, by_value = out
    size, n_nodes = values.shape[1], values.shape[2]
    widest = most_rivals(problem, start, stop)
    probabilities, slope = np.empty((widest, CHUNK)), np.empty((size, CHUNK))
    total, logp, weight = np.empty(CHUNK), np.empty(CHUNK), np.empty(CHUNK)
    filled = 3 * ((size + 2) // 3)
    dx, kept = np.zeros((widest, filled)), np.empty(widest)
    b = np.zeros((filled, CHUNK))
    scratch = (probabilities, slope, total, logp, dx)
    for person in range(start, stop):
        own = person - start
        top, mass, done = -np.inf, 0.0, 0
        kept[:] = 0.0
        while done < n_nodes:
            n = min(CHUNK, n_nodes - done)
            b[:size, :n] = values[own, :, done : done + n]
            probabilities_and_slopes(problem, person, b, n, gradient, scratch)
            highest = logp[:n].max()
            if highest > top:  # rescale what earlier chunks left
                factor = np.exp(top - highest)
                mass *= factor
                kept *= factor
                if gradient:
                    by_value[own, :, :done] *= factor
                top = highest
            mass += weigh(logp, top, n, weight)
            if gradient:
                add_probabilities(probabilities, weight, n, kept)
                _weighted(slope, weight, n, by_value[own, :, done : done + n])
            done += n
        log_prob[person] = top + np.log(mass / n_nodes)
        if gradient:
            by_value[own] /= mass
            kept /= mass
            write_rows(problem, person, kept, rows)
