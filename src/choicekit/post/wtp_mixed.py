"""Willingness to pay where tastes differ: its distribution over people, and in each of them.

Axes: G terms, M ratios, K coefficients, N people, S nodes, H random dimensions, P parameters.

The ratio of random coefficients is itself random, so what is estimated are statistics of its
distribution. It has a mean only if the price cannot come near zero: not with a normal, a truncated
normal or a wide uniform price, but with a fixed or a lognormal one (Daly, Hess & Train 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError
from choicekit.mixing.base import Distribution
from choicekit.mixing.bound import BoundRandom
from choicekit.mixing.distributions import JohnsonSB, LogNormal, Triangular, Uniform
from choicekit.mixing.scaled import BoundScaled
from choicekit.mixing.wtp import BoundWtp
from choicekit.numerics.nodes import normal_nodes
from choicekit.post.individual import mixed_likelihood
from choicekit.post.wtp import (
    Estimates,
    Question,
    differenced_jacobian,
    interval_table,
    of_fixed,
    price_notes,
)
from choicekit.post.wtp_terms import Terms

__all__ = ["STATISTICS", "keeps_from_zero", "of_people"]

Float = NDArray[np.float64]

STATISTICS = ("mean", "sd", "q05", "q25", "median", "q75", "q95", "share negative")
SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
NODES, ROUGH_NODES = 1 << 14, 1 << 10  # at the estimates, and at each draw of the parameters
GRID, ROUGH_GRID = 4000, 400  # where one normal variable is behind it all
FARTHEST = 10.0  # of the grid, in standard deviations
CELLS = 1 << 21  # term x person x node at a time
STEP = 0.05  # of a standard error: quantiles over nodes are not quite smooth
WRONG_SIGN = "{share:.1%} of the people like a higher price"
RARE = 5e-4
NO_MEAN = "the price can be zero for some people: there is no mean and no sd"


@dataclass(frozen=True)
class Nodes:
    """Base draws of people, and the weight of each person and draw.

    Attributes
    ----------
    t
        Base draws, (1, H, S) or, on the line of one variable, (1, 1, S).
    weight
        (S,).
    line
        The random dimension where one alone matters, else None.
    """

    t: Float
    weight: Float
    line: int | None


def of_people(fit: Any, terms: Terms, ask: Question, data: Any) -> pd.DataFrame:
    """The distribution over people, or each person's where asked for."""
    bound = fit.model.bound_mixing if data is fit.model.data else fit.model._bind_mixing(data)
    used = terms.columns()
    mixing, price = without_factor(bound, used), price_in_money(bound)
    random = [h for h, k in enumerate(mixing.columns) if k in used and k != price]
    if ask.by == "person":
        return _of_persons(fit, terms, ask)
    if not random and price is None:
        return of_fixed(fit, terms, ask)
    if ask.method == "fieller":
        raise SpecificationError(
            "Fieller's interval is that of one ratio, not of a distribution over people. Cure: "
            "method='krinsky-robb'."
        )
    whole, (terms, which) = terms, terms.distinct()
    weights = fit._own.weights if mixing.covariates is not None else None
    exists = [_has_mean(mixing, terms, m, fit) for m in range(terms.size)]

    def statistics(params: Float, nodes: Nodes) -> Float:
        beta = _coefficients(mixing, used, params, len(bound.names), nodes)
        beta = _over_price(beta, used, price)
        found = _statistics(beta, terms, used, nodes, weights)
        found[~np.array(exists), :2] = np.nan
        return found.ravel()

    fine, rough = (_nodes(mixing, random, ask.seed, exact) for exact in (True, False))
    fixed_price = price is None and not terms.bottom.slopes[:, mixing.columns].any()  # type: ignore[index]
    crossing = np.zeros(terms.size * len(STATISTICS))
    k = len(fit.model.design.names)
    found = Estimates(
        lambda p: statistics(p, fine),
        lambda draws: np.array([statistics(one, rough) for one in draws]),
        lambda: differenced_jacobian(fit, lambda p: statistics(p, fine), STEP),
        lambda d: np.repeat(terms.crossing(d[:, :k]), len(STATISTICS)) if fixed_price else crossing,
    )
    if fixed_price:
        said = price_notes(fit, terms, np.arange(k), ask)
    else:
        beta = _coefficients(mixing, used, fit._values, len(bound.names), fine)
        said = _wrong_signs(beta, terms, used, fine, weights)
    notes = [
        "; ".join(filter(None, [said[m], "" if exists[m] or q > 1 else NO_MEAN]))
        for m in range(terms.size)
        for q in range(len(STATISTICS))  # mean and sd come first
    ]
    return _of_all(whole, which, interval_table(fit, found, ask, notes))


