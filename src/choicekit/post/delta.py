"""The delta method, in one place: errors and intervals of smooth functions of the estimates.

Functions ``f(params)`` with derivatives ``F = df / d params`` have the covariance ``F V F'`` where
V is that of the estimates. Axes: M functions, P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted

__all__ = [
    "covariance_of",
    "delta_table",
    "interval_columns",
    "require_alpha",
    "standard_errors",
]

Float = NDArray[np.float64]

CONSTANT = 1e-12  # a standard error below this share of the value is rounding


def require_alpha(alpha: float) -> float:
    """Return one minus the level of intervals, or raise SpecificationError."""
    if not 0.0 < alpha < 1.0:
        raise SpecificationError(f"alpha must lie between 0 and 1, not {alpha!r}.")
    return float(alpha)


def covariance_of(jacobian: Float, cov: Float) -> Float:
    """Covariance (M, M) of functions with these derivatives (M, P), given the parameters' (P, P).

    NaN for functions of parameters whose variance is unknown.
    """
    known = np.isfinite(np.diag(cov))
    known &= np.isfinite(cov[:, known]).all(axis=1)
    own = jacobian[:, known]
    found: Float = own @ cov[np.ix_(known, known)] @ own.T
    lost = (jacobian[:, ~known] != 0.0).any(axis=1)
    found[lost] = found[:, lost] = np.nan
    return found


def standard_errors(jacobian: Float, cov: Float, values: Float | None = None) -> Float:
    """Standard errors (...) of functions with these derivatives (..., P).

    Parameters
    ----------
    jacobian
        Derivatives by the parameters, the last axis P.
    cov
        Covariance of the parameters, (P, P); 0 for fixed ones.
    values
        The functions; with them an error that is mere rounding counts as none.

    Returns
    -------
    array (...)
        NaN where nothing that was estimated plays a part, or where its variance is unknown.
    """
    shape = jacobian.shape[:-1]
    flat = jacobian.reshape(int(np.prod(shape)), jacobian.shape[-1])
    known = np.isfinite(np.diag(cov))
    known &= np.isfinite(cov[:, known]).all(axis=1)
    own = flat[:, known]
    variance = ((own @ cov[np.ix_(known, known)]) * own).sum(axis=1)
    variance[(flat[:, ~known] != 0.0).any(axis=1)] = np.nan
    errors = np.sqrt(np.where(variance > 0.0, variance, np.nan)).reshape(shape)
    if values is not None:
        errors = np.where(errors <= CONSTANT * np.abs(values), np.nan, errors)
    return np.asarray(errors)


def interval_columns(values: Float, errors: Float, alpha: float = 0.05) -> dict[str, Float]:
    """Columns ``estimate``, ``std_error``, ``conf_low``, ``conf_high``: normal intervals, (M,)."""
    from scipy.special import ndtri

    half = float(ndtri(1.0 - require_alpha(alpha) / 2.0)) * errors
    return {
        "estimate": values,
        "std_error": errors,
        "conf_low": values - half,
        "conf_high": values + half,
    }


def delta_table(
    fit: Fitted,
    values: Float,
    jacobian: Float,
    index: pd.Index[Any] | list[Any],
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Functions of a fit's estimates with delta-method errors and intervals, a row each.

    Parameters
    ----------
    fit
        Whose ``cov`` is taken.
    values, jacobian
        The functions, (M,), and their derivatives by all parameters, (M, P).
    index
        Labels of the rows.
    alpha
        Intervals have level ``1 - alpha``.

    Returns
    -------
    DataFrame
        Columns as in `interval_columns`; errors as in `standard_errors`.

    Raises
    ------
    SpecificationError
        For an impossible ``alpha``.
    """
    errors = standard_errors(jacobian, fit.cov.to_numpy(dtype=np.float64), values)
    return pd.DataFrame(interval_columns(values, errors, alpha), index=index)
