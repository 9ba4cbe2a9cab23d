"""What a fit keeps: a frozen record, to which the other files add what follows from it.

Axes: P parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.constraints import Ties
from choicekit.estimation.fitting import Convergence
from choicekit.parameters import ParameterTable
from choicekit.post.base import seed_of

if TYPE_CHECKING:
    from choicekit.model import ChoiceModel

__all__ = ["Record", "Simulation"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Simulation:
    """How the probabilities were integrated, and what that cost in accuracy.

    Attributes
    ----------
    method
        ``"exact"``, ``"ghk"``, ``"analytic"``, ``"mixed"`` (of these) or ``"mixing"``.
    kind
        Kind of points.
    draws
        Points a simulated case, 0 if none is simulated.
    seed
        Seed of the draws.
    llf_se
        Standard error of the log-likelihood from the draws; where nothing is simulated, the
        error of the quadrature.
    n_exact, n_simulated, n_approximate
        Number of cases. Where some are approximated, ``llf_se`` is the distance of the
        log-likelihood from that of GHK.
    coef_se
        Standard errors (P,) of the estimates from the draws; empty where nothing is simulated.
    """

    method: str
    kind: str
    draws: int
    seed: int
    llf_se: float
    n_exact: int
    n_simulated: int
    n_approximate: int = 0
    coef_se: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """Estimates and what is needed to go on from them.

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
    ties
        Parameters that follow from the free ones by linear constraints; None if none do.
    resamples
        Estimates on resampled data, a row a replicate, after a bootstrap; else None.
    accelerations
        Skewness (P,) of the estimates that ``"bca"`` intervals allow for, after a bootstrap.
    convergence
        How the optimisation ended.
    simulation
        How the probabilities were integrated; None for a closed form.
    notes
        What a reader of the numbers should know.
    optima
        Where several starts ended, a row each; None after a single start. Columns ``llf``,
        ``converged``, ``distance`` (from the best, in standard errors), ``count``, ``start``,
        ``message``.
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
    optima: pd.DataFrame | None = None
    ties: Ties | None = None
    resamples: pd.DataFrame | None = None
    accelerations: Float | None = None
    _likelihood: Any = None
    _settled_at: Float | None = None  # in place of the likelihood, in a copy that was kept

    @cached_property
    def _own(self) -> Any:
        """The likelihood on the estimation sample, settled on the draws of the fit.

        A copy from a file settles where the fit did: elsewhere, cases may get other orders of
        integration, and the numbers would differ by the error of the integration.
        """
        if self._likelihood is not None:
            return self._likelihood
        likelihood = self.model.likelihood()
        return likelihood.settle(
            self._values if self._settled_at is None else self._settled_at, seed_of(self)
        )

    @cached_property
    def table(self) -> ParameterTable:
        """Names, and which of the parameters are free, tied or fixed, at the estimates."""
        names = tuple(map(str, self.params.index))
        held = np.array([name in self.fixed for name in names], dtype=np.bool_)
        return ParameterTable(names, self._values, held, self.ties)

    @property
    def _values(self) -> Float:
        """The estimates as an array, (P,)."""
        return self.params.to_numpy(dtype=np.float64)

    @property
    def _theta(self) -> Float:
        first = len(self.model.coefficient_names)
        return self._values[first : first + len(self.model.bound.names)]
