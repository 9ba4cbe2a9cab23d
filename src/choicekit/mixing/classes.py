"""People of several kinds: latent classes, each with coefficients of its own.

Axes: K coefficients of the utility, S classes, B coefficients as they are estimated (those with
one value in all classes counted once), N people, G covariates of the membership, M = (S - 1) G,
P parameters: B, those of the errors, M.

A person belongs to class s with probability ``pi_ns = exp(g_s' w_n) / sum_r exp(g_r' w_n)``,
g_1 = 0, and keeps her class over all her cases (Kamakura & Russell 1989; Bhat 1997; Greene &
Hensher 2003).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["CONSTANT", "BoundClasses", "LatentClasses"]

Float = NDArray[np.float64]

CONSTANT = "1"  # what designs call a constant's variable
MOST_CLASSES = 50


@dataclass(frozen=True)
class LatentClasses:
    """Classes of people with different coefficients, of unknown membership.

    Parameters
    ----------
    n_classes
        Number S of classes.
    membership
        Formula of the people's covariates that the probability of a class depends on,
        ``"~ income + age"``; by default the classes' shares are the same for everybody.
        A class has one coefficient for each, but for the first class, which is the reference:
        ``class[2]`` (the constant), ``class[2,income]``.
    same
        Names of coefficients with one value in all classes. The others are estimated for each
        class: ``cost[class1]``, and ``asc[air,class1]`` for what is called ``asc[air]`` without
        classes.
    own_errors
        Whether each class has parameters of the errors for itself, ``lambda[transit,class1]``: True
        for all of them, or the names of some. By default they are common to the classes.

    Raises
    ------
    SpecificationError
        For an impossible number of classes, or a membership that is no formula.

    References
    ----------
    Kamakura & Russell (1989), Journal of Marketing Research 26, 379-390; Bhat (1997),
    Transportation Science 31, 34-48; Train (2009), chapter 14 for the EM algorithm.

    Examples
    --------
    >>> from choicekit import LatentClasses
    >>> LatentClasses(2, same=["comfort"]).n_classes
    2
    """

    n_classes: int = 2
    membership: str | None = None
    same: tuple[str, ...] = ()
    own_errors: bool | tuple[str, ...] = False

    def __init__(
        self,
        n_classes: int = 2,
        membership: str | None = None,
        same: Iterable[str] = (),
        own_errors: bool | Iterable[str] = False,
    ) -> None:
        whole = isinstance(n_classes, int | np.integer) and not isinstance(n_classes, bool)
        if not whole or not 1 <= n_classes <= MOST_CLASSES:
            raise SpecificationError(
                f"n_classes must be a whole number from 1 to {MOST_CLASSES}, not {n_classes!r}."
            )
        if membership is not None and (
            not isinstance(membership, str) or not membership.lstrip().startswith("~")
        ):
            raise SpecificationError(
                f"membership must be a formula such as '~ income + age', not {membership!r}."
            )
        if membership is not None and n_classes == 1:
            raise SpecificationError(
                "With one class there is no membership to explain. Cure: n_classes=2 or more."
            )
        object.__setattr__(self, "n_classes", int(n_classes))
        object.__setattr__(self, "membership", membership)
        object.__setattr__(self, "same", (same,) if isinstance(same, str) else tuple(same))
        own = (own_errors,) if isinstance(own_errors, str) else own_errors
        own = bool(own) if isinstance(own, bool | np.bool_) else tuple(own)
        object.__setattr__(self, "own_errors", own)

    def title(self, errors: Any) -> str:
        """The model's name in a heading, for example ``"Latent class logit"``."""
        plain = str(errors.title).removeprefix("Conditional ")
        return f"Latent class {plain[:1].lower() + plain[1:] if plain[1:2].islower() else plain}"

    def bind(
        self,
        names: tuple[str, ...],
        covariate_names: tuple[str, ...] = (CONSTANT,),
        covariates: Float | None = None,
    ) -> BoundClasses:
        """Name the coefficients of the classes.

        Parameters
        ----------
        names
            Those of the utility, K.
        covariate_names
            Of the membership, G; ``"1"`` for the constant.
        covariates
            Of the people, (N, G); None where there are only constants.

        Raises
        ------
        SpecificationError
            For a name in ``same`` that the utility does not have, with the nearest.
        """
        for name in self.same:
            if name not in names:
                raise SpecificationError(
                    f"There is no coefficient {name!r} to be the same in all classes."
                    f"{did_you_mean(name, names)} The utility has: {', '.join(names)}."
                )
        if self.n_classes > 1 and set(names) <= set(self.same):
            raise SpecificationError(
                "All coefficients are the same in all classes, so the classes do not differ. "
                "Cure: leave some out of same=."
            )
        found, index = self._by_class(names, set(self.same))
        return BoundClasses(found, index, covariate_names, covariates)

    def errors_of_classes(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], NDArray[np.intp]]:
        """Parameters of the errors of all classes, and those of each class among them, (S, Q).

        Parameters
        ----------
        names
            Those of the law, Q.

        Raises
        ------
        SpecificationError
            For names in ``own_errors`` that the law does not have, or a law without parameters.
        """
        if not names:
            raise SpecificationError(
                "The errors have no parameters that could differ between classes. Cure: leave "
                "own_errors out, or another law."
            )
        own = set(names) if self.own_errors is True else set(self.own_errors or ())
        for name in own - set(names):
            raise SpecificationError(
                f"The errors have no parameter {name!r} for each class.{did_you_mean(name, names)} "
                f"They have: {', '.join(names)}."
            )
        return self._by_class(names, set(names) - own)

    def _by_class(
        self, names: tuple[str, ...], same: set[str]
    ) -> tuple[tuple[str, ...], NDArray[np.intp]]:
        """Names of what all classes have, and those of each class among them, (S, len(names))."""
        index = np.empty((self.n_classes, len(names)), dtype=np.intp)
        found: list[str] = []
        for s in range(self.n_classes):
            for k, name in enumerate(names):
                if s and name in same:
                    index[s, k] = index[0, k]
                    continue
                index[s, k] = len(found)
                found.append(name if name in same else class_name(name, s))
        return tuple(found), index


