"""Residual networks (He et al., 2016, "Deep residual learning for image recognition").

A block computes y = ReLU(F(x) + P(x)), where F is a few convolutions, each with batch norm and with ReLU in between,
and P is the identity, or a 1×1 convolution where the shape changes. Convolutions carry biases and P has no batch norm,
as in Dive into Deep Learning; in the paper, and in torchvision, it is the other way round.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from dl_runner.layers.heads import pooled_head

Stem = Literal["imagenet", "small"]


class Residual(nn.Module):
    """The basic block of two 3×3 convolutions.

    Args:
        inputs: input channels.
        outputs: output channels.
        stride: of the first convolution; height and width shrink by it.
        bias: whether convolutions have one.
        norm_shortcut: whether batch norm follows the 1×1 convolution of the shortcut.
    """

    expansion = 1  # output channels per channel of the stage's width

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, *, bias: bool = True, norm_shortcut: bool = False
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.projection = _shortcut(inputs, outputs, stride, bias, norm_shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) → (batch, outputs, ⌈h/stride⌉, ⌈w/stride⌉)."""
        y = self.relu(self.norm1(self.conv1(x)))
        return self.relu(self.norm2(self.conv2(y)) + self.projection(x))


class Bottleneck(nn.Module):
    """The block 1×1 → 3×3 → 1×1 of the deeper networks, with a quarter of the output channels inside.

    Args:
        inputs: input channels.
        outputs: output channels, a multiple of 4.
        stride: of the 3×3 convolution (a 1×1 one would skip pixels); height and width shrink by it.
        bias, norm_shortcut: as for `Residual`.
    """

    expansion = 4

    def __init__(
        self, inputs: int, outputs: int, stride: int = 1, *, bias: bool = True, norm_shortcut: bool = False
    ) -> None:
        super().__init__()
        width = outputs // self.expansion
        self.conv1 = nn.Conv2d(inputs, width, kernel_size=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, kernel_size=1, bias=bias)
        self.norm3 = nn.BatchNorm2d(outputs)
        self.projection = _shortcut(inputs, outputs, stride, bias, norm_shortcut)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) → (batch, outputs, ⌈h/stride⌉, ⌈w/stride⌉)."""
        y = self.relu(self.norm1(self.conv1(x)))
        y = self.relu(self.norm2(self.conv2(y)))
        return self.relu(self.norm3(self.conv3(y)) + self.projection(x))


def _shortcut(inputs: int, outputs: int, stride: int, bias: bool, norm: bool) -> nn.Module:
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    projection = nn.Conv2d(inputs, outputs, kernel_size=1, stride=stride, bias=bias)
    return nn.Sequential(projection, nn.BatchNorm2d(outputs)) if norm else projection


def residual_stem(kind: Stem, channels: int, width: int = 64, bias: bool = True) -> nn.Sequential:
    """From images to `width` feature maps: a quarter of each side ("imagenet") or the full size ("small")."""
    if kind == "small":
        return nn.Sequential(
            nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=bias),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=bias),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
    )


def residual_network(
    stem: Stem,
    depths: Sequence[int],
    channels: int,
    outputs: int,
    block: type[Residual | Bottleneck] = Residual,
    *,
    bias: bool = True,
    norm_shortcut: bool = False,
) -> nn.Sequential:
    """Stem, one stage of blocks per depth, global average pooling, classifier; any height and width >= 1.

    Args:
        stem: see `residual_stem`.
        depths: blocks per stage; the stages are 64, 128, 256, … wide, times the block's expansion.
        channels: of the images.
        outputs: of the classifier.
        block: what the stages are made of.
        bias, norm_shortcut: as for `Residual`.
    """
    stages = []
    inputs = 64
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage * block.expansion
        options = {"bias": bias, "norm_shortcut": norm_shortcut}
        first = block(inputs, width, stride=1 if stage == 0 else 2, **options)
        stages.append(nn.Sequential(first, *(block(width, width, **options) for _ in range(depth - 1))))
        inputs = width
    head = pooled_head(inputs, outputs)
    return nn.Sequential(residual_stem(stem, channels, bias=bias), *stages, head)
