"""Distributions of random coefficients: derivatives, limits, moments, posteriors, components."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import kstest, norm, triang, truncnorm, uniform

import choicekit as ck
from choicekit.likelihood.absorbed import AbsorbedLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.mixed_logit import MixedLogitLikelihood
from choicekit.mixing import JohnsonSB, halton_normals
from choicekit.mixing.base import Distribution
from choicekit.mixing.distributions import DISTRIBUTIONS, distribution_of
from choicekit.numerics.points import KINDS
from choicekit.post.individual import individual_coefficients
from choicekit.post.random_table import random_table

LAWS: dict[str, Distribution] = {
    **{name: distribution_of(name, "x") for name in DISTRIBUTIONS},
    "bounded": JohnsonSB(-2.0, 1.0),
}
FROM_NORMAL = [name for name, law in LAWS.items() if law.from_normal]
POINTS = [(0.4, 0.7), (-0.6, 0.5), (-3.0, 0.4), (2.0, 0.1)]


def frame(n_people: int, n_cases: int, seed: int, tastes: Any = None, labels: str = "abc") -> Any:
    """People with ``n_cases`` cases each, tastes (N, 2) for x0 and x1, and a trait of theirs."""
    rng = np.random.default_rng(seed)
    if tastes is None:
        tastes = np.array([0.9, -0.6]) + rng.normal(size=(n_people, 2)) * [0.8, 0.5]
    n_alt = len(labels)
    x = rng.normal(size=(n_people, n_cases, n_alt, 2))
    v = np.einsum("ntjk,nk->ntj", x, tastes)
    chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2)
    per_person = n_cases * n_alt
    trait = np.random.default_rng(99).normal(size=n_people)
    return pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        person=np.repeat(np.arange(n_people), per_person),
        trait=np.repeat(trait, per_person),
        case=np.repeat(np.arange(n_people * n_cases), n_alt),
        alt=np.tile(list(labels), n_people * n_cases),
        choice=(np.arange(n_alt) == chosen[..., None]).ravel().astype(int),
    )


def read(data: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(data, case="case", alt="alt", chosen="choice", person="person")


def model(mixing: ck.RandomCoefficients, cases: int = 3, errors: Any = None) -> ck.ChoiceModel:
    return ck.ChoiceModel(
        "choice ~ x0 + x1", read(frame(12, cases, 5)), errors=errors, mixing=mixing
    )


def drawn(likelihood: Any) -> MixedLikelihood:
    """The general layer with the parts of another likelihood."""
    keys = getattr(likelihood, "person_keys", likelihood.keys)
    return MixedLikelihood(
        likelihood.x, likelihood.layout, likelihood.errors, likelihood.keys, likelihood.mixing, keys
    )


def assert_gradient(likelihood: Any, params: Any, step: float = 1e-5) -> None:
    value, gradient = likelihood.value_and_gradient(params)
    assert value == pytest.approx(likelihood.value(params), abs=1e-11)
    for p, slope in enumerate(gradient):
        move = np.zeros(len(params))
        move[p] = step
        up, down = likelihood.value(params + move), likelihood.value(params - move)
        assert slope == pytest.approx((up - down) / (2.0 * step), abs=5e-7, rel=1e-6)
    np.testing.assert_allclose(likelihood.scores(params).sum(axis=0), gradient, atol=1e-10)


# --- one distribution --------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("mean", "sd"), [*POINTS, (0.4, -0.7)])
def test_derivatives_of_values(name: str, mean: float, sd: float) -> None:
    law, z = LAWS[name], ndtri((np.arange(50) + 0.37) / 50)[None, :]
    t = law.nodes(z)

    def values(b: float, s: float) -> Any:
        return law.evaluate(b + s * t, np.array([[b]]), s, t).values

    found = law.evaluate(mean + sd * t, np.array([[mean]]), sd, t)
    h = 1e-6
    by_mean = (values(mean + h, sd) - values(mean - h, sd)) / (2 * h)
    by_sd = (values(mean, sd + h) - values(mean, sd - h)) / (2 * h)
    np.testing.assert_allclose(found.slope, by_mean, atol=2e-8, rtol=1e-6)
    np.testing.assert_allclose(found.slope * found.lever, by_sd, atol=2e-8, rtol=1e-6)


@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("mean", "sd"), POINTS)
def test_moments_against_simulation(name: str, mean: float, sd: float) -> None:
    """200,000 equally likely quantiles of z in place of random numbers."""
    law = LAWS[name]
    t = law.nodes(ndtri((np.arange(200_000) + 0.5) / 200_000)[None, :])
    values = law.evaluate(mean + sd * t, np.array([[mean]]), sd, t).values
    found = law.moments(mean, sd)
    size = max(1e-2, float(values.std()))
    assert found.mean == pytest.approx(float(values.mean()), abs=2e-4 * size)
    assert found.median == pytest.approx(float(np.median(values)), abs=1e-4 * size)
    assert found.sd == pytest.approx(float(values.std()), abs=2e-3 * size)
    assert found.negative == pytest.approx(float((values < 0).mean()), abs=1e-5)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("truncated normal", truncnorm(-0.4 / 0.7, np.inf, loc=0.4, scale=0.7)),
        ("triangular", triang(0.5, loc=-0.3, scale=1.4)),
        ("uniform", uniform(loc=-0.3, scale=1.4)),
    ],
)
def test_distributions_are_scipys(name: str, theirs: Any) -> None:
    law, z = LAWS[name], ndtri((np.arange(2000) + 0.5) / 2000)[None, :]
    t = law.nodes(z)
    values = law.evaluate(0.4 + 0.7 * t, np.array([[0.4]]), 0.7, t).values[0]
    np.testing.assert_allclose(theirs.cdf(values), ndtr(z[0]), atol=1e-12)
    found = law.moments(0.4, 0.7)
    expected = [theirs.mean(), theirs.median(), theirs.std(), theirs.cdf(0.0)]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_truncation_far_out_does_not_fail() -> None:
    """Means 30 and 2,000 spreads below zero: almost an exponential distribution of mean s^2/|b|."""
    law, z = LAWS["truncated normal"], ndtri((np.arange(4000) + 0.5) / 4000)[None, :]
    for mean in (-30.0, -2000.0):
        found = law.evaluate(mean + z, np.array([[mean]]), 1.0, z)
        assert np.isfinite(found.values).all()
        assert np.isfinite(found.lever).all()
        assert found.values.mean() == pytest.approx(-1.0 / mean, rel=0.01)
        assert kstest(found.values[0], "expon", args=(0.0, -1.0 / mean)).statistic < 2e-3


# --- the likelihood ------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["fused", "general"])
@pytest.mark.parametrize("name", LAWS)
def test_gradients_of_independent_coefficients(name: str, layer: str) -> None:
    own = model(ck.RandomCoefficients(x0=LAWS[name], x1="normal", draws=32))
    params = own.table({"x0": 0.3, "x1": -0.4, "sd[x0]": 0.6, "sd[x1]": 0.5}, {}).start
    likelihood = own.likelihood()
    assert isinstance(likelihood, MixedLogitLikelihood)
    likelihood = (likelihood if layer == "fused" else drawn(likelihood)).settle(params, 1)
    assert_gradient(likelihood, params, 1e-6)


@pytest.mark.parametrize("layer", ["fused", "general", "probit"])
@pytest.mark.parametrize("name", [n for n in FROM_NORMAL if n != "normal"])
def test_gradients_of_correlated_coefficients(name: str, layer: str) -> None:
    mixing = ck.RandomCoefficients(x0="normal", x1=LAWS[name], correlated=True, draws=16)
    own = model(mixing, errors=ck.Normal("iid") if layer == "probit" else None)
    params = own.table({"x0": 0.3, "x1": -0.4}, {}).start
    params[-3:] = 0.6, -0.3, 0.5
    likelihood = own.likelihood()
    if layer == "general":
        likelihood = drawn(likelihood)
    assert_gradient(likelihood.settle(params, 1), params, 1e-6)


@pytest.mark.parametrize("scale", [1.0, 0.4])
@pytest.mark.parametrize("name", LAWS)
def test_fused_equals_general(name: str, scale: float) -> None:
    """Several chunks of nodes, a component, a shifted mean, another scale."""
    mixing = ck.RandomCoefficients(
        {"x0": LAWS[name], "x1": "normal", "asc[b]": "-lognormal"},
        correlated=[("x1", "asc[b]")],
        components={"ab": ["a", "b"]},
        means={"x0": "trait"},
        draws=600,
        draw_kind="halton",
    )
    own = model(mixing, errors=ck.Gumbel(scale))
    assert own.parameter_names[4:] == (
        *("sd[x0]", "chol[x1,x1]", "chol[asc[b],x1]", "chol[asc[b],asc[b]]", "sd[ab]"),
        "x0:trait",
    )
    params = own.table({}, {}).start
    params[-6:] = 0.6, 0.5, 0.2, 0.4, 0.7, 0.3
    fused = own.likelihood()
    one, other = fused.settle(params, 3), drawn(fused).settle(params, 3)
    assert one.n_nodes == 600
    np.testing.assert_allclose(one.logp(params), other.logp(params), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(one.scores(params), other.scores(params), rtol=1e-8, atol=1e-9)
    assert_gradient(one, params, 1e-6)


CENTRE = {
    "lognormal": np.exp(0.4),
    "-lognormal": -np.exp(0.4),
    "-truncated normal": -0.4,
    "johnson sb": 1.0 / (1.0 + np.exp(-0.4)),
    "bounded": -2.0 + 3.0 / (1.0 + np.exp(-0.4)),
}


@pytest.mark.parametrize("cases", [1, 3])
@pytest.mark.parametrize("name", LAWS)
def test_no_spread_is_the_logit(name: str, cases: int) -> None:
    own = model(ck.RandomCoefficients(x0=LAWS[name], draws=16), cases)
    plain = ck.logit("choice ~ x0 + x1", own.data)
    names = {"x0": 0.4, "x1": -0.7, "asc[b]": 0.2}
    params = own.table({**names, "sd[x0]": 0.0}, {}).start
    at = plain.table({**names, "x0": CENTRE.get(name, 0.4)}, {}).start
    mixed, expected = own.likelihood().settle(params, 1), plain.likelihood()
    assert mixed.value(params) == pytest.approx(expected.value(at), abs=1e-8)
    assert np.isfinite(mixed.value_and_gradient(params)[1]).all()
    np.testing.assert_allclose(mixed.probabilities(params), expected.probabilities(at), atol=1e-8)


def test_groups_are_independent_of_each_other() -> None:
    """Correlation zero between groups: the covariance of all with zeros there."""
    names = ("x0", "x1", "asc[b]", "asc[c]")
    groups = ck.RandomCoefficients(
        dict.fromkeys(names, "normal"), correlated=[("asc[b]", "x0"), ("x1", "asc[c]")], draws=64
    )
    every = ck.RandomCoefficients(dict.fromkeys(names, "normal"), correlated=True, draws=64)
    some, all_ = model(groups), model(every)
    values = {
        **{"chol[x0,x0]": 0.5, "chol[asc[b],x0]": 0.3, "chol[asc[b],asc[b]]": 0.4},
        **{"chol[x1,x1]": 0.6, "chol[asc[c],x1]": -0.2, "chol[asc[c],asc[c]]": 0.7},
    }
    assert set(some.parameter_names[4:]) == set(values)
    zeros = dict.fromkeys(all_.parameter_names[4:], 0.0)
    one = some.table(values, {}).start
    other = all_.table({**zeros, **values}, {}).start
    found = some.likelihood().settle(one, 1).value(one)
    assert found == pytest.approx(all_.likelihood().settle(other, 1).value(other), abs=1e-11)
    assert groups.nested_in(every)
    assert not every.nested_in(groups)
    assert ck.RandomCoefficients(x0="normal").nested_in(every)
    assert not ck.RandomCoefficients(x0="lognormal").nested_in(every)


# --- error components and means ------------------------------------------------------------------


@pytest.mark.parametrize(("cases", "law"), [(3, "gumbel"), (1, "gumbel"), (1, "normal")])
def test_a_component_is_a_dummy_with_mean_zero(cases: int, law: str) -> None:
    data = frame(30, cases, 8)
    data["both"] = data["alt"].isin(["b", "c"]).astype(float)
    errors = ck.Gumbel() if law == "gumbel" else ck.Normal("iid")
    short = ck.ChoiceModel(
        "choice ~ x0 | 0",
        read(data),
        errors=errors,
        mixing=ck.RandomCoefficients(components={"both": ["c", "b"]}, draws=64),
    )
    long = ck.ChoiceModel(
        "choice ~ x0 + both | 0",
        read(data),
        errors=errors,
        mixing=ck.RandomCoefficients(both="normal", draws=64),
    )
    assert short.parameter_names == ("x0", "sd[both]")
    one, other = np.array([0.6, 0.9]), np.array([0.6, 0.0, 0.9])
    found, expected = short.likelihood().settle(one, 1), long.likelihood().settle(other, 1)
    assert isinstance(found, AbsorbedLikelihood) == (law == "normal")
    np.testing.assert_allclose(found.logp(one), expected.logp(other), atol=1e-12)
    np.testing.assert_allclose(found.scores(one), expected.scores(other)[:, [0, 2]], atol=1e-12)
    np.testing.assert_allclose(found.probabilities(one), expected.probabilities(other), atol=1e-12)


def test_means_of_normal_coefficients_are_interactions() -> None:
    data = read(frame(40, 3, 8))
    mixing = {"x0": "normal", "x1": "normal"}
    one = ck.logit(
        "choice ~ x0 + x1",
        data,
        mixing=ck.RandomCoefficients(mixing, means={"x0": "~ trait"}, draws=32),
    )
    other = ck.logit(
        "choice ~ x0 + x1 + x0:trait", data, mixing=ck.RandomCoefficients(mixing, draws=32)
    )
    assert set(one.parameter_names) == set(other.parameter_names)
    values = {"x0": 0.5, "x1": -0.4, "x0:trait": 0.3, "sd[x0]": 0.6, "sd[x1]": 0.4}
    at, there = one.table(values, {}).start, other.table(values, {}).start
    found, expected = one.likelihood().settle(at, 1), other.likelihood().settle(there, 1)
    np.testing.assert_allclose(found.logp(at), expected.logp(there), atol=1e-12)
    order = [other.parameter_names.index(name) for name in one.parameter_names]
    np.testing.assert_allclose(found.scores(at), expected.scores(there)[:, order], atol=1e-11)
    few = np.array([4, 5, 30, 31, 100])
    np.testing.assert_allclose(
        found.take(few).settle(at, 1).value_and_gradient(at)[1],
        expected.take(few).settle(there, 1).value_and_gradient(there)[1][order],
        atol=1e-11,
    )
    new = read(frame(7, 2, 3))
    elsewhere = one.likelihood(new).settle(at, 1), other.likelihood(new).settle(there, 1)
    np.testing.assert_allclose(
        elsewhere[0].probabilities(at), elsewhere[1].probabilities(there), atol=1e-12
    )


# --- draws ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_of_draws_come_to_the_same(kind: str) -> None:
    params = np.array([0.5, -0.4, 0.1, -0.1, 0.6, 0.5])
    values = []
    for own_kind, draws in ((kind, 3000), ("sobol", 1 << 15)):
        mixing = ck.RandomCoefficients(x0="normal", x1="normal", draws=draws, draw_kind=own_kind)
        likelihood = model(mixing).likelihood().settle(params, 1)
        assert likelihood.plan.kind == KINDS[own_kind][1]
        assert likelihood.n_nodes == (4096 if own_kind == "sobol" and draws == 3000 else draws)
        values.append(likelihood.logp(params))
    close = 0.1 if kind in ("random", "mlhs") else 5e-3
    np.testing.assert_allclose(values[0], values[1], atol=close)
    refined = likelihood.refined()
    assert refined.n_nodes == 1 << 16


def test_given_draws_are_used_as_they_are() -> None:
    data = read(frame(12, 3, 5))
    nodes = np.random.default_rng(1).normal(size=(12, 1, 40))
    own = ck.logit(
        "choice ~ x0 + x1 | 0", data, mixing=ck.RandomCoefficients(x0="lognormal", draws=nodes)
    )
    params = np.array([-0.2, -0.5, 0.6])
    likelihood = own.likelihood().settle(params, 1)
    x = likelihood.x.reshape(12, 3, 3, 2)
    value = np.exp(-0.2 + 0.6 * nodes[:, 0])
    v = x[..., :1] * value[:, None, None, :] - 0.5 * x[..., 1:]
    p = np.exp(v) / np.exp(v).sum(axis=2, keepdims=True)
    chosen = likelihood.layout.chosen_alt.reshape(12, 3)
    of_case = np.take_along_axis(p, chosen[:, :, None, None], axis=2)[:, :, 0]
    expected = np.log(of_case.prod(axis=1).mean(axis=1))
    np.testing.assert_allclose(likelihood.logp(params), expected, atol=1e-12)
    assert likelihood.plan.kind == "given"
    some = likelihood.take(np.array([3, 4, 5, 30, 31, 32])).logp(params)
    np.testing.assert_allclose(some, expected[[1, 10]], atol=1e-12)
    again = likelihood.reseeded(4)
    assert (again.plan.kind, again.n_nodes) == ("scrambled Sobol", 64)
    few = own.likelihood(read(frame(3, 1, 5))).settle(params, 1)
    assert few.plan.kind == "scrambled Sobol"


def test_plain_halton_points() -> None:
    nodes = halton_normals(2, 2, 3, drop=1)
    halves = [1 / 2, 1 / 4, 3 / 4, 1 / 8, 5 / 8, 3 / 8]
    thirds = [1 / 3, 2 / 3, 1 / 9, 4 / 9, 7 / 9, 2 / 9]
    np.testing.assert_allclose(norm.cdf(nodes[:, 0]).ravel(), halves, atol=1e-15)
    np.testing.assert_allclose(norm.cdf(nodes[:, 1]).ravel(), thirds, atol=1e-15)


# --- after the fit -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fit() -> Any:
    """x0 normal, x1 negative lognormal, correlated; a uniform constant; a component."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(300, 2))
    tastes = np.column_stack([0.8 + 0.9 * z[:, 0], -np.exp(-0.3 + 0.4 * z[:, 0] + 0.4 * z[:, 1])])
    mixing = ck.RandomCoefficients(
        {"x0": "normal", "x1": "-lognormal", "asc[b]": "uniform"},
        correlated=[("x0", "x1")],
        components={"bc": ["b", "c"]},
        draws=128,
    )
    return ck.logit("choice ~ x0 + x1", read(frame(300, 8, 4, tastes)), mixing=mixing).fit()


