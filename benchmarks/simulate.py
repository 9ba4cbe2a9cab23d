"""Choices simulated from known coefficients, in a folder every measured process can read."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Truth:
    """What the choices were drawn from: beta (K,); cov (J,J) of normal errors, None for Gumbel."""

    beta: np.ndarray
    cov: np.ndarray | None


def probit_truth(J: int) -> Truth:
    """Errors and coefficients of a probit that any number of alternatives identifies well.

    The correlations of the errors fall from 0.4 with the distance of the alternatives, their
    variances lie between 0.3 and 0.7, so no difference is nearly determined by others. Four
    covariates vary between alternatives; the J - 1 constants are small.
    """
    places = np.arange(J)
    correlation = 0.4 ** np.abs(places[:, None] - places)
    sd = np.sqrt(0.5 + 0.2 * np.cos(2.0 * places))
    constants = 0.3 * np.sin(1.0 + places[1:])
    beta = np.concatenate([[1.0, -0.5, 0.8, -0.3], constants])
    return Truth(beta, correlation * np.outer(sd, sd))


def write_choices(
    folder: Path, C: int, J: int, truth: Truth, constants: bool = False, seed: int = 1
) -> None:
    """Write X.npy (K,L), chosen.npy (C,) and shape.json for C cases, J alternatives.

    Covariates are standard normal. With `constants`, the last J - 1 of beta belong to constants of
    the alternatives after the first, which are not written (every program makes its own).
    """
    rng = np.random.default_rng(seed)
    K = len(truth.beta) - (J - 1 if constants else 0)
    X = rng.standard_normal((K, C * J))
    V = (truth.beta[:K] @ X).reshape(C, J)
    if constants:
        V[:, 1:] += truth.beta[K:]
    if truth.cov is None:
        errors = rng.gumbel(size=(C, J))
    else:
        errors = rng.multivariate_normal(np.zeros(J), truth.cov, size=C, method="cholesky")
    chosen = (V + errors).argmax(axis=1)
    _write(folder, X, chosen, {"cases": C, "alternatives": J, "covariates": K})


def write_panel(folder: Path, people: int, cases: int, J: int, K: int, seed: int = 1) -> Truth:
    """People who choose `cases` times with K independent normal coefficients; see `write_choices`.

    shape.json also says how many cases a person has. Returns the means of the coefficients; their
    standard deviations are 0.5.
    """
    rng = np.random.default_rng(seed)
    truth = Truth(np.linspace(-1.0, 1.0, K), None)
    tastes = truth.beta + 0.5 * rng.standard_normal((people, K))
    X = rng.standard_normal((K, people * cases * J))
    V = np.einsum("nk,kni->ni", tastes, X.reshape(K, people, -1)).reshape(-1, J)
    chosen = (V + rng.gumbel(size=V.shape)).argmax(axis=1)
    shape = {"cases": people * cases, "alternatives": J, "covariates": K, "per_person": cases}
    _write(folder, X, chosen, shape)
    return truth


def write_nested(folder: Path, C: int, J: int, K: int, scale: float, seed: int = 1) -> Truth:
    """Nested logit: the first and the second half of the alternatives are nests.

    Both have dissimilarity `scale`; see `write_choices` for the files.
    """
    rng = np.random.default_rng(seed)
    truth = Truth(np.linspace(-0.6, 0.6, K), None)
    X = rng.standard_normal((K, C * J))
    V = (truth.beta @ X).reshape(C, 2, J // 2) / scale
    inclusive = scale * np.log(np.exp(V).sum(axis=2))
    nest = (inclusive + rng.gumbel(size=inclusive.shape)).argmax(axis=1)
    inner = V[np.arange(C), nest]
    chosen = nest * (J // 2) + (inner + rng.gumbel(size=inner.shape)).argmax(axis=1)
    _write(folder, X, chosen, {"cases": C, "alternatives": J, "covariates": K})
    return truth


def _write(folder: Path, X: np.ndarray, chosen: np.ndarray, shape: dict[str, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "X.npy", X)
    np.save(folder / "chosen.npy", chosen)
    (folder / "shape.json").write_text(json.dumps(shape))
