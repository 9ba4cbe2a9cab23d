"""Scenarios: shares before and after against predictions by hand, closed forms and limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.exceptions import DataError, SpecificationError
from choicekit.post.changes import read_change

from .reference.recipes import MissingDataError, load, read_cases, reader

FORMULA = "choice ~ gc + ttme | hinc"


def frame() -> pd.DataFrame:
    table = ck.load_dataset("travelmode")
    return table.astype({"gc": float, "ttme": float}).assign(who=table["individual"] // 3)


def read(table: pd.DataFrame | None = None, **arguments: Any) -> ck.ChoiceData:
    table = frame() if table is None else table
    return ck.ChoiceData.from_long(
        table, case="individual", alt="mode", chosen="choice", **arguments
    )


@pytest.fixture(scope="module")
def logit() -> ck.FitResults:
    return ck.logit(FORMULA, read(), base="car").fit()


def moved(fit: ck.FitResults, name: str, step: float) -> ck.FitResults:
    params = fit.params.copy()
    params[name] += step
    return replace(fit, params=params, _likelihood=None)


def spread(fit: ck.FitResults, values: Callable[[ck.FitResults], np.ndarray]) -> np.ndarray:
    """Delta-method errors with central differences over the estimates."""
    slopes = []
    for name, error in fit.bse.items():
        step = 1e-3 * (0.0 if np.isnan(error) else error)
        up, down = (values(moved(fit, str(name), sign * step)) for sign in (1, -1))
        slopes.append((up - down) / (2 * step) if step else 0 * up)
    jacobian = np.array(slopes)
    return np.sqrt(np.einsum("pj,pq,qj->j", jacobian, fit.cov.to_numpy(), jacobian))


# -- other people's numbers -----------------------------------------------------------------------


def test_faster_trains_in_canada() -> None:
    # Printed by the R package mlogit in its vignette "Random utility model and the multinomial
    # logit model": mean probabilities before and after, and hourly values of time.
    case = next(one for one in read_cases() if one["name"] == "cl_modecanada3")
    try:
        table = load(case["data"])
    except MissingDataError as error:
        pytest.skip(str(error))
    table = table.assign(time=table["ivt"] + table["ovt"])
    data = ck.ChoiceData.from_long(table, **reader(case["read"])[1])
    fit = ck.logit("choice ~ cost + freq | income | time", data, base="car").fit()
    shares = fit.scenario({"time": {"train": "-20%"}}).shares.loc[["car", "train", "air"]]
    np.testing.assert_allclose(shares["before"], [0.4575659, 0.1672084, 0.3752257], atol=6e-8)
    np.testing.assert_allclose(shares["after"], [0.4044736, 0.2635801, 0.3319462], atol=1e-6)
    values = fit.wtp("time", "cost", unit=-60).loc["time"].loc[["car", "train", "air"]]
    np.testing.assert_allclose(values["estimate"], [29.52728, 23.09447, 36.95360], rtol=1e-6)


# -- every family ---------------------------------------------------------------------------------

FAMILIES: dict[str, Callable[[], ck.ChoiceModel]] = {
    "logit": lambda: ck.logit(FORMULA, read(), base="car"),
    "probit": lambda: ck.probit(FORMULA, read(), base="car"),
    "nested": lambda: ck.ChoiceModel(
        FORMULA, read(), errors=ck.Nested({"ground": ["bus", "train", "car"]})
    ),
    "mixed": lambda: ck.logit(
        "choice ~ gc + ttme",
        read(person="who"),
        mixing=ck.RandomCoefficients(ttme="normal", draws=32),
    ),
    "probit with normal tastes": lambda: ck.probit(
        "choice ~ gc + ttme", read(), covariance="iid", mixing=ck.RandomCoefficients(ttme="normal")
    ),
    "classes": lambda: ck.logit(
        "choice ~ gc + ttme", read(), mixing=ck.LatentClasses(2, same=["ttme", "asc[bus]"])
    ),
}


def predicted(fit: ck.FitResults, other: pd.DataFrame) -> pd.DataFrame:
    """Predictions with the nodes of the fit, where there are any."""
    data = fit.model.data.read_like(other)
    likelihood = fit.model.likelihood(data)
    if hasattr(likelihood, "seed"):
        likelihood = likelihood.settle(fit.params.to_numpy(), fit.simulation.seed)
    p = likelihood.probabilities(fit.params.to_numpy())
    return pd.DataFrame(p, index=data.case_ids, columns=list(data.alternatives))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.filterwarnings("ignore::choicekit.exceptions.ConvergenceWarning")
def test_shares_are_those_of_predictions(name: str) -> None:
    model = FAMILIES[name]()
    fit = model.fit(maxiter=30)
    rng = np.random.default_rng(4)
    root = 0.05 * rng.normal(size=(len(fit.params),) * 2) * np.abs(fit.params.to_numpy())[:, None]
    fit = replace(fit, cov=fit.cov * 0.0 + root @ root.T)  # a classes' fit has none
    found = fit.scenario({"gc": {"air": "+20%"}, "ttme": "-5"})
    other = frame()
    other.loc[other["mode"] == "air", "gc"] *= 1.2
    other["ttme"] -= 5
    before, after = fit.probabilities(), predicted(fit, other)
    np.testing.assert_allclose(found.before, before, atol=1e-6)
    np.testing.assert_allclose(found.after, after, atol=1e-6)
    shares = found.shares
    np.testing.assert_allclose(shares["after"], after.mean(), atol=1e-6)
    assert shares["change"].sum() == pytest.approx(0.0, abs=1e-12)

    def change(at: ck.FitResults) -> np.ndarray:
        return (predicted(at, other).mean() - at.probabilities().mean()).to_numpy()

    np.testing.assert_allclose(shares["std_error"], spread(fit, change), rtol=5e-3)


# -- changes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+10%", 22.0),
        ("-20%", 16.0),
        ("*1.5", 30.0),
        ("/4", 5.0),
        ("+5", 25.0),
        ("-5", 15.0),
        ("= 40", 40.0),
        ("=-3", -3.0),
        ("*1e-1", 2.0),
    ],
)
def test_what_changes_mean(text: str, expected: float) -> None:
    change = read_change("x", None, text)
    np.testing.assert_allclose(change.apply(pd.Series([20.0, 20.0])), expected)


@pytest.mark.parametrize(
    "change", ["10%", "*10%", "=5%", "up", "", None, True, [1], "+-5", "*-2.2.1"]
)
def test_unclear_changes(change: object) -> None:
    with pytest.raises(SpecificationError):
        read_change("x", None, change)


def test_a_number_alone_could_mean_three_things() -> None:
    with pytest.raises(SpecificationError, match=r"'\*1.1' \(a factor\), '\+1.1'"):
        read_change("x", None, 1.1)


def test_functions_and_several_alternatives(logit: ck.FitResults) -> None:
    found = logit.scenario(
        {"gc": {"air": "+10", "bus": lambda c: c / 2}, "hinc": np.sqrt, "ttme": lambda t: 30}
    )
    other = frame()
    other.loc[other["mode"] == "air", "gc"] += 10
    other.loc[other["mode"] == "bus", "gc"] /= 2
    other = other.assign(hinc=np.sqrt(other["hinc"]), ttme=30)
    np.testing.assert_allclose(found.after, logit.probabilities(other), rtol=1e-12)
    assert found.changes[:3] == ("gc of air: +10", "gc of bus: a function", "hinc: sqrt")


def test_transformations_are_made_anew_and_nothing_is_changed() -> None:
    table = frame().assign(party=lambda d: np.where(d["psize"] > 1, "group", "single"))
    data = read(table)
    fit = ck.logit("choice ~ np.log(gc) + ttme | party", data, context={"np": np}).fit()
    kept = data.frame.copy(deep=True)
    found = fit.scenario({"gc": "*2", "party": lambda p: "single"})
    other = table.assign(gc=2 * table["gc"], party="single")
    np.testing.assert_allclose(found.after, fit.probabilities(other), rtol=1e-12)
    pd.testing.assert_frame_equal(data.frame, kept)


def test_flags_and_categories() -> None:
    table = frame().assign(
        big=lambda d: d["psize"] > 1,
        kind=lambda d: pd.Categorical(np.where(d["hinc"] > 30, "a", "b")),
    )
    fit = ck.logit("choice ~ gc + ttme | big + kind", read(table)).fit()
    found = fit.scenario({"big": lambda b: ~b, "kind": lambda k: "a"})
    other = table.assign(big=~table["big"], kind=pd.Categorical(["a"] * 840, ["a", "b"]))
    np.testing.assert_allclose(found.after, fit.probabilities(other), rtol=1e-12)
    with pytest.raises(SpecificationError, match="does not go with"):
        fit.scenario({"kind": lambda k: "c"})
    with pytest.raises(SpecificationError, match="does not go with"):
        fit.scenario({"kind": "+10%"})


def test_ordered_choices() -> None:
    table = pd.DataFrame({"id": range(200), "x": np.linspace(-1, 1, 200)})
    rng = np.random.default_rng(0)
    table["rating"] = np.digitize(table["x"] + rng.logistic(size=200), [-0.5, 0.7])
    data = ck.ChoiceData.from_wide(table, alternatives=[0, 1, 2], chosen="rating", case="id")
    fit = ck.ordered("rating ~ x", data).fit()
    found = fit.scenario({"x": "+0.5"})
    np.testing.assert_allclose(found.after, fit.probabilities(table.assign(x=table["x"] + 0.5)))
    assert (found.shares["std_error"] > 0).all()
    for take_away in (lambda: fit.scenario(unavailable=[1]), lambda: fit.diversion(1)):
        with pytest.raises(SpecificationError, match="intervals of one latent answer"):
            take_away()


def test_new_data_and_weights(logit: ck.FitResults) -> None:
    some = frame().query("individual <= 50")
    weights = pd.Series(np.linspace(1, 3, 210), index=logit.model.data.case_ids)
    heavy = ck.logit(FORMULA, read().with_weights(weights), base="car").fit()
    found = heavy.scenario({"gc": "+10%"})
    assert found.totals["before"].sum() == pytest.approx(weights.sum())
    expected = np.average(heavy.probabilities(), axis=0, weights=weights)
    np.testing.assert_allclose(found.shares["before"], expected)
    few = logit.scenario({"gc": {"air": "+10%"}}, df=some)
    assert len(few.after) == 50
    np.testing.assert_allclose(few.before, logit.probabilities(some))


def test_wide_data_and_utilities_by_alternative() -> None:
    long = frame()
    wide = long.pivot(index="individual", columns="mode", values=["gc", "ttme"])
    wide.columns = [f"{name}_{mode}" for name, mode in wide.columns]
    wide["chosen"] = long[long["choice"] == 1].set_index("individual")["mode"]
    data = ck.ChoiceData.from_wide(
        wide, alternatives=["air", "train", "bus", "car"], chosen="chosen"
    )
    modes = ("air", "train", "bus", "car")
    fit = ck.logit(
        {mode: {"b_cost": f"gc_{mode} / 10", "b_wait": f"ttme_{mode}"} for mode in modes}, data
    ).fit()
    found = fit.scenario({"gc_air": "+20%"})
    other = wide.assign(gc_air=1.2 * wide["gc_air"])
    np.testing.assert_allclose(found.after, fit.probabilities(other))


# -- alternatives that go and come ----------------------------------------------------------------


def test_without_an_alternative_a_logit_keeps_the_odds(logit: ck.FitResults) -> None:
    found = logit.scenario(unavailable=["bus"])
    p = logit.probabilities()
    expected = p.div(1 - p["bus"], axis=0).assign(bus=0.0)
    np.testing.assert_allclose(found.after, expected, rtol=1e-12)
    assert found.shares.loc["bus", "change"] == pytest.approx(-p["bus"].mean())

    def change(at: ck.FitResults) -> np.ndarray:
        q = at.probabilities()
        return (q.div(1 - q["bus"], axis=0).assign(bus=0.0) - q).mean().to_numpy()

    np.testing.assert_allclose(found.shares["std_error"], spread(logit, change), rtol=1e-4)


def test_without_an_alternative_and_with_what_nobody_would_take_is_the_same() -> None:
    fit = FAMILIES["probit"]().fit()
    gone = fit.scenario(unavailable="bus").after
    dear = fit.scenario({"gc": {"bus": "+1e5"}}).after
    np.testing.assert_allclose(gone, dear, atol=1e-5)


def test_cases_left_with_nothing(logit: ck.FitResults) -> None:
    with pytest.raises(DataError, match="no alternative left"):
        logit.scenario(unavailable=["air", "train", "bus", "car"])
    only = logit.scenario(unavailable=["air", "train", "bus"])
    assert (only.after["car"] == 1.0).all()


def test_an_exact_copy_halves_nothing_in_a_logit(logit: ck.FitResults) -> None:
    # Red bus, blue bus: the copy is as likely as the original, at the cost of all in proportion.
    found = logit.scenario(add={"blue bus": {"like": "bus"}})
    p = logit.probabilities()
    total = 1 + p["bus"]
    np.testing.assert_allclose(found.after["blue bus"], p["bus"] / total, rtol=1e-12)
    np.testing.assert_allclose(found.after["car"], p["car"] / total, rtol=1e-12)
    assert list(found.shares.index) == ["air", "train", "bus", "car", "blue bus"]
    assert found.shares.loc["blue bus", "before"] == 0.0


def test_in_a_tight_nest_a_copy_takes_from_the_original_only() -> None:
    errors = ck.Nested({"public": ["bus", "train"], "private": ["air", "car"]})
    fit = ck.ChoiceModel("choice ~ gc + ttme", read(), errors=errors).fit()
    params = fit.params.copy()
    params["lambda[public]"] = 1e-3
    tight = replace(fit, params=params, _likelihood=None)
    found = tight.scenario(add={"blue bus": {"like": "bus"}})
    np.testing.assert_allclose(found.after["blue bus"], found.after["bus"], rtol=1e-9)
    apart = (tight.utilities()["bus"] - tight.utilities()["train"]).abs() > 0.05
    both = found.after["bus"] + found.after["blue bus"]
    np.testing.assert_allclose(both[apart], found.before["bus"][apart], atol=2e-3)


def test_a_newcomer_with_attributes_of_its_own(logit: ck.FitResults) -> None:
    add = {"tram": {"like": "train", "gc": 40, "ttme": "*0.5"}}
    found = logit.scenario({"gc": {"train": "+10"}}, add=add)
    b, table = logit.params, logit.model.data.frame
    old = logit.utilities(frame().assign(gc=lambda d: d["gc"] + 10 * (d["mode"] == "train")))
    train = table[table["mode"] == "train"].set_index("individual")
    new = (
        b["asc[train]"]
        + b["gc"] * 40
        + b["ttme"] * train["ttme"] / 2
        + b["hinc[train]"] * train["hinc"]
    )
    e = np.exp(old.assign(tram=new))
    np.testing.assert_allclose(found.after, e.div(e.sum(axis=1), axis=0), rtol=1e-10)
    assert "tram: new, like train: gc =40.0, ttme *0.5" in repr(found)


def test_newcomers_in_mixed_models() -> None:
    fit = FAMILIES["mixed"]().fit()
    found = fit.scenario(add={"blue bus": {"like": "bus"}})
    np.testing.assert_allclose(found.after.sum(axis=1), 1.0)
    np.testing.assert_allclose(found.after["blue bus"], found.after["bus"], rtol=1e-9)


def test_newcomers_where_choice_sets_differ() -> None:
    table = frame().query("not (mode == 'bus' and choice == 0 and individual % 2 == 0)")
    fit = ck.logit("choice ~ gc + ttme", read(table)).fit()
    found = fit.scenario(add={"blue bus": {"like": "bus", "gc": "*0.9"}})
    assert ((found.after["blue bus"] > 0) == (found.before["bus"] > 0)).all()


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (lambda: ck.probit(FORMULA, read()), "Nothing says how the errors of 'tram'"),
        (
            lambda: ck.ChoiceModel(FORMULA, read(), errors=ck.HeteroskedasticGumbel()),
            "parameters of their own",
        ),
        (
            lambda: ck.logit(
                "choice ~ gc",
                read(),
                mixing=ck.RandomCoefficients(components={"land": ["bus", "train"]}, draws=8),
            ),
            "error components",
        ),
        (
            lambda: ck.ChoiceModel(
                ck.Nonlinear({"air": "a + b * gc", "bus": "b * gc"}, {"a": 0, "b": 0}), read()
            ),
            "linear in their coefficients",
        ),
    ],
)
def test_newcomers_of_whom_nothing_is_known(model: Callable[[], ck.ChoiceModel], text: str) -> None:
    built = model()
    start = built.table({}, {}).start
    fit = built.fit(fixed=dict(zip(built.parameter_names, start, strict=True)))
    with pytest.raises(SpecificationError, match=text):
        fit.scenario(add={"tram": {"like": "bus"}})


# -- what is printed, and bad input ---------------------------------------------------------------


def test_tidy_tables(logit: ck.FitResults) -> None:
    found = logit.scenario({"gc": {"air": "+20%"}}, alpha=0.1)
    assert list(found.estimates.columns) == ["estimate", "std_error", "conf_low", "conf_high"]
    assert found.estimates.index.names == ["alternative", "quantity"]
    row = found.estimates.loc[("air", "after")]
    assert row["conf_high"] - row["estimate"] == pytest.approx(1.6448536 * row["std_error"])
    # With all constants a logit's shares are the sample's: they have no error to speak of.
    text = repr(found)
    assert text.startswith("Scenario, 210 cases\n  gc of air: +20%")
    assert "90% from" in text
    assert "air" in found._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "Nothing changes"),
        ({"changes": {"cost": "+1"}}, "not in the data"),
        ({"changes": {"gcc": "+1"}}, "Did you mean 'gc'"),
        ({"changes": {"psize": "+1"}}, "not used by the model"),
        ({"changes": {"gc": {"plane": "+1"}}}, "no alternative"),
        ({"changes": {"gc": 1.1}}, "not clear"),
        ({"changes": "gc"}, "Write changes as"),
        ({"changes": {"gc": lambda c: c.iloc[:3]}}, "shape"),
        ({"changes": {"gc": lambda c: c * np.nan}}, "After the changes"),
        ({"changes": {"hinc": {"air": "+10"}}}, "hinc"),
        ({"unavailable": ["tram"]}, "no alternative"),
        ({"add": {"bus": {"like": "car"}}}, "already"),
        ({"add": {"tram": {"gc": 3}}}, "valued like"),
        ({"add": ["tram"]}, "Write new alternatives as"),
        ({"add": {"tram": {"like": "metro"}}}, "no alternative"),
        ({"changes": {"gc": "+1"}, "alpha": 2}, "alpha"),
    ],
)
def test_bad_input(logit: ck.FitResults, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises((SpecificationError, DataError), match=text):
        logit.scenario(**arguments)
