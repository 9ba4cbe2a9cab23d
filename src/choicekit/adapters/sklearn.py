"""Choice models as classifiers of scikit-learn, for pipelines, grids and cross-validation.

Axes: C cases, J alternatives, L rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_consistent_length,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        "ChoiceClassifier needs scikit-learn, 1.6 or later. Cure: pip install 'choicekit[sklearn]'"
    ) from error

from choicekit.data.choicedata import ChoiceData
from choicekit.data.frames import as_pandas
from choicekit.exceptions import DataError, Finding, SpecificationError, unknown
from choicekit.model import ChoiceModel

__all__ = ["ChoiceClassifier"]

LAWS = ("logit", "probit")
WEIGHTS = "sample_weight"
Array = NDArray[Any]


class ChoiceClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A choice model behind ``fit``, ``predict``, ``predict_proba`` and ``score``.

    scikit-learn takes a row for a sample. With **wide** data a row is a case, and y holds the
    alternative chosen in each. With **long** data (``case`` and ``alt`` given) a row is an
    alternative of a case, and y is 1 in the row of the chosen one, else 0; then cases must not be
    cut in two, so cross-validate with ``groups=X["case"]`` and ``GroupKFold``.

    X is a DataFrame (pandas, polars, ...): the formula needs names. Steps before it in a pipeline
    keep them with ``set_output(transform="pandas")``.

    Parameters
    ----------
    specification
        As for `ChoiceModel`. A formula's left side may be left out: ``"~ cost + time | income"``.
        None, for wide data: every column explains the choice, with coefficients for all
        alternatives but the base; X may then be an array.
    errors
        ``"logit"`` (also None), ``"probit"`` or an error law, ``ck.Nested(...)``.
    mixing
        ``RandomCoefficients(...)`` or ``LatentClasses(...)``.
    alternatives
        Labels in the order wanted, or a dict from label to the code in y. By default those of
        y, sorted (wide), or of the column ``alt`` (long).
    varying, available
        As for ``ChoiceData.from_wide``; for long data ``available`` is a column.
    person
        Column of the decision maker.
    base
        Label of the reference alternative.
    case, alt
        Columns of the case and of the alternative: X is long.
    fit_options
        Arguments of ``ChoiceModel.fit``, such as ``{"seed": 1, "cov_type": "cluster"}``.

    Attributes
    ----------
    results_
        `FitResults`, with standard errors and everything else.
    classes_
        What ``predict`` may answer, sorted: codes or labels of the alternatives (wide), 0 and 1
        (long).
    n_features_in_, feature_names_in_
        Columns of X.

    Examples
    --------
    >>> import choicekit as ck
    >>> long = ck.load_dataset("travelmode")
    >>> choice = long.pop("choice")
    >>> model = ck.ChoiceClassifier(
    ...     "~ gc + ttme | hinc", case="individual", alt="mode", base="car"
    ... ).fit(long, choice)
    >>> round(model.score(long, choice), 3)
    0.738
    """

    def __init__(
        self,
        specification: Any = None,
        *,
        errors: Any = None,
        mixing: Any = None,
        alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable] | None = None,
        varying: Any = None,
        available: Any = None,
        person: Hashable | None = None,
        base: Hashable | None = None,
        case: Hashable | None = None,
        alt: Hashable | None = None,
        fit_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.specification = specification
        self.errors = errors
        self.mixing = mixing
        self.alternatives = alternatives
        self.varying = varying
        self.available = available
        self.person = person
        self.base = base
        self.case = case
        self.alt = alt
        self.fit_options = fit_options

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X
            A DataFrame, a row a case (wide) or an alternative of a case (long).
        y
            The choices, one a row.
        sample_weight
            Weights of the rows, alike in all rows of a case.

        Raises
        ------
        DataError, SpecificationError
            As ``ChoiceData`` and ``ChoiceModel`` do.
        """
        self._require_form()
        frame = self._frame(X, reset=True)
        target = self._target(y, frame)
        if self._is_long:
            self.classes_ = np.array([0, 1])
        else:
            self.classes_ = self._labels(target)[1]
        frame = self._with_choice(frame, target, sample_weight)
        if len(np.unique(target[frame[WEIGHTS] > 0.0])) < 2:
            raise _wrong(
                "alternatives",
                f"y holds one class only, {target[0]!s}, among the rows of positive weight",
                "a choice needs two alternatives, each of them chosen by somebody",
            )
        data = self._read(frame, sample_weight)
        model = ChoiceModel(self._utility(), data, self._law(), self.base, mixing=self.mixing)
        self.results_ = model.fit(**dict(self.fit_options or {}))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities in the order of ``classes_``.

        Returns
        -------
        (C, J) for wide data; (L, 2) for long: that each row is not, and is, the one chosen.
        """
        check_is_fitted(self)
        found = self.results_.predict(self._frame(X, reset=False))
        if self._is_long:
            p = found.to_numpy()
            return np.column_stack([1.0 - p, p])
        labels, classes = self._labels(None)
        order = [list(classes).index(code) for code in labels]
        out = np.empty((len(found), len(classes)))
        out[:, order] = found[list(self.results_.model.data.alternatives)].to_numpy()
        return out

    def predict(self, X: Any) -> Array:
        """The likeliest alternative of each case; for long data 1 in its row, 0 in the others."""
        p = self.predict_proba(X)
        if not self._is_long:
            best: Array = self.classes_[p.argmax(axis=1)]
            return best
        case = pd.factorize(self._frame(X, reset=False)[self.case])[0]
        first = np.lexsort((np.arange(len(case)), -p[:, 1], case))
        chosen = np.zeros(len(case), dtype=np.int64)
        chosen[first[np.unique(case[first], return_index=True)[1]]] = 1
        return chosen

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the cases whose likeliest alternative was chosen."""
        if not self._is_long:
            return float(super().score(X, y, sample_weight))
        from choicekit.post.accuracy import hit_rate

        return hit_rate(self._forecast(X, y, sample_weight))

    def log_score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean log-probability of the choices, a case; higher is better.

        Minus scikit-learn's ``log_loss`` for wide data. As a scorer:
        ``cross_val_score(..., scoring=ChoiceClassifier.log_score)``.
        """
        from choicekit.post.accuracy import log_score

        return log_score(self._forecast(X, y, sample_weight), joint=False)

    # -- reading ------------------------------------------------------------------------------

    @property
    def _is_long(self) -> bool:
        return self.case is not None

    def _require_form(self) -> None:
        if (self.case is None) != (self.alt is None):
            raise SpecificationError(
                "Long data need both case= and alt=. Cure: give the columns of the case and of "
                "the alternative, or neither for wide data, which have a row a case."
            )
        if self.specification is None and (self._is_long or self.varying is not None):
            raise SpecificationError(
                "There is no specification. Cure: write the utilities as a formula; only wide "
                "data whose columns all belong to the case need none."
            )
        if self._is_long and self.varying is not None:
            raise SpecificationError(
                "varying= is for wide data, but case= and alt= say that X is long. Cure: leave "
                "one of them out."
            )

    def _law(self) -> Any:
        """The error law itself."""
        if not isinstance(self.errors, str):
            return self.errors
        from choicekit.errors import Gumbel, Normal

        if self.errors not in LAWS:
            raise unknown("errors", self.errors, LAWS)
        return Gumbel() if self.errors == "logit" else Normal()

    def _utility(self) -> Any:
        """The specification; by default all columns, as variables of the case."""
        if self.specification is not None:
            return self.specification
        names = [f"`{name}`" for name in self._columns if name != self.person]
        return f"~ 0 | {' + '.join(names)}"

    @property
    def _columns(self) -> list[Any]:
        """Names of the columns of X, x0, x1, ... where it was an array."""
        names = getattr(self, "feature_names_in_", None)
        return [f"x{k}" for k in range(self.n_features_in_)] if names is None else list(names)

    @property
    def _chosen(self) -> str:
        """Name for the column of the choice: the formula's left side."""
        if isinstance(self.specification, str) and "~" in self.specification:
            return self.specification.partition("~")[0].strip() or "choice"
        return "choice"

    def _frame(self, X: Any, reset: bool) -> pd.DataFrame:
        """X as a DataFrame of pandas whose columns are those of the fit."""
        frame = as_pandas(X)
        if isinstance(frame, pd.DataFrame):
            validate_data(self, frame, reset=reset, skip_check_array=True)
            return (
                frame if self.specification is not None else frame.set_axis(self._columns, axis=1)
            )
        if self.specification is None:
            array = validate_data(self, X, reset=reset, dtype=np.float64)
            return pd.DataFrame(array, columns=self._columns)
        raise _wrong(
            "not-a-frame",
            f"X is a {type(X).__name__}, but a formula needs the names of columns",
            "give a DataFrame; steps of a pipeline keep the names with "
            'set_output(transform="pandas")',
        )

    def _target(self, y: Any, frame: pd.DataFrame) -> Array:
        """The choices as an array, one a row of X."""
        check_consistent_length(frame, y)
        target: Array = column_or_1d(y, warn=True)
        check_classification_targets(target)
        if self._is_long and not np.isin(target, (0, 1)).all():
            raise _wrong(
                "not-a-flag",
                "X is long, but y is not 1 in the rows of chosen alternatives and 0 in the others",
                "mark the rows: y = X[alt] == chosen",
            )
        return target

    def _labels(self, target: Array | None) -> tuple[list[Any], Array]:
        """What y holds for each alternative, in their order, and the same sorted."""
        if self.alternatives is None:
            assert target is not None or hasattr(self, "classes_")
            classes = self.classes_ if target is None else np.unique(target)
            return classes.tolist(), classes
        given = self.alternatives
        codes = list(given.values()) if isinstance(given, Mapping) else list(given)
        return codes, np.unique(np.asarray(codes))

    def _with_choice(self, frame: pd.DataFrame, target: Array, weights: Any) -> pd.DataFrame:
        weights = _check_sample_weight(weights, frame, dtype=np.float64)
        return frame.assign(**{self._chosen: target, WEIGHTS: weights})

    def _forecast(self, X: Any, y: Any, weights: Any) -> Any:
        """Probabilities beside the choices, with the weights given."""
        from choicekit.post.accuracy import forecast_on

        check_is_fitted(self)
        frame = self._frame(X, reset=False)
        frame = self._with_choice(frame, self._target(y, frame), weights)
        data = self.results_.model.data.read_like(frame, require_choice=True)
        first = data.origin[data.layout.case_ptr[:-1]]
        return forecast_on(self.results_, data.with_weights(frame[WEIGHTS].to_numpy()[first]))

    def _read(self, frame: pd.DataFrame, weights: Any) -> ChoiceData:
        roles: dict[str, Any] = {
            "chosen": self._chosen,
            "person": self.person,
            "weights": None if weights is None else WEIGHTS,
            "available": self.available,
        }
        if not self._is_long:
            labels = self.alternatives
            labels = self.classes_.tolist() if labels is None else labels
            return ChoiceData.from_wide(frame, alternatives=labels, varying=self.varying, **roles)
        try:
            return ChoiceData.from_long(
                frame, case=self.case, alt=self.alt, alternatives=self.alternatives, **roles
            )
        except DataError as error:
            raise DataError(
                error.findings,
                f"{error.heading} (if this is a part of the data, cases may have been cut in two: "
                f"split with GroupKFold and groups=X[{self.case!r}])",
            ) from error


def _wrong(code: str, message: str, cure: str) -> DataError:
    return DataError([Finding(code, "error", message, cure)])
