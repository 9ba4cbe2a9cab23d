"""The command ``choicekit``: fit, compare and describe from a shell."""

from choicekit.cli.commands import app
from choicekit.cli.run import main

__all__ = ["app", "main"]
