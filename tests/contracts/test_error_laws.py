"""What every error law must satisfy; a new law is one more entry of LAWS.

The references are properties, scipy's normal distribution and complex-step derivatives.
"""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from scipy.special import log_ndtr

from choicekit.errors import (
    CrossNested,
    Factor,
    Gumbel,
    HeteroskedasticGumbel,
    Nested,
    Normal,
    Ordered,
    PairedCombinatorial,
    Pattern,
)

LAWS: dict[str, Any] = {
    "nested": Nested({"near": ["a0", "a1"]}),
    "nested common": Nested({"near": ["a0", "a1"]}, common=True),
    "nested deep": Nested({"out": {"in": ["a1", "a2"], "alone": ["a3"]}, "rest": ["a0", "a4"]}),
    "cross-nested": CrossNested({"one": ["a0", "a1"], "two": ["a1", "a2"], "three": ["a2", "a0"]}),
    "cross-nested fixed": CrossNested({"one": {"a0": 1, "a1": 0.3}, "two": {"a1": 0.7, "a2": 1}}),
    "paired": PairedCombinatorial(["a0", "a1", "a2"]),
    "hev": HeteroskedasticGumbel(),
    "ordered logit": Ordered("logit"),
    "ordered probit": Ordered("probit"),
    "gumbel": Gumbel(),
    "gumbel cold": Gumbel(scale=0.5),
    "normal iid": Normal("iid"),
    "normal heteroskedastic": Normal("heteroskedastic"),
    "normal exchangeable": Normal("exchangeable"),
    "normal factor": Normal("factor(1)"),
    "normal two factors": Normal(Factor(2)),
    "normal pattern": Normal(Pattern(sd={"a2": None}, corr={("a1", "a2"): "shared"})),
    "normal unstructured": Normal("unstructured"),
    "normal unstructured ghk": Normal("unstructured", method="ghk", draws=64),
    "normal unstructured analytic": Normal("unstructured", method="analytic"),
    "normal unstructured halton": Normal(
        "unstructured", method="ghk", draws=300, draw_kind="halton"
    ),
    "normal unstructured lattice": Normal(
        "unstructured", method="ghk", draws=100, draw_kind="lattice"
    ),
    "normal unstructured random antithetic": Normal(
        "unstructured", method="ghk", draws=50_000, draw_kind="random", antithetic=True
    ),
}
# Fewer alternatives do not identify these, or lack one they name.
SMALLEST = {
    "normal heteroskedastic": 3,
    "normal exchangeable": 3,
    "normal factor": 3,
    "normal two factors": 4,
    "normal pattern": 3,
    "nested deep": 6,
    "cross-nested": 3,
    "cross-nested fixed": 3,
    "paired": 3,
    "hev": 3,
}
SIZES = (2, 3, 4, 6)
CASES = 40


class Problem:
    """Random utilities, ragged choice sets and parameters away from the start."""

    def __init__(self, law: Any, n_alternatives: int) -> None:
        rng = np.random.default_rng(n_alternatives)
        shape = (CASES, n_alternatives)
        self.law = law.bind(tuple(f"a{j}" for j in range(n_alternatives)), 0)
        self.v = rng.normal(size=shape)
        self.available = rng.random(shape) < 0.8
        self.available[:, :2] = True  # no case with fewer than two
        weight = self.available * rng.random(shape)
        self.chosen = weight.argmax(axis=1).astype(np.int32)
        step = 0.2 * rng.normal(size=len(self.law.start))
        while not np.isfinite((self.law.barrier(self.law.start + step) or (0.0,))[0]):
            step /= 2.0  # no covariance there
        self.theta = self.law.start + step
        if self.law.index:
            self.theta = np.sort(self.theta)  # thresholds are ordered
        scales = [name.startswith("lambda") for name in self.law.names]
        self.theta[scales] = 1.0 - np.abs(self.theta[scales] - 1.0)  # beyond 1 is no covariance
        keys = np.arange(CASES, dtype=np.uint64)
        self.law = self.law.settle(self.v, self.available, self.chosen, keys, self.theta, 1)

    def logp(self, v: Any = None, theta: Any = None) -> Any:
        v = self.v if v is None else v
        theta = self.theta if theta is None else theta
        return self.law.log_prob(v, self.available, self.chosen, theta)


PAIRS = [(n, size) for n in LAWS for size in SIZES if size >= SMALLEST.get(n, 2)]


@pytest.fixture(params=PAIRS, ids=str)
def problem(request: pytest.FixtureRequest) -> Problem:
    name, size = request.param
    return Problem(LAWS[name], size)


