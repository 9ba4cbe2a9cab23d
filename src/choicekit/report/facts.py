"""Facts about fits in tables: measures of fit, shares, tests of each pair, names and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from choicekit.errors.base import APPROXIMATED
from choicekit.estimation.noise import MOST_DRAWS, draws_for, measured_rate
from choicekit.exceptions import SpecificationError
from choicekit.post.base import (
    Fitted,
    error_family,
    free_count,
    has_network,
    mixing_kinds,
    simulation_error,
    utility_kinds,
)
from choicekit.post.nesting import NETWORKS, NOT_REGULAR, differ_in_classes, nested_in
from choicekit.post.nonnested import ben_akiva_swait, clarke
from choicekit.post.tests import LEVEL, difference_error, is_resolved, likelihood_ratio
from choicekit.post.vuong import vuong

__all__ = [
    "GROUPS",
    "computation",
    "default_names",
    "fit_table",
    "model_labels",
    "model_table",
    "more_tests",
    "pair_tests",
    "parameter_groups",
    "parameter_kinds",
    "resolution",
    "share_table",
]

GROUPS = {
    "wtp": "Willingness to pay",
    "generic": "Generic coefficients",
    "constant": "Alternative-specific constants",
    "case": "Case-specific coefficients",
    "alternative": "Alternative-specific coefficients",
    "thresholds": "Thresholds",
    "errors": "Parameters of the errors",
    "mixing": "Spread of the random coefficients",
    "scale": "Scale of the utilities",
    "all classes": "The same in all classes",
    "membership": "Membership of the classes",
}


def default_names(fits: Sequence[Fitted]) -> list[str]:
    """Name the models after their error laws, numbered where two have the same."""
    nouns = [error_family(fit).noun for fit in fits]
    short = [error_family(fit).short for fit in fits]
    nouns = [s if short.count(s) == 1 else noun for s, noun in zip(short, nouns, strict=True)]
    names = []
    for position, noun in enumerate(nouns):
        number = nouns[: position + 1].count(noun)
        names.append(f"{noun} ({number})" if nouns.count(noun) > 1 else noun)
    return names


def model_labels(results: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """Check that these are fits, for `compare` or `cross_validate`, and name them."""
    if not results:
        raise SpecificationError(
            "There is nothing to compare: give at least one fit, compare(logit, probit)."
        )
    for position, result in enumerate(results):
        if not (hasattr(result, "llf") and hasattr(result, "params")):
            cure = (
                "write compare(*fits)" if isinstance(result, list | tuple) else "call fit() first"
            )
            raise SpecificationError(
                f"Argument {position + 1} is a {type(result).__name__}, not a fit: {cure}."
            )
    if names is None:
        return default_names(results)
    labels = [names] if isinstance(names, str) else [str(name) for name in names]
    if len(labels) != len(results) or len(set(labels)) != len(labels):
        raise SpecificationError(
            f"names={labels!r} must be {len(results)} different names, one for each fit."
        )
    return labels


def parameter_kinds(fit: Fitted) -> dict[str, str]:
    """Kind of every parameter of a fit, a key of ``GROUPS`` or the name of a class."""
    known = {**utility_kinds(fit), **mixing_kinds(fit)}
    rest = "thresholds" if getattr(fit.model.errors, "index", False) else "errors"
    return {name: known.get(name, rest) for name in map(str, fit.params.index)}


def parameter_groups(fits: Sequence[Fitted]) -> dict[str, str]:
    """Heading of each parameter in any of the fits, ordered by heading."""
    kinds: dict[str, str] = {}
    for fit in fits:
        for name, kind in parameter_kinds(fit).items():
            kinds.setdefault(name, kind)
    order = list(GROUPS)
    # Classes are numbered as they come, and precede the rest.
    unknown = [kind for kind in dict.fromkeys(kinds.values()) if kind not in GROUPS]
    return {
        name: GROUPS.get(kind, kind)
        for group in unknown + order
        for name, kind in kinds.items()
        if kind == group
    }


def computation(fit: Fitted) -> str:
    """Say how the probabilities were computed."""
    simulation = fit.simulation
    if simulation is None:
        return "closed form"
    if simulation.kind == APPROXIMATED:
        exact = f"; {simulation.n_exact:,} cases exact" if simulation.n_exact else ""
        return f"approximated ({APPROXIMATED}{exact})"
    if simulation.method == "exact" or not simulation.n_simulated:
        return "exact (quadrature)"
    text = f"{simulation.draws} {simulation.kind} draws, seed {simulation.seed}"
    if simulation.method == "mixing":
        return f"{text}, of the random coefficients"
    if simulation.n_exact:
        text += f" ({simulation.n_exact:,} cases exact)"
    return text


def model_table(fits: Mapping[str, Fitted]) -> pd.DataFrame:
    """Describe the models, one row each."""
    return pd.DataFrame(
        [
            {
                "model": error_family(fit).title,
                "formula": str(fit.model.formula),
                "cov_type": fit.cov_type,
                "probabilities": computation(fit),
            }
            for fit in fits.values()
        ],
        index=pd.Index(list(fits), name="name"),
    )


def fit_table(fits: Mapping[str, Fitted]) -> pd.DataFrame:
    """How well the models fit: one row each.

    ``rho2`` is McFadden's ``1 - llf / llnull`` against equal shares, ``rho2_adjusted`` takes
    one off the log-likelihood for each free parameter, ``rho2_constants`` compares with the
    model of constants only. ``llf_se`` is the simulation standard error. ``rho2_adjusted``,
    ``aic`` and ``bic`` are NaN for models with networks.
    """
    rows = []
    for fit in fits.values():
        constants = np.nan if fit.llconst is None else float(fit.llconst)
        rows.append(
            {
                "llf": float(fit.llf),
                "llf_se": simulation_error(fit),
                "llnull": float(fit.llnull),
                "llconst": constants,
                "rho2": _one_minus(fit.llf, fit.llnull),
                "rho2_adjusted": np.nan
                if has_network(fit)
                else _one_minus(fit.llf - free_count(fit), fit.llnull),
                "rho2_constants": _one_minus(fit.llf, constants),
                "parameters": free_count(fit),
                "aic": float(fit.aic),
                "bic": float(fit.bic),
                "seconds": float(fit.convergence.seconds),
                "iterations": int(fit.convergence.iterations),
                "converged": bool(fit.convergence.converged),
            }
        )
    return pd.DataFrame(rows, index=pd.Index(list(fits), name="name"))


def _one_minus(llf: float, reference: float) -> float:
    """``1 - llf / reference``, NaN where the reference is 0 or unknown."""
    return 1.0 - llf / reference if reference < 0 else float("nan")


def share_table(fits: Mapping[str, Fitted]) -> pd.DataFrame:
    """Actual shares of the alternatives, and those that each model predicts."""
    first = next(iter(fits.values()))
    table = {"actual": first.actual_shares()}
    table |= {name: fit.predicted_shares() for name, fit in fits.items()}
    shares = pd.DataFrame(table).reindex(pd.Index(list(first.model.data.alternatives)))
    shares.index.name = "alternative"
    return shares.astype(np.float64)


def pair_tests(fits: Mapping[str, Fitted]) -> pd.DataFrame:
    """Test each pair: likelihood ratio where one model is nested in the other, else Vuong's.

    The columns ``first`` and ``second`` are the restricted and the full model where nested;
    With different numbers of latent classes, and with networks, there is no test, ``"none"``.
    ``preferred`` is a model's name, or None where the data cannot tell at the 5% level;
    ``outcome`` says so in words, and ``note`` what to know before relying on it.
    ``statistic`` is chi-squared with ``df`` degrees of freedom, or Vuong's z, positive where
    it speaks for ``first``. ``resolved`` says whether the draws resolve which log-likelihood is
    higher, and ``resolution``, where they do not, how many draws would.
    """
    rows: list[dict[str, Any]] = []
    for one, other in combinations(fits, 2):
        if has_network(fits[one]) or has_network(fits[other]):
            rows.append(_untested_row(one, other, "In sample there is no test.", NETWORKS))
        elif nested_in(fits[one], fits[other]):
            rows.append(_ratio_row(fits, one, other))
        elif nested_in(fits[other], fits[one]):
            rows.append(_ratio_row(fits, other, one))
        elif differ_in_classes(fits[one], fits[other]):
            why = "There is no test between different numbers of classes."
            rows.append(_untested_row(one, other, why, NOT_REGULAR))
        else:
            test = vuong(fits[one], fits[other], names=(one, other))
            preferred = {"first": one, "second": other, None: None}[test.preferred]
            rows.append(
                {
                    "first": one,
                    "second": other,
                    "test": "Vuong",
                    "statistic": test.statistic,
                    "df": None,
                    "pvalue": test.pvalue,
                    "pvalue_aic": test.pvalue_aic,
                    "pvalue_bic": test.pvalue_bic,
                    "preferred": preferred,
                    "simulation_se": test.simulation_se,
                    "simulation_matters": test.simulation_matters,
                    "outcome": test.outcome,
                    "note": test.note,
                }
            )
    for row in rows:
        ends = fits[row["first"]], fits[row["second"]]
        row["resolved"] = is_resolved(*ends)
        row["resolution"] = "" if row["resolved"] else resolution(*ends)
    columns = ["first", "second", "test", "statistic", "df", "pvalue", "pvalue_aic", "pvalue_bic"]
    columns += ["preferred", "simulation_se", "simulation_matters", "outcome", "note"]
    columns += ["resolved", "resolution"]
    table = pd.DataFrame(rows, columns=columns).astype({"df": "Int64"})
    # assigned apart, or pandas takes the column for text and None for NaN
    table["preferred"] = pd.Series([row["preferred"] for row in rows], dtype=object)
    return table


def more_tests(fits: Mapping[str, Fitted], tests: pd.DataFrame) -> pd.DataFrame:
    """Further tests of the pairs that Vuong's test compares: two rows each.

    ``"Clarke"``: ``statistic`` is the number of units (of ``n``) for which ``first`` gives what was
    chosen the higher probability; ``pvalue_aic`` and ``pvalue_bic`` allow for the number of
    parameters. ``"Ben-Akiva-Swait"``: the difference of the adjusted rho-squared, with a bound in
    place of the p-value.
    """
    rows: list[tuple[Any, ...]] = []
    for one, other in tests.loc[tests["test"] == "Vuong", ["first", "second"]].to_numpy():
        sign = clarke(fits[one], fits[other], (one, other))
        index = ben_akiva_swait(fits[one], fits[other], (one, other))
        counted = (sign.positive, sign.n_units, sign.pvalue, sign.pvalue_aic, sign.pvalue_bic)
        rows.append((one, other, "Clarke", *counted, sign.note))
        bounded = (index.difference, int(fits[one].nobs), index.bound, np.nan, np.nan)
        rows.append((one, other, "Ben-Akiva-Swait", *bounded, index.note))
    columns = ["first", "second", "test", "statistic", "n", "pvalue", "pvalue_aic", "pvalue_bic"]
    return pd.DataFrame(rows, columns=[*columns, "note"])


def _untested_row(one: str, other: str, outcome: str, note: str) -> dict[str, Any]:
    """Two models between which there is no test, and why."""
    return {
        "first": one,
        "second": other,
        "test": "none",
        "statistic": np.nan,
        "df": None,
        "pvalue": np.nan,
        "pvalue_aic": np.nan,
        "pvalue_bic": np.nan,
        "preferred": None,
        "simulation_se": 0.0,
        "simulation_matters": False,
        "outcome": outcome,
        "note": note,
    }


def resolution(one: Fitted, other: Fitted) -> str:
    """Say that the draws do not resolve a difference of log-likelihoods, and how many would.

    The number is extrapolated at the rate measured on each fit, 1/2 for pseudo-random draws.
    """
    gap, error = abs(float(one.llf) - float(other.llf)), difference_error(one, other)
    if any(getattr(fit.simulation, "n_approximate", 0) for fit in (one, other)):
        return (
            f"The difference of the log-likelihoods, {gap:.2g}, is not larger than the error of "
            f"the approximation, {error:.2g}, which no draws reduce: fit both with method='auto'."
        )
    text = (
        f"The difference of the log-likelihoods, {gap:.2g}, is not resolved by the draws: its "
        f"simulation standard error is {error:.2g}, taking the two errors as independent (fits "
        "with the same seed share their draws, so it may be smaller)."
    )
    simulated = [fit for fit in (one, other) if simulation_error(fit) > 0.0]
    factor = 2.0 * error / gap if gap > 0.0 else np.inf
    needed = max(draws_for(fit.simulation.draws, factor, measured_rate(fit)) for fit in simulated)
    if needed >= MOST_DRAWS:
        return f"{text} No practical number of draws would resolve it: count it as none."
    return f"{text} About {needed:,} draws a case should resolve it (draws={needed})."


def _ratio_row(fits: Mapping[str, Fitted], restricted: str, full: str) -> dict[str, Any]:
    """One likelihood-ratio test as a row."""
    test = likelihood_ratio(fits[restricted], fits[full], nested=True, names=(restricted, full))
    rejected = test.pvalue < LEVEL
    outcome = (
        f"The restrictions of {restricted} are {'' if rejected else 'not '}rejected at the 5% "
        "level."
    )
    return {
        "first": restricted,
        "second": full,
        "test": "likelihood ratio",
        "statistic": test.statistic,
        "df": test.df,
        "pvalue": test.pvalue,
        "pvalue_aic": np.nan,
        "pvalue_bic": np.nan,
        "preferred": full if rejected else restricted,
        "simulation_se": test.simulation_se,
        "simulation_matters": test.simulation_matters,
        "outcome": outcome,
        "note": test.note,
    }
