"""Coefficients that are random over people: mixed logit, probit with random tastes.

Axes: K coefficients of the utility, H random dimensions, N people, S nodes, J alternatives.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean, unknown
from choicekit.mixing.base import Distribution
from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.distributions import Normal, distribution_of
from choicekit.numerics.points import KINDS, MAX_POINTS, rounded_points

__all__ = ["BoundRandom", "RandomCoefficients"]

Float = NDArray[np.float64]

DEFAULT_DRAWS = 512


@dataclass(frozen=True, init=False)
class RandomCoefficients:
    """Which coefficients differ between people, and how they are distributed.

    Parameters
    ----------
    coefficients
        ``{name: distribution}`` for names that are no Python words, such as ``"asc[air]"``. A
        distribution is ``"normal"``, ``"lognormal"``, ``"truncated normal"`` (at zero) and, for
        negative coefficients, ``"-lognormal"``, ``"-truncated normal"``; ``"triangular"``,
        ``"uniform"``, ``"johnson sb"`` (on (0, 1)), or an object: ``JohnsonSB(lower, upper)``.
    correlated
        Whether the coefficients are correlated: the covariance is then estimated through its
        Cholesky factor. Or groups, ``[("time", "cost"), ("wait", "walk")]``: correlated within,
        independent of all others. Not for truncated, triangular and uniform ones.
    components
        Error components, ``{"transit": ["bus", "train"]}``: a normal variable of mean zero added
        to the utilities of these alternatives, with the parameter ``sd[transit]``.
    means
        Heterogeneity in means, ``{"time": "income"}`` or ``{"time": ["income", "female"]}``: the
        mean parameter of a coefficient is linear in these columns, which must be the same in all
        rows of a person; coefficients ``time:income``.
    draws
        Nodes a person where draws are needed; default 512 (Sobol points: rounded up to a power of
        two). A probit with one case a person needs none: normal coefficients add to the covariance
        of its errors. Or the nodes themselves, standard normal, (N, H, S): people in the order of
        ``data.person_ids``, coefficients in the order given here, then components. Simulation
        errors are then measured with as many draws of ``draw_kind``.
    draw_kind
        ``"sobol"`` (default), ``"halton"``, ``"lattice"`` (all scrambled or shifted), ``"mlhs"``
        (modified Latin hypercube) or ``"random"``; keyed by person.
    **distributions
        ``time="normal"`` and so on.

    Raises
    ------
    SpecificationError
        For an unknown distribution or kind, nothing random at all, an impossible number of draws,
        or a correlation that the distributions do not have.

    Notes
    -----
    For a normal coefficient ``means={"time": "income"}`` and the interaction ``time:income`` in the
    formula are the same model; for others only ``means`` moves the distribution.

    References
    ----------
    Train (2009), chapter 6; McFadden & Train (2000). For the probit: Hausman & Wise (1978).

    Examples
    --------
    >>> from choicekit import RandomCoefficients
    >>> RandomCoefficients(time="normal", cost="-lognormal", correlated=True).names
    ('time', 'cost')
    """

    distributions: tuple[tuple[str, Distribution], ...]
    groups: tuple[tuple[str, ...], ...] = ()
    components: tuple[tuple[str, tuple[Hashable, ...]], ...] = ()
    means: tuple[tuple[str, tuple[str, ...]], ...] = ()
    draws: int = DEFAULT_DRAWS
    draw_kind: str = "sobol"
    given: Float | None = field(default=None, compare=False, repr=False)

    def __init__(
        self,
        coefficients: Mapping[str, str | Distribution] | None = None,
        *,
        correlated: bool | Sequence[Sequence[str]] = False,
        components: Mapping[str, Sequence[Hashable]] | None = None,
        means: Mapping[str, str | Sequence[str]] | None = None,
        draws: int | Float = DEFAULT_DRAWS,
        draw_kind: str = "sobol",
        **distributions: str | Distribution,
    ) -> None:
        named = {**(coefficients or {}), **distributions}
        if not named and not components:
            raise SpecificationError(
                "No coefficient is random. Cure: name some, RandomCoefficients(time='normal')."
            )
        if draw_kind not in KINDS:
            raise unknown("draw_kind", draw_kind, tuple(KINDS))
        laws = {name: distribution_of(given, name) for name, given in named.items()}
        nodes = _nodes(draws, len(laws) + len(components or {}))
        settings = {
            "distributions": tuple(laws.items()),
            "groups": _groups(correlated, laws),
            "components": _components(components or {}, laws),
            "means": _means(means or {}, laws),
            "draws": _number_of_draws(draws) if nodes is None else nodes.shape[2],
            "draw_kind": draw_kind,
            "given": nodes,
        }
        for name, value in settings.items():
            object.__setattr__(self, name, value)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the random coefficients, without error components."""
        return tuple(name for name, _ in self.distributions)

    @property
    def correlated(self) -> bool:
        """Whether any coefficients are correlated."""
        return bool(self.groups)

    @property
    def shifts(self) -> tuple[tuple[str, str], ...]:
        """Coefficient and column of each shift of a mean, D of them."""
        return tuple((name, column) for name, columns in self.means for column in columns)

    def with_draws(self, draws: int) -> RandomCoefficients:
        """The same with another number of nodes a person, drawn where they were given."""
        other = copy.copy(self)
        object.__setattr__(other, "draws", _number_of_draws(draws))
        object.__setattr__(other, "given", None)
        return other

    def nested_in(self, other: RandomCoefficients) -> bool:
        """Whether this is a special case of the other: fewer random, or fewer correlated."""
        pairs, more = ({(a, b) for g in m.groups for a in g for b in g} for m in (self, other))
        return (
            set(self.distributions) <= set(other.distributions)
            and set(self.components) <= set(other.components)
            and set(self.shifts) <= set(other.shifts)
            and pairs <= more
        )

    def bind(
        self,
        names: tuple[str, ...],
        alternatives: Sequence[Hashable] = (),
        covariates: Float | None = None,
    ) -> BoundRandom:
        """Find the random coefficients among the K of the utility.

        Parameters
        ----------
        names
            Of the coefficients of the utility.
        alternatives
            Labels of the J alternatives, for error components.
        covariates
            Of the people, (N, D), in the order of ``shifts``.

        Raises
        ------
        SpecificationError
            For a name the utility does not have, with the nearest, or an error component of
            unknown alternatives or of all.
        """
        for name in self.names:
            if name not in names:
                hint = did_you_mean(name, names)
                raise SpecificationError(
                    f"There is no coefficient {name!r} to make random.{hint} The utility has: "
                    f"{', '.join(names)}."
                )
        for name, column in self.shifts:
            if f"{name}:{column}" in names:
                raise SpecificationError(
                    f"The mean of {name!r} and the utility both have the coefficient "
                    f"'{name}:{column}'. Cure: leave it out of the formula or of means=."
                )
        order = [*self.names, *(label for label, _ in self.components)]
        normal = [Normal()] * len(self.components)
        members = [_members(label, given, alternatives) for label, given in self.components]
        return BoundRandom(
            tuple(order),
            np.array([names.index(name) for name in self.names], dtype=np.intp),
            (*(law for _, law in self.distributions), *normal),
            tuple(tuple(sorted(order.index(name) for name in group)) for group in self.groups),
            self.draws
            if self.given is not None
            else rounded_points(self.draw_kind, self.draws, False),
            self.draw_kind,
            np.array(members, dtype=np.float64).reshape(len(members), len(alternatives)),
            tuple(order.index(name) for name, _ in self.shifts),
            tuple(f"{name}:{column}" for name, column in self.shifts),
            covariates,
            self.given,
        )


