"""Modules that need torch are looked through for doctests only where it is installed."""

from importlib.util import find_spec

NEEDS_TORCH = ["src/choicekit/neural/autograd.py", "src/choicekit/neural/losses.py"]

collect_ignore = [] if find_spec("torch") else NEEDS_TORCH
