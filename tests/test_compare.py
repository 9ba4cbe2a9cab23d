"""The comparison of several fits: its numbers, its refusals, its renderings."""

import dataclasses
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

import choicekit as ck
from choicekit.exceptions import DataError, SpecificationError
from choicekit.report.export import (
    Table,
    csv_table,
    escape_latex,
    html_page,
    latex_table,
    markdown_table,
    text_table,
)
from choicekit.report.format import estimate, fixed_point, with_error

FORMULA = "choice ~ gc + ttme | hinc"


@pytest.fixture(scope="module")
def short_logit(data: ck.ChoiceData) -> Any:
    return ck.logit("choice ~ gc + ttme", data, base="car").fit()


@pytest.fixture(scope="module")
def iid_probit(data: ck.ChoiceData) -> Any:
    return ck.probit(FORMULA, data, base="car", covariance="iid").fit(seed=1)


@pytest.fixture(scope="module")
def pair(logit: Any, probit: Any) -> Any:
    return ck.compare(logit, probit)


@pytest.fixture(scope="module")
def four(logit: Any, iid_probit: Any, probit: Any, short_logit: Any) -> Any:
    return ck.compare(logit, iid_probit, probit, short_logit)


def stopped(fit: Any) -> Any:
    """The fit as if its optimiser had given up."""
    convergence = dataclasses.replace(
        fit.convergence,
        converged=False,
        message="500 iterations were not enough",
        cure="give maxiter=1000.",
    )
    return dataclasses.replace(fit, convergence=convergence)


# --- numbers -----------------------------------------------------------------------------


def test_fit_table(pair: Any, logit: Any, probit: Any) -> None:
    assert pair.names == ("logit", "probit")
    fit = pair.fit
    assert fit.loc["logit", "llf"] == pytest.approx(-189.52515, abs=1e-4)  # Stata's asclogit
    assert fit.loc["logit", "llnull"] == pytest.approx(210 * np.log(0.25))
    counts = np.array([58, 63, 30, 59])  # the published numbers of choices of each mode
    assert fit.loc["logit", "llconst"] == pytest.approx((counts * np.log(counts / 210)).sum())
    assert fit.loc["logit", "rho2"] == pytest.approx(1 - 189.52515 / 291.12182, abs=1e-6)
    assert fit.loc["logit", "rho2_adjusted"] == pytest.approx(1 - 197.52515 / 291.12182, abs=1e-6)
    assert fit.loc["logit", "rho2_constants"] == pytest.approx(1 - 189.52515 / 283.75877, abs=1e-6)
    assert fit.loc["logit", "aic"] == pytest.approx(2 * 189.52515 + 16, abs=1e-3)
    assert fit.loc["logit", "bic"] == pytest.approx(2 * 189.52515 + 8 * np.log(210), abs=1e-3)
    assert list(fit["parameters"]) == [8, 13]
    assert fit["converged"].all()
    assert fit.loc["logit", "llf_se"] == 0


def test_coefficients_side_by_side(four: Any, logit: Any, short_logit: Any) -> None:
    table = four.coefficients
    pd.testing.assert_series_equal(
        table["logit (1)", "estimate"].dropna(), logit.params, check_names=False, check_like=True
    )
    assert table.loc["gc", ("logit (2)", "std_error")] == pytest.approx(short_logit.bse["gc"])
    assert np.isnan(table.loc["hinc[air]", ("logit (2)", "estimate")])
    # grouped by kind, the covariance last
    assert list(table.index[:2]) == ["gc", "ttme"]
    assert all(name.startswith("chol[") for name in table.index[-5:])


def test_scaled_coefficients_have_unit_error_variance(pair: Any, logit: Any, probit: Any) -> None:
    scaled = pair.scaled
    unit = np.pi / np.sqrt(6)
    np.testing.assert_allclose(scaled["logit", "scaled"], logit.params / unit)
    np.testing.assert_allclose(scaled["logit", "std_error"], logit.bse / unit)
    names = list(scaled.index)
    np.testing.assert_allclose(scaled["probit", "scaled"], probit.params[names] / probit.error_sd)


def test_scaled_standard_errors_by_brute_force(pair: Any, probit: Any) -> None:
    # The spread of the scaled coefficient over draws from the estimates' distribution, small
    # enough for the delta method to be exact.
    generator = np.random.default_rng(0)
    shrink = 1e-3
    root = np.linalg.cholesky(probit.cov.to_numpy())
    values = []
    for _ in range(400):
        moved = probit.params + shrink * root @ generator.normal(size=len(root))
        draw = dataclasses.replace(probit, params=moved)
        values.append(moved["ttme"] / draw.error_sd)
    spread = np.std(values) / shrink
    assert pair.scaled.loc["ttme", ("probit", "std_error")] == pytest.approx(spread, rel=0.12)


