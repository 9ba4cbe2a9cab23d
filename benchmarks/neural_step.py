"""One step of training: the probit on top of a small network against cross-entropy.

::

    python benchmarks/neural_step.py [--tiny] [--repeat N]

A network of 40 inputs, two hidden layers and four outputs, Adam, batches of 1,024. Steps of the
losses take turns; each figure is the median of ``repeat`` rounds of the median step. Processor time
with one thread is what counts, because machines are busy and threads that wait for each other on
one take many times as long; the time by the clock with all threads stands beside it. The second
table says what the coarse nodes of training mode cost in accuracy, against four times the fine
nodes a dimension.
"""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

import numpy as np

import timing
from choicekit.errors.normal import Normal

BATCH, J, INPUTS, SCALE = 1024, 4, 40, 1.5
TARGET = 5.0


def steps(width: int, batch: int) -> dict[str, Callable[[], None]]:
    """What does one step, by name of the loss."""
    import torch

    from choicekit.neural import LogitLoss, ProbitLoss

    generator = torch.Generator().manual_seed(1)
    x = torch.randn(batch, INPUTS, generator=generator)
    y = torch.randint(0, J, (batch,), generator=generator)

    def step_of(loss: Callable[..., torch.Tensor], own: list[torch.Tensor]) -> Callable[[], None]:
        network = torch.nn.Sequential(
            torch.nn.Linear(INPUTS, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, width),
            torch.nn.ReLU(),
            torch.nn.Linear(width, J),
        )
        search = torch.optim.Adam([*network.parameters(), *own], lr=1e-3)

        def step() -> None:
            search.zero_grad()
            loss(network(x), y).backward()
            search.step()

        return step

    found = {
        "cross-entropy of torch": step_of(torch.nn.functional.cross_entropy, []),
        "LogitLoss": step_of(LogitLoss(J, reduction="mean"), []),
    }
    for covariance in ("iid", "unstructured"):
        for accuracy in ("coarse", "fine"):
            loss = ProbitLoss(J, covariance, accuracy=accuracy, reduction="mean")
            found[f"ProbitLoss, {covariance}, {accuracy}"] = step_of(loss, list(loss.parameters()))
    return found


def measured(
    width: int, batch: int, repeat: int, inner: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Milliseconds a step by loss."""
    todo = steps(width, batch)
    for step in todo.values():
        step()  # compiles
    rounds: dict[str, list[float]] = {name: [] for name in todo}
    for _ in range(repeat):
        seconds: dict[str, list[float]] = {name: [] for name in todo}
        for _ in range(inner):
            for name, step in todo.items():
                begun = clock()
                step()
                seconds[name].append(clock() - begun)
        for name, values in seconds.items():
            rounds[name].append(statistics.median(values))
    return {name: 1e3 * statistics.median(values) for name, values in rounds.items()}


def accuracy(cases: int) -> list[list[str]]:
    """Errors of the rules in log P and its gradient by V, over random covariances."""
    rng = np.random.default_rng(2)
    rows = []
    for size in (3, 4):
        law = Normal().bind(tuple(range(size)), 0)
        there = np.ones((cases, size), dtype=bool)
        errors: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"coarse": [], "fine": []}
        for _ in range(10):
            theta = law.start + 0.4 * rng.normal(size=len(law.start))
            v = SCALE * rng.normal(size=(cases, size))
            chosen = rng.integers(0, size, size=cases).astype(np.int32)
            keys = np.arange(cases, dtype=np.uint64)
            settled = law.settle(v, there, chosen, keys, theta, 1)
            assert settled.settled is not None

            def with_rule(law=settled, **changes: object) -> object:
                own = replace(law.settled, integrator=replace(law.integrator, **changes))
                return replace(law, settled=own)

            best = with_rule(finer=4).log_prob(v, there, chosen, theta)
            for name, changes in {"coarse": {"coarse": True}, "fine": {}}.items():
                found = with_rule(**changes).log_prob(v, there, chosen, theta)
                errors[name].append((abs(found.logp - best.logp), abs(found.dv - best.dv)))
        for name, pairs in errors.items():
            logp, dv = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
            rms = [np.sqrt((error**2).mean()) for error in (logp, dv)]
            cells = [*rms, logp.max(), dv.max()]
            rows.append([f"{size} alternatives, {name}", *(f"{cell:.0e}" for cell in cells)])
    return rows


def main() -> None:
    args = timing.arguments(__doc__.splitlines()[0], peers=False)
    if find_spec("torch") is None:
        print("torch is not installed, so there is nothing to measure: pip install torch")
        return
    import torch

    batch, inner, cases = (64, 2, 50) if args.tiny else (BATCH, 30, 2000)
    print(timing.machine(), f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    ratio, threads = 0.0, torch.get_num_threads()
    for width in (32, 64, 128):
        size = (width, batch, args.repeat, inner)
        wall = measured(*size, time.perf_counter)
        torch.set_num_threads(1)
        os.environ["CHOICEKIT_NUM_THREADS"] = "1"
        work = measured(*size, time.process_time)
        torch.set_num_threads(threads)
        del os.environ["CHOICEKIT_NUM_THREADS"]
        print(f"\nBatch {batch:,}, {J} alternatives, hidden layers {width} and {width}")
        rows = []
        for name in work:
            pairs = [(found[name], found["cross-entropy of torch"]) for found in (work, wall)]
            rows.append(
                [name, *(c for ms, plain in pairs for c in (f"{ms:.2f}", f"{ms / plain:.2f}"))]
            )
        timing.print_table(["loss", "ms a step", "ratio", "by the clock", "ratio"], rows)
        if width == 64:
            probit = work["ProbitLoss, unstructured, coarse"]
            ratio = probit / work["cross-entropy of torch"]
    print("\nErrors against four times the fine nodes a dimension")
    header = ["", "log P, rms", "dV, rms", "log P, largest", "dV, largest"]
    timing.print_table(header, accuracy(cases))
    if not args.tiny:
        what = "a step of the learned probit in training mode, hidden layers of 64, in steps of "
        print(timing.verdict(what + "cross-entropy", ratio, TARGET, most=True))


if __name__ == "__main__":
    main()