def _of_all(terms: Terms, which: NDArray[np.int64], table: pd.DataFrame) -> pd.DataFrame:
    """The statistics of the ratios that differ, under the labels of all M."""
    n = len(STATISTICS)
    table = table.take((which[:, None] * n + np.arange(n)).ravel()).reset_index(drop=True)
    labels = terms.labels.loc[terms.labels.index.repeat(n)].reset_index(drop=True)
    out = pd.concat([labels.assign(statistic=list(STATISTICS) * terms.size), table], axis=1)
    out.attrs["levels"] = [*terms.labels.columns, "statistic"]
    return out


def without_factor(mixing: BoundRandom, used: NDArray[np.int64]) -> BoundRandom:
    """The coefficients without a factor that all of a person have in common: ratios miss it.

    Raises
    ------
    SpecificationError
        Where a random scale does not cancel.
    """
    if isinstance(mixing, BoundWtp):
        return mixing.inner
    if not isinstance(mixing, BoundScaled):
        return mixing
    scaled = dict(zip(mixing.varying.tolist(), mixing.scaled_coefficients, strict=True))
    touched = {bool(scaled.get(int(k), False)) for k in used}
    if mixing.scale.gamma != 0.0 and any(int(k) in mixing.columns for k in used):
        touched = {True, False}
    if len(touched) > 1:
        raise SpecificationError(
            "The scale of a person does not cancel from this ratio: it multiplies one of the "
            "coefficients and not the other, or gamma splits them. Cure: a model with "
            "Scale(gamma=0) and both scaled, or individual_coefficients()."
        )
    return mixing.inner


def price_in_money(mixing: BoundRandom) -> int | None:
    """Position of the price's coefficient where all others are willingness to pay; else None."""
    return mixing.price_column if isinstance(mixing, BoundWtp) else None


def _over_price(values: Float, used: NDArray[np.int64], price: int | None) -> Float:
    """Coefficients over that of the price, (N, len(used), S), in willingness-to-pay space."""
    if price is None:
        return values
    out = -values
    out[:, used == price] = 1.0
    return out


# -- nodes ----------------------------------------------------------------------------------------


def _nodes(mixing: BoundRandom, random: list[int], seed: int, exact: bool) -> Nodes:
    """A grid where one variable alone matters, else quasi-random nodes; one if nothing is drawn."""
    if not mixing.size:
        return Nodes(np.zeros((1, 0, 1)), np.ones(1), None)
    if len(random) == 1:
        z = np.linspace(-FARTHEST, FARTHEST, GRID if exact else ROUGH_GRID)
        weight = np.exp(-0.5 * z * z)
        t = mixing.distributions[random[0]].nodes(z)
        return Nodes(t[None, None, :], weight / weight.sum(), random[0])
    n = NODES if exact else ROUGH_NODES
    z = normal_nodes(np.array([seed], dtype=np.uint64), seed, mixing.size, n)
    t = np.stack([d.nodes(z[:, h]) for h, d in enumerate(mixing.distributions)], axis=1)
    return Nodes(t, np.full(n, 1.0 / n), None)


