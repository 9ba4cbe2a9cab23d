"""How well probabilities foretell choices: log score, Brier score, hits, the table of both.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from choicekit.post.base import Fitted, seed_of, spread, weights_of

__all__ = [
    "Forecast",
    "brier",
    "by_case",
    "forecast",
    "forecast_on",
    "hit_rate",
    "log_score",
    "pred_table",
]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a model says of cases whose choices are known.

    Attributes
    ----------
    probabilities
        (C, J), 0 where not available.
    available
        bool (C, J).
    chosen
        Position of the chosen alternative, (C,).
    logp
        Log-probability (C,) of what was chosen. Where a person's tastes hold in all her cases, her
        part of the joint log-probability, spread evenly over them: only its sums over people mean
        something.
    joint
        Whether that is so.
    weights
        Of the cases, (C,).
    labels
        Of the alternatives, J.
    """

    probabilities: Array
    available: npt.NDArray[np.bool_]
    chosen: npt.NDArray[Any]
    logp: Array
    joint: bool
    weights: Array
    labels: tuple[Hashable, ...]

    @property
    def indicators(self) -> Array:
        """1 for the chosen alternative, 0 for the others, (C, J)."""
        out = np.zeros(self.probabilities.shape)
        out[np.arange(len(out)), self.chosen] = 1.0
        return out


def forecast(fit: Fitted, df: pd.DataFrame | None = None) -> Forecast:
    """Probabilities beside the choices, of the estimation sample or of new data that hold both.

    Raises
    ------
    DataError
        As for reading the estimation data: the choice must be known.
    """
    if df is not None:
        return forecast_on(fit, fit.model.data.read_like(df, require_choice=True))
    own: Any = fit
    return _beside(fit.model.data, own.probabilities().to_numpy(), fit.logp(), own.unit)


def forecast_on(fit: Fitted, data: Any) -> Forecast:
    """The same for any ChoiceData with choices, with the draws of the fit's seed."""
    model, values = fit.model, fit.params.to_numpy(dtype=np.float64)
    data.require_finite(model.columns_in(data))
    likelihood = model.likelihood(data).settle(values, seed_of(fit))
    p = likelihood.probabilities(values)
    return _beside(data, p, likelihood.logp(values), likelihood.unit)


def _beside(data: Any, p: Array, logp: Array, unit: Any) -> Forecast:
    layout = data.layout
    weights = weights_of(layout)
    joint = unit is not None and len(logp) < layout.n_cases
    logp = spread(np.asarray(logp, dtype=np.float64), unit)
    chosen = np.asarray(layout.chosen_alt)
    return Forecast(p, layout.available, chosen, logp, joint, weights, data.alternatives)


def by_case(found: Forecast) -> pd.DataFrame:
    """Scores of each case, C rows: ``log_score``, ``log_score_cases``, ``brier``, ``hit``.

    ``log_score`` is the part of the joint log-probability of a person's choices, see `Forecast`;
    ``log_score_cases`` is the log-probability of the case by itself, which differs from it where
    people have tastes of their own. ``brier`` is ``sum_j (P_j - y_j)^2``, between 0 and 2, lower
    being better (Brier 1950, Monthly Weather Review 78, 1-3); ``hit`` is 1 if the chosen
    alternative was the likeliest, a part of it where several were.
    """
    p, rows = found.probabilities, np.arange(len(found.probabilities))
    own = p[rows, found.chosen]
    with np.errstate(divide="ignore"):
        alone = np.log(own) if found.joint else found.logp
    likeliest = found.available & (p >= p.max(axis=1, keepdims=True))
    hit = likeliest[rows, found.chosen] / likeliest.sum(axis=1)
    table = {
        "log_score": found.logp,
        "log_score_cases": alone,
        "brier": ((p - found.indicators) ** 2).sum(axis=1),
        "hit": hit,
    }
    return pd.DataFrame(table)


def log_score(found: Forecast, joint: bool = True) -> float:
    """Mean log-probability of the choices; see `by_case` for ``joint``."""
    return _mean(found, "log_score" if joint else "log_score_cases")


def brier(found: Forecast) -> float:
    """Mean Brier score, see `by_case`."""
    return _mean(found, "brier")


def hit_rate(found: Forecast) -> float:
    """Share of the cases whose likeliest alternative was chosen."""
    return _mean(found, "hit")


def _mean(found: Forecast, column: str) -> float:
    return float(np.average(by_case(found)[column], weights=found.weights))


def pred_table(found: Forecast, expected: bool = False) -> pd.DataFrame:
    """Cases by what was chosen (rows) and what the model says (columns), weighted, (J, J).

    Parameters
    ----------
    found
        Probabilities and choices.
    expected
        True: add up the probabilities. False: count each case at its likeliest alternative, as
        statsmodels' ``pred_table`` does.
    """
    said = found.probabilities
    if not expected:
        likeliest = found.available & (said >= said.max(axis=1, keepdims=True))
        said = likeliest / likeliest.sum(axis=1, keepdims=True)
    table = (found.indicators * found.weights[:, None]).T @ said
    labels = list(found.labels)
    return pd.DataFrame(
        table, index=pd.Index(labels, name="chosen"), columns=pd.Index(labels, name="predicted")
    )
