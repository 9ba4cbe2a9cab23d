"""Modified Latin hypercube points, keyed by case.

Coordinate d of point i is ``(pi_d(i) + xi_d) / R``: equally spaced, shifted together by one
uniform number, in random order (Hess, Train & Polak 2006, "On the use of a modified Latin hypercube
sampling method in the estimation of a mixed logit model for vehicle choice", section 3). Up to
``SHUFFLED`` points are shuffled anew for each chunk of them (Fisher & Yates). The order of more is
a permutation by a Feistel network over the counter (Luby & Rackoff 1988), so that any chunk can be
made on its own: numbers that it sends beyond R are sent on until they come back. With few binary
digits such a network is visibly not uniform over permutations.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.draws import CHUNK, GOLDEN, TO_UNIT, mix64, stream

__all__ = ["mlhs_chunk"]

ROUNDS = 6
SHUFFLED = 4096


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
def _shuffle(key: Any, places: Any) -> None:
    """Put 0..n-1 into random order, decided by the key."""
    for i in range(len(places)):
        places[i] = i
    for i in range(len(places) - 1, 0, -1):
        word = mix64(key + np.uint64(i) * GOLDEN) >> np.uint64(32)
        other = np.int64((word * np.uint64(i + 1)) >> np.uint64(32))
        places[i], places[other] = places[other], places[i]


@njit(nogil=True, cache=True)
def mlhs_chunk(key: Any, seed: Any, n_dimensions: int, n_points: int, chunk: int, u: Any) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...`` of n_points; returns n <= CHUNK.

    Points are at the centres of 2**-32 cells: never 0 or 1, and 1 - u is exact.
    """
    first = chunk * CHUNK
    n: int = min(CHUNK, n_points - first)
    state = stream(key, seed)
    half = np.uint64(1)
    while (np.uint64(1) << (half + half)) < np.uint64(n_points):
        half += np.uint64(1)
    places = np.empty(n_points if n_points <= SHUFFLED else 0, dtype=np.int64)
    for d in range(n_dimensions):
        own = mix64(state + np.uint64(d + 1) * GOLDEN)
        word = mix64(own) >> np.uint64(12)
        shift = (np.float64(np.int64(word)) + 0.5) * 2.0**-52
        _shuffle(own, places)
        for i in range(n):
            if n_points <= SHUFFLED:
                place = places[first + i]
            else:
                place = np.int64(_permuted(first + i, own, half, np.uint64(n_points)))
            cell = np.floor((np.float64(place) + shift) / n_points * 4294967296.0)
            u[d, i] = (min(cell, 4294967295.0) + 0.5) * TO_UNIT
    return n
