"""One piece finds the name that was meant, for every message."""

from __future__ import annotations

from pathlib import Path

import pytest

import choicekit as ck
from choicekit.exceptions import did_you_mean, nearest, unknown


@pytest.mark.parametrize(
    ("name", "choices", "expected"),
    [
        ("tme", ["gc", "ttme"], "ttme"),
        ("HINC[car]", ["gc", "hinc[air]", "hinc[bus]"], "hinc[air]"),
        (" Air ", ["air", "hair"], "air"),
        (10, [1, 2, 100], 100),  # the choice itself, not its text
        ("zzz", ["gc"], None),
        ("gc", [], None),
    ],
)
def test_nearest(name: object, choices: list[object], expected: object) -> None:
    assert nearest(name, choices) == expected


def test_among_equals_the_one_that_begins_alike_is_meant() -> None:
    assert nearest("cost_car", ["cost_bus", "time_car", "cost_cat"]) == "cost_cat"


def test_hints_and_errors() -> None:
    assert did_you_mean("tme", ["ttme"]) == " Did you mean 'ttme'?"
    assert did_you_mean("zzz", ["ttme"]) == ""
    error = unknown("method", "xyz", ("auto", "ghk"))
    assert isinstance(error, ck.SpecificationError)
    assert str(error) == "method='xyz' is unknown; there are auto, ghk."


def test_nobody_else_looks_for_names() -> None:
    source = Path(ck.__file__).parent
    users = [path.name for path in source.rglob("*.py") if "difflib" in path.read_text()]
    assert users == ["exceptions.py"]
