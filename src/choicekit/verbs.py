"""The verbs: one word chooses the error law, ``ChoiceModel`` carries everything else."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from choicekit.data.choicedata import ChoiceData
from choicekit.model import ChoiceModel, Specification

if TYPE_CHECKING:
    from choicekit.errors.covariance import CovarianceSpec
    from choicekit.mixing import LatentClasses, RandomCoefficients

__all__ = ["logit", "ordered", "probit"]


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


def ordered(
    formula: str,
    data: ChoiceData,
    errors: str = "logit",
    order: Sequence[Hashable] | None = None,
    context: Mapping[str, Any] | None = None,
    mixing: RandomCoefficients | None = None,
) -> ChoiceModel:
    """Ordered logit or probit: categories as intervals of one latent answer.

    Parameters
    ----------
    formula
        ``"rating ~ income + age"``: one coefficient a variable; the thresholds ``cut[a|b]`` take
        the place of constants.
    data
        The answers: the categories are the alternatives, from the lowest to the highest. A frame
        with one row an answer is read by ``ChoiceData.from_wide(df, alternatives=[1, 2, 3],
        chosen="rating")``.
    errors
        ``"logit"`` or ``"probit"``.
    order
        The categories from the lowest to the highest, where the data have another order.
    context, mixing
        As for `ChoiceModel`.

    Examples
    --------
    >>> import choicekit as ck
    >>> import pandas as pd
    >>> answers = pd.DataFrame({"rating": [1, 2, 1, 3, 3, 2], "income": [1, 3, 2, 2, 5, 4]})
    >>> data = ck.ChoiceData.from_wide(answers, alternatives=[1, 2, 3], chosen="rating")
    >>> fit = ck.ordered("rating ~ income", data, errors="probit").fit()
    >>> list(fit.params.index)
    ['income', 'cut[1|2]', 'cut[2|3]']
    """
    from choicekit.errors.ordered import Ordered

    return ChoiceModel(formula, data, Ordered(errors, order), None, context, mixing)
