"""Nested logit of any depth: a tree of nests, each with its dissimilarity.

Axes: C cases, J alternatives, Q parameters.

With the inclusive value of a node n with children c, ``I_n = lambda_n log sum_c exp(I_c /
lambda_n)``, ``I_j = V_j`` at the alternatives and ``lambda = 1`` at the root, the probability of
a child is ``exp((I_c - I_n) / lambda_n)`` and that of an alternative the product along its path
(McFadden 1978; Train 2009, section 4.2; Daly 1987 for trees). ``lambda_n`` is the dissimilarity
of nest n on the scale of the root, 1 being the logit.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb
from choicekit.errors.closed import ClosedForm, StartsFromLogit, alternative_code
from choicekit.exceptions import SpecificationError

__all__ = ["BoundNested", "Nested"]

Float = NDArray[np.float64]
ROOT = -1  # the root's place among the dissimilarities: it has none, being 1


class Node(NamedTuple):
    """An inner node of the tree.

    ``children`` are columns: 0..J-1 the alternatives, J.. the inner nodes in their order.
    ``below`` (children, J) tells which alternatives hang under each child. ``parameter`` is the
    position of its dissimilarity, ROOT if that is fixed at 1.
    """

    name: str
    children: NDArray[np.intp]
    below: NDArray[np.bool_]
    parameter: int
    parent: int  # position among the nodes, ROOT for the root


@dataclass(frozen=True, init=False)
class Nested(StartsFromLogit):
    """Gumbel errors that are correlated within nests.

    Parameters
    ----------
    nests
        ``{"transit": ["bus", "train"], "private": ["car"]}``; a nest may itself be such a dict,
        or a list that holds one: ``{"ground": ["car", {"transit": ["bus", "train"]}]}``.
        Alternatives that are not mentioned hang from the root.
    common
        One dissimilarity, called ``lambda``, for all nests, instead of ``lambda[transit]`` and
        so on. A nest of one alternative has none: it would not show.

    Raises
    ------
    SpecificationError
        For an empty tree, a nest named twice or an alternative in two places.

    References
    ----------
    McFadden (1978); Train (2009), chapter 4.
    """

    tree: Any
    common: bool

    def __init__(self, nests: Mapping[str, Any], common: bool = False) -> None:
        if not isinstance(nests, Mapping) or not nests:
            raise SpecificationError(
                "Nested needs a dict of nests, such as {'transit': ['bus', 'train']}."
            )
        object.__setattr__(self, "tree", _freeze(nests))
        object.__setattr__(self, "common", bool(common))
        seen: set[str] = set()
        for name in _names(self.tree):
            if name in seen:
                raise SpecificationError(f"The nest {name!r} is named twice. Cure: rename one.")
            seen.add(name)

    def __repr__(self) -> str:
        return f"Nested({_written(self.tree)}{', common=True' if self.common else ''})"

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return "Nested logit"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return "Mixed nested logit"

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundNested:
        """Hang the alternatives (J labels) in the tree; the base plays no part."""
        builder = _Builder(alternatives, self.common)
        builder.root(self.tree)
        names = tuple("lambda" if n is None else f"lambda[{n}]" for n in builder.parameters)
        return BoundNested(tuple(builder.nodes), names, len(alternatives))

    def joined(self, member: Hashable, newcomer: Hashable) -> Nested:
        """The same tree with a new alternative beside a member, wherever that hangs."""
        other = object.__new__(Nested)
        object.__setattr__(other, "tree", _joined(self.tree, member, newcomer))
        object.__setattr__(other, "common", self.common)
        return other


def _joined(tree: Any, member: Hashable, newcomer: Hashable) -> Any:
    found: list[Any] = []
    for branch in tree:
        if isinstance(branch, _Leaf):
            found.append(branch)
            if branch.label == member:
                found.append(_Leaf(newcomer))
        else:
            found.append((branch[0], _joined(branch[1], member, newcomer)))
    return tuple(found)


def _freeze(nests: Any) -> Any:
    """Turn a tree of dicts and lists into one of tuples ``((name, members), ...)``."""
    if isinstance(nests, Mapping):
        return tuple((str(name), _freeze(members)) for name, members in nests.items())
    if isinstance(nests, str) or not isinstance(nests, Iterable):
        raise SpecificationError(
            f"A nest must list its alternatives, ['bus', 'train'], not be {nests!r}."
        )
    members: list[Any] = []
    for member in nests:
        members += list(_freeze(member)) if isinstance(member, Mapping) else [_Leaf(member)]
    return tuple(members)


class _Leaf(NamedTuple):
    label: Hashable


def _written(tree: Any) -> dict[str, Any]:
    """A tree of tuples as the user may write it."""
    return {
        name: [m.label if isinstance(m, _Leaf) else _written((m,)) for m in members]
        for name, members in tree
    }


def _names(tree: Any) -> Iterable[str]:
    for member in tree:
        if not isinstance(member, _Leaf):
            yield member[0]
            yield from _names(member[1])


class _Builder:
    """Number the nodes of a tree, children before parents."""

    def __init__(self, alternatives: tuple[Hashable, ...], common: bool) -> None:
        self.alternatives, self.common = alternatives, common
        self.nodes: list[Node] = []
        self.parameters: list[str | None] = []
        self.placed: dict[int, str] = {}

    def root(self, tree: Any) -> None:
        """Build the tree; alternatives not mentioned hang from the root."""
        columns, below = self._children(tree, "the root")
        for j in range(len(self.alternatives)):
            if j not in self.placed:
                columns.append(j)
                below.append(np.arange(len(self.alternatives)) == j)
        self._add("", columns, below, free=False)

    def _children(self, members: Any, where: str) -> tuple[list[int], list[NDArray[np.bool_]]]:
        columns, below = [], []
        if not members:
            raise SpecificationError(f"The nest {where!r} is empty. Cure: leave it out.")
        for member in members:
            if isinstance(member, _Leaf):
                j = alternative_code(member.label, self.alternatives, f"The nest {where!r}")
                if j in self.placed:
                    raise SpecificationError(
                        f"{member.label!r} is in the nests {self.placed[j]!r} and {where!r}. Cure: "
                        "put it in one, or use CrossNested."
                    )
                self.placed[j] = where
                columns.append(j)
                below.append(np.arange(len(self.alternatives)) == j)
            else:
                name, inner = member
                under = self._children(inner, name)
                own = np.any(under[1], axis=0)
                columns.append(self._add(name, *under, free=int(own.sum()) > 1))
                below.append(own)
        return columns, below

    def _add(
        self, name: str, columns: list[int], below: list[NDArray[np.bool_]], free: bool
    ) -> int:
        parameter = ROOT
        if free:
            key = None if self.common else name
            if key not in self.parameters:
                self.parameters.append(key)
            parameter = self.parameters.index(key)
        column = len(self.alternatives) + len(self.nodes)
        for child in columns:
            place = child - len(self.alternatives)
            if place >= 0:
                self.nodes[place] = self.nodes[place]._replace(parent=len(self.nodes))
        node = Node(name, np.array(columns, dtype=np.intp), np.array(below), parameter, ROOT)
        self.nodes.append(node)
        return column


@dataclass(frozen=True, eq=False)
class BoundNested(ClosedForm):
    """A tree over J given alternatives; see `Nested`.

    Attributes
    ----------
    nodes
        Inner nodes, children before parents, the root last.
    names
        Names of the Q dissimilarities.
    n_alternatives
        J.
    """

    nodes: tuple[Node, ...]
    names: tuple[str, ...]
    n_alternatives: int

    @property
    def start(self) -> Float:
        """Ones, the logit, (Q,)."""
        return np.ones(len(self.names))

    @property
    def normalisation(self) -> str:
        """Which scale is fixed."""
        return (
            "The scale of the root is 1; lambda is the dissimilarity of a nest: 1 is the logit, "
            "and 1 - lambda^2 the correlation of two errors that meet in the nest."
        )

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """Say which dissimilarities contradict utility maximisation, (Q,)."""
        texts = []
        for node in self.nodes[:-1]:
            own, above = self._lambda(theta, node), self._lambda(theta, self.nodes[node.parent])
            if node.parameter != ROOT and not 0.0 < own <= above:
                texts.append(
                    f"{self.names[node.parameter]} = {own:.3g} lies outside (0, {above:.3g}], "
                    "where the model follows from utility maximisation for all utilities "
                    "(McFadden 1978)."
                )
        return tuple(dict.fromkeys(texts))

    def _lambda(self, theta: Float, node: Node) -> float:
        return 1.0 if node.parameter == ROOT else float(theta[node.parameter])

    def _values(self, v: Float, available: NDArray[np.bool_], theta: Float) -> Any:
        """Inclusive values of alternatives and nodes, (C, J + nodes), and children's shares."""
        values = np.full((len(v), self.n_alternatives + len(self.nodes)), -np.inf)
        values[:, : self.n_alternatives] = np.where(available, v, -np.inf)
        shares = []
        for position, node in enumerate(self.nodes):
            scaled = values[:, node.children] / self._lambda(theta, node)
            top = scaled.max(axis=1, keepdims=True)
            e = np.exp(scaled - np.where(np.isfinite(top), top, 0.0))
            total = e.sum(axis=1, keepdims=True)
            with np.errstate(divide="ignore"):
                inclusive = self._lambda(theta, node) * (top + np.log(total))[:, 0]
            values[:, self.n_alternatives + position] = np.where(
                np.isfinite(top[:, 0]), inclusive, -np.inf
            )
            shares.append(e / np.where(total > 0.0, total, 1.0))
        return values, shares

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
    ) -> LogProb:
        """Log-probability of the chosen alternatives: the sum along their paths."""
        if (theta <= 0.0).any():  # no model there: an optimiser must turn back
            nothing = np.zeros((len(v), len(theta)))
            return LogProb(np.full(len(v), -np.inf), np.zeros(v.shape), nothing)
        values, shares = self._values(v, available, theta)
        logp, bar = np.zeros(len(v)), np.zeros(values.shape)
        dtheta = np.zeros((len(v), len(theta)))
        for position, node in enumerate(self.nodes):
            scale, own = self._lambda(theta, node), self.n_alternatives + position
            for child, below in zip(node.children, node.below, strict=True):
                on = below[chosen]
                step = (values[on, child] - values[on, own]) / scale
                logp[on] += step
                bar[on, child] += 1.0 / scale
                bar[on, own] -= 1.0 / scale
                if node.parameter != ROOT:
                    dtheta[on, node.parameter] -= step / scale
        if not gradient:
            return LogProb(logp, np.empty((0, v.shape[1])), np.empty((0, len(theta))))
        for position in range(len(self.nodes) - 1, -1, -1):
            node, share = self.nodes[position], shares[position]
            own = self.n_alternatives + position
            down = bar[:, own]
            bar[:, node.children] += down[:, None] * share
            if node.parameter != ROOT:
                scale = self._lambda(theta, node)
                inner = np.where(share > 0.0, values[:, node.children], 0.0)
                whole = np.where(np.isfinite(values[:, own]), values[:, own], 0.0)
                slope = (whole - (share * inner).sum(axis=1)) / scale
                dtheta[:, node.parameter] += down * slope
        return LogProb(logp, bar[:, : self.n_alternatives], dtheta)

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        tol: float | None = None,
    ) -> Float:
        """Choice probabilities (C, J), from the root down; 0 where not available."""
        _, shares = self._values(v, available, theta)
        out = np.zeros((len(v), self.n_alternatives + len(self.nodes)))
        out[:, -1] = 1.0
        for position in range(len(self.nodes) - 1, -1, -1):
            node = self.nodes[position]
            own = out[:, self.n_alternatives + position]
            out[:, node.children] = own[:, None] * shares[position]
        return out[:, : self.n_alternatives]

    def expected_maximum(self, v: Float, available: NDArray[np.bool_], theta: Float) -> Float:
        """Inclusive value of the root, (C,): the logarithm of McFadden's (1978) generator."""
        found: Float = self._values(v, available, theta)[0][:, -1]
        return found

    def covariance(self, theta: Float) -> Float:
        """``pi^2 / 6 (1 - lambda^2)`` off the diagonal, of the lowest common nest, (J, J)."""
        shared = np.zeros((self.n_alternatives, self.n_alternatives))
        # From the root down, so that deeper nests overwrite what higher ones wrote.
        for node in self.nodes[::-1]:
            members = node.below.any(axis=0)
            shared[np.ix_(members, members)] = 1.0 - self._lambda(theta, node) ** 2
        np.fill_diagonal(shared, 1.0)
        return shared * np.pi**2 / 6.0
