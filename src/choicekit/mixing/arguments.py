"""Arguments of random coefficients, checked and brought into one form.

Axes: N people, H random dimensions, J alternatives, S nodes.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean
from choicekit.mixing.base import Distribution
from choicekit.mixing.scale import Scale
from choicekit.numerics.points import MAX_POINTS

__all__ = [
    "components_of",
    "groups_of",
    "means_of",
    "members_of",
    "nodes_of",
    "number_of_draws",
    "require_coefficient",
    "require_products",
]

Float = NDArray[np.float64]


def number_of_draws(draws: object) -> int:
    """The number asked for, if it is one."""
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if not (whole and 2 <= int(draws) <= MAX_POINTS):  # type: ignore[call-overload]
        raise SpecificationError(
            f"draws must be a whole number from 2 to {MAX_POINTS:,}, not {draws!r}."
        )
    return int(draws)  # type: ignore[call-overload,no-any-return]


def nodes_of(draws: object, size: int) -> Float | None:
    """Nodes given by the user, (N, H, S); None where a number was given."""
    if not isinstance(draws, np.ndarray) or draws.ndim == 0:
        return None
    if draws.ndim != 3 or draws.shape[1] != size or not draws.size:
        raise SpecificationError(
            f"Given draws must be an array (people, {size} random coefficients and components, "
            f"the scale last, draws), not {draws.shape}."
        )
    nodes: Float = np.ascontiguousarray(draws, dtype=np.float64)
    if not np.isfinite(nodes).all():
        raise SpecificationError(
            "Given draws must be finite. Cure: they are standard normal; drop points at 0 and 1 "
            "before taking normal quantiles."
        )
    return nodes


def groups_of(
    correlated: bool | Sequence[Sequence[str]], laws: Mapping[str, Distribution]
) -> tuple[tuple[str, ...], ...]:
    """Groups of correlated coefficients, each named once and of a distribution that allows it."""
    if isinstance(correlated, bool | np.bool_):
        groups = [tuple(laws)] if correlated and laws else []
    elif isinstance(correlated, str) or any(isinstance(group, str) for group in correlated):
        raise SpecificationError(
            f"correlated={correlated!r} must be True, False or groups of names. Cure: "
            "correlated=[('time', 'cost')]."
        )
    else:
        groups = [tuple(group) for group in correlated]
    seen: set[str] = set()
    for name in (name for group in groups for name in group):
        if name not in laws:
            hint = did_you_mean(name, tuple(laws))
            raise SpecificationError(f"correlated names {name!r}, which is not random.{hint}")
        if name in seen:
            raise SpecificationError(
                f"correlated names {name!r} twice. Cure: join the groups that share it."
            )
        if not laws[name].from_normal:
            raise SpecificationError(
                f"{name!r} is {laws[name].label}, which cannot be correlated with others here. "
                "Cure: correlated=[(...), ...] with the names of the normal and lognormal "
                "coefficients."
            )
        seen.add(name)
    return tuple(groups)


def components_of(
    components: Mapping[str, Sequence[Hashable]], laws: Mapping[str, Distribution]
) -> tuple[tuple[str, tuple[Hashable, ...]], ...]:
    """Error components, each with a name of its own and its alternatives."""
    for label, members in components.items():
        if label in laws:
            raise SpecificationError(
                f"The error component {label!r} has the name of a random coefficient. Cure: "
                "another name."
            )
        if isinstance(members, str) or not len(members):
            raise SpecificationError(
                f"The error component {label!r} needs a list of alternatives, not {members!r}."
            )
    return tuple((label, tuple(members)) for label, members in components.items())


def means_of(
    means: Mapping[str, str | Sequence[str]], laws: Mapping[str, Distribution]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Columns that the mean of each coefficient depends on."""
    found = []
    for name, given in means.items():
        if name not in laws:
            hint = did_you_mean(name, tuple(laws))
            raise SpecificationError(f"means names {name!r}, which is not random.{hint}")
        text = given.lstrip(" ~").split("+") if isinstance(given, str) else given
        found.append((name, tuple(column.strip() for column in text)))
    return tuple(found)


def members_of(
    label: str, given: tuple[Hashable, ...], alternatives: Sequence[Hashable]
) -> list[bool]:
    """Which of the alternatives share an error component, J of them."""
    for member in given:
        if member not in alternatives:
            hint = did_you_mean(member, alternatives)
            raise SpecificationError(
                f"The error component {label!r} names {member!r}, which is no alternative.{hint} "
                f"There are: {', '.join(map(str, alternatives))}."
            )
    inside = [alternative in given for alternative in alternatives]
    if all(inside):
        raise SpecificationError(
            f"The error component {label!r} is shared by all alternatives, so no choice depends on "
            "it. Cure: leave one out."
        )
    return inside


def require_products(
    scale: Scale | None, wtp: str | None, laws: Mapping[str, Distribution]
) -> None:
    """Raise SpecificationError for a scale or a price that says a thing twice or nothing."""
    if scale is not None and wtp is not None:
        raise SpecificationError(
            "In willingness-to-pay space the coefficient of the price is the scale already. Cure: "
            f"leave scale= out and make it random, RandomCoefficients({{{wtp!r}: '-lognormal', "
            f"...}}, wtp={wtp!r})."
        )
    if wtp is not None and not isinstance(wtp, str):
        raise SpecificationError(f"wtp must be the name of the price's coefficient, not {wtp!r}.")
    if scale is None or scale.gamma == 0.0:
        return
    for name, law in laws.items():
        if not law.linear and name not in scale.unscaled:
            raise SpecificationError(
                f"gamma splits a coefficient into a mean and a deviation, but {name!r} is "
                f"{law.label}. Cure: Scale(gamma=0), where the scale multiplies it as a whole."
            )


def require_coefficient(name: str, names: tuple[str, ...], what: str) -> None:
    """Raise SpecificationError for a name that the utility does not have, with the nearest."""
    if name not in names:
        raise SpecificationError(
            f"There is no coefficient {name!r} {what}.{did_you_mean(name, names)} The utility has: "
            f"{', '.join(names)}."
        )
