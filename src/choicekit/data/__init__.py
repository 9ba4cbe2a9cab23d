"""Choice data: reading, checking, and the rows that models work on."""

from choicekit.data.choicedata import ChoiceData
from choicekit.data.keys import case_keys
from choicekit.data.layout import Layout

__all__ = ["ChoiceData", "Layout", "case_keys"]
