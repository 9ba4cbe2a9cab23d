"""Utilities written as expressions, not linear in their parameters."""

import numpy as np
import pytest

import choicekit as ck
from choicekit.post.nesting import nested_in
from choicekit.utility.expressions import boxcox_slope, differentiate, evaluate, parse

EXPRESSIONS = [
    "a + b * x",
    "a * exp(b * x) / (1 + x ** 2)",
    "log(x + a ** 2) - sqrt(x * exp(b))",
    "boxcox(x, a) * b + boxcox(x + b ** 2, 0.5)",
    "x ** a / b - -a",
    "(x > 1) * a * b + (x == 2) * b ** 3",
    "a / (b / x) + (a - b) * (a + b)",
]


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


LINEAR = {
    "air": {"asc_air": 1, "b_gc": "gc", "b_ttme": "ttme"},
    "train": {"asc_train": 1, "b_gc": "gc", "b_ttme": "ttme"},
    "bus": {"asc_bus": 1, "b_gc": "gc", "b_ttme": "ttme"},
    "car": {"b_gc": "gc", "b_ttme": "ttme"},
}
NAMES = ["asc_air", "b_gc", "b_ttme", "asc_train", "asc_bus"]


def written(term: str, **more: float) -> ck.Nonlinear:
    constants = {"air": "asc_air + ", "train": "asc_train + ", "bus": "asc_bus + ", "car": ""}
    texts = {label: f"{c}{term} + b_ttme * ttme" for label, c in constants.items()}
    return ck.Nonlinear(texts, {**dict.fromkeys(NAMES, 0.0), **more})


# -- expressions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_derivatives_are_those_of_differences(text: str) -> None:
    tree, x = parse(text), np.array([0.5, 1.5, 2.0, 7.0])
    at = {"a": 0.7, "b": 1.3, "x": x}
    for name in ("a", "b"):
        up, down = ({**at, name: at[name] + step} for step in (1e-6, -1e-6))
        numeric = (evaluate(tree, up) - evaluate(tree, down)) / 2e-6
        found = np.broadcast_to(evaluate(differentiate(tree, name), at), x.shape)
        np.testing.assert_allclose(found, numeric, rtol=2e-8, atol=1e-8)


def test_boxcox_is_smooth_in_its_power() -> None:
    x = np.array([0.01, 0.5, 1.0, 3.0, 500.0])
    tree = parse("boxcox(x, l)")
    np.testing.assert_allclose(evaluate(tree, {"x": x, "l": 0.0}), np.log(x), rtol=1e-15)
    for power in (-2.0, -1e-9, 1e-9, 1e-3, 0.09, 0.5, 2.0):
        found = evaluate(tree, {"x": x, "l": power})
        if abs(power) > 1e-4:
            np.testing.assert_allclose(found, (x**power - 1) / power, rtol=1e-12, atol=1e-14)
        else:
            near = np.log(x) + power * np.log(x) ** 2 / 2
            np.testing.assert_allclose(found, near, rtol=1e-14)
        # by Richardson's rule, which is exact to the fourth order
        step = 1e-3
        values = [evaluate(tree, {"x": x, "l": power + s * step}) for s in (-2, -1, 1, 2)]
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        np.testing.assert_allclose(boxcox_slope(x, np.array(power)), slope, rtol=1e-7, atol=1e-9)


