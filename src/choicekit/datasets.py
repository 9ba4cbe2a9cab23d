"""The data sets that come with the package, see data/README.md for their provenance."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from choicekit.exceptions import ChoicekitError, SpecificationError, did_you_mean

__all__ = ["load_dataset"]

NAMES = ("travelmode",)


def load_dataset(name: str = "travelmode") -> pd.DataFrame:
    """Read a data set that comes with the package.

    Parameters
    ----------
    name
        ``"travelmode"``: choices of 210 travellers among air, train, bus and
        car (Greene and Hensher); long, 840 rows. Columns: individual (the
        case), mode, choice (0/1), ttme (waiting time, minutes), invc
        (in-vehicle cost, dollars), invt (in-vehicle time, minutes), gc
        (generalized cost, dollars), hinc (household income, 1000 dollars),
        psize (people travelling together).

    Returns
    -------
    DataFrame
        A fresh copy at every call.

    Raises
    ------
    SpecificationError
        If there is no such data set; the message lists them.

    Examples
    --------
    >>> load_dataset("travelmode").head(4)
       individual   mode  choice  ttme  invc  invt  gc  hinc  psize
    0           1    air       0    69    59   100  70    35      1
    1           1  train       0    34    31   372  71    35      1
    2           1    bus       0    35    25   417  70    35      1
    3           1    car       1     0    10   180  30    35      1
    """
    if name not in NAMES:
        hint = did_you_mean(name, NAMES)
        known = ", ".join(repr(known) for known in NAMES)
        raise SpecificationError(f"There is no data set {name!r}.{hint} There is: {known}.")
    return pd.read_csv(_file(f"{name}.csv"))


def _file(name: str) -> Path:
    """Find a data file: inside an installed package, or in the repository it runs from."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_data", package.parents[1] / "data"):
        if (folder / name).is_file():
            return folder / name
    raise ChoicekitError(
        f"The data file {name!r} is not where the installation should have put it "
        f"({package / '_data'}). Cure: install choicekit again."
    )
