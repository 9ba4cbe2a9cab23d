"""The full report: what it says, in which form, and the same bytes every time."""

from __future__ import annotations

import dataclasses
import pickle
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.report.page.assemble import ReportOptions, affordable_cases, report_page
from choicekit.report.page.blocks import Items, Page, Picture, Section, Text
from choicekit.report.page.pictures import inline_svg, svg_text
from choicekit.report.page.substitution import find_substitution, substitution_finding
from choicekit.report.page.write import as_html, as_latex, as_markdown, write_page

FORMULA = "choice ~ gc + ttme | hinc"
NASTY = 'A <b> & "C" | _x_ $5 #1 50% {y} ~z \\'


@pytest.fixture(scope="module")
def probit(data: ck.ChoiceData) -> Any:
    return ck.probit(FORMULA, data, base="car", covariance="heteroskedastic").fit(seed=1)


@pytest.fixture(scope="module")
def pair(logit: Any, probit: Any) -> Any:
    return ck.compare(logit, probit)


@pytest.fixture(scope="module")
def page(pair: Any) -> Page:
    return report_page(pair, ReportOptions())


@pytest.fixture(scope="module")
def html(page: Page) -> str:
    return as_html(page)


@pytest.fixture(scope="module")
def small(data: ck.ChoiceData) -> Any:
    return ck.compare(ck.logit("choice ~ gc", data, base="car").fit())


