"""Scales that differ between people: gradients, limits, integrals done by others, what is told."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.special import expit, softmax
from scipy.stats import chi2, norm, truncnorm

import choicekit as ck
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.mixed_logit import MixedLogitLikelihood
from choicekit.mixing.scale import log_mean, truncated_nodes
from choicekit.mixing.scaled import BoundScaled
from choicekit.post.nesting import nested_in
from choicekit.post.tests import likelihood_ratio

B, SD, TAU = (1.0, -0.8), 0.7, 0.8


def panel(
    n_people: int, n_cases: int, seed: int, n_alternatives: int = 3, gamma: float = 0.0
) -> pd.DataFrame:
    """Choices of a G-MNL: x0 random, x1 not, income moves the scale."""
    rng = np.random.default_rng(seed)
    income = rng.normal(size=n_people)
    sigma = np.exp(TAU * rng.normal(size=n_people) - 0.5 * TAU**2 + 0.5 * income)
    eta = SD * rng.normal(size=n_people)
    tastes = np.column_stack(
        [sigma * B[0] + (gamma + sigma * (1.0 - gamma)) * eta, sigma * B[1], 0.3 * sigma]
    )
    x = rng.normal(size=(n_people, n_cases, n_alternatives, 3))
    v = np.einsum("ntjk,nk->ntj", x, tastes)
    chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2)
    per_person = n_cases * n_alternatives
    return pd.DataFrame(x.reshape(-1, 3), columns=["x0", "x1", "x2"]).assign(
        person=np.repeat(np.arange(n_people), per_person),
        income=np.repeat(income, per_person),
        case=np.repeat(np.arange(n_people * n_cases), n_alternatives),
        alt=np.tile([f"a{j}" for j in range(n_alternatives)], n_people * n_cases),
        choice=(np.arange(n_alternatives) == chosen[..., None]).ravel().astype(int),
    )


def read(frame: pd.DataFrame, **more: Any) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", **{"person": "person", **more}
    )


LAWS: dict[str, Any] = {
    "gumbel": lambda: ck.Gumbel(0.7),
    "nested": lambda: ck.Nested({"near": ["a0", "a1"]}),
    "normal": lambda: ck.Normal("heteroskedastic"),
}
MIXINGS: dict[str, dict[str, Any]] = {
    "s-mnl": {"scale": True},
    "covariates": {
        "scale": ck.Scale(covariates="income", unscaled=["asc[a1]", "asc[a2]"], truncated=1.96)
    },
    "g-mnl": {
        "coefficients": {"x0": "normal", "x1": "normal"},
        "correlated": True,
        "components": {"near": ["a0", "a1"]},
        "means": {"x0": "income"},
        "scale": ck.Scale("free", covariates=["income"]),
    },
    "g-mnl-I": {
        "coefficients": {"x0": "uniform", "x1": "normal"},
        "scale": ck.Scale(1, unscaled="x1"),
    },
    "g-mnl-II": {"coefficients": {"x0": "lognormal", "x1": "truncated normal"}, "scale": True},
}
LIKELIHOODS = [
    pytest.param(law, name, id=f"{law}-{name}")
    for law in LAWS
    for name in MIXINGS
    if law == "gumbel" or name in ("covariates", "g-mnl")
]


def settled(law: str, name: str) -> tuple[Any, np.ndarray]:
    """Likelihood of a small ragged weighted panel, and parameters away from the start."""
    frame = panel(12, 3, 5)
    frame["w"] = 1.0 + frame["person"] % 3
    rng = np.random.default_rng(1)
    kept = (rng.random(len(frame)) < 0.7) | (frame["choice"] == 1) | (frame["alt"] < "a2")
    model = ck.ChoiceModel(
        "choice ~ x0 + x1 + x2",
        read(frame[kept], weights="w"),
        errors=LAWS[law](),
        mixing=ck.RandomCoefficients(**MIXINGS[name], draws=32),
    )
    params = model.table({}, {}).start
    params = params + 0.2 * rng.normal(size=len(params))
    params[[name.startswith("lambda") for name in model.parameter_names]] = 0.7
    return model.likelihood().settle(params, 1), params


@pytest.mark.parametrize(("law", "name"), LIKELIHOODS)
def test_gradient_against_central_differences(law: str, name: str) -> None:
    likelihood, params = settled(law, name)
    value, gradient = likelihood.value_and_gradient(params)
    assert value == pytest.approx(likelihood.value(params), abs=1e-12)
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-7, rel=1e-6)
    scores = likelihood.scores(params)
    np.testing.assert_allclose(likelihood.weights @ scores, gradient, atol=1e-10)


@pytest.mark.parametrize("name", MIXINGS)
def test_the_fused_kernel_is_the_general_path(name: str) -> None:
    fused, params = settled("gumbel", name)
    assert isinstance(fused, MixedLogitLikelihood)
    parts = (fused.x, fused.layout, fused.errors, fused.keys, fused.mixing, fused.person_keys)
    general = MixedLikelihood(*parts).settle(params, 1)
    for size in (1.0, 30.0):  # utilities far apart as well
        params[:2] *= size
        np.testing.assert_allclose(fused.logp(params), general.logp(params), rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(
            fused.scores(params), general.scores(params), rtol=1e-9, atol=1e-9
        )


def test_chunks_of_nodes_do_not_change_anything() -> None:
    """More nodes than a chunk of the kernel holds, with weights that move from chunk to chunk."""
    model = ck.logit(
        "choice ~ x0 + x1 | 0",
        read(panel(20, 4, 3)),
        mixing=ck.RandomCoefficients(x0="normal", scale=True, draws=1024),
    )
    params = np.array([3.0, -4.0, 2.0, 1.5])
    fused = model.likelihood().settle(params, 2)
    parts = (fused.x, fused.layout, fused.errors, fused.keys, fused.mixing, fused.person_keys)
    general = MixedLikelihood(*parts).settle(params, 2)
    np.testing.assert_allclose(fused.logp(params), general.logp(params), atol=1e-11)
    np.testing.assert_allclose(fused.scores(params), general.scores(params), atol=1e-9)


# -- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("gamma", [0.0, 1.0, "free"])
def test_no_spread_of_the_scale_is_the_mixed_model(law: str, gamma: Any) -> None:
    data, rng = read(panel(12, 3, 5)), np.random.default_rng(0)
    z = rng.normal(size=(12, 3, 16))
    args = {"x0": "normal", "x1": "uniform"}

    def model(**more: Any) -> Any:
        mixing = ck.RandomCoefficients(args, **more)
        return ck.ChoiceModel("choice ~ x0 + x1", data, errors=LAWS[law](), mixing=mixing)

    plain, scaled = model(draws=z[:, :2]), model(draws=z, scale=ck.Scale(gamma))
    params = plain.table({"x0": 0.7, "asc[a1]": -0.2}, {}).start
    more = [0.0, 0.4] if gamma == "free" else [0.0]
    longer = np.concatenate([params, more])
    one, other = plain.likelihood().settle(params, 1), scaled.likelihood().settle(longer, 1)
    assert other.value(longer) == pytest.approx(one.value(params), abs=1e-8)
    np.testing.assert_allclose(other.probabilities(longer), one.probabilities(params), atol=1e-8)


@pytest.mark.parametrize("law", LAWS)
def test_no_spread_at_all_is_no_mixing(law: str) -> None:
    data = read(panel(12, 3, 5))
    plain = ck.ChoiceModel("choice ~ x0 + x1", data, errors=LAWS[law]())
    params = plain.table({"x0": 0.7, "asc[a1]": -0.2}, {}).start
    expected = plain.likelihood().settle(params, 1)
    for args in ({}, {"coefficients": {"x0": "normal"}}):
        mixing = ck.RandomCoefficients(**args, scale=True, draws=16)
        model = ck.ChoiceModel("choice ~ x0 + x1", data, errors=LAWS[law](), mixing=mixing)
        longer = np.concatenate([params, np.zeros(1 + len(args))])
        found = model.likelihood().settle(longer, 1)
        assert found.value(longer) == pytest.approx(expected.value(params), abs=1e-8)


def test_a_scale_by_income_alone_is_the_logit_of_scaled_columns() -> None:
    """With tau at zero the scale is a number for each person: multiply the covariates by it."""
    frame = panel(60, 4, 7)
    model = ck.logit(
        "choice ~ x0 + x1 | 0",
        read(frame),
        mixing=ck.RandomCoefficients(scale=ck.Scale(covariates="income"), draws=4),
    )
    sigma = np.exp(0.4 * frame["income"])
    logit = ck.logit(
        "choice ~ x0 + x1 | 0", read(frame.assign(x0=sigma * frame["x0"], x1=sigma * frame["x1"]))
    )
    params = np.array([0.8, -0.5, 0.0, 0.4])
    found = model.likelihood().settle(params, 1).value(params)
    assert found == pytest.approx(logit.likelihood().value(params[:2]), abs=1e-8)


def test_unscaled_coefficients_stay_as_they_are() -> None:
    model = ck.logit(
        "choice ~ x0 + x1",
        read(panel(5, 2, 1)),
        mixing=ck.RandomCoefficients(
            x0="normal", scale=ck.Scale(unscaled=["x0", "asc[a1]", "asc[a2]"]), draws=8
        ),
    )
    mixing = model.bound_mixing
    assert isinstance(mixing, BoundScaled)
    assert mixing.reported == ("x0", "x1", "scale")
    phi, t = np.array([0.5, 1.0]), np.random.default_rng(0).normal(size=(5, 2, 8))
    at = mixing.evaluate(mixing.means(np.array([1.0, 2.0, 3.0, 4.0]), phi, slice(None)), phi, t)
    np.testing.assert_allclose(at.values[:, 0], 1.0 + 0.5 * t[:, 0])
    np.testing.assert_allclose(at.values[:, 1], 2.0 * np.exp(t[:, 1] - 0.5))


def test_an_offset_is_not_scaled() -> None:
    """Sampling corrections are not part of the tastes."""
    frame = panel(20, 3, 4)
    frame["shift"] = 0.5 * (frame["alt"] == "a1")
    params = np.array([1.0, -0.8, 0.9])
    values = []
    for term, fixed in (("offset(shift)", "offset(shift)"), ("shift", "shift")):
        scale = ck.Scale(unscaled="shift") if term == "shift" else True
        model = ck.logit(
            f"choice ~ x0 + x1 + {term} | 0",
            read(frame),
            mixing=ck.RandomCoefficients(scale=scale, draws=16),
        )
        at = pd.Series({"x0": params[0], "x1": params[1], fixed: 1.0, "tau": params[2]})
        at = at[list(model.parameter_names)].to_numpy()
        values.append(model.likelihood().settle(at, 1).value(at))
    assert values[0] == pytest.approx(values[1], abs=1e-10)


# -- integrals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bound", [None, 1.5])
def test_scaled_logit_by_quadrature(bound: float | None) -> None:
    """Fiebig et al.'s S-MNL of one person with three binary choices, by scipy."""
    model = ck.logit(
        "choice ~ x0 + x1 | 0",
        read(panel(1, 3, 3, n_alternatives=2)),
        mixing=ck.RandomCoefficients(scale=ck.Scale(truncated=bound), draws=4096),
    )
    params = np.array([0.9, -0.7, 1.1])
    likelihood = model.likelihood().settle(params, 1)
    x = likelihood.x.reshape(3, 2, 2)
    sign = np.where(likelihood.layout.chosen_alt == 0, 1.0, -1.0)
    gap = sign * ((x[:, 0] - x[:, 1]) @ params[:2])
    law = norm if bound is None else truncnorm(-bound, bound)
    end = 9.0 if bound is None else bound
    centre = quad(lambda e: law.pdf(e) * np.exp(1.1 * e), -end, end, epsabs=1e-13)[0]

    def integrand(e: float) -> float:
        sigma = np.exp(1.1 * e) / centre
        return float(law.pdf(e) * np.prod(expit(sigma * gap)))

    expected = quad(integrand, -end, end, epsabs=1e-12)[0]
    assert np.exp(likelihood.logp(params)[0]) == pytest.approx(expected, rel=1e-5)
    weighted = quad(lambda e: integrand(e) * np.exp(1.1 * e) / centre, -end, end, epsabs=1e-12)[0]
    place = likelihood.mixing.reported.index("scale")
    assert likelihood.posterior(params)[0][0, place] == pytest.approx(weighted / expected, rel=1e-4)


