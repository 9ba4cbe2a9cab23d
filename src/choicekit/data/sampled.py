"""Some of the alternatives in place of all, where there are very many.

Axes: C cases, L rows (case x available alternative), J alternatives.

McFadden (1978): if D is the set drawn for a case, its choice i always among it, and pi(D | i) the
probability of drawing it, then a logit on D with ``log pi(D | j)`` added to each utility is
consistent for the logit on all alternatives.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.checks import case_finding
from choicekit.data.choicedata import ChoiceData
from choicekit.data.keys import case_keys
from choicekit.data.layout import Layout
from choicekit.exceptions import SpecificationError

__all__ = ["LOG_Q", "sample_alternatives", "sampling_notes"]

LOG_Q = "log_q"  # the column that is added

Float = NDArray[np.float64]


def sample_alternatives(
    data: ChoiceData,
    size: int | None = None,
    probabilities: Mapping[Hashable, float] | str | None = None,
    seed: int = 1,
) -> ChoiceData:
    """Keep each case's choice and a random part of its other alternatives.

    Parameters
    ----------
    data
        Choices from all alternatives.
    size
        So many alternatives a case, the others than the chosen one drawn with equal
        probabilities, without replacement. Cases that have no more keep all.
    probabilities
        In place of ``size``: each alternative but the chosen one is kept with a probability of its
        own, by label or in a column of the data, in (0, 1]. Cases where nothing but the choice is
        kept are left out: they say nothing.
    seed
        Of the draws, which are keyed by case.

    Returns
    -------
    ChoiceData
        With a column ``log_q``, the correction ``log pi(D | j)`` up to a constant of the case:
        add it to the utilities, ``"choice ~ cost + offset(log_q)"``. With ``size`` it is zero.

    Raises
    ------
    SpecificationError
        If both or neither of size and probabilities are given, they make no sense, choices are
        unknown, or the data are rankings.

    Notes
    -----
    Exact for the conditional logit only. In a mixed logit the same correction leaves a bias that
    falls with the number of alternatives kept (Guevara & Ben-Akiva 2013, Transportation Research
    B 58); nested and cross-nested models need another one, for the sums over the nests as well
    (Guevara & Ben-Akiva 2013, Transportation Research B 48); for the probit there is none. The
    summary of a fit says so. To predict choices from all alternatives give them ``log_q`` 0.

    References
    ----------
    McFadden (1978), Modelling the choice of residential location; Train (2009), section 3.7.1.

    Examples
    --------
    >>> import choicekit as ck
    >>> data = ck.ChoiceData.from_long(
    ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    ... )
    >>> some = ck.sample_alternatives(data, size=3)
    >>> fit = ck.logit("choice ~ gc + ttme + offset(log_q)", some).fit()
    >>> some.n_rows, float(fit.params["offset(log_q)"])
    (630, 1.0)
    """
    _require_usable(data, size, probabilities)
    layout = data.layout
    chosen = np.zeros(layout.n_rows, dtype=np.bool_)
    chosen[layout.chosen] = True
    u = np.where(chosen, -1.0, _uniforms(data, seed))
    if size is not None:
        order = np.lexsort((u, layout.case))
        place = np.empty(layout.n_rows, dtype=np.int64)
        place[order] = np.arange(layout.n_rows) - layout.case_ptr[:-1][layout.case]
        kept, log_q = place < size, np.zeros(layout.n_rows)
    else:
        q = _inclusion(data, probabilities)
        kept, log_q = u < q, -np.log(q)
    return _informative(_with_rows(data, kept, log_q))


def _require_usable(data: ChoiceData, size: object, probabilities: object) -> None:
    if (size is None) == (probabilities is None):
        raise SpecificationError("Give one of size= and probabilities=.")
    whole = isinstance(size, int | np.integer) and not isinstance(size, bool)
    if size is not None and not (whole and size >= 2):  # type: ignore[operator]
        raise SpecificationError(f"size must be a whole number of at least 2, not {size!r}.")
    if data.exploded:
        raise SpecificationError(
            "The data are rankings, whose alternatives cannot be sampled so. Cure: keep the first "
            "choices, from_rankings(..., depth=1)."
        )
    if data.chosen is None or (data.layout.chosen < 0).any():
        raise SpecificationError("Some choices are unknown, but they must be among the sample.")
    if data.sampled or LOG_Q in data.frame.columns:
        raise SpecificationError(
            f"The data have a column {LOG_Q!r} already. Cure: rename it; or sample from the data "
            "with all alternatives."
        )


def _inclusion(data: ChoiceData, probabilities: Any) -> Float:
    """Probability (L,) that a row is kept."""
    labels, layout = list(data.alternatives), data.layout
    if isinstance(probabilities, str):
        if probabilities not in data.frame.columns:
            raise SpecificationError(f"probabilities={probabilities!r} is no column of the data.")
        values = data.frame[probabilities].to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        lost = [label for label in labels if label not in probabilities]
        if lost:
            raise SpecificationError(
                f"probabilities has none for {', '.join(map(repr, lost[:5]))}."
            )
        by_code = np.array([float(probabilities[label]) for label in labels])
        values = by_code[layout.alt]
    if not ((values > 0.0) & (values <= 1.0)).all():
        raise SpecificationError(
            "probabilities must be above 0 and at most 1: an alternative that is never drawn "
            "cannot be corrected for."
        )
    return values


def _uniforms(data: ChoiceData, seed: int) -> Float:
    """A number in [0, 1) a row, keyed by case and alternative, (L,)."""
    layout = data.layout
    labels = case_keys(pd.Index(data.alternatives, tupleize_cols=False))
    words = data.case_keys()[layout.case] ^ labels[layout.alt]
    for salt in (seed, 0):
        words = case_keys(words.view(np.int64)) ^ np.uint64(salt)
    words = case_keys(words.view(np.int64))
    found: Float = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found


def _with_rows(data: ChoiceData, kept: NDArray[np.bool_], log_q: Float) -> ChoiceData:
    """The data with some of their rows, and the correction."""
    old = data.layout
    case_ptr = np.concatenate([[0], np.cumsum(np.bincount(old.case[kept], minlength=old.n_cases))])
    place = np.cumsum(kept) - 1
    layout = Layout(
        alt=old.alt[kept],
        case_ptr=case_ptr.astype(np.int64),
        chosen=place[old.chosen],
        n_alternatives=old.n_alternatives,
        weights=old.weights,
        person=old.person,
    )
    frame = data.frame.loc[kept].assign(**{LOG_Q: log_q[kept]})
    return replace(data, frame=frame, layout=layout, origin=data.origin[kept], sampled=LOG_Q)


def _informative(data: ChoiceData) -> ChoiceData:
    """Leave out the cases of which nothing but the choice was kept."""
    alone = data.layout.sizes < 2
    if not alone.any():
        return data
    if alone.all():
        raise SpecificationError("No alternative but the chosen ones was drawn: raise the number.")
    message = "No alternative but the chosen one was drawn"
    finding = case_finding("one-alternative", "note", alone, data.case_ids, message, "")
    return replace(
        data.select(~alone),
        dropped=(*data.dropped, finding),
        dropped_ids=data.dropped_ids.append(data.case_ids[alone]),
    )


def sampling_notes(
    data: ChoiceData, columns: Iterable[Hashable], errors: object, mixing: object
) -> tuple[str, ...]:
    """What a reader must know of a fit on sampled alternatives; nothing for others."""
    if not data.sampled:
        return ()
    notes = []
    if data.sampled not in columns and bool(data.frame[data.sampled].any()):
        notes.append(
            f"The alternatives were sampled, but their correction is not in the utility: the "
            f"estimates are biased. Cure: add offset({data.sampled}) to the formula."
        )
    if type(errors).__name__ != "Gumbel" or mixing is not None:
        notes.append(
            "The alternatives were sampled. The correction for that is exact for the conditional "
            "logit only (McFadden 1978): these estimates are biased, the less so the more "
            "alternatives were kept (Guevara & Ben-Akiva 2013)."
        )
    return tuple(notes)
