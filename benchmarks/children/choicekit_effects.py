"""Seconds of a fit and of the elasticities of all its columns, with standard errors."""

import argparse
import json
import time
from pathlib import Path

import common

import choicekit as ck


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("verb", choices=["logit", "probit"])
    options.add_argument("--repeat", type=int, default=5)
    args = options.parse_args()
    frame = common.read_long(args.folder, common.labels("text", 4), None)
    names = [c for c in frame.columns if c.startswith("x")]
    formula = f"choice ~ {' + '.join(names)}"
    seconds: dict[str, list[float]] = {"fit": [], "elasticities": [], "diversion": []}
    rows = 0
    for run in range(args.repeat + 1):  # the first compiles or loads kernels
        start = time.perf_counter()
        data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
        fit = getattr(ck, args.verb)(formula, data).fit()
        middle = time.perf_counter()
        rows = len(fit.elasticities())
        last = time.perf_counter()
        fit.diversion()
        end = time.perf_counter()
        if run:
            for what, spent in zip(
                seconds, (middle - start, last - middle, end - last), strict=True
            ):
                seconds[what].append(spent)
    print(json.dumps({"seconds": seconds, "rows": rows, "columns": len(names)}))


if __name__ == "__main__":
    main()
