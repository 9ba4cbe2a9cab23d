"""Error laws: from utilities to choice probabilities. One law, one file."""

from choicekit.errors.base import BoundErrors, ErrorLaw, LogProb, SimulationPlan
from choicekit.errors.covariance import Factor, Pattern
from choicekit.errors.crossnested import CrossNested, PairedCombinatorial
from choicekit.errors.gumbel import Gumbel
from choicekit.errors.hev import HeteroskedasticGumbel
from choicekit.errors.nested import Nested
from choicekit.errors.normal import Normal
from choicekit.errors.ordered import Ordered

__all__ = [
    "BoundErrors",
    "CrossNested",
    "ErrorLaw",
    "Factor",
    "Gumbel",
    "HeteroskedasticGumbel",
    "LogProb",
    "Nested",
    "Normal",
    "Ordered",
    "PairedCombinatorial",
    "Pattern",
    "SimulationPlan",
]
