"""The design of a utility with a network: what it has learned of the data.

Axes: C cases, J alternatives, L rows (case x available alternative), K linear coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from .base import CaseIds, Coefficient, Described, Design, FloatArray, IntArray
from .features import Features, Inputs, learn_features
from .neural import NeuralUtility

__all__ = ["NetworkPart", "NeuralDesign", "learn_neural"]


@dataclass(frozen=True, eq=False)
class NetworkPart:
    """A trained network and what it sees of some cases.

    Attributes
    ----------
    network, features, shift
        As in `NeuralDesign`.
    inputs
        What it sees.
    signs
        -1 for cases whose choice is the worst alternative, (C,); None where there are none.
    """

    network: Any
    features: Features
    shift: FloatArray | None
    inputs: Inputs
    signs: FloatArray | None = None

    def value(self, case: IntArray, alt: IntArray) -> FloatArray:
        """Utilities (L,) of rows, by their cases and alternatives."""
        from .network import evaluate

        if len(alt) == 0:
            return np.zeros(0)
        found = evaluate(self.network, self.inputs)
        if self.shift is not None:
            found = found - self.shift
        if self.signs is not None:
            found = found * self.signs[:, None]
        return np.ascontiguousarray(found[case, alt])

    def take(self, cases: IntArray) -> NetworkPart:
        """The same for some of the cases."""
        signs = None if self.signs is None else self.signs[cases]
        return replace(self, inputs=self.inputs.take(cases), signs=signs)

    def mixed_with(self, other: NetworkPart, alternative: int) -> NetworkPart:
        """The same with the attributes of one alternative, by its code, taken from another."""
        return replace(self, inputs=self._with(alternative, other.inputs))

    def without(self, alternative: int) -> NetworkPart:
        """The same where an alternative is not available."""
        return replace(self, inputs=self._with(alternative, None))

    def _with(self, alternative: int, other: Inputs | None) -> Inputs:
        """Inputs with those of one alternative replaced, by zeros if by none."""
        columns = self.features.case_columns(alternative)
        case, row, taste = (
            a.copy() for a in (self.inputs.case, self.inputs.row, self.inputs.taste)
        )
        case[:, columns] = 0.0 if other is None else other.case[:, columns]
        row[:, alternative] = 0.0 if other is None else other.row[:, alternative]
        taste[:, alternative] = 0.0 if other is None else other.taste[:, alternative]
        return Inputs(case, row, taste)


@dataclass(frozen=True, eq=False, repr=False)
class NeuralDesign(Described):
    """A linear utility beside a network, which is trained when a model is fitted.

    Attributes
    ----------
    spec
        What the user wrote.
    inner
        The linear part.
    features
        The learned features.
    network
        The trained network (a ``torch.nn.Module`` that takes the arrays of `Inputs`); None before.
    shift
        What is taken off the network's utilities, (J,), so that the constants hold the means.
    notes
        What a reader should know about the training, in sentences.
    history
        Epochs: ``loss`` of the training cases, ``log_score`` of the held-out ones; None before.
    seconds, seed
        Time and seed of the training.
    """

    spec: NeuralUtility
    inner: Design
    features: Features
    network: Any = None
    shift: FloatArray | None = None
    notes: tuple[str, ...] = ()
    history: pd.DataFrame | None = None
    seconds: float = 0.0
    seed: int | None = None

    linear = False
    uncounted = True  # the network's weights are no parameters of the model

    @property
    def formula(self) -> str:
        """The linear part and the features of the network."""
        return f"{self.inner.formula.strip()} + {self.spec.title}"

    @property
    def chosen_name(self) -> str | None:
        """The left side of the formula, where it has one."""
        return self.inner.chosen_name

    @property
    def alternatives(self) -> tuple[Hashable, ...]:
        """Labels of the J alternatives."""
        return self.features.alternatives

    @property
    def base(self) -> Hashable:
        """Label of the reference alternative."""
        return self.inner.base

    @property
    def coefficients(self) -> tuple[Coefficient, ...]:  # type: ignore[override]
        """Those of the linear part."""
        return self.inner.describe()

    @property
    def start(self) -> FloatArray:
        """Starting values of the linear coefficients, (K,)."""
        return np.zeros(len(self.coefficients))

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that the linear part and the network refer to."""
        return tuple(dict.fromkeys([*self.inner.columns, *self.features.columns]))

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        return self.columns

    @property
    def has_constants(self) -> bool:
        """Whether the linear part has a constant for each alternative but one."""
        return len(self.constants) == len(self.alternatives) - 1

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Regressors of the linear part, (L, K), contiguous by column."""
        return self.inner.rows(frame, alt, case_ptr, case_ids)

    def inputs(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> Inputs:
        """What the network sees of these data."""
        return self.features.inputs(frame, alt, case_ptr, case_ids)

    def offset(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """The network's part of the rows' utilities, (L,); zeros before it is trained."""
        part = self.part(frame, alt, case_ptr, case_ids)
        if part is None:
            return np.zeros(len(alt))
        return part.value(np.repeat(np.arange(len(case_ptr) - 1), np.diff(case_ptr)), alt)

    def part(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> NetworkPart | None:
        """The network with what it sees of these data; None before it is trained."""
        if self.network is None:
            return None
        inputs = self.inputs(frame, alt, case_ptr, case_ids)
        return NetworkPart(self.network, self.features, self.shift, inputs)

    def relearned(
        self, frame: pd.DataFrame, alt: IntArray, case_ptr: IntArray, case_ids: CaseIds | None
    ) -> NeuralDesign:
        """The same with the means and standard deviations of these data, and no network."""
        features = self.features.rescaled(frame, alt, case_ptr, case_ids)
        return NeuralDesign(self.spec, self.inner, features)

    def __repr__(self) -> str:
        state = "not trained" if self.network is None else "trained"
        return f"NeuralDesign({self.formula!r}): {len(self.coefficients)} coefficients, {state}"


def learn_neural(
    spec: NeuralUtility,
    inner: Design,
    frame: pd.DataFrame,
    alt: IntArray,
    case_ptr: IntArray,
    alternatives: Sequence[Hashable],
    *,
    case_ids: CaseIds | None = None,
    context: Mapping[str, Any] | None = None,
) -> NeuralDesign:
    """Learn the features beside a linear part that has been learned.

    Parameters
    ----------
    spec, inner
        What the user wrote, and its linear part learned.
    frame, alt, case_ptr, alternatives, case_ids, context
        As for `learn_formula`.

    Raises
    ------
    SpecificationError
        For unknown names and features that the kind of network cannot use.
    DataError
        For columns that cannot be used.
    """
    features = learn_features(
        spec.features,
        spec.tastes,
        spec.kind,
        frame,
        alt,
        case_ptr,
        tuple(alternatives),
        case_ids,
        {} if context is None else context,
    )
    return NeuralDesign(spec, inner, features)
