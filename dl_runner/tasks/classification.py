"""One class per example."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dl_runner.config.types import Fraction, Positive, PositiveInt
from dl_runner.data.batch import Batch, call
from dl_runner.data.fitted.picture_table import PictureTable
from dl_runner.report.pictures import confusion_matrix, image_grid
from dl_runner.spec import Classes, DataSpec
from dl_runner.tasks.loss import Loss
from dl_runner.tasks.predicting import Asked, Row, ask, read_inputs, shown_again
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision

SHOWN = 25  # pictures


class Classification:
    """See `classification`; another task may add sums and metrics to it."""

    metrics = (Metric("accuracy", "max", "fraction"), Metric("loss"))

    def __init__(self, data: DataSpec, loss: Loss, label_smoothing: float = 0.0, fitted: Any = None) -> None:
        self.data, self.loss, self.label_smoothing, self.fitted = data, loss, label_smoothing, fitted

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        logits, labels = full_precision(call(model, batch.inputs)), batch.targets  # (batch, classes), (batch,)
        loss = self.loss(logits, labels)
        sums = {"loss": loss.detach() * len(batch), **self.sums(logits.detach(), batch)}
        if not model.training:  # how often class i (row) is taken for class j
            sums["confusion"] = self._confusion(labels, logits.detach().argmax(1))
        if self.label_smoothing:
            # −Σ q log p with q = (1 − ε)·one-hot + ε/classes; what is reported stays without ε, and so comparable.
            loss = loss.lerp(-logits.log_softmax(1).mean(), self.label_smoothing)
        return batch.weighted(loss), sums

    def sums(self, logits: Tensor, batch: Batch) -> Sums:
        """What the metrics need beside the loss: of logits (batch, classes), detached."""
        return {"correct": (logits.argmax(1) == batch.targets).sum()}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        examples = sums["examples"]
        return {"loss": float(sums["loss"]) / examples, "accuracy": float(sums["correct"]) / examples}

    def _confusion(self, labels: Tensor, guesses: Tensor) -> Tensor:
        k = self.data.outputs
        counts = torch.zeros(k * k, dtype=torch.int64, device=labels.device)
        return counts.index_add_(0, labels * k + guesses, torch.ones_like(labels)).view(k, k)

    def draw(self, sums: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The confusion matrix."""
        return {"confusion": confusion_matrix(sums["confusion"].numpy(), self.data.classes)}

    def show(self, model: nn.Module, batch: Batch) -> dict[str, np.ndarray]:
        """The first pictures of a batch with the classes that the model gives them."""
        if not self.data.is_image or self.data.channels not in (1, 3):
            return {}
        few = batch.take(SHOWN)
        guesses, truth = call(model, few.inputs).argmax(1).tolist(), few.targets.tolist()
        names = self.data.classes
        titles = [names[g] if g == t else f"{names[g]}, is {names[t]}" for g, t in zip(guesses, truth, strict=True)]
        pictures = shown_again(few.inputs, self.data).numpy()
        return {"predictions": image_grid(pictures, titles, [g == t for g, t in zip(guesses, truth, strict=True)])}

    def predict(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        top: PositiveInt = 3,
        invert: bool = False,
        white: Positive | None = None,
    ) -> list[Row]:
        """The most probable classes of picture files, or of the rows of tables.

        Args:
            top: how many classes.
            invert: swap dark and light of pictures first.
            white: the value that is white in files of more than 8 bits a channel, if not the data's own.

        Raises:
            UserError: a file that is no picture, or no table of the right columns.
        """
        asked = read_inputs(inputs, self.data, self.fitted, invert, white)
        shares, classes = self._shares(model, asked).topk(min(top, self.data.outputs), dim=1)
        rows = []
        for named, row, values in zip(asked.rows, classes.tolist(), shares.tolist(), strict=True):
            told = [f"{self.data.classes[one]} {share:.1%}" for one, share in zip(row, values, strict=True)]
            rows.append(named | {f"{place}.": text for place, text in enumerate(told, 1)})
        return rows

    def tabulate(
        self,
        model: nn.Module,
        inputs: Sequence[str],
        *,
        probabilities: bool = False,
        invert: bool = False,
        white: Positive | None = None,
    ) -> list[Row]:
        """The most probable class of each picture file or row, for a file.

        Args:
            probabilities: those of every class as well, each in a column named like it.
            invert, white: as for `predict`.

        Raises:
            UserError: as for `predict`, or pictures that the file would call the same.
        """
        of_table = isinstance(self.fitted, PictureTable) and not isinstance(inputs, Tensor)
        named = self.fitted.identify(inputs) if of_table else None
        asked = read_inputs(inputs, self.data, self.fitted, invert, white)
        shares, names = self._shares(model, asked), self.data.classes
        target = getattr(self.fitted, "target", "class")
        best = [names[at] for at in shares.argmax(1).tolist()]
        rows = [row | {target: name} for row, name in zip(named or asked.rows, best, strict=True)]
        if not probabilities:
            return rows
        titles = [f"{target}={name}" for name in names]
        return [row | dict(zip(titles, one, strict=True)) for row, one in zip(rows, shares.tolist(), strict=True)]

    def answers(self, model: nn.Module, batch: Batch, *, probabilities: bool = False) -> list[Row]:
        """The class of each example, the most probable one and its probability.

        Args:
            probabilities: those of every class as well, each in a column named like it.
        """
        shares, names = full_precision(call(model, batch.inputs)).softmax(1).cpu(), self.data.classes
        best, guesses = shares.max(1)
        columns = zip(batch.targets.tolist(), guesses.tolist(), best.tolist(), strict=True)
        rows: list[Row] = [
            {"truth": names[truth], "prediction": names[guess], "probability": share} for truth, guess, share in columns
        ]
        if not probabilities:
            return rows
        titles = [f"class={name}" for name in names]
        return [row | dict(zip(titles, one, strict=True)) for row, one in zip(rows, shares.tolist(), strict=True)]

    def _shares(self, model: nn.Module, asked: Asked) -> Tensor:
        return ask(model, asked, self.data).float().softmax(dim=1)


def classification(data: DataSpec, loss: Loss, fitted: Any = None, *, label_smoothing: Fraction = 0.0) -> Task:
    """Reports the mean loss and the accuracy, the fraction of examples whose largest logit is the label's.

    Args:
        data: what the task is for.
        loss: of logits (batch, classes) and labels (batch,).
        fitted: what was fitted to the data, which reads a user's table, or names pictures as their table did.
        label_smoothing: ε in [0, 1), for cross-entropy: the step minimizes (1 − ε)·loss + ε·(the cross-entropy to the
            uniform distribution) (Szegedy et al., 2016, section 7). The reported loss is without it.

    Raises:
        UserError: the data's targets are no classes.
    """
    require_targets(data, "classification", Classes)
    return Classification(data, loss, label_smoothing, fitted)
