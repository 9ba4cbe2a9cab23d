"""Tests of constraints, of nested models and of models that are not nested."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, norm

import choicekit as ck
from choicekit.constraints import linear_constraints
from choicekit.exceptions import DataError, IdentificationError, SpecificationError
from choicekit.post.chisquare import weighted_tail
from choicekit.post.contrasts import t_test, wald_test
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio
from choicekit.post.vuong import vuong
from choicekit.results import Simulation

NAMES = [
    "gc",
    "gcost",
    "asc[air]",
    "asc[bus]",
    "hinc[air]",
    "hinc[bus]",
    "chol[bus,train]",
    "chol[bus,bus]",
    "C(x, Treatment('a'))[T.y][air]",
    "np.log(gc)",
    "gc:hinc",
    "my column",
    "1st",
]


def read(frame: pd.DataFrame, **columns: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice", **columns)


@pytest.fixture(scope="module")
def travel() -> pd.DataFrame:
    return ck.load_dataset("travelmode")


@pytest.fixture(scope="module")
def data(travel: pd.DataFrame) -> ck.ChoiceData:
    return read(travel)


@pytest.fixture(scope="module")
def logit(data: ck.ChoiceData) -> Any:
    return ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()


@pytest.fixture(scope="module")
def short_logit(data: ck.ChoiceData) -> Any:
    return ck.logit("choice ~ gc + ttme", data, base="car").fit()


@pytest.fixture(scope="module")
def iid_probit(data: ck.ChoiceData) -> Any:
    return ck.probit("choice ~ gc + ttme | hinc", data, base="car", covariance="iid").fit(seed=1)


@pytest.fixture(scope="module")
def probit(data: ck.ChoiceData) -> Any:
    model = ck.probit("choice ~ gc + ttme | hinc", data, base="car", covariance="unstructured")
    return model.fit(seed=1)


def stand_in(params: Any, cov: Any, names: list[str], fixed: tuple[str, ...] = ()) -> Any:
    """As much of a fit as tests of constraints read."""
    return SimpleNamespace(
        params=pd.Series(params, names, dtype=float),
        cov=pd.DataFrame(np.asarray(cov), names, names),
        fixed=frozenset(fixed),
    )


# --- reading constraints -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gc = 0", [({"gc": 1}, 0)]),
        ("gc", [({"gc": 1}, 0)]),
        ("gc = -1.5", [({"gc": 1}, -1.5)]),
        ("0.5 == gcost", [({"gcost": -1}, -0.5)]),
        ("2*gc - 1e-3*gcost = .5", [({"gc": 2, "gcost": -1e-3}, 0.5)]),
        ("-(gc + gcost)/4 - 3 = 1", [({"gc": -0.25, "gcost": -0.25}, 4)]),
        (
            "hinc[air] = hinc[bus], asc[air] - asc[bus] = 1",
            [({"hinc[air]": 1, "hinc[bus]": -1}, 0), ({"asc[air]": 1, "asc[bus]": -1}, 1)],
        ),
        ("chol[bus,train] = 0.5", [({"chol[bus,train]": 1}, 0.5)]),
        ("chol[ bus, train ]=chol[bus,bus]", [({"chol[bus,train]": 1, "chol[bus,bus]": -1}, 0)]),
        ("C(x, Treatment('a'))[T.y][air]=1", [({"C(x, Treatment('a'))[T.y][air]": 1}, 1)]),
        (
            "np.log(gc) = gc:hinc = gc",
            [({"np.log(gc)": 1, "gc:hinc": -1}, 0), ({"gc:hinc": 1, "gc": -1}, 0)],
        ),
        ("my column = 1st", [({"my column": 1, "1st": -1}, 0)]),
        (["gc = 1", "gcost"], [({"gc": 1}, 1), ({"gcost": 1}, 0)]),
    ],
)
def test_reads_constraints(text: Any, expected: list[tuple[dict[str, float], float]]) -> None:
    constraints = linear_constraints(text, NAMES)
    assert constraints.matrix.shape == (len(expected), len(NAMES))
    for row, value, (weights, right) in zip(
        constraints.matrix, constraints.values, expected, strict=True
    ):
        assert {NAMES[j]: row[j] for j in np.flatnonzero(row)} == pytest.approx(weights)
        assert value == pytest.approx(right)


@given(
    st.lists(
        st.tuples(st.integers(-9, 9).filter(bool), st.integers(0, len(NAMES) - 1)),
        min_size=1,
        max_size=6,
        unique_by=lambda pair: pair[1],
    ),
    st.floats(-1e6, 1e6, allow_subnormal=False),
)
@settings(max_examples=60, deadline=None)
def test_any_combination_is_read_back(terms: list[tuple[int, int]], right: float) -> None:
    text = " + ".join(f"{weight} * {NAMES[j]}" for weight, j in terms) + f" = {right!r}"
    constraints = linear_constraints(text, NAMES)
    row = np.zeros(len(NAMES))
    for weight, j in terms:
        row[j] = weight
    np.testing.assert_array_equal(constraints.matrix, [row])
    assert constraints.values[0] == right
    again = linear_constraints(constraints.labels[0], NAMES)
    np.testing.assert_array_equal(again.matrix, [row])


def test_matrices() -> None:
    names = ["a", "b", "c"]
    assert linear_constraints([0, 1, -2], names).labels == ("b - 2*c = 0",)
    pair = linear_constraints(([[1, 0, 0], [0, -1, 0]], [2, 3]), names)
    assert pair.labels == ("a = 2", "-b = 3")
    np.testing.assert_array_equal(pair.values, [2, 3])
    np.testing.assert_array_equal(linear_constraints(np.eye(3), names).matrix, np.eye(3))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gc2 = 0", "no parameter 'gc2'.*Did you mean 'gc'"),
        ("hinc[car] = 1", r"no parameter 'hinc\[car\]'.*Did you mean 'hinc\[air\]'"),
        ("chol[bus,trian] = 0", r"'chol\[bus,trian\]'.*Did you mean 'chol\[bus,train\]'"),
        ("GC = 0", "Did you mean 'gc'"),
        ("gc:psize = 0", "no parameter 'gc:psize'"),
        ("gc[air] = 0", r"no parameter 'gc\[air\]'"),
        ("zzz = 0", "There are: 'gc', 'gcost'"),
        ("gc * gcost = 1", "cannot be read as linear"),
        ("gc < 1", "cannot be read as linear"),
        ("gc / 0", "cannot be read as linear"),
        ("gc gcost = 1", "cannot be read as linear"),
        ("gc = ", "cannot be read as linear"),
        ("__import__('os').system('true')", "no parameter"),
        ("", "no constraint in"),
        ("1 = 1", "restricts no parameter"),
        ("gc = gc", "restricts no parameter"),
        ([[1.0, 2.0]], r"shape \(1, 2\), but there are 13 parameters"),
        ((np.eye(13), [1.0, 2.0]), "none of them"),
        ({"gc": 1}, "none of them"),
        ([np.nan] * 13, "not finite"),
    ],
)
def test_refuses_constraints(text: Any, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        linear_constraints(text, NAMES)


# --- t and Wald tests --------------------------------------------------------------------


@pytest.fixture(scope="module")
def outside() -> Any:
    """A fit that statsmodels made, whose own tests are the reference."""
    generator = np.random.default_rng(5)
    X = pd.DataFrame(generator.normal(size=(300, 3)), columns=["x", "y", "z"])
    chosen = (X @ [1.0, -0.5, 0.2] + generator.logistic(size=300) > 0).astype(float)
    return sm.Logit(chosen, X).fit(disp=False)


def test_t_test_agrees_with_statsmodels(outside: Any) -> None:
    fit = stand_in(outside.params, outside.cov_params(), ["x", "y", "z"])
    ours = t_test(fit, "x + 2*y = 0.3, z = 0")
    theirs = outside.t_test(([[1, 2, 0], [0, 0, 1]], [0.3, 0]))
    for name in ("effect", "sd", "statistic", "pvalue"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name).squeeze())
    np.testing.assert_allclose(ours.conf_int(0.1), theirs.conf_int(0.1))
    table = ours.summary().as_text()
    assert "x + 2*y = 0.3" in table
    assert f"{theirs.effect[0]:.4f}" in table


def test_wald_test_agrees_with_statsmodels(outside: Any) -> None:
    fit = stand_in(outside.params, outside.cov_params(), ["x", "y", "z"])
    ours = wald_test(fit, "x + 2*y = 0.3, z = 0")
    theirs = outside.wald_test(([[1, 2, 0], [0, 0, 1]], [0.3, 0]), use_f=False, scalar=True)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.pvalue == pytest.approx(theirs.pvalue)
    assert ours.df_denom == 2


def test_one_constraint_gives_the_same_p_either_way(logit: Any) -> None:
    one, joint = t_test(logit, "hinc[air] = hinc[bus]"), wald_test(logit, "hinc[air] = hinc[bus]")
    assert joint.statistic == pytest.approx(one.statistic[0] ** 2)
    assert joint.pvalue == pytest.approx(float(one.pvalue))


def test_results_have_the_tests_as_methods(probit: Any) -> None:
    expected = probit.params["gc"] / probit.bse["gc"]
    assert probit.t_test("gc = 0").statistic[0] == pytest.approx(expected)
    name = next(name for name in probit.params.index if name.startswith("chol["))
    assert 0 <= probit.wald_test([f"{name} = 0.5", "ttme = gc"]).pvalue <= 1


def test_a_fixed_parameter_cannot_be_tested() -> None:
    fit = stand_in([1.0, 2.0], np.diag([0.1, np.nan]), ["a", "b"], fixed=("b",))
    with pytest.raises(SpecificationError, match="'b' was held fixed at 2"):
        t_test(fit, "a = b")
    assert t_test(fit, "a = 2").effect[0] == 1.0  # and does not stand in the others' way


def test_a_parameter_without_standard_error_cannot_be_tested() -> None:
    fit = stand_in([1.0, 2.0], np.diag([0.1, np.nan]), ["a", "b"])
    with pytest.raises(IdentificationError, match="'a = b' has no standard error"):
        wald_test(fit, "a = b")


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a = 0, b = 0, a = b", "'a = b' follows from"), ("a = 0, 2*a = 1", "contradicts")],
)
def test_dependent_constraints_are_named(text: str, fault: str) -> None:
    fit = stand_in([1.0, 2.0], np.eye(2), ["a", "b"])
    with pytest.raises(SpecificationError, match=fault):
        wald_test(fit, text)


# --- nesting -----------------------------------------------------------------------------


def test_nested_by_utility(data: ck.ChoiceData, logit: Any, short_logit: Any) -> None:
    assert nested_in(short_logit, logit)
    assert not nested_in(logit, short_logit)
    assert not nested_in(logit, logit)
    other = ck.logit("choice ~ invt + invc", data, base="car").fit()
    assert not nested_in(other, logit)


def test_nesting_ignores_the_base_alternative(data: ck.ChoiceData, logit: Any) -> None:
    assert nested_in(ck.logit("choice ~ gc + ttme", data, base="air").fit(), logit)
    assert not nested_in(ck.logit("choice ~ gc + ttme | hinc", data, base="air").fit(), logit)


def test_a_generic_coefficient_is_nested_in_specific_ones(data: ck.ChoiceData) -> None:
    generic = ck.logit("choice ~ gc + invt", data).fit()
    specific = ck.logit("choice ~ gc | 1 | invt", data).fit()
    assert nested_in(generic, specific)
    assert not nested_in(specific, generic)


def test_nested_by_error_law(logit: Any, short_logit: Any, iid_probit: Any, probit: Any) -> None:
    assert nested_in(iid_probit, probit)
    assert not nested_in(probit, iid_probit)
    assert not nested_in(logit, probit)
    assert not nested_in(short_logit, iid_probit)


def test_fixed_parameters_restrict(data: ck.ChoiceData, iid_probit: Any, probit: Any) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data, base="car")
    at_value, free = model.fit(fixed={"gc": -0.01}), model.fit()
    assert nested_in(at_value, free)
    assert not nested_in(ck.logit("choice ~ ttme", data, base="car").fit(), at_value)
    assert not nested_in(ck.logit("choice ~ gc", data, base="car").fit(), at_value)
    same = ck.logit("choice ~ gc + ttme", data, base="car").fit(fixed={"gc": -0.01})
    assert nested_in(same, at_value)
    assert likelihood_ratio(at_value, free).df == 1
    # The iid probit's covariance need not be among those with this element.
    held = probit.model.fit(seed=1, fixed={probit.params.index[-1]: 0.2})
    assert nested_in(held, probit)
    assert not nested_in(iid_probit, held)


# --- likelihood ratio --------------------------------------------------------------------


def test_likelihood_ratio_of_greenes_logits(short_logit: Any, logit: Any) -> None:
    # -189.52515 is what Stata's asclogit prints for the full model, see tests/reference.
    test = likelihood_ratio(short_logit, logit)
    assert test.statistic == pytest.approx(2 * (-189.52515 - -199.97662), abs=1e-4)
    assert test.df == 3
    assert test.pvalue == pytest.approx(chi2.sf(20.90294, 3), rel=1e-4)
    assert test.note == ""
    assert "chi2(3) = 20.903, p < 0.001" in str(test)


def test_likelihood_ratio_refuses_models_that_are_not_nested(
    short_logit: Any, logit: Any, probit: Any
) -> None:
    with pytest.raises(SpecificationError, match="Are they swapped"):
        likelihood_ratio(logit, short_logit)
    with pytest.raises(SpecificationError, match="not a special case"):
        likelihood_ratio(logit, probit)
    assert likelihood_ratio(logit, probit, nested=True).df == 5


def test_a_negative_statistic_is_explained(short_logit: Any, logit: Any) -> None:
    worse = dataclasses.replace(logit, llf=short_logit.llf - 1.0)
    test = likelihood_ratio(short_logit, worse)
    assert test.pvalue == 1.0
    assert "has not reached its maximum" in test.note


def noisy(fit: Any, llf: float, llf_se: float) -> Any:
    """The fit as if simulated, with this log-likelihood."""
    simulation = Simulation("ghk", "scrambled Sobol", 8, 1, llf_se, n_exact=0, n_simulated=210)
    return dataclasses.replace(fit, llf=llf, simulation=simulation)


def test_simulation_error_in_the_likelihood_ratio(short_logit: Any, logit: Any) -> None:
    edge = short_logit.llf + chi2.isf(0.05, 3) / 2
    close = likelihood_ratio(short_logit, noisy(logit, edge + 0.1, 0.2))
    assert close.simulation_matters
    assert close.simulation_se == pytest.approx(0.4)
    assert "Fit with more draws" in close.note
    assert not likelihood_ratio(short_logit, noisy(logit, edge + 5, 0.2)).simulation_matters
    below = likelihood_ratio(short_logit, noisy(logit, short_logit.llf - 0.1, 0.2))
    assert "no more than simulation error" in below.note


def test_no_convergence_is_mentioned(short_logit: Any, logit: Any) -> None:
    stopped = dataclasses.replace(logit.convergence, converged=False)
    test = likelihood_ratio(short_logit, dataclasses.replace(logit, convergence=stopped))
    assert "did not converge" in test.note


# --- Vuong -------------------------------------------------------------------------------


def test_vuong_by_hand(logit: Any, iid_probit: Any, short_logit: Any) -> None:
    test = vuong(logit, iid_probit)
    m = logit.logp() - iid_probit.logp()
    z = m.sum() / np.sqrt(len(m) * m.var())
    assert test.statistic == pytest.approx(z)
    assert test.pvalue == pytest.approx(2 * norm.sf(abs(z)))
    assert test.difference == pytest.approx(logit.llf - iid_probit.llf, abs=1e-6)
    # As many parameters: the corrections change nothing.
    assert test.statistic_aic == test.statistic_bic == test.statistic
    unequal = vuong(short_logit, iid_probit)
    m = short_logit.logp() - iid_probit.logp()
    scale = np.sqrt(len(m) * m.var())
    assert unequal.statistic_aic == pytest.approx((m.sum() + 3) / scale)
    assert unequal.statistic_bic == pytest.approx((m.sum() + 1.5 * np.log(210)) / scale)


def test_vuong_is_antisymmetric(logit: Any, probit: Any) -> None:
    forth, back = vuong(logit, probit), vuong(probit, logit)
    for name in ("statistic", "statistic_aic", "statistic_bic", "difference"):
        assert getattr(forth, name) == pytest.approx(-getattr(back, name))
    assert forth.variance_pvalue == pytest.approx(back.variance_pvalue)
    swap = {"first": "second", "second": "first", None: None}
    assert forth.preferred == swap[back.preferred]


def test_vuong_prefers_the_better_model(data: ck.ChoiceData, iid_probit: Any) -> None:
    poor = ck.logit("choice ~ 0 | psize", data, base="car").fit()
    test = vuong(poor, iid_probit, names=("poor", "good"))
    assert test.preferred == "second"
    assert test.outcome.startswith("good is preferred at the 5% level.")
    assert "good is preferred" in str(test)


def test_vuong_says_when_models_are_the_same(logit: Any, data: ck.ChoiceData) -> None:
    twin = ck.logit("choice ~ gc + ttme | hinc", data, base="air").fit()
    test = vuong(logit, twin)
    assert np.isnan(test.statistic)
    assert test.preferred is None
    assert "same probabilities" in test.outcome


def test_vuong_finds_constants_only_indistinguishable(data: ck.ChoiceData) -> None:
    # With constants alone, every error law reproduces the shares.
    fits = [
        ck.logit("choice ~ 0 | 1", data, base="car").fit(),
        ck.probit("choice ~ 0 | 1", data, base="car", covariance="iid").fit(seed=1),
    ]
    test = vuong(*fits)
    assert test.preferred is None
    assert "same probabilities" in test.outcome or "cannot be told apart" in test.outcome


def test_vuong_sums_within_people(travel: pd.DataFrame) -> None:
    frame = travel.assign(person=travel["individual"] % 30)
    panel = read(frame, person="person")
    one = ck.logit("choice ~ gc + ttme | hinc", panel, base="car").fit()
    two = ck.logit("choice ~ invt + invc | hinc", panel, base="car").fit()
    test = vuong(one, two)
    people = frame.groupby("individual")["person"].first().loc[panel.case_ids].to_numpy()
    m = pd.Series(one.logp() - two.logp()).groupby(people).sum()
    assert test.n_units == 30
    assert test.statistic == pytest.approx(m.sum() / np.sqrt(30 * m.var(ddof=0)))


def test_vuong_does_not_mind_the_order_of_cases(travel: pd.DataFrame, logit: Any) -> None:
    shuffled = read(travel.sample(frac=1.0, random_state=3))
    other = ck.logit("choice ~ invt + invc | hinc", shuffled, base="car").fit()
    same = ck.logit("choice ~ invt + invc | hinc", logit.model.data, base="car").fit()
    assert vuong(logit, other).statistic == pytest.approx(vuong(logit, same).statistic, rel=1e-5)


def test_vuong_weights_cases(travel: pd.DataFrame) -> None:
    frame = travel.assign(weight=1.0 + (travel["individual"] % 3))
    weighted = read(frame, weights="weight")
    one = ck.logit("choice ~ gc + ttme | hinc", weighted, base="car").fit()
    two = ck.logit("choice ~ invt + invc | hinc", weighted, base="car").fit()
    weights = frame.groupby("individual")["weight"].first().loc[weighted.case_ids].to_numpy()
    m = weights * (one.logp() - two.logp())
    test = vuong(one, two)
    assert test.statistic == pytest.approx(m.sum() / np.sqrt(len(m) * m.var()))
    assert test.difference == pytest.approx(one.llf - two.llf, abs=1e-6)


def test_vuong_folds_simulation_error_in(logit: Any, short_logit: Any) -> None:
    test = vuong(logit, noisy(short_logit, short_logit.llf, 50.0))
    assert test.simulation_se == 50.0
    assert test.simulation_matters
    assert "Fit with more draws" in test.note


class BinaryLogit:
    """A logit that statsmodels fitted, with what Vuong's test reads."""

    def __init__(self, chosen: Any, X: Any) -> None:
        fit = sm.Logit(chosen, X).fit(disp=False)
        self.params, self.cov = pd.Series(fit.params), pd.DataFrame(fit.cov_params())
        self.chances = np.where(chosen == 1, fit.predict(X), 1 - fit.predict(X))
        self.slopes = X * (chosen - fit.predict(X))[:, None]
        self.llf, self.nobs, self.cov_type, self.fixed = fit.llf, len(chosen), "nonrobust", ()
        self.simulation, self.convergence = None, SimpleNamespace(converged=True)

    def logp(self) -> Any:
        return np.log(self.chances)

    def scores(self) -> Any:
        return self.slopes

    def with_cov(self, cov_type: str) -> Any:
        return self


