"""Elasticities and marginal effects: formulas written out, published tables, differences."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import choicekit as ck
from choicekit.likelihood import Likelihood
from choicekit.likelihood import choices as module
from choicekit.post import responses
from choicekit.report.page.behaviour import elasticity_section

from .reference.recipes import MissingDataError, load
from .simulate import long_frame, square, unsearched

SPEC = "choice ~ x0 + x1 | z"


def read(rows: Any, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(rows, case="case", alt="alt", chosen="choice", **more)


def rows(n_cases: int = 90, n_alternatives: int = 4, **more: Any) -> pd.DataFrame:
    """Unequal choice sets, three cases a person, weights, a positive x0, an income of people."""
    made = long_frame(n_cases, (0.5, -0.7), 3, n_alternatives=n_alternatives, ragged=True, **more)
    person = made["case"] // 3
    rng = np.random.default_rng(2)
    made["x0"] = np.exp(0.5 * made["x0"])
    income = rng.normal(2.0, 0.5, size=n_cases)[person]
    return made.assign(person=person, weight=1.0 + person % 3, income=income)


def grid(data: ck.ChoiceData, column: str) -> Any:
    """A column as (C, J), NaN where not available."""
    return data.layout.scatter(data.frame[column].to_numpy(dtype=float), np.nan)


def logit_elasticities(fit: Any, x: Any, slope: Any) -> Any:
    """``slope_k x_k (1[j = k] - P_k)``, (C, J, J), which is Train's (3.3) and (3.4)."""
    p = fit.probabilities().to_numpy()
    j = p.shape[1]
    return (slope * x)[:, None, :] * (np.eye(j) - p[:, None, :])


# -- formulas -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def logit() -> Any:
    return ck.logit(SPEC, read(rows(), weights="weight", person="person")).fit()


def test_logit_case_by_case(logit: Any) -> None:
    found = logit.elasticities("x0", average="none")
    expected = logit_elasticities(logit, grid(logit.model.data, "x0"), logit.params["x0"])
    labels = list(logit.model.data.alternatives)
    case = pd.Index(logit.model.data.case_ids).get_indexer(found["case"])
    of = [labels.index(a) for a in found["of"]]
    by = [labels.index(a) for a in found["by"]]
    np.testing.assert_allclose(found["estimate"], expected[case, of, by], rtol=1e-7, atol=1e-9)
    available = logit.model.data.layout.available
    assert len(found) == (available.sum(axis=1) ** 2).sum()


def test_logit_averages_use_weights_and_choice_sets(logit: Any) -> None:
    data = logit.model.data
    each = logit_elasticities(logit, grid(data, "x0"), logit.params["x0"])
    there = data.layout.available
    both = there[:, :, None] & there[:, None, :]
    each = np.where(both, each, 0.0)
    w, p = data.layout.weights, logit.probabilities().to_numpy()
    share = np.einsum("c,cj,cjk->jk", w, p, each) / (w @ p)[:, None]
    np.testing.assert_allclose(square(logit.elasticities("x0")), share, rtol=1e-7)
    mean = np.einsum("c,cjk->jk", w, each) / np.einsum("c,cjk->jk", w, both)
    np.testing.assert_allclose(square(logit.elasticities("x0", average="mean")), mean, rtol=1e-7)


def test_elasticities_of_the_share_are_those_of_predicted_shares(logit: Any) -> None:
    """Raise a column by a little for one alternative and look at the weighted shares."""
    data, w = logit.model.data, logit.model.data.layout.weights
    step = 1e-5
    shares = []
    for sign in (1.0, -1.0):
        frame = rows()
        frame.loc[frame["alt"] == "a1", "x0"] *= 1.0 + sign * step
        shares.append(w @ logit.probabilities(frame).to_numpy())
    slope = (shares[0] - shares[1]) / (2.0 * step) / (w @ logit.probabilities().to_numpy())
    found = square(logit.elasticities("x0"))["a1"]
    np.testing.assert_allclose(found, slope, rtol=1e-6)
    assert data.alternatives == tuple(found.index)


