"""The bundled data, against the source they were made from."""

from __future__ import annotations

import pandas as pd
import pytest
from statsmodels.datasets import modechoice

from choicekit.data import ChoiceData
from choicekit.datasets import load_dataset
from choicekit.exceptions import SpecificationError


def test_travelmode_is_statsmodels_modechoice() -> None:
    source = modechoice.load_pandas().data
    frame = load_dataset("travelmode")
    assert frame.columns.tolist() == source.columns.tolist()
    assert frame["mode"].tolist()[:4] == ["air", "train", "bus", "car"]
    back = frame.assign(mode=frame["mode"].map({"air": 1, "train": 2, "bus": 3, "car": 4}))
    pd.testing.assert_frame_equal(back.astype(float), source)


def test_travelmode_reads_with_the_published_counts() -> None:
    """Greene, Econometric Analysis, table on the travel mode data: 58 63 30 59 choices."""
    data = ChoiceData.from_long(
        load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    assert (data.n_cases, data.n_rows) == (210, 840)
    assert data.shares()["chosen"].to_dict() == {"air": 58, "train": 63, "bus": 30, "car": 59}


def test_each_call_gives_a_fresh_frame() -> None:
    first = load_dataset()
    first.loc[:, "gc"] = 0
    assert load_dataset()["gc"].sum() > 0


def test_unknown_name() -> None:
    with pytest.raises(SpecificationError, match=r"'TravelMod'.*Did you mean 'travelmode'"):
        load_dataset("TravelMod")
