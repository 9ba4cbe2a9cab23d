"""Standard errors of samples that were drawn stratum by stratum, the choices' own among them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

from .simulate import long_frame

SHARES = {"a0": 0.6, "a1": 0.3, "a2": 0.1}


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **more)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    found = long_frame(400, [0.9, -0.6], 3)
    return found.assign(town=found["case"] % 7, area=found["case"] % 14)


def test_constants_alone_have_no_error_where_the_choices_were_counted_out(
    frame: pd.DataFrame,
) -> None:
    """They are logarithms of ratios of numbers that the design fixed, with weights or without."""
    data = read(frame)
    for cases in (data, data.with_weights(ck.wesml_weights(data, SHARES))):
        fit = ck.logit("choice ~ 0 | 1", cases).fit(cov_type="HC0", strata="choice")
        assert (fit.with_cov("HC0").bse > 0.05).all()
        np.testing.assert_allclose(fit.cov, 0.0, atol=1e-12)


def test_slopes_keep_their_errors_and_constants_lose_those_of_the_counts(
    frame: pd.DataFrame,
) -> None:
    """Prentice & Pyke (1979): less 1 / n_j + 1 / n_0, as the sandwich is but for its own noise."""
    fit = ck.logit("choice ~ x0 + x1", read(frame), base="a0").fit()
    stratified = fit.with_cov("HC0", strata="choice")
    n = frame[frame["choice"] == 1]["alt"].value_counts()
    lost = np.zeros((4, 4))
    lost[2:, 2:] = 1.0 / n["a0"] + np.diag([1.0 / n["a1"], 1.0 / n["a2"]])
    taken = (fit.with_cov("HC0").cov - stratified.cov).to_numpy()
    names = ["x0", "x1", "asc[a1]", "asc[a2]"]
    assert list(fit.params.index) == names
    # the sandwich's sampling error is about 1 / sqrt(400) of the variances
    np.testing.assert_allclose(taken, lost, atol=0.1 * np.diag(fit.cov).max())


def sandwich(frame: pd.DataFrame, fit: ck.FitResults, groups: Any, strata: Any) -> Any:
    """Written out with loops; of a logit of x0 and x1 without constants."""
    X = frame[["x0", "x1"]].to_numpy().reshape(-1, 3, 2)
    p = np.exp(X @ fit.params.to_numpy())
    p /= p.sum(axis=1, keepdims=True)
    score = ((frame["choice"].to_numpy().reshape(-1, 3) - p)[..., None] * X).sum(axis=1)
    mean = (p[..., None] * X).sum(axis=1)
    information = np.einsum("cj,cjk,cjl->kl", p, X, X) - mean.T @ mean
    meat = np.zeros((2, 2))
    for stratum in np.unique(strata):
        inside = [score[groups == g].sum(axis=0) for g in np.unique(groups[strata == stratum])]
        off = np.array(inside) - np.mean(inside, axis=0)
        meat += off.T @ off * len(inside) / (len(inside) - 1)
    bread = np.linalg.inv(information)
    return bread @ meat @ bread


def test_clusters_in_strata_follow_the_formula(frame: pd.DataFrame) -> None:
    model = ck.logit("choice ~ x0 + x1 | 0", read(frame))
    fit = model.fit(cov_type="cluster", groups="area", strata="town")
    case = frame.drop_duplicates("case")
    expected = sandwich(frame, fit, case["area"].to_numpy(), case["town"].to_numpy())
    np.testing.assert_allclose(fit.cov, expected, rtol=1e-8)
    assert any("7 strata" in note for note in fit.notes)
    assert not any("strata" in note for note in fit.with_cov("HC0").notes)
    again = fit.bootstrap(5, strata="town")
    assert sum("7 strata" in note for note in again.notes) == 1
    assert not any("strata" in note for note in again.bootstrap(5).notes)


@pytest.mark.parametrize("cov_type", ["HC0", "HC1", "cluster"])
def test_a_single_stratum_changes_nothing(frame: pd.DataFrame, cov_type: str) -> None:
    """Scores have mean zero at the maximum."""
    fit = ck.logit("choice ~ x0 + x1", read(frame)).fit()
    groups = "area" if cov_type == "cluster" else None
    plain = fit.with_cov(cov_type, groups)
    one = fit.with_cov(cov_type, groups, strata=pd.Series(np.zeros(400)))
    np.testing.assert_allclose(one.cov, plain.cov, rtol=1e-6)


def test_the_bootstrap_agrees(frame: pd.DataFrame) -> None:
    data = read(frame)
    model = ck.logit("choice ~ x0 + x1", data.with_weights(ck.wesml_weights(data, SHARES)))
    fit = model.fit(cov_type="bootstrap", replicates=150, strata="choice")
    # a standard error over 150 replicates is known to 6%, the sandwich to about as much
    ratio = fit.bse / fit.with_cov("HC0", strata="choice").bse
    assert ((ratio > 0.75) & (ratio < 1.3)).all()
    loose = fit.with_cov("HC0").bse / fit.bse
    assert (loose[["asc[a1]", "asc[a2]"]] > 1.2).all()


def test_strata_are_checked(frame: pd.DataFrame) -> None:
    model = ck.logit("choice ~ x0 + x1", read(frame))
    fit = model.fit()
    for cov_type in ("nonrobust", "opg"):
        with pytest.raises(ck.SpecificationError, match="makes no difference"):
            model.fit(cov_type=cov_type, strata="town")
    with pytest.raises(ck.SpecificationError, match="single case"):
        fit.with_cov("HC0", strata=np.minimum(np.arange(400), 1))
    with pytest.raises(ck.SpecificationError, match="no column"):
        model.fit(cov_type="HC0", strata="county")
    with pytest.raises(ck.SpecificationError, match="several strata"):
        fit.with_cov("cluster", groups="town", strata="area")
    with pytest.raises(ck.SpecificationError, match="varies within a case"):
        fit.with_cov("HC0", strata="alt")
    people = read(frame.assign(person=frame["case"] // 4), person="person")
    mixing = ck.RandomCoefficients(x0="normal", draws=16)
    mixed = ck.logit("choice ~ x0 + x1", people, mixing=mixing).fit(start={"sd[x0]": 0.3})
    with pytest.raises(ck.SpecificationError, match="several strata"):
        mixed.with_cov("HC0", strata="choice")
