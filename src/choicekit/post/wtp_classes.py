"""Willingness to pay in latent classes: of each class, their mean, and of each person.

Axes: M ratios, K coefficients of a class, P parameters, R draws, S classes, N people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.post.classes import class_names, class_posteriors
from choicekit.post.wtp import (
    Estimates,
    Question,
    differenced_jacobian,
    interval_table,
    price_notes,
)
from choicekit.post.wtp_terms import Terms

__all__ = ["of_classes"]

Float = NDArray[np.float64]


def of_classes(fit: Any, terms: Terms, ask: Question) -> pd.DataFrame:
    """Each class's willingness to pay, then its mean over the classes."""
    if ask.method == "fieller":
        raise SpecificationError(
            "Fieller's interval is that of one ratio, not of a mean over classes. Cure: "
            "method='krinsky-robb'."
        )
    index, names = fit.model.bound_mixing.index, class_names(fit)
    if ask.by == "person":
        return _of_persons(fit, terms, ask)
    likelihood = fit._own

    def values(params: Float) -> Float:
        each = np.array([terms.ratios(params[own]) for own in index])
        return np.concatenate([each.ravel(), likelihood.shares(params) @ each])

    def many(draws: Float) -> Float:
        each = np.array([terms.ratios(draws[:, own]) for own in index])  # (S, R, M)
        shares = np.array([likelihood.shares(one) for one in draws])  # (R, S)
        mean = np.einsum("rs,srm->rm", shares, each)
        return np.hstack([*each, mean])

    def crossing(draws: Float) -> Float:
        each = np.array([terms.crossing(draws[:, own]) for own in index])
        return np.concatenate([each.ravel(), each.max(axis=0)])

    found = Estimates(values, many, lambda: differenced_jacobian(fit, values), crossing)
    each = [price_notes(fit, terms, own, ask) for own in index]
    worst = ["; ".join(dict.fromkeys(filter(None, said))) for said in zip(*each, strict=True)]
    notes = [*(note for said in each for note in said), *worst]
    table = interval_table(fit, found, ask, notes)
    levels = pd.concat(
        [terms.labels.assign(**{"class": name}) for name in (*names, "mean")], ignore_index=True
    )
    out = pd.concat([levels, table], axis=1)
    out.attrs["levels"] = ["class", *terms.labels.columns]
    return out


def _of_persons(fit: Any, terms: Terms, ask: Question) -> pd.DataFrame:
    """Mean and spread over the classes, with each person's posterior probabilities."""
    if terms.size > 1:
        raise SpecificationError(
            "by='person' is for ratios that do not differ between alternatives. Cure: name "
            "coefficients, or by='mean'."
        )
    posterior = class_posteriors(fit)
    h = posterior.to_numpy()
    each = np.array([terms.ratios(fit._values[own])[0] for own in fit.model.bound_mixing.index])
    mean = h @ each
    order = np.argsort(each)
    middle = np.argmax(np.cumsum(h[:, order], axis=1) >= 0.5, axis=1)
    out = pd.DataFrame(
        {
            "person": posterior.index,
            "mean": mean,
            "sd": np.sqrt(np.maximum(h @ each**2 - mean**2, 0.0)),
            "median": each[order][middle],
        }
    )
    out.attrs["levels"] = ["person"]
    return out
