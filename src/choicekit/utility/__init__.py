"""Utilities: V = X beta from a formula, or from one specification per alternative."""

from .alternatives import AlternativesDesign, alternatives_variables, learn_alternatives
from .base import Coefficient, Design
from .formula import FormulaDesign, formula_variables, learn_formula
from .index import IndexDesign, learn_index
from .linear import pullback, pullback_sum, value
from .membership import Membership, learn_membership, membership_variables
from .neural import MLP, NeuralUtility, Training
from .neural_design import NeuralDesign, learn_neural
from .nonlinear import Nonlinear
from .nonlinear_design import NonlinearDesign, learn_nonlinear
from .offset import offsets_among
from .pieces import BoundNonlinear

__all__ = [
    "MLP",
    "AlternativesDesign",
    "BoundNonlinear",
    "Coefficient",
    "Design",
    "FormulaDesign",
    "IndexDesign",
    "Membership",
    "NeuralDesign",
    "NeuralUtility",
    "Nonlinear",
    "NonlinearDesign",
    "Training",
    "alternatives_variables",
    "formula_variables",
    "learn_alternatives",
    "learn_formula",
    "learn_index",
    "learn_membership",
    "learn_neural",
    "learn_nonlinear",
    "membership_variables",
    "offsets_among",
    "pullback",
    "pullback_sum",
    "value",
]
