"""Settings for all tests, and the fits that several of them look at."""

from typing import Any

import pytest
from hypothesis import settings

import choicekit as ck

# Timing never goes into a test: the first example may have to wait for a kernel to compile.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

FORMULA = "choice ~ gc + ttme | hinc"


@pytest.fixture(scope="session")
def data() -> ck.ChoiceData:
    """Travel modes; a file with other data has a fixture of its own."""
    frame = ck.load_dataset("travelmode")
    return ck.ChoiceData.from_long(frame, case="individual", alt="mode", chosen="choice")


@pytest.fixture(scope="session")
def logit(data: ck.ChoiceData) -> Any:
    return ck.logit(FORMULA, data, base="car").fit()


@pytest.fixture(scope="session")
def probit(data: ck.ChoiceData) -> Any:
    return ck.probit(FORMULA, data, base="car", covariance="unstructured").fit(seed=1)
