"""Terms of a formula whose coefficient is one: ``offset(log_q)``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["offset", "offsets_among", "with_offset"]

OFFSET = re.compile(r"offset\([^()]*(\([^()]*\)[^()]*)*\)(\[.*\])?")


def offset(column: Any) -> Any:
    """Return the column itself: what makes it an offset is the name of its term."""
    return column


def with_offset(context: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What formulas may call: ``offset`` and what the user gives."""
    return {"offset": offset, **(context or {})}


def offsets_among(names: Iterable[str]) -> tuple[str, ...]:
    """Names of the coefficients of offsets, which are held at 1.

    >>> offsets_among(["cost", "offset(log_q)", "offset(np.log(q))[class2]", "offset(a):b"])
    ('offset(log_q)', 'offset(np.log(q))[class2]')
    """
    return tuple(name for name in names if OFFSET.fullmatch(name))