def test_probabilities_sum_to_one_and_respect_availability(problem: Problem) -> None:
    p = problem.law.probabilities(problem.v, problem.available, problem.theta)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    assert (p[~problem.available] == 0.0).all()
    assert (p[problem.available] > 0.0).all()


def test_log_probabilities_of_all_alternatives_add_up(problem: Problem) -> None:
    """Not normalised by anything: the integrals themselves must add up to one."""
    total = np.zeros(CASES)
    keys = np.arange(CASES, dtype=np.uint64)
    for j in range(problem.v.shape[1]):
        cases = problem.available[:, j]
        chosen = np.full(cases.sum(), j, dtype=np.int32)
        v, available = problem.v[cases], problem.available[cases]
        law = problem.law.settle(v, available, chosen, keys[cases], problem.theta, 1)
        total[cases] += np.exp(law.log_prob(v, available, chosen, problem.theta).logp)
    plan = problem.law.plan
    inexact = plan is not None and plan.n_simulated + plan.n_approximate > 0
    np.testing.assert_allclose(total, 1.0, atol=5e-3 if inexact else 2e-6)


def test_derivatives_by_utilities(problem: Problem) -> None:
    dv = problem.logp().dv
    assert (dv[~problem.available] == 0.0).all()
    for j in range(problem.v.shape[1]):
        step = np.zeros_like(problem.v)
        step[:, j] = 1e-5
        up, down = problem.logp(problem.v + step).logp, problem.logp(problem.v - step).logp
        np.testing.assert_allclose(dv[:, j], (up - down) / 2e-5, atol=2e-9, rtol=2e-7)


def test_derivatives_by_parameters(problem: Problem) -> None:
    dtheta = problem.logp().dtheta
    assert dtheta.shape == (CASES, len(problem.theta))
    for q in range(len(problem.theta)):
        step = np.zeros_like(problem.theta)
        step[q] = 1e-5
        up = problem.logp(theta=problem.theta + step).logp
        down = problem.logp(theta=problem.theta - step).logp
        np.testing.assert_allclose(dtheta[:, q], (up - down) / 2e-5, atol=5e-8, rtol=2e-6)


def test_only_differences_of_utilities_count(problem: Problem) -> None:
    if problem.law.index:
        pytest.skip("a constant added to all utilities moves the index: see the next test")
    shift = np.linspace(-30.0, 30.0, CASES)[:, None]
    base, moved = problem.logp(), problem.logp(problem.v + shift)
    np.testing.assert_allclose(moved.logp, base.logp, atol=1e-10)
    np.testing.assert_allclose(base.dv.sum(axis=1), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in LAWS if name.startswith("ordered")])
def test_an_index_and_its_thresholds_move_together(name: str) -> None:
    problem = Problem(LAWS[name], 5)
    moved = problem.logp(problem.v + 0.7, problem.theta + 0.7)
    np.testing.assert_allclose(moved.logp, problem.logp().logp, atol=1e-13)
    slope = problem.logp().dv.sum(axis=1) + problem.logp().dtheta.sum(axis=1)
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


def test_value_without_gradient_is_the_same(problem: Problem) -> None:
    value = problem.law.log_prob(
        problem.v, problem.available, problem.chosen, problem.theta, gradient=False
    )
    np.testing.assert_array_equal(value.logp, problem.logp().logp)


def test_extreme_utilities_stay_finite(problem: Problem) -> None:
    """Differences of 80 standard deviations and more, in favour of the chosen and against it."""
    part = problem.logp(40.0 * np.sign(problem.v) * np.abs(problem.v).clip(0.5, 1.0))
    for array in (part.logp, part.dv, part.dtheta):
        assert np.isfinite(array).all()
    assert (part.logp <= 1e-9).all()


def test_the_derivatives_of_the_expected_maximum_are_the_probabilities(problem: Problem) -> None:
    """Williams (1977), Daly & Zachary (1978); for the laws that have a closed form."""
    law, theta = problem.law, problem.theta
    assert law.error_means(theta).shape == problem.v.shape[1:]
    if law.expected_maximum(problem.v, problem.available, theta) is None:
        return
    p = law.probabilities(problem.v, problem.available, theta)
    for j in range(problem.v.shape[1]):
        step = np.zeros_like(problem.v)
        step[:, j] = 1e-5
        up, down = (
            law.expected_maximum(v, problem.available, theta)
            for v in (problem.v + step, problem.v - step)
        )
        np.testing.assert_allclose((up - down) / 2e-5, p[:, j], atol=1e-8)


def test_pickles(problem: Problem) -> None:
    copy = pickle.loads(pickle.dumps(problem.law))
    again = copy.log_prob(problem.v, problem.available, problem.chosen, problem.theta)
    np.testing.assert_array_equal(again.logp, problem.logp().logp)


