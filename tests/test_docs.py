"""The code of the documentation runs in order, a page at a time, and prints what is shown."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import choicekit as ck

from .documents import examples, printed, require_shown

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
NEEDS = {"neural": "torch"}  # pages whose code runs only where a library is installed


def str_of(page: Path) -> str:
    return page.relative_to(ROOT / "docs").with_suffix("").as_posix()


def with_code() -> list[Path]:
    return [page for page in PAGES if examples(page.read_text())]


def test_there_are_pages_with_code() -> None:
    assert with_code()


@pytest.mark.parametrize("page", with_code(), ids=str_of)
def test_the_code_of_a_page_prints_what_is_shown(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    needed = NEEDS.get(page.stem)
    if needed and find_spec(needed) is None:
        pytest.skip(f"needs {needed}: pip install 'choicekit[{needed}]'")
    names: dict[str, Any] = {}
    for code, shown in examples(page.read_text()):
        output = printed(code, page.name, names)
        if shown is not None:
            require_shown(shown, output)
    if "plt" in names:
        names["plt"].close("all")


@pytest.mark.parametrize("page", PAGES, ids=str_of)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


def test_the_reference_shows_names_that_exist() -> None:
    """A name that no page shows is added by docs/hooks.py when the site is built."""
    pages = [page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md")]
    shown = re.findall(r"^::: choicekit\.(\w+)$", "\n".join(pages), flags=re.MULTILINE)
    assert len(shown) > 30
    assert set(shown) <= set(ck.__all__)
    assert len(shown) == len(set(shown))


def test_a_wrong_output_is_noticed() -> None:
    page = "```python\nprint('a')\nprint('b  1')\n```\n\nSo:\n\n```text\nb 2\n```\n"
    ((code, shown),) = examples(page)
    assert shown is not None
    output = printed(code, "page", {})
    require_shown("a\nb 1\n", output)
    require_shown("b 1\n", output)
    for wrong in (shown, "b 1\na\n", "a\n...\na\n"):
        with pytest.raises(AssertionError):
            require_shown(wrong, output)


def test_a_text_block_belongs_to_the_code_just_before_it() -> None:
    page = "```python\nx = 1\n```\n```sh\nls\n```\n```text\nx\n```\n"
    assert examples(page) == [("x = 1\n", None)]
