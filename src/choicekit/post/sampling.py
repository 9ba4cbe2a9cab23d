"""What a logit on a choice-based sample says about the population.

Axes: J alternatives, P parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from choicekit.data.sampling import population_ratios
from choicekit.exceptions import SpecificationError
from choicekit.post.base import Fitted, error_family, mixing_names

__all__ = ["corrected_constants"]


def corrected_constants(fit: Fitted, population_shares: Mapping[Hashable, float]) -> pd.Series[Any]:
    """Estimates of a logit on a choice-based sample, its constants set right for the population.

    With a full set of constants all other coefficients are consistent as they are, and a constant
    is off by ``log(H / Q)``, the log of its alternative's share in the sample over that in the
    population, against the base's (McFadden's correction: Manski & Lerman 1977, page 1986; Train
    2009, section 3.7.3). Standard errors of the constants are those of
    ``fit.with_cov("HC0", strata="choice")``, with the name of the column of the choices: where the
    number of cases of each choice was fixed, those from the Hessian are too large, and right for
    the other coefficients only (Prentice & Pyke 1979, Biometrika 66, 403-411).

    Parameters
    ----------
    fit
        An unweighted conditional logit with a constant for every alternative but one.
    population_shares
        Share of each alternative among the choices of the population.

    Returns
    -------
    Series
        All estimates (P,), the constants corrected.

    Raises
    ------
    SpecificationError
        If the model is no such logit, or as `population_ratios` does.
    """
    if error_family(fit).law != "Gumbel" or mixing_names(fit):
        raise SpecificationError(
            "Only the conditional logit keeps its other coefficients in a choice-based sample. "
            "Cure: fit with wesml_weights."
        )
    data = fit.model.data
    if data.layout.weights is not None:
        raise SpecificationError("The fit is weighted already; correct an unweighted one.")
    shift = fit.model.errors.scale * np.log(population_ratios(data, population_shares))
    code = {label: j for j, label in enumerate(data.alternatives)}
    own = {
        code[c.alternative]: str(c.name)
        for c in fit.model.design.describe()
        if c.kind == "constant" and c.alternative is not None
    }
    rest = [j for j in range(len(code)) if j not in own]
    if len(rest) != 1:
        raise SpecificationError(
            f"The model has constants for {len(own)} of {len(code)} alternatives, but the "
            "correction needs one for every alternative but the base. Cure: add them, or fit with "
            "wesml_weights."
        )
    out = fit.params.copy()
    for j, name in own.items():
        out[name] += shift[j] - shift[rest[0]]
    return out
