"""What a change is worth to people: expected utility, and its value in money.

Axes: C cases, J alternatives, S nodes of the tastes, K coefficients, Q parameters of the errors,
P parameters.

Without income effects, and with alpha the marginal utility of income (minus that of the price),
the compensating variation of a change is the change of the expected maximum of utility over alpha
(Small & Rosen 1981; McFadden 1981). Where tastes are random the ratio is inside the expectation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, unknown
from choicekit.likelihood.absorbed import AbsorbedLikelihood
from choicekit.likelihood.latent import LatentClassLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.post.base import weights_of
from choicekit.post.delta import interval_columns, require_alpha, standard_errors
from choicekit.post.expected_utility import Errors, expected_gain, expected_maximum
from choicekit.post.income import Income, income_slopes
from choicekit.post.ratios import differenced
from choicekit.post.scenario import Worlds

__all__ = ["consumer_surplus", "logsum"]

Float = NDArray[np.float64]

STEP = 0.02  # of a standard error, for derivatives
BY = ("mean", "case")


class Found(NamedTuple):
    """Values of the cases, (C,), and their derivatives by the parameters, (C, P)."""

    values: Float
    jacobian: Float


def logsum(fit: Any, data: Any, alpha: float) -> pd.DataFrame:
    """Expected utility of the best alternative, by case; see ``FitResults.logsum``."""
    require_alpha(alpha)
    _require_utilities(fit, data)
    likelihood = fit.likelihood_of(data)
    found, jacobian = _maxima(fit, likelihood, None)
    errors = standard_errors(jacobian, fit.cov.to_numpy(dtype=np.float64), found)
    index = pd.Index(data.case_ids, name="case")
    return pd.DataFrame(interval_columns(found, errors, alpha), index=index)


def consumer_surplus(fit: Any, worlds: Worlds, price: str, alpha: float, by: str) -> pd.DataFrame:
    """Compensating variation of a change; see ``FitResults.consumer_surplus``."""
    require_alpha(alpha)
    if by not in BY:
        raise unknown("by", by, BY)
    _require_utilities(fit, worlds.data)
    income = income_slopes(fit, worlds.data, price)
    before, after = worlds.before, _like(worlds.after, worlds.before)
    found, jacobian = _surplus(fit, before, after, income, worlds.same_sets)
    index: pd.Index[Any] = pd.Index(worlds.data.case_ids, name="case")
    if by == "mean":
        weights = weights_of(worlds.data.layout)
        both = np.stack([weights / weights.sum(), weights])
        found, jacobian = both @ found, both @ jacobian
        index = pd.Index(["mean", "total"], name="over cases")
    errors = standard_errors(jacobian, fit.cov.to_numpy(dtype=np.float64), found)
    return pd.DataFrame(interval_columns(found, errors, alpha), index=index)


def _require_utilities(fit: Any, data: Any) -> None:
    """Refuse models in which alternatives have no utilities of their own."""
    if fit.model.bound.index:
        raise SpecificationError(
            "An ordered model has one index a case and no utility of each category, so there is "
            "no expected maximum of them."
        )
    if data.worst is not None and data.worst.any():
        raise SpecificationError(
            "In these data some cases name the worst alternative: the expected utility of the "
            "best is not what they chose by. Cure: df= of the choices of the best."
        )


def _like(after: Any, before: Any) -> Any:
    """The second likelihood with the nodes of the first, so that their noise cancels."""
    if not isinstance(before, MixedLikelihood):
        return after
    mixing = replace(after.mixing, given=before.mixing.given, n_nodes=before.mixing.n_nodes)
    return replace(after, mixing=mixing, seed=before.seed)


def _has_nodes(likelihood: Any) -> bool:
    return isinstance(likelihood, MixedLikelihood | LatentClassLikelihood)


def _maxima(fit: Any, likelihood: Any, income: Income | None) -> Found:
    """Expected maxima of utility, over alpha where that is given."""
    if _has_nodes(likelihood):
        return _with_slopes(fit, lambda p: _maxima_at_nodes(likelihood, p, income))
    params, v = fit._values, likelihood.utilities(fit._values)
    errors = _errors(likelihood, params)
    found = expected_maximum(errors, v, gradient=True)
    rows = likelihood.layout.gather(errors.probabilities(v))
    by_beta = likelihood.pullback(params[: likelihood.n_coefficients], rows)

    def again(at: Float) -> Float:
        return expected_maximum(_errors(likelihood, at), likelihood.utilities(at)).value

    by_phi = _by_tastes(fit, likelihood, again)
    return _over_income(
        Found(found.value, np.hstack([by_beta, found.by_theta, by_phi])), fit, income
    )


def _surplus(fit: Any, before: Any, after: Any, income: Income, same_sets: bool) -> Found:
    """Compensating variation of each case."""
    if _has_nodes(before):
        return _with_slopes(fit, lambda p: _surplus_at_nodes(before, after, p, income, same_sets))
    if not same_sets or not _same_tastes(before, after):
        one, two = _maxima(fit, before, income), _maxima(fit, after, income)
        return Found(two.values - one.values, two.jacobian - one.jacobian)
    params = fit._values
    errors, beta = _errors(before, params), params[: before.n_coefficients]
    found = expected_gain(errors, before.utilities(params), after.utilities(params), gradient=True)
    by_beta = np.zeros((len(found.value), len(beta)))
    for sign, likelihood in ((-1.0, before), (1.0, after)):
        p = errors.probabilities(likelihood.utilities(params))
        by_beta += sign * likelihood.pullback(beta, likelihood.layout.gather(p))

    def again(at: Float) -> Float:
        v, w = before.utilities(at), after.utilities(at)
        return expected_gain(_errors(before, at), v, w).value

    by_phi = _by_tastes(fit, before, again)
    return _over_income(
        Found(found.value, np.hstack([by_beta, found.by_theta, by_phi])), fit, income
    )


# -- one node -------------------------------------------------------------------------------------


def _errors(likelihood: Any, params: Float) -> Errors:
    """The law of the cases' errors; normal tastes under normal errors add to their covariance."""
    extra = None
    if isinstance(likelihood, AbsorbedLikelihood):
        extra = likelihood.added_covariance(params)
    theta, available = likelihood.split(params)[1], likelihood.layout.available
    return Errors(likelihood.errors, theta, available, likelihood.keys, extra)


