"""The truth of quantities made from estimates, and what choicekit says about them.

The covariates are the same in all replications, so that shares, elasticities and surpluses of the
sample have one truth. It is worked out here from the true coefficients: closed forms for the
logit, integrals over a grid for the probit, differences for derivatives.
Axes: C cases, J alternatives, G points of the grid.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import logsumexp, ndtr

import choicekit as ck
from known_truths import Family

J = 3
LABELS = ("a0", "a1", "a2")
CONSTANTS = np.array([0.0, 0.3, -0.2])
SD = 0.5**0.5  # of the probit's errors: their differences have variance 1
GRID = np.linspace(-10.0, 10.0, 2001)
CHEAPER = {"cost": {"a1": "-20%"}}
INTERVALS = ("delta", "fieller", "krinsky-robb")


@dataclass(frozen=True)
class World:
    """Covariates cost and time (C,J) and their coefficients; normal errors or Gumbel's."""

    cost: np.ndarray
    time: np.ndarray
    beta: tuple[float, float]
    normal: bool

    def utilities(self, factor: np.ndarray) -> np.ndarray:
        """(C,J), the costs of the alternatives times a factor (J,)."""
        return self.beta[0] * self.cost * factor + self.beta[1] * self.time + CONSTANTS

    def probabilities(self, factor: np.ndarray, without: int | None = None) -> np.ndarray:
        v = self.utilities(factor)
        if without is not None:
            v[:, without] = -np.inf
        if not self.normal:
            found: np.ndarray = np.exp(v - logsumexp(v, axis=1, keepdims=True))
            return found
        density = np.exp(-(GRID**2) / (2.0 * SD**2)) / (SD * np.sqrt(2.0 * np.pi))
        columns = []
        for j in range(J):
            if j == without:
                columns.append(np.zeros(len(v)))
                continue
            below = np.ones((len(v), len(GRID)))
            for k in set(range(J)) - {j}:
                below *= ndtr((v[:, [j]] - v[:, [k]] + GRID) / SD)
            columns.append(below @ density * (GRID[1] - GRID[0]))
        return np.column_stack(columns)

    def expected_maximum(self, factor: np.ndarray) -> np.ndarray:
        """(C,), up to a constant: the mean of a variable is the integral of its tails."""
        v = self.utilities(factor)
        if not self.normal:
            return np.asarray(logsumexp(v, axis=1))
        at = 2.0 * GRID
        cdf = np.prod(ndtr((at - v[..., None]) / SD), axis=1)
        return np.asarray(((at >= 0.0) - cdf).sum(axis=1) * (at[1] - at[0]))


def truths(world: World) -> dict[str, float]:
    """By the names that `looked_at` gives."""
    one, step = np.ones(J), 1e-4
    up, down, cheaper = (np.array([1.0, x, 1.0]) for x in (1.0 + step, 1.0 - step, 0.8))
    p = world.probabilities(one).mean(axis=0)
    slope = (world.probabilities(up) - world.probabilities(down)).mean(axis=0) / (2.0 * step)
    gone = world.probabilities(one, without=1).mean(axis=0)
    gain = world.expected_maximum(cheaper) - world.expected_maximum(one)
    return {
        **{f"WTP, {method}": -world.beta[1] / world.beta[0] for method in INTERVALS},
        "elasticity, own": slope[1] / p[1],
        "elasticity, cross": slope[0] / p[0],
        "change of share, own": world.probabilities(cheaper).mean(axis=0)[1] - p[1],
        "change of share, other": world.probabilities(cheaper).mean(axis=0)[0] - p[0],
        "diversion": (gone[0] - p[0]) / p[1],
        "surplus": float(gain.mean()) / -world.beta[0],
    }


def looked_at(fit: ck.FitResults) -> pd.DataFrame:
    """The same quantities estimated: what a1 does to itself and to a0."""
    found = {f"WTP, {method}": fit.wtp("time", "cost", method).loc["time"] for method in INTERVALS}
    effects = fit.elasticities("cost").set_index(["of", "by"])
    shares = fit.scenario(CHEAPER).estimates
    surplus = fit.consumer_surplus(CHEAPER, price="cost")
    found |= {
        "elasticity, own": effects.loc[("a1", "a1")],
        "elasticity, cross": effects.loc[("a0", "a1")],
        "change of share, own": shares.loc[("a1", "change")],
        "change of share, other": shares.loc[("a0", "change")],
        "diversion": fit.diversion("a1").set_index("to").loc["a0"],
        "surplus": surplus.loc["mean"],
    }
    table = pd.DataFrame(found).T[["estimate", "std_error", "conf_low", "conf_high"]]
    return table.astype(float).set_axis(["estimate", "error", "low", "high"], axis=1)


def effects(C: int, cost: float, normal: bool, replications: int) -> Family:
    rng = np.random.default_rng(0)
    world = World(
        rng.uniform(1.0, 5.0, (C, J)), rng.uniform(0.5, 3.0, (C, J)), (cost, -0.8), normal
    )
    own = pd.DataFrame({"cost": world.cost.ravel(), "time": world.time.ravel()})
    own["case"], own["alt"] = np.repeat(np.arange(C), J), np.tile(LABELS, C)

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        e = rng.normal(0.0, SD, (C, J)) if normal else rng.gumbel(size=(C, J))
        chosen = (world.utilities(np.ones(J)) + e).argmax(axis=1)
        found = own.assign(choice=(np.arange(J) == chosen[:, None]).ravel().astype(int))
        data = ck.ChoiceData.from_long(found, case="case", alt="alt", chosen="choice")
        errors = ck.Normal("iid") if normal else None
        return ck.ChoiceModel("choice ~ cost + time", data, errors, base="a0")

    size = f"{C:,} cases, {J} alternatives"
    return Family(truths(world), model, size, replications, estimates=looked_at)
