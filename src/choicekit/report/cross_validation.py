"""Models judged by people they have not seen: cross-validation, its numbers and its sentence.

Axes: C cases, F folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from choicekit.post.accuracy import by_case
from choicekit.post.base import Fitted, case_weights
from choicekit.post.calibration import calibration_curve
from choicekit.post.cases import case_positions, require_same_cases
from choicekit.post.held_out import HeldOut, fold_codes, held_out, mean_difference
from choicekit.post.tests import LEVEL, p_text
from choicekit.report.export import Table, html_page, text_table, wrapped
from choicekit.report.facts import model_labels
from choicekit.report.format import estimate, fixed_point, loglik, probability

__all__ = ["CrossValidation", "cross_validate", "cross_validation_tables", "held_out_sentence"]

SAME = 0.005  # of the log-likelihood
IMPOSSIBLE = -300.0  # a log-probability; what is less likely does not happen
MOST_OF_IT = 0.25  # of a difference; a single unit that makes more of it is mentioned
SCORES = {
    "log_score": "log-likelihood a case",
    "log_score_cases": "the same, each case alone",
    "brier": "Brier score",
    "hit": "hit rate",
}


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What models say of people who were left out when they were estimated.

    ``print`` it; notebooks show it as HTML.

    Attributes
    ----------
    names
        What the models are called here.
    folds
        Fold of each case, 1..F, by case id.
    seed
        Of the division into folds.
    scores
        A row a model and fold: ``model``, ``fold``, ``cases``, ``log_likelihood`` (of the people
        left out), ``log_score`` (the same a case), ``log_score_cases`` (each case by itself: the
        same unless tastes differ between people with several cases), ``brier``, ``hit`` (share of
        cases whose likeliest alternative was chosen), ``converged``, ``message``.
    totals
        A row a model, over all folds: the same scores, ``in_sample`` (log-likelihood a case of the
        fit on all cases) and ``refits`` that converged.
    differences
        A row a pair and score: ``first``, ``second``, ``score``, ``difference`` (first less
        second), ``std_error`` (clustered by person), ``z``, ``pvalue``, ``preferred`` (a name, or
        None where the difference may be chance at the 5% level), ``units`` (independent people or
        cases), ``largest`` (what the unit that differs most adds to the difference).
    held_out
        By model: probabilities of all cases and estimates without each fold, see
        `choicekit.post.held_out.HeldOut`.
    warnings
        Refits that did not converge and choices held to be impossible, in sentences.
    """

    names: tuple[str, ...]
    folds: pd.Series[Any]
    seed: int
    scores: pd.DataFrame
    totals: pd.DataFrame
    differences: pd.DataFrame
    held_out: dict[str, HeldOut]
    sample: str
    warnings: tuple[str, ...]

    @property
    def n_folds(self) -> int:
        """F."""
        return int(self.folds.max())

    def probabilities(self, name: str) -> pd.DataFrame:
        """Held-out probabilities of one model, cases x alternatives, in the order of its data."""
        found = self.held_out[name].forecast
        return pd.DataFrame(found.probabilities, columns=list(found.labels))

    def calibration_curve(
        self, bins: int = 10, strategy: str = "quantile", pooled: bool = False, alpha: float = 0.05
    ) -> pd.DataFrame:
        """Held-out probabilities against shares chosen, as ``fit.calibration_curve`` has them.

        A column ``model`` comes first.
        """
        parts = {
            name: calibration_curve(found.forecast, bins, strategy, pooled, alpha)
            for name, found in self.held_out.items()
        }
        table = pd.concat(parts, names=["model"]).reset_index(level="model")
        return table.reset_index(drop=True)

    def __str__(self) -> str:
        """Text for a terminal."""
        warnings = [wrapped(f"WARNING: {text}", indent="  ") for text in self.warnings]
        tables = [text_table(table) for table in cross_validation_tables(self)]
        return "\n\n".join([wrapped(self.sample), *warnings, *tables])

    def _repr_html_(self) -> str:
        """Fragment for notebooks."""
        return html_page(
            "report.html.j2",
            title="Cross-validation",
            sample=self.sample,
            warnings=self.warnings,
            verdict="",
            models={},
            tables=cross_validation_tables(self),
        )

    def __repr__(self) -> str:
        return f"<CrossValidation of {', '.join(self.names)}, {self.n_folds} folds>"


