"""How well the parameters could be told apart, read off the Hessian at the estimates.

Axes: K coefficients, P free parameters (the free ones of the K first, then those of the errors).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.identification.directions import NullDirection
from choicekit.estimation.identification.report import listed

__all__ = ["CONDITION", "FitDiagnostics", "FlatDirection", "condition_note", "fit_diagnostics"]

Float = NDArray[np.float64]

# Squares of the condition indices 30, from which on Belsley, Kuh & Welsch (1980, section 3.2) call
# a dependence strong, and 100. At 1e4 the standard error along the flattest direction is 100 times
# that along the steepest; the largest among the 21 reference fits that converge is 3e3.
STRONG, CONDITION = 900.0, 1e4
MOST_DIRECTIONS, MOST_PAIRS = 3, 5
MEMBER = 0.1  # share of the largest loading from which a parameter is named


@dataclass(frozen=True)
class FlatDirection:
    """A combination of parameters along which the log-likelihood is flat, or nearly so.

    Attributes
    ----------
    direction
        The parameters and their loadings, in their own units.
    condition
        Largest curvature over that along it, on the correlation scale; infinite where it is not
        concave.
    """

    direction: NullDirection
    condition: float


@dataclass(frozen=True, eq=False, repr=False)
class FitDiagnostics:
    """Conditioning of the Hessian at the estimates.

    The correlation scale divides each parameter by its standard error with all others known, so
    that units do not count.

    Attributes
    ----------
    names
        P free parameters.
    condition
        Condition number of the negative Hessian on the correlation scale; infinite if it is not
        positive definite, NaN if it is not finite.
    condition_coefficients, condition_errors
        The same of the blocks of the utility and of the errors; NaN for an empty block.
    directions
        The flattest directions: those whose condition exceeds `STRONG`, at least the flattest.
    inflation
        Standard error of each parameter over what it were if all others were known, (P,).
    correlations
        The pairs of estimates with the largest correlations.
    """

    names: tuple[str, ...]
    condition: float
    condition_coefficients: float
    condition_errors: float
    directions: tuple[FlatDirection, ...]
    inflation: Float
    correlations: tuple[tuple[str, str, float], ...]

    def __str__(self) -> str:
        """A report for the terminal."""
        if not self.names:
            return "Nothing was estimated."
        if np.isnan(self.condition):
            return "The Hessian at the estimates is not finite: see the convergence message."
        lines = [
            "Curvature of the log-likelihood at the estimates",
            f"  condition number (correlation scale)  {_number(self.condition)}{self._verdict()}",
        ]
        for label, value in (
            ("of the coefficients alone", self.condition_coefficients),
            ("of the errors' parameters alone", self.condition_errors),
        ):
            if not np.isnan(value):
                lines.append(f"    {label:<36}{_number(value)}")
        if self.directions:
            lines.append("  flattest directions, and how many times flatter than the steepest")
        for flat in self.directions:
            lines.append(f"    {_number(flat.condition):>8}  {flat.direction.brief()}")
        if np.isfinite(self.inflation).all() and len(self.names) > 1:
            lines.append("  standard errors most inflated by the other parameters being unknown")
            order = np.argsort(-self.inflation)[:MOST_PAIRS]
            lines += [f"    {self.inflation[p]:7.1f}x  {self.names[p]}" for p in order]
        if self.correlations:
            lines.append("  largest correlations of estimates")
            lines += [f"    {r:+8.3f}  {one}, {other}" for one, other, r in self.correlations]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _verdict(self) -> str:
        if np.isinf(self.condition):
            return "  NOT A MAXIMUM: flat, or not concave"
        if self.condition > CONDITION:
            return "  TOO LARGE: these data hardly tell the parameters below apart"
        if self.condition > STRONG:
            return "  large: some parameters are estimated imprecisely, together"
        return "  fine"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def fit_diagnostics(
    hessian: Float, names: Sequence[str], n_coefficients: int | None = None
) -> FitDiagnostics:
    """Measure how well a fit tells its parameters apart.

    Parameters
    ----------
    hessian
        Of the log-likelihood over the free parameters, (P, P).
    names
        P names.
    n_coefficients
        How many of them, the first, are coefficients of the utility; all by default.

    References
    ----------
    Belsley, Kuh & Welsch (1980), Regression Diagnostics, chapter 3.
    """
    k = len(names) if n_coefficients is None else n_coefficients
    information = -np.asarray(hessian, dtype=np.float64)
    blocks = _condition(information[:k, :k]), _condition(information[k:, k:])
    nothing = np.full(len(names), np.nan)
    if len(names) == 0 or not np.isfinite(information).all():
        return FitDiagnostics(tuple(names), float("nan"), *blocks, (), nothing, ())
    scale = _scale(information)
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    ratios = np.array([values[-1] / v if v > 0.0 else np.inf for v in values])
    shown = [0, *(p for p in range(1, len(ratios)) if ratios[p] > STRONG)][:MOST_DIRECTIONS]
    directions = tuple(
        FlatDirection(_direction(vectors[:, p], scale, names), float(ratios[p])) for p in shown
    )
    condition = _condition(information)
    if not np.isfinite(condition):
        return FitDiagnostics(tuple(names), condition, *blocks, directions, nothing, ())
    inverse = (vectors / values) @ vectors.T
    sd = np.sqrt(np.diag(inverse))
    pairs = _pairs(inverse / np.outer(sd, sd), names)
    some = directions if len(names) > 1 else ()
    return FitDiagnostics(tuple(names), condition, *blocks, some, sd, pairs)


def condition_note(fit: Any) -> str:
    """Say in a sentence or two that a fit hardly tells its parameters apart; "" if it does.

    Parameters
    ----------
    fit
        Results with ``hessian``, ``table`` and ``model``.
    """
    k = int((fit.table.free < len(fit.model.coefficient_names)).sum())
    found = fit_diagnostics(fit.hessian, list(fit.table.free_names), k)
    if not found.condition > CONDITION or not found.directions:
        return ""
    names = found.directions[0].direction.names
    return (
        f"The Hessian is nearly singular (condition number {_number(found.condition)} on the "
        f"correlation scale): these data hardly tell {listed(names)} apart, so read the estimates "
        "and standard errors of these together, not one by one. Cure: a simpler model, or hold "
        "one of them fixed with fixed={...}."
    )


def _scale(information: Float) -> Float:
    diagonal: Float = np.abs(np.diag(information))
    return 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))


def _condition(information: Float) -> float:
    """Condition number on the correlation scale: NaN if empty or not finite, else up to inf."""
    if len(information) == 0 or not np.isfinite(information).all():
        return float("nan")
    scale = _scale(information)
    values = np.linalg.eigvalsh(information * np.outer(scale, scale))
    return float(values[-1] / values[0]) if values[0] > 0.0 else float("inf")


def _direction(vector: Float, scale: Float, names: Sequence[str]) -> NullDirection:
    """Name who takes part in a direction of the correlation scale; loadings in own units."""
    member = np.flatnonzero(np.abs(vector) > MEMBER * np.abs(vector).max())
    loads = (vector * scale)[member]
    loads = loads / loads[np.argmax(np.abs(loads))]
    return NullDirection(tuple(names[int(p)] for p in member), tuple(float(x) for x in loads))


def _pairs(correlation: Float, names: Sequence[str]) -> tuple[tuple[str, str, float], ...]:
    """The largest correlations, by size."""
    rows, columns = np.triu_indices(len(names), 1)
    values = correlation[rows, columns]
    order = np.argsort(-np.abs(values))[:MOST_PAIRS]
    return tuple((names[rows[p]], names[columns[p]], float(values[p])) for p in order)


def _number(value: float) -> str:
    return "infinite" if np.isinf(value) else f"{value:,.0f}" if value < 1e5 else f"{value:.1e}"
