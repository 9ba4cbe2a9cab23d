"""The one place where utility and errors meet: log-likelihood, gradient, scores, Hessian.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients of the
utility, Q parameters of the errors, P = K + Q.

The general path goes through the contract: utilities of the rows are scattered to (C, J), the
error law returns log-probabilities and their derivatives by V and by its own parameters, and
these are pulled back to the coefficients here. The conditional logit also has a fused kernel
over the rows, with the exact Hessian; a test holds both paths equal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.errors.base import BoundErrors, LogProb
from choicekit.errors.gumbel import BoundGumbel
from choicekit.utility.linear import pullback, pullback_sum

__all__ = ["Likelihood"]

Float = NDArray[np.float64]

# Relative to the curvature's own scale (a standard error), where gradients are differenced.
HESSIAN_STEP = 1e-3


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
    """

    x: Float
    layout: Layout
    errors: BoundErrors
    keys: NDArray[np.uint64]

    @property
    def n_coefficients(self) -> int:
        """K."""
        return int(self.x.shape[1])

    @property
    def fused(self) -> bool:
        """Whether the row kernel of the conditional logit serves."""
        return isinstance(self.errors, BoundGumbel)

    @cached_property
    def _available(self) -> NDArray[np.bool_]:
        return self.layout.available

    @cached_property
    def _chosen(self) -> NDArray[np.int32]:
        return np.ascontiguousarray(self.layout.chosen_alt)

    def utilities(self, params: Float) -> Float:
        """Utilities (C, J); 0 where not available."""
        v: Float = self.x @ params[: self.n_coefficients]
        return self.layout.scatter(v, 0.0)

    def settle(self, params: Float, seed: int) -> Likelihood:
        """Fix draws and orders of integration at these parameters."""
        v, theta = self.utilities(params), params[self.n_coefficients :]
        errors = self.errors.settle(v, self._available, self._chosen, self.keys, theta, seed)
        return replace(self, errors=errors)

    def cases(self, params: Float, gradient: bool = True) -> LogProb:
        """Log-probability of each case's choice by the error law, unweighted; see `LogProb`."""
        theta = params[self.n_coefficients :]
        return self.errors.log_prob(
            self.utilities(params), self._available, self._chosen, theta, gradient
        )

    def logp(self, params: Float) -> Float:
        """Log-probability of each case's choice, (C,), unweighted."""
        if isinstance(self.errors, BoundGumbel):
            from choicekit.numerics.logit import row_log_probabilities

            v = self.x @ params
            logs = row_log_probabilities(v, self.layout.case_ptr, self.errors.scale)
            chosen: Float = logs[self.layout.chosen]
            return chosen
        return self.cases(params, gradient=False).logp

    def value(self, params: Float) -> float:
        """Weighted log-likelihood."""
        logp = self.logp(params)
        weights = self.layout.weights
        return float(logp.sum() if weights is None else weights @ logp)

    def value_and_gradient(self, params: Float) -> tuple[float, Float]:
        """Weighted log-likelihood and its gradient (P,)."""
        if self.fused:
            evaluation = self.logit(params, with_hessian=False)
            return evaluation.value, evaluation.gradient
        part, weights = self.cases(params), self.layout.weights
        dv, dtheta = part.dv, part.dtheta
        if weights is None:
            total, by_theta = float(part.logp.sum()), dtheta.sum(axis=0)
        else:
            total, by_theta = float(weights @ part.logp), weights @ dtheta
            dv = dv * weights[:, None]
        by_beta = pullback_sum(self.x, self.layout.gather(dv))
        return total, np.concatenate([by_beta, by_theta])

    def scores(self, params: Float) -> Float:
        """Derivative of each case's unweighted log-probability, (C, P)."""
        part = self.cases(params)
        by_beta = pullback(self.x, self.layout.case_ptr, self.layout.gather(part.dv))
        return np.hstack([by_beta, part.dtheta])

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
        symmetric: Float = 0.5 * (out + out.T)
        return symmetric
