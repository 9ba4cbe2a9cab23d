"""``choicekit fit`` and comparisons of several models: the same numbers as in Python."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import typer

import choicekit as ck
from choicekit.cli import main, words

COLUMNS = ["--case", "individual", "--alt", "mode", "--chosen", "choice"]
FORMULA = "choice ~ gc + ttme | hinc"
GROUND = {"ground": ["train", "bus", "car"]}
SAME = "ttme,asc[air],asc[train],asc[bus],hinc[air],hinc[train],hinc[bus]"
LABELS = ("air", "train", "bus", "car")


class Done(NamedTuple):
    status: int
    out: str
    err: str


class Shell:
    """Runs the command in this process."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.patch, self.capture = patch, capture

    def __call__(self, *given: str | Path) -> Done:
        self.patch.setattr(sys, "argv", ["choicekit", *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capture.readouterr()
        assert "Traceback" not in err
        return Done(int(ended.value.code or 0), out, err)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "travel.csv"
    frame = ck.load_dataset("travelmode")
    frame["town"] = frame["individual"] % 12
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def data(travel: Path) -> ck.ChoiceData:
    return ck.ChoiceData.from_long(
        pd.read_csv(travel), case="individual", alt="mode", chosen="choice"
    )


def models(data: ck.ChoiceData) -> dict[str, tuple[list[str], ck.ChoiceModel]]:
    def model(errors: object = None, mixing: object = None) -> ck.ChoiceModel:
        return ck.ChoiceModel(FORMULA, data, errors, "car", mixing=mixing)  # type: ignore[arg-type]

    nests = ["--errors", "nested", "--nests", "ground=train+bus+car"]
    return {
        "logit": ([], model()),
        "nested": (nests, model(ck.Nested(GROUND))),
        "deeper": (
            [*nests[:3], "ground=car+transit,transit=train+bus"],
            model(ck.Nested({"ground": ["car", {"transit": ["train", "bus"]}]})),
        ),
        "cross-nested": (
            [
                "--errors",
                "cross-nested",
                "--nests",
                "a=train:0.5+bus",
                "--nests",
                "b=train:0.5+car",
            ],
            model(
                ck.CrossNested({"a": {"train": 0.5, "bus": 1.0}, "b": {"train": 0.5, "car": 1.0}})
            ),
        ),
        "paired": (
            ["--errors", "paired", "--common"],
            model(ck.PairedCombinatorial(list(LABELS), common=True)),
        ),
        "probit": (["--errors", "probit", "--covariance", "iid"], model(ck.Normal("iid"))),
        "mixed": (
            ["--mixing", "gc=normal", "--components", "transit=train+bus", "--draws", "64"],
            model(
                mixing=ck.RandomCoefficients(
                    gc="normal", components={"transit": ["train", "bus"]}, draws=64
                )
            ),
        ),
        "means": (
            ["--mixing", "gc=normal", "--means", "gc=hinc+psize", "--draws", "32"],
            model(
                mixing=ck.RandomCoefficients(gc="normal", means={"gc": ["hinc", "psize"]}, draws=32)
            ),
        ),
        "classes": (
            ["--classes", "2", "--membership", "~ psize", "--same", SAME],
            model(
                mixing=ck.LatentClasses(2, "~ psize", SAME.split(",")),
            ),
        ),
    }


@pytest.mark.parametrize(
    "which",
    ["logit", "nested", "deeper", "cross-nested", "paired", "probit", "mixed", "means", "classes"],
)
def test_every_family(
    run: Shell, travel: Path, data: ck.ChoiceData, tmp_path: Path, which: str
) -> None:
    options, model = models(data)[which]
    kept = tmp_path / "fit.pkl"
    done = run("fit", travel, FORMULA, *COLUMNS, "--base", "car", *options, "--save", kept, "-q")
    expected = model.fit()
    assert done.status == (0 if expected.convergence.converged else 3)
    assert done.out.rstrip() == _timeless(str(expected.summary()), done.out)
    pd.testing.assert_series_equal(ck.load(kept).params, expected.params)


def _timeless(expected: str, found: str) -> str:
    """The expected text with the times and evaluations of the one found."""
    lines = zip(expected.splitlines(), found.rstrip().splitlines(), strict=True)
    return "\n".join(b if a.startswith("Time") and b.startswith("Time") else a for a, b in lines)


def test_options_of_the_fit(run: Shell, travel: Path, data: ck.ChoiceData, tmp_path: Path) -> None:
    kept = tmp_path / "fit.pkl"
    options = [
        *[
            "--start",
            "gc=-0.01,asc[air]=4",
            "--fixed",
            "hinc[train]=-0.05",
            "--bounds",
            "ttme=-1:-0.1",
        ],
        *["--constraint", "hinc[air] = hinc[bus]", "--method", "bfgs", "--save", kept],
        *["--cov-type", "cluster", "--groups", "town", "--output", tmp_path / "summary.csv"],
    ]
    done = run("fit", travel, FORMULA, *COLUMNS, "--base", "car", *options)
    assert done.status == 0, done.err
    assert done.out.startswith("ChoiceData: 210 cases")
    found, expected = (
        ck.load(kept),
        ck.logit(FORMULA, data, "car").fit(
            fixed={"hinc[train]": -0.05},
            bounds={"ttme": (-1, -0.1)},
            constraints="hinc[air] = hinc[bus]",
            cov_type="cluster",
            groups="town",
        ),
    )
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.bse, expected.bse, rtol=1e-4)
    assert found.params["ttme"] == -0.1
    assert (tmp_path / "summary.csv").read_text().startswith("Conditional logit")


def test_a_fit_without_a_maximum_has_its_own_status(run: Shell) -> None:
    done = run("fit", "--errors", "hev", "-q")
    assert done.status == 3
    assert done.out.startswith("WARNING: this fit did not converge")


def test_kept_results_are_compared(run: Shell, travel: Path, tmp_path: Path) -> None:
    kept = [tmp_path / "logit.pkl", tmp_path / "nested.pkl", tmp_path / "mixed.pkl"]
    base = [travel, FORMULA, *COLUMNS, "-q"]
    run("fit", *base, "--save", kept[0])
    run("fit", *base, "--errors", "nested", "--nests", "ground=train+bus+car", "--save", kept[1])
    run("fit", *base, "--mixing", "gc=normal", "--draws", "32", "--save", kept[2])
    done = run("compare", *kept, "--html", tmp_path / "report.html")
    assert done.status == 0, done.err
    assert done.out.startswith("Comparison of 3 models")
    assert (tmp_path / "report.html").exists()


def test_laws_and_formulas_are_multiplied(run: Shell, travel: Path) -> None:
    options = ["--errors", "logit,nested,probit", "--nests", "ground=train+bus+car", "-q"]
    formulas = ["choice ~ gc", "choice ~ gc + ttme"]
    done = run("compare", travel, *formulas, *COLUMNS, *options, "--covariance", "iid")
    assert done.status == 0, done.err
    assert done.out.startswith("Comparison of 6 models")


def test_ordered_answers(run: Shell, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=300)
    latent = 0.8 * x + rng.logistic(size=300)
    answers = pd.DataFrame({"rating": 1 + (latent > -0.5) + (latent > 1.0), "x": x})
    answers.to_csv(tmp_path / "answers.csv", index=False)
    read = ["--wide", "--alternatives", "1,2,3", "--chosen", "rating", "-q"]
    done = run(
        *["fit", tmp_path / "answers.csv", "rating ~ x", *read, "--errors", "ordered-probit"],
        *["--order", "1,2,3", "--save", tmp_path / "fit.pkl"],
    )
    assert done.status == 0, done.err
    data = ck.ChoiceData.from_wide(answers, alternatives=[1, 2, 3], chosen="rating")
    expected = ck.ordered("rating ~ x", data, "probit").fit()
    assert f"{expected.llf:,.3f}" in done.out
    assert list(ck.load(tmp_path / "fit.pkl").params.index) == ["x", "cut[1|2]", "cut[2|3]"]


def test_rankings(run: Shell, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"who": np.repeat(np.arange(80), 3), "drink": ["tea", "milk", "beer"] * 80}
    )
    frame["price"] = rng.uniform(1, 3, 240)
    utility = -frame["price"] + rng.gumbel(size=240)
    frame["place"] = utility.groupby(frame["who"]).rank(ascending=False).astype(int)
    frame.to_csv(tmp_path / "ranks.csv", index=False)
    read = ["--case", "who", "--alt", "drink", "--rank", "place", "--depth", "1"]
    done = run("fit", tmp_path / "ranks.csv", "~ price", *read)
    assert done.status == 0, done.err
    data = ck.ChoiceData.from_rankings(frame, case="who", alt="drink", rank="place", depth=1)
    assert f"{ck.logit('~ price', data).fit().llf:,.3f}" in done.out
    done = run("fit", tmp_path / "ranks.csv", "~ price", *read[:-2], "--errors", "hev")
    assert done.status == 1
    assert "exact for independent Gumbel errors only" in done.err


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        (["--errors", "nestd"], 2, "Did you mean 'nested'"),
        (["--errors", "nested"], 2, "needs --nests"),
        (["--nests", "a=bus+train"], 2, "--nests goes with --errors nested or cross-nested"),
        (["--errors", "nested", "--nests", "a"], 2, "'a' is not of the form"),
        (["--errors", "nested", "--nests", "a=bus", "--nests", "a=train"], 2, "'a' twice"),
        (["--errors", "nested", "--nests", "a=b,b=a"], 2, "below itself"),
        (["--errors", "nested", "--nests", "a=buss+train"], 1, "Did you mean 'bus'"),
        (["--errors", "cross-nested", "--nests", "a=bus:x+train"], 2, "'x' is no number"),
        (["--covariance", "iid"], 2, "--covariance goes with --errors probit"),
        (["--correlated"], 2, "--correlated goes with --mixing"),
        (["--membership", "~ hinc"], 2, "go with --classes"),
        (["--classes", "2", "--mixing", "gc=normal"], 2, "not both"),
        (["--mixing", "gc=norml"], 1, "norml"),
        (["--draws", "many", "--errors", "probit"], 2, "'many'"),
        (["--bounds", "gc=0"], 2, "'gc=:0'"),
        (["--start", "gc=low"], 2, "'low' is no number"),
        (["--fixed", "gcc=0"], 1, "gcc"),
        (["--cov-type", "robust"], 1, "HC0"),
        (["--output", "summary.docx"], 1, ".html"),
        (["--rank", "place"], 2, "no --chosen"),
        (["--worst", "place"], 2, "go with --rank"),
    ],
)
def test_mistakes(run: Shell, travel: Path, options: list[str], status: int, text: str) -> None:
    done = run("fit", travel, FORMULA, *COLUMNS, "-q", *options)
    assert (done.status, done.out) == (status, ""), done.err
    assert text in " ".join(done.err.replace("│", " ").split())


