"""Latent classes: any errors, coefficients that take one of S values, people with several cases.

    log L_n = log sum_s pi_ns prod_t P(i_nt | V_nt(b_s))

With h_ns the posterior probability of class s, the derivative of log L_n by anything is
``sum_s h_ns`` times that of ``log pi_ns + sum_t log P`` (Bhat 1997).

Axes: C cases, J alternatives, L rows, K coefficients of a class, B of all classes, S classes,
U units: the N people, or the cases where nobody has several.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors, LogProb
from choicekit.errors.by_class import ErrorsByClass
from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.likelihood.plain import Likelihood, Parts
from choicekit.mixing.classes import BoundClasses
from choicekit.numerics.logit import row_log_probabilities

__all__ = ["LatentClassLikelihood"]

Float = NDArray[np.float64]


class _Evaluation(NamedTuple):
    """One pass through all classes."""

    logp: Float  # of each unit's choices, (U,)
    posterior: Float  # of the classes, (U, S)
    prior: Float  # (U, S)
    parts: list[LogProb]  # of the cases, in each class


@dataclass(frozen=True, eq=False)
class LatentClassLikelihood(Likelihood):
    """Log-likelihood with classes of people whose coefficients differ.

    The coefficients come first, as in every likelihood: the B of all classes.

    Attributes
    ----------
    classes
        Which coefficients belong to which class, and the covariates of the membership.
    """

    classes: BoundClasses

    @property
    def n_coefficients(self) -> int:
        """B."""
        return len(self.classes.coefficients_of_all)

    @property
    def through_utilities(self) -> bool:
        """Not alone: coefficients differ between people."""
        return False

    @property
    def unit(self) -> NDArray[np.int64] | None:
        """Person of each case, (C,)."""
        return self.layout.person

    @property
    def n_units(self) -> int:
        """U."""
        return self.layout.n_people

    @cached_property
    def weights(self) -> Float | None:
        """Weights of the people, (U,); the model has checked that a person's cases agree."""
        if self.layout.weights is None or self.layout.person is None:
            return self.layout.weights
        out = np.empty(self.layout.n_people)
        out[self.layout.person] = self.layout.weights
        return out

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        kept = cases if self.layout.person is None else np.unique(self.layout.person[cases])
        return replace(super().take(cases), classes=self.classes.take(kept))

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own with her person's membership covariates."""
        people = cases if self.layout.person is None else self.layout.person[cases]
        return replace(super().alone(cases, alternative), classes=self.classes.take(people))

    def spread_information(self, information: Float) -> Float:
        """Information (B, B) of all coefficients, given that of one class's, (K, K)."""
        return self.classes.spread_information(information)

    # -- classes ------------------------------------------------------------------------------

    def log_prior(self, params: Float) -> Float:
        """Log-probabilities of the classes before the choices are seen, (U, S)."""
        return self.classes.log_prior(self.split(params)[2], self.n_units)

    def posteriors(self, params: Float) -> Float:
        """Probabilities of the classes given the choices, (U, S)."""
        return self.expectation(params)[1]

    def expectation(self, params: Float) -> tuple[float, Float]:
        """Weighted log-likelihood and the classes' posterior probabilities (U, S): an E-step."""
        found = self._evaluate(params, gradient=False)
        ones = np.ones(self.n_units) if self.weights is None else self.weights
        return float(ones @ found.logp), found.posterior

    def shares(self, params: Float) -> Float:
        """Mean prior probabilities of the classes over the (weighted) people, (S,)."""
        found: Float = np.average(np.exp(self.log_prior(params)), axis=0, weights=self.weights)
        return found

    def remarks(self, params: Float) -> tuple[str, ...]:
        """What a reader of the estimates should know, in sentences."""
        found = super().remarks(params)
        if self.classes.n_classes == 1:
            return found
        shares = ", ".join(
            f"class {s + 1} {share:.1%}" for s, share in enumerate(self.shares(params))
        )
        return (*found, f"Shares of the classes among the {self._people}: {shares}.")

    @property
    def _people(self) -> str:
        return "cases" if self.layout.person is None else "people"

    # -- evaluation ---------------------------------------------------------------------------

    def _of_cases(self, by_unit: Float) -> Float:
        """Spread what belongs to units over their cases."""
        return by_unit if self.unit is None else by_unit[self.unit]

    def _class_utilities(self, params: Float) -> list[Float]:
        """Utilities (C, J) in each class; 0 where not available."""
        beta = self.split(params)[0]
        return [
            self.layout.scatter(self.row_utilities(beta[own]), 0.0) for own in self.classes.index
        ]

    def utilities(self, params: Float) -> Float:
        """Utilities (C, J), mean over the prior membership; 0 where not available."""
        prior = self._of_cases(np.exp(self.log_prior(params)))
        each = self._class_utilities(params)
        total: Float = sum(
            (p[:, None] * v for p, v in zip(prior.T, each, strict=True)), 0.0 * each[0]
        )
        return total

    @property
    def _class_errors(self) -> list[tuple[BoundErrors, NDArray[np.intp]]]:
        """Law of each class, and where its parameters are among all P."""
        errors, k = self.errors, self.n_coefficients
        if isinstance(errors, ErrorsByClass):
            return [(errors.law, k + own) for own in errors.own]
        return [(errors, k + np.arange(len(errors.start)))] * self.classes.n_classes

    def node_utilities(self, params: Float, width: int = 0) -> Iterator[NodeUtilities]:
        """Utilities in each class: all cases at one node, class after class."""
        beta, n_cases = self.split(params)[0], self.layout.n_cases
        prior = self._of_cases(np.exp(self.log_prior(params)))
        laws, utilities = self._class_errors, self._class_utilities(params)
        for s, (own, (errors, places)) in enumerate(zip(self.classes.index, laws, strict=True)):
            yield NodeUtilities(
                np.arange(n_cases),
                utilities[s][:, None, :],
                prior[:, [s]],
                beta[own][:, None],
                np.empty(0, dtype=np.intp),
                np.empty((n_cases, 0, 1)),
                errors,
                params[places],
            )

    def _class_parts(self, params: Float, gradient: bool) -> list[LogProb]:
        """Log-probabilities of the cases in each class and, with ``gradient``, derivatives."""
        beta = self.split(params)[0]
        if isinstance(self.errors, BoundGumbel) and not gradient:  # the kernel over rows: faster
            nothing = np.empty((0, 0))
            ptr, scale = self.layout.case_ptr, self.errors.scale
            rows = [
                row_log_probabilities(self.row_utilities(beta[own]), ptr, scale)
                for own in self.classes.index
            ]
            return [LogProb(logs[self.layout.chosen], nothing, nothing) for logs in rows]
        return [
            law.log_prob(v, self._available, self._chosen, params[at], gradient)
            for v, (law, at) in zip(self._class_utilities(params), self._class_errors, strict=True)
        ]

    def _evaluate(self, params: Float, gradient: bool = True) -> _Evaluation:
        parts = self._class_parts(params, gradient)
        log_prior = self.log_prior(params)
        joint = log_prior + np.column_stack([self._sum_cases(part.logp) for part in parts])
        top = joint.max(axis=1, keepdims=True)
        # Parameters outside the range of the errors make every class impossible.
        top = np.where(np.isfinite(top), top, 0.0)
        posterior = np.exp(joint - top)
        total = posterior.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            logp = (top + np.log(total))[:, 0]
        posterior = posterior / np.where(total > 0.0, total, 1.0)
        return _Evaluation(logp, posterior, np.exp(log_prior), parts)

    def _sum_cases(self, by_case: Float) -> Float:
        """Sums (U, ...) over the cases of each unit."""
        if self.unit is None:
            return by_case
        n, unit = self.n_units, self.unit
        columns = [np.bincount(unit, column, n) for column in np.atleast_2d(by_case.T)]
        if not columns:
            return np.empty((n, 0))
        sums = np.column_stack(columns).astype(np.float64, copy=False)
        return sums[:, 0] if by_case.ndim == 1 else sums

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Refuse: derivatives by the utilities differ between the classes."""
        raise NotImplementedError("latent classes have one utility a class")

    def logp(self, params: Float) -> Float:
        """Log-probability of each unit's choices, (U,), unweighted."""
        return self._evaluate(params, gradient=False).logp

    def value_and_gradient(self, params: Float) -> tuple[float, Float]:
        """Weighted log-likelihood and its gradient (P,)."""
        found, weights = self._evaluate(params), self.weights
        ones = np.ones(self.n_units) if weights is None else weights
        gradient = np.zeros(len(params))
        pieces = zip(self.classes.index, self._class_errors, found.parts, strict=True)
        for s, (own, (_, at), part) in enumerate(pieces):
            weight = self._of_cases(ones * found.posterior[:, s])
            rows = self.layout.gather(part.dv * weight[:, None])
            gradient[own] += self.pullback_sum(params[own], rows)
            gradient[at] += weight @ part.dtheta
        by_prior = self.classes.pull_prior(found.posterior - found.prior)
        gradient[len(params) - by_prior.shape[1] :] = ones @ by_prior
        return float(ones @ found.logp), gradient

    def logp_and_scores(self, params: Float) -> tuple[Float, Float]:
        """Log-probability of each unit's choices (U,) and its derivative (U, P), unweighted."""
        found = self._evaluate(params)
        out = np.zeros((self.n_units, len(params)))
        pieces = zip(self.classes.index, self._class_errors, found.parts, strict=True)
        for s, (own, (_, at), part) in enumerate(pieces):
            weight = found.posterior[:, s][:, None]
            by_case = self.pullback(params[own], self.layout.gather(part.dv))
            out[:, own] += weight * self._sum_cases(by_case)
            out[:, at] += weight * self._sum_cases(part.dtheta)
        by_prior = self.classes.pull_prior(found.posterior - found.prior)
        out[:, len(params) - by_prior.shape[1] :] = by_prior
        return found.logp, out

    def logp_and_shifts(self, params: Float) -> tuple[Float, Float]:
        """Log-probability of each unit's choices (U,) and derivatives by utilities (C, J)."""
        found = self._evaluate(params)
        posterior = self._of_cases(found.posterior)
        slopes = [
            weight[:, None] * part.dv for weight, part in zip(posterior.T, found.parts, strict=True)
        ]
        return found.logp, np.sum(slopes, axis=0)

    def probabilities(self, params: Float, tol: float | None = None) -> Float:
        """Choice probabilities, mean over the prior membership, (C, J); 0 where not available."""
        out = np.zeros(self._available.shape)
        prior = self._of_cases(np.exp(self.log_prior(params)))
        utilities = self._class_utilities(params)
        for share, v, (law, at) in zip(prior.T, utilities, self._class_errors, strict=True):
            p = law.probabilities(v, self._available, params[at], self.keys, tol=tol)
            out += share[:, None] * p
        return out
