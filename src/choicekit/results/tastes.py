"""What a fit says about people whose tastes differ.

Axes: N people, H random coefficients, S classes.
"""

from __future__ import annotations

import pandas as pd

from choicekit.results.diagnosis import Diagnosis

__all__ = ["Tastes"]


class Tastes(Diagnosis):
    """How random coefficients and classes are distributed over people, and in each of them."""

    def random_table(self, alpha: float = 0.05) -> pd.DataFrame:
        """Mean, median, spread and correlations of the random coefficients, delta-method errors."""
        from choicekit.post.random_table import random_table

        return random_table(self, alpha)

    def individual_coefficients(self) -> pd.DataFrame:
        """Posterior means and standard deviations of each person's coefficients.

        Given her choices; Train (2009), chapter 11.
        """
        from choicekit.post.individual import individual_coefficients

        return individual_coefficients(self)

    def class_posteriors(self) -> pd.DataFrame:
        """Probability that each person belongs to each latent class, given her choices, (N, S)."""
        from choicekit.post.classes import class_posteriors

        return class_posteriors(self)
