"""Error laws as torch modules: from the utilities of a network to log-probabilities.

Axes: B cases of a batch, J alternatives, Q parameters of the errors.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors, ErrorLaw
from choicekit.errors.gumbel import Gumbel
from choicekit.errors.normal import PREDICTION_DRAWS, BoundNormal, Normal
from choicekit.exceptions import SpecificationError, unknown
from choicekit.neural.autograd import LogProbability, as_array, checked_choices, checked_sets

if TYPE_CHECKING:
    from choicekit.errors.covariance import CovarianceSpec

__all__ = ["ErrorLoss", "LogitLoss", "ProbitLoss"]

REDUCTIONS = ("none", "mean", "sum")
ACCURACIES = ("auto", "fine", "coarse")
INT = torch.int64
Float = NDArray[np.float64]


class ErrorLoss(torch.nn.Module):
    """Log-probabilities of choices under any error law, with its analytic gradients.

    Utilities and parameters of the errors may require gradients; second derivatives there are
    none. Everything is computed in float64 on the CPU, whatever the type and the device of the
    utilities, and comes back in theirs: float64 tensors on the CPU are not even copied.

    Parameters
    ----------
    errors
        The law, for example ``ck.Nested({"transit": ["bus", "train"]})``.
    alternatives
        Their number J, or J labels in the order of the columns of the utilities.
    base
        Label of the reference alternative of the errors; the first by default.
    theta
        Values (Q,) of the parameters; by default those an optimiser should start from.
    learn
        Whether the parameters of the errors are learned (a ``torch.nn.Parameter``) or held (a
        buffer).
    reduction
        ``"none"``: the log-probabilities (B,). ``"mean"``, ``"sum"``: a loss, minus their mean or
        sum.
    seed
        Of the draws, where something is simulated.

    Attributes
    ----------
    theta
        Parameters of the errors, float64 (Q,).
    law
        The law for these alternatives.

    Raises
    ------
    SpecificationError
        For an unknown reduction, or what the law says of these alternatives.

    Notes
    -----
    The scale of a network's utilities is free, like that of coefficients: the law fixes it. See
    ``normalisation``.
    """

    def __init__(
        self,
        errors: ErrorLaw,
        alternatives: int | Sequence[Hashable],
        base: Hashable | None = None,
        *,
        theta: Any = None,
        learn: bool = True,
        reduction: str = "none",
        seed: int = 1,
    ) -> None:
        super().__init__()
        if reduction not in REDUCTIONS:
            raise unknown("reduction", reduction, REDUCTIONS)
        if errors.index:
            raise SpecificationError(
                f"{errors!r} explains one index by thresholds, not utilities of alternatives."
            )
        labels = tuple(range(alternatives) if isinstance(alternatives, int) else alternatives)
        if len(labels) < 2:
            raise SpecificationError(f"A choice needs two alternatives or more, not {labels!r}.")
        if base is not None and base not in labels:
            raise unknown("base", base, labels)
        code = 0 if base is None else labels.index(base)
        self.alternatives, self.reduction, self.seed = labels, reduction, seed
        self.law: BoundErrors = errors.bind(labels, code)
        self.law.require_fittable()
        values = np.array(self.law.search_start if theta is None else theta, dtype=np.float64)
        if values.shape != self.law.start.shape:
            raise SpecificationError(
                f"theta must hold the {len(self.law.names)} parameters "
                f"{', '.join(self.law.names) or '(none)'}, not have the shape {values.shape}."
            )
        tensor = torch.from_numpy(values)
        if learn and len(values):
            self.theta = torch.nn.Parameter(tensor)
        else:
            self.register_buffer("theta", tensor)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the Q parameters of the errors."""
        return self.law.names

    @property
    def normalisation(self) -> str:
        """What fixes the scale of the utilities, in a sentence."""
        return self.law.normalisation

    def covariance(self) -> Any:
        """Covariance (J, J) of the errors under the normalisation, an array."""
        return self.law.covariance(as_array(self.theta))

    def _rule(self, precise: bool) -> BoundErrors:
        """The law with the points it is to use: a closed form has none."""
        return self.law

    def _log_prob(
        self,
        utilities: Any,
        chosen: NDArray[np.int32],
        available: NDArray[np.bool_],
        keys: Any,
        precise: bool,
    ) -> Any:
        """Log-probabilities (B,), orders of integration being the best at these utilities."""
        law, theta = self._rule(precise), as_array(self.theta)
        self._require_inside(getattr(law, "structure", None), theta)
        keyed = np.arange(len(chosen)) if keys is None else as_array(torch.as_tensor(keys), INT)
        if keyed.shape != chosen.shape:
            raise SpecificationError(
                f"keys must have the shape {chosen.shape}, one for each row, not {keyed.shape}."
            )
        v = as_array(utilities)
        law = law.settle(v, available, chosen, keyed.astype(np.uint64), theta, self.seed)
        logp = LogProbability.apply(utilities, self.theta, law, chosen, available)
        if len(logp) and bool(torch.isneginf(logp).all()):
            self._refuse(theta)
        return logp

    def _require_inside(self, structure: Any, theta: Float) -> None:
        if structure is not None and not structure.inside(theta):
            self._refuse(theta)

    def _refuse(self, theta: Float) -> None:
        shown = ", ".join(f"{n} = {x:.3g}" for n, x in zip(self.names, theta, strict=True))
        raise SpecificationError(
            f"These parameters of the errors are outside their range: {shown}. Cure: a smaller "
            "learning rate for them, or learn=False."
        )

    def forward(self, utilities: Any, chosen: Any, available: Any = None, keys: Any = None) -> Any:
        """Log-probabilities of the choices, or the loss that ``reduction`` asks for.

        Parameters
        ----------
        utilities
            Tensor (B, J).
        chosen
            Position of the chosen alternative in each row, (B,).
        available
            Mask (B, J); everything is available by default.
        keys
            Whole numbers (B,) that key the draws of the rows, so that a case has the same ones
            in every batch; by default the positions in the batch.

        Returns
        -------
        Tensor
            (B,), or a number.

        Raises
        ------
        DataError
            Naming the rows that have no log-probability: nothing available, chosen what is not,
            utilities that are not finite.
        SpecificationError
            For shapes that do not fit and parameters outside their range.
        """
        codes, there = checked_choices(utilities, chosen, available, len(self.alternatives))
        logp = self._log_prob(utilities, codes, there, keys, False)
        if self.reduction == "none":
            return logp
        return -(logp.mean() if self.reduction == "mean" else logp.sum())

    def probabilities(self, utilities: Any, available: Any = None, keys: Any = None) -> Any:
        """Choice probabilities (B, J), differentiable; 0 where not available, rows sum to 1.

        Each is integrated on its own; normalising spreads what their sum is off 1.

        Parameters
        ----------
        utilities, available, keys
            As for `forward`.
        """
        there = checked_sets(utilities, available, len(self.alternatives))
        cases, chosen = np.nonzero(there)
        keyed = np.arange(len(there)) if keys is None else as_array(torch.as_tensor(keys), INT)
        rows, columns = (torch.from_numpy(p).to(utilities.device) for p in (cases, chosen))
        codes = chosen.astype(np.int32)
        logp = self._log_prob(utilities[rows], codes, there[cases], keyed[cases], True)
        p = torch.zeros_like(utilities).index_put((rows, columns), logp.exp())
        return p / p.sum(dim=1, keepdim=True)

    def extra_repr(self) -> str:
        """What torch prints between the parentheses."""
        return f"{len(self.alternatives)} alternatives, reduction={self.reduction!r}"


