"""The folder tree shows the idea, so the imports must follow it; files stay readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "choicekit"

# A module may import from layers above its own line, and from its own package.
LAYERS = [
    {"exceptions"},
    {"constraints"},
    {"parameters"},
    {"numerics"},
    {"data", "utility", "errors", "mixing", "datasets"},
    {"likelihood"},
    {"estimation", "post"},
    {"neural"},
    {"report"},
    {"results"},
    {"fit"},
    {"specify"},
    {"model"},
    {"verbs"},
    {"adapters"},
    {"__init__"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# A type checker needs the names of the layers above; nothing runs.
HEAVY = {"matplotlib", "torch", "dask", "jinja2", "rich", "statsmodels", "formulaic"}
HEAVY |= {"narwhals", "polars", "sklearn", "stargazer", "marginaleffects"}
# Themselves imported only when a summary, an adapter, or a layer of torch, is asked for.
MAY_BE_HEAVY = {
    "report/sheet.py",
    "adapters/marginaleffects.py",
    "adapters/sklearn.py",
    "adapters/stargazer.py",
    "neural/autograd.py",
    "neural/losses.py",
    "neural/training.py",
    "utility/network.py",
}
LINES, FUNCTION_LINES = 450, 60
FORBIDDEN = ("get_", "compute_")
THEIRS = {"get_margeff"}  # what statsmodels' users look for


def imports(tree: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """Modules of choicekit that a file imports at run time, lazily or not, as dotted paths."""
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for part in block.body
        for node in ast.walk(part)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "choicekit":
                    yield ".".join(alias.name.split(".")[1:]) or "__init__"
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                yield ".".join([*base, *(node.module or "").split(".")]).strip(".") or "__init__"
            elif node.module and node.module.split(".")[0] == "choicekit":
                yield ".".join(node.module.split(".")[1:]) or "__init__"


def wrong_arrows(root: Path) -> list[str]:
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        own = parts[0]
        for target in imports(ast.parse(path.read_text()), parts[:-1]):
            other = target.split(".")[0]
            if other == own:
                continue
            if other not in LEVEL or own not in LEVEL:
                found.append(f"{path.relative_to(root)}: {target} has no layer")
            elif LEVEL[other] >= LEVEL[own]:
                found.append(f"{path.relative_to(root)} imports {target}")
    return found


def test_imports_go_one_way() -> None:
    assert not wrong_arrows(SOURCE)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("numerics/a.py", "from choicekit.data import ChoiceData"),
        ("data/a.py", "def f():\n    from choicekit.errors.base import LogProb"),
        ("utility/a.py", "from ..errors import base"),
        ("likelihood.py", "import choicekit.results"),
        ("stray.py", "from choicekit.data import ChoiceData"),
    ],
)
def test_a_wrong_arrow_is_found(tmp_path: Path, file: str, text: str) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert len(wrong_arrows(tmp_path)) == 1


def test_a_right_arrow_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "likelihood.py").write_text(
        "from typing import TYPE_CHECKING\nfrom choicekit.data import Layout\n"
        "if TYPE_CHECKING:\n    from choicekit.results import FitResults"
    )
    assert not wrong_arrows(tmp_path)


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield f"{path.relative_to(SOURCE)}: {node.name}", node


def code_lines(node: ast.FunctionDef) -> int:
    """Lines of a function without its docstring."""
    docstring = node.body[0] if ast.get_docstring(node) else None
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    return length - ((docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0)


def test_files_and_functions_can_be_read_in_one_sitting() -> None:
    long_files = [
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if len(path.read_text().splitlines()) > LINES
    ]
    assert not long_files
    assert not [name for name, node in functions() if code_lines(node) > FUNCTION_LINES]


def test_signatures_are_short() -> None:
    def size(node: ast.FunctionDef) -> int:
        return len(node.args.args) + len(node.args.kwonlyargs)

    assert not [name for name, node in functions() if size(node) > 12]


def test_names() -> None:
    theirs = "adapters/marginaleffects.py"  # where the other package chose the names
    own = [(name, node.name) for name, node in functions() if not name.startswith(theirs)]
    own = [(name, called) for name, called in own if called not in THEIRS]
    assert not [name for name, called in own if called.startswith(FORBIDDEN)]
    assert not list(SOURCE.rglob("utils.py"))


def test_heavy_packages_are_imported_where_they_are_used() -> None:
    found = []
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        if name in MAY_BE_HEAVY:
            continue
        for node in ast.parse(path.read_text()).body:
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            found += [f"{name}: {m}" for m in modules if m.split(".")[0] in HEAVY]
    assert not found
