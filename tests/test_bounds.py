"""Bounds on parameters, and the choice of the optimiser."""

import warnings

import numpy as np
import pytest

import choicekit as ck


@pytest.fixture(scope="module")
def data() -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )


def test_bounds_that_do_not_bind_change_nothing(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data)
    free, within = model.fit(), model.fit(bounds={"gc": (None, 0.0), "ttme": (-1.0, 1.0)})
    np.testing.assert_allclose(within.params, free.params, rtol=1e-9)
    assert within.fixed == ()
    assert within.df_model == free.df_model


def test_an_estimate_at_its_bound_is_held_there_and_reported(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data)
    within, held = model.fit(bounds={"gc": (-0.005, None)}), model.fit(fixed={"gc": -0.005})
    assert model.fit().params["gc"] < -0.005
    assert within.params["gc"] == -0.005
    assert within.llf == pytest.approx(held.llf, abs=1e-9)
    assert within.fixed == ("gc",)
    assert np.isnan(within.bse["gc"])
    assert any("'gc' is at its bound -0.005" in note for note in within.notes)
    assert "fixed" in str(within.summary())


def test_a_bound_is_given_up_where_the_likelihood_rises_inwards(data: ck.ChoiceData) -> None:
    """Of two estimates beyond their bounds, one is inside once the other is held."""
    model = ck.logit("choice ~ gc + invt + invc + ttme", data)
    free = model.fit()
    name, other, bounds = _returning(model, free)
    within = model.fit(bounds=bounds)
    assert within.fixed == (name,)
    assert within.llf == pytest.approx(model.fit(fixed={name: within.params[name]}).llf, abs=1e-8)
    assert free.params[other] < bounds[other][0] < within.params[other]


def _returning(model: ck.ChoiceModel, free: ck.FitResults) -> tuple[str, str, dict]:
    """Two bounds crossed by the estimates, of which the first alone brings the second back."""
    for name in ("gc", "invc", "invt", "ttme"):
        low = free.params[name] + 2.0 * abs(free.params[name])
        held = model.fit(fixed={name: low})
        for other in ("gc", "invc", "invt", "ttme"):
            gap = held.params[other] - free.params[other]
            if other != name and gap > free.bse[other]:
                return (
                    name,
                    other,
                    {name: (low, None), other: (free.params[other] + 0.5 * gap, None)},
                )
    raise AssertionError("no such pair")


def test_bounds_and_constraints_together(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc + ttme | hinc", data)
    within = model.fit(
        constraints="hinc[train] = hinc[bus]",
        bounds={"hinc[train]": (-0.01, None), "hinc[bus]": (-0.01, None)},
    )
    assert within.params["hinc[train]"] == within.params["hinc[bus]"] == -0.01
    assert within.convergence.converged


def test_a_nesting_parameter_within_its_range(data: ck.ChoiceData) -> None:
    tree = {"fly": ["air"], "ground": ["train", "bus", "car"]}
    model = ck.ChoiceModel("choice ~ gc + ttme", data, ck.Nested(tree))
    (name,) = [name for name in model.parameter_names if "ground" in name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        free = model.fit()
    bound = free.params[name] * 0.9
    within = model.fit(bounds={name: (0.01, bound)})
    assert within.params[name] == bound
    assert within.llf < free.llf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bounds": {"gcc": (0, 1)}}, "Did you mean 'gc'"),
        ({"bounds": {"gc": (1, 0)}}, "least first"),
        ({"bounds": {"gc": 1}}, "must be a pair"),
        ({"bounds": {"gc": (0, 0)}}, "fixed="),
        ({"bounds": {"gc": (0, 1)}, "start": {"gc": -1}}, "beyond its bound"),
        ({"bounds": {"gc": (0, 1)}, "fixed": {"gc": -1}}, "beyond its bound"),
        ({"method": "newtom"}, "Did you mean 'newton'"),
    ],
)
def test_mistakes_are_explained(data: ck.ChoiceData, options: dict, message: str) -> None:
    with pytest.raises(ck.SpecificationError, match=message):
        ck.logit("choice ~ gc + ttme", data).fit(**options)


def test_an_unknown_option_is_a_type_error(data: ck.ChoiceData) -> None:
    with pytest.raises(TypeError, match=r"'drawss'.*'draws'"):
        ck.logit("choice ~ gc", data).fit(drawss=3)  # type: ignore[call-arg]


@pytest.mark.parametrize("method", ["newton", "bfgs", "bhhh", "trust"])
@pytest.mark.parametrize("law", ["logit", "probit", "nonlinear"])
def test_every_method_finds_the_maximum(data: ck.ChoiceData, method: str, law: str) -> None:
    if law == "logit":
        model = ck.logit("choice ~ gc + ttme | hinc", data)
    elif law == "probit":
        model = ck.probit("choice ~ gc + ttme", data, covariance="iid", method="exact")
    else:
        texts = {
            "air": "air + b * boxcox(gc, lam)",
            "train": "train + b * boxcox(gc, lam)",
            "bus": "bus + b * boxcox(gc, lam)",
            "car": "b * boxcox(gc, lam)",
        }
        start = {"air": 0, "train": 0, "bus": 0, "b": 0, "lam": 1}
        model = ck.logit(ck.Nonlinear(texts, start), data)
    usual, found = model.fit(), model.fit(method=method)
    assert found.convergence.converged
    assert found.llf == pytest.approx(usual.llf, abs=1e-7)
    np.testing.assert_allclose(found.bse, usual.bse, rtol=1e-3)
    wanted = {"newton": "Newton", "bfgs": "BFGS", "bhhh": "BHHH", "trust": "trust region"}
    assert found.convergence.optimizer.startswith(wanted[method])
