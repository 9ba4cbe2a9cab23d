"""Find out whether one model is a special case of another.

Two things must hold: every utility of the one can be written as a utility of the other,
and so can its error law. The first is decided by geometry, on the regressors themselves,
not by names: a generic coefficient is nested in alternative-specific ones, and a change
of the base alternative changes nothing.

Axes: C cases, J alternatives, K coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from choicekit.post.base import (
    Fitted,
    class_count,
    error_family,
    fixed_names,
    free_count,
    has_network,
)
from choicekit.post.cases import case_positions
from choicekit.post.generalised import generalised

__all__ = ["NETWORKS", "NOT_REGULAR", "differ_in_classes", "nested_in"]

Array = npt.NDArray[np.float64]

MOST_CASES = 5_000  # a linear dependence that holds in so many cases is no accident
TOLERANCE = 1e-7
NOT_REGULAR = (
    "Fewer latent classes are no regular restriction: where a class is not there its coefficients "
    "mean nothing, so neither the likelihood ratio is chi-squared nor Vuong's statistic normal. "
    "Compare AIC and BIC."
)

NETWORKS = (
    "A network fits the cases it was trained on as closely as its training lets it, and nothing "
    "counts its weights: judge it by cases it has not seen, compare(..., folds=5)."
)


def nested_in(small: Fitted, large: Fitted) -> bool:
    """Say whether ``small`` is a special case of ``large``, with fewer free parameters.

    Parameters
    ----------
    small, large
        Fits on the same cases.

    Notes
    -----
    Error laws are nested where they are the same, or both normal and the larger one is
    unstructured, has more factors, or has independent errors of equal variance among its
    covariances, and the smaller one's errors are such. A logit and a probit are never nested. The
    logit (of scale 1) is a nested logit, a cross-nested one and a HEV; a nested logit is one with
    the same or finer nests, where what is common to several dissimilarities may be free; a
    cross-nested one is one with the same nests and more that is free.
    Random coefficients are nested in more of them, and independent in correlated ones; latent
    classes in as many classes with more freedom, not in more classes (`NOT_REGULAR`). Where the
    larger model holds parameters of its errors fixed, the smaller one must have them, at the same
    values. Models with networks are never nested: their weights are not counted.
    """
    if has_network(small) or has_network(large):
        return False
    if free_count(small) >= free_count(large):
        return False
    if not _errors_nested(small, large):
        return False
    if not _errors_fixed_alike(small, large) or not _mixing_nested(small, large):
        return False
    return _utility_nested(small, large, same_errors=_same_errors(small, large))


def _same_errors(small: Fitted, large: Fitted) -> bool:
    """Whether both have the same law with the same covariance structure."""
    a, b = small.model.errors, large.model.errors
    if type(a) is not type(b):
        return False
    if not hasattr(a, "spec") and type(a).__name__ != "Gumbel":
        return bool(a == b)  # a logit's scale is compared where it matters
    one, two = getattr(a, "spec", None), getattr(b, "spec", None)
    if one != two:
        return False
    if _is_index(small):  # the same distribution and the same order of the categories
        return bool(a.link == b.link) and small.model.bound.names == large.model.bound.names
    # With exchangeable errors the base and the scale alternative are part of the model.
    return getattr(one, "name", "") != "exchangeable" or (
        small.model.base == large.model.base and a.scale == b.scale
    )


def _is_index(fit: Fitted) -> bool:
    """Whether the model has one index a case with thresholds."""
    return bool(getattr(fit.model.errors, "index", False))


def _errors_nested(small: Fitted, large: Fitted) -> bool:
    """Whether the smaller model's errors are a special case of the larger one's."""
    if _same_errors(small, large):
        return True
    if error_family(small).law != error_family(large).law or error_family(large).law != "Normal":
        return generalised(small, large)
    one, two = (getattr(fit.model.errors, "spec", None) for fit in (small, large))
    if one is None or two is None:
        return False
    if two.name == "unstructured":
        return True
    if one.name == "iid":
        return _holds_independent_errors(large)
    fewer, more = (getattr(spec, "n_factors", 0) for spec in (one, two))
    return bool(0 < fewer < more)


def _holds_independent_errors(fit: Fitted) -> bool:
    """Whether the structure's start is independent errors of equal variance."""
    bound = fit.model.bound
    omega = bound.covariance(bound.start)
    differences = omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]
    equal = 0.5 * (np.eye(len(differences)) + 1.0) * differences[0, 0]
    return bool(np.allclose(differences, equal, rtol=1e-9))


