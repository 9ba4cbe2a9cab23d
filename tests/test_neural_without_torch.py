"""What must hold where torch is not installed, tested wherever it is or not."""

from __future__ import annotations

import subprocess
import sys

import pytest

import choicekit as ck
from choicekit.exceptions import SpecificationError


def test_importing_never_imports_torch() -> None:
    code = (
        "import sys, choicekit as ck; ck.NeuralUtility((8,), ['x']); ck.neural.Training(); "
        "dir(ck.neural); ck.softmax([1.0, 2.0]); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("choicekit.neural.torch_needed.find_spec", lambda name: None)


@pytest.mark.usefixtures("no_torch")
def test_what_needs_torch_says_so_with_the_cure() -> None:
    with pytest.raises(SpecificationError, match=r"ProbitLoss needs torch.*choicekit\[torch\]"):
        ck.neural.ProbitLoss(3)
    data = ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    model = ck.ChoiceModel(ck.NeuralUtility((8,), ["hinc"], "choice ~ gc | 1"), data, base="car")
    assert model.identification().identified  # the linear part needs none
    with pytest.raises(SpecificationError, match="A NeuralUtility needs torch"):
        model.fit()


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'ProbitLos'"):
        ck.neural.ProbitLos  # noqa: B018
