"""What an augmentation is, and how several become one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# (images, generator) -> images: float 0..1 (n, channels, height, width), both on one device; all randomness comes
# from the generator, drawn anew for each image.
Transform = Callable[[Tensor, torch.Generator], Tensor]


def compose(parts: Sequence[Transform]) -> Transform | None:
    """One transform that applies `parts` in order; None for no parts, which lets batches skip the step altogether."""
    if not parts:
        return None

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        for part in parts:
            images = part(images, generator)
        return images

    return transform