def test_case_variable_of_a_logit(logit: Any) -> None:
    """``dP_j / dz = P_j (g_j - sum_k P_k g_k)``."""
    g = np.array([0.0, *(logit.params[f"z[a{j}]"] for j in (1, 2, 3))])
    p, w = logit.probabilities().to_numpy(), logit.model.data.layout.weights
    effects = p * (g - (p @ g)[:, None])
    found = logit.marginal_effects("z")
    assert (found["by"] == "all").all()
    np.testing.assert_allclose(found["estimate"], w @ effects / w.sum(), rtol=1e-7)
    z = grid(logit.model.data, "z")[:, 0]
    table = logit.elasticities("z")
    np.testing.assert_allclose(table["estimate"], (w * z) @ effects / (w @ p), rtol=1e-7)


def test_marginal_effects_add_up_to_zero(logit: Any) -> None:
    found = square(logit.marginal_effects("x1"))
    np.testing.assert_allclose(found.sum(), 0.0, atol=1e-10)
    data, p = logit.model.data, logit.probabilities().to_numpy()
    w, there = data.layout.weights, data.layout.available
    each = logit.params["x1"] * p[:, :, None] * (np.eye(4) - p[:, None, :])
    mean = np.einsum("c,cjk->jk", w, each) / (w @ there)
    np.testing.assert_allclose(found, mean, rtol=1e-7, atol=1e-12)


def test_columns_inside_logarithms_and_interactions() -> None:
    data = read(rows())
    fit = ck.logit("choice ~ np.log(x0) + x0:z + x1 | 0", data).fit()
    x, z = grid(data, "x0"), grid(data, "z")
    slope = fit.params["np.log(x0)"] / x + fit.params["x0:z"] * z
    expected = logit_elasticities(fit, x, slope)
    p = fit.probabilities().to_numpy()
    share = np.einsum("cj,cjk->jk", p, np.where(np.isnan(expected), 0.0, expected))
    found = square(fit.elasticities("x0"))
    np.testing.assert_allclose(found, share / p.sum(axis=0)[:, None], rtol=1e-6)
    edge = rows().assign(x0=lambda d: np.where(d["case"] == 0, 1e-12, d["x0"]))
    with pytest.raises(ck.SpecificationError, match="'x0' cannot move"):
        fit.elasticities("x0", df=edge)


def test_arcs_by_hand(logit: Any) -> None:
    before, w = logit.probabilities().to_numpy(), logit.model.data.layout.weights
    frame = rows()
    frame.loc[frame["alt"] == "a2", "x0"] *= 1.2
    after = logit.probabilities(frame).to_numpy()
    relative = 0.2 / 1.1
    s0, s1 = w @ before, w @ after
    found = square(logit.elasticities("x0", kind="arc", change=0.2))["a2"]
    np.testing.assert_allclose(found, (s1 - s0) / ((s1 + s0) / 2.0) / relative, rtol=1e-10)
    small = logit.elasticities("x0", kind="arc", change=1e-6)["estimate"]
    np.testing.assert_allclose(small, logit.elasticities("x0")["estimate"], rtol=1e-5)
    there = logit.model.data.layout.available[:, 2]
    each = np.divide(after - before, (after + before) / 2.0, where=before > 0, out=0.0 * before)
    own = (w * there) @ each[:, 2] / (w * there).sum() / relative
    mean = logit.elasticities("x0", kind="arc", change=0.2, average="mean")
    np.testing.assert_allclose(square(mean).loc["a2", "a2"], own, rtol=1e-10)


def test_nested_logit_formula() -> None:
    """Own: ``b x [1 - P + (1 / l - 1)(1 - Q)]``, cross in the nest ``-b x [P + (1 / l - 1) Q]``,
    elsewhere ``-b x P``, with Q the probability within the nest."""
    data = read(rows(200))
    near = ["a0", "a1", "a2"]
    fit = ck.ChoiceModel(SPEC, data, errors=ck.Nested({"near": near})).fit(
        fixed={"lambda[near]": 0.6}
    )
    p, x = fit.probabilities().to_numpy(), grid(data, "x0")
    within = p.copy()
    within[:, :3] /= p[:, :3].sum(axis=1, keepdims=True)
    b, more = fit.params["x0"], 1.0 / 0.6 - 1.0
    expected = np.empty((len(p), 4, 4))
    for j in range(4):
        for k in range(4):
            together = j < 3 and k < 3
            extra = more * (float(j == k) - within[:, k]) if together else 0.0
            expected[:, j, k] = b * x[:, k] * (float(j == k) - p[:, k] + extra)
    share = np.einsum("cj,cjk->jk", p, np.nan_to_num(expected)) / p.sum(axis=0)[:, None]
    np.testing.assert_allclose(square(fit.elasticities("x0")), share, rtol=1e-6, atol=1e-9)


