"""Mixed logit in choicekit, from a DataFrame to standard errors.

python choicekit_mixed.py FOLDER DRAWS independent|correlated [options of common.measure]
"""

import sys
from typing import Any

import common
import pandas as pd

import choicekit as ck

DRAWS, CORRELATED = int(sys.argv.pop(2)), sys.argv.pop(2) == "correlated"


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", person="person")
    mixing = ck.RandomCoefficients(
        dict.fromkeys(names, "normal"), correlated=CORRELATED, draws=DRAWS
    )
    results = ck.logit(f"choice ~ {' + '.join(names)} | 0", data, mixing=mixing).fit()
    order = names if CORRELATED else [*names, *(f"sd[{name}]" for name in names)]
    return {
        "llf": float(results.llf),
        "llf_se": float(results.simulation.llf_se),
        "estimates": [float(b) for b in results.params[order]],
        "errors": [float(s) for s in results.bse[order]],
        "converged": bool(results.convergence.converged),
    }


if __name__ == "__main__":
    common.measure(fit, f"choicekit {ck.__version__}", common.with_people)
