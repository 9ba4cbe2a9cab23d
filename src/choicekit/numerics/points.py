"""The kinds of points that a simulated case can have, behind one door for the kernels.

Axes: D dimensions, R points.

Every kind is keyed by case: points depend on the case's key and the seed, never on other cases.
Antithetic points come in pairs: each base point and its mirror 1 - u, chunk by chunk. A folded
lattice of an even number R of points is its own mirror image (all components of its vector are
odd, so point i + R / 2 is half a period further on): its first half is mirrored into the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import (
    CHUNK,
    MAX_BITS,
    direction_numbers,
    scramble_case,
    sobol_chunk,
)
from choicekit.numerics.halton import first_primes, halton_chunk, scramble_halton
from choicekit.numerics.lattice import lattice_chunk, lattice_steps, shift_lattice
from choicekit.numerics.mlhs import mlhs_chunk
from choicekit.numerics.pseudorandom import random_chunk

__all__ = [
    "KINDS",
    "MAX_POINTS",
    "next_points",
    "points_of_case",
    "rounded_points",
    "simulation_of",
    "start_case",
]

MAX_POINTS = 1 << MAX_BITS
SOBOL, HALTON, LATTICE, RANDOM, MLHS = 0, 1, 2, 3, 4
KINDS = {  # name: (code in the kernels, in words)
    "sobol": (SOBOL, "scrambled Sobol"),
    "halton": (HALTON, "scrambled Halton"),
    "lattice": (LATTICE, "shifted lattice"),
    "random": (RANDOM, "pseudo-random"),
    "mlhs": (MLHS, "modified Latin hypercube"),
}


def rounded_points(kind: str, n_points: int, antithetic: bool) -> int:
    """Return the number of points a case gets: Sobol sets are powers of two, pairs even."""
    if kind == "sobol":
        return 1 << max(1, int(n_points - 1).bit_length())
    return n_points + n_points % 2 if antithetic else n_points


def _tables(kind: str, n_points: int, n_dimensions: int) -> tuple[Any, Any]:
    """What all cases share: ``(table (D,) uint64, directions (D, MAX_BITS) uint32)``.

    The table holds the primes of Halton points or the steps of a lattice; what a kind does not
    need has one row.
    """
    if kind == "sobol":
        return first_primes(1), direction_numbers(n_dimensions)
    if kind == "lattice":
        return lattice_steps(n_points, n_dimensions), direction_numbers(1)
    return first_primes(n_dimensions), direction_numbers(1)


@njit(nogil=True, cache=True)
def start_case(simulation: Any, c: int, n_dimensions: int, scrambled: Any, shift: Any) -> None:
    """Draw the randomness of case c: scrambled (D, 32) and shift (D,), uint32, are output.

    ``simulation`` is ``(kind, table, directions, keys (C,), seed, n_points, antithetic)``.
    """
    kind, table, directions, keys, seed, n_points, antithetic = simulation
    n_base = n_points // 2 if antithetic else n_points
    if kind == SOBOL:
        n_bits = _bits(n_base)
        scramble_case(keys[c], seed, directions, n_dimensions, n_bits, scrambled, shift)
    elif kind == HALTON:
        scramble_halton(keys[c], seed, table, n_dimensions, scrambled, shift)
    elif kind == LATTICE:
        shift_lattice(keys[c], seed, n_dimensions, shift)


@njit(nogil=True, cache=True)
def _bits(n: int) -> int:
    bits = 0
    while (1 << bits) < n:
        bits += 1
    return bits


@njit(nogil=True, cache=True)
def next_points(
    simulation: Any,
    c: int,
    n_dimensions: int,
    chunk: int,
    scrambled: Any,
    shift: Any,
    words: Any,
    u: Any,
) -> int:
    """Fill ``u[d, :n]`` with chunk number ``chunk`` of the points of case c; returns n <= CHUNK.

    Antithetic chunks come in twos: the second mirrors what the first left in u. ``words`` (CHUNK,)
    uint32 is scratch.
    """
    kind, table, _, keys, seed, n_base, antithetic = simulation
    if antithetic:
        n_base = n_base // 2
        if chunk & 1:
            n: int = min(CHUNK, n_base - (chunk >> 1) * CHUNK)
            for d in range(n_dimensions):
                for i in range(n):
                    u[d, i] = 1.0 - u[d, i]
            return n
        chunk = chunk >> 1
    if kind == SOBOL:
        return sobol_chunk(scrambled, shift, n_dimensions, _bits(n_base), chunk, words, u)
    if kind == HALTON:
        return halton_chunk(table, scrambled, shift, n_dimensions, n_base, chunk, u)
    if kind == LATTICE:
        return lattice_chunk(table, shift, n_dimensions, n_base, chunk, u)
    if kind == MLHS:
        return mlhs_chunk(keys[c], seed, n_dimensions, n_base, chunk, u)
    return random_chunk(keys[c], seed, n_dimensions, n_base, chunk, u)


def simulation_of(
    kind: str,
    keys: NDArray[np.uint64],
    seed: int,
    n_points: int,
    antithetic: bool,
    n_dimensions: int,
) -> tuple[Any, ...]:
    """Put together what the kernels want to know: see `start_case`."""
    shared = _tables(kind, n_points, n_dimensions)
    return (KINDS[kind][0], *shared, keys, np.uint64(seed), n_points, antithetic)


def points_of_case(
    kind: str, key: int, seed: int, n_points: int, n_dimensions: int, antithetic: bool = False
) -> NDArray[np.float64]:
    """All points of one case as an array (D, R): what the kernels make and throw away.

    For looking at and for tests; R is ``rounded_points(kind, n_points, antithetic)``.
    """
    n_points = rounded_points(kind, n_points, antithetic)
    keys = np.array([key], dtype=np.uint64)
    simulation = simulation_of(kind, keys, seed, n_points, antithetic, n_dimensions)
    scrambled = np.zeros((n_dimensions, 32), dtype=np.uint32)
    shift = np.zeros(n_dimensions, dtype=np.uint32)
    words, u = np.zeros(CHUNK, dtype=np.uint32), np.zeros((n_dimensions, CHUNK))
    start_case(simulation, 0, n_dimensions, scrambled, shift)
    parts: list[NDArray[np.float64]] = []
    done = 0
    while done < n_points:
        n = next_points(simulation, 0, n_dimensions, len(parts), scrambled, shift, words, u)
        parts.append(u[:, :n].copy())
        done += n
    return np.hstack(parts)
