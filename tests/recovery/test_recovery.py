"""Known truth, simulated choices: do the estimates find it, and are they as sure as they say?

Each estimate must lie within 4 standard errors of the truth (there are some 150 of them, so that
one beyond 3.5 is nothing unusual), and their mean square must be that of standard normals, which
is the sharper test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck

from ..simulate import long_frame

BETA = (0.9, -0.6)
FURTHEST = 4.0


def read(frame: pd.DataFrame) -> ck.ChoiceData:
    labels = sorted(frame["alt"].unique())
    return ck.ChoiceData.from_long(
        frame, case="case", alt="alt", chosen="choice", alternatives=labels
    )


def distances(fit: ck.FitResults, truth: dict[str, float]) -> Any:
    """Estimate less truth in standard errors; the constants' truth is zero."""
    assert fit.convergence.converged
    zeros = {name: 0.0 for name in fit.params.index if name.startswith("asc[")}
    expected = pd.Series({"x0": BETA[0], "x1": BETA[1], **zeros, **truth})[fit.params.index]
    z = ((fit.params - expected) / fit.bse).to_numpy()
    assert np.isfinite(z).all()
    return z


@pytest.mark.parametrize("ragged", [False, True])
def test_logit(ragged: bool) -> None:
    z = []
    for seed in range(5):
        frame = long_frame(1500, BETA, seed, n_alternatives=4, ragged=ragged)
        z.append(distances(ck.logit("choice ~ x0 + x1", read(frame)).fit(), {}))
    assert np.abs(z).max() < FURTHEST
    # Not too close either: 25 standard normals have a mean square near 1.
    assert 0.3 < np.mean(np.square(z)) < 2.2


SD = (1.0, 0.6, 1.5)  # a0's is the scale
FACTOR = np.array([[1.0, 0.0], [0.5, 1.2]])  # of the differences against a0; a1 is the scale
# covariance, scale alternative, covariance of the simulated errors, true parameters
STRUCTURES: dict[str, tuple[str | None, Any, dict[str, float]]] = {
    "iid": (None, 0.5 * np.eye(3), {}),
    "heteroskedastic": (
        "a0",
        0.5 * np.diag(np.square(SD)),
        {"sd[a1]": SD[1], "sd[a2]": SD[2]},
    ),
    "unstructured": (
        "a1",
        np.pad(FACTOR @ FACTOR.T, ((1, 0), (1, 0))),
        {"chol[a2,a1]": FACTOR[1, 0], "chol[a2,a2]": FACTOR[1, 1]},
    ),
    "exchangeable": (
        "a1",
        0.5 * np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.6], [0.0, 0.6, 1.44]]),
        {"sd[a2]": 1.2, "corr": 0.5},
    ),
    "factor(1)": (
        "a1",
        0.5 * np.eye(3) + np.outer([0.0, 1.0, -0.7], [0.0, 1.0, -0.7]),
        {"load[a1,1]": 1.0, "load[a2,1]": -0.7},
    ),
    "pattern": (
        "a0",
        0.5 * np.array([[1.0, 0.0, 0.0], [0.0, 2.25, 0.75], [0.0, 0.75, 1.0]]),
        {"sd[a1]": 1.5},
    ),
}


PATTERN = ck.Pattern(sd={"a1": None}, corr={("a1", "a2"): 0.5})


@pytest.mark.parametrize("ragged", [False, True])
@pytest.mark.parametrize("covariance", STRUCTURES)
def test_probit(covariance: str, ragged: bool) -> None:
    scale, omega, truth = STRUCTURES[covariance]
    z = []
    for seed in range(4):
        frame = long_frame(1500, BETA, 50 + seed, "normal", omega, 3, ragged)
        given: Any = PATTERN if covariance == "pattern" else covariance
        model = ck.probit("choice ~ x0 + x1", read(frame), covariance=given, scale=scale)
        fit = model.fit()
        z.append(distances(fit, truth))
    assert np.abs(z).max() < FURTHEST
    assert 0.25 < np.mean(np.square(z)) < 2.2
    pattern = fit.error_covariance().to_numpy()
    np.testing.assert_allclose(pattern, omega, atol=0.8)


