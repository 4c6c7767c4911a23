"""A class for each pixel.

The loss of a step is the sum over its pixels that have a label, divided by the number of labelled pixels in the whole
batch. That number is counted on the host when the data are made ready: where an augmentation moves labelled pixels out
of the picture, the divisor stays, and those pixels add nothing. What is reported is the mean over the pixels that were
there.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dl_runner.config.types import Positive, PositiveInt
from dl_runner.data.batch import Batch, call
from dl_runner.report.masks import class_bars, mask_table
from dl_runner.spec import DataSpec, Pixels
from dl_runner.tasks.loss import Loss, total_of
from dl_runner.tasks.predicting import Row, read_inputs, run_on_images, shown_again
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision

SHOWN = 6  # pictures


class _Segmentation:
    metrics = (Metric("mean_iou", "max", "fraction"), Metric("pixel_accuracy", "max", "fraction"), Metric("loss"))

    def __init__(self, data: DataSpec, loss: Loss) -> None:
        self.data, self._total = data, total_of(loss, "segmentation")
        self._classes, self._ignore = data.outputs, data.targets.ignore

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        logits = full_precision(call(model, batch.inputs))  # (batch, classes, h, w)
        labels = batch.targets.long()  # (batch, h, w)
        loss = self._total(logits, labels, self._ignore)
        guesses = logits.detach().argmax(1)
        sums = {"loss": loss.detach(), "confusion": confusion(labels, guesses, self._classes, self._ignore)}
        return loss / max(batch.whole["pixels"], 1), sums  # a sum over no pixel is 0, and so is its gradient

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        counts = sums["confusion"].double()
        pixels, shares = counts.sum().item(), intersections_over_unions(counts)
        present = shares[~shares.isnan()]
        return {
            "mean_iou": present.mean().item() if len(present) else 0.0,
            "pixel_accuracy": counts.diag().sum().item() / max(pixels, 1),
            "loss": float(sums["loss"]) / max(pixels, 1),
        }

    def draw(self, sums: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The intersection over union of each class."""
        shares = intersections_over_unions(sums["confusion"].double()).tolist()
        return {"iou": class_bars(shares, self.data.classes, "intersection over union")}

    def show(self, model: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
        """The first pictures of a batch with their masks and those that the model gives them."""
        if self.data.channels not in (1, 3):
            return {}
        few = batch.take(SHOWN)
        masks = {"truth": few.targets.cpu().numpy(), "model": call(model, few.inputs).argmax(1).cpu().numpy()}
        pictures = shown_again(few.inputs, self.data).numpy()
        return {"predictions": mask_table(pictures, masks, self.data.classes, [""] * len(pictures))}

    def tabulate(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        invert: bool = False,
        white: Positive | None = None,
    ) -> list[Row]:
        """The share of each picture that each class has, for a file.

        Args:
            invert, white: as for `predict`.

        Raises:
            UserError: as for `predict`.
        """
        asked = read_inputs(inputs, self.data, None, invert, white)
        masks = run_on_images(model, asked.inputs, self.data).argmax(1).cpu()
        return [named | self._shares(mask) for named, mask in zip(asked.rows, masks, strict=True)]

    def answers(self, model: nn.Module, batch: Batch) -> list[Row]:
        """How many pixels of a picture have a label, which share of these is right, and which share of the picture the
        model gives to each class."""
        masks, truths = call(model, batch.inputs).argmax(1).cpu(), batch.targets.cpu()
        rows = []
        for mask, truth in zip(masks, truths, strict=True):
            labelled = truth != self._ignore
            right = float((mask == truth)[labelled].float().mean()) if labelled.any() else math.nan
            rows.append({"pixels": int(labelled.sum()), "pixel accuracy": right, **self._shares(mask)})
        return rows

    def _shares(self, mask: Tensor) -> Row:
        counts = torch.bincount(mask.flatten(), minlength=self._classes)
        return {f"class={name}": float(one) / mask.numel() for name, one in zip(self.data.classes, counts, strict=True)}

    def predict(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        top: PositiveInt = 3,
        invert: bool = False,
        white: Positive | None = None,
    ) -> list[Row]:
        """Picture files under the masks that the model gives them, and the share of the picture that each class has.

        Args:
            top: how many classes, those with the most pixels.
            invert: swap dark and light first.
            white: the value that is white in files of more than 8 bits a channel, if not the data's own.

        Raises:
            UserError: a file that is no picture.
        """
        asked = read_inputs(inputs, self.data, None, invert, white)
        pictures = asked.inputs
        masks = run_on_images(model, pictures, self.data).argmax(1).cpu().numpy()
        rows = []
        for named, picture, mask in zip(asked.rows, pictures.numpy(), masks, strict=True):
            shares = np.bincount(mask.ravel(), minlength=self._classes) / mask.size
            order = [label for label in np.argsort(-shares, kind="stable")[:top] if shares[label]]
            found = ", ".join(f"{self.data.classes[label]} {shares[label]:.1%}" for label in order)
            table = mask_table(picture[None], {"model": mask[None]}, self.data.classes, [""])
            rows.append({**named, "classes": found, "masks": table})
        return rows


def confusion(labels: Tensor, guesses: Tensor, classes: int, ignore: int) -> Tensor:
    """How often a pixel of class i (row) is taken for class j: int64 (classes, classes), on the device.

    Args:
        labels: int64, any shape; those equal to `ignore` are not counted.
        guesses: int64, the same shape.
    """
    cells = classes * classes
    at = torch.where(labels == ignore, cells, labels * classes + guesses).flatten()  # one more cell for what is ignored
    counts = torch.zeros(cells + 1, dtype=torch.int64, device=labels.device)
    return counts.index_add_(0, at, torch.ones_like(at))[:cells].view(classes, classes)


def intersections_over_unions(counts: Tensor) -> Tensor:
    """Of each class the pixels that are it and are taken for it, over those that are it or are taken for it.

    Args:
        counts: a confusion matrix, float64 (classes, classes).

    Returns:
        (classes,); NaN for a class that is not there and that nothing is taken for.
    """
    both = counts.diag()
    return both / (counts.sum(0) + counts.sum(1) - both)


def segmentation(data: DataSpec, loss: Loss) -> Task:
    """Reports the mean over the classes of the intersection over union, the share of pixels that are right, and the
    mean loss. Pixels without a label count nowhere, and the mean leaves out a class that neither occurs nor is guessed.

    Args:
        loss: of logits (batch, classes, h, w) and labels (batch, h, w), with its sum.

    Raises:
        UserError: the data's targets are no classes of pixels, or the loss has no sum.
    """
    require_targets(data, "segmentation", Pixels)
    return _Segmentation(data, loss)
