"""The kinds of draws: uniform, evenly spread, keyed by case, and as accurate as they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare, kstest, qmc

from choicekit.errors import Normal
from choicekit.errors.integrators import Integrator, Settled
from choicekit.exceptions import SpecificationError
from choicekit.numerics.draws import CHUNK, direction_numbers, scramble_case, sobol_chunk
from choicekit.numerics.halton import first_primes
from choicekit.numerics.lattice import DECAY, generating_vector
from choicekit.numerics.points import KINDS, points_of_case, rounded_points


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


# --- all kinds ---------------------------------------------------------------------------------

ALL = [(kind, antithetic) for kind in KINDS for antithetic in (False, True)]


@pytest.mark.parametrize(("kind", "antithetic"), ALL)
@pytest.mark.parametrize("n_points", [2, 7, 100, 256, 600, 1030])
def test_as_many_points_as_asked_for_strictly_inside(
    n_points: int, kind: str, antithetic: bool
) -> None:
    u = points_of_case(kind, 11, 3, n_points, 5, antithetic)
    expected = 2 ** int(np.ceil(np.log2(n_points))) if kind == "sobol" else n_points
    assert u.shape == (5, expected + expected % 2 if antithetic else expected)
    assert u.shape[1] == rounded_points(kind, n_points, antithetic)
    assert ((u > 0.0) & (u < 1.0)).all()
    assert len(np.unique(u[0])) == u.shape[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_points", [64, 600, 2048])
def test_antithetic_points_are_exact_mirror_images(n_points: int, kind: str) -> None:
    u = points_of_case(kind, 5, 2, n_points, 4, True)
    mirrored = 1.0 - u
    np.testing.assert_array_equal(u[:, np.lexsort(u)], mirrored[:, np.lexsort(mirrored)])
    assert len(np.unique(u[0])) == u.shape[1]  # nothing is there twice
    n = u.shape[1] // 2
    base = points_of_case(kind, 5, 2, 2 * n if kind == "lattice" else n, 4)
    if kind == "lattice":  # mirrored already, up to the last of 32 digits
        np.testing.assert_allclose(u[:, np.lexsort(u)], base[:, np.lexsort(base)], atol=1e-9)
    else:
        both = np.hstack([base, 1.0 - base])
        np.testing.assert_array_equal(u[:, np.lexsort(u)], both[:, np.lexsort(both)])
    assert np.abs(u.mean(axis=1) - 0.5).max() < 1e-15 * n


@pytest.mark.parametrize(("kind", "antithetic"), ALL)
def test_a_point_is_uniform_over_cases_and_dimensions_are_independent(
    kind: str, antithetic: bool
) -> None:
    """Unbiasedness: each single point, the first and a later one, is uniform on the cube."""
    sets = np.array([points_of_case(kind, key, 1, 16, 4, antithetic) for key in range(12_000)])
    for point in (0, 11):
        for d in range(4):
            assert kstest(sets[:, d, point], "uniform").pvalue > 1e-3
        assert np.abs(np.corrcoef(sets[:, :, point].T) - np.eye(4)).max() < 0.04
        assert abs(np.corrcoef(sets[:-1, 0, point], sets[1:, 0, point])[0, 1]) < 0.04


@pytest.mark.parametrize("kind", KINDS)
def test_moments_of_one_set(kind: str) -> None:
    """Means 1/2, variances 1/12 and no correlation within a set, evener than random."""
    u = points_of_case(kind, 9, 4, 4096, 8)
    slack = 1.0 if kind == "random" else 0.1
    assert np.abs(u.mean(axis=1) - 0.5).max() < 0.015 * slack
    assert np.abs(u.var(axis=1) - 1 / 12).max() < 0.005 * slack
    correlations = np.abs(np.corrcoef(u) - np.eye(8)).max()
    paired_at_random = kind in ("random", "mlhs")  # only each coordinate of mlhs is even
    assert correlations < 0.06 * (1.0 if paired_at_random else 0.1)
    assert (correlations > 0.006) == paired_at_random


@pytest.mark.parametrize("n_points", [2, 5, 8, 300, 4096, 5000])
def test_latin_hypercubes_have_one_point_a_slice_in_random_order(n_points: int) -> None:
    """Both ways to make the order: a shuffle, and a network for more than 4,096 points."""
    u = points_of_case("mlhs", 3, 1, n_points, 3)
    slices = np.floor(u * n_points)
    for d in range(3):
        np.testing.assert_array_equal(np.sort(slices[d]), np.arange(n_points))
        within = u[d] * n_points - slices[d]
        np.testing.assert_allclose(within, within[0], atol=n_points * 2.0**-32)  # one shift
    if n_points >= 300:
        assert np.abs(np.corrcoef(np.vstack([slices, np.arange(n_points)])) - np.eye(4)).max() < (
            4.5 / np.sqrt(n_points)
        )


def test_every_order_of_a_latin_hypercube_is_as_likely() -> None:
    sets = np.array([points_of_case("mlhs", key, 1, 4, 1)[0] for key in range(24_000)])
    orders = np.floor(sets * 4).astype(int) @ [64, 16, 4, 1]
    counts = np.unique(orders, return_counts=True)[1]
    assert len(counts) == 24
    assert chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_key_and_seed_make_the_points_and_nothing_else(kind: str) -> None:
    first = points_of_case(kind, 7, 3, 200, 6)
    np.testing.assert_array_equal(first, points_of_case(kind, 7, 3, 200, 6))
    np.testing.assert_array_equal(first[:3], points_of_case(kind, 7, 3, 200, 3))
    for other in (points_of_case(kind, 8, 3, 200, 6), points_of_case(kind, 7, 4, 200, 6)):
        assert (other != first).all()


def test_seeds_and_keys_do_not_add_up() -> None:
    """(key, seed) and (key + 1, seed - 1) must not share their points."""
    for kind in KINDS:
        a, b = points_of_case(kind, 5, 6, 64, 3), points_of_case(kind, 6, 5, 64, 3)
        assert (a != b).all()


@pytest.mark.parametrize("n_points", [100, 243, 700])
def test_halton_coordinates_are_stratified_in_their_base(n_points: int) -> None:
    """A run of b^k points has one in each interval of length b^-k, whatever the scramble."""
    u = points_of_case("halton", 3, 1, n_points, 6)
    for d, prime in enumerate(first_primes(6).tolist()):
        power = prime
        while power * prime <= n_points:
            power *= prime
        for start in range(0, n_points - power + 1, power):
            cells = (u[d, start : start + power] * power).astype(int)
            np.testing.assert_array_equal(np.sort(cells), np.arange(power))


def test_scrambling_breaks_the_stripes_of_large_primes() -> None:
    """Coordinates 15 and 16 (primes 53 and 59) of plain Halton points are collinear at first."""
    found = [np.corrcoef(points_of_case("halton", key, 1, 50, 17)[15:])[0, 1] for key in range(40)]
    primes = first_primes(17)[15:]
    plain = np.outer(1.0 / primes.astype(float), np.arange(50)) % 1.0
    assert abs(np.corrcoef(plain)[0, 1]) > 0.9
    assert np.abs(found).mean() < 0.25


def test_primes() -> None:
    assert first_primes(10).tolist() == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]


def p2(z: Any, n_points: int) -> float:
    """The criterion written out: mean of the products, less one."""
    i, product = np.arange(n_points), np.ones(n_points)
    for d, component in enumerate(z):
        x = (i * component % n_points) / n_points
        product *= 1.0 + DECAY**d * 2.0 * np.pi**2 * (x * x - x + 1.0 / 6.0)
    return float(product.mean() - 1.0)


@pytest.mark.parametrize("n_points", [100, 256, 1021, 4096, 65536])
def test_generating_vectors_beat_random_ones(n_points: int) -> None:
    z = generating_vector(n_points, 6)
    assert len(z) == 6
    assert generating_vector(n_points, 3) == z[:3]
    assert all(np.gcd(component, n_points) == 1 for component in z)
    rng = np.random.default_rng(n_points)
    others = [p2([1, *rng.integers(1, n_points, 5)], n_points) for _ in range(40)]
    assert p2(z, n_points) < min(np.median(others), 1.05 * min(others))


@pytest.mark.parametrize("n_points", [2, 5, 36, 127])
def test_the_second_component_is_the_best_there_is(n_points: int) -> None:
    best = min(p2([1, z], n_points) for z in range(1, n_points) if np.gcd(z, n_points) == 1)
    assert p2(generating_vector(n_points, 2), n_points) == pytest.approx(best, rel=1e-9)


def test_lattice_points_are_the_shifted_and_folded_lattice() -> None:
    n_points, n = 1000, 4
    u = points_of_case("lattice", 2, 9, n_points, n)
    z = np.array(generating_vector(n_points, n))
    plain = np.outer(z, np.arange(n_points)) / n_points
    for d in range(n):  # the shift is the first point's, on either branch of the fold
        candidates = (u[d, 0] / 2, 1 - u[d, 0] / 2)
        errors = [
            np.abs(1 - np.abs(2 * ((plain[d] + shift) % 1) - 1) - u[d]).max()
            for shift in candidates
        ]
        assert min(errors) < 1e-8


# --- what they do for the integral --------------------------------------------------------------


def errors_of_logp(kind: str, n_points: int, antithetic: bool = False, n_seeds: int = 6) -> float:
    """RMSE of log P over 40 cases with 6 alternatives; the reference has 2**16 Sobol points."""
    rng = np.random.default_rng(6)
    v, a = rng.normal(size=(40, 6)), rng.normal(size=(6, 6))
    omega, chosen = a @ a.T / 6 + 0.2 * np.eye(6), (np.arange(40) % 6).astype(np.int32)
    keys, everywhere = np.arange(40, dtype=np.uint64), np.ones((40, 6), bool)

    def at(integrator: Integrator, seed: int) -> Any:
        law = Settled.at(integrator, v, everywhere, chosen, omega, keys, seed)
        return law.log_prob(v, chosen, omega, False)[0]

    exact = at(Integrator(exact=False, n_points=1 << 16), 1000)
    integrator = Integrator(exact=False, kind=kind, antithetic=antithetic).with_points(n_points)
    gaps = [at(integrator, seed) - exact for seed in range(n_seeds)]
    return float(np.sqrt(np.mean(np.square(gaps))))


def test_errors_fall_at_the_rates_they_should() -> None:
    """From 128 to 2,048 draws: random by 16^(1/2) = 4, the others by 16^0.75 = 8 and more."""
    gain = {kind: errors_of_logp(kind, 128) / errors_of_logp(kind, 2048) for kind in KINDS}
    assert 2.8 < gain["random"] < 5.7
    assert min(gain["sobol"], gain["lattice"], gain["halton"]) > 8.0


def test_which_kinds_are_better_at_256_draws() -> None:
    """Sobol and lattice a tenth of random's error; pairs help random and Halton draws."""
    error = {pair: errors_of_logp(pair[0], 256, pair[1]) for pair in ALL}
    assert error["sobol", False] < 0.1 * error["random", False]
    assert error["lattice", False] < 0.1 * error["random", False]
    assert error["halton", False] < 0.25 * error["random", False]
    assert error["random", True] < 0.7 * error["random", False]
    assert error["halton", True] < 0.8 * error["halton", False]