def class_name(name: str, s: int) -> str:
    """``cost[class1]``, ``asc[air,class1]``: the name of a coefficient in class s, from 0."""
    return f"{name[:-1]},class{s + 1}]" if name.endswith("]") else f"{name}[class{s + 1}]"


@dataclass(frozen=True, eq=False)
class BoundClasses:
    """Latent classes of a given utility and given people; see `LatentClasses`.

    Attributes
    ----------
    coefficients_of_all
        Names of the coefficients of all classes, B.
    index
        Position among these of each class's coefficients, (S, K).
    covariate_names
        G names.
    covariates
        Of the people, (N, G); None where there is a constant only.
    """

    coefficients_of_all: tuple[str, ...]
    index: NDArray[np.intp]
    covariate_names: tuple[str, ...]
    covariates: Float | None = None

    @property
    def n_classes(self) -> int:
        """S."""
        return len(self.index)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Heading of each of the B coefficients: its class, or that it belongs to all."""
        of_class = np.empty(len(self.coefficients_of_all), dtype=np.intp)
        for s in reversed(range(self.n_classes)):
            of_class[self.index[s]] = s
        return tuple(
            "all classes" if shared else f"Class {s + 1}"
            for s, shared in zip(of_class, self.shared, strict=True)
        )

    @property
    def all_normal(self) -> bool:
        """No coefficient is."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """``class[2]``, ``class[2,income]``: the parameters of the membership, M."""
        return tuple(
            f"class[{s + 1}]" if name == CONSTANT else f"class[{s + 1},{name}]"
            for s in range(1, self.n_classes)
            for name in self.covariate_names
        )

    @property
    def shared(self) -> NDArray[np.bool_]:
        """Which of the B coefficients all classes have in common; all of them if S is 1."""
        times = np.bincount(self.index.ravel(), minlength=len(self.coefficients_of_all))
        found: NDArray[np.bool_] = times == self.n_classes
        return found

    def start(self, variation: Float, error_sd: float) -> Float:
        """Classes of equal size, (M,); see `choicekit.estimation.em` for the real starts."""
        return np.zeros(len(self.names))

    def take(self, people: NDArray[np.int64]) -> BoundClasses:
        """The same for some of the people."""
        if self.covariates is None:
            return self
        return replace(self, covariates=self.covariates[people])

    def membership(self, n_people: int) -> Float:
        """Covariates (N, G) of the people, the constant among them."""
        return np.ones((n_people, 1)) if self.covariates is None else self.covariates

    def log_prior(self, phi: Float, n_people: int) -> Float:
        """Log-probabilities of the classes, (N, S)."""
        covariates = self.membership(n_people)
        v = np.zeros((n_people, self.n_classes))
        v[:, 1:] = covariates @ phi.reshape(self.n_classes - 1, covariates.shape[1]).T
        v -= v.max(axis=1, keepdims=True)
        found: Float = v - np.log(np.exp(v).sum(axis=1, keepdims=True))
        return found

    def pull_prior(self, by_v: Float) -> Float:
        """From derivatives by the classes' ``g_s' w_n``, (N, S), to those by phi, (N, M)."""
        covariates = self.membership(len(by_v))
        found = by_v[:, 1:, None] * covariates[:, None, :]
        return found.reshape(len(by_v), len(self.names))

    def spread_information(self, information: Float) -> Float:
        """Information (B, B) of all coefficients, given that of one class's, (K, K)."""
        out = np.zeros((len(self.coefficients_of_all),) * 2)
        for own in self.index:
            out[np.ix_(own, own)] += information
        return out

    def reordering(self, order: NDArray[np.intp], errors: Float) -> Float:
        """Matrix (P, P) that turns parameters into those with class ``order[s]`` in place s.

        The reference class changes, and with it the coefficients of the membership. ``errors``
        does the same with the parameters of the errors, (Q, Q).
        """
        b, g, size = len(self.coefficients_of_all), len(self.covariate_names), len(self.names)
        n_theta = len(errors)
        out = np.eye(b + n_theta + size)
        out[b : b + n_theta, b : b + n_theta] = errors
        for to, come in enumerate(order):
            out[self.index[to]] = 0.0
            out[self.index[to], self.index[come]] = 1.0
        first = b + n_theta
        out[first:, first:] = 0.0
        for to, come in enumerate(order[1:]):
            for sign, which in ((1.0, come), (-1.0, order[0])):
                if which:
                    here, there = first + to * g, first + (int(which) - 1) * g
                    out[here : here + g, there : there + g] += sign * np.eye(g)
        return out
