"""How choice probabilities bend as functions of the utilities and of the errors' parameters.

Where coefficients are the same for everybody, columns and coefficients act through the utilities
alone. Then first and second derivatives by the J utilities give those by any column, and how these
depend on the parameters, at a cost that does not grow with the number of columns.

Axes: C cases, J alternatives, Q parameters of the errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.gumbel import BoundGumbel

if TYPE_CHECKING:
    from choicekit.likelihood.choices import ChoiceProbabilities

__all__ = ["Curvature", "curvature", "normalised"]

Float = NDArray[np.float64]

STEP = 1e-4  # of a utility, for central differences of analytic derivatives


@dataclass(frozen=True)
class Curvature:
    """Derivatives of the choice probabilities; 0 where an alternative is not available.

    Attributes
    ----------
    p
        Probabilities, (C, J).
    by_v
        By utilities: of P_j by V_k, (C, J, J).
    by_theta
        By the parameters of the errors, (C, J, Q).
    by_vv
        Of ``by_v`` by V_m: (C, J, J, J), the last axis m.
    by_v_theta
        Of ``by_v`` by the parameters of the errors, (C, J, J, Q).
    """

    p: Float
    by_v: Float
    by_theta: Float
    by_vv: Float
    by_v_theta: Float


def curvature(choices: ChoiceProbabilities, params: Float) -> Curvature:
    """Derivatives up to the second; those of all laws but the logit's by differences of firsts."""
    if isinstance(choices.likelihood.errors, BoundGumbel):
        return _logit(choices.likelihood.probabilities(params), choices.likelihood.errors.scale)
    n_cases, size = choices.shape
    p, slopes = choices.by_utility_and_theta(params, np.zeros(size))
    bends = np.empty((n_cases, size, size, slopes.shape[2]))
    for k in range(size):
        move = np.zeros(size)
        move[k] = STEP
        up, down = (choices.by_utility_and_theta(params, sign * move)[1] for sign in (1.0, -1.0))
        bends[:, :, k] = (up - down) / (2.0 * STEP)
    return Curvature(
        p, slopes[:, :, :size], slopes[:, :, size:], bends[:, :, :, :size], bends[:, :, :, size:]
    )


def _logit(p: Float, scale: float) -> Curvature:
    """``G_jk = P_j (1[j = k] - P_k) / scale`` and its derivatives."""
    n_cases, size = p.shape
    rest = np.eye(size) - p[:, None, :]
    by_v = p[:, :, None] * rest / scale
    by_vv = by_v[:, :, None, :] * rest[:, :, :, None]
    by_vv -= p[:, :, None, None] * by_v[:, None, :, :]
    by_vv /= scale
    nothing = np.empty((n_cases, size, 0))
    return Curvature(p, by_v, nothing, by_vv, np.empty((n_cases, size, size, 0)))


def normalised(p: Float, slopes: Float) -> tuple[Float, Float]:
    """Probabilities (C, J) that add up to 1, and their derivatives (C, J, any number)."""
    total = p.sum(axis=1, keepdims=True)
    p = p / total
    slopes -= p[:, :, None] * slopes.sum(axis=1, keepdims=True)
    slopes /= total[:, :, None]
    return p, slopes
