"""Utilities with a part that a neural network learns, beside a linear one.

The network's part needs torch; it is imported when a network is made or asked, not here.

Axes: C cases, J alternatives, L rows (case x available alternative), K linear coefficients,
F features, T tastes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..exceptions import SpecificationError, unknown
from .features import feature_terms, named_columns

__all__ = [
    "KINDS",
    "MLP",
    "NeuralUtility",
    "Training",
]

KINDS = ("joint", "alternatives", "shared", "tastes")
ACTIVATIONS = ("relu", "tanh", "softplus", "silu", "gelu")
CONSTANTS = "~ 0 | 1"  # the linear part where none is given


@dataclass(frozen=True)
class MLP:
    """A multilayer perceptron to be made.

    Parameters
    ----------
    hidden
        Units of each hidden layer; none gives a linear map.
    activation
        ``"relu"``, ``"tanh"``, ``"softplus"``, ``"silu"`` or ``"gelu"``.
    dropout
        Share of hidden units left out at random in each step of training.

    Raises
    ------
    SpecificationError
        For sizes that are no whole numbers, an unknown activation or a dropout outside [0, 1).
    """

    hidden: tuple[int, ...] = (32, 32)
    activation: str = "relu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        try:
            sizes = tuple(int(size) for size in self.hidden)
        except (TypeError, ValueError):
            sizes = (0,)
        if any(size < 1 for size in sizes) or sizes != tuple(self.hidden):
            raise SpecificationError(
                f"hidden must hold the units of each layer, such as (32, 32), not {self.hidden!r}."
            )
        object.__setattr__(self, "hidden", sizes)
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        if not 0.0 <= self.dropout < 1.0:
            raise SpecificationError(f"dropout must lie in [0, 1), not {self.dropout!r}.")

    def __str__(self) -> str:
        layers = " -> ".join(map(str, self.hidden)) or "linear"
        return f"{layers}, {self.activation}" if self.hidden else layers


@dataclass(frozen=True)
class Training:
    """How a network is trained: Adam on minibatches, stopped early by held-out people.

    Parameters
    ----------
    learning_rate, weight_decay
        Of AdamW (Loshchilov & Hutter 2019); only the network's weights decay.
    batch_size
        Cases a step.
    epochs
        At most so many passes over the data; 0 takes the network as it is.
    patience
        Stop after so many epochs without a better log score of the held-out people.
    held_out
        Share of the people (of the cases, where people are not known) who are held out; 0 trains
        on all, for all epochs.
    threads
        Of torch, during training; None for torch's own number. Small networks are fastest with
        one, and sums made by several threads differ in the last digits.

    Raises
    ------
    SpecificationError
        For numbers out of range.
    """

    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    batch_size: int = 256
    epochs: int = 200
    patience: int = 20
    held_out: float = 0.2
    threads: int | None = 1

    def __post_init__(self) -> None:
        ranges: list[tuple[str, Callable[[Any], bool], str]] = [
            ("learning_rate", lambda x: x > 0.0, "positive"),
            ("weight_decay", lambda x: x >= 0.0, "0 or positive"),
            ("batch_size", lambda x: x >= 1 and x == int(x), "a whole number from 1"),
            ("epochs", lambda x: x >= 0 and x == int(x), "a whole number from 0"),
            ("patience", lambda x: x >= 1 and x == int(x), "a whole number from 1"),
            ("threads", lambda x: x is None or (x >= 1 and x == int(x)), "a whole number from 1"),
            ("held_out", lambda x: 0.0 <= x < 1.0, "in [0, 1)"),
        ]
        for name, good, wanted in ranges:
            if not good(getattr(self, name)):
                raise SpecificationError(f"{name} must be {wanted}, not {getattr(self, name)!r}.")


@dataclass(frozen=True, eq=False)
class NeuralUtility:
    """Utilities ``V = X beta + f(features)`` with f from a neural network.

    Parameters
    ----------
    network
        Hidden layers, ``(32, 32)``, an `MLP`, or a ``torch.nn.Module``. A module is copied; its
        inputs and outputs must be those that ``kind`` asks for. With ``kind="alternatives"`` a
        dict gives each alternative its own.
    features
        What the network sees: columns or terms, ``["age", "C(purpose)", "np.log(income)"]``. With
        ``kind="alternatives"`` also a dict, one list an alternative. Features are standardised;
        the means and standard deviations of the estimation data are remembered.
    linear
        The interpretable part: a formula, or a dict of utilities, as for `ChoiceModel`;
        alternative-specific constants alone by default.
    kind
        ``"joint"``: one network sees all features of a case and gives the utility of each
        alternative, (F) -> (J) (the learning part of an L-MNL, Sifringer, Lurkin & Alahi 2020);
        a feature that differs between alternatives is J inputs.
        ``"alternatives"``: each alternative has a network of its own that sees its own features,
        (F) -> (1) (ASU-DNN, Wang, Mo & Zhao 2020).
        ``"shared"``: the same network serves every alternative, (F) -> (1).
        ``"tastes"``: the network sees what people are and gives the coefficients of the columns
        in ``tastes``, (F) -> (T) (TasteNet, Han, Pereira, Ben-Akiva & Zegras 2022).
    tastes
        For the last kind, ``{"time": "-", "cost": "-", "comfort": None}``: columns or terms with
        the sign their coefficients must have, or a list without signs. It implies the kind.
    training
        See `Training`.

    Raises
    ------
    SpecificationError
        For combinations that make no sense.

    Notes
    -----
    What the network may see should not be in the linear part as well: it would take over the
    effect, and the coefficient would mean little.
    """

    network: Any = (32, 32)
    features: Any = ()
    linear: str | Mapping[Hashable, Mapping[str, float | str]] = CONSTANTS
    kind: str = "joint"
    tastes: Mapping[str, str | None] | Sequence[str] = ()
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        signs = (
            dict(self.tastes) if isinstance(self.tastes, Mapping) else dict.fromkeys(self.tastes)
        )
        if signs and self.kind == "joint":
            object.__setattr__(self, "kind", "tastes")
        if self.kind not in KINDS:
            raise unknown("kind", self.kind, KINDS)
        if bool(signs) != (self.kind == "tastes"):
            raise SpecificationError(
                "kind='tastes' and tastes={column: sign} belong together: the network gives the "
                "coefficients of these columns."
            )
        for name, sign in signs.items():
            if sign not in ("+", "-", None):
                raise SpecificationError(
                    f"The sign of the taste for {name!r} must be '+', '-' or None, not {sign!r}."
                )
        object.__setattr__(self, "tastes", signs)
        if isinstance(self.features, Mapping) and self.kind != "alternatives":
            raise SpecificationError(
                "Features for each alternative need a network for each: kind='alternatives'."
            )
        if isinstance(self.network, Mapping) and self.kind != "alternatives":
            raise SpecificationError(
                "Several networks are for kind='alternatives', one an alternative."
            )
        if not feature_terms(self.features):
            raise SpecificationError("features must name what the network sees, ['age', 'income'].")
        network = self.network
        if not (isinstance(network, MLP | Mapping) or hasattr(network, "state_dict")):
            if isinstance(network, str) or not isinstance(network, Sequence):
                raise SpecificationError(
                    f"network must be hidden layers, (32, 32), an MLP or a torch.nn.Module, not "
                    f"{network!r}."
                )
            object.__setattr__(self, "network", MLP(tuple(network)))

    @property
    def title(self) -> str:
        """The network's part as text: ``"network(age, income)"``."""
        names = ", ".join(feature_terms(self.features))
        if self.kind == "tastes":
            return f"network({names}) x ({', '.join(self.tastes)})"
        return f"network({names})"

    def variables(
        self, frame: pd.DataFrame, context: Mapping[str, Any] | None = None
    ) -> tuple[str, ...]:
        """Columns of the data that the network's part uses.

        Raises
        ------
        SpecificationError
            For unknown names.
        """
        terms = [*feature_terms(self.features), *self.tastes]
        return named_columns(terms, frame, context)
