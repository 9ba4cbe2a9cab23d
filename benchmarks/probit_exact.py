"""Three and four alternatives: Gauss rules against GHK, by accuracy and by time.

::

    python benchmarks/probit_exact.py [--tiny] [--repeat N]

For numbers of nodes and of draws: the root mean square error of log P over the cases, against a
rule with 8 times the nodes a dimension, and the time of log-probability and gradient on one thread
(processor time, because machines are busy). Two covariances: that of the other benchmarks, and one
with a correlation of 0.98. GHK is at its best here: scrambled Sobol points, Genz' order. What the
order alone brings is measured at the end, for five and eight alternatives.
"""

import os
import statistics
import time
from dataclasses import dataclass, replace

import numpy as np

import choicekit as ck
import simulate
import timing
from choicekit.errors.integrators import NODES_OF_THREE, NODES_OF_TWO, Integrator, Settled
from choicekit.numerics.ordering import order_range
from choicekit.numerics.quadrature import smoothed_gauss, smoothed_gauss_square

DEFAULT = {3: NODES_OF_TWO, 4: NODES_OF_THREE}  # nodes a dimension of a fit
NODES = {3: (4, 8, 16, 32, 64), 4: (4, 8, 12, 16, 24)}
BITS = (5, 6, 8, 10, 12, 14, 16)
FINER = 8


@dataclass(frozen=True)
class Nodes(Integrator):
    """A Gauss rule with any number of nodes a dimension."""

    nodes: int = 16

    @property
    def rules(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        n = self.nodes
        return (*smoothed_gauss(n), *smoothed_gauss_square(n, n))


@dataclass(frozen=True)
class Problem:
    """v (C,J), chosen (C,), omega (J,J), and the orders and keys of the cases."""

    v: np.ndarray
    chosen: np.ndarray
    omega: np.ndarray
    settled: Settled

    def with_points(self, integrator: Integrator) -> "Problem":
        return replace(self, settled=replace(self.settled, integrator=integrator))

    def evaluate(self) -> np.ndarray:
        """Log-probabilities (C,); the gradient is made as well."""
        return self.settled.log_prob(self.v, self.chosen, self.omega, True)[0]


def covariances(J: int) -> dict[str, np.ndarray]:
    correlated = 0.5 * np.eye(J)
    correlated[-2:, -2:] = [[0.5, 0.49], [0.49, 0.5]]
    return {"moderate": simulate.probit_truth(J).cov, "correlation 0.98": correlated}


def problem(C: int, omega: np.ndarray) -> Problem:
    """Standard utilities and simulated choices; orders of integration at the truth."""
    J, rng = len(omega), np.random.default_rng(len(omega))
    v = 1.4 * rng.standard_normal((C, J))
    errors = rng.multivariate_normal(np.zeros(J), omega, size=C, method="cholesky")
    chosen = (v + errors).argmax(axis=1).astype(np.int32)
    keys = rng.integers(0, 2**63, size=C, dtype=np.uint64)
    there = np.ones((C, J), dtype=bool)
    return Problem(v, chosen, omega, Settled.at(Nodes(), v, there, chosen, omega, keys, 1))


def seconds(p: Problem, repeat: int) -> float:
    """Median processor time of an evaluation after a first one."""
    p.evaluate()
    seen = []
    for _ in range(repeat):
        start = time.thread_time()
        p.evaluate()
        seen.append(time.thread_time() - start)
    return statistics.median(seen)


def rms(p: Problem, truth: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(p.evaluate() - truth))))


@dataclass(frozen=True)
class Measured:
    """One set of points: how many, the error of log P, seconds a case."""

    title: str
    points: int
    error: float
    seconds: float


def measured(p: Problem, tiny: bool, repeat: int) -> tuple[list[Measured], list[Measured]]:
    """The Gauss rules and GHK, in rising numbers of points."""
    C, J = p.v.shape
    truth = p.with_points(Nodes(nodes=FINER * DEFAULT[J])).evaluate()
    gauss, ghk = [], []
    for n in NODES[J]:
        one = p.with_points(Nodes(nodes=n))
        title = f"{n} nodes" if J == 3 else f"{n} x {n} nodes"
        took = seconds(one, repeat) / C
        gauss.append(Measured(title, n ** (J - 2), rms(one, truth), took))
    for n_bits in BITS[:4] if tiny else BITS:
        law = ck.Normal(method="ghk", draws=1 << n_bits).bind(tuple(range(J)), 0)
        one = p.with_points(law.integrator)
        took = seconds(one, repeat) / C
        ghk.append(Measured(f"GHK, {1 << n_bits:,} draws", 1 << n_bits, rms(one, truth), took))
    return gauss, ghk


