"""One door to the tests between two fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from choicekit.exceptions import SpecificationError, unknown
from choicekit.post.base import Fitted, free_count, has_network
from choicekit.post.nesting import NETWORKS, NOT_REGULAR, differ_in_classes, nested_in
from choicekit.post.nonnested import Clarke, IndexTest, ben_akiva_swait, clarke, horowitz
from choicekit.post.tests import LikelihoodRatio, likelihood_ratio
from choicekit.post.vuong import Vuong, vuong

__all__ = ["KINDS", "pair_test"]

NONNESTED: dict[str, Callable[..., Vuong | Clarke | IndexTest]] = {
    "vuong": vuong,
    "clarke": clarke,
    "horowitz": horowitz,
    "ben_akiva_swait": ben_akiva_swait,
}
KINDS = ("auto", "lr", *NONNESTED)


def pair_test(fit: Fitted, other: Any, kind: str) -> LikelihoodRatio | Vuong | Clarke | IndexTest:
    """Test two fits on the same cases against each other; see ``FitResults.test_against``."""
    if not (hasattr(other, "llf") and hasattr(other, "params")):
        raise SpecificationError(
            f"The other model is a {type(other).__name__}, not a fit. Cure: call fit() first, or "
            "score_test, which needs no fit of the fuller model."
        )
    if kind not in KINDS:
        raise unknown("kind", kind, KINDS)
    if has_network(fit) or has_network(other):
        raise SpecificationError(f"There is no test in sample with networks. {NETWORKS}")
    names = ("the first model", "the second model")
    if kind in NONNESTED:
        return NONNESTED[kind](fit, other, names=names)
    swapped = free_count(fit) > free_count(other)
    small, large = (other, fit) if swapped else (fit, other)
    if kind == "lr" or nested_in(small, large):
        order = names[::-1] if swapped else names
        return likelihood_ratio(small, large, names=order)
    if differ_in_classes(fit, other):
        raise SpecificationError(NOT_REGULAR)
    return vuong(fit, other, names=names)
