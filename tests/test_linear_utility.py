"""V = X beta and its pullback, against sums written out as loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from choicekit.utility import pullback, pullback_sum, value


def ragged(sizes, columns, seed=0):
    rng = np.random.default_rng(seed)
    case_ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    X = np.asfortranarray(rng.normal(size=(case_ptr[-1], columns)))
    return X, case_ptr, rng.normal(size=case_ptr[-1])


def by_loops(X, case_ptr, g):
    scores = np.zeros((len(case_ptr) - 1, X.shape[1]))
    for c in range(len(case_ptr) - 1):
        for row in range(case_ptr[c], case_ptr[c + 1]):
            for k in range(X.shape[1]):
                scores[c, k] += g[row] * X[row, k]
    return scores


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(1, 4))
def test_the_pullback_is_the_sum_over_the_rows_of_each_case(sizes, columns):
    X, case_ptr, g = ragged(sizes, columns)
    scores = pullback(X, case_ptr, g)
    assert scores.shape == (len(sizes), columns)
    np.testing.assert_allclose(scores, by_loops(X, case_ptr, g), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sizes", [[3] * 7, [2, 5, 1, 4], [0, 2, 0, 3, 0]])
def test_equal_unequal_and_empty_cases(sizes):
    X, case_ptr, g = ragged(sizes, 3)
    expected = by_loops(X, case_ptr, g)
    np.testing.assert_allclose(pullback(X, case_ptr, g), expected, rtol=1e-12, atol=1e-13)
    in_rows = np.ascontiguousarray(X)
    np.testing.assert_allclose(pullback(in_rows, case_ptr, g), expected, rtol=1e-12, atol=1e-13)


def test_the_scores_add_up_to_the_sum():
    X, case_ptr, g = ragged([4, 2, 3, 3, 1], 6)
    summed = pullback(X, case_ptr, g).sum(axis=0)
    np.testing.assert_allclose(pullback_sum(X, g), summed, rtol=1e-12)


def test_the_pullback_is_the_adjoint_of_the_value():
    X, _, g = ragged([4, 2, 3], 5)
    beta = np.arange(5.0)
    assert g @ value(X, beta) == pytest.approx(beta @ pullback_sum(X, g), rel=1e-12)


def test_by_hand():
    X = np.asfortranarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(value(X, np.array([10.0, 1.0])), [12.0, 34.0, 56.0])
    scores = pullback(X, np.array([0, 2, 3]), np.array([1.0, -1.0, 2.0]))
    np.testing.assert_array_equal(scores, [[-2.0, -2.0], [10.0, 12.0]])


def test_no_rows():
    assert pullback(np.empty((0, 3)), np.array([0]), np.empty(0)).shape == (0, 3)
    np.testing.assert_array_equal(pullback_sum(np.empty((0, 3)), np.empty(0)), np.zeros(3))
