"""Whether the kernels still have to be compiled, which numba does once for each installation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["needs_compiling"]


def needs_compiling(*kernels: Any) -> bool:
    """Tell whether one of the kernels is neither in memory nor in numba's cache on disk.

    A cache of another version of the source counts as one; the worst that can happen then is a
    wait without an explanation.
    """
    for kernel in kernels:
        if kernel.signatures:
            continue
        function = kernel.py_func
        module = Path(function.__code__.co_filename).stem
        folder = Path(kernel.stats.cache_path)
        if not any(folder.glob(f"{module}.{function.__name__}-*.nbi")):
            return True
    return False
