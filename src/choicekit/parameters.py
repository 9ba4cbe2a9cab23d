"""Names, starting values and fixed parameters of a model, in one table.

Axes: P parameters: K of the utility, then Q of the errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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
        Starting values, (P,).
    fixed
        Which parameters keep their starting value, bool (P,).
    """

    names: tuple[str, ...]
    start: Float
    fixed: NDArray[np.bool_]

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
        """Positions of the free parameters."""
        return np.flatnonzero(~self.fixed)

    @property
    def free_names(self) -> tuple[str, ...]:
        """Names of the free parameters."""
        return tuple(self.names[p] for p in self.free)

    def full(self, values: Float) -> Float:
        """All P values from those of the free parameters."""
        out = self.start.copy()
        out[self.free] = values
        return out

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
