"""Constants that make a model predict given market shares.

Axes: J alternatives, P parameters, D constants that move: one for each alternative but the base.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.likelihood.choices import ChoiceProbabilities
from choicekit.post.base import class_count, weights_of
from choicekit.post.changes import require_alternative

__all__ = ["Calibrated", "calibrated"]

Float = NDArray[np.float64]

CLOSE = 1e-9  # of a share
MOST_STEPS = 100
FARTHEST = 30.0  # that a constant moves in a step
WORST_CONDITION = 1e12  # of the derivatives of the shares by the constants
SUM = 1e-6  # how far given shares may be from adding up to one


@dataclass(frozen=True)
class Calibrated:
    """Parameters with which given shares are predicted.

    Attributes
    ----------
    params
        (P,).
    cov
        Their covariance where the shares are known without error, (P, P).
    moved
        By how much each alternative's constant moved.
    steps
        Newton steps it took.
    """

    params: Float
    cov: Float
    moved: dict[Hashable, float]
    steps: int


def calibrated(fit: Any, shares: Mapping[Hashable, float], data: Any) -> Calibrated:
    """Move the constants by Newton's method until the predicted shares are the given ones.

    The constants then follow from the other parameters, ``s(b, c(b)) = target``, and their
    derivatives by these from the implicit function theorem; with ``S`` the derivatives of the
    shares by all parameters and ``D`` the directions in which constants move, parameters have the
    covariance ``T V T'`` with ``T = 1 - D (S D)^-1 S``.

    Raises
    ------
    SpecificationError
        For shares that no constants can give, or alternatives without a constant.
    """
    labels, target = _targets(fit, shares, data)
    directions = _directions(fit, labels)
    codes = [data.alternatives.index(label) for label in labels]
    likelihood = fit.likelihood_of(data)
    probabilities = ChoiceProbabilities.of(likelihood, fit._values)
    weights = weights_of(data.layout)
    weights = weights / weights.sum()
    _require_reachable(labels, target, weights @ data.layout.available[:, codes])

    def predicted(params: Float) -> tuple[Float, Float]:
        share, slopes = np.zeros(len(codes)), np.zeros((len(codes), len(params)))
        for cases, part in probabilities.pieces():
            p, jacobian = part.jacobian(params)
            share += weights[cases] @ p[:, codes]
            slopes += np.einsum("c,cjp->jp", weights[cases], jacobian[:, codes])
        return share, slopes

    params = fit._values.copy()
    share, slopes = predicted(params)
    steps = 0
    while not np.abs(share - target).max() <= CLOSE and steps < MOST_STEPS:
        params, share, slopes = _step(params, share, slopes, target, directions, predicted)
        steps += 1
    square = slopes @ directions
    if not np.abs(share - target).max() <= CLOSE or np.linalg.cond(square) > WORST_CONDITION:
        raise SpecificationError(
            f"The constants did not reach the shares in {MOST_STEPS} steps; they are still off by "
            f"{np.abs(share - target).max():.2g}. Cure: look for shares that are nearly 0 or 1, "
            "and at summary(): where the choices are separated, probabilities are 0 or 1 whatever "
            "the constants."
        )
    carried = np.eye(len(params)) - directions @ np.linalg.solve(square, slopes)
    known = np.nan_to_num(fit.cov.to_numpy(dtype=np.float64))
    cov = carried @ known @ carried.T
    unknown = np.isnan(np.diag(fit.cov.to_numpy(dtype=np.float64)))
    cov[unknown] = cov[:, unknown] = np.nan
    change = np.linalg.lstsq(directions, params - fit._values, rcond=None)[0]
    moved = dict(zip(labels, map(float, change), strict=True))
    return Calibrated(params, cov, moved, steps)


def _step(
    params: Float, share: Float, slopes: Float, target: Float, directions: Float, predicted: Any
) -> tuple[Float, Float, Float]:
    """A Newton step on the logarithms of the shares, halved until they come nearer.

    Where none does, for probabilities that are nearly steps, each constant moves by the logarithm
    of target over share instead, which always leads towards the target (Berry, Levinsohn & Pakes
    1995).
    """
    some = np.maximum(share, np.finfo(np.float64).tiny)
    gap = np.log(target / some)
    # d log(s) rather than ds: shares far from their targets are not overshot.
    move = np.linalg.lstsq((slopes @ directions) / some[:, None], gap, rcond=None)[0]
    size = min(1.0, FARTHEST / max(np.abs(move).max(), FARTHEST))
    before = np.abs(gap).max()
    while size > 1e-6:
        at = params + directions @ (size * move)
        found = predicted(at)
        near = (found[0] > 0.0).all() and np.abs(np.log(found[0] / target)).max() < before
        if near:
            return at, *found
        size /= 2.0
    at = params + directions @ np.clip(gap, -FARTHEST, FARTHEST)
    return at, *predicted(at)


def _targets(fit: Any, shares: Mapping[Hashable, float], data: Any) -> tuple[list[Hashable], Float]:
    """Alternatives whose constants move, and the shares they are to have."""
    if not isinstance(shares, Mapping) and not hasattr(shares, "items"):
        raise SpecificationError("Write shares as {'car': 0.6, 'bus': 0.4}.")
    given = {label: float(share) for label, share in shares.items()}
    for label, share in given.items():
        require_alternative(label, data.alternatives)
        if not 0.0 < share < 1.0:
            raise SpecificationError(f"The share of {label!r} must lie between 0 and 1.")
    total, own = sum(given.values()), _constants(fit)
    if len(given) < len(data.alternatives):
        if total >= 1.0:
            raise SpecificationError(f"The shares add up to {total:g}: nothing is left for others.")
        labels = list(given)
    else:
        if abs(total - 1.0) > SUM:
            raise SpecificationError(f"The shares add up to {total:g}, not to 1.")
        lacking = [label for label in given if label not in own]
        spare = lacking[0] if lacking else fit.model.base
        labels = [label for label in given if label != spare]
    lacking = [label for label in labels if label not in own]
    if lacking or not labels:
        raise SpecificationError(
            f"There is no constant of {', '.join(map(repr, lacking)) or 'any alternative'} to "
            "move. Cure: a model with constants for all alternatives but one, or shares of those "
            "that have one."
        )
    return labels, np.array([given[label] for label in labels])


def _constants(fit: Any) -> dict[Hashable, list[str]]:
    """Names of the constant of each alternative that has one of its own."""
    found: dict[Hashable, list[str]] = {}
    for coefficient in fit.model.design.describe():
        if coefficient.kind == "constant" and coefficient.alternative is not None:
            found.setdefault(coefficient.alternative, []).append(str(coefficient.name))
    return {label: names for label, names in found.items() if len(names) == 1}


def _directions(fit: Any, labels: list[Hashable]) -> Float:
    """How the parameters move with the constants, (P, D): in all classes alike."""
    own, names = _constants(fit), [str(name) for name in fit.model.design.names]
    out = np.zeros((len(fit.params), len(labels)))
    for d, label in enumerate(labels):
        k = names.index(own[label][0])
        places = {k}
        if class_count(fit):
            places = set(fit.model.bound_mixing.index[:, k].tolist())
        out[list(places), d] = 1.0
    ties = fit.ties
    if ties is not None and (out[ties.places].any() or ties.matrix[:, out.any(axis=1)].any()):
        raise SpecificationError(
            "The constants are tied to other parameters by constraints, which moving them would "
            "break. Cure: calibrate a fit without these constraints."
        )
    return out


def _require_reachable(labels: list[Hashable], target: Float, most: Float) -> None:
    """Refuse shares above the share of cases in which the alternative is available."""
    for label, share, limit in zip(labels, target, most, strict=True):
        if share >= limit:
            raise SpecificationError(
                f"{label!r} is available in {limit:.1%} of the cases, so its share cannot be "
                f"{share:.1%}. Cure: data in which it is available, df=."
            )
