"""Our fits in the ``marginaleffects`` package: predictions, comparisons, slopes, hypotheses.

>>> from marginaleffects import avg_comparisons  # doctest: +SKIP
>>> from choicekit.adapters.marginaleffects import ModelChoicekit  # doctest: +SKIP
>>> m = ModelChoicekit(fit)  # doctest: +SKIP
>>> avg_comparisons(m, variables="gc[air]")  # doctest: +SKIP

That package takes a row for a unit, so the data are seen in wide form, a row a case: an attribute
that differs between alternatives becomes a column for each, ``gc[air]``, ``gc[bus]``; columns of
the case keep their names. Probabilities of the alternatives come in its ``group``.

Axes: C cases, J alternatives, P parameters, n rows of new data.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.data.frames import as_pandas
from choicekit.data.labels import Alternatives
from choicekit.data.readers import LongReader
from choicekit.exceptions import SpecificationError, nearest_name
from choicekit.likelihood.choices import ChoiceProbabilities
from choicekit.results import FitResults

try:
    import polars as pl
    from marginaleffects.classes import ModelAbstract, ModelVault
except ImportError as error:
    raise ImportError(
        "This adapter needs marginaleffects and polars. Cure: pip install "
        "'choicekit[marginaleffects]'"
    ) from error

__all__ = ["ModelChoicekit"]

Float = NDArray[np.float64]

RESERVED = {"rowid", "group", "term", "contrast", "type", "estimate", "std_error", "statistic"}
RESERVED |= {"p_value", "s_value", "conf_low", "conf_high"}
"""Names of columns that ``marginaleffects`` keeps for itself."""


class ModelChoicekit(ModelAbstract):  # type: ignore[misc]
    """A fit as ``marginaleffects`` wants a model.

    Parameters
    ----------
    fit
        Results of any family.

    Raises
    ------
    SpecificationError
        If a column of the model has a name that ``marginaleffects`` keeps for itself.

    Notes
    -----
    ``vcov`` may be the name of a covariance, ``"HC0"``. Intervals are normal. Where people have
    several cases, probabilities are of each case by itself, with tastes as in the population.
    Where an alternative is not available its attributes are NaN, and the columns
    ``available[...]`` say so. The package differences the probabilities for standard errors in
    steps of 1e-8; those of slopes, which are differences already, want ``eps_vcov=1e-6``.
    """

    df_resid = float("inf")  # the normal distribution instead of Student's

    def __init__(self, fit: FitResults) -> None:
        self.cases = Cases.of(fit)
        chosen = fit.model.endog_names
        table = self.cases.table(chosen)
        vault = ModelVault(
            coef=fit.params.to_numpy(dtype=np.float64),
            coefnames=fit.params.index.to_numpy(),
            formula=_no_formula,
            modeldata=table,
            package="choicekit",
            vcov=fit.cov.to_numpy(dtype=np.float64),
            variables_type={name: _kind(table[name]) for name in table.columns},
            variable_names=[chosen, *self.cases.predictors],
        )
        super().__init__(fit, vault)

    def validation(self) -> None:
        """Nothing is left to check or to find out.

        The package's own way to tell flags from numbers, ``is_in([0, 1])``, fails for floats with
        polars 2 (marginaleffects 0.6).
        """
        self.coef, self.response_name = self.vault.coef, self.find_response()

    def attribute(self, name: str) -> list[str]:
        """Columns of an attribute, one an alternative: ``variables=m.attribute("gc")``.

        Raises
        ------
        SpecificationError
            If the model has no such attribute.
        """
        if name in self.cases.shared:
            return [name]
        if name not in self.cases.varying:
            known = [*self.cases.varying, *self.cases.shared]
            raise SpecificationError(
                f"The model has no attribute {name!r}. {nearest_name(name, list(map(str, known)))}"
            )
        return [f"{name}[{label}]" for label in self.cases.labels]

    def get_vcov(self, vcov: Any = True) -> Float | None:
        """Covariance of the estimates (P, P): the fit's, or of the type named."""
        if vcov is False or vcov is None:
            return None
        if isinstance(vcov, str):
            found: Float = self.model.with_cov(vcov).cov.to_numpy(dtype=np.float64)
            return found
        own: Float = self.vault.vcov
        return own

    def get_exog(self, newdata: Any) -> NewCases:
        """The cases of new data; probabilities are made when asked for."""
        return NewCases(self.cases, newdata)

    def get_predict(self, params: Float, newdata: NewCases) -> Any:
        """Probabilities at any parameters, a row for each alternative and row of new data."""
        p = newdata.probabilities(np.asarray(params, dtype=np.float64))
        n, labels = len(p), self.cases.labels
        groups = pl.Series(np.repeat(labels, n).tolist(), dtype=pl.Enum(labels))
        rowid = pl.Series(np.tile(np.arange(n), len(labels)), dtype=pl.Int32)
        return pl.DataFrame({"rowid": rowid, "group": groups, "estimate": p.T.ravel()})


