"""Pictures: an Axes with the right data on it, nothing shown, nothing of matplotlib changed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.figure import Figure

import choicekit as ck
from choicekit.exceptions import SpecificationError
from choicekit.report.plots.coefficients import regressor_spread
from choicekit.report.plots.curve import probability_curves, some_cases
from choicekit.report.plots.style import legend_below, mark, short

FORMULA = "choice ~ gc + ttme | hinc"
Z = 1.959963984540054


@pytest.fixture(scope="module")
def probit(data: ck.ChoiceData) -> Any:
    return ck.probit(FORMULA, data, base="car", covariance="iid").fit(seed=1)


def labels(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]


def bars_of(container: ErrorbarContainer) -> tuple[np.ndarray, np.ndarray]:
    """Points and half lengths of horizontal error bars."""
    points = container.lines[0].get_xdata()
    segments = container.lines[2][0].get_segments()
    return np.asarray(points), np.array([(s[1, 0] - s[0, 0]) / 2 for s in segments])


# -- coefficients -----------------------------------------------------------------------------


def test_coefficients_of_one_model(logit: Any) -> None:
    ax = ck.plots.coefficients(logit)
    assert isinstance(ax, Axes)
    (container,) = ax.containers
    points, half = bars_of(container)
    names = labels(ax.yaxis)
    np.testing.assert_allclose(points, logit.params[names])
    np.testing.assert_allclose(half, Z * logit.bse[names])
    assert ax.get_legend() is None
    low, high = sorted(ax.get_ylim())
    assert ax.get_ylim() == (high, low)  # the first on top


def test_several_models_are_on_one_scale_side_by_side(logit: Any, probit: Any) -> None:
    ax = ck.plots.coefficients([logit, probit], alpha=0.5)
    names = labels(ax.yaxis)
    for fit, container in zip((logit, probit), ax.containers, strict=True):
        points, half = bars_of(container)
        np.testing.assert_allclose(points, fit.params[names] / fit.error_sd)
        # the scale of neither model is estimated
        np.testing.assert_allclose(half, 0.6744897501960817 * fit.bse[names] / fit.error_sd)
    heights = [np.asarray(c.lines[0].get_ydata(), float) for c in ax.containers]
    assert (heights[0] < heights[1]).all()
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["logit", "probit"]
    styles = {(c.lines[0].get_marker(), c.lines[0].get_color()) for c in ax.containers}
    assert len(styles) == 2


def test_effects_of_one_standard_deviation(data: ck.ChoiceData, logit: Any) -> None:
    # the spread within choice sets, computed from the frame
    frame = data.frame
    within = frame["gc"] - frame.groupby("individual")["gc"].transform("mean")
    expected = np.sqrt((within**2).sum() / len(frame))
    assert regressor_spread(logit)["gc"] == pytest.approx(expected)
    ax = ck.plots.coefficients(logit, scale="spread", parameters=["gc"])
    points, _ = bars_of(ax.containers[0])
    assert points[0] == pytest.approx(logit.params["gc"] * expected / logit.error_sd)


def test_the_spread_of_latent_classes_is_that_of_their_columns(data: ck.ChoiceData) -> None:
    model = ck.logit("choice ~ gc | 0", data, mixing=ck.LatentClasses(2))
    fit = model.fit()
    spread = regressor_spread(fit)
    assert list(spread.index) == list(model.coefficient_names)
    assert spread.filter(like="gc").nunique() == 1
    assert len(ck.plots.coefficients(fit, scale="spread").containers) == 1


def test_a_parameter_that_a_model_lacks_leaves_its_place_empty(
    data: ck.ChoiceData, logit: Any
) -> None:
    small = ck.logit("choice ~ gc", data, base="car").fit()
    ax = ck.plots.coefficients({"large": logit, "small": small})
    assert len(ax.containers[0].lines[0].get_xdata()) == 8
    assert len(ax.containers[1].lines[0].get_xdata()) == 4


# -- shares -----------------------------------------------------------------------------------


def test_shares(logit: Any, probit: Any) -> None:
    ax = ck.plots.shares(ck.compare(logit, probit))
    (actual,) = [c for c in ax.containers if isinstance(c, BarContainer)]
    counts = np.array([58, 63, 30, 59])  # the published numbers of choices of each mode
    np.testing.assert_allclose([bar.get_width() for bar in actual], 100 * counts / 210)
    predicted = {line.get_label(): line for line in ax.get_lines()}
    for name, fit in {"logit": logit, "probit": probit}.items():
        np.testing.assert_allclose(
            predicted[name].get_xdata(), 100 * fit.probabilities().mean().to_numpy()
        )
    assert labels(ax.yaxis) == ["air", "train", "bus", "car"]


def test_the_whisker_of_a_share_is_wilsons_interval(logit: Any) -> None:
    from statsmodels.stats.proportion import proportion_confint

    ax = ck.plots.shares(logit)
    (lines,) = [c for c in ax.collections if len(c.get_paths()) == 4]
    ends = np.array([segment[:, 0] for segment in lines.get_segments()]) / 100
    low, high = proportion_confint(np.array([58, 63, 30, 59]), 210, method="wilson")
    np.testing.assert_allclose(ends, np.column_stack([low, high]))


# -- curves -----------------------------------------------------------------------------------


def test_a_curve_is_the_mean_of_predictions_on_changed_data(logit: Any, probit: Any) -> None:
    frame = ck.load_dataset("travelmode")
    for fit in (logit, probit):
        found = probability_curves(fit, "gc", "air", values=[60.0, 150.0])
        for g, value in enumerate((60.0, 150.0)):
            changed = frame.assign(gc=frame["gc"].where(frame["mode"] != "air", value))
            expected = fit.probabilities(changed).mean()
            np.testing.assert_allclose(found.probabilities[g], expected, rtol=1e-6)


def test_a_band_is_a_delta_interval_on_the_scale_of_log_odds(logit: Any) -> None:
    frame = ck.load_dataset("travelmode")
    changed = frame.assign(hinc=50.0)
    found = probability_curves(logit, "hinc", values=[50.0])

    def mean_air(params: pd.Series) -> float:
        import dataclasses

        return float(dataclasses.replace(logit, params=params).probabilities(changed)["air"].mean())

    slope = np.zeros(len(logit.params))
    for p, error in enumerate(logit.bse):
        step = np.zeros(len(slope))
        step[p] = 1e-4 * error
        slope[p] = (mean_air(logit.params + step) - mean_air(logit.params - step)) / (2e-4 * error)
    share = mean_air(logit.params)
    error = np.sqrt(slope @ logit.cov.to_numpy() @ slope) / (share * (1 - share))
    odds = np.log(share / (1 - share)) + np.array([-Z, Z]) * error
    ends = [found.low[0, 0], found.high[0, 0]]
    np.testing.assert_allclose(ends, 1 / (1 + np.exp(-odds)), rtol=1e-5)


def test_one_model_has_a_line_an_alternative_several_a_line_each(logit: Any, probit: Any) -> None:
    def lines(ax: Axes) -> list[str]:
        legend = ax.get_legend()
        assert legend is not None
        return [text.get_text() for text in legend.get_texts()]

    ax = ck.plots.probability_curve(logit, "gc", alternative="air")
    assert lines(ax) == ["air", "train", "bus", "car"]
    assert len(ax.collections) == 4  # the bands
    ax = ck.plots.probability_curve([logit, probit], "gc", alternative="air")
    assert lines(ax) == ["logit", "probit"]
    assert "air" in ax.get_title(loc="left")
    ax = ck.plots.probability_curve([logit, probit], "hinc", of=["air", "car"], values=[10, 50])
    assert lines(ax) == ["logit: air", "logit: car", "probit: air", "probit: car"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"column": "gcc"}, "Did you mean 'gc'"),
        ({"column": "invt"}, "does not use the column 'invt'"),
        ({"column": "mode"}, "does not use"),
        ({"column": "gc", "alternative": "airr"}, "Did you mean 'air'"),
        ({"column": "gc", "of": ["tram"]}, "of='tram' is unknown"),
        ({"column": "gc", "alpha": 1.5}, "between 0 and 1"),
    ],
)
def test_mistakes_about_curves(logit: Any, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecificationError, match=text.replace("(", r"\(")):
        ck.plots.probability_curve(logit, **arguments)


@pytest.mark.parametrize("count", [2, 9, 12, 20])
def test_a_legend_of_many_alternatives_leaves_the_axes_their_room(count: int) -> None:
    figure = Figure(figsize=(6.4, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.add_subplot()
    labels = [f"a{k:02d}" for k in range(count)]
    for label in labels:
        ax.plot([0, 1], [0, 1], label=label)
    legend_below(ax, labels)
    figure.canvas.draw()
    assert ax.get_window_extent().width > 0.8 * figure.bbox.width


def test_too_many_lines_are_refused(logit: Any, probit: Any) -> None:
    with pytest.raises(SpecificationError, match="of="):
        ck.plots.probability_curve([logit, probit], "hinc")


def test_of_large_data_evenly_spaced_cases_are_taken(data: ck.ChoiceData) -> None:
    assert some_cases(data, 500) is data
    few = some_cases(data, 21)
    assert few.n_cases == 21
    positions = data.case_ids.get_indexer(few.case_ids)
    assert positions[0] == 0
    assert positions[-1] == 209
    assert set(np.diff(positions)) <= {10, 11}


# -- all --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda fits, ax: ck.plots.coefficients(fits, ax),
        lambda fits, ax: ck.plots.shares(fits, ax),
        lambda fits, ax: ck.plots.probability_curve(fits, "gc", ax, alternative="air"),
    ],
)
def test_axes_may_be_given(logit: Any, probit: Any, draw: Any) -> None:
    before = dict(matplotlib.rcParams)
    figure = Figure()
    first, second = figure.subplots(1, 2)
    assert draw([logit, probit], second) is second
    assert not first.has_data()
    assert dict(matplotlib.rcParams) == before


def test_no_window_and_no_pyplot() -> None:
    code = (
        "import sys, choicekit as ck\n"
        "d = ck.ChoiceData.from_long(ck.load_dataset('travelmode'), case='individual',"
        " alt='mode', chosen='choice')\n"
        "fit = ck.logit('choice ~ gc', d).fit()\n"
        "assert 'matplotlib' not in sys.modules\n"
        "ck.plots.shares(fit).figure.savefig(sys.argv[1])\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/dev/stdout"], capture_output=True, check=False, timeout=300
    )
    assert done.stdout.endswith(b"False\n"), done.stderr


@pytest.mark.parametrize("fits", [None, [], {}, "logit", [1]])
def test_what_is_no_fit_is_refused(fits: Any) -> None:
    with pytest.raises(SpecificationError, match="fit"):
        ck.plots.shares(fits)


def test_names(logit: Any, probit: Any) -> None:
    with pytest.raises(SpecificationError, match="must be 2 different names"):
        ck.plots.shares([logit, probit], names=["one"])
    legend = ck.plots.shares([logit, probit], names=["a $x$", "b"]).get_legend()
    assert legend is not None
    # dollar signs stay what they are
    assert [t.get_text() for t in legend.get_texts()] == ["actual", r"a \$x\$", "b"]
    with pytest.raises(SpecificationError, match="scale"):
        ck.plots.coefficients(logit, scale="sd")
    with pytest.raises(SpecificationError, match="parameters"):
        ck.plots.coefficients(logit, parameters=["gcc"])


def test_long_labels_take_two_lines() -> None:
    text = short("the very long name of an alternative that somebody typed in full", 26)
    assert len(text.splitlines()) == 2
    assert text.endswith("…")
    assert max(map(len, text.splitlines())) <= 26
    assert short("car") == "car"


def test_marks_differ_in_print_too() -> None:
    marks = [mark(k) for k in range(14)]
    assert len({(m.marker, m.face == "white") for m in marks}) == 14
    assert len({str(m.line) for m in marks[:7]}) == 7


# -- calibration ------------------------------------------------------------------------------


def test_calibration_draws_bins_with_their_intervals(logit: Any, probit: Any) -> None:
    ax = ck.plots.calibration([logit, probit], bins=5)
    assert len(ax.containers) == 2
    for fit, container in zip((logit, probit), ax.containers, strict=True):
        table = fit.calibration_curve(bins=5, pooled=True)
        np.testing.assert_allclose(container.lines[0].get_xdata(), table["predicted"])
        np.testing.assert_allclose(container.lines[0].get_ydata(), table["observed"])
        segments = container.lines[2][0].get_segments()
        np.testing.assert_allclose([s[:, 1] for s in segments], table[["low", "high"]])
    (diagonal,) = [line for line in ax.get_lines() if list(line.get_xdata()) == [0, 1]]
    assert list(diagonal.get_ydata()) == [0, 1]


def test_calibration_of_one_alternative_and_of_people_left_out(logit: Any) -> None:
    ax = ck.plots.calibration(logit, alternative="air", bins=4)
    assert "air" in ax.get_title(loc="left")
    assert len(ax.containers[0].lines[0].get_xdata()) == 4
    found = ck.cross_validate(logit, folds=3)
    ax = ck.plots.calibration(found, bins=4)
    table = found.calibration_curve(bins=4, pooled=True)
    np.testing.assert_allclose(ax.containers[0].lines[0].get_ydata(), table["observed"])
    with pytest.raises(SpecificationError, match="Did you mean 'air'"):
        ck.plots.calibration(logit, alternative="airr")


# -- willingness to pay -----------------------------------------------------------------------


def test_wtp_is_a_ratio_with_its_interval(logit: Any, probit: Any) -> None:
    ax = ck.plots.wtp([logit, probit], "ttme", "gc", unit=-10, method="delta")
    points = {line.get_label(): line.get_xdata()[0] for line in ax.get_lines()}
    for name, fit in {"logit": logit, "probit": probit}.items():
        assert points[name] == pytest.approx(10 * fit.params["ttme"] / fit.params["gc"])
    ends = [line.get_xdata() for line in ax.get_lines() if len(line.get_xdata()) == 2]
    table = logit.wtp("ttme", "gc", unit=-10)
    expected = table[["conf_low", "conf_high"]].to_numpy()[0]
    assert any(np.allclose(pair, expected) for pair in ends)
    assert "10 units less of ttme" in ax.get_title(loc="left")
    assert labels(ax.yaxis) == ["logit", "probit"]


def test_wtp_of_a_fit_without_standard_errors_is_a_point(logit: Any) -> None:
    bare = replace(logit, cov=logit.cov * np.nan)
    ax = ck.plots.wtp(bare, "ttme", "gc")
    found = [line.get_xdata()[0] for line in ax.get_lines() if line.get_label() == "logit"]
    assert found == [pytest.approx(-logit.params["ttme"] / logit.params["gc"])]


def test_wtp_of_nonlinear_utilities_is_not_drawn_at_every_draw(data: ck.ChoiceData) -> None:
    utility = ck.Nonlinear(
        dict.fromkeys(data.alternatives, "b * gc + t * ttme"), {"b": -0.02, "t": -0.1}
    )
    fit = ck.ChoiceModel(utility, data).fit()
    table = fit.wtp("ttme", "gc").reset_index().iloc[0]
    lines = [line.get_xdata() for line in ck.plots.wtp(fit, "ttme", "gc").get_lines()]
    expected = [table["conf_low"], table["conf_high"]]
    assert any(len(pair) == 2 and np.allclose(pair, expected) for pair in lines)


def test_wtp_of_people_who_differ_is_a_box_of_quantiles(data: ck.ChoiceData) -> None:
    mixing = ck.RandomCoefficients(ttme="normal")
    start = {"gc": -0.02, "ttme": -0.1, "sd[ttme]": 0.05}
    fit = ck.logit("choice ~ gc + ttme", data, base="car", mixing=mixing).fit(
        start=start, fixed={"sd[ttme]": 0.05}, maxiter=30
    )
    ax = ck.plots.wtp(fit, "ttme", "gc", method="delta")
    (box,) = ax.patches
    # quartiles of a normal ratio: the price is the same for everybody
    mean, sd = -fit.params["ttme"] / fit.params["gc"], abs(0.05 / fit.params["gc"])
    assert box.get_x() == pytest.approx(mean - 0.6744897501960817 * sd, rel=1e-3)
    assert box.get_width() == pytest.approx(2 * 0.6744897501960817 * sd, rel=1e-3)


# -- substitution -----------------------------------------------------------------------------


def texts(ax: Axes) -> list[str]:
    return [text.get_text().replace("\u2212", "-") for text in ax.texts]


def test_substitution_is_where_people_go_in_the_frame_without_the_alternative(
    logit: Any,
) -> None:
    frame = ck.load_dataset("travelmode")
    before = logit.probabilities().mean()
    ax = ck.plots.substitution(logit)
    (mesh,) = ax.collections
    values = np.ma.filled(mesh.get_array(), np.nan).reshape(4, 4)
    for row, removed in enumerate(["air", "train", "bus", "car"]):
        after = logit.probabilities(frame[frame["mode"] != removed]).mean()
        gain = 100 * ((after - before) / before[removed]).to_numpy()
        gain[row] = np.nan
        np.testing.assert_allclose(values[row], gain, rtol=1e-8)
    np.testing.assert_allclose(np.nansum(values, axis=1), 100)
    shown = [f"{v:.0f}" for v in values.ravel() if np.isfinite(v)]
    assert texts(ax) == shown
    assert labels(ax.yaxis) == labels(ax.xaxis) == ["air", "train", "bus", "car"]


def test_the_difference_of_two_models_is_in_points(logit: Any, probit: Any) -> None:
    one, other = (ck.plots.substitution(fit).collections[0].get_array() for fit in (probit, logit))
    ax = ck.plots.substitution(probit, against=logit)
    np.testing.assert_allclose(ax.collections[0].get_array(), one - other, atol=1e-9)
    shown = [f"{v:+.0f}" for v in (one - other).compressed()]
    assert texts(ax) == ["0" if text in ("+0", "-0") else text for text in shown]
    assert ax.get_title(loc="left") == "Substitution, probit less logit"


def test_of_many_alternatives_the_numbers_are_left_out() -> None:
    from choicekit.report.plots.substitution import draw_diversion

    matrix = pd.DataFrame(np.full((20, 20), 5.0))
    ax = Figure().subplots()
    draw_diversion(ax, matrix, "many", signed=False)
    assert not ax.texts
    assert len(ax.get_yticklabels()) == 20


def test_models_that_agree_look_alike() -> None:
    from choicekit.report.plots.substitution import draw_diversion

    matrix = pd.DataFrame([[np.nan, 1e-7], [-1e-7, np.nan]])
    ax = draw_diversion(Figure().subplots(), matrix, "same", signed=True)
    assert texts(ax) == ["0", "0"]
    (mesh,) = ax.collections
    shade = np.asarray(mesh.cmap(mesh.norm(1e-7)))
    np.testing.assert_allclose(shade, 1.0, atol=0.01)  # white


def test_letters_stand_out_from_their_cell(logit: Any, probit: Any) -> None:
    from matplotlib.colors import to_rgb

    def luminance(colour: Any) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    for ax in (ck.plots.substitution(logit), ck.plots.substitution(probit, against=logit)):
        (mesh,) = ax.collections
        values = mesh.get_array()
        for text in ax.texts:
            k, j = map(int, text.get_position())
            cell = luminance(mesh.cmap(mesh.norm(values.reshape(4, 4)[j, k])))
            letters = luminance(to_rgb(text.get_color()))
            light, dark = max(cell, letters), min(cell, letters)
            assert (light + 0.05) / (dark + 0.05) > 3.5  # contrast, WCAG 2
