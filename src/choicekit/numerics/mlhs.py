"""Modified Latin hypercube points, keyed by case.

Coordinate d of point i is ``(pi_d(i) + xi_d) / R``: equally spaced, shifted together by one
uniform number, in random order (Hess, Train & Polak 2006, "On the use of a modified Latin hypercube
sampling method in the estimation of a mixed logit model for vehicle choice", section 3). The order
is a permutation by a Feistel network over the counter (Luby & Rackoff 1988), so that nothing is
stored: numbers that it sends beyond R are sent on until they come back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.draws import CHUNK, GOLDEN, mix64, stream

__all__ = ["mlhs_chunk"]

ROUNDS = 6


@njit(nogil=True, cache=True)
def _permuted(i: Any, key: Any, half: Any, n_points: Any) -> Any:
    """Place of i under the permutation of 0..n_points-1 that the key decides.

    ``half`` is half the number of binary digits of the network, ``4**half >= n_points``.
    """
    mask = (np.uint64(1) << half) - np.uint64(1)
    x = np.uint64(i)
    while True:
        left, right = x >> half, x & mask
        for r in range(ROUNDS):
            word = mix64(key + np.uint64(r + 1) * GOLDEN + right) & mask
            left, right = right, left ^ word
        x = (left << half) | right
        if x < n_points:
            return x


@njit(nogil=True, cache=True)
def mlhs_chunk(key: Any, seed: Any, n_dimensions: int, n_points: int, chunk: int, u: Any) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...`` of n_points; returns n <= CHUNK."""
    first = chunk * CHUNK
    n: int = min(CHUNK, n_points - first)
    state = stream(key, seed)
    half = np.uint64(1)
    while (np.uint64(1) << (half + half)) < np.uint64(n_points):
        half += np.uint64(1)
    for d in range(n_dimensions):
        own = mix64(state + np.uint64(d + 1) * GOLDEN)
        word = mix64(own) >> np.uint64(12)
        shift = (np.float64(np.int64(word)) + 0.5) * 2.0**-52
        for i in range(n):
            place = _permuted(first + i, own, half, np.uint64(n_points))
            u[d, i] = (np.float64(np.int64(place)) + shift) / n_points
    return n