def test_binary_probit_formula() -> None:
    frame = long_frame(300, (0.8, -0.5), 5, errors="normal", n_alternatives=2)
    data = read(frame)
    fit = ck.probit("choice ~ x0 + x1", data, covariance="iid").fit()
    x0, x1 = grid(data, "x0"), grid(data, "x1")
    b = fit.params
    a = b["asc[a1]"] + b["x0"] * (x0[:, 1] - x0[:, 0]) + b["x1"] * (x1[:, 1] - x1[:, 0])
    effect = b["x0"] * norm.pdf(a).mean()
    found = square(fit.marginal_effects("x0"))
    np.testing.assert_allclose(found, effect * np.array([[1, -1], [-1, 1]]), rtol=1e-7)
    own = (b["x0"] * norm.pdf(a) * x0[:, 1] / norm.cdf(a)).mean()
    table = square(fit.elasticities("x0", average="mean"))
    np.testing.assert_allclose(table.loc["a1", "a1"], own, rtol=1e-7)


# -- every family by differences of its own predictions -----------------------------------------


def rising(columns: Any, parameters: Any) -> Any:
    """A utility as a function of the user's, one for all alternatives."""
    b, power, c = (parameters[name] for name in ("b", "power", "c"))
    return b * columns["x0"] ** power + c * columns["x1"] * columns["z"]


NEST = ck.Nested({"near": ["a0", "a1"]})
BENT = {
    "a0": "b * boxcox(x0, lam)",
    "a1": "c1 + b * boxcox(x0, lam)",
    "a2": "c2 + b * log(x0)",
    "a3": "d * x1 + b * x0 * z",
}
START = {"b": 0.4, "lam": 0.6, "c1": 0.1, "c2": -0.3, "d": 0.5}
CLASSES = ck.LatentClasses(2, membership="~ income", same=["x1"])
SHIFTED = ck.RandomCoefficients(x0="normal", x1="-lognormal", means={"x0": ["income"]}, draws=16)
FAMILIES: dict[str, Any] = {
    "logit": {},
    "nested": {"errors": NEST},
    "hev": {"errors": ck.HeteroskedasticGumbel()},
    "probit": {"errors": ck.Normal()},
    "ghk": {"errors": ck.Normal(method="ghk", draws=1024)},
    "nonlinear": {"specification": ck.Nonlinear(BENT, START)},
    "function": {"specification": ck.Nonlinear(rising, {"b": 0.4, "power": 0.5, "c": 0.1})},
    "absorbed": {"errors": ck.Normal("iid"), "mixing": ck.RandomCoefficients(x0="normal")},
    "mixed logit": {"mixing": SHIFTED, "person": "person"},
    "scaled": {
        "mixing": ck.RandomCoefficients(x0="normal", scale=ck.Scale(covariates="income"), draws=16),
        "person": "person",
    },
    "classes": {"mixing": CLASSES, "person": "person"},
}


