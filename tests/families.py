"""One small fit of every family, for tests of what all results share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import choicekit as ck

from .simulate import long_frame

FORMULA = "choice ~ x0 + x1 | z"
COVARIANCE = 0.5 * np.eye(5) + 0.3


@cache
def frame(n_alternatives: int = 3, panel: bool = False) -> pd.DataFrame:
    found = long_frame(180, [1.0, -0.7], 5, n_alternatives=n_alternatives)
    return found.assign(person=found["case"] // 3) if panel else found


def _read(table: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(table, case="case", alt="alt", chosen="choice", **more)


def _with(errors: Any, n_alternatives: int = 3, **more: Any) -> ck.FitResults:
    return ck.ChoiceModel(FORMULA, _read(frame(n_alternatives)), errors).fit(**more)


def _mixed(errors: Any, panel: bool) -> ck.FitResults:
    data = _read(frame(panel=panel), **({"person": "person"} if panel else {}))
    mixing = ck.RandomCoefficients(x0="normal", draws=64)
    return ck.ChoiceModel("choice ~ x0 + x1", data, errors, mixing=mixing).fit(
        start={"sd[x0]": 0.5}, maxiter=60
    )


def _probit(n_alternatives: int) -> ck.FitResults:
    table = long_frame(150, [1.0, -0.7], 6, "normal", None, n_alternatives)
    law = ck.Normal(covariance="iid" if n_alternatives > 4 else "heteroskedastic", draws=64)
    return ck.ChoiceModel("choice ~ x0 + x1", _read(table), law).fit()


def _ordered(errors: str) -> ck.FitResults:
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    rating = np.searchsorted([-1.0, 0.8], 0.9 * x + rng.logistic(size=300)) + 1
    table = pd.DataFrame({"x": x, "rating": rating})
    data = ck.ChoiceData.from_wide(table, alternatives=[1, 2, 3], chosen="rating")
    return ck.ordered("rating ~ x", data, errors=errors).fit()


def _classes() -> ck.FitResults:
    rng = np.random.default_rng(1)
    n, t, j = 150, 5, 3
    beta = np.where(rng.random(n)[:, None] < 0.4, [1.5, 1.0], [-1.5, 0.5])
    x = rng.normal(size=(n, t, j, 2))
    u = np.einsum("ntjk,nk->ntj", x, beta) + rng.gumbel(size=(n, t, j))
    table = pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        person=np.repeat(np.arange(n), t * j),
        case=np.repeat(np.arange(n * t), j),
        alt=np.tile(["a0", "a1", "a2"], n * t),
        choice=(np.arange(j) == u.argmax(axis=2)[..., None]).ravel().astype(int),
    )
    data = _read(table, person="person")
    model = ck.ChoiceModel("choice ~ x0 + x1 | 0", data, mixing=ck.LatentClasses(2))
    return model.fit(starts=2)


def _rankings() -> ck.FitResults:
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"who": np.repeat(np.arange(80), 3), "item": ["a", "b", "c"] * 80})
    table["x"] = rng.normal(size=len(table))
    u = table["x"] + rng.gumbel(size=len(table))
    table["rank"] = u.groupby(table["who"]).rank(ascending=False).astype(int)
    data = ck.ChoiceData.from_rankings(table, case="who", alt="item", rank="rank")
    return ck.logit("rank ~ x", data).fit()


def _nonlinear() -> ck.FitResults:
    texts = {"a0": "b * x0 + c * x1", "a1": "a1 + b * x0 + c * x1", "a2": "b * x0 + c * x1"}
    start = dict.fromkeys(["a1", "b", "c"], 0.1)
    return ck.ChoiceModel(ck.Nonlinear(texts, start), _read(frame())).fit()


def _constrained() -> ck.FitResults:
    model = ck.logit(FORMULA, _read(frame()))
    return model.fit(constraints="z[a1] = z[a2]", fixed={"asc[a2]": 0.0}, cov_type="HC0")


FAMILIES: dict[str, Callable[[], ck.FitResults]] = {
    "logit": lambda: _with(None),
    "constrained logit": _constrained,
    "bootstrapped logit": lambda: _with(None).bootstrap(10),
    "rankings": _rankings,
    "nonlinear": _nonlinear,
    "nested": lambda: _with(ck.Nested({"n": ["a1", "a2"]}), fixed={"lambda[n]": 0.7}),
    "cross-nested": lambda: _with(
        ck.CrossNested({"n": ["a0", "a1"], "m": ["a1", "a2"]}), maxiter=9
    ),
    "paired combinatorial": lambda: _with(ck.PairedCombinatorial(["a0", "a1", "a2"]), maxiter=5),
    "hev": lambda: _with(ck.HeteroskedasticGumbel(), maxiter=20),
    "exact probit": lambda: _probit(3),
    "simulated probit": lambda: _probit(5),
    "ordered logit": lambda: _ordered("logit"),
    "ordered probit": lambda: _ordered("probit"),
    "mixed logit": lambda: _mixed(None, panel=True),
    "mixed probit": lambda: _mixed(ck.Normal("iid"), panel=False),
    "latent classes": _classes,
}


@cache
def fitted(family: str) -> ck.FitResults:
    """The fit of one family, made once a session."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)  # any estimates do here
        return FAMILIES[family]()
