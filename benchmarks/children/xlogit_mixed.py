"""Mixed logit in xlogit, from a DataFrame to standard errors.

    python xlogit_mixed.py FOLDER DRAWS independent [options of common.measure]

xlogit has no correlated coefficients.
"""

import sys
from importlib.metadata import version
from typing import Any

import common
import pandas as pd
from xlogit import MixedLogit

DRAWS, _ = int(sys.argv.pop(2)), sys.argv.pop(2)


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    model = MixedLogit()
    model.fit(
        X=frame[names],
        y=frame["choice"],
        varnames=names,
        alts=frame["alt"],
        ids=frame["case"],
        panels=frame["person"],
        randvars=dict.fromkeys(names, "n"),
        n_draws=DRAWS,
        verbose=0,
    )
    found = dict(zip(model.coeff_names, zip(model.coeff_, model.stderr, strict=True), strict=True))
    order = [*names, *(f"sd.{name}" for name in names)]
    return {
        "llf": float(model.loglikelihood),
        # Its standard deviations may come out negative: the likelihood does not see the sign.
        "estimates": [
            float(abs(found[n][0]) if n.startswith("sd.") else found[n][0]) for n in order
        ],
        "errors": [float(found[name][1]) for name in order],
        "converged": bool(model.convergence),
    }


if __name__ == "__main__":
    common.measure(fit, f"xlogit {version('xlogit')}", common.with_people)
