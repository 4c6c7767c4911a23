"""A model's classes for a user's own pictures."""

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text
from torch import Tensor

from dl_runner.data.images import MODES, decode
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec


def load_image(path: Path, spec: DataSpec) -> Tensor:
    """A picture file as one example of the data: uint8, (channels, height, width), decoded as training images are.

    Raises:
        UserError: the file is missing or no readable picture, or the data are no grey or RGB images.
    """
    if not spec.is_image or spec.channels not in MODES:
        raise UserError(f"{path}: the model takes inputs of shape {spec.input_shape}, not grey or RGB pictures")
    return decode(path, spec.input_shape[1:], spec.channels)


def top(logits: Tensor, classes: Sequence[str], k: int = 3) -> list[list[tuple[str, float]]]:
    """For each row of `logits` (n, classes), the `k` most probable classes with their probabilities, best first.

    Raises:
        ValueError: the logits' width is not the number of classes.
    """
    if logits.ndim != 2 or logits.shape[1] != len(classes):
        raise ValueError(f"logits of {tuple(logits.shape)} for {len(classes)} classes")
    probabilities, indices = logits.float().softmax(dim=1).topk(min(k, len(classes)), dim=1)
    return [
        [(classes[index], probability) for index, probability in zip(row, values, strict=True)]
        for row, values in zip(indices.tolist(), probabilities.tolist(), strict=True)
    ]


def render(paths: Sequence[Path], tops: Sequence[Sequence[tuple[str, float]]]) -> Table:
    """A row per picture with its most probable classes, for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("picture", overflow="fold")
    for place in range(1, max(map(len, tops), default=0) + 1):
        table.add_column(f"{place}.", no_wrap=True)
    for path, row in zip(paths, tops, strict=True):
        cells = (
            Text(f"{name} {probability:.1%}", "bold" if i == 0 else "") for i, (name, probability) in enumerate(row)
        )
        table.add_row(Text(str(path)), *cells)
    return table
