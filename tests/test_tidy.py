"""Results as tidy frames, for every family."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import choicekit as ck

from .families import FAMILIES, fitted

COLUMNS = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "kind",
    "fixed",
    "simulation_se",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_has_a_row(family: str) -> None:
    fit = fitted(family)
    table = fit.to_frame(alpha=0.1)
    assert list(table.columns) == COLUMNS
    assert list(table["term"]) == list(fit.params.index)
    assert table.index.equals(pd.RangeIndex(len(fit.params)))
    np.testing.assert_array_equal(table["estimate"], fit.params)
    np.testing.assert_array_equal(table["std_error"], fit.bse)
    free = table[~table["fixed"]]
    half = norm.ppf(0.95) * free["std_error"]
    np.testing.assert_allclose(free["conf_high"] - free["estimate"], half)
    np.testing.assert_allclose(free["statistic"], free["estimate"] / free["std_error"])
    assert table.loc[table["fixed"], "std_error"].isna().all()
    simulated = fit.simulation is not None and fit.simulation.n_simulated > 0
    assert (table["simulation_se"] > 0.0).any() == simulated
    row = fit.glance()
    assert row.shape[0] == 1
    assert row.at[0, "nobs"] == fit.nobs
    assert row.at[0, "aic"] == pytest.approx(2 * row.at[0, "df_model"] - 2 * fit.llf)


def test_kinds() -> None:
    kinds = {f: fitted(f).to_frame().set_index("term")["kind"].to_dict() for f in FAMILIES}
    assert kinds["logit"] == {
        "x0": "generic",
        "x1": "generic",
        "asc[a1]": "constant",
        "asc[a2]": "constant",
        "z[a1]": "case",
        "z[a2]": "case",
    }
    assert kinds["nested"]["lambda[n]"] == "errors"
    assert kinds["mixed logit"]["sd[x0]"] == "mixing"
    assert kinds["ordered probit"]["cut[1|2]"] == "thresholds"
    assert set(kinds["latent classes"].values()) == {"Class 1", "Class 2", "membership"}


def test_what_was_fixed_or_tied() -> None:
    fit = fitted("constrained logit")
    table = fit.to_frame().set_index("term")
    assert list(table.index[table["fixed"]]) == ["asc[a2]"]
    assert table.at["z[a1]", "std_error"] == pytest.approx(table.at["z[a2]", "std_error"])
    assert fit.glance().at[0, "df_model"] == 4
    assert fit.glance().at[0, "cov_type"] == "HC0"


def test_rows_of_several_fits_go_together() -> None:
    table = pd.concat([fitted("logit").glance(), fitted("hev").glance()], ignore_index=True)
    assert list(table["model"]) == ["Conditional logit", fitted("hev").model.title]
    assert table["llf"].dtype == np.float64


def test_a_fit_that_failed_says_so() -> None:
    with pytest.warns(ck.ConvergenceWarning):
        fit = fitted("logit").model.fit(maxiter=1)
    assert not fit.converged
    assert not fit.glance().at[0, "converged"]
