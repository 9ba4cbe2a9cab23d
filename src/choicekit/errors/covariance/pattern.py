"""The user's own pattern of free, fixed and equal standard deviations and correlations.

Axes: J alternatives, Q parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.covariance.base import code_of
from choicekit.errors.covariance.levels import INSIDE, Levels
from choicekit.exceptions import SpecificationError

__all__ = ["Pattern"]

Float = NDArray[np.float64]
Entry = float | str | None
Pair = tuple[Hashable, Hashable]

PROJECTIONS = 500  # to find a first covariance where fixed correlations exclude independence
START_INSIDE = 0.02  # its smallest eigenvalue


@dataclass(frozen=True)
class Pattern:
    """Which standard deviations and correlations of the errors are free, fixed or equal.

    What is not mentioned stays as with independent errors of equal variance: a standard deviation
    of 1 (relative to ``1 / sqrt(2)``, so that differences have variance 1) and no correlation.

    Parameters
    ----------
    sd
        ``{alternative: number | name | None}``: a number fixes the standard deviation, a name
        makes it a free parameter shared by all that have this name, ``None`` a free parameter
        of its own, called ``sd[alternative]``.
    corr
        ``{(alternative, alternative): number | name | None}`` likewise for correlations; the free
        ones without a name are called ``corr[alternative,alternative]``.

    Raises
    ------
    SpecificationError
        For impossible numbers, pairs named twice and names used for both kinds; on binding, for
        unknown alternatives, fixed correlations that no covariance has, and patterns that are not
        identified.

    Examples
    --------
    Bus and train share an error component; the car's error has a variance of its own:

    >>> import choicekit as ck
    >>> pattern = ck.Pattern(sd={"car": None}, corr={("bus", "train"): None})
    >>> pattern.bind(("air", "train", "bus", "car"), base=0, scale=None).names
    ('sd[car]', 'corr[train,bus]')

    Notes
    -----
    At least one standard deviation must be fixed, as the scale of the errors does not show in
    choices; a ``scale`` alternative given to the model must be one of these. The base plays no
    part. Correlations must stay those of a positive definite matrix: elsewhere the log-likelihood
    is minus infinity, and a maximum at that edge is reported as not converged.
    """

    sd: Mapping[Hashable, Entry] = field(default_factory=dict)
    corr: Mapping[Pair, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for what in ("sd", "corr"):
            if not isinstance(getattr(self, what), Mapping):
                key = "alternative" if what == "sd" else "(alternative, alternative)"
                raise SpecificationError(
                    f"{what} must be a dict {{{key}: number, name or None}}, not "
                    f"{getattr(self, what)!r}."
                )
        for label, entry in self.sd.items():
            _require_entry(f"sd[{label}]", entry, 0.0, np.inf)
        seen: set[frozenset[Hashable]] = set()
        for pair, entry in self.corr.items():
            one, two = _require_pair(pair)
            _require_entry(f"corr[{one},{two}]", entry, -1.0, 1.0)
            if frozenset((one, two)) in seen:
                raise SpecificationError(
                    f"corr gives the pair {one!r}, {two!r} twice. Cure: leave one of them out."
                )
            seen.add(frozenset((one, two)))
        both = _shared(self.sd) & _shared(self.corr)
        if both:
            raise SpecificationError(
                f"{sorted(both)[0]!r} names a standard deviation and a correlation, which cannot "
                "be equal. Cure: use two names."
            )

    @property
    def name(self) -> str:
        """``pattern``."""
        return "pattern"

    def bind(self, alternatives: tuple[Hashable, ...], base: int, scale: Hashable | None) -> Levels:
        """Build it for J labels; ``scale`` is the label of an alternative that must be fixed."""
        n = len(alternatives)
        names: list[str] = []
        sd, sd_place = np.ones(n), np.full(n, -1, dtype=np.intp)
        corr, corr_place = np.eye(n), np.full((n, n), -1, dtype=np.intp)
        entries = {code_of(label, alternatives, "sd of"): e for label, e in self.sd.items()}
        for j in sorted(entries):
            sd_place[j], value = _place(entries[j], f"sd[{alternatives[j]}]", names)
            sd[j] = 1.0 if value is None else value
        pairs = {}
        for pair, entry in self.corr.items():
            low, high = sorted(code_of(label, alternatives, "corr of") for label in pair)
            pairs[low, high] = entry
        for low, high in sorted(pairs):
            own = f"corr[{alternatives[low]},{alternatives[high]}]"
            place, value = _place(pairs[low, high], own, names)
            corr_place[low, high] = corr_place[high, low] = place
            corr[low, high] = corr[high, low] = 0.0 if value is None else value
        _require_scale(sd_place, alternatives, scale)
        sentence = _sentence(alternatives, sd, sd_place)
        structure = Levels(tuple(names), sd, corr, sd_place, corr_place, sentence)
        return _startable(structure, alternatives)


def _require_pair(pair: object) -> Pair:
    if not (isinstance(pair, tuple) and len(pair) == 2 and pair[0] != pair[1]):
        raise SpecificationError(
            f"corr is given for {pair!r}, which is not a pair of two alternatives. "
            "Cure: corr={('bus', 'train'): None}."
        )
    return pair


def _require_entry(what: str, entry: object, low: float, high: float) -> None:
    """A number in its range, a name, or None."""
    if entry is None or (isinstance(entry, str) and entry.strip()):
        return
    if isinstance(entry, Real) and not isinstance(entry, bool):
        number = float(entry)
        if np.isfinite(number) and low <= number <= high and abs(number) != high:
            return
        limits = "positive" if high == np.inf else "between -1 and 1"
        raise SpecificationError(f"{what} is fixed at {entry!r}, but it must be {limits}.")
    raise SpecificationError(
        f"{what} is {entry!r}. Cure: give a number to fix it, a name to share it, or None to "
        "estimate it on its own."
    )


def _shared(entries: Mapping[Any, Entry]) -> set[str]:
    return {entry for entry in entries.values() if isinstance(entry, str)}


def _place(entry: Entry, own: str, names: list[str]) -> tuple[int, float | None]:
    """Position of the parameter, -1 for a fixed one, and the fixed value; appends new names."""
    if entry is not None and not isinstance(entry, str):
        return -1, float(entry)
    name = own if entry is None else entry
    if name not in names:
        names.append(name)
    return names.index(name), None


def _require_scale(
    sd_place: NDArray[np.intp], alternatives: tuple[Hashable, ...], scale: Hashable | None
) -> None:
    if scale is not None:
        code = code_of(scale, alternatives, "The scale alternative")
        if sd_place[code] >= 0:
            raise SpecificationError(
                f"The standard deviation of {scale!r}, the scale alternative, is free in the "
                f"pattern. Cure: leave sd[{scale}] out, or choose another scale=."
            )
    if (sd_place >= 0).all():
        raise SpecificationError(
            "All standard deviations of the pattern are free, but choices do not show the scale "
            f"of the errors. Cure: leave one out, for example that of {alternatives[0]!r}."
        )


def _sentence(alternatives: tuple[Hashable, ...], sd: Float, sd_place: NDArray[np.intp]) -> str:
    fixed = np.flatnonzero(sd_place < 0)
    groups = [
        ", ".join(repr(alternatives[j]) for j in fixed if sd[j] == value) + f" at {value:g}"
        for value in np.unique(sd[fixed])
    ]
    return (
        "Standard deviations of the errors are relative to 1/sqrt(2), so that two independent "
        f"errors of 1 have a difference of variance 1; fixed are those of {', '.join(groups)}. "
        "Correlations that the pattern does not free are fixed as well, at zero where it gives no "
        "number."
    )


def _startable(structure: Levels, alternatives: tuple[Hashable, ...]) -> Levels:
    """Start inside: with the free correlations at zero or, where that cannot be, elsewhere.

    Alternating projections on the correlation matrices with eigenvalues above a bound and on the
    pattern, which converge to a point of both if there is one (Cheney & Goldstein 1959).
    """
    corr, place = structure.corr.copy(), structure.corr_place
    if np.linalg.eigvalsh(corr)[0] > INSIDE:
        return structure
    for _ in range(PROJECTIONS):
        values, vectors = np.linalg.eigh(corr)
        if values[0] > 0.5 * START_INSIDE:
            return replace(structure, corr=corr)
        nearest = (vectors * np.maximum(values, START_INSIDE)) @ vectors.T
        for q in np.unique(place[place >= 0]):
            corr[place == q] = nearest[place == q].mean()
    apart = np.argwhere(np.tril(structure.corr, -1) != 0.0)
    fixed = ", ".join(
        f"corr[{alternatives[k]},{alternatives[j]}] = {structure.corr[j, k]:g}" for j, k in apart
    )
    raise SpecificationError(
        f"No errors have the fixed correlations {fixed}: the matrix would not be positive "
        "definite. Cure: make them smaller, or free one."
    )
