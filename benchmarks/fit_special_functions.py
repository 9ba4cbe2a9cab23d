"""Regenerate the coefficients in ``choicekit/numerics/special.py``.

Needs mpmath; takes half a minute. Prints Python literals, lowest power first, and
the error of each approximation in exact arithmetic (special.py has 0.5 for exp's first)::

    python benchmarks/fit_special_functions.py

Polynomials interpolate at Chebyshev nodes, which comes within a factor of a few of the minimax
polynomial. The rational function of the normal quantile is fitted by Sanathanan and Koerner's
iteration (least squares on ``N - h D``, divided by the previous denominator), with
Lawson's reweighting to level the error.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath as mp

DIGITS = 140
MILLS_SHIFT = 5
QUANTILE_DEGREES = (14, 15)
QUANTILE_POINTS = 240
LARGEST_QUANTILE = 14_143  # log q = -1e8


def interpolate(f: Callable[[mp.mpf], mp.mpf], degree: int, lo: mp.mpf, hi: mp.mpf) -> list[mp.mpf]:
    """Monomial coefficients of the polynomial through f at the Chebyshev nodes of [lo, hi]."""
    n = degree + 1
    nodes = [
        (lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)
    ]
    matrix = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            matrix[i, j] = x**j
    return list(mp.lu_solve(matrix, mp.matrix([f(x) for x in nodes])))


def horner(c: list[mp.mpf], x: mp.mpf) -> mp.mpf:
    return mp.polyval(c[::-1], x)


def exponential() -> tuple[list[mp.mpf], mp.mpf]:
    """``exp(r) = 1 + r + r^2 p(r)`` for |r| <= log(2) / 2."""
    half = mp.log(2) / 2 * mp.mpf("1.0001")

    def tail(r: mp.mpf) -> mp.mpf:
        return (mp.expm1(r) - r) / r**2 if r != 0 else mp.mpf(1) / 2

    c = interpolate(tail, 9, -half, half)
    grid = mp.linspace(-half, half, 1000)
    return c, max(abs((1 + r + r * r * horner(c, r)) / mp.exp(r) - 1) for r in grid)


def logarithm() -> tuple[list[mp.mpf], mp.mpf]:
    """``log((1+s)/(1-s)) = 2 s + s^3 p(s^2)`` for |s| <= 3 - 2 sqrt(2)."""
    top = (3 - 2 * mp.sqrt(2)) * mp.mpf("1.0001")

    def tail(z: mp.mpf) -> mp.mpf:
        s = mp.sqrt(z)
        return (2 * mp.atanh(s) - 2 * s) / (s * z)

    c = interpolate(tail, 6, mp.mpf(0), top**2)
    grid = mp.linspace(top / 1000, top, 1000)
    return c, max(abs((2 * s + s**3 * horner(c, s * s)) / (2 * mp.atanh(s)) - 1) for s in grid)


def mills(x: mp.mpf) -> mp.mpf:
    return mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2))


def mills_ratio() -> tuple[list[mp.mpf], mp.mpf]:
    """``(x + b) mills(x) = p(t)``, ``t = (x - b) / (x + b)`` in [-1, 1) for x in [0, inf)."""
    b = mp.mpf(MILLS_SHIFT)

    def scaled(t: mp.mpf) -> mp.mpf:
        x = b * (1 + t) / (1 - t)
        return mills(x) * (x + b)

    c = interpolate(scaled, 20, mp.mpf(-1), mp.mpf(1))
    grid = mp.linspace(-1, mp.mpf("0.9999"), 1000)
    return c, max(abs(horner(c, t) / scaled(t) - 1) for t in grid)


def quantile() -> tuple[list[mp.mpf], list[mp.mpf], mp.mpf, mp.mpf]:
    """``x = s - N(s) / D(s)`` with ``s = sqrt(-2 log(1 - Phi(x)))``.

    The error is held to a multiple of 1 + x up to s = 64, and may grow from there as the power 2.5
    of s: probabilities below exp(-2048) occur in runaway line searches only.

    Returns numerator, denominator, and the largest errors over 1 + x below and above s = 64.
    """
    top = mp.asinh(LARGEST_QUANTILE / mp.mpf("0.7"))
    m = QUANTILE_POINTS
    xs = [mp.mpf("0.7") * mp.sinh(top / 2 * (1 - mp.cos(mp.pi * k / (m - 1)))) for k in range(m)]
    ss = [mp.sqrt(-2 * mp.log(mp.erfc(x / mp.sqrt(2)) / 2)) for x in xs]
    tolerance = [
        (1 + x) * max(mp.mpf(1), (s / 64) ** mp.mpf("2.5")) for x, s in zip(xs, ss, strict=True)
    ]
    numerator, denominator = fit_rational(
        ss, [s - x for s, x in zip(ss, xs, strict=True)], tolerance
    )
    below = above = mp.mpf(0)
    for x, s in zip(xs, ss, strict=True):
        error = abs(s - horner(numerator, s) / horner(denominator, s) - x) / (1 + x)
        below, above = (max(below, error), above) if s <= 64 else (below, max(above, error))
    return numerator, denominator, below, above


def fit_rational(
    ss: list[mp.mpf], values: list[mp.mpf], tolerance: list[mp.mpf]
) -> tuple[list[mp.mpf], list[mp.mpf]]:
    """Numerator and monic denominator with the smallest largest error, over tolerance, seen."""
    n, d = QUANTILE_DEGREES
    size = n + 1 + d
    lawson = [mp.mpf(1)] * len(ss)
    previous = [mp.mpf(1)] * len(ss)
    powers = [[s**j for j in range(max(n, d) + 1)] for s in ss]
    best: tuple[mp.mpf, list[mp.mpf], list[mp.mpf]] | None = None
    for step in range(30):
        matrix, right = mp.zeros(size, size), mp.zeros(size, 1)
        for p, h, tol, old, weight in zip(powers, values, tolerance, previous, lawson, strict=True):
            w = weight / (tol * old) ** 2
            row = p[: n + 1] + [-h * q for q in p[:d]]
            for j in range(size):
                wj = w * row[j]
                right[j] += wj * h * p[d]
                for k in range(j + 1):
                    matrix[j, k] += wj * row[k]
        for j in range(size):
            for k in range(j):
                matrix[k, j] = matrix[j, k]
        c = list(mp.lu_solve(matrix, right))
        numerator, denominator = c[: n + 1], [*c[n + 1 :], mp.mpf(1)]
        previous = [horner(denominator, s) for s in ss]
        errors = [
            abs(horner(numerator, s) / q - h) / tol
            for s, q, h, tol in zip(ss, previous, values, tolerance, strict=True)
        ]
        worst = max(errors)
        if best is None or worst < best[0]:
            best = (worst, numerator, denominator)
        if step >= 10:
            lawson = [w * (e / worst + mp.mpf("0.02")) for w, e in zip(lawson, errors, strict=True)]
            mean = sum(lawson) / len(lawson)
            lawson = [w / mean for w in lawson]
    assert best is not None
    return best[1], best[2]


def show(name: str, coefficients: list[mp.mpf], error: mp.mpf) -> None:
    print(f"{name}  # largest error {mp.nstr(error, 3)}")
    for value in coefficients:
        print(f"    {float(value)!r},")


def main() -> None:
    mp.mp.dps = DIGITS
    show("exp", *exponential())
    show("log", *logarithm())
    show("mills", *mills_ratio())
    numerator, denominator, below, above = quantile()
    show("quantile numerator (s <= 64)", numerator, below)
    show("quantile denominator (s > 64)", denominator, above)


if __name__ == "__main__":
    main()
