"""What the draws do to the estimates: measured without refitting, shown, and made small."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

import choicekit as ck
from choicekit.estimation.noise import draws_for, fit_noise, replicate_seeds
from choicekit.estimation.simulation import SimulationError, simulation_error
from choicekit.post.tests import is_resolved

from .simulate import long_frame

SEEDS = 16


def read(frame: Any, **columns: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **columns)


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return read(long_frame(300, [0.8, -0.5], seed=21, errors="normal", n_alternatives=5))


@pytest.fixture(scope="module")
def model(data: ck.ChoiceData) -> ck.ChoiceModel:
    return ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic", draws=16)


@pytest.fixture(scope="module")
def fit(model: ck.ChoiceModel) -> Any:
    return model.fit(seed=1)


@pytest.fixture(scope="module")
def error(fit: Any) -> SimulationError:
    return simulation_error(fit, replicates=SEEDS)


@pytest.fixture(scope="module")
def refits(model: ck.ChoiceModel, fit: Any) -> list[Any]:
    """Full fits with the replicates' seeds."""
    return [model.fit(seed=seed) for seed in replicate_seeds(fit._own, SEEDS)]


# -- against full refits ----------------------------------------------------------------------


def test_replicates_are_what_refits_find(error: SimulationError, refits: list[Any]) -> None:
    """Newton steps stand for a refit: their gap is a small part of the draws' own effect."""
    found = np.array([other.params for other in refits])
    gap = np.sqrt(np.mean((error.estimates.to_numpy() - found) ** 2, axis=0))
    assert (gap < 0.25 * error.table["sim s.e."]).all()


def test_standard_errors_are_the_spread_of_refits(
    error: SimulationError, refits: list[Any]
) -> None:
    spread = np.std([other.params for other in refits], axis=0, ddof=1)
    # The spread of 16 has a relative standard error of 18%; three of them.
    ratios = spread / error.table["sim s.e."]
    assert ((ratios > 0.46) & (ratios < 1.54)).all()
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.3)
    assert 0.46 < np.std([other.llf for other in refits], ddof=1) / error.llf_se < 1.54


def test_what_a_fit_carries_is_the_same_measure(fit: Any, error: SimulationError) -> None:
    assert fit.simulation.llf_se == pytest.approx(error.llf_se, rel=0.3)
    np.testing.assert_allclose(fit.simulation.coef_se, error.table["sim s.e."], rtol=0.35)


def test_errors_fall_with_the_draws_at_the_measured_rate(
    model: ck.ChoiceModel, error: SimulationError
) -> None:
    finer = simulation_error(model.fit(seed=1, draws=256), replicates=SEEDS)
    assert finer.draws == 16 * error.draws
    assert finer.largest < error.largest / 6
    rate = np.log(error.llf_se / finer.llf_se) / np.log(16)
    assert rate == pytest.approx(error.rate, abs=0.25)
    assert rate > 0.7  # scrambled Sobol points; independent draws have 1/2


def test_draws_needed(error: SimulationError) -> None:
    assert error.draws_needed(2.0 * error.largest) == error.draws
    needed = error.draws_needed(error.largest / 8.0)
    assert needed == draws_for(error.draws, 8.0, error.rate)
    assert error.draws < needed < 64 * error.draws  # 64 times at the rate 1/2
    assert needed & (needed - 1) == 0
    assert draws_for(100, 1.0, 0.5) == 100
    assert draws_for(256, 2.0, 0.5) == 1024
    assert draws_for(256, np.inf, 0.5) == 1 << 20
    with pytest.raises(ck.SpecificationError, match="share must be"):
        error.draws_needed(0.0)