def _coefficients(
    mixing: BoundRandom, used: NDArray[np.int64], params: Float, n_phi: int, nodes: Nodes
) -> Float:
    """Values of the coefficients used at nodes, (N or 1, len(used), S)."""
    phi = params[len(params) - n_phi :]
    mean = np.atleast_2d(mixing.means(params, phi, slice(None)))
    if nodes.line is None:
        t = np.broadcast_to(nodes.t, (len(mean), *nodes.t.shape[1:]))
        random = mixing.evaluate(mean, phi, np.array(t)).values
    else:
        h, sd = nodes.line, float(np.sqrt((mixing.spread(phi)[nodes.line] ** 2).sum()))
        own, t = mean[:, [h]], nodes.t[:, 0]
        of_one = mixing.distributions[h].evaluate(own + sd * t, own, sd, t + 0.0 * own).values
        random = np.repeat(of_one[:, None, :], mixing.size, axis=1)
    out = np.repeat(params[used][None, :, None], len(random), axis=0)
    out = np.repeat(out, random.shape[2], axis=2)
    places = list(mixing.columns)
    for place, k in enumerate(used):
        if k in places:
            out[:, place] = random[:, places.index(k)]
    return out


def _statistics(
    beta: Float, terms: Terms, used: NDArray[np.int64], nodes: Nodes, weights: Float | None
) -> Float:
    """The statistics of every ratio, (M, 8)."""
    assert terms.top.slopes is not None
    assert terms.bottom.slopes is not None
    top, bottom = terms.top.slopes[:, used], terms.bottom.slopes[:, used]
    people = np.ones(len(beta)) if weights is None or len(beta) == 1 else weights
    by_node = (people / people.sum())[:, None] * nodes.weight
    out = np.empty((terms.size, len(STATISTICS)))
    for m in range(terms.size):
        own = np.flatnonzero(terms.group == m)
        with np.errstate(divide="ignore", invalid="ignore"):  # a node may be at zero
            ratio = -(top[own] @ beta) / (bottom[own] @ beta)  # (N, G, S)
        weight = by_node[:, None, :] * terms.weight[own][:, None]
        out[m] = _summarised(ratio.ravel(), np.broadcast_to(weight, ratio.shape).ravel())
    return out


def _wrong_signs(
    beta: Float, terms: Terms, used: NDArray[np.int64], nodes: Nodes, weights: Float | None
) -> list[str]:
    """Say of each ratio how many people like a higher price."""
    assert terms.bottom.slopes is not None
    people = np.ones(len(beta)) if weights is None or len(beta) == 1 else weights
    by_node = (people / people.sum())[:, None] * nodes.weight
    likes = (terms.bottom.slopes[:, used] @ beta > 0.0).transpose(1, 0, 2)  # (G, N, S)
    share = terms.means((likes * by_node).sum(axis=(1, 2)))
    return [
        "; ".join(filter(None, [terms.note, WRONG_SIGN.format(share=one) if one > RARE else ""]))
        for one in share
    ]


def _summarised(values: Float, weight: Float) -> Float:
    """Mean, sd, quantiles and share below zero of weighted values, (8,)."""
    order = np.argsort(values)
    values, weight = values[order], weight[order]
    below = np.cumsum(weight) - 0.5 * weight
    with np.errstate(invalid="ignore"):
        mean = float(weight @ values)
        sd = float(np.sqrt(np.maximum(weight @ (values - mean) ** 2, 0.0)))
    negative = float(np.interp(0.0, values, below, left=0.0, right=1.0))
    return np.array([mean, sd, *np.interp(SHARES, below, values), negative])


# -- given each person's choices ------------------------------------------------------------------


