"""The full report in a real browser: on a screen, on a telephone, on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

from .chromium import Browser

LAYOUT = (Path(__file__).parent / "layout.js").read_text()
A4_BETWEEN_MARGINS = 665  # CSS pixels: 210 mm less two margins of 17 mm
NAMES = [
    "A model <b>with</b> a long & winding name",
    "Unverständlich_langerBezeichner_ohne_jede_Trennstelle",
    "nested",
    "the other one",
]


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    frame = ck.load_dataset("travelmode")
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


def crowd(seed: int = 5) -> ck.ChoiceData:
    """Twelve alternatives with long and strange names, 400 choices by a logit."""
    generator = np.random.default_rng(seed)
    labels = [f"Brand {k} <i>& Söhne</i>, family size 500 g" for k in range(12)]
    cost = generator.uniform(1, 3, (400, 12))
    chosen = (-1.5 * cost + generator.gumbel(size=cost.shape)).argmax(axis=1)
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(400), 12),
            "brand": np.tile(labels, 400),
            "price_per_unit_of_weight_in_euro": cost.ravel(),
            "taken": (np.arange(12) == chosen[:, None]).ravel().astype(int),
        }
    )
    return ck.ChoiceData.from_long(frame, case="case", alt="brand", chosen="taken")


@pytest.fixture(scope="module")
def pages(travel: ck.ChoiceData, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    formula = "choice ~ gc + ttme | hinc"
    logit = ck.logit(formula, travel, base="car").fit()
    nests = {"ground": ["train", "bus", "car"]}
    four = [
        logit,
        ck.probit(formula, travel, base="car").fit(seed=1),
        ck.ChoiceModel(formula, travel, errors=ck.Nested(nests), base="car").fit(),
        ck.logit("choice ~ gc + ttme", travel, base="car").fit(),
    ]
    many = ck.logit("taken ~ price_per_unit_of_weight_in_euro", crowd())
    with pytest.warns(ck.ConvergenceWarning):
        stopped = many.fit(maxiter=1)
    return {
        "two": ck.compare(*four[:2]).report(folder / "two.html"),
        "four": ck.compare(*four, names=NAMES).report(folder / "four.html", date="1 May 2024"),
        "many": ck.compare(many.fit(), stopped, names=["done", "stopped"]).report(
            folder / "many.html", title="Twelve <brands> & a comparison"
        ),
        "alone": ck.compare(logit).report(folder / "alone.html"),
    }


def broken(browser: Browser, path: Path, width: int) -> list[str]:
    browser.open(path, width)
    requests = [url for url in browser.requests() if not url.startswith("data:")]
    found: list[Any] = browser.evaluate(LAYOUT)
    return [*found, *browser.complaints(), *(f"loads {url}" for url in requests[1:])]


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("page", ["two", "four", "many", "alone"])
def test_nothing_is_broken(browser: Browser, pages: dict[str, Path], page: str, width: int) -> None:
    assert broken(browser, pages[page], width) == []


@pytest.mark.parametrize("page", ["two", "four", "many", "alone"])
def test_nothing_is_cut_in_print(browser: Browser, pages: dict[str, Path], page: str) -> None:
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert broken(browser, pages[page], A4_BETWEEN_MARGINS) == []
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


def test_printing_makes_pages_of_a4(browser: Browser, pages: dict[str, Path]) -> None:
    browser.open(pages["four"], 1280)
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    # 210 x 297 mm in points
    assert b"/MediaBox [0 0 594.95996 841.91998]" in pdf or b"/MediaBox [0 0 595" in pdf


def test_a_reader_with_the_keyboard_reaches_wide_tables(
    browser: Browser, pages: dict[str, Path]
) -> None:
    browser.open(pages["four"], 400)
    unreachable = browser.evaluate(
        "[...document.querySelectorAll('.scroll')]"
        ".filter(box => box.scrollWidth > box.clientWidth + 1 && box.tabIndex !== 0).length"
    )
    assert unreachable == 0
    assert browser.evaluate("document.documentElement.lang") == "en"


BREAKAGES = {
    "the page is 3": '<div style="width: 3000px">x</div>',
    "the id data is there twice": '<p id="data">x</p>',
    "leads nowhere": '<a href="#nowhere">x</a>',
    "has no picture": "<figure>x</figure>",
    "missing picture": '<img src="data:image/png;base64,AAAA" alt="">',
    "the picture is empty": '<figure><svg aria-label="a" width="300" height="300"></svg></figure>',
    "lacks the part": '<figure><svg aria-label="a" width="300" height="300">'
    '<rect width="90" height="90"/><use href="#gone"/></svg></figure>',
    "is tiny": '<p style="font-size: 4px">very small print</p>',
    "lies over": '<p>first words</p><p style="margin-top: -2.2em">other words</p>',
    "wider than its cell": '<table style="table-layout: fixed; width: 90px"><tr>'
    '<td style="width: 40px; min-width: 0">Unbreakable</td><td>x</td></tr></table>',
    "error: ": "<script>console.error('no')</script>",
    "loads ": '<img src="missing-file.png" alt="">',
}


@pytest.mark.parametrize("sentence", BREAKAGES)
def test_what_is_broken_is_noticed(
    browser: Browser, pages: dict[str, Path], tmp_path: Path, sentence: str
) -> None:
    text = pages["alone"].read_text(encoding="utf-8")
    page = tmp_path / "broken.html"
    page.write_text(text.replace("</main>", BREAKAGES[sentence] + "</main>"), encoding="utf-8")
    assert any(sentence in found for found in broken(browser, page, 1280))
