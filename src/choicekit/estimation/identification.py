"""What the data cannot tell: checked before anything is fitted.

Axes: C cases, J alternatives, L rows, K coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.exceptions import IdentificationError
from choicekit.numerics.logit import logit_evaluate

__all__ = ["NullDirection", "null_directions", "require_identified", "separated_directions"]

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
    hessian: Float, information: Float, names: Sequence[str]
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
    """
    from scipy.linalg import eigh

    if len(hessian) == 0:
        return []
    scale = 1.0 / np.sqrt(np.diag(information))
    grid = np.outer(scale, scale)
    shares, vectors = eigh(-hessian * grid, information * grid)
    found = []
    for vector in vectors[:, shares < SEPARATED].T:
        member = np.abs(vector) > 1e-3 * np.abs(vector).max()
        loads = (vector * scale)[member]
        loads = loads / loads[np.argmax(np.abs(loads))]
        kept = tuple(names[int(k)] for k in np.flatnonzero(member))
        found.append(NullDirection(kept, tuple(float(load) for load in loads)))
    return found


def require_identified(
    x: Float,
    layout: Layout,
    names: Sequence[str],
    constants: Sequence[str],
    alternatives: Sequence[Hashable],
) -> Float:
    """Raise unless the utility's coefficients can be told apart, whatever the error law.

    The negative Hessian of a logit with all coefficients at zero is the within-case covariance of
    the regressors summed over cases: a coefficient, or a combination of several, is identified
    exactly if that matrix is not singular along it (McFadden 1974, condition for uniqueness).

    Parameters
    ----------
    x
        Regressors (L, K), contiguous by column.
    layout
        Choice sets and choices.
    names, constants
        Names of all coefficients and of the alternative-specific constants among them.
    alternatives
        J labels.

    Returns
    -------
    ndarray
        That matrix, (K, K).

    Raises
    ------
    IdentificationError
        Naming the coefficients involved, with the cure.
    """
    problems: list[str] = []
    evaluation = logit_evaluate(
        np.ascontiguousarray(x.T),
        layout.case_ptr,
        layout.chosen,
        layout.weights,
        np.zeros(x.shape[1]),
    )
    for direction in null_directions(-evaluation.hessian, names):
        if len(direction.names) == 1:
            problems.append(
                f"{direction.names[0]!r} never varies between the alternatives of a case, so the "
                "choices say nothing about it. Cure: leave it out, or let it differ by alternative."
            )
        else:
            problems.append(
                f"the combination {direction} never changes a choice probability, so these "
                "coefficients cannot be told apart. Cure: leave one of them out."
            )
    problems += _never_chosen(layout, constants, alternatives)
    if problems:
        raise IdentificationError(
            "The model is not identified:\n" + "\n".join(f"  - {text}" for text in problems)
        )
    return -evaluation.hessian


def _never_chosen(
    layout: Layout, constants: Sequence[str], alternatives: Sequence[Hashable]
) -> list[str]:
    """A constant of an alternative that nobody, or everybody who can, chose runs to infinity."""
    offered = np.bincount(layout.alt, minlength=layout.n_alternatives)
    taken = np.bincount(layout.chosen_alt, minlength=layout.n_alternatives)
    texts = []
    for j, label in enumerate(alternatives):
        if offered[j] and f"asc[{label}]" in constants:
            if taken[j] == 0:
                texts.append(
                    f"{label!r} is never chosen, so its constant asc[{label}] runs to minus "
                    f"infinity. Cure: leave {label!r} out of the data, or merge it with another."
                )
            elif taken[j] == offered[j]:
                texts.append(
                    f"{label!r} is chosen whenever it is available, so its constant asc[{label}] "
                    "runs to infinity. Cure: drop the constants (| 0) or merge alternatives."
                )
    # With constants for the others, a base that nobody chooses sends all of them to infinity.
    if constants:
        named = {f"asc[{label}]" for label in alternatives} & set(constants)
        for j, label in enumerate(alternatives):
            rest = len(named) == len(alternatives) - 1 and f"asc[{label}]" not in named
            if rest and offered[j] and taken[j] == 0:
                texts.append(
                    f"the base {label!r} is never chosen, so all constants run to infinity. "
                    f"Cure: leave {label!r} out of the data, or merge it with another."
                )
    return texts
