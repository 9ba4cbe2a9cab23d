"""The full report: one page for people who were not there when the models were fitted."""

from choicekit.report.page.assemble import ReportOptions, write_report

__all__ = ["ReportOptions", "write_report"]
