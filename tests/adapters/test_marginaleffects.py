"""Our fits in marginaleffects: probabilities, differences, slopes and their standard errors."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

from ..families import FAMILIES, _read, fitted
from ..simulate import long_frame

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its own dependencies, at import
    me = pytest.importorskip("marginaleffects", reason="marginaleffects is not installed")
    pl = pytest.importorskip("polars", reason="polars is not installed")
    from choicekit.adapters.marginaleffects import ModelChoicekit

MODES = ["air", "train", "bus", "car"]


@pytest.fixture(scope="module")
def logit() -> ck.FitResults:
    data = ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    return ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()


def by_group(result: Any, column: str = "estimate") -> pd.Series[Any]:
    table = result.to_polars()
    found = pd.Series(table[column].to_numpy(), index=table["group"].to_list())
    return found.sort_index()


def shifted(fit: ck.FitResults, name: str, step: float, label: str | None = None) -> pd.DataFrame:
    """The estimation data with an attribute changed, of one alternative or of all."""
    data = fit.model.data
    frame = data.frame.copy()
    rows = slice(None) if label is None else frame[data.alt] == label
    frame[name] = frame[name].astype(float)
    frame.loc[rows, name] += step
    return frame


def delta_errors(fit: ck.FitResults, value: Any) -> np.ndarray:
    """Standard errors of ``value(params)`` by central differences of our own."""
    b, jacobian = fit.params.to_numpy(), []
    for p in range(len(b)):
        h = 1e-5 * max(abs(b[p]), 0.1)
        ends = [value(b + sign * h * (np.arange(len(b)) == p)) for sign in (1.0, -1.0)]
        jacobian.append((ends[0] - ends[1]) / (2.0 * h))
    J = np.array(jacobian).T
    return np.sqrt(np.einsum("jp,pq,jq->j", J, fit.cov.to_numpy(), J))


def probabilities(fit: ck.FitResults, frame: pd.DataFrame, b: np.ndarray) -> np.ndarray:
    """Of a conditional logit, by the formula and numpy."""
    data = fit.model.data
    v = np.zeros((data.n_cases, len(MODES)))
    column = {label: j for j, label in enumerate(data.alternatives)}
    value = dict(zip(fit.params.index, b, strict=True))
    for row in frame.to_dict("records"):
        label = row[data.alt]
        utility = value["gc"] * row["gc"] + value["ttme"] * row["ttme"]
        if label != "car":
            utility += value[f"asc[{label}]"] + value[f"hinc[{label}]"] * row["hinc"]
        v[row[data.case] - 1, column[label]] = utility
    e = np.exp(v - v.max(axis=1, keepdims=True))
    found: np.ndarray = e / e.sum(axis=1, keepdims=True)
    return found


def test_differences_and_their_standard_errors(logit: ck.FitResults) -> None:
    found = me.avg_comparisons(ModelChoicekit(logit), variables="gc[air]")
    ends = [shifted(logit, "gc", step, "air") for step in (0.5, -0.5)]

    def value(b: np.ndarray) -> np.ndarray:
        high, low = (probabilities(logit, frame, b).mean(axis=0) for frame in ends)
        difference: np.ndarray = high - low
        return difference

    expected = pd.Series(value(logit.params.to_numpy()), index=MODES).sort_index()
    np.testing.assert_allclose(by_group(found), expected, rtol=1e-9)
    errors = pd.Series(delta_errors(logit, value), index=MODES).sort_index()
    np.testing.assert_allclose(by_group(found, "std_error"), errors, rtol=1e-4)


def test_slopes_in_closed_form(logit: ck.FitResults) -> None:
    found = me.avg_slopes(ModelChoicekit(logit), variables="gc[air]", eps_vcov=1e-6)
    p = logit.probabilities().to_numpy()
    own = logit.params["gc"] * p * (np.array([1.0, 0.0, 0.0, 0.0]) - p[:, [0]])
    expected = pd.Series(own.mean(axis=0), index=MODES).sort_index()
    np.testing.assert_allclose(by_group(found), expected, rtol=1e-5)
    z = by_group(found, "estimate") / by_group(found, "std_error")
    np.testing.assert_allclose(by_group(found, "statistic"), z)
    half = by_group(found, "conf_high") - by_group(found)
    np.testing.assert_allclose(half, 1.959964 * by_group(found, "std_error"), rtol=1e-6)


def test_average_predictions_and_groups(logit: ck.FitResults) -> None:
    m = ModelChoicekit(logit)
    found = by_group(me.avg_predictions(m))
    np.testing.assert_allclose(found, logit.predicted_shares().sort_index(), rtol=1e-12)
    table = me.predictions(m).to_polars()
    p = logit.probabilities().to_numpy()
    for j, mode in enumerate(MODES):
        rows = table.filter(pl.col("group") == mode).sort("rowid")
        np.testing.assert_allclose(rows["estimate"].to_numpy(), p[:, j], rtol=1e-12)
    by_size = me.avg_predictions(m, by="psize").to_polars()
    sizes = logit.model.data.frame.groupby("individual")["psize"].first().to_numpy()
    alone = by_size.filter((pl.col("psize") == 1) & (pl.col("group") == "car"))["estimate"].item()
    assert alone == pytest.approx(p[sizes == 1, 3].mean())


def test_covariances_and_hypotheses(logit: ck.FitResults) -> None:
    m = ModelChoicekit(logit)
    robust = me.avg_comparisons(m, variables="hinc", vcov="HC0")
    given = me.avg_comparisons(m, variables="hinc", vcov=logit.with_cov("HC0").cov.to_numpy())
    plain = me.avg_comparisons(m, variables="hinc")
    np.testing.assert_array_equal(by_group(robust, "std_error"), by_group(given, "std_error"))
    assert (by_group(robust, "std_error") != by_group(plain, "std_error")).all()
    assert "std_error" not in me.avg_comparisons(m, variables="hinc", vcov=False).to_polars()
    tested = me.hypotheses(m, hypothesis="b6 - b7 = 0").to_polars()
    ours = logit.t_test("hinc[train] = hinc[bus]")
    assert logit.params.index.get_loc("hinc[train]") == 6
    assert tested["estimate"].item() == pytest.approx(float(np.squeeze(ours.effect)))
    assert tested["std_error"].item() == pytest.approx(float(np.squeeze(ours.sd)), rel=1e-5)


def test_attributes_have_a_column_for_each_alternative(logit: ck.FitResults) -> None:
    m = ModelChoicekit(logit)
    assert m.attribute("gc") == [f"gc[{mode}]" for mode in MODES]
    assert m.attribute("hinc") == ["hinc"]
    found = me.avg_comparisons(m, variables=m.attribute("gc")).to_polars()
    assert len(found) == 16
    total = found.group_by("group").agg(pl.col("estimate").sum())
    np.testing.assert_allclose(total["estimate"], 0.0, atol=1e-5)  # all costs up: no change
    with pytest.raises(ck.SpecificationError, match="Did you mean 'gc'"):
        m.attribute("gcc")
    every = me.avg_comparisons(m).to_polars()
    assert set(every["term"]) == {*m.attribute("gc"), *m.attribute("ttme"), "hinc"}


def test_new_data(logit: ck.FitResults) -> None:
    m = ModelChoicekit(logit)
    grid = me.datagrid(m, hinc=[10, 60])
    found = me.predictions(m, newdata=grid).to_polars()
    assert len(found) == 8
    totals = found.group_by("rowid").agg(pl.col("estimate").sum())["estimate"]
    np.testing.assert_allclose(totals, 1.0)
    with pytest.raises(ck.SpecificationError, match=r"no column 'gc\[bus\]'"):
        m.get_exog(m.get_modeldata().drop("gc[bus]")).probabilities(m.get_coef())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str) -> None:
    """Mean probabilities, and what an attribute does to them, against our own predictions."""
    fit = fitted(family)
    m = ModelChoicekit(fit)
    labels = list(fit.model.data.alternatives)
    simulated = fit.simulation is not None and fit.simulation.n_simulated > 0
    found = by_group(me.avg_predictions(m, vcov=False))
    shares = fit.predicted_shares() if fit.model.data.form != "rankings" else None
    if shares is not None:
        expected = shares.set_axis([str(label) for label in labels]).sort_index()
        # each case has its own draws: those of its id, or of its row
        np.testing.assert_allclose(found, expected, atol=0.02 if simulated else 1e-6)
    name = next(c for c in ("x0", "x") if c in fit.model.data.frame)
    changed = m.attribute(name)[0]
    up = me.avg_comparisons(m, variables=changed).to_polars()
    np.testing.assert_allclose(up["estimate"].sum(), 0.0, atol=1e-9)
    assert (up["std_error"] > 0.0).all()
    if changed != name and shares is not None:
        first = labels[0]
        ends = [fit.probabilities(_long(fit, name, s, first)).mean() for s in (0.5, -0.5)]
        expected = (ends[0] - ends[1]).set_axis([str(label) for label in labels]).sort_index()
        own = by_group(me.avg_comparisons(m, variables=changed, vcov=False))
        np.testing.assert_allclose(own, expected, atol=0.02 if simulated else 1e-6)


def _long(fit: ck.FitResults, name: str, step: float, label: Any) -> pd.DataFrame:
    return shifted(fit, name, step, label)


def test_unequal_choice_sets() -> None:
    table = long_frame(200, [1.0, -0.7], 5, n_alternatives=4, ragged=True)
    fit = ck.logit("choice ~ x0 + x1 | z", _read(table)).fit()
    m = ModelChoicekit(fit)
    found = by_group(me.avg_predictions(m))
    np.testing.assert_allclose(found, fit.predicted_shares().sort_index(), rtol=1e-12)
    own = by_group(me.avg_comparisons(m, variables="x0[a3]"))
    ends = [fit.probabilities(shifted(fit, "x0", s, "a3")).mean() for s in (0.5, -0.5)]
    np.testing.assert_allclose(own, (ends[0] - ends[1]).sort_index(), rtol=1e-8)


def test_flags() -> None:
    table = long_frame(240, [1.0], 4)
    table["member"] = (np.random.default_rng(1).random(240) < 0.5)[table["case"]]
    fit = ck.logit("choice ~ x0 | member", _read(table)).fit()
    ends = [fit.probabilities(table.assign(member=flag)).mean() for flag in (True, False)]
    flags = by_group(me.avg_comparisons(ModelChoicekit(fit), variables="member"))
    np.testing.assert_allclose(flags, (ends[0] - ends[1]).sort_index())


@pytest.mark.skipif(
    int(pl.__version__.split(".")[0]) > 1 and version("marginaleffects") == "0.6.0",
    reason="marginaleffects 0.6.0 calls what polars 2 has removed (cat.get_categories)",
)
@pytest.mark.filterwarnings("ignore:.*get_categories:DeprecationWarning")
def test_categories() -> None:
    table = long_frame(240, [1.0], 4)
    rng = np.random.default_rng(1)
    by_case = table["case"].to_numpy()
    table["town"] = rng.choice(["big", "mid", "small"], 240)[by_case]
    table["seat"] = rng.choice(["soft", "hard"], len(table))
    fit = ck.logit("choice ~ x0 + seat | town", _read(table)).fit()
    m = ModelChoicekit(fit)
    found = me.avg_comparisons(m, variables="town").to_polars()
    assert set(found["contrast"]) == {"mid - big", "small - big"}

    def shares(**changes: Any) -> pd.Series[Any]:
        return fit.probabilities(table.assign(**changes)).mean().sort_index()

    rows = found.filter(pl.col("contrast") == "mid - big").sort(pl.col("group").cast(pl.String))
    np.testing.assert_allclose(rows["estimate"], shares(town="mid") - shares(town="big"))
    seats = by_group(me.avg_comparisons(m, variables="seat[a1]"))
    hard, soft = (np.where(table["alt"] == "a1", s, table["seat"]) for s in ("hard", "soft"))
    np.testing.assert_allclose(seats, shares(seat=soft) - shares(seat=hard))


def test_wide_data_keep_their_columns_of_the_case() -> None:
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.normal(size=(200, 2)), columns=["c.1", "c.2"])
    wide["pick"] = (wide["c.1"] + rng.logistic(size=200) > wide["c.2"]).map({True: 1, False: 2})
    wide["age"] = rng.normal(size=200)
    how: dict[str, Any] = {"alternatives": [1, 2], "varying": {"c": "c.{alt}"}}
    data = ck.ChoiceData.from_wide(wide, chosen="pick", **how)
    fit = ck.logit("pick ~ c | age", data).fit()
    m = ModelChoicekit(fit)
    assert m.cases.predictors == ["age", "c[1]", "c[2]"]
    np.testing.assert_allclose(by_group(me.avg_predictions(m)), fit.predicted_shares())
    own = by_group(me.avg_comparisons(m, variables="c[1]"))
    ends = [fit.predict(wide.assign(**{"c.1": wide["c.1"] + s})).mean() for s in (0.5, -0.5)]
    np.testing.assert_allclose(own, ends[0] - ends[1])


def test_means_that_depend_on_a_column_of_people() -> None:
    table = long_frame(150, [1.0, -0.7], 5)
    mixing = ck.RandomCoefficients(x0="normal", means={"x0": "z"}, draws=32)
    model = ck.ChoiceModel("choice ~ x0 + x1", _read(table), mixing=mixing)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        fit = model.fit(maxiter=5)
    m = ModelChoicekit(fit)
    assert "z" in m.cases.predictors
    ends = [fit.probabilities(shifted(fit, "z", s)).mean().sort_index() for s in (0.5, -0.5)]
    own = by_group(me.avg_comparisons(m, variables="z", vcov=False))
    np.testing.assert_allclose(own, ends[0] - ends[1], atol=0.01)


def test_names_that_the_package_keeps() -> None:
    table = long_frame(100, [1.0], 5).rename(columns={"x0": "estimate"})
    fit = ck.logit("choice ~ estimate", _read(table)).fit()
    with pytest.raises(ck.SpecificationError, match=r"'estimate'.*rename"):
        ModelChoicekit(fit)


def test_without_the_package_the_error_names_the_cure() -> None:
    code = (
        "import sys; sys.modules['marginaleffects'] = None\n"
        "try:\n    import choicekit.adapters.marginaleffects\n"
        "except ImportError as error:\n    print(error)\n"
    )
    source = str(Path(ck.__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": source},
    )
    assert "pip install 'choicekit[marginaleffects]'" in run.stdout


@pytest.mark.parametrize("family", ["logit", "nested", "exact probit", "latent classes"])
def test_slopes_are_our_own_marginal_effects(family: str) -> None:
    fit = fitted(family)
    m = ModelChoicekit(fit)
    found = me.avg_slopes(m, variables=m.attribute("x0"), eps=1e-3, eps_vcov=1e-6).to_polars()
    theirs = {
        (row["group"], row["term"]): (row["estimate"], row["std_error"])
        for row in found.iter_rows(named=True)
    }
    ours = fit.marginal_effects("x0")
    assert len(theirs) == len(ours)
    for row in ours.itertuples():
        estimate, error = theirs[str(row.of), f"x0[{row.by}]"]
        assert estimate == pytest.approx(row.estimate, rel=1e-4, abs=1e-7)
        assert error == pytest.approx(row.std_error, rel=1e-3)
