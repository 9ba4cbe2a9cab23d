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
from choicekit.post.base import class_count, simulation_error
from choicekit.post.cases import require_same_cases
from choicekit.post.nesting import NOT_REGULAR
from choicekit.post.placing import Place, placed
from choicekit.post.tests import p_text

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
        return "\n".join(filter(None, (line, what, self.note)))


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
        deviation of zero, where the slope is zero whatever the data.
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
    seed = 1 if fit.simulation is None else fit.simulation.seed
    likelihood = model.likelihood().settle(place.params, seed)
    _require_contained(fit, likelihood.value(place.params))
    scores = likelihood.scores(place.params)[:, place.free]
    weights = np.ones(len(scores)) if likelihood.weights is None else likelihood.weights
    _require_slope(scores, place)
    opg = (scores * weights[:, None]).T @ scores
    information, notes = opg, []
    if cov_type != "opg":
        scales = np.ones(len(place.params))
        scales[place.free] = 1.0 / np.sqrt(np.maximum(np.diag(opg), 1e-300))
        information = -likelihood.hessian(place.params, scales, place.free)
        if not _is_definite(information):
            if cov_type != "nonrobust":
                raise IdentificationError(_FLAT)
            information, cov_type = opg, "opg"
            notes.append("The Hessian is not definite there: the outer product takes its place.")
    if not _is_definite(information):
        raise IdentificationError(_FLAT)
    step = np.linalg.solve(information, weights @ scores)
    lifted = place.restrictions
    variance = np.linalg.inv(information)
    if cov_type in ("HC0", "cluster"):
        meat = _meat(scores * weights[:, None], model, likelihood, cov_type)
        variance = variance @ meat @ variance
    distance = lifted @ step
    statistic = float(distance @ np.linalg.solve(lifted @ variance @ lifted.T, distance))
    if simulation_error(fit) > 0.0:
        notes.append("The likelihood is simulated, and so is the statistic.")
    df = len(lifted)
    p = float(chi2.sf(statistic, df))
    return ScoreTest(statistic, df, p, cov_type, place.tested, " ".join(notes))


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
