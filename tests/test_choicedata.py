"""ChoiceData: reading long and wide frames, layouts, keys, selection."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choicekit.data import ChoiceData, Layout, case_keys
from choicekit.exceptions import SpecificationError

ALTERNATIVES = ["air", "train", "bus", "car"]

IDS = {
    "integers with gaps": lambda i: 7 * i - 3,
    "strings": lambda i: f"trip {i:02d}",
    "tuples": lambda i: ("person", i // 3, i % 3),
    "floats": lambda i: i + 0.5,
    "dates": lambda i: pd.Timestamp("2024-02-27") + pd.Timedelta(days=i),
    "mixed": lambda i: [i, f"trip {i}", ("trip", i)][i % 3],
}


def random_frame(seed: int, n_cases: int = 30, label: Any = IDS["strings"]) -> pd.DataFrame:
    """Unequal choice sets of two to four alternatives, in order."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(n_cases):
        size = rng.integers(2, len(ALTERNATIVES) + 1)
        alts = np.sort(rng.choice(len(ALTERNATIVES), size=size, replace=False))
        chosen = rng.choice(alts)
        weight = rng.uniform(0.5, 2.0)
        for j in alts:
            records.append(
                {
                    "id": label(i),
                    "mode": ALTERNATIVES[j],
                    "choice": int(j == chosen),
                    "cost": rng.normal(),
                    "income": 10.0 + i,
                    "person": f"p{i // 4}",
                    "weight": weight,
                }
            )
    return pd.DataFrame(records)


READ = {
    "case": "id",
    "alt": "mode",
    "chosen": "choice",
    "person": "person",
    "weights": "weight",
    "alternatives": ALTERNATIVES,
}


def content(data: ChoiceData) -> dict[Any, Any]:
    """What the data say about each case, free of order and of codes."""
    layout, said = data.layout, {}
    for c, label in enumerate(data.case_ids):
        rows = range(layout.case_ptr[c], layout.case_ptr[c + 1])
        chosen = layout.chosen[c]
        said[label] = {
            "cost": {data.alternatives[layout.alt[r]]: data.frame["cost"].iloc[r] for r in rows},
            "chosen": None if chosen < 0 else data.alternatives[layout.alt[chosen]],
            "weight": None if layout.weights is None else layout.weights[c],
            "person": None if data.person_ids is None else data.person_ids[layout.person[c]],
        }
    return said


def content_of_frame(frame: pd.DataFrame) -> dict[Any, Any]:
    """The same, read off the user's frame by plain Python."""
    said: dict[Any, Any] = {}
    for row in frame.to_dict("records"):
        case = said.setdefault(row["id"], {"cost": {}, "chosen": None})
        case["cost"][row["mode"]] = row["cost"]
        case["weight"], case["person"] = row["weight"], row["person"]
        if row["choice"]:
            case["chosen"] = row["mode"]
    return said


def check_layout(data: ChoiceData) -> None:
    """Check the promises of Layout and ChoiceData."""
    layout = data.layout
    assert layout.alt.dtype == np.int32
    assert layout.case_ptr.dtype == layout.chosen.dtype == layout.case.dtype == np.int64
    key = layout.case * layout.n_alternatives + layout.alt
    assert (np.diff(key) > 0).all()
    assert len(data.frame) == len(data.origin) == data.n_rows == layout.case_ptr[-1]
    assert len(data.case_ids) == data.n_cases
    assert data.case_ids.is_unique
    known = layout.chosen >= 0
    assert (layout.case[layout.chosen[known]] == np.flatnonzero(known)).all()
    if layout.person is not None:
        assert set(layout.person) == set(range(data.n_people))
        assert len(data.person_ids) == data.n_people


@pytest.mark.parametrize("kind", IDS)
@pytest.mark.parametrize("dtype", [None, object, "category"])
def test_ids_of_any_type_in_any_order(kind: str, dtype: Any) -> None:
    frame = random_frame(1, label=IDS[kind]).sample(frac=1, random_state=2)
    expected = content_of_frame(frame)
    if dtype is not None and kind != "mixed":
        frame = frame.astype({"id": dtype})
    data = ChoiceData.from_long(frame, **READ)
    check_layout(data)
    assert content(data) == expected
    assert list(data.case_ids) == list(dict.fromkeys(frame["id"]))
    assert list(data.person_ids) == list(dict.fromkeys(frame["person"]))
    pd.testing.assert_frame_equal(data.frame, frame.iloc[data.origin])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.randoms(use_true_random=False))
