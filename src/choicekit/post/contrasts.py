"""z tests of single linear constraints and Wald tests of several together.

Both return statsmodels' ``ContrastResults``, so that ``summary()``, ``pvalue`` and
``conf_int()`` are those its users know.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from choicekit.constraints import Array, Constraints, linear_constraints
from choicekit.exceptions import IdentificationError, SpecificationError
from choicekit.post.base import Fitted, fixed_names

__all__ = ["t_test", "wald_test"]


def t_test(fit: Fitted, constraint: Any) -> Any:
    """Test each linear constraint on its own, against the normal distribution.

    Parameters
    ----------
    fit
        A fit.
    constraint
        See `choicekit.constraints.linear_constraints`.

    Returns
    -------
    statsmodels.stats.contrast.ContrastResults
        ``effect`` is the left-hand side at the estimates, with standard error ``sd``;
        ``statistic`` its distance from the right-hand side in standard errors.

    Raises
    ------
    SpecificationError
        A constraint cannot be read, or involves a parameter that was held fixed.
    IdentificationError
        A combination has no standard error.
    """
    from statsmodels.stats.contrast import ContrastResults

    constraints = _free_constraints(fit, constraint)
    effect = constraints.matrix @ fit.params.to_numpy(dtype=np.float64)
    covariance = _covariance(fit, constraints)
    sd = np.sqrt(np.diag(covariance))
    result = ContrastResults(
        effect=effect,
        statistic=(effect - constraints.values) / sd,
        sd=sd,
        distribution="norm",
    )
    result.c_names = list(constraints.labels)
    return result


def wald_test(fit: Fitted, constraint: Any) -> Any:
    """Test linear constraints jointly: ``(R b - q)' (R V R')^-1 (R b - q)`` against chi-squared.

    Parameters and errors are those of `t_test`; ``df_denom`` of the result is the
    number of constraints (statsmodels' name for it).

    Raises
    ------
    SpecificationError
        Also where one constraint follows from the others or contradicts them.
    """
    from statsmodels.stats.contrast import ContrastResults

    constraints = _free_constraints(fit, constraint)
    _require_independent(constraints)
    distance = constraints.matrix @ fit.params.to_numpy(dtype=np.float64) - constraints.values
    statistic = float(distance @ np.linalg.solve(_covariance(fit, constraints), distance))
    return ContrastResults(statistic=statistic, df_denom=len(distance), distribution="chi2")


def _free_constraints(fit: Fitted, constraint: Any) -> Constraints:
    """Read ``constraint`` and refuse parameters without sampling error."""
    names = [str(name) for name in fit.params.index]
    constraints = linear_constraints(constraint, names)
    fixed = fixed_names(fit)
    for j in np.flatnonzero(constraints.matrix.any(axis=0)):
        if names[j] in fixed:
            raise SpecificationError(
                f"{names[j]!r} was held fixed at {fit.params.iloc[j]:g}, so it has no sampling "
                "error and cannot be tested; write its value in place of its name."
            )
    return constraints


def _covariance(fit: Fitted, constraints: Constraints) -> Array:
    """Covariance (M, M) of the combinations; entries of parameters not involved are not read."""
    used = constraints.matrix.any(axis=0)
    V = fit.cov.to_numpy(dtype=np.float64)[np.ix_(used, used)]
    R = constraints.matrix[:, used]
    covariance = R @ V @ R.T
    bad = ~(np.diag(covariance) > 0)
    if bad.any():
        label = constraints.labels[int(np.flatnonzero(bad)[0])]
        raise IdentificationError(
            f"The combination in {label!r} has no standard error: the data do not tell its "
            "parameters apart. Look at the notes of summary() and simplify the model."
        )
    return np.asarray(covariance)


def _require_independent(constraints: Constraints) -> None:
    """Refuse a constraint that the ones before it imply or contradict."""
    for m in range(1, len(constraints.matrix)):
        R = constraints.matrix[: m + 1]
        if np.linalg.matrix_rank(R) <= m:
            joint = np.column_stack([R, constraints.values[: m + 1]])
            fault = "contradicts" if np.linalg.matrix_rank(joint) > m else "follows from"
            raise SpecificationError(
                f"The constraint {constraints.labels[m]!r} {fault} those before it; leave it out."
            )
