"""Log-probabilities with our analytic gradients, as a function that torch can differentiate.

Axes: B cases of a batch, J alternatives, Q parameters of the errors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from choicekit.errors.base import BoundErrors
from choicekit.exceptions import DataError, Finding, SpecificationError

__all__ = ["LogProbability", "as_array", "checked_choices", "checked_sets"]

Float = NDArray[np.float64]
SHOWN = 5


def as_array(tensor: Any, dtype: Any = torch.float64) -> NDArray[Any]:
    """The numbers of a tensor as an array; shared, not copied, where they lie on the CPU so.

    Tensors of other devices and types are converted, which copies.
    """
    found: NDArray[Any] = tensor.detach().to("cpu", dtype).contiguous().numpy()
    return found


class LogProbability(torch.autograd.Function):
    """Log-probabilities (B,) of the chosen alternatives, differentiable once.

    The inputs are utilities (B, J), parameters of the errors (Q,), the law, the codes of the chosen
    alternatives int32 (B,) and the availability bool (B, J), the latter two as arrays. All is
    computed in float64 on the CPU and comes back in the type and on the device of the utilities.
    Both gradients are those of the law (`BoundErrors.log_prob`), found in the forward pass, so the
    backward pass costs two products.
    """

    @staticmethod
    def forward(
        ctx: Any,
        utilities: Any,
        theta: Any,
        law: BoundErrors,
        chosen: NDArray[np.int32],
        available: NDArray[np.bool_],
    ) -> Any:
        """Ask the law; keep its derivatives."""
        gradient = any(ctx.needs_input_grad[:2])
        v = as_array(utilities)
        if not available.all():
            v = np.where(available, v, 0.0)  # what stands there may be anything
        part = law.log_prob(v, available, chosen, as_array(theta), gradient)
        if gradient:
            ctx.save_for_backward(torch.from_numpy(part.dv), torch.from_numpy(part.dtheta))
            ctx.types = (utilities.dtype, utilities.device, theta.dtype, theta.device)
        return torch.from_numpy(part.logp).to(utilities.device, utilities.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, weight: Any) -> Any:
        """Weigh the derivatives of the cases, weight (B,)."""
        dv, dtheta = ctx.saved_tensors
        dtype, device, theta_dtype, theta_device = ctx.types
        weight = weight.to("cpu", torch.float64)
        by_v = by_theta = None
        if ctx.needs_input_grad[0]:
            by_v = (weight[:, None] * dv).to(device, dtype)
        if ctx.needs_input_grad[1]:
            by_theta = (weight @ dtheta).to(theta_device, theta_dtype)
        return by_v, by_theta, None, None, None


def checked_choices(
    utilities: Any, chosen: Any, available: Any, n_alternatives: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Choices (B,) and availability (B, J) as the laws want them.

    Parameters
    ----------
    utilities
        Tensor (B, J).
    chosen
        Codes 0..J-1, a tensor or array (B,).
    available
        True, or not 0, where an alternative can be chosen, (B, J); None for everywhere.
    n_alternatives
        J.

    Raises
    ------
    SpecificationError
        If the shapes do not fit.
    DataError
        Naming the rows, if nothing is available, the chosen alternative is none or not available,
        or an available one's utility is not finite.
    """
    there = _sets(utilities, available, n_alternatives)
    size = len(there)
    codes = as_array(torch.as_tensor(chosen), torch.int64)
    if codes.shape != (size,):
        raise SpecificationError(
            f"chosen must have the shape ({size},), the position of the chosen alternative in "
            f"each row of the utilities, not {codes.shape}."
        )
    known = (codes >= 0) & (codes < n_alternatives)
    taken = there[np.arange(size), np.where(known, codes, 0)]
    finite = as_array(torch.isfinite(utilities), torch.bool) | ~there
    some = there.any(axis=1)
    if known.all() and taken.all() and finite.all() and some.all():
        return codes.astype(np.int32), there
    findings = [
        _finding("nothing-available", ~some, "No alternative is available", "leave the rows out"),
        _finding(
            "unknown-choice",
            ~known,
            f"chosen is no position from 0 to {n_alternatives - 1}",
            "count the columns of the utilities from 0",
        ),
        _finding(
            "choice-not-available",
            some & known & ~taken,
            "The chosen alternative is not available",
            "correct the mask or the choice",
        ),
        _finding(
            "not-finite",
            ~finite.all(axis=1),
            "The utility of an available alternative is not finite",
            "look at the inputs of the network, or lower the learning rate",
        ),
    ]
    raise DataError(
        [finding for finding in findings if finding.count], "The batch has no log-probabilities"
    )


def checked_sets(utilities: Any, available: Any, n_alternatives: int) -> NDArray[np.bool_]:
    """Availability (B, J), checked as `checked_choices` does, where no choice is known."""
    there = _sets(utilities, available, n_alternatives)
    any_there = torch.from_numpy(np.where(there.any(axis=1), there.argmax(axis=1), 0))
    return checked_choices(utilities, any_there, available, n_alternatives)[1]


def _sets(utilities: Any, available: Any, n_alternatives: int) -> NDArray[np.bool_]:
    """The mask (B, J) as an array."""
    if utilities.ndim != 2 or utilities.shape[1] != n_alternatives:
        raise SpecificationError(
            f"Utilities must have the shape (batch, {n_alternatives}), a column for each "
            f"alternative, not {tuple(utilities.shape)}."
        )
    if available is None:
        return np.ones(tuple(utilities.shape), dtype=np.bool_)
    mask = torch.as_tensor(available)
    if mask.shape != utilities.shape:
        raise SpecificationError(
            f"available must have the shape of the utilities, {tuple(utilities.shape)}, not "
            f"{tuple(mask.shape)}."
        )
    return as_array(mask, torch.bool)


def _finding(code: str, wrong: Any, message: str, cure: str) -> Finding:
    """What is wrong in which rows of the batch, bool (B,)."""
    rows = np.flatnonzero(wrong)
    shown = tuple(int(row) for row in rows[:SHOWN])
    return Finding(code, "error", message, cure, count=len(rows), cases=shown, unit="row")
