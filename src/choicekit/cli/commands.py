"""The commands: fit, compare, describe."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

import choicekit as ck
from choicekit.cli.models import BELONGS, fit_model, make_model, require_consistent
from choicekit.cli.options import (
    DataOptions,
    File,
    FitOptions,
    Formula,
    ModelOptions,
    takes_groups,
)
from choicekit.cli.reading import read_data
from choicekit.exceptions import SpecificationError

__all__ = ["app"]

TRAVELMODE = "choice ~ gc + ttme | hinc"  # what is fitted without a file
BOTH = "logit,probit"  # what is compared if nothing else is asked for
NOT_CONVERGED = 3  # exit status

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Discrete-choice models on tables: fit them, and see which fits better.",
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the report only.")]


def _version(asked: bool) -> None:
    if asked:
        print(f"choicekit {ck.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
@takes_groups
def describe(data: DataOptions, file: File = None) -> None:
    """Print what the data hold and everything about them that deserves a look."""
    read = read_data(file, data)
    print(read)
    _print_findings(read.check())


@app.command()
@takes_groups
def fit(
    data: DataOptions,
    model: ModelOptions,
    search: FitOptions,
    file: File = None,
    formula: Formula = None,
    save: Annotated[
        Path | None, typer.Option(help="Keep the results, for compare and ck.load().")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Also write the summary: .txt, .html, .tex or .csv.")
    ] = None,
    quiet: Quiet = False,
) -> int:
    """Fit one model and print its summary.

    choicekit fit trips.csv 'choice ~ cost + time | income' --case trip --alt mode --chosen choice
    --errors nested --nests 'transit=bus+train'

    Without a file: the TravelMode data that come with choicekit. The exit status is 3 if the
    search ended before the maximum.
    """
    text, model = _needed(file, formula, replace(model, errors=model.errors or "logit"))
    write = _summary_writer(output)
    read = read_data(file, data)
    if not quiet:
        print(read, end="\n\n")
    found = _fitted(make_model(text, read, model), search, str(model.errors), quiet)
    summary = found.summary()
    print(summary)
    if save is not None:
        found.save(save)
    if output is not None:
        output.write_text(write(summary) + "\n", encoding="utf-8")
    return 0 if found.convergence.converged else NOT_CONVERGED


@app.command()
@takes_groups
def compare(
    data: DataOptions,
    model: ModelOptions,
    search: FitOptions,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE FORMULA... | RESULTS...]",
            help="A table and one formula or more; or results that fit --save has kept.",
            show_default=False,
        ),
    ] = None,
    ratio_to: Annotated[
        str | None, typer.Option(help="Coefficient to take ratios to, such as the cost's.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the full report, one HTML page.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Also write the tables: .txt, .md, .html or .tex.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Fit several models to the same data and say which fits better.

    The models are every formula with every one of --errors, a logit and a probit by default:
    --errors logit,hev,nested. For models that differ in more, fit each with --save and compare
    what was kept: choicekit compare one.pkl two.pkl

    Without a file: the TravelMode data that come with choicekit.
    """
    if words and all(_is_kept(word) for word in words):
        fits = [ck.load(word) for word in words]
    else:
        fits = _fit_all(words or [], data, model, search, quiet)
    comparison = ck.compare(*fits, ratio_to=ratio_to)
    print(comparison)
    if html is not None:
        comparison.report(html if html.suffix else html.with_suffix(".html"))
    if output is not None:
        comparison.save(output)


def _is_kept(word: str) -> bool:
    return Path(word).suffix.lower() in (".pkl", ".pickle")


def _fit_all(
    words: Sequence[str],
    data: DataOptions,
    model: ModelOptions,
    search: FitOptions,
    quiet: bool,
) -> list[ck.FitResults]:
    """Fit every formula with every error law."""
    file = Path(words[0]) if words else None
    formulas: list[str | None] = [*words[1:]] or [None]
    asked = [word.strip() for word in (model.errors or BOTH).split(",") if word.strip()]
    wanted = [
        _needed(file, formula, _for_one(model, errors, asked))
        for formula, errors in product(formulas, asked)
    ]
    read = read_data(file, data)
    if not quiet:
        print(read, end="\n\n")
    models = [make_model(text, read, options) for text, options in wanted]
    fits = []
    for one, (_, options) in zip(models, wanted, strict=True):
        drawn = options.errors == "probit" or options.mixing or options.components
        own = search if drawn else replace(search, draws=None)
        fits.append(_fitted(one, own, str(options.errors), quiet))
    return fits


def _for_one(model: ModelOptions, errors: str, asked: Sequence[str]) -> ModelOptions:
    """One of several error laws, without what is meant for another of them."""
    defaults = ModelOptions()
    changes = {
        name: getattr(defaults, name)
        for name, owners in BELONGS.items()
        if errors not in owners and any(other in owners for other in asked)
    }
    return replace(model, errors=errors, **changes)


def _needed(
    file: Path | None, formula: str | None, model: ModelOptions
) -> tuple[str, ModelOptions]:
    """The formula and the model; without a file, those of TravelMode."""
    require_consistent(model)
    if file is None:
        return TRAVELMODE, replace(model, base=model.base or "car")
    if formula is None:
        raise typer.BadParameter("give a formula after the file, 'choice ~ cost + time | income'")
    return formula, model


def _fitted(model: ck.ChoiceModel, search: FitOptions, name: str, quiet: bool) -> ck.FitResults:
    """Fit with progress on the terminal; the report itself says what did not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        with _progress(name, quiet) as report:
            return fit_model(model, search, report)


def _summary_writer(output: Path | None) -> Callable[[Any], str]:
    """How a summary is written to a file of this name."""
    writers: dict[str, Callable[[Any], str]] = {
        ".txt": str,
        ".html": lambda summary: str(summary.as_html()),
        ".tex": lambda summary: str(summary.as_latex()),
        ".csv": lambda summary: str(summary.as_csv()),
    }
    suffix = ".txt" if output is None else output.suffix.lower()
    if suffix not in writers:
        raise SpecificationError(
            f"{output} does not say which kind of summary to write: end its name in one of "
            f"{' '.join(writers)}."
        )
    return writers[suffix]


def _print_findings(findings: pd.DataFrame) -> None:
    if findings.empty:
        print("\nNothing else to report.")
        return
    print(f"\n{len(findings)} finding{'s' if len(findings) > 1 else ''}:")
    for row in findings.to_dict("records"):
        count, unit = int(row["count"]), row["unit"]
        where = f" [{count:,} {unit}{'s' if count != 1 else ''}]" if count else ""
        print(f"  {row['severity']}: {row['message']}{where}")
        if row["cure"]:
            print(f"    Cure: {row['cure']}")


@contextmanager
def _progress(name: str, quiet: bool) -> Iterator[Callable[[int, float, float], None] | None]:
    """Show the log-likelihood as it rises, on standard error, if that is a terminal."""
    if quiet or not (sys.stderr.isatty() and sys.stdout.isatty()):
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status(f"fitting the {name} ...") as status:

        def report(iteration: int, value: float, distance: float) -> None:
            status.update(f"fitting the {name}: iteration {iteration}, log-likelihood {value:,.3f}")

        yield report
