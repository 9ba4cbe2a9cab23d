"""Utilities that are not linear in their parameters, with random parameters and latent classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.likelihood.nonlinear import NonlinearClassLikelihood, NonlinearMixedLikelihood

POWER = {
    "a0": "b0 * x0 + b1 * boxcox(x1, lam)",
    "a1": "c1 + b0 * x0 + b1 * boxcox(x1, lam)",
    "a2": "c2 + b0 * x0 * exp(0.1 * b1) + b1 * x1",
}
START = {"b0": 0.1, "b1": -0.1, "lam": 0.5, "c1": 0.0, "c2": 0.0}
LINEAR = {
    "a0": "b0 * x0 + b1 * x1",
    "a1": "c1 + b0 * x0 + b1 * x1",
    "a2": "c2 + b0 * x0 + b1 * x1",
}


def panel(n_people: int, n_cases: int, seed: int, lam: float = 1.0) -> pd.DataFrame:
    """Random taste for x0; x1 is positive and enters by its power."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_people, n_cases, 3, 2))
    x[..., 1] = np.exp(0.7 * x[..., 1])
    taste = 0.8 + 0.7 * rng.normal(size=n_people)
    v = taste[:, None, None] * x[..., 0] - 0.9 * (x[..., 1] ** lam - 1.0) / lam
    chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2)
    return pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        person=np.repeat(np.arange(n_people), n_cases * 3),
        case=np.repeat(np.arange(n_people * n_cases), 3),
        alt=np.tile(["a0", "a1", "a2"], n_people * n_cases),
        choice=(np.arange(3) == chosen[..., None]).ravel().astype(int),
    )


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", person="person", **more
    )


LAWS: dict[str, Any] = {
    "gumbel": lambda: ck.Gumbel(0.7),
    "nested": lambda: ck.Nested({"near": ["a0", "a1"]}),
    "normal": lambda: ck.Normal("heteroskedastic"),
}
MIXINGS: dict[str, Any] = {
    "correlated": lambda: ck.RandomCoefficients(
        b0="normal",
        lam="normal",
        correlated=True,
        components={"near": ["a0", "a1"]},
        means={"b0": "rich"},
        draws=32,
    ),
    "lognormal": lambda: ck.RandomCoefficients(b1="-lognormal", draws=32),
    "classes": lambda: ck.LatentClasses(2, membership="~ rich", same=["lam"]),
}


