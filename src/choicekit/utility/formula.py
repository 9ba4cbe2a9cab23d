"""Utilities from a formula: "choice ~ generic | case-specific | alternative-specific".

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import DataError, SpecificationError
from .base import (
    CaseIds,
    Coefficient,
    Described,
    FloatArray,
    IntArray,
    check_base,
    check_shapes,
    check_unique,
    grouped,
)
from .blocks import Block, evaluate_block, learn_block
from .columns import Places, column, comparable, require_columns, varies_within_cases, varying_cases
from .offset import offsets_among, with_offset
from .terms import Term, names_in, require_known, take_apart

__all__ = ["FormulaDesign", "formula_variables", "learn_formula"]


@dataclass(frozen=True, eq=False, repr=False)
class FormulaDesign(Described):
    """A linear utility learned from a formula; see `learn_formula`.

    Attributes
    ----------
    formula
        The formula as text.
    chosen_name
        Its left side, None where it has none.
    alternatives
        Labels of the J alternatives, in the order of their codes.
    base
        Label of the reference alternative: no constant, no case-specific coefficients.
    coefficients
        What the K coefficients multiply: first the generic ones, then the constants, then for
        each case-specific and each alternative-specific term one for each alternative.
    generic, case, alternative
        The learned columns of the three parts.
    """

    formula: str
    chosen_name: str | None
    alternatives: tuple[Hashable, ...]
    base: Hashable
    coefficients: tuple[Coefficient, ...]
    generic: Block
    case: Block
    alternative: Block

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that the formula refers to, without the left side."""
        blocks = (self.generic, self.case, self.alternative)
        return tuple(dict.fromkeys(name for block in blocks for name in block.columns))

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        return self.columns

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Return the regressors of a frame.

        Parameters
        ----------
        frame
            The data, L rows sorted by case.
        alt
            Code of the alternative of each row, (L,).
        case_ptr
            The rows of case c are case_ptr[c]:case_ptr[c + 1], (C + 1,).
        case_ids
            Labels of the cases for messages, (C,).

        Returns
        -------
        (L, K) float64, contiguous by column, all finite.

        Raises
        ------
        DataError
            Missing columns or values, unknown levels, case-specific variables that vary within
            a case, results that are not finite.
        """
        check_shapes(frame, alt, case_ptr)
        require_columns(frame, self.columns)
        X = np.zeros((len(self.coefficients), len(alt))).T
        if len(alt):
            fill(X, self, frame, alt, Places(case_ptr, case_ids))
        return X

    def __repr__(self) -> str:
        head = f"FormulaDesign({self.formula!r}, base={self.base!r}): "
        return f"{head}{len(self.coefficients)} coefficients\n{grouped(self.coefficients)}"


def learn_formula(
    formula: str,
    frame: pd.DataFrame,
    alt: IntArray,
    case_ptr: IntArray,
    alternatives: Sequence[Hashable],
    base: Hashable | None = None,
    *,
    case_ids: CaseIds | None = None,
    context: Mapping[str, Any] | None = None,
) -> FormulaDesign:
    """Learn a utility from ``"choice ~ generic | case-specific | alternative-specific"``.

    Part one has one coefficient for all alternatives. Part two has one for each alternative but
    the base, and alternative-specific constants unless it says ``0`` or ``- 1``; without part
    two there are constants. Part three has one coefficient for each alternative. Parts and the
    left side may be left out or empty. An intercept in parts one and three would cancel and is
    ignored; categories leave out a reference level, save in a part two without constants.

    Parameters
    ----------
    formula
        The formula; each part as formulaic reads it.
    frame
        The estimation data, L rows sorted by case.
    alt
        Code of the alternative of each row, (L,).
    case_ptr
        The rows of case c are case_ptr[c]:case_ptr[c + 1], (C + 1,).
    alternatives
        Labels of the alternatives, in the order of their codes.
    base
        Label of the reference alternative; the first one by default.
    case_ids
        Labels of the cases for messages, (C,).
    context
        Functions and constants from outside the data that the formula may use.

    Raises
    ------
    SpecificationError
        The formula cannot be read, has unknown names, or a term that does not vary between the
        alternatives of any case in part one or three.
    DataError
        The columns cannot be used: see `FormulaDesign.rows`.
    """
    check_shapes(frame, alt, case_ptr)
    outside = with_offset(context)
    labels = tuple(alternatives)
    reference = check_base(base, labels)
    parts = take_apart(formula)
    require_known(names_in(parts.terms, frame.columns, outside), frame.columns, outside)
    places = Places(case_ptr, case_ids)
    generic = learn_varying(parts.generic, frame, places, outside, "one")
    by_case = tuple(names_in(parts.case, frame.columns, outside).columns)
    require_constant(by_case, frame, places)
    heads, firsts = first_rows(frame, by_case, places)
    case, _ = learn_block(parts.case, heads, firsts, outside, intercept=parts.constants)
    alternative = learn_varying(parts.alternative, frame, places, outside, "three")
    coefficients = name_coefficients(
        generic, case, alternative, labels, reference, constants=parts.constants
    )
    if not coefficients:
        raise SpecificationError(f"formula {formula!r} has no terms: there is nothing to estimate")
    check_unique([coefficient.name for coefficient in coefficients])
    return FormulaDesign(
        formula, parts.chosen, labels, reference, coefficients, generic, case, alternative
    )


def formula_variables(
    formula: str, frame: pd.DataFrame, context: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Return the data columns a formula refers to, without learning it.

    Raises
    ------
    SpecificationError
        If it cannot be read or refers to names that are not in the data.
    """
    outside = with_offset(context)
    names = names_in(take_apart(formula).terms, frame.columns, outside)
    require_known(names, frame.columns, outside)
    return tuple(names.columns)


