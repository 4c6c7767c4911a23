"""The penalty against its formula and its gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.optim.parameter_groups import weights
from dl_runner.regularize.penalties import weight_penalty

quick = settings(max_examples=25, deadline=None)
strengths = st.sampled_from([0.0, 1e-3, 0.5])


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(18, 3))


@quick
@given(l1=strengths, l2=strengths, seed=st.integers(0, 99))
def test_value_and_gradient_are_the_formulas(l1, l2, seed):
    model = network(seed)
    penalty = weight_penalty(weights(model), l1=l1, l2=l2)
    assert (penalty is None) == (l1 == l2 == 0)
    if penalty is None:
        return
    flat = torch.cat([model[0].weight.flatten(), model[3].weight.flatten()]).detach().double()
    value = penalty()
    assert value.ndim == 0
    assert value.item() == pytest.approx((l2 / 2 * flat.square().sum() + l1 * flat.abs().sum()).item(), rel=1e-5)
    value.backward()
    for layer in (model[0], model[3]):
        torch.testing.assert_close(layer.weight.grad, l2 * layer.weight + l1 * layer.weight.sign())
        assert layer.bias.grad is None
    assert model[1].weight.grad is None


def test_it_follows_the_weights():
    model = nn.Linear(2, 1)
    penalty = weight_penalty(weights(model), l1=1.0, l2=0.0)
    for value in (1.0, 3.0):
        nn.init.constant_(model.weight, value)
        assert penalty() == 2 * value


def test_without_weights_there_is_no_penalty():
    assert weight_penalty(weights(nn.BatchNorm1d(3)), l1=1.0, l2=1.0) is None


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_l2_is_the_weight_decay_of_sgd(momentum):
    """Steps on loss + λ/2·‖w‖² equal steps of SGD with weight decay λ on the loss."""
    penalized, decayed = nn.Linear(4, 3), nn.Linear(4, 3)
    decayed.load_state_dict(penalized.state_dict())
    penalty = weight_penalty(weights(penalized), l1=0.0, l2=0.3)
    one = torch.optim.SGD(penalized.parameters(), lr=0.1, momentum=momentum)
    groups = [{"params": [decayed.weight], "weight_decay": 0.3}, {"params": [decayed.bias]}]
    other = torch.optim.SGD(groups, lr=0.1, momentum=momentum)
    for step in range(5):
        x = torch.randn(6, 4, generator=torch.Generator().manual_seed(step))
        for model, optimizer in ((penalized, one), (decayed, other)):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            (loss + penalty() if model is penalized else loss).backward()
            optimizer.step()
    torch.testing.assert_close(penalized.weight, decayed.weight)
    torch.testing.assert_close(penalized.bias, decayed.bias)
