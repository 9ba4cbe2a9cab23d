"""Linear constraints on parameters, read from text or from matrices.

The names of parameters hold brackets, commas, colons and dots, which no parser of
formulas takes for a name. So each name is first replaced by a plain identifier;
what remains is arithmetic, which Python's own parser reads. (formulaic's parser of
constraints was tried: it stumbles over ``a = -1.5`` and ``1e-3``, and reads
``a = b = 0`` as ``a = b``.)

Axes: P parameters, M constraints.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, nearest_name

__all__ = ["Constraints", "Ties", "linear_constraints", "solved"]

Array = np.ndarray[Any, np.dtype[np.float64]]

ROUNDING = 1e-12

_NUMBER = re.compile(r"(?<![\w.])(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w.])")
_WORD = re.compile(r"\w[\w.]*(?:\[[^\]]*\]|\([^)]*\)|:[\w.]+)*")


@dataclass(frozen=True)
class Constraints:
    """The constraints ``matrix @ params = values``.

    Attributes
    ----------
    matrix
        (M, P) coefficients.
    values
        (M,) right-hand sides.
    labels
        M texts, one for each constraint, as a reader would write it.
    """

    matrix: Array
    values: Array
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Ties:
    """Parameters that follow from others: ``params[places] = offset + matrix @ params``.

    Attributes
    ----------
    places
        Positions of the D parameters that follow from others, in order.
    matrix
        (D, P), zero in the columns of ``places`` and of fixed parameters.
    offset
        (D,).
    labels
        The constraints as a reader would write them.
    """

    places: NDArray[np.intp]
    matrix: Array
    offset: Array
    labels: tuple[str, ...]


def solved(constraints: Constraints, names: Sequence[str], fixed: Any, values: Array) -> Ties:
    """Solve constraints for some parameters by those that remain free.

    Gauss-Jordan elimination; of the parameters of a constraint, the one with the largest
    coefficient follows from the others, the last of them where several are as large.

    Parameters
    ----------
    constraints
        M of them.
    names
        P names.
    fixed, values
        Which parameters are held, bool (P,), and at which values, (P,).

    Raises
    ------
    SpecificationError
        For a constraint that contradicts or follows from the others and the fixed values.
    """
    R = np.where(fixed, 0.0, constraints.matrix)
    q = constraints.values - constraints.matrix[:, fixed] @ values[fixed]
    size = np.abs(constraints.matrix).max(axis=1)
    table = np.column_stack([R, q]) / size[:, None]
    places: list[int] = []
    for m, label in enumerate(constraints.labels):
        strength = np.abs(table[m, :-1])
        largest = strength.max(initial=0.0)
        if largest <= ROUNDING:
            left = abs(table[m, -1]) > ROUNDING * max(1.0, float(np.abs(q[m] / size[m])))
            held = [names[int(p)] for p in np.flatnonzero(constraints.matrix[m] * fixed)]
            which = f" (fixed: {', '.join(held)})" if held else ""
            fault = "contradicts" if left else "follows from"
            raise SpecificationError(
                f"The constraint {label!r} {fault} the other constraints or fixed values{which}. "
                "Cure: leave it out" + (", or change its numbers." if left else ".")
            )
        pivot = int(np.flatnonzero(strength >= (1.0 - 1e-9) * largest)[-1])
        table[m] /= table[m, pivot]
        for other in range(len(table)):
            if other != m:
                table[other] -= table[other, pivot] * table[m]
        table[np.abs(table) < ROUNDING] = 0.0
        places.append(pivot)
    order = np.argsort(places)
    chosen = np.array(places, dtype=np.intp)[order]
    matrix = -table[order, :-1]
    matrix[:, chosen] = 0.0
    return Ties(chosen, matrix + 0.0, table[order, -1], constraints.labels)


def linear_constraints(constraint: Any, names: Sequence[str]) -> Constraints:
    """Read constraints on the parameters called ``names``.

    Parameters
    ----------
    constraint
        Text such as ``"gc = 0"``, ``"hinc[air] = hinc[bus], asc[air] - asc[bus] = 1"``
        (a side that is missing is 0, ``a = b = 0`` is two constraints), a list of such
        texts, a matrix (M, P) or vector (P,) whose combinations are 0, or a pair
        ``(matrix, values)``.
    names
        The P names, in the order of the parameters.

    Raises
    ------
    SpecificationError
        A name is unknown, the text is not linear, or shapes do not fit.
    """
    names = [str(name) for name in names]
    if isinstance(constraint, str):
        return _from_text(constraint, names)
    if (
        isinstance(constraint, list | tuple)
        and constraint
        and all(isinstance(part, str) for part in constraint)
    ):
        return _from_text(", ".join(constraint), names)
    if isinstance(constraint, tuple) and len(constraint) == 2 and np.ndim(constraint[0]) >= 1:
        return _from_matrix(constraint[0], constraint[1], names)
    return _from_matrix(constraint, 0.0, names)


def _from_matrix(matrix: Any, values: Any, names: list[str]) -> Constraints:
    """Check the shapes of a matrix of constraints and write out what it says."""
    try:
        R = np.atleast_2d(np.asarray(matrix, dtype=np.float64))
        q = np.broadcast_to(np.asarray(values, dtype=np.float64).ravel(), (len(R),)).copy()
    except (TypeError, ValueError) as error:
        raise SpecificationError(
            "A constraint is a text, a list of texts, a matrix with one column for each "
            "parameter, or a pair (matrix, values) with one value for each row of the matrix; "
            f"this is none of them ({error})."
        ) from None
    if R.ndim != 2 or R.shape[1] != len(names):
        raise SpecificationError(
            f"The constraint matrix has shape {R.shape}, but there are {len(names)} parameters: "
            "give it one column for each, in the order of `params`."
        )
    if not (np.isfinite(R).all() and np.isfinite(q).all()):
        raise SpecificationError("The constraint matrix or its values are not finite.")
    return _checked(R, q, tuple(_label(row, value, names) for row, value in zip(R, q, strict=True)))


def _label(row: Array, value: float, names: list[str]) -> str:
    """Write one row of a constraint matrix as an equation."""
    text = ""
    for name, weight in zip(names, row, strict=True):
        if weight:
            factor = "" if abs(weight) == 1 else f"{abs(weight):g}*"
            sign = ("-" if weight < 0 else "") if not text else (" - " if weight < 0 else " + ")
            text += f"{sign}{factor}{name}"
    return f"{text or '0'} = {value:g}"


def _from_text(text: str, names: list[str]) -> Constraints:
    """Parse the text of one or more constraints."""
    coded = _with_placeholders(text, names)
    rows, labels = [], []
    for part in filter(str.strip, coded.split(",")):
        sides = re.split(r"==?", part)
        if len(sides) == 1:
            sides.append("0")
        forms = [_linear_form(side, text, len(names)) for side in sides]
        for k in range(len(sides) - 1):
            rows.append(forms[k] - forms[k + 1])
            labels.append(_decoded(f"{sides[k]} = {sides[k + 1]}", names))
    if not rows:
        raise SpecificationError(f"There is no constraint in {text!r}; write one like 'x = 0'.")
    table = np.array(rows)
    return _checked(table[:, :-1], 0.0 - table[:, -1], tuple(labels))


def _with_placeholders(text: str, names: list[str]) -> str:
    """Replace each parameter's name by an identifier, the longest names first."""
    order = sorted(range(len(names)), key=lambda i: -len(names[i]))
    pattern = "|".join(f"(?P<p{i}>{_name_pattern(names[i])})" for i in order)
    # A name inside a longer word is not that name: gc in gcost, gc[air], np.log(gc) or gc:hinc.
    whole = re.compile(rf"(?<![\w.:\]])(?:{pattern})(?![\w.:\[(])")
    pieces, end = [], 0
    for match in whole.finditer(text):
        pieces += [text[end : match.start()], f" {match.lastgroup}_ "]
        end = match.end()
    pieces.append(text[end:])
    for rest in pieces[::2]:
        word = _WORD.search(_NUMBER.sub(" ", rest))
        if word:
            raise SpecificationError(
                f"There is no parameter {word.group()!r} for the constraint {text!r}. "
                + nearest_name(word.group(), names)
            )
    return "".join(pieces)


