"""Every model of the registry on data that it takes, and LeNet, the MLP and softmax regression by themselves."""

from itertools import pairwise, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_specs import (
    ACCEPTED,
    FITTED,
    HEAVY,
    INPUTS,
    MODELS,
    SMALLEST,
    TARGETS,
    VECTORS,
    answers_of,
    build,
    build_example,
    build_for,
    example_spec,
    kinds,
    parameters,
    random_batch,
    spec_for,
    task_of,
)
from torch import nn

from dl_runner.errors import UserError

LIGHT = [name for name in MODELS if name not in HEAVY]
quick = settings(max_examples=15, deadline=None)


@pytest.mark.parametrize(("name", "inputs", "targets"), [(name, *pair) for name in MODELS for pair in ACCEPTED[name]])
def test_a_model_takes_its_sizes_from_the_data_and_every_parameter_learns_from_the_datas_task(name, inputs, targets):
    # In evaluation mode: in training, a bias before batch normalization rightly gets a zero gradient.
    channels, outputs = (1, 10) if targets == "classes" else (3, 7)
    of = spec_for(name, inputs, targets, channels, outputs)
    model, batch = build_for(name, of).eval(), random_batch(of, 3)
    answers = answers_of(model, batch)
    expected = {
        "classes": (3, of.outputs),
        "numbers": (3, of.outputs),
        "tokens": (3, *of.targets.shape, of.outputs),
        "pixels": (3, of.outputs, *of.targets.shape),
    }
    assert answers.shape == expected[targets]
    assert answers.isfinite().all() and answers.dtype == torch.float32
    loss, sums = task_of(of).step(model, batch)
    (count,) = set(batch.counts) - {"examples"} or {"examples"}
    torch.testing.assert_close(loss.detach() * batch.counts[count], sums["loss"])
    if name in FITTED:
        return
    loss.backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any(), key


@pytest.mark.parametrize("name", MODELS)
def test_a_model_refuses_every_other_kind_of_data_in_one_line(name):
    for pair in set(product(INPUTS, TARGETS)) - set(ACCEPTED[name]):
        with pytest.raises(UserError) as caught:
            build_for(name, spec_for(name, *pair))
        assert str(caught.value).startswith(f"model={name}: ") and "\n" not in str(caught.value), pair


@pytest.mark.parametrize("name", [name for name in LIGHT if name not in FITTED])
def test_a_training_step_lowers_the_loss_on_its_batch(name):
    of, model = example_spec(name), build_example(name).train()
    task, batch = task_of(of), random_batch(of, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
    losses = []
    for _ in range(4):
        torch.manual_seed(0)  # the same units dropped at each step, so that the losses compare
        loss, _ = task.step(model, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", LIGHT)
def test_a_seed_decides_the_weights_and_a_state_dict_carries_them_over(name):
    one, twin, other = (build_example(name, seed=seed).eval() for seed in (0, 0, 1))
    weights = one.state_dict()
    assert weights.keys() == twin.state_dict().keys()
    assert all(torch.equal(value, twin.state_dict()[key]) for key, value in weights.items())
    batch = random_batch(example_spec(name), 2)
    assert (name in FITTED) == torch.equal(answers_of(one, batch), answers_of(other, batch))
    other.load_state_dict(weights)
    assert torch.equal(answers_of(one, batch), answers_of(other, batch))


@pytest.mark.parametrize(
    ("name", "size", "options", "count"),
    [
        ("softmax", 28, {}, 7_850),
        ("mlp", 28, {}, 203_530),
        ("tied_mlp", 28, {}, 55_050),
        ("fixed_hidden", 28, {}, 55_050),
        ("nested_mlp", 28, {}, 56_842),
        ("centered_mlp", 28, {}, 101_770),
        ("lenet", 28, {}, 61_706),
        ("lenet_parallel", 28, {}, 129_068),
        ("bn_lenet", 28, {}, 44_710),
        ("alexnet", 224, {}, 60_314_442),
        ("alexnet", 224, {"last_width": 256}, 46_764_746),
        ("vgg", 224, {}, 43_093_322),
        ("vgg", 224, {"divisor": 1}, 128_806_154),
        ("vgg", 224, {"divisor": 1, "depth": 13}, 128_990_666),
        ("vgg", 224, {"divisor": 1, "depth": 16}, 134_300_362),
        ("vgg", 224, {"divisor": 1, "depth": 19}, 139_610_058),
        ("nin", 224, {}, 1_992_166),
        ("googlenet", 96, {}, 5_977_530),
        ("inception_v3", 96, {}, 7_740_058),
        ("resnet18", 28, {}, 11_178_378),
        ("resnet18", 28, {"stem": "small"}, 11_175_818),
        ("resnet34", 28, {}, 21_290_250),
        ("resnet50", 28, {}, 23_541_130),
        ("resnet101", 28, {}, 42_559_370),
        ("resnet152", 28, {}, 58_226_058),
        ("resnet152", 28, {"stem": "small"}, 58_223_498),
    ],
)
def test_the_number_of_parameters_on_grey_images_and_ten_classes(name, size, options, count):
    with torch.device("meta"):  # sizes without memory
        assert parameters(build(name, (1, size, size), **options)) == count


def test_which_models_take_vectors_and_which_need_images():
    for name in SMALLEST:
        with pytest.raises(UserError) as caught:
            build(name, (5,))
        assert str(caught.value) == f"model={name}: needs images, but one example of the data is vector of shape (5,)"
    for name in (*VECTORS, "softmax"):
        assert build(name, (5,), 3)(torch.randn(2, 5)).shape == (2, 3)
    assert set(ACCEPTED) == set(MODELS)


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