def _number_of_draws(draws: object) -> int:
    whole = isinstance(draws, int | np.integer) and not isinstance(draws, bool)
    if not (whole and 2 <= int(draws) <= MAX_POINTS):  # type: ignore[call-overload]
        raise SpecificationError(
            f"draws must be a whole number from 2 to {MAX_POINTS:,}, not {draws!r}."
        )
    return int(draws)  # type: ignore[call-overload,no-any-return]


def _nodes(draws: object, size: int) -> Float | None:
    """Nodes given by the user, (N, H, S); None where a number was given."""
    if not isinstance(draws, np.ndarray) or draws.ndim == 0:
        return None
    if draws.ndim != 3 or draws.shape[1] != size or not draws.size:
        raise SpecificationError(
            f"Given draws must be an array (people, {size} random coefficients and components, "
            f"draws), not {draws.shape}."
        )
    nodes: Float = np.ascontiguousarray(draws, dtype=np.float64)
    if not np.isfinite(nodes).all():
        raise SpecificationError(
            "Given draws must be finite. Cure: they are standard normal; drop points at 0 and 1 "
            "before taking normal quantiles."
        )
    return nodes


def _groups(
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


def _components(
    components: Mapping[str, Sequence[Hashable]], laws: Mapping[str, Distribution]
) -> tuple[tuple[str, tuple[Hashable, ...]], ...]:
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


def _means(
    means: Mapping[str, str | Sequence[str]], laws: Mapping[str, Distribution]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for name, given in means.items():
        if name not in laws:
            hint = did_you_mean(name, tuple(laws))
            raise SpecificationError(f"means names {name!r}, which is not random.{hint}")
        text = given.lstrip(" ~").split("+") if isinstance(given, str) else given
        found.append((name, tuple(column.strip() for column in text)))
    return tuple(found)


def _members(
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
