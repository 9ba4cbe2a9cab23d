"""Terms of a formula: how they are parsed, and what they refer to."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import SpecificationError, nearest
from .base import listing

__all__ = ["Factor", "Term"]

QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`([^`]*)`")
ALL_COLUMNS = re.compile(r"(?<![\w.\])'\"`])\.(?![\w.])")
INNERMOST = re.compile(r"\([^()]*\)|\{[^{}]*\}|\[[^\[\]]*\]")
POWER = re.compile(r"[\w`](?:\(\))?\s*(?:\*\*|\^)")
COLOURS = re.compile(r"\x1b?\[[0-9;]*m|⧛|⧚")
OPENING, CLOSING = "([{", ")]}"
STRENGTH = ("call", "C", "expression", "plain").index


@dataclass(frozen=True)
class Factor:
    """One factor of a term: a column by its name (``lookup``) or a Python expression."""

    text: str
    lookup: bool


@dataclass(frozen=True)
class Term:
    """A product of factors as formulaic parsed it; ``label`` is its name."""

    label: str
    factors: tuple[Factor, ...]


@dataclass(frozen=True)
class Parts:
    """A formula taken apart; the terms of each part are without the intercept."""

    chosen: str | None
    generic: tuple[Term, ...]
    case: tuple[Term, ...]
    alternative: tuple[Term, ...]
    constants: bool

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of all parts."""
        return self.generic + self.case + self.alternative


@dataclass(frozen=True)
class Names:
    """What terms refer to.

    Attributes
    ----------
    columns
        Data column -> its uses: ``"plain"`` (by its name alone), ``"C"`` (within ``C(...)``),
        ``"expression"``.
    context
        Objects from outside the data.
    unknown
        Name -> use, for names that are neither.
    """

    columns: dict[str, frozenset[str]]
    context: tuple[str, ...]
    unknown: dict[str, str]


def take_apart(formula: str) -> Parts:
    """Return the parts of a formula.

    Raises
    ------
    SpecificationError
        If it cannot be read, has more than three parts, or drops the intercept of part one
        without saying in a part two whether it means the constants.
    """
    if not isinstance(formula, str):
        raise SpecificationError(f"a formula is text, not {type(formula).__name__}")
    sides = split_outside(formula, "~")
    if len(sides) > 2:
        raise SpecificationError(f"formula {formula!r} has more than one '~'")
    chosen = read_chosen(sides[0]) if len(sides) == 2 else None
    texts = split_outside(sides[-1], "|")
    if len(texts) > 3:
        raise SpecificationError(
            f"formula {formula!r} has {len(texts)} parts. At most three are known: "
            "generic | case-specific | alternative-specific"
        )
    parsed = [parse(text) if text.strip() else ((), True) for text in texts]
    if len(parsed) == 1 and not parsed[0][1]:
        raise SpecificationError(
            f"formula {formula!r}: part one never has a constant, so `0` or `- 1` there says "
            "nothing. Cure: add a part two, `| 0` for no alternative-specific constants or "
            "`| 1` for constants"
        )
    parsed += [((), True)] * (3 - len(parsed))
    (generic, _), (case, constants), (alternative, _) = parsed
    return Parts(chosen, generic, case, alternative, constants)


def split_outside(text: str, separator: str) -> list[str]:
    """Split text at a character, save within brackets and quotes."""
    pieces, start, depth, quote = [], 0, 0, ""
    for position, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
        elif character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth -= 1
        elif character == separator and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]


def read_chosen(text: str) -> str | None:
    """Return the name on the left side of a formula, None where there is none."""
    name = text.strip()
    quoted = re.fullmatch(r"`([^`]+)`", name)
    if quoted:
        return quoted[1]
    if name and not name.isidentifier():
        raise SpecificationError(
            f"the left side {name!r} must be the name of one column. Cure: make that column in "
            "the data, or put a name with blanks between backticks"
        )
    return name or None


def parse(text: str) -> tuple[tuple[Term, ...], bool]:
    """Return the terms of one part of a formula, and whether it keeps its intercept.

    Raises
    ------
    SpecificationError
        If formulaic cannot parse it.
    """
    simple = parse_simple(text)
    if simple is not None:
        return simple
    refuse_misleading(text)
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    try:
        parsed = list(Formula(text))
    except FormulaicError as error:
        raise SpecificationError(f"cannot read {text.strip()!r}: {clean(error)}") from error
    terms, intercept = [], False
    for term in parsed:
        if str(term) == "1":
            intercept = True
        elif any(factor.eval_method.value == "literal" for factor in term.factors):
            raise SpecificationError(
                f"term {str(term)!r} has a number in it. Cure: write the arithmetic within I(...)"
            )
        else:
            factors = [Factor(f.expr, f.eval_method.value == "lookup") for f in term.factors]
            terms.append(Term(str(term), tuple(factors)))
    return tuple(terms), intercept


