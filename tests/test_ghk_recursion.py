"""The compiled GHK recursion against the textbook's on the same points, and whose draws are whose.

The reference is plain numpy with scipy's normal distribution; it shares with the kernel only the
order of integration and the Sobol points, which are tested on their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import log_ndtr, logsumexp, ndtri_exp

import choicekit as ck
from choicekit.errors.integrators import Integrator, Settled
from choicekit.numerics.draws import CHUNK, direction_numbers, scramble_case, sobol_chunk

from .simulate import long_frame

SEED = 3


def sobol(key: int, n_bits: int, n_dimensions: int) -> Any:
    """The points of a case, (D, R)."""
    directions = direction_numbers(n_dimensions)
    scrambled = np.zeros((n_dimensions, 32), dtype=np.uint32)
    shift = np.zeros(n_dimensions, dtype=np.uint32)
    scramble_case(
        np.uint64(key), np.uint64(SEED), directions, n_dimensions, n_bits, scrambled, shift
    )
    words, u, parts = np.zeros(CHUNK, np.uint32), np.zeros((n_dimensions, CHUNK)), []
    for chunk in range(max(1, 2**n_bits // CHUNK)):
        n = sobol_chunk(scrambled, shift, n_dimensions, n_bits, chunk, words, u)
        parts.append(u[:, :n].copy())
    return np.hstack(parts)


def textbook(b: Any, sigma: Any, u: Any) -> float:
    """Train (2009), section 5.6.3, in logs: b (D,), sigma (D, D), u (D - 1, R)."""
    t, e, total = np.linalg.cholesky(sigma), [], np.zeros(u.shape[1])
    for d in range(len(b)):
        a = (b[d] - sum(t[d, k] * e[k] for k in range(d))) / t[d, d]
        total = total + log_ndtr(a)
        if d < len(b) - 1:
            e.append(ndtri_exp(np.log(u[d]) + log_ndtr(a)))
    return float(logsumexp(total) - np.log(u.shape[1]))


@pytest.mark.parametrize("n_bits", [4, 8, 10])
@pytest.mark.parametrize("spread", [1.0, 8.0])
@pytest.mark.parametrize("n", [3, 5, 9])
def test_same_points_same_probability(n: int, spread: float, n_bits: int) -> None:
    """With 10 bits the points come in four chunks, whose largest terms differ in the tails."""
    rng = np.random.default_rng(n)
    v, a = rng.normal(0.0, spread, (6, n)), rng.normal(size=(n, n))
    omega = a @ a.T / n + 0.2 * np.eye(n)
    chosen, keys = (np.arange(6) % n).astype(np.int32), rng.integers(0, 2**62, 6).astype(np.uint64)
    settled = Settled.at(
        Integrator(exact=False, n_points=2**n_bits),
        v,
        np.ones((6, n), bool),
        chosen,
        omega,
        keys,
        SEED,
    )
    found = settled.log_prob(v, chosen, omega, False)[0]
    for c, i in enumerate(chosen):
        order = settled.order[c]
        assert sorted([i, *order]) == list(range(n))
        m = np.eye(n)[order] - np.eye(n)[i]
        points = sobol(int(keys[c]), n_bits, n - 2)
        expected = textbook(v[c, i] - v[c, order], m @ omega @ m.T, points)
        assert found[c] == pytest.approx(expected, rel=1e-10, abs=1e-11)


def test_the_order_starts_with_the_least_likely_difference() -> None:
    v = np.array([[0.0, 1.0, 3.0, -2.0, 2.0]])
    settled = Settled.at(
        Integrator(),
        v,
        np.ones((1, 5), bool),
        np.zeros(1, np.int32),
        0.5 * np.eye(5),
        np.zeros(1, np.uint64),
        SEED,
    )
    assert settled.order[0].tolist() == [2, 4, 1, 3]


@pytest.fixture(scope="module")
def frame() -> Any:
    return long_frame(300, [0.8, -0.5], seed=1, errors="normal", n_alternatives=6, ragged=True)


def read(frame: Any) -> ck.ChoiceData:
    labels = [f"a{j}" for j in range(6)]
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", alternatives=labels
    )


def by_case(frame: Any) -> dict[Any, float]:
    """Simulated log-probability of each case at given parameters, by its id."""
    model = ck.probit("choice ~ x0 + x1 | 0", read(frame), covariance="heteroskedastic", draws=16)
    params = np.concatenate([[0.7, -0.4], model.bound.start])
    settled = model.likelihood().settle(params, SEED)
    assert settled.errors.plan.n_simulated > 50
    return dict(zip(model.data.case_ids, settled.logp(params), strict=True))


def test_draws_stay_with_the_case_whoever_else_is_there(frame: Any) -> None:
    whole = by_case(frame)
    assert by_case(frame.sample(frac=1.0, random_state=2)) == whole
    some = by_case(frame[frame["case"] % 3 == 1])
    assert some == {case: whole[case] for case in some}
    assert len(some) == 100


def test_predictions_for_some_cases_are_those_for_all(frame: Any) -> None:
    fit = ck.probit("choice ~ x0 + x1 | 0", read(frame), covariance="iid", draws=16).fit()
    p = fit.predict(frame)
    some = frame[frame["case"] % 4 == 0].sample(frac=1.0, random_state=1)
    np.testing.assert_array_equal(fit.predict(some), p[some.index])
    again = fit.predict(frame.drop(columns="choice"))
    np.testing.assert_array_equal(again, p)


def test_threads_do_not_change_a_fit(frame: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ck.probit("choice ~ x0 + x1", read(frame), covariance="iid", draws=32)
    fits = []
    for threads in ("1", "2"):
        monkeypatch.setenv("CHOICEKIT_NUM_THREADS", threads)
        fits.append(model.fit(cov_type="HC0", seed=4))
    np.testing.assert_array_equal(fits[0].params, fits[1].params)
    np.testing.assert_array_equal(fits[0].bse, fits[1].bse)
    assert fits[0].llf == fits[1].llf
    assert model.fit(seed=5).llf != fits[0].llf
