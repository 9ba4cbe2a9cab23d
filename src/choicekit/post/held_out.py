"""Cross-validation: fit a model without some people, and see what it says of them.

Axes: C cases, N people (cases where people are not known), F folds, P parameters.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.exceptions import ConvergenceWarning, IdentificationError, SpecificationError
from choicekit.post.accuracy import Forecast, forecast_on
from choicekit.post.base import Fitted, seed_of

__all__ = ["HeldOut", "MeanDifference", "fold_codes", "held_out", "mean_difference"]

Array = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What one model says of people who were left out when it was estimated.

    Attributes
    ----------
    forecast
        Probabilities of all cases, each from the fit without its fold.
    params
        Estimates without each fold, (F, P).
    refits
        A row a fold: ``converged``, ``message``, ``seconds``.
    """

    forecast: Forecast
    params: pd.DataFrame
    refits: pd.DataFrame


def fold_codes(layout: Any, folds: int, seed: Any) -> Codes:
    """Fold 0..F-1 of each case, (C,), at random; the cases of a person stay together.

    The folds have as many people, or one more.

    Raises
    ------
    SpecificationError
        Unless there are at least 2 folds and as many people as folds.
    """
    if isinstance(folds, bool) or not isinstance(folds, int | np.integer) or folds < 2:
        raise SpecificationError(f"folds must be a whole number, at least 2, not {folds!r}.")
    n = layout.n_people
    if folds > n:
        who = "cases" if layout.person is None else "people"
        raise SpecificationError(
            f"{folds} folds need as many {who}, but there are {n}. Cure: fewer folds; "
            f"folds={n} leaves out one at a time."
        )
    of_person = np.empty(n, dtype=np.int64)
    of_person[np.random.default_rng(seed).permutation(n)] = np.arange(n) % folds
    return of_person if layout.person is None else of_person[layout.person]


def held_out(fit: Fitted, codes: Codes, name: str = "the model") -> HeldOut:
    """Fit the model again without each fold, and let it foretell the fold.

    Each refit starts at the full sample's estimates and keeps what was fixed or constrained, the
    seed and number of draws, and the categories and transformations learned on all cases. A
    parameter that ended at a bound stays there; other bounds are not kept.

    Parameters
    ----------
    fit
        The model on all cases.
    codes
        Fold of each case, (C,).
    name
        What to call the model in messages.

    Raises
    ------
    IdentificationError
        If the cases without some fold do not identify the coefficients.
    """
    data = fit.model.data
    parts: list[Forecast] = []
    params, refits = [], []
    for fold in range(int(codes.max()) + 1):
        begun = time.perf_counter()
        again = _refit(fit, data.select(codes != fold), fold, name)
        parts.append(forecast_on(again, data.select(codes == fold)))
        params.append(again.params.to_numpy(dtype=np.float64))
        ended = again.convergence
        refits.append((fold + 1, ended.converged, ended.message, time.perf_counter() - begun))
    place = np.argsort(np.concatenate([np.flatnonzero(codes == f) for f in range(len(parts))]))
    folds = pd.RangeIndex(1, len(parts) + 1, name="fold")
    return HeldOut(
        _joined(parts, place),
        pd.DataFrame(np.array(params), index=folds, columns=fit.params.index),
        pd.DataFrame(refits, columns=["fold", "converged", "message", "seconds"]).set_index("fold"),
    )


def _refit(fit: Any, data: Any, fold: int, name: str) -> Any:
    """The fit on some of the cases, from the estimates on."""
    fixed = {name: float(fit.params[name]) for name in fit.fixed}
    free = {str(n): float(fit.params[n]) for n in fit.table.free_names}
    try:
        model = fit.model.on(data, fixed)
    except IdentificationError as error:
        raise IdentificationError(
            f"{name} cannot be estimated without fold {fold + 1}: {error} Cure for the "
            "cross-validation: fewer folds, another seed, or a model without what so few people "
            "tell apart."
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(
            start=free,
            fixed=fixed,
            constraints=_constraints(fit.table),
            seed=_seed(fit),
        )


def _seed(fit: Any) -> int:
    """That of the fit's network or draws."""
    own = getattr(fit.model.design, "seed", None)
    if own is not None:
        return int(own)
    return seed_of(fit)


def _constraints(table: Any) -> tuple[Array, Array] | None:
    """Equations between the parameters, as ``fit`` takes them: (matrix, values)."""
    if table.ties is None:
        return None
    matrix = -table.ties.matrix
    matrix[np.arange(len(matrix)), table.ties.places] = 1.0
    return matrix, table.ties.offset


def _joined(parts: list[Forecast], place: npt.NDArray[np.intp]) -> Forecast:
    """The folds' forecasts in the order of the cases."""

    def joined(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])[place]

    arrays = ("probabilities", "available", "chosen", "logp", "weights")
    first, of_all = parts[0], {name: joined(name) for name in arrays}
    return Forecast(joint=any(p.joint for p in parts), labels=first.labels, **of_all)


@dataclass(frozen=True)
class MeanDifference:
    """Mean over cases of a paired difference.

    Attributes
    ----------
    value, std_error
        The (weighted) mean and its standard error, clustered by person.
    units
        Number of independent units: people, or cases.
    largest
        What the unit with the largest difference adds to the mean.
    """

    value: float
    std_error: float
    units: int
    largest: float

    @property
    def z(self) -> float:
        """The mean in standard errors; NaN where there is no difference in any case."""
        return self.value / self.std_error if self.std_error > 0.0 else float("nan")

    @property
    def pvalue(self) -> float:
        """Two-sided, from the normal distribution."""
        from scipy.special import ndtr

        return float(2.0 * ndtr(-abs(self.z)))


def mean_difference(difference: Array, weights: Array, person: Codes | None) -> MeanDifference:
    """Mean of what differs between two models in each case, (C,), and its standard error.

    ``sqrt(N / (N - 1) sum_n (D_n - W_n m)^2) / W``, D and W the weighted sums of a person's
    differences and of her weights, m the mean: the spread of people, not of cases. It takes the
    estimates as given; those of different folds share most of their data, which no estimator of
    the variance allows for in general (Bengio & Grandvalet 2004, JMLR 5, 1089-1105).
    """
    codes = np.arange(len(difference)) if person is None else person
    total = np.bincount(codes, weights=weights * difference)
    size = np.bincount(codes, weights=weights)
    n, all_weights = len(total), float(weights.sum())
    mean = float(total.sum() / all_weights)
    largest = float(total[np.argmax(np.abs(total))]) / all_weights
    if n < 2 or not np.isfinite(mean):
        return MeanDifference(mean, float("nan"), n, largest)
    spread = float(((total - size * mean) ** 2).sum())
    return MeanDifference(mean, float(np.sqrt(n / (n - 1.0) * spread) / all_weights), n, largest)
