"""Random changes of training images, a whole batch at a time, where the batch lives.

Every function here is an entry of the registry group "augment": it takes its settings and returns a `Transform`.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from dl_runner.checks import PositiveInt, Probability
from dl_runner.data.transforms import Transform, compose

__all__ = ["Transform", "compose", "horizontal_flip", "random_crop"]


def horizontal_flip(*, p: Probability = 0.5) -> Transform:
    """Mirrors each image left to right with probability `p`."""

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        chosen = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < p
        return torch.where(chosen, images.flip(-1), images)

    return transform


def random_crop(*, padding: PositiveInt = 4) -> Transform:
    """Pads each image with `padding` black pixels on every side and cuts a window of the old size at a random place.

    Source: the CIFAR-10 augmentation of He et al., "Deep Residual Learning for Image Recognition", 2015, section 4.2.
    """

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        height, width = images.shape[-2:]
        top, left = torch.randint(2 * padding + 1, (2, len(images)), generator=generator, device=images.device)
        # All windows as a view, (n, channels, 2 padding + 1, 2 padding + 1, height, width); the chosen are copied.
        windows = F.pad(images, [padding] * 4).unfold(2, height, 1).unfold(3, width, 1)
        return windows[torch.arange(len(images), device=images.device), :, top, left]

    return transform
