"""What a fit returns."""

from choicekit.results.fit_results import FitResults, load
from choicekit.results.record import Simulation

__all__ = ["FitResults", "Simulation", "load"]
