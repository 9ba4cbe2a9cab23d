"""Cross-nested logit: its limits, pairs against a formula of their own, mistakes, fits."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.errors import CrossNested, Gumbel, Nested, PairedCombinatorial
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio

LABELS = tuple("abcd")
OVERLAP = {"one": {"a": 1.0, "b": 0.4}, "two": {"b": 0.6, "c": 1.0}}


def sample(ragged: bool, cases: int = 200) -> tuple[Any, Any, Any]:
    """Utilities (C, J), availability (C, J), choices (C,); ragged sets leave whole nests empty."""
    rng = np.random.default_rng(4)
    v = 1.5 * rng.normal(size=(cases, len(LABELS)))
    available = np.ones(v.shape, dtype=np.bool_)
    if ragged:
        available = rng.random(v.shape) < 0.6
        available[:60, :2] = False
        available[:, 3] = True
    chosen = (available * rng.random(v.shape)).argmax(axis=1).astype(np.int32)
    return v, available, chosen


def bound(law: Any) -> Any:
    return law.bind(LABELS, 0)


@pytest.mark.parametrize("ragged", [False, True])
def test_lambda_of_one_is_the_logit_whatever_the_allocations(ragged: bool) -> None:
    v, available, chosen = sample(ragged)
    logit, nothing = bound(Gumbel()), np.empty(0)
    for law in (CrossNested(OVERLAP), PairedCombinatorial(list(LABELS))):
        own = bound(law)
        ones = np.ones(len(own.names))
        np.testing.assert_allclose(
            own.log_prob(v, available, chosen, ones).logp,
            logit.log_prob(v, available, chosen, nothing).logp,
            atol=1e-10,
        )
        np.testing.assert_allclose(
            own.probabilities(v, available, ones),
            logit.probabilities(v, available, nothing),
            atol=1e-10,
        )


@pytest.mark.parametrize("ragged", [False, True])
def test_allocations_of_zero_and_one_are_a_nested_logit(ragged: bool) -> None:
    v, available, chosen = sample(ragged)
    cross = bound(CrossNested({"one": {"a": 1, "b": 1, "c": 0}, "two": {"b": 0, "c": 1, "d": 1}}))
    nested = bound(Nested({"one": ["a", "b"], "two": ["c", "d"]}))
    theta = np.array([0.4, 0.7])
    assert cross.names == nested.names == ("lambda[one]", "lambda[two]")
    ours, theirs = (law.log_prob(v, available, chosen, theta) for law in (cross, nested))
    np.testing.assert_allclose(ours.logp, theirs.logp, atol=1e-12)
    np.testing.assert_allclose(ours.dv, theirs.dv, atol=1e-12)
    np.testing.assert_allclose(ours.dtheta, theirs.dtheta, atol=1e-11)
    np.testing.assert_allclose(
        cross.probabilities(v, available, theta),
        nested.probabilities(v, available, theta),
        atol=1e-13,
    )


@pytest.mark.parametrize("ragged", [False, True])
def test_paired_combinatorial_against_its_formula(ragged: bool) -> None:
    """Koppelman & Wen (2000), pair by pair; mu is lambda here."""
    v, available, chosen = sample(ragged)
    law = bound(PairedCombinatorial(list(LABELS)))
    theta = np.linspace(0.3, 0.95, len(law.names))
    scale = dict(zip(combinations(range(4), 2), theta, strict=True))
    assert law.names == tuple(f"lambda[{LABELS[i]}-{LABELS[j]}]" for i, j in scale)
    y = np.where(available, np.exp(v), 0.0) / 3.0
    top, bottom = np.zeros(v.shape), np.zeros(len(v))
    for (i, j), mu in scale.items():
        each = y[:, [i, j]] ** (1.0 / mu)
        total = each.sum(axis=1)
        share = np.divide(each, total[:, None], out=np.zeros_like(each), where=total[:, None] > 0)
        top[:, [i, j]] += share * total[:, None] ** mu
        bottom += total**mu
    expected = top / bottom[:, None]
    found = law.probabilities(v, available, theta)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-12)
    logp = law.log_prob(v, available, chosen, theta).logp
    np.testing.assert_allclose(logp, np.log(expected[np.arange(len(v)), chosen]), atol=1e-11)


@pytest.mark.parametrize(
    ("nests", "message"),
    [
        ({}, "needs a dict of nests"),
        ({"one": {"a": 1.0, "b": 0.4}, "two": {"b": 0.5}}, r"'b' .*sum to 1 .* not to 0.9"),
        ({"one": {"a": 1.2, "b": 1.0}}, r"'a' must lie in \[0, 1\]"),
        ({"one": {"a": -0.2, "b": 1}, "two": {"a": 1.2}}, r"'a' must lie in \[0, 1\]"),
        ({"one": {"a": 1.0, "b": 1.0}, "two": {"b": None}}, "'b' must"),
        ({"one": ["a", "train"]}, "'train', which is no alternative"),
    ],
)
def test_bad_allocations_are_refused(nests: Any, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        bound(CrossNested(nests))


def test_remarks_on_lambdas_above_one_only() -> None:
    law = bound(CrossNested(OVERLAP))
    assert law.remarks(np.array([0.5, 1.0])) == ()
    (remark,) = law.remarks(np.array([1.2, 0.7]))
    assert remark.startswith("lambda[one] = 1.2 lies outside (0, 1]")


def simulated(n_cases: int) -> ck.ChoiceData:
    """Choices from OVERLAP at 0.4 and 0.6, by the law's own probabilities."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n_cases, 4, 2))
    v, everything = x @ [1.0, -0.5], np.ones((n_cases, 4), dtype=np.bool_)
    p = bound(CrossNested(OVERLAP)).probabilities(v, everything, np.array([0.4, 0.6]))
    chosen = (rng.random((n_cases, 1)) > p.cumsum(axis=1)).sum(axis=1)
    frame = pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        case=np.repeat(np.arange(n_cases), 4),
        alt=np.tile(list(LABELS), n_cases),
        choice=(np.arange(4) == chosen[:, None]).ravel().astype(int),
    )
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def test_fits_predicts_and_compares() -> None:
    data, formula = simulated(3000), "choice ~ x0 + x1 | 0"
    fixed = ck.ChoiceModel(formula, data, CrossNested(OVERLAP)).fit()
    free = ck.ChoiceModel(formula, data, CrossNested({"one": ["a", "b"], "two": ["b", "c"]})).fit()
    logit = ck.logit(formula, data).fit()
    truth = pd.Series(
        {"x0": 1.0, "x1": -0.5, "lambda[one]": 0.4, "lambda[two]": 0.6, "alpha[one,b]": 0.4}
    )
    assert free.convergence.converged
    assert (((free.params - truth) / free.bse).abs() < 3.5).all()
    assert fixed.llf <= free.llf
    np.testing.assert_allclose(free.probabilities().sum(axis=1), 1.0, atol=1e-12)
    pairs = [nested_in(*pair) for pair in ((logit, fixed), (logit, free), (fixed, free))]
    assert pairs == [True, True, True]
    assert not nested_in(free, fixed)
    assert "rough" in likelihood_ratio(logit, free).note
    assert likelihood_ratio(fixed, free).df == 1
    assert "cross-nested logit" in str(ck.compare(logit, free))


def test_allocations_fixed_at_zero_and_one_count_as_nests() -> None:
    data, formula = simulated(500), "choice ~ x0 + x1 | 0"
    cross = ck.ChoiceModel(
        formula, data, CrossNested({"one": {"a": 1, "b": 1}, "two": {"c": 1, "d": 1}})
    ).fit()
    one = ck.ChoiceModel(formula, data, Nested({"any": ["b", "a"]})).fit()
    assert nested_in(one, cross)
    assert not nested_in(cross, one)