def test_the_variance_test_has_its_size() -> None:
    # Two models that are right and differ by a useless variable each: p is uniform.
    generator = np.random.default_rng(1)
    common = SimpleNamespace(
        data=SimpleNamespace(layout=SimpleNamespace(person=None, weights=None, n_cases=300))
    )
    p = []
    for _ in range(150):
        X = generator.normal(size=(300, 4))
        X[:, 0] = 1.0
        chosen = (0.7 * X[:, 1] + generator.logistic(size=300) > 0).astype(float)
        fits = [BinaryLogit(chosen, X[:, [0, 1, k]]) for k in (2, 3)]
        for fit in fits:
            fit.model = common
        test = vuong(*fits)
        p.append(test.variance_pvalue)
        assert test.variance_pvalue < 0.05 or "cannot be told apart" in test.outcome
    assert 0.42 < np.mean(p) < 0.58
    assert np.mean(np.array(p) < 0.1) < 0.18


# --- the distribution behind the test of the variance ------------------------------------


@pytest.mark.parametrize("df", [1, 2, 5, 20])
def test_equal_weights_are_a_chi_square(df: int) -> None:
    for x in (0.1, 0.9 * df, df, 1.00003 * df, 3.0 * df, 12.0 * df):
        assert weighted_tail(2 * x, np.full(df, 2.0)) == pytest.approx(chi2.sf(x, df), rel=0.04)


