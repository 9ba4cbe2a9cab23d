"""Arithmetic written as text: parsed without running it, differentiated, evaluated on arrays.

Python's own parser reads the text; only the nodes of arithmetic are taken over into a small tree,
so that nothing a user writes is ever executed. Derivatives are trees again, made once by the rules
of calculus, and share their parts with the tree they come from.

Box & Cox (1964): ``boxcox(x, l) = (x^l - 1) / l``, and ``log(x)`` at l = 0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..exceptions import SpecificationError
from .base import FloatArray

__all__ = ["Expression", "differentiate", "evaluate", "is_number", "names_of", "parse"]

FUNCTIONS = {"exp": 1, "log": 1, "sqrt": 1, "boxcox": 2}
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")  # 1 where true, else 0
SERIES = 20  # terms for the slope of a Box-Cox transformation near l = 0
NEAR = 0.5  # of l log(x): where the series serves


@dataclass(frozen=True, eq=False)
class Expression:
    """A node of the tree.

    Attributes
    ----------
    kind
        ``"number"``, ``"name"``, an operator or a function.
    parts
        Operands.
    value, name
        Of a number, of a name.
    """

    kind: str
    parts: tuple[Expression, ...] = ()
    value: float = 0.0
    name: str = ""


OPERATORS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


def parse(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    SpecificationError
        If it is no arithmetic of numbers, names and the functions exp, log, sqrt, boxcox.
    """
    try:
        return _node(ast.parse(text.strip(), mode="eval").body, text)
    except SpecificationError:
        raise
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        hint = ""
        if "lambda" in text:
            hint = " 'lambda' is a word of Python's: call the parameter lambda_ or lam."
        raise SpecificationError(
            f"The utility {text!r} cannot be read as arithmetic.{hint}"
        ) from None


