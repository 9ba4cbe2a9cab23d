"""Tastes that differ between people: how coefficients are distributed, and their nodes."""

from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.distributions import JohnsonSB
from choicekit.mixing.random import RandomCoefficients
from choicekit.numerics.nodes import halton_normals

__all__ = ["BoundRandom", "JohnsonSB", "RandomCoefficients", "halton_normals"]
