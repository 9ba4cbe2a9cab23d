"""Columns that terms give: learned on the estimation data, and given again on new data.

formulaic evaluates the terms, save for plain numeric columns, which are read from the frame.
Axes: rows of whatever frame is handed in (all L rows, one per case, or those of one alternative).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..exceptions import DataError, Finding, SpecificationError
from .columns import (
    Places,
    Reading,
    column,
    comparable,
    hand_over,
    is_number,
    number_column,
    read_column,
    varies_within_cases,
)
from .materialise import formulaic_formula, materialise, matrix_column
from .terms import Factor, Term, names_in, require_known

__all__ = ["Block"]


@dataclass(frozen=True, eq=False)
class Block:
    """The columns that some terms give, with everything needed to give them again.

    Attributes
    ----------
    names
        Names of the columns.
    terms
        The term each of them comes from.
    columns
        The data columns referred to.
    plain
        (position, data column) of the terms that are just a numeric column.
    spec
        formulaic's model specification of the other terms; it holds their state.
    picks
        (position, column of the model matrix) of the other terms.
    readings
        How each data column is handed to formulaic.
    context
        The objects from outside the data that the terms use.
    """

    names: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    columns: tuple[str, ...] = ()
    plain: tuple[tuple[int, str], ...] = ()
    spec: Any = None
    picks: tuple[tuple[int, int], ...] = ()
    readings: tuple[Reading, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)


class Piece(NamedTuple):
    """One learned column: its name, where it comes from, its values (rows,)."""

    name: str
    source: str | int
    values: npt.NDArray[Any]


def learn_block(
    terms: Sequence[Term],
    frame: pd.DataFrame,
    places: Places,
    context: Mapping[str, Any],
    *,
    intercept: bool = True,
    within_cases: bool = False,
) -> tuple[Block, list[npt.NDArray[Any]]]:
    """Learn the columns that terms give.

    Parameters
    ----------
    terms, frame, places, context
        The terms; the data; where their rows belong; objects from outside the data.
    intercept
        Code categories as if an intercept were present: a reference level is left out.
    within_cases
        Code them as if everything constant within cases were present, since it cancels from
        the differences between alternatives: C(region):C(brand) leaves out one brand in each
        region.

    Returns
    -------
    The block, and its columns on these data, each (rows,).

    Raises
    ------
    SpecificationError
        Unknown names, terms that cannot be evaluated, categories with one level.
    DataError
        Missing values, numbers stored as text, results that are not finite.
    """
    names = names_in(terms, frame.columns, context)
    require_known(names, frame.columns, context)
    slow = [term for term in terms if not is_plain(term, terms, frame)]
    pieces = {term: [plain_piece(term, frame)] for term in terms if term not in slow}
    spec: Any = None
    readings: tuple[Reading, ...] = ()
    if slow:
        margins = constant_margins(slow, frame, places.case_ptr) if within_cases else []
        readings = learn_readings(slow, frame, context)
        ready = hand_over_checked(readings, frame, places)
        used = {name: context[name] for name in names.context}
        source = formulaic_formula([*margins, *slow], intercept=intercept)
        matrix = materialise(source, ready, used, places)
        spec = matrix.model_spec
        pieces |= slow_pieces(slow, matrix, skip=len(margins) + intercept)
    flat = [(term, piece) for term in terms for piece in pieces[term]]
    block = Block(
        names=tuple(piece.name for _, piece in flat),
        terms=tuple(term for term, _ in flat),
        columns=tuple(names.columns),
        plain=tuple((k, p.source) for k, (_, p) in enumerate(flat) if isinstance(p.source, str)),
        spec=spec,
        picks=tuple((k, p.source) for k, (_, p) in enumerate(flat) if isinstance(p.source, int)),
        readings=readings,
        context={name: context[name] for name in names.context},
    )
    values = [piece.values for _, piece in flat]
    findings = [f for k, array in enumerate(values) for f in not_finite(block, k, array, places)]
    if findings:
        raise DataError(findings)
    return block, values


def evaluate_block(block: Block, frame: pd.DataFrame, places: Places) -> Iterator[npt.NDArray[Any]]:
    """Yield the columns of a learned block on other data in order, each (rows,).

    One at a time, so that conversions need the memory of one column.

    Raises
    ------
    DataError
        Missing values, unknown levels, columns of another type; after the last column, results
        that are not finite.
    """
    plain, picks = dict(block.plain), dict(block.picks)
    matrix = None
    if picks:
        ready = hand_over_checked(block.readings, frame, places)
        matrix = materialise(block.spec, ready, block.context, places)
    findings = []
    for k in range(len(block.names)):
        name = plain.get(k)
        values = matrix_column(matrix, picks[k]) if name is None else number_column(frame, name)
        findings += not_finite(block, k, values, places)
        yield values
    if findings:
        raise DataError(findings)


def categories_in(block: Block) -> frozenset[str]:
    """Return the factors of a block that formulaic coded as categories."""
    if block.spec is None:
        return frozenset()
    kinds = {text: kind for text, (kind, _) in block.spec.encoder_state.items()}
    return frozenset(text for text, kind in kinds.items() if kind.value == "categorical")


def is_plain(term: Term, terms: Sequence[Term], frame: pd.DataFrame) -> bool:
    """Whether a term is just a numeric column, and no product needs to know that it is there.

    How categories are coded in ``x:C(b)`` depends on whether ``x`` is in the formula too.
    """
    factor = term.factors[0]
    shared = any(factor in other.factors for other in terms if other is not term)
    alone = len(term.factors) == 1 and factor.lookup and not shared
    return alone and is_number(column(frame, factor.text))


def plain_piece(term: Term, frame: pd.DataFrame) -> Piece:
    """Return the piece of a plain numeric column."""
    name = term.factors[0].text
    return Piece(name, name, number_column(frame, name))


def constant_margins(
    terms: Sequence[Term], frame: pd.DataFrame, case_ptr: npt.NDArray[Any]
) -> list[Term]:
    """Return the products within ``terms`` that are constant within every case."""
    varies: dict[str, bool] = {}

    def is_constant(factor: Factor) -> bool:
        for name in names_in([Term("", (factor,))], frame.columns, {}).columns:
            if name not in varies:
                varies[name] = varies_within_cases(comparable(column(frame, name)), case_ptr)
            if varies[name]:
                return False
        return True

    present = {frozenset(term.factors) for term in terms}
    margins: dict[frozenset[Factor], Term] = {}
    for term in terms:
        constant = [factor for factor in term.factors if is_constant(factor)]
        for size in range(1, min(len(constant) + 1, len(term.factors))):
            for group in itertools.combinations(constant, size):
                if frozenset(group) not in present:
                    label = ":".join(factor.text for factor in group)
                    margins.setdefault(frozenset(group), Term(label, group))
    return sorted(margins.values(), key=lambda term: len(term.factors))


def learn_readings(
    terms: Sequence[Term], frame: pd.DataFrame, context: Mapping[str, Any]
) -> tuple[Reading, ...]:
    """Return how each data column of ``terms`` is handed to formulaic, or raise a DataError."""
    uses = names_in(terms, frame.columns, context).columns
    found = [read_column(frame, name, use) for name, use in uses.items()]
    findings = [item for item in found if isinstance(item, Finding)]
    if findings:
        raise DataError(findings)
    return tuple(item for item in found if isinstance(item, Reading))


def hand_over_checked(
    readings: Sequence[Reading], frame: pd.DataFrame, places: Places
) -> pd.DataFrame:
    """Return the columns as formulaic shall see them, or raise one DataError about all of them."""
    ready, findings = hand_over(readings, frame, places)
    if findings:
        raise DataError(findings)
    return ready


def slow_pieces(terms: Sequence[Term], matrix: Any, skip: int) -> dict[Term, list[Piece]]:
    """Return the columns of each term; ``skip`` entries before them are not the user's."""
    names = list(matrix.columns)
    pieces: dict[Term, list[Piece]] = {}
    start = 0
    for number, entry in enumerate(matrix.model_spec.structure):
        stop = start + len(entry.columns)
        if number >= skip:
            term = terms[number - skip]
            if start == stop:
                raise SpecificationError(
                    f"term {term.label!r} is a category with one level in these data: "
                    "there is nothing to learn. Cure: leave it out"
                )
            pieces[term] = [
                Piece(names[i], i, matrix_column(matrix, i)) for i in range(start, stop)
            ]
        start = stop
    return pieces


def not_finite(
    block: Block, position: int, values: npt.NDArray[Any], places: Places
) -> list[Finding]:
    """Return a finding if a column of the block is not finite."""
    with np.errstate(all="ignore"):
        # a sum is finite only if all its terms are: one pass, no array of flags
        if values.dtype.kind != "f" or np.isfinite(values.sum()):
            return []
    bad = ~np.isfinite(values)
    if not bad.any():
        return []
    name = dict(block.plain).get(position)
    if name is not None:
        message, cure = f"column {name!r} has missing or infinite values", "fill them in"
    else:
        message = f"term {block.names[position]!r} gives values that are not finite"
        cure = "look at the values it is taken of in these cases (a logarithm of 0, perhaps)"
        name = ", ".join(names_in([block.terms[position]], block.columns, block.context).columns)
    return [places.at("not-finite", message, cure, name, bad)]
