"""Conditional logit in choicekit, from a DataFrame to standard errors."""

from typing import Any

import common
import pandas as pd

import choicekit as ck


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    results = ck.logit(f"choice ~ {' + '.join(names)} | 0", data).fit()
    return {
        "llf": float(results.llf),
        "estimates": [float(b) for b in results.params[names]],
        "errors": [float(s) for s in results.bse[names]],
        "converged": bool(results.convergence.converged),
    }


if __name__ == "__main__":
    common.measure(fit, f"choicekit {ck.__version__}")
