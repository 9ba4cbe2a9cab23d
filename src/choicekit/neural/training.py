"""Train the network of a model: Adam on minibatches, stopped by people it does not learn from.

Linear coefficients and parameters of the errors are trained along, from the estimates of the model
without the network; they are estimated anew, on all cases, when the network stands still.

Axes: B cases of a batch, C cases, J alternatives, K coefficients, Q parameters of the errors,
P = K + Q, F free ones.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.errors.normal import BoundNormal
from choicekit.estimation.fitting import Search, fit_likelihood
from choicekit.estimation.starts import logit_start
from choicekit.likelihood import Likelihood
from choicekit.neural.autograd import LogProbability
from choicekit.parameters import ParameterTable
from choicekit.utility import NeuralDesign, Training
from choicekit.utility.network import build_network, evaluate, tensors

__all__ = ["Trained", "held_out_cases", "train"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

Progress = Callable[[int, float, float], None]

START = Search(tolerance=1e-3, max_iterations=200)  # of the model without the network
LEAST = 1e-5  # of the log score: a smaller gain is none
KIND_NAMES = {
    "joint": "network",
    "alternatives": "networks of the alternatives",
    "shared": "network that the alternatives share",
    "tastes": "network of the tastes",
}
GIVEN = (
    "Standard errors are those of the other parameters given the network, whose own uncertainty "
    "they leave out. Its weights are not counted as parameters: there is no AIC or BIC, and "
    "likelihoods in sample cannot be compared. Cure: compare(..., folds=5)."
)


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained design, and where its other parameters stood.

    Attributes
    ----------
    design
        With the network.
    params
        Linear coefficients and parameters of the errors, (P,), to start their estimation from.
    """

    design: NeuralDesign
    params: Float


def train(
    design: NeuralDesign,
    data: Any,
    likelihood: Likelihood,
    table: ParameterTable,
    information: Float,
    seed: int,
    progress: Progress | None = None,
) -> Trained:
    """Train the network of a design on choices.

    Parameters
    ----------
    design
        Its features are standardised anew and its network is made anew.
    data
        The `ChoiceData`.
    likelihood
        Of the linear part alone on these data, unsettled.
    table
        Its parameters: starts, fixed values and constraints.
    information
        Negative Hessian of the logit at zero coefficients, (K, K).
    seed
        Of the first weights, the batches, the division into people and the draws.
    progress
        Called after each epoch with its number, the log-likelihood of the training cases and NaN.
    """
    begun, layout, settings = time.perf_counter(), data.layout, design.spec.training
    design = design.relearned(data.frame, layout.alt, layout.case_ptr, data.case_ids)
    network = build_network(design.spec, design.features, design.has_constants, seed)
    inputs = design.inputs(data.frame, layout.alt, layout.case_ptr, data.case_ids)
    held = held_out_cases(layout, settings.held_out if settings.epochs else 0.0, seed)
    learning = np.flatnonzero(~held)
    likelihood = Likelihood(likelihood.x, layout, likelihood.errors, likelihood.keys)
    own = likelihood if not held.any() else likelihood.take(learning)
    start = _start(own, table, information, seed)
    pupil = Pupil(network, inputs, likelihood, data.worst, table, start, settings, seed)
    history, best = pupil.learn(learning, np.flatnonzero(held), progress)
    network = network.eval().requires_grad_(False)
    notes = (_note(design, network, history, best, layout, held), GIVEN, *_overlap(design))
    params, shift = pupil.params(), None
    if _is_centred(design, table):
        shift = _means(network, inputs, layout)
        params = _moved(design, params, shift)
    took = time.perf_counter() - begun
    found = replace(
        design,
        network=network,
        shift=shift,
        notes=notes,
        history=history,
        seconds=took,
        seed=seed,
    )
    return Trained(found, params)


def _is_centred(design: NeuralDesign, table: ParameterTable) -> bool:
    """Whether the network's mean utilities go to the constants, which can take them."""
    free = set(table.free_names)
    own = design.has_constants and free.issuperset(design.constants)
    return own and design.spec.kind in ("joint", "alternatives")


def _means(network: Any, inputs: Any, layout: Any) -> Float:
    """Mean of the network's utility for each alternative where it is available, (J,)."""
    there = layout.available
    weights = there if layout.weights is None else there * layout.weights[:, None]
    total = weights.sum(axis=0)
    found: Float = (weights * evaluate(network, inputs)).sum(axis=0) / np.where(total > 0, total, 1)
    return found


