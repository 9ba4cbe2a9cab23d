"""Halton points, scrambled digit by digit and keyed by case.

Coordinate d of point i is the radical inverse of i in the d-th prime. Plain Halton points of
large primes are nearly collinear, and a shift leaves them so. Here digit k of coordinate d goes
through a random affine map ``x -> a x + c (mod prime)``, a being non-zero: every point is then
uniform, and every pair of points is distributed as under random permutations of the digits
(Owen 2017, "A randomized Halton algorithm in R", arXiv:1706.02808), so that the variance of a
mean is the same, for two random numbers a digit instead of a permutation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import CHUNK, GOLDEN, MAX_BITS, TO_UNIT, mix64, stream

__all__ = ["first_primes", "halton_chunk", "scramble_halton"]


@lru_cache(maxsize=32)
def first_primes(n: int) -> NDArray[np.uint64]:
    """Return the first n prime numbers, uint64 (n,)."""
    primes: list[int] = []
    candidate = 2
    while len(primes) < n:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    table = np.array(primes, dtype=np.uint64)
    table.setflags(write=False)
    return table


@njit(nogil=True, cache=True)
def scramble_halton(
    key: Any, seed: Any, primes: Any, n_dimensions: int, maps: Any, shift: Any
) -> None:
    """Draw the affine maps of the digits, and the digits beyond the last, of one case.

    ``maps[d, k]`` (uint32, at least MAX_BITS columns) holds ``a * 2**16 + c`` for digit k;
    ``shift[d]`` (uint32) is the place of all points within their smallest cells.
    """
    state = stream(key, seed)
    half = np.uint64(32)
    low = np.uint64(0xFFFFFFFF)
    for d in range(n_dimensions):
        prime = primes[d]
        for k in range(MAX_BITS):
            state += GOLDEN
            word = mix64(state)
            # Multiplying 32 random digits and keeping the whole part: biased by 2**-32 x prime.
            a = np.uint64(1) + (((word >> half) * (prime - np.uint64(1))) >> half)
            c = ((word & low) * prime) >> half
            maps[d, k] = np.uint32((a << np.uint64(16)) | c)
        state += GOLDEN
        shift[d] = np.uint32(mix64(state) >> half)


@njit(nogil=True, cache=True)
def halton_chunk(
    primes: Any, maps: Any, shift: Any, n_dimensions: int, n_points: int, chunk: int, u: Any
) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...`` of n_points; returns n <= CHUNK.

    The digits run like an odometer. Adding a to a mapped digit is the map of the next digit, so
    nothing is multiplied. Points are at the centres of 2**-32 cells: never 0 or 1.
    """
    first = chunk * CHUNK
    n: int = min(CHUNK, n_points - first)
    digit, mapped = np.empty(MAX_BITS, dtype=np.int64), np.empty(MAX_BITS, dtype=np.int64)
    unit = np.empty(MAX_BITS)
    prime: Any
    for d in range(n_dimensions):
        prime = np.int64(primes[d])
        n_digits, rest, size = 0, np.int64(first), np.int64(1)
        while size < n_points:
            digit[n_digits] = rest % prime
            rest //= prime
            size *= prime
            n_digits += 1
        if n_digits == 0:
            digit[0], n_digits, size = 0, 1, prime
        inside = (np.float64(shift[d]) + 0.5) * TO_UNIT / np.float64(size)
        place = 1.0
        for k in range(n_digits):
            place /= np.float64(prime)
            unit[k] = place
            a, c = np.int64(maps[d, k]) >> 16, np.int64(maps[d, k]) & 0xFFFF
            mapped[k] = (a * digit[k] + c) % prime
        fastest = np.int64(maps[d, 0]) >> 16
        tail = inside
        for k in range(1, n_digits):
            tail += unit[k] * np.float64(mapped[k])
        for i in range(n):
            u[d, i] = tail + unit[0] * np.float64(mapped[0])
            mapped[0] += fastest
            if mapped[0] >= prime:
                mapped[0] -= prime
            digit[0] += 1
            if digit[0] < prime:
                continue
            digit[0] = 0
            for k in range(1, n_digits):  # carry
                mapped[k] = (mapped[k] + (np.int64(maps[d, k]) >> 16)) % prime
                digit[k] += 1
                if digit[k] < prime:
                    break
                digit[k] = 0
            tail = inside
            for k in range(1, n_digits):
                tail += unit[k] * np.float64(mapped[k])
        for i in range(n):
            cell = min(np.floor(u[d, i] * 4294967296.0), 4294967295.0)
            u[d, i] = (cell + 0.5) * TO_UNIT
    return n
