"""Utilities as the user writes them that are not linear in their parameters.

They are expressions or functions; `nonlinear_design` makes utilities of data from them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ..exceptions import SpecificationError, did_you_mean
from .base import suggestion
from .expressions import Expression, names_of, parse
from .functions import Caller, columns_read
from .pieces import Columns

__all__ = ["Nonlinear", "unused", "whose"]


@dataclass(frozen=True)
class Nonlinear:
    """Utilities as expressions or functions of columns and parameters.

    Parameters
    ----------
    utilities
        By alternative, text such as ``{"car": "asc + b_time * boxcox(time, lam)"}`` (numbers,
        columns of the data, parameters, ``+ - * / **``, ``exp``, ``log``, ``sqrt`` and
        ``boxcox(x, lam)``) or a function ``f(columns, parameters)``: both are mappings by name,
        ``columns["time"]`` holds the n rows of the alternative (numbers as floats, all else as
        objects), and n utilities, or one number for all, come back. Alternatives left out have
        utility 0. Or one function for all alternatives, which gets all rows: the column of
        the alternatives tells them apart.
    start
        The parameters and their starting values, in the order of the results.
    columns
        Columns that the functions may read. By default those that they read at the start; so
        name them if that depends on the parameters. Cases with missing values there are found
        before a fit, and new data must have them.
    jacobian
        Derivatives of the functions, in the same shape as ``utilities``: functions
        ``g(columns, parameters)`` that return a dict of derivatives (n,) by parameter, those
        that are zero left out. They are checked at the start. Where it is missing, a complex
        step differentiates functions that allow it, central differences the others.

    Raises
    ------
    SpecificationError
        For text that is no such arithmetic, and parameters that no utility uses.

    Notes
    -----
    Results are saved with their functions by name, so that a lambda or a function made inside
    another one cannot be saved: define it with ``def`` in a module.

    Examples
    --------
    >>> import choicekit as ck
    >>> ck.Nonlinear({"air": "asc + b * boxcox(gc, lam)"}, {"asc": 0, "b": 0, "lam": 1}).start
    {'asc': 0.0, 'b': 0.0, 'lam': 1.0}
    >>> def saturating(columns, parameters):
    ...     return parameters["b"] * columns["gc"] / (columns["gc"] + parameters["half"])
    >>> ck.Nonlinear({"air": saturating}, {"b": 0, "half": 100}).start
    {'b': 0.0, 'half': 100.0}
    """

    utilities: Mapping[Hashable, str | Caller] | Caller
    start: Mapping[str, float]
    columns: Sequence[str] | None = None
    jacobian: Mapping[Hashable, Caller] | Caller | None = None

    def __post_init__(self) -> None:
        _require_utilities(self.utilities)
        if isinstance(self.columns, str):
            raise SpecificationError(f"columns={self.columns!r} is no list. Cure: columns=[...].")
        if self.columns is not None:
            object.__setattr__(self, "columns", tuple(self.columns))
        _require_jacobian(self.jacobian, self.functions)
        start = {}
        for name, value in dict(self.start).items():
            try:
                start[str(name)] = float(value)
            except (TypeError, ValueError):
                start[str(name)] = float("nan")
            if not np.isfinite(start[str(name)]):
                raise SpecificationError(f"The start {value!r} of {name!r} is not a finite number.")
        object.__setattr__(self, "start", start)
        used = {name for tree in self.trees.values() for name in names_of(tree)}
        idle = [name for name in start if name not in used]
        if idle and not self.functions:
            raise unused(idle[0], used - set(start))

    @cached_property
    def trees(self) -> dict[Hashable, Expression]:
        """The utilities that are text, as trees."""
        if not isinstance(self.utilities, Mapping):
            return {}
        texts = {label: text for label, text in self.utilities.items() if isinstance(text, str)}
        return {label: parse(text) for label, text in texts.items()}

    @property
    def functions(self) -> dict[Hashable | None, Caller]:
        """The utilities that are functions; under None the one of all alternatives."""
        if not isinstance(self.utilities, Mapping):
            return {None: self.utilities}
        return {label: f for label, f in self.utilities.items() if not isinstance(f, str)}

    @property
    def text(self) -> str:
        """The utilities, one a line; functions by name."""
        if not isinstance(self.utilities, Mapping):
            return f"U = {_signature(self.utilities)}"
        return "\n".join(
            f"U[{label}] = {found if isinstance(found, str) else _signature(found)}"
            for label, found in self.utilities.items()
        )

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "trees"}

    def variables(self, frame: pd.DataFrame) -> tuple[str, ...]:
        """Columns of the data that the utilities use.

        Raises
        ------
        SpecificationError
            For names that are neither columns nor parameters, or both, and functions that fail.
        """
        used = dict.fromkeys(name for tree in self.trees.values() for name in names_of(tree))
        for name in used:
            if name in frame.columns and name in self.start:
                raise SpecificationError(
                    f"{name!r} is a column of the data and a parameter. Cure: rename one of them."
                )
            if name not in frame.columns and name not in self.start:
                choices = [*map(str, frame.columns), *self.start]
                hint = suggestion(name, choices, "columns and parameters")
                raise SpecificationError(
                    f"{name!r} is neither a column of the data nor a parameter in start=: {hint}."
                )
        own = [name for name in used if name not in self.start]
        read = [name for label in self.functions for name in self.read_by(label, frame)]
        return tuple(dict.fromkeys([*own, *read]))

    def read_by(self, label: Hashable | None, frame: pd.DataFrame) -> tuple[str, ...]:
        """Columns that a function reads: those named, else those read at the start."""
        if self.columns is not None:
            return tuple(self.columns)
        return columns_read(
            self.functions[label], Columns(frame), self.start, whose(label), len(frame)
        )


def whose(label: Hashable | None) -> str:
    """Whose utility, for messages."""
    return "all alternatives" if label is None else repr(label)


def _signature(function: Caller) -> str:
    name = str(getattr(function, "__qualname__", type(function).__name__)).split(".")[-1]
    return f"{name}(columns, parameters)"


def unused(name: str, names: set[str]) -> SpecificationError:
    """The error about a parameter without a use."""
    return SpecificationError(f"No utility uses the parameter {name!r}.{did_you_mean(name, names)}")


def _require_utilities(utilities: object) -> None:
    if callable(utilities):
        return
    if not isinstance(utilities, Mapping) or not utilities:
        raise SpecificationError(
            'Write utilities as {"car": "b_time * boxcox(time, lam)", ...}, a text or a function '
            "by alternative, or give one function for all."
        )
    for label, found in utilities.items():
        if not (isinstance(found, str) or callable(found)):
            raise SpecificationError(
                f"The utility of {label!r} must be text or a function, not {found!r}."
            )


def _require_jacobian(jacobian: object, functions: Mapping[Hashable | None, Caller]) -> None:
    if jacobian is None:
        return
    if None in functions:
        if not callable(jacobian):
            raise SpecificationError(
                "jacobian= must be one function, as the utility of all alternatives is."
            )
        return
    if not isinstance(jacobian, Mapping) or not all(map(callable, jacobian.values())):
        raise SpecificationError("jacobian= must be a dict of functions by alternative.")
    for label in jacobian:
        if label not in functions:
            raise SpecificationError(
                f"jacobian= names {label!r}, whose utility is no function. Cure: leave it out; "
                "text is differentiated exactly."
            )
