"""Before a model with a network is fitted: train the network."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from choicekit.neural.torch_needed import require_torch

if TYPE_CHECKING:
    from choicekit.model import ChoiceModel

__all__ = ["with_network"]


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
    start = {name: values[name] for name in table.free_names}
    return other, replace(options, start={**start, **options.start})
