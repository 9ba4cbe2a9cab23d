"""Whether these data tell the parameters apart: the rank of the scores at the start.

Axes: C cases, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from choicekit.estimation.identification.directions import (
    SINGULAR,
    NullDirection,
    null_directions,
)
from choicekit.estimation.identification.report import Check, listed
from choicekit.likelihood import Likelihood

__all__ = ["WEAK", "score_checks"]

Float = NDArray[np.float64]

MOST_CASES = 2000
SHOWN = 2
# Share of the largest eigenvalue of the scores' correlations below which a direction is weak: the
# standard errors along it are a hundred times what they would be if nothing else was estimated.
WEAK = 1e-4


def score_checks(
    likelihood: Likelihood, points: Sequence[Float], free: NDArray[np.bool_], names: Sequence[str]
) -> list[Check]:
    """Directions in which the outer product of the scores is zero, or nearly so.

    A parameter that moves no case's log-probability, or only as others do, cannot be learned from
    these cases. One point may be a singular one by its symmetry, so an error needs two.

    Parameters
    ----------
    likelihood
        Of the model.
    points
        The start and another point, (P,) each.
    free
        Which parameters are estimated, bool (P,).
    names
        P names.
    """
    kept = [name for name, is_free in zip(names, free, strict=True) if is_free]
    n_cases = likelihood.layout.n_cases
    if n_cases < len(kept):
        message = f"There are {n_cases:,} cases for {len(kept)} free parameters."
        return [Check("scores", "error", message, tuple(kept), "collect more data.")]
    some = likelihood
    if n_cases > MOST_CASES:
        # Every so-maniest case; where they show a lack, all cases are asked.
        some = likelihood.take(np.arange(0, n_cases, -(-n_cases // MOST_CASES)))
    weak = _flat(some, points[0], free, kept, WEAK)
    if weak is None:
        message = "The scores at the starting values are not finite."
        return [Check("scores", "weak", message, (), "rescale the covariates or give start={...}.")]
    if weak and some is not likelihood:
        some, weak = likelihood, _flat(likelihood, points[0], free, kept, WEAK) or []
    if not weak:
        used = some.layout.n_cases
        of = f"{used:,} of {n_cases:,}" if used < n_cases else f"all {n_cases:,}"
        text = f"At the start the scores of {of} cases tell the {len(kept)} parameters apart."
        return [Check("scores", "ok", text)]
    null = _flat(some, points[0], free, kept, SINGULAR)
    if null:
        other = _flat(some, points[1], free, kept, SINGULAR)
        null = null if other is None else min((null, other), key=len)
    return [_error(null, kept) if null else _weak(weak, kept)]


def _flat(
    likelihood: Likelihood,
    params: Float,
    free: NDArray[np.bool_],
    names: Sequence[str],
    threshold: float,
) -> list[NullDirection] | None:
    """Directions below a share of the largest eigenvalue; None if the scores are not finite."""
    scores = likelihood.settle(params, 1).scores(params)[:, free]
    weights = likelihood.weights
    information = scores.T @ (scores if weights is None else scores * weights[:, None])
    if not np.isfinite(information).all():
        return None
    return null_directions(information, names, threshold)


def _error(directions: Sequence[NullDirection], names: Sequence[str]) -> Check:
    concerned = _concerned(directions, names)
    message = (
        f"These data show {len(names) - len(directions)} combinations of the {len(names)} free "
        f"parameters, so they do not tell {listed(concerned)} apart{_along(directions)}."
    )
    cure = "hold parameters fixed with fixed={...}, or use a simpler covariance of the errors."
    return Check("scores", "error", message, concerned, cure)


def _weak(directions: Sequence[NullDirection], names: Sequence[str]) -> Check:
    concerned = _concerned(directions, names)
    message = (
        f"At the start these data hardly tell {listed(concerned)} apart{_along(directions)}. "
        "Expect large standard errors and slow convergence."
    )
    cure = "use a simpler covariance, or add variables that differ between alternatives."
    return Check("scores", "weak", message, concerned, cure)


def _along(directions: Sequence[NullDirection]) -> str:
    """Spell out a direction or two; more would tell a reader nothing."""
    if len(directions) > SHOWN:
        return ""
    return f", along {'; and '.join(direction.brief() for direction in directions)}"


def _concerned(directions: Sequence[NullDirection], names: Sequence[str]) -> tuple[str, ...]:
    """Names that take part in a direction, each once, in the order of the parameters."""
    return tuple(name for name in names if any(name in d.names for d in directions))
