"""Choices among fewer alternatives: what independence from irrelevant alternatives is tested on.

Axes: C cases, J alternatives, L rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

import numpy as np

from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import SpecificationError, unknown

__all__ = ["without_alternatives"]


def without_alternatives(data: ChoiceData, removed: Iterable[Hashable]) -> ChoiceData:
    """Return the cases that chose something else, with these alternatives not available.

    Cases left with a single alternative go as well: there is nothing to choose. ``alternatives``
    stays, so that the codes of the others keep their meaning.

    Raises
    ------
    SpecificationError
        For an unknown alternative, or if no choice is left.
    """
    codes = []
    for label in removed:
        if label not in data.alternatives:
            raise unknown("alternative", label, data.alternatives)
        codes.append(data.alternatives.index(label))
    layout = data.layout
    stays = ~np.isin(layout.alt, codes)
    sizes = np.add.reduceat(stays.astype(np.int64), layout.case_ptr[:-1])
    part = data.select((layout.chosen >= 0) & ~np.isin(layout.chosen_alt, codes) & (sizes >= 2))
    if not part.n_cases or not codes:
        raise SpecificationError(
            f"No choice is left without {', '.join(map(str, removed)) or 'anything'}. Cure: name "
            "one or more alternatives, and leave two that were chosen."
        )
    layout = part.layout
    stays = ~np.isin(layout.alt, codes)
    ptr = np.concatenate([[0], np.cumsum(stays)])[layout.case_ptr]
    chosen = np.cumsum(stays)[layout.chosen] - 1
    rows = np.flatnonzero(stays)
    smaller = replace(layout, alt=layout.alt[rows], case_ptr=ptr, chosen=chosen)
    return replace(part, frame=part.frame.take(rows), layout=smaller, origin=part.origin[rows])
