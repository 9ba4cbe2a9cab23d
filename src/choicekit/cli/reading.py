"""From a file and the options about it to choice data."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd
import typer

import choicekit as ck
from choicekit.cli.options import DataOptions
from choicekit.cli.words import items, number
from choicekit.exceptions import ChoicekitError

__all__ = ["read_data"]


def read_data(file: Path | None, options: DataOptions) -> ck.ChoiceData:
    """Read the data as the options say; without a file, TravelMode."""
    if options.missing not in ("raise", "drop"):
        raise typer.BadParameter(f"--missing is 'raise' or 'drop', not {options.missing!r}")
    if file is None:
        frame = ck.load_dataset("travelmode")
        return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")
    _require_columns(options)
    frame = _table(file)
    named: dict[str, Any] = {
        "person": options.person,
        "weights": options.weights,
        "missing": options.missing,
        "case": options.case,
        "available": options.available,
    }
    given = _alternatives(options.alternatives)
    if options.wide:
        return ck.ChoiceData.from_wide(
            frame,
            alternatives=_typed(given, frame, options.chosen),
            chosen=options.chosen,
            varying=_varying(options.varying or []),
            **named,
        )
    given = _typed(given, frame, options.alt)
    if options.rank is not None:
        ranks: dict[str, Any] = {
            "rank": options.rank,
            "worst": options.worst,
            "depth": options.depth,
        }
        return ck.ChoiceData.from_rankings(
            frame, alt=options.alt, alternatives=given, **ranks, **named
        )
    return ck.ChoiceData.from_long(
        frame, alt=options.alt, chosen=options.chosen, alternatives=given, **named
    )


def _require_columns(options: DataOptions) -> None:
    """Say which options the form of the data needs."""
    if options.rank is not None and (options.wide or options.chosen is not None):
        other = "--wide" if options.wide else "--chosen"
        raise typer.BadParameter(f"--rank takes the place of --chosen, in long data: no {other}")
    if options.rank is None and (options.worst is not None or options.depth is not None):
        raise typer.BadParameter("--worst and --depth go with --rank")
    needed = {"--chosen": options.chosen}
    if options.wide:
        needed["--alternatives"] = options.alternatives
    else:
        needed = {"--case": options.case, "--alt": options.alt, **needed}
        if options.rank is not None:
            del needed["--chosen"]
    absent = [name for name, value in needed.items() if value is None]
    if absent:
        raise typer.BadParameter(
            f"{'wide' if options.wide else 'long'} data need {', '.join(absent)}"
            + ("" if options.wide else " (or --wide for one row a case)")
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


def _alternatives(text: str | None) -> Any:
    """``"a,b"`` as a list, ``"a=1,b=2"`` as a dict."""
    if not text:
        return None
    return _split(text, "=")


def _split(text: str, sign: str) -> Any:
    """A dict if all parts have the sign, else a list."""
    parts = items(text)
    if all(sign in part for part in parts):
        divided = [part.split(sign, 1) for part in parts]
        return {left.strip(): right.strip() for left, right in divided}
    return parts


def _typed(given: Any, frame: pd.DataFrame, column: str | None) -> Any:
    """Give codes and labels the type of their column: in ``car=1``, 1 may be a number or text."""
    numeric = column in frame.columns and pd.api.types.is_numeric_dtype(frame[column])
    if given is None or not numeric:
        return given
    try:
        if isinstance(given, dict):
            return {label: int(code) for label, code in given.items()}
        return [int(label) for label in given]
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
        columns = _split(value, ":")
        if not isinstance(columns, dict):
            raise typer.BadParameter(
                f"--varying {option!r}: write 'cost=cost_{{alt}}' or 'cost=car:co_car,bus:co_bus'"
            )
        result[name.strip()] = {alt: number(column) for alt, column in columns.items()}
    return result
