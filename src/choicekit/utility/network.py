"""Networks as utilities: made, checked and asked. Imported only where torch is needed.

Axes: B cases of a batch, C cases, J alternatives, F features, T tastes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..exceptions import SpecificationError
from .features import Features, Inputs

if TYPE_CHECKING:
    from .neural import MLP, NeuralUtility

__all__ = ["NetworkUtility", "build_network", "evaluate", "tensors"]

CHUNK = 1 << 14  # cases evaluated at a time
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "softplus": torch.nn.Softplus,
    "silu": torch.nn.SiLU,
    "gelu": torch.nn.GELU,
}


class NetworkUtility(torch.nn.Module):
    """From the arrays of `Inputs` to the network's part of the utilities.

    Parameters
    ----------
    features
        What the network sees.
    parts
        Modules: one an alternative with ``kind="alternatives"`` (None where it sees nothing), else
        one.
    signs
        Of the tastes, (T,).
    """

    def __init__(self, features: Features, parts: list[Any], signs: tuple[str | None, ...]) -> None:
        super().__init__()
        self.kind, self.signs, self.n_alternatives = features.kind, signs, len(parts)
        if self.kind != "alternatives":
            self.n_alternatives = len(features.alternatives)
        self.seen = [torch.from_numpy(np.flatnonzero(own)) for own in features.used]
        self.parts = torch.nn.ModuleList([p for p in parts if p is not None])
        places = iter(range(len(self.parts)))
        self.places = [None if part is None else next(places) for part in parts]

    def forward(self, case: Any, row: Any, taste: Any) -> Any:
        """Utilities (B, J) from the arrays of `Inputs` as tensors."""
        if self.kind == "joint":
            return self._asked(0, case, (len(case), self.n_alternatives))
        if self.kind == "shared":
            return self._asked(0, row, (*row.shape[:2], 1)).squeeze(-1)
        if self.kind == "tastes":
            return (taste * self.tastes(case)[:, None, :]).sum(-1)
        own = []
        for j, place in enumerate(self.places):
            if place is None:
                own.append(row.new_zeros(len(row), 1))
            else:
                own.append(self._asked(place, row[:, j, self.seen[j]], (len(row), 1)))
        return torch.cat(own, dim=1)

    def tastes(self, case: Any) -> Any:
        """Coefficients (B, T) of the scaled columns, with the signs wanted."""
        raw = self._asked(0, case, (len(case), len(self.signs)))
        positive = torch.nn.functional.softplus(raw)
        factors = {"+": positive, "-": -positive, None: raw}
        return torch.stack([factors[sign][:, t] for t, sign in enumerate(self.signs)], dim=1)

    def _asked(self, place: int, x: Any, shape: tuple[int, ...]) -> Any:
        """One part's answer, of the shape it must have."""
        found = self.parts[place](x)
        if tuple(found.shape) == shape:
            return found
        raise SpecificationError(
            f"The network gives {tuple(found.shape)[1:]} for each case from inputs "
            f"{tuple(x.shape)[1:]}, but kind={self.kind!r} needs {shape[1:]}. Cure: change its "
            "last layer, or the kind."
        )


def build_network(
    spec: NeuralUtility, features: Features, has_constants: bool, seed: int
) -> NetworkUtility:
    """Make the network: copies of the user's modules, or perceptrons that start at utility 0.

    Parameters
    ----------
    spec, features
        What the user wrote, and the learned features.
    has_constants
        Whether the linear part has constants, so that the last layer needs none.
    seed
        Of the first weights.
    """
    signs = tuple(spec.tastes.values()) if isinstance(spec.tastes, Mapping) else ()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if spec.kind != "alternatives":
            n_out = {"joint": len(features.alternatives), "shared": 1, "tastes": len(signs)}
            n_in = features.n_case or len(features.names)
            bias = spec.kind == "tastes" or (spec.kind == "joint" and not has_constants)
            parts = [_module(spec.network, n_in, n_out[spec.kind], bias)]
        else:
            parts = _modules_of_alternatives(spec, features, not has_constants)
        network = NetworkUtility(features, parts, signs)
        network.double()
    return network


def _modules_of_alternatives(spec: NeuralUtility, features: Features, bias: bool) -> list[Any]:
    """One module for each alternative that has features."""
    given = spec.network if isinstance(spec.network, Mapping) else {}
    unknown = [label for label in given if label not in features.alternatives]
    if unknown:
        raise SpecificationError(f"There is a network for {unknown[0]!r}, which is no alternative.")
    parts: list[Any] = []
    for label, own in zip(features.alternatives, features.used, strict=True):
        network = given.get(label) if given else spec.network
        if not own.any() or network is None:
            parts.append(None)
        else:
            parts.append(_module(network, int(own.sum()), 1, bias))
    return parts


def _module(network: Any, n_in: int, n_out: int, bias: bool) -> Any:
    """A copy of a module, or a perceptron whose last layer starts at zero."""
    if isinstance(network, torch.nn.Module):
        return copy.deepcopy(network)
    mlp: MLP = network
    layers: list[Any] = []
    for size in mlp.hidden:
        layers += [torch.nn.Linear(n_in, size), ACTIVATIONS[mlp.activation]()]
        if mlp.dropout:
            layers.append(torch.nn.Dropout(mlp.dropout))
        n_in = size
    last = torch.nn.Linear(n_in, n_out, bias=bias)
    torch.nn.init.zeros_(last.weight)
    if bias:
        torch.nn.init.zeros_(last.bias)
    return torch.nn.Sequential(*layers, last)


def tensors(inputs: Inputs) -> tuple[Any, Any, Any]:
    """The arrays as tensors that share their memory."""
    return (
        torch.from_numpy(inputs.case),
        torch.from_numpy(inputs.row),
        torch.from_numpy(inputs.taste),
    )


def evaluate(network: NetworkUtility, inputs: Inputs, what: str = "forward") -> NDArray[np.float64]:
    """The network's utilities (C, J), or its tastes (C, T) with ``what="tastes"``."""
    case, row, taste = tensors(inputs)
    found = []
    network.eval()
    with torch.no_grad():
        for start in range(0, len(row), CHUNK):
            part = slice(start, start + CHUNK)
            if what == "tastes":
                found.append(network.tastes(case[part]).numpy())
            else:
                found.append(network(case[part], row[part], taste[part]).numpy())
    return np.concatenate(found)
