"""Ordered logit and probit: accuracy of the intervals, statsmodels, limits, guards."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, ndtr, ndtri
from scipy.special import logit as logit_quantile
from statsmodels.miscmodels.ordinal_model import OrderedModel

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.numerics.intervals import logistic_interval, normal_interval

LABELS = ["low", "mid", "high", "top"]
CUTS = [f"cut[{a}|{b}]" for a, b in itertools.pairwise(LABELS)]
F = {"logit": expit, "probit": ndtr}


def answers(n: int = 400, link: str = "logit", seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.integers(0, 3, n), "w": rng.random(n)})
    e = rng.logistic(size=n) if link == "logit" else rng.normal(size=n)
    latent = 0.8 * frame["x"] - 0.5 * (frame["z"] == 2) + e
    frame["rating"] = np.array(LABELS)[np.searchsorted([-1.0, 0.2, 1.5], latent)]
    return frame


def read(frame: pd.DataFrame, **options: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_wide(frame, **{"alternatives": LABELS, "chosen": "rating", **options})


# -- intervals ----------------------------------------------------------------------------------

ENDS = [
    (-np.inf, -40.0),
    (-np.inf, 3.0),
    (-38.0, -37.5),
    (-20.0, 1.0),
    (-1e-9, 1e-9),
    (-0.3, 0.4),
    (0.5, 0.5 + 1e-7),
    (0.5, 0.515),
    (2.0, 9.0),
    (9.0, 9.3),
    (35.0, 36.0),
    (39.0, 39.0 + 1e-10),
    (30.0, np.inf),
]


def exact(link: str, a: float, b: float) -> tuple[float, float, float, float]:
    """Log-probability and derivatives by 400-digit arithmetic."""
    with mpmath.workdps(400):
        cdf = mpmath.ncdf if link == "probit" else (lambda t: 1 / (1 + mpmath.exp(-t)))

        def density(t: float) -> Any:
            if np.isinf(t):
                return mpmath.mpf(0)
            t = mpmath.mpf(t)
            return mpmath.npdf(t) if link == "probit" else cdf(t) * (1 - cdf(t))

        def below(t: float) -> Any:
            return mpmath.mpf(t > 0) if np.isinf(t) else cdf(mpmath.mpf(t))

        p = below(b) - below(a)
        lower, upper = -density(a) / p, density(b) / p
        return float(mpmath.log(p)), float(lower), float(upper), float(lower + upper)


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("ends", ENDS, ids=str)
def test_intervals_are_accurate_in_both_tails(link: str, ends: tuple[float, float]) -> None:
    interval = logistic_interval if link == "logit" else normal_interval
    found = interval(*(np.array([end]) for end in ends))
    logp, lower, upper, shift = exact(link, *ends)
    assert found.logp[0] == pytest.approx(logp, rel=1e-13, abs=1e-14)
    assert found.by_lower[0] == pytest.approx(lower, rel=2e-12, abs=1e-300)
    assert found.by_upper[0] == pytest.approx(upper, rel=2e-12, abs=1e-300)
    assert found.by_shift[0] == pytest.approx(shift, rel=2e-12, abs=1e-13)


# -- against other programs and closed forms ----------------------------------------------------


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_statsmodels_agrees(link: str) -> None:
    frame = answers(link=link)
    fit = ck.ordered("rating ~ x + C(z)", read(frame), errors=link).fit()
    x = pd.get_dummies(frame["z"], drop_first=True).astype(float).assign(x=frame["x"])
    y = pd.Series(pd.Categorical(frame["rating"], LABELS, ordered=True))
    theirs = OrderedModel(y, x[["x", 1, 2]].rename(columns=str), distr=link).fit(
        method="bfgs", disp=False, gtol=1e-8, maxiter=500
    )
    assert fit.llf == pytest.approx(theirs.llf, abs=1e-8)
    cuts = theirs.model.transform_threshold_params(theirs.params.to_numpy())[1:-1]
    expected = [*theirs.params[:3], *cuts]
    assert list(fit.params.index) == ["x", "C(z)[T.1]", "C(z)[T.2]", *CUTS]
    np.testing.assert_allclose(fit.params, expected, atol=1e-5)
    np.testing.assert_allclose(fit.bse[:3], theirs.bse[:3], rtol=1e-4)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_two_categories_are_the_binary_model(link: str) -> None:
    frame = answers(link=link)
    frame["rating"] = np.where(frame["rating"].isin(["low", "mid"]), "no", "yes")
    data = ck.ChoiceData.from_wide(frame, alternatives=["no", "yes"], chosen="rating")
    fit = ck.ordered("rating ~ x", data, errors=link).fit()
    if link == "logit":
        binary, scale = ck.logit("rating ~ 0 | x", data).fit(), 1.0
    else:  # the difference of two errors has the variance of one
        binary = ck.probit("rating ~ 0 | x", data).fit()
        scale = fit.error_sd / binary.error_sd
    assert fit.llf == pytest.approx(binary.llf, abs=1e-7)
    expected = binary.params[["x[yes]", "asc[yes]"]].to_numpy() * [1.0, -1.0] * scale
    np.testing.assert_allclose(fit.params, expected, rtol=1e-5)
    assert fit.error_sd == pytest.approx(binary.error_sd * scale, rel=1e-12)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_thresholds_alone_give_the_shares(link: str) -> None:
    frame = answers()
    fit = ck.ordered("rating ~ 1", read(frame, weights="w"), errors=link).fit()
    shares = frame.groupby("rating")["w"].sum()[LABELS] / frame["w"].sum()
    quantile = logit_quantile if link == "logit" else ndtri
    np.testing.assert_allclose(fit.params, quantile(np.cumsum(shares)[:-1]), rtol=1e-9)
    assert fit.llf == pytest.approx(fit.llconst, abs=1e-9)
    assert fit.llnull == pytest.approx(frame["w"].sum() * np.log(0.25), abs=1e-9)
    np.testing.assert_allclose(fit.predicted_shares(), shares, rtol=1e-9)


def test_likelihood_ratio_is_against_thresholds_only() -> None:
    fit = ck.ordered("rating ~ x + w", read(answers())).fit()
    assert fit.llr == pytest.approx(2.0 * (fit.llf - fit.llconst))
    assert fit.llr_pvalue == pytest.approx(np.exp(-fit.llr / 2.0))  # two degrees of freedom
    text = fit.summary().as_text()
    assert "Thresholds" in text
    assert "LR against thresholds only" in text


def test_weights_are_copies() -> None:
    frame = answers(100).assign(w=2.0)
    weighted = ck.ordered("rating ~ x", read(frame, weights="w")).fit()
    twice = ck.ordered("rating ~ x", read(pd.concat([frame, frame], ignore_index=True))).fit()
    np.testing.assert_allclose(weighted.params, twice.params, atol=1e-6)
    np.testing.assert_allclose(weighted.bse, twice.bse, rtol=1e-5)


def test_reversed_categories_change_signs() -> None:
    data = read(answers())
    one = ck.ordered("rating ~ x", data).fit()
    other = ck.ordered("rating ~ x", data, order=LABELS[::-1]).fit()
    assert other.llf == pytest.approx(one.llf, abs=1e-9)
    assert list(other.params.index) == ["x", "cut[top|high]", "cut[high|mid]", "cut[mid|low]"]
    np.testing.assert_allclose(other.params, -one.params[["x", *CUTS[::-1]]], atol=1e-6)
    np.testing.assert_allclose(other.probabilities(), one.probabilities(), atol=1e-7)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_probabilities_of_new_data(link: str) -> None:
    fit = ck.ordered("rating ~ x", read(answers()), errors=link).fit()
    new = pd.DataFrame({"x": [-3.0, 0.0, 3.0]})
    ends = np.concatenate([[-np.inf], fit.params[CUTS], [np.inf]])
    below = F[link](ends - fit.params["x"] * new["x"].to_numpy()[:, None])
    np.testing.assert_allclose(fit.predict(new)[LABELS], np.diff(below), rtol=1e-9)


def test_categories_not_on_offer_are_ruled_out() -> None:
    frame = answers().assign(has_mid=lambda f: (f.index % 3 > 0) | (f["rating"] == "mid"))
    data = read(frame, available={"mid": "has_mid"})
    fit = ck.ordered("rating ~ 1", data).fit()
    constants = ck.logit("rating ~ 0 | 1", data).fit()
    assert fit.llf == pytest.approx(constants.llf, abs=1e-8)
    np.testing.assert_allclose(fit.probabilities(), constants.probabilities(), atol=1e-6)


# -- parameters ---------------------------------------------------------------------------------


def test_thresholds_are_parameters_like_others() -> None:
    data = read(answers())
    fit = ck.ordered("rating ~ x", data).fit(fixed={"cut[low|mid]": -1.0})
    assert fit.params["cut[low|mid]"] == -1.0
    free = ck.ordered("rating ~ x", data).fit()
    test = free.t_test("cut[mid|high] - cut[low|mid] = 1, x = cut[high|top]")
    gap = free.params["cut[mid|high]"] - free.params["cut[low|mid]"]
    assert np.asarray(test.effect)[0] == pytest.approx(gap)
    assert 2.0 * (free.llf - fit.llf) >= 0.0


def test_starts_out_of_order_are_no_model_and_several_starts_agree() -> None:
    model = ck.ordered("rating ~ x", read(answers(150)))
    params = np.array([0.5, 1.0, 0.0, 2.0])
    assert model.likelihood().value(params) == -np.inf
    fit = model.fit(starts=3)
    assert fit.optima["count"].tolist() == [3]


def test_a_start_that_separates_neighbours_far_apart_still_converges() -> None:
    model = ck.ordered("rating ~ x", read(answers(150)), errors="probit")
    usual = model.fit()
    fit = model.fit(start={"cut[low|mid]": -9.0, "cut[mid|high]": -8.9, "cut[high|top]": 9.0})
    assert fit.convergence.converged
    assert fit.llf == pytest.approx(usual.llf, abs=1e-7)


def test_a_normal_coefficient_is_integrated() -> None:
    """With a normal coefficient on x the probit's index has the variance 1 + sd^2 x^2."""
    frame = answers(60, "probit")
    model = ck.ordered(
        "rating ~ x",
        read(frame),
        errors="probit",
        mixing=ck.RandomCoefficients({"x": "normal"}, draws=4096),
    )
    params = np.array([0.7, -1.0, 0.3, 1.4, 0.9])
    found = model.likelihood().settle(params, 1).value(params)
    ends = np.array([-np.inf, -1.0, 0.3, 1.4, np.inf])
    place = np.array([LABELS.index(label) for label in frame["rating"]])
    x = frame["x"].to_numpy()
    sd = np.sqrt(1.0 + 0.81 * x**2)
    p = ndtr((ends[place + 1] - 0.7 * x) / sd) - ndtr((ends[place] - 0.7 * x) / sd)
    assert found == pytest.approx(np.log(p).sum(), abs=2e-3)