def test_ratios_by_the_delta_method(pair: Any, logit: Any) -> None:
    assert pair.ratio_to == "gc"
    assert "gc" not in pair.ratios.index
    b, V = logit.params, logit.cov
    ratio = b["ttme"] / b["gc"]
    variance = (
        V.loc["ttme", "ttme"] + ratio**2 * V.loc["gc", "gc"] - 2 * ratio * V.loc["ttme", "gc"]
    )
    assert pair.ratios.loc["ttme", ("logit", "ratio")] == pytest.approx(ratio)
    error = pair.ratios.loc["ttme", ("logit", "std_error")]
    assert error == pytest.approx(np.sqrt(variance) / abs(b["gc"]))


def test_ratios_and_scaled_coefficients_do_not_depend_on_the_scale(data: ck.ChoiceData) -> None:
    errors = [ck.Gumbel(scale=scale) for scale in (1.0, 3.0)]
    both = ck.compare(*(ck.ChoiceModel(FORMULA, data, errors=e, base="car").fit() for e in errors))
    for table in (both.scaled, both.ratios):
        first, second = table.columns.get_level_values(0).unique()
        np.testing.assert_allclose(table[first], table[second], rtol=1e-4)


def test_choice_of_the_denominator(data: ck.ChoiceData, logit: Any, short_logit: Any) -> None:
    assert ck.compare(logit, short_logit, ratio_to="ttme").ratio_to == "ttme"
    # No coefficient sounds like money: the generic one that is known best.
    plain = ck.logit("choice ~ invt + ttme", data, base="car").fit()
    best = max(["invt", "ttme"], key=lambda name: abs(plain.tvalues[name]))
    assert ck.compare(plain).ratio_to == best
    with pytest.raises(SpecificationError, match=r"'gcc' is not a coefficient.*Did you mean 'gc'"):
        ck.compare(logit, ratio_to="gcc")
    apart = ck.compare(
        ck.logit("choice ~ invt | 0", data).fit(), ck.logit("choice ~ ttme | 0", data).fit()
    )
    assert apart.ratio_to is None  # they share constants at most, to which no ratio is of use
    assert apart.ratios.empty
    assert "Ratios" not in str(apart)


def test_fixed_parameters(data: ck.ChoiceData, logit: Any) -> None:
    held = ck.logit(FORMULA, data, base="car").fit(fixed={"gc": -0.02})
    comparison = ck.compare(logit, held, names=["free", "held"])
    assert comparison.ratio_to == "ttme"  # gc has no t in the second model
    assert list(comparison.fit["parameters"]) == [8, 7]
    assert np.isnan(comparison.coefficients.loc["gc", ("held", "std_error")])
    assert re.search(r"^  gc +-0\.01093 \(0\.00459\) +-0\.02000 \(fixed\)$", str(comparison), re.M)
    # A ratio to a fixed coefficient has the numerator's error only.
    ratios = ck.compare(held, ratio_to="gc").ratios
    assert ratios.loc["ttme", ("logit", "std_error")] == pytest.approx(held.bse["ttme"] / 0.02)


def test_simulated_and_exact_probits(data: ck.ChoiceData, logit: Any, probit: Any) -> None:
    simulated = ck.probit(FORMULA, data, base="car", method="ghk").fit(seed=1)
    comparison = ck.compare(logit, probit, simulated, names=["logit", "exact", "simulated"])
    assert (comparison.fit.loc[["logit", "exact"], "llf_se"] == 0).all()
    assert comparison.fit.loc["simulated", "llf_se"] == simulated.simulation.llf_se > 0
    assert re.search(r"^  simulation s\.e\. +none +none +\d", str(comparison), re.M)
    tests = comparison.tests.set_index(["first", "second"])
    assert tests.loc[("logit", "simulated"), "simulation_se"] == simulated.simulation.llf_se
    # one law and one structure: the same model integrated twice is not nested in itself
    assert tests.loc[("exact", "simulated"), "test"] == "Vuong"
    assert tests.loc[("exact", "simulated"), "preferred"] is None
    assert "too small to change this" in ck.compare(logit, simulated).verdict


def test_shares(pair: Any) -> None:
    shares = pair.shares
    expected = {"air": 58 / 210, "train": 63 / 210, "bus": 30 / 210, "car": 59 / 210}
    assert shares["actual"].to_dict() == pytest.approx(expected)
    # A logit with all its constants reproduces the shares.
    assert shares["logit"].to_dict() == pytest.approx(expected, abs=1e-5)
    assert shares["probit"].sum() == pytest.approx(1.0, abs=1e-3)


