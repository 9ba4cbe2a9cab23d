"""Standard errors by resampling, and weights for choice-based samples."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import choicekit as ck
from choicekit.post.resampling import intervals


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


# -- intervals ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def share() -> ck.FitResults:
    """A constant alone, whose estimate is the log-odds of a share, bootstrapped."""
    answers = pd.DataFrame({"y": ["yes"] * 9 + ["no"] * 51})
    data = ck.ChoiceData.from_wide(answers, alternatives=["no", "yes"], chosen="y")
    return ck.logit("y ~ 0 | 1", data).fit().bootstrap(400, seed=2)


def test_intervals_of_a_share(share: ck.FitResults) -> None:
    p, n = 0.15, 60
    assert share.params.iloc[0] == pytest.approx(np.log(p / (1 - p)))
    # the skewness of Bernoulli's distribution, over 6 sqrt(n)
    bend = (1 - 2 * p) / np.sqrt(p * (1 - p) * n) / 6
    np.testing.assert_allclose(share.accelerations, bend, rtol=1e-9)
    draws, at = share.resamples.iloc[:, 0], share.params.iloc[0]
    lean = norm.ppf((draws < at).mean() + (draws == at).mean() / 2)
    for method, a in (("bc", 0.0), ("bca", bend)):
        ends = [
            np.quantile(draws, norm.cdf(lean + (lean + z) / (1 - a * (lean + z))))
            for z in norm.ppf([0.05, 0.95])
        ]
        np.testing.assert_allclose(share.percentile_int(0.1, method).iloc[0], ends, rtol=1e-12)
    plain, basic = (share.percentile_int(method=m).iloc[0] for m in ("percentile", "basic"))
    np.testing.assert_allclose(basic, 2 * at - plain.to_numpy()[::-1])
    with pytest.raises(ck.SpecificationError, match=r"percentile, basic, bc, bca"):
        share.percentile_int(method="bcaa")


def test_the_table_of_a_bootstrap(share: ck.FitResults) -> None:
    table = share.bootstrap_table(alpha=0.1)
    assert table.shape == (1, 9)
    row = table.iloc[0]
    assert row["bias"].iloc[0] == pytest.approx(
        share.resamples.mean().iloc[0] - share.params.iloc[0]
    )
    assert row["std err"].iloc[0] == pytest.approx(share.resamples.std().iloc[0])
    for name, found in {
        "normal": share.conf_int(0.1),
        "percentile": share.percentile_int(0.1),
        "bca": share.percentile_int(0.1, "bca"),
    }.items():
        np.testing.assert_array_equal(row[name], found.iloc[0])


def test_replicates_on_one_side_have_no_corrected_interval(share: ck.FitResults) -> None:
    draws = np.full((10, 1), 2.0)
    assert np.isnan(intervals(np.array([1.0]), draws, np.zeros(1), 0.05, "bca")).all()


def test_accelerations_by_people_and_weights(data: ck.ChoiceData) -> None:
    fit = ck.logit("choice ~ gc + ttme", data).fit()
    pulls = -fit.scores() @ np.linalg.inv(fit.hessian)
    groups = np.arange(data.n_cases) % 40
    summed = np.array([pulls[groups == g].sum(axis=0) for g in range(40)])
    summed = summed - summed.mean(axis=0)
    expected = (summed**3).sum(axis=0) / (6 * (summed**2).sum(axis=0) ** 1.5)
    found = fit.bootstrap(2, groups=groups).accelerations
    np.testing.assert_allclose(found, expected, rtol=1e-8)


def test_strata_are_resampled_on_their_own(data: ck.ChoiceData, fit: ck.FitResults) -> None:
    constants = ck.logit("choice ~ 0 | 1", data).fit()
    chosen = data.layout.chosen_alt
    boot = constants.bootstrap(5, strata=chosen)  # whose shares never change
    np.testing.assert_allclose(boot.resamples, np.tile(constants.params, (5, 1)), atol=1e-4)
    by_column = fit.bootstrap(3, strata="psize")
    size = data.frame["psize"].to_numpy()[data.layout.case_ptr[:-1]]
    np.testing.assert_array_equal(fit.bootstrap(3, strata=size).resamples, by_column.resamples)
    with pytest.raises(ck.SpecificationError, match="in several strata"):
        fit.bootstrap(3, groups="psize", strata=chosen)
    with pytest.raises(ck.SpecificationError, match="strata='size' is no column"):
        fit.bootstrap(3, strata="size")


def test_progress_is_told(fit: ck.FitResults) -> None:
    told: list[tuple[int, int]] = []
    fit.bootstrap(3, progress=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_lost_replicates_are_counted() -> None:
    x = np.arange(12.0)
    frame = pd.DataFrame({"x": x, "y": ["a"] * 5 + ["b", "a"] + ["b"] * 5})
    data = ck.ChoiceData.from_wide(frame, alternatives=["a", "b"], chosen="y")
    fit = ck.logit("y ~ 0 | x", data).fit()
    with pytest.warns(ck.ConvergenceWarning, match="had no maximum and were left out. The others"):
        boot = fit.bootstrap(50)
    lost = 50 - len(boot.resamples)
    assert lost > 5
    assert f"Bootstrap: {lost} of 50" in boot.notes[-1]
    assert boot.resamples.index.max() > len(boot.resamples)  # numbers of the samples drawn


# -- samples by choice ----------------------------------------------------------------------------

TRUE = {"asc_b": 0.5, "asc_c": -0.5, "x": 1.0}


def population(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(n, 3))
    u = x * TRUE["x"] + [0.0, TRUE["asc_b"], TRUE["asc_c"]] + rng.gumbel(size=(n, 3))
    return x, u.argmax(axis=1)


def as_data(x: np.ndarray, chosen: np.ndarray) -> ck.ChoiceData:
    n = len(x)
    frame = pd.DataFrame(
        {
            "case": np.repeat(np.arange(n), 3),
            "alt": np.tile(["a", "b", "c"], n),
            "x": x.ravel(),
            "choice": (chosen[:, None] == np.arange(3)).ravel().astype(int),
        }
    )
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")


@pytest.fixture(scope="module")
def by_choice() -> tuple[ck.ChoiceData, dict[str, float]]:
    """As many who chose each alternative, and the population's shares."""
    x, chosen = population(60_000, np.random.default_rng(5))
    shares = np.bincount(chosen) / len(chosen)
    kept = np.concatenate([np.flatnonzero(chosen == j)[:2000] for j in range(3)])
    return as_data(x[kept], chosen[kept]), dict(zip("abc", shares, strict=True))


