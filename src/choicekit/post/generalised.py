"""Which of the laws around the logit are special cases of which: logit, nested, cross-nested, HEV.

Nests are compared by the labels of their alternatives, not by name or order. A nest does not show
where its dissimilarity is that of the nest around it; the root's is 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from choicekit.post.base import Fitted, error_family

__all__ = ["generalised"]

ROOT = -1  # in place of a parameter: a dissimilarity of 1
Tree = Mapping[frozenset[Any], int]  # members of each nest -> its parameter


def generalised(small: Fitted, large: Fitted) -> bool:
    """Say whether the errors of ``small`` are a special case of those of ``large``."""
    one, other = error_family(small).law, error_family(large).law
    if other == "HeteroskedasticGumbel":
        return one in ("Gumbel", "HeteroskedasticGumbel")  # another unit is the same model
    if other == "CrossNested" and one == "Gumbel":
        return True
    if other == "CrossNested" and one == "CrossNested":
        return _allocations_nested(small, large)
    tree, finer = _tree(small), _tree(large)
    return tree is not None and finer is not None and _trees_nested(tree, finer)


def _tree(fit: Fitted) -> Tree | None:
    """The nests that show, or None if the law has no tree."""
    labels, bound = np.array(fit.model.data.alternatives, dtype=object), fit.model.bound
    law = error_family(fit).law
    if law == "Gumbel":
        return {}
    if law == "Nested":
        members = [(node.below.any(axis=0), node.parameter) for node in bound.nodes[:-1]]
    elif law == "CrossNested" and not bound.free and np.isin(bound.fixed, (0.0, 1.0)).all():
        members = [
            (own > 0.0, int(place)) for own, place in zip(bound.fixed, bound.position, strict=True)
        ]
    else:
        return None
    return {frozenset(labels[own]): place for own, place in members if own.sum() > 1}


def _trees_nested(small: Tree, large: Tree) -> bool:
    """Whether dissimilarities of the large tree exist that make it the small one."""
    if not set(small) <= set(large):
        return False
    wanted: dict[int, int] = {ROOT: ROOT}
    for members, parameter in large.items():
        around = [nest for nest in small if members <= nest]
        source = small[min(around, key=len)] if around else ROOT
        if wanted.setdefault(parameter, source) != source:
            return False
    return True


def _allocations_nested(small: Fitted, large: Fitted) -> bool:
    """The same nests, where allocations or dissimilarities of the large model are freer."""
    names = [tuple(name for name, _ in fit.model.errors.nests) for fit in (small, large)]
    if names[0] != names[1] or small.model.data.alternatives != large.model.data.alternatives:
        return False
    one, other = small.model.bound, large.model.bound
    if one.fixed.shape != other.fixed.shape:
        return False
    loose = np.zeros(other.fixed.shape, dtype=np.bool_)
    for m, j in (*other.free, *other.remainder):
        loose[m, j] = True
    bound = np.ones(one.fixed.shape, dtype=np.bool_)
    for m, j in (*one.free, *one.remainder):
        bound[m, j] = False
    if not (loose | (bound & np.isclose(one.fixed, other.fixed))).all():
        return False
    wanted: dict[int, int] = {}
    pairs = zip(other.position.tolist(), one.position.tolist(), strict=True)
    return all(wanted.setdefault(theirs, ours) == ours for theirs, ours in pairs)
