"""Models as users write them: a specification, data, an error law."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.exceptions import SpecificationError
from choicekit.parameters import ParameterTable
from choicekit.utility import (
    Design,
    alternatives_variables,
    formula_variables,
    learn_alternatives,
    learn_formula,
)

if TYPE_CHECKING:
    from choicekit.errors.base import ErrorLaw
    from choicekit.results import FitResults

__all__ = ["ChoiceModel", "logit", "probit"]

Float = NDArray[np.float64]
Specification = str | Mapping[Hashable, Mapping[str, float | str]]


class ChoiceModel:
    """A random-utility model: utilities, errors, data.

    Parameters
    ----------
    specification
        A formula ``"choice ~ generic | case-specific | alternative-specific coefficients"``, or a
        dict ``{alternative: {coefficient: number or expression}}`` with shared coefficient names.
    data
        The choices.
    errors
        The error law; ``Gumbel()`` (the logit) by default.
    base
        Label of the reference alternative; the first of the data by default.
    context
        Functions the formula may call, by name.

    Attributes
    ----------
    data
        The cases used: those of ``data``, less those with missing values in the columns of the
        specification if the data were read with ``missing="drop"``.
    design
        The utility, which remembers categories and transformations.
    errors
        The error law.

    Raises
    ------
    DataError
        If columns of the specification are missing, not numeric, or have missing values.
    SpecificationError
        If the specification does not fit the data.
    IdentificationError
        If some coefficients cannot be told apart, whatever the sample size; it names them.
    """

    def __init__(
        self,
        specification: Specification,
        data: ChoiceData,
        errors: ErrorLaw | None = None,
        base: Hashable | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        from choicekit.errors.gumbel import Gumbel
        from choicekit.estimation.identification import require_identified

        if not isinstance(data, ChoiceData):
            raise SpecificationError(
                f"The data must be a ChoiceData, not a {type(data).__name__}. Cure: read the frame "
                "with ChoiceData.from_long(...) or ChoiceData.from_wide(...)."
            )
        if data.chosen is None:
            raise SpecificationError("The data hold no choices, so there is nothing to fit.")
        self.specification = specification
        self.errors: ErrorLaw = Gumbel() if errors is None else errors
        self.data = _usable(specification, data, context)
        self.design = _learn(specification, self.data, base, context)
        _require_chosen_name(self.design, self.data)
        self._x: Float | None = self._rows(self.data)
        _announce_compilation(self.errors)
        layout = self.data.layout
        self.information = require_identified(
            self._x, layout, self.design.names, self.design.constants, self.data.alternatives
        )
        self.bound = self.errors.bind(
            self.data.alternatives, self.data.alternatives.index(self.base)
        )

    @property
    def formula(self) -> str:
        """The specification as text."""
        return self.design.formula

    @property
    def base(self) -> Hashable:
        """Label of the reference alternative."""
        return self.design.base

    @property
    def title(self) -> str:
        """What the model is called."""
        return self.errors.title

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the P parameters: coefficients of the utility, then of the errors."""
        return (*self.design.names, *self.bound.names)

    @property
    def endog_names(self) -> str:
        """Name of the dependent variable, for statsmodels' tables."""
        return str(self.design.chosen_name or self.data.chosen)

    @property
    def exog_names(self) -> list[str]:
        """Names of the parameters, for statsmodels' tables."""
        return list(self.parameter_names)

    def __repr__(self) -> str:
        return (
            f"ChoiceModel({self.formula!r}, {self.data.n_cases:,} cases, errors={self.errors!r}, "
            f"base={self.base!r})"
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the regressors out of pickles: the data and the design make them again."""
        return {**self.__dict__, "_x": None}

    def _rows(self, data: ChoiceData) -> Float:
        """Regressors (L, K) of any data read like the model's."""
        layout = data.layout
        return self.design.rows(data.frame, layout.alt, layout.case_ptr, data.case_ids)

    def likelihood(self, data: ChoiceData | None = None) -> Any:
        """Build the log-likelihood of the parameters on the model's data or on others.

        Returns
        -------
        choicekit.likelihood.Likelihood
        """
        from choicekit.likelihood import Likelihood

        if data is not None:
            return Likelihood(self._rows(data), data.layout, self.bound, data.case_keys())
        if self._x is None:
            self._x = self._rows(self.data)
        return Likelihood(self._x, self.data.layout, self.bound, self.data.case_keys())

    def fit(
        self,
        *,
        start: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
        cov_type: str = "nonrobust",
        groups: Any = None,
        seed: int = 1,
        tolerance: float = 1e-6,
        maxiter: int = 500,
        progress: Callable[[int, float, float], None] | None = None,
    ) -> FitResults:
        """Maximise the likelihood.

        Parameters
        ----------
        start
            Starting values by name; by default zeros for the logit and the rescaled logit
            estimates for the probit.
        fixed
            Parameters held at given values, by name.
        cov_type
            ``"nonrobust"`` (inverse Hessian), ``"opg"`` (outer product of the scores), ``"HC0"``,
            ``"HC1"`` (sandwich) or ``"cluster"``.
        groups
            Clusters of ``cov_type="cluster"``: a column of the data or one label a case; the
            people by default.
        seed
            Seed of the draws, where something is simulated.
        tolerance
            How far from the maximum, in standard errors, the estimates may stop.
        maxiter
            Limit of the optimiser's iterations.
        progress
            Called after each iteration with its number, the log-likelihood and the distance from
            the maximum (NaN where unknown).

        Returns
        -------
        FitResults

        Warns
        -----
        ConvergenceWarning
            If the estimates are not a maximum; the summary says so as well, with the cure.
        """
        from choicekit.fit import fit_model

        return fit_model(
            self, start or {}, fixed or {}, cov_type, groups, seed, tolerance, maxiter, progress
        )

    def table(self, start: Mapping[str, float], fixed: Mapping[str, float]) -> ParameterTable:
        """All parameters with the given starts and fixed values; the utility's start at zero."""
        zeros = np.zeros(len(self.design.names))
        table = ParameterTable.of(self.parameter_names, np.concatenate([zeros, self.bound.start]))
        return table.starting_at(start).fixing(fixed)


def _announce_compilation(errors: ErrorLaw) -> None:
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


def _usable(
    specification: Specification, data: ChoiceData, context: Mapping[str, Any] | None
) -> ChoiceData:
    """Check the columns that the specification uses; leave cases out only if that was asked for."""
    if isinstance(specification, str):
        columns = formula_variables(specification, data.frame, context)
    elif isinstance(specification, Mapping):
        columns = alternatives_variables(specification, data.frame, context)
    else:
        raise SpecificationError(
            "The specification must be a formula such as 'choice ~ cost + time | income' or a dict "
            f"{{alternative: {{coefficient: expression}}}}, not a {type(specification).__name__}."
        )
    if data.missing == "drop":
        return data.drop_missing(columns)
    data.require_finite(columns)
    return data


def _learn(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None,
    context: Mapping[str, Any] | None,
) -> Design:
    layout = data.layout
    learn: Any = learn_formula if isinstance(specification, str) else learn_alternatives
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


def _require_chosen_name(design: Design, data: ChoiceData) -> None:
    """The left side of a formula names the choice; any other column there is a mistake."""
    name = design.chosen_name
    if name is None or name == "choice" or name == str(data.chosen):
        return
    raise SpecificationError(
        f"The formula explains {name!r}, but the data were read with chosen={data.chosen!r}. "
        f"Cure: write '{data.chosen} ~ ...' or '~ ...'."
    )


def logit(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None = None,
    scale: float = 1.0,
    context: Mapping[str, Any] | None = None,
) -> ChoiceModel:
    """Conditional (multinomial) logit: independent Gumbel errors (McFadden 1974).

    Parameters
    ----------
    specification, data, base, context
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

    return ChoiceModel(specification, data, Gumbel(scale), base, context)


def probit(
    specification: Specification,
    data: ChoiceData,
    base: Hashable | None = None,
    covariance: str = "unstructured",
    scale: Hashable | None = None,
    method: str = "auto",
    draws: int = 256,
    context: Mapping[str, Any] | None = None,
    draw_kind: str = "sobol",
    antithetic: bool = False,
) -> ChoiceModel:
    """Multinomial probit: jointly normal errors.

    Parameters
    ----------
    specification, data, base, context
        As for `ChoiceModel`.
    covariance, scale, method, draws, draw_kind, antithetic
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
    return ChoiceModel(specification, data, law, base, context)
