"""Vuong's test of which of two models that are not nested is nearer the truth.

Axes: C cases, N independent units (people where persons are known, else cases),
P and S free parameters of the two models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from choicekit.post.base import (
    Fitted,
    by_case,
    case_weights,
    fixed_names,
    free_count,
    log_probabilities,
    simulation_error,
)
from choicekit.post.cases import case_positions, people, require_same_cases
from choicekit.post.chisquare import weighted_tail
from choicekit.post.tests import LEVEL, filled, noise_note, p_text

__all__ = ["Vuong", "unit_differences", "vuong"]

Array = npt.NDArray[np.float64]

SAME = 1e-5  # log-probabilities that differ by less, root mean square, are the same


@dataclass(frozen=True)
class Vuong:
    """Vuong's test of two models; positive statistics speak for the first.

    Attributes
    ----------
    statistic, pvalue
        The difference of the log-likelihoods over its sampling standard error, and its
        two-sided p-value. NaN where the models give the same probabilities.
    statistic_aic, pvalue_aic, statistic_bic, pvalue_bic
        The same after taking half the difference of the Akaike, or Schwarz, penalties off.
    difference
        Log-likelihood of the first model minus that of the second.
    variance
        Variance of one unit's part of the difference (omega squared).
    variance_pvalue
        p-value for the hypothesis that this variance is 0, that the models cannot be told
        apart; None where it was not tested.
    n_units
        Number N of independent units: people, or cases.
    simulation_se
        Simulation standard error of ``difference``.
    preferred
        ``"first"``, ``"second"``, or None where the data cannot tell at the 5% level.
    simulation_matters
        Whether two such standard errors could change the decision.
    outcome
        The outcome in words.
    note
        What to know before relying on it; may be empty.
    """

    statistic: float
    pvalue: float
    statistic_aic: float
    pvalue_aic: float
    statistic_bic: float
    pvalue_bic: float
    difference: float
    variance: float
    variance_pvalue: float | None
    n_units: int
    simulation_se: float
    preferred: Literal["first", "second"] | None
    simulation_matters: bool
    outcome: str
    note: str

    def __str__(self) -> str:
        """Write the three statistics and the outcome."""
        return (
            f"Vuong's test: z = {self.statistic:.3f}, {p_text(self.pvalue)}\n"
            f"  Akaike correction:  z = {self.statistic_aic:.3f}, {p_text(self.pvalue_aic)}\n"
            f"  Schwarz correction: z = {self.statistic_bic:.3f}, {p_text(self.pvalue_bic)}\n"
            f"{filled(f'{self.outcome} {self.note}'.strip())}"
        )


def vuong(
    first: Fitted,
    second: Fitted,
    names: Sequence[str] = ("the first model", "the second model"),
) -> Vuong:
    """Compare two fits which are not nested, on the same cases.

    Parameters
    ----------
    first, second
        The fits.
    names
        What to call them in the note.

    Raises
    ------
    DataError
        The fits do not rest on the same choices.

    Notes
    -----
    With ``m`` the difference of the log-probabilities of what a unit chose, the statistic is
    ``sum(m) / (sqrt(N) omega)``, ``omega^2`` the variance of ``m`` over units, and standard
    normal if both models are equally near the truth but differ (Vuong 1989, Econometrica 57,
    307-333, theorem 5.1; the corrections on page 318). Where persons are known, their cases
    are summed first. A weighted case counts with its weighted part as one observation.

    Whether they differ is tested first, by ``N omega^2``, which otherwise is distributed as a
    weighted sum of chi-squares (theorem 4.1).
    """
    require_same_cases(first, second, names)
    units, grouping = unit_differences(first, second)
    n_units = len(units)
    difference, variance = float(units.sum()), float(units.var())
    noise = float(np.hypot(simulation_error(first), simulation_error(second)))
    parameters = free_count(first) - free_count(second)
    penalties = (0.0, float(parameters), 0.5 * parameters * float(np.log(first.nobs)))
    if variance <= SAME**2:
        z = [float("nan")] * 3
        variance_pvalue = None
    else:
        z = [(difference - penalty) / float(np.sqrt(n_units * variance)) for penalty in penalties]
        variance_pvalue = _variance_test(first, second, grouping, n_units * variance)
    p = [_two_sided(value) for value in z]
    alike = variance <= SAME**2 or (variance_pvalue is not None and variance_pvalue >= LEVEL)
    preferred: Literal["first", "second"] | None = None
    if not alike and p[0] < LEVEL:
        preferred = "first" if z[0] > 0 else "second"
    ends = [abs(difference) + 2.0 * noise, max(abs(difference) - 2.0 * noise, 0.0)]
    low, high = (_two_sided(end / float(np.sqrt(n_units * variance or 1.0))) for end in ends)
    matters = not alike and (low < LEVEL) != (high < LEVEL)
    what = "the difference of the log-likelihoods"
    notes = [noise_note(low, high, noise, what)] if matters else []
    for fit, name in zip((first, second), names, strict=True):
        if not fit.convergence.converged:
            notes.append(f"{name} did not converge.")
    return Vuong(
        *(z[0], p[0], z[1], p[1], z[2], p[2], difference, variance, variance_pvalue),
        n_units=n_units,
        simulation_se=noise,
        preferred=preferred,
        simulation_matters=matters,
        outcome=_outcome(z, p, preferred, names, variance_pvalue if alike else None),
        note=" ".join(notes),
    )


def unit_differences(first: Fitted, second: Fitted) -> tuple[Array, npt.NDArray[Any] | None]:
    """Differences (N,) of log-probabilities by unit, and the unit of each case or None."""
    m = log_probabilities(first) - log_probabilities(second)[case_positions(first, second)]
    grouped = people(first, second)
    if grouped is None:
        return m, None
    _, codes = np.unique(grouped[0], return_inverse=True)
    return np.asarray(np.bincount(codes, weights=m), dtype=np.float64), codes


def _two_sided(z: float) -> float:
    """Two-sided normal p-value."""
    from scipy.special import ndtr

    return float(2.0 * ndtr(-abs(z)))


def _outcome(
    z: list[float],
    p: list[float],
    preferred: str | None,
    names: Sequence[str],
    variance_pvalue: float | None,
) -> str:
    """Say who wins, and whether allowing for the number of parameters changes that."""
    if np.isnan(z[0]):
        return "The two models give the same probabilities, so there is nothing to choose between."
    if variance_pvalue is not None:
        return (
            "The two models cannot be told apart at the 5% level: it is not even sure that their "
            f"probabilities differ (variance test, {p_text(variance_pvalue)})."
        )
    if preferred is None:
        text = f"{names[0]} and {names[1]} cannot be told apart at the 5% level."
    else:
        text = f"{names[0] if preferred == 'first' else names[1]} is preferred at the 5% level."
    verdicts = [0 if q >= LEVEL else int(np.sign(value)) for value, q in zip(z, p, strict=True)]
    for verdict in sorted(set(verdicts[1:]) - {verdicts[0]}):
        who = names[0] if verdict > 0 else names[1] if verdict < 0 else "neither"
        how = " and ".join(
            f"{kind} {p_text(p[k])}"
            for k, kind in ((1, "with Akaike's penalty"), (2, "with Schwarz'"))
            if verdicts[k] == verdict
        )
        text += f" Allowing for the number of parameters, {who} is preferred ({how})."
    return text


def _variance_test(
    first: Fitted, second: Fitted, codes: npt.NDArray[Any] | None, statistic: float
) -> float | None:
    """p-value of ``N omega^2`` if the models give the same probabilities; None if out of reach.

    The weights are the squared eigenvalues of Vuong's matrix W (equation 3.6), here built from
    the scores s of both models, summed by unit, and their inverse negative Hessians V:
    ``W = [[sum s_f s_f' V_f, sum s_f s_g' V_g], [-sum s_g s_f' V_f, -sum s_g s_g' V_g]]``.
    """
    parts = [_scores_and_inverse(fit) for fit in (first, second)]
    (s_f, v_f), (s_g, v_g) = parts
    if s_f is None or s_g is None or v_f is None or v_g is None:
        return None
    s_g = s_g[case_positions(first, second)]
    if codes is not None:
        s_f, s_g = (_sums(scores, codes) for scores in (s_f, s_g))
    W = np.block([[s_f.T @ s_f @ v_f, s_f.T @ s_g @ v_g], [-s_g.T @ s_f @ v_f, -s_g.T @ s_g @ v_g]])
    weights = np.abs(np.linalg.eigvals(W)) ** 2 if W.size else np.zeros(0)
    weights = weights[weights > 1e-10 * weights.max(initial=0.0)]
    return weighted_tail(statistic, weights) if len(weights) else None


def _scores_and_inverse(fit: Fitted) -> tuple[Array | None, Array | None]:
    """Weighted scores (C, P) of the free parameters and their inverse negative Hessian (P, P)."""
    if not hasattr(fit, "scores") or not hasattr(fit, "with_cov"):
        return None, None
    free = np.array([str(name) not in fixed_names(fit) for name in fit.params.index], dtype=bool)
    plain = fit if fit.cov_type == "nonrobust" else fit.with_cov("nonrobust")
    inverse = plain.cov.to_numpy(dtype=np.float64)[np.ix_(free, free)]
    if not np.isfinite(inverse).all():
        return None, None
    scores = by_case(fit, np.asarray(fit.scores(), dtype=np.float64)[:, free])
    return scores * case_weights(fit)[:, None], inverse


def _sums(scores: Array, codes: npt.NDArray[Any]) -> Array:
    """Add the scores (C, P) up by unit: (N, P)."""
    total = np.zeros((int(codes.max()) + 1, scores.shape[1]))
    np.add.at(total, codes, scores)
    return total