def test_help_shows_brackets(run: Shell) -> None:
    assert "asc[air]=0" in run("fit", "--help").out


# -- words ----------------------------------------------------------------------------------------


def test_commas_in_brackets_belong_to_names() -> None:
    assert words.numbers(["corr[a,b]=0.5, x = -1", "y=2"], "--start") == {
        "corr[a,b]": 0.5,
        "x": -1.0,
        "y": 2.0,
    }
    assert words.bounds(["corr[a,b]=-1:1,gc=:0,t=1:"]) == {
        "corr[a,b]": (-1.0, 1.0),
        "gc": (None, 0.0),
        "t": (1.0, None),
    }


def test_nests_hang_below_nests() -> None:
    found = words.nests(["a=1+b,b=2+c", "c=3+4"], (1, 2, 3, 4), crossed=False)
    assert found == {"a": [1, {"b": [2, {"c": [3, 4]}]}]}
    # an alternative's name wins over a nest's
    assert words.nests(["a=b+c,b=d"], ("b", "c", "d"), crossed=False) == {
        "a": ["b", "c"],
        "b": ["d"],
    }
    with pytest.raises(typer.BadParameter, match="below itself"):
        words.nests(["a=x+b,b=c,c=b"], ("x",), crossed=False)
    crossed = words.nests(["a=x:0.5+y,b=x:0.5", "c=y"], ("x", "y"), crossed=True)
    assert crossed == {"a": {"x": 0.5, "y": None}, "b": {"x": 0.5}, "c": ["y"]}
