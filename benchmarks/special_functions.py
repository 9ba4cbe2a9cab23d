"""Nanoseconds an element of the polynomial special functions, beside libm, numpy and scipy.

::

    python benchmarks/special_functions.py [--tiny] [--repeat N]

Every function runs over one array that stays in the first-level cache (256 elements, a chunk of
draws of the simulator); one thread. `vectors` is the widest register the compiled loop does
floating-point arithmetic in: a loop that has silently become scalar shows here first.
"""

import math
import re
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit
from scipy import special as scipy_special

import timing
from choicekit.numerics import special

SIZE = 256
TARGETS = {"exp_": 0.8, "log_": 1.0, "mills_": 1.2, "normal_tail_quantile_": 2.5}  # AVX-512

kernel = njit(fastmath=special.FAST, error_model="numpy")


def elementwise(f: Callable[[float], float]) -> Any:
    @kernel
    def loop(x, out):
        for i in range(x.size):
            out[i] = f(x[i])

    return loop


@kernel
def ratio_loop(a, ratio, exponent, upper):
    for i in range(a.size):
        ratio[i], exponent[i], upper[i] = special.normal_ratio_(a[i])


@kernel
def truncated_one_loop(u, ratio, exponent, upper, out):
    for i in range(u.size):
        out[i] = special.truncated_normal_(u[i], ratio[i], exponent[i], upper[i])


@kernel
def truncated_two_loops(u, ratio, exponent, upper, out):
    for i in range(u.size):
        out[i] = special.signed_log_tail_(u[i], ratio[i], exponent[i], upper[i])
    for i in range(u.size):
        out[i] = special.normal_quantile_(out[i])


def compiled(loop: Any, *arrays: Any) -> tuple[Callable[[int], None], str]:
    """A caller that repeats the loop without going back to Python, and the registers it uses."""

    @njit
    def repeat(times, *arrays):
        for _ in range(times):
            loop(*arrays)

    repeat(1, *arrays)
    loop(*arrays)
    (assembly,) = loop.inspect_asm().values()
    for register, name in (("zmm", "512 bits"), ("ymm", "256 bits"), ("xmm", "128 bits")):
        # v128 and wider on x86 (mulpd, vfmadd231pd ...) and on ARM (fmla v0.2d)
        if re.search(rf"v?(mul|fn?m(add|sub)\d+)pd\b[^\n]*{register}", assembly):
            return (lambda times: repeat(times, *arrays)), name
    name = "128 bits" if re.search(r"fml[as]\s[^\n]*\.2d", assembly) else "scalar"
    return (lambda times: repeat(times, *arrays)), name


def looped(f: Callable[..., Any], *arguments: Any) -> Callable[[int], None]:
    def repeat(times: int) -> None:
        for _ in range(times):
            f(*arguments)

    return repeat


def nanoseconds(repeat: Callable[[int], None], times: int, samples: int) -> tuple[float, ...]:
    """Median, smallest and largest time of an element."""
    repeat(max(1, times // 10))
    seen = []
    for _ in range(samples):
        start = time.perf_counter()
        repeat(times)
        seen.append((time.perf_counter() - start) / times / SIZE * 1e9)
    return statistics.median(seen), min(seen), max(seen)


def candidates() -> list[tuple[str, Callable[[int], None], str]]:
    rng = np.random.default_rng(1)
    x, u = 2 * rng.normal(size=SIZE), rng.random(SIZE)
    logq, out = np.log(u / 2), np.empty(SIZE)
    ratio, exponent, upper = np.empty((3, SIZE))
    ratio_loop(x, ratio, exponent, upper)
    rows = []

    def ours(name: str, loop: Any, *arrays: Any) -> None:
        rows.append((name, *compiled(loop, *arrays)))

    def peer(name: str, f: Callable[..., Any], *arguments: Any) -> None:
        rows.append((name, looped(f, *arguments), ""))

    ours("exp_", elementwise(special.exp_), x, out)
    peer("  np.exp", np.exp, x, out)
    ours("  math.exp, compiled", elementwise(math.exp), x, out)
    ours("log_", elementwise(special.log_), u, out)
    peer("  np.log", np.log, u, out)
    ours("  math.log, compiled", elementwise(math.log), u, out)
    ours("mills_", elementwise(special.mills_), np.abs(x), out)
    peer("  scipy.special.erfcx", scipy_special.erfcx, np.abs(x), out)
    ours("hazard_", elementwise(special.hazard_), x, out)
    ours("normal_ratio_", ratio_loop, x, ratio, exponent, upper)
    peer("  scipy.special.log_ndtr", scipy_special.log_ndtr, x, out)
    ours("normal_tail_quantile_", elementwise(special.normal_tail_quantile_), logq, out)
    peer("  scipy.special.ndtri", scipy_special.ndtri, u, out)
    peer("  scipy.special.ndtri_exp", scipy_special.ndtri_exp, logq, out)
    ours("truncated_normal_, one loop", truncated_one_loop, u, ratio, exponent, upper, out)
    ours("truncated_normal_, two loops", truncated_two_loops, u, ratio, exponent, upper, out)
    return rows


def main() -> None:
    args = timing.arguments(__doc__.splitlines()[0], peers=False)
    print(timing.machine())
    rows, medians = [], {}
    for name, repeat, vectors in candidates():
        times = 20 if args.tiny else 4000
        median, low, high = nanoseconds(repeat, times, args.repeat)
        medians[name] = median
        rows.append((name, f"{median:.2f}", f"{low:.2f}-{high:.2f}", vectors))
    timing.print_table(("function", "ns/element", "range", "vectors"), rows)
    for name, target in TARGETS.items():
        print(timing.verdict(name, medians[name], target, most=True, unit=" ns"))


if __name__ == "__main__":
    main()
