"""What the words of a command line mean: pairs, nests, bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import typer

__all__ = ["bounds", "items", "label_of", "memberships", "nests", "number", "numbers", "pairs"]

COMMA = re.compile(r",(?![^\[\]]*\])")  # but not within corr[bus,train]


def items(text: str) -> list[str]:
    """``"a,b"`` as a list; commas in brackets belong to a name."""
    return [part.strip() for part in COMMA.split(text) if part.strip()]


def pairs(options: Iterable[str] | None, where: str, example: str) -> dict[str, str]:
    """``["a=1,b=2", "c=3"]`` as a dict of texts.

    Raises
    ------
    typer.BadParameter
        For a part without ``=``, or a name that comes twice.
    """
    found: dict[str, str] = {}
    for option in options or ():
        for part in items(option):
            name, sign, value = part.partition("=")
            name, value = name.strip(), value.strip()
            if not sign or not name or not value:
                raise typer.BadParameter(f"{where} {part!r} is not of the form {example!r}")
            if name in found:
                raise typer.BadParameter(f"{where} gives {name!r} twice")
            found[name] = value
    return found


def numbers(options: Iterable[str] | None, where: str) -> dict[str, float]:
    """``["a=1,b=2"]`` as a dict of numbers."""
    found = pairs(options, where, "name=number")
    return {name: _float(value, f"{where} {name}={value}") for name, value in found.items()}


def bounds(options: Iterable[str] | None) -> dict[str, tuple[float | None, float | None]]:
    """``["a=:0,b=-1:1"]`` as the bounds of a fit."""
    found = {}
    for name, value in pairs(options, "--bounds", "gc=:0").items():
        low, sign, high = value.partition(":")
        where = f"--bounds {name}={value}"
        if not sign:
            raise typer.BadParameter(f"{where} is not of the form 'gc=:0' or 'gc=-1:0'")
        found[name] = tuple(_float(end, where) if end.strip() else None for end in (low, high))
    return found  # type: ignore[return-value]


def _float(text: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{where}: {text.strip()!r} is no number") from None


def number(text: str) -> Any:
    """A number where the text is one."""
    try:
        return float(text)
    except ValueError:
        return text


def label_of(text: str | None, labels: Iterable[Any]) -> Any:
    """Find the alternative a word of the command line means; labels need not be text."""
    if text is None:
        return None
    return next((label for label in labels if str(label) == text), text)


def memberships(
    options: Iterable[str] | None, where: str, meaning: Callable[[str], Any] = str
) -> dict[str, list[Any]]:
    """``["a=x+y"]`` as lists by name."""
    found = pairs(options, where, "name=one+another")
    return {
        name: [meaning(part.strip()) for part in value.split("+") if part.strip()]
        for name, value in found.items()
    }


def nests(options: Iterable[str] | None, labels: tuple[Any, ...], crossed: bool) -> dict[str, Any]:
    """``["transit=bus+train"]`` as what ``Nested`` and ``CrossNested`` take.

    A member that is the name of another nest hangs that nest below; ``train:0.5`` is an allocation
    of a cross-nested model.
    """
    members = memberships(options, "--nests")
    if not members:
        raise typer.BadParameter("--errors nested needs --nests 'transit=bus+train,...'")
    if crossed:
        return {name: _allocated(parts, labels) for name, parts in members.items()}
    texts = {str(label) for label in labels}
    inner = {part for parts in members.values() for part in parts if part not in texts}
    inner &= members.keys()
    hung: list[str] = []

    def hang(name: str, above: tuple[str, ...]) -> list[Any]:
        if name in above:
            raise typer.BadParameter(f"--nests: {name!r} would hang below itself")
        hung.append(name)
        return [
            {part: hang(part, (*above, name))} if part in inner else label_of(part, labels)
            for part in members[name]
        ]

    tree = {name: hang(name, ()) for name in members if name not in inner}
    lost = [name for name in members if name not in hung]
    if lost:
        raise typer.BadParameter(f"--nests: {lost[0]!r} would hang below itself")
    return tree


def _allocated(parts: list[str], labels: tuple[Any, ...]) -> Any:
    """Members of one nest with their allocations, where there are any."""
    split = [part.partition(":") for part in parts]
    if not any(sign for _, sign, _ in split):
        return [label_of(part, labels) for part in parts]
    return {
        label_of(name.strip(), labels): _float(share, f"--nests {name}:{share}") if sign else None
        for name, sign, share in split
    }