def test_unequal_weights_match_simulation() -> None:
    weights = np.array([2.0, 1.0, 0.3, 0.1, 1e-3])
    sums = np.random.default_rng(0).chisquare(1, (200_000, 5)) @ weights
    for x in (0.5, 3.0, 8.0, 15.0):
        assert weighted_tail(x, weights) == pytest.approx(float((sums > x).mean()), rel=0.07)
    assert weighted_tail(0.0, weights) == 1.0


# --- the same cases ----------------------------------------------------------------------


def refusal(one: Any, two: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        likelihood_ratio(one, two, names=("small", "large"))
    return caught.value


def test_missing_cases_are_named(travel: pd.DataFrame, short_logit: Any) -> None:
    fewer = read(travel[travel["individual"] > 7])
    error = refusal(short_logit, ck.logit("choice ~ gc + ttme | hinc", fewer, base="car").fit())
    (finding,) = error.findings
    assert (finding.code, finding.count) == ("cases-differ", 7)
    assert finding.cases == (1, 2, 3, 4, 5)
    assert "cases in 'small' only. [7 cases: 1, 2, 3, 4, 5, ...]" in str(error)


def test_all_differences_are_listed_at_once(travel: pd.DataFrame, short_logit: Any) -> None:
    frame = travel.copy()
    first = frame["individual"] == frame["individual"].iloc[0]
    frame.loc[first, "choice"] = np.roll(frame.loc[first, "choice"], 1)
    second = frame["individual"] == frame.loc[~first, "individual"].iloc[0]
    unchosen = second & (frame["choice"] == 0)
    frame = frame.drop(frame.index[unchosen][0])
    frame["weight"] = np.where(frame["individual"] == 5, 2.0, 1.0)
    other = read(frame, weights="weight")
    error = refusal(short_logit, ck.logit("choice ~ gc + ttme | hinc", other, base="car").fit())
    found = {finding.code: finding.cases for finding in error.findings}
    assert found == {"choices-differ": (1,), "choice-sets-differ": (2,), "weights-differ": (5,)}


def test_relabelled_alternatives_are_told(travel: pd.DataFrame, short_logit: Any) -> None:
    frame = travel.assign(mode=travel["mode"].replace("car", "auto"))
    other = ck.logit("choice ~ gc + ttme | hinc", read(frame), base="auto").fit()
    message = str(refusal(short_logit, other))
    assert "only 'small' has the alternatives 'car'" in message
    assert "only 'large' has the alternatives 'auto'" in message


def test_weights_of_one_are_no_weights(travel: pd.DataFrame, short_logit: Any) -> None:
    same = read(travel.assign(weight=1.0), weights="weight")
    full = ck.logit("choice ~ gc + ttme | hinc", same, base="car").fit()
    assert likelihood_ratio(short_logit, full).df == 3
