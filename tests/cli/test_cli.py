"""The command as a shell sees it: output, exit status, messages without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import choicekit as ck

COLUMNS = ["--case", "individual", "--alt", "mode", "--chosen", "choice"]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "choicekit", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "travel.csv"
    ck.load_dataset("travelmode").to_csv(path, index=False)
    return path


def test_compare_without_arguments_runs_the_whole_job(tmp_path: Path) -> None:
    html = tmp_path / "report.html"
    done = run("compare", "--html", html)
    assert done.returncode == 0
    assert "210 cases, 4 alternatives" in done.stdout
    assert "-189.525" in done.stdout  # tests/reference/cl_stata_cmclogit_travel.json
    assert "-190.093" in done.stdout
    assert "Verdict" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr  # no colours or progress into a pipe
    assert html.read_text().lstrip().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_compare_a_file(travel: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    frame = pd.read_csv(travel)
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    done = run("compare", path, "choice ~ gc + ttme", *COLUMNS, "--covariance", "iid", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Comparison of 2 models")
    assert "-199.977" in done.stdout


def test_wide_file(tmp_path: Path) -> None:
    long = ck.load_dataset("travelmode")
    wide = long.pivot(index="individual", columns="mode", values="gc").add_prefix("gc_")
    wide["mode"] = long[long["choice"] == 1].set_index("individual")["mode"]
    wide["hinc"] = long.groupby("individual")["hinc"].first()
    path = tmp_path / "wide.csv"
    wide.to_csv(path)
    options = ["--wide", "--alternatives", "air,train,bus,car", "--chosen", "mode"]
    options += ["--varying", "gc=gc_{alt}", "--covariance", "iid", "-q"]
    done = run("compare", path, "mode ~ gc | hinc", *options)
    assert done.returncode == 0, done.stderr
    data = ck.ChoiceData.from_long(long, case="individual", alt="mode", chosen="choice")
    assert f"{ck.logit('choice ~ gc | hinc', data).fit().llf:.3f}" in done.stdout
    named = [*options[:5], "--varying", "gc=air:gc_air,train:gc_train,bus:gc_bus,car:gc_car"]
    assert run("describe", path, *named).returncode == 0


def test_describe(travel: Path) -> None:
    done = run("describe", travel, *COLUMNS)
    assert done.returncode == 0
    assert "210 cases" in done.stdout
    assert "1 finding" in done.stdout


def test_bad_data_are_one_message_and_status_1(travel: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(travel)
    frame.loc[0:3, "choice"] = 1
    frame.loc[4:7, "choice"] = 0
    path = tmp_path / "bad.csv"
    frame.to_csv(path, index=False)
    done = run("compare", path, "choice ~ gc", *COLUMNS)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("choicekit: The data cannot be used:")
    assert "Traceback" not in done.stderr
    assert done.stderr.count("Cure:") == 2


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (["compare", "no.csv", "choice ~ x", *COLUMNS], 1, "no.csv: No such file"),
        (["compare", "no.csv"], 2, "give a formula"),
        (["compare", "no.csv", "choice ~ x", "--case", "id"], 2, "--alt, --chosen"),
        (["compare", "--bogus"], 2, "--bogus"),
        (["describe", "no.csv", "--wide"], 2, "--alternatives"),
        (["compare", "--covariance", "full"], 1, "heteroskedastic"),
        (["compare", "--base", "tram"], 1, "tram"),
    ],
)
def test_mistakes(words: list[str], status: int, text: str) -> None:
    done = run(*words)
    assert done.returncode == status
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == "" or done.stdout.startswith("ChoiceData")


def test_unknown_columns_get_a_suggestion(travel: Path) -> None:
    done = run("compare", travel, "choice ~ gc + tme", *COLUMNS, "-q")
    assert done.returncode == 1
    assert "did you mean 'ttme'" in done.stderr
    done = run("describe", travel, "--case", "indvidual", "--alt", "mode", "--chosen", "choice")
    assert "did you mean 'individual'" in done.stderr


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"not parquet")
    done = run("describe", path, *COLUMNS)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_is_no_error_message() -> None:
    command = f"{sys.executable} -m choicekit describe | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("ChoiceData")
    assert done.stderr == ""


def test_version_and_help() -> None:
    assert run("--version").stdout == f"choicekit {ck.__version__}\n"
    assert "compare" in run("--help").stdout


def test_help_and_import_are_light() -> None:
    code = "import sys, choicekit.cli; print([m for m in sys.modules if '.' not in m])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    for heavy in ("matplotlib", "torch", "dask", "statsmodels", "formulaic", "numba", "jinja2"):
        assert f"'{heavy}'" not in loaded


def test_html_is_the_full_report_and_output_the_tables(tmp_path: Path) -> None:
    full, tables = tmp_path / "report", tmp_path / "tables.html"
    done = run("compare", "-q", "--covariance", "iid", "--html", full, "--output", tables)
    assert done.returncode == 0, done.stderr
    page = full.with_suffix(".html").read_text()
    assert page.count("<figure>") >= 2
    assert "Software, seeds and settings" in page
    assert "<figure>" not in tables.read_text()
