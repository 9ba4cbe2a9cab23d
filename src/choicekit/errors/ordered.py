"""Ordered categories: one index a case, cut into intervals by thresholds.

Axes: C cases, J alternatives (the categories), Q = J - 1 thresholds.

A case's latent answer is ``y* = index + e``; category j is given where ``cut_(j-1) < y* <=
cut_j``, so that ``P_j = F(cut_j - index) - F(cut_(j-1) - index)`` (Aitchison & Silvey 1957;
McKelvey & Zavoina 1975; McCullagh 1980; Train 2009, section 7.4).

The utilities that the contract asks for are the index, the same for all categories. Where they
differ, their mean over the available categories is the index, so that the derivatives with
respect to them are right whatever they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb
from choicekit.errors.closed import ClosedForm, alternative_code
from choicekit.exceptions import SpecificationError, unknown
from choicekit.numerics.intervals import Interval, logistic_interval, normal_interval

__all__ = ["BoundOrdered", "Ordered"]

Float = NDArray[np.float64]

LINKS = ("logit", "probit")
VARIANCE = {"logit": np.pi**2 / 3.0, "probit": 1.0}
INTERVALS = {"logit": logistic_interval, "probit": normal_interval}


@dataclass(frozen=True, init=False)
class Ordered:
    """One error for all categories, which are intervals of a latent answer.

    Parameters
    ----------
    link
        ``"logit"`` (logistic error of variance pi^2 / 3; proportional odds) or ``"probit"``
        (standard normal error).
    order
        The categories from the lowest to the highest; by default the order of the data's
        alternatives.

    Notes
    -----
    The formula has one part, ``"rating ~ income + age"``: every variable is constant within a
    case and has one coefficient, positive where it raises the answer. The thresholds
    ``cut[low|high]`` take the place of constants. A category that was not available to a case is
    ruled out: the probabilities of the others are divided by their sum.

    Raises
    ------
    SpecificationError
        For an unknown link or an order that names a category twice.
    """

    link: str
    order: tuple[Hashable, ...] | None

    index = True

    def __init__(self, link: str = "logit", order: Sequence[Hashable] | None = None) -> None:
        if link not in LINKS:
            raise unknown("link", link, LINKS)
        if isinstance(order, str):
            raise SpecificationError(
                f"order={order!r} is not a list. Cure: order=['low', 'middle', 'high']."
            )
        object.__setattr__(self, "link", link)
        object.__setattr__(self, "order", None if order is None else tuple(order))
        if self.order is not None and len(set(self.order)) < len(self.order):
            raise SpecificationError(f"order={list(self.order)!r} names a category twice.")

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return f"Ordered {self.link}"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return f"Mixed ordered {self.link}"

    def kernels(self) -> tuple[Any, ...]:
        """Nothing is compiled."""
        return ()

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundOrdered:
        """Put the alternatives (J labels) in order; the base plays no part.

        Raises
        ------
        SpecificationError
            If the order leaves an alternative out or names another.
        """
        order = alternatives if self.order is None else self.order
        codes = [alternative_code(label, alternatives, "order=") for label in order]
        if len(codes) < len(alternatives):
            lost = ", ".join(repr(a) for j, a in enumerate(alternatives) if j not in codes)
            raise SpecificationError(
                f"order= leaves out {lost}. Cure: list all categories from low to high."
            )
        names = tuple(f"cut[{a}|{b}]" for a, b in pairwise(order))
        return BoundOrdered(self.link, np.array(codes, dtype=np.intp), names)


@dataclass(frozen=True, eq=False)
class BoundOrdered(ClosedForm):
    """Ordered categories; see `Ordered`.

    Attributes
    ----------
    link
        The law of the error.
    sequence
        Codes of the alternatives from the lowest to the highest, (J,).
    names
        Names of the J - 1 thresholds.
    """

    link: str
    sequence: NDArray[np.intp]
    names: tuple[str, ...]

    index = True

    @property
    def start(self) -> Float:
        """Thresholds of equal shares at index zero, (J - 1,)."""
        return self.cuts(np.ones(len(self.sequence)))

    def cuts(self, shares: Float) -> Float:
        """Thresholds (J - 1,) that give the alternatives these shares (J,) at index zero."""
        from scipy.special import logit, ndtri

        ordered = np.maximum(shares[self.sequence], 1e-3 * shares.sum() / len(shares))
        below = np.cumsum(ordered)[:-1] / ordered.sum()
        found: Float = (ndtri if self.link == "probit" else logit)(below)
        return found

    @property
    def sd_per_logit(self) -> float:
        """Of the errors in `covariance` over the standard Gumbel's."""
        return float(np.sqrt(3.0 * VARIANCE[self.link])) / np.pi

    @property
    def normalisation(self) -> str:
        """Which scale and which location are fixed."""
        law = "logistic" if self.link == "logit" else "standard normal"
        return (
            f"The error of the index is {law}, which fixes its scale; the index has no constant, "
            "which fixes the location of the thresholds."
        )

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """Say that thresholds coincide or have changed places, if they have."""
        for q in np.flatnonzero(np.diff(theta) <= 0.0)[:1]:
            return f"the threshold {self.names[q]} has reached {self.names[q + 1]}"
        return ""

    def _ends(self, theta: Float) -> Float:
        """Thresholds with both infinities, (J + 1,)."""
        return np.concatenate([[-np.inf], theta, [np.inf]])

    def _interval(self, eta: Float, rank: NDArray[np.intp], theta: Float) -> Interval:
        """The intervals of given places in the order, (C,), around the index eta (C,)."""
        ends = self._ends(theta)
        return INTERVALS[self.link](ends[rank] - eta, ends[rank + 1] - eta)

    def _index(self, v: Float, available: NDArray[np.bool_]) -> tuple[Float, Float]:
        """Mean utility over the available alternatives, (C,), and its derivative by V, (C, J)."""
        share = available / available.sum(axis=1, keepdims=True)
        return (np.where(available, v, 0.0) * share).sum(axis=1), share

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
    ) -> LogProb:
        """Log-probability of the interval of the chosen category."""
        n_cases, n_cuts = len(v), len(theta)
        if (np.diff(theta) <= 0.0).any():  # no model there: an optimiser must turn back
            nothing = np.zeros((n_cases, n_cuts))
            return LogProb(np.full(n_cases, -np.inf), np.zeros(v.shape), nothing)
        eta, share = self._index(v, available)
        place = np.argsort(self.sequence)[chosen]
        part = self._interval(eta, place, theta)
        logp = part.logp.copy()
        by_eta, by_cut = -part.by_shift, np.zeros((n_cases, n_cuts + 2))
        cases = np.arange(n_cases)
        by_cut[cases, place] += part.by_lower
        by_cut[cases, place + 1] += part.by_upper
        ragged = np.flatnonzero(~available.all(axis=1))
        if len(ragged):
            open_ = available[ragged][:, self.sequence]
            total, slope, by_ends = self._total(eta[ragged], open_, theta)
            logp[ragged] -= total
            by_eta[ragged] -= slope
            by_cut[ragged] -= by_ends
        if not gradient:
            return LogProb(logp, np.empty((0, v.shape[1])), np.empty((0, n_cuts)))
        return LogProb(logp, by_eta[:, None] * share, by_cut[:, 1:-1].copy())

    def _logs(self, eta: Float, theta: Float) -> tuple[Float, list[Interval]]:
        """Log-probabilities (C, J) in the order of the categories, before any is ruled out."""
        parts = [
            self._interval(eta, np.full(len(eta), j, dtype=np.intp), theta)
            for j in range(len(self.sequence))
        ]
        return np.column_stack([part.logp for part in parts]), parts

    def _total(
        self, eta: Float, open_: NDArray[np.bool_], theta: Float
    ) -> tuple[Float, Float, Float]:
        """Log of the sum over the categories left, (C,); its slopes by eta and the ends."""
        logs, parts = self._logs(eta, theta)
        total = _log_sum(logs, open_)
        weight = np.where(open_, np.exp(logs - total[:, None]), 0.0)
        slope, by_ends = np.zeros(len(eta)), np.zeros((len(eta), len(theta) + 2))
        for j, part in enumerate(parts):
            slope -= weight[:, j] * part.by_shift
            by_ends[:, j] += weight[:, j] * part.by_lower
            by_ends[:, j + 1] += weight[:, j] * part.by_upper
        return total, slope, by_ends

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        tol: float | None = None,
    ) -> Float:
        """Probabilities of the categories (C, J); 0 where not available."""
        logs, _ = self._logs(self._index(v, available)[0], theta)
        open_ = available[:, self.sequence]
        out = np.empty(v.shape)
        shares = np.where(open_, np.exp(logs - _log_sum(logs, open_)[:, None]), 0.0)
        out[:, self.sequence] = shares
        return out

    def covariance(self, theta: Float) -> Float:
        """Half the variance of the one error on the diagonal, (J, J).

        Categories have no errors of their own. With two of them the law is the binary logit or
        probit, whose two independent errors have this variance: it makes coefficients comparable.
        """
        return np.eye(len(self.sequence)) * VARIANCE[self.link] / 2.0


def _log_sum(logs: Float, open_: NDArray[np.bool_]) -> Float:
    """``log sum exp`` over the categories left, (C,)."""
    left = np.where(open_, logs, -np.inf)
    top = left.max(axis=1)
    result: Float = top + np.log(np.exp(left - top[:, None]).sum(axis=1))
    return result
