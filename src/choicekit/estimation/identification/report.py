"""What the checks of identification found, for people and for programs.

Three severities: an ``"error"`` cannot be mended by more data of the same kind, ``"weak"`` means
that the parameters are identified but hard to learn, ``"ok"`` says what was checked.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from choicekit.exceptions import IdentificationError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Check", "Identification", "listed", "refuse"]

WIDTH = 84
MARKS = {"error": "ERROR", "weak": "weak", "ok": "ok"}
SHOWN = 6


@dataclass(frozen=True)
class Check:
    """What one check found.

    Attributes
    ----------
    check
        Which check, in a word or two.
    severity
        ``"error"``, ``"weak"`` or ``"ok"``.
    message
        What was found, in whole sentences.
    parameters
        Names of the parameters concerned.
    cure
        What to do about it, a sentence; empty if nothing need be done.
    """

    check: str
    severity: str
    message: str
    parameters: tuple[str, ...] = ()
    cure: str = ""

    def __str__(self) -> str:
        """Message and cure."""
        return f"{self.message} Cure: {self.cure}" if self.cure else self.message


@dataclass(frozen=True, repr=False)
class Identification:
    """What the data can and cannot tell about a model, before it is fitted.

    Prints as a readable report, in a notebook as a table.

    Attributes
    ----------
    title
        What the model is called.
    formula
        Its specification, one or several lines.
    size
        Cases, alternatives and parameters in words.
    checks
        What each check found.
    """

    title: str
    formula: str
    size: str
    checks: tuple[Check, ...]

    @property
    def identified(self) -> bool:
        """Whether no check failed; weak identification counts as identified."""
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps the model from being identified, with the cures."""
        return tuple(str(check) for check in self.checks if check.severity == "error")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is identified, but weakly, with the cures."""
        return tuple(str(check) for check in self.checks if check.severity == "weak")

    @property
    def findings(self) -> pd.DataFrame:
        """One row a finding: check, severity, parameters (tuple of names), message, cure."""
        import pandas as pd

        columns = ["check", "severity", "parameters", "message", "cure"]
        rows = [[getattr(check, column) for column in columns] for check in self.checks]
        return pd.DataFrame(rows, columns=columns)

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        bad, weak = len(self.problems), len(self.warnings)
        if bad:
            return f"NOT IDENTIFIED: {_count(bad, 'problem')}. fit() cannot give estimates."
        if weak:
            return f"Identified, but weakly: {_count(weak, 'warning')}."
        return "Identified: nothing was found that the data cannot tell."

    def __str__(self) -> str:
        """A report for the terminal."""
        names = max(len(check.check) for check in self.checks)
        indent = " " * (7 + names + 2)
        head = [f"Identification: {self.title}", *self.formula.splitlines(), self.size]
        lines = [*(_filled(line, "  ") for line in head), "-" * WIDTH]
        for check in self.checks:
            begin = f"{MARKS[check.severity]:<7}{check.check:<{names}}  "
            lines.append(_filled(begin + check.message, indent))
            if check.cure:
                lines.append(_filled(f"{indent}Cure: {check.cure}", indent + "      "))
        return "\n".join([*lines, "-" * WIDTH, self.verdict])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        formula = html.escape(self.formula).replace("\n", "<br>")
        rows = []
        for check in self.checks:
            cure = f"<br><i>Cure: {html.escape(check.cure)}</i>" if check.cure else ""
            mark = MARKS[check.severity]
            rows.append(
                f"<tr><td>{mark if check.severity == 'ok' else f'<b>{mark}</b>'}</td>"
                f"<td>{html.escape(check.check)}</td>"
                f'<td style="text-align:left">{html.escape(check.message)}{cure}</td></tr>'
            )
        return (
            f"<p><b>Identification: {html.escape(self.title)}</b><br>{formula}<br>"
            f"{html.escape(self.size)}</p>"
            f"<table><tbody>{''.join(rows)}</tbody></table>"
            f"<p><b>{html.escape(self.verdict)}</b></p>"
        )


def refuse(checks: Iterable[Check]) -> None:
    """Raise IdentificationError with every error among the checks, if there is one."""
    wrong = [check for check in checks if check.severity == "error"]
    if wrong:
        lines = "\n".join(f"  - {check}" for check in wrong)
        raise IdentificationError(f"The model is not identified:\n{lines}")


def listed(names: Sequence[object], shown: int = SHOWN) -> str:
    """Return the first names, separated by commas."""
    more = f", ... ({len(names)} in all)" if len(names) > shown else ""
    return ", ".join(str(name) for name in names[:shown]) + more


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _filled(text: str, indent: str) -> str:
    return textwrap.fill(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
