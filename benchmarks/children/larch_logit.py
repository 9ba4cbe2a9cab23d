"""Conditional logit in larch, from a DataFrame to standard errors."""

from importlib.metadata import version
from typing import Any

import common
import larch as lx
import pandas as pd
from larch import PX


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    data = lx.Dataset.construct.from_idca(frame.set_index(["case", "alt"]))
    model = lx.Model(data)
    model.utility_ca = sum(PX(name) for name in names)
    model.choice_ca_var = "choice"
    found = model.maximize_loglike(quiet=True)
    model.calculate_parameter_covariance()
    order = [list(model.pnames).index(name) for name in names]
    return {
        "llf": float(found["loglike"]),
        "estimates": [float(model.pvals[i]) for i in order],
        "errors": [float(model.pstderr[i]) for i in order],
        "converged": "success" in found["message"],
    }


if __name__ == "__main__":
    common.measure(fit, f"larch {version('larch')}")
