"""Does every family of models find a known truth, with intervals that cover it as often as said?

::

    python benchmarks/recovery_families.py --out FOLDER [--page docs/explanation/recovery.md]
    python benchmarks/recovery_families.py --tiny

Data sets are simulated from one truth a family and fitted, and so are quantities made from the
estimates. Each replication is written to a CSV file in FOLDER as it is done; a run that was
stopped goes on where it was; `--replications 60` and then more of them shows all rows early.
`--page` puts the tables of what there is into their places in the page. A new family is a new entry
of `families`; `recovery.py` does the same for the covariances of the probit.
"""

import argparse
import os
import re
import tempfile
import time
import warnings
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ["CHOICEKIT_NUM_THREADS"] = "1"  # one process, one thread; before the import

import numpy as np
import pandas as pd

import choicekit as ck
import known_effects as effects
import known_tastes as tastes
import known_truths as known
import replications
import timing
from known_truths import Family

OVERLAP = [[1, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 0.5, 1]]
FREE = {"n": ["a1", "a2"], "m": ["a2", "a3"]}
FIXED = {"n": {"a1": 1.0, "a2": 0.5}, "m": {"a2": 0.5, "a3": 1.0}}
TWO = {"n": ["a1", "a2"], "m": ["a3", "a4"]}
IN_TWO = [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]]


def often(family: Family, n: int) -> Family:
    return replace(family, replications=n)


def families(fewer: int = 1) -> dict[str, Family]:
    """All of them; ``fewer`` divides the numbers of cases and people."""

    def n(size: int) -> int:
        return size // fewer

    iid = ck.Normal("iid")
    four = ["a0", "a1", "a2", "a3"]
    scales = [1.0, 0.4, 0.6]
    return {
        "logit": often(known.logit(n(500), 4), 1000),
        "nested": often(
            known.nests(n(1500), ck.Nested(TWO), IN_TWO, [1, 0.5, 0.7], n=0.5, m=0.7), 1000
        ),
        "nested, three levels": often(known.nested_twice(n(2000)), 400),
        "cross-nested, shares known": often(
            known.nests(n(2000), ck.CrossNested(FIXED), OVERLAP, scales, n=0.4, m=0.6), 1000
        ),
        "cross-nested, a share free": known.nests(
            n(4000), ck.CrossNested(FREE), OVERLAP, scales, n=0.4, m=0.6, **{"alpha[n,a2]": 0.5}
        ),
        "paired combinatorial": known.nests(
            n(1500),
            ck.PairedCombinatorial(four, common=True),
            known.pairs(4),
            [0.4] * 6,
            **{"lambda": 0.4},
        ),
        "HEV": often(known.hev(n(2000), [1.0, 1.5, 0.7]), 400),
        "ordered logit": often(known.ordered(n(500), "logit"), 1000),
        "ordered probit": often(known.ordered(n(500), "probit"), 1000),
        "rankings": often(known.ranked(n(200), 5, best_worst=False), 1000),
        "best-worst": often(known.ranked(n(300), 5, best_worst=True), 1000),
        "choice-based, WESML": often(known.by_choice(n(900), weighted=True), 1000),
        "choice-based, WESML, no strata": often(
            known.by_choice(n(900), weighted=True, strata=None), 1000
        ),
        "choice-based, constants corrected": often(known.by_choice(n(900), weighted=False), 1000),
        "sampled alternatives": often(known.sampled(n(400), 30), 1000),
        "Box-Cox": known.box_cox(n(1000)),
        "mixed logit, independent": tastes.independent(n(200), 8),
        "mixed logit, correlated": tastes.correlated(n(200), 8),
        "mixed logit, lognormal": often(tastes.lognormal(n(200), 8), 500),
        "mixed logit, one case a person": tastes.independent(n(2000), 1, (1.5, 0.0)),
        "probit, normal coefficient": often(tastes.independent(n(2000), 1, (1.0, 0.0), iid), 300),
        "mixed probit, panel": tastes.independent(n(100), 5, (0.8, 0.0), iid, 32),
        "S-MNL": tastes.scaled(n(200), 8, sd=0.0),
        "G-MNL": tastes.scaled(n(200), 8, sd=0.8),
        "WTP space": tastes.money(n(200), 8),
        "latent classes": tastes.classes(n(200), 6),
    }


