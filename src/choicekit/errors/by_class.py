"""Errors whose parameters differ between the classes of people: a law that holds one for each.

Axes: C cases, J alternatives, S classes, Q parameters of the law, T of all classes: those that
each class has for itself counted S times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors, LogProb, SimulationPlan

__all__ = ["ErrorsByClass"]

Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ErrorsByClass:
    """A bound law with parameters for every class; see `BoundErrors` for what it does.

    Draws and orders of integration are the same in all classes. Where one covariance is asked for
    it is the mean over the classes, each counting the same.

    Attributes
    ----------
    law
        The law, with Q parameters.
    names
        Those of all classes, T.
    own
        Position among these of each class's parameters, (S, Q).
    """

    law: BoundErrors
    names: tuple[str, ...]
    own: NDArray[np.intp]

    def __getattr__(self, name: str) -> Any:
        """What laws have beside the contract, such as a structure."""
        if name.startswith("__") or name == "law":
            raise AttributeError(name)
        return getattr(self.law, name)

    def of_classes(self, theta: Float) -> list[Float]:
        """Parameters (Q,) of each class."""
        return [theta[own] for own in self.own]

    def spread(self, by_class: Sequence[Float]) -> Float:
        """What belongs to the classes' parameters, S of (..., Q), added up to (..., T)."""
        out = np.zeros((*by_class[0].shape[:-1], len(self.names)))
        for own, part in zip(self.own, by_class, strict=True):
            out[..., own] += part
        return out

    def reordering(self, order: NDArray[np.intp]) -> Float:
        """Matrix (T, T) that turns parameters into those with class ``order[s]`` in place s."""
        out = np.eye(len(self.names))
        for to, come in enumerate(order):
            out[self.own[to]] = 0.0
            out[self.own[to], self.own[come]] = 1.0
        return out

    # -- the contract -------------------------------------------------------------------------

    @property
    def index(self) -> bool:
        """As the law's."""
        return self.law.index

    @property
    def start(self) -> Float:
        """The law's in every class, (T,)."""
        return self._of_all(self.law.start)

    @property
    def search_start(self) -> Float:
        """The law's in every class, (T,)."""
        return self._of_all(self.law.search_start)

    def _of_all(self, values: Float) -> Float:
        out = np.empty(len(self.names))
        out[self.own] = values
        return out

    @property
    def sd_per_logit(self) -> float:
        """As the law's."""
        return self.law.sd_per_logit

    @property
    def normalisation(self) -> str:
        """As the law's."""
        return self.law.normalisation

    @property
    def seed(self) -> int:
        """Of the draws of predictions where nothing is settled."""
        return int(getattr(self.law, "seed", 0))

    def settle(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        keys: NDArray[np.uint64],
        theta: Float,
        seed: int,
    ) -> ErrorsByClass:
        """Fix draws and orders at the first class's parameters."""
        at = theta[self.own[0]]
        return self._with(self.law.settle(v, available, chosen, keys, at, seed))

    def _with(self, law: BoundErrors) -> ErrorsByClass:
        return self if law is self.law else replace(self, law=law)

    def redrawn(self, seed: int | None) -> ErrorsByClass:
        """With other draws."""
        return self._with(self.law.redrawn(seed))

    def predicting(self, seed: int = 0) -> ErrorsByClass:
        """With the points that probabilities take."""
        return self._with(self.law.predicting(seed))

    def approximated(self) -> ErrorsByClass | None:
        """With a cheap approximation in place of the law."""
        cheap = self.law.approximated()
        return None if cheap is None else replace(self, law=cheap)

    def at_nodes(self, cases: NDArray[np.int64], nodes: NDArray[np.uint64]) -> ErrorsByClass:
        """For repeated cases."""
        return self._with(self.law.at_nodes(cases, nodes))

    def log_prob(self, *args: Any, **kwargs: Any) -> LogProb:
        """Refuse: each class has its own."""
        raise NotImplementedError("ask the law of one class")

    def probabilities(self, *args: Any, **kwargs: Any) -> Float:
        """Refuse: each class has its own."""
        raise NotImplementedError("ask the law of one class")

    def covariance(self, theta: Float) -> Float:
        """Mean over the classes, (J, J)."""
        found: Float = np.mean([self.law.covariance(own) for own in self.of_classes(theta)], axis=0)
        return found

    def require_fittable(self) -> None:
        """As the law."""
        self.law.require_fittable()

    def signs(self, theta: Float) -> Float:
        """Of all parameters, (T,)."""
        return self._of_all(np.array([self.law.signs(own) for own in self.of_classes(theta)]))

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """Those on each class, each once."""
        found = [text for own in self.of_classes(theta) for text in self.law.remarks(own)]
        return tuple(dict.fromkeys(found))

    def barrier(self, theta: Float) -> tuple[float, Float] | None:
        """The sum over classes, with its slope (T,)."""
        found = [self.law.barrier(own) for own in self.of_classes(theta)]
        kept = [one for one in found if one is not None]
        if len(kept) < len(found):
            return None
        return float(sum(one[0] for one in kept)), self.spread([one[1] for one in kept])

    def boundary(self, theta: Float, slack: float = 1.0) -> str:
        """The first class at the edge of its range, if any."""
        for s, own in enumerate(self.of_classes(theta)):
            text = self.law.boundary(own, slack)
            if text:
                return f"class {s + 1}: {text}"
        return ""

    @property
    def plan(self) -> SimulationPlan | None:
        """As the law's."""
        return self.law.plan
