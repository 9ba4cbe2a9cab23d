"""Utilities of data from expressions and functions that are not linear in their parameters.

Axes: C cases, J alternatives, L rows (case x available alternative), K parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

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
    suggestion,
)
from .columns import Places, require_columns
from .expressions import Expression, differentiate, is_number, names_of
from .functions import Caller, Function, with_derivatives
from .nonlinear import Nonlinear, unused, whose
from .pieces import BoundNonlinear, ExpressionPiece, FunctionPiece, Piece, bind_pieces

__all__ = ["NonlinearDesign", "learn_nonlinear"]

ASIDE = (0.1, 0.01, 0.001, 0.0)  # how far from the start to look for what is identified
FLAT = 1e-9  # relative spread of a derivative that counts as constant


@dataclass(frozen=True, eq=False, repr=False)
class NonlinearDesign(Described):
    """Utilities made from expressions and functions; see `learn_nonlinear`.

    Attributes
    ----------
    formula
        The utilities as text, one a line.
    alternatives
        Labels of the J alternatives, in the order of their codes.
    base
        Label of the reference alternative (of the errors: it has no effect on the utilities).
    coefficients
        The K parameters; one that is added to a single utility is a constant.
    start
        Starting values (K,).
    pieces
        What was made for each alternative; those left out have utility 0.
    """

    formula: str
    alternatives: tuple[Hashable, ...]
    base: Hashable
    coefficients: tuple[Coefficient, ...]
    start: FloatArray
    pieces: tuple[Piece, ...]

    linear = False

    @property
    def chosen_name(self) -> None:
        """None: there is no left side."""
        return None

    @property
    def functions(self) -> tuple[Caller, ...]:
        """The functions, which the formula shows by name only."""
        return tuple(p.function.call for p in self.pieces if isinstance(p, FunctionPiece))

    @property
    def derivatives(self) -> dict[str, str]:
        """How the utility of each alternative is differentiated."""
        return {
            piece.title: piece.function.method if isinstance(piece, FunctionPiece) else "exact"
            for piece in self.pieces
        }

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader should know of the derivatives."""
        whose = [title for title, how in self.derivatives.items() if how == "central differences"]
        if not whose:
            return ()
        return (
            f"The utility of {', '.join(whose)} is differentiated by central differences: the "
            "function takes no complex numbers. Cure, for speed: give jacobian=.",
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The data columns that any of the utilities refers to."""
        return tuple(dict.fromkeys(name for piece in self.pieces for name in piece.columns))

    @property
    def variables(self) -> tuple[str, ...]:
        """The same as ``columns``."""
        return self.columns

    def bind(self, frame: pd.DataFrame, alt: IntArray, case_ptr: IntArray) -> BoundNonlinear:
        """Put the data in."""
        check_shapes(frame, alt, case_ptr)
        require_columns(frame, self.columns)
        return bind_pieces(self.pieces, self.names, frame, alt)

    def rows(
        self,
        frame: pd.DataFrame,
        alt: IntArray,
        case_ptr: IntArray,
        case_ids: CaseIds | None = None,
    ) -> FloatArray:
        """Derivatives of the utilities by the parameters, (L, K), somewhere near the start.

        They take the place of regressors where identification is asked for (Rothenberg 1971:
        parameters are locally identified if the information matrix is regular). Not at the start
        itself: where a slope starts at zero, no power of its variable has an effect.

        Raises
        ------
        DataError
            If a utility is not finite at the start; it names the cases.
        """
        bound = self.bind(frame, alt, case_ptr)
        places = Places(case_ptr, case_ids)
        bound.require_finite(self.start, places)
        for point in _aside(self.start):
            found = bound.jacobian(point)
            if np.isfinite(found).all():
                break
        return found

    def __repr__(self) -> str:
        lines = "\n".join(f"  {line}" for line in self.formula.splitlines())
        return f"NonlinearDesign: {len(self.coefficients)} parameters\n{lines}"


def _aside(start: FloatArray) -> list[FloatArray]:
    """Points (K,) near the start that nothing singles out, the farthest first."""
    away = 1.0 + np.modf(np.arange(1, len(start) + 1) * 0.6180339887498949)[0]
    return [start + size * away * np.maximum(1.0, np.abs(start)) for size in ASIDE]


def learn_nonlinear(
    specification: Nonlinear,
    frame: pd.DataFrame,
    alt: IntArray,
    alternatives: Sequence[Hashable],
    base: Hashable | None = None,
) -> NonlinearDesign:
    """Make utilities from expressions and functions.

    Parameters
    ----------
    specification
        The expressions and functions.
    frame, alt
        The estimation data and the codes of its alternatives, (L,).
    alternatives, base
        Labels of the J alternatives and of the reference.

    Raises
    ------
    SpecificationError
        Unknown alternatives or names; functions that return something else than utilities, or
        cannot be differentiated.
    """
    labels = tuple(alternatives)
    reference = check_base(base, labels)
    for label in (*specification.trees, *specification.functions):
        if label is not None and label not in labels:
            hint = suggestion(label, labels, "alternatives")
            raise SpecificationError(f"unknown alternative {label!r}: {hint}")
    names = tuple(specification.start)
    start = np.array([specification.start[name] for name in names])
    pieces: list[Piece] = [
        _expression(label, tree, labels, names) for label, tree in specification.trees.items()
    ]
    points = [start, _aside(start)[0]]
    used = {name for tree in specification.trees.values() for name in names_of(tree)}
    for label in specification.functions:
        piece = _function(specification, label, frame, labels)
        bound = bind_pieces((piece,), names, frame, alt)
        values, n = bound.values[0], len(bound.rows[0])
        function, read = with_derivatives(piece.function, values, points, n)
        used |= read
        pieces.append(replace(piece, function=function))
    idle = [name for name in names if name not in used]
    if idle:
        raise unused(idle[0], used - set(names))
    if specification.functions:
        bound = bind_pieces(tuple(pieces), names, frame, alt)
        slopes = [bound.jacobian(point) for point in points]
        coefficients = _describe_slopes(names, slopes, alt, labels)
    else:
        coefficients = tuple(_describe(k, name, pieces) for k, name in enumerate(names))
    text = specification.text
    return NonlinearDesign(text, labels, reference, coefficients, start, tuple(pieces))


def _expression(
    label: Hashable, tree: Expression, labels: tuple[Hashable, ...], names: tuple[str, ...]
) -> ExpressionPiece:
    own = names_of(tree)
    slopes = tuple((k, differentiate(tree, name)) for k, name in enumerate(names) if name in own)
    columns = tuple(name for name in own if name not in names)
    return ExpressionPiece(label, labels.index(label), columns, names, tree, slopes)


def _function(
    specification: Nonlinear,
    label: Hashable | None,
    frame: pd.DataFrame,
    labels: tuple[Hashable, ...],
) -> FunctionPiece:
    jacobian = specification.jacobian
    given = jacobian.get(label) if isinstance(jacobian, Mapping) else jacobian
    function = Function(
        specification.functions[label], whose(label), tuple(specification.start), given
    )
    code = None if label is None else labels.index(label)
    return FunctionPiece(label, code, specification.read_by(label, frame), function)


def _describe(k: int, name: str, pieces: Sequence[Piece]) -> Coefficient:
    """What a parameter of expressions does; one that is merely added is a constant."""
    slopes = {
        piece.label: slope
        for piece in pieces
        if isinstance(piece, ExpressionPiece)
        for p, slope in piece.by_parameter
        if p == k
    }
    only = next(iter(slopes)) if len(slopes) == 1 else None
    if all(is_number(slope) for slope in slopes.values()):
        return Coefficient(name, "constant", only, "1")
    return Coefficient(name, "generic" if only is None else "alternative", only, name)


def _describe_slopes(
    names: tuple[str, ...],
    slopes: Sequence[FloatArray],
    alt: IntArray,
    labels: tuple[Hashable, ...],
) -> tuple[Coefficient, ...]:
    """The same for functions, from the derivatives (L, K) at two points."""
    both = np.stack(slopes)
    with np.errstate(invalid="ignore"):
        least = [
            both[:, alt == code].min(axis=(0, 1), initial=np.inf) for code in range(len(labels))
        ]
        most = [
            both[:, alt == code].max(axis=(0, 1), initial=-np.inf) for code in range(len(labels))
        ]
    found = []
    for k, name in enumerate(names):
        size = np.abs(both[..., k]).max(initial=0.0)
        there = [c for c in range(len(labels)) if max(abs(least[c][k]), abs(most[c][k])) > 0.0]
        only = labels[there[0]] if len(there) == 1 else None
        if there and all(most[c][k] - least[c][k] <= FLAT * size for c in there):
            found.append(Coefficient(name, "constant", only, "1"))
        else:
            kind = "generic" if only is None else "alternative"
            found.append(Coefficient(name, kind, only, name))
    return tuple(found)
