"""Frames of polars and pyarrow at the door: the same data as from pandas, answers in kind."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.data.frames import as_pandas, in_kind

pl = pytest.importorskip("polars", reason="polars is not installed")
pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")

LONG: dict[str, Any] = {"case": "individual", "alt": "mode", "chosen": "choice"}
FORMULA = "choice ~ gc + ttme | hinc"


def frame() -> pd.DataFrame:
    return ck.load_dataset("travelmode")


def in_polars(table: pd.DataFrame) -> Any:
    return pl.DataFrame({name: table[name].to_list() for name in table.columns})


def in_arrow(table: pd.DataFrame) -> Any:
    return pa.table({name: table[name].to_list() for name in table.columns})


KINDS: dict[str, Any] = {
    "polars": in_polars,
    "polars, lazy": lambda table: in_polars(table).lazy(),
    "pyarrow": in_arrow,
}


@pytest.mark.parametrize("kind", KINDS)
def test_long_data_are_the_same(kind: str) -> None:
    given = KINDS[kind](frame())
    ours, theirs = (ck.ChoiceData.from_long(table, **LONG) for table in (frame(), given))
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)
    assert theirs.alternatives == ours.alternatives
    fit = ck.logit(FORMULA, theirs, base="car").fit()
    pd.testing.assert_series_equal(fit.params, ck.logit(FORMULA, ours, base="car").fit().params)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_come_in_kind(kind: str) -> None:
    fit = ck.logit(FORMULA, ck.ChoiceData.from_long(frame(), **LONG), base="car").fit()
    shuffled = frame().sample(frac=1.0, random_state=1)
    given = KINDS[kind](shuffled)
    p = fit.predict(given)
    expected = fit.predict(shuffled).to_numpy()
    if kind == "pyarrow":
        assert isinstance(p, pa.ChunkedArray)
    else:
        assert isinstance(p, pl.Series)
        assert p.name == "probability"
        assert given.with_columns(p=p).lazy().collect()["p"].to_list() == expected.tolist()
    np.testing.assert_array_equal(p.to_numpy(), expected)
    pd.testing.assert_frame_equal(fit.probabilities(given), fit.probabilities(shuffled))
    pd.testing.assert_frame_equal(fit.utilities(given), fit.utilities(shuffled))


@pytest.mark.parametrize("kind", KINDS)
def test_wide_data(kind: str) -> None:
    rng = np.random.default_rng(1)
    wide = pd.DataFrame(rng.normal(size=(200, 3)), columns=["c.1", "c.2", "c.3"])
    u = -wide.to_numpy() + rng.gumbel(size=(200, 3))
    wide["pick"] = u.argmax(axis=1) + 1
    how: dict[str, Any] = {
        "alternatives": [1, 2, 3],
        "chosen": "pick",
        "varying": {"c": "c.{alt}"},
    }
    given = KINDS[kind](wide)
    fit = ck.logit("pick ~ c", ck.ChoiceData.from_wide(given, **how)).fit()
    expected = ck.logit("pick ~ c", ck.ChoiceData.from_wide(wide, **how)).fit()
    pd.testing.assert_series_equal(fit.params, expected.params)
    p = fit.predict(given)
    assert type(p) is (pa.Table if kind == "pyarrow" else pl.DataFrame)
    for label in (1, 2, 3):
        np.testing.assert_array_equal(p[str(label)].to_numpy(), expected.predict(wide)[label])


def test_rankings() -> None:
    tastes = pd.DataFrame(
        {"who": [1, 1, 1, 2, 2, 2], "item": list("abc") * 2, "rank": [1, 2, 3, 3, 1, 2]}
    )
    roles = {"case": "who", "alt": "item", "rank": "rank"}
    ours = ck.ChoiceData.from_rankings(tastes, **roles)
    theirs = ck.ChoiceData.from_rankings(in_polars(tastes), **roles)
    pd.testing.assert_frame_equal(ours.frame, theirs.frame)
    assert theirs.read_like(in_polars(tastes), require_choice=True).n_cases == 4


# -- columns --------------------------------------------------------------------------------------

MOMENT = dt.datetime(2024, 7, 1, 12, 30)
COLUMNS: dict[str, tuple[Any, Any]] = {
    "int8": (pl.Series([1, 2], dtype=pl.Int8), pd.Series([1, 2], dtype="int8")),
    "int64": (pl.Series([2**60, 1]), pd.Series([2**60, 1])),
    "uint64": (pl.Series([2**63, 1], dtype=pl.UInt64), pd.Series([2**63, 1], dtype="uint64")),
    "int with nulls": (pl.Series([1, None]), pd.Series([1.0, np.nan])),
    "large with nulls": (pl.Series([2**60 + 1, None]), pd.Series([2**60 + 1, None], dtype="Int64")),
    "all null": (pl.Series([None, None], dtype=pl.Int64), pd.Series([np.nan, np.nan])),
    "float32": (
        pl.Series([1.5, None], dtype=pl.Float32),
        pd.Series([1.5, np.nan], dtype="float32"),
    ),
    "nan": (pl.Series([float("nan"), None]), pd.Series([np.nan, np.nan])),
    "decimal": (pl.Series([Decimal("1.25"), None]), pd.Series([1.25, np.nan])),
    "bool": (pl.Series([True, False]), pd.Series([True, False])),
    "bool with nulls": (pl.Series([True, None]), pd.Series([True, None], dtype="boolean")),
    "text": (pl.Series(["a", None]), pd.Series(["a", None])),
    "categorical": (pl.Series(["b", "a"], dtype=pl.Categorical), pd.Series(["b", "a"])),
    "enum": (
        pl.Series(["lo", None], dtype=pl.Enum(["hi", "lo"])),
        pd.Series(pd.Categorical(["lo", None], ["hi", "lo"], ordered=True)),
    ),
    "date": (
        pl.Series([dt.date(2024, 2, 29), None]),
        pd.Series(np.array(["2024-02-29", "NaT"], dtype="M8[s]")),
    ),
    "datetime": (
        pl.Series([MOMENT, None], dtype=pl.Datetime("us")),
        pd.Series(np.array(["2024-07-01T12:30", "NaT"], dtype="M8[us]")),
    ),
    "zoned": (
        pl.Series([MOMENT, None], dtype=pl.Datetime("us")).dt.replace_time_zone("Europe/Paris"),
        pd.Series(np.array(["2024-07-01T12:30", "NaT"], dtype="M8[us]")).dt.tz_localize(
            "Europe/Paris"
        ),
    ),
    "duration": (
        pl.Series([dt.timedelta(minutes=5), None], dtype=pl.Duration("us")),
        pd.Series(np.array([300_000_000, "NaT"], dtype="m8[us]")),
    ),
    "list": (pl.Series([[1], [2, 3]]), pd.Series([[1], [2, 3]])),
    "struct": (pl.Series([{"a": 1}, {"a": 2}]), pd.Series([{"a": 1}, {"a": 2}])),
    "null": (pl.Series([None, None], dtype=pl.Null), pd.Series([None, None], dtype=object)),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_polars(name: str) -> None:
    given, expected = COLUMNS[name]
    found = as_pandas(pl.DataFrame({"x": given}))["x"]
    pd.testing.assert_series_equal(found, expected, check_names=False)


def test_dictionaries_of_arrow_keep_their_order() -> None:
    codes, order = pa.array([0, 1, None], pa.int8()), pa.array(["tall", "small"])
    table = pa.table({"size": pa.DictionaryArray.from_arrays(codes, order)})
    found = as_pandas(table)["size"]
    assert list(found.cat.categories) == ["tall", "small"]
    assert found.isna().tolist() == [False, False, True]
    assert found.tolist()[:2] == ["tall", "small"]


def test_zoned_times_of_arrow() -> None:
    table = pa.table({"t": pa.array([MOMENT, None], pa.timestamp("us", "Europe/Paris"))})
    found = as_pandas(table)["t"]
    assert found[0] == pd.Timestamp(MOMENT, tz="UTC")
    assert found.isna().tolist() == [False, True]


def test_an_enum_orders_the_alternatives() -> None:
    order = ["car", "bus", "train", "air"]
    table = in_polars(frame()).with_columns(pl.col("mode").cast(pl.Enum(order)))
    assert list(ck.ChoiceData.from_long(table, **LONG).alternatives) == order


def test_another_frame_does_not_order_the_alternatives() -> None:
    """The categories of polars' Categorical belong to the process, not to the column."""
    pl.Series(["car", "bus"], dtype=pl.Categorical)
    table = in_polars(frame()).with_columns(pl.col("mode").cast(pl.Categorical))
    data = ck.ChoiceData.from_long(table, **LONG)
    assert list(data.alternatives) == ["air", "train", "bus", "car"]


