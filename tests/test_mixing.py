"""Random coefficients: gradients, limits, people, and the covariance they add to a probit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import chi2, multivariate_normal, norm

import choicekit as ck
from choicekit.likelihood.absorbed import AbsorbedLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.mixed_logit import MixedLogitLikelihood
from choicekit.likelihood.plain import Likelihood
from choicekit.numerics.nodes import normal_quantiles
from choicekit.numerics.threads import map_ranges
from choicekit.post.tests import likelihood_ratio

from .simulate import long_frame

BETA, SD = (0.9, -0.6), (0.8, 0.5)


def panel(
    n_people: int, n_cases: int, seed: int, errors: str = "gumbel", n_alternatives: int = 3
) -> pd.DataFrame:
    """People with n_cases cases each and normal tastes of known mean and spread."""
    rng = np.random.default_rng(seed)
    tastes = np.array(BETA) + rng.normal(size=(n_people, 2)) * SD
    x = rng.normal(size=(n_people, n_cases, n_alternatives, 2))
    v = np.einsum("ntjk,nk->ntj", x, tastes)
    e = rng.gumbel(size=v.shape) if errors == "gumbel" else rng.normal(size=v.shape) * np.sqrt(0.5)
    chosen = (v + e).argmax(axis=2)
    per_person = n_cases * n_alternatives
    return pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        person=np.repeat(np.arange(n_people), per_person),
        case=np.repeat(np.arange(n_people * n_cases), n_alternatives),
        alt=np.tile([f"a{j}" for j in range(n_alternatives)], n_people * n_cases),
        choice=(np.arange(n_alternatives) == chosen[..., None]).ravel().astype(int),
    )


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **more)


LAWS: dict[str, Any] = {
    "gumbel": lambda: ck.Gumbel(),
    "normal": lambda: ck.Normal("heteroskedastic"),
    "ghk": lambda: ck.Normal("unstructured", method="ghk", draws=16),
}


def random_model(law: str, cases: int, correlated: bool, **data: Any) -> ck.ChoiceModel:
    return ck.ChoiceModel(
        "choice ~ x0 + x1",
        read(panel(12, cases, 5), person="person", **data),
        errors=LAWS[law](),
        mixing=ck.RandomCoefficients(x0="normal", x1="normal", correlated=correlated, draws=32),
    )


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("cases", [1, 3])
@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_central_differences(law: str, cases: int, correlated: bool) -> None:
    model = random_model(law, cases, correlated)
    rng = np.random.default_rng(1)
    params = model.table({}, {}).start
    params = params + 0.1 * rng.normal(size=len(params))
    likelihood = model.likelihood().settle(params, 1)
    value, gradient = likelihood.value_and_gradient(params)
    assert value == pytest.approx(likelihood.value(params), abs=1e-12)
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-7, rel=1e-6)
    scores = likelihood.scores(params)
    assert len(scores) == 12
    np.testing.assert_allclose(scores.sum(axis=0), gradient, atol=1e-11)


def test_the_absorbed_way_serves_normal_errors_with_one_case_a_person_only() -> None:
    pairs = [(law, cases) for law in LAWS for cases in (1, 3)]
    kinds = {pair: type(random_model(*pair, correlated=False).likelihood()) for pair in pairs}
    assert kinds.pop(("normal", 1)) is kinds.pop(("ghk", 1)) is AbsorbedLikelihood
    fused = {kind for (law, _), kind in kinds.items() if law == "gumbel"}
    assert fused == {MixedLogitLikelihood}
    assert set(kinds.values()) - fused == {MixedLikelihood}


@pytest.mark.parametrize("scale", [1.0, 0.4])
@pytest.mark.parametrize("cases", [1, 4])
def test_the_fused_mixed_logit_is_the_general_one(cases: int, scale: float) -> None:
    """Ragged choice sets, several chunks of nodes, large utilities."""
    frame = panel(25, cases, 21, n_alternatives=5)
    rng = np.random.default_rng(2)
    kept = (rng.random(len(frame)) < 0.7) | (frame["choice"] == 1) | (frame["alt"] < "a2")
    model = ck.ChoiceModel(
        "choice ~ x0 + x1",
        read(frame[kept], person="person"),
        errors=ck.Gumbel(scale),
        mixing=ck.RandomCoefficients(x0="normal", x1="normal", correlated=True, draws=1024),
    )
    fused = model.likelihood()
    assert isinstance(fused, MixedLogitLikelihood)
    parts = (fused.x, fused.layout, fused.errors, fused.keys, fused.mixing, fused.person_keys)
    for size in (1.0, 60.0):
        params = model.table({"x0": 0.5 * size}, {}).start
        params[-3:] = np.array([0.7, -0.3, 0.4]) * size
        one, other = fused.settle(params, 3), MixedLikelihood(*parts).settle(params, 3)
        np.testing.assert_allclose(one.logp(params), other.logp(params), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(
            one.scores(params), other.scores(params), rtol=1e-9, atol=1e-10 * size
        )


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("cases", [1, 4])
def test_the_exact_hessian_is_the_differenced_one(cases: int, correlated: bool) -> None:
    """With fixed coefficients, weights, ragged choice sets, a scale, several chunks of nodes."""
    frame = panel(25, cases, 23, n_alternatives=4)
    rng = np.random.default_rng(2)
    kept = (rng.random(len(frame)) < 0.7) | (frame["choice"] == 1) | (frame["alt"] < "a2")
    frame["w"] = 1.0 + frame["person"] % 3
    model = ck.ChoiceModel(
        "choice ~ x0 + x1",
        read(frame[kept], person="person", weights="w"),
        errors=ck.Gumbel(0.7),
        mixing=ck.RandomCoefficients(x0="normal", x1="normal", correlated=correlated, draws=512),
    )
    params = model.table({"x0": 0.5, "asc[a2]": 0.3}, {}).start
    params[5:] = [0.7, -0.3, 0.4] if correlated else [0.7, 0.4]
    likelihood = model.likelihood().settle(params, 3)
    free = np.array([0, 1, 3, 4, *range(5, len(params))])[::-1].copy()
    exact = likelihood.hessian(params, np.ones(len(params)), free)
    differenced = Likelihood.hessian(likelihood, params, np.full(len(params), 0.1), free)
    np.testing.assert_allclose(exact, differenced, rtol=1e-6, atol=1e-6 * np.abs(exact).max())
    assert likelihood.hessian_cost(len(free)) == 2


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("cases", [1, 3])
def test_no_spread_is_no_mixing(law: str, cases: int) -> None:
    model = random_model(law, cases, True)
    plain = ck.ChoiceModel("choice ~ x0 + x1", model.data, errors=LAWS[law]())
    params = plain.table({"x0": 0.7, "asc[a1]": -0.2}, {}).start
    mixed = np.concatenate([params, np.zeros(3)])
    expected = plain.likelihood().settle(params, 1)
    found = model.likelihood().settle(mixed, 1)
    close = {"abs": 1e-8} if law != "ghk" or cases == 1 else {"abs": 0.1}  # other GHK draws a node
    assert found.value(mixed) == pytest.approx(expected.value(params), **close)
    p, q = found.probabilities(mixed), expected.probabilities(params)
    np.testing.assert_allclose(p, q, atol=1e-8 if law != "ghk" else 2e-3)


def test_absorbed_probabilities_are_those_of_the_larger_covariance() -> None:
    """Against scipy's normal distribution, case by case."""
    model = random_model("normal", 1, True)
    params = model.table({"x0": 0.5, "sd[a2]": 1.3}, {}).start
    params[-3:] = [0.7, -0.3, 0.4]
    likelihood = model.likelihood().settle(params, 1)
    spread = np.array([[0.7, 0.0], [-0.3, 0.4]])
    omega = model.bound.covariance(likelihood.split(params)[1])
    logp, layout = likelihood.logp(params), likelihood.layout
    x = likelihood.x.reshape(12, 3, -1)
    own = x[:, :, model.bound_mixing.columns] @ spread  # type: ignore[union-attr]
    v = x @ params[: x.shape[2]]
    for c in range(12):
        i = layout.chosen_alt[c]
        difference = np.delete(np.eye(3), i, axis=0) - np.eye(3)[i]
        covariance = difference @ (omega + own[c] @ own[c].T) @ difference.T
        expected = multivariate_normal.cdf(-difference @ v[c], cov=covariance)
        assert np.exp(logp[c]) == pytest.approx(expected, rel=1e-6)


