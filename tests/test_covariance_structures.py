"""Covariance structures of the probit: derivatives, identification, limits, other bases."""

from __future__ import annotations

import itertools
import pickle
import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.errors import Normal
from choicekit.errors.covariance import (
    Factor,
    Pattern,
    difference_variances,
    local_rank,
    make_structure,
    structure_problems,
)
from choicekit.errors.covariance.factor import FactorStructure
from choicekit.errors.covariance.identified import generic_point
from choicekit.post.nesting import nested_in

from .simulate import long_frame

FORMULA = "choice ~ gc + ttme | hinc"
OWN = Pattern(
    sd={"a1": None, "a2": "both", "a3": "both"},
    corr={("a1", "a2"): None, ("a3", "a2"): "r", ("a1", "a3"): -0.3},
)


def labels(n: int) -> tuple[str, ...]:
    return tuple(f"a{j}" for j in range(n))


def structure(covariance: Any, n: int, base: int = 0, scale: Any = None) -> Any:
    return make_structure(covariance, labels(n), base, scale)


def read(frame: pd.DataFrame) -> ck.ChoiceData:
    order = sorted(frame["alt"].unique())
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", alternatives=order
    )


@cache  # equal arguments, the same fit
def travelmode(covariance: Any, base: str, scale: str | None = None) -> Any:
    data = ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    model = ck.probit(FORMULA, data, base=base, covariance=covariance, scale=scale)
    return model.fit(tolerance=1e-8)


IDENTIFIED = [
    *itertools.product(["iid", "unstructured"], [2, 3, 4, 5]),
    *itertools.product(["heteroskedastic", "exchangeable"], [3, 4, 5]),
    *((f"factor({k})", n) for n in (3, 4, 5, 6) for k in range(1, n - 1)),
    (OWN, 4),
    (OWN, 5),
]


