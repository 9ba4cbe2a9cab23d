"""The general mixing layer: any errors, random coefficients, people with several cases.

    log L_n = log (1 / S) sum_s prod_t P(i_nt | V_nt(b_ns))        (Train 2009, section 6.7)

People are taken in blocks; within a block every case is repeated once a node, and the error law
is asked about all of them at once. Memory is bounded by the block, whatever the number of nodes.

Axes: C cases, J alternatives, N people, S nodes, H random coefficients.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb, SimulationPlan
from choicekit.exceptions import SimulationWarning
from choicekit.likelihood.nodes import NodeUtilities
from choicekit.likelihood.plain import Likelihood, Parts
from choicekit.mixing.bound import BoundRandom, ValuesAtNodes
from choicekit.numerics.points import MAX_POINTS

__all__ = ["Block", "MixedLikelihood"]

Float = NDArray[np.float64]

BLOCK_CELLS = 500_000  # case x node x alternative at a time: 4 MB an array
KEPT_NODES = 10_000_000  # person x node x coefficient: 80 MB


class Block(NamedTuple):
    """Some people and their cases, in the order of the people."""

    people: slice
    cases: NDArray[np.int64]  # positions of their cases, (C',)
    first: NDArray[np.int64]  # where each person's cases begin among these, (N',)
    person: NDArray[np.int64]  # person of each of these cases, counted from 0, (C',)


def _weigh(by_node: Float) -> tuple[Float, Float]:
    """Posterior weights of the nodes (N', S) and log mean probabilities (N',).

    Parameters outside the range of the errors make all probabilities zero, and then the weights.
    """
    top = by_node.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    weight = np.exp(by_node - top)
    total = weight.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        logp = (top + np.log(total))[:, 0] - np.log(by_node.shape[1])
    return weight / np.where(total > 0.0, total, 1.0), logp


@dataclass(frozen=True, eq=False)
class MixedLikelihood(Likelihood):
    """Log-likelihood with random coefficients that a person keeps over all her cases.

    Attributes
    ----------
    mixing
        The random coefficients.
    person_keys
        Random keys of the people, uint64 (N,).
    seed
        Seed of their nodes; set by ``settle``.
    """

    mixing: BoundRandom
    person_keys: NDArray[np.uint64]
    seed: int = 0

    # -- units --------------------------------------------------------------------------------

    @property
    def random_columns(self) -> NDArray[np.intp]:
        """Positions of the coefficients that differ between people, (H,)."""
        return self.mixing.varying

    def _signs(self, phi: Float) -> Float:
        return self.mixing.signs(phi)

    @property
    def nodes_per_case(self) -> int:
        """How many base draws a case of its own would have."""
        return self.n_nodes * self.mixing.n_drawn

    @property
    def through_utilities(self) -> bool:
        """Not alone: coefficients differ between people."""
        return False

    @property
    def unit(self) -> NDArray[np.int64] | None:
        """Person of each case, (C,)."""
        return self.layout.person

    @cached_property
    def weights(self) -> Float | None:
        """Weights of the people, (N,); the model has checked that a person's cases agree."""
        if self.layout.weights is None or self.layout.person is None:
            return self.layout.weights
        out = np.empty(self.layout.n_people)
        out[self.layout.person] = self.layout.weights
        return out

    @property
    def n_people(self) -> int:
        """N; the cases where nobody has several."""
        return len(self._sorted[1]) - 1

    @property
    def n_nodes(self) -> int:
        """S."""
        return self.mixing.n_nodes

    @property
    def plan(self) -> SimulationPlan | None:
        """Draws of the people's coefficients; those of the errors, if any, are not repeated."""
        if not self.mixing.n_drawn:
            return super().plan
        n = self.layout.n_cases
        return SimulationPlan("mixing", self.mixing.kind_text, self.n_nodes, self.seed, 0, n)

    def remarks(self, params: Float) -> tuple[str, ...]:
        """What a reader of the parameters should know, in sentences."""
        own = self.mixing.remarks_on(self.split(params)[2])
        return (*super().remarks(params), *self.mixing.remarks, *own)

    def vanished(self, params: Float) -> tuple[str, str]:
        """Say which coefficients of one sign have shrunk to nothing, and the cure."""
        beta, _, phi = self.split(params)
        return self.mixing.vanished(beta, phi, self._variation)

    @property
    def _variation(self) -> Float:
        """Root mean square deviation of each regressor from its mean in the case, (K,)."""
        starts = self.layout.case_ptr[:-1]
        means = np.add.reduceat(self.x, starts, axis=0) / self.layout.sizes[:, None]
        found: Float = np.sqrt(((self.x - means[self.layout.case]) ** 2).mean(axis=0))
        return found

    @property
    def bent_columns(self) -> NDArray[np.intp]:
        """Positions of mean parameters in other units than coefficients."""
        return self.mixing.bent_columns

    def start_from(self, params: Float) -> Float:
        """Parameters to start from where the coefficients of all people would be these."""
        beta, theta, phi = self.split(params)
        means, spread = self.mixing.start_from(beta, phi)
        return np.concatenate([means, theta, spread])

    def take(self, cases: NDArray[np.int64]) -> Self:
        """The same, not settled, on some of the cases."""
        kept = cases if self.layout.person is None else np.unique(self.layout.person[cases])
        mixing = self.mixing.take(kept)
        return replace(super().take(cases), person_keys=self.person_keys[kept], mixing=mixing)

    def alone(self, cases: NDArray[np.int64], alternative: int) -> Self:
        """Some cases, each a unit of its own with her person's nodes; see `Likelihood.alone`.

        The points of the errors stay those of the fit: the nodes average over them.
        """
        people = cases if self.layout.person is None else self.layout.person[cases]
        return replace(
            super().alone(cases, alternative),
            errors=self.errors,
            person_keys=self.person_keys[people],
            mixing=self.mixing.take(people),
        )

    def settled_like(self, other: Self) -> Self:
        """The same with the draws and orders of one that has the same cases and choices."""
        mixing = replace(self.mixing, given=other.mixing.given, n_nodes=other.mixing.n_nodes)
        found = replace(
            super().settled_like(other),
            seed=other.seed,
            person_keys=other.person_keys,
            mixing=mixing,
        )
        if "_kept_nodes" in other.__dict__:  # made already, and the same
            found.__dict__["_kept_nodes"] = other._kept_nodes
        return found

    def utilities(self, params: Float) -> Float:
        """Utilities (C, J) at the median of each coefficient; 0 where not available."""
        beta, _, phi = self.split(params)
        nowhere = np.zeros((len(self._sorted[1]) - 1, self.mixing.n_drawn, 1))
        values = self.mixing.evaluate(self._means(beta, phi, slice(None)), phi, nowhere).values
        own = values[:, :, 0] if self.layout.person is None else values[self.layout.person, :, 0]
        random: Float = np.einsum("cjh,ch->cj", self._covariates, own)
        return self._fixed_utilities(beta) + random

    def settle(self, params: Float, seed: int) -> Self:
        """Fix the people's nodes and what the errors need, at the mean coefficients."""
        settled = super().settle(params, seed)
        if settled.errors is self.errors and seed == self.seed:
            return self  # with the nodes it has made
        return replace(settled, seed=seed)

    def reseeded(self, seed: int) -> Self:
        """The same with independent nodes and draws."""
        return replace(super().reseeded(seed), seed=seed, mixing=self.mixing.redrawn())

    def mirrored(self, params: Float) -> Self:
        """The same where the signs of ``params`` are turned, at the mirror image of the nodes."""
        return replace(self, mixing=self.mixing.mirrored(self.split(params)[2]))

    def predicting(self, seed: int) -> Self:
        """The same, not settled, whose predictions take the nodes and draws of a seed."""
        return replace(super().predicting(seed), seed=seed)

    def refined(self) -> Self:
        """The same with twice the nodes, and twice the draws of the errors."""
        finer = self.mixing.redrawn(2 * self.n_nodes)
        return replace(super().refined(), mixing=finer)

    # -- evaluation ---------------------------------------------------------------------------

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cases in the order of their people, (C,), and where each person's begin, (N + 1,)."""
        n_cases = self.layout.n_cases
        if self.layout.person is None:
            return np.arange(n_cases), np.arange(n_cases + 1)
        order = np.argsort(self.layout.person, kind="stable")
        counts = np.bincount(self.layout.person, minlength=self.layout.n_people)
        return order, np.concatenate([[0], np.cumsum(counts)])

    def _blocks(self, width: int = 0) -> Iterator[Block]:
        order, first = self._sorted
        most = max(1, BLOCK_CELLS // (self.n_nodes * max(width, self.layout.n_alternatives)))
        start, n_people = 0, len(first) - 1
        while start < n_people:
            stop = int(np.searchsorted(first, first[start] + most, side="right")) - 1
            stop = min(n_people, max(start + 1, stop))
            own = first[start : stop + 1] - first[start]
            person = np.repeat(np.arange(stop - start), np.diff(own))
            yield Block(slice(start, stop), order[first[start] : first[stop]], own[:-1], person)
            start = stop

    @cached_property
    def _covariates(self) -> Float:
        """Covariates of the random coefficients, (C, J, H); 0 where not available."""
        rows = self.mixing.rows(self.x, self.layout.alt)
        return np.stack([self.layout.scatter(column, 0.0) for column in rows.T], axis=2)

    def _fixed_utilities(self, beta: Float) -> Float:
        """Utilities without the part of the random coefficients, (C, J)."""
        rest = beta.copy()
        rest[self.mixing.varying] = 0.0
        return self.layout.scatter(self.x @ rest, 0.0)

    def _means(self, beta: Float, phi: Float, people: slice) -> Float:
        """Means of the variables behind the random coefficients, (H,) or (N', H)."""
        return self.mixing.means(beta, phi, people)

    @cached_property
    def _kept_nodes(self) -> Float | None:
        """All base draws, (N, H, S), where they are few enough to be kept."""
        if len(self.person_keys) * self.n_nodes * self.mixing.n_drawn > KEPT_NODES:
            return None
        return self.mixing.nodes(self.person_keys, self.seed, slice(None))

    def _nodes(self, people: slice, threads: int | None = None) -> Float:
        """Base draws of some people, (N', H, S)."""
        if self._kept_nodes is not None:
            return self._kept_nodes[people]
        return self.mixing.nodes(self.person_keys[people], self.seed, people, threads)

    def _at_nodes(self, beta: Float, phi: Float, block: Block) -> ValuesAtNodes:
        """Random coefficients of the block's people at their nodes."""
        mean = self._means(beta, phi, block.people)
        return self.mixing.evaluate(mean, phi, self._nodes(block.people))

    def parts(self, params: Float, gradient: bool = True) -> Parts:
        """Log-probabilities of the people's choices and, with ``gradient``, their derivatives."""
        _, theta, phi = self.split(params)
        n_people, shape = self.n_people, self._available.shape
        logp, dv = np.empty(n_people), np.empty(shape if gradient else (0, shape[1]))
        size = n_people if gradient else 0
        by_theta, by_phi = np.empty((size, len(theta))), np.empty((size, len(phi)))
        by_mean = np.empty((size, self.mixing.n_values))
        for block, at, v in self._at_blocks(params):
            own = block.people
            part = self._stacked(block, v, theta, gradient)
            logp[own], weight = self._weigh(block, part)
            if not gradient:
                continue
            of_case = weight[block.person][:, :, None]
            slope = part.dv.reshape(v.shape) * of_case
            dv[block.cases] = slope.sum(axis=1)
            of_theta = (part.dtheta.reshape(*v.shape[:2], -1) * of_case).sum(axis=1)
            by_theta[own] = np.add.reduceat(of_theta, block.first, axis=0)
            by_value = self._pull_at(slope, at, block)
            by_mean[own], by_phi[own] = self.mixing.pull_values(by_value, at, own)
        rows = self.layout.gather(dv) if gradient else dv
        means = self.mixing.of_coefficients(by_mean) if gradient else None
        return Parts(logp, rows, by_theta, by_phi, means)

    def _weigh(self, block: Block, part: LogProb) -> tuple[Float, Float]:
        """Log-probabilities of the block's people, (N',), and weights of their nodes, (N', S)."""
        by_case = part.logp.reshape(len(block.cases), -1)
        weight, logp = _weigh(np.add.reduceat(by_case, block.first, axis=0))
        return logp, weight

    def posterior(self, params: Float) -> tuple[Float, Float]:
        """Means and variances of each person's coefficients given her choices, both (N, H).

        They are those that ``mixing.reported`` names.

        Train (2009), equation 11.4: nodes weighted by the probability of the choices.
        """
        shape = (self.n_people, len(self.mixing.reported))
        mean, variance = np.empty(shape), np.empty(shape)
        for own, values, weight in self.posterior_nodes(params):
            mean[own] = (values @ weight[:, :, None])[:, :, 0]
            variance[own] = ((values - mean[own][:, :, None]) ** 2 @ weight[:, :, None])[:, :, 0]
        return mean, variance

    def posterior_nodes(self, params: Float) -> Iterator[tuple[slice, Float, Float]]:
        """Some people, their coefficients at nodes (N', H, S), and the nodes' weights (N', S).

        The weights are the nodes' posterior probabilities, given the people's choices.
        """
        theta = self.split(params)[1]
        for block, at, v in self._at_blocks(params):
            weight = self._weigh(block, self._stacked(block, v, theta, False))[1]
            yield block.people, self.mixing.report(at), weight

    def node_utilities(self, params: Float, width: int = 0) -> Iterator[NodeUtilities]:
        """Utilities of the cases at their people's nodes."""
        beta, theta, _ = self.split(params)
        common = beta[:, None].copy()
        mixing = self.mixing
        common[mixing.varying] = 0.0
        # Error components stand between random coefficients and those that are multiplied only.
        own = [*range(len(mixing.columns)), *range(mixing.size, mixing.n_values)]
        weight = np.full((1, self.n_nodes), 1.0 / self.n_nodes)
        for block, at, v in self._at_blocks(params, width):
            values = at.values[block.person][:, own]
            where = block.cases, v, weight, common, mixing.varying, values
            yield NodeUtilities(*where, self.errors, theta)

    def _at_blocks(
        self, params: Float, width: int = 0
    ) -> Iterator[tuple[Block, ValuesAtNodes, Float]]:
        """Blocks, their people's coefficients, and their utilities at the nodes, (C', S, J)."""
        beta, _, phi = self.split(params)
        fixed = self._fixed_utilities(beta)
        for block in self._blocks(width):
            at = self._at_nodes(beta, phi, block)
            yield block, at, self._utilities_at(fixed, at, block)

    def _utilities_at(self, fixed: Float, at: ValuesAtNodes, block: Block) -> Float:
        """Utilities of the block's cases at the nodes, (C', S, J)."""
        x = self._covariates[block.cases]
        random = (x @ at.values[block.person]).transpose(0, 2, 1)
        found: Float = fixed[block.cases][:, None, :] + random
        return found

    def _pull_at(self, slope: Float, at: ValuesAtNodes, block: Block) -> Float:
        """From derivatives by these utilities to those by the values at nodes, (N', E, S)."""
        by_case = (slope @ self._covariates[block.cases]).transpose(0, 2, 1)
        found: Float = np.add.reduceat(by_case, block.first, axis=0)
        return found

    def _stacked(self, block: Block, v: Float, theta: Float, gradient: bool) -> LogProb:
        """Ask the error law about every case at every node; v is (C', S, J)."""
        repeated = np.repeat(block.cases, v.shape[1])
        node = np.tile(np.arange(v.shape[1], dtype=np.uint64), len(block.cases))
        return self.errors.at_nodes(repeated, node).log_prob(
            v.reshape(-1, v.shape[2]),
            self._available[repeated],
            self._chosen[repeated],
            theta,
            gradient,
        )

    def probabilities(self, params: Float, tol: float | None = None) -> Float:
        """Choice probabilities of the cases over all people, (C, J); 0 where not available.

        With ``tol`` the nodes are quadrupled until no probability changes by more.
        """
        found = self._shares(params)
        if tol is None:
            return found
        finer, change = self, np.inf
        while 4 * finer.n_nodes <= MAX_POINTS:
            finer = finer.refined().refined()
            before, found = found, finer._shares(params)
            change = float(np.abs(found - before).max())
            if change <= tol:
                return found
        warnings.warn(
            f"The probabilities still change by {change:.2g} at {finer.n_nodes:,} nodes a person, "
            f"more than tol={tol:g}.",
            SimulationWarning,
            stacklevel=5,
        )
        return found

    def _shares(self, params: Float) -> Float:
        """Mean probabilities over the nodes, (C, J)."""
        theta, out = self.split(params)[1], np.zeros(self._available.shape)
        for block, _, v in self._at_blocks(params):
            repeated = np.repeat(block.cases, v.shape[1])
            p = self.errors.probabilities(
                v.reshape(-1, v.shape[2]), self._available[repeated], theta, self.keys[repeated]
            )
            out[block.cases] = p.reshape(v.shape).mean(axis=1)
        return out
