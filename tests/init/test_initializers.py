"""Initializers: the distribution of the weights, zero biases, normalization left alone."""

import math

import pytest
import torch
from specs import labelled
from torch import Tensor, nn

from dl_runner.config.search_path import choices
from dl_runner.errors import UserError
from dl_runner.registry import builder

MODELS = ["mlp", "lenet", "resnet"]


def fans(weight: Tensor) -> tuple[int, int]:
    field = weight[0, 0].numel()
    return weight.shape[1] * field, weight.shape[0] * field


def glorot(weight: Tensor, gain: float) -> float:
    return gain * math.sqrt(2 / sum(fans(weight)))


# name, settings, weight → standard deviation, weight → largest absolute value
RANDOM = [
    ("normal", {}, lambda w: 0.01, None),
    ("normal", {"std": 0.5}, lambda w: 0.5, None),
    ("uniform", {}, lambda w: 0.05 / math.sqrt(3), lambda w: 0.05),
    ("uniform", {"low": -2.0, "high": 2.0}, lambda w: 2 / math.sqrt(3), lambda w: 2.0),
    ("xavier_uniform", {}, lambda w: glorot(w, 1), lambda w: math.sqrt(6 / sum(fans(w)))),
    ("xavier_uniform", {"gain": 2.0}, lambda w: glorot(w, 2), lambda w: 2 * math.sqrt(6 / sum(fans(w)))),
    ("xavier_normal", {}, lambda w: glorot(w, 1), None),
    ("xavier_normal", {"gain": 0.5}, lambda w: glorot(w, 0.5), None),
    ("kaiming", {}, lambda w: math.sqrt(2 / fans(w)[0]), None),
    ("kaiming", {"mode": "fan_out"}, lambda w: math.sqrt(2 / fans(w)[1]), None),
]
OTHERS = [("constant", {}), ("thresholded_uniform", {})]


@pytest.fixture(scope="module", params=MODELS)
def model(request) -> nn.Module:
    return builder("model", request.param)(labelled((1, 28, 28), 10))


@pytest.fixture
def spoiled(model) -> nn.Module:
    """Every parameter away from what an initializer or a constructor would set."""
    for parameter in model.parameters():
        nn.init.constant_(parameter, 7.0)
    torch.manual_seed(0)
    return model


def layers(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


def test_every_initializer_is_tested_here():
    assert {name for name, *_ in RANDOM} | {"default", "constant", "thresholded_uniform", "forget_bias"} == set(
        choices("init")
    )


@pytest.mark.parametrize(("name", "options", "std", "bound"), RANDOM)
def test_weights_have_the_distribution_of_the_name(spoiled, name, options, std, bound):
    assert builder("init", name)(**options)(spoiled) is None
    for layer in layers(spoiled):
        weight = layer.weight.detach()
        expected, n = std(weight), weight.numel()
        # Six standard errors: of a mean, and of a normal's standard deviation.
        assert abs(weight.mean()) < 6 * expected / math.sqrt(n)
        assert abs(weight.std() / expected - 1) < 6 / math.sqrt(2 * n)
        largest = weight.abs().max()
        if bound is not None:
            assert largest <= bound(weight) * (1 + 1e-6)
            assert largest > (1 - 20 / n) * bound(weight)
        elif n > 10_000:
            assert largest > 3 * expected  # a uniform distribution ends at √3


@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, *_ in RANDOM] + OTHERS)
def test_biases_are_zero_and_normalization_is_left_alone(spoiled, name, options):
    builder("init", name)(**options)(spoiled)
    for layer in layers(spoiled):
        assert not layer.bias.any()
        assert not (layer.weight == 7).any()
    for module in spoiled.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.weight == 7).all() and (module.bias == 7).all()


@pytest.mark.parametrize("value", [0.01, -1.0, 0.0])
def test_constant(spoiled, value):
    builder("init", "constant")(value=value)(spoiled)
    assert all((layer.weight == torch.tensor(value)).all() for layer in layers(spoiled))


