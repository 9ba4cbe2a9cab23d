"""Constraints, bounds, methods and the bootstrap in models with random coefficients."""

from typing import Any

import numpy as np
import pytest

import choicekit as ck
from choicekit.likelihood.plain import Likelihood
from choicekit.post.nesting import nested_in

from .test_mixing import panel, read


def mixed(**distributions: Any) -> ck.ChoiceModel:
    return ck.ChoiceModel(
        "choice ~ x0 + x1",
        read(panel(150, 4, 5), person="person"),
        mixing=ck.RandomCoefficients(distributions, draws=64),
    )


@pytest.fixture(scope="module")
def normal() -> ck.ChoiceModel:
    return mixed(x0="normal", x1="normal")


@pytest.fixture(scope="module")
def free(normal: ck.ChoiceModel) -> ck.FitResults:
    return normal.fit()


@pytest.fixture(scope="module")
def tied(normal: ck.ChoiceModel) -> ck.FitResults:
    return normal.fit(constraints="sd[x0] = sd[x1], x0 + x1 = 0.25")


def test_the_exact_hessian_is_carried_over_to_ties(tied: ck.FitResults) -> None:
    at, table, own = tied.params.to_numpy(), tied.table, tied._own
    assert tied.convergence.converged
    assert tied.params["sd[x0]"] == tied.params["sd[x1]"] > 0.0
    assert tied.params["x0"] + tied.params["x1"] == pytest.approx(0.25)
    scales = np.full(len(at), 0.05)
    differenced = Likelihood.hessian(own, at, scales, np.arange(len(at)))
    np.testing.assert_allclose(tied.hessian, table.pull_square(differenced), rtol=1e-4, atol=1e-3)


def test_nested_in_the_free_model(tied: ck.FitResults, free: ck.FitResults) -> None:
    assert nested_in(tied, free)
    assert not nested_in(free, tied)
    assert free.llf > tied.llf
    wald = free.wald_test("sd[x0] = sd[x1], x0 + x1 = 0.25")
    assert 2 * (free.llf - tied.llf) == pytest.approx(wald.statistic, rel=0.3)


@pytest.mark.parametrize("method", ["bfgs", "bhhh", "newton"])
def test_methods_agree(normal: ck.ChoiceModel, free: ck.FitResults, method: str) -> None:
    other = normal.fit(method=method)
    assert other.convergence.converged
    np.testing.assert_allclose(other.params, free.params, atol=1e-5)


def test_a_bound_on_a_mean_and_the_bootstrap(normal: ck.ChoiceModel, free: ck.FitResults) -> None:
    at = float(free.params["x0"]) - 0.2
    bounded = normal.fit(bounds={"x0": (None, at)})
    held = normal.fit(fixed={"x0": at})
    np.testing.assert_allclose(bounded.params, held.params, atol=1e-5)
    drawn = free.bootstrap(20, 1)
    ratio = np.sqrt(np.diag(drawn.cov) / np.diag(free.cov))
    assert ((ratio > 0.5) & (ratio < 2.0)).all(), ratio


def test_ties_with_a_mean_in_other_units() -> None:
    model = mixed(x0="lognormal", x1="normal")
    names = list(model.parameter_names)
    fit = model.fit(constraints=f"{names[0]} = {names[1]} + 0.2, {names[2]} = {names[3]}")
    assert fit.convergence.converged, fit.convergence.message
    gradient = fit.table.pull(fit._own.value_and_gradient(fit.params.to_numpy())[1])
    assert np.abs(gradient).max() < 1e-3
