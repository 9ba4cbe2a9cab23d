"""Estimators against statsmodels; identification and convergence said in words."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import choicekit as ck

from .simulate import long_frame


def read(frame: pd.DataFrame, **columns: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **columns)


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode")
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="module")
def binary() -> tuple[pd.DataFrame, Any, Any]:
    """Two alternatives as long data, and as the differences a binary model is given."""
    frame = long_frame(800, [0.7, -0.4], seed=1, errors="normal", n_alternatives=2)
    frame["firm"] = frame["case"] % 40
    wide = frame.pivot(index="case", columns="alt")
    x = np.column_stack(
        [np.ones(800), *(wide[f"x{k}"]["a1"] - wide[f"x{k}"]["a0"] for k in range(2))]
    )
    return frame, wide["choice"]["a1"].to_numpy(), x


@pytest.mark.parametrize(("verb", "peer"), [("logit", "Logit"), ("probit", "Probit")])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC0", "cluster"])
def test_two_alternatives_against_statsmodels(
    binary: Any, verb: str, peer: str, cov_type: str
) -> None:
    frame, y, x = binary
    data = read(frame, person="firm")
    options = {"covariance": "iid"} if verb == "probit" else {}
    ours = getattr(ck, verb)("choice ~ x0 + x1", data, **options).fit(cov_type=cov_type)
    extra: dict[str, Any] = {}
    if cov_type == "cluster":
        groups = np.arange(800) % 40
        extra["cov_kwds"] = {"groups": groups, "use_correction": False, "df_correction": False}
    theirs = getattr(sm, peer)(y, x).fit(disp=0, cov_type=cov_type, tol=1e-12, **extra)
    names = ["asc[a1]", "x0", "x1"]
    np.testing.assert_allclose(ours.params[names], theirs.params, rtol=1e-6)
    factor = np.sqrt(40 / 39) if cov_type == "cluster" else 1.0
    np.testing.assert_allclose(ours.bse[names], theirs.bse * factor, rtol=1e-5)
    assert ours.llf == pytest.approx(theirs.llf, rel=1e-10)
    assert ours.llconst == pytest.approx(theirs.llnull, rel=1e-9)
    assert ours.prsquared == pytest.approx(theirs.prsquared, rel=1e-9)
    assert ours.llr_pvalue == pytest.approx(theirs.llr_pvalue, rel=1e-6)
    assert ours.aic == pytest.approx(theirs.aic)
    assert ours.bic == pytest.approx(theirs.bic)


def test_case_specific_logit_is_statsmodels_mnlogit() -> None:
    frame = sm.datasets.anes96.load_pandas().data[["PID", "educ", "income"]].copy()
    frame["PID"] = frame["PID"].astype(int)
    data = ck.ChoiceData.from_wide(frame, alternatives=sorted(frame["PID"].unique()), chosen="PID")
    ours = ck.logit("~ 0 | educ + income", data, base=0).fit()
    theirs = sm.MNLogit(frame["PID"], sm.add_constant(frame[["educ", "income"]])).fit(disp=0)
    expected = theirs.params.to_numpy()
    for row, name in enumerate(["asc", "educ", "income"]):
        found = [ours.params[f"{name}[{j}]"] for j in range(1, 7)]
        np.testing.assert_allclose(found, expected[row], rtol=1e-5, atol=1e-7)
        errors = [ours.bse[f"{name}[{j}]"] for j in range(1, 7)]
        np.testing.assert_allclose(errors, theirs.bse.to_numpy()[row], rtol=1e-5)
    assert ours.llf == pytest.approx(theirs.llf, rel=1e-10)


@pytest.mark.parametrize("covariance", ["iid", "heteroskedastic", "unstructured"])
def test_gradient_of_the_whole_likelihood(covariance: str) -> None:
    frame = long_frame(300, [0.5, -0.3], seed=2, n_alternatives=5, ragged=True)
    frame["w"] = 0.5 + (frame["case"] % 3)
    model = ck.probit(
        "choice ~ x0 + x1 | z", read(frame, weights="w"), covariance=covariance, draws=32
    )
    likelihood = model.likelihood()
    rng = np.random.default_rng(0)
    table = model.table({}, {})
    at = table.start + 0.1 * rng.normal(size=len(table.names))
    likelihood = likelihood.settle(at, 1)
    value, gradient = likelihood.value_and_gradient(at)
    weights = model.data.layout.weights
    np.testing.assert_allclose(weights @ likelihood.scores(at), gradient, rtol=1e-9, atol=1e-9)
    assert value == pytest.approx(likelihood.value(at), rel=1e-13)
    for p in range(len(at)):
        step = np.zeros(len(at))
        step[p] = 1e-5
        slope = (likelihood.value(at + step) - likelihood.value(at - step)) / 2e-5
        assert gradient[p] == pytest.approx(slope, rel=1e-6, abs=1e-5)


def test_opg_is_the_product_of_the_scores(travel: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc + ttme", travel).fit(cov_type="opg")
    scores = fit.scores()
    np.testing.assert_allclose(fit.cov, np.linalg.inv(scores.T @ scores), rtol=1e-8)
    np.testing.assert_allclose(scores.sum(axis=0), 0.0, atol=1e-6)


def test_constants_only_with_unequal_choice_sets() -> None:
    frame = long_frame(500, [0.4], seed=3, n_alternatives=4, ragged=True)
    data = read(frame)
    constants = ck.logit("choice ~ 0 | 1", data).fit()
    full = ck.logit("choice ~ x0", data).fit()
    assert full.llconst == pytest.approx(constants.llf, abs=1e-8)
    assert full.llnull == pytest.approx(-np.log(data.layout.sizes).sum())


def test_constants_only_by_choice_sets_with_weights_and_many_alternatives() -> None:
    rng = np.random.default_rng(4)
    sets = [np.sort(rng.choice(70, size=12, replace=False)) for _ in range(9)]
    frame = pd.concat(
        pd.DataFrame({"case": c, "alt": sets[c % 9], "w": float(c % 4)}).assign(
            choice=np.arange(12) == rng.integers(3)
        )
        for c in range(400)
    )
    frame["x"] = rng.normal(size=len(frame))
    never = frame.loc[frame["choice"] & (frame["w"] > 0), "alt"].unique()
    data = read(frame, weights="w")
    found = ck.logit("choice ~ x | 0", data).fit().llconst
    kept = frame[frame["alt"].isin(never) & (frame["w"] > 0)]
    kept = kept[kept.groupby("case")["choice"].transform("size") > 1]
    fitted = ck.logit("choice ~ 0 | 1", read(kept, weights="w")).fit()
    assert found == pytest.approx(fitted.llf, abs=1e-8)


def test_start_and_fixed_by_name(travel: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme", travel, base="car")
    free = model.fit()
    again = model.fit(start={"gc": -0.05, "asc[air]": 3.0})
    np.testing.assert_allclose(again.params, free.params, rtol=1e-7)
    held = model.fit(fixed={"gc": -0.02})
    assert held.params["gc"] == -0.02
    assert np.isnan(held.bse["gc"])
    assert held.df_model == free.df_model - 1
    assert held.llf < free.llf
    with pytest.raises(ck.SpecificationError, match=r"Did you mean 'ttme'"):
        model.fit(start={"tme": 0.0})
    with pytest.raises(ck.SpecificationError, match="not a finite number"):
        model.fit(fixed={"gc": float("nan")})


def test_fixed_covariance_parameters_reduce_the_probit_to_a_smaller_one() -> None:
    data = read(long_frame(400, [0.8, -0.5], seed=4, errors="normal"))
    iid = ck.probit("choice ~ x0 + x1", data, covariance="iid").fit()
    law = ck.probit("choice ~ x0 + x1", data, covariance="unstructured")
    start = dict(zip(law.bound.names, law.bound.start, strict=True))
    held = law.fit(fixed=start)
    assert held.llf == pytest.approx(iid.llf, abs=1e-6)
    names = list(iid.params.index)
    np.testing.assert_allclose(held.params[names], iid.params, atol=1e-5)
    hetero = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic")
    ones = dict.fromkeys(hetero.bound.names, 1.0)
    assert hetero.fit(fixed=ones).llf == pytest.approx(iid.llf, abs=1e-6)


def test_the_base_does_not_matter() -> None:
    data = read(long_frame(600, [0.8, -0.5], seed=5, errors="normal", n_alternatives=4))
    fits = [ck.probit("choice ~ x0 + x1", data, base=base).fit() for base in ("a0", "a2")]
    assert fits[0].llf == pytest.approx(fits[1].llf, abs=1e-4)
    np.testing.assert_allclose(fits[0].probabilities(), fits[1].probabilities(), atol=1e-3)
    ratios = [fit.params["x0"] / fit.error_sd for fit in fits]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-3)


def test_dependent_coefficients_are_named(travel: ck.ChoiceData) -> None:
    frame = travel.frame.assign(sum_=lambda d: d["gc"] + 2.0 * d["ttme"])
    data = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    with pytest.raises(ck.IdentificationError, match="cannot be told apart") as caught:
        ck.logit("choice ~ gc + ttme + invc + sum_", data)
    text = str(caught.value)
    assert all(name in text for name in ("gc", "ttme", "sum_"))
    assert "invc" not in text


def test_never_chosen_alternatives_are_named() -> None:
    frame = long_frame(300, [0.5], seed=6, n_alternatives=4)
    losers = frame.groupby("case")["choice"].transform("max") > 0
    never = frame[(frame["alt"] == "a3") & (frame["choice"] == 1)]["case"]
    data = read(frame[losers & ~frame["case"].isin(never)])
    with pytest.raises(ck.IdentificationError, match=re.escape("asc[a3] runs to minus infinity")):
        ck.logit("choice ~ x0", data)
    with pytest.raises(ck.IdentificationError, match="the base 'a3' is never chosen"):
        ck.logit("choice ~ x0", data, base="a3")
    assert ck.logit("choice ~ x0 | 0", data).fit().convergence.converged


def test_perfect_separation_is_not_reported_as_a_fit() -> None:
    frame = long_frame(200, [0.5], seed=7)
    frame["winner"] = frame["choice"] + 0.01 * frame["x0"]
    with pytest.warns(ck.ConvergenceWarning, match="did not converge"):
        fit = ck.logit("choice ~ winner | 0", read(frame)).fit()
    assert not fit.convergence.converged
    assert "winner" in fit.convergence.message
    assert "separated" in fit.convergence.message
    assert "did not converge" in str(fit.summary())[:300]


def test_quasi_separation_of_one_covariate_names_it() -> None:
    """Whoever meets the flag takes the alternative; the others' choices stay uncertain."""
    frame = long_frame(300, [0.8], seed=12)
    frame["flag"] = ((frame["choice"] == 1) & (frame["case"] % 5 == 0)).astype(float)
    for verb in (ck.logit, ck.probit):
        with pytest.warns(ck.ConvergenceWarning, match="separated perfectly.* by flag"):
            fit = verb("choice ~ x0 + flag | 0", read(frame)).fit()
        assert "x0" not in fit.convergence.message