def test_boxcox_of_zero() -> None:
    tree, at = parse("boxcox(x, l)"), {"x": np.array([0.0]), "l": 0.5}
    assert evaluate(tree, at)[0] == -2.0
    assert evaluate(differentiate(tree, "l"), at)[0] == 4.0
    assert evaluate(tree, {**at, "l": 0.0})[0] == -np.inf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('true')", "not allowed"),
        ("a.real", "not allowed"),
        ("[a for a in x]", "not allowed"),
        ("a if b else c", "not allowed"),
        ("open(a)", "not allowed"),
        ("exp(a, b)", "not allowed"),
        ("boxcox(x)", "not allowed"),
        ("'text'", "not allowed"),
        ("a +", "cannot be read"),
        ("b * boxcox(x, lambda)", "lambda_"),
        ("a == b == c", "not allowed"),
    ],
)
def test_nothing_but_arithmetic_is_read(text: str, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        parse(text)


# -- fits -----------------------------------------------------------------------------------------


def test_a_linear_utility_written_as_text_is_the_linear_fit(data: ck.ChoiceData) -> None:
    usual = ck.logit(LINEAR, data).fit()
    text = ck.logit(written("b_gc * gc"), data).fit()
    assert text.convergence.converged
    assert text.llf == pytest.approx(usual.llf, abs=1e-8)
    np.testing.assert_allclose(text.params[NAMES], usual.params[NAMES], rtol=1e-5)
    # a differenced Hessian may have been made 0.02 standard errors away (maximise.FAR)
    np.testing.assert_allclose(text.bse[NAMES], usual.bse[NAMES], rtol=5e-4)
    robust = text.with_cov("HC0").bse[NAMES], usual.with_cov("HC0").bse[NAMES]
    np.testing.assert_allclose(*robust, rtol=5e-4)
    assert text.llr == pytest.approx(usual.llr)  # both know their constants
    np.testing.assert_allclose(text.probabilities(), usual.probabilities(), atol=1e-7)


@pytest.mark.parametrize("errors", ["probit", "nested"])
def test_any_errors(data: ck.ChoiceData, errors: str) -> None:
    def model(utility: object) -> ck.ChoiceModel:
        if errors == "probit":
            return ck.probit(utility, data, covariance="iid", method="exact")  # type: ignore[arg-type]
        tree = {"public": ["train", "bus"], "air": ["air"], "car": ["car"]}
        return ck.ChoiceModel(utility, data, ck.Nested(tree))  # type: ignore[arg-type]

    usual, text = model(LINEAR).fit(), model(written("b_gc * gc")).fit()
    assert text.convergence.converged
    assert text.llf == pytest.approx(usual.llf, abs=1e-6)
    np.testing.assert_allclose(text.bse[NAMES], usual.bse[NAMES], rtol=1e-3)


def test_a_box_cox_model(data: ck.ChoiceData) -> None:
    model = ck.logit(written("b_gc * boxcox(gc, lam)", lam=1.0), data)
    free, one = model.fit(), model.fit(fixed={"lam": 1.0})
    usual = ck.logit(LINEAR, data).fit()
    assert one.llf == pytest.approx(usual.llf, abs=1e-8)
    assert free.llf > one.llf
    assert free.convergence.converged
    assert nested_in(one, free)
    assert not nested_in(free, one)
    gradient = free.scores().sum(axis=0)
    step = np.linalg.solve(-free.hessian, gradient)
    assert np.abs(step / free.bse).max() < 1e-4


def test_predictions_and_parts_of_the_data(data: ck.ChoiceData) -> None:
    fit = ck.logit(written("b_gc * log(gc)"), data).fit()
    frame = ck.load_dataset("travelmode")
    some = frame[frame["individual"] <= 20]
    np.testing.assert_allclose(fit.probabilities(some), fit.probabilities().iloc[:20], rtol=1e-12)
    cases = np.array([3, 7, 100])
    taken = fit._own.take(cases)
    np.testing.assert_allclose(taken.logp(fit._values), fit.logp()[cases], rtol=1e-12)


def test_a_wrong_name_is_explained(data: ck.ChoiceData) -> None:
    with pytest.raises(ck.SpecificationError, match=r"'gcc' is neither .* did you mean 'gc'"):
        ck.logit(written("b_gc * gcc"), data)
    with pytest.raises(ck.SpecificationError, match="column of the data and a parameter"):
        ck.logit(written("b_gc * gc", gc=0.0), data)
    with pytest.raises(ck.SpecificationError, match="No utility uses the parameter 'lam'"):
        written("b_gc * gc", lam=1.0)
    with pytest.raises(ck.SpecificationError, match="unknown alternative 'plane'"):
        ck.logit(ck.Nonlinear({"plane": "b * gc"}, {"b": 0}), data)
    with pytest.raises(ck.SpecificationError, match="not a finite number"):
        ck.Nonlinear({"air": "b * gc"}, {"b": float("nan")})


def test_what_cannot_be_told_apart_is_named(data: ck.ChoiceData) -> None:
    with pytest.raises(ck.IdentificationError, match=r"b_gc.*scale|scale.*b_gc"):
        ck.logit(written("scale * b_gc * gc", scale=1.0), data)


def test_utilities_must_be_finite_at_the_start(data: ck.ChoiceData) -> None:
    with pytest.raises(ck.DataError, match="not finite at the starting values"):
        ck.logit(written("b_gc * log(ttme)"), data)