def test_generalised_logit_by_product_rule() -> None:
    """Equation of Fiebig et al. (2010) on Gauss-Hermite nodes, written out."""
    model = ck.logit(
        "choice ~ x0 + x1 | 0",
        read(panel(6, 3, 3)),
        mixing=ck.RandomCoefficients(x0="normal", scale=ck.Scale("free"), draws=1 << 14),
    )
    b, sd, tau, gamma = np.array([0.9, -0.7]), 0.6, 0.8, 0.3
    params = np.array([*b, sd, tau, gamma])
    likelihood = model.likelihood().settle(params, 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    expected = np.zeros(6)
    x, chosen = likelihood.x.reshape(6, 3, 3, 2), likelihood.layout.chosen_alt.reshape(6, 3)
    for e, w in zip(nodes, weights, strict=True):
        sigma = np.exp(tau * e - 0.5 * tau**2)
        for z, u in zip(nodes, weights, strict=True):
            beta = sigma * b + (gamma + sigma * (1.0 - gamma)) * np.array([sd * z, 0.0])
            p = softmax(x @ beta, axis=2)
            expected += w * u * np.take_along_axis(p, chosen[:, :, None], 2)[:, :, 0].prod(axis=1)
    np.testing.assert_allclose(np.exp(likelihood.logp(params)), expected, rtol=2e-4)


@pytest.mark.parametrize("tau", [-1.3, -0.2, 0.0, 0.7, 4.0])
@pytest.mark.parametrize("bound", [None, 1.96, 0.5])
def test_the_mean_of_the_scale(tau: float, bound: float | None) -> None:
    law = norm if bound is None else truncnorm(-bound, bound)
    end = 40.0 if bound is None else bound
    expected = quad(lambda e: np.exp(tau * e + law.logpdf(e)), -end, end, limit=200)[0]
    found, slope = log_mean(tau, bound)
    assert found == pytest.approx(np.log(expected), abs=1e-9)
    h = 1e-5
    ends = [log_mean(tau + sign * h, bound)[0] for sign in (1.0, -1.0)]
    assert slope == pytest.approx((ends[0] - ends[1]) / (2.0 * h), abs=1e-8)


def test_truncated_nodes_are_those_of_the_truncated_distribution() -> None:
    z = np.linspace(-4.0, 4.0, 81)
    found = truncated_nodes(z, 1.96)
    np.testing.assert_allclose(found, truncnorm(-1.96, 1.96).ppf(norm.cdf(z)), atol=1e-9)


# -- fits -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> ck.ChoiceData:
    return read(panel(350, 8, 11))


@pytest.fixture(scope="module")
def fits(large: ck.ChoiceData) -> dict[str, Any]:
    """The family on one data set."""
    income = ck.Scale(covariates="income")
    mixings = {
        "logit": None,
        "mixed": ck.RandomCoefficients(x0="normal", draws=64),
        "scaled": ck.RandomCoefficients(scale=True, draws=64),
        "both": ck.RandomCoefficients(x0="normal", scale=True, draws=64),
        "free": ck.RandomCoefficients(x0="normal", scale=ck.Scale("free"), draws=64),
        "income": ck.RandomCoefficients(x0="normal", scale=income, draws=64),
    }
    return {
        name: ck.logit("choice ~ x0 + x1 + x2 | 0", large, mixing=mixing).fit()
        for name, mixing in mixings.items()
    }


def test_recovers_the_truth(fits: dict[str, Any]) -> None:
    fit = fits["income"]
    assert fit.convergence.converged
    truth = {"x0": 1.0, "x1": -0.8, "x2": 0.3, "sd[x0]": SD, "tau": TAU, "scale:income": 0.5}
    z = (fit.params - pd.Series(truth)) / fit.bse
    assert np.abs(z).max() < 3.0
    assert all(other.convergence.converged for other in fits.values())
    low, high = fits["free"].conf_int().loc["gamma"]
    assert low < 0.0 < high


def test_the_summary_and_the_copy(fits: dict[str, Any]) -> None:
    text = str(fits["income"].summary())
    assert "Mixed logit with random scale" in text
    assert "Scale of the utilities" in text
    assert "with covariates of zero" in text
    assert "Conditional logit with random scale" in str(fits["scaled"].summary())
    copy = pickle.loads(pickle.dumps(fits["income"]))
    np.testing.assert_allclose(copy.probabilities(), fits["income"].probabilities(), atol=1e-12)
    assert fits["income"].simulation_error(2).table.loc["tau", "sim s.e."] > 0.0


def test_predictions_for_other_people(fits: dict[str, Any]) -> None:
    p = fits["income"].probabilities(panel(9, 2, 99))
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-10)
    assert len(p) == 18


