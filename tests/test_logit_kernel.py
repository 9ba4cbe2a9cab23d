"""The fused conditional-logit kernel against plain numpy and the general path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from choicekit.data import Layout
from choicekit.errors import Gumbel
from choicekit.likelihood import Likelihood
from choicekit.numerics.logit import logit_evaluate, row_log_probabilities


def ragged(weighted: bool, mean: float = 0.0) -> tuple[Any, Layout, Any]:
    rng = np.random.default_rng(8)
    sizes = rng.integers(2, 7, size=6000)  # enough for several ranges and blocks
    case_ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    alt = np.concatenate([np.sort(rng.choice(7, s, replace=False)) for s in sizes])
    x = np.asfortranarray(rng.normal(size=(case_ptr[-1], 5)) + mean)
    chosen = case_ptr[:-1] + rng.integers(0, sizes)
    weights = rng.random(6000) if weighted else None
    layout = Layout(alt.astype(np.int32), case_ptr, chosen, 7, weights)
    return x, layout, rng.normal(size=5) * 0.3


def by_numpy(x: Any, layout: Layout, beta: Any, scale: float) -> tuple[float, Any, Any]:
    case, weights = layout.case, layout.weights
    w = np.ones(layout.n_cases) if weights is None else weights
    v = x @ beta / scale
    top = np.maximum.reduceat(v, layout.case_ptr[:-1])
    e = np.exp(v - top[case])
    total = np.add.reduceat(e, layout.case_ptr[:-1])
    p = e / total[case]
    value = w @ (v[layout.chosen] - top - np.log(total))
    mean = np.add.reduceat(p[:, None] * x, layout.case_ptr[:-1], axis=0)
    gradient = w @ (x[layout.chosen] - mean) / scale
    centred = x - mean[case]
    return value, gradient, -(centred * (p * w[case])[:, None]).T @ centred / scale**2


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_against_numpy(weighted: bool, scale: float) -> None:
    x, layout, beta = ragged(weighted)
    value, gradient, hessian = by_numpy(x, layout, beta, scale)
    found = logit_evaluate(
        x.T, layout.case_ptr, layout.chosen, layout.weights, beta, scale, with_hessian=True
    )
    assert found.value == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(found.gradient, gradient, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(found.hessian, hessian, rtol=1e-11, atol=1e-9)


def test_gradient_and_hessian_by_central_differences() -> None:
    x, layout, beta = ragged(weighted=True)

    def at(b: Any) -> Any:
        return logit_evaluate(x.T, layout.case_ptr, layout.chosen, layout.weights, b)

    found = at(beta)
    for k in range(5):
        step = np.zeros(5)
        step[k] = 1e-5
        up, down = at(beta + step), at(beta - step)
        assert found.gradient[k] == pytest.approx((up.value - down.value) / 2e-5, abs=1e-5)
        slope = (up.gradient - down.gradient) / 2e-5
        np.testing.assert_allclose(found.hessian[k], slope, rtol=1e-7, atol=1e-4)


def test_a_large_mean_costs_no_digits() -> None:
    """An income of a million with a spread of one: E[xx'] - E[x]E[x]' would be noise."""
    x, layout, beta = ragged(weighted=False)
    shifted = np.asfortranarray(x + 1e6)
    plain = logit_evaluate(x.T, layout.case_ptr, layout.chosen, None, beta)
    moved = logit_evaluate(shifted.T, layout.case_ptr, layout.chosen, None, beta)
    np.testing.assert_allclose(moved.hessian, plain.hessian, rtol=1e-7, atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
def test_fused_equals_general_path(weighted: bool) -> None:
    x, layout, beta = ragged(weighted)
    law = Gumbel(1.3).bind(tuple(range(7)), 0)
    likelihood = Likelihood(x, layout, law, np.arange(layout.n_cases, dtype=np.uint64))
    fused_value, fused_gradient = likelihood.value_and_gradient(beta)
    part = likelihood.cases(beta)
    w = np.ones(layout.n_cases) if layout.weights is None else layout.weights
    assert fused_value == pytest.approx(w @ part.logp, rel=1e-13)
    scores = likelihood.scores(beta)
    np.testing.assert_allclose(fused_gradient, w @ scores, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(likelihood.logp(beta), part.logp, rtol=1e-12)


def test_no_overflow_at_huge_utilities() -> None:
    case_ptr = np.array([0, 3, 5])
    v = np.array([1e4, 1e4 - 1, -1e4, 1e305, -1e305])
    found = row_log_probabilities(v, case_ptr, 1.0)
    np.testing.assert_allclose(found[:2], np.log([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(1))]))
    assert found[2] == pytest.approx(-20000.3132616875)
    assert found[3] == 0.0
    x = np.asfortranarray(v[:3, None])
    evaluated = logit_evaluate(x.T, case_ptr[:2], np.array([2]), None, np.ones(1))
    assert evaluated.value == pytest.approx(-20000.3132616875)
