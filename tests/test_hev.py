"""Heteroskedastic extreme value: against scipy's quadrature, limits, mistakes, fits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad

import choicekit as ck
from choicekit.errors import Gumbel, HeteroskedasticGumbel
from choicekit.post.nesting import nested_in

LABELS = tuple("abcd")


def sample(cases: int = 30) -> tuple[Any, Any, Any]:
    """Utilities (C, J), availability (C, J), choices (C,); ragged."""
    rng = np.random.default_rng(6)
    v = 2.0 * rng.normal(size=(cases, len(LABELS)))
    available = rng.random(v.shape) < 0.7
    available[:, :2] = True
    chosen = (available * rng.random(v.shape)).argmax(axis=1).astype(np.int32)
    return v, available, chosen


def bound(law: Any) -> Any:
    return law.bind(LABELS, 0)


def integral(v: Any, available: Any, i: int, scales: Any) -> float:
    """P(i) as one integral over the chosen error (Bhat 1995), by scipy's adaptive quadrature."""
    rivals = [j for j in range(len(v)) if j != i and available[j]]

    def integrand(w: float) -> float:
        log_f = -w - np.exp(-w)
        for j in rivals:
            log_f -= np.exp(-(v[i] - v[j] + scales[i] * w) / scales[j])
        return float(np.exp(log_f))

    pieces = np.linspace(-6.0, 60.0, 12)
    return sum(quad(integrand, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in pairwise(pieces))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # exp overflows where the integrand is zero
@pytest.mark.parametrize("scales", [(1.0, 0.6, 1.5, 0.9), (1.0, 4.0, 0.3, 2.0)])
def test_against_adaptive_quadrature(scales: Any) -> None:
    v, available, chosen = sample()
    law, theta = bound(HeteroskedasticGumbel()), np.array(scales[1:])
    logp = law.log_prob(v, available, chosen, theta).logp
    expected = [integral(v[c], available[c], chosen[c], np.array(scales)) for c in range(len(v))]
    np.testing.assert_allclose(np.exp(logp), expected, rtol=1e-9, atol=1e-12)


def test_probabilities_sum_to_one_before_they_are_normalised() -> None:
    v, available, _ = sample()
    law, theta = bound(HeteroskedasticGumbel()), np.array([0.5, 2.0, 1.2])
    total = np.zeros(len(v))
    for j in range(4):
        cases = available[:, j]
        chosen = np.full(int(cases.sum()), j, dtype=np.int32)
        total[cases] += np.exp(law.log_prob(v[cases], available[cases], chosen, theta).logp)
    np.testing.assert_allclose(total, 1.0, atol=1e-10)


def test_equal_scales_are_the_logit() -> None:
    v, available, chosen = sample(200)
    law, logit, nothing = bound(HeteroskedasticGumbel()), bound(Gumbel()), np.empty(0)
    ours = law.log_prob(v, available, chosen, np.ones(3))
    theirs = logit.log_prob(v, available, chosen, nothing)
    np.testing.assert_allclose(ours.logp, theirs.logp, atol=1e-10)
    np.testing.assert_allclose(ours.dv, theirs.dv, atol=1e-10)
    np.testing.assert_allclose(
        law.probabilities(v, available, np.ones(3)),
        logit.probabilities(v, available, nothing),
        atol=1e-10,
    )


def test_the_unit_of_scale_is_the_users() -> None:
    """Another unit is the same model: utilities and scales over that alternative's scale."""
    v, available, chosen = sample()
    scales = np.array([1.0, 0.6, 1.5, 0.9])
    one = bound(HeteroskedasticGumbel()).log_prob(v, available, chosen, scales[1:])
    other = bound(HeteroskedasticGumbel(scale="c"))
    assert other.names == ("scale[a]", "scale[b]", "scale[d]")
    theta = np.delete(scales, 2) / 1.5
    found = other.log_prob(v / 1.5, available, chosen, theta)
    np.testing.assert_allclose(found.logp, one.logp, atol=1e-10)


def test_mistakes_are_named() -> None:
    with pytest.raises(ck.SpecificationError, match=r"'train', which is no alternative"):
        bound(HeteroskedasticGumbel(scale="train"))
    with pytest.raises(ck.SpecificationError, match="With two alternatives"):
        HeteroskedasticGumbel().bind(("a", "b"), 0)


def simulated(n_cases: int) -> ck.ChoiceData:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(n_cases, 4, 2))
    errors = rng.gumbel(size=(n_cases, 4)) * [1.0, 2.0, 0.7, 1.0]
    available = rng.random((n_cases, 4)) < 0.8
    available[:, :2] = True
    utility = np.where(available, x @ [1.5, -0.8] + errors, -np.inf)
    frame = pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        case=np.repeat(np.arange(n_cases), 4),
        alt=np.tile(list(LABELS), n_cases),
        choice=(np.arange(4) == utility.argmax(axis=1)[:, None]).ravel().astype(int),
    )
    frame = frame[available.ravel()]
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def test_fits_predicts_and_compares() -> None:
    data = simulated(3000)
    fit = ck.ChoiceModel("choice ~ x0 + x1", data, HeteroskedasticGumbel()).fit()
    truth = pd.Series({"x0": 1.5, "x1": -0.8})
    truth = pd.concat([truth, pd.Series({"scale[b]": 2.0, "scale[c]": 0.7, "scale[d]": 1.0})])
    assert fit.convergence.converged
    assert (((fit.params - truth) / fit.bse)[truth.index].abs() < 3.5).all()
    np.testing.assert_allclose(fit.probabilities().sum(axis=1), 1.0, atol=1e-12)
    logit = ck.logit("choice ~ x0 + x1", data).fit()
    assert nested_in(logit, fit)
    assert not nested_in(fit, logit)
    report = ck.compare(logit, fit)
    assert report.tests["df"].iloc[0] == 3
    assert "HEV" in str(report)


def test_a_negative_scale_is_beyond_the_edge() -> None:
    bound = ck.HeteroskedasticGumbel().bind(("a", "b", "c"), base=0)
    assert "the scale of 'c' runs to zero" in bound.boundary(np.array([0.5, -0.2]))