def test_elasticities_are_those_of_moved_columns(
    fits: dict[str, Any], large: ck.ChoiceData
) -> None:
    fit, frame = fits["income"], large.frame
    share = fit.probabilities(frame)
    moved = frame.assign(x1=frame["x1"].where(frame["alt"] != "a1", 1.001 * frame["x1"]))
    slope = (fit.probabilities(moved) - share).to_numpy().mean(axis=0) / 0.001
    found = fit.elasticities("x1").query("by == 'a1'").set_index("of")["estimate"]
    expected = slope / share.to_numpy().mean(axis=0)
    np.testing.assert_allclose(found[list(share.columns)], expected, atol=2e-3)


def test_the_table_of_the_scale(fits: dict[str, Any], large: ck.ChoiceData) -> None:
    fit = fits["scaled"]
    table, tau = fit.random_table(), fit.params["tau"]
    assert list(table.index) == [("scale", "mean"), ("scale", "median"), ("scale", "sd")]
    expected = [1.0, np.exp(-0.5 * tau**2), np.sqrt(np.expm1(tau**2))]
    np.testing.assert_allclose(table["estimate"], expected, rtol=1e-10)
    slope = tau * np.exp(tau**2) / np.sqrt(np.expm1(tau**2))
    assert table.loc[("scale", "sd"), "std_error"] == pytest.approx(
        slope * fit.bse["tau"], rel=1e-5
    )
    both = fits["income"].random_table()
    people = large.frame.groupby("person")["income"].first()
    mean = np.exp(fits["income"].params["scale:income"] * people.mean())
    assert both.loc[("scale", "mean"), "estimate"] == pytest.approx(mean)
    assert both.loc[("x0", "sd"), "estimate"] == pytest.approx(fits["income"].params["sd[x0]"])


