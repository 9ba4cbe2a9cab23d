"""Restrictions at the edge of the parameters' range, where a likelihood ratio is not chi-squared.

A standard deviation of zero is such an edge. With one parameter at the edge among q restrictions
the ratio is chi-squared with q - 1 or q degrees of freedom, each with probability one half (Self &
Liang 1987, Journal of the American Statistical Association 82, 605-610); so too where a
random coefficient is added to correlated ones, with its covariances (Stram & Lee 1994, Biometrics
50, 1171-1177). With several the weights depend on the information matrix, and chi-squared
with q degrees of freedom bounds the p-value from above.

A dissimilarity of 1 is the edge only of what utility maximisation allows: the estimates here may
exceed it, so 1 is inside their range and the plain chi-squared holds.
"""

from __future__ import annotations

from typing import NamedTuple

from choicekit.post.base import Fitted, fixed_names, mixing_kinds, mixing_names

__all__ = ["Boundary", "boundary", "ratio_tail"]


SCALE = "the scale"


class Boundary(NamedTuple):
    """What the edge means for a likelihood-ratio test.

    Attributes
    ----------
    half
        Whether the distribution is the mixture of two chi-squares, half and half.
    note
        In words; may be empty.
    """

    half: bool
    note: str


def ratio_tail(statistic: float, df: int, half: bool = False) -> float:
    """Probability of a larger statistic: chi-squared(df) or half that, half chi-squared(df - 1)."""
    from scipy.stats import chi2

    x = max(statistic, 0.0)
    full = float(chi2.sf(x, df))
    if not half:
        return full
    fewer = float(chi2.sf(x, df - 1)) if df > 1 else float(x <= 0.0)
    return 0.5 * (full + fewer)


def boundary(restricted: Fitted, full: Fitted, df: int, statistic: float) -> Boundary:
    """Say which restrictions are at the edge of their range, and what follows.

    Parameters
    ----------
    restricted, full
        Nested fits.
    df
        Number of restrictions.
    statistic
        Likelihood ratio.
    """
    new = sorted(_random(full) - _random(restricted))
    if new == [SCALE] and "gamma" in {*mixing_names(full)} - fixed_names(full):
        return Boundary(
            False,
            "Where tau is 0 gamma does not show, so that the distribution of the statistic is not "
            "known (Davies 1977): the p-value is rough.",
        )
    if len(new) == 1:
        return Boundary(
            True,
            f"The restricted model puts the variance of {new[0]} at zero, the edge of its range: "
            f"the p-value is that of the mixture 1/2 chi2({df - 1}) + 1/2 chi2({df}) (Self & Liang "
            "1987).",
        )
    if new:
        return Boundary(
            False,
            f"The restricted model puts {len(new)} variances at zero, the edge of their range, "
            f"where the statistic is smaller than chi2({df}): the p-value shown is an upper bound.",
        )
    return Boundary(False, _dissimilarities(restricted, full, df, statistic))


def _random(fit: Fitted) -> set[str]:
    """What has a variance in the mixing: ``sd[x]``, the diagonal ``chol[x,x]``, the scale."""
    free = set(mixing_names(fit)) - fixed_names(fit)
    found = {SCALE} if mixing_kinds(fit).get("tau") == "scale" and "tau" in free else set()
    for name in free:
        kind, _, inside = name.rstrip("]").partition("[")
        if kind == "sd":
            found.add(inside)
        half = (len(inside) - 1) // 2  # names may hold commas themselves
        if kind == "chol" and inside[:half] == inside[half + 1 :]:
            found.add(inside[:half])
    return found


def _dissimilarities(restricted: Fitted, full: Fitted, df: int, statistic: float) -> str:
    """What to say where dissimilarities of the full model are 1 in the restricted one."""
    own, other = _free_errors(full), _free_errors(restricted)
    if other or any(name.startswith("alpha[") for name in own):
        hidden = not other and bool(own)
        return (
            "Where all lambdas are 1 the allocations alpha do not show, so that the distribution "
            "of the statistic is not known (Davies 1977): the p-value is rough."
            if hidden
            else ""
        )
    lambdas = [name for name in own if name.startswith("lambda")]
    if not lambdas:
        return ""
    text = (
        "The lambdas were free to exceed 1, so 1 is inside their range and the chi-squared holds."
    )
    if len(lambdas) > 1 or statistic < 0.0:
        return text
    if float(full.params[lambdas[0]]) <= 1.0:
        pvalue = ratio_tail(statistic, df, half=True)
        return (
            f"{text} Against lambda <= 1 only, as utility maximisation wants it, 1 is the edge: "
            f"p = {pvalue:.3g} (Self & Liang 1987)."
        )
    return f"{text} The estimate is above 1: nothing speaks for a lambda below 1."


def _free_errors(fit: Fitted) -> list[str]:
    """Names of the free parameters of the errors."""
    return [str(name) for name in fit.model.bound.names if name not in fixed_names(fit)]