def test_the_two_ways_agree() -> None:
    """Integrating the coefficients out by draws comes to the covariance they add."""
    model = random_model("normal", 1, True)
    params = model.table({"x0": 0.5}, {}).start
    params[-3:] = [0.7, -0.3, 0.4]
    absorbed = model.likelihood().settle(params, 1)
    assert model.bound_mixing is not None
    mixing = replace(model.bound_mixing, n_nodes=1 << 13)
    drawn = MixedLikelihood(
        absorbed.x, absorbed.layout, model.bound, absorbed.keys, mixing, absorbed.keys
    ).settle(params, 1)
    np.testing.assert_allclose(drawn.logp(params), absorbed.logp(params), atol=2e-4)
    np.testing.assert_allclose(drawn.scores(params), absorbed.scores(params), atol=5e-3)
    np.testing.assert_allclose(
        drawn.probabilities(params), absorbed.probabilities(params), atol=2e-4
    )


def test_binary_mixed_logit_by_quadrature() -> None:
    """One random coefficient, a person with two cases: an integral that scipy can do."""
    frame = panel(1, 2, 3, n_alternatives=2)
    model = ck.ChoiceModel(
        "choice ~ x0 | 0",
        read(frame, person="person"),
        mixing=ck.RandomCoefficients(x0="normal", draws=4096),
    )
    likelihood = model.likelihood().settle(np.array([0.4, 1.2]), 1)
    x = likelihood.x[:, 0].reshape(2, 2)
    sign = np.where(likelihood.layout.chosen_alt == 0, 1.0, -1.0)
    gap = sign * (x[:, 0] - x[:, 1])

    def integrand(z: float) -> float:
        return float(norm.pdf(z) / np.prod(1.0 + np.exp(-(0.4 + 1.2 * z) * gap)))

    expected = quad(integrand, -9, 9, epsabs=1e-12)[0]
    assert np.exp(likelihood.logp(np.array([0.4, 1.2]))[0]) == pytest.approx(expected, rel=1e-5)


