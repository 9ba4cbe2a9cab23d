"""The options of the command, in groups that several commands take.

A group is a dataclass: ``takes_groups`` spreads its fields over the signature that typer reads, so
that an option is written once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

__all__ = ["DataOptions", "FitOptions", "ModelOptions", "takes_groups"]

DATA, MODEL, SEARCH = "The data", "The model", "The fit"


def option(text: str, panel: str, *names: str) -> Any:
    """An option with its help, in a panel of the help page."""
    shown = text.replace("[", r"\[")  # or rich would read asc[air] as a style
    return typer.Option(*names, help=shown, rich_help_panel=panel, show_default=False)


@dataclass(frozen=True)
class DataOptions:
    """How a file is read."""

    case: Annotated[str | None, option("Column of the choice situation.", DATA)] = None
    alt: Annotated[str | None, option("Column of the alternative (long data).", DATA)] = None
    chosen: Annotated[str | None, option("Column of the choice.", DATA)] = None
    rank: Annotated[
        str | None, option("Column of ranks, 1 the best, in place of --chosen.", DATA)
    ] = None
    worst: Annotated[str | None, option("With --rank: column of the worst.", DATA)] = None
    depth: Annotated[int | None, option("With --rank: most choices from the top.", DATA)] = None
    person: Annotated[str | None, option("Column of the decision maker.", DATA)] = None
    weights: Annotated[str | None, option("Column of the case weights.", DATA)] = None
    available: Annotated[
        str | None, option("Column of availability; with --wide a pattern, 'av_{alt}'.", DATA)
    ] = None
    wide: Annotated[bool, option("One row a case.", DATA, "--wide")] = False
    alternatives: Annotated[
        str | None,
        option("Labels 'car,bus', or with codes 'car=1,bus=2', in the order wanted.", DATA),
    ] = None
    varying: Annotated[
        list[str] | None,
        option(
            "Wide attributes: 'cost=cost_{alt}' or 'cost=car:co_car,bus:co_bus'; repeatable.", DATA
        ),
    ] = None
    missing: Annotated[str, option("'raise' or 'drop' cases with missing values.", DATA)] = "raise"


@dataclass(frozen=True)
class ModelOptions:
    """Errors and mixing."""

    errors: Annotated[
        str | None,
        option(
            "logit, probit, nested, cross-nested, paired, hev, ordered-logit or ordered-probit.",
            MODEL,
        ),
    ] = None
    base: Annotated[str | None, option("Reference alternative.", MODEL)] = None
    nests: Annotated[
        list[str] | None,
        option(
            "'transit=bus+train,fast=train:0.5+car': nests and their alternatives, for cross-nested"
            " with fixed allocations if wanted; a member may be another nest. Repeatable.",
            MODEL,
        ),
    ] = None
    common: Annotated[bool, option("One lambda for all nests.", MODEL, "--common")] = False
    covariance: Annotated[
        str | None,
        option(
            "Of the probit: iid, heteroskedastic, exchangeable, factor(k), unstructured (default).",
            MODEL,
        ),
    ] = None
    scale: Annotated[str | None, option("Alternative that sets the scale: probit, hev.", MODEL)] = (
        None
    )
    order: Annotated[
        str | None, option("Ordered categories from the lowest on, 'low,middle,high'.", MODEL)
    ] = None
    mixing: Annotated[
        list[str] | None,
        option(
            "Random coefficients 'time=normal,cost=-lognormal'. Repeatable.",
            MODEL,
        ),
    ] = None
    correlated: Annotated[
        bool, option("Random coefficients are correlated.", MODEL, "--correlated")
    ] = False
    means: Annotated[
        list[str] | None, option("What moves their means, 'time=income+female'.", MODEL)
    ] = None
    components: Annotated[
        list[str] | None, option("Error components 'transit=bus+train'. Repeatable.", MODEL)
    ] = None
    classes: Annotated[int | None, option("Number of latent classes.", MODEL)] = None
    membership: Annotated[str | None, option("Who is in which class, '~ income'.", MODEL)] = None
    same: Annotated[
        str | None, option("Coefficients alike in all classes, 'cost,asc[air]'.", MODEL)
    ] = None


@dataclass(frozen=True)
class FitOptions:
    """How the likelihood is maximised and the errors are judged."""

    cov_type: Annotated[
        str,
        option("nonrobust (default), opg, HC0, HC1, cluster or bootstrap.", SEARCH),
    ] = "nonrobust"
    groups: Annotated[str | None, option("Column of the clusters; else the people.", SEARCH)] = None
    replicates: Annotated[int, option("Of the bootstrap (200).", SEARCH)] = 200
    draws: Annotated[
        str | None, option("Draws where something is simulated: a number, or auto.", SEARCH)
    ] = None
    seed: Annotated[int, option("Of the draws and the bootstrap (1).", SEARCH)] = 1
    method: Annotated[str, option("auto (default), newton, bfgs, bhhh or trust.", SEARCH)] = "auto"
    starts: Annotated[int | None, option("Number of starting points.", SEARCH)] = None
    maxiter: Annotated[int, option("Most iterations (500).", SEARCH)] = 500
    start: Annotated[
        list[str] | None, option("Starting values 'gc=-0.1,lambda[transit]=0.8'.", SEARCH)
    ] = None
    fixed: Annotated[list[str] | None, option("Parameters held, 'asc[air]=0'.", SEARCH)] = None
    constraint: Annotated[
        list[str] | None,
        option("An equation 'hinc[air] = hinc[bus]'. Repeatable.", SEARCH),
    ] = None
    bounds: Annotated[
        list[str] | None,
        option("Least and largest values 'gc=:0,ttme=-1:0'.", SEARCH),
    ] = None


def takes_groups(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each field of the groups among its parameters."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, tuple[Any, list[str]]] = {}
    parameters: list[inspect.Parameter] = []
    annotations: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints[name]
        if not is_dataclass(kind):
            parameters.append(parameter.replace(annotation=kind))
            annotations[name] = kind
            continue
        own = get_type_hints(kind, include_extras=True)
        groups[name] = kind, [field.name for field in fields(kind)]
        for field in fields(kind):
            parameters.append(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.POSITIONAL_OR_KEYWORD,
                    default=field.default,
                    annotation=own[field.name],
                )
            )
            annotations[field.name] = own[field.name]

    @wraps(function)
    def command(**values: Any) -> Any:
        made = {
            name: kind(**{field: values.pop(field) for field in names})
            for name, (kind, names) in groups.items()
        }
        return function(**made, **values)

    del command.__wrapped__  # or typer would look at the groups
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = annotations
    paragraphs = (function.__doc__ or "").split("\n\n")
    command.__doc__ = "\n\n".join(" ".join(text.split()) for text in paragraphs)
    return command


File = Annotated[
    Path | None, typer.Argument(help="CSV (also .gz) or parquet file.", show_default=False)
]
Formula = Annotated[
    str | None,
    typer.Argument(help="For example 'choice ~ cost + time | income'.", show_default=False),
]
