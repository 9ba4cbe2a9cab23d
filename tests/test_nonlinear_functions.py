"""Utilities as functions of the user's: equal to expressions, differentiated, explained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.post.marginal import marginal_utility
from choicekit.post.nesting import nested_in

START = {"asc_air": 0.0, "asc_train": 0.0, "asc_bus": 0.0, "b_ttme": 0.0, "b_gc": 0.0, "lam": 1.0}
LABELS = ("air", "train", "bus", "car")
TEXT = {
    label: ("" if label == "car" else f"asc_{label} + ")
    + "b_ttme * ttme + b_gc * (gc ** lam - 1) / lam"
    for label in LABELS
}
Function = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


def boxcox(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return p["b_ttme"] * columns["ttme"] + p["b_gc"] * (columns["gc"] ** p["lam"] - 1) / p["lam"]


def air(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return p["asc_air"] + boxcox(columns, p)


def train(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return p["asc_train"] + boxcox(columns, p)


def bus(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    return p["asc_bus"] + boxcox(columns, p)


def everywhere(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    constant = sum(p[f"asc_{label}"] * (columns["mode"] == label) for label in LABELS[:3])
    return constant + boxcox(columns, p)


def slopes(columns: Mapping[str, Any], p: Mapping[str, Any]) -> dict[str, Any]:
    gc, lam, power = columns["gc"], p["lam"], columns["gc"] ** p["lam"]
    found = {f"asc_{label}": columns["mode"] == label for label in LABELS[:3]}
    found |= {"b_ttme": columns["ttme"], "b_gc": (power - 1) / lam}
    return found | {"lam": p["b_gc"] * (power * np.log(gc) / lam - (power - 1) / lam**2)}


def by_scalars(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """No function of complex numbers: its derivatives come from differences."""
    powers = np.array([math.pow(x, p["lam"]) for x in columns["gc"]])
    constant = sum(p[f"asc_{label}"] * (columns["mode"] == label) for label in LABELS[:3])
    return constant + p["b_ttme"] * columns["ttme"] + p["b_gc"] * (powers - 1) / p["lam"]


WAYS: dict[str, tuple[ck.Nonlinear, str]] = {
    "by alternative": (
        ck.Nonlinear({"air": air, "train": train, "bus": bus, "car": boxcox}, START),
        "complex step",
    ),
    "beside text": (
        ck.Nonlinear({"air": air, "train": TEXT["train"], "bus": bus, "car": TEXT["car"]}, START),
        "complex step",
    ),
    "one for all": (ck.Nonlinear(everywhere, START), "complex step"),
    "with derivatives": (ck.Nonlinear(everywhere, START, jacobian=slopes), "given"),
    "differences": (ck.Nonlinear(by_scalars, START), "central differences"),
}


@pytest.mark.parametrize("way", WAYS)
def test_functions_are_what_the_expressions_are(data: ck.ChoiceData, way: str) -> None:
    specification, method = WAYS[way]
    text, model = ck.logit(ck.Nonlinear(TEXT, START), data), ck.logit(specification, data)
    assert set(model.design.derivatives.values()) - {"exact"} == {method}  # type: ignore[attr-defined]
    assert set(model.design.columns) - {"mode"} == {"gc", "ttme"}
    assert model.design.constants == text.design.constants
    assert model.design.kinds == text.design.kinds
    one, other = text.likelihood(), model.likelihood()
    for params in ([1.0, -0.5, 0.2, -0.05, -0.02, 0.7], [0.0, 0.0, 0.0, -0.1, -0.5, -0.4]):
        value, gradient = one.value_and_gradient(np.array(params))
        found = other.value_and_gradient(np.array(params))
        assert found[0] == pytest.approx(value, abs=1e-8)
        np.testing.assert_allclose(found[1], gradient, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(
            other.scores(np.array(params)), one.scores(np.array(params)), rtol=1e-8, atol=1e-8
        )
    expected, fit = text.fit(), model.fit()
    assert fit.convergence.converged
    assert fit.llf == pytest.approx(expected.llf, abs=1e-8)
    assert fit.llr == pytest.approx(expected.llr)
    np.testing.assert_allclose(fit.params, expected.params, rtol=1e-4, atol=1e-6)
    assert any("central differences" in note for note in fit.notes) == (way == "differences")
    frame = ck.load_dataset("travelmode").query("individual <= 10")
    new = fit.probabilities(frame)
    np.testing.assert_allclose(new, fit.probabilities().iloc[:10], rtol=1e-12)
    np.testing.assert_allclose(new, expected.probabilities(frame), rtol=0, atol=1e-6)


def test_probit_and_nests(data: ck.ChoiceData) -> None:
    nests = ck.Nested({"ground": ["bus", "train", "car"], "air": ["air"]})
    text = ck.Nonlinear(TEXT, START)
    for errors in (nests, ck.Normal("iid")):
        fit, expected = (
            ck.ChoiceModel(utility, data, errors).fit(fixed={"lam": 1.0})
            for utility in (WAYS["one for all"][0], text)
        )
        assert fit.llf == pytest.approx(expected.llf, abs=1e-6)


def test_parts_of_the_data(data: ck.ChoiceData) -> None:
    likelihood = ck.logit(WAYS["one for all"][0], data).likelihood()
    params, cases = np.array([1.0, -0.5, 0.2, -0.05, -0.02, 0.7]), np.array([3, 7, 100])
    np.testing.assert_allclose(
        likelihood.take(cases).logp(params), likelihood.logp(params)[cases], rtol=1e-12
    )


def test_effects_are_those_of_the_attributes(data: ck.ChoiceData) -> None:
    text, function = (ck.Nonlinear(TEXT, START), WAYS["one for all"][0])
    one, other = (
        ck.logit(utility, data).fit(fixed={"lam": 0.5}).get_margeff()
        for utility in (text, function)
    )
    np.testing.assert_allclose(other.margeff, one.margeff, rtol=1e-3, atol=1e-8)
    np.testing.assert_allclose(other.margeff_se, one.margeff_se, rtol=5e-3, atol=1e-8)


@pytest.mark.parametrize("way", ["beside text", "one for all"])
def test_marginal_utilities(data: ck.ChoiceData, way: str) -> None:
    text, model = ck.logit(ck.Nonlinear(TEXT, START), data), ck.logit(WAYS[way][0], data)
    params = np.array([1.0, -0.5, 0.2, -0.05, -0.02, 0.7])
    for column in ("gc", "ttme"):
        expected, found = (marginal_utility(m, column, data) for m in (text, model))
        np.testing.assert_allclose(found.value(params), expected.value(params), rtol=1e-8)
        np.testing.assert_allclose(
            found.jacobian(params), expected.jacobian(params), rtol=1e-7, atol=1e-9
        )


# -- derivatives ----------------------------------------------------------------------------------


def forgets(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """Takes the size of a complex number: its derivative by b would quietly be lost."""
    return np.exp(0.01 * np.abs(p["b"])) * columns["gc"] + p["a"]


def casts(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    out = np.zeros(len(columns["gc"]))
    out[:] = p["a"] + p["b"] * columns["gc"]
    return out


def steep(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """A parameter whose natural step is far smaller than itself."""
    return p["a"] + np.array([math.exp(800.0 * p["b"] * x / 500.0) for x in columns["gc"]])


def switches(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
    """Reads a parameter only where another one says so."""
    return p["a"] + (columns["gc"] * p["b"] if p["a"] > 0.05 else columns["gc"] * p["b"] * 2)


@pytest.mark.parametrize(
    ("function", "start", "slope", "method"),
    [
        (
            forgets,
            {"a": 0.0, "b": -1.0},
            lambda gc, a, b: gc * 0.01 * np.sign(b) * np.exp(0.01 * np.abs(b)),
            "central differences",
        ),
        (casts, {"a": 0.0, "b": 0.1}, lambda gc, a, b: gc, "central differences"),
        (
            steep,
            {"a": 0.0, "b": 0.01},
            lambda gc, a, b: 1.6 * gc * np.exp(1.6 * b * gc),
            "central differences",
        ),
        (switches, {"a": 0.2, "b": 0.1}, lambda gc, a, b: gc, "complex step"),
    ],
)
def test_functions_that_complex_numbers_do_not_suit(
    data: ck.ChoiceData, function: Function, start: dict[str, float], slope: Any, method: str
) -> None:
    design = ck.logit(ck.Nonlinear({"air": function}, start), data).design
    assert design.derivatives == {"'air'": method}  # type: ignore[attr-defined]
    bound = design.bind(data.frame, data.layout.alt, data.layout.case_ptr)  # type: ignore[attr-defined]
    rows = data.layout.alt == 0
    for point in (list(start.values()), [1.3 * value + 0.001 for value in start.values()]):
        found = bound.jacobian(np.array(point))
        gc = data.frame["gc"].to_numpy(dtype=float)[rows]
        np.testing.assert_allclose(found[rows, 1], slope(gc, *point), rtol=1e-8)
        np.testing.assert_allclose(found[rows, 0], 1.0, rtol=1e-8)
        assert not found[~rows].any()


def test_chance_and_corners_are_refused(data: ck.ChoiceData) -> None:
    rng = np.random.default_rng(1)

    def random(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
        return p["a"] + rng.normal(size=len(columns["gc"]))

    def jumps(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
        return p["a"] + np.sign(np.sin(1e7 * p["b"] * columns["gc"]))

    with pytest.raises(ck.SpecificationError, match="not on chance"):
        ck.logit(ck.Nonlinear({"air": random}, {"a": 0}), data)
    with pytest.raises(ck.SpecificationError, match="no derivative by 'b'"):
        ck.logit(ck.Nonlinear({"air": jumps}, {"a": 0, "b": 0.3}), data)


def test_wrong_derivatives_are_found(data: ck.ChoiceData) -> None:
    def wrong(columns: Mapping[str, Any], p: Mapping[str, Any]) -> dict[str, Any]:
        return {**slopes(columns, p), "b_gc": columns["gc"]}

    def missing(columns: Mapping[str, Any], p: Mapping[str, Any]) -> dict[str, Any]:
        found = slopes(columns, p)
        return {name: found[name] for name in found if name != "b_ttme"}

    start = {**START, "b_gc": -0.1, "lam": 0.5}
    with pytest.raises(ck.SpecificationError, match="not the derivative by 'b_gc'"):
        ck.logit(ck.Nonlinear(everywhere, start, jacobian=wrong), data)
    with pytest.raises(ck.SpecificationError, match="not the derivative by 'b_ttme'"):
        ck.logit(ck.Nonlinear(everywhere, start, jacobian=missing), data)
    with pytest.raises(ck.SpecificationError, match="'gcc', which is no parameter"):
        ck.logit(ck.Nonlinear(everywhere, start, jacobian=lambda c, p: {"gcc": 1}), data)
    with pytest.raises(ck.SpecificationError, match="must return a dict"):
        ck.logit(ck.Nonlinear(everywhere, start, jacobian=lambda c, p: np.ones(3)), data)


# -- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda c, p: p["a"] * np.ones(3), r"shape \(3,\), but there are 210 rows"),
        (lambda c, p: None, "must be numbers, not NoneType"),
        (lambda c, p: p["a"] * c["mode"], "failed on the 840 rows"),
        (lambda c, p: p["a"] * c["gcc"], r"reads the column 'gcc'.*did you mean 'gc'"),
        (lambda c, p: p["aa"] * c["gc"], r"reads the parameter 'aa'.*start="),
        (lambda c, p: c["gc"] * 1.0, "No utility uses the parameter 'a'"),
        (lambda c, p: p["a"] + 1j * c["gc"], "complex for real parameters"),
    ],
)
def test_what_a_function_does_wrong_is_said(
    data: ck.ChoiceData, function: Function, message: str
) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        ck.logit(ck.Nonlinear({"air": function}, {"a": 0.5}), data)


def test_cases_are_named_where_a_utility_is_not_finite(data: ck.ChoiceData) -> None:
    def logs(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
        return p["a"] * np.log(columns["ttme"] - 5.0)

    with pytest.raises(ck.DataError, match=r"'car' is not finite.*\[210 cases: 1, 2"):
        ck.logit(ck.Nonlinear({"car": logs}, {"a": 0.5}), data)


def test_missing_values_in_the_columns_read(data: ck.ChoiceData) -> None:
    frame = ck.load_dataset("travelmode").astype({"gc": float})
    frame.loc[frame["individual"] == 7, "gc"] = np.nan
    names = {"case": "individual", "alt": "mode", "chosen": "choice"}
    holed = ck.ChoiceData.from_long(frame, **names)
    for columns in (None, ["gc", "ttme", "mode"]):
        with pytest.raises(ck.DataError, match=r"'gc' has missing values \[1 case: 7\]"):
            ck.logit(ck.Nonlinear(everywhere, START, columns), holed)
    dropped = ck.ChoiceData.from_long(frame, **names, missing="drop")
    assert ck.logit(ck.Nonlinear(everywhere, START), dropped).data.n_cases == 209
    fit = ck.logit(ck.Nonlinear({"air": lambda c, p: p["a"] * c["gc"]}, {"a": 0}), data).fit()
    with pytest.raises(ck.DataError, match="gc"):
        fit.probabilities(frame)
    with pytest.raises(ck.DataError, match="gc"):
        fit.probabilities(frame.drop(columns="gc"))


def test_a_column_read_later_must_have_been_named(data: ck.ChoiceData) -> None:
    def later(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
        return p["a"] * columns["gc"] + (p["b"] * columns["ttme"] if p["a"] else p["b"])

    with pytest.raises(ck.SpecificationError, match=r"'ttme', which it was not given.*columns="):
        ck.logit(ck.Nonlinear({"air": later}, {"a": 0, "b": 0}), data)
    named = ck.Nonlinear({"air": later}, {"a": 0, "b": 0}, columns=["gc", "ttme"])
    assert ck.logit(named, data).design.columns == ("gc", "ttme")
    with pytest.raises(ck.SpecificationError, match="is no list"):
        ck.Nonlinear({"air": later}, {"a": 0, "b": 0}, columns="gc")


def test_a_function_cannot_change_the_data(data: ck.ChoiceData) -> None:
    def spoils(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
        columns["gc"][:] = 0.0
        return p["a"] * columns["gc"]

    before = data.frame["gc"].copy()
    with pytest.raises(ValueError, match="read-only"):
        ck.logit(ck.Nonlinear({"air": spoils}, {"a": 0}, columns=["gc"]), data)
    pd.testing.assert_series_equal(data.frame["gc"], before)


@pytest.mark.parametrize(
    ("utilities", "jacobian", "message"),
    [
        ({"air": 3}, None, "text or a function"),
        ({}, None, "text or a function"),
        ({"air": air}, air, "dict of functions"),
        (everywhere, {"air": air}, "one function"),
        ({"air": "a * gc"}, {"air": air}, "no function"),
    ],
)
def test_specifications_of_a_wrong_kind(utilities: Any, jacobian: Any, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        ck.Nonlinear(utilities, {"a": 0}, jacobian=jacobian)


def test_other_functions_of_the_same_name_are_other_models(data: ck.ChoiceData) -> None:
    def with_power(power: float) -> ck.Nonlinear:
        def utility(columns: Mapping[str, Any], p: Mapping[str, Any]) -> Any:
            return p["a"] + p["b"] * columns["gc"] ** power

        return ck.Nonlinear({"air": utility}, {"a": 0, "b": 0})

    one = with_power(0.5)
    small = ck.logit(one, data).fit(fixed={"a": 0.0})
    assert nested_in(small, ck.logit(one, data).fit())
    assert not nested_in(small, ck.logit(with_power(1.0), data).fit())


# -- files ----------------------------------------------------------------------------------------


def test_saving(data: ck.ChoiceData, tmp_path: Path) -> None:
    fit = ck.logit(WAYS["by alternative"][0], data).fit(fixed={"lam": 1.0})
    again = ck.load(fit.save(tmp_path / "fit.pkl"))
    np.testing.assert_allclose(again.probabilities(), fit.probabilities(), rtol=1e-12)
    held = ck.logit(ck.Nonlinear({"air": lambda c, p: p["a"] * c["gc"]}, {"a": 0}), data).fit()
    with pytest.raises(ck.SpecificationError, match=r"cannot be saved.*Cure: define .* with def"):
        held.save(tmp_path / "lambda.pkl")
    assert not (tmp_path / "lambda.pkl").exists()
