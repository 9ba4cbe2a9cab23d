"""Where a restricted fit lies among the parameters of a fuller model that was not fitted.

Axes: P parameters of the fuller model, F free ones of the restricted, Q restrictions, L rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from choicekit.exceptions import SpecificationError, nearest_name

__all__ = ["Place", "placed", "zero_spreads"]

Array = npt.NDArray[np.float64]

FITS = 1e-7  # relative; regressors that combine to others up to this are those others


@dataclass(frozen=True)
class Place:
    """The restricted estimates as parameters of the fuller model.

    Attributes
    ----------
    names
        P names of the fuller model.
    params
        The restricted estimates, (P,), neutral values elsewhere.
    free
        Positions of the parameters that the fuller model would estimate.
    restrictions
        Combinations (Q, free ones) that the restricted model holds still.
    tested
        Parameters that are new, and constraints that are lifted.
    """

    names: tuple[str, ...]
    params: Array
    free: npt.NDArray[np.intp]
    restrictions: Array
    tested: tuple[str, ...]


def placed(fit: Any, model: Any, fixed: frozenset[str]) -> Place:
    """Find the estimates of ``fit`` among the parameters of ``model``.

    By name where the fuller model has all names; else by the regressors, of which those of the
    restricted model must be combinations. New coefficients are 0, new parameters of the errors
    those of independent errors of equal variance, new spreads 0.

    Raises
    ------
    SpecificationError
        Where the fit has no place.
    """
    names = tuple(model.parameter_names)
    for name in sorted(fixed - set(names)):
        raise SpecificationError(
            f"There is no parameter {name!r} to hold. {nearest_name(name, list(names))}"
        )
    params, tangent = _neutral(model), np.zeros((len(names), len(fit.table.free)))
    values = fit.params.to_numpy(dtype=np.float64)
    own = [str(name) for name in fit.params.index]
    coefficients = set(fit.model.coefficient_names)
    by_name = coefficients <= set(names) or model is fit.model
    if not by_name:
        _by_regressors(fit, model, params, tangent)
    for p, name in enumerate(own):
        if name in coefficients and not by_name:
            continue
        place = _position(name, names)
        params[place] = values[p]
        tangent[place] = fit.table.basis[p]
    free = np.array([p for p, name in enumerate(names) if name not in fixed], dtype=np.intp)
    rank = int(np.linalg.matrix_rank(tangent[free])) if tangent.shape[1] else 0
    if len(free) <= rank:
        raise SpecificationError(
            "The fuller model has no more parameters than the fit, so there is nothing to test."
        )
    q, _ = np.linalg.qr(tangent[free], mode="complete")
    new = set(names) - set(own) if not by_name else set()
    tested = tuple(names[p] for p in free if names[p] in new or not tangent[p].any())
    if model is fit.model and fit.table.ties is not None:
        tested = (*tested, *fit.table.ties.labels)
    return Place(names, params, free, q[:, rank:].T, tested)


def _neutral(model: Any) -> Array:
    """Values (P,) at which new parameters do nothing."""
    table = model.table({}, {})
    params: Array = table.start.copy()
    k = len(model.coefficient_names)
    params[k : k + len(model.bound.start)] = model.bound.start
    params[k + len(model.bound.start) :] = 0.0
    return params


def _position(name: str, names: tuple[str, ...]) -> int:
    """Where the fuller model keeps a parameter; an independent spread may become a factor."""
    inside = name[name.find("[") + 1 : -1]
    for candidate in (name, f"chol[{inside},{inside}]" if name.startswith("sd[") else name):
        if candidate in names:
            return names.index(candidate)
    raise SpecificationError(
        f"The fuller model has no parameter {name!r}, so the fit's has no place there. Cure: "
        "a fuller model of the same kind, or fit both and compare(...) them."
    )


def _by_regressors(fit: Any, model: Any, params: Array, tangent: Array) -> None:
    """Coefficients that give the restricted utilities; fills in both arrays."""
    if not (getattr(fit.model.design, "linear", True) and getattr(model.design, "linear", True)):
        raise SpecificationError(
            "The fuller model does not have all coefficients of the fit under their names: "
            f"{', '.join(sorted(set(fit.model.coefficient_names) - set(model.coefficient_names)))}."
            " Cure: name them alike."
        )
    one, other = fit.model.likelihood(), model.likelihood()
    if len(one.x) != len(other.x) or not np.array_equal(one.layout.alt, other.layout.alt):
        raise SpecificationError(
            "The rows of the two models are in different order. Cure: one ChoiceData for both."
        )
    if one.x.shape[1] != len(fit.model.coefficient_names):
        raise SpecificationError(
            "With latent classes the fuller model must have all coefficients under their names."
        )
    x, z = (_within_cases(part.x, part.layout) for part in (one, other))
    scale = np.where((size := np.linalg.norm(z, axis=0)) > 0.0, size, 1.0)
    found = np.linalg.lstsq(z / scale, x, rcond=None)[0] / scale[:, None]
    left = np.linalg.norm(x - z @ found, axis=0)
    lacking = left > FITS * np.maximum(np.linalg.norm(x, axis=0), 1e-300)
    if lacking.any():
        names = np.array(fit.model.coefficient_names)[lacking]
        raise SpecificationError(
            f"The regressor of {', '.join(map(str, names))} is no combination of those of the "
            "fuller model, so the fit is no special case of it."
        )
    k, j = x.shape[1], z.shape[1]
    params[:j] = found @ fit.params.to_numpy(dtype=np.float64)[:k]
    tangent[:j] = found @ fit.table.basis[:k]


def _within_cases(x: Array, layout: Any) -> Array:
    """Regressors less their mean in the case: only differences of utility matter, (L, K)."""
    sums = np.add.reduceat(x, layout.case_ptr[:-1], axis=0)
    return np.asarray(x - (sums / layout.sizes[:, None])[layout.case])


def zero_spreads(model: Any, place: Place) -> list[str]:
    """Free spreads of random coefficients at zero, where the likelihood is flat by symmetry."""
    return [
        name
        for name in getattr(model.bound_mixing, "names", ())
        if _is_spread(name)
        and (p := place.names.index(name)) in place.free
        and place.params[p] == 0.0
    ]


def _is_spread(name: str) -> bool:
    """Whether a parameter of the mixing is a spread, on the diagonal of a factor, or a scale's."""
    kind, _, inside = name.rstrip("]").partition("[")
    half = (len(inside) - 1) // 2
    return kind in ("sd", "tau") or (kind == "chol" and inside[:half] == inside[half + 1 :])
