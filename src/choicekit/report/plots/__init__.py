"""Pictures of results: each function takes a fit or several and returns a matplotlib Axes.

``import choicekit as ck; ck.plots.shares([logit, probit])``. Nothing is shown on a screen and no
setting of matplotlib is changed: save with ``ax.figure.savefig("shares.pdf")``.
"""

from choicekit.report.plots.coefficients import coefficients
from choicekit.report.plots.curve import probability_curve
from choicekit.report.plots.shares import shares

__all__ = ["coefficients", "probability_curve", "shares"]
