"""Normal coefficients under normal errors: they add to the covariance, nothing more is drawn.

With ``b_c = b + G z_c`` the random part of the utilities, ``X_c G z_c``, is normal: the errors of
case c have the covariance ``omega + X_c G G' X_c'`` (Hausman & Wise 1978, section 2).

Axes: C cases, J alternatives, H random coefficients, M parameters of their spread.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb
from choicekit.errors.normal import BoundNormal
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.likelihood.plain import Likelihood, Parts
from choicekit.mixing.bound import BoundRandom

__all__ = ["AbsorbedLikelihood"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AbsorbedLikelihood(Likelihood):
    """Log-likelihood with normal coefficients, independent over cases, and normal errors.

    Attributes
    ----------
    mixing
        The random coefficients.
    """

    mixing: BoundRandom

    @property
    def through_utilities(self) -> bool:
        """Not alone: coefficients differ between people."""
        return False

    @property
    def random_columns(self) -> NDArray[np.intp]:
        """Positions of the random coefficients, (H,)."""
        return self.mixing.columns

    def _signs(self, phi: Float) -> Float:
        return self.mixing.signs(phi)

    @cached_property
    def _covariates(self) -> Float:
        """Covariates of the random coefficients, (C, J, H); 0 where not available."""
        rows = self.mixing.rows(self.x, self.layout.alt)
        return np.stack([self.layout.scatter(column, 0.0) for column in rows.T], axis=2)

    def added_covariance(self, params: Float) -> Float:
        """What the random coefficients add to the covariance of each case, (C, J, J)."""
        factor = self._covariates @ self.mixing.spread(self.split(params)[2])
        extra: Float = factor @ factor.transpose(0, 2, 1)
        return extra

    def node_utilities(self, params: Float, width: int = 0) -> Iterator[NodeUtilities]:
        """Refuse: the tastes are in the covariance, there are no nodes."""
        raise NotImplementedError("normal coefficients under normal errors have no nodes")

    @property
    def _normal(self) -> BoundNormal:
        assert isinstance(self.errors, BoundNormal)
        return self.errors

    def settle(self, params: Float, seed: int) -> Self:
        """Fix draws and orders of integration at these parameters."""
        v, theta = self.utilities(params), self.split(params)[1]
        errors = self._normal.settle(
            v, self._available, self._chosen, self.keys, theta, seed, self.added_covariance(params)
        )
        return replace(self, errors=errors, settled_at=params)

    def cases(self, params: Float, gradient: bool = True) -> LogProb:
        """Log-probability of each case's choice, the random coefficients integrated out."""
        v, theta = self.utilities(params), self.split(params)[1]
        return self._normal.log_prob(
            v, self._available, self._chosen, theta, gradient, self.added_covariance(params)
        )

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Log-probabilities of the cases and, with ``gradient``, their derivatives."""
        part = self.cases(params, gradient)
        if not gradient:
            return Parts(part.logp, part.dv, part.dtheta, np.empty((0, len(self.mixing.names))))
        assert part.dextra is not None
        rows, columns = np.tril_indices(part.dv.shape[1])
        slope = np.zeros((len(part.logp), part.dv.shape[1], part.dv.shape[1]))
        # An off-diagonal element stands for both its places: half for each.
        half = np.where(rows == columns, 1.0, 0.5) * part.dextra
        slope[:, rows, columns] = half
        slope[:, columns, rows] = half
        # d(X G G' X') = X dG (X G)' + its transpose, so the derivative by G is 2 X' slope X G.
        x = self._covariates
        spread = self.mixing.spread(self.split(params)[2])
        by_spread = 2.0 * x.transpose(0, 2, 1) @ (slope @ (x @ spread))
        gathered = self.layout.gather(part.dv)
        return Parts(part.logp, gathered, part.dtheta, self.mixing.pull_spread(by_spread))

    def probabilities(self, params: Float, tol: float | None = None) -> Float:
        """Choice probabilities of the cases, (C, J); 0 where not available."""
        v, theta = self.utilities(params), self.split(params)[1]
        return self._normal.probabilities(
            v, self._available, theta, self.keys, self.added_covariance(params), tol
        )
