"""Error laws as layers of torch: needs ``choicekit[torch]``, loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from choicekit.neural.tastes import taste_parameters
from choicekit.neural.torch_needed import require_torch
from choicekit.utility import MLP, Training

if TYPE_CHECKING:
    from choicekit.neural.losses import ErrorLoss, LogitLoss, ProbitLoss

__all__ = ["MLP", "ErrorLoss", "LogitLoss", "ProbitLoss", "Training", "taste_parameters"]

_PLACES = {
    "ErrorLoss": "choicekit.neural.losses",
    "LogitLoss": "choicekit.neural.losses",
    "ProbitLoss": "choicekit.neural.losses",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'choicekit.neural' has no attribute {name!r}")
    require_torch(f"choicekit.neural.{name}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
