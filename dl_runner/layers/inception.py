"""Inception networks (Szegedy et al., 2015, "Going deeper with convolutions").

A block runs four branches side by side and concatenates their channels:

    1×1        1×1 → 3×3        1×1 → 5×5        3×3 max pooling → 1×1

Every convolution keeps height and width and is followed by ReLU. What stands in for the 3×3 and the 5×5 is the
caller's choice, so that Inception v3 can put smaller convolutions there.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from dl_runner.layers.heads import pooled_head

Spatial = Callable[[int, int], nn.Module]  # (inputs, outputs) → the convolution of a branch that sees the neighbours

# Per stage and block: 1×1; (1×1, 3×3); (1×1, 5×5); 1×1 after the pooling. Outputs of each; table 1 of the paper.
STAGES = (
    (
        (64, (96, 128), (16, 32), 32),
        (128, (128, 192), (32, 96), 64),
    ),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    (
        (256, (160, 320), (32, 128), 128),
        (384, (192, 384), (48, 128), 128),
    ),
)


class Parallel(nn.Module):
    """Applies each branch to the same input and concatenates the results.

    (batch, channels, h, w) → (batch, sum of the branches' channels, h, w); the branches keep h and w.
    """

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


def convolution(inputs: int, outputs: int, height: int, width: int | None = None) -> nn.Sequential:
    """A convolution with an odd kernel, height × width (square when left out), that keeps the size; then ReLU."""
    kernel = (height, height if width is None else width)
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.ReLU())


def inception_network(channels: int, outputs: int, spatial: Sequence[tuple[Spatial, Spatial]]) -> nn.Sequential:
    """Stem, the three stages of blocks with pooling before the second and the third, pooled classifier.

    (batch, channels, h, w) → (batch, outputs), for any h and w >= 1.

    Args:
        channels: of the images.
        outputs: of the classifier.
        spatial: per stage, what stands for the 3×3 and for the 5×5 convolution.
    """
    layers: list[nn.Module] = [_stem(channels)]
    width = 192
    for blocks, (three, five) in zip(STAGES, spatial, strict=True):
        stage: list[nn.Module] = []
        for ones, threes, fives, pooled in blocks:
            stage.append(
                Parallel(
                    convolution(width, ones, 1),
                    nn.Sequential(convolution(width, threes[0], 1), three(*threes)),
                    nn.Sequential(convolution(width, fives[0], 1), five(*fives)),
                    nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), convolution(width, pooled, 1)),
                )
            )
            width = ones + threes[1] + fives[1] + pooled
        if blocks is not STAGES[0]:
            stage.insert(0, nn.MaxPool2d(3, stride=2, padding=1))
        layers.append(nn.Sequential(*stage))
    return nn.Sequential(*layers, pooled_head(width, outputs))


def _stem(channels: int) -> nn.Sequential:
    """(batch, channels, h, w) → (batch, 192, ⌈h/8⌉, ⌈w/8⌉)."""
    return nn.Sequential(
        nn.Conv2d(channels, 64, kernel_size=7, stride=2, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, padding=1),
        convolution(64, 64, 1),
        convolution(64, 192, 3),
        nn.MaxPool2d(3, stride=2, padding=1),
    )
