"""The score test of variances at zero: enumeration, quadrature, artificial regressors."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import binomtest, chi2, norm

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.post.taste_variation import variance_scores

MIXING = ck.RandomCoefficients(x="normal", w="normal", draws=4)
BETA = np.array([0.7, -0.4])


def panel(
    n_people: int, times: int, seed: int, sd: float = 0.0, n_alternatives: int = 3
) -> pd.DataFrame:
    """Choices of people whose taste for x has this standard deviation."""
    rng = np.random.default_rng(seed)
    shape = (n_people * times, n_alternatives)
    x, w = rng.normal(size=(2, *shape))
    taste = np.repeat(BETA[0] + sd * rng.normal(size=n_people), times)[:, None]
    chosen = (taste * x + BETA[1] * w + rng.gumbel(size=shape)).argmax(axis=1)
    return pd.DataFrame(
        {
            "case": np.repeat(np.arange(shape[0]), n_alternatives),
            "person": np.repeat(np.arange(shape[0]) // times, n_alternatives),
            "alt": np.tile([f"a{j}" for j in range(n_alternatives)], shape[0]),
            "choice": (np.arange(n_alternatives) == chosen[:, None]).ravel().astype(int),
            "x": x.ravel(),
            "w": w.ravel(),
        }
    )


def read(frame: pd.DataFrame, person: str | None = "person") -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", person=person)


def model(frame: pd.DataFrame, mixing: Any = MIXING, **more: Any) -> ck.ChoiceModel:
    return ck.logit("choice ~ x + w | 0", read(frame, **more), mixing=mixing)


def test_the_slope_is_that_of_the_mixture_along_the_variance() -> None:
    frame = panel(6, 3, seed=1)
    likelihood = model(frame).likelihood()
    scores, _ = variance_scores(likelihood, np.append(BETA, [0.0, 0.0]))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    X = frame[["x", "w"]].to_numpy().reshape(6, 3, 3, 2)
    chosen = frame["choice"].to_numpy().reshape(6, 3, 3).argmax(axis=2)

    def logp(variance: float, which: int) -> np.ndarray:
        beta = BETA + np.sqrt(variance) * nodes[:, None] * np.eye(2)[which]
        v = np.einsum("ntjk,sk->sntj", X, beta)
        logs = v - logsumexp(v, axis=3, keepdims=True)
        own = np.take_along_axis(logs, chosen[None, :, :, None], axis=3)[..., 0].sum(axis=2)
        return logsumexp(own + np.log(weights / weights.sum())[:, None], axis=0)

    for which in (0, 1):
        h = 1e-3
        values = [logp(k * h, which) for k in range(4)]  # one-sided: a variance is not negative
        slope = np.array([-11.0, 18.0, -9.0, 2.0]) @ np.array(values) / (6.0 * h)
        np.testing.assert_allclose(scores[:, 2 + which], slope, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_the_information_is_the_covariance_over_all_that_might_be_chosen(scale: float) -> None:
    params, expected = np.append(BETA, [0.0, 0.0]), np.zeros((4, 4))
    frame = panel(1, 2, seed=3)
    X = frame[["x", "w"]].to_numpy().reshape(2, 3, 2)
    v = X @ BETA / scale
    p = np.exp(v - logsumexp(v, axis=1, keepdims=True))
    total = 0.0
    for chosen in product(range(3), repeat=2):
        frame["choice"] = (np.arange(3) == np.array(chosen)[:, None]).ravel().astype(int)
        written = ck.logit("choice ~ x + w | 0", read(frame), mixing=MIXING, scale=scale)
        scores, information = variance_scores(written.likelihood(), params)
        chance = p[0, chosen[0]] * p[1, chosen[1]]
        total += chance
        expected += chance * scores.T @ scores
    assert total == pytest.approx(1.0)
    np.testing.assert_allclose(information, expected, rtol=1e-10)


def test_with_one_case_a_person_it_is_that_of_artificial_regressors() -> None:
    frame = panel(300, 1, seed=4, sd=1.0)
    fit = ck.logit("choice ~ x + w | 0", read(frame)).fit()
    p = fit.predict()
    mean = (frame["x"] * p).groupby(frame["case"]).transform("sum")
    frame["artificial"] = 0.5 * (frame["x"] - mean) ** 2
    data = read(frame)
    artificial = ck.logit("choice ~ x + w | 0", data).fit()
    theirs = artificial.score_test("choice ~ x + w + artificial | 0", cov_type="opg")
    ours = fit.score_test(model(frame, ck.RandomCoefficients(x="normal")), cov_type="opg")
    assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-6)
    assert ours.tested == ("sd[x]",)
    assert "one-sided" in ours.note


def test_it_rejects_as_often_as_it_should_and_more_where_tastes_vary() -> None:
    rejected, found = 0, 0
    single = ck.RandomCoefficients(x="normal", draws=4)
    for seed in range(100):
        for sd in (0.0, 0.6):
            frame = panel(100, 4, seed=seed, sd=sd)
            fit = ck.logit("choice ~ x + w | 0", read(frame)).fit()
            p = fit.score_test(model(frame, single)).pvalue
            rejected += (p < 0.05) and sd == 0.0
            found += (p < 0.05) and sd > 0.0
    assert binomtest(rejected, 100, 0.05).pvalue > 0.01
    assert found > 60


def test_a_scale_of_people_is_tested_too() -> None:
    frame = panel(40, 3, seed=6)
    fit = ck.logit("choice ~ x + w | 0", read(frame)).fit()
    scale = ck.RandomCoefficients(scale=True, draws=4)
    scores, _ = variance_scores(model(frame, scale).likelihood(), np.append(fit.params, 0.0))
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    v = (frame[["x", "w"]].to_numpy() @ fit.params.to_numpy()).reshape(40, 3, 3)
    chosen = frame["choice"].to_numpy().reshape(40, 3, 3).argmax(axis=2)

    def logp(variance: float) -> np.ndarray:
        sigma = np.exp(np.sqrt(variance) * nodes - 0.5 * variance)
        u = sigma[:, None, None, None] * v
        logs = u - logsumexp(u, axis=3, keepdims=True)
        own = np.take_along_axis(logs, chosen[None, :, :, None], axis=3)[..., 0].sum(axis=2)
        return logsumexp(own + np.log(weights / weights.sum())[:, None], axis=0)

    h = 1e-3
    slope = np.array([-11.0, 18.0, -9.0, 2.0]) @ [logp(k * h) for k in range(4)] / (6.0 * h)
    np.testing.assert_allclose(scores[:, 2], slope, atol=1e-5)
    assert fit.score_test(model(frame, scale)).tested == ("tau",)
    both = ck.RandomCoefficients(x="normal", scale=True, draws=4)
    assert fit.score_test(model(frame, both)).tested == ("sd[x]", "tau")


def test_the_p_value_looks_upwards() -> None:
    seen = set()
    for seed in range(6):
        frame = panel(80, 3, seed=seed)
        fit = ck.logit("choice ~ x + w | 0", read(frame)).fit()
        full = model(frame, ck.RandomCoefficients(x="normal", draws=4))
        found = fit.score_test(full)
        scores, _ = variance_scores(full.likelihood(), np.append(fit.params.to_numpy(), 0.0))
        # the slope at the estimates has the sign of the step: the other slopes are zero
        up = scores[:, 2].sum() > 0.0
        z = np.sqrt(found.statistic) * (1.0 if up else -1.0)
        assert found.pvalue == pytest.approx(norm.sf(z), rel=1e-6)
        assert ("would not rise with sd[x]" in found.note) == (not up)
        seen.add(up)
    assert seen == {True, False}


def test_several_variances_and_new_coefficients_together() -> None:
    frame = panel(120, 3, seed=9, sd=1.0)
    fit = ck.logit("choice ~ x | 0", read(frame)).fit()
    found = fit.score_test(model(frame))
    assert found.tested == ("w", "sd[x]", "sd[w]")
    assert found.df == 3
    assert found.pvalue == pytest.approx(chi2.sf(found.statistic, 3))
    assert fit.score_test(model(frame), fixed=["w", "sd[w]"]).df == 1


def test_the_sandwich_agrees_where_the_logit_is_right() -> None:
    frame = panel(8000, 2, seed=2)
    fit = ck.logit("choice ~ x + w | 0", read(frame)).fit(cov_type="cluster")
    robust, exact = (fit.score_test(model(frame), kind) for kind in (None, "nonrobust"))
    assert (robust.cov_type, exact.cov_type) == ("cluster", "nonrobust")
    assert robust.statistic == pytest.approx(exact.statistic, rel=0.1)


def test_weights_are_copies_of_people() -> None:
    frame = panel(60, 2, seed=5, sd=1.0)
    once = ck.logit("choice ~ x + w | 0", read(frame)).fit().score_test(model(frame))
    data = read(frame).with_weights(np.full(120, 2.0))
    fit = ck.logit("choice ~ x + w | 0", data).fit()
    found = fit.score_test(ck.logit("choice ~ x + w | 0", data, mixing=MIXING))
    assert found.statistic == pytest.approx(2.0 * once.statistic, rel=1e-6)


def test_other_distributions_have_no_such_slope() -> None:
    frame = panel(40, 2, seed=1)
    fit = ck.logit("choice ~ x + w | 0", read(frame)).fit()
    both = ck.RandomCoefficients(x="normal", w="normal", correlated=True, draws=4)
    uniform = ck.RandomCoefficients(x="uniform", draws=4)
    gamma = ck.RandomCoefficients(x="normal", scale=ck.Scale(gamma="free"), draws=4)
    for mixing in (both, uniform, gamma):
        with pytest.raises(SpecificationError, match="likelihood ratio"):
            fit.score_test(model(frame, mixing))