def test_a_fit_finds_the_truth_and_says_what_its_parameters_are(fit: Any) -> None:
    assert fit.convergence.converged
    truth = {"x0": 0.8, "x1": -0.3, "chol[x0,x0]": 0.9, "chol[x1,x0]": 0.4, "chol[x1,x1]": 0.4}
    z = (fit.params[list(truth)] - pd.Series(truth)) / fit.bse[list(truth)]
    assert np.abs(z).max() < 3.5
    text = str(fit.summary())
    assert "logarithm of minus" in text.replace("\n", " ")
    assert np.isfinite(fit.probabilities().to_numpy()).all()


@pytest.mark.parametrize("units", [1.0, 1e4])
def test_a_coefficient_of_the_wrong_sign_is_reported(units: float) -> None:
    """In any units: a small coefficient of the right sign is no reason to say anything."""
    tastes = np.column_stack([np.ones(200), -0.5 * np.ones(200)])
    data = frame(200, 4, 7, tastes).assign(x1=lambda own: own["x1"] * units)
    right, wrong = (
        ck.logit("choice ~ x0 + x1", read(data), mixing=ck.RandomCoefficients(x1=law, draws=32))
        for law in ("-lognormal", "lognormal")
    )
    fit = right.fit(fixed={"sd[x1]": 0.3})
    assert fit.convergence.converged
    assert fit.params["x1"] == pytest.approx(np.log(0.5 / units), abs=0.3)
    with pytest.warns(ck.ConvergenceWarning, match=r"x1 is lognormal and has shrunk.*x1='-lognor"):
        fit = wrong.fit(fixed={"sd[x1]": 0.3})
    assert not fit.convergence.converged


