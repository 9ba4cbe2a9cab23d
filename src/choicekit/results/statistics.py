"""Statistics of the estimates and of the fit, under statsmodels' names.

Axes: C cases, J alternatives, P parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.results.record import Record

__all__ = ["Statistics"]


class Statistics(Record):
    """What follows from the estimates, their covariance and the log-likelihood."""

    # -- statistics of the parameters ---------------------------------------------------------

    @property
    def bse(self) -> pd.Series[Any]:
        """Standard errors (P,); NaN for fixed parameters and where the Hessian is singular."""
        diagonal = np.diag(self.cov.to_numpy())
        errors = np.sqrt(np.where(diagonal > 0.0, diagonal, np.nan))
        return pd.Series(errors, index=self.params.index, name="std err")

    @property
    def tvalues(self) -> pd.Series[Any]:
        """Estimates over their standard errors, (P,)."""
        return (self.params / self.bse).rename("z")

    @property
    def pvalues(self) -> pd.Series[Any]:
        """Two-sided p-values of zero coefficients from the normal distribution, (P,)."""
        from scipy.special import ndtr

        values = 2.0 * ndtr(-np.abs(self.tvalues.to_numpy()))
        return pd.Series(values, index=self.params.index, name="P>|z|")

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence intervals of level ``1 - alpha``, columns 0 and 1, (P, 2)."""
        from scipy.special import ndtri

        from choicekit.post.delta import require_alpha

        half = ndtri(1.0 - require_alpha(alpha) / 2.0) * self.bse
        return pd.DataFrame({0: self.params - half, 1: self.params + half})

    def percentile_int(self, alpha: float = 0.05, method: str = "percentile") -> pd.DataFrame:
        """Intervals from a bootstrap's replicates, columns 0 and 1, (P, 2); NaN where fixed.

        Parameters
        ----------
        alpha
            One less the level.
        method
            ``"percentile"``, ``"basic"`` (mirrored at the estimate), ``"bc"`` (bias-corrected) or
            ``"bca"`` (accelerated as well: allows for skewness; Efron 1987).

        Raises
        ------
        SpecificationError
            If the estimates were not bootstrapped, or the method is unknown.
        """
        from choicekit.post.resampling import intervals

        if self.resamples is None:
            raise SpecificationError(
                "There are no resampled estimates. Cure: results.bootstrap(replicates=1000), or "
                "fit(cov_type='bootstrap')."
            )
        bend = np.zeros(len(self.params)) if self.accelerations is None else self.accelerations
        ends = intervals(self._values, self.resamples.to_numpy(), bend, alpha, method)
        ends[self.table.fixed] = np.nan
        return pd.DataFrame(ends, index=self.params.index, columns=pd.RangeIndex(2))

    def bootstrap_table(self, alpha: float = 0.05) -> pd.DataFrame:
        """Estimates, their bias, standard errors and intervals by the bootstrap, (P, 9).

        Columns ``coef``, ``bias`` (the mean of the replicates less the estimate), ``std err`` and,
        each with ends 0 and 1, ``normal``, ``percentile`` and ``bca``.

        Raises
        ------
        SpecificationError
            If the estimates were not bootstrapped.
        """
        ends = {method: self.percentile_int(alpha, method) for method in ("percentile", "bca")}
        assert self.resamples is not None
        bias = self.resamples.mean() - self.params
        table: dict[tuple[str, object], pd.Series[Any]] = {
            ("coef", ""): self.params,
            ("bias", ""): bias.mask(self.table.fixed),
            ("std err", ""): self.bse,
        }
        for name, found in {"normal": self.conf_int(alpha), **ends}.items():
            table |= {(name, end): found[end] for end in (0, 1)}
        return pd.DataFrame(table)

    def cov_params(self) -> pd.DataFrame:
        """Covariance of the estimates, (P, P)."""
        return self.cov.copy()

    # -- statistics of the fit ----------------------------------------------------------------

    @property
    def nobs(self) -> int:
        """Number of cases C."""
        return self.model.data.n_cases

    @property
    def df_model(self) -> int:
        """Number of free parameters; those that follow from others do not count."""
        return len(self.table.free)

    @property
    def df_resid(self) -> int:
        """Cases less free parameters."""
        return self.nobs - self.df_model

    @property
    def _reference(self) -> tuple[float, int]:
        """Log-likelihood to compare with, and how many parameters that model has."""
        n_constants = len(self.model.design.constants)
        if self.model.bound.index:  # thresholds
            n_constants = len(self.model.bound.names)
        if n_constants and self.llconst is not None:
            return self.llconst, n_constants
        return self.llnull, 0

    @property
    def llr(self) -> float:
        """Likelihood-ratio statistic against constants only (equal shares without constants)."""
        return 2.0 * (self.llf - self._reference[0])

    @property
    def llr_pvalue(self) -> float:
        """Its chi-squared p-value; NaN where nothing but constants was estimated.

        NaN with latent classes as well: fewer classes are no regular restriction; and with a
        network, whose weights are not counted.
        """
        from scipy.special import chdtrc

        if getattr(self.model.mixing, "n_classes", 1) > 1 or self._uncounted:
            return float("nan")
        df = self.df_model - self._reference[1]
        return float(chdtrc(df, max(0.0, self.llr))) if df > 0 else float("nan")

    @property
    def prsquared(self) -> float:
        """McFadden's rho-squared against constants only (equal shares without constants)."""
        return 1.0 - self.llf / self._reference[0]

    @property
    def _uncounted(self) -> bool:
        """Whether the model has weights that do not count as parameters."""
        return bool(getattr(self.model.design, "uncounted", False))

    @property
    def aic(self) -> float:
        """Akaike's criterion, ``2 (parameters - llf)``; NaN where a network was trained."""
        return float("nan") if self._uncounted else 2.0 * (self.df_model - self.llf)

    @property
    def bic(self) -> float:
        """Schwarz' criterion, ``log(cases) parameters - 2 llf``; NaN with a trained network."""
        if self._uncounted:
            return float("nan")
        return float(np.log(self.nobs)) * self.df_model - 2.0 * self.llf

    @property
    def mle_retvals(self) -> dict[str, Any]:
        """How the optimisation ended, under statsmodels' keys."""
        found = self.convergence
        return {
            "converged": found.converged,
            "iterations": found.iterations,
            "fcalls": found.evaluations,
            "message": found.message,
            "gradient_norm": found.gradient_norm,
        }

    # -- errors -------------------------------------------------------------------------------

    def error_covariance(self) -> pd.DataFrame:
        """Covariance of the alternatives' errors under the normalisation, (J, J).

        With an unstructured probit the base's row and column are zero: the others' are those of
        the error differences against it.
        """
        labels = list(self.model.data.alternatives)
        omega = self.model.bound.covariance(self._theta)
        return pd.DataFrame(omega, index=labels, columns=labels)

    @property
    def error_sd(self) -> float:
        """Standard deviation of one error, from the mean variance of the errors' differences.

        ``sqrt(mean over pairs j < k of Var(eps_j - eps_k) / 2)``: ``pi / sqrt(6)`` for the
        standard logit, and the same whatever the base. Dividing coefficients by it makes models
        with different errors comparable.
        """
        omega = self.model.bound.covariance(self._theta)
        variance = np.diag(omega)
        differences = variance[:, None] + variance[None, :] - 2.0 * omega
        upper = differences[np.triu_indices(len(omega), 1)]
        return float(np.sqrt(upper.mean() / 2.0))
