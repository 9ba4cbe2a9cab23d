"""What this layer and the report ask of a fit, and the few facts they read off it.

Fits are defined above this layer, so it knows them by their attributes only.
Axes: C cases, J alternatives, P parameters (K of the utility, then Q of the errors).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from choicekit.exceptions import nearest_name

__all__ = [
    "Family",
    "Fitted",
    "by_case",
    "case_weights",
    "class_count",
    "constant_names",
    "error_family",
    "fixed_names",
    "free_count",
    "has_network",
    "log_probabilities",
    "mixing_kinds",
    "mixing_names",
    "nearest_name",
    "other_units",
    "price_of",
    "seed_of",
    "simulation_error",
    "simulation_errors",
    "spread",
    "utility_kinds",
    "weights_of",
    "with_article",
]


Array = np.ndarray[Any, np.dtype[np.float64]]


def with_article(title: str) -> str:
    """A model's name inside a sentence: ``"An ordered logit"``."""
    return f"{'An' if title[:1].lower() in 'aeiou' else 'A'} {title.lower()}"


class Fitted(Protocol):
    """The attributes of a fit which tests and reports read."""

    @property
    def model(self) -> Any:
        """The model: ``data``, ``design``, ``errors``, ``formula``, ``base``."""

    @property
    def params(self) -> pd.Series[Any]:
        """Estimates (P,), labelled."""

    @property
    def cov(self) -> pd.DataFrame:
        """Their covariance (P, P)."""

    @property
    def bse(self) -> pd.Series[Any]:
        """Their standard errors (P,)."""

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of the parameters that were held fixed."""

    @property
    def cov_type(self) -> str:
        """How the covariance was estimated."""

    @property
    def tvalues(self) -> pd.Series[Any]:
        """Estimates over standard errors (P,)."""

    @property
    def pvalues(self) -> pd.Series[Any]:
        """Two-sided normal p-values (P,)."""

    @property
    def llf(self) -> float:
        """Log-likelihood at the estimates."""

    @property
    def llnull(self) -> float:
        """Log-likelihood with equal shares over every choice set."""

    @property
    def llconst(self) -> float | None:
        """Log-likelihood with constants only."""

    @property
    def llr(self) -> float:
        """Likelihood-ratio statistic against constants only, or equal shares without them."""

    @property
    def llr_pvalue(self) -> float:
        """Its p-value."""

    @property
    def aic(self) -> float:
        """Akaike's criterion."""

    @property
    def bic(self) -> float:
        """Schwarz' criterion."""

    @property
    def nobs(self) -> int:
        """Number of cases C."""

    @property
    def error_sd(self) -> float:
        """Standard deviation of one utility's error."""

    @property
    def convergence(self) -> Any:
        """Whether, how and how fast the optimiser stopped."""

    @property
    def simulation(self) -> Any:
        """How the likelihood was simulated, ``None`` where it has a closed form."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on normalisation, identification and dropped cases."""

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Confidence intervals (P, 2)."""

    def choices(self, data: Any = None) -> Any:
        """Probabilities of all alternatives as functions of the parameters."""

    def logp(self) -> Any:
        """Log-probability (C,) of each chosen alternative."""

    def predicted_shares(self) -> pd.Series[Any]:
        """Mean probability of each alternative."""

    def actual_shares(self) -> pd.Series[Any]:
        """Share of the cases which chose each alternative."""


@dataclass(frozen=True)
class Family:
    """The error law of a fit in words.

    Attributes
    ----------
    law
        Class name of the error family, ``"Gumbel"`` or ``"Normal"``.
    structure
        Covariance structure, ``"iid"`` where the law has only one.
    noun
        What the model is called in a table: ``"logit"``, ``"probit unstructured"``.
    title
        What it is called in a heading: ``"Conditional logit"``.
    short
        The noun without the covariance: ``"probit"``.
    """

    law: str
    structure: str
    noun: str
    title: str
    short: str


_NOUNS = {
    "Gumbel": "logit",
    "Normal": "probit",
    "Nested": "nested logit",
    "HeteroskedasticGumbel": "HEV",
    "CrossNested": "cross-nested logit",
    "Ordered": "ordered",
}


def error_family(fit: Fitted) -> Family:
    """Name the error law of ``fit`` and its covariance structure."""
    errors = fit.model.errors
    law = type(errors).__name__
    noun, title = _NOUNS.get(law, law), str(getattr(fit.model, "title", errors.title))
    noun = f"{noun} {errors.link}" if law == "Ordered" else noun
    if class_count(fit):
        noun = f"latent class {noun}"
    elif mixing_names(fit):
        kind = str(getattr(getattr(fit.model, "mixing", None), "kind", "mixed"))
        noun = f"{kind} {noun}"
    elif has_network(fit):
        noun = f"neural {noun}"
    covariance = getattr(errors, "covariance", None)
    if covariance is None:
        return Family(law, "iid", noun, title, noun)
    structure = str(getattr(covariance, "name", covariance))
    return Family(law, structure, f"{noun} {structure}", f"{title}, {structure} covariance", noun)


def mixing_names(fit: Fitted) -> tuple[str, ...]:
    """Names of the parameters of the random coefficients; none without them."""
    mixing = getattr(fit.model, "bound_mixing", None)
    return () if mixing is None else tuple(mixing.names)


def mixing_kinds(fit: Fitted) -> dict[str, str]:
    """Kind of each of these: ``"mixing"``, ``"scale"`` or the ``"membership"`` of classes."""
    kind = "membership" if class_count(fit) else "mixing"
    mixing = getattr(fit.model, "bound_mixing", None)
    scale = dict.fromkeys(getattr(mixing, "scale_names", ()), "scale")
    return {**dict.fromkeys(mixing_names(fit), kind), **scale}


def other_units(fit: Fitted) -> frozenset[str]:
    """Names of the utility's parameters that are no coefficients: of a logarithm, in money."""
    mixing = getattr(fit.model, "bound_mixing", None)
    names = list(utility_kinds(fit))
    return frozenset(names[k] for k in getattr(mixing, "bent_columns", ()))