def some_fit(name: str, **data: Any) -> Any:
    """One of the families; see `unsearched`."""
    given = {"specification": SPEC, **FAMILIES[name]}
    person = {"person": given.pop("person")} if "person" in given else {}
    model = ck.ChoiceModel(given.pop("specification"), read(rows(**data), **person), **given)
    return unsearched(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_effects_are_slopes_of_predictions(name: str) -> None:
    fit, frame = some_fit(name), rows()
    w = np.ones(fit.nobs)
    p = fit.choices(fit.model.data.read_like(frame))
    params = fit.params.to_numpy()
    columns = {"x0": ["a0", "a2"], "z": ["all"], "income": ["all"]}
    used = [
        c
        for c in columns
        if c in frame and (c != "income" or name in ("mixed logit", "scaled", "classes"))
    ]
    step = 1e-4
    for column in used:
        found = square(fit.elasticities(column, df=frame))
        for by in columns[column]:
            ends = []
            for sign in (1.0, -1.0):
                moved = frame.copy()
                own = slice(None) if by == "all" else moved["alt"] == by
                moved.loc[own, column] *= 1.0 + sign * step
                likelihood = fit.model.likelihood(fit.model.data.read_like(moved))
                ends.append(w @ p.at(likelihood).values(params))
            slope = (ends[0] - ends[1]) / (2.0 * step) / (w @ p.values(params))
            np.testing.assert_allclose(found[by], slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "average"),
    [*((name, "probability") for name in FAMILIES), ("nested", "mean"), ("probit", "mean")],
)
def test_standard_errors_by_differences_over_parameters(name: str, average: str) -> None:
    """The delta method with the table itself differenced over each parameter."""
    fit = some_fit(name, n_cases=12)
    choices = fit.choices()
    table = fit.elasticities("x0", average=average)
    cov = fit.cov.to_numpy()
    jacobian = np.empty((len(table), len(cov)))
    for k, value in enumerate(fit.params):
        ends = []
        for sign in (1.0, -1.0):
            params = fit.params.copy()
            params.iloc[k] = value + sign * 1e-4
            moved = dataclasses.replace(fit, params=params)
            object.__setattr__(moved, "choices", lambda data=None: choices)  # the same orders
            ends.append(moved.elasticities("x0", average=average)["estimate"].to_numpy())
        jacobian[:, k] = (ends[0] - ends[1]) / 2e-4
    expected = np.sqrt(np.einsum("mp,pq,mq->m", jacobian, cov, jacobian))
    np.testing.assert_allclose(table["std_error"], expected, rtol=2e-4)