def cross_validate(
    *results: Fitted, folds: int = 10, seed: int = 1, names: Sequence[str] | None = None
) -> CrossValidation:
    """Judge models by people they were not estimated on.

    The people (the cases, where people are not known) are divided into folds at random, the same
    for all models. Each model is estimated again without each fold, from its estimates on, and
    scored on the fold.

    Parameters
    ----------
    *results
        Fits on the same cases.
    folds
        Their number F; as many as people leaves out one at a time.
    seed
        Of the division.
    names
        What to call the models; by default after their error laws.

    Raises
    ------
    DataError
        The fits rest on different cases or choices.
    SpecificationError
        No fits, or more folds than people.
    IdentificationError
        What is left without some fold does not identify a model's coefficients.

    Examples
    --------
    >>> import choicekit as ck
    >>> data = ck.ChoiceData.from_long(
    ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    ... )
    >>> small = ck.logit("choice ~ gc | 1", data, base="car").fit()
    >>> large = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
    >>> found = ck.cross_validate(small, large, folds=5, names=["small", "large"])
    >>> found.differences.loc[0, "preferred"]
    'large'
    """
    labels = model_labels(results, names)
    for fit, label in zip(results[1:], labels[1:], strict=True):
        require_same_cases(results[0], fit, (labels[0], label))
    # people may be known to some of the fits only
    known = [fit for fit in results if fit.model.data.layout.person is not None]
    lead = known[0] if known else results[0]
    layout = lead.model.data.layout
    codes = fold_codes(layout, folds, seed)
    found, tables = {}, {}
    for label, fit in zip(labels, results, strict=True):
        place = case_positions(lead, fit)
        own = np.empty_like(codes)
        own[place] = codes
        found[label] = held_out(fit, own, label)
        tables[label] = by_case(found[label].forecast).iloc[place].reset_index(drop=True)
    weights = case_weights(lead)
    fits = dict(zip(labels, results, strict=True))
    ids = lead.model.data.case_ids
    return CrossValidation(
        names=tuple(labels),
        folds=pd.Series(codes + 1, index=ids, name="fold"),
        seed=seed,
        scores=_fold_scores(tables, found, codes, weights),
        totals=_totals(tables, found, fits, weights),
        differences=_differences(tables, found, weights, layout.person),
        held_out=found,
        sample=_sample(layout, int(folds), seed),
        warnings=tuple(
            text
            for label, part in found.items()
            for text in (_warning(label, part), _impossible(label, tables[label], ids))
            if text
        ),
    )


def _failed(part: HeldOut) -> int:
    return int((~part.refits["converged"]).sum())


def _warning(name: str, part: HeldOut) -> str:
    """Say which refits of a model did not converge and why the first did not; may be empty."""
    if not _failed(part):
        return ""
    failed = part.refits.index[~part.refits["converged"]]
    which = ", ".join(map(str, failed))
    return (
        f"{name} did not converge without fold{'' if len(failed) == 1 else 's'} {which} "
        f"({part.refits.loc[failed[0], 'message']}); its scores there are those of where the "
        "search ended."
    )


def _impossible(name: str, table: pd.DataFrame, ids: pd.Index[Any]) -> str:
    """Say that a model excludes what was chosen, which no log score survives; may be empty."""
    logp = table["log_score"].to_numpy()
    never = np.flatnonzero(~(logp > IMPOSSIBLE))
    if not len(never):
        return ""
    which = ", ".join(str(ids[c]) for c in never[:5]) + (", ..." if len(never) > 5 else "")
    return (
        f"{name} all but excludes what was chosen in {len(never):,} of the cases left out (case "
        f"{which}; log-probability {logp[never].min():.3g}): its log score is made by these alone. "
        "Compare the Brier scores."
    )


def _sample(layout: Any, folds: int, seed: int) -> str:
    """Describe the folds in one sentence."""
    n, cases = layout.n_people, f"{layout.n_cases:,} cases"
    if folds == n:
        how = "each left out in turn"
    else:
        how = f"in {folds} folds of {n // folds:,}" + (
            f" or {n // folds + 1:,}" if n % folds else ""
        )
    if layout.person is not None:
        return f"Cross-validation: {n:,} people with {cases}, {how} people (seed {seed})"
    return f"Cross-validation: {cases}, {how} (seed {seed})"


def _scores(table: pd.DataFrame, weights: Any) -> dict[str, float]:
    """Weighted sum of the log scores, and the means of all."""
    # 0 weights must not meet minus infinity
    used = weights > 0.0
    own, w = table[used], weights[used]
    return {
        "log_likelihood": float(w @ own["log_score"].to_numpy()),
        **{name: float(np.average(own[name], weights=w)) for name in SCORES},
    }


def _fold_scores(
    tables: dict[str, pd.DataFrame], found: dict[str, HeldOut], codes: Any, weights: Any
) -> pd.DataFrame:
    """A row a model and fold."""
    rows = []
    for name, table in tables.items():
        for fold, refit in enumerate(found[name].refits.itertuples()):
            inside = codes == fold
            rows.append(
                {
                    "model": name,
                    "fold": fold + 1,
                    "cases": int(inside.sum()),
                    **_scores(table[inside], weights[inside]),
                    "converged": bool(refit.converged),
                    "message": refit.message,
                }
            )
    return pd.DataFrame(rows)


def _totals(
    tables: dict[str, pd.DataFrame],
    found: dict[str, HeldOut],
    fits: dict[str, Fitted],
    weights: Any,
) -> pd.DataFrame:
    """A row a model."""
    rows = [
        {
            **_scores(table, weights),
            "in_sample": fits[name].llf / float(weights.sum()),
            "refits": len(found[name].refits) - _failed(found[name]),
        }
        for name, table in tables.items()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(tables), name="name"))


