"""The summary a reader in a hurry reads: which model, how sure, what drives the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from choicekit.post.base import fixed_names, simulation_error, utility_kinds
from choicekit.post.tests import p_text
from choicekit.report.compare import Comparison
from choicekit.report.cross_validation import held_out_sentence
from choicekit.report.page.blocks import Items, Section

__all__ = ["summary_section"]

CLEAR = 1.96
MOST_DRIVERS = 4


def summary_section(comparison: Comparison, findings: Sequence[tuple[str, str]] = ()) -> Section:
    """A few sentences under bold words.

    Parameters
    ----------
    comparison
        What is reported.
    findings
        Further (bold words, text), from the sections that follow.
    """
    items = [*_which(comparison), *_drivers(comparison), *findings]
    return Section("In short", "summary", (Items(tuple(items)),))


def _which(comparison: Comparison) -> list[tuple[str, str]]:
    """Which model, and how sure that is."""
    fit = comparison.fit
    counted = fit[fit["converged"]]
    if len(fit) == 1:
        return [("The model.", comparison.verdict)]
    if len(counted) < 2:
        text = "Fewer than two of the models converged, so there is nothing to compare yet."
        return [("Which model.", text)]
    ranking: list[Any] = list(counted.sort_values("aic", kind="stable").index)
    one, other = ranking[:2]
    tests = comparison.tests
    row = tests[tests["first"].isin([one, other]) & tests["second"].isin([one, other])].iloc[0]
    aic = counted["aic"].sort_values(kind="stable").tolist()
    gap = f"AIC {aic[0]:,.1f} against {aic[1]:,.1f}"
    lower = "the lower is the better"
    if row["test"] == "none":
        which = f"The lowest AIC is that of {one} ({gap}; {lower}), but no test applies here."
    elif row["preferred"] is None:
        which = (
            f"These data do not settle it. The lowest AIC is that of {one} ({gap}; {lower}), but "
            f"its difference from {other} is within what chance alone produces."
        )
    elif row["preferred"] == one:
        which = f"The best description of these choices is {one} ({gap}; {lower})."
    else:
        which = (
            f"The lowest AIC is that of {one} ({gap}; {lower}), but the test keeps to the simpler "
            f"{row['preferred']}: what {one} adds could be chance."
        )
    found = [("Which model.", which), ("How sure.", _sure(comparison, row))]
    if comparison.cross_validation is not None:
        sentence = held_out_sentence(comparison.cross_validation, str(one), str(other))
        found.append(("People left out.", sentence))
    return found


def _sure(comparison: Comparison, row: pd.Series[Any]) -> str:
    """Sampling error and simulation error of the choice between two models."""
    if row["test"] == "none":
        text = str(row["outcome"])
    else:
        name = "Vuong's test" if row["test"] == "Vuong" else "A likelihood-ratio test"
        text = (
            f"{name} of {row['first']} against {row['second']} gives "
            f"{p_text(float(str(row['pvalue'])))}. {row['outcome']}"
        )
    pair = [comparison._fits[str(row[end])] for end in ("first", "second")]
    noise = [simulation_error(fit) for fit in pair]
    if not any(noise):
        return f"{text} Neither was simulated, so other draws could not change this."
    if row["resolved"] and not row["simulation_matters"]:
        return f"{text} The error of simulation is too small to change this."
    return f"{text} The error of simulation matters: {row['resolution'] or row['note']}".rstrip()


def _drivers(comparison: Comparison) -> list[tuple[str, str]]:
    """Sign and clarity of the generic coefficients, over the models that converged."""
    fits = {
        name: fit for name, fit in comparison._fits.items() if comparison.fit.at[name, "converged"]
    }
    names: list[str] = []
    for fit in fits.values():
        names += [key for key, kind in utility_kinds(fit).items() if kind == "generic"]
    sentences = []
    for key in list(dict.fromkeys(names))[:MOST_DRIVERS]:
        known = [
            float(fit.tvalues[key])
            for fit in fits.values()
            if key in fit.params.index and key not in fixed_names(fit)
        ]
        z = np.array([value for value in known if np.isfinite(value)])
        if len(z):
            sentences.append(_driver(key, z))
    return [("What drives the choices.", " ".join(sentences))] if sentences else []


def _driver(name: str, z: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> str:
    """One sentence about a coefficient, from its z in each model."""
    low, high = f"{z.min():.1f}", f"{z.max():.1f}"
    shown = f"z = {low}" if low == high else f"z from {low} to {high}"
    if (np.abs(z) < CLEAR).all():
        return f"No effect of {name} shows ({shown})."
    if (z < 0).all() or (z > 0).all():
        how = "less" if z[0] < 0 else "more"
        sure = "clearly" if (np.abs(z) >= CLEAR).all() else "though not clearly in every model"
        return f"A higher {name} makes an alternative {how} attractive, {sure} ({shown})."
    return f"The models disagree about the sign of {name} ({shown})."
