"""Rankings as choices: the explosion by hand, its probabilities, its guards and its errors."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

ALTS = ["a", "b", "c", "d"]


def tastes(ranks: dict[Any, list[Any]], **columns: Any) -> pd.DataFrame:
    """Long data: the ranks of a, b, c, d for each ranking."""
    n = len(ranks)
    frame = pd.DataFrame(
        {
            "who": np.repeat(list(ranks), len(ALTS)),
            "item": ALTS * n,
            "rank": np.concatenate([np.asarray(r, dtype=float) for r in ranks.values()]),
        }
    )
    frame["x"] = np.random.default_rng(1).normal(size=len(frame))
    return frame.assign(**columns)


def read(frame: pd.DataFrame, **options: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_rankings(
        frame, **{"case": "who", "alt": "item", "rank": "rank", **options}
    )


def stages(data: ck.ChoiceData) -> list[tuple[Any, str, str]]:
    """(case id, choice set, chosen) of every choice."""
    layout, labels = data.layout, data.alternatives
    return [
        (
            data.case_ids[c],
            "".join(labels[j] for j in layout.alt[layout.case_ptr[c] : layout.case_ptr[c + 1]]),
            labels[layout.chosen_alt[c]],
        )
        for c in range(layout.n_cases)
    ]


def simulated(n: int = 300, seed: int = 3, tasks: int = 1) -> pd.DataFrame:
    """Rankings of four alternatives by Gumbel utilities ``x + 0.5 [b]``."""
    rng = np.random.default_rng(seed)
    frame = tastes({r: [1, 2, 3, 4] for r in range(n)}, x=rng.normal(size=4 * n))
    utility = frame["x"] + 0.5 * (frame["item"] == "b") + rng.gumbel(size=4 * n)
    frame["rank"] = utility.groupby(frame["who"]).rank(ascending=False).astype(int)
    return frame.assign(person=frame["who"] // tasks)


def test_a_full_ranking_is_one_choice_fewer_than_alternatives() -> None:
    frame = tastes({"p": [3, 1, 4, 2], "q": [1, 2, 3, 4]})
    data = read(frame)
    assert stages(data) == [
        (("p", 1), "abcd", "b"),
        (("p", 2), "acd", "d"),
        (("p", 3), "ac", "a"),
        (("q", 1), "abcd", "a"),
        (("q", 2), "bcd", "b"),
        (("q", 3), "cd", "c"),
    ]
    assert data.form == "rankings"
    assert data.exploded
    assert data.worst is None
    assert list(data.person_ids) == ["p", "q"]
    np.testing.assert_array_equal(data.layout.person, [0, 0, 0, 1, 1, 1])
    pd.testing.assert_frame_equal(
        data.frame[frame.columns], frame.iloc[data.origin], check_exact=True
    )
    assert data.frame["stage"].tolist() == [1] * 4 + [2] * 3 + [3] * 2 + [1] * 4 + [2] * 3 + [3] * 2
    assert "stage" not in frame
    assert "rankings: case 'who', alternative 'item', by 'rank'" in repr(data)


NAN = np.nan
PARTIAL = {
    "the last alternative without a rank": ([1, 2, 3, NAN], "abc"),
    "two without a rank": ([2, NAN, 1, NAN], "ca"),
    "only the best": ([NAN, NAN, 1, NAN], "c"),
    "ties at the end": ([1, 2, 3, 3], "ab"),
    "ties at the end, mean rank": ([1, 3, 3, 3], "a"),
    "ties and gaps": ([2, 1, NAN, NAN], "ba"),
}


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_rankings(name: str) -> None:
    ranks, expected = PARTIAL[name]
    assert "".join(chosen for _, _, chosen in stages(read(tastes({1: ranks})))) == expected


@pytest.mark.parametrize("depth", [1, 2, 3, 9])
def test_depth_keeps_the_first_choices(depth: int) -> None:
    frame = tastes({1: [3, 1, 4, 2], 2: [NAN, NAN, 1, NAN]})
    full = stages(read(frame))
    assert stages(read(frame, depth=depth)) == [s for s in full if s[0][1] <= depth]


def test_unavailable_alternatives_are_in_no_stage() -> None:
    frame = tastes({1: [2, NAN, 1, 3]}, there=[1, 0, 1, 1])
    assert stages(read(frame, available="there")) == [((1, 1), "acd", "c"), ((1, 2), "ad", "a")]


def test_the_order_of_rows_does_not_matter() -> None:
    frame = simulated(20)
    mixed = frame.sample(frac=1.0, random_state=2)
    one = read(frame)
    other = read(mixed, alternatives=ALTS)
    assert sorted(stages(one)) == sorted(stages(other))
    pd.testing.assert_frame_equal(mixed.iloc[other.origin], other.frame[mixed.columns])


def test_probabilities_of_all_rankings_add_up_and_are_products() -> None:
    v = np.array([0.3, -0.5, 1.2, 0.1])
    orders = list(itertools.permutations(range(4)))
    ranks = {r: np.argsort(order) + 1 for r, order in enumerate(orders)}
    data = read(tastes(ranks, v=np.tile(v, len(orders))))
    fit = ck.logit("~ v | 0", data).fit(fixed={"v": 1.0})
    by_ranking = np.exp(np.bincount(data.layout.person, weights=fit.logp()))
    assert by_ranking.sum() == pytest.approx(1.0, abs=1e-13)
    for r, order in enumerate(orders):
        e = np.exp(v[list(order)])
        expected = np.prod([e[s] / e[s:].sum() for s in range(4)])
        assert by_ranking[r] == pytest.approx(expected, rel=1e-12)


def test_gumbel_utilities_give_these_rankings() -> None:
    """The explosion is exact: frequencies of simulated rankings (Beggs et al. 1981)."""
    rng, n = np.random.default_rng(5), 200_000
    v = np.array([0.5, 0.0, -0.5])
    order = np.argsort(-(v + rng.gumbel(size=(n, 3))), axis=1)
    for wanted in itertools.permutations(range(3)):
        share = (order == wanted).all(axis=1).mean()
        e = np.exp(v[list(wanted)])
        p = e[0] / e.sum() * e[1] / e[1:].sum()
        assert abs(share - p) < 4.0 * np.sqrt(p * (1.0 - p) / n)


def test_two_alternatives_are_a_choice() -> None:
    frame = simulated(80)
    frame = frame[frame["item"].isin(["a", "b"])].copy()
    frame["rank"] = frame.groupby("who")["rank"].rank().astype(int)
    ranked = read(frame)
    chosen = ck.ChoiceData.from_long(
        frame.assign(y=frame["rank"] == 1), case="who", alt="item", chosen="y"
    )
    one, two = ck.logit("~ x", ranked).fit(), ck.logit("~ x", chosen).fit()
    assert one.llf == two.llf
    assert not ranked.exploded
    ck.probit("~ x", ranked, covariance="iid")  # a single choice needs no explosion


def test_estimates_recover_the_truth_and_cluster_by_respondent() -> None:
    fit = ck.logit("rank ~ x", read(simulated())).fit(cov_type="cluster")
    z = (fit.params[["x", "asc[b]"]] - [1.0, 0.5]) / fit.bse[["x", "asc[b]"]]
    assert np.abs(z).max() < 3.0
    score = fit.scores()
    by_person = np.zeros((300, score.shape[1]))
    np.add.at(by_person, fit.model.data.layout.person, score)
    bread = np.linalg.inv(-fit.hessian)
    expected = bread @ by_person.T @ by_person @ bread * 300 / 299
    np.testing.assert_allclose(fit.cov_params(), expected, rtol=1e-8)


def test_weights_count_rankings() -> None:
    frame = simulated(40)
    doubled = pd.concat([frame, frame.assign(who=frame["who"] + 1000)])
    weighted = ck.logit("~ x", read(frame.assign(w=2.0), weights="w")).fit()
    assert weighted.llf == pytest.approx(ck.logit("~ x", read(doubled)).fit().llf, rel=1e-12)


def test_people_with_several_rankings() -> None:
    data = read(simulated(40, tasks=4), person="person")
    assert (data.n_people, data.n_cases) == (10, 120)


def test_random_coefficients_belong_to_the_respondent() -> None:
    frame = simulated(60)
    model = ck.logit("~ x", read(frame), mixing=ck.RandomCoefficients({"x": "normal"}, draws=64))
    likelihood = model.likelihood()
    values = dict.fromkeys(model.parameter_names, 0.4)
    params = np.array(list(values.values()))
    settled = likelihood.settle(params, 1)
    assert len(settled.logp(params)) == 60


# -- guards -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "law",
    [
        ck.Normal("iid"),
        ck.Nested({"n": ["a", "b"]}),
        ck.HeteroskedasticGumbel(),
        ck.Ordered(),
    ],
)
def test_other_errors_are_refused_with_the_reason(law: Any) -> None:
    frame = simulated(30)
    with pytest.raises(ck.SpecificationError, match=r"exact for independent Gumbel.*depth=1"):
        ck.ChoiceModel("~ x", read(frame), law)
    if not isinstance(law, ck.Ordered):
        assert ck.ChoiceModel("~ x", read(frame, depth=1), law).data.n_cases == 30


WRONG = {
    "bad-rank": {"p": [0, 1, 2, 3]},
    "tied-ranks": {"p": [1, 2, 2, 3]},
    "rank-gap": {"p": [1, 2, 4, NAN]},
    "no-rank": {"p": [NAN] * 4},
}


@pytest.mark.parametrize("code", WRONG)
def test_bad_ranks_are_named_with_their_case_and_cure(code: str) -> None:
    with pytest.raises(ck.DataError) as caught:
        read(tastes({"fine": [1, 2, 3, 4], **WRONG[code]}))
    (finding,) = caught.value.findings
    assert (finding.code, finding.cases, finding.column) == (code, ("p",), "rank")
    assert finding.cure


def test_all_findings_come_at_once() -> None:
    frame = tastes({1: [0, 1, 2, 3], 2: [1, 1, 2, 3], 3: [2, 3, 4, 5], 4: [1, 2, 3, 4]})
    frame = frame.assign(w=[1.0] * 15 + [2.0], there=[1] * 12 + [0, 1, 1, 1])
    with pytest.raises(ck.DataError) as caught:
        read(frame, weights="w", available="there")
    codes = {finding.code: finding.cases for finding in caught.value.findings}
    assert codes == {
        "bad-rank": (1,),
        "tied-ranks": (2,),
        "rank-gap": (3,),
        "ranked-unavailable": (4,),
        "weights-vary": (4,),
    }


def test_rankings_without_ranks_can_be_dropped() -> None:
    frame = tastes({1: [1, 2, 3, 4], 2: [NAN] * 4, 3: [2, 1, 3, 4]})
    data = read(frame, missing="drop")
    assert (data.n_cases, data.n_people, list(data.dropped_ids)) == (6, 2, [2])
    assert list(data.person_ids) == [1, 3]
    frame.loc[0, "x"] = NAN  # the first of ranking 1: only its first stage is lost
    model = ck.logit("~ x | 0", read(frame, missing="drop"))
    assert list(model.data.case_ids) == [(1, 2), (1, 3), (3, 1), (3, 2), (3, 3)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth must be"),
        ({"depth": 1.5}, "depth must be"),
        ({"missing": "skip"}, "missing must be"),
        ({"rank": "rnk"}, "did you mean 'rank'"),
        ({"rank": "item"}, "not numeric"),
        ({"worst": "wrst"}, "no column worst="),
    ],
)
def test_arguments_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ck.ChoicekitError, match=message):
        read(tastes({1: [1, 2, 3, 4]}), **options)


def test_a_column_of_the_name_that_is_added_is_refused() -> None:
    with pytest.raises(ck.DataError, match="rename it"):
        read(tastes({1: [1, 2, 3, 4]}, stage=1))


# -- best and worst -----------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [False, True])
def test_best_and_worst(labels: bool) -> None:
    frame = tastes({1: [0, 1, 0, 0], 2: [1, 0, 0, 0]})
    frame["worst"] = ["d"] * 4 + ["c"] * 4 if labels else [0, 0, 0, 1, 0, 0, 1, 0]
    data = read(frame, worst="worst")
    assert stages(data) == [
        ((1, 1), "abcd", "b"),
        ((1, 2), "acd", "d"),
        ((2, 1), "abcd", "a"),
        ((2, 2), "bcd", "c"),
    ]
    np.testing.assert_array_equal(data.worst, [False, True, False, True])
    fit = ck.logit("~ x | 0", data).fit(fixed={"x": 0.7})
    v = 0.7 * frame["x"].to_numpy().reshape(2, 4)
    best, last = np.exp(v), np.exp(-v)
    expected = [
        best[0, 1] / best[0].sum(),
        last[0, 3] / last[0, [0, 2, 3]].sum(),
        best[1, 0] / best[1].sum(),
        last[1, 2] / last[1, 1:].sum(),
    ]
    np.testing.assert_allclose(np.exp(fit.logp()), expected, rtol=1e-13)


def test_constants_of_best_and_worst_have_one_log_likelihood() -> None:
    frame = simulated(60)
    frame["worst"] = (frame["rank"] == 4).astype(int)
    frame["rank"] = (frame["rank"] == 1).astype(int)
    constants = ck.logit("~ 0 | 1", read(frame, worst="worst")).fit()
    assert constants.llf == pytest.approx(constants.llconst, abs=1e-8)
    fit = ck.logit("~ x", read(frame, worst="worst")).fit()
    assert abs(fit.params["x"] - 1.0) < 3.0 * fit.bse["x"]
    assert fit.llconst == constants.llconst


def test_ranks_at_the_top_and_a_worst() -> None:
    frame = tastes({1: [NAN, 1, NAN, NAN]}, worst=[1, 0, 0, 0])
    assert stages(read(frame, worst="worst"))[1:] == [((1, 2), "acd", "a")]
    frame = tastes({1: [4, 1, 2, 3]}, worst=[1, 0, 0, 0])  # the last rank says it already
    assert stages(read(frame, worst="worst")) == stages(read(frame))


def test_wrong_marks_of_the_worst() -> None:
    frame = tastes({1: [1, 2, NAN, NAN], 2: [1, NAN, NAN, NAN], 3: [1, NAN, NAN, NAN]})
    frame["worst"] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]
    with pytest.raises(ck.DataError) as caught:
        read(frame, worst="worst")
    codes = {finding.code: finding.cases for finding in caught.value.findings}
    assert codes == {"best-and-worst": (1,), "none-chosen": (2,), "several-chosen": (3,)}


# -- afterwards ---------------------------------------------------------------------------------


def test_new_data_need_no_ranks_and_are_first_choices() -> None:
    frame = simulated(50)
    fit = ck.logit("~ x", read(frame)).fit()
    new = frame.drop(columns="rank").head(8)
    p = fit.predict(new)
    assert p.index.equals(new.index)
    v = fit.params["x"] * new["x"] + [0.0, *fit.params[["asc[b]", "asc[c]", "asc[d]"]]] * 2
    e = np.exp(v)
    np.testing.assert_allclose(p, e / e.groupby(new["who"]).transform("sum"), rtol=1e-12)


def test_selections_and_pickles_keep_stages() -> None:
    frame = tastes({1: [0, 1, 0, 0], 2: [1, 0, 0, 0]}, worst=[0, 0, 0, 1, 0, 0, 1, 0])
    data = read(frame, worst="worst")
    some = pickle.loads(pickle.dumps(data.select([1, 2])))
    np.testing.assert_array_equal(some.worst, [True, False])
    assert some.exploded
    assert list(some.case_ids) == [(1, 2), (2, 1)]
    assert not data.check()["message"].str.contains("stage").any()
    again = data.read_like(frame, require_choice=True)
    assert stages(again) == stages(data)
