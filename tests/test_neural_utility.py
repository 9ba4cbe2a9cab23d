"""Networks beside linear utilities: what is learned, what follows from it, what is refused."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.exceptions import DataError, SpecificationError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'choicekit[torch]'")

from choicekit.neural import MLP, Training  # noqa: E402
from choicekit.post.tests import likelihood_ratio  # noqa: E402

LABELS = ["a", "b", "c"]
J = len(LABELS)
QUICK = Training(learning_rate=0.01, batch_size=128, epochs=30, patience=6)
NET = ck.NeuralUtility((16,), ["age"], "y ~ cost + time | 1", training=QUICK)
LONGER = Training(learning_rate=0.01, epochs=60, patience=15)
WIDE = replace(NET, network=(32, 32), training=LONGER)
SPEC = "y ~ cost + time | age"


def frame(n: int = 2000, seed: int = 0, normal: bool = False) -> pd.DataFrame:
    """Two choices a person; her age moves utilities by its size, and cost depends on it as well."""
    rng = np.random.default_rng(seed)
    age = np.repeat(rng.normal(size=n // 2), 2)
    df = pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), J),
            "who": np.repeat(np.arange(n) // 2, J),
            "alt": np.tile(LABELS, n),
            "age": np.repeat(age, J),
        }
    )
    wiggle = np.zeros((n, J))
    wiggle[:, 1] = 2.0 * np.abs(age) - 1.6
    wiggle[:, 2] = 1.5 * np.cos(2.0 * age)
    df["cost"] = rng.normal(size=n * J) + 0.4 * wiggle.ravel()
    df["time"] = rng.normal(size=n * J)
    v = (-1.0 * df.cost - 0.5 * df.time).to_numpy().reshape(n, J) + wiggle
    u = v + (np.sqrt(0.5) * rng.normal(size=v.shape) if normal else rng.gumbel(size=v.shape))
    df["y"] = (u == u.max(axis=1, keepdims=True)).ravel().astype(int)
    return df


def read(df: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(df, case="case", alt="alt", chosen="y", person="who", **more)


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return read(frame())


@pytest.fixture(scope="module")
def fit(data: ck.ChoiceData) -> Any:
    return ck.ChoiceModel(WIDE, data, base="a").fit(seed=3)


@pytest.fixture(scope="module")
def plain(data: ck.ChoiceData) -> Any:
    return ck.logit(SPEC, data, base="a").fit()


def require_found(fit: Any, plain: Any) -> None:
    """Time has nothing to do with the nuisance: its standard error holds. That of cost, which does,
    is given the network and too small (83% of 95% intervals cover), so its bias is what counts.
    """
    assert abs(fit.params["time"] + 0.5) < 3.3 * fit.bse["time"]
    bias = plain.params["cost"] + 1.0
    assert bias > 5.0 * plain.bse["cost"]
    assert abs(fit.params["cost"] + 1.0) < 0.25 * bias


def test_linear_coefficients_are_found_where_a_nuisance_is_not_linear(fit: Any, plain: Any) -> None:
    require_found(fit, plain)
    assert fit.llf > plain.llf + 100.0
    assert fit.convergence.converged


def test_the_same_with_normal_errors() -> None:
    data = read(frame(normal=True))
    fit = ck.ChoiceModel(WIDE, data, ck.Normal("iid")).fit(seed=3)
    require_found(fit, ck.probit(SPEC, data, covariance="iid").fit())


def test_the_linear_part_is_a_logit_with_the_network_as_a_regressor(
    fit: Any, data: ck.ChoiceData
) -> None:
    layout = data.layout
    added = fit.model.design.offset(data.frame, layout.alt, layout.case_ptr, data.case_ids)
    other = ck.logit("y ~ cost + time + net | 1", read(data.frame.assign(net=added)), base="a")
    again = other.fit(fixed={"net": 1.0})
    names = list(fit.params.index)
    assert abs(again.llf - fit.llf) < 1e-8
    np.testing.assert_allclose(fit.params, again.params[names], atol=1e-7)
    np.testing.assert_allclose(fit.bse, again.bse[names], rtol=1e-6)
    np.testing.assert_allclose(fit.scores(), again.scores()[:, [0, 1, 3, 4]], atol=1e-7)


def test_probit_gradient_beside_a_network(fit: Any, data: ck.ChoiceData) -> None:
    model = ck.ChoiceModel(NET, data, ck.Normal("heteroskedastic"))
    model.design = fit.model.design
    point = np.array([-0.8, -0.4, 0.2, 0.1, 0.8, 0.6])
    likelihood = model.likelihood().take(np.arange(50)).settle(point, 1)
    _, gradient = likelihood.value_and_gradient(point)
    for p in range(len(point)):
        step = np.zeros(len(point))
        step[p] = 1e-6
        slope = likelihood.value(point + step) - likelihood.value(point - step)
        assert abs(slope / 2e-6 - gradient[p]) < 1e-5 * max(1.0, abs(gradient[p]))


def test_the_mean_of_the_network_is_in_the_constants(fit: Any, data: ck.ChoiceData) -> None:
    layout = data.layout
    added = fit.model.design.offset(data.frame, layout.alt, layout.case_ptr)
    np.testing.assert_allclose(added.reshape(-1, J).mean(axis=0), 0.0, atol=1e-12)


def test_the_seed_makes_it_reproducible_and_the_model_stays_as_it_was(data: ck.ChoiceData) -> None:
    few = read(frame(200))
    model = ck.ChoiceModel(replace(NET, training=replace(QUICK, epochs=3)), few)
    state = torch.random.get_rng_state()
    one, two, other = model.fit(seed=5), model.fit(seed=5), model.fit(seed=6)
    assert torch.equal(state, torch.random.get_rng_state())
    assert model.design.network is None
    assert one.llf == two.llf
    assert (one.params == two.params).all()
    pd.testing.assert_frame_equal(one.model.design.history, two.model.design.history)
    assert one.llf != other.llf


def test_saved_and_loaded(fit: Any, tmp_path: Path) -> None:
    again = ck.load(fit.save(tmp_path / "fit.pkl"))
    new = frame(40, seed=9)
    pd.testing.assert_frame_equal(again.probabilities(new), fit.probabilities(new))
    assert again.llf == fit.llf


def test_predictions_on_new_data_do_not_depend_on_their_order(fit: Any) -> None:
    new = frame(40, seed=9).drop(columns=["y", "who"])
    p = fit.predict(new)
    assert np.allclose(p.groupby(new["case"].to_numpy()).sum(), 1.0)
    turned = new.sample(frac=1.0, random_state=1)
    pd.testing.assert_series_equal(fit.predict(turned).sort_index(), p)
    fewer = new[~((new["alt"] == "b") & (new["case"] < 10))]
    v = fit.utilities(fewer)
    assert v.loc[:9, "b"].isna().all()
    pd.testing.assert_series_equal(v["c"], fit.utilities(new)["c"])


def test_held_out_people_are_whole_and_the_note_says_what_they_did(fit: Any) -> None:
    from choicekit.neural.training import held_out_cases

    layout = fit.model.data.layout
    held = held_out_cases(layout, 0.2, 3)
    assert held.sum() == 400
    assert (held.reshape(-1, 2)[:, 0] == held.reshape(-1, 2)[:, 1]).all()
    note = next(text for text in fit.notes if "epoch" in text)
    best = int(fit.model.design.history["log_score"].argmax())
    assert "800 people" in note
    assert "200 others" in note
    assert f"epoch {best} of" in note
    text = str(fit.summary())
    assert "given the network" in " ".join(text.split())
    assert "network(age)" in text
    assert "Conditional logit with a network" in text


def test_weights_are_not_counted_so_there_are_no_criteria(fit: Any, plain: Any) -> None:
    assert np.isnan([fit.aic, fit.bic, fit.llr_pvalue]).all()
    assert fit.df_model == 4
    found = ck.compare(plain, fit, names=["plain", "net"])
    assert found.tests.loc[0, "test"] == "none"
    assert "net holds a network" in found.verdict
    assert ck.compare(plain, fit).names == ("logit", "neural logit")
    assert np.isnan(found.fit.loc["net", "rho2_adjusted"])
    assert "Only people left out can tell" in str(found).replace("\n", " ")
    with pytest.raises(SpecificationError, match="no likelihood-ratio test with networks"):
        likelihood_ratio(plain, fit, nested=True)
    with pytest.raises(SpecificationError, match="no test in sample with networks"):
        plain.test_against(fit)


def test_compare_by_people_left_out_trains_again_without_them(plain: Any) -> None:
    data = read(frame(400))
    small = ck.logit("y ~ cost + time | 1", data).fit()
    spec = replace(NET, training=replace(QUICK, epochs=15))
    fit = ck.ChoiceModel(spec, data).fit()
    found = ck.compare(small, fit, names=["plain", "net"], folds=3)
    assert "left out" in found.verdict or "Out of sample" in found.verdict
    params = found.cross_validation.held_out["net"].params
    assert len(params.drop_duplicates()) == 3
    scores = found.cross_validation.totals["log_score"]
    assert scores["net"] > scores["plain"]


def test_willingness_to_pay_of_the_linear_part(fit: Any) -> None:
    found = fit.wtp("time", price="cost")
    assert found["estimate"].iloc[0] == pytest.approx(-fit.params["time"] / fit.params["cost"])


@pytest.mark.parametrize(
    "spec",
    [
        ck.NeuralUtility((8,), ["age", "cost"], "y ~ time | 1", training=QUICK),
        ck.NeuralUtility((8,), ["age", "cost"], "y ~ time | 1", "alternatives", training=QUICK),
        ck.NeuralUtility((8,), ["age"], "y ~ time | 1", tastes={"cost": "-"}, training=QUICK),
    ],
    ids=lambda spec: spec.kind,
)
def test_elasticities_are_those_of_the_column_however_it_enters(spec: Any) -> None:
    fit = ck.ChoiceModel(spec, read(frame(300))).fit()
    df = fit.model.data.frame
    found = fit.elasticities("cost", average="mean").set_index(["of", "by"])["estimate"]
    p, step = fit.probabilities(), 1e-5
    for by in LABELS:
        moved = [
            fit.probabilities(df.assign(cost=df["cost"] * (1.0 + s * step * (df["alt"] == by))))
            for s in (1.0, -1.0)
        ]
        wanted = ((moved[0] - moved[1]) / (2.0 * step) / p).mean()
        for of in LABELS:
            assert found[of, by] == pytest.approx(wanted[of], abs=2e-5)
    of_age = fit.elasticities("age", average="mean").set_index("of")["estimate"]
    moved = [fit.probabilities(df.assign(age=df["age"] * (1.0 + s * step))) for s in (1.0, -1.0)]
    wanted = ((moved[0] - moved[1]) / (2.0 * step) / p).mean()
    np.testing.assert_allclose(of_age[LABELS], wanted, atol=2e-5)


def test_diversion_and_scenarios_make_the_network_look_again() -> None:
    spec = ck.NeuralUtility((8,), ["age", "cost"], "y ~ time | 1", training=QUICK)
    fit = ck.ChoiceModel(spec, read(frame(300))).fit()
    df = fit.model.data.frame
    rest = fit.probabilities(df[df["alt"] != "c"])
    gone = fit.scenario(unavailable=["c"])
    np.testing.assert_allclose(gone.after[["a", "b"]], rest[["a", "b"]], atol=1e-12)
    p = fit.probabilities()
    wanted = (rest["a"] - p["a"]).sum() / p["c"].sum()
    found = fit.diversion("c").set_index("to")["estimate"]
    assert found["a"] == pytest.approx(wanted, abs=1e-9)
    dearer = fit.scenario({"cost": {"a": "+1"}})
    by_hand = fit.probabilities(df.assign(cost=df["cost"] + 1.0 * (df["alt"] == "a")))
    np.testing.assert_allclose(dearer.after, by_hand, atol=1e-12)
    with pytest.raises(SpecificationError, match="nothing says what it would make of a new one"):
        fit.scenario(add={"d": {"like": "a"}})


@pytest.mark.parametrize("kind", ["alternatives", "shared"])
def test_networks_of_the_rows(kind: str) -> None:
    data = read(frame(600))
    spec = ck.NeuralUtility((8,), ["cost", "age"], kind=kind, training=QUICK)
    fit = ck.ChoiceModel(spec, data).fit()
    base = ck.logit("y ~ 0 | 1", data).fit()
    assert fit.llf > base.llf + 20.0
    dearer = data.frame.assign(cost=data.frame["cost"] + 2.0 * (data.frame["alt"] == "b"))
    assert fit.probabilities(dearer)["b"].mean() < fit.predicted_shares()["b"]


def test_each_alternative_sees_its_own_features() -> None:
    data = read(frame(400))
    features = {"a": ["cost"], "b": ["cost", "age"]}
    spec = ck.NeuralUtility((8,), features, kind="alternatives", training=QUICK)
    fit = ck.ChoiceModel(spec, data).fit()
    v = fit.utilities()
    moved = fit.utilities(data.frame.assign(age=data.frame["age"] + 1.0))
    assert (v["a"] == moved["a"]).all()
    assert (v["b"] != moved["b"]).all()
    assert v["c"].nunique() == 1


def test_tastes_depend_on_people_and_keep_their_signs() -> None:
    rng = np.random.default_rng(4)
    df = frame(1500, seed=4)
    slope = -np.exp(0.8 * df["age"])
    v = (slope * df["time"] - df["cost"]).to_numpy().reshape(-1, J)
    u = v + rng.gumbel(size=v.shape)
    df["y"] = (u == u.max(axis=1, keepdims=True)).ravel().astype(int)
    spec = ck.NeuralUtility((8,), ["age"], "y ~ cost | 1", tastes={"time": "-"}, training=QUICK)
    assert spec.kind == "tastes"
    fit = ck.ChoiceModel(spec, read(df)).fit()
    found = ck.neural.taste_parameters(fit)
    assert list(found.columns) == ["time"]
    assert (found["time"] < 0.0).all()
    truth = slope.to_numpy().reshape(-1, J)[:, 0]
    assert np.corrcoef(np.log(-truth), np.log(-found["time"]))[0, 1] > 0.9
    assert abs(fit.params["cost"] + 1.0) < 3.0 * fit.bse["cost"]
    worth = fit.wtp("time", price="cost", by="case")
    np.testing.assert_allclose(
        worth["estimate"].to_numpy()[: 50 * J : J],
        -(found["time"] / fit.params["cost"])[:50],
        rtol=1e-6,
    )


def test_any_module_serves_and_is_copied() -> None:
    data = read(frame(300))
    module = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.Tanh(), torch.nn.Linear(4, J))
    before = {name: weight.clone() for name, weight in module.state_dict().items()}
    short = Training(epochs=2)
    fit = ck.ChoiceModel(replace(NET, network=module, training=short), data).fit()
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert fit.model.design.network.parts[0][0].weight.dtype == torch.float64
    given = ck.ChoiceModel(replace(NET, network=module, training=Training(epochs=0)), data).fit()
    assert "taken as they were given" in " ".join(given.notes)
    with torch.no_grad():
        x = torch.tensor(data.frame["age"].to_numpy()[::J], dtype=torch.float32)
        v = module(((x - x.mean()) / x.std(correction=0))[:, None]).double().numpy()
    found = given.utilities().to_numpy() - fit_constants(given)
    linear = (data.frame[["cost", "time"]] @ given.params[["cost", "time"]]).to_numpy()
    gap = found - linear.reshape(-1, J) - (v - v.mean(axis=0))
    assert np.abs(gap - gap.mean(axis=0)).max() < 1e-5
    wrong = torch.nn.Linear(1, 2)
    with pytest.raises(SpecificationError, match=r"kind='joint' needs \(3,\)"):
        ck.ChoiceModel(replace(NET, network=wrong), data).fit()


def fit_constants(fit: Any) -> np.ndarray:
    return np.array([0.0, fit.params["asc[b]"], fit.params["asc[c]"]])


def test_categories_and_transformations_are_remembered() -> None:
    df = frame(300)
    df["town"] = np.where(df["who"] % 3 == 0, "old", np.where(df["who"] % 3 == 1, "new", "none"))
    df["size"] = np.exp(df["age"])
    spec = ck.NeuralUtility(
        MLP((8,), "tanh", dropout=0.1), ["C(town)", "np.log(size)"], training=QUICK
    )
    model = ck.ChoiceModel(spec, read(df), context={"np": np})
    assert len(model.design.features.names) == 3
    fit = model.fit()
    some = df[(df["town"] == "new") & (df["case"] < 60)]
    every = fit.probabilities()
    pd.testing.assert_frame_equal(fit.probabilities(some), every.loc[some["case"].unique()])
    with pytest.raises(DataError, match="unknown to the model"):
        fit.probabilities(some.assign(town="village"))


def test_weights_count_as_repetitions_in_the_training_too() -> None:
    df = frame(200)
    twice = pd.concat([df, df.assign(case=df["case"] + 1000)])
    spec = replace(NET, training=Training(epochs=4, held_out=0.0, batch_size=10_000))
    one = ck.ChoiceModel(spec, read(df.assign(w=2.0), weights="w")).fit()
    two = ck.ChoiceModel(spec, read(twice)).fit()
    assert one.llf == pytest.approx(two.llf, abs=1e-6)
    np.testing.assert_allclose(one.params, two.params, atol=1e-6)


def test_fixed_tied_and_bounded_parameters_stay_so() -> None:
    data = read(frame(200))
    model = ck.ChoiceModel(replace(NET, training=replace(QUICK, epochs=2)), data)
    assert model.fit(fixed={"cost": -1.0}).params["cost"] == -1.0
    bounded = model.fit(bounds={"cost": (None, -2.0), "time": (-9.0, None)})
    assert bounded.params["cost"] == -2.0
    assert "cost" in bounded.fixed
    tied = model.fit(constraints="cost = time").params
    assert tied["cost"] == pytest.approx(tied["time"])


def test_nested_errors_and_the_bootstrap_given_the_network() -> None:
    data = read(frame(300))
    model = ck.ChoiceModel(
        replace(NET, training=replace(QUICK, epochs=2)), data, ck.Nested({"n": ["b", "c"]})
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        fit = model.fit()
    assert fit.params.index[-1] == "lambda[n]"
    assert fit.bootstrap(5).bse["cost"] > 0.0
    assert fit.with_cov("cluster").bse["cost"] > 0.0


def test_a_column_in_both_parts_is_noted() -> None:
    data = read(frame(200))
    spec = ck.NeuralUtility(
        (4,), ["cost"], "y ~ cost | 1", kind="shared", training=replace(QUICK, epochs=1)
    )
    assert "cost is seen by the network" in " ".join(ck.ChoiceModel(spec, data).fit().notes)


def test_a_network_that_does_not_help_says_so() -> None:
    df = frame(200)
    df["age"] = np.random.default_rng(1).normal(size=200).repeat(J)
    spec = replace(NET, training=replace(QUICK, learning_rate=0.5, epochs=2))
    fit = ck.ChoiceModel(spec, read(df)).fit()
    assert ("did not help" in " ".join(fit.notes)) == (
        fit.model.design.history["log_score"].max() <= fit.model.design.history.attrs["without"]
    )


def test_the_worst_alternative_is_chosen_by_reversed_utilities() -> None:
    rng, df = np.random.default_rng(8), frame(300)
    df["age"] = np.abs(df["age"])
    moved = df["age"] * (df["alt"] == "b")
    u = 2.0 * moved - df["cost"] + rng.gumbel(size=len(df))
    best, worst = (u.groupby(df["case"]).transform(what) for what in ("max", "min"))
    df = df.assign(best=(u == best).astype(int), worst=(u == worst).astype(int))
    columns = {"case": "case", "alt": "alt", "rank": "best", "worst": "worst", "person": "who"}
    data = ck.ChoiceData.from_rankings(df, **columns)
    spec = replace(NET, linear="~ cost | 1", training=replace(QUICK, epochs=15))
    fit = ck.ChoiceModel(spec, data).fit()
    added = fit.model.design.offset(data.frame, data.layout.alt, data.layout.case_ptr)
    added *= np.where(data.worst, -1.0, 1.0)[data.layout.case]
    by_hand = fit.model.likelihood().x @ fit.params.to_numpy() + added
    np.testing.assert_allclose(fit.model.likelihood().row_utilities(fit.params.to_numpy()), by_hand)
    old = fit.utilities(df.assign(age=df["age"] + 1.0))["b"] - fit.utilities(df)["b"]
    assert old.mean() > 0.0
    assert abs(fit.params["cost"] + 1.0) < 4.0 * fit.bse["cost"]


@pytest.mark.parametrize("law", [ck.Normal("iid", draws=32), ck.HeteroskedasticGumbel()], ids=repr)
def test_five_alternatives_and_ragged_choice_sets(law: Any) -> None:
    rng, labels = np.random.default_rng(2), list("abcde")
    df = pd.DataFrame({"case": np.repeat(np.arange(150), 5), "alt": labels * 150})
    df["age"], df["cost"] = np.repeat(rng.normal(size=150), 5), rng.normal(size=750)
    df = df[(df["alt"] != "e") | (df["case"] % 2 == 0)]
    u = -df["cost"] + np.abs(df["age"]) * (df["alt"] == "b") + rng.gumbel(size=len(df))
    df["y"] = (u == u.groupby(df["case"]).transform("max")).astype(int)
    data = ck.ChoiceData.from_long(df, case="case", alt="alt", chosen="y")
    spec = replace(NET, linear="y ~ cost | 1", training=replace(QUICK, epochs=2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        fit = ck.ChoiceModel(spec, data, law).fit(tolerance=1e-3)
    assert fit.params["cost"] < 0.0
    p = fit.probabilities()
    assert (p.loc[1::2, "e"] == 0.0).all()
    np.testing.assert_allclose(p.sum(axis=1), 1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ck.NeuralUtility((8,), []), "features must name"),
        (lambda: ck.NeuralUtility("mlp", ["age"]), "hidden layers"),
        (lambda: ck.NeuralUtility((0,), ["age"]), "hidden must hold"),
        (lambda: ck.NeuralUtility((8,), ["age"], kind="joined"), "Did you mean 'joint'"),
        (lambda: ck.NeuralUtility((8,), ["age"], kind="tastes"), "belong together"),
        (lambda: ck.NeuralUtility((8,), ["age"], tastes={"time": "minus"}), "'\\+', '-' or None"),
        (lambda: ck.NeuralUtility((8,), {"a": ["age"]}), "kind='alternatives'"),
        (lambda: ck.NeuralUtility({"a": (8,)}, ["age"]), "kind='alternatives'"),
        (lambda: Training(patience=0), "patience must be"),
        (lambda: MLP((8,), "reLU6"), "activation="),
        (lambda: MLP((8,), dropout=1.0), "dropout"),
    ],
)
def test_specifications_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        make()


@pytest.mark.parametrize(
    ("spec", "message", "more"),
    [
        (replace(NET, features=["agee"]), "agee", {}),
        (replace(NET, features=["age"], kind="shared"), "same for all alternatives", {}),
        (ck.NeuralUtility((8,), ["cost"], tastes={"time": None}), "tastes belong to people", {}),
        (ck.NeuralUtility((8,), ["age"], tastes={"age": None}), "never shows", {}),
        (replace(NET, kind="alternatives", features={"d": ["age"]}), "unknown alternative", {}),
        (NET, "beside a network", {"mixing": ck.RandomCoefficients(cost="normal")}),
        (NET, "one index for all categories", {"errors": ck.Ordered("probit")}),
    ],
)
def test_models_that_make_no_sense(
    spec: Any, message: str, more: dict[str, Any], data: ck.ChoiceData
) -> None:
    with pytest.raises(SpecificationError, match=message):
        ck.ChoiceModel(spec, data, **more)


def test_a_feature_of_people_must_stay_one(fit: Any) -> None:
    new = frame(10)
    new.loc[4, "age"] += 1.0
    with pytest.raises(DataError, match="'age' varies within cases"):
        fit.probabilities(new)
