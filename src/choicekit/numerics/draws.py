"""Scrambled Sobol points, generated inside the kernels and keyed by case; other kinds: points.py.

A kernel needs, for each case, R points of a low-discrepancy set scrambled
independently of every other case. Storing them would cost C x R x D numbers;
making them costs one exclusive-or a number, so they are never stored.

The scramble is Matousek's (1998): every direction number is multiplied by a
random lower-triangular binary matrix, and the points get a random digital
shift. The randomness is a counter-based hash (splitmix64; Steele, Lea & Flood
2014) of the case's key and the seed: a case keeps its draws whatever other
rows are added, removed or reordered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = [
    "CHUNK",
    "GOLDEN",
    "MAX_BITS",
    "TO_UNIT",
    "direction_numbers",
    "mix64",
    "scramble_case",
    "sobol_chunk",
    "stream",
]

MAX_BITS = 20  # at most 2**20 points a case
CHUNK_BITS = 8
CHUNK = 1 << CHUNK_BITS  # draws that stay in the first-level cache together
TO_UNIT = 2.0**-32
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # the increment of splitmix64


@lru_cache(maxsize=32)
def direction_numbers(n_dimensions: int) -> NDArray[np.uint32]:
    """Sobol direction numbers, shape (n_dimensions, MAX_BITS), 32 binary digits each.

    Read off scipy's unscrambled sequence (Joe & Kuo 2008 numbers) through its public interface:
    in Gray-code order, point ``2**k`` is the exclusive-or of direction numbers k and k - 1.
    """
    from scipy.stats import qmc

    numbers = np.zeros((n_dimensions, MAX_BITS), dtype=np.uint32)
    if n_dimensions == 0:
        return numbers
    sobol = qmc.Sobol(n_dimensions, scramble=False, bits=32)
    sobol.fast_forward(1)
    position, previous = 1, np.zeros(n_dimensions, dtype=np.uint64)
    for bit in range(MAX_BITS):
        if bit:
            sobol.fast_forward((1 << bit) - position)
        point = (sobol.random(1)[0] * 2.0**32).astype(np.uint64)
        position = (1 << bit) + 1
        previous = point ^ previous
        numbers[:, bit] = previous.astype(np.uint32)
    numbers.setflags(write=False)
    return numbers


@njit(nogil=True, cache=True)
def mix64(x: Any) -> Any:
    """The output function of splitmix64: a bijection of 64-bit integers that scatters all bits."""
    x = np.uint64(x)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@njit(nogil=True, cache=True)
def stream(key: Any, seed: Any) -> Any:
    """Where the counter of a case's random numbers starts, a hash of its key and the seed."""
    return mix64(np.uint64(key) ^ mix64(np.uint64(seed) + GOLDEN))


@njit(nogil=True, cache=True)
def scramble_case(
    key: Any, seed: Any, directions: Any, n_dimensions: int, n_bits: int, out: Any, shift: Any
) -> None:
    """Fill ``out[d, b]`` with scrambled direction numbers and ``shift[d]`` with the digital shift.

    ``directions`` (>= n_dimensions, >= n_bits), ``out`` and ``shift`` (D,) are uint32.
    """
    state = stream(key, seed)
    columns = np.empty(32, dtype=np.uint32)
    for d in range(n_dimensions):
        # Column b of the random matrix: a one at digit b (from the top), random digits below it.
        for b in range(n_bits):
            state += GOLDEN
            word = np.uint32(mix64(state) >> np.uint64(32))
            top = np.uint32(0x80000000) >> np.uint32(b)
            columns[b] = (word & (top - np.uint32(1))) | top
        state += GOLDEN
        shift[d] = np.uint32(mix64(state) >> np.uint64(32))
        for k in range(n_bits):
            number = directions[d, k]
            mixed = np.uint32(0)
            for b in range(k + 1):  # direction number k has its last one at digit k
                if (number >> np.uint32(31 - b)) & np.uint32(1):
                    mixed ^= columns[b]
            out[d, k] = mixed


@njit(nogil=True, cache=True)
def sobol_chunk(
    scrambled: Any, shift: Any, n_dimensions: int, n_bits: int, chunk: int, words: Any, u: Any
) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...`` of the scrambled set; returns n.

    The set has ``2**n_bits`` points; a chunk holds ``min(CHUNK, 2**n_bits)`` of them. ``words`` is
    scratch (CHUNK,) uint32. Points are at the centres of their 32-digit cells: never 0 or 1.
    """
    low = min(n_bits, CHUNK_BITS)
    for d in range(n_dimensions):
        start = shift[d]
        for b in range(low, n_bits):
            if (chunk >> (b - low)) & 1:
                start ^= scrambled[d, b]
        words[0] = start
        for b in range(low):
            flip = scrambled[d, b]
            size = 1 << b
            for i in range(size):
                words[size + i] = words[i] ^ flip
        for i in range(1 << low):
            u[d, i] = (np.float64(words[i]) + 0.5) * TO_UNIT
    return 1 << low