@pytest.mark.parametrize("name", ["logit", "nested", "probit", "nonlinear"])
def test_the_way_through_utilities_is_a_short_cut(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives what probabilities and Jacobians at both ends of the moves give."""
    fit = some_fit(name)
    calls = [
        lambda: fit.elasticities(),
        lambda: fit.marginal_effects(["x0", "z"], average="probability"),
        lambda: fit.elasticities("x0", average="none"),
        lambda: fit.elasticities("x1", average="mean"),
        lambda: fit.get_margeff(method="eydx").summary_frame().iloc[:, :2],
    ]
    short = [call() for call in calls]
    monkeypatch.setattr(Likelihood, "through_utilities", False)
    columns = ["estimate", "std_error"]
    for call, found in zip(calls, short, strict=True):
        numbers = list(set(columns) & set(found.columns)) or list(found.columns)
        size = found[numbers].abs().max().max()
        np.testing.assert_allclose(
            found[numbers], call()[numbers], rtol=2e-6, atol=1e-9 * size, equal_nan=True
        )


def test_standard_errors_of_other_kinds() -> None:
    logit = some_fit("logit", n_cases=15)
    cov = logit.cov.to_numpy()
    kinds = [
        lambda fit: fit.elasticities("x0", kind="arc", change=0.3),
        lambda fit: fit.elasticities("x0", kind="arc", average="mean"),
        lambda fit: fit.marginal_effects(["x0", "z"]),
        lambda fit: fit.marginal_effects("x1", average="probability"),
        lambda fit: fit.marginal_effects("x1", at="mean"),
        lambda fit: fit.elasticities("z", average="none").query("case < 4"),
    ]
    for kind in kinds:
        table, ends = kind(logit), []
        for k, value in enumerate(logit.params):
            for sign in (1.0, -1.0):
                params = logit.params.copy()
                params.iloc[k] = value + sign * 1e-4
                ends.append(kind(dataclasses.replace(logit, params=params))["estimate"].to_numpy())
        jacobian = (np.array(ends[::2]) - np.array(ends[1::2])).T / 2e-4
        expected = np.sqrt(np.einsum("mp,pq,mq->m", jacobian, cov, jacobian))
        np.testing.assert_allclose(table["std_error"], expected, rtol=1e-5)
        half = norm.ppf(0.975) * table["std_error"]
        np.testing.assert_allclose(table["conf_low"], table["estimate"] - half, rtol=1e-12)


# -- published numbers --------------------------------------------------------------------------


def test_elasticities_of_travel_modes() -> None:
    """Greene (2003), table 21.16: multinomial logit, mean over individuals, three digits."""
    frame = ck.load_dataset("travelmode")
    frame["hincair"] = frame["hinc"] * (frame["mode"] == "air")
    data = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    fit = ck.logit("choice ~ gc + ttme + hincair", data, base="car").fit()
    found = square(fit.elasticities("gc", average="mean"))
    order = ["air", "train", "bus", "car"]
    expected = np.tile([0.456, 0.498, 0.238, 0.418], (4, 1))
    np.fill_diagonal(expected, [-1.136, -1.520, -1.549, -1.061])
    np.testing.assert_allclose(found.loc[order, order], expected, atol=5.1e-4)


def test_effects_of_fishing_modes() -> None:
    """What R's mlogit prints for ``effects(m, ...)`` at the sample means, its help's example.

    Seven digits are printed, of which its search has found five.
    """
    try:
        frame = load({"from": "shared:mlogit_Fishing"})
    except MissingDataError as error:
        pytest.skip(str(error))
    modes = ["beach", "boat", "charter", "pier"]
    data = ck.ChoiceData.from_wide(
        frame,
        alternatives=modes,
        chosen="mode",
        varying={"price": "price.{alt}", "catch": "catch.{alt}"},
    )
    fit = ck.logit("mode ~ price | income | catch", data).fit(tolerance=1e-9)
    income = fit.marginal_effects("income", at="mean")
    printed = [1.132965e-06, 3.113069e-05, -2.408677e-05, -8.176877e-06]
    np.testing.assert_allclose(income["estimate"], printed, rtol=2e-5)
    price = [
        [-2.4634447, 0.1512128, 0.1512128, 0.1512128],
        [0.5797049, -0.8172610, 0.5797049, 0.5797049],
        [0.9741351, 0.9741351, -1.1590941, 0.9741351],
        [0.1844507, 0.1844507, 0.1844507, -2.4302068],
    ]
    table = square(fit.elasticities("price", at="mean")).loc[modes, modes]
    np.testing.assert_allclose(table.T, price, rtol=2e-5)
    catch = [
        [0.040943135, -0.01803326, -0.01984425, -0.003065622],
        [-0.010447074, 0.10568073, -0.08249023, -0.012743428],
        [-0.012623645, -0.09057996, 0.11860203, -0.015398428],
        [-0.001887074, -0.01354055, -0.01490036, 0.030327981],
    ]
    effects = fit.get_margeff(at="mean", method="dyex")
    own = [effects.exog_names.index(f"catch[{mode}]") for mode in modes]
    np.testing.assert_allclose(effects.margeff[own], catch, rtol=2e-5)


# -- discrete changes ---------------------------------------------------------------------------


def test_categories_and_flags() -> None:
    frame = rows(150)
    rng = np.random.default_rng(8)
    town = rng.choice(["north", "south", "west"], 150)[frame["case"]]
    frame = frame.assign(
        town=town, rail=rng.random(len(frame)) < 0.5, dummy=rng.integers(0, 2, len(frame))
    )
    fit = ck.logit("choice ~ x0 + rail + dummy | town", read(frame)).fit()
    found = fit.marginal_effects("town")
    assert list(found["variable"].unique()) == ["town[south]", "town[west]"]
    p = {t: fit.probabilities(frame.assign(town=t)).mean() for t in ("north", "west")}
    west = found[found["variable"] == "town[west]"]
    np.testing.assert_allclose(west["estimate"], p["west"] - p["north"], atol=1e-12)
    ends = []
    for value in (True, False):
        moved = frame.copy()
        moved.loc[moved["alt"] == "a0", "rail"] = value
        ends.append(fit.probabilities(moved).mean())
    rail = square(fit.marginal_effects("rail"))
    np.testing.assert_allclose(rail["a0"], (ends[0] - ends[1])[rail.index], atol=1e-12)
    jump = square(fit.marginal_effects("dummy", kind="discrete"))
    slope = square(fit.marginal_effects("dummy"))
    assert np.sign(jump).equals(np.sign(slope))
    assert not np.allclose(jump, slope, rtol=1e-3)
    assert (found["std_error"] > 0.0).all()


# -- other cases --------------------------------------------------------------------------------


def test_several_columns_and_all_of_them(logit: Any) -> None:
    everything = logit.elasticities()
    assert list(everything["variable"].unique()) == ["x0", "x1", "z"]
    parts = [logit.elasticities(x) for x in ("x0", "x1", "z")]
    pd.testing.assert_frame_equal(everything, pd.concat(parts, ignore_index=True))


def test_many_alternatives_go_by_both_ends(logit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    short = logit.elasticities("x0")
    monkeypatch.setattr(responses, "MOST_ALTERNATIVES", 3)
    pd.testing.assert_frame_equal(logit.elasticities("x0"), short, rtol=1e-6)


def test_labels_may_be_all_or_tuples() -> None:
    made = rows(n_alternatives=3)
    plain = ck.logit(SPEC, read(made)).fit()
    renamed = made.assign(alt=made["alt"].map({"a0": "all", "a1": "b", "a2": "c"}))
    fit = ck.logit(SPEC, read(renamed)).fit()
    exog = set(fit.get_margeff().exog_names)
    assert exog == {f"{x}[{label}]" for x in ("x0", "x1") for label in ("all", "b", "c")} | {"z"}
    report = elasticity_section(ck.compare(fit), ["x0", "z"], 500)
    cross = next(
        block for block in report.blocks if getattr(block, "title", "").startswith("Cross")
    )
    headings = [row[0] for row in cross.rows if len(row) == 1]
    assert headings == ["x0 of all rises", "x0 of b rises", "x0 of c rises"]
    pairs = {label: (k, k + 1) for k, label in enumerate(["a0", "a1", "a2"])}
    tuples = ck.logit(SPEC, read(made.assign(alt=made["alt"].map(pairs)))).fit()
    for average in ("mean", "none"):
        found = tuples.elasticities("x0", average=average)
        expected = plain.elasticities("x0", average=average)
        assert list(found["by"]) == [pairs[label] for label in expected["by"]]
        np.testing.assert_allclose(found["estimate"], expected["estimate"])
    assert list(tuples.diversion((0, 1))["removed"]) == [(0, 1)] * 2


def test_saved_fits_answer_alike(tmp_path: Any) -> None:
    fit = ck.probit(SPEC, read(rows(60, 3)), covariance="iid").fit()
    again = ck.load(fit.save(tmp_path / "fit"))
    pd.testing.assert_frame_equal(again.elasticities(), fit.elasticities(), rtol=1e-6)


def test_pieces_make_no_difference(logit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [logit.elasticities(), logit.elasticities("x0", average="none")]
    monkeypatch.setattr(module, "PIECE_CELLS", 7 * 4 * len(logit.params))
    parts = [logit.elasticities(), logit.elasticities("x0", average="none")]
    pd.testing.assert_frame_equal(parts[0], whole[0])
    keys = ["case", "of", "by"]
    parts[1], whole[1] = (t.sort_values(keys, ignore_index=True) for t in (parts[1], whole[1]))
    pd.testing.assert_frame_equal(parts[1], whole[1])


def test_at_the_mean_is_one_case_of_means(logit: Any) -> None:
    data = logit.model.data
    w = data.layout.weights[data.layout.case]
    frame = data.frame.assign(w=w)
    mean = frame.groupby("alt").apply(
        lambda d: pd.Series({c: np.average(d[c], weights=d["w"]) for c in ("x0", "x1")}),
        include_groups=False,
    )
    z = np.average(grid(data, "z")[:, 0], weights=data.layout.weights)  # of cases, not of rows
    found = square(logit.elasticities("x0", at="mean"))
    beta = logit.params
    v = (beta["x0"] * mean["x0"] + beta["x1"] * mean["x1"]).to_numpy(copy=True)
    for j in (1, 2, 3):
        v[j] += beta[f"asc[a{j}]"] + beta[f"z[a{j}]"] * z
    p = np.exp(v) / np.exp(v).sum()
    expected = (beta["x0"] * mean["x0"]).to_numpy() * (np.eye(4) - p)
    np.testing.assert_allclose(found, expected, rtol=1e-7)


def test_zero_columns_have_zero_elasticities() -> None:
    frame = rows()
    frame.loc[frame["alt"] == "a3", "x0"] = 0.0
    fit = ck.logit(SPEC, read(frame)).fit()
    found = square(fit.elasticities("x0"))
    assert (found["a3"].abs() < 1e-12).all()
    assert (found["a0"].abs() > 1e-3).all()


def test_rankings_count_as_first_choices() -> None:
    made = long_frame(60, (1.0, -0.7), 4, n_alternatives=4)
    made["rank"] = np.argsort(np.random.default_rng(1).random((60, 4)), axis=1).ravel() + 1
    ranked = ck.ChoiceData.from_rankings(made, case="case", alt="alt", rank="rank")
    fit = ck.logit("~ x0 + x1 | 0", ranked).fit()
    first = ranked.select(ranked.frame["stage"].to_numpy()[ranked.layout.case_ptr[:-1]] == 1)
    x = grid(first, "x0")
    v = fit.params["x0"] * x + fit.params["x1"] * grid(first, "x1")
    p = np.exp(v) / np.exp(v).sum(axis=1, keepdims=True)
    own = (p * (1 - p) * x).sum(axis=0) * fit.params["x0"] / p.sum(axis=0)
    np.testing.assert_allclose(np.diag(square(fit.elasticities("x0"))), own, rtol=1e-7)


def test_ordered_probit_formula() -> None:
    data = read(long_frame(120, (1.0,), 3))
    fit = ck.ordered("choice ~ z", data, errors="probit").fit()
    cuts = fit.params[["cut[a0|a1]", "cut[a1|a2]"]].to_numpy()
    z = grid(data, "z")[:, 0]
    density = norm.pdf(np.column_stack([cuts - fit.params["z"] * z[:, None]]))
    ends = np.column_stack([np.zeros(120), density, np.zeros(120)])
    effect = -fit.params["z"] * np.diff(ends, axis=1).mean(axis=0)
    found = fit.marginal_effects("z")
    np.testing.assert_allclose(found["estimate"], effect, rtol=1e-7)


# -- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.elasticities("x00"), "no column 'x00'. Did you mean 'x0'"),
        (lambda f: f.elasticities("income"), "does not use the column 'income'.*x0, x1, z"),
        (lambda f: f.elasticities("x0", kind="ark"), "kind='ark' is unknown.*point, arc"),
        (lambda f: f.elasticities("x0", average="median"), "average='median' is unknown"),
        (lambda f: f.elasticities("x0", at="mode"), "at='mode' is unknown"),
        (lambda f: f.elasticities("x0", kind="arc", change=-1.0), "share above -1"),
        (lambda f: f.elasticities("x0", together=True), "differs within cases"),
        (lambda f: f.elasticities("x0", alpha=0.0), "alpha must lie"),
        (lambda f: f.marginal_effects("x0", kind="discrete"), "numbers other than 0 and 1"),
        (lambda f: f.marginal_effects("x0", kind="jump"), "kind='jump' is unknown"),
    ],
)
def test_mistakes_are_named(logit: Any, call: Any, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        call(logit)


def test_no_numbers_no_elasticity() -> None:
    frame = rows()
    frame["town"] = np.where(frame["case"] % 2 == 0, "north", "south")
    fit = ck.logit("choice ~ x0 | town", read(frame)).fit()
    with pytest.raises(ck.SpecificationError, match=r"holds categories.*marginal_effects"):
        fit.elasticities("town")
    with pytest.raises(ck.SpecificationError, match=r"no derivative.*discrete"):
        fit.marginal_effects("town", kind="derivative")
    with pytest.raises(ck.SpecificationError, match=r"needs numbers.*'town'"):
        fit.elasticities("x0", at="mean")
    assert list(fit.elasticities()["variable"].unique()) == ["x0"]
    codes = ck.logit("choice ~ x0 | C(code)", read(frame.assign(code=frame["case"] % 3))).fit()
    with pytest.raises(ck.SpecificationError, match=r"(?s)'code' cannot move.*categories"):
        codes.elasticities("code")