def test_row_order_does_not_matter_and_the_input_stays(seed: int, n: int, random: Any) -> None:
    frame = random_frame(seed, n)
    order = list(range(len(frame)))
    random.shuffle(order)
    shuffled = frame.iloc[order]
    before = shuffled.copy(deep=True)
    data = ChoiceData.from_long(shuffled, **READ)
    pd.testing.assert_frame_equal(shuffled, before)
    check_layout(data)
    assert content(data) == content(ChoiceData.from_long(frame, **READ)) == content_of_frame(frame)
    assert (shuffled["cost"].to_numpy()[data.origin] == data.frame["cost"].to_numpy()).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(IDS)))
def test_relabelling_changes_nothing_but_the_labels(seed: int, kind: str) -> None:
    old = ChoiceData.from_long(random_frame(seed, 9), **READ)
    new = ChoiceData.from_long(random_frame(seed, 9, IDS[kind]), **READ)
    for name in ("alt", "case_ptr", "chosen", "weights", "person"):
        np.testing.assert_array_equal(getattr(old.layout, name), getattr(new.layout, name))
    assert list(new.case_ids) == [IDS[kind](i) for i in range(9)]


def test_one_case() -> None:
    frame = pd.DataFrame({"id": ["x", "x"], "mode": ["car", "bus"], "choice": [1, 0]})
    data = ChoiceData.from_long(frame, case="id", alt="mode", chosen="choice")
    assert (data.n_cases, data.chosen, data.layout.chosen.tolist()) == (1, "choice", [0])
    assert repr(data).startswith("ChoiceData: 1 case, 2 alternatives, 2 rows")


def test_blocks_longer_than_the_probe() -> None:
    """Ids in blocks are recognised from the first rows; the rest must follow suit or not."""
    frame = random_frame(3, 900)
    assert len(frame) > 2000
    data = ChoiceData.from_long(frame, **READ)
    assert content(data) == content_of_frame(frame)
    mixed = pd.concat([frame.iloc[:1200], frame.iloc[1200:].sample(frac=1, random_state=0)])
    assert content(ChoiceData.from_long(mixed, **READ)) == content_of_frame(frame)


def test_later_changes_of_the_frame_do_not_reach_the_data() -> None:
    frame = random_frame(4)
    data = ChoiceData.from_long(frame, **READ)
    before = data.frame["cost"].to_numpy().copy()
    frame.loc[:, "cost"] = 0.0
    frame.iloc[0, frame.columns.get_loc("cost")] = 99.0
    np.testing.assert_array_equal(data.frame["cost"], before)
    with pytest.raises(AttributeError):
        data.alternatives = ()


def test_order_of_alternatives() -> None:
    frame = random_frame(5)
    plain = READ | {"alternatives": None}
    shuffled = frame.sample(frac=1, random_state=1)
    data = ChoiceData.from_long(shuffled, **plain)
    assert list(data.alternatives) == list(dict.fromkeys(shuffled["mode"]))
    categories = ["bus", "car", "zeppelin", "air", "train"]
    frame["mode"] = pd.Categorical(frame["mode"], categories)
    data = ChoiceData.from_long(frame, **plain)
    assert data.alternatives == ("bus", "car", "air", "train")
    data = ChoiceData.from_long(frame, **(READ | {"alternatives": ["car", "air", "bus", "train"]}))
    assert data.alternatives == ("car", "air", "bus", "train")
    assert content(data) == content_of_frame(frame)


def test_codes_with_labels_and_float_codes() -> None:
    frame = random_frame(6)
    codes = {"air": 1, "train": 2, "bus": 3, "car": 4}
    coded = frame.assign(mode=frame["mode"].map(codes).astype(float))
    data = ChoiceData.from_long(coded, **(READ | {"alternatives": codes}))
    assert data.alternatives == tuple(ALTERNATIVES)
    assert content(data) == content_of_frame(frame)
    data = ChoiceData.from_long(coded, **(READ | {"alternatives": None}))
    assert sorted(map(repr, data.alternatives)) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "dtype", ["int8", "float64", "bool", "Int64", "boolean", object, "category"]
)
def test_marks_of_any_type(dtype: Any) -> None:
    frame = random_frame(7)
    data = ChoiceData.from_long(frame.astype({"choice": dtype}), **READ)
    assert content(data) == content_of_frame(frame)


