"""What would be chosen if attributes or alternatives were otherwise.

Axes: C cases, J alternatives (those of a scenario included), P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.likelihood.choices import ChoiceProbabilities
from choicekit.post.added import read_newcomers, with_newcomers
from choicekit.post.base import weights_of
from choicekit.post.changes import (
    changed,
    described,
    read_changes,
    require_removable,
    without,
)
from choicekit.post.delta import interval_columns, standard_errors
from choicekit.post.moves import columns_of_model

__all__ = ["Scenario", "Worlds", "run_scenario", "two_worlds"]

Float = NDArray[np.float64]

QUANTITIES = ("before", "after", "change")


@dataclass(frozen=True, eq=False)
class Worlds:
    """The same cases twice: as they are, and as they would be.

    Attributes
    ----------
    data, other
        Their `ChoiceData`, before and after; newcomers are in neither.
    before, after
        The likelihoods.
    labels
        Of all alternatives, the new ones last.
    changes
        What differs, a line each.
    same_sets
        Whether the choice sets are the same.
    """

    data: Any
    other: Any
    before: Any
    after: Any
    labels: tuple[Any, ...]
    changes: tuple[str, ...]
    same_sets: bool


@dataclass(frozen=True, eq=False, repr=False)
class Scenario:
    """Shares before and after; prints as a table.

    Attributes
    ----------
    estimates
        A row for each alternative and quantity, ``before``, ``after`` and ``change``: columns
        ``estimate``, ``std_error``, ``conf_low``, ``conf_high``.
    before, after
        Choice probabilities, cases x alternatives.
    weights
        Of the cases, (C,).
    changes
        What differs, a line each.
    alpha
        One minus the level of the intervals.
    """

    estimates: pd.DataFrame
    before: pd.DataFrame
    after: pd.DataFrame
    weights: Float
    changes: tuple[str, ...]
    alpha: float

    @property
    def shares(self) -> pd.DataFrame:
        """``before``, ``after`` and ``change``, with error and interval of the change."""
        table = self.estimates["estimate"].unstack("quantity")[list(QUANTITIES)]
        of_change = self.estimates.xs("change", level="quantity")
        table = table.join(of_change[["std_error", "conf_low", "conf_high"]])
        return table.loc[list(self.after.columns)]

    @property
    def totals(self) -> pd.DataFrame:
        """The same as expected numbers of choices: shares times the sum of the weights."""
        return self.shares * float(self.weights.sum())

    def __repr__(self) -> str:
        level = f"{100 * (1 - self.alpha):g}%"
        table = self.shares.rename(
            columns={"std_error": "std err", "conf_low": f"{level} from", "conf_high": "to"}
        )
        table.index.name = None
        text = table.to_string(float_format="{:.4f}".format, na_rep="")
        lines = [f"Scenario, {len(self.after):,} cases", *(f"  {line}" for line in self.changes)]
        last = "std err and interval are those of the change."
        if not np.isfinite(self.estimates["std_error"]).any():
            last = "No standard errors: the estimates have none."
        return "\n".join([*lines, "", text, "", last])

    def _repr_html_(self) -> str:
        return str(self.shares.to_html(float_format="{:.4f}".format))


def two_worlds(
    fit: Any,
    changes: Mapping[Hashable, Any] | None,
    data: Any,
    unavailable: Iterable[Hashable] = (),
    add: Mapping[Hashable, Mapping[Hashable, Any]] | None = None,
) -> Worlds:
    """Apply changes to data; see ``FitResults.scenario`` for how they are written.

    Raises
    ------
    SpecificationError
        If nothing changes, or for changes that cannot be read or carried out.
    """
    model = fit.model
    used = columns_of_model(model)
    read = read_changes(changes or {}, data.alternatives)
    gone = [unavailable] if isinstance(unavailable, str) else list(unavailable)
    if gone:
        require_removable(model)
    newcomers = read_newcomers(add or {}, data.alternatives)
    if not (read or gone or newcomers):
        raise SpecificationError(
            "Nothing changes. Cure: scenario({'cost': '+10%'}), unavailable=['bus'] or add={...}."
        )
    lines = [*described(read), *(f"{label}: not available" for label in gone)]
    other = without(changed(data, read, used) if read else data, gone)
    before = fit.likelihood_of(data)
    labels = data.alternatives
    if newcomers:
        after, labels = with_newcomers(fit, other, newcomers, used)
        for new in newcomers:
            own = ", ".join(f"{change.column} {change.text}" for change in new.changes)
            lines.append(f"{new.label}: new, like {new.like}{': ' if own else ''}{own}")
    else:
        after = fit.likelihood_of(other)
    same = not newcomers and other.n_rows == data.n_rows
    return Worlds(data, other, before, after, labels, tuple(lines), same)


def run_scenario(fit: Any, worlds: Worlds, alpha: float) -> Scenario:
    """Shares before and after with delta-method errors.

    The same draws and nodes serve both, so that their noise cancels from the differences.
    """
    params = fit._values
    first = ChoiceProbabilities.of(worlds.before, params)
    if worlds.same_sets:
        second = first.at(worlds.after)
    else:
        second = ChoiceProbabilities.of(worlds.after, params, first.seed)
    weights = weights_of(worlds.data.layout)
    size = len(worlds.labels)
    (p, shares, slopes), (q, new_shares, new_slopes) = (
        _shares(probabilities, params, weights, size) for probabilities in (first, second)
    )
    values = np.stack([shares, new_shares, new_shares - shares], axis=1)
    jacobian = np.stack([slopes, new_slopes, new_slopes - slopes], axis=1)
    errors = standard_errors(jacobian, fit.cov.to_numpy(dtype=np.float64), values)
    index = pd.MultiIndex.from_product(
        [list(worlds.labels), list(QUANTITIES)], names=["alternative", "quantity"]
    )
    columns = interval_columns(values.ravel(), errors.ravel(), alpha)
    tables = [
        pd.DataFrame(one, index=worlds.data.case_ids, columns=list(worlds.labels)) for one in (p, q)
    ]
    return Scenario(
        pd.DataFrame(columns, index=index), tables[0], tables[1], weights, worlds.changes, alpha
    )


def _shares(
    probabilities: ChoiceProbabilities, params: Float, weights: Float, size: int
) -> tuple[Float, Float, Float]:
    """Probabilities (C, J), weighted shares (J,) and their derivatives (J, P)."""
    n_cases, n_own = probabilities.shape
    p, slopes = np.zeros((n_cases, size)), np.zeros((size, len(params)))
    for cases, part in probabilities.pieces():
        p[cases, :n_own], jacobian = part.jacobian(params)
        slopes[:n_own] += np.einsum("c,cjp->jp", weights[cases], jacobian)
    total = weights.sum()
    return p, weights @ p / total, slopes / total
