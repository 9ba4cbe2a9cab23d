"""Fits at the edges: odd options, far starts, huge choice sets, frames out of order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.optimize

import choicekit as ck
from choicekit.estimation.optimize import newton
from choicekit.numerics.logit import logit_evaluate

from .simulate import long_frame


def read(frame: pd.DataFrame, **columns: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **columns)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return long_frame(400, [0.8, -0.5], seed=1, errors="normal")


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame) -> ck.ChoiceData:
    return read(frame)


# -- fixed values, starts, options -----------------------------------------------------------


def test_a_probit_may_be_held_fixed_altogether(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ x0 | 0", data, covariance="iid")
    held = model.fit(fixed={"x0": 0.5})
    likelihood = model.likelihood().settle(np.array([0.5]), 1)
    assert held.llf == pytest.approx(likelihood.value(np.array([0.5])), abs=1e-8)
    assert held.convergence.converged
    assert held.df_model == 0
    assert held.bse.isna().all()


def test_a_logit_may_be_held_fixed_altogether(data: ck.ChoiceData) -> None:
    held = ck.logit("choice ~ x0 | 0", data).fit(fixed={"x0": 0.0})
    assert held.llf == pytest.approx(held.llnull)
    assert held.convergence.converged
    assert held.bse.isna().all()


@pytest.mark.parametrize("seed", [-1, 1.5, "a", None, 2**64])
def test_a_seed_is_a_whole_number(data: ck.ChoiceData, seed: Any) -> None:
    with pytest.raises(ck.SpecificationError, match="seed"):
        ck.probit("choice ~ x0", data, covariance="iid").fit(seed=seed)


@pytest.mark.parametrize("scale", [0.0, float("inf")])
def test_a_limiting_temperature_cannot_be_fitted(data: ck.ChoiceData, scale: float) -> None:
    with pytest.raises(ck.SpecificationError, match="scale"):
        ck.logit("choice ~ x0", data, scale=scale).fit()


@pytest.mark.parametrize("start", [-100.0, 10.0, 1000.0])
@pytest.mark.parametrize("verb", ["logit", "probit"])
def test_far_starts_come_home(data: ck.ChoiceData, verb: str, start: float) -> None:
    options = {"covariance": "iid"} if verb == "probit" else {}
    model = getattr(ck, verb)("choice ~ x0 + x1", data, **options)
    near, far = model.fit(), model.fit(start={"x0": start})
    assert far.llf == pytest.approx(near.llf, abs=1e-8)
    np.testing.assert_allclose(far.params, near.params, atol=1e-5)


def test_standard_deviations_come_out_positive(data: ck.ChoiceData) -> None:
    """Their signs do not show in choices; a name such as sd[a2] promises one."""
    model = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic", scale="a1")
    for start in ({}, {"sd[a2]": 5.0}, {"sd[a0]": 0.2}, {"sd[a2]": -1.0}):
        fit = model.fit(start=start)
        assert (fit.params[["sd[a0]", "sd[a2]"]] > 0.0).all(), start


def test_bhhh_and_hessian_agree_in_large_samples() -> None:
    big = read(long_frame(6000, [0.8, -0.5], seed=2, errors="normal"))
    fit = ck.probit("choice ~ x0 + x1", big).fit()
    for cov_type in ("opg", "HC0"):
        np.testing.assert_allclose(fit.with_cov(cov_type).bse / fit.bse, 1.0, atol=0.12)


# -- clusters ---------------------------------------------------------------------------------


def test_missing_cluster_labels_are_refused(data: ck.ChoiceData) -> None:
    labels = np.arange(400.0) // 4
    labels[3] = np.nan
    with pytest.raises(ck.SpecificationError, match="missing"):
        ck.logit("choice ~ x0", data).fit(cov_type="cluster", groups=labels)


def test_every_case_its_own_cluster_is_the_sandwich(data: ck.ChoiceData) -> None:
    fit = ck.probit("choice ~ x0 + x1", data).fit()
    alone = fit.with_cov("cluster", groups=[f"g{c}" for c in range(400)])
    np.testing.assert_allclose(alone.cov, fit.with_cov("HC0").cov * 400 / 399, rtol=1e-9)


def test_robust_errors_skip_what_is_fixed(data: ck.ChoiceData) -> None:
    fit = ck.probit("choice ~ x0 + x1", data).fit(fixed={"x1": -0.5}, cov_type="HC0")
    free = [name for name in fit.params.index if name != "x1"]
    assert (fit.cov.loc["x1"] == 0.0).all()
    bread = np.linalg.inv(-fit.hessian)
    scores = fit.scores()[:, [list(fit.params.index).index(name) for name in free]]
    np.testing.assert_allclose(
        fit.cov.loc[free, free], bread @ scores.T @ scores @ bread, rtol=1e-8
    )


# -- weights ----------------------------------------------------------------------------------


def test_cases_of_weight_zero_are_not_there(frame: pd.DataFrame) -> None:
    half = frame[frame["case"] % 2 == 1]
    weighted = read(frame.assign(w=(frame["case"] % 2).astype(float)), weights="w")
    for cov_type in ("nonrobust", "opg", "HC0"):
        one = ck.logit("choice ~ x0 + x1", read(half)).fit(cov_type=cov_type)
        other = ck.logit("choice ~ x0 + x1", weighted).fit(cov_type=cov_type)
        assert other.llf == pytest.approx(one.llf, abs=1e-9)
        assert other.llconst == pytest.approx(one.llconst, abs=1e-9)
        np.testing.assert_allclose(other.bse[one.bse.index], one.bse, rtol=1e-8)


def test_identical_cases_merge_into_a_weight() -> None:
    """Nine kinds of cases: 300 rows of data or 9 with weights say the same."""
    frame = long_frame(300, [0.8], seed=4)
    frame["x0"] = frame["alt"].map({"a0": 0.0, "a1": 1.0, "a2": 2.0}) * (frame["case"] % 3)
    wide = frame.pivot(index="case", columns="alt", values=["x0", "choice"])
    kind = wide.apply(tuple, axis=1)
    first = kind.groupby(kind).transform(lambda same: same.index[0])
    count = first.value_counts()
    assert 5 < len(count) < 15
    merged = frame[frame["case"].isin(count.index)]
    merged = merged.assign(w=merged["case"].map(count).astype(float))
    for verb, options in ((ck.logit, {}), (ck.probit, {"covariance": "iid"})):
        for cov_type in ("nonrobust", "opg"):
            one = verb("choice ~ x0", read(frame), **options).fit(cov_type=cov_type)
            other = verb("choice ~ x0", read(merged, weights="w"), **options).fit(cov_type=cov_type)
            assert other.llf == pytest.approx(one.llf, abs=1e-8)
            assert other.llconst == pytest.approx(one.llconst, abs=1e-8)
            np.testing.assert_allclose(other.params, one.params, atol=1e-6)
            np.testing.assert_allclose(other.bse, one.bse, rtol=1e-5)


# -- sizes ------------------------------------------------------------------------------------


def test_choice_sets_longer_than_a_block() -> None:
    rng = np.random.default_rng(0)
    x, case_ptr = rng.normal(size=(3, 9000)), np.array([0, 4000, 4002, 9000])
    chosen, beta = np.array([17, 4001, 8999]), np.array([0.5, -1.0, 0.2])
    value, hessian = 0.0, np.zeros((3, 3))
    for c, row in enumerate(chosen):
        part = x[:, case_ptr[c] : case_ptr[c + 1]]
        p = np.exp(beta @ part)
        value += beta @ x[:, row] - np.log(p.sum())
        hessian -= np.cov(part, aweights=p, ddof=0)
    found = logit_evaluate(x, case_ptr, chosen, None, beta)
    assert found.value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(found.hessian, hessian, rtol=1e-10)


def test_newton_reaches_the_top_of_a_function_that_is_not_concave() -> None:
    """A hilly function: from a point of convexity, where a plain Newton step goes down."""

    def hill(x: Any, with_hessian: bool) -> Any:
        e = np.exp(-0.5 * x @ x)
        return e, -e * x, e * (np.outer(x, x) - np.eye(len(x)))

    for start in ([1.5, 0.5], [2.5, -1.0], [0.1, 0.0]):
        found = newton(hill, np.array(start), 1e-8, 200)
        assert found.converged
        np.testing.assert_allclose(found.x, 0.0, atol=1e-6)
        assert found.value == pytest.approx(1.0)


def test_the_optimum_is_scipys(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ x0 + x1", data)
    fit = model.fit()
    likelihood = model.likelihood().settle(fit.params.to_numpy(), 1)
    peer = scipy.optimize.minimize(
        lambda b: -likelihood.value(b),
        fit.params + 0.1,
        method="Nelder-Mead",
        options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 5000, "maxfev": 5000},
    )
    assert -peer.fun == pytest.approx(fit.llf, abs=1e-5)
    np.testing.assert_allclose(peer.x, fit.params, atol=2e-3)


# -- frames -----------------------------------------------------------------------------------


def test_wide_predictions_have_the_index_of_the_sample() -> None:
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(200, 3)), columns=["c_a", "c_b", "c_d"])
    best = (wide.to_numpy() + rng.gumbel(size=(200, 3))).argmax(axis=1)
    wide["pick"] = np.array(["a", "b", "d"])[best]
    wide.index = wide.index + 1000
    data = ck.ChoiceData.from_wide(
        wide, alternatives=["a", "b", "d"], chosen="pick", varying={"c": "c_{alt}"}
    )
    fit = ck.logit("pick ~ c", data).fit()
    pd.testing.assert_frame_equal(fit.predict(), fit.predict(wide))


def test_predictions_of_a_sample_with_holes_keep_its_order(frame: pd.DataFrame) -> None:
    mixed = frame.sample(frac=1.0, random_state=1)
    mixed.loc[mixed.index[5], "x0"] = np.nan
    fit = ck.logit("choice ~ x0", read(mixed, missing="drop")).fit()
    found = fit.predict()
    assert found.notna().sum() == len(frame) - 3
    kept = mixed.index[mixed["case"] != mixed["case"].iloc[5]]
    np.testing.assert_array_equal(found.dropna().index, kept)


def test_unavailable_rows_have_no_probability(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(3)
    there = (frame["choice"] == 1) | (rng.random(len(frame)) < 0.8)
    some = frame.assign(av=there.astype(int))
    some = some[some.groupby("case")["av"].transform("sum") > 1]
    fit = ck.probit("choice ~ x0 + x1", read(some, available="av")).fit()
    p = fit.predict(some)
    assert p[some["av"] == 0].isna().all()
    np.testing.assert_allclose(p.groupby(some["case"]).sum(), 1.0)
    without = ck.probit("choice ~ x0 + x1", read(some[some["av"] == 1])).fit()
    np.testing.assert_allclose(without.params, fit.params, atol=1e-5)