def refuse_misleading(text: str) -> None:
    """Raise SpecificationError about "." and about powers of one variable.

    In a formula a power multiplies terms out, so that ``cost**2`` would quietly be ``cost``;
    powers of sums, ``(a + b)**2``, are what the operator is for.
    """
    if ALL_COLUMNS.search(text):
        raise SpecificationError(f"{text.strip()!r}: '.' is not understood: name the variables")
    flat, before = QUOTED.sub("_", text), ""
    while flat != before:
        flat, before = INNERMOST.sub("\0", flat), flat
    if POWER.search(flat.replace("\0", "()")):
        raise SpecificationError(
            f"{text.strip()!r}: a power of a variable needs I(...), for example I(cost**2)"
        )


def parse_simple(text: str) -> tuple[tuple[Term, ...], bool] | None:
    """Parse "0 + gc + ttme" and the like; None for anything richer.

    Importing formulaic takes 0.3 s, which plain formulas need not wait for.
    """
    intercept = True
    terms: dict[str, Term] = {}
    pieces = re.sub(r"-\s*1(?![\w.])", "+ 0", text).split("+")
    if text.lstrip().startswith("-"):
        pieces = pieces[1:]
    for piece in map(str.strip, pieces):
        if piece in {"0", "1"}:
            intercept = piece == "1"
        elif re.fullmatch(r"[A-Za-z_]\w*", piece) and not keyword.iskeyword(piece):
            terms[piece] = Term(piece, (Factor(piece, lookup=True),))
        else:
            return None
    return tuple(terms.values()), intercept


def clean(error: BaseException) -> str:
    """Return the first line of an error of formulaic's, without terminal colours."""
    lines = str(error).strip().splitlines()
    return COLOURS.sub("", lines[0]) if lines else type(error).__name__


def names_in(terms: Iterable[Term], columns: Iterable[str], context: Mapping[str, Any]) -> Names:
    """Return the data columns, outside objects and unknown names that terms refer to.

    Data columns come before outside objects of the same name, and those before the
    functions of formulaic.
    """
    known = set(columns)
    uses: dict[str, set[str]] = {}
    outside: dict[str, None] = {}
    unknown: dict[str, str] = {}
    for factor in dict.fromkeys(factor for term in terms for factor in term.factors):
        found = {factor.text: "plain"} if factor.lookup else names_in_expression(factor.text)
        for name, use in found.items():
            if name in known and use != "call":
                uses.setdefault(name, set()).add(use)
            elif use != "plain" and name in context and not is_array(context[name]):
                outside[name] = None
            elif use == "plain" or not is_offered(name):
                unknown[name] = use
    frozen = {name: frozenset(found) for name, found in uses.items()}
    return Names(frozen, tuple(outside), unknown)


def names_in_expression(text: str) -> dict[str, str]:
    """Return the names an expression refers to: name -> ``"call"``, ``"C"`` or ``"expression"``.

    Raises
    ------
    SpecificationError
        If it is not a Python expression, or uses ``lag``.
    """
    aliases: dict[str, str] = {}

    def alias(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        name = f"_quoted_{len(aliases)}_"
        aliases[name] = match[1]
        return f" {name} "

    try:
        tree = ast.parse(QUOTED.sub(alias, text).strip(), mode="eval")
    except SyntaxError as error:
        raise SpecificationError(f"{text!r} is not a valid expression: {error.msg}") from error
    nodes = list(ast.walk(tree))
    uses: dict[int, str] = {}  # by node, since one name may stand in several places
    found: dict[str, str] = {}
    for call in (node for node in nodes if isinstance(node, ast.Call)):
        first = call.args[0] if call.args else None
        if not isinstance(call.func, ast.Name):
            continue
        uses[id(call.func)] = "call"
        if call.func.id == "lag":
            raise SpecificationError(
                f"{text!r}: lag() would take the row of another alternative or case. "
                "Cure: make the lagged column in the data"
            )
        if call.func.id == "C" and isinstance(first, ast.Name):
            uses[id(first)] = "C"
        if call.func.id == "Q" and isinstance(first, ast.Constant):
            found[str(first.value)] = "expression"
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in names:
        if node.id not in bound:
            name, use = aliases.get(node.id, node.id), uses.get(id(node), "expression")
            found[name] = max(found.get(name, "call"), use, key=STRENGTH)
    return found


def is_offered(name: str) -> bool:
    """Whether a name is one of Python's or of formulaic's functions."""
    from formulaic.transforms import TRANSFORMS

    return name in TRANSFORMS or hasattr(builtins, name)


def is_array(value: Any) -> bool:
    """Whether an outside object holds data, which belong into a column instead."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, (pd.Series, pd.DataFrame, pd.Index, list, tuple))


def require_known(names: Names, columns: Iterable[str], context: Mapping[str, Any]) -> None:
    """Raise one SpecificationError that lists all unknown names, if there are any."""
    columns = list(columns)
    lines = []
    for name, use in names.unknown.items():
        close = nearest(name, columns)
        if name in context:
            lines.append(f"{name!r} is an object from outside the data: add it as a column")
        elif use == "call":
            lines.append(f"{name!r} is not a known function: pass it in the context")
        else:
            hint = f" (did you mean {close!r}?)" if close is not None else ""
            lines.append(f"{name!r} is not in the data{hint}")
    if lines:
        listed = listing(columns)
        raise SpecificationError(f"unknown names: {'; '.join(lines)}. Columns: {listed}")
