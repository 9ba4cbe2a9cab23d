"""Latent classes: gradients, limits, truth recovered, membership, posteriors, degenerate ends."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.estimation.em import class_start, expectation_maximisation
from choicekit.likelihood import LatentClassLikelihood
from choicekit.parameters import ParameterTable
from choicekit.post.base import constant_names
from choicekit.post.classes import class_posteriors, class_shares
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio

TRUE = np.array([[-1.0, 1.5, 0.5], [-0.2, -1.0, 0.5]])  # x0, x1, x2 in each class
GAMMA = (-0.4, 1.0)  # constant and income of class 2


def panel(
    n_people: int, n_cases: int, seed: int, n_alternatives: int = 3, beta: Any = TRUE
) -> pd.DataFrame:
    """People of two classes, the second likelier with a high income."""
    rng = np.random.default_rng(seed)
    income = rng.normal(size=n_people)
    second = rng.random(n_people) < 1.0 / (1.0 + np.exp(-GAMMA[0] - GAMMA[1] * income))
    x = rng.normal(size=(n_people, n_cases, n_alternatives, 3))
    v = np.einsum("ntjk,nk->ntj", x, np.asarray(beta)[second.astype(int)])
    chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2)
    per_person = n_cases * n_alternatives
    return pd.DataFrame(x.reshape(-1, 3), columns=["x0", "x1", "x2"]).assign(
        person=np.repeat(np.arange(n_people), per_person),
        income=np.repeat(income, per_person),
        town=np.repeat(np.where(rng.random(n_people) < 0.5, "yes", "no"), per_person),
        second=np.repeat(second, per_person),
        case=np.repeat(np.arange(n_people * n_cases), n_alternatives),
        alt=np.tile([f"a{j}" for j in range(n_alternatives)], n_people * n_cases),
        choice=(np.arange(n_alternatives) == chosen[..., None]).ravel().astype(int),
    )


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", **{"person": "person", **more}
    )


def model(data: ck.ChoiceData, formula: str = "choice ~ x0 + x1 + x2 | 0", **more: Any) -> Any:
    errors = more.pop("errors", None)
    return ck.ChoiceModel(formula, data, errors=errors, mixing=ck.LatentClasses(**more))


@pytest.fixture(scope="module")
def large() -> ck.ChoiceData:
    return read(panel(600, 6, 3))


@pytest.fixture(scope="module")
def fitted(large: ck.ChoiceData) -> ck.FitResults:
    found: ck.FitResults = model(large, membership="~ income", same=["x2"]).fit()
    return found


# -- the likelihood -------------------------------------------------------------------------------

LAWS: dict[str, Any] = {
    "gumbel": lambda: ck.Gumbel(),
    "gumbel cold": lambda: ck.Gumbel(0.5),
    "nested": lambda: ck.Nested({"near": ["a0", "a1"]}),
    "normal": lambda: ck.Normal("heteroskedastic"),
    "ghk": lambda: ck.Normal("unstructured", method="ghk", draws=16),
}


@pytest.mark.parametrize("person", ["person", None])
@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_central_differences(law: str, person: str | None) -> None:
    frame = panel(15, 3, 5)
    frame["w"] = 1.0 + frame["person"] % 3
    rng = np.random.default_rng(1)
    kept = (rng.random(len(frame)) < 0.7) | (frame["choice"] == 1) | (frame["alt"] < "a2")
    data = read(frame[kept], person=person, weights="w")
    ours = model(
        data,
        "choice ~ x0 + x1 + x2",
        n_classes=3,
        membership="~ income + town",
        same=["x1", "asc[a1]"],
        errors=LAWS[law](),
    )
    params = ours.table({}, {}).start
    params = params + 0.3 * rng.normal(size=len(params))
    params[[name.startswith("lambda") for name in ours.parameter_names]] = 0.7
    likelihood = ours.likelihood().settle(params, 1)
    assert isinstance(likelihood, LatentClassLikelihood)
    value, gradient = likelihood.value_and_gradient(params)
    assert value == pytest.approx(likelihood.value(params), abs=1e-11)
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-6, rel=1e-6)
    scores, weights = likelihood.scores(params), likelihood.weights
    assert len(scores) == (15 if person else 45)
    np.testing.assert_allclose(weights @ scores, gradient, atol=1e-10)


def test_the_likelihood_is_the_mixture_of_products() -> None:
    """Written out person by person with a softmax."""
    frame = panel(10, 4, 7)
    ours = model(read(frame), membership="~ income", same=["x2"])
    names = ours.parameter_names
    assert names == (
        *("x0[class1]", "x1[class1]", "x2", "x0[class2]", "x1[class2]"),
        *("class[2]", "class[2,income]"),
    )
    params = np.array([*TRUE[0], *TRUE[1, :2], *GAMMA])
    likelihood = ours.likelihood()
    expected, posteriors = [], []
    for _, rows in frame.groupby("person"):
        second = 1.0 / (1.0 + np.exp(-GAMMA[0] - GAMMA[1] * rows["income"].iloc[0]))
        joint = np.array([1.0 - second, second])
        for s in range(2):
            v = rows[["x0", "x1", "x2"]].to_numpy() @ TRUE[s]
            p = np.exp(v) / pd.Series(np.exp(v)).groupby(rows["case"].to_numpy()).transform("sum")
            joint[s] *= p[(rows["choice"] == 1).to_numpy()].prod()
        expected.append(np.log(joint.sum()))
        posteriors.append(joint / joint.sum())
    np.testing.assert_allclose(likelihood.logp(params), expected, atol=1e-12)
    np.testing.assert_allclose(likelihood.posteriors(params), posteriors, atol=1e-12)


def test_one_class_is_the_logit(large: ck.ChoiceData) -> None:
    logit = ck.logit("choice ~ x0 + x1 + x2 | 0", large).fit()
    alone = model(large, n_classes=1).fit()
    assert alone.llf == pytest.approx(logit.llf, abs=1e-8)
    np.testing.assert_allclose(alone.params, logit.params, atol=1e-6)
    np.testing.assert_allclose(alone.bse, logit.bse, rtol=1e-5)
    assert list(alone.params.index) == ["x0[class1]", "x1[class1]", "x2[class1]"]


@pytest.mark.parametrize("law", LAWS)
def test_identical_classes_are_one(law: str) -> None:
    data = read(panel(15, 3, 5))
    ours = model(data, n_classes=3, errors=LAWS[law]())
    plain = ck.ChoiceModel("choice ~ x0 + x1 + x2 | 0", data, errors=LAWS[law]())
    one = np.concatenate([TRUE[0], plain.bound.start])
    params = np.concatenate([*[TRUE[0]] * 3, plain.bound.start, [0.3, -0.7]])
    both = ours.likelihood().settle(params, 1), plain.likelihood().settle(one, 1)
    assert both[0].value(params) == pytest.approx(both[1].value(one), abs=1e-9)
    np.testing.assert_allclose(
        both[0].probabilities(params), both[1].probabilities(one), atol=1e-12
    )
    np.testing.assert_allclose(both[0].posteriors(params).sum(axis=1), 1.0, atol=1e-12)


def test_renumbering_classes_changes_nothing() -> None:
    ours = model(read(panel(20, 3, 9)), n_classes=3, membership="~ income", same=["x1"])
    likelihood = ours.likelihood()
    params = np.random.default_rng(2).normal(size=len(ours.parameter_names))
    for order in ([1, 0, 2], [2, 0, 1], [2, 1, 0]):
        turn = likelihood.classes.reordering(np.array(order), np.empty((0, 0)))
        other = turn @ params
        assert likelihood.value(other) == pytest.approx(likelihood.value(params), abs=1e-10)
        expected = likelihood.posteriors(params)[:, order]
        np.testing.assert_allclose(likelihood.posteriors(other), expected, atol=1e-10)


# -- EM -------------------------------------------------------------------------------------------


def test_every_iteration_of_em_climbs(large: ck.ChoiceData) -> None:
    ours = model(large, membership="~ income", same=["x2"])
    likelihood, table = ours.likelihood(), ours.table({}, {"x0[class2]": -0.3})
    start = class_start(likelihood, table, frozenset(), np.random.default_rng(4))
    at = ParameterTable(table.names, start, table.fixed)
    heights = [likelihood.value(start)]
    for _ in range(12):
        found = expectation_maximisation(likelihood, at, 1)
        assert found.value == pytest.approx(likelihood.value(found.params), abs=1e-9)
        heights.append(found.value)
        at = ParameterTable(table.names, found.params, table.fixed)
    assert min(np.diff(heights)) > -1e-9
    assert heights[-1] - heights[0] > 100.0
    assert at.start[table.names.index("x0[class2]")] == -0.3


def test_a_maximum_is_a_fixed_point_of_em(fitted: ck.FitResults) -> None:
    ours = fitted.model
    table = ours.table(fitted.params.to_dict(), {})
    found = expectation_maximisation(ours.likelihood(), table, 1)
    np.testing.assert_allclose(found.params, fitted.params, atol=1e-5)


# -- fits -----------------------------------------------------------------------------------------


def test_the_truth_is_recovered(fitted: ck.FitResults) -> None:
    truth = {
        **{f"x{k}[class{s + 1}]": TRUE[s, k] for s in range(2) for k in range(2)},
        "x2": 0.5,
        "class[2]": GAMMA[0],
        "class[2,income]": GAMMA[1],
    }
    shares = class_shares(fitted)
    assert fitted.convergence.converged
    assert list(shares.index) == ["class1", "class2"]
    assert shares.iloc[0] > 0.5  # -0.4 on average: the first class is the larger one
    gap = (fitted.params - pd.Series(truth)) / fitted.bse
    assert set(gap.index) == set(truth)
    assert gap.abs().max() < 3.5
    assert float((gap**2).sum()) < 24.3  # chi-squared(7) at one in a thousand
    for cov_type in ("opg", "HC0"):
        ratio = fitted.with_cov(cov_type).bse / fitted.bse
        assert ratio.between(0.8, 1.25).all()


def test_posteriors_find_the_members(fitted: ck.FitResults, large: ck.ChoiceData) -> None:
    table = class_posteriors(fitted)
    assert table.shape == (600, 2)
    np.testing.assert_allclose(table.sum(axis=1), 1.0, atol=1e-12)
    second = large.frame.groupby("person")["second"].first()
    right = (table["class2"] > 0.5) == second.reindex(table.index)
    assert right.mean() > 0.9
    # where constants are free, the mean posterior is the mean prior: its first-order condition
    np.testing.assert_allclose(table.mean(), class_shares(fitted), atol=1e-6)
    with pytest.raises(ck.SpecificationError, match="no latent classes"):
        class_posteriors(ck.logit("choice ~ x0 | 0", large).fit())


def test_fits_do_not_depend_on_the_seed(large: ck.ChoiceData, fitted: ck.FitResults) -> None:
    again = model(large, membership="~ income", same=["x2"]).fit(seed=77)
    np.testing.assert_allclose(again.params, fitted.params, atol=1e-5)
    same = model(large, membership="~ income", same=["x2"]).fit()
    np.testing.assert_array_equal(same.params, fitted.params)


def test_starts_are_compared(large: ck.ChoiceData) -> None:
    found = model(read(panel(60, 4, 1)), n_classes=2).fit(starts=3)
    assert found.optima is not None
    assert found.optima["count"].sum() == 3
    assert found.llf == pytest.approx(found.optima["llf"].max(), abs=1e-9)
    assert any("3 starts" in note for note in found.notes)


def test_fixed_parameters_name_the_classes(large: ck.ChoiceData) -> None:
    """No reordering then: class 1 is the one whose coefficient is held."""
    for number in (1, 2):
        held = f"x0[class{number}]"
        found = model(large, membership="~ income", same=["x2"]).fit(fixed={held: -1.0})
        assert found.convergence.converged
        assert found.params[held] == -1.0
        assert found.params[f"x1[class{number}]"] == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("law", ["nested", "normal"])
def test_any_errors_fit(law: str) -> None:
    found = model(read(panel(250, 5, 11)), errors=LAWS[law]()).fit()
    assert found.convergence.converged, found.convergence.message
    logit = model(read(panel(250, 5, 11))).fit()
    plain = ck.ChoiceModel("choice ~ x0 + x1 + x2 | 0", read(panel(250, 5, 11)), LAWS[law]()).fit()
    assert found.llf > plain.llf + 100.0
    if law == "nested":
        assert found.llf > logit.llf - 1e-6
    else:
        assert found.llf == pytest.approx(logit.llf, abs=15.0)


def test_summary_and_predictions(fitted: ck.FitResults) -> None:
    text = str(fitted.summary())
    for part in ("Latent class logit", "Class 1", "Class 2", "The same in all classes"):
        assert part in text
    assert "Shares of the classes among the people: class 1" in text
    assert "Membership of the classes" in text
    frame = panel(5, 2, 99)
    p = fitted.probabilities(frame.drop(columns=["choice", "second"]))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-12)
    richer = fitted.probabilities(frame.assign(income=frame["income"] + 5.0))
    assert np.abs(richer - p).to_numpy().max() > 0.05
    params = fitted.params
    prior = 1.0 / (1.0 + np.exp(params["class[2]"] + params["class[2,income]"] * frame["income"]))
    first = frame[["x0", "x1", "x2"]] @ params[["x0[class1]", "x1[class1]", "x2"]].to_numpy()
    other = frame[["x0", "x1", "x2"]] @ params[["x0[class2]", "x1[class2]", "x2"]].to_numpy()
    each = [np.exp(v) / np.exp(v).groupby(frame["case"]).transform("sum") for v in (first, other)]
    np.testing.assert_allclose(
        fitted.predict(frame), prior * each[0] + (1.0 - prior) * each[1], atol=1e-12
    )
    assert fitted.utilities(frame).shape == (10, 3)
    assert fitted.identification() is not None
    assert fitted.model.identification().identified
    twice = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_allclose(class_posteriors(twice), class_posteriors(fitted), atol=1e-12)


def test_names_are_read_in_tests() -> None:
    found = model(
        read(panel(150, 4, 2)), "choice ~ x0 + x1 + x2", membership="~ town", same=["x2"]
    ).fit()
    assert "asc[a1,class2]" in found.params.index
    assert "class[2,town[T.yes]]" in found.params.index
    text = "x0[class1] = x0[class2], asc[a1,class2] = 0, class[2] = 1, class[2,town[T.yes]] = 0"
    assert len(found.t_test(text).effect) == 4
    assert found.wald_test("x0[class1] = x0[class2]").pvalue < 0.05


# -- comparing ------------------------------------------------------------------------------------


def test_fewer_classes_are_no_regular_restriction(
    large: ck.ChoiceData, fitted: ck.FitResults
) -> None:
    logit = ck.logit("choice ~ x0 + x1 + x2 | 0", large).fit()
    assert not nested_in(logit, fitted)
    with pytest.raises(ck.SpecificationError, match="no regular restriction"):
        likelihood_ratio(logit, fitted)
    assert "no regular restriction" in likelihood_ratio(logit, fitted, nested=True).note
    comparison = ck.compare(logit, fitted)
    row = comparison.tests.iloc[0]
    assert row["test"] == "none"
    assert np.isnan(row["pvalue"])
    assert "chi-squared" in row["note"]
    text = str(comparison)
    assert "No test: logit / latent class logit" in text
    assert "AIC and BIC both prefer latent class logit" in comparison.verdict
    assert np.isnan(fitted.llr_pvalue)
    assert fitted.bic == pytest.approx(np.log(3600) * 7 - 2.0 * fitted.llf)


def test_as_many_classes_nest(large: ck.ChoiceData, fitted: ck.FitResults) -> None:
    without = model(large, same=["x2"]).fit()
    free = model(large, membership="~ income").fit()
    held = model(large, membership="~ income").fit(fixed={"x2[class1]": 0.4})
    assert nested_in(without, fitted)
    assert nested_in(fitted, free)
    assert nested_in(held, free)
    assert not nested_in(fitted, held)  # x2 need not be 0.4 there
    assert not nested_in(free, fitted)
    assert likelihood_ratio(without, fitted).pvalue < 1e-6
    assert likelihood_ratio(fitted, free).pvalue > 0.001


# -- degenerate ends, and mistakes ----------------------------------------------------------------


def test_too_many_classes_are_found_out() -> None:
    """Choices of one class: a second one is empty, a copy, or made of a few certain people."""
    frame = panel(12, 2, 8, beta=[TRUE[0], TRUE[0]])
    with pytest.warns(ck.ConvergenceWarning, match="class"):
        found = model(read(frame), n_classes=3).fit()
    assert found.convergence.reason == "classes"
    assert "fit 2 classes" in found.convergence.cure
    assert "NO" in str(found.summary())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_classes": 0}, "n_classes must be a whole number"),
        ({"n_classes": 2.5}, "n_classes must be a whole number"),
        ({"membership": "income"}, "must be a formula"),
        ({"n_classes": 1, "membership": "~ income"}, "one class"),
        ({"same": ["x_0"]}, "Did you mean 'x0'"),
        ({"same": ["x0", "x1", "x2"]}, "do not differ"),
        ({"membership": "~ income | town"}, "no left side, one part"),
        ({"membership": "~ incom"}, "incom"),
    ],
)
def test_mistakes(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        model(read(panel(5, 2, 1)), **arguments)


def test_membership_needs_columns_of_people() -> None:
    data = read(panel(30, 2, 1))
    with pytest.raises(ck.DataError, match="not the same in all rows of a person"):
        model(data, membership="~ x0")
    with pytest.raises(ck.IdentificationError, match="independent"):
        model(data, membership="~ income + I(2 * income)")


def test_a_person_has_one_weight() -> None:
    frame = panel(10, 2, 1).assign(w=lambda t: 1.0 + t["case"] % 2)
    with pytest.raises(ck.SpecificationError, match="unequal weight"):
        model(read(frame, weights="w"))


def test_missing_membership_drops_whole_cases() -> None:
    frame = panel(40, 2, 1)
    frame.loc[frame["person"] == 3, "income"] = np.nan
    with pytest.raises(ck.DataError, match="income"):
        model(read(frame), membership="~ income")
    ours = model(read(frame, missing="drop"), membership="~ income")
    assert ours.data.n_cases == 78
    assert ours.likelihood().classes.covariates.shape == (39, 2)


# -- weights and draws ----------------------------------------------------------------------------


def test_a_weight_of_two_is_two_people() -> None:
    frame = panel(80, 4, 13).assign(w=lambda t: 1.0 + t["person"] % 2)
    heavy = frame[frame["w"] == 2.0]
    copies = heavy.assign(person=heavy["person"] + 1000, case=heavy["case"] + 100_000)
    twice = pd.concat([frame, copies], ignore_index=True)
    weighted = model(read(frame, weights="w"), membership="~ income").fit()
    repeated = model(read(twice), membership="~ income").fit()
    assert weighted.llf == pytest.approx(repeated.llf, abs=1e-7)
    np.testing.assert_allclose(weighted.params, repeated.params, atol=1e-5)
    np.testing.assert_allclose(weighted.bse, repeated.bse, rtol=1e-4)
    np.testing.assert_allclose(class_shares(weighted), class_shares(repeated), atol=1e-6)


def test_simulated_errors_keep_their_draws_in_all_classes() -> None:
    law = ck.Normal("heteroskedastic", method="ghk", draws=32)
    found = model(read(panel(80, 4, 5, n_alternatives=4)), errors=law).fit()
    assert found.convergence.converged
    assert found.simulation is not None
    assert 0.0 < found.simulation.llf_se < 0.5
    assert "Latent class multinomial probit" in str(found.summary())
    assert found.error_covariance().shape == (4, 4)
    assert found.error_covariance().loc["a1", "a1"] == pytest.approx(0.5)


def test_constants_of_classes_are_known_as_such(large: ck.ChoiceData) -> None:
    """So that ratios are not taken to one of them."""
    found = model(large, "choice ~ x0 + x1 + x2", same=["x2", "asc[a2]"]).fit()
    assert constant_names(found) == {"asc[a1,class1]", "asc[a1,class2]", "asc[a2]"}
    assert ck.compare(found, found, names=("one", "two")).ratio_to not in constant_names(found)


# -- constraints and fixed values -----------------------------------------------------------------


def test_a_tie_between_classes_is_a_coefficient_in_common(
    fitted: ck.FitResults, large: ck.ChoiceData
) -> None:
    tied = model(large, membership="~ income").fit(constraints="x2[class1] = x2[class2]")
    assert tied.convergence.converged
    assert tied.llf == pytest.approx(fitted.llf, abs=1e-6)
    assert tied.df_model == fitted.df_model
    assert tied.params["x2[class1]"] == tied.params["x2[class2]"]
    numbers = [1, 2] if tied.params["x0[class1]"] < tied.params["x0[class2]"] else [2, 1]
    for s, own in zip(numbers, (1, 2), strict=True):  # the user's constraint keeps the numbers
        for name in ("x0", "x1"):
            ours, theirs = f"{name}[class{s}]", f"{name}[class{own}]"
            assert tied.params[ours] == pytest.approx(fitted.params[theirs], abs=1e-4)
            assert tied.bse[ours] == pytest.approx(fitted.bse[theirs], rel=1e-3)
    assert "Constraints: " in str(tied.summary())
    assert "random starts of BFGS" in " ".join(tied.notes)


def test_ties_across_factors_hold_at_the_estimates(large: ck.ChoiceData) -> None:
    """Between a coefficient of one class and the membership, with another law."""
    ours = model(large, membership="~ income", errors=ck.Nested({"near": ["a0", "a1"]}))
    fit = ours.fit(
        constraints=["x0[class1] + x1[class1] = 0.5", "class[2,income] = 2 * x2[class2]"]
    )
    assert fit.convergence.converged
    assert fit.params["x0[class1]"] + fit.params["x1[class1]"] == pytest.approx(0.5, abs=1e-10)
    assert fit.params["class[2,income]"] == pytest.approx(2 * fit.params["x2[class2]"], abs=1e-10)
    slope = fit._own.value_and_gradient(fit.params.to_numpy())[1]
    assert np.abs(fit.table.pull(slope)).max() < 1e-2
    free = ours.fit()
    assert fit.llf < free.llf
    assert fit.df_model == free.df_model - 2


def test_a_class_that_does_not_attend_to_an_attribute() -> None:
    """Coefficients of single classes held at zero keep the classes' names."""
    data = read(panel(400, 6, 4, beta=[[-1.0, 1.5, 0.5], [-1.0, 0.0, 0.0]]))
    none = {"x1[class2]": 0.0, "x2[class2]": 0.0}
    fit = model(data, membership="~ income", same="x0").fit(fixed=none)
    assert fit.convergence.converged
    truth = {"x0": -1.0, "x1[class1]": 1.5, "x2[class1]": 0.5}
    truth |= {"class[2]": GAMMA[0], "class[2,income]": GAMMA[1]}
    z = (fit.params - pd.Series(truth)) / fit.bse
    assert np.abs(z.dropna()).max() < 3.0
    assert (fit.params[list(none)] == 0.0).all()
    assert set(fit.fixed) == set(none)


def test_a_class_that_chooses_at_random() -> None:
    data = read(panel(400, 6, 4, beta=[[-1.0, 1.5, 0.5], [0.0, 0.0, 0.0]]))
    zero = {f"x{k}[class2]": 0.0 for k in range(3)}
    fit = model(data).fit(fixed=zero)
    assert fit.convergence.converged
    z = (fit.params[["x0[class1]", "x1[class1]", "x2[class1]"]] - TRUE[0]) / fit.bse
    assert np.abs(z.dropna()).max() < 3.0
    logit = ck.logit("choice ~ x0 + x1 + x2 | 0", data).fit()
    assert fit.llf > logit.llf