@dataclass(frozen=True, eq=False)
class Cases:
    """How the long data of a fit and the wide data of ``marginaleffects`` belong together.

    Attributes
    ----------
    fit
        The fit.
    shared
        Columns of the model that are the same in all rows of a case.
    varying
        Columns of the model that differ between alternatives.
    further
        Other columns of the cases, to group by.
    """

    fit: FitResults
    shared: tuple[Hashable, ...]
    varying: tuple[Hashable, ...]
    further: tuple[Hashable, ...]

    @classmethod
    def of(cls, fit: FitResults) -> Cases:
        """Sort the columns of the data."""
        data = fit.model.data
        moved = [column for _, column in getattr(fit.model.mixing, "shifts", ())]
        used = dict.fromkeys([*fit.model.columns_in(data), *moved])
        needed = tuple(c for c in used if c not in (data.case, data.alt))
        kept = [str(name) for name in needed if str(name) in RESERVED]
        if kept:
            raise SpecificationError(
                f"marginaleffects keeps the names {', '.join(map(repr, kept))} for itself. Cure: "
                "rename these columns and fit the model again."
            )
        first = data.layout.case_ptr[:-1][data.layout.case]
        constant = [c for c in data.frame.columns.unique() if _same(data.frame[c], first)]
        roles = {data.case, data.alt, data.reader.chosen}
        further = (c for c in constant if c not in needed and c not in roles)
        return cls(
            fit,
            tuple(c for c in needed if c in constant),
            tuple(c for c in needed if c not in constant),
            tuple(c for c in further if str(c) not in RESERVED and _plain(data.frame[c])),
        )

    @property
    def labels(self) -> list[str]:
        """The alternatives' labels as text, J."""
        return [str(label) for label in self.fit.model.data.alternatives]

    @property
    def ragged(self) -> bool:
        """Whether choice sets differ."""
        return not self.fit.model.data.layout.available.all()

    @property
    def predictors(self) -> list[str]:
        """Columns of the wide data that the probabilities depend on."""
        varying = [f"{name}[{label}]" for name in self.varying for label in self.labels]
        return [*map(str, self.shared), *varying]

    def table(self, chosen: str) -> Any:
        """The estimation sample, a row a case, as a frame of polars."""
        data = self.fit.model.data
        layout, frame = data.layout, data.frame
        first, labels = layout.case_ptr[:-1], self.labels
        columns = {str(c): _series(frame[c].iloc[first]) for c in (*self.shared, *self.further)}
        for name in self.varying:
            for j, label in enumerate(labels):
                rows = layout.alt == j
                values = frame[name].iloc[np.flatnonzero(rows)].set_axis(layout.case[rows])
                columns[f"{name}[{label}]"] = _series(values.reindex(np.arange(layout.n_cases)))
        if self.ragged:
            for label, column in zip(labels, layout.available.T, strict=True):
                columns[f"available[{label}]"] = pl.Series(column)
        names = [labels[j] for j in layout.chosen_alt]
        columns[chosen] = pl.Series(names, dtype=pl.Enum(labels))
        return pl.DataFrame(columns)

    def long(self, wide: pd.DataFrame) -> ChoiceData:
        """The rows of wide data, (n,), as cases 0 ... n-1 of the model."""
        data = self.fit.model.data
        blocks = []
        for label, text in zip(data.alternatives, self.labels, strict=True):
            there = wide.get(f"available[{text}]")
            rows = wide if there is None else wide[there.to_numpy(dtype=np.bool_)]
            block = {c: _restored(rows, str(c), data.frame[c]) for c in self.shared}
            for c in self.varying:
                block[c] = _restored(rows, f"{c}[{text}]", data.frame[c])
            blocks.append(pd.DataFrame({**block, data.case: rows.index, data.alt: label}))
        labels = Alternatives(data.alternatives, data.alternatives)
        reader = LongReader(data.case, data.alt, None, alternatives=labels)
        table = pd.concat(blocks, ignore_index=True)
        found = ChoiceData._from_reading(reader.read(table, require_choice=False), reader)
        found.require_finite(self.fit.model.columns_in(found))
        return found