def learn_varying(
    terms: Sequence[Term],
    frame: pd.DataFrame,
    places: Places,
    context: Mapping[str, Any],
    part: str,
) -> Block:
    """Learn part one or three, whose columns must vary within some case.

    What is the same for all alternatives of a case cancels from the differences between
    utilities (McFadden 1974), whether its coefficient is generic or there is one for each
    alternative and no base.
    """
    block, values = learn_block(terms, frame, places, context, within_cases=True)
    pairs = zip(block.names, values, strict=True)
    flat = [name for name, array in pairs if not varies_within_cases(array, places.case_ptr)]
    flat = [name for name in flat if not offsets_among([name])]  # nothing to learn about those
    if flat:
        raise SpecificationError(
            f"part {part} of the formula: {', '.join(map(repr, flat))} "
            f"{'is' if len(flat) == 1 else 'are'} the same for all alternatives in every case, "
            "which tells nothing about the choice between them. Cure: move to part two "
            "(`| variable`), where every alternative but the base has its own coefficient, or "
            "multiply by a variable that differs between alternatives (`cost:income`)"
        )
    return block


def require_constant(names: Sequence[str], frame: pd.DataFrame, places: Places) -> None:
    """Raise one DataError about every column that varies within a case."""
    findings = []
    for name in names:
        cases = varying_cases(comparable(column(frame, name)), places.case_ptr)
        if len(cases):
            message = f"column {name!r} varies within cases, but part two is for case variables"
            cure = "move it to part one (one coefficient) or three (one for each alternative)"
            findings.append(places.in_cases("varies-within-case", message, cure, name, cases))
    if findings:
        raise DataError(findings)


def name_coefficients(
    generic: Block,
    case: Block,
    alternative: Block,
    alternatives: Sequence[Hashable],
    base: Hashable,
    *,
    constants: bool,
) -> tuple[Coefficient, ...]:
    """Return the coefficients in the order of the columns of X."""
    others = [label for label in alternatives if label != base]
    found = [Coefficient(name, "generic", None, name) for name in generic.names]
    if constants:
        found += [Coefficient(f"asc[{label}]", "constant", label, "1") for label in others]
    for name in case.names:
        found += [Coefficient(f"{name}[{label}]", "case", label, name) for label in others]
    for name in alternative.names:
        found += [
            Coefficient(f"{name}[{label}]", "alternative", label, name) for label in alternatives
        ]
    return tuple(found)


def fill(
    X: FloatArray, design: FormulaDesign, frame: pd.DataFrame, alt: IntArray, places: Places
) -> None:
    """Write the columns of all parts into X, (L, K), which holds zeros.

    Rows are sorted by alternative once, so that a column of one alternative touches only the
    rows of that alternative.
    """
    k = 0
    for values in evaluate_block(design.generic, frame, places):
        X[:, k] = values
        k += 1
    if k == len(design.coefficients):
        return
    rows_of = rows_by_alternative(alt, len(design.alternatives))
    base = design.alternatives.index(design.base)
    others = rows_of[:base] + rows_of[base + 1 :]
    if design.constants:
        for rows in others:
            X[rows, k] = 1.0
            k += 1
    if design.case.names:
        require_constant(design.case.columns, frame, places)
        heads, firsts = first_rows(frame, design.case.columns, places)
        sizes = np.diff(places.case_ptr)
        for values in evaluate_block(design.case, heads, firsts):
            spread = np.repeat(values, sizes)
            for rows in others:
                X[rows, k] = spread[rows]
                k += 1
    for values in evaluate_block(design.alternative, frame, places):
        for rows in rows_of:
            X[rows, k] = values[rows]
            k += 1


def first_rows(
    frame: pd.DataFrame, names: Sequence[str], places: Places
) -> tuple[pd.DataFrame, Places]:
    """Return some columns of the first row of each case, and where those rows belong."""
    rows = places.case_ptr[:-1]
    return frame[list(names)].iloc[rows], Places(places.case_ptr, places.case_ids, rows)


def rows_by_alternative(alt: IntArray, n_alternatives: int) -> list[IntArray]:
    """Return the rows of each alternative, ascending."""
    if n_alternatives <= np.iinfo(np.uint16).max:
        alt = alt.astype(np.uint16)  # numpy sorts 16 bits by radix
    order = np.argsort(alt, kind="stable")
    ends = np.cumsum(np.bincount(alt, minlength=n_alternatives))
    return np.split(order, ends[:-1])
