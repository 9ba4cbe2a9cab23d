"""How choices answer to changes of attributes, with standard errors.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from choicekit.results.tastes import Tastes

__all__ = ["Effects"]


class Effects(Tastes):
    """Elasticities, marginal effects, where the choices of a removed alternative go."""