def test_probit_that_is_simulated() -> None:
    """Five alternatives with a common part in the errors of two."""
    omega = 0.5 * np.eye(5)
    omega[3:, 3:] += 0.6
    z = []
    for seed in range(3):
        frame = long_frame(1200, BETA, 80 + seed, "normal", omega, 5)
        fit = ck.probit("choice ~ x0 + x1", read(frame), draws=128).fit(seed=seed)
        assert fit.simulation is not None
        assert fit.simulation.n_simulated == 1200
        against_base = np.delete(omega - omega[0] - omega[:, [0]] + omega[0, 0], 0, 0)[:, 1:]
        factor = np.linalg.cholesky(against_base)
        names = [name for name in fit.params.index if name.startswith("chol[")]
        true = factor[np.tril_indices(4)][1:]
        z.append(distances(fit, dict(zip(names, true, strict=True))))
    assert np.abs(z).max() < FURTHEST
    assert 0.25 < np.mean(np.square(z)) < 2.2


def test_a_wrong_covariance_misses_the_truth() -> None:
    """So that the tests above can fail: errors of very unequal variance, taken for equal ones."""
    omega = 0.5 * np.diag(np.square([1.0, 0.3, 2.5]))
    frame = long_frame(4000, BETA, 99, "normal", omega, 3)
    right = ck.probit("choice ~ x0 + x1", read(frame), covariance="heteroskedastic", scale="a0")
    wrong = ck.probit("choice ~ x0 + x1", read(frame), covariance="iid").fit()
    fit = right.fit()
    assert np.abs(distances(fit, {"sd[a1]": 0.3, "sd[a2]": 2.5})).max() < FURTHEST
    assert np.abs(distances(wrong, {})).max() > 2.0 * FURTHEST
    assert fit.llf > wrong.llf + 50.0


@pytest.mark.parametrize("verb", ["logit", "probit"])
@pytest.mark.parametrize("cov_type", ["nonrobust", "HC0"])
def test_intervals_cover_the_truth(verb: str, cov_type: str) -> None:
    estimates, errors, hits = [], [], []
    for seed in range(60):
        if verb == "logit":
            frame = long_frame(250, BETA, 500 + seed)
            model = ck.logit("choice ~ x0 + x1 | 0", read(frame))
        else:
            frame = long_frame(250, BETA, 500 + seed, "normal")
            model = ck.probit("choice ~ x0 + x1 | 0", read(frame), covariance="iid")
        fit = model.fit(cov_type=cov_type)
        interval = fit.conf_int().to_numpy()
        hits.append((interval[:, 0] < BETA) & (np.array(BETA) < interval[:, 1]))
        estimates.append(fit.params)
        errors.append(fit.bse)
    # 120 intervals of 95%: binomial with standard deviation 0.02
    assert 0.88 <= np.mean(hits) < 1.0
    ratio = np.mean(errors, axis=0) / np.std(estimates, axis=0, ddof=1)
    assert ((ratio > 0.7) & (ratio < 1.4)).all()  # four times the ratio's own error of 0.09


def test_clusters_see_through_copies() -> None:
    """Each case four times: a quarter of the information, whatever the number of rows says."""
    frame = long_frame(200, BETA, 7)
    copies = pd.concat(
        [frame.assign(case=frame["case"] + 1000 * k, own=frame["case"]) for k in range(4)]
    )
    data = ck.ChoiceData.from_long(copies, case="case", alt="alt", chosen="choice", person="own")
    once = ck.logit("choice ~ x0 + x1", read(frame)).fit(cov_type="HC0")
    naive = ck.logit("choice ~ x0 + x1", data).fit(cov_type="HC0")
    clustered = naive.with_cov("cluster")
    np.testing.assert_allclose(naive.bse, once.bse / 2.0, rtol=1e-6)
    np.testing.assert_allclose(clustered.bse, once.bse * np.sqrt(200 / 199), rtol=1e-6)
