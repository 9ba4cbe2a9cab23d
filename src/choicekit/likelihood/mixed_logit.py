"""The general mixing layer with Gumbel errors, in a fused kernel: an optimisation, no other model.

A test holds it equal to `MixedLikelihood`. Axes: C cases, L rows, N people, S nodes, H random
coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.plain import Parts
from choicekit.mixing.products import BoundProducts
from choicekit.numerics.mixed_hessian import mixed_hessian_range
from choicekit.numerics.mixed_logit import mixed_logit_range
from choicekit.numerics.mixed_slopes import mixed_slopes_range
from choicekit.numerics.threads import map_ranges

__all__ = ["MixedLogitLikelihood"]

Float = NDArray[np.float64]

MOST_SLOPES = 40  # coefficients, beyond which differences take no longer than the exact Hessian
AT_LEAST = 8  # people a thread takes at a time
BLOCK_NODES = 500_000  # person x node x coefficient that a thread holds at a time: 4 MB


@dataclass(frozen=True, eq=False)
class MixedLogitLikelihood(MixedLikelihood):
    """Log-likelihood of a mixed logit; see `MixedLikelihood`."""

    @cached_property
    def _x_random(self) -> Float:
        """Covariates of the random coefficients, (H, L)."""
        return np.ascontiguousarray(self.mixing.rows(self.x, self.layout.alt).T)

    @property
    def _scale(self) -> float:
        """Scale of the errors."""
        assert isinstance(self.errors, BoundGumbel)
        return self.errors.scale

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Log-probabilities of the people's choices and, with ``gradient``, their derivatives."""
        if isinstance(self.mixing, BoundProducts):
            return self._product_parts(self.mixing, params, gradient)
        scale, mixing, (beta, theta, phi) = self._scale, self.mixing, self.split(params)
        n_people, size = len(self._sorted[1]) - 1, mixing.size
        problem = self._problem(params)
        shape = n_people if gradient else 0
        logp, rows = np.empty(n_people), np.empty(self.layout.n_rows if gradient else 0)
        by_mean, by_spread = np.empty((shape, size)), np.empty((shape, size, size))
        none, out = np.empty((0, size, 1)), (logp, rows, by_mean, by_spread)
        linear = self._linear_in_nodes(params)

        def work(start: int, stop: int) -> None:
            for begin, end in self._pieces(start, stop):
                people = slice(begin, end)
                z = self._nodes(people, 1)
                if mixing.all_normal:
                    mixed_logit_range(problem, none, linear, none, z, begin, end, gradient, out)
                    continue
                at = mixing.evaluate(self._means(beta, phi, people), phi, z)
                values, chain = at.values / scale, none if at.slope is None else at.slope
                lever = at.lever
                mixed_logit_range(problem, values, linear, chain, lever, begin, end, gradient, out)

        map_ranges(work, n_people, at_least=AT_LEAST)
        if not gradient:
            nothing = np.empty((0, len(phi)))
            return Parts(logp, rows, np.empty((0, len(theta))), nothing)
        by_mean /= scale
        by_phi = mixing.pull_phi(by_spread / scale, by_mean, slice(None))
        by_theta = np.empty((n_people, len(theta)))
        return Parts(logp, rows / scale, by_theta, by_phi, mixing.of_coefficients(by_mean))

    def _product_parts(self, mixing: BoundProducts, params: Float, gradient: bool) -> Parts:
        """The same where coefficients are products, whose slopes are taken at each node."""
        scale, (beta, theta, phi) = self._scale, self.split(params)
        n_people, problem = len(self._sorted[1]) - 1, self._problem(params)
        size = n_people if gradient else 0
        logp, rows = np.empty(n_people), np.empty(self.layout.n_rows if gradient else 0)
        by_mean, by_phi = np.empty((size, mixing.n_values)), np.empty((size, len(phi)))

        def work(start: int, stop: int) -> None:
            for begin, end in self._pieces(start, stop):
                people = slice(begin, end)
                at = mixing.evaluate(self._means(beta, phi, people), phi, self._nodes(people, 1))
                by_value = np.empty_like(at.values) if gradient else np.empty((0, 0, 0))
                values, out = at.values / scale, (logp, rows, by_value)
                mixed_slopes_range(problem, values, begin, end, gradient, out)
                if gradient:
                    by_mean[people], by_phi[people] = mixing.pull_values(by_value, at, people)

        map_ranges(work, n_people, at_least=AT_LEAST)
        if not gradient:
            return Parts(logp, rows, np.empty((0, len(theta))), by_phi)
        by_theta, by_coefficient = np.empty((n_people, len(theta))), mixing.of_coefficients(by_mean)
        return Parts(logp, rows / scale, by_theta, by_phi / scale, by_coefficient / scale)

    def hessian_cost(self, n_free: int) -> int:
        """Evaluations of the gradient that a Hessian takes."""
        return 2 if self._exact else 2 * n_free

    @property
    def _exact(self) -> bool:
        """Whether the kernel of the Hessian serves: normal coefficients, and not very many."""
        mixing = self.mixing
        plain = mixing.all_normal and mixing.size == len(mixing.columns)
        return plain and self.n_coefficients <= MOST_SLOPES

    def hessian(self, params: Float, scales: Float, free: NDArray[np.intp]) -> Float:
        """Exact Hessian of the free parameters where the kernel serves, else by differences."""
        if not self._exact:
            return super().hessian(params, scales, free)
        problem, linear = self._problem(params), self._linear_in_nodes(params)
        columns, places = self.mixing.columns, np.array(self.mixing.places, dtype=np.intp)
        n_fixed, n_people = self.n_coefficients, len(self._sorted[1]) - 1
        of = np.concatenate([np.arange(n_fixed), columns[places[:, 0]]])[free]
        by = np.concatenate([np.full(n_fixed, -1), places[:, 1]])[free]
        x, weights = np.ascontiguousarray(self.x.T), self.weights
        weights = np.ones(n_people) if weights is None else weights

        def work(start: int, stop: int) -> Float:
            out = np.zeros((len(of), len(of)))
            for begin, end in self._pieces(start, stop):
                z = self._nodes(slice(begin, end), 1)
                mixed_hessian_range(problem, x, linear, z, of, by, weights, begin, end, out)
            return out

        total: Float = np.sum(map_ranges(work, n_people, at_least=AT_LEAST), axis=0)
        return np.asarray(total / self._scale**2)

    def _problem(self, params: Float) -> Any:
        """What the kernels take: utilities without the random part, and the people's cases."""
        self._kept_nodes  # noqa: B018  (made by all threads together, before they part)
        rest = self.split(params)[0].copy()
        rest[self.mixing.varying] = 0.0
        cases, first = self._sorted
        layout = self.layout
        fixed = self.x @ (rest / self._scale)
        return fixed, self._x_random, layout.case_ptr, layout.chosen, cases, first

    def _linear_in_nodes(self, params: Float) -> tuple[Float, Float]:
        """Mean (1, H) and spread (H, H) of normal coefficients over the scale of the errors."""
        beta, _, phi = self.split(params)
        spread = self.mixing.spread(phi) / self._scale
        if not self.mixing.all_normal:
            return np.zeros((1, self.mixing.size)), spread  # not used, but of the same type
        mean = self._means(beta, phi, slice(None)).reshape(1, -1)
        return np.ascontiguousarray(mean) / self._scale, spread

    def _pieces(self, start: int, stop: int) -> pairwise[tuple[int, int]]:
        """Ranges of people whose nodes a thread holds at a time."""
        most = max(1, BLOCK_NODES // (self.mixing.n_values * self.n_nodes))
        return pairwise([*range(start, stop, most), stop])
