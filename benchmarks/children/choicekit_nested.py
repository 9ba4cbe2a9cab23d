"""Nested logit in choicekit, from a DataFrame to standard errors: two nests, two lambdas."""

from typing import Any

import common
import pandas as pd

import choicekit as ck


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    labels = list(data.alternatives)
    half = len(labels) // 2
    errors = ck.Nested({"one": labels[:half], "two": labels[half:]})
    results = ck.ChoiceModel(f"choice ~ {' + '.join(names)} | 0", data, errors).fit()
    order = [*names, "lambda[one]", "lambda[two]"]
    return {
        "llf": float(results.llf),
        "estimates": [float(b) for b in results.params[order]],
        "errors": [float(s) for s in results.bse[order]],
        "converged": bool(results.convergence.converged),
    }


if __name__ == "__main__":
    common.measure(fit, f"choicekit {ck.__version__}")
