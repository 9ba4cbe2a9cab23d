"""Coefficients made comparable: on the scale of the errors, and as ratios.

Axes: P parameters, K of them coefficients of the utility.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.post.base import (
    Fitted,
    constant_names,
    fixed_names,
    nearest_name,
    other_units,
    price_of,
    utility_kinds,
)
from choicekit.post.delta import standard_errors

__all__ = [
    "coefficient_table",
    "default_denominator",
    "ratio_table",
    "scaled_table",
    "sounds_like_money",
]

Array = npt.NDArray[np.float64]

_MONEY = re.compile(r"cost|price|fare|toll|tariff|^gc$", re.IGNORECASE)
STEP = 1e-5


def coefficient_table(fits: Mapping[str, Fitted], order: Sequence[str]) -> pd.DataFrame:
    """Estimates and standard errors of all parameters, side by side.

    Returns
    -------
    DataFrame
        Rows ``order``, columns (model, ``"estimate"``) and (model, ``"std_error"``), NaN where
        a model lacks the parameter or the parameter was held fixed.
    """
    columns = {}
    for name, fit in fits.items():
        columns[name, "estimate"] = fit.params
        columns[name, "std_error"] = fit.bse.where(~fit.params.index.isin(fixed_names(fit)))
    return _side_by_side(columns, order)


def scaled_table(fits: Mapping[str, Fitted], order: Sequence[str]) -> pd.DataFrame:
    """Divide the utility coefficients by the standard deviation of the errors.

    So coefficients of a logit and of a probit come on one scale, that of errors with unit
    variance. Standard errors are by the delta method and take the sampling error of the
    standard deviation along. Columns as in `coefficient_table`, with ``"scaled"``. Parameters in
    other units, of a logarithm or of money, are left out.
    """
    columns = {}
    for name, fit in fits.items():
        utility = [name for name in utility_kinds(fit) if name not in other_units(fit)]
        sd = fit.error_sd
        slope = _error_sd_slope(fit)
        position = fit.params.index.get_indexer(pd.Index(utility))
        values = fit.params.to_numpy(dtype=np.float64)[position]
        jacobian = -np.outer(values / sd**2, slope)
        jacobian[np.arange(len(utility)), position] += 1.0 / sd
        columns[name, "scaled"] = pd.Series(values / sd, index=utility)
        columns[name, "std_error"] = pd.Series(
            standard_errors(jacobian, _covariance(fit)), index=utility
        )
    return _side_by_side(columns, order)


def ratio_table(fits: Mapping[str, Fitted], order: Sequence[str], denominator: str) -> pd.DataFrame:
    """Divide the utility coefficients by one of them, with delta-method standard errors.

    Rows are ``order`` without the denominator, columns (model, ``"ratio"``) and (model,
    ``"std_error"``); NaN for models without the denominator. In willingness-to-pay space the
    ratios to the price are parameters.
    """
    columns = {}
    for name, fit in fits.items():
        utility = [key for key in utility_kinds(fit) if key != denominator]
        if denominator == price_of(fit):
            columns[name, "ratio"] = -fit.params[utility]
            columns[name, "std_error"] = fit.bse[utility]
            continue
        utility = [key for key in utility if key not in other_units(fit)]
        empty = pd.Series(np.nan, index=utility)
        columns[name, "ratio"], columns[name, "std_error"] = empty, empty
        if (
            denominator not in {*utility_kinds(fit)} - other_units(fit)
            or fit.params[denominator] == 0
        ):
            continue
        position = fit.params.index.get_indexer(pd.Index(utility))
        below = fit.params.index.get_loc(denominator)
        values = fit.params.to_numpy(dtype=np.float64)
        ratio = values[position] / values[below]
        jacobian = np.zeros((len(utility), len(values)))
        jacobian[np.arange(len(utility)), position] = 1.0 / values[below]
        jacobian[:, below] = -ratio / values[below]
        columns[name, "ratio"] = pd.Series(ratio, index=utility)
        columns[name, "std_error"] = pd.Series(
            standard_errors(jacobian, _covariance(fit)), index=utility
        )
    return _side_by_side(columns, [key for key in order if key != denominator])


def default_denominator(fits: Sequence[Fitted], asked: str | None) -> str | None:
    """Choose the coefficient that ratios are taken to; None where the models share none.

    Constants do not qualify. A generic coefficient that sounds like money comes first, then
    other generic ones, then the one whose smallest |t| over the models is largest: a ratio is
    only as good as its denominator is known.

    Raises
    ------
    SpecificationError
        ``asked`` is a coefficient of none of the models.
    """
    kinds = [utility_kinds(fit) for fit in fits]
    if asked is not None:
        known = list(dict.fromkeys(key for kind in kinds for key in kind))
        if asked not in known:
            raise SpecificationError(
                f"ratio_to={asked!r} is not a coefficient of any of the models. "
                + nearest_name(asked, known)
            )
        return asked
    # A constant says nothing as a unit; a coefficient held fixed has no t.
    pairs = list(zip(kinds, fits, strict=True))
    shared = [
        key
        for key in kinds[0]
        if all(key in kind and key not in constant_names(fit) for kind, fit in pairs)
        and all(key == price_of(fit) or key not in other_units(fit) for fit in fits)
        and all(np.isfinite(fit.bse[key]) and key not in fixed_names(fit) for fit in fits)
    ]
    if not shared:
        return None

    def merit(key: str) -> tuple[bool, bool, float]:
        t = min(abs(float(fit.params[key] / fit.bse[key])) for fit in fits)
        generic = kinds[0][key] == "generic"
        return sounds_like_money(key) and generic, generic, t

    return max(shared, key=merit)


def sounds_like_money(name: str) -> bool:
    """Whether a coefficient's name says that it is that of a cost or price."""
    return _MONEY.search(name) is not None


def _error_sd_slope(fit: Fitted) -> Array:
    """Differentiate (P,) the errors' standard deviation with respect to the parameters."""
    slope = np.zeros(len(fit.params))
    utility = utility_kinds(fit)
    for p, name in enumerate(fit.params.index):
        if name in utility or name in fixed_names(fit):
            continue
        step = STEP * max(1.0, abs(float(fit.params.iloc[p])))
        ends = []
        for sign in (1.0, -1.0):
            moved = fit.params.copy()
            moved.iloc[p] += sign * step
            changed: Any = dataclasses.replace(fit, params=moved)  # type: ignore[type-var]
            ends.append(float(changed.error_sd))
        slope[p] = (ends[0] - ends[1]) / (2.0 * step)
    return slope


def _covariance(fit: Fitted) -> Array:
    """Covariance (P, P) of the estimates; fixed ones have none."""
    return fit.cov.to_numpy(dtype=np.float64)


def _side_by_side(columns: dict[tuple[str, str], Any], order: Sequence[str]) -> pd.DataFrame:
    """Put labelled series next to each other, in the order asked for."""
    present = [key for key in order if any(key in column.index for column in columns.values())]
    table = pd.DataFrame({key: column.reindex(present) for key, column in columns.items()})
    table.columns = pd.MultiIndex.from_tuples(list(columns), names=["model", "value"])
    table.index.name = "parameter"
    return table.astype(np.float64)
