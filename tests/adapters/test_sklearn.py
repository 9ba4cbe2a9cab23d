"""Choice models as classifiers: the numbers of the model, and scikit-learn's own tools on them."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

WIDE: dict[str, Any] = {"varying": {"c": "c.{alt}"}}
LABELS = ["bus", "car", "air"]


def wide(n: int = 300, seed: int = 1) -> tuple[pd.DataFrame, pd.Series[Any]]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=[f"c.{label}" for label in LABELS])
    u = -frame.to_numpy() + [0.0, 0.3, -0.3] + rng.gumbel(size=(n, 3))
    frame["income"] = rng.normal(size=n)
    frame.index = frame.index + 1000
    choice = pd.Series(np.array(LABELS)[u.argmax(axis=1)], index=frame.index, name="mode")
    return frame, choice


def long() -> tuple[pd.DataFrame, pd.Series[Any]]:
    frame = ck.load_dataset("travelmode")
    return frame.drop(columns="choice"), frame["choice"]


LONG: dict[str, Any] = {"case": "individual", "alt": "mode", "base": "car"}


# -- wide data ------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_model() -> None:
    X, y = wide()
    model = ck.ChoiceClassifier("~ c | income", **WIDE).fit(X, y)
    data = ck.ChoiceData.from_wide(
        X.assign(mode=y), alternatives=sorted(LABELS), chosen="mode", **WIDE
    )
    fit = ck.logit("mode ~ c | income", data).fit()
    pd.testing.assert_series_equal(model.results_.params, fit.params)
    assert list(model.classes_) == ["air", "bus", "car"]
    assert list(model.feature_names_in_) == list(X.columns)
    p = model.predict_proba(X)
    np.testing.assert_array_equal(p, fit.predict(X))
    assert list(model.predict(X)) == [model.classes_[j] for j in p.argmax(axis=1)]
    assert model.score(X, y) == pytest.approx((model.predict(X) == y).mean())
    assert model.log_score(X, y) == pytest.approx(fit.llf / 300)
    assert model.log_score(X, y) == pytest.approx(-log_loss(y, p))


def test_columns_of_probabilities_are_sorted_whatever_the_order_of_alternatives() -> None:
    X, y = wide()
    one = ck.ChoiceClassifier("~ c", **WIDE).fit(X, y)
    other = ck.ChoiceClassifier("~ c", alternatives=LABELS, **WIDE).fit(X, y)
    assert list(other.results_.model.data.alternatives) == LABELS
    assert list(other.classes_) == sorted(LABELS)
    np.testing.assert_allclose(other.predict_proba(X), one.predict_proba(X), rtol=1e-6)


def test_codes_of_alternatives() -> None:
    X, y = wide()
    codes = {"bus": 7, "car": 1, "air": 3}
    model = ck.ChoiceClassifier("~ c", alternatives=codes, base="bus", **WIDE).fit(X, y.map(codes))
    assert list(model.classes_) == [1, 3, 7]
    assert "asc[air]" in model.results_.params.index
    by_label = ck.ChoiceClassifier("~ c", **WIDE).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X), by_label[:, [2, 0, 1]], rtol=1e-6)
    assert set(model.predict(X)) <= set(codes.values())
    assert model.log_score(X, y.map(codes)) == pytest.approx(model.results_.llf / 300)


def test_without_specification_it_is_the_multinomial_logit() -> None:
    X, y = wide()
    model = ck.ChoiceClassifier("~ 0 | income", alternatives=sorted(LABELS)).fit(X, y)
    bare = ck.ChoiceClassifier().fit(X[["income"]], y)
    pd.testing.assert_series_equal(bare.results_.params, model.results_.params)
    array = ck.ChoiceClassifier().fit(X[["income"]].to_numpy(), y)
    np.testing.assert_array_equal(array.results_.params, model.results_.params)
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X[["income"]], y)
    np.testing.assert_allclose(
        array.predict_proba(X[["income"]].to_numpy()),
        theirs.predict_proba(X[["income"]]),
        atol=1e-6,
    )


def test_laws_by_name_and_as_objects() -> None:
    X, y = wide(200)
    found = {}
    for errors in (None, "logit", "probit", ck.Normal("iid"), ck.Nested({"n": ["bus", "car"]})):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ck.ConvergenceWarning)
            model = ck.ChoiceClassifier("~ c", errors=errors, **WIDE).fit(X, y)
        found[str(errors)] = model.results_.model.title
    assert list(found.values()) == [
        "Conditional logit",
        "Conditional logit",
        "Multinomial probit",
        "Multinomial probit",
        "Nested logit",
    ]
    with pytest.raises(ck.SpecificationError, match=r"errors='probitt'.*'probit'"):
        ck.ChoiceClassifier("~ c", errors="probitt", **WIDE).fit(X, y)


def test_weights() -> None:
    X, y = wide(200)
    w = np.arange(200) % 3
    weighted = ck.ChoiceClassifier("~ c", **WIDE).fit(X, y, sample_weight=w)
    repeated = ck.ChoiceClassifier("~ c", **WIDE).fit(
        X.loc[X.index.repeat(w)].reset_index(drop=True), y.loc[y.index.repeat(w)]
    )
    np.testing.assert_allclose(weighted.results_.params, repeated.results_.params, rtol=1e-6)
    expected = weighted.results_.llf / w.sum()
    assert weighted.log_score(X, y, sample_weight=w) == pytest.approx(expected)
    plain = ck.ChoiceClassifier("~ c", **WIDE).fit(X, y)
    by_hand = np.log(plain.predict_proba(X)[np.arange(200), np.searchsorted(plain.classes_, y)])
    assert plain.log_score(X, y, sample_weight=w) == pytest.approx(np.average(by_hand, weights=w))
    assert weighted.log_score(X, y) != weighted.log_score(X, y, sample_weight=w)


def test_pipelines_grids_and_copies() -> None:
    X, y = wide(200)
    model = ck.ChoiceClassifier("~ c | income", fit_options={"seed": 3}, **WIDE)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    pipe = make_pipeline(StandardScaler().set_output(transform="pandas"), model).fit(X, y)
    plain = clone(model).fit(X, y)
    assert not hasattr(copy, "results_")
    assert pipe.predict_proba(X).shape == (200, 3)
    assert pipe[-1].results_.nobs == 200
    grid = GridSearchCV(
        model,
        {"errors": ["logit", ck.Normal("iid")], "specification": ["~ c", "~ c | income"]},
        scoring="neg_log_loss",
        cv=3,
        error_score="raise",
    ).fit(X, y)
    assert len(grid.cv_results_["mean_test_score"]) == 4
    assert set(grid.best_params_) == {"errors", "specification"}
    again = pickle.loads(pickle.dumps(plain))
    np.testing.assert_array_equal(again.predict_proba(X), plain.predict_proba(X))


def test_cross_validation_by_hand() -> None:
    X, y = wide(200)
    model = ck.ChoiceClassifier("~ c", **WIDE)
    folds = KFold(4)
    found = cross_val_score(model, X, y, cv=folds, scoring="neg_log_loss")
    for score, (train, test) in zip(found, folds.split(X), strict=True):
        b = clone(model).fit(X.iloc[train], y.iloc[train]).results_.params
        v = b["c"] * X.iloc[test][["c.air", "c.bus", "c.car"]].to_numpy()
        v = v + np.array([0.0, b["asc[bus]"], b["asc[car]"]])
        logp = v - np.log(np.exp(v).sum(axis=1, keepdims=True))
        chosen = np.searchsorted(["air", "bus", "car"], y.iloc[test])
        assert score == pytest.approx(logp[np.arange(len(test)), chosen].mean())
    grouped = cross_val_score(
        model,
        X,
        y,
        groups=np.arange(200) // 5,
        cv=GroupKFold(3),
        scoring=ck.ChoiceClassifier.log_score,
    )
    assert grouped.shape == (3,)
    assert (grouped < 0).all()


# -- long data ------------------------------------------------------------------------------------


def test_long_data() -> None:
    X, y = long()
    model = ck.ChoiceClassifier("~ gc + ttme | hinc", **LONG).fit(X, y)
    assert model.results_.llf == pytest.approx(-189.525, abs=1e-3)
    p = model.predict_proba(X)
    assert p.shape == (840, 2)
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_allclose(pd.Series(p[:, 1]).groupby(X["individual"].to_numpy()).sum(), 1.0)
    chosen = model.predict(X)
    assert (pd.Series(chosen).groupby(X["individual"].to_numpy()).sum() == 1).all()
    hits = (chosen == 1) & (y == 1)
    assert model.score(X, y) == pytest.approx(hits.sum() / 210)
    assert model.log_score(X, y) == pytest.approx(model.results_.llf / 210)
    shuffled = X.sample(frac=1.0, random_state=0)
    np.testing.assert_array_equal(model.predict(shuffled), chosen[shuffled.index])


def test_long_data_need_whole_cases() -> None:
    X, y = long()
    model = ck.ChoiceClassifier("~ gc + ttme", **LONG)
    scores = cross_val_score(
        model, X, y, groups=X["individual"], cv=GroupKFold(3), error_score="raise"
    )
    assert scores.shape == (3,)
    with pytest.raises(ck.DataError, match=r"GroupKFold and groups=X\['individual'\]"):
        cross_val_score(model, X, y, cv=KFold(3, shuffle=True, random_state=0), error_score="raise")
    with pytest.raises(ck.DataError, match="mark the rows"):
        model.fit(X, X["mode"])


# -- frames, errors, conventions ------------------------------------------------------------------


def test_frames_of_polars() -> None:
    pl = pytest.importorskip("polars", reason="polars is not installed")
    X, y = wide(200)
    given = pl.DataFrame({name: X[name].to_list() for name in X})
    model = ck.ChoiceClassifier("~ c | income", **WIDE).fit(given, pl.Series(y.to_list()))
    expected = ck.ChoiceClassifier("~ c | income", **WIDE).fit(X.reset_index(drop=True), y)
    np.testing.assert_array_equal(model.results_.params, expected.results_.params)
    np.testing.assert_array_equal(model.predict_proba(given), expected.predict_proba(X))


def test_mistakes() -> None:
    X, y = wide(60)
    with pytest.raises(ck.DataError, match=r"ndarray.*names of columns(.|\n)*set_output"):
        ck.ChoiceClassifier("~ c", **WIDE).fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ck.ChoiceClassifier("~ c", **WIDE).fit(X, y[:-1])
    with pytest.raises(ck.DataError, match="one class only"):
        ck.ChoiceClassifier("~ c", **WIDE).fit(X, ["bus"] * 60)
    with pytest.raises(ck.SpecificationError, match="both case= and alt="):
        ck.ChoiceClassifier("~ c", case="id").fit(X, y)
    with pytest.raises(ck.SpecificationError, match=r"varying=.*long"):
        ck.ChoiceClassifier("~ c", case="id", alt="mode", **WIDE).fit(X, y)
    with pytest.raises(ck.SpecificationError, match="no specification"):
        ck.ChoiceClassifier(**WIDE).fit(X, y)
    with pytest.raises(NotFittedError):
        ck.ChoiceClassifier("~ c", **WIDE).predict(X)
    model = ck.ChoiceClassifier("~ c", **WIDE).fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(X.rename(columns={"income": "wage"}))


# Thirty features and a handful of cases of each class: the coefficients are not identified, and
# the model says so instead of returning any of them.
REFUSED = {"check_sample_weight_equivalence_on_dense_data": "not identified, as it says"}


def test_conventions_of_scikit_learn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # separated toy data do not converge, and are told to
        found = check_estimator(
            ck.ChoiceClassifier(), expected_failed_checks=REFUSED, on_skip=None, on_fail="raise"
        )
    assert sum(check["status"] == "passed" for check in found) > 40
    failed = [check["exception"] for check in found if check["status"] == "xfail"]
    assert all(isinstance(error, ck.IdentificationError) for error in failed)


def test_scikit_learn_is_imported_only_when_asked_for() -> None:
    code = "import sys, choicekit as ck; ck.logit; assert 'sklearn' not in sys.modules"
    source = str(Path(ck.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": source})


def test_without_scikit_learn_the_error_names_the_cure() -> None:
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import choicekit as ck\n"
        "try:\n    ck.ChoiceClassifier\n"
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
    assert "pip install 'choicekit[sklearn]'" in run.stdout
