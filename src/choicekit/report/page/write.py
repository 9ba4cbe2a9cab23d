"""A report as HTML, Markdown and LaTeX."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from choicekit.exceptions import SpecificationError
from choicekit.report.export import (
    SIGNED,
    Table,
    escape_latex,
    html_page,
    latex_table,
    markdown_table,
)
from choicekit.report.export import markdown_text as markdown
from choicekit.report.page.blocks import Block, Items, Page, Picture, Text
from choicekit.report.page.pictures import inline_svg, pdf_bytes, svg_text

__all__ = ["as_html", "as_latex", "as_markdown", "require_suffix", "write_page"]

SUFFIXES = (".html", ".htm", ".md", ".tex")
FOLDER = "{stem}_pictures"


def require_suffix(path: Path) -> str:
    """Return the kind of report that the name of the file asks for, or raise."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SpecificationError(
            f"{path.name!r} does not say which kind of report to write: end its name in one of "
            f"{' '.join(SUFFIXES)}."
        )
    return suffix


def write_page(page: Page, path: Path) -> Path:
    """Write a report; the pictures of Markdown and LaTeX go into a folder beside the file."""
    suffix = require_suffix(path)
    if suffix in (".html", ".htm"):
        path.write_text(as_html(page), encoding="utf-8", newline="\n")
        return path
    folder = path.parent / FOLDER.format(stem=path.stem)
    folder.mkdir(exist_ok=True)
    for picture in _pictures(page):
        if suffix == ".md":
            text = svg_text(picture.draw(), picture.name)
            (folder / f"{picture.name}.svg").write_text(text, encoding="utf-8", newline="\n")
        else:
            (folder / f"{picture.name}.pdf").write_bytes(pdf_bytes(picture.draw()))
    render = as_markdown if suffix == ".md" else as_latex
    path.write_text(render(page, folder.name), encoding="utf-8", newline="\n")
    return path


def _pictures(page: Page) -> list[Picture]:
    return [b for section in page.sections for b in section.blocks if isinstance(b, Picture)]


def as_html(page: Page) -> str:
    """One page with its style and its pictures inside: no script, nothing to load."""
    drawn = {p.name: inline_svg(p.draw(), p.name, p.alt) for p in _pictures(page)}
    sections = tuple(
        replace(section, blocks=tuple(map(_with_minus, section.blocks)))
        for section in page.sections
    )
    return html_page("full.html.j2", page=replace(page, sections=sections), drawn=drawn)


def _with_minus(block: Block) -> Block:
    """Set the minus signs of numbers as such; a line does not break after them."""

    def minus(text: str) -> str:
        return SIGNED.sub("\u2212", text)

    if isinstance(block, Text):
        return replace(block, text=minus(block.text))
    if isinstance(block, Items):
        return (
            block
            if block.code
            else replace(block, items=tuple((lead, minus(text)) for lead, text in block.items))
        )
    if isinstance(block, Table):
        rows = tuple((row[0], *map(minus, row[1:])) for row in block.rows)
        return replace(block, rows=rows, note=minus(block.note))
    return block


# -- Markdown ---------------------------------------------------------------------------------


def as_markdown(page: Page, folder: str) -> str:
    """GitHub-flavoured Markdown that shows the pictures in ``folder``."""
    parts = [f"# {markdown(page.title)}", markdown(page.subtitle)]
    parts += [markdown(page.date)] if page.date else []
    parts += [f"> **Warning.** {markdown(text)}" for text in page.warnings]
    for section in page.sections:
        parts.append(f"## {markdown(section.title)}")
        parts += [_markdown_block(block, folder) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _markdown_block(block: Block, folder: str) -> str:
    if isinstance(block, Table):
        return markdown_table(block)
    if isinstance(block, Picture):
        target = f"<{folder}/{block.name}.svg>"
        return f"![{markdown(block.alt)}]({target})\n\n*{markdown(block.caption)}*"
    if isinstance(block, Items):
        return "\n".join(f"* {_markdown_item(lead, text, block)}" for lead, text in block.items)
    lead = f"**{markdown(block.lead)}** " if block.lead else ""
    return lead + markdown(block.text)


def _markdown_item(lead: str, text: str, block: Items) -> str:
    if block.code and not lead:
        return "`" + " ".join(text.replace("`", "'").split()) + "`"
    return (f"**{markdown(lead)}** " if lead else "") + markdown(text)


# -- LaTeX ------------------------------------------------------------------------------------

_PREAMBLE = r"""\documentclass[11pt,a4paper]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern}
\usepackage[margin=25mm]{geometry}
\usepackage{array}
\usepackage{amsmath,booktabs,float,graphicx,microtype}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}\setlength{\parskip}{6pt}
\emergencystretch=3em
"""


def as_latex(page: Page, folder: str) -> str:
    """A whole document, for pdflatex; it needs booktabs and the pictures in ``folder``."""
    head = [
        _PREAMBLE + rf"\title{{{escape_latex(page.title)}}}",
        rf"\author{{\parbox{{0.85\linewidth}}{{\centering {escape_latex(page.subtitle)}}}}}",
        rf"\date{{{escape_latex(page.date)}}}",
        r"\begin{document}",
        r"\maketitle",
    ]
    parts = [
        rf"\noindent\fbox{{\parbox{{0.97\linewidth}}{{\textbf{{Warning.}} {escape_latex(text)}}}}}"
        for text in page.warnings
    ]
    for section in page.sections:
        parts.append(rf"\section{{{escape_latex(section.title)}}}")
        parts += [_latex_block(block, folder) for block in section.blocks]
    return "\n\n".join(["\n".join(head), *parts, r"\end{document}"]) + "\n"


def _latex_block(block: Block, folder: str) -> str:
    if isinstance(block, Table):
        return latex_table(block, whole=True)
    if isinstance(block, Picture):
        return "\n".join(
            [
                r"\begin{figure}[H]",
                r"\centering",
                rf"\includegraphics[width=0.92\linewidth,height=0.8\textheight,keepaspectratio]"
                rf"{{{folder}/{block.name}.pdf}}",
                rf"\caption{{{escape_latex(block.caption)}}}",
                r"\end{figure}",
            ]
        )
    if isinstance(block, Items):
        if block.kind == "facts":
            return _latex_facts(block)
        lines = [rf"\item {_latex_item(lead, text, block)}" for lead, text in block.items]
        return "\n".join([r"\begin{itemize}", *lines, r"\end{itemize}"])
    lead = rf"\textbf{{{escape_latex(block.lead)}}} " if block.lead else ""
    return lead + escape_latex(block.text)


def _latex_facts(block: Items) -> str:
    """Names and what they are; what has no name goes on from the one before."""
    lines = []
    for lead, text in block.items:
        value = escape_latex(text)
        if lead:
            lines.append(rf"\item[{{{escape_latex(lead)}}}] {value}")
        else:
            lines.append(rf"\\ \texttt{{{value}}}" if block.code else rf"\\ {value}")
    return "\n".join([r"\begin{description}", *lines, r"\end{description}"])


def _latex_item(lead: str, text: str, block: Items) -> str:
    if block.code and not lead:
        return rf"\texttt{{{escape_latex(text)}}}"
    # in a group: an item that begins with a bracket would be its label
    return (rf"\textbf{{{escape_latex(lead)}}} " if lead else "{}") + escape_latex(text)
