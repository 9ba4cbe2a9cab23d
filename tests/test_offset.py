"""Offsets in formulas, and samples of alternatives with McFadden's correction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

J = 12
TRUE = {"x": 1.0, "z": -0.5}
KEEP = dict(zip(range(J), np.linspace(0.15, 0.9, J), strict=True))


def frame_of(n: int, seed: int = 2) -> pd.DataFrame:
    """Choices from twelve alternatives that differ in how good they are."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, J)) + np.linspace(-1.0, 1.0, J)
    z = rng.normal(size=(n, J))
    chosen = (TRUE["x"] * x + TRUE["z"] * z + rng.gumbel(size=x.shape)).argmax(axis=1)
    return pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), J),
            "alt": np.tile(np.arange(J), n),
            "x": x.ravel(),
            "z": z.ravel(),
            "keep": np.tile(list(KEEP.values()), n),
            "choice": (chosen[:, None] == np.arange(J)).ravel().astype(int),
        }
    )


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame_of(3000), case="case", alt="alt", chosen="choice")


@pytest.fixture(scope="module")
def travel() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


# -- offsets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["logit", "nested", "probit", "mixed", "classes"])
def test_an_offset_is_a_coefficient_held_at_one(travel: ck.ChoiceData, which: str) -> None:
    options: dict[str, Any] = {
        "nested": {"errors": ck.Nested({"ground": ["train", "bus", "car"]})},
        "probit": {"errors": ck.Normal("iid")},
        "mixed": {"mixing": ck.RandomCoefficients(gc="normal", draws=32)},
        "classes": {"mixing": ck.LatentClasses(2, same=["gc"])},
    }.get(which, {})
    frame = travel.frame.assign(shift=-0.01 * travel.frame["invt"])
    own = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    written = ck.ChoiceModel("choice ~ gc + ttme + offset(shift) | 0", own, **options)
    by_hand = ck.ChoiceModel("choice ~ gc + ttme + shift | 0", own, **options)
    held = [name for name in by_hand.parameter_names if name.startswith("shift")]
    one, other = written.fit(), by_hand.fit(fixed=dict.fromkeys(held, 1.0))
    assert one.llf == pytest.approx(other.llf, abs=1e-8)
    np.testing.assert_allclose(one.params, other.params, rtol=1e-6)
    assert one.df_model == other.df_model == len(one.params) - len(held)
    assert all(name.startswith("offset(shift)") for name in one.fixed)


def test_an_offset_needs_no_variation(travel: ck.ChoiceData) -> None:
    frame = travel.frame.assign(nothing=0.0)
    own = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    model = ck.logit("choice ~ gc + offset(nothing)", own)
    assert model.fit().llf == pytest.approx(ck.logit("choice ~ gc", travel).fit().llf)
    assert model.identification().identified
    half = model.on(own.select(np.arange(100)))
    assert half.fit().params["offset(nothing)"] == 1.0


def test_expressions_and_dicts(travel: ck.ChoiceData) -> None:
    formula = ck.logit("choice ~ gc + offset(-0.02 * ttme) | 0", travel).fit()
    named = {label: {"gc": "gc", "offset(t)": "-0.02 * ttme"} for label in travel.alternatives}
    np.testing.assert_allclose(ck.logit(named, travel).fit().params, formula.params, rtol=1e-6)
    assert formula.params["offset(-0.02 * ttme)"] == 1.0
    # the user's word counts more
    free = ck.logit("choice ~ gc + offset(ttme) | 0", travel).fit(fixed={"offset(ttme)": -0.02})
    assert free.llf == pytest.approx(formula.llf)


# -- samples --------------------------------------------------------------------------------------


def test_equal_probabilities_need_no_correction(data: ck.ChoiceData) -> None:
    some = ck.sample_alternatives(data, size=4)
    assert (some.layout.sizes == 4).all()
    assert some.n_cases == data.n_cases
    chosen = some.frame.iloc[some.layout.chosen]
    assert (chosen["choice"] == 1).all()
    assert (some.frame["log_q"] == 0.0).all()
    others = some.frame[some.frame["choice"] == 0]
    count = others["alt"].value_counts()
    rest = data.n_cases - data.shares()["chosen"]
    expected = rest.to_numpy() * 3 / (J - 1)
    found = count.reindex(range(J)).to_numpy()
    np.testing.assert_allclose(found, expected, atol=4.5 * np.sqrt(expected.max()))
    fit = ck.logit("choice ~ x + z + offset(log_q) | 0", some).fit()
    for name, value in TRUE.items():
        assert abs(fit.params[name] - value) < 3.0 * fit.bse[name]