def test_people_of_large_scale_are_found(fits: dict[str, Any], large: ck.ChoiceData) -> None:
    own = fits["income"].individual_coefficients()
    assert list(own.columns.get_level_values(0).unique()) == ["x0", "x1", "x2", "scale"]
    ratio = own["x1", "mean"] / own["scale", "mean"]  # not random itself: always the same
    np.testing.assert_allclose(ratio, fits["income"].params["x1"], rtol=1e-9)
    people = large.frame.groupby("person")["income"].first()
    assert np.corrcoef(np.log(own["scale", "mean"]), people)[0, 1] > 0.3


def test_what_is_nested_in_what(fits: dict[str, Any]) -> None:
    inside = {(small, big) for small in fits for big in fits if nested_in(fits[small], fits[big])}
    assert inside == {
        *(("logit", big) for big in fits if big != "logit"),
        *(("mixed", big) for big in ("both", "free", "income")),
        *(("scaled", big) for big in ("both", "free", "income")),
        ("both", "free"),
        ("both", "income"),
    }


def test_no_scale_is_the_edge_of_its_range(fits: dict[str, Any]) -> None:
    test = likelihood_ratio(fits["logit"], fits["scaled"])
    assert test.pvalue == pytest.approx(chi2.sf(test.statistic, 1) / 2)
    assert "variance of the scale" in test.note
    assert "2 variances" in likelihood_ratio(fits["logit"], fits["both"]).note
    assert "Davies" in likelihood_ratio(fits["mixed"], fits["free"]).note
    note = likelihood_ratio(fits["both"], fits["free"]).note
    assert "edge" not in note
    assert "Davies" not in note


