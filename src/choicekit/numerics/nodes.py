"""Standard normal nodes for people: scrambled Sobol points, keyed by person.

Axes: N people, S nodes, H random coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import CHUNK, direction_numbers, scramble_case, sobol_chunk
from choicekit.numerics.threads import map_ranges

__all__ = ["normal_nodes"]


@njit(nogil=True, cache=True)
def _uniform_range(
    keys: Any, seed: Any, directions: Any, n_bits: int, start: int, stop: int, out: Any
) -> None:
    """Fill ``out[n]`` (H, S) with the scrambled points of persons start:stop."""
    width = out.shape[1]
    scrambled, shift = np.empty((width, 32), dtype=np.uint32), np.empty(width, dtype=np.uint32)
    words, u = np.empty(CHUNK, dtype=np.uint32), np.empty((width, CHUNK))
    n_points = 1 << n_bits
    for n in range(start, stop):
        scramble_case(keys[n], seed, directions, width, n_bits, scrambled, shift)
        done, chunk = 0, 0
        while done < n_points:
            size = sobol_chunk(scrambled, shift, width, n_bits, chunk, words, u)
            out[n, :, done : done + size] = u[:, :size]
            done += size
            chunk += 1


def normal_nodes(
    keys: NDArray[np.uint64], seed: int, n_dimensions: int, n_bits: int, threads: int | None = None
) -> NDArray[np.float64]:
    """Standard normal nodes of people, (N, n_dimensions, 2**n_bits).

    Parameters
    ----------
    keys
        A random key for each person, (N,): it alone decides the person's nodes, with the seed.
    seed
        Shared by all.
    n_dimensions
        H.
    n_bits
        Logarithm of the number of nodes.
    threads
        1 where the caller is a thread itself.
    """
    from scipy.special import ndtri

    out = np.empty((len(keys), n_dimensions, 1 << n_bits))
    directions = direction_numbers(n_dimensions)

    def work(start: int, stop: int) -> None:
        _uniform_range(keys, np.uint64(seed), directions, n_bits, start, stop, out)
        ndtri(out[start:stop], out=out[start:stop])

    map_ranges(work, len(keys), at_least=16, threads=threads)
    return out
