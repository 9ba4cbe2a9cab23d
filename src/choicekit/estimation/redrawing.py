"""Models that differ from a given one in their draws only."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from choicekit.exceptions import SpecificationError
from choicekit.likelihood import MixedLikelihood
from choicekit.likelihood.build import bind_errors
from choicekit.mixing import RandomCoefficients

if TYPE_CHECKING:
    from choicekit.likelihood import Likelihood

__all__ = ["drawing_as", "has_field", "with_draws"]


def with_draws(model: Any, draws: int) -> Any:
    """The same model with another number of draws.

    Raises
    ------
    SpecificationError
        If the model draws nothing.
    """
    law: Any = model.errors
    other = _copied(model)
    if isinstance(model.likelihood(), MixedLikelihood):
        assert isinstance(model.mixing, RandomCoefficients)
        other.mixing = model.mixing.with_draws(draws)
        other.bound_mixing = other._bind_mixing(model.data)
        return other
    if not has_field(law, "draws"):
        raise SpecificationError(
            f"draws={draws} makes no sense for a {model.title.lower()}: its probabilities have a "
            "closed form. Cure: leave draws out."
        )
    other.errors = replace(law, draws=draws)
    other.bound = bind_errors(other.errors, model.data.alternatives, model.base, model.mixing)
    return other


def drawing_as(model: Any, likelihood: Likelihood) -> Any:
    """The same model with the mirror image of its nodes, where that is what a fit ended with."""
    if not isinstance(likelihood, MixedLikelihood) or likelihood.mixing.mirror is None:
        return model
    other = _copied(model)
    other.bound_mixing = replace(model.bound_mixing, mirror=likelihood.mixing.mirror)
    return other


def _copied(model: Any) -> Any:
    other = copy.copy(model)
    other._x = model._x  # which a copy leaves out, as pickles do
    return other


def has_field(law: object, name: str) -> bool:
    """Whether a law is a dataclass with a field of that name."""
    return is_dataclass(law) and name in {field.name for field in fields(law)}