def _errors_fixed_alike(small: Fitted, large: Fitted) -> bool:
    """Whether each error parameter fixed in the larger model has that value in the smaller one.

    The logit has dissimilarities and scales of 1, with any allocations.
    """
    utility = set(map(str, large.model.design.names))
    held, own = fixed_names(small), set(large.model.bound.names)
    ties, k = getattr(large, "ties", None), len(utility)
    if ties is not None and ((ties.places >= k).any() or ties.matrix[:, k:].any()):
        return False  # the smaller model would have to satisfy them too
    around_logit = type(small.model.errors).__name__ == "Gumbel"

    def alike(name: str) -> bool:
        if around_logit and name in own:
            return name.startswith("alpha[") or bool(np.isclose(large.params[name], 1.0))
        return name in held and bool(np.isclose(small.params[name], large.params[name]))

    return all(alike(name) for name in fixed_names(large) - utility)


def _mixing_nested(small: Fitted, large: Fitted) -> bool:
    """Whether the smaller model's random coefficients are a special case of the larger one's."""
    one = getattr(small.model, "mixing", None)
    other = getattr(large.model, "mixing", None)
    if class_count(small) or class_count(large):
        return _classes_nested(small, large)
    if one is None or other is None:
        return one is None
    return bool(one.nested_in(other))


def differ_in_classes(one: Fitted, other: Fitted) -> bool:
    """Whether two models have the same error law and a different number of latent classes."""
    numbers = [class_count(fit) for fit in (one, other)]
    random = any(
        getattr(fit.model, "mixing", None) is not None and not number
        for fit, number in zip((one, other), numbers, strict=True)
    )
    same_law = error_family(one).law == error_family(other).law
    return same_law and not random and max(numbers[0], 1) != max(numbers[1], 1)


def _classes_nested(small: Fitted, large: Fitted) -> bool:
    """Whether as many classes have at most the freedom of the larger model's.

    Fewer classes are a special case too, but no regular one, see `likelihood_ratio`: that does not
    count as nested here.
    """
    one, other = small.model.mixing, large.model.mixing
    if class_count(small) != class_count(large):
        return False
    held = set(one.same) | (set(other.same) - set(map(str, small.model.design.names)))
    few, many = small.model.bound_mixing, large.model.bound_mixing
    covariates = set(few.covariate_names) <= set(many.covariate_names)
    own, more = (_own_errors(fit) for fit in (small, large))
    return covariates and set(other.same) <= held and own <= more


def _own_errors(fit: Fitted) -> set[str]:
    """Parameters of the errors that each class has for itself."""
    found, names = (
        fit.model.mixing.own_errors,
        getattr(fit.model.bound, "law", fit.model.bound).names,
    )
    return set(names) if found is True else set(found or ())


def _utility_nested(small: Fitted, large: Fitted, same_errors: bool) -> bool:
    """Whether the larger model's regressors span the smaller one's."""
    if not (_linear(small) and _linear(large)):
        return _restricts(small, large)
    where = case_positions(small, large)
    n_cases = len(where)
    for most in (MOST_CASES, n_cases):
        chosen = np.unique(np.linspace(0, n_cases - 1, min(most, n_cases)).astype(np.intp))
        X, offset_x = _free_regressors(small, chosen)
        Z, offset_z = (
            _reorder(part, small, large) for part in _free_regressors(large, where[chosen])
        )
        present = ~np.isnan(offset_x[:, :, 0])
        visible = _over_cases if _is_index(small) else _within_cases
        X, Z, shift = (visible(part, present) for part in (X, Z, offset_x - offset_z))
        # A column may be zero in the cases looked at, a rare category: then look at them all.
        if len(chosen) == n_cases or X.any(axis=0).all():
            break
    if shift.any() and not (same_errors and _scale(small) == _scale(large)):
        return False  # coefficients held fixed mean something else at another scale of the errors
    return _spans(Z, np.column_stack([X, shift]))


