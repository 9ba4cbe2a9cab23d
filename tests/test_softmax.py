"""The softmax, its limits and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax as scipy_softmax

import choicekit as ck
from choicekit.exceptions import DataError, SpecificationError

V = np.random.default_rng(1).normal(size=(4, 5, 3)) * 3.0


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_as_scipy_has_it(temperature: float) -> None:
    found = ck.softmax(V, temperature)
    np.testing.assert_allclose(found, scipy_softmax(V / temperature, axis=-1), atol=1e-15)
    np.testing.assert_allclose(ck.softmax(V[0, 0], temperature), found[0, 0])


def test_limits_of_the_temperature() -> None:
    v = np.array([[1.0, 1.0, 0.0], [0.0, 5.0, 9.0]])
    there = [[True, True, True], [True, True, False]]
    cold, hot = ck.softmax(v, 0.0, there), ck.softmax(v, np.inf, there)
    np.testing.assert_array_equal(cold, [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(hot, [[1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(ck.softmax(v, 1e-300, there), cold)
    np.testing.assert_allclose(ck.softmax(v, 1e12, there), hot, atol=1e-11)
    assert np.isfinite(ck.softmax([1e308, -1e308])).all()


def test_frames_keep_their_labels_and_masks_find_theirs() -> None:
    v = pd.DataFrame(V[0], index=list("vwxyz"), columns=["a", "b", "c"])
    mask = pd.DataFrame(True, index=v.index[::-1], columns=["c", "b", "a"])
    mask.loc["w", "b"] = False
    p = ck.softmax(v, available=mask)
    assert p.index.equals(v.index)
    assert p.columns.equals(v.columns)
    assert p.loc["w", "b"] == 0.0
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    holes = v.mask(~mask.reindex_like(v))
    pd.testing.assert_frame_equal(ck.softmax(holes), p)
    row = ck.softmax(v.loc["v"], available=pd.Series({"c": True, "a": True}))
    assert row["b"] == 0.0
    assert row.name == "v"
    assert (v.to_numpy() == V[0]).all()


def test_it_is_the_logit() -> None:
    data = ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    fit = ck.ChoiceModel("choice ~ gc + ttme", data, ck.Gumbel(scale=2.0)).fit()
    found = ck.softmax(fit.utilities(), temperature=2.0)
    pd.testing.assert_frame_equal(found, fit.probabilities())


def test_gumbel_noise_of_that_scale_makes_it() -> None:
    rng, v, T = np.random.default_rng(3), np.array([1.0, 0.4, -0.5]), 0.7
    taken = (v + T * rng.gumbel(size=(200_000, 3))).argmax(axis=1)
    shares = np.bincount(taken) / 200_000
    np.testing.assert_allclose(shares, ck.softmax(v, T), atol=4 * 0.5 / np.sqrt(200_000))


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), "1", None, True])
def test_a_bad_temperature(temperature: Any) -> None:
    with pytest.raises(SpecificationError, match="temperature"):
        ck.softmax(V, temperature)


def test_rows_that_are_no_choice_are_named() -> None:
    v = pd.DataFrame({"a": [0.0, np.nan, np.inf], "b": [0.0, -np.inf, 0.0]}, index=["r", "s", "t"])
    with pytest.raises(DataError) as caught:
        ck.softmax(v)
    found = {finding.code: finding.cases for finding in caught.value.findings}
    assert found == {"nothing-available": ("s",), "not-finite": ("t",)}
    with pytest.raises(SpecificationError, match="a utility for each alternative"):
        ck.softmax(3.0)
