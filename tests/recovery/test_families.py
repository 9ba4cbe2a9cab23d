"""Known truth, simulated choices: families beside the logit and the probit.

If estimates are normal about the truth with the covariance they report, their squared distances
from it over several data sets add up to a chi-squared. The test takes both of its tails: estimates
that are nearer than their covariance says are as wrong as those that are farther.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import choicekit as ck

BETA = np.array([1.0, -1.0])
CONSTANTS = np.array([0.0, 0.3, -0.2, 0.1])
TAIL = 0.001  # of each side
Rng = np.random.Generator


def require_chi_squared(estimates: Any, truth: dict[str, float]) -> None:
    """``estimates``: pairs of estimates and their covariance, one a data set."""
    total, df = 0.0, 0
    for params, cov in estimates:
        assert set(params.index) == set(truth)
        off = (params - pd.Series(truth)[params.index]).to_numpy()
        total += float(off @ np.linalg.solve(cov.to_numpy(), off))
        df += len(off)
    assert chi2.ppf(TAIL, df) < total < chi2.isf(TAIL, df)


def long(X: Any, chosen: Any) -> pd.DataFrame:
    C, J = X.shape[:2]
    frame = pd.DataFrame(X.reshape(C * J, 2), columns=["x1", "x2"])
    frame["case"], frame["alt"] = np.repeat(np.arange(C), J), np.tile([*"abcd"[:J]], C)
    return frame.assign(choice=(np.arange(J) == chosen[:, None]).ravel().astype(int))


def read(frame: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


def utilities(rng: Rng, C: int, J: int) -> tuple[Any, Any]:
    X = rng.standard_normal((C, J, 2))
    return X, X @ BETA + CONSTANTS[:J]


def logsum(v: Any, scale: float) -> Any:
    return scale * np.log(np.exp(v / scale).sum(axis=1))


def one_of(rng: Rng, v: Any, scale: float) -> Any:
    """The largest of utilities with Gumbel errors of a scale."""
    return (v + scale * rng.gumbel(size=v.shape)).argmax(axis=1)


def three_levels(rng: Rng) -> Any:
    """a alone, b beside the nest of c and d; level by level from the top."""
    X, v = utilities(rng, 700, 4)
    middle = np.column_stack([v[:, 1], logsum(v[:, 2:], 0.5)])
    chosen = one_of(rng, np.column_stack([v[:, 0], logsum(middle, 0.8)]), 1.0)
    chosen = np.where(chosen == 1, 1 + one_of(rng, middle, 0.8), chosen)
    chosen = np.where(chosen == 2, 2 + one_of(rng, v[:, 2:], 0.5), chosen)
    law = ck.Nested({"outer": ["b", {"inner": ["c", "d"]}]})
    return ck.ChoiceModel("choice ~ x1 + x2", read(long(X, chosen)), law, base="a").fit()


def overlapping(rng: Rng) -> Any:
    """A nest of b and half of c, one of d and the other half: first the nest, then who is in it."""
    X, v = utilities(rng, 700, 4)
    half = v[:, [2]] + np.log(0.5)
    nests = [np.column_stack([v[:, [1]], half]), np.column_stack([half, v[:, [3]]])]
    values = np.column_stack([v[:, 0], *(logsum(inside, 0.5) for inside in nests)])
    nest = one_of(rng, values, 1.0)
    inside = [one_of(rng, part, 0.5) for part in nests]
    chosen = np.select([nest == 0, nest == 1], [0, 1 + inside[0]], 2 + inside[1])
    law = ck.CrossNested({"n": {"b": 1.0, "c": 0.5}, "m": {"c": 0.5, "d": 1.0}}, common=True)
    return ck.ChoiceModel("choice ~ x1 + x2", read(long(X, chosen)), law, base="a").fit()


def unequal(rng: Rng) -> Any:
    X, v = utilities(rng, 1500, 3)
    chosen = (v + np.array([1.0, 1.5, 0.7]) * rng.gumbel(size=v.shape)).argmax(axis=1)
    data = read(long(X, chosen))
    return ck.ChoiceModel("choice ~ x1 + x2", data, ck.HeteroskedasticGumbel("a"), base="a").fit()


def best_and_worst(rng: Rng) -> Any:
    X, v = utilities(rng, 300, 4)
    best = one_of(rng, v, 1.0)
    frame = long(X, best)
    left = np.where(np.arange(4) == best[:, None], -np.inf, -v)
    frame["worst"] = (np.arange(4) == one_of(rng, left, 1.0)[:, None]).ravel()
    data = ck.ChoiceData.from_rankings(frame, case="case", alt="alt", rank="choice", worst="worst")
    return ck.logit("~ x1 + x2", data, base="a").fit()


TRUTH = {"x1": 1.0, "x2": -1.0, "asc[b]": 0.3, "asc[c]": -0.2, "asc[d]": 0.1}
FAMILIES: dict[str, tuple[Callable[[Rng], Any], dict[str, float]]] = {
    "three levels": (three_levels, {**TRUTH, "lambda[outer]": 0.8, "lambda[inner]": 0.5}),
    "overlapping nests": (overlapping, {**TRUTH, "lambda": 0.5}),
    "unequal scales": (
        unequal,
        {n: x for n, x in TRUTH.items() if n != "asc[d]"} | {"scale[b]": 1.5, "scale[c]": 0.7},
    ),
    "best and worst": (best_and_worst, TRUTH),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_estimates_are_where_their_covariance_says(family: str) -> None:
    fitted, truth = FAMILIES[family]
    fits = [fitted(np.random.default_rng([77, seed])) for seed in range(5)]
    assert all(fit.convergence.converged for fit in fits)
    require_chi_squared([(fit.params, fit.cov) for fit in fits], truth)


SHIFT = np.array([0.0, -1.0, -2.0])


def counted_out(rng: Rng) -> pd.DataFrame:
    """As many cases of each choice, from a population with unequal shares."""
    X = rng.standard_normal((3000, 3, 2))
    chosen = one_of(rng, X @ BETA + SHIFT, 1.0)
    kept = np.concatenate([np.flatnonzero(chosen == j)[:150] for j in range(3)])
    return long(X[kept], chosen[kept])


def population() -> dict[str, float]:
    """Shares by a product rule, the covariates' part of each utility being N(0, 2)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    weights = weights / weights.sum()
    grid = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 3)
    mass = np.einsum("i,j,k->ijk", weights, weights, weights).ravel()
    p = np.exp(2.0**0.5 * grid + SHIFT)
    return dict(zip("abc", mass @ (p / p.sum(axis=1, keepdims=True)), strict=True))


@pytest.mark.parametrize("weighted", [False, True])
def test_samples_by_choice_have_the_errors_of_their_strata(weighted: bool) -> None:
    """Of the constants, whose errors are too large without strata: then they are too near."""
    shares, strict, loose = population(), [], []
    truth = {"asc[b]": SHIFT[1], "asc[c]": SHIFT[2]}
    own = list(truth)
    for seed in range(40):
        data = read(counted_out(np.random.default_rng([78, seed])))
        if weighted:
            data = data.with_weights(ck.wesml_weights(data, shares))
        fit = ck.logit("choice ~ x1 + x2", data, base="a").fit(cov_type="HC0", strata="choice")
        params = fit.params if weighted else ck.corrected_constants(fit, shares)
        strict.append((params[own], fit.cov.loc[own, own]))
        loose.append((params[own], fit.with_cov("HC0").cov.loc[own, own]))
    require_chi_squared(strict, truth)
    with pytest.raises(AssertionError):
        require_chi_squared(loose, truth)
