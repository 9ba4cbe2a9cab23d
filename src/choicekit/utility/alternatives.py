"""Utilities written for each alternative, with coefficients shared by their names.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import SpecificationError
from .base import (
    CaseIds,
    Coefficient,
    Described,
    FloatArray,
    IntArray,
    check_base,
    check_shapes,
    grouped,
    suggestion,
)
from .blocks import Block, categories_in, evaluate_block, learn_block
from .columns import Places, require_columns, varies_within_cases
from .offset import with_offset
from .terms import Factor, Term, names_in, require_known

__all__ = ["AlternativesDesign", "alternatives_variables", "learn_alternatives"]

NUMBER = r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?"

Specification = Mapping[Hashable, Mapping[str, float | str]]


@dataclass(frozen=True)
class Utility:
    """The utility of one alternative.

    Attributes
    ----------
    label, code
        The alternative.
    numbers
        (coefficient position, number) of the coefficients that multiply a number.
    expressions
        (coefficient position, column of ``block``) of those that multiply an expression.
    block
        The learned columns, in the rows of this alternative.
    """

    label: Hashable
    code: int
    numbers: tuple[tuple[int, float], ...]
    expressions: tuple[tuple[int, int], ...]
    block: Block


@dataclass(frozen=True, eq=False, repr=False)
class AlternativesDesign(Described):
    """A linear utility learned from one specification per alternative; see `learn_alternatives`.

    Attributes
    ----------
    formula
        The specification as text, one utility a line.
    alternatives
        Labels of the J alternatives, in the order of their codes.
    base
        Label of the reference alternative (of the errors: it has no effect on X).
    coefficients
        What the K coefficients multiply, in the order of first mention.
    utilities
        What was learned for each alternative; those left out have utility 0.
    """

    formula: str
    alternatives: tuple[Hashable, ...]
    base: Hashable
    coefficients: tuple[Coefficient, ...]
    utilities: tuple[Utility, ...]

    @property
    def chosen_name(self) -> None:
        """None: there is no left side."""
        return None

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that any of the expressions refers to."""
        used = [name for utility in self.utilities for name in utility.block.columns]
        return tuple(dict.fromkeys(used))

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        return self.columns

    @property
    def columns_of(self) -> dict[Hashable, tuple[str, ...]]:
        """The data columns used in the rows of each alternative."""
        return {utility.label: utility.block.columns for utility in self.utilities}

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Return the regressors of a frame: see `FormulaDesign.rows`."""
        check_shapes(frame, alt, case_ptr)
        require_columns(frame, self.columns)
        X = np.zeros((len(self.coefficients), len(alt))).T
        everywhere = Places(case_ptr, case_ids)
        for utility in self.utilities:
            rows = np.flatnonzero(alt == utility.code)
            for k, number in utility.numbers:
                X[rows, k] = number
            if utility.expressions and len(rows):
                part, places = part_of(frame, utility.block.columns, rows, everywhere)
                arrays = list(evaluate_block(utility.block, part, places))
                for k, pick in utility.expressions:
                    X[rows, k] = arrays[pick]
        return X

    def __repr__(self) -> str:
        head = f"AlternativesDesign: {len(self.coefficients)} coefficients"
        text = "\n".join(f"  {line}" for line in self.formula.splitlines())
        return f"{head}\n{text}\n{grouped(self.coefficients)}"


def learn_alternatives(
    specification: Specification,
    frame: pd.DataFrame,
    alt: IntArray,
    case_ptr: IntArray,
    alternatives: Sequence[Hashable],
    base: Hashable | None = None,
    *,
    case_ids: CaseIds | None = None,
    context: Mapping[str, Any] | None = None,
) -> AlternativesDesign:
    """Learn utilities from ``{alternative: {coefficient: number or "expression"}}``.

    The utility of an alternative is the sum of coefficient times number or expression. A
    coefficient named in several alternatives is shared by them. Alternatives left out have
    utility 0. Expressions are Python arithmetic on the columns, with formulaic's functions, and
    are evaluated on the rows of their alternative, where transformations such as ``scale``
    learn their state.

    Parameters
    ----------
    specification
        For example ``{"air": {"asc_air": 1, "b_cost": "gc"}, "car": {"b_cost": "gc / 2"}}``.
    frame, alt, case_ptr, alternatives, base, case_ids, context
        As for `choicekit.utility.formula.learn_formula`.

    Raises
    ------
    SpecificationError
        Unknown alternatives or names, expressions that are not one numeric column, coefficients
        whose terms are the same for all alternatives in every case.
    DataError
        The columns cannot be used.
    """
    check_shapes(frame, alt, case_ptr)
    outside = with_offset(context)
    labels = tuple(alternatives)
    reference = check_base(base, labels)
    check_specification(specification, labels)
    entries = {label: as_terms(specification[label]) for label in specification}
    terms = [
        item for found in entries.values() for item in found.values() if isinstance(item, Term)
    ]
    require_known(names_in(terms, frame.columns, outside), frame.columns, outside)
    position = {name: k for k, name in enumerate(dict.fromkeys(coefficient_names(specification)))}
    places = Places(case_ptr, case_ids)
    utilities = tuple(
        learn_one(label, labels.index(label), found, position, frame, alt, places, outside)
        for label, found in entries.items()
    )
    coefficients = tuple(describe_coefficient(name, specification) for name in position)
    design = AlternativesDesign(as_text(specification), labels, reference, coefficients, utilities)
    require_varying(design.names, design.rows(frame, alt, case_ptr, case_ids), case_ptr)
    return design


def alternatives_variables(
    specification: Specification, frame: pd.DataFrame, context: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Return the data columns the expressions refer to, without learning them.

    Raises
    ------
    SpecificationError
        If one cannot be read or refers to names that are not in the data.
    """
    check_specification(specification, tuple(specification))
    outside = with_offset(context)
    found = [item for entries in specification.values() for item in as_terms(entries).values()]
    names = names_in([item for item in found if isinstance(item, Term)], frame.columns, outside)
    require_known(names, frame.columns, outside)
    return tuple(names.columns)


