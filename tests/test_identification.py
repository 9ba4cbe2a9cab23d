"""What data can and cannot tell, on cases whose answer is known."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

import choicekit as ck
from choicekit.data.layout import Layout
from choicekit.estimation.identification import separated_directions
from choicekit.estimation.identification.covariance import covariance_checks, times_together
from choicekit.estimation.identification.diagnostics import (
    CONDITION,
    condition_note,
    fit_diagnostics,
)
from choicekit.estimation.identification.separation import find_separation
from choicekit.estimation.identification.utility import lacks_exclusions

from .reference import recipes
from .simulate import long_frame


def read(frame: pd.DataFrame, **columns: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", **columns)


ALL = ["a0", "a1", "a2", "a3"]


def found(report: Any, check: str) -> Any:
    """The findings of one check."""
    return [finding for finding in report.checks if finding.check == check]


def severities(report: Any) -> dict[str, str]:
    return {finding.check: finding.severity for finding in report.checks}


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode")
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="module")
def four() -> pd.DataFrame:
    return long_frame(400, [0.8, -0.5], seed=1, errors="normal", n_alternatives=4)


def without(frame: pd.DataFrame, one: str, other: str) -> pd.DataFrame:
    """Take one of two alternatives out of every case: never the chosen one, else by turns."""
    chosen = frame["case"].map(frame[frame["choice"] == 1].set_index("case")["alt"])
    by_turns = np.where(frame["case"] % 2 == 0, one, other)
    leaves = np.where(chosen == one, other, np.where(chosen == other, one, by_turns))
    return frame[frame["alt"] != leaves].reset_index(drop=True)


# -- the report ---------------------------------------------------------------------------------


def test_an_identified_probit(travel: ck.ChoiceData) -> None:
    report = ck.probit("choice ~ gc + ttme | hinc", travel, base="car").identification()
    assert report.identified
    assert report.problems == report.warnings == ()
    assert severities(report) == dict.fromkeys(
        [
            "coefficients",
            "constants",
            "scale",
            "covariance order",
            "covariance rank",
            "exclusions",
            "separation",
            "scores",
        ],
        "ok",
    )
    text = str(report)
    assert "Multinomial probit" in text
    assert "210 cases, 4 alternatives, 13 free parameters" in text
    assert "5 free covariance parameters, at most 5 can be learned" in text
    assert text.endswith("Identified: nothing was found that the data cannot tell.")
    assert max(map(len, text.splitlines())) <= 100


def test_a_logit_has_no_covariance_to_check(travel: ck.ChoiceData) -> None:
    report = ck.logit("choice ~ gc + ttme | hinc", travel).identification()
    assert report.identified
    assert list(severities(report)) == ["coefficients", "constants", "scale", "separation"]


def test_findings_are_tidy_and_html_is_escaped(four: pd.DataFrame) -> None:
    four = four.assign(alt=four["alt"].replace({"a3": "<a3>"}))
    report = ck.probit("choice ~ 0 | z", read(four)).identification()
    assert list(report.findings.columns) == ["check", "severity", "parameters", "message", "cure"]
    weak = report.findings[report.findings["severity"] == "weak"]
    assert "chol[<a3>,a2]" in weak["parameters"].iloc[0]
    assert (weak["cure"] != "").all()
    page = report._repr_html_()
    assert "&lt;a3&gt;" in page
    assert "<a3>" not in page


def test_a_restriction_is_told_from_a_normalisation(travel: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme", travel)
    assert "restriction" not in found(model.identification(), "scale")[0].message
    held = found(model.identification(fixed={"gc": -0.01}), "scale")[0]
    assert "gc is held fixed" in held.message
    assert "restriction" in held.message
    assert held.severity == "ok"


REFERENCES = [
    "cl_bankwages",
    "cl_swissmetro_b01",
    "mnp_bhatlib_a_ii_flexible",
    "mnp_mode_train",
    "mnp_travelmode_wait_travel_vcost",
]


@pytest.mark.parametrize("name", REFERENCES)
def test_published_models_are_identified(name: str) -> None:
    case = next(case for case in recipes.read_cases() if case["name"] == name)
    try:
        frame = recipes.load(case["data"])
    except recipes.MissingDataError as absent:
        pytest.skip(str(absent))
    form, arguments = recipes.reader(case["read"])
    data = getattr(ck.ChoiceData, f"from_{form}")(frame, **arguments)
    options = dict(case["model"])
    verb = {"logit": ck.logit, "probit": ck.probit}[options.pop("verb")]
    model = verb(options.pop("formula", None) or options.pop("utilities"), data, **options)
    report = model.identification()
    assert report.identified, str(report)
    assert not report.warnings, str(report)


# -- the utility --------------------------------------------------------------------------------


def test_collinear_and_constant_covariates(four: pd.DataFrame, travel: ck.ChoiceData) -> None:
    frame = four.assign(both=four["x0"] - 2.0 * four["x1"])
    with pytest.raises(ck.IdentificationError, match=r"1 x1 - 0\.5 x0 \+ 0\.5 both") as caught:
        ck.probit("choice ~ x0 + x1 + both", read(frame))
    assert "Cure: leave one of them out." in str(caught.value)
    with pytest.raises(ck.IdentificationError, match=r"'ttme\[car\]' never varies"):
        ck.logit("choice ~ gc | hinc | ttme", travel)  # drivers do not wait


def test_all_that_is_wrong_is_said_at_once(four: pd.DataFrame) -> None:
    frame = four[four["case"].isin(four[(four["choice"] == 1) & (four["alt"] != "a3")]["case"])]
    with pytest.raises(ck.IdentificationError) as caught:
        ck.logit("choice ~ x0 + I(2 * x0)", read(frame))
    assert "cannot be told apart" in str(caught.value)
    assert "asc[a3] runs to minus infinity" in str(caught.value)


def test_constants_of_a_dict_run_away_too(four: pd.DataFrame) -> None:
    frame = four[four["case"].isin(four[(four["choice"] == 1) & (four["alt"] != "a3")]["case"])]
    utilities = {f"a{j}": {f"k{j}": 1, "b": "x0"} for j in range(1, 4)}
    with pytest.raises(ck.IdentificationError, match="its constant k3 runs to minus infinity"):
        ck.logit({"a0": {"b": "x0"}, **utilities}, read(frame))


# -- the covariance -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Fake:
    """Independent errors whose variances are functions of parameters: ``diag(exp(W theta))``."""

    weights: Any
    names: tuple[str, ...]
    normalisation: str = "Nothing is fixed."

    @property
    def start(self) -> Any:
        return np.zeros(len(self.names))

    @property
    def search_start(self) -> Any:
        return self.start

    def signs(self, theta: Any) -> Any:
        return np.ones(len(theta))

    def inside(self, theta: Any) -> bool:
        return True

    def barrier(self, theta: Any) -> None:
        return None

    def edge(self, theta: Any) -> str:
        return ""

    def omega(self, theta: Any) -> Any:
        return np.diag(0.5 * np.exp(np.asarray(self.weights) @ theta))

    def jacobian(self, theta: Any) -> Any:
        weights = np.asarray(self.weights, dtype=float)
        variances = 0.5 * np.exp(weights @ theta)
        return np.array([np.diag(weights[:, q] * variances) for q in range(len(theta))])


def complete(n: int) -> Any:
    return np.full((n, n), 100)


def checks_of(structure: Any, together: Any, free: Any = None, **options: Any) -> Any:
    theta = structure.start
    free = np.ones(len(theta), dtype=bool) if free is None else np.array(free)
    labels = [f"a{j}" for j in range(len(together))]
    return covariance_checks(structure, theta, free, together, labels, **options)


def test_a_redundant_parameter_is_named() -> None:
    """s and t only occur as s + 2 t; r stands alone."""
    fake = Fake([[0, 0, 0], [1, 2, 0], [0, 0, 1], [0, 0, 0]], ("s", "t", "r"))
    order, rank = checks_of(fake, complete(4))
    assert order.severity == "ok"
    assert rank.severity == "error"
    assert rank.parameters == ("s", "t")
    assert "fixed={'s': 0}" in rank.cure
    (_, held) = checks_of(fake, complete(4), free=[True, False, True])
    assert held.severity == "ok"


def test_a_parameter_without_effect_is_named() -> None:
    _, rank = checks_of(Fake([[0, 0], [1, 0], [0, 0], [0, 0]], ("s", "t")), complete(4))
    assert rank.parameters == ("t",)
    assert "changes no variance" in rank.message


def test_a_free_scale_is_named_and_a_fixed_coefficient_sets_it() -> None:
    """All variances free: their level cannot be told from the level of the coefficients."""
    fake = Fake(np.eye(4), ("s0", "s1", "s2", "s3"))
    order, rank = checks_of(fake, complete(4))
    assert order.severity == "ok"  # four parameters, five variances: only the rank shows it
    assert rank.parameters == fake.names
    assert "multiply all of them by one number" in rank.message
    assert {check.severity for check in checks_of(fake, complete(4), scale_is_free=False)} == {"ok"}


def test_a_singular_start_is_not_an_error() -> None:
    """Loadings that start at zero: no derivative there, every derivative elsewhere."""

    @dataclass(frozen=True)
    class Loadings:
        names = ("load[a1]", "load[a2]")
        start = np.zeros(2)

        def omega(self, theta: Any) -> Any:
            load = np.concatenate([[0.0], theta, [0.0]])
            return 0.5 * np.eye(4) + np.outer(load, load)

        def jacobian(self, theta: Any) -> Any:
            load = np.concatenate([[0.0], theta, [0.0]])
            unit = np.eye(4)[1:3]
            return np.array([np.outer(e, load) + np.outer(load, e) for e in unit])

    _, rank = checks_of(Loadings(), complete(4))
    assert rank.severity == "weak"
    assert "At the starting values load[a1], load[a2] do not" in rank.message
    assert rank.parameters == Loadings.names


def test_two_alternatives_show_no_covariance() -> None:
    (order, rank) = checks_of(Fake([[0], [1]], ("s",)), complete(2))
    assert order.severity == "error"
    assert "at most 0" in order.message
    assert "covariance='iid'" in order.cure
    assert rank.severity == "error"
    frame = long_frame(200, [0.5], seed=3, n_alternatives=2)
    assert ck.probit("choice ~ x0", read(frame)).identification().identified  # has no parameters
    with pytest.raises(ck.SpecificationError, match="not identified"):
        ck.probit("choice ~ x0", read(frame), covariance="heteroskedastic")


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_every_structure_is_identified_on_complete_choice_sets(n: int) -> None:
    labels = tuple(f"a{j}" for j in range(n))
    for covariance in ("heteroskedastic", "unstructured"):
        for base in range(n):
            bound = ck.Normal(covariance).bind(labels, base)
            found = checks_of(bound.structure, complete(n))
            assert [check.severity for check in found] == ["ok", "ok"], (covariance, base)


def test_alternatives_never_together_leave_elements_unknown(four: pd.DataFrame) -> None:
    data = read(without(four, "a2", "a3"), alternatives=ALL)
    together = times_together(data.layout)
    assert together[2, 3] == 0
    assert (together[np.triu_indices(4)] > 0).sum() == 9
    model = ck.probit("choice ~ x0 + x1", data)
    report = model.identification()
    assert not report.identified
    (order,), (rank,) = found(report, "covariance order"), found(report, "covariance rank")
    assert "at most 4 can be learned" in order.message
    assert "a2-a3 are never available together" in order.message
    assert rank.parameters == ("chol[a3,a2]", "chol[a3,a3]")
    assert str(report).endswith("NOT IDENTIFIED: 2 problems. fit() cannot give estimates.")
    with pytest.raises(ck.IdentificationError, match=re.escape("chol[a3,a2], chol[a3,a3]")):
        model.fit()


def test_the_cure_of_an_unseen_pair_works(four: pd.DataFrame) -> None:
    """Holding one element fixed identifies the rest, and its value does not change the fit."""
    data = read(without(four, "a2", "a3"), alternatives=ALL)
    model = ck.probit("choice ~ x0 + x1", data)
    assert model.identification(fixed={"chol[a3,a2]": 0.29}).identified
    fits = [model.fit(fixed={"chol[a3,a2]": value}) for value in (0.29, 0.0)]
    assert all(fit.convergence.converged for fit in fits)
    assert fits[0].llf == pytest.approx(fits[1].llf, abs=1e-4)
    assert fits[0].params["x0"] == pytest.approx(fits[1].params["x0"], abs=1e-3)
    assert ck.probit("choice ~ x0", data, covariance="heteroskedastic").identification().identified


def test_an_alternative_nobody_was_offered(four: pd.DataFrame) -> None:
    data = read(four[four["alt"] != "a3"].groupby("case").filter(lambda d: d["choice"].sum() == 1))
    layout = replace(data.layout, n_alternatives=4)
    bound = ck.Normal("heteroskedastic").bind(("a0", "a1", "a2", "a3"), 0)
    _, rank = checks_of(bound.structure, times_together(layout))
    assert rank.parameters == ("sd[a3]",)


def test_cases_of_weight_zero_show_nothing(four: pd.DataFrame) -> None:
    frame = without(four, "a2", "a3")
    keep = four[four["case"] < 5].assign(case=lambda d: d["case"] + 10_000)
    both = pd.concat([frame.assign(w=1.0), keep.assign(w=0.0)])
    for weights, expected in ((None, 5), ("w", 0)):
        data = read(both, alternatives=ALL, weights=weights)
        assert times_together(data.layout)[2, 3] == expected


def test_a_custom_structure_in_a_model(four: pd.DataFrame) -> None:
    model = ck.probit("choice ~ x0 + x1", read(four))
    fake = Fake([[0, 0, 0], [1, 2, 0], [0, 0, 1], [0, 0, 0]], ("s", "t", "r"))
    model.bound = replace(model.bound, structure=fake)
    report = model.identification()
    assert found(report, "covariance rank")[0].parameters == ("s", "t")
    with pytest.raises(ck.IdentificationError, match="s, t cannot be told apart"):
        model.fit()


# -- what these data show -----------------------------------------------------------------------


def test_shares_alone_show_no_covariance(travel: ck.ChoiceData) -> None:
    """With constants only the data are three numbers, the shares of four alternatives."""
    report = ck.probit("choice ~ 1", travel).identification()
    assert not report.identified
    (scores,) = found(report, "scores")
    assert "show 3 combinations of the 8 free parameters" in scores.message
    assert {f"chol[{place}]" for place in ("bus,bus", "car,bus", "car,train")} & set(
        scores.parameters
    )
    assert ck.probit("choice ~ 1", travel, covariance="iid").identification().identified


def test_case_specific_covariates_identify_weakly(travel: ck.ChoiceData) -> None:
    report = ck.probit("choice ~ 0 | hinc", travel, base="car").identification()
    assert report.identified
    assert severities(report)["exclusions"] == severities(report)["scores"] == "weak"
    assert any("Keane 1992" in text for text in report.warnings)
    assert "Identified, but weakly: 2 warnings." in str(report)


def test_exclusions_are_seen_in_the_data(four: pd.DataFrame) -> None:
    def lacks(specification: Any) -> bool:
        model = ck.logit(specification, read(four))
        likelihood = model.likelihood()
        return lacks_exclusions(model.design.describe(), likelihood.x, likelihood.layout)

    assert lacks("choice ~ 0 | z")
    assert lacks("choice ~ 0 | 1")
    assert not lacks("choice ~ x0 | z")
    assert not lacks("choice ~ 0 | z | x0")
    # The same model as "| z", written by hand; then z in one utility only, which is an exclusion.
    own = {f"a{j}": {f"b{j}": "z", f"c{j}": 1} for j in range(1, 4)}
    assert lacks({"a0": {}, **own})
    assert not lacks({**{f"a{j}": {f"c{j}": 1} for j in range(1, 4)}, "a0": {"b": "z"}})
    assert not lacks({f"a{j}": {f"b{j}": "x0"} for j in range(4)})


def test_few_cases() -> None:
    model = ck.probit("choice ~ x0 | 0", read(long_frame(5, [0.1], 4, n_alternatives=4)))
    (scores,) = found(model.identification(), "scores")
    assert scores.severity == "error"
    assert "5 cases for 6 free parameters" in scores.message


def test_large_data_are_sampled_but_rare_covariates_are_not_missed() -> None:
    frame = long_frame(5000, [0.5], seed=5, errors="normal")
    rare = (frame["case"] < 60) & (frame["case"] % 3 > 0)  # a sample takes every third case
    data = read(frame.assign(rare=frame["x0"] * rare))
    report = ck.probit("choice ~ x0", data).identification()
    assert "1,667 of 5,000" in found(report, "scores")[0].message
    report = ck.probit("choice ~ x0 + rare", data).identification()
    assert report.identified, str(report)
    assert "all 5,000" in found(report, "scores")[0].message


# -- separation ---------------------------------------------------------------------------------


def search(frame: pd.DataFrame, formula: str) -> Any:
    model = ck.logit(formula, read(frame))
    likelihood = model.likelihood()
    return find_separation(likelihood.x, likelihood.layout, model.design.names)


def test_complete_separation_is_found_before_the_fit() -> None:
    frame = long_frame(200, [0.5, 0.5], seed=7)
    frame["winner"] = frame["choice"] + 0.01 * frame["x0"]
    report = ck.logit("choice ~ x0 + x1 + winner", read(frame)).identification()
    assert not report.identified
    (check,) = found(report, "separation")
    assert "every choice" in check.message
    assert "complete separation" in check.message
    assert "winner" in check.parameters
    assert "x1" not in check.parameters


@pytest.mark.parametrize("verb", [ck.logit, ck.probit])
def test_quasi_complete_separation_is_the_one_seen_after_the_fit(verb: Any) -> None:
    frame = long_frame(300, [0.8], seed=12)
    frame["flag"] = ((frame["choice"] == 1) & (frame["case"] % 5 == 0)).astype(float)
    model = verb("choice ~ x0 + flag | 0", read(frame))
    (check,) = found(model.identification(), "separation")
    assert check.severity == "error"
    assert check.parameters == ("flag",)
    assert "quasi-complete" in check.message
    assert "20% of the comparisons" in check.message
    with pytest.warns(ck.ConvergenceWarning, match="separated perfectly"):
        fit = model.fit()
    after = separated_directions(fit.hessian[:2, :2], model.information, ["x0", "flag"])
    assert [direction.names for direction in after] == [("flag",)]


def test_every_separating_covariate_is_named_in_its_own_units() -> None:
    frame = long_frame(400, [0.8], seed=13)
    one = (frame["choice"] == 1) & (frame["case"] % 5 == 0)
    two = (frame["choice"] == 0) & (frame["case"] % 7 == 1) & (frame["alt"] == "a2")
    frame["u"] = one * 1e6 + frame["x0"] * 1e3 + 1e9
    frame["w"] = two * 1e-6
    result = search(frame, "choice ~ x0 + u + w | 0")
    assert {direction.names for direction in result.directions} == {("u", "x0")[::-1], ("w",)}
    mixed = next(d for d in result.directions if len(d.names) == 2)
    share = dict(zip(mixed.names, mixed.loadings, strict=True))
    assert share["x0"] / share["u"] == pytest.approx(-1e3, rel=1e-4)
    assert 0.0 < result.share < 1.0


def test_real_choices_are_not_separated(travel: ck.ChoiceData) -> None:
    for formula in ("choice ~ gc + ttme | hinc", "choice ~ ttme | hinc + psize | invt"):
        (check,) = found(ck.logit(formula, travel).identification(), "separation")
        assert check.severity == "ok"


def naive(x: Any, layout: Layout) -> tuple[bool, bool]:
    """Separation and complete separation by two programs on all rows."""
    d = x[layout.chosen[layout.case]] - x
    d = d[np.arange(len(x)) != layout.chosen[layout.case]]
    box = [(-1.0, 1.0)] * d.shape[1]
    any_ = linprog(-d.sum(axis=0), -d, np.zeros(len(d)), bounds=box)
    wide = np.hstack([-d, np.ones((len(d), 1))])
    all_ = linprog([0.0] * d.shape[1] + [-1.0], wide, np.zeros(len(d)), bounds=[*box, (None, 1.0)])
    return -any_.fun > 1e-6, -all_.fun > 1e-6


def test_the_search_agrees_with_the_program_on_all_rows() -> None:
    """Small discrete designs are separated about half the time."""
    rng = np.random.default_rng(0)
    outcomes = []
    for trial in range(120):
        n, sizes = 3, rng.integers(2, 4, size=int(rng.integers(3, 30)))
        case_ptr = np.concatenate([[0], np.cumsum(sizes)])
        x = np.asfortranarray(rng.integers(-1, 2, size=(case_ptr[-1], n)).astype(float))
        lean = x @ np.array([1.0, 0.5, 0.0]) * rng.integers(0, 4) + rng.gumbel(size=len(x))
        chosen = np.array([a + lean[a:b].argmax() for a, b in pairwise(case_ptr)])
        alt = np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])
        layout = Layout(alt, case_ptr, chosen, 3)
        result = find_separation(x, layout, list("abc"))
        assert result.decided
        separated, completely = naive(x, layout)
        assert bool(result.directions) == separated, trial
        assert (result.share == 1.0) == completely, trial
        outcomes.append((separated, completely))
    assert 10 < sum(s for s, _ in outcomes) < 110
    assert sum(c for _, c in outcomes) > 3
    assert any(s and not c for s, c in outcomes)


def test_more_rows_than_the_program_starts_with() -> None:
    """Rows that matter need not be among the first: a single case breaks the separation."""
    frame = long_frame(4000, [0.5], seed=14)
    frame["flag"] = ((frame["choice"] == 1) & (frame["case"] % 9 == 0)).astype(float)
    assert search(frame, "choice ~ x0 + flag | 0").directions[0].names == ("flag",)
    frame.loc[frame.index[(frame["case"] == 2345) & (frame["choice"] == 0)][0], "flag"] = 1.0
    assert search(frame, "choice ~ x0 + flag | 0").directions == ()


# -- after the fit ------------------------------------------------------------------------------


def test_diagnostics_of_a_known_hessian() -> None:
    """Two estimates with correlation -rho have condition (1 + rho) / (1 - rho), in any units."""
    rho, units = 0.9998, np.array([1.0, 1e4, 1e-3])
    information = np.array([[1.0, rho, 0.0], [rho, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = fit_diagnostics(-information * np.outer(units, units), ["a", "b", "c"], 2)
    assert found.condition == pytest.approx((1 + rho) / (1 - rho))
    assert found.condition_coefficients == pytest.approx((1 + rho) / (1 - rho))
    assert found.condition_errors == 1.0
    (flat,) = found.directions
    assert flat.direction.names == ("a", "b")
    assert flat.direction.loadings == pytest.approx((1.0, -1e-4))
    np.testing.assert_allclose(found.inflation[:2], 1 / np.sqrt(1 - rho**2))
    assert found.inflation[2] == pytest.approx(1.0)
    one, other, r = found.correlations[0]
    assert (one, other) == ("a", "b")
    assert r == pytest.approx(-rho)
    text = str(found)
    assert "9,999" in text
    assert "large" in text
    assert "a, b" in text


def test_diagnostics_where_there_is_no_maximum() -> None:
    flat = fit_diagnostics(-np.diag([1.0, 0.0]), ["a", "b"])
    assert flat.condition == np.inf
    assert flat.directions[0].direction.names == ("b",)
    assert "NOT A MAXIMUM" in str(flat)
    broken = fit_diagnostics(np.full((1, 1), np.nan), ["a"])
    assert np.isnan(broken.condition)
    assert "not finite" in str(broken)
    assert str(fit_diagnostics(np.empty((0, 0)), [])) == "Nothing was estimated."


def test_a_nearly_singular_fit_carries_a_note(four: pd.DataFrame) -> None:
    near = four.assign(twin=four["x0"] + 0.002 * four["x1"].to_numpy()[::-1])
    fit = ck.logit("choice ~ x0 + twin + x1", read(near)).fit()
    assert fit.convergence.converged
    found = fit_diagnostics(fit.hessian, list(fit.params.index))
    assert found.condition > CONDITION
    assert found.directions[0].direction.names == ("x0", "twin")
    (note,) = [note for note in fit.notes if "nearly singular" in note]
    assert "x0, twin" in note
    assert note == condition_note(fit)


def test_an_ordinary_fit_carries_none(travel: ck.ChoiceData) -> None:
    fit = ck.probit("choice ~ gc + ttme | hinc", travel, base="car").fit()
    assert condition_note(fit) == ""
    held = ck.probit("choice ~ gc + ttme", travel, base="car").fit(fixed={"ttme": -0.02})
    free = [name for name in held.params.index if name != "ttme"]
    assert condition_note(held) == ""
    found = fit_diagnostics(held.hessian, free, 4)
    assert np.isfinite([found.condition_coefficients, found.condition_errors]).all()
    sd = held.bse[free] * np.sqrt(-np.diag(held.hessian))
    np.testing.assert_allclose(found.inflation, sd, rtol=1e-6)


def test_identification_gives_no_python_warnings(travel: ck.ChoiceData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ck.probit("choice ~ 0 | hinc", travel).identification()
