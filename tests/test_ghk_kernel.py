"""The probit's integrals against closed forms, one-dimensional quadrature and scipy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from choicekit.errors import Normal


def log_probability(
    v: Any, omega: Any, chosen: int = 0, method: str = "auto", draws: int = 256, seed: int = 1
) -> Any:
    """Log-probability under any covariance: the structure is bypassed, the kernel is not."""
    from choicekit.errors.integrators import Settled

    v = np.atleast_2d(np.asarray(v, dtype=float))
    law = Normal("iid", method=method, draws=draws).bind(tuple(range(v.shape[1])), 0)
    picks = np.full(len(v), chosen, dtype=np.int32)
    everywhere = np.ones(v.shape, dtype=bool)
    keys = np.arange(len(v), dtype=np.uint64)
    settled = Settled.at(law.integrator, v, everywhere, picks, omega, keys, seed)
    return settled.log_prob(v, picks, np.asarray(omega, dtype=float), False)[0]


def differences(omega: Any, chosen: int) -> Any:
    others = [j for j in range(len(omega)) if j != chosen]
    m = np.eye(len(omega))[others] - np.eye(len(omega))[chosen]
    return m @ omega @ m.T, others


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.5, 0.95])
def test_orthant_probability_of_two_differences(rho: float) -> None:
    """Sheppard (1899): P = 1/4 + asin(rho) / (2 pi)."""
    omega = np.zeros((3, 3))
    omega[1:, 1:] = [[1.0, rho], [rho, 1.0]]
    expected = 0.25 + np.arcsin(rho) / (2 * np.pi)
    assert np.exp(log_probability([0.0, 0.0, 0.0], omega))[0] == pytest.approx(expected, rel=1e-7)


def test_orthant_probability_of_three_differences() -> None:
    """David (1953): 1/8 + (asin r12 + asin r13 + asin r23) / (4 pi)."""
    r12, r13, r23 = 0.5, -0.2, 0.3
    omega = np.zeros((4, 4))
    omega[1:, 1:] = [[1, r12, r13], [r12, 1, r23], [r13, r23, 1]]
    expected = 0.125 + (np.arcsin(r12) + np.arcsin(r13) + np.arcsin(r23)) / (4 * np.pi)
    assert np.exp(log_probability(np.zeros(4), omega))[0] == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("n", [3, 4, 5, 8, 12])
def test_independent_errors_by_one_dimensional_quadrature(n: int) -> None:
    """P(1) = integral of phi(e) prod_j Phi(e + V_1 - V_j); errors of variance 1/2."""
    v = np.random.default_rng(n).normal(size=n)
    s = np.sqrt(0.5)

    def integrand(e: float) -> float:
        return norm.pdf(e, scale=s) * np.prod(norm.cdf((e + v[0] - v[1:]) / s))

    expected = quad(integrand, -8, 8, epsabs=1e-13)[0]
    found = np.exp(log_probability(v, 0.5 * np.eye(n), draws=4096))[0]
    assert found == pytest.approx(expected, rel=3e-6 if n <= 4 else 2e-3)


@pytest.mark.parametrize("n", [3, 4, 6])
def test_any_covariance_against_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    for chosen in range(n):
        a = rng.normal(size=(n, n))
        omega, v = a @ a.T / n + 0.1 * np.eye(n), rng.normal(size=n)
        sigma, others = differences(omega, chosen)
        expected = multivariate_normal.cdf(
            v[chosen] - v[others], cov=sigma, maxpts=1_000_000, abseps=1e-9, releps=1e-9
        )
        found = np.exp(log_probability(v, omega, chosen, draws=4096))[0]
        assert found == pytest.approx(expected, rel=2e-5 if n <= 4 else 3e-3)


def test_far_tails_have_relative_accuracy() -> None:
    """Independent differences: the probability is a product, here about exp(-1600)."""
    omega = np.diag([0.0, 1.0, 1.0])
    found = log_probability([0.0, 40.0, 40.0], omega)[0]
    assert found == pytest.approx(2 * norm.logcdf(-40.0), rel=1e-12)


def test_simulation_agrees_with_quadrature_and_its_error_falls() -> None:
    rng = np.random.default_rng(3)
    v, a = rng.normal(size=(50, 4)), rng.normal(size=(4, 4))
    omega = a @ a.T / 4 + 0.2 * np.eye(4)
    exact = log_probability(v, omega)
    errors = []
    for draws in (64, 4096):  # 4096 takes several chunks of the kernel
        gaps = [
            log_probability(v, omega, method="ghk", draws=draws, seed=s) - exact for s in range(4)
        ]
        errors.append(float(np.sqrt(np.mean(np.square(gaps)))))
    assert errors[0] < 0.01
    assert errors[1] < errors[0] / 8  # pseudo-random draws would give a factor of 8


def test_draws_belong_to_the_case_and_the_seed() -> None:
    rng = np.random.default_rng(4)
    v, a = rng.normal(size=(20, 6)), rng.normal(size=(6, 6))
    omega = a @ a.T / 6 + 0.2 * np.eye(6)
    whole = log_probability(v, omega)
    np.testing.assert_array_equal(whole[:7], log_probability(v[:7], omega))
    np.testing.assert_array_equal(whole, log_probability(v, omega))
    assert (whole != log_probability(v, omega, seed=2)).all()


def test_threads_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    v, a = rng.normal(size=(1000, 5)), rng.normal(size=(5, 5))
    omega = a @ a.T / 5 + 0.2 * np.eye(5)
    many = log_probability(v, omega)
    monkeypatch.setenv("CHOICEKIT_NUM_THREADS", "1")
    np.testing.assert_array_equal(many, log_probability(v, omega))


def test_perfectly_correlated_errors_give_no_nan() -> None:
    omega = np.zeros((4, 4))
    omega[1:, 1:] = 1.0
    found = log_probability([[0.3, 0.0, 0.0, 0.0], [0.0, 1.0, 2.0, 3.0]], omega)
    np.testing.assert_allclose(found, norm.logcdf([0.3, -3.0]), atol=1e-5)
