"""Replications of a recovery study: kept in CSV files, summed up, and written into a page."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import timing

LEVEL = 1.959963984540054  # normal quantile of 95% intervals
QUARTILES = 1.3489795003921634  # their distance in standard deviations of a normal


def kept(
    path: Path, replications: int, make: Callable[[int], pd.DataFrame], pool: Any = None
) -> pd.DataFrame:
    """Rows of all replications in the file, after those that it lacks are made and added."""
    there = set(pd.read_csv(path)["replication"]) if path.exists() else set()
    for rows in _made(make, [r for r in range(replications) if r not in there], pool):
        rows.to_csv(path, mode="a", header=not path.exists(), index=False)
    return pd.read_csv(path).drop_duplicates(["replication", "parameter"])  # two runs at once


def _made(
    make: Callable[[int], pd.DataFrame], todo: list[int], pool: Any
) -> Iterator[pd.DataFrame]:
    if pool is None:
        yield from map(make, todo)
        return
    for done in as_completed([pool.submit(make, r) for r in todo]):
        yield done.result()


@dataclass(frozen=True)
class Summary:
    """What the replications say; the statistics are of the fits that converged.

    ``table`` has a row a parameter: truth, bias, standard deviation of the estimates, mean
    reported standard error, coverage of the intervals, how many estimates there are; and median
    bias, median standard error and standard deviation by the quartiles, for what has no mean.
    """

    replications: int
    failed: int
    seconds: float
    table: pd.DataFrame


def summarise(found: pd.DataFrame) -> Summary:
    """Sum up rows of replication, parameter, truth, estimate, error, low, high, converged."""
    by_fit = found.groupby("replication").first()
    good = found[found["converged"]]
    hit = (good["low"] <= good["truth"]) & (good["truth"] <= good["high"])
    grouped = good.assign(off=good["estimate"] - good["truth"], hit=hit).groupby(
        "parameter", sort=False
    )
    table = pd.DataFrame(
        {
            "truth": grouped["truth"].first(),
            "bias": grouped["off"].mean(),
            "sd": grouped["off"].std(ddof=1),
            "mean s.e.": grouped["error"].mean(),
            "coverage": grouped["hit"].mean(),
            "n": grouped.size(),
            "median": grouped["off"].median(),
            "median s.e.": grouped["error"].agg(lambda error: error.median(skipna=False)),
            "spread": (grouped["off"].quantile(0.75) - grouped["off"].quantile(0.25)) / QUARTILES,
        }
    )
    failed = int((~by_fit["converged"].astype(bool)).sum())
    return Summary(len(by_fit), failed, float(by_fit["seconds"].median()), table)


def margin(n: float) -> float:
    """Monte Carlo standard error, in points, of a coverage of 95% measured n times."""
    return 100.0 * float(np.sqrt(0.95 * 0.05 / n))


HEADER = (
    "model",
    "data",
    "converged",
    "bias / its s.e.: rms",
    "largest bias, in s.e.",
    "mean s.e. / sd: mean",
    "farthest from 1",
    "coverage: mean",
    "farthest from 95%",
    "s a fit",
)


def row(name: str, data: str, one: Summary) -> list[str]:
    """A row of the table under `HEADER`: all parameters of a model together."""
    t, good = one.table, one.replications - one.failed
    start = [name, data, f"{good} of {one.replications}"]
    if good < 2:
        return [*start, *["too few"] * (len(HEADER) - 4), f"{one.seconds:.2f}"]
    bias, ratio = t["bias"] / t["mean s.e."], t["mean s.e."] / t["sd"]
    z = t["bias"] / t["sd"] * np.sqrt(t["n"])
    far, odd = bias.abs().idxmax(), np.log(ratio).abs().idxmax()
    worst = (t["coverage"] - 0.95).abs().idxmax()
    return [
        *start,
        f"{np.sqrt(np.mean(np.square(z))):.2f}",
        f"{bias[far]:+.2f} ({far})",
        f"{ratio.mean():.3f}",
        f"{ratio[odd]:.2f} ({odd})",
        f"{100 * t['coverage'].mean():.1f}%",
        f"{100 * t['coverage'][worst]:.1f}% ± {margin(good):.1f} ({worst})",
        f"{one.seconds:.2f}",
    ]


OF_EACH = (
    "model",
    "what",
    "truth",
    "data sets",
    "median bias, in sd",
    "median s.e. / sd",
    "coverage",
)


def rows_of_each(name: str, one: Summary) -> list[list[str]]:
    """Rows under `OF_EACH`: every quantity by itself; sd is that by the quartiles."""
    if one.replications - one.failed < 2:
        return []
    return [
        [
            name,
            str(what),
            f"{t['truth']:.4g}",
            f"{t['n']:.0f}",
            f"{t['median'] / t['spread']:+.2f}",
            f"{t['median s.e.'] / t['spread']:.2f}" if np.isfinite(t["median s.e."]) else "",
            f"{100 * t['coverage']:.1f}% ± {margin(t['n']):.1f}",
        ]
        for what, t in one.table.iterrows()
    ]


def markdown(header: tuple[str, ...] | list[str], rows: list[list[str]], texts: int) -> str:
    """A table whose first columns are text and the others numbers."""
    dashes = ["---"] * texts + ["---:"] * (len(header) - texts)
    lines = [[cell.replace("|", "\\|") for cell in line] for line in [list(header), dashes, *rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def made_on(seconds: float) -> str:
    """When and with what; the seconds are those of the fits."""
    versions = timing.machine().split("; ")[-1]
    return f"Run on {date.today().isoformat()}: {versions}; {seconds / 60.0:.0f} minutes of fits."


def put(page: Path, name: str, text: str) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->`` in a page."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    old = page.read_text()
    if old.count(start) != 1 or old.count(end) != 1:
        raise SystemExit(f"{page} has no place for {name!r}: {start} ... {end}")
    pattern = f"{re.escape(start)}.*?{re.escape(end)}"
    page.write_text(re.sub(pattern, lambda _: f"{start}\n\n{text}\n\n{end}", old, flags=re.DOTALL))
