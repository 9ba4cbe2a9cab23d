"""Willingness to pay against other people's numbers, closed forms and brute force."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.post import wtp_mixed
from choicekit.post.marginal import regressor_slopes
from choicekit.post.ratios import fieller

from .reference.recipes import MissingDataError, load, reader

COLUMNS = ["estimate", "std_error", "conf_low", "conf_high"]


def travel(people: bool = False) -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode")
    frame["who"] = frame["individual"] // 3
    return ck.ChoiceData.from_long(
        frame, case="individual", alt="mode", chosen="choice", person="who" if people else None
    )


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return travel()


@pytest.fixture(scope="module")
def logit(data: ck.ChoiceData) -> ck.FitResults:
    return ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()


def restated(fit: ck.FitResults, values: dict[str, float], sd: float = 0.05) -> ck.FitResults:
    """The same model with other estimates, as if they had been found, errors in proportion."""
    params = fit.params.copy()
    params.update(pd.Series(values))
    scale = np.diag((sd * np.abs(params.to_numpy())) ** 2)
    cov = pd.DataFrame(scale, index=params.index, columns=params.index)
    return replace(fit, params=params, cov=cov, _likelihood=None)


# -- other people's numbers -----------------------------------------------------------------------


def test_a_model_in_willingness_to_pay_space_says_the_same() -> None:
    # logitr estimates the ratios themselves, with standard errors from their own Hessian.
    case = json.loads((Path(__file__).parent / "reference/cl_yogurt_wtp.json").read_text())
    try:
        frame = load(case["data"])
    except MissingDataError as error:
        pytest.skip(str(error))
    data = ck.ChoiceData.from_long(frame, **reader(case["read"])[1])
    fit = ck.logit("choice ~ price + feat", data, base="dannon").fit()
    names = ["feat", "asc[hiland]", "asc[weight]", "asc[yoplait]"]
    theirs = ["feat", "brandhiland", "brandweight", "brandyoplait"]
    reference = case["reference"]
    found = fit.wtp(names, "price")
    np.testing.assert_allclose(
        found["estimate"], [reference["estimates"][name] for name in theirs], rtol=1e-5
    )
    for cov_type in ("nonrobust", "HC0"):
        errors = [reference["se"][cov_type][name] for name in theirs]
        robust = fit.with_cov(cov_type).wtp(names, "price")
        np.testing.assert_allclose(robust["std_error"], errors, rtol=1e-4)


# -- ratios of coefficients -----------------------------------------------------------------------


def test_delta_method_by_hand(logit: ck.FitResults) -> None:
    a, c = logit.params["ttme"], logit.params["gc"]
    v = logit.cov.loc[["ttme", "gc"], ["ttme", "gc"]].to_numpy()
    slope = np.array([-1.0 / c, a / c**2])
    row = logit.wtp("ttme", "gc", alpha=0.1).loc["ttme"]
    error = np.sqrt(slope @ v @ slope)
    expected = [-a / c, error, -a / c - 1.6448536 * error, -a / c + 1.6448536 * error]
    np.testing.assert_allclose(row[COLUMNS].astype(float), expected, rtol=1e-7)
    assert row["note"] == ""


def test_minutes_saved_are_worth_what_minutes_more_cost(logit: ck.FitResults) -> None:
    one, hour = logit.wtp("ttme", "gc"), logit.wtp("ttme", "gc", unit=-60)
    assert one.loc["ttme", "estimate"] < 0.0 < hour.loc["ttme", "estimate"]
    np.testing.assert_allclose(hour["conf_low"], -60 * one["conf_high"])
    np.testing.assert_allclose(hour["std_error"], 60 * one["std_error"])


def test_krinsky_robb_by_hand(logit: ck.FitResults) -> None:
    names = ["ttme", "gc"]
    rng = np.random.default_rng(8)
    draws = rng.multivariate_normal(
        logit.params[names], logit.cov.loc[names, names], size=200_000, method="cholesky"
    )
    ratio = -draws[:, 0] / draws[:, 1]
    found = logit.wtp("ttme", "gc", "krinsky-robb", draws=200_000).loc["ttme"]
    expected = np.quantile(ratio, [0.025, 0.975])
    np.testing.assert_allclose([found["conf_low"], found["conf_high"]], expected, rtol=0.02)
    assert found["conf_high"] - found["estimate"] < found["estimate"] - found["conf_low"]


def test_draws_in_which_the_price_changes_its_sign_have_no_standard_error(
    logit: ck.FitResults,
) -> None:
    weak = restated(logit, {}, sd=0.4)
    found = weak.wtp("ttme", "gc", "krinsky-robb").loc["ttme"]
    assert np.isnan(found["std_error"])
    share = float(found["note"].split("sign in ")[1].split("%")[0]) / 100
    assert share == pytest.approx(norm.cdf(-2.5), rel=0.3)


def test_bootstrap_uses_the_resampled_estimates(logit: ck.FitResults) -> None:
    sampled = logit.bootstrap(60, seed=3)
    assert sampled.resamples is not None
    ratio = -sampled.resamples["ttme"] / sampled.resamples["gc"]
    found = sampled.wtp("ttme", "gc", "bootstrap").loc["ttme"]
    assert found["conf_low"] == pytest.approx(ratio.quantile(0.025))
    assert found["conf_high"] == pytest.approx(ratio.quantile(0.975))
    assert found["estimate"] == pytest.approx(-logit.params["ttme"] / logit.params["gc"])


def test_a_bootstrap_is_made_where_there_is_none(logit: ck.FitResults) -> None:
    found = logit.wtp("ttme", "gc", "bootstrap", seed=3)
    again = logit.bootstrap(200, seed=3).wtp("ttme", "gc", "bootstrap")
    pd.testing.assert_frame_equal(found, again)


def test_fieller_is_the_test_turned_around(logit: ck.FitResults) -> None:
    # At an end r of the interval ttme + r gc = 0 is just rejected.
    found = logit.wtp("ttme", "gc", "fieller", alpha=0.05).loc["ttme"]
    names = list(logit.params.index)
    for r in (found["conf_low"], found["conf_high"]):
        row = np.zeros(len(names))
        row[names.index("ttme")], row[names.index("gc")] = 1.0, r
        assert float(np.squeeze(logit.t_test(row).pvalue)) == pytest.approx(0.05, abs=1e-8)


def test_fieller_without_a_significant_price() -> None:
    ends = fieller(3.0, 0.5, np.diag([1.0, 1.0]), 0.05)
    assert ends[:2] == (-np.inf, np.inf)
    assert "all but" in ends[2]
    whole = fieller(0.5, 0.5, np.diag([1.0, 1.0]), 0.05)
    assert whole == (-np.inf, np.inf, "the set is the whole line")
    low, high, note = fieller(3.0, -2.0, np.diag([0.0, 0.0]), 0.05)
    assert (low, high, note) == (1.5, 1.5, "")


def test_a_price_that_is_not_significant_is_noted(logit: ck.FitResults) -> None:
    weak = restated(logit, {}, sd=0.9)
    assert "not significant (|z| = 1.11)" in weak.wtp("ttme", "gc").loc["ttme", "note"]
    odd = restated(logit, {"gc": 0.02})
    assert "positive" in odd.wtp("ttme", "gc").loc["ttme", "note"]


def test_a_fixed_price_gives_the_errors_of_the_coefficient(data: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc + ttme", data, base="car").fit(fixed={"gc": -1.0})
    found = fit.wtp("ttme", "gc").loc["ttme"]
    assert found["estimate"] == pytest.approx(fit.params["ttme"])
    assert found["std_error"] == pytest.approx(fit.bse["ttme"])


def test_logit_and_probit_share_the_method(data: ck.ChoiceData) -> None:
    fit = ck.probit("choice ~ gc + ttme", data, base="car", covariance="iid").fit()
    found = fit.wtp(["ttme", "asc[air]"], "gc")
    ratio = -fit.params[["ttme", "asc[air]"]] / fit.params["gc"]
    np.testing.assert_allclose(found["estimate"], ratio, rtol=1e-9)
    assert (found["std_error"] > 0).all()


# -- columns with transformations and interactions ------------------------------------------------


@pytest.fixture(scope="module")
def curved(data: ck.ChoiceData) -> ck.FitResults:
    formula = "choice ~ np.log(gc) + ttme + I(ttme**2) + ttme:hinc"
    return ck.logit(formula, data, base="car", context={"np": np}).fit()


def test_slopes_of_regressors(curved: ck.FitResults) -> None:
    data = curved.model.data
    frame = data.frame
    by_cost = regressor_slopes(curved.model, "gc", data)
    names = list(curved.model.design.names)
    np.testing.assert_allclose(by_cost[:, names.index("np.log(gc)")], 1 / frame["gc"], rtol=1e-8)
    assert not np.delete(by_cost, names.index("np.log(gc)"), axis=1).any()
    by_time = regressor_slopes(curved.model, "ttme", data)
    for name, expected in {
        "ttme": np.ones(len(frame)),
        "I(ttme ** 2)": 2 * frame["ttme"],
        "ttme:hinc": frame["hinc"],
    }.items():
        np.testing.assert_allclose(by_time[:, names.index(name)], expected, atol=1e-6)


def marginal_ratio(fit: ck.FitResults, params: pd.Series) -> pd.Series:
    """By hand: the ratio in every row, averaged by alternative."""
    frame = fit.model.data.frame
    top = (
        params["ttme"]
        + 2 * frame["ttme"] * params["I(ttme ** 2)"]
        + frame["hinc"] * params["ttme:hinc"]
    )
    ratio = -top / (params["np.log(gc)"] / frame["gc"])
    return ratio.groupby(frame["mode"]).mean()


def test_mean_over_cases_by_alternative(curved: ck.FitResults) -> None:
    found = curved.wtp("ttme", "gc").loc["ttme"]
    expected = marginal_ratio(curved, curved.params)
    np.testing.assert_allclose(found["estimate"], expected[found.index], rtol=1e-6)
    slopes = np.zeros((len(found), len(curved.params)))
    for p, name in enumerate(curved.params.index):
        step = 1e-5 * curved.bse[name]
        up, down = (curved.params + np.eye(len(slopes.T))[p] * s for s in (step, -step))
        slopes[:, p] = (marginal_ratio(curved, up) - marginal_ratio(curved, down))[found.index]
        slopes[:, p] /= 2 * step
    errors = np.sqrt(np.diag(slopes @ curved.cov.to_numpy() @ slopes.T))
    np.testing.assert_allclose(found["std_error"], errors, rtol=1e-5)
    drawn = curved.wtp("ttme", "gc", "krinsky-robb", draws=500).loc["ttme"]
    assert ((drawn["conf_low"] < expected[drawn.index]) & np.isfinite(drawn["conf_high"])).all()


def test_each_case_and_new_data(curved: ck.FitResults) -> None:
    cases = curved.wtp("ttme", "gc", by="case")
    assert list(cases.index.names) == ["attribute", "case", "alternative"]
    assert len(cases) == curved.model.data.n_rows
    means = cases.groupby("alternative")["estimate"].mean()
    average = curved.wtp("ttme", "gc").loc["ttme", "estimate"]
    np.testing.assert_allclose(means[average.index], average)
    dear = ck.load_dataset("travelmode").assign(gc=lambda d: 2 * d["gc"])
    twice = curved.wtp("ttme", "gc", df=dear).loc["ttme", "estimate"]
    np.testing.assert_allclose(twice, 2 * average, rtol=1e-7)
    fieller = curved.wtp("ttme", "gc", "fieller", by="case")
    np.testing.assert_allclose(fieller["estimate"], cases["estimate"])


def test_what_differs_between_people_only_has_one_mean(data: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc + gc:hinc + ttme", data, base="car").fit()
    found = fit.wtp("ttme", "gc")
    assert list(found.index) == ["ttme"]
    income = data.frame.groupby("individual")["hinc"].first()
    b = fit.params
    expected = (-b["ttme"] / (b["gc"] + b["gc:hinc"] * income)).mean()
    assert found.loc["ttme", "estimate"] == pytest.approx(expected, rel=1e-7)
    weights = pd.Series(np.arange(1.0, 211.0), index=data.case_ids)
    heavy = ck.logit("choice ~ gc + gc:hinc + ttme", data.with_weights(weights), base="car").fit()
    b = heavy.params
    each = -b["ttme"] / (b["gc"] + b["gc:hinc"] * income)
    expected = np.average(each, weights=weights[income.index])
    assert heavy.wtp("ttme", "gc").loc["ttme", "estimate"] == pytest.approx(expected, rel=1e-7)


def test_coefficients_of_alternatives(data: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc | 1 | invt", data, base="car").fit()
    found = fit.wtp("invt", "gc").loc["invt"]
    assert set(found.index) == set(data.alternatives)
    for mode in data.alternatives:
        one = fit.wtp(f"invt[{mode}]", "gc").loc[f"invt[{mode}]"]
        np.testing.assert_allclose(
            found.loc[mode, COLUMNS].astype(float), one[COLUMNS].astype(float), rtol=1e-6
        )


def test_nonlinear_utilities(data: ck.ChoiceData) -> None:
    text = "b_cost * gc + b_time * boxcox(invt / 100, lam)"
    utilities = {mode: f"{mode} + {text}" for mode in ("air", "train", "bus")}
    start = {"b_cost": -0.01, "b_time": -0.5, "lam": 1, "air": 0, "train": 0, "bus": 0}
    fit = ck.ChoiceModel(ck.Nonlinear({**utilities, "car": text}, start), data).fit()
    b, frame = fit.params, data.frame

    def mean(p: pd.Series) -> float:
        slope = p["b_time"] * (frame["invt"] / 100) ** (p["lam"] - 1.0) / 100
        return float((-slope / p["b_cost"]).groupby(frame["mode"]).mean()["bus"])

    found = fit.wtp("invt", "gc").loc[("invt", "bus")]
    assert found["estimate"] == pytest.approx(mean(b), rel=1e-8)
    slopes = []
    for name in b.index:
        step = pd.Series(0.0, index=b.index)
        step[name] = 1e-5 * fit.bse[name]
        slopes.append((mean(b + step) - mean(b - step)) / (2 * step[name]))
    error = np.sqrt(np.array(slopes) @ fit.cov.to_numpy() @ np.array(slopes))
    assert found["std_error"] == pytest.approx(error, rel=1e-6)


# -- people who differ ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> ck.FitResults:
    mixing = ck.RandomCoefficients(ttme="normal", draws=32)
    return ck.logit("choice ~ gc + ttme", travel(people=True), base="car", mixing=mixing).fit()


def test_normal_over_a_fixed_price(mixed: ck.FitResults) -> None:
    fit = restated(mixed, {"gc": -0.02, "ttme": -0.1, "sd[ttme]": 0.06})
    found = fit.wtp("ttme", "gc").loc["ttme"]["estimate"]
    law = norm(-5.0, 3.0)
    assert found["mean"] == pytest.approx(-5.0, rel=1e-9)
    assert found["sd"] == pytest.approx(3.0, rel=1e-9)
    assert found["share negative"] == pytest.approx(law.cdf(0.0), rel=1e-5)
    for name, share in {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}.items():
        assert found[name] == pytest.approx(law.ppf(share), abs=1e-4)
    saved = fit.wtp("ttme", "gc", unit=-1).loc["ttme"]["estimate"]
    assert saved["q95"] == pytest.approx(-found["q05"], rel=1e-6)
    assert saved["share negative"] == pytest.approx(1 - found["share negative"], abs=1e-6)


def test_errors_of_the_distribution(mixed: ck.FitResults) -> None:
    fit = restated(mixed, {"gc": -0.02, "ttme": -0.1, "sd[ttme]": 0.06})
    # -(b + z s) / c with independent estimates whose errors are 5%.
    for method, tolerance in {"delta": 1e-2, "krinsky-robb": 0.1}.items():
        found = fit.wtp("ttme", "gc", method, draws=2000).loc["ttme"]
        assert found.loc["mean", "std_error"] == pytest.approx(5.0 * 0.05 * 2**0.5, rel=tolerance)
        expected = 0.05 * np.hypot(3.0, 3.0)
        assert found.loc["sd", "std_error"] == pytest.approx(expected, rel=tolerance)
        z = norm.ppf(0.95)
        expected = 0.05 * np.sqrt(5**2 + (3 * z) ** 2 + (-5 + 3 * z) ** 2)
        assert found.loc["q95", "std_error"] == pytest.approx(expected, rel=tolerance)


def test_lognormal_over_a_correlated_lognormal_price() -> None:
    mixing = ck.RandomCoefficients(ttme="-lognormal", gc="-lognormal", correlated=True, draws=32)
    model = ck.logit("choice ~ gc + ttme", travel(), base="car", mixing=mixing)
    fixed = dict(zip(model.parameter_names, model.table({}, {}).start, strict=True))
    fit = model.fit(fixed=fixed)
    given = {"ttme": -2.0, "gc": -4.0, "chol[ttme,ttme]": 0.5, "chol[gc,ttme]": 0.2}
    order = model.bound_mixing.coefficients
    if order == ("gc", "ttme"):
        given = {"ttme": -2.0, "gc": -4.0, "chol[gc,gc]": 0.4, "chol[ttme,gc]": 0.2}
        given["chol[ttme,ttme]"] = 0.5
        variance = (0.2 - 0.4) ** 2 + 0.5**2
    else:
        given["chol[gc,gc]"] = 0.4
        variance = (0.5 - 0.2) ** 2 + 0.4**2
    found = restated(fit, given).wtp("ttme", "gc").loc["ttme"]["estimate"]
    # The logarithm of minus the ratio is normal.
    assert found["median"] == pytest.approx(-np.exp(2.0), rel=2e-3)
    assert found["mean"] == pytest.approx(-np.exp(2.0 + variance / 2), rel=2e-3)
    expected = -np.exp(2.0 - norm.ppf(0.05) * variance**0.5)
    assert found["q05"] == pytest.approx(expected, rel=1e-2)
    assert found["share negative"] == 1.0


def test_a_normal_price_has_no_mean_ratio() -> None:
    mixing = ck.RandomCoefficients(ttme="normal", gc="normal", draws=32)
    model = ck.logit("choice ~ gc + ttme", travel(), base="car", mixing=mixing)
    fit = model.fit(fixed=dict(zip(model.parameter_names, model.table({}, {}).start, strict=True)))
    fit = restated(fit, {"gc": -0.02, "ttme": -0.1, "sd[gc]": 0.01, "sd[ttme]": 0.05})
    found = fit.wtp("ttme", "gc").loc["ttme"]
    assert found.loc[["mean", "sd"], "estimate"].isna().all()
    assert "no mean" in found.loc["mean", "note"]
    assert found.loc["median", "note"] == "2.3% of the people like a higher price"
    rng = np.random.default_rng(1)
    ratio = -rng.normal(-0.1, 0.05, 400_000) / rng.normal(-0.02, 0.01, 400_000)
    for name, share in {"q05": 0.05, "median": 0.5, "q75": 0.75}.items():
        assert found.loc[name, "estimate"] == pytest.approx(np.quantile(ratio, share), rel=0.02)
    expected = (ratio < 0).mean()
    assert found.loc["share negative", "estimate"] == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    ("price", "sd", "mean"),
    [
        ("uniform", 0.01, True),
        ("uniform", 0.03, False),
        ("-lognormal", 0.4, True),
        ("-truncated normal", 0.4, False),
        (ck.JohnsonSB(-1, 0), 0.4, True),
        (ck.JohnsonSB(-1, 1), 0.4, False),
    ],
)
def test_which_prices_leave_a_mean(price: object, sd: float, mean: bool) -> None:
    mixing = ck.RandomCoefficients(gc=price, draws=16)
    model = ck.logit("choice ~ gc + ttme", travel(), base="car", mixing=mixing)
    fit = model.fit(fixed=dict(zip(model.parameter_names, model.table({}, {}).start, strict=True)))
    value = -0.02 if price == "uniform" else 0.3
    found = restated(fit, {"gc": value, "sd[gc]": sd}).wtp("ttme", "gc").loc["ttme"]
    assert bool(np.isfinite(found.loc["mean", "estimate"])) is mean
    assert np.isfinite(found.loc["median", "estimate"])


def test_what_is_the_same_in_all_cases_is_worked_out_once(
    mixed: ck.FitResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = restated(mixed, {"gc": -0.02, "ttme": -0.1, "sd[ttme]": 0.06})
    whole, sizes = wtp_mixed._statistics, set()

    def counted(beta: Any, terms: Any, *rest: Any) -> Any:
        sizes.add(terms.size)
        return whole(beta, terms, *rest)

    monkeypatch.setattr(wtp_mixed, "_statistics", counted)
    found, mean = fit.wtp("ttme", "gc", by="case"), fit.wtp("ttme", "gc")
    assert sizes == {1}
    for case in (1, 210):
        pd.testing.assert_frame_equal(found.xs(case, level="case"), mean)


def test_fixed_coefficients_of_a_mixed_model_are_plain_ratios() -> None:
    mixing = ck.RandomCoefficients(hinc_time="normal", draws=16)
    frame = ck.load_dataset("travelmode").assign(hinc_time=lambda d: d["hinc"] * d["invt"] / 1000)
    data = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    fit = ck.logit("choice ~ gc + ttme + hinc_time", data, base="car", mixing=mixing).fit()
    found = fit.wtp("ttme", "gc")
    assert found.loc["ttme", "estimate"] == pytest.approx(-fit.params["ttme"] / fit.params["gc"])
    both = fit.wtp(["ttme", "hinc_time"], "gc")
    assert ("ttme", "all") in both.index
    assert ("hinc_time", "median") in both.index


def test_each_person(mixed: ck.FitResults) -> None:
    # Over a fixed price the posterior of the ratio is that of the coefficient.
    found = mixed.wtp("ttme", "gc", by="person")
    posterior = mixed.individual_coefficients()["ttme"]
    price = mixed.params["gc"]
    np.testing.assert_allclose(found["mean"], -posterior["mean"] / price, rtol=1e-9)
    np.testing.assert_allclose(found["sd"], posterior["sd"] / abs(price), rtol=1e-6)
    assert found.loc["ttme"].index.equals(pd.Index(posterior.index, name="person"))


def test_normal_coefficients_under_normal_errors(data: ck.ChoiceData) -> None:
    mixing = ck.RandomCoefficients(ttme="normal")
    fit = ck.probit("choice ~ gc + ttme", data, base="car", covariance="iid", mixing=mixing).fit()
    b = fit.params
    found = fit.wtp("ttme", "gc").loc["ttme"]["estimate"]
    assert found["mean"] == pytest.approx(-b["ttme"] / b["gc"], rel=1e-8)
    assert found["sd"] == pytest.approx(abs(b["sd[ttme]"] / b["gc"]), rel=1e-8)
    assert len(fit.wtp("ttme", "gc", by="person")) == data.n_cases


@pytest.fixture(scope="module")
def classes() -> ck.FitResults:
    model = ck.logit(
        "choice ~ gc + ttme", travel(people=True), base="car", mixing=ck.LatentClasses(2)
    )
    start = {"ttme[class1]": -0.15, "gc[class1]": -0.03, "ttme[class2]": -0.05}
    fixed = dict(zip(model.parameter_names, model.table(start, {}).start, strict=True))
    fit = model.fit(fixed={**fixed, "gc[class2]": -0.01, "class[2]": 0.4})
    return restated(fit, {})


def test_classes_and_their_mean(classes: ck.FitResults) -> None:
    found = classes.wtp("ttme", "gc").loc["ttme"]
    one, two, share = -5.0, -5.0, 1 / (1 + np.exp(0.4))
    assert found.loc["class1", "estimate"] == pytest.approx(one)
    assert found.loc["class1", "std_error"] == pytest.approx(5.0 * 0.05 * 2**0.5, rel=1e-5)
    other = restated(classes, {"ttme[class2]": -0.02})
    found, two = other.wtp("ttme", "gc").loc["ttme"], -2.0
    mean = share * one + (1 - share) * two
    assert found.loc["mean", "estimate"] == pytest.approx(mean)
    by_share = share * (1 - share) * (one - two) * 0.02  # 5% of 0.4
    parts = [share * 0.25 * 2**0.5, (1 - share) * 0.1 * 2**0.5, by_share]
    expected = np.linalg.norm(parts)
    assert found.loc["mean", "std_error"] == pytest.approx(expected, rel=1e-5)
    drawn = other.wtp("ttme", "gc", "krinsky-robb", draws=4000).loc["ttme"]
    np.testing.assert_allclose(drawn["std_error"], found["std_error"], rtol=0.1)
    people = other.wtp("ttme", "gc", by="person")
    h = other.class_posteriors()
    np.testing.assert_allclose(people["mean"], h["class1"] * one + h["class2"] * two)
    assert set(people["median"].round(9)) <= {one, two}


# -- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"x": "tme"}, "Did you mean 'ttme'"),
        ({"x": "hinc"}, "name one of them: hinc"),
        ({"x": "gc"}, "both 'gc'"),
        ({"x": []}, "at least one"),
        ({"price": "cost"}, "neither a coefficient nor a column"),
        ({"method": "delt"}, "Did you mean 'delta'"),
        ({"by": "persons"}, "Did you mean 'person'"),
        ({"by": "person"}, "same coefficients"),
        ({"alpha": 1.5}, "alpha"),
        ({"unit": 0.0}, "unit"),
        ({"draws": 1}, "draws"),
    ],
)
def test_bad_input(logit: ck.FitResults, arguments: dict[str, object], text: str) -> None:
    given = {"x": "ttme", "price": "gc", **arguments}
    with pytest.raises(SpecificationError, match=text.replace("(", r"\(")):
        logit.wtp(given.pop("x"), given.pop("price"), **given)  # type: ignore[arg-type]


def test_a_column_of_categories_has_no_unit() -> None:
    frame = ck.load_dataset("travelmode")
    frame["dear"] = np.where(frame["gc"] > 100, "yes", "no")
    data = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    fit = ck.logit("choice ~ ttme + dear", data).fit()
    with pytest.raises(SpecificationError, match=r"categories.* name a coefficient: dear"):
        fit.wtp("dear", "ttme")


def test_what_fieller_cannot_do(
    curved: ck.FitResults, mixed: ck.FitResults, classes: ck.FitResults
) -> None:
    for fit in (curved, mixed, classes):
        with pytest.raises(SpecificationError, match="one ratio"):
            fit.wtp("ttme", "gc", "fieller")


def test_estimates_without_a_covariance(logit: ck.FitResults) -> None:
    bare = replace(logit, cov=logit.cov * np.nan)
    assert np.isnan(bare.wtp("ttme", "gc").loc["ttme", "std_error"])
    with pytest.raises(SpecificationError, match="no covariance to draw from"):
        bare.wtp("ttme", "gc", "krinsky-robb")


def test_columns_that_never_meet(data: ck.ChoiceData) -> None:
    fit = ck.logit({"air": {"t": "ttme"}, "car": {"c": "gc"}}, data).fit()
    with pytest.raises(SpecificationError, match="nowhere in the utility of the same alternative"):
        fit.wtp("ttme", "gc")


def test_large_data_in_pieces(curved: ck.FitResults, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = {"x": "ttme", "price": "gc", "method": "krinsky-robb", "draws": 50}
    whole = curved.wtp(**ask)  # type: ignore[arg-type]
    monkeypatch.setattr("choicekit.post.wtp_terms.CELLS", 5_000)
    pd.testing.assert_frame_equal(curved.wtp(**ask), whole)  # type: ignore[arg-type]
    monkeypatch.setattr("choicekit.post.wtp.MOST_CELLS", 1_000)
    with pytest.raises(SpecificationError, match="too many to keep"):
        curved.wtp(**ask, by="case")  # type: ignore[arg-type]
