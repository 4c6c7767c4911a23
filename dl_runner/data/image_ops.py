"""Changes of the values of a batch of images, each image by its own amount; nothing here is random.

`images` are float 0..1, (n, channels, height, width) with 1 channel (grey) or 3 (RGB), and stay in that range; they
are not changed themselves. An amount is a tensor (n,) on the images' device, one entry per image. The definitions are
those of `torchvision.transforms.v2.functional`, which takes one amount for a whole batch.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.2989, 0.587, 0.114)  # weights of red, green and blue in the grey value, ITU-R BT.601


def erase(images: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, value: float) -> Tensor:
    """Fills a box of each image, given as for `geometry.ResizedCrop`, with `value`, 0 black to 1 white; a height of 0
    fills none."""
    rows, columns = (torch.arange(size, device=images.device) for size in images.shape[-2:])
    rows = (rows >= top[:, None]) & (rows < (top + height)[:, None])
    columns = (columns >= left[:, None]) & (columns < (left + width)[:, None])
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], value)


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiplies the values: 0 is black, 1 changes nothing."""
    return (images * factor.view(-1, 1, 1, 1)).clamp_(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Moves the values away from their image's mean grey: 0 is that grey, 1 changes nothing."""
    return _blend(_grey(images).mean((1, 2, 3), keepdim=True), images, factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Moves the colours away from grey: 0 is grey, 1 changes nothing. Grey images stay as they are."""
    return images if images.shape[1] == 1 else _blend(_grey(images), images, factor)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    red, green, blue = images.split(1, 1)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _blend(base: Tensor, images: Tensor, factor: Tensor) -> Tensor:
    factor = factor.view(-1, 1, 1, 1)
    return (images * factor).add_(base * (1 - factor)).clamp_(0, 1)


def adjust_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Turns the hue by so many full circles of the HSV cone, -0.5..0.5. Grey images stay as they are."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    low, high = images.amin(1), images.amax(1)  # much faster than aminmax over channels
    chroma = high - low
    divisor = torch.where(chroma > 0, chroma, 1)
    # Six times the hue: which channel is the largest gives the third of the circle, the others the place in it.
    hue = torch.where(high == green, 2 + (blue - red) / divisor, 4 + (red - green) / divisor)
    hue = torch.where(high == red, (green - blue) / divisor, hue).add_(6 * turns.view(-1, 1, 1))
    hue.sub_(hue.div(6).floor_(), alpha=6)  # into 0..6, ten times as fast as remainder
    changed = torch.empty_like(images)
    for channel, (centre, slope, offset) in enumerate(((3, 1, -1), (2, -1, 2), (4, -1, 2))):
        above = (hue - centre).abs_().mul_(slope).add_(offset).clamp_(0, 1)  # the smallest, in units of the chroma
        torch.addcmul(low, chroma, above, out=changed[:, channel])
    return changed.clamp_(0, 1)  # rounding may leave the range by a bit


def blur(images: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Weighted means of neighbours by a Gaussian of standard deviation `sigma` pixels, > 0; edges are mirrored.

    Args:
        kernel_size: neighbours along each side of the window, odd; half of it must be smaller than the image.
    """
    height, width = images.shape[-2:]
    half = kernel_size // 2
    places = torch.arange(-half, half + 1, device=images.device)
    weights = torch.exp(-0.5 * (places / sigma[:, None]) ** 2)
    weights = (weights / weights.sum(1, keepdim=True)).T.reshape(kernel_size, -1, 1, 1, 1)
    padded = F.pad(images, [half] * 4, mode="reflect")
    # Sums of shifted slices: faster than a grouped convolution with a kernel per image.
    down = padded[:, :, :height] * weights[0]
    for shift in range(1, kernel_size):
        down.addcmul_(padded[:, :, shift : shift + height], weights[shift])
    across = down[..., :width] * weights[0]
    for shift in range(1, kernel_size):
        across.addcmul_(down[..., shift : shift + width], weights[shift])
    return across.clamp_(0, 1)
