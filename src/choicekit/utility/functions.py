"""Functions of the user's as utilities: called with care, differentiated.

Axes: n rows of one function, K parameters.

Derivatives are those that the user gives; else by a complex step, exact to rounding where the
function is analytic (Squire & Trapp 1998), which is tried out against differences; else by
central differences with Richardson's extrapolation, whose step is shortened where two of them
disagree.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..exceptions import SpecificationError
from .base import FloatArray, suggestion

__all__ = ["Caller", "Function", "columns_read", "with_derivatives"]

Caller = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]

TINY = 1e-20  # the complex step: its square is lost in any sum
STEP = 7e-4  # of differences, relative: the fifth root of the rounding error
SHORTER, TRIES = 0.1, 6
CLOSE = 1e-4  # relative gap between differences of two sizes at which no shorter step is tried
ROUGH = 1e-3  # beyond it there is no derivative to speak of
GIVE_START = "give it a start in start={...}"
AGREE = 1e-6  # relative difference of two ways to the same derivative


class Named(Mapping[str, Any]):
    """Values by name as a user's function sees them; it remembers which were read.

    Parameters
    ----------
    values
        By name.
    what
        What they are, for the error about an unknown name: ``"column"`` or ``"parameter"``.
    cure
        What to do about such a name.
    """

    def __init__(self, values: Mapping[str, Any], what: str, cure: str) -> None:
        self._values, self._what, self._cure = values, what, cure
        self.read: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            hint = suggestion(name, self._values, f"{self._what}s")
            raise SpecificationError(
                f"A utility function reads the {self._what} {name!r}, which it was not given: "
                f"{hint}. Cure: {self._cure}."
            )
        self.read[name] = None
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


@dataclass(frozen=True)
class Difference:
    """A derivative by differences.

    Attributes
    ----------
    slope
        (n,).
    error
        Estimate of its largest absolute error.
    rough
        Whether differences of two sizes say different things: there may be no derivative.
    """

    slope: FloatArray
    error: float
    rough: bool


@dataclass(frozen=True)
class Function:
    """A utility function with what is known of its derivatives.

    Attributes
    ----------
    call
        ``call(columns, parameters)``, both by name, gives n utilities or one number for all rows.
    whose
        Of which alternative, for messages.
    names
        The K parameters.
    jacobian
        Derivatives by name, as the user gives them; None if they are found here.
    method
        ``"given"``, ``"complex step"`` or ``"central differences"``.
    """

    call: Caller
    whose: str
    names: tuple[str, ...]
    jacobian: Caller | None = None
    method: str = "central differences"

    def value(self, columns: Mapping[str, Any], beta: FloatArray, n: int) -> FloatArray:
        """Utilities, (n,)."""
        return self._run(columns, beta.tolist(), n)[0]

    def slopes(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int
    ) -> list[tuple[int, FloatArray]]:
        """Derivatives (n,) by the parameters that matter here, with their positions."""
        if self.method == "given":
            return self._given(columns, beta, n)
        base, read = self._run(columns, beta.tolist(), n)
        found = []
        for k in read:
            slope = None
            if self.method == "complex step":
                slope = self.complex_slope(columns, beta, n, k)
            if slope is None:
                slope = self.difference(columns, beta, n, k, base).slope
            found.append((k, slope))
        return found

    def complex_slope(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int, k: int
    ) -> FloatArray | None:
        """Derivative (n,) by a step along the imaginary axis; None if the function forgets it."""
        at: list[Any] = beta.tolist()
        at[k] = np.complex128(complex(at[k], TINY))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                found = self._raw(columns, at, n)[0]
        except Exception:  # whatever a function of real numbers does with a complex one
            return None
        return found.imag / TINY if found.dtype.kind == "c" else None

    def difference(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int, k: int, base: FloatArray
    ) -> Difference:
        """Derivative by differences around ``base``; rows not finite there do not count."""
        there = np.isfinite(base)
        level = float(np.abs(base[there]).max(initial=0.0)) * float(np.finfo(np.float64).eps)
        size = STEP * max(1.0, abs(float(beta[k])))
        best = Difference(np.full(n, np.nan), np.inf, True)
        for _ in range(TRIES):
            near, far = (self._central(columns, beta, n, k, steps * size) for steps in (1, 2))
            slope = (4.0 * near - far) / 3.0
            if np.isfinite(slope[there]).all():
                scale = float(np.abs(slope[there]).max(initial=0.0))
                gap = float(np.abs(near - far)[there].max(initial=0.0))
                lost = gap * gap / max(scale, gap) / 8.0 if gap > 0.0 else 0.0
                noise = level / size
                if lost + noise < best.error:
                    best = Difference(slope, lost + noise, lost > max(ROUGH * scale, noise))
                if gap <= CLOSE * scale + noise:
                    break
            size *= SHORTER
        return best

    def _central(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int, k: int, size: float
    ) -> FloatArray:
        up, down = beta.tolist(), beta.tolist()
        up[k], down[k] = up[k] + size, down[k] - size
        high, low = self._run(columns, up, n)[0], self._run(columns, down, n)[0]
        with np.errstate(all="ignore"):
            slope: FloatArray = (high - low) / (up[k] - down[k])
        return slope

    def _given(
        self, columns: Mapping[str, Any], beta: FloatArray, n: int
    ) -> list[tuple[int, FloatArray]]:
        assert self.jacobian is not None
        parameters = dict(zip(self.names, beta.tolist(), strict=True))
        found = _call(self.jacobian, columns, parameters, f"jacobian of {self.whose}")[0]
        if not isinstance(found, Mapping):
            raise SpecificationError(
                f"The jacobian of {self.whose} must return a dict of derivatives by parameter, "
                f'{{"b_time": columns["time"]}}, not a {type(found).__name__}.'
            )
        for name in found:
            if name not in self.names:
                hint = suggestion(name, self.names, "parameters")
                raise SpecificationError(
                    f"The jacobian of {self.whose} has a derivative by {name!r}, which is no "
                    f"parameter: {hint}."
                )
        what = f"jacobian of {self.whose}"
        return [
            (self.names.index(name), _real(_shaped(value, n, f"{what} by {name!r}"), what))
            for name, value in found.items()
        ]

    def _run(
        self, columns: Mapping[str, Any], beta: Sequence[Any], n: int
    ) -> tuple[FloatArray, list[int]]:
        found, read = self._raw(columns, beta, n)
        return _real(found, f"utility of {self.whose}"), read

    def _raw(
        self, columns: Mapping[str, Any], beta: Sequence[Any], n: int
    ) -> tuple[Any, list[int]]:
        """What the function returns, (n,), and the positions of the parameters it read."""
        parameters = dict(zip(self.names, beta, strict=True))
        what = f"utility of {self.whose}"
        found, read = _call(self.call, columns, parameters, what)
        return _shaped(found, n, what), [self.names.index(name) for name in read]


def _call(
    function: Caller, columns: Mapping[str, Any], parameters: Mapping[str, Any], what: str
) -> tuple[Any, tuple[str, ...]]:
    """What a function returns and the names of the parameters it read."""
    seen = Named(columns, "column", "name every column that the functions may read: columns=[...]")
    given = Named(parameters, "parameter", GIVE_START)
    try:
        with np.errstate(all="ignore"):
            found = function(seen, given)
    except SpecificationError:
        raise
    except Exception as error:
        error.add_note(f"choicekit: raised by the function for the {what}.")
        raise
    return found, tuple(given.read)


def _shaped(found: Any, n: int, what: str) -> Any:
    """The same as an array (n,); a single number serves all rows."""
    array = np.asarray(found)
    if array.dtype.kind not in "biufc":
        raise SpecificationError(
            f"The {what} must be numbers, not {type(found).__name__} of type {array.dtype}."
        )
    if array.shape not in ((), (n,)):
        raise SpecificationError(
            f"The {what} has shape {array.shape}, but there are {n:,} rows. Cure: return one "
            f"number a row, shape ({n},), in the order of the columns, or one number for all."
        )
    return np.broadcast_to(array, (n,))


def _real(array: Any, what: str) -> FloatArray:
    if array.dtype.kind == "c":
        raise SpecificationError(
            f"The {what} is complex for real parameters. Cure: keep roots and logarithms of "
            "negative numbers out of it."
        )
    found: FloatArray = array.astype(np.float64)
    return found


def columns_read(
    function: Caller,
    columns: Mapping[str, Any],
    start: Mapping[str, float],
    whose: str,
    n: int,
) -> tuple[str, ...]:
    """Names of the columns that a function reads at the start, on all n rows of a frame.

    Raises
    ------
    SpecificationError
        If it fails there.
    """
    seen = Named(columns, "column", "correct the name")
    given = Named(start, "parameter", GIVE_START)
    try:
        with np.errstate(all="ignore"):
            function(seen, given)
    except SpecificationError:
        raise
    except Exception as error:
        raise SpecificationError(
            f"The function for the utility of {whose} failed on the {n:,} rows of the data: "
            f"{type(error).__name__}: {error}. Cure: mend it; or, if it cannot stand other "
            "alternatives' rows or missing values, name the columns it reads, columns=[...], so "
            "that it sees its own rows alone."
        ) from error
    return tuple(seen.read)


# -- which derivatives ----------------------------------------------------------------------------


def with_derivatives(
    function: Function, columns: Mapping[str, Any], points: Sequence[FloatArray], n: int
) -> tuple[Function, set[str]]:
    """Try the function out at some points (K,) and settle how it is differentiated.

    Returns
    -------
    function
        The same with the way to its derivatives.
    read
        Names of the parameters that it reads.

    Raises
    ------
    SpecificationError
        If it depends on chance, if differences of two sizes disagree everywhere, or if the
        derivatives given are not those of the function.
    """
    rough: dict[int, int] = {}
    used: set[str] = set()
    tried, analytic = 0, True
    for beta in points:
        base, read = function._run(columns, beta.tolist(), n)
        if not np.array_equal(base, function.value(columns, beta, n), equal_nan=True):
            raise SpecificationError(
                f"The utility of {function.whose} gives other values when it is called again. "
                "Cure: make it depend on its columns and parameters only, not on chance."
            )
        used |= {function.names[k] for k in read}
        there = np.isfinite(base)
        if not there.any():
            continue
        tried += 1
        given = dict(function._given(columns, beta, n)) if function.jacobian is not None else {}
        for k in sorted({*read, *given}):
            found = function.difference(columns, beta, n, k, base)
            if found.rough:
                rough[k] = rough.get(k, 0) + 1
            elif function.jacobian is not None:
                _require_equal(function, k, given.get(k, np.zeros(n)), found, there)
            elif analytic:
                exact = function.complex_slope(columns, beta, n, k)
                analytic = exact is not None and _equal(exact, found, there)
    hopeless = [function.names[k] for k, times in rough.items() if times == tried]
    if hopeless and function.jacobian is None:
        raise SpecificationError(
            f"The utility of {function.whose} has no derivative by {hopeless[0]!r} near the start: "
            "differences of two sizes disagree. Cure: make the function smooth in its parameters, "
            "or give another start."
        )
    own = "complex step" if analytic else "central differences"
    method = own if function.jacobian is None else "given"
    return replace(function, method=method), used


def _equal(one: FloatArray, other: Difference, there: NDArray[np.bool_]) -> bool:
    """Whether a derivative is that of the differences, as far as their error lets one say."""
    scale = float(np.abs(other.slope[there]).max(initial=0.0))
    gap = float(np.abs(one - other.slope)[there].max(initial=0.0))
    return gap <= AGREE * scale + 10.0 * other.error


def _require_equal(
    function: Function, k: int, given: FloatArray, found: Difference, there: NDArray[np.bool_]
) -> None:
    if _equal(given, found, there):
        return
    worst = int(np.argmax(np.where(there, np.abs(given - found.slope), -1.0)))
    raise SpecificationError(
        f"The jacobian of {function.whose} is not the derivative by {function.names[k]!r}: in one "
        f"row it says {given[worst]:.6g}, differences of the utility {found.slope[worst]:.6g}. "
        "Cure: mend it, or leave jacobian= out."
    )
