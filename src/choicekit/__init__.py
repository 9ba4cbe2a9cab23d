"""choicekit: discrete-choice econometrics on DataFrames, logit and probit side by side.

>>> import choicekit as ck
>>> data = ck.ChoiceData.from_long(
...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
... )
>>> logit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
>>> probit = ck.probit("choice ~ gc + ttme | hinc", data, base="car").fit(seed=1)
>>> comparison = ck.compare(logit, probit)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from choicekit.data import ChoiceData
from choicekit.data.sampled import sample_alternatives
from choicekit.data.sampling import wesml_weights
from choicekit.datasets import load_dataset
from choicekit.exceptions import (
    ChoicekitError,
    ConvergenceWarning,
    DataError,
    DataWarning,
    IdentificationError,
    SimulationWarning,
    SpecificationError,
    VersionWarning,
)
from choicekit.model import ChoiceModel
from choicekit.utility import NeuralUtility, Nonlinear
from choicekit.verbs import logit, ordered, probit

if TYPE_CHECKING:
    from choicekit import neural
    from choicekit.adapters.sklearn import ChoiceClassifier
    from choicekit.errors import (
        CrossNested,
        Factor,
        Gumbel,
        HeteroskedasticGumbel,
        Nested,
        Normal,
        Ordered,
        PairedCombinatorial,
        Pattern,
    )
    from choicekit.mixing import JohnsonSB, LatentClasses, RandomCoefficients, Scale
    from choicekit.post.sampling import corrected_constants
    from choicekit.post.scenario import Scenario
    from choicekit.post.softmax import softmax
    from choicekit.report import plots
    from choicekit.report.compare import compare
    from choicekit.report.cross_validation import cross_validate
    from choicekit.results import FitResults, load

__version__ = "0.1.0"

__all__ = [
    "ChoiceClassifier",
    "ChoiceData",
    "ChoiceModel",
    "ChoicekitError",
    "ConvergenceWarning",
    "CrossNested",
    "DataError",
    "DataWarning",
    "Factor",
    "FitResults",
    "Gumbel",
    "HeteroskedasticGumbel",
    "IdentificationError",
    "JohnsonSB",
    "LatentClasses",
    "Nested",
    "NeuralUtility",
    "Nonlinear",
    "Normal",
    "Ordered",
    "PairedCombinatorial",
    "Pattern",
    "RandomCoefficients",
    "Scale",
    "Scenario",
    "SimulationWarning",
    "SpecificationError",
    "VersionWarning",
    "compare",
    "corrected_constants",
    "cross_validate",
    "load",
    "load_dataset",
    "logit",
    "neural",
    "ordered",
    "plots",
    "probit",
    "sample_alternatives",
    "softmax",
    "wesml_weights",
]

# Loaded when first used: these bring in numba or the report, which reading data does not need.
_LAZY = {
    "ChoiceClassifier": "choicekit.adapters.sklearn",
    "Factor": "choicekit.errors",
    "FitResults": "choicekit.results",
    "CrossNested": "choicekit.errors",
    "Gumbel": "choicekit.errors",
    "HeteroskedasticGumbel": "choicekit.errors",
    "JohnsonSB": "choicekit.mixing",
    "LatentClasses": "choicekit.mixing",
    "Nested": "choicekit.errors",
    "PairedCombinatorial": "choicekit.errors",
    "Normal": "choicekit.errors",
    "Ordered": "choicekit.errors",
    "RandomCoefficients": "choicekit.mixing",
    "Scale": "choicekit.mixing",
    "Scenario": "choicekit.post.scenario",
    "Pattern": "choicekit.errors",
    "compare": "choicekit.report.compare",
    "corrected_constants": "choicekit.post.sampling",
    "cross_validate": "choicekit.report.cross_validation",
    "load": "choicekit.results",
    "softmax": "choicekit.post.softmax",
}
_MODULES = {"neural": "choicekit.neural", "plots": "choicekit.report.plots"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'choicekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