def test_people_keep_their_nodes_whatever_the_others_do() -> None:
    frame = panel(30, 2, 7)
    shuffled = frame.sample(frac=1.0, random_state=1)
    few = frame[frame["person"] < 10]
    params = np.array([0.5, -0.4, 0.1, -0.1, 0.6])
    values = []
    for part in (frame, shuffled, few):
        data = read(part, person="person", alternatives=["a0", "a1", "a2"])
        model = ck.logit(
            "choice ~ x0 + x1", data, mixing=ck.RandomCoefficients(x0="normal", draws=16)
        )
        logp = model.likelihood().settle(params, 1).logp(params)
        values.append(dict(zip(data.person_ids, logp, strict=True)))
    for person in range(30):
        assert values[1][person] == pytest.approx(values[0][person], abs=1e-13)
    for person in range(10):
        assert values[2][person] == pytest.approx(values[0][person], abs=1e-13)


def test_quantiles_are_those_of_the_normal_distribution() -> None:
    u = np.concatenate([np.linspace(1e-9, 1.0 - 1e-9, 1001), [0.5, 2.0**-33, 1.0 - 2.0**-33]])
    found = u.copy()
    normal_quantiles(found)
    np.testing.assert_allclose(found, norm.ppf(u), rtol=1e-12, atol=1e-15)


