"""What mkdocs does beside its usual work: the navigation, and the pictures of pages whose code runs.

Every python block of the pages in ``ILLUSTRATED`` runs, in order, as in the tests; a figure that is
open after a block becomes a picture below it. So no picture is kept in the repository, and none can
differ from its code.
"""

from __future__ import annotations

import contextlib
import io
import re
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

ILLUSTRATED = ("gallery/", "tutorial/")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
LOOK = {
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
    """Pages of a folder, the index first, then by their titles."""
    found = sorted((folder / name).glob("*.md"), key=lambda path: (path.stem != "index", title(path)))
    return [path.relative_to(folder).as_posix() for path in found]


def title(path: Path) -> str:
    """First heading of a page."""
    return path.read_text().partition("\n")[0].lstrip("# ").lower()


def on_files(files: Any, config: Any) -> Any:
    """Run the pages with pictures, and add these to the files of the site."""
    from mkdocs.structure.files import File

    for page in [f for f in files if f.src_uri.startswith(ILLUSTRATED) and f.src_uri.endswith(".md")]:
        folder, stem = page.src_uri.rsplit("/", 1)
        text, pictures = illustrated(page.content_string, stem.removesuffix(".md"))
        for name, picture in pictures.items():
            files.append(File.generated(config, f"{folder}/{name}", content=picture))
        page.content_string = text
    return files


def illustrated(text: str, stem: str) -> tuple[str, dict[str, bytes]]:
    """A page with the pictures that its code makes, and these by name."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names: dict[str, Any] = {}
    pictures: dict[str, bytes] = {}

    def with_pictures(block: re.Match[str]) -> str:
        language, code = block.groups()
        if language != "python":
            return block.group()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, f"{stem}.md", "exec"), names)
        made = []
        for number in plt.get_fignums():
            name = f"{stem}-{len(pictures) + 1}.svg"
            pictures[name] = drawn(plt.figure(number))
            made.append(f"![{caption(plt.figure(number))}]({name}){{ .picture }}")
        plt.close("all")
        return "\n\n".join([block.group(), *made])

    with plt.rc_context(LOOK):
        text = FENCE.sub(with_pictures, text)
    return text, pictures


def drawn(figure: Any) -> bytes:
    """A figure as SVG, the same bytes every time."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    return out.getvalue()


def caption(figure: Any) -> str:
    """What to read in place of the picture: the titles of its axes."""
    titles = [axes.get_title() or axes.get_ylabel() for axes in figure.axes]
    return "; ".join(text.replace("\n", " ") for text in titles if text) or "A figure"
