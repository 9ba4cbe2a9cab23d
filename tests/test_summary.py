"""The summary of one fit."""

import csv
import dataclasses
import io
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
from statsmodels.iolib.summary import Summary
from statsmodels.iolib.summary2 import summary_col

import choicekit as ck

FORMULA = "choice ~ gc + ttme | hinc"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return ck.load_dataset("travelmode")


def test_logit(logit: Any) -> None:
    # Numbers of Greene's travel-mode data, those that Stata's asclogit gives, see tests/reference.
    summary = logit.summary()
    assert isinstance(summary, Summary)
    text = str(summary)
    lines = text.splitlines()
    assert lines[0].strip() == "Conditional logit"
    assert lines[1].strip() == FORMULA
    assert max(map(len, lines)) <= 100
    assert re.search(r"^Cases +210 +with constants only +-283\.759$", text, re.M)
    assert re.search(r"Log-likelihood +-189\.525$", text, re.M)
    assert re.search(r"AIC +395\.050$", text, re.M)
    assert re.search(
        r"^  gc +-0\.01093 +0\.00459 +-2\.382 +0\.017 +-0\.01992 +-0\.00194$", text, re.M
    )
    headings = [line for line in lines if line in ("Generic coefficients", *OTHER_HEADINGS)]
    assert headings == ["Generic coefficients", *OTHER_HEADINGS[:2]]


OTHER_HEADINGS = [
    "Alternative-specific constants",
    "Case-specific coefficients",
    "Parameters of the errors",
]


def test_probit(probit: Any) -> None:
    text = str(probit.summary())
    assert text.startswith(" ")
    assert "Multinomial probit, unstructured covariance" in text
    assert "Parameters of the errors\n  chol[" in text
    assert "Notes:\n[1] " in text
    for note in probit.notes:
        assert " ".join(note.split()) in " ".join(text.replace("\n    ", " ").split())


def test_simulation_error_is_shown(data: ck.ChoiceData) -> None:
    fit = ck.probit(FORMULA, data, base="car", method="ghk", draws=32).fit(seed=7)
    text = str(fit.summary())
    noise = f"{fit.simulation.llf_se:.2g}"
    assert f"Log-likelihood  {fit.llf:.3f} (sim. s.e. {noise})" in re.sub(" {3,}", "  ", text)
    assert re.search(r"^Probabilities +simulated \(GHK\)", text, re.M)
    assert re.search(r"^Draws +32 scrambled Sobol\b", text, re.M)
    assert re.search(r"^Seed +7\b", text, re.M)


def test_exact_probabilities_have_no_simulation_error(probit: Any) -> None:
    text = str(probit.summary())
    assert "sim. s.e." not in text
    assert re.search(r"^Probabilities +exact \(quadrature\)", text, re.M)


def stopped(fit: Any) -> Any:
    """The fit as if its optimiser had given up."""
    convergence = dataclasses.replace(
        fit.convergence,
        converged=False,
        message="500 iterations were not enough",
        cure="Give maxiter=1000 & more_draws.",
    )
    return dataclasses.replace(fit, convergence=convergence)


def test_a_fit_that_did_not_converge_says_so_first(probit: Any) -> None:
    summary = stopped(probit).summary()
    first = " ".join(summary.as_text().splitlines()[:3])
    assert first.startswith("WARNING: this fit did not converge")
    assert "500 iterations were not enough." in first
    assert "Cure: Give maxiter=1000" in first
    html = summary.as_html()
    assert html.index("WARNING: this fit did not converge") < html.index("Log-likelihood")
    assert summary.as_latex().startswith(r"\textbf{WARNING")
    assert r"1000 \& more\_draws." in summary.as_latex()
    assert summary.as_csv().startswith('"WARNING')


def test_confidence_level(logit: Any) -> None:
    text = str(logit.summary(alpha=0.1))
    assert re.search(r"\[0\.05 +0\.95\]$", text, re.M)
    low = logit.conf_int(0.1).loc["gc"].iloc[0]
    assert f"{low:.5f}" in text


def test_fixed_parameters_have_no_standard_error(data: ck.ChoiceData) -> None:
    fit = ck.logit(FORMULA, data, base="car").fit(fixed={"hinc[bus]": -0.03})
    text = str(fit.summary())
    assert re.search(r"^  hinc\[bus\] +-0\.03000 +fixed$", text, re.M)
    assert re.search(r"^Parameters +7\b", text, re.M)


def test_dropped_cases_are_told(frame: pd.DataFrame) -> None:
    holed = frame.assign(gc=frame["gc"].where(frame["individual"] != 4))
    data = ck.ChoiceData.from_long(
        holed, case="individual", alt="mode", chosen="choice", missing="drop"
    )
    text = str(ck.logit(FORMULA, data, base="car").fit().summary())
    assert re.search(r"^Cases +209\b", text, re.M)
    assert "Left out, 1 case" in text


def test_no_constants(data: ck.ChoiceData) -> None:
    text = str(ck.logit("choice ~ gc + ttme | 0", data).fit().summary())
    assert "LR against equal shares" in text
    assert "Alternative-specific constants" not in text


def test_panels_and_ragged_choice_sets(frame: pd.DataFrame) -> None:
    panel = frame.assign(person=frame["individual"] % 30)
    ragged = panel.drop(panel.index[(panel["choice"] == 0) & (panel["mode"] == "bus")][:9])
    data = ck.ChoiceData.from_long(
        ragged, case="individual", alt="mode", chosen="choice", person="person"
    )
    text = str(ck.logit(FORMULA, data, base="car").fit().summary())
    assert re.search(r"^People +30\b", text, re.M)
    assert re.search(r"^Available in a case +3 to 4\b", text, re.M)


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.rows += tag == "tr"
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html(probit: Any) -> None:
    html = probit.summary().as_html()
    parser = Balanced()
    parser.feed(html)
    assert not parser.open
    assert parser.rows > len(probit.params)
    assert "P&gt;|z|" in html
    assert f"{probit.params['gc']:.5f}"[:8] in html


def test_latex(probit: Any) -> None:
    latex = probit.summary().as_latex()
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 2
    assert r"choice \textasciitilde{} gc + ttme \textbar{} hinc" in latex
    assert "chol{[}" in latex
    assert not re.search(r"(?<!\\)[_%#]", latex)


def test_csv(logit: Any) -> None:
    rows = list(csv.reader(io.StringIO(logit.summary().as_csv())))
    header = next(row for row in rows if row[1:2] == ["coef"])
    gc = next(row for row in rows if row[0].strip() == "gc")
    assert len(gc) == len(header) == 7
    assert float(gc[1]) == pytest.approx(logit.params["gc"], abs=1e-5)


def test_tables_are_statsmodels_tables(logit: Any) -> None:
    facts, parameters = logit.summary().tables
    assert "Log-likelihood" in facts.as_text()
    assert "ttme" in parameters.as_text()


def test_summary_col(logit: Any, probit: Any) -> None:
    text = summary_col(
        [logit, probit],
        model_names=["logit", "probit"],
        stars=True,
        info_dict={"Log-likelihood": lambda fit: f"{fit.llf:.3f}"},
    ).as_text()
    assert re.search(r"^ttme +-0\.0955\*\*\* +-0\.\d{4}\**", text, re.M)
    assert re.search(r"^ +\(0\.0105\)", text, re.M)
    assert re.search(r"^chol\[\S+ +0\.\d{4}", text, re.M)
    assert re.search(r"^Log-likelihood +-189\.525", text, re.M)