def test_settling_again_keeps_the_nodes() -> None:
    model = random_model("gumbel", 3, True)
    params = model.table({}, {}).start
    settled = model.likelihood().settle(params, 1)
    assert settled.settle(params + 0.1, 1) is settled
    assert settled.settle(params, 2).value(params) != settled.value(params)


def test_blocks_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("gumbel", 3, True)
    params = model.table({"x0": 0.5}, {}).start
    whole = model.likelihood().settle(params, 1)
    expected = whole.value_and_gradient(params), whole.probabilities(params)
    monkeypatch.setattr("choicekit.likelihood.mixed.BLOCK_CELLS", 32 * 3 * 7)
    monkeypatch.setattr("choicekit.likelihood.mixed.KEPT_NODES", 0)
    parts = model.likelihood().settle(params, 1)
    assert isinstance(parts, MixedLikelihood)
    assert len(list(parts._blocks())) > 4
    value, gradient = parts.value_and_gradient(params)
    assert value == pytest.approx(expected[0][0], abs=1e-11)
    np.testing.assert_allclose(gradient, expected[0][1], atol=1e-11)
    np.testing.assert_allclose(parts.probabilities(params), expected[1], atol=1e-14)


def test_weights_repeat_people() -> None:
    frame = panel(40, 2, 9)
    frame["w"] = 1.0 + frame["person"] % 3
    mixing = ck.RandomCoefficients(x0="normal", draws=16)
    weighted = ck.logit(
        "choice ~ x0 + x1", read(frame, person="person", weights="w"), mixing=mixing
    ).likelihood()
    plain = ck.logit("choice ~ x0 + x1", read(frame, person="person"), mixing=mixing).likelihood()
    params = np.array([0.5, -0.4, 0.1, -0.1, 0.6])
    repeats = 1.0 + np.arange(40) % 3
    weighted, plain = weighted.settle(params, 1), plain.settle(params, 1)
    assert weighted.value(params) == pytest.approx(repeats @ plain.logp(params), abs=1e-10)
    expected = repeats @ plain.scores(params)
    np.testing.assert_allclose(weighted.value_and_gradient(params)[1], expected, atol=1e-10)


def test_unequal_weights_of_a_person_are_refused_by_name() -> None:
    frame = panel(5, 2, 9).assign(w=1.0)
    frame.loc[frame["case"] == 6, "w"] = 2.0
    data = read(frame, person="person", weights="w")
    with pytest.raises(ck.SpecificationError, match=r"1 people .*\(3\).*same weight"):
        ck.logit("choice ~ x0", data, mixing=ck.RandomCoefficients(x0="normal"))


@pytest.mark.parametrize(("law", "people", "cases"), [("gumbel", 400, 5), ("normal", 2500, 1)])
def test_recovers_the_truth(law: str, people: int, cases: int) -> None:
    data = read(panel(people, cases, 11, law), person="person")
    errors = ck.Gumbel() if law == "gumbel" else ck.Normal("iid")
    model = ck.ChoiceModel(
        "choice ~ x0 + x1",
        data,
        errors=errors,
        mixing=ck.RandomCoefficients(x0="normal", x1="normal", draws=64),
    )
    fit = model.fit(cov_type="HC0")
    assert fit.convergence.converged
    truth = pd.Series({"x0": BETA[0], "x1": BETA[1], "sd[x0]": SD[0], "sd[x1]": SD[1]})
    z = ((fit.params - truth) / fit.bse)[truth.index]
    assert np.abs(z).max() < 3.5
    assert (fit.params[["sd[x0]", "sd[x1]"]] > 0).all()
    text = str(fit.summary())
    assert "Spread of the random coefficients" in text
    assert ("Mixed logit" if law == "gumbel" else "random coefficients") in text
    copy = pickle.loads(pickle.dumps(fit))
    np.testing.assert_allclose(copy.probabilities(), fit.probabilities(), atol=1e-12)
    assert copy.probabilities().sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_compare_with_the_model_without_spread() -> None:
    data = read(panel(150, 4, 13), person="person")
    plain = ck.logit("choice ~ x0 + x1", data).fit()
    mixed = ck.logit(
        "choice ~ x0 + x1", data, mixing=ck.RandomCoefficients(x0="normal", draws=64)
    ).fit(cov_type="cluster")
    report = ck.compare(plain, mixed)
    assert list(report.names) == ["logit", "mixed logit"]
    assert report.tests["test"].iloc[0] == "likelihood ratio"
    row = report.tests.iloc[0]
    assert "edge of its range" in row["note"]
    assert "1/2 chi2(0) + 1/2 chi2(1)" in row["note"]
    assert row["pvalue"] == pytest.approx(chi2.sf(row["statistic"], 1) / 2)
    probit = ck.probit("choice ~ x0 + x1", data, covariance="iid").fit()
    vuong = ck.compare(mixed, probit).tests.iloc[0]
    assert vuong["test"] == "Vuong"
    expected = mixed.logp() - np.bincount(data.layout.person, weights=probit.logp())
    z = expected.sum() / np.sqrt(len(expected) * expected.var())
    assert vuong["statistic"] == pytest.approx(z, rel=1e-10)


