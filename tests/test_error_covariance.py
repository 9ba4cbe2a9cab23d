"""Error covariances in other normalisations, with delta-method standard errors."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.post.error_covariance import (
    error_cholesky,
    error_correlations,
    error_differences,
    error_levels,
)

FORMULA = "choice ~ gc + ttme | hinc"
PATTERN = ck.Pattern(sd={"air": None}, corr={("bus", "train"): None})


@cache
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


def fitted(covariance: Any, base: str, scale: str | None = None) -> Any:
    """Fitted twice: the second fit makes its Hessian at the maximum itself.

    The first one's may be up to 0.02 standard errors away, where its tolerance ends.
    """
    model = ck.probit(FORMULA, data(), base=base, covariance=covariance, scale=scale)
    first = model.fit(tolerance=1e-9)
    return model.fit(start=dict(first.params), tolerance=1e-9)


@cache
def fit(name: str) -> Any:
    covariance: Any = PATTERN if name == "pattern" else name
    return fitted(covariance, "car")


NAMES = ["heteroskedastic", "factor(1)", "factor(2)", "pattern", "unstructured"]
TABLES: dict[str, Any] = {
    "differences": lambda f: error_differences(f),
    "differences from air": lambda f: error_differences(f, "air"),
    "correlations": lambda f: error_correlations(f),
    "correlations from bus": lambda f: error_correlations(f, "bus"),
    "cholesky": lambda f: error_cholesky(f),
    "cholesky from train by air": lambda f: error_cholesky(f, "train", "air"),
}


def moved(f: Any, name: str, step: float) -> Any:
    params = f.params.copy()
    params[name] += step
    return dataclasses.replace(f, params=params)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", TABLES)
def test_delta_method_by_differencing(name: str, table: str) -> None:
    f, make = fit(name), TABLES[table]
    found = make(f)
    names = list(f.model.bound.names)
    slope = np.array(
        [
            (make(moved(f, n, 1e-6)).estimate - make(moved(f, n, -1e-6)).estimate) / 2e-6
            for n in names
        ]
    )
    variance = np.diag(slope.T @ f.cov.loc[names, names].to_numpy() @ slope)
    error = found.std_error.fillna(0.0)
    np.testing.assert_allclose(error, np.sqrt(variance), rtol=1e-6, atol=1e-7)
    half = 1.959963984540054 * found.std_error
    np.testing.assert_allclose(found.conf_high - found.estimate, half, rtol=1e-9)
    np.testing.assert_allclose(found.estimate - found.conf_low, half, rtol=1e-9)
    tight = make(f).conf_high - error_differences(f, alpha=0.32).conf_high.reindex(found.index)
    assert (tight.dropna() > 0.0).all()


@pytest.mark.parametrize("name", NAMES[:-1])
@pytest.mark.parametrize("correlations", [False, True])
def test_levels_by_differencing(name: str, correlations: bool) -> None:
    f = fit(name)
    found = error_levels(f, correlations)
    names = list(f.model.bound.names)
    slope = np.array(
        [
            (
                error_levels(moved(f, n, 1e-6), correlations).estimate
                - error_levels(moved(f, n, -1e-6), correlations).estimate
            )
            / 2e-6
            for n in names
        ]
    )
    variance = np.diag(slope.T @ f.cov.loc[names, names].to_numpy() @ slope)
    np.testing.assert_allclose(found.std_error.fillna(0.0), np.sqrt(variance), rtol=1e-6, atol=1e-7)
    omega = f.error_covariance()
    if correlations:
        assert found.estimate["sd[air]"] == pytest.approx(np.sqrt(omega.loc["air", "air"]))
    else:
        assert found.estimate["cov[bus,train]"] == pytest.approx(omega.loc["bus", "train"])


@pytest.mark.parametrize(("base", "scale"), [("air", "bus"), ("bus", "train"), ("train", "car")])
def test_cholesky_is_that_of_a_refit(base: str, scale: str) -> None:
    """The sharp test: another fit, under another normalisation, finds the same standard errors."""
    other = fitted("unstructured", base, scale)
    for name in ("unstructured", "factor(2)"):  # two forms of the same model
        found = error_cholesky(fit(name), base, scale)
        names = [n for n in found.index if n != "factor"]
        assert names == list(other.model.bound.names)
        se = other.bse[names]
        np.testing.assert_allclose(found.estimate[names], other.params[names], atol=1e-6)
        np.testing.assert_allclose(found.std_error[names], se, rtol=2e-5)
        factor = found.estimate["factor"]
        for coefficient in ("gc", "ttme"):
            assert fit(name).params[coefficient] * factor == pytest.approx(
                other.params[coefficient], rel=1e-6
            )


@pytest.mark.parametrize("name", ["heteroskedastic", "factor(1)"])
def test_tables_are_those_of_a_refit(name: str) -> None:
    """Correlations are free of the scale; the factor's normalisation keeps the scale as well."""
    one, two = fit(name), fitted(name, "bus", "train")
    for base in ("air", "bus", "train", "car"):
        a, b = error_correlations(one, base), error_correlations(two, base)
        rows = [n for n in a.index if n.startswith("corr") or name == "factor(1)"]
        np.testing.assert_allclose(a.estimate[rows], b.estimate[rows], atol=1e-6)
        np.testing.assert_allclose(a.std_error[rows], b.std_error[rows], rtol=2e-5)


