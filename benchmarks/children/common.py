"""What every measured process shares; needs numpy and pandas only, so it runs in any environment.

A benchmark writes one folder: X.npy (K,L) float64, one row a covariate; chosen.npy (C,) the code of
the chosen alternative of each case; shape.json. Rows are case by case, alternatives in order. The
measured process reads it, fits, and prints one JSON line: timings, memory, and its answer.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LABELS = ("text", "codes")  # one data frame for everybody; some peers lose seconds over text


def labels(kind: str, J: int) -> list[Any]:
    """Labels of J alternatives in sorted order, the first being the base."""
    if kind == "codes":
        return list(range(1, J + 1))
    return ["bus", "car", "train", "walk"] if J == 4 else [f"mode{j:02}" for j in range(1, J + 1)]


def covariates(K: int) -> list[str]:
    """The columns' names: x1 ... xK."""
    return [f"x{k + 1}" for k in range(K)]


def read_long(folder: Path, labels: list[Any], cases: int | None) -> pd.DataFrame:
    """Columns x1 ... xK, case, alt, choice of the first `cases` cases; `labels` (J,) fill alt.

    The covariates are one block over the array as read, without a copy, so that preparing the
    frame does not decide the peak of memory.
    """
    chosen = np.load(folder / "chosen.npy")[:cases]
    C, J = len(chosen), len(labels)
    X = np.load(folder / "X.npy", mmap_mode=None if cases is None else "r")[:, : C * J]
    frame = pd.DataFrame(X.T, columns=covariates(len(X)), copy=False)
    frame["case"] = np.repeat(np.arange(C), J)
    frame["alt"] = pd.Series(labels).iloc[np.tile(np.arange(J), C)].to_numpy()
    frame["choice"] = (np.tile(np.arange(J), C) == np.repeat(chosen, J)).astype(np.int64)
    return frame


def with_people(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column `person`: so many cases each as shape.json says."""
    per_person = json.loads((Path(sys.argv[1]) / "shape.json").read_text())["per_person"]
    return frame.assign(person=frame["case"] // per_person)


def peak_mb() -> float:
    """Largest resident memory of this process so far, MB (Linux counts in kB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def measure(
    fit: Callable[[pd.DataFrame], dict[str, Any]],
    version: str,
    shape: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame,
) -> None:
    """Fit `--repeat` times and print the JSON line; `shape` makes a peer's own form, untimed.

    With `--warm N`, a fit to the first N cases comes before, so that compilation is not timed.
    `before_mb` is the peak when the data stand ready and nothing has been fitted.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--labels", choices=LABELS, default="text")
    args = parser.parse_args()
    J = json.loads((args.folder / "shape.json").read_text())["alternatives"]
    alternatives = labels(args.labels, J)
    if args.warm:
        fit(shape(read_long(args.folder, alternatives, args.warm)))
    frame = shape(read_long(args.folder, alternatives, None))
    before, seconds, answer = peak_mb(), [], {}
    for _ in range(args.repeat):
        start = time.perf_counter()
        answer = fit(frame)
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "version": version,
                "seconds": seconds,
                "before_mb": before,
                "peak_mb": peak_mb(),
                **answer,
            }
        )
    )
