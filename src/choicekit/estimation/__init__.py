"""From a likelihood to estimates: identification, optimisation, covariances."""
