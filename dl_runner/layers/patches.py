"""Networks that cut pictures into patches: what is left at the border is nothing to them, and they do not say so."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dl_runner.errors import UserError

SMALLEST = 3  # pixels; strides of 1 and 2 are those of ordinary convolutions


def require_whole_patches(
    model: nn.Module, features: Callable[[Tensor], Tensor], shape: tuple[int, int, int], key: str
) -> None:
    """Check that a network sees all of a picture, not only the part that is whole patches.

    Args:
        model: its first convolution is the one that reads the picture; left in training mode.
        features: what it makes of pictures, (1, channels, height, width) → numbers.
        shape: of a picture, (channels, height, width).
        key: KEY=VALUE of the config, for the message.

    Raises:
        UserError: it does not; names the nearest sizes that it sees whole.
    """
    conv = next((module for module in model.modules() if isinstance(module, nn.Conv2d)), None)
    if conv is None or conv.padding not in ((0, 0), "valid") or min(conv.stride) < SMALLEST:
        return
    left = [
        (side - kernel) % stride for side, kernel, stride in zip(shape[1:], conv.kernel_size, conv.stride, strict=True)
    ]
    if any(left) and not _seen(model, features, shape, left):
        size, patch = max(shape[1:]), conv.stride[0]
        below = size - (size - conv.kernel_size[0]) % patch
        sizes = " or ".join(str(one) for one in (below, below + patch) if one >= conv.kernel_size[0])
        raise UserError(
            f"{key}: cuts images into patches of {patch} pixels and would not see what is left of "
            f"{shape[1]}×{shape[2]}; set data.image_size={sizes}"
        )


@torch.no_grad()
def _seen(model: nn.Module, features: Callable[[Tensor], Tensor], shape: tuple[int, int, int], left: list[int]) -> bool:
    """Whether the features change with the last rows and columns, as they do where a network pads its pictures."""
    pictures = [torch.zeros(1, *shape) for _ in range(2)]
    rows, columns = left
    pictures[1][:, :, shape[1] - rows :] = 1.0
    pictures[1][..., shape[2] - columns :] = 1.0
    model.eval()
    try:
        one, other = map(features, pictures)
    except (AssertionError, RuntimeError, ValueError):
        return False  # it takes no such pictures at all
    finally:
        model.train()
    return not torch.equal(one, other)
