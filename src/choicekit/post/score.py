"""The score test: would the likelihood rise if restrictions were lifted? No fuller fit is needed.

Axes: U units (cases, or people), P parameters of the fuller model, F free ones of the restricted,
Q restrictions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from choicekit.exceptions import IdentificationError, SpecificationError, unknown
from choicekit.post.base import class_count, seed_of, simulation_error
from choicekit.post.cases import require_same_cases
from choicekit.post.nesting import NOT_REGULAR
from choicekit.post.placing import Place, placed, zero_spreads
from choicekit.post.taste_variation import adds_variances, variance_scores
from choicekit.post.tests import filled, p_text

__all__ = ["ScoreTest", "score_test"]

Array = npt.NDArray[np.float64]

COV_TYPES = ("nonrobust", "opg", "HC0", "cluster")
SLACK = 1e-6  # of the log-likelihood


@dataclass(frozen=True)
class ScoreTest:
    """A score (Lagrange multiplier) test.

    Attributes
    ----------
    statistic, df, pvalue
        Chi-squared.
    cov_type
        ``"nonrobust"``: with the Hessian; ``"opg"``: with the outer product of the scores;
        ``"HC0"`` or ``"cluster"``: with the sandwich, right where the likelihood is not.
    tested
        Parameters of the fuller model that the restricted one does not have.
    note
        What to know before relying on it; may be empty.
    """

    statistic: float
    df: int
    pvalue: float
    cov_type: str
    tested: tuple[str, ...]
    note: str

    def __str__(self) -> str:
        """One line, what was tested, the note."""
        line = f"Score test: chi2({self.df}) = {self.statistic:.3f}, {p_text(self.pvalue)}"
        what = f"Tested: {', '.join(self.tested)}." if self.tested else ""
        return "\n".join(filter(None, (line, filled(what), filled(self.note))))


def score_test(
    fit: Any, full: Any = None, cov_type: str | None = None, fixed: Iterable[str] = ()
) -> ScoreTest:
    """Test a fit against a fuller model by the slope of the fuller likelihood at the estimates.

    Parameters
    ----------
    fit
        The restricted model.
    full
        The fuller model (a ChoiceModel), or its specification where errors and mixing are the
        fit's. None: the fit's own model, with what was fixed or constrained set free.
    cov_type
        See `ScoreTest`; by default that of the fit where it is one of these.
    fixed
        Parameters of the fuller model that stay where they are.

    Raises
    ------
    DataError
        The two models rest on different choices.
    SpecificationError
        The fit is no special case of the fuller model, or the score says nothing: a standard
        deviation of zero, where the slope is zero whatever the data. (Where a conditional logit is
        tested against independent normal coefficients or a scale that differs between people, the
        slope along the variances serves.)
    IdentificationError
        The data do not identify the fuller model.

    Notes
    -----
    With s the score, I the information and R the restrictions at the estimates,
    ``s' I^-1 s``, or for the sandwich V ``s' I^-1 R' (R V R')^-1 R I^-1 s`` (Rao 1948; White
    1982, Econometrica 50, 1-25), both chi-squared.
    """
    from scipy.stats import chi2

    cov_type = _cov_type(fit, cov_type)
    model = _fuller(fit, full)
    if class_count(fit) != int(getattr(model.mixing, "n_classes", 0)):
        raise SpecificationError(NOT_REGULAR)
    other: Any = _Only(model)
    require_same_cases(fit, other, ("the fit", "the fuller model"))
    place = placed(fit, model, frozenset(fixed))
    likelihood = model.likelihood().settle(place.params, seed_of(fit))
    _require_contained(fit, likelihood.value(place.params))
    spreads = zero_spreads(model, place)
    slopes = _slopes(fit, model, likelihood, place, cov_type, spreads)
    weighted, information = slopes.weighted, slopes.information
    step = np.linalg.solve(information, weighted.sum(axis=0))
    variance = np.linalg.inv(information)
    if slopes.cov_type in ("HC0", "cluster"):
        meat = _meat(weighted, model, likelihood, slopes.cov_type)
        variance = variance @ meat @ variance
    lifted = place.restrictions
    distance = lifted @ step
    statistic = float(distance @ np.linalg.solve(lifted @ variance @ lifted.T, distance))
    df = len(lifted)
    rise = step[[place.free.tolist().index(place.names.index(name)) for name in spreads]]
    p, notes = float(chi2.sf(statistic, df)), [slopes.note]
    if spreads:
        if df == 1:
            p = 0.5 * p if rise[0] > 0.0 else 1.0 - 0.5 * p
        notes.append(_spread_note(spreads, rise, df))
    if simulation_error(fit) > 0.0:
        notes.append("The likelihood is simulated, and so is the statistic.")
    note = " ".join(filter(None, notes))
    return ScoreTest(statistic, df, p, slopes.cov_type, place.tested, note)


@dataclass(frozen=True)
class _Slopes:
    """Weighted scores (U, free ones), the information, which one it is, and a remark."""

    weighted: Array
    information: Array
    cov_type: str
    note: str = ""


def _slopes(
    fit: Any, model: Any, likelihood: Any, place: Place, cov_type: str, spreads: list[str]
) -> _Slopes:
    """Scores and information of the fuller model where the restrictions hold."""
    exact = None
    if spreads:
        if not adds_variances(fit, model):
            raise SpecificationError(_NO_SLOPE.format(", ".join(spreads)))
        scores, exact = variance_scores(likelihood, place.params)
        scores, exact = scores[:, place.free], exact[np.ix_(place.free, place.free)]
    else:
        scores = likelihood.scores(place.params)[:, place.free]
    _require_slope(scores, place)
    weights = np.ones(len(scores)) if likelihood.weights is None else likelihood.weights
    weighted = scores * weights[:, None]
    opg = weighted.T @ scores
    found, note = _Slopes(weighted, opg, "opg"), ""
    if cov_type != "opg":
        information = exact
        if information is None:
            scales = np.ones(len(place.params))
            scales[place.free] = 1.0 / np.sqrt(np.maximum(np.diag(opg), 1e-300))
            information = -likelihood.hessian(place.params, scales, place.free)
        if _is_definite(information) or cov_type != "nonrobust":
            found = _Slopes(weighted, information, cov_type)
        else:
            note = "The Hessian is not definite there: the outer product takes its place."
            found = _Slopes(weighted, opg, "opg", note)
    if not _is_definite(found.information):
        raise IdentificationError(_FLAT)
    return found


def _spread_note(spreads: list[str], rise: Array, df: int) -> str:
    """What a test of variances means."""
    text = "Tested is the variance, which can only rise from zero: the p-value is one-sided."
    if df > 1:
        text = (
            "Tested are variances, which can only rise from zero; the chi-squared looks both ways, "
            "which costs power."
        )
    falling = [name for name, value in zip(spreads, rise, strict=True) if value < 0.0]
    if falling:
        text += f" The likelihood would not rise with {', '.join(falling)}."
    return text


_NO_SLOPE = (
    "The restricted model puts {} at zero. There the likelihood does not change with a standard "
    "deviation to first order, whatever the data, so that its score is no test. Cure: fit the "
    "fuller model; compare(...) tests the variance by the likelihood ratio, with the distribution "
    "at the edge of its range. (From a conditional logit, independent normal coefficients and "
    "a scale can be tested without a fit.)"
)

_FLAT = (
    "At the estimates the data do not tell the parameters of the fuller model apart: its "
    "information is singular. Cure: a smaller model, or hold a parameter by fixed=."
)


@dataclass(frozen=True)
class _Only:
    """A model that was not fitted, where only its data are asked for."""

    model: Any


def _cov_type(fit: Any, given: str | None) -> str:
    """The kind of information asked for, or the one like the fit's covariance."""
    if given is None:
        found = {"HC1": "HC0", "bootstrap": "HC0"}.get(fit.cov_type, fit.cov_type)
        clustered = found == "cluster" and fit.model.data.layout.person is None
        return "HC0" if clustered else str(found)
    if given not in COV_TYPES:
        raise unknown("cov_type", given, COV_TYPES)
    if given == "cluster" and fit.model.data.layout.person is None:
        raise SpecificationError(
            "cov_type='cluster' sums scores by person, and the data have no people. Cure: read "
            "them with person=..., or cov_type='HC0'."
        )
    return given


