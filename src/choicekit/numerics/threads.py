"""Run a kernel over ranges of cases on several threads.

The kernels are compiled with ``nogil`` and write to disjoint slices of their
outputs, so plain Python threads scale. numba's own ``prange`` is not used: it
compiles several times longer, and its default threading layer aborts the
process when two Python threads enter it at once.

The ranges depend only on the number of cases, never on the number of threads,
and partial sums are added in order: results are the same on any machine width.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

__all__ = ["available_threads", "map_ranges", "split_cases"]

T = TypeVar("T")

PREFIX = "choicekit"  # of the names of the pool's threads


def available_threads() -> int:
    """Count the processors this process may use; ``CHOICEKIT_NUM_THREADS`` lowers it."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        count = os.cpu_count() or 1
    wish = os.environ.get("CHOICEKIT_NUM_THREADS", "")
    return max(1, min(count, int(wish))) if wish.isdigit() else max(1, count)


def split_cases(n_cases: int, at_least: int) -> list[tuple[int, int]]:
    """Cut ``range(n_cases)`` into at most 64 ranges of at least ``at_least`` cases."""
    n_ranges = max(1, min(64, n_cases // max(1, at_least)))
    edges = [n_cases * i // n_ranges for i in range(n_ranges + 1)]
    return list(pairwise(edges))


@lru_cache(maxsize=1)
def _pool(process: int, threads: int) -> ThreadPoolExecutor:
    # Keyed by the process id: a forked child must not wait for its parent's threads.
    return ThreadPoolExecutor(max_workers=threads, thread_name_prefix=PREFIX)


def map_ranges(
    work: Callable[[int, int], T], n_cases: int, at_least: int = 256, threads: int | None = None
) -> list[T]:
    """Call ``work(start, stop)`` on ranges that cover all cases; results in their order.

    Parameters
    ----------
    work
        Called with a half-open range of case numbers; must release the GIL to gain anything.
    n_cases
        Number of cases.
    at_least
        Smallest worthwhile range: below twice this many cases everything runs in the caller.
    threads
        Number of threads; default :func:`available_threads`. Called from one of them, it works on
        its own.
    """
    ranges = split_cases(n_cases, at_least)
    threads = available_threads() if threads is None else threads
    inside = threading.current_thread().name.startswith(PREFIX)  # waiting for itself, it would hang
    if len(ranges) == 1 or threads == 1 or inside:
        return [work(start, stop) for start, stop in ranges]
    pool = _pool(os.getpid(), threads)
    return list(pool.map(lambda bounds: work(*bounds), ranges))
