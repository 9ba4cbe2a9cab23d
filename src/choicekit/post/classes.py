"""Latent classes after the fit: who belongs where.

Axes: N people, S classes.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.post.base import class_count

__all__ = ["class_names", "class_posteriors", "class_shares"]


def class_posteriors(fit: Any) -> pd.DataFrame:
    """Probabilities of each person's class, given her choices.

    ``h_ns = pi_ns L_ns / sum_r pi_nr L_nr``, with pi_ns the prior probability of class s and
    L_ns that of all her choices in that class, at the estimates (Train 2009, chapter 11, for
    the general idea; Kamakura & Russell 1989).

    Parameters
    ----------
    fit
        `FitResults` of a model with `LatentClasses`.

    Returns
    -------
    DataFrame
        People x classes, (N, S); without people, cases x classes. Rows sum to 1.

    Raises
    ------
    SpecificationError
        For a model without latent classes.
    """
    likelihood = _likelihood(fit)
    found = likelihood.posteriors(fit.params.to_numpy(dtype="float64"))
    data = fit.model.data
    ids = data.case_ids if data.person_ids is None else data.person_ids
    return pd.DataFrame(found, index=ids, columns=class_names(fit))


def class_shares(fit: Any) -> pd.Series[Any]:
    """Mean prior probability of each class over the (weighted) people, (S,).

    Raises
    ------
    SpecificationError
        For a model without latent classes.
    """
    shares = _likelihood(fit).shares(fit.params.to_numpy(dtype="float64"))
    return pd.Series(shares, index=class_names(fit), name="share")


def class_names(fit: Any) -> list[str]:
    """``class1``, ``class2``, ...: labels of the classes, S."""
    return [f"class{s + 1}" for s in range(class_count(fit))]


def _likelihood(fit: Any) -> Any:
    if not class_count(fit):
        raise SpecificationError(
            "This model has no latent classes. Cure: ChoiceModel(..., mixing=LatentClasses(2))."
        )
    return fit._own
