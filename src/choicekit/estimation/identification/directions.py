"""Directions in the space of parameters along which nothing changes, by name.

Axes: K coefficients, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SEPARATED", "SINGULAR", "NullDirection", "null_directions", "separated_directions"]

Float = NDArray[np.float64]

# On the correlation scale. The within-case cross-product matrix squares the condition number of
# the regressors, so this stands for a relative dependence of about 1e-5.
SINGULAR = 1e-10
SEPARATED = 1e-7  # share of the curvature at zero; ordinary models keep over a thousandth


@dataclass(frozen=True)
class NullDirection:
    """A combination of coefficients along which nothing changes.

    Attributes
    ----------
    names
        Names of the coefficients that take part.
    loadings
        Their shares, scaled to a largest one of 1.
    """

    names: tuple[str, ...]
    loadings: tuple[float, ...]

    def __str__(self) -> str:
        """The combination as text."""
        if len(self.names) == 1:
            return self.names[0]
        return self._combination(len(self.names))

    def brief(self, most: int = 4) -> str:
        """The combination with its ``most`` largest shares."""
        return self._combination(most) if len(self.names) > 1 else self.names[0]

    def _combination(self, most: int) -> str:
        shares = sorted(zip(self.loadings, self.names, strict=True), key=lambda s: -abs(s[0]))
        terms = [f"{'-' if load < 0 else '+'} {abs(load):.3g} {name}" for load, name in shares]
        more = " + ..." if len(terms) > most else ""
        return " ".join(terms[:most]).removeprefix("+ ") + more


def null_directions(
    information: Float, names: Sequence[str], threshold: float = SINGULAR
) -> list[NullDirection]:
    """Directions in which an information matrix (P, P) is (nearly) zero, by parameter name."""
    diagonal = np.diag(information)
    dead = ~(diagonal > 0.0)
    found = [NullDirection((names[int(p)],), (1.0,)) for p in np.flatnonzero(dead)]
    alive = np.flatnonzero(~dead)
    if len(alive) == 0:
        return found
    scale = 1.0 / np.sqrt(diagonal[alive])
    correlation = information[np.ix_(alive, alive)] * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(correlation)
    null = vectors[:, values < threshold * values[-1]]
    if null.shape[1] == 0:
        return found
    # A basis with as few coefficients as possible in each: reduced echelon form, by pivoting.
    basis = null.T.copy()
    for row in range(len(basis)):
        pivot = int(np.argmax(np.abs(basis[row])))
        basis[row] /= basis[row, pivot]
        for other in range(len(basis)):
            if other != row:
                basis[other] -= basis[other, pivot] * basis[row]
    for vector in basis:
        # Loadings first on the correlation scale, to see who takes part, then in the units of x.
        member = np.abs(vector) > 1e-4 * np.abs(vector).max()
        loads = (vector * scale)[member]
        loads = loads / loads[np.argmax(np.abs(loads))]
        kept = tuple(names[p] for p in alive[member])
        found.append(NullDirection(kept, tuple(float(load) for load in loads)))
    return found


def separated_directions(
    hessian: Float, information: Float, names: Sequence[str], threshold: float = SEPARATED
) -> list[NullDirection]:
    """Directions in which the estimates have run to where the choices are certain.

    Where a combination of covariates separates the choices, wholly or in part, the likelihood
    rises for ever along it and its curvature dies away (Albert & Anderson 1984). An optimiser then
    stops by its own tolerance at some large value; the curvature there, as a share of that at
    zero coefficients, gives it away.

    Parameters
    ----------
    hessian
        At the estimates, over the utility's coefficients, (K, K).
    information
        Negative Hessian of the logit with zero coefficients, (K, K), positive definite.
    names
        K names.
    threshold
        Share of the curvature at zero that counts as none.
    """
    from scipy.linalg import eigh

    if len(hessian) == 0:
        return []
    scale = 1.0 / np.sqrt(np.diag(information))
    grid = np.outer(scale, scale)
    shares, vectors = eigh(-hessian * grid, information * grid)
    found = []
    for vector in vectors[:, shares < threshold].T:
        member = np.abs(vector) > 1e-3 * np.abs(vector).max()
        loads = (vector * scale)[member]
        loads = loads / loads[np.argmax(np.abs(loads))]
        kept = tuple(names[int(k)] for k in np.flatnonzero(member))
        found.append(NullDirection(kept, tuple(float(load) for load in loads)))
    return found
