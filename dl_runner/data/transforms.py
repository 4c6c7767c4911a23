"""What an augmentation is, how several become one, and what they draw their randomness with."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dl_runner.errors import UserError

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


def sometimes(p: float, change: Transform) -> Transform:
    """`change` for each image with probability `p`; the others stay as they are, to the bit."""
    if p == 1:
        return change

    def transform(images: Tensor, generator: torch.Generator) -> Tensor:
        # All are changed and some taken: picking those to change first would wait for the device.
        chosen = torch.rand(len(images), 1, 1, 1, generator=generator, device=images.device) < p
        return torch.where(chosen, change(images, generator), images)

    return transform


def uniform(low: float, high: float, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Numbers from [low, high], float32 of `shape`, on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device).mul_(high - low).add_(low)


def bounds(name: str, values: tuple[float, ...], highest: float = math.inf) -> tuple[float, float]:
    """The two ends of a range that a config gives as a list.

    Raises:
        UserError: not two numbers, the first at most the second and that at most `highest`.
    """
    if len(values) != 2 or not values[0] <= values[1] <= highest:
        limit = "" if highest == math.inf else f", neither above {highest:g}"
        raise UserError(f"augment.{name}={list(values)}: expected two numbers, the lower first{limit}")
    return values[0], values[1]
