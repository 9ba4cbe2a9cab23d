"""What a fit returns: frozen, with the names that statsmodels' users know.

Axes: P parameters.
"""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from choicekit.estimation.clusters import cluster_codes, unit_codes
from choicekit.estimation.covariance import parameter_covariance, require_cov_type
from choicekit.exceptions import SpecificationError
from choicekit.results.diagnosis import Diagnosis

__all__ = ["FitResults", "load"]


class FitResults(Diagnosis):
    """Estimates and everything that follows from them; the fields are those of `Record`."""

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
        scores = None if cov_type == "nonrobust" else self.table.pull(self.scores())
        codes, weights = None, None
        if cov_type != "nonrobust":
            weights = self._own.weights
        if cov_type == "cluster":
            codes = unit_codes(cluster_codes(self.model.data, groups), self.unit)
        own = parameter_covariance(cov_type, self.hessian, scores, weights, codes)
        matrix = self.table.push_square(own)
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
