"""Choices drawn from a fitted model.

Random numbers belong to ids: a case has the same whatever other rows there are and in whatever
order. Axes: C cases, J alternatives, N people, R replicates, S classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from choicekit.exceptions import SpecificationError
from choicekit.likelihood.latent import LatentClassLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.numerics.nodes import normal_nodes

__all__ = ["simulated_choices"]

Float = NDArray[np.float64]

OF_TASTES = 0x5851F42D4C957F2D  # keeps the draws of tastes and choices apart
HIGHEST_SEED = (1 << 63) - 1


def simulated_choices(
    fit: Any, data: Any, n: int | None, seed: int
) -> pd.Series[Any] | pd.DataFrame:
    """Draw choices; see ``FitResults.simulate``.

    Raises
    ------
    SpecificationError
        For an impossible number of replicates or seed, and for exploded rankings.
    """
    for name, value, least in (("n", 1 if n is None else n, 1), ("seed", seed, 0)):
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole or not least <= value <= HIGHEST_SEED:
            raise SpecificationError(
                f"{name} must be a whole number, at least {least}, not {value!r}."
            )
    if data.form == "rankings":
        raise SpecificationError(
            "In exploded rankings the later choices are among what the earlier ones left, so they "
            "cannot be drawn one by one. Cure: df= with one choice a case."
        )
    likelihood = fit.likelihood_of(data)
    replicates = 1 if n is None else int(n)
    u = _uniforms(data.case_keys(), seed, replicates)
    labels = np.empty(len(data.alternatives), dtype=object)
    labels[:] = data.alternatives
    columns = [
        labels[_picked(p, u[:, r])]
        for r, p in enumerate(_probabilities(likelihood, fit._values, data, seed, replicates))
    ]
    index = pd.Index(data.case_ids, name="case")
    if n is None:
        return pd.Series(columns[0], index=index, name="choice").infer_objects()
    names = range(replicates)
    table = pd.DataFrame(dict(zip(names, columns, strict=True)), index=index).infer_objects()
    return table.rename_axis(columns="replicate")


def _uniforms(keys: NDArray[np.uint64], seed: int, n: int) -> Float:
    """Numbers in (0, 1) that belong to keys, (C, R)."""
    found: Float = ndtr(normal_nodes(keys, seed, 1, n, "random")[:, 0])
    return found


def _picked(p: Float, u: Float) -> NDArray[np.int64]:
    """Codes of the alternatives, (C,), by the inverse of the distribution functions."""
    cumulated = np.cumsum(p, axis=1)
    level = u[:, None] * cumulated[:, -1:]
    codes = (cumulated <= level).sum(axis=1)
    last = p.shape[1] - 1 - np.argmax(p[:, ::-1] > 0.0, axis=1)  # against rounding
    found: NDArray[np.int64] = np.minimum(codes, last)
    return found


def _probabilities(likelihood: Any, params: Float, data: Any, seed: int, n: int) -> Iterator[Float]:
    """Probabilities (C, J) in each replicate, given the tastes that the people have in it."""
    other = (seed ^ OF_TASTES) & HIGHEST_SEED
    if isinstance(likelihood, MixedLikelihood):
        mixing = likelihood.mixing
        z = normal_nodes(data.person_keys(), other, mixing.n_drawn, n, "random")
        for r in range(n):
            # one node: the taste that the person has in this replicate
            one = replace(mixing, given=z[:, :, [r]], n_nodes=1)
            yield replace(likelihood, mixing=one).probabilities(params)
    elif isinstance(likelihood, LatentClassLikelihood):
        prior = np.exp(likelihood.log_prior(params))
        u = _uniforms(data.person_keys(), other, n)
        blocks = list(likelihood.node_utilities(params))
        available, keys = likelihood.layout.available, likelihood.keys
        by_class = np.stack(
            [b.errors.probabilities(b.v[:, 0], available, b.theta, keys) for b in blocks]
        )
        person = data.layout.person
        person = np.arange(data.n_cases) if person is None else person
        for r in range(n):
            own = _picked(prior, u[:, r])[person]
            yield by_class[own, np.arange(len(own))]
    else:
        p = likelihood.probabilities(params)
        for _ in range(n):
            yield p
