"""Models as users write them: a specification, data, an error law."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import NDArray

from choicekit.data.choicedata import ChoiceData
from choicekit.data.people import people_rows, person_columns, require_whole_people
from choicekit.exceptions import SpecificationError
from choicekit.parameters import ParameterTable
from choicekit.specify import (
    Specification,
    announce_compilation,
    identified_information,
    learn_design,
    learn_membership_of,
    network_part,
    require_chosen_name,
    require_exact_explosion,
    usable,
)
from choicekit.utility import NonlinearDesign, offsets_among

if TYPE_CHECKING:
    from choicekit.errors.base import ErrorLaw
    from choicekit.estimation.identification import Identification
    from choicekit.fit import SearchOptions
    from choicekit.mixing import BoundClasses, BoundRandom, LatentClasses, RandomCoefficients
    from choicekit.results import FitResults

__all__ = ["ChoiceModel", "Specification"]

Float = NDArray[np.float64]


class ChoiceModel:
    """A random-utility model: utilities, errors, data.

    Parameters
    ----------
    specification
        A formula ``"choice ~ generic | case-specific | alternative-specific coefficients"``, or a
        dict ``{alternative: {coefficient: number or expression}}`` with shared coefficient names,
        or a `Nonlinear`, or a `NeuralUtility`.
    data
        The choices.
    errors
        The error law; ``Gumbel()`` (the logit) by default.
    mixing
        ``RandomCoefficients(...)``: coefficients that differ between people, or
        ``LatentClasses(...)``: classes of people; none by default.
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
        mixing: RandomCoefficients | LatentClasses | None = None,
    ) -> None:
        from choicekit.errors.gumbel import Gumbel
        from choicekit.likelihood.build import bind_errors, require_mixable

        if not isinstance(data, ChoiceData):
            raise SpecificationError(
                f"The data must be a ChoiceData, not a {type(data).__name__}. Cure: read the frame "
                "with ChoiceData.from_long(...) or ChoiceData.from_wide(...)."
            )
        if data.chosen is None:
            raise SpecificationError("The data hold no choices, so there is nothing to fit.")
        self.specification = specification
        self.errors: ErrorLaw = Gumbel() if errors is None else errors
        self.data = usable(specification, data, context, mixing)
        require_exact_explosion(self.errors, data)
        self.design = learn_design(specification, self.data, base, context, self.errors.index)
        require_chosen_name(self.design, self.data)
        self._x: Float | None = self._rows(self.data)
        announce_compilation(self.errors)
        self.mixing = mixing
        self.bound = bind_errors(self.errors, self.data.alternatives, self.base, mixing)
        self.information = identified_information(self.design, self.bound, self._x, self.data)
        require_mixable(self.design, mixing)
        self.membership = learn_membership_of(mixing, self.data, context)
        self.bound_mixing = self._bind_mixing(self.data)

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
            network = getattr(self.design, "uncounted", False)
            return f"{self.errors.title}{' with a network' if network else ''}"
        return self.mixing.title(self.errors)

    @property
    def coefficient_names(self) -> tuple[str, ...]:
        """Names of the utility's coefficients: those of each class where there are classes."""
        found: tuple[str, ...] = getattr(
            self.bound_mixing, "coefficients_of_all", self.design.names
        )
        return found

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Names of the P parameters: of the utility, of the errors, of the mixing."""
        mixing = () if self.bound_mixing is None else self.bound_mixing.names
        return (*self.coefficient_names, *self.bound.names, *mixing)

    @property
    def offsets(self) -> dict[str, float]:
        """Coefficients of ``offset(...)`` terms, held at 1 unless the user says otherwise."""
        return dict.fromkeys(offsets_among(self.parameter_names), 1.0)

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

    def columns_in(self, data: ChoiceData) -> tuple[Any, ...]:
        """Columns of the data that the model uses; its designs themselves name absent ones."""
        used = self.design.columns
        if self.membership is not None:
            used = (*used, *self.membership.columns)
        return tuple(column for column in used if column in data.frame.columns)

    def likelihood(self, data: ChoiceData | None = None) -> Any:
        """Build the log-likelihood of the parameters on the model's data or on others.

        Returns
        -------
        choicekit.likelihood.Likelihood
        """
        from choicekit.likelihood import build_likelihood

        mixing = self.bound_mixing
        if data is None:
            data = self.data
            if self._x is None:
                self._x = self._rows(data)
            x = self._x
        else:
            x, mixing = self._rows(data), self._bind_mixing(data)
        people, utility, network = data.person_keys(), None, network_part(self.design, data)
        if isinstance(self.design, NonlinearDesign):
            utility = self.design.bind(data.frame, data.layout.alt, data.layout.case_ptr)
        return build_likelihood(
            x, data.layout, self.bound, data.case_keys(), mixing, people, utility, network
        )

    def on(self, data: ChoiceData, fixed: Iterable[str] = ()) -> ChoiceModel:
        """Return the same model on other data.

        Categories and transformations stay those learned on the model's own data, so that a part
        of them, ``model.on(model.data.select(cases))``, keeps the meaning of every coefficient.

        Parameters
        ----------
        data
            Choices among the same alternatives.
        fixed
            Coefficients that will be held fixed: these data need not identify them.

        Raises
        ------
        SpecificationError
            If the alternatives are others, or their choices are not known.
        IdentificationError
            If these data cannot tell the other coefficients apart.
        """
        if data.alternatives != self.data.alternatives or data.chosen is None:
            raise SpecificationError(
                f"The model is one of choices among {', '.join(map(str, self.data.alternatives))}, "
                "and the data must hold such choices. Cure: read them by model.data.read_like(df, "
                "require_choice=True), or select cases of model.data."
            )
        data.require_finite(self.columns_in(data))
        other = copy.copy(self)
        other.data = data
        other._x = x = other._rows(data)
        other.information = identified_information(self.design, self.bound, x, data, fixed)
        other.bound_mixing = other._bind_mixing(data)
        return other

    def _bind_mixing(self, data: ChoiceData) -> BoundRandom | BoundClasses | None:
        """Random coefficients or classes for the people of the model's data or others."""
        from choicekit.mixing.random import RandomCoefficients

        if self.mixing is None:
            return None
        require_whole_people(data)
        if not isinstance(self.mixing, RandomCoefficients):
            return self._bind_classes(self.mixing, data)
        shifts, scale = self.mixing.shifts, self.mixing.scale
        covariates = person_columns(data, [column for _, column in shifts]) if shifts else None
        z = person_columns(data, scale.covariates) if scale and scale.covariates else None
        names = self.design.names
        bound = self.mixing.bind(names, data.alternatives, covariates, z, offsets_among(names))
        if data is not self.data:
            mirror = getattr(getattr(self, "bound_mixing", None), "mirror", None)
            return replace(bound.redrawn(), mirror=mirror)
        if bound.given is not None and len(bound.given) != data.layout.n_people:
            raise SpecificationError(
                f"The given draws are those of {len(bound.given):,} people, but the data have "
                f"{data.layout.n_people:,}. Cure: people in the order of data.person_ids."
            )
        return bound

    def _bind_classes(self, classes: LatentClasses, data: ChoiceData) -> BoundClasses:
        if self.membership is None:
            return classes.bind(self.design.names)
        frame, ids = people_rows(data, self.membership.columns)
        covariates = self.membership.rows(frame, ids)
        return classes.bind(self.design.names, self.membership.names, covariates)

    def fit(
        self,
        *,
        start: Mapping[str, float] | None = None,
        fixed: Mapping[str, float] | None = None,
        constraints: Any = None,
        bounds: Mapping[str, tuple[float | None, float | None]] | None = None,
        cov_type: str = "nonrobust",
        groups: Any = None,
        seed: int = 1,
        method: str = "auto",
        tolerance: float = 1e-6,
        maxiter: int = 500,
        progress: Callable[[int, float, float], None] | None = None,
        **search: Unpack[SearchOptions],
    ) -> FitResults:
        """Maximise the likelihood.

        Parameters
        ----------
        start
            Starting values by name; by default zeros for the logit and the rescaled logit
            estimates for the probit.
        fixed
            Parameters held at given values, by name.
        constraints
            Linear equations between parameters, ``"b_car = b_bus, hinc[air] + hinc[bus] = 0"``, a
            list of such texts, or a pair ``(matrix, values)``. Standard errors of all parameters
            follow by the delta method.
        bounds
            Least and largest value of parameters by name, ``{"b_cost": (None, 0)}``. Estimates
            that end at a bound are reported as fixed there, and a note says so.
        cov_type
            ``"nonrobust"`` (inverse Hessian), ``"opg"`` (outer product of the scores), ``"HC0"``,
            ``"HC1"`` (sandwich), ``"cluster"`` or ``"bootstrap"``.
        groups
            Clusters of ``cov_type="cluster"``: a column of the data or one label a case; the
            people by default.
        seed
            Seed of the draws, where something is simulated, and of the bootstrap.
        method
            ``"newton"``, ``"bfgs"``, ``"bhhh"``, ``"trust"``, or ``"auto"``: Newton's method where
            the Hessian is exact, else BFGS that ends with Newton steps.
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
            Number of starts, 1 by default; those after the first are random, keyed by ``seed``.
            The best maximum is reported, and a note says how many starts found it. Latent classes
            by default take 8 short runs of the EM algorithm and go on from the best.
        continuation
            Start at the maxima of simpler covariances: independent, then heteroskedastic errors.
            A fit that fails without it is tried again with it.
        replicates
            Of the bootstrap (200), for ``cov_type="bootstrap"``.
        strata
            Where the sample has a fixed number of cases (or people) of each of some kinds: a
            column or one label a case. For ``cov_type`` HC0, HC1, cluster and bootstrap. The
            column of the choices stands for the chosen alternatives: a choice-based sample.

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
        from choicekit.fit import FitOptions, fit_model, require_options

        require_options(search)
        options = FitOptions(
            dict(start or {}),
            dict(fixed or {}),
            constraints,
            dict(bounds or {}),
            cov_type,
            groups,
            seed,
            method,
            tolerance,
            maxiter,
            progress,
            **search,
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

        given = {**self.offsets, **(start or {}), **(fixed or {})}
        return examine(
            self.likelihood(),
            self.table(start or {}, fixed or {}),
            frozenset(given),
            self.design.describe(),
            self.data.alternatives,
            self.title,
            self.formula,
        )

    def table(
        self, start: Mapping[str, float], fixed: Mapping[str, float], constraints: Any = None
    ) -> ParameterTable:
        """All parameters with starts, fixed values, constraints; the utility's start at zero."""
        starts = [np.zeros(len(self.coefficient_names)), self.bound.search_start]
        if isinstance(self.design, NonlinearDesign):
            classes = getattr(self.bound_mixing, "index", np.arange(len(starts[0])))
            starts[0][classes] = self.design.start
        if self.bound_mixing is not None:
            # The information at zero is the within-case variance of the regressors, summed.
            variation = np.sqrt(2.0 * np.diag(self.information) / self.data.layout.n_cases)
            error_sd = self.bound.sd_per_logit * float(np.pi / np.sqrt(6.0))
            if isinstance(self.design, NonlinearDesign):  # no spread beyond a parameter's size
                size = np.maximum(1.0, np.abs(self.design.start))
                variation = np.maximum(variation, error_sd / size)
            starts.append(self.bound_mixing.start(variation, error_sd))
        table = ParameterTable.of(self.parameter_names, np.concatenate(starts))
        held = {**self.offsets, **fixed}
        return table.starting_at(start).fixing(held).constrained(constraints)
