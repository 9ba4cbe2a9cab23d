"""Score tests, tests of independence from irrelevant alternatives, tests between models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import binomtest, chi2, norm
from statsmodels.discrete.conditional_models import ConditionalLogit

import choicekit as ck
from choicekit.data.without import without_alternatives
from choicekit.exceptions import DataError, IdentificationError, SpecificationError
from choicekit.post.held_out import fold_codes

from .simulate import long_frame

FORMULA = "choice ~ gc + ttme | hinc"


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **more)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return ck.load_dataset("travelmode").assign(air_income=lambda d: d.hinc * (d["mode"] == "air"))


@pytest.fixture(scope="module")
def travel(frame: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="module")
def logit(travel: ck.ChoiceData) -> Any:
    return ck.logit(FORMULA, travel, base="car").fit()


@pytest.fixture(scope="module")
def spector() -> pd.DataFrame:
    return sm.datasets.spector.load_pandas().data


@pytest.fixture(scope="module")
def grades(spector: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_wide(spector, alternatives=[0, 1], chosen="GRADE")


# -- score tests ----------------------------------------------------------------------------------


def lagrange(fit: Any, extra: Any) -> float:
    """The statistic of statsmodels for columns left out of a fit of its own."""
    if not hasattr(fit, "score_test"):
        pytest.skip("this statsmodels has no score test of such fits")
    return float(np.squeeze(fit.score_test(exog_extra=extra)[0]))


@pytest.mark.parametrize("law", ["logit", "probit"])
def test_the_score_test_is_that_of_statsmodels(
    law: str, spector: pd.DataFrame, grades: ck.ChoiceData
) -> None:
    ours = getattr(ck, law)("~ 0 | GPA", grades).fit().score_test("~ 0 | GPA + TUCE + PSI")
    theirs = {"logit": sm.Logit, "probit": sm.Probit}[law](
        spector["GRADE"], sm.add_constant(spector[["GPA"]])
    ).fit(disp=0)
    found = lagrange(theirs, spector[["TUCE", "PSI"]].to_numpy())
    assert ours.statistic == pytest.approx(found, rel=1e-4)
    assert ours.pvalue == pytest.approx(chi2.sf(found, 2), rel=1e-3)
    assert (ours.df, ours.tested) == (2, ("TUCE[1]", "PSI[1]"))


def test_the_sandwich_is_that_of_statsmodels_about_zero(
    spector: pd.DataFrame, grades: ck.ChoiceData
) -> None:
    exog = sm.add_constant(spector[["GPA"]])
    theirs = sm.Logit(spector["GRADE"], exog).fit(disp=0, cov_type="HC0")
    extra = spector[["TUCE", "PSI"]].to_numpy()
    centred = lagrange(theirs, extra) * 32 / 31  # it divides by n - 1
    fit = ck.logit("~ 0 | GPA", grades).fit(cov_type="HC0")
    # it takes the scores about their mean; about zero the statistic is this (Sherman-Morrison)
    assert fit.score_test("~ 0 | GPA + TUCE + PSI").statistic == pytest.approx(
        centred / (1.0 + centred / 32), rel=1e-6
    )


def test_the_outer_product_is_a_regression_of_one_on_the_scores(
    spector: pd.DataFrame, grades: ck.ChoiceData
) -> None:
    exog = sm.add_constant(spector[["GPA", "TUCE", "PSI"]])
    small = sm.Logit(spector["GRADE"], exog[["const", "GPA"]]).fit(disp=0)
    params = np.append(small.params, [0.0, 0.0])
    scores = sm.Logit(spector["GRADE"], exog).score_obs(params)
    explained = sm.OLS(np.ones(32), scores).fit().fittedvalues.sum()
    fit = ck.logit("~ 0 | GPA", grades).fit()
    found = fit.score_test("~ 0 | GPA + TUCE + PSI", cov_type="opg")
    assert found.statistic == pytest.approx(explained, rel=1e-6)


def test_several_alternatives_as_in_statsmodels() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(2, 300))
    y = rng.integers(3, size=300)
    theirs = sm.MNLogit(y, sm.add_constant(x)).fit(disp=0)
    data = ck.ChoiceData.from_wide(
        pd.DataFrame({"y": y, "x": x, "z": z}), alternatives=[0, 1, 2], chosen="y"
    )
    ours = ck.logit("~ 0 | x", data).fit().score_test("~ 0 | x + z")
    fuller = sm.MNLogit(y, sm.add_constant(np.column_stack([x, z])))
    place = np.column_stack([theirs.params.T, np.zeros(2)]).ravel()  # equation by equation
    score, hessian = fuller.score(place), fuller.hessian(place)
    assert ours.statistic == pytest.approx(-score @ np.linalg.solve(hessian, score), rel=1e-6)
    assert ours.df == 2


def test_restrictions_may_be_written_in_many_ways(travel: ck.ChoiceData) -> None:
    short = ck.logit("choice ~ ttme | hinc", travel, base="car").fit().score_test(FORMULA)
    zero = ck.logit(FORMULA, travel, base="car").fit(fixed={"gc": 0.0}).score_test()
    assert short.tested == zero.tested == ("gc",)
    assert zero.statistic == pytest.approx(short.statistic, rel=1e-6)
    # one coefficient for all alternatives, against one for each
    each = "choice ~ ttme | 1 | gc"
    generic = ck.logit("choice ~ gc + ttme | 1", travel, base="car").fit().score_test(each)
    tied = ck.logit(each, travel, base="car").fit(
        constraints="gc[air] = gc[car], gc[bus] = gc[car], gc[train] = gc[car]"
    )
    assert generic.df == 3
    assert set(generic.tested) == {f"gc[{label}]" for label in travel.alternatives}
    assert generic.statistic == pytest.approx(tied.score_test().statistic, rel=1e-5)
    assert any("gc[air] = gc[car]" in text for text in tied.score_test().tested)
    # another base is the same model
    other = ck.logit(FORMULA, travel, base="bus")
    moved = ck.logit("choice ~ ttme | hinc", travel, base="car").fit().score_test(other)
    assert moved.statistic == pytest.approx(short.statistic, rel=1e-6)


def test_the_three_tests_agree_in_a_large_sample() -> None:
    data = read(long_frame(6000, [1.0, 0.05], seed=4))
    full = ck.logit("choice ~ x0 + x1 | z", data).fit()
    small = ck.logit("choice ~ x0", data).fit()
    score = small.score_test("choice ~ x0 + x1 | z")
    ratio = small.test_against(full)
    wald = full.wald_test("x1 = 0, z[a1] = 0, z[a2] = 0")
    assert score.df == ratio.df == 3
    assert score.statistic == pytest.approx(ratio.statistic, rel=0.01)
    assert score.statistic == pytest.approx(float(wald.statistic), rel=0.01)
    robust = small.with_cov("HC0").score_test("choice ~ x0 + x1 | z")
    assert robust.cov_type == "HC0"
    assert robust.statistic == pytest.approx(score.statistic, rel=0.1)


def test_it_rejects_as_often_as_it_should() -> None:
    rejected = 0
    for seed in range(150):
        data = read(long_frame(200, [1.0], seed=seed, n_alternatives=3))
        found = ck.logit("choice ~ x0 | 0", data).fit().score_test("choice ~ x0 | 0 + z")
        rejected += found.pvalue < 0.05
    assert binomtest(rejected, 150, 0.05).pvalue > 0.01


def test_errors_are_tested_without_the_fuller_fit(travel: ck.ChoiceData, logit: Any) -> None:
    nested = ck.ChoiceModel(
        FORMULA, travel, errors=ck.Nested({"ground": ["train", "bus"]}), base="car"
    )
    found = logit.score_test(nested)
    assert found.tested == ("lambda[ground]",)
    # the slope and curvature along lambda, concentrated over the coefficients, by differences
    names = [name for name in nested.parameter_names if name != "lambda[ground]"]

    def profile(value: float) -> float:
        held = {"lambda[ground]": value}
        return float(nested.fit(fixed=held, start={n: logit.params[n] for n in names}).llf)

    h = 1e-2
    low, middle, high = (profile(1.0 + d) for d in (-h, 0.0, h))
    slope, curvature = (high - low) / (2 * h), (high - 2 * middle + low) / h**2
    assert found.statistic == pytest.approx(-(slope**2) / curvature, rel=2e-3)
    scales = ck.ChoiceModel(FORMULA, travel, errors=ck.HeteroskedasticGumbel(), base="car")
    assert logit.score_test(scales, fixed=["scale[train]"]).df == 2


def test_people_count_as_one_where_scores_are_clustered() -> None:
    frame = long_frame(100, [1.0, 0.2], seed=6)
    once = read(frame)
    twice = pd.concat([frame.assign(person=frame.case), frame.assign(person=frame.case, case=-1)])
    twice.loc[twice["case"] == -1, "case"] = frame["case"].to_numpy() + 1000
    double = read(twice, person="person")
    robust = ck.logit("choice ~ x0", once).fit(cov_type="HC0").score_test("choice ~ x0 + x1")
    clustered = ck.logit("choice ~ x0", double).fit(cov_type="cluster")
    found = clustered.score_test("choice ~ x0 + x1")
    assert found.cov_type == "cluster"
    assert found.statistic == pytest.approx(robust.statistic * 99 / 100, rel=1e-6)
    with pytest.raises(SpecificationError, match="person"):
        ck.logit("choice ~ x0", once).fit().score_test("choice ~ x0 + x1", cov_type="cluster")


def test_what_the_score_cannot_test(travel: ck.ChoiceData, logit: Any) -> None:
    mixing = ck.RandomCoefficients(gc="triangular", draws=8)
    with pytest.raises(SpecificationError, match=r"sd\[gc\] at zero.*likelihood ratio"):
        logit.score_test(ck.logit(FORMULA, travel, base="car", mixing=mixing))
    with pytest.raises(SpecificationError, match="no special case"):
        logit.score_test(ck.probit(FORMULA, travel, base="car", covariance="unstructured"))
    with pytest.raises(SpecificationError, match=r"regressor of hinc\[air\]"):
        logit.score_test("choice ~ gc + ttme + invc")
    with pytest.raises(SpecificationError, match="no more parameters"):
        logit.score_test(FORMULA)
    with pytest.raises(SpecificationError, match="Nothing was fixed"):
        logit.score_test()
    with pytest.raises(SpecificationError, match="latent classes"):
        logit.score_test(ck.logit(FORMULA, travel, base="car", mixing=ck.LatentClasses(2)))
    with pytest.raises(SpecificationError, match="opg"):
        logit.score_test("choice ~ gc + ttme + invc | hinc", cov_type="HC3")
    with pytest.raises(SpecificationError, match="'invx' to hold"):
        logit.score_test("choice ~ gc + ttme + invc | hinc", fixed=["invx"])
    with pytest.raises(DataError, match="cases"):
        logit.score_test(ck.logit("choice ~ gc + ttme + invc | hinc", travel.select(range(9, 200))))
    with pytest.raises(IdentificationError, match="cannot be told apart"):
        logit.score_test("choice ~ gc + ttme + I(2 * gc) | hinc")


# -- independence from irrelevant alternatives ----------------------------------------------------


def conditional(frame: pd.DataFrame, columns: list[str]) -> Any:
    """The conditional logit of statsmodels, with constants as columns."""
    exog = frame[columns].assign(
        **{f"is_{m}": (frame["mode"] == m) * 1.0 for m in ("train", "bus")}
    )
    if (frame["mode"] == "air").any():
        exog["is_air"] = (frame["mode"] == "air") * 1.0
    return ConditionalLogit(frame["choice"], exog, groups=frame["individual"]).fit(
        disp=False, method="newton"
    )


def ground(frame: pd.DataFrame) -> pd.DataFrame:
    """Those who did not fly, without air."""
    flown = frame.loc[(frame["mode"] == "air") & (frame["choice"] == 1), "individual"]
    return frame[(frame["mode"] != "air") & ~frame["individual"].isin(flown)]


def test_hausman_and_mcfaddens_statistic_from_fits_of_statsmodels(
    frame: pd.DataFrame, travel: ck.ChoiceData
) -> None:
    full = conditional(frame, ["ttme", "gc", "air_income"])
    part = conditional(ground(frame), ["ttme", "gc"])
    names = ["ttme", "gc", "is_train", "is_bus"]
    gap = part.params[names] - full.params[names]
    variance = part.cov_params().loc[names, names] - full.cov_params().loc[names, names]
    statistic = gap @ np.linalg.solve(variance, gap)
    found = (
        ck.logit("choice ~ ttme + gc + air_income", travel, base="car")
        .fit()
        .hausman_mcfadden("air")
    )
    assert found.classical_statistic == pytest.approx(statistic, rel=1e-4)
    assert found.classical_pvalue == pytest.approx(chi2.sf(statistic, 4), rel=1e-3)
    assert found.df == 4
    np.testing.assert_allclose(found.table["difference"], gap, rtol=1e-4)
    assert (found.nobs, found.nobs_restricted) == (210, 152)


def test_the_joint_variance_from_scores_of_statsmodels() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=400)
    u = np.column_stack([np.zeros(400), 0.5 * x, -0.7 * x]) + rng.gumbel(size=(400, 3))
    y = u.argmax(axis=1)
    exog = sm.add_constant(x)
    full = sm.MNLogit(y, exog).fit(disp=0)
    stays = y < 2
    part = sm.Logit(y[stays], exog[stays]).fit(disp=0)
    influence = np.zeros((400, 2))
    influence[stays] = part.model.score_obs(part.params) @ np.linalg.inv(
        -part.model.hessian(part.params)
    )
    flat = full.params.T.ravel()  # equation by equation
    bread = np.linalg.inv(-full.model.hessian(full.params))
    influence -= (full.model.score_obs(flat) @ bread)[:, :2]
    gap = part.params - flat[:2]
    variance = influence.T @ influence * 400 / 399
    statistic = gap @ np.linalg.solve(variance, gap)
    data = ck.ChoiceData.from_wide(
        pd.DataFrame({"y": y, "x": x}), alternatives=[0, 1, 2], chosen="y"
    )
    found = ck.logit("~ 0 | x", data).fit().hausman_mcfadden(2)
    assert found.statistic == pytest.approx(statistic, rel=1e-5)
    np.testing.assert_allclose(found.table["std_error"], np.sqrt(np.diag(variance)), rtol=1e-5)


def test_which_alternative_is_the_base_does_not_matter(travel: ck.ChoiceData) -> None:
    found = [
        ck.logit(FORMULA, travel, base=base).fit().hausman_mcfadden(["car"])
        for base in ("car", "air")
    ]
    assert found[0].df == found[1].df == 6
    assert found[0].statistic == pytest.approx(found[1].statistic, rel=1e-5)
    assert "asc[air] - asc[bus]" in found[0].table.index
    np.testing.assert_allclose(
        found[0].table.loc["asc[air] - asc[bus]"].iloc[:3],
        -found[1].table.loc["asc[bus]"].iloc[:3],
        rtol=1e-5,
    )


def test_a_negative_statistic_is_explained(travel: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ ttme + gc + air_income", travel, base="car").fit()
    found = fit.hausman_mcfadden("car")
    assert found.classical_statistic < 0.0
    assert np.isnan(found.classical_pvalue)
    assert found.statistic > 0.0
    assert "not (2 of 5 eigenvalues negative)" in found.note
    assert "below zero" in found.note
    assert "chi2(5) = -" not in str(found)
    assert "no evidence either way" in " ".join(str(found).split())


def test_people_and_weights_in_the_joint_variance() -> None:
    frame = long_frame(150, [1.0, -0.5], seed=8, n_alternatives=4)
    single = ck.logit("choice ~ x0 + x1", read(frame)).fit().hausman_mcfadden("a3")
    twice = pd.concat([frame.assign(person=frame.case), frame.assign(person=frame.case, case=-1)])
    twice.loc[twice["case"] == -1, "case"] = frame["case"].to_numpy() + 1000
    double = ck.logit("choice ~ x0 + x1", read(twice, person="person")).fit()
    assert double.hausman_mcfadden("a3").statistic == pytest.approx(single.statistic, rel=1e-5)
    weighted = ck.logit("choice ~ x0 + x1", read(frame).with_weights(np.full(150, 2.0))).fit()
    found = weighted.hausman_mcfadden("a3")
    assert found.statistic == pytest.approx(single.statistic, rel=1e-5)
    assert found.classical_statistic == pytest.approx(2.0 * single.classical_statistic, rel=1e-5)


def test_small_and_hsiaos_statistic_from_fits_of_statsmodels(
    frame: pd.DataFrame, travel: ck.ChoiceData
) -> None:
    fit = ck.logit("choice ~ ttme + gc", travel, base="car").fit()
    found = fit.small_hsiao("air", splits=1, seed=5)
    half = fold_codes(travel.layout, 2, [5, 0])
    which = pd.Series(half, index=travel.case_ids).loc[frame["individual"]].to_numpy()
    one, two = (conditional(frame[which == h], ["ttme", "gc"]).params for h in (0, 1))
    part = conditional(ground(frame[which == 1]), ["ttme", "gc"])
    mean = np.sqrt(0.5) * one + (1.0 - np.sqrt(0.5)) * two
    at_mean = part.model.loglike(mean[part.params.index].to_numpy())
    statistic = 2.0 * (part.llf - at_mean)
    assert found.splits["statistic"].iloc[0] == pytest.approx(statistic, rel=1e-3)
    assert found.pvalue == pytest.approx(chi2.sf(statistic, 4), rel=1e-2)
    assert "Another division gives another result" in str(found)


def test_divisions_are_shown_with_their_spread(logit: Any) -> None:
    found = logit.small_hsiao("air", splits=6, seed=2)
    assert len(found.splits) + found.failed == 6
    assert found.pvalue == pytest.approx(min(1.0, 2.0 * found.splits["pvalue"].median()))
    assert "6 random divisions" in str(found)
    again = logit.small_hsiao("air", splits=3, seed=2).splits
    pd.testing.assert_frame_equal(again, found.splits.iloc[:3])


def test_nests_are_found() -> None:
    rng = np.random.default_rng(12)
    n = 1500
    x = rng.normal(size=(n, 3))
    common = rng.normal(size=n) * 3.0
    u = x + rng.gumbel(size=(n, 3)) + np.column_stack([np.zeros(n), common, common])
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), 3),
            "alt": np.tile(["a", "b", "c"], n),
            "x": x.ravel(),
            "choice": (np.arange(3) == u.argmax(axis=1)[:, None]).ravel().astype(int),
        }
    )
    fit = ck.logit("choice ~ x", read(frame)).fit()
    assert fit.hausman_mcfadden("a").pvalue < 1e-4
    assert fit.small_hsiao("a", splits=5).pvalue < 1e-3


def test_what_the_tests_of_independence_refuse(travel: ck.ChoiceData, logit: Any) -> None:
    probit = ck.probit("choice ~ gc", travel, base="car", covariance="iid").fit()
    with pytest.raises(SpecificationError, match=r"nothing to test.*compare"):
        probit.hausman_mcfadden("air")
    with pytest.raises(SpecificationError, match=r"'plane'.*air"):
        logit.hausman_mcfadden("plane")
    with pytest.raises(SpecificationError, match="No choice is left"):
        logit.small_hsiao(["air", "bus", "train"])
    with pytest.raises(SpecificationError, match="same by construction"):
        ck.logit("choice ~ 0 | 1", travel).fit().hausman_mcfadden("air")
    tied = ck.logit(FORMULA, travel).fit(constraints="hinc[car] = hinc[bus]")
    with pytest.raises(SpecificationError, match="constraint"):
        tied.hausman_mcfadden("air")
    with pytest.raises(SpecificationError, match="splits"):
        logit.small_hsiao("air", splits=0)


def test_choices_without_some_alternatives() -> None:
    data = read(long_frame(80, [1.0], seed=3, n_alternatives=4, ragged=True))
    part = without_alternatives(data, ["a1"])
    frame = data.frame
    chosen = frame[frame["choice"] == 1].set_index("case")["alt"]
    kept = frame[(frame["alt"] != "a1") & (frame["case"].map(chosen) != "a1")]
    kept = kept[kept.groupby("case")["alt"].transform("size") >= 2]
    pd.testing.assert_frame_equal(part.frame, kept)
    assert part.alternatives == data.alternatives
    np.testing.assert_array_equal(
        np.array(data.alternatives)[part.layout.chosen_alt], chosen.loc[part.case_ids]
    )
    np.testing.assert_array_equal(
        np.array(data.alternatives)[part.layout.alt], kept["alt"].to_numpy()
    )


# -- tests between models -------------------------------------------------------------------------


def test_clarkes_count_from_fits_of_statsmodels(
    spector: pd.DataFrame, grades: ck.ChoiceData
) -> None:
    one = sm.Logit(spector["GRADE"], sm.add_constant(spector[["GPA", "TUCE"]])).fit(disp=0)
    other = sm.Probit(spector["GRADE"], sm.add_constant(spector[["PSI"]])).fit(disp=0)
    gap = one.model.loglikeobs(one.params) - other.model.loglikeobs(other.params)
    found = (
        ck.logit("~ 0 | GPA + TUCE", grades)
        .fit()
        .test_against(ck.probit("~ 0 | PSI", grades).fit(), "clarke")
    )
    assert isinstance(found.positive, int)
    assert (found.positive, found.n_units) == ((gap > 0).sum(), 32)
    assert found.pvalue == pytest.approx(binomtest(int((gap > 0).sum()), 32).pvalue)
    schwarz = int((gap - 0.5 * np.log(32) / 32 > 0).sum())  # one parameter more
    assert found.positive_bic == schwarz
    assert found.pvalue_bic == pytest.approx(binomtest(schwarz, 32).pvalue)
    assert "for the first model" in str(found)


def test_the_two_indices_give_one_bound(grades: ck.ChoiceData) -> None:
    one = ck.logit("~ 0 | GPA + TUCE + PSI", grades).fit()
    other = ck.logit("~ 0 | PSI", grades).fit()
    bas, horowitz = (one.test_against(other, kind) for kind in ("ben_akiva_swait", "horowitz"))
    assert bas.first == pytest.approx(1.0 - (one.llf - 4) / one.llnull)
    assert horowitz.second == pytest.approx(1.0 - (other.llf - 1) / other.llnull)
    bound = norm.cdf(-np.sqrt(2.0 * (one.llf - other.llf) - 2.0))
    assert bas.bound == pytest.approx(bound)
    assert horowitz.bound == pytest.approx(bound)
    assert bas.preferred == "first"
    swapped = other.test_against(one, "horowitz")
    assert (swapped.preferred, swapped.bound) == ("second", pytest.approx(bound))
    same = one.test_against(one, "horowitz")
    assert (same.bound, same.preferred) == (0.5, None)


def test_an_index_may_lead_by_fewer_parameters_alone(travel: ck.ChoiceData) -> None:
    rng = np.random.default_rng(1)
    noise = travel.frame.assign(**{f"n{k}": rng.normal(size=840) for k in range(3)})
    data = ck.ChoiceData.from_long(noise, case="individual", alt="mode", chosen="choice")
    one = ck.logit("choice ~ gc + ttme", data).fit()
    many = ck.logit("choice ~ gc + ttme + n0 + n1 + n2", data).fit()
    found = one.test_against(many, "ben_akiva_swait")
    assert found.difference > 0.0
    squared = 2.0 * (one.llf - many.llf) + 3.0
    assert found.bound == pytest.approx(norm.cdf(-np.sqrt(squared)) if squared >= 0 else 1.0)


def test_auto_chooses_as_compare_does(travel: ck.ChoiceData, logit: Any) -> None:
    small = ck.logit("choice ~ gc", travel, base="car").fit()
    probit = ck.probit(FORMULA, travel, base="car", covariance="iid").fit()
    assert logit.test_against(small).statistic == small.test_against(logit).statistic
    assert small.test_against(logit).df == 4
    found = ck.compare(small, logit, probit)
    vuong = found.tests.query("first == 'logit (2)' and second == 'probit'")
    assert logit.test_against(probit).statistic == pytest.approx(vuong["statistic"].iloc[0])
    more = found.more_tests.query("first == 'logit (2)' and second == 'probit'").set_index("test")
    assert more.loc["Clarke", "statistic"] == logit.test_against(probit, "clarke").positive
    bound = logit.test_against(probit, "ben_akiva_swait").bound
    assert more.loc["Ben-Akiva-Swait", "pvalue"] == pytest.approx(bound)
    assert len(found.more_tests) == 4  # of the pairs that are not nested
    with pytest.raises(SpecificationError, match="clarke"):
        logit.test_against(small, "cox")
    with pytest.raises(SpecificationError, match=r"fit\(\) first"):
        logit.test_against(small.model)
    with pytest.raises(SpecificationError, match="special case"):
        logit.test_against(ck.logit("choice ~ invc", travel).fit(), "lr")
    classes = ck.logit(FORMULA, travel, base="car", mixing=ck.LatentClasses(1)).fit()
    two = ck.logit("choice ~ gc | 0", travel, mixing=ck.LatentClasses(2)).fit()
    with pytest.raises(SpecificationError, match="latent classes"):
        classes.test_against(two)
