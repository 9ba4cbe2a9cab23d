"""The comparison in two or three plain sentences."""

from __future__ import annotations

from typing import Any

import pandas as pd

from choicekit.post.tests import p_text
from choicekit.report.cross_validation import CrossValidation, held_out_sentence
from choicekit.report.format import fixed_point

__all__ = ["verdict"]

CLOSE = 0.005


def verdict(
    fit: pd.DataFrame,
    tests: pd.DataFrame,
    models: pd.DataFrame,
    unseen: CrossValidation | None = None,
) -> str:
    """Say which model fits better, by how much and how surely, and what that leaves open.

    Parameters
    ----------
    fit, tests, models
        The tables of `choicekit.report.facts`.
    unseen
        Scores of people left out, where the models were cross-validated.
    """
    stray = list(fit.index[~fit["converged"]])
    sentences = [
        f"{name} did not converge, so its numbers are not estimates and no comparison with it "
        "counts."
        for name in stray
    ]
    if len(fit) == 1:
        sentences.append(_alone(fit))
        return " ".join(sentences)
    learned = fit.index[fit["aic"].isna() & fit["llf"].notna()]
    counted = fit.drop(index=learned.union(stray))
    leaders = list(counted.sort_values("aic", kind="stable").index[:2])
    if len(counted) > 1:
        sentences += [_better(counted, tests), _sureness(tests, leaders)]
    if len(learned):
        sentences.append(_with_networks(list(learned), unseen is not None))
    if unseen is not None and (len(learned) or len(leaders) < 2):
        leaders = list(unseen.totals["log_likelihood"].nlargest(2).index)
    if unseen is None and len(counted) < 2:
        return " ".join(sentences)
    if unseen is None:
        sentences.append(
            "This compares how well the models fit these cases; it shows neither that one is right "
            "nor how they would predict others."
        )
    else:
        sentences.append(held_out_sentence(unseen, *leaders))
        sentences.append("Neither shows that one of them is right.")
    if models["model"].nunique() > 1:
        sentences.append(
            "Raw coefficients of different error laws are in different units: compare the ratios, "
            "or those on the common scale."
        )
    return " ".join(sentences)


def _with_networks(names: list[str], judged: bool) -> str:
    """Say that likelihoods in sample tell nothing about these models."""
    one = len(names) == 1
    cure = "" if judged else " Only people left out can tell, compare(..., folds=5)."
    return (
        f"{' and '.join(names)} {'holds a network' if one else 'hold networks'}: the "
        "log-likelihood in sample shows how long training went on, not how good the model "
        f"is.{cure}"
    )


def _alone(fit: pd.DataFrame) -> str:
    """Describe the fit of a single model."""
    name, row = fit.index[0], fit.iloc[0]
    text = (
        f"{name} raises the log-likelihood from {row['llnull']:,.2f} with equal shares to "
        f"{row['llf']:,.2f} (rho-squared {fixed_point(row['rho2'], 3)})"
    )
    if row["llconst"] == row["llconst"]:
        text += f"; constants alone reach {row['llconst']:,.2f}"
    return text + ". There is no other model here to compare it with."


def _pair(tests: pd.DataFrame, names: list[str]) -> pd.Series[Any]:
    """The row of two models."""
    return tests[tests["first"].isin(names) & tests["second"].isin(names)].iloc[0]


def _better(fit: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Say which model has the higher likelihood and which the criteria prefer."""
    ordered = fit.sort_values("llf", ascending=False, kind="stable")
    best, second = ordered.index[:2]
    pair = _pair(tests, [best, second])
    gap = float(ordered["llf"].iloc[0] - ordered["llf"].iloc[1])
    more = int(ordered["parameters"].iloc[0] - ordered["parameters"].iloc[1])
    size = (
        "as many parameters"
        if more == 0
        else f"{abs(more)} {'more' if more > 0 else 'fewer'} "
        f"parameter{'' if abs(more) == 1 else 's'}"
    )
    if gap < CLOSE:
        text = f"{best} and {second} fit equally well ({best} has {size})"
    elif not pair["resolved"]:
        text = (
            f"{best} and {second} fit equally well as far as the draws can tell ({best} has a "
            f"log-likelihood {gap:,.2f} higher with {size})"
        )
    else:
        others = f"that of {second}" if len(fit) == 2 else f"the next one's, {second},"
        text = (
            f"{best} fits best: its log-likelihood is {gap:,.2f} above {others} with {size}"
            if len(fit) > 2
            else f"{best} fits better: its log-likelihood is {gap:,.2f} above {others} with {size}"
        )
    text = f"{text}; {_criteria(fit)}."
    return text if pair["resolved"] or gap < CLOSE else f"{text} {pair['resolution']}"


def _criteria(fit: pd.DataFrame) -> str:
    """Say which models AIC and BIC prefer."""
    leads = []
    for column in ("aic", "bic"):
        ordered = fit[column].sort_values(kind="stable")
        leads.append((str(ordered.index[0]), float(ordered.iloc[1] - ordered.iloc[0])))
    if max(lead for _, lead in leads) < 2 * CLOSE:
        return "AIC and BIC are equal"
    (aic, a), (bic, b) = leads
    if aic == bic and abs(a - b) < CLOSE:
        return f"AIC and BIC prefer {aic} by {a:,.2f}"
    if aic == bic:
        return f"AIC and BIC both prefer {aic}, by {a:,.2f} and {b:,.2f}"
    return f"AIC prefers {aic} by {a:,.2f}, BIC prefers {bic} by {b:,.2f}"


def _sureness(tests: pd.DataFrame, leaders: list[str]) -> str:
    """Report the test between the two models which lead by AIC."""
    pair = _pair(tests, leaders)
    if pair["test"] == "Vuong":
        name, figures = "Vuong's test", f"z = {pair['statistic']:.2f}"
    else:
        name, figures = "Likelihood-ratio test", f"chi2({pair['df']}) = {pair['statistic']:.2f}"
    if pair["test"] == "none":
        return f"{pair['outcome']} {pair['note']}"
    known = pair["statistic"] == pair["statistic"]
    shown = f" ({figures}, {p_text(pair['pvalue'])})" if known else ""
    text = f"{name}{shown}: {pair['outcome']}"
    if pair["note"]:
        text += f" {pair['note']}"
    elif pair["simulation_se"] > 0 and not pair["simulation_matters"]:
        text += (
            f" Simulation error (standard error {pair['simulation_se']:.2g}) is too small to "
            "change this."
        )
    return text
