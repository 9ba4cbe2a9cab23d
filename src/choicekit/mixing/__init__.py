"""Tastes that differ between people: how coefficients are distributed, and their nodes."""

from choicekit.mixing.classes import BoundClasses, LatentClasses
from choicekit.mixing.random import BoundRandom, RandomCoefficients

__all__ = ["BoundClasses", "BoundRandom", "LatentClasses", "RandomCoefficients"]
