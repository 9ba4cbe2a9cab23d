"""The delta method against closed formulas and simulation, and where it has no answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import choicekit as ck
from choicekit.post.delta import covariance_of, delta_table, standard_errors

COV = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.0], [0.0, 0.0, 0.0]])  # the third is fixed


def test_a_ratio_as_in_textbooks() -> None:
    """``var(a / b) = (var a - 2 r cov + r^2 var b) / b^2``."""
    a, b = 1.5, -0.5
    jacobian = np.array([[1.0 / b, -a / b**2, 0.0], [0.0, 0.0, 2.0], [1.0, 0.0, 5.0]])
    r = a / b
    ratio = np.sqrt((0.04 - 2.0 * r * 0.01 + r**2 * 0.09) / b**2)
    np.testing.assert_allclose(standard_errors(jacobian, COV), [ratio, np.nan, 0.2], rtol=1e-14)
    whole = covariance_of(jacobian, COV)
    np.testing.assert_allclose(np.diag(whole), [ratio**2, 0.0, 0.04], rtol=1e-14)
    np.testing.assert_allclose(whole[0, 2], 0.04 / b - 0.01 * a / b**2, rtol=1e-14)
    shaped = standard_errors(jacobian.reshape(3, 1, 3), COV)
    assert shaped.shape == (3, 1)


def test_simulated_parameters_agree() -> None:
    cov = COV[:2, :2] / 100.0
    draws = np.random.default_rng(0).multivariate_normal([0.3, -0.8], cov, 200_000)
    spread = np.exp(draws[:, 0] + draws[:, 1] ** 2).std()
    value = np.exp(0.3 + 0.64)
    error = standard_errors(value * np.array([1.0, -1.6]), cov)
    np.testing.assert_allclose(error, spread, rtol=0.02)


def test_unknown_variances_reach_what_they_touch_only() -> None:
    cov = COV.copy()
    cov[1, :] = cov[:, 1] = np.nan
    found = standard_errors(np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), cov)
    np.testing.assert_array_equal(found, [0.2, np.nan])
    whole = covariance_of(np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]), cov)
    np.testing.assert_array_equal(whole, [[0.04, np.nan], [np.nan, np.nan]])
    nothing = standard_errors(np.eye(3), np.full((3, 3), np.nan))
    assert np.isnan(nothing).all()


def test_rounding_is_no_error() -> None:
    jacobian = np.array([[1e-16, 0.0, 0.0], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(
        standard_errors(jacobian, COV, np.array([7.0, 7.0])), [np.nan, 0.2]
    )


def test_table() -> None:
    fit: Any = SimpleNamespace(cov=pd.DataFrame(COV))
    table = delta_table(fit, np.array([1.0, 2.0]), np.eye(3)[:2], ["one", "two"], alpha=0.1)
    assert list(table.columns) == ["estimate", "std_error", "conf_low", "conf_high"]
    assert list(table.index) == ["one", "two"]
    np.testing.assert_allclose(table["conf_high"], [1.0, 2.0] + norm.ppf(0.95) * table["std_error"])
    with pytest.raises(ck.SpecificationError, match="alpha must lie between 0 and 1, not 5"):
        delta_table(fit, np.ones(1), np.eye(3)[:1], ["one"], alpha=5)