def chosen_labels(frame: pd.DataFrame) -> pd.Series:
    """The label of the chosen alternative in every row."""
    return frame["mode"].where(frame["choice"] == 1).groupby(frame["id"]).transform("first")


def test_chosen_as_a_label_in_every_row() -> None:
    frame = random_frame(8).sample(frac=1, random_state=3)
    for dtype in (object, "category"):
        labelled = frame.assign(choice=chosen_labels(frame).astype(dtype))
        assert content(ChoiceData.from_long(labelled, **READ)) == content_of_frame(frame)


def test_chosen_as_a_number_that_could_be_a_mark() -> None:
    """Alternatives 0 and 1, and the chosen one named in each row, are told from marks."""
    frame = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "mode": [0, 1, 0, 1, 0, 1]})
    names = {"case": "id", "alt": "mode", "chosen": "choice"}
    labels = ChoiceData.from_long(frame.assign(choice=[1, 1, 0, 0, 1, 1]), **names)
    marks = ChoiceData.from_long(frame.assign(choice=[0, 1, 1, 0, 0, 1]), **names)
    np.testing.assert_array_equal(labels.layout.chosen_alt, [1, 0, 1])
    np.testing.assert_array_equal(marks.layout.chosen_alt, [1, 0, 1])


@pytest.mark.parametrize("dtype", ["bool", "int64", "float64", "boolean"])
def test_available_rows(dtype: str) -> None:
    frame = random_frame(9)
    extra = frame.drop_duplicates("id").assign(choice=0, open=0)
    missing = {label: set(ALTERNATIVES) - set(g["mode"]) for label, g in frame.groupby("id")}
    extra = extra[extra["id"].map(lambda x: bool(missing[x]))]
    extra["mode"] = extra["id"].map(lambda x: sorted(missing[x])[0])
    padded = pd.concat([frame.assign(open=1), extra]).astype({"open": dtype})
    assert len(padded) > len(frame)
    data = ChoiceData.from_long(padded, available="open", **READ)
    check_layout(data)
    assert content(data) == content_of_frame(frame)
    assert data.n_input_rows == len(padded)


def test_ids_in_the_index_and_columns_of_tuples() -> None:
    frame = random_frame(10)
    data = ChoiceData.from_long(frame.set_index(["id", "mode"]), **READ)
    assert content(data) == content_of_frame(frame)
    nested = frame[["id", "mode", "choice", "cost"]]
    nested.columns = pd.MultiIndex.from_tuples([("k", "id"), ("k", "mode"), ("y", "y"), ("x", "c")])
    data = ChoiceData.from_long(nested, case=("k", "id"), alt=("k", "mode"), chosen=("y", "y"))
    assert data.n_cases == 30
    assert data.check()["code"].tolist() == []


# ---------------------------------------------------------------- wide


