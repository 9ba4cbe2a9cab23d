"""The polynomial special functions against mpmath, far into both tails, and against scipy."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from scipy import special

from choicekit.numerics.special import (
    FAST,
    exp_,
    hazard_,
    log_,
    log_normal_cdf,
    mills_,
    normal_quantile_,
    normal_ratio_,
    normal_tail_quantile_,
    signed_log_tail_,
    truncated_normal_,
)

kernel = njit(fastmath=FAST, error_model="numpy")


def over(f):
    """The scalar f in the kind of loop the kernels have, so that the vector code is tested."""

    @kernel
    def loop(x, out):
        for i in range(x.size):
            out[i] = f(x[i])

    def apply(x):
        out = np.empty(len(x))
        loop(np.array(x, dtype=np.float64), out)
        return out

    return apply


exponential, logarithm, mills, hazard = over(exp_), over(log_), over(mills_), over(hazard_)
tail_quantile = over(normal_tail_quantile_)


@kernel
def ratio_loop(a, ratio, exponent, upper):
    for i in range(a.size):
        ratio[i], exponent[i], upper[i] = normal_ratio_(a[i])


@kernel
def truncated_loop(u, ratio, exponent, upper, out):
    for i in range(u.size):
        out[i] = truncated_normal_(u[i], ratio[i], exponent[i], upper[i])


@kernel
def truncated_two_loops(u, ratio, exponent, upper, out):
    for i in range(u.size):
        out[i] = signed_log_tail_(u[i], ratio[i], exponent[i], upper[i])
    for i in range(u.size):
        out[i] = normal_quantile_(out[i])


def ratio_of(a):
    out = np.empty((3, len(a)))
    ratio_loop(np.array(a, dtype=np.float64), *out)
    return out


def truncated(u, a, loop=truncated_loop):
    out = np.empty(len(u))
    loop(np.array(u, dtype=np.float64), *ratio_of(a), out)
    return out


@pytest.fixture(autouse=True)
def _many_digits():
    with mp.workdps(50):
        yield


def exact(f, x):
    return [f(mp.mpf(float(value))) for value in x]


def worst(values, reference):
    return max(
        float(abs(mp.mpf(float(v)) - r) / abs(r)) for v, r in zip(values, reference, strict=True)
    )


def upper_tail(x):
    return mp.erfc(x / mp.sqrt(2)) / 2


def mills_exact(x):
    return mp.sqrt(mp.pi / 2) * mp.exp(x * x / 2) * mp.erfc(x / mp.sqrt(2))


def hazard_exact(a):
    return 1 / mills_exact(-a) if a < 0 else mp.npdf(a) / upper_tail(-a)


rng = np.random.default_rng(20240607)


def test_exponential():
    # Random points, and both sides of the points where the nearest power of two changes.
    edges = np.log(2) * (np.arange(-1021, 1023, 7) + 0.5)
    x = [rng.uniform(-708, 709, 1500), rng.normal(size=500), edges, np.nextafter(edges, 0), [0.0]]
    x = np.concatenate(x)
    assert worst(exponential(x), exact(mp.exp, x)) < 2e-16


def test_exponential_out_of_range():
    below = exponential([-708.7, -709.0, -709.2, -745.0, -1e4, -1e300])
    assert (np.diff(below) <= 0).all()
    assert below[0] == pytest.approx(np.exp(-708.7), rel=1e-13)
    assert (below[2:] == 0).all()
    above = exponential([709.3, 709.4, 710.0, 1e5, 1e300])
    assert np.isfinite(above).all()
    assert (above >= 1.1e308).all()


def test_logarithm():
    steps = 2.0 ** -rng.uniform(5, 52, 300)
    x = [np.exp(rng.uniform(-708, 709, 1500)), rng.uniform(0.4, 2.2, 1000), 1 + steps, 1 - steps]
    x += [np.nextafter(np.sqrt(0.5), [0, 1]), [2.2250738585072014e-308, 1.7976931348623157e308]]
    x = np.concatenate(x)
    x = x[x != 1]
    assert worst(logarithm(x), exact(mp.log, x)) < 2e-16
    assert logarithm([1.0])[0] == 0


def test_logarithm_of_what_has_underflowed_is_finite():
    values = logarithm([0.0, 5e-324, 1e-310])
    assert np.isfinite(values).all()
    assert (values < -708).all()


def test_mills_ratio():
    x = [rng.uniform(0, 10, 1500), np.exp(rng.uniform(-20, np.log(1e8), 1000)), [0.0, 5.0, 1e8]]
    x = np.concatenate(x)
    assert worst(mills(x), exact(mills_exact, x)) < 2e-15


@given(st.floats(0, 1e8))
def test_mills_ratio_within_its_inequalities(x):
    # Birnbaum (1942) below, Sampford (1953) above
    value = mills([x])[0]
    assert value >= 2 / (x + np.sqrt(x * x + 4)) * (1 - 3e-15)
    assert value <= 4 / (3 * x + np.sqrt(x * x + 8)) * (1 + 3e-15)


def quantile_errors(logq):
    """The error of each quantile: the misfit of log(1 - Phi), over its derivative."""
    found = tail_quantile(logq)
    errors = []
    for x, target in zip(exact(mp.mpf, found), exact(mp.mpf, logq), strict=True):
        errors.append(float(abs(mp.log(upper_tail(x)) - target) * mills_exact(x)))
    return np.array(errors), found


def test_quantile_from_the_log_of_the_tail():
    logq = np.log(0.5) - np.exp(rng.uniform(-36, np.log(2047), 1500))
    errors, x = quantile_errors(np.append(logq, [np.log(0.5), -2048.0]))
    assert (errors / (1 + x)).max() < 1.4e-15


@pytest.mark.parametrize(
    ("lowest", "bound"), [(-8e3, 2e-15), (-3e4, 1e-14), (-5e5, 3e-13), (-1e8, 2e-10)]
)
def test_quantile_of_hopeless_probabilities(lowest, bound):
    logq = -np.exp(np.linspace(np.log(2048), np.log(-lowest), 200))
    errors, x = quantile_errors(logq)
    assert (errors / x).max() < bound


def test_quantile_is_monotone_and_never_garbage():
    logq = -np.geomspace(np.log(2), 1e12, 100_001)
    x = tail_quantile(logq)
    assert (np.diff(x) > 0).all()
    assert abs(x[0]) < 1e-15
    assert x[-1] == pytest.approx(np.sqrt(2e12), rel=1e-9)


ANYWHERE = np.concatenate(
    [
        3 * rng.normal(size=1000),
        np.exp(rng.uniform(-30, np.log(1e4), 300)),
        -np.exp(rng.uniform(-30, np.log(1e4), 300)),
        [0.0, -0.0, 1e4, -1e4],
    ]
)


def test_ratio_and_exponent():
    ratio, exponent, _ = ratio_of(ANYWHERE)
    negative = ANYWHERE < 0
    np.testing.assert_array_equal(exponent, np.where(negative, -0.5 * ANYWHERE**2, 0.0))
    assert (ratio > 0).all()
    assert (ratio <= 1).all()
    expected = [
        mills_exact(-a) / mp.sqrt(2 * mp.pi) if a < 0 else upper_tail(-a)
        for a in exact(mp.mpf, ANYWHERE)
    ]
    assert worst(ratio, expected) < 2e-15


def test_upper_tail():
    a = ANYWHERE[ANYWHERE < 37]
    errors = [
        float(abs(mp.mpf(float(v)) / r - 1))
        for v, r in zip(ratio_of(a)[2], exact(upper_tail, a), strict=True)
    ]
    assert (np.array(errors) < 2e-15 + 1.1e-16 * np.maximum(a, 0) ** 2).all()
    assert (ratio_of([39.0, 1e4])[2] == 0).all()


def test_hazard():
    a = ANYWHERE[ANYWHERE < 37]
    expected = exact(hazard_exact, a)
    found = hazard(a)
    errors = [float(abs(mp.mpf(float(v)) / r - 1)) for v, r in zip(found, expected, strict=True)]
    assert (np.array(errors) < 2e-15 + 1.1e-16 * np.maximum(a, 0) ** 2).all()
    np.testing.assert_allclose(hazard([-1e8]), [1e8], rtol=2e-15)
    np.testing.assert_array_equal(hazard([40.0, 1e4]), [0.0, 0.0])


def extreme_pairs():
    a = [3 * rng.normal(size=800), rng.uniform(-60, 40, 600), -np.exp(rng.uniform(4, 6.9, 300))]
    a = np.concatenate([*a, [-1000.0, -1000.0, 40.0, 8.0, 0.0, 40.0]])
    u = [rng.random(600), np.exp(rng.uniform(np.log(1e-17), 0, 550))]
    u.append(1 - np.exp(rng.uniform(np.log(1.2e-16), 0, 550)))
    u = rng.permutation(np.concatenate(u))
    return np.append(u, [1e-17, 1e-300, 1 - 2.0**-53, 1 - 2.0**-53, 0.5, 0.5]), a


@pytest.mark.parametrize("loop", [truncated_loop, truncated_two_loops])
def test_truncated_normal(loop):
    u, a = extreme_pairs()
    e = truncated(u, a, loop)
    errors = []
    for ui, ai, ei in zip(*(exact(mp.mpf, x) for x in (u, a, e)), strict=True):
        p = ui * upper_tail(-ai)
        q = upper_tail(abs(ei))
        misfit = mp.log(q / (p if ei < 0 else 1 - p))
        errors.append(float(abs(misfit) * mills_exact(abs(ei)) / (1 + abs(ei))))
    bound = np.where(a > -120, 1.6e-15, np.where(a > -250, 1e-14, 3e-13))
    assert (np.array(errors) < bound).all()


@given(st.floats(1e-17, 1 - 2.0**-53), st.floats(-500, 30))
def test_a_truncated_draw_lies_below_its_bound(u, a):
    e = truncated([u], [a])[0]
    assert e <= a + 1e-12 * (1 + abs(a))


@given(st.floats(1e-10, 1 - 1e-10))
def test_without_truncation_this_is_the_inverse_normal(u):
    np.testing.assert_allclose(truncated([u], [60.0]), special.ndtri(u), rtol=1e-14, atol=2e-15)


def test_log_normal_cdf():
    a = ANYWHERE[ANYWHERE < 37]
    expected = [
        mp.log1p(-upper_tail(x)) if x > 0 else mp.log(upper_tail(-x)) for x in exact(mp.mpf, a)
    ]
    errors = [
        float(abs(mp.mpf(float(v)) / r - 1))
        for v, r in zip(log_normal_cdf(a), expected, strict=True)
    ]
    assert (np.array(errors) < 3e-15 + 1.1e-16 * np.maximum(a, 0) ** 2).all()


def test_log_normal_cdf_is_scipys_and_keeps_the_shape():
    a = np.linspace(-100, 36, 600).reshape(2, 100, 3)
    found = log_normal_cdf(a.transpose(2, 0, 1))
    # Against mpmath, scipy's own error reaches 1.9e-13 near 34; ours is a third of that.
    np.testing.assert_allclose(found, special.log_ndtr(a.transpose(2, 0, 1)), rtol=5e-13)
    assert log_normal_cdf(0.0) == pytest.approx(np.log(0.5), rel=1e-15)
    assert log_normal_cdf(0.0).shape == ()


def test_results_do_not_depend_on_the_place_in_the_array():
    # The vector body of a loop and its remainder are different code.
    x = rng.normal(size=37)
    for f in (exponential, hazard):
        np.testing.assert_allclose(f(x), [f([value])[0] for value in x], rtol=5e-16)
