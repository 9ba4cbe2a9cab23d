"""What the data can and cannot tell about a model, before the fit and after it.

``examine`` runs the checks and is imported where it is needed: it starts from a logit fit, whose
module in turn uses the directions from here.
"""

from choicekit.estimation.identification.directions import (
    NullDirection,
    null_directions,
    separated_directions,
)
from choicekit.estimation.identification.index import require_index_identified
from choicekit.estimation.identification.report import Check, Identification
from choicekit.estimation.identification.utility import require_identified

__all__ = [
    "Check",
    "Identification",
    "NullDirection",
    "null_directions",
    "require_identified",
    "require_index_identified",
    "separated_directions",
]
