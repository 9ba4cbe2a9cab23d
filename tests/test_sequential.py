"""Sequential conditioning: where it is exact, its derivatives, its extremes, and how far off it is.

The reference is our own GHK with 2**16 draws, whose error is a hundredth of those bounded here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import log_ndtr, logsumexp, ndtr, ndtri

import choicekit as ck
from choicekit.errors import Normal
from choicekit.errors.integrators import Integrator, Settled
from choicekit.numerics.quadrature import smoothed_gauss_square
from choicekit.numerics.sequential import sequential_range
from choicekit.report.facts import computation

from .simulate import long_frame

APPROXIMATE = Integrator(sequential=True)


def settled(integrator: Integrator, v: Any, omega: Any, chosen: Any) -> Settled:
    everywhere, keys = np.ones(v.shape, dtype=bool), np.arange(len(v), dtype=np.uint64)
    return Settled.at(integrator, v, everywhere, chosen, omega, keys, 1)


def kernel(v: Any, omega: Any, chosen: Any, rules: Any = None) -> Any:
    """Kernel on its own, so that small choice sets go through it as well; also the order."""
    n, size = v.shape
    plan = settled(APPROXIMATE, v, omega, chosen)
    out = (np.empty(n), np.empty((n, size)), np.empty((n, size * (size + 1) // 2)))
    problem = (v, chosen, plan.order, plan.n_dims, omega, np.empty((0, size, size)))
    sequential_range(problem, rules or APPROXIMATE.starting_rules, 0, n, True, out)
    return out, plan.order


def random_problem(size: int, n: int, seed: int, factors: int | None = None) -> Any:
    """Covariance, utilities, and choices as likely as the model says."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(size, factors or size))
    omega = a @ a.T / a.shape[1] + 0.1 * np.eye(size)
    v = rng.normal(size=(n, size))
    u = v + rng.multivariate_normal(np.zeros(size), omega, size=n)
    return v, omega, u.argmax(axis=1).astype(np.int32)


def bounds(v: Any, omega: Any, chosen: int, order: Any) -> Any:
    m = np.eye(len(omega))[order] - np.eye(len(omega))[chosen]
    return v[chosen] - v[order], m @ omega @ m.T


def mendell_elston(b: Any, sigma: Any) -> float:
    """One at a time from the first: log P as Mendell & Elston (1974) approximate it."""
    b, sigma, total = b.copy(), sigma.copy(), 0.0
    for d in range(len(b)):
        sd = np.sqrt(sigma[d, d])
        a, t = b[d] / sd, sigma[d + 1 :, d] / sd
        h = np.exp(-0.5 * a * a - 0.5 * np.log(2 * np.pi) - log_ndtr(a))
        total += log_ndtr(a)
        b[d + 1 :] += t * h
        sigma[d + 1 :, d + 1 :] -= np.outer(t, t) * h * (a + h)
    return total


def from_nodes(b: Any, sigma: Any) -> float:
    """The same after integrating the first two, written as plainly as can be."""
    (u1, u2), weights = smoothed_gauss_square(8, 6)
    t = np.linalg.cholesky(sigma)
    rest = sigma[2:, 2:] - t[2:, :2] @ t[2:, :2].T
    logs = np.log(weights)
    for n in range(len(weights)):
        a1 = b[0] / t[0, 0]
        z1 = ndtri(u1[n] * ndtr(a1))
        a2 = (b[1] - t[1, 0] * z1) / t[1, 1]
        z2 = ndtri(u2[n] * ndtr(a2))
        left = b[2:] - t[2:, 0] * z1 - t[2:, 1] * z2
        logs[n] += log_ndtr(a1) + log_ndtr(a2) + mendell_elston(left, rest)
    return float(logsumexp(logs))


