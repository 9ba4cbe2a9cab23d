"""Simulated choices with known truth, for several tests."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd


def long_frame(
    n_cases: int,
    beta: Any,
    seed: int,
    errors: str = "gumbel",
    covariance: Any = None,
    n_alternatives: int = 3,
    ragged: bool = False,
) -> pd.DataFrame:
    """Long data with covariates x0, x1, ..., a case-specific z and constants of zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n_cases, n_alternatives, len(beta)))
    shape = (n_cases, n_alternatives)
    if errors == "gumbel":
        e = rng.gumbel(size=shape)
    else:
        omega = 0.5 * np.eye(n_alternatives) if covariance is None else np.asarray(covariance)
        e = rng.multivariate_normal(np.zeros(n_alternatives), omega, size=n_cases)
    u = x @ np.asarray(beta) + e
    there = np.ones(shape, dtype=bool)
    if ragged:
        there[:, 2:] = rng.random((n_cases, n_alternatives - 2)) < 0.7
    chosen = np.where(there, u, -np.inf).argmax(axis=1)
    frame = pd.DataFrame(
        x.reshape(-1, len(beta)), columns=[f"x{k}" for k in range(len(beta))]
    ).assign(
        case=np.repeat(np.arange(n_cases), n_alternatives),
        alt=np.tile([f"a{j}" for j in range(n_alternatives)], n_cases),
        choice=(np.arange(n_alternatives) == chosen[:, None]).ravel().astype(int),
        z=np.repeat(rng.normal(size=n_cases), n_alternatives),
    )
    return frame[there.ravel()].reset_index(drop=True)


def away(model: Any) -> Any:
    """Parameters at which no symmetry hides a mistake."""
    start = np.array(model.table({}, {}).start)
    move = 0.15 * np.cos(1.0 + 2.0 * np.arange(len(start)))
    scales = [name.startswith("lambda") for name in model.parameter_names]
    return start + np.where(scales, -np.abs(move), move)


def unsearched(model: Any) -> Any:
    """A fit away from the start, with a made-up covariance and without a search."""
    names, values = model.parameter_names, away(model)
    fit = model.fit(fixed=dict(zip(names, values, strict=True)))
    root = np.random.default_rng(0).normal(size=(len(values), len(values)))
    cov = pd.DataFrame(0.01 * root @ root.T, names, names)
    return dataclasses.replace(fit, cov=cov, fixed=())


def square(table: pd.DataFrame, value: str = "estimate") -> pd.DataFrame:
    """Effects as a matrix, ``of`` x ``by``."""
    return table.pivot(index="of", columns="by", values=value)
