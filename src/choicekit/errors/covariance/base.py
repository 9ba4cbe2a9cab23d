"""What every covariance structure of normal errors provides.

Axes: J alternatives, Q parameters.

Only differences of utilities show in choices, and their scale does not (Train 2009, section 5.2;
Bunch 1991). Every structure fixes what cannot be learned: errors are measured against the base
alternative where that is needed, and the scale is set so that independent errors of equal
variance have differences of variance 1. With two alternatives that is everybody's binary probit.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["CovarianceSpec", "Structure", "code_of", "difference_code", "scale_code"]

Float = NDArray[np.float64]


class Structure(Protocol):
    """A parametrised covariance of J normal errors."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters."""

    @property
    def start(self) -> Float:
        """Parameters (Q,) of independent errors of equal variance."""

    @property
    def normalisation(self) -> str:
        """What is fixed, in a sentence."""

    @property
    def has_levels(self) -> bool:
        """Whether ``omega`` is that of the errors themselves, not of differences to the base."""

    def signs(self, theta: Float) -> Float:
        """Signs (Q,) under which the covariance stays and the parameters look conventional."""

    def omega(self, theta: Float) -> Float:
        """Covariance of the errors, (J, J)."""

    def jacobian(self, theta: Float) -> Float:
        """Derivative of ``omega``, (Q, J, J)."""

    @property
    def search_start(self) -> Float:
        """Parameters (Q,) an optimiser starts from: not ``start`` where that is a saddle."""
        return self.start

    def inside(self, theta: Float) -> bool:
        """Whether these parameters (Q,) give a covariance at all; the likelihood is 0 elsewhere."""
        return True

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """A function that falls to minus infinity at the edge of the range, and its slope (Q,).

        An optimiser adds a little of it, less and less, lest it be caught at the edge. None for
        a structure whose parameters have no limits.
        """
        return None

    def edge(self, theta: Float) -> str:
        """Say that these parameters are at the edge of their range, or ``""``."""
        return ""


class CovarianceSpec(Protocol):
    """What the user names: a structure without alternatives."""

    @property
    def name(self) -> str:
        """What the structure is called in tables."""

    def bind(
        self, alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None
    ) -> Structure:
        """Build it for J labels, the code of the base and the label of the scale alternative."""


def code_of(label: Hashable, alternatives: Sequence[Hashable], what: str) -> int:
    """Position of an alternative, or a SpecificationError that names the nearest one."""
    labels = list(alternatives)
    if label in labels:
        return labels.index(label)
    hint = did_you_mean(label, labels)
    raise SpecificationError(f"{what} {label!r} is none of {', '.join(map(repr, labels))}.{hint}")


def scale_code(alternatives: Sequence[Hashable], base: int, scale: Hashable | None) -> int:
    """Code of the scale alternative, by default the first but the base."""
    if scale is None:
        return 1 if base == 0 else 0
    return code_of(scale, alternatives, "The scale alternative")


def difference_code(alternatives: Sequence[Hashable], base: int, scale: Hashable | None) -> int:
    """Code of a scale alternative that must not be the base."""
    code = scale_code(alternatives, base, scale)
    if code == base:
        raise SpecificationError(
            f"The scale alternative {scale!r} is also the base, whose error difference is zero. "
            "Cure: choose another scale= or base=."
        )
    return code
