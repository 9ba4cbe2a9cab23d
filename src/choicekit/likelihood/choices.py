"""Choice probabilities of all alternatives as smooth functions of the parameters.

The log-probability that a case chooses j is the log-likelihood of that case, standing alone, had
it chosen j. So there is one likelihood for each j, over the cases where j is available, with each
case a unit of its own: the nodes, covariates and class membership of its person are kept, weights
and the other cases of the person are not. Its scores are the derivatives of log P_j, analytic for
every error law and mixing. Draws and orders of integration are fixed once, so differences are
smooth.

Use: ``ChoiceProbabilities.of(likelihood, params)``, then

``values(params)``      P (C, J)
``jacobian(params)``    P and dP / d params (C, J, P)
``by_utility(params)``  dP_j / dV_k (C, J, J): V_k of all nodes or classes shifted by the same
``curvature(params)``   and how these bend, where coefficients are the same for everybody
``at(likelihood)``      the same cases, draws and orders with other attributes
``without(j)``          the same cases where nobody can choose j
``take(cases)``         some of the cases
``pieces()``            all cases in pieces whose Jacobians fit into memory

Axes: C cases, J alternatives, L rows, K coefficients, P parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.curvature import Curvature, curvature, normalised
from choicekit.likelihood.plain import Likelihood

__all__ = ["ChoiceProbabilities"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

PIECE_NODES = 10_000_000  # case x node x random coefficient x alternative: 80 MB
PIECE_CELLS = 300_000  # case x alternative x parameter at a time: 2.4 MB an array, in cache


@dataclass(frozen=True, eq=False)
class ChoiceProbabilities:
    """Probabilities of all alternatives; see the top of this file.

    Attributes
    ----------
    likelihood
        The likelihood of the observed choices, which has the cases and their attributes.
    settled_at
        Parameters (P,) at which orders of integration are fixed.
    seed
        Of the draws.
    settled_by
        Whose orders are used, where the attributes have changed since.
    """

    likelihood: Likelihood
    settled_at: Float
    seed: int
    settled_by: ChoiceProbabilities | None = None

    @classmethod
    def of(cls, likelihood: Likelihood, params: Float, seed: int | None = None) -> Self:
        """Probabilities of the cases of a likelihood.

        Parameters
        ----------
        likelihood
            Settled or not, on the data of the fit or on others.
        params
            Where orders of integration are fixed: the estimates, (P,).
        seed
            Of the draws; by default those that ``likelihood.probabilities`` takes.
        """
        if seed is None:
            own: int = getattr(likelihood.errors, "seed", 0)
            seed = own if likelihood.plan is None else likelihood.plan.seed
        return cls(likelihood, np.asarray(params, dtype=np.float64), seed)

    @property
    def shape(self) -> tuple[int, int]:
        """C, J."""
        return self.likelihood.layout.n_cases, self.likelihood.layout.n_alternatives

    def take(self, cases: Int) -> Self:
        """Some of the cases, by position, ascending."""
        by = None if self.settled_by is None else self.settled_by.take(cases)
        return replace(self, likelihood=self.likelihood.take(cases), settled_by=by)

    def pieces(self, width: int = 0) -> Iterator[tuple[Int, Self]]:
        """Positions of some cases and their probabilities, until all have been met.

        A person's cases may come in several pieces. ``width`` is how many numbers a case will
        take, where that is more than its Jacobian.
        """
        n_cases, n_alternatives = self.shape
        width = max(width, n_alternatives * max(1, len(self.settled_at)))
        most = max(1, PIECE_CELLS // width)
        nodes = n_alternatives * self.likelihood.nodes_per_case
        if nodes:
            most = max(1, min(most, PIECE_NODES // nodes))
        if n_cases <= most:
            yield np.arange(n_cases), self
            return
        for start in range(0, n_cases, most):
            cases = np.arange(start, min(n_cases, start + most))
            yield cases, self.take(cases)

    def without(self, alternative: int) -> Self:
        """The same cases and seed where nobody can choose an alternative, by its code."""
        return replace(self, likelihood=self.likelihood.without(alternative), settled_by=None)

    def at(self, likelihood: Likelihood) -> Self:
        """The same cases, draws and orders, with the attributes of another likelihood.

        Regressors, expressions of a `Nonlinear`, covariates of people: whatever has changed. The
        cases and choice sets must be the same, in the same order.
        """
        return replace(self, likelihood=likelihood, settled_by=self.settled_by or self)

    # -- evaluation ---------------------------------------------------------------------------

    @cached_property
    def _cases(self) -> tuple[Int, ...]:
        """Cases where each of the J alternatives is available."""
        return tuple(np.flatnonzero(column) for column in self.likelihood.layout.available.T)

    @cached_property
    def _alone(self) -> tuple[Likelihood | None, ...]:
        """For each alternative, the likelihood of its being chosen, where it is available."""
        found: list[Likelihood | None] = []
        by = (None,) * self.shape[1] if self.settled_by is None else self.settled_by._alone
        for j, (cases, settled) in enumerate(zip(self._cases, by, strict=True)):
            if len(cases) == 0:
                found.append(None)
                continue
            own = self.likelihood.alone(cases, j)
            if settled is None:
                own = own.settle(self.settled_at, self.seed)
            else:
                own = own.settled_like(settled)
            found.append(own)
        return tuple(found)

    def values(self, params: Float) -> Float:
        """Choice probabilities, (C, J); 0 where not available."""
        if self._logit:
            return self.likelihood.probabilities(params)
        out = np.zeros(self.shape)
        for j, (cases, own) in enumerate(zip(self._cases, self._alone, strict=True)):
            if own is not None:
                out[cases, j] = np.exp(own.logp(params))
        found: Float = out / out.sum(axis=1, keepdims=True)
        return found

    def jacobian(self, params: Float) -> tuple[Float, Float]:
        """Choice probabilities, (C, J), and their derivatives by the parameters, (C, J, P)."""
        if self._logit:
            return _logit_jacobian(self.likelihood, params)
        p, slopes = np.zeros(self.shape), np.zeros((*self.shape, len(params)))
        for j, (cases, own) in enumerate(zip(self._cases, self._alone, strict=True)):
            if own is not None:
                logp, scores = own.logp_and_scores(params)
                p[cases, j] = np.exp(logp)
                slopes[cases, j] = p[cases, j][:, None] * scores
        return normalised(p, slopes)

    def by_utility(self, params: Float) -> Float:
        """Derivatives of P_j by a shift of V_k, the same at all nodes or classes, (C, J, J)."""
        p, slopes = np.zeros(self.shape), np.zeros((*self.shape, self.shape[1]))
        for j, (cases, own) in enumerate(zip(self._cases, self._alone, strict=True)):
            if own is not None:
                logp, by_v = own.logp_and_shifts(params)
                p[cases, j] = np.exp(logp)
                slopes[cases, j] = p[cases, j][:, None] * by_v
        return normalised(p, slopes)[1]

    def by_utility_and_theta(self, params: Float, shift: Float) -> tuple[Float, Float]:
        """P (C, J) and derivatives by utilities and errors' parameters, (C, J, J + Q).

        With utilities shifted by ``shift``, (J,). For coefficients that are the same for everybody.
        """
        theta = self.likelihood.split(params)[1]
        p, slopes = np.zeros(self.shape), np.zeros((*self.shape, self.shape[1] + len(theta)))
        for j, (cases, own) in enumerate(zip(self._cases, self._alone, strict=True)):
            if own is not None:
                part = own.cases_at(own.utilities(params) + shift, theta)
                p[cases, j] = np.exp(part.logp)
                by = np.hstack([part.dv, part.dtheta])
                slopes[cases, j] = p[cases, j][:, None] * by
        return normalised(p, slopes)

    def curvature(self, params: Float) -> Curvature:
        """First and second derivatives by the utilities; see `choicekit.likelihood.curvature`."""
        return curvature(self, params)

    @property
    def _logit(self) -> bool:
        """Whether the closed form of the conditional logit serves."""
        return self.likelihood.fused


def _logit_jacobian(likelihood: Likelihood, params: Float) -> tuple[Float, Float]:
    """``P_j (x_j - sum_k P_k x_k) / scale``, the case of a conditional logit."""
    layout, errors = likelihood.layout, likelihood.errors
    assert isinstance(errors, BoundGumbel)
    p = likelihood.probabilities(params)
    flat = layout.gather(p)
    slopes = np.zeros((*p.shape, len(params)))
    starts = layout.case_ptr[:-1]
    for k in range(len(params)):
        x = likelihood.x[:, k]
        mean = np.add.reduceat(flat * x, starts)
        slopes[:, :, k] = layout.scatter(flat * (x - mean[layout.case]) / errors.scale, 0.0)
    return p, slopes
