"""A new alternative that is valued like one there is, with attributes of its own.

Axes: C cases, J alternatives, L rows (case x available alternative), K coefficients.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.layout import Layout
from choicekit.errors.by_class import ErrorsByClass
from choicekit.errors.gumbel import Gumbel
from choicekit.errors.nested import Nested
from choicekit.errors.normal import Normal
from choicekit.exceptions import SpecificationError
from choicekit.likelihood.build import build_likelihood
from choicekit.mixing.bound import BoundRandom
from choicekit.post.changes import Change, changed, read_change, require_alternative
from choicekit.utility import NeuralDesign, NonlinearDesign

__all__ = ["Newcomer", "read_newcomers", "with_newcomers"]

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Newcomer:
    """An alternative that is not in the data.

    Attributes
    ----------
    label
        Its name.
    like
        The alternative whose coefficients, constant, availability and nest it shares.
    changes
        How its attributes differ from that one's.
    """

    label: Hashable
    like: Hashable
    changes: tuple[Change, ...]


def read_newcomers(
    add: Mapping[Hashable, Mapping[Hashable, Any]], alternatives: tuple[Any, ...]
) -> list[Newcomer]:
    """Read ``{"tram": {"like": "train", "gc": 40, "ttme": "*0.5"}}``.

    A number is the value of an attribute, anything else a change of what it is copied from.

    Raises
    ------
    SpecificationError
        For names that exist already, and for alternatives to be like that do not.
    """
    if not isinstance(add, Mapping):
        raise SpecificationError(
            f"Write new alternatives as {{'tram': {{'like': {alternatives[0]!r}, ...}}}}, not "
            f"{add!r}."
        )
    found = []
    for label, entries in add.items():
        if label in alternatives:
            raise SpecificationError(
                f"There is an alternative {label!r} already. Cure: another name, or a change."
            )
        if not isinstance(entries, Mapping) or "like" not in entries:
            raise SpecificationError(
                f"Say which alternative {label!r} is valued like: {{{label!r}: {{'like': "
                f"{alternatives[0]!r}, ...}}}}."
            )
        require_alternative(entries["like"], alternatives)
        changes = []
        for column, change in entries.items():
            if column == "like":
                continue
            number = isinstance(change, int | float | np.number) and not isinstance(change, bool)
            text = f"={float(change)!r}" if number else change
            changes.append(read_change(column, entries["like"], text))
        found.append(Newcomer(label, entries["like"], tuple(changes)))
    return found


def with_newcomers(
    fit: Any, data: Any, newcomers: list[Newcomer], used: list[Hashable]
) -> tuple[Any, tuple[Any, ...]]:
    """The likelihood with the new alternatives, and all labels.

    Parameters
    ----------
    fit
        The fit.
    data
        The `ChoiceData` to which they come.
    newcomers
        What comes.
    used
        Columns that the model uses.

    Raises
    ------
    SpecificationError
        Where the estimates do not say what the errors of a new alternative would be.
    """
    model = fit.model
    if isinstance(model.design, NeuralDesign):
        raise SpecificationError(
            "A network knows the alternatives that it was trained on, and nothing says what it "
            "would make of a new one. Cure: a model without a network."
        )
    if isinstance(model.design, NonlinearDesign):
        raise SpecificationError(
            "Alternatives can be added to utilities that are linear in their coefficients. Cure: "
            "a formula, or a dict of coefficients an alternative."
        )
    labels, base = data.alternatives, data.alternatives.index(model.base)
    law, x, layout = model.errors, model.likelihood(data).x, data.layout
    _require_no_components(model)
    for newcomer in newcomers:
        law = _extended(law, newcomer)
        other = changed(data, newcomer.changes, used)
        own = np.flatnonzero(data.layout.alt == labels.index(newcomer.like))
        rows = model._rows(other)[own]
        x, layout = _inserted(x, layout, rows, data.layout.case[own])
        labels = (*labels, newcomer.label)
    bound = law.bind(labels, base)
    if isinstance(model.bound, ErrorsByClass):
        bound = replace(model.bound, law=bound)
    mixing = model._bind_mixing(data)
    if isinstance(mixing, BoundRandom):
        none = np.zeros((len(mixing.members), len(newcomers)))
        mixing = replace(mixing, members=np.hstack([mixing.members, none]))
    people = data.person_keys()
    return build_likelihood(x, layout, bound, data.case_keys(), mixing, people), labels


def _require_no_components(model: Any) -> None:
    mixing = model.bound_mixing
    if isinstance(mixing, BoundRandom) and mixing.size > len(mixing.columns):
        raise SpecificationError(
            "This model has error components of groups of alternatives, and nothing says to which "
            "a new one belongs. Cure: a model without components."
        )


def _extended(law: Any, newcomer: Newcomer) -> Any:
    """The error law with one alternative more and the same parameters."""
    if isinstance(law, Gumbel):
        return law
    if isinstance(law, Nested):
        return law.joined(newcomer.like, newcomer.label)
    if isinstance(law, Normal) and law.spec.name == "iid":
        return law
    reason = "the errors of each alternative have parameters of their own"
    raise SpecificationError(
        f"Nothing says how the errors of {newcomer.label!r} would be distributed: under "
        f"{law.title.lower()} {reason}. Cure: a law without (Gumbel, Nested, covariance='iid'), or "
        "change an alternative that there is."
    )


def _inserted(
    x: Float, layout: Layout, rows: Float, case: NDArray[np.int64]
) -> tuple[Float, Layout]:
    """Regressors and layout with one row more in some cases, after their other rows."""
    code = layout.n_alternatives
    both = np.concatenate([layout.case, case])
    order = np.argsort(both, kind="stable")  # the new rows come last in their cases
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    alt = np.concatenate([layout.alt, np.full(len(case), code, dtype=np.int32)])[order]
    sizes = np.bincount(both, minlength=layout.n_cases)
    chosen = np.where(layout.chosen >= 0, place[layout.chosen], -1)
    case_ptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    out = np.asfortranarray(np.concatenate([x, rows])[order])
    return out, replace(
        layout,
        alt=alt.astype(np.int32),
        case_ptr=case_ptr,
        chosen=chosen,
        n_alternatives=code + 1,
    )
