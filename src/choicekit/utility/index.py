"""One index a case from a formula: "rating ~ income + age", for ordered categories.

Axes: C cases, L rows (case x available alternative), K coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import SpecificationError
from .base import CaseIds, Coefficient, Described, FloatArray, IntArray, check_base, check_shapes
from .blocks import Block, evaluate_block, learn_block
from .columns import Places, require_columns
from .formula import first_rows, require_constant
from .offset import with_offset
from .terms import names_in, require_known, take_apart

__all__ = ["IndexDesign", "learn_index"]


@dataclass(frozen=True, eq=False, repr=False)
class IndexDesign(Described):
    """An index learned from a formula, the same for all alternatives; see `learn_index`.

    Attributes
    ----------
    formula
        The formula as text.
    chosen_name
        Its left side, None where it has none.
    base
        Label of the reference alternative, which plays no part.
    coefficients
        What the K coefficients multiply.
    block
        The learned columns, one value a case.
    """

    formula: str
    chosen_name: str | None
    base: Hashable
    coefficients: tuple[Coefficient, ...]
    block: Block

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that the formula refers to, without the left side."""
        return tuple(self.block.columns)

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
        """Return the regressors, (L, K), the same in all rows of a case.

        Raises
        ------
        DataError
            Missing columns or values, unknown levels, variables that vary within a case.
        """
        check_shapes(frame, alt, case_ptr)
        require_columns(frame, self.columns)
        X = np.zeros((len(self.coefficients), len(alt))).T
        if len(alt) == 0 or not self.coefficients:
            return X
        places, sizes = Places(case_ptr, case_ids), np.diff(case_ptr)
        require_constant(self.columns, frame, places)
        heads, firsts = first_rows(frame, self.columns, places)
        for k, values in enumerate(evaluate_block(self.block, heads, firsts)):
            X[:, k] = np.repeat(values, sizes)
        return X

    def __repr__(self) -> str:
        return f"IndexDesign({self.formula!r}): {', '.join(self.names) or 'thresholds only'}"


def learn_index(
    formula: str,
    frame: pd.DataFrame,
    alt: IntArray,
    case_ptr: IntArray,
    alternatives: Sequence[Hashable],
    base: Hashable | None = None,
    *,
    case_ids: CaseIds | None = None,
    context: Mapping[str, Any] | None = None,
) -> IndexDesign:
    """Learn an index from ``"rating ~ income + age"``: one coefficient a variable, no constant.

    Every variable is constant within a case. Categories leave out a reference level, since the
    thresholds hold the place of a constant. ``"rating ~ 1"`` has thresholds only.

    Parameters
    ----------
    formula, frame, alt, case_ptr, alternatives, base, case_ids, context
        As for `learn_formula`.

    Raises
    ------
    SpecificationError
        The formula cannot be read, has a second or third part, or has unknown names.
    DataError
        The columns cannot be used: see `IndexDesign.rows`.
    """
    if not isinstance(formula, str):
        raise SpecificationError(
            "An ordered model has one index for all categories, not a utility for each. Cure: "
            "write a formula of one part, such as 'rating ~ income + age'."
        )
    check_shapes(frame, alt, case_ptr)
    outside = with_offset(context)
    parts = take_apart(formula)
    if parts.case or parts.alternative or not parts.constants:
        raise SpecificationError(
            f"formula {formula!r} has several parts, but an ordered model has one index for all "
            "categories, and thresholds in place of constants. Cure: write all variables in part "
            "one, 'rating ~ income + age'."
        )
    names = names_in(parts.generic, frame.columns, outside)
    require_known(names, frame.columns, outside)
    places = Places(case_ptr, case_ids)
    require_constant(tuple(names.columns), frame, places)
    heads, firsts = first_rows(frame, tuple(names.columns), places)
    block, _ = learn_block(parts.generic, heads, firsts, outside, intercept=True)
    return IndexDesign(
        formula,
        parts.chosen,
        check_base(base, tuple(alternatives)),
        tuple(Coefficient(name, "generic", None, name) for name in block.names),
        block,
    )
