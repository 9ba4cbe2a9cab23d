"""`get_margeff` against statsmodels on the same data, and what only we can do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import choicekit as ck

from .simulate import long_frame

COLUMNS = ["logpopul", "selfLR", "age", "educ", "old"]
RIGHT = " + ".join(COLUMNS)


@pytest.fixture(scope="module")
def anes() -> pd.DataFrame:
    frame = sm.datasets.anes96.load_pandas().data
    return frame.assign(
        old=(frame["age"] > 50).astype(float),
        PID=frame["PID"].astype(int),
        right=(frame["PID"] > 3).astype(int),
    )


@pytest.fixture(scope="module")
def parties(anes: pd.DataFrame) -> tuple[Any, Any]:
    data = ck.ChoiceData.from_wide(anes, alternatives=range(7), chosen="PID")
    peer = sm.MNLogit(anes["PID"], sm.add_constant(anes[COLUMNS]))
    return ck.logit(f"PID ~ 0 | {RIGHT}", data).fit(), peer.fit(disp=0, method="newton")


@pytest.mark.parametrize("at", ["overall", "mean", "median", "zero"])
@pytest.mark.parametrize("method", ["dydx", "eydx"])  # the others fail in statsmodels 0.15
def test_multinomial_logit(parties: Any, at: str, method: str) -> None:
    fit, peer = parties
    ours, theirs = fit.get_margeff(at, method), peer.get_margeff(at=at, method=method)
    for name in ("margeff", "margeff_se", "tvalues"):
        expected = getattr(theirs, name)
        size = 1e-6 * np.abs(expected).max()
        np.testing.assert_allclose(getattr(ours, name), expected, rtol=1e-5, atol=size)
    frame, other = ours.summary_frame(), theirs.summary_frame()
    assert list(frame.columns) == list(other.columns)
    assert frame.index.names == other.index.names
    assert list(frame.index.get_level_values("exog")) == list(other.index.get_level_values("exog"))
    np.testing.assert_allclose(frame, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.conf_int(0.1), theirs.conf_int(0.1), rtol=1e-4, atol=1e-6)


def test_each_case(parties: Any) -> None:
    fit, peer = parties
    ours = fit.get_margeff(at="all")
    theirs = peer.get_margeff(at="all")
    np.testing.assert_allclose(ours.margeff, theirs.margeff, rtol=1e-5, atol=1e-8)
    with pytest.raises(ck.SpecificationError, match="at='overall'"):
        ours.margeff_se  # noqa: B018
    assert "944 cases" in str(ours)


def test_covariance_of_effects(parties: Any) -> None:
    fit, peer = parties
    ours, theirs = fit.get_margeff().margeff_cov, peer.get_margeff().margeff_cov
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6 * np.abs(theirs).max())


@pytest.fixture(scope="module", params=["logit", "probit"])
def binary(request: pytest.FixtureRequest, anes: Any) -> tuple[Any, Any]:
    data = ck.ChoiceData.from_wide(anes, alternatives=[0, 1], chosen="right")
    verb, peer = {"logit": (ck.logit, sm.Logit), "probit": (ck.probit, sm.Probit)}[request.param]
    fit = verb(f"right ~ 0 | {RIGHT}", data).fit(tolerance=1e-8)
    return fit, peer(anes["right"], sm.add_constant(anes[COLUMNS])).fit(disp=0, tol=1e-10)


@pytest.mark.parametrize("at", ["overall", "mean"])
@pytest.mark.parametrize(
    ("method", "options"),
    [
        *((method, {}) for method in ("dydx", "eyex", "dyex", "eydx")),
        *((m, o) for m in ("dydx", "eydx") for o in ({"dummy": True}, {"count": True})),
        ("dydx", {"dummy": True, "count": True}),
    ],
)
def test_binary_models(binary: Any, at: str, method: str, options: Any) -> None:
    fit, other = binary
    found = fit.get_margeff(at, method, **options)
    expected = other.get_margeff(at=at, method=method, **options)
    np.testing.assert_allclose(found.margeff[:, 1], expected.margeff, rtol=1e-6)
    np.testing.assert_allclose(found.margeff_se[:, 1], expected.margeff_se, rtol=1e-5)


def test_columns_held_at_values(parties: Any, anes: Any) -> None:
    fit, peer = parties
    ours = fit.get_margeff(at="overall", atexog={"age": 30.0, "selfLR": 4.0})
    theirs = peer.get_margeff(atexog={2: 4.0, 3: 30.0})
    np.testing.assert_allclose(ours.margeff, theirs.margeff, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(ours.margeff_se, theirs.margeff_se, rtol=1e-5, atol=1e-8)


@pytest.fixture(scope="module")
def modes() -> Any:
    frame = long_frame(120, (0.8, -0.5), 5, ragged=True)
    frame["fast"] = np.random.default_rng(0).random(len(frame)) < 0.5
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    return ck.logit("choice ~ x0 + x1 + fast | z", data).fit()


def test_columns_of_alternatives_and_flags(modes: Any) -> None:
    found = modes.get_margeff()
    names = [f"{name}[a{j}]" for name in ("x0", "x1", "fast") for j in range(3)]
    assert found.exog_names == (*names, "z")
    assert found.margeff.shape == (10, 3)
    table = pd.concat([modes.marginal_effects("x0"), modes.marginal_effects("fast")])
    table["exog"] = table["variable"] + "[" + table["by"] + "]"
    frame = found.summary_frame()
    expected = table.set_index(["of", "exog"])
    np.testing.assert_allclose(
        frame.loc[expected.index, ["dy/dx", "Std. Err."]], expected[["estimate", "std_error"]]
    )
    assert len(modes.get_margeff(method="eyex").exog_names) == 7  # no elasticity of a flag


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at": "mode"}, "at='mode' is unknown.*overall"),
        ({"method": "dxdy"}, "method='dxdy' is unknown.*dydx"),
        ({"method": "eyex", "dummy": True}, "discrete changes"),
        ({"at": "zero", "count": True}, "discrete changes"),
        ({"atexog": {"x01": 1.0}}, "no column of the model. Did you mean"),
        ({"at": "mean"}, "needs numbers.*'fast'"),
    ],
)
def test_mistakes_are_named(modes: Any, options: Any, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        modes.get_margeff(**options)