def check_specification(specification: Specification, alternatives: Sequence[Hashable]) -> None:
    """Raise one SpecificationError that lists everything malformed."""
    if not isinstance(specification, Mapping) or not coefficient_names(specification):
        raise SpecificationError(
            "a specification by alternative looks like "
            '{"air": {"asc_air": 1, "b_cost": "gc"}, "car": {"b_cost": "gc"}}'
        )
    problems = []
    for label, entries in specification.items():
        if label not in alternatives:
            hint = suggestion(label, alternatives, "alternatives")
            problems.append(f"unknown alternative {label!r}: {hint}")
        if not isinstance(entries, Mapping):
            problems.append(f"{label!r}: {entries!r} is not a dict")
            continue
        for name, value in entries.items():
            if not isinstance(name, str) or not name:
                problems.append(f"{label!r}: the coefficient name {name!r} is not text")
            finite = isinstance(value, Real) and math.isfinite(value)
            if not finite and not isinstance(value, str):
                what = f"{value!r} is neither a finite number nor text"
                problems.append(f"{label!r}, {name!r}: {what}")
    if problems:
        raise SpecificationError("the specification cannot be used: " + "; ".join(problems))


def coefficient_names(specification: Specification) -> list[str]:
    """Return the coefficient names in the order of mention, with repetitions."""
    return [
        name
        for entries in specification.values()
        if isinstance(entries, Mapping)
        for name in entries
    ]


def as_terms(entries: Mapping[str, float | str]) -> dict[str, float | Term]:
    """Return the entries of one alternative with expressions as terms and numbers as floats."""
    found: dict[str, float | Term] = {}
    for name, value in entries.items():
        number = not isinstance(value, str) or re.fullmatch(NUMBER, value.strip())
        found[name] = float(value) if number else expression_term(str(value))
    return found


