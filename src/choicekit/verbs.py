"""The verbs: one word chooses the error law, ``ChoiceModel`` carries everything else."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from choicekit.data.choicedata import ChoiceData
from choicekit.model import ChoiceModel, Specification

if TYPE_CHECKING:
    from choicekit.errors.covariance import CovarianceSpec
    from choicekit.mixing import LatentClasses, RandomCoefficients

__all__ = ["logit", "probit"]


def logit(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None = None,
    scale: float = 1.0,
    context: Mapping[str, Any] | None = None,
    mixing: RandomCoefficients | LatentClasses | None = None,
) -> ChoiceModel:
    """Conditional (multinomial) logit: independent Gumbel errors (McFadden 1974).

    Parameters
    ----------
    specification, data, base, context, mixing
        As for `ChoiceModel`.
    scale
        Scale of the errors, the temperature of the softmax, held fixed.

    Examples
    --------
    >>> import choicekit as ck
    >>> data = ck.ChoiceData.from_long(
    ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    ... )
    >>> fit = ck.logit("choice ~ gc + ttme | hinc", data, base="car").fit()
    >>> round(fit.llf, 3)
    -189.525
    """
    from choicekit.errors.gumbel import Gumbel

    return ChoiceModel(specification, data, Gumbel(scale), base, context, mixing)


def probit(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None = None,
    covariance: str | CovarianceSpec = "unstructured",
    scale: Hashable | None = None,
    method: str = "auto",
    draws: int = 256,
    context: Mapping[str, Any] | None = None,
    mixing: RandomCoefficients | LatentClasses | None = None,
    draw_kind: str = "sobol",
    antithetic: bool = False,
) -> ChoiceModel:
    """Multinomial probit: jointly normal errors.

    Parameters
    ----------
    specification, data, base, context, mixing
        As for `ChoiceModel`.
    covariance
        ``"iid"``, ``"heteroskedastic"``, ``"exchangeable"``, ``"factor(k)"``, ``"unstructured"``,
        or a `Factor` or `Pattern` object; see `Normal`.
    scale, method, draws, draw_kind, antithetic
        As for `Normal`.

    Examples
    --------
    >>> import choicekit as ck
    >>> data = ck.ChoiceData.from_long(
    ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    ... )
    >>> fit = ck.probit("choice ~ gc + ttme | hinc", data, base="car", covariance="iid").fit()
    >>> fit.convergence.converged
    True
    """
    from choicekit.errors.normal import Normal

    law = Normal(
        covariance=covariance,
        scale=scale,
        method=method,
        draws=draws,
        draw_kind=draw_kind,
        antithetic=antithetic,
    )
    return ChoiceModel(specification, data, law, base, context, mixing)
