"""Probabilities of all alternatives and their derivatives, for every law and mixing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import choicekit as ck
from choicekit.likelihood import choices as module
from choicekit.likelihood.choices import ChoiceProbabilities

from .simulate import away, long_frame

N_PEOPLE = 8
STEP = 1e-5


def frame(n_alternatives: int = 4, n_people: int = N_PEOPLE) -> Any:
    """Three cases a person, unequal choice sets, weights, an income that people keep."""
    made = long_frame(3 * n_people, (1.0, -0.7), 3, n_alternatives=n_alternatives, ragged=True)
    person = made["case"] // 3
    rng = np.random.default_rng(2)
    return made.assign(
        person=person, weight=1.0 + person % 3, income=rng.normal(size=n_people)[person]
    )


def read(rows: Any, **more: Any) -> ck.ChoiceData:
    given = {"case": "case", "alt": "alt", "chosen": "choice", "weights": "weight", **more}
    return ck.ChoiceData.from_long(rows, **given)


SPEC = "choice ~ x0 + x1 | z"
RANDOM = ck.RandomCoefficients
NEST = ck.Nested({"near": ["a0", "a1"], "far": ["a2", "a3"]})
CROSSED = ck.CrossNested({"one": ["a0", "a1"], "two": ["a1", "a2", "a3"]})
BENT = {
    "a0": "b * boxcox(exp(x0), lam)",
    "a1": "c1 + b * boxcox(exp(x0), lam)",
    "a2": "c2 + b * x0 + d * z",
    "a3": "d * x1",
}
START = {"b": 0.4, "lam": 0.6, "c1": 0.1, "c2": -0.3, "d": 0.5}
CLASSES = ck.LatentClasses(2, membership="~ income", same=["x1"])
SHIFTED = RANDOM(x0="normal", x1="-lognormal", means={"x0": ["income"]}, draws=32)
SCALE = ck.Scale(covariates="income", unscaled=[f"asc[a{j}]" for j in (1, 2, 3)])
CORRELATED = RANDOM(x0="normal", x1="normal", correlated=True, draws=32)

MODELS: dict[str, Any] = {
    "logit": {},
    "logit cold": {"errors": ck.Gumbel(0.5)},
    "nested": {"errors": NEST},
    "cross-nested": {"errors": CROSSED},
    "hev": {"errors": ck.HeteroskedasticGumbel()},
    "probit iid": {"errors": ck.Normal("iid")},
    "probit": {"errors": ck.Normal()},
    "probit ghk": {"errors": ck.Normal(method="ghk", draws=64)},
    "nonlinear": {"specification": ck.Nonlinear(BENT, START)},
    "nonlinear probit": {"specification": ck.Nonlinear(BENT, START), "errors": ck.Normal()},
    "absorbed": {"errors": ck.Normal(), "mixing": CORRELATED, "person": None},
    "mixed logit": {"mixing": SHIFTED},
    "scaled": {"mixing": RANDOM(x0="normal", scale=SCALE, draws=32)},
    "wtp space": {"mixing": RANDOM(x1="normal", wtp="x0", draws=32)},
    "mixed logit normal": {"mixing": CORRELATED},
    "mixed logit cases": {"mixing": CORRELATED, "person": None},
    "mixed nested": {"errors": NEST, "mixing": CORRELATED},
    "mixed probit": {"errors": ck.Normal("iid"), "mixing": RANDOM(x0="uniform", draws=16)},
    "classes": {"mixing": CLASSES},
    "classes probit": {"errors": ck.Normal("heteroskedastic"), "mixing": CLASSES},
    "classes own errors": {
        "errors": ck.Normal("heteroskedastic"),
        "mixing": ck.LatentClasses(2, own_errors=True),
    },
    "nonlinear classes": {
        "specification": ck.Nonlinear(BENT, START),
        "mixing": ck.LatentClasses(2, membership="~ income", same=["d"]),
    },
    "nonlinear mixed": {
        "specification": ck.Nonlinear(BENT, START),
        "mixing": RANDOM(b="normal", draws=16),
    },
    "ordered": {"specification": "choice ~ z", "errors": ck.Ordered("probit")},
    "mixed ordered": {
        "specification": "choice ~ z",
        "errors": ck.Ordered(),
        "mixing": RANDOM(z="normal", draws=16),
    },
}
# Probabilities that `results.probabilities` integrates with other points.
LOOSE = {"classes probit": 1e-5, "mixed probit": 1e-5, "classes own errors": 1e-5}


def build(name: str) -> ck.ChoiceModel:
    given = dict(MODELS[name])
    data = read(frame(), person=given.pop("person", "person"))
    return ck.ChoiceModel(given.pop("specification", SPEC), data, **given)


@pytest.fixture(params=MODELS)
def given(request: pytest.FixtureRequest) -> tuple[str, Any, Any, ChoiceProbabilities]:
    model = build(request.param)
    params = away(model)
    likelihood = model.likelihood().settle(params, 4)
    return request.param, likelihood, params, ChoiceProbabilities.of(likelihood, params)


def test_values_derivatives_and_shifts(given: Any) -> None:
    name, likelihood, params, choices = given
    p, slopes = choices.jacobian(params)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    available = likelihood.layout.available
    assert (p[~available] == 0.0).all()
    assert (p[available] > 0.0).all()
    tolerance = LOOSE.get(name, 1e-12)
    np.testing.assert_allclose(p, likelihood.probabilities(params), rtol=0, atol=tolerance)
    np.testing.assert_allclose(choices.values(params), p, rtol=0, atol=1e-13)
    for k in range(len(params)):
        move = np.zeros(len(params))
        move[k] = STEP
        up, down = choices.values(params + move), choices.values(params - move)
        np.testing.assert_allclose(slopes[:, :, k], (up - down) / (2 * STEP), rtol=0, atol=2e-9)


def shifted(model: ck.ChoiceModel, likelihood: Any, alternative: int, by: float) -> Any:
    """The likelihood with the utility of an alternative moved, by a constant's regressor."""
    position = list(model.design.names).index(f"asc[a{alternative}]")
    x = likelihood.x.copy(order="F")
    x[likelihood.layout.alt == alternative, position] += by
    return module.replace(likelihood, x=x)


