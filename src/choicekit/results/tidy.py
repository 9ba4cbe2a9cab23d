"""The numbers of a fit as tidy frames.

Axes: P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from choicekit.results.prediction import Prediction

__all__ = ["Tidy"]


class Tidy(Prediction):
    """One row a parameter, one row a fit."""

    @property
    def converged(self) -> bool:
        """Whether the estimates are a maximum."""
        return self.convergence.converged

    def to_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """Estimates as a tidy frame, one row a parameter.

        Parameters
        ----------
        alpha
            One minus the level of the confidence intervals.

        Returns
        -------
        DataFrame (P, 10)
            ``term``, ``estimate``, ``std_error``, ``statistic`` (z), ``p_value``, ``conf_low``,
            ``conf_high``; ``kind``: what the parameter is (``"generic"``, ``"constant"``,
            ``"case"``, ``"alternative"``, ``"thresholds"``, ``"errors"``, ``"mixing"``,
            ``"membership"``, or a class); ``fixed``: held at its value, so that it has no
            standard error; ``simulation_se``: standard error that the draws add, 0 where nothing
            is simulated.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> table = ck.logit("choice ~ gc + ttme", data).fit().to_frame()
        >>> table[["term", "kind", "estimate", "std_error"]].round(3).head(2)
           term     kind  estimate  std_error
        0    gc  generic    -0.016      0.004
        1  ttme  generic    -0.097      0.010
        """
        from choicekit.post.base import simulation_errors
        from choicekit.report.facts import parameter_kinds

        ends = self.conf_int(alpha)
        kinds = parameter_kinds(self)
        noise = simulation_errors(self)
        table = {
            "estimate": self.params,
            "std_error": self.bse,
            "statistic": self.tvalues,
            "p_value": self.pvalues,
            "conf_low": ends[0],
            "conf_high": ends[1],
        }
        columns: dict[str, Any] = {name: column.to_numpy() for name, column in table.items()}
        names = [str(name) for name in self.params.index]
        columns["kind"] = [kinds[name] for name in names]
        columns["fixed"] = self.table.fixed
        columns["simulation_se"] = np.zeros(len(names)) if noise is None else np.asarray(noise)
        return pd.DataFrame({"term": names, **columns})

    def glance(self) -> pd.DataFrame:
        """Statistics of the fit as a frame of one row, under statsmodels' names.

        Returns
        -------
        DataFrame
            ``model``, ``formula``, ``nobs``, ``df_model``, ``df_resid``, ``llf``,
            ``simulation_se`` (of ``llf``, 0 where nothing is simulated), ``llnull``,
            ``llconst``, ``prsquared``, ``llr``, ``llr_pvalue``, ``aic``, ``bic``, ``cov_type``,
            ``converged``. Rows of several fits go together: ``pd.concat([a.glance(),
            b.glance()])``.
        """
        from choicekit.post.base import error_family, simulation_error

        row = {
            "model": error_family(self).title,
            "formula": str(self.model.formula),
            "nobs": self.nobs,
            "df_model": self.df_model,
            "df_resid": self.df_resid,
            "llf": self.llf,
            "simulation_se": simulation_error(self),
            "llnull": self.llnull,
            "llconst": np.nan if self.llconst is None else self.llconst,
            "prsquared": self.prsquared,
            "llr": self.llr,
            "llr_pvalue": self.llr_pvalue,
            "aic": self.aic,
            "bic": self.bic,
            "cov_type": self.cov_type,
            "converged": self.converged,
        }
        return pd.DataFrame([row])