@dataclass(frozen=True, eq=False)
class NewCases:
    """Rows of wide data, of which the package asks the shape and slices."""

    cases: Cases
    wide: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        found: tuple[int, int] = self.wide.shape
        return found

    def __getitem__(self, rows: slice) -> NewCases:
        return NewCases(self.cases, self.wide[rows])

    @cached_property
    def _choices(self) -> tuple[ChoiceProbabilities, NDArray[Any]]:
        fit = self.cases.fit
        data = self.cases.long(as_pandas(self.wide).reset_index(drop=True))
        return fit.choices(data), data.case_ids.to_numpy()

    def probabilities(self, params: Float) -> Float:
        """Choice probabilities at the parameters given, (n, J), draws and orders fixed."""
        choices, order = self._choices
        found: Float = np.empty(choices.shape)
        found[order] = choices.values(params)
        return found


def _no_formula(newdata: Any) -> Any:
    """Stands where the package expects a formula: ours are read by `NewCases`."""
    raise SpecificationError("The formula of this model is read by choicekit only.")


def _same(values: pd.Series[Any], first: NDArray[np.int64]) -> bool:
    """Whether a column is the same in all rows of a case, given the first row of each (L,)."""
    try:
        codes = pd.factorize(values)[0]
    except TypeError:  # lists, say
        return False
    return bool((codes == codes[first]).all())


def _plain(values: pd.Series[Any]) -> bool:
    """Whether a column holds numbers, flags, text or categories, none of them missing."""
    kind = pd.api.types.infer_dtype(values)
    known = ("integer", "floating", "boolean", "string", "categorical")
    return kind in known and not values.isna().any()


def _series(values: pd.Series[Any]) -> Any:
    """A column for polars: text and categories as an Enum, whose order is kept."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = [str(level) for level in values.cat.categories]
        return pl.Series(_texts(values), dtype=pl.Enum(levels))
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_numeric_dtype(values.dtype):
        return pl.Series(values.to_numpy())
    return pl.Series(_texts(values), dtype=pl.Enum(sorted(set(values.dropna().astype(str)))))


def _kind(values: Any) -> str:
    """What ``marginaleffects`` calls the type of a column."""
    if values.dtype == pl.Boolean:
        return "boolean"
    if not values.dtype.is_numeric():
        return "character"
    if bool(((values == 0) | (values == 1)).all()):
        return "binary"
    return "integer" if values.dtype.is_integer() else "numeric"


def _texts(values: pd.Series[Any]) -> list[str | None]:
    return [None if pd.isna(value) else str(value) for value in values]


def _restored(rows: pd.DataFrame, name: str, original: pd.Series[Any]) -> Any:
    """A column of the wide data with the type that it has in the estimation data."""
    if name not in rows:
        raise SpecificationError(
            f"The new data have no column {name!r}. {nearest_name(name, list(rows.columns))}"
        )
    values = rows[name]
    if isinstance(original.dtype, pd.CategoricalDtype):
        levels = {str(level): level for level in original.cat.categories}
        restored = [levels.get(str(value)) for value in values]
        return pd.Categorical(restored, dtype=original.dtype)
    if pd.api.types.is_numeric_dtype(original.dtype):  # flags too: the package compares 1 with 0
        return values.to_numpy()
    return values.astype(str).to_numpy(dtype=object)
