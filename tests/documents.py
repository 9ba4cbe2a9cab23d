"""Markdown pages whose code runs: what they print is what they show."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any


def blocks(page: str, language: str) -> list[str]:
    """Contents of the fenced blocks of one language, in order."""
    return [code for found, code in fences(page) if found == language]


def fences(page: str) -> list[tuple[str, str]]:
    """Language and content of every fenced block, in order."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.DOTALL | re.MULTILINE)


def examples(page: str) -> list[tuple[str, str | None]]:
    """Every python block with the text block that follows it, if it is the next block."""
    found = fences(page)
    following = [*found, ("", "")][1:]
    return [
        (code, after[1] if after[0] == "text" else None)
        for (language, code), after in zip(found, following, strict=True)
        if language == "python"
    ]


def printed(code: str, source: str, names: dict[str, Any]) -> str:
    """Run code in the namespace given and return what it prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, source, "exec"), names)
    return out.getvalue()


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


def require_shown(shown: str, output: str) -> None:
    """What is shown was printed, in this order; a line of three dots stands for any lines."""
    lines = [line for line in masked(output) if line]
    position = 0
    for part in shown.split("\n...\n"):
        wanted = [line for line in masked(part) if line and line != "..."]
        assert wanted
        there = [i for i in range(position, len(lines)) if lines[i] == wanted[0]]
        assert there, f"not printed: {wanted[0]!r}, but {lines[position : position + 3]}"
        assert lines[there[0] : there[0] + len(wanted)] == wanted
        position = there[0] + len(wanted)
