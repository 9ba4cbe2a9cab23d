"""Choices drawn from fits, and constants moved to given market shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.exceptions import SpecificationError

FORMULA = "choice ~ gc + ttme | hinc"
SHARES = {"air": 0.14, "train": 0.13, "bus": 0.09, "car": 0.64}


def read(**arguments: Any) -> ck.ChoiceData:
    table = ck.load_dataset("travelmode")
    table = table.assign(who=table["individual"] // 5)
    return ck.ChoiceData.from_long(
        table, case="individual", alt="mode", chosen="choice", **arguments
    )


@pytest.fixture(scope="module")
def logit() -> ck.FitResults:
    return ck.logit(FORMULA, read(), base="car").fit()


def held(model: ck.ChoiceModel, **values: float) -> ck.FitResults:
    """A fit at given parameters."""
    start = dict(zip(model.parameter_names, model.table({}, {}).start, strict=True))
    return model.fit(fixed={**start, **values})


# -- simulated choices ----------------------------------------------------------------------------


def test_frequencies_are_probabilities(logit: ck.FitResults) -> None:
    n = 1500
    found = logit.simulate(n)
    for label, p in logit.probabilities().items():
        share = (found == label).mean(axis=1)
        error = np.sqrt(p * (1 - p) / n)
        assert (np.abs(share - p) <= 5 * error + 1e-9).all()


def test_the_order_of_rows_makes_no_difference(logit: ck.FitResults) -> None:
    table = ck.load_dataset("travelmode")
    some = table.query("individual > 100").sample(frac=1.0, random_state=1)
    found, fewer = logit.simulate(seed=5), logit.simulate(seed=5, df=some)
    assert (found[fewer.index] == fewer).all()
    assert not (logit.simulate(seed=6) == found).all()
    assert (logit.simulate(2, seed=5)[0] == found).all()


@pytest.mark.parametrize("errors", ["logit", "probit"])
def test_a_refit_finds_the_parameters(errors: str) -> None:
    rng = np.random.default_rng(3)
    n = 1500
    table = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), 3),
            "alt": np.tile(["a", "b", "c"], n),
            "x": rng.normal(size=3 * n),
            "y": rng.normal(size=3 * n),
            "choice": np.eye(3, dtype=int)[np.arange(n) % 3].ravel(),
        }
    )
    data = ck.ChoiceData.from_long(table, case="id", alt="alt", chosen="choice")
    truth = {"x": 0.8, "y": -0.5, "asc[b]": 0.3, "asc[c]": -0.4}
    if errors == "logit":
        model = ck.logit("choice ~ x + y", data)
    else:
        model = ck.probit("choice ~ x + y", data, covariance="iid")
    drawn = data.with_choices(held(model, **truth).simulate(seed=2))
    fit = model.on(drawn).fit()
    z = (fit.params - pd.Series(truth)[fit.params.index]) / fit.bse
    assert np.abs(z).max() < 3.5
    assert drawn.frame["choice"].sum() == n
    again = ck.ChoiceData.from_long(drawn.frame, case="id", alt="alt", chosen="choice")
    np.testing.assert_array_equal(again.layout.chosen, drawn.layout.chosen)


def panel(n_people: int, n_cases: int) -> ck.ChoiceData:
    rng = np.random.default_rng(1)
    size = n_people * n_cases * 2
    table = pd.DataFrame(
        {
            "who": np.repeat(np.arange(n_people), n_cases * 2),
            "id": np.repeat(np.arange(n_people * n_cases), 2),
            "alt": np.tile(["a", "b"], n_people * n_cases),
            "x": rng.normal(size=size),
            "choice": np.tile([1, 0], n_people * n_cases),
        }
    )
    return ck.ChoiceData.from_long(table, case="id", alt="alt", chosen="choice", person="who")


def test_people_keep_their_tastes() -> None:
    data = panel(400, 10)
    mixing = ck.RandomCoefficients(x="normal", draws=64)
    model = ck.logit("choice ~ x | 0", data, mixing=mixing)
    choices = held(model, x=0.3, **{"sd[x]": 1.5}).simulate(seed=4)
    fit = model.on(data.with_choices(choices)).fit()
    z = (fit.params - [0.3, 1.5]) / fit.bse
    assert np.abs(z).max() < 3.5


def test_people_keep_their_classes() -> None:
    data = panel(400, 10)
    model = ck.logit("choice ~ x | 0", data, mixing=ck.LatentClasses(2))
    truth = {"x[class1]": 2.0, "x[class2]": -1.0, "class[2]": -0.5}
    choices = held(model, **truth).simulate(seed=4)
    fit = model.on(data.with_choices(choices)).fit()
    low, high = sorted(fit.params.iloc[:2])
    assert low == pytest.approx(-1.0, abs=0.25)
    assert high == pytest.approx(2.0, abs=0.35)


def test_normal_tastes_under_normal_errors_and_alternatives_that_are_not_there() -> None:
    table = ck.load_dataset("travelmode")
    table = table.query("not (mode == 'air' and choice == 0 and individual % 2 == 0)")
    data = ck.ChoiceData.from_long(table, case="individual", alt="mode", chosen="choice")
    model = ck.probit(
        "choice ~ gc + ttme", data, covariance="iid", mixing=ck.RandomCoefficients(ttme="normal")
    )
    fit = held(model, gc=-0.02, ttme=-0.05)
    found = fit.simulate(200)
    p = fit.probabilities()
    assert not (found[p["air"] == 0.0] == "air").any(axis=None)
    assert (found == "car").to_numpy().mean() == pytest.approx(p["car"].mean(), abs=0.02)


def test_wide_data() -> None:
    long = ck.load_dataset("travelmode")
    wide = long.pivot(index="individual", columns="mode", values="gc").add_prefix("gc_")
    wide["chosen"] = long[long["choice"] == 1].set_index("individual")["mode"]
    data = ck.ChoiceData.from_wide(
        wide,
        alternatives=["air", "train", "bus", "car"],
        chosen="chosen",
        varying={"gc": "gc_{alt}"},
    )
    fit = ck.logit("choice ~ gc", data).fit()
    drawn = data.with_choices(fit.simulate(seed=3))
    expected = fit.simulate(seed=3)[drawn.frame[data.case]]
    assert (drawn.frame["chosen"].to_numpy() == expected.to_numpy()).all()
    assert ck.logit("choice ~ gc", drawn).fit().convergence.converged


@pytest.mark.parametrize("arguments", [{"n": 0}, {"n": 1.5}, {"n": True}, {"seed": -1}])
def test_bad_numbers(logit: ck.FitResults, arguments: dict[str, Any]) -> None:
    with pytest.raises(SpecificationError, match="whole number"):
        logit.simulate(**arguments)


def test_rankings_cannot_be_drawn_one_by_one() -> None:
    table = pd.DataFrame(
        {
            "who": np.repeat(np.arange(40), 3),
            "alt": np.tile(["a", "b", "c"], 40),
            "x": np.random.default_rng(0).normal(size=120),
        }
    )
    table["rank"] = table.groupby("who")["x"].rank(ascending=False).astype(int)
    table["x"] += np.random.default_rng(1).normal(size=120)
    data = ck.ChoiceData.from_rankings(table, case="who", alt="alt", rank="rank")
    with pytest.raises(SpecificationError, match="one by one"):
        ck.logit("choice ~ x", data).fit().simulate()


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        (["air"], "must be a Series"),
        (pd.Series(["air"], index=[1]), "no entry for 209 cases"),
        (pd.Series("tram", index=range(1, 211)), "'tram' is not available in the case 1"),
    ],
)
def test_choices_that_do_not_fit(choices: Any, text: str) -> None:
    with pytest.raises(SpecificationError, match=text):
        read().with_choices(choices)


# -- market shares --------------------------------------------------------------------------------


def test_a_logit_by_adding_logs(logit: ck.FitResults) -> None:
    found = logit.calibrate(SHARES)
    params = logit.params.copy()
    for _ in range(200):  # Train's way
        shares = replace(logit, params=params, _likelihood=None).predicted_shares()
        move = np.log(pd.Series(SHARES) / shares)
        for mode in ("air", "train", "bus"):
            params[f"asc[{mode}]"] += move[mode] - move["car"]
    np.testing.assert_allclose(found.params, params, atol=1e-7)
    np.testing.assert_allclose(found.predicted_shares(), list(SHARES.values()), atol=1e-9)
    assert "Constants calibrated" in found.notes[-1]
    assert found.llf < logit.llf
    assert logit.params["asc[air]"] != found.params["asc[air]"]


@pytest.mark.parametrize(
    "model",
    [
        lambda: ck.probit("choice ~ gc + ttme", read(), base="car"),
        lambda: ck.ChoiceModel(
            "choice ~ gc + ttme", read(), errors=ck.Nested({"ground": ["bus", "train", "car"]})
        ),
        lambda: ck.logit(
            "choice ~ gc + ttme",
            read(person="who"),
            mixing=ck.RandomCoefficients(ttme="normal", draws=32),
        ),
        lambda: ck.logit("choice ~ gc + ttme", read(), mixing=ck.LatentClasses(2)),
    ],
)
def test_every_family_meets_the_shares(model: Any) -> None:
    fit = held(model())
    found = fit.calibrate(SHARES)
    np.testing.assert_allclose(found.predicted_shares(), list(SHARES.values()), atol=1e-6)
    changed = found.params.index[found.params != fit.params]
    assert all(name.startswith("asc[") for name in changed)


def test_constants_follow_from_the_other_estimates(logit: ck.FitResults) -> None:
    found = logit.calibrate(SHARES)
    # Move another parameter, calibrate again, and see what the constants do.
    slopes = np.zeros((8, 8))
    for p, name in enumerate(logit.params.index):
        step = 1e-4 * logit.bse[name]
        ends = []
        for sign in (1.0, -1.0):
            params = logit.params.copy()
            params[name] += sign * step
            ends.append(replace(logit, params=params, _likelihood=None).calibrate(SHARES).params)
        slopes[:, p] = (ends[0] - ends[1]) / (2 * step)
    expected = slopes @ logit.cov.to_numpy() @ slopes.T
    np.testing.assert_allclose(found.cov, expected, rtol=2e-4, atol=1e-9)
    # So the shares that were given have no error.
    now = found.scenario({"gc": "+1e-9"}).estimates.xs("before", level="quantity")
    assert not (now["std_error"] > 1e-6).any()
    np.testing.assert_allclose(found.bse["gc"], logit.bse["gc"])


def test_some_shares_and_other_data(logit: ck.FitResults) -> None:
    few = ck.load_dataset("travelmode").query("individual <= 60")
    found = logit.calibrate({"bus": 0.3}, df=few)
    assert found.probabilities(few)["bus"].mean() == pytest.approx(0.3, abs=1e-8)
    assert found.params["asc[air]"] == logit.params["asc[air]"]


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ({**SHARES, "car": 0.5}, "add up to 0.86"),
        ({"tram": 0.5}, "no alternative"),
        ({"bus": 0.0}, "between 0 and 1"),
        ({"bus": 1.2}, "between 0 and 1"),
        ({"bus": 0.7, "air": 0.6}, "nothing is left"),
        ({"car": 0.5}, "no constant of 'car'"),
        ({}, "no constant of any"),
        ([0.5, 0.5], "Write shares"),
    ],
)
def test_impossible_shares(logit: ck.FitResults, shares: Any, text: str) -> None:
    with pytest.raises(SpecificationError, match=text):
        logit.calibrate(shares)


def test_models_without_constants_and_alternatives_that_are_rare() -> None:
    fit = ck.logit("choice ~ gc | 0", read()).fit()
    with pytest.raises(SpecificationError, match="no constant of"):
        fit.calibrate(SHARES)
    table = ck.load_dataset("travelmode")
    table = table.query("not (mode == 'air' and choice == 0 and individual % 3 > 0)")
    data = ck.ChoiceData.from_long(table, case="individual", alt="mode", chosen="choice")
    rare = ck.logit("choice ~ gc", data, base="car").fit()
    with pytest.raises(SpecificationError, match="is available in"):
        rare.calibrate({"air": 0.95})
    tied = ck.logit("choice ~ gc", read(), base="car").fit(constraints="asc[bus] = asc[train]")
    with pytest.raises(SpecificationError, match="tied"):
        tied.calibrate({"bus": 0.3})


def test_shares_that_constants_hardly_move_are_refused_not_nan(logit: ck.FitResults) -> None:
    steps = replace(logit, params=1000.0 * logit.params, _likelihood=None)
    with pytest.raises(SpecificationError, match="did not reach the shares"):
        steps.calibrate(SHARES)
