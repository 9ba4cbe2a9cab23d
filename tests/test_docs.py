"""The code of the documentation runs in order, a page at a time, and prints what is shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .documents import examples, printed, require_shown

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))


def with_code() -> list[Path]:
    return [page for page in PAGES if examples(page.read_text())]


def test_there_are_pages_with_code() -> None:
    assert with_code()


@pytest.mark.parametrize("page", with_code(), ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_is_shown(page: Path) -> None:
    names: dict[str, Any] = {}
    for code, shown in examples(page.read_text()):
        output = printed(code, page.name, names)
        if shown is not None:
            require_shown(shown, output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link


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
