"""Say what is missing where torch is not installed."""

from __future__ import annotations

from importlib.util import find_spec

from choicekit.exceptions import SpecificationError

__all__ = ["require_torch"]


def require_torch(what: str) -> None:
    """Raise SpecificationError, with the cure, unless torch can be imported."""
    if find_spec("torch") is None:
        raise SpecificationError(
            f"{what} needs torch, which is not installed. Cure: pip install 'choicekit[torch]'."
        )
