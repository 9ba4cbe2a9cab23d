"""Rank-1 lattice points, shifted at random, folded by the tent map and keyed by case.

Point i is ``{i z / R + shift}``, coordinate by coordinate, and then ``x -> 1 - |2 x - 1|``: the
tent (baker's) map makes the integrand periodic without a kink worth naming, which brings the
error of smooth integrands from about 1/R to about 1/R^2 (Hickernell 2002). The generating vector
z is built component by component (Sloan & Reztsov 2002, Mathematics of Computation 71).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import CHUNK, GOLDEN, TO_UNIT, mix64, stream
from choicekit.numerics.halton import first_primes

__all__ = ["generating_vector", "lattice_chunk", "lattice_steps", "shift_lattice"]

Float = NDArray[np.float64]

DECAY = 0.7  # weight of a dimension over the one before: the order puts the hardest first
BUDGET = 1 << 20  # terms looked at for each component: all candidates up to R = 2048
FEWEST = 6


@lru_cache(maxsize=64)
def generating_vector(n_points: int, n_dimensions: int) -> tuple[int, ...]:
    """Generating vector z of a rank-1 lattice of R points, component by component.

    Each component minimises, given the earlier ones, the criterion P2 with product weights
    ``g_d = DECAY**d``: the mean over points of ``prod_d (1 + 2 pi^2 g_d B2(x_d))``, with the
    Bernoulli polynomial ``B2(x) = x^2 - x + 1/6``. Up to R = 2048 all candidates are tried,
    beyond that ever fewer. Vectors are nested: more dimensions do not change the first ones.
    """
    x = np.arange(n_points) / n_points
    bernoulli = 2.0 * np.pi**2 * (x * x - x + 1.0 / 6.0)
    # Points i and R - i are mirror images with the same terms; 0 and R / 2 are their own.
    index = np.arange(n_points // 2 + 1, dtype=np.int64)
    twice = np.where((index == 0) | (2 * index == n_points), 1.0, 2.0)
    found = [1] if n_dimensions else []
    product = twice * (1.0 + bernoulli[: len(index)])
    candidates = _candidates(n_points)
    for d in range(1, n_dimensions):
        kernel = 1.0 + DECAY**d * bernoulli
        # Not by BLAS, whose threads would cost more than the sums.
        values = np.array([(product * kernel[index * z % n_points]).sum() for z in candidates])
        # Rounded, so that ties are broken alike whatever the order of summation.
        best = candidates[int(np.argmin(np.round(values / n_points, 9)))]
        found.append(best)
        product *= kernel[index * best % n_points]
    return tuple(found)


def _candidates(n_points: int) -> list[int]:
    """Numbers below R / 2 without a common factor with R; z and R - z are mirror images."""
    half = max(2, n_points // 2 + 1)
    wanted = max(FEWEST, BUDGET // n_points)
    if half <= 2 * wanted:
        wanted, numbers = half, np.arange(1, half)
    else:  # spread by square roots of primes, no one a multiple of another: bad pairs those are
        roots = np.sqrt(first_primes(4 * wanted).astype(np.float64))
        numbers = 1 + (half * (roots % 1.0)).astype(np.int64)
    coprime: list[int] = numbers[np.gcd(numbers, n_points) == 1][:wanted].tolist()
    return coprime or [1]


@lru_cache(maxsize=64)
def lattice_steps(n_points: int, n_dimensions: int) -> NDArray[np.uint64]:
    """``z_d / R`` in units of 2**-64, uint64 (D,)."""
    steps = [(z << 64) // n_points for z in generating_vector(n_points, n_dimensions)]
    table = np.array([step % (1 << 64) for step in steps], dtype=np.uint64)
    table.setflags(write=False)
    return table


@njit(nogil=True, cache=True)
def shift_lattice(key: Any, seed: Any, n_dimensions: int, shift: Any) -> None:
    """Fill ``shift[d]``, uint32, with a case's random shift in units of 2**-32."""
    state = stream(key, seed)
    for d in range(n_dimensions):
        state += GOLDEN
        shift[d] = np.uint32(mix64(state) >> np.uint64(32))


@njit(nogil=True, cache=True)
def lattice_chunk(
    steps: Any, shift: Any, n_dimensions: int, n_points: int, chunk: int, u: Any
) -> int:
    """Fill ``u[d, :n]`` with points ``chunk * CHUNK ...``, up to n_points; returns n <= CHUNK.

    Points are strictly between 0 and 1.
    """
    first = chunk * CHUNK
    n: int = min(CHUNK, n_points - first)
    for d in range(n_dimensions):
        step = steps[d]
        start = (np.uint64(shift[d]) << np.uint64(32)) + np.uint64(first) * step
        for i in range(n):
            word = np.uint32((start + np.uint64(i) * step) >> np.uint64(32))
            u[d, i] = 1.0 - abs((np.float64(word) + 0.5) * (2.0 * TO_UNIT) - 1.0)
    return n
