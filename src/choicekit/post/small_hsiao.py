"""Small and Hsiao's test of independence from irrelevant alternatives, over many divisions.

Axes: C cases, K coefficients.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from choicekit.exceptions import ConvergenceWarning, IdentificationError, SpecificationError
from choicekit.post.held_out import fold_codes
from choicekit.post.iia import labels_of, require_iia, subset
from choicekit.post.tests import LEVEL, p_text

__all__ = ["SmallHsiao", "small_hsiao"]

WEIGHT = float(np.sqrt(0.5))  # of the half that does not estimate the restricted model


@dataclass(frozen=True)
class SmallHsiao:
    """Small and Hsiao's test, repeated over random divisions of the people.

    Attributes
    ----------
    removed
        The alternatives taken away.
    splits
        A row a division: ``statistic``, ``df``, ``pvalue``. A single one is the test as published.
    pvalue
        Twice the median p-value, at most 1: valid whatever the dependence between the divisions
        (Meinshausen, Meier & Buehlmann 2009, JASA 104, 1671-1681). Of a single division, its own.
    share_rejected
        Share of the divisions that reject at the 5% level.
    failed
        Divisions left out because a half did not identify the model or had no maximum.
    seed
        Of the divisions.
    """

    removed: tuple[Hashable, ...]
    splits: pd.DataFrame
    pvalue: float
    share_rejected: float
    failed: int
    seed: int

    def __str__(self) -> str:
        """The spread over divisions, and what it comes to."""
        p, statistic = self.splits["pvalue"], self.splits["statistic"]
        n, df = len(p), int(self.splits["df"].iloc[0])
        verdict = "is rejected" if self.pvalue < LEVEL else "is not rejected"
        left = f"; {self.failed} more could not be estimated" if self.failed else ""
        lines = [f"Small-Hsiao test without {', '.join(map(str, self.removed))}:"]
        if n == 1:
            lines.append(
                f"  one random division{left}: chi2({df}) = {statistic.iloc[0]:.3f}, "
                f"{p_text(self.pvalue)}. Another division gives another result: use splits=25."
            )
        else:
            lines += [
                f"  {n} random divisions{left}: chi2({df}) from {statistic.min():.2f} to "
                f"{statistic.max():.2f}, median {statistic.median():.2f}",
                f"  p from {p.min():.3f} to {p.max():.3f}, median {p.median():.3f}; "
                f"{self.share_rejected:.0%} of the divisions reject at the 5% level",
                f"  together (twice the median): {p_text(self.pvalue)}",
            ]
        lines.append(f"Independence from irrelevant alternatives {verdict} at the 5% level.")
        return "\n".join(lines)


def small_hsiao(
    fit: Any, removed: Hashable | Iterable[Hashable], splits: int = 25, seed: int = 1
) -> SmallHsiao:
    """Compare likelihoods of the smaller choice set in one half of the people.

    Parameters
    ----------
    fit
        A conditional logit.
    removed
        Label of the alternative taken away, or several.
    splits
        Number of random divisions in two.
    seed
        Of the divisions.

    Raises
    ------
    SpecificationError
        For another model, an unknown alternative, or where no division could be estimated.

    Notes
    -----
    Each division estimates the full model in both halves, b_1 and b_2, and the restricted one in
    the second. With ``b = sqrt(1/2) b_1 + (1 - sqrt(1/2)) b_2``, twice the restricted
    log-likelihood of the second half at its maximum, less that at b, is chi-squared with as many
    degrees of freedom as coefficients are identified (Small & Hsiao 1985, International Economic
    Review 26, 619-627; the weights make up for what b_2 and the maximum share).
    """
    require_iia(fit)
    labels = labels_of(fit, removed)
    if isinstance(splits, bool) or not isinstance(splits, int | np.integer) or splits < 1:
        raise SpecificationError(f"splits must be a positive whole number, not {splits!r}.")
    subset(fit, labels)  # complain of what is wrong with all of them once
    rows = []
    for number in range(splits):
        found = _one_division(fit, labels, [seed, number])
        if found is not None:
            rows.append(found)
    if not rows:
        raise SpecificationError(
            "No division of the people in halves leaves enough to estimate the model in both. "
            "Cure: hausman_mcfadden, which needs no division."
        )
    table = pd.DataFrame(rows, columns=["statistic", "df", "pvalue"])
    p = table["pvalue"]
    together = float(p.iloc[0]) if splits == 1 else min(1.0, 2.0 * float(p.median()))
    rejected = float((p < LEVEL).mean())
    return SmallHsiao(labels, table, together, rejected, splits - len(rows), seed)


def _one_division(
    fit: Any, labels: tuple[Hashable, ...], seed: Any
) -> tuple[float, int, float] | None:
    """Statistic, degrees of freedom and p-value; None where a half cannot be estimated."""
    from scipy.stats import chi2

    data, fixed = fit.model.data, {name: float(fit.params[name]) for name in fit.fixed}
    start = {str(name): float(fit.params[name]) for name in fit.table.free_names}
    half = fold_codes(data.layout, 2, seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            one, two = (
                fit.model.on(data.select(half == h), fixed).fit(start=start, fixed=fixed)
                for h in (0, 1)
            )
            mean = WEIGHT * one.params.to_numpy() + (1.0 - WEIGHT) * two.params.to_numpy()
            part = subset(two, labels)
            restricted = part.fit(fit.model, mean)
    except (IdentificationError, SpecificationError):
        return None
    if not all(found.convergence.converged for found in (one, two, restricted)):
        return None
    at_mean = fit.model.likelihood(part.data).value(mean)
    statistic, df = 2.0 * (restricted.llf - at_mean), len(part.kept)
    return statistic, df, float(chi2.sf(statistic, df))
