"""What the choices of each person say about her coefficients.

Axes: N people, H random coefficients and error components.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from choicekit.exceptions import SpecificationError
from choicekit.likelihood.absorbed import AbsorbedLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.post.base import class_count

__all__ = ["individual_coefficients", "mixed_likelihood"]


def individual_coefficients(fit: Any) -> pd.DataFrame:
    """Means and standard deviations of each person's coefficients, given her choices.

    The distribution over the population is the prior, at its estimates; the person's choices turn
    it into her posterior (Revelt & Train 2000; Train 2009, section 11.3). The sampling error of
    the estimates is not in the standard deviations. Means vary less between people than
    coefficients do: the fewer choices a person made, the nearer her mean is to the population's.

    Parameters
    ----------
    fit
        A fit with random coefficients.

    Returns
    -------
    DataFrame
        A row a person (a case where the data have no people), in the order of the data. Columns
        ``(coefficient, "mean")`` and ``(coefficient, "sd")``, error components last, in the units
        of the coefficients, for a lognormal one too.

    Raises
    ------
    SpecificationError
        If no coefficient is random.
    """
    mixing = getattr(fit.model, "bound_mixing", None)
    if mixing is None or class_count(fit):
        raise SpecificationError(
            "No coefficient is random, so all people have the same. Cure: fit with "
            "mixing=RandomCoefficients(...); for latent classes see class_posteriors()."
        )
    data = fit.model.data
    mean, variance = mixed_likelihood(fit).posterior(fit.params.to_numpy(dtype=np.float64))
    parts = {}
    for h, name in enumerate(mixing.reported):
        parts[name, "mean"] = mean[:, h]
        parts[name, "sd"] = np.sqrt(variance[:, h])
    ids, label = data.case_ids, "case"
    if data.person_ids is not None:
        ids, label = data.person_ids, "person"
    frame = pd.DataFrame(parts, index=pd.Index(ids, name=label))
    frame.columns.names = ["coefficient", "statistic"]
    return frame


def mixed_likelihood(fit: Any) -> MixedLikelihood:
    """The likelihood at nodes; of normal errors with normal coefficients too, which need none."""
    own = fit._own
    if not isinstance(own, AbsorbedLikelihood):
        assert isinstance(own, MixedLikelihood)
        return own
    drawn = MixedLikelihood(own.x, own.layout, fit.model.bound, own.keys, own.mixing, own.keys)
    return drawn.settle(fit.params.to_numpy(dtype=np.float64), 1)
