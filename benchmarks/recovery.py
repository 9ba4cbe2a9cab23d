"""Does the probit find a known truth, and are its standard errors as large as its errors?

::

    python benchmarks/recovery.py --out FOLDER [--page docs/explanation/recovery.md]
    python benchmarks/recovery.py --tiny

For every covariance structure and number of alternatives, data sets are simulated from one truth
and fitted. Each replication is written to a CSV file in FOLDER as it is done; a run that was
stopped goes on where it was, and one with more `--replications` keeps those there are. `--page`
puts the table into its place in the page. A new structure is a new entry of `STRUCTURES`;
`recovery_families.py` does the same for the other families of models.
"""

import argparse
import os
import re
import time
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ["CHOICEKIT_NUM_THREADS"] = "1"  # one process, one thread; before the import

import numpy as np
import pandas as pd

import choicekit as ck
import simulate
import timing
from replications import LEVEL, Summary, kept, made_on, markdown, put, summarise

BETA = {"x1": 1.0, "x2": -1.0}  # of standard normal covariates
DRAWS = 128


@dataclass(frozen=True)
class Truth:
    """Options of `ck.probit`, covariance (J,J) of the errors, and the true error parameters.

    The base is a0, the first alternative; ``omega`` must satisfy the structure's normalisation.
    """

    options: dict[str, Any]
    omega: np.ndarray
    theta: dict[str, float]


def iid(J: int) -> Truth:
    return Truth({"covariance": "iid"}, 0.5 * np.eye(J), {})


def heteroskedastic(J: int) -> Truth:
    """Standard deviations from 0.7 to 1.3 of that of a1, the scale alternative."""
    sd = 1.0 + 0.3 * np.cos(2.0 * np.arange(J))
    sd[1] = 1.0
    theta = {f"sd[a{j}]": sd[j] for j in range(J) if j != 1}
    return Truth({"covariance": "heteroskedastic", "scale": "a1"}, 0.5 * np.diag(sd**2), theta)


def unstructured(J: int) -> Truth:
    """The correlated errors of the other benchmarks, the difference a1 - a0 having variance 1."""
    omega = simulate.probit_truth(J).cov
    omega = omega / (omega[0, 0] + omega[1, 1] - 2.0 * omega[0, 1])
    differences = omega[1:, 1:] - omega[1:, :1] - omega[:1, 1:] + omega[0, 0]
    factor = np.linalg.cholesky(differences)
    places = [(r, c) for r in range(1, J - 1) for c in range(r + 1)]
    theta = {f"chol[a{r + 1},a{c + 1}]": factor[r, c] for r, c in places}
    return Truth({"covariance": "unstructured", "scale": "a1"}, omega, theta)


def exchangeable(J: int) -> Truth:
    """Correlation 0.4 of all but the base's, standard deviations from 0.7 to 1.3 of a1's."""
    sd = 1.0 + 0.3 * np.cos(2.0 * np.arange(J))
    sd[:2] = 1.0
    correlation = np.where(np.eye(J) > 0.0, 1.0, 0.4)
    correlation[0, 1:] = correlation[1:, 0] = 0.0
    theta = {f"sd[a{j}]": sd[j] for j in range(2, J)}
    omega = 0.5 * correlation * np.outer(sd, sd)
    return Truth({"covariance": "exchangeable", "scale": "a1"}, omega, {**theta, "corr": 0.4})


def one_factor(J: int) -> Truth:
    """Loadings from 0.4 to 1 on one common normal; the base has none."""
    loads = np.append(0.0, 0.7 + 0.3 * np.sin(1.0 + np.arange(1, J)))
    theta = {f"load[a{j},1]": loads[j] for j in range(1, J)}
    omega = 0.5 * np.eye(J) + np.outer(loads, loads)
    return Truth({"covariance": "factor(1)", "scale": "a1"}, omega, theta)


STRUCTURES: dict[str, Callable[[int], Truth]] = {
    "iid": iid,
    "heteroskedastic": heteroskedastic,
    "exchangeable": exchangeable,
    "factor(1)": one_factor,
    "unstructured": unstructured,
}
CASES = {3: 2000, 5: 1500, 8: 2000}
MORE_REPLICATIONS = {3: 5}  # alternatives: times as many, because their fits take no time
# Three variances are weakly identified: with 1,000 cases their standard errors are 0.4. The 27
# elements of a factor ran to a singular covariance in one of four data sets with 2,000 cases.
MORE_CASES = {("heteroskedastic", 3): 8000, ("unstructured", 8): 4000}


@dataclass(frozen=True)
class Setting:
    """One cell of the study."""

    structure: str
    J: int
    cases: int
    draws: int

    @property
    def file(self) -> str:
        name = re.sub(r"\W+", "_", self.structure).strip("_")
        return f"{name}_J{self.J}_N{self.cases}_R{self.draws}.csv"

    @property
    def truth(self) -> dict[str, float]:
        """True values of all parameters by name."""
        constants = {f"asc[a{j}]": float(0.3 * np.sin(1.0 + j)) for j in range(1, self.J)}
        return {**BETA, **constants, **STRUCTURES[self.structure](self.J).theta}


