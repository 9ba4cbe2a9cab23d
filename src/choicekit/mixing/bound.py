"""Random coefficients of a given utility: their values at nodes, and derivatives of them.

Axes: K coefficients of the utility, L rows, N people, S nodes, H random dimensions: the random
coefficients, then the error components; M parameters of the spread, D of shifts of the means.

The variables behind the coefficients are ``y_n = b + W_n d + G t_n`` with base draws t, standard
normal unless a distribution is uniform or triangular, and G lower triangular: its diagonal holds
spreads where coefficients are independent, and G is the Cholesky factor of a covariance where
they are correlated (Train 2009, sections 6.2 and 9.2.5). A coefficient is a function of its y.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from choicekit.mixing.base import Distribution
from choicekit.numerics.nodes import normal_nodes
from choicekit.numerics.points import KINDS, MAX_POINTS, rounded_points

__all__ = ["BoundRandom", "ValuesAtNodes"]

Float = NDArray[np.float64]

# The spread to start from: the part of the utility it makes random then has this share of the
# standard deviation of an error. Zero would be a saddle point, where the gradient vanishes.
START_SHARE = 0.3
NOTHING = 1e-3  # of the utility's unit


@dataclass(frozen=True, eq=False)
class ValuesAtNodes:
    """Random coefficients at nodes.

    Attributes
    ----------
    values
        (N, H, S).
    slope
        Derivative of each value by its y, (N, H, S); None where it is 1.
    lever
        What times ``slope`` is the derivative by a spread: the base draws, for most
        distributions, (N, H, S).
    """

    values: Float
    slope: Float | None
    lever: Float


@dataclass(frozen=True, eq=False)
class BoundRandom:
    """Random coefficients of a given utility; see `RandomCoefficients`.

    Attributes
    ----------
    coefficients
        Names of the random dimensions, H: coefficients, then error components.
    columns
        Positions of the coefficients among the K; there are fewer than H with components.
    distributions
        Of all H.
    groups
        Correlated dimensions, as positions in ascending order; others are independent.
    n_nodes, kind
        Nodes a person and which kind of points they are.
    members
        Which alternatives share each error component, (H - len(columns), J).
    shifted, shift_names
        Dimension and name of each parameter d, D of them.
    covariates
        W of the people, (N, D); None without shifts.
    given
        Standard normal nodes given by the user, (N, H, S).
    mirror
        Signs of the variables drawn, (n_drawn,): a finite set of nodes and its mirror image serve
        alike. None where all are as they were drawn.
    """

    coefficients: tuple[str, ...]
    columns: NDArray[np.intp]
    distributions: tuple[Distribution, ...]
    groups: tuple[tuple[int, ...], ...]
    n_nodes: int
    kind: str
    members: Float
    shifted: tuple[int, ...] = ()
    shift_names: tuple[str, ...] = ()
    covariates: Float | None = None
    given: Float | None = None
    mirror: Float | None = None

    # -- what it is -----------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """H."""
        return len(self.coefficients)

    @property
    def n_drawn(self) -> int:
        """Number of variables drawn for each person."""
        return self.size

    @property
    def n_values(self) -> int:
        """E, the number of values that `evaluate` gives at a node: H, as a rule."""
        return self.size

    @property
    def varying(self) -> NDArray[np.intp]:
        """Positions among the K of the coefficients among these values."""
        return self.columns

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of what `report` tells of each person."""
        return self.coefficients

    @property
    def all_normal(self) -> bool:
        """Whether the coefficients are jointly normal, alike for all people."""
        return self._linear and all(d.from_normal for d in self.distributions) and not self.shifted

    @property
    def _linear(self) -> bool:
        return all(d.linear for d in self.distributions)

    @property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Row and column of each parameter in the spread G."""
        group_of = {h: group for group in self.groups for h in group}
        return tuple((r, c) for r in range(self.size) for c in group_of.get(r, (r,)) if c <= r)

    @property
    def spread_names(self) -> tuple[str, ...]:
        """``sd[time]`` or, where correlated, ``chol[cost,time]``, M of them."""
        names, correlated = self.coefficients, {h for group in self.groups for h in group}
        return tuple(
            f"chol[{names[r]},{names[c]}]" if r in correlated else f"sd[{names[r]}]"
            for r, c in self.places
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of all parameters: the spread's, then the shifts'."""
        return (*self.spread_names, *self.shift_names)

    @property
    def kind_text(self) -> str:
        """Where the nodes come from, in words."""
        return "given" if self.given is not None else KINDS[self.kind][1]

    @property
    def remarks(self) -> tuple[str, ...]:
        """In which sense the parameters are means and standard deviations."""
        found = []
        for name, distribution in zip(self.coefficients, self.distributions, strict=True):
            if distribution.sense:
                sense = distribution.sense
                what = sense if sense.startswith("the ") else f"mean and standard deviation {sense}"
                found.append(
                    f"{name} is {distribution.label}: the parameters {name} and sd[{name}] are "
                    f"{what}."
                )
        return tuple(found)

    def remarks_on(self, phi: Float) -> tuple[str, ...]:
        """What a reader of these parameters should know besides."""
        return ()

    @property
    def bent_columns(self) -> NDArray[np.intp]:
        """Positions among the K of mean parameters that are in other units than coefficients."""
        own = self.distributions[: len(self.columns)]
        return self.columns[[not distribution.linear for distribution in own]]

    def vanished(self, beta: Float, phi: Float, variation: Float) -> tuple[str, str]:
        """Say which coefficients of one sign have shrunk until they do nothing, and the cure.

        ``variation`` is the root mean square deviation of the K regressors within a case, (K,).
        Empty texts if there are none.
        """
        mean = self.means(beta, phi, slice(None))
        mean = mean if mean.ndim == 1 else mean.mean(axis=0)
        sd = np.sqrt((self.spread(phi) ** 2).sum(axis=1))
        messages, cures = [], []
        for h, k in enumerate(self.columns):
            law, name = self.distributions[h], self.coefficients[h]
            if not law.one_signed:
                continue
            if abs(law.moments(float(mean[h]), float(sd[h])).mean) * variation[k] < NOTHING:
                other = law.label[1:] if law.negated else f"-{law.label}"
                messages.append(f"{name} is {law.label} and has shrunk to nothing")
                cures.append(f"{name}={other!r}")
        if not messages:
            return "", ""
        message = f"{'; '.join(messages)}: the data want zero or the other sign"
        return message, f"{', '.join(cures)}, or a model without"

    # -- starts and signs -----------------------------------------------------------------------

    def start(self, variation: Float, error_sd: float) -> Float:
        """Spread and shifts to start from, (M + D,).

        Parameters
        ----------
        variation
            Root mean square difference of the K regressors within a case, (K,).
        error_sd
            Standard deviation of an error.
        """
        n_components = self.size - len(self.columns)
        size = np.concatenate([variation[self.columns], np.ones(n_components)])
        natural = START_SHARE * error_sd / np.maximum(size, 1e-300)
        spread = [
            self.distributions[r].start_sd(float(natural[r])) if r == c else 0.0
            for r, c in self.places
        ]
        return np.array([*spread, *np.zeros(len(self.shift_names))])

    def start_from(self, beta: Float, phi: Float) -> tuple[Float, Float]:
        """Parameters to start from, given the coefficients (K,) where all people have the same.

        ``phi`` is what `start` gave.
        """
        means, own = beta.copy(), self.distributions[: len(self.columns)]
        for k, distribution in zip(self.columns, own, strict=True):
            means[k] = distribution.start_mean(float(beta[k]))
        return means, phi

    def signs(self, phi: Float) -> Float:
        """Signs (M + D,) that make the diagonal of G positive; a column may change its sign."""
        diagonal = np.diag(self.spread(phi))
        spread = [-1.0 if diagonal[c] < 0.0 else 1.0 for _, c in self.places]
        return np.array([*spread, *np.ones(len(self.shift_names))])

    def mirrored(self, phi: Float) -> BoundRandom:
        """The same at nodes for which ``signs(phi) * phi`` is what ``phi`` is at these."""
        own = np.ones(self.n_drawn) if self.mirror is None else self.mirror.copy()
        turned = (np.diag(self.spread(phi)) < 0.0) & [not d.even for d in self.distributions]
        own[: self.size] *= np.where(turned, -1.0, 1.0)
        return replace(self, mirror=own)

    # -- pieces of the likelihood -----------------------------------------------------------------

    def spread(self, phi: Float) -> Float:
        """The factor G, (H, H), lower triangular."""
        out = np.zeros((self.size, self.size))
        for value, place in zip(phi, self.places, strict=False):
            out[place] = value
        return out

    def pull_spread(self, by_spread: Float) -> Float:
        """From derivatives by G, (U, H, H), to those by its parameters, (U, M)."""
        rows, columns = np.array(self.places, dtype=np.intp).reshape(-1, 2).T
        out: Float = by_spread[:, rows, columns]
        return out

    def pull_phi(self, by_spread: Float, by_mean: Float, people: slice) -> Float:
        """Derivatives by all parameters, (U, M + D), from those by G and by the means (U, H)."""
        by_phi = self.pull_spread(by_spread)
        if self.covariates is None:
            return by_phi
        return np.hstack([by_phi, by_mean[:, list(self.shifted)] * self.covariates[people]])

    def rows(self, x: Float, alt: NDArray[np.int32]) -> Float:
        """What the random dimensions multiply in each row, (L, H)."""
        return np.column_stack([x[:, self.columns], self.members[:, alt].T])

    def means(self, beta: Float, phi: Float, people: slice) -> Float:
        """Means of y, (H,) or, with shifts, (N, H) for these people."""
        mean = np.concatenate([beta[self.columns], np.zeros(self.size - len(self.columns))])
        if self.covariates is None:
            return mean
        n_spread = len(self.places)
        moved = np.tile(mean, (len(self.covariates[people]), 1))
        for place, h in enumerate(self.shifted):
            moved[:, h] += phi[n_spread + place] * self.covariates[people, place]
        return moved

    def of_coefficients(self, by_mean: Float) -> Float:
        """Derivatives by the means of coefficients only, without the components'."""
        return by_mean[:, : len(self.columns)]

    # -- nodes ------------------------------------------------------------------------------------

    def nodes(
        self, keys: NDArray[np.uint64], seed: int, people: slice, threads: int | None = None
    ) -> Float:
        """Base draws t of some people, (N, H, S).

        Parameters
        ----------
        keys
            Of these people.
        seed
            Shared by all.
        people
            Where they are among all.
        threads
            1 where the caller is a thread itself.
        """
        if not self.n_drawn:
            return np.empty((len(keys), 0, self.n_nodes))
        if self.given is None:
            z = normal_nodes(keys, seed, self.n_drawn, self.n_nodes, self.kind, threads)
        else:
            z = self.given[people]
        if self.mirror is not None:
            z = z * self.mirror[:, None]
        if all(d.from_normal for d in self.distributions):
            return z
        z = z.copy()
        for h, distribution in enumerate(self.distributions):
            z[:, h] = distribution.nodes(z[:, h])
        return z

    def evaluate(self, mean: Float, phi: Float, t: Float) -> ValuesAtNodes:
        """Values of the random coefficients at base draws, with derivatives.

        Parameters
        ----------
        mean
            See `means`.
        phi
            (M + D,).
        t
            (N, H, S).
        """
        spread = self.spread(phi)
        values: Float = mean[..., None] + spread @ t
        if self._linear:
            return ValuesAtNodes(values, None, t)
        slope, lever = np.ones_like(values), t
        if not all(d.from_normal or d.linear for d in self.distributions):
            lever = t.copy()
        for h, distribution in enumerate(self.distributions):
            if distribution.linear:
                continue
            own = mean[..., h].reshape(-1, 1)
            found = distribution.evaluate(values[:, h], own, float(spread[h, h]), t[:, h])
            values[:, h], slope[:, h] = found.values, found.slope
            if found.lever is not t[:, h] and lever is not t:
                lever[:, h] = found.lever
        return ValuesAtNodes(values, slope, lever)

    def pull(self, by_value: Float, at: ValuesAtNodes) -> tuple[Float, Float]:
        """From derivatives by the values, (N, H, S), to those by means (N, H) and G (N, H, H)."""
        by_y = by_value if at.slope is None else by_value * at.slope
        return by_y.sum(axis=2), by_y @ at.lever.transpose(0, 2, 1)

    def pull_values(self, by_value: Float, at: ValuesAtNodes, people: slice) -> tuple[Float, Float]:
        """From derivatives by the values to those by the means (N, E) and by phi (N, M + D)."""
        by_mean, by_spread = self.pull(by_value, at)
        return by_mean, self.pull_phi(by_spread, by_mean, people)

    def report(self, at: ValuesAtNodes) -> Float:
        """What is told of each person, at nodes: the coefficients, (N, H, S)."""
        return at.values

    # -- other people, other nodes ----------------------------------------------------------------

    def take(self, people: NDArray[np.int64]) -> BoundRandom:
        """The same for some of the people."""
        covariates = None if self.covariates is None else self.covariates[people]
        given = None if self.given is None else self.given[people]
        return replace(self, covariates=covariates, given=given)

    def redrawn(self, n_nodes: int | None = None) -> BoundRandom:
        """The same with draws of its own where they were given, and perhaps another number."""
        if not self.n_drawn:
            return self
        wanted = min(MAX_POINTS, self.n_nodes if n_nodes is None else n_nodes)
        return replace(self, given=None, n_nodes=rounded_points(self.kind, wanted, False))
