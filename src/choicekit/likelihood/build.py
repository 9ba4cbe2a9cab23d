"""Choose the likelihood that a combination of errors and mixing needs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.errors.base import BoundErrors, ErrorLaw
from choicekit.errors.by_class import ErrorsByClass
from choicekit.errors.gumbel import BoundGumbel
from choicekit.errors.normal import BoundNormal
from choicekit.exceptions import SpecificationError
from choicekit.likelihood.absorbed import AbsorbedLikelihood
from choicekit.likelihood.latent import LatentClassLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.mixed_logit import MixedLogitLikelihood
from choicekit.likelihood.network import NetworkLikelihood
from choicekit.likelihood.nonlinear import (
    NonlinearClassLikelihood,
    NonlinearLikelihood,
    NonlinearMixedLikelihood,
)
from choicekit.likelihood.plain import Likelihood
from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.classes import BoundClasses, LatentClasses
from choicekit.mixing.products import BoundFactors
from choicekit.mixing.random import RandomCoefficients
from choicekit.utility import Design, NeuralDesign, NonlinearDesign
from choicekit.utility.neural_design import NetworkPart
from choicekit.utility.pieces import BoundNonlinear

__all__ = ["bind_errors", "build_likelihood", "require_mixable"]

NOT_MIXED = (
    "Random parameters take a value for each person and node, for which functions are not asked. "
    "Cure: write the utilities as text, Nonlinear({'car': 'b_time * boxcox(time, lam)', ...})."
)
NOT_SCALED = (
    "A random scale and willingness-to-pay space multiply coefficients, but a Nonlinear utility "
    "has parameters of any kind. Cure: write the factor into the utilities and make it random."
)
NETWORK_NOT_MIXED = (
    "Random coefficients and latent classes beside a network are not supported. Cure: leave "
    "mixing= out, or let a network give tastes that depend on what is known of people, "
    "kind='tastes'."
)


def require_mixable(design: Design, mixing: object) -> None:
    """Raise SpecificationError for mixing beside a utility that cannot have it."""
    if mixing is None:
        return
    if isinstance(design, NonlinearDesign) and isinstance(mixing, RandomCoefficients):
        if mixing.scale is not None or mixing.wtp is not None:
            raise SpecificationError(NOT_SCALED)
        if design.functions:
            raise SpecificationError(NOT_MIXED)
    if isinstance(design, NeuralDesign):
        raise SpecificationError(NETWORK_NOT_MIXED)


def bind_errors(
    law: ErrorLaw, alternatives: Sequence[Hashable], base: Hashable, mixing: Any
) -> BoundErrors:
    """The law for these alternatives, with parameters for each class where that was asked for.

    Raises
    ------
    SpecificationError
        For own errors of classes that the law does not have.
    """
    labels = tuple(alternatives)
    bound = law.bind(labels, labels.index(base))
    if not (isinstance(mixing, LatentClasses) and mixing.own_errors):
        return bound
    if bound.index:
        raise SpecificationError(
            "Thresholds are the same in all classes. Cure: leave own_errors out."
        )
    return ErrorsByClass(bound, *mixing.errors_of_classes(bound.names))


def build_likelihood(
    x: NDArray[np.float64],
    layout: Layout,
    errors: BoundErrors,
    keys: NDArray[np.uint64],
    mixing: BoundRandom | BoundClasses | None = None,
    person_keys: NDArray[np.uint64] | None = None,
    utility: BoundNonlinear | None = None,
    network: NetworkPart | None = None,
) -> Likelihood:
    """Build the log-likelihood of a utility with these errors and this mixing.

    Normal coefficients with normal errors need no draws of their own, unless a person with
    several cases has the same coefficients in all of them.

    Parameters
    ----------
    x
        Regressors (L, K), contiguous by column.
    layout
        Choice sets, choices, weights and people.
    errors, mixing
        The error law for these alternatives, the random coefficients or classes for these names.
    keys, person_keys
        Random keys of cases (C,) and of people (N,).
    utility
        The utility where it is not ``X beta``.
    network
        The trained network that adds to the utilities; without mixing only.
    """
    if person_keys is None or layout.person is None:
        person_keys = keys
    if utility is not None:
        return _nonlinear(x, layout, errors, keys, mixing, person_keys, utility)
    if network is not None:
        if mixing is not None:
            raise SpecificationError(NETWORK_NOT_MIXED)
        offset = network.value(layout.case, layout.alt)
        return NetworkLikelihood(x, layout, errors, keys, network, offset)
    if mixing is None:
        return Likelihood(x, layout, errors, keys)
    if isinstance(mixing, BoundClasses):
        return LatentClassLikelihood(x, layout, errors, keys, mixing)
    panel = layout.person is not None and layout.n_people < layout.n_cases
    if isinstance(errors, BoundNormal) and mixing.all_normal and not panel:
        return AbsorbedLikelihood(x, layout, errors, keys, mixing)
    kind = MixedLogitLikelihood if isinstance(errors, BoundGumbel) else MixedLikelihood
    return kind(x, layout, errors, keys, mixing, person_keys)


def _nonlinear(
    x: NDArray[np.float64],
    layout: Layout,
    errors: BoundErrors,
    keys: NDArray[np.uint64],
    mixing: BoundRandom | BoundClasses | None,
    person_keys: NDArray[np.uint64],
    utility: BoundNonlinear,
) -> Likelihood:
    """The likelihood of a utility that is not linear in its parameters."""
    if mixing is None:
        return NonlinearLikelihood(x, layout, errors, keys, utility=utility)
    if isinstance(mixing, BoundClasses):
        return NonlinearClassLikelihood(x, layout, errors, keys, mixing, utility=utility)
    every = BoundFactors.of(mixing, x.shape[1])
    return NonlinearMixedLikelihood(x, layout, errors, keys, every, person_keys, utility=utility)
