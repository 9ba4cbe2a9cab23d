"""Which ratios a willingness to pay consists of: marginal utilities, rows, averages.

Axes: L rows (case x available alternative), K coefficients of a utility, G terms, M ratios asked
for: each is a weighted mean of terms ``-(dV/dx) / (dV/dprice)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from choicekit.exceptions import SpecificationError, did_you_mean
from choicekit.post.base import weights_of
from choicekit.post.marginal import Marginal, is_attribute, marginal_utility
from choicekit.utility import NeuralDesign

__all__ = ["Side", "Terms", "ratio_terms", "side_of"]

Float = NDArray[np.float64]
Int = NDArray[np.int64]

CELLS = 4_000_000  # draw x term at a time: 32 MB an array
SIMILAR = 1e-8  # relative: slopes that count as the same


@dataclass(frozen=True)
class Terms:
    """Ratios that are averaged.

    Attributes
    ----------
    top, bottom
        Marginal utilities of x and of the price, in G terms.
    group
        Which of the M ratios each term belongs to, ascending, (G,).
    weight
        Of the terms, (G,); they sum to 1 in each ratio.
    labels
        Of the M ratios, by name of the level: ``"alternative"``, ``"case"`` or both; empty where
        there is one ratio for all.
    note
        What a reader should know.
    """

    top: Marginal
    bottom: Marginal
    group: Int
    weight: Float
    labels: pd.DataFrame
    note: str = ""

    @property
    def size(self) -> int:
        """M."""
        return int(self.group[-1]) + 1

    def means(self, by_term: Float) -> Float:
        """Weighted means of what belongs to terms, (..., G), to (..., M)."""
        starts = np.searchsorted(self.group, np.arange(self.size))
        found: Float = np.add.reduceat(by_term * self.weight, starts, axis=-1)
        return found

    def ratios(self, beta: Float) -> Float:
        """The M ratios at coefficients (K,) or (R, K): (M,) or (R, M)."""
        if beta.ndim == 1:
            return self.means(-self.top.value(beta) / self.bottom.value(beta))
        parts = [
            self.means(-_values(self.top, some) / _values(self.bottom, some))
            for some in self._chunks(beta)
        ]
        return np.concatenate(parts)

    def distinct(self) -> tuple[Terms, Int]:
        """The ratios that differ, and which of them each of the M is, (M,).

        With a linear utility all cases ask for the same ratio, which need not be worked out again
        and again. Means of several terms are left as they are.
        """
        m = self.size
        if self.top.slopes is None or self.bottom.slopes is None or len(self.group) > m:
            return self, np.arange(m)
        both = np.hstack([self.top.slopes, self.bottom.slopes])
        _, first, which = np.unique(both, axis=0, return_index=True, return_inverse=True)
        few, labels = len(first), pd.DataFrame(index=np.arange(len(first)))
        top, bottom = self.top.of(first), self.bottom.of(first)
        kept = Terms(top, bottom, np.arange(few), np.ones(few), labels, self.note)
        return kept, which.reshape(-1).astype(np.int64)

    def _chunks(self, beta: Float) -> list[Float]:
        """Some of the R coefficients at a time, so that (R', G) fits into memory."""
        most = max(1, CELLS // len(self.group))
        return [beta[start : start + most] for start in range(0, len(beta), most)]

    def jacobian(self, beta: Float) -> Float:
        """Derivatives of the M ratios by the coefficients, (M, K)."""
        top, bottom = self.top.value(beta)[:, None], self.bottom.value(beta)[:, None]
        by_term = -self.top.jacobian(beta) / bottom + top / bottom**2 * self.bottom.jacobian(beta)
        return self.means(by_term.T).T

    def crossing(self, beta: Float) -> Float:
        """Share of the coefficients (R, K) at which the price has the rarer sign, (M,)."""
        count = sum((_values(self.bottom, some) > 0.0).sum(axis=0) for some in self._chunks(beta))
        positive = count / len(beta)
        starts = np.searchsorted(self.group, np.arange(self.size))
        share: Float = np.maximum.reduceat(np.minimum(positive, 1.0 - positive), starts)
        return share

    def columns(self) -> Int:
        """Positions of the coefficients which any term depends on; all if not linear."""
        if self.top.slopes is None or self.bottom.slopes is None:
            raise SpecificationError(
                "The marginal utilities of a Nonlinear utility depend on its parameters, some of "
                "which are random here: their ratio over people is not offered. Cure: read "
                "random_table(), individual_coefficients()."
            )
        used = self.top.slopes.any(axis=0) | self.bottom.slopes.any(axis=0)
        return np.flatnonzero(used)


def _values(marginal: Marginal, beta: Float) -> Float:
    """A marginal utility at several coefficients (R, K), (R, G)."""
    if marginal.slopes is not None:
        return np.asarray(beta @ marginal.slopes.T)
    return np.array([marginal.value(one) for one in beta])


def ratio_terms(model: Any, x: str, price: str, unit: float, data: Any, by_case: bool) -> Terms:
    """Find the terms of the willingness to pay for ``unit`` units of x.

    Where the utility uses the column x, whatever it does with it, its marginal utility is meant;
    otherwise x is a coefficient.

    Raises
    ------
    SpecificationError
        For names that are neither, and for pairs that never meet in a utility.
    """
    known = [str(name) for name in model.design.names]
    for name in (x, price):
        require_name(model, name)
    if x == price:
        raise SpecificationError(f"x and price are both {x!r}.")
    if not is_attribute(model, x) and not is_attribute(model, price):
        eye = np.eye(len(known))
        top = Marginal.linear(unit * eye[[known.index(x)]])
        bottom = Marginal.linear(eye[[known.index(price)]])
        return Terms(top, bottom, np.zeros(1, dtype=np.int64), np.ones(1), pd.DataFrame(index=[0]))
    one, two = side_of(model, x, data), side_of(model, price, data)
    one = Side(one.marginal.times(unit), one.works)
    return _averaged(model, one, two, (x, price), data, by_case)


def require_name(model: Any, name: str) -> None:
    """Raise SpecificationError for what is neither a coefficient nor a column with a slope."""
    known = [str(one) for one in model.design.names]
    # What the cases bring along has an effect on every alternative relative to the base.
    of_cases = getattr(getattr(model.design, "case", None), "columns", ())
    if (not is_attribute(model, name) or name in of_cases) and name not in known:
        raise _unknown(model, name, known)


def _unknown(model: Any, name: str, known: list[str]) -> SpecificationError:
    of_variable = [c.name for c in model.design.describe() if c.variable == name]
    if of_variable:
        return SpecificationError(
            f"{name!r} has a coefficient for each of several alternatives or levels. Cure: name "
            f"one of them: {', '.join(of_variable)}."
        )
    if name in map(str, model.design.columns):
        own = [one for one in known if name in one]
        return SpecificationError(
            f"{name!r} is a column of categories, so there is no unit more of it. Cure: name a "
            f"coefficient: {', '.join(own or known)}."
        )
    numeric = [column for column in model.design.columns if is_attribute(model, column)]
    choices = [*known, *map(str, numeric)]
    return SpecificationError(
        f"{name!r} is neither a coefficient nor a column of numbers in the utility."
        f"{did_you_mean(name, choices)} The utility has: {', '.join(dict.fromkeys(choices))}."
    )


@dataclass(frozen=True)
class Side:
    """A marginal utility in all rows, and in which rows it can differ from zero, (L,)."""

    marginal: Marginal
    works: NDArray[np.bool_]


def side_of(model: Any, name: str, data: Any) -> Side:
    """The marginal utility of a column or of what a coefficient multiplies.

    Raises
    ------
    SpecificationError
        For names that are neither.
    """
    require_name(model, name)
    layout = data.layout
    if is_attribute(model, name):
        found = marginal_utility(model, name, data)
        slopes = found.slopes
        if slopes is None:
            slopes = found.jacobian(model.design.start + 0.5)
        works: NDArray[np.bool_] = np.asarray(slopes.any(axis=1), dtype=np.bool_)
        if isinstance(model.design, NeuralDesign):  # a network's slopes need no coefficients
            works |= found.value(np.zeros(slopes.shape[1])) != 0.0
        return Side(found, works)
    k = [str(known) for known in model.design.names].index(name)
    slopes = np.zeros((layout.n_rows, len(model.design.names)))
    slopes[:, k] = 1.0
    own = model.design.describe()[k].alternative
    if own is None:
        return Side(Marginal.linear(slopes), np.ones(layout.n_rows, dtype=np.bool_))
    code = list(data.alternatives).index(own)
    rows: NDArray[np.bool_] = np.zeros(layout.n_rows, dtype=np.bool_)
    rows[layout.alt == code] = True
    return Side(Marginal.linear(slopes), rows)


def _averaged(
    model: Any,
    one: Side,
    two: Side,
    names: tuple[str, str],
    data: Any,
    by_case: bool,
) -> Terms:
    """Put the terms of the rows together: by case, by alternative, or all in one."""
    layout, alt = data.layout, data.layout.alt
    # Alternatives without x in their utility have nothing to say about it.
    meant = np.bincount(alt, one.works, layout.n_alternatives) > 0
    wanted = meant[alt]
    rows = np.flatnonzero(wanted & two.works)
    if not len(rows):
        raise SpecificationError(
            f"{names[0]!r} and {names[1]!r} are nowhere in the utility of the same alternative."
        )
    lost = int(wanted.sum()) - len(rows)
    note = f"{lost:,} rows in which the price has no effect are left out" if lost else ""
    top, bottom = one.marginal.of(rows), two.marginal.of(rows)
    case = layout.case[rows]
    weights = weights_of(layout)
    same = _same_within_cases(top, bottom, case)
    if same:  # one row stands for its case
        first = np.flatnonzero(np.diff(case, prepend=-1))
        rows, case = rows[first], case[first]
        top, bottom = top.of(first), bottom.of(first)
    keys = {}
    if by_case:
        keys["case"] = case
    if not same:
        keys["alternative"] = alt[rows].astype(np.int64)
    group, labels = _grouped(keys, data, len(rows))
    weight = weights[case]
    order = np.argsort(group, kind="stable")
    top, bottom, group, weight = (
        top.of(order),
        bottom.of(order),
        group[order],
        weight[order],
    )
    total = np.bincount(group, weight)
    if not (total > 0.0).all():
        weight, total = np.ones(len(group)), np.bincount(group).astype(np.float64)
    return _merged(Terms(top, bottom, group, weight / total[group], labels, note))


def _same_within_cases(top: Marginal, bottom: Marginal, case: Int) -> bool:
    """Whether all alternatives of a case have the same marginal utilities, at any coefficients."""
    if top.slopes is None or bottom.slopes is None:
        return False
    both = np.hstack([side[:, side.any(axis=0)] for side in (top.slopes, bottom.slopes)])
    again = np.diff(case) == 0
    return bool(np.allclose(both[1:][again], both[:-1][again], rtol=SIMILAR, atol=0.0))


def _grouped(keys: dict[str, Int], data: Any, n_rows: int) -> tuple[Int, pd.DataFrame]:
    """Codes of the ratios, (G,), and their labels."""
    if not keys:
        return np.zeros(n_rows, dtype=np.int64), pd.DataFrame(index=[0])
    table = pd.DataFrame(keys)
    unique = table.drop_duplicates().sort_values(list(keys)).reset_index(drop=True)
    codes = table.merge(unique.reset_index(names="code"), on=list(keys), how="left")["code"]
    labels = unique.copy()
    if "case" in keys:
        labels["case"] = pd.Series(list(data.case_ids[unique["case"]]), dtype=object)
    if "alternative" in keys:
        names = list(data.alternatives)
        labels["alternative"] = pd.Series([names[j] for j in unique["alternative"]], dtype=object)
    return codes.to_numpy(dtype=np.int64), labels


def _merged(terms: Terms) -> Terms:
    """Equal terms of a ratio counted once."""
    if terms.top.slopes is None or terms.bottom.slopes is None:
        return terms
    both = np.column_stack([terms.group, terms.top.slopes, terms.bottom.slopes])
    # Rounding may have parted equal slopes.
    differing = both[:, ~np.isclose(both, both[0], rtol=SIMILAR, atol=0.0).all(axis=0)]
    if differing.shape[1]:
        _, first, which = np.unique(differing, axis=0, return_index=True, return_inverse=True)
    else:
        first, which = np.zeros(1, dtype=np.intp), np.zeros(len(both), dtype=np.intp)
    weight: Float = np.bincount(which.reshape(-1), terms.weight).astype(np.float64)
    order = np.argsort(terms.group[first], kind="stable")
    kept = first[order]
    top, bottom = terms.top.of(kept), terms.bottom.of(kept)
    return Terms(top, bottom, terms.group[kept], weight[order], terms.labels, terms.note)