def _by_tastes(fit: Any, likelihood: Any, values: Callable[[Float], Float]) -> Float:
    """Derivatives by the parameters of the mixing, by differences, (C, M)."""
    first = len(fit._values) - len(likelihood.split(fit._values)[2])
    step = _steps(fit)
    step[:first] = 0.0
    if not step.any():
        return np.zeros((likelihood.layout.n_cases, len(step) - first))
    return differenced(values, fit._values, step)[:, first:]


def _over_income(found: Found, fit: Any, income: Income | None) -> Found:
    """Utility turned into money by the quotient rule."""
    if income is None:
        return found
    k = len(fit.model.design.names)
    alpha, slopes = income.of_cases(fit._values[:k])
    jacobian = found.jacobian / alpha[:, None]
    jacobian[:, :k] -= (found.values / alpha**2)[:, None] * slopes
    return Found(found.values / alpha, jacobian)


def _same_tastes(before: Any, after: Any) -> bool:
    """Whether nothing that has a random coefficient changes, so that the covariance stays."""
    columns = before.random_columns
    return bool(np.array_equal(before.x[:, columns], after.x[:, columns]))


# -- nodes ----------------------------------------------------------------------------------------


def _with_slopes(fit: Any, values: Callable[[Float], Float]) -> Found:
    """A function of the parameters and its derivatives by central differences."""
    return Found(values(fit._values), differenced(values, fit._values, _steps(fit)))


def _steps(fit: Any) -> Float:
    variance = np.nan_to_num(np.diag(fit.cov.to_numpy(dtype=np.float64)))
    steps: Float = STEP * np.sqrt(np.maximum(variance, 0.0))
    return steps


def _repeated(likelihood: Any, block: NodeUtilities) -> Errors:
    """The law of the errors of cases repeated at nodes."""
    repeated = np.repeat(block.cases, block.v.shape[1])
    available = likelihood.layout.available[repeated]
    return Errors(block.errors, block.theta, available, likelihood.keys[repeated])


def _maxima_at_nodes(
    likelihood: Any, params: Float, income: Income | None, width: int = 0
) -> Float:
    """Mean over the nodes of the expected maximum, over alpha where that is given, (C,)."""
    out = np.zeros(likelihood.layout.n_cases)
    for block in likelihood.node_utilities(params, width):
        n_cases, n_nodes, size = block.v.shape
        errors = _repeated(likelihood, block)
        top = expected_maximum(errors, block.v.reshape(-1, size)).value.reshape(n_cases, n_nodes)
        if income is not None:
            top = top / income.at_nodes(block)
        out[block.cases] += (top * block.weight).sum(axis=1)
    return out


def _surplus_at_nodes(
    before: Any, after: Any, params: Float, income: Income, same_sets: bool
) -> Float:
    """Mean over the nodes of the gain over alpha, (C,)."""
    if not same_sets:
        width = max(one.layout.n_alternatives for one in (before, after))
        first, second = (_maxima_at_nodes(one, params, income, width) for one in (before, after))
        gained: Float = second - first
        return gained
    out = np.zeros(before.layout.n_cases)
    for one, two in zip(before.node_utilities(params), after.node_utilities(params), strict=True):
        n_cases, n_nodes, size = one.v.shape
        errors = _repeated(before, one)
        gain = expected_gain(errors, one.v.reshape(-1, size), two.v.reshape(-1, size)).value
        ratio = gain.reshape(n_cases, n_nodes) / income.at_nodes(one)
        out[one.cases] += (ratio * one.weight).sum(axis=1)
    return out
