"""Tastes that differ between people: how coefficients are distributed, and their nodes."""

from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.classes import BoundClasses, LatentClasses
from choicekit.mixing.distributions import JohnsonSB
from choicekit.mixing.random import RandomCoefficients
from choicekit.mixing.scale import Scale
from choicekit.numerics.nodes import halton_normals

__all__ = [
    "BoundClasses",
    "BoundRandom",
    "JohnsonSB",
    "LatentClasses",
    "RandomCoefficients",
    "Scale",
    "halton_normals",
]
