"""Independent errors, and errors with one common correlation.

Axes: J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from choicekit.errors.covariance.base import Structure, difference_code, scale_code
from choicekit.errors.covariance.levels import Levels
from choicekit.exceptions import SpecificationError

__all__ = ["exchangeable", "heteroskedastic", "independent"]

Labels = tuple[Hashable, ...]


def independent(alternatives: Labels, base: int, scale: Hashable | None) -> Structure:
    """Independent errors of equal variance: ``omega = I / 2``; no parameters.

    Parameters
    ----------
    alternatives, base, scale
        J labels, code of the base, label of the scale alternative; the latter two do not matter.
    """
    scale_code(alternatives, base, scale)  # a label that does not exist is a mistake anyhow
    sentence = (
        "The errors are independent normals of variance 1/2, so that the difference of any "
        "two has variance 1."
    )
    return _levels(alternatives, [], False, base, sentence)


def heteroskedastic(alternatives: Labels, base: int, scale: Hashable | None) -> Structure:
    """Independent errors, each with its own standard deviation; the scale alternative's is fixed.

    Parameters
    ----------
    alternatives, base, scale
        J labels, code of the base (which does not matter), label of the scale alternative.
    """
    fixed = scale_code(alternatives, base, scale)
    sentence = (
        f"The errors are independent; that of {alternatives[fixed]!r}, the scale alternative, has "
        "variance 1/2, and sd[j] is the standard deviation of j's error relative to it."
    )
    free = [j for j in range(len(alternatives)) if j != fixed]
    return _levels(alternatives, free, False, base, sentence)


def exchangeable(alternatives: Labels, base: int, scale: Hashable | None) -> Structure:
    """One correlation between all errors but the base's, and unequal variances.

    Were all J errors exchangeable, their differences would have the covariance of independent
    errors but for the scale, and the correlation would not show at all. So the base's error is
    independent of the others and, like the scale alternative's, has variance 1/2: J - 2 standard
    deviations and one correlation are free. This is the structure that Stata's cmmprobit fits with
    ``correlation(exchangeable) stddev(heteroskedastic)``, whose errors have variance 1 in place of
    1/2. The choice of the base (and, unlike elsewhere, of the scale) is part of the model.

    Parameters
    ----------
    alternatives, base, scale
        J labels, code of the base, label of the scale alternative, which must be another one.
    """
    if len(alternatives) == 2:
        raise SpecificationError(
            "The covariance 'exchangeable' is not identified with two alternatives: the base's "
            "error is independent, and there is one other. Cure: covariance='iid'."
        )
    fixed = difference_code(alternatives, base, scale)
    sentence = (
        f"The errors of {alternatives[base]!r}, the base, and of {alternatives[fixed]!r}, the "
        "scale alternative, have variance 1/2, and sd[j] is the standard deviation of j's error "
        "relative to theirs; the base's error is independent of the others, and corr is the "
        "correlation of any two of these. Another base or scale alternative is another model."
    )
    free = [j for j in range(len(alternatives)) if j not in (base, fixed)]
    return _levels(alternatives, free, True, base, sentence)


def _levels(
    alternatives: Labels, free: list[int], correlated: bool, base: int, sentence: str
) -> Levels:
    """Errors with standard deviations free in some places and maybe one correlation."""
    n = len(alternatives)
    names = [f"sd[{alternatives[j]}]" for j in free]
    sd_place = np.full(n, -1, dtype=np.intp)
    sd_place[free] = np.arange(len(free))
    corr_place = np.full((n, n), -1, dtype=np.intp)
    if correlated:
        others = [j for j in range(n) if j != base]
        corr_place[np.ix_(others, others)] = len(free)
        corr_place[others, others] = -1
        names.append("corr")
    return Levels(tuple(names), np.ones(n), np.eye(n), sd_place, corr_place, sentence)
