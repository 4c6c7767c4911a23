"""One optimizer step on one batch. It knows no model, loss or data set by name."""

from functools import partial

from torch import Tensor, nn
from torch.optim import Optimizer

from dl_runner.data.batch import Batch
from dl_runner.optim.frozen import Frozen
from dl_runner.optim.schedules import Schedule
from dl_runner.parallel.strategies import Strategy, full_tensor
from dl_runner.regularize.penalties import Penalty
from dl_runner.runtime.device import Autocast
from dl_runner.tasks.task import Sums, Task
from dl_runner.training.cuda_graph import CudaGraphStep
from dl_runner.training.sums import MetricSums


class Update:
    """Forward and backward passes over the parts of a batch, then clipping, learning rate and step.

    Args:
        strategy: how the gradients of several devices become one step; it holds the model.
        task: what a batch's loss is.
        schedule: the factor of every group's learning rate at a step.
        frozen: parameters that do not learn, or not yet.
        penalty: added to the loss of the step, not to the one that is reported.
        autocast: the precision of the forward passes.
        accumulate: parts of a batch whose gradients add up, >= 1.
        clip_norm: the largest gradient norm, > 0; None for no limit.
        cuda_graph: replays both passes as one launch.
    """

    def __init__(
        self,
        strategy: Strategy,
        task: Task,
        optimizer: Optimizer,
        schedule: Schedule,
        *,
        autocast: Autocast,
        frozen: Frozen | None = None,
        penalty: Penalty | None = None,
        accumulate: int = 1,
        clip_norm: float | None = None,
        cuda_graph: CudaGraphStep | None = None,
    ) -> None:
        self.strategy, self.task, self.optimizer, self.schedule = strategy, task, optimizer, schedule
        self.autocast, self.frozen, self.penalty, self.cuda_graph = autocast, frozen, penalty, cuda_graph
        self._accumulate, self._clip_norm = accumulate, clip_norm
        self._base_rates = [group["lr"] for group in optimizer.param_groups]

    @property
    def model(self) -> nn.Module:
        return self.strategy.model

    def __call__(self, batch: Batch, step: int, sums: MetricSums, measure_norm: bool = False) -> Tensor | None:
        """Make step number `step`, counted from 0, and add to the sums.

        Returns:
            The gradient's norm before clipping, on the device, if asked for or needed.
        """
        if self.frozen:
            self.frozen.prepare(step)
        parts = batch.parts(self._accumulate)
        for number, part in enumerate(parts, 1):
            with self.strategy.part(last=number == len(parts)):
                compute = partial(forward_backward, self)
                added = self.cuda_graph(compute, part) if self.cuda_graph else compute(part)
            sums.add(added, part.counts, step + 1)
        self.strategy.collect_gradients()
        if self.frozen:
            self.frozen.drop_gradients(step)
        norm = None
        if self._clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
        elif measure_norm:
            gradients = [parameter.grad for parameter in self.model.parameters() if parameter.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
        norm = norm if norm is None else full_tensor(norm)
        factor = self.schedule(step)
        for group, rate in zip(self.optimizer.param_groups, self._base_rates, strict=True):
            group["lr"] = rate * factor
        self.optimizer.step()
        self.model.zero_grad()
        return norm


def forward_backward(update: Update, batch: Batch) -> Sums:
    """Both passes over a part of a batch; adds to the gradients."""
    with update.autocast():
        loss, sums = update.task.step(update.strategy.forward, batch)
    if update.penalty is not None:
        loss = loss + batch.weighted(update.penalty())
    scale = update.strategy.scale
    (loss if scale == 1 else loss * scale).backward()
    return sums
