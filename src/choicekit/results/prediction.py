"""Utilities, probabilities and shares, on the estimation sample and on new data.

Axes: C cases, J alternatives, P parameters, U units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.frames import as_pandas, in_kind
from choicekit.post.base import seed_of
from choicekit.results.statistics import Statistics

if TYPE_CHECKING:
    from choicekit.data.choicedata import ChoiceData
    from choicekit.likelihood.choices import ChoiceProbabilities

__all__ = ["Prediction"]

Float = NDArray[np.float64]


class Prediction(Statistics):
    """What the estimates say about choices."""

    def likelihood_of(self, data: ChoiceData | None = None) -> Any:
        """The likelihood of data like the model's, by default its own, with the draws of the fit.

        So predictions for the same people are the same, whichever frame they come in.
        """
        if data is None or data is self.model.data:
            return self._own
        return self.model.likelihood(data).predicting(seed_of(self))

    def _read(self, df: Any) -> ChoiceData:
        if df is None:
            return self.model.data
        data = self.model.data.read_like(df)
        data.require_finite(self.model.columns_in(data))
        return data

    def utilities(self, df: Any = None) -> pd.DataFrame:
        """Systematic utilities V, cases x alternatives; NaN where not available.

        At the mean coefficients: with latent classes, the mean over the (prior) classes.

        Parameters
        ----------
        df
            New data of the form of the estimation data, a frame of any kind, the choice being
            optional; the estimation sample by default.
        """
        data = self._read(df)
        likelihood = self.likelihood_of(None if df is None else data)
        v = likelihood.utilities(self._values)
        return _cases_table(np.where(data.layout.available, v, np.nan), data)

    def probabilities(self, df: Any = None, tol: float | None = None) -> pd.DataFrame:
        """Choice probabilities, cases x alternatives; 0 where not available.

        Parameters
        ----------
        df
            As for `utilities`.
        tol
            Largest estimated error of any probability, where they are integrated numerically: the
            cases that miss it get more points until they meet it. By default all get the usual
            number once.

        Warns
        -----
        SimulationWarning
            Where ``tol`` was not reached.
        """
        data = self._read(df)
        return _cases_table(self._probabilities(data, df is None, tol), data)

    def _probabilities(self, data: ChoiceData, own: bool, tol: float | None = None) -> Float:
        likelihood = self.likelihood_of(None if own else data)
        found: Float = likelihood.probabilities(self._values, tol)
        return found

    def predict(self, df: Any = None, tol: float | None = None) -> Any:
        """Choice probabilities in the shape of the data given.

        Parameters
        ----------
        df, tol
            As for `probabilities`.

        Returns
        -------
        Series or DataFrame
            Long data: one probability a row, in the order and with the index of the frame, so that
            ``df["p"] = fit.predict(df)`` works; NaN in rows that were left out. Wide data: a row a
            case with the index of the frame and a column an alternative. Frames of other
            libraries are answered in kind: for one of polars a Series or DataFrame of polars, so
            that ``df.with_columns(p=fit.predict(df))`` works. Without ``df``, the cases that were
            used, in the order they were given (wide data: by case id).
        """
        frame = as_pandas(df)
        data = self._read(frame)
        return in_kind(self._predictions(data, frame, tol), df)

    def _predictions(
        self, data: ChoiceData, df: pd.DataFrame | None, tol: float | None
    ) -> pd.Series[Any] | pd.DataFrame:
        """Choice probabilities in the order of the frame they were read from."""
        p = self._probabilities(data, df is None, tol)
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

    def choices(self, data: ChoiceData | None = None) -> ChoiceProbabilities:
        """Probabilities of all alternatives as smooth functions of the parameters.

        What elasticities, marginal effects and the like are made of: with derivatives by the
        parameters, and with draws and orders of integration that stay the same when attributes
        change. At the estimates its values are those of `probabilities`.

        Parameters
        ----------
        data
            Data like the model's, from ``ChoiceData.read_like``; its own by default.
        """
        from choicekit.likelihood.choices import ChoiceProbabilities

        return ChoiceProbabilities.of(self.likelihood_of(data), self._values)

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
        """Log-probability of each unit's choices at the estimates, (U,), unweighted.

        The units are the cases or, where people with several cases have random coefficients, the
        people; ``unit`` tells which case belongs to which.
        """
        found: Float = self._own.logp(self._values)
        return found

    def scores(self) -> Float:
        """Derivative of each unit's log-probability by the parameters, (U, P), unweighted."""
        found: Float = self._own.scores(self._values)
        return found

    @property
    def unit(self) -> NDArray[np.int64] | None:
        """Code of each case's unit, (C,); None where every case is its own. See `logp`."""
        found: NDArray[np.int64] | None = self._own.unit
        return found


def _cases_table(values: Float, data: ChoiceData) -> pd.DataFrame:
    return pd.DataFrame(values, index=data.case_ids, columns=list(data.alternatives))