def test_too_few_iterations_are_said_first() -> None:
    data = read(long_frame(300, [2.0, -1.0], seed=8))
    with pytest.warns(ck.ConvergenceWarning, match="limit of 1 iterations"):
        fit = ck.logit("choice ~ x0 + x1", data).fit(maxiter=1)
    assert not fit.convergence.converged


def test_badly_scaled_covariates_are_no_obstacle() -> None:
    frame = long_frame(500, [0.6, -0.4], seed=9)
    frame["big"], frame["small"] = frame["x0"] * 1e6 + 1e9, frame["x1"] * 1e-6
    plain = ck.logit("choice ~ x0 + x1", read(frame)).fit()
    scaled = ck.logit("choice ~ big + small", read(frame)).fit()
    assert scaled.llf == pytest.approx(plain.llf, abs=1e-6)
    assert scaled.params["big"] * 1e6 == pytest.approx(plain.params["x0"], rel=1e-6)
    assert scaled.bse["small"] * 1e-6 == pytest.approx(plain.bse["x1"], rel=1e-5)


@pytest.mark.parametrize("bad", ["robust", "hc0"])
def test_unknown_cov_type_lists_the_choices(travel: ck.ChoiceData, bad: str) -> None:
    with pytest.raises(ck.SpecificationError, match="nonrobust, HC0, HC1, opg, cluster"):
        ck.logit("choice ~ gc", travel).fit(cov_type=bad)


