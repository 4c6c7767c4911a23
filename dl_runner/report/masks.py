"""Pictures of masks: a colour for each class over the picture that it was found in, and a measure of each class."""

from collections.abc import Mapping, Sequence

import numpy as np

from dl_runner.report.pictures import MOST_NAMES, image_table, to_pixels

OPACITY = 0.6
NO_TARGET = np.array([255, 255, 255], np.uint8)
SIDE = 128  # pixels that a picture is enlarged to, at least


def palette(classes: int) -> np.ndarray:
    """A fixed colour for each class, uint8 (classes, 3), black for class 0: those of PASCAL VOC.

    The bits of a class's number are dealt to red, green and blue in turn, the lowest to the highest bit of a colour, so
    that neighbours are far apart.
    """
    numbers = np.arange(classes)[:, None]
    colors = np.zeros((classes, 3), np.int64)
    for bit in range(8):
        colors |= ((numbers >> (3 * bit + np.arange(3))) & 1) << (7 - bit)
    return colors.astype(np.uint8)


def overlaid(images: np.ndarray, masks: np.ndarray, classes: int) -> np.ndarray:
    """Colours over pictures: class 0 stays as it is, pixels of no class are white.

    Args:
        images: uint8 (n, 1 or 3, height, width).
        masks: labels, (n, height, width); one that is no class is no target.

    Returns:
        uint8 (n, 3, height, width).
    """
    colors = np.concatenate([palette(classes), NO_TARGET[None]])[np.minimum(masks, classes)].transpose(0, 3, 1, 2)
    mixed = np.broadcast_to(images, colors.shape) * (1 - OPACITY) + colors * OPACITY
    return np.where((masks == 0)[:, None], images, mixed.round()).astype(np.uint8)


def mask_table(
    images: np.ndarray, masks: Mapping[str, np.ndarray], names: Sequence[str], rows: Sequence[str]
) -> np.ndarray:
    """A row for each picture: as it is, then under each column's masks; and what the colours stand for.

    Args:
        images: uint8 (n, 1 or 3, height, width).
        masks: from a column's name to its labels, (n, height, width).
        names: of the classes.
        rows: n texts.

    Returns:
        uint8 (height, width, 3).
    """
    plain = np.broadcast_to(images, (len(images), 3, *images.shape[2:]))
    columns = np.stack([plain, *(overlaid(images, one, len(names)) for one in masks.values())], 1)
    times = max(1, -(-SIDE // min(images.shape[2:])))
    enlarged = columns.repeat(times, -2).repeat(times, -1)
    colors, found = palette(len(names)), np.unique(np.concatenate([one.ravel() for one in masks.values()]))
    legend = {names[label]: colors[label] for label in found if 0 < label < len(names)}
    if (found >= len(names)).any():
        legend["no target"] = np.full(3, 200, np.uint8)  # white would not be seen beside the table
    return image_table(enlarged, rows, ["picture", *masks], legend)


def class_bars(shares: Sequence[float], names: Sequence[str], measure: str) -> np.ndarray:
    """A bar for each class, its share beside it; none for NaN.

    Args:
        shares: 0..1 or NaN, one per class.
        names: of the classes, shown up to 50.
        measure: what the shares are.

    Returns:
        uint8 (height, width, 3).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, min(1 + 0.25 * len(shares), 13)), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(shares)), np.nan_to_num(shares), color=palette(len(shares)) / 255, edgecolor="black", lw=0.5)
    axes.set(xlim=(0, 1.12), xticks=np.linspace(0, 1, 6), yticks=[], xlabel=measure)
    axes.invert_yaxis()
    if len(shares) <= MOST_NAMES:
        axes.set_yticks(range(len(shares)), names, parse_math=False)
        for place, share in enumerate(shares):
            axes.text(np.nan_to_num(share) + 0.01, place, "–" if np.isnan(share) else f"{share:.3f}", va="center")
    return to_pixels(figure)
