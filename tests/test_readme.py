"""What the README shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .documents import blocks, printed, require_shown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_example_prints_what_is_shown() -> None:
    code, shown = blocks(README, "python")[0], blocks(README, "text")[0]
    require_shown(shown, printed(code, "README.md", {}))


def test_ci_runs_the_command_of_the_readme() -> None:
    commands = [
        line for block in blocks(README, "sh") for line in block.splitlines() if "pytest" in line
    ]
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text()


def test_both_commands_are_single_lines_with_pip() -> None:
    for word in ("choicekit compare", "pytest"):
        (line,) = [
            line
            for block in blocks(README, "sh")
            for line in block.splitlines()
            if line.startswith("python3 -m venv") and line.endswith(word)
        ]
        assert "pip install" in line


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