def test_whatever_takes_data_takes_any_frame() -> None:
    table = frame()
    fit = ck.logit(FORMULA, ck.ChoiceData.from_long(table, **LONG), base="car").fit()
    given = in_polars(table)
    pairs = [
        (
            fit.elasticities("gc", df=d),
            fit.scenario({"gc": {"air": "+5"}}, df=d).shares,
            fit.logsum(d),
        )
        for d in (given, table)
    ]
    for theirs, ours in zip(*pairs, strict=True):
        pd.testing.assert_frame_equal(theirs, ours)
    assert fit.log_score(given) == fit.log_score(table)
    assert fit.simulate(df=given).equals(fit.simulate(df=table))
    groups = np.arange(210) // 3
    by_series = fit.with_cov("cluster", groups=pl.Series(groups))
    pd.testing.assert_series_equal(by_series.bse, fit.with_cov("cluster", groups=groups).bse)


def test_missing_values_are_found() -> None:
    holes = in_polars(frame()).with_columns(
        gc=pl.when(pl.col("individual") == 7).then(None).otherwise(pl.col("gc"))
    )
    with pytest.raises(ck.DataError, match=r"gc.*1 case"):
        ck.logit(FORMULA, ck.ChoiceData.from_long(holes, **LONG))
    kept = ck.ChoiceData.from_long(holes, **LONG, missing="drop")
    fit = ck.logit(FORMULA, kept, base="car").fit()
    assert fit.nobs == 209
    p = fit.predict(in_polars(frame()))
    assert p.is_not_nan().all()


