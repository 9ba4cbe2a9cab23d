"""Linear equations between parameters, imposed on the estimates."""

import numpy as np
import pytest

import choicekit as ck
from choicekit.parameters import ParameterTable


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


def table(*names: str) -> ParameterTable:
    return ParameterTable.of(names, np.zeros(len(names)))


# -- the table ------------------------------------------------------------------------------------


def test_a_tied_parameter_follows_from_the_free_ones() -> None:
    tied = table("a", "b", "c").constrained("a + 2 * b = 3, c = a + 1")
    values = tied.full(np.array([5.0]))
    a, b, c = values
    assert a + 2 * b == pytest.approx(3)
    assert c == pytest.approx(a + 1)
    assert len(tied.free) == 1
    assert tied.start[0] + 2 * tied.start[1] == pytest.approx(3)


def test_gradients_and_covariances_are_carried_over() -> None:
    tied = table("a", "b", "c").constrained("a = 2 * b + 1")
    rng = np.random.default_rng(1)
    center, square = rng.normal(size=3), rng.normal(size=(3, 3))
    u = rng.normal(size=2)

    def value(free: np.ndarray) -> float:
        gap = tied.full(free) - center
        return float(gap @ square @ square.T @ gap)

    gradient = 2 * square @ square.T @ (tied.full(u) - center)
    steps = 1e-6 * np.eye(2)
    numeric = [(value(u + step) - value(u - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(tied.pull(gradient), numeric, rtol=1e-6)
    hessian = tied.pull_square(2 * square @ square.T)
    np.testing.assert_allclose(tied.pull(2 * square @ square.T @ tied.push(u)), hessian @ u)
    cov = tied.push_square(np.diag([1.0, 4.0]))
    contrast = np.array([1.0, -2.0, 0.0])
    assert contrast @ cov @ contrast == pytest.approx(0, abs=1e-12)


def test_a_single_value_is_a_fixed_parameter() -> None:
    tied = table("a", "b", "c").constrained("a = b, b = 2")
    assert tied.fixed.tolist() == [True, True, False]
    assert tied.start.tolist() == [2.0, 2.0, 0.0]
    assert tied.ties is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = b, b = c, a = c", "'a = c' follows from"),
        ("a = b, b = c, a = c + 1", "'a = c [+] 1' contradicts"),
        ("a = 0, a = 0", "follows from"),
        ("a = 0, a = 1", "contradicts"),
        ("a + d = 0", "no parameter 'd'"),
        ("a * b = 0", "linear"),
    ],
)
def test_impossible_constraints_are_named(text: str, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        table("a", "b", "c").constrained(text)


def test_constraints_meet_fixed_values() -> None:
    held = table("a", "b", "c").fixing({"b": 2.0}).constrained("a = 3 * b")
    assert held.start[0] == 6.0
    assert held.fixed.tolist() == [True, True, False]
    with pytest.raises(ck.SpecificationError, match=r"fixed: a, b"):
        table("a", "b").fixing({"a": 1.0, "b": 2.0}).constrained("a = b")


def test_signs_change_together_or_not_at_all() -> None:
    equal = table("a", "b").constrained("a = b")
    assert equal.allows_signs(np.array([-1.0, -1.0]))
    assert not equal.allows_signs(np.array([-1.0, 1.0]))
    assert not table("a", "b").constrained("a = b + 1").allows_signs(np.array([-1.0, -1.0]))


# -- fits -----------------------------------------------------------------------------------------


def test_a_constrained_logit_is_the_logit_without_the_difference(data: ck.ChoiceData) -> None:
    free = ck.logit("choice ~ gc + ttme | hinc", data, base="car")
    tied = free.fit(constraints="hinc[air] = hinc[bus]")
    frame = data.frame.assign(
        both=data.frame["hinc"] * data.frame["mode"].isin(["air", "bus"]),
        other=data.frame["hinc"] * (data.frame["mode"] == "train"),
    )
    again = ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    direct = ck.logit("choice ~ gc + ttme + both + other", again, base="car").fit()
    assert tied.convergence.converged
    assert tied.llf == pytest.approx(direct.llf, abs=1e-8)
    assert tied.df_model == direct.df_model
    for name in ("hinc[air]", "hinc[bus]"):
        assert tied.params[name] == pytest.approx(direct.params["both"], rel=1e-6)
        assert tied.bse[name] == pytest.approx(direct.bse["both"], rel=1e-6)
    for cov_type in ("HC0", "opg"):
        one, other = tied.with_cov(cov_type), direct.with_cov(cov_type)
        assert one.bse["hinc[bus]"] == pytest.approx(other.bse["both"], rel=1e-6)
        assert one.bse["gc"] == pytest.approx(other.bse["gc"], rel=1e-6)
    test = ck.compare(tied, free.fit())
    assert "1" in str(test)
    assert "hinc[air] = hinc[bus]" in str(tied.summary())


def test_wald_and_likelihood_ratio_are_of_the_same_restriction(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data, base="car")
    text = "hinc[air] + hinc[bus] = 0, gc = 0.5 * ttme"
    free, tied = model.fit(), model.fit(constraints=text)
    ratio = 2 * (free.llf - tied.llf)
    wald = float(free.wald_test(text).statistic)
    assert free.df_model - tied.df_model == 2
    assert ratio == pytest.approx(wald, rel=0.3)
    from choicekit.post.nesting import nested_in

    assert nested_in(tied, free)
    assert tied.params["gc"] == pytest.approx(0.5 * tied.params["ttme"])


def test_a_fixed_parameter_is_a_constraint(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme", data)
    one, other = model.fit(constraints="gc = -0.01"), model.fit(fixed={"gc": -0.01})
    assert one.llf == other.llf
    assert one.fixed == other.fixed == ("gc",)


def test_parameters_of_the_errors_may_be_tied(data: ck.ChoiceData) -> None:
    model = ck.probit("choice ~ gc + ttme", data, covariance="heteroskedastic", method="exact")
    names = model.bound.names
    tied = model.fit(constraints=f"{names[0]} = {names[1]}")
    assert tied.convergence.converged
    assert tied.params[names[0]] == pytest.approx(tied.params[names[1]], rel=1e-12)
    assert tied.bse[names[0]] == pytest.approx(tied.bse[names[1]], rel=1e-9)
    assert tied.llf < model.fit().llf


def test_identification_and_keeping(data: ck.ChoiceData, tmp_path) -> None:
    tied = ck.logit("choice ~ gc + ttme | hinc", data).fit(constraints="gc = ttme")
    assert tied.identification().names == tied.table.free_names
    again = ck.load(tied.save(tmp_path / "fit.pickle"))
    assert again.df_model == tied.df_model
    assert again.with_cov("HC0").bse["gc"] == pytest.approx(tied.with_cov("HC0").bse["ttme"])
