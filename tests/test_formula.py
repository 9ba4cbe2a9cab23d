"""The three-part formula: columns by hand, by formulaic itself, and by properties."""

import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.datasets import modechoice

from choicekit.exceptions import DataError, SpecificationError
from choicekit.utility import formula_variables, learn_formula
from choicekit.utility.columns import varies_within_cases, varying_cases
from choicekit.utility.terms import parse_simple, split_outside

MODES = ("air", "train", "bus", "car")


@pytest.fixture(scope="module")
def travel():
    """TravelMode with a few made-up columns: frame, codes, case pointers."""
    frame = modechoice.load_pandas().data
    rng = np.random.default_rng(1)
    frame["region"] = np.repeat(rng.choice(["north", "south", "west"], 210), 4)
    frame["brand"] = rng.choice(["x", "y", "z"], 840)
    frame["size"] = frame["psize"].astype(int)
    return frame, (frame["mode"].to_numpy() - 1).astype(np.int32), np.arange(0, 841, 4)


@pytest.fixture
def small():
    """Three cases with choice sets {a, b, c}, {a, c}, {b, c}."""
    frame = pd.DataFrame(
        {
            "cost": [1.0, 2.0, 4.0, 3.0, 5.0, 7.0, 6.0],
            "income": [10.0, 10.0, 10.0, 20.0, 20.0, 30.0, 30.0],
            "brand": ["p", "q", "r", "q", "p", "r", "p"],
        }
    )
    return frame, np.array([0, 1, 2, 0, 2, 1, 2], dtype=np.int32), np.array([0, 3, 5, 7])


def learn(formula, data, alternatives=MODES, **options):
    frame, alt, case_ptr = data
    design = learn_formula(formula, frame, alt, case_ptr, alternatives, **options)
    X = design.rows(frame, alt, case_ptr)
    assert X.shape == (len(frame), len(design.names))
    assert X.dtype == np.float64
    assert X.flags.f_contiguous
    return design, X


def maximise(X, chosen, case_ptr):
    """Newton's method for McFadden's logit, written out for this test alone."""
    case = np.repeat(np.arange(len(case_ptr) - 1), np.diff(case_ptr))
    beta = np.zeros(X.shape[1])
    for _ in range(30):
        v = X @ beta
        p = np.exp(v - np.maximum.reduceat(v, case_ptr[:-1])[case])
        p /= np.add.reduceat(p, case_ptr[:-1])[case]
        mean = np.add.reduceat(p[:, None] * X, case_ptr[:-1])[case]
        hessian = (p[:, None] * (X - mean)).T @ (X - mean)
        beta += np.linalg.solve(hessian, X.T @ (chosen - p))
    return beta, float(np.log(p[chosen == 1]).sum())


# ---- what the columns are


def test_the_three_parts_by_hand(small):
    design, X = learn("y ~ cost | income | I(cost ** 2)", small, ("a", "b", "c"), base="b")
    names = ["cost", "asc[a]", "asc[c]", "income[a]", "income[c]"]
    squares = [f"I(cost ** 2)[{label}]" for label in "abc"]
    assert design.names == (*names, *squares)
    assert design.kinds == ("generic", *["constant"] * 2, *["case"] * 2, *["alternative"] * 3)
    assert design.constants == ("asc[a]", "asc[c]")
    assert design.chosen_name == "y"
    assert design.columns == design.variables == ("cost", "income")
    by_hand = [
        [1, 1, 0, 10, 0, 1, 0, 0],
        [2, 0, 0, 0, 0, 0, 4, 0],
        [4, 0, 1, 0, 10, 0, 0, 16],
        [3, 1, 0, 20, 0, 9, 0, 0],
        [5, 0, 1, 0, 20, 0, 0, 25],
        [7, 0, 0, 0, 0, 0, 49, 0],
        [6, 0, 1, 0, 30, 0, 0, 36],
    ]
    np.testing.assert_array_equal(X, by_hand)
    assert design.describe()[3] == ("income[a]", "case", "a", "income")
    assert design.describe()[1] == ("asc[a]", "constant", "a", "1")


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("choice ~ gc", "gc asc[train] asc[bus] asc[car]"),
        ("gc", "gc asc[train] asc[bus] asc[car]"),
        ("~ gc | 0", "gc"),
        ("choice ~ gc | 1", "gc asc[train] asc[bus] asc[car]"),
        ("choice ~ gc |", "gc asc[train] asc[bus] asc[car]"),
        ("choice ~ 1", "asc[train] asc[bus] asc[car]"),
        ("choice ~ 0 | hinc - 1", "hinc[train] hinc[bus] hinc[car]"),
        ("choice ~ 0 | 0 + hinc", "hinc[train] hinc[bus] hinc[car]"),
        ("choice ~ | -1 + hinc | invt", "hinc[train] hinc[bus] hinc[car] "
         "invt[air] invt[train] invt[bus] invt[car]"),
        ("choice ~ gc | 0 | 0 + invt", "gc invt[air] invt[train] invt[bus] invt[car]"),
        ("choice ~ | | invt", "asc[train] asc[bus] asc[car] "
         "invt[air] invt[train] invt[bus] invt[car]"),
    ],
)  # fmt: skip
def test_constants_and_parts_left_out(travel, formula, names):
    design, X = learn(formula, travel)
    assert design.names == tuple(names.split())
    assert np.linalg.matrix_rank(X) == X.shape[1]


