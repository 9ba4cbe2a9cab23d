"""Run measured processes, take medians, print the machine and the table."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CHILDREN = Path(__file__).parent / "children"
PACKAGES = ("choicekit", "numpy", "pandas", "scipy", "numba", "statsmodels", "formulaic")


def arguments(description: str, peers: bool = True) -> argparse.Namespace:
    """The options all benchmarks share; medians need `--repeat` of at least five to mean much."""
    return parsed(parser(description, peers))


def parser(description: str, peers: bool = True) -> argparse.ArgumentParser:
    """The same as a parser that takes more options before `parsed`."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument(
        "--tiny", action="store_true", help="seconds, no peers: does it run at all"
    )
    options.add_argument("--repeat", type=int, default=5, help="fits to take the median of")
    if peers:
        options.add_argument("--peers-python", help="python of an environment that has the peers")
        options.add_argument("--peer-repeat", type=int, help="the same for the peers")
    return options


def parsed(options: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line; what `--tiny` and the peers' defaults imply is filled in."""
    args = options.parse_args()
    if args.tiny:
        args.repeat, args.peers_python = 1, None
    if getattr(args, "peer_repeat", 0) is None:
        args.peer_repeat = args.repeat
    return args


def run(
    script: str,
    *arguments: object,
    python: str = sys.executable,
    env: dict[str, str] | None = None,
    limit: float | None = None,
) -> dict[str, Any]:
    """Run children/`script` in a process of its own; its last line, read as JSON.

    Raises subprocess.TimeoutExpired, the process being ended, after `limit` seconds.
    """
    done = subprocess.run(
        [python, str(CHILDREN / script), *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=False,
        timeout=limit,
    )
    if done.returncode:
        raise SystemExit(f"{script} failed in {python}:\n{done.stderr}")
    return {**json.loads(done.stdout.splitlines()[-1]), "said": done.stderr.strip()}


def fits(
    script: str, folder: Path, repeat: int, warm: int, python: str, labels: str = "text"
) -> dict[str, Any]:
    """Timings of one program: `cold` and the memory from a first process, `warm` from a second.

    The peak of memory is that of a single fit; a program that keeps its last fit alive while it
    makes the next would otherwise be charged twice.
    """
    first = run(script, folder, "--labels", labels, python=python)
    options = ["--labels", labels, "--repeat", repeat, "--warm", warm]
    seconds = run(script, folder, *options, python=python)["seconds"]
    return {
        **first,
        "labels": labels,
        "cold": first["seconds"][0],
        "warm": statistics.median(seconds),
        "spread": (min(seconds), max(seconds)),
        "repeat": len(seconds),
    }


def machine() -> str:
    """One line: processor, cores, memory, python, versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    processor = names[0] if names else platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    return (
        f"{processor}, {cores} cores, {memory:.0f} GB, load {load:.1f} at the start; "
        f"python {platform.python_version()}, {', '.join(found)}"
    )


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Plain text: first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells))


def verdict(what: str, value: float, target: float, *, most: bool, unit: str = "") -> str:
    """A line saying whether a target is met; `most` when it is an upper bound."""
    met = value <= target if most else value >= target
    bound = "at most" if most else "at least"
    return (
        f"{what}: {value:.3g}{unit}, target {bound} {target:g}{unit}: {'met' if met else 'MISSED'}"
    )


def largest_gap(ours: dict[str, Any], theirs: dict[str, Any], K: int) -> float:
    """Largest difference of the first K estimates in our standard errors."""
    pairs = zip(ours["estimates"][:K], theirs["estimates"][:K], ours["errors"][:K], strict=True)
    return max(abs(a - b) / s for a, b, s in pairs)
