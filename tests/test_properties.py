"""What must not matter does not, and what must matter does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import choicekit as ck

from .simulate import long_frame

few = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seeds = st.integers(0, 10_000)
VERBS = {"logit": ck.logit, "probit": ck.probit}


def fit(frame: pd.DataFrame, verb: str = "logit", **columns: Any) -> ck.FitResults:
    data = ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", alternatives=["a0", "a1", "a2"], **columns
    )
    return VERBS[verb]("choice ~ x0 + x1 | z", data).fit()


def same(one: ck.FitResults, other: ck.FitResults, tolerance: float = 1e-6) -> None:
    assert other.llf == pytest.approx(one.llf, abs=1e-6)
    np.testing.assert_allclose(other.params, one.params, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(other.bse, one.bse, rtol=1e-3)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return long_frame(400, [0.8, -0.5], seed=21, errors="normal", ragged=True)


@pytest.fixture(scope="module")
def fits(frame: pd.DataFrame) -> dict[str, ck.FitResults]:
    return {verb: fit(frame, verb) for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
@few
@given(seed=seeds)
def test_order_of_rows(frame: pd.DataFrame, fits: Any, verb: str, seed: int) -> None:
    same(fits[verb], fit(frame.sample(frac=1.0, random_state=seed), verb), 1e-5)


@pytest.mark.parametrize("verb", VERBS)
@few
@given(seed=seeds)
def test_names_of_cases(frame: pd.DataFrame, fits: Any, verb: str, seed: int) -> None:
    names = np.random.default_rng(seed).permutation(100_000)[:400]
    relabelled = frame.assign(case=[f"case {names[c]}" for c in frame["case"]])
    same(fits[verb], fit(relabelled, verb), 1e-5)


@pytest.mark.parametrize("verb", VERBS)
@few
@given(seed=seeds)
def test_a_constant_for_all_alternatives_of_a_case(
    frame: pd.DataFrame, fits: Any, verb: str, seed: int
) -> None:
    shift = np.random.default_rng(seed).normal(scale=3.0, size=400)
    moved = frame.assign(x0=frame["x0"] + shift[frame["case"]])
    same(fits[verb], fit(moved, verb), 1e-5)


@pytest.mark.parametrize("verb", VERBS)
@few
@given(seed=seeds)
def test_weights_are_repetitions(frame: pd.DataFrame, verb: str, seed: int) -> None:
    times = np.random.default_rng(seed).integers(1, 4, size=400)
    copies = [frame[times[frame["case"]] > k].assign(copy=k) for k in range(3)]
    repeated = pd.concat(copies)
    repeated["case"] = repeated["case"] * 10 + repeated["copy"]
    same(fit(repeated, verb), fit(frame.assign(w=times[frame["case"]]), verb, weights="w"), 1e-5)


@few
@given(scale=st.floats(0.01, 100.0))
def test_coefficients_grow_with_the_temperature(
    frame: pd.DataFrame, fits: Any, scale: float
) -> None:
    data = fits["logit"].model.data
    warm = ck.logit("choice ~ x0 + x1 | z", data, scale=scale).fit()
    np.testing.assert_allclose(warm.params / scale, fits["logit"].params, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(warm.probabilities(), fits["logit"].probabilities(), rtol=1e-6)
    assert warm.llf == pytest.approx(fits["logit"].llf, abs=1e-8)


@few
@given(order=st.permutations([0, 1, 2]))
def test_names_of_alternatives(frame: pd.DataFrame, fits: Any, order: list[int]) -> None:
    """Only labels change: shares and fit follow them."""
    new = {f"a{j}": f"b{k}" for j, k in enumerate(order)}
    data = ck.ChoiceData.from_long(
        frame.assign(alt=frame["alt"].map(new)), case="case", alt="alt", chosen="choice"
    )
    other = ck.logit("choice ~ x0 + x1 | z", data).fit()
    one = fits["logit"]
    assert other.llf == pytest.approx(one.llf, abs=1e-8)
    shares = other.predicted_shares()
    for old, label in new.items():
        assert shares[label] == pytest.approx(one.predicted_shares()[old])


def test_the_input_is_left_alone(frame: pd.DataFrame) -> None:
    before = frame.copy(deep=True)
    results = fit(frame, "probit")
    results.predict(frame)
    results.summary()
    pd.testing.assert_frame_equal(frame, before)