def wide_of(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per case: cost.air, ..., av.air, ..., the chosen mode."""
    cost = frame.pivot(index="id", columns="mode", values="cost")[ALTERNATIVES]
    wide = cost.add_prefix("cost.").assign(
        **{f"av.{name}": cost[name].notna().astype(int) for name in ALTERNATIVES}
    )
    chosen = frame[frame["choice"] == 1].set_index("id")
    wide["picked"] = chosen["mode"]
    wide[["income", "person", "weight"]] = chosen[["income", "person", "weight"]]
    return wide


WIDE = {
    "alternatives": ALTERNATIVES,
    "chosen": "picked",
    "varying": {"cost": "cost.{alt}"},
    "available": "av.{alt}",
    "person": "person",
    "weights": "weight",
}


@pytest.mark.parametrize("seed", range(3))
def test_wide_and_long_say_the_same(seed: int) -> None:
    frame = random_frame(seed)
    wide = wide_of(frame)
    before = wide.copy(deep=True)
    data = ChoiceData.from_wide(wide, **WIDE)
    pd.testing.assert_frame_equal(wide, before)
    check_layout(data)
    assert content(data) == content_of_frame(frame)
    assert data.form == "wide"
    assert (data.case, data.alt) == ("case", "alternative")
    assert data.frame["case"].tolist() == data.case_ids[data.layout.case].tolist()
    labels = np.array(data.alternatives)[data.layout.alt]
    assert data.frame["alternative"].tolist() == labels.tolist()
    assert (wide["income"].to_numpy()[data.origin] == data.frame["income"]).all()
    assert "cost.air" not in data.frame


def test_spellings_of_varying_agree() -> None:
    wide = wide_of(random_frame(11))
    by_dict = {"cost": {name: f"cost.{name}" for name in ALTERNATIVES}}
    expected = content(ChoiceData.from_wide(wide, **WIDE))
    for varying in (by_dict, "{name}.{alt}"):
        data = ChoiceData.from_wide(wide, **(WIDE | {"varying": varying}))
        assert content(data) == expected
    by_dict["cost"]["air"] = "cost.car"  # the reader keeps its own copy
    data = ChoiceData.from_wide(wide, **(WIDE | {"varying": by_dict}))
    by_dict["cost"]["air"] = "gone"
    assert data.read_like(wide).n_cases == data.n_cases


def test_pattern_prefers_the_longer_label() -> None:
    frame = pd.DataFrame({"y": ["bus", "night_bus"], "cost_bus": [1, 2], "cost_night_bus": [3, 4]})
    data = ChoiceData.from_wide(
        frame, alternatives=["bus", "night_bus"], chosen="y", varying="{name}_{alt}"
    )
    assert data.frame["cost"].tolist() == [1, 3, 2, 4]


def test_constants_types_and_codes() -> None:
    frame = pd.DataFrame(
        {
            "y": [3.0, 1.0, 2.0],
            "a_car": [1, 2, 3],
            "a_bus": [1.5, 2.5, 3.5],
            "q_car": ["low", "high", "low"],
            "q_bus": ["mid", "mid", "high"],
            "q_walk": ["low", "low", "low"],
        },
        index=[10, 10, 11],
    )
    data = ChoiceData.from_wide(
        frame,
        alternatives={"car": 1, "bus": 2, "walk": 3},
        chosen="y",
        varying={
            "a": {"car": "a_car", "bus": "a_bus", "walk": 0},
            "n": {"car": "a_car", "bus": 2, "walk": 0},
            "q": "q_{alt}",
        },
    )
    assert data.case_ids.tolist() == [0, 1, 2]  # the index repeats a label
    assert data.layout.chosen_alt.tolist() == [2, 0, 1]
    assert data.frame["a"].tolist() == [1, 1.5, 0, 2, 2.5, 0, 3, 3.5, 0]
    assert data.frame["n"].dtype == np.int64
    assert data.frame["q"].tolist() == [
        "low",
        "mid",
        "low",
        "high",
        "mid",
        "low",
        "low",
        "high",
        "low",
    ]
    unequal = ChoiceData.from_wide(
        frame.assign(no_bus=[0, 1, 1]),
        alternatives={"car": 1, "bus": 2, "walk": 3},
        chosen="y",
        varying={"q": "q_{alt}"},
        available={"bus": "no_bus"},
    )
    assert unequal.frame["q"].tolist() == ["low", "low", "high", "mid", "low", "low", "high", "low"]
    assert unequal.origin.tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


def test_missing_attributes_of_unavailable_alternatives_do_not_count() -> None:
    data = ChoiceData.from_wide(wide_of(random_frame(12)), **WIDE)
    data.require_finite(["cost"])


# ---------------------------------------------------------------- new data


def test_read_like() -> None:
    frame = random_frame(13)
    data = ChoiceData.from_long(frame, **(READ | {"alternatives": None}))
    new = frame[frame["mode"] != data.alternatives[0]]
    new = new.drop(columns=["choice", "person", "weight"]).iloc[::-1]
    read = data.read_like(new)
    check_layout(read)
    assert read.alternatives == data.alternatives
    assert (read.layout.chosen == -1).all()
    assert (read.chosen, read.person, read.weights) == (None, None, None)
    assert read.layout.sizes.min() == 1
    assert "choice unknown" in repr(read)
    again = data.read_like(frame)
    np.testing.assert_array_equal(again.layout.chosen, data.layout.chosen)
    half = frame.assign(choice=frame["choice"].where(frame["income"] < 20, 0))
    partly = data.read_like(half)
    known = data.frame.groupby("id", sort=False)["income"].first().to_numpy() < 20
    np.testing.assert_array_equal(
        partly.layout.chosen_alt, np.where(known, data.layout.chosen_alt, -1)
    )


def test_read_like_wide() -> None:
    wide = wide_of(random_frame(14))
    data = ChoiceData.from_wide(wide, **WIDE)
    read = data.read_like(wide.drop(columns=["picked", "person", "weight"]))
    np.testing.assert_array_equal(read.layout.alt, data.layout.alt)
    assert (read.layout.chosen == -1).all()


# ---------------------------------------------------------------- layout and selection


def test_scatter_and_gather() -> None:
    data = ChoiceData.from_long(random_frame(15), **READ)
    layout = data.layout
    v = np.arange(layout.n_rows, dtype=float)
    m = layout.scatter(v, np.nan)
    np.testing.assert_array_equal(layout.gather(m), v)
    np.testing.assert_array_equal(~np.isnan(m), layout.available)
    for r in range(layout.n_rows):
        assert m[layout.case[r], layout.alt[r]] == v[r]
    assert m.shape == (data.n_cases, 4)


def test_scatter_and_gather_of_complete_sets_copy() -> None:
    layout = Layout(
        alt=np.tile(np.arange(3, dtype=np.int32), 2),
        case_ptr=np.array([0, 3, 6]),
        chosen=np.array([1, 3]),
        n_alternatives=3,
    )
    assert layout.complete
    v = np.arange(6.0)
    m = layout.scatter(v, 0.0)
    np.testing.assert_array_equal(m, [[0, 1, 2], [3, 4, 5]])
    m[:] = 9.0
    layout.gather(m)[:] = 8.0
    np.testing.assert_array_equal(v, np.arange(6.0))
    assert (m == 9.0).all()
    assert layout.n_people == 2
    with pytest.raises(ValueError, match="case_ptr"):
        Layout(layout.alt, np.array([0, 3, 5]), layout.chosen, 3)
    with pytest.raises(ValueError, match="weights"):
        Layout(layout.alt, layout.case_ptr, layout.chosen, 3, weights=np.ones(6))


def test_select_equals_reading_the_selected_rows() -> None:
    frame = random_frame(16)
    data = ChoiceData.from_long(frame, **READ)
    mask = np.random.default_rng(0).random(data.n_cases) < 0.5
    part = data.select(mask)
    check_layout(part)
    wanted = frame[frame["id"].isin(data.case_ids[mask])]
    assert content(part) == content_of_frame(wanted)
    assert (frame["cost"].to_numpy()[part.origin] == part.frame["cost"].to_numpy()).all()
    back = data.select(np.arange(data.n_cases)[::-1])
    check_layout(back)
    assert content(back) == content(data)
    assert list(back.case_ids) == list(data.case_ids[::-1])
    for wrong in (mask[:-1], [0, 0], [-1], [data.n_cases], [0.5]):
        with pytest.raises(SpecificationError):
            data.select(wrong)


def test_take_may_repeat_cases() -> None:
    data = ChoiceData.from_long(random_frame(17), **READ)
    picked = np.array([4, 4, 0, 29])
    layout = data.layout.take(picked)
    np.testing.assert_array_equal(layout.chosen_alt, data.layout.chosen_alt[picked])
    np.testing.assert_array_equal(layout.available, data.layout.available[picked])
    np.testing.assert_array_equal(layout.weights, data.layout.weights[picked])
    assert layout.person.tolist() == [1, 1, 0, 2]


def test_pickling() -> None:
    data = ChoiceData.from_long(random_frame(18), **READ)
    back = pickle.loads(pickle.dumps(data))
    assert content(back) == content(data)
    assert content(back.read_like(random_frame(18))) == content(data)


# ---------------------------------------------------------------- keys


def test_keys_belong_to_labels_alone() -> None:
    frame = random_frame(19, label=IDS["tuples"])
    data = ChoiceData.from_long(frame, **READ)
    other = ChoiceData.from_long(frame.sample(frac=1, random_state=5), **READ)
    keys = dict(zip(data.case_ids, data.case_keys(), strict=True))
    assert keys == dict(zip(other.case_ids, other.case_keys(), strict=True))
    assert len(set(keys.values())) == data.n_cases
    part = data.select([3, 1])
    assert part.case_keys().tolist() == data.case_keys()[[3, 1]].tolist()
    assert len(data.person_keys()) == data.n_people
    assert data.case_keys().dtype == np.uint64


def test_equal_labels_have_equal_keys() -> None:
    integers = [3, 0, 250, 7]
    expected = case_keys(np.array(integers))
    for dtype in ("uint8", "int16", "uint64", "float32", "float64", object, "Int64"):
        np.testing.assert_array_equal(case_keys(pd.Index(integers, dtype=dtype)), expected)
    np.testing.assert_array_equal(case_keys([np.int8(3), 0.0, 250, np.float32(7)]), expected)
    assert case_keys([3, "a", (1, 2)])[0] == case_keys([3, 0.5])[0] == expected[0]
    assert case_keys([(np.int64(1), 2.0)]) == case_keys([(1, 2)]) == case_keys([(1, 2), 5])[:1]
    stamp = pd.Timestamp("2024-02-29 12:00")
    days = [np.array([stamp.to_datetime64()]).astype(f"datetime64[{u}]") for u in ("s", "ns")]
    assert case_keys([days[0][0]]) == case_keys(days[0])
    assert case_keys(days[0]) == case_keys(days[1]) == case_keys([stamp, 4])[:1]
    texts = ["x", "é", ""]
    for dtype in (object, "string", "category"):
        np.testing.assert_array_equal(case_keys(pd.Index(texts, dtype=dtype)), case_keys(texts))
    np.testing.assert_array_equal(case_keys([*texts, 1])[:3], case_keys(texts))


def test_different_labels_have_different_keys() -> None:
    odd = [1, "1", 1.5, "1.5", (1,), "(1,)", "tuple\0(1)", 2**63, -1, None, 1e300, -(2**70)]
    assert len(set(case_keys(odd).tolist())) == len(odd)
    assert len(np.unique(case_keys(np.arange(-5000, 5000)))) == 10_000


def test_keys_do_not_change_between_processes_or_versions() -> None:
    """Draws depend on these numbers: a change would change every simulated result.

    The integers' are the first outputs of SplitMix64 seeded with 0 and with 1,
    as published with many of its implementations (0xE220A8397B1DCDAF, ...).
    """
    assert case_keys([0, 1]).tolist() == [16294208416658607535, 10451216379200822465]
    assert case_keys(["a", "id5"]).tolist() == [13950350942979735504, 17748980602690139983]


# ---------------------------------------------------------------- printing


def test_summary_text_and_html() -> None:
    frame = random_frame(20)
    data = ChoiceData.from_long(frame, **READ)
    text = repr(data)
    assert text.startswith(f"ChoiceData: 30 cases, 4 alternatives, {len(frame)} rows\n")
    assert "people       8 ('person'), 3.75 cases each on average" in text
    assert "case 'id', alternative 'mode', chosen 'choice'" in text
    sizes = frame.groupby("id").size().value_counts()
    assert f"2 ({sizes[2]:,} cases), 3 ({sizes[3]:,} cases) or 4 ({sizes[4]:,} cases)" in text
    assert str(data) == text
    assert "<table" in data._repr_html_()
    odd = ChoiceData.from_long(
        frame.replace({"mode": {"air": "<b>"}}), **(READ | {"alternatives": None})
    )
    assert "&lt;b&gt;" in odd._repr_html_()
    assert "<b>" not in odd._repr_html_().replace("<b>ChoiceData", "")


def test_shares() -> None:
    frame = random_frame(21)
    picked = frame[frame["choice"] == 1]
    plain = ChoiceData.from_long(frame, **(READ | {"weights": None})).shares()
    weighted = ChoiceData.from_long(frame, **READ).shares()
    for name in ALTERNATIVES:
        assert plain.loc[name, "available"] == (frame["mode"] == name).sum()
        assert plain.loc[name, "chosen"] == (picked["mode"] == name).sum()
        expected = picked.loc[picked["mode"] == name, "weight"].sum() / picked["weight"].sum()
        assert weighted.loc[name, "share"] == pytest.approx(expected)
    assert plain["share"].sum() == pytest.approx(1.0)


def test_many_alternatives_are_cut_in_print() -> None:
    frame = pd.DataFrame({"id": np.repeat(np.arange(40), 40), "alt": np.tile(np.arange(40), 40)})
    frame["y"] = (frame["id"] == frame["alt"]).astype(int)
    text = repr(ChoiceData.from_long(frame, case="id", alt="alt", chosen="y"))
    assert "... and 26 alternatives chosen less often" in text
    assert len(text.splitlines()) < 25
    ragged = frame[(frame["alt"] <= frame["id"] + 2) | (frame["y"] == 1)]
    text = repr(ChoiceData.from_long(ragged, case="id", alt="alt", chosen="y"))
    assert "3 to 40 alternatives, 22.4 on average" in text
