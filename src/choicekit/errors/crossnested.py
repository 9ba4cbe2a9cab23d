"""Cross-nested logit: an alternative may belong to several nests, in shares.

Axes: C cases, J alternatives, M nests, Q parameters.

``P(i) = sum_m P(m) P(i | m)`` with ``P(i | m) ~ (alpha_im exp V_i)^(1 / lambda_m)`` and the nests'
inclusive values ``I_m = lambda_m log sum_j (alpha_jm exp V_j)^(1 / lambda_m)``; the allocations of
an alternative sum to 1 over nests (Vovsha 1997; Ben-Akiva & Bierlaire 1999; Train 2009, 4.4).
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import LogProb
from choicekit.errors.closed import ClosedForm, StartsFromLogit, alternative_code
from choicekit.exceptions import SpecificationError

__all__ = ["BoundCrossNested", "CrossNested", "PairedCombinatorial"]

Float = NDArray[np.float64]


@dataclass(frozen=True, init=False)
class CrossNested(StartsFromLogit):
    """Gumbel errors correlated within overlapping nests.

    Parameters
    ----------
    nests
        ``{"existing": {"train": 0.5, "car": 1.0}, "public": {"train": 0.5, "sm": 1.0}}``: the
        allocation of each alternative to each nest. A number is fixed, ``None`` is estimated; a
        list of alternatives stands for ``None`` for those in several nests, 1 for the others. The
        allocations of an alternative must sum to 1 where all are numbers; where some are free the
        last free one is what remains. Alternatives in no nest are nests of their own.
    common
        One dissimilarity, ``lambda``, for all nests, instead of ``lambda[existing]`` and so on.

    Raises
    ------
    SpecificationError
        For allocations outside [0, 1] or that do not sum to 1.

    References
    ----------
    Vovsha (1997); Ben-Akiva & Bierlaire (1999); Papola (2004).
    """

    nests: tuple[tuple[str, tuple[tuple[Hashable, float | None], ...]], ...]
    common: bool

    def __init__(self, nests: Mapping[str, Any], common: bool = False) -> None:
        if not isinstance(nests, Mapping) or not nests:
            raise SpecificationError(
                "CrossNested needs a dict of nests, such as {'public': ['bus', 'train'], "
                "'fast': ['train', 'car']}."
            )
        often: dict[Hashable, int] = {}
        for members in nests.values():
            for label in members:
                often[label] = often.get(label, 0) + 1
        frozen = []
        for name, members in nests.items():
            given = (
                dict(members)
                if isinstance(members, Mapping)
                else {label: None if often[label] > 1 else 1.0 for label in members}
            )
            frozen.append((str(name), tuple(given.items())))
        object.__setattr__(self, "nests", tuple(frozen))
        object.__setattr__(self, "common", bool(common))

    def __repr__(self) -> str:
        nests = {name: dict(members) for name, members in self.nests}
        return f"CrossNested({nests}{', common=True' if self.common else ''})"

    @property
    def title(self) -> str:
        """The model's name in a heading."""
        return "Cross-nested logit"

    @property
    def mixed_title(self) -> str:
        """The same where coefficients are random."""
        return "Mixed cross-nested logit"

    def bind(self, alternatives: tuple[Hashable, ...], base: int) -> BoundCrossNested:
        """Allocate the alternatives (J labels); the base plays no part."""
        names = [name for name, _ in self.nests]
        given: dict[int, dict[int, float | None]] = {}
        for m, (name, members) in enumerate(self.nests):
            for label, share in members:
                j = alternative_code(label, alternatives, f"The nest {name!r}")
                given.setdefault(j, {})[m] = share
        alone = [j for j in range(len(alternatives)) if j not in given]
        n_nests = len(names) + len(alone)
        fixed = np.zeros((n_nests, len(alternatives)))
        for extra, j in enumerate(alone):
            fixed[len(names) + extra, j] = 1.0
        free: list[tuple[int, int]] = []
        remainder: list[tuple[int, int]] = []
        for j, shares in given.items():
            label = alternatives[j]
            unknown = [m for m, share in shares.items() if share is None]
            known = {m: float(share) for m, share in shares.items() if share is not None}
            _require_shares(label, known, bool(unknown))
            for m, share in known.items():
                fixed[m, j] = share
            free += [(m, j) for m in unknown[:-1]]
            if unknown:
                remainder.append((unknown[-1], j))
        places = _dissimilarities(fixed, free + remainder, len(names), self.common)
        each = ("lambda" if self.common else f"lambda[{names[m]}]" for m in places)
        lambdas = tuple(dict.fromkeys(each))
        alphas = tuple(f"alpha[{names[m]},{alternatives[j]}]" for m, j in free)
        position = np.full(n_nests, -1)
        for m in places:
            position[m] = 0 if self.common else lambdas.index(f"lambda[{names[m]}]")
        return BoundCrossNested(
            (*lambdas, *alphas), fixed, tuple(free), tuple(remainder), position, len(lambdas)
        )


