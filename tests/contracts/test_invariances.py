"""What must not matter to an error law, and what it must agree with; LAWS as in the contract."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import log_ndtr, logsumexp

from choicekit.errors import Gumbel, Normal, Ordered

from .test_error_laws import CASES, LAWS, SMALLEST

NORMAL = [name for name in LAWS if name.startswith("normal")]
INDEPENDENT = ["normal iid", "normal heteroskedastic"]
SIZES = (3, 4, 6)
SEED = 9


@dataclasses.dataclass
class Sample:
    """Utilities (C, J), availability (C, J), choices (C,), keys (C,)."""

    v: Any
    available: Any
    chosen: Any
    keys: Any

    @classmethod
    def of(cls, size: int, spread: float = 1.2) -> Sample:
        """Draw utilities and choice sets, these from two alternatives to all of them."""
        rng = np.random.default_rng(100 + size)
        v = rng.normal(0.0, spread, (CASES, size))
        available = np.zeros((CASES, size), dtype=np.bool_)
        for c in range(CASES):
            available[c, rng.choice(size, 2 + c % (size - 1), replace=False)] = True
        chosen = np.array([rng.choice(np.flatnonzero(row)) for row in available], dtype=np.int32)
        return cls(v, available, chosen, rng.integers(1, 2**63, CASES).astype(np.uint64))

    def take(self, cases: Any) -> Sample:
        return Sample(*(getattr(self, f.name)[cases] for f in dataclasses.fields(self)))


def labels(size: int) -> tuple[str, ...]:
    return tuple(f"a{j}" for j in range(size))


def away(law: Any) -> Any:
    """Parameters at which no symmetry hides a mistake."""
    q = np.arange(len(law.start))
    theta = law.start * (1.0 + 0.3 * np.sin(1.0 + 2.0 * q)) + 0.1 * np.cos(3.0 * q)
    scales = [name.startswith("lambda") for name in law.names]
    theta[scales] = 1.0 - np.abs(theta[scales] - 1.0)  # beyond 1 rivals may help
    return np.sort(theta) if law.index else theta  # thresholds are ordered


def evaluate(law: Any, s: Sample, theta: Any) -> Any:
    settled = law.settle(s.v, s.available, s.chosen, s.keys, theta, SEED)
    return settled.log_prob(s.v, s.available, s.chosen, theta)


PAIRS = [(n, size) for n in LAWS for size in SIZES if size >= SMALLEST.get(n, 2)]


@pytest.fixture(params=PAIRS, ids=str)
def given(request: pytest.FixtureRequest) -> tuple[Any, Sample, Any]:
    name, size = request.param
    law = LAWS[name].bind(labels(size), 0)
    return law, Sample.of(size), away(law)


def test_cases_do_not_know_each_other(given: Any) -> None:
    law, s, theta = given
    whole = evaluate(law, s, theta)
    cases = np.random.default_rng(4).permutation(CASES)[: CASES // 2]
    part = evaluate(law, s.take(cases), theta)
    for name in ("logp", "dv", "dtheta"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[cases])


def test_utilities_of_absent_alternatives_play_no_part(given: Any) -> None:
    law, s, theta = given
    whole = evaluate(law, s, theta)
    absurd = dataclasses.replace(s, v=np.where(s.available, s.v, 1e6))
    other = evaluate(law, absurd, theta)
    for name in ("logp", "dv", "dtheta"):
        np.testing.assert_array_equal(getattr(other, name), getattr(whole, name))


def test_the_only_alternative_is_certain(given: Any) -> None:
    law, s, theta = given
    alone = np.zeros_like(s.available)
    alone[np.arange(CASES), s.chosen] = True
    found = evaluate(law, dataclasses.replace(s, available=alone), theta)
    for array in (found.logp, found.dv, found.dtheta):
        np.testing.assert_allclose(array, 0.0, atol=1e-12)


def test_own_utility_helps_and_rivals_hurt(given: Any) -> None:
    law, s, theta = given
    if law.index:
        pytest.skip("a higher index moves the answer up, whichever utility raises it")
    dv, rivals = evaluate(law, s, theta).dv, s.available.copy()
    rivals[np.arange(CASES), s.chosen] = False
    assert (dv[np.arange(CASES), s.chosen] > 0.0).all()
    assert (dv[rivals] < 0.0).all()


def test_level_utilities_share_equally_at_the_start(given: Any) -> None:
    law, s, _ = given
    if any(name.startswith("alpha[") for name in law.names):
        pytest.skip("free allocations do not show in equal errors, so they start near them")
    level = dataclasses.replace(s, v=np.full_like(s.v, 0.0 if law.index else 0.7))
    p = np.exp(evaluate(law, level, law.start).logp)
    np.testing.assert_allclose(p, 1.0 / s.available.sum(axis=1), atol=4e-3)  # 64 draws


def test_inputs_are_left_alone(given: Any) -> None:
    law, s, theta = given
    before = pickle.dumps((s, theta))
    evaluate(law, s, theta)
    law.probabilities(s.v, s.available, theta, s.keys)
    assert pickle.dumps((s, theta)) == before


@pytest.mark.parametrize("size", [1e4, 1e6, 1e300])
def test_gumbel_of_any_size(size: float) -> None:
    for scale in (0.5, 1.0, 30.0):
        law = Gumbel(scale).bind(labels(3), 0)
        v, everywhere = np.array([[size, -size, 0.0]]), np.ones((1, 3), dtype=bool)
        for chosen, best in enumerate((True, False, False)):
            found = law.log_prob(v, everywhere, np.array([chosen], dtype=np.int32))
            assert (found.logp[0] == 0.0) == best
            assert np.isfinite(found.logp).all()
            np.testing.assert_allclose(
                found.dv[0] * scale, np.eye(3)[chosen] - np.eye(3)[0], atol=1e-14
            )


def renamed(name: str, law: Any, other: Any, theta: Any, codes: Any) -> Any:
    """The parameters of ``other`` that mean the errors of ``law``; ``codes`` old, in new order."""
    if "factor" in name:
        # Rotate the loadings to the new order of the rows: the triangular factor of a QR.
        loadings = law.structure.loadings(theta)[codes][other.structure.rows]
        triangle = np.linalg.qr(loadings.T)[1].T
        places = np.tril_indices(len(triangle), 0, triangle.shape[1])
        return triangle[places]
    if "unstructured" not in name:
        by_name = dict(zip(law.names, theta, strict=True))
        return np.array([by_name[n] for n in other.names])
    # The factor's rows follow the alternatives, so it is made anew from the covariance.
    rows = codes[np.array(other.structure.rows)]
    factor = np.linalg.cholesky(law.covariance(theta)[np.ix_(rows, rows)])
    return factor[np.tril_indices(len(rows))][1:]


@pytest.mark.parametrize(("name", "size"), PAIRS)
def test_order_of_the_alternatives(name: str, size: int) -> None:
    law = LAWS[name]
    if isinstance(law, Normal):
        law = dataclasses.replace(law, scale="a1")
    if isinstance(law, Ordered):
        law = dataclasses.replace(law, order=labels(size))
    one, s = law.bind(labels(size), 0), Sample.of(size)
    theta = away(one)
    codes = np.roll(np.arange(size)[::-1], 1)  # new position -> old code; nobody keeps the base's
    place = np.argsort(codes)
    two = law.bind(tuple(labels(size)[j] for j in codes), int(place[0]))
    moved = Sample(
        np.ascontiguousarray(s.v[:, codes]),
        np.ascontiguousarray(s.available[:, codes]),
        place[s.chosen].astype(np.int32),
        s.keys,
    )
    found, again = (
        evaluate(one, s, theta),
        evaluate(two, moved, renamed(name, one, two, theta, codes)),
    )
    np.testing.assert_allclose(again.logp, found.logp, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(again.dv[:, place], found.dv, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", NORMAL)
def test_pairs_are_a_binary_probit(name: str) -> None:
    """Two available alternatives of four need no integration, whatever the covariance."""
    law = LAWS[name].bind(labels(4), 0)
    theta = away(law)
    omega, (i, k) = law.covariance(theta), np.array(list(itertools.permutations(range(4), 2))).T
    cases = np.arange(len(i))
    s = Sample(4.0 * Sample.of(4).v[cases], np.zeros((len(i), 4), bool), i.astype(np.int32), cases)
    s.available[cases, i] = s.available[cases, k] = True
    s.keys = cases.astype(np.uint64)
    sd = np.sqrt(omega[i, i] + omega[k, k] - 2.0 * omega[i, k])
    a = (s.v[cases, i] - s.v[cases, k]) / sd
    found = evaluate(law, s, theta)
    np.testing.assert_allclose(found.logp, log_ndtr(a), rtol=1e-12, atol=1e-15)
    slope = np.exp(-0.5 * a**2 - log_ndtr(a)) / np.sqrt(2.0 * np.pi) / sd
    np.testing.assert_allclose(found.dv[cases, i], slope, rtol=1e-10)
    np.testing.assert_allclose(found.dv[cases, k], -slope, rtol=1e-10)


@pytest.mark.parametrize("covariance", ["iid", "unstructured"])
@pytest.mark.parametrize("method", ["auto", "ghk"])
def test_scores_of_statsmodels_probit(covariance: str, method: str) -> None:
    rng = np.random.default_rng(0)
    x, beta = rng.normal(size=(80, 2)), np.array([0.6, -1.1])
    y = (x @ beta + rng.normal(size=80) > 0).astype(np.int32)
    v = np.column_stack([np.zeros(80), x @ beta])
    law = Normal(covariance, method=method).bind(("no", "yes"), 0)
    found = law.log_prob(v, np.ones((80, 2), bool), y, np.empty(0))
    peer = sm.Probit(y, x)
    np.testing.assert_allclose(found.logp, peer.loglikeobs(beta), rtol=1e-10)
    np.testing.assert_allclose(found.dv[:, 1:] * x, peer.score_obs(beta), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", INDEPENDENT)
@pytest.mark.parametrize("size", SIZES)
def test_independent_errors_by_the_trapezoid_rule(name: str, size: int) -> None:
    """Unequal variances too; the rule is spectrally accurate for this integrand."""
    law, s = LAWS[name].bind(labels(size), size - 1), Sample.of(size)
    theta = away(law)
    sd, z = np.sqrt(np.diag(law.covariance(theta))), np.linspace(-12.0, 12.0, 2001)
    expected = np.empty(CASES)
    for c, i in enumerate(s.chosen):
        logs = -0.5 * z**2 - 0.5 * np.log(2.0 * np.pi)
        for k in np.flatnonzero(s.available[c]):
            if k != i:
                logs = logs + log_ndtr((s.v[c, i] - s.v[c, k] + sd[i] * z) / sd[k])
        expected[c] = logsumexp(logs) + np.log(z[1] - z[0])
    exact = s.available.sum(axis=1) <= 4
    p = np.exp(evaluate(law, s, theta).logp)
    np.testing.assert_allclose(p[exact], np.exp(expected)[exact], atol=2e-6)
    np.testing.assert_allclose(p, np.exp(expected), atol=2e-3)


@pytest.mark.parametrize("name", NORMAL)
def test_bounds_in_the_tails(name: str) -> None:
    """P is at most Phi of the worst difference, and for independent errors, whose differences
    are positively correlated, at least the product over all of them (Slepian 1962)."""
    law, s, cases = LAWS[name].bind(labels(6), 0), Sample.of(6, spread=12.0), np.arange(CASES)
    theta = away(law)
    omega = law.covariance(theta)
    variance = np.diag(omega)[:, None] + np.diag(omega)[None, :] - 2.0 * omega
    own = s.v[cases, s.chosen][:, None]
    logs = log_ndtr((own - s.v) / np.sqrt(np.maximum(variance[s.chosen], 1e-300)))
    logs[~s.available] = 0.0
    logs[cases, s.chosen] = 0.0
    logp = evaluate(law, s, theta).logp
    assert logp.min() < -200.0
    assert (logp <= logs.min(axis=1) + 1e-2).all()
    if name in INDEPENDENT:
        assert (logp >= logs.sum(axis=1) - 1e-2).all()


@pytest.mark.parametrize(
    ("method", "size", "expected"),
    [
        ("auto", 4, ("exact", 0, 0)),
        ("auto", 6, ("mixed", 16, 512)),
        ("analytic", 4, ("exact", 0, 0)),
        ("analytic", 6, ("mixed", 0, 0)),
        ("ghk", 3, ("mixed", 20, 512)),
    ],
)
def test_the_plan_says_what_is_simulated(method: str, size: int, expected: Any) -> None:
    s, law = Sample.of(size), Normal("iid", method=method, draws=300).bind(labels(size), 0)
    plan = law.settle(s.v, s.available, s.chosen, s.keys, law.start, SEED).plan
    assert plan is not None
    assert (plan.method, plan.n_simulated, plan.draws) == expected
    assert (plan.n_exact, plan.seed) == (CASES - plan.n_simulated - plan.n_approximate, SEED)