def _fuller(fit: Any, full: Any) -> Any:
    """The fuller model, made from its specification if need be."""
    if full is None:
        if not fit.fixed and fit.table.ties is None:
            raise SpecificationError(
                "Nothing was fixed or constrained, so there is nothing to test. Cure: "
                "score_test('choice ~ ...') with a fuller specification, or a ChoiceModel."
            )
        return fit.model
    if hasattr(full, "likelihood"):
        return full
    own = fit.model
    return type(own)(full, own.data, own.errors, own.base, mixing=own.mixing)


def _require_contained(fit: Any, value: float) -> None:
    """The fuller likelihood must be the restricted one where the restrictions hold."""
    slack = SLACK * max(1.0, abs(fit.llf)) + 4.0 * simulation_error(fit)
    if not abs(value - fit.llf) <= slack:
        raise SpecificationError(
            f"The fit is no special case of the fuller model: where its restrictions should hold "
            f"the log-likelihood is {value:,.3f}, not {fit.llf:,.3f}. Cure: name shared "
            "coefficients alike, keep the base and the scale of the errors, or fit both models "
            "and compare(...) them."
        )


def _require_slope(scores: Array, place: Place) -> None:
    """Parameters of the fuller model must move the likelihood of some unit."""
    size = np.abs(scores).max(axis=0, initial=0.0)
    still = [place.names[p] for p in place.free[size <= 1e-10 * size.max(initial=1e-300)]]
    if still:
        raise SpecificationError(
            f"The likelihood does not change with {', '.join(still)} where the restrictions hold, "
            "so the score says nothing about it. Cure: fit the fuller model and compare(...) both."
        )


def _is_definite(matrix: Array) -> bool:
    diagonal = np.diag(matrix)
    if not np.isfinite(matrix).all() or (diagonal <= 0.0).any():
        return False
    scale = 1.0 / np.sqrt(diagonal)
    values = np.linalg.eigvalsh(matrix * np.outer(scale, scale))
    return bool(values[0] > 1e-12 * values[-1])


def _meat(weighted: Array, model: Any, likelihood: Any, cov_type: str) -> Array:
    """Outer product of the (weighted) scores of units or of people."""
    person = model.data.layout.person
    if cov_type == "cluster" and likelihood.unit is None and person is not None:
        weighted = np.column_stack([np.bincount(person, weights=own) for own in weighted.T])
        n = len(weighted)
        return np.asarray(weighted.T @ weighted * n / (n - 1.0))
    return np.asarray(weighted.T @ weighted)