@pytest.mark.parametrize(
    "name",
    [n for n in MODELS if not any(k in n for k in ("ordered", "nonlinear", "classes", "wtp"))],
)
def test_shifts_are_those_of_a_constant(name: str) -> None:
    model = build(name)
    params = away(model)
    likelihood = model.likelihood()
    choices = ChoiceProbabilities.of(likelihood, params)
    found = choices.by_utility(params)
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=2), 0.0, atol=1e-11)
    scale = params[list(model.design.names).index("asc[a1]")]
    up = choices.at(shifted(model, likelihood, 1, STEP)).values(params)
    down = choices.at(shifted(model, likelihood, 1, -STEP)).values(params)
    np.testing.assert_allclose(found[:, :, 1] * scale, (up - down) / (2 * STEP), rtol=0, atol=2e-9)


def test_shifts_with_classes() -> None:
    """A shift common to the classes, of coefficients that they share."""
    given = ck.LatentClasses(2, same=["asc[a1]", "asc[a2]", "asc[a3]"])
    model = ck.ChoiceModel(SPEC, read(frame(), person="person"), mixing=given)
    params = away(model)
    likelihood = model.likelihood()
    choices = ChoiceProbabilities.of(likelihood, params)
    scale = params[list(model.coefficient_names).index("asc[a1]")]
    up = choices.at(shifted(model, likelihood, 1, STEP)).values(params)
    down = choices.at(shifted(model, likelihood, 1, -STEP)).values(params)
    found = choices.by_utility(params)[:, :, 1] * scale
    np.testing.assert_allclose(found, (up - down) / (2 * STEP), rtol=0, atol=2e-9)


def test_some_cases_are_those_cases(given: Any) -> None:
    _, _, params, choices = given
    cases = np.array([0, 1, 4, 5, 9, 10, 20])
    p, slopes = choices.jacobian(params)
    some, theirs = choices.take(cases).jacobian(params)
    np.testing.assert_allclose(some, p[cases], rtol=0, atol=1e-14)
    np.testing.assert_allclose(theirs, slopes[cases], rtol=0, atol=1e-12)


def test_pieces_make_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("mixed logit")
    params = away(model)
    choices = ChoiceProbabilities.of(model.likelihood(), params)
    whole = choices.jacobian(params)
    monkeypatch.setattr(module, "PIECE_CELLS", 7 * 4 * len(params))
    pieces = list(choices.pieces())
    assert [len(cases) for cases, _ in pieces] == [7, 7, 7, 3]
    for place in (0, 1):
        parts = np.concatenate([piece.jacobian(params)[place] for _, piece in pieces])
        np.testing.assert_allclose(parts, whole[place], rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["probit ghk", "mixed logit", "nonlinear", "classes", "absorbed"])