def test_own_normalisation_gives_the_parameters_back() -> None:
    f = fit("unstructured")
    found = error_cholesky(f, "car", "air")
    names = list(f.model.bound.names)
    np.testing.assert_allclose(found.estimate[names], f.params[names], rtol=1e-12)
    np.testing.assert_allclose(found.std_error[names], f.bse[names], rtol=1e-10)
    assert found.estimate["factor"] == 1.0
    assert np.isnan(found.std_error["factor"])
    differences = error_differences(f)
    assert differences.estimate["cov[air,air]"] == 1.0
    assert differences.loc["cov[air,air]", ["std_error", "conf_low", "conf_high"]].isna().all()
    assert differences.std_error["cov[bus,air]"] > 0.0
    chol = np.zeros((3, 3))
    chol[np.tril_indices(3)] = [1.0, *f.params[names]]
    sigma = chol @ chol.T
    np.testing.assert_allclose(differences.estimate, sigma[np.tril_indices(3)])
    sd = np.sqrt(np.diag(sigma))
    correlations = error_correlations(f)
    np.testing.assert_allclose(correlations.estimate.iloc[:3], sd)
    assert correlations.estimate["corr[bus,train]"] == pytest.approx(sigma[2, 1] / sd[1] / sd[2])
    assert list(correlations.index) == [
        *("sd[air]", "sd[train]", "sd[bus]"),
        *("corr[train,air]", "corr[bus,air]", "corr[bus,train]"),
    ]


def test_the_iid_probit_has_nothing_to_estimate() -> None:
    f = ck.probit(FORMULA, data(), base="car", covariance="iid").fit()
    found = error_differences(f, "bus")
    np.testing.assert_allclose(
        found.estimate, (0.5 * (np.eye(3) + np.ones((3, 3))))[np.tril_indices(3)]
    )
    assert found[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert error_levels(f).estimate["cov[air,air]"] == 0.5


def test_two_alternatives_and_labels_that_are_numbers() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 2))
    y = (x @ [1.0, -1.0] + rng.normal(size=300) < 0).astype(int)
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(300), 2),
            "alt": np.tile([1, 2], 300),
            "x": x.ravel(),
            "choice": (np.arange(2) == y[:, None]).ravel().astype(int),
        }
    )
    small = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    f = ck.probit("choice ~ x", small).fit()
    assert list(error_differences(f, 2).index) == ["cov[1,1]"]
    assert error_cholesky(f, 2).estimate.to_dict() == {"factor": 1.0}
    assert list(error_correlations(f).index) == ["sd[2]"]


def test_refusals() -> None:
    f = fit("unstructured")
    with pytest.raises(ck.SpecificationError, match="Cure: use error_differences"):
        error_levels(f)
    with pytest.raises(ck.SpecificationError, match=r"base alternative 'trian'.*mean 'train'"):
        error_differences(f, "trian")
    with pytest.raises(ck.SpecificationError, match="also the base"):
        error_cholesky(f, "bus", "bus")
    with pytest.raises(ck.SpecificationError, match="alpha must lie between"):
        error_correlations(f, alpha=5)
    logit = ck.logit("choice ~ gc", data()).fit()
    with pytest.raises(ck.SpecificationError, match="conditional logit has no covariance"):
        error_differences(logit)