def test_a_scale_that_is_not_there_is_estimated_as_zero() -> None:
    frame = panel(40, 3, 2)
    frame["person"] = frame["case"]  # one choice a person: the scale hardly shows
    data = read(frame)
    model = ck.logit(
        "choice ~ x0 + x1 | 0", data, mixing=ck.RandomCoefficients(scale=True, draws=16)
    )
    fit = model.fit(fixed={"tau": 0.0})
    logit = ck.logit("choice ~ x0 + x1 | 0", data).fit()
    assert fit.llf == pytest.approx(logit.llf, abs=1e-8)
    np.testing.assert_allclose(fit.params.iloc[:2], logit.params, atol=1e-5)


def test_a_gamma_that_runs_off_is_named() -> None:
    """Where the scale is the same for all, tau may go to zero and gamma to infinity for it."""
    mixing = ck.RandomCoefficients(x0="normal", scale=ck.Scale("free"), draws=16)
    model = ck.logit("choice ~ x0 + x1 | 0", read(panel(20, 4, 2)), mixing=mixing)
    own = model.bound_mixing
    assert isinstance(own, BoundScaled)
    beta, variation = np.array([1.0, -0.8]), np.ones(2)
    message, cure = own.vanished(beta, np.array([0.7, 0.001, 640.0]), variation)
    assert "gamma has run off to 640" in message
    assert "gamma=0" in cure
    assert own.vanished(beta, np.array([0.7, 0.4, 1.5]), variation) == ("", "")
    assert "outside [0, 1]" in own.remarks_on(np.array([0.7, 0.4, 1.5]))[0]
    assert own.remarks_on(np.array([0.7, 0.4, 0.5])) == ()


