"""Multinomial probit, unstructured covariance, in choicekit, from DataFrame to standard errors."""

from typing import Any

import common
import pandas as pd

import choicekit as ck


def fit(frame: pd.DataFrame) -> dict[str, Any]:
    names = [c for c in frame.columns if c.startswith("x")]
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    base, *others = data.alternatives
    model = ck.probit(f"choice ~ {' + '.join(names)}", data, base=base, covariance="unstructured")
    results = model.fit(seed=1)
    order = [*names, *(f"asc[{alt}]" for alt in others)]
    simulation = results.simulation
    return {
        "llf": float(results.llf),
        "estimates": [float(b) for b in results.params[order]],
        "errors": [float(s) for s in results.bse[order]],
        "covariance": results.error_covariance().to_numpy()[1:, 1:].tolist(),
        "parameters": len(results.params),
        "draws": simulation.draws if simulation else 0,
        "converged": bool(results.convergence.converged),
        "method": simulation.method if simulation else "exact",
        "llf_se": float(simulation.llf_se) if simulation else 0.0,
    }


if __name__ == "__main__":
    common.measure(fit, f"choicekit {ck.__version__}")
