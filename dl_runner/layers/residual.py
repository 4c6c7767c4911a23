"""Residual networks (He et al., 2016, "Deep residual learning for image recognition").

A block computes y = ReLU(F(x) + P(x)), where F is convolution → batch norm → ReLU → convolution → batch norm and P
is the identity, or a 1×1 convolution where the shape changes. Convolutions carry biases, as in Dive into Deep
Learning.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

Stem = Literal["imagenet", "small"]


class Residual(nn.Module):
    """The basic block of two 3×3 convolutions.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: of the first convolution; height and width shrink by it.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1)
        self.norm2 = nn.BatchNorm2d(outputs)
        changes = stride != 1 or inputs != outputs
        self.projection = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) → (batch, outputs, ⌈h/stride⌉, ⌈w/stride⌉)."""
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.projection(x))


def residual_stem(kind: Stem, channels: int, width: int = 64) -> nn.Sequential:
    """From images to `width` feature maps: a quarter of each side ("imagenet") or the full size ("small")."""
    if kind == "small":
        return nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )


def residual_network(stem: Stem, depths: Sequence[int], channels: int, outputs: int) -> nn.Sequential:
    """Stem, one stage of basic blocks per depth (64, 128, 256, … channels), global average pooling, classifier."""
    stages = []
    inputs = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        first = Residual(inputs, width, stride=1 if stage == 0 else 2)
        stages.append(nn.Sequential(first, *(Residual(width, width) for _ in range(depth - 1))))
        inputs = width
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, outputs))
    return nn.Sequential(residual_stem(stem, channels), *stages, head)
