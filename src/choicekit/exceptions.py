"""Errors and warnings, each of which says what, where and the cure.

Checks collect every finding and raise once, so that a user mends a table in
one pass instead of one error at a time.
"""

from __future__ import annotations

import difflib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

__all__ = [
    "ChoicekitError",
    "ConvergenceWarning",
    "DataError",
    "DataWarning",
    "Finding",
    "IdentificationError",
    "SimulationWarning",
    "SpecificationError",
    "VersionWarning",
    "did_you_mean",
    "nearest",
    "nearest_name",
    "unknown",
]

Label = TypeVar("Label")

FIRST_FEW = 5


@dataclass(frozen=True)
class Finding:
    """One thing a check found.

    Attributes
    ----------
    code
        Short machine-readable name, for example ``"several-chosen"``.
    severity
        ``"error"``, ``"warning"`` or ``"note"``.
    message
        What is wrong, one sentence without the case ids.
    cure
        What the user can do about it, one sentence.
    column
        The column concerned, if one is.
    count
        How many cases (or rows, see ``unit``) are concerned.
    cases
        The ids of the first few of them.
    unit
        What ``count`` counts: ``"case"`` or ``"row"``.
    """

    code: str
    severity: str
    message: str
    cure: str = ""
    column: str | None = None
    count: int = 0
    cases: tuple[Hashable, ...] = ()
    unit: str = "case"

    def __str__(self) -> str:
        """Message and where; the cure on a line of its own."""
        text = self.message
        if self.count:
            plural = "" if self.count == 1 else "s"
            text += f" [{self.count:,} {self.unit}{plural}"
            if self.cases:
                shown = ", ".join(repr(_plain(case)) for case in self.cases)
                text += f": {shown}" + (", ..." if self.count > len(self.cases) else "")
            text += "]"
        if self.cure:
            text += f"\n    Cure: {self.cure}"
        return text


def _plain(value: object) -> object:
    """Strip the numpy wrapper from a scalar, so that ids print as the user wrote them."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value


class ChoicekitError(ValueError):
    """Base of every error that choicekit raises on purpose."""


class DataError(ChoicekitError):
    """The data cannot be used; ``findings`` lists everything that is wrong."""

    def __init__(
        self, findings: Iterable[Finding], heading: str = "The data cannot be used"
    ) -> None:
        self.findings: tuple[Finding, ...] = tuple(findings)
        self.heading = heading
        lines = "\n".join(f"  - {finding}" for finding in self.findings)
        super().__init__(f"{heading}:\n{lines}")

    def __reduce__(self) -> tuple[type[DataError], tuple[tuple[Finding, ...], str]]:
        return type(self), (self.findings, self.heading)


class SpecificationError(ChoicekitError):
    """The model as written makes no sense: a formula, an option or a name is wrong."""


class IdentificationError(ChoicekitError):
    """Some parameters cannot be learned from these data, whatever the sample size."""


class DataWarning(UserWarning):
    """The data can be used, but something about them deserves a look."""


class ConvergenceWarning(UserWarning):
    """The optimiser stopped somewhere that is not a maximum."""


class VersionWarning(UserWarning):
    """A file was written with other versions, so what is made from it may differ."""


class SimulationWarning(UserWarning):
    """Simulation error is too large for the use made of a number."""


def nearest(name: object, choices: Iterable[Label]) -> Label | None:
    """Return the choice that the user most likely meant, or None if none is like it.

    Upper and lower case count as equal; among choices equally like it, the one that begins as
    the name does comes first.

    Examples
    --------
    >>> nearest("chioce", ["case", "choice", "cost"])
    'choice'
    >>> nearest("COST", ["case", "choice", "cost"])
    'cost'
    """
    by_text: dict[str, Label] = {}
    for choice in choices:
        by_text.setdefault(str(choice).strip().lower(), choice)
    wanted = str(name).strip().lower()

    def likeness(text: str) -> tuple[float, int]:
        ratio = difflib.SequenceMatcher(None, text, wanted).ratio()
        same = [a == b for a, b in zip(text, wanted, strict=False)]
        return ratio, [*same, False].index(False)

    close = difflib.get_close_matches(wanted, by_text, n=5, cutoff=0.6)
    return by_text[max(close, key=likeness)] if close else None


def did_you_mean(name: object, choices: Iterable[object]) -> str:
    """Return ``" Did you mean ...?"`` to append to a message, empty if nothing is like the name."""
    close = nearest(name, choices)
    return "" if close is None else f" Did you mean {close!r}?"


def nearest_name(name: str, names: list[str]) -> str:
    """Say which of ``names`` comes nearest to ``name``, and else which there are."""
    hint = did_you_mean(name, names)
    if hint:
        return hint.strip()
    shown = ", ".join(repr(candidate) for candidate in names[:12])
    return f"There are: {shown}{', ...' if len(names) > 12 else ''}."


def unknown(what: str, given: object, choices: Sequence[object]) -> SpecificationError:
    """Make the error for an option that does not exist: what there is, and the nearest.

    Examples
    --------
    >>> print(unknown("method", "exakt", ("auto", "exact", "ghk")))
    method='exakt' is unknown; there are auto, exact, ghk. Did you mean 'exact'?
    """
    listed = ", ".join(str(choice) for choice in choices)
    hint = did_you_mean(given, choices)
    return SpecificationError(f"{what}={given!r} is unknown; there are {listed}.{hint}")