@pytest.mark.parametrize("size", [2, 3])
def test_one_and_two_differences_are_exact(size: int) -> None:
    v, omega, chosen = random_problem(size, 20, size)
    (logp, dv, domega), _ = kernel(v, omega, chosen)
    expected = settled(Integrator(), v, omega, chosen).log_prob(v, chosen, omega, True)
    for found, exact in zip((logp, dv, domega), expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)


def test_three_differences_with_the_exact_rule_are_exact() -> None:
    v, omega, chosen = random_problem(4, 20, 4)
    out, _ = kernel(v, omega, chosen, Integrator().rules)
    expected = settled(Integrator(), v, omega, chosen).log_prob(v, chosen, omega, True)
    for found, exact in zip(out, expected, strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 8, 20])
def test_independent_differences_multiply(size: int) -> None:
    """No error for the chosen alternative: then nothing is approximated, in the tails neither."""
    rng = np.random.default_rng(size)
    sd = rng.uniform(0.5, 2.0, size)
    sd[0] = 0.0
    v = np.concatenate([rng.normal(size=(5, size)), rng.uniform(-40.0, 40.0, size=(20, size))])
    (logp, dv, _), _ = kernel(v, np.diag(sd**2), np.zeros(len(v), dtype=np.int32))
    a = (v[:, :1] - v[:, 1:]) / sd[1:]
    np.testing.assert_allclose(logp, log_ndtr(a).sum(axis=1), rtol=1e-12, atol=1e-13)
    hazard = np.exp(-0.5 * a * a - 0.5 * np.log(2 * np.pi) - log_ndtr(a))
    np.testing.assert_allclose(-dv[:, 1:], hazard / sd[1:], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [4, 5, 6, 9, 20])
def test_kernel_does_what_it_says(size: int) -> None:
    v, omega, chosen = random_problem(size, 6, 10 + size)
    (logp, _, _), order = kernel(2.0 * v, omega, chosen)
    for c, i in enumerate(chosen):
        expected = from_nodes(*bounds(2.0 * v[c], omega, i, order[c, : size - 1]))
        assert logp[c] == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("size", [3, 4, 5, 6, 9, 20])
