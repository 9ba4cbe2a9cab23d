"""The part of ChoiceData that has to do with rankings.

Axes: C cases.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.assemble import Reading
from choicekit.data.labels import given_alternatives
from choicekit.data.layout import Layout
from choicekit.data.rankings import STAGE, WORST, RankReader

__all__ = ["Ranked"]


class Ranked:
    """How rankings are read, and what of them a model must know."""

    frame: pd.DataFrame
    layout: Layout
    reader: Any

    @classmethod
    def _from_reading(cls, reading: Reading, reader: Any) -> Self:
        raise NotImplementedError

    @classmethod
    def from_rankings(
        cls,
        df: Any,
        *,
        case: Hashable,
        alt: Hashable,
        rank: Hashable,
        worst: Hashable | None = None,
        depth: int | None = None,
        person: Hashable | None = None,
        weights: Hashable | None = None,
        available: Hashable | None = None,
        alternatives: Iterable[Hashable] | Mapping[Hashable, Hashable] | None = None,
        missing: str = "raise",
    ) -> Self:
        """Read rankings as sequences of choices: the best of all, the best of the others, ...

        With independent Gumbel errors the probability of a ranking is the product of these
        choices' (rank-ordered or exploded logit; Luce & Suppes 1965; Beggs, Cardell & Hausman
        1981; Train 2009, section 7.3). With other errors it is not, and a model refuses the data;
        random coefficients, which a respondent keeps over all stages, are fine.

        Parameters
        ----------
        df
            Long data: one row for each ranking and alternative, a frame of any kind as in
            ``from_long``. A column may also be a level of the index.
        case
            Column of the ranking.
        alt
            Column of the alternative.
        rank
            Column of the ranks: 1 is the best, 2 the next. Alternatives without a rank, and
            those that share the last one, were not ranked and come after all others.
        worst
            Column of the worst alternative: marks (0/1) or its label, as ``chosen`` in
            ``from_long``. It is chosen at the end, from those left, by the utilities with their
            signs reversed (sequential best-worst logit; Marley & Louviere 2005). ``rank`` may
            then mark the best alternative, 1 in its row and 0 elsewhere.
        depth
            Most choices to take from the top of a ranking: the first ranks are often the most
            reliable (Chapman & Staelin 1982). By default all.
        person
            Column of the decision maker, where one made several rankings; the ranking by default.
        weights
            Column of the weights of the rankings; each of its choices has the whole weight.
        available, alternatives, missing
            As in ``from_long``.

        Returns
        -------
        ChoiceData
            Its cases are the choices, labelled ``(ranking, stage)``; its frame has a column
            ``stage``, 1 for the first choice, and with ``worst`` a column ``worst_stage``. New
            data for prediction need no ranks, and then each case is a first choice.

        Raises
        ------
        DataError
            Lists everything that is wrong, with the rankings and the cure.

        Examples
        --------
        >>> import pandas as pd
        >>> from choicekit import ChoiceData
        >>> tastes = pd.DataFrame({
        ...     "who": [1, 1, 1, 2, 2, 2], "drink": ["tea", "coffee", "milk"] * 2,
        ...     "place": [1, 2, 3, 3, 1, 2],
        ... })
        >>> data = ChoiceData.from_rankings(tastes, case="who", alt="drink", rank="place")
        >>> list(data.case_ids)
        [(1, 1), (1, 2), (2, 1), (2, 2)]
        """
        given = None if alternatives is None else given_alternatives(alternatives)
        who = case if person is None else person
        reader = RankReader(case, alt, rank, who, weights, available, given, missing, worst, depth)
        return cls._from_reading(reader.read(df), reader)

    @property
    def exploded(self) -> bool:
        """Whether several choices come from one ranking."""
        return STAGE in self._added() and bool((self.frame[STAGE] > 1).any())

    @property
    def worst(self) -> NDArray[np.bool_] | None:
        """Cases whose chosen alternative is the worst, bool (C,); None where there are none."""
        if WORST not in self._added():
            return None
        flags = self.frame[WORST].to_numpy(dtype=np.bool_)[self.layout.case_ptr[:-1]]
        return flags if flags.any() else None

    def _added(self) -> set[str]:
        """Columns that the reader of rankings added."""
        if not isinstance(self.reader, RankReader):
            return set()
        return {STAGE} if self.reader.worst is None else {STAGE, WORST}