def test_tests_of_each_pair(four: Any) -> None:
    tests = four.tests.set_index(["first", "second"])
    assert len(tests) == 6
    ratio = tests.loc[("logit (2)", "logit (1)")]
    assert ratio["test"] == "likelihood ratio"
    assert ratio["statistic"] == pytest.approx(20.90294, abs=1e-3)
    assert ratio["pvalue"] == pytest.approx(chi2.sf(20.90294, 3), rel=1e-3)
    assert ratio["preferred"] == "logit (1)"
    assert tests.loc[("probit iid", "probit unstructured"), "df"] == 5
    assert tests.loc[("logit (1)", "probit iid"), "test"] == "Vuong"
    assert tests.loc[("logit (1)", "probit iid"), "df"] is pd.NA
    assert set(four.tests["preferred"]) <= {*four.names, None}


def test_verdict(pair: Any, four: Any) -> None:
    assert "Vuong's test (z = " in pair.verdict
    assert "compare the ratios" in pair.verdict
    assert "AIC" in four.verdict


# --- arguments ---------------------------------------------------------------------------


def test_one_model(logit: Any) -> None:
    alone = ck.compare(logit)
    assert alone.tests.empty
    assert "no other model" in alone.verdict
    assert "Tests" not in str(alone)
    for text in (alone.to_html(), alone.to_latex(), alone.to_markdown()):
        assert "-189.525" in text.replace("$-$", "-")


def test_names(logit: Any, probit: Any) -> None:
    named = ck.compare(logit, probit, names=["MNL", "MNP"])
    assert list(named.fit.index) == ["MNL", "MNP"]
    assert "MNP" in named.verdict
    for bad in (["one"], ["same", "same"]):
        with pytest.raises(SpecificationError, match="2 different names"):
            ck.compare(logit, probit, names=bad)


def test_what_is_not_a_fit(logit: Any) -> None:
    with pytest.raises(SpecificationError, match="at least one fit"):
        ck.compare()
    with pytest.raises(SpecificationError, match=r"is a list, not a fit: write compare\(\*fits\)"):
        ck.compare([logit, logit])
    with pytest.raises(SpecificationError, match=r"call fit\(\) first"):
        ck.compare(logit, logit.model)


def test_refuses_other_cases(logit: Any) -> None:
    frame = ck.load_dataset("travelmode")
    fewer = frame[frame["individual"] != 3]
    other = ck.ChoiceData.from_long(fewer, case="individual", alt="mode", chosen="choice")
    fit = ck.logit(FORMULA, other, base="car").fit()
    with pytest.raises(DataError, match=r"different choices:\n.*cases in 'a' only. \[1 case: 3\]"):
        ck.compare(logit, fit, names=["a", "b"])


