"""Every model of the registry on images and vectors, and each architecture against its reference."""

import re
from itertools import pairwise

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from dl_runner.compose import choices
from dl_runner.errors import UserError
from dl_runner.registry import builder
from dl_runner.spec import DataSpec

MODELS = choices("model")
quick = settings(max_examples=15, deadline=None)


def spec(shape: tuple[int, ...], outputs: int = 10) -> DataSpec:
    return DataSpec("classification", shape, outputs, tuple(f"class {i}" for i in range(outputs)))


def build(name: str, shape: tuple[int, ...] = (1, 28, 28), outputs: int = 10, seed: int = 0, **options) -> nn.Module:
    torch.manual_seed(seed)
    return builder("model", name)(spec(shape, outputs), **options)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def kinds(model: nn.Module) -> list[type]:
    return [type(layer) for layer in model]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("channels", "outputs", "size"), [(1, 2, 28), (1, 7, 32), (1, 10, 28), (3, 2, 32), (3, 7, 28), (3, 10, 32)]
)
def test_a_model_takes_its_sizes_from_the_data(name, channels, outputs, size):
    # In evaluation mode: in training, a bias before batch normalization rightly gets a zero gradient.
    model = build(name, (channels, size, size), outputs).eval()
    logits = model(torch.randn(3, channels, size, size))
    assert logits.shape == (3, outputs) and logits.dtype == torch.float32
    assert logits.isfinite().all()
    F.cross_entropy(logits, torch.arange(3) % outputs).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), key


@pytest.mark.parametrize("name", MODELS)
def test_a_training_step_lowers_the_loss_on_its_batch(name):
    model = build(name).train()
    images, labels = torch.randn(8, 1, 28, 28), torch.arange(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_carries_a_model_over(name):
    one, other = build(name, seed=0).eval(), build(name, seed=1).eval()
    images = torch.randn(2, 1, 28, 28)
    assert not torch.equal(one(images), other(images))
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(images), other(images))


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_gives_the_same_weights(name):
    one, other = build(name, seed=3).state_dict(), build(name, seed=3).state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("softmax", {}, 7_850),
        ("mlp", {}, 203_530),
        ("lenet", {}, 61_706),
        ("resnet18", {}, 11_178_378),
        ("resnet18", {"stem": "small"}, 11_175_818),
    ],
)
def test_the_number_of_parameters_on_28_pixels_grey_and_ten_classes(name, options, count):
    assert parameters(build(name, **options)) == count


@pytest.mark.parametrize("name", MODELS)
def test_vectors_work_or_are_refused(name):
    try:
        model = build(name, (5,), 3)
    except UserError as error:
        assert str(error) == f"model={name}: needs images, but one example of the data has shape (5,)"
    else:
        assert model(torch.randn(2, 5)).shape == (2, 3)


def test_which_models_need_images():
    for name in ("lenet", "resnet18"):
        with pytest.raises(UserError, match="needs images"):
            build(name, (5,))
    for name in ("linear", "softmax", "mlp"):
        assert build(name, (5,))(torch.randn(2, 5)).shape == (2, 10)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [1, 4, 8, 11])
def test_a_small_image_works_or_the_error_names_the_smallest_size(name, size):
    try:
        model = build(name, (1, size, size)).eval()
    except UserError as error:
        found = re.search(r"at least (\d+)x\1 pixels, not (\d+)x\2; set data.image_size=\1 or more", str(error))
        assert found and str(error).startswith(f"model={name}: ") and int(found[2]) == size < int(found[1])
        size = int(found[1])
        model = build(name, (1, size, size)).eval()
    assert model(torch.randn(1, 1, size, size)).shape == (1, 10)


@pytest.mark.parametrize("shape", [(1, 11, 28), (1, 28, 11)])
def test_lenet_measures_both_sides(shape):
    with pytest.raises(UserError, match="at least 12x12 pixels, not"):
        build("lenet", shape)


@quick
@given(height=st.integers(12, 45), width=st.integers(12, 45), channels=st.integers(1, 4), outputs=st.integers(1, 12))
def test_lenet_fits_any_image_from_12_pixels_on(height, width, channels, outputs):
    model = build("lenet", (channels, height, width), outputs)
    assert model(torch.rand(2, channels, height, width)).shape == (2, outputs)


def test_the_classic_lenet():
    model = build("lenet", activation="sigmoid", pooling="average")
    convolution = [nn.Conv2d, nn.Sigmoid, nn.AvgPool2d]
    assert kinds(model) == [*convolution * 2, nn.Flatten, *[nn.Linear, nn.Sigmoid] * 2, nn.Linear]
    assert [tuple(layer.weight.shape) for layer in model if hasattr(layer, "weight")] == [
        (6, 1, 5, 5),
        (16, 6, 5, 5),
        (120, 400),
        (84, 120),
        (10, 84),
    ]
    assert (model[0].padding, model[3].padding) == ((2, 2), (0, 0))
    assert all((layer.kernel_size, layer.stride) == (2, 2) for layer in (model[2], model[5]))


