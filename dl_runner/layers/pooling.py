"""Pooling layers by name."""

from typing import Literal

from torch import nn

Pooling = Literal["max", "average"]


def pooling(name: Pooling, kernel_size: int, stride: int | None = None, padding: int = 0) -> nn.Module:
    """A new pooling layer; `stride` is the kernel size when left out."""
    layers = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}
    return layers[name](kernel_size, stride, padding)
