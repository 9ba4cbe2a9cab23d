"""The scale of utilities, or the temperature of choices, that differs between people.

Axes: N people, S nodes, D covariates.

    sigma_n = exp(m(tau) + tau e_n + d' z_n),   m(tau) = -log E exp(tau e_n)

with e_n standard normal, so that sigma is lognormal with mean 1 where z_n is zero (Fiebig, Keane,
Louviere & Wasi 2010, Marketing Science 29, 393-421).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from choicekit.exceptions import SpecificationError

__all__ = ["FREE", "NAME", "Scale", "log_mean", "scale_of", "truncated_nodes"]

Float = NDArray[np.float64]

FREE = "free"
NAME = "scale"  # of what people differ in, in tables
FARTHEST = 30.0  # tau; beyond it the moments of a truncated scale are those at this


@dataclass(frozen=True, init=False)
class Scale:
    """How the scale of the utilities differs between people: S-MNL and G-MNL.

    Errors of variance one and utilities times ``sigma_n`` are the same as utilities as they are
    and errors of standard deviation ``1 / sigma_n``: a person of small scale has hot, noisy
    choices, one of large scale cold, nearly deterministic ones. The coefficients are then

        ``beta_n = sigma_n b + (gamma + sigma_n (1 - gamma)) eta_n``

    with b the means and eta_n the deviations of the random coefficients, if there are any.

    Parameters
    ----------
    gamma
        0 (the default): the scale multiplies the coefficients of the person as a whole, so it is
        the inverse temperature and nothing else (G-MNL-II). 1: it multiplies the means only
        (G-MNL-I). Another number, or ``"free"``: estimated, not forced into [0, 1]. Other than 0
        only with normal, uniform and triangular coefficients.
    covariates
        Columns of the people that the scale depends on, ``"income"`` or ``["income", "age"]``;
        parameters ``scale:income``. With ``fit(fixed={"tau": 0})`` nothing else moves it.
    unscaled
        Names of coefficients and error components that the scale leaves alone, constants for
        example: Fiebig et al. (2010) found that scaled constants often fit badly.
    truncated
        Bound of the standard normal variable in the scale, such as 1.96 or 2, which keeps single
        nodes from giving enormous scales; None (the default) for no bound.

    Raises
    ------
    SpecificationError
        For a gamma that is no number, or an impossible bound.

    References
    ----------
    Fiebig, Keane, Louviere & Wasi (2010), Marketing Science 29, 393-421.

    Examples
    --------
    >>> from choicekit import RandomCoefficients, Scale
    >>> RandomCoefficients(time="normal", scale=Scale(gamma="free")).scale.gamma
    'free'
    """

    gamma: float | str
    covariates: tuple[str, ...]
    unscaled: tuple[str, ...]
    truncated: float | None

    def __init__(
        self,
        gamma: float | str = 0.0,
        covariates: str | Sequence[str] = (),
        unscaled: str | Sequence[str] = (),
        truncated: float | None = None,
    ) -> None:
        if truncated is not None and not (np.isfinite(truncated) and truncated > 0.0):
            raise SpecificationError(f"truncated must be a positive number, not {truncated!r}.")
        text = covariates.lstrip(" ~").split("+") if isinstance(covariates, str) else covariates
        object.__setattr__(self, "gamma", _gamma(gamma))
        object.__setattr__(self, "covariates", tuple(column.strip() for column in text))
        names = (unscaled,) if isinstance(unscaled, str) else tuple(unscaled)
        object.__setattr__(self, "unscaled", names)
        object.__setattr__(self, "truncated", None if truncated is None else float(truncated))

    def nested_in(self, other: Scale, random: bool) -> bool:
        """Whether this is a special case; gamma counts only where there are ``random`` tastes."""
        same_gamma = not random or other.gamma in (FREE, self.gamma)
        return (
            same_gamma
            and set(self.covariates) <= set(other.covariates)
            and set(self.unscaled) == set(other.unscaled)
            and self.truncated == other.truncated
        )


def _gamma(given: object) -> float | str:
    if isinstance(given, str):
        if given.strip().lower() == FREE:
            return FREE
    elif isinstance(given, int | float | np.number) and np.isfinite(given):
        return float(given)
    raise SpecificationError(
        f"gamma must be a number (0 or 1, as a rule) or 'free', not {given!r}."
    )


def scale_of(given: object) -> Scale | None:
    """The scale that ``RandomCoefficients(scale=...)`` asks for.

    Raises
    ------
    SpecificationError
        For anything but True, False, None and a `Scale`.
    """
    if isinstance(given, Scale):
        return given
    if given is None or isinstance(given, bool | np.bool_):
        return Scale() if given else None
    raise SpecificationError(
        f"scale must be True or a Scale(...), not {given!r}. Cure: a coefficient that is called "
        "'scale' is named in a dict, RandomCoefficients({'scale': 'normal'})."
    )


def log_mean(tau: float, bound: float | None) -> tuple[float, float]:
    """``log E exp(tau e)`` and its derivative by tau, e normal or truncated at -bound and bound."""
    if bound is None:
        return 0.5 * tau * tau, tau
    t = min(abs(tau), FARTHEST)
    inside = float(ndtr(bound - t) - ndtr(-bound - t))
    slopes = float(np.exp(-0.5 * (bound + t) ** 2) - np.exp(-0.5 * (bound - t) ** 2))
    found = 0.5 * t * t + float(np.log(inside / (ndtr(bound) - ndtr(-bound))))
    slope = t + slopes / (np.sqrt(2.0 * np.pi) * inside)
    return found, float(np.copysign(slope, tau)) if tau else 0.0


def truncated_nodes(z: Float, bound: float) -> Float:
    """Standard normal nodes turned into those of a normal variable between -bound and bound."""
    low, high = float(ndtr(-bound)), float(ndtr(bound))
    found: Float = ndtri(low + (high - low) * ndtr(z))
    return found
