"""The covariance of a probit's errors in other forms, with delta-method standard errors.

Axes: J alternatives, Q error parameters, D = J - 1 utility differences, M numbers of a table.

A probit fixes what choices do not show: a base alternative, the variance of one error or of one
difference. What it estimates can be written under any other normalisation, without another fit.
Each table holds smooth functions ``f(theta)`` of the error parameters, with the covariance
``F V F'`` where ``F = df/dtheta`` is analytic, chained through the structure's own Jacobian, and V
is the estimates' covariance (delta method; Train 2009, section 5.2, on the normalisations).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean
from choicekit.post.base import Fitted, with_article
from choicekit.post.delta import interval_columns, standard_errors

__all__ = ["error_cholesky", "error_correlations", "error_differences", "error_levels"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class _Errors:
    """What the conversions read off a fit.

    Attributes
    ----------
    labels
        J alternatives.
    base
        Code of the fit's base.
    omega, jacobian
        Covariance of the errors (J, J) at the estimates and its derivative (Q, J, J).
    cov
        Covariance of the error parameters, (Q, Q).
    has_levels
        Whether ``omega`` is that of the errors themselves.
    """

    labels: tuple[Hashable, ...]
    base: int
    omega: Float
    jacobian: Float
    cov: Float
    has_levels: bool


@dataclass(frozen=True)
class _Values:
    """M functions of the error parameters: their names, values (M,), derivatives (Q, M)."""

    names: tuple[str, ...]
    values: Float
    jacobian: Float


def error_differences(
    fit: Fitted, base: Hashable | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Covariance of the error differences against any alternative, in the fit's own scale.

    Parameters
    ----------
    fit
        A probit fit.
    base
        Label of the alternative subtracted; by default the model's base.
    alpha
        Intervals have level ``1 - alpha``.

    Returns
    -------
    DataFrame
        A row ``cov[j,k]`` for each element of the lower triangle of ``Cov(eps_j - eps_base,
        eps_k - eps_base)``; columns ``estimate``, ``std_error``, ``conf_low``, ``conf_high``. The
        last three are NaN for elements that the normalisation fixes. The intervals are symmetric,
        for a variance too.

    Raises
    ------
    SpecificationError
        If the fit is no probit or the alternative does not exist.
    """
    errors = _read(fit)
    rows = _others(errors, _code(errors, base, "base"))
    sigma, slope = _differences(errors, _code(errors, base, "base"), rows)
    return _table(errors, _elements("cov", errors, rows, sigma, slope), alpha)


