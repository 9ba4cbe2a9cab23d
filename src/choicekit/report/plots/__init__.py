"""Pictures of results: each function takes a fit or several and returns a matplotlib Axes.

``import choicekit as ck; ck.plots.shares([logit, probit])``. Nothing is shown on a screen and no
setting of matplotlib is changed: save with ``ax.figure.savefig("shares.pdf")``.
"""

from choicekit.report.plots.calibration import calibration
from choicekit.report.plots.coefficients import coefficients
from choicekit.report.plots.curve import probability_curve
from choicekit.report.plots.shares import shares
from choicekit.report.plots.substitution import substitution
from choicekit.report.plots.wtp import wtp

__all__ = ["calibration", "coefficients", "probability_curve", "shares", "substitution", "wtp"]