def test_the_sign_of_a_spread_does_not_matter() -> None:
    """Draws are not symmetric, so estimates are those of the likelihood with positive spreads."""
    data = read(frame(150, 4, 2))
    mixing = ck.RandomCoefficients(x0="normal", draws=16)
    one = ck.logit("choice ~ x0 + x1", data, mixing=mixing).fit()
    other = ck.logit("choice ~ x0 + x1", data, mixing=mixing).fit(start={"sd[x0]": -0.8})
    assert other.params["sd[x0]"] > 0
    np.testing.assert_allclose(other.params, one.params, atol=1e-4)
    assert other.llf == pytest.approx(other._own.value(other.params.to_numpy()), abs=1e-9)
    assert other.llf == pytest.approx(one.llf, abs=1e-6)


def test_table_of_the_distributions(fit: Any) -> None:
    table = random_table(fit)
    p = fit.params
    assert list(table.index.get_level_values(0).unique()) == ["x0", "x1", "asc[b]", "bc"]
    s = np.hypot(p["chol[x1,x0]"], p["chol[x1,x1]"])
    expected = {
        ("x0", "mean"): p["x0"],
        ("x0", "sd"): p["chol[x0,x0]"],
        ("x0", "share negative"): norm.cdf(-p["x0"] / p["chol[x0,x0]"]),
        ("x1", "median"): -np.exp(p["x1"]),
        ("x1", "mean"): -np.exp(p["x1"] + s * s / 2),
        ("x1", "share negative"): 1.0,
        ("asc[b]", "sd"): p["sd[asc[b]]"] / np.sqrt(3.0),
        ("bc", "sd"): p["sd[bc]"],
        ("x1", "correlation with x0 (normal)"): p["chol[x1,x0]"] / s,
    }
    for place, value in expected.items():
        assert table.loc[place, "estimate"] == pytest.approx(value, rel=1e-10), place
    assert table.loc[("x0", "mean"), "std_error"] == pytest.approx(fit.bse["x0"], rel=1e-8)
    # by hand: the derivative of -exp(b + s^2 / 2), and of the correlation a / sqrt(a^2 + b^2)
    names = ["x1", "chol[x1,x0]", "chol[x1,x1]"]
    slopes = {
        ("x1", "mean"): -np.exp(p["x1"] + s * s / 2) * np.array([1.0, *p[names[1:]]]),
        ("x1", "correlation with x0 (normal)"): np.array(
            [0.0, p[names[2]] ** 2, -p[names[1]] * p[names[2]]]
        )
        / s**3,
    }
    covariance = fit.cov.loc[names, names].to_numpy()
    for place, slope in slopes.items():
        error = np.sqrt(slope @ covariance @ slope)
        assert table.loc[place, "std_error"] == pytest.approx(error, rel=1e-6)
    assert np.isnan(table.loc[("x1", "share negative"), "std_error"])


