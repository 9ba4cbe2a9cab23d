"""Nanoseconds per case, draw and dimension of the GHK kernel, beside the same arithmetic in C.

::

    python benchmarks/ghk_kernel.py [--tiny] [--repeat N]

The C program, children/ghk_kernel.c, is compiled here; without a C compiler only choicekit is
measured. Included in both: making the scrambled Sobol points of each case, the covariance of its
differences and its Cholesky factor, the recursion, and the gradient with respect to utilities and
covariance. Left out of both: the order of integration, which a fit makes once or twice. One thread;
the programs take turns, the time is the thread's, and a ratio is the median of the turns' ratios.
"""

import ctypes
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import choicekit as ck
import simulate
import timing
from choicekit.errors.integrators import Integrator, Settled
from choicekit.numerics.draws import direction_numbers

SOURCE = timing.CHILDREN / "ghk_kernel.c"
# What numba's "contract", "nnan", "ninf", "nsz" allow; sums are reassociated by a pragma there.
FLAGS = [
    *("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    *("-ffinite-math-only", "-fno-signed-zeros", "-fopenmp-simd", "-fPIC", "-shared"),
]
# gcc's own choices are narrower vectors and loops that are not unrolled, and slower; not every
# machine knows the first option.
OPTIONS = {
    "": [],
    ", 512-bit vectors": ["-mprefer-vector-width=512"],
    ", unrolled": ["-funroll-loops"],
    ", 512-bit vectors, unrolled": ["-mprefer-vector-width=512", "-funroll-loops"],
}
SIZES = {5: 5000, 8: 3000, 12: 2000}  # alternatives: cases
DRAWS, SEED = 256, 7
AGREE, TARGET = 1e-10, 1.25

Answer = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """v (C,J), chosen (C,), omega (J,J), and the orders and keys of the cases."""

    v: np.ndarray
    chosen: np.ndarray
    omega: np.ndarray
    settled: Settled


def simulated(draws: int) -> Integrator:
    """Scrambled Sobol points for every case, as a user asks for them."""
    return ck.Normal(method="ghk", draws=draws).bind(("a", "b", "c"), 0).integrator


def problem(C: int, J: int) -> Problem:
    """Utilities and choices from `simulate.probit_truth`, orders of integration at the truth."""
    truth, rng = simulate.probit_truth(J), np.random.default_rng(J)
    v = 1.4 * rng.standard_normal((C, J))
    errors = rng.multivariate_normal(np.zeros(J), truth.cov, size=C, method="cholesky")
    chosen = (v + errors).argmax(axis=1).astype(np.int32)
    integrator = simulated(DRAWS)
    keys = rng.integers(0, 2**63, size=C, dtype=np.uint64)
    there = np.ones((C, J), dtype=bool)
    settled = Settled.at(integrator, v, there, chosen, truth.cov, keys, SEED)
    return Problem(v, chosen, truth.cov, settled)


def ours(p: Problem) -> Answer:
    return p.settled.log_prob(p.v, p.chosen, p.omega, True)


def compiled(folder: Path) -> list[tuple[str, Callable[[Problem], Answer]]]:
    """The C program under each of `OPTIONS` that the compiler knows."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return []
    found = []
    for name, more in OPTIONS.items():
        library = folder / f"ghk{len(found)}.so"
        command = [compiler, *FLAGS, *more, str(SOURCE), "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            found.append((f"C{name}", caller(ctypes.CDLL(str(library)).ghk_cases)))
        elif not more:
            print(f"{compiler} does not compile children/ghk_kernel.c:\n{done.stderr}")
    return found


def caller(function: Any) -> Callable[[Problem], Answer]:
    function.restype = None

    def run(p: Problem) -> Answer:
        C, J = p.v.shape
        settled, directions = p.settled, direction_numbers(J - 2)
        out = np.empty(C), np.empty((C, J)), np.empty((C, J * (J + 1) // 2))

        def pointer(x: np.ndarray) -> ctypes.c_void_p:
            assert x.flags.c_contiguous
            return x.ctypes.data_as(ctypes.c_void_p)

        function(
            ctypes.c_int(C),
            ctypes.c_int(J),
            *map(pointer, (p.v, p.chosen, settled.order, p.omega, directions)),
            ctypes.c_int(directions.shape[1]),
            pointer(settled.keys),
            ctypes.c_uint64(settled.seed),
            ctypes.c_int(DRAWS.bit_length() - 1),
            *map(pointer, out),
        )
        return out

    return run


def largest_difference(mine: Answer, other: Answer) -> float:
    """Largest difference of log P and gradient, relative to 1 + the value."""
    pairs = zip(mine, other, strict=True)
    return max(float(np.max(np.abs(a - b) / (1.0 + np.abs(a)))) for a, b in pairs)


def race(p: Problem, programs: list[Callable[[Problem], Answer]], repeat: int) -> np.ndarray:
    """Nanoseconds per case, draw and dimension, (repeat, programs), the programs taking turns."""
    for program in programs:
        program(p)
    seen = np.empty((repeat, len(programs)))
    for turn in range(repeat):
        for i, program in enumerate(programs):
            start = time.thread_time()
            program(p)
            seen[turn, i] = time.thread_time() - start
    C, J = p.v.shape
    return 1e9 * seen / (C * DRAWS * (J - 1))


def main() -> None:
    args = timing.arguments(__doc__.splitlines()[0], peers=False)
    os.environ["CHOICEKIT_NUM_THREADS"] = "1"
    print(timing.machine())
    print(
        f"{DRAWS} draws, log-probability and gradient, one thread; ns per case, draw, dimension\n"
    )
    rows, ratios = [], {}
    with tempfile.TemporaryDirectory() as name:
        programs = compiled(Path(name))
        if not programs:
            print("no C compiler found: the C loop is not measured\n")
        for J, cases in SIZES.items():
            p = problem(200 if args.tiny else cases, J)
            for title, program in programs:
                gap = largest_difference(ours(p), program(p))
                assert gap < AGREE, f"{J} alternatives: choicekit and {title} differ by {gap:.1e}"
            seen = race(p, [ours, *(program for _, program in programs)], args.repeat)
            titles = ["choicekit", *(title for title, _ in programs)]
            for i, title in enumerate(titles):
                ratio = statistics.median(seen[:, 0] / seen[:, i])
                low, high = seen[:, i].min(), seen[:, i].max()
                row = [title, f"{J}", f"{len(p.v):,}", f"{statistics.median(seen[:, i]):.2f}"]
                rows.append([*row, f"{low:.2f}-{high:.2f}", f"{ratio:.2f}" if i else ""])
                if i:
                    ratios[J] = max(ratio, ratios.get(J, 0.0))
    timing.print_table(["", "J", "cases", "ns", "range", "choicekit / it"], rows)
    if programs:
        print(f"\nboth give the same log-probabilities and gradients to {AGREE:.0e}")
    if ratios and not args.tiny:
        for J, ratio in ratios.items():
            what = f"{J} alternatives, choicekit / the fastest C"
            print(timing.verdict(what, ratio, TARGET, most=True))


if __name__ == "__main__":
    main()
