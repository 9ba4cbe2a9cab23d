"""Conditional logit in xlogit, from a DataFrame to standard errors."""

from importlib.metadata import version
from typing import Any

import common
import pandas as pd
from xlogit import MultinomialLogit


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    model = MultinomialLogit()
    model.fit(
        X=frame[names],
        y=frame["choice"],
        varnames=names,
        alts=frame["alt"],
        ids=frame["case"],
        verbose=0,
    )
    return {
        "llf": float(model.loglikelihood),
        "estimates": [float(b) for b in model.coeff_],
        "errors": [float(s) for s in model.stderr],
        "converged": bool(model.convergence),
    }


if __name__ == "__main__":
    common.measure(fit, f"xlogit {version('xlogit')}")