def test_likelihood_ratios_of_several_variances() -> None:
    """One more random coefficient, alone or with its covariance; two at once; a covariance."""
    data = read(panel(150, 4, 13), person="person")

    def fitted(correlated: bool, *names: str) -> Any:
        mixing = ck.RandomCoefficients(
            dict.fromkeys(names, "normal"), correlated=correlated, draws=64
        )
        return ck.logit("choice ~ x0 + x1", data, mixing=mixing if names else None).fit()

    plain = ck.logit("choice ~ x0 + x1", data).fit()
    one, two, both = fitted(False, "x0"), fitted(False, "x0", "x1"), fitted(True, "x0", "x1")
    tests = {
        name: likelihood_ratio(small, large)
        for name, small, large in (
            ("alone", one, two),
            ("with covariance", one, both),
            ("two", plain, two),
            ("covariance", two, both),
        )
    }
    for name, halves in (("alone", (0, 1)), ("with covariance", (1, 2))):
        test = tests[name]
        tails = [chi2.sf(test.statistic, df) if df else 0.0 for df in halves]
        assert test.pvalue == pytest.approx(np.mean(tails))
        assert "variance of x1" in test.note
    tails = [chi2.sf(tests["two"].statistic, df) for df in (1, 2)]
    assert tails[1] / 4 < tests["two"].pvalue < np.mean(tails)  # see test_chi_bar.py
    assert "0 to 2 degrees of freedom" in tests["two"].note
    assert tests["covariance"].pvalue == pytest.approx(chi2.sf(tests["covariance"].statistic, 1))
    assert "edge" not in tests["covariance"].note


def test_bad_mixing_is_refused_with_the_cure() -> None:
    data = read(panel(5, 2, 9), person="person")
    with pytest.raises(ck.SpecificationError, match=r"Did you mean 'asc"):
        ck.logit("choice ~ x0", data, mixing=ck.RandomCoefficients({"asc[a9]": "normal"}))
    with pytest.raises(ck.SpecificationError, match="name some"):
        ck.RandomCoefficients()
    with pytest.raises(ck.SpecificationError, match="unknown; there are normal, lognormal"):
        ck.RandomCoefficients(x0="cauchy")
    with pytest.raises(ck.SpecificationError, match="draws must be"):
        ck.RandomCoefficients(x0="normal", draws=0)


def test_a_thread_of_the_pool_does_not_wait_for_the_pool() -> None:
    """Kernels that call kernels on ranges of their own would hang otherwise."""
    done = map_ranges(
        lambda start, stop: map_ranges(lambda a, b: b - a, stop - start, 4, threads=2), 64, 4, 2
    )
    assert sum(map(sum, done)) == 64


