"""Lightning as its documentation shows it: a module, a Trainer with its defaults (logger, checkpoint every epoch, model
summary), metrics through self.log. Only the progress bar is off, which is in Lightning's favour.

variant["data"] is "loader" for the notes' loaders, or "memory" for a TensorDataset of float images; images that the
experiment enlarges are kept at 28 pixels there and resized a batch at a time.
"""

from typing import Any

import lightning
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmark.arms import memory, notes
from benchmark.arms.job import Job, say

Batch = tuple[Tensor, Tensor]


class Classifier(lightning.LightningModule):
    """Cross-entropy, SGD, and the means of loss and accuracy over each epoch."""

    def __init__(self, model: torch.nn.Module, lr: float, side: int | None) -> None:
        super().__init__()
        self.model, self.lr, self.side = model, lr, side

    def training_step(self, batch: Batch, index: int) -> Tensor:
        loss, accuracy = self._measure(batch)
        self.log_dict({"train/loss": loss, "train/accuracy": accuracy}, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Batch, index: int) -> None:
        _, accuracy = self._measure(batch)
        self.log("test/accuracy", accuracy)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=self.lr)

    def _measure(self, batch: Batch) -> Batch:
        images, labels = batch
        logits = self.model(memory.resize(images, self.side))
        return F.cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean()


class Clock(lightning.Callback):
    """Says when the first step and each epoch are done."""

    def __init__(self) -> None:
        self.tested = 0

    def on_train_batch_end(self, trainer: lightning.Trainer, module: Classifier, *rest: Any) -> None:
        if trainer.global_step == 1:
            say(module.device, step=1)

    def on_validation_epoch_start(self, trainer: lightning.Trainer, module: Classifier) -> None:
        self.tested = 0

    def on_validation_batch_end(
        self, trainer: lightning.Trainer, module: Classifier, outputs: Any, batch: Batch, *rest: Any
    ) -> None:
        self.tested += len(batch[1])

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: Classifier) -> None:
        means = {name: value.item() for name, value in trainer.callback_metrics.items()}
        say(module.device, epoch=trainer.current_epoch + 1, tested=self.tested, **means)


def loaders(job: Job) -> tuple[DataLoader, DataLoader]:
    """The training and the test images from float tensors in memory."""
    train, test = (
        TensorDataset(images.float().div_(255), labels)
        for images, labels in (memory.load(job.root, part) for part in ("train", "t10k"))
    )
    return DataLoader(train, job.batch_size, shuffle=True), DataLoader(test, job.batch_size)


def main(job: Job) -> None:
    in_memory = job.variant["data"] == "memory"
    train, test = loaders(job) if in_memory else notes.loaders(job)
    module = Classifier(job.build_model(), job.lr, job.image_size if in_memory else None)
    trainer = lightning.Trainer(
        max_epochs=job.epochs, devices=1, default_root_dir=job.outputs, enable_progress_bar=False, callbacks=[Clock()]
    )
    trainer.fit(module, train, test)


if __name__ == "__main__":
    main(Job.of_command_line())
