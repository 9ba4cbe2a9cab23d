"""Data sets of every family of models, simulated from known truths, and the models to fit to them.

Nothing here is simulated by choicekit: choices are the largest of simulated utilities or, where
an error law has no simple generator (nests that overlap), drawn from the textbook's probabilities.
Axes: C cases, J alternatives, N people, T cases a person, M nests.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

import choicekit as ck
from replications import LEVEL

BETA = {"x1": 1.0, "x2": -1.0}  # of standard normal covariates
MEANS = tuple(BETA.values())
FORMULA = "choice ~ x1 + x2"


@dataclass(frozen=True)
class Family:
    """One row of the study.

    ``truth`` names all parameters; ``model`` makes a new data set and the model to fit; ``fit``
    are options of the fit, ``size`` says how large the data are and ``replications`` how many data
    sets the study makes. ``estimates`` gives what is looked at, if not the parameters themselves:
    rows named as in ``truth``, columns estimate, error, low and high.
    """

    truth: dict[str, float]
    model: Callable[[np.random.Generator], ck.ChoiceModel]
    size: str
    replications: int = 200
    fit: dict[str, Any] = field(default_factory=dict)
    estimates: Callable[[ck.FitResults], pd.DataFrame] | None = None


def constants(J: int) -> dict[str, float]:
    """Constants of all alternatives but the first."""
    return {f"asc[a{j}]": round(0.3 * float(np.sin(1.0 + j)), 3) for j in range(1, J)}


def covariates(rng: np.random.Generator, C: int, J: int) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal covariates (C,J,2) and utilities (C,J) with `BETA` and `constants`."""
    X = rng.standard_normal((C, J, 2))
    return X, X @ np.array(MEANS) + np.array([0.0, *constants(J).values()])


def picked(rng: np.random.Generator, p: np.ndarray) -> np.ndarray:
    """One of J by probabilities (C,J)."""
    return np.asarray((p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1))


def frame(X: np.ndarray, chosen: np.ndarray, T: int = 1) -> pd.DataFrame:
    """Long data of covariates (C,J,2); T cases in a row are a person's."""
    C, J = X.shape[:2]
    found = pd.DataFrame(X.reshape(C * J, -1), columns=list(BETA))
    found["case"] = np.repeat(np.arange(C), J)
    found["person"] = found["case"] // T
    found["alt"] = np.tile([f"a{j}" for j in range(J)], C)
    found["choice"] = (np.arange(J) == chosen[:, None]).ravel().astype(int)
    return found


def read(found: pd.DataFrame, person: str | None = None) -> ck.ChoiceData:
    labels = sorted(found["alt"].unique(), key=lambda label: int(label[1:]))
    return ck.ChoiceData.from_long(
        found, case="case", alt="alt", chosen="choice", person=person, alternatives=labels
    )


# Closed forms


def table(fit: ck.FitResults, values: "pd.Series[float]") -> pd.DataFrame:
    """Estimates with the fit's standard errors, and the intervals these make."""
    reach = LEVEL * fit.bse
    columns = {"estimate": values, "error": fit.bse}
    return pd.DataFrame({**columns, "low": values - reach, "high": values + reach})


def logit(C: int, J: int) -> Family:
    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X, v = covariates(rng, C, J)
        return ck.logit(FORMULA, read(frame(X, (v + rng.gumbel(size=v.shape)).argmax(axis=1))))

    return Family({**BETA, **constants(J)}, model, f"{C:,} cases, {J} alternatives")


def in_nests(v: np.ndarray, shares: np.ndarray, scales: Sequence[float]) -> np.ndarray:
    """Cross-nested probabilities (C,J) for shares (M,J) of alternatives in nests."""
    total, inclusive = np.zeros(v.shape), []
    for share, scale in zip(shares, scales, strict=True):
        inside = (share * np.exp(v)) ** (1.0 / scale)
        inclusive.append((inside, inside.sum(axis=1) ** scale))
    whole = sum(top for _, top in inclusive)
    for inside, top in inclusive:
        total += inside / inside.sum(axis=1, keepdims=True) * (top / whole)[:, None]
    return total


