"""Makers of tables read our results: statsmodels' summary_col, stargazer, maketables."""

from __future__ import annotations

import html
import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ..families import FAMILIES, fitted


def shown(value: float) -> str:
    return f"{value:.3f}"


@pytest.mark.parametrize("family", FAMILIES)
def test_summary_col(family: str) -> None:
    from statsmodels.iolib.summary2 import summary_col

    fit = fitted(family)
    text = str(summary_col([fit], stars=False, float_format="%.3f"))
    for name, value in fit.params.items():
        row = next(line for line in text.splitlines() if line.startswith(str(name)))
        assert row.split()[-1] == shown(value)


@pytest.mark.parametrize("family", FAMILIES)
def test_stargazer(family: str) -> None:
    pytest.importorskip("stargazer", reason="stargazer is not installed")
    from choicekit.adapters.stargazer import Stargazer

    fit, logit = fitted(family), fitted("logit")
    table = Stargazer([fit, logit])
    page = html.unescape(table.render_html())
    for name, value in fit.params.items():
        row = re.search(rf'<td style="text-align:left">{re.escape(str(name))}</td><td>(.*?)<', page)
        assert row is not None, name
        assert row.group(1) == shown(value)
    assert f"<td>{fit.nobs}</td><td>{logit.nobs}</td>" in page
    assert f"<td>{shown(fit.prsquared)}</td><td>{shown(logit.prsquared)}</td>" in page
    assert r"\begin{table}" in table.render_latex()


def test_stargazer_mixes_with_statsmodels() -> None:
    pytest.importorskip("stargazer", reason="stargazer is not installed")
    import statsmodels.formula.api as smf

    from choicekit.adapters.stargazer import Stargazer

    frame = pd.DataFrame({"x": np.arange(20.0), "y": np.arange(20) % 3 == 0}).astype(float)
    other = smf.logit("y ~ x", frame).fit(disp=False)
    fit: Any = fitted("logit")
    page = Stargazer([fit, other]).render_html()
    assert shown(fit.params["x0"]) in page
    assert shown(other.params["x"]) in page


@pytest.mark.parametrize("family", FAMILIES)
def test_maketables(family: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies, at import
        maketables = pytest.importorskip("maketables", reason="maketables is not installed")
        fit = fitted(family)
        text = maketables.ETable([fit], model_stats=["N", "pseudo_r2", "ll", "aic"]).make("tex")
        reader = maketables.extractors.get_extractor(fit)
    found = reader.coef_table(fit)
    for ours, theirs in (
        (fit.params, "b"),
        (fit.bse, "se"),
        (fit.tvalues, "t"),
        (fit.pvalues, "p"),
    ):
        np.testing.assert_array_equal(found[theirs], ours)
    np.testing.assert_array_equal(found[["ci95l", "ci95u"]], fit.conf_int())
    assert reader.depvar(fit) == fit.model.endog_names
    assert [reader.stat(fit, key) for key in ("N", "ll", "pseudo_r2", "aic", "se_type")] == [
        fit.nobs,
        fit.llf,
        fit.prsquared,
        fit.aic,
        fit.cov_type,
    ]
    first = fit.params.index[0]
    label = re.escape(str(first).replace("[", "=").replace("]", ""))
    assert re.search(rf"^{label} & .*{shown(fit.params[first])}", text, flags=re.MULTILINE)
