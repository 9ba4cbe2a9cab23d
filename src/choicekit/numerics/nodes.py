"""Standard normal nodes for people: scrambled Sobol points, keyed by person.

Axes: N people, S nodes, H random coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import CHUNK, direction_numbers, scramble_case, sobol_chunk
from choicekit.numerics.special import FAST, log_, normal_quantile_
from choicekit.numerics.threads import map_ranges

__all__ = ["normal_nodes", "normal_quantiles"]


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


@njit(nogil=True, cache=True, fastmath=FAST, error_model="numpy")
def normal_quantiles(u: Any) -> None:
    """Replace probabilities in (0, 1) by quantiles; several times faster than scipy's."""
    for s in range(len(u)):
        p = u[s]
        lower = p <= 0.5
        log_tail = log_(p if lower else 1.0 - p)
        u[s] = normal_quantile_(log_tail if lower else -log_tail)


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
    out = np.empty((len(keys), n_dimensions, 1 << n_bits))
    directions = direction_numbers(n_dimensions)

    def work(start: int, stop: int) -> None:
        _uniform_range(keys, np.uint64(seed), directions, n_bits, start, stop, out)
        normal_quantiles(out[start:stop].reshape(-1))

    map_ranges(work, len(keys), at_least=16, threads=threads)
    return out
