"""All checks of identification, in the order in which a reader would ask."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.errors.ordered import BoundOrdered
from choicekit.estimation.identification.covariance import (
    covariance_checks,
    generic_thetas,
    times_together,
)
from choicekit.estimation.identification.index import (
    find_index_separation,
    index_checks,
    index_information,
)
from choicekit.estimation.identification.report import Check, Identification, listed, refuse
from choicekit.estimation.identification.scores import score_checks
from choicekit.estimation.identification.separation import (
    Separation,
    find_separation,
    separation_check,
)
from choicekit.estimation.identification.utility import (
    lacks_exclusions,
    utility_checks,
    utility_information,
)
from choicekit.estimation.starts import logit_start
from choicekit.likelihood import LatentClassLikelihood, Likelihood
from choicekit.parameters import ParameterTable
from choicekit.utility import offsets_among

__all__ = ["examine", "exclusion_checks", "require_covariance_identified"]


def examine(
    likelihood: Likelihood,
    table: ParameterTable,
    given: frozenset[str],
    coefficients: Sequence[Any],
    alternatives: Sequence[Hashable],
    title: str,
    formula: str,
) -> Identification:
    """Check a model before it is fitted.

    Parameters
    ----------
    likelihood
        Of the model on its data.
    table
        Names, starts, fixed parameters.
    given
        Names of the parameters whose start or value the user chose.
    coefficients
        K descriptions with ``name``, ``kind``, ``alternative`` and ``variable``, as designs give.
    alternatives
        J labels.
    title, formula
        Of the model, for the report.
    """
    k = likelihood.n_coefficients
    held = {name for name, fixed in zip(table.names, table.fixed, strict=True) if fixed}
    held |= set(offsets_among(c.name for c in coefficients))
    kept = [p for p, c in enumerate(coefficients) if c.name not in held]
    checks = _coefficient_checks(likelihood, kept, coefficients, alternatives)
    checks.append(_scale_check(likelihood, table))
    checks += _covariance_checks(likelihood, table, alternatives)
    checks += exclusion_checks(likelihood, table, coefficients)
    if not _failed(checks):  # what follows would say the same again
        checks.append(separation_check(_separation(likelihood, kept, coefficients)))
    if len(table.names) > k and not _failed(checks):
        start = logit_start(likelihood, table, given)
        elsewhere = start.copy()
        if likelihood.errors.index:
            elsewhere[k:] *= 1.3  # in the same order
        else:
            elsewhere[k:] = generic_thetas(start[k:], ~table.fixed[k:])[1]
        checks += score_checks(likelihood, [start, elsewhere], ~table.fixed, table.names)
    return Identification(title, formula, _size(likelihood, table), tuple(checks))


def _coefficient_checks(
    likelihood: Likelihood,
    kept: Sequence[int],
    coefficients: Sequence[Any],
    alternatives: Sequence[Hashable],
) -> list[Check]:
    """Whether the coefficients that are not held can be told apart, and what are constants."""
    layout, names = likelihood.layout, [coefficients[p].name for p in kept]
    x = _columns(likelihood.x, kept)
    if isinstance(likelihood.errors, BoundOrdered):
        information = index_information(x, layout, likelihood.errors.sequence)
        return index_checks(information, layout, names, alternatives)
    constants = [coefficients[p].name for p in kept if coefficients[p].kind == "constant"]
    information = utility_information(x, layout)
    return utility_checks(information, x, layout, names, constants, alternatives)


def _separation(
    likelihood: Likelihood, kept: Sequence[int], coefficients: Sequence[Any]
) -> Separation:
    """Combinations of regressors, not held, that predict for certain."""
    errors, names = likelihood.errors, [coefficients[p].name for p in kept]
    x = _columns(likelihood.x, kept)
    if isinstance(errors, BoundOrdered):
        every = (*names, *errors.names)
        return find_index_separation(x, likelihood.layout, every, errors.sequence)
    return find_separation(x, likelihood.layout, names)


def _columns(x: NDArray[np.float64], kept: Sequence[int]) -> NDArray[np.float64]:
    """Some columns, contiguous one by one."""
    return x if len(kept) == x.shape[1] else np.asfortranarray(x[:, kept])


def _size(likelihood: Likelihood, table: ParameterTable) -> str:
    """Cases, alternatives and parameters in words."""
    layout, k = likelihood.layout, likelihood.n_coefficients
    n_errors = len(likelihood.errors.names)
    parts = [f"{k} coefficients", f"{n_errors} parameters of the errors"]
    if table.fixed.any():
        parts.append(f"{int(table.fixed.sum())} held fixed")
    if n_errors == 0:
        del parts[1]
    if len(table.names) > k + n_errors:
        classes = isinstance(likelihood, LatentClassLikelihood)
        of = "membership of the classes" if classes else "random coefficients"
        parts.append(f"{len(table.names) - k - n_errors} of the {of}")
    return (
        f"{layout.n_cases:,} cases, {layout.n_alternatives} alternatives, {len(table.free)} free "
        f"parameters ({', '.join(parts)})"
    )


def require_covariance_identified(
    likelihood: Likelihood, table: ParameterTable, alternatives: Sequence[Hashable]
) -> None:
    """Raise IdentificationError unless the covariance meets the order and the rank condition."""
    refuse(_covariance_checks(likelihood, table, alternatives))


def exclusion_checks(
    likelihood: Likelihood, table: ParameterTable, coefficients: Sequence[Any]
) -> list[Check]:
    """Warn of free parameters of the errors without a variable that differs by alternative."""
    k = likelihood.n_coefficients
    own = table.names[k : k + len(likelihood.errors.names)]
    free = tuple(name for name in table.free_names if name in own)
    if not free or likelihood.errors.index:  # thresholds need no such variable
        return []
    if not lacks_exclusions(coefficients, likelihood.x, likelihood.layout):
        text = "Some variables differ between the alternatives of a case, or enter only some."
        return [Check("exclusions", "ok", text)]
    message = (
        "Weak identification: no variable differs between the alternatives of a case, so the "
        "covariance of the errors is learned from the form of their distribution alone "
        "(Keane 1992)."
    )
    cure = "add such a variable, for example a price or a time, or use covariance='iid'."
    return [Check("exclusions", "weak", message, free, cure)]


def _failed(checks: Sequence[Check]) -> bool:
    return any(check.severity == "error" for check in checks)


def _covariance_checks(
    likelihood: Likelihood, table: ParameterTable, alternatives: Sequence[Hashable]
) -> list[Check]:
    """Order and rank, for laws that have a covariance structure."""
    structure = getattr(likelihood.errors, "structure", None)
    if structure is None:
        return []
    k = likelihood.n_coefficients
    own = slice(k, k + len(structure.names))
    return covariance_checks(
        structure,
        table.start[own],
        np.isin(np.arange(len(table.names)), table.free)[own],
        times_together(likelihood.layout),
        alternatives,
        scale_is_free=not _held(table, k),
    )


def _held(table: ParameterTable, k: int) -> list[str]:
    """Coefficients held at values other than zero: they fix the scale of utility too."""
    return [table.names[p] for p in range(k) if table.fixed[p] and table.start[p] != 0.0]


def _scale_check(likelihood: Likelihood, table: ParameterTable) -> Check:
    """Say what fixes the scale of utility, and whether something fixes it once more."""
    text = likelihood.errors.normalisation or "The scale of the errors is fixed at 1."
    held = _held(table, likelihood.n_coefficients)
    if held:
        text += (
            f" Besides, {listed(held)} {'is' if len(held) == 1 else 'are'} held fixed: beside a "
            "fixed scale that is a restriction of the model, not a normalisation."
        )
    return Check("scale", "ok", text, tuple(held))
