"""A student that learns from a teacher's softened answers and from the true labels.

With logits z of the student and v of the teacher, softened by a temperature T (Hinton, Vinyals, Dean, "Distilling the
knowledge in a neural network", 2015, section 2):

    loss = (1 − w) · loss(z, label) + w · T² · KL(softmax(v / T) ‖ softmax(z / T))

T² keeps the size of the second gradient when T changes, as it falls with 1/T².
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from dl_runner.config.types import Positive, Probability
from dl_runner.data.batch import Batch, call
from dl_runner.spec import Classes, DataSpec
from dl_runner.tasks.classification import Classification
from dl_runner.tasks.loss import Loss
from dl_runner.tasks.targets import require_targets
from dl_runner.tasks.task import Sums, Task, full_precision
from dl_runner.tasks.teacher import Teacher


class Distillation(Classification):
    """See `distillation`."""

    def __init__(
        self,
        data: DataSpec,
        loss: Loss,
        teacher: Teacher | None,
        temperature: float = 4.0,
        weight: float = 0.9,
        fitted: Any = None,
    ) -> None:
        super().__init__(data, loss, fitted=fitted)
        self.teacher, self.temperature, self.weight = teacher, temperature, weight

    def step(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Sums]:
        if not model.training or self.teacher is None:  # what is reported of the other splits needs no teacher
            return super().step(model, batch)
        logits = full_precision(call(model, batch.inputs))  # (batch, classes)
        loss = self.loss(logits, batch.targets)
        divergence = self._divergence(logits, self.teacher(batch.inputs, self.data))
        sums = {"loss": loss.detach() * len(batch), "divergence": divergence.detach() * len(batch)}
        sums |= self.sums(logits.detach(), batch)
        return batch.weighted(loss.lerp(self.temperature**2 * divergence, self.weight)), sums

    def _divergence(self, student: Tensor, teacher: Tensor) -> Tensor:
        """KL(teacher ‖ student) of the softened probabilities, the mean over the examples."""
        told, learnt = ((one / self.temperature).log_softmax(1) for one in (teacher, student))
        return F.kl_div(learnt, told, reduction="batchmean", log_target=True)

    def report(self, sums: Mapping[str, Any]) -> dict[str, float]:
        found = super().report(sums)
        if "divergence" in sums:
            found["divergence"] = float(sums["divergence"]) / sums["examples"]
        return found


def distillation(
    data: DataSpec,
    loss: Loss,
    load: Callable[[str, str | None], Teacher] | None,
    fitted: Any = None,
    *,
    teacher: str,
    teacher_weights: str | None = None,
    temperature: Positive = 4.0,
    weight: Probability = 0.9,
) -> Task:
    """Classification that learns from a teacher as well; evaluating and predicting are those of classification.

    Beside the loss of the labels and the accuracy it reports train/divergence, KL(teacher ‖ student) at T.

    Args:
        data: what the task is for.
        loss: of logits (batch, classes) and labels (batch,).
        load: (run folder, hash of its weights) to a teacher; None where nothing is learnt.
        fitted: as for classification.
        teacher: a run folder; its best weights if there are, else its last.
        teacher_weights: the hash that they had when this run began, which the program fills in.
        temperature: T > 0: the higher, the more the answers beside the first count.
        weight: w of the teacher, from 0, the labels alone, to 1, the teacher alone.

    Raises:
        UserError: the data's targets are no classes, or the teacher is missing, has changed, or is for other data.
    """
    require_targets(data, "distillation", Classes)
    taught = load(teacher, teacher_weights) if load is not None else None
    if taught is not None:
        taught.check(data)
    return Distillation(data, loss, taught, temperature, weight, fitted)
