"""Nested logit, 20,000 cases x 6 alternatives in two nests: DataFrame to standard errors.

Target of issue 4: under 1 s warm.
"""

import sys
import tempfile
from pathlib import Path

import simulate
import timing

K, J, SCALE, WARM = 6, 6, 0.6, 1000


def main() -> None:
    args = timing.arguments(__doc__, peers=False)
    cases = 1000 if args.tiny else 20_000
    print(timing.machine())
    print(f"{cases:,} cases x {J} alternatives, {K} generic covariates, two nests\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        truth = simulate.write_nested(folder, cases, J, K, SCALE)
        one = timing.fits("choicekit_nested.py", folder, args.repeat, WARM, sys.executable)
    low, high = one["spread"]
    print(f"median {one['warm']:.2f} s, {low:.2f}-{high:.2f} ({one['repeat']} fits)")
    print(f"cold {one['cold']:.2f} s; {one['peak_mb'] - one['before_mb']:.0f} MB above the data")
    away = timing.largest_gap(one, {"estimates": [*truth.beta, SCALE, SCALE]}, K + 2)
    print(f"largest distance from the truth: {away:.1f} s.e.\n")
    print(timing.verdict("seconds, warm", one["warm"], 1.0, most=True, unit=" s"))


if __name__ == "__main__":
    main()
