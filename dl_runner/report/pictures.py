"""Pictures of a run as arrays: example images with their labels, and the confusion matrix.

Drawn by matplotlib without pyplot, so that no window, no global state and no display is involved.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IMAGES = 36
MOST_NUMBERS = 20  # classes up to which a confusion matrix shows its counts
MOST_NAMES = 50  # classes up to which it names them
WRONG = "#c62828"


def _pixels(figure: "Figure") -> np.ndarray:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _short(text: str, longest: int = 18) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def image_grid(images: np.ndarray, titles: Sequence[str], correct: Sequence[bool] | None = None) -> np.ndarray:
    """The first images, at most 36, in a square grid under their titles.

    Args:
        images: uint8, (n, channels, height, width), n ≥ 1; 1 channel (grey) or 3 (RGB).
        titles: n texts of one or two lines.
        correct: n truths; where false, title and frame are red. None: nothing is marked.

    Returns:
        uint8, (height, width, 3).

    Raises:
        ValueError: no images, other numbers of titles or truths, or other channels.
    """
    from matplotlib.figure import Figure

    count = len(images)
    if not count or len(titles) != count or (correct is not None and len(correct) != count):
        raise ValueError(
            f"{count} images with {len(titles)} titles and {None if correct is None else len(correct)} truths"
        )
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"expected images of (n, 1 or 3, height, width), got {images.shape}")
    shown = min(count, MOST_IMAGES)
    columns = math.ceil(math.sqrt(shown))
    rows = math.ceil(shown / columns)
    figure = Figure(figsize=(1.5 * columns, 1.75 * rows), dpi=100, layout="constrained")
    for index, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if index >= shown:
            axes.set_axis_off()
            continue
        axes.imshow(images[index].transpose(1, 2, 0), cmap="gray", vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        right = correct is None or correct[index]
        title = "\n".join(_short(line) for line in titles[index].split("\n"))
        axes.set_title(title, fontsize=9, color="black" if right else WRONG, parse_math=False)
        if not right:
            axes.spines[:].set(color=WRONG, linewidth=2.5)
    return _pixels(figure)


def confusion_counts(targets: np.ndarray, predictions: np.ndarray, k: int) -> np.ndarray:
    """How often class i (row) was predicted as j (column): int64, (k, k), from two (n,) arrays of 0..k-1.

    Raises:
        ValueError: different lengths, or a class outside 0..k-1.
    """
    targets, predictions = np.asarray(targets, dtype=np.int64), np.asarray(predictions, dtype=np.int64)
    both = np.concatenate([targets, predictions])
    if targets.shape != predictions.shape or (both.size and not 0 <= both.min() <= both.max() < k):
        raise ValueError(f"{targets.shape} targets and {predictions.shape} predictions are not pairs of 0..{k - 1}")
    return np.bincount(targets * k + predictions, minlength=k * k).reshape(k, k)


def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The confusion matrix: rows true, columns predicted, shaded by the share of the row.

    Counts are written in the cells up to 20 classes, class names along the edges up to 50.

    Args:
        counts: integers ≥ 0, (k, k).
        classes: k names.

    Returns:
        uint8, (height, width, 3).

    Raises:
        ValueError: sizes that do not match.
    """
    from matplotlib.figure import Figure

    k = len(classes)
    if counts.shape != (k, k):
        raise ValueError(f"{counts.shape} counts for {k} classes")
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(4.0, 1.8 + 0.55 * k), 13.0)
    figure = Figure(figsize=(side, side), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", xticks=[], yticks=[])
    if k <= MOST_NAMES:
        names = [_short(name) for name in classes]
        style = {"fontsize": 10 if k <= MOST_NUMBERS else 7, "parse_math": False}
        axes.set_xticks(range(k), names, rotation=45 if k <= 10 else 90, ha="right" if k <= 10 else "center", **style)
        axes.set_yticks(range(k), names, **style)
    if k <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if share[row, column] > 0.5 else "black" if count else "#b0b0b0"
            axes.text(column, row, f"{count}", ha="center", va="center", color=color, fontsize=9)
    return _pixels(figure)
