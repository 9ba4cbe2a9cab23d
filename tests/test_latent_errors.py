"""Latent classes with errors of their own: gradient, the mixture written out, truth recovered."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.errors.by_class import ErrorsByClass
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio

TRUE = np.array([[-1.0, 1.2], [0.6, -1.0]])  # x0, x1 in each class
LAMBDAS = (0.35, 1.0)
NEST = {"near": ["a0", "a1"]}


def panel(n_people: int, n_cases: int, seed: int) -> pd.DataFrame:
    """Two classes of people; to the first a0 and a1 are alike. Choices by the formula."""
    rng = np.random.default_rng(seed)
    second = rng.random(n_people) < 0.4
    x = rng.normal(size=(n_people, n_cases, 3, 2))
    v = np.einsum("ntjk,nk->ntj", x, TRUE[second.astype(int)])
    lam = np.array(LAMBDAS)[second.astype(int)][:, None, None]
    inner = np.exp(v[:, :, :2] / lam)
    nest = inner.sum(axis=2, keepdims=True)
    either = nest**lam / (nest**lam + np.exp(v[:, :, 2:]))
    p = np.concatenate([either * inner / nest, 1.0 - either], axis=2)
    chosen = (p.cumsum(axis=2) > rng.random((n_people, n_cases, 1))).argmax(axis=2)
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
    "nested": lambda: ck.Nested(NEST),
    "normal": lambda: ck.Normal("heteroskedastic"),
    "ghk": lambda: ck.Normal("unstructured", method="ghk", draws=16),
    "hev": lambda: ck.HeteroskedasticGumbel(),
}


def model(data: ck.ChoiceData, law: str, **more: Any) -> ck.ChoiceModel:
    return ck.ChoiceModel(
        "choice ~ x0 + x1 | 0", data, errors=LAWS[law](), mixing=ck.LatentClasses(**more)
    )


def parameters(ours: ck.ChoiceModel, law: str) -> np.ndarray:
    """Away from the start, where the classes differ."""
    rng = np.random.default_rng(3)
    params = ours.table({}, {}).start
    params = params + (0.1 if law != "nested" else 0.0) * rng.normal(size=len(params))
    params[: len(ours.coefficient_names)] = 0.5 * rng.normal(size=len(ours.coefficient_names))
    where = [name.startswith("lambda") for name in ours.parameter_names]
    params[where] = 0.9 - 0.2 * np.arange(sum(where))
    return params


@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_central_differences(law: str) -> None:
    frame = panel(10, 3, 5)
    frame["w"] = 1.0 + frame["person"] % 3
    data = read(frame, weights="w")
    ours = model(data, law, n_classes=3, same=["x1"], own_errors=True)
    params = parameters(ours, law)
    likelihood = ours.likelihood().settle(params, 1)
    gradient = likelihood.value_and_gradient(params)[1]
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-6, rel=1e-6)
    np.testing.assert_allclose(likelihood.weights @ likelihood.scores(params), gradient, atol=1e-10)


@pytest.mark.parametrize("law", ["nested", "normal"])
def test_the_likelihood_is_the_mixture_of_models(law: str) -> None:
    """Each class is a model of its own; probabilities multiply over the cases of a person."""
    data = read(panel(10, 3, 5))
    ours = model(data, law, own_errors=True)
    params = parameters(ours, law)
    named = dict(zip(ours.parameter_names, params, strict=True))
    plain = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, errors=LAWS[law]())
    share = 1.0 / (1.0 + np.exp(-named["class[2]"]))
    joint, p = np.zeros(10), np.zeros((30, 3))
    for s, weight in enumerate((1.0 - share, share)):
        own = [
            named[f"{name[:-1]},class{s + 1}]" if name.endswith("]") else f"{name}[class{s + 1}]"]
            for name in plain.parameter_names
        ]
        likelihood = plain.likelihood().settle(np.array(own), 1)
        logs = likelihood.logp(np.array(own))
        joint += weight * np.exp(np.bincount(data.layout.person, logs))
        p += weight * likelihood.probabilities(np.array(own))
    found = ours.likelihood().settle(params, 1)
    np.testing.assert_allclose(found.logp(params), np.log(joint), atol=1e-7)
    np.testing.assert_allclose(found.probabilities(params), p, atol=1e-6)


@pytest.fixture(scope="module")
def fits() -> dict[str, ck.FitResults]:
    data = read(panel(500, 8, 2))
    return {
        "shared": model(data, "nested").fit(),
        "own": model(data, "nested", own_errors=True).fit(),
    }


def test_recovers_the_truth(fits: dict[str, ck.FitResults]) -> None:
    fit = fits["own"]
    assert fit.convergence.converged
    truth = {f"x{k}[class{s + 1}]": TRUE[s, k] for s in range(2) for k in range(2)}
    truth |= {f"lambda[near,class{s + 1}]": LAMBDAS[s] for s in range(2)}
    z = (fit.params - pd.Series(truth)) / fit.bse
    assert np.abs(z.dropna()).max() < 3.0
    assert fit.class_posteriors().shape == (500, 2)
    text = str(fit.summary())
    assert "lambda[near,class1]" in text
    copy = pickle.loads(pickle.dumps(fit))
    np.testing.assert_allclose(copy.probabilities(), fit.probabilities(), atol=1e-12)
    assert np.isfinite(fit.error_sd)
    assert fit.error_covariance().shape == (3, 3)


def test_classes_with_errors_in_common_are_a_special_case(fits: dict[str, ck.FitResults]) -> None:
    shared, own = fits["shared"], fits["own"]
    assert own.llf > shared.llf
    assert nested_in(shared, own)
    assert not nested_in(own, shared)
    test = likelihood_ratio(shared, own)
    assert test.df == 1
    assert test.pvalue < 1e-4
    tied = own.model.fit(constraints="lambda[near,class1] = lambda[near,class2]")
    assert tied.llf == pytest.approx(shared.llf, abs=1e-5)


def test_the_order_of_the_classes_takes_their_errors_along(fits: dict[str, ck.FitResults]) -> None:
    """The larger class comes first; swapping classes leaves the likelihood as it is."""
    fit = fits["own"]
    assert fit.params["class[2]"] < 0.0
    likelihood, params = fit._own, fit.params.to_numpy()
    errors = likelihood.errors
    assert isinstance(errors, ErrorsByClass)
    order = np.array([1, 0])
    turn = likelihood.classes.reordering(order, errors.reordering(order))
    turned = turn @ params
    assert likelihood.value(turned) == pytest.approx(fit.llf, abs=1e-9)
    named = dict(zip(fit.params.index, turned, strict=True))
    assert named["lambda[near,class1]"] == fit.params["lambda[near,class2]"]


def test_a_logit_in_one_class(fits: dict[str, ck.FitResults]) -> None:
    """A value held in one class keeps the numbers of the classes."""
    data = fits["own"].model.data
    fit = model(data, "nested", own_errors=True).fit(fixed={"lambda[near,class1]": 1.0})
    assert fit.convergence.converged
    assert fit.params["lambda[near,class1]"] == 1.0
    gap = (fit.params["lambda[near,class2]"] - LAMBDAS[0]) / fit.bse["lambda[near,class2]"]
    assert abs(gap) < 3.0


def test_bad_own_errors_are_refused_with_the_cure() -> None:
    data = read(panel(5, 2, 9))
    mixing = ck.LatentClasses(2, own_errors=True)
    with pytest.raises(ck.SpecificationError, match="no parameters that could differ"):
        ck.logit("choice ~ x0", data, mixing=mixing)
    with pytest.raises(ck.SpecificationError, match=r"Did you mean 'lambda\[near\]'"):
        model(data, "nested", own_errors=["lambda[nera]"])
    ours = model(data, "nested", own_errors="lambda[near]")
    assert ours.parameter_names[4:6] == ("lambda[near,class1]", "lambda[near,class2]")