def test_bias_is_that_of_a_logarithm(data: ck.ChoiceData) -> None:
    """E log of an unbiased estimate is too low by half its relative variance."""
    model = ck.probit("choice ~ x0 + x1", data, covariance="iid", draws=2)
    fit = model.fit(seed=1)
    error = simulation_error(fit, replicates=SEEDS)
    assert error.bias < -2.0 * error.bias_se
    params = fit.params.to_numpy()
    logs = np.array([fit._own.reseeded(s).logp(params) for s in replicate_seeds(fit._own, 64)])
    p = np.exp(logs)
    expected = -0.5 * np.sum(p.var(axis=0, ddof=1) / p.mean(axis=0) ** 2)
    assert error.bias == pytest.approx(expected, rel=0.5)
    assert "bias -" in error.text


def test_people_and_weights_enter_the_noise() -> None:
    frame = long_frame(200, [0.8, -0.5], seed=23, errors="normal", n_alternatives=5)
    frame["w"], frame["who"] = 3.0, frame["case"] // 4
    plain = ck.probit("choice ~ x0", read(frame), covariance="iid", draws=8)
    heavy = ck.probit("choice ~ x0", read(frame, weights="w"), covariance="iid", draws=8)
    people = ck.probit("choice ~ x0", read(frame, person="who"), covariance="iid", draws=8)
    one, other, third = (m.fit().simulation for m in (plain, heavy, people))
    assert other.llf_se == pytest.approx(3.0 * one.llf_se, rel=1e-6)
    np.testing.assert_allclose(other.coef_se, one.coef_se, rtol=1e-3)
    assert third.llf_se == pytest.approx(one.llf_se, rel=0.3)


# -- what is shown ----------------------------------------------------------------------------


def test_the_summary_has_a_column(fit: Any) -> None:
    text = str(fit.summary())
    assert re.search(r"coef +std err +sim s\.e\. +z ", text)
    se = fit.simulation.coef_se[list(fit.params.index).index("x1")]
    assert re.search(rf"^  x1 +-0\.\d+ +0\.\d+ +{se:.2g} ", text, re.M)
    assert max(map(len, text.splitlines())) <= 100


def test_exact_fits_have_none(data: ck.ChoiceData) -> None:
    small = read(long_frame(200, [0.8], seed=22, errors="normal", n_alternatives=3))
    exact = ck.probit("choice ~ x0", small, covariance="iid").fit()
    assert "sim s.e." not in str(exact.summary())
    assert exact.simulation.coef_se == ()
    nothing = simulation_error(exact)
    assert nothing.draws == 0
    assert nothing.largest == 0.0
    assert nothing.draws_needed(0.1) == 0
    assert "Nothing is simulated" in nothing.text
    assert ck.logit("choice ~ x0", small).fit().simulation is None


def test_fixed_parameters_have_no_simulation_error(model: ck.ChoiceModel) -> None:
    held = model.fit(fixed={"x1": -0.5})
    place = list(held.params.index).index("x1")
    assert np.isnan(held.simulation.coef_se[place])
    assert np.isfinite(np.delete(held.simulation.coef_se, place)).all()
    assert re.search(r"^  x1 +-0\.5\d* +fixed *$", str(held.summary()), re.M)
    assert np.isnan(simulation_error(held, 2).table.loc["x1", "ratio"])


def test_replicates_are_checked(fit: Any) -> None:
    for bad in (1, 2.5, True):
        with pytest.raises(ck.SpecificationError, match="at least 2"):
            simulation_error(fit, bad)  # type: ignore[arg-type]


