"""Where fits start, where they end, and what is said of ends that are no maxima."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

import choicekit as ck
from choicekit.errors.normal import Normal
from choicekit.estimation.fitting import Fit, Search, _better, fit_from_starts, fit_likelihood
from choicekit.estimation.judgement import degenerate_errors, runaway_variance, zero_variances
from choicekit.estimation.noise import fit_noise
from choicekit.estimation.starts import continued_start, inner_start, logit_start, project
from choicekit.likelihood import Likelihood

from .simulate import long_frame

LABELS = ("a0", "a1", "a2", "a3", "a4")


def read(frame: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def prepared(model: ck.ChoiceModel) -> tuple[Any, Any]:
    """Likelihood and usual starts of a model."""
    likelihood, table = model.likelihood(), model.table({}, {})
    return likelihood, replace(table, start=logit_start(likelihood, table, frozenset()))


def differences(omega: Any) -> Any:
    """Covariance of the differences against the first alternative."""
    return omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    omega = 0.5 * np.diag([1.0, 0.5, 2.0, 1.0]) + 0.2
    omega[2, 3] = omega[3, 2] = 0.6
    return read(
        long_frame(400, [0.8, -0.5], 31, errors="normal", covariance=omega, n_alternatives=4)
    )


@pytest.fixture(scope="module")
def model(data: ck.ChoiceData) -> ck.ChoiceModel:
    return ck.probit("choice ~ x0 + x1", data)


@pytest.fixture(scope="module")
def fit(model: ck.ChoiceModel) -> Any:
    return model.fit()


# -- projection -------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [0, 3])
def test_any_covariance_is_one_of_the_unstructured(base: int) -> None:
    rng = np.random.default_rng(1)
    root = rng.normal(size=(5, 5))
    omega = root @ root.T
    law = Normal("unstructured").bind(LABELS, base)
    found = project(law, omega)
    ours = differences(law.covariance(found.theta)) * found.scale**2
    np.testing.assert_allclose(ours, differences(omega), atol=1e-6 * np.abs(omega).max())
    # the Cholesky factor, written down directly
    rows = law.structure.rows  # type: ignore[attr-defined]
    full = omega[np.ix_(rows, rows)] - omega[rows, base][:, None] - omega[rows, base][None, :]
    factor = np.linalg.cholesky(full + omega[base, base])
    expected = (factor / factor[0, 0])[np.tril_indices(4)][1:]
    np.testing.assert_allclose(found.theta, expected, atol=1e-5)


def test_independent_errors_project_on_themselves() -> None:
    omega = np.diag([1.0, 4.0, 0.25, 1.0, 9.0])
    law = Normal("heteroskedastic").bind(LABELS, 0)
    found = project(law, omega)
    np.testing.assert_allclose(found.theta, np.sqrt(np.diag(omega) / 4.0)[[0, 2, 3, 4]], atol=1e-6)
    assert found.scale == pytest.approx(np.sqrt(8.0))
    iid = project(Normal("iid").bind(LABELS, 0), omega)
    assert len(iid.theta) == 0
    assert iid.scale > 1.0


def test_a_projected_start_has_the_same_likelihood(model: ck.ChoiceModel, fit: Any) -> None:
    """Heteroskedastic estimates, restated for the unstructured law, say the same."""
    simple = ck.probit("choice ~ x0 + x1", model.data, covariance="heteroskedastic")
    best = simple.fit()
    likelihood, table = prepared(model)
    to = project(likelihood.errors, best.error_covariance().to_numpy())
    start = np.concatenate(
        [best.params.to_numpy()[: likelihood.n_coefficients] / to.scale, to.theta]
    )
    assert likelihood.settle(start, 1).value(start) == pytest.approx(best.llf, abs=1e-4)
    assert len(table.start) == len(start)
    assert best.llf < fit.llf


# -- continuation -----------------------------------------------------------------------------


def test_continuation_reaches_the_same_maximum(model: ck.ChoiceModel, fit: Any) -> None:
    again = model.fit(continuation=True)
    assert again.llf == pytest.approx(fit.llf, abs=1e-5)
    np.testing.assert_allclose(again.params, fit.params, atol=1e-3)


def test_continuation_starts_nearer(model: ck.ChoiceModel, fit: Any) -> None:
    likelihood, table = prepared(model)
    law, labels = model.errors, model.data.alternatives
    steps = [replace(law, covariance=c).bind(labels, 0) for c in ("iid", "heteroskedastic")]  # type: ignore[type-var]
    first = continued_start(likelihood, table, steps, seed=1)
    settled = likelihood.settle(fit.params.to_numpy(), 1)
    assert settled.value(table.start) < settled.value(first.start) < fit.llf


def test_continuation_keeps_what_was_given(model: ck.ChoiceModel) -> None:
    held = model.fit(continuation=True, fixed={"x0": 0.7, "chol[a2,a1]": 0.5})
    assert held.params[["x0", "chol[a2,a1]"]].tolist() == [0.7, 0.5]
    plain = model.fit(fixed={"x0": 0.7, "chol[a2,a1]": 0.5})
    assert held.llf == pytest.approx(plain.llf, abs=1e-5)


def test_continuation_of_laws_without_simpler_ones(data: ck.ChoiceData) -> None:
    for model in (
        ck.logit("choice ~ x0", data),
        ck.probit("choice ~ x0", data, covariance="iid"),
    ):
        assert model.fit(continuation=True).llf == pytest.approx(model.fit().llf, abs=1e-8)


# -- bad starts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start",
    [
        {"x0": -60.0, "x1": 80.0},
        {"chol[a2,a2]": 1e-9, "chol[a3,a3]": 1e-9},
        {"chol[a2,a1]": 300.0, "chol[a3,a2]": -500.0},
    ],
)
def test_a_bad_start_is_rescued(model: ck.ChoiceModel, fit: Any, start: dict[str, float]) -> None:
    found = model.fit(start=start)
    assert found.convergence.converged
    assert found.llf == pytest.approx(fit.llf, abs=1e-4)


def test_no_rescue_from_a_limit_of_iterations(model: ck.ChoiceModel) -> None:
    with pytest.warns(ck.ConvergenceWarning):
        short = model.fit(start={"x0": -60.0, "x1": 80.0}, maxiter=2)
    assert short.convergence.iterations <= 2
    assert not any("start" in note for note in short.notes)


# -- several starts ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Rippled(Likelihood):
    """A probit whose log-likelihood has ripples along its first coefficient: several maxima."""

    height: float = 30.0
    pitch: float = 12.0

    def value_and_gradient(self, params: Any) -> tuple[float, Any]:
        value, gradient = super().value_and_gradient(params)
        slope = gradient.copy()
        slope[0] -= self.height * self.pitch * np.sin(self.pitch * params[0])
        return value + self.height * np.cos(self.pitch * params[0]), slope

    def value(self, params: Any) -> float:
        return self.value_and_gradient(params)[0]


def test_several_maxima_are_reported_and_the_best_is_found(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ x0 + x1", data, covariance="iid")
    plain, table = prepared(model)
    rippled = Rippled(plain.x, plain.layout, plain.errors, plain.keys)
    far = replace(table, start=table.start.copy())
    far.start[0] = 1.6
    alone = fit_likelihood(rippled, far, model.information, Search(max_iterations=200))
    best = fit_from_starts(rippled, far, model.information, Search(max_iterations=200), starts=12)
    grid = np.linspace(0.0, 2.0, 201)
    settled = rippled.settle(best.params, 1)
    profile = [settled.value(np.concatenate([[b], best.params[1:]])) for b in grid]
    assert alone.convergence.converged
    assert best.value > alone.value + 1.0
    assert 0.0 < best.value - max(profile) < 1.0  # the grid is not as fine
    optima = best.optima
    assert optima is not None
    assert optima["converged"].sum() > 1
    assert optima["llf"].iloc[0] == best.value
    assert optima["llf"].is_monotonic_decreasing
    assert optima["count"].sum() == 12
    assert optima["distance"].iloc[0] == 0.0
    assert (optima["distance"].iloc[1:] > 0.1).all()
    assert 1 in set(optima["start"])
    assert "lower maxim" in best.notes[-1]


def test_starts_of_a_concave_problem_agree(data: ck.ChoiceData) -> None:
    for model in (
        ck.logit("choice ~ x0 + x1", data),
        ck.probit("choice ~ x0 + x1", data, covariance="iid"),
    ):
        found = model.fit(starts=4)
        assert found.llf == pytest.approx(model.fit().llf, abs=1e-6)
        assert found.notes[-1] == "4 starts: 4 ended at these estimates."


def test_starts_of_a_probit_agree(model: ck.ChoiceModel, fit: Any) -> None:
    one, other = model.fit(starts=4), model.fit(starts=4)
    np.testing.assert_array_equal(one.params, other.params)  # keyed by the seed
    assert one.llf == pytest.approx(fit.llf, abs=1e-5)
    assert any(note.startswith("4 starts: ") for note in one.notes)


@pytest.mark.parametrize("bad", [0, 1.5, True, "ten"])
def test_starts_are_checked(model: ck.ChoiceModel, bad: Any) -> None:
    with pytest.raises(ck.SpecificationError, match="starts must be a whole number"):
        model.fit(starts=bad)


# -- the edge of the covariance's range -------------------------------------------------------


def test_degenerate_errors_are_named() -> None:
    independent = np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0.7, 0.3, 0, 0], [0, 0, 0, 1.0]])
    text = degenerate_errors(independent @ independent.T, LABELS[:4])
    assert "the error of 'a2' becomes a fixed combination of others (0.7 a0 + 0.3 a1)" in text
    twins = np.array([[1.0, 0, 0], [0, 1, 0], [0, 1, 0]])
    text = degenerate_errors(twins @ twins.T, ("car", "red bus", "blue bus"))
    assert "'red bus'" in text
    assert "'blue bus'" in text
    assert "one and the same" in text
    # the same whatever error is set to zero
    shifted = independent - independent[3]
    assert "(0.7 a0 + 0.3 a1)" in degenerate_errors(shifted @ shifted.T, LABELS[:4])


def test_variances_at_the_end_of_their_range_are_named() -> None:
    start, labels = 0.5 * np.eye(3), LABELS[:3]
    assert runaway_variance(np.diag([1.0, 2.0, 0.5]), start, labels) == ""
    assert "'a1' goes to zero" in runaway_variance(np.diag([9e6, 0.5, 5e6]), start, labels)
    assert "'a2' grows without" in runaway_variance(np.diag([9.0, 2.0, 1e7]), start, labels)
    correlated = np.full((3, 3), 0.5) + np.diag([1e9, 1.0, 1.0])
    assert runaway_variance(correlated, start, labels) == ""
    against_base = np.diag([0.0, 1.0, 1.0])  # whose error is zero by convention
    assert runaway_variance(against_base * 1e9, against_base, labels) == ""
    assert zero_variances(against_base, against_base, labels) == ""
    assert zero_variances(np.diag([1.0, 2.0, 0.5]), start, labels) == ""
    assert "error of 'a0' is estimated as zero" in zero_variances(
        np.diag([1e-9, 2.0, 0.5]), start, labels
    )


@pytest.fixture(scope="module")
def edge() -> Any:
    """An error that is 0.6 of one plus 0.4 of another: the truth is at the edge."""
    root = np.array([[1.0, 0, 0], [0, 1, 0], [0.6, 0.4, 0]])
    frame = long_frame(200, [0.8, -0.5], 1, "normal", 0.5 * root @ root.T)
    model = ck.probit("choice ~ x0 + x1", read(frame))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = model.fit()
    assert [w.category for w in caught] == [ck.ConvergenceWarning]
    return found


def test_the_edge_is_explained(edge: Any) -> None:
    ended = edge.convergence
    assert not ended.converged
    assert ended.reason == "boundary"
    assert "covariance of the errors is singular" in ended.message
    assert "the error of 'a2' becomes a fixed combination of others (0.6" in ended.message
    assert f"rises to {edge.llf:,.3f} at this edge" in ended.message
    assert "started inside, ended at an edge too" in ended.message
    assert "merge alternatives" in ended.cure
    assert "standard errors and tests do not apply" in ended.cure


def test_an_inner_start_is_inside(edge: Any) -> None:
    likelihood, table = prepared(edge.model)
    params = edge.params.to_numpy()
    inside = inner_start(likelihood, table, params)
    k = likelihood.n_coefficients
    assert likelihood.errors.boundary(params[k:])
    assert not likelihood.errors.boundary(inside.start[k:])
    np.testing.assert_allclose(inside.start[:k], params[:k], rtol=0.3)


def test_a_variance_of_zero(data: ck.ChoiceData) -> None:
    """Beside a fixed variance it is an estimate at the end of its range; if fixed, no fit."""
    frame = long_frame(300, [1.5, -1.0], 5, "normal", np.diag([1.0, 1e-8, 1.0]))
    options: dict[str, Any] = {"covariance": "heteroskedastic"}
    fine = ck.probit("choice ~ x0 + x1", read(frame), scale="a0", **options).fit()
    assert fine.convergence.converged
    assert abs(fine.params["sd[a1]"]) < 0.01
    assert any("error of 'a1' is estimated as zero" in note for note in fine.notes)
    run_off = ck.probit("choice ~ x0 + x1", read(frame), scale="a1", **options)
    with pytest.warns(ck.ConvergenceWarning, match="error of 'a1' goes to zero beside"):
        found = run_off.fit()
    assert found.convergence.reason == "boundary"
    assert "scale=" in found.convergence.cure


@pytest.mark.parametrize("hiding", [1e-4, 1e-5])
def test_hessians_of_poor_starts_are_sound(data: ck.ChoiceData, hiding: float) -> None:
    """A start that hides a parameter must not spoil the steps the Hessian is differenced with."""
    model = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic")
    usual = model.fit()
    hidden = model.fit(start={"sd[a0]": hiding})
    assert hidden.convergence.converged
    assert hidden.notes == usual.notes  # no second start was needed
    np.testing.assert_allclose(hidden.bse, usual.bse, rtol=1e-3)


def test_an_edge_must_be_resolved(fit: Any, edge: Any) -> None:
    """Between an edge and a maximum inside, the accuracy of the log-likelihood decides."""
    likelihood, table = prepared(edge.model)
    ended = edge.convergence
    at_edge = Fit(edge.params.to_numpy(), edge.llf, edge.hessian, edge._own, ended)
    start = likelihood.settle(table.start, 1)
    fine = replace(ended, converged=True, message="converged", reason="")

    def inside(value: float) -> Fit:
        return Fit(table.start, value, -np.eye(len(table.start)), start, fine)

    noise = fit_noise(at_edge.likelihood, at_edge.params).llf_se
    lower = _better(at_edge, inside(edge.llf - 3.0 * noise))
    assert not lower.convergence.converged
    assert "the best maximum inside reaches" in lower.convergence.message
    close = _better(at_edge, inside(edge.llf - noise))
    assert close.convergence.converged
    assert "higher (a difference that is not resolved: quadrature error" in close.notes[0]
    higher = _better(at_edge, inside(edge.llf + 3.0 * noise))
    assert higher.convergence.converged
    assert "lower; these estimates are a maximum inside" in higher.notes[0]
    assert higher.convergence.evaluations == 2 * ended.evaluations
