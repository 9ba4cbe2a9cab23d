"""Results from a file: the same bytes for every family, and files that are not to be trusted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import choicekit as ck
from choicekit.results import keeping

from .families import FAMILIES, _read, fitted
from .simulate import long_frame


def numbers(fit: ck.FitResults) -> dict[str, Any]:
    """What can be asked of any fit, as bytes or text."""
    found: dict[str, Any] = {
        "summary": str(fit.summary()),
        "frame": fit.to_frame(),
        "glance": fit.glance(),
        "utilities": fit.utilities(),
        "probabilities": fit.probabilities(),
        "predictions": fit.predict(),
        "logp": fit.logp(),
        "scores": fit.scores(),
        "shares": fit.predicted_shares(),
        "robust": fit.with_cov("HC0").cov,
        "compared": ck.compare(fit, fit).to_html(),
        "identification": str(fit.identification()),
    }
    if fit.simulation is not None and fit.simulation.n_simulated:
        found["simulation"] = str(fit.simulation_error(2))
    for name in ("random_table", "individual_coefficients", "class_posteriors"):
        try:
            found[name] = getattr(fit, name)()
        except ck.SpecificationError:  # not this family's
            continue
    return {
        name: value if isinstance(value, str) else pickle.dumps(np.asarray(value))
        for name, value in found.items()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_bytes_from_a_file(family: str, tmp_path: Path) -> None:
    fit = fitted(family)
    copy = ck.load(fit.save(tmp_path / "fit.pkl"))
    before, after = numbers(fit), numbers(copy)
    assert before.keys() == after.keys()
    assert [name for name in before if before[name] != after[name]] == []
    again = ck.load(copy.save(tmp_path / "again.pkl"))
    np.testing.assert_array_equal(again.scores(), fit.scores())


def test_the_same_report_from_a_file(tmp_path: Path) -> None:
    fits = [fitted("logit"), fitted("nested")]
    copies = [ck.load(fit.save(tmp_path / f"{k}.pkl")) for k, fit in enumerate(fits)]
    pages = [
        ck.compare(*given).report(tmp_path / f"{name}.html", title="Twice").read_bytes()
        for name, given in {"before": fits, "after": copies}.items()
    ]
    assert pages[0] == pages[1]


def test_elasticities_and_decisions_from_a_file(tmp_path: Path) -> None:
    change = {"x0": {"a1": "+1"}}
    for family in ("logit", "nested", "exact probit", "simulated probit", "latent classes"):
        fit = fitted(family)
        copy = ck.load(fit.save(tmp_path / "fit.pkl"))
        for ask in (
            lambda own: own.elasticities("x0"),
            lambda own: own.scenario(change).estimates,
            lambda own: own.diversion("a1"),
            lambda own: own.wtp("x1", "x0").drop(columns="note"),
        ):
            pd.testing.assert_frame_equal(ask(fit), ask(copy), check_exact=True)


def test_orders_found_elsewhere_than_at_the_estimates_are_kept(tmp_path: Path) -> None:
    """With few draws another order of integration shows in the log-likelihood."""
    table = long_frame(300, [1.0, -0.7], 6, "normal", None, 6)
    law = ck.Normal("heteroskedastic", draws=32)
    fit = ck.ChoiceModel("choice ~ x0 + x1", _read(table), law).fit()
    equal_variances = np.where(fit.params.index.str.startswith("sd["), 1.0, fit.params)
    elsewhere = fit.model.likelihood().settle(equal_variances, fit.simulation.seed)
    other = dataclasses.replace(fit, _likelihood=elsewhere)
    assert (other.logp() != fit.logp()).any()
    copy = ck.load(other.save(tmp_path / "fit.pkl"))
    np.testing.assert_array_equal(copy.logp(), other.logp())
    np.testing.assert_array_equal(copy.scores(), other.scores())


def test_classes_are_no_random_coefficients() -> None:
    fit = fitted("latent classes")
    for ask in (fit.random_table, fit.individual_coefficients):
        with pytest.raises(ck.SpecificationError, match="class_posteriors"):
            ask()


def test_another_process_reads_the_same(tmp_path: Path) -> None:
    fit = fitted("simulated probit")
    path = fit.save(tmp_path / "fit.pkl")
    code = (
        "import sys, hashlib, choicekit as ck\n"
        "fit = ck.load(sys.argv[1])\n"
        "print(hashlib.sha256(fit.probabilities().to_numpy().tobytes()).hexdigest())\n"
        "print(hashlib.sha256(str(fit.summary()).encode()).hexdigest())\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(ck.__file__).parents[1])},
        check=True,
    )
    here = [fit.probabilities().to_numpy().tobytes(), str(fit.summary()).encode()]
    assert run.stdout.split() == [hashlib.sha256(x).hexdigest() for x in here]


def rewritten(path: Path, **versions: str) -> Path:
    """The same file, as if other versions had written it."""
    mark, line, body = path.read_bytes().split(b"\n", 2)
    header = json.loads(line)
    header["versions"].update(versions)
    path.write_bytes(b"\n".join([mark, json.dumps(header).encode(), body]))
    return path


def test_the_file_says_what_wrote_it(tmp_path: Path) -> None:
    path = fitted("logit").save(tmp_path / "fit.pkl")
    found = keeping.written_with(path)
    assert found["numpy"] == np.__version__
    assert found["choicekit"] == ck.__version__
    assert found["pandas"] == pd.__version__
    assert found["python"].split(".")[0] == "3"
    patch = ".".join([*found["numba"].split(".")[:2], "99"])
    ck.load(rewritten(path, numba=patch))  # a patch release changes nothing: no warning


def test_other_versions_are_named(tmp_path: Path) -> None:
    path = rewritten(fitted("logit").save(tmp_path / "fit.pkl"), choicekit="0.0.9", numpy="1.20.1")
    with pytest.warns(ck.VersionWarning, match=r"choicekit 0\.0\.9 \(now .*numpy 1\.20\.1 \(now"):
        copy = ck.load(path)
    assert copy.llf == fitted("logit").llf


class Past:
    """Something whose module no longer exists."""

    def __reduce__(self) -> Any:
        return __import__, ("a_module_of_the_past",)


def test_what_other_versions_wrote_may_be_unreadable(tmp_path: Path) -> None:
    path = keeping.write_results(Past(), tmp_path / "fit.pkl")
    with pytest.raises(ModuleNotFoundError):  # the same versions: no excuse is made
        ck.load(path)
    with pytest.raises(ck.SpecificationError, match=r"choicekit 0\.0\.9.*Cure: install"):
        ck.load(rewritten(path, choicekit="0.0.9"))


def test_files_that_are_not_ours(tmp_path: Path) -> None:
    path = tmp_path / "other.pkl"
    path.write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ck.SpecificationError, match=r"not written by FitResults\.save"):
        ck.load(path)
    path.write_bytes(b"")
    with pytest.raises(ck.SpecificationError, match=r"not written by FitResults\.save"):
        ck.load(path)
    path.write_bytes(b"choicekit results, format 2\n{}\n")
    with pytest.raises(ck.SpecificationError, match="newer format"):
        ck.load(path)
    keeping.write_results({"a": 1}, path)
    with pytest.raises(ck.SpecificationError, match="not fit results"):
        ck.load(path)


@pytest.mark.parametrize("spoiled", [lambda b: b[:-20], lambda b: b[:-9] + b"x" * 9])
def test_damaged_files(spoiled: Any, tmp_path: Path) -> None:
    path = fitted("logit").save(tmp_path / "fit.pkl")
    path.write_bytes(spoiled(path.read_bytes()))
    with pytest.raises(ck.SpecificationError, match=r"damaged.*Cure"):
        ck.load(path)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"versions": 3}', b"\xff\xfe"])
def test_headers_that_make_no_sense(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / "fit.pkl"
    path.write_bytes(keeping.MARK + line + b"\n" + b"body")
    with pytest.raises(ck.SpecificationError, match="damaged"):
        ck.load(path)
