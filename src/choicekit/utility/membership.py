"""Covariates of people that explain which class they belong to: "~ income + age".

Axes: N people, G covariates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import IdentificationError, SpecificationError
from .base import CaseIds, FloatArray
from .blocks import Block, evaluate_block, learn_block
from .columns import Places, require_columns
from .terms import names_in, parse, require_known, split_outside

__all__ = ["Membership", "learn_membership", "membership_variables"]

SINGULAR = 1e-10  # share of the largest singular value that stands for rounding


@dataclass(frozen=True, eq=False)
class Membership:
    """Covariates learned on the estimation data.

    Attributes
    ----------
    block
        The learned columns.
    constant
        Whether a column of ones comes first.
    """

    block: Block
    constant: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the G covariates; ``"1"`` for the constant."""
        return (("1",) if self.constant else ()) + self.block.names

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that the formula refers to."""
        return self.block.columns

    def rows(self, frame: pd.DataFrame, ids: CaseIds) -> FloatArray:
        """Covariates (N, G) of a frame with one row a person."""
        require_columns(frame, self.columns)
        columns = [np.ones(len(frame))] if self.constant else []
        columns += [
            np.asarray(values, dtype=np.float64)
            for values in evaluate_block(self.block, frame, _places(frame, ids))
        ]
        return np.column_stack(columns)


def learn_membership(
    formula: str, frame: pd.DataFrame, ids: CaseIds, context: Mapping[str, Any] | None = None
) -> Membership:
    """Learn the covariates of the membership on a frame with one row a person.

    Raises
    ------
    SpecificationError
        If the formula cannot be read or has unknown names.
    IdentificationError
        If some covariates are combinations of others.
    """
    terms, constant = _terms(formula)
    block, _ = learn_block(terms, frame, _places(frame, ids), dict(context or {}))
    found = Membership(block, constant)
    values = found.rows(frame, ids)
    size = np.linalg.norm(values, axis=0)
    strength = np.linalg.svd(values / np.where(size > 0.0, size, 1.0), compute_uv=False)
    if len(values) < values.shape[1] or strength[-1] <= SINGULAR * strength[0]:
        raise IdentificationError(
            f"The covariates of the classes' membership, {', '.join(found.names)}, are not "
            "independent of each other over the people. Cure: leave out one that follows from the "
            "others, or is the same for everybody."
        )
    return found


def membership_variables(
    formula: str, frame: pd.DataFrame, context: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Return the data columns a membership formula refers to, without learning it."""
    outside = dict(context or {})
    names = names_in(_terms(formula)[0], frame.columns, outside)
    require_known(names, frame.columns, outside)
    return tuple(names.columns)


def _terms(formula: str) -> Any:
    """Terms of the formula, and whether it keeps its constant."""
    sides = split_outside(formula, "~")
    if len(sides) != 2 or sides[0].strip() or len(split_outside(sides[1], "|")) > 1:
        raise SpecificationError(
            f"membership={formula!r} is not of the form '~ income + age': no left side, one part."
        )
    terms, constant = parse(sides[1])
    if not terms and not constant:
        raise SpecificationError(
            f"membership={formula!r} leaves nothing, not even constants. Cure: leave it out for "
            "shares that are the same for everybody."
        )
    return terms, constant


def _places(frame: pd.DataFrame, ids: CaseIds) -> Places:
    return Places(np.arange(len(frame) + 1), ids)
