"""Diversion ratios against formulas, the data without the alternative, and each other."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

from .simulate import long_frame, unsearched


def read(rows: Any, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(rows, case="case", alt="alt", chosen="choice", **more)


def rows(n_cases: int = 90, n_alternatives: int = 4) -> pd.DataFrame:
    made = long_frame(n_cases, (0.5, -0.7), 3, n_alternatives=n_alternatives, ragged=True)
    person = made["case"] // 3
    income = np.random.default_rng(2).normal(size=n_cases)[person]
    return made.assign(person=person, weight=1.0 + person % 3, income=income)


SPEC = "choice ~ x0 + x1 | z"
NEST = ck.Nested({"near": ["a0", "a1"], "far": ["a2", "a3"]})
MIXED = ck.RandomCoefficients(x0="normal", x1="-lognormal", draws=32)
BENT = {"a0": "b * exp(l * x0)", "a1": "c1 + b * x0", "a2": "c2 + b * x0", "a3": "d * x1"}
START = {"b": 0.5, "l": 0.3, "c1": 0.1, "c2": -0.2, "d": -0.5}
FAMILIES: dict[str, Any] = {
    "logit": {},
    "nested": {"errors": NEST},
    "hev": {"errors": ck.HeteroskedasticGumbel()},
    "probit": {"errors": ck.Normal()},
    "nonlinear": {"specification": ck.Nonlinear(BENT, START)},
    "absorbed": {"errors": ck.Normal("iid"), "mixing": ck.RandomCoefficients(x0="normal")},
    "mixed logit": {"mixing": MIXED, "person": "person"},
    "classes": {"mixing": ck.LatentClasses(2, membership="~ income"), "person": "person"},
}


def some_fit(name: str) -> Any:
    """One of the families; see `unsearched`."""
    given = {"specification": SPEC, **FAMILIES[name]}
    person = {"person": given.pop("person")} if "person" in given else {}
    data = read(rows(), weights="weight", **person)
    model = ck.ChoiceModel(given.pop("specification"), data, **given)
    return unsearched(model)


@pytest.mark.parametrize("name", FAMILIES)
def test_what_the_others_gain_in_data_without_the_alternative(name: str) -> None:
    fit, frame = some_fit(name), rows()
    labels = list(fit.model.data.alternatives)
    for removed in ("a0", "a2"):
        found = fit.diversion(removed, df=frame).set_index("to")
        with_it = frame.groupby("case")["alt"].transform(lambda a, r=removed: (a == r).any())
        before = fit.probabilities(frame[with_it])
        after = fit.probabilities(frame[with_it & (frame["alt"] != removed)])
        w = frame[with_it].groupby("case")["weight"].first()
        gained = (after - before).mul(w, axis=0).sum()
        expected = gained / before[removed].mul(w, axis=0).sum()
        others = [label for label in labels if label != removed]
        np.testing.assert_allclose(found["estimate"][others], expected[others], rtol=2e-5)
        assert found["estimate"].sum() == pytest.approx(1.0, abs=1e-10)
        assert removed not in found.index


@pytest.mark.parametrize("name", FAMILIES)
def test_standard_errors_by_differences_over_parameters(name: str) -> None:
    fit = some_fit(name)
    table, cov = fit.diversion("a1"), fit.cov.to_numpy()
    jacobian = np.empty((len(table), len(cov)))
    step = 1e-3 if name in ("probit", "absorbed") else 1e-4  # orders of integration may change
    for k in range(len(cov)):
        ends = []
        for sign in (1.0, -1.0):
            params = fit.params.copy()
            params.iloc[k] += sign * step
            ends.append(dataclasses.replace(fit, params=params).diversion("a1")["estimate"])
        jacobian[:, k] = (ends[0] - ends[1]) / (2.0 * step)
    expected = np.sqrt(np.einsum("mp,pq,mq->m", jacobian, cov, jacobian))
    np.testing.assert_allclose(table["std_error"], expected, rtol=2e-3)


def test_a_logit_divides_in_proportion() -> None:
    """Each case gives P_r P_j / (1 - P_r) to j (independence of irrelevant alternatives)."""
    fit = some_fit("logit")
    p, w = fit.probabilities().to_numpy(), fit.model.data.layout.weights
    lost = p[:, [1]]
    share = w @ (lost * p / (1.0 - lost)) / (w @ lost)
    found = fit.diversion("a1").set_index("to")["estimate"]
    others = [fit.model.data.alternatives.index(label) for label in found.index]
    np.testing.assert_allclose(found, share[others], rtol=1e-10)


def test_small_changes_of_a_logit() -> None:
    """``- dP_j / dV_r / (dP_r / dV_r)`` over cases: sum P_j P_r / sum P_r (1 - P_r)."""
    fit = some_fit("logit")
    p, w = fit.probabilities().to_numpy(), fit.model.data.layout.weights
    found = fit.diversion("a0", x="x1").set_index("to")["estimate"]
    others = [fit.model.data.alternatives.index(label) for label in found.index]
    expected = w @ (p * p[:, [0]]) / (w @ (p[:, 0] * (1.0 - p[:, 0])))
    np.testing.assert_allclose(found, expected[others], rtol=1e-7)
    table = fit.diversion(x="x1")
    assert len(table) == 12
    np.testing.assert_allclose(table.groupby("removed")["estimate"].sum(), 1.0, atol=1e-9)
    assert (table["std_error"] > 0.0).all()


def test_nests_keep_their_choices() -> None:
    nested, logit = some_fit("nested"), some_fit("logit")
    tight = nested.params.copy()
    tight[["lambda[near]", "lambda[far]"]] = 0.05
    close = dataclasses.replace(nested, params=tight).diversion("a0").set_index("to")["estimate"]
    plain = logit.diversion("a0").set_index("to")["estimate"]
    assert plain["a1"] < 0.6
    assert close["a1"] > 0.9


def test_all_alternatives_and_lists() -> None:
    fit = some_fit("logit")
    everything = fit.diversion()
    assert list(everything.columns) == [
        "removed", "to", "estimate", "std_error", "conf_low", "conf_high",
    ]  # fmt: skip
    assert len(everything) == 12
    some = fit.diversion(["a0", "a3"])
    expected = everything[everything["removed"].isin(["a0", "a3"])].set_index(["removed", "to"])
    pd.testing.assert_frame_equal(
        some.set_index(["removed", "to"]).sort_index(), expected.sort_index()
    )


def test_mistakes_are_named() -> None:
    fit = some_fit("logit")
    with pytest.raises(ck.SpecificationError, match=r"'a9' cannot be removed.*There are"):
        fit.diversion("a9")
    with pytest.raises(ck.SpecificationError, match="same for all alternatives"):
        fit.diversion("a0", x="z")
    with pytest.raises(ck.SpecificationError, match="no column 'x2'"):
        fit.diversion("a0", x="x2")
    alone = rows()
    alone = alone[(alone["case"] > 0) | (alone["alt"] == "a0")]
    alone = alone[alone["case"] < 1].assign(choice=0)
    with pytest.raises(ck.SpecificationError, match="no choices to divert"):
        fit.diversion("a0", df=alone)
