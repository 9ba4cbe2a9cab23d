"""What a network sees: columns learned from terms, standardised, as arrays of cases.

Axes: C cases, J alternatives, L rows (case x available alternative), F features, T tastes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import DataError, SpecificationError
from .base import CaseIds, FloatArray, IntArray, check_shapes, suggestion
from .blocks import Block, evaluate_block, learn_block
from .columns import Places, require_columns, varies_within_cases, varying_cases
from .terms import Term, names_in, require_known, take_apart

__all__ = ["Features", "Inputs", "feature_terms", "learn_features", "named_columns"]


@dataclass(frozen=True, eq=False)
class Inputs:
    """Arrays for a network; float64, contiguous.

    Attributes
    ----------
    case
        Standardised features of the cases, (C, F1): those that do not differ between alternatives
        and, for a joint network, one for each alternative of those that do.
    row
        Standardised features of each alternative, (C, J, F); 0 where not available.
    taste
        Columns whose coefficients the network gives, each over its scale, (C, J, T); 0 where not
        available.
    """

    case: FloatArray
    row: FloatArray
    taste: FloatArray

    def take(self, cases: IntArray) -> Inputs:
        """Some of the cases."""
        return Inputs(self.case[cases], self.row[cases], self.taste[cases])


@dataclass(frozen=True, eq=False)
class Features:
    """Learned features; see `learn_features`.

    Attributes
    ----------
    kind
        The kind of network, see `NeuralUtility`.
    alternatives
        J labels.
    block
        The columns of the F features.
    by_case
        Which of them are the same for all alternatives of a case, bool (F,).
    used
        Which of them each alternative's network sees, bool (J, F).
    taste_block
        The columns of the T tastes.
    mean, sd
        What features are standardised by, (J, F).
    taste_sd
        Scale of each taste's column, (T,).
    """

    kind: str
    alternatives: tuple[Hashable, ...]
    block: Block
    by_case: IntArray
    used: IntArray
    taste_block: Block
    mean: FloatArray
    sd: FloatArray
    taste_sd: FloatArray

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that features and tastes refer to."""
        return tuple(dict.fromkeys([*self.block.columns, *self.taste_block.columns]))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the F features."""
        return self.block.names

    @property
    def n_case(self) -> int:
        """Number of inputs a case."""
        if self.kind not in ("joint", "tastes"):
            return 0
        single = int(self.by_case.sum())
        return single + (len(self.names) - single) * len(self.alternatives)

    def case_columns(self, alternative: int) -> list[int]:
        """Which inputs of a case belong to one alternative, by its code."""
        found, place = [], 0
        for single in self.by_case if self.n_case else ():
            if not single:
                found.append(place + alternative)
            place += 1 if single else len(self.alternatives)
        return found

    def _raw(
        self, frame: pd.DataFrame, case_ptr: IntArray, case_ids: CaseIds | None
    ) -> tuple[list[Any], list[Any]]:
        """Values of the features and of the tastes' columns, each (L,)."""
        require_columns(frame, self.columns)
        places = Places(case_ptr, case_ids)
        values = list(evaluate_block(self.block, frame, places))
        findings = []
        for name, array, single in zip(self.names, values, self.by_case, strict=True):
            cases = varying_cases(array, case_ptr)
            if single and len(cases):
                message = f"feature {name!r} varies within cases, which it did not when learned"
                cure = "give it one value for all alternatives of a case"
                findings.append(places.in_cases("varies-within-case", message, cure, name, cases))
        if findings:
            raise DataError(findings)
        return values, list(evaluate_block(self.taste_block, frame, places))

    def rescaled(
        self, frame: pd.DataFrame, alt: IntArray, case_ptr: IntArray, case_ids: CaseIds | None
    ) -> Features:
        """The same with the means and standard deviations of these data."""
        values, tastes = self._raw(frame, case_ptr, case_ids)
        n_alternatives, n = len(self.alternatives), len(values)
        mean, sd = np.zeros((n_alternatives, n)), np.ones((n_alternatives, n))
        for f, array in enumerate(values):
            apart = self.kind in ("joint", "alternatives") and not self.by_case[f]
            if self.by_case[f]:
                array = array[case_ptr[:-1]]
            for j in range(n_alternatives):
                own = array[alt == j] if apart else array
                if len(own):
                    mean[j, f], sd[j, f] = own.mean(), _scale(np.std(own))
        taste_sd = np.array([_scale(np.sqrt(np.mean(np.square(t, dtype=float)))) for t in tastes])
        return replace(self, mean=mean, sd=sd, taste_sd=taste_sd)

    def inputs(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> Inputs:
        """Arrays of these data.

        Raises
        ------
        DataError
            Missing columns or values, unknown levels, features that vary within a case and did not
            when they were learned.
        """
        check_shapes(frame, alt, case_ptr)
        values, tastes = self._raw(frame, case_ptr, case_ids)
        n_cases, n_alternatives = len(case_ptr) - 1, len(self.alternatives)
        case = np.repeat(np.arange(n_cases), np.diff(case_ptr))
        shape = (n_cases, n_alternatives)
        row = np.zeros((*shape, len(values) if self.n_case == 0 else 0))
        of_case = []
        for f, array in enumerate(values):
            if self.n_case and self.by_case[f]:
                first = np.asarray(array[case_ptr[:-1]], dtype=np.float64)
                of_case.append(((first - self.mean[0, f]) / self.sd[0, f])[:, None])
                continue
            table = np.zeros(shape)
            table[case, alt] = (array - self.mean[alt, f]) / self.sd[alt, f]
            if self.n_case:
                of_case.append(table)
            else:
                row[:, :, f] = table
        taste = np.zeros((*shape, len(tastes)))
        for t, array in enumerate(tastes):
            taste[case, alt, t] = array / self.taste_sd[t]
        joined = np.hstack(of_case) if of_case else np.empty((n_cases, 0))
        return Inputs(np.ascontiguousarray(joined), row, taste)


def _scale(value: Any) -> float:
    """A standard deviation to divide by: 1 for a constant."""
    return float(value) if np.isfinite(value) and value > 0.0 else 1.0


def feature_terms(features: Any) -> tuple[str, ...]:
    """All terms that are named, whether in a text, a list or a dict of lists."""
    if isinstance(features, str):
        return (features,)
    if isinstance(features, Mapping):
        return tuple(dict.fromkeys(t for own in features.values() for t in feature_terms(own)))
    return tuple(dict.fromkeys(str(feature) for feature in features))


def _parsed(terms: Iterable[str], frame: pd.DataFrame, context: Mapping[str, Any]) -> list[Term]:
    """Terms of a list of texts; names of columns may be any text."""
    written = [f"`{t}`" if t in frame.columns and not t.isidentifier() else t for t in terms]
    if not written:
        return []
    parts = take_apart("~ " + " + ".join(written))
    if parts.case or parts.alternative:
        raise SpecificationError("features are terms of one part: leave the '|' out.")
    require_known(names_in(parts.generic, frame.columns, context), frame.columns, context)
    return list(parts.generic)


def named_columns(
    terms: Iterable[str], frame: pd.DataFrame, context: Mapping[str, Any] | None = None
) -> tuple[str, ...]:
    """Columns of the data that terms refer to; SpecificationError for unknown names."""
    outside = {} if context is None else context
    return tuple(names_in(_parsed(terms, frame, outside), frame.columns, outside).columns)


def learn_features(
    features: Any,
    tastes: Iterable[str],
    kind: str,
    frame: pd.DataFrame,
    alt: IntArray,
    case_ptr: IntArray,
    alternatives: tuple[Hashable, ...],
    case_ids: CaseIds | None,
    context: Mapping[str, Any],
) -> Features:
    """Learn the columns of features and tastes, their categories and scales.

    Parameters
    ----------
    features, tastes, kind
        As for `NeuralUtility`.
    frame, alt, case_ptr, alternatives, case_ids, context
        As for `learn_formula`.
    """
    places = Places(case_ptr, case_ids)
    terms = _parsed(feature_terms(features), frame, context)
    block, values = learn_block(terms, frame, places, context)
    by_case = np.array([not varies_within_cases(array, case_ptr) for array in values])
    if kind == "tastes" and not by_case.all():
        wrong = block.names[int(np.argmin(by_case))]
        raise SpecificationError(
            f"feature {wrong!r} differs between the alternatives of a case, but tastes belong to "
            "people. Cure: features that have one value a case."
        )
    used = np.ones((len(alternatives), len(block.names)), dtype=np.bool_)
    if isinstance(features, Mapping):
        used = _used(features, block, frame, context, alternatives)
    elif kind == "shared" and by_case.all():
        raise SpecificationError(
            "The features are the same for all alternatives, and a network that all share gives "
            "them the same utility. Cure: kind='joint'."
        )
    taste_block, taste_values = learn_block(
        _parsed(tastes, frame, context), frame, places, context, within_cases=True
    )
    for name, array in zip(taste_block.names, taste_values, strict=True):
        if not varies_within_cases(array, case_ptr):
            raise SpecificationError(
                f"{name!r} is the same for all alternatives of every case: its taste never shows."
            )
    if len(taste_block.names) != len(list(tastes)):
        raise SpecificationError("A taste needs a term of one column, not a category.")
    none = np.empty(0)
    found = Features(kind, alternatives, block, by_case, used, taste_block, none, none, none)
    return found.rescaled(frame, alt, case_ptr, case_ids)


def _used(
    features: Mapping[Hashable, Any],
    block: Block,
    frame: pd.DataFrame,
    context: Mapping[str, Any],
    alternatives: Sequence[Hashable],
) -> IntArray:
    """Which columns each alternative's network sees, bool (J, F)."""
    used = np.zeros((len(alternatives), len(block.names)), dtype=np.bool_)
    for label, own in features.items():
        if label not in alternatives:
            hint = suggestion(label, alternatives, "alternatives")
            raise SpecificationError(f"features of unknown alternative {label!r}: {hint}")
        terms = {term.label for term in _parsed(feature_terms(own), frame, context)}
        used[list(alternatives).index(label)] = [term.label in terms for term in block.terms]
    return used