def price_of(fit: Fitted) -> str | None:
    """The price's coefficient of a model in willingness-to-pay space."""
    price = getattr(getattr(fit.model, "mixing", None), "wtp", None)
    return None if price is None else str(price)


def class_count(fit: Fitted) -> int:
    """Number of latent classes; 0 for a model without any."""
    return int(getattr(getattr(fit.model, "mixing", None), "n_classes", 0))


def utility_kinds(fit: Fitted) -> dict[str, str]:
    """Return the kind of each utility coefficient of ``fit``, in its order.

    With latent classes, which class it belongs to; ``"wtp"`` in willingness-to-pay space.
    """
    if class_count(fit):
        classes = fit.model.bound_mixing
        return dict(zip(classes.coefficients_of_all, classes.kinds, strict=True))
    design, price = fit.model.design, price_of(fit)
    kinds = dict(zip(map(str, design.names), map(str, design.kinds), strict=True))
    if price is None:
        return kinds
    money = {str(design.names[k]) for k in fit.model.bound_mixing.bent_columns} - {price}
    return {name: "wtp" if name in money else kind for name, kind in kinds.items()}


def constant_names(fit: Fitted) -> frozenset[str]:
    """Names of the alternative-specific constants, of every class where there are classes."""
    design = fit.model.design
    constants = [
        name for name, kind in zip(design.names, design.kinds, strict=True) if kind == "constant"
    ]
    if class_count(fit):
        classes = fit.model.bound_mixing
        of = [list(design.names).index(name) for name in constants]
        constants = [classes.coefficients_of_all[p] for p in classes.index[:, of].ravel()]
    return frozenset(map(str, constants))


def fixed_names(fit: Fitted) -> frozenset[str]:
    """Names of the parameters which were held fixed and so have no sampling error."""
    return frozenset(str(name) for name in fit.fixed)


def free_count(fit: Fitted) -> int:
    """Count the parameters which were estimated, those tied to others left out."""
    ties = getattr(fit, "ties", None)
    return len(fit.params) - len(fixed_names(fit)) - (0 if ties is None else len(ties.places))


def has_network(fit: Fitted) -> bool:
    """Whether part of the utilities was learned by a network, whose weights are not counted."""
    return bool(getattr(fit.model.design, "uncounted", False))


def simulation_error(fit: Fitted) -> float:
    """Return the simulation standard error of the log-likelihood, 0 where nothing was simulated.

    For an approximated likelihood, how far it is from GHK's.
    """
    if fit.simulation is None:
        return 0.0
    if not fit.simulation.n_simulated and not getattr(fit.simulation, "n_approximate", 0):
        return 0.0
    return float(fit.simulation.llf_se)


def simulation_errors(fit: Fitted) -> tuple[float, ...] | None:
    """Simulation standard errors (P,) of the parameters, None where nothing was simulated."""
    if fit.simulation is None or not fit.simulation.n_simulated:
        return None
    return tuple(map(float, fit.simulation.coef_se)) or None


def case_weights(fit: Fitted) -> Array:
    """Weights (C,) of the cases, 1 where there are none."""
    return weights_of(fit.model.data.layout)


def seed_of(fit: Any) -> int:
    """That of the fit's draws; 1, the default of a fit, where nothing was simulated."""
    return 1 if fit.simulation is None else int(fit.simulation.seed)


def weights_of(layout: Any) -> Array:
    """Weights (C,) of the cases of a layout, 1 where there are none."""
    if layout.weights is None:
        return np.ones(layout.n_cases)
    return np.asarray(layout.weights, dtype=np.float64)


def log_probabilities(fit: Fitted) -> Array:
    """Return each case's part (C,) of the log-likelihood: its weight times its log-probability."""
    parts: Array = by_case(fit, np.asarray(fit.logp(), dtype=np.float64)) * case_weights(fit)
    return parts


def by_case(fit: Fitted, values: Array) -> Array:
    """Spread what belongs to units, (U, ...), evenly over their cases, (C, ...).

    Where the units are people with several cases only their sums over a person mean something.
    """
    return spread(values, getattr(fit, "unit", None))


def spread(values: Array, unit: Any) -> Array:
    """Spread values of units, (U, ...), evenly over their cases; ``unit`` (C,) tells whose."""
    if unit is None:
        return values
    share = values / np.bincount(unit).reshape(-1, *(1,) * (values.ndim - 1))
    return np.asarray(share[unit], dtype=np.float64)