def expression_term(text: str) -> Term:
    """Return an expression as a term: a column by its name, or Python arithmetic."""
    text = text.strip()
    quoted = re.fullmatch(r"`([^`]+)`", text)
    name = quoted[1] if quoted else text
    return Term(text, (Factor(name, lookup=bool(quoted) or text.isidentifier()),))


def learn_one(
    label: Hashable,
    code: int,
    entries: Mapping[str, float | Term],
    position: Mapping[str, int],
    frame: pd.DataFrame,
    alt: IntArray,
    places: Places,
    context: Mapping[str, Any],
) -> Utility:
    """Learn the utility of one alternative from its rows of the frame."""
    numbers = [(position[n], item) for n, item in entries.items() if isinstance(item, float)]
    written = {name: item for name, item in entries.items() if isinstance(item, Term)}
    terms = list(dict.fromkeys(written.values()))
    if not terms:
        return Utility(label, code, tuple(numbers), (), Block())
    rows = np.flatnonzero(alt == code)
    if not len(rows):
        raise SpecificationError(
            f"alternative {label!r} has no rows in the data, so its expressions cannot be "
            "evaluated. Cure: leave it out of the specification"
        )
    names = tuple(names_in(terms, frame.columns, context).columns)
    part, within = part_of(frame, names, rows, places)
    block, _ = learn_block(terms, part, within, context, intercept=False)
    for term in terms:
        count = block.terms.count(term)
        if count != 1 or any(factor.text in categories_in(block) for factor in term.factors):
            what = "a category" if count == 1 or categories_in(block) else f"{count} columns"
            raise SpecificationError(
                f"{term.label!r} in the utility of {label!r} is {what}, but must be one number a "
                "row. Cure: write each column as its own coefficient, for example "
                "\"I(region == 'north')\""
            )
    picks = tuple((position[name], block.terms.index(term)) for name, term in written.items())
    return Utility(label, code, tuple(numbers), picks, block)


def part_of(
    frame: pd.DataFrame, names: Sequence[str], rows: IntArray, places: Places
) -> tuple[pd.DataFrame, Places]:
    """Return some columns of some rows, and where those rows belong."""
    return frame[list(names)].iloc[rows], Places(places.case_ptr, places.case_ids, rows)


def describe_coefficient(name: str, specification: Specification) -> Coefficient:
    """Return what one coefficient multiplies, over all alternatives."""
    values = {label: entries[name] for label, entries in specification.items() if name in entries}
    texts = [
        str(value).strip() if isinstance(value, str) else f"{value:g}" for value in values.values()
    ]
    only = next(iter(values)) if len(values) == 1 else None
    if all(isinstance(as_terms({name: value})[name], float) for value in values.values()):
        kind = "constant"
    else:
        kind = "alternative" if len(values) == 1 else "generic"
    return Coefficient(name, kind, only, " | ".join(dict.fromkeys(texts)))


def as_text(specification: Specification) -> str:
    """Return the utilities as lines of text, such as ``U[air] = asc_air + b_cost * gc``."""
    lines = []
    for label, entries in specification.items():
        products = []
        for name, item in as_terms(entries).items():
            if isinstance(item, float):
                products.append(name if item == 1 else f"{name} * {item:g}")
            else:
                simple = item.factors[0].lookup
                products.append(f"{name} * {item.label}" if simple else f"{name} * ({item.label})")
        lines.append(f"U[{label}] = {' + '.join(products) or '0'}")
    return "\n".join(lines)


def require_varying(names: Sequence[str], X: FloatArray, case_ptr: IntArray) -> None:
    """Raise SpecificationError about coefficients that cancel from all utility differences."""
    flat = [name for k, name in enumerate(names) if not varies_within_cases(X[:, k], case_ptr)]
    if flat:
        raise SpecificationError(
            f"{', '.join(map(repr, flat))}: the same is added to the utility of all alternatives "
            "in every case, so nothing can be learned about it. Cure: leave it out of at least "
            "one alternative, the reference"
        )