def test_lenets_default_is_relu_with_max_pooling():
    assert set(kinds(build("lenet"))) == {nn.Conv2d, nn.ReLU, nn.MaxPool2d, nn.Flatten, nn.Linear}


def test_lenets_dropout_follows_the_hidden_fully_connected_layers():
    model = build("lenet", dropout=0.3)
    assert kinds(model)[6:] == [nn.Flatten, *[nn.Linear, nn.ReLU, nn.Dropout] * 2, nn.Linear]
    assert [layer.p for layer in model if isinstance(layer, nn.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize(
    ("name", "layer"),
    [("relu", nn.ReLU), ("leaky_relu", nn.LeakyReLU), ("sigmoid", nn.Sigmoid), ("tanh", nn.Tanh), ("gelu", nn.GELU)],
)
@pytest.mark.parametrize("model", ["mlp", "lenet"])
def test_activations(model, name, layer):
    layers = kinds(build(model, activation=name))
    assert layers.count(layer) == {"mlp": 1, "lenet": 4}[model]
    assert layer is nn.ReLU or nn.ReLU not in layers


@quick
@given(
    hidden=st.lists(st.integers(1, 20), max_size=4),
    shape=st.sampled_from([(3,), (1, 2, 3), (2, 4, 4)]),
    outputs=st.integers(1, 5),
)
def test_mlp_has_the_widths_that_are_asked_for(hidden, shape, outputs):
    model = build("mlp", shape, outputs, hidden=hidden)
    widths = [torch.Size(shape).numel(), *hidden, outputs]
    layers = [(layer.in_features, layer.out_features) for layer in model if isinstance(layer, nn.Linear)]
    assert layers == list(pairwise(widths))
    assert model(torch.rand(2, *shape)).shape == (2, outputs)


@pytest.mark.parametrize(
    ("dropout", "rates"), [(0.0, []), (0.5, [0.5, 0.5]), ([0.2, 0.5], [0.2, 0.5]), ([0.0, 0.5], [0.5])]
)
def test_mlps_dropout_is_one_rate_or_one_for_each_layer(dropout, rates):
    model = build("mlp", hidden=[512, 256], dropout=dropout)
    assert [layer.p for layer in model if isinstance(layer, nn.Dropout)] == rates
    assert all(isinstance(model[i - 1], nn.ReLU) for i, layer in enumerate(model) if isinstance(layer, nn.Dropout))


@pytest.mark.parametrize("rates", [[], [0.1], [0.1, 0.2, 0.3]])
def test_mlp_refuses_another_number_of_rates(rates):
    with pytest.raises(UserError, match=r"model.dropout=\[.*\]: mlp has 2 hidden layers; give one rate"):
        build("mlp", hidden=[8, 4], dropout=rates)


def test_the_linear_models_are_one_affine_map():
    for name in ("linear", "softmax"):
        model = build(name, (1, 4, 4), 3)
        images = torch.randn(2, 1, 4, 4)
        expected = images.reshape(2, 16) @ model[1].weight.T + model[1].bias
        torch.testing.assert_close(model(images), expected)


def test_softmax_needs_classes():
    with pytest.raises(UserError, match="model=softmax: needs classes, but the data's task is regression; use model=l"):
        builder("model", "softmax")(DataSpec("regression", (2,), 1))


def test_a_batch_of_one_does_not_stop_the_training_of_resnet18_with_its_small_stem():
    assert build("resnet18", stem="small").train()(torch.rand(1, 1, 28, 28)).shape == (1, 10)


def torchvision_weights(ours: nn.Sequential) -> dict[str, torch.Tensor]:
    """Our weights under torchvision's names; its convolutions have no biases, its projections a norm of their own."""
    stem, *stages, head = ours
    parts = {"conv1": stem[0], "bn1": stem[1], "fc": head[-1]}
    for i, stage in enumerate(stages, 1):
        for j, block in enumerate(stage):
            parts |= {
                f"layer{i}.{j}.{theirs}": getattr(block, own)
                for theirs, own in {"conv1": "conv1", "bn1": "norm1", "conv2": "conv2", "bn2": "norm2"}.items()
            }
            if isinstance(block.projection, nn.Conv2d):
                parts[f"layer{i}.{j}.downsample.0"] = block.projection
    return {
        f"{name}.{key}": value
        for name, module in parts.items()
        for key, value in module.state_dict().items()
        if not (isinstance(module, nn.Conv2d) and key == "bias")
    }


@pytest.mark.parametrize("stem", ["imagenet", "small"])
def test_resnet18_equals_torchvisions(stem):
    ours = build("resnet18", (3, 48, 48), 7, stem=stem).eval()
    for module in ours.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.BatchNorm2d):  # or else every normalization would be the identity
            for tensor, (low, high) in {module.running_mean: (-0.1, 0.1), module.running_var: (0.5, 1.5)}.items():
                tensor.uniform_(low, high)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)
    theirs = torchvision.models.resnet18(num_classes=7).eval()
    if stem == "small":
        theirs.conv1, theirs.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    for name, module in list(theirs.named_modules()):
        if name.endswith("downsample"):
            module[1] = nn.Identity()
    theirs.load_state_dict(torchvision_weights(ours))
    images = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-5, atol=1e-5)
