"""What a fit is made for: willingness to pay, welfare, forecasts, with standard errors.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from choicekit.results.effects import Effects

if TYPE_CHECKING:
    from choicekit.post.scenario import Scenario
    from choicekit.results.fit_results import FitResults

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
        df: Any = None,
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
            New data of the form of the estimation data, a frame of any kind; the estimation
            sample by default.

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

    def scenario(
        self,
        changes: Mapping[Hashable, Any] | None = None,
        *,
        unavailable: Iterable[Hashable] = (),
        add: Mapping[Hashable, Mapping[Hashable, Any]] | None = None,
        alpha: float = 0.05,
        df: Any = None,
    ) -> Scenario:
        """Shares before and after a change, with standard errors.

        Parameters
        ----------
        changes
            By column: ``"+10%"``, ``"-20%"``, ``"*1.1"``, ``"+5"``, ``"-5"``, ``"=40"`` or a
            function of its values, for all alternatives or, in a dict, for some:
            ``{"gc": {"air": "+10%"}, "ttme": lambda t: t.clip(upper=30)}``. The utility is made
            anew, with every transformation and interaction.
        unavailable
            Alternatives that are taken away.
        add
            New alternatives, ``{"tram": {"like": "train", "gc": 40, "ttme": "*0.5"}}``: each has
            the coefficients, the constant, the nest and, where it is not said otherwise, the
            attributes of the one it is like, and is available with it. A number is a value,
            anything else a change.
        alpha
            One minus the level of the intervals.
        df
            New data of the form of the estimation data, a frame of any kind; the estimation
            sample by default.

        Returns
        -------
        Scenario
            Prints as a table. ``shares``, ``estimates`` (with intervals for before, after and
            change) and ``totals`` are tidy frames, ``before`` and ``after`` the probabilities.

        Raises
        ------
        SpecificationError
            For changes that cannot be read, columns that the model does not use, and new
            alternatives whose errors nothing is known about.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> fit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
        >>> fit.scenario({"gc": {"air": "+20%"}})
        Scenario, 210 cases
          gc of air: +20%
        <BLANKLINE>
               before  after  change  std err  95% from      to
        air    0.2762 0.2485 -0.0277   0.0115   -0.0503 -0.0051
        train  0.3000 0.3073  0.0073   0.0030    0.0014  0.0132
        bus    0.1429 0.1472  0.0043   0.0020    0.0005  0.0082
        car    0.2810 0.2970  0.0161   0.0069    0.0025  0.0296
        <BLANKLINE>
        std err and interval are those of the change.
        """
        from choicekit.post.scenario import run_scenario, two_worlds

        worlds = two_worlds(self, changes, self._read(df), unavailable, add)
        return run_scenario(self, worlds, alpha)

    def logsum(self, df: Any = None, *, alpha: float = 0.05) -> pd.DataFrame:
        """Expected utility of the best alternative, by case.

        ``E max_j (V_j + eps_j)`` with errors of mean zero: the log-sum of a logit, the inclusive
        value of the root of a nested logit, and its like under any other law, probit included, by
        integrating choice probabilities. With random coefficients and classes, the mean over
        people. Only differences between data sets mean something, and in the model's own units.

        Parameters
        ----------
        df
            New data of the form of the estimation data, a frame of any kind; the estimation
            sample by default.
        alpha
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            Index ``case``; columns ``estimate``, ``std_error``, ``conf_low``, ``conf_high``.

        Raises
        ------
        SpecificationError
            For ordered models, which have no utilities of alternatives.

        References
        ----------
        Williams (1977), Environment and Planning A 9, 285-344; Train (2009), section 3.5.
        """
        from choicekit.post.welfare import logsum

        return logsum(self, self._read(df), alpha)

    def consumer_surplus(
        self,
        changes: Mapping[Hashable, Any] | None = None,
        price: str | None = None,
        *,
        unavailable: Iterable[Hashable] = (),
        add: Mapping[Hashable, Mapping[Hashable, Any]] | None = None,
        by: str = "mean",
        alpha: float = 0.05,
        df: Any = None,
    ) -> pd.DataFrame:
        """What a change is worth to people, in units of the price.

        The compensating variation: the change of the expected maximum of utility over the marginal
        utility of income, which is minus that of the price. Positive is a gain. It supposes that
        the marginal utility of income does not change (no income effects). Where tastes are
        random, or there are classes, it is the mean of the ratio over people, not a ratio of means.

        Parameters
        ----------
        changes, unavailable, add, df
            As for `scenario`.
        price
            Column or coefficient of the price, as for `wtp`; it must enter the utilities of all
            alternatives of a case alike.
        by
            ``"mean"``: the mean over the (weighted) cases and the total; ``"case"``: each case.
        alpha
            One minus the level of the intervals.

        Returns
        -------
        DataFrame
            Rows ``mean`` and ``total``, or the cases; columns ``estimate``, ``std_error``,
            ``conf_low``, ``conf_high``.

        Raises
        ------
        SpecificationError
            As `scenario` does; also where there is no one marginal utility of income, or where it
            can be zero.

        References
        ----------
        Small & Rosen (1981), Econometrica 49, 105-130; Train (2009), section 3.5.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> fit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
        >>> found = fit.consumer_surplus({"gc": {"air": "-10"}}, price="gc")
        >>> round(float(found.loc["mean", "estimate"]), 3)
        2.83
        """
        from choicekit.exceptions import SpecificationError
        from choicekit.post.scenario import two_worlds
        from choicekit.post.welfare import consumer_surplus

        if price is None:
            raise SpecificationError("Name the price, consumer_surplus({...}, price='cost').")
        worlds = two_worlds(self, changes, self._read(df), unavailable, add)
        return consumer_surplus(self, worlds, price, alpha, by)

    def calibrate(self, shares: Mapping[Hashable, float], *, df: Any = None) -> FitResults:
        """Return the same estimates with constants that make the predicted shares the given ones.

        For forecasts where shares of the market are known, from a census say, and the sample or a
        stated-preference experiment has others. All else stays: for a logit this is what adding
        ``log(target / predicted)`` again and again comes to (Train 2009, section 2.8), but the
        steps are Newton's, for every law of the errors; in latent classes the constants of all
        classes move alike.

        Parameters
        ----------
        shares
            By alternative: of all, adding up to 1, or of some that have constants of their own.
        df
            The data in which they are to be predicted; the estimation sample by default.

        Returns
        -------
        FitResults
            With a note. The shares count as known without error: the constants follow from the
            other estimates, and their standard errors are those carried over from these. ``llf``
            is that of the new parameters, no longer the maximum.

        Raises
        ------
        SpecificationError
            For shares that are impossible, or alternatives without a constant.
        """
        from choicekit.post.market_shares import calibrated

        found = calibrated(self, shares, self._read(df))
        names = self.params.index
        moved = ", ".join(f"{label} {change:+.3g}" for label, change in found.moved.items())
        note = (
            f"Constants calibrated to given market shares, by {moved}: not the maximum of the "
            "likelihood. Their standard errors take the shares as known."
        )
        return replace(  # type: ignore[return-value]
            self,
            params=pd.Series(found.params, index=names, name=self.params.name),
            cov=pd.DataFrame(found.cov, index=names, columns=names),
            llf=float(self._own.value(found.params)),
            resamples=None,
            notes=(*self.notes, note),
            _likelihood=self._own,
        )

    def simulate(
        self, n: int | None = None, *, seed: int = 1, df: Any = None
    ) -> pd.Series[Any] | pd.DataFrame:
        """Draw choices from the model at the estimates.

        A person with several cases keeps her random coefficients, or her class, over all of them.
        Random numbers belong to case and person ids: the order of the rows, and what other rows
        there are, makes no difference.

        Parameters
        ----------
        n
            Number of replicates; by default one, as a Series.
        seed
            Of the draws.
        df
            New data of the form of the estimation data, a frame of any kind; the estimation
            sample by default.

        Returns
        -------
        Series or DataFrame
            Label of the alternative chosen, by case; with ``n`` a column a replicate. To fit a
            model again: ``fit.model.on(data.with_choices(fit.simulate())).fit()``.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> fit = ck.logit("choice ~ gc + ttme", data, base="car").fit()
        >>> fit.simulate(2).shape
        (210, 2)
        """
        from choicekit.post.simulate import simulated_choices

        return simulated_choices(self, self._read(df), n, seed)
