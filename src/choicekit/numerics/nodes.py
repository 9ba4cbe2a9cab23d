"""Standard normal nodes for people: points of any kind, keyed by person.

Axes: N people, S nodes, H random coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from choicekit.numerics.draws import CHUNK
from choicekit.numerics.halton import first_primes
from choicekit.numerics.points import next_points, simulation_of, start_case
from choicekit.numerics.special import FAST, log_, normal_quantile_
from choicekit.numerics.threads import map_ranges

__all__ = ["halton_normals", "normal_nodes", "normal_quantiles"]


@njit(nogil=True, cache=True)
def _uniform_range(simulation: Any, start: int, stop: int, out: Any) -> None:
    """Fill ``out[n]`` (H, S) with the points of persons start:stop."""
    width, n_points = out.shape[1], out.shape[2]
    scrambled, shift = np.empty((width, 32), dtype=np.uint32), np.empty(width, dtype=np.uint32)
    words, u = np.empty(CHUNK, dtype=np.uint32), np.empty((width, CHUNK))
    for n in range(start, stop):
        start_case(simulation, n, width, scrambled, shift)
        done, chunk = 0, 0
        while done < n_points:
            size = next_points(simulation, n, width, chunk, scrambled, shift, words, u)
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
    keys: NDArray[np.uint64],
    seed: int,
    n_dimensions: int,
    n_points: int,
    kind: str = "sobol",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Standard normal nodes of people, (N, n_dimensions, n_points).

    Parameters
    ----------
    keys
        A random key for each person, (N,): it alone decides the person's nodes, with the seed.
    seed
        Shared by all.
    n_dimensions
        H.
    n_points
        S, a number the kind can have: see `choicekit.numerics.points.rounded_points`.
    kind
        A key of `choicekit.numerics.points.KINDS`.
    threads
        1 where the caller is a thread itself.
    """
    out = np.empty((len(keys), n_dimensions, n_points))
    simulation = simulation_of(kind, keys, seed, n_points, False, n_dimensions)

    def work(start: int, stop: int) -> None:
        _uniform_range(simulation, start, stop, out)
        normal_quantiles(out[start:stop].reshape(-1))

    map_ranges(work, len(keys), at_least=16, threads=threads)
    return out


def halton_normals(
    n_people: int, n_coefficients: int, n_draws: int, drop: int = 100
) -> NDArray[np.float64]:
    """Plain Halton points as other programs give them to people, through the normal quantiles.

    One sequence a coefficient, in the primes 2, 3, 5, ...; its first ``drop`` elements (0 is the
    first) are left out, and each person gets the next ``n_draws`` (Train 2009, section 9.3.3).
    For reproducing published estimates: `RandomCoefficients(..., draws=halton_normals(...))`.
    Points of different coefficients are correlated, which is why this is no kind of draws here.

    Returns
    -------
    ndarray
        (n_people, n_coefficients, n_draws).
    """
    from scipy.special import ndtri

    total = n_people * n_draws
    out = np.empty((n_coefficients, total))
    for row, prime in zip(out, first_primes(n_coefficients).astype(np.int64), strict=True):
        number = np.arange(drop, drop + total)
        u, place = np.zeros(total), 1.0
        while number.any():
            place /= float(prime)
            u += place * (number % prime)
            number = number // prime
        row[:] = ndtri(u)
    people = out.reshape(n_coefficients, n_people, n_draws).transpose(1, 0, 2)
    return np.ascontiguousarray(people)
