"""Expected utility and surplus against closed formulas, quadrature, sampling and limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.mixing.classes import class_name
from choicekit.post.expected_utility import Errors, expected_gain, expected_maximum

LABELS = ("a0", "a1", "a2", "a3")
FORMULA = "choice ~ gc + ttme | hinc"


def read(few: bool = False, **arguments: Any) -> ck.ChoiceData:
    table = ck.load_dataset("travelmode").astype({"gc": float, "ttme": float})
    if few:
        table = table[table["individual"] % 7 == 0]
    table = table.assign(who=table["individual"] // 3)
    return ck.ChoiceData.from_long(
        table, case="individual", alt="mode", chosen="choice", **arguments
    )


@dataclass(frozen=True)
class Opened:
    """A law whose closed form is hidden, so that its probabilities are integrated."""

    law: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.law, name)

    def predicting(self) -> Opened:
        return self

    def settle(self, *arguments: Any) -> Opened:
        return self

    def expected_maximum(self, *arguments: Any) -> None:
        return None


def problem(law: Any, theta: Any, seed: int = 5, n: int = 8) -> tuple[Errors, np.ndarray]:
    rng = np.random.default_rng(seed)
    available = rng.random((n, 4)) < 0.75
    available[:, 0] = available[np.arange(n), rng.integers(1, 4, n)] = True
    bound = law.bind(LABELS, 0)
    errors = Errors(bound, np.asarray(theta, dtype=float), available, np.arange(n, dtype=np.uint64))
    return errors, 1.5 * rng.normal(size=(n, 4))


CLOSED: dict[str, tuple[Any, list[float]]] = {
    "gumbel": (ck.Gumbel(), []),
    "gumbel of another scale": (ck.Gumbel(scale=0.4), []),
    "nested": (ck.Nested({"x": ["a0", "a1"], "y": ["a2", "a3"]}), [0.4, 0.7]),
    "nested twice": (ck.Nested({"x": {"y": ["a0", "a1"], "z": ["a2"]}}), [0.3, 0.6]),
    "cross-nested": (
        ck.CrossNested({"x": {"a0": 1, "a1": 0.3}, "y": {"a1": 0.7, "a2": 1}}),
        [0.5, 0.8],
    ),
}
NUMERIC: dict[str, tuple[Any, list[float]]] = {
    "hev": (ck.HeteroskedasticGumbel(), [0.5, 1.0, 2.0]),
    "probit iid": (ck.Normal("iid"), []),
    "probit": (ck.Normal("unstructured"), [0.3, 0.8, -0.2, 0.4, 0.7]),
}


# -- expected maximum -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CLOSED)
def test_integrated_probabilities_give_the_closed_form(name: str) -> None:
    errors, v = problem(*CLOSED[name])
    closed = errors.closed(v)
    assert closed is not None
    opened = replace(errors, law=Opened(errors.law))
    np.testing.assert_allclose(expected_maximum(opened, v).value, closed.value, atol=1e-9)
    rng = np.random.default_rng(1)
    for size in (0.01, 1.0, 8.0):
        w = v + size * rng.normal(size=v.shape)
        gain = expected_gain(errors, v, w, gradient=True)
        also = expected_gain(opened, v, w, gradient=True)
        np.testing.assert_allclose(also.value, gain.value, atol=1e-8)
        np.testing.assert_allclose(also.by_theta, gain.by_theta, atol=1e-7)


@pytest.mark.parametrize("name", [*CLOSED, *NUMERIC])
def test_its_derivatives_are_the_probabilities(name: str) -> None:
    errors, v = problem(*{**CLOSED, **NUMERIC}[name])
    p = errors.law.probabilities(v, errors.available, errors.theta, errors.keys)
    for j in range(4):
        step = np.zeros(v.shape)
        step[:, j] = 1e-3
        up, down = (expected_maximum(errors, v + move).value for move in (step, -step))
        slope = (up - down) / 2e-3
        np.testing.assert_allclose(slope, p[:, j], atol=3e-6)
    by_theta = expected_maximum(errors, v, gradient=True).by_theta
    for q in range(len(errors.theta)):
        step = 1e-4 * np.eye(len(errors.theta))[q]
        up, down = (
            expected_maximum(replace(errors, theta=errors.theta + move), v).value
            for move in (step, -step)
        )
        np.testing.assert_allclose(by_theta[:, q], (up - down) / 2e-4, atol=3e-6)


@pytest.mark.parametrize("name", [*CLOSED, *NUMERIC])
def test_one_alternative_is_worth_its_utility(name: str) -> None:
    errors, v = problem(*{**CLOSED, **NUMERIC}[name])
    alone = replace(errors, available=np.arange(4) == np.zeros((8, 1)))
    np.testing.assert_allclose(expected_maximum(alone, v).value, v[:, 0], atol=1e-9)


@pytest.mark.parametrize("name", NUMERIC)
def test_two_ways_to_the_same_gain(name: str) -> None:
    errors, v = problem(*NUMERIC[name])
    rng = np.random.default_rng(2)
    for size in (0.3, 4.0):
        w = v + size * rng.normal(size=v.shape)
        first, second = (expected_maximum(errors, at, gradient=True) for at in (v, w))
        gain = expected_gain(errors, v, w, gradient=True)
        np.testing.assert_allclose(gain.value, second.value - first.value, atol=3e-6)
        np.testing.assert_allclose(gain.by_theta, second.by_theta - first.by_theta, atol=3e-5)


def test_gumbels_of_unequal_scale_by_quadrature() -> None:
    errors, v = problem(*NUMERIC["hev"])
    scales = np.array([1.0, 0.5, 1.0, 2.0])
    found = expected_maximum(errors, v).value
    for c in range(len(v)):
        own = np.flatnonzero(errors.available[c])
        place = v[c, own] - np.euler_gamma  # mean zero where the scale is 1

        def above(x: float, place: Any = place, own: Any = own) -> float:
            return 1.0 - float(np.exp(-np.exp(-(x - place) / scales[own]).sum()))

        right = quad(above, 0, 60, limit=200)[0]
        left = quad(lambda x: 1.0 - above(x), -40, 0, limit=200)[0]
        assert found[c] == pytest.approx(right - left, abs=1e-7)


def test_two_normal_utilities_by_clark() -> None:
    # Clark (1961): the expected larger of two normal variables.
    bound = ck.Normal("iid").bind(("x", "y"), 0)
    v = np.array([[0.0, 0.0], [1.0, -0.5], [-4.0, 3.0]])
    errors = Errors(bound, np.empty(0), np.ones(v.shape, dtype=bool), np.arange(3, dtype=np.uint64))
    a = v[:, 0] - v[:, 1]  # the difference of the errors has variance 1
    expected = v[:, 0] * norm.cdf(a) + v[:, 1] * norm.cdf(-a) + norm.pdf(a)
    np.testing.assert_allclose(expected_maximum(errors, v).value, expected, atol=1e-10)


def test_correlated_normals_by_sampling() -> None:
    errors, v = problem(*NUMERIC["probit"])
    omega = errors.law.covariance(errors.theta)
    draws = np.random.default_rng(3).multivariate_normal(np.zeros(4), omega, 100_000, "warn", 1e-8)
    u = np.where(errors.available[:, None, :], v[:, None, :] + draws, -np.inf)
    # The utility of the base is certain in this normalisation, and its error zero.
    found = expected_maximum(errors, v).value
    np.testing.assert_allclose(found, u.max(axis=2).mean(axis=1), atol=1e-2)


# -- in fits --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logit() -> ck.FitResults:
    return ck.logit(FORMULA, read(), base="car").fit()


def test_logsum_of_a_logit(logit: ck.FitResults) -> None:
    found = logit.logsum()
    expected = np.log(np.exp(logit.utilities()).sum(axis=1))
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-12)
    x = logit.model.likelihood().x.reshape(210, 4, -1)
    slopes = np.einsum("cj,cjk->ck", logit.probabilities(), x)
    errors = np.sqrt(np.einsum("ck,kl,cl->c", slopes, logit.cov, slopes))
    np.testing.assert_allclose(found["std_error"], errors, rtol=1e-9)
    assert found.index.name == "case"


def test_small_and_rosen(logit: ck.FitResults) -> None:
    table = logit.model.data.frame
    other = table.assign(gc=table["gc"] - 10 * (table["mode"] == "air"))
    v, w = logit.utilities(), logit.utilities(other)
    alpha = -logit.params["gc"]
    expected = (np.log(np.exp(w).sum(axis=1)) - np.log(np.exp(v).sum(axis=1))) / alpha
    found = logit.consumer_surplus({"gc": {"air": "-10"}}, "gc", by="case")
    np.testing.assert_allclose(found["estimate"], expected, rtol=1e-9)
    mean = logit.consumer_surplus({"gc": {"air": "-10"}}, "gc")
    assert mean.loc["mean", "estimate"] == pytest.approx(expected.mean())
    assert mean.loc["total", "estimate"] == pytest.approx(expected.sum())
    assert mean.loc["total", "std_error"] == pytest.approx(210 * mean.loc["mean", "std_error"])
    # The error by hand, from the derivatives of the formula.
    x = logit.model.likelihood().x.reshape(210, 4, -1)
    y = logit.model.likelihood(logit.model.data.read_like(other)).x.reshape(210, 4, -1)
    p, q = logit.probabilities().to_numpy(), logit.probabilities(other).to_numpy()
    slopes = np.einsum("cj,cjk->ck", q, y) - np.einsum("cj,cjk->ck", p, x)
    slopes /= alpha
    slopes[:, list(logit.params.index).index("gc")] += expected.to_numpy() / alpha
    slope = slopes.mean(axis=0)
    error = np.sqrt(slope @ logit.cov.to_numpy() @ slope)
    assert mean.loc["mean", "std_error"] == pytest.approx(error, rel=1e-9)


FAMILIES: dict[str, Callable[[], ck.ChoiceModel]] = {
    "probit": lambda: ck.probit("choice ~ gc + ttme", read(few=True), base="car"),
    "nested": lambda: ck.ChoiceModel(
        "choice ~ gc + ttme", read(few=True), errors=ck.Nested({"ground": ["bus", "train", "car"]})
    ),
    "mixed": lambda: ck.logit(
        "choice ~ gc + ttme",
        read(few=True, person="who"),
        mixing=ck.RandomCoefficients(ttme="normal", draws=32),
    ),
    "probit with normal tastes": lambda: ck.probit(
        "choice ~ gc + ttme",
        read(few=True),
        covariance="iid",
        mixing=ck.RandomCoefficients(ttme="normal"),
    ),
    "mixed probit of people": lambda: ck.probit(
        "choice ~ gc + ttme",
        read(few=True, person="who"),
        covariance="iid",
        mixing=ck.RandomCoefficients(ttme="normal", draws=8),
    ),
    "classes": lambda: ck.logit("choice ~ gc + ttme", read(few=True), mixing=ck.LatentClasses(2)),
}
FAMILIES["mixed and scaled"] = lambda: ck.logit(
    "choice ~ gc + ttme",
    read(few=True, person="who"),
    mixing=ck.RandomCoefficients(
        ttme="normal", components={"land": ["bus", "train"]}, scale=True, draws=16
    ),
)
FAMILIES["willingness to pay space"] = lambda: ck.logit(
    "choice ~ gc + ttme",
    read(few=True, person="who"),
    mixing=ck.RandomCoefficients(ttme="normal", gc="-lognormal", wtp="gc", draws=16),
)
AT = {"gc": -0.02, "ttme": -0.06, "asc[air]": 3.0, "asc[train]": 2.0, "asc[bus]": 1.5}
AT |= {"sd[ttme]": 0.03, "lambda[ground]": 0.6, "class[2]": 0.3}
AT |= {"gc[class1]": -0.03, "gc[class2]": -0.01, "ttme[class1]": -0.08, "ttme[class2]": -0.02}


def posed(model: ck.ChoiceModel, **values: float) -> ck.FitResults:
    """Given estimates, with errors of 5%, independent."""
    start = dict(zip(model.parameter_names, model.table({}, {}).start, strict=True))
    fit = model.fit(fixed=start)
    params = fit.params.copy()
    params.update(pd.Series({**AT, **values}))
    if "sd[gc]" in params and "gc" not in values:  # of a logarithm, in willingness-to-pay space
        params.update(pd.Series({"gc": -4.0, "sd[gc]": 0.4, "ttme": -3.0, "sd[ttme]": 1.0}))
        params[[name for name in params.index if name.startswith("asc")]] = [100.0, 80.0, 50.0]
    cov = pd.DataFrame(
        np.diag((0.05 * params.to_numpy()) ** 2), index=params.index, columns=params.index
    )
    return replace(fit, params=params, cov=cov, _likelihood=None)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_price_cut_for_all_is_worth_itself(name: str) -> None:
    fit = posed(FAMILIES[name]())
    found = fit.consumer_surplus({"gc": "-7"}, "gc")
    assert found.loc["mean", "estimate"] == pytest.approx(7.0, rel=1e-6)
    # It is known without error, whatever the estimates.
    error = found.loc["mean", "std_error"]
    assert np.isnan(error) or error < 1e-4


@pytest.mark.parametrize("name", FAMILIES)
def test_a_small_change_is_worth_its_share(name: str) -> None:
    fit = posed(FAMILIES[name]())
    found = fit.consumer_surplus({"gc": {"air": "-0.001"}}, "gc", by="case")["estimate"]
    p = fit.probabilities()["air"]
    np.testing.assert_allclose(found, 0.001 * p, rtol=2e-3, atol=1e-8)


@pytest.mark.parametrize("name", FAMILIES)
def test_taking_away_is_the_limit_of_making_dear(name: str) -> None:
    fit = posed(FAMILIES[name]())
    gone = fit.consumer_surplus(unavailable=["bus"], price="gc", by="case")["estimate"]
    dear = fit.consumer_surplus({"gc": {"bus": "+3000"}}, "gc", by="case")["estimate"]
    np.testing.assert_allclose(gone, dear, atol=2e-4)
    assert (gone < 0).all()


def test_new_alternatives(logit: ck.FitResults) -> None:
    found = logit.consumer_surplus(add={"blue bus": {"like": "bus"}}, price="gc", by="case")
    p = logit.probabilities()["bus"]
    np.testing.assert_allclose(found["estimate"], np.log1p(p) / -logit.params["gc"], rtol=1e-9)


def test_the_mean_over_classes_is_one_of_ratios() -> None:
    fit = posed(FAMILIES["classes"]())
    found = fit.consumer_surplus({"ttme": {"air": "-10"}}, "gc", by="case")["estimate"]
    frame, share = fit.model.data.frame, 1 / (1 + np.exp(0.3))
    expected = 0.0
    for name, weight in {"class1": share, "class2": 1 - share}.items():
        b = {key: fit.params[f"{key}[{name}]"] for key in ("gc", "ttme")}
        mode = frame["mode"].map(
            {m: fit.params.get(f"asc[{m},{name}]", 0.0) for m in ("air", "train", "bus", "car")}
        )
        sums = []
        for minutes in (frame["ttme"], frame["ttme"] - 10 * (frame["mode"] == "air")):
            v = mode + b["gc"] * frame["gc"] + b["ttme"] * minutes
            sums.append(np.log(np.exp(v).groupby(frame["individual"]).sum()))
        expected = expected + weight * (sums[1] - sums[0]) / -b["gc"]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_lognormal_price_by_quadrature() -> None:
    mixing = ck.RandomCoefficients(gc="-lognormal", draws=4096)
    fit = posed(ck.logit("choice ~ gc + ttme", read(), mixing=mixing), gc=-4.0, **{"sd[gc]": 0.5})
    some = fit.model.data.frame.query("individual <= 5")
    found = fit.consumer_surplus({"ttme": {"air": "-20"}}, "gc", by="case", df=some)["estimate"]
    x, w = np.polynomial.hermite_e.hermegauss(40)
    w = w / w.sum()
    constant = some["mode"].map(AT_CONSTANTS)
    expected = 0.0
    for node, weight in zip(x, w, strict=True):
        alpha = np.exp(-4.0 + 0.5 * node)
        sums = []
        for minutes in (some["ttme"], some["ttme"] - 20 * (some["mode"] == "air")):
            v = constant - alpha * some["gc"] + AT["ttme"] * minutes
            sums.append(np.log(np.exp(v).groupby(some["individual"]).sum()))
        expected = expected + weight * (sums[1] - sums[0]) / alpha
    np.testing.assert_allclose(found, expected, rtol=5e-3)


AT_CONSTANTS = {"air": 0.0, "train": 2.0, "bus": 1.5, "car": 0.0}


def test_normal_tastes_in_the_covariance_and_at_nodes_agree() -> None:
    fit = posed(FAMILIES["probit with normal tastes"]())
    few = fit.model.data.frame.query("individual <= 42")
    found = fit.consumer_surplus({"ttme": {"air": "-20"}}, "gc", by="case", df=few)["estimate"]
    x, w = np.polynomial.hermite_e.hermegauss(24)
    expected = 0.0
    plain = posed(ck.probit("choice ~ gc + ttme", read(few=True), covariance="iid"))
    for node, weight in zip(x, w / w.sum(), strict=True):
        params = plain.params.copy()
        params["ttme"] += 0.03 * node
        at = replace(plain, params=params, _likelihood=None)
        part = at.consumer_surplus({"ttme": {"air": "-20"}}, "gc", by="case", df=few)["estimate"]
        expected = expected + weight * part
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_errors_of_a_probits_surplus_by_drawing() -> None:
    fit = posed(FAMILIES["probit"]())
    few = fit.model.data.frame.query("individual <= 10")
    ask: dict[str, Any] = {"changes": {"gc": {"air": "-20"}}, "price": "gc", "df": few}
    found = fit.consumer_surplus(**ask).loc["mean"]
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(150):
        params = fit.params * (1 + 0.05 * rng.normal(size=len(fit.params)))
        at = replace(fit, params=params, cov=0.0 * fit.cov, _likelihood=None)
        draws.append(at.consumer_surplus(**ask).loc["mean", "estimate"])
    assert found["std_error"] == pytest.approx(np.std(draws), rel=0.25)


def test_weights() -> None:
    weights = pd.Series(np.linspace(1, 3, 210), index=read().case_ids)
    fit = ck.logit(FORMULA, read().with_weights(weights), base="car").fit()
    each = fit.consumer_surplus({"gc": {"air": "-10"}}, "gc", by="case")["estimate"]
    found = fit.consumer_surplus({"gc": {"air": "-10"}}, "gc")["estimate"]
    assert found["total"] == pytest.approx((weights * each).sum())
    assert found["mean"] == pytest.approx(np.average(each, weights=weights))


def test_utilities_that_are_not_linear() -> None:
    data = read()
    utilities = {m: f"{m} + b * gc + c * sqrt(ttme + 20)" for m in ("air", "train", "bus")}
    start = {"b": -0.01, "c": -1.0, "air": 0, "train": 0, "bus": 0}
    spec = ck.Nonlinear({**utilities, "car": "b * gc + c * sqrt(ttme + 20)"}, start)
    curved = ck.ChoiceModel(spec, data).fit()
    line = ck.logit("choice ~ gc + np.sqrt(ttme + 20)", data, "car", context={"np": np}).fit()
    one, two = (
        fit.consumer_surplus({"ttme": {"air": "-10"}}, "gc").loc["mean"] for fit in (curved, line)
    )
    np.testing.assert_allclose(one, two, rtol=1e-3)


@pytest.mark.parametrize(
    ("model", "arguments", "text"),
    [
        (lambda: ck.logit("choice ~ ttme | 1 | gc", read()), {}, "differs between"),
        (
            lambda: ck.logit("choice ~ np.log(gc) + ttme", read(), context={"np": np}),
            {},
            "differs between",
        ),
        (
            lambda: ck.logit(
                "choice ~ gc + ttme", read(), mixing=ck.RandomCoefficients(gc="normal", draws=8)
            ),
            {},
            "can be zero",
        ),
        (lambda: ck.logit(FORMULA, read()), {"price": None}, "Name the price"),
        (lambda: ck.logit(FORMULA, read()), {"price": "cost"}, "neither a coefficient"),
        (lambda: ck.logit(FORMULA, read()), {"by": "person"}, "by="),
        (lambda: ck.logit(FORMULA, read()), {"changes": None}, "Nothing changes"),
    ],
)
def test_bad_input(
    model: Callable[[], ck.ChoiceModel], arguments: dict[str, Any], text: str
) -> None:
    built = model()
    fit = built.fit(fixed=dict(zip(built.parameter_names, built.table({}, {}).start, strict=True)))
    with pytest.raises(SpecificationError, match=text):
        fit.consumer_surplus(**{"changes": {"ttme": "-1"}, "price": "gc", **arguments})


def test_ordered_models_have_no_utilities_of_alternatives() -> None:
    table = pd.DataFrame({"id": range(60), "x": np.linspace(-1, 1, 60)})
    table["rating"] = np.random.default_rng(0).integers(0, 3, 60)
    data = ck.ChoiceData.from_wide(table, alternatives=[0, 1, 2], chosen="rating", case="id")
    fit = ck.ordered("rating ~ x", data).fit()
    with pytest.raises(SpecificationError, match="one index"):
        fit.logsum()


def test_classes_with_errors_of_their_own() -> None:
    model = ck.ChoiceModel(
        "choice ~ gc + ttme",
        read(few=True),
        errors=ck.Nested({"ground": ["bus", "train", "car"]}),
        mixing=ck.LatentClasses(2, own_errors=True),
    )
    names = [name for name in model.parameter_names if name.startswith("lambda")]
    assert len(names) == 2
    fit = posed(model, **dict(zip(names, (0.3, 0.9), strict=True)))
    found = fit.consumer_surplus({"gc": {"bus": "-10"}}, "gc", by="case")["estimate"]
    share, expected = 1 / (1 + np.exp(0.3)), 0.0
    plain = posed(FAMILIES["nested"]())
    for s, (weight, dissimilarity) in enumerate([(share, 0.3), (1 - share, 0.9)], start=1):
        own = {name: fit.params[class_name(name, s - 1)] for name in model.design.names}
        params = pd.Series({**own, "lambda[ground]": dissimilarity})[plain.params.index]
        at = replace(plain, params=params, _likelihood=None)
        part = at.consumer_surplus({"gc": {"bus": "-10"}}, "gc", by="case")["estimate"]
        expected = expected + weight * part
    np.testing.assert_allclose(found, expected, rtol=1e-9)