def _node(node: ast.expr, text: str) -> Expression:
    """Take over one node of Python's tree."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return _number(float(node.value))  # type: ignore[arg-type]
    if isinstance(node, ast.Name):
        return Expression("name", name=node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
        inner = _node(node.operand, text)
        return inner if isinstance(node.op, ast.UAdd) else _minus(_number(0.0), inner)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        kind = OPERATORS[type(node.op)]
        return Expression(kind, (_node(node.left, text), _node(node.right, text)))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        sides = _node(node.left, text), _node(node.comparators[0], text)
        return Expression(OPERATORS[type(node.ops[0])], sides)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        count = FUNCTIONS.get(node.func.id)
        if count == len(node.args):
            return Expression(node.func.id, tuple(_node(part, text) for part in node.args))
    raise SpecificationError(
        f"{ast.unparse(node)!r} in the utility {text!r} is not allowed: write arithmetic (+ - * / "
        "** == <) of numbers, columns and parameters, and exp(x), log(x), sqrt(x), boxcox(x, lam). "
        "Cure: prepare anything else as a column of the data."
    )


def names_of(tree: Expression) -> tuple[str, ...]:
    """Names in the tree, in the order of first mention."""
    return tuple(dict.fromkeys(node.name for node in _walk(tree) if node.kind == "name"))


def _walk(tree: Expression) -> Iterator[Expression]:
    yield tree
    for part in tree.parts:
        yield from _walk(part)


def is_number(tree: Expression, value: float | None = None) -> bool:
    """Whether the tree is a number, and this one if one is given."""
    return tree.kind == "number" and value in (None, tree.value)


# -- derivatives ----------------------------------------------------------------------------------


def _number(value: float) -> Expression:
    return Expression("number", value=value)


def _plus(a: Expression, b: Expression) -> Expression:
    if is_number(a, 0.0):
        return b
    return a if is_number(b, 0.0) else Expression("+", (a, b))


def _minus(a: Expression, b: Expression) -> Expression:
    if is_number(b, 0.0):
        return a
    if is_number(a) and is_number(b):
        return _number(a.value - b.value)
    return Expression("-", (a, b))


def _times(a: Expression, b: Expression) -> Expression:
    if is_number(a, 0.0) or is_number(b, 0.0):
        return _number(0.0)
    if is_number(a, 1.0):
        return b
    if is_number(b, 1.0):
        return a
    if is_number(a) and is_number(b):
        return _number(a.value * b.value)
    return Expression("*", (a, b))


def _over(a: Expression, b: Expression) -> Expression:
    if is_number(a, 0.0) or is_number(b, 1.0):
        return a
    return Expression("/", (a, b))


def _power(a: Expression, b: Expression) -> Expression:
    if is_number(b, 1.0):
        return a
    return _number(1.0) if is_number(b, 0.0) else Expression("**", (a, b))


def differentiate(tree: Expression, name: str) -> Expression:
    """Derivative by a name; zeros and ones are simplified away."""
    kind, parts = tree.kind, tree.parts
    if kind == "number":
        return _number(0.0)
    if kind == "name":
        return _number(float(tree.name == name))
    inner = [differentiate(part, name) for part in parts]
    if kind in COMPARISONS or all(is_number(slope, 0.0) for slope in inner):
        return _number(0.0)
    a, da = parts[0], inner[0]
    if kind == "+":
        return _plus(da, inner[1])
    if kind == "-":
        return _minus(da, inner[1])
    if kind == "*":
        return _plus(_times(da, parts[1]), _times(a, inner[1]))
    if kind == "/":
        return _minus(_over(da, parts[1]), _times(_over(tree, parts[1]), inner[1]))
    if kind == "exp":
        return _times(tree, da)
    if kind == "log":
        return _over(da, a)
    if kind == "sqrt":
        return _over(da, _times(_number(2.0), tree))
    b, db = parts[1], inner[1]
    if kind == "**":
        base = _times(_times(b, _power(a, _minus(b, _number(1.0)))), da)
        return _plus(base, _times(_times(tree, Expression("log", (a,))), db))
    by_x = _times(_power(a, _minus(b, _number(1.0))), da)
    return _plus(by_x, _times(Expression("boxcox_slope", (a, b)), db))


# -- values ---------------------------------------------------------------------------------------


def evaluate(
    tree: Expression, values: Mapping[str, Any], known: dict[int, Any] | None = None
) -> Any:
    """Value of the tree, an array or a number; NaN or infinite outside the functions' domains.

    Parameters
    ----------
    tree
        The expression.
    values
        Arrays or numbers by name.
    known
        Values of parts found already, by the identity of the node; new ones are added.
    """
    known = {} if known is None else known
    if id(tree) in known:
        return known[id(tree)]
    if tree.kind == "number":
        return tree.value
    if tree.kind == "name":
        return values[tree.name]
    parts = [np.asarray(evaluate(part, values, known), dtype=np.float64) for part in tree.parts]
    with np.errstate(all="ignore"):
        found = np.asarray(VALUES[tree.kind](*parts), dtype=np.float64)
    known[id(tree)] = found
    return found


def boxcox(x: FloatArray, power: FloatArray) -> FloatArray:
    """``(x^l - 1) / l``, smooth in l through ``log(x)`` at 0; -1 / l at x = 0 for positive l."""
    logs = np.log(x)
    t = power * logs
    usual = np.where(np.abs(t) > 0.0, np.expm1(t) / np.where(t == 0.0, 1.0, t), 1.0) * logs
    return np.where((x == 0.0) & (power > 0.0), -1.0 / power, usual)


def boxcox_slope(x: FloatArray, power: FloatArray) -> FloatArray:
    """Derivative of ``boxcox`` by l: ``log(x)^2 (t e^t - e^t + 1) / t^2`` with ``t = l log(x)``."""
    logs = np.log(x)
    t = power * logs
    near = np.where(np.abs(t) < NEAR, t, 0.0)
    series, term = np.zeros_like(near), np.ones_like(near)
    for n in range(SERIES):  # sum over n of t^n / (n! (n + 2))
        series += term / (n + 2.0)
        term = term * near / (n + 1.0)
    grown = np.exp(t)
    closed = (t * grown - grown + 1.0) / np.where(t == 0.0, 1.0, t) ** 2
    usual = logs * logs * np.where(np.abs(t) < NEAR, series, closed)
    return np.where((x == 0.0) & (power > 0.0), 1.0 / power**2, usual)


VALUES: dict[str, Any] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "boxcox": boxcox,
    "boxcox_slope": boxcox_slope,
}
