"""Names, starting values, fixed and tied parameters of a model, in one table.

Axes: P parameters: K of the utility, then Q of the errors; F free ones.

Linear constraints are solved for some of the parameters, which then follow from the free ones:
``params = A u + c`` with u the free parameters and an identity among the rows of A. So a free
parameter keeps its name and its meaning, and gradients and covariances are carried over by A.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.constraints import Ties, linear_constraints, solved
from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["ParameterTable"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class ParameterTable:
    """All parameters of a model in order.

    Attributes
    ----------
    names
        P unique names.
    start
        Starting values, (P,); they satisfy the ties.
    fixed
        Which parameters keep their starting value, bool (P,).
    ties
        Parameters that follow from the free ones; None if none do.
    """

    names: tuple[str, ...]
    start: Float
    fixed: NDArray[np.bool_]
    ties: Ties | None = None

    def __post_init__(self) -> None:
        if self.ties is not None:
            object.__setattr__(self, "start", self.full(self.start[self.free]))

    @classmethod
    def of(cls, names: tuple[str, ...], start: Float) -> ParameterTable:
        """All parameters free; raises SpecificationError if two have the same name."""
        twice = [name for p, name in enumerate(names) if name in names[:p]]
        if twice:
            raise SpecificationError(
                f"Two parameters of the model are called {twice[0]!r}. Cure: give the shared "
                "coefficient or covariance parameter another name."
            )
        return cls(names, np.asarray(start, dtype=np.float64), np.zeros(len(names), dtype=np.bool_))

    @property
    def free(self) -> NDArray[np.intp]:
        """Positions of the free parameters, (F,)."""
        if self.ties is None:
            return np.flatnonzero(~self.fixed)
        independent = ~self.fixed
        independent[self.ties.places] = False
        return np.flatnonzero(independent)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(self.names[p] for p in self.free)

    def full(self, values: Float) -> Float:
        """All P values from those of the free parameters."""
        out = self.start.copy()
        out[self.free] = values
        if self.ties is not None:
            out[self.ties.places] = 0.0
            out[self.ties.places] = self.ties.offset + self.ties.matrix @ out
        return out

    # -- between all parameters and the free ones ---------------------------------------------

    @cached_property
    def basis(self) -> Float:
        """A of ``params = A u + c``, (P, F)."""
        free = self.free
        out = np.zeros((len(self.names), len(free)))
        out[free, np.arange(len(free))] = 1.0
        if self.ties is not None:
            out[self.ties.places] = self.ties.matrix[:, free]
        return out

    @property
    def moving(self) -> NDArray[np.intp]:
        """Positions of the parameters that are estimated, free or tied."""
        return np.flatnonzero(self.basis.any(axis=1)) if self.ties is not None else self.free

    def pull(self, gradient: Float) -> Float:
        """Derivatives by the free parameters, (..., F), from those by all, (..., P)."""
        if self.ties is None:
            return gradient[..., self.free]
        out: Float = gradient @ self.basis
        return out

    def pull_square(self, hessian: Float) -> Float:
        """Second derivatives by the free parameters, (F, F), from those by all, (P, P)."""
        if self.ties is None:
            return hessian[np.ix_(self.free, self.free)]
        out: Float = self.basis.T @ hessian @ self.basis
        return out

    def push(self, step: Float) -> Float:
        """Change of all parameters, (..., P), when the free ones change by ``step`` (..., F)."""
        if self.ties is not None:
            out: Float = step @ self.basis.T
            return out
        full = np.zeros((*step.shape[:-1], len(self.names)))
        full[..., self.free] = step
        return full

    def push_square(self, cov: Float) -> Float:
        """Covariance of all parameters, (P, P), from that of the free ones: A cov A'."""
        if self.ties is None:
            full = np.zeros((len(self.names), len(self.names)))
            full[np.ix_(self.free, self.free)] = cov
            return full
        out: Float = self.basis @ cov @ self.basis.T
        return out

    def allows_signs(self, signs: Float) -> bool:
        """Whether parameters may change sign, +-1 (P,), without breaking a fixed value or a tie."""
        if (signs[self.fixed] < 0.0).any():
            return False
        if self.ties is None:
            return True
        origin = self.full(np.zeros(len(self.free)))
        turned = signs[:, None] * self.basis * signs[self.free]
        return bool(np.array_equal(turned, self.basis) and np.array_equal(signs * origin, origin))

    # -- by name ------------------------------------------------------------------------------

    def starting_at(self, values: Mapping[str, float]) -> ParameterTable:
        """Replace starting values by name.

        Raises
        ------
        SpecificationError
            For unknown names (with the nearest) and values that are not finite numbers.
        """
        start = self.start.copy()
        for name, value in values.items():
            start[self._position(name)] = self._number(name, value)
        return replace(self, start=start)

    def fixing(self, values: Mapping[str, float]) -> ParameterTable:
        """Hold parameters at given values, by name; raises as `starting_at` does."""
        fixed = self.fixed.copy()
        for name in values:
            fixed[self._position(name)] = True
        return replace(self.starting_at(values), fixed=fixed)

    def constrained(self, constraints: Any) -> ParameterTable:
        """Impose linear constraints; see `choicekit.constraints.linear_constraints`.

        A parameter that they leave a single value is fixed at it.

        Raises
        ------
        SpecificationError
            If they cannot be read, contradict each other or fixed values, or say a thing twice.
        """
        if constraints is None:
            return self
        found = linear_constraints(constraints, self.names)
        ties = solved(found, self.names, self.fixed, self.start)
        single = ~ties.matrix.any(axis=1)
        start, fixed = self.start.copy(), self.fixed.copy()
        start[ties.places[single]] = ties.offset[single]
        fixed[ties.places[single]] = True
        if single.all():
            return replace(self, start=start, fixed=fixed)
        kept = ~single
        ties = Ties(ties.places[kept], ties.matrix[kept], ties.offset[kept], ties.labels)
        return replace(self, start=start, fixed=fixed, ties=ties)

    def _position(self, name: str) -> int:
        if name in self.names:
            return self.names.index(name)
        hint = did_you_mean(name, self.names)
        raise SpecificationError(
            f"There is no parameter {name!r}.{hint} The model has: {', '.join(self.names)}."
        )

    @staticmethod
    def _number(name: str, value: float) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not np.isfinite(number):
            raise SpecificationError(f"The value {value!r} for {name!r} is not a finite number.")
        return number