def to_reach(ghk: list[Measured], error: float) -> tuple[float, float, bool]:
    """Draws and seconds at which GHK has this error, on the line through the logs of its points.

    The third says whether that lies within the numbers of draws measured.
    """
    if len(ghk) < 2:
        return float("nan"), float("nan"), False
    logs = np.log([[one.points, one.error, one.seconds] for one in ghk])
    slope, level = np.polyfit(logs[:, 1], logs[:, 0], 1)
    draws = float(np.exp(level + slope * np.log(error)))
    per_draw = ghk[-1].seconds / ghk[-1].points
    return draws, draws * per_draw, draws <= ghk[-1].points


def main() -> None:
    args = timing.arguments(__doc__.splitlines()[0], peers=False)
    os.environ["CHOICEKIT_NUM_THREADS"] = "1"
    cases = 100 if args.tiny else 1000
    print(timing.machine())
    print(f"{cases:,} cases, log-probability and gradient, one thread")
    for J in (3, 4):
        for name, omega in covariances(J).items():
            report(J, name, *measured(problem(cases, omega), args.tiny, args.repeat))
    print("\nGHK, 256 draws: rmse of log P with the differences in Genz' order and in any\n")
    rows = [order_matters(J, cases // 2, 12 if args.tiny else 16) for J in (5, 8)]
    timing.print_table(["alternatives", "Genz' order", "any", "times the error"], rows)


def order_matters(J: int, cases: int, bits: int) -> list[str]:
    """Error of 256 draws a case with Genz' order and with that of the alternatives.

    The truth has 2^bits draws.
    """
    p = problem(cases, simulate.probit_truth(J).cov)
    plain, n_dims = np.zeros_like(p.settled.order), np.zeros_like(p.settled.n_dims)
    there, nothing = np.ones(p.v.shape, dtype=bool), np.empty((0, J, J))
    order_range(p.v, there, p.chosen, p.omega, nothing, 0, cases, False, plain, n_dims)
    law = ck.Normal(method="ghk", draws=256).bind(tuple(range(J)), 0)
    finest = ck.Normal(method="ghk", draws=1 << bits).bind(tuple(range(J)), 0)
    truth = p.with_points(finest.integrator).evaluate()
    ordered = p.with_points(law.integrator)
    other = replace(ordered, settled=replace(ordered.settled, order=plain))
    good, bad = rms(ordered, truth), rms(other, truth)
    return [f"{J}", f"{good:.1e}", f"{bad:.1e}", f"{bad / good:.0f}"]


def rounded(x: float) -> str:
    """Two significant digits."""
    return f"{float(f'{x:.1e}'):,.0f}"


def report(J: int, name: str, gauss: list[Measured], ghk: list[Measured]) -> None:
    print(f"\n{J} alternatives, {name} covariance\n")
    rows = [
        [one.title, f"{one.points:,}", f"{one.error:.1e}", f"{1e6 * one.seconds:.2f}"]
        for one in (*gauss, *ghk)
    ]
    timing.print_table(["", "points", "rmse of log P", "microseconds a case"], rows)
    ours = next(one for one in gauss if one.points == DEFAULT[J] ** (J - 2))
    draws, took, seen = to_reach(ghk, ours.error)
    print(f"\nthe rule of a fit, {ours.title}: rmse {ours.error:.1e}; GHK reaches that with about")
    how = "" if seen else ", extrapolated"
    print(f"{rounded(draws)} draws{how}, and takes {rounded(took / ours.seconds)} times as long")
    default = next(one for one in ghk if one.points == 256)
    print(
        f"GHK with 256 draws: {rounded(default.error / ours.error)} times the error, "
        f"{default.seconds / ours.seconds:.1f} times the time"
    )


if __name__ == "__main__":
    main()