@pytest.mark.parametrize(("covariance", "n"), IDENTIFIED, ids=str)
def test_identified_structures(covariance: Any, n: int) -> None:
    """Derivatives by differencing, and their rank: the parameters and the scale are all seen."""
    s = structure(covariance, n)
    theta = generic_point(s)
    assert s.inside(theta)
    for q in range(len(theta)):
        step = np.zeros(len(theta))
        step[q] = 1e-6
        slope = (s.omega(theta + step) - s.omega(theta - step)) / 2e-6
        np.testing.assert_allclose(s.jacobian(theta)[q], slope, atol=1e-8)
    assert difference_variances(s.jacobian(theta)).shape == (len(theta), n * (n - 1) // 2)
    assert local_rank(s) == len(s.names) + 1
    assert structure_problems(s, labels(n)) == []
    assert s.normalisation.endswith(".")


def test_the_rank_does_not_depend_on_the_alternative_subtracted() -> None:
    for covariance in ("heteroskedastic", "exchangeable", "factor(2)"):
        s = structure(covariance, 5)
        theta = generic_point(s)
        rows, columns = np.tril_indices(4)
        ranks = set()
        for base in range(5):
            contrast = np.delete(np.eye(5) - np.eye(5)[base], base, axis=0)
            stack = np.concatenate([s.jacobian(theta), s.omega(theta)[None]])
            ranks.add(int(np.linalg.matrix_rank((contrast @ stack @ contrast.T)[:, rows, columns])))
        assert ranks == {local_rank(s, theta)}


def test_too_many_factors() -> None:
    for n in (3, 4, 5):
        with pytest.raises(ck.SpecificationError, match=rf"not identified.*factor\({n - 2}\)"):
            structure(Factor(n - 1), n)
        # The count is right: one factor more, built behind the check's back, loses rank.
        more = FactorStructure(labels(n), 0, 1, n - 1)
        assert local_rank(more) < len(more.names) + 1
        assert "load[a1,1]" in structure_problems(more, labels(n))[0]
    with pytest.raises(ck.SpecificationError, match=r"Cure: covariance='iid'"):
        structure(Factor(1), 2)


@pytest.mark.parametrize("n", [3, 4, 5])
def test_all_errors_exchangeable_cannot_be_told_from_independent_ones(n: int) -> None:
    pairs = itertools.combinations(labels(n), 2)
    with pytest.raises(ck.SpecificationError, match=r"'rho' and the scale cannot be told apart"):
        structure(Pattern(corr=dict.fromkeys(pairs, "rho")), n)


def test_unidentified_patterns_name_their_parameters() -> None:
    every = dict.fromkeys(itertools.combinations(labels(3), 2))
    with pytest.raises(ck.SpecificationError) as caught:
        structure(Pattern(sd={"a1": None}, corr=every), 3)
    for name in ("sd[a1]", "corr[a0,a1]", "corr[a1,a2]", "Cure: fix 2 of them"):
        assert name in str(caught.value)
    # Equal variances and a correlation of two, against a third: one of them is the scale.
    with pytest.raises(ck.SpecificationError, match=r"'sd', 'corr\[a1,a2\]' and the scale"):
        structure(Pattern(sd={"a1": "sd", "a2": "sd"}, corr={("a1", "a2"): None}), 3)
    structure(Pattern(sd={"a1": "sd", "a2": "sd"}, corr={("a1", "a2"): None}), 4)
    with pytest.raises(ck.SpecificationError, match=r"corr\[a1,a2\].*changes no covariance"):
        structure(Pattern(sd={"a1": 0.0}, corr={("a1", "a2"): None}), 4)
    with pytest.raises(ck.SpecificationError, match=r"heteroskedastic.*not identified.*'iid'"):
        structure("heteroskedastic", 2)
    with pytest.raises(ck.SpecificationError, match=r"exchangeable.*not identified.*'iid'"):
        structure("exchangeable", 2)


@pytest.mark.parametrize(
    ("sd", "corr", "text"),
    [
        ({"a1": -1.0}, {}, r"sd\[a1\] is fixed at -1.0, but it must be positive"),
        ({"a1": float("inf")}, {}, r"sd\[a1\].*positive"),
        ({"a1": True}, {}, r"sd\[a1\] is True. Cure"),
        ({"a1": " "}, {}, r"sd\[a1\] is ' '. Cure"),
        ({}, {("a1", "a2"): 1.0}, r"corr\[a1,a2\].*between -1 and 1"),
        ({}, {("a1", "a1"): None}, "not a pair of two alternatives"),
        ({}, {"a1": None}, "not a pair of two alternatives"),
        ({}, {("a1", "a2"): None, ("a2", "a1"): 0.5}, "twice"),
        ({"a1": "x"}, {("a1", "a2"): "x"}, "'x' names a standard deviation and a correlation"),
        ({"a11": None}, {}, r"sd of 'a11' is none of .* Did you mean 'a1'"),
        ({}, {("a1", "zebra"): None}, r"corr of 'zebra' is none of"),
        ({"a1": None}, {}, "The standard deviation of 'a1', the scale alternative, is free"),
        (
            {},
            {("a0", "a1"): 0.9, ("a1", "a2"): 0.9, ("a0", "a2"): -0.9},
            r"No errors have .*corr\[a0,a1\] = 0.9",
        ),
        (["a1"], {}, "sd must be a dict"),
    ],
)
def test_impossible_patterns(sd: Any, corr: Any, text: str) -> None:
    with pytest.raises(ck.SpecificationError, match=text):
        structure(Pattern(sd=sd, corr=corr), 4, scale="a1")


def test_a_pattern_of_free_standard_deviations_only() -> None:
    pattern = Pattern(sd=dict.fromkeys(labels(4), "same"))
    with pytest.raises(ck.SpecificationError, match="do not show the scale"):
        structure(pattern, 4)


@pytest.mark.parametrize(
    ("covariance", "text"),
    [
        ("factor", r"unknown.*'factor\(k\)'"),
        ("factor(0)", "whole number from 1"),
        ("exchangable", "Did you mean 'exchangeable'"),
        (Pattern, "neither a name nor a structure"),
        (3, "neither a name nor a structure"),
    ],
)
def test_unknown_structures(covariance: Any, text: str) -> None:
    with pytest.raises(ck.SpecificationError, match=text):
        Normal(covariance=covariance)


def test_scale_alternatives() -> None:
    for covariance in ("unstructured", "exchangeable", "factor(1)"):
        with pytest.raises(ck.SpecificationError, match="also the base"):
            structure(covariance, 4, base=2, scale="a2")
    for covariance in ("iid", "heteroskedastic", "factor(1)", OWN):
        with pytest.raises(ck.SpecificationError, match="'b1' is none of"):
            structure(covariance, 4, scale="b1")


def test_covariances_by_hand() -> None:
    s = structure(OWN, 4)
    assert s.names == ("sd[a1]", "both", "corr[a1,a2]", "r")
    sd = np.array([1.0, 2.0, 1.5, 1.5])
    corr = np.eye(4)
    for j, k, value in ((1, 2, 0.4), (2, 3, 0.1), (1, 3, -0.3)):
        corr[j, k] = corr[k, j] = value
    np.testing.assert_allclose(
        s.omega(np.array([2.0, 1.5, 0.4, 0.1])), 0.5 * corr * np.outer(sd, sd)
    )
    s = structure("exchangeable", 4, base=1, scale="a3")
    assert s.names == ("sd[a0]", "sd[a2]", "corr")
    expected = 0.5 * np.array([[4, 0, 3, 1], [0, 1, 0, 0], [3, 0, 9, 1.5], [1, 0, 1.5, 1]])
    np.testing.assert_allclose(s.omega(np.array([2.0, 3.0, 0.5])), expected)
    s = structure("factor(2)", 5, base=0, scale="a2")
    assert s.names[:3] == ("load[a2,1]", "load[a1,1]", "load[a1,2]")
    loadings = np.array([[0, 0], [2, 3], [-1, 0], [4, 5], [6, -7.0]])
    theta = np.array([-1.0, 2, 3, 4, 5, 6, -7])
    np.testing.assert_allclose(s.omega(theta), 0.5 * np.eye(5) + loadings @ loadings.T)
    signs = s.signs(theta)
    np.testing.assert_array_equal(signs, [-1, -1, 1, -1, 1, -1, 1])
    np.testing.assert_allclose(s.omega(signs * theta), s.omega(theta))


@pytest.mark.parametrize(("covariance", "outside"), [(OWN, [1.0, 1.0, 0.9, 0.9])])
def test_outside_the_covariances(covariance: Any, outside: list[float]) -> None:
    s = structure(covariance, 4)
    theta = s.start + np.array([0.3, -0.2, 0.1, 0.2])
    value, slope = s.barrier(theta)
    for q in range(4):
        step = np.zeros(4)
        step[q] = 1e-6
        up, down = s.barrier(theta + step)[0], s.barrier(theta - step)[0]
        assert slope[q] == pytest.approx((up - down) / 2e-6, abs=1e-7)
    corr = s.omega(theta) / np.sqrt(np.outer(np.diag(s.omega(theta)), np.diag(s.omega(theta))))
    assert value == pytest.approx(np.log(np.linalg.det(corr)) + np.log(1.3) + 2 * np.log(0.8))
    law = Normal(covariance).bind(labels(4), 0)
    v, everywhere = np.zeros((3, 4)), np.ones((3, 4), dtype=bool)
    for bad in (outside, [-0.1, 1.0, 0.0, 0.0]):
        found = law.log_prob(v, everywhere, np.array([0, 1, 2], np.int32), np.array(bad))
        assert (found.logp == -np.inf).all()
        assert not found.dv.any()
        assert not found.dtheta.any()
        assert found.dtheta.shape == (3, 4)
        assert "the likelihood rises towards" in law.boundary(np.array(bad))
    assert law.boundary(theta) == ""
    assert pickle.loads(pickle.dumps(law)).boundary(theta) == ""


def test_a_pattern_whose_free_correlation_cannot_be_zero() -> None:
    pattern = Pattern(corr={("a0", "a1"): 0.9, ("a1", "a2"): 0.9, ("a0", "a2"): None})
    s = structure(pattern, 4)
    assert 0.62 < s.start[0] < 1.0  # 0.81 +- 0.19 are possible
    assert s.inside(s.start)
    omega = s.omega(s.start)
    assert (omega[0, 1], omega[1, 2]) == (0.45, 0.45)


# -- fits -----------------------------------------------------------------------------------------

OTHERS = [("air", "bus"), ("bus", "train"), ("train", "car")]


@pytest.mark.parametrize(
    "covariance", ["heteroskedastic", "factor(1)", "factor(2)", "unstructured"]
)
def test_another_base_or_scale_is_the_same_model(covariance: str) -> None:
    one = travelmode(covariance, "car")
    assert one.convergence.converged
    for base, scale in OTHERS:
        two = travelmode(covariance, base, scale)
        assert two.convergence.converged
        assert two.llf == pytest.approx(one.llf, abs=1e-6)
        np.testing.assert_allclose(
            two.probabilities().to_numpy(), one.probabilities().to_numpy(), atol=1e-6
        )


def test_as_many_factors_as_possible_are_the_unstructured_model() -> None:
    """Two factors and four alternatives: J - 2 of them reach every covariance of differences."""
    assert travelmode("factor(2)", "car").llf == pytest.approx(
        travelmode("unstructured", "car").llf, abs=1e-6
    )
    assert travelmode("factor(1)", "car").llf < travelmode("factor(2)", "car").llf - 0.5


def test_other_starts_find_no_better_factor() -> None:
    fit = travelmode("factor(1)", "car")
    names = list(fit.model.bound.names)
    rng = np.random.default_rng(5)
    for _ in range(4):
        start = dict(zip(names, rng.normal(size=len(names)), strict=True))
        assert fit.model.fit(start=start).llf < fit.llf + 1e-6


def test_independent_errors_as_starting_values_are_a_saddle() -> None:
    """Why the search starts elsewhere: there the loadings have no slope."""
    fit = travelmode("factor(1)", "car")
    likelihood, table = fit.model.likelihood(), fit.model.table({}, {})
    k = likelihood.n_coefficients
    at = np.concatenate([np.zeros(k), fit.model.bound.start])
    assert np.abs(likelihood.settle(at, 1).value_and_gradient(at)[1][k:]).max() < 1e-9
    assert np.abs(table.start[k:]).min() > 0.1


@pytest.mark.parametrize("covariance", ["unstructured", "factor(2)", "heteroskedastic"])
def test_another_base_with_simulated_probabilities(covariance: str) -> None:
    """Five alternatives: the fits agree up to simulation error, and in fact far better, as the
    points are those of the case whatever the base."""
    omega = 0.5 * np.diag([1.0, 1.5, 0.7, 1.0, 1.2])
    omega[3:, 3:] += 0.5
    data = read(long_frame(1000, (0.9, -0.6), 3, "normal", omega, 5))
    one, two = (
        ck.probit(
            "choice ~ x0 + x1", data, base=base, scale=scale, covariance=covariance, draws=256
        ).fit()
        for base, scale in (("a0", "a1"), ("a3", "a2"))
    )
    assert one.simulation is not None
    assert one.convergence.converged
    assert two.convergence.converged
    assert abs(two.llf - one.llf) < one.simulation.llf_se
    np.testing.assert_allclose(
        two.probabilities().to_numpy(), one.probabilities().to_numpy(), atol=2e-3
    )


def test_exchangeable_errors_depend_on_the_base() -> None:
    one, two = travelmode("exchangeable", "train", "car"), travelmode("exchangeable", "air", "bus")
    assert abs(one.llf - two.llf) > 0.5
    assert "Another base or scale alternative is another model" in one.model.bound.normalisation
    assert not nested_in(one, two)


def test_a_maximum_at_the_edge_is_no_maximum() -> None:
    """With the car as base the common correlation runs to -1/2, the least that three can have."""
    with pytest.warns(ck.ConvergenceWarning, match=r"correlations that no errors can have \(corr"):
        fit = travelmode("exchangeable", "car")
    assert not fit.convergence.converged
    assert -0.5 < fit.params["corr"] < -0.45


def test_the_search_is_not_caught_at_the_edge() -> None:
    """Errors so correlated that a line search meets the edge in its first steps."""
    corr = np.eye(4)
    for j, k, value in ((1, 2, 0.9), (1, 3, 0.8), (2, 3, 0.85)):
        corr[j, k] = corr[k, j] = value
    sd = np.array([1.0, 1.0, 2.0, 0.5])
    data = read(long_frame(800, (0.9, -0.6), 1, "normal", 0.5 * corr * np.outer(sd, sd), 4))
    common = ck.probit("choice ~ x0 + x1", data, covariance="exchangeable").fit()
    pattern = Pattern(
        sd={"a2": None, "a3": None},
        corr={("a1", "a2"): None, ("a1", "a3"): None, ("a2", "a3"): None},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        own = ck.probit("choice ~ x0 + x1", data, covariance=pattern).fit()
    assert common.convergence.converged
    assert own.llf > common.llf  # whose correlations are those of the pattern, made equal


def test_an_exchangeable_pattern_is_the_exchangeable_structure() -> None:
    pattern = Pattern(
        sd={"air": None, "bus": None},
        corr={("air", "bus"): "r", ("air", "car"): "r", ("bus", "car"): "r"},
    )
    data = travelmode("exchangeable", "train", "car").model.data
    fit = ck.probit(FORMULA, data, base="train", covariance=pattern).fit(tolerance=1e-8)
    named = travelmode("exchangeable", "train", "car")
    assert fit.llf == pytest.approx(named.llf, abs=1e-8)
    assert fit.params["r"] == pytest.approx(named.params["corr"], abs=1e-5)
    assert fit.params["sd[air]"] == pytest.approx(named.params["sd[air]"], rel=1e-5)


def test_a_shared_name_that_a_coefficient_has() -> None:
    data = travelmode("iid", "car").model.data
    pattern = Pattern(sd={"air": "gc"})
    with pytest.raises(ck.SpecificationError, match="Two parameters of the model are called 'gc'"):
        ck.probit(FORMULA, data, base="car", covariance=pattern).fit()


def test_which_structures_are_nested() -> None:
    iid, one, two, full = (
        travelmode(c, "car") for c in ("iid", "factor(1)", "factor(2)", "unstructured")
    )
    assert nested_in(iid, one)
    assert nested_in(one, two)
    assert nested_in(one, full)
    assert not nested_in(one, travelmode("heteroskedastic", "car"))
    data = iid.model.data
    free, fixed, other = (
        ck.probit(FORMULA, data, base="car", covariance=Pattern(**part)).fit()
        for part in (
            {"corr": {("bus", "train"): None}},
            {"sd": {"air": 2.0}, "corr": {("bus", "train"): None}},
            {"sd": {"air": None}, "corr": {("bus", "car"): None}},
        )
    )
    assert nested_in(iid, free)
    assert not nested_in(iid, fixed)
    assert not nested_in(free, other)
    assert nested_in(other, full)