def _linear(fit: Fitted) -> bool:
    return bool(getattr(fit.model.design, "linear", True))


def _restricts(small: Fitted, large: Fitted) -> bool:
    """Whether the smaller model is the larger one with more parameters fixed or tied.

    Non-linear utilities are not compared otherwise: their regressors depend on the parameters.
    """
    one, other = (getattr(fit, "table", None) for fit in (small, large))
    if one is None or other is None or small.model.design.formula != large.model.design.formula:
        return False
    if one.names != other.names or _functions(small) != _functions(large):
        return False
    origins = [table.full(np.zeros(len(table.free))) for table in (one, other)]
    return _spans(other.basis, np.column_stack([one.basis, origins[0] - origins[1]]))


def _functions(fit: Fitted) -> tuple[object, ...]:
    """The user's functions in the utilities, which the formula shows by name only."""
    return tuple(getattr(fit.model.design, "functions", ()))


def _free_regressors(fit: Fitted, cases: npt.NDArray[np.intp]) -> tuple[Array, Array]:
    """Regressors (C, J, K) of the free coefficients in some cases, and the fixed part (C, J, 1).

    NaN marks alternatives which are not available.
    """
    data, design = fit.model.data, fit.model.design
    layout = data.layout.take(cases)
    starts, ends = data.layout.case_ptr[cases], data.layout.case_ptr[cases + 1]
    rows = np.concatenate([np.arange(i, j) for i, j in zip(starts, ends, strict=True)])
    X = design.rows(data.frame.iloc[rows], layout.alt, layout.case_ptr)
    size = X.shape[1]
    basis, origin = np.eye(size), np.zeros(size)
    table = getattr(fit, "table", None)
    if table is not None:  # coefficients that are fixed, or tied to others
        basis = table.basis[:size][:, table.free < size]
        origin = table.full(np.zeros(len(table.free)))[:size]
    dense = np.full((len(cases), len(data.alternatives), X.shape[1]), np.nan)
    dense[np.asarray(layout.case), np.asarray(layout.alt)] = X
    offset = np.full((*dense.shape[:2], 1), np.nan)
    offset[np.asarray(layout.case), np.asarray(layout.alt)] = (X @ origin)[:, None]
    return dense @ basis, offset


def _reorder(part: Array, small: Fitted, large: Fitted) -> Array:
    """Bring the alternatives (axis 1) of the larger model into the smaller one's order."""
    labels = list(large.model.data.alternatives)
    return part[:, [labels.index(label) for label in small.model.data.alternatives]]


def _scale(fit: Fitted) -> Any:
    """Scale that the errors were given, where they have one."""
    return getattr(fit.model.errors, "scale", None)


def _within_cases(X: Array, present: npt.NDArray[np.bool_]) -> Array:
    """Subtract each case's mean and flatten to (L, K): only differences of utility matter."""
    filled = np.where(present[:, :, None], X, 0.0)
    mean = filled.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None]
    return np.asarray((filled - mean[:, None, :])[present])


def _over_cases(X: Array, present: npt.NDArray[np.bool_]) -> Array:
    """Each case's index less the mean of all, (C, K): thresholds take up a constant."""
    filled = np.where(present[:, :, None], X, 0.0)
    index = filled.sum(axis=1) / np.maximum(present.sum(axis=1), 1)[:, None]
    return np.asarray(index - index.mean(axis=0))


def _spans(Z: Array, X: Array) -> bool:
    """Whether every column of X is a combination of the columns of Z, up to rounding."""
    size = np.linalg.norm(X, axis=0)
    if Z.shape[1] == 0:
        return not size.any()
    scale = np.linalg.norm(Z, axis=0)
    Q = Z / np.where(scale > 0, scale, 1.0)
    left, strength, _ = np.linalg.svd(Q, full_matrices=False)
    left = left[:, strength > TOLERANCE * strength.max(initial=0.0)]
    rest = np.linalg.norm(X - left @ (left.T @ X), axis=0)
    return bool((rest <= TOLERANCE * np.maximum(size, np.finfo(float).tiny)).all())
