"""Swissmetro, judged by people left out: logit and probit, without and with networks.

::

    python benchmarks/neural_swissmetro.py [--tiny] [--folds N] [--seed N]

The usual cases (commuters and business trips, 6,768 choices of 752 people among train,
Swissmetro and car). Time, cost and headway are linear in all models. What is known of people (age,
income, sex, first class, luggage, who pays, purpose, season ticket) is left out, enters linearly
with coefficients of each alternative, or goes to a network. Folds of people; networks are trained
again without each fold, stopping by people held out of the rest. Needs torch and the data,
`$CHOICEKIT_SHARED/data` or `../shared/data`.
"""

import os
import time
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

import choicekit as ck
import timing

FILE = "biogeme_swissmetro.csv.gz"
PEOPLE = ["AGE", "INCOME", "MALE", "FIRST", "LUGGAGE", "WHO", "PURPOSE", "GA"]
CATEGORIES = ["AGE", "INCOME", "LUGGAGE", "WHO"]
LINEAR = "CHOICE ~ cost + time + headway | "


def find_data() -> Path | None:
    """The file, where it is."""
    root = os.environ.get("CHOICEKIT_SHARED") or Path(__file__).parents[2] / "shared"
    path = Path(root) / "data" / FILE
    return path if path.exists() else None


def read(path: Path) -> ck.ChoiceData:
    """The usual cases, in hundreds of minutes and francs; who has a season ticket pays nothing."""
    df = pd.read_csv(path).query("PURPOSE in (1, 3) and CHOICE != 0")
    wide = df[["ID", "CHOICE", *PEOPLE]].assign(
        train_av=df["TRAIN_AV"] * (df["SP"] != 0), car_av=df["CAR_AV"] * (df["SP"] != 0), sm_av=1
    )
    wide["AGE"] = wide["AGE"].clip(upper=5)  # 6, not known: none of these few has a car
    wide["INCOME"] = wide["INCOME"].clip(lower=1)  # 0 and 1 are both below 50,000 francs
    wide["WHO"] = wide["WHO"].clip(lower=1)  # 0, not known: hardly any of them takes the train
    for name, paid in (("TRAIN", df["GA"] == 0), ("SM", df["GA"] == 0), ("CAR", 1)):
        wide[f"cost_{name}"] = df[f"{name}_CO"] * paid / 100.0
        wide[f"time_{name}"] = df[f"{name}_TT"] / 100.0
        wide[f"headway_{name}"] = df[f"{name}_HE"] / 100.0 if name != "CAR" else 0.0
    labels = {"train": "TRAIN", "sm": "SM", "car": "CAR"}
    return ck.ChoiceData.from_wide(
        wide,
        alternatives={"train": 1, "sm": 2, "car": 3},
        chosen="CHOICE",
        varying={
            name: {label: f"{name}_{code}" for label, code in labels.items()}
            for name in ("cost", "time", "headway")
        },
        available={"train": "train_av", "sm": "sm_av", "car": "car_av"},
        person="ID",
    )


def models(data: ck.ChoiceData, tiny: bool) -> dict[str, ck.ChoiceModel]:
    """Every way to treat people, with both error laws."""
    terms = [f"C({name})" if name in CATEGORIES else name for name in PEOPLE]
    network = ck.NeuralUtility(
        ck.neural.MLP((32,), dropout=0.3),
        terms,
        LINEAR + "1",
        training=ck.neural.Training(
            learning_rate=3e-3, weight_decay=1e-2, epochs=2 if tiny else 100, patience=15
        ),
    )
    ways = {"": LINEAR + "1", " + covariates": LINEAR + " + ".join(terms), " + network": network}
    covariance = "iid" if tiny else "unstructured"
    laws = {"logit": ck.Gumbel(), "probit": ck.Normal(covariance)}
    if tiny:
        del ways[" + covariates"]  # so few people do not identify them
    return {
        law + way: ck.ChoiceModel(spec, data, errors=errors, base="sm")
        for way, spec in ways.items()
        for law, errors in laws.items()
    }


def main() -> None:
    options = timing.parser(__doc__.splitlines()[0], peers=False)
    options.add_argument("--folds", type=int, default=5, help="of people")
    options.add_argument("--seed", type=int, default=1, help="of folds and training")
    args = timing.parsed(options)
    path = find_data()
    if path is None or find_spec("torch") is None:
        print(f"Nothing to measure: {'torch' if path else FILE} is not here.")
        return
    print(timing.machine())
    data = read(path)
    if args.tiny:
        data = data.select(data.layout.person < 60)
    print(data, end="\n\n")
    fits, seconds, loose = {}, {}, []
    for name, model in models(data, args.tiny).items():
        begun = time.perf_counter()
        fits[name] = model.fit(seed=args.seed, cov_type="cluster")
        seconds[name] = time.perf_counter() - begun
        loose += [] if fits[name].convergence.converged else [name]
    rows = [
        [
            name,
            f"{fit.llf:.1f}",
            *(f"{fit.params[x]:.3f} ({fit.bse[x]:.3f})" for x in ("cost", "time", "headway")),
            f"{-60 * fit.wtp('time', price='cost')['estimate'].iloc[0]:.0f}",
            f"{seconds[name]:.1f}",
        ]
        for name, fit in fits.items()
    ]
    header = ["all cases", "log-likelihood", "cost", "time", "headway", "francs an hour", "s"]
    timing.print_table(header, rows)
    print(f"did not converge: {', '.join(loose) or 'none'}")
    folds = 2 if args.tiny else args.folds
    found = ck.cross_validate(*fits.values(), names=list(fits), folds=folds, seed=args.seed)
    print(f"\n{found.sample}: log score of people left out, a case")
    best = found.totals["log_score"].idxmax()
    print(f"differences from {best}, paired, standard errors clustered by person\n")
    rows = []
    for name, row in found.totals.iterrows():
        pair = found.differences[
            found.differences[["first", "second"]].isin([name, best]).all(axis=1)
            & (found.differences["score"] == "log_score")
        ]
        cells = ["", ""]
        if len(pair):
            one = pair.iloc[0]
            sign = 1.0 if one["first"] == name else -1.0
            cells = [f"{sign * one['difference']:.4f}", f"{one['std_error']:.4f}"]
        scores = [f"{row[x]:.4f}" for x in ("log_score", "in_sample", "hit")]
        rows.append([str(name), *scores, f"{int(row['refits'])} of {folds}", *cells])
    header = ["left out", "log score", "in sample", "hit rate", "converged"]
    header += ["less the best", "std err"]
    timing.print_table(header, rows)
    for note in fits["logit + network"].notes[:1]:
        print(f"\n{note}")


if __name__ == "__main__":
    main()
