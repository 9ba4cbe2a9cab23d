"""Marginal effects under statsmodels' names and conventions: ``results.get_margeff()``.

Axes: C cases, J alternatives, K effects (columns or, where a column differs between alternatives,
column and alternative), P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean, unknown
from choicekit.post.averages import quantity
from choicekit.post.base import Fitted
from choicekit.post.delta import covariance_of, require_alpha, standard_errors
from choicekit.post.elasticities import cases_of, effects_of
from choicekit.post.moves import (
    Column,
    Move,
    columns_of_model,
    counted,
    find_column,
    infinitesimal,
    switched,
)
from choicekit.post.responses import responses

__all__ = ["MarginalEffects", "margeff"]

Float = NDArray[np.float64]

HEADINGS = {"dydx": "dy/dx", "eyex": "d(lny)/d(lnx)", "dyex": "dy/d(lnx)", "eydx": "d(lny)/dx"}
AT = ("overall", "mean", "median", "zero", "all")


@dataclass(frozen=True, eq=False)
class MarginalEffects:
    """Marginal effects of K regressors on J probabilities; the names are statsmodels'.

    Attributes
    ----------
    margeff
        (K, J); with ``at="all"`` one for each case, (C, K, J).
    slopes
        Derivatives by the P parameters, (J, K, P). None with ``at="all"``, and what follows from
        them raises.
    cov
        Covariance of the parameters, (P, P).
    exog_names, endog_names
        K names, ``"hinc"`` or ``"gc[air]"``, and J labels.
    method, at
        As asked for.
    """

    margeff: Float
    slopes: Float | None
    cov: Float
    exog_names: tuple[str, ...]
    endog_names: tuple[Hashable, ...]
    method: str
    at: str

    @property
    def margeff_cov(self) -> Float | None:
        """Covariance in the order of `summary_frame`, (J K, J K); None with ``at="all"``.

        Made when asked for: of many alternatives it is large.
        """
        if self.slopes is None:
            return None
        return covariance_of(self.slopes.reshape(-1, self.slopes.shape[-1]), self.cov)

    @property
    def margeff_se(self) -> Float:
        """Standard errors by the delta method, (K, J)."""
        if self.slopes is None:
            raise SpecificationError("at='all' has no standard errors. Cure: at='overall'.")
        return standard_errors(self.slopes, self.cov).T

    @property
    def tvalues(self) -> Float:
        """Effects over standard errors, (K, J)."""
        found: Float = self.margeff / self.margeff_se
        return found

    @property
    def pvalues(self) -> Float:
        """Two-sided normal p-values, (K, J)."""
        from scipy.special import ndtr

        found: Float = 2.0 * ndtr(-np.abs(self.tvalues))
        return found

    def conf_int(self, alpha: float = 0.05) -> Float:
        """Lower and upper ends of intervals of level ``1 - alpha``, (K, 2, J)."""
        from scipy.special import ndtri

        half = float(ndtri(1.0 - require_alpha(alpha) / 2.0)) * self.margeff_se
        return np.stack([self.margeff - half, self.margeff + half], axis=1)

    def summary_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """A row for each alternative and regressor, in statsmodels' columns."""
        ends = self.conf_int(alpha)
        columns = {
            HEADINGS[self.method]: self.margeff,
            "Std. Err.": self.margeff_se,
            "z": self.tvalues,
            "Pr(>|z|)": self.pvalues,
            "Conf. Int. Low": ends[:, 0],
            "Cont. Int. Hi.": ends[:, 1],
        }
        index = pd.MultiIndex.from_product(
            [self.endog_names, self.exog_names], names=["endog", "exog"]
        )
        return pd.DataFrame({name: v.ravel("F") for name, v in columns.items()}, index=index)

    def __str__(self) -> str:
        if self.slopes is None:
            return f"MarginalEffects of {len(self.margeff):,} cases ({self.method})"
        return self.summary_frame().to_string()

    __repr__ = __str__