def _of_persons(fit: Any, terms: Terms, ask: Question) -> pd.DataFrame:
    """Mean, spread and median of each person's ratio, given her choices."""
    if terms.size > 1:
        raise SpecificationError(
            "by='person' is for ratios that do not differ between alternatives. Cure: name "
            "coefficients, or by='mean'."
        )
    used, likelihood = terms.columns(), mixed_likelihood(fit)
    mixing = without_factor(likelihood.mixing, used)
    assert terms.top.slopes is not None
    assert terms.bottom.slopes is not None
    top, bottom = terms.top.slopes[:, used], terms.bottom.slopes[:, used]
    places = [*likelihood.mixing.columns, *[-1] * (mixing.size - len(mixing.columns))]
    price = price_in_money(likelihood.mixing)
    if isinstance(likelihood.mixing, BoundScaled):
        places += list(likelihood.mixing.others)  # multiplied, but not random
    out = np.empty((likelihood.n_people, 3))
    for people, values, weight in likelihood.posterior_nodes(fit._values):
        beta = np.repeat(fit._values[used][None, :, None], len(values), axis=0)
        beta = np.repeat(beta, values.shape[2], axis=2)
        for place, k in enumerate(used):
            if k in places:
                beta[:, place] = values[:, places.index(k)]
        beta = _over_price(beta, used, price)
        ratio = np.einsum("ngs,g->ns", -(top @ beta) / (bottom @ beta), terms.weight)
        mean = (ratio * weight).sum(axis=1)
        variance = ((ratio - mean[:, None]) ** 2 * weight).sum(axis=1)
        out[people] = np.column_stack([mean, np.sqrt(variance), _medians(ratio, weight)])
    if not _has_mean(mixing, terms, 0, fit):
        out[:, :2] = np.nan
    data = fit.model.data
    ids = data.case_ids if data.person_ids is None else data.person_ids
    table = pd.DataFrame(out, columns=["mean", "sd", "median"]).assign(person=ids)
    table.attrs["levels"] = ["person"]
    return table


def _medians(values: Float, weight: Float) -> Float:
    """Weighted medians of the rows, (N,)."""
    order = np.argsort(values, axis=1)
    values, weight = np.take_along_axis(values, order, 1), np.take_along_axis(weight, order, 1)
    below = np.cumsum(weight, axis=1) - 0.5 * weight
    return np.array([np.interp(0.5, b, v) for b, v in zip(below, values, strict=True)])


# -- whether there is a mean ----------------------------------------------------------------------


def _has_mean(mixing: BoundRandom, terms: Terms, m: int, fit: Any) -> bool:
    """Whether a ratio has a mean over people; a willingness to pay that is a parameter has one."""
    assert terms.bottom.slopes is not None
    n_phi = len(fit.model.bound_mixing.names)
    by_coefficient = terms.bottom.slopes[terms.group == m]
    price = price_in_money(fit.model.bound_mixing)
    if price is not None:
        return not np.delete(by_coefficient, price, axis=1).any()
    return keeps_from_zero(mixing, by_coefficient, fit._values, n_phi)


def keeps_from_zero(mixing: BoundRandom, by_coefficient: Float, params: Float, n_phi: int) -> bool:
    """Whether combinations of coefficients keep away from zero, or come near it rarely enough.

    Parameters
    ----------
    mixing
        The random coefficients.
    by_coefficient
        The combinations, (G, K).
    params
        All parameters, (P,).
    n_phi
        How many of them belong to the mixing.
    """
    places = list(mixing.columns)
    phi = params[len(params) - n_phi :]
    means = np.atleast_2d(mixing.means(params, phi, slice(None)))
    sd = np.sqrt((mixing.spread(phi) ** 2).sum(axis=1))
    for slopes in np.unique(by_coefficient, axis=0):
        low = high = 0.0
        soft = True
        for k in np.flatnonzero(slopes):
            if k not in places:
                ends, gentle = (float(params[k]), float(params[k])), True
            else:
                h = places.index(k)
                ends, gentle = _support(mixing.distributions[h], means[:, h], float(sd[h]))
            pair = sorted(slopes[k] * end for end in ends)
            low, high, soft = low + pair[0], high + pair[1], soft and gentle
        at_zero = low == 0.0 or high == 0.0
        if low < 0.0 < high or (at_zero and not soft):
            return False
    return True


def _support(law: Distribution, means: Float, sd: float) -> tuple[tuple[float, float], bool]:
    """Ends of a coefficient's range, and whether its density vanishes fast at them."""
    if isinstance(law, LogNormal):
        ends, soft = (0.0, np.inf), True
    elif isinstance(law, JohnsonSB):
        ends, soft = (law.lower, law.upper), True
    elif isinstance(law, Uniform | Triangular):
        ends, soft = (float(means.min()) - sd, float(means.max()) + sd), False
    elif law.one_signed:
        ends, soft = (0.0, np.inf), False
    else:
        ends, soft = (-np.inf, np.inf), False
    return ((-ends[1], -ends[0]) if law.negated else ends), soft
