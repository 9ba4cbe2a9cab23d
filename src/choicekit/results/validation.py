"""Whether a fit predicts: tests of its assumptions, calibration, scores of its probabilities.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import pandas as pd

from choicekit.results.decisions import Decisions

if TYPE_CHECKING:
    from choicekit.model import ChoiceModel
    from choicekit.post.iia import HausmanMcFadden
    from choicekit.post.nonnested import Clarke, IndexTest
    from choicekit.post.score import ScoreTest
    from choicekit.post.small_hsiao import SmallHsiao
    from choicekit.post.tests import LikelihoodRatio
    from choicekit.post.vuong import Vuong
    from choicekit.utility import Nonlinear

__all__ = ["Validation"]


class Validation(Decisions):
    """Tests of the independence from irrelevant alternatives, calibration, scores.

    Scores are of the estimation sample unless new data are given, which must hold the choices;
    ``choicekit.cross_validate`` takes them of people left out.
    """

    # -- against other models -----------------------------------------------------------------

    def test_against(
        self, other: Any, kind: str = "auto"
    ) -> LikelihoodRatio | Vuong | Clarke | IndexTest:
        """Test this fit against another one on the same cases; ``print`` the outcome.

        Parameters
        ----------
        other
            Another fit.
        kind
            ``"lr"``: likelihood ratio, one model being a special case of the other, whichever;
            ``"vuong"``, ``"clarke"``, ``"horowitz"``, ``"ben_akiva_swait"``: not nested, this fit
            being the first; ``"auto"``: the likelihood ratio where they are nested, else Vuong's
            test, as `compare` does.

        Raises
        ------
        DataError
            The fits do not rest on the same choices.
        SpecificationError
            For an unknown kind, and for ``"lr"`` where the models are not nested.
        """
        from choicekit.post.against import pair_test

        return pair_test(self, other, kind)

    def score_test(
        self,
        full: ChoiceModel | str | dict[Hashable, dict[str, float | str]] | Nonlinear | None = None,
        cov_type: str | None = None,
        fixed: Iterable[str] = (),
    ) -> ScoreTest:
        """Test this fit against a fuller model which need not be fitted.

        Parameters
        ----------
        full
            The fuller model, or its specification where errors and mixing are this fit's. By
            default this fit's model with what was fixed or constrained set free.
        cov_type
            ``"nonrobust"`` (Hessian), ``"opg"``, ``"HC0"`` or ``"cluster"`` (sandwich); by default
            that of the fit.
        fixed
            Parameters of the fuller model that stay where they are.

        Raises
        ------
        SpecificationError
            This fit is no special case of the fuller model, or the score says nothing, as for a
            standard deviation of zero.
        """
        from choicekit.post.score import score_test

        return score_test(self, full, cov_type, fixed)

    # -- independence from irrelevant alternatives --------------------------------------------

    def hausman_mcfadden(self, removed: Hashable | Iterable[Hashable]) -> HausmanMcFadden:
        """Test a logit's estimates against those without some alternatives.

        Parameters
        ----------
        removed
            Label of the alternative taken away, or several.

        Returns
        -------
        HausmanMcFadden
            Prints as a report. The variance of the difference is the joint sandwich of both
            estimates, which cannot be negative; the classical statistic is shown where it can be
            used, and explained where it cannot.
        """
        from choicekit.post.iia import hausman_mcfadden

        return hausman_mcfadden(self, removed)

    def small_hsiao(
        self, removed: Hashable | Iterable[Hashable], splits: int = 25, seed: int = 1
    ) -> SmallHsiao:
        """Test a logit's likelihood without some alternatives, over random halves of the people.

        Parameters
        ----------
        removed
            Label of the alternative taken away, or several.
        splits
            Number of random divisions, whose results differ widely; 1 is the test as published.
        seed
            Of the divisions.
        """
        from choicekit.post.small_hsiao import small_hsiao

        return small_hsiao(self, removed, splits, seed)

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