def test_the_base_is_the_first_alternative_unless_another_is_asked_for(travel):
    assert learn("gc", travel)[0].base == "air"
    design, _ = learn("gc | hinc", travel, base="car")
    assert design.base == "car"
    assert design.names[1:4] == ("asc[air]", "asc[train]", "asc[bus]")
    with pytest.raises(SpecificationError, match=r"did you mean 'car'.*air, train, bus, car"):
        learn("gc", travel, base="Car")


def test_the_published_logit_of_greene(travel):
    # Greene, Econometric Analysis (2003), Table 21.11; to more digits by R's mlogit 1.1-3
    frame, alt, case_ptr = travel
    air = frame.assign(airincome=frame["hinc"] * (alt == 0))
    design, X = learn("choice ~ gc + ttme + airincome", (air, alt, case_ptr), base="car")
    beta, llf = maximise(X, frame["choice"].to_numpy(), case_ptr)
    assert llf == pytest.approx(-199.128369, abs=2e-6)
    published = {
        "gc": -0.015501525,
        "ttme": -0.096124796,
        "airincome": 0.013287026,
        "asc[air]": 5.207443299,
        "asc[train]": 3.869042702,
        "asc[bus]": 3.163194212,
    }
    assert dict(zip(design.names, beta, strict=True)) == pytest.approx(published, rel=1e-6)


def test_transformations_and_products_are_those_of_formulaic(travel):
    from formulaic import Formula

    frame, _, _ = travel
    generic = (
        "np.log(gc) + I(ttme ** 2) + scale(invt) + center(invc) + poly(gc, 3) + bs(ttme, df=4)"
        " + gc:hinc + gc*ttme + brand + brand:gc + C(size):gc + {invc / hinc}"
    )
    design, X = learn(f"choice ~ {generic} | 0", travel)
    direct = Formula(generic).get_model_matrix(frame).drop(columns="Intercept")
    assert sorted(design.names) == sorted(direct.columns)
    np.testing.assert_allclose(X, direct[list(design.names)], rtol=1e-12, atol=1e-12)


def test_case_variables_are_transformed_over_cases_not_rows(small):
    design, X = learn("cost | center(income)", small, ("a", "b", "c"))
    assert design.names[3:] == ("center(income)[b]", "center(income)[c]")
    np.testing.assert_allclose(X[:, 4], [0, 0, -10, 0, 0, 0, 10])  # the mean over cases is 20


# ---- categories


def identified(X, case_ptr):
    """Rank of the differences of the rows to the first row of their case."""
    return np.linalg.matrix_rank(X - X[np.repeat(case_ptr[:-1], np.diff(case_ptr))])


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("brand | 0", "brand[T.y] brand[T.z]"),
        ("0 + brand | 0", "brand[T.y] brand[T.z]"),
        ("C(brand, contr.treatment(base='y')) | 0",
         "C(brand,contr.treatment(base='y'))[T.x] C(brand,contr.treatment(base='y'))[T.z]"),
        ("brand:gc | 0", "brand[x]:gc brand[y]:gc brand[z]:gc"),
        ("gc + brand:gc | 0", "gc brand[T.y]:gc brand[T.z]:gc"),
        ("region:gc | 0", "region[north]:gc region[south]:gc region[west]:gc"),
        # region and income cancel within a case: one brand is left out for each of them
        ("region:brand | 0", "region[north]:brand[T.y] region[south]:brand[T.y] "
         "region[west]:brand[T.y] region[north]:brand[T.z] region[south]:brand[T.z] "
         "region[west]:brand[T.z]"),
        ("brand + brand:hinc | 0", "brand[T.y] brand[T.z] brand[T.y]:hinc brand[T.z]:hinc"),
        ("0 | region", "asc[train] asc[bus] asc[car] region[T.south][train] region[T.south][bus] "
         "region[T.south][car] region[T.west][train] region[T.west][bus] region[T.west][car]"),
        ("0 | 0 + region", "region[north][train] region[north][bus] region[north][car] "
         "region[south][train] region[south][bus] region[south][car] "
         "region[west][train] region[west][bus] region[west][car]"),
        ("| | brand", "asc[train] asc[bus] asc[car] brand[T.y][air] brand[T.y][train] "
         "brand[T.y][bus] brand[T.y][car] brand[T.z][air] brand[T.z][train] brand[T.z][bus] "
         "brand[T.z][car]"),
    ],
)  # fmt: skip
def test_categories_leave_out_what_cannot_be_learned(travel, formula, names):
    design, X = learn(formula, travel)
    # formulaic before 1.1 marks the levels of full coding with T. as well
    found = [name.replace(", ", ",").replace("[T.", "[") for name in design.names]
    assert found == names.replace("[T.", "[").split()
    assert identified(X, travel[2]) == X.shape[1]


