"""Normal orthant probabilities by minimax exponential tilting, an independent reference for tests.

Botev (2017), "The normal law under linear restrictions: simulation and estimation via minimax
tilting", JRSS B 79, 125-148: importance sampling whose means solve a saddle-point problem, with
bounded relative error in the tails, where plain GHK may fail. Plain numpy and scipy; nothing is
shared with the package.

Axes: D differences, R points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import root
from scipy.special import log_ndtr, logsumexp, ndtri_exp
from scipy.stats import qmc

HALF_LOG_2PI = 0.5 * np.log(2.0 * np.pi)


def hazard(x: Any) -> Any:
    """phi / Phi."""
    return np.exp(-0.5 * x * x - HALF_LOG_2PI - log_ndtr(x))


def ordered_factor(b: Any, sigma: Any) -> tuple[Any, Any]:
    """Bounds and Cholesky factor, rows in the order of Botev (2017), section 3."""
    b, s, n = np.array(b, float), np.array(sigma, float), len(b)
    t, mean = np.zeros((n, n)), np.zeros(n)
    for j in range(n):
        sd = np.sqrt(np.maximum(np.diag(s)[j:] - (t[j:, :j] ** 2).sum(axis=1), 1e-14))
        k = j + int(np.argmin((b[j:] - t[j:, :j] @ mean[:j]) / sd))
        swap = np.arange(n)
        swap[[j, k]] = k, j
        b, s, t = b[swap], s[np.ix_(swap, swap)], t[swap]
        t[j, j] = sd[k - j]
        t[j + 1 :, j] = (s[j + 1 :, j] - t[j + 1 :, :j] @ t[j, :j]) / t[j, j]
        mean[j] = -hazard((b[j] - t[j, :j] @ mean[:j]) / t[j, j])
    return b, t


def saddle_point(b: Any, t: Any) -> Any:
    """Tilting means mu (D,), the last 0, for bounds and rows already divided by the diagonal.

    ``t`` has a zero diagonal here. Stationary in x and mu is
    ``sum_k mu_k^2 / 2 - x_k mu_k + log Phi(b_k - (t x)_k - mu_k)``.
    """
    n = len(b) - 1

    def equations(z: Any) -> Any:
        x, mu = np.append(z[:n], 0.0), np.append(z[n:], 0.0)
        h = hazard(b - t @ x - mu)
        return np.concatenate([-(mu + t.T @ h)[:n], (mu - x - h)[:n]])

    def jacobian(z: Any) -> Any:
        x, mu = np.append(z[:n], 0.0), np.append(z[n:], 0.0)
        a = b - t @ x - mu
        h = hazard(a)
        slope = -h * (a + h)  # dh / da
        upper = (t.T * slope) @ t
        cross = -np.eye(n + 1) + t.T * slope
        lower = np.eye(n + 1) + np.diag(slope)
        return np.block([[upper[:n, :n], cross[:n, :n]], [cross[:n, :n].T, lower[:n, :n]]])

    z = np.zeros(2 * n)
    whole = b
    for share in (0.03, 0.1, 0.3, 0.6, 1.0):  # from near the middle out to the tail
        b = share * whole
        z = root(equations, z, jac=jacobian).x
    return np.append(z[n:], 0.0)


def log_orthant(b: Any, sigma: Any, n_bits: int = 12, scrambles: int = 8) -> tuple[float, float]:
    """``log P(X < b)`` for X normal (0, sigma), and its standard error from the scrambles."""
    b, t = ordered_factor(b, sigma)
    diagonal = np.diag(t).copy()
    b, t = b / diagonal, np.tril(t / diagonal[:, None], -1)
    n = len(b)
    if n == 1:
        return float(log_ndtr(b[0])), 0.0
    mu = saddle_point(b, t)
    logs = []
    for scramble in range(scrambles):
        plain = qmc.Sobol(n - 1, scramble=False).random_base2(n_bits).T * 2.0**30
        shift = np.random.default_rng(scramble).integers(0, 2**30, (n - 1, 1), dtype=np.uint64)
        u = ((plain.astype(np.uint64) ^ shift) + 0.5) * 2.0**-30  # a random digital shift
        x, total = np.zeros((n, 1 << n_bits)), np.zeros(1 << n_bits)
        for k in range(n):
            a = b[k] - t[k, :k] @ x[:k] - mu[k]
            log_tail = log_ndtr(a)
            if k < n - 1:
                x[k] = mu[k] + ndtri_exp(np.log(u[k]) + log_tail)
            total += 0.5 * mu[k] ** 2 - x[k] * mu[k] + log_tail
        logs.append(logsumexp(total) - n_bits * np.log(2.0))
    mean = float(logsumexp(logs) - np.log(scrambles))
    return mean, float(np.std(np.exp(np.array(logs) - mean)) / np.sqrt(scrambles - 1))
