"""Pseudo-random points from a counter: a hash of key, seed, dimension and number of the point.

There is no state to carry, so any point of any case can be made on its own (Salmon, Moraes, Dror &
Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3"); the hash is splitmix64's.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from choicekit.numerics.draws import CHUNK, GOLDEN, mix64, stream

__all__ = ["random_chunk"]


@njit(nogil=True, cache=True)
def random_chunk(key: Any, seed: Any, n_dimensions: int, n_points: int, chunk: int, u: Any) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...`` of n_points; returns n <= CHUNK.

    52 digits and the centre of the cell: never 0 or 1, and 1 - u is exact.
    """
    first = chunk * CHUNK
    n: int = min(CHUNK, n_points - first)
    state = stream(key, seed)
    for d in range(n_dimensions):
        counter = (np.uint64(d) << np.uint64(32)) + np.uint64(first)
        for i in range(n):
            word = mix64(state + (counter + np.uint64(i)) * GOLDEN) >> np.uint64(12)
            u[d, i] = (np.float64(np.int64(word)) + 0.5) * 2.0**-52
    return n