def test_dummies_by_hand(small):
    _, X = learn("brand | 0", small, ("a", "b", "c"))
    np.testing.assert_array_equal(X.T, [[0, 1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 0, 1, 0]])


@pytest.mark.parametrize("name", ["brand", "C(brand)"])
def test_a_level_without_rows_is_not_the_reference(small, name):
    frame, alt, case_ptr = small
    frame["brand"] = pd.Categorical(frame["brand"], categories=["none", "r", "p", "q"])
    design, X = learn(f"{name} | 0", (frame, alt, case_ptr), ("a", "b", "c"))
    assert design.names == (f"{name}[T.p]", f"{name}[T.q]")
    np.testing.assert_array_equal(X[:, 0], frame["brand"] == "p")


@pytest.mark.parametrize("term", ["brand", "C(brand)", "C(size)", "C(`two words`)", "cat"])
def test_new_levels_are_named(travel, term):
    frame, alt, case_ptr = travel
    frame = frame.assign(**{"two words": frame["brand"], "cat": frame["brand"].astype("category")})
    design, _ = learn(f"{term} : gc | 0", (frame, alt, case_ptr))
    column = design.columns[0]
    new = frame.iloc[:40].copy()
    unseen = 99 if column == "size" else "w"
    new[column] = new[column].astype(object)
    new.iloc[[13, 37], new.columns.get_loc(column)] = unseen
    new[column] = new[column].infer_objects()
    ids = [f"id{c}" for c in range(10)]
    with pytest.raises(DataError) as caught:
        design.rows(new, alt[:40], case_ptr[:11], case_ids=ids)
    (finding,) = caught.value.findings
    assert finding.code == "unseen-level"
    assert finding.column == column
    assert finding.cases == ("id3", "id9")
    assert str(unseen) in finding.message
    known = "1, 2, 3, 4, 5, 6" if column == "size" else "x, y, z"
    assert known in finding.cure


# ---- new data


FORMULAS = [
    "gc + ttme | hinc | invt",
    "np.log(gc) + scale(ttme) + poly(invc, 2) | center(hinc) + region | bs(invt, df=4)",
    "brand + region:brand + C(size):gc | C(size) + hinc | brand",
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_new_data_keep_categories_and_the_state_of_transformations(travel, formula):
    frame, alt, case_ptr = travel
    design, X = learn(formula, travel, base="bus")
    design = pickle.loads(pickle.dumps(design))
    np.testing.assert_array_equal(design.rows(frame, alt, case_ptr), X)
    cases = np.array([7, 3, 100, 209, 3])
    rows = (case_ptr[cases][:, None] + np.arange(4)).ravel()
    part = design.rows(frame.iloc[rows], alt[rows], np.arange(0, 21, 4))
    np.testing.assert_allclose(part, X[rows], rtol=1e-12, atol=1e-14)


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(10)), formula=st.sampled_from(FORMULAS), within=st.integers(0))
def test_the_order_of_cases_and_of_rows_within_them_does_not_matter(travel, order, formula, within):
    frame, alt, _ = travel
    rng = np.random.default_rng(within)
    cases = np.concatenate([np.asarray(order), np.arange(10, 60)])
    rows = np.concatenate([4 * c + rng.permutation(4) for c in cases])
    straight = np.arange(240)
    ptr = np.arange(0, 241, 4)
    _, X = learn(formula, (frame.iloc[straight], alt[straight], ptr))
    design, Y = learn(formula, (frame.iloc[rows], alt[rows], ptr))
    np.testing.assert_allclose(Y, X[rows], rtol=1e-9, atol=1e-9)
    assert all(design.names)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sets(st.integers(0, 2), min_size=1), min_size=2, max_size=8), st.integers(0))
