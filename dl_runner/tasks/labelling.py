"""A label for each token of a sequence, such as its part of speech."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from dl_runner.data.batch import Batch
from dl_runner.data.text import IGNORE
from dl_runner.errors import UserError
from dl_runner.spec import DataSpec, Tokens
from dl_runner.tasks.carried import with_state
from dl_runner.tasks.loss import Loss, Total, total_of
from dl_runner.tasks.predicting import Row, read_inputs
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Metric, Sums, Task, full_precision


class _Labelling:
    metrics = (Metric("accuracy", "max", "fraction"), Metric("loss"))

    def __init__(self, data: DataSpec, total: Total, fitted: Any) -> None:
        self.data, self.total, self.fitted = data, total, fitted

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        logits, _ = with_state(model, batch.inputs, None)  # (batch, length, labels)
        logits, labels = full_precision(logits).flatten(0, 1), batch.targets.flatten()
        total = self.total(logits, labels, IGNORE)
        right = (logits.argmax(1) == labels).sum()  # a place without a label is never right
        return total / max(1, batch.whole["tokens"]), {"loss": total.detach(), "correct": right}

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        tokens = max(1, sums["tokens"])
        return {"accuracy": float(sums["correct"]) / tokens, "loss": float(sums["loss"]) / tokens}

    def answers(self, model: nn.Module, batch: Batch) -> list[Row]:
        """The labels of each sequence and those that the model gives its places, as names or numbers."""
        names = getattr(self.fitted, "labels", None) or [str(label) for label in range(self.data.outputs)]
        best = with_state(model, batch.inputs, None)[0].argmax(2).tolist()
        rows = []
        for truth, guesses in zip(batch.targets.tolist(), best, strict=True):
            pairs = [pair for pair in zip(truth, guesses, strict=True) if pair[0] != IGNORE]
            told = [" ".join(names[label] for label in one) for one in zip(*pairs, strict=True)] or ["", ""]
            right = sum(label == guess for label, guess in pairs) / len(pairs) if pairs else math.nan
            rows.append({"truth": told[0], "prediction": told[1], "accuracy": right})
        return rows

    def predict(self, model: nn.Module, inputs: Sequence[str]) -> list[Row]:
        """The most probable label of each token of some texts.

        Raises:
            UserError: a text with a token that the model does not know, or data without a way to read texts.
        """
        names = getattr(self.fitted, "labels", None)
        if not names:
            raise UserError("predict: these data do not say what their labels are called, or fitted.json is missing")
        rows, device = [], next(model.parameters()).device
        for text in inputs:  # one at a time: its places are its own
            tokens = read_inputs([text], self.data, self.fitted).inputs.to(device)
            with torch.no_grad():
                best = with_state(model, tokens, None)[0][0].argmax(1)
            rows.append({"text": text, "labels": " ".join(names[label] for label in best.tolist())})
        return rows


def labelling(data: DataSpec, loss: Loss, fitted: Any = None) -> Task:
    """Reports the share of the tokens that get their label, and the mean loss over the tokens.

    Args:
        data: what the task is for.
        loss: cross-entropy of logits (tokens, labels) and labels (tokens,).
        fitted: of the data; it reads a user's texts and names the labels.

    Raises:
        UserError: the data's targets are no tokens, or the loss is another.
    """
    require_targets(data, "labelling", Tokens)
    return _Labelling(data, total_of(loss, "labelling"), fitted)
