"""Scores, calibration and cross-validation, against other programs and closed formulas."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import proportion_confint

import choicekit as ck
from choicekit.exceptions import DataError, IdentificationError, SpecificationError
from choicekit.post.calibration import wilson
from choicekit.post.held_out import fold_codes, held_out, mean_difference

from .simulate import long_frame


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **more)


def panel(n_people: int, times: int, seed: int) -> pd.DataFrame:
    """Choices of people with tastes of their own."""
    rng = np.random.default_rng(seed)
    n, J = n_people * times, 3
    x = rng.normal(size=(n, J))
    taste = np.repeat(1.0 + 1.5 * rng.normal(size=n_people), times)
    chosen = (taste[:, None] * x + rng.gumbel(size=(n, J))).argmax(axis=1)
    return pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), J),
            "person": np.repeat(np.arange(n) // times, J),
            "alt": np.tile(["a", "b", "c"], n),
            "choice": (np.arange(J) == chosen[:, None]).ravel().astype(int),
            "x": x.ravel(),
        }
    )


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode")
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="module")
def logit(travel: ck.ChoiceData) -> Any:
    return ck.logit("choice ~ gc + ttme | hinc", travel, base="car").fit()


# -- scores ---------------------------------------------------------------------------------------


def test_scores_of_the_sample_are_those_of_the_probabilities(logit: Any) -> None:
    p = logit.probabilities().to_numpy()
    chosen = logit.model.data.layout.chosen_alt
    y = np.eye(4)[chosen]
    assert logit.log_score() == pytest.approx(logit.llf / 210, abs=1e-12)
    assert logit.brier() == pytest.approx(((p - y) ** 2).sum() / 210, abs=1e-12)
    assert logit.hit_rate() == pytest.approx((p.argmax(axis=1) == chosen).mean(), abs=1e-12)


def test_scores_of_new_data_are_those_of_the_sample_where_it_is_the_same(logit: Any) -> None:
    frame = ck.load_dataset("travelmode")
    assert logit.log_score(frame) == pytest.approx(logit.log_score(), abs=1e-12)
    assert logit.brier(frame) == pytest.approx(logit.brier(), abs=1e-12)
    half = frame[frame.individual <= 100]
    part = logit.model.on(logit.model.data.select(np.arange(210) < 100))
    assert logit.log_score(half) == pytest.approx(
        part.likelihood().value(logit.params.to_numpy()) / 100, abs=1e-12
    )
    with pytest.raises(DataError, match="choice"):
        logit.brier(frame.drop(columns="choice"))


def test_the_table_of_predictions_is_that_of_statsmodels() -> None:
    spector = sm.datasets.spector.load_pandas().data
    exog = sm.add_constant(spector[["GPA", "TUCE", "PSI"]])
    theirs = sm.Logit(spector["GRADE"], exog).fit(disp=0)
    data = ck.ChoiceData.from_wide(spector, alternatives=[0, 1], chosen="GRADE")
    ours = ck.logit("GRADE ~ 0 | GPA + TUCE + PSI", data).fit()
    np.testing.assert_array_equal(ours.pred_table().to_numpy(), theirs.pred_table())
    # the Brier score of a yes-or-no event counts one of the two
    brier = np.mean((theirs.predict() - spector["GRADE"]) ** 2)
    assert ours.brier() == pytest.approx(2.0 * brier, rel=1e-6)
    expected = ours.pred_table(expected=True)
    np.testing.assert_allclose(expected.sum(), np.bincount(spector["GRADE"].astype(int)))


def test_ties_are_shared_among_the_likeliest(travel: ck.ChoiceData) -> None:
    equal = ck.logit("choice ~ gc | 0", travel).fit(fixed={"gc": 0.0})
    assert equal.hit_rate() == pytest.approx(0.25)
    assert equal.brier() == pytest.approx(0.75)
    assert (equal.pred_table().sum(axis=1) == travel.shares()["chosen"].to_numpy()).all()


# -- calibration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "n"), [(0, 7), (3, 20), (50, 50), (211, 840)])
def test_intervals_are_wilsons(count: int, n: int) -> None:
    theirs = proportion_confint(count, n, alpha=0.1, method="wilson")
    assert wilson(count / n, n, alpha=0.1) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_a_logit_with_constants_is_calibrated_in_the_large(logit: Any, strategy: str) -> None:
    table = logit.calibration_curve(bins=5, strategy=strategy)
    assert (table.groupby("alternative")["n"].sum() == 210).all()
    assert ((table["low"] <= table["observed"]) & (table["observed"] <= table["high"])).all()
    if strategy == "quantile":
        assert (table["n"] == 42).all()
    for _, own in table.groupby("alternative"):  # the first-order condition of its constant
        assert own["n"] @ own["predicted"] == pytest.approx(own["n"] @ own["observed"], abs=1e-6)


def test_a_bin_holds_what_lies_in_it(logit: Any) -> None:
    p = logit.probabilities()["air"].to_numpy()
    taken = logit.model.data.layout.chosen_alt == 0
    row = logit.calibration_curve(bins=4, strategy="uniform").query("alternative == 'air'").iloc[1]
    inside = (p >= 0.25) & (p < 0.5)
    assert row["bin"] == 2
    assert row["n"] == inside.sum()
    assert row["predicted"] == pytest.approx(p[inside].mean())
    assert row["observed"] == pytest.approx(taken[inside].mean())
    pooled = logit.calibration_curve(pooled=True)
    assert pooled["n"].sum() == 840
    assert (pooled["alternative"] == "all").all()


def test_weights_count_as_copies_for_shares(travel: ck.ChoiceData) -> None:
    doubled = travel.with_weights(np.full(210, 2.0))
    one, two = (
        ck.logit("choice ~ gc + ttme", data).fit().calibration_curve() for data in (travel, doubled)
    )
    # equal weights leave as many independent cases
    pd.testing.assert_frame_equal(one, two, check_exact=False, atol=1e-8)


def test_bad_arguments_of_the_curve(logit: Any) -> None:
    with pytest.raises(SpecificationError, match="bins"):
        logit.calibration_curve(bins=0)
    with pytest.raises(SpecificationError, match="uniform"):
        logit.calibration_curve(strategy="equal")


# -- folds ----------------------------------------------------------------------------------------


def test_people_stay_together_and_folds_are_of_equal_size() -> None:
    data = read(panel(23, 4, 1), person="person")
    codes = fold_codes(data.layout, 5, seed=3)
    together = pd.DataFrame({"person": data.layout.person, "fold": codes}).drop_duplicates()
    assert len(together) == 23
    assert sorted(together["fold"].value_counts()) == [4, 4, 5, 5, 5]
    assert (codes == fold_codes(data.layout, 5, seed=3)).all()
    assert (codes != fold_codes(data.layout, 5, seed=4)).any()


@pytest.mark.parametrize("folds", [1, 0, 2.5, True, "ten"])
def test_bad_numbers_of_folds(logit: Any, folds: Any) -> None:
    with pytest.raises(SpecificationError, match="at least 2"):
        ck.cross_validate(logit, folds=folds)


def test_more_folds_than_people() -> None:
    fit = ck.logit("choice ~ x", read(panel(6, 4, 1), person="person")).fit()
    with pytest.raises(SpecificationError, match="as many people, but there are 6"):
        ck.cross_validate(fit, folds=7)


# -- held-out scores ------------------------------------------------------------------------------


def test_the_refits_are_those_of_statsmodels() -> None:
    spector = sm.datasets.spector.load_pandas().data
    exog = sm.add_constant(spector[["GPA", "PSI"]])
    data = ck.ChoiceData.from_wide(spector, alternatives=[0, 1], chosen="GRADE")
    fits = [ck.logit("~ 0 | GPA + PSI", data).fit(), ck.probit("~ 0 | GPA + PSI", data).fit()]
    found = ck.cross_validate(*fits, folds=4, seed=2)
    for name, law in zip(found.names, (sm.Logit, sm.Probit), strict=True):
        logp, brier = np.empty(32), np.empty(32)
        for fold in range(1, 5):
            out = (found.folds == fold).to_numpy()
            fit = law(spector["GRADE"][~out], exog[~out]).fit(disp=0)
            p = fit.predict(exog[out])
            y = spector["GRADE"][out]
            logp[out] = np.log(np.where(y == 1, p, 1 - p))
            brier[out] = 2 * (y - p) ** 2
        row = found.scores[found.scores["model"] == name]
        assert found.totals.loc[name, "log_likelihood"] == pytest.approx(logp.sum(), rel=1e-6)
        assert found.totals.loc[name, "brier"] == pytest.approx(brier.mean(), rel=1e-6)
        assert row["log_likelihood"].sum() == pytest.approx(logp.sum(), rel=1e-6)
        assert row["cases"].tolist() == [8, 8, 8, 8]


def test_leaving_one_out_of_constants_has_a_closed_form(travel: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ 0 | 1", travel).fit()
    found = ck.cross_validate(fit, folds=210)
    n = travel.shares()["chosen"].to_numpy()
    assert found.totals["log_likelihood"].iloc[0] == pytest.approx(
        n @ np.log((n - 1) / 209), rel=1e-6
    )
    assert "each left out in turn" in str(found)


def test_the_standard_error_is_that_of_a_clustered_regression_on_a_constant() -> None:
    rng = np.random.default_rng(5)
    gap, weights = rng.normal(size=60), rng.uniform(0.5, 2.0, size=60)
    person = rng.integers(12, size=60)
    ours = mean_difference(gap, weights, person)
    theirs = sm.WLS(gap, np.ones(60), weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": person}
    )
    assert ours.value == pytest.approx(theirs.params[0])
    assert ours.std_error == pytest.approx(theirs.bse[0])
    assert ours.pvalue == pytest.approx(theirs.pvalues[0])
    alone = mean_difference(gap, np.ones(60), None)
    assert alone.std_error == pytest.approx(gap.std(ddof=1) / np.sqrt(60))


def test_models_without_tastes_of_people_give_the_same_by_case_and_by_person() -> None:
    data = read(panel(30, 3, 2), person="person")
    plain = ck.logit("choice ~ x", data).fit()
    mixing = ck.RandomCoefficients(x="normal", draws=16)
    none = ck.logit("choice ~ x", data, mixing=mixing).fit(fixed={"sd[x]": 0.0})
    found = ck.cross_validate(plain, none, folds=3, names=["plain", "none"])
    totals = found.totals
    assert totals.loc["none", "log_score"] == pytest.approx(totals.loc["plain", "log_score"])
    assert totals.loc["none", "log_score_cases"] == pytest.approx(totals.loc["none", "log_score"])
    assert found.differences.query("score == 'brier'")["difference"].iloc[0] == pytest.approx(
        0.0, abs=1e-8
    )


def test_tastes_of_people_show_in_what_a_person_chooses_together() -> None:
    data = read(panel(60, 6, 3), person="person")
    plain = ck.logit("choice ~ x", data).fit()
    mixed = ck.logit("choice ~ x", data, mixing=ck.RandomCoefficients(x="normal", draws=64)).fit()
    found = ck.cross_validate(plain, mixed, folds=3, names=["plain", "mixed"])
    pair = found.differences.set_index("score")
    assert pair.loc["log_score", "preferred"] == "mixed"
    assert pair.loc["log_score", "units"] == 60
    assert pair.loc["log_score", "difference"] < pair.loc["log_score_cases", "difference"]
    assert mixed.log_score() > mixed.log_score(joint=False)
    assert "The same, each case alone" in str(found)


def test_what_was_fixed_or_tied_stays_so(travel: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc + ttme | hinc", travel, base="car").fit(
        fixed={"ttme": -0.1}, constraints="hinc[air] = 2 * hinc[bus]"
    )
    again = held_out(fit, fold_codes(travel.layout, 3, 1)).params
    assert (again["ttme"] == -0.1).all()
    np.testing.assert_allclose(again["hinc[air]"], 2.0 * again["hinc[bus]"], rtol=1e-9)
    assert again["gc"].nunique() == 3


def test_categories_learned_on_all_cases_stay() -> None:
    frame = long_frame(90, [0.5], seed=1)
    case = frame["case"].to_numpy()
    frame["kind"] = np.where(case < 3, "rare", np.where(case % 2, "odd", "even"))
    fit = ck.logit("choice ~ C(kind):x0 | 0", read(frame)).fit()
    codes = np.arange(90) % 3  # each fold has one rare case
    assert list(held_out(fit, codes).params.columns) == list(fit.params.index)
    codes = np.minimum(np.arange(90) // 3, 1)  # all of them in the first fold
    with pytest.raises(IdentificationError, match="rare") as caught:
        held_out(fit, codes, "this one")
    assert "this one cannot be estimated without fold 1" in str(caught.value)
    assert "fewer folds" in str(caught.value)


def test_an_alternative_that_nobody_else_chose_is_an_error_with_a_cure() -> None:
    frame = long_frame(60, [0.5], seed=2)
    rare = frame["case"].unique()[:2]
    never = ~frame["case"].isin(rare)
    moved = never & (frame["alt"] == "a2") & (frame["choice"] == 1)
    frame.loc[frame["case"].isin(rare), "choice"] = (frame["alt"] == "a2").astype(int)
    frame.loc[frame["case"].isin(frame.loc[moved, "case"]), "choice"] = (
        frame["alt"] == "a0"
    ).astype(int)
    fit = ck.logit("choice ~ x0", read(frame)).fit()
    with pytest.raises(IdentificationError, match=r"asc\[a2\].*Cure for the cross-validation"):
        held_out(fit, np.minimum(np.arange(60) // 2, 1))


def test_fits_may_order_their_cases_otherwise(travel: ck.ChoiceData) -> None:
    frame = ck.load_dataset("travelmode").sort_values("individual", ascending=False, kind="stable")
    other = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    fits = [ck.logit("choice ~ gc + ttme", data, base="car").fit() for data in (travel, other)]
    found = ck.cross_validate(*fits, folds=3)
    assert found.differences["difference"].abs().max() < 1e-7
    assert found.differences["preferred"].isna().all()


def test_other_cases_are_refused(travel: ck.ChoiceData, logit: Any) -> None:
    fewer = ck.logit("choice ~ gc", travel.select(np.arange(209))).fit()
    with pytest.raises(DataError, match="only"):
        ck.cross_validate(logit, fewer)
    with pytest.raises(SpecificationError, match="not a fit"):
        ck.cross_validate(logit, logit.model)


def test_latent_classes_are_refitted_from_their_estimates() -> None:
    data = read(panel(40, 4, 4), person="person")
    fit = ck.logit("choice ~ x | 0", data, mixing=ck.LatentClasses(2)).fit()
    found = ck.cross_validate(fit, folds=2, names=["classes"])
    direct = 0.0
    for fold, params in found.held_out["classes"].params.iterrows():
        part = fit.model.on(data.select((found.folds == fold).to_numpy()))
        direct += part.likelihood().value(params.to_numpy())
    assert found.totals["log_likelihood"].iloc[0] == pytest.approx(direct, rel=1e-10)
    assert found.totals["log_score"].iloc[0] != found.totals["log_score_cases"].iloc[0]


# -- the object, and compare ----------------------------------------------------------------------


def test_the_comparison_tells_of_people_left_out(travel: ck.ChoiceData, logit: Any) -> None:
    small = ck.logit("choice ~ gc", travel, base="car").fit()
    found = ck.compare(small, logit, names=["small", "large"], folds=4, seed=3)
    assert found.cross_validation is not None
    assert found.cross_validation.seed == 3
    assert "large predicts better" in found.verdict
    assert "nor how they would predict others" not in found.verdict
    for text in (str(found), found.to_markdown(), found.to_html(), found.to_latex()):
        assert "Out of sample" in text
    assert ck.compare(small, logit).cross_validation is None
    same = ck.compare(logit, logit, names=["one", "other"], folds=2)
    assert "one and other predict equally well" in same.verdict


def test_certainty_that_is_refuted_is_said_and_not_counted(
    travel: ck.ChoiceData, logit: Any
) -> None:
    certain = ck.logit("choice ~ gc | 0", travel).fit(fixed={"gc": -50.0})
    found = ck.compare(logit, certain, names=["usual", "certain"], folds=3)
    assert any("certain all but excludes what was chosen" in text for text in found.warnings)
    assert "certain all but excludes choices that were made" in found.verdict
    assert "by the Brier score usual predicts better" in found.verdict
    assert "usual all but" not in " ".join(found.warnings)


def test_the_object_prints_and_travels(travel: ck.ChoiceData, logit: Any) -> None:
    found = ck.cross_validate(logit, folds=3)
    assert "70 (seed 1)" in str(found)
    assert repr(found) == "<CrossValidation of logit, 3 folds>"
    html = found._repr_html_()
    assert "<h2>Out of sample</h2>" in html
    assert "Verdict" not in html
    assert found.n_folds == 3
    assert len(found.differences) == 0
    back = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(back.scores, found.scores)
    curve = found.calibration_curve(bins=4)
    assert list(curve.columns)[:3] == ["model", "alternative", "bin"]
    assert (curve.groupby("alternative")["n"].sum() == 210).all()
    assert found.probabilities("logit").sum(axis=1).to_numpy() == pytest.approx(np.ones(210))


# -- the same model on other data -----------------------------------------------------------------


def test_a_model_on_other_data_is_the_one_written_anew(travel: ck.ChoiceData, logit: Any) -> None:
    part = travel.select(np.arange(210) % 3 > 0)
    moved, anew = logit.model.on(part), ck.logit("choice ~ gc + ttme | hinc", part, base="car")
    np.testing.assert_array_equal(moved.information, anew.information)
    pd.testing.assert_series_equal(moved.fit().params, anew.fit().params)
    assert logit.model.data is travel


def test_a_model_on_data_of_other_alternatives(logit: Any) -> None:
    with pytest.raises(SpecificationError, match="choices among air, train, bus, car"):
        logit.model.on(read(panel(5, 2, 1)))
    unknown = logit.model.data.read_like(ck.load_dataset("travelmode").drop(columns="choice"))
    with pytest.raises(SpecificationError, match="read_like"):
        logit.model.on(unknown)
