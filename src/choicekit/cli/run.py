"""Run the command: what goes wrong becomes one message and an exit status."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from choicekit.cli.commands import app
from choicekit.exceptions import ChoicekitError

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command; errors of the user's making end in one message and no traceback."""
    code = 0
    try:
        code = app(standalone_mode=False) or 0
    except ChoicekitError as error:
        code = _complain(str(error), 1)
    except OSError as error:
        code = _pipe_closed() if isinstance(error, BrokenPipeError) else _complain(_os(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        code = _complain("interrupted", 130)
    except Exception as error:
        if not hasattr(error, "exit_code"):
            raise
        show = getattr(error, "show", None)  # a usage error of the command line itself
        if callable(show):
            show(sys.stderr)
        code = int(error.exit_code)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _pipe_closed()
    sys.exit(code)


def _complain(text: str, code: int) -> int:
    print(f"choicekit: {text}", file=sys.stderr)
    return code


def _os(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


def _pipe_closed() -> int:
    """Keep Python from complaining a second time when it flushes a closed pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141