def _require_shares(label: Hashable, known: dict[int, float], some_free: bool) -> None:
    """Refuse fixed allocations of an alternative that cannot be."""
    total = sum(known.values())
    bad = any(not 0.0 <= share <= 1.0 for share in known.values())
    if bad or (not some_free and abs(total - 1.0) > 1e-9) or (some_free and total >= 1.0):
        raise SpecificationError(
            f"The allocations of {label!r} must lie in [0, 1] and sum to 1 over its nests, not to "
            f"{total:g}. Cure: correct them, or set them to None to have them estimated."
        )


def _dissimilarities(
    fixed: Float, allocated: list[tuple[int, int]], n_named: int, common: bool
) -> list[int]:
    """Nests with two members or more: only they have a dissimilarity that shows."""
    member = fixed > 0.0
    for m, j in allocated:
        member[m, j] = True
    return [m for m in range(n_named) if member[m].sum() > 1]


def PairedCombinatorial(alternatives: list[Hashable], common: bool = False) -> CrossNested:  # noqa: N802
    """Every pair of alternatives a nest, every allocation ``1 / (J - 1)``.

    Chu (1989); Koppelman & Wen (2000).
    """
    share = 1.0 / (len(alternatives) - 1)
    pairs = combinations(alternatives, 2)
    return CrossNested({f"{a}-{b}": {a: share, b: share} for a, b in pairs}, common)


