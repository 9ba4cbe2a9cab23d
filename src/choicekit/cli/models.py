"""From the options about a model to the model and its fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

import choicekit as ck
from choicekit.cli import words
from choicekit.cli.options import FitOptions, ModelOptions
from choicekit.exceptions import did_you_mean

__all__ = ["BELONGS", "fit_model", "make_model", "require_consistent"]

ERRORS = (
    "logit",
    "probit",
    "nested",
    "cross-nested",
    "paired",
    "hev",
    "ordered-logit",
    "ordered-probit",
)
BELONGS = {  # options and the errors they are for
    "covariance": ("probit",),
    "nests": ("nested", "cross-nested"),
    "common": ("nested", "cross-nested", "paired"),
    "scale": ("probit", "hev"),
    "order": ("ordered-logit", "ordered-probit"),
}


def make_model(formula: str, data: ck.ChoiceData, options: ModelOptions) -> ck.ChoiceModel:
    """Build the model that the options describe."""
    mixing = _mixing(options, data.alternatives)
    base = words.label_of(options.base, data.alternatives)
    return ck.ChoiceModel(formula, data, _law(options, data.alternatives), base, mixing=mixing)


def fit_model(
    model: ck.ChoiceModel,
    options: FitOptions,
    progress: Callable[[int, float, float], None] | None = None,
) -> ck.FitResults:
    """Fit it as the options say."""
    given: dict[str, Any] = {}
    if options.draws is not None:
        given["draws"] = options.draws
        if options.draws != "auto":
            given["draws"] = _whole(options.draws, "--draws")
    if options.starts is not None:
        given["starts"] = options.starts
    return model.fit(
        start=words.numbers(options.start, "--start"),
        fixed=words.numbers(options.fixed, "--fixed"),
        constraints=options.constraint or None,
        bounds=words.bounds(options.bounds),
        cov_type=options.cov_type,
        groups=options.groups,
        seed=options.seed,
        method=options.method,
        maxiter=options.maxiter,
        progress=progress,
        replicates=options.replicates,
        **given,
    )


def require_consistent(options: ModelOptions) -> None:
    """Refuse options that would be ignored, and errors that do not exist."""
    if options.errors not in ERRORS:
        hint = did_you_mean(options.errors, ERRORS)
        raise typer.BadParameter(
            f"--errors {options.errors!r} is unknown; there are {', '.join(ERRORS)}.{hint}"
        )
    for name, errors in BELONGS.items():
        if getattr(options, name) and options.errors not in errors:
            raise typer.BadParameter(f"--{name} goes with --errors {' or '.join(errors)}")
    random = options.mixing or options.components
    for name in ("correlated", "means"):
        if getattr(options, name) and not random:
            raise typer.BadParameter(f"--{name} goes with --mixing")
    if options.classes is None and (options.membership or options.same):
        raise typer.BadParameter("--membership and --same go with --classes")
    if options.classes is not None and random:
        raise typer.BadParameter("give --mixing or --classes, not both")


def _law(options: ModelOptions, labels: tuple[Any, ...]) -> Any:
    """The error law."""
    name = str(options.errors)
    scale = words.label_of(options.scale, labels)
    if name == "probit":
        return ck.Normal(options.covariance or "unstructured", scale)
    if name == "nested":
        return ck.Nested(words.nests(options.nests, labels, crossed=False), options.common)
    if name == "cross-nested":
        return ck.CrossNested(words.nests(options.nests, labels, crossed=True), options.common)
    if name == "paired":
        return ck.PairedCombinatorial(list(labels), options.common)
    if name == "hev":
        return ck.HeteroskedasticGumbel(scale)
    if name.startswith("ordered-"):
        order = options.order and [
            words.label_of(word, labels) for word in words.items(options.order)
        ]
        return ck.Ordered(name.removeprefix("ordered-"), order or None)
    return ck.Gumbel()


def _mixing(options: ModelOptions, labels: tuple[Any, ...]) -> Any:
    """Random coefficients or latent classes; None without."""
    if options.classes is not None:
        same = words.items(options.same or "")
        return ck.LatentClasses(options.classes, options.membership, same)
    if not (options.mixing or options.components):
        return None
    return ck.RandomCoefficients(
        words.pairs(options.mixing, "--mixing", "time=normal"),
        correlated=options.correlated,
        components=words.memberships(
            options.components, "--components", lambda word: words.label_of(word, labels)
        ),
        means=words.memberships(options.means, "--means"),
    )


def _whole(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{where} is a whole number or auto, not {text!r}") from None
