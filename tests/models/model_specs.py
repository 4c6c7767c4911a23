"""What each model can be built for, for the tests that go through the whole registry."""

import torch
from specs import labelled
from torch import nn

from dl_runner.config.compose import choices
from dl_runner.registry import builder
from dl_runner.spec import DataSpec

MODELS = choices("model")
RESIDUAL = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
# The side in pixels of the smallest square that a model of images takes.
SMALLEST = {
    "lenet": 12,
    "lenet_parallel": 14,
    "bn_lenet": 16,
    "alexnet": 65,
    "vgg": 32,
    "nin": 67,
    "googlenet": 1,
    "inception_v3": 1,
    **dict.fromkeys(RESIDUAL, 1),
}
# 18 million parameters and more, even for small images.
HEAVY = ("alexnet", "vgg", "resnet34", "resnet50", "resnet101", "resnet152")


def spec(shape: tuple[int, ...], outputs: int = 10) -> DataSpec:
    return labelled(shape, outputs, tuple(f"class {i}" for i in range(outputs)))


def example_spec(name: str, channels: int = 1, outputs: int = 10) -> DataSpec:
    """Data that the model works with: small images, or the few things that it asks for."""
    if name == "polynomial":
        return spec((1,), outputs)
    if name == "convolution":  # its outputs are the pixels of a map
        return spec((channels, 4, 4), 12)
    side = max(SMALLEST.get(name, 1), 12)
    return spec((channels, side, side), 2 if name == "perceptron" else outputs)


def build(name: str, shape: tuple[int, ...] = (1, 28, 28), outputs: int = 10, seed: int = 0, **options) -> nn.Module:
    torch.manual_seed(seed)
    return builder("model", name)(spec(shape, outputs), **options)


def build_example(name: str, channels: int = 1, outputs: int = 10, seed: int = 0) -> nn.Module:
    of = example_spec(name, channels, outputs)
    return build(name, of.input_shape, of.outputs, seed)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def kinds(model: nn.Module) -> list[type]:
    return [type(layer) for layer in model]
