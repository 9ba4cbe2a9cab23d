"""Which columns of a wide frame belong to which attribute and alternative.

Axes: n rows of the wide frame, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from choicekit.data.columns import unknown_column
from choicekit.data.labels import Alternatives, named_list
from choicekit.exceptions import Finding, nearest

__all__ = [
    "ALT",
    "CASE",
    "Constant",
    "Plan",
    "available_names",
    "resolve_available",
    "resolve_varying",
]

ALT = "alternative"  # the column of the alternative in the long frame
CASE = "case"  # the column of the case in the long frame when the user named none


@dataclass(frozen=True)
class Constant:
    """A number that stands in for a column: the alternative has no such attribute."""

    value: float


@dataclass(frozen=True)
class Plan:
    """What the long frame is made of.

    Attributes
    ----------
    case
        Name of the case column.
    named
        Columns with another role, which the pattern ``"{name}_{alt}"`` skips.
    sources
        New column -> J column names or constants, in the order of the alternatives.
    """

    case: Hashable
    named: frozenset[Hashable] = frozenset()
    sources: dict[Hashable, tuple[Hashable | Constant, ...]] = field(default_factory=dict)

    @property
    def used(self) -> set[Hashable]:
        """Columns of the wide frame that are stacked, and so not repeated as they are."""
        return {x for row in self.sources.values() for x in row if not isinstance(x, Constant)}


def resolve_varying(
    frame: pd.DataFrame, varying: Any, alternatives: Alternatives, plan: Plan
) -> tuple[Plan, list[Finding]]:
    """Find the column, or the constant, of every attribute and alternative.

    Parameters
    ----------
    frame
        The wide frame.
    varying
        ``{"cost": {"car": "car_co", "bus": 0}}``, ``{"cost": "{alt}_co"}``, or
        one pattern for all attributes such as ``"{name}.{alt}"``.
    plan
        Without sources yet.

    Returns
    -------
    plan
        With the sources found.
    findings
        Everything that could not be found or does not fit together.
    """
    findings: list[Finding] = []
    if varying is None:
        varying = {}
    if isinstance(varying, str):
        varying, findings = _from_pattern(frame, varying, alternatives, plan.named)
    if not isinstance(varying, Mapping):
        cure = 'write varying={"cost": {"car": "car_cost", "bus": "bus_cost"}}'
        kind = type(varying).__name__
        return plan, [Finding("varying", "error", f"varying= is of type {kind}, not a dict", cure)]
    sources = {}
    for name, entry in varying.items():
        found, wrong = _sources(frame, name, entry, alternatives)
        findings += wrong
        if not wrong:
            sources[name] = found
            findings += _mixed_types(frame, name, found)
    plan = replace(plan, sources=sources)
    return plan, findings + _clashes(frame, varying, plan)


def _sources(
    frame: pd.DataFrame, name: Hashable, entry: Any, alternatives: Alternatives
) -> tuple[tuple[Hashable | Constant, ...], list[Finding]]:
    """Resolve one attribute: J names or constants, and what is wrong with them."""
    labels = alternatives.labels
    role = f"varying[{name!r}]"
    if isinstance(entry, str):
        if "{alt}" not in entry:
            message = f"{role} = {entry!r} has no {{alt}} in it"
            cure = f'write for example "{name}_{{alt}}", or a dict from alternative to column'
            return (), [Finding("varying", "error", message, cure)]
        entry = {label: entry.replace("{alt}", str(label)) for label in labels}
    if not isinstance(entry, Mapping):
        message = f"{role} is of type {type(entry).__name__}, not a dict from alternative to column"
        cure = "write {" + ", ".join(f"{label!r}: '...'" for label in labels[:3]) + ", ...}"
        return (), [Finding("varying", "error", message, cure)]
    findings = _unknown_labels(entry, labels, role)
    absent = [label for label in labels if label not in entry]
    if absent:
        findings.append(
            Finding(
                "varying",
                "error",
                f"{role} has no entry for {named_list(absent)}",
                f"name a column, or give a number where there is none: {absent[0]!r}: 0",
            )
        )
    found: list[Hashable | Constant] = []
    lost: list[Hashable] = []
    for label in labels:
        source: Any = entry.get(label)
        is_number = isinstance(source, (int, float, np.number)) and not isinstance(source, bool)
        known = isinstance(source, Hashable) and source in frame.columns
        if is_number and not known:
            found.append(Constant(float(source) if float(source) % 1 else int(source)))
            continue
        found.append(source)
        if label in entry and not known:
            lost.append(source)
        elif label in entry and isinstance(frame[source], pd.DataFrame):
            findings.append(_several(source, role))
    return tuple(found), findings + _lost(lost, frame, role)


def _lost(names: list[Hashable], frame: pd.DataFrame, role: str) -> list[Finding]:
    """Note the columns of one attribute that are not there, all in one finding."""
    if len(names) < 2:
        return [unknown_column(name, frame, f"{role}: ") for name in names]
    close = [name for name in (nearest(name, frame.columns) for name in names) if name is not None]
    cure = f"did you mean {named_list(close)}?" if len(close) == len(names) else ""
    cure = cure or f"the columns are {named_list(frame.columns, 12)}"
    message = f"There are no columns {role}: {named_list(names)}"
    return [Finding("unknown-column", "error", message, cure, column=str(names[0]))]


def _several(source: Hashable, role: str) -> Finding:
    message = f"{role}: several columns are called {source!r}"
    cure = "give every column a name of its own"
    return Finding("ambiguous-column", "error", message, cure, column=str(source))


def _unknown_labels(
    entry: Mapping[Any, Any], labels: tuple[Hashable, ...], role: str
) -> list[Finding]:
    """Note the keys of a dict that are no alternatives."""
    unknown = [key for key in entry if key not in labels]
    if not unknown:
        return []
    close = nearest(unknown[0], labels)
    hint = f"did you mean {close!r}? The" if close is not None else "the"
    return [
        Finding(
            "unknown-alternative",
            "error",
            f"{role} names {named_list(unknown)}, not among the alternatives",
            f"{hint} alternatives are {named_list(labels)}",
        )
    ]


def _from_pattern(
    frame: pd.DataFrame, pattern: str, alternatives: Alternatives, skip: frozenset[Hashable]
) -> tuple[dict[str, str], list[Finding]]:
    """Collect the attributes whose columns fit a pattern like ``"{name}.{alt}"``."""
    if "{alt}" not in pattern or "{name}" not in pattern:
        message = f"varying={pattern!r} needs both {{name}} and {{alt}} in it"
        cure = 'write for example varying="{name}_{alt}"'
        return {}, [Finding("varying", "error", message, cure)]
    found: dict[str, list[Hashable]] = {}
    # The longest label first, so that cost_night_bus is not read as cost_night of bus.
    by_length = sorted(alternatives.labels, key=lambda label: -len(str(label)))
    for column in frame.columns:
        for label in by_length if isinstance(column, str) and column not in skip else ():
            before, after = pattern.replace("{alt}", str(label)).split("{name}")
            end = len(column) - len(after)
            if end > len(before) and column.startswith(before) and column.endswith(after):
                found.setdefault(column[len(before) : end], []).append(label)
                break
    findings = [
        Finding(
            "varying",
            "error",
            f"{pattern!r} finds {name!r} for {named_list(has)}, but not for "
            + named_list([label for label in alternatives.labels if label not in has]),
            "spell the attributes out, with a number where there is no column: "
            f"varying={{{name!r}: {{{has[0]!r}: "
            f"{pattern.replace('{name}', name).replace('{alt}', str(has[0]))!r}, ...}}}}",
        )
        for name, has in found.items()
        if len(has) < len(alternatives.labels)
    ]
    if not found:
        message = f"No column fits the pattern varying={pattern!r}"
        cure = (
            f"the columns are {named_list(frame.columns, 12)}, "
            f"the alternatives {named_list(alternatives.labels)}"
        )
        findings.append(Finding("varying", "error", message, cure))
    full = len(alternatives.labels)
    return {n: pattern.replace("{name}", n) for n, has in found.items() if len(has) == full}, (
        findings
    )


def _mixed_types(
    frame: pd.DataFrame, name: Hashable, found: tuple[Hashable | Constant, ...]
) -> list[Finding]:
    """Note an attribute that is a number for one alternative and text for another."""

    def numeric(source: Hashable | Constant) -> bool:
        return isinstance(source, Constant) or pd.api.types.is_numeric_dtype(frame[source].dtype)

    text = [source for source in found if not numeric(source)]
    if not text or len(text) == len(found):
        return []
    column = f"df[{text[0]!r}]"
    return [
        Finding(
            "not-numeric",
            "error",
            f"varying[{name!r}]: {named_list(text)} is not numeric, the other entries are",
            f'convert it: {column} = pd.to_numeric({column}, errors="coerce") '
            "turns what is no number into a missing value",
            column=str(text[0]),
        )
    ]


def _clashes(frame: pd.DataFrame, varying: Mapping[Any, Any], plan: Plan) -> list[Finding]:
    """Note new columns that would take the name of one that stays."""
    stays = set(frame.columns) - plan.used
    made: list[tuple[Hashable, str]] = [(name, f"varying[{name!r}]") for name in varying]
    findings = []
    for name, what in [*made, (ALT, "the column of the alternative")]:
        if name in stays or (what[0] == "v" and name in (ALT, plan.case)):
            findings.append(
                Finding(
                    "name-clash",
                    "error",
                    f"{what} would be called {name!r}, and there is such a column already",
                    f"rename one of them, for example df.rename(columns={{{name!r}: '{name}_0'}})",
                    column=str(name),
                )
            )
    if plan.case == CASE and CASE in stays and CASE not in plan.named:
        findings.append(
            Finding(
                "name-clash",
                "error",
                "The frame has a column 'case', the name that the case ids would get",
                'give case="case" if it holds the ids, or rename it',
                column=CASE,
            )
        )
    return findings


def available_names(available: Any, alternatives: Alternatives) -> set[Hashable]:
    """Return the names of the availability columns, known or not."""
    if isinstance(available, str):
        return {available.replace("{alt}", str(label)) for label in alternatives.labels}
    if isinstance(available, Mapping):
        return {name for name in available.values() if isinstance(name, Hashable)}
    return set()


def resolve_available(
    frame: pd.DataFrame, available: Any, alternatives: Alternatives
) -> tuple[dict[int, pd.Series[Any]], list[Finding]]:
    """Find the availability column of each alternative that has one.

    Parameters
    ----------
    available
        ``{"bus": "bus_av"}``, a pattern ``"av_{alt}"``, or None.

    Returns
    -------
    flags
        Alternative code -> its column.
    findings
        Names that could not be found.
    """
    labels = alternatives.labels
    if available is None:
        return {}, []
    if isinstance(available, str) and "{alt}" in available:
        available = {label: available.replace("{alt}", str(label)) for label in labels}
    if not isinstance(available, Mapping):
        cure = 'write available={"bus": "bus_av"} or available="av_{alt}"'
        message = f"available={available!r} is not a dict from alternative to column"
        return {}, [Finding("available", "error", message, cure)]
    findings = _unknown_labels(available, labels, "available=")
    flags = {}
    for j, label in enumerate(labels):
        if label not in available:
            continue
        name = available[label]
        if not isinstance(name, Hashable) or name not in frame.columns:
            findings.append(unknown_column(name, frame, f"available[{label!r}]: "))
        elif isinstance(frame[name], pd.DataFrame):
            findings.append(_several(name, f"available[{label!r}]"))
        else:
            flags[j] = frame[name]
    return flags, findings