def _name_pattern(name: str) -> str:
    """Match ``name`` with any spacing around brackets and commas."""
    return "".join(
        rf"\s*{re.escape(piece)}\s*" if piece in "[](),:" else re.escape(piece)
        for piece in re.split(r"\s*([\[\](),:])\s*", name.strip())
        if piece
    ).replace(r"\]\s*)", r"\])")


def _decoded(text: str, names: list[str]) -> str:
    """Put the names back, with tidy spacing."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ?([*/()]) ?", r"\1", text)
    return re.sub(r"\bp(\d+)_", lambda match: names[int(match.group(1))], text)


def _linear_form(side: str, text: str, n_names: int) -> Array:
    """Read one side of an equation as coefficients (P,) followed by the constant."""
    try:
        tree = ast.parse(side.strip(), mode="eval")
        return _walk(tree.body, n_names)
    except (SyntaxError, ArithmeticError, ValueError, RecursionError):
        raise SpecificationError(
            f"The constraint {text!r} cannot be read as linear equations: use +, -, numbers times "
            "parameters, and =, with commas between equations."
        ) from None


def _walk(node: ast.expr, n_names: int) -> Array:
    """Evaluate a syntax tree as a linear form; a ValueError says that it is not one."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _form(n_names, n_names, float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return _form(n_names, int(node.id[1:-1]), 1.0)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        inner = _walk(node.operand, n_names)
        return inner if isinstance(node.op, ast.UAdd) else -inner
    if isinstance(node, ast.BinOp):
        left, right = _walk(node.left, n_names), _walk(node.right, n_names)
        if isinstance(node.op, ast.Add):
            return left + right
        if isinstance(node.op, ast.Sub):
            return left - right
        if isinstance(node.op, ast.Mult) and not left[:-1].any():
            return np.asarray(left[-1] * right)
        if isinstance(node.op, ast.Mult) and not right[:-1].any():
            return np.asarray(left * right[-1])
        if isinstance(node.op, ast.Div) and not right[:-1].any() and right[-1]:
            return np.asarray(left / right[-1])
    raise ValueError(type(node).__name__)


def _form(n_names: int, position: int, value: float) -> Array:
    """Return a linear form with a single entry."""
    form = np.zeros(n_names + 1)
    form[position] = value
    return form


def _checked(matrix: Array, values: Array, labels: tuple[str, ...]) -> Constraints:
    """Refuse constraints which mention no parameter."""
    for row, label in zip(matrix, labels, strict=True):
        if not row.any():
            raise SpecificationError(f"The constraint {label!r} restricts no parameter.")
    return Constraints(matrix, values, labels)
