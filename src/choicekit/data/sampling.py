"""Weights for samples whose choices were sampled more or less often than the population makes them.

Axes: C cases, J alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError

if TYPE_CHECKING:
    from choicekit.data.choicedata import ChoiceData

__all__ = ["population_ratios", "reweighted", "wesml_weights"]

Float = NDArray[np.float64]

WHOLE = 1e-6  # how far shares may be from adding up to one


def population_ratios(data: ChoiceData, population_shares: Mapping[Hashable, float]) -> Float:
    """Share of each alternative in the population over that in the sample's choices, (J,).

    Raises
    ------
    SpecificationError
        If shares are missing, not positive, of unknown alternatives, or do not add up to one, or
        an alternative was never chosen.
    """
    labels = list(data.alternatives)
    strange = [label for label in population_shares if label not in labels]
    absent = [label for label in labels if label not in population_shares]
    if strange or absent:
        raise SpecificationError(
            "population_shares needs a share for every alternative and no other: "
            + "; ".join(
                f"{what}: {', '.join(map(repr, which))}"
                for what, which in (("unknown", strange), ("missing", absent))
                if which
            )
            + f". The alternatives are {', '.join(map(repr, labels))}."
        )
    shares = np.array([float(population_shares[label]) for label in labels])
    if not (np.isfinite(shares).all() and (shares > 0.0).all()):
        raise SpecificationError("population_shares must be positive numbers.")
    if abs(shares.sum() - 1.0) > WHOLE:
        raise SpecificationError(f"population_shares must add up to 1, not to {shares.sum():g}.")
    counts = np.bincount(data.layout.chosen_alt, minlength=len(labels))
    if (counts == 0).any():
        never = ", ".join(repr(labels[int(j)]) for j in np.flatnonzero(counts == 0))
        raise SpecificationError(
            f"{never} is never chosen in the sample, so no weight can stand for those who choose "
            "it. Cure: leave it out of the data and of the shares."
        )
    ratios: Float = shares / (counts / counts.sum())
    return ratios


def wesml_weights(data: ChoiceData, population_shares: Mapping[Hashable, float]) -> pd.Series[Any]:
    """Weights that undo sampling by the choice itself (Manski & Lerman 1977).

    A case whose choice has the share Q in the population and H in the sample gets the weight Q / H.
    Maximising the weighted likelihood is consistent for any model; its standard errors must come
    from the sandwich, ``fit(cov_type="HC0", strata="choice")`` with the name of the column of the
    choices. Without ``strata`` those of constants are too large (by half, easily), because the
    number of cases of each choice was fixed and not drawn. For a logit with a full set of
    constants, `corrected_constants` of the unweighted fit is more precise.

    Parameters
    ----------
    data
        The choice-based sample.
    population_shares
        Share of each alternative among the choices of the population.

    Returns
    -------
    Series
        One weight a case, by case id; their mean is 1. For ``data.with_weights(...)``.

    Raises
    ------
    SpecificationError
        As `population_ratios` does.

    References
    ----------
    Manski & Lerman (1977), Econometrica 45, 1977-1988, equation 7; Manski & McFadden (1981) for the
    standard errors.

    Examples
    --------
    >>> import choicekit as ck
    >>> data = ck.ChoiceData.from_long(
    ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    ... )
    >>> weights = ck.wesml_weights(data, {"air": 0.14, "train": 0.13, "bus": 0.09, "car": 0.64})
    >>> model = ck.logit("choice ~ gc + ttme", data.with_weights(weights))
    >>> fit = model.fit(cov_type="HC0", strata="choice")
    """
    ratios = population_ratios(data, population_shares)
    return pd.Series(ratios[data.layout.chosen_alt], index=data.case_ids, name="wesml")


def reweighted(data: ChoiceData, weights: pd.Series[Any] | Float) -> ChoiceData:
    """The same cases with other weights; see ``ChoiceData.with_weights``."""
    name = "weights"
    if isinstance(weights, pd.Series):
        name = str(weights.name or name)
        lost = data.case_ids[~data.case_ids.isin(weights.index)]
        if len(lost):
            raise SpecificationError(
                f"The weights have no entry for {len(lost):,} cases, the first of them {lost[0]!r}."
            )
        weights = weights.reindex(data.case_ids).to_numpy()
    values = np.asarray(weights, dtype=np.float64)
    if values.shape != (data.n_cases,):
        raise SpecificationError(
            f"There must be one weight for each of the {data.n_cases:,} cases, not an array of "
            f"shape {values.shape}."
        )
    if not (np.isfinite(values).all() and (values >= 0.0).all() and (values > 0.0).any()):
        raise SpecificationError("Weights must be finite, not negative, and not all zero.")
    frame = data.frame.assign(**{name: values[data.layout.case]})
    return replace(data, frame=frame, layout=replace(data.layout, weights=values), weights=name)


def rechosen(data: ChoiceData, choices: pd.Series[Any]) -> ChoiceData:
    """The same cases with other choices; see ``ChoiceData.with_choices``.

    Raises
    ------
    SpecificationError
        If a case has none, or one that is not available to it.
    """
    if not isinstance(choices, pd.Series):
        raise SpecificationError("The choices must be a Series of labels by case id.")
    lost = data.case_ids[~data.case_ids.isin(choices.index)]
    if len(lost):
        raise SpecificationError(
            f"The choices have no entry for {len(lost):,} cases, the first of them "
            f"{lost.tolist()[0]!r}."
        )
    layout, known = data.layout, list(data.alternatives)
    wanted = choices.reindex(data.case_ids).tolist()
    code = np.array([known.index(one) if one in known else -1 for one in wanted], dtype=np.int64)
    matches = np.flatnonzero(layout.alt == code[layout.case])
    if len(matches) < layout.n_cases:
        case = int(np.setdiff1d(np.arange(layout.n_cases), layout.case[matches])[0])
        raise SpecificationError(
            f"{wanted[case]!r} is not available in the case {data.case_ids.tolist()[case]!r}."
        )
    frame = data.frame
    if data.chosen in frame.columns:  # wide data hold the label, long ones a flag
        labels = pd.Series(wanted, dtype=object)[layout.case].to_numpy()
        flags = np.zeros(layout.n_rows, dtype=np.int64)
        flags[matches] = 1
        one_hot = data.form == "long" and pd.api.types.is_numeric_dtype(frame[data.chosen])
        frame = frame.assign(**{str(data.chosen): flags if one_hot else labels})
    return replace(data, frame=frame, layout=replace(layout, chosen=matches))
