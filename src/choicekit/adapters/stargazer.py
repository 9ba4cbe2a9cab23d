"""Stargazer's tables of our fits.

>>> from choicekit.adapters.stargazer import Stargazer  # doctest: +SKIP
>>> Stargazer([logit, probit]).render_latex()  # doctest: +SKIP

Importing this module tells ``stargazer`` (the ``stargazer`` extra) how our results are read, by
its own register of result classes; ``Stargazer`` is its class.
"""

from __future__ import annotations

from typing import Any

from stargazer.stargazer import Stargazer
from stargazer.translators import register_class

from choicekit.results import FitResults

__all__ = ["Stargazer"]

_NOT_HERE = ("r2", "r2_adj", "f_statistic", "f_p_value", "resid_std_err")


def _model_data(fit: FitResults) -> dict[str, Any]:
    """What a column of the table shows, under the names that stargazer's translators use."""
    ends = fit.conf_int()
    return {
        "dependent_variable": fit.model.endog_names,
        "cov_names": fit.params.index.to_numpy(),
        "cov_values": fit.params,
        "cov_std_err": fit.bse,
        "p_values": fit.pvalues,
        "conf_int_low_values": ends[0],
        "conf_int_high_values": ends[1],
        "nobs": fit.nobs,
        "degree_freedom": fit.df_model,
        "degree_freedom_resid": fit.df_resid,
        "pseudo_r2": fit.prsquared,
        **dict.fromkeys(_NOT_HERE),
    }


register_class(FitResults, _model_data)