def nests(C: int, errors: Any, shares: Any, scales: Sequence[float], **truth: float) -> Family:
    """Nested, cross-nested and paired logits: the same probabilities with other shares."""
    J = np.shape(shares)[1]

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X, v = covariates(rng, C, J)
        chosen = picked(rng, in_nests(v, np.array(shares, dtype=float), scales))
        return ck.ChoiceModel(FORMULA, read(frame(X, chosen)), errors, base="a0")

    names = {f"lambda[{name}]" if len(name) == 1 else name: x for name, x in truth.items()}
    return Family({**BETA, **constants(J), **names}, model, f"{C:,} cases, {J} alternatives")


def nested_twice(C: int, outer: float = 0.8, inner: float = 0.5) -> Family:
    """a0 alone; a1 and the nest of a2 and a3 in another."""
    tree: Any = {"outer": ["a1", {"inner": ["a2", "a3"]}]}

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X, v = covariates(rng, C, 4)
        low = np.exp(v[:, 2:] / inner)
        low_value = inner * np.log(low.sum(axis=1))
        middle = np.exp(np.column_stack([v[:, 1], low_value]) / outer)
        top = np.exp(np.column_stack([v[:, 0], outer * np.log(middle.sum(axis=1))]))
        p = [part / part.sum(axis=1, keepdims=True) for part in (top, middle, low)]
        chosen = picked(rng, p[0])
        chosen = np.where(chosen == 1, 1 + picked(rng, p[1]), chosen)
        chosen = np.where(chosen == 2, 2 + picked(rng, p[2]), chosen)
        return ck.ChoiceModel(FORMULA, read(frame(X, chosen)), ck.Nested(tree), base="a0")

    truth = {**BETA, **constants(4), "lambda[outer]": outer, "lambda[inner]": inner}
    return Family(truth, model, f"{C:,} cases, 4 alternatives")


def pairs(J: int) -> np.ndarray:
    """Shares of the paired combinatorial logit, a row a pair."""
    rows, columns = np.triu_indices(J, 1)
    found = np.zeros((len(rows), J))
    found[np.arange(len(rows)), rows] = found[np.arange(len(rows)), columns] = 1.0 / (J - 1)
    return found


def hev(C: int, scales: Sequence[float]) -> Family:
    J = len(scales)

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X, v = covariates(rng, C, J)
        chosen = (v + np.array(scales) * rng.gumbel(size=v.shape)).argmax(axis=1)
        return ck.ChoiceModel(
            FORMULA, read(frame(X, chosen)), ck.HeteroskedasticGumbel("a0"), base="a0"
        )

    own = {f"scale[a{j}]": scales[j] for j in range(1, J)}
    return Family({**BETA, **constants(J), **own}, model, f"{C:,} cases, {J} alternatives")


# Answers in an order, rankings


def ordered(C: int, errors: str) -> Family:
    cuts = {"cut[1|2]": -1.5, "cut[2|3]": 0.2, "cut[3|4]": 1.3}

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X = rng.standard_normal((C, 2))
        e = rng.logistic(size=C) if errors == "logit" else rng.standard_normal(C)
        answers = np.searchsorted(list(cuts.values()), X @ np.array(MEANS) + e) + 1
        found = pd.DataFrame(X, columns=list(BETA)).assign(choice=answers)
        data = ck.ChoiceData.from_wide(found, alternatives=[1, 2, 3, 4], chosen="choice")
        return ck.ordered(FORMULA, data, errors=errors)

    return Family({**BETA, **cuts}, model, f"{C:,} answers, 4 categories")