@pytest.mark.parametrize("name", LAWS)
def test_errors_of_the_table_against_simulated_parameters(name: str, fit: Any) -> None:
    """Parameters drawn from a tight normal distribution: moments spread as the table says."""
    mixing = ck.RandomCoefficients(x0=LAWS[name])
    own = ck.logit("choice ~ x0 | 0", fit.model.data, mixing=mixing)
    covariance = pd.DataFrame([[4e-6, 1e-6], [1e-6, 9e-6]])
    labelled = covariance.set_axis(["x0", "sd[x0]"], axis=0).set_axis(["x0", "sd[x0]"], axis=1)
    params = pd.Series({"x0": 0.4, "sd[x0]": 0.7})
    fake = replace(fit, model=own, params=params, cov=labelled)
    table = random_table(fake)
    drawn_params = np.random.default_rng(1).multivariate_normal(params, covariance, size=20_000)
    moments = np.array([LAWS[name].moments(*row) for row in drawn_params[:5000]])
    spread = moments.std(axis=0)
    error = table["std_error"].fillna(0.0).to_numpy()
    np.testing.assert_allclose(error, spread, rtol=0.05, atol=1e-9)


def test_posteriors_against_brute_force(fit: Any) -> None:
    """Importance sampling with 100,000 independent people in place of each."""
    found = individual_coefficients(fit)
    assert found.shape == (300, 8)
    assert list(found.index[:3]) == [0, 1, 2]
    p, rng = fit.params, np.random.default_rng(1)
    z, u = rng.normal(size=(3, 100_000)), rng.uniform(-1, 1, size=100_000)
    values = {
        "x0": p["x0"] + p["chol[x0,x0]"] * z[0],
        "x1": -np.exp(p["x1"] + p["chol[x1,x0]"] * z[0] + p["chol[x1,x1]"] * z[1]),
        "asc[b]": p["asc[b]"] + p["sd[asc[b]]"] * u,
        "bc": p["sd[bc]"] * z[2],
    }
    data = fit.model.data.frame
    for person in (0, 7, 123):
        log = np.zeros(100_000)
        own = data[data["person"] == person]
        for _, case in own.groupby("case"):
            v = np.outer(case["x0"], values["x0"]) + np.outer(case["x1"], values["x1"])
            alt = case["alt"].to_numpy()
            v[alt == "b"] += values["asc[b]"] + values["bc"]
            v[alt == "c"] += p["asc[c]"] + values["bc"]
            log += v[case["choice"].to_numpy() == 1][0] - np.log(np.exp(v).sum(axis=0))
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        for name, value in values.items():
            mean = weight @ value
            sd = np.sqrt(weight @ (value - mean) ** 2)
            assert found.loc[person, (name, "mean")] == pytest.approx(mean, abs=0.12 * sd)
            assert found.loc[person, (name, "sd")] == pytest.approx(sd, rel=0.15)


