"""Mixed logit, 1,000 people x 8 cases x 4 alternatives, 6 normal coefficients, against xlogit.

Targets of issue 4: at least 15 times faster than xlogit 0.2.7; at most 300 MB above the data,
whatever the number of draws; correlated coefficients at most 1.5 times the independent ones.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import simulate
import timing

K, J, CASES = 6, 4, 8
DRAWS, PEER_DRAWS, MANY = 512, 500, 10_000
WARM = 80


def main() -> None:
    args = timing.arguments(__doc__)
    people = 100 if args.tiny else 1000
    print(timing.machine())
    print(f"{people:,} people x {CASES} cases x {J} alternatives, {K} normal coefficients;")
    print(f"DataFrame to standard errors; choicekit {DRAWS} draws, xlogit {PEER_DRAWS}.\n")
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = simulate.write_panel(folder, people, CASES, J, K)
        ours = "choicekit_mixed.py", folder, sys.executable
        for kind in ("independent", "correlated"):
            found[kind] = measured(*ours, DRAWS, kind, args.repeat)
        if args.peers_python:
            found["xlogit"] = measured(
                "xlogit_mixed.py",
                folder,
                args.peers_python,
                PEER_DRAWS,
                "independent",
                args.peer_repeat,
            )
        many = 1000 if args.tiny else MANY
        found[f"{many:,} draws"] = measured(*ours, many, "independent", 0)
    print_fits(found)
    print_verdicts(found, truth)


def measured(
    script: str, folder: Path, python: str, draws: int, kind: str, repeat: int
) -> dict[str, Any]:
    """Memory from a first process with one fit, the times from a second; see `timing.fits`.

    Without repeats only the first.
    """
    first = timing.run(script, folder, draws, kind, python=python)
    seconds = first["seconds"]
    if repeat:
        options = ["--repeat", repeat, "--warm", WARM]
        seconds = timing.run(script, folder, draws, kind, *options, python=python)["seconds"]
    return {**first, "warm": statistics.median(seconds), "all": seconds}


def print_fits(found: dict[str, dict[str, Any]]) -> None:
    rows = [
        [
            f"{one['version']}, {name}" if name != "xlogit" else one["version"],
            f"{one['warm']:.2f}",
            f"{min(one['all']):.2f}-{max(one['all']):.2f} ({len(one['all'])})",
            f"{one['peak_mb'] - one['before_mb']:.0f}",
            f"{one['before_mb']:.0f}",
            f"{one['llf']:.2f}",
            "yes" if one["converged"] else "NO",
        ]
        for name, one in found.items()
    ]
    header = ["", "median s", "range (fits)", "MB above", "the data's MB", "log-lik.", "converged"]
    timing.print_table(header, rows)


def print_verdicts(found: dict[str, dict[str, Any]], truth: simulate.Truth) -> None:
    ours = found["independent"]
    away = timing.largest_gap(ours, {"estimates": [*truth.beta, *[0.5] * K]}, 2 * K)
    print(f"\nlargest distance from the truth: {away:.1f} s.e.")
    print(f"simulation s.e. of our log-likelihood: {ours['llf_se']:.2g}")
    if "xlogit" in found:
        theirs = found["xlogit"]
        gap = timing.largest_gap(ours, theirs, 2 * K)
        print(f"largest difference from xlogit: {gap:.2g} s.e. (both draw)\n")
        ratio = theirs["warm"] / ours["warm"]
        print(timing.verdict("times faster than xlogit", ratio, 15, most=False))
    share = found["correlated"]["warm"] / ours["warm"]
    print(timing.verdict("correlated over independent", share, 1.5, most=True))
    for name, one in found.items():
        if name != "xlogit":
            above = one["peak_mb"] - one["before_mb"]
            print(
                timing.verdict(f"memory above the data, {name}", above, 300, most=True, unit=" MB")
            )


if __name__ == "__main__":
    main()