@pytest.mark.parametrize(("kind", "antithetic"), ALL)
def test_the_law_says_which_draws_it_has(kind: str, antithetic: bool) -> None:
    law = Normal("iid", draws=100, draw_kind=kind, antithetic=antithetic)
    bound = law.bind(tuple("abcde"), 0)
    v, chosen = np.zeros((3, 5)), np.zeros(3, np.int32)
    everywhere, keys = np.ones(v.shape, bool), np.arange(3, dtype=np.uint64)
    settled = bound.settle(v, everywhere, chosen, keys, bound.start, 5)
    plan = settled.plan
    assert plan is not None
    assert plan.kind == KINDS[kind][1] + (", antithetic" if antithetic else "")
    assert (plan.draws, plan.seed) == (128 if kind == "sobol" else 100, 5)
    assert settled.settled is not None
    finer, other = settled.settled.refined(), settled.settled.reseeded(6)
    assert (finer.plan.draws, finer.plan.kind) == (2 * plan.draws, plan.kind)
    first, second = (
        one.log_prob(v, chosen, bound.covariance(bound.start), False)[0]
        for one in (settled.settled, other)
    )
    assert (first != second).all()
    np.testing.assert_allclose(first, np.log(0.2), atol=0.2)


def test_draws_stop_at_a_million() -> None:
    most = Integrator(exact=False, kind="random", n_points=1 << 20)
    assert most.with_points(2 * most.n_points).n_points == 1 << 20
    with pytest.raises(SpecificationError, match="from 2 to 1,048,576"):
        Normal(draws=(1 << 20) + 1)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_do_not_change_any_kind(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    v, chosen = rng.normal(size=(500, 6)), np.zeros(500, np.int32)
    everywhere, keys = np.ones(v.shape, bool), np.arange(500, dtype=np.uint64)
    integrator = Integrator(exact=False, kind=kind).with_points(100)
    omega = np.eye(6)
    law = Settled.at(integrator, v, everywhere, chosen, omega, keys, 1)
    both = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CHOICEKIT_NUM_THREADS", threads)
        both.append(law.log_prob(v, chosen, omega, True))
    for one, two in zip(*both, strict=True):
        np.testing.assert_array_equal(one, two)
    some = np.arange(0, 500, 7)
    part = Settled.at(integrator, v[some], everywhere[some], chosen[some], omega, keys[some], 1)
    logp = part.log_prob(v[some], chosen[some], omega, False)[0]
    np.testing.assert_array_equal(logp, both[0][0][some])
