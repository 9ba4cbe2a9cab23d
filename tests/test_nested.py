"""Nested logit: its limits, trees, ragged choice sets, words for mistakes, predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logsumexp
from scipy.stats import chi2

import choicekit as ck
from choicekit.errors import Gumbel, Nested
from choicekit.post.boundary import HALF
from choicekit.post.chi_bar import ratio_tail
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio

LABELS = tuple("abcdef")
TREE = {"one": ["a", "b", "c"], "two": ["d", "e"]}
DEEP = {"out": {"in": ["a", "b"], "c-alone": ["c"]}, "two": ["d", "e"]}


def sample(ragged: bool, cases: int = 200) -> tuple[Any, Any, Any]:
    """Utilities (C, J), availability (C, J), choices (C,); ragged sets leave whole nests empty."""
    rng = np.random.default_rng(3)
    v = 1.5 * rng.normal(size=(cases, len(LABELS)))
    available = np.ones(v.shape, dtype=np.bool_)
    if ragged:
        available = rng.random(v.shape) < 0.6
        available[:50, :3] = False  # nothing of the first nest
        available[40:100, 3:5] = False  # nothing of the second; of neither in some cases
        available[:, 5] = True
    chosen = (available * rng.random(v.shape)).argmax(axis=1).astype(np.int32)
    return v, available, chosen


def bound(law: Any) -> Any:
    return law.bind(LABELS, 0)


def two_levels(v: Any, available: Any, nests: list[list[int]], scales: list[float]) -> Any:
    """P(nest) P(alternative | nest) by the textbook's two formulas (Train 2009, 4.2.3)."""
    v = np.where(available, v, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        inclusive = np.stack(
            [s * logsumexp(v[:, m] / s, axis=1) for m, s in zip(nests, scales, strict=True)], axis=1
        )
        upper = np.exp(inclusive - logsumexp(inclusive, axis=1, keepdims=True))
        out = np.zeros(v.shape)
        for n, (m, s) in enumerate(zip(nests, scales, strict=True)):
            inner = np.exp(v[:, m] / s - logsumexp(v[:, m] / s, axis=1, keepdims=True))
            out[:, m] = upper[:, [n]] * np.nan_to_num(inner)
    return out


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("tree", [TREE, DEEP])
@pytest.mark.parametrize("common", [False, True])
def test_lambda_of_one_is_the_logit(tree: Any, common: bool, ragged: bool) -> None:
    v, available, chosen = sample(ragged)
    nested, logit = bound(Nested(tree, common)), bound(Gumbel())
    ones, nothing = np.ones(len(nested.names)), np.empty(0)
    ours = nested.log_prob(v, available, chosen, ones)
    theirs = logit.log_prob(v, available, chosen, nothing)
    np.testing.assert_allclose(ours.logp, theirs.logp, atol=1e-10)
    np.testing.assert_allclose(ours.dv, theirs.dv, atol=1e-10)
    np.testing.assert_allclose(
        nested.probabilities(v, available, ones),
        logit.probabilities(v, available, nothing),
        atol=1e-10,
    )


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("scales", [(0.5, 0.8), (1.4, 0.3)])
def test_two_levels_against_the_textbook(scales: tuple[float, float], ragged: bool) -> None:
    v, available, chosen = sample(ragged)
    theta = np.array(scales)
    expected = two_levels(v, available, [[0, 1, 2], [3, 4], [5]], [*scales, 1.0])
    law = bound(Nested(TREE))
    found = law.probabilities(v, available, theta)
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    logp = law.log_prob(v, available, chosen, theta).logp
    np.testing.assert_allclose(np.exp(logp), expected[np.arange(len(v)), chosen], atol=1e-13)


def test_a_deep_tree_with_equal_lambdas_has_two_levels() -> None:
    """A nest in a nest does not show where its dissimilarity is that of the nest around it."""
    v, available, _ = sample(True)
    deep = bound(Nested(DEEP))
    values = {"lambda[in]": 0.6, "lambda[out]": 0.6, "lambda[two]": 0.4}
    theta = np.array([values[name] for name in deep.names])
    expected = two_levels(v, available, [[0, 1, 2], [3, 4], [5]], [0.6, 0.4, 1.0])
    np.testing.assert_allclose(deep.probabilities(v, available, theta), expected, atol=1e-13)


def test_three_levels_against_the_formula() -> None:
    v, available, _ = sample(False)
    deep = bound(Nested({"out": {"in": ["a", "b"], "c-alone": ["c"]}}))
    inner, outer = 0.3, 0.7
    values = {"lambda[in]": inner, "lambda[out]": outer}
    theta = np.array([values[name] for name in deep.names])
    below = inner * logsumexp(v[:, :2] / inner, axis=1)
    pair = np.stack([below, v[:, 2]], axis=1) / outer
    top = np.column_stack([outer * logsumexp(pair, axis=1), v[:, 3:]])
    expected = (
        np.exp(top[:, 0] - logsumexp(top, axis=1))
        * np.exp(pair[:, 0] - logsumexp(pair, axis=1))
        * np.exp(v[:, 0] / inner - logsumexp(v[:, :2] / inner, axis=1))
    )
    found = deep.probabilities(v, available, theta)
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("nests", "message"),
    [
        ({}, "needs a dict of nests"),
        (["a", "b"], "needs a dict of nests"),
        ({"one": "ab"}, "must list its alternatives"),
        ({"one": ["a", {"in": ["b"]}], "in": ["c"]}, "'in' is named twice"),
        ({"one": ["a", "b"], "two": ["b", "c"]}, r"'b' is in the nests 'one' and 'two'"),
        ({"one": ["a", "a"]}, "'a' is in the nests"),
        ({"one": []}, "'one' is empty"),
        ({"one": ["a", "g"]}, r"'g', which is no alternative"),
    ],
)
def test_bad_trees_are_refused(nests: Any, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        bound(Nested(nests))


def travel() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


def fitted(nests: Any, common: bool = False, **options: Any) -> Any:
    model = ck.ChoiceModel("choice ~ gc + ttme", travel(), Nested(nests, common), base="car")
    return model.fit(**options)


GROUND = {"ground": ["train", "bus", "car"]}


def test_an_unknown_alternative_comes_with_the_nearest() -> None:
    with pytest.raises(ck.SpecificationError, match=r"Did you mean 'train'\?"):
        fitted({"public": ["tran", "bus"]})


def test_a_lambda_above_one_is_remarked_on_and_one_below_is_not() -> None:
    above = fitted({"public": ["train", "bus"]}, fixed={"lambda[public]": 1.3})
    assert any("outside (0, 1]" in note and "utility" in note for note in above.notes)
    below = fitted({"public": ["train", "bus"]}, fixed={"lambda[public]": 0.7})
    assert not any("outside (0" in note for note in below.notes)
    deep = bound(Nested(DEEP))
    values = {"lambda[in]": 0.8, "lambda[out]": 0.6, "lambda[two]": 0.4}
    (remark,) = deep.remarks(np.array([values[name] for name in deep.names]))
    assert "lambda[in] = 0.8 lies outside (0, 0.6]" in remark


def test_a_fit_with_lambda_held_at_one_is_the_logit() -> None:
    nested = fitted(GROUND, fixed={"lambda[ground]": 1.0})
    logit = ck.logit("choice ~ gc + ttme", travel(), base="car").fit()
    assert nested.llf == pytest.approx(logit.llf, abs=1e-8)
    assert nested.params[logit.params.index].to_numpy() == pytest.approx(
        logit.params.to_numpy(), rel=1e-5
    )
    np.testing.assert_allclose(
        nested.probabilities().to_numpy(), logit.probabilities().to_numpy(), atol=1e-6
    )


def test_prediction_for_other_choice_sets() -> None:
    """Without the bus, whose nest-mate gains most: what independence forbids."""
    fit = fitted({"public": ["train", "bus"]}, fixed={"lambda[public]": 0.3})
    frame = ck.load_dataset("travelmode")
    person = frame[frame["individual"] == frame["individual"].iloc[0]]
    before = fit.probabilities(person).iloc[0]
    after = fit.probabilities(person[person["mode"] != "bus"]).iloc[0]
    assert after.sum() == pytest.approx(1.0)
    assert after["bus"] == 0.0
    assert after["air"] / before["air"] == pytest.approx(after["car"] / before["car"])
    assert after["train"] / before["train"] > 1.05 * after["car"] / before["car"]


def simulated(n_cases: int, scales: tuple[float, float]) -> pd.DataFrame:
    """Choices from a nested logit, by its probabilities; half of the sets lack a nest."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=(n_cases, 6, 2))
    available = np.ones((n_cases, 6), dtype=np.bool_)
    available[: n_cases // 4, :3] = False
    available[n_cases // 4 : n_cases // 2, 3:5] = False
    v = x @ [1.0, -0.5]
    p = two_levels(v, available, [[0, 1, 2], [3, 4], [5]], [*scales, 1.0])
    chosen = (rng.random((n_cases, 1)) > p.cumsum(axis=1)).sum(axis=1)
    frame = pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        case=np.repeat(np.arange(n_cases), 6),
        alt=np.tile(list(LABELS), n_cases),
        choice=(np.arange(6) == chosen[:, None]).ravel().astype(int),
    )
    return frame[available.ravel()]


def read(frame: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def test_recovers_the_truth_from_ragged_choice_sets() -> None:
    data = ck.ChoiceData.from_long(
        simulated(4000, (0.5, 0.8)), case="case", alt="alt", chosen="choice"
    )
    fit = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, Nested(TREE)).fit()
    truth = pd.Series({"x0": 1.0, "x1": -0.5, "lambda[one]": 0.5, "lambda[two]": 0.8})
    assert fit.convergence.converged
    assert (((fit.params - truth) / fit.bse).abs() < 3.5).all()


def test_compare_with_the_logit_and_with_one_lambda_for_all() -> None:
    data = ck.ChoiceData.from_long(
        simulated(1500, (0.5, 0.9)), case="case", alt="alt", chosen="choice"
    )
    formula = "choice ~ x0 + x1 | 0"
    logit = ck.logit(formula, data).fit()
    models = {
        "one": Nested(TREE, common=True),
        "two": Nested(TREE),
        "single": Nested({"one": TREE["one"]}),
        "deep": Nested({"renamed": ["a", {"in": ["c", "b"]}], "two": TREE["two"]}),
        "other": Nested({"one": ["a", "d"], "two": ["b", "c"]}),
        "hev": ck.HeteroskedasticGumbel(),
    }
    fits = {"logit": logit}
    fits |= {name: ck.ChoiceModel(formula, data, law).fit() for name, law in models.items()}
    found = {(a, b) for a in fits for b in fits if nested_in(fits[a], fits[b])}
    assert found == {
        *(("logit", name) for name in models),
        ("one", "two"),
        ("single", "two"),
        ("two", "deep"),
        ("one", "deep"),
        ("single", "deep"),
    }
    report = ck.compare(*(fits[name] for name in ("logit", "one", "two")))
    assert list(report.tests["test"]) == ["likelihood ratio"] * 3
    assert sorted(report.tests["df"]) == [1, 1, 2]
    assert "nested logit" in str(report)


def test_held_lambdas_must_be_held_alike() -> None:
    data = read(simulated(300, (0.5, 0.9)))
    model = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, Nested(TREE))
    free, held = model.fit(), model.fit(fixed={"lambda[one]": 0.7})
    assert nested_in(held, free)
    logit = ck.logit("choice ~ x0 + x1 | 0", data).fit()
    assert not nested_in(logit, held)
    assert nested_in(logit, model.fit(fixed={"lambda[one]": 1.0}))


def test_p_values_where_lambda_is_one() -> None:
    """Unrestricted lambdas: plain chi-squared; against lambda <= 1 only, half of it."""
    data = read(simulated(300, (0.8, 1.0)))
    formula = "choice ~ x0 + x1 | 0"
    logit = ck.logit(formula, data).fit()
    one = ck.ChoiceModel(formula, data, Nested({"one": TREE["one"]})).fit()
    test = likelihood_ratio(logit, one)
    assert test.pvalue == pytest.approx(chi2.sf(test.statistic, 1))
    assert one.params["lambda[one]"] < 1.0
    assert f"p = {test.pvalue / 2:.3g}" in test.note
    assert "free to exceed 1" in test.note
    frame = ck.load_dataset("travelmode")
    modes = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    wrong = ck.ChoiceModel("choice ~ gc + ttme", modes, Nested({"x": ["air", "train"]})).fit()
    assert wrong.params["lambda[x]"] > 1.0
    note = likelihood_ratio(ck.logit("choice ~ gc + ttme", modes).fit(), wrong).note
    assert "nothing speaks for a lambda below 1" in note
    two = likelihood_ratio(logit, ck.ChoiceModel(formula, data, Nested(TREE)).fit())
    assert two.df == 2
    assert "p = " not in two.note


def test_the_mixture_of_chi_squares() -> None:
    assert ratio_tail(2.7055, 1, HALF) == pytest.approx(0.05, abs=1e-5)  # tabled
    assert ratio_tail(5.1382, 2, HALF) == pytest.approx(0.05, abs=1e-5)
    assert ratio_tail(0.0, 1, HALF) == ratio_tail(-1.0, 3) == 1.0


def test_laws_are_shown_as_they_are_written() -> None:
    tree = {"ground": ["car", {"transit": ["bus", "train"]}], "air": ["air"]}
    assert eval(repr(ck.Nested(tree)), {"Nested": ck.Nested}) == ck.Nested(tree)
    assert repr(ck.Nested({"a": [1, 2]}, common=True)) == "Nested({'a': [1, 2]}, common=True)"
    crossed = ck.CrossNested({"a": {"bus": 0.5, "train": None}, "b": ["bus", "train"]})
    assert eval(repr(crossed), {"CrossNested": ck.CrossNested}) == crossed