def margeff(
    fit: Fitted,
    at: str = "overall",
    method: str = "dydx",
    atexog: Mapping[Hashable, float] | None = None,
    dummy: bool = False,
    count: bool = False,
) -> MarginalEffects:
    """Marginal effects of all columns of a model; see ``FitResults.get_margeff``."""
    at, method = str(at).lower(), str(method).lower()
    if at not in AT:
        raise unknown("at", at, AT)
    if method not in HEADINGS:
        raise unknown("method", method, tuple(HEADINGS))
    if dummy or count:
        _require_discrete(at, method)
    data = _held(fit, atexog)
    data = cases_of(fit, data, at if at in ("mean", "median", "zero") else None)
    where = fit.model.data if data is None else data
    moves: list[Move] = []
    discrete: list[bool] = []
    for name in columns_of_model(fit.model):
        if fit.model.data.frame[name].nunique() < 2:
            continue
        found, jump = _moves(fit, where, find_column(fit, where, name), dummy, count, method)
        moves += found
        discrete += [jump] * len(found)
    if not moves:
        raise SpecificationError("The model uses no column that varies, so there are no effects.")
    methods = ["log change" if jump and method == "eydx" else method for jump in discrete]
    labels, cov = tuple(where.alternatives), fit.cov.to_numpy(dtype=np.float64)
    if at == "all":
        found_of_cases = _of_cases(fit, data, where, moves, methods)
        values = np.stack(list(found_of_cases.values()), axis=1)
        return MarginalEffects(values, None, cov, tuple(found_of_cases), labels, method, at)
    effects = effects_of(fit, data, moves, methods, "mean")
    names = tuple(_name(effect.variable, effect.by) for effect in effects)
    slopes = np.stack([effect.slopes for effect in effects], axis=1)
    values = np.array([effect.values for effect in effects])
    return MarginalEffects(values, slopes, cov, names, labels, method, at)


def _require_discrete(at: str, method: str) -> None:
    if method in ("eyex", "dyex"):
        raise SpecificationError(
            f"method={method!r} makes no sense for discrete changes. Cure: 'dydx' or 'eydx', or "
            "dummy=False and count=False."
        )
    if at in ("median", "zero"):
        raise SpecificationError(
            f"at={at!r} makes no sense for discrete changes. Cure: 'overall' or 'mean'."
        )


def _held(fit: Fitted, atexog: Mapping[Hashable, float] | None) -> Any:
    """The model's data with some columns held at values; None if none are."""
    if atexog is None:
        return None
    data = fit.model.data
    frame = data.frame.copy(deep=False)
    used = columns_of_model(fit.model)
    for name, value in dict(atexog).items():
        if name not in used:
            raise SpecificationError(
                f"atexog names {name!r}, which is no column of the model.{did_you_mean(name, used)}"
            )
        frame[name] = value
    return replace(data, frame=frame)


def _moves(
    fit: Fitted, where: Any, column: Column, dummy: bool, count: bool, method: str
) -> tuple[list[Move], bool]:
    """How a column moves, and whether it jumps."""
    if column.kind in ("flag", "category"):
        return ([] if method in ("eyex", "dyex") else switched(fit, where, column)), True
    x = fit.model.data.frame[column.name].to_numpy(dtype=np.float64)
    if dummy and np.isin(x, (0.0, 1.0)).all():
        return switched(fit, where, replace(column, kind="binary")), True
    whole = (x >= 0.0).all() and (x == np.round(x)).all() and not np.isin(x, (0.0, 1.0)).all()
    if count and whole:
        return [counted(fit, where, column)], True
    return [infinitesimal(fit, where, column)], False


def _name(variable: str, by: Hashable | None) -> str:
    return variable if by is None else f"{variable}[{by}]"


def _of_cases(
    fit: Fitted, data: Any, where: Any, moves: Sequence[Move], methods: Sequence[str]
) -> dict[str, Float]:
    """Effects of each case, (C, J), by the name of what moves; NaN where nothing can."""
    shape = (where.n_cases, len(where.alternatives))
    found: dict[tuple[int, int], Float] = {}
    for r in responses(fit, data, moves):
        own = found.setdefault((r.move, r.by), np.full(shape, np.nan))
        q = quantity(r, methods[r.move])
        own[r.cases] = np.where(q.defined, q.value, np.nan)
    return {
        _name(moves[m].variable, None if by < 0 else where.alternatives[by]): found[m, by]
        for m, by in sorted(found)
    }