def error_correlations(
    fit: Fitted, base: Hashable | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """Standard deviations and correlations of the error differences against any alternative.

    Parameters, result and errors are those of `error_differences`; the rows are ``sd[j]``, in the
    fit's own scale, and then ``corr[j,k]``, which do not depend on the scale.
    """
    errors = _read(fit)
    rows = _others(errors, _code(errors, base, "base"))
    sigma, slope = _differences(errors, _code(errors, base, "base"), rows)
    return _table(errors, _correlations(errors, rows, sigma, slope), alpha)


def error_cholesky(
    fit: Fitted,
    base: Hashable | None = None,
    scale: Hashable | None = None,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Cholesky factor of the error differences, normalised to a base and a scale alternative.

    These are the numbers that an unstructured probit with this ``base=`` and ``scale=`` estimates:
    the covariance is divided by the variance of the difference scale - base, so that this is 1.

    Parameters
    ----------
    fit
        A probit fit.
    base
        Label of the alternative subtracted; by default the model's base.
    scale
        Label of the alternative whose difference has variance 1, and whose row comes first; by
        default the first but the base.
    alpha
        Intervals have level ``1 - alpha``.

    Returns
    -------
    DataFrame
        Rows ``chol[j,k]``, the lower triangle row by row without its first element, which is 1,
        and at last ``factor``, what the utility's coefficients must be multiplied by to be in the
        new scale; columns as for `error_differences`.

    Raises
    ------
    SpecificationError
        If the fit is no probit, an alternative does not exist, or both are the same.
    """
    errors = _read(fit)
    base_code = _code(errors, base, "base")
    first = (1 if base_code == 0 else 0) if scale is None else _code(errors, scale, "scale")
    if first == base_code:
        raise SpecificationError(
            f"The scale alternative {errors.labels[first]!r} is also the base, whose error "
            "difference is zero. Cure: choose another scale= or base=."
        )
    rows = [first, *(j for j in _others(errors, base_code) if j != first)]
    sigma, slope = _differences(errors, base_code, rows)
    if not np.linalg.eigvalsh(sigma)[0] > 0.0:
        raise SpecificationError(
            "The covariance of the error differences is singular at the estimates, so it has no "
            "Cholesky factor. Cure: use error_differences."
        )
    variance, dvariance = sigma[0, 0], slope[:, 0, 0]
    scaled = sigma / variance
    dscaled = (slope - scaled * dvariance[:, None, None]) / variance
    chol, dchol = _cholesky(scaled, dscaled)
    elements = _elements("chol", errors, rows, chol, dchol)
    factor = variance**-0.5
    values = _Values(
        (*elements.names[1:], "factor"),
        np.append(elements.values[1:], factor),
        np.column_stack([elements.jacobian[:, 1:], -0.5 * factor / variance * dvariance]),
    )
    return _table(errors, values, alpha)


def error_levels(fit: Fitted, correlations: bool = False, alpha: float = 0.05) -> pd.DataFrame:
    """Covariance of the errors themselves, where the structure has one, in the fit's own scale.

    Independent, heteroskedastic, exchangeable and factor structures and patterns say how each
    error varies. Part of that is assumption: choices show the differences only. A factor
    structure's covariance, for one, is that under zero loadings of the base.

    Parameters
    ----------
    fit
        A probit fit.
    correlations
        Whether to return ``sd[j]`` and ``corr[j,k]`` in place of ``cov[j,k]``. Unlike the
        parameters ``sd[j]`` of some structures, these are absolute, not relative to 1 / sqrt(2).
    alpha
        Intervals have level ``1 - alpha``.

    Returns
    -------
    DataFrame
        As for `error_differences`.

    Raises
    ------
    SpecificationError
        If the fit is no probit, or unstructured: then only differences have a covariance.
    """
    errors = _read(fit)
    if not errors.has_levels:
        raise SpecificationError(
            "An unstructured covariance is one of error differences; the errors themselves have "
            "none. Cure: use error_differences or error_correlations."
        )
    rows = list(range(len(errors.labels)))
    make = _correlations if correlations else _covariances
    return _table(errors, make(errors, rows, errors.omega, errors.jacobian), alpha)


def _read(fit: Fitted) -> _Errors:
    """Covariance, derivative and the estimates' covariance of a probit fit."""
    bound = fit.model.bound
    structure = getattr(bound, "structure", None)
    if structure is None:
        raise SpecificationError(
            f"{with_article(fit.model.title)} has no covariance of errors to convert. "
            "Cure: fit a probit."
        )
    names = [str(name) for name in structure.names]
    labels = tuple(fit.model.data.alternatives)
    theta = fit.params[names].to_numpy(dtype=np.float64)
    return _Errors(
        labels,
        labels.index(fit.model.base),
        structure.omega(theta),
        structure.jacobian(theta),
        fit.cov.loc[names, names].to_numpy(dtype=np.float64),
        bool(structure.has_levels),
    )


def _code(errors: _Errors, label: Hashable | None, what: str) -> int:
    """Code of an alternative; the model's base for None."""
    if label is None:
        return errors.base
    if label in errors.labels:
        return errors.labels.index(label)
    hint = did_you_mean(label, errors.labels)
    raise SpecificationError(
        f"The {what} alternative {label!r} is none of {', '.join(map(repr, errors.labels))}.{hint}"
    )


def _others(errors: _Errors, base: int) -> list[int]:
    return [j for j in range(len(errors.labels)) if j != base]


def _differences(errors: _Errors, base: int, rows: Sequence[int]) -> tuple[Float, Float]:
    """Covariance (D, D) of ``eps_rows - eps_base`` and its derivative (Q, D, D)."""
    contrast = np.zeros((len(rows), len(errors.labels)))
    contrast[np.arange(len(rows)), rows] = 1.0
    contrast[:, base] -= 1.0
    return contrast @ errors.omega @ contrast.T, contrast @ errors.jacobian @ contrast.T


def _elements(
    what: str, errors: _Errors, rows: Sequence[int], matrix: Float, slope: Float
) -> _Values:
    """The lower triangle of a matrix row by row, named ``what[j,k]``."""
    r, c = np.tril_indices(len(rows))
    labels = [errors.labels[j] for j in rows]
    names = tuple(f"{what}[{labels[i]},{labels[j]}]" for i, j in zip(r, c, strict=True))
    return _Values(names, matrix[r, c], slope[:, r, c])


def _covariances(errors: _Errors, rows: Sequence[int], sigma: Float, slope: Float) -> _Values:
    return _elements("cov", errors, rows, sigma, slope)


def _correlations(errors: _Errors, rows: Sequence[int], sigma: Float, slope: Float) -> _Values:
    """Standard deviations, then correlations below the diagonal.

    ``d corr_jk = d sigma_jk / (sd_j sd_k) - corr_jk (d sd_j / sd_j + d sd_k / sd_k)``.
    """
    sd = np.sqrt(np.diag(sigma))
    with np.errstate(divide="ignore", invalid="ignore"):  # an error without variance
        dsd = np.diagonal(slope, axis1=1, axis2=2) / (2.0 * sd)
        grid = np.outer(sd, sd)
        corr = sigma / grid
        relative = dsd / sd
        dcorr = slope / grid - corr * (relative[:, :, None] + relative[:, None, :])
    r, c = np.tril_indices(len(rows), -1)
    labels = [errors.labels[j] for j in rows]
    names = [f"sd[{label}]" for label in labels]
    names += [f"corr[{labels[i]},{labels[j]}]" for i, j in zip(r, c, strict=True)]
    return _Values(
        tuple(names),
        np.concatenate([sd, corr[r, c]]),
        np.hstack([dsd, dcorr[:, r, c]]),
    )


def _cholesky(matrix: Float, slope: Float) -> tuple[Float, Float]:
    """Factor L of a positive definite matrix (D, D) and its derivative (Q, D, D).

    ``dL = L Phi(L^-1 dA L^-T)``, Phi taking the lower triangle with its diagonal halved (Murray
    2016, "Differentiation of the Cholesky decomposition", equation 8).
    """
    factor = np.asarray(np.linalg.cholesky(matrix), dtype=np.float64)
    inverse = np.linalg.inv(factor)
    inner = np.tril(inverse @ slope @ inverse.T)
    diagonal = np.arange(len(matrix))
    inner[:, diagonal, diagonal] *= 0.5
    return factor, factor @ inner


def _table(errors: _Errors, found: _Values, alpha: float) -> pd.DataFrame:
    """Estimates, standard errors and normal intervals; NaN where the normalisation fixes."""
    error = standard_errors(found.jacobian.T, errors.cov, found.values)
    columns = interval_columns(found.values, error, alpha)
    return pd.DataFrame(columns, index=list(found.names))