def test_posteriors_average_to_the_population(fit: Any) -> None:
    """At the maximum the mean of the posteriors is the mean of the prior, for a normal one."""
    found = individual_coefficients(fit)
    assert found["x0", "mean"].mean() == pytest.approx(fit.params["x0"], abs=0.03)
    total = found["x0", "mean"].var(ddof=0) + (found["x0", "sd"] ** 2).mean()
    assert np.sqrt(total) == pytest.approx(fit.params["chol[x0,x0]"], rel=0.05)
    assert (found["x1", "mean"] < 0).all()


def test_posteriors_where_nothing_was_drawn() -> None:
    data = read(frame(200, 1, 6))
    fit = ck.probit(
        "choice ~ x0 + x1",
        data,
        covariance="iid",
        mixing=ck.RandomCoefficients(x0="normal", draws=256),
    ).fit()
    assert isinstance(fit._own, AbsorbedLikelihood)
    found = individual_coefficients(fit)
    assert found["x0", "mean"].mean() == pytest.approx(fit.params["x0"], abs=0.05)


# --- mistakes ------------------------------------------------------------------------------------


def test_mistakes_are_refused_with_the_cure() -> None:
    random = ck.RandomCoefficients
    wrong: list[tuple[Any, str]] = [
        (lambda: random(x0="log normal"), "Did you mean 'lognormal'"),
        (lambda: random(x0="normal", draw_kind="sobel"), "Did you mean 'sobol'"),
        (lambda: random(x0="uniform", x1="normal", correlated=True), "'x0' is uniform"),
        (lambda: random(x0="normal", correlated=[("x0", "x9")]), "'x9', which is not random"),
        (lambda: random(x0="normal", correlated=[("x0",), ("x0",)]), "twice"),
        (lambda: random(x0="normal", correlated="x0"), "groups of names"),
        (lambda: random(x0="normal", means={"X0": "trait"}), "Did you mean 'x0'"),
        (lambda: random(x0="normal", components={"x0": ["a"]}), "another name"),
        (lambda: random(components={"g": "a"}), "list of alternatives"),
        (lambda: random(x0="normal", draws=np.zeros((3, 2, 4))), "1 random coefficients"),
        (lambda: random(x0="normal", draws=np.full((3, 1, 4), np.inf)), "finite"),
        (lambda: JohnsonSB(1.0, 0.0), "lower < upper"),
        (lambda: model(random(components={"g": ["a", "z"]})), "'z', which is no alternative"),
        (lambda: model(random(components={"g": ["a", "b", "c"]})), "shared by all"),
        (lambda: model(random(x0="normal", means={"x0": "traits"})), "Did you mean 'trait'"),
        (lambda: model(random(x0="normal", means={"x0": "x1"})), "differs within 12 people"),
        (lambda: model(random(x0="normal", draws=np.zeros((3, 1, 4)))), "3 people, but .* 12"),
    ]
    for action, text in wrong:
        with pytest.raises(ck.SpecificationError, match=text):
            action()
    plain = ck.logit("choice ~ x0", read(frame(20, 2, 1))).fit()
    for function in (random_table, individual_coefficients):
        with pytest.raises(ck.SpecificationError, match="No coefficient is random"):
            function(plain)