def test_other_attributes_with_the_same_draws(name: str) -> None:
    """What `at` gives are the probabilities of data in which the columns have moved."""
    model = build(name)
    params = away(model)
    settled = model.likelihood().settle(params, 4)
    choices = ChoiceProbabilities.of(settled, params)
    moved = frame().assign(x0=lambda d: d["x0"] * 1.1, income=lambda d: d["income"] + 0.2)
    other = model.likelihood(model.data.read_like(moved))
    found = choices.at(other)
    p, slopes = found.jacobian(params)
    expected = ChoiceProbabilities.of(other, params, seed=4).jacobian(params)
    # Probits of the moved data have other orders of integration.
    tolerance = {"probit ghk": 2e-3, "absorbed": 1e-8}.get(name, 1e-12)
    np.testing.assert_allclose(p, expected[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(slopes, expected[1], rtol=0, atol=10 * tolerance)
    back = found.at(settled).values(params)
    np.testing.assert_allclose(back, choices.values(params), rtol=0, atol=1e-14)


def test_given_draws_are_kept() -> None:
    """Draws that the user gave belong to people, also where attributes move."""
    draws = np.random.default_rng(6).normal(size=(N_PEOPLE, 1, 20))
    model = ck.ChoiceModel(
        SPEC, read(frame(), person="person"), mixing=RANDOM(x0="normal", draws=draws)
    )
    params = away(model)
    settled = model.likelihood().settle(params, 1)
    choices = ChoiceProbabilities.of(settled, params)
    np.testing.assert_allclose(
        choices.values(params), settled.probabilities(params), rtol=0, atol=1e-13
    )
    again = choices.at(model.likelihood(model.data.read_like(frame())))
    np.testing.assert_allclose(again.values(params), choices.values(params), rtol=0, atol=1e-13)


def test_of_a_fit() -> None:
    fit = ck.probit(SPEC, read(frame(3, 40)), covariance="unstructured").fit(fixed={"x0": 0.5})
    values = fit.choices().values(fit.params.to_numpy())
    np.testing.assert_allclose(values, fit.probabilities().to_numpy(), rtol=0, atol=1e-12)
    moved = frame(3, 40).assign(x0=0.3)
    data = fit.model.data.read_like(moved)
    values = fit.choices(data).values(fit.params.to_numpy())
    np.testing.assert_allclose(values, fit.probabilities(moved).to_numpy(), rtol=0, atol=1e-12)


def test_logit_by_hand_and_by_the_general_path() -> None:
    model = build("logit")
    params = away(model)
    likelihood = model.likelihood()
    choices = ChoiceProbabilities.of(likelihood, params)
    p, slopes = choices.jacobian(params)
    layout = likelihood.layout
    v = layout.scatter(likelihood.x @ params, -np.inf)
    expected = np.exp(v) / np.exp(v).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p, expected, rtol=0, atol=1e-14)
    shifts = choices.by_utility(params)
    by_hand = expected[:, :, None] * (np.eye(4) - expected[:, None, :])
    np.testing.assert_allclose(shifts, by_hand, rtol=0, atol=1e-14)
    x = np.stack([layout.scatter(column, 0.0) for column in likelihood.x.T], axis=2)
    np.testing.assert_allclose(slopes, np.einsum("cjk,ckp->cjp", by_hand, x), rtol=0, atol=1e-14)


def test_best_and_worst_data() -> None:
    """Who names the worst chooses by minus the utilities; the best has left the choice set."""
    rows = long_frame(12, (1.0, -0.7), 4, n_alternatives=4)
    place = np.argsort(np.random.default_rng(1).random((12, 4)), axis=1).ravel()
    rows["rank"], rows["worst"] = (place == 0).astype(int), (place == 3).astype(int)
    data = ck.ChoiceData.from_rankings(rows, case="case", alt="alt", rank="rank", worst="worst")
    model = ck.ChoiceModel("~ x0 + x1 | 0", data)
    params = np.array([0.6, -0.4])
    choices = ChoiceProbabilities.of(model.likelihood(), params)
    v = (rows[["x0", "x1"]].to_numpy() @ params).reshape(12, 4)
    best = np.exp(v) / np.exp(v).sum(axis=1, keepdims=True)
    left = np.where(place.reshape(12, 4) == 0, 0.0, np.exp(-v))
    worst = left / left.sum(axis=1, keepdims=True)
    found = choices.values(params)
    np.testing.assert_allclose(found[~data.worst], best, rtol=0, atol=1e-14)
    np.testing.assert_allclose(found[data.worst], worst, rtol=0, atol=1e-14)
