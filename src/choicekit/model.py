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
    learn_index,
)

if TYPE_CHECKING:
    from choicekit.errors.base import ErrorLaw
    from choicekit.estimation.identification import Identification
    from choicekit.mixing import BoundRandom, RandomCoefficients
    from choicekit.results import FitResults

__all__ = ["ChoiceModel"]

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
    mixing
        ``RandomCoefficients(...)``: coefficients that differ between people; none by default.
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
        mixing: RandomCoefficients | None = None,
    ) -> None:
        from choicekit.errors.gumbel import Gumbel
        from choicekit.errors.ordered import BoundOrdered
        from choicekit.estimation.identification import (
            require_identified,
            require_index_identified,
        )

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
        _require_exact_explosion(self.errors, data)
        self.design = _learn(specification, self.data, base, context, self.errors.index)
        _require_chosen_name(self.design, self.data)
        self._x: Float | None = self._rows(self.data)
        _announce_compilation(self.errors)
        layout, labels, names = self.data.layout, self.data.alternatives, self.design.names
        self.bound = self.errors.bind(labels, labels.index(self.base))
        if isinstance(self.bound, BoundOrdered):
            self.information = require_index_identified(
                self._x, layout, names, labels, self.bound.sequence
            )
        else:
            self.information = require_identified(
                self._x, layout, names, self.design.constants, labels
            )
        self.mixing = mixing
        self.bound_mixing = None if mixing is None else _bind_mixing(mixing, self.design, self.data)

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
        if self.mixing is None:
            return self.errors.title
        return self.errors.mixed_title

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the P parameters: of the utility, of the errors, of the mixing."""
        mixing = () if self.bound_mixing is None else self.bound_mixing.names
        return (*self.design.names, *self.bound.names, *mixing)

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
        """Regressors (L, K) of any data read like the model's.

        Who names the worst alternative chooses by the utilities with their signs reversed.
        """
        layout = data.layout
        x = self.design.rows(data.frame, layout.alt, layout.case_ptr, data.case_ids)
        if data.worst is not None:
            x[data.worst[layout.case]] *= -1.0
        return x

    def likelihood(self, data: ChoiceData | None = None) -> Any:
        """Build the log-likelihood of the parameters on the model's data or on others.

        Returns
        -------
        choicekit.likelihood.Likelihood
        """
        from choicekit.likelihood import build_likelihood

        if data is None:
            data = self.data
            if self._x is None:
                self._x = self._rows(data)
            x = self._x
        else:
            x = self._rows(data)
        people = data.person_keys()
        return build_likelihood(
            x, data.layout, self.bound, data.case_keys(), self.bound_mixing, people
        )

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
        draws: int | str | None = None,
        starts: int = 1,
        continuation: bool = False,
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
        draws
            Points a simulated case, in place of the error law's number. ``"auto"`` starts at the
            law's number and multiplies it by four, starting at the last estimates, until the
            draws add less than a tenth of its sampling standard error to every coefficient
            (`choicekit.fit.SIMULATION_SHARE`; where there are no standard errors, less than 0.1
            to the log-likelihood) or there are 16,384 draws (`MOST_AUTO_DRAWS`).
        starts
            Number of starts; those after the first are random, keyed by ``seed``. The best
            maximum is reported, and a note says how many starts found it.
        continuation
            Start at the maxima of simpler covariances: independent, then heteroskedastic errors.
            A fit that fails without it is tried again with it.

        Returns
        -------
        FitResults

        Warns
        -----
        ConvergenceWarning
            If the estimates are not a maximum; the summary says so as well, with the cure.
        SimulationWarning
            If ``draws="auto"`` ended at its limit.
        """
        from choicekit.fit import FitOptions, fit_model

        options = FitOptions(
            dict(start or {}),
            dict(fixed or {}),
            cov_type,
            groups,
            seed,
            tolerance,
            maxiter,
            progress,
            draws,
            starts,
            continuation,
        )
        return fit_model(self, options)

    def identification(
        self,
        *,
        start: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
    ) -> Identification:
        """Check, before the fit, what the data can tell about the parameters.

        Parameters
        ----------
        start, fixed
            As for `fit`.

        Returns
        -------
        Identification
            Prints as a report of the checks: rank of the regressors, runaway constants, what
            fixes the scale, order and rank of the covariance (Bunch 1991), exclusions (Keane
            1992), separation (Albert & Anderson 1984), rank of the scores. ``identified``,
            ``problems``, ``warnings`` and ``findings`` hold the same for programs.

        Examples
        --------
        >>> import choicekit as ck
        >>> data = ck.ChoiceData.from_long(
        ...     ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
        ... )
        >>> ck.probit("choice ~ gc + ttme", data, base="car").identification().identified
        True
        """
        from choicekit.estimation.identification.examine import examine

        given = {**(start or {}), **(fixed or {})}
        return examine(
            self.likelihood(),
            self.table(start or {}, fixed or {}),
            frozenset(given),
            self.design.describe(),
            self.data.alternatives,
            self.title,
            self.formula,
        )

    def table(self, start: Mapping[str, float], fixed: Mapping[str, float]) -> ParameterTable:
        """All parameters with the given starts and fixed values; the utility's start at zero."""
        starts = [np.zeros(len(self.design.names)), self.bound.search_start]
        if self.bound_mixing is not None:
            # The information at zero is the within-case variance of the regressors, summed.
            variance = np.diag(self.information) / self.data.layout.n_cases
            error_sd = self.bound.sd_per_logit * float(np.pi / np.sqrt(6.0))
            starts.append(self.bound_mixing.start(np.sqrt(2.0 * variance), error_sd))
        table = ParameterTable.of(self.parameter_names, np.concatenate(starts))
        return table.starting_at(start).fixing(fixed)


def _bind_mixing(mixing: RandomCoefficients, design: Design, data: ChoiceData) -> BoundRandom:
    """Find the random coefficients; a person counts as a whole, so her weights must agree."""
    layout = data.layout
    if layout.weights is not None and layout.person is not None:
        first = np.empty(layout.n_people)
        first[layout.person[::-1]] = layout.weights[::-1]
        uneven = np.unique(layout.person[layout.weights != first[layout.person]])
        if len(uneven):
            assert data.person_ids is not None
            shown = ", ".join(str(data.person_ids[n]) for n in uneven[:5])
            raise SpecificationError(
                f"{len(uneven):,} people have cases of unequal weight ({shown}"
                f"{', ...' if len(uneven) > 5 else ''}), but with random coefficients a person "
                "counts as a whole. Cure: give all cases of a person the same weight."
            )
    return mixing.bind(design.names)


def _require_exact_explosion(errors: ErrorLaw, data: ChoiceData) -> None:
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
    index: bool,
) -> Design:
    layout = data.layout
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


def _require_chosen_name(design: Design, data: ChoiceData) -> None:
    """The left side of a formula names the choice; any other column there is a mistake."""
    name = design.chosen_name
    if name is None or name == "choice" or name == str(data.chosen):
        return
    raise SpecificationError(
        f"The formula explains {name!r}, but the data were read with chosen={data.chosen!r}. "
        f"Cure: write '{data.chosen} ~ ...' or '~ ...'."
    )
