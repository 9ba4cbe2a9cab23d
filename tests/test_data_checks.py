"""Every bad input raises one DataError that says what, where and the cure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from choicekit.data import ChoiceData
from choicekit.exceptions import DataError, Finding, SpecificationError

LONG = {"case": "id", "alt": "mode", "chosen": "choice"}
ALL = LONG | {"weights": "w", "person": "who", "available": "open"}
N = 12


def long_frame() -> pd.DataFrame:
    """Twelve sound cases of three alternatives, ids 100, 101, ...; row 3 c + j."""
    rng = np.random.default_rng(0)
    case, alt = np.repeat(np.arange(N), 3), np.tile(np.arange(3), N)
    return pd.DataFrame(
        {
            "id": 100 + case,
            "mode": np.array(["car", "bus", "tram"])[alt],
            "choice": (alt == case % 3).astype(float),
            "cost": rng.normal(size=3 * N),
            "size": rng.normal(size=3 * N),
            "income": 1.5 + case,
            "w": 1.0 + case,
            "who": case // 2,
            "open": 1.0,
        }
    )


def wide_frame() -> pd.DataFrame:
    """Six sound cases."""
    return pd.DataFrame(
        {
            "trip": list("abcdef"),
            "pick": ["car", "bus", "tram"] * 2,
            "cost_car": np.arange(6.0),
            "cost_bus": np.arange(6.0) + 1,
            "cost_tram": np.arange(6.0) + 2,
            "av_bus": 1,
            "w": 1.0,
        }
    )


WIDE = {
    "alternatives": ["car", "bus", "tram"],
    "chosen": "pick",
    "varying": {"cost": "cost_{alt}"},
    "case": "trip",
}


def findings(read: Callable[..., ChoiceData], frame: Any, **options: Any) -> dict[str, Finding]:
    """The findings of the one error, by code; each of them with a cure."""
    with pytest.raises(DataError) as caught:
        read(frame, **options)
    found = caught.value.findings
    assert all(f.cure for f in found if f.severity == "error"), found
    assert all(str(f) in str(caught.value) for f in found)
    return {f.code: f for f in found}


def put(frame: pd.DataFrame, column: str, rows: Any, value: Any) -> pd.DataFrame:
    """The frame with other values in some rows of a column."""
    values = frame[column].astype(object)
    values[rows] = value
    return frame.assign(**{column: values.infer_objects()})


# name -> (how to spoil the frame, expected code, expected cases)
SPOILED: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str, list[Any]]] = {
    "nobody chose": (lambda d: put(d, "choice", [6, 7, 8], 0.0), "none-chosen", [102]),
    "two chosen": (lambda d: put(d, "choice", [0, 1, 9, 11], 1.0), "several-chosen", [100, 103]),
    "chosen closed": (lambda d: put(d, "open", [4], 0.0), "chosen-unavailable", [101]),
    "twice the same": (lambda d: put(d, "mode", [1], "car"), "duplicate-alternative", [100]),
    "alone": (lambda d: d.drop([1, 2, 33, 34]), "one-alternative", [100, 111]),
    "alone by closing": (lambda d: put(d, "open", [1, 2], 0.0), "one-alternative", [100]),
    "no mark": (lambda d: put(d, "choice", [16], np.nan), "missing-values", [105]),
    "no label": (lambda d: put(d, "mode", [16], None), "missing-values", [105]),
    "no availability": (lambda d: put(d, "open", [16], np.nan), "missing-values", [105]),
    "no weight": (lambda d: put(d, "w", [15, 16, 17], np.nan), "missing-values", [105]),
    "endless weight": (lambda d: put(d, "w", [15, 16, 17], np.inf), "missing-values", [105]),
    "no person": (lambda d: put(d, "who", [15, 16, 17], np.nan), "missing-values", [105]),
    "negative": (lambda d: put(d, "w", [0, 1, 2], -0.1), "negative-weight", [100]),
    "weights differ": (lambda d: put(d, "w", [34], 5.0), "weights-vary", [111]),
    "persons differ": (lambda d: put(d, "who", [5], 99), "person-varies", [101]),
    "no id": (lambda d: put(d, "id", [7, 10], np.nan), "missing-id", [7, 10]),
}


@pytest.mark.parametrize("name", SPOILED)
@pytest.mark.parametrize("shuffled", [False, True])
def test_bad_rows_are_named(name: str, shuffled: bool) -> None:
    spoil, code, cases = SPOILED[name]
    frame = spoil(long_frame())
    if shuffled:
        frame = frame.sample(frac=1, random_state=1)
    found = findings(ChoiceData.from_long, frame, **ALL)
    assert set(found) == {code}
    assert sorted(found[code].cases) == cases
    assert found[code].count == len(cases)
    assert found[code].unit == ("row" if code == "missing-id" else "case")


DROPPABLE = ("one-alternative", "missing-values")


@pytest.mark.parametrize("name", SPOILED)
def test_drop_leaves_out_whole_cases_and_says_so(name: str) -> None:
    spoil, code, cases = SPOILED[name]
    frame = spoil(long_frame())
    if code not in DROPPABLE:
        assert set(findings(ChoiceData.from_long, frame, missing="drop", **ALL)) == {code}
        return
    assert 'missing="drop"' in findings(ChoiceData.from_long, frame, **ALL)[code].cure
    data = ChoiceData.from_long(frame, missing="drop", **ALL)
    sound = ChoiceData.from_long(long_frame().query("id not in @cases"), missing="drop", **ALL)
    assert data.dropped_ids.tolist() == cases
    assert [(f.code, f.count, list(f.cases)) for f in data.dropped] == [(code, len(cases), cases)]
    assert data.case_ids.tolist() == sound.case_ids.tolist()
    for field in ("alt", "case_ptr", "chosen", "weights", "person"):
        np.testing.assert_array_equal(getattr(data.layout, field), getattr(sound.layout, field))
    assert data.person_ids.tolist() == sound.person_ids.tolist()
    np.testing.assert_array_equal(data.frame["cost"], sound.frame["cost"])
    assert f"{len(cases)} case" in repr(data).split("dropped")[1]
    assert code in data.check()["code"].tolist()
    assert sound.dropped == ()
    assert "dropped" not in repr(sound)


def test_everything_at_once() -> None:
    """One error lists all of it, so that the table is mended in one pass."""
    frame = long_frame()
    for name in ("nobody chose", "chosen closed", "persons differ", "negative", "weights differ"):
        frame = SPOILED[name][0](frame)
    frame = put(put(frame, "mode", [28], "bus"), "choice", [16], np.nan)
    frame = put(frame, "mode", [27], "bus").drop([22, 23])
    found = findings(ChoiceData.from_long, frame, **ALL)
    assert {code: list(f.cases) for code, f in found.items()} == {
        "missing-values": [105],
        "negative-weight": [100],
        "duplicate-alternative": [109],
        "chosen-unavailable": [101],
        "one-alternative": [107],
        "none-chosen": [102],
        "weights-vary": [111],
        "person-varies": [101],
    }


def test_first_few_cases_and_the_count() -> None:
    frame = long_frame().assign(choice=0)
    found = findings(ChoiceData.from_long, frame, **LONG)["none-chosen"]
    assert found.cases == (100, 101, 102, 103, 104)
    assert found.count == N
    assert "0 everywhere" in found.message
    assert "[12 cases: 100, 101, 102, 103, 104, ...]" in str(found)


def test_unknown_columns_all_at_once_with_the_nearest_name() -> None:
    with pytest.raises(DataError) as caught:
        ChoiceData.from_long(long_frame(), case="Id", alt="mod", chosen="choise", weights="zzz")
    found = caught.value.findings
    assert [f.column for f in found] == ["Id", "mod", "choise", "zzz"]
    assert all(f.code == "unknown-column" for f in found)
    for finding, name in zip(found[:3], ("id", "mode", "choice"), strict=True):
        assert finding.cure == f"did you mean '{name}'?"
    assert found[3].cure.startswith("the columns are 'id', 'mode'")


def test_unknown_columns_do_not_hide_other_trouble() -> None:
    frame = put(long_frame(), "w", [0, 1, 2], -1.0)
    found = findings(ChoiceData.from_long, frame, **(ALL | {"case": "trip"}))
    assert set(found) == {"unknown-column", "negative-weight"}
    assert found["negative-weight"].unit == "row"
    assert found["negative-weight"].cases == (0, 1, 2)
    found = findings(ChoiceData.from_long, frame, **(ALL | {"chosen": "trip"}))
    assert set(found) == {"unknown-column", "negative-weight"}
    assert found["negative-weight"].cases == (100,)


def test_frames_that_are_none() -> None:
    frame = long_frame()
    assert set(findings(ChoiceData.from_long, frame.iloc[:0], **LONG)) == {"empty"}
    assert set(findings(ChoiceData.from_wide, wide_frame().iloc[:0], **WIDE)) == {"empty"}
    assert set(findings(ChoiceData.from_long, frame.to_dict(), **LONG)) == {"not-a-frame"}
    assert set(findings(ChoiceData.from_wide, [1], **WIDE)) == {"not-a-frame"}
    found = findings(ChoiceData.from_long, frame, **(LONG | {"case": frame["id"]}))
    assert "is a Series, not the name" in found["unknown-column"].message
    lists = frame.assign(id=[[i] for i in frame["id"]])
    assert set(findings(ChoiceData.from_long, lists, **LONG)) == {"unhashable"}
    lists = frame.assign(mode=[[i] for i in frame["id"]])
    assert set(findings(ChoiceData.from_long, lists, **LONG)) == {"unhashable"}
    twice = frame.rename(columns={"cost": "choice"})
    assert set(findings(ChoiceData.from_long, twice, **LONG)) == {"ambiguous-column"}
    drop_all = frame.assign(choice=np.nan)
    found = findings(ChoiceData.from_long, drop_all, missing="drop", **LONG)
    assert set(found) == {"empty", "missing-values"}
    with pytest.raises(SpecificationError, match="'omit'"):
        ChoiceData.from_long(frame, missing="omit", **LONG)
    with pytest.raises(SpecificationError, match="'omit'"):
        ChoiceData.from_wide(wide_frame(), missing="omit", **WIDE)


def test_cells_that_are_no_labels() -> None:
    for role in ("case", "alt", "chosen", "person"):
        column = ALL[role]
        lists = long_frame().assign(**{column: [[1]] * 3 * N})
        found = findings(ChoiceData.from_long, lists, **ALL)
        assert [f.column for f in found.values() if f.code == "unhashable"] == [column]
    lists = long_frame().assign(open=[[1]] * 3 * N)
    assert set(findings(ChoiceData.from_long, lists, **ALL)) == {"not-a-flag"}
    for column in ("trip", "pick"):
        lists = wide_frame().assign(**{column: [[1]] * 6})
        found = findings(ChoiceData.from_wide, lists, **WIDE)
        assert found["unhashable"].column == column


@pytest.mark.parametrize("hole", [None, pd.NA, np.nan, pd.NaT])
@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_missing_ids_of_any_kind(hole: Any, dtype: Any) -> None:
    frame = long_frame()
    ids = frame["id"].astype(str).astype(object)
    ids[[4, 5]] = hole
    frame["id"] = ids.astype(dtype)
    found = findings(ChoiceData.from_long, frame, **LONG)
    assert found["missing-id"].cases == (4, 5)


def test_weights_of_a_nullable_type() -> None:
    frame = long_frame()
    nullable = frame.assign(w=frame["w"].astype("Float64"))
    data = ChoiceData.from_long(nullable, **ALL)
    np.testing.assert_array_equal(data.layout.weights, 1.0 + np.arange(N))
    nullable["w"] = nullable["w"].mask(frame["id"] == 103)
    assert findings(ChoiceData.from_long, nullable, **ALL)["missing-values"].cases == (103,)


def test_frames_of_other_libraries() -> None:
    class Table:
        def to_pandas(self) -> pd.DataFrame:
            return long_frame()

    assert ".to_pandas()" in findings(ChoiceData.from_long, Table(), **LONG)["not-a-frame"].cure


def test_wide_data_read_as_long() -> None:
    frame = long_frame().query("choice == 1")
    for missing in ("raise", "drop"):
        found = findings(ChoiceData.from_long, frame, missing=missing, **LONG)
        assert "from_wide" in found["one-alternative"].cure
        assert "drop" not in found["one-alternative"].cure


@pytest.mark.parametrize(
    ("values", "cure"),
    [
        (lambda d: np.where(d["choice"] == 1, "yes", "no"), "df['choice'] == 'yes'"),
        (lambda d: d["choice"].astype(int).astype(str), "pd.to_numeric(df['choice'])"),
        (lambda d: d["choice"] + 1, "mark the chosen row with 1"),
        (lambda d: np.where(d["choice"] == 1, "trm", "car"), "did you mean 'tram'?"),
    ],
)
def test_choices_that_are_no_choices(values: Callable[..., Any], cure: str) -> None:
    frame = long_frame()
    found = findings(ChoiceData.from_long, frame.assign(choice=values(frame)), **LONG)
    assert cure in found["unknown-choice"].cure


def test_labels_of_the_wrong_type() -> None:
    frame = long_frame()
    frame["mode"] = frame["mode"].map({"car": 1, "bus": 2, "tram": 3})
    frame["choice"] = (frame["id"] % 3 + 1).astype(str)
    found = findings(ChoiceData.from_long, frame, **LONG)
    assert "'2' (str) and the alternative is 2 (int)" in found["unknown-choice"].cure


def test_chosen_labels_checked_within_cases() -> None:
    frame = long_frame()
    frame["choice"] = np.array(["car", "bus", "tram"])[frame["id"] % 3]
    assert ChoiceData.from_long(frame, **LONG).n_cases == N
    varies = put(frame, "choice", [0], "car").pipe(put, "choice", [1], "bus")
    found = findings(ChoiceData.from_long, varies, **LONG)
    assert {code: f.cases for code, f in found.items()} == {"choice-varies": (100,)}
    absent = frame.drop(1)  # case 100 chose the bus
    found = findings(ChoiceData.from_long, absent, **LONG)
    assert {code: f.cases for code, f in found.items()} == {"chosen-unavailable": (100,)}
    hole = put(frame, "choice", [0, 1, 2], None)
    found = findings(ChoiceData.from_long, hole, **LONG)
    assert {code: f.cases for code, f in found.items()} == {"missing-values": (100,)}


def test_alternatives_not_listed_and_odd_lists() -> None:
    frame = long_frame()
    found = findings(ChoiceData.from_long, frame, alternatives=["car", "buss", "tram"], **LONG)[
        "unlisted-alternative"
    ]
    assert found.count == N
    assert "did you mean 'buss'?" in found.message
    for odd in ("car", ["car"], ["car", "car"], {"car": 1, "bus": 1}, 3):
        assert set(findings(ChoiceData.from_long, frame, alternatives=odd, **LONG)) == {
            "alternatives"
        }
        options = WIDE | {"alternatives": odd}
        assert set(findings(ChoiceData.from_wide, wide_frame(), **options)) == {"alternatives"}


def test_structural_columns_of_the_wrong_type() -> None:
    frame = long_frame().assign(w="1,0", open="yes")
    assert set(findings(ChoiceData.from_long, frame, **ALL)) == {"not-numeric", "not-a-flag"}
    mixed = put(long_frame(), "open", [5], "no").assign(open=lambda d: d["open"].astype(object))
    assert "'no'" in findings(ChoiceData.from_long, mixed, **ALL)["not-a-flag"].message
    mixed["open"] = pd.Series([1, 2, True] * N, dtype=object)
    assert "holds 2," in findings(ChoiceData.from_long, mixed, **ALL)["not-a-flag"].message
    frame = long_frame().assign(w=0.0, open=2)
    assert set(findings(ChoiceData.from_long, frame, **ALL)) == {"zero-weights", "not-a-flag"}


# ---------------------------------------------------------------- wide


def test_wide_names() -> None:
    found = findings(
        ChoiceData.from_wide,
        wide_frame(),
        alternatives=["car", "bus", "tram"],
        chosen="pick",
        case="tripp",
        varying={"cost": "cots_{alt}"},
        available={"buss": "av_bus"},
    )
    assert set(found) == {"unknown-column", "unknown-alternative"}
    assert "'bus'" in found["unknown-alternative"].cure


@pytest.mark.parametrize(
    ("varying", "text"),
    [
        ({"cost": {"car": "cost_car", "bus": "cost_bus"}}, "no entry for 'tram'"),
        ({"cost": {"car": "cost_car", "bus": "cost_bus", "tram": "cost_trm"}}, "'cost_tram'?"),
        ({"cost": {"car": "trip", "bus": "cost_bus", "tram": 0}}, "'trip' is not numeric"),
        ({"cost": "cost"}, "has no {alt}"),
        ({"cost": 3}, "of type int"),
        ({"w": "cost_{alt}"}, "such a column already"),
        ({"alternative": "cost_{alt}"}, "such a column already"),
        ({"trip": "cost_{alt}"}, "such a column already"),
        ("cost", "{name}"),
        ("{name}.{alt}", "No column fits"),
        ("{name}_{alt}", "'av' for 'bus', but not for 'car', 'tram'"),
        (["cost_car"], "of type list"),
    ],
)
def test_wide_varying(varying: Any, text: str) -> None:
    with pytest.raises(DataError) as caught:
        ChoiceData.from_wide(wide_frame(), **(WIDE | {"varying": varying}))
    assert len(caught.value.findings) == 1
    assert text in str(caught.value)


def test_pattern_skips_columns_with_another_role() -> None:
    data = ChoiceData.from_wide(
        wide_frame(), **(WIDE | {"varying": "{name}_{alt}", "available": {"bus": "av_bus"}})
    )
    assert data.frame.columns.tolist() == [
        "alternative", "cost", "trip", "pick", "av_bus", "w",
    ]  # fmt: skip


def test_wide_available() -> None:
    for available in ("av_bus", ["av_bus"], {"bus": ["av_bus"]}, {"bus": "avbus"}):
        found = findings(ChoiceData.from_wide, wide_frame(), **(WIDE | {"available": available}))
        assert set(found) <= {"available", "unknown-column"}
    data = ChoiceData.from_wide(wide_frame(), **(WIDE | {"varying": None}))
    assert data.frame.columns[:2].tolist() == ["alternative", "trip"]


def test_wide_rows() -> None:
    frame = wide_frame()
    frame["trip"] = ["a", "a", "c", "c", "c", "f"]
    found = findings(ChoiceData.from_wide, frame, **WIDE)
    assert found["duplicate-case"].cases == ("a", "c")
    frame = put(wide_frame(), "pick", [1, 2], ["bike", None])
    frame = put(frame, "av_bus", [4, 5], [0, 2])
    found = findings(ChoiceData.from_wide, frame, available={"bus": "av_bus"}, **WIDE)
    assert found["unknown-choice"].cases == ("b",)
    assert found["missing-values"].cases == ("c",)
    assert "2" in found["not-a-flag"].message
    frame = put(wide_frame(), "av_bus", [0, 4], [np.nan, 0])
    found = findings(ChoiceData.from_wide, frame, available={"bus": "av_bus"}, **WIDE)
    assert {code: f.cases for code, f in found.items()} == {
        "missing-values": ("a",),
        "chosen-unavailable": ("e",),
    }
    frame = put(wide_frame(), "trip", [3], None)
    assert findings(ChoiceData.from_wide, frame, **WIDE)["missing-id"].cases == (3,)


def test_wide_codes_not_declared() -> None:
    frame = wide_frame()
    frame["pick"] = [1, 2, 3, 1, 2, 3]
    cure = findings(ChoiceData.from_wide, frame, **WIDE)["unknown-choice"].cure
    assert "alternatives={'car': 1, 'bus': 2, 'tram': 3}" in cure
    options = WIDE | {"alternatives": {"car": 1, "bus": 2, "tram": 3}}
    assert ChoiceData.from_wide(frame, **options).layout.chosen_alt.tolist() == [0, 1, 2] * 2


def test_wide_drop() -> None:
    frame = put(wide_frame(), "pick", [1, 2], None)
    data = ChoiceData.from_wide(frame, missing="drop", weights="w", **WIDE)
    assert data.dropped_ids.tolist() == ["b", "c"]
    assert data.case_ids.tolist() == list("adef")
    assert data.frame["trip"].tolist() == np.repeat(list("adef"), 3).tolist()
    assert data.frame["cost"].tolist() == [0, 1, 2, 3, 4, 5, 4, 5, 6, 5, 6, 7]


def test_name_of_the_case_column_taken() -> None:
    frame = wide_frame().assign(case=range(6))
    options = {key: WIDE[key] for key in ("alternatives", "chosen", "varying")}
    assert 'case="case"' in findings(ChoiceData.from_wide, frame, **options)["name-clash"].cure
    assert ChoiceData.from_wide(frame, case="case", **options).case == "case"


# ---------------------------------------------------------------- new data


def test_new_data() -> None:
    data = ChoiceData.from_long(long_frame(), **LONG)
    with pytest.raises(DataError, match=r"The new data[^$]*'plane'"):
        data.read_like(long_frame().replace({"mode": {"tram": "plane"}}))
    with pytest.raises(DataError, match="mode"):
        data.read_like(long_frame().drop(columns="mode"))
    with pytest.raises(DataError, match="choice"):
        data.read_like(long_frame().drop(columns="choice"), require_choice=True)
    opened = ChoiceData.from_long(long_frame(), available="open", **LONG)
    closed = put(long_frame(), "open", [0, 1, 2], 0.0)
    with pytest.raises(DataError, match="No alternative is available"):
        opened.read_like(closed)


# ---------------------------------------------------------------- attributes


def test_holes_stop_only_the_models_that_use_them() -> None:
    frame = put(put(long_frame(), "cost", [4, 5, 9], np.nan), "size", [30], -np.inf)
    data = ChoiceData.from_long(frame, **LONG)
    data.require_finite(["income"])
    with pytest.raises(DataError) as caught:
        data.require_finite(["cost", "size", "income", "incom"])
    found = {(f.code, f.column): f.cases for f in caught.value.findings}
    assert found == {
        ("unknown-column", "incom"): (),
        ("missing-values", "cost"): (101, 103),
        ("infinite-values", "size"): (110,),
    }
    assert data.drop_missing(["income"]) is data
    part = data.drop_missing(["cost", "size"])
    assert part.dropped_ids.tolist() == [101, 103, 110]
    assert [(f.code, f.column, f.count) for f in part.dropped] == [
        ("missing-values", "cost", 2),
        ("infinite-values", "size", 1),
    ]
    assert part.n_cases == N - 3
    part.require_finite(["cost", "size"])
    assert "3 cases" in repr(part).split("dropped")[1]
    table = data.check().set_index("column")
    assert table.loc["cost", "cases"] == (101, 103)
    assert table.loc["size", "severity"] == "warning"
    with pytest.raises(DataError, match="incom"):
        data.drop_missing(["incom"])
    empty = ChoiceData.from_long(long_frame().assign(cost=np.nan), **LONG)
    with pytest.raises(DataError, match="No case is left"):
        empty.drop_missing(["cost"])


def test_columns_of_one_name() -> None:
    frame = long_frame().rename(columns={"size": "cost"})
    data = ChoiceData.from_long(frame, **ALL)
    with pytest.raises(DataError, match="Several columns are called 'cost'"):
        data.require_finite(["cost", "income"])
    assert data.check()["code"].tolist() == ["ambiguous-column", "case-specific"]
    wide = wide_frame()
    wide.columns = wide.columns.str.replace("cost_car", "cost_bus")
    varying = {"cost": {"car": 0, "bus": "cost_bus", "tram": "cost_tram"}}
    options = WIDE | {"varying": varying}
    assert set(findings(ChoiceData.from_wide, wide, **options)) == {"ambiguous-column"}
    wide.columns = wide.columns.str.replace("cost_bus", "av_bus")
    options = WIDE | {"varying": None, "available": {"bus": "av_bus"}}
    assert set(findings(ChoiceData.from_wide, wide, **options)) == {"ambiguous-column"}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (lambda d: d["cost"].map("{:,.2f}".format), "numbers as text"),
        (lambda d: (1234 + d["id"]).map("{:,}".format), "thousands"),
        (lambda d: d["income"].map("${:.2f}".format), 'str.replace(r"'),
        (lambda d: d["income"].astype(str).where(d["id"] > 100, "n/a"), "'n/a', which is none"),
        (lambda d: d["cost"].astype(object), "numbers stored as objects"),
        (lambda d: [1, "low", 2.5] * N, "different types"),
        (lambda d: [[1], [2], [3]] * N, "different types"),
        (lambda d: pd.Timestamp("2024-02-29"), "not numeric but datetime64"),
        (lambda d: pd.Timedelta("1h"), "total_seconds"),
        (lambda d: d["cost"] + 1j, "complex"),
    ],
)
def test_types_no_model_can_use(values: Callable[..., Any], text: str) -> None:
    frame = long_frame()
    frame["odd"] = values(frame)
    data = ChoiceData.from_long(frame, **LONG)
    for use in (data.require_finite, data.drop_missing):
        with pytest.raises(DataError) as caught:
            use(["odd"])
        assert [f.code for f in caught.value.findings] == ["not-numeric"]
        assert text in str(caught.value)
    assert data.check().set_index("column").loc["odd", "code"] == "not-numeric"


@pytest.mark.parametrize(
    "values",
    [
        lambda d: d["income"].astype("Float64"),
        lambda d: d["id"].astype("Int64"),
        lambda d: d["id"] > 105,
        lambda d: (d["id"] > 105).astype("boolean"),
        lambda d: np.where(d["id"] > 105, "low", "high"),
        lambda d: (d["id"] % 4).astype(str),
        lambda d: d["cost"].map("{:.2f}".format).astype("category"),
    ],
)
def test_types_that_models_can_use(values: Callable[..., Any]) -> None:
    frame = long_frame()
    frame["odd"] = values(frame)
    data = ChoiceData.from_long(frame, **LONG)
    data.require_finite(["odd"])
    assert "odd" not in data.check()["column"].tolist()


def test_holes_of_nullable_and_text_columns() -> None:
    frame = long_frame()
    frame["a"] = frame["income"].astype("Float64").mask(frame["id"] == 102)
    frame["b"] = pd.Series(["x"] * 3 * N).mask(frame["id"] == 103)
    frame["c"] = frame["b"].astype("category")
    frame["d"] = pd.Series([True, None, False] * N, dtype=object)
    data = ChoiceData.from_long(frame, **LONG)
    found = data.check().query("code == 'missing-values'").set_index("column")["cases"]
    assert found.loc["a"] == (102,)
    assert found.loc["b"] == found.loc["c"] == (103,)
    assert len(found.loc["d"]) == 5


# ---------------------------------------------------------------- check()


def test_check_of_sound_data_is_empty_and_tidy() -> None:
    data = ChoiceData.from_long(long_frame().drop(columns=["income"]), **ALL)
    table = data.check()
    assert table.columns.tolist() == [
        "code", "severity", "column", "count", "unit", "cases", "message", "cure",
    ]  # fmt: skip
    assert len(table) == 0


def test_check_sees_what_deserves_a_look() -> None:
    frame = long_frame().assign(same=3.0)
    never = frame["mode"] == "tram"
    frame["choice"] = np.where(never, 0.0, (frame["mode"] == "car") == (frame["id"] % 2 == 0))
    frame["w"] = frame["w"].where(frame["id"] != 104, 0.0)
    data = ChoiceData.from_long(frame, **ALL, alternatives=["car", "bus", "tram", "boat"])
    table = data.check()
    assert table["code"].tolist() == [
        "never-available", "never-chosen", "zero-weight", "constant", "case-specific",
    ]  # fmt: skip
    assert table["severity"].tolist() == ["warning"] * 4 + ["note"]
    by_code = table.set_index("code")
    assert "'boat'" in by_code.loc["never-available", "message"]
    assert "'tram'" in by_code.loc["never-chosen", "message"]
    assert by_code.loc["zero-weight", "cases"] == (104,)
    assert "'same'" in by_code.loc["constant", "message"]
    assert "'income'" in by_code.loc["case-specific", "message"]