@pytest.mark.parametrize("name", MIXINGS)
@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_central_differences(law: str, name: str) -> None:
    frame = panel(12, 3, 5)
    frame["w"], frame["rich"] = 1.0 + frame["person"] % 3, frame["person"] % 4
    rng = np.random.default_rng(1)
    kept = (rng.random(len(frame)) < 0.7) | (frame["choice"] == 1) | (frame["alt"] < "a2")
    model = ck.ChoiceModel(
        ck.Nonlinear(POWER, START),
        read(frame[kept], weights="w"),
        errors=LAWS[law](),
        mixing=MIXINGS[name](),
    )
    params = model.table({}, {}).start
    params = params + 0.1 * rng.normal(size=len(params))
    params[[name.startswith("lambda") for name in model.parameter_names]] = 0.7
    likelihood = model.likelihood().settle(params, 1)
    kind = NonlinearClassLikelihood if name == "classes" else NonlinearMixedLikelihood
    assert isinstance(likelihood, kind)
    gradient = likelihood.value_and_gradient(params)[1]
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-6, rel=1e-6)
    np.testing.assert_allclose(likelihood.weights @ likelihood.scores(params), gradient, atol=1e-9)
    np.testing.assert_allclose(likelihood.probabilities(params).sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("law", LAWS)
def test_a_linear_utility_written_out_is_the_linear_model(law: str) -> None:
    """Random coefficients, a component, shifted means: the same draws, the same numbers."""
    data = read(panel(15, 3, 5).assign(rich=lambda f: f["person"] % 2))
    names = {"b0": "x0", "b1": "x1", "c1": "asc[a1]", "c2": "asc[a2]"}

    def mixing(name: Any) -> ck.RandomCoefficients:
        return ck.RandomCoefficients(
            {name("b0"): "normal", name("b1"): "-lognormal"},
            components={"near": ["a0", "a1"]},
            means={name("b0"): "rich"},
            draws=16,
        )

    start = dict.fromkeys(names, 0.0)
    written = ck.ChoiceModel(
        ck.Nonlinear(LINEAR, start), data, errors=LAWS[law](), mixing=mixing(str)
    )
    linear = ck.ChoiceModel(
        "choice ~ x0 + x1", data, errors=LAWS[law](), mixing=mixing(names.__getitem__)
    )
    at = written.table({"b0": 0.7, "b1": -0.5, "c1": 0.2, "c2": -0.1}, {}).start
    assert [names.get(name, name) for name in written.coefficient_names] == list(
        linear.coefficient_names
    )
    one, other = written.likelihood().settle(at, 1), linear.likelihood().settle(at, 1)
    np.testing.assert_allclose(one.logp(at), other.logp(at), atol=1e-10)
    np.testing.assert_allclose(one.scores(at), other.scores(at), atol=1e-9)
    np.testing.assert_allclose(one.probabilities(at), other.probabilities(at), atol=1e-10)
    for ours, theirs in zip(one.posterior(at), other.posterior(at), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_no_spread_is_no_mixing(law: str) -> None:
    data = read(panel(12, 3, 5))
    utility = ck.Nonlinear(POWER, START)
    plain = ck.ChoiceModel(utility, data, errors=LAWS[law]())
    mixing = ck.RandomCoefficients(b0="normal", lam="uniform", draws=8)
    mixed = ck.ChoiceModel(utility, data, errors=LAWS[law](), mixing=mixing)
    params = plain.table({"b0": 0.7, "lam": 0.3}, {}).start
    longer = np.concatenate([params, np.zeros(2)])
    expected = plain.likelihood().settle(params, 1).value(params)
    found = mixed.likelihood().settle(longer, 1)
    assert found.value(longer) == pytest.approx(expected, abs=1e-8)


def test_blocks_do_not_change_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    data = read(panel(12, 3, 5))
    mixing = ck.RandomCoefficients(b0="normal", lam="normal", draws=16)
    model = ck.ChoiceModel(ck.Nonlinear(POWER, START), data, mixing=mixing)
    params = model.table({}, {}).start
    likelihood = model.likelihood().settle(params, 1)
    expected = likelihood.value_and_gradient(params)
    monkeypatch.setattr("choicekit.likelihood.mixed.BLOCK_CELLS", 16 * 3 * 4)
    value, gradient = likelihood.value_and_gradient(params)
    assert value == pytest.approx(expected[0], abs=1e-11)
    np.testing.assert_allclose(gradient, expected[1], atol=1e-10)


def test_recovers_a_power_beside_a_random_taste() -> None:
    data = read(panel(250, 6, 7, lam=0.4))
    texts = dict.fromkeys(("a0", "a1", "a2"), "b0 * x0 + b1 * boxcox(x1, lam)")
    utility = ck.Nonlinear(texts, {"b0": 0.0, "b1": -0.1, "lam": 1.0})
    mixing = ck.RandomCoefficients(b0="normal", draws=32)
    fit = ck.ChoiceModel(utility, data, mixing=mixing).fit()
    assert fit.convergence.converged
    truth = pd.Series({"b0": 0.8, "b1": -0.9, "lam": 0.4, "sd[b0]": 0.7})
    assert np.abs((fit.params - truth) / fit.bse).max() < 3.0
    assert fit.random_table().loc[("b0", "sd"), "estimate"] == fit.params["sd[b0]"]
    assert len(fit.individual_coefficients()) == 250
    np.testing.assert_allclose(fit.probabilities(panel(4, 2, 1)).sum(axis=1), 1.0)


def test_classes_of_a_linear_utility_written_out_are_the_linear_ones() -> None:
    data = read(panel(200, 6, 7))
    texts = dict.fromkeys(("a0", "a1", "a2"), "b0 * x0 + b1 * x1")
    linear = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, mixing=ck.LatentClasses(2)).fit()
    written = ck.ChoiceModel(
        ck.Nonlinear(texts, {"b0": 0.0, "b1": 0.0}), data, mixing=ck.LatentClasses(2)
    ).fit()
    assert written.convergence.converged
    assert written.llf == pytest.approx(linear.llf, abs=1e-5)
    for s in (1, 2):
        for ours, theirs in (("b0", "x0"), ("b1", "x1")):
            found = written.params[f"{ours}[class{s}]"]
            assert found == pytest.approx(linear.params[f"{theirs}[class{s}]"], abs=1e-3)


def test_functions_in_classes_but_not_with_random_parameters() -> None:
    data = read(panel(40, 4, 3))

    def utility(columns: Any, parameters: Any) -> Any:
        return parameters["b0"] * columns["x0"] + parameters["b1"] * columns["x1"]

    specification = ck.Nonlinear(utility, {"b0": 0.1, "b1": -0.1})
    classes = ck.ChoiceModel(specification, data, mixing=ck.LatentClasses(2, same=["b1"])).fit()
    assert classes.params.index[1] == "b1"
    mixing = ck.RandomCoefficients(b0="normal")
    with pytest.raises(ck.SpecificationError, match="write the utilities as text"):
        ck.ChoiceModel(specification, data, mixing=mixing)
    for more in ({"scale": True}, {"wtp": "b1"}):
        with pytest.raises(ck.SpecificationError, match="parameters of any kind"):
            ck.ChoiceModel(ck.Nonlinear(POWER, START), data, mixing=ck.RandomCoefficients(**more))


def test_what_follows_a_fit() -> None:
    """Elasticities, draws anew, a check of identification, the summary."""
    data = read(panel(60, 4, 9))
    texts = dict.fromkeys(("a0", "a1", "a2"), "b0 * x0 + b1 * boxcox(x1, lam)")
    utility = ck.Nonlinear(texts, {"b0": 0.1, "b1": -0.1, "lam": 1.0})
    model = ck.ChoiceModel(utility, data, mixing=ck.RandomCoefficients(b0="normal", draws=16))
    fit = model.fit(fixed={"lam": 1.0})
    linear = ck.logit(
        "choice ~ x0 + x1 | 0", data, mixing=ck.RandomCoefficients(x0="normal", draws=16)
    ).fit()
    assert fit.llf == pytest.approx(linear.llf, abs=1e-6)
    columns = ["estimate", "std_error"]
    ours, theirs = (one.elasticities("x1")[columns] for one in (fit, linear))
    np.testing.assert_allclose(ours, theirs, rtol=2e-3)
    assert fit.simulation_error(2).table.loc["b0", "sim s.e."] > 0.0
    assert model.identification().identified
    with pytest.raises(ck.SpecificationError, match="Cure: read random_table"):
        fit.wtp("x0", price="x1")
    with pytest.raises(ck.SpecificationError, match="Cure: logsum"):
        fit.consumer_surplus({"x0": {"a0": "+1"}}, price="x1")
    assert "Spread of the random coefficients" in str(fit.summary())
