"""Error laws as torch modules: values against the package's own and torch's, gradients by torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import choicekit as ck
from choicekit.exceptions import DataError, SpecificationError

torch = pytest.importorskip("torch", reason="needs torch: pip install 'choicekit[torch]'")

from choicekit.neural import ErrorLoss, LogitLoss, ProbitLoss  # noqa: E402

J = 4
Y = torch.tensor([0, 1, 2, 3, 1, 2])
MASK = torch.ones(6, J, dtype=torch.bool)
MASK[0, 2] = MASK[3, 0] = MASK[3, 1] = MASK[4, 0] = MASK[4, 2] = MASK[4, 3] = False
PATTERN = ck.Pattern(sd={1: "s"}, corr={(1, 2): "r"})
STRUCTURES = ["iid", "heteroskedastic", "exchangeable", "factor(1)", "unstructured", PATTERN]
LAWS = {
    "logit": ck.Gumbel(),
    "nested": ck.Nested({"a": [0, 1], "b": [2, 3]}),
    "hev": ck.HeteroskedasticGumbel(),
}


def utilities(dtype: Any = torch.float64, J: int = J, seed: int = 0) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, J, dtype=dtype, generator=generator).requires_grad_()


def with_theta(loss: Any, call: Any) -> Any:
    """The call as a function of utilities and theta, which gradcheck may move."""

    def function(v: Any, theta: Any) -> Any:
        return torch.func.functional_call(loss, {"theta": theta}, (v, *call))

    return function


@pytest.mark.parametrize("covariance", STRUCTURES, ids=str)
@pytest.mark.parametrize("accuracy", ["fine", "coarse"])
def test_gradients_of_the_probit(covariance: Any, accuracy: str) -> None:
    loss = ProbitLoss(J, covariance, accuracy=accuracy)
    theta = loss.theta.detach().clone().requires_grad_(bool(loss.names))
    assert torch.autograd.gradcheck(with_theta(loss, (Y, MASK)), (utilities(), theta))


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_gradients_of_other_laws(law: Any) -> None:
    loss = ErrorLoss(law, J)
    theta = (loss.theta.detach() * 0.9).requires_grad_(bool(loss.names))
    assert torch.autograd.gradcheck(with_theta(loss, (Y, MASK)), (utilities(), theta))


def test_gradients_of_simulated_cases() -> None:
    loss = ProbitLoss(6, "heteroskedastic", draws=64)
    theta = loss.theta.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(with_theta(loss, (Y,)), (utilities(J=6), theta))


@pytest.mark.parametrize("loss", [LogitLoss(J), ProbitLoss(J, "factor(1)")], ids=repr)
def test_probabilities_sum_to_one_and_have_gradients(loss: Any) -> None:
    v = utilities()
    p = loss.probabilities(v, MASK)
    assert torch.allclose(p.sum(1), torch.ones(6, dtype=torch.float64), atol=1e-14)
    assert (p[~MASK] == 0).all()
    assert p[4, 1] == 1.0  # the only one available
    assert torch.autograd.gradcheck(lambda v: loss.probabilities(v, MASK), (v,))


def test_logit_is_cross_entropy() -> None:
    v, other = utilities(), utilities()
    loss = LogitLoss(J, reduction="mean")(v, Y)
    wanted = torch.nn.functional.cross_entropy(other, Y)
    loss.backward()
    wanted.backward()
    assert abs((loss - wanted).item()) < 1e-14
    assert torch.allclose(v.grad, other.grad, atol=1e-15)
    masked = torch.log_softmax(other.masked_fill(~MASK, -torch.inf), 1)
    found = LogitLoss(J)(v, Y, MASK)
    assert torch.allclose(found, masked[torch.arange(6), Y], atol=1e-14)


def test_two_alternatives_are_the_binary_probit() -> None:
    v = utilities(J=2)
    y = Y % 2
    gap = torch.where(y == 1, v[:, 1] - v[:, 0], v[:, 0] - v[:, 1])
    found = ProbitLoss(2)(v, y)
    assert torch.allclose(found, torch.special.log_ndtr(gap), atol=1e-12)


@pytest.fixture(scope="module")
def fit() -> ck.FitResults:
    data = ck.ChoiceData.from_long(
        ck.load_dataset("travelmode"), case="individual", alt="mode", chosen="choice"
    )
    return ck.probit("choice ~ gc + ttme | hinc", data, base="car").fit(seed=1)


def test_probit_loss_is_the_likelihood_of_the_probit(fit: ck.FitResults) -> None:
    layout, likelihood = fit.model.data.layout, fit.model.likelihood()
    params = fit.params.to_numpy()
    beta, theta, _ = likelihood.split(params)
    loss = ProbitLoss(
        fit.model.data.alternatives, "unstructured", base="car", theta=theta, reduction="sum"
    ).eval()
    assert loss.names == fit.model.bound.names
    x = torch.from_numpy(np.ascontiguousarray(likelihood.x))
    coefficients = torch.tensor(beta, requires_grad=True)
    v = (x @ coefficients).reshape(-1, J)  # every alternative is available to everybody
    value = loss(v, torch.from_numpy(layout.chosen_alt))
    value.backward()
    wanted, gradient = likelihood.settle(params, 1).value_and_gradient(params)
    assert abs(-value.item() - wanted) < 1e-10
    ours = np.concatenate([coefficients.grad.numpy(), loss.theta.grad.numpy()])
    np.testing.assert_allclose(-ours, gradient, atol=1e-10)
    p = loss.probabilities(v)
    np.testing.assert_allclose(p.detach().numpy(), fit.probabilities().to_numpy(), atol=1e-10)
    np.testing.assert_allclose(loss.covariance(), fit.error_covariance().to_numpy(), atol=1e-14)


def test_a_linear_network_finds_the_estimates_of_the_probit(fit: ck.FitResults) -> None:
    model = ck.probit("choice ~ gc + ttme | hinc", fit.model.data, "car", covariance="iid")
    wanted = model.fit().params
    likelihood = model.likelihood()
    x = torch.from_numpy(np.ascontiguousarray(likelihood.x))
    scale = x.std(0)
    network = torch.nn.Linear(len(wanted), 1, bias=False).double()
    loss = ProbitLoss(J, "iid", accuracy="fine", reduction="sum")
    search = torch.optim.LBFGS(
        network.parameters(), max_iter=200, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )
    chosen = torch.from_numpy(likelihood.layout.chosen_alt)

    def closure() -> Any:
        search.zero_grad()
        value = loss(network(x / scale).reshape(-1, J), chosen)
        value.backward()
        return value

    search.step(closure)
    found = (network.weight.detach()[0] / scale).numpy()
    np.testing.assert_allclose(found, wanted.to_numpy(), rtol=1e-3, atol=1e-5)


def test_float32_in_float32_out() -> None:
    loss = ProbitLoss(J, "unstructured", reduction="mean")
    v = utilities(torch.float32)
    value = loss(v, Y, MASK)
    value.backward()
    assert value.dtype == v.grad.dtype == torch.float32
    assert loss.theta.dtype == loss.theta.grad.dtype == torch.float64
    precise = utilities()
    precise.data = v.detach().double()
    loss(precise, Y, MASK).backward()
    assert torch.allclose(v.grad.double(), precise.grad, atol=1e-6)
    assert loss.float().theta.dtype == torch.float32
    assert loss.probabilities(v).dtype == torch.float32


def test_the_input_is_shared_not_copied_or_changed() -> None:
    from choicekit.neural.autograd import as_array

    v = utilities().detach()
    assert np.shares_memory(as_array(v), v.numpy())
    before = v.clone()
    v[~MASK] = torch.nan
    ProbitLoss(J, "iid")(v, Y, MASK)
    assert torch.equal(v[MASK], before[MASK])
    assert v[~MASK].isnan().all()


def test_fixed_parameters_are_not_learned_and_saved_all_the_same() -> None:
    loss = ProbitLoss(J, "heteroskedastic", theta=[1.0, 2.0, 3.0], learn=False)
    assert not list(loss.parameters())
    other = ProbitLoss(J, "heteroskedastic")
    assert len(list(other.parameters())) == 1
    other.load_state_dict(loss.state_dict())
    assert other.theta.tolist() == [1.0, 2.0, 3.0]


def test_learning_finds_unequal_variances() -> None:
    rng = np.random.default_rng(5)
    sd = np.sqrt(0.5) * np.array([1.0, 1.0, 3.0])
    v = rng.normal(size=(4000, 3))
    chosen = torch.from_numpy((v + sd * rng.normal(size=v.shape)).argmax(1))
    loss = ProbitLoss(["a", "b", "c"], "heteroskedastic", reduction="mean")
    search = torch.optim.LBFGS(loss.parameters(), max_iter=30, line_search_fn="strong_wolfe")

    def closure() -> Any:
        search.zero_grad()
        value = loss(torch.from_numpy(v), chosen)
        value.backward()
        return value

    search.step(closure)
    assert loss.names == ("sd[a]", "sd[c]")
    found = loss.covariance()
    assert found[2, 2] / found[1, 1] == pytest.approx(9.0, rel=0.15)
    assert "1" in loss.normalisation


def test_draws_are_keyed_by_case_not_by_place() -> None:
    loss = ProbitLoss(7, "iid", draws=32)
    v = utilities(J=7)
    keys = torch.tensor([5, 9, 2, 7, 1, 3])
    turned = torch.tensor([3, 1, 5, 0, 2, 4])
    once, again = loss(v, Y, keys=keys), loss(v[turned], Y[turned], keys=keys[turned])
    assert torch.equal(once[turned], again)
    assert not torch.equal(loss(v, Y)[turned], loss(v[turned], Y[turned]))


def test_coarse_nodes_in_training_only() -> None:
    loss = ProbitLoss(J, "unstructured")
    v = utilities() * 2
    training, precise = loss(v, Y), loss.eval()(v, Y)
    assert 0.0 < (training - precise).abs().max().item() < 1e-3
    assert torch.equal(ProbitLoss(J, accuracy="fine")(v, Y), precise)
    assert torch.equal(ProbitLoss(J, accuracy="coarse")(v, Y), training)


def test_bad_batches_name_the_rows() -> None:
    loss, v, mask = LogitLoss(3), torch.zeros(4, 3), torch.ones(4, 3)
    mask[1] = 0
    mask[2, 0] = 0
    v[0, 1] = torch.nan
    with pytest.raises(DataError) as caught:
        loss(v, torch.tensor([0, 1, 0, 3]), mask)
    found = {finding.code: finding.cases for finding in caught.value.findings}
    assert found == {
        "nothing-available": (1,),
        "unknown-choice": (3,),
        "choice-not-available": (2,),
        "not-finite": (0,),
    }
    with pytest.raises(DataError, match="No alternative is available"):
        loss.probabilities(torch.zeros(4, 3), mask)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LogitLoss(3)(torch.zeros(2, 4), torch.zeros(2)), "shape"),
        (lambda: LogitLoss(3)(torch.zeros(2, 3), torch.zeros(3)), "chosen must have"),
        (lambda: LogitLoss(3)(torch.zeros(2, 3), [0, 1], torch.ones(3)), "available must"),
        (lambda: ProbitLoss(3)(torch.zeros(2, 3), [0, 1], keys=[1]), "keys must"),
        (lambda: ProbitLoss(3, reduction="avg"), "reduction='avg'"),
        (lambda: ProbitLoss(3, accuracy="fin"), "Did you mean 'fine'"),
        (lambda: ProbitLoss(3, base="car"), "base='car'"),
        (lambda: ProbitLoss(3, theta=[1.0]), "theta must hold"),
        (lambda: ProbitLoss(1), "two alternatives"),
        (lambda: ErrorLoss(ck.Ordered("probit"), 3), "thresholds"),
        (lambda: ErrorLoss(ck.Gumbel(0.0), 3), "scale 0"),
    ],
)
def test_misuse_is_refused(call: Any, message: str) -> None:
    with pytest.raises(SpecificationError, match=message):
        call()


@pytest.mark.parametrize(
    "loss",
    [
        ProbitLoss(J, "exchangeable", theta=[0.7, 0.7, 1.5]),
        ErrorLoss(ck.Nested({"a": [0, 1], "b": [2, 3]}), J, theta=[-1.0, 0.5]),
    ],
    ids=["correlation above one", "negative dissimilarity"],
)
def test_parameters_outside_their_range_are_named(loss: Any) -> None:
    with pytest.raises(SpecificationError, match="outside their range"):
        loss(utilities(), Y)