class LogitLoss(ErrorLoss):
    """Independent Gumbel errors: the log-softmax, and with ``reduction="mean"`` the cross-entropy.

    Parameters
    ----------
    alternatives
        Their number J, or J labels.
    scale
        Scale of the errors, the temperature of the softmax, held fixed.
    reduction
        As for `ErrorLoss`.

    Examples
    --------
    >>> import torch
    >>> v = torch.tensor([[1.0, 0.0, 0.5]], requires_grad=True)
    >>> loss = LogitLoss(3, reduction="mean")(v, torch.tensor([0]))
    >>> bool(torch.isclose(loss, torch.nn.functional.cross_entropy(v, torch.tensor([0]))))
    True
    """

    def __init__(
        self, alternatives: int | Sequence[Hashable], scale: float = 1.0, reduction: str = "none"
    ) -> None:
        super().__init__(Gumbel(scale), alternatives, reduction=reduction)


class ProbitLoss(ErrorLoss):
    """Jointly normal errors: the multinomial probit on top of a network.

    Up to four available alternatives are integrated without simulation, more by GHK, each case in
    the best order at its present utilities.

    Parameters
    ----------
    alternatives
        Their number J, or J labels, which name the parameters of the covariance.
    covariance
        As for `choicekit.Normal`: ``"iid"``, ``"heteroskedastic"``, ``"exchangeable"``,
        ``"factor(k)"``, ``"unstructured"``, or a `Factor` or `Pattern`.
    base
        Label of the reference alternative; the first by default.
    scale
        Label of the alternative whose variance is fixed.
    theta, learn
        Values (Q,) of the covariance's parameters, and whether they are learned.
    draws
        Points a simulated case.
    accuracy
        ``"fine"``: the nodes of `choicekit.probit`, 32 for three and 16 x 16 for four
        alternatives; ``"coarse"``: half as many a dimension, for a third of the time and errors
        in log P of about 1e-4; ``"auto"``: coarse in training mode, fine in ``eval()`` mode.
        Probabilities are always fine.
    reduction, seed
        As for `ErrorLoss`.

    Notes
    -----
    A network makes utilities of any size, so the size of the errors must be fixed. In every
    structure it is: independent errors of equal variance have differences of variance 1; with
    ``"unstructured"`` the difference of the scale alternative and the base has. What is learned are
    ratios of variances, and correlations. Utilities are in that unit: those of a logit network are
    larger by about 1.8, as coefficients are.

    Examples
    --------
    >>> import torch
    >>> v = torch.zeros(1, 3, requires_grad=True)
    >>> logp = ProbitLoss(3, covariance="iid")(v, torch.tensor([2]))
    >>> round(float(logp.detach().exp()), 6)
    0.333333
    """

    def __init__(
        self,
        alternatives: int | Sequence[Hashable],
        covariance: str | CovarianceSpec = "unstructured",
        base: Hashable | None = None,
        scale: Hashable | None = None,
        *,
        theta: Any = None,
        learn: bool = True,
        draws: int = 256,
        accuracy: str = "auto",
        reduction: str = "none",
        seed: int = 1,
    ) -> None:
        if accuracy not in ACCURACIES:
            raise unknown("accuracy", accuracy, ACCURACIES)
        law = Normal(covariance, scale, draws=draws)
        super().__init__(
            law, alternatives, base, theta=theta, learn=learn, reduction=reduction, seed=seed
        )
        self.accuracy = accuracy

    def _rule(self, precise: bool) -> BoundErrors:
        """The normal law with coarse nodes, or with the points of predictions."""
        assert isinstance(self.law, BoundNormal)
        integrator = self.law.integrator
        if precise:
            integrator = integrator.with_points(max(integrator.n_points, PREDICTION_DRAWS))
        elif self.accuracy == "coarse" or (self.accuracy == "auto" and self.training):
            integrator = replace(integrator, coarse=True)
        return replace(self.law, integrator=integrator)
