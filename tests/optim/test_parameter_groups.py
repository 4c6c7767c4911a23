"""Weights decay; biases, normalization and frozen parameters do not."""

import pytest
import torch
from model_specs import MODELS, build_for, example_spec
from torch import nn

from dl_runner.optim.parameter_groups import parameter_groups


@pytest.mark.parametrize("name", MODELS)
def test_each_parameter_is_in_one_group_by_its_kind(name):
    spec = example_spec(name)
    with torch.device("meta"):
        model = build_for(name, spec)
    groups = {group["weight_decay"]: group["params"] for group in parameter_groups(model, 0.01)}
    decayed, kept = groups.pop(0.01, []), groups.pop(0.0, [])
    assert not groups
    layers = nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
    weights = [m.weight for m in model.modules() if isinstance(m, layers)]
    cells = [m for m in model.modules() if isinstance(m, nn.RNNBase)]
    weights += [one for cell in cells for key, one in cell.named_parameters() if key.startswith("weight")]
    assert {id(one) for one in decayed} == {id(one) for one in weights}
    both = [id(one) for one in (*decayed, *kept)]
    assert len(both) == len(set(both)) and set(both) == {id(one) for one in model.parameters()}


def test_a_shared_weight_is_taken_once_and_a_frozen_one_never():
    shared = nn.Linear(3, 3)
    frozen = nn.Linear(3, 3).requires_grad_(False)
    decayed, kept = parameter_groups(nn.Sequential(shared, frozen, shared), 0.1)
    assert decayed["params"] == [shared.weight] and kept["params"] == [shared.bias]


@pytest.mark.parametrize(
    ("model", "decays"), [(nn.Linear(3, 2, bias=False), [0.1]), (nn.BatchNorm1d(3), [0.0]), (nn.ReLU(), [])]
)
def test_an_empty_group_is_left_out(model, decays):
    assert [group["weight_decay"] for group in parameter_groups(model, 0.1)] == decays


def test_embeddings_are_weights_and_vectors_are_not():
    model = nn.Sequential(nn.Embedding(5, 3), nn.PReLU(3), nn.LayerNorm(3))
    decayed, kept = parameter_groups(model, 0.1)
    assert decayed["params"] == [model[0].weight]
    assert [tuple(one.shape) for one in kept["params"]] == [torch.Size([3])] * 3


def test_without_decay_there_is_one_group_in_the_models_order():
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1).requires_grad_(False))
    (group,) = parameter_groups(model, 0.0)
    assert group["weight_decay"] == 0.0
    assert [id(one) for one in group["params"]] == [id(one) for one in [*model[0].parameters(), *model[1].parameters()]]
