"""choicekit against numbers other programs made: one case file, one test (see README.md here)."""

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.mixing import halton_normals

from . import recipes

CASES = recipes.read_cases()


def mark(case: dict[str, Any], seed: int | None) -> Any:
    """One pytest parameter."""
    name = case["name"] if seed is None else f"{case['name']}-seed{seed}"
    return pytest.param(case, seed, id=name)


def read(case: dict[str, Any]) -> ck.ChoiceData:
    """The case's data, read the way its file says."""
    try:
        frame = recipes.load(case["data"])
    except recipes.MissingDataError as absent:
        pytest.skip(str(absent))
    form, arguments = recipes.reader(case["read"])
    return getattr(ck.ChoiceData, f"from_{form}")(frame, **arguments)


def fit(case: dict[str, Any], data: ck.ChoiceData, seed: int | None) -> Any:
    """The case's model at its optimum; a seed is given only where errors may be simulated."""
    options = dict(case["model"])
    verbs: dict[str, Any] = {
        "logit": ck.logit,
        "probit": ck.probit,
        "ordered": ck.ordered,
        "model": ck.ChoiceModel,
    }
    verb = verbs[options.pop("verb")]
    if "nonlinear" in options:
        specification = ck.Nonlinear(options.pop("nonlinear"), options.pop("start"))
    else:
        specification = options.pop("formula", None) or options.pop("utilities")
    if isinstance(options.get("errors"), dict):  # the law, its first argument, others by name
        (law, first), *named = options.pop("errors").items()
        options["errors"] = getattr(ck, law)(first, **dict(named))
    if "random" in options:
        options["mixing"] = mixing(options, data)
    if "classes" in options:
        options["mixing"] = ck.LatentClasses(**options.pop("classes"))
    held = {"fixed": options.pop("fixed", None), "start": options.pop("begin", None)}
    model = verb(specification, data, **options)
    return model.fit(**held) if seed is None else model.fit(seed=seed, **held)


def mixing(options: dict[str, Any], data: ck.ChoiceData) -> ck.RandomCoefficients:
    """The random coefficients, taken out of the options: with our draws or Halton's."""
    random, draws = options.pop("random"), options.pop("draws", None)
    more, n_people = options.pop("space", {}), data.layout.n_people
    if "halton" in options:
        draws = halton_normals(n_people, len(random), options.pop("halton"))
    if "halton_for_all" in options:  # the first prime went to a coefficient that is not random
        points = halton_normals(1, len(random) + 1, options.pop("halton_for_all"), drop=1)
        draws = np.repeat(points[:, 1:], n_people, axis=0)
    return ck.RandomCoefficients(random, **more, **({} if draws is None else {"draws": draws}))


def discrepancies(case: dict[str, Any], results: Any) -> list[str]:
    """Every number that differs from the reference by more than the case's tolerance."""
    reference, tolerance = case["reference"], case["tolerance"]
    found = []

    def expect(what: str, ours: float, theirs: float, allowed: float) -> None:
        if not abs(ours - theirs) <= allowed:  # so that NaN is found too
            found.append(f"{what}: {ours:.8g}, reference {theirs:.8g}, tolerance {allowed:.2g}")

    expect("nobs", results.nobs, reference["n"], 0)
    expect("llf", results.llf, reference["ll"], tolerance["ll_abs"])
    if "llnull" in reference:
        expect("llnull", results.llnull, reference["llnull"], tolerance["ll_abs"])
    estimates, _ = restated(case, results)
    if tolerance.get("signs"):
        for name, value in reference["estimates"].items():
            if not estimates[name] * value > 0:
                found.append(f"{name}: {estimates[name]:.6g}, reference {value:.6g}, sign differs")
    if "ll_abs_there" in tolerance:
        named = {ours: reference["estimates"][name] for name, ours in case["parameters"].items()}
        there = results.params.index.map(named).to_numpy()
        expect("ll there", results._own.value(there), reference["ll"], tolerance["ll_abs_there"])
    kinds = reference["se"]
    errors = reference.get("se_other", next(iter(kinds.values()), {}))
    for name, error in kinds.get("nonrobust", errors).items():
        value = reference["estimates"][name]
        expect(name, estimates[name], value, tolerance["coef_in_se"] * error)
        expect(name, estimates[name], value, tolerance.get("coef_rel", float("inf")) * abs(value))
    for cov_type, errors in reference["se"].items():
        _, ours = restated(case, results.with_cov(cov_type))
        for name, value in errors.items():
            expect(f"{cov_type} s.e. of {name}", ours[name], value, tolerance["se_rel"] * value)
    return found


def off_point(case: dict[str, Any], results: Any) -> list[str]:
    """Compare the log-likelihood at given coefficients, for a case without a maximum."""
    reference, model = case["reference"], results.model
    ours = {case["parameters"][theirs]: value for theirs, value in reference["estimates"].items()}
    params = pd.Series(ours)[list(model.parameter_names)].to_numpy()
    value = model.likelihood().settle(params, 1).value(params)
    close = abs(value - reference["ll"]) <= case["tolerance"]["ll_abs"]
    if close and results.nobs == reference["n"]:
        return []
    return [f"log-likelihood {value:.8f}, reference {reference['ll']:.8f}, {results.nobs} cases"]


def restated(case: dict[str, Any], results: Any) -> tuple[pd.Series, pd.Series]:
    """Estimates and standard errors by the reference's names, in its units and normalisation."""
    estimated = set(results.params.index) - set(results.fixed)
    unknown = set(recipes.our_names(case["parameters"])) ^ estimated
    assert not unknown, f"names without a counterpart: {sorted(unknown)}"
    return recipes.restate(case["parameters"], results.params, results.cov_params())


@pytest.mark.parametrize(
    ("case", "seed"), [mark(case, seed) for case in CASES for seed in case.get("seeds", [None])]
)
def test_reference(case: dict[str, Any], seed: int | None) -> None:
    data = read(case)
    if "boundary" in case:  # flat up to a singular covariance: the draws decide where it ends
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ck.ConvergenceWarning)
            results = fit(case, data, seed)
        ended = results.convergence
        said = re.search(case["boundary"], ended.message)
        assert said or (ended.converged and "point" not in case), ended.message
    else:
        results = fit(case, data, seed)
        assert results.convergence.converged, results.convergence.message
    found = discrepancies(case, results) if "point" not in case else off_point(case, results)
    assert not found, "\n".join([case["source"], *found])


def test_bundled_travelmode_is_the_published_one() -> None:
    ours = ck.load_dataset("travelmode")
    theirs = recipes.load(
        {
            "from": "statsmodels:modechoice",
            "steps": [{"label": {"mode": {"1": "air", "2": "train", "3": "bus", "4": "car"}}}],
        }
    )
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs, check_dtype=False)
