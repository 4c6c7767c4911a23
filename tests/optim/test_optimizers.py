"""Every optimizer against torch.optim's own with the same settings."""

import pytest
import torch
from torch import nn

from dl_runner.config.search_path import choices
from dl_runner.config.types import arguments
from dl_runner.errors import UserError
from dl_runner.optim.parameter_groups import parameter_groups
from dl_runner.registry import builder

pytestmark = pytest.mark.usefixtures("double")
BETAS = {"beta1": 0.8, "beta2": 0.95, "eps": 1e-4}
TORCHS = {"betas": (0.8, 0.95), "eps": 1e-4}
# name → our settings, torch's class, the same settings in torch's words
UNFIT = {"LBFGS", "SparseAdam", "Muon"}  # see the docstring of optimizers.py
WITHOUT_DECAY = {"rprop"}
REFERENCE = {
    "sgd": ({}, "SGD", {}),
    "momentum": ({"momentum": 0.8, "nesterov": True}, "SGD", {"momentum": 0.8, "nesterov": True}),
    "adam": (BETAS, "Adam", TORCHS),
    "adamw": (BETAS, "AdamW", TORCHS),
    "nadam": (BETAS, "NAdam", TORCHS),
    "radam": (BETAS, "RAdam", TORCHS),
    "adamax": (BETAS, "Adamax", TORCHS),
    "rmsprop": (rmsprop := {"alpha": 0.9, "momentum": 0.5, "centered": True, "eps": 1e-4}, "RMSprop", rmsprop),
    "adagrad": (adagrad := {"lr_decay": 0.1, "eps": 1e-4}, "Adagrad", adagrad),
    "adadelta": (adadelta := {"rho": 0.8, "eps": 1e-4}, "Adadelta", adadelta),
    "adafactor": ({"beta2_decay": -0.6, "clip": 1.1}, "Adafactor", {"beta2_decay": -0.6, "d": 1.1}),
    "asgd": (asgd := {"lambd": 0.0, "alpha": 0.6, "t0": 2.0}, "ASGD", asgd),
    "rprop": (
        {"shrink": 0.4, "grow": 1.3, "smallest": 1e-3, "largest": 0.5},
        "Rprop",
        {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.5)},
    ),
}


DECAYING = sorted(set(REFERENCE) - WITHOUT_DECAY)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def take_steps(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 3) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(5, 3, generator=generator)).square().mean().backward()
        optimizer.step()


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for own, reference in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(own, reference, rtol=1e-11, atol=1e-11)  # a fused step rounds in another order


def test_every_optimizer_has_a_reference():
    written_out = {name for name in choices("optimizer") if name.endswith("_scratch")}  # test_scratch_optimizers.py
    assert set(REFERENCE) == set(choices("optimizer")) - written_out


def test_every_optimizer_of_torch_that_fits_is_there():
    classes = {name for name, value in vars(torch.optim).items() if isinstance(value, type)} - {"Optimizer"}
    assert {reference for _, reference, _ in REFERENCE.values()} == classes - UNFIT


@pytest.mark.parametrize(("name", "decay"), [(name, 0.0) for name in REFERENCE] + [(name, 0.1) for name in DECAYING])
def test_steps_equal_torchs(name, decay):
    settings, reference, same = REFERENCE[name]
    ours, theirs, start = network(), network(), network()
    take_steps(ours, builder("optimizer", name)(parameter_groups(ours, decay), lr=0.05, **settings))
    weights = [theirs[0].weight, theirs[2].weight]
    biases = [theirs[0].bias, theirs[2].bias]
    groups = [{"params": weights, "weight_decay": decay}, {"params": biases, "weight_decay": 0.0}]
    if name in WITHOUT_DECAY:
        groups = [{"params": group["params"]} for group in groups]
    take_steps(theirs, getattr(torch.optim, reference)(groups, lr=0.05, **same))
    assert_same(ours, theirs)
    assert not torch.equal(ours[0].weight, start[0].weight)


@pytest.mark.parametrize("name", sorted(set(REFERENCE) - {"sgd", "momentum"}))
def test_defaults_are_torchs_apart_from_the_learning_rate(name):
    ours, theirs = network(), network()
    take_steps(ours, builder("optimizer", name)(parameter_groups(ours, 0.0), lr=0.05))
    none = {} if name in WITHOUT_DECAY else {"weight_decay": 0.0}
    take_steps(theirs, getattr(torch.optim, REFERENCE[name][1])(theirs.parameters(), lr=0.05, **none))
    assert_same(ours, theirs)


@pytest.mark.parametrize("name", DECAYING)
def test_weight_decay_moves_weights_and_leaves_biases(name):
    """Without a gradient only the decay can move a parameter."""
    model, start = network(), network()
    own = {"lambd": 0.0} if name == "asgd" else {}  # its own decay of everything
    optimizer = builder("optimizer", name)(parameter_groups(model, 0.1), **own)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for layer in (0, 2):
        assert torch.equal(model[layer].bias, start[layer].bias)
        assert not torch.equal(model[layer].weight, start[layer].weight)
        assert model[layer].weight.norm() < start[layer].weight.norm()


def test_nesterov_without_momentum_is_the_users_mistake():
    with pytest.raises(UserError, match=r"optimizer\.momentum=0\.0: expected a number above 0 and below 1"):
        arguments(builder("optimizer", "momentum"), {"momentum": 0.0, "nesterov": True}, "optimizer", ["groups"])
