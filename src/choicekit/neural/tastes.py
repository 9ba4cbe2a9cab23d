"""Tastes that a network gives to people.

Axes: C cases, T tastes.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.utility import NeuralDesign

__all__ = ["taste_parameters"]


def taste_parameters(fit: Any, df: pd.DataFrame | None = None) -> pd.DataFrame:
    """Coefficients that the network of a fit with ``kind="tastes"`` gives to each case.

    Parameters
    ----------
    fit
        The results of a model with a `NeuralUtility`.
    df
        New data of the form of the estimation data; the estimation sample by default.

    Returns
    -------
    DataFrame
        A row a case and a column a taste, in the units of the data; (C, T). They have no standard
        errors: the network is taken as given.

    Raises
    ------
    SpecificationError
        If the model has no network of tastes.
    """
    design = fit.model.design
    if not isinstance(design, NeuralDesign) or design.spec.kind != "tastes":
        raise SpecificationError(
            "Only networks of tastes give coefficients to people: "
            "NeuralUtility(..., tastes={'time': '-'})."
        )
    from choicekit.utility.network import evaluate

    data = fit.model.data if df is None else fit.model.data.read_like(df)
    layout = data.layout
    inputs = design.inputs(data.frame, layout.alt, layout.case_ptr, data.case_ids)
    found = evaluate(design.network, inputs, "tastes") / design.features.taste_sd
    return pd.DataFrame(found, index=data.case_ids, columns=list(design.features.taste_block.names))
