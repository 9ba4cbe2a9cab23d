"""Independence from irrelevant alternatives: the estimates with and without some of them.

Axes: C cases, K coefficients, E combinations that both samples identify, N people (or cases).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.data.without import without_alternatives
from choicekit.exceptions import SpecificationError
from choicekit.post.base import case_weights, with_article
from choicekit.post.tests import LEVEL, filled, p_text

__all__ = ["HausmanMcFadden", "Subset", "hausman_mcfadden", "labels_of", "require_iia", "subset"]

Array = npt.NDArray[np.float64]

STILL = 1e-10  # of an estimate's variance; a difference that varies less is none
DEPENDENT = 1e-9  # share of a column's variance within cases that the columns before it leave


@dataclass(frozen=True)
class HausmanMcFadden:
    """Test that the coefficients are the same without some of the alternatives.

    Attributes
    ----------
    removed
        The alternatives taken away.
    statistic, df, pvalue
        Wald statistic of the differences with their joint (stacked) sandwich variance, which is
        never negative; chi-squared.
    classical_statistic, classical_pvalue
        Hausman & McFadden's own, with ``V_restricted - V_full`` for the variance. That difference
        need not be positive definite; then the p-value is NaN and ``note`` says so.
    table
        By coefficient that both samples identify: ``full``, ``restricted``, ``difference``,
        ``std_error``. A coefficient which is identified only against others is that combination.
    nobs, nobs_restricted
        Number of cases.
    note
        What to know before relying on it; may be empty.
    """

    removed: tuple[Hashable, ...]
    statistic: float
    df: int
    pvalue: float
    classical_statistic: float
    classical_pvalue: float
    table: pd.DataFrame
    nobs: int
    nobs_restricted: int
    note: str

    def __str__(self) -> str:
        """The test, the classical version of it, the note."""
        verdict = "is rejected" if self.pvalue < LEVEL else "is not rejected"
        lines = [
            f"Hausman-McFadden test without {', '.join(map(str, self.removed))} "
            f"({self.nobs_restricted:,} of {self.nobs:,} cases):",
            f"  joint sandwich variance: chi2({self.df}) = {self.statistic:.3f}, "
            f"{p_text(self.pvalue)}",
        ]
        if self.classical_pvalue == self.classical_pvalue:
            lines.append(
                f"  difference of variances: chi2({self.df}) = {self.classical_statistic:.3f}, "
                f"{p_text(self.classical_pvalue)}"
            )
        closing = f"Independence from irrelevant alternatives {verdict} at the 5% level."
        return "\n".join([*lines, filled(f"{closing} {self.note}".strip())])


@dataclass(frozen=True, eq=False)
class Subset:
    """Coefficients on the choices among some of the alternatives.

    Attributes
    ----------
    data
        Those choices.
    kept
        Positions (E,) of the coefficients that are estimated; the others stay where they are.
    combinations
        (E, K): what the kept ones identify of the coefficients of the full choice set. A constant
        whose reference was taken away stands for its difference from another.
    """

    data: Any
    kept: npt.NDArray[np.intp]
    combinations: Array

    def fit(self, model: Any, params: Array) -> Any:
        """Estimate the kept coefficients, the others held at ``params`` (K,)."""
        names = model.parameter_names
        held = {n: float(params[k]) for k, n in enumerate(names) if k not in self.kept}
        start = {names[k]: float(params[k]) for k in self.kept}
        return model.on(self.data, held).fit(start=start, fixed=held)


def subset(fit: Any, removed: Iterable[Hashable], data: Any = None) -> Subset:
    """The choices among the other alternatives, and which coefficients they identify."""
    data = without_alternatives(fit.model.data if data is None else data, removed)
    likelihood = fit.model.likelihood(data)
    information = -likelihood.logit(np.zeros(len(fit.params)), with_hessian=True).hessian
    free = fit.table.free
    kept: list[int] = []
    for k in free:
        left = information[k, k]
        if kept:
            cross = information[np.ix_(kept, [k])]
            left = left - (cross.T @ np.linalg.solve(information[np.ix_(kept, kept)], cross))[0, 0]
        if left > DEPENDENT * max(information[k, k], 1e-300):
            kept.append(int(k))
    if not kept:
        raise SpecificationError(
            "Without these alternatives no coefficient is identified. Cure: remove fewer."
        )
    combinations = np.zeros((len(kept), len(fit.params)))
    # A column that depends on those kept moves the utilities as a combination of them does.
    combinations[:, free] = np.linalg.solve(
        information[np.ix_(kept, kept)], information[np.ix_(kept, free)]
    )
    combinations[np.abs(combinations) < 1e-8] = 0.0
    return Subset(data, np.array(kept), combinations)


def require_iia(fit: Any) -> None:
    """Refuse models that do not assume independence from irrelevant alternatives."""
    model = fit.model
    if type(model.errors).__name__ != "Gumbel" or model.mixing is not None:
        raise SpecificationError(
            f"{with_article(model.title)} does not assume independence from irrelevant "
            "alternatives, so there is nothing to test. Cure: test the conditional logit, or "
            "compare the two by compare(logit, other)."
        )
    if fit.table.ties is not None or not getattr(model.design, "linear", True):
        raise SpecificationError(
            "The tests of independence from irrelevant alternatives need utilities linear in the "
            "coefficients, without constraints between these. Cure: write the constraint into "
            "the formula."
        )


def hausman_mcfadden(fit: Any, removed: Hashable | Iterable[Hashable]) -> HausmanMcFadden:
    """Compare the estimates with those from the choices among the other alternatives.

    Parameters
    ----------
    fit
        A conditional logit.
    removed
        Label of the alternative taken away, or several.

    Raises
    ------
    SpecificationError
        For another model, an unknown alternative, or where too little is left.

    Notes
    -----
    Hausman & McFadden (1984, Econometrica 52, 1219-1240) take ``V_restricted - V_full`` for the
    variance of the difference. It is right if the logit is, but as an estimate it may be
    indefinite, and the statistic negative. So here the two estimates are stacked, and the variance
    of the difference is the sandwich of their influence on each case (Weesie 1999, Stata Technical
    Bulletin 52, 34-47), summed by person where people are known: positive semi-definite always,
    and right without the information equality.
    """
    require_iia(fit)
    labels = labels_of(fit, removed)
    part = subset(fit, labels)
    params, free = fit.params.to_numpy(dtype=np.float64), fit.table.free
    restricted = part.fit(fit.model, params)
    if not (fit.convergence.converged and restricted.convergence.converged):
        raise SpecificationError(
            f"The logit has no maximum without {', '.join(map(str, labels))}: "
            f"{restricted.convergence.message}. Cure: {restricted.convergence.cure}"
        )
    kept = part.kept
    difference = restricted.params.to_numpy()[kept] - params[kept]
    to_kept = part.combinations[:, free]
    bread_full = np.linalg.inv(-fit.hessian)
    bread = np.linalg.inv(-restricted.hessian)
    influence = -_weighted_scores(fit)[:, free] @ bread_full @ to_kept.T
    where = fit.model.data.case_ids.get_indexer(part.data.case_ids)
    influence[where] += _weighted_scores(restricted)[:, kept] @ bread
    robust = _sandwich(influence, fit.model.data.layout.person)
    statistic, df = _wald(difference, robust, np.diag(bread))
    naive = bread - to_kept @ bread_full @ to_kept.T
    classical, classical_p, note = _classical(difference, naive)
    from scipy.stats import chi2

    names = [_name(row, kept[e], fit.params.index) for e, row in enumerate(part.combinations)]
    table = pd.DataFrame(
        {
            "full": part.combinations @ params,
            "restricted": part.combinations @ restricted.params.to_numpy(),
            "difference": difference,
            "std_error": np.sqrt(np.diag(robust)),
        },
        index=pd.Index(names),
    )
    return HausmanMcFadden(
        labels,
        statistic,
        df,
        float(chi2.sf(statistic, df)),
        classical,
        classical_p,
        table,
        int(fit.nobs),
        part.data.n_cases,
        note,
    )


def labels_of(fit: Any, removed: Any) -> tuple[Hashable, ...]:
    """The alternatives to remove as a tuple; a label may be a tuple itself."""
    known = fit.model.data.alternatives
    if isinstance(removed, Hashable) and (removed in known or isinstance(removed, str)):
        return (removed,)
    return tuple(removed) if isinstance(removed, Iterable) else (removed,)


def _name(row: Array, own: int, names: Any) -> str:
    """What a combination (K,) of coefficients is called: its own coefficient first."""
    text = str(names[own])
    for k in np.flatnonzero(row):
        if k != own:
            size = "" if abs(abs(row[k]) - 1.0) < 1e-6 else f"{abs(row[k]):.3g} "
            text += f" {'-' if row[k] < 0.0 else '+'} {size}{names[k]}"
    return text


def _weighted_scores(fit: Any) -> Array:
    """Scores (C, K) of the weighted log-likelihood."""
    scores: Array = np.asarray(fit.scores(), dtype=np.float64) * case_weights(fit)[:, None]
    return scores


def _sandwich(influence: Array, person: Any) -> Array:
    """Variance (E, E) from each case's influence (C, E), by person where known."""
    if person is not None:
        influence = np.column_stack([np.bincount(person, weights=own) for own in influence.T])
    n = len(influence)
    return np.asarray(influence.T @ influence * n / (n - 1.0))