def _moved(design: NeuralDesign, params: Float, shift: Float) -> Float:
    """Parameters (P,) whose constants hold what was taken off the network's utilities."""
    out, labels = params.copy(), list(design.alternatives)
    base = shift[labels.index(design.base)]
    for k, coefficient in enumerate(design.coefficients):
        if coefficient.kind == "constant":
            out[k] += shift[labels.index(coefficient.alternative)] - base
    return out


def _note(
    design: NeuralDesign, network: Any, history: pd.DataFrame, best: int, layout: Any, held: Any
) -> str:
    """How the network was trained, in a sentence."""
    n = sum(weights.numel() for weights in network.parameters())
    text = f"The {KIND_NAMES[design.spec.kind]} has {n:,} weights"
    if len(history) == 1:
        return f"{text}, taken as they were given."
    who = "cases" if layout.person is None else "people"
    if not held.any():
        return f"{text}, trained on all {who} for {len(history) - 1} epochs without held-out {who}."
    n_held = len(np.unique(np.flatnonzero(held) if layout.person is None else layout.person[held]))
    score, without = float(history["log_score"].iloc[best]), float(history.attrs["without"])
    text += (
        f", trained on {layout.n_people - n_held:,} {who} and stopped by {n_held:,} others at "
        f"epoch {best} of {len(history) - 1}, where their log score was {score:.4f} a case "
        f"({without:.4f} without the network)"
    )
    return f"{text}: it did not help." if score <= without else f"{text}."


def _overlap(design: NeuralDesign) -> tuple[str, ...]:
    """Warn of columns that are in both parts."""
    both = [name for name in design.inner.columns if name in design.features.block.columns]
    if not both:
        return ()
    return (
        f"{', '.join(both)} {'is' if len(both) == 1 else 'are'} seen by the network as well as by "
        "the linear part: the coefficients hold what the network leaves of the effects. Cure: "
        "keep the two parts apart.",
    )


def held_out_cases(layout: Any, share: float, seed: int) -> NDArray[np.bool_]:
    """Cases (C,) of the people who are held out, drawn at random; whole people only."""
    n = layout.n_people
    out = np.zeros(n, dtype=np.bool_)
    out[np.random.default_rng([seed, 0]).permutation(n)[: round(share * n)]] = True
    found: NDArray[np.bool_] = out if layout.person is None else out[layout.person]
    return found


@dataclass(frozen=True)
class Start:
    """Estimates without the network, (P,), and the steps of the free parameters, (F,)."""

    params: Float
    steps: Float


def _start(own: Likelihood, table: ParameterTable, information: Float, seed: int) -> Start:
    """The model without the network: the spread of a case's information sets the steps."""
    usual = table
    if not own.fused:
        start = logit_start(own, table, frozenset())
        usual = replace(table, start=np.where(table.fixed, table.start, start))
    search = Search(seed, START.tolerance, START.max_iterations)
    fit = fit_likelihood(own, usual, information, search)
    params = fit.params if np.isfinite(fit.params).all() else usual.start
    weights = own.layout.weights
    total = own.layout.n_cases if weights is None else float(weights.sum())
    spread = np.maximum(-np.diag(fit.hessian) / total, 1e-12)
    steps = 1.0 / np.sqrt(spread)
    return Start(params, np.where(np.isfinite(steps) & (steps < 1e3), steps, 1.0))


