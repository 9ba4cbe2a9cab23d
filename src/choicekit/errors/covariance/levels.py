"""Errors with standard deviations and correlations of their own.

Axes: J alternatives, Q parameters.

Standard deviations are relative to ``1 / sqrt(2)``, that of independent errors of equal variance:
``omega_jk = corr_jk sd_j sd_k / 2``. The independent, heteroskedastic and exchangeable
structures and the user's pattern differ only in which numbers are free, and which are equal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.covariance.base import Structure

__all__ = ["Levels"]

Float = NDArray[np.float64]

INSIDE = 1e-8  # smallest eigenvalue of the correlations that still counts as a covariance
NEAR_EDGE = 1e-3  # below this the estimates lean on the edge


@dataclass(frozen=True, eq=False)
class Levels(Structure):
    """Standard deviations and correlations, each fixed or equal to one of Q parameters.

    Parameters are in their natural form. Where errors are correlated, standard deviations must
    be positive and the correlations a positive definite matrix: `inside` says whether, the law
    gives a log-likelihood of minus infinity elsewhere, so that an optimiser takes a shorter step,
    and `barrier` keeps its first rounds away from there. Uncorrelated errors know no such limits:
    a standard deviation's sign does not show.

    Attributes
    ----------
    parameters
        Q names.
    sd, corr
        Values at the start, (J,) and (J, J); fixed ones keep them.
    sd_place, corr_place
        Which parameter each is, -1 for a fixed one, (J,) and symmetric (J, J).
    sentence
        The normalisation.
    """

    parameters: tuple[str, ...]
    sd: Float
    corr: Float
    sd_place: NDArray[np.intp]
    corr_place: NDArray[np.intp]
    sentence: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters."""
        return self.parameters

    @property
    def start(self) -> Float:
        """The free ones of ``sd`` and ``corr``: 1 and 0 unless fixed ones forbid it, (Q,)."""
        out = np.empty(len(self.parameters))
        for values, place in ((self.sd, self.sd_place), (self.corr, self.corr_place)):
            out[place[place >= 0]] = values[place >= 0]
        return out

    @property
    def normalisation(self) -> str:
        """What is fixed."""
        return self.sentence

    @property
    def has_levels(self) -> bool:
        """The covariance is that of the errors themselves."""
        return True

    @property
    def correlated(self) -> bool:
        """Whether any two errors are, or may be."""
        apart = ~np.eye(len(self.sd), dtype=bool)
        return bool((self.corr_place[apart] >= 0).any() or self.corr[apart].any())

    def _values(self, theta: Float) -> tuple[Float, Float]:
        sd, corr = self.sd.copy(), self.corr.copy()
        sd[self.sd_place >= 0] = theta[self.sd_place[self.sd_place >= 0]]
        corr[self.corr_place >= 0] = theta[self.corr_place[self.corr_place >= 0]]
        return sd, corr

    def signs(self, theta: Float) -> Float:
        """Make the standard deviations of uncorrelated errors positive, (Q,)."""
        if self.correlated:
            return np.ones(len(theta))  # they are positive everywhere inside
        return np.where(theta < 0.0, -1.0, 1.0)

    def omega(self, theta: Float) -> Float:
        """``corr_jk sd_j sd_k / 2``, (J, J)."""
        sd, corr = self._values(theta)
        out: Float = 0.5 * corr * np.outer(sd, sd)
        return out

    def jacobian(self, theta: Float) -> Float:
        """By the product rule, (Q, J, J)."""
        sd, corr = self._values(theta)
        products = np.outer(sd, sd)
        out = np.empty((len(theta), *corr.shape))
        for q in range(len(theta)):
            cross = np.outer(self.sd_place == q, sd)
            out[q] = 0.5 * ((self.corr_place == q) * products + corr * (cross + cross.T))
        return out

    def inside(self, theta: Float) -> bool:
        """Whether standard deviations are positive and the correlations positive definite."""
        if not self.correlated:
            return True
        sd, corr = self._values(theta)
        positive = bool((sd[self.sd_place >= 0] > 0.0).all())
        return positive and bool(np.linalg.eigvalsh(corr)[0] > INSIDE)

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """Log-determinant of the correlations plus logs of the free standard deviations."""
        if not self.correlated:
            return None
        if not self.inside(theta):
            return -np.inf, np.zeros(len(theta))
        sd, corr = self._values(theta)
        inverse, free = np.linalg.inv(corr), self.sd_place >= 0
        slope = np.array([inverse[self.corr_place == q].sum() for q in range(len(theta))])
        np.add.at(slope, self.sd_place[free], 1.0 / sd[free])
        value = np.linalg.slogdet(corr)[1] + np.log(sd[free]).sum()
        return float(value), slope

    def edge(self, theta: Float) -> str:
        """Say that the correlations are nearly singular, or standard deviations nearly zero.

        Outside it speaks as well.
        """
        if not self.correlated:
            return ""
        sd, corr = self._values(theta)
        small = np.unique(self.sd_place[(self.sd_place >= 0) & (sd < NEAR_EDGE)])
        if len(small):
            shown = ", ".join(f"{self.names[q]} = {theta[q]:.3g}" for q in small)
            return f"the likelihood rises towards a standard deviation of zero or less ({shown})"
        values, vectors = np.linalg.eigh(corr)
        if values[0] > NEAR_EDGE or not (self.corr_place >= 0).any():
            return ""
        # The parameters among the alternatives whose errors have become dependent.
        member = np.abs(vectors[:, 0]) > 1e-2
        taking_part = np.unique(self.corr_place[np.ix_(member, member)])
        shown = ", ".join(f"{self.names[q]} = {theta[q]:.3g}" for q in taking_part if q >= 0)
        return f"the likelihood rises towards correlations that no errors can have ({shown})"
