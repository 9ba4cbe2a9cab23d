"""Read a case file: fetch its data, prepare them, and hand them to choicekit.

A case file is data, not code: the README of this folder lists every key. Everything a case may ask
for is in this file, so a new case needs no Python unless it needs a new kind of preparation.
"""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
# The terms of some data sets forbid shipping them, so the tests read them where they are.
SHARED = Path(os.environ.get("CHOICEKIT_SHARED", HERE.parents[2] / "shared")) / "data"


class MissingDataError(Exception):
    """The data of a case are not on this machine: a reason to skip, never to fail."""


def read_cases() -> list[dict[str, Any]]:
    """All case files of this folder, in the order of their names."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(HERE.glob("*.json"))]


def load(recipe: dict[str, Any]) -> pd.DataFrame:
    """The data frame a case's `data` entry describes: the source, then its steps in order."""
    source, _, name = recipe["from"].partition(":")
    if source == "statsmodels":
        frame = importlib.import_module(f"statsmodels.datasets.{name}").load_pandas().data
    elif source == "shared":
        path = SHARED / f"{name}.csv.gz"
        if not path.exists():
            raise MissingDataError(f"{path} is absent (data we may not ship; see README.md)")
        frame = pd.read_csv(path)
    else:
        raise ValueError(f"unknown source {source!r}: one of 'shared', 'statsmodels'")
    for step in recipe.get("steps", []):
        ((verb, argument),) = step.items()
        frame = STEPS[verb](frame, argument)
    return frame.reset_index(drop=True)


def assign(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """New or replaced columns, each a pandas expression of the columns before it."""
    for name, expression in columns.items():
        frame = frame.assign(**{name: frame.eval(expression, engine="python")})
    return frame


def label(frame: pd.DataFrame, columns: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Replace codes by labels; JSON keys are text, so codes are compared as text of integers."""
    for name, labels in columns.items():
        codes = frame[name].astype("int64").astype(str)
        frame = frame.assign(**{name: codes.map(labels)})
    return frame


def keep_cases(frame: pd.DataFrame, rule: dict[str, str]) -> pd.DataFrame:
    """All rows of the cases in which at least one row satisfies the query `any`."""
    kept = frame.query(rule["any"], engine="python")[rule["by"]]
    return frame[frame[rule["by"]].isin(kept)]


STEPS = {
    "query": lambda frame, text: frame.query(text, engine="python"),
    "rename": lambda frame, names: frame.rename(columns=names),
    "assign": assign,
    "label": label,
    "keep_cases": keep_cases,
}


def reader(read: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Form ("long" or "wide") and the arguments of `ChoiceData.from_long` / `from_wide`.

    In the wide form `varying` and `available` may give one pattern such as "price.{alt}" for all
    alternatives in place of a column for each.
    """
    arguments = dict(read)
    form = arguments.pop("form")
    if form == "wide":
        labels = list(arguments["alternatives"])
        arguments["varying"] = {
            name: spread(columns, labels) for name, columns in arguments.get("varying", {}).items()
        }
        if "available" in arguments:
            arguments["available"] = spread(arguments["available"], labels)
    return form, arguments


def spread(columns: str | dict[str, Any], labels: list[Any]) -> dict[Any, Any]:
    """{label: column}, from a pattern with {alt} or as given."""
    if isinstance(columns, str):
        return {alt: columns.format(alt=alt) for alt in labels}
    return columns


def restate(
    parameters: dict[str, Any], values: pd.Series, cov: pd.DataFrame
) -> tuple[pd.Series, pd.Series]:
    """Our estimates in the reference's parametrisation: (estimates, standard errors) by its names.

    `parameters` maps each reference name to our name, or to {"expression", "of": {symbol: our
    name}, "reason"} where units, signs or normalisation differ. Standard errors follow by the
    delta method with central differences (exact for the linear expressions).
    """
    estimates, errors = {}, {}
    for theirs, ours in parameters.items():
        rule = {"expression": "x", "of": {"x": ours}} if isinstance(ours, str) else ours
        names = list(rule["of"].values())
        at = values[names].to_numpy(float)
        slope = np.zeros(len(names))
        for i, step in enumerate(1e-5 * np.maximum(np.abs(at), 1e-3)):
            shift = np.eye(len(names))[i] * step
            slope[i] = (evaluate(rule, at + shift) - evaluate(rule, at - shift)) / (2.0 * step)
        estimates[theirs] = evaluate(rule, at)
        errors[theirs] = float(np.sqrt(slope @ cov.loc[names, names].to_numpy(float) @ slope))
    return pd.Series(estimates), pd.Series(errors)


def our_names(parameters: dict[str, Any]) -> set[str]:
    """All our parameter names a case's `parameters` uses."""
    ours = [[p] if isinstance(p, str) else list(p["of"].values()) for p in parameters.values()]
    return {name for names in ours for name in names}


def evaluate(rule: dict[str, Any], values: np.ndarray) -> float:
    """The rule's expression with its symbols replaced by numbers."""
    symbols = dict(zip(rule["of"], map(float, values), strict=True))
    return float(pd.eval(rule["expression"], engine="python", local_dict=symbols))
