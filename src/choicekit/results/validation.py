"""Whether a fit predicts: tests of its assumptions, calibration, scores of its probabilities.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

import pandas as pd

from choicekit.results.decisions import Decisions

__all__ = ["Validation"]


class Validation(Decisions):
    """Tests of the independence from irrelevant alternatives, calibration, scores.

    Scores are of the estimation sample unless new data are given, which must hold the choices;
    ``choicekit.cross_validate`` takes them of people left out.
    """

    # -- scores -------------------------------------------------------------------------------

    def log_score(self, df: pd.DataFrame | None = None, joint: bool = True) -> float:
        """Mean log-probability of the choices, a case; higher is better.

        Parameters
        ----------
        df
            New data of the form of the estimation data, choices included.
        joint
            Where people with several cases have tastes of their own, the probability of all that
            a person chose together; False: of each case by itself.
        """
        from choicekit.post.accuracy import forecast, log_score

        return log_score(forecast(self, df), joint)

    def brier(self, df: pd.DataFrame | None = None) -> float:
        """Brier score, the mean of ``sum_j (P_j - y_j)^2``: from 0 to 2, lower is better."""
        from choicekit.post.accuracy import brier, forecast

        return brier(forecast(self, df))

    def hit_rate(self, df: pd.DataFrame | None = None) -> float:
        """Share of the cases that chose what the model finds likeliest.

        It ignores how sure the model is: `log_score` and `brier` do not.
        """
        from choicekit.post.accuracy import forecast, hit_rate

        return hit_rate(forecast(self, df))

    def pred_table(self, df: pd.DataFrame | None = None, expected: bool = False) -> pd.DataFrame:
        """Cases by what was chosen (rows) and what was predicted (columns), (J, J).

        Parameters
        ----------
        df
            As for `log_score`.
        expected
            True: sums of probabilities; False: cases, each at its likeliest alternative.
        """
        from choicekit.post.accuracy import forecast, pred_table

        return pred_table(forecast(self, df), expected)

    def calibration_curve(
        self,
        df: pd.DataFrame | None = None,
        bins: int = 10,
        strategy: str = "quantile",
        pooled: bool = False,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Mean probability and share chosen, of cases with like probabilities.

        Parameters
        ----------
        df
            As for `log_score`.
        bins
            Number of bins of each alternative.
        strategy
            ``"quantile"``: as many cases in each bin; ``"uniform"``: bins of equal width.
        pooled
            All alternatives together.
        alpha
            One minus the level of Wilson's intervals.

        Returns
        -------
        DataFrame
            ``alternative``, ``bin``, ``predicted``, ``observed``, ``low``, ``high``, ``n``.
        """
        from choicekit.post.accuracy import forecast
        from choicekit.post.calibration import calibration_curve

        return calibration_curve(forecast(self, df), bins, strategy, pooled, alpha)
