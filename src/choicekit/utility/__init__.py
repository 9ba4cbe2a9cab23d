"""Utilities: V = X beta from a formula, or from one specification per alternative."""

from .alternatives import AlternativesDesign, alternatives_variables, learn_alternatives
from .base import Coefficient, Design
from .formula import FormulaDesign, formula_variables, learn_formula
from .linear import pullback, pullback_sum, value
from .nonlinear import BoundNonlinear, Nonlinear, NonlinearDesign, learn_nonlinear

__all__ = [
    "AlternativesDesign",
    "BoundNonlinear",
    "Coefficient",
    "Design",
    "FormulaDesign",
    "Nonlinear",
    "NonlinearDesign",
    "alternatives_variables",
    "formula_variables",
    "learn_alternatives",
    "learn_formula",
    "learn_nonlinear",
    "pullback",
    "pullback_sum",
    "value",
]