@dataclass(frozen=True, eq=False)
class BoundCrossNested(ClosedForm):
    """Overlapping nests of J given alternatives; see `CrossNested`.

    Attributes
    ----------
    names
        Names of the dissimilarities, then of the free allocations, Q.
    fixed
        Fixed allocations, (M, J), 0 elsewhere.
    free, remainder
        Nest and alternative of each free allocation, and of those that take what is left.
    position
        Place of each nest's dissimilarity among the parameters, -1 if fixed at 1, (M,).
    n_lambdas
        Number of dissimilarities.
    """

    names: tuple[str, ...]
    fixed: Float
    free: tuple[tuple[int, int], ...]
    remainder: tuple[tuple[int, int], ...]
    position: NDArray[np.intp]
    n_lambdas: int

    @property
    def start(self) -> Float:
        """Dissimilarities 1 and, for free allocations, equal shares, (Q,).

        At dissimilarities of exactly 1 the allocations do not show at all, so they start at 0.9
        where some are free.
        """
        counts = np.zeros(self.fixed.shape[1])
        for _, j in (*self.free, *self.remainder):
            counts[j] += 1.0
        left = 1.0 - self.fixed.sum(axis=0)
        shares = [left[j] / counts[j] for _, j in self.free]
        return np.concatenate([np.full(self.n_lambdas, 0.9 if self.free else 1.0), shares])

    @property
    def normalisation(self) -> str:
        """Which scale is fixed."""
        return (
            "The scale of the root is 1; lambda is the dissimilarity of a nest (1 is the logit), "
            "and alpha[nest,alternative] the share of an alternative in it; shares sum to 1."
        )

    def remarks(self, theta: Float) -> tuple[str, ...]:
        """Say which dissimilarities contradict utility maximisation."""
        return tuple(
            f"{name} = {value:.3g} lies outside (0, 1], where the model follows from utility "
            "maximisation for all utilities (McFadden 1978)."
            for name, value in zip(self.names[: self.n_lambdas], theta, strict=False)
            if not 0.0 < value <= 1.0
        )

    def _unpack(self, theta: Float) -> tuple[Float, Float]:
        """Dissimilarities (M,) and allocations (M, J)."""
        scales = np.where(self.position >= 0, np.append(theta, 1.0)[self.position], 1.0)
        alpha = self.fixed.copy()
        for (m, j), value in zip(self.free, theta[self.n_lambdas :], strict=True):
            alpha[m, j] = value
        for m, j in self.remainder:
            alpha[m, j] = 1.0 - alpha[:, j].sum()
        return scales, alpha

    def _parts(self, v: Float, available: NDArray[np.bool_], theta: Float) -> Any:
        """W (C, M, J), log sums A (C, M), inclusive values (C, M), total (C,), shares (C, M, J)."""
        scales, alpha = self._unpack(theta)
        with np.errstate(divide="ignore"):
            weight = np.log(alpha)
        w = (np.where(available, v, -np.inf)[:, None, :] + weight) / scales[:, None]
        log_sum = _log_sum(w)
        inclusive = scales * log_sum
        total = _log_sum(inclusive)
        with np.errstate(invalid="ignore"):
            share = np.exp(w - np.where(np.isfinite(log_sum), log_sum, 0.0)[:, :, None])
        return w, log_sum, inclusive, total, share, scales, alpha

    def log_prob(
        self,
        v: Float,
        available: NDArray[np.bool_],
        chosen: NDArray[np.int32],
        theta: Float,
        gradient: bool = True,
    ) -> LogProb:
        """Log-probability of the chosen alternatives, summed over the nests they belong to."""
        scales, alpha = self._unpack(theta)
        if (scales <= 0.0).any() or (alpha < 0.0).any():  # an optimiser must turn back
            nothing = np.zeros((len(v), len(theta)))
            return LogProb(np.full(len(v), -np.inf), np.zeros(v.shape), nothing)
        w, log_sum, inclusive, total, share, _, _ = self._parts(v, available, theta)
        cases = np.arange(len(v))
        own = w[cases, :, chosen]  # (C, M)
        finite = np.isfinite(own)
        with np.errstate(invalid="ignore"):
            joint = np.where(finite, own + inclusive - log_sum, -np.inf)
        numerator = _log_sum(joint)
        logp = numerator - total
        if not gradient:
            return LogProb(logp, np.empty((0, v.shape[1])), np.empty((0, len(theta))))
        blame = np.exp(joint - numerator[:, None])  # posterior of the nest, (C, M)
        prior = np.exp(inclusive - total[:, None])
        # d logp = sum_m blame (dW_i + (lambda - 1) dA + A dlambda) - prior (lambda dA + A dlambda)
        by_sum = blame * (scales - 1.0) - prior * scales
        by_w = by_sum[:, :, None] * share
        by_w[cases, :, chosen] += blame
        dv = (by_w / scales[:, None]).sum(axis=1)
        dtheta = np.zeros((len(v), len(theta)))
        seen = np.where(np.isfinite(w), w, 0.0)
        sums = np.where(np.isfinite(log_sum), log_sum, 0.0)
        by_scale = (blame - prior) * sums - (by_w * seen).sum(axis=2) / scales
        for m, q in enumerate(self.position):
            if q >= 0:
                dtheta[:, q] += by_scale[:, m]
        if self.free:
            by_alpha = by_w / np.where(alpha > 0.0, alpha * scales[:, None], np.inf)
            last = {j: m for m, j in self.remainder}
            for q, (m, j) in enumerate(self.free, start=self.n_lambdas):
                dtheta[:, q] = by_alpha[:, m, j] - by_alpha[:, last[j], j]
        return LogProb(logp, dv, dtheta)

    def probabilities(
        self,
        v: Float,
        available: NDArray[np.bool_],
        theta: Float,
        keys: Any = None,
        tol: float | None = None,
    ) -> Float:
        """Choice probabilities (C, J); 0 where not available."""
        _, _, inclusive, total, share, _, _ = self._parts(v, available, theta)
        prior = np.exp(inclusive - total[:, None])
        found: Float = np.einsum("cm,cmj->cj", prior, share)
        return found

    def expected_maximum(self, v: Float, available: NDArray[np.bool_], theta: Float) -> Float:
        """Inclusive value of the root, (C,): the logarithm of McFadden's (1978) generator."""
        found: Float = self._parts(v, available, theta)[3]
        return found

    def covariance(self, theta: Float) -> Float:
        """Approximate covariance (J, J): ``pi^2 / 6 sum_m sqrt(a_jm a_km) (1 - lambda_m^2)``.

        Papola (2004, Transportation Research B 38, 833-851); exact for nests that do not overlap.
        """
        scales, alpha = self._unpack(theta)
        root = np.sqrt(alpha)
        shared: Float = np.einsum("mj,mk,m->jk", root, root, 1.0 - scales**2)
        np.fill_diagonal(shared, 1.0)
        return np.asarray(shared * np.pi**2 / 6.0)


def _log_sum(a: Float) -> Float:
    """``log sum exp`` over the last axis, -inf where all are -inf."""
    top = a.max(axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        found: Float = np.log(np.exp(a - top).sum(axis=-1)) + top[..., 0]
    return found