def ranked(N: int, J: int, best_worst: bool) -> Family:
    """Whole rankings by utility, or the best and then, of the others, the worst (maxdiff)."""

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X, v = covariates(rng, N, J)
        u = v + rng.gumbel(size=v.shape)
        found = frame(X, u.argmax(axis=1))
        best = found["choice"].to_numpy().reshape(N, J) == 1
        names = {"case": "case", "alt": "alt", "rank": "choice"}
        if best_worst:
            dislike = np.where(best, -np.inf, rng.gumbel(size=v.shape) - v)
            found["worst"] = (np.arange(J) == dislike.argmax(axis=1)[:, None]).ravel()
            names["worst"] = "worst"
        else:
            found["choice"] = ((-u).argsort(axis=1).argsort(axis=1) + 1).ravel()
        return ck.logit(FORMULA, ck.ChoiceData.from_rankings(found, **names), base="a0")

    return Family({**BETA, **constants(J)}, model, f"{N:,} rankings of {J}")


# Utilities, samples


def box_cox(C: int, power: float = 0.4) -> Family:
    truth = {"c1": 0.3, "c2": -0.2, "b": -1.5, "d": 0.8, "lam": power}
    common = "b * boxcox(x1, lam) + d * x2"

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X = np.stack([rng.uniform(0.2, 5.0, (C, 3)), rng.standard_normal((C, 3))], axis=2)
        v = truth["b"] * (X[..., 0] ** power - 1.0) / power + truth["d"] * X[..., 1]
        v = v + np.array([0.0, truth["c1"], truth["c2"]]) + rng.gumbel(size=v.shape)
        texts = {"a0": common, "a1": f"c1 + {common}", "a2": f"c2 + {common}"}
        start = dict.fromkeys(truth, 0.0) | {"lam": 1.0}
        return ck.logit(ck.Nonlinear(texts, start), read(frame(X, v.argmax(axis=1))))

    return Family(truth, model, f"{C:,} cases, 3 alternatives")


def population_shares(J: int, shift: np.ndarray) -> np.ndarray:
    """Shares of a population with other constants: by 4 million draws, so to 0.0003."""
    rng = np.random.default_rng(0)
    v = rng.standard_normal((4_000_000, J)) * np.linalg.norm(MEANS) + shift
    p = np.exp(v - v.max(axis=1, keepdims=True))
    return np.asarray((p / p.sum(axis=1, keepdims=True)).mean(axis=0))


def by_choice(C: int, weighted: bool, strata: str | None = "choice") -> Family:
    """As many cases of every choice, where the population's shares are unequal."""
    shift = np.array([0.0, -1.0, -2.0])
    shares = dict(zip(("a0", "a1", "a2"), population_shares(3, shift), strict=True))
    truth = {**BETA, "asc[a1]": shift[1], "asc[a2]": shift[2]}

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X = rng.standard_normal((30 * C, 3, 2))
        u = X @ np.array(MEANS) + shift + rng.gumbel(size=X.shape[:2])
        chosen = u.argmax(axis=1)
        kept = np.concatenate([np.flatnonzero(chosen == j)[: C // 3] for j in range(3)])
        data = read(frame(X[kept], chosen[kept]))
        if weighted:
            data = data.with_weights(ck.wesml_weights(data, shares))
        return ck.logit(FORMULA, data, base="a0")

    size = f"{C // 3:,} choices of each of 3 alternatives"
    fit = {"cov_type": "HC0", "strata": strata}
    if weighted:
        return Family(truth, model, size, fit=fit)

    def corrected(fit: ck.FitResults) -> pd.DataFrame:
        return table(fit, ck.corrected_constants(fit, shares))

    return Family(truth, model, size, fit=fit, estimates=corrected)


def sampled(C: int, J: int) -> Family:
    """A fifth of the alternatives or so, the first ones more often."""
    inclusion = {f"a{j}": 0.4 - 0.35 * j / (J - 1) for j in range(J)}

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X = rng.standard_normal((C, J, 2))
        u = X @ np.array(MEANS) + rng.gumbel(size=X.shape[:2])
        data = read(frame(X, u.argmax(axis=1)))
        some = ck.sample_alternatives(
            data, probabilities=inclusion, seed=int(rng.integers(1 << 31))
        )
        return ck.logit("choice ~ x1 + x2 + offset(log_q) | 0", some)

    return Family(dict(BETA), model, f"{C:,} cases, about {0.225 * J:.0f} of {J} alternatives")
