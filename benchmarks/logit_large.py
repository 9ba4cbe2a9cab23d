"""Conditional logit on half a million cases, from DataFrame to standard errors, against peers.

Targets of issue 2: at least 15 times faster than xlogit 0.2.7, peak memory at most half of larch's.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import simulate
import timing

K = 12
TRUTH = simulate.Truth(beta=np.linspace(-0.6, 0.6, K), cov=None)
PEERS = {"xlogit": "xlogit_logit.py", "larch": "larch_logit.py"}
WARM = 1000


def main() -> None:
    args = timing.arguments(__doc__)
    cases = 2000 if args.tiny else 500_000
    print(timing.machine())
    print(f"{cases:,} cases x 4 alternatives x {K} generic covariates, one process a program;")
    print("the alternatives are text (the same data frame for all) or integer codes;")
    print(f"warm: a fit to {WARM} cases of the same data comes before and is not timed;")
    print("cold: the first fit of a process, kernels read from disk where a program caches them.\n")
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate.write_choices(folder, cases, 4, TRUTH)
        for labels in ("text",) if args.tiny else ("text", "codes"):
            found["choicekit", labels] = timing.fits(
                "choicekit_logit.py", folder, args.repeat, WARM, sys.executable, labels
            )
            for peer, script in PEERS.items() if args.peers_python else ():
                found[peer, labels] = timing.fits(
                    script, folder, args.peer_repeat, WARM, args.peers_python, labels
                )
    print_fits(list(found.values()))
    print_agreement(found)
    if args.peers_python:
        print_ratios(found)


def print_fits(found: list[dict]) -> None:
    rows = []
    for one in found:
        low, high = one["spread"]
        rows.append(
            [
                f"{one['version']}, {one['labels']}",
                f"{one['warm']:.2f}",
                f"{low:.2f}-{high:.2f} ({one['repeat']})",
                f"{one['cold']:.2f}",
                f"{one['peak_mb']:.0f}",
                f"{one['before_mb']:.0f}",
                f"{one['llf']:.4f}",
            ]
        )
    header = ["", "median s", "range (fits)", "cold s", "peak MB", "before fit", "log-likelihood"]
    timing.print_table(header, rows)


def print_agreement(found: dict) -> None:
    """A fast wrong answer is worth nothing: distances in standard errors."""
    ours = found["choicekit", "text"]
    away = timing.largest_gap(ours, {"estimates": TRUTH.beta.tolist()}, K)
    print(f"\nlargest distance from the truth: {away:.1f} s.e.")
    for peer in PEERS:
        if (peer, "text") in found:
            gap = timing.largest_gap(ours, found[peer, "text"], K)
            print(f"largest difference from {peer}: {gap:.1e} s.e.")


def print_ratios(found: dict) -> None:
    """Like against like; the targets were set on text, the slower case for xlogit."""
    for labels in ("codes", "text"):
        ours = found["choicekit", labels]
        for peer in PEERS:
            theirs = found[peer, labels]
            print(
                f"{labels}: time {peer} / choicekit = {theirs['warm'] / ours['warm']:.1f}", end=""
            )
            print(f", peak memory choicekit / {peer} = {ours['peak_mb'] / theirs['peak_mb']:.2f}")
    print()
    ours = found["choicekit", "text"]
    ratio = found["xlogit", "text"]["warm"] / ours["warm"]
    print(timing.verdict("times faster than xlogit", ratio, 15, most=False))
    share = ours["peak_mb"] / found["larch", "text"]["peak_mb"]
    print(timing.verdict("share of larch's peak memory", share, 0.5, most=True))


if __name__ == "__main__":
    main()
