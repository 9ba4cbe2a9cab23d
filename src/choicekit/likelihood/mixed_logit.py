"""The general mixing layer with Gumbel errors, in a fused kernel: an optimisation, no other model.

A test holds it equal to `MixedLikelihood`. Axes: C cases, L rows, N people, S nodes, H random
coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.gumbel import BoundGumbel
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.plain import Parts
from choicekit.numerics.mixed_logit import mixed_logit_range
from choicekit.numerics.threads import map_ranges

__all__ = ["MixedLogitLikelihood"]

Float = NDArray[np.float64]

AT_LEAST = 8  # people a thread takes at a time
BLOCK_NODES = 500_000  # person x node x coefficient that a thread holds at a time: 4 MB


@dataclass(frozen=True, eq=False)
class MixedLogitLikelihood(MixedLikelihood):
    """Log-likelihood of a mixed logit; see `MixedLikelihood`."""

    @cached_property
    def _x_random(self) -> Float:
        """Covariates of the random coefficients, (H, L)."""
        return np.ascontiguousarray(self.mixing.rows(self.x, self.layout.alt).T)

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Log-probabilities of the people's choices and, with ``gradient``, their derivatives."""
        assert isinstance(self.errors, BoundGumbel)
        beta, theta, phi = self.split(params)
        scale, mixing = self.errors.scale, self.mixing
        rest = beta.copy()
        rest[self.mixing.columns] = 0.0
        cases, first = self._sorted
        n_people, size = len(first) - 1, mixing.size
        problem = (
            self.x @ (rest / scale),
            self._x_random,
            self.layout.case_ptr,
            self.layout.chosen,
            cases,
            first,
        )
        shape = n_people if gradient else 0
        logp, rows = np.empty(n_people), np.empty(self.layout.n_rows if gradient else 0)
        by_mean, by_spread = np.empty((shape, size)), np.empty((shape, size, size))
        none, out = np.empty((0, size, 1)), (logp, rows, by_mean, by_spread)
        most = max(1, BLOCK_NODES // (size * self.n_nodes))

        self._kept_nodes  # noqa: B018  (made by all threads together, before they part)

        def work(start: int, stop: int) -> None:
            for begin, end in pairwise([*range(start, stop, most), stop]):
                people = slice(begin, end)
                mean = self._means(beta, phi, people)
                at = mixing.evaluate(mean, phi, self._nodes(people, 1))
                values, chain = at.values / scale, none if at.slope is None else at.slope
                mixed_logit_range(problem, values, chain, at.lever, begin, end, gradient, out)

        map_ranges(work, n_people, at_least=AT_LEAST)
        if not gradient:
            nothing = np.empty((0, len(phi)))
            return Parts(logp, rows, np.empty((0, len(theta))), nothing)
        by_mean /= scale
        by_phi = mixing.pull_phi(by_spread / scale, by_mean, slice(None))
        by_theta = np.empty((n_people, len(theta)))
        return Parts(logp, rows / scale, by_theta, by_phi, mixing.of_coefficients(by_mean))
