"""Before a model with a network is fitted: train the network."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from choicekit.neural.torch_needed import require_torch

if TYPE_CHECKING:
    from choicekit.model import ChoiceModel

__all__ = ["with_network"]


def _inside(value: float, least: float | None, most: float | None) -> float:
    """The nearest value within bounds, of which training knows nothing."""
    value = value if least is None else max(value, least)
    return value if most is None else min(value, most)


def with_network(model: ChoiceModel, options: Any) -> tuple[ChoiceModel, Any]:
    """The model with its network trained, and options that say where the rest starts.

    Parameters
    ----------
    model
        With a `NeuralDesign`, which stays as it is.
    options
        The `FitOptions`: what is fixed or tied, seed, progress.
    """
    require_torch("A NeuralUtility")
    from choicekit.neural.training import train

    design: Any = model.design
    table = model.table({}, options.fixed, options.constraints)
    at = model.data, model.likelihood(), table, model.information
    found = train(design, *at, options.seed, options.progress)
    other = copy.copy(model)
    other._x, other.design = model._x, found.design
    values = dict(zip(table.names, found.params.tolist(), strict=True))
    start = {
        name: _inside(values[name], *options.bounds.get(name, (None, None)))
        for name in table.free_names
    }
    return other, replace(options, start={**start, **options.start})
