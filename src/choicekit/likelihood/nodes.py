"""Utilities at the nodes of a distribution of tastes.

Axes: C' cases of a block, J alternatives, S nodes, K coefficients, H random ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors

__all__ = ["NodeUtilities"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class NodeUtilities:
    """Utilities of some cases at nodes of the tastes, S of them: one where all people agree.

    All nodes of a case are in one block, or the blocks are those of classes, each with all cases.

    Attributes
    ----------
    cases
        Their positions, (C',).
    v
        (C', S, J).
    weight
        Of the nodes, (C', S) or (1, S).
    common
        Coefficients of all cases, (K, S) or (K, 1); 0 for those in ``own``.
    columns, own
        Positions of the coefficients that differ, (H,), and their values, (C', H, S).
    errors, theta
        The law of the errors and its parameters, (Q,).
    """

    cases: NDArray[np.int64]
    v: Float
    weight: Float
    common: Float
    columns: NDArray[np.intp]
    own: Float
    errors: BoundErrors
    theta: Float

    def combined(self, slopes: Float) -> Float:
        """``slopes`` (C', K) times the coefficients, (C', S)."""
        random = np.einsum("ch,chs->cs", slopes[:, self.columns], self.own)
        found: Float = slopes @ self.common + random
        return found
