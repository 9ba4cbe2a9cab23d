"""What a fit returns: frozen, with the names that statsmodels' users know.

Axes: P parameters.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from choicekit.estimation.clusters import case_codes, cluster_codes, unit_codes
from choicekit.estimation.covariance import (
    parameter_covariance,
    require_cov_type,
    require_stratified,
)
from choicekit.exceptions import SpecificationError
from choicekit.results.keeping import read_results, write_results
from choicekit.results.validation import Validation

__all__ = ["FitResults", "load"]

STRATA_NOTE = "Standard errors are those of a sample of fixed size in each stratum"


class FitResults(Validation):
    """Estimates and everything that follows from them; the fields are those of `Record`."""

    # -- inference ----------------------------------------------------------------------------

    def with_cov(self, cov_type: str, groups: Any = None, strata: Any = None) -> FitResults:
        """Return the same estimates with another covariance of them.

        Parameters
        ----------
        cov_type, groups, strata
            As for ``ChoiceModel.fit``.
        """
        require_cov_type(cov_type)
        require_stratified(cov_type, strata)
        if cov_type == "bootstrap":
            return self.bootstrap(groups=groups, strata=strata)
        names = list(self.params.index)
        scores = None if cov_type == "nonrobust" else self.table.pull(self.scores())
        codes, weights, layers = None, None, None
        if cov_type != "nonrobust":
            weights = self._own.weights
        if cov_type == "cluster":
            codes = unit_codes(cluster_codes(self.model.data, groups), self.unit)
        if strata is not None:
            layers = unit_codes(case_codes(self.model.data, strata, "strata"), self.unit, "strata")
        own = parameter_covariance(cov_type, self.hessian, scores, weights, codes, layers)
        matrix = self.table.push_square(own)
        frame = pd.DataFrame(matrix, index=names, columns=names)
        found = replace(self, cov=frame, cov_type=cov_type, resamples=None, accelerations=None)
        return replace(found, notes=_strata_noted(self.notes, layers))

    def bootstrap(
        self,
        replicates: int = 200,
        seed: int = 1,
        groups: Any = None,
        strata: Any = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> FitResults:
        """Return the same estimates with the covariance of those on resampled data.

        Each replicate draws as many people as there are (cases where there are no people) with
        replacement and maximises the likelihood again, from the estimates on. Parameters held
        fixed or at a bound stay so; draws and nodes stay those of the fit.

        Parameters
        ----------
        replicates
            Number of samples; 200 do for standard errors, `percentile_int` wants 1,000 or more.
        seed
            Of the resampling.
        groups
            What is resampled, if neither people nor cases: a column or one label a case.
        strata
            A column or one label a case: each stratum is resampled on its own, as it was sampled.
            The column of the choices stands for the chosen alternatives.
        progress
            Called after each replicate with their number so far and ``replicates``.

        Returns
        -------
        FitResults
            ``cov_type`` is ``"bootstrap"``; ``resamples`` holds the replicates' estimates, and
            `percentile_int` and `bootstrap_table` read them.

        Warns
        -----
        ConvergenceWarning
            If more than a tenth of the samples had no maximum.
        """
        from choicekit.estimation.bootstrap import lost_replicates, resampled_estimates, usable
        from choicekit.post.resampling import acceleration

        data, codes = self.model.data, self.model.data.layout.person
        if groups is not None:
            codes = cluster_codes(data, groups)
            unit_codes(codes, self.unit)
        layers = None if strata is None else case_codes(data, strata, "strata")
        names = list(self.params.index)
        found = resampled_estimates(
            self._own, self.table, self.hessian, codes, replicates, seed, layers, progress
        )
        kept = usable(found)
        index = pd.Index(np.flatnonzero(kept), name="replicate")
        frame = pd.DataFrame(found[kept], columns=names, index=index)
        spread = np.atleast_2d(np.cov(frame.to_numpy().T))
        spread[self.table.fixed] = spread[:, self.table.fixed] = 0.0
        own = self.with_cov("nonrobust")
        pulls = self.scores() @ own.cov.to_numpy()
        if self._own.weights is not None:
            pulls = pulls * self._own.weights[:, None]
        if codes is not None:
            pulls = pd.DataFrame(pulls).groupby(unit_codes(codes, self.unit)).sum().to_numpy()
        return replace(
            self,
            cov=pd.DataFrame(spread, index=names, columns=names),
            cov_type="bootstrap",
            resamples=frame,
            accelerations=acceleration(pulls),
            notes=(*_strata_noted(self.notes, layers), *lost_replicates(kept)),
        )

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
        """Write the results, with model and data, to a file that `load` reads.

        The file says with which versions of choicekit, numpy, scipy, pandas, numba and Python it
        was written. What is made from it later has the same bytes as what is made from the fit,
        under the same versions and on the same kind of machine.
        """
        return write_results(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> FitResults:
        """Read what ``save`` wrote; see `load`."""
        return load(path)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the regressors and draws out: the model makes them again."""
        state = {key: value for key, value in self.__dict__.items() if key != "_own"}
        at = self._settled_at if self._likelihood is None else self._likelihood.settled_at
        return {**state, "_likelihood": None, "_settled_at": at}

    def __repr__(self) -> str:
        state = "" if self.convergence.converged else ", NOT CONVERGED"
        return (
            f"FitResults({self.model.title}, {self.nobs:,} cases, {self.df_model} parameters, "
            f"log-likelihood {self.llf:,.3f}{state})"
        )

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())


def _strata_noted(notes: tuple[str, ...], strata: Any) -> tuple[str, ...]:
    """The notes, with one on the strata (codes, or None) of the standard errors."""
    rest = tuple(note for note in notes if not note.startswith(STRATA_NOTE))
    if strata is None:
        return rest
    return (*rest, f"{STRATA_NOTE}, {len(np.unique(strata))} strata.")


def load(path: str | os.PathLike[str]) -> FitResults:
    """Read results from a file that ``FitResults.save`` wrote.

    The file holds a pickle: reading one from a stranger runs the stranger's code.

    Raises
    ------
    SpecificationError
        If the file is damaged or was not written by ``FitResults.save`` (it is not unpickled
        then), holds something else, or cannot be read with the versions installed.

    Warns
    -----
    VersionWarning
        If it was written with another major or minor version of a package that the numbers may
        depend on.
    """
    results = read_results(path)
    if not isinstance(results, FitResults):
        raise SpecificationError(
            f"{os.fspath(path)} holds a {type(results).__name__}, not fit results."
        )
    return results