def test_nested_models_are_recognised() -> None:
    data = read(answers())
    small, large = ck.ordered("rating ~ x", data).fit(), ck.ordered("rating ~ x + w", data).fit()
    other = ck.ordered("rating ~ w", data, errors="probit").fit()
    unrelated = ck.ordered("rating ~ C(z)", data).fit()
    from choicekit.post.nesting import nested_in

    assert nested_in(small, large)
    assert not nested_in(other, large)
    assert not nested_in(small, unrelated)
    assert "ordered logit" in repr(ck.compare(small, other)).lower()


# -- identification and guards ------------------------------------------------------------------


def test_identification_says_what_was_checked() -> None:
    found = ck.ordered("rating ~ x + w", read(answers())).identification()
    assert found.identified
    assert "Every category is chosen" in str(found)


def test_separation_is_found() -> None:
    frame = answers(80)
    frame["s"] = frame["rating"].map(LABELS.index) + 0.1 * frame["w"]
    found = ck.ordered("rating ~ s", read(frame)).identification()
    assert not found.identified
    assert "complete separation" in str(found).replace("\n", " ").replace("  ", " ")
    frame["d"] = (frame["rating"] == "top") & (frame["w"] > 0.5)
    assert not ck.ordered("rating ~ d + x", read(frame)).identification().identified
    frame["d"] = frame["w"] > 0.5
    assert ck.ordered("rating ~ d + x", read(frame)).identification().identified


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_a_fit_of_separated_categories_says_so(link: str) -> None:
    frame = answers(200)
    frame["s"] = 1.0 * frame["rating"].isin(["high", "top"])
    model = ck.ordered("rating ~ s + x", read(frame), errors=link)
    with pytest.warns(ck.ConvergenceWarning, match="separated perfectly, or nearly so, by s"):
        fit = model.fit()
    assert not fit.convergence.converged


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("rating ~ x + one", "'one' is the same in all cases"),
        ("rating ~ x + twice", "cannot be told apart"),
    ],
)
def test_what_thresholds_take_up_is_refused(formula: str, message: str) -> None:
    frame = answers().assign(one=1.0, twice=lambda f: 2.0 * f["x"])
    with pytest.raises(ck.IdentificationError, match=message):
        ck.ordered(formula, read(frame))


