"""Willingness-to-pay space: another program's numbers, and preference space where they agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.mixing import halton_normals
from choicekit.post.nesting import nested_in

from .reference import recipes

HERE = Path(__file__).parent / "reference"


def panel(n_people: int, n_cases: int, seed: int) -> pd.DataFrame:
    """Worth of x0 normal, of x1 fixed, coefficient of the price minus a lognormal."""
    rng = np.random.default_rng(seed)
    a = -np.exp(-0.4 + 0.6 * rng.normal(size=n_people))
    worth = np.column_stack([1.5 + 0.8 * rng.normal(size=n_people), np.full(n_people, -1.0)])
    x = rng.normal(size=(n_people, n_cases, 3, 2))
    price = rng.uniform(0.0, 4.0, size=(n_people, n_cases, 3))
    v = a[:, None, None] * (price - np.einsum("ntjk,nk->ntj", x, worth))
    chosen = (v + rng.gumbel(size=v.shape)).argmax(axis=2)
    return pd.DataFrame(x.reshape(-1, 2), columns=["x0", "x1"]).assign(
        price=price.ravel(),
        person=np.repeat(np.arange(n_people), n_cases * 3),
        case=np.repeat(np.arange(n_people * n_cases), 3),
        alt=np.tile(["a", "b", "c"], n_people * n_cases),
        choice=(np.arange(3) == chosen[..., None]).ravel().astype(int),
    )


def read(frame: pd.DataFrame) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(frame, case="case", alt="alt", chosen="choice", person="person")


LAWS: dict[str, Any] = {
    "gumbel": lambda: ck.Gumbel(0.7),
    "nested": lambda: ck.Nested({"near": ["a", "b"]}),
}
MIXINGS: dict[str, dict[str, Any]] = {
    "fixed": {},
    "random worth": {"coefficients": {"x0": "truncated normal", "asc[b]": "triangular"}},
    "all random": {
        "coefficients": {"x0": "normal", "price": "-lognormal", "x1": "lognormal"},
        "correlated": True,
        "components": {"near": ["a", "b"]},
        "means": {"x0": "rich"},
    },
}


@pytest.mark.parametrize("name", MIXINGS)
@pytest.mark.parametrize("law", LAWS)
def test_gradient_against_central_differences(law: str, name: str) -> None:
    frame = panel(12, 3, 5)
    frame["rich"] = frame["person"] % 2
    model = ck.ChoiceModel(
        "choice ~ x0 + price + x1",
        read(frame),
        errors=LAWS[law](),
        mixing=ck.RandomCoefficients(**MIXINGS[name], wtp="price", draws=32),
    )
    rng = np.random.default_rng(1)
    params = model.table({}, {}).start
    params = params + 0.2 * rng.normal(size=len(params))
    params[[name.startswith("lambda") for name in model.parameter_names]] = 0.7
    likelihood = model.likelihood().settle(params, 1)
    gradient = likelihood.value_and_gradient(params)[1]
    for p, slope in enumerate(gradient):
        step = np.zeros(len(params))
        step[p] = 1e-5
        up, down = likelihood.value(params + step), likelihood.value(params - step)
        assert slope == pytest.approx((up - down) / 2e-5, abs=2e-7, rel=1e-6)
    np.testing.assert_allclose(likelihood.scores(params).sum(axis=0), gradient, atol=1e-10)
    if law == "gumbel":
        own = likelihood
        parts = (own.x, own.layout, own.errors, own.keys, own.mixing, own.person_keys)
        general = MixedLikelihood(*parts).settle(params, 1)
        np.testing.assert_allclose(own.scores(params), general.scores(params), atol=1e-11)


# -- another program ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("llf", "estimates"),
    [
        # logitr 0.8.0, vignette "convergence", one start
        (
            -732.2132421,
            (
                *(0.388098, 1.738832, -13.536714, -4.510068, 6.663869),
                *(0.491225, 5.730571, 11.420500, 8.872470),
            ),
        ),
        # logitr 1.1.0, the same, the best of ten starts
        (
            -718.0862026,
            (
                *(0.378986, 1.746832, -13.708716, -9.382873, 4.251573),
                *(-0.930817, -4.841849, 10.849573, 7.813052),
            ),
        ),
    ],
)
def test_the_log_likelihood_of_logitr_at_its_estimates(
    llf: float, estimates: tuple[float, ...]
) -> None:
    """Fifty Halton draws, the same for all people, primes 3, 5, 7, 11; all printed digits."""
    case = json.loads((HERE / "mxl_wtp_yogurt_halton.json").read_text("utf-8"))
    try:
        frame = recipes.load(case["data"])
    except recipes.MissingDataError as absent:
        pytest.skip(str(absent))
    _, arguments = recipes.reader(case["read"])
    data = ck.ChoiceData.from_long(frame, **arguments)
    random = case["model"]["random"]
    points = halton_normals(1, 5, 50, drop=1)[:, 1:]
    mixing = ck.RandomCoefficients(
        random, wtp="price", draws=np.repeat(points, data.layout.n_people, axis=0)
    )
    model = ck.logit(case["model"]["formula"], data, mixing=mixing)
    named = dict(
        zip(("price", *random, *(f"sd[{name}]" for name in random)), estimates, strict=True)
    )
    named["price"] *= -1.0
    params = np.array([named[name] for name in model.parameter_names])
    likelihood = model.likelihood().settle(params, 1)
    assert likelihood.value(params) == pytest.approx(llf, abs=2e-7)
    # They stopped within a hundredth of a standard error of a maximum.
    scores = likelihood.scores(params)
    slope = scores.sum(axis=0)
    assert np.sqrt(slope @ np.linalg.solve(scores.T @ scores, slope)) < 0.05


# -- preference space -----------------------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
def test_fixed_coefficients_are_the_plain_model_in_other_units(law: str) -> None:
    data = read(panel(30, 3, 4))
    plain = ck.ChoiceModel("choice ~ x0 + price + x1", data, errors=LAWS[law]())
    money = ck.ChoiceModel(
        "choice ~ x0 + price + x1",
        data,
        errors=LAWS[law](),
        mixing=ck.RandomCoefficients(wtp="price"),
    )
    assert money.parameter_names == plain.parameter_names
    beta = np.array([0.9, -0.6, -0.4, 0.2, -0.1])
    worth = -beta / beta[1]
    worth[1] = beta[1]
    rest = plain.bound.start
    found = money.likelihood().value(np.concatenate([worth, rest]))
    expected = plain.likelihood().value(np.concatenate([beta, rest]))
    assert found == pytest.approx(expected, abs=1e-8)


def test_the_fit_without_random_coefficients_is_the_logit() -> None:
    data = read(panel(60, 3, 4))
    logit = ck.logit("choice ~ x0 + price + x1 | 0", data).fit()
    money = ck.logit(
        "choice ~ x0 + price + x1 | 0", data, mixing=ck.RandomCoefficients(wtp="price")
    ).fit()
    assert money.llf == pytest.approx(logit.llf, abs=1e-8)
    ratio = -logit.params / logit.params["price"]
    np.testing.assert_allclose(money.params[["x0", "x1"]], ratio[["x0", "x1"]], rtol=1e-5)
    # the delta method, from the logit's covariance
    slope = np.array([-1.0, logit.params["x0"] / logit.params["price"], 0.0])
    slope /= logit.params["price"]
    error = np.sqrt(slope @ logit.cov.to_numpy() @ slope)
    assert money.bse["x0"] == pytest.approx(error, rel=1e-4)
    columns = ["estimate", "std_error"]
    ours, theirs = (fit.elasticities("price")[columns] for fit in (money, logit))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    assert money.simulation is None
    assert "closed form" in str(money.summary())
    assert "Willingness to pay" in str(money.summary())


def values(mixings: list[tuple[dict[str, Any], list[float]]], people: int = 15) -> list[float]:
    """Log-likelihoods of models with these arguments at these parameters."""
    data = read(panel(people, 4, 6))
    found = []
    for args, params in mixings:
        model = ck.logit("choice ~ x0 + price + x1 | 0", data, mixing=ck.RandomCoefficients(**args))
        at = np.array(params)
        found.append(model.likelihood().settle(at, 1).value(at))
    return found


def test_normal_worth_and_a_fixed_price_are_normal_coefficients() -> None:
    z = np.random.default_rng(2).normal(size=(15, 2, 16))
    a, w, s = -0.7, (1.5, -1.0), (0.8, 0.3)
    args: dict[str, Any] = {"coefficients": {"x0": "normal", "x1": "normal"}, "draws": z}
    one, other = values(
        [
            ({**args, "wtp": "price"}, [w[0], a, w[1], *s]),
            (args, [-a * w[0], a, -a * w[1], -a * s[0], -a * s[1]]),
        ]
    )
    assert one == pytest.approx(other, abs=1e-8)


def test_lognormal_worth_and_price_are_correlated_lognormal_coefficients() -> None:
    """The logarithm of a product is a sum (Train & Weeks 2005): the same family, all correlated."""
    z = np.random.default_rng(2).normal(size=(15, 2, 16))
    args: dict[str, Any] = {
        "coefficients": {"price": "-lognormal", "x0": "lognormal"},
        "correlated": True,
        "draws": z,
    }
    b, w, c11, c21, c22 = -0.4, 0.3, 0.6, -0.2, 0.5
    one, other = values(
        [
            ({**args, "wtp": "price"}, [w, b, 0.0, c11, c21, c22]),
            (args, [b + w, b, 0.0, c11, c11 + c21, c22]),
        ]
    )
    assert one == pytest.approx(other, abs=1e-8)


def test_a_lognormal_price_is_a_random_scale() -> None:
    """G-MNL-II with a fixed price is willingness-to-pay space (Fiebig et al. 2010; Greene)."""
    z = np.random.default_rng(2).normal(size=(15, 2, 16))
    beta, sd, tau = np.array([0.9, -0.6, -0.4]), 0.5, 0.7
    scaled = {"coefficients": {"x0": "normal"}, "scale": True, "draws": z}
    money = {
        "coefficients": {"x0": "normal", "price": "-lognormal"},
        "wtp": "price",
        "draws": z,
    }
    worth = -beta / beta[1]
    price = np.log(-beta[1]) - 0.5 * tau**2
    one, other = values(
        [
            (scaled, [*beta, sd, tau]),
            (money, [worth[0], price, worth[2], -sd / beta[1], tau]),
        ]
    )
    assert one == pytest.approx(other, abs=1e-8)


def test_an_offset_is_no_willingness_to_pay() -> None:
    data = read(panel(30, 3, 4).assign(log_q=lambda f: 0.3 * (f["alt"] == "b")))
    formula = "choice ~ x0 + price + x1 + offset(log_q) | 0"
    plain = ck.logit(formula, data).fit()
    money = ck.logit(formula, data, mixing=ck.RandomCoefficients(wtp="price")).fit()
    assert money.llf == pytest.approx(plain.llf, abs=1e-8)
    ratio = -plain.params["x0"] / plain.params["price"]
    assert money.params["x0"] == pytest.approx(ratio, rel=1e-5)
    assert money.params["offset(log_q)"] == 1.0


# -- fits -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted() -> Any:
    return ck.logit(
        "choice ~ x0 + price + x1 | 0",
        read(panel(350, 8, 8)),
        mixing=ck.RandomCoefficients(x0="normal", price="-lognormal", wtp="price", draws=64),
    ).fit()


def test_recovers_the_truth(fitted: Any) -> None:
    assert fitted.convergence.converged
    truth = pd.Series({"x0": 1.5, "price": -0.4, "x1": -1.0, "sd[x0]": 0.8, "sd[price]": 0.6})
    assert np.abs((fitted.params - truth) / fitted.bse).max() < 3.0


def test_the_same_model_in_two_spaces_says_the_same() -> None:
    """Consumer surplus, marginal effects and shares, with their standard errors."""
    data, z = read(panel(60, 4, 3)), np.random.default_rng(2).normal(size=(60, 2, 32))
    formula = "choice ~ x0 + price + x1 | 0"
    pairs: list[list[dict[str, Any] | None]] = [
        [None, {"wtp": "price"}],
        [
            {"x0": "normal", "scale": True, "draws": z},
            {"x0": "normal", "price": "-lognormal", "wtp": "price", "draws": z},
        ],
    ]
    for pair in pairs:
        one, other = (
            ck.logit(
                formula, data, mixing=None if args is None else ck.RandomCoefficients(**args)
            ).fit()
            for args in pair
        )
        assert one.llf == pytest.approx(other.llf, abs=1e-8)
        columns = ["estimate", "std_error"]
        for told in (
            lambda fit: fit.consumer_surplus({"x0": {"a": "+1"}}, price="price"),
            lambda fit: fit.marginal_effects("price"),
            lambda fit: fit.wtp("x1", price="price"),
        ):
            ours, theirs = (np.asarray(told(fit)[columns], dtype=float)[0] for fit in (one, other))
            np.testing.assert_allclose(ours, theirs, rtol=1e-3)


def test_what_is_told(fitted: Any) -> None:
    text = str(fitted.summary())
    assert "Mixed logit in willingness-to-pay space" in text
    assert "worth in units of price" in text
    table = fitted.random_table()
    assert table.loc[("x0", "mean"), "estimate"] == pytest.approx(fitted.params["x0"])
    mean = -np.exp(fitted.params["price"] + 0.5 * fitted.params["sd[price]"] ** 2)
    assert table.loc[("price", "mean"), "estimate"] == pytest.approx(mean)
    own = fitted.individual_coefficients()
    assert list(own.columns.get_level_values(0).unique()) == ["x0", "price"]
    assert (own["price", "mean"] < 0.0).all()
    assert own["x0", "mean"].mean() == pytest.approx(fitted.params["x0"], abs=0.1)


def test_comparison_with_preference_space(fitted: Any) -> None:
    """Ratios to the price are the parameters themselves; nothing is divided by the errors' sd."""
    logit = ck.logit("choice ~ x0 + price + x1 | 0", fitted.model.data).fit()
    assert nested_in(logit, fitted)
    mixed = ck.logit(
        "choice ~ x0 + price + x1 | 0",
        fitted.model.data,
        mixing=ck.RandomCoefficients(x0="normal", price="-lognormal", draws=64),
    ).fit()
    assert not nested_in(mixed, fitted)
    report = ck.compare(logit, fitted, ratio_to="price")
    ratios = report.ratios["mixed logit"]
    assert ratios.loc["x0", "ratio"] == pytest.approx(-fitted.params["x0"])
    assert ratios.loc["x0", "std_error"] == pytest.approx(fitted.bse["x0"])
    assert report.scaled["mixed logit", "scaled"].isna().all()