def test_is_frozen_and_pickles(pair: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.verdict = "mine"
    again = pickle.loads(pickle.dumps(pair))
    assert str(again) == str(pair)
    assert repr(pair) == "<Comparison of logit, probit>"


# --- renderings --------------------------------------------------------------------------


class Checker(HTMLParser):
    """Checks that tags close in order, and collects the text."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def checked_html(page: str) -> str:
    """Text of a page, after checking that it is well formed and needs no network."""
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert not checker.open
    assert not checker.links
    assert "url(" not in page
    assert "@import" not in page
    return " ".join(" ".join(checker.text).split())


def check_latex(text: str) -> None:
    """Braces balance, environments close in order, every row has its table's columns."""
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for columns, body in re.findall(
        r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S
    ):
        for line in body.strip().splitlines():
            if "&" in line and "multicolumn" not in line:
                assert len(re.findall(r"(?<!\\)&", line)) == len(columns) - 1


def test_text(pair: Any, four: Any, capsys: Any) -> None:
    for comparison in (pair, four):
        text = str(comparison)
        assert max(map(len, text.splitlines())) <= 100
        assert text.isascii()
        assert not any(line != line.rstrip() for line in text.splitlines())
    text = str(pair)
    assert text.startswith("Comparison of 2 models\n210 cases, 4 alternatives: air, ")
    assert re.search(r"^Log-likelihood +-189\.525 +-1\d\d\.\d{3}$", text, re.M)
    assert re.search(r"^  gc +-0\.01093 \(0\.00459\)  -0\.\d+ \(0\.\d+\)$", text, re.M)
    assert re.search(r"^BIC +421\.827\*", text, re.M)
    assert "Verdict: " in text


def test_html(pair: Any) -> None:
    page = pair.to_html()
    text = checked_html(page)
    assert page.startswith("<!DOCTYPE html>")
    assert "-189.525" in text
    assert "choice ~ gc + ttme | hinc" in text
    assert "27.6%" in text
    checked_html(pair._repr_html_())


def test_markdown(pair: Any) -> None:
    text = pair.to_markdown()
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1
    assert "| Log-likelihood | -189.525 |" in text
    assert r"hinc\[air\]" in text


def test_latex(pair: Any) -> None:
    text = pair.to_latex()
    check_latex(text)
    assert r"Log-likelihood & $-$189.525 &" in text
    assert r"hinc{[}air{]}" in text
    assert r"27.6\%" in text


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html", ".tex"])
def test_save(pair: Any, tmp_path: Path, suffix: str) -> None:
    path = pair.save(tmp_path / f"report{suffix}")
    assert "189.525" in path.read_text(encoding="utf-8")


def test_save_refuses_unknown_suffixes(pair: Any, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"'report.docx' .* \.txt \.md \.html"):
        pair.save(tmp_path / "report.docx")
    assert not list(tmp_path.iterdir())


def test_a_fit_that_did_not_converge_comes_first(logit: Any, probit: Any) -> None:
    comparison = ck.compare(logit, stopped(probit))
    assert not comparison.fit.loc["probit", "converged"]
    text = str(comparison)
    warning = (
        "WARNING: probit did not converge (500 iterations were not enough). Give maxiter=1000."
    )
    assert warning in " ".join(text[: text.index("\nFit ")].split())
    assert comparison.verdict.startswith("probit did not converge")
    assert "fits" not in comparison.verdict  # there is nothing to rank
    among = ck.compare(logit, probit, stopped(probit), names=["one", "two", "three"]).verdict
    assert among.startswith("three did not converge")
    assert "one fits better: its log-likelihood is 0.57 above that of two" in among
    for page in (checked_html(comparison.to_html()), comparison.to_markdown()):
        assert page.index("500 iterations") < page.index("189.525")
    assert "500 iterations" in comparison.to_latex()


# --- tables of any text ------------------------------------------------------------------

cells = st.text(
    st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=12
).map(str.strip)


@st.composite
def tables(draw: Any) -> Table:
    n_columns = draw(st.integers(2, 5))
    row = st.tuples(*[cells] * n_columns)
    rows = draw(st.lists(st.one_of(row, st.tuples(cells)), max_size=5))
    return Table(draw(cells), draw(row), tuple(rows), note=draw(cells))


@given(tables())
def test_any_table_renders_well_formed(table: Table) -> None:
    page = html_page(
        "report.html.j2",
        title="t",
        sample="",
        warnings=[],
        verdict="",
        models={},
        tables=[table],
    )
    text = checked_html(page)
    check_latex(latex_table(table).replace(r"\textbackslash{}", ""))
    lines = markdown_table(table).splitlines()[2 : 4 + len(table.rows)]
    plain = [line.replace(r"\\", "") for line in lines]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in plain}) == 1
    for cell in (cell for row in table.rows for cell in row):
        assert " ".join(cell.split()) in text
        assert cell in text_table(table)
    assert len(csv_table(table).splitlines()) == 1 + len(table.rows)


def test_latex_escapes_everything_special() -> None:
    escaped = escape_latex(r"a_b & 50% #1 {x} $y$ ~ ^ \ | < > [c] -1.5 x-1")
    assert escaped == (
        r"a\_b \& 50\% \#1 \{x\} \$y\$ \textasciitilde{} \textasciicircum{} \textbackslash{} "
        r"\textbar{} \textless{} \textgreater{} {[}c{]} $-$1.5 x-1"
    )


def test_wide_tables_continue_below() -> None:
    table = Table("Many", ("", *"abcd"), (("row", *["x" * 30] * 4), ("only a", "y", "", "", "")))
    text = text_table(table, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("x" * 30) == 4
    assert text.count("only a") == 1


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (-0.015501525, 0.004407993, "-0.01550 (0.00441)"),
        (5.2074433, 0.7790551, "5.207 (0.779)"),
        (-537.625, 238.398, "-538 (238)"),
        (123456.7, 1234.5, "123457 (1234)"),
        (-1e-7, 0.5, "0.000 (0.500)"),
        (3.2e-7, 1.1e-8, "0.0000003200 (0.0000000110)"),
        (1.5, float("nan"), "1.500 (n/a)"),
        (float("nan"), float("nan"), ""),
    ],
)
def test_digits_follow_the_standard_error(value: float, error: float, shown: str) -> None:
    assert with_error(value, error) == shown


def test_numbers_without_a_standard_error() -> None:
    assert estimate(0.0012345) == "0.001234"
    assert with_error(1.0, float("nan"), fixed=True) == "1.000 (fixed)"
    assert fixed_point(1e12, 3) == "1e+12"
