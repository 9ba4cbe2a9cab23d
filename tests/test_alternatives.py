"""Utilities written for each alternative: by hand, against the formula, and what goes wrong."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.datasets import modechoice

from choicekit.exceptions import DataError, SpecificationError
from choicekit.utility import alternatives_variables, learn_alternatives, learn_formula

MODES = ("air", "train", "bus", "car")


@pytest.fixture(scope="module")
def travel():
    """TravelMode: frame, codes, case pointers."""
    frame = modechoice.load_pandas().data
    frame["region"] = np.repeat(np.random.default_rng(1).choice(["north", "south"], 210), 4)
    return frame, (frame["mode"].to_numpy() - 1).astype(np.int32), np.arange(0, 841, 4)


def learn(specification, data, alternatives=MODES, **options):
    frame, alt, case_ptr = data
    design = learn_alternatives(specification, frame, alt, case_ptr, alternatives, **options)
    X = design.rows(frame, alt, case_ptr)
    assert X.shape == (len(frame), len(design.names))
    assert X.dtype == np.float64
    assert X.flags.f_contiguous
    return design, X


def test_by_hand_with_unequal_choice_sets():
    frame = pd.DataFrame(
        {"cost": [1.0, 2.0, 4.0, 3.0, 5.0], "hot": [True, True, True, False, False]}
    )
    data = (frame, np.array([0, 1, 2, 0, 2], dtype=np.int32), np.array([0, 3, 5]))
    specification = {
        "c": {"b_cost": "cost", "k": 2},
        "a": {"asc_a": 1, "b_cost": "cost / 2", "b_hot": "I(cost * hot)"},
    }
    design, X = learn(specification, data, ("a", "b", "c"))
    assert design.names == ("b_cost", "k", "asc_a", "b_hot")
    by_hand = [[0.5, 0, 1, 1], [0, 0, 0, 0], [4, 2, 0, 0], [1.5, 0, 1, 0], [5, 2, 0, 0]]
    np.testing.assert_array_equal(X, by_hand)
    assert design.describe() == (
        ("b_cost", "generic", None, "cost | cost / 2"),
        ("k", "constant", "c", "2"),
        ("asc_a", "constant", "a", "1"),
        ("b_hot", "alternative", "a", "I(cost * hot)"),
    )
    assert design.constants == ("k", "asc_a")
    assert design.columns == design.variables == ("cost", "hot")
    assert design.columns_of == {"c": ("cost",), "a": ("cost", "hot")}
    assert design.base == "a"
    assert design.chosen_name is None


def test_it_can_say_what_a_formula_says(travel):
    by_formula, X = learn_formula("gc + ttme | hinc | invt", *travel, MODES, base="car"), None
    X = by_formula.rows(*travel)
    specification = {
        mode: {"gc": "gc", "ttme": "ttme"}
        | ({f"asc[{mode}]": 1, f"hinc[{mode}]": "hinc"} if mode != "car" else {})
        | {f"invt[{mode}]": "invt"}
        for mode in MODES
    }
    design, Y = learn(specification, travel, base="car")
    assert set(design.names) == set(by_formula.names)
    np.testing.assert_array_equal(Y[:, [design.names.index(n) for n in by_formula.names]], X)


def test_greenes_income_in_the_utility_of_flying_only(travel):
    shared = {"gc": "gc", "ttme": "ttme"}
    specification = {
        "air": {**shared, "asc_air": 1, "income": "hinc"},
        "train": {**shared, "asc_train": 1},
        "bus": {**shared, "asc_bus": 1},
        "car": shared,
    }
    design, X = learn(specification, travel)
    # Greene, Econometric Analysis (2003), Table 21.11; to more digits by R's mlogit 1.1-3
    published = {
        "gc": -0.015501525,
        "ttme": -0.096124796,
        "income": 0.013287026,
        "asc_air": 5.207443299,
        "asc_train": 3.869042702,
        "asc_bus": 3.163194212,
    }
    v = (X @ [published[name] for name in design.names]).reshape(210, 4)
    logp = v - np.log(np.exp(v).sum(axis=1, keepdims=True))
    chosen = travel[0]["choice"].to_numpy().reshape(210, 4) == 1
    assert logp[chosen].sum() == pytest.approx(-199.128369, abs=2e-6)


def test_transformations_learn_in_the_rows_of_their_alternative(travel):
    frame, alt, case_ptr = travel
    specification = {"air": {"a": "scale(gc)", "b": "poly(invt, 1)"}, "car": {"a": "scale(gc)"}}
    design, X = learn(specification, travel)
    assert X[alt == 0, 0].mean() == pytest.approx(0, abs=1e-12)
    assert X[alt == 3, 0].std(ddof=1) == pytest.approx(1)
    assert (X[(alt == 1) | (alt == 2)] == 0).all()
    design = pickle.loads(pickle.dumps(design))
    np.testing.assert_array_equal(
        design.rows(frame.iloc[40:80], alt[40:80], case_ptr[:11]), X[40:80]
    )


def test_missing_values_matter_only_where_they_are_used(travel):
    frame, alt, case_ptr = travel
    frame = frame.assign(ttme=frame["ttme"].where(alt != 3))
    data = (frame, alt, case_ptr)
    _, X = learn({mode: {"wait": "ttme", "log": "np.log(ttme)"} for mode in MODES[:3]}, data)
    assert np.isfinite(X).all()
    with pytest.raises(DataError) as caught:
        learn({"air": {"wait": "ttme"}, "car": {"wait": "ttme"}}, data)
    (finding,) = caught.value.findings
    assert (finding.column, finding.count, finding.cases) == ("ttme", 210, (0, 1, 2, 3, 4))


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(30)), st.integers(0))
def test_the_order_of_cases_and_rows_does_not_matter(travel, order, seed):
    frame, alt, _ = travel
    rng = np.random.default_rng(seed)
    rows = np.concatenate([4 * c + rng.permutation(4) for c in order])
    ptr = np.arange(0, 121, 4)
    specification = {
        "air": {"a": 1, "b": "np.log(gc)", "c": "center(invt)"},
        "bus": {"b": "gc / hinc", "c": "invt"},
    }
    _, X = learn(specification, (frame.iloc[:120], alt[:120], ptr))
    _, Y = learn(specification, (frame.iloc[rows], alt[rows], ptr))
    np.testing.assert_allclose(Y, X[rows], rtol=1e-10, atol=1e-10)


def test_an_alternative_missing_from_new_data(travel):
    frame, alt, _ = travel
    design, X = learn({"air": {"a": "scale(gc)"}, "bus": {"b": "gc", "k": 1}}, travel)
    keep = np.flatnonzero(alt[:40] != 0)
    part = design.rows(frame.iloc[keep], alt[keep], np.arange(0, 31, 3))
    np.testing.assert_array_equal(part, X[keep])


def test_names_and_numbers_as_text(travel):
    frame, alt, case_ptr = travel
    data = (frame.rename(columns={"gc": "general cost", "ttme": "inf"}), alt, case_ptr)
    specification = {
        "air": {"a": "`general cost`", "b": "log(`general cost`)", "c": "inf", "k": " 2e1 "}
    }
    design, X = learn(specification, data)
    np.testing.assert_array_equal(X[alt == 0, 0], frame["gc"][alt == 0])
    np.testing.assert_allclose(X[alt == 0, 1], np.log(frame["gc"][alt == 0]))
    np.testing.assert_array_equal(X[alt == 0, 2], frame["ttme"][alt == 0])
    assert (X[alt == 0, 3] == 20).all()
    assert design.constants == ("k",)
    assert alternatives_variables(specification, data[0]) == ("general cost", "inf")
    assert repr(design).splitlines() == [
        "AlternativesDesign: 4 coefficients",
        "  U[air] = a * `general cost` + b * (log(`general cost`)) + c * inf + k * 20",
        "  alternative a, b, c",
        "  constant    k",
    ]


def test_two_coefficients_may_share_an_expression(travel):
    specification = {"air": {"a": "gc", "b": "gc", "c": "np.log(gc)", "d": "np.log(gc)"}}
    _, X = learn(specification, travel)
    np.testing.assert_array_equal(X[:, 0], X[:, 1])
    np.testing.assert_array_equal(X[:, 2], X[:, 3])
    assert X[:, 2].any()


def test_functions_of_the_user_come_through_the_context(travel):
    design, X = learn({"air": {"a": "half(gc)"}}, travel, context={"half": halve, "other": 1})
    np.testing.assert_array_equal(X[travel[1] == 0, 0], travel[0]["gc"][travel[1] == 0] / 2)
    again = pickle.loads(pickle.dumps(design))
    np.testing.assert_array_equal(again.rows(*travel), X)


def halve(x):
    return x / 2


def test_everything_malformed_is_listed_at_once(travel):
    specification = {
        "Air": {"a": 1},
        "bus": {"": "gc", "b": None, "c": float("nan")},
        "car": "gc",
    }
    with pytest.raises(SpecificationError) as caught:
        learn(specification, travel)
    message = str(caught.value)
    assert "unknown alternative 'Air': did you mean 'air'?" in message
    assert "the coefficient name '' is not text" in message
    assert "'b': None is neither a finite number nor text" in message
    assert "'c': nan is neither" in message
    assert "'car': 'gc' is not a dict" in message


@pytest.mark.parametrize(
    ("specification", "message"),
    [
        ({}, "looks like"),
        ({"air": {}}, "looks like"),
        ([1], "looks like"),
        ({"air": {"a": "gcc", "b": "np.log(hinv)"}}, r"'gcc'.*did you mean 'gc'.*'hinv'"),
        ({"air": {"a": "region"}}, "is a category"),
        ({"air": {"a": "C(region)"}}, "is a category"),
        ({"air": {"a": "poly(gc, 2)"}}, "is 2 columns"),
        ({"air": {"a": "gc +"}}, "not a valid expression"),
        ({"air": {"a": ""}}, "not a valid expression"),
        ({"air": {"a": "lag(gc)"}}, "another alternative or case"),
        ({mode: {"a": "hinc", "b": "gc"} for mode in MODES}, r"'a': the same is added"),
        ({mode: {"a": 1, "b": "gc"} for mode in MODES}, r"'a': the same is added"),
        ({"air": {"a": 0, "b": "gc"}}, r"'a': the same is added"),
        ({"ship": {"a": "gc"}, "air": {"a": "gc"}}, "'ship' has no rows"),
    ],
)
def test_specifications_that_make_no_sense(travel, specification, message):
    with pytest.raises(SpecificationError, match=message):
        learn(specification, travel, (*MODES, "ship"))


def test_data_that_cannot_be_used(travel):
    frame, alt, case_ptr = travel
    ids = [f"id{c}" for c in range(210)]
    text = frame.assign(gc=frame["gc"].astype(str))
    with pytest.raises(DataError, match="'gc' holds text that looks like numbers"):
        learn({"air": {"a": "gc"}}, (text, alt, case_ptr))
    zero = frame.assign(gc=frame["gc"].where(frame.index != 8, 0.0))
    with pytest.raises(DataError, match=r"'log\(gc\)' gives values that are not finite") as caught:
        learn({"air": {"a": "log(gc)"}}, (zero, alt, case_ptr), case_ids=ids)
    assert caught.value.findings[0].cases == ("id2",)
    design, _ = learn({"air": {"a": "gc"}, "bus": {"a": "invt"}}, travel)
    with pytest.raises(DataError) as caught:
        design.rows(frame[["ttme"]], alt, case_ptr)
    assert [finding.column for finding in caught.value.findings] == ["gc", "invt"]
