"""Pictures of a run as arrays: example images with their labels, and the confusion matrix.

Drawn by matplotlib without pyplot, so that no window, no global state and no display is involved.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dl_runner.errors import UserError
from dl_runner.report.fonts import use_fonts
from dl_runner.runtime.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_IMAGES = 36
MOST_NUMBERS = 20  # classes up to which a confusion matrix shows its counts
MOST_NAMES = 50  # classes up to which it names them
WRONG = "#c62828"


def to_pixels(figure: "Figure") -> np.ndarray:
    """A matplotlib figure as uint8, (height, width, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    use_fonts(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # `use_fonts` has said so
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def save_png(pixels: np.ndarray, path: Path) -> None:
    """Writes a picture, uint8 (height, width, 3), to a file; an old one is replaced in one step.

    Raises:
        UserError: the file cannot be written.
    """
    from PIL import Image

    try:
        with atomic_path(path) as temporary:
            Image.fromarray(pixels).save(temporary, format="PNG")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file") from None


def short(text: str, longest: int = 18) -> str:
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
        title = "\n".join(short(line) for line in titles[index].split("\n"))
        axes.set_title(title, fontsize=9, color="black" if right else WRONG, parse_math=False)
        if not right:
            axes.spines[:].set(color=WRONG, linewidth=2.5)
    return to_pixels(figure)


def image_table(
    images: np.ndarray,
    row_names: Sequence[str],
    column_names: Sequence[str],
    legend: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Images in rows and columns with names at their heads, each as large as the others.

    Args:
        images: uint8, (rows, columns, channels, height, width), none of them 0; 1 channel (grey) or 3 (RGB).
        row_names: a text per row.
        column_names: a text per column.
        legend: what colours, uint8 (3,), stand for; shown beside the table.

    Returns:
        uint8, (height, width, 3).

    Raises:
        ValueError: other numbers of names, or other shapes.
    """
    from matplotlib.figure import Figure

    names = (len(row_names), len(column_names))
    if images.ndim != 5 or 0 in images.shape or images.shape[:2] != names or images.shape[2] not in (1, 3):
        raise ValueError(f"expected images of (rows, columns, 1 or 3, height, width) and names, got {images.shape}")
    rows, columns, _, height, width = images.shape
    gap = max(1, width // 14)
    sheet = np.full((rows, height + gap, columns, width + gap, 3), 255, dtype=np.uint8)
    sheet[:, :height, :, :width] = images.transpose(0, 3, 1, 4, 2)
    sheet = sheet.reshape(rows * (height + gap), columns * (width + gap), 3)[:-gap, :-gap]
    figure = Figure(figsize=(1.2 + columns, 0.4 + rows * height / width), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.imshow(sheet)  # one picture, as many small ones take seconds to lay out
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=9, labeltop=True, labelbottom=False)
    across, down = np.arange(columns) * (width + gap), np.arange(rows) * (height + gap)
    axes.set_xticks(across + (width - 1) / 2, column_names, parse_math=False)
    axes.set_yticks(down + (height - 1) / 2, [short(name) for name in row_names], parse_math=False)
    if legend:
        _explain(figure, legend)
    return to_pixels(figure)


def _explain(figure: "Figure", legend: Mapping[str, np.ndarray]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=np.asarray(color) / 255, label=short(name)) for name, color in legend.items()]
    for text in figure.legend(handles=patches, loc="outside right upper", fontsize=9).get_texts():
        text.set_parse_math(False)


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
        names = [short(name) for name in classes]
        style = {"fontsize": 10 if k <= MOST_NUMBERS else 7, "parse_math": False}
        axes.set_xticks(range(k), names, rotation=45 if k <= 10 else 90, ha="right" if k <= 10 else "center", **style)
        axes.set_yticks(range(k), names, **style)
    if k <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            color = "white" if share[row, column] > 0.5 else "black" if count else "#b0b0b0"
            axes.text(column, row, f"{count}", ha="center", va="center", color=color, fontsize=9)
    return to_pixels(figure)
