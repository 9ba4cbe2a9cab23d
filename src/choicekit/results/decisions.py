"""What a fit is made for: willingness to pay, welfare, forecasts, with standard errors.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from choicekit.results.effects import Effects

__all__ = ["Decisions"]


class Decisions(Effects):
    """Willingness to pay, expected utility, scenarios, simulated choices."""

    def wtp(
        self,
        x: str | Sequence[str],
        price: str,
        method: str = "delta",
        *,
        draws: int = 10_000,
        seed: int = 1,
        alpha: float = 0.05,
        unit: float = 1.0,
        by: str = "mean",
        df: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Willingness to pay for one unit more of x, in units of the price.

        ``-(dV/dx) / (dV/dprice)``: positive for what people like, negative for a nuisance such as
        travel time. What they would pay for 60 minutes *less* is ``wtp("time", "cost", unit=-60)``.

        Parameters
        ----------
        x
            One or several columns or coefficients. A column that the utility uses stands for its
            marginal utility, with all transformations and interactions it has a part in, at the
            values of the data; any other name is a coefficient, ``"asc[air]"``.
        price
            Column or coefficient of the price, the same way.
        method
            Of the intervals: ``"delta"`` (normal), ``"krinsky-robb"`` (percentiles over draws from
            the distribution of the estimates), ``"bootstrap"`` (percentiles over resampled
            estimates: those of ``results.bootstrap(replicates)``, or 200 new ones), or
            ``"fieller"`` (exact for a ratio of normal estimates, and unbounded where the price is
            not significant).
        draws, seed
            Of the estimates, for Krinsky-Robb; ``seed`` also of the bootstrap.
        alpha
            One minus the level of the intervals.
        unit
            How much more of x is paid for.
        by
            ``"mean"`` over the (weighted) cases where the ratio differs between them; by
            alternative where it differs between the alternatives of a case. ``"case"``: each.
            ``"person"``: with random coefficients or classes, what each person's own choices say.
        df
            New data of the form of the estimation data; the estimation sample by default.

        Returns
        -------
        DataFrame
            Index ``attribute`` and, where needed, ``alternative``, ``case``, ``class`` (and
            ``mean``, over classes) or ``statistic``: the distribution over people where x or price
            is random. Columns ``estimate``, ``std_error``, ``conf_low``, ``conf_high``, ``note``.
            With ``by="person"``: a row a person and attribute, columns ``mean``, ``sd``,
            ``median``.

        Raises
        ------
        SpecificationError
            For unknown names and options.

        References
        ----------
        Krinsky & Robb (1986), Review of Economics and Statistics 68, 715-719; Fieller (1954),
        Journal of the Royal Statistical Society B 16, 175-185; Daly, Hess & Train (2012),
        Transportation 39, 19-31 on moments of ratios of random coefficients.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> fit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
        >>> round(float(fit.wtp("ttme", "gc", unit=-60).loc["ttme", "estimate"]), 1)
        524.2
        """
        from choicekit.post.wtp import Question, willingness_to_pay

        ask = Question(price, method, draws, seed, alpha, unit, by)
        return willingness_to_pay(self, x, ask, self._read(df))