def test_covariance_is_symmetric_and_names_match(problem: Problem) -> None:
    omega = problem.law.covariance(problem.theta)
    np.testing.assert_array_equal(omega, omega.T)
    assert np.linalg.eigvalsh(omega).min() >= -1e-12
    assert len(problem.law.names) == len(problem.law.start) == len(problem.theta)
    assert len(set(problem.law.names)) == len(problem.law.names)


def test_start_is_independent_errors_of_equal_variance(problem: Problem) -> None:
    """All structures start at the same model, up to what choices cannot see."""
    if any(name.startswith("alpha[") for name in problem.law.names):
        pytest.skip("free allocations do not show in independent errors, so they start near them")
    """All structures hold the same simplest model, up to what choices cannot see."""
    omega = problem.law.covariance(problem.law.start)
    differences = omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]
    size = len(differences)
    iid = 0.5 * (np.eye(size) + np.ones((size, size)))
    np.testing.assert_allclose(differences / differences[0, 0], iid, atol=1e-12)


def test_the_search_starts_near_the_start_but_off_its_saddles(problem: Problem) -> None:
    """Where an optimiser begins, every parameter moves the covariance; at ``start`` some do not."""
    law = problem.law
    if law.index:
        pytest.skip("thresholds are no part of the covariance")
    assert law.search_start.shape == law.start.shape
    assert np.abs(law.search_start - law.start).max(initial=0.0) <= 0.5
    for q in range(len(law.start)):
        step = np.zeros(len(law.start))
        step[q] = 1e-6
        moved = law.covariance(law.search_start + step) - law.covariance(law.search_start - step)
        assert np.abs(moved).max() > 1e-8


@pytest.mark.parametrize("name", [name for name in LAWS if name.startswith("normal")])
def test_two_alternatives_are_the_binary_probit(name: str) -> None:
    if name in SMALLEST:
        with pytest.raises(ValueError, match=r"not identified|none of"):
            Problem(LAWS[name], 2)
        return
    problem = Problem(LAWS[name], 2)
    rows = np.arange(CASES)
    difference = problem.v[rows, problem.chosen] - problem.v[rows, 1 - problem.chosen]
    np.testing.assert_allclose(problem.logp().logp, log_ndtr(difference), rtol=1e-13)


def test_gumbel_gradient_by_complex_step() -> None:
    problem = Problem(Gumbel(scale=0.7), 5)
    rows = np.arange(CASES)
    for j in range(5):
        v = problem.v.astype(complex)
        v[:, j] += 1e-30j
        e = np.where(problem.available, np.exp(v / 0.7), 0.0)
        logp = v[rows, problem.chosen] / 0.7 - np.log(e.sum(axis=1))
        expected = np.where(problem.available[:, j], logp.imag / 1e-30, 0.0)
        np.testing.assert_allclose(problem.logp().dv[:, j], expected, atol=1e-14)


def test_boltzmann_limits() -> None:
    v = np.array([[1e4, 1e4 - 1.0, -1e4, 5e3], [2.0, 2.0, 1.0, 2.0]])
    available = np.array([[True, True, True, False], [True, True, True, False]])

    def at(scale: float) -> Any:
        return Gumbel(scale).bind(tuple("abcd"), 0).probabilities(v, available)

    np.testing.assert_allclose(at(0.0), [[1, 0, 0, 0], [0.5, 0.5, 0, 0]])
    np.testing.assert_allclose(at(np.inf), np.where(available, 1 / 3, 0.0))
    np.testing.assert_allclose(at(1e-3), at(0.0), atol=1e-300)
    np.testing.assert_allclose(at(1e12), at(np.inf), atol=1e-7)
    np.testing.assert_allclose(at(1.0)[0, :2], [1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))])


@pytest.mark.parametrize("bad", [-1.0, float("nan"), "hot"])
def test_bad_scale_is_refused(bad: Any) -> None:
    with pytest.raises(ValueError, match="scale of the Gumbel errors"):
        Gumbel(bad)


def test_unknown_options_list_the_choices() -> None:
    with pytest.raises(ValueError, match="unstructured"):
        Normal(covariance="unstructurd")
    with pytest.raises(ValueError, match="draws must be"):
        Normal(draws=1)
    with pytest.raises(ValueError, match="Did you mean 'lattice'"):
        Normal(draw_kind="latice")
    with pytest.raises(ValueError, match="antithetic must be"):
        Normal(antithetic="yes")
    with pytest.raises(ValueError, match="none of"):
        Normal(scale="tram").bind(("car", "bus"), 0)
    with pytest.raises(ValueError, match="also the base"):
        Normal(scale="car").bind(("car", "bus", "rail"), 0)
