"""Stack the columns of a wide frame into a long one.

Axes: n rows of the wide frame, J alternatives, L rows of the long frame.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.data.labels import Alternatives
from choicekit.data.layout import Layout
from choicekit.data.varying import ALT, Constant, Plan

__all__ = ["stack"]


def stack(
    frame: pd.DataFrame,
    plan: Plan,
    layout: Layout,
    kept: NDArray[np.int64] | None,
    origin: NDArray[np.int64],
    ids: pd.Index[Any],
    case: Hashable,
    alternatives: Alternatives,
) -> pd.DataFrame:
    """Build the long frame.

    Parameters
    ----------
    kept : int64 (L,) or None
        Cells among n * J that stay; None: all.
    origin : int64 (L,)
        Wide row of each long row.
    ids : (n,)
        Label of each wide row.

    Returns
    -------
    DataFrame, L rows, numbered from 0
        The case ids, the alternative, the varying attributes, and the other
        columns of the wide frame, repeated for each alternative.
    """
    columns: dict[Hashable, Any] = {}
    if case not in frame.columns:
        columns[case] = ids.take(origin)
    labels = pd.Index(alternatives.labels, tupleize_cols=False)
    columns[ALT] = pd.Categorical.from_codes(layout.alt, categories=labels)  # a byte a row
    for name, sources in plan.sources.items():
        columns[name] = _stacked(frame, sources, kept, origin, layout.alt)
    stays = ~frame.columns.isin(list(plan.used))
    repeated = frame.loc[:, stays].take(origin).reset_index(drop=True)
    made = pd.DataFrame({name: pd.Series(values) for name, values in columns.items()}, copy=False)
    return pd.concat([made, repeated], axis=1)


def _stacked(
    frame: pd.DataFrame,
    sources: tuple[Hashable | Constant, ...],
    kept: NDArray[np.int64] | None,
    origin: NDArray[np.int64],
    alt: NDArray[np.int32],
) -> Any:
    """Interleave J columns case by case, (L,)."""
    n = len(frame)
    parts: list[Any] = [
        np.asarray(source.value) if isinstance(source, Constant) else frame[source]
        for source in sources
    ]
    if all(isinstance(part.dtype, np.dtype) and part.dtype.kind in "biuf" for part in parts):
        cells = np.empty((n, len(parts)), dtype=np.result_type(*(part.dtype for part in parts)))
        for j, part in enumerate(parts):
            cells[:, j] = part
        flat = cells.reshape(-1)
        return flat if kept is None else flat[kept]
    series = [pd.Series(np.full(n, p)) if isinstance(p, np.ndarray) else p for p in parts]
    below = pd.concat(series, ignore_index=True)
    return below.take(alt.astype(np.int64) * n + origin).reset_index(drop=True)
