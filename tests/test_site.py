"""What docs/hooks.py does for the site: navigation, pictures, tables. CI builds the site itself."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import choicekit as ck

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flat(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    parts = nav.values() if isinstance(nav, dict) else nav
    return [page for part in parts for page in flat(part)]


def test_every_page_is_in_the_navigation(hooks: Any) -> None:
    config = hooks.on_config(SimpleNamespace(docs_dir=str(ROOT / "docs"), nav=None))
    pages = [page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")]
    assert sorted(flat(config.nav)) == sorted(pages)
    assert [next(iter(part)) for part in config.nav] == [
        "Home",
        "Tutorial",
        "How-to",
        "Explanation",
        "Reference",
    ]
    assert flat(config.nav[4])[:2] == ["reference/index.md", "reference/data.md"]


PAGE = """# A page

```python
import matplotlib.pyplot as plt

figure, axes = plt.subplots()
axes.plot([1, 2])
axes.set_title("First")
```

Words.

```python
print("nothing to see")
```

```text
nothing to see
```

```python
from matplotlib.figure import Figure

own = Figure().subplots()
own.set_title("Second")
```
"""


def test_figures_become_pictures_below_their_code(hooks: Any) -> None:
    text, pictures = hooks.illustrated(PAGE, "page")
    assert list(pictures) == ["page-1.svg", "page-2.svg"]
    assert all(b"<svg" in picture for picture in pictures.values())
    first, second = "![First](page-1.svg)", "![Second](page-2.svg)"
    assert text.index('"First")') < text.index(first) < text.index("Words.")
    assert text.index('"Second")') < text.index(second)
    for picture in (first, second):
        text = text.replace(picture + "{ .picture }", "")
    assert text.split() == PAGE.split()
    assert hooks.illustrated(PAGE, "page")[1] == pictures  # the same bytes


def test_a_page_whose_code_fails_is_no_page(hooks: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        hooks.illustrated("```python\n1 / 0\n```\n", "page")


def test_bars_in_the_code_of_tables(hooks: Any) -> None:
    file = SimpleNamespace(src_uri="page.md")
    page = SimpleNamespace(is_homepage=False, meta={}, file=file)
    text = "| a | b |\n|---|---|\n| `y ~ x \\| z` | c \\| d |\n\n`x \\| y`"
    assert hooks.on_page_markdown(text, page) == (
        "| a | b |\n|---|---|\n| `y ~ x | z` | c \\| d |\n\n`x \\| y`"
    )


def test_the_page_of_the_command_shows_its_help(hooks: Any) -> None:
    page = (ROOT / "docs" / "reference" / "command.md").read_text()
    names = ["describe", "fit", "compare"]
    assert [line.split()[2] for line in page.splitlines() if line[:3] == "## "] == names
    assert "Usage: choicekit describe" in hooks.help_of("## choicekit describe\n\nWords.\n")


def test_names_without_a_page_are_found(hooks: Any, tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    page = tmp_path / "reference" / "data.md"
    page.write_text("# Data\n\n::: choicekit.ChoiceData\n")
    found = hooks.unlisted(str(tmp_path))
    assert "ChoiceData" not in found
    assert set(found) == set(ck.__all__) - {"ChoiceData", "plots"}