def _differences(
    tables: dict[str, pd.DataFrame], found: dict[str, HeldOut], weights: Any, person: Any
) -> pd.DataFrame:
    """A row a pair and score."""
    rows = []
    joint = any(part.forecast.joint for part in found.values())
    for one, other in combinations(tables, 2):
        for score in SCORES:
            if score == "log_score_cases" and not joint:
                continue
            gap = (tables[one][score] - tables[other][score]).to_numpy()
            test = mean_difference(gap, weights, person)
            better = one if (test.value > 0.0) != (score == "brier") else other
            rows.append(
                {
                    "first": one,
                    "second": other,
                    "score": score,
                    "difference": test.value,
                    "std_error": test.std_error,
                    "z": test.z,
                    "pvalue": test.pvalue,
                    "preferred": better if test.pvalue < LEVEL else None,
                    "units": test.units,
                    "largest": test.largest,
                }
            )
    columns = ["first", "second", "score", "difference", "std_error", "z", "pvalue"]
    table = pd.DataFrame(rows, columns=[*columns, "preferred", "units", "largest"])
    # assigned apart, or pandas takes the column for text and None for NaN
    table["preferred"] = pd.Series([row["preferred"] for row in rows], dtype=object)
    return table


def cross_validation_tables(found: CrossValidation) -> list[Table]:
    """The scores of the models, and the differences between each two of them."""
    totals = found.totals
    shown = [s for s in SCORES if s != "log_score_cases" or _is_joint(found)]
    rows = [
        ("Log-likelihood", *map(loglik, totals["log_likelihood"])),
        *((f"{_label(s)}", *(fixed_point(v, 4) for v in totals[s])) for s in shown),
        ("In sample: log-likelihood a case", *(fixed_point(v, 4) for v in totals["in_sample"])),
        ("Refits converged", *(f"{n} of {found.n_folds}" for n in totals["refits"])),
    ]
    note = "Of people left out. The Brier score lies between 0 and 2; lower is better."
    tables = [Table("Out of sample", ("", *found.names), tuple(rows), note)]
    if len(found.differences):
        tables.append(_difference_table(found))
    return tables


def _is_joint(found: CrossValidation) -> bool:
    return any(part.forecast.joint for part in found.held_out.values())


def _label(score: str) -> str:
    return SCORES[score][:1].upper() + SCORES[score][1:]


def _difference_table(found: CrossValidation) -> Table:
    """Differences between each two models."""
    rows: list[tuple[str, ...]] = []
    for row in found.differences.to_dict("records"):
        heading = (f"{row['first']} less {row['second']}",)
        if heading not in rows:
            rows.append(heading)
        rows.append(
            (
                f"  {_label(row['score'])}",
                estimate(row["difference"], row["std_error"]),
                estimate(row["std_error"], row["std_error"]),
                fixed_point(row["z"], 2),
                probability(row["pvalue"]),
                "-" if row["preferred"] is None else str(row["preferred"]),
            )
        )
    units = int(found.differences["units"].iloc[0])
    who = "cases" if units == len(found.folds) else "people"
    note = (
        f"Paired, over {units:,} independent {who}, with the estimates taken as given. A dash: the "
        "difference may be chance at the 5% level."
    )
    header = ("", "difference", "std err", "z", "p", "preferred")
    return Table("Differences out of sample", header, tuple(rows), note)


def held_out_sentence(found: CrossValidation, one: str, other: str) -> str:
    """Say which of two models foretells people it has not seen better, and how surely."""
    table = found.differences
    pair = table[table["first"].isin([one, other]) & table["second"].isin([one, other])]
    row, brier = (pair[pair["score"] == score].iloc[0] for score in ("log_score", "brier"))
    first, second = str(row["first"]), str(row["second"])
    where = f"Out of sample ({found.n_folds}-fold cross-validation)"
    logp = {name: found.held_out[name].forecast.logp for name in (first, second)}
    sure = [name for name, own in logp.items() if not own.min() > IMPOSSIBLE]
    if sure:
        return (
            f"{where} {' and '.join(sure)} all but {'exclude' if sure[1:] else 'excludes'} choices "
            "that were made, so the log-likelihoods cannot be compared; by the Brier score "
            f"{brier['preferred'] or 'neither'} predicts better ({p_text(brier['pvalue'])})."
        )
    total = abs(float(np.subtract(*found.totals.loc[[first, second], "log_likelihood"])))
    if total < SAME:
        return f"{where} {first} and {second} predict equally well."
    better, worse = (first, second) if row["difference"] > 0.0 else (second, first)
    text = (
        f"{where} the log-likelihood of {better} is {total:,.2f} above that of {worse}, "
        f"{abs(float(row['z'])):.1f} standard errors ({p_text(row['pvalue'])})"
    )
    share = float(row["largest"] / row["difference"])
    if share > MOST_OF_IT:
        who = "case" if row["units"] == len(found.folds) else "person"
        text += f", of which one {who} alone makes {total * share:,.2f}"
    if row["preferred"] is not None:
        return f"{text}: {better} predicts better."
    text += ": which of the two predicts better is not settled."
    if brier["preferred"] is not None:
        text += (
            f" The Brier score, which single cases sway less, prefers {brier['preferred']} "
            f"({p_text(brier['pvalue'])})."
        )
    return text