@contextmanager
def _threads(number: int | None) -> Iterator[None]:
    """Let torch use so many threads, and as many as before in the end."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if number is None else number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _coarse(errors: BoundErrors) -> BoundErrors:
    """The law with fewer nodes, where it integrates: enough for a step of training."""
    if not isinstance(errors, BoundNormal):
        return errors
    return replace(errors, integrator=replace(errors.integrator, coarse=True))


class Pupil:
    """What learns: a network and the free parameters, with the data they learn from.

    A free parameter is trained in units of a case's information, so that the learning rate means
    the same for all of them: ``params = start + A (steps x)``, A being the table's.
    """

    def __init__(
        self,
        network: Any,
        inputs: Any,
        likelihood: Likelihood,
        worst: NDArray[np.bool_] | None,
        table: ParameterTable,
        start: Start,
        settings: Training,
        seed: int,
    ) -> None:
        layout = likelihood.layout
        self.network, self.settings, self.seed = network, settings, seed
        self.errors, self.k = likelihood.errors, likelihood.n_coefficients
        self.arrays = tensors(inputs)
        self.available, self.chosen = layout.available, layout.chosen_alt
        self.weights = np.ones(layout.n_cases) if layout.weights is None else layout.weights
        self.keys, self.signs = likelihood.keys, None
        if worst is not None:
            self.signs = torch.from_numpy(np.where(worst, -1.0, 1.0))[:, None]
        shape = (layout.n_cases, layout.n_alternatives)
        x = np.zeros((*shape, self.k))
        x[layout.case, layout.alt] = likelihood.x
        self.x = torch.from_numpy(x)
        self.origin = torch.from_numpy(np.array(start.params))
        self.basis = torch.from_numpy(table.basis * start.steps)
        self.own = torch.zeros(len(start.steps), dtype=torch.float64, requires_grad=True)

    def params(self) -> Float:
        """All parameters but the network's, (P,)."""
        found: Float = self._all().detach().numpy().copy()
        return found

    def _all(self) -> Any:
        return self.origin + self.basis @ self.own

    def _network_part(self, cases: Any) -> Any:
        """What the network adds to the utilities of some cases, (B, J)."""
        part = self.network(*(array[cases] for array in self.arrays))
        return part if self.signs is None else part * self.signs[cases]

    def _log_prob(self, cases: Any, coarse: bool, alone: bool = False) -> Any:
        """Log-probabilities (B,), each case in the best order of integration at present."""
        params = self._all()
        v = self.x[cases] @ params[: self.k]
        if not alone:
            v = v + self._network_part(cases)
        place = cases.numpy()
        there, chosen = self.available[place], np.ascontiguousarray(self.chosen[place])
        theta = params[self.k :]
        law = _coarse(self.errors) if coarse else self.errors
        at = v.detach().numpy(), there, chosen, self.keys[place], theta.detach().numpy(), self.seed
        return LogProbability.apply(v, theta, law.settle(*at), chosen, there)

    def score(self, cases: Int, alone: bool = False) -> float:
        """Mean log-probability of some cases' choices, weighted; ``alone`` without the network."""
        self.network.eval()
        with torch.no_grad():
            logp = self._log_prob(torch.from_numpy(cases), False, alone).numpy()
        return float(np.average(logp, weights=self.weights[cases]))

    def learn(
        self, learning: Int, held: Int, progress: Progress | None
    ) -> tuple[pd.DataFrame, int]:
        """Epochs until the held-out cases are foretold no better; returns them and the best."""
        groups: list[dict[str, Any]] = [
            {"params": list(self.network.parameters()), "weight_decay": self.settings.weight_decay},
            {"params": [self.own], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        search = torch.optim.AdamW(groups, lr=self.settings.learning_rate)
        judged = held if len(held) else learning
        without = self.score(judged, alone=True)
        rows = [(0, np.nan, self.score(judged))]
        best, kept = 0, self._kept()
        rng = np.random.default_rng([self.seed, 1])
        with torch.random.fork_rng(devices=[]), _threads(self.settings.threads):
            torch.manual_seed(self.seed)
            for epoch in range(1, self.settings.epochs + 1):
                loss = self._epoch(search, rng.permutation(learning))
                rows.append((epoch, loss, self.score(judged)))
                if progress is not None:
                    progress(epoch, -loss * float(self.weights[learning].sum()), np.nan)
                if not len(held) or rows[-1][2] > rows[best][2] + LEAST:
                    best, kept = epoch, self._kept()
                elif epoch - best >= self.settings.patience:
                    break
        self._restore(kept)
        history = pd.DataFrame(rows, columns=["epoch", "loss", "log_score"]).set_index("epoch")
        history.attrs["without"] = without
        return history, best

    def _epoch(self, search: Any, order: Int) -> float:
        """One pass over the training cases; returns the mean loss."""
        self.network.train()
        total = weight = 0.0
        for batch in np.array_split(order, max(1, round(len(order) / self.settings.batch_size))):
            before = self.own.detach().clone()
            search.zero_grad()
            w = torch.from_numpy(self.weights[batch])
            loss = -(w @ self._log_prob(torch.from_numpy(batch), True)) / w.sum()
            if not bool(torch.isfinite(loss)):  # the errors' parameters left their range
                self.own.data.mul_(0.5)
                continue
            loss.backward()
            search.step()
            if not bool(torch.isfinite(self.own).all()):
                self.own.data.copy_(before)
            total, weight = total + loss.item() * w.sum().item(), weight + w.sum().item()
        return total / weight if weight else float("nan")

    def _kept(self) -> Any:
        return copy.deepcopy(self.network.state_dict()), self.own.detach().clone()

    def _restore(self, kept: Any) -> None:
        self.network.load_state_dict(kept[0])
        self.own.data.copy_(kept[1])