def test_uniform_lies_between_its_ends():
    layer = nn.Linear(100, 100)
    builder("init", "uniform")(low=1.0, high=3.0)(layer)
    assert layer.weight.min() >= 1 and layer.weight.max() <= 3
    assert layer.weight.mean().item() == pytest.approx(2, abs=6 * 2 / math.sqrt(12 * 10_000))


@pytest.mark.parametrize(("options", "bound", "threshold"), [({}, 10, 5), ({"bound": 1.0, "threshold": 0.25}, 1, 0.25)])
def test_thresholded_uniform_keeps_only_large_weights(options, bound, threshold):
    layer = nn.Linear(200, 200)
    builder("init", "thresholded_uniform")(**options)(layer)
    size = layer.weight.detach().abs()
    kept = size[size > 0]
    assert (kept >= threshold).all() and kept.max() <= bound
    assert kept.min() < threshold + 0.01 * bound and kept.max() > 0.99 * bound
    share = 1 - threshold / bound
    assert len(kept) / size.numel() == pytest.approx(share, abs=6 * math.sqrt(share * (1 - share) / size.numel()))
    assert (layer.weight > 0).sum().item() == pytest.approx(len(kept) / 2, rel=0.1)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("uniform", {"low": 1.0, "high": 1.0}, "init.low=1 and init.high=1"),
        ("thresholded_uniform", {"bound": 2.0, "threshold": 2.0}, "init.threshold=2: leaves no weight"),
    ],
)
def test_a_range_that_holds_nothing_is_refused(name, options, words):
    with pytest.raises(UserError, match=words):
        builder("init", name)(**options)


def test_default_leaves_everything(spoiled):
    builder("init", "default")()(spoiled)
    assert all((parameter == 7).all() for parameter in spoiled.parameters())


def test_forget_gates_are_open_and_the_rest_is_left():
    model = nn.ModuleList([nn.LSTM(3, 4, 2, bidirectional=True), nn.GRU(3, 4), nn.LSTM(3, 4, bias=False)])
    before = {name: value.clone() for name, value in model.named_parameters()}
    builder("init", "forget_bias")(value=2.0)(model)
    for name, value in model.named_parameters():
        kept = torch.ones(len(value), dtype=torch.bool)
        if name.startswith("0.bias"):  # gates in torch's order: input, forget, cell, output
            kept[4:8] = False
            assert (value[4:8] == (2 if "_ih_" in name else 0)).all()
        assert torch.equal(value[kept], before[name][kept])


@pytest.mark.parametrize("name", choices("init"))
def test_a_layer_without_bias_and_parameters_that_train(name):
    layer = nn.Conv2d(2, 3, 3, bias=False)
    builder("init", name)()(nn.Sequential(nn.Flatten(), layer))
    assert layer.bias is None and layer.weight.requires_grad and layer.weight.is_leaf


@pytest.mark.parametrize("name", choices("init"))
def test_the_seed_decides(name):
    def weights(seed):
        torch.manual_seed(seed)
        layer = nn.Linear(5, 4)
        builder("init", name)()(layer)
        return layer.weight.detach()

    assert torch.equal(weights(1), weights(1))
    assert torch.equal(weights(1), weights(2)) == (name == "constant")


def test_the_gates_of_a_recurrent_layer_are_weights_of_their_own():
    torch.manual_seed(0)
    layer = nn.LSTM(200, 100)
    builder("init", "xavier_uniform")()(layer)
    for weight in (layer.weight_ih_l0, layer.weight_hh_l0):
        for gate in weight.detach().split(100):
            bound = math.sqrt(6 / sum(fans(gate)))
            assert gate.abs().max() <= bound and gate.std() == pytest.approx(bound / math.sqrt(3), rel=0.05)
    assert not layer.bias_ih_l0.any() and not layer.bias_hh_l0.any()
    kept = {name: value.clone() for name, value in layer.state_dict().items()}
    builder("init", "default")()(layer)
    assert all(torch.equal(kept[name], value) for name, value in layer.state_dict().items())
