"""The pictures at the end of a classification run: examples with their predictions, and the confusion matrix."""

import torch
from torch import Tensor

from dl_runner.data.splits import AnySplit
from dl_runner.report.pictures import confusion_counts, confusion_matrix, image_grid
from dl_runner.spec import DataSpec
from dl_runner.tracking.tracker import Tracker

GRID = 25


def show_results(
    tracker: Tracker, spec: DataSpec, split: AnySplit, outputs: list[Tensor], name: str, step: int
) -> None:
    """Send the pictures to the trackers.

    Args:
        split: the examples, in the order of `outputs`.
        outputs: logits, batch by batch, (batch, classes).
        name: of the split.
        step: steps done.
    """
    predicted = torch.cat(outputs).argmax(1).cpu()
    truth = split.targets[: len(predicted)]
    counts = confusion_counts(truth.numpy(), predicted.numpy(), spec.outputs)
    tracker.image(f"{name}/confusion", confusion_matrix(counts, spec.classes), step)
    if spec.is_image:
        first = range(min(GRID, len(predicted)))
        images = split.load(first) if hasattr(split, "load") else split.inputs[: len(first)]
        pairs = [(spec.classes[truth[i]], spec.classes[predicted[i]]) for i in first]
        titles = [f"{true}" if true == guess else f"{guess}, is {true}" for true, guess in pairs]
        pixels = image_grid(images.numpy(), titles, [true == guess for true, guess in pairs])
        tracker.image(f"{name}/predictions", pixels, step)