@pytest.mark.parametrize("given", [KEEP, "keep"])
def test_unequal_probabilities_are_corrected(data: ck.ChoiceData, given: Any) -> None:
    some = ck.sample_alternatives(data, probabilities=given, seed=3)
    assert len(some.dropped_ids) == data.n_cases - some.n_cases
    np.testing.assert_allclose(some.frame["log_q"], -np.log(some.frame["keep"]))
    corrected = ck.logit("choice ~ x + z + offset(log_q) | 0", some).fit()
    naive = ck.logit("choice ~ x + z | 0", some).fit()
    for name, value in TRUE.items():
        assert abs(corrected.params[name] - value) < 3.0 * corrected.bse[name]
    assert abs(naive.params["x"] - 1.0) > 5.0 * naive.bse["x"]
    assert any("correction is not in the utility" in note for note in naive.notes)
    assert not any("sampled" in note for note in corrected.notes)


def test_the_likelihood_on_samples_is_mcfadden_s() -> None:
    """The corrected logit is the conditional probability of the choice given the set drawn."""
    v, q = np.array([0.3, -0.2, 0.9, 0.1]), np.array([0.5, 0.3, 0.8, 0.6])
    p = np.exp(v) / np.exp(v).sum()
    drawn = [0, 2, 3]

    def of_set(i: int) -> float:  # given the choice i
        others = [q[j] if j in drawn else 1 - q[j] for j in range(4) if j != i]
        return float(np.prod(others))

    joint = np.array([p[i] * of_set(i) for i in drawn])
    frame = pd.DataFrame({"case": 1, "alt": range(4), "v": v, "choice": [0, 0, 1, 0]})
    more = [frame.assign(case=c, choice=np.roll(frame["choice"], c)) for c in range(2, 400)]
    both = ck.ChoiceData.from_long(
        pd.concat([frame, *more]), case="case", alt="alt", chosen="choice"
    )
    some = ck.sample_alternatives(both, probabilities=dict(enumerate(q)))
    model = ck.logit("choice ~ v + offset(log_q) | 0", some)
    found = model.likelihood().probabilities(np.array([1.0, 1.0]))
    sets = model.data.layout.available
    case = int(np.flatnonzero((sets == [True, False, True, True]).all(axis=1))[0])
    np.testing.assert_allclose(found[case, drawn], joint / joint.sum(), rtol=1e-12)


def test_draws_belong_to_cases(data: ck.ChoiceData) -> None:
    some = ck.sample_alternatives(data, size=4)
    frame = frame_of(3000).query("case < 40").sample(frac=1.0, random_state=1)
    few = ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", alternatives=list(range(J))
    )
    again = ck.sample_alternatives(few, size=4).frame.sort_values(["case", "alt"])
    expected = some.frame.query("case < 40").sort_values(["case", "alt"])
    assert (
        again[["case", "alt"]].to_numpy().tolist() == expected[["case", "alt"]].to_numpy().tolist()
    )
    other = ck.sample_alternatives(data, size=4, seed=2)
    assert (other.frame["alt"].to_numpy() != some.frame["alt"].to_numpy()).mean() > 0.3


@pytest.mark.parametrize("law", ["nested", "mixed"])
def test_other_models_say_that_the_correction_is_not_exact(travel: ck.ChoiceData, law: str) -> None:
    some = ck.sample_alternatives(travel, size=3)
    options: dict[str, Any] = (
        {"errors": ck.Nested({"ground": ["train", "bus", "car"]})}
        if law == "nested"
        else {"mixing": ck.RandomCoefficients(gc="normal", draws=16)}
    )
    fit = ck.ChoiceModel("choice ~ gc + ttme + offset(log_q)", some, **options).fit()
    assert any("exact for the conditional logit only" in note for note in fit.notes)


def test_wide_data_weights_and_people_stay(travel: ck.ChoiceData) -> None:
    weighted = travel.with_weights(np.linspace(0.5, 1.5, travel.n_cases))
    some = ck.sample_alternatives(weighted, size=2)
    np.testing.assert_array_equal(some.layout.weights, weighted.layout.weights)
    fit = ck.logit("choice ~ gc + offset(log_q) | 0", some).fit(cov_type="HC0")
    frame = ck.load_dataset("travelmode")
    with pytest.raises(ck.DataError, match="log_q"):
        fit.probabilities(frame)
    p = fit.probabilities(frame.assign(log_q=0.0))
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    assert (p > 0.0).all(axis=None)


def test_what_makes_no_sense_is_refused(travel: ck.ChoiceData) -> None:
    some = ck.sample_alternatives(travel, size=3)
    for arguments, message in (
        ({}, "one of size= and probabilities="),
        ({"size": 2, "probabilities": {}}, "one of size= and probabilities="),
        ({"size": 1}, "at least 2"),
        ({"probabilities": {"air": 0.5}}, "none for 'train', 'bus', 'car'"),
        ({"probabilities": dict.fromkeys(travel.alternatives, 0.0)}, "above 0"),
        ({"probabilities": "q"}, "no column"),
    ):
        with pytest.raises(ck.SpecificationError, match=message):
            ck.sample_alternatives(travel, **arguments)  # type: ignore[arg-type]
    with pytest.raises(ck.SpecificationError, match="'log_q' already"):
        ck.sample_alternatives(some, size=2)
    with pytest.raises(ck.SpecificationError, match="raise the number"):
        ck.sample_alternatives(travel, probabilities=dict.fromkeys(travel.alternatives, 1e-12))