def test_bad_scales_are_refused_with_the_cure() -> None:
    data = read(panel(5, 2, 9))
    with pytest.raises(ck.SpecificationError, match="named in a dict"):
        ck.RandomCoefficients(scale="normal")  # type: ignore[arg-type]
    with pytest.raises(ck.SpecificationError, match="gamma must be"):
        ck.Scale("some")
    with pytest.raises(ck.SpecificationError, match="truncated must be"):
        ck.Scale(truncated=-1.0)
    with pytest.raises(ck.SpecificationError, match=r"lognormal.*gamma=0"):
        ck.RandomCoefficients(x0="lognormal", scale=ck.Scale("free"))
    for scale, message in (
        (ck.Scale(unscaled="x9"), "Did you mean 'x0'|The utility has"),
        (ck.Scale(unscaled=["x0"]), "Nothing is left"),
        (ck.Scale(covariates="wealth"), "no column 'wealth'"),
        (ck.Scale(covariates="x1"), "differs within"),
    ):
        with pytest.raises(ck.SpecificationError, match=message):
            ck.logit("choice ~ x0 | 0", data, mixing=ck.RandomCoefficients(scale=scale))
    with pytest.raises(ck.SpecificationError, match="rename"):
        ck.logit(
            "choice ~ scale + x0 | 0",
            read(panel(5, 2, 9).rename(columns={"x1": "scale"})),
            mixing=ck.RandomCoefficients(scale=True),
        )
    with pytest.raises(ck.SpecificationError, match="the scale last"):
        ck.RandomCoefficients(x0="normal", scale=True, draws=np.zeros((5, 1, 8)))


def test_willingness_to_pay_does_without_the_scale(fits: dict[str, Any]) -> None:
    """It cancels from the ratio, unless it multiplies one side only."""
    plain = fits["scaled"].wtp("x0", price="x1").iloc[0]
    expected = -fits["scaled"].params["x0"] / fits["scaled"].params["x1"]
    assert plain["estimate"] == pytest.approx(expected)
    table = fits["both"].wtp("x0", price="x1")["estimate"].droplevel(0)
    params = fits["both"].params
    assert table["mean"] == pytest.approx(-params["x0"] / params["x1"], rel=1e-4)
    assert table["sd"] == pytest.approx(-params["sd[x0]"] / params["x1"], rel=1e-3)
    people = fits["both"].wtp("x0", price="x1", by="person")
    assert people["mean"].mean() == pytest.approx(table["mean"], abs=0.1)
    assert people["mean"].std() < table["sd"]
    with pytest.raises(ck.SpecificationError, match="does not cancel"):
        fits["free"].wtp("x0", price="x1")
