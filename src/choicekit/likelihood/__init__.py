"""The one place where utility, errors and mixing meet."""

from choicekit.likelihood.build import build_likelihood
from choicekit.likelihood.latent import LatentClassLikelihood
from choicekit.likelihood.mixed import MixedLikelihood
from choicekit.likelihood.plain import Likelihood, Parts

__all__ = ["LatentClassLikelihood", "Likelihood", "MixedLikelihood", "Parts", "build_likelihood"]