def test_wesml_and_mcfadden_find_the_population(by_choice) -> None:
    data, shares = by_choice
    truth = pd.Series({"x": 1.0, "asc[b]": 0.5, "asc[c]": -0.5})
    plain = ck.logit("choice ~ x", data).fit()
    weights = ck.wesml_weights(data, shares)
    assert weights.mean() == pytest.approx(1.0)
    weighted = ck.logit("choice ~ x", data.with_weights(weights)).fit(cov_type="HC0")
    assert (np.abs(weighted.params - truth[weighted.params.index]) / weighted.bse).max() < 3.0
    corrected = ck.corrected_constants(plain, shares)
    assert (np.abs(corrected - truth[corrected.index]) / plain.bse).max() < 3.0
    # and it was needed
    assert (np.abs(plain.params - truth[plain.params.index]) / plain.bse)["asc[c]"] > 10.0


def test_standard_errors_of_sampling_weights_carry_a_note(by_choice) -> None:
    data, shares = by_choice
    model = ck.logit("choice ~ x", data.with_weights(ck.wesml_weights(data, shares)))
    assert any("HC0" in note for note in model.fit().notes)
    assert not any("HC0" in note for note in model.fit(cov_type="HC0").notes)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"a": 0.5, "b": 0.5}, "missing: 'c'"),
        ({"a": 0.5, "b": 0.3, "c": 0.1, "d": 0.1}, "unknown: 'd'"),
        ({"a": 0.5, "b": 0.3, "c": 0.1}, "add up to 1"),
        ({"a": 1.5, "b": -0.6, "c": 0.1}, "positive"),
    ],
)
def test_shares_are_checked(by_choice, shares: dict[str, float], message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        ck.wesml_weights(by_choice[0], shares)


def test_weights_are_checked(by_choice) -> None:
    data, _ = by_choice
    with pytest.raises(ck.SpecificationError, match="no entry"):
        data.with_weights(pd.Series([1.0], index=[0]))
    with pytest.raises(ck.SpecificationError, match="one weight for each"):
        data.with_weights(np.ones(3))
    with pytest.raises(ck.SpecificationError, match="not negative"):
        data.with_weights(np.full(data.n_cases, -1.0))


def test_the_correction_needs_constants(by_choice) -> None:
    data, shares = by_choice
    with pytest.raises(ck.SpecificationError, match="constants for 0 of 3"):
        ck.corrected_constants(ck.logit("choice ~ x | 0", data).fit(), shares)
    probit = ck.probit("choice ~ x", data.select(np.arange(0, 6000, 20)), covariance="iid").fit()
    with pytest.raises(ck.SpecificationError, match="wesml_weights"):
        ck.corrected_constants(probit, shares)


def test_an_offset_corrects_for_sampled_alternatives() -> None:
    """McFadden (1978): with -log q(D | j) added, a logit on sampled alternatives is consistent."""
    rng = np.random.default_rng(2)
    n, size = 4000, 12
    x = rng.normal(size=(n, size)) + np.linspace(-1.0, 1.0, size)
    chosen = (x + rng.gumbel(size=x.shape)).argmax(axis=1)
    # each alternative is kept with a probability of its own, the chosen one always
    keep = np.linspace(0.1, 0.9, size)
    kept = rng.random((n, size)) < keep
    kept[np.arange(n), chosen] = True
    case, alt = np.nonzero(kept)
    frame = pd.DataFrame(
        {
            "case": case,
            "alt": alt,
            "x": x[kept],
            # the set was drawn with a probability in proportion to 1 / keep of the one chosen
            "log_q": -np.log(keep[alt]),
            "choice": (alt == chosen[case]).astype(int),
        }
    )
    frame = frame[frame.groupby("case")["alt"].transform("size") > 1]
    data = ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice")
    model = ck.logit("choice ~ x + log_q | 0", data)
    corrected = model.fit(fixed={"log_q": 1.0})
    naive = ck.logit("choice ~ x | 0", data).fit()
    assert abs(corrected.params["x"] - 1.0) < 3.0 * corrected.bse["x"]
    assert abs(naive.params["x"] - 1.0) > 5.0 * naive.bse["x"]
