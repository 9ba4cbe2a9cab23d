"""The command ``choicekit``: compare logit and probit, or describe a file, from a shell."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import pandas as pd
import typer

import choicekit as ck
from choicekit.exceptions import ChoicekitError

__all__ = ["app", "main"]

TRAVELMODE = "choice ~ gc + ttme | hinc"  # what `choicekit compare` fits without a file

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Discrete-choice models on tables: logit and probit, side by side.",
)

File = Annotated[
    Path | None, typer.Argument(help="CSV (also .gz) or parquet file.", show_default=False)
]
Formula = Annotated[
    str | None,
    typer.Argument(help="For example 'choice ~ cost + time | income'.", show_default=False),
]
Case = Annotated[str | None, typer.Option(help="Column of the choice situation.")]
Alt = Annotated[str | None, typer.Option(help="Column of the alternative (long data).")]
Chosen = Annotated[str | None, typer.Option(help="Column of the choice.")]
Person = Annotated[str | None, typer.Option(help="Column of the decision maker.")]
Weights = Annotated[str | None, typer.Option(help="Column of the case weights.")]
Available = Annotated[
    str | None, typer.Option(help="Column of availability; with --wide a pattern, 'av_{alt}'.")
]
Wide = Annotated[bool, typer.Option("--wide", help="One row a case.")]
Alternatives = Annotated[
    str | None,
    typer.Option(help="Labels 'car,bus', or with codes 'car=1,bus=2', in the order wanted."),
]
Varying = Annotated[
    list[str] | None,
    typer.Option(
        help="Wide attributes: 'cost=cost_{alt}' or 'cost=car:co_car,bus:co_bus'; repeatable."
    ),
]
Missing = Annotated[str, typer.Option(help="'raise' or 'drop' cases with missing values.")]


def main() -> NoReturn:
    """Run the command; errors of the user's making end in one message and no traceback."""
    code = 0
    try:
        code = app(standalone_mode=False) or 0
    except ChoicekitError as error:
        code = _complain(str(error), 1)
    except OSError as error:
        code = _pipe_closed() if isinstance(error, BrokenPipeError) else _complain(_os(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain("interrupted", 130)
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        show = getattr(error, "show", None)  # a usage error of the command line itself
        if callable(show):
            show(sys.stderr)
        code = int(error.exit_code)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _pipe_closed()
    sys.exit(code)


def _complain(text: str, code: int) -> int:
    print(f"choicekit: {text}", file=sys.stderr)
    return code


def _os(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _pipe_closed() -> int:
    """Keep Python from complaining a second time when it flushes a closed pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


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
def describe(
    file: File = None,
    case: Case = None,
    alt: Alt = None,
    chosen: Chosen = None,
    person: Person = None,
    weights: Weights = None,
    available: Available = None,
    wide: Wide = False,
    alternatives: Alternatives = None,
    varying: Varying = None,
    missing: Missing = "raise",
) -> None:
    """Print what the data hold and everything about them that deserves a look."""
    columns = (case, alt, chosen, person, weights, available)
    data = _read(file, columns, wide, alternatives, varying, missing)
    print(data)
    _print_findings(data.check())


@app.command()
def compare(
    file: File = None,
    formula: Formula = None,
    case: Case = None,
    alt: Alt = None,
    chosen: Chosen = None,
    person: Person = None,
    weights: Weights = None,
    available: Available = None,
    wide: Wide = False,
    alternatives: Alternatives = None,
    varying: Varying = None,
    missing: Missing = "raise",
    base: Annotated[str | None, typer.Option(help="Reference alternative.")] = None,
    covariance: Annotated[
        str,
        typer.Option(
            help="Probit covariance: iid, heteroskedastic, exchangeable, factor(k), unstructured."
        ),
    ] = "unstructured",
    draws: Annotated[int, typer.Option(help="Draws a simulated case.")] = 256,
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 1,
    cov_type: Annotated[
        str, typer.Option(help="Standard errors: nonrobust, opg, HC0, HC1, cluster.")
    ] = "nonrobust",
    ratio_to: Annotated[
        str | None, typer.Option(help="Coefficient to take ratios to, such as the cost's.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write the report as HTML.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Also write the report: .txt, .md, .html or .tex.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report only.")] = False,
) -> None:
    """Fit a logit and a probit to the same data and say which fits better.

    Without a file: the TravelMode data that come with choicekit.
    """
    if file is not None and formula is None:
        raise typer.BadParameter("give a formula after the file, 'choice ~ cost + time | income'")
    if file is None:
        formula, base = TRAVELMODE, base or "car"
    assert formula is not None
    columns = (case, alt, chosen, person, weights, available)
    data = _read(file, columns, wide, alternatives, varying, missing)
    if not quiet:
        print(data, end="\n\n")
    label = _label(base, data.alternatives)
    logit = ck.logit(formula, data, base=label)
    probit = ck.probit(formula, data, base=label, covariance=covariance, draws=draws)
    with warnings.catch_warnings():
        # The report says the same in its first lines.
        warnings.simplefilter("ignore", ck.ConvergenceWarning)
        with _progress("logit", quiet) as report:
            first = logit.fit(cov_type=cov_type, seed=seed, progress=report)
        with _progress("probit", quiet) as report:
            second = probit.fit(cov_type=cov_type, seed=seed, progress=report)
    comparison = ck.compare(first, second, ratio_to=ratio_to)
    print(comparison)
    for path in (html, output):
        if path is not None:
            comparison.save(path if path.suffix or path is not html else path.with_suffix(".html"))


def _label(text: str | None, labels: tuple[Any, ...]) -> Any:
    """Find the alternative a word of the command line means; labels need not be text."""
    if text is None:
        return None
    return next((label for label in labels if str(label) == text), text)


def _read(
    file: Path | None,
    columns: tuple[str | None, ...],
    wide: bool,
    alternatives: str | None,
    varying: list[str] | None,
    missing: str,
) -> ck.ChoiceData:
    """Read the data as the options say; without a file, TravelMode."""
    case, alt, chosen, person, weights, available = columns
    if missing not in ("raise", "drop"):
        raise typer.BadParameter(f"--missing is 'raise' or 'drop', not {missing!r}")
    if file is None:
        frame = ck.load_dataset("travelmode")
        return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    needed = {"--chosen": chosen} if wide else {"--case": case, "--alt": alt, "--chosen": chosen}
    if wide:
        needed["--alternatives"] = alternatives
    absent = [name for name, value in needed.items() if value is None]
    if absent:
        raise typer.BadParameter(
            f"{'wide' if wide else 'long'} data need {', '.join(absent)}"
            + ("" if wide else " (or --wide for one row a case)")
        )
    frame = _table(file)
    named: dict[str, Any] = {"person": person, "weights": weights, "missing": missing}
    given = _pairs(alternatives, "=") if alternatives else None
    if wide:
        return ck.ChoiceData.from_wide(
            frame,
            alternatives=_codes(given, frame, chosen),
            chosen=chosen,
            varying=_varying(varying or []),
            available=available,
            case=case,
            **named,
        )
    return ck.ChoiceData.from_long(
        frame, case=case, alt=alt, chosen=chosen, available=available, alternatives=given, **named
    )


def _table(file: Path) -> pd.DataFrame:
    """Read a file by its suffix."""
    suffixes = [suffix.lower() for suffix in file.suffixes]
    if not file.exists():
        raise FileNotFoundError(2, "No such file", str(file))
    try:
        if suffixes and suffixes[-1] in (".parquet", ".pq"):
            return pd.read_parquet(file)
        return pd.read_csv(file)
    except ImportError as error:
        raise ChoicekitError(
            f"{file}: reading parquet needs pyarrow. Cure: pip install 'choicekit[parquet]'."
        ) from error
    except (ValueError, UnicodeError) as error:
        raise ChoicekitError(f"{file}: cannot be read as a table: {error}") from error


def _pairs(text: str, sign: str) -> Any:
    """``"a,b"`` as a list, ``"a=1,b=2"`` as a dict."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if all(sign in part for part in parts):
        pairs = [part.split(sign, 1) for part in parts]
        return {left.strip(): right.strip() for left, right in pairs}
    return parts


def _codes(given: Any, frame: pd.DataFrame, chosen: str | None) -> Any:
    """Give codes the type of the column of choices: in ``car=1``, 1 may be a number or text."""
    numeric = chosen in frame.columns and pd.api.types.is_numeric_dtype(frame[chosen])
    if not (isinstance(given, dict) and numeric):
        return given
    try:
        return {label: int(code) for label, code in given.items()}
    except ValueError:
        return given


def _varying(options: list[str]) -> dict[Hashable, Any]:
    """Turn ``cost=cost_{alt}`` or ``cost=car:co_car,walk:0`` into what ``from_wide`` takes."""
    result: dict[Hashable, Any] = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise typer.BadParameter(f"--varying {option!r} is not of the form name=columns")
        if "{alt}" in value:
            result[name.strip()] = value.strip()
            continue
        columns = _pairs(value, ":")
        if not isinstance(columns, dict):
            raise typer.BadParameter(
                f"--varying {option!r}: write 'cost=cost_{{alt}}' or 'cost=car:co_car,bus:co_bus'"
            )
        result[name.strip()] = {alt: _number(column) for alt, column in columns.items()}
    return result


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


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
