"""Scrambled Sobol points: still a net, uniform, and keyed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, qmc

from choicekit.numerics.draws import CHUNK, direction_numbers, scramble_case, sobol_chunk


def points(key: int, seed: int, n_bits: int, n_dimensions: int) -> Any:
    directions = direction_numbers(n_dimensions)
    scrambled = np.zeros((n_dimensions, 32), dtype=np.uint32)
    shift = np.zeros(n_dimensions, dtype=np.uint32)
    scramble_case(
        np.uint64(key), np.uint64(seed), directions, n_dimensions, n_bits, scrambled, shift
    )
    words, u = np.zeros(CHUNK, dtype=np.uint32), np.zeros((n_dimensions, CHUNK))
    parts = []
    for chunk in range(max(1, (1 << n_bits) // CHUNK)):
        n = sobol_chunk(scrambled, shift, n_dimensions, n_bits, chunk, words, u)
        parts.append(u[:, :n].copy())
    return np.hstack(parts).T


def test_unscrambled_numbers_generate_scipys_points() -> None:
    directions = direction_numbers(7)
    ours = np.zeros((64, 7), dtype=np.uint32)
    for i in range(64):
        for b in range(6):
            if i >> b & 1:
                ours[i] ^= directions[:, b]
    theirs = qmc.Sobol(7, scramble=False, bits=32).random(64)
    assert set(map(tuple, ours * 2.0**-32)) == set(map(tuple, theirs))


@pytest.mark.parametrize("n_bits", [3, 8, 11])
def test_every_coordinate_is_stratified(n_bits: int) -> None:
    u = points(7, 1, n_bits, 9)
    assert u.shape == (1 << n_bits, 9)
    assert ((u > 0.0) & (u < 1.0)).all()
    cells = np.sort((u * (1 << n_bits)).astype(int), axis=0)
    np.testing.assert_array_equal(cells, np.arange(1 << n_bits)[:, None].repeat(9, axis=1))


def test_first_two_coordinates_are_a_net() -> None:
    """A (0, 8, 2)-net: one point in each of the 256 boxes of every shape 2^-k x 2^-(8-k)."""
    u = points(3, 5, 8, 2)
    for k in range(9):
        boxes = (u[:, 0] * (1 << k)).astype(int) * (1 << (8 - k)) + (
            u[:, 1] * (1 << (8 - k))
        ).astype(int)
        assert len(set(boxes.tolist())) == 256


def test_scrambles_are_uniform_and_independent_over_keys() -> None:
    first = np.array([points(key, 1, 3, 3)[5] for key in range(3000)])
    for d in range(3):
        assert kstest(first[:, d], "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(first.T) - np.eye(3)).max() < 0.06
    assert abs(np.corrcoef(first[:-1, 0], first[1:, 0])[0, 1]) < 0.06


def test_seed_and_key_both_matter() -> None:
    assert (points(1, 1, 8, 3) != points(2, 1, 8, 3)).any()
    assert (points(1, 1, 8, 3) != points(1, 2, 8, 3)).any()
    np.testing.assert_array_equal(points(1, 1, 8, 3), points(1, 1, 8, 3))