class Outline(HTMLParser):
    """Tags, ids, table headers and addresses of a page; fails where tags do not match."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.scopes: list[str | None] = []
        self.addresses: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "th":
            self.scopes.append(found.get("scope"))
        self.addresses += [str(v) for k, v in attrs if k in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


# -- what it holds ----------------------------------------------------------------------------


def test_the_sections_in_order(page: Page) -> None:
    assert [section.anchor for section in page.sections] == [
        "summary",
        "data",
        "models",
        "coefficients",
        "fit",
        "simulation",
        "substitution",
        "shares",
        "calibration",
        "elasticities",
        "wtp",
        "identification",
        "appendix",
    ]
    names = [b.name for s in page.sections for b in s.blocks if isinstance(b, Picture)]
    assert names == [
        "coefficients",
        "substitution",
        "shares",
        "calibration",
        "curve",
        "wtp-1",
    ]


def test_the_page_is_whole_and_needs_nothing_else(html: str) -> None:
    outline = Outline(html)
    assert html.startswith("<!DOCTYPE html>\n<html lang=")
    assert outline.tags.count("figure") == outline.tags.count("svg") == 6
    assert "script" not in outline.tags
    assert all(address.startswith(("#", "data:")) for address in outline.addresses)
    assert "url(#" in html
    assert not re.search(r"url\((?!#)|@import", html)
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.scopes
    assert set(outline.scopes) <= {"col", "row", "colgroup"}
    wanted = re.findall(r'(?:href="#|url\(#)([^")]+)', html)
    assert set(wanted) <= set(outline.ids)


def test_the_numbers_are_those_of_the_fits(html: str, logit: Any, probit: Any) -> None:
    text = html.replace("\u2212", "-")
    assert "-189.525" in text  # Stata's asclogit, tests/reference
    table = probit.diversion("car").set_index("to")["estimate"]
    assert f"{100 * table['bus']:.1f} (" in text
    elasticity = logit.elasticities("gc")
    own = elasticity[(elasticity["of"] == "air") & (elasticity["by"] == "air")].iloc[0]
    assert f"{own['estimate']:.3f} (" in text
    assert f"{logit.brier():.4f}" in text
    # the coefficients that the reader sees first are those of the fit
    assert f"{logit.params['ttme']:.4f} ({logit.bse['ttme']:.4f})" in text


def test_what_the_logits_assumption_costs(pair: Any, logit: Any, probit: Any) -> None:
    found = find_substitution(pair, 10_000)
    assert not isinstance(found, str)
    assert found.reference == "logit"
    assert found.logit
    ours = found.moved("probit")
    for removed in ("air", "train", "bus", "car"):
        one, other = (f.diversion(removed).set_index("to")["estimate"] for f in (logit, probit))
        # people who go where the other model does not send them
        assert ours[removed] == pytest.approx((one - other).clip(lower=0).sum())
    shares = np.array([58, 63, 30, 59]) / 210
    assert found.moved_on_average("probit") == pytest.approx(shares @ ours.to_numpy())
    assert found.moved("probit").between(0, 1).all()
    ((lead, text),) = substitution_finding(found)
    assert lead == "What it means for substitution."
    assert "logit" in text
    assert "probit" in text


def test_the_tests_of_independence(pair: Any, logit: Any, page: Page) -> None:
    found = find_substitution(pair, 10_000)
    assert not isinstance(found, str)
    assert list(found.tests) == ["air", "train", "bus", "car"]
    expected = {label: logit.hausman_mcfadden(label).pvalue for label in found.tests}
    assert {label: test.pvalue for label, test in found.tests.items()} == expected
    rejected = sum(p < 0.05 for p in expected.values())
    assert f"Of 4 Hausman-McFadden tests {rejected} reject" in substitution_finding(found)[0][1]


def test_models_that_agree_are_said_to_agree(logit: Any, data: ck.ChoiceData) -> None:
    nests = {"ground": ["train", "bus", "car"]}
    model = ck.ChoiceModel(FORMULA, data, errors=ck.Nested(nests), base="car")
    same = model.fit(fixed={"lambda[ground]": 1.0})
    found = find_substitution(ck.compare(logit, same), 10_000)
    assert not isinstance(found, str)
    assert found.moved("nested logit").max() < 1e-6  # a nested logit at lambda 1 is the logit
    assert "agree" in substitution_finding(found)[0][1]


def test_a_fit_that_did_not_converge_counts_for_nothing(
    logit: Any, probit: Any, tmp_path: Path
) -> None:
    convergence = dataclasses.replace(
        probit.convergence, converged=False, message="it <stopped>", cure="Give maxiter=1000."
    )
    stopped = dataclasses.replace(probit, convergence=convergence)
    comparison = ck.compare(logit, stopped)
    page = report_page(comparison, ReportOptions())
    summary = page.sections[0].blocks[0]
    assert isinstance(summary, Items)
    said = dict(summary.items)
    assert "nothing to compare" in said["Which model."]
    assert "probit" not in said["What it means for substitution."].split(":")[0]
    html = as_html(page)
    assert html.index("it &lt;stopped&gt;") < html.index("In short")
    assert "<stopped>" not in html


def test_one_fit_alone(logit: Any, tmp_path: Path) -> None:
    path = ck.compare(logit).report(tmp_path / "one.html")
    text = path.read_text(encoding="utf-8")
    Outline(text)
    assert "conditional logit: it assumes" in text
    assert "elsewhere than" not in text
    assert "<h1>Model logit</h1>" in text


def test_simulated_models_report_the_error_of_simulation(logit: Any, data: ck.ChoiceData) -> None:
    ghk = ck.probit(FORMULA, data, base="car", covariance="iid", method="ghk", draws=32)
    fit = ghk.fit(seed=7)
    page = report_page(ck.compare(logit, fit), ReportOptions())
    (section,) = [s for s in page.sections if s.anchor == "simulation"]
    table = section.blocks[0]
    assert isinstance(table, ck.report.export.Table)
    share = max(np.asarray(fit.simulation.coef_se) / fit.bse)
    assert table.rows[1][3] == f"{100 * share:.1f}%"
    assert "seed 7" in table.rows[1][1]


def test_ordered_answers_cannot_be_withdrawn() -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(size=300)
    rating = np.digitize(x + generator.logistic(size=300), [-1.0, 1.0])
    frame = pd.DataFrame({"x": x, "rating": np.array(["low", "middle", "high"])[rating]})
    data = ck.ChoiceData.from_wide(frame, alternatives=["low", "middle", "high"], chosen="rating")
    page = report_page(ck.compare(ck.ordered("rating ~ x", data).fit()), ReportOptions())
    (section,) = [s for s in page.sections if s.anchor == "substitution"]
    assert isinstance(section.blocks[0], Text)
    assert "none can be withdrawn" in section.blocks[0].text
    Outline(as_html(page))


def test_classes_panels_and_folds(tmp_path: Path) -> None:
    generator = np.random.default_rng(8)
    people, times = 60, 4
    cost = generator.uniform(0, 4, (people * times, 3))
    taste = np.where(np.repeat(np.arange(people), times) % 2, -2.0, -0.3)
    chosen = (taste[:, None] * cost + generator.gumbel(size=cost.shape)).argmax(axis=1)
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(len(cost)), 3),
            "who": np.repeat(np.arange(people), 3 * times),
            "brand": np.tile(list("abc"), len(cost)),
            "cost": cost.ravel(),
            "y": (np.arange(3) == chosen[:, None]).ravel(),
        }
    )
    data = ck.ChoiceData.from_long(frame, case="case", alt="brand", chosen="y", person="who")
    classes = ck.logit("y ~ cost | 0", data, mixing=ck.LatentClasses(2)).fit(starts=2)
    mixed = ck.logit("y ~ cost | 0", data, mixing=ck.RandomCoefficients(cost="normal"))
    comparison = ck.compare(classes, mixed.fit(draws=64), folds=2)
    text = comparison.report(tmp_path / "panel.html", price="cost").read_text(encoding="utf-8")
    Outline(text)
    assert "60, 4 cases each on average" in text
    assert "Out of sample" in text
    assert text.count("<figure>") >= 5


# -- options ----------------------------------------------------------------------------------


def test_options(pair: Any, tmp_path: Path) -> None:
    path = pair.report(
        tmp_path / "r.html",
        title=NASTY,
        date="1 <May> 2024",
        price="ttme",
        wtp=["gc"],
        elasticities=["hinc"],
        most_cases=50,
    )
    text = path.read_text(encoding="utf-8")
    assert "<h1>A &lt;b&gt; &amp; &#34;C&#34; | _x_ $5 #1 50% {y} ~z \\</h1>" in text
    assert "1 &lt;May&gt; 2024" in text
    assert "in units of ttme" in text
    assert "Predicted for 50 of the cases" in text
    assert "Of 50 of the cases" in text
    (own,) = re.findall(r"<h3>Own elasticities</h3>.*?</table>", text, flags=re.DOTALL)
    assert re.findall(r'<tr class="group"><th[^>]*>(.*?)</th>', own) == ["hinc"]


def test_other_suffixes_are_refused_before_the_work(pair: Any, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"\.html .* \.tex"):
        pair.report(tmp_path / "report.docx")
    assert not list(tmp_path.iterdir())


def test_a_comparison_without_its_fits_says_so(pair: Any, tmp_path: Path) -> None:
    bare = dataclasses.replace(pair, _fits={})
    with pytest.raises(SpecificationError, match="Cure"):
        bare.report(tmp_path / "r.html")


# -- the same bytes ---------------------------------------------------------------------------


def test_the_same_results_give_the_same_bytes(small: Any, tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(small))
    for folder, comparison in (("a", small), ("b", again)):
        (tmp_path / folder).mkdir()
        page = report_page(comparison, ReportOptions())
        for suffix in (".html", ".md", ".tex"):
            write_page(page, tmp_path / folder / f"r{suffix}")
    ours = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.*"))
    theirs = sorted(p.relative_to(tmp_path / "b") for p in (tmp_path / "b").rglob("*.*"))
    assert ours == theirs
    assert len(ours) == 3 + 2 * 5
    for name in ours:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_second_fit_gives_the_same_report(small: Any, data: ck.ChoiceData) -> None:
    again = ck.compare(ck.logit("choice ~ gc", data, base="car").fit())
    one, other = (report_page(comparison, ReportOptions()) for comparison in (small, again))
    assert as_markdown(one, "x") == as_markdown(other, "x")


# -- Markdown and LaTeX -----------------------------------------------------------------------


def test_markdown(small: Any, tmp_path: Path) -> None:
    text = small.report(tmp_path / "my report.md").read_text(encoding="utf-8")
    assert text.startswith("# Model logit\n")
    shown = re.findall(r"!\[[^\]]+\]\(<([^>]+)>\)", text)
    assert len(shown) == 5
    assert all((tmp_path / name).read_text().startswith("<?xml") for name in shown)
    tables = re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE)
    assert len(tables) >= 10
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(widths) == 1


def special() -> Page:
    """A page whose every text is full of characters that mean something somewhere."""
    from choicekit.report.export import Table
    from choicekit.report.plots.style import axes_of

    blocks = (
        Text(NASTY, lead=NASTY),
        Text(NASTY, "warning"),
        Items(((NASTY, NASTY), ("", NASTY))),
        Items(((NASTY, NASTY), ("", NASTY)), "facts", code=True),
        Table(NASTY, (NASTY, NASTY), ((NASTY,), (NASTY, NASTY)), NASTY),
        Picture("p", lambda: axes_of(None, (3, 2)), NASTY, NASTY),
    )
    return Page(NASTY, NASTY, NASTY, (NASTY,), (Section(NASTY, "a", blocks),) * 1)


def test_special_characters_in_html() -> None:
    text = as_html(special())
    Outline(text)
    assert "<b>" not in text
    assert "&amp;amp;" not in text


def test_latex(small: Any, tmp_path: Path) -> None:
    text = small.report(tmp_path / "r.tex").read_text(encoding="utf-8")
    for name in ("document", "table", "tabular", "itemize", "description", "figure"):
        assert text.count(rf"\begin{{{name}}}") == text.count(rf"\end{{{name}}}") > 0
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == text.count(r"\begin{tabular}")
    shown = re.findall(r"\\includegraphics\[[^\]]+\]\{([^}]+)\}", text)
    assert len(shown) == 5
    assert all((tmp_path / name).read_bytes().startswith(b"%PDF") for name in shown)
    # each row has as many cells as its table has columns
    for columns, body in re.findall(
        r"\\begin\{tabular\}\{(\w+)\}(.*?)\\bottomrule", text, re.DOTALL
    ):
        for row in re.findall(r"^(.*?) \\\\$", body, re.MULTILINE):
            if "multicolumn" not in row:
                assert len(re.findall(r"(?<!\\)&", row)) == len(columns) - 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
@pytest.mark.parametrize("kind", ["report", "special"])
def test_latex_compiles(small: Any, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "r.tex"
    if kind == "report":
        small.report(path)
    else:
        picture = special().sections[0].blocks[-1]
        assert isinstance(picture, Picture)
        (tmp_path / "pictures").mkdir()
        picture.draw().figure.savefig(tmp_path / "pictures" / "p.pdf")
        path.write_text(as_latex(special(), "pictures"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout.decode(errors="replace")[-2000:]


def test_special_characters_in_markdown() -> None:
    text = as_markdown(special(), "pictures")
    body = re.sub(r"`[^`]*`", "", text)
    assert "<b>" not in body.replace(r"\<b\>", "")
    assert not re.search(r"(?<!\\)\$5\|", body)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in rows} == {3}


# -- pictures ---------------------------------------------------------------------------------


def test_an_inline_picture_keeps_its_style_and_names_to_itself(logit: Any) -> None:
    ax = ck.plots.shares(logit)
    text = inline_svg(ax, "one", 'say "this" & <that>')
    assert text.startswith("<svg")
    assert "<style" not in text
    assert "<metadata" not in text
    assert 'aria-label="say &#34;this&#34; &amp; &lt;that&gt;"' in text
    assert all(name.startswith("one-") for name in re.findall(r'\bid="([^"]+)"', text))
    assert all(name.startswith("one-") for name in re.findall(r'href="#([^"]+)"', text))
    other = inline_svg(ax, "two", "x")
    assert not set(re.findall(r'\bid="([^"]+)"', text)) & set(re.findall(r'\bid="([^"]+)"', other))


def test_a_picture_file_has_no_date(logit: Any) -> None:
    text = svg_text(ck.plots.shares(logit), "x")
    assert "dc:date" not in text
    assert text == svg_text(ck.plots.shares(logit), "x")


def test_many_draws_take_fewer_cases(logit: Any) -> None:
    drawn = ck.results.Simulation("ghk", "scrambled Sobol", 2048, 1, 0.1, 0, 210)
    simulated = dataclasses.replace(logit, simulation=drawn)
    assert affordable_cases(ck.compare(logit)) == 2000
    assert affordable_cases(ck.compare(logit, simulated)) == 6_000_000 // 2048 // 4**2
    more = dataclasses.replace(simulated, simulation=dataclasses.replace(drawn, draws=1 << 20))
    assert affordable_cases(ck.compare(more)) == 100
