"""Decoupled decay against AdamW and the formula, and the limit on each unit's weights."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.config.search_path import choices
from dl_runner.optim.parameter_groups import parameter_groups, weights
from dl_runner.registry import builder
from dl_runner.regularize.step_rules import decay_before_step, limit_after_step


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(12, 2))


def take_steps(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 5) -> None:
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.05 / (step + 1)
        optimizer.zero_grad()
        x = torch.randn(4, 1, 3, 3, generator=torch.Generator().manual_seed(step))
        (model(x) - 3).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize(("plain", "with_decay"), [("adam", "adamw"), ("adam", "adam")])
def test_adam_with_decoupled_decay_is_adamw_and_not_adam_with_l2(plain, with_decay):
    ours, theirs = network(), network()
    optimizer = builder("optimizer", plain)(parameter_groups(ours, 0.0))
    decay_before_step(optimizer, weights(ours), 0.3)
    take_steps(ours, optimizer)
    take_steps(theirs, builder("optimizer", with_decay)(parameter_groups(theirs, 0.3)))
    same = [torch.equal(*pair) for pair in zip(ours.parameters(), theirs.parameters(), strict=True)]
    assert all(same) == (with_decay == "adamw")


@pytest.mark.parametrize("name", choices("optimizer"))
def test_with_any_optimizer_each_step_multiplies_the_weights_first(name):
    options = {"lambd": 0.0} if name == "asgd" else {}  # its own decay of everything
    ours, start = network(), network()
    optimizer = builder("optimizer", name)(parameter_groups(ours, 0.0), lr=0.1, **options)
    decay_before_step(optimizer, weights(ours), 0.5)
    for parameter in ours.parameters():
        parameter.grad = torch.zeros_like(parameter)  # only the decay moves
    for rate in (0.1, 0.02):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
    for layer in (0, 3):
        torch.testing.assert_close(ours[layer].weight, start[layer].weight * (1 - 0.05) * (1 - 0.01))
        assert torch.equal(ours[layer].bias, start[layer].bias)


def test_each_group_decays_at_its_own_rate():
    model, start = network(), network()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.4}]
    optimizer = torch.optim.SGD(groups)
    decay_before_step(optimizer, weights(model), 0.5)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    torch.testing.assert_close(model[0].weight, 0.95 * start[0].weight)
    torch.testing.assert_close(model[3].weight, 0.8 * start[3].weight)


def unit_norms(weight: torch.Tensor) -> torch.Tensor:
    return weight.detach().double().flatten(1).norm(dim=1)


@settings(max_examples=25, deadline=None)
@given(
    limit=st.sampled_from([0.01, 0.3, 1.0, 5.0]),
    name=st.sampled_from(["sgd", "adam", "momentum"]),
    steps=st.integers(1, 4),
)
def test_no_units_weights_exceed_the_limit_after_any_step(limit, name, steps):
    model = network()
    optimizer = builder("optimizer", name)(parameter_groups(model, 0.0))
    limit_after_step(optimizer, weights(model), limit)
    take_steps(model, optimizer, steps)
    for layer in (0, 3):
        assert (unit_norms(model[layer].weight) <= limit * (1 + 1e-5)).all()


def without_gradients(model):
    """Gradients of zero: the step moves nothing. Without any, a weight is one that does not learn."""
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)


def test_a_weight_that_does_not_learn_is_not_limited():
    model = nn.Linear(2, 3)
    nn.init.constant_(model.weight, 5.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    limit_after_step(optimizer, weights(model), 1.0)
    optimizer.step()
    assert (model.weight == 5).all()


def test_only_units_beyond_the_limit_are_scaled_and_keep_their_direction():
    model = nn.Linear(2, 3)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]]))
        model.bias.fill_(100.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    limit_after_step(optimizer, weights(model), 1.0)
    without_gradients(model)
    optimizer.step()
    torch.testing.assert_close(model.weight, torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0]]))
    assert (model.bias == 100).all()


def test_a_layer_with_one_output_has_its_whole_weight_vector_limited():
    model = nn.Linear(200, 1)
    nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    limit_after_step(optimizer, weights(model), 2.0)
    without_gradients(model)
    optimizer.step()
    assert model.weight.norm().item() == pytest.approx(2.0)