def _wald(difference: Array, variance: Array, own: Array) -> tuple[float, int]:
    """Quadratic form and its degrees of freedom, directions without variance left out.

    ``own`` (E,) are the variances of the restricted estimates.
    """
    moves = np.diag(variance) > STILL * own
    if not moves.any():
        raise SpecificationError(
            "Without these alternatives the estimates are the same by construction (a model of "
            "constants alone is an example), so there is nothing to test."
        )
    difference, variance = difference[moves], variance[np.ix_(moves, moves)]
    scale = np.sqrt(np.diag(variance))
    values, vectors = np.linalg.eigh(variance / np.outer(scale, scale))
    used = values > 1e-10 * values[-1]
    projected = vectors[:, used].T @ (difference / scale)
    return float((projected**2 / values[used]).sum()), int(used.sum())


def _classical(difference: Array, variance: Array) -> tuple[float, float, str]:
    """Hausman & McFadden's statistic and p-value; where there is none, why."""
    from scipy.stats import chi2

    scale = np.sqrt(np.maximum(np.abs(np.diag(variance)), 1e-300))
    values = np.linalg.eigvalsh(variance / np.outer(scale, scale))
    statistic = float(difference @ np.linalg.pinv(variance, hermitian=True) @ difference)
    if values[0] > 1e-10 * values[-1]:
        return statistic, float(chi2.sf(statistic, len(difference))), ""
    negative = int((values < 0.0).sum())
    text = (
        "The classical statistic cannot be used: it divides by the variance of the estimates "
        "without the alternatives less that with them, which should be positive definite, but in "
        f"this sample is not ({negative} of {len(values)} eigenvalues negative)"
    )
    if statistic < 0.0:
        text += f", so that the statistic comes out as {statistic:.2f}, below zero"
    text += ". That is no evidence either way; the joint variance above does not depend on it."
    return statistic, float("nan"), text
