"""How choices answer to changes of attributes, with standard errors.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from choicekit.results.tastes import Tastes

if TYPE_CHECKING:
    from choicekit.post.margeff import MarginalEffects

__all__ = ["Effects"]


class Effects(Tastes):
    """Elasticities, marginal effects, where the choices of a removed alternative go."""

    def elasticities(
        self,
        x: Any = None,
        *,
        kind: str = "point",
        change: float = 0.1,
        average: str = "probability",
        at: str | None = None,
        together: bool | None = None,
        df: pd.DataFrame | None = None,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Own and cross elasticities of the choice probabilities with respect to columns.

        The column moves in the data, so that the elasticity is that of the column itself, however
        it enters: as ``np.log(x)``, in interactions, in the membership of classes.

        Parameters
        ----------
        x
            A column of the data, or several; by default all numeric ones that the model uses.
        kind
            ``"point"``: ``(dP_j / dx_k) (x_k / P_j)``. ``"arc"``: differences over means of both
            ends when x_k changes by the share ``change``.
        change
            Of arcs, 0.1 for ten per cent.
        average
            ``"probability"``: of the expected share, that is over cases with weights P_j.
            ``"mean"``: over the cases that have both alternatives. ``"none"``: each case. Case
            weights count in the first two.
        at
            ``"mean"`` or ``"median"``: of one case whose columns have, for each alternative, their
            average over the cases, in place of an average of elasticities.
        together
            Whether a column moves in all rows of a case together; by default, if it is the same
            in all rows of every case (income).
        df
            New data, as for `probabilities`.
        alpha
            Intervals have level ``1 - alpha``.

        Returns
        -------
        DataFrame
            A row for each pair: ``variable``, ``of`` (the alternative whose probability answers),
            ``by`` (the one whose x moves; ``"all"`` where all rows of a case move), ``estimate``,
            ``std_error`` (delta method; NaN where the effect is zero whatever the estimates),
            ``conf_low``, ``conf_high``; with ``average="none"`` also ``case``. Of rankings, only
            the first choices count.

        Raises
        ------
        SpecificationError
            For columns that do not exist, are not used by the model, or hold no numbers.
        """
        from choicekit.post.elasticities import elasticities

        return elasticities(
            self,
            None if df is None else self._read(df),
            x,
            kind=kind,
            change=change,
            average=average,
            at=at,
            together=together,
            alpha=alpha,
        )

    def marginal_effects(
        self,
        x: Any = None,
        *,
        kind: str = "auto",
        average: str = "mean",
        at: str | None = None,
        together: bool | None = None,
        df: pd.DataFrame | None = None,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Own and cross effects of columns on the choice probabilities.

        Parameters
        ----------
        x, at, together, df, alpha
            As for `elasticities`.
        kind
            ``"derivative"``: dP_j / dx_k. ``"discrete"``: the change of P_j when x_k goes from 0
            to 1, from False to True, or from the first category to each other one (called
            ``x[category]``). ``"auto"``: discrete for flags and categories only.
        average
            ``"mean"`` over the cases in which the alternative that moves is available, so that
            the effects on all probabilities add up to zero; ``"probability"``: weighted by P_j;
            ``"none"``.

        Returns
        -------
        DataFrame
            As for `elasticities`.

        Raises
        ------
        SpecificationError
            For columns that do not exist, are not used by the model, or are of the wrong kind.
        """
        from choicekit.post.elasticities import marginal_effects

        return marginal_effects(
            self,
            None if df is None else self._read(df),
            x,
            kind=kind,
            average=average,
            at=at,
            together=together,
            alpha=alpha,
        )

    def get_margeff(
        self,
        at: str = "overall",
        method: str = "dydx",
        atexog: Mapping[Hashable, float] | None = None,
        dummy: bool = False,
        count: bool = False,
    ) -> MarginalEffects:
        """Marginal effects of all columns, with the arguments and names of statsmodels.

        Effects are those of columns of the data, not of terms of the formula. A column that
        differs between alternatives has one effect for each of them, ``gc[air]``.

        Parameters
        ----------
        at
            ``"overall"``: mean of the cases' effects; ``"mean"``, ``"median"``, ``"zero"``: of
            one case with these values of the columns (for each alternative); ``"all"``: of each
            case, without standard errors.
        method
            ``"dydx"``, ``"eyex"`` (elasticity), ``"dyex"`` or ``"eydx"``.
        atexog
            Columns held at values in all rows first, by name: ``{"hinc": 30}``.
        dummy, count
            Whether columns of 0 and 1 change from 0 to 1, and other whole numbers by one up and
            down (half the difference), instead of by a little. Flags and categories always
            change from one value to another.

        Returns
        -------
        MarginalEffects
            ``margeff`` and ``margeff_se`` (K, J), ``margeff_cov``, ``tvalues``, ``pvalues``,
            ``conf_int()``, ``summary_frame()``.

        Raises
        ------
        SpecificationError
            For unknown options, and for elasticities of discrete changes.
        """
        from choicekit.post.margeff import margeff

        return margeff(self, at, method, atexog, dummy, count)

    def diversion(
        self,
        removed: Any = None,
        x: Hashable | None = None,
        *,
        df: pd.DataFrame | None = None,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Where the choices of an alternative go when it is removed: diversion ratios.

        The share of its expected choices, over the (weighted) cases that have it, that each other
        alternative gains. In a conditional logit each case divides them in proportion to the
        other probabilities.

        Parameters
        ----------
        removed
            Label of the alternative, or several; by default each in turn.
        x
            A column: then the alternative is not removed but gets a little worse by it, and the
            ratios are ``-(dP_j / dx_r) / (dP_r / dx_r)``.
        df, alpha
            As for `elasticities`.

        Returns
        -------
        DataFrame
            ``removed``, ``to``, ``estimate`` (adds up to 1 over ``to``), ``std_error``,
            ``conf_low``, ``conf_high``.

        Raises
        ------
        SpecificationError
            For labels that are no alternative, and columns that cannot do this.
        """
        from choicekit.post.diversion import diversion

        return diversion(self, None if df is None else self._read(df), removed, x, alpha)
