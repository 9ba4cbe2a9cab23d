"""Coefficients that are random over people: mixed logit, probit with random tastes, and scales.

Axes: K coefficients of the utility, H random dimensions, N people, S nodes, J alternatives.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, unknown
from choicekit.mixing.arguments import (
    components_of,
    groups_of,
    means_of,
    members_of,
    nodes_of,
    number_of_draws,
    require_coefficient,
    require_products,
)
from choicekit.mixing.base import Distribution
from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.distributions import Normal, distribution_of
from choicekit.mixing.scale import Scale, scale_of
from choicekit.mixing.scaled import scaled
from choicekit.mixing.wtp import in_wtp_space
from choicekit.numerics.points import KINDS, rounded_points

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
    scale
        Whether the scale of the utilities, the inverse temperature of the choices, differs between
        people: True, or a `Scale` that says how. With nothing else random that is the S-MNL model,
        else the G-MNL (Fiebig et al. 2010). Parameter ``tau``, the spread of the logarithm.
    wtp
        Name of the coefficient of the price: the model is then written in willingness-to-pay
        space, ``V = a (price - w' x)`` (Train & Weeks 2005). The coefficient a keeps its name, and
        may be random as any other; all other coefficients, random or not, are what a unit of their
        covariate is worth in units of the price. Error components stay in units of utility.
    draws
        Nodes a person where draws are needed; default 512 (Sobol points: rounded up to a power of
        two). A probit with one case a person needs none: normal coefficients add to the covariance
        of its errors. Or the nodes themselves, standard normal, (N, H, S): people in the order of
        ``data.person_ids``, coefficients in the order given here, then components. Simulation
        errors are then measured with as many draws of ``draw_kind``. Those of the scale come last.
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
    Willingness-to-pay space: Train & Weeks (2005); Scarpa, Thiene & Train (2008).

    Examples
    --------
    >>> from choicekit import RandomCoefficients
    >>> RandomCoefficients(time="normal", cost="-lognormal", correlated=True).names
    ('time', 'cost')

    Values of time and comfort in money, with a lognormal coefficient of the cost:

    >>> RandomCoefficients(time="normal", comfort="normal", cost="-lognormal", wtp="cost").wtp
    'cost'
    """

    distributions: tuple[tuple[str, Distribution], ...]
    groups: tuple[tuple[str, ...], ...] = ()
    components: tuple[tuple[str, tuple[Hashable, ...]], ...] = ()
    means: tuple[tuple[str, tuple[str, ...]], ...] = ()
    scale: Scale | None = None
    wtp: str | None = None
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
        scale: bool | Scale = False,
        wtp: str | None = None,
        draws: int | Float = DEFAULT_DRAWS,
        draw_kind: str = "sobol",
        **distributions: str | Distribution,
    ) -> None:
        named = {**(coefficients or {}), **distributions}
        temperature = scale_of(scale)
        if not (named or components or temperature or wtp):
            raise SpecificationError(
                "No coefficient is random. Cure: name some, RandomCoefficients(time='normal')."
            )
        if draw_kind not in KINDS:
            raise unknown("draw_kind", draw_kind, tuple(KINDS))
        laws = {name: distribution_of(given, name) for name, given in named.items()}
        require_products(temperature, wtp, laws)
        drawn = len(laws) + len(components or {}) + (temperature is not None)
        nodes = nodes_of(draws, drawn)
        settings = {
            "distributions": tuple(laws.items()),
            "groups": groups_of(correlated, laws),
            "components": components_of(components or {}, laws),
            "means": means_of(means or {}, laws),
            "scale": temperature,
            "wtp": wtp,
            "draws": number_of_draws(draws) if nodes is None else nodes.shape[2],
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
        object.__setattr__(other, "draws", number_of_draws(draws))
        object.__setattr__(other, "given", None)
        return other

    def nested_in(self, other: RandomCoefficients) -> bool:
        """Whether this is a special case of the other: fewer random, or fewer correlated."""
        pairs, more = ({(a, b) for g in m.groups for a in g for b in g} for m in (self, other))
        random = bool(self.distributions or self.components)
        return (
            set(self.distributions) <= set(other.distributions)
            and set(self.components) <= set(other.components)
            and set(self.shifts) <= set(other.shifts)
            and pairs <= more
            and self.wtp == other.wtp
            and (
                self.scale is None
                or (other.scale is not None and self.scale.nested_in(other.scale, random))
            )
        )

    @property
    def kind(self) -> str:
        """What the model is, before the errors' name: ``"mixed"``, ``"scaled"`` and both."""
        words = ("scaled",) if self.scale else ()
        return " ".join((*words, "mixed") if self.distributions or self.components else words)

    def title(self, errors: Any) -> str:
        """The model's name in a heading, for example ``"Mixed logit"``."""
        random = self.distributions or self.components
        text = str(errors.mixed_title if random else errors.title)
        if self.scale:
            text += " with random scale"
        return f"{text} in willingness-to-pay space" if self.wtp else text

    def bind(
        self,
        names: tuple[str, ...],
        alternatives: Sequence[Hashable] = (),
        covariates: Float | None = None,
        z: Float | None = None,
        offsets: Sequence[str] = (),
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
        z
            Of the people, (N, D'), in the order of the scale's covariates.
        offsets
            Names among these of terms that nothing multiplies.

        Raises
        ------
        SpecificationError
            For a name the utility does not have, with the nearest, or an error component of
            unknown alternatives or of all.
        """
        for name in self.names:
            require_coefficient(name, names, "to make random")
        for name, column in self.shifts:
            if f"{name}:{column}" in names:
                raise SpecificationError(
                    f"The mean of {name!r} and the utility both have the coefficient "
                    f"'{name}:{column}'. Cure: leave it out of the formula or of means=."
                )
        order = [*self.names, *(label for label, _ in self.components)]
        members = [members_of(label, given, alternatives) for label, given in self.components]
        n_nodes = self.draws
        if self.given is None:
            n_nodes = rounded_points(self.draw_kind, self.draws, False)
        bound = BoundRandom(
            tuple(order),
            np.array([names.index(name) for name in self.names], dtype=np.intp),
            (*(law for _, law in self.distributions), *[Normal()] * len(members)),
            tuple(tuple(sorted(order.index(name) for name in group)) for group in self.groups),
            n_nodes if order or self.scale else 1,
            self.draw_kind,
            np.array(members, dtype=np.float64).reshape(len(members), len(alternatives)),
            tuple(order.index(name) for name, _ in self.shifts),
            tuple(f"{name}:{column}" for name, column in self.shifts),
            covariates,
            self.given,
        )
        if self.scale is not None:
            return scaled(bound, self.scale, names, z, offsets)
        return bound if self.wtp is None else in_wtp_space(bound, self.wtp, names, offsets)
