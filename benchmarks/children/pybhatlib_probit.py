"""Multinomial probit, unstructured covariance, in pybhatlib: its analytic approximation (OVUS).

Rows become columns (the form it reads) outside the measured time. The log-likelihood it reports is
the approximation's; the estimates, restated as ours, let the caller evaluate the exact one.
"""

from importlib.metadata import version
from typing import Any

import common
import numpy as np
import pandas as pd
from pybhatlib.models.mnp import MNPControl, MNPModel

CHOSEN = "chosen_"


def widen(long: pd.DataFrame) -> pd.DataFrame:
    C = long["case"].nunique()
    J = len(long) // C
    wide = {
        f"{name}_{j}": long[name].to_numpy().reshape(C, J)[:, j]
        for name in long.columns
        if name.startswith("x")
        for j in range(J)
    }
    chosen = long["choice"].to_numpy().reshape(C, J)
    return pd.DataFrame({**wide, **{f"{CHOSEN}{j}": chosen[:, j] for j in range(J)}})


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c[:-2] for c in frame.columns if c.endswith("_0") and c.startswith("x")]
    chosen = [c for c in frame.columns if c.startswith(CHOSEN)]
    J = len(chosen)
    spec = {name: {chosen[j]: f"{name}_{j}" for j in range(J)} for name in names}
    for constant in range(1, J):
        spec[f"asc{constant}"] = {chosen[j]: "uno" if j == constant else "sero" for j in range(J)}
    control = MNPControl(iid=False, IID_first=True, se_method="bhhh", verbose=0)
    found = MNPModel(
        data=frame, alternatives=chosen, availability="none", spec=spec, control=control
    ).fit()
    return {
        "llf": float(found.loglik) * len(frame),  # it reports the mean over cases
        "names": list(found.param_names),
        "estimates": [float(b) for b in found.b_original],
        "errors": [float(s) for s in found.se],
        "covariance": np.asarray(found.lambda_hat).tolist(),
        "converged": bool(found.converged),
    }


if __name__ == "__main__":
    common.measure(fit, f"pybhatlib {version('pybhatlib')}", widen)