def test_unequal_choice_sets_drop_rows_of_the_full_design(sets, seed):
    assume(any(len(s) > 1 for s in sets))
    rng = np.random.default_rng(seed)
    full = pd.DataFrame({"x": rng.normal(size=3 * len(sets)), "z": np.nan})
    full["z"] = np.repeat(rng.normal(size=len(sets)), 3)
    ptr = np.arange(0, len(full) + 1, 3)
    alt = np.tile(np.arange(3, dtype=np.int32), len(sets))
    design, X = learn("x | z | I(x ** 2)", (full, alt, ptr), ("a", "b", "c"))
    keep = np.array([3 * c + j for c, s in enumerate(sets) for j in sorted(s)])
    ragged = np.concatenate([[0], np.cumsum([len(s) for s in sets])])
    np.testing.assert_array_equal(design.rows(full.iloc[keep], alt[keep], ragged), X[keep])


def test_no_rows_at_all(travel):
    frame, alt, _ = travel
    design, _ = learn(FORMULAS[1], travel)
    assert design.rows(frame.iloc[:0], alt[:0], np.array([0])).shape == (0, len(design.names))


def test_data_and_design_are_left_alone(travel):
    frame, _, _ = travel
    before = frame.copy(deep=True)
    design, _ = learn(FORMULAS[2], travel)
    pd.testing.assert_frame_equal(frame, before)
    with pytest.raises(AttributeError):
        design.base = "car"


# ---- the pieces


def test_variables_are_known_before_learning(travel):
    frame = travel[0]
    text = "choice ~ np.log(gc) + brand:ttme + {invc - hinc} | C(region) + `size`"
    expected = ("gc", "invc", "hinc", "brand", "ttme", "region", "size")
    assert formula_variables(text, frame) == expected
    with pytest.raises(SpecificationError, match="did you mean 'gc'"):
        formula_variables("gcc", frame)


def test_powers_of_sums_and_within_expressions_are_kept(travel):
    design, _ = learn("(gc + ttme)**2 + I(invc**2) + {invt ** (1 + 1)} | 0", travel)
    assert design.names == ("gc", "ttme", "I(invc ** 2)", "invt ** (1 + 1)", "gc:ttme")


def test_splitting_keeps_brackets_and_quotes():
    text = "a[b|c] + I(d|e) | `f|g` + h('|') | {i|j}"
    assert split_outside(text, "|") == ["a[b|c] + I(d|e) ", " `f|g` + h('|') ", " {i|j}"]


PIECES = st.lists(st.sampled_from(["a", "b2", "_c", "0", "1"]), min_size=1, max_size=5)


@given(PIECES, st.booleans(), st.booleans())
def test_plain_formulas_are_read_as_formulaic_reads_them(pieces, minus_first, minus_last):
    from formulaic import Formula

    text = "-1 + " * minus_first + " + ".join(pieces) + " - 1" * minus_last
    terms, intercept = parse_simple(text)
    theirs = [str(term) for term in Formula(text)]
    assert ["1"] * intercept + [term.label for term in terms] == theirs


@given(st.lists(st.integers(1, 4), min_size=1, max_size=20), st.integers(0))
def test_variation_within_cases_by_loops(sizes, seed):
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    values = np.random.default_rng(seed).choice([1.0, np.nan], ptr[-1], p=[0.9, 0.1])
    values[np.random.default_rng(seed + 1).random(ptr[-1]) < 0.1] = 2.0
    expected = [
        c
        for c in range(len(sizes))
        if len({str(value) for value in values[ptr[c] : ptr[c + 1]]}) > 1
    ]
    assert varying_cases(values, ptr).tolist() == expected
    assert varies_within_cases(values, ptr) == bool(expected)


def test_repr_shows_the_coefficients_by_kind(travel):
    design, _ = learn("choice ~ gc + ttme | hinc", travel, base="car")
    assert repr(design).splitlines() == [
        "FormulaDesign('choice ~ gc + ttme | hinc', base='car'): 8 coefficients",
        "  generic     gc, ttme",
        "  constant    asc[air], asc[train], asc[bus]",
        "  case        hinc[air], hinc[train], hinc[bus]",
    ]


def test_plain_formulas_do_not_import_formulaic():
    code = (
        "import sys, numpy as np, pandas as pd\n"
        "from choicekit.utility import learn_formula\n"
        "f = pd.DataFrame({'x': [1., 2.], 'z': [3., 3.]})\n"
        "a, p = np.array([0, 1], dtype='int32'), np.array([0, 2])\n"
        "print(learn_formula('y ~ x | z', f, a, p, 'ab').rows(f, a, p).tolist())\n"
        "print('formulaic' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[[1.0, 0.0, 0.0], [2.0, 1.0, 3.0]]", "False"]


def test_plain_columns_need_no_memory_besides_the_result():
    rows = 200_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.random(rows) for i in range(6)})
    alt, ptr = np.tile(np.arange(4, dtype=np.int32), rows // 4), np.arange(0, rows + 1, 4)
    tracemalloc.start()
    try:
        design, X = learn(" + ".join(frame) + " | 0", (frame, alt, ptr), "abcd")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert design.generic.spec is None
    assert peak < X.nbytes + rows * 8 / 2
