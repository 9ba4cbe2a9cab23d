"""From what the user wrote to what a model is made of: columns checked, designs learned."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.data.people import people_rows
from choicekit.exceptions import SpecificationError
from choicekit.utility import (
    Design,
    Membership,
    NeuralDesign,
    NeuralUtility,
    Nonlinear,
    alternatives_variables,
    formula_variables,
    learn_alternatives,
    learn_formula,
    learn_index,
    learn_membership,
    learn_neural,
    learn_nonlinear,
    membership_variables,
    offsets_among,
)

if TYPE_CHECKING:
    from choicekit.errors.base import BoundErrors, ErrorLaw
    from choicekit.mixing import LatentClasses, RandomCoefficients
    from choicekit.utility.neural_design import NetworkPart

__all__ = [
    "Specification",
    "announce_compilation",
    "classes_of",
    "identified_information",
    "learn_design",
    "learn_membership_of",
    "network_part",
    "require_chosen_name",
    "require_exact_explosion",
    "usable",
]

Specification = str | Mapping[Hashable, Mapping[str, float | str]] | Nonlinear | NeuralUtility


def require_exact_explosion(errors: ErrorLaw, data: ChoiceData) -> None:
    """Rankings fall apart into choices only with Gumbel errors."""
    from choicekit.errors.gumbel import Gumbel

    if isinstance(errors, Gumbel) or not data.exploded:
        return
    raise SpecificationError(
        f"The data are rankings, read as one choice after another. That is exact for independent "
        f"Gumbel errors only, whose best remaining alternative tells nothing about the order of "
        f"the others (Luce & Suppes 1965; Beggs, Cardell & Hausman 1981); under {errors!r} the "
        "choices of a ranking depend on each other. Cure: use Gumbel errors, with mixing= for "
        "correlation and unequal variances, or keep the first choice alone: "
        "ChoiceData.from_rankings(..., depth=1)."
    )


def classes_of(mixing: RandomCoefficients | LatentClasses | None) -> LatentClasses | None:
    """The latent classes, if the mixing is of that kind."""
    from choicekit.mixing.classes import LatentClasses

    return mixing if isinstance(mixing, LatentClasses) else None


def learn_membership_of(
    mixing: RandomCoefficients | LatentClasses | None,
    data: ChoiceData,
    context: Mapping[str, Any] | None,
) -> Membership | None:
    """Covariates that explain who belongs to which class."""
    classes = classes_of(mixing)
    if classes is None or classes.membership is None:
        return None
    formula = classes.membership
    frame, ids = people_rows(data, membership_variables(formula, data.frame, context))
    return learn_membership(formula, frame, ids, context)


def announce_compilation(errors: ErrorLaw) -> None:
    """Say on standard error what the first fit after an installation is waiting for."""
    import sys

    from choicekit.numerics.warmup import needs_compiling

    if needs_compiling(*errors.kernels()):
        print(
            f"choicekit: compiling the kernels of the {errors.title.lower()}, up to 20 s, once "
            "after each installation ...",
            file=sys.stderr,
            flush=True,
        )


def usable(
    specification: Specification,
    data: ChoiceData,
    context: Mapping[str, Any] | None,
    mixing: RandomCoefficients | LatentClasses | None,
) -> ChoiceData:
    """Check the columns that the specification uses; leave cases out only if that was asked for."""
    columns: tuple[str, ...] = ()
    if isinstance(specification, NeuralUtility):
        columns = specification.variables(data.frame, context)
        specification = specification.linear
    if isinstance(specification, str):
        columns = (*columns, *formula_variables(specification, data.frame, context))
    elif isinstance(specification, Nonlinear):
        columns = specification.variables(data.frame)
    elif isinstance(specification, Mapping):
        columns = (*columns, *alternatives_variables(specification, data.frame, context))
    else:
        raise SpecificationError(
            "The specification must be a formula such as 'choice ~ cost + time | income', a dict "
            "{alternative: {coefficient: expression}}, a Nonlinear or a NeuralUtility, not a "
            f"{type(specification).__name__}."
        )
    classes = classes_of(mixing)
    if classes is not None and classes.membership is not None:
        columns = (*columns, *membership_variables(classes.membership, data.frame, context))
    if data.missing == "drop":
        return data.drop_missing(columns)
    data.require_finite(columns)
    return data


def learn_design(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None,
    context: Mapping[str, Any] | None,
    index: bool,
) -> Design:
    """Learn the utility on the data: columns, categories, transformations."""
    layout = data.layout
    if isinstance(specification, NeuralUtility):
        if index:
            raise SpecificationError(
                "An ordered model has one index for all categories, and a network gives each "
                "alternative a utility. Cure: Gumbel, normal or other errors of alternatives."
            )
        inner = learn_design(specification.linear, data, base, context, False)
        where = (data.frame, layout.alt, layout.case_ptr, data.alternatives)
        return learn_neural(specification, inner, *where, case_ids=data.case_ids, context=context)
    if isinstance(specification, Nonlinear):
        return learn_nonlinear(specification, data.frame, layout.alt, data.alternatives, base)
    learn: Any = learn_formula if isinstance(specification, str) else learn_alternatives
    if index:
        learn = learn_index
    design: Design = learn(
        specification,
        data.frame,
        layout.alt,
        layout.case_ptr,
        data.alternatives,
        base,
        case_ids=data.case_ids,
        context=context,
    )
    return design


def network_part(design: Design, data: ChoiceData) -> NetworkPart | None:
    """The trained network of a design with what it sees of these data; None without one.

    Who names the worst alternative chooses by the utilities with their signs reversed.
    """
    if not isinstance(design, NeuralDesign):
        return None
    layout = data.layout
    part = design.part(data.frame, layout.alt, layout.case_ptr, data.case_ids)
    if part is None or data.worst is None:
        return part
    return replace(part, signs=np.where(data.worst, -1.0, 1.0))


def require_chosen_name(design: Design, data: ChoiceData) -> None:
    """The left side of a formula names the choice; any other column there is a mistake."""
    name = design.chosen_name
    if name is None or name == "choice" or name == str(data.chosen):
        return
    raise SpecificationError(
        f"The formula explains {name!r}, but the data were read with chosen={data.chosen!r}. "
        f"Cure: write '{data.chosen} ~ ...' or '~ ...'."
    )


def identified_information(
    design: Design,
    errors: BoundErrors,
    x: NDArray[np.float64],
    data: ChoiceData,
    fixed: Iterable[str] = (),
) -> NDArray[np.float64]:
    """Negative Hessian (K, K) of the logit at zero coefficients, for data that identify them.

    Parameters
    ----------
    design, errors, data
        The utility, the errors bound to the alternatives, the choices.
    x
        Regressors (L, K).
    fixed
        Coefficients that need not be identified.

    Raises
    ------
    IdentificationError
        Naming the coefficients which the data cannot tell apart.
    """
    from choicekit.errors.ordered import BoundOrdered
    from choicekit.estimation.identification import require_identified, require_index_identified
    from choicekit.estimation.identification.utility import utility_information

    layout, labels = data.layout, data.alternatives
    held = {*fixed, *offsets_among(design.names)}
    if isinstance(errors, BoundOrdered):
        return require_index_identified(x, layout, design.names, labels, errors.sequence)
    constants = [name for name in design.constants if name not in held]
    kept = [k for k, name in enumerate(design.names) if name not in held]
    names = [design.names[k] for k in kept]
    own = x if len(kept) == len(design.names) else np.asfortranarray(x[:, kept])
    information = require_identified(own, layout, names, constants, labels)
    return information if own is x else utility_information(x, layout)
