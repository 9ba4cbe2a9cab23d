"""Evaluation by formulaic: its formulas, its model matrices, and what its failures mean."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from ..exceptions import DataError, Finding, SpecificationError
from .base import FloatArray
from .columns import Places, disguised_numbers, unseen_levels
from .terms import Term, clean, names_in_expression

__all__: list[str] = []

NULLS = re.compile(r"nulls in `(.+)`: `\1` contains null values")


def formulaic_formula(terms: Sequence[Term], *, intercept: bool) -> Any:
    """Return the terms, in their order, as a formula of formulaic's."""
    from formulaic import Formula
    from formulaic.parser.types import Factor as Theirs
    from formulaic.parser.types import Term as TheirTerm

    products = [TheirTerm([Theirs("1", eval_method="literal")])] if intercept else []
    for term in terms:
        methods = [("lookup" if factor.lookup else "python") for factor in term.factors]
        factors = [
            Theirs(factor.text, eval_method=method)
            for factor, method in zip(term.factors, methods, strict=True)
        ]
        products.append(TheirTerm(factors))
    return Formula(products, _ordering="none")


def matrix_column(matrix: Any, position: int) -> FloatArray:
    """Return one column of a model matrix as float64, (rows,)."""
    values: FloatArray = matrix.iloc[:, position].to_numpy(dtype=np.float64)
    return values


def materialise(
    source: Any, ready: pd.DataFrame, context: Mapping[str, Any], places: Places
) -> Any:
    """Let formulaic evaluate a formula, or a learned specification, on prepared columns.

    Rows are never dropped, and levels that formulaic would turn into missing values are errors.
    """
    from formulaic.errors import DataMismatchWarning

    try:
        # the results are checked afterwards, with the names of the cases
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", DataMismatchWarning)
            return source.get_model_matrix(
                ready, context=dict(context), na_action="raise", output="pandas"
            )
    except MemoryError:
        raise
    except DataMismatchWarning as error:
        raise_unseen(source, ready, places, error)
    except Exception as error:
        raise_failure(source, ready, context, places, error)


def raise_unseen(source: Any, ready: pd.DataFrame, places: Places, error: Warning) -> NoReturn:
    """Raise a DataError about levels that a category of formulaic's does not know."""
    findings = []
    for text, (_, state) in getattr(source, "encoder_state", {}).items():
        names = names_in_expression(text) if "categories" in state else {}
        for name in (name for name, use in names.items() if use == "C" and name in ready):
            levels = list(state["categories"])
            bad = ~ready[name].isin(levels).to_numpy()
            if bad.any():
                unseen = list(pd.unique(ready[name][bad]))
                findings.append(unseen_levels(name, unseen, levels, bad, places))
    if findings:
        raise DataError(findings) from error
    raise SpecificationError(clean(error)) from error


def raise_failure(
    source: Any, ready: pd.DataFrame, context: Mapping[str, Any], places: Places, error: Exception
) -> NoReturn:
    """Raise the error that says best why formulaic failed."""
    missing = NULLS.search(str(error))
    if missing is not None:
        with np.errstate(all="ignore"):
            kept = source.get_model_matrix(
                ready, context=dict(context), na_action="drop", output="pandas"
            )
        bad = ~ready.index.isin(kept.index)
        message = f"term {missing[1]!r} gives missing values"
        cure = "look at the values it is taken of in these cases, or use another transformation"
        names = ", ".join(name for name in names_in_expression(missing[1]) if name in ready)
        raise DataError([places.at("not-finite", message, cure, names, bad)]) from error
    found = [disguised_numbers(ready[str(name)], str(name)) for name in ready]
    findings = [finding for finding in found if finding is not None]
    if findings:
        raise DataError(findings) from error
    if hasattr(source, "structure"):  # it worked on the estimation data
        finding = Finding(
            "cannot-evaluate", "error", clean(error), "compare with the estimation data"
        )
        raise DataError([finding]) from error
    raise SpecificationError(clean(error)) from error
