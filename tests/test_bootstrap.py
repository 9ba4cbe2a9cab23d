"""Standard errors by resampling, and weights for choice-based samples."""

import numpy as np
import pandas as pd
import pytest

import choicekit as ck


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


@pytest.fixture(scope="module")
def fit(data: ck.ChoiceData) -> ck.FitResults:
    return ck.logit("choice ~ gc + ttme", data).fit()


@pytest.fixture(scope="module")
def boot(fit: ck.FitResults) -> ck.FitResults:
    return fit.bootstrap(replicates=200, seed=3)


def test_a_replicate_is_a_fit_on_a_sample_with_repeated_cases(
    data: ck.ChoiceData, boot: ck.FitResults
) -> None:
    drawn = np.random.default_rng([3, 0]).integers(data.n_cases, size=data.n_cases)
    frame = data.frame.set_index("individual")
    parts = [
        frame.loc[data.case_ids[c]].reset_index().assign(copy=copy) for copy, c in enumerate(drawn)
    ]
    sample = ck.ChoiceData.from_long(pd.concat(parts), case="copy", alt="mode", chosen="choice")
    direct = ck.logit("choice ~ gc + ttme", sample).fit()
    found = boot.resamples.iloc[0]
    assert (np.abs(found - direct.params) / direct.bse).max() < 2e-3


def test_standard_errors_are_of_the_sandwich_s_size(
    fit: ck.FitResults, boot: ck.FitResults
) -> None:
    ratio = boot.bse / fit.with_cov("HC0").bse
    assert ((ratio > 0.8) & (ratio < 1.4)).all()
    assert boot.cov_type == "bootstrap"
    ends = boot.percentile_int()
    np.testing.assert_allclose(ends[1] - ends[0], 2 * 1.96 * boot.bse, rtol=0.25)
    assert ((ends[0] < fit.params) & (fit.params < ends[1])).all()
    with pytest.raises(ck.SpecificationError, match="bootstrap"):
        fit.percentile_int()


def test_the_seed_fixes_the_replicates(fit: ck.FitResults, boot: ck.FitResults) -> None:
    few = fit.bootstrap(replicates=3, seed=3)
    np.testing.assert_array_equal(few.resamples, boot.resamples.iloc[:3])
    other = fit.bootstrap(replicates=3, seed=4)
    assert not np.isclose(few.resamples, other.resamples).any()


def test_fixed_and_tied_parameters(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data)
    boot = model.fit(
        fixed={"gc": -0.01}, constraints="hinc[bus] = hinc[train]", cov_type="bootstrap",
        replicates=10,
    )  # fmt: skip
    assert (boot.resamples["gc"] == -0.01).all()
    np.testing.assert_allclose(boot.resamples["hinc[bus]"], boot.resamples["hinc[train]"])
    assert np.isnan(boot.bse["gc"])
    assert boot.percentile_int().loc["gc"].isna().all()


def test_people_are_resampled_as_a_whole() -> None:
    rng = np.random.default_rng(0)
    people, cases = 60, 4
    noise = np.repeat(rng.normal(size=people), cases) * 2.0
    x = np.repeat(rng.normal(size=people), cases)
    u = x[:, None] * [0.0, 1.0] + noise[:, None] * [0.0, 1.0]
    u = u + rng.gumbel(size=u.shape)
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(people * cases), 2),
            "person": np.repeat(np.arange(people), 2 * cases),
            "alt": np.tile(["a", "b"], people * cases),
            "x": np.repeat(x, 2),
            "choice": (u == u.max(axis=1, keepdims=True)).ravel().astype(int),
        }
    )
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", person="person")
    fit = ck.logit("choice ~ 1 | x", data).fit()
    by_person = fit.bootstrap(replicates=100).bse
    by_case = fit.bootstrap(replicates=100, groups="case").bse
    clustered = fit.with_cov("cluster").bse
    assert (by_person > 1.3 * by_case).all()
    np.testing.assert_allclose(by_person, clustered, rtol=0.3)


def test_other_likelihoods_are_refitted_from_the_estimates(data: ck.ChoiceData) -> None:
    fit = ck.probit("choice ~ gc + ttme", data, covariance="iid", method="exact").fit()
    boot = fit.bootstrap(replicates=20)
    assert len(boot.resamples) == 20
    ratio = boot.bse / fit.with_cov("HC0").bse
    assert ((ratio > 0.5) & (ratio < 1.8)).all()


@pytest.mark.parametrize("replicates", [1, 2.5, True])
def test_replicates_are_checked(fit: ck.FitResults, replicates: object) -> None:
    with pytest.raises(ck.SpecificationError, match="replicates"):
        fit.bootstrap(replicates=replicates)  # type: ignore[arg-type]
