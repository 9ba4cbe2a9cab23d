"""Error laws: from utilities to choice probabilities. One law, one file."""

from choicekit.errors.base import BoundErrors, ErrorLaw, LogProb, SimulationPlan
from choicekit.errors.covariance import Factor, Pattern
from choicekit.errors.gumbel import Gumbel
from choicekit.errors.normal import Normal

__all__ = [
    "BoundErrors",
    "ErrorLaw",
    "Factor",
    "Gumbel",
    "LogProb",
    "Normal",
    "Pattern",
    "SimulationPlan",
]
