"""Results: statsmodels' names, predictions in the user's order, keeping, inference."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm

import choicekit as ck

from .simulate import long_frame

FORMULA = "choice ~ gc + ttme | hinc"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return ck.load_dataset("travelmode")


@pytest.fixture(scope="module")
def data(frame: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="module")
def logit(data: ck.ChoiceData) -> ck.FitResults:
    return ck.logit(FORMULA, data, base="car").fit()


@pytest.fixture(scope="module")
def probit(data: ck.ChoiceData) -> ck.FitResults:
    return ck.probit(FORMULA, data, base="car").fit()


@pytest.fixture(params=["logit", "probit"])
def fit(request: pytest.FixtureRequest) -> ck.FitResults:
    result: ck.FitResults = request.getfixturevalue(request.param)
    return result


def test_statistics_follow_from_estimates(fit: ck.FitResults) -> None:
    np.testing.assert_allclose(fit.tvalues, fit.params / fit.bse)
    np.testing.assert_allclose(fit.pvalues, 2 * norm.sf(np.abs(fit.tvalues)))
    interval = fit.conf_int(alpha=0.1)
    np.testing.assert_allclose(interval[1] - interval[0], 2 * norm.ppf(0.95) * fit.bse)
    assert fit.nobs == 210
    assert fit.df_resid == 210 - len(fit.params)
    assert fit.llnull == pytest.approx(210 * np.log(0.25))
    assert fit.llr == pytest.approx(2 * (fit.llf - fit.llconst))
    assert fit.llr_pvalue == pytest.approx(chi2.sf(fit.llr, fit.df_model - 3))
    assert fit.mle_retvals["converged"] is True
    np.testing.assert_allclose(fit.logp().sum(), fit.llf, rtol=1e-9)


def test_probabilities(fit: ck.FitResults, frame: pd.DataFrame) -> None:
    p = fit.probabilities()
    assert p.shape == (210, 4)
    assert list(p.columns) == ["air", "train", "bus", "car"]
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    chosen = frame[frame["choice"] == 1].set_index("individual")["mode"]
    picked = [p.loc[case, mode] for case, mode in chosen.items()]
    np.testing.assert_allclose(np.log(picked), fit.logp(), atol=1e-4)
    np.testing.assert_allclose(fit.predicted_shares(), p.mean(), rtol=1e-12)
    np.testing.assert_allclose(fit.actual_shares() * 210, [58, 63, 30, 59])


def test_logit_with_constants_reproduces_the_shares(logit: ck.FitResults) -> None:
    np.testing.assert_allclose(logit.predicted_shares(), logit.actual_shares(), atol=1e-9)


def test_utilities_by_hand(logit: ck.FitResults, frame: pd.DataFrame) -> None:
    b, row = logit.params, frame[(frame["individual"] == 7) & (frame["mode"] == "bus")].iloc[0]
    by_hand = (
        b["gc"] * row["gc"] + b["ttme"] * row["ttme"] + b["asc[bus]"] + b["hinc[bus]"] * row["hinc"]
    )
    assert logit.utilities().loc[7, "bus"] == pytest.approx(by_hand)
    v = logit.utilities()
    e = np.exp(v.sub(v.max(axis=1), axis=0))
    np.testing.assert_allclose(logit.probabilities(), e.div(e.sum(axis=1), axis=0))


def test_predict_answers_in_the_order_of_the_frame(fit: ck.FitResults, frame: pd.DataFrame) -> None:
    mixed = frame.sample(frac=1.0, random_state=3).set_index(np.arange(840) * 7)
    mixed["p"] = fit.predict(mixed)
    table = fit.probabilities()
    expected = [table.loc[i, m] for i, m in zip(mixed["individual"], mixed["mode"], strict=True)]
    np.testing.assert_allclose(mixed["p"], expected, atol=2e-5)
    own = fit.predict()
    assert own.index.equals(frame.index)
    np.testing.assert_allclose(own.groupby(frame["individual"]).sum(), 1.0)


def test_predict_without_the_choice_and_with_fewer_alternatives(
    fit: ck.FitResults, frame: pd.DataFrame
) -> None:
    new = frame[(frame["mode"] != "air") & (frame["individual"] <= 5)].drop(columns="choice")
    p = fit.probabilities(new)
    assert (p["air"] == 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert fit.utilities(new)["air"].isna().all()
    cheap = fit.predict(new.assign(gc=lambda d: np.where(d["mode"] == "bus", 1.0, d["gc"])))
    assert (cheap[new["mode"] == "bus"] > fit.predict(new)[new["mode"] == "bus"]).all()


def test_predict_complains_about_new_data(fit: ck.FitResults, frame: pd.DataFrame) -> None:
    with pytest.raises(ck.DataError, match="ttme"):
        fit.predict(frame.assign(ttme=np.nan))
    with pytest.raises(ck.DataError, match="tram"):
        fit.predict(frame.assign(mode=frame["mode"].replace("bus", "tram")))
    with pytest.raises(ck.ChoicekitError, match="ttme"):
        fit.predict(frame.drop(columns="ttme"))


def test_wide_data() -> None:
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.normal(size=(300, 3)), columns=["c.a", "c.b", "c.d"])
    u = -wide.to_numpy() + rng.gumbel(size=(300, 3))
    wide["pick"] = np.array(["a", "b", "d"])[u.argmax(axis=1)]
    wide.index = wide.index + 1000
    data = ck.ChoiceData.from_wide(
        wide, alternatives=["a", "b", "d"], chosen="pick", varying={"c": "c.{alt}"}
    )
    fit = ck.logit("pick ~ c | 0", data).fit()
    p = fit.predict(wide.drop(columns="pick"))
    assert p.index.equals(wide.index)
    e = np.exp(fit.params["c"] * wide[["c.a", "c.b", "c.d"]].to_numpy())
    np.testing.assert_allclose(p, e / e.sum(axis=1, keepdims=True))


def test_categories_and_transformations_are_remembered() -> None:
    frame = long_frame(300, [0.5], seed=3)
    frame["kind"] = np.where(frame["x0"] > 0.8, "new", np.where(frame["alt"] == "a1", "old", "so"))
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    fit = ck.logit("choice ~ C(kind) + center(x0)", data).fit()
    some = frame[frame["case"] < 5]
    table = fit.probabilities().loc[:4]
    np.testing.assert_allclose(fit.probabilities(some), table)
    with pytest.raises(ck.DataError, match="odd"):
        fit.predict(some.assign(kind="odd"))


def test_tests_of_constraints(fit: ck.FitResults) -> None:
    found = fit.t_test("hinc[air] = hinc[bus]")
    difference = fit.params["hinc[air]"] - fit.params["hinc[bus]"]
    cov = fit.cov_params()
    variance = (
        cov.loc["hinc[air]", "hinc[air]"]
        + cov.loc["hinc[bus]", "hinc[bus]"]
        - 2 * cov.loc["hinc[air]", "hinc[bus]"]
    )
    assert float(np.squeeze(found.effect)) == pytest.approx(difference)
    assert float(np.squeeze(found.sd)) == pytest.approx(np.sqrt(variance))
    joint = fit.wald_test("gc = 0, ttme = 0")
    b = fit.params[["gc", "ttme"]].to_numpy()
    statistic = b @ np.linalg.solve(cov.loc[["gc", "ttme"], ["gc", "ttme"]], b)
    assert float(np.squeeze(joint.statistic)) == pytest.approx(statistic)


def test_keeping(fit: ck.FitResults, frame: pd.DataFrame, tmp_path: Path) -> None:
    path = fit.save(tmp_path / "fit.pkl")
    for copy in (ck.load(path), ck.FitResults.load(path), pickle.loads(pickle.dumps(fit))):
        pd.testing.assert_series_equal(copy.params, fit.params)
        np.testing.assert_array_equal(copy.predict(frame), fit.predict(frame))
        np.testing.assert_array_equal(copy.with_cov("HC0").bse, fit.with_cov("HC0").bse)
        assert str(copy.summary()) == str(fit.summary())


def test_frozen(fit: ck.FitResults) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        fit.llf = 0.0  # type: ignore[misc]


def test_summary_col_of_statsmodels(logit: ck.FitResults, probit: ck.FitResults) -> None:
    from statsmodels.iolib.summary2 import summary_col

    text = str(summary_col([logit, probit], stars=True, model_names=["logit", "probit"]))
    assert "chol[bus,train]" in text
    assert f"{logit.params['ttme']:.4f}" in text


def test_with_cov_changes_nothing_else(fit: ck.FitResults) -> None:
    robust = fit.with_cov("HC0")
    assert robust.cov_type == "HC0"
    assert fit.cov_type == "nonrobust"
    pd.testing.assert_series_equal(robust.params, fit.params)
    np.testing.assert_allclose(
        fit.with_cov("HC1").bse, robust.bse * np.sqrt(210 / (210 - len(fit.params)))
    )
    bread = fit.cov.to_numpy()
    meat = fit.scores().T @ fit.scores()
    np.testing.assert_allclose(robust.cov, bread @ meat @ bread, rtol=1e-8)


def test_error_sd() -> None:
    frame = long_frame(200, [0.5], seed=4, errors="normal")
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    assert ck.logit("choice ~ x0", data).fit().error_sd == pytest.approx(np.pi / np.sqrt(6))
    iid = ck.probit("choice ~ x0", data, covariance="iid").fit()
    assert iid.error_sd == pytest.approx(np.sqrt(0.5))


def test_missing_values_in_used_columns(frame: pd.DataFrame) -> None:
    holes = frame.copy()
    holes.loc[[0, 400], "gc"] = np.nan
    holes.loc[8, "invc"] = np.nan  # no model here uses it
    read: dict[str, Any] = {"case": "individual", "alt": "mode", "chosen": "choice"}
    with pytest.raises(ck.DataError, match=r"gc.*2 cases"):
        ck.logit(FORMULA, ck.ChoiceData.from_long(holes, **read))
    fit = ck.logit(FORMULA, ck.ChoiceData.from_long(holes, **read, missing="drop")).fit()
    assert fit.nobs == 208
    assert any("Left out, 2 cases" in note for note in fit.notes)
    assert "Left out, 2 cases" in str(fit.summary())
    assert fit.predict().notna().sum() == 208 * 4


def test_wrong_left_side_and_wrong_data(data: ck.ChoiceData, frame: pd.DataFrame) -> None:
    with pytest.raises(ck.SpecificationError, match="explains 'gc'"):
        ck.logit("gc ~ ttme", data)
    with pytest.raises(ck.SpecificationError, match="must be a ChoiceData"):
        ck.logit(FORMULA, frame)  # type: ignore[arg-type]


@pytest.mark.parametrize("alpha", [0.0, 1.5, 95])
def test_impossible_levels_are_refused_by_every_table(logit: ck.FitResults, alpha: float) -> None:
    effects = logit.get_margeff()
    sampled = dataclasses.replace(logit, resamples=pd.DataFrame([logit.params, logit.params]))
    for table in (
        logit.conf_int,
        logit.summary,
        logit.to_frame,
        effects.summary_frame,
        sampled.percentile_int,
        lambda level: logit.calibration_curve(alpha=level),
    ):
        with pytest.raises(ck.SpecificationError, match="alpha must lie between 0 and 1"):
            table(alpha)