def test_flags_with_nulls() -> None:
    table = in_polars(frame()).with_columns(pl.col("choice").cast(pl.Boolean))
    assert ck.ChoiceData.from_long(table, **LONG).n_cases == 210
    holes = table.with_columns(
        choice=pl.when(pl.col("individual") == 7).then(None).otherwise(pl.col("choice"))
    )
    with pytest.raises(ck.DataError, match="choice is missing"):
        ck.ChoiceData.from_long(holes, **LONG)


def test_ids_stay(tmp_path: Any) -> None:
    """Draws belong to ids, so these must not change on the way in."""
    table = frame().assign(individual=lambda d: d["individual"] + 2**60)
    ours, theirs = (ck.ChoiceData.from_long(t, **LONG) for t in (table, in_polars(table)))
    np.testing.assert_array_equal(ours.case_keys(), theirs.case_keys())
    named = frame().assign(individual=lambda d: "p" + d["individual"].astype(str))
    ours, theirs = (ck.ChoiceData.from_long(t, **LONG) for t in (named, in_polars(named)))
    np.testing.assert_array_equal(ours.case_keys(), theirs.case_keys())


def test_what_is_no_frame() -> None:
    for thing in ({"a": [1]}, [1, 2], pl.Series([1]), np.zeros((2, 2)), None):
        with pytest.raises(ck.DataError, match="no DataFrame"):
            ck.ChoiceData.from_long(thing, **LONG)
    with pytest.raises(ck.DataError, match="no rows"):
        ck.ChoiceData.from_long(in_polars(frame()).head(0), **LONG)
    with pytest.raises(ck.DataError, match="did you mean 'mode'"):
        ck.ChoiceData.from_long(in_polars(frame()), **{**LONG, "alt": "mod"})


def test_pandas_stays_what_it_is() -> None:
    table = frame()
    assert as_pandas(table) is table
    assert in_kind(table, table) is table
    assert in_kind(table, None) is table