def simulated(setting: Setting, replication: int) -> pd.DataFrame:
    """Choices of one replication, long; its seed is made of structure, J and replication."""
    C, J, truth = setting.cases, setting.J, setting.truth
    rng = np.random.default_rng([zlib.crc32(setting.structure.encode()), J, replication])
    X = rng.standard_normal((C * J, len(BETA)))
    v = (X @ np.array(list(BETA.values()))).reshape(C, J)
    v[:, 1:] += [truth[f"asc[a{j}]"] for j in range(1, J)]
    omega = STRUCTURES[setting.structure](J).omega
    errors = rng.multivariate_normal(np.zeros(J), omega, size=C, method="cholesky")
    chosen = (v + errors).argmax(axis=1)
    frame = pd.DataFrame(X, columns=list(BETA))
    frame["case"] = np.repeat(np.arange(C), J)
    frame["alt"] = np.tile([f"a{j}" for j in range(J)], C)
    frame["choice"] = (np.arange(J) == chosen[:, None]).ravel().astype(int)
    return frame


def replicate(setting: Setting, replication: int) -> pd.DataFrame:
    """Estimates and standard errors of one replication, a row a parameter."""
    data = ck.ChoiceData.from_long(
        simulated(setting, replication), case="case", alt="alt", chosen="choice"
    )
    options = STRUCTURES[setting.structure](setting.J).options
    formula = f"choice ~ {' + '.join(BETA)}"
    model = ck.probit(formula, data, base="a0", draws=setting.draws, **options)
    assert set(model.parameter_names) == set(setting.truth), "the truth names other parameters"
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.exceptions.ConvergenceWarning)
        fit = model.fit(seed=replication + 1)
    return pd.DataFrame(
        {
            "replication": replication,
            "parameter": fit.params.index,
            "estimate": fit.params.to_numpy(),
            "error": fit.bse.to_numpy(),
            "converged": fit.convergence.converged,
            "seconds": time.perf_counter() - start,
            "message": fit.convergence.message,
        }
    )


def study(setting: Setting, replications: int, folder: Path, pool: Any) -> pd.DataFrame:
    """All replications of a setting, those in the folder and those still to be made."""
    path = folder / setting.file
    found = kept(path, replications, partial(replicate, setting), pool)
    found = found[found["replication"] < replications]
    reach = LEVEL * found["error"]
    return found.assign(
        truth=found["parameter"].map(setting.truth),
        low=found["estimate"] - reach,
        high=found["estimate"] + reach,
    )


HEADER = [
    "errors",
    "J",
    "cases",
    "parameters",
    "not converged",
    "bias / its s.e.: rms",
    "largest bias, in sd",
    "mean s.e. / sd: mean",
    "lowest",
    "coverage: mean",
    "lowest",
    "s a fit",
]


def cells(setting: Setting, one: Summary) -> list[str]:
    """A row of the table under `HEADER`."""
    t = one.table
    start = [
        setting.structure,
        f"{setting.J}",
        f"{setting.cases:,}",
        f"{len(setting.truth)}",
        f"{one.failed} of {one.replications}",
    ]
    if one.replications - one.failed < 2:
        return [*start, *["too few"] * (len(HEADER) - len(start) - 1), f"{one.seconds:.2f}"]
    bias, ratio = t["bias"] / t["sd"], t["mean s.e."] / t["sd"]
    far = bias.abs().idxmax()
    return [
        *start,
        f"{np.sqrt(np.mean(np.square(bias) * t['n'])):.2f}",
        f"{bias[far]:+.2f} ({far})",
        f"{ratio.mean():.3f}",
        f"{ratio.min():.2f} ({ratio.idxmin()})",
        f"{100 * t['coverage'].mean():.1f}%",
        f"{100 * t['coverage'].min():.1f}% ({t['coverage'].idxmin()})",
        f"{one.seconds:.2f}",
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="seconds: does it run at all")
    parser.add_argument("--out", type=Path, default=Path("recovery"), help="folder of the CSVs")
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--structures", nargs="+", choices=list(STRUCTURES), default=None)
    parser.add_argument("--alternatives", nargs="+", type=int, default=list(CASES))
    parser.add_argument("--cases", type=int, help="in place of the study's own numbers")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--page", type=Path, help="the page whose table is to be replaced")
    args = parser.parse_args()
    if args.tiny:
        args.alternatives, args.replications, args.page = [3, 5], 3, None
    return args


def settings(args: argparse.Namespace) -> list[Setting]:
    found = []
    for structure in args.structures or STRUCTURES:
        for J in args.alternatives:
            cases = args.cases or MORE_CASES.get((structure, J), CASES.get(J, 2000))
            found.append(Setting(structure, J, 600 if args.tiny else cases, args.draws))
    return found


def run(args: argparse.Namespace, folder: Path, pool: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines, seconds = [], 0.0
    for setting in settings(args):
        more = 1 if args.tiny else MORE_REPLICATIONS.get(setting.J, 1)
        rows = study(setting, more * args.replications, folder, pool)
        found = summarise(rows)
        lines.append(cells(setting, found))
        seconds += float(rows.groupby("replication")["seconds"].first().sum())
        print(", ".join(f"{name}: {x}" for name, x in zip(HEADER, lines[-1], strict=True)))
        print(found.table.iloc[:, :6].round(4).to_string(), "\n", flush=True)
    if args.page is not None:
        put(args.page, "covariances", f"{markdown(HEADER, lines, 1)}\n\n{made_on(seconds)}")
        print(f"written: {args.page}")


def main() -> None:
    args = arguments()
    print(timing.machine(), "\n")
    if args.tiny:
        import tempfile

        with tempfile.TemporaryDirectory() as name:
            run(args, Path(name), None)
        return
    with ProcessPoolExecutor(max_workers=args.processes) as pool:
        run(args, args.out, pool)


if __name__ == "__main__":
    main()
