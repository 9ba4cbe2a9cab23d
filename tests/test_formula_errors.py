"""What the formula does with columns of every kind, and the errors that name the cure."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.datasets import modechoice

from choicekit.exceptions import DataError, SpecificationError
from choicekit.utility import learn_formula

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


# ---- kinds of columns


def test_every_kind_of_number_is_copied(small):
    frame, alt, case_ptr = small
    frame = pd.DataFrame(
        {
            "bool": frame["cost"] > 3,
            "int8": frame["cost"].astype("int8"),
            "uint8": frame["cost"].astype("uint8"),
            "float32": frame["cost"].astype("float32"),
            "Int64": frame["cost"].astype("Int64"),
            "Float64": frame["cost"].astype("Float64"),
            "boolean": (frame["cost"] > 3).astype("boolean"),
        }
    )
    design, X = learn(" + ".join(frame) + "| 0", (frame, alt, case_ptr), ("a", "b", "c"))
    np.testing.assert_array_equal(X, frame.astype(float))
    assert design.generic.spec is None


def test_arithmetic_is_done_in_64_bits(small):
    frame, alt, case_ptr = small
    frame["narrow"] = (frame["cost"] * 10).astype("int8")
    frame["positive"] = frame["cost"].astype("uint8")
    _, X = learn("I(narrow ** 2) + I(positive - 5) | 0", (frame, alt, case_ptr), ("a", "b", "c"))
    np.testing.assert_array_equal(X[:, 0], frame["cost"] ** 2 * 100)
    np.testing.assert_array_equal(X[:, 1], frame["cost"] - 5)


@pytest.mark.parametrize(
    "values",
    [
        ["12.5", "1,200", "3"],
        ["$3", " 4 ", "5.5"],
        ["1", "n/a", "3"],
        ["12%", "5 %", "-3e2"],
        [1.5, 2.5, 3.5],
        [1.5, "2", "x"],
    ],
)
@pytest.mark.parametrize("formula", ["gc + cost", "gc + cost:gc", "np.log(cost) + gc"])
def test_numbers_stored_as_text_or_objects_are_not_made_into_categories(travel, values, formula):
    frame, alt, case_ptr = travel
    frame = frame.assign(cost=np.resize(np.array(values, dtype=object), 840))
    with pytest.raises(DataError) as caught:
        learn(formula, (frame, alt, case_ptr))
    (finding,) = caught.value.findings
    assert finding.code == "text-numbers"
    assert finding.column == "cost"
    assert "pd.to_numeric" in finding.cure


def test_such_text_is_a_category_when_it_is_called_one(travel):
    frame, alt, case_ptr = travel
    frame = frame.assign(zone=np.resize(["101", "202"], 840), age=np.resize(["18-25", "26+"], 840))
    design, _ = learn("C(zone):gc + age:ttme | 0", (frame, alt, case_ptr))
    assert design.names[0] in {"C(zone)[101]:gc", "C(zone)[T.101]:gc"}  # formulaic 1.1, 1.0


def test_dates_need_a_transformation(travel):
    frame, alt, case_ptr = travel
    frame = frame.assign(day=pd.date_range("2024-01-01", periods=840))
    with pytest.raises(DataError, match=r"'day' must hold numbers, its type is datetime64"):
        learn("gc + day", (frame, alt, case_ptr))
    _, X = learn("I(day.dt.month):gc | 0", (frame, alt, case_ptr))
    np.testing.assert_array_equal(X[:, 0], frame["day"].dt.month * frame["gc"])


def test_functions_of_the_user_come_through_the_context(travel):
    def halve(x):
        return x / 2

    design, X = learn(
        "halve(gc) + I(k * ttme)| 0", travel, context={"halve": halve, "k": 3, "z": 0}
    )
    np.testing.assert_array_equal(X[:, 0], travel[0]["gc"] / 2)
    np.testing.assert_array_equal(X[:, 1], travel[0]["ttme"] * 3)
    assert set(design.generic.context) == {"halve", "k"}
    with pytest.raises(SpecificationError, match="'halve' is not a known function"):
        learn("halve(gc)", travel)
    with pytest.raises(SpecificationError, match="'w' is an object from outside the data"):
        learn("I(w * gc)", travel, context={"w": np.ones(840)})


def test_names_bound_inside_an_expression_are_not_columns(travel):
    design, X = learn("I(gc.map(lambda v: 2 * v)) | 0", travel)
    assert design.columns == ("gc",)
    np.testing.assert_array_equal(X[:, 0], 2 * travel[0]["gc"])


def test_columns_with_any_name(travel):
    frame, alt, case_ptr = travel
    frame = frame.rename(columns={"gc": "general cost", "ttme": "C", "hinc": "log"})
    data = (frame, alt, case_ptr)
    design, X = learn("`my choice` ~ `general cost` + np.sqrt(`general cost`) + C | log", data)
    assert design.chosen_name == "my choice"
    assert design.columns == ("general cost", "C", "log")
    np.testing.assert_array_equal(X[:, design.names.index("general cost")], frame["general cost"])
    column = next(k for k, name in enumerate(design.names) if name.startswith("np.sqrt"))
    np.testing.assert_array_equal(X[:, column], np.sqrt(frame["general cost"]))
    # a column called like a function leaves the function alone
    design, _ = learn("C(brand):`general cost` | 0", data)
    assert design.columns == ("brand", "general cost")


# ---- what goes wrong


def test_unknown_names_are_all_listed_with_the_nearest(travel):
    with pytest.raises(SpecificationError) as caught:
        learn("gcc + np.log(hinv) | income", travel)
    message = str(caught.value)
    assert "'gcc' is not in the data (did you mean 'gc'?)" in message
    assert "'hinv' is not in the data (did you mean 'hinc'?)" in message
    assert "'income' is not in the data" in message
    assert "Columns: individual, mode, choice" in message


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("choice ~ gc ~ ttme", "more than one '~'"),
        ("gc | hinc | invt | ttme", "has 4 parts"),
        ("choice ~ gc - 1", "Cure: add a part two"),
        ("choice ~ 0", "Cure: add a part two"),
        ("0 | 0", "no terms"),
        ("choice - 1 ~ gc", "must be the name of one column"),
        ("gc +", "cannot read"),
        ("I(gc", "cannot read"),
        ("gc + .", "name the variables"),
        ("2:gc", "number in it"),
        ("gc**2", r"needs I\("),
        ("ttme + np.log(gc) ** 2", r"needs I\("),
        ("ttme:`asc[train]`^2", r"needs I\("),
        ("lag(gc)", "another alternative or case"),
        ("gc + `asc[train]`", "several coefficients would be called"),
        ("poly(gc)(2)", "Unable to evaluate|cannot"),
        ("np.log(brand)", "Unable to evaluate"),
    ],
)
def test_formulas_that_make_no_sense(travel, formula, message):
    frame, alt, case_ptr = travel
    frame = frame.assign(**{"asc[train]": frame["gc"]})
    with pytest.raises(SpecificationError, match=message):
        learn(formula, (frame, alt, case_ptr))
    with pytest.raises(SpecificationError, match="a formula is text"):
        learn(3, travel)


def test_a_category_with_one_level(travel):
    frame, alt, case_ptr = travel
    with pytest.raises(SpecificationError, match="'only' is a category with one level"):
        learn("gc + only", (frame.assign(only="a"), alt, case_ptr))


@pytest.mark.parametrize(
    ("formula", "part", "names"),
    [
        ("gc + hinc", "one", "'hinc' is"),
        ("gc + np.log(hinc) + region", "one", r"'np.log\(hinc\)', 'region\[T.south\]'.* are"),
        ("gc*hinc", "one", "'hinc' is"),
        ("gc | 0 | hinc", "three", "'hinc' is"),
    ],
)
def test_what_is_the_same_for_all_alternatives_belongs_in_part_two(travel, formula, part, names):
    with pytest.raises(SpecificationError, match=rf"part {part} .*{names} the same.*part two"):
        learn(formula, travel)


def test_variation_in_a_single_late_case_is_enough():
    cases = 5000
    frame = pd.DataFrame({"x": np.zeros(2 * cases)})
    alt = np.tile(np.array([0, 1], dtype=np.int32), cases)
    ptr = np.arange(0, 2 * cases + 1, 2)
    with pytest.raises(SpecificationError, match="'x' is the same"):
        learn("x | 0", (frame, alt, ptr), "ab")
    frame.loc[2 * cases - 1, "x"] = 1.0
    assert learn("x | 0", (frame, alt, ptr), "ab")[1].sum() == 1


def test_case_variables_that_vary_are_all_listed_with_the_cases(travel):
    frame, alt, case_ptr = travel
    frame = frame.copy()
    frame.loc[[5, 9], "hinc"] += 1
    frame.loc[12, "region"] = "nowhere"
    ids = np.array([f"id{c}" for c in range(210)])
    with pytest.raises(DataError) as caught:
        learn("gc | hinc + C(region)", (frame, alt, case_ptr), case_ids=ids)
    income, region = caught.value.findings
    assert (income.column, income.count, income.cases) == ("hinc", 2, ("id1", "id2"))
    assert (region.column, region.count, region.cases) == ("region", 1, ("id3",))
    assert "part one" in income.cure
    # the same on new data
    design, _ = learn("gc | hinc", travel)
    with pytest.raises(DataError, match="'hinc' varies within cases"):
        design.rows(frame, alt, case_ptr)


@pytest.mark.parametrize(
    ("formula", "column", "term"),
    [
        ("np.log(zero)", "zero", "'np.log(zero)'"),
        ("np.log(zero - 1)", "zero", "'np.log(zero - 1)'"),
        ("np.log(`with zero`)", "with zero", "'np.log(`with zero`)'"),
        ("gc:np.log(zero)", "gc, zero", "np.log(zero)"),
        ("gc | 0 | np.log(zero)", "zero", "'np.log(zero)'"),
        ("gc | I(1 / nil)", "nil", "'I(1 / nil)'"),
        ("C(cut(zero, [0, 10, 1000])) | 0", "zero", "'C(cut(zero, [0, 10, 1000]))'"),
    ],
)
def test_results_that_are_not_finite_name_the_term_and_the_case(travel, formula, column, term):
    frame, alt, case_ptr = travel
    frame = frame.assign(zero=frame["gc"].where(frame.index != 17, 0.0))
    frame["with zero"] = frame["zero"]
    frame["nil"] = np.repeat(np.arange(210) != 4, 4).astype(float)
    with pytest.raises(DataError) as caught:
        learn(formula, (frame, alt, case_ptr), context={"cut": pd.cut})
    (finding,) = caught.value.findings
    assert finding.code == "not-finite"
    assert term in finding.message
    assert finding.column == column
    assert finding.cases == (4,)


def test_cases_of_unequal_size_are_named_by_their_own_rows(small):
    frame, alt, case_ptr = small
    frame.loc[[4, 5], "cost"] = 0.0  # a row of the second case and one of the third
    with pytest.raises(DataError) as caught:
        learn("log(cost)", (frame, alt, case_ptr), ("a", "b", "c"), case_ids=pd.Index([5, 7, 9]))
    assert caught.value.findings[0].cases == (7, 9)


@pytest.mark.parametrize(
    ("formula", "column"),
    [
        ("gc", "gc"),
        ("I(gc > 100) + ttme", "gc"),
        ("brand:ttme", "brand"),
        ("C(brand):ttme", "brand"),
        ("ttme | region", "region"),
        ("ttme | hinc", "hinc"),
    ],
)
def test_missing_values_are_never_dropped(travel, formula, column):
    frame, alt, case_ptr = travel
    frame = frame.copy()
    rows = slice(40, 44) if column in {"hinc", "region"} else [41]
    frame.loc[frame.index[rows], column] = None
    with pytest.raises(DataError) as caught:
        learn(formula, (frame, alt, case_ptr))
    (finding,) = caught.value.findings
    assert (finding.column, finding.count, finding.cases) == (column, 1, (10,))
    design, _ = learn(formula, travel)
    with pytest.raises(DataError, match="missing"):
        design.rows(frame, alt, case_ptr)


def test_new_data_without_a_column_or_of_another_type(travel):
    frame, alt, case_ptr = travel
    design, _ = learn("gc + brand:ttme + C(size):gc | hinc", travel)
    with pytest.raises(DataError) as caught:
        design.rows(frame.rename(columns={"gc": "Gc", "hinc": "inc"}), alt, case_ptr)
    assert [finding.column for finding in caught.value.findings] == ["gc", "hinc"]
    assert "did you mean 'Gc'" in caught.value.findings[0].cure
    with pytest.raises(DataError, match="'gc' holds text that looks like numbers"):
        design.rows(frame.assign(gc=frame["gc"].astype(str)), alt, case_ptr)
    with pytest.raises(DataError, match="'hinc' must hold numbers"):
        design.rows(frame.assign(hinc="high"), alt, case_ptr)
    with pytest.raises(ValueError, match="must agree"):
        design.rows(frame, alt[:-1], case_ptr)


def test_columns_of_the_same_name(travel):
    frame, alt, case_ptr = travel
    twice = pd.concat([frame, frame[["gc"]]], axis=1)
    with pytest.raises(DataError, match="2 columns are called 'gc'"):
        learn("gc", (twice, alt, case_ptr))


def test_splines_beyond_the_estimation_data_say_so(travel):
    frame, alt, case_ptr = travel
    design, _ = learn("bs(gc, df=4) | 0", travel)
    with pytest.raises(DataError, match="bs"):
        design.rows(frame.assign(gc=frame["gc"] * 10), alt, case_ptr)
