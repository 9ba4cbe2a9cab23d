"""Likelihood ratios with several restrictions at the edge of their range."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import nnls
from scipy.stats import chi2

import choicekit as ck
from choicekit.post.chi_bar import chi_bar_weights, ratio_tail, variance_scores
from choicekit.post.tests import likelihood_ratio


@pytest.mark.parametrize("s", [1, 2, 3, 4, 5])
def test_independent_components_are_binomial(s: int) -> None:
    from scipy.stats import binom

    expected = binom.pmf(np.arange(s + 1), s, 0.5)
    np.testing.assert_allclose(chi_bar_weights(np.diag(np.arange(1.0, s + 1))), expected, atol=2e-4)


@pytest.mark.parametrize("s", [2, 3, 4])
def test_weights_are_those_of_projections(s: int) -> None:
    """Against projections of draws onto the orthant, found by non-negative least squares."""
    rng = np.random.default_rng(s)
    root = rng.normal(size=(s, s))
    covariance = root @ root.T + 0.1 * np.eye(s)
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    n = 4000
    positive = [int((nnls(inverse, e)[0] > 1e-9).sum()) for e in rng.normal(size=(n, s))]
    found = np.bincount(positive, minlength=s + 1) / n
    expected = chi_bar_weights(covariance)
    assert (np.abs(found - expected) < 4.0 * np.sqrt(expected * (1 - expected) / n) + 1e-9).all()


def test_the_tail_of_a_mixture() -> None:
    weights = [0.2, 0.5, 0.3]
    expected = 0.5 * chi2.sf(3.0, 1) + 0.3 * chi2.sf(3.0, 2)
    assert ratio_tail(3.0, 2, weights) == pytest.approx(expected)
    assert ratio_tail(3.0, 3, weights) == pytest.approx(
        expected
        - 0.5 * chi2.sf(3.0, 1)
        + 0.2 * chi2.sf(3.0, 1)
        + 0.5 * chi2.sf(3.0, 2)
        + 0.3 * (chi2.sf(3.0, 3) - chi2.sf(3.0, 2))
    )
    assert ratio_tail(0.0, 2, weights) == pytest.approx(1.0)


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode").assign(who=lambda d: d["individual"] % 70)
    return ck.ChoiceData.from_long(
        frame, case="individual", alt="mode", chosen="choice", person="who"
    )


@pytest.mark.parametrize("panel", [False, True])
def test_scores_of_variances_are_slopes_of_the_mixed_likelihood(
    travel: ck.ChoiceData, panel: bool
) -> None:
    """With z = 1 or -1 alike, log E L(b + sigma z) has the slope looked for in sigma^2."""
    fit = ck.logit("choice ~ gc + ttme", travel).fit()
    likelihood, params = fit._own, fit.params.to_numpy()
    unit = travel.layout.person if panel else None
    sizes = fit.bse.to_numpy()
    found = variance_scores(likelihood, params, [0, 1], sizes, unit)

    def of_units(values: np.ndarray) -> np.ndarray:
        logs = likelihood.logp(values)
        return logs if unit is None else np.bincount(unit, logs)

    for place in (0, 1):
        step = np.zeros(len(params))
        step[place] = sigma = 1e-2 * sizes[place]
        up, down, middle = (of_units(params + sign * step) for sign in (1, -1, 0))
        slope = (np.logaddexp(up, down) - np.log(2.0) - middle) / sigma**2
        np.testing.assert_allclose(found[:, place], slope, rtol=1e-3, atol=1e-3 * slope.std())


def test_two_variances(travel: ck.ChoiceData) -> None:
    small = ck.logit("choice ~ gc + ttme", travel).fit()
    mixing = ck.RandomCoefficients(gc="normal", ttme="normal", draws=32)
    full = ck.logit("choice ~ gc + ttme", travel, mixing=mixing).fit()
    test = likelihood_ratio(small, full)
    assert "mixture of chi-squares with 0 to 2 degrees of freedom" in test.note
    weights = [float(w) for w in test.note.split("weights ")[1].split(" (")[0].split(", ")]
    assert sum(weights) == pytest.approx(1.0, abs=0.011)
    assert weights[1] == pytest.approx(0.5)
    plain = chi2.sf(test.statistic, 2)
    assert plain / 4 < test.pvalue < plain
    # correlated ones have other edges
    together = ck.RandomCoefficients(gc="normal", ttme="normal", correlated=True, draws=32)
    other = ck.logit("choice ~ gc + ttme", travel, mixing=together).fit()
    assert "upper bound" in likelihood_ratio(small, other).note


def test_several_lambdas_against_at_most_one() -> None:
    rng = np.random.default_rng(5)
    n = 1500
    lam = 0.6

    # errors of a nested logit: a positive stable variable in common (Cardell 1997)
    def nest(size: int) -> np.ndarray:
        angle = rng.uniform(0, np.pi, n)
        e = rng.exponential(size=n)
        stable = (
            np.sin(lam * angle)
            / np.sin(angle) ** (1 / lam)
            * (np.sin((1 - lam) * angle) / e) ** ((1 - lam) / lam)
        )
        return lam * (np.log(stable)[:, None] + rng.gumbel(size=(n, size)))

    x = rng.normal(size=(n, 4))
    u = x + np.hstack([nest(2), nest(2)])
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), 4),
            "alt": np.tile(list("pqrs"), n),
            "x": x.ravel(),
            "choice": (u == u.max(axis=1, keepdims=True)).ravel(),
        }
    )
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    small = ck.logit("choice ~ x | 0", data).fit()
    law = ck.Nested({"one": ["p", "q"], "two": ["r", "s"]})
    full = ck.ChoiceModel("choice ~ x | 0", data, law).fit()
    lambdas = full.params.filter(like="lambda")
    assert (np.abs(lambdas - lam) < 3.0 * full.bse[lambdas.index]).all()
    note = likelihood_ratio(small, full).note
    assert "Against lambdas <= 1 only" in note
    statistic = 2 * (full.llf - small.llf)
    weights = chi_bar_weights(full.cov.loc[lambdas.index, lambdas.index].to_numpy())
    shown = float(note.split("p = ")[1].split(" ")[0])
    assert shown == pytest.approx(ratio_tail(statistic, 2, weights), rel=6e-3)
    robust = likelihood_ratio(small, full.with_cov("HC0")).note
    assert robust == note
