"""What mkdocs does beside its usual work: the navigation, and pictures of pages whose code runs.

Every python block of the pages in ``ILLUSTRATED`` runs, in order, as in the tests; a figure that is
open after a block becomes a picture below it. So no picture is kept in the repository, and none can
differ from its code.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PARTS = {
    "Tutorial": "tutorial",
    "How-to": "how-to",
    "Coming from": "coming-from",
    "Explanation": "explanation",
    "Gallery": "gallery",
    "Reference": "reference",
}
WITHIN = {"Coming from": "How-to", "Gallery": "Explanation"}
"""Sections that stand inside one of the four parts."""

FIRST = {
    "gallery": ("temperature", "substitution", "mixed-logit", "nesting", "value-of-time"),
    "reference": ("data", "models", "errors", "mixing", "results", "plots"),
    "explanation": ("probit", "softmax", "recovery"),
    "how-to": (
        "nested",
        "cross-nested",
        "hev",
        "mixed-logit",
        "latent-classes",
        "scale-and-wtp-space",
        "ordered",
        "rankings",
        "nonlinear",
        "neural",
        "estimation-options",
        "elasticities",
        "decisions",
        "tests",
        "report",
        "other-libraries",
    ),
    "coming-from": ("mlogit", "stata", "biogeme", "xlogit", "statsmodels"),
}

ILLUSTRATED = ("gallery/", "tutorial/", "explanation/softmax", "how-to/report")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`]*`")
LOOK: dict[str, Any] = {
    "axes.prop_cycle": "cycler('color', ['0072b2', 'd55e00', '009e73', 'a0568a', '56b4e9'])",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.dpi": 100,
    "font.size": 10,
    "svg.hashsalt": "choicekit",
}


def on_config(config: Any) -> Any:
    """Make the navigation from the folders, so that a new page needs no entry."""
    folder = Path(config.docs_dir)
    sections = {title: pages(folder, name) for title, name in PARTS.items()}
    for inner, outer in WITHIN.items():
        sections[outer].append({inner: sections.pop(inner)})
    config.nav = [{"Home": "index.md"}, *({title: found} for title, found in sections.items())]
    return config


def pages(folder: Path, name: str) -> list[Any]:
    """Pages of a folder: the index, those in ``FIRST``, then the others by their titles."""
    order = {stem: place for place, stem in enumerate(("index", *FIRST.get(name, ())))}

    def rank(path: Path) -> tuple[int, str]:
        return order.get(path.stem, len(order)), title(path)

    found = sorted((folder / name).glob("*.md"), key=rank)
    return [path.relative_to(folder).as_posix() for path in found]


def title(path: Path) -> str:
    """First heading of a page."""
    return path.read_text().partition("\n")[0].lstrip("# ").lower()


def on_files(files: Any, config: Any) -> Any:
    """Run the pages with pictures, and add these to the files of the site."""
    from mkdocs.structure.files import File

    last = next(page for page in files if page.src_uri == "reference/other-libraries.md")
    last.content_string += "".join(
        f"\n::: choicekit.{name}\n" for name in unlisted(config.docs_dir)
    )
    for page in [f for f in files if f.src_uri.startswith(ILLUSTRATED)]:
        folder, stem = page.src_uri.rsplit("/", 1)
        text, pictures = illustrated(page.content_string, stem.removesuffix(".md"))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"{folder}/{name}", content=picture))
        page.content_string = text
    return files


def with_help(text: str) -> str:
    """The page of the command, with what each of its commands says of itself."""
    parts = re.split(r"^(?=## choicekit )", text, flags=re.MULTILINE)
    return parts[0] + "".join(f"{part.rstrip()}\n\n{help_of(part)}\n" for part in parts[1:])


def help_of(part: str) -> str:
    """What a command prints for ``--help``, as a block of text."""
    name = part.split()[2]
    run = subprocess.run(
        [sys.executable, "-m", "choicekit", name, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "92", "NO_COLOR": "1", "TERM": "dumb"},
    )
    lines = [line.rstrip() for line in run.stdout.replace("python -m ", "").splitlines()]
    return "\n".join(["```text", *lines, "```"])


def unlisted(folder: str) -> list[str]:
    """Public names that no page of the reference shows yet."""
    import choicekit

    text = "\n".join(page.read_text() for page in Path(folder, "reference").glob("*.md"))
    shown = re.findall(r"^::: choicekit\.(\w+)$", text, flags=re.MULTILINE)
    return sorted(set(choicekit.__all__) - {"plots", *shown})


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Take the backslashes from bars in the code of tables: GitHub needs them, this does not."""
    if page.is_homepage:
        page.meta["hide"] = ["navigation"]
    if page.file.src_uri == "reference/command.md":
        markdown = with_help(markdown)
    lines = [
        CODE.sub(lambda code: code.group().replace("\\|", "|"), line) if line[:1] == "|" else line
        for line in markdown.split("\n")
    ]
    return "\n".join(lines)


def illustrated(text: str, stem: str) -> tuple[str, dict[str, bytes]]:
    """A page with the pictures that its code makes, and these by name."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {}
    pictures: dict[str, bytes] = {}
    seen: list[Any] = []

    def with_pictures(block: re.Match[str]) -> str:
        language, code = block.groups()
        if language != "python":
            return block.group()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, f"{stem}.md", "exec"), names)
        made = []
        for figure in figures(names):
            if figure in seen:
                continue
            seen.append(figure)
            name = f"{stem}-{len(seen)}.svg"
            pictures[name] = drawn(figure)
            made.append(f"![{caption(figure)}]({name}){{ .picture }}")
        return "\n\n".join([block.group(), *made])

    with plt.rc_context(LOOK):
        text = FENCE.sub(with_pictures, text)
    plt.close("all")
    return text, pictures


def figures(names: dict[str, Any]) -> list[Any]:
    """Figures that are open, and those of axes with a name: ours are not opened by pyplot."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    found = [plt.figure(number) for number in plt.get_fignums()]
    own = [value.get_figure() for value in names.values() if isinstance(value, Axes)]
    return [*found, *(figure for figure in own if figure not in found)]


def drawn(figure: Any) -> bytes:
    """A figure as SVG, the same bytes every time."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    return out.getvalue()


def caption(figure: Any) -> str:
    """What to read in place of the picture: the titles of its axes."""
    titles = [axes.get_title() or axes.get_ylabel() for axes in figure.axes]
    return "; ".join(text.replace("\n", " ") for text in titles if text) or "A figure"
