"""The same as `known_truths` where people differ: random coefficients, scales, classes.

Axes: C cases, J alternatives, N people, T cases a person.
"""

from typing import Any

import numpy as np

import choicekit as ck
from known_truths import BETA, MEANS, Family, frame, read

DRAWS = 128
FORMULA = "choice ~ x1 + x2 | 0"
J = 3


def tastes(
    N: int,
    T: int,
    truth: dict[str, float],
    mixing: ck.RandomCoefficients,
    coefficients: Any,
    errors: Any = None,
) -> Family:
    """N people with T cases each; ``coefficients(rng, N)`` draws what they have, (N,2).

    Errors are Gumbel without ``errors`` and else independent normals whose differences have
    variance 1, as choicekit normalises them.
    """

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        X = rng.standard_normal((N, T, J, 2))
        v = np.einsum("ntjk,nk->ntj", X, coefficients(rng, N))
        e = rng.gumbel(size=v.shape) if errors is None else rng.normal(0.0, 0.5**0.5, v.shape)
        chosen = (v + e).argmax(axis=2).ravel()
        data = read(frame(X.reshape(N * T, J, 2), chosen, T), "person" if T > 1 else None)
        return ck.ChoiceModel(FORMULA, data, errors, mixing=mixing)

    size = f"{N:,} people, {T} cases each" if T > 1 else f"{N:,} cases"
    return Family(truth, model, f"{size}, {J} alternatives")


def normals(rng: np.random.Generator, N: int, factor: Any) -> np.ndarray:
    """Normal coefficients about `MEANS`, the Cholesky factor (2,2) of their covariance given."""
    return np.asarray(MEANS + rng.standard_normal((N, 2)) @ np.array(factor).T)


def independent(
    N: int, T: int, sd: tuple[float, float] = (0.8, 0.5), errors: Any = None, draws: int = DRAWS
) -> Family:
    """Both coefficients normal, or with an sd of zero the first only."""
    names = {"x1": sd[0]} | ({"x2": sd[1]} if sd[1] else {})
    mixing = ck.RandomCoefficients(dict.fromkeys(names, "normal"), draws=draws)
    truth = {**BETA, **{f"sd[{name}]": value for name, value in names.items()}}
    return tastes(N, T, truth, mixing, lambda rng, n: normals(rng, n, np.diag(sd)), errors)


def correlated(N: int, T: int) -> Family:
    factor = [[0.8, 0.0], [0.4, 0.6]]
    mixing = ck.RandomCoefficients(x1="normal", x2="normal", correlated=True, draws=DRAWS)
    own = {"chol[x1,x1]": 0.8, "chol[x2,x1]": 0.4, "chol[x2,x2]": 0.6}
    return tastes(N, T, {**BETA, **own}, mixing, lambda rng, n: normals(rng, n, factor))


def lognormal(N: int, T: int) -> Family:
    """The second coefficient minus a lognormal; its parameters are those of the logarithm."""
    mixing = ck.RandomCoefficients(x2="-lognormal", draws=DRAWS)

    def coefficients(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.column_stack([np.ones(n), -np.exp(-0.2 + 0.6 * rng.standard_normal(n))])

    return tastes(N, T, {"x1": 1.0, "x2": -0.2, "sd[x2]": 0.6}, mixing, coefficients)


def scaled(N: int, T: int, sd: float, tau: float = 0.6) -> Family:
    """S-MNL, or with a random first coefficient G-MNL (all of it scaled, G-MNL-II)."""
    random = {"x1": "normal"} if sd else {}
    mixing = ck.RandomCoefficients(random, scale=True, draws=DRAWS)

    def coefficients(rng: np.random.Generator, n: int) -> np.ndarray:
        sigma = np.exp(tau * rng.standard_normal(n) - tau**2 / 2.0)
        return np.asarray(sigma[:, None] * normals(rng, n, np.diag([sd, 0.0])))

    own = {"sd[x1]": sd} if sd else {}
    return tastes(N, T, {**BETA, **own, "tau": tau}, mixing, coefficients)


def money(N: int, T: int) -> Family:
    """Willingness-to-pay space: V = a (x2 - w x1), w normal and -a lognormal over people."""
    truth = {"x1": 1.0, "x2": -0.1, "sd[x1]": 0.5, "sd[x2]": 0.4}
    mixing = ck.RandomCoefficients(x1="normal", x2="-lognormal", wtp="x2", draws=DRAWS)

    def coefficients(rng: np.random.Generator, n: int) -> np.ndarray:
        worth = truth["x1"] + truth["sd[x1]"] * rng.standard_normal(n)
        price = -np.exp(truth["x2"] + truth["sd[x2]"] * rng.standard_normal(n))
        return np.column_stack([-price * worth, price])

    return tastes(N, T, truth, mixing, coefficients)


def classes(N: int, T: int) -> Family:
    """Two classes; the second is likelier where z is large, but smaller on the whole."""
    of_class = np.array([[1.0, -1.0], [-0.5, -0.3]])
    truth = {
        f"{name}[class{s + 1}]": of_class[s, k] for s in range(2) for k, name in enumerate(BETA)
    } | {"class[2]": -0.8, "class[2,z]": 1.0}

    def model(rng: np.random.Generator) -> ck.ChoiceModel:
        z = rng.standard_normal(N)
        second = rng.random(N) < 1.0 / (1.0 + np.exp(0.8 - z))
        X = rng.standard_normal((N, T, J, 2))
        v = np.einsum("ntjk,nk->ntj", X, of_class[second.astype(int)])
        chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2).ravel()
        found = frame(X.reshape(N * T, J, 2), chosen, T)
        found["z"] = z[found["person"]]
        mixing = ck.LatentClasses(2, membership="~ z")
        return ck.logit(FORMULA, read(found, "person"), mixing=mixing)

    return Family(truth, model, f"{N:,} people, {T} cases each, {J} alternatives")