def quantities(fewer: int = 1) -> dict[str, Family]:
    """Models whose effects are looked at; the weak price has a t-value near 3."""
    return {
        "logit": effects.effects(600 // fewer, -0.5, False, 1000),
        "logit, weak price": effects.effects(200 // fewer, -0.25, False, 1000),
        "probit": effects.effects(400 // fewer, -0.4, True, 400),
    }


def replicate(name: str, family: Family, replication: int) -> pd.DataFrame:
    """Estimates and intervals of one replication, a row a parameter or quantity."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), replication])
    model = family.model(rng)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.exceptions.ConvergenceWarning)
        fit = model.fit(seed=replication + 1, **family.fit)
    seconds = time.perf_counter() - start
    if family.estimates is None:
        found = known.table(fit, fit.params).drop(index=list(fit.fixed))
    else:
        found = family.estimates(fit)
    assert set(found.index) == set(family.truth), f"{name}: the truth has other names"
    return pd.DataFrame(
        {
            "replication": replication,
            "parameter": found.index,
            "truth": [family.truth[one] for one in found.index],
            **{column: found[column].to_numpy() for column in found},
            "converged": fit.convergence.converged,
            "seconds": seconds,
            "message": fit.convergence.message,
        }
    )


def summaries(
    what: str, studied: dict[str, Family], folder: Path, most: int
) -> dict[str, replications.Summary]:
    """Make what is missing, print each summary as it is done."""
    found = {}
    for name, family in studied.items():
        file = re.sub(r"\W+", "_", f"{what} {name} {family.size}")
        make = partial(replicate, name, family)
        rows = replications.kept(folder / f"{file}.csv", min(most, family.replications), make)
        found[name] = replications.summarise(rows)
        print(f"{name}, {family.size}")
        print(found[name].table.iloc[:, :6].round(4).to_string(), flush=True)
        for message, times in rows.loc[~rows["converged"], "message"].value_counts().items():
            print(f"  {times} rows: {message}")
    return found


def tables(
    by_family: dict[str, replications.Summary],
    by_quantity: dict[str, replications.Summary],
    sizes: dict[str, str],
) -> dict[str, str]:
    """The page's tables, by the names of their places."""
    rows = [replications.row(name, sizes[name], one) for name, one in by_family.items()]
    each = [
        line for name, one in by_quantity.items() for line in replications.rows_of_each(name, one)
    ]
    seconds = sum(one.seconds * one.replications for one in by_family.values())
    made = replications.made_on(seconds)
    return {
        "families": f"{replications.markdown(replications.HEADER, rows, 2)}\n\n{made}",
        "quantities": replications.markdown(replications.OF_EACH, each, 2),
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="seconds: does it run at all")
    parser.add_argument("--out", type=Path, default=Path("recovery"), help="folder of the CSVs")
    parser.add_argument("--replications", type=int, default=1000, help="make at most so many")
    parser.add_argument("--page", type=Path, help="the page whose tables are to be replaced")
    return parser.parse_args()


def run(folder: Path, most: int, fewer: int) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    studied, asked = families(fewer), quantities(fewer)
    by_family = summaries("family", studied, folder, most)
    by_quantity = summaries("quantity", asked, folder, most)
    sizes = {name: family.size for name, family in studied.items()}
    return tables(by_family, by_quantity, sizes)


def main() -> None:
    args = arguments()
    print(timing.machine(), "\n")
    if args.tiny:
        with tempfile.TemporaryDirectory() as name:
            found = run(Path(name), most=2, fewer=4)
    else:
        found = run(args.out, args.replications, fewer=1)
    for name, text in found.items():
        print(text)
        if args.page is not None and not args.tiny:
            replications.put(args.page, name, text)


if __name__ == "__main__":
    main()
