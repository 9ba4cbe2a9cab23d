"""What the README shows is what happens."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def masked(text: str) -> list[str]:
    """Lines without what differs between runs: times, and the number of steps to the optimum."""
    lines = []
    for line in text.splitlines():
        if line.startswith("Time"):
            line = re.sub(r"[\d.]+ (ms|s|min)", "T", line)
        elif line.startswith("Iterations"):
            line = "Iterations"
        lines.append(" ".join(line.split()))
    return lines


def test_the_example_prints_what_is_shown() -> None:
    code, shown = blocks("python")[0], blocks("text")[0]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "README.md", "exec"), {})
    printed = masked(out.getvalue())
    position = 0
    for part in shown.split("\n...\n"):
        wanted = [line for line in masked(part) if line]
        assert wanted
        there = [i for i in range(position, len(printed)) if printed[i] == wanted[0]]
        assert there, f"not printed: {wanted[0]!r}"
        got = [line for line in printed[there[0] :] if line][: len(wanted)]
        assert got == wanted
        position = there[0] + len(wanted)


def test_ci_runs_the_command_of_the_readme() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if "pytest" in line]
    assert len(commands) == 1
    assert commands[0] in (ROOT / ".ci" / "run").read_text()


def test_both_commands_are_single_lines_with_pip() -> None:
    for word in ("choicekit compare", "pytest"):
        (line,) = [
            line
            for block in blocks("sh")
            for line in block.splitlines()
            if line.startswith("python3 -m venv") and line.endswith(word)
        ]
        assert "pip install" in line


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_links_lead_somewhere(link: str) -> None:
    assert link.startswith("https://") or (ROOT / link).exists()
