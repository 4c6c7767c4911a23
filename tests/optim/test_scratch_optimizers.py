"""The written-out optimizers against torch.optim's over many random steps."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from dl_runner.config.search_path import choices
from dl_runner.optim.parameter_groups import parameter_groups
from dl_runner.registry import builder

# name → our settings, torch's class, the same settings in torch's words
REFERENCE = {
    "sgd_scratch": ({}, torch.optim.SGD, {}),
    "momentum_scratch": (momentum := {"momentum": 0.8}, torch.optim.SGD, momentum),
    "adam_scratch": (
        {"beta1": 0.8, "beta2": 0.95, "eps": 1e-6},
        torch.optim.Adam,
        {"betas": (0.8, 0.95), "eps": 1e-6},
    ),
}


def test_every_written_out_optimizer_has_a_reference():
    assert set(REFERENCE) == {name for name in choices("optimizer") if name.endswith("_scratch")}


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)


def take_steps(model: nn.Module, optimizer: torch.optim.Optimizer, seed: int, steps: int) -> None:
    """Random gradients, now and then none for the last bias, and a learning rate that changes."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for parameter in model.parameters():
            gradient = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            skipped = parameter is model[2].bias and step % 5 == 2
            parameter.grad = None if skipped else gradient.to(parameter.dtype)
        for group in optimizer.param_groups:
            group["lr"] = 0.01 / (1 + step % 7)
        optimizer.step()


@pytest.mark.parametrize("name", REFERENCE)
@settings(max_examples=10, deadline=None)
@given(
    decay=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 999),
    at=st.sampled_from([(torch.float32, 1e-5), (torch.float64, 1e-13)]),
)
def test_100_steps_equal_torchs(name, decay, seed, at):
    own, reference, same = REFERENCE[name]
    dtype, tolerance = at
    ours, theirs, start = network(dtype), network(dtype), network(dtype)
    take_steps(ours, builder("optimizer", name)(parameter_groups(ours, decay), **own), seed, 100)
    take_steps(theirs, reference(parameter_groups(theirs, decay), **same), seed, 100)
    for mine, other, first in zip(ours.parameters(), theirs.parameters(), start.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=tolerance, atol=tolerance)
        assert not torch.equal(other, first)


def test_adams_defaults_are_torchs():
    ours, theirs = network(torch.float64), network(torch.float64)
    take_steps(ours, builder("optimizer", "adam_scratch")(parameter_groups(ours, 0.0)), 0, 20)
    take_steps(theirs, torch.optim.Adam(theirs.parameters()), 0, 20)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", REFERENCE)
def test_a_restored_optimizer_goes_on_exactly(name):
    build, straight, stopped = builder("optimizer", name), network(), network()
    optimizers = [build(parameter_groups(model, 0.1)) for model in (straight, stopped)]
    for model, optimizer in zip((straight, stopped), optimizers, strict=True):
        take_steps(model, optimizer, seed=1, steps=7)
    take_steps(straight, optimizers[0], seed=2, steps=7)
    file = io.BytesIO()
    torch.save(optimizers[1].state_dict(), file)
    file.seek(0)
    restored = build(parameter_groups(stopped, 0.1))
    restored.load_state_dict(torch.load(file, weights_only=True))
    take_steps(stopped, restored, seed=2, steps=7)
    for mine, other in zip(stopped.parameters(), straight.parameters(), strict=True):
        assert torch.equal(mine, other)
