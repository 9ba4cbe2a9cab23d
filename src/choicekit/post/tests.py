"""The likelihood-ratio test of a restricted model against a full one."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted, free_count, has_network, simulation_error
from choicekit.post.boundary import boundary
from choicekit.post.cases import people, require_same_cases
from choicekit.post.chi_bar import ratio_tail
from choicekit.post.nesting import NETWORKS, NOT_REGULAR, differ_in_classes, nested_in

__all__ = [
    "LEVEL",
    "LikelihoodRatio",
    "difference_error",
    "filled",
    "is_resolved",
    "likelihood_ratio",
    "noise_note",
    "p_text",
]

WIDTH = 96  # of a terminal
LEVEL = 0.05
"""Probability of a false rejection at which tests decide."""


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test.

    Attributes
    ----------
    statistic
        Twice the difference of the log-likelihoods, full minus restricted.
    df
        Number of parameters by which they differ.
    pvalue
        Probability of a larger statistic if the restrictions hold.
    simulation_se
        Simulation standard error of the statistic, 0 where nothing was simulated.
    simulation_matters
        Whether two such standard errors could change the decision at the 5% level.
    note
        What to know before relying on it; may be empty.
    """

    statistic: float
    df: int
    pvalue: float
    simulation_se: float
    simulation_matters: bool
    note: str

    def __str__(self) -> str:
        """One line, and the note below it."""
        line = (
            f"Likelihood-ratio test: chi2({self.df}) = {self.statistic:.3f}, {p_text(self.pvalue)}"
        )
        return f"{line}\n{self.note}" if self.note else line


def likelihood_ratio(
    restricted: Fitted,
    full: Fitted,
    nested: bool | None = None,
    names: Sequence[str] = ("the restricted model", "the full model"),
) -> LikelihoodRatio:
    """Test ``restricted`` against ``full``, of which it must be a special case.

    Parameters
    ----------
    restricted, full
        Fits on the same cases.
    nested
        True: take the caller's word that the models are nested. None: find out, see
        `choicekit.post.nesting.nested_in`.
    names
        What to call the two in messages.

    Raises
    ------
    DataError
        The fits do not rest on the same choices.
    SpecificationError
        The models are not nested, or the full one has no more parameters.

    Notes
    -----
    ``2 (ll_full - ll_restricted)`` is chi-squared with as many degrees of freedom as there
    are restrictions (Wilks 1938, Annals of Mathematical Statistics 9, 60-62), unless
    restrictions lie on the boundary of the parameter space: see `choicekit.post.boundary`.
    """
    require_same_cases(restricted, full, names)
    if has_network(restricted) or has_network(full):
        raise SpecificationError(f"There is no likelihood-ratio test with networks. {NETWORKS}")
    df = free_count(full) - free_count(restricted)
    if df <= 0:
        raise SpecificationError(
            f"{names[1]} has {free_count(full)} free parameters and {names[0]} "
            f"{free_count(restricted)}: the full model must have more. Are they swapped?"
        )
    if not nested and not (nested is None and nested_in(restricted, full)):
        if differ_in_classes(restricted, full):
            raise SpecificationError(NOT_REGULAR)
        raise SpecificationError(
            f"{names[0]} is not a special case of {names[1]}, so the likelihood ratio is not "
            "chi-squared. Use Vuong's test (choicekit.post.vuong), or pass nested=True if you "
            "know better."
        )
    statistic = 2.0 * (full.llf - restricted.llf)
    noise = 2.0 * difference_error(restricted, full)
    edge = boundary(restricted, full, df, statistic)
    pvalue = ratio_tail(statistic, df, edge.weights)
    notes = [_negative_note(statistic, noise, names)] if statistic < 0 else []
    low, high = (ratio_tail(statistic + d * noise, df, edge.weights) for d in (2.0, -2.0))
    matters = (low < LEVEL) != (high < LEVEL)
    if statistic >= 0 and matters:
        notes.append(noise_note(low, high, noise, "the statistic"))
    for fit, name in zip((restricted, full), names, strict=True):
        if not fit.convergence.converged:
            notes.append(f"{name} did not converge.")
    if differ_in_classes(restricted, full):
        notes.append(NOT_REGULAR)
    elif edge.note:
        notes.append(edge.note)
    if people(restricted, full) is not None:
        notes.append(
            "The cases of one person count as independent here; a Wald test with "
            "clustered standard errors does without that."
        )
    return LikelihoodRatio(statistic, df, pvalue, noise, matters, " ".join(notes))


def difference_error(one: Fitted, other: Fitted) -> float:
    """Simulation standard error of the difference of two log-likelihoods.

    The two errors are taken as independent. Fits on the same cases with the same seed share their
    draws, and then the difference may be more precise: this errs on the safe side.
    """
    return float(np.hypot(simulation_error(one), simulation_error(other)))


def is_resolved(one: Fitted, other: Fitted) -> bool:
    """Whether the draws resolve which log-likelihood is higher: by two standard errors."""
    return abs(float(one.llf) - float(other.llf)) >= 2.0 * difference_error(one, other)


def noise_note(low: float, high: float, noise: float, what: str) -> str:
    """Warn of simulation error which moves a p-value across the level of the test."""
    return (
        f"Simulation error (standard error {noise:.2g} in {what}) alone could change the "
        f"decision: p lies between {low:.3f} and {high:.3f}. Fit with more draws."
    )


def filled(text: str) -> str:
    """Break a paragraph into lines for a terminal."""
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def p_text(pvalue: float) -> str:
    """Write ``p = 0.031`` or ``p < 0.001``."""
    return "p < 0.001" if pvalue < 0.0005 else f"p = {pvalue:.3f}"


def _negative_note(statistic: float, noise: float, names: Sequence[str]) -> str:
    """Explain a statistic below zero, which exact maxima of nested models cannot give."""
    if -statistic <= 2.0 * noise:
        return (
            "The statistic is negative by no more than simulation error: nothing speaks for the "
            "additional parameters."
        )
    if statistic > -1e-6:
        return "The statistic is zero up to rounding."
    return (
        f"The statistic is negative, so {names[1]} has not reached its maximum: it cannot fit "
        f"worse than its special case. Start it at the estimates of {names[0]} and fit again."
    )