@pytest.mark.parametrize("law", ["logit", "panel logit", "probit of five", "panel probit"])
def test_predictions_for_the_same_people_are_the_same_in_a_new_frame(law: str) -> None:
    n_alternatives = 5 if law == "probit of five" else 3
    frame = long_frame(60, [0.8, -0.5], 3, n_alternatives=n_alternatives)
    frame["person"] = frame["case"] // 3
    person = "person" if "panel" in law else None
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", person=person)
    normal = ck.Normal("iid", draws=32)
    errors = normal if "probit" in law else ck.Gumbel()
    mixing = None if law == "probit of five" else ck.RandomCoefficients(x0="normal", draws=32)
    model = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, errors, mixing=mixing)
    held = dict(zip(model.parameter_names, (0.8, -0.5, 0.7), strict=False))
    fit = model.fit(fixed=held, seed=5)
    wanted, new = fit.probabilities(), frame.drop(columns="choice")
    pd.testing.assert_frame_equal(fit.probabilities(new), wanted)
    nothing = fit.scenario({"x0": lambda x: x}, df=new).shares
    assert np.abs(nothing["change"]).max() < 1e-15
    shares = wanted.mean()
    tolerance = 1e-4 if law == "panel probit" else 1e-10  # whose orders are settled otherwise
    assert np.allclose(nothing["before"], shares[nothing.index], atol=tolerance)


LAWS_OF_TASTES = {
    "normal": {"x0": "normal"},
    "lognormal": {"x0": "lognormal"},
    "negative lognormal": {"x1": "-lognormal"},
    "truncated normal": {"x0": "truncated normal"},
    "triangular": {"x0": "triangular"},
    "uniform": {"x0": "uniform"},
    "johnson sb": {"x0": "johnson sb"},
    "correlated": {"x0": "normal", "x1": "lognormal", "correlated": True},
    "component": {"x0": "normal", "components": {"e": ["a0", "a1"]}},
    "scale": {"x0": "normal", "scale": True},
    "truncated scale": {"x0": "normal", "scale": ck.Scale(truncated=1.96)},
    "money": {"x0": "normal", "x1": "-lognormal", "wtp": "x1"},
}


@pytest.mark.parametrize("law", LAWS_OF_TASTES)
def test_a_negative_spread_is_a_positive_one_at_the_mirrored_nodes(law: str) -> None:
    frame = long_frame(40, [0.8, -0.5], 3)
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    mixing = ck.RandomCoefficients(**LAWS_OF_TASTES[law], draws=16)
    model = ck.logit("choice ~ x0 + x1 | 0", data, mixing=mixing)
    likelihood = model.likelihood()
    params = np.array(model.table({}, {}).start)
    params[2:] = -0.4 - 0.1 * np.arange(len(params) - 2)
    likelihood = likelihood.settle(params, 1)
    turned, mirrored = params * likelihood.signs(params), likelihood.mirrored(params)
    assert (turned != params).any()
    value, gradient = likelihood.value_and_gradient(params)
    again, slope = mirrored.value_and_gradient(turned)
    assert again == pytest.approx(value, abs=1e-9)
    assert slope * likelihood.signs(params) == pytest.approx(gradient, abs=1e-8)


@pytest.mark.parametrize("seed", [3, 6, 11])
def test_the_log_likelihood_is_that_at_the_estimates_whatever_the_nodes(seed: int) -> None:
    # few nodes, little spread: both searches end at a negative standard deviation
    data = ck.ChoiceData.from_long(
        long_frame(80, [0.8, -0.5], seed), case="case", alt="alt", chosen="choice"
    )
    mixing = ck.RandomCoefficients(x0="normal", draws=16)
    fit = ck.logit("choice ~ x0 + x1 | 0", data, mixing=mixing).fit()
    for found in (fit, pickle.loads(pickle.dumps(fit))):
        assert found.params["sd[x0]"] > 0.0
        assert found.logp().sum() == pytest.approx(fit.llf, abs=1e-9)
        assert found.scores().sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)
    shown = fit.probabilities(long_frame(80, [0.8, -0.5], seed))
    pd.testing.assert_frame_equal(shown, fit.probabilities())