def test_too_few_draws_are_noted(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic", draws=2)
    fit = model.fit()
    ratio = np.nanmax(np.array(fit.simulation.coef_se) / fit.bse)
    assert ratio > 0.1
    assert any("2 draws a case add up to" in note for note in fit.notes)
    assert not any("draws" in note for note in model.fit(draws=256).notes)


# -- the number of draws ----------------------------------------------------------------------


def test_auto_raises_the_draws_until_the_share_holds(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic", draws=2)
    fit = model.fit(draws="auto")
    assert fit.simulation.draws in (8, 32, 128)
    assert np.nanmax(np.array(fit.simulation.coef_se) / fit.bse) <= 0.1
    assert any(note.startswith("draws='auto' went from 2 to ") for note in fit.notes)
    assert fit.model.errors.draws == fit.simulation.draws
    assert model.errors.draws == 2  # the model given is not touched
    again = model.fit(draws=fit.simulation.draws)
    np.testing.assert_allclose(fit.params, again.params, atol=float(0.3 * fit.bse.min()))
    enough = model.fit(draws=512).model.fit(draws="auto")
    assert enough.simulation.draws == 512


def test_auto_says_when_it_hits_the_limit(
    data: ck.ChoiceData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("choicekit.fit.MOST_AUTO_DRAWS", 4)
    model = ck.probit("choice ~ x0 + x1", data, covariance="heteroskedastic", draws=2)
    with pytest.warns(ck.SimulationWarning, match="are the limit"):
        fit = model.fit(draws="auto")
    assert fit.simulation.draws == 2
    assert any("are the limit. Cure: " in note for note in fit.notes)


def test_draws_by_number(model: ck.ChoiceModel) -> None:
    assert model.fit(draws=64).simulation.draws == 64
    np.testing.assert_array_equal(model.fit(draws=16).params, model.fit().params)
    for bad in ("many", 2.5, True):
        with pytest.raises(ck.SpecificationError, match="draws must be 'auto'"):
            model.fit(draws=bad)  # type: ignore[arg-type]
    with pytest.raises(ck.SpecificationError, match="draws must be a whole number from 2"):
        model.fit(draws=1)


def test_closed_forms_and_exact_fits_need_no_draws(data: ck.ChoiceData) -> None:
    logit = ck.logit("choice ~ x0", data)
    assert logit.fit(draws="auto").llf == logit.fit().llf
    with pytest.raises(ck.SpecificationError, match="closed form"):
        logit.fit(draws=64)
    small = read(long_frame(200, [0.8], seed=22, errors="normal", n_alternatives=3))
    exact = ck.probit("choice ~ x0", small, covariance="iid")
    assert exact.fit(draws="auto").notes == exact.fit().notes


# -- comparison -------------------------------------------------------------------------------


def test_a_difference_within_the_noise_is_not_resolved(data: ck.ChoiceData) -> None:
    noisy = [
        ck.probit(f"choice ~ x0 + x1{more}", data, covariance="iid", draws=2).fit()
        for more in ("", " + I(x0 * x1)")
    ]
    assert not is_resolved(*noisy)
    comparison = ck.compare(*noisy, names=["short", "long"])
    row = comparison.tests.iloc[0]
    assert not row["resolved"]
    assert "equally well as far as the draws can tell" in comparison.verdict
    found = re.search(r"About ([\d,]+) draws a case should resolve it", comparison.verdict)
    assert found
    needed = int(found[1].replace(",", ""))
    assert needed > 2
    fine = [f.model.fit(draws=needed) for f in noisy]
    assert is_resolved(*fine)
    text = ck.compare(*fine, names=["short", "long"]).verdict
    assert "should resolve" not in text
    assert "long fits better" in text


def test_no_difference_at_all_is_beyond_any_number_of_draws(fit: Any) -> None:
    close = dataclasses.replace(fit, llf=fit.llf - 0.006)
    text = str(ck.compare(fit, close, names=["one", "two"]).tests["resolution"].iloc[0])
    assert "draws a case should resolve it" in text
    same = dataclasses.replace(fit, llf=fit.llf - 1e-9)
    comparison = ck.compare(fit, same, names=["one", "two"])
    assert "No practical number of draws" in comparison.tests["resolution"].iloc[0]
    assert "No practical number" not in comparison.verdict  # they fit equally well: enough said


def test_quadrature_errors_are_not_simulation(data: ck.ChoiceData) -> None:
    small = read(long_frame(200, [0.8], seed=22, errors="normal", n_alternatives=3))
    fit = ck.probit("choice ~ x0", small, covariance="iid").fit()
    noise = fit_noise(fit._own, fit.params.to_numpy())
    assert 0.0 < noise.llf_se < 1e-4
    assert noise.ratio == 0.0