def test_bad_prices_are_refused_with_the_cure() -> None:
    data = read(panel(5, 2, 9))
    with pytest.raises(ck.SpecificationError, match="is the scale already"):
        ck.RandomCoefficients(x0="normal", scale=True, wtp="price")
    with pytest.raises(ck.SpecificationError, match="must be the name"):
        ck.RandomCoefficients(x0="normal", wtp=True)  # type: ignore[arg-type]
    with pytest.raises(ck.SpecificationError, match="Did you mean 'price'"):
        ck.logit("choice ~ x0 + price", data, mixing=ck.RandomCoefficients(wtp="prices"))
    with pytest.raises(ck.SpecificationError, match="only coefficient"):
        ck.logit("choice ~ price | 0", data, mixing=ck.RandomCoefficients(wtp="price"))


def test_willingness_to_pay_is_read_off_the_parameters(fitted: Any) -> None:
    """As from a model in preference space, with the same table."""
    table = fitted.wtp("x0", price="price").droplevel(0)
    params, bse = fitted.params, fitted.bse
    assert table.loc["mean", "estimate"] == pytest.approx(params["x0"], rel=1e-6)
    assert table.loc["mean", "std_error"] == pytest.approx(bse["x0"], rel=1e-3)
    assert table.loc["sd", "estimate"] == pytest.approx(params["sd[x0]"], rel=1e-4)
    assert table.loc["q05", "estimate"] == pytest.approx(
        params["x0"] - 1.6449 * params["sd[x0]"], abs=0.01
    )
    fixed = fitted.wtp("x1", price="price").droplevel(0)
    assert fixed.loc["mean", "estimate"] == pytest.approx(params["x1"], rel=1e-6)
    assert fixed.loc["mean", "std_error"] == pytest.approx(bse["x1"], rel=1e-3)
    assert fixed.loc["sd", "estimate"] == pytest.approx(0.0, abs=1e-9)
    own = fitted.wtp("x0", price="price", by="person")
    expected = fitted.individual_coefficients()["x0", "mean"]
    np.testing.assert_allclose(own["mean"], expected, atol=1e-10)
