"""Covariance structures of normal errors: from parameters to the covariance of J errors."""

from choicekit.errors.covariance.base import CovarianceSpec, Structure
from choicekit.errors.covariance.factor import Factor
from choicekit.errors.covariance.identified import (
    difference_variances,
    local_rank,
    structure_problems,
)
from choicekit.errors.covariance.pattern import Pattern
from choicekit.errors.covariance.registry import STRUCTURES, covariance_spec, make_structure

__all__ = [
    "STRUCTURES",
    "CovarianceSpec",
    "Factor",
    "Pattern",
    "Structure",
    "covariance_spec",
    "difference_variances",
    "local_rank",
    "make_structure",
    "structure_problems",
]
