"""Fits of the probit with unstructured covariance, by number of cases and of alternatives.

::

    python benchmarks/probit_sizes.py [--quick] [--limit SECONDS] [--peers-python P]
        [--cases N ...] [--alternatives J ...]

From the DataFrame to standard errors, each fit in a process of its own after a fit to the first 100
cases; the median of `--repeat` fits where one takes less than ten seconds, else of one. `--quick`
leaves out what takes minutes. Peers, on small problems: pybhatlib (an approximation) in
`--peers-python`, and R's mlogit (GHK, 100 draws) where Rscript and mlogit are found.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import simulate
import timing
from choicekit.numerics.threads import available_threads

sys.path.insert(0, str(timing.CHILDREN))
import common

CASES, ALTERNATIVES = (1000, 5000, 50000), (3, 4, 5, 8, 12)
HEAVY = 50_000 * 5  # cases x alternatives beyond which --quick gives up
PEERS = [(1000, 3), (1000, 4), (1000, 5)]
SCALING = (5000, 5)
WARM, SHORT, MLOGIT_DRAWS = 100, 10.0, 100
HEADER = [
    *("cases", "J", "parameters", "method", "median s", "range (fits)"),
    *("log-likelihood", "its s.e.", "peak MB", "converged"),
]


def arguments() -> Any:
    parser = timing.parser(__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--cases", type=int, nargs="+", default=list(CASES))
    parser.add_argument("--alternatives", type=int, nargs="+", default=list(ALTERNATIVES))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds a process may take")
    return timing.parsed(parser)


def written(folder: Path, C: int, J: int) -> Path:
    """The folder with the data of C cases and J alternatives."""
    place = folder / f"{C}_{J}"
    if not place.exists():
        simulate.write_choices(place, C, J, simulate.probit_truth(J), constants=True)
    return place


def measured(folder: Path, args: Any, count: int | None = None) -> dict[str, Any] | None:
    """What the child says, with the seconds of all its fits; None at the limit.

    `count` is the number of threads, by default all.
    """
    env = {} if count is None else {"CHOICEKIT_NUM_THREADS": str(count)}
    child = ("choicekit_probit.py", folder, "--warm", 0 if args.tiny else WARM, "--repeat")
    try:
        found = timing.run(*child, 1, env=env, limit=args.limit)
        if args.repeat > 1 and found["seconds"][0] < SHORT:
            found["seconds"] = timing.run(*child, args.repeat, env=env, limit=args.limit)["seconds"]
    except subprocess.TimeoutExpired:
        return None
    return found


def row(C: int, J: int, found: dict[str, Any]) -> list[str]:
    """A row of the table under `HEADER`."""
    seconds = found["seconds"]
    draws = found.get("draws", 0)
    method = f"GHK, {draws}" if draws else found.get("method", found["version"])
    spread = f"{min(seconds):.2f}-{max(seconds):.2f} ({len(seconds)})"
    error = f"{found['llf_se']:.1e}" if "llf_se" in found else ""
    return [
        f"{C:,}",
        f"{J}",
        str(found.get("parameters", "")),
        method,
        f"{statistics.median(seconds):.2f}",
        spread,
        f"{found['llf']:.3f}",
        error,
        f"{found['peak_mb']:.0f}",
        "yes" if found["converged"] else "NO",
    ]


def without(C: int, J: int, why: str) -> list[str]:
    return [f"{C:,}", f"{J}", "", why, *([""] * (len(HEADER) - 4))]


def sizes(args: Any, folder: Path) -> dict[tuple[int, int], dict[str, Any]]:
    """Fit every size, print the table as it grows, return what was found."""
    cells = [(C, J) for C in args.cases for J in args.alternatives]
    if args.tiny:
        cells = [(500, 3), (500, 5)]
    rows, done = [], {}
    for C, J in cells:
        if args.quick and C * J > HEAVY:
            rows.append(without(C, J, "skipped (--quick)"))
            continue
        found = measured(written(folder, C, J), args)
        if found is None:
            rows.append(without(C, J, f"skipped (limit of {args.limit:.0f} s)"))
        else:
            rows.append(row(C, J, found))
            done[C, J] = found
        print(f"  {', '.join(cell for cell in rows[-1] if cell)}", file=sys.stderr, flush=True)
    timing.print_table(HEADER, rows)
    return done


def threads(args: Any, folder: Path) -> None:
    """The same fit on one thread and on all."""
    C, J = (500, 5) if args.tiny else SCALING
    place, most = written(folder, C, J), available_threads()
    print(f"\nthreads, {C:,} cases x {J} alternatives")
    medians, llfs = {}, set()
    for count in sorted({1, most}):
        found = measured(place, args, count)
        if found is None:
            print(f"{count}: skipped (limit of {args.limit:.0f} s)")
            return
        medians[count] = statistics.median(found["seconds"])
        llfs.add(found["llf"])
        print(f"{count}: {medians[count]:.2f} s")
    assert len(llfs) == 1, f"the log-likelihood depends on the number of threads: {llfs}"
    print(f"{most} threads are {medians[1] / medians[most]:.2f} times as fast as one")


def peers(args: Any, folder: Path, ours: dict[tuple[int, int], dict[str, Any]]) -> None:
    """Pybhatlib and mlogit on the small sizes."""
    r = None if args.tiny else rscript()
    if r is None and not args.tiny:
        print("\nR with mlogit not found: not measured")
    if not args.peers_python and r is None:
        return
    rows = []
    for C, J in (cell for cell in PEERS if cell in ours):
        place = written(folder, C, J)
        found = [ours[C, J]]
        if args.peers_python:
            options = (place, "--labels", "text", "--warm", WARM)
            found += attempt("pybhatlib_probit.py", *options, run=args.peers_python, args=args)
        if r is not None:
            long = common.read_long(place, common.labels("text", J), None)
            pd.DataFrame(long).to_csv(place / "long.csv", index=False)
            found += attempt("mlogit_probit.R", place, MLOGIT_DRAWS, run=r, args=args)
        for one in found:
            took = statistics.median(one["seconds"])
            K = len(one["estimates"][: 4 + J - 1])
            gap = "" if one is found[0] else f"{timing.largest_gap(ours[C, J], one, K):.2f}"
            ratio = took / statistics.median(ours[C, J]["seconds"])
            rows.append([one["version"], f"{C:,}", f"{J}", f"{took:.2f}", f"{ratio:.0f}", gap])
    print()
    header = ["", "cases", "J", "median s", "times as long", "largest difference, s.e."]
    timing.print_table(header, rows)


def attempt(script: str, *options: Any, run: str, args: Any) -> list[dict[str, Any]]:
    """One fit of a peer, or nothing if it takes longer than the limit."""
    try:
        return [timing.run(script, *options, python=run, limit=args.limit)]
    except subprocess.TimeoutExpired:
        print(f"{script} {options[0].name}: skipped (limit of {args.limit:.0f} s)")
        return []


def rscript() -> str | None:
    """Rscript, if it loads mlogit."""
    program = shutil.which("Rscript")
    if program is None:
        return None
    done = subprocess.run([program, "-e", "library(mlogit)"], capture_output=True, check=False)
    return program if done.returncode == 0 else None


def truth_gap(found: dict[str, Any], J: int) -> float:
    """Largest distance of the coefficients from the truth, in standard errors."""
    truth = simulate.probit_truth(J)
    S = truth.cov
    beta = truth.beta / np.sqrt(S[0, 0] + S[1, 1] - 2.0 * S[0, 1])
    return timing.largest_gap(found, {"estimates": list(beta)}, len(beta))


def goals(done: dict[tuple[int, int], dict[str, Any]]) -> None:
    if (5000, 4) in done:
        found = done[5000, 4]
        took = statistics.median(found["seconds"])
        print(timing.verdict("5,000 x 4, exact", took, 1.5, most=True, unit=" s"))
        assert found["method"] == "exact"
    if (50000, 5) in done:
        found = done[50000, 5]
        took = statistics.median(found["seconds"])
        print(timing.verdict("50,000 x 5", took, 60, most=True, unit=" s"))
        print(timing.verdict("  simulation error", found["llf_se"], 0.5, most=True))
        print(timing.verdict("  peak memory", found["peak_mb"], 1024, most=True, unit=" MB"))


def main() -> None:
    args = arguments()
    print(timing.machine())
    print("4 generic covariates, J - 1 constants, J (J - 1) / 2 - 1 elements of the covariance\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        done = sizes(args, folder)
        if done:
            far = max(truth_gap(found, J) for (_, J), found in done.items())
            print(f"\nlargest distance of a coefficient from the truth: {far:.1f} s.e.")
        threads(args, folder)
        peers(args, folder, done)
    if not args.tiny:
        print()
        goals(done)


if __name__ == "__main__":
    main()
