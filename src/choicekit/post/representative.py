"""The cases that effects are about: the first choices of rankings, or one made of averages.

Axes: C cases, J alternatives, L rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, unknown
from choicekit.post.base import Fitted, weights_of
from choicekit.post.moves import columns_of_model, kind_of, same_in_cases

__all__ = ["AT", "first_choices", "representative"]

Float = NDArray[np.float64]

AT = ("mean", "median", "zero")


def first_choices(data: Any) -> Any:
    """Cases that are choices from a whole choice set: of rankings, the first stage."""
    if not data.exploded:
        return data
    stage = data.frame["stage"].to_numpy()[data.layout.case_ptr[:-1]]
    return data.select(stage == 1)


def representative(fit: Fitted, data: Any, at: str) -> Any:
    """One case in which every column has, for each alternative, its average over the cases.

    Parameters
    ----------
    fit, data
        The fit, and the data averaged (with their weights, for the mean).
    at
        ``"mean"``, ``"median"`` or ``"zero"``.

    Returns
    -------
    ChoiceData
        A single case with all alternatives that were ever available.

    Raises
    ------
    SpecificationError
        For another ``at``, and if the model uses columns that are no numbers.
    """
    if at not in AT:
        raise unknown("at", at, AT)
    columns = columns_of_model(fit.model)
    odd = [c for c in columns if kind_of(data.frame[c]) in ("flag", "category")]
    if odd:
        raise SpecificationError(
            f"at={at!r} needs numbers, and the model uses {', '.join(map(repr, odd))}. Cure: "
            "average the effects of the cases instead, or make 0/1 columns."
        )
    layout = data.layout
    codes, first = np.unique(layout.alt, return_index=True)
    frame = data.frame.iloc[first].copy()
    weights = weights_of(layout)
    for name in columns:
        values = data.frame[name].to_numpy(dtype=np.float64)
        if same_in_cases(data.frame[name], layout):  # cases count once, however many rows
            frame[name] = _average(values[layout.case_ptr[:-1]], weights, at)
            continue
        rows = [np.flatnonzero(layout.alt == code) for code in codes]
        frame[name] = [_average(values[own], weights[layout.case[own]], at) for own in rows]
    one = replace(
        layout,
        alt=codes.astype(np.int32),
        case_ptr=np.array([0, len(codes)], dtype=np.int64),
        chosen=np.zeros(1, dtype=np.int64),
        weights=None,
        person=None,
    )
    return replace(
        data,
        frame=frame,
        layout=one,
        case_ids=pd.Index([at]),
        person_ids=None,
        person=None,
        weights=None,
        origin=np.arange(len(codes)),
        n_input_rows=len(codes),
    )


def _average(values: Float, weights: Float, at: str) -> float:
    if at == "zero":
        return 0.0
    return float(np.median(values) if at == "median" else np.average(values, weights=weights))