def test_clusters_are_checked(travel: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc", travel)
    with pytest.raises(ck.SpecificationError, match="no people"):
        model.fit(cov_type="cluster")
    with pytest.raises(ck.SpecificationError, match="varies within a case"):
        model.fit(cov_type="cluster", groups="ttme")
    with pytest.raises(ck.SpecificationError, match="one label for each"):
        model.fit(cov_type="cluster", groups=[1, 2, 3])
    with pytest.raises(ck.SpecificationError, match="one cluster"):
        model.fit(cov_type="cluster", groups=np.zeros(210))
    by_column = model.fit(cov_type="cluster", groups="hinc")
    labels = travel.frame["hinc"].to_numpy()[travel.layout.case_ptr[:-1]]
    np.testing.assert_allclose(by_column.cov, model.fit(cov_type="cluster", groups=labels).cov)


def test_weak_identification_is_noted() -> None:
    data = read(long_frame(2000, [0.5], seed=13, errors="normal"))
    options: dict[str, Any] = {"covariance": "heteroskedastic"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)  # it may well run off
        weak = ck.probit("choice ~ 0 | z", data, **options).fit(maxiter=20)
    assert any("Keane 1992" in note for note in weak.notes)
    fine = ck.probit("choice ~ x0 | z", data, **options).fit()
    assert not any("Keane 1992" in note for note in fine.notes)


def test_exact_method_refuses_what_it_cannot_do() -> None:
    data = read(long_frame(100, [0.5], seed=10, n_alternatives=5))
    with pytest.raises(ck.SpecificationError, match="up to 4 available"):
        ck.probit("choice ~ x0", data, method="exact").fit()


def test_simulation_error_is_that_of_other_seeds() -> None:
    data = read(long_frame(300, [0.8, -0.5], seed=11, errors="normal", n_alternatives=6))
    model = ck.probit("choice ~ x0 + x1", data, covariance="iid", draws=64)
    fits = [model.fit(seed=seed) for seed in range(6)]
    spread = np.std([fit.llf for fit in fits], ddof=1)
    stated = np.mean([fit.simulation.llf_se for fit in fits if fit.simulation])
    assert 0.3 < spread / stated < 3.0
    assert fits[0].simulation is not None
    assert fits[0].simulation.n_simulated == 300
