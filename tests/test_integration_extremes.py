"""Every way of integrating against independent references, in ordinary cases and at the extremes.

References, none of which shares code with the package: products of univariate probabilities,
one-dimensional quadrature for equicorrelated and one-factor errors, scipy's multivariate normal
where that is accurate, and Botev's (2017) minimax tilting (tests/tilting.py), which keeps
its relative accuracy far in the tails. The tolerances state what the methods do in each regime. At
256 draws that is, in log P: 0.01 or better up to ten alternatives and P > 1e-4, typically 0.01 in
any tail, with single cases off by 0.1 to 1 in tails of ten and more alternatives; and whole units
where differences are negatively correlated and P is tiny.

Axes: C cases, J alternatives, D = J - 1 differences. Alternative 0 is chosen throughout.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_ndtr, logsumexp
from scipy.stats import multivariate_normal

from choicekit.errors import Normal
from choicekit.errors.integrators import Integrator, Settled
from choicekit.exceptions import SimulationWarning, SpecificationError

from .tilting import log_orthant

KINDS = ("sobol", "lattice", "halton", "random")
POINTS = [(kind, antithetic) for kind in KINDS for antithetic in (False, True)]


def ghk(kind: str = "sobol", n_points: int = 256, antithetic: bool = False) -> Integrator:
    return Integrator(exact=False, kind=kind, antithetic=antithetic).with_points(n_points)


def settled(integrator: Integrator, v: Any, sigma: Any, seed: int = 1) -> tuple[Any, ...]:
    """What log_prob is asked; ``sigma`` (D, D) is the covariance of the differences."""
    v = np.atleast_2d(np.asarray(v, float))
    omega = np.zeros((v.shape[1], v.shape[1]))
    omega[1:, 1:] = sigma
    chosen, keys = np.zeros(len(v), np.int32), np.arange(len(v), dtype=np.uint64)
    law = Settled.at(integrator, v, np.ones(v.shape, bool), chosen, omega, keys, seed)
    return law, v, chosen, omega


def log_prob(integrator: Integrator, v: Any, sigma: Any, seed: int = 1) -> Any:
    law, *problem = settled(integrator, v, sigma, seed)
    return law.log_prob(*problem, False)[0]


def reference(v: Any, sigma: Any) -> Any:
    """Log-probabilities (C,) by tilting, which must be sure of itself."""
    found = [log_orthant(row[0] - row[1:], sigma, n_bits=13) for row in np.atleast_2d(v)]
    assert max(error for _, error in found) < 2e-3
    return np.array([value for value, _ in found])


def one_factor(b: Any, loading: Any, own: Any) -> float:
    """``log of the integral of phi(z) prod_d Phi((b_d - loading_d z) / own_d)``, in logs."""

    def log_integrand(z: Any) -> Any:
        a = (b - np.multiply.outer(z, loading)) / own
        return -0.5 * np.square(z) - 0.5 * np.log(2 * np.pi) + log_ndtr(a).sum(axis=-1)

    reach = 10.0 + 2.0 * np.abs(b).max() / np.abs(loading).min()
    top = minimize_scalar(lambda z: -log_integrand(z), bounds=(-reach, reach), method="bounded").x
    # The logarithm is concave, its second derivative -1 at most: nine units hold everything.
    step = min(0.01, own.min() / 8.0)
    z = top + step * np.arange(-int(9.5 / step), int(9.5 / step) + 1)
    logs = log_integrand(z)
    assert max(logs[0], logs[-1]) < logs.max() - 40.0
    return float(logsumexp(logs) + np.log(step))


def equicorrelated(n: int, rho: float) -> Any:
    return (1.0 - rho) * np.eye(n) + rho


def natural(n: int, rng: Any, ridge: float) -> Any:
    """Differences of n + 1 errors whose covariance is random; small ridges make it singular."""
    a = rng.normal(size=(n + 1, n + 1))
    m = np.hstack([-np.ones((n, 1)), np.eye(n)])
    return m @ (a @ a.T / (n + 1) + ridge * np.eye(n + 1)) @ m.T


def autoregressive(n: int, rho: float) -> Any:
    return rho ** np.abs(np.subtract.outer(np.arange(n), np.arange(n)))


def utilities(n_cases: int, n: int, spread: float, rng: Any) -> Any:
    """Utilities within 40 of zero; an infinite spread means uniform there."""
    if np.isinf(spread):
        return rng.uniform(-40.0, 40.0, (n_cases, n))
    return np.clip(rng.normal(0.0, spread, (n_cases, n)), -40.0, 40.0)


# --- the references agree with each other ------------------------------------------------------


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_tilting_agrees_with_scipy_where_scipy_is_accurate(n: int) -> None:
    rng = np.random.default_rng(n)
    sigma, b = natural(n, rng, 0.2), rng.normal(size=n)
    scipys = multivariate_normal.cdf(b, cov=sigma, maxpts=1_000_000, abseps=1e-9, releps=1e-9)
    assert log_orthant(b, sigma)[0] == pytest.approx(np.log(scipys), abs=2e-4)


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("spread", [1.0, 5.0, 40.0])
@pytest.mark.parametrize("n", [4, 9, 19])
def test_tilting_agrees_with_one_dimensional_quadrature(n: int, spread: float, rho: float) -> None:
    b = -np.abs(np.random.default_rng(n).normal(0.0, spread, n))
    loading, own = np.full(n, np.sqrt(rho)), np.full(n, np.sqrt(1.0 - rho))
    value, error = log_orthant(b, equicorrelated(n, rho))
    assert error < 1e-3
    assert value == pytest.approx(one_factor(b, loading, own), abs=1e-3)


# --- closed forms and quadrature ---------------------------------------------------------------


@pytest.mark.parametrize("gap", [-80.0, -40.0, -5.0, 0.0, 3.0, 80.0])
def test_two_alternatives_to_all_digits(gap: float) -> None:
    found = log_prob(Integrator(), [gap, 0.0], [[1.0]])[0]
    assert found == pytest.approx(log_ndtr(gap), rel=1e-13)


@pytest.mark.parametrize("rho", [-0.999, -0.9, 0.0, 0.9, 0.999])
def test_three_alternatives_by_sheppard(rho: float) -> None:
    """``P = 1/4 + asin(rho) / (2 pi)`` at zero utilities (Sheppard 1899)."""
    expected = np.log(0.25 + np.arcsin(rho) / (2 * np.pi))
    found = log_prob(Integrator(), np.zeros(3), equicorrelated(2, rho))[0]
    assert found == pytest.approx(expected, abs=5e-3 if rho == -0.999 else 2e-7)


@pytest.mark.parametrize(("kind", "antithetic"), POINTS)
@pytest.mark.parametrize("n", [3, 4, 6, 20])
def test_independent_differences_are_a_product(n: int, kind: str, antithetic: bool) -> None:
    """Nothing depends on the draws: every kind is exact, at V from -40 to 40 too."""
    rng = np.random.default_rng(n)
    v, sd = utilities(20, n, np.inf, rng), rng.uniform(0.3, 3.0, n - 1)
    expected = log_ndtr((v[:, :1] - v[:, 1:]) / sd).sum(axis=1)
    found = log_prob(ghk(kind, 64, antithetic), v, np.diag(sd**2))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


# Largest error in log P of 256 draws over 30 cases of |V| up to 40, by correlation of the errors
# of the differences; 0.5 are independent errors. Pseudo-random draws may err five times as much.
EQUICORRELATED = {0.5: 0.5, 0.9: 0.2, 0.99: 0.1, 0.999: 0.02}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rho", EQUICORRELATED)
@pytest.mark.parametrize("n", [5, 10, 20])
def test_equicorrelated_differences_by_quadrature(n: int, rho: float, kind: str) -> None:
    rng = np.random.default_rng([n, int(1000 * rho)])
    v = np.vstack([utilities(10, n, spread, rng) for spread in (1.0, 5.0, np.inf)])
    loading, own = np.full(n - 1, np.sqrt(rho)), np.full(n - 1, np.sqrt(1.0 - rho))
    expected = np.array([one_factor(row[0] - row[1:], loading, own) for row in v])
    found = log_prob(ghk(kind), v, equicorrelated(n - 1, rho))
    bound = EQUICORRELATED[rho] * (5.0 if kind == "random" else 1.0)
    assert np.abs(found - expected).max() < bound


@pytest.mark.parametrize("n", [3, 4])
def test_exact_rules_with_one_factor(n: int) -> None:
    """Unequal loadings, correlations of either sign to 0.99."""
    rng = np.random.default_rng(n)
    for spread in (1.0, 5.0, np.inf):
        loading = rng.choice([-1.0, 1.0], n - 1) * rng.uniform(0.5, 0.995, n - 1)
        own = np.sqrt(1.0 - loading**2)
        v = utilities(10, n, spread, rng)
        expected = np.array([one_factor(row[0] - row[1:], loading, own) for row in v])
        found = log_prob(Integrator(), v, np.outer(loading, loading) + np.diag(own**2))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-4)


# --- random covariances, ordinary cases and tails ----------------------------------------------

# (how singular, spread of V) -> for J = 6, 10, 20: median and largest error in log P of 256 draws.
# Over 96 cases each, measured: medians half of these and less, largest errors half of these.
# An infinite spread puts |V| up to 40 and log P at -100 to -5,000.
REGIMES = {
    (0.2, 1.0): ((0.001, 0.01), (0.005, 0.04), (0.02, 0.12)),
    (1e-3, 1.0): ((0.002, 0.015), (0.005, 0.05), (0.02, 0.12)),
    (0.2, 5.0): ((0.002, 0.04), (0.005, 0.8), (0.02, 1.4)),
    (0.2, np.inf): ((0.003, 0.1), (0.03, 0.3), (0.05, 1.0)),
    (1e-3, np.inf): ((0.003, 0.1), (0.03, 2.0), (0.05, 1.6)),
}


@pytest.mark.parametrize("regime", REGIMES, ids=str)
@pytest.mark.parametrize("n", [6, 10, 20])
def test_random_covariances(n: int, regime: tuple[float, float]) -> None:
    """Pseudo-random draws may err ten times as much: measured in ordinary cases, 5 to 20 times."""
    ridge, spread = regime
    rng = np.random.default_rng(n)
    sigma = natural(n - 1, rng, ridge)
    v = utilities(12, n, spread, rng)
    expected = reference(v, sigma)
    median, largest = REGIMES[regime][(6, 10, 20).index(n)]
    for kind, antithetic in POINTS:
        slack = (10.0, 10.0) if kind == "random" else (3.0, 1.0) if kind == "halton" else (1.0, 1.0)
        for seed in range(3):
            error = np.abs(log_prob(ghk(kind, 256, antithetic), v, sigma, seed) - expected)
            assert np.median(error) < median * slack[0], kind
            assert error.max() < largest * slack[1], kind


@pytest.mark.parametrize("ridge", [0.2, 1e-3])
@pytest.mark.parametrize("n", [3, 4])
def test_exact_rules_with_random_covariances(n: int, ridge: float) -> None:
    """The reference is good to 1e-4 here; the rules themselves to 1e-5."""
    rng = np.random.default_rng(n)
    sigma = natural(n - 1, rng, ridge)
    v = np.vstack([utilities(10, n, spread, rng) for spread in (1.0, 5.0, np.inf)])
    np.testing.assert_allclose(log_prob(Integrator(), v, sigma), reference(v, sigma), atol=1e-4)


def test_a_hard_looking_bound_that_does_not_bind_is_not_taken_first() -> None:
    """Genz' rule alone starts with difference 4, whose bound is hardest by itself.

    At the mode differences 1 and 2 are at their bounds and drag the fourth far below its own.
    Starting with the fourth, 256 draws err by 14 in log P and 2**14 draws by 10.
    """
    v = np.array([-7.0, 3.0, 11.0, 3.0, 7.0])
    sigma = np.array(
        [[2.1, -0.9, -0.1, 0.7], [-0.9, 1.5, 0.4, 0.3], [-0.1, 0.4, 1.4, 0.6], [0.7, 0.3, 0.6, 0.9]]
    )
    law, *problem = settled(ghk(), v, sigma)
    expected = reference(v, sigma)[0]
    assert law.order[0].tolist() == [2, 1, 3, 4]
    assert law.log_prob(*problem, False)[0][0] == pytest.approx(expected, abs=1e-3)
    genz = replace(law, order=np.array([[4, 2, 1, 3]], np.int32))
    assert genz.log_prob(*problem, False)[0][0] < expected - 1.0


# --- where GHK is not accurate, it stays finite and near in relative terms ----------------------

NEGATIVE = {
    "equal": lambda n: (1.0 + 0.95 / (n - 1)) * np.eye(n) - 0.95 / (n - 1),
    "alternating": lambda n: autoregressive(n, -0.99),
}


@pytest.mark.parametrize("name", NEGATIVE)
@pytest.mark.parametrize("n", [4, 6, 10, 20])
def test_negative_correlations_are_right_in_the_leading_digit(n: int, name: str) -> None:
    """The known limit of GHK: differences that crowd each other out, and a tiny P.

    At 256 draws the error in log P reaches 1 with 6 alternatives, 7 with 10 and 30 with 20, a fifth
    of log P at worst. It is below 0.05 wherever P > 0.01.
    """
    sigma = NEGATIVE[name](n - 1)
    rng = np.random.default_rng(n)
    v = np.vstack([utilities(8, n, spread, rng) for spread in (0.5, 5.0, np.inf)])
    expected = np.array([log_orthant(row[0] - row[1:], sigma, n_bits=9)[0] for row in v])
    for kind in KINDS:
        found = log_prob(ghk(kind), v, sigma)
        assert np.isfinite(found).all()
        error = np.abs(found - expected)
        assert (error <= 0.25 * np.abs(expected) + 0.1).all(), kind
        if kind in ("sobol", "lattice"):
            assert (error[expected > np.log(0.01)] < 0.05).all(), kind


EXTREME = {
    "0.999": lambda n: equicorrelated(n, 0.999),
    "-0.999": lambda n: (1.0 + 0.999 / max(1, n - 1)) * np.eye(n) - 0.999 / max(1, n - 1),
    "chain 0.999": lambda n: autoregressive(n, 0.999),
    "chain -0.999": lambda n: autoregressive(n, -0.999),
    "singular": lambda n: np.ones((n, n)),
    "tiny and huge": lambda n: np.diag(np.logspace(-6, 6, n)),
}


@pytest.mark.parametrize("name", EXTREME)
@pytest.mark.parametrize("n", [2, 3, 4, 6, 20])
def test_nothing_is_ever_nan_or_infinite(n: int, name: str) -> None:
    """The true log-probabilities are all finite, down to about -1e15."""
    rng = np.random.default_rng(n)
    v = np.vstack([utilities(6, n, spread, rng) for spread in (1.0, np.inf)])
    v[0], v[1], v[2, 0], v[3, 0] = 40.0, -40.0, 40.0, -40.0
    choices = [Integrator(), *(ghk(kind, 100, antithetic) for kind, antithetic in POINTS)]
    for integrator in choices:
        law, *problem = settled(integrator, v, EXTREME[name](n - 1))
        for array in law.log_prob(*problem, True):
            assert np.isfinite(array).all(), integrator


# --- predictions at any accuracy ---------------------------------------------------------------


def bound_law(n: int, seed: int, size: float = 0.4, **options: Any) -> tuple[Any, Any]:
    law = Normal("unstructured", **options).bind(tuple(range(n)), 0)
    rng = np.random.default_rng(seed)
    return law, law.start + size * rng.normal(size=len(law.start))


def true_shares(law: Any, theta: Any, v: Any) -> Any:
    """Probabilities (C, J) by tilting, from the covariance of the differences."""
    omega, out = law.covariance(theta), np.empty(v.shape)
    for j in range(v.shape[1]):
        m = np.delete(np.eye(v.shape[1]) - np.eye(v.shape[1])[j], j, axis=0)
        for c, row in enumerate(v):
            out[c, j] = np.exp(log_orthant(-(m @ row), m @ omega @ m.T, n_bits=13)[0])
    return out


# Pseudo-random draws would need a million for 1e-4.
@pytest.mark.parametrize(
    ("tol", "kind"), [*((1e-3, kind) for kind in KINDS), *((1e-4, kind) for kind in KINDS[:3])]
)
def test_predictions_meet_the_tolerance(tol: float, kind: str) -> None:
    law, theta = bound_law(6, 2, draws=16, draw_kind=kind)
    rng = np.random.default_rng(3)
    v = rng.normal(0.0, 1.5, (6, 6))
    everywhere = np.ones(v.shape, bool)
    p = law.probabilities(v, everywhere, theta, tol=tol)
    assert np.abs(p - true_shares(law, theta, v)).max() < tol
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-14)


def test_four_alternatives_get_more_nodes_when_asked_for_digits() -> None:
    law, theta = bound_law(4, 1, size=1.0)
    v = np.random.default_rng(1).normal(0.0, 1.5, (40, 4))
    everywhere = np.ones(v.shape, bool)
    usual = law.probabilities(v, everywhere, theta)
    fine = law.probabilities(v, everywhere, theta, tol=1e-12)
    finer = law.probabilities(v, everywhere, theta, tol=1e-13)
    assert np.abs(fine - finer).max() < 1e-12
    assert 1e-11 < np.abs(usual - fine).max() < 1e-4


def test_only_cases_that_miss_are_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    from choicekit.errors import prediction

    seen: list[tuple[int, int]] = []
    shares = prediction.shares

    def spy(integrator: Any, cases: Any, seed: int) -> Any:
        seen.append((integrator.n_points, len(cases.v)))
        return shares(integrator, cases, seed)

    monkeypatch.setattr(prediction, "shares", spy)
    law, theta = bound_law(6, 2)
    v = np.random.default_rng(3).normal(0.0, 1.0, (30, 6))
    v[:25] *= 30.0  # nearly certain
    law.probabilities(v, np.ones(v.shape, bool), theta, tol=3e-5)
    points, cases = map(np.array, zip(*seen, strict=True))
    assert cases[0] == 30
    assert cases[points > points[0]].max() <= 6
    assert points.max() >= 4 * points[0]


def test_ragged_cases_are_predicted_like_alone() -> None:
    """Exact and simulated cases side by side; what others need does not change a case."""
    law, theta = bound_law(6, 5)
    rng = np.random.default_rng(5)
    v, available = rng.normal(size=(20, 6)), rng.random((20, 6)) < 0.7
    available[:, :2] = True
    keys = np.arange(20, dtype=np.uint64)
    whole = law.probabilities(v, available, theta, keys, tol=1e-4)
    assert (whole[~available] == 0.0).all()
    for some in (np.arange(3), np.arange(7, 20, 4)):
        part = law.probabilities(v[some], available[some], theta, keys[some], tol=1e-4)
        np.testing.assert_array_equal(part, whole[some])


def test_an_unreachable_tolerance_is_said_with_what_was_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from choicekit.errors import integrators, prediction

    monkeypatch.setattr(integrators, "MAX_POINTS", 4096)
    monkeypatch.setattr(prediction, "MAX_POINTS", 4096)
    law, theta = bound_law(6, 2)
    v = np.zeros((3, 6))
    with pytest.warns(
        SimulationWarning, match=r"3 cases miss tol=1e-12 with 4 x 4,096 draws.*Cure"
    ):
        law.probabilities(v, np.ones(v.shape, bool), theta, tol=1e-12)
    law, theta = bound_law(4, 2)
    monkeypatch.setattr(prediction, "FINEST", 2)
    with pytest.warns(SimulationWarning, match=r"miss.* tol=1e-30 with 2 times the usual nodes"):
        law.probabilities(v[:, :4], np.ones((3, 4), bool), theta, tol=1e-30)


@pytest.mark.parametrize("tol", [0.0, -1e-3, float("nan"), "fine"])
def test_a_tolerance_is_a_positive_number(tol: Any) -> None:
    law, theta = bound_law(5, 1)
    with pytest.raises(SpecificationError, match="must be a positive number"):
        law.probabilities(np.zeros((1, 5)), np.ones((1, 5), bool), theta, tol=tol)


def test_probabilities_at_the_extremes_meet_the_tolerance_without_a_warning() -> None:
    law, theta = bound_law(5, 4, size=1.0)
    v = utilities(10, 5, np.inf, np.random.default_rng(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = law.probabilities(v, np.ones(v.shape, bool), theta, tol=1e-4)
    assert np.abs(p - true_shares(law, theta, v)).max() < 1e-4
