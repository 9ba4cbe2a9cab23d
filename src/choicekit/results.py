"""What a fit returns: frozen, with the names that statsmodels' users know.

Axes: C cases, J alternatives, L rows, P parameters.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.estimation.clusters import cluster_codes
from choicekit.estimation.covariance import parameter_covariance, require_cov_type
from choicekit.estimation.fitting import Convergence
from choicekit.exceptions import SpecificationError

if TYPE_CHECKING:
    from choicekit.data.choicedata import ChoiceData
    from choicekit.model import ChoiceModel

__all__ = ["FitResults", "Simulation", "load"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Simulation:
    """How the probabilities were integrated, and what that cost in accuracy.

    Attributes
    ----------
    method
        ``"exact"``, ``"ghk"`` or ``"mixed"``.
    kind
        Kind of points.
    draws
        Points a simulated case, 0 if none is simulated.
    seed
        Seed of the draws.
    llf_se
        Standard error of the log-likelihood from the draws; where nothing is simulated, the
        error of the quadrature.
    n_exact, n_simulated
        Number of cases.
    coef_se
        Standard errors of the parameters (P,) from the draws, NaN for fixed ones; empty where
        nothing is simulated.
    """

    method: str
    kind: str
    draws: int
    seed: int
    llf_se: float
    n_exact: int
    n_simulated: int
    coef_se: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class FitResults:
    """Estimates and everything that follows from them.

    Attributes
    ----------
    model
        The model that was fitted.
    params
        Estimates, labelled, (P,): coefficients of the utility, then of the errors.
    cov
        Their covariance, labelled, (P, P); 0 for fixed parameters.
    cov_type
        How it was estimated.
    llf, llnull, llconst
        Log-likelihood at the estimates, with equal shares, and with constants only (None where
        that is too large to fit).
    hessian
        Hessian of the log-likelihood over the free parameters.
    fixed
        Names of the parameters that were held fixed.
    convergence
        How the optimisation ended.
    simulation
        How the probabilities were integrated; None for a closed form.
    notes
        What a reader of the numbers should know.
    """

    model: ChoiceModel
    params: pd.Series[Any]
    cov: pd.DataFrame
    cov_type: str
    llf: float
    llnull: float
    llconst: float | None
    hessian: Float
    fixed: tuple[str, ...]
    convergence: Convergence
    simulation: Simulation | None
    notes: tuple[str, ...]
    _likelihood: Any = None

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

        half = ndtri(1.0 - alpha / 2.0) * self.bse
        return pd.DataFrame({0: self.params - half, 1: self.params + half})

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
        """Number of free parameters."""
        return len(self.params) - len(self.fixed)

    @property
    def df_resid(self) -> int:
        """Cases less free parameters."""
        return self.nobs - self.df_model

    @property
    def _reference(self) -> tuple[float, int]:
        """Log-likelihood to compare with, and how many parameters that model has."""
        n_constants = len(self.model.design.constants)
        if n_constants and self.llconst is not None:
            return self.llconst, n_constants
        return self.llnull, 0

    @property
    def llr(self) -> float:
        """Likelihood-ratio statistic against constants only (equal shares without constants)."""
        return 2.0 * (self.llf - self._reference[0])

    @property
    def llr_pvalue(self) -> float:
        """Its chi-squared p-value; NaN where nothing but constants was estimated."""
        from scipy.special import chdtrc

        df = self.df_model - self._reference[1]
        return float(chdtrc(df, max(0.0, self.llr))) if df > 0 else float("nan")

    @property
    def prsquared(self) -> float:
        """McFadden's rho-squared against constants only (equal shares without constants)."""
        return 1.0 - self.llf / self._reference[0]

    @property
    def aic(self) -> float:
        """Akaike's criterion, ``2 (parameters - llf)``."""
        return 2.0 * (self.df_model - self.llf)

    @property
    def bic(self) -> float:
        """Schwarz' criterion, ``log(cases) parameters - 2 llf``."""
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

    @property
    def _theta(self) -> Float:
        return self.params.to_numpy(dtype=np.float64)[len(self.model.design.names) :]

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

    # -- probabilities ------------------------------------------------------------------------

    def _likelihood_of(self, data: ChoiceData | None) -> Any:
        if data is None:
            return self._own
        return self.model.likelihood(data)

    @cached_property
    def _own(self) -> Any:
        """The likelihood on the estimation sample, settled on the draws of the fit."""
        if self._likelihood is not None:
            return self._likelihood
        likelihood = self.model.likelihood()
        seed = 1 if self.simulation is None else self.simulation.seed
        return likelihood.settle(self.params.to_numpy(dtype=np.float64), seed)

    def _read(self, df: pd.DataFrame | None) -> ChoiceData:
        if df is None:
            return self.model.data
        data = self.model.data.read_like(df)
        data.require_finite(_needed_columns(self.model.design, data))
        return data

    def utilities(self, df: pd.DataFrame | None = None) -> pd.DataFrame:
        """Systematic utilities V, cases x alternatives; NaN where not available.

        Parameters
        ----------
        df
            New data of the form of the estimation data, the choice being optional; the estimation
            sample by default.
        """
        data = self._read(df)
        likelihood = self._likelihood_of(None if df is None else data)
        v = likelihood.utilities(self.params.to_numpy(dtype=np.float64))
        return _cases_table(np.where(data.layout.available, v, np.nan), data)

    def probabilities(self, df: pd.DataFrame | None = None) -> pd.DataFrame:
        """Choice probabilities, cases x alternatives; 0 where not available. See `utilities`."""
        data = self._read(df)
        return _cases_table(self._probabilities(data, df is None), data)

    def _probabilities(self, data: ChoiceData, own: bool) -> Float:
        likelihood = self._likelihood_of(None if own else data)
        v = likelihood.utilities(self.params.to_numpy(dtype=np.float64))
        found: Float = self.model.bound.probabilities(
            v, data.layout.available, self._theta, likelihood.keys
        )
        return found

    def predict(self, df: pd.DataFrame | None = None) -> pd.Series[Any] | pd.DataFrame:
        """Choice probabilities in the shape of the data given.

        Parameters
        ----------
        df
            As for `utilities`.

        Returns
        -------
        Series or DataFrame
            Long data: one probability a row, in the order and with the index of the frame, so that
            ``df["p"] = fit.predict(df)`` works; NaN in rows that were left out. Wide data: a row a
            case with the index of the frame and a column an alternative. Without ``df``, the
            cases that were used, in the order they were given (wide data: by case id).
        """
        data = self._read(df)
        p = self._probabilities(data, df is None)
        if data.form == "wide":
            first = data.origin[data.layout.case_ptr[:-1]]
            if df is None:
                return _cases_table(p, data).iloc[np.argsort(first)]
            table = np.full((data.n_input_rows, p.shape[1]), np.nan)
            table[first] = p
            return pd.DataFrame(table, index=df.index, columns=list(data.alternatives))
        flat = data.layout.gather(p)
        if df is None:
            order = np.argsort(data.origin)
            return pd.Series(flat[order], index=data.frame.index[order], name="probability")
        out = np.full(data.n_input_rows, np.nan)
        out[data.origin] = flat
        return pd.Series(out, index=df.index, name="probability")

    def predicted_shares(self) -> pd.Series[Any]:
        """Mean probability of each alternative over the (weighted) estimation sample, (J,)."""
        p, weights = self._probabilities(self.model.data, True), self.model.data.layout.weights
        shares = np.average(p, axis=0, weights=weights)
        return pd.Series(shares, index=list(self.model.data.alternatives), name="predicted")

    def actual_shares(self) -> pd.Series[Any]:
        """Share of the (weighted) cases that chose each alternative, (J,)."""
        layout = self.model.data.layout
        weights = np.ones(layout.n_cases) if layout.weights is None else layout.weights
        counts = np.bincount(layout.chosen_alt, weights=weights, minlength=layout.n_alternatives)
        labels = list(self.model.data.alternatives)
        return pd.Series(counts / counts.sum(), index=labels, name="actual")

    def logp(self) -> Float:
        """Log-probability of each case's choice at the estimates, (C,), unweighted."""
        found: Float = self._own.logp(self.params.to_numpy(dtype=np.float64))
        return found

    def scores(self) -> Float:
        """Derivative of each case's log-probability by the parameters, (C, P), unweighted."""
        found: Float = self._own.scores(self.params.to_numpy(dtype=np.float64))
        return found

    # -- inference ----------------------------------------------------------------------------

    def with_cov(self, cov_type: str, groups: Any = None) -> FitResults:
        """Return the same estimates with another covariance of them.

        Parameters
        ----------
        cov_type, groups
            As for ``ChoiceModel.fit``.
        """
        require_cov_type(cov_type)
        names = list(self.params.index)
        free = np.array([p for p, name in enumerate(names) if name not in self.fixed], dtype=int)
        scores = None if cov_type == "nonrobust" else self.scores()[:, free]
        codes = cluster_codes(self.model.data, groups) if cov_type == "cluster" else None
        weights = self.model.data.layout.weights
        matrix = np.zeros((len(names), len(names)))
        matrix[np.ix_(free, free)] = parameter_covariance(
            cov_type, self.hessian, scores, weights, codes
        )
        frame = pd.DataFrame(matrix, index=names, columns=names)
        return replace(self, cov=frame, cov_type=cov_type)

    def t_test(self, constraint: Any) -> Any:
        """Test linear constraints one by one, ``"gc = 0, hinc[air] = hinc[bus]"`` or a matrix.

        Returns statsmodels' ``ContrastResults``.
        """
        from choicekit.post.contrasts import t_test

        return t_test(self, constraint)

    def wald_test(self, constraint: Any) -> Any:
        """Test linear constraints jointly; returns statsmodels' ``ContrastResults``."""
        from choicekit.post.contrasts import wald_test

        return wald_test(self, constraint)

    def summary(self, alpha: float = 0.05) -> Any:
        """Tables of the fit and its coefficients, as statsmodels' ``Summary``."""
        from choicekit.report.summary import summary_table

        return summary_table(self, alpha)

    # -- keeping ------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the results, with model and data, to a file that `load` reads (a pickle)."""
        target = Path(path)
        with target.open("wb") as file:
            pickle.dump(self, file, protocol=pickle.HIGHEST_PROTOCOL)
        return target

    @staticmethod
    def load(path: str | os.PathLike[str]) -> FitResults:
        """Read what ``save`` wrote; see `load`."""
        return load(path)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the regressors and draws out: the model makes them again."""
        state = {key: value for key, value in self.__dict__.items() if key != "_own"}
        return {**state, "_likelihood": None}

    def __repr__(self) -> str:
        state = "" if self.convergence.converged else ", NOT CONVERGED"
        return (
            f"FitResults({self.model.title}, {self.nobs:,} cases, {self.df_model} parameters, "
            f"log-likelihood {self.llf:,.3f}{state})"
        )

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())


def load(path: str | os.PathLike[str]) -> FitResults:
    """Read results from a file that ``FitResults.save`` wrote.

    The file is a pickle: reading one from a stranger runs the stranger's code.

    Raises
    ------
    SpecificationError
        If the file holds something else.
    """
    with Path(path).open("rb") as file:
        results = pickle.load(file)
    if not isinstance(results, FitResults):
        raise SpecificationError(
            f"{os.fspath(path)} holds a {type(results).__name__}, not fit results."
        )
    return results


def _cases_table(values: Float, data: ChoiceData) -> pd.DataFrame:
    return pd.DataFrame(values, index=data.case_ids, columns=list(data.alternatives))


def _needed_columns(design: Any, data: ChoiceData) -> tuple[Any, ...]:
    """Columns the design needs that exist; the design itself names those that do not."""
    return tuple(column for column in design.columns if column in data.frame.columns)
