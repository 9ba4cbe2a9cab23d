"""Coefficients times a scale that differs between people: S-MNL, G-MNL.

Axes: N people, S nodes, H random dimensions, E values at a node (`choicekit.mixing.products`), D'
covariates of the scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.mixing.arguments import require_coefficient
from choicekit.mixing.base import Moments
from choicekit.mixing.bound import BoundRandom, ValuesAtNodes
from choicekit.mixing.products import BoundProducts, ProductsAtNodes, parts_of
from choicekit.mixing.scale import FREE, NAME, Scale, log_mean, truncated_nodes

__all__ = ["BoundScaled", "scaled"]

Float = NDArray[np.float64]

TAU, GAMMA = 0.5, 0.1  # to start from: at a tau of zero the gradient vanishes
RUNAWAY = 20.0  # a gamma that is no share of anything
LARGEST = 300.0  # logarithm of a scale


@dataclass(frozen=True, eq=False)
class ScaledAtNodes(ProductsAtNodes):
    """Coefficients at nodes with a scale.

    Attributes
    ----------
    gamma
        The parameter, or the value it has.
    by_tau
        Derivative of the logarithm of the scale by tau, (N, S).
    """

    gamma: float
    by_tau: Float


@dataclass(frozen=True, eq=False)
class BoundScaled(BoundProducts):
    """Coefficients times the scale of the person; see `Scale`.

    Attributes
    ----------
    scale
        How the scale differs between people.
    scaled
        Which of the E values it multiplies.
    z
        Its covariates, (N, D'); None without.
    """

    scale: Scale = field(default_factory=Scale)
    scaled: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    z: Float | None = None

    @property
    def n_drawn(self) -> int:
        """H and the variable of the scale."""
        return self.size + 1

    @property
    def _gamma_free(self) -> bool:
        """Whether gamma is a parameter: it shows only where scaled coefficients are random."""
        return self.scale.gamma == FREE and bool(self.scaled[: self.size].any())

    @property
    def names(self) -> tuple[str, ...]:
        """Of all parameters: the spread's, the shifts', the scale's."""
        return (*super().names, *self.scale_names)

    @property
    def scale_names(self) -> tuple[str, ...]:
        """``tau``, ``gamma``, ``scale:income``: the parameters of the scale."""
        gamma = ("gamma",) if self._gamma_free else ()
        return ("tau", *gamma, *(f"{NAME}:{column}" for column in self.scale.covariates))

    @property
    def scaled_coefficients(self) -> NDArray[np.bool_]:
        """Which coefficients the scale multiplies, in the order of ``varying``."""
        return self.select_coefficients(self.scaled)

    @property
    def remarks(self) -> tuple[str, ...]:
        """In which sense the parameters are means and standard deviations."""
        left = ", ".join(self.scale.unscaled)
        return (
            *super().remarks,
            "Coefficients are those at a scale of 1, the mean over people"
            f"{' with covariates of zero' if self.scale.covariates else ''}; the logarithm of the "
            f"scale has the standard deviation tau{f'. Not scaled: {left}' if left else ''}.",
        )

    def remarks_on(self, phi: Float) -> tuple[str, ...]:
        """Say that gamma is no share."""
        gamma = self._own(phi)[1]
        if not self._gamma_free or 0.0 <= gamma <= 1.0:
            return ()
        return (
            f"gamma = {gamma:.2g} is outside [0, 1], between G-MNL-II and G-MNL-I; it was left "
            "free.",
        )

    @property
    def reported(self) -> tuple[str, ...]:
        """Names of the coefficients as they are in the person's utility, and ``scale``."""
        return (*self.coefficients, *self.other_names, NAME)

    def start(self, variation: Float, error_sd: float) -> Float:
        """Parameters to start from: spread, shifts, scale."""
        gamma = [GAMMA] if self._gamma_free else []
        own = [TAU, *gamma, *np.zeros(len(self.scale.covariates))]
        return np.concatenate([super().start(variation, error_sd), own])

    def signs(self, phi: Float) -> Float:
        """Signs that make the diagonal of G and tau positive."""
        before = len(super().names)
        own = np.ones(len(phi) - before)
        own[0] = -1.0 if phi[before] < 0.0 else 1.0
        return np.concatenate([super().signs(phi[:before]), own])

    def mirrored(self, phi: Float) -> BoundRandom:
        """The same at nodes for which ``signs(phi) * phi`` is what ``phi`` is at these."""
        before = len(super().names)
        found = super().mirrored(phi[:before])
        assert found.mirror is not None
        found.mirror[self.size] *= self.signs(phi)[before]
        return found

    def vanished(self, beta: Float, phi: Float, variation: Float) -> tuple[str, str]:
        """Say that a search found next to no scale, and a gamma that has run off for it.

        ``gamma (1 - sigma)`` then goes to a product of the two normal variables, which the data
        may like but which is no scale. Else as for `BoundRandom.vanished`.
        """
        tau, gamma = self._own(phi)
        if self._gamma_free and abs(gamma) > RUNAWAY:
            return (
                f"gamma has run off to {gamma:.3g} while tau goes to {tau:.2g}: the data do not "
                "tell them apart",
                "Scale(gamma=0) or Scale(gamma=1), or a model without a scale",
            )
        return super().vanished(beta, phi, variation)

    def nodes(
        self, keys: NDArray[np.uint64], seed: int, people: slice, threads: int | None = None
    ) -> Float:
        """Base draws, (N, H + 1, S); the last are those of the scale."""
        t = super().nodes(keys, seed, people, threads)
        if self.scale.truncated is None:
            return t
        t = t.copy()
        t[:, self.size] = truncated_nodes(t[:, self.size], self.scale.truncated)
        return t

    def means(self, beta: Float, phi: Float, people: slice) -> Float:
        """Means behind the factors and, last, what covariates add to log sigma, (N, E + 1)."""
        own = super().means(beta, phi, people)
        if self.z is None:
            return np.append(own, np.zeros((*own.shape[:-1], 1)), axis=-1)
        shift = self.z[people] @ phi[len(phi) - self.z.shape[1] :]
        own = np.broadcast_to(own, (len(shift), self.n_values))
        return np.column_stack([own, shift])

    def _own(self, phi: Float) -> tuple[float, float]:
        """Return tau and gamma."""
        place = len(super().names)
        if self._gamma_free:
            return float(phi[place]), float(phi[place + 1])
        return float(phi[place]), 0.0 if self.scale.gamma == FREE else float(self.scale.gamma)

    def evaluate(self, mean: Float, phi: Float, t: Float) -> ScaledAtNodes:
        """Values of the coefficients at base draws; parameters as for `BoundRandom.evaluate`."""
        inner, factors = self._factors(mean[..., :-1], phi, t)
        shift = np.atleast_1d(mean[..., -1])
        e, (tau, gamma) = t[:, self.size], self._own(phi)
        centre, slope = log_mean(tau, self.scale.truncated)
        sigma = np.exp(np.minimum(tau * e - centre + shift[:, None], LARGEST))
        by_scale = sigma[:, None, :]
        base = np.atleast_2d(mean[..., :-1])
        values = factors * by_scale
        if gamma:
            values += gamma * (1.0 - by_scale) * (factors - base[:, :, None])
        values[:, ~self.scaled] = factors[:, ~self.scaled]
        return ScaledAtNodes(values, None, t, inner, factors, base, sigma, gamma, e - slope)

    def pull_values(self, by_value: Float, at: ValuesAtNodes, people: slice) -> tuple[Float, Float]:
        """From derivatives by the values to those by the means (N, E) and by phi.

        A value is ``c sigma + gamma (1 - sigma) (c - b)`` with c the factor and b its mean.
        """
        assert isinstance(at, ScaledAtNodes)
        gamma, sigma = at.gamma, at.multiplier
        by_scaled = by_value
        if not self.scaled.all():
            by_scaled = np.where(self.scaled[:, None], by_value, 0.0)
        by_factor = by_value + by_scaled * ((1.0 - gamma) * (sigma - 1.0))[:, None, :]
        by_mean, by_spread = self._pull_factors(by_factor, at)
        by_log = np.einsum("nes,nes->ns", by_scaled, at.factors)
        by_gamma: list[Float] = []
        if gamma or self._gamma_free:
            apart = np.einsum("nes,nes->ns", by_scaled, at.factors - at.mean[:, :, None])
            by_log -= gamma * apart
            by_mean += gamma * np.einsum("nes,ns->ne", by_scaled, sigma - 1.0)
            if self._gamma_free:
                by_gamma = [(apart * (1.0 - sigma)).sum(axis=1)]
        by_log *= sigma
        own = [(by_log * at.by_tau).sum(axis=1), *by_gamma]
        parts = [self.pull_phi(by_spread, by_mean, people), *(part[:, None] for part in own)]
        if self.z is not None:
            parts.append(by_log.sum(axis=1)[:, None] * self.z[people])
        return by_mean, np.hstack(parts)

    def scale_moments(self, phi: Float) -> Moments:
        """Mean, median and standard deviation of the scale, for people of average covariates."""
        tau, bound = self._own(phi)[0], self.scale.truncated
        centre = log_mean(tau, bound)[0]
        shift = 0.0
        if self.z is not None:
            shift = float(self.z.mean(axis=0) @ phi[len(phi) - self.z.shape[1] :])
        mean = float(np.exp(shift))
        variance = np.expm1(log_mean(2.0 * tau, bound)[0] - 2.0 * centre)
        return Moments(mean, float(np.exp(shift - centre)), mean * float(np.sqrt(variance)), 0.0)

    def report(self, at: ValuesAtNodes) -> Float:
        """Coefficients as they are in the utility and the scale, (N, E + 1, S)."""
        assert isinstance(at, ProductsAtNodes)
        return np.concatenate([at.values, at.multiplier[:, None, :]], axis=1)

    def take(self, people: NDArray[np.int64]) -> BoundScaled:
        """The same for some of the people."""
        fewer = super().take(people)
        assert isinstance(fewer, BoundScaled)
        return replace(fewer, z=None if self.z is None else self.z[people])


def scaled(
    bound: BoundRandom,
    scale: Scale,
    names: tuple[str, ...],
    z: Float | None,
    offsets: Sequence[str] = (),
) -> BoundScaled:
    """Random coefficients of a utility with these names, times the scale of each person.

    Parameters
    ----------
    z
        Covariates of the scale, (N, D').
    offsets
        Names of terms that it leaves alone.

    Raises
    ------
    SpecificationError
        For unknown names in ``unscaled``, or where nothing is left to scale.
    """
    components = bound.coefficients[len(bound.columns) :]
    for name in scale.unscaled:
        require_coefficient(name, (*names, *components), "to leave unscaled")
    if NAME in names:
        raise SpecificationError(
            f"A coefficient is called {NAME!r}, as the scale of a person. Cure: rename it."
        )
    left = {*scale.unscaled, *bound.coefficients, *offsets}
    others = np.array([k for k, name in enumerate(names) if name not in left], dtype=np.intp)
    own = np.array([name not in scale.unscaled for name in bound.coefficients], dtype=np.bool_)
    which = np.concatenate([own, np.ones(len(others), dtype=np.bool_)])
    if not which.any():
        raise SpecificationError("Nothing is left to scale. Cure: name fewer in unscaled=.")
    other_names = tuple(names[k] for k in others)
    return BoundScaled(
        **parts_of(bound),
        others=others,
        other_names=other_names,
        scale=scale,
        scaled=which,
        z=z if scale.covariates else None,
    )
