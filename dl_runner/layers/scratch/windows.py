"""A window that slides over an image: what convolution and pooling share.

A window of k×l pixels that moves s pixels at a time over an image of height h, with p rows of padding above and
below, has ⌊(h + 2p − k) / s⌋ + 1 places; likewise across. Instead of visiting the places one by one, a *shift* takes
one position (i, j) *within* the window and returns the pixel under it at every place: the image, shifted by (i, j)
and thinned by s. There are only k·l of them, and each is a slice.
"""

from collections.abc import Iterator

from torch import Tensor

Pair = tuple[int, int]  # (down, across)


def pair(size: int | Pair) -> Pair:
    """A size that may be one number for both directions."""
    return (size, size) if isinstance(size, int) else size


def pad(x: Tensor, padding: Pair, value: float = 0.0) -> Tensor:
    """(…, h, w) → (…, h + 2p, w + 2q) for `padding` (p, q), `value` around the image."""
    down, across = padding
    if down == across == 0:
        return x
    *leading, height, width = x.shape
    padded = x.new_full((*leading, height + 2 * down, width + 2 * across), value)
    padded[..., down : down + height, across : across + width] = x
    return padded


def shifts(x: Tensor, window: Pair, stride: Pair = (1, 1)) -> Iterator[Tensor]:
    """The k·l shifts of an image, row by row of the window.

    Args:
        x: (…, height, width).
        window: its size (k, l).
        stride: how far it moves.

    Yields:
        (…, places down, places across), views of `x`.

    Raises:
        ValueError: the window does not fit.
    """
    down, across = ((size - extent) // step for size, extent, step in zip(x.shape[-2:], window, stride, strict=True))
    if down < 0 or across < 0:
        raise ValueError(f"a window of {window} does not fit into an image of {tuple(x.shape[-2:])} pixels")
    for i in range(window[0]):
        for j in range(window[1]):
            yield x[..., i : i + down * stride[0] + 1 : stride[0], j : j + across * stride[1] + 1 : stride[1]]
