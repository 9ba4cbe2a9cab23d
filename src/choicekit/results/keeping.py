"""Results in files that say what wrote them.

A file is a line that names its kind, a line of JSON with the versions, and a pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import platform
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from choicekit.exceptions import SpecificationError, VersionWarning

__all__ = ["read_results", "write_results", "written_with"]

MARK = b"choicekit results, format 1\n"
KIND = b"choicekit results, format "
PACKAGES = ("choicekit", "numpy", "scipy", "pandas", "formulaic", "numba")
MOST_HEADER = 1 << 16  # bytes of the longest line of versions that makes sense


def versions() -> dict[str, str]:
    """Versions that the numbers may depend on, by name."""
    return {**{name: _installed(name) for name in PACKAGES}, "python": platform.python_version()}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # imported from a folder that was never installed
        return "unknown"


def write_results(results: Any, path: str | os.PathLike[str]) -> Path:
    """Write results with the versions that made them; see ``FitResults.save``.

    Raises
    ------
    SpecificationError
        If they hold a function that no file can hold, such as a lambda; nothing is written.
    """
    try:
        body = pickle.dumps(results, protocol=pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise SpecificationError(
            f"The results cannot be saved: {error}. Functions are saved by name, and lambdas and "
            "functions made inside others have none. Cure: define the functions of the model with "
            "def in a module, import them from there, and fit again."
        ) from error
    header = {"versions": versions(), "sha256": hashlib.sha256(body).hexdigest()}
    target = Path(path)
    target.write_bytes(MARK + json.dumps(header).encode() + b"\n" + body)
    return target


def written_with(path: str | os.PathLike[str]) -> dict[str, str]:
    """Versions that wrote a file of results, without reading the results.

    Raises
    ------
    SpecificationError
        If the file is not one that ``FitResults.save`` wrote.
    """
    return dict(_split(path)[0]["versions"])


def read_results(path: str | os.PathLike[str]) -> Any:
    """Read what `write_results` wrote; see ``choicekit.load``."""
    header, body = _split(path)
    name = os.fspath(path)
    if hashlib.sha256(body).hexdigest() != header.get("sha256"):
        raise SpecificationError(
            f"{name} is damaged: its contents are not what was written. Cure: copy it again, in "
            "binary mode, or fit the model again."
        )
    then, now = header["versions"], versions()
    changed = [
        f"{package} {was} (now {now[package]})"
        for package, was in then.items()
        if package in now and _series(was) != _series(now[package])
    ]
    try:
        results = pickle.loads(body)
    except Exception as error:
        if not changed:
            raise
        raise SpecificationError(
            f"{name} was written with {', '.join(changed)} and cannot be read with what is "
            f"installed ({type(error).__name__}: {error}). Cure: install those versions to read "
            "it, or fit the model again."
        ) from error
    if changed:
        warnings.warn(
            f"{name} was written with {', '.join(changed)}. The estimates are those of the file; "
            "numbers made from now on may differ in the last digits, or more where an algorithm "
            "changed. Cure: install those versions, or fit the model again and save it.",
            VersionWarning,
            stacklevel=3,
        )
    return results


def _split(path: str | os.PathLike[str]) -> tuple[dict[str, Any], bytes]:
    """The header of a file of results and the pickle, not yet read."""
    content = Path(path).read_bytes()
    first, _, rest = content.partition(b"\n")
    line = rest[:MOST_HEADER].partition(b"\n")[0]
    if first + b"\n" != MARK:
        newer = first.startswith(KIND) and first[len(KIND) :].isdigit()
        why = "is of a newer format" if newer else "was not written by FitResults.save"
        cure = "a newer choicekit reads it" if newer else "results.save(path) writes such a file"
        raise SpecificationError(f"{os.fspath(path)} {why}, so it is not read. Cure: {cure}.")
    try:
        header = json.loads(line)
        dict(header["versions"])
    except (ValueError, KeyError, TypeError) as error:
        raise SpecificationError(
            f"{os.fspath(path)} is damaged: it does not say what wrote it. Cure: copy it again, in "
            "binary mode, or fit the model again."
        ) from error
    return header, rest[len(line) + 1 :]


def _series(full: str) -> tuple[str, ...]:
    """Major and minor version."""
    return tuple(full.split(".")[:2])