@pytest.mark.parametrize("spread", [1.0, 6.0])
def test_gradient_is_that_of_the_approximation(size: int, spread: float) -> None:
    v, omega, chosen = random_problem(size, 12, 30 + size)
    v = spread * v
    order = settled(APPROXIMATE, v, omega, chosen)
    shape, empty = (12, size * (size + 1) // 2), np.empty((0, size, size))

    def at(v: Any, omega: Any) -> Any:
        out = (np.empty(12), np.empty(v.shape), np.empty(shape))
        problem = (v, chosen, order.order, order.n_dims, omega, empty)
        sequential_range(problem, APPROXIMATE.starting_rules, 0, 12, True, out)
        return out

    _, dv, domega = at(v, omega)
    step, scale = 1e-5, np.abs(domega).max(axis=1)
    for j in range(size):
        e = step * np.eye(size)[j]
        slope = (at(v + e, omega)[0] - at(v - e, omega)[0]) / (2 * step)
        np.testing.assert_allclose(dv[:, j], slope, rtol=1e-7, atol=2e-9 * max(1, scale.max()))
    for q, (j, k) in enumerate(zip(*np.tril_indices(size), strict=True)):
        e = np.zeros((size, size))
        e[j, k] = e[k, j] = step
        slope = (at(v, omega + e)[0] - at(v, omega - e)[0]) / (2 * step)
        assert (np.abs(domega[:, q] - slope) <= 1e-7 * np.maximum(1.0, scale)).all()


def covariance(kind: str, size: int) -> Any:
    one = np.ones((size, size))
    if kind == "nearly singular":
        return 0.999 * one + 0.001 * np.eye(size)
    if kind == "alternating":
        sign = np.where(np.arange(size) % 2, -1.0, 1.0)
        return 0.999 * np.outer(sign, sign) + 0.001 * np.eye(size)
    if kind == "tiny":
        return 1e-6 * np.eye(size)
    if kind == "first only":  # differences against the first: perfectly correlated
        return np.outer(np.arange(size) == 0, np.arange(size) == 0).astype(float)
    return np.outer(np.arange(size), np.arange(size)) / size  # one factor


@pytest.mark.parametrize("size", [3, 5, 8, 20])
@pytest.mark.parametrize(
    "kind", ["nearly singular", "alternating", "tiny", "first only", "one factor"]
)
def test_extremes_stay_finite(kind: str, size: int) -> None:
    rng = np.random.default_rng(size)
    v = rng.uniform(-40.0, 40.0, size=(60, size))
    v[:20] /= 40.0
    v[20:24] = 0.0
    chosen = np.concatenate([v[:30].argmax(axis=1), rng.integers(0, size, 30)]).astype(np.int32)
    out, _ = kernel(v, covariance(kind, size), chosen)
    for array in out:
        assert np.isfinite(array).all()
    assert (out[0] <= 1e-9).all()


def test_perfectly_correlated_differences_are_one() -> None:
    v = np.array([[0.3, 0.0, -1.0, 0.0, 0.1, 0.2], [0.0, 1.0, 2.0, 3.0, 0.0, -1.0]])
    (logp, _, _), _ = kernel(v, covariance("first only", 6), np.zeros(2, dtype=np.int32))
    np.testing.assert_allclose(logp, log_ndtr([0.1, -3.0]), atol=1e-5)


@pytest.mark.parametrize(
    ("size", "error"), [(3, 1e-9), (5, 0.0003), (8, 0.002), (12, 0.005), (20, 0.008)]
)
def test_equal_utilities_and_independent_errors_share_equally(size: int, error: float) -> None:
    """Orthants of differences with correlation 1/2."""
    v, chosen = np.zeros((1, size)), np.zeros(1, dtype=np.int32)
    (logp, dv, _), _ = kernel(v, 0.5 * np.eye(size), chosen)
    assert logp[0] == pytest.approx(-np.log(size), abs=error)
    assert dv[0].sum() == pytest.approx(0.0, abs=1e-12)


def test_orthant_of_three_differences() -> None:
    """David (1953): 1/8 + (asin r12 + asin r13 + asin r23) / (4 pi)."""
    r12, r13, r23 = 0.5, -0.2, 0.3
    omega = np.zeros((4, 4))
    omega[1:, 1:] = [[1, r12, r13], [r12, 1, r23], [r13, r23, 1]]
    expected = 0.125 + (np.arcsin(r12) + np.arcsin(r13) + np.arcsin(r23)) / (4 * np.pi)
    (logp, _, _), _ = kernel(np.zeros((1, 4)), omega, np.zeros(1, dtype=np.int32))
    assert np.exp(logp[0]) == pytest.approx(expected, rel=1e-4)


@cache
def errors(size: int, factors: int | None) -> Any:
    """Of log P: approximation and Mendell & Elston's, in Genz' order and in the data's."""
    ours, ordered, plain = [], [], []
    for seed in range(20):
        v, omega, chosen = random_problem(size, 10, 100 * size + seed, factors)
        best = settled(Integrator(n_points=1 << 16), v, omega, chosen)
        reference = best.log_prob(v, chosen, omega, False)[0]
        found, order = kernel(v, omega, chosen)
        ours.append(found[0] - reference)
        for c, i in enumerate(chosen):
            genz, others = order[c, : size - 1], np.flatnonzero(np.arange(size) != i)
            ordered.append(mendell_elston(*bounds(v[c], omega, i, genz)) - reference[c])
            plain.append(mendell_elston(*bounds(v[c], omega, i, others)) - reference[c])
    return np.abs(np.concatenate(ours)), np.abs(ordered), np.abs(plain)


# Mean and largest error of log P over 200 cases, measured and rounded up. Two factors is hard:
# the differences are then nearly singular, and what is left after two of them is mostly known.
BOUNDS = {
    (5, None): (0.0006, 0.015),
    (8, None): (0.0020, 0.015),
    (12, None): (0.0030, 0.015),
    (5, 2): (0.0006, 0.015),
    (8, 2): (0.0015, 0.05),
    (12, 2): (0.0035, 0.10),
}


@pytest.mark.parametrize(("size", "factors"), BOUNDS)
def test_error_of_the_approximation(size: int, factors: int | None) -> None:
    ours, ordered, plain = errors(size, factors)
    mean, largest = BOUNDS[size, factors]
    assert ours.mean() < mean
    assert ours.max() < largest
    assert ours.mean() < 0.5 * ordered.mean()
    assert ours.max() < ordered.max()
    assert ours.mean() < 0.2 * plain.mean()


def test_cases_do_not_touch_each_other_and_small_ones_are_exact() -> None:
    """Ragged choice sets; scratch of one case must not leak into the next."""
    rng = np.random.default_rng(6)
    v, omega, _ = random_problem(7, 80, 6)
    available = rng.random(v.shape) < 0.7
    available[:, :2] = True
    chosen = np.where(available, v, -np.inf).argmax(axis=1).astype(np.int32)
    keys, sizes = np.arange(80, dtype=np.uint64), available.sum(axis=1)
    plan = Settled.at(APPROXIMATE, v, available, chosen, omega, keys, 1)
    whole = plan.log_prob(v, chosen, omega, True)
    few = np.flatnonzero(rng.random(80) < 0.5)
    part = Settled.at(APPROXIMATE, v[few], available[few], chosen[few], omega, keys[few], 1)
    for all_of_them, some in zip(
        whole, part.log_prob(v[few], chosen[few], omega, True), strict=True
    ):
        np.testing.assert_array_equal(all_of_them[few], some)
    auto = Settled.at(Integrator(), v, available, chosen, omega, keys, 1)
    for ours, its in zip(whole, auto.log_prob(v, chosen, omega, True), strict=True):
        np.testing.assert_array_equal(ours[sizes <= 4], its[sizes <= 4])
        assert (ours[sizes > 4] != its[sizes > 4]).any()
    told = plan.plan
    assert (told.method, told.kind, told.draws) == ("mixed", "sequential conditioning", 0)
    small = int((sizes <= 4).sum())
    assert (told.n_exact, told.n_simulated, told.n_approximate) == (small, 0, 80 - small)


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    frame = long_frame(800, (0.9, -0.6), 5, errors="normal", n_alternatives=5)
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def test_fit(data: ck.ChoiceData) -> None:
    """Estimates as GHK's, to a small part of their standard errors; and no draws in them."""
    fits = [
        ck.ChoiceModel(
            "choice ~ x0 + x1", data, errors=Normal("heteroskedastic", method=method), base="a0"
        ).fit(seed=seed)
        for method, seed in (("ghk", 1), ("analytic", 1), ("analytic", 2))
    ]
    ghk, ours, again = fits
    assert all(fit.convergence.converged for fit in fits)
    np.testing.assert_allclose(ours.params, ghk.params, atol=0, rtol=0.02)
    assert (((ours.params - ghk.params) / ghk.bse).abs() < 0.03).all()
    np.testing.assert_allclose(ours.bse, ghk.bse, rtol=0.02)
    np.testing.assert_array_equal(ours.params, again.params)
    simulation = ours.simulation
    assert simulation is not None
    assert (simulation.method, simulation.draws, simulation.n_simulated) == ("analytic", 0, 0)
    # The distance from GHK's log-likelihood, neither zero nor far.
    assert 1e-4 < simulation.llf_se < 0.5
    assert simulation.llf_se == pytest.approx(abs(ours.llf - ghk.llf), abs=0.05)
    text = str(ours.summary())
    assert "approximated" in text
    assert "sequential conditioning" in text
    assert "GHK's by" in text
    assert "Quadrature" not in text
    assert computation(ours) == "approximated (sequential conditioning)"
