"""Log-likelihood, gradient, scores and Hessian of a utility with given errors, without mixing.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients of the
utility, Q parameters of the errors, M of the mixing, P = K + Q + M, U units: the independent
pieces of the likelihood, here the cases.

The general path goes through the contract: utilities of the rows are scattered to (C, J), the
error law returns log-probabilities and their derivatives by V and by its own parameters, and
these are pulled back to the coefficients here. The conditional logit also has a fused kernel
over the rows, with the exact Hessian; a test holds both paths equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.errors.base import BoundErrors, LogProb, SimulationPlan
from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.utility.linear import pullback, pullback_sum, value

__all__ = ["Likelihood", "Parts"]

Float = NDArray[np.float64]

# Relative to the curvature's own scale (a standard error), where gradients are differenced.
HESSIAN_STEP = 1e-3


@dataclass(frozen=True)
class Parts:
    """Log-probabilities of the units and their derivatives, unweighted.

    Attributes
    ----------
    logp
        (U,).
    rows
        Derivative with respect to the utilities of the rows, (L,).
    by_theta, by_phi
        Derivatives with respect to the parameters of the errors, (U, Q), and the mixing, (U, M).
    by_mean
        Derivative with respect to the means of the random coefficients, (U, H), where it does not
        follow from ``rows``; else None.
    """

    logp: Float
    rows: Float
    by_theta: Float
    by_phi: Float
    by_mean: Float | None = None


@dataclass(frozen=True, eq=False)
class Likelihood:
    """Log-likelihood of a linear utility with given errors on given data.

    Attributes
    ----------
    x
        Regressors (L, K), contiguous by column.
    layout
        Choice sets, choices, weights and people.
    errors
        The error law for these alternatives.
    keys
        Random keys of the cases, uint64 (C,).
    settled_at
        Parameters (P,) at which draws and orders were fixed; None where they were not.
    """

    x: Float
    layout: Layout
    errors: BoundErrors
    keys: NDArray[np.uint64]
    settled_at: Float | None = field(default=None, kw_only=True)

    # -- parameters ---------------------------------------------------------------------------

    @property
    def n_coefficients(self) -> int:
        """K."""
        return int(self.x.shape[1])

    @property
    def random_columns(self) -> NDArray[np.intp]:
        """Positions of the random coefficients, (H,)."""
        return np.empty(0, dtype=np.intp)

    @property
    def bent_columns(self) -> NDArray[np.intp]:
        """Positions of those that are in other units than coefficients: of a logarithm, say."""
        return np.empty(0, dtype=np.intp)

    def split(self, params: Float) -> tuple[Float, Float, Float]:
        """Coefficients (K,), parameters of the errors (Q,), parameters of the mixing (M,)."""
        k = self.n_coefficients
        q = k + len(self.errors.start)
        return params[:k], params[k:q], params[q:]

    def signs(self, params: Float) -> Float:
        """Signs (P,) that make standard deviations and diagonals of factors positive.

        The likelihood does not see them.
        """
        beta, theta, phi = self.split(params)
        return np.concatenate([np.ones(len(beta)), self.errors.signs(theta), self._signs(phi)])

    def _signs(self, phi: Float) -> Float:
        return np.ones(len(phi))

    def boundary(self, params: Float, slack: float = 1.0) -> str:
        """Say that parameters of the errors are at the edge of their range, or ``""``."""
        return self.errors.boundary(self.split(params)[1], slack)

    def barrier(self, params: Float) -> tuple[float, Float] | None:
        """What falls to minus infinity at the edge of the errors' range, with its slope (P,).

        None if there is no edge.
        """
        beta, theta, phi = self.split(params)
        found = self.errors.barrier(theta)
        if found is None:
            return None
        return found[0], np.concatenate([np.zeros(len(beta)), found[1], np.zeros(len(phi))])

    def remarks(self, params: Float) -> tuple[str, ...]:
        """What a reader of the errors' parameters should know, in sentences."""
        return self.errors.remarks(self.split(params)[1])

    def vanished(self, params: Float) -> tuple[str, str]:
        """What a search found to be nothing, and the cure; empty texts as a rule."""
        return "", ""

    def start_from(self, params: Float) -> Float:
        """Parameters to start from, (P,), where the coefficients of all people would be these."""
        return params

    # -- units --------------------------------------------------------------------------------

    @property
    def unit(self) -> NDArray[np.int64] | None:
        """Code of each case's unit, (C,); None where every case is its own."""
        return None

    @property
    def weights(self) -> Float | None:
        """Weights of the units, (U,)."""
        return self.layout.weights

    @property
    def fused(self) -> bool:
        """Whether the row kernel of the conditional logit serves."""
        return type(self) is Likelihood and isinstance(self.errors, BoundGumbel)

    @property
    def plan(self) -> SimulationPlan | None:
        """How the probabilities are integrated, once settled; None for a closed form."""
        return self.errors.plan

    @cached_property
    def _available(self) -> NDArray[np.bool_]:
        return self.layout.available

    @cached_property
    def _chosen(self) -> NDArray[np.int32]:
        return np.ascontiguousarray(self.layout.chosen_alt)

    def utilities(self, params: Float) -> Float:
        """Utilities (C, J) at the mean coefficients; 0 where not available."""
        return self.layout.scatter(self.row_utilities(params[: self.n_coefficients]), 0.0)

    def node_utilities(self, params: Float, width: int = 0) -> Iterator[NodeUtilities]:
        """Utilities at the nodes of the tastes, block by block; here one block and one node.

        Likelihoods of the same people have the same blocks if ``width``, the largest number of
        alternatives, is the same.
        """
        n_cases = self.layout.n_cases
        beta = params[: self.n_coefficients]
        yield NodeUtilities(
            np.arange(n_cases),
            self.utilities(params)[:, None, :],
            np.ones((1, 1)),
            beta[:, None],
            np.empty(0, dtype=np.intp),
            np.empty((n_cases, 0, 1)),
            self.errors,
            self.split(params)[1],
        )

    @property
    def linear(self) -> bool:
        """Whether utilities are ``X beta``."""
        return True

    @property
    def nodes_per_case(self) -> int:
        """How many base draws a case of its own would have."""
        return 0

    @property
    def through_utilities(self) -> bool:
        """Whether coefficients, and columns of an alternative, act through its utility alone."""
        return True

    def regressors(self, beta: Float) -> Float:
        """Derivatives of the rows' utilities by the coefficients, (L, K)."""
        return self.x

    def row_utilities(self, beta: Float) -> Float:
        """Utilities of the rows, (L,)."""
        return value(self.x, beta)

    def pullback(self, beta: Float, rows: Float) -> Float:
        """Derivatives (C, K) of each case by the coefficients, from those by utilities, (L,)."""
        return pullback(self.x, self.layout.case_ptr, rows)

    def pullback_sum(self, beta: Float, rows: Float) -> Float:
        """Their sum over cases, (K,)."""
        return pullback_sum(self.x, rows)

    def plain(self, errors: BoundErrors) -> Likelihood:
        """Other errors on the same data, no random coefficients, not settled."""
        return Likelihood(self.x, self.layout, errors, self.keys)

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        layout = self.layout
        x = np.asfortranarray(self.x[layout.rows(cases)])
        return replace(self, x=x, layout=layout.take(cases), keys=self.keys[cases])

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own without a weight, had they chosen one alternative.

        Not settled, with the points of predictions. The alternative, by its code, is available in
        all of the cases, which ascend.
        """
        layout, x = self.layout, self.x
        if len(cases) < layout.n_cases:
            x, layout = np.asfortranarray(x[layout.rows(cases)]), layout.take(cases)
        chosen = np.flatnonzero(layout.alt == alternative)
        layout = replace(layout, chosen=chosen, weights=None, person=None)
        errors = self.errors.predicting()
        return replace(self, x=x, layout=layout, keys=self.keys[cases], errors=errors)

    def mixed_with(self, other: Self, alternative: int) -> Self:
        """The same with the attributes of one alternative, by its code, taken from another."""
        x = self.x.copy(order="F")
        rows = self.layout.alt == alternative
        x[rows] = other.x[rows]
        return replace(self, x=x)

    def without(self, alternative: int) -> Self:
        """The same, not settled, where nobody can choose an alternative, by its code."""
        x = np.asfortranarray(self.x[self.layout.alt != alternative])
        return replace(self, x=x, layout=self.layout.without(alternative))

    def settled_like(self, other: Self) -> Self:
        """The same with the draws and orders of one that has the same cases and choices."""
        return replace(self, errors=other.errors)

    # -- draws --------------------------------------------------------------------------------

    def settle(self, params: Float, seed: int) -> Self:
        """Fix draws and orders of integration at these parameters."""
        v, theta = self.utilities(params), self.split(params)[1]
        errors = self.errors.settle(v, self._available, self._chosen, self.keys, theta, seed)
        return replace(self, errors=errors, settled_at=params)

    def reseeded(self, seed: int) -> Self:
        """The same, settled, with independent draws."""
        return replace(self, errors=self.errors.redrawn(seed))

    def predicting(self, seed: int) -> Self:
        """The same, not settled, whose predictions take the draws of a seed."""
        return replace(self, errors=self.errors.predicting(seed))

    def refined(self) -> Self:
        """The same, settled, with more points: twice the draws, twice the nodes a dimension."""
        return replace(self, errors=self.errors.redrawn(None))

    def approximated(self) -> Likelihood | None:
        """A cheap approximation of the settled likelihood, to start from; None if there is none."""
        errors = self.errors.approximated()
        return None if errors is None else replace(self, errors=errors)

    # -- evaluation ---------------------------------------------------------------------------

    def cases(self, params: Float, gradient: bool = True) -> LogProb:
        """Log-probability of each case's choice by the error law, unweighted; see `LogProb`."""
        return self.cases_at(self.utilities(params), self.split(params)[1], gradient)

    def cases_at(self, v: Float, theta: Float, gradient: bool = True) -> LogProb:
        """The same at given utilities (C, J) and parameters of the errors."""
        return self.errors.log_prob(v, self._available, self._chosen, theta, gradient)

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Log-probabilities of the units and, with ``gradient``, their derivatives."""
        part = self.cases(params, gradient)
        rows = self.layout.gather(part.dv) if gradient else part.dv
        return Parts(part.logp, rows, part.dtheta, np.empty((len(part.dtheta), 0)))

    def logp(self, params: Float) -> Float:
        """Log-probability of each unit's choices, (U,), unweighted."""
        if self.fused:
            from choicekit.numerics.logit import row_log_probabilities

            assert isinstance(self.errors, BoundGumbel)
            v = self.x @ params
            logs = row_log_probabilities(v, self.layout.case_ptr, self.errors.scale)
            chosen: Float = logs[self.layout.chosen]
            return chosen
        return self.parts(params, gradient=False).logp

    def value(self, params: Float) -> float:
        """Weighted log-likelihood."""
        logp, weights = self.logp(params), self.weights
        return float(logp.sum() if weights is None else weights @ logp)

    def value_and_gradient(self, params: Float) -> tuple[float, Float]:
        """Weighted log-likelihood and its gradient (P,)."""
        if self.fused:
            evaluation = self.logit(params, with_hessian=False)
            return evaluation.value, evaluation.gradient
        part, weights = self.parts(params), self.weights
        rows = part.rows
        if weights is not None:
            of_case = weights if self.unit is None else weights[self.unit]
            rows = rows * of_case[self.layout.case]
        by_beta = self.pullback_sum(params[: self.n_coefficients], rows)
        if part.by_mean is not None:
            by_beta[self.random_columns] = _total(part.by_mean, weights)
        by_theta, by_phi = (_total(by, weights) for by in (part.by_theta, part.by_phi))
        gradient = np.concatenate([by_beta, by_theta, by_phi])
        return float(_total(part.logp[:, None], weights)[0]), gradient

    def scores(self, params: Float) -> Float:
        """Derivative of each unit's unweighted log-probability, (U, P)."""
        return self.logp_and_scores(params)[1]

    def logp_and_scores(self, params: Float) -> tuple[Float, Float]:
        """Log-probability of each unit's choices (U,) and its derivative (U, P), unweighted."""
        part, unit = self.parts(params), self.unit
        by_beta = self.pullback(params[: self.n_coefficients], part.rows)
        if unit is not None:
            n_units = len(part.logp)
            by_beta = np.column_stack(
                [np.bincount(unit, weights=column, minlength=n_units) for column in by_beta.T]
            )
        if part.by_mean is not None:
            by_beta[:, self.random_columns] = part.by_mean
        return part.logp, np.hstack([by_beta, part.by_theta, part.by_phi])

    def logp_and_shifts(self, params: Float) -> tuple[Float, Float]:
        """Log-probability of each unit's choices (U,) and derivatives by utilities (C, J).

        A utility moves by the same at all nodes and in all classes.
        """
        part = self.parts(params)
        return part.logp, self.layout.scatter(part.rows, 0.0)

    def probabilities(self, params: Float, tol: float | None = None) -> Float:
        """Choice probabilities of the cases, (C, J); 0 where not available.

        ``tol`` is the largest estimated error of the integration by which any may be off.
        """
        theta = self.split(params)[1]
        return self.errors.probabilities(
            self.utilities(params), self._available, theta, self.keys, tol=tol
        )

    def logit(self, params: Float, with_hessian: bool) -> Any:
        """Value, gradient and exact Hessian by the fused kernel; conditional logit only."""
        from choicekit.numerics.logit import logit_evaluate

        layout, errors = self.layout, self.errors
        assert isinstance(errors, BoundGumbel)
        return logit_evaluate(
            np.ascontiguousarray(self.x.T),  # a view: x is contiguous by column
            layout.case_ptr,
            layout.chosen,
            layout.weights,
            np.ascontiguousarray(params),
            errors.scale,
            with_hessian,
        )

    def hessian_cost(self, n_free: int) -> int:
        """Evaluations of the gradient that a Hessian takes."""
        return 1 if self.fused else 2 * n_free

    def hessian(self, params: Float, scales: Float, free: NDArray[np.intp]) -> Float:
        """Hessian of the free parameters, (P_free, P_free).

        Exact for the conditional logit; else central differences of the analytic gradient, with
        draws and orders fixed and steps of ``HESSIAN_STEP`` times ``scales`` (P,), of the order of
        the standard errors.
        """
        if self.fused:
            exact: Float = self.logit(params, with_hessian=True).hessian[np.ix_(free, free)]
            return exact
        out = np.empty((len(free), len(free)))
        for column, p in enumerate(free):
            step = np.zeros(len(params))
            step[p] = HESSIAN_STEP * scales[p]
            up = self.value_and_gradient(params + step)[1]
            down = self.value_and_gradient(params - step)[1]
            out[:, column] = (up - down)[free] / (2.0 * step[p])
        # Beyond the range of the errors there are no slopes: a flat direction, which is reported.
        out = np.where(np.isfinite(out), out, 0.0)
        symmetric: Float = 0.5 * (out + out.T)
        return symmetric


def _total(by_unit: Float, weights: Float | None) -> Float:
    """Weighted sum over the units of what each has, (U, P), to (P,)."""
    if weights is None:
        total: Float = by_unit.sum(axis=0)
        return total
    return pullback_sum(by_unit, weights)
