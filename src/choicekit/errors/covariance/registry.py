"""The covariance structures by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from choicekit.errors.covariance.base import CovarianceSpec, Structure
from choicekit.errors.covariance.factor import Factor
from choicekit.errors.covariance.identified import structure_problems
from choicekit.errors.covariance.independent import exchangeable, heteroskedastic, independent
from choicekit.errors.covariance.unstructured import unstructured
from choicekit.exceptions import SpecificationError, did_you_mean

__all__ = ["CHOICES", "STRUCTURES", "covariance_spec", "make_structure"]

STRUCTURES: dict[str, Callable[[tuple[Hashable, ...], int, Hashable | None], Structure]] = {
    "iid": independent,
    "heteroskedastic": heteroskedastic,
    "exchangeable": exchangeable,
    "unstructured": unstructured,
}
CHOICES = (*STRUCTURES, "factor(k)")  # for messages

_FACTOR = re.compile(r"factor\((\d+)\)")


@dataclass(frozen=True)
class Named:
    """A structure of `STRUCTURES`."""

    name: str

    def bind(
        self, alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None
    ) -> Structure:
        """Build it for J labels, the code of the base and the label of the scale alternative."""
        return STRUCTURES[self.name](alternatives, base, scale)


def covariance_spec(covariance: str | CovarianceSpec) -> CovarianceSpec:
    """Turn a name into a structure without alternatives; objects pass.

    Parameters
    ----------
    covariance
        A key of `STRUCTURES`, ``"factor(k)"``, or an object with ``name`` and ``bind`` such as
        `Factor` or `Pattern`.

    Raises
    ------
    SpecificationError
        For an unknown name, with the nearest.
    """
    if not isinstance(covariance, str):
        if callable(getattr(covariance, "bind", None)) and not isinstance(covariance, type):
            return covariance
        raise SpecificationError(
            f"covariance={covariance!r} is neither a name nor a structure. Cure: one of "
            f"{', '.join(map(repr, CHOICES))}, Factor(k) or Pattern(sd={{...}}, corr={{...}})."
        )
    if covariance in STRUCTURES:
        return Named(covariance)
    match = _FACTOR.fullmatch(covariance.replace(" ", ""))
    if match:
        return Factor(int(match.group(1)))
    hint = did_you_mean(covariance, CHOICES)
    raise SpecificationError(
        f"covariance={covariance!r} is unknown; there are {', '.join(map(repr, CHOICES))}, with a "
        f"number for k, and Pattern objects.{hint}"
    )


def make_structure(
    covariance: str | CovarianceSpec,
    alternatives: tuple[Hashable, ...],
    base: int,
    scale: Hashable | None,
) -> Structure:
    """Build a structure for these alternatives.

    Parameters
    ----------
    covariance
        As for `covariance_spec`.
    alternatives
        J labels.
    base
        Code of the base alternative.
    scale
        Label of the alternative whose variance is fixed; by default the first but the base.

    Raises
    ------
    SpecificationError
        For a scale alternative that does not exist or is the base of a structure of differences,
        and for a structure that is not identified with so few alternatives.
    """
    spec = covariance_spec(covariance)
    structure = spec.bind(tuple(alternatives), base, scale)
    problems = structure_problems(structure, alternatives)
    if problems:
        raise SpecificationError(
            f"The covariance {spec.name!r} is not identified: " + " ".join(problems)
        )
    return structure
