"""What to ask of a fit before relying on it: its errors, its curvature.

Axes: J alternatives, P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import pandas as pd

from choicekit.exceptions import unknown
from choicekit.results.tidy import Tidy

if TYPE_CHECKING:
    from choicekit.estimation.identification.diagnostics import FitDiagnostics
    from choicekit.estimation.simulation import SimulationError

__all__ = ["Diagnosis"]

ERROR_TABLES = ("covariance", "correlations", "cholesky", "levels")


class Diagnosis(Tidy):
    """How the errors are distributed, and how well the data tell the parameters apart."""

    def identification(self) -> FitDiagnostics:
        """Condition number and flat directions of the Hessian, by parameter name.

        ``model.identification()`` asks before the fit, this after it.
        """
        from choicekit.estimation.identification.diagnostics import fit_diagnostics

        free, n_coefficients = self.table.free, len(self.model.coefficient_names)
        k = int((free < n_coefficients).sum())
        return fit_diagnostics(self.hessian, list(self.table.free_names), k)

    def simulation_error(self, replicates: int = 8) -> SimulationError:
        """Monte Carlo standard errors of the log-likelihood and every coefficient.

        Parameters
        ----------
        replicates
            Independent randomisations of the draws, at least 2.

        Returns
        -------
        SimulationError
            Prints as a report; ``llf_se``, ``table``, ``rate``, ``bias`` and
            ``draws_needed(share)`` for programs.
        """
        from choicekit.estimation.simulation import simulation_error

        return simulation_error(self, replicates)

    def error_table(
        self,
        kind: str = "covariance",
        base: Hashable | None = None,
        scale: Hashable | None = None,
        alpha: float = 0.05,
    ) -> pd.DataFrame:
        """Parameters of a probit's errors in any parametrisation, with delta-method errors.

        Parameters
        ----------
        kind
            ``"covariance"`` of the error differences against ``base``, ``"correlations"`` (and
            standard deviations) of these, ``"cholesky"``: their factor as a fit with this ``base``
            and ``scale`` would estimate it, or ``"levels"``: covariance of the errors themselves,
            where the structure defines one.
        base
            Label of the alternative subtracted; by default the model's base.
        scale
            For ``"cholesky"``, the alternative whose difference has variance 1.
        alpha
            One minus the level of the confidence intervals.

        Returns
        -------
        DataFrame
            Columns ``estimate``, ``std_error``, ``conf_low``, ``conf_high``; NaN where the
            normalisation fixes a value.

        Raises
        ------
        SpecificationError
            For an unknown kind or alternative, or a model without such a covariance.
        """
        from choicekit.post import error_covariance as convert

        if kind == "covariance":
            return convert.error_differences(self, base, alpha)
        if kind == "correlations":
            return convert.error_correlations(self, base, alpha)
        if kind == "cholesky":
            return convert.error_cholesky(self, base, scale, alpha)
        if kind == "levels":
            return convert.error_levels(self, alpha=alpha)
        raise unknown("kind", kind, ERROR_TABLES)