def test_a_category_that_nobody_chose_is_refused() -> None:
    frame = answers()
    with pytest.raises(ck.IdentificationError, match=r"'mid' is never chosen.*merge it"):
        ck.ordered("rating ~ x", read(frame[frame["rating"] != "mid"]))


@pytest.mark.parametrize("formula", ["rating ~ x | w", "rating ~ x | 0", "rating ~ 0 | 1 | x"])
def test_several_parts_are_refused(formula: str) -> None:
    with pytest.raises(ck.SpecificationError, match="one index"):
        ck.ordered(formula, read(answers()))


def test_variables_that_vary_within_a_case_and_utilities_are_refused() -> None:
    frame = answers().assign(c_low=1.0, c_mid=2.0, c_high=3.0, c_top=4.0)
    data = read(frame, varying={"c": "c_{alt}"})
    with pytest.raises(ck.DataError, match="varies within cases"):
        ck.ordered("rating ~ c", data)
    with pytest.raises(ck.SpecificationError, match="formula of one part"):
        ck.ChoiceModel({"low": {"b": 1}}, data, ck.Ordered())


def test_unknown_links_and_orders_are_refused() -> None:
    data = read(answers())
    with pytest.raises(ck.SpecificationError, match="Did you mean 'probit'"):
        ck.Ordered("probt")
    with pytest.raises(ck.SpecificationError, match="leaves out 'top'"):
        ck.ordered("rating ~ x", data, order=LABELS[:3])
    with pytest.raises(ck.SpecificationError, match="Did you mean 'high'"):
        ck.ordered("rating ~ x", data, order=["low", "mid", "hihg", "top"])
    with pytest.raises(ck.SpecificationError, match="twice"):
        ck.Ordered(order=["low", "low"])
    with pytest.raises(ck.SpecificationError, match="not a list"):
        ck.Ordered(order="low")


def test_refusals_speak_of_an_ordered_model() -> None:
    answers = pd.DataFrame({"rating": [1, 2, 1, 3, 3, 2], "income": [1, 3, 2, 2, 5, 4]})
    data = ck.ChoiceData.from_wide(answers, alternatives=[1, 2, 3], chosen="rating")
    fit = ck.ordered("rating ~ income", data).fit()
    with pytest.raises(SpecificationError, match=r"^An ordered logit does not assume"):
        fit.hausman_mcfadden(1)
    with pytest.raises(SpecificationError, match=r"^An ordered logit has no covariance"):
        fit.error_table()
