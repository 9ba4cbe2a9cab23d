"""Willingness to pay: what people would give for one unit more, with intervals.

Axes: M ratios, K coefficients of a utility, P parameters, R draws, S classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, unknown
from choicekit.post.delta import interval_columns, require_alpha, standard_errors
from choicekit.post.ratios import (
    differenced,
    fieller,
    parameter_draws,
    percentiles,
    spread,
)
from choicekit.post.wtp_terms import Terms, ratio_terms

__all__ = ["METHODS", "Question", "willingness_to_pay"]

Float = NDArray[np.float64]

METHODS = ("delta", "krinsky-robb", "bootstrap", "fieller")
BY = ("mean", "case", "person")
MOST_CELLS = 200_000_000  # draws x ratios: 1.6 GB
STEP = 1e-4  # of a standard error, for derivatives
WEAK = "the price is not significant (|z| = {z:.2f}): the ratio has no moments; see 'fieller'"
CROSSED = "the price changes its sign in {share:.2%} of the draws: no standard error"
POSITIVE = "the price has a positive marginal utility: the sign means the opposite"


@dataclass(frozen=True)
class Question:
    """What is asked about a ratio; see `willingness_to_pay`."""

    price: str
    method: str
    draws: int
    seed: int
    alpha: float
    unit: float
    by: str


@dataclass(frozen=True)
class Estimates:
    """Functions of the parameters, with what their intervals need.

    Attributes
    ----------
    values
        From parameters (P,) to estimates (M,).
    many
        From draws (R, P) to estimates (R, M).
    jacobian
        At the estimates, (M, P).
    crossing
        From draws (R, P) to the share of them in which the price changes its sign, (M,).
    """

    values: Callable[[Float], Float]
    many: Callable[[Float], Float]
    jacobian: Callable[[], Float]
    crossing: Callable[[Float], Float]


def willingness_to_pay(fit: Any, x: str | Sequence[str], ask: Question, data: Any) -> pd.DataFrame:
    """Estimate what people would pay for one unit more; see ``FitResults.wtp``.

    Raises
    ------
    SpecificationError
        For unknown names and options.
    """
    require(ask)
    names = [x] if isinstance(x, str) else list(x)
    if not names:
        raise SpecificationError("Name at least one attribute or coefficient.")
    if ask.method == "bootstrap" and fit.resamples is None:
        fit = fit.bootstrap(seed=ask.seed)
    mixing = fit.model.bound_mixing
    parts = []
    for name in names:
        terms = ratio_terms(fit.model, name, ask.price, ask.unit, data, ask.by == "case")
        if mixing is None:
            part = _plain(fit, terms, ask)
        elif hasattr(mixing, "coefficients_of_all"):
            from choicekit.post.wtp_classes import of_classes

            part = of_classes(fit, terms, ask)
        else:
            from choicekit.post.wtp_mixed import of_people

            part = of_people(fit, terms, ask, data)
        parts.append(part)
    return _joined(names, parts)


def require(ask: Question) -> None:
    """Refuse options that make no sense."""
    if ask.method not in METHODS:
        raise unknown("method", ask.method, METHODS)
    if ask.by not in BY:
        raise unknown("by", ask.by, BY)
    require_alpha(ask.alpha)
    if not np.isfinite(ask.unit) or ask.unit == 0.0:
        raise SpecificationError(f"unit must be a number other than 0, not {ask.unit!r}.")
    whole = isinstance(ask.draws, int | np.integer) and not isinstance(ask.draws, bool)
    if not whole or ask.draws < 2:
        raise SpecificationError(f"draws must be a whole number, at least 2, not {ask.draws!r}.")


def _joined(names: list[str], parts: list[pd.DataFrame]) -> pd.DataFrame:
    """One table: the levels of the index are those that any part has."""
    levels = list(dict.fromkeys(level for part in parts for level in part.attrs["levels"]))
    rows = []
    for name, part in zip(names, parts, strict=True):
        flat = part.assign(attribute=name)
        for level in levels:
            if level not in flat.columns:
                flat[level] = "all"
        rows.append(flat.set_index(["attribute", *levels]))
    table = pd.concat(rows)
    table.attrs = {}
    return table


def _plain(fit: Any, terms: Terms, ask: Question) -> pd.DataFrame:
    """Without mixing."""
    if ask.by == "person":
        raise SpecificationError(
            "All people have the same coefficients. Cure: by='case', or a model with mixing=."
        )
    return of_fixed(fit, terms, ask)


def of_fixed(fit: Any, terms: Terms, ask: Question) -> pd.DataFrame:
    """Ratios of coefficients that are the same for everybody."""
    n_utility, params = len(fit.model.design.names), fit._values

    def jacobian() -> Float:
        out = np.zeros((terms.size, len(params)))
        out[:, :n_utility] = terms.jacobian(params[:n_utility])
        return out

    found = Estimates(
        lambda p: terms.ratios(p[:n_utility]),
        lambda d: terms.ratios(d[:, :n_utility]),
        jacobian,
        lambda d: terms.crossing(d[:, :n_utility]),
    )
    notes = price_notes(fit, terms, np.arange(n_utility), ask)
    if ask.method == "fieller":
        return _with_labels(_fieller(fit, terms, ask, notes), terms.labels)
    return _with_labels(interval_table(fit, found, ask, notes), terms.labels)


def _with_labels(table: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    out = pd.concat([labels.reset_index(drop=True), table], axis=1)
    out.attrs["levels"] = list(labels.columns)
    return out


def interval_table(fit: Any, found: Estimates, ask: Question, notes: list[str]) -> pd.DataFrame:
    """Estimates, standard errors and intervals by the method asked for, M rows."""
    estimate = found.values(fit._values)
    if ask.method == "delta":
        covariance = fit.cov.to_numpy(dtype=np.float64)
        error = standard_errors(found.jacobian(), covariance, estimate)
        return pd.DataFrame({**interval_columns(estimate, error, ask.alpha), "note": notes})
    at = drawn_parameters(fit, ask)
    if len(at) * len(estimate) > MOST_CELLS:
        raise SpecificationError(
            f"{len(at):,} draws of {len(estimate):,} ratios are too many to keep. Cure: "
            "method='delta', fewer draws=, or df= of some of the cases."
        )
    draws, crossing = found.many(at), found.crossing(at)
    (low, high), error = percentiles(draws, ask.alpha), spread(draws)
    still = error < 1e-12 * np.abs(estimate)
    low, high = np.where(still, np.nan, low), np.where(still, np.nan, high)
    error = np.where(still | (crossing > 0.0), np.nan, error)
    notes = [
        "; ".join([*filter(None, [note]), *([CROSSED.format(share=c)] if c > 0.0 else [])])
        for note, c in zip(notes, crossing, strict=True)
    ]
    return tabulated(estimate, error, low, high, notes)


def drawn_parameters(fit: Any, ask: Question) -> Float:
    """Parameters (R, P), resampled or drawn from the distribution of the estimates."""
    if ask.method == "bootstrap":
        resampled: Float = fit.resamples.to_numpy(dtype=np.float64)
        return resampled
    covariance = fit.cov.to_numpy(dtype=np.float64)
    return parameter_draws(fit._values, covariance, ask.draws, ask.seed)


def tabulated(
    estimate: Float, error: Float, low: Float, high: Float, notes: list[str]
) -> pd.DataFrame:
    """The columns of a table of estimates."""
    return pd.DataFrame(
        {
            "estimate": estimate,
            "std_error": error,
            "conf_low": low,
            "conf_high": high,
            "note": notes,
        }
    )


def price_notes(fit: Any, terms: Terms, positions: NDArray[np.intp], ask: Question) -> list[str]:
    """What to say about the price in each of the M ratios.

    ``positions`` are those of the K coefficients among the parameters.
    """
    from scipy.special import ndtri

    beta = fit._values[positions]
    covariance = fit.cov.to_numpy(dtype=np.float64)[np.ix_(positions, positions)]
    value, slopes = terms.bottom.value(beta), terms.bottom.jacobian(beta)
    error = np.sqrt(np.maximum(np.einsum("gk,kl,gl->g", slopes, covariance, slopes), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(error > 0.0, np.abs(value) / error, np.inf)
    starts = np.searchsorted(terms.group, np.arange(terms.size))
    lowest = np.minimum.reduceat(z, starts)
    rising = np.maximum.reduceat(value, starts) > 0.0
    weak = lowest < float(ndtri(1.0 - ask.alpha / 2.0))
    notes = [terms.note] * terms.size
    for m in np.flatnonzero(weak | rising):
        said = [WEAK.format(z=lowest[m]) if weak[m] else "", POSITIVE if rising[m] else ""]
        notes[m] = "; ".join(filter(None, [terms.note, *said]))
    return notes


def _fieller(fit: Any, terms: Terms, ask: Question, notes: list[str]) -> pd.DataFrame:
    """Fieller's sets, which are those of single ratios."""
    if terms.size != len(terms.group):
        raise SpecificationError(
            "Fieller's interval is that of one ratio, not of a mean over cases. Cure: by='case', "
            "or method='krinsky-robb'."
        )
    k = len(fit.model.design.names)
    beta, covariance = fit._values[:k], fit.cov.to_numpy(dtype=np.float64)[:k, :k]
    top, bottom = terms.top.jacobian(beta), terms.bottom.jacobian(beta)
    low, high, said = np.empty(terms.size), np.empty(terms.size), list(notes)
    a, c = terms.top.value(beta), terms.bottom.value(beta)
    for m in range(terms.size):
        both = np.stack([top[m], bottom[m]])
        low[m], high[m], note = fieller(a[m], c[m], both @ covariance @ both.T, ask.alpha)
        said[m] = "; ".join(part for part in (notes[m], note) if part)
    error = standard_errors(terms.jacobian(beta), covariance)
    return tabulated(-a / c, error, low, high, said)


def differenced_jacobian(fit: Any, values: Callable[[Float], Float], step: float = STEP) -> Float:
    """Derivatives (M, P) by central differences of ``step`` standard errors."""
    error = np.sqrt(np.maximum(np.diag(fit.cov.to_numpy(dtype=np.float64)), 0.0))
    return differenced(values, fit._values, step * np.nan_to_num(error))
