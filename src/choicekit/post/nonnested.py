"""Tests beside Vuong's between models that are not nested: Clarke's, and bounds by indices of fit.

Axes: N independent units (people where persons are known, else cases).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted, free_count, simulation_error
from choicekit.post.cases import people, require_same_cases
from choicekit.post.tests import LEVEL, difference_error, filled, p_text
from choicekit.post.vuong import unit_differences

__all__ = ["Clarke", "IndexTest", "ben_akiva_swait", "clarke", "horowitz"]

NAMES = ("the first model", "the second model")


@dataclass(frozen=True)
class Clarke:
    """Clarke's sign test of two models.

    Attributes
    ----------
    positive
        Units to whose choices the first model gives the higher probability.
    n_units
        Units, those without any difference left out.
    pvalue
        Two-sided, from the binomial distribution with probability one half.
    positive_aic, pvalue_aic, positive_bic, pvalue_bic
        The same after taking each unit's share of half the difference of the Akaike, or Schwarz,
        penalties off.
    preferred
        ``"first"``, ``"second"``, or None where the data cannot tell at the 5% level.
    note
        What to know before relying on it; may be empty.
    """

    positive: int
    n_units: int
    pvalue: float
    positive_aic: int
    pvalue_aic: float
    positive_bic: int
    pvalue_bic: float
    preferred: Literal["first", "second"] | None
    note: str

    def __str__(self) -> str:
        """The counts, the p-values, the note."""
        who = {"first": "The first", "second": "The second", None: "Neither"}[self.preferred]
        return (
            f"Clarke's sign test: {self.positive:,} of {self.n_units:,} for the first model, "
            f"{p_text(self.pvalue)}\n"
            f"  Akaike correction:  {self.positive_aic:,}, {p_text(self.pvalue_aic)}\n"
            f"  Schwarz correction: {self.positive_bic:,}, {p_text(self.pvalue_bic)}\n"
            f"{who} is preferred at the 5% level. {self.note}"
        ).strip()


def clarke(first: Fitted, second: Fitted, names: Sequence[str] = NAMES) -> Clarke:
    """Count how often each of two models gives what was chosen the higher probability.

    Parameters
    ----------
    first, second
        Fits on the same cases.
    names
        What to call them in messages.

    Raises
    ------
    DataError
        The fits do not rest on the same choices.

    Notes
    -----
    Clarke (2007, Political Analysis 15, 347-363): if the models are equally near the truth, the
    median difference of the log-probabilities is 0 and the count binomial. It holds in small
    samples and with heavy tails, where Vuong's mean does not; but it looks at signs alone, however
    small the differences. Where persons are known their cases are summed first.
    """
    require_same_cases(first, second, names)
    units, _ = unit_differences(first, second)
    parameters = free_count(first) - free_count(second)
    penalties = (0.0, float(parameters), 0.5 * parameters * float(np.log(first.nobs)))
    counts = [_signs(units - penalty / len(units)) for penalty in penalties]
    (positive, n, p), aic, bic = counts
    preferred: Literal["first", "second"] | None = None
    if p < LEVEL:
        preferred = "first" if 2 * positive > n else "second"
    note = ""
    if simulation_error(first) or simulation_error(second):
        note = "The probabilities are simulated, and small differences may have the other sign."
    return Clarke(positive, n, p, aic[0], aic[2], bic[0], bic[2], preferred, note)


def _signs(differences: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[int, int, float]:
    """Positive ones, those that are not zero, and the p-value of the sign test."""
    from scipy.stats import binomtest

    positive, n = int((differences > 0.0).sum()), int((differences != 0.0).sum())
    return positive, n, float(binomtest(positive, n, 0.5).pvalue) if n else float("nan")


@dataclass(frozen=True)
class IndexTest:
    """Bound on the chance that the wrong one of two models has the higher index of fit.

    Attributes
    ----------
    kind
        ``"ben_akiva_swait"`` or ``"horowitz"``: which index.
    first, second
        The index of the two models, a likelihood-ratio index against equal shares less a penalty.
    difference
        First less second.
    bound
        Upper bound on the probability of so large a difference if the model with the lower index
        is the true one. 1 where there is none.
    preferred
        The model with the higher index if the bound is below 5%, else None.
    note
        What to know before relying on it; may be empty.
    """

    kind: str
    first: float
    second: float
    difference: float
    bound: float
    preferred: Literal["first", "second"] | None
    note: str

    def __str__(self) -> str:
        """The indices, the bound, the note."""
        name = "Ben-Akiva and Swait" if self.kind == "ben_akiva_swait" else "Horowitz"
        higher, lower = ("first", "second") if self.difference > 0.0 else ("second", "first")
        text = (
            f"If the {lower} model were true, the {higher} would lead by so much with a "
            f"probability of at most {self.bound:.3g}. {self.note}"
        )
        return (
            f"{name}: index of the first model {self.first:.4f}, of the second {self.second:.4f}\n"
            f"{filled(text.strip())}"
        )


def ben_akiva_swait(first: Fitted, second: Fitted, names: Sequence[str] = NAMES) -> IndexTest:
    """Compare ``1 - (llf - K) / llnull`` of two fits, K their numbers of parameters.

    Parameters, what is raised and what is returned are those of `horowitz`. The bound is
    ``Phi(-sqrt(-2 z llnull + K_h - K_l))`` with z the difference of the indices, h the model with
    the higher one (Ben-Akiva & Swait 1986, Transportation Science 20, 133-136; Ben-Akiva & Lerman
    1985, section 7.7): the same number as that of `horowitz`.
    """
    return _index_test(first, second, names, "ben_akiva_swait", 1.0)


def horowitz(first: Fitted, second: Fitted, names: Sequence[str] = NAMES) -> IndexTest:
    """Compare ``1 - (llf - K / 2) / llnull`` of two fits, K their numbers of parameters.

    The bound is ``Phi(-sqrt(-2 z llnull))`` with z the difference of the indices (Horowitz 1983,
    Transportation Science 17, 319-350).

    Parameters
    ----------
    first, second
        Fits on the same cases.
    names
        What to call them in messages.

    Raises
    ------
    DataError
        The fits do not rest on the same choices.
    SpecificationError
        Every case has a single alternative, so that there is no index.
    """
    return _index_test(first, second, names, "horowitz", 0.5)


def _index_test(
    first: Fitted, second: Fitted, names: Sequence[str], kind: str, each: float
) -> IndexTest:
    """The bound, with ``each`` parameter's penalty in the index."""
    from scipy.special import ndtr

    require_same_cases(first, second, names)
    if not first.llnull < 0.0:
        raise SpecificationError("With equal shares the log-likelihood is 0: there is no choice.")
    one, other = (1.0 - (f.llf - each * free_count(f)) / first.llnull for f in (first, second))
    better, worse = (first, second) if one >= other else (second, first)
    more = free_count(better) - free_count(worse)
    squared = -2.0 * abs(one - other) * first.llnull + (2.0 * each - 1.0) * more
    bound = float(ndtr(-np.sqrt(squared))) if squared >= 0.0 else 1.0
    preferred: Literal["first", "second"] | None = None
    if bound < LEVEL:
        preferred = "first" if better is first else "second"
    notes = []
    error = 2.0 * difference_error(first, second)
    if error > 0.0:
        ends = (np.sqrt(max(squared + 2.0 * d * error, 0.0)) for d in (1.0, -1.0))
        low, high = (float(ndtr(-end)) for end in ends)
        notes.append(f"Simulation error alone lets the bound lie between {low:.3g} and {high:.3g}.")
    if people(first, second) is not None:
        notes.append("The cases of one person count as independent here.")
    return IndexTest(kind, one, other, one - other, bound, preferred, " ".join(notes))
