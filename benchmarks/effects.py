"""Elasticities of all columns and diversion ratios, both with standard errors, beside the fit.

Conditional logit, 100,000 cases x 4 alternatives; probit with unstructured covariance, 5,000 x 4.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

import simulate
import timing

JOBS = [("logit", 100_000, 1000), ("probit", 5000, 300)]


def main() -> None:
    args = timing.arguments(__doc__, peers=False)
    print(timing.machine())
    rows = []
    for verb, large, tiny in JOBS:
        cases = tiny if args.tiny else large
        if verb == "probit":
            truth = simulate.probit_truth(4)
        else:
            truth = simulate.Truth(np.array([1.0, -0.5, 0.8, -0.3, 0.1, 0.2, -0.1]), None)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            simulate.write_choices(folder, cases, 4, truth, constants=True)
            found = timing.run("choicekit_effects.py", folder, verb, "--repeat", args.repeat)
        middle = {what: statistics.median(spent) for what, spent in found["seconds"].items()}
        rows.append(
            [
                f"{verb}, {cases:,} cases, {found['columns']} columns",
                f"{middle['fit']:.2f}",
                f"{middle['elasticities']:.2f}",
                f"{middle['elasticities'] / middle['fit']:.1f}",
                f"{middle['diversion']:.2f}",
                f"{middle['diversion'] / middle['fit']:.1f}",
            ]
        )
    header = ["median seconds", "fit", "elasticities", "/ fit", "diversion", "/ fit"]
    timing.print_table(header, rows)


if __name__ == "__main__":
    main()
